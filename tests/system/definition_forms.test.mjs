// SPDX-License-Identifier: Apache-2.0
/*
 * What definitions may say in forms of their own, as a real peer hears it: parameters under other names, scopes
 * joined by a plus, addresses that were copied with a question mark at their end, and keys of a pattern.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { connect, redirectUris } from '../support/consent.mjs'
import { keyService, oauthService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { freePort, suite } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('forms of definitions', (scope) => {
	let drawbridge, port

	before(async () => {
		port = await freePort()
		drawbridge = await startDrawbridge(scope, { port })
	})

	/* A peer, a service at it, and what connects the two. */
	async function joined(id, { peer, ...more }) {
		const server = await startScripted(scope, { redirectUris: redirectUris(port, id), ...peer })
		const api = await startApi(scope, { check: (token) => server.accountOf(token) })
		const definition = oauthService(id, server, { url: api.url, base: {} },
			typeof more.of === 'function' ? more.of(server) : more.of)
		const { link_name: link } = await newConnection(drawbridge, await addService(drawbridge, definition, server.client),
			{ scopes: ['tickets.read', 'tickets.write'] })
		return { server, link }
	}

	it('a parameter under another name goes by that one alone, to the consent page, with the code, with a refresh', async () => {
		const { server, link } = await joined('renames', { peer: { auth: 'body', names: { client_id: 'client_key', code: 'auth_code' } },
			of: { token: { client_auth: 'body' }, refresh: { rotates: true },
				method: { rename: { client_id: 'client_key', code: 'auth_code' } } } })
		await connect(drawbridge, link, consentByItself)
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		assert.deepEqual(server.requests.map(({ form }) => [form.grant_type, form.client_id, 'unknown client_id' in form]),
			[['authorization_code', server.client.client_id, false], ['refresh_token', server.client.client_id, false]])
		assert.equal((await drawbridge.via(link, '/anything')).status, 200)
	})

	it('scopes that are joined by a plus are one parameter of pluses, in the answer too', async () => {
		const { server, link } = await joined('pluses', { of: { authorize: { scope_separator: '+' },
			method: { answer: { scope_separator: '+' } } } })
		await connect(drawbridge, link, consentByItself)
		assert.equal(server.authorizations[0].scope, 'tickets.read+tickets.write')
		const { scopes_granted: granted } = await drawbridge.connection(link)
		assert.deepEqual([...granted].sort(), ['tickets.read', 'tickets.write'])
	})

	it('addresses that end with a question mark are asked as without it', async () => {
		const { server, link } = await joined('questions', { of: ({ endpoints }) => ({
			authorize: { url: `${endpoints.authorize}?` }, token: { url: `${endpoints.token}?` },
			refresh: { rotates: true, url: `${endpoints.token}?` },
			method: { revoke: { url: `${endpoints.revoke}?`, client_auth: 'basic', parameters: { token: '{token}' } } } }) })
		await connect(drawbridge, link, consentByItself)
		assert.equal(server.authorizations[0].response_type, 'code')
		assert.ok(!('' in server.authorizations[0]))
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		assert.equal((await drawbridge.via(link, '/anything')).status, 200)
		await drawbridge.must('POST', `/v1/connections/${link}/revoke`)
		assert.equal(server.revocations.length, 1)
	})

	it('a key that is not of its pattern is refused by the name of its field, and nothing is kept of it', async () => {
		const count = async () => (await drawbridge.must('GET', '/v1/connections')).items.length
		const before = await count()
		const stripe = await drawbridge.api('POST', '/v1/connections', { name: 'Stripe', service: 'stripe',
			credentials: { api_key: 'not-a-key-of-stripe' } })
		assert.deepEqual([stripe.status, stripe.json.pointer], [400, '/credentials/api_key'], stripe.text)
		assert.ok(!stripe.text.includes('not-a-key-of-stripe'), stripe.text)
		const definition = keyService('patterned', { url: 'http://127.0.0.1:1' })
		definition.methods.key.fields[0].pattern = '^k-[0-9]{4}$'
		const service = await addService(drawbridge, definition)
		const create = (key) => drawbridge.api('POST', '/v1/connections', { name: 'Patterned', service,
			credentials: { api_key: key } })
		for (const key of ['k-12345', 'xk-1234', 'k-1234 ', 'K-1234', 'k-1234\n'])
			assert.deepEqual([(await create(key)).status, await count()], [400, before], key)
		const { status, json, text } = await create('k-1234')
		assert.equal(status, 201, text)
		const changed = await drawbridge.api('PUT', `/v1/connections/${json.link_name}/credentials`, { api_key: 'k-12' })
		assert.equal(changed.status, 400, changed.text)
	})
})
