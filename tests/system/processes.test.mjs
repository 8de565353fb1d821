// SPDX-License-Identifier: Apache-2.0
/*
 * The processes: roles that are apart and locked in, what happens when one of them dies, how the server ends, and
 * what it says when it cannot begin.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync, readlinkSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, it } from 'node:test'
import { binary, owner, startDrawbridge } from '../support/drawbridge.mjs'
import { request } from '../support/http.mjs'
import { childrenOf, run } from '../support/process.mjs'
import { connectRaw } from '../support/raw.mjs'
import { eventually, freePort, scoped, suite, temporaryFolder, within } from '../support/scope.mjs'
import { newConnection, startBearerWorld, startOidcWorld } from '../support/worlds.mjs'

const roles = ['keeper', 'exchanger', 'front']
const statusOf = (pid) => Object.fromEntries(readFileSync(`/proc/${pid}/status`, 'utf8').split('\n')
	.map((line) => line.split(':\t')))

/* What the descriptors of a process are. */
const openFiles = (pid) => readdirSync(`/proc/${pid}/fd`).map((fd) => {
	try {
		return readlinkSync(`/proc/${pid}/fd/${fd}`)
	} catch {
		return '' /* closed while we looked */
	}
})

/* The sockets of a process, by the table of /proc/net that they stand in. */
function socketsOf(pid) {
	const inodes = openFiles(pid).map((file) => /^socket:\[(\d+)\]$/.exec(file)?.[1]).filter(Boolean)
	const tables = ['tcp', 'tcp6', 'udp', 'udp6', 'raw', 'raw6', 'netlink', 'packet', 'unix']
	return inodes.map((inode) => tables.find((table) => existsSync(`/proc/${pid}/net/${table}`)
		&& readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split(/\s+/).includes(inode)))
}

/* A child that died and is not yet waited for has no command line. */
const alive = (drawbridge, name, not) => {
	const pid = drawbridge.role(`--role=${name}`)
	return pid !== not && pid
}

suite('the processes of a server', (scope) => {
	let drawbridge, api, link

	before(async () => {
		({ drawbridge, api, link } = await startBearerWorld(scope, { drawbridge: { socket: true } }))
	})

	it('parent, keeper, exchanger and front are processes of their own', () => {
		const pids = roles.map((name) => drawbridge.role(`--role=${name}`))
		assert.equal(new Set([drawbridge.server.pid, ...pids]).size, 4)
		assert.equal(drawbridge.roles().length, 3)
	})

	it('each role is locked in: seccomp, no new privileges, no core file', () => {
		for (const name of roles) {
			const pid = drawbridge.role(`--role=${name}`)
			const status = statusOf(pid)
			assert.deepEqual([status.Seccomp, status.NoNewPrivs], ['2', '1'], name)
			assert.match(readFileSync(`/proc/${pid}/limits`, 'utf8'), /Max core file size +0 +0 /, name)
			for (const task of readdirSync(`/proc/${pid}/task`))
				assert.match(readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8'), /^Seccomp:\t2$/m, `${name} ${task}`)
		}
	})

	it('the keeper has no socket to any network, the front no file of the keeper\'s', () => {
		assert.ok(socketsOf(drawbridge.role('--role=front')).includes('tcp'), 'the look would find one')
		assert.deepEqual(new Set(socketsOf(drawbridge.role('--role=keeper'))), new Set(['unix']))
		const files = (name) => openFiles(drawbridge.role(`--role=${name}`))
		const secrets = join(drawbridge.data, 'keeper')
		assert.ok(files('keeper').some((file) => file.startsWith(secrets)))
		for (const name of ['front', 'exchanger'])
			assert.ok(!files(name).some((file) => file.startsWith(secrets)), name)
		assert.ok(!files('exchanger').some((file) => file.startsWith(drawbridge.data)))
	})

	it('the secrets of the data folder are for nobody else', () => {
		for (const file of drawbridge.files())
			assert.equal(statSync(file).mode & 0o077, 0, file)
		assert.equal(statSync(drawbridge.data).mode & 0o777, 0o700)
	})

	for (const name of roles)
		it(`the ${name} is killed: no connect is refused, and calls work again`, async () => {
			const pid = drawbridge.role(`--role=${name}`)
			const connections = (await drawbridge.must('GET', '/v1/connections')).items.length
			process.kill(pid, 'SIGKILL')
			await eventually(`the ${name} to be gone`, () => alive(drawbridge, name) !== pid)
			const during = connectRaw(scope, drawbridge.port)
			during.send(`GET /via/${link}/echo?during=${name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`
				+ `Authorization: Bearer ${drawbridge.key}\r\n\r\n`)
			const answer = await during.answer({ timeout: 20_000 })
			assert.ok([200, 503].includes(answer.status), answer.text)
			await eventually(`another ${name}`, () => alive(drawbridge, name, pid))
			await drawbridge.ready()
			assert.equal((await drawbridge.via(link, '/echo')).status, 200)
			assert.equal((await drawbridge.must('GET', '/v1/connections')).items.length, connections)
			const { link_name: fresh } = await newConnection(drawbridge, 'echo', { credentials: { token: 'upstream-token-Zq81' } })
			assert.equal((await drawbridge.via(fresh, '/echo')).status, 200)
			assert.ok(!drawbridge.server.end, 'the parent goes on')
		})

	it('while the front is away, connections wait in the queue: none is refused', async () => {
		let refused = 0
		let done = 0
		let over = false
		const client = async () => {
			while (!over)
				await request({ host: '127.0.0.1', port: drawbridge.port, path: '/healthz' }, { headers: { connection: 'close' } })
					.then(() => { done += 1 }, (error) => { refused += error.code === 'ECONNREFUSED' })
		}
		const clients = Array.from({ length: 4 }, client)
		for (let n = 0; n < 3; n++) {
			const pid = await eventually('the front', () => alive(drawbridge, 'front'))
			process.kill(pid, 'SIGKILL')
			await eventually('another front', () => alive(drawbridge, 'front', pid))
			await drawbridge.ready()
		}
		over = true
		await within(20_000, 'the clients', Promise.all(clients))
		assert.equal(refused, 0)
		assert.ok(done >= clients.length, String(done))
	})

	it('a second server on the same data folder is refused, in plain words, with 75', async () => {
		const second = await run(binary, ['serve', '--data', drawbridge.data, '--listen', '127.0.0.1:0'])
		assert.equal(second.status, 75)
		assert.match(second.stderr, /^drawbridge: another server is using .*; stop it first, or choose another --data\n$/)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})

	it('/healthz, /readyz and /metrics tell those who watch', async () => {
		const open = (path) => drawbridge.api('GET', path, undefined, { key: null })
		assert.equal((await open('/healthz')).json.status, 'ok')
		assert.equal((await open('/readyz')).json.status, 'ready')
		const metrics = await open('/metrics')
		assert.match(metrics.headers['content-type'], /^text\/plain; version=0\.0\.4/)
		const samples = metrics.text.trim().split('\n').filter((line) => !line.startsWith('#'))
		for (const line of samples)
			assert.match(line, /^drawbridge_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? \d+(\.\d+)?$/)
		assert.ok(samples.length > 5)
		for (const name of [link, owner.email, api.url.slice(7), drawbridge.key])
			assert.ok(!metrics.text.includes(name), `${name} is nobody's business`)
	})

	it('every line of the log is a record, without a secret in it', async () => {
		await drawbridge.api('POST', '/v1/session', { ...owner, password: 'wrong-password-7731' }, { key: null })
		await drawbridge.via(link, '/leak', { headers: { 'x-private': 'private-header-5520' } })
		const lines = drawbridge.server.stderr.trim().split('\n')
		assert.ok(lines.length >= 4, drawbridge.server.stderr)
		for (const line of lines) {
			const record = JSON.parse(line)
			assert.match(record.ts, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
			assert.ok(['debug', 'info', 'warn', 'error'].includes(record.level), line)
			assert.ok(['parent', ...roles].includes(record.role), line)
			assert.equal(typeof record.event, 'string')
		}
		assert.ok(lines.some((line) => /"a role has ended"/.test(line)))
		for (const secret of ['upstream-token-Zq81', drawbridge.key, owner.password, 'wrong-password-7731', 'private-header-5520'])
			assert.ok(!drawbridge.log.includes(secret), secret)
	})

	it('SIGTERM lets calls in flight finish, and then ends with 0', async () => {
		const slow = drawbridge.via(link, '/slow?ms=1500')
		await eventually('the call to be in flight', () => api.last().path.startsWith('/slow'))
		const began = Date.now()
		const end = drawbridge.stop()
		assert.equal((await slow).status, 200)
		assert.deepEqual(await end, { status: 0, signal: null })
		assert.ok(Date.now() - began < 5000, `${Date.now() - began} ms`)
		assert.ok(!existsSync(join(drawbridge.data, 'drawbridge.sock')), 'no socket is left behind')
	})
})

suite('ends and beginnings', () => {
	it('a call that does not end is cut when the drain time is over', scoped(async (scope) => {
		const { drawbridge, api, link } = await startBearerWorld(scope, { drawbridge: { flags: ['--drain', '1s'] } })
		const hanging = drawbridge.via(link, '/hang').then(({ status }) => status, ({ code }) => code)
		await eventually('the call to be in flight', () => api.last()?.path === '/hang')
		const began = Date.now()
		assert.deepEqual(await drawbridge.stop(), { status: 0, signal: null })
		assert.ok(Date.now() - began < 6000, `${Date.now() - began} ms`)
		assert.notEqual(await hanging, 200)
	}))

	it('the parent is killed: no role outlives it, and the next server goes on', scoped(async (scope) => {
		const world = await startOidcWorld(scope)
		const { link_name: link } = await world.connected()
		const pids = childrenOf(world.drawbridge.server.pid).map(({ pid }) => pid)
		process.kill(world.drawbridge.server.pid, 'SIGKILL')
		await world.drawbridge.server.ended
		await eventually('the roles to be gone', () => pids.every((pid) => !existsSync(`/proc/${pid}/exe`)))
		const next = await startDrawbridge(scope, { data: world.drawbridge.data, port: world.drawbridge.port })
		assert.equal((await next.via(link, '/echo', { key: world.drawbridge.key })).status, 200)
		await next.stop()
	}))

	const serve = (data, ...args) => run(binary, ['serve', '--data', data, '--listen', '127.0.0.1:0', ...args],
		{ timeout: 10_000 })

	it('a setting that is not right is refused, by its place', scoped(async (scope) => {
		const folder = temporaryFolder(scope)
		const data = join(folder, 'data')
		const config = join(folder, 'settings')
		for (const [text, expected] of [['nonsense = 1\n', 'settings:1: no such setting; did you mean'],
			['# comment\n\nworkers = many\n', 'settings:3: must be a number from 0 to'],
			['drain = 10s\ndrain = soon\n', 'settings:2: must be a time such as 10s or 5m'],
			['workers\n', 'settings:1: is not name = value']]) {
			writeFileSync(config, text)
			const done = await serve(data, '--config', config)
			assert.equal(done.status, 2, done.stderr)
			assert.ok(done.stderr.startsWith('drawbridge: ') && done.stderr.includes(expected), done.stderr)
		}
		for (const [args, expected] of [[['--wrokers', '3'], '--wrokers: no such flag; did you mean "--workers"?'],
			[['--drain'], '--drain: wants a value: TIME'], [['--config', join(folder, 'none')], 'none: cannot be read']]) {
			const done = await serve(data, ...args)
			assert.equal(done.status, 2)
			assert.ok(done.stderr.includes(expected), done.stderr)
		}
		const variable = await run(binary, ['serve', '--data', data], { env: { DRAWBRIDGE_WORKERS: 'many' } })
		assert.deepEqual([variable.status, /^drawbridge: DRAWBRIDGE_WORKERS: /.test(variable.stderr)], [2, true])
		assert.ok(!existsSync(data), 'nothing was begun')
	}))

	it('what keeps it from listening is said in one line', scoped(async (scope) => {
		const data = join(temporaryFolder(scope), 'data')
		const taken = await startDrawbridge(scope)
		const port = await freePort()
		for (const [listen, expected] of [[`127.0.0.1:${taken.port}`, /cannot listen on .*: Address already in use/],
			['nonsense', /cannot listen on "nonsense": want ADDR:PORT/], [`192.0.2.1:${port}`, /cannot listen on /]]) {
			const done = await run(binary, ['serve', '--data', data, '--listen', listen], { timeout: 10_000 })
			assert.ok(done.status > 0, `${done.status}`)
			assert.match(done.stderr, expected)
			assert.equal(done.stderr.trim().split('\n').length, 1, done.stderr)
		}
	}))

	it('a wrong, missing or open master key is refused in plain words, and nothing is lost', scoped(async (scope) => {
		const first = await startBearerWorld(scope)
		await first.drawbridge.stop()
		const { data } = first.drawbridge
		const file = join(data, 'keeper/master.key')
		const key = readFileSync(file)
		const refused = async (expected, ...args) => {
			const began = Date.now()
			const done = await serve(data, ...args)
			assert.equal(done.status, 1, done.stderr)
			assert.match(done.stderr, expected)
			assert.match(done.stderr, /^drawbridge: the keeper could not start; the log line above says why$/m)
			assert.ok(Date.now() - began < 4000, `${Date.now() - began} ms`)
		}
		writeFileSync(file, Buffer.alloc(32, 7))
		await refused(/is not the master key that the grants were sealed with/)
		writeFileSync(file, 'short')
		await refused(/does not hold a key of 32 bytes/)
		renameSync(file, `${file}.away`)
		await refused(/the master key .* is missing/)
		assert.ok(!existsSync(file), 'no new key is made beside grants that it cannot open')
		await refused(/none cannot be read/, '--key-file', join(data, 'none'))
		writeFileSync(file, key, { mode: 0o644 })
		await refused(/may be read by others \(mode 0644\); chmod 600 it/)
		renameSync(`${file}.away`, file)
		writeFileSync(file, key, { mode: 0o600 })
		const again = await startDrawbridge(scope, { data })
		assert.equal((await again.via(first.link, '/echo', { key: first.drawbridge.key })).status, 200)
	}))
})
