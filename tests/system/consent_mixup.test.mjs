// SPDX-License-Identifier: Apache-2.0
/*
 * The mix-up of authorization servers (RFC 9700 4.4). Somebody who may write definitions makes a service whose sign-in
 * page is another service's, and whose token endpoint is a server of his own: a colleague who accepts there would send
 * him a code of the other's provider, which he could then put into a consent of his own. The provider here does its
 * worst: it sends no `iss`, and passes over PKCE.
 */
import assert from 'node:assert/strict'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { Browser } from '../support/browser.mjs'
import { atCallback, connect, redirectUris, ticketFor, walkConsent } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { binary, startDrawbridge } from '../support/drawbridge.mjs'
import { mustRun } from '../support/process.mjs'
import { freePort, suite } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('a code of one provider is not sent to another', (scope) => {
	let drawbridge, port, honest, thief, registered
	const scopes = ['tickets.read']
	const elsewhere = /another redirect URI than this consent was begun with/

	before(async () => {
		port = await freePort()
		honest = await startScripted(scope, { redirectUris: [] })
		thief = await startScripted(scope, { redirectUris: [] })
		const api = await startApi(scope, { check: (token) => honest.accountOf(token) })
		drawbridge = await startDrawbridge(scope, { port })
		await addService(drawbridge, oauthService('honest', honest, api), honest.client)
		/* as whoever registers the app at the provider reads it */
		registered = (await drawbridge.must('GET', '/v1/services/honest/app')).redirect_uri
		const { client_id } = honest.client
		for (const [name, how] of Object.entries(definitions()))
			await addService(drawbridge, oauthService(name, { endpoints: { ...thief.endpoints,
				authorize: honest.endpoints.authorize } }, api, how), { client_id, client_secret: 'the thief knows it' })
	})

	/* The thief's services; the second and third have the provider send back to where the honest one's codes go. */
	const definitions = () => ({
		thief: {},
		by_query: { authorize: { url: `${honest.endpoints.authorize}?redirect_uri=${encodeURIComponent(registered)}` } },
		by_name: { authorize: { parameters: { back: registered } },
			method: { rename: { redirect_uri: 'ignored', back: 'redirect_uri' } } }
	})

	beforeEach(() => {
		for (const server of [honest, thief]) {
			server.reset()
			server.requests.length = 0
		}
		honest.redirectUris = [registered]
		honest.callback = (back) => back.delete('iss')
		honest.verifies = false
		honest.codes.clear()
	})

	const fresh = async (service) => (await newConnection(drawbridge, service, { scopes })).link_name
	const walk = (link, options) => walkConsent(drawbridge, link, consentByItself, options)
	const nothingSent = () => assert.deepEqual([...honest.requests, ...thief.requests], [])
	const failures = async (name) => (await drawbridge.must('GET', '/v1/audit?limit=200')).items.filter((item) =>
		item.action === 'connection.connect_failed' && item.object_name === name)
	const moved = (url, to) => Object.assign(new URL(to), { search: url.search })

	/* The page, the audit and the connection say so; no code has gone anywhere, and the state is spent. */
	async function refused(link, page, { browser, own = drawbridge.publicUrl, before: former = 'not_connected' }) {
		assert.equal(page.status, 400, page.text)
		assert.match(page.text, elsewhere)
		const { status, reason, name } = await drawbridge.connection(link)
		assert.equal(status, former)
		if (former === 'not_connected')
			assert.match(reason, elsewhere)
		const [failure, ...more] = await failures(name)
		assert.match(failure.detail, elsewhere)
		assert.equal(more.length, 0)
		for (const url of [page.url, moved(page.url, own)])
			assert.match((await browser.open(url)).text, /This consent has been used already/)
		nothingSent()
	}

	it('the provider knows the address of its own service alone, and gives no code', async () => {
		for (const uri of [registered, redirectUris(port)]) {
			honest.redirectUris = [uri].flat()
			const page = await walk(await fresh('thief'))
			assert.equal(page.url.origin, honest.issuer)
			assert.match(page.text, /no such client or redirect URI/)
		}
		assert.equal(honest.codes.size, 0)
		nothingSent()
	})

	it('nor does one that takes whatever is below an address, or begins like it', async () => {
		honest.redirectUris = [registered, redirectUris(port), redirectUris(port, 'thie', 'oauth', 'callback')].flat()
		honest.takes = (uri, asked) => asked.startsWith(uri)
		assert.match((await walk(await fresh('thief'))).text, /no such client or redirect URI/)
		assert.equal(honest.codes.size, 0)
		nothingSent()
	})

	for (const service of ['by_query', 'by_name']) {
		it(`what comes to another service's address is not used (${service})`, async () => {
			const link = await fresh(service)
			const browser = new Browser()
			const { url, stopped } = await walk(link, { browser, stop: atCallback })
			assert.ok(stopped)
			assert.equal(honest.codes.size, 1)
			assert.equal(url.origin + url.pathname, registered)
			await refused(link, await browser.open(url), { browser, own: redirectUris(port, service)[0] })
		})
	}

	it('where both addresses are registered, what comes to the wrong one is not used either', async () => {
		honest.redirectUris = [registered, ...redirectUris(port), ...redirectUris(port, 'thief')]
		for (const to of [registered, ...redirectUris(port), ...redirectUris(port, 'nobody')]) {
			const link = await fresh('thief')
			const browser = new Browser()
			const { url } = await walk(link, { browser, stop: atCallback })
			const own = redirectUris(port, 'thief')[0]
			assert.equal(url.origin + url.pathname, own)
			await refused(link, await browser.open(moved(url, to)), { browser, own })
		}
	})

	it('and a code that the thief gets at his own is of no use at the other', async () => {
		honest.redirectUris = [registered, ...redirectUris(port, 'thief')]
		await walk(await fresh('thief'))
		const stolen = thief.requests.at(-1).form.code
		assert.ok(honest.codes.has(stolen))
		const link = await fresh('honest')
		const browser = new Browser()
		const { url } = await walk(link, { browser, stop: atCallback })
		url.searchParams.set('code', stolen)
		await browser.open(url)
		assert.equal((await drawbridge.connection(link)).status, 'not_connected')
		assert.equal(honest.requests.at(-1).form.code, stolen)
	})

	it('the grant of before goes on, and the next consent at the right address takes its place', async () => {
		const link = await fresh('honest')
		await connect(drawbridge, link, consentByItself)
		honest.requests.length = 0
		const browser = new Browser()
		const { url } = await walk(link, { browser, stop: atCallback })
		const page = await browser.open(moved(url, redirectUris(port, 'thief')[0]))
		await refused(link, page, { browser, own: registered, before: 'connected' })
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		honest.account = 'bert'
		await connect(drawbridge, link, consentByItself)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		assert.equal(honest.requests.length, 1)
	})

	it('another browser at a wrong address ends nobody\'s consent', async () => {
		const link = await fresh('honest')
		const browser = new Browser()
		const { url } = await walk(link, { browser, stop: atCallback, ticket: await ticketFor(drawbridge, link) })
		const page = await new Browser().open(moved(url, redirectUris(port, 'thief')[0]))
		assert.match(page.text, /begun in another browser/)
		nothingSent()
		assert.equal((await browser.open(url)).status, 200)
		assert.equal((await drawbridge.connection(link)).status, 'connected')
	})

	it('each service\'s own is what API and command line tell of it', async () => {
		const shown = (id) => mustRun(binary, ['app', 'show', id, '--data', drawbridge.data])
		for (const id of ['honest', 'thief', 'zoho_desk']) {
			const [uri] = id === 'zoho_desk' ? redirectUris(port) : redirectUris(port, id)
			assert.equal((await drawbridge.must('GET', `/v1/services/${id}/app`)).redirect_uri, uri)
			assert.match(await shown(id), new RegExp(`^Redirect URI +${uri}$`, 'm'))
		}
	})

	it('what came to any of these addresses is not in the log', () => {
		for (const secret of [...honest.secrets, ...thief.secrets].filter(Boolean))
			assert.ok(!drawbridge.log.includes(secret))
	})
})
