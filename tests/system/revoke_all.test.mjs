// SPDX-License-Identifier: Apache-2.0
/*
 * A provider that takes back by account: one revocation ends every grant that the OAuth app has for it (Google, Slack,
 * GitHub and Stripe do so). Whoever connects anew keeps what came, and whoever revokes hears what else has ended.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { connect, redirectUris, walkConsent } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { signedIn } from '../support/members.mjs'
import { mustRun } from '../support/process.mjs'
import { eventually, freePort, suite } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('a revocation that takes all of an account', (scope) => {
	let drawbridge, api, server
	const scopes = ['tickets.read']
	const told = /other connections of the same account have to be connected again/

	before(async () => {
		const port = await freePort()
		server = await startScripted(scope, { redirectUris: redirectUris(port, 'scripted_all', 'scripted_none') })
		server.end = (grant) => {
			for (const each of server.grants.values())
				each.alive &&= each.account !== grant.account
		}
		api = await startApi(scope, { check: (token) => server.accountOf(token) })
		drawbridge = await startDrawbridge(scope, { port })
		const definition = oauthService('scripted_all', server, api, { authorize: { issuer: server.issuer } })
		definition.methods.oauth.revoke.takes_all = true
		definition.methods.oauth.answer = { account: 'account' }
		await addService(drawbridge, definition, server.client)
		const without = oauthService('scripted_none', server, api, { authorize: { issuer: server.issuer } })
		without.methods.oauth.answer = { account: 'account' }
		delete without.methods.oauth.revoke
		await addService(drawbridge, without, server.client)
	})

	beforeEach(() => {
		server.reset()
		server.answer = (body) => ({ ...body, account: server.account })
	})

	const connected = async (service = 'scripted_all') => {
		const { link_name: link } = await newConnection(drawbridge, service, { scopes })
		await connect(drawbridge, link, consentByItself)
		return link
	}
	const statusOf = async (link) => (await drawbridge.via(link, '/echo')).status
	const audited = async (action) => (await drawbridge.must('GET', '/v1/audit')).items.find((item) => item.action === action)

	it('the service says so before anybody revokes', async () => {
		const { methods } = await drawbridge.must('GET', '/v1/services/scripted_all')
		assert.deepEqual(methods.map(({ revokes_all: all }) => all), [true])
		const each = async (id) => (await drawbridge.must('GET', `/v1/services/${id}`)).methods
			.filter(({ revokes_all: all }) => all).map(({ id: method }) => method)
		assert.deepEqual(await each('github'), ['oauth'])
		assert.deepEqual(await each('google_drive'), ['oauth'])
		assert.deepEqual(await each('zoho_desk'), [])
	})

	it('a reconnect leaves the old grant alone, and the new one lives', async () => {
		const link = await connected()
		const before = server.revocations.length
		await connect(drawbridge, link, consentByItself)
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		assert.equal(await statusOf(link), 200)
		assert.equal(server.revocations.length, before)
	})

	it('who revokes one hears that the others have ended, and so they have', async () => {
		const [one, two] = [await connected(), await connected()]
		const answer = await drawbridge.must('POST', `/v1/connections/${one}/revoke`)
		assert.equal(answer.revoked_upstream, true)
		assert.match(answer.detail, told)
		assert.match((await audited('connection.revoke')).detail, told)
		assert.ok([401, 409].includes(await statusOf(two)))
		await eventually('the other to say so', async () =>
			(await drawbridge.connection(two)).status === 'needs_reconnect')
		await connect(drawbridge, two, consentByItself)
		assert.equal(await statusOf(two), 200)
	})

	it('the audit says it where a user takes back his own', async () => {
		const { link_name: link } = await newConnection(drawbridge, 'scripted_all', { scopes, per_user: true })
		await drawbridge.must('PUT', `/v1/connections/${link}/shares`, { items: [{ kind: 'everyone', level: 'use' }] })
		const ada = await signedIn(drawbridge, 'ada@example.org')
		const { browser } = ada
		const ask = (method, path) => ada.ask(method, `/v1/connections/${link}/${path}`)
		const consents = async (account) => {
			server.account = account
			const { json: ticket, text } = await ask('POST', 'authorize')
			assert.ok(ticket.authorize_url, text)
			return walkConsent(drawbridge, link, consentByItself, { browser, ticket })
		}
		assert.doesNotMatch((await consents('ada')).text, /still exists/)
		assert.doesNotMatch((await consents('ada')).text, /still exists/)
		assert.match((await consents('eve')).text, /access of ada, .* still exists at the provider/)
		assert.match((await audited('connection.connect')).detail, /^eve\. The access of ada, /)
		const gone = await ask('DELETE', 'users/me')
		assert.equal(gone.status, 200)
		assert.match(gone.json.detail, /^It is being revoked at the provider\. That ends every access/)
		assert.match(gone.json.detail, told)
		assert.match((await audited('connection.revoke')).detail, told)
		const record = await eventually('its record', () => audited('connection.withdraw'))
		assert.match(record.detail, /^Users' grants revoked at the provider: 1\. Not confirmed: 0\. /)
		assert.match(record.detail, told)
	})

	it('who takes another account is told that the first one\'s access lives on, and what to do', async () => {
		const link = await connected()
		const first = [...server.grants.values()].at(-1)
		const before = server.revocations.length
		const left = new RegExp('The access of ada, which was connected before, still exists at the provider: revoking it would '
			+ 'end every access .* Unless something else needs it, remove the app in that account.+s own settings there')
		server.account = 'eve'
		const page = await walkConsent(drawbridge, link, consentByItself)
		assert.match(page.text, left)
		assert.match((await audited('connection.connect')).detail, left)
		const { account, warning } = await drawbridge.connection(link)
		assert.equal(account, 'eve')
		assert.match(warning, left)
		assert.equal(server.revocations.length, before)
		assert.equal(first.alive, true)
		assert.equal(await statusOf(link), 200)
		assert.doesNotMatch((await walkConsent(drawbridge, link, consentByItself)).text, /still exists/)
		assert.equal((await drawbridge.connection(link)).warning, null, 'the same account once more')
	})

	it('where the accounts are not known it says if; and so it does where there is no way to revoke', async () => {
		server.answer = (body) => body
		const link = await connected()
		assert.match((await walkConsent(drawbridge, link, consentByItself)).text,
			/If this is another account than before, the former one.+s access still exists/)
		assert.match((await audited('connection.connect')).detail, /^If this is another account/)
		assert.equal((await drawbridge.connection(link)).warning, null)
		server.answer = (body) => ({ ...body, account: server.account })
		const without = await connected('scripted_none')
		server.account = 'eve'
		assert.match((await walkConsent(drawbridge, without, consentByItself)).text,
			/The access of ada, .*the provider offers no way to revoke it/)
	})

	it('an account that had no access any more is not spoken of', async () => {
		const link = await connected()
		await drawbridge.must('POST', `/v1/connections/${link}/revoke`)
		server.account = 'eve'
		assert.doesNotMatch((await walkConsent(drawbridge, link, consentByItself)).text, /still exists/)
	})

	it('who manages users hears it, of one and of all', async () => {
		const { link_name: link } = await newConnection(drawbridge, 'scripted_all', { scopes, per_user: true })
		const database = join(drawbridge.data, 'store/drawbridge.db')
		await mustRun('sqlite3', [database, '.timeout 5000', ...['v_1', 'v_2'].map((subject) => `INSERT INTO connection_users (
			connection, subject, status, account, connected_at) SELECT id, '${subject}', 'connected', 'ada', 1 FROM connections
			WHERE link_name = '${link}';`)])
		const { stdout } = await drawbridge.cli(['connection', 'leave', link, 'v_1'])
		assert.match(stdout.replace(/\s+/g, ' '), /^The account is not used any more\. It is being revoked at the provider\. That ends/)
		assert.match(stdout.replace(/\s+/g, ' '), told)
		const answer = await drawbridge.must('POST', `/v1/connections/${link}/revoke`)
		assert.match(answer.detail, /ends every access .* other connections of them have to be connected again/)
	})

	it('the command line says it as well, and the audit of who deletes', async () => {
		const { stdout } = await drawbridge.cli(['connection', 'revoke', await connected()])
		assert.match(stdout.replace(/\s+/g, ' '), told)
		await drawbridge.must('DELETE', `/v1/connections/${await connected()}`)
		assert.match((await audited('connection.delete')).detail, told)
	})
})
