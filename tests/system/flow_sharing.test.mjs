// SPDX-License-Identifier: Apache-2.0
/* What of a connection is lent to flows: where it is used, what unsharing stops, and files that go to other servers. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, it } from 'node:test'
import { keyService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { memberKey } from '../support/members.mjs'
import { reply, startReceiver } from '../support/receiver.mjs'
import { suite, temporaryFolder } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('a connection that flows use', (scope) => {
	const secret = 'the-key-of-the-shared-9921'
	let drawbridge, receiver, service, link, builder

	before(async () => {
		receiver = await startReceiver(scope)
		receiver.answers['/n'] = (request, response) => reply(response, 200, { n: 7 })
		drawbridge = await startDrawbridge(scope)
		service = await addService(drawbridge, keyService('lent', receiver))
		link = (await newConnection(drawbridge, service, { name: 'Shared', credentials: { api_key: secret } })).link_name
		builder = await memberKey(drawbridge, 'bea@example.org', 'builder')
	})

	const document = (name, connection = link) => ({ name, blocks: [
		{ id: 'start', type: 'start', paths: { next: 'call' } },
		{ id: 'call', type: 'webhook', connection, request: { method: 'GET', url: '/n' },
			response_list: [{ codes: ['200'], mappings: [{ variable: 'n', from: '$.n' }] }], paths: { next: 'end' } },
		{ id: 'end', type: 'end', text: 'n is {{block.n}}' }] })
	const talk = async (flow, options) => (await drawbridge.must('POST', `/v1/flows/${flow}/conversations`, {}, options)).messages.at(-1).content.text
	const usage = async () => (await drawbridge.must('GET', `/v1/connections/${link}/usage`)).flows
	const share = (items) => drawbridge.must('PUT', `/v1/connections/${link}/shares`, { items })

	it('says which, as draft or published, to API and command line', async () => {
		assert.deepEqual(await usage(), [])
		assert.match((await drawbridge.cli(['connection', 'show', link])).stdout, /No flow uses it/)
		const { id } = await drawbridge.must('POST', '/v1/flows', { draft: document('First of it'), link_name: 'first' })
		assert.deepEqual(await usage(), [{ link_name: 'first', name: 'First of it', draft: true, published: false }])
		await drawbridge.must('POST', '/v1/flows/first/publish', {})
		await drawbridge.must('POST', '/v1/flows', { draft: document('Second'), link_name: 'second' })
		await drawbridge.must('PUT', `/v1/flows/${id}`, { draft: document('First of it', null) })
		assert.deepEqual(await usage(), [{ link_name: 'first', name: 'First of it', draft: false, published: true },
			{ link_name: 'second', name: 'Second', draft: true, published: false }])
		for (const command of ['show', 'usage']) {
			const { stdout } = await drawbridge.cli(['connection', command, link])
			assert.match(stdout, /^FLOW +NAME +IN ITS DRAFT +PUBLISHED\nfirst +First of it +no +yes\nsecond +Second +yes +no$/m)
		}
		const viewer = await drawbridge.createKey('viewer')
		assert.equal((await drawbridge.api('GET', `/v1/connections/${link}/usage`, undefined, { key: viewer })).json.flows.length, 2)
	})

	it('is not deleted while they do, but by an admin\'s force', async () => {
		const refused = await drawbridge.api('DELETE', `/v1/connections/${link}`)
		assert.deepEqual([refused.status, refused.json.code], [409, 'in_use'])
		assert.match(refused.json.detail, /first \(First of it, published\); second \(Second, draft\)\.$/)
		const { status, stderr } = await drawbridge.cli(['connection', 'delete', link])
		assert.equal(status, 1)
		assert.match(stderr, /first \(First of it, published\)/)
	})

	it('no more shared: what is published goes on, its owner is told, and nothing new begins', async () => {
		const bea = { key: builder.key }
		const early = await drawbridge.must('POST', '/v1/flows', { draft: document('Early') }, bea)
		assert.deepEqual(early.problems.map(({ pointer, code }) => [pointer, code]), [['/blocks/1/connection', 'connection_not_found']])
		assert.equal((await drawbridge.api('POST', `/v1/flows/${early.id}/publish`, {}, bea)).status, 409)

		await share([{ kind: 'member', subject: builder.id, level: 'use' }])
		const { id } = await drawbridge.must('POST', '/v1/flows', { draft: document('Of Bea'), link_name: 'of_bea' }, bea)
		await drawbridge.must('POST', '/v1/flows/of_bea/publish', {}, bea)
		assert.deepEqual((await drawbridge.must('GET', '/v1/flows/of_bea', undefined, bea)).unshared, [])
		assert.equal(await talk('of_bea'), 'n is 7')

		await share([])
		assert.equal(await talk('of_bea'), 'n is 7', 'a version keeps the permission that it was published with')
		assert.deepEqual((await drawbridge.must('GET', '/v1/flows/of_bea', undefined, bea)).unshared, [link])
		const listed = (await drawbridge.must('GET', '/v1/flows', undefined, bea)).items
		assert.deepEqual(listed.filter(({ unshared }) => unshared.length > 0).map(({ link_name }) => link_name), ['of_bea'])
		assert.match((await drawbridge.cli(['flow', 'show', 'of_bea'])).stdout, new RegExp(`^No more shared +${link}$`, 'm'))
		const again = await drawbridge.api('POST', `/v1/flows/${id}/publish`, {}, bea)
		assert.deepEqual([again.status, again.json.code], [409, 'flow_has_problems'])
		assert.deepEqual(again.json.problems.map(({ code }) => code), ['connection_not_found'])
		const tried = await drawbridge.must('POST', `/v1/flows/${id}/conversations`, { draft: true }, bea)
		assert.notEqual(tried.messages.at(-1)?.content.text, 'n is 7', 'a draft has no permission but his own')

		await drawbridge.must('DELETE', `/v1/connections/${link}?force=true`)
		assert.notEqual(await talk('of_bea'), 'n is 7')
		assert.equal(receiver.last().headers['x-api-key'], secret)
	})

	/* ---- drafts ---- */

	const last = ({ messages }) => messages.at(-1)?.content.text
	const begin = (flow, options) => drawbridge.must('POST', `/v1/flows/${flow}/conversations`, { draft: true }, options)
	const save = (flow, draft, options) => drawbridge.must('PUT', `/v1/flows/${flow}`, { draft }, options)

	it('a draft calls what both may use, who saved it last and who tries it', async () => {
		const bea = { key: builder.key }
		const { link_name: mine } = await newConnection(drawbridge, service, { name: 'Mine', credentials: { api_key: secret } })
		const told = (draft) => ({ ...draft, blocks: draft.blocks.map((block) =>
			block.id === 'end' ? { ...block, text: 'n is {{block.n}} {{block.problem}}' } : block) })
		const draft = told(document('Of both', mine))
		const { id, saved_by: by } = await drawbridge.must('POST', '/v1/flows', { draft }, bea)
		assert.deepEqual(by, { id: builder.id, name: 'bea' })
		const before = receiver.requests.length
		assert.equal(last(await begin(id)), 'n is  connection_not_found', 'she may not use it')
		assert.equal(last(await begin(id, bea)), 'n is  connection_not_found')
		assert.equal(receiver.requests.length, before)
		const shares = (items) => drawbridge.must('PUT', `/v1/connections/${mine}/shares`, { items })
		await shares([{ kind: 'member', subject: builder.id, level: 'use' }])
		assert.equal(last(await begin(id)), 'n is 7 ')
		await shares([])
		assert.equal(last(await begin(id)), 'n is  connection_not_found')
		assert.equal((await save(id, draft)).saved_by.name, (await drawbridge.must('GET', '/v1/me')).name)
		assert.equal(last(await begin(id)), 'n is 7 ', 'his own by now')
		assert.equal(last(await begin(id, bea)), 'n is  connection_not_found')

		const cid = await memberKey(drawbridge, 'cid@example.org', 'builder')
		await shares([{ kind: 'everyone', level: 'use' }])
		await save(id, draft, { key: cid.key })
		assert.equal(last(await begin(id)), 'n is 7 ')
		await drawbridge.must('PATCH', `/v1/members/${cid.id}`, { disabled: true })
		assert.equal(last(await begin(id)), 'n is  connection_not_found', 'who saved it is no member any more')
		const shown = await drawbridge.cli(['flow', 'show', id])
		assert.match(shown.stdout, /^Draft saved by +cid$/m)
		const chat = await drawbridge.cli(['flow', 'chat', id, '--draft'])
		assert.match(chat.stdout, /^This is the draft as cid saved it\.\nn is {2}connection_not_found\n$/)
		await drawbridge.must('DELETE', `/v1/connections/${mine}?force=true`)
	})

	it('a trial ends when another member has saved the draft, not when it is his own or is published', async () => {
		const bea = { key: builder.key }
		const { link_name: mine } = await newConnection(drawbridge, service, { name: 'Lent', credentials: { api_key: secret } })
		await drawbridge.must('PUT', `/v1/connections/${mine}/shares`, { items: [{ kind: 'everyone', level: 'use' }] })
		const draft = document('Tried', mine)
		draft.blocks[0].paths.next = 'ask'
		draft.blocks.push({ id: 'ask', type: 'question', text: 'Go?', variable: 'go', paths: { next: 'call' } })
		const { id } = await drawbridge.must('POST', '/v1/flows', { draft }, bea)
		const answer = (talk) => drawbridge.must('POST', `/v1/conversations/${talk.id}/messages`, { text: 'yes' })
		const changed = /^draft_changed: another member has saved the draft/

		const first = await begin(id)
		await drawbridge.must('POST', `/v1/flows/${id}/publish`, {}, bea)
		assert.equal(last(await answer(first)), 'n is 7')
		const second = await begin(id), before = receiver.requests.length
		await save(id, draft, bea)
		const ended = await answer(second)
		assert.deepEqual([ended.state, ended.expects], ['failed', null])
		assert.match(ended.problem, changed)
		assert.equal(receiver.requests.length, before)
		const third = await begin(id)
		await save(id, draft)
		assert.equal(last(await answer(third)), 'n is 7')

		/* within a call */
		const fourth = await begin(id)
		receiver.answers['/n'] = async (request, response) => {
			await save(id, draft, bea)
			reply(response, 200, { n: 7 })
		}
		const cut = await answer(fourth)
		assert.deepEqual([cut.state, changed.test(cut.problem)], ['failed', true])
		receiver.answers['/n'] = (request, response) => reply(response, 200, { n: 7 })
		await drawbridge.must('DELETE', `/v1/connections/${mine}?force=true`)
	})

	it('goes to another server by its link name, without secrets, and what is missing there is listed', async () => {
		const file = join(temporaryFolder(scope), 'flow.json')
		await newConnection(drawbridge, service, { name: 'Here', credentials: { api_key: secret } })
		const flow = document('Moves', 'here')
		flow.blocks[1].paths = { 200: 'more', other: 'end', no_answer: 'end' }
		flow.blocks.push({ ...flow.blocks[1], id: 'more', connection: 'there', paths: { next: 'end' } })
		await drawbridge.must('POST', '/v1/flows', { draft: flow, link_name: 'moves' })
		const exported = await drawbridge.cli(['flow', 'export', 'moves'])
		assert.equal(exported.status, 0)
		assert.ok(!exported.stdout.includes(secret))
		writeFileSync(file, exported.stdout)

		const other = await startDrawbridge(scope)
		const imported = await other.cli(['flow', 'import', file])
		assert.equal(imported.status, 0, imported.stderr)
		for (const [pointer, name] of [['/blocks/1/connection', 'here'], ['/blocks/3/connection', 'there']])
			assert.match(imported.stdout, new RegExp(`^error +(call|more) +${pointer} +There is no connection "${name}"`, 'm'))
		assert.equal((await other.cli(['flow', 'publish', 'moves'])).status, 1)
		await addService(other, keyService('lent', receiver))
		for (const name of ['Here', 'There'])
			await newConnection(other, 'lent', { name, credentials: { api_key: `${secret}-${name}` } })
		assert.equal((await other.cli(['flow', 'import', file, '--replace', 'moves'])).status, 0)
		assert.equal((await other.cli(['flow', 'publish', 'moves'])).status, 0)
		const chat = await other.cli(['flow', 'chat', 'moves'])
		assert.deepEqual([chat.status, chat.stdout], [0, 'n is 7\n'])
		assert.equal(receiver.last().headers['x-api-key'], `${secret}-There`)
		assert.equal((await other.cli(['flow', 'export', 'moves'])).stdout, exported.stdout)
	})
})

suite('the command line for flows and webhooks', (scope) => {
	let drawbridge, folder

	before(async () => {
		drawbridge = await startDrawbridge(scope)
		folder = temporaryFolder(scope)
	})

	const file = (name, text) => {
		writeFileSync(join(folder, name), text)
		return join(folder, name)
	}

	it('each command has its help, and wants its words', async () => {
		for (const command of ['flow list', 'flow show', 'flow import', 'flow export', 'flow publish', 'flow delete', 'flow chat', 'webhook run', 'webhook import']) {
			const help = await drawbridge.cli([...command.split(' '), '--help'])
			assert.equal(help.status, 0, command)
			assert.ok(help.stdout.includes(`drawbridge ${command}`), command)
			if (!['flow list', 'webhook import'].includes(command))
				assert.equal((await drawbridge.cli(command.split(' '))).status, 2, command)
			assert.equal((await drawbridge.cli([...command.split(' '), '--no-such-option'])).status, 2, command)
		}
	})

	it('bad input names the file, and the line or the pointer', async () => {
		const broken = file('broken.json', '{"name": "x",\n "blocks": [}')
		const list = file('list.json', '[]')
		const member = file('member.json', '{"format": "drawbridge-flow/1", "flow": {}, "extra": 1}')
		const format = file('format.json', '{"format": "drawbridge-flow/9", "flow": {}}')
		const hook = file('hook.json', '{"request": {"method": "GET", "url": "https://x.example/", "bogus": 1}}')
		const unknown = file('unknown.json', '{"requests": {}}')
		const cases = [
			[['flow', 'import', broken], 2, /broken\.json is no JSON: line 2, column 13/],
			[['flow', 'import', list], 2, /list\.json must be a JSON object/],
			[['flow', 'import', join(folder, 'none.json')], 1, /none\.json/],
			[['flow', 'import', member], 1, /\/extra/],
			[['flow', 'import', format], 1, /\/format/],
			[['flow', 'import', broken, '--replace', 'x'], 2, /line 2/],
			[['flow', 'export', 'nobody'], 3, /nobody/], [['flow', 'publish', 'nobody'], 3, /nobody/],
			[['flow', 'chat', 'nobody'], 3, /nobody/], [['flow', 'show', 'nobody'], 3, /nobody/],
			[['webhook', 'run', '-f', broken], 2, /broken\.json is no JSON: line 2/],
			[['webhook', 'run', '-f', list], 2, /list\.json must be a JSON object/],
			[['webhook', 'run', '-f', join(folder, 'none.json')], 1, /none\.json/],
			[['webhook', 'run', '-f', hook], 1, /\/request\/bogus/],
			[['webhook', 'run', '-f', unknown], 1, /\/requests/],
			[['webhook', 'run', '-f', hook, '--input', 'novalue'], 2, /--input/],
			[['webhook', 'run', '-f', hook, '--variables', broken], 2, /broken\.json/]
		]
		const wrong = []
		for (const [args, status, said] of cases) {
			const result = await drawbridge.cli(args)
			if (result.status !== status || !said.test(result.stderr))
				wrong.push(`${args.join(' ')}: ${result.status} ${result.stderr}`)
		}
		assert.deepEqual(wrong, [])
	})

	it('a flow with problems is a draft all the same, and publishing it fails', async () => {
		const bad = file('bad.json', JSON.stringify({ name: 'Bad', blocks: [{ id: 'start', type: 'start', paths: { next: 'gone' } }] }))
		const made = await drawbridge.cli(['flow', 'import', bad])
		assert.equal(made.status, 0, made.stderr)
		assert.match(made.stdout, /error +start +\/blocks\/0\/paths\/next +There is no block "gone"/)
		const refused = await drawbridge.cli(['flow', 'publish', 'bad'])
		assert.equal(refused.status, 1)
		assert.match(refused.stderr, /1 error\.\n {2}\/blocks\/0\/paths\/next: There is no block "gone"\.\n/)
		const json = await drawbridge.cli(['flow', 'show', 'bad', '--json'])
		assert.equal(JSON.parse(json.stdout).problems[0].code, 'no_such_block')
		assert.equal(JSON.parse((await drawbridge.cli(['flow', 'list', '--json'])).stdout).items[0].errors, 1)
	})
})
