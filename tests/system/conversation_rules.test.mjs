// SPDX-License-Identifier: Apache-2.0
/* What conversations do at their limits: loops, jumps, hand-offs, rates, answers of every kind, and their end. */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { keyService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { startApi } from '../support/api.mjs'
import { memberKey } from '../support/members.mjs'
import { eventually, freePort, sleep, suite } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const page = 'https://shop.example'
const start = { id: 'start', type: 'start', paths: { next: 'one' } }

suite('a conversation keeps the rules', (scope) => {
	let drawbridge, api, link
	const calls = []

	before(async () => {
		const json = (response, value) => {
			response.writeHead(200, { 'content-type': 'application/json' })
			response.end(JSON.stringify(value))
		}
		api = await startApi(scope, { routes: {
			'/slow': async (request, response) => {
				calls.push(request.method)
				await sleep(700)
				json(response, { n: 7 })
			},
			'/wide': (request, response) => json(response, { n: 'x'.repeat(300_000) }),
			'/deep': (request, response) => json(response, { n: JSON.parse('['.repeat(30) + ']'.repeat(30)) }),
			'/nul': (request, response) => {
				response.writeHead(200, { 'content-type': 'text/plain' })
				response.end('a\0b')
			},
			'/half': (request, response) => {
				response.writeHead(200, { 'content-length': 100 })
				response.write('{"n":', () => response.destroy())
			}
		} })
		/* somebody in front of it, so that visitors have addresses that are counted */
		drawbridge = await startDrawbridge(scope, { flags: ['--trusted-proxy', '127.0.0.1'] })
		const service = await addService(drawbridge, keyService('rules', api))
		link = (await newConnection(drawbridge, service, { credentials: { api_key: 'key-of-rules-1' } })).link_name
	})

	async function save(blocks, more = {}) {
		const made = await drawbridge.must('POST', '/v1/flows', { draft: { name: 'Rules', blocks, ...more } })
		assert.equal(made.errors, 0, JSON.stringify(made.problems))
		return made
	}
	async function flow(blocks, more) {
		return drawbridge.must('POST', `/v1/flows/${(await save(blocks, more)).id}/publish`, {})
	}
	const begin = ({ id }, body = {}) => drawbridge.must('POST', `/v1/flows/${id}/conversations`, body)
	const say = (talk, body, query = '') => drawbridge.api('POST', `/v1/conversations/${talk.id}/messages${query}`, body,
		{ key: talk.token })
	const look = (talk, query = '') => drawbridge.must('GET', `/v1/conversations/${talk.id}${query}`, undefined,
		{ key: talk.token })
	const texts = (talk) => talk.messages.filter(({ from }) => from === 'bot').map(({ content }) => content.text)
	const call = (request, mapping = { variable: 'n', from: '$.n' }) => ({ id: 'call', type: 'webhook', connection: link,
		request, response_list: [{ codes: ['2xx'], mappings: [mapping] }],
		paths: { '2xx': 'good', other: 'other', no_answer: 'none' } })
	const ends = [{ id: 'good', type: 'end', text: 'good' }, { id: 'other', type: 'end', text: 'other' },
		{ id: 'none', type: 'end', text: 'none' }]
	const question = (more) => ({ id: 'one', type: 'question', text: '?', variable: 'it', paths: { next: 'good' }, ...more })

	/* ---- calls ---- */

	it('a message that comes again while its call is under way makes no second one', async () => {
		for (const method of ['POST', 'GET']) {
			const talk = await begin(await flow([start, question({ paths: { next: 'call' } }),
				call({ method, url: '/slow' }), ...ends]))
			calls.length = 0
			const answers = await Promise.all([0, 100, 200, 300].map(async (ms) => {
				await sleep(ms)
				return say(talk, { id: 'same', text: 'Ann' })
			}))
			for (const { status, json } of answers)
				assert.deepEqual([status, json.state, ...texts(json)], [200, 'ended', 'good'])
			assert.deepEqual(calls, [method])
		}
	})

	it('waits as long as it is asked to', async () => {
		const talk = await begin(await flow([start, question({ paths: { next: 'call' } }),
			call({ method: 'GET', url: '/slow' }), ...ends]))
		const answer = await say(talk, { id: 'a', text: 'Ann' }, '?wait=0')
		assert.deepEqual([answer.status, answer.json.state], [200, 'calling'])
		assert.equal((await say(talk, { id: 'b', text: 'Bob' })).json.code, 'conversation_busy')
		await eventually('the end', async () => (await look(talk)).state === 'ended')
		assert.equal((await say(talk, { text: 'x' }, '?wait=26')).status, 400)
	})

	it('whatever goes wrong with a call takes a path', async () => {
		const closed = await freePort()
		const cases = [[{ url: '/half' }, 'none'], [{ url: '/hang', timeout_ms: 1000 }, 'none'],
			[{ url: '/status?code=500' }, 'other'], [{ url: '/wide' }, 'other'], [{ url: '/cut' }, 'none'],
			[{ url: `http://127.0.0.1:${closed}/` }, 'none']]
		for (const [request, path] of cases) {
			const talk = await begin(await flow([{ ...start, paths: { next: 'call' } }, call({ method: 'GET', ...request }),
				...ends]))
			assert.deepEqual([request.url, talk.state, ...texts(talk)], [request.url, 'ended', path])
		}
	})

	it('what cannot be kept ends it, and can still be read', async () => {
		const blocks = (request, mapping) => [{ ...start, paths: { next: 'call' } }, call(request, mapping), ...ends]
		const deep = await begin(await flow(blocks({ method: 'GET', url: '/deep' })))
		assert.deepEqual([deep.state, ...texts(await look(deep))], ['ended', 'other'])
		const nul = await begin(await flow(blocks({ method: 'GET', url: '/nul' }, { variable: 'n', from: 'body' })))
		assert.match((await look(nul)).state, /^(failed|ended)$/)
	})

	it('what it begins with is no deeper than what can be kept', async () => {
		const made = await flow([{ ...start, paths: { next: 'ask' } }, { id: 'ask', type: 'question', text: '?', variable: 'v',
			paths: { next: 'good' } }, ends[0]], { variables: { session: [{ name: 'a' }] } })
		const nested = (levels) => levels === 1 ? [] : [nested(levels - 1)]
		for (const name of ['input', 'session']) {
			const refused = await drawbridge.api('POST', `/v1/flows/${made.id}/conversations`, { [name]: { a: nested(30) } })
			assert.deepEqual([refused.status, refused.json.pointer], [400, `/${name}`], JSON.stringify(refused.json))
			const talk = await begin(made, { [name]: { a: nested(29) } })
			assert.deepEqual([talk.state, (await look(talk)).state], ['waiting', 'waiting'])
			await say(talk, { text: 'x' })
			assert.equal((await look(talk)).state, 'ended')
			assert.equal((await drawbridge.api('DELETE', `/v1/conversations/${talk.id}`)).status, 204)
		}
	})

	it('a draft that is broken while it calls ends it', async () => {
		const blocks = [{ ...start, paths: { next: 'call' } }, call({ method: 'GET', url: '/slow' }), ...ends]
		const made = await save(blocks)
		const talk = await drawbridge.must('POST', `/v1/flows/${made.id}/conversations?wait=0`, { draft: true })
		await drawbridge.must('PUT', `/v1/flows/${made.id}`, { draft: { name: 'Rules', blocks: [start] } })
		await eventually('its end', async () => (await look(talk)).state === 'failed')
		assert.match((await look(talk)).problem, /has changed/)
	})

	/* ---- loops and jumps ---- */

	it('a run of blocks without a wait is cut', async () => {
		const sets = Array.from({ length: 250 }, (_, n) => ({ id: `s${n}`, type: 'set',
			set: [{ variable: 'flow.n', add: '1' }], paths: { next: n < 249 ? `s${n + 1}` : 'good' } }))
		const talk = await begin(await flow([{ ...start, paths: { next: 's0' } }, ...sets, ends[0]],
			{ variables: { flow: [{ name: 'n', default: 0 }] } }))
		assert.deepEqual([talk.state, talk.problem], ['failed', 'runaway: too many blocks without a question.'])
		assert.equal((await say(talk, { text: 'x' })).json.code, 'conversation_ended')
	})

	it('a loop that only calls is cut', async () => {
		const around = call({ method: 'GET', url: '/echo' }, { variable: 'n', from: 'status' })
		const talk = await begin(await flow([{ ...start, paths: { next: 'call' } },
			{ ...around, paths: { '2xx': 'call', other: 'call', no_answer: 'call' } }]))
		const over = await eventually('its end', async () => {
			const now = await look(talk)
			return now.state !== 'calling' && now
		}, { timeout: 30_000 })
		assert.deepEqual([over.state, over.problem], ['failed', 'runaway: too many webhooks without a question.'])
	})

	it('jumps into another flow, with that flow\'s connections', async () => {
		await flow([{ ...start, paths: { next: 'call' } }, call({ method: 'GET', url: '/echo' },
			{ variable: 'n', from: 'status' }), ...ends], { name: 'Target one' })
		const made = await flow([start, { id: 'one', type: 'jump', to: { flow: 'target_one' } }])
		const talk = await begin(made)
		assert.deepEqual([talk.state, ...texts(talk)], ['ended', 'good'])
		await drawbridge.must('DELETE', '/v1/flows/target_one')
		const lost = await begin(made)
		assert.deepEqual([lost.state, lost.problem], ['failed', 'The flow that is jumped to is not published.'])
	})

	it('flows that jump into each other are cut', async () => {
		await flow([start, question({ kind: 'text' }), ends[0]], { name: 'Ping' })
		await flow([start, { id: 'one', type: 'jump', to: { flow: 'ping' } }], { name: 'Pong' })
		await drawbridge.must('PUT', '/v1/flows/ping', { draft: { name: 'Ping', blocks: [start,
			{ id: 'one', type: 'jump', to: { flow: 'pong' } }] } })
		const made = await drawbridge.must('POST', '/v1/flows/ping/publish', {})
		const talk = await begin(made)
		assert.deepEqual([talk.state, talk.problem], ['failed', 'runaway: too many flows without a question.'])
	})

	/* ---- hand-offs ---- */

	it('hands over: asks for message and address, is listed, and closed', async () => {
		const talk = await begin(await flow([start, { id: 'one', type: 'handoff', text: 'What is it?' }]))
		assert.deepEqual([talk.expects.type, talk.expects.field], ['text', 'message'])
		assert.equal((await say(talk, { text: 'It is <b>broken</b> 🚲' })).json.expects.type, 'email')
		assert.match(texts((await say(talk, { text: 'ann at example' })).json)[0], /no e-mail address/)
		assert.equal((await say(talk, { text: ' ann@example.org ' })).json.state, 'handed_off')
		const mine = async (query) => (await drawbridge.must('GET', `/v1/handoffs${query}`)).items
			.find(({ conversation }) => conversation === talk.id)
		const handoff = await mine('')
		assert.deepEqual([handoff.message, handoff.email, handoff.closed_at],
			['It is <b>broken</b> 🚲', 'ann@example.org', null])
		const close = (id) => drawbridge.api('POST', `/v1/handoffs/${id}/close`)
		assert.deepEqual([(await close(handoff.id)).status, (await close(handoff.id)).status], [204, 204])
		assert.equal((await close('nobody')).json.code, 'handoff_not_found')
		assert.ok((await mine('')).closed_at)
		assert.equal(await mine('?open=true'), undefined)
		const { items } = await drawbridge.must('GET', `/v1/audit?object=${handoff.id}`)
		assert.deepEqual(items.map(({ action }) => action), ['handoff.close'])
	})

	it('is answered by the member who began it, and by no other', async () => {
		const made = await flow([start, question({ kind: 'number' }), ends[0]])
		const bea = await memberKey(drawbridge, 'bea@example.org', 'builder')
		const answer = ({ id }, key) => drawbridge.api('POST', `/v1/conversations/${id}/messages`, { text: 'none' }, { key })
		for (const draft of [false, true]) {
			const own = await begin(made, { draft })
			const hers = await drawbridge.must('POST', `/v1/flows/${made.id}/conversations`, { draft }, { key: bea.key })
			assert.deepEqual([(await answer(own, bea.key)).status, (await answer(hers)).status], [403, 403])
			assert.deepEqual([(await look(own)).messages.length, (await look(hers)).messages.length], [1, 1])
			/* another key of the same member */
			assert.equal((await answer(own, await drawbridge.createKey('builder'))).status, 200)
			assert.equal((await answer(hers, bea.key)).status, 200)
		}
	})

	/* ---- rates ---- */

	it('is begun by a page, and answered, no faster than may be', async () => {
		const made = await flow([start, question({ kind: 'number' }), ends[0]],
			{ channels: { widget: { enabled: true, origins: [page] } } })
		const statuses = await Promise.all(Array.from({ length: 40 }, (_, n) => drawbridge.api('POST',
			`/v1/flows/${made.id}/conversations`, {}, { key: null, headers: { origin: page, 'x-forwarded-for': n % 2 ? '2001:db8::1' : '2001:db8::2' } })))
		const refused = statuses.filter(({ status }) => status === 429)
		assert.ok(refused.length >= 5 && refused.length <= 10, `${refused.length} refused`)
		assert.ok(refused.every(({ json, headers }) => json.code === 'rate_limited' && headers['retry-after'] >= 1))
		const talk = await begin(made)
		const answers = await Promise.all(Array.from({ length: 40 }, () => say(talk, { text: 'no number' })))
		const late = answers.filter(({ status }) => status === 429)
		assert.ok(late.length >= 5 && late.length <= 10, `${late.length} refused`)
		assert.ok(late.every(({ headers }) => headers['retry-after'] >= 1))
		assert.equal((await look(talk)).messages.filter(({ from }) => from === 'visitor').length, 40 - late.length)
	})

	/* ---- answers ---- */

	const kinds = [
		['text', ['', '   ', '\n\t '], 'Zoë 🚲 你好', 'Zoë 🚲 你好'],
		['number', ['twelve', '1e5', '0x10', '1,234', '--1', '٣'], ' -3,5 ', '-3.5'],
		['email', ['ann@example', 'ann@@example.org', 'a b@example.org'], 'ann@example.org', 'ann@example.org'],
		['phone', ['123', 'call me', '+12345678901234567'], '0043 1 2345678', '+4312345678'],
		['date', ['2030-02-29', '31.4.2030', '1/2/2030', '2030-13-01'], '29.2.2028', '2028-02-29'],
		['yes_no', ['perhaps', '3'], 'yes', 'true']
	]
	for (const [kind, wrong, right, value] of kinds)
		it(`a ${kind} is asked for again, and then taken`, async () => {
			const talk = await begin(await flow([start, question({ kind, retry_text: 'Again', attempts: 10,
				paths: { next: 'good', failed: 'other' } }), { ...ends[0], text: '{{input.it}}' }, ends[1]]))
			for (const text of wrong) {
				const { status, json } = await say(talk, { text })
				assert.deepEqual([text, status, json.state, texts(json).at(0)], [text, 200, 'waiting', 'Again'])
			}
			const { json } = await say(talk, { text: right })
			assert.deepEqual([json.state, ...texts(json)], ['ended', value])
		})

	it('takes the path failed after the attempts, and long answers up to their limit', async () => {
		const made = await flow([start, question({ kind: 'email', attempts: 2, paths: { next: 'good', failed: 'other' } }),
			ends[0], ends[1]])
		const talk = await begin(made)
		assert.equal((await say(talk, { text: 'x' })).json.state, 'waiting')
		assert.deepEqual(texts((await say(talk, { text: 'x' })).json).at(-1), 'other')
		const long = await begin(await flow([start, question({ kind: 'text' }), { ...ends[0], text: '{{input.it}}' }]))
		assert.equal((await say(long, { text: 'ä'.repeat(2049) })).status, 400)
		assert.equal((await look(long)).state, 'waiting')
		assert.deepEqual(texts((await say(long, { text: 'ä'.repeat(2048) })).json), ['ä'.repeat(2048)])
		assert.deepEqual((await look(long, '?after=1')).messages.map(({ seq }) => seq), [2, 3])
	})

	/* ---- their end ---- */

	it('is ended by who has its token, and removed by a member', async () => {
		const made = await flow([start, { id: 'one', type: 'handoff', text: '?', paths: { next: 'two' } },
			{ id: 'two', type: 'question', text: 'More?', variable: 'it', paths: { next: 'good' } }, ends[0]])
		const talk = await begin(made)
		await say(talk, { text: 'secret of Ann' })
		await say(talk, { text: 'ann@example.org' })
		const remove = (key) => drawbridge.api('DELETE', `/v1/conversations/${talk.id}`, undefined, { key })
		assert.equal((await remove(talk.token)).status, 204)
		assert.deepEqual([(await look(talk)).state, (await look(talk)).messages.length], ['ended', 6])
		const builder = await drawbridge.createKey('viewer')
		assert.equal((await remove(builder)).status, 403)
		assert.equal((await remove()).status, 204)
		assert.equal((await remove()).json.code, 'conversation_not_found')
		const { items } = await drawbridge.must('GET', '/v1/handoffs')
		assert.ok(!items.some(({ conversation }) => conversation === talk.id))
		const audit = await drawbridge.must('GET', `/v1/audit?object=${talk.id}`)
		assert.deepEqual(audit.items.map(({ action }) => action), ['conversation.delete'])
	})
})
