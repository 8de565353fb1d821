// SPDX-License-Identifier: Apache-2.0
/*
 * What comes in the midst of a reload, an upgrade or a stop: a stop, a second one, the death of a process, a process
 * that is late. Each generation ends in its own order and time, and no token on its way is lost.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { connect, redirectUris } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { binary, root, startDrawbridge } from '../support/drawbridge.mjs'
import { request } from '../support/http.mjs'
import { killQuietly, run } from '../support/process.mjs'
import { connectRaw } from '../support/raw.mjs'
import { eventually, freePort, scoped, sleep, suite, temporaryFolder } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { Steps, heldReload } from '../support/steps.mjs'
import { traffic } from '../support/traffic.mjs'
import { addService, newConnection, startBearerWorld } from '../support/worlds.mjs'

const told = (drawbridge) => JSON.parse(readFileSync(join(drawbridge.data, 'server.json'), 'utf8'))
const state = (drawbridge) => told(drawbridge).renewal?.state
const serves = (drawbridge) => eventually('the new generation to serve', () =>
	/the new generation serves/.test(drawbridge.log))
const outcome = (call) => call.then(({ status }) => status, ({ code, message }) => code ?? message)

/* An API behind grants whose refresh tokens rotate, each to be used once. */
async function startRotating(scope, flags) {
	const port = await freePort()
	const server = await startScripted(scope, { redirectUris: redirectUris(port, 'plain') })
	const api = await startApi(scope, { check: (token) => server.accountOf(token) })
	const drawbridge = await startDrawbridge(scope, { port, flags })
	await addService(drawbridge, oauthService('plain', server, api, { refresh: { rotates: true } }), server.client)
	const { link_name: link } = await newConnection(drawbridge, 'plain', { scopes: ['tickets.read'] })
	await connect(drawbridge, link, consentByItself)
	const refresh = () => drawbridge.api('POST', `/v1/connections/${link}/refresh`, undefined, { headers: { connection: 'close' } })
	let worked = 0
	/* One whose answer takes so long; returns when the provider has it. */
	const slowly = async (ms) => {
		server.faults.on('token', { kind: 'delay', ms, times: 1 })
		const before = server.requests.length
		const asked = outcome(refresh())
		await eventually('the request', () => server.requests.length > before)
		worked = Date.now() + ms + 200
		return { asked }
	}
	const stillGood = async () => {
		await sleep(Math.max(0, worked - Date.now())) /* else it might be the provider's first of two */
		const answer = await refresh()
		assert.equal(answer.status, 200, answer.text)
		assert.equal(server.reused, 0)
		assert.equal((await drawbridge.connection(link)).status, 'connected')
	}
	return { drawbridge, slowly, stillGood }
}

suite('a process that is late, or dies', () => {
	it('the front is late at a stop: the keeper has a time of its own for a token on its way', scoped(async (scope) => {
		const { drawbridge, slowly, stillGood } = await startRotating(scope, ['--drain', '1s'])
		const { asked } = await slowly(4500)
		assert.deepEqual(await drawbridge.stop(), { status: 0, signal: null })
		await asked
		const { log } = drawbridge
		await drawbridge.start()
		await stillGood()
		assert.match(log, /"event":"a role does not stop; it is killed","role":"front"/)
	}))

	it('the old front is late at a reload: so has the old keeper', scoped(async (scope) => {
		const { drawbridge, slowly, stillGood } = await startRotating(scope, ['--drain', '1s'])
		const { asked } = await slowly(4500)
		process.kill(drawbridge.server.pid, 'SIGHUP')
		await eventually('the reload', () => state(drawbridge) === 'done')
		await asked
		await stillGood()
		assert.match(drawbridge.log, /"event":"a role does not stop; it is killed","role":"front"/)
	}))

	it('front and keeper are late at a stop: it takes twice the drain time and 6 s at most, and a unit waits as long', scoped(async (scope) => {
		const { drawbridge, slowly } = await startRotating(scope, ['--drain', '1s'])
		const { asked } = await slowly(20_000)
		const began = Date.now()
		assert.deepEqual(await drawbridge.stop(), { status: 0, signal: null })
		const took = Date.now() - began
		assert.ok(took > 5500 && took < 12_000, `${took} ms`)
		await asked
		const late = [...drawbridge.log.matchAll(/"a role does not stop; it is killed","role":"(\w+)"/g)].map(([, role]) => role)
		assert.deepEqual(late, ['front', 'keeper'])
		const [, drain] = /--drain TIME [^(]*\(default (\d+)s\)/.exec((await run(binary, ['serve', '--help'])).stdout)
		const [, patience] = /^TimeoutStopSec=(\d+)$/m.exec(readFileSync(join(root, 'docs/drawbridge.service'), 'utf8'))
		assert.ok(Number(patience) > 2 * Number(drain) + 6)
	}))

	it('one that waits to be started again is started after an upgrade, too', scoped(async (scope) => {
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { flags: ['--drain', '20s'] } })
		const old = drawbridge.role('--role=exchanger')
		const hanging = drawbridge.via(link, '/slow?ms=6000', { headers: { connection: 'close' } })
		await sleep(200)
		const upgrade = run(drawbridge.binary, ['upgrade', '--data', drawbridge.data], { timeout: 90_000 })
		await serves(drawbridge)
		/* it goes on dying: the pause grows to seconds, and the last call of the old generation ends in it */
		const exchanger = () => drawbridge.roles().find(({ pid, title }) => pid !== old && title.includes('--role=exchanger'))?.pid
		for (let n = 0; n < 6; n++) {
			const pid = await eventually('an exchanger', exchanger)
			process.kill(pid, 'SIGKILL')
			await eventually('its end', () => exchanger() !== pid)
		}
		assert.equal((await hanging).status, 200)
		assert.equal(exchanger(), undefined, 'it is in its pause')
		assert.equal((await upgrade).status, 0)
		await eventually('an exchanger of the new program', exchanger, { timeout: 8000 })
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		assert.deepEqual(await drawbridge.stop(), { status: 0, signal: null })
	}))

	it('one that is started again during a reload does not take itself for the only one', scoped(async (scope) => {
		const steps = new Steps(scope)
		const { drawbridge } = await startBearerWorld(scope, { drawbridge: { ...steps.options, flags: ['--drain', '1s'] } })
		const now = { keeper: drawbridge.role('--role=keeper'), front: drawbridge.role('--role=front') }
		const held = await heldReload(drawbridge, steps)
		const rotate = async () => (await request({ path: '/v1/keyring/rotate' },
			{ socketPath: join(drawbridge.data, 'drawbridge.sock'), method: 'POST', body: {} })).status
		assert.equal(await rotate(), 409, 'keys stay as they are beside another keeper')
		for (const role of ['keeper', 'front']) {
			const all = drawbridge.roles().map(({ pid }) => pid)
			process.kill(now[role], 'SIGKILL')
			await eventually(`another ${role}`, () => drawbridge.roles().some(({ pid, title }) =>
				!all.includes(pid) && title.includes(`--role=${role}`)))
			await drawbridge.ready()
			assert.equal(await rotate(), 409, `after the ${role} was started again`)
		}
		process.kill(held, 'SIGKILL')
		await eventually('the reload to fail', () => state(drawbridge) === 'failed')
		await eventually('a rotation', async () => await rotate() < 300)
	}))
})

suite('a generation that comes', () => {
	it('takes no call before its keeper works', scoped(async (scope) => {
		const steps = new Steps(scope)
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { ...steps.options, flags: ['--drain', '1s'] } })
		const old = drawbridge.role('--role=front')
		const held = await heldReload(drawbridge, steps)
		await sleep(1000) /* for its front, if there were one */
		process.kill(old, 'SIGSTOP') /* so that whoever else listens takes what comes */
		const calls = Array.from({ length: 30 }, () => outcome(drawbridge.via(link, '/echo', { headers: { connection: 'close' } })))
		await sleep(1000)
		process.kill(old, 'SIGCONT')
		process.kill(held, 'SIGKILL')
		await eventually('the reload to fail', () => state(drawbridge) === 'failed')
		assert.deepEqual((await Promise.all(calls)).filter((status) => status !== 200), [])
		const end = traffic(drawbridge, link)
		assert.equal((await drawbridge.cli(['reload'])).status, 0)
		await end()
	}))

	it('is stopped while it starts: the server ends in good order', scoped(async (scope) => {
		const steps = new Steps(scope)
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { ...steps.options, flags: ['--drain', '5s'] } })
		const slow = drawbridge.via(link, '/slow?ms=1500')
		await heldReload(drawbridge, steps)
		assert.deepEqual(await drawbridge.stop(), { status: 0, signal: null })
		assert.equal((await slow).status, 200)
	}))
})

suite('a stop while an old generation ends its calls', () => {
	for (const signal of ['SIGHUP', 'SIGUSR2'])
		it(`after ${signal}: they have their drain time`, scoped(async (scope) => {
			const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { flags: ['--drain', '6s'] } })
			const slow = outcome(drawbridge.via(link, '/slow?ms=3000'))
			await sleep(200)
			process.kill(drawbridge.server.pid, signal)
			await serves(drawbridge)
			const young = outcome(drawbridge.via(link, '/slow?ms=1000', { headers: { connection: 'close' } }))
			await sleep(300)
			assert.deepEqual(await drawbridge.stop(), { status: 0, signal: null })
			assert.deepEqual([await slow, await young], [200, 200])
		}))

	it('it waits for no connection without a call', scoped(async (scope) => {
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { flags: ['--drain', '20s'] } })
		const idle = connectRaw(scope, drawbridge.port)
		idle.send(`GET /via/${link}/echo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${drawbridge.key}\r\n\r\n`)
		assert.equal((await idle.answer()).status, 200)
		const slow = outcome(drawbridge.via(link, '/slow?ms=2500'))
		await sleep(200)
		process.kill(drawbridge.server.pid, 'SIGHUP')
		await serves(drawbridge)
		await sleep(300)
		assert.ok(!idle.ended, 'as long as the new generation serves it may send one more request')
		const began = Date.now()
		assert.deepEqual(await drawbridge.stop(), { status: 0, signal: null })
		const took = Date.now() - began
		assert.equal(await slow, 200)
		assert.ok(took < 6000, `${took} ms`)
	}))

	it('a token on its way to the old keeper is stored', scoped(async (scope) => {
		const { drawbridge, slowly, stillGood } = await startRotating(scope, ['--drain', '6s'])
		const { asked } = await slowly(5000)
		process.kill(drawbridge.server.pid, 'SIGHUP')
		await serves(drawbridge)
		assert.deepEqual(await drawbridge.stop(), { status: 0, signal: null })
		await asked
		await drawbridge.start()
		await stillGood()
	}))

	it('the second stop ends all at once, whichever generation it is of', scoped(async (scope) => {
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { flags: ['--drain', '60s'] } })
		const calls = [outcome(drawbridge.via(link, '/hang'))]
		await sleep(200)
		process.kill(drawbridge.server.pid, 'SIGHUP')
		await serves(drawbridge)
		calls.push(outcome(drawbridge.via(link, '/hang', { headers: { connection: 'close' } })))
		await sleep(300)
		process.kill(drawbridge.server.pid, 'SIGTERM')
		await sleep(1000)
		assert.ok(!drawbridge.server.end, 'the first one lets calls end')
		const roles = drawbridge.roles().map(({ pid }) => pid)
		assert.deepEqual(await drawbridge.stop({ timeout: 3000 }), { status: 0, signal: null })
		assert.deepEqual(roles.map((pid) => killQuietly(pid, 0)), roles.map(() => false))
		assert.ok((await Promise.all(calls)).every((status) => status !== 200))
	}))

	it('the second stop ends one that comes, too', scoped(async (scope) => {
		const steps = new Steps(scope)
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { ...steps.options, flags: ['--drain', '60s'] } })
		const hanging = outcome(drawbridge.via(link, '/hang'))
		await sleep(200)
		await heldReload(drawbridge, steps)
		process.kill(drawbridge.server.pid, 'SIGTERM')
		await sleep(500)
		assert.ok(!drawbridge.server.end)
		assert.deepEqual(await drawbridge.stop({ timeout: 3000 }), { status: 0, signal: null })
		assert.notEqual(await hanging, 200)
	}))

	it('the time is that of the settings which a generation was started with', scoped(async (scope) => {
		const config = join(temporaryFolder(scope), 'settings')
		writeFileSync(config, 'drain = 10s\n')
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { flags: ['--config', config] } })
		const slow = outcome(drawbridge.via(link, '/slow?ms=5000'))
		await sleep(200)
		writeFileSync(config, 'drain = 1s\n')
		process.kill(drawbridge.server.pid, 'SIGHUP')
		await eventually('the reload', () => state(drawbridge) === 'done')
		assert.equal(await slow, 200)
	}))
})
