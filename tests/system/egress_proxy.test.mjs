// SPDX-License-Identifier: Apache-2.0
/*
 * Calls through a corporate proxy (--egress-proxy): the guard judges as ever, and the proxy is asked for an address that
 * was judged, never for a name. Whatever the proxy answers, nothing of a call goes anywhere but through a tunnel that it
 * has agreed to, in TLS up to the service itself.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import tls from 'node:tls'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { startAuthority } from '../support/ca.mjs'
import { startConnectProxy, startTinyproxy } from '../support/connect_proxy.mjs'
import { bearerService, clientCredentialsService } from '../support/definitions.mjs'
import { startDns } from '../support/dns.mjs'
import { binary, startDrawbridge } from '../support/drawbridge.mjs'
import { listen } from '../support/http.mjs'
import { secretSeen } from '../support/known_secrets.mjs'
import { enterNamespace } from '../support/netns.mjs'
import { run } from '../support/process.mjs'
import { suite, temporaryFolder } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const open = '93.184.216.34'
const open6 = '2a00:1450::1'
const dead = '93.184.216.35'
const inside = '10.1.2.3'
const edge = '10.9.9.9' /* where the proxy listens and calls from */

await enterNamespace(import.meta.url, { dns: '127.0.0.53', hosts: { 'proxy.corp.test': edge },
	addresses: [open, open6, inside, edge].map((address) => `${address}/${address.includes(':') ? 128 : 32}`) })

suite('calls through a proxy', (scope) => {
	let authority, proxy, dns, drawbridge, count = 0
	const seen = {}, from = {}
	const token = 'tunnelled-token-4711'
	const plain = { allow_http: undefined }

	before(async () => {
		authority = await startAuthority(scope)
		const leaf = await authority.issue(['*.names.test'])
		for (const [name, host, port, own] of [['open', open, 443, leaf], ['open6', open6, 443, leaf], ['inside', inside, 443, leaf],
			['http', open, 80, undefined]]) {
			seen[name] = await startApi(scope, { tls: own, host, port, check: (given, { socket }) => {
				from[name] = socket.remoteAddress
				return given === token
			} })
		}
		proxy = await startConnectProxy(scope, { host: edge, port: 3128 })
		dns = await startDns(scope, {})
		drawbridge = await start({ flags: ['--egress-proxy', 'http://proxy.corp.test:3128'] })
	})

	const start = ({ egress = [`${inside}/32:443`, `${open}/32:80`], ...more } = {}) =>
		startDrawbridge(scope, { caFile: authority.file, egress, ...more })

	beforeEach(() => {
		proxy.reset()
		for (const [name, api] of Object.entries(seen)) {
			api.requests.length = 0
			delete from[name]
		}
	})

	/* A connection to a service of its own whose name resolves to records. */
	async function named(records, { server = drawbridge, scheme = 'https', definition = plain } = {}) {
		const id = `tunnelled_${++count}`
		const host = `n${count}.names.test`
		dns.names[host] = records
		await addService(server, bearerService(id, { url: `${scheme}://${host}` }, definition))
		const { link_name: link } = await newConnection(server, id, { credentials: { token } })
		return { link, host, call: (options) => server.via(link, '/echo', options) }
	}

	const targets = () => proxy.asked.map(({ target }) => target)
	const nothingSent = () => {
		for (const [name, { requests }] of Object.entries(seen))
			assert.equal(requests.length, 0, name)
	}

	it('the proxy is asked for the address that was judged, and a tunnel carries several calls', async () => {
		const { call, host } = await named([open])
		for (let n = 0; n < 3; n++)
			assert.equal((await call({ method: 'POST', body: `body ${n}` })).status, 200)
		assert.equal(from.open, edge)
		assert.equal(seen.open.requests.length, 3)
		assert.deepEqual(targets().filter((target) => target !== `${open}:443`), [])
		assert.ok(proxy.asked.length <= 2, 'one tunnel for a worker')
		for (const { head, behind } of proxy.asked) {
			assert.equal(head, `CONNECT ${open}:443 HTTP/1.1\r\nHost: ${open}:443`)
			assert.equal(behind, 0)
			assert.ok(!head.includes(host))
		}
	})

	it('an IPv6 address is asked for in brackets', async () => {
		assert.equal((await (await named([open6])).call()).status, 200)
		assert.deepEqual(targets(), [`[${open6}]:443`])
	})

	it('a private address is refused before the proxy is asked', async () => {
		for (const records of [[inside.replace('3', '4')], ['127.0.0.1'], ['169.254.169.254'], ['::1'], [edge]]) {
			const answer = await (await named(records)).call()
			assert.equal(answer.status, 403, answer.text)
			assert.equal(answer.headers['drawbridge-error'], 'destination_not_allowed')
		}
		assert.equal(proxy.connections, 0)
	})

	it('a private address that was allowed is reached straight: for the proxy it could be another machine', async () => {
		assert.equal((await (await named([inside])).call()).status, 200)
		assert.equal(from.inside, inside)
		assert.equal(proxy.connections, 0)
	})

	it('plain http to a public address that was allowed is tunnelled as well', async () => {
		const { call } = await named([open], { scheme: 'http', definition: { allow_http: true } })
		assert.equal((await call()).status, 200)
		assert.equal(from.http, edge)
		assert.deepEqual(targets(), [`${open}:80`])
	})

	it('a token endpoint is reached through it, too', async () => {
		const peer = { endpoints: { token: `https://tokens.names.test/token` } }
		dns.names['tokens.names.test'] = [open]
		const id = await addService(drawbridge, clientCredentialsService('machine', peer, { url: 'https://a.names.test' }, plain),
			{ client_id: 'machine', client_secret: 'machine-secret-88123' })
		await drawbridge.api('POST', '/v1/connections', { name: 'Machine', service: id, scopes: ['tickets.read'] })
		assert.deepEqual([...new Set(targets())], [`${open}:443`])
		assert.ok(seen.open.requests.some(({ path }) => path === '/token'))
	})

	it('where the proxy cannot reach one address, it is asked for the next', async () => {
		const { call } = await named([dead, open])
		for (let n = 0; n < 2; n++)
			assert.equal((await call()).status, 200)
		assert.ok(targets().includes(`${open}:443`))
	})

	it('a certificate of the proxy\'s own is refused: TLS ends at the service', async () => {
		const other = await (await startAuthority(scope, { name: 'The proxy\'s' })).issue(['*.names.test'])
		let heard = ''
		const server = tls.createServer(other, (socket) => socket.on('data', (data) => { heard += data }))
		const port = await listen(scope, server, { host: edge })
		proxy.reach[`${open}:443`] = { host: edge, port }
		const answer = await (await named([open])).call()
		assert.equal(answer.status, 502)
		assert.match(answer.json.detail, /certificate/)
		assert.equal(heard, '')
		nothingSent()
	})

	const secretWords = 'SECRET-WORDS-OF-THE-PROXY'
	const badly = {
		'garbage': 'nonsense\r\n\r\n',
		'bytes that are no text': '\x00\x01\x02\x03\r\n\r\n',
		'another protocol': 'SSH-2.0-OpenSSH_9.2\r\n',
		'a status of two digits': 'HTTP/1.1 20 OK\r\n\r\n',
		'a status of four digits': 'HTTP/1.1 2000 OK\r\n\r\n',
		'HTTP/2': 'HTTP/2.0 200 OK\r\n\r\n',
		'lines that end in LF alone': 'HTTP/1.1 200 OK\n\n',
		'200 with bytes behind it': `HTTP/1.1 200 OK\r\n\r\n${secretWords}`,
		'200 with a body': `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello`,
		'101': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
		'interim answers without end': 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(100),
		'a head without end': `HTTP/1.1 200 OK\r\n${'X-A: b\r\n'.repeat(20_000)}`,
		'a line without end': `HTTP/1.1 200 ${'x'.repeat(100_000)}`,
		'half a head': 'HTTP/1.1 200 OK\r\nX-A: ',
		'nothing': ''
	}
	for (const [name, bytes] of Object.entries(badly))
		it(`the proxy answers with ${name}: 502 names it, and nothing is sent`, async () => {
			let behind = ''
			proxy.answer = (socket) => {
				socket.on('data', (data) => { behind += data })
				socket.end(Buffer.from(bytes, 'latin1'))
			}
			const answer = await (await named([open])).call()
			assert.equal(answer.status, 502, answer.text)
			assert.equal(answer.headers['drawbridge-error'], 'upstream_unreachable')
			assert.match(answer.json.detail, /the proxy proxy\.corp\.test:3128/)
			assert.ok(!answer.text.includes(secretWords))
			assert.equal(behind, '')
			nothingSent()
		})

	for (const [status, words] of [[302, /does not let .* through \(HTTP 302\)/], [400, /HTTP 400/], [403, /HTTP 403/],
		[407, /wants a user and password/], [500, /HTTP 500/], [502, /HTTP 502/], [504, /HTTP 504/]])
		it(`the proxy answers ${status}: 502 says so`, async () => {
			proxy.answer = (socket) => socket.end(`HTTP/1.1 ${status} ${secretWords}\r\nLocation: https://10.1.2.3/\r\n`
				+ `Proxy-Authenticate: Basic realm="${secretWords}"\r\nContent-Length: 5\r\n\r\nhello`)
			const answer = await (await named([open])).call()
			assert.equal(answer.status, 502, answer.text)
			assert.match(answer.json.detail, words)
			assert.match(answer.json.detail, /proxy\.corp\.test:3128/)
			assert.ok(!answer.text.includes(secretWords))
			assert.equal(proxy.asked.length, 1)
			nothingSent()
		})

	it('a proxy that hangs costs the time to connect: 504 names it, and other calls go on', async () => {
		proxy.answer = () => {}
		const slow = await named([open])
		const straight = await named([inside])
		const began = Date.now()
		const hanging = slow.call()
		assert.equal((await straight.call()).status, 200)
		const answer = await hanging
		assert.equal(answer.status, 504, answer.text)
		assert.match(answer.json.detail, /waiting for the proxy proxy\.corp\.test:3128/)
		assert.ok(Date.now() - began < 8000)
		proxy.answer = undefined
		assert.equal((await slow.call()).status, 200)
	})

	it('a proxy that is not there is told', async () => {
		const gone = await start({ flags: ['--egress-proxy', `http://${edge}:3129`] })
		const answer = await (await named([open], { server: gone })).call()
		assert.equal(answer.status, 502)
		assert.match(answer.json.detail, /nobody answers at the proxy 10\.9\.9\.9:3129/)
		await gone.stop()
		const unknown = await start({ flags: ['--egress-proxy', 'http://nowhere.corp.test:3128'] })
		const other = await (await named([open], { server: unknown })).call()
		assert.equal(other.status, 502)
		assert.match(other.json.detail, /name of the proxy nowhere\.corp\.test:3128 cannot be looked up/)
		await unknown.stop()
		nothingSent()
	})

	it('Drawbridge is no proxy of its own', async () => {
		const own = await start({ port: 7071, flags: ['--egress-proxy', 'http://127.0.0.1:7071'] })
		const answer = await (await named([open], { server: own })).call()
		assert.equal(answer.status, 502)
		assert.match(answer.json.detail, /where Drawbridge itself listens/)
		await own.stop()
	})

	const loginFile = (text) => {
		const file = join(temporaryFolder(scope, 'drawbridge-login'), 'login')
		writeFileSync(file, text, { mode: 0o600 })
		return file
	}

	it('what cannot be meant is refused at the start', async () => {
		for (const [flags, words] of [[['--egress-proxy', 'https://proxy.corp.test:3128'], /must be http:\/\/host:port/],
			[['--egress-proxy', 'http://proxy.corp.test:3128/path'], /must be http:\/\/host:port/],
			[['--egress-proxy', 'http://user:word@proxy.corp.test:3128'], /--egress-proxy is no URL/],
			[['--egress-proxy', 'proxy.corp.test:3128'], /--egress-proxy is no URL/],
			[['--egress-proxy-login-file', loginFile('a:b')], /is for --egress-proxy/],
			[['--egress-proxy', proxy.url, '--egress-proxy-login-file', '/nowhere'], /cannot be read/],
			[['--egress-proxy', proxy.url, '--egress-proxy-login-file', loginFile('nobody')], /one line user:password/],
			[['--egress-proxy', proxy.url, '--egress-proxy-login-file', loginFile('a:b\r\nX-Evil: c')], /one line user:password/],
			[['--egress-proxy', proxy.url, '--egress-proxy-login-file', loginFile(`a:${'b'.repeat(2000)}`)], /one line user:password/]]) {
			const { status, stderr } = await run(binary, ['serve', '--data', temporaryFolder(scope, 'refused'), '--listen',
				'127.0.0.1:7072', ...flags], { timeout: 20_000 })
			assert.notEqual(status, 0, flags.join(' '))
			assert.match(stderr, words, flags.join(' '))
		}
	})

	it('tinyproxy lets calls through, with a user and password, and says so when they are wrong', async () => {
		const login = 'drawbridge:let-me-out-5512'
		const wrong = 'drawbridge:let-me-out-9999'
		for (const each of [login, wrong])
			secretSeen(each.split(':')[1])
		const real = await startTinyproxy(scope, { host: edge, login })
		const fine = await start({ flags: ['--egress-proxy', real.url, '--egress-proxy-login-file', loginFile(`${login}\n`)] })
		const { call } = await named([open], { server: fine })
		for (let n = 0; n < 3; n++)
			assert.equal((await call()).status, 200)
		assert.equal(from.open, edge)
		assert.match(real.log(), /CONNECT 93\.184\.216\.34:443/)
		assert.ok(!real.log().includes('names.test'))
		await fine.stop()
		seen.open.requests.length = 0
		for (const flags of [['--egress-proxy-login-file', loginFile(wrong)], []]) {
			const refused = await start({ flags: ['--egress-proxy', real.url, ...flags] })
			const answer = await (await named([open], { server: refused })).call()
			assert.equal(answer.status, 502, answer.text)
			assert.match(answer.json.detail, /the proxy 10\.9\.9\.9:\d+ (wants|does not let)/)
			await refused.stop()
		}
		nothingSent()
	})
})
