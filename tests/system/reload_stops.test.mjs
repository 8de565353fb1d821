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
import { connect } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { killQuietly, run } from '../support/process.mjs'
import { eventually, freePort, scoped, sleep, suite, temporaryFolder } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { Steps } from '../support/steps.mjs'
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
	const server = await startScripted(scope, { redirectUris: [`http://localhost:${port}/oauth/callback`] })
	const api = await startApi(scope, { check: (token) => server.accountOf(token) })
	const drawbridge = await startDrawbridge(scope, { port, flags })
	await addService(drawbridge, oauthService('plain', server, api, { refresh: { rotates: true } }), server.client)
	const { link_name: link } = await newConnection(drawbridge, 'plain', { scopes: ['tickets.read'] })
	await connect(drawbridge, link, consentByItself)
	const refresh = () => drawbridge.api('POST', `/v1/connections/${link}/refresh`, undefined, { headers: { connection: 'close' } })
	/* One whose answer takes so long; returns when the provider has it. */
	const slowly = async (ms) => {
		server.faults.on('token', { kind: 'delay', ms, times: 1 })
		const before = server.requests.length
		const asked = outcome(refresh())
		await eventually('the request', () => server.requests.length > before)
		return { asked }
	}
	const stillGood = async () => {
		const answer = await refresh()
		assert.equal(answer.status, 200, answer.text)
		assert.equal(server.reused, 0)
		assert.equal((await drawbridge.connection(link)).status, 'connected')
	}
	return { drawbridge, slowly, stillGood }
}

/* A reload whose keeper was started and stands still before it has opened anything. */
async function heldReload(drawbridge, steps) {
	const before = drawbridge.roles().map(({ pid }) => pid)
	steps.set('1 stop keeper.begun')
	process.kill(drawbridge.server.pid, 'SIGHUP')
	await steps.reached('keeper.begun')
	const keeper = drawbridge.roles().find(({ pid, title }) => !before.includes(pid) && title.includes('--role=keeper'))
	return keeper.pid
}

suite('a process that is late, or dies', () => {
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
})
