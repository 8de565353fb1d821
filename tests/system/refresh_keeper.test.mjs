// SPDX-License-Identifier: Apache-2.0
/*
 * The keeper's promises about refresh at a provider that rotates, counts every reuse, and does as it is told: kills
 * at every moment, idle grants, forecasts, rules of the definition, quotas, a bad OAuth app.
 */
import assert from 'node:assert/strict'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { connect, redirectUris } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { killQuietly } from '../support/process.mjs'
import { eventually, freePort, sleep, suite } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const day = 86_400

suite('what the keeper promises', (scope) => {
	let drawbridge, server, api
	const scopes = ['tickets.read']

	before(async () => {
		const port = await freePort()
		server = await startScripted(scope, { redirectUris: redirectUris(port, 'plain', 'idle', 'year', 'window', 'early',
			'badapp',
			'soft_rule', 'scoped', 'few') })
		api = await startApi(scope, { check: (token) => server.accountOf(token), routes: {
			'/soft': (request, response, { entry }) => {
				const dead = api.softly > 0 && api.softly--
				response.writeHead(200, { 'content-type': 'application/json' })
				response.end(JSON.stringify(dead ? { ok: false, error: 'token_expired' } : { ok: true, token: entry.token }))
			},
			'/scope': (_, response) => response.writeHead(403, { 'www-authenticate':
				'Bearer error="insufficient_scope", scope="tickets.write admin"' }).end('{}')
		} })
		drawbridge = await startDrawbridge(scope, { port })
		await define('plain')
	})

	beforeEach(() => {
		server.reset()
		server.life = 3600
		api.refuse = 0
		api.softly = 0
	})

	const define = (id, more) => addService(drawbridge, oauthService(id, server, api, {
		refresh: { rotates: true }, ...more }), server.client)
	const connected = async (service = 'plain', body = {}) => {
		const { link_name: link } = await newConnection(drawbridge, service, { scopes, ...body })
		await connect(drawbridge, link, consentByItself)
		return link
	}
	const refresh = (link) => drawbridge.api('POST', `/v1/connections/${link}/refresh`)
	const refreshes = () => server.requests.filter(({ form }) => form.grant_type === 'refresh_token').length
	const metric = async (name) => Number(new RegExp(`^drawbridge_${name} (\\d+)$`, 'm')
		.exec((await drawbridge.api('GET', '/metrics')).text)?.[1])

	/* ---- kills ---- */

	it('a keeper killed before the provider has worked on its request costs nothing', async () => {
		const link = await connected()
		const reused = server.reused
		server.faults.on('token', { kind: 'hang', times: 1 })
		const before = refreshes()
		const asked = refresh(link)
		await eventually('the request', () => refreshes() > before)
		killQuietly(drawbridge.role('keeper'), 'SIGKILL')
		await asked
		await drawbridge.ready()
		await eventually('the next refresh', async () => (await refresh(link)).status === 200)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		assert.equal(server.reused, reused)
	})

	it('a keeper killed before it has stored the answer: tried once, in doubt, counted, and said so', async () => {
		const link = await connected()
		const reused = server.reused
		const take = server.faults.run.bind(server.faults)
		server.faults.run = async (where, response, work) => { /* works, and then says nothing */
			server.faults.run = take
			response.end = () => response
			await work()
			killQuietly(drawbridge.role('keeper'), 'SIGKILL')
			return false
		}
		await refresh(link)
		await drawbridge.ready()
		await eventually('the provider to refuse the old token', async () => {
			await refresh(link)
			return (await drawbridge.connection(link)).status === 'needs_reconnect'
		})
		assert.equal(server.reused, reused + 1)
		assert.match((await drawbridge.connection(link)).reason, /^In doubt: .*Connect again/)
		assert.equal(await metric('grants_lost_in_doubt_total'), 1)
		assert.ok(await metric('needs_reconnect_total') >= 1)
		await connect(drawbridge, link, consentByItself)
	})

	it('told to stop while a token is on its way, it is stored first', async () => {
		const link = await connected()
		const reused = server.reused
		server.faults.on('token', { kind: 'delay', ms: 1500, times: 1 })
		const before = refreshes()
		const asked = refresh(link).catch(() => {})
		await eventually('the request', () => refreshes() > before)
		const end = await drawbridge.stop()
		assert.equal(end.status, 0)
		await asked
		await drawbridge.start()
		assert.equal((await refresh(link)).status, 200)
		assert.equal(server.reused, reused)
		assert.equal((await drawbridge.connection(link)).status, 'connected')
	})

	/* ---- time ---- */

	it('an idle grant is kept alive, over a restart too, and no other is touched', async () => {
		await define('idle', { refresh: { rotates: true, idle_life_s: 8 } })
		const [link, other] = [await connected('idle'), await connected()]
		assert.equal((await drawbridge.connection(link)).expires_forecast, null)
		const start = refreshes()
		await eventually('the first renewal', () => refreshes() > start, { timeout: 12_000 })
		await drawbridge.stop()
		await drawbridge.start()
		await eventually('the next one', () => refreshes() > start + 1, { timeout: 12_000 })
		assert.ok(await metric('grants_kept_alive_total') >= 1)
		await drawbridge.must('POST', `/v1/connections/${link}/disable`)
		const disabled = await drawbridge.connection(link)
		assert.equal(disabled.expires_forecast.reason, 'idle')
		assert.ok(new Date(disabled.expires_forecast.at) - Date.now() < 9000)
		const quiet = refreshes()
		await sleep(8000)
		assert.equal(refreshes(), quiet)
		await drawbridge.must('DELETE', `/v1/connections/${link}`)
		assert.equal((await drawbridge.via(other, '/echo')).status, 200)
	})

	it('the likely end is told by API and command line, with its reason', async () => {
		await define('year', { refresh: { rotates: true, total_life_s: 365 * day } })
		const link = await connected('year')
		const { expires_forecast: end } = await drawbridge.connection(link)
		assert.equal(end.reason, 'total_life')
		assert.ok(Math.abs(new Date(end.at) - Date.now() - 365 * day * 1000) < 60_000)
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		assert.equal((await drawbridge.connection(link)).expires_forecast.at, end.at)
		const shown = await drawbridge.cli(['connection', 'show', link])
		assert.match(shown.stdout, /Access until/)
		assert.match(shown.stdout, /after consent/)
	})

	it('a grant without a refresh token ends with its token', async () => {
		server.answer = ({ refresh_token: _, ...rest }) => rest
		const connection = await drawbridge.connection(await connected())
		assert.equal(connection.expires_forecast.reason, 'no_refresh')
		assert.equal(connection.expires_forecast.at, connection.expires_at)
	})

	it('a service that renews in the last seconds alone is not asked before', async () => {
		await define('window', { refresh: { rotates: true, window_s: 3 } })
		server.life = 6
		const link = await connected('window')
		const before = refreshes()
		const early = await refresh(link)
		assert.equal(early.status, 503)
		assert.ok(Number(early.headers['retry-after']) <= 3)
		assert.equal(refreshes(), before)
		await sleep(3200)
		server.life = 3600
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		await eventually('the renewal', async () => refreshes() > before || (await refresh(link)).status === 200)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})

	it('a token that the service refuses before its window opens is not renewed: the 401 is passed on; within it, it is', async () => {
		await define('early', { refresh: { rotates: true, window_s: 3 } })
		server.life = 7
		const link = await connected('early')
		server.life = 3600
		const before = refreshes()
		const opens = Date.parse((await drawbridge.connection(link)).expires_at) - 3000
		const refused = async () => {
			api.refuse = 1
			return drawbridge.via(link, '/echo')
		}
		const answer = await refused()
		assert.deepEqual([answer.status, answer.json], [401, { error: 'invalid_token' }])
		assert.equal(answer.headers['drawbridge-error'], undefined, 'it is the service\'s own')
		const { token } = api.last()
		assert.equal(api.requests.filter((each) => each.token === token).length, 1, 'it was not sent again')
		assert.equal(refreshes(), before)
		assert.equal((await drawbridge.connection(link)).status, 'connected')
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		assert.equal(api.last().token, token)
		await eventually('the renewal', async () => (await refused()).status === 200)
		assert.ok(Date.now() >= opens, `${opens - Date.now()} ms before the window`)
		assert.ok(refreshes() > before)
		assert.notEqual(api.last().token, token)
		assert.equal((await drawbridge.connection(link)).status, 'connected')
	})

	/* ---- the definition's rules ---- */

	it('200 with an error in the body is renewed and sent again, where the definition says so', async () => {
		const { link_name: link } = await newConnection(drawbridge, await addService(drawbridge, oauthService('soft_rule',
			server, { url: api.url, base: { refresh_on: [{ when: { status: [200], json: 'error', is: ['token_expired'] },
				executed_nothing: true }] } }, { refresh: { rotates: true } }), server.client), { scopes })
		await connect(drawbridge, link, consentByItself)
		const first = await drawbridge.via(link, '/soft')
		api.softly = 1
		const second = await drawbridge.via(link, '/soft')
		assert.equal(second.json.ok, true)
		assert.equal(api.requests.filter(({ path }) => path === '/soft').length, 3)
		assert.equal(first.status, 200)
		/* a service without that rule has its answer passed on */
		api.softly = 1
		assert.equal((await drawbridge.via(await connected(), '/soft')).json.error, 'token_expired')
	})

	it('a token refused although just renewed degrades the connection, and is not renewed again at once', async () => {
		const link = await connected()
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		const before = refreshes()
		api.refuse = 1000
		for (let n = 0; n < 5; n++)
			assert.equal((await drawbridge.via(link, '/echo')).status, 401)
		assert.ok(refreshes() - before <= 1, `${refreshes() - before} refreshes`)
		const connection = await eventually('its health', async () => {
			const now = await drawbridge.connection(link)
			return now.health === 'degraded' && now
		})
		assert.equal(connection.status, 'connected')
		assert.match(connection.health_reason, /just renewed/)
	})

	it('a missing scope is named, and leaves the status', async () => {
		const { link_name: link } = await newConnection(drawbridge, await addService(drawbridge, oauthService('scoped',
			server, { url: api.url, base: { missing_scope_on: [{ status: [403], header: 'WWW-Authenticate',
				header_has: 'insufficient_scope' }] } }, { refresh: { rotates: true } }), server.client), { scopes })
		await connect(drawbridge, link, consentByItself)
		const before = refreshes()
		assert.equal((await drawbridge.via(link, '/scope')).status, 403)
		const connection = await eventually('its health', async () => {
			const now = await drawbridge.connection(link)
			return now.health === 'degraded' && now
		})
		assert.equal(connection.status, 'connected')
		assert.match(connection.health_reason, /tickets\.write admin/)
		assert.equal(refreshes(), before)
	})

	/* ---- the OAuth app, quotas ---- */

	it('a bad OAuth app is tried once in ten seconds for all its connections, and at once when it is changed', async () => {
		await define('badapp')
		server.life = 2
		const links = [await connected('badapp'), await connected('badapp')]
		const app = '/v1/services/badapp/app'
		await drawbridge.must('PUT', app, { ...server.client, client_secret: 'wrong' })
		await sleep(2200)
		server.life = 3600
		const count = server.requests.length
		for (let n = 0; n < 6; n++) {
			const answer = await drawbridge.via(links[n % 2], '/echo')
			assert.equal(answer.status, 503, answer.text)
			assert.equal(answer.headers['drawbridge-error'], 'refresh_unavailable')
			assert.ok(Number(answer.headers['retry-after']) <= 10)
		}
		assert.equal(server.requests.length, count + 1)
		for (const link of links)
			assert.equal((await drawbridge.connection(link)).status, 'connected')
		await drawbridge.must('PUT', app, server.client)
		for (const link of links)
			assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})

	it('refresh tokens of an account are counted: a warning before, and a mark where one was ended', async () => {
		const definition = oauthService('few', server, api, { refresh: { rotates: true, tokens_per_account: 3 } })
		definition.methods.oauth.answer = { account: 'user' }
		await addService(drawbridge, definition, server.client)
		server.answer = (body) => ({ ...body, user: 'ada' })
		const links = []
		for (let n = 0; n < 3; n++)
			links.push(await connected('few'))
		const warned = await drawbridge.connection(links[2])
		assert.match(warned.warning, /3 of the 3 refresh tokens/)
		assert.equal((await drawbridge.connection(links[0])).warning, null)
		const { warning } = await drawbridge.connection(await connected('few'))
		assert.match(warning, /4 of the 3/)
		const marked = await eventually('the oldest to be marked', async () => {
			const now = await drawbridge.connection(links[0])
			return now.health === 'degraded' && now
		})
		assert.match(marked.health_reason, /may have ended/)
		assert.equal(marked.status, 'connected')
	})

	it('Retry-After counts for a provider that is down, too', async () => {
		const link = await connected()
		server.faults.on('token', { kind: 'status', status: 503, headers: { 'retry-after': '120' } })
		const answer = await refresh(link)
		assert.equal(answer.status, 503)
		assert.ok(Number(answer.headers['retry-after']) > 100, answer.headers['retry-after'])
		const { retry_at: at } = await drawbridge.connection(link)
		assert.ok(new Date(at) - Date.now() > 100_000)
	})
})
