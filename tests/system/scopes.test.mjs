// SPDX-License-Identifier: Apache-2.0
/*
 * Scopes as real providers tell them: the default services' own methods, at an authorization server that answers as
 * Google, Microsoft and Slack do. What was granted under another name is not missed, what was refused is told, and
 * who acts as a person never acts as the bot.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { connect, redirectUris, walkConsent } from '../support/consent.mjs'
import { service } from '../support/definitions.mjs'
import { root, startDrawbridge } from '../support/drawbridge.mjs'
import { eventually, freePort, suite } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const shipped = (name) => JSON.parse(readFileSync(join(root, 'services', `${name}.json`), 'utf8'))
const sheets = 'https://www.googleapis.com/auth/spreadsheets'
const email = 'https://www.googleapis.com/auth/userinfo.email'
const day = 24 * 3600 * 1000

suite('scopes as providers tell them', (scope) => {
	let drawbridge, api, server

	/* A default service's method as it is, but for where it goes; everything strict as at the server. */
	function moved({ authorize, token, ...method }) {
		const { data_centres, parameters, lookups, ...rest } = method
		return { ...rest, id: 'oauth', authorize: { ...authorize, url: server.endpoints.authorize, pkce: true,
			issuer: server.issuer }, token: { ...token, url: server.endpoints.token, client_auth: 'basic' },
		revoke: { url: server.endpoints.revoke } }
	}

	before(async () => {
		const port = await freePort()
		server = await startScripted(scope, { redirectUris: redirectUris(port, 'google_like', 'microsoft_like', 'slack_person') })
		api = await startApi(scope, { check: (token) => server.accountOf(token),
			routes: { '/busy': (_, response) => response.writeHead(429).end() } })
		drawbridge = await startDrawbridge(scope, { port })
		const [google, microsoft, slack] = ['parts/google_oauth', 'microsoft_graph', 'slack'].map(shipped)
		const tests = [{ path: '/echo', needs_scope: ['email'] }]
		for (const definition of [
			service('google_like', { ...api, base: { tests } }, moved(google.methods.oauth),
				{ scopes: shipped('google_sheets').scopes }),
			service('microsoft_like', api, moved(microsoft.methods.oauth), { scopes: microsoft.scopes }),
			service('slack_person', api, moved(slack.methods.oauth_user), { scopes: slack.scopes,
				second_scopes: slack.second_scopes })
		])
			await addService(drawbridge, definition, server.client)
	})

	beforeEach(() => server.reset())

	const connected = async (name, body) => {
		const { link_name: link } = await newConnection(drawbridge, name, body)
		return connect(drawbridge, link, consentByItself)
	}
	const tokenOf = async (link) => {
		const answer = await drawbridge.via(link, '/echo')
		assert.equal(answer.status, 200, answer.text)
		return api.last().token
	}

	/* ---- under another name ---- */

	it('a connection of Google\'s with its presets is not degraded by the long name of email', async () => {
		server.scope = () => `${sheets} ${email} openid`
		const connection = await connected('google_like')
		assert.equal(server.authorizations.at(-1).scope, `${sheets} email`)
		assert.deepEqual(connection.scopes_asked, [sheets, 'email'])
		assert.deepEqual(connection.scopes_granted, [sheets, email, 'openid'])
		assert.deepEqual([connection.health, connection.health_reason], ['ok', null])
		/* nor is the test that needs it left out */
		const { ok } = await drawbridge.must('POST', `/v1/connections/${connection.link_name}/test`)
		assert.equal(ok, true)
	})

	it('a scope that somebody unticked at Google is told, on the page and for as long as it is so', async () => {
		server.scope = () => `${email} openid`
		const { link_name: link } = await newConnection(drawbridge, 'google_like')
		const page = await walkConsent(drawbridge, link, consentByItself)
		assert.match(page.text, /Not granted were: https:\/\/www\.googleapis\.com\/auth\/spreadsheets/)
		const told = await drawbridge.connection(link)
		assert.deepEqual([told.status, told.health], ['connected', 'degraded'])
		assert.match(told.health_reason, /^Not granted: https:\/\/www\.googleapis\.com\/auth\/spreadsheets\. /)
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		assert.equal((await drawbridge.connection(link)).health, 'degraded')
		server.scope = () => `${sheets} ${email} openid`
		assert.equal((await connect(drawbridge, link, consentByItself)).health, 'ok')
	})

	it('it is told behind what the service says of its limits, and alone again when that is over', async () => {
		server.scope = () => `${email} openid`
		const { link_name: link, connected_at: at } = await connected('google_like')
		const told = async () => {
			const { health, health_reason: reason, health_since: since } = await drawbridge.connection(link)
			return { health, reason, since }
		}
		const lacks = `Not granted: ${sheets}. Connect again and accept them, or edit the scopes.`
		const busy = async () => {
			assert.equal((await drawbridge.via(link, '/busy')).status, 429)
			return eventually('its health', async () => {
				const now = await told()
				return now.reason.startsWith('The service ') && now
			})
		}
		const first = await busy()
		assert.deepEqual([first.health, first.reason], ['degraded', `The service asks to call less often. ${lacks}`])
		assert.ok(first.since > at, `${first.since} ${at}`)
		/* by workers that have not seen the trouble themselves, and so do not wait for a calm minute */
		await drawbridge.stop()
		await drawbridge.start()
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		await eventually('the trouble to be over', async () => !/asks to/.test((await told()).reason))
		assert.deepEqual(await told(), { health: 'degraded', reason: lacks, since: at })
		/* so with a renewal */
		await busy()
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		assert.deepEqual(await told(), { health: 'degraded', reason: lacks, since: at })
		/* and a test */
		await drawbridge.must('POST', `/v1/connections/${link}/test`)
		assert.deepEqual(await told(), { health: 'degraded', reason: lacks, since: at })
		await drawbridge.must('POST', `/v1/connections/${link}/revoke`)
		assert.deepEqual(await told(), { health: 'ok', reason: null, since: null })
	})

	it('a connection of Microsoft\'s does not miss offline_access, but a permission that was refused', async () => {
		server.scope = () => 'User.Read profile openid email'
		const connection = await connected('microsoft_like')
		assert.deepEqual(connection.scopes_asked, ['User.Read', 'offline_access'])
		assert.equal(connection.health, 'ok')
		const less = await connected('microsoft_like', { scopes: ['User.Read', 'Mail.Send', 'offline_access'] })
		assert.match(less.health_reason, /^Not granted: Mail\.Send\. /)
	})

	it('the end of a grant of a Google project in Testing is foretold, and use does not put it off', async () => {
		server.scope = () => `${sheets} ${email} openid`
		server.rotates = false
		server.answer = (body) => ({ ...body, ...(body.refresh_token && { refresh_token_expires_in: 604799 }) })
		const { link_name: link, expires_forecast: end } = await connected('google_like')
		assert.equal(end.reason, 'refresh_token')
		const left = Date.parse(end.at) - Date.now()
		assert.ok(left > 6.9 * day && left < 7.1 * day, `${left} ms`)
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		assert.ok(Math.abs(Date.parse((await drawbridge.connection(link)).expires_forecast.at) - Date.parse(end.at)) < 1000)
		/* published, nothing is told: nothing is foretold */
		server.answer = (body) => body
		assert.equal((await connect(drawbridge, link, consentByItself)).expires_forecast, null)
	})

	/* ---- Slack: a person is no bot ---- */

	const bot = () => ({ access_token: `xoxb-${server.requests.length}`, token_type: 'bot', refresh_token: 'xoxe-bot' })
	const asSlack = (granted) => ({ access_token, refresh_token, expires_in }) => {
		const token = { access_token, refresh_token, expires_in, token_type: 'user' }
		if (server.requests.at(-1).form.grant_type === 'refresh_token')
			return { ok: true, ...token, scope: granted }
		return { ok: true, ...bot(), team: { id: 'T9TK3CUKW', name: 'Acme' },
			authed_user: { id: 'U1234', scope: granted, ...token } }
	}

	it('a person\'s connection asks for user scopes alone, and calls with the person\'s token', async () => {
		server.answer = asSlack('channels:read,chat:write')
		const connection = await connected('slack_person')
		const asked = server.authorizations.at(-1)
		assert.deepEqual([asked.scope, asked.user_scope], [undefined, 'chat:write,channels:read'])
		assert.deepEqual([connection.scopes_asked, connection.second_scopes_asked],
			[[], ['chat:write', 'channels:read']])
		assert.deepEqual([connection.health, connection.account], ['ok', 'Acme'])
		const first = await tokenOf(connection.link_name)
		assert.equal(server.accountOf(first), 'ada')
		/* renewed, it is outermost */
		await drawbridge.must('POST', `/v1/connections/${connection.link_name}/refresh`)
		const second = await tokenOf(connection.link_name)
		assert.equal(server.accountOf(second), 'ada')
		assert.notEqual(second, first)
	})

	it('a user scope that was refused is told', async () => {
		server.answer = asSlack('channels:read')
		const connection = await connected('slack_person')
		assert.equal(connection.health, 'degraded')
		assert.match(connection.health_reason, /^Not granted: chat:write\. /)
	})

	it('where no token of the person comes, the bot\'s is not taken: nothing is connected', async () => {
		server.answer = () => ({ ok: true, ...bot(), scope: 'chat:write', authed_user: { id: 'U1234' } })
		const { link_name: link } = await newConnection(drawbridge, 'slack_person')
		const page = await walkConsent(drawbridge, link, consentByItself)
		assert.match(page.text, /no token of the person/)
		assert.equal((await drawbridge.connection(link)).status, 'not_connected')
		const count = api.requests.length
		assert.equal((await drawbridge.via(link, '/echo')).status, 409)
		assert.equal(api.requests.length, count)
	})

	it('bot scopes are refused for a person\'s connection, and the method says what it takes', async () => {
		const answer = await drawbridge.api('POST', '/v1/connections', { name: 'Wrong', service: 'slack_person',
			scopes: ['chat:write'] })
		assert.equal(answer.status, 400)
		assert.equal(answer.json.errors?.[0]?.pointer ?? answer.json.pointer, '/scopes')
		const { methods: [method] } = await drawbridge.must('GET', '/v1/services/slack_person')
		assert.deepEqual(method.scope_lists, ['second_scopes'])
		const { methods } = await drawbridge.must('GET', '/v1/services/slack')
		assert.deepEqual(methods.map(({ id, scope_lists: lists }) => [id, lists]), [['oauth', ['scopes']],
			['oauth_user', ['second_scopes']], ['token', []]])
	})
})
