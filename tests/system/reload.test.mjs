// SPDX-License-Identifier: Apache-2.0
/*
 * Changed settings, taken over while calls run; wrong ones, refused while the old ones go on.
 */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { chownSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { connect } from 'node:tls'
import { startAuthority } from '../support/ca.mjs'
import { binary, startDrawbridge } from '../support/drawbridge.mjs'
import { mustRun, run, startProcess } from '../support/process.mjs'
import { connectRaw } from '../support/raw.mjs'
import { eventually, freePort, scoped, sleep, suite, temporaryFolder } from '../support/scope.mjs'
import { traffic } from '../support/traffic.mjs'
import { startBearerWorld } from '../support/worlds.mjs'

const told = (drawbridge) => JSON.parse(readFileSync(join(drawbridge.data, 'server.json'), 'utf8'))

async function reload(drawbridge, expected = 0) {
	const done = await drawbridge.cli(['reload'], { timeout: 60_000 })
	assert.equal(done.status, expected, `${done.stdout}\n${done.stderr}\n${drawbridge.log.slice(-2000)}`)
	return done.stdout + done.stderr
}

suite('settings that change while the server runs', () => {
	it('a settings file is read anew; no call is refused or cut', scoped(async (scope) => {
		const config = join(temporaryFolder(scope), 'settings')
		writeFileSync(config, 'log-level = info\ndrain = 3s\n')
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { flags: ['--config', config] } })
		const roles = drawbridge.roles().map(({ pid }) => pid)
		const pid = drawbridge.server.pid
		const slow = drawbridge.via(link, '/slow?ms=2000')
		const stop = traffic(drawbridge, link)
		writeFileSync(config, 'log-level = debug\ndrain = 3s\nmax-connections = 500\nlisten = 127.0.0.1:1\n')
		assert.match(await reload(drawbridge), /has taken the settings over/)
		await sleep(300)
		await stop()
		assert.equal((await slow).status, 200)
		assert.equal(drawbridge.server.pid, pid)
		const now = drawbridge.roles().map((role) => role.pid)
		assert.deepEqual([now.length, now.some((each) => roles.includes(each))], [3, false])
		assert.match(drawbridge.log, /"event":"reloaded"/)
		assert.ok(!drawbridge.server.end)
		assert.equal(told(drawbridge).renewal.state, 'done')
	}))

	it('log level and number of connections follow the settings', scoped(async (scope) => {
		const config = join(temporaryFolder(scope), 'settings')
		writeFileSync(config, 'log-level = error\nworkers = 1\ndrain = 1s\n')
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { flags: ['--config', config] } })
		const open = async (count) => {
			const all = Array.from({ length: count }, () => connectRaw(scope, drawbridge.port))
			for (const raw of all)
				raw.send(`GET /via/${link}/echo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${drawbridge.key}\r\n\r\n`)
			const answered = await Promise.all(all.slice(0, 16).map((raw) => raw.answer()))
			assert.deepEqual(answered.filter(({ status }) => status !== 200), [])
			return all
		}
		const all = await open(17)
		assert.equal((await all[16].answer()).status, 200)
		all.forEach((raw) => raw.close())
		assert.doesNotMatch(drawbridge.log, /"level":"info"/)
		writeFileSync(config, 'log-level = info\nworkers = 1\nmax-connections = 16\ndrain = 1s\n')
		await reload(drawbridge)
		assert.match(drawbridge.log, /"level":"info".*"event":"reloaded"/)
		drawbridge.agent.destroy()
		const now = await open(16)
		const late = connectRaw(scope, drawbridge.port)
		late.send(`GET /via/${link}/echo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${drawbridge.key}\r\n\r\n`)
		await sleep(300)
		assert.equal(late.buffered.length, 0, 'one more than 16 waits')
		now[0].close()
		assert.equal((await late.answer()).status, 200)
	}))

	it('what the guard allows follows the settings', scoped(async (scope) => {
		const config = join(temporaryFolder(scope), 'settings')
		writeFileSync(config, 'egress-allow = 127.0.0.0/8\ndrain = 1s\n')
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { egress: [], flags: ['--config', config] } })
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		writeFileSync(config, 'drain = 1s\n')
		await reload(drawbridge)
		const blocked = await drawbridge.via(link, '/echo')
		assert.equal(blocked.headers['drawbridge-error'], 'destination_not_allowed', blocked.text)
		writeFileSync(config, 'egress-allow = 127.0.0.0/8\ndrain = 1s\n')
		await reload(drawbridge)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	}))

	it('wrong settings are refused by their place, and the old ones go on', scoped(async (scope) => {
		const folder = temporaryFolder(scope)
		const config = join(folder, 'settings')
		const allow = 'egress-allow = 127.0.0.0/8\n'
		writeFileSync(config, `${allow}drain = 1s\n`)
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { egress: [], flags: ['--config', config] } })
		const roles = drawbridge.roles().map(({ pid }) => pid)
		const stop = traffic(drawbridge, link)
		for (const [text, expected] of [[`${allow}nonsense = 1\n`, /settings:2: no such setting/], ['drain = soon\n', /settings:1: must be a time/],
			[`${allow}public-url = bridge.example\n`, /settings:2: must be a URL such as/], ['log-level = Debug\n', /settings:1: must be debug, info/],
			[`${allow}tls-key = ${config}\n`, /settings:2: nothing is served with it without tls-cert/],
			['egress-allow = nowhere\n', /could not start; the log line above says why/],
			[`ca-file = ${join(folder, 'none.pem')}\n`, /could not start/], [`tls-cert = ${config}\ntls-key = ${config}\n`, /new front could not start/]]) {
			writeFileSync(config, text)
			const out = await reload(drawbridge, 1)
			assert.match(out, /it has failed, and the server goes on as before/)
			assert.match(out, expected)
		}
		await stop()
		assert.deepEqual(drawbridge.roles().map(({ pid }) => pid).sort(), roles.sort(), 'the same processes serve')
		assert.match(drawbridge.log, /"event":"the reload has failed; the old settings stay"/)
		assert.match(drawbridge.log, /\\"nowhere\\" is not a network/)
		writeFileSync(config, `${allow}drain = 2s\n`)
		await reload(drawbridge)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	}))

	it('what wants a new start is named, and stays', scoped(async (scope) => {
		const config = join(temporaryFolder(scope), 'settings')
		writeFileSync(config, 'drain = 1s\n')
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { flags: ['--config', config] } })
		writeFileSync(config, 'drain = 1s\nkey-file = /nowhere/key\nstore = sqlite:/nowhere/db\n')
		assert.match(await reload(drawbridge), /want a new start of the server: store, key-file/)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		const help = await run(binary, ['serve', '--help'])
		assert.match(help.stdout, /--key-file FILE .*\*\n/)
		assert.match(help.stdout, /those marked \*: they want a new start/)
	}))

	it('SIGHUP does the same; a second one meanwhile is not taken', scoped(async (scope) => {
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { flags: ['--drain', '2s'] } })
		process.kill(drawbridge.server.pid, 'SIGHUP')
		await sleep(50)
		process.kill(drawbridge.server.pid, 'SIGHUP')
		await eventually('the reload', () => told(drawbridge).renewal?.state === 'done')
		assert.equal(told(drawbridge).renewal.number, 1)
		assert.match(drawbridge.log, /"event":"no reload now","why":"one is under way already"/)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		const end = await drawbridge.stop()
		assert.deepEqual(end, { status: 0, signal: null })
	}))

	it('no process can be forked: it fails, and can be asked for again; or the server is stopped meanwhile', scoped(async (scope) => {
		const user = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {} /* root is above the limit */
		const folder = temporaryFolder(scope)
		const [program, data] = ['drawbridge', 'data'].map((name) => join(folder, name))
		copyFileSync(binary, program)
		mkdirSync(data)
		for (const path of user.uid ? [folder, program, data] : [])
			chownSync(path, user.uid, user.gid)
		const drawbridge = await startDrawbridge(scope, { ...user, binary: program, data, cwd: folder, flags: ['--drain', '1s'] })
		const { pid } = drawbridge.server
		const [, hard] = /^Max processes +\S+ +(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))
		const limit = (processes) => mustRun('prlimit', ['--pid', String(pid), `--nproc=${processes}:`], user)
		const roles = () => drawbridge.roles().map((role) => role.pid).sort()
		const before = roles()

		await limit(1)
		process.kill(pid, 'SIGHUP')
		await eventually('it to fail', () => told(drawbridge).renewal?.state === 'failed', { timeout: 45_000 })
		assert.match(drawbridge.log, /"event":"a role could not be started","role":"(keeper|exchanger)"/)
		assert.match(drawbridge.log, /the new processes were not ready in time/)
		await limit(hard)
		await sleep(6000) /* nothing of it is started after all: the longest pause is 5 s */
		assert.deepEqual(roles(), before)
		await reload(drawbridge)
		assert.deepEqual([roles().length, roles().some((each) => before.includes(each))], [3, false])

		await limit(1)
		process.kill(pid, 'SIGHUP')
		await eventually('another', () => told(drawbridge).renewal.state === 'running')
		assert.deepEqual(await drawbridge.stop(), { status: 0, signal: null })
	}))

	it('there is none to reload: said so', scoped(async (scope) => {
		const { drawbridge } = await startBearerWorld(scope)
		await drawbridge.stop()
		const done = await drawbridge.cli(['reload'])
		assert.deepEqual([done.status, /no server/.test(done.stderr)], [5, true])
	}))

	it('a renewed certificate is served to new connections', scoped(async (scope) => {
		const ca = await startAuthority(scope)
		const folder = temporaryFolder(scope)
		const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
		const put = async () => {
			const issued = await ca.issue(['localhost'])
			writeFileSync(key, issued.key, { mode: 0o600 })
			writeFileSync(cert, issued.cert)
			return new X509Certificate(issued.cert).serialNumber
		}
		const first = await put()
		const [port, data] = [await freePort(), join(folder, 'data')]
		const server = startProcess(scope, binary, ['serve', '--data', data, '--listen', `127.0.0.1:${port}`,
			'--tls-cert', cert, '--tls-key', key, '--drain', '1s'])
		await server.says(/"event":"ready"/)
		const served = () => new Promise((resolve, reject) => {
			const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: ca.pem }, () => {
				resolve(socket.getPeerCertificate().serialNumber)
				socket.destroy()
			})
			socket.on('error', reject)
		})
		assert.equal(await served(), first)
		const second = await put()
		assert.equal((await run(binary, ['reload', '--data', data])).status, 0)
		assert.equal(await served(), second)
	}))
})
