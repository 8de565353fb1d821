// SPDX-License-Identifier: Apache-2.0
/* A stream of events: it tells all that there is, to whoever may hear it, for as long as he listens. */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { follow } from '../support/crowd.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { eventually, suite } from '../support/scope.mjs'

/* So many texts of this one, without a wait, in blocks of at most 20. */
function texts(count, text, next) {
	const blocks = []
	for (let n = 0; n < count; n += 20)
		blocks.push({ id: `say${n}`, type: 'message', paths: { next: n + 20 < count ? `say${n + 20}` : next },
			content: Array.from({ length: Math.min(20, count - n) }, () => ({ type: 'text', text })) })
	return blocks
}

suite('a stream of events', (scope) => {
	let drawbridge

	before(async () => {
		drawbridge = await startDrawbridge(scope, { socket: true })
	})

	async function publish(name, blocks, more) {
		const made = await drawbridge.must('POST', '/v1/flows', { draft: { name, blocks, ...more } })
		return (await drawbridge.must('POST', `/v1/flows/${made.id}/publish`, {})).id
	}
	const begin = (flow) => drawbridge.must('POST', `/v1/flows/${flow}/conversations`, {})
	const say = (talk, text) => drawbridge.must('POST', `/v1/conversations/${talk.id}/messages`, { text }, { key: talk.token })
	const listen = (talk, options) => {
		const stream = follow(drawbridge, talk, options)
		scope.after(() => stream.close())
		return stream
	}
	const ids = ({ text }) => [...text.matchAll(/^id: (\d+)$/gm)].map(([, seq]) => Number(seq))
	const states = ({ text }) => [...text.matchAll(/^event: state\ndata: (.*)$/gm)].map(([, data]) => JSON.parse(data))

	it('tells the state behind more messages than one look takes, once', async () => {
		const flow = await publish('Long', [{ id: 'start', type: 'start', paths: { next: 'say0' } },
			...texts(450, 'More', 'ask'), { id: 'ask', type: 'question', text: 'Who?', variable: 'who', paths: { next: 'end' } },
			{ id: 'end', type: 'end', text: 'Bye' }])
		const talk = await begin(flow)
		const stream = listen(talk)
		await eventually('the last message', () => ids(stream).at(-1) === 451)
		await eventually('the state behind it', () => states(stream).length, { timeout: 5000 })
		assert.deepEqual(ids(stream), Array.from({ length: 451 }, (_, n) => n + 1))
		assert.deepEqual(states(stream).map(({ state, expects }) => [state, expects.type]), [['waiting', 'text']])
		assert.match(stream.text, /id: 451\nevent: message\n.*\n\nevent: state\n/)
		await say(talk, 'Ann')
		assert.equal((await stream.ended).whole, true)
		const again = listen(talk)
		assert.equal((await again.ended).whole, true)
		assert.deepEqual(states(again), [{ state: 'ended', expects: null }], 'it is told what a stream ends for')
	})
})
