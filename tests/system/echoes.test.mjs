// SPDX-License-Identifier: Apache-2.0
/*
 * Services that give the credential back: a connection's test and a look-up never show it as the account's name, and
 * with --scrub no answer of the gateway has it, in whatever pieces it comes.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import http from 'node:http'
import { before, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { startApi } from '../support/api.mjs'
import { basicService, bearerService, keyService, service } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { listen } from '../support/http.mjs'
import { connectRaw } from '../support/raw.mjs'
import { eventually, sleep, suite } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const token = 'echoed/token+Zq81<4711>'
const json = (response, value, headers = {}) => {
	const bytes = Buffer.from(JSON.stringify(value))
	response.writeHead(200, { 'content-type': 'application/json', 'content-length': bytes.length, ...headers }).end(bytes)
}
const spellings = [token, encodeURIComponent(token), Buffer.from(token).toString('base64'),
	Buffer.from(`user:${token}`).toString('base64').slice(8), JSON.stringify(token).slice(1, -1), token.replace('/', '\\/')]
const assertMasked = (text, what) => {
	for (const each of spellings)
		assert.ok(!text.includes(each), `${what}: ${text.slice(0, 300)}`)
}

suite('echoes', (scope) => {
	let api, drawbridge, link
	const gate = {}

	const routes = {
		/* the credential as the account's name, in several spellings */
		'/me': (request, response) => json(response, { plain: token, bearer: request.headers.authorization,
			basic: Buffer.from(`ab:${token}`).toString('base64'), long: `${'x'.repeat(250)}${token}`, name: 'Ada' }),
		/* one byte at a time */
		async '/drip'(request, response) {
			response.writeHead(200, { 'content-type': 'text/plain' })
			for (const each of `<${token}|${token}>`) {
				response.write(each)
				await sleep(1)
			}
			response.end()
		},
		/* what only begins like it, and then what is the whole of it */
		'/begins'(request, response) {
			response.writeHead(200, { 'content-type': 'text/event-stream' })
			response.write(`data: one\n\ndata: ${token.slice(0, 9)}`)
			gate.open = () => response.end(`!\n\n${token.slice(0, -1)}`)
		},
		'/big'(request, response) {
			const bytes = Buffer.alloc(3_000_000, `${'.'.repeat(1013)}${token}`)
			response.writeHead(200, { 'content-length': bytes.length })
			response.end(bytes)
		},
		'/gzip': (request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(token)),
		'/head': (request, response) => response.writeHead(200, { 'x-echo': `is ${token}.`, [`x-${'n'.repeat(3)}`]: '1',
			location: `/next?t=${encodeURIComponent(token)}`, 'content-length': 0 }).end()
	}

	before(async () => {
		api = await startApi(scope, { check: (given) => given === token, routes })
		drawbridge = await startDrawbridge(scope, { flags: ['--scrub'] })
		await addService(drawbridge, bearerService('echoing', api))
		;({ link_name: link } = await newConnection(drawbridge, 'echoing', { credentials: { token } }))
	})

	it('a connection\'s test shows the account\'s name without the credential, in whatever spelling it comes', async () => {
		for (const [path, expected] of [['name', /^Ada$/], ['plain', /^\*{23}$/], ['bearer', /^Bearer \*{23}$/],
			['basic', /^YWI.\*+.{0,4}$/], ['long', /^x{250}\*{5}$/]]) {
			const id = `account_${path}`
			await addService(drawbridge, bearerService(id, { url: api.url, base: { tests: [{ path: '/me', account: path }] } }))
			const made = await newConnection(drawbridge, id, { credentials: { token } })
			const tested = await drawbridge.must('POST', `/v1/connections/${made.link_name}/test`)
			assert.equal(tested.ok, true, JSON.stringify(tested))
			assert.match(tested.account, expected)
			assertMasked(JSON.stringify(tested), path)
			assert.match((await drawbridge.connection(made.link_name)).account, expected)
		}
	})

	it('of user name and password the name is shown, and neither the password nor the pair', async () => {
		const user = 'ada@x.test', password = 'echoed-word-4711'
		const pair = Buffer.from(`${user}:${password}`).toString('base64')
		const port = await listen(scope, http.createServer(({ headers: { authorization } }, response) =>
			json(response, { user, authorization, both: `${user}:${password}` })))
		const url = `http://127.0.0.1:${port}`
		for (const [path, expected] of [['user', user], ['authorization', `Basic ${'*'.repeat(pair.length)}`],
			['both', `${user}:${'*'.repeat(password.length)}`]]) {
			await addService(drawbridge, basicService(`basic_${path}`, { url, base: { tests: [{ path: '/me', account: path }] } }))
			const { link_name: made } = await newConnection(drawbridge, `basic_${path}`, { credentials: { username: user, password } })
			assert.equal((await drawbridge.must('POST', `/v1/connections/${made}/test`)).account, expected)
			/* and of one that replaces it, by the keeper's own test */
			assert.equal((await drawbridge.api('PUT', `/v1/connections/${made}/credentials`, { username: user, password })).status, 200)
			const { account } = await drawbridge.connection(made)
			assert.equal(account, expected.replace(/\*+/, '\u2022\u2022\u2022'))
			const { json: answer } = await drawbridge.via(made, '/me')
			assert.deepEqual(answer, { user, authorization: `Basic ${'*'.repeat(pair.length)}`, both: `${user}:${'*'.repeat(password.length)}` })
		}
	})

	it('a look-up that answers with the token is no account\'s name', async () => {
		const port = await listen(scope, http.createServer((request, response) => request.resume().on('end', () =>
			json(response, { access_token: token, token_type: 'Bearer', expires_in: 3600 }))))
		const machine = (id, account) => service(id, api, { id: 'machine', kind: 'oauth2_client_credentials', name: 'Machine',
			token: { url: `http://127.0.0.1:${port}/token`, client_auth: 'body' }, lookups: [{ url: `${api.url}/me`, account }] })
		for (const [path, expected] of [['plain', null], ['bearer', null], ['name', 'Ada']]) {
			const id = await addService(drawbridge, machine(`looked_${path}`, path),
				{ client_id: 'machine', client_secret: 'machine-secret-88123' })
			const { link_name: made } = await newConnection(drawbridge, id, {})
			const { account, status } = await drawbridge.connection(made)
			assert.equal(status, 'connected')
			assert.equal(account, expected, path)
		}
	})

	it('with --scrub no answer on /via has it, in fields or body, whole or in pieces', async () => {
		for (const path of ['/leak', '/me', '/drip', '/head']) {
			const answer = await drawbridge.via(link, path)
			assert.equal(answer.status, 200, answer.text)
			assertMasked(JSON.stringify(answer.headers) + answer.text, path)
		}
		assert.equal((await drawbridge.via(link, '/drip')).text, `<${'*'.repeat(23)}|${'*'.repeat(23)}>`)
		assert.match((await drawbridge.via(link, '/head')).headers['x-echo'], /^is \*{23}\.$/)
	})

	it('what only begins like it comes as it was, and what does not, at once', async () => {
		const raw = connectRaw(scope, drawbridge.port)
		raw.send(`GET /via/${link}/begins HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${drawbridge.key}\r\n\r\n`)
		assert.equal((await raw.head()).status, 200)
		await eventually('the first event', () => raw.buffered.includes('data: one'))
		assert.ok(!raw.buffered.includes(token.slice(0, 9)))
		gate.open()
		await eventually('the end', () => raw.buffered.toString().endsWith('0\r\n\r\n'))
		assert.equal(raw.buffered.toString().replace(/\r\n[0-9a-f]+\r\n|^[0-9a-f]+\r\n|\r\n$/g, '').replace(/\r\n/g, ''),
			`data: one\n\ndata: ${token.slice(0, 9)}!\n\n${token.slice(0, -1)}`)
	})

	it('a large answer keeps its length, and everything but the secrets', async () => {
		const { headers, text } = await drawbridge.via(link, '/big')
		const expected = Buffer.alloc(3_000_000, `${'.'.repeat(1013)}${'*'.repeat(token.length)}`).toString()
		/* what was cut off at the end is no secret */
		const tail = 3_000_000 % (1013 + token.length) - 1013
		const whole = tail > 0 ? expected.slice(0, -tail) + token.slice(0, tail) : expected
		assert.equal(headers['content-length'], '3000000')
		assert.equal(createHash('sha256').update(text).digest('hex'), createHash('sha256').update(whole).digest('hex'))
		assert.equal((await drawbridge.via(link, '/large?bytes=5000000&chunked=1')).text.length, 5_000_000)
	})

	it('no compressed or partial answer is asked for, and a compressed one that comes is refused', async () => {
		const part = { range: 'bytes=0-4', Range_: 'bytes=0-4', 'if-range': '"x"', 'request-range': 'bytes=0-4',
			x_ms_range: 'bytes=0-4' }
		const headers = { 'accept-encoding': 'gzip, br', ...part }
		assert.equal((await drawbridge.via(link, '/echo', { headers })).status, 200)
		const seen = api.last().headers
		assert.equal(seen['accept-encoding'], 'identity')
		assert.deepEqual(Object.keys(seen).filter((name) => /range/.test(name)), [])
		const answer = await drawbridge.via(link, '/gzip')
		assert.equal(answer.status, 502)
		assert.equal(answer.headers['drawbridge-error'], 'upstream_malformed')
		assert.match(answer.json.detail, /compressed/)
		assert.equal((await drawbridge.via(link, '/gzip', { method: 'HEAD' })).status, 200)
	})

	it('an answer that is cut is cut, and the connection of a whole one is used again', async () => {
		await assert.rejects(drawbridge.via(link, '/cut'))
		await assert.rejects(drawbridge.via(link, '/cut-chunked'))
		const opened = api.connections
		for (let n = 0; n < 30; n++)
			assert.equal((await drawbridge.via(link, '/leak')).status, 200)
		assert.ok(api.connections - opened < 30, `${api.connections - opened} connections`)
	})

	it('without --scrub the gateway gives what the service gave', async () => {
		const plain = await startDrawbridge(scope)
		await addService(plain, keyService('echoing', api, { in: 'header', name: 'Authorization', value: 'Bearer {api_key}' }))
		const { link_name: there } = await newConnection(plain, 'echoing', { credentials: { api_key: token } })
		const headers = { 'accept-encoding': 'gzip', range: 'bytes=0-4' }
		const answer = await plain.via(there, '/leak', { headers })
		assert.equal(answer.json.authorization, `Bearer ${token}`)
		assert.equal(api.last().headers['accept-encoding'], 'gzip')
		assert.equal(api.last().headers.range, 'bytes=0-4')
	})
})
