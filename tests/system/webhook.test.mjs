// SPDX-License-Identifier: Apache-2.0
/* What a webhook block sends: each kind of body as a real receiver reads it, and what people are shown of it. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, it } from 'node:test'
import { Contract } from '../support/contract.mjs'
import { keyService, openService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { signedIn } from '../support/members.mjs'
import { startReceiver, reply } from '../support/receiver.mjs'
import { suite, temporaryFolder } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const hostile = ['plain', '', 'a"b', "it's", 'back\\slash', 'a&evil=1', 'a;b', 'a=b', '100% sure', '../../etc/passwd', '?x#y',
	']]><evil/>&lt;', '{{input.other}}', '@input.other', '","evil":"1', 'a\r\nX-Evil: 1', 'line\nbreak', 'tab\there',
	'ünïcödé € 😀', '--boundary\r\nContent-Disposition: form-data; name="evil"\r\n\r\n1']

suite('a webhook\'s request', (scope) => {
	const contract = new Contract()
	let drawbridge, receiver, link

	before(async () => {
		receiver = await startReceiver(scope)
		drawbridge = await startDrawbridge(scope)
		const service = await addService(drawbridge, keyService('receiver', receiver))
		link = (await newConnection(drawbridge, service, { credentials: { api_key: 'receiver-key-4711' } })).link_name
	})

	/* A run whose answer is as the contract says. */
	async function run(request, { connection = link, ...more } = {}, status = 200) {
		const body = { request, connection, ...more }
		const answer = await drawbridge.api('POST', '/v1/webhooks/run', body)
		contract.answer('runWebhook', answer)
		assert.equal(answer.status, status, answer.text)
		if (status === 200)
			contract.request('runWebhook', { body })
		return answer.json
	}

	const post = (body, more) => ({ method: 'POST', url: '/hook', body, ...more })

	it('a multipart body is read by busboy, value for value', async () => {
		const bytes = Buffer.from([0, 13, 10, 45, 45, 255, 0])
		for (const value of hostile) {
			const result = await run(post({ type: 'multipart', content: [
				{ name: 'text', value: '{{input.v}}' },
				{ name: 'gone', value: 'x', off: true },
				{ name: 'file', filename: 'r.bin', content_type: 'image/png', content_base64: bytes.toString('base64') }
			] }), { input: { v: value, other: 'NO' } })
			assert.equal(result.response.status, 200, JSON.stringify(result))
			const { fields, files } = receiver.last()
			assert.deepEqual(fields, [{ name: 'text', value, type: 'text/plain' }])
			assert.equal(files.length, 1)
			assert.deepEqual({ ...files[0], bytes: undefined }, { name: 'file', filename: 'r.bin', type: 'image/png',
				bytes: undefined })
			assert.ok(files[0].bytes.equals(bytes))
		}
	})

	it('a name of a part and of a file stays one name', async () => {
		await run(post({ type: 'multipart', content: [{ name: 'a{{input.v}}', filename: '{{input.v}}.txt', value: 'x' },
			{ name: 'last', value: 'y' }] }), { input: { v: 'q"; name="evil\r\nX: y' } })
		assert.equal(receiver.last().files.length, 1)
		assert.equal(receiver.last().files[0].bytes.toString(), 'x')
		assert.deepEqual(receiver.last().fields.map(({ name }) => name), ['last'])
	})

	it('a form is read by busboy, value for value', async () => {
		for (const value of hostile) {
			await run(post({ type: 'form', content: [{ name: 'v', value: '{{input.v}}' }, { name: '{{input.v}}', value: 'n' }] }),
				{ input: { v: value } })
			assert.deepEqual(receiver.last().fields.map(({ name, value: v }) => [name, v]), [['v', value], [value, 'n']])
		}
	})

	it('XML is read by fast-xml-parser, and stays one element', async () => {
		for (const value of hostile.filter((each) => !/\r/.test(each))) {
			await run(post({ type: 'xml', content: '<?xml version="1.0"?><t a="{{input.v}}"><s>{{input.v}}</s><c><![CDATA[{{input.v}}]]></c></t>' }),
				{ input: { v: value } })
			assert.equal(receiver.last().error, undefined)
			const { t } = receiver.last().xml
			assert.deepEqual(Object.keys(t).sort(), ['@_a', 'c', 's'])
			assert.equal(t.c, value)
			assert.equal(receiver.last().headers['content-type'], 'application/xml')
		}
	})

	it('JSON keeps its types, and a value never makes a member', async () => {
		const content = { n: '{{input.n}}', list: ['{{input.list}}', '{{input.v}}'], 'k{{input.v}}': 1, nested: { b: '@input.b' } }
		for (const value of hostile) {
			await run(post({ type: 'json', content }), { input: { v: value, n: 12.5, list: [1, { x: null }], b: false } })
			assert.deepEqual(receiver.last().json, { n: 12.5, list: [[1, { x: null }], value], 'k{{input.v}}': 1,
				nested: { b: false } })
		}
	})

	it('text goes as it is', async () => {
		await run(post({ type: 'text', content: 'Hello {{input.v}}' }), { input: { v: 'ünï\r\n' } })
		assert.equal(receiver.last().body.toString(), 'Hello ünï\r\n')
		assert.equal(receiver.last().headers['content-type'], 'text/plain; charset=utf-8')
	})

	it('GraphQL is answered by graphql-http, with variables of their types', async () => {
		const result = await run({ method: 'POST', url: '/graphql', body: { type: 'graphql', content: {
			query: 'query F($where: Where!, $id: ID!) { find(where: $where) { subject } ticket(id: $id) { id subject } }',
			operation_name: 'F', variables: { id: '{{input.id}}', where: { words: '{{input.words}}', open: '{{input.open}}' } }
		} } }, { input: { id: 'x" ) { evil }', words: ['a', 'b'], open: true }, response_list: [{ codes: ['200'],
			mappings: [{ variable: 'subject', from: '$.data.ticket.subject' }, { variable: 'all', from: '$.data.find[*].subject' }] }] })
		assert.equal(result.path, '200', JSON.stringify(result))
		assert.deepEqual(result.variables, { subject: 'subject of x" ) { evil }', all: ['a true', 'b true'] })
	})

	it('query and path keep their shape', async () => {
		for (const value of hostile) {
			const result = await run({ method: 'GET', url: '/a/{{input.v}}/b?own=1', query: [{ name: 'q', value: '{{input.v}}' },
				{ name: 'x', value: 'y' }, { name: 'not', value: 'z', off: true }] }, { input: { v: value } })
			if (value === '' || /[\r\n\t]|\.\./.test(value)) {
				assert.equal(result.problem.code, 'invalid_request', value)
				assert.equal(result.path, 'no_answer')
				continue
			}
			assert.deepEqual(receiver.last().query, [['own', '1'], ['q', value], ['x', 'y']])
			assert.deepEqual(receiver.last().path.split('/').map(decodeURIComponent), ['', 'a', value, 'b'])
		}
	})

	it('a header holds a value or refuses it', async () => {
		const before = receiver.requests.length
		const result = await run({ method: 'GET', url: '/h', headers: [{ name: 'X-V', value: 'v={{input.v}}' }] },
			{ input: { v: 'a\r\nX-Evil: 1' } })
		assert.equal(result.path, 'no_answer')
		assert.equal(result.problem.code, 'invalid_request')
		assert.equal(result.request, null)
		assert.ok(!JSON.stringify(result).includes('X-Evil'))
		assert.equal(receiver.requests.length, before)
		await run({ method: 'GET', url: '/h', headers: [{ name: 'X-V', value: 'v={{input.v}}' },
			{ name: 'User-Agent', value: 'mine' }, { name: 'X-Api-Key', value: 'another' }, { name: 'Authorization', value: 'own' }] },
		{ input: { v: 'ok' } })
		const { headers, rawHeaders } = receiver.last()
		assert.equal(headers['x-v'], 'v=ok')
		assert.equal(headers['user-agent'], 'mine')
		assert.equal(headers['x-api-key'], 'receiver-key-4711')
		assert.equal(rawHeaders.filter((name) => /^x-api-key$/i.test(name)).length, 1)
		assert.equal(headers.authorization, 'own', 'what the connection does not set is the author\'s')
	})

	it('what is shown is what went out, with the secret masked', async () => {
		const result = await run(post({ type: 'json', content: { a: 1 } }, { headers: [{ name: 'X-Trace', value: 't' }] }))
		const shown = result.request.headers.map(({ name, value }) => `${name.toLowerCase()}: ${value}`).sort()
		const { rawHeaders } = receiver.last()
		const sent = []
		for (let i = 0; i < rawHeaders.length; i += 2)
			sent.push(`${rawHeaders[i].toLowerCase()}: ${rawHeaders[i + 1]}`)
		assert.deepEqual(shown, sent.map((line) => line.replace('receiver-key-4711', '•••')).sort())
		assert.equal(result.request.url, `${receiver.url}/hook`)
		assert.equal(result.request.body, '{"a":1}')
		assert.match(result.rule, /base URL .* of Test receiver/)
		assert.equal(typeof result.time.total_ms, 'number')
	})

	it('a key in query, form or path is shown where it is put', async () => {
		const key = 'secret-key-in-some-place'
		const cases = [
			['in_query', { in: 'query', name: 'api_key', value: '{api_key}' }, ({ url }) => assert.match(url, /\?a=1&api_key=•••$/)],
			['in_path', { in: 'path', value: '/bot{api_key}' }, ({ url }) => assert.match(url, /\/bot•••\/hook/)],
			['in_form', { in: 'form', name: 'api_key', value: '{api_key}' }, ({ body }) => assert.equal(body, 'api_key=•••')]
		]
		for (const [id, part, check] of cases) {
			const service = await addService(drawbridge, keyService(id, receiver, part))
			const { link_name: connection } = await newConnection(drawbridge, service, { credentials: { api_key: key } })
			const result = await run({ method: 'POST', url: '/hook', query: [{ name: 'a', value: '1' }] }, { connection })
			check(result.request)
			assert.ok(!JSON.stringify(result).includes(key))
			const { path, query, fields } = receiver.last()
			assert.ok(JSON.stringify([path, query, fields]).includes(key), 'it was sent')
		}
	})

	it('a service\'s own default field stands unless the author has one', async () => {
		const service = await addService(drawbridge, openService('defaults', { ...receiver,
			base: { headers: { Accept: 'application/vnd.test+json', 'X-Version': '7' } } }))
		const { link_name: connection } = await newConnection(drawbridge, service)
		await run({ method: 'GET', url: '/d' }, { connection })
		assert.equal(receiver.last().headers.accept, 'application/vnd.test+json')
		assert.equal(receiver.last().headers['x-version'], '7')
		await run({ method: 'GET', url: '/d', headers: [{ name: 'accept', value: 'text/csv' }] }, { connection })
		assert.equal(receiver.last().headers.accept, 'text/csv')
	})

	it('variables without a value are told', async () => {
		const result = await run({ method: 'GET', url: '/u', query: [{ name: 'q', value: '{{input.gone}}' },
			{ name: 'd', value: '{{input.gone2 | default: "x"}}' }] })
		assert.deepEqual(result.request.unset, ['input.gone'])
		assert.deepEqual(receiver.last().query, [['q', ''], ['d', 'x']])
	})

	it('a dry run does all but sending', async () => {
		const before = receiver.requests.length
		const result = await run(post({ type: 'form', content: [{ name: 'a', value: '{{flow.x}}' }] }),
			{ dry_run: true, variables: { flow: { x: 'y z' } } })
		assert.deepEqual([result.path, result.response, result.attempts], [null, null, 0])
		assert.equal(result.request.body, 'a=y+z')
		assert.ok(result.request.headers.some(({ name, value }) => /^x-api-key$/i.test(name) && value === '•••'))
		assert.equal(receiver.requests.length, before)
		const refused = await run({ method: 'GET', url: 'https://169.254.169.254/x' }, { connection: null, dry_run: true })
		assert.equal(refused.path, 'no_answer')
		assert.equal(refused.problem.code, 'destination_not_allowed')
		const foreign = await run({ method: 'GET', url: 'https://other.example/x' }, { dry_run: true })
		assert.equal(foreign.problem.code, 'destination_not_allowed')
		const nobody = await run({ method: 'GET', url: '/x' }, { connection: 'nobody', dry_run: true })
		assert.equal(nobody.problem.code, 'connection_not_found')
	})

	it('a document with faults is refused with all of them, and their places', async () => {
		const answer = await drawbridge.api('POST', '/v1/webhooks/run', { request: { method: 'GET', url: 'https://{{input.h}}/',
			bogus: 1, body: { type: 'json', content: {} } }, response_list: [{ codes: ['2xx', '2xx'] }] })
		contract.answer('runWebhook', answer)
		assert.equal(answer.status, 400)
		assert.equal(answer.json.pointer, '/request/bogus')
		assert.deepEqual(answer.json.problems.map(({ pointer, code }) => `${pointer} ${code}`), [
			'/request/bogus unknown_field', '/request/url template', '/request/body not_allowed', '/response_list/0/codes/1 duplicate'])
		for (const [body, pointer] of [[{ requests: {} }, '/requests'], [{ request: {}, input: [] }, '/input'],
			[{ request: {}, variables: { input: {} } }, '/variables/input'], [{ request: {}, dry_run: 'yes' }, '/dry_run']]) {
			const { status, json } = await drawbridge.api('POST', '/v1/webhooks/run', body)
			assert.equal(status, 400)
			assert.equal(json.pointer, pointer)
		}
	})

	it('callers and viewers run none; a builder none through what is not shared with him', async () => {
		const body = { request: { method: 'GET', url: '/x' }, connection: link }
		for (const role of ['caller', 'viewer']) {
			const key = await drawbridge.createKey(role)
			assert.equal((await drawbridge.api('POST', '/v1/webhooks/run', body, { key })).status, 403)
		}
		const before = receiver.requests.length
		const builder = await signedIn(drawbridge, 'builder@example.org')
		const answer = await builder.ask('POST', '/v1/webhooks/run', body)
		assert.equal(answer.status, 200, answer.text)
		assert.equal(answer.json.problem.code, 'connection_not_found')
		assert.equal(receiver.requests.length, before)
	})

	it('the command line runs it, and its exit code tells', async () => {
		const folder = temporaryFolder(scope)
		const file = join(folder, 'hook.json')
		receiver.answers['/cli'] = (request, response) => reply(response, 201, { id: 7, evil: '\u001b[31m' })
		writeFileSync(file, JSON.stringify({ request: { method: 'GET', url: '/cli', query: [{ name: 'n', value: '{{input.n}} {{flow.f}}' }] },
			connection: link, response_list: [{ codes: ['201'], mappings: [{ variable: 'id', from: '$.id' }] }] }))
		writeFileSync(join(folder, 'variables.json'), '{"flow":{"f":"F"}}')
		const good = await drawbridge.cli(['webhook', 'run', '-f', file, '--input', 'n=N 1', '--variables', join(folder, 'variables.json')])
		assert.equal(good.status, 0, good.stderr)
		assert.deepEqual(receiver.last().query, [['n', 'N 1 F']])
		assert.match(good.stdout, /^> GET .*\/cli\?n=N%201%20F$/m)
		assert.match(good.stdout, /X-Api-Key: •••/)
		assert.match(good.stdout, /^< 201$/m)
		assert.match(good.stdout, /^path: 201\nid = 7$/m)
		assert.ok(!good.stdout.includes('\u001b'))
		const dry = await drawbridge.cli(['webhook', 'run', '-f', file, '--dry-run', '--json'])
		assert.equal(dry.status, 0)
		assert.equal(JSON.parse(dry.stdout).path, null)
		const other = await drawbridge.cli(['webhook', 'run', '-f', '-'], { stdin: JSON.stringify({
			request: { method: 'GET', url: '/x' }, connection: link, response_list: [{ codes: ['404'] }] }) })
		assert.equal(other.status, 1, other.stderr)
		assert.match(other.stdout, /^path: other$/m)
		assert.equal((await drawbridge.cli(['webhook', 'run', '-f', file, '--connection', 'nobody'])).status, 3)
		writeFileSync(file, '{"request":{"method":"GET","url":"https://{{input.h}}/"}}')
		const wrong = await drawbridge.cli(['webhook', 'run', '-f', file])
		assert.notEqual(wrong.status, 0)
		assert.match(wrong.stderr, /host/)
		assert.equal((await drawbridge.cli(['webhook', 'run'])).status, 2)
	})
})
