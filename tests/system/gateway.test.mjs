// SPDX-License-Identifier: Apache-2.0
/* The gateway: how requests and answers cross it, byte for byte, and what does not cross it. */
import assert from 'node:assert/strict'
import http from 'node:http'
import { before, it } from 'node:test'
import { gib } from '../support/api.mjs'
import { request } from '../support/http.mjs'
import { signedIn } from '../support/members.mjs'
import { connectRaw } from '../support/raw.mjs'
import { freePort, suite } from '../support/scope.mjs'
import { bearerService } from '../support/definitions.mjs'
import { addService, newConnection, startBearerWorld } from '../support/worlds.mjs'

suite('the gateway', (scope) => {
	let drawbridge, api, link, token

	before(async () => {
		({ drawbridge, api, link, token } = await startBearerWorld(scope, { drawbridge: { socket: true } }))
	})

	const head = (path = '/echo', more = '') =>
		`GET /via/${link}${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${drawbridge.key}\r\n${more}`

	it('both forms of the path reach the service with the injected credential, byte for byte', async () => {
		for (const path of ['/echo/a%2Fb;c=1//d?x=%20y&z=%C3%A9', '/echo?a=b/../c']) {
			for (const target of [path, `/${api.url}${path}`]) {
				const answer = await drawbridge.via(link, target)
				assert.equal(answer.status, 200, answer.text)
				assert.equal(answer.json.path, path)
				assert.equal(api.last().headers.authorization, `Bearer ${token}`)
				assert.equal(api.last().rawHeaders.filter((name) => /^authorization$/i.test(name)).length, 1)
			}
		}
	})

	it('no key, a wrong key and a malformed key are 401, and nothing is sent', async () => {
		const count = api.requests.length
		for (const headers of [{}, { authorization: `Bearer dbk_${'A'.repeat(43)}` }, { authorization: 'Bearer nonsense' },
			{ authorization: '' }, { cookie: `drawbridge_session=${drawbridge.key}` }]) {
			const answer = await drawbridge.via(link, '/echo', { key: null, headers })
			assert.equal(answer.status, 401, JSON.stringify(headers))
			assert.equal(answer.headers['drawbridge-error'], 'unauthorized')
			assert.ok(!/basic/i.test(answer.headers['www-authenticate'] ?? ''), 'no browser is asked for a password')
		}
		assert.equal(api.requests.length, count)
	})

	it('the session of who is signed in is no key here', async () => {
		const ada = await signedIn(drawbridge, 'ada@example.org', 'admin')
		const { cookie } = ada.headers
		const count = api.requests.length
		for (const headers of [{ cookie }, { ...ada.headers, 'sec-fetch-site': 'same-origin' },
			{ cookie, authorization: `Bearer ${cookie.split('=')[1]}` }, { cookie, 'drawbridge-key': cookie.split('=')[1] }]) {
			const answer = await drawbridge.via(link, '/echo', { key: null, headers })
			assert.deepEqual([answer.status, answer.headers['drawbridge-error']], [401, 'unauthorized'], JSON.stringify(headers))
		}
		assert.equal(api.requests.length, count, 'nothing is sent')
		assert.equal((await ada.ask('GET', '/v1/me')).status, 200, 'it is a session')
	})

	it('the key is found where an SDK puts its credential', async () => {
		const basic = (pair) => `Basic ${Buffer.from(pair).toString('base64')}`
		for (const headers of [{ authorization: `Zoho-oauthtoken ${drawbridge.key}` },
			{ authorization: basic(`${drawbridge.key}:`) }, { authorization: basic(`user:${drawbridge.key}`) },
			{ 'drawbridge-key': drawbridge.key }, { 'drawbridge-key': drawbridge.key, authorization: 'Bearer theirs' }]) {
			const answer = await drawbridge.via(link, '/echo', { key: null, headers })
			assert.equal(answer.status, 200, `${JSON.stringify(headers)}: ${answer.text}`)
			assert.equal(api.last().headers.authorization, `Bearer ${token}`)
			assert.ok(!JSON.stringify(api.last().rawHeaders).includes(drawbridge.key))
		}
	})

	it('Drawbridge-Timeout is whole seconds from 1 to 600, or the call is refused and nothing sent', async () => {
		const timed = (seconds) => drawbridge.via(link, '/echo', { headers: { 'drawbridge-timeout': seconds } })
		for (const seconds of ['1', '600'])
			assert.equal((await timed(seconds)).status, 200, seconds)
		const count = api.requests.length
		for (const seconds of ['0', '601', '-1', '1.5', '1s', '', '4294968', '18446744073709551617']) {
			const { status, json, headers } = await timed(seconds)
			assert.deepEqual([status, json.code, headers['drawbridge-error']], [400, 'invalid_timeout', 'invalid_timeout'], seconds)
		}
		assert.equal(api.requests.length, count)
	})

	it('a cross-site request is refused', async () => {
		const answer = await drawbridge.via(link, '/echo', { headers: { 'sec-fetch-site': 'cross-site' } })
		assert.equal(answer.status, 403)
	})

	it('an unknown connection is 404 with a problem', async () => {
		const answer = await drawbridge.via('nobody', '/echo')
		assert.equal(answer.status, 404)
		assert.equal(answer.json.code, 'connection_not_found')
		assert.equal(answer.headers['drawbridge-error'], 'connection_not_found')
	})

	it('a caller\'s key calls its connection with its methods and paths, and nothing else', async () => {
		const key = await drawbridge.createKey('caller', '--connection', link, '--method', 'GET', '--path-prefix', '/echo')
		assert.equal((await drawbridge.via(link, '/echo/1', { key })).status, 200)
		assert.equal((await drawbridge.via(link, '/echo/1', { key, method: 'POST', body: 'x' })).status, 403)
		assert.equal((await drawbridge.via(link, '/other', { key })).status, 403)
		assert.equal((await drawbridge.api('GET', '/v1/connections', undefined, { key })).status, 403)
	})

	it('HEAD has no body, 204 neither, and the connection goes on', async () => {
		const raw = connectRaw(scope, drawbridge.port)
		raw.send(head().replace('GET', 'HEAD') + '\r\n')
		assert.equal((await raw.answer({ method: 'HEAD' })).status, 200)
		raw.send(head('/nothing') + '\r\n')
		assert.equal((await raw.answer()).status, 204)
		raw.send(head() + '\r\n')
		assert.equal((await raw.answer()).json.path, '/echo')
	})

	it('pipelined requests are answered in their order', async () => {
		const raw = connectRaw(scope, drawbridge.port)
		raw.send([1, 2, 3].map((n) => `${head(`/echo?n=${n}`)}\r\n`).join(''))
		for (const n of [1, 2, 3])
			assert.equal((await raw.answer()).json.path, `/echo?n=${n}`)
	})

	it('Expect: 100-continue is answered before the body comes', async () => {
		const raw = connectRaw(scope, drawbridge.port)
		raw.send(head('/echo', 'Expect: 100-continue\r\nContent-Length: 5\r\n').replace('GET', 'POST') + '\r\n')
		assert.equal((await raw.head()).status, 100)
		raw.send('hello')
		assert.equal((await raw.answer()).json.body.length, 5)
	})

	it('upstream connections are kept and used again', async () => {
		await drawbridge.via(link, '/echo')
		const count = api.connections
		for (let n = 0; n < 20; n++)
			await drawbridge.via(link, '/echo')
		assert.ok(api.connections - count <= 2, `${api.connections - count} more connections`)
	})

	it('works over a Unix socket', async () => {
		const answer = await request({ path: `/via/${link}/echo` }, { socketPath: drawbridge.socket,
			headers: { authorization: `Bearer ${drawbridge.key}` } })
		assert.equal(answer.status, 200)
	})

	it('a GiB comes down in constant memory', async () => {
		const before = drawbridge.residentBytes()
		const stream = await drawbridge.via(link, `/large?bytes=${gib}`, { stream: true, timeout: 120_000 })
		let got = 0, most = 0
		for await (const chunk of stream) {
			got += chunk.length
			if ((got & 0x3ffffff) < chunk.length)
				most = Math.max(most, drawbridge.residentBytes())
		}
		assert.equal(got, gib)
		assert.ok(most - before < 32 * 1024 * 1024, `${most - before} more bytes`)
	})

	it('a GiB goes up in constant memory', async () => {
		const before = drawbridge.residentBytes()
		let most = 0
		const answer = await new Promise((resolve, reject) => {
			const outgoing = http.request({ host: '127.0.0.1', port: drawbridge.port, path: `/via/${link}/echo`,
				method: 'POST', headers: { authorization: `Bearer ${drawbridge.key}`, 'content-length': gib } })
			outgoing.on('error', reject)
			outgoing.on('response', async (response) => {
				let text = ''
				for await (const chunk of response)
					text += chunk
				resolve(JSON.parse(text))
			})
			const chunk = Buffer.alloc(1024 * 1024, 'up')
			let sent = 0
			const more = () => {
				while (sent < gib) {
					sent += chunk.length
					if (sent % (128 * chunk.length) === 0)
						most = Math.max(most, drawbridge.residentBytes())
					if (!outgoing.write(chunk))
						return void outgoing.once('drain', more)
				}
				outgoing.end()
			}
			more()
		})
		assert.equal(answer.body.length, gib)
		assert.ok(most - before < 32 * 1024 * 1024, `${most - before} more bytes`)
	})

	it('events come as they are sent', async () => {
		const stream = await drawbridge.via(link, '/events?gap=400', { stream: true })
		const times = []
		for await (const chunk of stream) {
			assert.match(String(chunk), /data: event/)
			times.push(Date.now())
		}
		assert.equal(times.length, 3)
		assert.ok(times[2] - times[0] > 600, `${times[2] - times[0]} ms`)
	})

	it('an answer that is cut upstream is cut for the client, never ended cleanly', async () => {
		for (const path of ['/cut', '/cut-chunked'])
			await assert.rejects(drawbridge.via(link, path), path)
	})

	it('fields that act on our origin, and hop-by-hop ones, stay behind', async () => {
		const { headers } = await drawbridge.via(link, '/cookies')
		for (const name of ['set-cookie', 'clear-site-data', 'alt-svc', 'strict-transport-security',
			'service-worker-allowed', 'x-hop', 'set-cookie2', 'refresh', 'nel', 'report-to', 'reporting-endpoints',
			'public-key-pins', 'public-key-pins-report-only', 'expect-ct', 'accept-ch', 'critical-ch',
			'content-security-policy-report-only', 'origin-agent-cluster', 'set-login', 'use-as-dictionary'])
			assert.equal(headers[name], undefined, name)
		assert.match(headers['content-location'], new RegExp(`^/via/${link}/http://[^/]+/echo\\?is=here$`))
		assert.equal(headers['x-kept'], 'yes')
		assert.equal(headers['x-content-type-options'], 'nosniff')
		assert.equal(headers['content-security-policy'], 'sandbox')
	})

	it('a challenge of the service makes no browser ask for a password in our name', async () => {
		const { status, headers } = await drawbridge.via(link, '/challenge')
		assert.equal(status, 401)
		assert.equal(headers['www-authenticate'], undefined)
		assert.match(headers['drawbridge-www-authenticate'], /Bearer realm="a", Basic realm="b", Digest realm="c"/)
	})

	it('a client cannot override, double or smuggle an injected or framing field', async () => {
		const raw = connectRaw(scope, drawbridge.port)
		raw.send(`GET /via/${link}/echo HTTP/1.1\r\nHost: x\r\nDrawbridge-Key: ${drawbridge.key}\r\n`
			+ 'Authorization: Bearer theirs\r\nAUTHORIZATION_: 1\r\nauthoriZation: Bearer again\r\n\r\n')
		const twice = await raw.answer()
		assert.equal(twice.status, 400)
		const answer = await drawbridge.via(link, '/echo', { headers: { 'Content_Length': '7', 'Transfer_Encoding': 'chunked',
			Connection: 'x-secret, keep-alive', 'X-Secret': '1', Cookie: 'a=1', 'X-Forwarded-For': '1.2.3.4', TE: 'trailers',
			'Proxy-Authorization': 'Basic x', 'X-Fine': 'yes' } })
		const names = answer.json.rawHeaders.filter((_, n) => n % 2 === 0).map((name) => name.toLowerCase())
		for (const name of ['content_length', 'transfer_encoding', 'x-secret', 'cookie', 'x-forwarded-for', 'te',
			'proxy-authorization', 'upgrade'])
			assert.ok(!names.includes(name), name)
		assert.ok(names.includes('x-fine'))
	})

	const bad = {
		'a bare LF': () => head().replace('Host: x\r\n', 'Host: x\n') + '\r\n',
		'a folded line': () => head('/echo', 'X-A: b\r\n c\r\n') + '\r\n',
		'a space before the colon': () => head('/echo', 'X-A : b\r\n') + '\r\n',
		'a name that is no token': () => head('/echo', 'X(A): b\r\n') + '\r\n',
		'a NUL in a value': () => head('/echo', 'X-A: b\0c\r\n') + '\r\n',
		'a lone CR in a value': () => head('/echo', 'X-A: b\rc\r\n') + '\r\n',
		'two Authorization fields': () => head('/echo', `Authorization: Bearer ${drawbridge.key}\r\n`) + '\r\n',
		'length beside chunks': () =>
			head('/echo', 'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n').replace('GET', 'POST') + '\r\n0\r\n\r\n',
		'two lengths': () => head('/echo', 'Content-Length: 3\r\nContent-Length: 3\r\n').replace('GET', 'POST') + '\r\nabc',
		'a list of lengths': () => head('/echo', 'Content-Length: 3, 3\r\n').replace('GET', 'POST') + '\r\nabc',
		'a signed length': () => head('/echo', 'Content-Length: +3\r\n').replace('GET', 'POST') + '\r\nabc',
		'a coding beside chunked': () =>
			head('/echo', 'Transfer-Encoding: gzip, chunked\r\n').replace('GET', 'POST') + '\r\n0\r\n\r\n',
		'chunked in disguise': () =>
			head('/echo', 'Transfer-Encoding: xchunked\r\n').replace('GET', 'POST') + '\r\n0\r\n\r\n',
		'no Host': () => head().replace('Host: x\r\n', '') + '\r\n',
		'two Hosts': () => head('/echo', 'Host: y\r\n') + '\r\n',
		'a dot segment': () => head('/a/../b') + '\r\n',
		'an encoded dot segment': () => head('/a/%2e%2E/b') + '\r\n',
		'a backslash': () => head('/a\\b') + '\r\n',
		'an encoded NUL': () => head('/a%00b') + '\r\n'
	}
	for (const [name, bytes] of Object.entries(bad))
		it(`${name} is 400, and nothing reaches the service`, async () => {
			const count = api.requests.length
			const answer = await drawbridge.raw(bytes())
			assert.equal(answer.status, 400, answer.text)
			assert.equal(api.requests.length, count)
		})

	it('what is malformed closes the connection, so that nothing after it is taken for a request', async () => {
		for (const name of ['a bare LF', 'length beside chunks', 'two lengths', 'a space before the colon']) {
			const count = api.requests.length
			const answer = await drawbridge.raw(bad[name]() + head('/smuggled') + '\r\n')
			assert.equal(answer.status, 400, name)
			assert.ok(answer.closed, name)
			assert.equal(answer.more, '', name)
			assert.equal(api.requests.length, count, name)
		}
	})

	it('a head beyond its limits is 431, TRACE and CONNECT are 405', async () => {
		assert.equal((await drawbridge.raw(head('/echo', `X-A: ${'a'.repeat(40_000)}\r\n`) + '\r\n')).status, 431)
		assert.equal((await drawbridge.raw(head('/echo', 'X-A: a\r\n'.repeat(120)) + '\r\n')).status, 431)
		const count = api.requests.length
		for (const method of ['TRACE', 'CONNECT', 'Trace']) {
			const answer = await drawbridge.raw(head().replace('GET', method) + '\r\n')
			assert.deepEqual([answer.status, answer.headers['drawbridge-error']], [405, 'method_not_allowed'], method)
		}
		assert.equal(api.requests.length, count)
	})

	it('a service that is down is 502, one that hangs is 504, each a problem of ours', async () => {
		await addService(drawbridge, bearerService('down', { url: `http://127.0.0.1:${await freePort()}` }))
		const { link_name: nobody } = await newConnection(drawbridge, 'down', { credentials: { token: 'token-for-nobody' } })
		const down = await drawbridge.via(nobody, '/echo')
		assert.equal(down.status, 502)
		assert.equal(down.headers['drawbridge-error'], 'upstream_unreachable')
		assert.match(down.headers['content-type'], /application\/problem\+json/)
		const slow = await drawbridge.via(link, '/hang', { headers: { 'drawbridge-timeout': '1' } })
		assert.equal(slow.status, 504)
		assert.equal(slow.headers['drawbridge-error'], 'upstream_timeout')
		assert.match(slow.headers['content-type'], /application\/problem\+json/)
	})
})
