// SPDX-License-Identifier: Apache-2.0
/*
 * An OAuth app that the provider refuses for a while (its secret was changed there, or the app was blocked): it is
 * shown as refused, disconnects nobody, and is shown so no more once tokens come again, without anybody setting it.
 * And one that somebody replaces by another, by mistake or not.
 */
import assert from 'node:assert/strict'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { connect, redirectUris, walkConsent } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { eventually, freePort, suite } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('an OAuth app that is refused for a while', (scope) => {
	let drawbridge, server, link, good

	before(async () => {
		const port = await freePort()
		server = await startScripted(scope, { redirectUris: redirectUris(port, 'flagged') })
		const api = await startApi(scope, { check: (token) => server.accountOf(token) })
		drawbridge = await startDrawbridge(scope, { port })
		await addService(drawbridge, oauthService('flagged', server, api, { refresh: { rotates: true } }), server.client)
		good = server.client
		;({ link_name: link } = await newConnection(drawbridge, 'flagged', { scopes: ['tickets.read'] }))
		await connect(drawbridge, link, consentByItself)
	})

	const refresh = () => drawbridge.api('POST', `/v1/connections/${link}/refresh`)
	const app = async () => (await drawbridge.must('GET', '/v1/services/flagged/app')).apps[0]

	beforeEach(async () => {
		server.client = { ...good, client_secret: 'the provider has another' }
		assert.equal((await refresh()).status, 503)
		assert.match((await eventually('it to be flagged', async () => (await app()).flagged && app())).flagged,
			/refuses the OAuth app/)
	})

	const unflagged = async () => {
		const { flagged_at: at, updated_at: updated } = await eventually('its mark to go', async () => {
			const now = await app()
			return now.flagged === null && now
		})
		assert.equal(at, null)
		return updated
	}

	it('its mark goes when a refresh succeeds', async () => {
		const { updated_at: updated } = await app()
		server.client = good
		assert.equal((await refresh()).status, 200)
		assert.equal(await unflagged(), updated, 'nobody has set it')
		assert.equal((await drawbridge.connection(link)).health, 'ok')
	})

	it('and when a consent does', async () => {
		const { link_name: other } = await newConnection(drawbridge, 'flagged', { scopes: ['tickets.read'] })
		assert.match((await walkConsent(drawbridge, other, consentByItself)).text, /refuses the OAuth app/)
		server.client = good
		await connect(drawbridge, other, consentByItself)
		await unflagged()
	})
})

suite('an OAuth app that is replaced by another', (scope) => {
	let drawbridge, server, link, right
	const other = { client_id: 'another-client', client_secret: 'an0ther secret' }

	before(async () => {
		const port = await freePort()
		server = await startScripted(scope, { redirectUris: redirectUris(port, 'replaced') })
		const api = await startApi(scope, { check: (token) => server.accountOf(token) })
		drawbridge = await startDrawbridge(scope, { port })
		right = server.client
		await addService(drawbridge, oauthService('replaced', server, api, { refresh: { rotates: true } }), right)
		;({ link_name: link } = await newConnection(drawbridge, 'replaced', { scopes: ['tickets.read'] }))
		await connect(drawbridge, link, consentByItself)
	})

	const path = '/v1/services/replaced/app'
	const app = async () => (await drawbridge.must('GET', path)).apps[0]
	const healthy = () => eventually('it to be well', async () =>
		(await drawbridge.connection(link)).health === 'ok' && (await app()).flagged === null)

	beforeEach(async () => {
		await drawbridge.must('PUT', path, other)
		const asked = server.requests.length
		const answer = await drawbridge.api('POST', `/v1/connections/${link}/refresh`)
		assert.equal(answer.status, 503, answer.text)
		assert.match(answer.json.detail, /given to scripted-client\. Set that one again/)
		assert.equal(server.requests.length, asked, 'nobody is asked')
		const now = await eventually('it to say so', async () => {
			const connection = await drawbridge.connection(link)
			return connection.health === 'degraded' && connection
		})
		assert.equal(now.status, 'connected')
		assert.equal(now.health_reason, answer.json.detail)
		assert.match((await app()).flagged, /another client id/)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})

	it('the right client id, set again, brings it back, though nobody asks', async () => {
		const asked = server.requests.length
		await drawbridge.must('PUT', path, right)
		await healthy()
		assert.equal(server.requests.length, asked + 1)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})

	it('so it does after a restart', async () => {
		await drawbridge.killHard()
		await drawbridge.start()
		assert.equal((await drawbridge.connection(link)).status, 'connected')
		await drawbridge.must('PUT', path, right)
		await healthy()
	})

	it('who meant it connects anew, and the app is well', async () => {
		server.client = other
		await connect(drawbridge, link, consentByItself)
		await healthy()
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
	})
})
