// SPDX-License-Identifier: Apache-2.0
/*
 * Private destinations that the owner allows: they count at once and in every process, they end at once, nobody else
 * can touch them, and they open nothing that is not written in them.
 */
import assert from 'node:assert/strict'
import http from 'node:http'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { bearerService, clientCredentialsService } from '../support/definitions.mjs'
import { owner, startDrawbridge } from '../support/drawbridge.mjs'
import { listen, readBody } from '../support/http.mjs'
import { secretSeen } from '../support/known_secrets.mjs'
import { eventually, freePort, scoped, suite, temporaryFolder } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const path = '/v1/egress-destinations'
const token = 'inside-token-5108'
const password = 'a password that is long enough'

/* Signs somebody in: gives a function like drawbridge.api(). */
async function signIn(drawbridge, email, secret) {
	const { headers } = await drawbridge.api('POST', '/v1/session', { email, password: secret }, { key: null })
	const cookie = headers['set-cookie'][0].split(';')[0]
	return (method, at, body, more = {}) => drawbridge.api(method, at, body, { key: null,
		headers: { cookie, origin: drawbridge.publicUrl, ...more } })
}

/* A server that allows nothing, its owner, and an API at 127.0.0.1. */
async function startWorld(scope, options = {}) {
	const api = await startApi(scope, { check: (given) => given === token })
	const drawbridge = await startDrawbridge(scope, { egress: [], ...options })
	const as = await signIn(drawbridge, owner.email, owner.password)
	await addService(drawbridge, bearerService('inside', api))
	const { link_name: link } = await newConnection(drawbridge, 'inside', { credentials: { token } })
	const call = (at = '/echo') => drawbridge.via(link, at)
	const allow = async (destination, note) => {
		const made = await as('POST', path, { destination, ...(note === undefined ? {} : { note }) })
		assert.equal(made.status, 201, made.text)
		return made.json
	}
	const remove = async ({ id }) => assert.equal((await as('DELETE', `${path}/${id}`)).status, 204)
	const clear = async () => {
		for (const each of (await as('GET', path)).json.items)
			await remove(each)
	}
	return { api, drawbridge, as, link, call, allow, remove, clear, here: `127.0.0.1:${api.port}` }
}

/* A token endpoint for machines; its clients' secret is of the test. */
async function startTokens(scope) {
	const tokens = { asked: 0, life: 3600 }
	const server = http.createServer(async (incoming, response) => {
		await readBody(incoming)
		tokens.asked += 1
		response.writeHead(200, { 'content-type': 'application/json' })
		response.end(JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: tokens.life }))
	})
	tokens.port = await listen(scope, server)
	tokens.endpoints = { token: `http://127.0.0.1:${tokens.port}/token` }
	secretSeen(token)
	return tokens
}

const refused = (answer, what = '') => {
	assert.equal(answer.status, 403, `${what}: ${answer.status} ${answer.text}`)
	assert.equal(answer.headers['drawbridge-error'], 'destination_not_allowed', what)
}

suite('private destinations of the owner', (scope) => {
	let world, api, drawbridge, as, link, call, allow, remove

	before(async () => {
		world = await startWorld(scope)
		;({ api, drawbridge, as, link, call, allow, remove } = world)
	})

	beforeEach(async () => {
		await world.clear()
		api.requests.length = 0
	})

	it('what is allowed is called at once, what is removed is not, and both are in the audit', async () => {
		refused(await call())
		const made = await allow(`127.0.0.0/24:${api.port}`, 'the ticket desk')
		assert.deepEqual([made.destination, made.note], [`127.0.0.0/24:${api.port}`, 'the ticket desk'])
		assert.equal(made.created_by.id.length, 26)
		assert.equal((await call()).status, 200)
		const { items, next, locked } = (await as('GET', path)).json
		assert.deepEqual([items, next, locked], [[made], null, false])
		await remove(made)
		refused(await call())
		assert.equal(api.requests.length, 1)
		const trail = (await drawbridge.must('GET', `/v1/audit?object=${made.id}`)).items
		assert.deepEqual(trail.map(({ action }) => action), ['egress_destination.delete', 'egress_destination.create'])
		assert.ok(JSON.stringify(trail[1]).includes(made.destination))
	})

	it('after it was removed, a connection that was kept open is not used any more', async () => {
		const made = await allow(world.here)
		for (let n = 0; n < 40; n++)
			assert.equal((await call()).status, 200)
		const opened = api.connections
		assert.ok(opened < 40, 'connections are kept')
		await remove(made)
		for (let n = 0; n < 20; n++)
			refused(await call(), 'a kept connection')
		assert.equal(api.requests.length, 40)
		await allow(world.here)
		assert.equal((await call()).status, 200)
		assert.ok(api.connections > opened, 'those from before were closed')
	})

	it('another destination that stays keeps its connections', async () => {
		const other = await allow('10.1.2.3:443')
		await allow(world.here)
		for (let n = 0; n < 40; n++)
			await call()
		const opened = api.connections
		await remove(other)
		for (let n = 0; n < 10; n++)
			assert.equal((await call()).status, 200)
		assert.equal(api.connections, opened)
	})

	it('a call that runs when it is removed may finish, and leaves no connection behind', async () => {
		const made = await allow(world.here)
		const slow = call('/slow?ms=1500')
		await eventually('the call', () => api.requests.length === 1)
		await remove(made)
		assert.equal((await slow).status, 200)
		refused(await call())
		assert.equal(api.requests.length, 1)
	})

	it('it is as narrow as it says', async () => {
		for (const destination of [`127.0.0.2:${api.port}`, `127.0.0.1:${api.port + 1}`, `127.0.0.128/25:${api.port}`,
			`[::1]:${api.port}`, '10.0.0.0/8:443', `192.168.0.0/16:${api.port}`]) {
			const made = await allow(destination)
			refused(await call(), destination)
			await remove(made)
		}
		await allow(`127.0.0.0/30:${api.port}`)
		assert.equal((await call()).status, 200)
	})

	it('a token endpoint inside is reached and refused alike', async () => {
		const tokens = await startTokens(scope)
		await addService(drawbridge, clientCredentialsService('machines', tokens, api),
			{ client_id: 'machine', client_secret: 'machine-secret-44817' })
		const connect = () => drawbridge.api('POST', '/v1/connections', { name: 'Machine', service: 'machines',
			scopes: ['tickets.read'] })
		await allow(world.here)
		const before = await connect()
		assert.ok(before.status >= 400 || before.json.status !== 'connected', before.text)
		assert.equal(tokens.asked, 0)
		const made = await allow(`127.0.0.1:${tokens.port}`)
		const after = await connect()
		assert.equal(after.json.status, 'connected', after.text)
		assert.equal(tokens.asked, 1)
		assert.equal((await drawbridge.via(after.json.link_name, '/echo')).status, 200)
		await remove(made)
		const refresh = await drawbridge.api('POST', `/v1/connections/${after.json.link_name}/refresh`)
		assert.ok(refresh.status >= 400, refresh.text)
		assert.equal(tokens.asked, 1)
	})

	it('nobody but an owner reads or changes them; no key does', async () => {
		const made = await allow(world.here)
		const ways = []
		for (const role of ['admin', 'builder', 'viewer']) {
			await drawbridge.must('POST', '/v1/members', { email: `${role}@example.org`, role, password })
			ways.push([role, await signIn(drawbridge, `${role}@example.org`, password)])
			const key = await drawbridge.createKey(role) /* the owner's own, by his command line */
			ways.push([`${role}'s key`, (method, at, body) => drawbridge.api(method, at, body, { key })])
		}
		const caller = await drawbridge.createKey('caller')
		ways.push(['caller', (method, at, body) => drawbridge.api(method, at, body, { key: caller })])
		ways.push(['nobody', (method, at, body) => drawbridge.api(method, at, body, { key: null })])
		for (const [who, ask] of ways)
			for (const [method, at, body] of [['GET', path], ['POST', path, { destination: '10.1.2.3:443' }],
				['DELETE', `${path}/${made.id}`]]) {
				const answer = await ask(method, at, body)
				assert.equal(answer.status, who === 'nobody' ? 401 : 403, `${who}: ${method} ${answer.text}`)
			}
		const elsewhere = await as('POST', path, { destination: '10.1.2.3:443' }, { origin: 'https://evil.example' })
		assert.deepEqual([elsewhere.status, elsewhere.json.code], [403, 'wrong_origin'])
		assert.deepEqual((await as('GET', path)).json.items, [made])
		const trail = (await drawbridge.must('GET', '/v1/audit?limit=200')).items
		assert.ok(trail.some(({ outcome, detail }) => outcome === 'refused' && /owner/.test(detail ?? '')),
			JSON.stringify(trail.slice(0, 3)))
	})

	it('no key can be made that is an owner\'s', async () => {
		assert.equal((await as('POST', '/v1/keys', { name: 'owner', role: 'owner' })).status, 400)
	})

	const nowhere = ['', ' ', ':443', '10.1.2.3', '10.0.0.0/8', '[fd12::1]', 'fd12::1:443', '10.1.2.3:0', '10.1.2.3:65536',
		'10.1.2.3:443:80', '10.1.2.3:443 ', ' 10.1.2.3:443', '10.1.2.3:443/8', '10.1.2.3/33:443', '10.1.2.3/:443',
		'10.1.2.3/8:443', '10.1.2.0/23:443 x', '10.1.2:443', '167838211:443', '0x0a.1.2.3:443', '012.1.2.3:443', '10.1.2.3:0x1bb',
		'10.1.2.3:+443', '①0.1.2.3:443', 'localhost:443', 'desk.example:443', '*:443', '10.1.2.*:443', 'http://10.1.2.3:443',
		'10.1.2.3-10.1.2.9:443', '10.1.2.3:443,10.1.2.4:443', '10.1.2.3:443\r\n10.1.2.4:443', '0.0.0.0/0:443',
		'0.0.0.0:443', '0.0.0.0/8:443', '8.0.0.0/5:443', '[::]/0:443', '::/0:443', '[::]:443', '[fc00::]/7:443', '[fd00::]/8:443',
		'[fd00::]/31:443', '[::ffff:10.1.2.3]:443', '[::ffff:a01:203]:443', '[0:0:0:0:0:ffff:10.1.2.3]:443', '::ffff:10.1.2.0/24:443',
		'[::ffff:0:0]/96:443', '[64:ff9b::10.1.2.3]:443', '[::10.1.2.3]:443', '[2002:a01:203::1]:443', '169.254.169.254:80',
		'169.254.0.0/16:80', '169.254.170.2:80', '100.100.100.200:80', '[fd00:ec2::254]:80', '[fd00:ec2::]/32:80', '[fd20:ce::254]:80',
		'[fd00:c1::a9fe:a9fe]:80', '[fd00:42::42]:80', '[fe80::1]:80', '[fe80::1%lo]:80', '[fe80::]/10:80', '224.0.0.1:80',
		'240.0.0.1:80', '255.255.255.255:80', '192.0.2.1:80', '198.18.0.1:80', '[ff02::1]:80', '[fec0::1]:80', '93.184.216.34:443',
		'8.8.8.0/24:53', '[2a00:1450::1]:443', '128.0.0.0/1:443', '172.0.0.0/8:443', '192.0.0.0/8:443', '100.0.0.0/8:443',
		'unix:/tmp/x', '1'.repeat(64), `10.1.2.3:${'0'.repeat(60)}443`]

	it('what is no narrow private network with a port is refused, in words', async () => {
		for (const destination of nowhere) {
			const answer = await as('POST', path, { destination })
			assert.equal(answer.status, 400, `${destination}: ${answer.text}`)
			assert.deepEqual([answer.json.code, answer.json.pointer], ['invalid_request', '/destination'], destination)
			assert.ok(answer.json.detail.length > 8, destination)
		}
		for (const body of [{}, { destination: 443 }, { destination: null }, { destination: ['10.1.2.3:443'] }, [], '"x"',
			{ destination: '10.1.2.3:443', port: 80 }, { destination: '10.1.2.3:443', id: 'x' }, { note: 'x' }])
			assert.equal((await as('POST', path, body)).status, 400, JSON.stringify(body))
		assert.deepEqual((await as('GET', path)).json.items, [])
	})

	it('one destination has one spelling', async () => {
		for (const [given, kept] of [['10.1.2.3/32:443', '10.1.2.3:443'], ['10.1.2.0/24:00080', undefined],
			['[FD12:0:0::1]/128:443', '[fd12::1]:443'], ['fd12:3456:0::/48:443', '[fd12:3456::]/48:443'],
			['[::1]:8443', '[::1]:8443'], ['100.64.0.0/10:443', '100.64.0.0/10:443']]) {
			const made = await as('POST', path, { destination: given })
			if (kept !== undefined) {
				assert.equal(made.status, 201, made.text)
				assert.equal(made.json.destination, kept)
			}
			const again = await as('POST', path, { destination: kept ?? given })
			assert.ok(made.status === 400 || again.status === 409 && again.json.code === 'already_exists', again.text)
		}
	})

	it('a note is one short line', async () => {
		for (const note of ['a\r\nb', 'a\nSet-Cookie: x=1', 'a\tb', 'a\u007fb', 'x'.repeat(201), 5, {}]) {
			const answer = await as('POST', path, { destination: '10.1.2.3:443', note })
			assert.equal(answer.status, 400, JSON.stringify(note))
			assert.equal(answer.json.pointer, '/note')
		}
		for (const body of [{ destination: '10.1.2.3:443', note: 'a\u0000b' }, { destination: '10.1.2.3:443\u0000' }])
			assert.equal((await as('POST', path, body)).status, 400)
		const made = await allow('10.1.2.3:443', '<b>é\u202e</b> \'; DROP TABLE members; --')
		assert.equal((await as('GET', path)).json.items[0].note, made.note)
	})

	it('there is an end of them', async () => {
		for (let n = 0; n < 64; n++)
			await allow(`10.1.2.${n}:443`)
		const answer = await as('POST', path, { destination: world.here })
		assert.deepEqual([answer.status, answer.json.code], [409, 'egress_full'])
		assert.ok(answer.json.hint)
		refused(await call())
		const [first] = (await as('GET', path)).json.items
		await remove(first)
		await allow(world.here)
		assert.equal((await call()).status, 200)
	})

	it('of many at once for the last place one gets it', async () => {
		for (let n = 0; n < 60; n++)
			await allow(`10.1.2.${n}:443`)
		const answers = await Promise.all([...Array(12).keys()].map((n) => as('POST', path, { destination: `10.1.3.${n}:443` })))
		assert.deepEqual([...new Set(answers.map(({ status }) => status))].sort(), [201, 409])
		assert.equal((await as('GET', path)).json.items.length, 64)
	})

	it('what is not there cannot be removed', async () => {
		for (const id of [`01${'A'.repeat(24)}`, 'x', '%2e%2e', '10.1.2.3%3A443', "'%20OR%201=1"]) {
			const answer = await as('DELETE', `${path}/${id}`)
			assert.deepEqual([answer.status, answer.json.code], [404, 'not_found'], id)
		}
		const made = await allow('10.1.2.3:443')
		await remove(made)
		assert.equal((await as('DELETE', `${path}/${made.id}`)).status, 404)
	})

	it('Drawbridge itself cannot be reached through it', async () => {
		await allow(`127.0.0.0/8:${drawbridge.port}`)
		await addService(drawbridge, bearerService('itself', { url: drawbridge.url }))
		const { link_name: own } = await newConnection(drawbridge, 'itself', { credentials: { token } })
		const answer = await drawbridge.via(own, '/v1/members')
		refused(answer)
		assert.match(answer.json.detail, /Drawbridge itself listens/)
	})

	it('the command line lists, allows and removes', async () => {
		const run = async (status, ...args) => {
			const done = await drawbridge.cli(['egress', ...args])
			assert.equal(done.status, status, `${args}: ${done.stdout}${done.stderr}`)
			return done
		}
		assert.match((await run(0, 'list')).stdout, /allowed no private destinations/)
		assert.match((await run(0, 'allow', world.here, '--note', 'the desk')).stdout, new RegExp(world.here))
		assert.equal((await call()).status, 200)
		const { stdout } = await run(0, 'list', '--json')
		const [{ id, note }] = JSON.parse(stdout).items
		assert.equal(note, 'the desk')
		assert.match((await run(0, 'list')).stdout, /the desk/)
		const wide = await drawbridge.cli(['egress', 'allow', '0.0.0.0/0:443'])
		assert.notEqual(wide.status, 0)
		assert.match(wide.stderr, /0\.0\.0\.0|private/)
		await run(0, 'remove', id)
		refused(await call())
		assert.notEqual((await drawbridge.cli(['egress', 'remove', id])).status, 0)
		const keyed = await drawbridge.cli(['egress', 'list', '--url', drawbridge.url], { env: { DRAWBRIDGE_KEY: drawbridge.key } })
		assert.notEqual(keyed.status, 0)
	})

	it('every role that dies goes by it again', async () => {
		const tokens = await startTokens(scope)
		await addService(drawbridge, clientCredentialsService('mortals', tokens, api),
			{ client_id: 'machine', client_secret: 'machine-secret-44817' })
		await allow(world.here)
		const made = await allow(`127.0.0.1:${tokens.port}`)
		const connected = async () => (await drawbridge.api('POST', '/v1/connections', { name: 'Machine', service: 'mortals',
			scopes: ['tickets.read'] })).json.status === 'connected'
		for (const role of ['exchanger', 'keeper', 'front']) {
			const pid = drawbridge.role(role)
			process.kill(pid, 'SIGKILL')
			await eventually(`another ${role}`, () => ![undefined, pid].includes(drawbridge.role(role)))
			await drawbridge.ready()
			await eventually(`a token after the ${role}'s death`, connected)
			await eventually(`a call after the ${role}'s death`, async () => (await call()).status === 200)
		}
		await remove(made)
		for (const role of ['exchanger', 'keeper', 'front']) {
			const { asked } = tokens
			const pid = drawbridge.role(role)
			process.kill(pid, 'SIGKILL')
			await eventually(`another ${role}`, () => ![undefined, pid].includes(drawbridge.role(role)))
			await drawbridge.ready()
			for (let n = 0; n < 4; n++)
				assert.equal(await connected(), false, role)
			assert.equal(tokens.asked, asked, role)
		}
	})

	it('a restart and a reload keep it; link names stay what they were', async () => {
		await allow(world.here)
		const done = await drawbridge.cli(['reload'], { timeout: 60_000 })
		assert.equal(done.status, 0, done.stderr)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		await drawbridge.stop()
		await drawbridge.start()
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})
})

suite('private destinations under --egress-lock', () => {
	it('nothing is added, and what is stored counts for nothing until the lock is gone', scoped(async (scope) => {
		const config = join(temporaryFolder(scope), 'settings')
		const put = (lock) => writeFileSync(config, `drain = 1s\negress-lock = ${lock}\n`)
		put('false')
		const world = await startWorld(scope, { flags: ['--config', config] })
		const { api, drawbridge, as, call } = world
		const tokens = await startTokens(scope)
		await addService(drawbridge, clientCredentialsService('machines', tokens, api),
			{ client_id: 'machine', client_secret: 'machine-secret-44817' })
		const connect = () => drawbridge.api('POST', '/v1/connections', { name: 'Machine', service: 'machines',
			scopes: ['tickets.read'] })
		const made = await world.allow(world.here)
		await world.allow(`127.0.0.1:${tokens.port}`)
		assert.equal((await call()).status, 200)
		const reload = async (lock) => {
			put(lock)
			const done = await drawbridge.cli(['reload'], { timeout: 60_000 })
			assert.equal(done.status, 0, `${done.stdout}${done.stderr}`)
		}
		await reload(true)
		refused(await call())
		assert.notEqual((await connect()).json.status, 'connected')
		assert.equal(tokens.asked, 0)
		const { locked, items } = (await as('GET', path)).json
		assert.deepEqual([locked, items.length], [true, 2])
		const answer = await as('POST', path, { destination: '10.1.2.3:443' })
		assert.deepEqual([answer.status, answer.json.code], [403, 'egress_locked'])
		assert.match(answer.json.detail, /--egress-lock/)
		const cli = await drawbridge.cli(['egress', 'allow', '10.1.2.3:443'])
		assert.notEqual(cli.status, 0)
		assert.match((await drawbridge.cli(['egress', 'list'])).stderr, /--egress-lock/)
		await world.remove(made) /* taking away is never locked */
		await reload(false)
		refused(await call())
		assert.equal((await connect()).json.status, 'connected')
	}))

	it('the operator\'s own exceptions go on', scoped(async (scope) => {
		const port = await freePort()
		const world = await startWorld(scope, { egress: ['127.0.0.0/8'], flags: ['--egress-lock'], port })
		assert.equal((await world.call()).status, 200)
	}))
})
