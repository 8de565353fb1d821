// SPDX-License-Identifier: Apache-2.0
/* A stream of events: it tells all that there is, to whoever may hear it, for as long as he listens. */
import assert from 'node:assert/strict'
import net from 'node:net'
import { before, it } from 'node:test'
import { follow } from '../support/crowd.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { signedIn } from '../support/members.mjs'
import { eventually, sleep, suite } from '../support/scope.mjs'
import { Steps } from '../support/steps.mjs'

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

	/* Over the machine's own socket, whose buffers are small: take(n) reads that much, and then no more. */
	function stream(talk) {
		const socket = net.connect({ path: drawbridge.socket })
		const slow = { text: '', until: 0, closed: false, close: () => socket.destroy() }
		socket.on('close', () => { slow.closed = true })
		socket.on('error', () => {})
		socket.on('data', (bytes) => {
			slow.text += bytes.toString('latin1')
			if (slow.text.length >= slow.until)
				socket.pause()
		})
		socket.pause()
		socket.write(`GET /v1/conversations/${talk.id}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${talk.token}\r\n\r\n`)
		slow.take = (count = Infinity) => {
			slow.until = slow.text.length + count
			socket.resume()
		}
		scope.after(slow.close)
		return slow
	}

	it('is cut for a client that takes nothing for a minute, also of what is new; one that is slow has its time', async () => {
		const flow = await publish('Large', [{ id: 'start', type: 'start', paths: { next: 'say0' } },
			...texts(140, '{{session.long}}', 'ask'),
			{ id: 'ask', type: 'question', text: 'And?', variable: 'said', paths: { next: 'ask' } }],
		{ variables: { session: [{ name: 'long' }] } })
		const talk = await drawbridge.must('POST', `/v1/flows/${flow}/conversations`, { session: { long: 'x'.repeat(8000) } })
		const [none, slow] = [stream(talk), stream(talk)]
		for (const until = Date.now() + 66_000; Date.now() < until;) {
			slow.take(250_000)
			await sleep(11_000)
			await say(talk, 'More')
		}
		none.take()
		await eventually('the end of the one', () => none.closed, { timeout: 3000 })
		assert.ok(none.text.length < 1_000_000 && !none.text.endsWith('0\r\n\r\n'), 'it has not got all, and knows')
		assert.equal(slow.closed, false)
		slow.take()
		await eventually('all of the other', () => ids(slow).at(-1) === 153 && /event: state\n.*\n\n\r\n$/.test(slow.text))
		assert.deepEqual(ids(slow), Array.from({ length: 153 }, (_, n) => n + 1))
		await drawbridge.must('DELETE', `/v1/conversations/${talk.id}`, undefined, { key: talk.token })
		await eventually('its end', () => slow.closed)
		assert.ok(slow.text.endsWith('0\r\n\r\n'))
	})

	/* A member who is signed in: what his browser sends. */
	it('ends when the right to it ends, before anything more is told', async () => {
		const flow = await publish('Asks', [{ id: 'start', type: 'start', paths: { next: 'ask' } },
			{ id: 'ask', type: 'question', text: 'And?', variable: 'said', paths: { next: 'ask' } }])
		const [talk, silent] = [await begin(flow), await begin(flow)]
		const member = async (name) => {
			const { id, headers } = await signedIn(drawbridge, `${name}@example.org`)
			return { id, headers }
		}
		const [ada, bea, cid] = [await member('ada'), await member('bea'), await member('cid')]
		const key = await drawbridge.must('POST', '/v1/keys', { name: 'mine', role: 'builder' })
		const byKey = ({ key: text }) => ({ headers: { authorization: `Bearer ${text}` } })
		const stay = { visitor: listen(talk), key: listen(talk, byKey(drawbridge)) }
		const go = { revoked: listen(talk, byKey(key)), left: listen(talk, ada), removed: listen(talk, bea),
			demoted: listen(talk, cid), silent: listen(silent, byKey(key)) }
		const all = { ...stay, ...go }
		await eventually('the streams', () => Object.values(all).every((each) => states(each).length === 1))
		await drawbridge.must('DELETE', `/v1/keys/${key.id}`)
		await drawbridge.must('DELETE', '/v1/session', undefined, { key: null, headers: ada.headers })
		await drawbridge.must('PATCH', `/v1/members/${bea.id}`, { disabled: true })
		await drawbridge.must('PATCH', `/v1/members/${cid.id}`, { role: 'viewer' })
		await say(talk, 'Between us')
		for (const [who, each] of Object.entries(stay)) {
			await eventually(`what is new, for ${who}`, () => ids(each).at(-1) === 3)
			assert.match(each.text, /Between us/)
		}
		for (const who of ['revoked', 'left', 'removed', 'demoted']) {
			await eventually(`the end of who is ${who}`, () => go[who].over, { timeout: 3000 })
			assert.deepEqual([who, go[who].whole, /Between us/.test(go[who].text)], [who, true, false])
		}
		await eventually('an end without any news', () => go.silent.over, { timeout: 20_000 })
		assert.equal(go.silent.whole, true)
		assert.ok(Object.values(stay).every(({ over }) => !over), 'the others go on')
	})

	/* A server of its own, whose steps can be held, and a conversation there that asks without end. */
	async function askingElsewhere(steps) {
		const other = await startDrawbridge(scope, steps.options)
		const made = await other.must('POST', '/v1/flows', { draft: { name: 'Asks', blocks: [
			{ id: 'start', type: 'start', paths: { next: 'ask' } },
			{ id: 'ask', type: 'question', text: 'And?', variable: 'said', paths: { next: 'ask' } }] } })
		await other.must('POST', `/v1/flows/${made.id}/publish`, {})
		const talk = await other.must('POST', `/v1/flows/${made.id}/conversations`, {})
		return { other, talk }
	}

	it('does no harm when its client is gone in the moment that something is sent', async () => {
		const steps = new Steps(scope)
		const { other, talk } = await askingElsewhere(steps)
		const socket = net.connect(other.port, '127.0.0.1')
		let text = ''
		socket.on('error', () => {}).on('data', (bytes) => { text += bytes.toString('latin1') })
		socket.write(`GET /v1/conversations/${talk.id}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${talk.token}\r\n\r\n`)
		await eventually('the stream', () => /event: state\n.*\n\n/.test(text))
		const front = other.role('front')
		steps.set('1 stop events.read')
		const said = other.api('POST', `/v1/conversations/${talk.id}/messages`, { text: 'Ann' }, { key: talk.token })
		await steps.reached('events.read')
		socket.resetAndDestroy()
		await sleep(200)
		process.kill(front, 'SIGCONT')
		assert.equal((await said).status, 200)
		assert.equal((await other.api('GET', `/v1/conversations/${talk.id}`, undefined, { key: talk.token })).status, 200)
		assert.equal(other.role('front'), front, 'it has not died of it')
		assert.doesNotMatch(other.log, /assert/i)
	})

	it('ends as it should where nothing can be read any more, and goes on when it is begun anew', async () => {
		const steps = new Steps(scope)
		const { other, talk } = await askingElsewhere(steps)
		const follows = (options) => {
			const stream = follow(other, talk, options)
			scope.after(() => stream.close())
			return stream
		}
		const stream = follows()
		await eventually('the stream', () => states(stream).length)
		steps.set('1 fail events.look')
		await other.must('POST', `/v1/conversations/${talk.id}/messages`, { text: 'Ann' }, { key: talk.token })
		await eventually('the end', () => stream.over)
		assert.deepEqual([stream.whole, ids(stream), /HTTP|problem/.test(stream.text)], [true, [1], false])
		assert.ok(steps.taken('events.look'))
		const again = follows({ after: 1 })
		await eventually('the rest', () => states(again).length)
		assert.deepEqual(ids(again), [2, 3])
	})
})
