// SPDX-License-Identifier: Apache-2.0
/* The shipped definition of Zoho Desk, unmodified, under Zoho's real host names, in two data centres. */
import assert from 'node:assert/strict'
import { before, beforeEach, it } from 'node:test'
import { startAuthority } from '../support/ca.mjs'
import { connect, redirectUris, walkConsent } from '../support/consent.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { enterNamespace } from '../support/netns.mjs'
import { eventually, freePort, suite } from '../support/scope.mjs'
import { newConnection } from '../support/worlds.mjs'
import { consentAtZoho, deskLimits, elsewhere, startZoho, tokenRequests, zohoHosts } from '../support/zoho.mjs'

await enterNamespace(import.meta.url, { hosts: zohoHosts })

suite('Zoho Desk in two data centres', (scope) => {
	let zoho, drawbridge
	const scopes = ['Desk.tickets.READ', 'Desk.search.READ', 'Desk.basic.READ']
	const at = (email) => (browser, page, options) => consentAtZoho(browser, page, { email, ...options })
	const fresh = (body) => newConnection(drawbridge, 'zoho_desk', { scopes, ...body })
	const connected = async (email) => {
		const { link_name: link } = await fresh()
		await connect(drawbridge, link, at(email))
		return link
	}

	before(async () => {
		const authority = await startAuthority(scope)
		const port = await freePort()
		zoho = await startZoho(scope, authority, { redirectUris: redirectUris(port) })
		drawbridge = await startDrawbridge(scope, { port, caFile: authority.file, egress: ['127.0.0.0/24:443'],
			env: { NODE_EXTRA_CA_CERTS: authority.file } })
		process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
		await drawbridge.must('PUT', '/v1/services/zoho_desk/app', { client_id: zoho.app.client_id,
			client_secret: zoho.app.secrets.us })
	})

	beforeEach(() => {
		zoho.faults.clear()
		zoho.callback = {}
		zoho.desk = deskLimits()
		zoho.throttled = false
		zoho.strays.length = 0
	})

	it('an account of the United States is connected and finds a ticket by its number', async () => {
		const link = await connected('ada@us.example')
		const answer = await drawbridge.via(link, '/api/v1/tickets/search?ticketNumber=101')
		assert.equal(answer.status, 200, answer.text)
		assert.equal(answer.json.data[0].subject, 'Printer on fire')
		const seen = zoho.requests.at(-1)
		assert.equal(seen.host, 'desk.zoho.com')
		assert.match(seen.headers.authorization, /^Zoho-oauthtoken 1000\./)
		assert.deepEqual(zoho.strays, [])
	})

	it('an account of Europe moves everything to Europe: token request, calls, refresh', async () => {
		const before = tokenRequests(zoho, 'us').length
		const link = await connected('eva@eu.example')
		const connection = await drawbridge.connection(link)
		assert.equal(connection.data_centre, 'eu')
		const answer = await drawbridge.via(link, '/api/v1/tickets/search?ticketNumber=201')
		assert.equal(answer.json?.data[0].subject, 'Drucker brennt', answer.text)
		assert.equal(zoho.requests.at(-1).host, 'desk.zoho.eu')
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		assert.equal(tokenRequests(zoho, 'us').length, before)
		assert.deepEqual(zoho.strays, [])
	})

	it('the host of another data centre is replaced by the grant\'s own, and that is told', async () => {
		const link = await connected('eva@eu.example')
		const answer = await drawbridge.via(link, '/https://desk.zoho.com/api/v1/tickets/search?ticketNumber=202')
		assert.equal(answer.status, 200, answer.text)
		assert.equal(answer.headers['drawbridge-host'], 'desk.zoho.eu')
		assert.equal(zoho.requests.at(-1).host, 'desk.zoho.eu')
	})

	it('a webhook to the host of another data centre goes to the grant\'s own, and the test shows it', async () => {
		const link = await connected('eva@eu.example')
		const { path, request, rule, variables } = await drawbridge.must('POST', '/v1/webhooks/run', {
			request: { method: 'GET', url: 'https://desk.zoho.com/api/v1/tickets/search',
				query: [{ name: 'ticketNumber', value: '@input.ticketNumber' }] },
			connection: link, input: { ticketNumber: 201 },
			response_list: [{ codes: ['200'], mappings: [{ variable: 'subject', from: '$.data[0].subject' }] }] })
		assert.deepEqual([path, variables.subject], ['200', 'Drucker brennt'])
		assert.equal(request.url, 'https://desk.zoho.eu/api/v1/tickets/search?ticketNumber=201')
		assert.equal(request.replaced_host, 'desk.zoho.com')
		assert.match(rule, /desk\.zoho\.com was replaced by desk\.zoho\.eu/)
		assert.ok(request.headers.some(({ value }) => value === 'Zoho-oauthtoken •••'))
	})

	it('another product\'s host is refused: the credential is Desk\'s', async () => {
		const link = await connected('ada@us.example')
		const count = zoho.requests.length
		const answer = await drawbridge.via(link, `/https://${elsewhere.host}/api/v1/tickets`)
		assert.equal(answer.status, 403)
		assert.equal(answer.headers['drawbridge-error'], 'destination_not_allowed')
		assert.equal(zoho.requests.length, count)
		assert.deepEqual(zoho.strays, [])
	})

	for (const [name, callback] of Object.entries({
		'an accounts-server that is nobody\'s of Zoho': { 'accounts-server': `https://${elsewhere.host}` },
		'an accounts-server that only begins like Zoho\'s': { 'accounts-server': 'https://accounts.zoho.com.evil.test' },
		'an accounts-server with a user in front': { 'accounts-server': `https://accounts.zoho.com@${elsewhere.host}` }
	})) {
		it(`${name} refuses the whole consent and no code is sent anywhere`, async () => {
			zoho.callback = callback
			const { link_name: link } = await fresh()
			const count = tokenRequests(zoho).length
			const page = await walkConsent(drawbridge, link, at('ada@us.example'))
			assert.ok(page.status >= 400 && page.status < 500, `${page.status} ${page.text}`)
			assert.equal(tokenRequests(zoho).length, count)
			assert.equal((await drawbridge.connection(link)).status, 'not_connected')
			assert.deepEqual(zoho.strays, [])
		})
	}

	it('INVALID_OAUTH is cured by one refresh, unseen', async () => {
		const link = await connected('ada@us.example')
		await drawbridge.via(link, '/api/v1/tickets')
		zoho.access.clear()
		const count = tokenRequests(zoho).length
		const answer = await drawbridge.via(link, '/api/v1/tickets/search?ticketNumber=101')
		assert.equal(answer.status, 200, answer.text)
		assert.equal(tokenRequests(zoho).length, count + 1)
	})

	it('SCOPE_MISMATCH is passed on without a refresh, and degrades the connection', async () => {
		const { link_name: link } = await fresh({ scopes: ['Desk.basic.READ'] })
		await connect(drawbridge, link, at('bob@us.example'))
		const count = tokenRequests(zoho).length
		const answer = await drawbridge.via(link, '/api/v1/tickets')
		assert.equal(answer.status, 403)
		assert.equal(answer.json.errorCode, 'SCOPE_MISMATCH')
		assert.equal(tokenRequests(zoho).length, count)
		const connection = await eventually('its health', async () => {
			const now = await drawbridge.connection(link)
			return now.health === 'degraded' && now
		})
		assert.equal(connection.status, 'connected')
		assert.match(connection.health_reason, /perhaps Desk\.tickets\.READ/)
	})

	for (const status of [400, 200])
		it(`"Access Denied" with status ${status} is a throttle: connected, degraded, told when`, async () => {
			const link = await connected('kai@eu.example')
			assert.equal((await drawbridge.via(link, '/api/v1/tickets')).status, 200)
			zoho.throttled = true
			zoho.throttleStatus = status
			const answer = await drawbridge.api('POST', `/v1/connections/${link}/refresh`)
			assert.equal(answer.status, 503, answer.text)
			assert.ok(Number(answer.headers['retry-after']) > 0)
			const connection = await drawbridge.connection(link)
			assert.equal(connection.status, 'connected')
			assert.equal(connection.health, 'degraded')
			assert.equal((await drawbridge.via(link, '/api/v1/tickets')).status, 200)
		})

	it('the eleventh token request within ten minutes is not even sent', async () => {
		const link = await connected('bob@us.example')
		const count = tokenRequests(zoho).length
		for (let n = 0; n < 10; n++)
			await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		const answer = await drawbridge.api('POST', `/v1/connections/${link}/refresh`)
		assert.equal(answer.status, 503, answer.text)
		assert.ok(Number(answer.headers['retry-after']) > 0)
		assert.equal(tokenRequests(zoho).length, count + 10)
		assert.equal((await drawbridge.via(link, '/api/v1/tickets')).status, 200)
	})

	/* ---- what there was too much of ---- */

	const degraded = (link, words) => eventually('its health', async () => {
		const now = await drawbridge.connection(link)
		return now.health === 'degraded' && words.test(now.health_reason) && now
	})

	it('the day\'s credits are used up: told as that, with the time that Retry-After says', async () => {
		const link = await connected('ada@us.example')
		const count = tokenRequests(zoho).length
		Object.assign(zoho.desk, { credits: 1, resetIn: 7200 })
		assert.equal((await drawbridge.via(link, '/api/v1/tickets')).status, 200)
		const answer = await drawbridge.via(link, '/api/v1/tickets')
		assert.deepEqual([answer.status, answer.json.errorCode, answer.headers['retry-after']],
			[429, 'THRESHOLD_EXCEEDED', '7200'])
		const { status, health_reason: reason, health_since: since, retry_at: retry } = await degraded(link, /used up/)
		const left = new Date(retry) - Date.now()
		assert.equal(status, 'connected')
		assert.ok(left > 6_600_000 && left <= 7_200_000, retry)
		assert.ok(Date.now() - new Date(since) < 600_000, since)
		assert.equal(reason, 'The service says that the calls it allows are used up, until '
			+ `${retry.slice(0, 10)} ${retry.slice(11, 19)} UTC.`)
		assert.equal(tokenRequests(zoho).length, count)
	})

	it('too many calls at the same time: told as that, without a time; the day\'s end counts for more', async () => {
		const link = await connected('ada@us.example')
		zoho.desk.busy = zoho.desk.concurrency
		const answer = await drawbridge.via(link, '/api/v1/tickets')
		assert.deepEqual([answer.status, answer.json.errorCode, answer.headers['retry-after']],
			[429, 'TOO_MANY_REQUESTS', undefined])
		const { status, retry_at: retry, health_since: since } = await degraded(link, /too many calls.*at the same time/)
		assert.deepEqual([status, retry], ['connected', null])
		Object.assign(zoho.desk, { busy: 0, credits: 0 })
		assert.equal((await drawbridge.via(link, '/api/v1/tickets')).status, 429)
		const now = await degraded(link, /used up/)
		assert.ok(new Date(now.retry_at) > new Date(), now.retry_at)
		assert.equal(now.health_since, since)
		zoho.desk = deskLimits()
		assert.equal((await drawbridge.via(link, '/api/v1/tickets')).status, 200)
	})

	/* ---- organisations, and nothing found ---- */

	it('the organisation goes with each call as orgId; another\'s is refused, and no refresh cures that', async () => {
		const of = async (id) => {
			const { link_name: link } = await fresh({ parameters: { org_id: id } })
			await connect(drawbridge, link, at('ada@us.example'))
			return link
		}
		const own = await of('2389290')
		assert.equal((await drawbridge.via(own, '/api/v1/tickets')).status, 200)
		assert.equal(zoho.requests.at(-1).headers.orgid, '2389290')
		const other = await of('2389777')
		const count = tokenRequests(zoho).length
		const answer = await drawbridge.via(other, '/api/v1/tickets')
		assert.deepEqual([answer.status, answer.json.errorCode], [403, 'OAUTH_ORG_MISMATCH'])
		assert.equal(zoho.requests.at(-1).headers.orgid, '2389777')
		assert.equal(tokenRequests(zoho).length, count)
		const { status, health } = await drawbridge.connection(other)
		assert.deepEqual([status, health], ['connected', 'ok'], 'it is the call that is wrong')
		const bad = await drawbridge.api('POST', '/v1/connections', { name: 'No number', service: 'zoho_desk',
			parameters: { org_id: 'acme' } })
		assert.ok(bad.status >= 400 && bad.status < 500, bad.text)
		assert.match(bad.text, /org_id/)
	})

	it('a ticket that is not there is 204 without a body, and a webhook has a path for it', async () => {
		const link = await connected('ada@us.example')
		const answer = await drawbridge.via(link, '/api/v1/tickets/search?ticketNumber=999')
		assert.deepEqual([answer.status, answer.text], [204, ''])
		assert.equal((await drawbridge.connection(link)).health, 'ok')
		const { path, variables } = await drawbridge.must('POST', '/v1/webhooks/run', {
			request: { method: 'GET', url: '/api/v1/tickets/search', query: [{ name: 'ticketNumber', value: '999' }] },
			connection: link, response_list: [
				{ codes: ['200'], mappings: [{ variable: 'subject', from: '$.data[0].subject' }] },
				{ codes: ['204'] }] })
		assert.equal(path, '204')
		assert.equal(variables?.subject ?? '', '')
	})

	it('the refresh tokens of an account are counted: told before Zoho silently ends the first of them', async () => {
		const person = { email: 'zoe@us.example', centre: 'us', zuid: '7003', org: '2389290' }
		zoho.users.set(person.email, person)
		const links = []
		/* what a person gets who picks no scopes of his own, of several products: they share the app */
		const one = async (product = 'zoho_desk') => {
			const { link_name: link } = await newConnection(drawbridge, product)
			assert.equal((await connect(drawbridge, link, at(person.email))).account, person.email)
			links.push(link)
			return drawbridge.connection(link)
		}
		let last
		for (let n = 1; n <= 20; n++)
			last = await one(n % 10 ? 'zoho_desk' : 'zoho_crm')
		assert.match(last.warning, /20 of the 20 refresh tokens/)
		assert.equal((await drawbridge.connection(links[0])).health, 'ok')
		assert.match((await one()).warning, /21 of the 20/)
		const first = await eventually('the first to be marked', async () => {
			const now = await drawbridge.connection(links[0])
			return now.health === 'degraded' && now
		})
		assert.match(first.health_reason, /may have ended this access/)
		/* and so it has: the mark is right */
		await drawbridge.api('POST', `/v1/connections/${links[0]}/refresh`)
		assert.equal((await drawbridge.connection(links[0])).status, 'needs_reconnect')
		await drawbridge.must('POST', `/v1/connections/${links[1]}/refresh`)
	})

	it('revoking ends the refresh token at Zoho', async () => {
		const link = await connected('kai@eu.example')
		const count = zoho.refresh.size
		const answer = await drawbridge.must('POST', `/v1/connections/${link}/revoke`)
		assert.equal(answer.revoked_upstream, true, JSON.stringify(answer))
		assert.equal(zoho.refresh.size, count - 1)
	})
})
