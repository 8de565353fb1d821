// SPDX-License-Identifier: Apache-2.0
/* Conversations: every step is stored, an answer is taken once, and a crash loses and doubles nothing. */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { keyService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { startApi } from '../support/api.mjs'
import { eventually, suite, sleep } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const page = 'https://shop.example'

suite('a conversation', (scope) => {
	let drawbridge, api, link
	const held = []

	before(async () => {
		api = await startApi(scope, { routes: { '/slow': (request, response) => {
			held.push({ method: request.method, key: request.headers['idempotency-key'] })
			setTimeout(() => {
				response.writeHead(200, { 'content-type': 'application/json' })
				response.end('{"n": 7}')
			}, held.slow ? 30000 : 10)
		} } })
		drawbridge = await startDrawbridge(scope)
		const service = await addService(drawbridge, keyService('held', api))
		link = (await newConnection(drawbridge, service, { credentials: { api_key: 'key-of-held-1' } })).link_name
	})

	async function flow(blocks, more = {}) {
		const made = await drawbridge.must('POST', '/v1/flows', { draft: { name: 'Test', blocks, ...more } })
		assert.equal(made.errors, 0, JSON.stringify(made.problems))
		return drawbridge.must('POST', `/v1/flows/${made.id}/publish`, {})
	}

	const start = { id: 'start', type: 'start', paths: { next: 'ask' } }
	const ask = { id: 'ask', type: 'question', text: 'Who?', variable: 'who', paths: { next: 'call' } }
	const call = (request) => ({ id: 'call', type: 'webhook', connection: link, request,
		response_list: [{ codes: ['2xx'], mappings: [{ variable: 'n', from: '$.n' }] }],
		paths: { '2xx': 'ok', other: 'no', no_answer: 'no' } })
	const ok = { id: 'ok', type: 'end', text: 'Got {{block.n}}, {{input.who}}' }
	const no = { id: 'no', type: 'end', text: 'Nothing known' }
	const texts = (talk) => talk.messages.filter(({ from }) => from === 'bot').map(({ content }) => content.text)

	const say = (talk, body) => drawbridge.api('POST', `/v1/conversations/${talk.id}/messages`, body, { key: talk.token })
	const look = (talk) => drawbridge.must('GET', `/v1/conversations/${talk.id}`, undefined, { key: talk.token })

	it('asks, calls, and goes on with what the answer gave', async () => {
		const { id } = await flow([start, ask, call({ method: 'GET', url: '/slow' }), ok, no])
		const talk = await drawbridge.must('POST', `/v1/flows/${id}/conversations`, {})
		assert.match(talk.token, /^dbc_[A-Za-z0-9_-]{43}$/)
		assert.equal(talk.expects.type, 'text')
		const answer = await say(talk, { id: 'a', text: 'Ann' })
		assert.equal(answer.status, 200, answer.text)
		assert.deepEqual([answer.json.state, ...texts(answer.json)], ['ended', 'Got 7, Ann'])
		assert.ok(!answer.text.includes(talk.token))
	})

	it('takes an answer that is sent twice once', async () => {
		const { id } = await flow([start, { ...ask, paths: { next: 'again' } },
			{ id: 'again', type: 'question', text: 'And?', variable: 'more', paths: { next: 'ok' } },
			{ id: 'ok', type: 'end', text: '{{input.who}} {{input.more}}' }])
		const talk = await drawbridge.must('POST', `/v1/flows/${id}/conversations`, {})
		const answers = await Promise.all(Array.from({ length: 5 }, () => say(talk, { id: 'same', text: 'Ann' })))
		for (const { status, json } of answers)
			assert.deepEqual([status, json.state, ...texts(json)], [200, 'waiting', 'And?'])
		assert.equal((await say(talk, { id: 'same', text: 'Bob' })).status, 422)
		assert.deepEqual(texts((await say(talk, { id: 'other', text: 'Bo' })).json), ['Ann Bo'])
		assert.equal((await look(talk)).messages.length, 5)
		assert.equal((await say(talk, { id: 'third', text: 'x' })).json.code, 'conversation_ended')
	})

	it('is a stranger\'s only by its token', async () => {
		const { id } = await flow([start, ask, { id: 'call', type: 'end' }])
		const [a, b] = [await drawbridge.must('POST', `/v1/flows/${id}/conversations`, {}),
			await drawbridge.must('POST', `/v1/flows/${id}/conversations`, {})]
		const wrong = await drawbridge.api('GET', `/v1/conversations/${a.id}`, undefined, { key: b.token })
		assert.equal(wrong.status, 401)
	})

	/* A pattern, a confirmation, a mark that the flow sets itself: all are input. */
	it('takes from a page no answers before their questions', async () => {
		const made = await flow([start, { ...ask, kind: 'number' }, { id: 'call', type: 'end' }],
			{ channels: { widget: { enabled: true, origins: [page] } } })
		const stranger = (body) => drawbridge.api('POST', `/v1/flows/${made.id}/conversations`, body,
			{ key: null, headers: { origin: page } })
		for (const input of [{ who: 'no number' }, { verified: true }, {}]) {
			const { status, json } = await stranger({ input })
			assert.deepEqual([status, json.pointer], [400, '/input'], JSON.stringify(json))
		}
		assert.equal((await stranger({ session: {} })).status, 201)
		const known = await drawbridge.must('POST', `/v1/flows/${made.id}/conversations`, { input: { ticket: '7' } })
		assert.equal(known.state, 'waiting')
	})

	it('is begun by pages of the list alone', async () => {
		const channels = { widget: { enabled: true, origins: [page] } }
		const { id } = await flow([start, ask, { id: 'call', type: 'end' }], { channels })
		const begin = (origin) => fetch(`${drawbridge.url}/v1/flows/${id}/conversations`, { method: 'POST',
			headers: { 'content-type': 'application/json', ...origin && { origin } }, body: '{}' })
		const good = await begin(page)
		assert.deepEqual([good.status, good.headers.get('access-control-allow-origin')], [201, page])
		const bad = await begin('https://evil.example')
		assert.deepEqual([bad.status, bad.headers.get('access-control-allow-origin')], [403, null])
		assert.equal((await begin()).status, 403)
		const preflight = await fetch(`${drawbridge.url}/v1/flows/${id}/conversations`, { method: 'OPTIONS',
			headers: { origin: page } })
		assert.deepEqual([preflight.status, preflight.headers.get('access-control-allow-origin')], [204, page])
	})

	/* Kills the front while the service holds the call. */
	async function killed(request) {
		const { id } = await flow([start, ask, call(request), ok, no])
		const talk = await drawbridge.must('POST', `/v1/flows/${id}/conversations`, {})
		held.length = 0
		held.slow = true
		const answer = say(talk, { id: 'a', text: 'Ann' }).catch(() => undefined)
		await eventually('the call to be there', () => held.length === 1)
		process.kill(drawbridge.role('front'), 'SIGKILL')
		await answer
		held.slow = false
		await eventually('the conversation to be over', async () => {
			try {
				return (await look(talk)).state === 'ended'
			} catch {
				await sleep(200)
				return false
			}
		}, { timeout: 60000, every: 200 })
		return look(talk)
	}

	it('a call that reads is made again after a crash', async () => {
		const talk = await killed({ method: 'GET', url: '/slow' })
		assert.deepEqual(texts(talk), ['Who?', 'Got 7, Ann'])
		assert.equal(held.length, 2)
	})

	it('a call that writes is not', async () => {
		const talk = await killed({ method: 'POST', url: '/slow', body: { type: 'json', content: {} } })
		assert.deepEqual(texts(talk), ['Who?', 'Nothing known'])
		assert.equal(held.length, 1)
	})

	it('a call that writes with an idempotency key is made again, with the same', async () => {
		const talk = await killed({ method: 'POST', url: '/slow', idempotency_key: 'k-{{input.who}}' })
		assert.deepEqual(texts(talk), ['Who?', 'Got 7, Ann'])
		assert.equal(held.length, 2)
		assert.equal(held[0].key, held[1].key)
	})
})
