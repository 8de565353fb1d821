// SPDX-License-Identifier: Apache-2.0
/* Flows: drafts with their problems, versions, files, constants, and what uses a connection. */
import assert from 'node:assert/strict'
import http from 'node:http'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, it } from 'node:test'
import { keyService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { startApi } from '../support/api.mjs'
import { eventually, suite, temporaryFolder } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('a flow', (scope) => {
	let drawbridge

	before(async () => {
		drawbridge = await startDrawbridge(scope)
	})

	const draft = (text, name = 'Hello') => ({ name, blocks: [
		{ id: 'start', type: 'start', paths: { next: 'ask' } },
		{ id: 'ask', type: 'question', text, variable: 'who', paths: { next: 'bye' } },
		{ id: 'bye', type: 'end', text: 'Bye {{input.who}}' }] })

	it('is saved with its problems, and not published with errors', async () => {
		const bad = draft('{{input.hwo}}')
		bad.blocks[1].paths = { next: 'by' }
		const made = await drawbridge.must('POST', '/v1/flows', { draft: bad })
		assert.deepEqual(made.problems.filter(({ severity }) => severity === 'error')
			.map(({ block, pointer, code }) => [block, pointer, code]), [
			['ask', '/blocks/1/paths/next', 'no_such_block'], ['ask', '/blocks/1/text', 'unknown_variable']])
		const refused = await drawbridge.api('POST', `/v1/flows/${made.id}/publish`, {})
		assert.deepEqual([refused.status, refused.json.code], [409, 'flow_has_problems'])
		assert.equal(refused.json.problems.length, made.problems.length)
	})

	it('is told of secrets that are typed into its webhooks, and of a list call that ignores its filter', async () => {
		const call = (id, request, next) => ({ id, type: 'webhook', request: { method: 'GET', ...request }, paths: { next } })
		const typed = 'Bearer sk_live_4eC39HqLyjWDarjtT1zdp7dc'
		const calls = { name: 'Typed', variables: { session: [{ name: 'token' }] }, blocks: [
			{ id: 'start', type: 'start', paths: { next: 'keyed' } },
			call('keyed', { url: 'https://api.example.com/x?api_key=Zk3v9', headers: [{ name: 'Authorization', value: typed }] }, 'page'),
			call('page', { url: 'https://api.example.com/y', query: [{ name: 'token', value: '{{session.token}}' }] }, 'desk'),
			call('desk', { url: 'https://desk.zoho.eu/api/v1/tickets', query: [{ name: 'ticketNumber', value: '1' }] }, 'bye'),
			{ id: 'bye', type: 'end', text: 'Bye' }] }
		const said = [['keyed', '/blocks/1/request/url', 'literal_secret', 'warning'],
			['keyed', '/blocks/1/request/headers/0/value', 'literal_secret', 'warning'],
			['desk', '/blocks/3/request/url', 'filter_ignored', 'warning']]
		const told = ({ problems }) => problems.filter(({ code }) => /secret|ignored/.test(code))
			.map(({ block, pointer, code, severity }) => [block, pointer, code, severity])
		const made = await drawbridge.must('POST', '/v1/flows', { draft: calls, link_name: 'typed' })
		assert.deepEqual(told(made), said)
		assert.match(made.problems.find(({ block }) => block === 'keyed').detail, /make a connection/)
		assert.ok(!JSON.stringify(made.problems).includes(typed), 'no value is quoted')
		assert.deepEqual([made.errors, made.warnings], [0, made.problems.length])
		assert.deepEqual(told(await drawbridge.must('PUT', '/v1/flows/typed', { draft: calls })), said)
		assert.deepEqual(told(await drawbridge.must('GET', '/v1/flows/typed')), said)
		assert.deepEqual(told(await drawbridge.must('POST', '/v1/flows/typed/publish', {})), said)
		const file = join(temporaryFolder(scope), 'typed.json')
		writeFileSync(file, JSON.stringify({ ...calls, name: 'From a file' }))
		const { status, stdout, stderr } = await drawbridge.cli(['flow', 'import', file])
		assert.equal(status, 0, stderr)
		assert.match(stdout + stderr, /warning +keyed +\/blocks\/1\/request\/headers\/0\/value +This looks like a password or token/)
	})

	it('has versions, differences, and goes back', async () => {
		const made = await drawbridge.must('POST', '/v1/flows', { draft: draft('One?'), link_name: 'versions' })
		const first = await drawbridge.api('GET', '/v1/flows/versions')
		await drawbridge.must('POST', '/v1/flows/versions/publish', { note: 'the first' })
		const stale = await drawbridge.api('PUT', '/v1/flows/versions', { draft: draft('Two?') },
			{ headers: { 'if-match': first.headers.etag } })
		assert.equal(stale.status, 412)
		const two = draft('Two?')
		two.blocks.push({ id: 'extra', type: 'end' })
		await drawbridge.must('PUT', '/v1/flows/versions', { draft: two })
		assert.deepEqual(await drawbridge.must('GET', '/v1/flows/versions/diff'),
			{ added: ['extra'], removed: [], changed: ['ask'], other: [] })
		await drawbridge.must('POST', '/v1/flows/versions/publish', {})
		await drawbridge.must('POST', '/v1/flows/versions/restore', { version: 1 })
		const now = await drawbridge.must('GET', '/v1/flows/versions')
		assert.deepEqual([now.draft, now.published_version, now.id], [draft('One?'), 2, made.id])
		const { items } = await drawbridge.must('GET', '/v1/flows/versions/versions')
		assert.deepEqual(items.map(({ number, note }) => [number, note]), [[2, null], [1, 'the first']])
	})

	it('goes through a file, and talks on a pipe', async () => {
		const file = join(temporaryFolder(scope), 'flow.json')
		writeFileSync(file, JSON.stringify(draft('Who are you?', 'Piped')))
		assert.equal((await drawbridge.cli(['flow', 'import', file])).status, 0)
		const exported = JSON.parse((await drawbridge.cli(['flow', 'export', 'piped'])).stdout)
		assert.deepEqual(exported, { format: 'drawbridge-flow/1', link_name: 'piped', flow: draft('Who are you?', 'Piped') })
		assert.equal((await drawbridge.cli(['flow', 'publish', 'piped'])).status, 0)
		const chat = await drawbridge.cli(['flow', 'chat', 'piped'], { stdin: 'Ann\n' })
		assert.deepEqual([chat.status, chat.stdout], [0, 'Who are you?\nBye Ann\n'], chat.stderr)
		assert.match((await drawbridge.cli(['flow', 'list'])).stdout, /piped\s+Piped\s+1/)
	})

	it('a conversation that fails is a failure on a pipe, with its reason', async () => {
		const sets = Array.from({ length: 250 }, (_, n) => ({ id: `s${n}`, type: 'set',
			set: [{ variable: 'flow.n', add: '1' }], paths: { next: n < 249 ? `s${n + 1}` : 'bye' } }))
		await drawbridge.must('POST', '/v1/flows', { link_name: 'runs_away', draft: { name: 'Runs away', blocks: [
			{ id: 'start', type: 'start', paths: { next: 's0' } }, ...sets, { id: 'bye', type: 'end' }],
		variables: { flow: [{ name: 'n', default: 0 }] } } })
		const chat = await drawbridge.cli(['flow', 'chat', 'runs_away', '--draft'])
		assert.equal(chat.status, 1, JSON.stringify(chat))
		assert.match(chat.stderr, /the conversation has failed: runaway/)
	})

	it('reads constants', async () => {
		await drawbridge.must('PUT', '/v1/globals/shop', { value: { name: 'Acme' } })
		const flow = draft('{{global.shop.name}}?')
		const { id, errors } = await drawbridge.must('POST', '/v1/flows', { draft: flow })
		assert.equal(errors, 0)
		const talk = await drawbridge.must('POST', `/v1/flows/${id}/conversations`, { draft: true })
		assert.equal(talk.messages[0].content.text, 'Acme?')
	})

	it('keeps a connection from being deleted', async () => {
		const service = await addService(drawbridge, keyService('used', await startApi(scope)))
		const { link_name: link } = await newConnection(drawbridge, service, { credentials: { api_key: 'key-of-used' } })
		const flow = draft('?', 'User of it')
		flow.blocks[1].paths.next = 'call'
		flow.blocks.push({ id: 'call', type: 'webhook', connection: link, request: { method: 'GET', url: '/x' },
			paths: { next: 'bye' } })
		const { id, errors, problems } = await drawbridge.must('POST', '/v1/flows', { draft: flow })
		assert.equal(errors, 0, JSON.stringify(problems))
		const refused = await drawbridge.api('DELETE', `/v1/connections/${link}`)
		assert.deepEqual([refused.status, refused.json.code], [409, 'in_use'])
		assert.match(refused.json.detail, /User of it/)
		await drawbridge.must('PUT', `/v1/flows/${id}`, { draft: draft('?') })
		assert.equal((await drawbridge.api('DELETE', `/v1/connections/${link}`)).status, 200)
	})

	it('tells its messages as events, and goes on behind the last', async () => {
		const { id } = await drawbridge.must('POST', '/v1/flows', { draft: draft('Who?') })
		const talk = await drawbridge.must('POST', `/v1/flows/${id}/conversations`, { draft: true })
		let text = '', ended = false
		const request = http.get({ host: '127.0.0.1', port: drawbridge.port, path: `/v1/conversations/${talk.id}/events`,
			headers: { authorization: `Bearer ${talk.token}`, 'last-event-id': '1' } }, (response) => {
			response.on('data', (bytes) => { text += bytes }).on('end', () => { ended = true })
		})
		scope.after(() => request.destroy())
		await eventually('the state', () => text.includes('"state":"waiting"'))
		assert.ok(!text.includes('Who?'))
		await drawbridge.must('POST', `/v1/conversations/${talk.id}/messages`, { text: 'Ann' }, { key: talk.token })
		await eventually('the end', () => ended)
		assert.match(text, /id: 2\nevent: message\ndata: .*"visitor".*\n\nid: 3\nevent: message\ndata: .*Bye Ann/)
		assert.match(text, /event: state\ndata: \{"state":"ended"/)
	})
})
