// SPDX-License-Identifier: Apache-2.0
/*
 * What waits long holds up none but his like: calls go on while the API waits for the keeper or for password
 * hashes, and the API while some of it waits for other people's servers.
 */
import assert from 'node:assert/strict'
import net from 'node:net'
import { before, describe, it } from 'node:test'
import { owner } from '../support/drawbridge.mjs'
import { bearerService, keyService } from '../support/definitions.mjs'
import { listen } from '../support/http.mjs'
import { signedIn } from '../support/members.mjs'
import { connectRaw } from '../support/raw.mjs'
import { eventually, sleep, suite } from '../support/scope.mjs'
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

	describe('a service that never answers', () => {
		let silent, slow, colleague, asked
		const sockets = new Set()
		const give = (options) => drawbridge.api('PUT', `/v1/connections/${slow}/credentials`, { api_key: 'another' },
			{ agent: false, timeout: 60_000, ...options })

		before(async () => {
			asked = 0
			silent = net.createServer((socket) => {
				asked += 1
				sockets.add(socket.on('error', () => {}))
			})
			const port = await listen(scope, silent)
			scope.after(() => sockets.forEach((socket) => socket.destroy()))
			await addService(drawbridge, keyService('silent', { url: `http://127.0.0.1:${port}`,
				base: { tests: [{ path: '/me' }] } }));
			({ link_name: slow } = await newConnection(drawbridge, 'silent', { credentials: { api_key: 'first' } }))
			await addService(drawbridge, keyService('prompt', { url: api.url, base: { tests: [{ path: '/nothing' }] } }))
			const { headers } = await signedIn(drawbridge, 'bea@example.org', 'admin')
			colleague = { key: null, agent: false, headers }
		})

		/* Whoever is asked lets go of all who ask him. */
		const letGo = () => {
			for (const socket of sockets)
				socket.destroy()
			sockets.clear()
		}

		it('is not asked for those who have gone while they waited', async () => {
			asked = 0
			const first = Array.from({ length: 4 }, () => give())
			await eventually('four to be under way', () => asked === 4)
			const body = JSON.stringify({ api_key: 'another' })
			const raws = Array.from({ length: 20 }, () => connectRaw(scope, drawbridge.port).send(
				`PUT /v1/connections/${slow}/credentials HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${drawbridge.key}\r\n`
				+ `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`))
			await drawbridge.must('GET', '/v1/me')
			for (const [n, raw] of raws.entries())
				if (n % 2)
					raw.close()
				else
					raw.finish()
			await Promise.all(raws.map((raw) => raw.rest()))
			letGo()
			await Promise.all(first)
			assert.equal((await drawbridge.api('POST', `/v1/connections/${slow}/refresh`, {})).status, 409)
			assert.equal(asked, 4)
		})

		it('holds up neither the API nor a colleague, and who waits for it has a bound', async () => {
			const { link_name: prompt } = await newConnection(drawbridge, 'prompt', { credentials: { api_key: 'first' } })
			const waiting = Array.from({ length: 80 }, () => give())
			const early = []
			for (const one of waiting)
				one.then((answer) => early.push(answer), () => {})
			await eventually('those beyond the bound to be told', () => early.length >= 80 - 64)
			assert.equal(early.length, 80 - 64)
			for (const { status, json, headers } of early) {
				assert.equal(status, 429)
				assert.equal(json.code, 'rate_limited')
				assert.ok(Number(headers['retry-after']) > 0)
			}
			for (const [method, path, body, status] of [
				['PUT', `/v1/connections/${prompt}/credentials`, { api_key: 'second' }, 422],
				['POST', '/v1/connections', { name: 'Hers', service: 'prompt', credentials: { api_key: 'hers' } }, 201],
				['POST', '/v1/keys', { name: 'hers', role: 'viewer' }, 201],
				['GET', '/v1/members', undefined, 200],
				['POST', '/v1/connections/suspend', { service: 'prompt' }, 202]
			]) {
				const { answer, ms } = await timed(drawbridge.api(method, path, body, colleague))
				assert.equal(answer.status, status, answer.text)
				assert.ok(ms < quick, `${method} ${path} took ${ms} ms`)
			}
			assert.ok(asked <= 8, `${asked} were under way at once`)
			silent.close()
			letGo()
			for (const answer of await Promise.all(waiting))
				assert.ok([429, 502, 503, 504].includes(answer.status), answer.text)
		})
	})
})
