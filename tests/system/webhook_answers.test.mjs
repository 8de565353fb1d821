// SPDX-License-Identifier: Apache-2.0
/* What a webhook block makes of answers: paths, mappings, echoes, redirects, retries, and hostile services. */
import assert from 'node:assert/strict'
import net from 'node:net'
import { before, it } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { startAuthority } from '../support/ca.mjs'
import { bearerService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { listen } from '../support/http.mjs'
import { nginxInstalled, startNginx } from '../support/nginx.mjs'
import { startReceiver, reply } from '../support/receiver.mjs'
import { freePort, sleep, suite } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const token = 'bearer/Token+4711"quoted'

/* A zstd frame (RFC 8878) of blocks that each say one byte 128 KiB long. */
function zstdBomb(blocks) {
	const block = (last) => {
		const header = (131072 << 3) | (1 << 1) | (last ? 1 : 0)
		return Buffer.from([header & 255, (header >> 8) & 255, (header >> 16) & 255, 0x61])
	}
	return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38]),
		...Array.from({ length: blocks }, (_, n) => block(n === blocks - 1))])
}

suite('a webhook\'s answer', (scope) => {
	let drawbridge, receiver, foreign, link, connection

	before(async () => {
		const authority = await startAuthority(scope)
		receiver = await startReceiver(scope, { tls: await authority.issue(['127.0.0.1']) })
		foreign = await startReceiver(scope, { tls: await authority.issue(['localhost']), host: 'localhost' })
		drawbridge = await startDrawbridge(scope, { caFile: authority.file })
		const service = await addService(drawbridge, bearerService('answers', receiver))
		connection = await newConnection(drawbridge, service, { credentials: { token } })
		link = connection.link_name
	})

	async function run(request, { connection: through = link, ...more } = {}) {
		const answer = await drawbridge.api('POST', '/v1/webhooks/run', { request: { method: 'GET', ...request },
			connection: through, ...more })
		assert.equal(answer.status, 200, answer.text)
		assert.ok(!answer.text.includes(JSON.stringify(token).slice(1, -1)), 'no token comes back')
		return answer.json
	}

	const answers = (path, answer) => {
		receiver.answers[path] = answer
	}
	const seen = (path) => receiver.requests.filter((each) => each.path === path)

	it('a status goes the path of its code, else of its class, else the other', async () => {
		answers('/status', (request, response) => reply(response, Number(request.headers['x-status']), { at: 'there' }, { 'X-Page': '3' }))
		const list = [{ codes: ['2xx'], mappings: [{ variable: 'kind', from: 'header:content-type' }, { variable: 'page', from: 'header:X-PAGE' },
			{ variable: 'status', from: 'status' }, { variable: 'whole', from: 'body' }] }, { codes: ['201', '404'] }, { codes: ['4xx'] }]
		for (const [status, path] of [[200, '2xx'], [201, '201,404'], [404, '201,404'], [410, '4xx'], [500, 'other'], [304, 'other']]) {
			const result = await run({ url: '/status', headers: [{ name: 'X-Status', value: String(status) }] }, { response_list: list })
			assert.equal(result.path, path, String(status))
			assert.equal(result.response.status, status)
			if (status === 200)
				assert.deepEqual(result.variables, { kind: 'application/json', page: '3', status: 200, whole: { at: 'there' } })
		}
	})

	it('what is missing is empty, the default, or the other path', async () => {
		answers('/missing', (request, response) => reply(response, 200, { here: 1 }))
		const map = async (...mappings) => run({ url: '/missing' }, { response_list: [{ codes: ['200'], mappings }] })
		const some = await map({ variable: 'a', from: '$.gone' }, { variable: 'b', from: '$.gone[*]' }, { variable: 'c', from: '$.gone', default: 'C' })
		assert.deepEqual(some.variables, { a: null, b: [], c: 'C' })
		const error = await map({ variable: 'a', from: '$.here' }, { variable: 'b', from: '$.gone', missing: 'error' })
		assert.equal(error.path, 'other')
		assert.equal(error.problem.code, 'mapping_missing')
		assert.match(error.problem.detail, /\$\.gone/)
		assert.deepEqual(error.variables, {})
	})

	it('an echoed secret never comes back, however it is written', async () => {
		const forms = (authorization) => {
			const secret = authorization.slice('Bearer '.length)
			assert.equal(secret, token)
			return { plain: secret, header: authorization, base64: Buffer.from(secret).toString('base64'),
				base64url: Buffer.from(secret).toString('base64url'), pair: Buffer.from(`user:${secret}`).toString('base64'),
				url: encodeURIComponent(secret), form: new URLSearchParams({ secret }).toString(),
				escaped: JSON.stringify(secret), html: secret.replaceAll('"', '&quot;') }
		}
		const unicode = (text) => [...text].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')
		answers('/echo-json', (request, response) => reply(response, 200, forms(request.headers.authorization)))
		answers('/echo-text', (request, response) => reply(response, 200, Object.values(forms(request.headers.authorization)).join('\n'),
			{ 'content-type': 'text/plain' }))
		answers('/echo-unicode', (request, response) => reply(response, 200, `{"${unicode(token)}":["x${unicode(token)}y"]}`))
		answers('/echo-gzip', (request, response) => reply(response, 200, gzipSync(JSON.stringify(forms(request.headers.authorization))),
			{ 'content-encoding': 'gzip' }))
		answers('/echo-name', (request, response) => reply(response, 200, {}, { 'X-Echo': request.headers.authorization,
			'X-Base64': Buffer.from(token).toString('base64'), 'Set-Cookie': `session=${token}` }))
		answers('/echo-split', async (request, response) => {
			response.writeHead(200, { 'content-type': 'application/json' })
			for (const byte of JSON.stringify({ a: request.headers.authorization, b: Buffer.from(token).toString('base64') })) {
				response.write(byte)
				await sleep(1)
			}
			response.end()
		})
		const pieces = [token, Buffer.from(token).toString('base64').slice(0, -2), Buffer.from(token).toString('base64url').slice(0, -2),
			encodeURIComponent(token), unicode(token), JSON.stringify(JSON.stringify(token))]
		for (const path of ['/echo-json', '/echo-text', '/echo-unicode', '/echo-gzip', '/echo-name', '/echo-split']) {
			const result = await run({ url: path }, { response_list: [{ codes: ['2xx'], mappings: [{ variable: 'all', from: 'body' },
				{ variable: 'h', from: 'header:X-Echo' }] }] })
			assert.equal(result.path, '2xx', JSON.stringify(result.problem))
			assert.ok(result.response.masked > 0, path)
			for (const text of [JSON.stringify(result), ...strings(result)])
				for (const piece of pieces)
					assert.ok(!text.includes(piece), `${path}: ${text}`)
			assert.ok(!result.response.headers.some(({ name }) => /set-cookie/i.test(name)))
		}
	})

	it('a secret at the border of what is read is not half of one', async () => {
		answers('/border', (request, response) => reply(response, 200, `${'x'.repeat(90)}${token}`, { 'content-type': 'text/plain' }))
		for (let more = 1; more <= token.length; more++) {
			const { response } = await run({ url: '/border', max_bytes: 90 + more })
			assert.equal(response.truncated, more < token.length)
			assert.match(response.body, /^x{90}\**$/, String(more))
		}
	})

	it('a redirect on an own host is followed with the credential', async () => {
		answers('/from', (request, response) => reply(response, 302, {}, { location: '/do/../to?x=1#part' }))
		answers('/to', (request, response) => reply(response, 200, { ok: 1 }))
		const result = await run({ url: '/from', headers: [{ name: 'X-Own', value: 'kept' }] })
		assert.equal(result.response.status, 200)
		assert.equal(receiver.last().headers.authorization, `Bearer ${token}`)
		assert.equal(receiver.last().headers['x-own'], 'kept')
		assert.deepEqual(result.redirects, [{ status: 302, url: `${receiver.url}/to?x=1`, with_credential: true }])
		assert.equal(result.request.url, `${receiver.url}/from`)
	})

	it('a redirect to a foreign host goes without the credential and without what could be one', async () => {
		answers('/abroad', (request, response) => reply(response, 307, {}, { location: `${foreign.url}/landed` }))
		foreign.answers['/landed'] = (request, response) => reply(response, 302, {}, { location: `${receiver.url}/back` })
		answers('/back', (request, response) => reply(response, 200, { home: 1 }))
		const result = await run({ url: '/abroad', headers: [{ name: 'X-Token', value: 'author-secret' }, { name: 'Cookie', value: 'a=b' },
			{ name: 'Accept', value: 'text/x' }] })
		assert.equal(result.response.status, 200, JSON.stringify(result))
		for (const { headers } of [foreign.last(), receiver.last()]) {
			assert.equal(headers.authorization, undefined)
			assert.equal(headers['x-token'], undefined)
			assert.equal(headers.cookie, undefined)
			assert.equal(headers.accept, 'text/x')
		}
		assert.deepEqual(result.redirects.map(({ with_credential }) => with_credential), [false, false])
	})

	it('a bare call keeps its own fields on its own host alone', async () => {
		foreign.answers['/a'] = (request, response) => reply(response, 301, {}, { location: '/b' })
		foreign.answers['/b'] = (request, response) => reply(response, 301, {}, { location: `${receiver.url}/c` })
		answers('/c', (request, response) => reply(response, 200, {}))
		const result = await run({ url: `${foreign.url}/a`, headers: [{ name: 'Authorization', value: 'mine' }] }, { connection: null })
		assert.equal(result.response.status, 200, JSON.stringify(result))
		assert.equal(result.rule, 'no connection: public addresses by https')
		assert.deepEqual(foreign.requests.slice(-2).map(({ headers }) => headers.authorization), ['mine', 'mine'])
		assert.equal(receiver.last().headers.authorization, undefined)
	})

	it('a redirect to a private address, or with the secret in it, is refused', async () => {
		for (const location of ['https://169.254.169.254/latest/meta-data/', 'https://10.0.0.1/', 'https://[::ffff:10.0.0.1]/']) {
			answers('/private', (request, response) => reply(response, 302, {}, { location }))
			const result = await run({ url: '/private' })
			assert.equal(result.path, 'no_answer')
			assert.equal(result.problem.code, 'destination_not_allowed', location)
		}
		const before = foreign.requests.length
		answers('/leak', (request, response) => reply(response, 302, {}, { location: `${foreign.url}/?t=${encodeURIComponent(token)}` }))
		const result = await run({ url: '/leak' })
		assert.equal(result.problem.code, 'destination_not_allowed')
		assert.match(result.redirects[0].url, /\?t=\*+$/)
		assert.equal(foreign.requests.length, before)
	})

	it('others are answered as they are: writes, downgrades, too many, unreadable ones', async () => {
		answers('/loop', (request, response) => reply(response, 302, {}, { location: '/loop' }))
		for (const [max, expected] of [[undefined, 3], [0, 0], [5, 5]]) {
			const result = await run({ url: '/loop', ...(max === undefined ? {} : { max_redirects: max }) })
			assert.equal(result.response.status, 302)
			assert.equal(result.redirects.length, expected)
		}
		const count = seen('/loop').length
		assert.equal((await run({ method: 'POST', url: '/loop' })).response.status, 302)
		assert.equal(seen('/loop').length, count + 1)
		for (const location of ['http://127.0.0.1/x', 'javascript:alert(1)', '/a b', 'https://u:p@127.0.0.1/']) {
			answers('/odd', (request, response) => reply(response, 302, {}, { location }))
			assert.equal((await run({ url: '/odd' })).response.status, 302, location)
		}
	})

	it('nginx redirects within itself, and not to the metadata of a cloud', { skip: !nginxInstalled }, async () => {
		const nginx = await startNginx(scope)
		const service = await addService(drawbridge, bearerService('nginx', nginx))
		const { link_name: through } = await newConnection(drawbridge, service, { credentials: { token: 'nginx-token-1' } })
		const moved = await run({ url: '/to-self' }, { connection: through })
		assert.equal(moved.response.status, 200)
		assert.deepEqual(moved.response.body, {})
		assert.equal((await run({ url: '/to-metadata' }, { connection: through })).problem.code, 'destination_not_allowed')
		const dropped = await run({ url: '/dropped' }, { connection: through })
		assert.equal(dropped.problem.code, 'upstream_unreachable')
		assert.equal(dropped.problem.outcome_unknown, true)
	})

	it('a GET is tried again as asked for; a POST never, but with a key', async () => {
		let left = 0
		answers('/flaky', (request, response) => {
			left -= 1
			return left >= 0 ? reply(response, 503, { left }, { 'retry-after': '0' }) : reply(response, 200, { fine: true })
		})
		const requests = () => seen('/flaky').length
		let before = requests()
		left = 2
		const good = await run({ url: '/flaky', retries: { max: 3 } })
		assert.equal(good.response.status, 200)
		assert.equal(good.attempts, 3)
		assert.equal(requests() - before, 3)
		before = requests()
		left = 9
		assert.equal((await run({ url: '/flaky' })).response.status, 503)
		assert.equal(requests() - before, 1)
		assert.equal((await run({ url: '/flaky', retries: { max: 2, on: [429] } })).attempts, 1)
		left = 1
		before = requests()
		const keyed = await run({ method: 'POST', url: '/flaky', idempotency_key: 'key-{{input.n}}', retries: { max: 2 },
			body: { type: 'json', content: { n: 1 } } }, { input: { n: 5 } })
		assert.equal(keyed.response.status, 200)
		assert.deepEqual(seen('/flaky').slice(before).map(({ headers }) => headers['idempotency-key']), ['key-5', 'key-5'])
		assert.deepEqual(seen('/flaky').slice(before).map(({ json }) => json), [{ n: 1 }, { n: 1 }])
		left = 1
		const empty = await run({ method: 'POST', url: '/flaky', idempotency_key: '{{input.none}}', retries: { max: 2 } })
		assert.equal(empty.attempts, 1, 'a key that came out empty is none')
		assert.equal(empty.response.status, 503)
	})

	it('a connection that breaks is tried again for a GET, and is an unknown outcome for a POST', async () => {
		let breaks = 1
		answers('/breaks', (request, response) => {
			breaks -= 1
			return breaks >= 0 ? response.socket.destroy() : reply(response, 200, {})
		})
		const good = await run({ url: '/breaks', retries: { max: 2, on: ['transport'] } })
		assert.equal(good.response?.status, 200, JSON.stringify(good))
		breaks = 9
		const before = seen('/breaks').length
		const post = await run({ method: 'POST', url: '/breaks' })
		assert.equal(post.path, 'no_answer')
		assert.equal(post.problem.outcome_unknown, true)
		assert.equal(seen('/breaks').length, before + 1)
	})

	it('Retry-After is waited for within the run\'s time, and not beyond', async () => {
		let asked = '1'
		let times = 0
		answers('/later', (request, response) => {
			times += 1
			return times % 2 ? reply(response, 429, {}, { 'retry-after': asked }) : reply(response, 200, {})
		})
		const began = Date.now()
		assert.equal((await run({ url: '/later', retries: { max: 1 } })).response.status, 200)
		assert.ok(Date.now() - began >= 1000)
		times = 0
		asked = '30'
		const soon = Date.now()
		const late = await run({ url: '/later', retries: { max: 1 }, timeout_ms: 5000 })
		assert.equal(late.response.status, 429)
		assert.ok(Date.now() - soon < 2000, 'the answer stands at once')
	})

	it('time runs out for the run as a whole', async () => {
		answers('/hang', () => {})
		answers('/drip', async (request, response) => {
			response.writeHead(200, { 'content-type': 'text/plain' })
			for (let n = 0; n < 100 && !response.destroyed; n++) {
				response.write('x')
				await sleep(50)
			}
		})
		for (const url of ['/hang', '/drip']) {
			const began = Date.now()
			const result = await run({ url, timeout_ms: 1000, retries: { max: 5 } })
			assert.equal(result.path, 'no_answer')
			assert.equal(result.problem.code, 'upstream_timeout')
			assert.ok(Date.now() - began < 3000)
		}
	})

	it('no answer says why', async () => {
		answers('/cut', (request, response) => {
			response.writeHead(200, { 'content-length': 100 })
			response.write('only this', () => setTimeout(() => response.socket.destroy(), 30))
		})
		assert.equal((await run({ url: '/cut' })).problem.code, 'upstream_cut')
		const port = await freePort()
		const nowhere = await addService(drawbridge, bearerService('nowhere', { url: `http://127.0.0.1:${port}` }))
		const { link_name: through } = await newConnection(drawbridge, nowhere, { credentials: { token: 'nowhere-token' } })
		const unreachable = await run({ url: '/' }, { connection: through })
		assert.equal(unreachable.problem.code, 'upstream_unreachable')
		assert.equal(unreachable.problem.outcome_unknown, undefined, 'nothing was sent')
		assert.equal(unreachable.request.url, `http://127.0.0.1:${port}/`)
		await drawbridge.must('POST', `/v1/connections/${through}/disable`)
		assert.equal((await run({ url: '/' }, { connection: through })).problem.code, 'connection_disabled')
		const { link_name: without } = await newConnection(drawbridge, nowhere, { credentials: { token: 'to-be-revoked' } })
		await drawbridge.must('POST', `/v1/connections/${without}/revoke`)
		assert.equal((await run({ url: '/' }, { connection: without })).problem.code, 'connection_not_connected')
		assert.equal((await run({ url: '/' }, { connection: 'no_such' })).problem.code, 'connection_not_found')
		assert.equal((await run({ url: `${foreign.url}/` })).problem.code, 'destination_not_allowed')
	})

	it('what is no HTTP is malformed, and nobody falls over it', async () => {
		const junk = ['nonsense\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n',
			'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
			`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(70000)}\r\n\r\n`]
		let next = 0
		const server = net.createServer((socket) => {
			socket.on('error', () => {})
			socket.once('data', () => socket.end(junk[next]))
		})
		const port = await listen(scope, server)
		const service = await addService(drawbridge, bearerService('junk', { url: `http://127.0.0.1:${port}` }))
		const { link_name: through } = await newConnection(drawbridge, service, { credentials: { token: 'junk-token' } })
		for (next = 0; next < junk.length; next++) {
			const result = await run({ url: '/' }, { connection: through })
			assert.equal(result.path, 'no_answer')
			assert.match(result.problem.code, /^upstream_(malformed|cut)$/, junk[next].slice(0, 60))
		}
	})

	it('compressed answers are opened, and bombs are cut at the limit', async () => {
		const value = { a: 'ü'.repeat(1000) }
		for (const [coding, pack] of [['gzip', gzipSync], ['br', brotliCompressSync], ['deflate', deflateSync]]) {
			answers('/packed', (request, response) => reply(response, 200, pack(JSON.stringify(value)), { 'content-encoding': coding }))
			assert.deepEqual((await run({ url: '/packed' })).response.body, value, coding)
		}
		const zeros = Buffer.alloc(300 * 1024 * 1024)
		const bombs = { gzip: gzipSync(zeros), br: brotliCompressSync(zeros, { params: { 1: 1 } }), zstd: zstdBomb(20_000) }
		const before = drawbridge.residentBytes()
		for (const [coding, bomb] of Object.entries(bombs)) {
			answers('/bomb', (request, response) => reply(response, 200, bomb, { 'content-encoding': coding, 'content-type': 'text/plain' }))
			const { response, path, problem } = await run({ url: '/bomb', max_bytes: 1024 * 1024 }, { response_list: [{ codes: ['200'] }] })
			assert.equal(response?.truncated, true, `${coding} ${JSON.stringify(problem)}`)
			assert.equal(response.bytes, 1024 * 1024)
			assert.equal(path, '200')
			assert.equal(problem.code, 'truncated')
		}
		assert.ok(drawbridge.residentBytes() - before < 100 * 1024 * 1024)
		for (const coding of ['gzip', 'compress', 'gzip, gzip, gzip, gzip']) {
			answers('/wrong', (request, response) => reply(response, 200, 'not packed', { 'content-encoding': coding }))
			assert.equal((await run({ url: '/wrong' })).problem.code, 'upstream_malformed', coding)
		}
		answers('/half', (request, response) => reply(response, 200, gzipSync('x'.repeat(1000)).subarray(0, 15), { 'content-encoding': 'gzip' }))
		assert.equal((await run({ url: '/half' })).problem.code, 'upstream_cut')
		answers('/head', (request, response) => response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': 50 }).end())
		assert.equal((await run({ method: 'HEAD', url: '/head' })).response.status, 200)
	})

	it('each value is told with the path that maps it', async () => {
		const body = { data: [{ 'a b': 'x', "it's": null }, []], 'ü"\\': { n: 1.5, e: {} }, '': true }
		answers('/paths', (request, response) => reply(response, 200, body))
		const { paths } = await run({ url: '/paths' }, { paths: true })
		assert.deepEqual(paths.map(({ path }) => path), ["$['data'][0]['a b']", "$['data'][0]['it\\'s']", "$['data'][1]",
			"$['ü\"\\\\']['n']", "$['ü\"\\\\']['e']", "$['']"])
		const mappings = paths.map(({ path }, n) => ({ variable: `v${n}`, from: path, missing: 'error' }))
		const mapped = await run({ url: '/paths' }, { response_list: [{ codes: ['200'], mappings }] })
		assert.deepEqual(Object.values(mapped.variables), paths.map(({ value }) => value))
		assert.equal(mapped.paths, undefined)
		answers('/many', (request, response) => reply(response, 200, Array.from({ length: 2000 }, (_, n) => n)))
		assert.equal((await run({ url: '/many' }, { paths: true })).paths.length, 500)
		assert.deepEqual((await run({ url: '/paths' }, { paths: true, dry_run: true })).paths, [])
		const { stdout } = await drawbridge.cli(['webhook', 'run', '-f', '-', '--paths'], { stdin: JSON.stringify({
			request: { method: 'GET', url: '/paths' }, connection: link }) })
		assert.match(stdout, /^\$\['data'\]\[0\]\['a b'\] = "x"$/m)
	})

	it('an echo cannot be let through', async () => {
		const { status, json } = await drawbridge.api('POST', '/v1/webhooks/run', { request: { method: 'GET', url: '/echo', scrub: false }, connection: link })
		assert.deepEqual([status, json.pointer], [400, '/request/scrub'])
	})

	it('hostile bodies become values or text', async () => {
		const cases = [
			['[12345678901234567890123, 1e999, -0, 9007199254740993]', ['12345678901234567890123', '1e999', 0, null], true],
			['{"a":"x\\u0000y\\ud800z"}', { a: 'x�y�z' }, true],
			['{"a":1,"a":2}', { a: 2 }, true],
			[`${'['.repeat(100_000)}`, '['.repeat(100_000), false],
			[Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x00, 0x22, 0x7d]), { a: '��' }, true],
			['{"broken":', '{"broken":', false],
			['', '', false]
		]
		for (const [body, value, json] of cases) {
			answers('/hostile', (request, response) => reply(response, 200, body))
			const { response } = await run({ url: '/hostile' }, { response_list: [{ codes: ['200'], mappings: [{ variable: 'd', from: '$..*' }] }] })
			assert.equal(response.json, json)
			if (Array.isArray(value))
				assert.deepEqual(response.body.slice(0, 3), value.slice(0, 3))
			else
				assert.deepEqual(response.body, value)
		}
	})

	it('a large answer is read up to its limit, and 16 MiB come whole', async () => {
		answers('/large', (request, response) => reply(response, 200, `"${'x'.repeat(16 * 1024 * 1024 - 2)}"`))
		const whole = await run({ url: '/large', max_bytes: 16 * 1024 * 1024, timeout_ms: 60_000 })
		assert.equal(whole.response.truncated, false)
		assert.equal(whole.response.body.length, 16 * 1024 * 1024 - 2)
		const cut = await run({ url: '/large' })
		assert.equal(cut.response.truncated, true)
		assert.equal(cut.response.bytes, 1024 * 1024)
		assert.equal(cut.response.json, false)
	})

	it('fifty slow services hold no thread', async () => {
		answers('/slow', async (request, response) => {
			await sleep(2500)
			reply(response, 200, {})
		})
		const slow = Array.from({ length: 50 }, () => run({ url: '/slow' }))
		await sleep(500)
		const began = Date.now()
		await drawbridge.must('GET', '/v1/me')
		await run({ url: '/status', headers: [{ name: 'X-Status', value: '200' }] })
		assert.ok(Date.now() - began < 1500, `others waited ${Date.now() - began} ms`)
		for (const result of await Promise.all(slow))
			assert.equal(result.response.status, 200)
	})

	it('a server that stops calls runs off, and comes back', async () => {
		answers('/never', () => {})
		const pending = drawbridge.api('POST', '/v1/webhooks/run', { request: { method: 'GET', url: '/never', timeout_ms: 120_000 },
			connection: link }).catch((error) => error)
		await sleep(300)
		const began = Date.now()
		await drawbridge.stop()
		assert.ok(Date.now() - began < 60_000)
		await pending
		assert.deepEqual(drawbridge.server.end, { status: 0, signal: null })
		assert.doesNotMatch(drawbridge.log, /ERROR: |WARNING: ThreadSanitizer|runtime error: |assertion/)
	})
})

/* Every string in a value. */
function strings(value) {
	if (typeof value === 'string')
		return [value]
	return value && typeof value === 'object' ? Object.entries(value).flatMap(([name, each]) => [name, ...strings(each)]) : []
}
