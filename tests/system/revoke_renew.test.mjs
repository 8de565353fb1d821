// SPDX-License-Identifier: Apache-2.0
/*
 * A provider that takes an access back by its access token alone (as Slack, GitHub, Dropbox, Zendesk and Notion do),
 * and that token has run out: it is renewed first, so that the grant ends; where that is not possible, who revokes is
 * told that it lives on, and what to do.
 */
import assert from 'node:assert/strict'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { connect, redirectUris } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { eventually, freePort, suite } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('a revocation by the access token', (scope) => {
	let drawbridge, api, server
	const prepared = []
	const settings = /could not be renewed .* Take the access back in the account's own settings/

	before(async () => {
		const port = await freePort()
		server = await startScripted(scope, { redirectUris: redirectUris(port, 'by_access') })
		api = await startApi(scope, { check: (token) => server.accountOf(token) })
		drawbridge = await startDrawbridge(scope, { port })
		const definition = oauthService('by_access', server, api, { refresh: { rotates: true } })
		definition.methods.oauth.revoke = { url: server.endpoints.revoke, client_auth: 'none',
			headers: { Authorization: 'Bearer {access_token}' } }
		await addService(drawbridge, definition, server.client)
		server.life = 1
		for (let n = 0; n < 6; n++) {
			const { link_name: link } = await newConnection(drawbridge, 'by_access', { scopes: ['tickets.read'] })
			await connect(drawbridge, link, consentByItself)
			prepared.push({ link, grant: [...server.access.values()].at(-1) })
		}
		server.life = 3600
		await eventually('all to run out', () => Date.now() > Math.max(...server.ends.values()))
	})

	beforeEach(() => server.reset())

	/* A connection whose access token has run out. */
	const runOut = () => ({ ...prepared.pop(), revocations: server.revocations.length, requests: server.requests.length })

	const revoke = (link) => drawbridge.must('POST', `/v1/connections/${link}/revoke`)
	const audited = async (action) => (await drawbridge.must('GET', '/v1/audit')).items.find((item) => item.action === action)

	it('one that has run out is renewed once, and the grant ends at the provider', async () => {
		const { link, grant, requests, revocations } = runOut()
		assert.equal((await revoke(link)).revoked_upstream, true)
		assert.equal(grant.alive, false)
		assert.equal(server.requests.length, requests + 1)
		assert.equal(server.revocations.length, revocations + 1)
		assert.equal((await drawbridge.connection(link)).status, 'revoked')
		assert.equal((await drawbridge.via(link, '/echo')).status, 409)
	})

	it('who deletes the connection ends it, too', async () => {
		const { link, grant } = runOut()
		await drawbridge.must('DELETE', `/v1/connections/${link}`)
		assert.equal(grant.alive, false)
	})

	it('so does who connects anew; the new grant works', async () => {
		const { link, grant } = runOut()
		await connect(drawbridge, link, consentByItself)
		await eventually('the former to end', () => !grant.alive)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		assert.equal(server.reused, 0)
	})

	it('calls that wait for the same new token get in its way no more than it in theirs', async () => {
		const { link, grant, requests } = runOut()
		server.faults.on('token', { kind: 'delay', ms: 500, times: 1 })
		const calls = Array.from({ length: 10 }, () => drawbridge.via(link, '/echo'))
		await eventually('the refresh', () => server.requests.length > requests)
		assert.equal((await revoke(link)).revoked_upstream, true)
		assert.equal(grant.alive, false)
		for (const { status } of await Promise.all(calls))
			assert.ok([200, 401, 409].includes(status), `${status}`)
		assert.equal(server.requests.length, requests + 1)
		assert.equal(server.reused, 0)
	})

	it('a provider that gives no token is not asked, and who revokes is told that the grant lives on', async () => {
		const { link, grant, revocations } = runOut()
		server.faults.on('token', { kind: 'status', status: 503 })
		const answer = await revoke(link)
		assert.equal(answer.revoked_upstream, false)
		assert.match(answer.detail, settings)
		assert.match((await audited('connection.revoke')).detail, settings)
		assert.equal(server.revocations.length, revocations)
		assert.equal(grant.alive, true)
		assert.equal((await drawbridge.via(link, '/echo')).status, 409)
	})

	it('nor is one that has ended the grant itself', async () => {
		const { link, grant, revocations } = runOut()
		server.end(grant)
		const answer = await revoke(link)
		assert.equal(answer.revoked_upstream, false)
		assert.match(answer.detail, settings)
		assert.equal(server.revocations.length, revocations)
	})
})
