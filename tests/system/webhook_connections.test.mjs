// SPDX-License-Identifier: Apache-2.0
/* Webhooks through connections as they live: tokens that end, refreshes, users of their own, the practice service. */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { Browser } from '../support/browser.mjs'
import { binary } from '../support/drawbridge.mjs'
import { run as runProcess, startProcess } from '../support/process.mjs'
import { eventually, suite } from '../support/scope.mjs'
import { startOidcWorld } from '../support/worlds.mjs'

suite('webhooks through an OAuth connection', (scope) => {
	let drawbridge, api, oidc, world, link

	before(async () => {
		world = await startOidcWorld(scope);
		({ drawbridge, api, oidc } = world)
		link = (await world.connected()).link_name
	})

	const run = async (request, more = {}) => {
		const { connection = link, ...rest } = more
		const answer = await drawbridge.api('POST', '/v1/webhooks/run', { request: { method: 'GET', ...request }, connection,
			response_list: [{ codes: ['200'] }], ...rest })
		assert.equal(answer.status, 200, answer.text)
		return { ...answer.json, text: answer.text }
	}

	it('the API lets it in, and the token is nowhere to be seen', async () => {
		const result = await run({ url: '/leak' })
		assert.equal(result.path, '200')
		const { token } = api.last()
		assert.ok(token.length > 20)
		for (const form of [token, Buffer.from(token).toString('base64').slice(0, -3), encodeURIComponent(token)])
			assert.ok(!result.text.includes(form))
		assert.ok(result.response.masked >= 3)
		assert.ok(result.request.headers.some(({ name, value }) => name === 'Authorization' && value === 'Bearer •••'))
	})

	it('a refused token is renewed and the request sent once more, with its body', async () => {
		const before = api.requests.length
		api.refuse = 1
		const result = await run({ method: 'POST', url: '/echo', body: { type: 'json', content: { n: '{{input.n}}' } } }, { input: { n: 7 } })
		assert.equal(result.response.status, 200)
		assert.equal(result.response.body.body.length, 7)
		assert.equal(result.attempts, 1)
		const [first, second] = api.requests.slice(before)
		assert.notEqual(first.token, second.token)
	})

	it('a connection that must be reconnected is no answer, and says so', async () => {
		const { link_name: connection } = await world.connected()
		assert.equal((await run({ url: '/echo' }, { connection })).path, '200')
		const { json } = await drawbridge.api('POST', `/v1/connections/${connection}/revoke`)
		assert.ok(json)
		const result = await run({ url: '/echo' }, { connection })
		assert.equal(result.path, 'no_answer')
		assert.equal(result.problem.code, 'connection_not_connected')
		assert.ok(result.problem.hint)
	})

	it('a connection of each user\'s own is asked for the caller\'s', async () => {
		const { link_name: connection } = await world.fresh({ per_user: true })
		const result = await run({ url: '/echo' }, { connection })
		assert.equal(result.problem.code, 'connection_not_connected')
		assert.equal((await run({ url: '/echo' }, { connection, dry_run: true })).problem.code, 'connection_not_connected')
	})

	it('a dry run asks for the token and sends nothing', async () => {
		const before = api.requests.length
		const result = await run({ url: '/echo' }, { dry_run: true })
		assert.equal(result.path, null, JSON.stringify(result.problem))
		assert.equal(api.requests.length, before)
		assert.ok(oidc)
	})

	it('calls are recorded as any others, dry runs are not', async () => {
		const calls = async (path) => (await drawbridge.must('GET', '/v1/calls?limit=200')).items.filter((each) => each.path === path)
		await run({ url: '/tried-dry' }, { dry_run: true })
		await run({ url: '/recorded' })
		const [call] = await eventually('the record', async () => {
			const found = await calls('/recorded')
			return found.length > 0 && found
		})
		assert.equal(call.status, 200)
		assert.deepEqual(await calls('/tried-dry'), [])
	})
})

suite('webhooks to the practice service', (scope) => {
	it('a ticket is found by its number', async () => {
		const demo = startProcess(scope, 'setsid', [binary, 'demo'])
		await demo.says(/Ctrl-C ends it all/, 60_000)
		scope.after(() => process.kill(-demo.pid, 'SIGINT'))
		const said = (pattern) => pattern.exec(demo.stdout)?.[1]
		const browser = new Browser()
		const consent = await browser.submit(await browser.open(said(/^ {3}(http\S+\/connect\/\S+)$/m)), { button: /connect/i })
		assert.match((await browser.submit(consent, { button: /accept/i })).text, /is connected/)
		const link = /\/via\/([a-z0-9_]+)\//.exec(demo.stdout)[1]
		const document = { request: { method: 'GET', url: '/api/v1/tickets/search', query: [{ name: 'ticketNumber', value: '@input.ticketNumber' }] },
			connection: link, response_list: [{ codes: ['200'], mappings: [{ variable: 'subject', from: '$.data[0].subject', missing: 'error' }] },
				{ codes: ['404', '204'] }] }
		const cli = (...args) => runProcess(binary, ['webhook', 'run', '-f', '-', '--data', said(/^Data folder, log +(\S+)/m), ...args],
			{ stdin: JSON.stringify(document) })
		const found = await cli('--input', 'ticketNumber=101')
		assert.equal(found.status, 0, found.stderr + found.stdout)
		assert.match(found.stdout, /^path: 200\nsubject = ".+"$/m)
		assert.match(found.stdout, /Authorization: Zoho-oauthtoken •••/)
		const none = await cli('--input', 'ticketNumber=99999', '--json')
		assert.notEqual(JSON.parse(none.stdout).path, '200', none.stdout)
	})
})
