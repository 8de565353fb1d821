// SPDX-License-Identifier: Apache-2.0
/*
 * Backup and restore: one file while calls run, which restores elsewhere; every kind of damage is found before
 * anything is changed; nothing half made is left behind.
 */
import assert from 'node:assert/strict'
import { chownSync, copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { before, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { connect, redirectUris } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { binary, startDrawbridge } from '../support/drawbridge.mjs'
import { run } from '../support/process.mjs'
import { eventually, freePort, scoped, suite, temporaryFolder } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { Steps, stepsBinary } from '../support/steps.mjs'
import { addService, newConnection, startBearerWorld, startOidcWorld } from '../support/worlds.mjs'

const passphrase = 'a passphrase for backups'
const stdin = `${passphrase}\n`

async function backup(drawbridge, file, args = [], options = { stdin }) {
	const done = await drawbridge.cli(['backup', file, ...args], { timeout: 60_000, ...options })
	assert.equal(done.status, 0, `${done.stdout}\n${done.stderr}`)
	return done
}

const restore = (file, data, args = [], options = {}) => run(options.binary ?? binary,
	['restore', file, ...(data ? ['--data', data] : []), ...args], { stdin, timeout: 60_000, ...options })

async function mustRestore(...args) {
	const done = await restore(...args)
	assert.equal(done.status, 0, `${done.stdout}\n${done.stderr}`)
	return done
}

/* All that a folder holds, to see that nothing changed. */
function contents(folder) {
	const walk = (path) => readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory()
		? walk(join(path, entry.name)) : [[join(path, entry.name), entry.isFile() ? readFileSync(join(path, entry.name)) : null]]))
	return walk(folder)
}

/* What lies beside a path, less what is known. */
const beside = (path, ...known) => readdirSync(dirname(path)).filter((name) => name.startsWith(basename(path))
	&& ![basename(path), ...known].includes(name))

suite('a backup', (scope) => {
	let world, drawbridge, link, folder, file

	before(async () => {
		world = await startBearerWorld(scope)
		;({ drawbridge, link } = world)
		folder = temporaryFolder(scope)
		file = join(folder, 'backup')
		for (let n = 0; n < 10; n++)
			await newConnection(drawbridge, 'echo', { credentials: { token: world.token } })
	})

	it('is made while calls run and connections are made; none of them waits or fails', async () => {
		let over = false
		const bad = []
		const caller = async () => {
			while (!over) {
				const { status } = await drawbridge.via(link, '/echo')
				if (status !== 200)
					bad.push(status)
			}
		}
		const maker = async () => {
			while (!over)
				await newConnection(drawbridge, 'echo', { credentials: { token: world.token } })
		}
		const busy = [caller(), caller(), maker()]
		const { stdout } = await backup(drawbridge, file)
		over = true
		await Promise.all(busy)
		assert.deepEqual(bad, [])
		assert.match(stdout, /holds all of it, the master key included/)
		assert.equal(statSync(file).mode & 0o777, 0o600)
		assert.deepEqual(beside(file), [])
		assert.ok(!drawbridge.files().some((name) => name.endsWith('backup.db')), 'the copies are gone')
		const { items } = JSON.parse((await drawbridge.cli(['audit', 'list', '--limit', '100000', '--json'])).stdout)
		assert.ok(items.some(({ action }) => action === 'backup.make'))
	})

	it('is restored into a folder that is named with a slash at its end', async () => {
		const data = join(folder, 'slashed')
		await mustRestore(file, `${data}/`)
		assert.deepEqual(readdirSync(data).filter((name) => name.startsWith('.')), [])
		assert.deepEqual(beside(data), [])
	})

	it('holds nothing that can be read without its passphrase', () => {
		const bytes = readFileSync(file)
		const key = readFileSync(join(drawbridge.data, 'keeper/master.key')).subarray(0, 32)
		for (const secret of [key, passphrase, 'SQLite format', 'owner@example.org', world.token])
			assert.ok(!bytes.includes(secret), String(secret))
		assert.ok(bytes.subarray(0, 20).equals(Buffer.from('drawbridge-backup 1\n')))
	})

	it('is not written over, and without its folder not begun', async () => {
		const before = readFileSync(file)
		const again = await drawbridge.cli(['backup', file], { stdin })
		assert.deepEqual([again.status, /is there already; --force/.test(again.stderr)], [1, true])
		assert.ok(readFileSync(file).equals(before))
		const nowhere = await drawbridge.cli(['backup', join(folder, 'none/backup')], { stdin })
		assert.equal(nowhere.status, 1)
		const empty = await drawbridge.cli(['backup', join(folder, 'empty')], { stdin: '\n' })
		assert.notEqual(empty.status, 0)
		assert.ok(!existsSync(join(folder, 'empty')))
	})

	it('--check tells what it is, without a folder', async () => {
		const done = await mustRestore(file, undefined, ['--check', '--json'])
		const told = JSON.parse(done.stdout)
		assert.equal(told.checked_only, true)
		assert.match(told.key_id, /^[0-9a-f]{16}$/)
		assert.ok(Math.abs(Date.parse(told.made_at) - Date.now()) < 120_000)
	})

	it('restores into a new folder, where everything works', async () => {
		const data = join(folder, 'restored')
		const done = await mustRestore(file, data)
		assert.match(done.stdout, /is as it was on/)
		assert.equal(statSync(data).mode & 0o777, 0o700)
		for (const [path] of contents(data))
			assert.equal(statSync(path).mode & 0o777, 0o600, path)
		const again = await startDrawbridge(scope, { data })
		assert.equal((await again.via(link, '/echo', { key: drawbridge.key })).status, 200)
		const { items } = await again.must('GET', '/v1/connections?limit=200', undefined, { key: drawbridge.key })
		for (const { link_name: each } of items)
			assert.equal((await again.via(each, '/echo', { key: drawbridge.key })).status, 200, each)
		const verify = await again.cli(['audit', 'verify'])
		assert.equal(verify.status, 0, verify.stderr)
		assert.ok(!existsSync(join(data, 'keeper/restored')), 'the note was taken')
		await again.stop()
	})

	it('does not restore over what is there, unless told to move it aside', async () => {
		const data = join(folder, 'full')
		mkdirSync(data)
		writeFileSync(join(data, 'precious'), 'x')
		const refused = await restore(file, data)
		assert.deepEqual([refused.status, /is not empty; --force moves it aside/.test(refused.stderr)], [1, true])
		const done = await mustRestore(file, data, ['--force', '--json'])
		const { moved_aside: aside } = JSON.parse(done.stdout)
		assert.equal(readFileSync(join(aside, 'precious'), 'utf8'), 'x')
		assert.ok(existsSync(join(data, 'keeper/grants.db')))
		const inUse = await restore(file, drawbridge.data, ['--force'])
		assert.deepEqual([inUse.status, /a server is using/.test(inUse.stderr)], [1, true])
	})

	it('another passphrase is told from damage', async () => {
		const data = join(folder, 'never')
		const wrong = await restore(file, data, [], { stdin: 'another\n' })
		assert.deepEqual([wrong.status, /wrong passphrase/.test(wrong.stderr)], [4, true])
		const key = join(folder, 'some.key')
		await run(binary, ['keyring', 'make', key])
		const other = await restore(file, data, ['--key-file', key])
		assert.match(other.stderr, /wants a passphrase/)
		assert.ok(!existsSync(data) && !beside(data).length)
	})

	it('a flipped bit, a cut, an addition or an exchange anywhere is found, and nothing is changed', async () => {
		const data = join(folder, 'target')
		mkdirSync(data)
		writeFileSync(join(data, 'precious'), 'x')
		const before = contents(data)
		const key = join(folder, 'quick.key') /* a passphrase costs a second each time */
		await run(binary, ['keyring', 'make', key])
		await backup(drawbridge, join(folder, 'quick'), ['--key-file', key], {})
		const bytes = readFileSync(join(folder, 'quick'))
		const bad = join(folder, 'bad')
		const headEnd = 24 + bytes.readUInt32BE(20) + 8 + 24
		const pieces = []
		for (let at = headEnd; at < bytes.length; at += 4 + bytes.readUInt32BE(at))
			pieces.push(bytes.subarray(at, at + 4 + bytes.readUInt32BE(at)))
		assert.ok(pieces.length > 6)
		const head = bytes.subarray(0, headEnd)
		const cases = {
			'cut at the end': bytes.subarray(0, -1),
			'cut in the middle': bytes.subarray(0, bytes.length >> 1),
			'cut between pieces': Buffer.concat([head, ...pieces.slice(0, -1)]),
			'cut in the head': bytes.subarray(0, 40),
			'empty': Buffer.alloc(0),
			'longer': Buffer.concat([bytes, Buffer.from('x')]),
			'a piece twice': Buffer.concat([head, ...pieces.slice(0, 3), pieces[2], ...pieces.slice(3)]),
			'a piece left out': Buffer.concat([head, ...pieces.slice(0, 3), ...pieces.slice(4)]),
			'two pieces exchanged': Buffer.concat([head, ...pieces.slice(0, 2), pieces[3], pieces[2], ...pieces.slice(4)])
		}
		const places = [0, 19, 21, 30, headEnd - 30, headEnd - 10, headEnd, headEnd + 5, bytes.length >> 1, bytes.length - 1,
			...Array.from({ length: 12 }, () => Math.floor(Math.random() * bytes.length))]
		for (const at of places) {
			const flipped = Buffer.from(bytes)
			flipped[at] ^= 1 << (at % 8)
			cases[`bit at ${at}`] = flipped
		}
		for (const [name, wrong] of Object.entries(cases)) {
			writeFileSync(bad, wrong)
			const done = await restore(bad, data, ['--force', '--key-file', key])
			assert.ok(done.status === 1 || done.status === 4, `${name}: ${done.status} ${done.stdout}`)
			assert.match(done.stderr, /damaged|cut off|more behind|no backup|newer version|another key file/, name)
			assert.deepEqual(contents(data), before, name)
			assert.deepEqual(beside(data), [], name)
		}
	})

	it('of a newer version is refused', async () => {
		const newer = join(folder, 'newer')
		writeFileSync(newer, Buffer.concat([Buffer.from('drawbridge-backup 2\n'), readFileSync(file).subarray(20)]))
		const done = await restore(newer, join(folder, 'never'))
		assert.deepEqual([done.status, /of a newer version of Drawbridge \(format 2/.test(done.stderr)], [1, true])
	})

	it('with a key file in the place of a passphrase', async () => {
		const key = join(folder, 'backup.key')
		await run(binary, ['keyring', 'make', key])
		await backup(drawbridge, join(folder, 'keyed'), ['--key-file', key], {})
		await mustRestore(join(folder, 'keyed'), undefined, ['--check', '--key-file', key])
		const without = await restore(join(folder, 'keyed'), undefined, ['--check'])
		assert.match(without.stderr, /encrypted with a key file/)
		const other = join(folder, 'other.key')
		await run(binary, ['keyring', 'make', other])
		const wrong = await restore(join(folder, 'keyed'), undefined, ['--check', '--key-file', other])
		assert.deepEqual([wrong.status, /another key file/.test(wrong.stderr)], [4, true])
	})

	it('works without a running server', async () => {
		await drawbridge.stop()
		const quiet = join(folder, 'quiet')
		await backup(drawbridge, quiet)
		const data = join(folder, 'from-quiet')
		await mustRestore(quiet, data)
		const again = await startDrawbridge(scope, { data })
		assert.equal((await again.via(link, '/echo', { key: drawbridge.key })).status, 200)
	})
})

suite('backups and disks, kills, tokens', () => {
	it('a full disk leaves nothing half made', scoped(async (scope) => {
		const steps = new Steps(scope)
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: steps.options })
		const folder = temporaryFolder(scope)
		const file = join(folder, 'backup')
		for (const count of [1, 2, 3]) {
			steps.set(`${count} fail backup.part`) /* of the keeper's copy, or of the command's file */
			const done = await drawbridge.cli(['backup', file], { stdin, env: steps.options.env })
			assert.equal(done.status, 1, done.stdout)
			assert.match(done.stderr, /disk full|No space left/)
			assert.deepEqual(readdirSync(folder), [])
			assert.ok(!drawbridge.files().some((name) => name.endsWith('backup.db')))
			assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		}
		steps.set()
		await backup(drawbridge, file)
		/* a limit on the size of files, as a disk that is full half way */
		const small = await run('sh', ['-c', `ulimit -f 40; exec ${stepsBinary} restore ${file} --data ${join(folder, 'data')}`], { stdin })
		assert.equal(small.status, 1, small.stdout)
		assert.deepEqual(readdirSync(folder), ['backup'])
	}))

	it('a restore that is killed at any step leaves the one folder or the other, whole', scoped(async (scope) => {
		const { drawbridge, link } = await startBearerWorld(scope)
		const steps = new Steps(scope)
		const folder = temporaryFolder(scope)
		const file = join(folder, 'backup')
		await backup(drawbridge, file)
		const data = join(folder, 'data')
		mkdirSync(data)
		writeFileSync(join(data, 'precious'), 'x')
		for (const step of ['checked', 'written', 'aside']) {
			steps.set(`1 kill restore.${step}`)
			const killed = await restore(file, data, ['--force'], steps.options)
			assert.equal(killed.signal, 'SIGKILL')
			if (step !== 'aside')
				assert.deepEqual(readdirSync(data), ['precious'])
			else
				assert.ok(!existsSync(data) && readdirSync(folder).some((name) => name.startsWith('data.before-')))
		}
		await mustRestore(file, data, ['--force'])
		assert.ok(!existsSync(`${data}.restoring`))
		const again = await startDrawbridge(scope, { data })
		assert.equal((await again.via(link, '/echo', { key: drawbridge.key })).status, 200)
	}))

	it('a refresh token that was renewed since is told as what it is', scoped(async (scope) => {
		const world = await startOidcWorld(scope)
		const { link_name: link } = await world.connected()
		const folder = temporaryFolder(scope)
		await backup(world.drawbridge, join(folder, 'backup'))
		await world.drawbridge.must('POST', `/v1/connections/${link}/refresh`) /* rotates */
		await world.drawbridge.stop()
		await mustRestore(join(folder, 'backup'), world.drawbridge.data, ['--force'])
		const again = await startDrawbridge(scope, { data: world.drawbridge.data, port: world.drawbridge.port })
		again.key = world.drawbridge.key
		await again.api('POST', `/v1/connections/${link}/refresh`)
		const now = await eventually('the refusal', async () => {
			const connection = await again.connection(link)
			return connection.status === 'needs_reconnect' && connection
		})
		assert.match(now.reason, /^In doubt by a restore: the credential came out of the backup of \d{4}-\d\d-\d\d/)
	}))

	it('a passphrase of the master key stays where it is: in somebody\'s head', scoped(async (scope) => {
		const folder = temporaryFolder(scope)
		const phrase = join(folder, 'phrase')
		writeFileSync(phrase, 'of the master key\n', { mode: 0o600 })
		const flags = ['--passphrase-file', phrase]
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { flags } })
		const file = join(folder, 'backup')
		await backup(drawbridge, file)
		const data = join(folder, 'data')
		assert.match((await mustRestore(file, data)).stdout, /start the server with --passphrase-file/)
		assert.ok(!existsSync(join(data, 'keeper/master.key')))
		const again = await startDrawbridge(scope, { data, flags })
		assert.equal((await again.via(link, '/echo', { key: drawbridge.key })).status, 200)
		/* forgotten: the backup has the key itself */
		const other = join(folder, 'other')
		await mustRestore(file, other, ['--master-key', 'write'])
		const key = join(folder, 'key')
		copyFileSync(join(other, 'keeper/master.key'), key)
		const last = await startDrawbridge(scope, { data: other, flags: ['--key-file', key] })
		assert.equal((await last.via(link, '/echo', { key: drawbridge.key })).status, 200)
	}))
})

suite('backups of what is on the move', () => {
	it('grants that are refreshed meanwhile: each is in it as it was at one time, and works or says why not', scoped(async (scope) => {
		const port = await freePort()
		const server = await startScripted(scope, { redirectUris: redirectUris(port, 'turning') })
		const api = await startApi(scope, { check: (given) => server.accountOf(given) })
		const drawbridge = await startDrawbridge(scope, { port })
		await addService(drawbridge, oauthService('turning', server, api, { refresh: { rotates: true } }), server.client)
		const links = []
		for (let n = 0; n < 6; n++) {
			links.push((await newConnection(drawbridge, 'turning', { scopes: ['tickets.read'] })).link_name)
			await connect(drawbridge, links[n], consentByItself)
		}
		let over = false
		const before = server.requests.length
		const busy = links.slice(1).map(async (link) => {
			do
				await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
			while (!over)
		})
		await eventually('refreshes', () => server.requests.length > before + 5)
		const folder = temporaryFolder(scope)
		await backup(drawbridge, join(folder, 'backup'))
		over = true
		await Promise.all(busy)
		await drawbridge.stop()
		const data = join(folder, 'data')
		await mustRestore(join(folder, 'backup'), data)
		const again = await startDrawbridge(scope, { data, port })
		again.key = drawbridge.key
		for (const link of links) /* what was sealed opens: the access token of that time is good still */
			assert.equal((await again.via(link, '/echo')).status, 200, link)
		assert.equal((await again.api('POST', `/v1/connections/${links[0]}/refresh`)).status, 200)
		for (const link of links.slice(1)) {
			const { status } = await again.api('POST', `/v1/connections/${link}/refresh`)
			const now = await again.connection(link)
			assert.ok(status === 200 || /^In doubt by a restore/.test(now.reason), `${status} ${now.reason}`)
		}
	}))

	it('the keeper is killed while it copies: no copy lies about, and the next backup is made', scoped(async (scope) => {
		const steps = new Steps(scope)
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: steps.options })
		const folder = temporaryFolder(scope)
		const file = join(folder, 'backup')
		steps.set('1 kill backup.part')
		const done = await drawbridge.cli(['backup', file], { stdin, timeout: 60_000 })
		assert.ok(steps.taken('backup.part'))
		assert.equal(done.status, 1, done.stderr)
		assert.ok(!existsSync(file))
		await drawbridge.ready()
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		await eventually('no copy', () => !drawbridge.files().some((name) => name.endsWith('backup.db')), { timeout: 30_000 })
		await backup(drawbridge, file)
		assert.deepEqual(readdirSync(folder), ['backup'])
		await mustRestore(file, join(folder, 'data'))
	}))

	it('restores as another user, who can read nothing of where it was made', scoped(async (scope) => {
		const { drawbridge, link } = await startBearerWorld(scope)
		const user = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {}
		const folder = temporaryFolder(scope)
		const [program, file, data] = ['drawbridge', 'backup', 'data'].map((name) => join(folder, name))
		await backup(drawbridge, file)
		copyFileSync(binary, program)
		await drawbridge.stop()
		renameSync(drawbridge.data, `${drawbridge.data}.away`)
		scope.after(() => rmSync(`${drawbridge.data}.away`, { recursive: true }))
		for (const path of user.uid ? [folder, program, file] : [])
			chownSync(path, user.uid, user.gid)
		await mustRestore(file, data, [], { binary: program, cwd: folder, ...user })
		for (const [path] of contents(data))
			assert.deepEqual([statSync(path).mode & 0o777, statSync(path).uid], [0o600, user.uid ?? process.getuid()], path)
		const again = await startDrawbridge(scope, { binary: program, data, cwd: folder, ...user })
		assert.equal((await again.via(link, '/echo', { key: drawbridge.key })).status, 200)
	}))
})
