// SPDX-License-Identifier: Apache-2.0
/* Streams of events and calls of conversations, while the server reloads or stops: nothing is held up, nothing lost. */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { follow } from '../support/crowd.mjs'
import { keyService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { eventually, sleep, suite } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('while the server changes, a conversation', (scope) => {
	let drawbridge, id
	const calls = []

	before(async () => {
		const api = await startApi(scope, { routes: { '/slow': async (request, response) => {
			calls.push(request.method)
			await sleep(1500)
			response.writeHead(200, { 'content-type': 'application/json' })
			response.end('{"n": 7}')
		} } })
		drawbridge = await startDrawbridge(scope, { flags: ['--drain', '8s'] })
		const service = await addService(drawbridge, keyService('slow', api))
		const { link_name: link } = await newConnection(drawbridge, service, { credentials: { api_key: 'key-of-slow-1' } })
		const blocks = [
			{ id: 'start', type: 'start', paths: { next: 'ask' } },
			{ id: 'ask', type: 'question', text: 'Who?', variable: 'who', paths: { next: 'call' } },
			{ id: 'call', type: 'webhook', connection: link, request: { method: 'POST', url: '/slow' },
				response_list: [{ codes: ['200'], mappings: [{ variable: 'n', from: '$.n' }] }],
				paths: { 200: 'good', other: 'bad', no_answer: 'bad' } },
			{ id: 'good', type: 'end', text: 'Got {{block.n}}' }, { id: 'bad', type: 'end', text: 'Nothing' }]
		const made = await drawbridge.must('POST', '/v1/flows', { draft: { name: 'Slow', blocks } })
		id = (await drawbridge.must('POST', `/v1/flows/${made.id}/publish`, {})).id
	})

	const begin = () => drawbridge.must('POST', `/v1/flows/${id}/conversations`, {})
	const say = (talk, query = '') => drawbridge.api('POST', `/v1/conversations/${talk.id}/messages${query}`,
		{ id: 'a', text: 'Ann' }, { key: talk.token })
	const listen = async (talk, options) => {
		const stream = follow(drawbridge, talk, options)
		scope.after(() => stream.close())
		await eventually('the stream', () => stream.text.includes('event: state'))
		return stream
	}
	const ids = ({ text }) => [...text.matchAll(/^id: (\d+)$/gm)].map(([, seq]) => Number(seq))

	it('is listened to at the next process from where the former one left', async () => {
		const talk = await begin()
		const stream = await listen(talk)
		assert.equal((await drawbridge.cli(['reload'], { timeout: 60_000 })).status, 0)
		const { whole, text } = await stream.ended
		assert.ok(whole, 'the stream ends as it should')
		assert.match(text, /retry: 1000\nevent: reconnect\ndata: \{\}\n\n$/)
		assert.deepEqual(ids(stream), [1])
		const next = await listen(talk, { after: 1 })
		await say(talk)
		await next.ended
		assert.deepEqual([next.whole, ids(next)], [true, [2, 3]])
		assert.match(next.text, /Got 7/)
	})

	it('has its call ended by the process that began it, once', async () => {
		calls.length = 0
		const talk = await begin()
		const answer = await say(talk, '?wait=0')
		assert.equal(answer.json.state, 'calling')
		await eventually('the call', () => calls.length === 1)
		assert.equal((await drawbridge.cli(['reload'], { timeout: 60_000 })).status, 0)
		const over = await eventually('the end', async () => {
			const now = await drawbridge.must('GET', `/v1/conversations/${talk.id}`, undefined, { key: talk.token })
			return now.state === 'ended' && now
		})
		assert.deepEqual([over.messages.at(-1).content.text, calls], ['Got 7', ['POST']])
	})

	it('does not hold the end up, and goes on after it', async () => {
		const [listened, calling] = [await begin(), await begin()]
		const stream = await listen(listened)
		calls.length = 0
		const waiting = say(calling)
		await eventually('the call', () => calls.length === 1)
		const began = performance.now()
		const stopped = drawbridge.stop()
		assert.equal((await stream.ended).whole, true)
		assert.ok(performance.now() - began < 1000, 'streams end at once')
		const answer = await waiting
		assert.deepEqual([answer.status, answer.json.state], [200, 'calling'])
		await stopped
		const took = performance.now() - began
		assert.ok(took < 5000, `the end took ${Math.round(took)} ms`)
		assert.ok(!/calls are still in flight/.test(drawbridge.log))
		await drawbridge.start()
		const { state, messages } = await drawbridge.must('GET', `/v1/conversations/${calling.id}`, undefined,
			{ key: calling.token })
		assert.deepEqual([state, messages.at(-1).content.text, calls], ['ended', 'Got 7', ['POST']])
		assert.equal((await say(listened)).json.messages.at(-1).content.text, 'Got 7')
	})

	it('has so many streams, and no more', async () => {
		const talk = await begin()
		const streams = []
		for (let n = 0; n < 40; n++)
			streams.push(follow(drawbridge, talk))
		scope.after(() => streams.forEach((stream) => stream.close()))
		await eventually('all to be answered', () => streams.every(({ status }) => status))
		assert.ok(streams.some(({ status }) => status === 429))
		assert.ok(streams.some(({ status }) => status === 200))
		await drawbridge.must('DELETE', `/v1/conversations/${talk.id}`)
		await Promise.all(streams.filter(({ status }) => status === 200).map(({ ended }) => ended))
	})
})
