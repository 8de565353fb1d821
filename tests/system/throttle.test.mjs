// SPDX-License-Identifier: Apache-2.0
/* What a service says of its limits, as people read it: of what there was too much, and until when. */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { bearerService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { eventually, suite } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const rules = [
	{ status: [429], json: 'why', is: 'day', limit: 'quota', wait_s: 3600 },
	{ status: [429], json: 'why', is: 'busy', limit: 'concurrency' },
	{ status: [200], json: 'ok', is: 'false', wait_s: 120 }
]

suite('what a throttle says', (scope) => {
	let drawbridge, service, next

	before(async () => {
		const api = await startApi(scope, { routes: { '/call': async (_, response) => {
			const { status, body, headers } = next
			response.writeHead(status, { 'content-type': 'application/json', ...headers })
			response.end(JSON.stringify(body))
		} } })
		drawbridge = await startDrawbridge(scope)
		service = await addService(drawbridge, bearerService('limited', { url: api.url, base: { throttled_on: rules } }))
	})

	/* The answer of the service, and the health of a new connection after it. */
	async function after(status, body, headers = {}) {
		next = { status, body, headers }
		const { link_name: link } = await newConnection(drawbridge, service, { credentials: { token: 'tok-Zq81' } })
		const answer = await drawbridge.via(link, '/call')
		assert.equal(answer.status, status)
		assert.deepEqual(answer.json, body)
		return eventually('its health', async () => {
			const now = await drawbridge.connection(link)
			return now.health === 'degraded' && now
		})
	}

	/* Seconds from now, give or take what a slow machine needs. */
	const isIn = (at, s) => {
		const left = (new Date(at) - Date.now()) / 1000
		assert.ok(left <= s + 1 && left > s - 100, `${at} is in ${left} s`)
	}

	it('Retry-After in seconds goes before the definition\'s own wait', async () => {
		const { health_reason: reason, retry_at: at } = await after(429, { why: 'day' }, { 'retry-after': '7200' })
		assert.match(reason, /the calls it allows are used up, until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\.$/)
		isIn(at, 7200)
	})

	it('Retry-After as a date is read as well', async () => {
		const date = new Date(Date.now() + 1_800_000).toUTCString()
		isIn((await after(429, { why: 'day' }, { 'retry-after': date })).retry_at, 1800)
	})

	it('without it the definition says how long', async () => {
		isIn((await after(429, { why: 'day' })).retry_at, 3600)
	})

	it('one that cannot be read is as if it were not there, and one beyond a day is a day', async () => {
		isIn((await after(429, { why: 'day' }, { 'retry-after': 'soon' })).retry_at, 3600)
		isIn((await after(429, { why: 'day' }, { 'retry-after': '99999999999999999999' })).retry_at, 86_400)
	})

	it('calls at the same time: no time is made up', async () => {
		const { health_reason: reason, retry_at: at } = await after(429, { why: 'busy' })
		assert.equal(reason, 'The service says that too many calls are made at the same time: it takes the next when '
			+ 'others have ended.')
		assert.equal(at, null)
	})

	it('429 that no rule knows is too many in a short time', async () => {
		const { health_reason: reason, retry_at: at } = await after(429, { why: 'other' })
		assert.equal(reason, 'The service asks to call less often.')
		assert.equal(at, null)
	})

	it('a service that says so with 200 is understood', async () => {
		const { health_reason: reason, retry_at: at } = await after(200, { ok: false })
		assert.match(reason, /asks to call less often, until /)
		isIn(at, 120)
	})

	it('is told of a connection that was changed while it was called', async () => {
		const one = await startDrawbridge(scope, { flags: ['--workers', '1'] })
		const api = await startApi(scope, { routes: { '/rename': async (_, response) => {
			await one.must('PATCH', `/v1/connections/${link}`, { name: 'Renamed' })
			response.writeHead(429).end()
		} } })
		const id = await addService(one, bearerService('renamed', api))
		const { link_name: link } = await newConnection(one, id, { credentials: { token: 'tok-Zq81' } })
		assert.equal((await one.via(link, '/rename')).status, 429)
		const now = await eventually('its health', async () => {
			const now = await one.connection(link)
			return now.health === 'degraded' && now
		})
		assert.deepEqual([now.name, now.health_reason], ['Renamed', 'The service asks to call less often.'])
	})

	it('is no trouble of a connection that has got the link name of the deleted one that was called', async () => {
		const one = await startDrawbridge(scope, { flags: ['--workers', '1'] }) /* which knows both */
		const api = await startApi(scope, { routes: {
			'/swap': async (_, response) => {
				await one.must('DELETE', `/v1/connections/${link}?force=true`)
				assert.equal((await make('Swapped')).link_name, link)
				assert.equal((await one.via(link, '/echo')).status, 200)
				response.writeHead(429).end()
			},
			'/busy': (_, response) => response.writeHead(429).end()
		} })
		const id = await addService(one, bearerService('swapped', api))
		const make = (name) => newConnection(one, id, { name, credentials: { token: 'tok-Zq81' } })
		const { link_name: link } = await make('Swapped')
		const { link_name: other } = await make('Other')
		assert.equal((await one.via(link, '/swap')).status, 429)
		assert.equal((await one.via(other, '/busy')).status, 429)
		await eventually('the health of one that is in trouble', async () => (await one.connection(other)).health === 'degraded')
		const { health, health_reason: reason } = await one.connection(link)
		assert.deepEqual([health, reason], ['ok', null])
	})
})
