// SPDX-License-Identifier: Apache-2.0
/*
 * The guard against names: an attacker's own name server answers as it likes, and differently each time. Whatever it
 * says, a connection goes to an address that was judged, and to no other. A trap on every private address that the
 * names lead to must stay empty; "public" addresses are of this namespace's own loopback device.
 */
import assert from 'node:assert/strict'
import https from 'node:https'
import net from 'node:net'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { startAuthority } from '../support/ca.mjs'
import { bearerService, clientCredentialsService } from '../support/definitions.mjs'
import { startDns } from '../support/dns.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { enterNamespace } from '../support/netns.mjs'
import { eventually, suite } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const open = '93.184.216.34'
const open6 = '2a00:1450::1'
const dead = '93.184.216.35'
const others = ['93.184.216.36', '93.184.216.37', '93.184.216.38']
const inside = ['10.1.2.3', '127.0.0.1', '169.254.169.254', '192.168.1.1', 'fd00::1', '::1']

/* A look-up takes much longer than anybody waits for it. */
await enterNamespace(import.meta.url, { dns: '127.0.0.53', resolver: 'timeout:30 attempts:1',
	addresses: [open, open6, ...others, ...inside.filter((address) => !/^(127|::1)/.test(address))]
		.map((address) => `${address}/${address.includes(':') ? 128 : 32}`) })

suite('the guard and names', (scope) => {
	let drawbridge, dns, caught, authority, count = 0
	const seen = {}
	const token = 'named-token-4711'

	function setTrap(address, port = 443) {
		const server = net.createServer((socket) => {
			caught.push(address)
			socket.destroy()
		})
		scope.after(() => new Promise((resolve) => server.close(resolve)))
		return new Promise((resolve, reject) => server.once('error', reject).listen(port, address, resolve))
	}

	before(async () => {
		caught = []
		for (const address of inside)
			await setTrap(address)
		for (const address of [open, open6])
			await setTrap(address, 80) /* where nothing goes without TLS */
		authority = await startAuthority(scope)
		const tls = await authority.issue(['*.names.test', 'names.test'])
		for (const host of [open, open6]) {
			seen[host] = await startApi(scope, { tls, host, port: 443, check: (given) => given === token,
				/* no connection is used twice: each call looks its name up */
				routes: { '/echo': (request, response) =>
					response.writeHead(200, { connection: 'close', 'content-length': 0 }).end(),
				'/to': (request, response) => response.writeHead(302, { connection: 'close', 'content-length': 0,
					location: new URL(request.url, 'http://x').searchParams.get('url') }).end() } })
		}
		dns = await startDns(scope, {})
		drawbridge = await startDrawbridge(scope, { caFile: authority.file, egress: [] })
	})

	beforeEach(() => {
		caught.length = 0
		dns.asked.length = 0
		for (const api of Object.values(seen))
			api.requests.length = 0
	})

	/* A connection to a service at a name of its own, which resolves to records. */
	async function named(records) {
		const id = `named_${++count}`
		const host = `n${count}.names.test`
		dns.names[host] = records
		await addService(drawbridge, bearerService(id, { url: `https://${host}` }, { allow_http: undefined }))
		const { link_name: link } = await newConnection(drawbridge, id, { credentials: { token } })
		return { link, host, call: () => drawbridge.via(link, '/echo') }
	}

	const assertRefused = (answer, what) => {
		assert.equal(answer.status, 403, `${what}: ${answer.status} ${answer.text}`)
		assert.equal(answer.headers['drawbridge-error'], 'destination_not_allowed', what)
		assert.deepEqual(caught, [], what)
	}

	it('a name that is public is called', async () => {
		const { call } = await named([open])
		assert.equal((await call()).status, 200)
		assert.equal(seen[open].requests.length, 1)
	})

	it('a name that turns private after it was judged leads nowhere', async () => {
		const { call, host } = await named((type, asked) => type === 'A' ? [asked === 1 ? open : '10.1.2.3'] : [])
		assert.equal((await call()).status, 200)
		assert.equal(dns.asked.filter(({ name, type }) => name === host && type === 'A').length, 1, 'one look-up a call')
		assertRefused(await call(), 'the second time')
		assert.equal(seen[open].requests.length, 1)
	})

	it('a name that turns public after it was refused is called then', async () => {
		const { call, host } = await named((type, asked) => type === 'A' ? [asked === 1 ? '127.0.0.1' : open] : [])
		assertRefused(await call(), 'the first time')
		assert.equal(dns.asked.filter(({ name, type }) => name === host && type === 'A').length, 1, 'one look-up a call')
		assert.equal((await call()).status, 200)
		assert.deepEqual(caught, [])
	})

	it('of several addresses the private ones are struck, in any order', async () => {
		for (const records of [[open, '10.1.2.3'], ['10.1.2.3', open], ['127.0.0.1', '169.254.169.254', open, '192.168.1.1'],
			['fd00::1', '::1', open], [open, '::ffff:10.1.2.3']]) {
			const { call } = await named(records)
			for (let n = 0; n < 3; n++)
				assert.equal((await call()).status, 200, `${records}`)
			assert.deepEqual(caught, [], `${records}`)
		}
	})

	it('where the public address is dead, the private one is not tried in its place', async () => {
		for (const records of [[dead, '10.1.2.3'], ['10.1.2.3', dead]]) {
			const { call } = await named(records)
			const answer = await call()
			assert.ok([502, 504].includes(answer.status), `${answer.status} ${answer.text}`)
			assert.deepEqual(caught, [])
		}
	})

	it('where all are private, the call is refused', async () => {
		for (const records of [['10.1.2.3'], ['127.0.0.1', '192.168.1.1'], ['0.0.0.0'], ['169.254.169.254'], ['100.64.0.1'],
			['255.255.255.255'], ['224.0.0.1'], ['fd00::1', '10.1.2.3']])
			assertRefused(await (await named(records)).call(), `${records}`)
	})

	it('an IPv6 address is judged by what it stands for', async () => {
		for (const address of ['::1', '::', 'fd00::1', 'fe80::1', 'fec0::1', '::ffff:127.0.0.1', '::ffff:10.1.2.3',
			'::ffff:169.254.169.254', '::10.1.2.3', '64:ff9b::10.1.2.3', '64:ff9b::127.0.0.1', '64:ff9b:1::10.1.2.3',
			'2002:a01:203::1', '2001::1', '2001:db8::1', 'ff02::1', '100::1', '3fff::1'])
			assertRefused(await (await named([address])).call(), address)
		const { call } = await named([open6])
		assert.equal((await call()).status, 200)
		assert.equal(seen[open6].requests.length, 1)
	})

	it('an alias is what it leads to', async () => {
		Object.assign(dns.names, { 'inside.names.test': ['10.1.2.3'], 'outside.names.test': [open],
			'far.names.test': [{ cname: 'near.names.test' }], 'near.names.test': [{ cname: 'inside.names.test' }],
			'turning.names.test': (type, asked) => type === 'A' ? [asked === 1 ? open : '10.1.2.3'] : [] })
		assert.equal((await (await named([{ cname: 'outside.names.test' }])).call()).status, 200)
		assertRefused(await (await named([{ cname: 'inside.names.test' }])).call(), 'an alias')
		assertRefused(await (await named([{ cname: 'far.names.test' }])).call(), 'an alias of an alias')
		const { call } = await named([{ cname: 'turning.names.test' }])
		assert.equal((await call()).status, 200)
		assert.deepEqual(caught, [])
	})

	it('hundreds of addresses leave none that was not judged', async () => {
		const { call } = await named([...Array(25).fill().map((_, n) => `10.1.3.${n}`), '10.1.2.3'])
		assertRefused(await call(), 'all private')
	})

	it('a name that is not there is 502, one whose server is silent 502 or 504, and both are told', async () => {
		const gone = await (await named(undefined)).call()
		assert.equal(gone.status, 502)
		assert.equal(gone.headers['drawbridge-error'], 'upstream_unreachable')
		assert.match(gone.json.detail, /cannot be looked up/)
		const began = Date.now()
		const silent = await (await named(null)).call()
		assert.ok([502, 504].includes(silent.status), silent.text)
		assert.ok(Date.now() - began < 8000, `${Date.now() - began} ms`)
	})

	it('one whose server is silent holds up no other name, however many call it and give up', async () => {
		const [silent, other] = [await named(null), await named([open])]
		const crowd = Array.from({ length: 64 }, () => silent.call())
		await eventually('the silent server to be asked', () => dns.asked.some(({ name }) => name === silent.host))
		assert.equal((await other.call()).status, 200)
		for (const { status, text } of await Promise.all(crowd))
			assert.ok([502, 504].includes(status), text)
		const asked = dns.asked.filter(({ name, type }) => name === silent.host && type === 'A').length
		assert.ok(asked <= 8, `${asked} look-ups for 64 calls`)
	})

	it('a token endpoint is judged the same way: its secret goes to no private address', async () => {
		dns.names['tokens.names.test'] = ['10.1.2.3']
		const peer = { endpoints: { token: 'https://tokens.names.test/token' } }
		const id = await addService(drawbridge, clientCredentialsService('machine', peer,
			{ url: 'https://outside.names.test' }, { allow_http: undefined }),
		{ client_id: 'machine', client_secret: 'machine-secret-88123' })
		await drawbridge.api('POST', '/v1/connections', { name: 'Machine', service: id, scopes: ['tickets.read'] })
		assert.ok(dns.asked.some(({ name }) => name === 'tokens.names.test'), 'its name was looked up')
		assert.deepEqual(caught, [])
	})

	/* A service at a public name, without TLS: the answer to a call, that of a webhook block through it, and a machine's
	 * connection whose token endpoint is there. */
	async function withoutTls(bridge, address) {
		const id = `plain_${++count}`
		const host = `n${count}.names.test`
		dns.names[host] = [address]
		await addService(bridge, bearerService(id, { url: `http://${host}` }))
		const { link_name: link } = await newConnection(bridge, id, { credentials: { token } })
		await addService(bridge, clientCredentialsService(`${id}_machine`, { endpoints: { token: `http://${host}/token` } },
			{ url: `http://${host}` }), { client_id: 'machine', client_secret: 'machine-secret-88123' })
		return { call: await bridge.via(link, '/echo'), host,
			run: await bridge.must('POST', '/v1/webhooks/run', { connection: link, request: { method: 'GET', url: '/echo' } }),
			machine: await bridge.must('POST', '/v1/connections', { name: id, service: `${id}_machine`, scopes: ['tickets.read'] }) }
	}

	it('without TLS nothing goes to a public address: no call, no webhook, no client secret', async () => {
		for (const address of [open, open6]) {
			const { call, run, machine, host } = await withoutTls(drawbridge, address)
			assertRefused(call, address)
			assert.match(call.json.detail, /without TLS/)
			assert.equal(run.problem?.code, 'destination_not_allowed', JSON.stringify(run))
			assert.equal(machine.status, 'not_connected')
			assert.match(machine.reason, /without TLS/)
			assert.ok(dns.asked.some(({ name }) => name === host), 'its name was looked up')
			assert.deepEqual(caught, [], address)
		}
	})

	it('a webhook without a connection, and one that is redirected, go by https alone', async () => {
		dns.names['plain.names.test'] = [open]
		const bare = await drawbridge.api('POST', '/v1/webhooks/run',
			{ request: { method: 'GET', url: 'http://plain.names.test/echo' } })
		assert.deepEqual([bare.status, bare.json.pointer], [400, '/request/url'], bare.text)
		assert.match(bare.json.detail, /by https alone/)
		const { link } = await named([open])
		for (const url of ['http://plain.names.test/echo', `http://${open}/echo`, `http://[${open6}]/echo`]) {
			const { status, code } = await redirected(link, url)
			assert.deepEqual([status, code], [302, undefined], url) /* the redirect is the answer */
		}
		assert.equal(seen[open].requests.length, 3)
		assert.deepEqual(caught, [])
	})

	it('where the operator allows a public address, calls go there without TLS', async () => {
		const bridge = await startDrawbridge(scope, { egress: [`${open}/32:80`] })
		const { call } = await withoutTls(bridge, open)
		assert.equal(call.status, 502, call.text)
		assert.deepEqual([...new Set(caught)], [open])
		assert.ok(caught.length >= 3, 'a call, a webhook, a token request')
		caught.length = 0
		assertRefused((await withoutTls(bridge, open6)).call, 'the other address')
	})

	/* A webhook's call through the connection of a name that redirects it: {status, problem}. */
	async function redirected(link, url) {
		const { response, problem } = await drawbridge.must('POST', '/v1/webhooks/run', { connection: link,
			request: { method: 'GET', url: `/to?url=${encodeURIComponent(url)}`, max_redirects: 3 } })
		return { status: response?.status, code: problem?.code }
	}

	it('a webhook\'s redirect to a name is judged as its first address was', async () => {
		const { link } = await named([open])
		Object.assign(dns.names, { 'private.names.test': ['10.1.2.3'], 'metadata.names.test': ['169.254.169.254'],
			'alias.names.test': [{ cname: 'private.names.test' }], 'mapped.names.test': ['::ffff:10.1.2.3'],
			'fine.names.test': [open6] })
		for (const host of ['private.names.test', 'metadata.names.test', 'alias.names.test', 'mapped.names.test']) {
			const { status, code } = await redirected(link, `https://${host}/echo`)
			assert.deepEqual([status, code], [undefined, 'destination_not_allowed'], host)
			assert.ok(dns.asked.some(({ name }) => name === host), `${host} was looked up`)
		}
		assert.deepEqual(caught, [])
		/* and one to a public name is followed, without the credential */
		assert.equal((await redirected(link, 'https://fine.names.test/echo')).status, 401)
		assert.deepEqual(seen[open6].requests.map(({ headers }) => headers.authorization), [undefined])
	})

	it('a name that turns private between two redirects leads nowhere', async () => {
		const turning = (type, asked) => type === 'A' ? [asked === 1 ? open : '10.1.2.3'] : []
		const { link, host } = await named(turning)
		const { status, code } = await redirected(link, `https://${host}/echo`)
		assert.deepEqual([status, code], [undefined, 'destination_not_allowed'])
		assert.equal(seen[open].requests.length, 1)
		assert.deepEqual(caught, [])
	})

	/* A token endpoint with this certificate: what it was asked, and how it answers. */
	async function startTokens(host, tls) {
		const tokens = { requests: [], status: 200, headers: {} }
		const server = https.createServer({ cert: tls.cert, key: tls.key }, (request, response) => {
			tokens.requests.push(request.url)
			request.resume().on('end', () => response.writeHead(tokens.status, { 'content-type': 'application/json',
				...tokens.headers }).end('{"access_token":"t0ken-of-names","token_type":"Bearer","expires_in":60}'))
		})
		scope.after(() => {
				server.close()
				server.closeAllConnections()
			})
		await new Promise((resolve, reject) => server.once('error', reject).listen(443, host, resolve))
		return tokens
	}

	async function connectMachine(host) {
		const id = `machine_${++count}`
		await addService(drawbridge, clientCredentialsService(id, { endpoints: { token: `https://${host}/token` } },
			{ url: 'https://outside.names.test' }, { allow_http: undefined }),
		{ client_id: 'machine', client_secret: 'machine-secret-88123' })
		return drawbridge.must('POST', '/v1/connections', { name: id, service: id, scopes: ['tickets.read'] })
	}

	it('a token endpoint\'s redirect is not followed, wherever it leads', async () => {
		dns.names['moved.names.test'] = [others[0]]
		dns.names['beyond.names.test'] = [open]
		const tokens = await startTokens(others[0], await authority.issue(['moved.names.test']))
		for (const status of [302, 307])
			for (const location of ['https://private.names.test/token', 'https://169.254.169.254/token',
				'https://beyond.names.test/echo', 'https://moved.names.test/again', '/again']) {
				Object.assign(tokens, { status, headers: { location } })
				assert.equal((await connectMachine('moved.names.test')).status, 'not_connected', `${status} ${location}`)
			}
		assert.equal(tokens.requests.length, 10)
		assert.ok(tokens.requests.every((url) => url === '/token'))
		assert.equal(seen[open].requests.length, 0)
		assert.ok(!dns.asked.some(({ name }) => ['private.names.test', 'beyond.names.test'].includes(name)))
		assert.deepEqual(caught, [])
		Object.assign(tokens, { status: 200, headers: {} })
		assert.equal((await connectMachine('moved.names.test')).status, 'connected')
	})

	it('a certificate for another name, for another address, or of yesterday gets nothing', async () => {
		const wrong = { 'another name': ['other.test', 'a.names.test', '*.names.test', 'b*.a.names.test', '*.b.a.names.test'],
			'another address': [open], 'of yesterday': ['b.a.names.test', others[1]], 'sound': ['b.a.names.test', others[1]] }
		for (const [what, names] of Object.entries(wrong)) {
			const tls = await authority.issue(names, { days: what === 'of yesterday' ? -1 : 30 })
			const api = { requests: [], handshakes: 0 }
			const server = https.createServer({ cert: tls.cert, key: tls.key }, (request, response) => {
				api.requests.push(request.url)
				request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json',
					connection: 'close' }).end('{"access_token":"t0ken-of-names","token_type":"Bearer","expires_in":60}'))
			}).on('tlsClientError', () => { api.handshakes += 1 })
			scope.after(() => {
				server.close()
				server.closeAllConnections()
			})
			await new Promise((resolve, reject) => server.once('error', reject).listen(443, others[1], resolve))
			dns.names['b.a.names.test'] = [others[1]]
			for (const to of ['b.a.names.test', others[1]]) {
				const id = `certified_${++count}`
				await addService(drawbridge, bearerService(id, { url: `https://${to}` }, { allow_http: undefined }))
				const { link_name: link } = await newConnection(drawbridge, id, { credentials: { token } })
				const answer = await drawbridge.via(link, '/echo')
				const run = await drawbridge.must('POST', '/v1/webhooks/run', { connection: link,
					request: { method: 'GET', url: '/echo' } })
				const machine = await connectMachine(to)
				if (what === 'sound') {
					assert.deepEqual([answer.status, run.response.status, machine.status], [200, 200, 'connected'], to)
					continue
				}
				assert.equal(answer.status, 502, `${what}, ${to}: ${answer.text}`)
				assert.equal(answer.headers['drawbridge-error'], 'upstream_unreachable')
				assert.match(answer.json.detail, /certificate/)
				assert.equal(run.problem.code, 'upstream_unreachable')
				assert.equal(machine.status, 'not_connected')
				assert.match(machine.reason, /certificate/)
			}
			if (what === 'sound')
				assert.equal(api.requests.length, 6)
			else
				assert.deepEqual([api.requests, api.handshakes], [[], 6], what)
			server.closeAllConnections()
			await new Promise((resolve) => server.close(resolve))
		}
	})

	it('the end of the server waits for no name that nobody waits for', async () => {
		const { call, host } = await named(null)
		assert.equal((await call()).status, 504)
		assert.ok(dns.asked.some(({ name }) => name === host))
		assert.equal((await connectMachine(host)).status, 'not_connected')
		await drawbridge.stop()
		assert.doesNotMatch(drawbridge.server.stderr, /does not stop/)
	})
})
