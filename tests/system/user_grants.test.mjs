// SPDX-License-Identifier: Apache-2.0
/*
 * A connection that each user connects for himself: who manages it sees which members must connect again, whose grants
 * do not work as they should and why, and when they are likely to end; nobody else sees that.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { redirectUris, walkConsent } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { signedIn } from '../support/members.mjs'
import { eventually, freePort, suite } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('grants that each user gives for himself', (scope) => {
	let drawbridge, server, api, link, ada, bob

	/* A member who is signed in: asks the API, calls with a key of his own, and connects in his own browser. */
	async function member(name) {
		const who = await signedIn(drawbridge, `${name}@example.org`)
		const { ask, browser } = who
		const key = await who.key()
		const connect = async () => {
			server.account = name
			const { status, json, text } = await ask('POST', `/v1/connections/${link}/authorize`)
			assert.equal(status, 200, text)
			const page = await walkConsent(drawbridge, link, consentByItself, { browser, ticket: json })
			assert.equal(page.status, 200, page.text)
		}
		return { ...who, connect, call: (path = '/echo') => drawbridge.via(link, path, { key }) }
	}

	const users = async (query = '') => (await drawbridge.must('GET', `/v1/connections/${link}/users${query}`)).items
	const counts = (connected, more) => ({ connected, needs_reconnect: 0, revoked: 0, degraded: 0, expiring: 0, ...more })
	const usersNow = async () => (await drawbridge.connection(link)).users
	const standing = async (member) => (await users()).find(({ subject }) => subject === member.id)
	const degraded = (member) => eventually('the trouble to be known', async () => {
		const now = await standing(member)
		return now.health === 'degraded' && now
	})
	const metric = async (name) => Number(new RegExp(`^drawbridge_${name} (\\d+)$`, 'm')
		.exec((await drawbridge.api('GET', '/metrics')).text)?.[1])

	before(async () => {
		const port = await freePort()
		server = await startScripted(scope, { redirectUris: redirectUris(port, 'own') })
		api = await startApi(scope, { check: (token) => server.accountOf(token), routes: {
			'/scope': (_, response, { entry }) => (server.accountOf(entry.token) === 'bob' ? response.writeHead(403,
				{ 'www-authenticate': 'Bearer error="insufficient_scope", scope="tickets.write"' }) : response).end('{}')
		} })
		drawbridge = await startDrawbridge(scope, { port })
		const missing = [{ status: [403], header: 'WWW-Authenticate', header_has: 'insufficient_scope' }]
		const definition = oauthService('own', server, { url: api.url, base: { missing_scope_on: missing } }, { refresh: { rotates: true, total_life_s: 30 * 86_400 } })
		definition.methods.oauth.answer = { account: 'user' }
		await addService(drawbridge, definition, server.client)
		server.answer = (body) => ({ ...body, user: server.access.get(body.access_token).account })
		;({ link_name: link } = await newConnection(drawbridge, 'own', { name: 'Each his own', per_user: true, scopes: ['tickets.read'] }))
		await drawbridge.must('PUT', `/v1/connections/${link}/shares`, { items: [{ kind: 'everyone', level: 'use' }] })
		ada = await member('ada')
		bob = await member('bob')
	})

	it('nobody has connected: no users, and counts of zero', async () => {
		assert.deepEqual(await users(), [])
		assert.deepEqual((await drawbridge.connection(link)).users, counts(0))
	})

	it('each who has connected is listed with his account, his scopes and the likely end of his grant', async () => {
		await ada.connect()
		await bob.connect()
		for (const each of [ada, bob])
			assert.equal((await each.call()).status, 200)
		const list = await users()
		assert.deepEqual(list.map(({ subject }) => subject), [ada.id, bob.id].sort())
		const hers = list.find(({ subject }) => subject === ada.id)
		assert.deepEqual([hers.name, hers.email, hers.status, hers.account, hers.scopes_granted],
			['ada', ada.email, 'connected', 'ada', ['tickets.read']])
		assert.equal(hers.expires_forecast.reason, 'total_life')
		const days = (new Date(hers.expires_forecast.at) - Date.now()) / 86_400_000
		assert.ok(days > 29.9 && days < 30.1, `${days} days`)
		assert.deepEqual((await drawbridge.connection(link)).users, counts(2))
	})

	it('a grant that the provider has ended needs its own user: told with the reason, counted, written down', async () => {
		for (const grant of server.grants.values())
			grant.alive &&= grant.account !== 'bob'
		for (const [token, grant] of server.access)
			if (grant.account === 'bob')
				server.access.delete(token)
		assert.equal((await bob.call()).status, 401, 'the service has refused, and there is no new token to ask again with')
		await eventually('every worker to know', async () => (await bob.call()).status === 409)
		assert.equal((await bob.call()).status, 409)
		assert.equal((await ada.call()).status, 200, 'the other one goes on')
		await eventually('the count', async () => (await drawbridge.connection(link)).users.needs_reconnect === 1)
		assert.deepEqual((await drawbridge.connection(link)).users, counts(1, { needs_reconnect: 1 }))
		const attention = await users('?status=needs_reconnect')
		assert.deepEqual(attention.map(({ subject }) => subject), [bob.id])
		assert.match(attention[0].reason, /Connect again/)
		assert.equal(attention[0].expires_forecast, null)
		const listed = (await drawbridge.must('GET', '/v1/connections')).items.find((each) => each.link_name === link)
		assert.equal(listed.users.needs_reconnect, 1)
		await eventually('the metric', async () => await metric('user_grants_needing_reconnect') === 1, { timeout: 15_000, every: 500 })
		assert.equal(await metric('user_grants'), 2)
		const { items } = await drawbridge.must('GET', '/v1/audit')
		assert.ok(items.some(({ action, detail }) => action === 'connection.needs_reconnect' && detail.includes(bob.id)))
	})

	it('the command line tells the same', async () => {
		const all = await drawbridge.cli(['connection', 'users', link])
		assert.match(all.stdout, /ada@example\.org[^]*bob@example\.org|bob@example\.org[^]*ada@example\.org/)
		assert.match(all.stdout, /HEALTH/)
		const { stdout } = await drawbridge.cli(['connection', 'users', link, '--attention', '--json'])
		assert.deepEqual(JSON.parse(stdout).items.map(({ subject }) => subject), [bob.id])
		assert.match((await drawbridge.cli(['connection', 'show', link])).stdout, /Users to reconnect\s+1/)
	})

	it('who may only use it sees neither list nor counts', async () => {
		const refused = await ada.ask('GET', `/v1/connections/${link}/users`)
		assert.equal(refused.status, 403, refused.text)
		assert.equal((await ada.ask('GET', `/v1/connections/${link}`)).json.users, null)
	})

	it('pages, and a filter that is none', async () => {
		const first = await drawbridge.must('GET', `/v1/connections/${link}/users?limit=1`)
		assert.equal(first.items.length, 1)
		const second = await drawbridge.must('GET', `/v1/connections/${link}/users?limit=1&after=${first.next}`)
		assert.deepEqual([second.items.length, second.next], [1, null])
		assert.equal((await drawbridge.api('GET', `/v1/connections/${link}/users?status=lost`)).status, 400)
		assert.equal((await drawbridge.api('GET', `/v1/connections/${link}/users?attention=perhaps`)).status, 400)
		assert.equal((await drawbridge.api('GET', `/v1/connections/${link}/users?attention=true&status=connected`)).status, 400)
	})

	it('he connects again, and nobody needs attention', async () => {
		await bob.connect()
		assert.equal((await bob.call()).status, 200)
		assert.deepEqual((await drawbridge.connection(link)).users, counts(2))
	})

	/* ---- health ---- */

	it('a scope that the service misses is the trouble of that user alone', async () => {
		assert.equal((await ada.call('/scope')).status, 200)
		assert.equal((await bob.call('/scope')).status, 403)
		const { status, health_reason: reason, health_since: since, attention } = await degraded(bob)
		assert.deepEqual([status, attention], ['connected', 'degraded'])
		assert.match(reason, /scope is missing.*tickets\.write/)
		assert.ok(Date.now() - new Date(since) < 60_000, since)
		const hers = await standing(ada)
		assert.deepEqual([hers.health, hers.health_reason, hers.health_since, hers.attention], ['ok', null, null, null])
		assert.equal((await drawbridge.connection(link)).health, 'ok', 'the connection itself has no grant')
		assert.deepEqual(await usersNow(), counts(2, { degraded: 1 }))
		assert.deepEqual((await users('?attention=true')).map(({ subject }) => subject), [bob.id])
		assert.equal(await metric('user_grants_degraded'), 1)
		assert.match((await drawbridge.cli(['connection', 'users', link, '--attention'])).stdout, /degraded[^]*tickets\.write/)
		assert.match((await drawbridge.cli(['connection', 'show', link])).stdout, /Users degraded\s+1/)
	})

	it('it stays through a restart, and goes when the service is content with him again', async () => {
		await drawbridge.stop()
		await drawbridge.start()
		assert.equal((await standing(bob)).health, 'degraded')
		assert.equal((await ada.call()).status, 200)
		assert.equal((await standing(bob)).health, 'degraded', 'hers says nothing of his')
		assert.equal((await bob.call()).status, 200)
		await eventually('it to be well', async () => (await standing(bob)).health === 'ok')
		assert.deepEqual(await usersNow(), counts(2))
		await eventually('the metric', async () => await metric('user_grants_degraded') === 0)
	})

	it('a provider that throttles renewal: degraded, and told when it is tried again', async () => {
		api.refuse = 1
		server.faults.on('token', { kind: 'status', status: 429, body: { error: 'slow_down' }, headers: { 'retry-after': '2' } })
		await bob.call()
		const { status, health_reason: reason, retry_at: retry } = await degraded(bob)
		assert.equal(status, 'connected')
		assert.match(reason, /asks to wait/)
		assert.ok(new Date(retry) > new Date(Date.now() - 5000), retry)
		assert.equal((await standing(ada)).health, 'ok')
		server.faults.clear()
		await eventually('a new token', async () => {
			api.refuse = 1
			await bob.call()
			api.refuse = 0
			return (await standing(bob)).health === 'ok'
		}, { timeout: 30_000, every: 500 })
		assert.equal((await standing(bob)).retry_at, null)
	})

	it('a token refused although just renewed is the trouble of that user alone', async () => {
		await bob.connect() /* with a token that was not refused yet */
		assert.equal((await bob.call()).status, 200)
		api.refuse = 1000
		assert.equal((await bob.call()).status, 401)
		assert.match((await degraded(bob)).health_reason, /just renewed/)
		api.refuse = 0
		assert.equal((await ada.call()).status, 200)
		assert.deepEqual(await usersNow(), counts(2, { degraded: 1 }))
	})

	it('a scope that he did not grant is named until he does', async () => {
		server.scope = () => 'openid'
		await bob.connect()
		assert.match((await degraded(bob)).health_reason, /Not granted: tickets\.read/)
		assert.equal((await bob.call()).status, 200)
		assert.equal((await standing(bob)).health, 'degraded')
		assert.equal((await bob.call('/scope')).status, 403)
		await eventually('what the service says', async () =>
			/scope is missing.* Not granted: tickets\.read\. /.test((await standing(bob)).health_reason))
		assert.deepEqual(await usersNow(), counts(2, { degraded: 1 }))
		await drawbridge.stop()
		await drawbridge.start()
		assert.equal((await bob.call()).status, 200)
		await eventually('it to be over', async () => !/is missing/.test((await standing(bob)).health_reason))
		const { health, health_reason: reason, health_since: since, connected_at: at } = await standing(bob)
		assert.deepEqual([health, since], ['degraded', at])
		assert.match(reason, /^Not granted: tickets\.read\. /)
		assert.deepEqual(await usersNow(), counts(2, { degraded: 1 }))
		assert.deepEqual((await users('?attention=true')).map(({ subject }) => subject), [bob.id])
		assert.equal(await metric('user_grants_degraded'), 1)
		server.scope = (asked) => asked
		await bob.connect()
		assert.deepEqual([(await standing(bob)).health, (await standing(bob)).health_reason], ['ok', null])
		assert.deepEqual(await usersNow(), counts(2))
	})

	it('who manages it and revokes ends the grants of all, and each connects again', async () => {
		await drawbridge.must('PUT', `/v1/connections/${link}/shares`, { items: [{ kind: 'everyone', level: 'use' },
			{ kind: 'member', subject: bob.id, level: 'manage' }] })
		const { status, text } = await bob.ask('POST', `/v1/connections/${link}/revoke`)
		assert.equal(status, 200, text)
		assert.equal((await standing(bob)).attention, 'revoked')
		assert.deepEqual(await usersNow(), counts(0, { revoked: 2 }))
		assert.equal((await bob.call()).status, 409)
		assert.equal((await ada.call()).status, 409)
		await bob.connect()
		assert.equal((await bob.call()).status, 200)
		assert.equal((await ada.call()).status, 409)
		await ada.connect()
		assert.equal((await ada.call()).status, 200)
		assert.deepEqual(await usersNow(), counts(2))
	})

	/* ---- one of them ---- */

	const of = (user) => `/v1/connections/${link}/users/${user}`
	const withdrawn = async () => (await drawbridge.must('GET', '/v1/audit?limit=100')).items
		.filter(({ action, object_name: name }) => action === 'connection.withdraw' && name === 'Each his own').length

	it('each sees his own and takes it back, and nobody another\'s; he may connect again', async () => {
		const own = await ada.ask('GET', of('me'))
		assert.deepEqual([own.status, own.json.subject, own.json.account, own.json.status], [200, ada.id, 'ada', 'connected'])
		assert.deepEqual((await ada.ask('GET', of(ada.id))).json, own.json)
		for (const [method, user] of [['GET', bob.id], ['DELETE', bob.id], ['GET', 'nobody'], ['DELETE', 'nobody']]) {
			const answer = await ada.ask(method, of(user))
			assert.equal(answer.status, 403, `${method} ${user} ${answer.text}`)
		}
		const before = await withdrawn()
		assert.equal((await ada.ask('DELETE', of('me'))).status, 200)
		assert.equal((await ada.call()).status, 409)
		assert.equal((await bob.call()).status, 200)
		assert.deepEqual(await usersNow(), counts(1))
		const again = await ada.ask('DELETE', of('me'))
		assert.deepEqual([again.status, again.json.code], [404, 'not_found'], again.text)
		const none = (await ada.ask('GET', of('me'))).json
		assert.deepEqual([none.subject, none.email, none.status, none.account], [ada.id, ada.email, 'not_connected', null])
		await eventually('the provider to have confirmed it', async () => await withdrawn() > before, { timeout: 20_000, every: 300 })
		await ada.connect()
		assert.equal((await ada.call()).status, 200)
		assert.deepEqual(await usersNow(), counts(2))
		const { items } = await drawbridge.must('GET', '/v1/audit?limit=100')
		assert.ok(items.some(({ action, detail }) => action === 'connection.revoke' && detail.includes(ada.email)))
	})

	it('a connection that is one for all has no such users', async () => {
		const { link_name: shared } = await newConnection(drawbridge, 'own', { name: 'For all', scopes: ['tickets.read'] })
		for (const method of ['GET', 'DELETE']) {
			const { status, json } = await drawbridge.api(method, `/v1/connections/${shared}/users/me`)
			assert.deepEqual([status, json.code], [409, 'wrong_method'])
		}
	})

	it('the command line shows one, and takes his account back', async () => {
		assert.match((await drawbridge.cli(['connection', 'users', link, bob.id])).stdout, /User\s+bob@example\.org[^]*Account\s+bob/)
		const none = await drawbridge.cli(['connection', 'leave', link])
		assert.match(none.stderr, /no account connected here/)
		assert.match((await drawbridge.cli(['connection', 'leave', link, bob.id])).stdout, /is being revoked/)
		assert.equal((await bob.call()).status, 409)
		assert.equal((await ada.call()).status, 200)
		const usage = await drawbridge.cli(['connection', 'users', link, bob.id, '--attention'])
		assert.match(usage.stderr, /--attention is for the list/)
	})
})
