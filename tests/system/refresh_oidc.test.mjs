// SPDX-License-Identifier: Apache-2.0
/* The keeper against a provider that rotates refresh tokens and kills the grant of whoever uses one twice. */
import assert from 'node:assert/strict'
import { before, beforeEach, it } from 'node:test'
import http from 'node:http'
import { connect, walkConsent } from '../support/consent.mjs'
import { consentAtOidc } from '../support/oidc.mjs'
import { eventually, sleep, suite } from '../support/scope.mjs'
import { startOidcWorld } from '../support/worlds.mjs'

suite('refresh at oidc-provider', (scope) => {
	let world, drawbridge, oidc, api

	before(async () => {
		world = await startOidcWorld(scope)
		;({ drawbridge, oidc, api } = world)
	})

	beforeEach(() => {
		oidc.faults.clear()
		oidc.life.ttl = 3600
		api.refuse = 0
	})

	/* A connection whose token lives for so many seconds; tokens after it live for an hour again. */
	async function shortLived(seconds) {
		oidc.life.ttl = seconds
		const connection = await world.connected()
		oidc.life.ttl = 3600
		return connection
	}

	const refreshes = async (work) => {
		const start = oidc.counts.refresh
		await work()
		return oidc.counts.refresh - start
	}

	it('200 callers at the moment of expiry make one token request and none fails', async () => {
		const connection = await shortLived(5)
		const agent = new http.Agent({ keepAlive: true, maxSockets: 200 })
		scope.after(() => agent.destroy())
		const link = connection.link_name
		const start = oidc.counts.refresh
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		const before = api.last().token
		oidc.faults.on('token', { kind: 'delay', ms: 400 })
		const expiry = new Date(connection.expires_at).getTime()
		await sleep(Math.max(0, expiry - Date.now() - 20))
		const answers = await Promise.all(Array.from({ length: 200 }, async (_, n) => {
			await sleep(n / 4)
			return drawbridge.via(link, `/echo?n=${n}`, { agent })
		}))
		const failed = answers.filter(({ status }) => status !== 200)
		assert.deepEqual(failed.map(({ status, text }) => [status, text]), [])
		assert.equal(oidc.counts.refresh - start, 1)
		await drawbridge.via(link, '/echo')
		assert.notEqual(api.last().token, before)
		const afterwards = await drawbridge.connection(link)
		assert.equal(afterwards.status, 'connected')
	})

	it('200 callers after the expiry make exactly one token request and none fails', async () => {
		const connection = await shortLived(2)
		const agent = new http.Agent({ keepAlive: true, maxSockets: 200 })
		scope.after(() => agent.destroy())
		oidc.faults.on('token', { kind: 'delay', ms: 400 })
		const made = await refreshes(async () => {
			await sleep(Math.max(0, new Date(connection.expires_at) - Date.now() + 200))
			const answers = await Promise.all(Array.from({ length: 200 }, () =>
				drawbridge.via(connection.link_name, '/echo', { agent })))
			assert.deepEqual(answers.filter(({ status }) => status !== 200).map(({ text }) => text), [])
		})
		assert.equal(made, 1)
		assert.equal((await drawbridge.connection(connection.link_name)).status, 'connected')
	})

	it('goes on ahead of expiry, with no call that waits for it', async () => {
		oidc.life.ttl = 4
		const { link_name: link } = await world.connected()
		const tokens = new Set()
		for (let round = 0; round < 2; round++) {
			await eventually('a call with the next token', async () => {
				const answer = await drawbridge.via(link, '/echo')
				assert.equal(answer.status, 200, answer.text)
				return !tokens.has(api.last().token)
			})
			tokens.add(api.last().token)
			const start = oidc.counts.refresh
			await eventually('its renewal, while nobody calls', () => oidc.counts.refresh > start)
		}
		assert.equal((await drawbridge.connection(link)).status, 'connected')
		await drawbridge.must('POST', `/v1/connections/${link}/disable`) /* or it refreshes on, into the next counts */
	})

	it('a forced refresh gives another token', async () => {
		const { link_name: link } = await world.connected()
		await drawbridge.via(link, '/echo')
		const before = api.last().token
		assert.equal(await refreshes(() => drawbridge.must('POST', `/v1/connections/${link}/refresh`)), 1)
		await drawbridge.via(link, '/echo')
		assert.notEqual(api.last().token, before)
	})

	it('a token that the API refuses is renewed once and the call is sent again', async () => {
		const { link_name: link } = await world.connected()
		await drawbridge.via(link, '/echo')
		api.refuse = 1
		let answer
		const made = await refreshes(async () => {
			answer = await drawbridge.via(link, '/echo', { method: 'POST', body: 'kept whole' })
		})
		assert.equal(answer.status, 200)
		assert.equal(answer.json.body.length, 10)
		assert.equal(made, 1)
	})

	it('an API that refuses the next token too has its answer passed on', async () => {
		const { link_name: link } = await world.connected()
		await drawbridge.via(link, '/echo')
		api.refuse = 1000
		const made = await refreshes(async () => {
			for (let n = 0; n < 3; n++) {
				const answer = await drawbridge.via(link, '/echo')
				assert.equal(answer.status, 401)
				assert.equal(answer.headers['drawbridge-error'], undefined)
			}
		})
		assert.equal(made, 1)
		api.refuse = 0
		assert.equal((await drawbridge.connection(link)).status, 'connected')
	})

	it('a body too large to be held is not sent twice, but its token is renewed', async () => {
		const { link_name: link } = await world.connected()
		await drawbridge.via(link, '/echo')
		const { token } = api.last()
		api.refuse = 1
		const start = api.requests.length
		const made = await refreshes(async () => {
			const answer = await drawbridge.via(link, '/echo', { method: 'POST', body: Buffer.alloc(300_000, 'x') })
			assert.equal(answer.status, 401)
		})
		assert.equal(api.requests.length, start + 1)
		assert.equal(made, 1)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		assert.notEqual(api.last().token, token)
	})

	it('a dead refresh token needs a reconnect, told once and in plain words', async () => {
		const { link_name: link } = await world.connected()
		oidc.faults.on('token', { kind: 'status', status: 400, body: { error: 'invalid_grant' } })
		await drawbridge.api('POST', `/v1/connections/${link}/refresh`)
		const connection = await drawbridge.connection(link)
		assert.equal(connection.status, 'needs_reconnect')
		assert.equal(connection.reason, 'The provider no longer accepts this access: it was taken back there, or has run out. '
			+ 'Connect again. (invalid_grant)')
		const calls = api.requests.length
		const tokenRequests = oidc.counts.token
		const answer = await drawbridge.via(link, '/echo')
		assert.equal(answer.status, 409)
		assert.equal(answer.headers['drawbridge-error'], 'connection_needs_reconnect')
		assert.equal(answer.json.code, 'connection_needs_reconnect')
		assert.ok(answer.json.detail.includes(connection.reason), answer.text)
		assert.equal(api.requests.length, calls)
		assert.equal(oidc.counts.token, tokenRequests)
		const { items } = await drawbridge.must('GET', '/v1/audit?limit=200')
		assert.equal(items.filter(({ action, object_name: name }) => action === 'connection.needs_reconnect'
			&& name === connection.name).length, 1)
		oidc.faults.clear()
		await connect(drawbridge, link, consentAtOidc)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})

	for (const [name, fault] of Object.entries({
		'500 with a page': { kind: 'html' }, 'a cut connection': { kind: 'cut' },
		'503': { kind: 'status', status: 503, body: '' }
	})) {
		it(`${name} from the token endpoint keeps the connection connected`, async () => {
			const { link_name: link } = await world.connected()
			await drawbridge.via(link, '/echo')
			oidc.faults.on('token', fault)
			await drawbridge.api('POST', `/v1/connections/${link}/refresh`)
			const connection = await drawbridge.connection(link)
			assert.equal(connection.status, 'connected')
			assert.equal((await drawbridge.via(link, '/echo')).status, 200)
			oidc.faults.clear()
			await eventually('the next refresh', async () =>
				(await drawbridge.api('POST', `/v1/connections/${link}/refresh`)).status < 300, { timeout: 40_000 })
			assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		})
	}

	for (const [name, status, body] of [['404', 404, '<html>404 Not Found</html>'], ['a firewall\'s 403', 403, '<html>No</html>'],
		['a proxy\'s 400', 400, 'bad gateway']]) {
		it(`${name} from the token endpoint disconnects nobody, however often it comes`, async () => {
			const { link_name: link } = await world.connected()
			oidc.faults.on('token', { kind: 'status', status, body, headers: { 'content-type': 'text/html' } })
			const made = await refreshes(async () => {
				for (let n = 0; n < 3; n++)
					assert.equal((await drawbridge.api('POST', `/v1/connections/${link}/refresh`)).status, 503)
			})
			assert.equal(made, 3)
			const connection = await drawbridge.connection(link)
			assert.equal(connection.status, 'connected')
			assert.equal(connection.health, 'degraded')
			assert.match(connection.health_reason, new RegExp(`gave no token at the moment: HTTP ${status}`))
			assert.equal((await drawbridge.via(link, '/echo')).status, 200)
			oidc.faults.clear()
			await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
			assert.equal((await drawbridge.connection(link)).health, 'ok')
		})
	}

	it('a refusal in unknown words ends a grant the second time, whatever else has failed before', async () => {
		const { link_name: link } = await world.connected()
		const after = async (fault) => {
			oidc.faults.clear()
			oidc.faults.on('token', fault)
			await drawbridge.api('POST', `/v1/connections/${link}/refresh`)
			return (await drawbridge.connection(link)).status
		}
		const down = { kind: 'status', status: 503, body: '' }
		const odd = { kind: 'status', status: 403, body: { error: 'odd' } }
		assert.equal(await after(down), 'connected')
		assert.equal(await after(odd), 'connected')
		assert.equal(await after(down), 'connected')
		assert.equal(await after(odd), 'needs_reconnect')
	})

	it('an expired token is not sent while the provider is down: 503 refresh_unavailable', async () => {
		const connection = await shortLived(2)
		const link = connection.link_name
		oidc.faults.on('token', { kind: 'status', status: 503, body: '', headers: { 'retry-after': '2' } })
		await sleep(Math.max(0, new Date(connection.expires_at) - Date.now() + 200))
		const calls = api.requests.length
		const answer = await drawbridge.via(link, '/echo')
		assert.equal(answer.status, 503)
		assert.equal(answer.headers['drawbridge-error'], 'refresh_unavailable')
		assert.ok(Number(answer.headers['retry-after']) > 0)
		assert.equal(api.requests.length, calls)
		assert.equal((await drawbridge.connection(link)).status, 'connected')
		oidc.faults.clear()
		await eventually('calls to go on', async () => (await drawbridge.via(link, '/echo')).status === 200,
			{ timeout: 40_000, every: 500 })
	})

	it('throttling leaves the connection connected and degraded', async () => {
		const { link_name: link } = await world.connected()
		await drawbridge.via(link, '/echo')
		oidc.faults.on('token', { kind: 'status', status: 429, body: { error: 'slow_down' },
			headers: { 'retry-after': '3' } })
		await drawbridge.api('POST', `/v1/connections/${link}/refresh`)
		const connection = await drawbridge.connection(link)
		assert.equal(connection.status, 'connected')
		assert.equal(connection.health, 'degraded')
		assert.ok(new Date(connection.retry_at) > new Date())
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})

	it('a wrong client secret flags the app and disconnects nobody', async () => {
		const { link_name: link } = await world.connected()
		await drawbridge.via(link, '/echo')
		const app = `/v1/services/${world.service}/app`
		const { client_id, client_secret } = oidc.clients.web
		await drawbridge.must('PUT', app, { client_id, client_secret: 'not the secret' })
		try {
			await drawbridge.api('POST', `/v1/connections/${link}/refresh`)
			assert.equal((await drawbridge.connection(link)).status, 'connected')
			assert.match((await drawbridge.must('GET', app)).apps[0].flagged ?? '', /refuses the OAuth app/, 'it is shown')
		} finally {
			await drawbridge.must('PUT', app, { client_id, client_secret })
		}
		assert.equal((await drawbridge.must('GET', app)).apps[0].flagged, null, 'another secret may be right')
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})

	it('the old refresh token is kept when none comes back', async () => {
		const { link_name: link } = await world.connected()
		oidc.faults.on('token', { kind: 'status', status: 200, times: 1,
			body: { access_token: 'without-a-refresh-token', token_type: 'Bearer', expires_in: 3600 } })
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})

	it('two connections of one account refresh apart', async () => {
		const issued = oidc.seen.issued.length
		const [one, two] = [await world.connected(), await world.connected()]
		const firsts = oidc.seen.issued.slice(issued).filter(({ kind }) => kind === 'refresh_token').map(({ value }) => value)
		assert.equal(firsts.length, 2)
		const before = oidc.seen.tokenRequests.length
		const answers = await Promise.all([one, two, one, two].map(({ link_name: link }) =>
			drawbridge.api('POST', `/v1/connections/${link}/refresh`)))
		assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 200])
		const sent = oidc.seen.tokenRequests.slice(before).map(({ fields }) => new Map(fields).get('refresh_token'))
		assert.equal(new Set(sent).size, sent.length, 'none was sent twice')
		assert.deepEqual(firsts.filter((token) => !sent.includes(token)), [], 'each has sent its own')
		for (const { link_name: link } of [one, two]) {
			assert.equal((await drawbridge.connection(link)).status, 'connected')
			assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		}
	})

	it('an answer lost on the way ends in a reconnect that says so', async () => {
		const { link_name: link } = await world.connected()
		oidc.faults.on('token', { kind: 'lose', times: 1 })
		await drawbridge.api('POST', `/v1/connections/${link}/refresh`)
		await eventually('the provider to refuse the old token', async () => {
			await drawbridge.api('POST', `/v1/connections/${link}/refresh`)
			return (await drawbridge.connection(link)).status === 'needs_reconnect'
		}, { timeout: 40_000, every: 500 })
		assert.match((await drawbridge.connection(link)).reason, /^In doubt/)
		await walkConsent(drawbridge, link, consentAtOidc)
		assert.equal((await drawbridge.connection(link)).status, 'connected')
	})

	it('a restart keeps every grant', async () => {
		const { link_name: link } = await world.connected()
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		await drawbridge.stop()
		await drawbridge.start()
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		await drawbridge.killHard()
		await drawbridge.start()
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})
})
