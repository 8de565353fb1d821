// SPDX-License-Identifier: Apache-2.0
/*
 * Keys: another master key in the place of one while calls run, wherever the key is kept; a kill at every step; new
 * data keys; and what is said of a key that is not the right one.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, copyFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { connect, redirectUris } from '../support/consent.mjs'
import { bearerService, oauthService } from '../support/definitions.mjs'
import { binary, startDrawbridge } from '../support/drawbridge.mjs'
import { request } from '../support/http.mjs'
import { keeperPid, restartKeeper, rotate, status, worksAnew } from '../support/keyring.mjs'
import { Search } from '../support/known_secrets.mjs'
import { mustRun, run } from '../support/process.mjs'
import { eventually, freePort, scoped, sleep, suite, temporaryFolder } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { Steps } from '../support/steps.mjs'
import { addService, newConnection, startBearerWorld } from '../support/worlds.mjs'

/* What is sealed, as it lies in the keeper's database: {wrapped, sealed}, each a map of owner to bytes. */
async function sealedOf(drawbridge) {
	const read = async (sql) => new Map((await mustRun('sqlite3', [join(drawbridge.data, 'keeper/grants.db'), '.timeout 5000', sql]))
		.trim().split('\n').map((line) => line.split('|')).map(([owner, hex]) => [owner, Buffer.from(hex, 'hex')]))
	return { wrapped: await read('SELECT owner, hex(wrapped) FROM datakeys'),
		sealed: await read('SELECT connection, hex(sealed) FROM grants') }
}

/* None of these bytes is the same under the same owner. */
function assertAllNew(before, now, what) {
	assert.deepEqual([...now.keys()].sort(), [...before.keys()].sort())
	const same = [...before].filter(([owner, bytes]) => now.get(owner).equals(bytes))
	assert.deepEqual(same.map(([owner]) => owner), [], `${what} is what it was`)
}

/* In none of the files is one of these. */
function assertNowhere(drawbridge, bytes, what) {
	const search = new Search([...bytes])
	for (const file of drawbridge.files())
		assert.equal(search.find(readFileSync(file)), undefined, `${what} in ${file}`)
}

/* Calls one after the other until stop(), which gives what was not 200. */
function callLoop(drawbridge, link, clients = 4) {
	const bad = []
	let done = 0
	let over = false
	const client = async () => {
		while (!over) {
			const got = await drawbridge.via(link, '/echo').then(({ status }) => status, ({ code, message }) => code ?? message)
			if (got === 200)
				done += 1
			else
				bad.push(got)
		}
	}
	const all = Promise.all(Array.from({ length: clients }, client))
	return async () => {
		over = true
		await all
		assert.ok(done > 0)
		assert.deepEqual(bad, [])
		return done
	}
}

suite('another master key', (scope) => {
	let world, drawbridge, link

	before(async () => {
		world = await startBearerWorld(scope)
		;({ drawbridge, link } = world)
		for (let n = 0; n < 140; n++) /* more than one batch */
			await newConnection(drawbridge, 'echo', { credentials: { token: world.token } })
	})

	it('status tells which key there is, and how many data keys', async () => {
		const now = await status(drawbridge)
		assert.match(now.id, /^[0-9a-f]{16}$/)
		assert.deepEqual([now.source, now.former, now.data_keys.count, now.rotation], ['folder', 0, 141, null])
		assert.ok(Date.parse(now.since) <= Date.now() && Date.parse(now.data_keys.oldest_at) <= Date.now())
		const text = await drawbridge.cli(['keyring', 'status'])
		assert.match(text.stdout, new RegExp(`KEY +${now.id}\n`))
	})

	it('takes the place of the former while calls run, and none of them fails', async () => {
		const before = await status(drawbridge)
		const former = readFileSync(join(drawbridge.data, 'keeper/master.key'))
		const stored = await sealedOf(drawbridge)
		assert.throws(() => assertNowhere(drawbridge, stored.wrapped.values(), 'there'), /there in .*grants\.db/, 'it would be found')
		const stop = callLoop(drawbridge, link)
		const text = await rotate(drawbridge)
		await sleep(200)
		await stop()
		const rewrapped = await sealedOf(drawbridge)
		assert.deepEqual(rewrapped.sealed, stored.sealed, 'credentials stay as they are')
		assertAllNew(stored.wrapped, rewrapped.wrapped, 'a wrapped data key')
		assertNowhere(drawbridge, stored.wrapped.values(), 'a data key wrapped with the former master key is')
		const now = await status(drawbridge)
		assert.notEqual(now.id, before.id)
		assert.match(text, new RegExp(now.id))
		assert.deepEqual([now.former, now.rotation.phase, now.rotation.failed, now.data_keys.count], [1, 'ended', 0, 141])
		const key = readFileSync(join(drawbridge.data, 'keeper/master.key'))
		assert.notDeepEqual(key, former)
		assert.equal(key.subarray(32).toString('hex'), now.id)
		assert.equal(statSync(join(drawbridge.data, 'keeper/master.key')).mode & 0o777, 0o600)
		assert.ok(!existsSync(join(drawbridge.data, 'keeper/master.key.next')))
		await restartKeeper(drawbridge)
		await worksAnew(drawbridge, link)
		for (const file of drawbridge.files()) /* neither key lies about, as it is or sealed under the former */
			if (!file.endsWith('/master.key'))
				assert.ok(!readFileSync(file).includes(former.subarray(0, 32)) && !readFileSync(file).includes(key.subarray(0, 32)), file)
	})

	it('with --data-keys every credential is sealed again', async () => {
		const { data_keys: { oldest_at: oldest } } = await status(drawbridge)
		const stored = await sealedOf(drawbridge)
		const stop = callLoop(drawbridge, link)
		await rotate(drawbridge, ['--data-keys'])
		await stop()
		const resealed = await sealedOf(drawbridge)
		for (const what of ['wrapped', 'sealed']) {
			assertAllNew(stored[what], resealed[what], `what was ${what}`)
			assertNowhere(drawbridge, stored[what].values(), `what was ${what} under a former data key is`)
		}
		const now = await status(drawbridge)
		assert.ok(Date.parse(now.data_keys.oldest_at) > Date.parse(oldest))
		assert.deepEqual([now.rotation.data_keys, now.rotation.failed, now.data_keys.count], [true, 0, 141])
		await restartKeeper(drawbridge)
		await worksAnew(drawbridge, link)
		for (const { link_name: each } of (await drawbridge.must('GET', '/v1/connections?limit=20')).items)
			assert.equal((await drawbridge.via(each, '/echo')).status, 200, each)
	})

	it('is written down in the audit, and nobody but the machine\'s own command line may ask for it', async () => {
		const { items } = await drawbridge.must('GET', '/v1/audit')
		assert.ok(items.some(({ action, detail }) => action === 'keyring.rotate' && /data keys/.test(detail)))
		for (const [method, path] of [['GET', '/v1/keyring'], ['POST', '/v1/keyring/rotate'], ['GET', '/v1/backup'],
			['POST', '/v1/backup'], ['DELETE', '/v1/backup']]) {
			const answer = await drawbridge.api(method, path, method === 'POST' ? {} : undefined)
			assert.deepEqual([answer.status, answer.json?.code], [403, 'forbidden'], path)
		}
		const far = await run(binary, ['keyring', 'rotate', '--url', drawbridge.url], { env: { DRAWBRIDGE_KEY: drawbridge.key } })
		assert.equal(far.status, 2)
		assert.match(far.stderr, /on the server's own machine/)
	})

	it('what was not sealed for the keeper is refused', async () => {
		const before = await status(drawbridge)
		const socketPath = join(drawbridge.data, 'drawbridge.sock')
		for (const handover of ['AAAA', 'A'.repeat(149), '!']) {
			const answer = await request({ path: '/v1/keyring/rotate' }, { socketPath, method: 'POST', body: { source: 'file', handover } })
			assert.ok(answer.status === 400 || answer.json.code === 'keys_busy', answer.text) /* of a paper that is spent */
		}
		const none = await request({ path: '/v1/keyring/rotate' }, { socketPath, method: 'POST', body: { source: 'passphrase' } })
		assert.equal(none.status, 400)
		assert.equal((await status(drawbridge)).id, before.id)
	})

	it('works without a running server', async () => {
		const before = await status(drawbridge)
		await drawbridge.stop()
		await rotate(drawbridge)
		assert.notEqual((await status(drawbridge)).id, before.id)
		const again = await startDrawbridge(scope, { data: drawbridge.data })
		assert.equal((await again.via(link, '/echo', { key: drawbridge.key })).status, 200)
	})
})

/*
 * Tokens of two seconds, so that calls go through the keeper, which opens and seals for them between the batches; keys
 * that are typed anew; and consents.
 */
suite('a rotation while credentials are got and changed', (scope) => {
	let server, api, drawbridge
	const links = { turning: [], typed: [] }
	const typed = new Set()

	before(async () => {
		const port = await freePort()
		server = await startScripted(scope, { redirectUris: redirectUris(port, 'turning'), life: 2 })
		api = await startApi(scope, { check: (given) => typed.has(given) || server.accountOf(given) })
		drawbridge = await startDrawbridge(scope, { port })
		await addService(drawbridge, oauthService('turning', server, api, { refresh: { rotates: true } }), server.client)
		await addService(drawbridge, bearerService('typed', api))
		for (let n = 0; n < 4; n++) {
			links.turning.push(await consented())
			links.typed.push((await newConnection(drawbridge, 'typed', { credentials: { token: type() } })).link_name)
		}
		for (let n = 0; n < 140; n++) /* more than one batch */
			await newConnection(drawbridge, 'typed', { credentials: { token: type() } })
	})

	const type = () => {
		const token = `typed-token-${randomBytes(8).toString('hex')}`
		typed.add(token)
		return token
	}

	async function consented() {
		const { link_name: link } = await newConnection(drawbridge, 'turning', { scopes: ['tickets.read'] })
		await connect(drawbridge, link, consentByItself)
		return link
	}

	async function called(link) {
		const path = `/echo?${randomBytes(6).toString('hex')}`
		const answer = await drawbridge.via(link, path)
		assert.equal(answer.status, 200, answer.text)
		return api.requests.findLast((request) => request.path === path).token
	}

	/* Does each of these again and again until the rotation is over, and at least once; gives how often. */
	async function beside(rotation, doings) {
		let over = false
		const done = Object.fromEntries(Object.keys(doings).map((name) => [name, 0]))
		const loops = Object.entries(doings).map(async ([name, doing]) => {
			do {
				await doing(done[name])
				done[name] += 1
			} while (!over)
		})
		await rotation.finally(() => { over = true })
		await Promise.all(loops)
		return done
	}

	const doings = {
		async call(n) {
			await called(links.turning[n % 2])
		},
		async refresh(n) {
			await drawbridge.must('POST', `/v1/connections/${links.turning[2 + n % 2]}/refresh`)
			await called(links.turning[2 + n % 2])
		},
		async put(n) {
			const token = type()
			await drawbridge.must('PUT', `/v1/connections/${links.typed[n % 4]}/credentials`, { token })
			assert.equal(await called(links.typed[n % 4]), token)
		},
		async consent() {
			links.turning.push(await consented())
		}
	}

	for (const args of [[], ['--data-keys']])
		it(`${['keyring rotate', ...args].join(' ')}: none fails, and what was got meanwhile opens afterwards`, async () => {
			const before = await status(drawbridge)
			const asked = server.requests.length
			const done = await beside(rotate(drawbridge, args), doings)
			assert.ok(server.requests.length >= asked + done.refresh + done.consent)
			const now = await status(drawbridge)
			assert.notEqual(now.id, before.id)
			assert.equal(now.rotation.failed, 0)
			await restartKeeper(drawbridge)
			for (const link of [...links.turning, ...links.typed]) {
				await drawbridge.must('POST', `/v1/connections/${link}/disable`)
				await drawbridge.must('POST', `/v1/connections/${link}/enable`)
				await called(link)
			}
			for (const link of links.turning)
				await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
			assert.equal(server.reused, 0)
		})
})

suite('a kill at every step of a rotation', (scope) => {
	let world, drawbridge, link, steps

	before(async () => {
		steps = new Steps(scope)
		world = await startBearerWorld(scope, { drawbridge: steps.options })
		;({ drawbridge, link } = world)
		for (let n = 0; n < 20; n++)
			await newConnection(drawbridge, 'echo', { credentials: { token: world.token } })
	})

	const ended = (id) => eventually('the rotation to end', async () => {
		const now = await status(drawbridge)
		return now.id !== id && now.rotation.phase === 'ended' && now
	}, { timeout: 20_000 })

	for (const step of ['begun', 'batch', 'rewrapped', 'switched', 'data_key'])
		it(`the keeper is killed at rotate.${step}: the next one goes on`, async () => {
			const before = await status(drawbridge)
			steps.set(`1 kill rotate.${step}`)
			await drawbridge.cli(['keyring', 'rotate', '--data-keys', '--no-wait'])
			await steps.reached(`rotate.${step}`)
			await drawbridge.ready()
			const now = await ended(before.id)
			assert.deepEqual([now.rotation.failed, now.data_keys.count, now.former], [0, 21, before.former + 1])
			await restartKeeper(drawbridge)
			await worksAnew(drawbridge, link)
			const key = readFileSync(join(drawbridge.data, 'keeper/master.key'))
			assert.equal(key.subarray(32).toString('hex'), now.id)
			assert.ok(!existsSync(join(drawbridge.data, 'keeper/master.key.next')))
		})

	for (const step of ['begun', 'batch', 'rewrapped', 'switched', 'data_key'])
		it(`the power goes off at rotate.${step}: the next server goes on`, async () => {
			const before = await status(drawbridge)
			steps.set(`1 stop rotate.${step}`)
			drawbridge.cli(['keyring', 'rotate', '--data-keys', '--no-wait'], { timeout: 10_000 }).catch(() => undefined)
			await steps.reached(`rotate.${step}`)
			await drawbridge.killHard()
			await drawbridge.start()
			await ended(before.id)
			await worksAnew(drawbridge, link)
		})

	for (const [n, where] of ['before the data keys', 'behind them, before the switch'].entries())
		it(`while a rotation stands still ${where}, connections are made and calls go on, with a new keeper too`, async () => {
			const before = await status(drawbridge)
			/* each holds it up for a second */
			steps.set(`${n + 1} fail rotate.piece`, ...Array.from({ length: 90 }, () => '1 fail rotate.piece'))
			await rotate(drawbridge, ['--no-wait'])
			await steps.reached('rotate.piece')
			const stands = async () => {
				const { id, rotation } = await status(drawbridge)
				assert.deepEqual([id, rotation.phase], [before.id, 'master_key'])
			}
			await stands()
			const { link_name: fresh } = await newConnection(drawbridge, 'echo', { credentials: { token: world.token } })
			for (const each of [fresh, link])
				await worksAnew(drawbridge, each)
			await restartKeeper(drawbridge)
			for (const each of [fresh, link])
				await worksAnew(drawbridge, each)
			await stands()
			steps.set()
			assert.equal((await ended(before.id)).rotation.failed, 0)
			await restartKeeper(drawbridge)
			for (const each of [fresh, link])
				await worksAnew(drawbridge, each)
		})
})

suite('keys that are kept elsewhere', () => {
	const refused = async (data, expected, args, options) => {
		const done = await run(binary, ['serve', '--data', data, '--listen', '127.0.0.1:0', ...args], { timeout: 15_000, ...options })
		assert.equal(done.status, 1, done.stderr)
		assert.match(done.stderr, expected)
	}

	it('a key file: the new one takes its place', scoped(async (scope) => {
		const folder = temporaryFolder(scope)
		const file = join(folder, 'key')
		assert.equal((await run(binary, ['keyring', 'make', file])).status, 0)
		const flags = ['--key-file', file]
		const { drawbridge, link, token } = await startBearerWorld(scope, { drawbridge: { flags } })
		const before = await status(drawbridge)
		assert.deepEqual([before.source, existsSync(join(drawbridge.data, 'keeper/master.key'))], ['file', false])
		copyFileSync(file, `${file}.former`)
		chmodSync(`${file}.former`, 0o600)
		const text = await rotate(drawbridge)
		assert.match(text, /holds the new key now/)
		assert.ok(!existsSync(`${file}.new`))
		await restartKeeper(drawbridge)
		await worksAnew(drawbridge, link)

		/* a file of the operator's own choice */
		const other = join(folder, 'other')
		assert.match(await rotate(drawbridge, ['--new-key-file', other]), /Start the server with --key-file .*other from now on/)
		await restartKeeper(drawbridge) /* the settings lead to the former one still: the parent has the new one */
		await worksAnew(drawbridge, link)
		await drawbridge.stop()
		await refused(drawbridge.data, /holds a master key that was replaced on \d{4}-\d\d-\d\d by `drawbridge keyring rotate`/, flags)
		await refused(drawbridge.data, /was replaced on/, ['--key-file', `${file}.former`])
		const again = await startDrawbridge(scope, { data: drawbridge.data, flags: ['--key-file', other] })
		assert.equal((await again.via(link, '/echo', { key: drawbridge.key })).status, 200)

		/* and back into the folder */
		await rotate(again, ['--into-folder'])
		await again.stop()
		await refused(drawbridge.data, /was replaced on/, ['--key-file', other])
		const last = await startDrawbridge(scope, { data: drawbridge.data })
		assert.equal((await last.via(link, '/echo', { key: drawbridge.key })).status, 200)
		assert.equal((await status(last)).source, 'folder')
		assert.ok(token)
	}))

	it('a credential of systemd: the operator is told what is his to do', scoped(async (scope) => {
		const folder = temporaryFolder(scope)
		assert.equal((await run(binary, ['keyring', 'make', join(folder, 'drawbridge.key')])).status, 0)
		const env = { CREDENTIALS_DIRECTORY: folder }
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { env } })
		assert.equal((await status(drawbridge)).source, 'credential')
		const none = await drawbridge.cli(['keyring', 'rotate'])
		assert.equal(none.status, 2)
		assert.match(none.stderr, /credential of systemd: name the file for the new one with --new-key-file/)
		const next = join(folder, 'next')
		assert.match(await rotate(drawbridge, ['--new-key-file', next]), /the credential drawbridge.key of the unit/)
		await restartKeeper(drawbridge)
		await worksAnew(drawbridge, link)
		await drawbridge.stop()
		await refused(drawbridge.data, /was replaced on/, [], { env })
		copyFileSync(next, join(folder, 'drawbridge.key'))
		const again = await startDrawbridge(scope, { data: drawbridge.data, env })
		assert.equal((await again.via(link, '/echo', { key: drawbridge.key })).status, 200)
	}))

	it('a passphrase: another one, and each mistake in plain words', scoped(async (scope) => {
		const folder = temporaryFolder(scope)
		const file = join(folder, 'passphrase')
		const put = (text) => writeFileSync(file, `${text}\n`, { mode: 0o600 })
		put('the first passphrase')
		const flags = ['--passphrase-file', file]
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { flags } })
		assert.equal((await status(drawbridge)).source, 'passphrase')
		const none = await drawbridge.cli(['keyring', 'rotate'])
		assert.deepEqual([none.status, /--new-passphrase-file/.test(none.stderr)], [2, true])
		const before = await status(drawbridge)
		assert.match(await rotate(drawbridge, ['--new-passphrase-stdin'], { stdin: 'the second passphrase\n' }),
			/Put the new passphrase into the file of --passphrase-file/)
		assert.notEqual((await status(drawbridge)).id, before.id)
		await restartKeeper(drawbridge)
		await worksAnew(drawbridge, link)
		for (const each of drawbridge.files())
			assert.ok(!readFileSync(each).includes('the second passphrase'), each)
		await drawbridge.stop()
		/* With the salt of the second, the first is another key: what is told is that it is wrong. */
		await refused(drawbridge.data, /wrong passphrase: the one in .* is mistyped, or that of another installation/, flags)
		await refused(drawbridge.data, /sealed with a key from a passphrase \(key [0-9a-f]{16}\): start with --passphrase-file/, [])
		put('the second passphrase')
		const params = join(drawbridge.data, 'keeper/passphrase.params')
		const text = readFileSync(params)
		writeFileSync(params, text.toString().replace(/[0-9a-f]/, (c) => (c === '0' ? '1' : '0')))
		await refused(drawbridge.data, /passphrase.params is damaged/, flags)
		rmSync(params)
		await refused(drawbridge.data, /passphrase.params is missing/, flags)
		assert.ok(!existsSync(params), 'no salt is made beside grants')
		writeFileSync(params, text, { mode: 0o600 })
		const again = await startDrawbridge(scope, { data: drawbridge.data, flags })
		assert.equal((await again.via(link, '/echo', { key: drawbridge.key })).status, 200)
	}))

	it('a rotation to another passphrase is killed at each step: one of the two starts it again', scoped(async (scope) => {
		const folder = temporaryFolder(scope)
		const steps = new Steps(scope)
		const file = join(folder, 'passphrase')
		const put = (text) => writeFileSync(file, `${text}\n`, { mode: 0o600 })
		put('passphrase 0')
		const world = await startBearerWorld(scope, { drawbridge: { ...steps.options, flags: ['--passphrase-file', file] } })
		let n = 0
		for (const step of ['rewrapped', 'switched']) {
			steps.set(`1 stop rotate.${step}`)
			world.drawbridge.cli(['keyring', 'rotate', '--new-passphrase-stdin', '--no-wait'], { stdin: `passphrase ${n + 1}\n` })
				.catch(() => undefined)
			await steps.reached(`rotate.${step}`)
			await world.drawbridge.killHard()
			n += 1
			if (step === 'switched') /* until then the former one starts it */
				put(`passphrase ${n}`)
			await world.drawbridge.start()
			await eventually('the rotation to end', async () => (await status(world.drawbridge)).rotation.phase === 'ended')
			await worksAnew(world.drawbridge, world.link)
			await world.drawbridge.stop()
			put(`passphrase ${n}`)
			await world.drawbridge.start()
			await worksAnew(world.drawbridge, world.link)
		}
	}))

	it('a key of another installation, a damaged one and a missing one are told apart', scoped(async (scope) => {
		const { drawbridge, link } = await startBearerWorld(scope)
		const { id } = await status(drawbridge)
		await drawbridge.stop()
		const file = join(drawbridge.data, 'keeper/master.key')
		const key = readFileSync(file)
		const foreign = join(temporaryFolder(scope), 'foreign')
		await run(binary, ['keyring', 'make', foreign])
		copyFileSync(foreign, file)
		await refused(drawbridge.data, new RegExp(`is whole, but the master key of another installation .*sealed with key ${id}`), [])
		const damaged = Buffer.from(key)
		damaged[7] ^= 0x10
		writeFileSync(file, damaged)
		await refused(drawbridge.data, /master.key is damaged: key and check in it do not belong together/, [])
		writeFileSync(file, Buffer.alloc(32, 9))
		await refused(drawbridge.data, /is that of another installation, or damaged/, [])
		writeFileSync(file, key.subarray(0, 20))
		await refused(drawbridge.data, /does not hold a key of 32 bytes: it is no key file, or was cut/, [])
		rmSync(file)
		await refused(drawbridge.data, new RegExp(`master.key is missing; .*\\(key ${id}\\): put it back .* or restore a backup`), [])
		assert.ok(!existsSync(file))
		const phrase = join(temporaryFolder(scope), 'phrase')
		writeFileSync(phrase, 'anything\n', { mode: 0o600 })
		await refused(drawbridge.data, /start without --passphrase-file/, ['--passphrase-file', phrase])
		writeFileSync(file, key.subarray(0, 32), { mode: 0o600 }) /* without the check it is a key, too */
		const again = await startDrawbridge(scope, { data: drawbridge.data })
		assert.equal((await again.via(link, '/echo', { key: drawbridge.key })).status, 200)
	}))
})
