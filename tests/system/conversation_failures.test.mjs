// SPDX-License-Identifier: Apache-2.0
/* Every failure of a webhook block takes a path: a real conversation of a published flow goes on, and never hangs. */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { startAuthority } from '../support/ca.mjs'
import { keyService } from '../support/definitions.mjs'
import { reply, startReceiver } from '../support/receiver.mjs'
import { suite } from '../support/scope.mjs'
import { webhookFailures } from '../support/webhook_failures.mjs'
import { addService, startOidcWorld } from '../support/worlds.mjs'

suite('a webhook that fails in a conversation', (scope) => {
	const wrong = 'That is no number.'
	let drawbridge, receiver, cases

	before(async () => {
		const world = await startOidcWorld(scope)
		drawbridge = world.drawbridge
		receiver = await startReceiver(scope)
		const authority = await startAuthority(scope)
		const untrusted = await startReceiver(scope, { tls: await authority.issue(['127.0.0.1']) })
		cases = await webhookFailures(scope, world, receiver, untrusted)
	})

	const document = ({ name, connection, request, code }) => ({ name: `Fails: ${name}`.slice(0, 100), blocks: [
		{ id: 'start', type: 'start', paths: { next: 'ask' } },
		{ id: 'ask', type: 'question', text: 'What?', variable: 'v', paths: { next: 'call' } },
		{ id: 'call', type: 'webhook', connection, request: { method: 'GET', url: '/', timeout_ms: code === 'upstream_timeout' ? 2000 : 20_000, ...request },
			response_list: [{ codes: ['200'], mappings: [{ variable: 'n', from: '$.n', missing: 'error' }] }],
			paths: { 200: 'good', other: 'another', no_answer: 'none' } },
		{ id: 'good', type: 'end', text: '200 {{block.n}}' },
		{ id: 'another', type: 'end', text: 'other' },
		{ id: 'none', type: 'end', text: 'no_answer' }] })

	async function talked(each) {
		const made = await drawbridge.must('POST', '/v1/flows', { draft: document(each) })
		assert.equal(made.errors, 0, JSON.stringify(made.problems))
		await drawbridge.must('POST', `/v1/flows/${made.id}/publish`, {})
		await each.spoil?.()
		const talk = await drawbridge.must('POST', `/v1/flows/${made.id}/conversations`, {})
		const began = Date.now()
		const said = await drawbridge.must('POST', `/v1/conversations/${talk.id}/messages`, { text: each.value ?? '7' }, { key: talk.token })
		return { ...said, took: Date.now() - began }
	}

	it('takes the path of its failure, each of them, in bounded time', async () => {
		const failures = []
		for (let n = 0; n < cases.length; n += 6)
			await Promise.all(cases.slice(n, n + 6).map(async (each) => {
				const { state, messages, took } = await talked(each)
				const last = messages.at(-1).content.text
				if (state !== 'ended' || last !== (each.exit === '200' ? '200 7' : each.exit) || took > 24_000)
					failures.push(`${each.name}: ${state} ${last} in ${took} ms`)
			}))
		assert.deepEqual(failures, [])
		assert.ok(cases.length >= 38)
	})

	it('and the block\'s own test says which failure it was', async () => {
		const failures = []
		for (let n = 0; n < cases.length; n += 6)
			await Promise.all(cases.slice(n, n + 6).map(async (each) => {
				const { connection, request, response_list } = document(each).blocks[2]
				const { path, problem } = await drawbridge.must('POST', '/v1/webhooks/run',
					{ connection, request, response_list, input: { v: each.value ?? '7' } })
				if (path !== each.exit || problem?.code !== each.code || /Drawbridge-Timeout/.test(problem?.hint))
					failures.push(`${each.name}: ${path} ${JSON.stringify(problem)}`)
			}))
		assert.deepEqual(failures, [])
	})

	it('a wrong answer gets the block\'s retry text, as often as it is given', async () => {
		const { id } = await drawbridge.must('POST', '/v1/flows', { draft: { name: 'Asks', blocks: [
			{ id: 'start', type: 'start', paths: { next: 'ask' } },
			{ id: 'ask', type: 'question', text: 'How many?', kind: 'number', retry_text: wrong, validation: { min: 1, max: 9 }, variable: 'n', paths: { next: 'end' } },
			{ id: 'end', type: 'end', text: '{{input.n}}' }] } })
		await drawbridge.must('POST', `/v1/flows/${id}/publish`, {})
		const talk = await drawbridge.must('POST', `/v1/flows/${id}/conversations`, {})
		const say = (text) => drawbridge.must('POST', `/v1/conversations/${talk.id}/messages`, { text }, { key: talk.token })
		for (const text of ['many', '0', '10', '{{input.n}}', '', '1 2']) {
			const { state, messages } = await say(text)
			assert.deepEqual([state, messages.at(-1).content.text], ['waiting', wrong], text)
		}
		assert.equal((await say('5')).messages.at(-1).content.text, '5')
	})

	it('an answer that is too much to remember takes the path for any other, once', async () => {
		const before = receiver.requests.length
		const { state, messages } = await talked({ name: 'wide', connection: cases.at(-1).connection, request: { url: '/fail/wide' } })
		assert.deepEqual([state, messages.at(-1).content.text], ['ended', 'other'])
		assert.equal(receiver.requests.length, before + 1)
	})

	it('an answer nested deeper than can be remembered takes that path as well', async () => {
		const nested = (levels) => JSON.parse('['.repeat(levels) + '1' + ']'.repeat(levels))
		for (const [levels, path] of [[29, 'good'], [30, 'other'], [55, 'other']]) {
			receiver.answers['/nested'] = (request, response) => reply(response, 200, { n: nested(levels) })
			const said = await talked({ name: 'nested', connection: cases.at(-1).connection, request: { url: '/nested' } })
			const last = path === 'good' ? `200 ${JSON.stringify(nested(levels))}` : 'other'
			assert.deepEqual([levels, said.state, said.messages.at(-1).content.text], [levels, 'ended', last])
		}
	})

	it('also where it was mapped to variables of the flow, which stay as they were', async () => {
		receiver.answers['/third'] = (request, response) => reply(response, 200, { n: 'x'.repeat(100_000) })
		const call = (variable, next) => ({ id: variable, type: 'webhook', connection: cases.at(-1).connection,
			request: { method: 'GET', url: '/third' }, paths: { 200: next, other: 'told', no_answer: 'none' },
			response_list: [{ codes: ['200'], mappings: [{ variable: `flow.${variable}`, from: '$.n' }] }] })
		const { id } = await drawbridge.must('POST', '/v1/flows', { draft: { name: 'Thirds',
			variables: { flow: [...'abc'].map((name) => ({ name, default: 'as before' })) }, blocks: [
				{ id: 'start', type: 'start', paths: { next: 'a' } }, call('a', 'b'), call('b', 'c'), call('c', 'none'),
				{ id: 'told', type: 'end', text: '{{block.problem}}: {{flow.c}}' }, { id: 'none', type: 'end', text: 'none' }] } })
		await drawbridge.must('POST', `/v1/flows/${id}/publish`, {})
		const talk = await drawbridge.must('POST', `/v1/flows/${id}/conversations`, {})
		assert.deepEqual([talk.state, talk.messages.at(-1).content.text], ['ended', 'mapping_too_large: as before'])
	})

	it('variables that grow beyond all bounds end the conversation with a problem', async () => {
		const more = [...'bcdefghij']
		const { id } = await drawbridge.must('POST', '/v1/flows', { draft: { name: 'Grows',
			variables: { flow: [{ name: 'a', default: 'x' }, ...more.map((name) => ({ name }))] }, blocks: [
				{ id: 'start', type: 'start', paths: { next: 'ask' } },
				{ id: 'ask', type: 'question', text: 'More?', variable: 'v', paths: { next: 'add' } },
				{ id: 'add', type: 'set', set: [...Array(15).fill({ variable: 'flow.a', value: '{{flow.a}}{{flow.a}}' }),
					...more.map((name) => ({ variable: `flow.${name}`, value: '{{flow.a}}' }))], paths: { next: 'ask' } }] } })
		await drawbridge.must('POST', `/v1/flows/${id}/publish`, {})
		const talk = await drawbridge.must('POST', `/v1/flows/${id}/conversations`, {})
		const said = await drawbridge.must('POST', `/v1/conversations/${talk.id}/messages`, { text: 'more' }, { key: talk.token })
		assert.deepEqual([said.state, said.expects], ['failed', null])
		assert.match(said.problem, /^too_large: /)
		assert.doesNotMatch(drawbridge.log, /ERROR: |runtime error: |assertion/)
	})

	it('a connection that has become one per user within a call is none for a flow that has no user', async () => {
		const service = await addService(drawbridge, keyService('swapped', receiver))
		const make = (more) => drawbridge.must('POST', '/v1/connections', { name: 'Swapped', service, ...more })
		const { link_name: link } = await make({ credentials: { api_key: 'the-key-that-is-swapped' } })
		let calls = 0
		receiver.answers['/swap'] = async (request, response) => {
			calls += 1
			if (calls === 1)
				return reply(response, 200, { n: 1 })
			await drawbridge.must('DELETE', `/v1/connections/${link}?force=true`)
			assert.equal((await make({ per_user: true })).link_name, link)
			return request.socket.destroy() /* one that was used before: it is called again, and looked at again */
		}
		const call = (id, next) => ({ id, type: 'webhook', connection: link, request: { method: 'GET', url: '/swap' },
			response_list: [{ codes: ['200'] }], paths: { 200: next, no_answer: 'none', other: 'none' } })
		const { id } = await drawbridge.must('POST', '/v1/flows', { draft: { name: 'Swaps', blocks: [
			{ id: 'start', type: 'start', paths: { next: 'warm' } }, call('warm', 'again'), call('again', 'good'),
			{ id: 'good', type: 'end', text: 'good' }, { id: 'none', type: 'end', text: 'none' }] } })
		await drawbridge.must('POST', `/v1/flows/${id}/publish`, {})
		const talk = await drawbridge.must('POST', `/v1/flows/${id}/conversations`, {})
		assert.deepEqual([talk.state, talk.messages.at(-1).content.text, calls], ['ended', 'none', 2])
		assert.doesNotMatch(drawbridge.log, /assertion/)
	})
})
