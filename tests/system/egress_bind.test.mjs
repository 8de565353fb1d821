// SPDX-License-Identifier: Apache-2.0
/*
 * A fixed address to call from (--egress-bind): whoever is on a public address, or is the proxy on the way there, sees
 * that one and no other; private destinations are reached as routes say. Where it cannot be had, nothing is sent.
 */
import assert from 'node:assert/strict'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { startAuthority } from '../support/ca.mjs'
import { startConnectProxy } from '../support/connect_proxy.mjs'
import { bearerService, clientCredentialsService } from '../support/definitions.mjs'
import { startDns } from '../support/dns.mjs'
import { binary, startDrawbridge } from '../support/drawbridge.mjs'
import { enterNamespace } from '../support/netns.mjs'
import { run } from '../support/process.mjs'
import { suite, temporaryFolder } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const open = '93.184.216.34'
const open6 = '2a00:1450::1'
const dead = '93.184.216.35'
const ours = '93.184.216.99'
const ours6 = '2a00:1450::99'
const inside = '10.1.2.3'
const edge = '10.9.9.9' /* where the proxy listens */

await enterNamespace(import.meta.url, { dns: '127.0.0.53', addresses: [open, open6, ours, ours6, inside, edge]
	.map((address) => `${address}/${address.includes(':') ? 128 : 32}`) })

suite('a fixed address to call from', (scope) => {
	let authority, dns, both, count = 0
	const seen = {}
	const token = 'bound-token-3362'

	before(async () => {
		authority = await startAuthority(scope)
		const leaf = await authority.issue(['*.names.test'])
		for (const [name, host] of [['open', open], ['open6', open6], ['inside', inside]]) {
			seen[name] = await startApi(scope, { tls: leaf, host, port: 443, check: (given) => given === token })
		}
		dns = await startDns(scope, {})
		both = await start([ours, ours6])
	})

	const start = (addresses, flags = []) => startDrawbridge(scope, { caFile: authority.file, egress: [`${inside}/32:443`],
		flags: [...addresses.flatMap((address) => ['--egress-bind', address]), ...flags] })

	beforeEach(() => {
		for (const { requests } of Object.values(seen))
			requests.length = 0
	})

	/* A connection to a service of its own whose name resolves to records; its call(). */
	async function named(records, server = both) {
		const id = `bound_${++count}`
		const host = `n${count}.names.test`
		dns.names[host] = records
		await addService(server, bearerService(id, { url: `https://${host}` }, { allow_http: undefined }))
		const { link_name: link } = await newConnection(server, id, { credentials: { token } })
		return () => server.via(link, '/echo')
	}

	const cannot = (answer) => {
		assert.equal(answer.status, 502, answer.text)
		assert.equal(answer.headers['drawbridge-error'], 'upstream_unreachable')
		assert.match(answer.json.detail, /no connection to .* can be made from the addresses of --egress-bind/)
	}

	/* Every request to this one came from there. */
	const cameFrom = (name, address) =>
		assert.deepEqual([...new Set(seen[name].requests.map((one) => one.from))], [address])

	const nothingSent = () => {
		for (const [name, { requests }] of Object.entries(seen))
			assert.equal(requests.length, 0, name)
	}

	it('services on public addresses see it, of either kind', async () => {
		for (const [records, name, address] of [[[open], 'open', ours], [[open6], 'open6', ours6]]) {
			const call = await named(records)
			for (let n = 0; n < 6; n++)
				assert.equal((await call()).status, 200)
			assert.equal(seen[name].requests.length, 6)
			cameFrom(name, address)
		}
	})

	it('so does a token endpoint', async () => {
		dns.names['tokens.names.test'] = [open]
		const id = await addService(both, clientCredentialsService('machine', { endpoints: { token: 'https://tokens.names.test/token' } },
			{ url: 'https://a.names.test' }, { allow_http: undefined }), { client_id: 'machine', client_secret: 'machine-secret-55023' })
		await both.must('POST', '/v1/connections', { name: 'Machine', service: id, scopes: ['tickets.read'] })
		assert.ok(seen.open.requests.some(({ path }) => path === '/token'))
		cameFrom('open', ours)
	})

	it('a private destination that was allowed is reached as routes say', async () => {
		assert.equal((await (await named([inside]))()).status, 200)
		cameFrom('inside', inside)
	})

	it('an address that nobody answers at leaves the next one', async () => {
		assert.equal((await (await named([dead, open]))()).status, 200)
		cameFrom('open', ours)
	})

	it('where one was named for IPv4 alone, IPv6 is not used', async () => {
		const server = await start([ours])
		const call = await named([open6, open], server)
		for (let n = 0; n < 4; n++)
			assert.equal((await call()).status, 200)
		cameFrom('open', ours)
		assert.equal(seen.open6.requests.length, 0)
		seen.open.requests.length = 0
		cannot(await (await named([open6], server))())
		nothingSent()
		await server.stop()
	})

	it('the proxy on the way there sees it, wherever the proxy is', async () => {
		const proxy = await startConnectProxy(scope, { host: edge, port: 3128 })
		const server = await start([ours], ['--egress-proxy', `http://${edge}:3128`])
		assert.equal((await (await named([open], server))()).status, 200)
		assert.deepEqual([...new Set(proxy.asked.map((one) => one.from))], [ours])
		await server.stop()
		const wrong = await start([ours6], ['--egress-proxy', `http://${edge}:3128`])
		seen.open.requests.length = 0
		cannot(await (await named([open], wrong))())
		nothingSent()
		await wrong.stop()
	})

	it('when the machine loses it, nothing is sent from another; when it is back, calls go on', async () => {
		const server = await start([ours])
		const call = await named([dead, open], server)
		const ip = async (what) => assert.equal((await run('ip', ['address', what, `${ours}/32`, 'dev', 'lo'])).status, 0)
		await ip('delete')
		try {
			seen.open.requests.length = 0
			cannot(await (await named([open], server))())
			nothingSent()
		} finally {
			await ip('add')
		}
		assert.equal((await call()).status, 200)
		cameFrom('open', ours)
		await server.stop()
	})

	it('what cannot be meant is refused at the start', async () => {
		for (const [addresses, words] of [[['93.184.216.98'], /93\.184\.216\.98 is no address of this machine/],
			[['eth0'], /eth0 is no IP address/], [['93.184.216.99:80'], /is no IP address/], [['[::1]'], /is no IP address/],
			[['0.0.0.0'], /0\.0\.0\.0 is any address; name one/], [['::'], /:: is any address; name one/],
			[['::ffff:93.184.216.99'], /is an IPv4 address; write it as one/],
			[[ours, '127.0.0.1'], /127\.0\.0\.1 is a second one of its kind/]]) {
			const { status, stderr } = await run(binary, ['serve', '--data', temporaryFolder(scope, 'refused'), '--listen',
				'127.0.0.1:7072', ...addresses.flatMap((address) => ['--egress-bind', address])], { timeout: 20_000 })
			assert.notEqual(status, 0, addresses.join(' '))
			assert.match(stderr, words, addresses.join(' '))
		}
	})
})
