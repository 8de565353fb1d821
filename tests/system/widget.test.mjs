// SPDX-License-Identifier: Apache-2.0
/* What pages of other sites may do with a flow's widget: CORS by exact origin, no credentials, refusals that can be read. */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, startDrawbridge } from '../support/drawbridge.mjs'
import { request } from '../support/http.mjs'
import { sleep, suite } from '../support/scope.mjs'

const page = 'https://shop.example', other = 'http://localhost:8080'
/* none of these is an origin of the list */
const strangers = ['https://evil.example', 'null', 'http://shop.example', 'https://shop.example:8443', 'https://shop.example:443',
	'https://Shop.example', 'HTTPS://shop.example', 'https://shop.example/', 'https://shop.example.evil.example',
	'https://evilshop.example', 'https://www.shop.example', 'https://shop.example ,https://evil.example', '*', 'http://localhost',
	`https://${'a'.repeat(300)}.example`, '']

suite('the widget\'s side of the API', (scope) => {
	let drawbridge, flow, off, draft

	const blocks = [{ id: 'start', type: 'start', paths: { next: 'ask' } },
		{ id: 'ask', type: 'question', text: 'Who?', variable: 'who', paths: { next: 'end' } },
		{ id: 'end', type: 'end', text: 'Bye {{input.who}}' }]

	async function make(widget, publish = true) {
		const { id, errors, problems } = await drawbridge.must('POST', '/v1/flows', { draft: { name: 'Widget', blocks,
			channels: { widget } } })
		assert.equal(errors, 0, JSON.stringify(problems))
		if (publish)
			await drawbridge.must('POST', `/v1/flows/${id}/publish`, {})
		return id
	}

	before(async () => {
		drawbridge = await startDrawbridge(scope, { flags: ['--trusted-proxy', '127.0.0.1'] })
		const widget = { enabled: true, origins: [page, other], title: 'Help', greeting: 'Hello', colour: '#0a6cff' }
		flow = await make(widget)
		off = await make({ ...widget, enabled: false })
		draft = await make(widget, false)
	})

	const ask = (method, path, { origin, token, body, ...headers } = {}) => request(drawbridge.url + path, { method, body,
		headers: { ...origin !== undefined && { origin }, ...token && { authorization: `Bearer ${token}` }, ...headers } })
	const begin = (options) => ask('POST', `/v1/flows/${flow}/conversations`, { origin: page, body: {}, ...options })
	const preflight = (path, origin, method = 'POST') => ask('OPTIONS', path, { origin, 'access-control-request-method': method,
		'access-control-request-headers': 'authorization,content-type' })

	/* Readable by this origin alone, and never with credentials. */
	function readable(answer, origin) {
		assert.equal(answer.headers['access-control-allow-origin'], origin)
		assert.equal(answer.headers['access-control-allow-credentials'], undefined)
		assert.match(answer.headers.vary, /\bOrigin\b/)
	}

	it('answers preflights of listed origins, in all the ways there are', async () => {
		const talk = (await begin()).json
		for (const path of [`/v1/flows/${flow}/conversations`, `/v1/conversations/${talk.id}`, `/v1/conversations/${talk.id}?after=3`,
			`/v1/conversations/${talk.id}/messages`, `/v1/conversations/${talk.id}/events?after=3`]) {
			const answer = await preflight(path, page)
			assert.deepEqual([answer.status, answer.text], [204, ''], path)
			readable(answer, page)
			assert.equal(answer.headers['access-control-allow-methods'], 'GET, POST, DELETE')
			assert.equal(answer.headers['access-control-allow-headers'], 'Authorization, Content-Type, Last-Event-ID')
		}
	})

	it('refuses every other origin, byte for byte', async () => {
		const talk = (await begin()).json
		for (const origin of strangers) {
			for (const path of [`/v1/flows/${flow}/conversations`, `/v1/conversations/${talk.id}/messages`]) {
				const answer = await preflight(path, origin)
				assert.deepEqual([answer.status, answer.json.code], [403, 'wrong_origin'], `${origin} ${path}`)
				readable(answer, undefined)
			}
			const begun = await begin({ origin })
			assert.deepEqual([begun.status, begun.json.code], [403, 'origin_not_allowed'], origin)
			readable(begun, undefined)
			const shown = await ask('GET', `/v1/flows/${flow}/widget`, { origin })
			assert.deepEqual([shown.status, shown.json.code, shown.text.includes('Hello')], [403, 'wrong_origin', false], origin)
		}
	})

	it('knows a conversation\'s own origin from another of the list', async () => {
		const talk = (await begin()).json
		assert.equal((await preflight(`/v1/conversations/${talk.id}`, other)).status, 403)
		const look = await ask('GET', `/v1/conversations/${talk.id}`, { origin: other, token: talk.token })
		assert.deepEqual([look.status, look.json.code], [403, 'wrong_origin'])
		readable(look, undefined)
	})

	it('tells the page what its widget shows, and refuses readably', async () => {
		const shown = await ask('GET', `/v1/flows/${flow}/widget`, { origin: page })
		assert.deepEqual([shown.status, shown.json], [200, { flow, title: 'Help', greeting: 'Hello', colour: '#0a6cff' }])
		readable(shown, page)
		const refused = await ask('GET', `/v1/flows/${flow}/widget`, { origin: 'https://evil.example' })
		readable(refused, 'https://evil.example')
		assert.match(refused.json.detail, /not for pages of https:\/\/evil\.example/)
		assert.equal((await ask('GET', `/v1/flows/${flow}/widget`)).status, 200)
	})

	it('says nothing of flows that are not published, or whose widget is off', async () => {
		const answers = []
		for (const id of [off, draft, 'no_such_flow']) {
			const shown = await ask('GET', `/v1/flows/${id}/widget`, { origin: page })
			readable(shown, page)
			answers.push([shown.status, shown.text])
			assert.equal((await preflight(`/v1/flows/${id}/conversations`, page)).status, 403)
		}
		assert.deepEqual(answers, Array(3).fill([404, answers[0][1]]))
	})

	it('lets the page read what is wrong', async () => {
		const talk = (await begin()).json, strange = (await begin()).json
		const messages = `/v1/conversations/${talk.id}/messages`
		const says = async (expected, answer) => {
			assert.deepEqual([answer.status, answer.json.code], expected)
			readable(answer, page)
		}
		await says([400, 'unknown_field'], await begin({ body: { sessions: {} } }))
		await says([400, 'invalid_request'], await ask('POST', messages, { origin: page, token: talk.token, body: {} }))
		await says([401, 'unauthorized'], await ask('POST', messages, { origin: page, token: strange.token, body: { text: 'x' } }))
		await says([401, 'unauthorized'], await ask('POST', messages, { origin: page, body: { text: 'x' } }))
		await says([401, 'unauthorized'], await ask('GET', `/v1/conversations/${talk.id}/events`, { origin: page, token: strange.token }))
		await ask('POST', messages, { origin: page, token: talk.token, body: { text: 'Ann' } })
		await says([409, 'conversation_ended'], await ask('POST', messages, { origin: page, token: talk.token, body: { text: 'x' } }))
	})

	const json = { 'content-type': 'application/json' }
	/* Refused by its length, and sent to its end all the same. */
	const huge = { body: 'x'.repeat(3_000_000), ...json }

	/* [status, code, method, path, request]: what no handler is asked about. */
	const early = (talk) => {
		const path = `/v1/conversations/${talk.id}`, begins = `/v1/flows/${flow}/conversations`, { token } = talk
		return {
			ofTalk: [
				[413, 'too_large', 'POST', `${path}/messages`, { token, body: { text: 'x'.repeat(20_000) } }],
				[413, 'too_large', 'POST', `${path}/messages`, { token, ...huge }],
				[413, 'too_large', 'DELETE', path, { token, body: 'x'.repeat(10), ...json }],
				[400, 'invalid_json', 'POST', `${path}/messages`, { token, body: '{"text": ', ...json }],
				[400, 'invalid_json', 'POST', `${path}/messages`, { token, body: '', ...json }],
				[400, 'invalid_request', 'GET', `${path}?before=1`, { token }],
				[400, 'invalid_request', 'GET', `${path}?after=x`, { token }],
				[400, 'invalid_request', 'GET', `${path}/events?after=x`, { token }],
				[400, 'invalid_request', 'POST', `${path}/messages?wait=99`, { token, body: { text: 'x' } }],
				[405, 'method_not_allowed', 'GET', `${path}/messages`, { token }],
				[405, 'method_not_allowed', 'PUT', path, { token, body: {} }],
				[405, 'method_not_allowed', 'POST', `${path}/events`, { token, body: 'x'.repeat(100_000), ...json }]
			],
			ofFlow: [
				[413, 'too_large', 'POST', begins, { body: { session: { text: 'x'.repeat(80_000) } } }],
				[400, 'invalid_json', 'POST', begins, { body: '[', ...json }],
				[400, 'invalid_request', 'POST', `${begins}?x=1`, { body: {} }],
				[405, 'method_not_allowed', 'GET', begins, {}]
			]
		}
	}

	it('lets the page read what is refused before anybody is asked', async () => {
		const talk = (await begin()).json, { ofTalk, ofFlow } = early(talk)
		for (const [status, code, method, path, more] of [...ofTalk, ...ofFlow]) {
			const answer = await ask(method, path, { origin: page, ...more })
			assert.deepEqual([answer.status, answer.json?.code], [status, code], `${method} ${path}`)
			readable(answer, page)
			if (status === 405)
				assert.match(answer.headers.allow, /[A-Z]/)
		}
		/* nothing of all that was taken */
		const { json } = await ask('GET', `/v1/conversations/${talk.id}`, { origin: page, token: talk.token })
		assert.equal(json.messages.filter(({ from }) => from === 'visitor').length, 0)
	})

	it('lets no other page read that, whatever it knows', async () => {
		const { ofTalk, ofFlow } = early((await begin()).json)
		const never = ['https://evil.example', 'null', `${page}.evil.example`, page.toUpperCase(), `${page}/`, `${page}:8443`, '*', '']
		for (const origin of [...never, other])
			for (const [status, code, method, path, more] of ofTalk)
				assert.equal((await ask(method, path, { origin, ...more })).headers['access-control-allow-origin'], undefined,
					`${origin} ${method} ${path} ${status} ${code}`)
		for (const origin of never)
			for (const [,, method, path, more] of ofFlow)
				assert.equal((await ask(method, path, { origin, ...more })).headers['access-control-allow-origin'], undefined,
					`${origin} ${method} ${path}`)
		/* the other page of the list may begin, too */
		readable(await ask('POST', `/v1/flows/${flow}/conversations`, { origin: other, body: '[', 'content-type': 'application/json' }), other)
	})

	it('lets no page read it of a conversation that was begun on none, or of a flow that is not for pages', async () => {
		const talk = await drawbridge.must('POST', `/v1/flows/${flow}/conversations`, {})
		for (const [,, method, path, more] of early(talk).ofTalk)
			assert.equal((await ask(method, path, { origin: page, ...more })).headers['access-control-allow-origin'], undefined, path)
		for (const id of [off, draft, 'no_such_flow', '%00', '..'])
			for (const body of ['[', 'x'.repeat(80_000)]) {
				const answer = await ask('POST', `/v1/flows/${id}/conversations`, { origin: page, body, 'content-type': 'application/json' })
				assert.ok(answer.status >= 400 && answer.status < 500, `${id} ${answer.status}`)
				assert.equal(answer.headers['access-control-allow-origin'], undefined, id)
			}
	})

	it('opens no other refusal to pages', async () => {
		for (const [method, path, more] of [['POST', '/v1/flows', huge], ['PUT', '/v1/connections', {}], ['PATCH', '/v1/session', {}],
			['POST', '/v1/session', { body: '{', 'content-type': 'application/json' }], ['GET', '/v1/nothing', {}],
			['POST', '/connect/visitor', huge], ['PUT', '/connect/visitor', {}], ['GET', `/v1/flows/${flow}/nothing`, {}]]) {
			const answer = await ask(method, path, { origin: page, ...more })
			assert.ok(answer.status >= 400, path)
			assert.equal(answer.headers['access-control-allow-origin'], undefined, `${method} ${path}`)
		}
	})

	it('tells a page that its conversation is not there any more', async () => {
		const path = '/v1/conversations/01arz3ndektsv4rrffq69g5fav'
		const answer = await preflight(`${path}?after=0`, page, 'GET')
		assert.equal(answer.status, 204)
		const look = await ask('GET', path, { origin: page, token: `dbc_${'x'.repeat(43)}` })
		assert.deepEqual([look.status, look.json.code], [401, 'unauthorized'])
		readable(look, page)
	})

	it('streams to the conversation\'s own page, with its fields', async () => {
		const talk = (await begin()).json
		const stream = await request(`${drawbridge.url}/v1/conversations/${talk.id}/events`, { stream: true,
			headers: { origin: page, authorization: `Bearer ${talk.token}` } })
		assert.equal(stream.headers['content-type'], 'text/event-stream')
		readable(stream, page)
		stream.destroy()
	})

	it('opens nothing else of the API to pages of other sites', async () => {
		for (const path of ['/v1/flows', `/v1/flows/${flow}`, '/v1/me', '/v1/connections', '/v1/session']) {
			const answer = await preflight(path, page, 'GET')
			assert.equal(answer.headers['access-control-allow-origin'], undefined, path)
			const got = await ask('GET', path, { origin: page, token: drawbridge.key })
			assert.equal(got.headers['access-control-allow-origin'], undefined, path)
		}
	})

	it('takes Drawbridge\'s own pages where the widget is on', async () => {
		const own = drawbridge.publicUrl
		const begun = await begin({ origin: own })
		assert.equal(begun.status, 201, begun.text)
		assert.equal((await ask('GET', `/v1/conversations/${begun.json.id}`, { origin: own, token: begun.json.token })).status, 200)
		const closed = await ask('POST', `/v1/flows/${off}/conversations`, { origin: own, body: {} })
		assert.equal(closed.status, 403)
	})

	it('bounds what one address begins, and the page can read for how long', async () => {
		const from = { 'x-forwarded-for': '203.0.113.7' }
		const answers = await Promise.all(Array.from({ length: 70 }, () => begin(from)))
		const late = answers.find(({ status }) => status === 429)
		assert.equal(late?.json.code, 'rate_limited')
		readable(late, page)
		/* one more is taken each second */
		assert.match(late.headers['retry-after'], /^[12]$/)
		await sleep(Number(late.headers['retry-after']) * 1000)
		assert.equal((await begin(from)).status, 201)
		assert.match(late.headers['access-control-expose-headers'], /Retry-After/)
	})

	it('serves its files to every site, and the studio\'s to none', async () => {
		const loader = await ask('GET', '/widget.js', { origin: page })
		assert.deepEqual([loader.status, loader.headers['content-type']], [200, 'text/javascript; charset=utf-8'])
		const names = /const files = \[([^\]]+)\]/.exec(loader.text)[1].match(/\w+/g)
		assert.deepEqual(names.map((name) => `${name}.js`).sort(), readdirSync(join(root, 'web/widget')).sort())
		for (const path of ['/widget.js', ...names.map((name) => `/widget/${name}.js`)]) {
			const { status, headers } = await ask('GET', path, { origin: page })
			assert.deepEqual([status, headers['access-control-allow-origin'], headers['cross-origin-resource-policy'],
				headers['x-content-type-options'], headers['access-control-allow-credentials']],
			[200, '*', 'cross-origin', 'nosniff', undefined], path)
			const again = await ask('GET', path, { 'if-none-match': headers.etag })
			assert.equal(again.status, 304)
		}
		for (const path of ['/', '/js/app.js', '/app.css', '/chat/x', '/widget', '/widget/', '/widget/no.js', '/widget.json'])
			assert.equal((await ask('GET', path, { origin: page })).headers['access-control-allow-origin'], undefined, path)
	})

	it('has a page that is all widget, under a policy of its own', async () => {
		const answer = await ask('GET', '/chat/any-flow')
		assert.equal(answer.status, 200)
		const policy = answer.headers['content-security-policy']
		assert.match(policy, /^default-src 'none'; script-src 'self';/)
		assert.match(policy, /require-trusted-types-for 'script'/)
		assert.doesNotMatch(policy, /unsafe/)
		assert.ok(!answer.text.includes('any-flow'))
	})
})

suite('the widget\'s stream parser', () => {
	let EventParser

	before(async () => {
		const text = readFileSync(join(root, 'web/widget/events.js'))
		EventParser = (await import(`data:text/javascript;base64,${text.toString('base64')}`)).EventParser
	})

	function parse(...parts) {
		const events = []
		const parser = new EventParser((event) => events.push(event))
		for (const part of parts)
			parser.push(part)
		return events
	}

	it('reads events, whatever ends their lines and wherever they are cut', () => {
		const text = '\uFEFFid: 1\nevent: message\ndata: {"a":\r\ndata:1}\r\n\r\n: still here\n\ndata\n\nevent: state\rdata:  x\r\rdata: cut'
		const expected = [{ event: 'message', data: '{"a":\n1}' }, { event: 'message', data: '' }, { event: 'state', data: ' x' }]
		assert.deepEqual(parse(text), expected)
		for (let at = 0; at <= text.length; at++)
			assert.deepEqual(parse(text.slice(0, at), text.slice(at)), expected, `cut at ${at}`)
		assert.deepEqual(parse(...text), expected)
	})

	it('does not grow without bound', () => {
		const megabyte = 'x'.repeat(1024 * 1024)
		assert.throws(() => parse('data: ', megabyte), RangeError)
		assert.throws(() => parse(megabyte, megabyte), RangeError)
		assert.throws(() => parse(...Array.from({ length: 20 }, () => `data: ${'x'.repeat(99_000)}\n`)), RangeError)
		assert.equal(parse(...Array.from({ length: 20 }, () => `data: ${'x'.repeat(99_000)}\n\n`)).length, 20)
	})
})
