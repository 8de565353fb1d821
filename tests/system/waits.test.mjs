// SPDX-License-Identifier: Apache-2.0
/*
 * What waits long holds up none but his like: calls go on while the API waits for the keeper or for password hashes.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { owner } from '../support/drawbridge.mjs'
import { bearerService } from '../support/definitions.mjs'
import { sleep, suite } from '../support/scope.mjs'
import { addService, newConnection, startBearerWorld } from '../support/worlds.mjs'

const quick = 1500 /* ms: far less than the keeper stands still, and room for a slow machine */

async function timed(what) {
	const began = Date.now()
	const answer = await what
	return { answer, ms: Date.now() - began }
}

suite('waiting', (scope) => {
	let drawbridge, api, token, link

	before(async () => {
		({ drawbridge, api, token } = await startBearerWorld(scope, { api: { routes: {
			/* no connection is used twice: each call looks its name up */
			'/echo': (request, response) => response.writeHead(200, { connection: 'close', 'content-length': 0 }).end()
		} } }))
		await addService(drawbridge, bearerService('named', { url: api.url.replace('127.0.0.1', 'localhost') }));
		({ link_name: link } = await newConnection(drawbridge, 'named', { credentials: { token } }))
	})

	it('twenty API calls that wait for the keeper stop no call, no key and no look at health', async () => {
		const fresh = await drawbridge.createKey('admin')
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		const keeper = drawbridge.role('--role=keeper')
		const waiting = []
		process.kill(keeper, 'SIGSTOP')
		try {
			for (let n = 0; n < 20; n++)
				waiting.push(drawbridge.api('POST', '/v1/connections', { name: `Waits ${n}`, service: 'named',
					credentials: { token } }, { timeout: 60_000 }))
			await sleep(1200) /* the answer of /readyz before holds for a second */
			const looks = Array.from({ length: 20 }, () => timed(drawbridge.api('GET', '/readyz', undefined, { key: null })))
			await sleep(300)
			for (const key of [drawbridge.key, fresh]) {
				const { answer, ms } = await timed(drawbridge.via(link, '/echo', { key }))
				assert.equal(answer.status, 200, answer.text)
				assert.ok(ms < quick, `a call took ${ms} ms`)
			}
			const health = await timed(drawbridge.api('GET', '/healthz', undefined, { key: null }))
			assert.ok(health.ms < quick, `/healthz took ${health.ms} ms`)
			for (const { answer, ms } of await Promise.all(looks)) {
				assert.equal(answer.status, 503, answer.text)
				assert.ok(ms < 4000, `/readyz took ${ms} ms`)
			}
			const metrics = await timed(drawbridge.api('GET', '/metrics', undefined, { key: null }))
			assert.ok(metrics.ms < 1000 + quick, `/metrics took ${metrics.ms} ms`)
		} finally {
			process.kill(keeper, 'SIGCONT')
		}
		for (const answer of await Promise.all(waiting))
			assert.ok([201, 503, 504].includes(answer.status), answer.text)
		await drawbridge.ready()
	})

	it('a crowd that signs in holds up nobody else, and has its limit', async () => {
		const crowd = Array.from({ length: 24 }, (_, n) => drawbridge.api('POST', '/v1/session',
			{ email: `nobody${n}@example.org`, password: 'wrong-password-7731' }, { key: null, agent: false, timeout: 60_000 }))
		await sleep(200)
		const { answer, ms } = await timed(drawbridge.api('GET', '/v1/me', undefined, { agent: false }))
		assert.equal(answer.status, 200, answer.text)
		assert.ok(ms < quick, `/v1/me took ${ms} ms`)
		for (const { status, text } of await Promise.all(crowd))
			assert.ok([401, 429, 503].includes(status), text)
		const signedIn = await drawbridge.cli(['key', 'list'])
		assert.equal(signedIn.status, 0, `${owner.email}: ${signedIn.stderr}`)
	})
})
