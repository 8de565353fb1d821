// SPDX-License-Identifier: Apache-2.0
/*
 * Tokens that a service refuses before their time, as those do that evict or withdraw them: renewed whether or not
 * the call can be sent again, so that no connection goes on with a dead one; sent again only where that is safe. The
 * API here refuses a token for good, until another one comes.
 */
import assert from 'node:assert/strict'
import http from 'node:http'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { connect, redirectUris, walkConsent } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { signedIn } from '../support/members.mjs'
import { eventually, freePort, suite } from '../support/scope.mjs'
import { connectRaw } from '../support/raw.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const held = 64 * 1024 /* bytes of a body that are kept */

suite('tokens that a service refuses', (scope) => {
	let drawbridge, server, api
	const dead = new Set()

	async function emptied(request) {
		for await (const _ of request)
			;
	}

	before(async () => {
		const port = await freePort()
		server = await startScripted(scope, { redirectUris: redirectUris(port, 'plain', 'unsafe') })
		api = await startApi(scope, { check: async (token, request) => {
			const good = server.accountOf(token) && !dead.has(token)
			if (!good && request.url !== '/early')
				await emptied(request) /* so nobody is refused before he has said all */
			return good || request.url === '/early'
		}, routes: { '/early': async (request, response, { entry }) => {
			response.writeHead(dead.has(entry.token) ? 401 : 200, { 'content-type': 'text/plain', 'content-length': 9 })
			response.write('at ')
			await emptied(request)
			response.end('length')
		} } })
		drawbridge = await startDrawbridge(scope, { port })
		await define('plain', {})
		await define('unsafe', { refresh_on: [{ when: { status: [401] }, executed_nothing: false }],
			tests: [{ method: 'POST', path: '/echo' }] })
	})

	beforeEach(() => {
		server.reset()
		dead.clear()
	})

	const define = (id, base) => addService(drawbridge, oauthService(id, server, { url: api.url, base },
		{ refresh: { rotates: true } }), server.client)
	const connected = async (service = 'plain') => {
		const { link_name: link } = await newConnection(drawbridge, service, { scopes: ['tickets.read'] })
		await connect(drawbridge, link, consentByItself)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		return link
	}
	const renewals = () => server.requests.filter(({ form }) => form.grant_type === 'refresh_token').length
	/* What went to the API and to the provider meanwhile. */
	async function during(work) {
		const [calls, tokens] = [api.requests.length, renewals()]
		const answer = await work()
		return { ...answer, sent: api.requests.slice(calls), renewed: renewals() - tokens }
	}
	const post = (link, size, more) => drawbridge.via(link, '/echo', { method: 'POST', body: Buffer.alloc(size, 'u'), ...more })
	/* In chunks, so that nobody knows the length before the end. */
	const postChunks = (link, size) => new Promise((resolve, reject) => {
		const request = http.request({ host: '127.0.0.1', port: drawbridge.port, path: `/via/${link}/echo`, method: 'POST',
			headers: { authorization: `Bearer ${drawbridge.key}`, 'transfer-encoding': 'chunked' } }, (response) => {
			response.resume().on('end', () => resolve({ status: response.statusCode })).on('error', reject)
		}).on('error', reject)
		for (let left = size; left > 0; left -= 16_384)
			request.write(Buffer.alloc(Math.min(left, 16_384), 'c'))
		request.end()
	})
	const refuseNow = () => dead.add(api.last().token)

	it('a connection that only uploads gets a new token; the upload is not sent again, and its answer passed on', async () => {
		for (const upload of [post, postChunks]) {
			const link = await connected()
			refuseNow()
			const first = await during(() => upload(link, 300_000))
			assert.deepEqual([first.status, first.sent.length, first.renewed], [401, 1, 1], upload.name)
			assert.equal(first.headers?.['drawbridge-error'], undefined)
			const second = await during(() => upload(link, 300_000))
			assert.deepEqual([second.status, second.sent.length, second.renewed], [200, 1, 0], upload.name)
		}
	})

	it('nothing is sent again by a key that is revoked while the token is renewed; the refusal is passed on', async () => {
		const link = await connected()
		const mine = await drawbridge.must('POST', '/v1/keys', { name: 'mine', role: 'builder' })
		refuseNow()
		server.faults.on('token', { kind: 'delay', ms: 800, times: 1 })
		const { status, headers, sent, renewed } = await during(async () => {
			const before = renewals()
			const answer = drawbridge.via(link, '/echo', { key: mine.key })
			await eventually('the renewal', () => renewals() > before)
			await drawbridge.must('DELETE', `/v1/keys/${mine.id}`)
			return answer
		})
		assert.deepEqual([status, headers['drawbridge-error'], sent.length, renewed], [401, undefined, 1, 1])
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})

	it('so it is with the grant of each user', async () => {
		const { link_name: link } = await newConnection(drawbridge, 'plain', { scopes: ['tickets.read'], per_user: true })
		const ada = await signedIn(drawbridge, 'ada@example.org')
		await drawbridge.must('PUT', `/v1/connections/${link}/shares`, { items: [{ kind: 'everyone', level: 'use' }] })
		await walkConsent(drawbridge, link, consentByItself, { browser: ada.browser,
			ticket: (await ada.ask('POST', `/v1/connections/${link}/authorize`)).json })
		const key = await ada.key()
		assert.equal((await post(link, 10, { key })).status, 200)
		refuseNow()
		const first = await during(() => post(link, 300_000, { key }))
		assert.deepEqual([first.status, first.renewed], [401, 1])
		assert.equal((await post(link, 300_000, { key, agent: new http.Agent() })).status, 200)
	})

	it('64 KiB are kept and sent again; one byte more is not', async () => {
		for (const upload of [post, postChunks]) {
			const link = await connected()
			refuseNow()
			const whole = await during(() => upload(link, held))
			assert.deepEqual([whole.status, whole.sent.length, whole.renewed], [200, 2, 1], upload.name)
			const other = await connected()
			refuseNow()
			const over = await during(() => upload(other, held + 1))
			assert.deepEqual([over.status, over.sent.length, over.renewed], [401, 1, 1], upload.name)
		}
	})

	it('where a refusal may have done something, nothing is sent again: gateway, webhook, connection test', async () => {
		const ways = {
			gateway: (link) => post(link, 10),
			'a read on the gateway': (link) => drawbridge.via(link, '/echo'),
			webhook: async (link) => ({ status: (await drawbridge.must('POST', '/v1/webhooks/run', { request: { method: 'POST',
				url: `${api.url}/echo`, body: { type: 'json', content: { a: 1 } } }, connection: link,
			response_list: [{ codes: ['2xx'] }] })).response.status }),
			'connection test': async (link) => ({ status: (await drawbridge.must('POST',
				`/v1/connections/${link}/test`)).status })
		}
		for (const [way, call] of Object.entries(ways)) {
			const link = await connected('unsafe')
			refuseNow()
			const first = await during(() => call(link))
			assert.deepEqual([first.status, first.sent.length, first.renewed], [401, 1, 1], way)
			const second = await during(() => call(link))
			assert.deepEqual([second.status, second.sent.length, second.renewed], [200, 1, 0], way)
		}
	})

	it('an upload whose next token is refused too degrades the connection, and is not renewed again at once', async () => {
		const link = await connected()
		server.answer = (body) => {
			dead.add(body.access_token)
			return body
		}
		refuseNow()
		const all = await during(async () => ({ statuses: [(await post(link, 300_000)).status, (await post(link, 300_000)).status] }))
		assert.deepEqual([all.statuses, all.renewed], [[401, 401], 1])
		const { status, health_reason: reason } = await eventually('its health', async () => {
			const now = await drawbridge.connection(link)
			return now.health === 'degraded' && now
		})
		assert.equal(status, 'connected')
		assert.match(reason, /refuses even a token that was just renewed/)
	})

	it('a provider that is slow does not hold the answer up for long, and the token is renewed without it', async () => {
		const link = await connected()
		let given = false
		server.answer = (body) => {
			given = true
			return body
		}
		server.faults.on('token', { kind: 'delay', ms: 3500, times: 1 })
		refuseNow()
		const first = await during(() => post(link, 300_000))
		assert.deepEqual([first.status, given, first.renewed], [401, false, 1])
		await eventually('the token', () => given)
		await eventually('uploads to go on', async () => (await post(link, 300_000)).status === 200)
	})

	it('an early refusal leaves the rest of an upload its way', async () => {
		const link = await connected()
		refuseNow()
		server.faults.on('token', { kind: 'delay', ms: 300, times: 1 })
		const before = renewals()
		const raw = connectRaw(scope, drawbridge.port)
		raw.send(`POST /via/${link}/early HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${drawbridge.key}\r\n`
			+ 'Content-Length: 3000000\r\n\r\n').send(Buffer.alloc(100_000, 'e'))
		await eventually('the refusal', () => renewals() > before)
		raw.send(Buffer.alloc(2_900_000, 'e')) /* while the token is renewed */
		const answer = await raw.answer() /* whose end comes after that of the upload */
		assert.deepEqual([answer.status, answer.text], [401, 'at length'])
		assert.equal((await post(link, 300_000)).status, 200)
	})
})
