// SPDX-License-Identifier: Apache-2.0
/* The same line at a second, independent provider, whose habits differ: lower-case token_type, empty error bodies. */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { connect, redirectUris, walkConsent } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { consentAtGlewlwyd, startGlewlwyd } from '../support/glewlwyd.mjs'
import { freePort, suite } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('consent at glewlwyd', (scope) => {
	let drawbridge, peer, api, service
	const consent = (options) => (browser, page, more) =>
		consentAtGlewlwyd(browser, page, peer, { grant: 'tickets.read', ...options, ...more })

	before(async () => {
		const port = await freePort()
		peer = await startGlewlwyd(scope, { redirectUris: redirectUris(port, 'tickets_glewlwyd'), oneUse: 'always' })
		api = await startApi(scope, { check: async (token) => (await peer.introspect(token)).active })
		drawbridge = await startDrawbridge(scope, { port })
		service = await addService(drawbridge, oauthService('tickets_glewlwyd', peer, api, {
			authorize: { issuer: peer.url }, refresh: { rotates: true }
		}), peer.client)
	})

	const fresh = (scopes = ['tickets.read']) => newConnection(drawbridge, service, { scopes })

	it('ends in a connected connection whose token is active at the provider', async () => {
		const { link_name: link } = await fresh()
		const connection = await connect(drawbridge, link, consent())
		assert.deepEqual(connection.scopes_granted, ['tickets.read'])
		const answer = await drawbridge.via(link, '/echo/one')
		assert.equal(answer.status, 200)
		const told = await peer.introspect(api.last().token)
		assert.equal(told.active, true)
		assert.equal(told.username, 'grace')
	})

	it('a part of the scopes granted is connected, degraded, and says what is missing', async () => {
		const { link_name: link } = await fresh(['tickets.read', 'tickets.write'])
		const connection = await connect(drawbridge, link, consent())
		assert.deepEqual(connection.scopes_granted, ['tickets.read'])
		assert.equal(connection.health, 'degraded')
		assert.match(connection.health_reason, /tickets\.write/)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})

	it('one-time refresh tokens survive refresh after refresh', async () => {
		const { link_name: link } = await fresh()
		await connect(drawbridge, link, consent())
		for (let n = 0; n < 5; n++)
			await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})

	it('a refresh token that was revoked at the provider (400, empty body) needs a reconnect', async () => {
		const { link_name: link } = await fresh()
		await connect(drawbridge, link, consent())
		await peer.killRefreshTokens()
		await drawbridge.api('POST', `/v1/connections/${link}/refresh`)
		await drawbridge.api('POST', `/v1/connections/${link}/refresh`)
		const connection = await drawbridge.connection(link)
		assert.equal(connection.status, 'needs_reconnect')
		await connect(drawbridge, link, consent())
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})

	it('a wrong client secret (403, empty body) does not connect and says whose fault it is', async () => {
		const app = `/v1/services/${service}/app`
		await drawbridge.must('PUT', app, { ...peer.client, client_secret: 'wrong' })
		try {
			const { link_name: link } = await fresh()
			const page = await walkConsent(drawbridge, link, consent())
			assert.equal(page.url.origin, drawbridge.publicUrl)
			const connection = await drawbridge.connection(link)
			assert.equal(connection.status, 'not_connected')
			assert.equal(connection.reason, 'The provider refuses the OAuth app: unauthorized_client.')
			assert.ok(page.text.includes(connection.reason), page.text)
			assert.match(page.text, /Check the OAuth app's client id and secret/)
		} finally {
			await drawbridge.must('PUT', app, peer.client)
		}
	})

	it('revoking ends the refresh token at the provider', async () => {
		const { link_name: link } = await fresh()
		await connect(drawbridge, link, consent())
		const living = (await peer.refreshTokens()).split('\n').filter((line) => line.endsWith('|1')).length
		await drawbridge.must('POST', `/v1/connections/${link}/revoke`)
		const left = (await peer.refreshTokens()).split('\n').filter((line) => line.endsWith('|1')).length
		assert.equal(left, living - 1)
		assert.equal((await drawbridge.connection(link)).status, 'revoked')
	})
})
