// SPDX-License-Identifier: Apache-2.0
/*
 * Where the refreshes of other products went wrong, beside what the suites of refresh and consent show: an expiry told
 * by 403, with words or without, what has to go along with a refresh and where it goes, a client that authenticates
 * otherwise than at first, raw words.
 */
import assert from 'node:assert/strict'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { connect, redirectUris } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { freePort, suite } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('lessons of refresh', (scope) => {
	let drawbridge, server, renewing, api
	const expired = { when: { status: [403], json: 'code', is: ['SESSION_EXPIRED'] }, executed_nothing: true }

	before(async () => {
		const port = await freePort()
		server = await startScripted(scope, { redirectUris: redirectUris(port, 'forbids', 'forbids_plainly', 'forbids_mutely',
			'forbids_by_code', 'carries', 'alike', 'ends', 'ends_known') })
		renewing = await startScripted(scope, { redirectUris: redirectUris(port, 'elsewhere'), renewsElsewhere: true })
		api = await startApi(scope, { check: (token) => server.accountOf(token), routes: {
			'/forbids': (_, response) => {
				const dead = api.expired > 0 && api.expired--
				response.writeHead(dead ? 403 : 200, { 'content-type': 'application/json' })
				response.end(JSON.stringify({ code: dead ? 'SESSION_EXPIRED' : 'OK' }))
			},
			/* ?length, ?chunks, ?close: an empty page of a gateway before the API; ?json: the API's own refusal */
			'/mute'(request, response) {
				const dead = api.expired > 0 && api.expired--
				const how = new URL(request.url, 'http://x').search
				if (!dead || how === '?json')
					return response.writeHead(dead ? 403 : 200, { 'content-type': 'application/json' }).end('{"code":"NO_RIGHT"}')
				const framing = { '?length': 'Content-Length: 0\r\n\r\n', '?close': 'Connection: close\r\n\r\n',
					'?chunks': 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n' }[how]
				response.socket.write(`HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n${framing}`)
				response.socket.end()
			}
		} })
		drawbridge = await startDrawbridge(scope, { port })
	})

	beforeEach(() => {
		server.reset()
		api.expired = 0
	})

	const another = async (service) => {
		const { link_name: link } = await newConnection(drawbridge, service, { scopes: ['tickets.read'] })
		await connect(drawbridge, link, consentByItself)
		return link
	}
	const connected = async (id, more = {}, base = {}) => {
		const definition = oauthService(id, server, { url: api.url, base }, { refresh: { rotates: true }, ...more })
		return another(await addService(drawbridge, definition, server.client))
	}
	const refresh = (link) => drawbridge.api('POST', `/v1/connections/${link}/refresh`)
	const last = (type) => server.requests.findLast(({ form }) => form.grant_type === type)

	it('an expiry that is told by 403 is renewed and the call sent again, where the definition says so', async () => {
		const link = await connected('forbids', {}, { refresh_on: [expired] })
		const before = last('refresh_token')
		await drawbridge.via(link, '/forbids')
		const { token } = api.last()
		api.expired = 1
		assert.equal((await drawbridge.via(link, '/forbids')).status, 200)
		assert.notEqual(last('refresh_token'), before)
		assert.notEqual(api.last().token, token)
	})

	it('an expiry that is told by 403 with an empty page is renewed, however that ends; the API\'s own 403 is not', async () => {
		await connected('forbids_mutely', {}, { refresh_on: [{ executed_nothing: true,
			when: { status: [403], header: 'Content-Type', header_has: 'text/html' } }] })
		for (const how of ['length', 'chunks', 'close', 'json']) {
			const link = await another('forbids_mutely')
			const before = last('refresh_token')
			assert.equal((await drawbridge.via(link, `/mute?${how}`)).status, 200)
			const { token } = api.last()
			api.expired = 1
			assert.equal((await drawbridge.via(link, `/mute?${how}`)).status, how === 'json' ? 403 : 200, how)
			assert.equal(last('refresh_token') === before, how === 'json', how)
			assert.equal(api.last().token === token, how === 'json', how)
		}
	})

	it('a rule that looks into the body finds nothing in an empty one, and holds nothing up', async () => {
		const link = await connected('forbids_by_code', {}, { refresh_on: [expired] })
		const before = last('refresh_token')
		for (const how of ['length', 'chunks', 'close']) {
			api.expired = 1
			const { status, text } = await drawbridge.via(link, `/mute?${how}`, { timeout: 5000 })
			assert.deepEqual([status, text], [403, ''], how)
		}
		assert.equal(last('refresh_token'), before)
	})

	it('a 403 that no rule knows is the service\'s own, and costs no refresh', async () => {
		const link = await connected('forbids_plainly')
		const before = last('refresh_token')
		api.expired = 1
		assert.equal((await drawbridge.via(link, '/forbids')).status, 403)
		assert.equal(last('refresh_token'), before)
	})

	it('what a refresh has to carry is on it: fields and parameters, and not those of the exchange', async () => {
		const link = await connected('carries', {
			token: { headers: { 'X-Version': '1' }, parameters: { expiring: '1' } },
			refresh: { rotates: true, headers: { 'X-Version': '2' }, parameters: { expires_in: '86400' } }
		})
		assert.equal(last('authorization_code').headers['x-version'], '1')
		assert.equal(last('authorization_code').form.expiring, '1')
		assert.equal((await refresh(link)).status, 200)
		const { form, headers } = last('refresh_token')
		assert.equal(headers['x-version'], '2')
		assert.equal(form.expires_in, '86400')
		assert.ok(!('expiring' in form))
	})

	it('a refresh goes to the definition\'s own URL for that, where there is one, and the code does not', async () => {
		const api = await startApi(scope, { check: (token) => renewing.accountOf(token) })
		const definition = oauthService('elsewhere', renewing, { url: api.url, base: {} },
			{ refresh: { rotates: true, url: renewing.endpoints.renew } })
		const { link_name: link } = await newConnection(drawbridge,
			await addService(drawbridge, definition, renewing.client), { scopes: ['tickets.read'] })
		await connect(drawbridge, link, consentByItself)
		for (let n = 0; n < 2; n++)
			assert.equal((await refresh(link)).status, 200)
		const { token, renew } = renewing.endpoints
		assert.deepEqual(renewing.requests.map(({ form, at }) => [form.grant_type, at]),
			[['authorization_code', token], ['refresh_token', renew], ['refresh_token', renew]])
		assert.equal((await drawbridge.via(link, '/anything')).status, 200)
	})

	it('the client authenticates on a refresh as it did at first', async () => {
		const link = await connected('alike')
		assert.equal((await refresh(link)).status, 200)
		const [first, then] = [last('authorization_code'), last('refresh_token')]
		assert.match(first.headers.authorization, /^Basic /)
		assert.equal(then.headers.authorization, first.headers.authorization)
		for (const { form } of [first, then])
			assert.ok(!('client_secret' in form))
	})

	it('a grant that has ended is told in words that say why and what to do', async () => {
		const link = await connected('ends')
		server.faults.on('token', { kind: 'status', status: 400, type: 'application/json', body: JSON.stringify({
			error: 'invalid_grant', error_description: 'The provided authorization grant (e.g., authorization code, '
				+ 'resource owner credentials) or refresh token is invalid, expired, revoked' }) })
		await refresh(link)
		const { status, reason } = await drawbridge.connection(link)
		assert.equal(status, 'needs_reconnect')
		assert.match(reason, /^The provider no longer accepts this access: it was taken back there, or has run out\. Connect again\. \(invalid_grant: The provided .*…\)$/)
	})

	it('what the definition knows of a refusal comes before the provider\'s own words, however many those are', async () => {
		const hint = 'Acme ended this grant: it was not used for a week.'
		const link = await connected('ends_known', { method: { errors: [{ when: { json: 'error', is: ['invalid_grant'] },
			class: 'dead_grant', hint }] } })
		server.faults.on('token', { kind: 'status', status: 400, type: 'application/json',
			body: JSON.stringify({ error: 'invalid_grant', error_description: 'ACME70043: '.padEnd(400, 'words ') }) })
		await refresh(link)
		const { reason } = await drawbridge.connection(link)
		assert.ok(reason.startsWith(`${hint} Connect again. (invalid_grant: ACME70043`), reason)
	})
})
