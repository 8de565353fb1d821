// SPDX-License-Identifier: Apache-2.0
/* Consent at a certified OpenID provider, through its own login and consent pages, and every way that it can fail. */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { Browser } from '../support/browser.mjs'
import { atCallback, connect, ticketFor, walkConsent } from '../support/consent.mjs'
import { consentAtOidc } from '../support/oidc.mjs'
import { suite } from '../support/scope.mjs'
import { startOidcWorld } from '../support/worlds.mjs'

suite('consent at oidc-provider', (scope) => {
	let world, drawbridge, oidc, api

	before(async () => {
		world = await startOidcWorld(scope)
		;({ drawbridge, oidc, api } = world)
	})

	it('ends in a connected connection whose token is active at the provider', async () => {
		const made = await world.fresh({ name: 'ZohoDesk_TicketReader' })
		assert.equal(made.link_name, 'zohodesk_ticketreader')
		assert.equal(made.status, 'not_connected')
		assert.equal(made.reason, 'It was not connected yet: press Connect.')
		const connection = await connect(drawbridge, made.link_name, consentAtOidc)
		for (const scopeName of world.scopes)
			assert.ok(connection.scopes_granted.includes(scopeName), scopeName)
		assert.ok(new Date(connection.expires_at) > new Date())
		const answer = await drawbridge.via(made.link_name, '/echo?from=drawbridge')
		assert.equal(answer.status, 200)
		assert.equal(answer.json.path, '/echo?from=drawbridge')
		const told = await oidc.introspect(api.last().token)
		assert.equal(told.active, true)
		assert.equal(told.sub, 'ada')
		assert.match(told.scope, /tickets\.read/)
	})

	it('shows the connection as documented, without any token', async () => {
		const connection = await world.connected()
		for (const name of ['link_name', 'name', 'service', 'method', 'status', 'reason', 'health', 'scopes_asked',
			'scopes_granted', 'account', 'owner', 'parameters', 'per_user', 'created_at', 'last_used_at', 'expires_at'])
			assert.ok(name in connection, name)
		await drawbridge.via(connection.link_name, '/echo')
		const { text } = await drawbridge.api('GET', `/v1/connections/${connection.link_name}`)
		assert.ok(!text.includes(api.last().token))
	})

	it('sends the code with PKCE and client authentication by Basic', async () => {
		await world.connected()
		const request = oidc.seen.tokenRequests.at(-1)
		const fields = Object.fromEntries(request.fields)
		assert.equal(fields.grant_type, 'authorization_code')
		assert.ok(fields.code_verifier.length >= 43)
		assert.equal(fields.client_secret, undefined)
		assert.match(request.headers.authorization, /^Basic /)
		assert.match(request.headers.accept, /application\/json/)
	})

	it('opening the page of a ticket spends nothing', async () => {
		const { link_name: link } = await world.fresh()
		const ticket = await ticketFor(drawbridge, link)
		assert.ok(new Date(ticket.expires_at) - Date.now() <= 15 * 60_000 + 5000)
		for (let n = 0; n < 3; n++)
			assert.equal((await new Browser().open(ticket.authorize_url)).status, 200)
		await connect(drawbridge, link, consentAtOidc, { ticket })
	})

	it('a ticket works once', async () => {
		const { link_name: link } = await world.fresh()
		const ticket = await ticketFor(drawbridge, link)
		const other = new Browser()
		const early = await other.open(ticket.authorize_url)
		await connect(drawbridge, link, consentAtOidc, { ticket })
		const page = await new Browser().open(ticket.authorize_url)
		assert.ok(page.status >= 400 && page.status < 500, String(page.status))
		const pressed = await other.submit(early, { button: /connect/i })
		assert.ok(pressed.status >= 400 && pressed.status < 500, String(pressed.status))
		assert.equal(pressed.url.origin, drawbridge.publicUrl)
	})

	it('a made-up ticket is refused in plain words', async () => {
		const page = await new Browser().open(`${drawbridge.publicUrl}/connect/${'x'.repeat(43)}`)
		assert.ok(page.status >= 400 && page.status < 500, String(page.status))
		assert.ok(page.text.length > 20)
	})

	it('a denial leaves a not connected connection that can be tried again', async () => {
		const { link_name: link } = await world.fresh()
		const page = await walkConsent(drawbridge, link, (browser, at, options) =>
			consentAtOidc(browser, at, { ...options, deny: true }))
		assert.equal(page.url.origin, drawbridge.publicUrl)
		const denied = await drawbridge.connection(link)
		assert.equal(denied.status, 'not_connected')
		assert.match(denied.reason, /denied|refused|declined|rejected|cancel/i)
		await connect(drawbridge, link, consentAtOidc)
	})

	it('a callback replayed changes nothing and sends no code again', async () => {
		const { link_name: link } = await world.fresh()
		const browser = new Browser()
		const stopped = await walkConsent(drawbridge, link, consentAtOidc, { browser, stop: atCallback })
		const first = await browser.open(stopped.url)
		assert.equal((await drawbridge.connection(link)).status, 'connected', first.text)
		const codes = oidc.counts.code
		const again = await browser.open(stopped.url)
		assert.ok(again.status >= 400 && again.status < 500, String(again.status))
		assert.equal(oidc.counts.code, codes)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})

	it('a tampered, missing or unknown state is refused and nothing is sent', async () => {
		const { link_name: link } = await world.fresh()
		const browser = new Browser()
		const stopped = await walkConsent(drawbridge, link, consentAtOidc, { browser, stop: atCallback })
		const codes = oidc.counts.code
		const state = stopped.url.searchParams.get('state')
		const flipped = (state[0] === 'A' ? 'B' : 'A') + state.slice(1)
		for (const value of [flipped, `${state}x`, '', null, 'unknown']) {
			const url = new URL(stopped.url)
			if (value === null)
				url.searchParams.delete('state')
			else
				url.searchParams.set('state', value)
			const page = await browser.open(url)
			assert.ok(page.status >= 400 && page.status < 500, `${value}: ${page.status}`)
		}
		assert.equal(oidc.counts.code, codes)
		assert.equal((await drawbridge.connection(link)).status, 'not_connected')
	})

	it('a callback in another browser is refused', async () => {
		const { link_name: link } = await world.fresh()
		const stopped = await walkConsent(drawbridge, link, consentAtOidc, { stop: atCallback })
		const codes = oidc.counts.code
		const page = await new Browser().open(stopped.url)
		assert.ok(page.status >= 400 && page.status < 500, String(page.status))
		assert.equal(oidc.counts.code, codes)
		assert.equal((await drawbridge.connection(link)).status, 'not_connected')
	})

	it('a code of one connection does not connect another', async () => {
		const victim = await world.fresh()
		const attacker = await world.fresh()
		const browser = new Browser()
		const mine = await walkConsent(drawbridge, attacker.link_name, consentAtOidc, { stop: atCallback })
		const theirs = await walkConsent(drawbridge, victim.link_name, consentAtOidc, { browser, stop: atCallback })
		const url = new URL(theirs.url)
		url.searchParams.set('code', mine.url.searchParams.get('code'))
		await browser.open(url)
		assert.equal((await drawbridge.connection(victim.link_name)).status, 'not_connected')
	})

	it('an iss of another issuer is refused before the code is sent', async () => {
		const { link_name: link } = await world.fresh()
		const browser = new Browser()
		const stopped = await walkConsent(drawbridge, link, consentAtOidc, { browser, stop: atCallback })
		const codes = oidc.counts.code
		const url = new URL(stopped.url)
		url.searchParams.set('iss', 'https://attacker.example')
		const page = await browser.open(url)
		assert.ok(page.status >= 400 && page.status < 500, String(page.status))
		assert.equal(oidc.counts.code, codes)
		assert.equal((await drawbridge.connection(link)).status, 'not_connected')
	})

	it('a callback with neither code nor error, or with both, does not connect', async () => {
		for (const change of [(query) => query.delete('code'), (query) => query.set('error', 'access_denied')]) {
			const { link_name: link } = await world.fresh()
			const browser = new Browser()
			const stopped = await walkConsent(drawbridge, link, consentAtOidc, { browser, stop: atCallback })
			const codes = oidc.counts.code
			const url = new URL(stopped.url)
			change(url.searchParams)
			await browser.open(url)
			assert.equal(oidc.counts.code, codes)
			assert.equal((await drawbridge.connection(link)).status, 'not_connected')
		}
	})

	it('an error text of the callback is shown escaped', async () => {
		const { link_name: link } = await world.fresh()
		const browser = new Browser()
		const stopped = await walkConsent(drawbridge, link, consentAtOidc, { browser, stop: atCallback })
		const url = new URL(stopped.url)
		url.searchParams.delete('code')
		url.searchParams.set('error', 'server_error')
		url.searchParams.set('error_description', '<script>alert(1)</script>')
		const page = await browser.open(url)
		assert.ok(!page.html.includes('<script>alert(1)'))
		const { text } = await drawbridge.api('GET', `/v1/connections/${link}`)
		assert.ok(JSON.parse(text).status === 'not_connected')
	})

	const failures = {
		'500 with a page': { kind: 'html' },
		'a cut connection': { kind: 'cut' },
		'an answer cut in its middle': { kind: 'half' },
		'malformed JSON': { kind: 'status', status: 200, body: '{"access_token": "half' },
		'no access_token': { kind: 'status', status: 200, body: { token_type: 'Bearer', expires_in: 60 } },
		'an empty access_token': { kind: 'status', status: 200, body: { access_token: '', token_type: 'Bearer' } },
		'200 with an error': { kind: 'status', status: 200, body: { error: 'invalid_client' } },
		'a redirect': { kind: 'status', status: 302, headers: { location: 'http://127.0.0.1:1/' } },
		'an access_token with a line break': { kind: 'status', status: 200,
			body: { access_token: 'a\r\nX-Injected: 1', token_type: 'Bearer', expires_in: 60 } }
	}
	for (const [name, fault] of Object.entries(failures)) {
		it(`${name} from the token endpoint does not connect, nor replace a grant that works`, async () => {
			const { link_name: link } = await world.connected()
			oidc.faults.on('token', fault)
			try {
				const fresh = await world.fresh()
				const page = await walkConsent(drawbridge, fresh.link_name, consentAtOidc)
				assert.equal(page.url.origin, drawbridge.publicUrl)
				const failed = await drawbridge.connection(fresh.link_name)
				assert.equal(failed.status, 'not_connected')
				assert.match(failed.reason, /^The provider (gave no token|could not be asked for a token|refuses the OAuth app): \S.+\.$/)
				assert.ok(page.text.includes(failed.reason), page.text)
				await walkConsent(drawbridge, link, consentAtOidc)
			} finally {
				oidc.faults.clear()
			}
			assert.equal((await drawbridge.connection(link)).status, 'connected')
			assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		})
	}

	it('a reconnect under way leaves the old grant working', async () => {
		const { link_name: link } = await world.connected()
		await walkConsent(drawbridge, link, consentAtOidc, { stop: atCallback })
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		assert.equal((await drawbridge.connection(link)).status, 'connected')
	})

	it('a reconnect replaces the grant and revokes the old one upstream', async () => {
		const { link_name: link } = await world.connected()
		await drawbridge.via(link, '/echo')
		const old = api.last().token
		await connect(drawbridge, link, (browser, page, options) =>
			consentAtOidc(browser, page, { ...options, login: 'bert' }))
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		assert.equal((await oidc.introspect(api.last().token)).sub, 'bert')
		assert.equal((await oidc.introspect(old)).active, false)
	})

	it('revoking revokes upstream first and stops calls', async () => {
		const { link_name: link } = await world.connected()
		await drawbridge.via(link, '/echo')
		const { token } = api.last()
		await drawbridge.must('POST', `/v1/connections/${link}/revoke`)
		assert.equal((await drawbridge.connection(link)).status, 'revoked')
		assert.equal((await oidc.introspect(token)).active, false)
		const calls = api.requests.length
		const answer = await drawbridge.via(link, '/echo')
		assert.equal(answer.status, 409)
		assert.equal(answer.headers['drawbridge-error'], 'connection_not_connected')
		assert.equal(api.requests.length, calls)
	})

	it('disabling stops calls at once, and enabling lets them go on without consent', async () => {
		const { link_name: link } = await world.connected()
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		await drawbridge.must('POST', `/v1/connections/${link}/disable`)
		const calls = api.requests.length
		const answer = await drawbridge.via(link, '/echo')
		assert.equal(answer.status, 409)
		assert.equal(answer.headers['drawbridge-error'], 'connection_disabled')
		assert.equal(api.requests.length, calls)
		await drawbridge.must('POST', `/v1/connections/${link}/enable`)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})
})
