// SPDX-License-Identifier: Apache-2.0
/*
 * What only consent tells: where the API is, which site is meant, and whether the callback is the provider's own.
 */
import assert from 'node:assert/strict'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { connect, walkConsent } from '../support/consent.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { app, startInstances } from '../support/instances.mjs'
import { suite } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('instances', (scope) => {
	let drawbridge, peer, api, other
	/* The provider has no page: the browser is sent on at once. */
	const through = (browser, page) => page

	before(async () => {
		const check = (token) => token === 'instance-token'
		api = await startApi(scope, { check })
		other = await startApi(scope, { check })
		peer = await startInstances(scope, api.url)
		drawbridge = await startDrawbridge(scope)
		await addService(drawbridge, {
			id: 'instances', name: 'Instances', allow_http: true,
			parameters: [{ name: 'shop', label: 'Shop', pattern: '^[a-z]+$' },
				{ name: 'site', label: 'Site', optional: true, pattern: '^[a-z]+$' }],
			methods: { oauth: {
				kind: 'oauth2_code', name: 'Sign in',
				authorize: { url: `${peer.url}/authorize`, hmac_parameter: 'hmac' },
				token: { url: `${peer.url}/token` },
				captures: [
					{ name: 'callback_shop', from: 'callback', field: 'shop', equals: '{shop}.shops.example', sets: 'nothing',
						required: true },
					{ name: 'instance_url', from: 'token', field: 'instance_url', pattern: '^http://127[.]0[.]0[.]1:[0-9]+$',
						sets: 'base_url', required: true }],
				lookups: [{ url: `${peer.url}/sites`, list: '', where: { url: 'https://{site}.example' }, account: 'url',
					values: [{ name: 'site_id', path: 'id', pattern: '^site-[0-9]$' }], required: true }]
			} },
			api: { hosts: ['{instance_url.host}'], headers: { 'X-Site': '{site_id}' },
				tests: [{ path: '/echo/test' }] }
		}, app)
	})

	beforeEach(() => {
		peer.callback = {}
		peer.instance = api.url
	})

	const fresh = (parameters) => newConnection(drawbridge, 'instances', { parameters: { shop: 'acme', ...parameters } })

	it('calls go where the token answer says, by paths and by whole URLs', async () => {
		const { link_name: link } = await fresh()
		await connect(drawbridge, link, through)
		assert.equal((await drawbridge.via(link, '/echo/one?a=1')).status, 200)
		assert.equal(api.last().path, '/echo/one?a=1')
		assert.equal((await drawbridge.via(link, `/${api.url}/echo/two`)).status, 200)
		assert.equal((await drawbridge.must('POST', `/v1/connections/${link}/test`)).ok, true)
		assert.equal(api.last().path, '/echo/test')
	})

	it('another instance of the same provider is refused, and gets nothing', async () => {
		const { link_name: link } = await fresh()
		await connect(drawbridge, link, through)
		const answer = await drawbridge.via(link, `/${other.url}/echo`)
		assert.equal(answer.status, 403)
		assert.equal(answer.headers['drawbridge-error'], 'destination_not_allowed')
		assert.equal(other.requests.length, 0)
	})

	it('each connection has the instance of its own consent', async () => {
		const first = (await fresh()).link_name
		await connect(drawbridge, first, through)
		peer.instance = other.url
		const second = (await fresh()).link_name
		await connect(drawbridge, second, through)
		await drawbridge.via(second, '/echo/second')
		await drawbridge.via(first, '/echo/first')
		assert.equal(other.last().path, '/echo/second')
		assert.equal(api.last().path, '/echo/first')
	})

	it('an instance that is not of the form refuses the consent', async () => {
		peer.instance = 'http://localhost:1/'
		const { link_name: link } = await fresh()
		const page = await walkConsent(drawbridge, link, through)
		assert.ok(page.status >= 400, page.text)
		assert.equal((await drawbridge.connection(link)).status, 'not_connected')
	})

	it('the site that was named is looked up and told to the API, with JSON asked for', async () => {
		const { link_name: link } = await fresh({ site: 'two' })
		const connection = await connect(drawbridge, link, through)
		assert.equal(connection.account, 'https://two.example')
		await drawbridge.via(link, '/echo')
		assert.equal(api.last().headers['x-site'], 'site-2')
		const asked = peer.lookups.at(-1)
		assert.equal(asked.accept, 'application/json')
		assert.equal(asked.authorization, 'Bearer instance-token')
	})

	it('a site that the account cannot reach ends the consent, named', async () => {
		const { link_name: link } = await fresh({ site: 'three' })
		await walkConsent(drawbridge, link, through)
		const connection = await drawbridge.connection(link)
		assert.equal(connection.status, 'not_connected')
		assert.match(connection.reason, /https:\/\/three\.example/)
	})

	for (const [name, callback] of Object.entries({
		'without its signature': { hmac: null },
		'with a wrong signature': { hmac: '00'.repeat(32) },
		'with a parameter changed': { timestamp: '1700000001' },
		'of another shop': { shop: 'evil.shops.example' },
		'without its shop': { shop: null }
	})) {
		it(`a callback ${name} refuses the consent, and no code is sent`, async () => {
			peer.callback = callback
			const count = peer.exchanges
			const { link_name: link } = await fresh()
			const page = await walkConsent(drawbridge, link, through)
			assert.ok(page.status >= 400 && page.status < 500, `${page.status} ${page.text}`)
			assert.equal(peer.exchanges, count)
			assert.equal((await drawbridge.connection(link)).status, 'not_connected')
		})
	}
})
