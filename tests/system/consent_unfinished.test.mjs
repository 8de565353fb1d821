// SPDX-License-Identifier: Apache-2.0
/*
 * Zoho shows an app that it does not know its own error page, and sends nobody back. Once the time is over, API, CLI and
 * callers are told so, with what to check; what works goes on. (Nobody waits for a quarter of an hour: what has been
 * begun is made old in the database.)
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, beforeEach, it } from 'node:test'
import { Browser } from '../support/browser.mjs'
import { startAuthority } from '../support/ca.mjs'
import { atCallback, connect, redirectUris, walkConsent } from '../support/consent.mjs'
import { binary, startDrawbridge } from '../support/drawbridge.mjs'
import { enterNamespace } from '../support/netns.mjs'
import { mustRun, run } from '../support/process.mjs'
import { eventually, freePort, suite } from '../support/scope.mjs'
import { newConnection } from '../support/worlds.mjs'
import { consentAtZoho, startZoho, zohoHosts } from '../support/zoho.mjs'

await enterNamespace(import.meta.url, { hosts: zohoHosts })

suite('a consent that never comes back', (scope) => {
	let zoho, drawbridge, redirectUri, clientId
	const notFinished = /The last consent was not finished: nobody came back from the provider in 15 minutes/
	const at = (browser, page, options) => consentAtZoho(browser, page, { email: 'ada@us.example', ...options })
	const stays = (_, page) => page
	const fresh = () => newConnection(drawbridge, 'zoho_desk', { scopes: ['Desk.tickets.READ', 'Desk.basic.READ'] })
	const cli = (...args) => run(binary, [...args, '--data', drawbridge.data])

	before(async () => {
		const authority = await startAuthority(scope)
		const port = await freePort()
		redirectUri = redirectUris(port)[0]
		zoho = await startZoho(scope, authority, { redirectUris: [redirectUri] })
		clientId = zoho.app.client_id
		drawbridge = await startDrawbridge(scope, { port, caFile: authority.file, egress: ['127.0.0.0/24:443'],
			env: { NODE_EXTRA_CA_CERTS: authority.file } })
		process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
		await drawbridge.must('PUT', '/v1/services/zoho_desk/app', { client_id: clientId,
			client_secret: zoho.app.secrets.us })
	})

	const mend = () => Object.assign(zoho.app, { redirectUris: [redirectUri], client_id: clientId })
	beforeEach(() => void mend())

	/* A quarter of an hour later. */
	const later = () => mustRun('sqlite3', [join(drawbridge.data, 'store/drawbridge.db'), '.timeout 5000',
		...['oauth_states', 'connect_tickets'].map((table) => `UPDATE ${table} SET created_at = created_at - 900000, `
			+ 'expires_at = expires_at - 900000;')])
	const told = (link) => eventually('its reason', async () => {
		const now = await drawbridge.connection(link)
		return notFinished.test(now.reason) && now
	})

	const audited = (action, name, test = () => true) => eventually(`${action} in the audit`, async () => {
		const { items } = await drawbridge.must('GET', '/v1/audit')
		return items.some((item) => item.action === action && item.object_name === name && test(item))
	})

	const refusals = {
		'Invalid Redirect Uri': () => { zoho.app.redirectUris = ['https://another.example/oauth/callback'] },
		'Invalid Client': () => { zoho.app.client_id = '1000.ANOTHER' }
	}
	for (const [title, change] of Object.entries(refusals)) {
		it(`${title} on Zoho's own page: the connection's reason says what to check`, async () => {
			const { link_name: link, reason: first } = await fresh()
			change()
			const page = await walkConsent(drawbridge, link, stays)
			assert.deepEqual([page.url.host, page.status], ['accounts.zoho.com', 200])
			assert.match(page.text, new RegExp(title))
			assert.equal((await drawbridge.connection(link)).reason, first)
			await later()
			const { status, reason } = await told(link)
			assert.equal(status, 'not_connected')
			assert.ok(reason.endsWith(`client id, data centre, redirect URI ${redirectUri}`), reason)
			assert.match((await cli('connection', 'show', link)).stdout, /The last consent was not finished/)
			const called = await drawbridge.via(link, '/api/v1/tickets')
			assert.deepEqual([called.status, called.json.code], [409, 'connection_not_connected'])
			assert.match(called.json.detail, notFinished)
			/* and once it is mended */
			mend()
			await connect(drawbridge, link, at)
		})
	}
	it('a connection that works is not called broken; the audit knows of the attempt', async () => {
		const { link_name: link, name } = await fresh()
		const { connected_at: since } = await connect(drawbridge, link, at)
		refusals['Invalid Redirect Uri']()
		await walkConsent(drawbridge, link, stays)
		await later()
		await audited('connection.connect_failed', name, ({ detail }) => notFinished.test(detail))
		const now = await drawbridge.connection(link)
		assert.deepEqual([now.status, now.reason, now.health, now.connected_at], ['connected', null, 'ok', since])
		assert.equal((await drawbridge.via(link, '/api/v1/tickets')).status, 200)
	})

	it('who comes back after all is told that it took too long, and no code is exchanged', async () => {
		const { link_name: link } = await fresh()
		const browser = new Browser()
		const { url } = await walkConsent(drawbridge, link, at, { browser, stop: atCallback })
		await later()
		await told(link)
		const page = await browser.open(url)
		assert.match(page.text, /The consent took longer than 15 minutes/)
		assert.equal((await drawbridge.connection(link)).status, 'not_connected')
		assert.ok([...zoho.codes.values()].at(-1).used !== true)
	})

	it('the command line waits no longer than it is told, and says which command shows what to compare', async () => {
		const { link_name: link } = await fresh()
		const done = await cli('connection', 'connect', link, '--wait', '1')
		assert.notEqual(done.status, 0)
		assert.match(done.stderr, /nobody has finished the consent; .*`drawbridge app show zoho_desk`/)
		assert.match((await cli('app', 'show', 'zoho_desk')).stdout, new RegExp(redirectUri))
	})

	/* As many as there are of a connection. */
	const asked = async (name) => (await drawbridge.must('GET', '/v1/audit?limit=200')).items.filter((item) =>
		item.action === 'connection.authorize' && item.object_name === name).length

	it('the command line tells a refusal at once, also the second time', async () => {
		const { link_name: link, name } = await fresh()
		for (const time of ['first', 'second']) {
			const before = await asked(name)
			const waiting = cli('connection', 'connect', link, '--wait', '30')
			await eventually('the command to wait', async () => await asked(name) > before)
			await walkConsent(drawbridge, link, (browser, page) => at(browser, page, { accept: false }))
			const done = await waiting
			assert.equal(done.status, 1, time)
			assert.match(done.stderr, /refused at the provider/, time)
		}
	})

	it('the command line takes a new name for no end of the consent', async () => {
		const { link_name: link, name } = await fresh()
		const waiting = cli('connection', 'connect', link, '--wait', '30')
		await eventually('the command to wait', async () => await asked(name) > 0)
		await drawbridge.must('PATCH', `/v1/connections/${link}`, { name: `${name} renamed` })
		await connect(drawbridge, link, at)
		assert.equal((await waiting).status, 0)
	})

	it('the command line does not say of what works that nobody has finished its consent', async () => {
		const { link_name: link } = await fresh()
		await connect(drawbridge, link, at)
		const done = await cli('connection', 'connect', link, '--wait', '1')
		assert.equal(done.status, 1)
		assert.match(done.stderr, /no other consent has come; .* goes on with the access that it has/)
	})

	it('the command line that still waits when the time is over says the reason', async () => {
		const { link_name: link, name } = await fresh()
		const waiting = cli('connection', 'connect', link, '--wait', '60')
		await audited('connection.authorize', name)
		await later()
		const done = await waiting
		assert.notEqual(done.status, 0)
		assert.match(done.stderr, /The last consent was not finished: nobody pressed Connect behind its link/)
	})
})
