// SPDX-License-Identifier: Apache-2.0
/*
 * Names against the owner's list: a name server that turns, addresses beside the allowed one, metadata within an
 * allowed network. A trap listens on all that must not be reached.
 */
import assert from 'node:assert/strict'
import net from 'node:net'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { startAuthority } from '../support/ca.mjs'
import { bearerService } from '../support/definitions.mjs'
import { startDns } from '../support/dns.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { enterNamespace } from '../support/netns.mjs'
import { suite } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const desk = '10.1.2.3'
const desk6 = 'fd12:3456::3'
const traps = ['10.1.2.4', '10.1.3.3', '169.254.169.254', '100.100.100.200', '192.168.1.1', 'fd12:3457::3', 'fd00:ec2::254']
const wide = 8099

await enterNamespace(import.meta.url, { dns: '127.0.0.53', addresses: [desk, desk6, ...traps]
	.map((address) => `${address}/${address.includes(':') ? 128 : 32}`) })

suite('private destinations of the owner and names', (scope) => {
	let drawbridge, dns, caught, count = 0
	const seen = {}
	const token = 'named-token-9917'

	function setTrap(address, port) {
		const server = net.createServer((socket) => {
			caught.push(`${address}:${port}`)
			socket.destroy()
		})
		scope.after(() => new Promise((resolve) => server.close(resolve)))
		return new Promise((resolve, reject) => server.once('error', reject).listen(port, address, resolve))
	}

	before(async () => {
		caught = []
		for (const address of traps)
			await setTrap(address, 443)
		await setTrap(desk, 8443)
		const authority = await startAuthority(scope)
		const tls = await authority.issue(['*.names.test'])
		for (const host of [desk, desk6])
			seen[host] = await startApi(scope, { tls, host, port: 443, check: (given) => given === token,
				routes: { '/echo': (request, response) =>
					response.writeHead(200, { connection: 'close', 'content-length': 0 }).end() } })
		dns = await startDns(scope, {})
		drawbridge = await startDrawbridge(scope, { caFile: authority.file, egress: [],
			flags: ['--listen', `0.0.0.0:${wide}`] })
		for (const destination of [`${desk}:443`, '[fd12:3456::]/48:443', '100.64.0.0/10:443', `10.0.0.0/8:${wide}`]) {
			const done = await drawbridge.cli(['egress', 'allow', destination])
			assert.equal(done.status, 0, `${destination}: ${done.stderr}`)
		}
	})

	beforeEach(() => {
		caught.length = 0
		for (const api of Object.values(seen))
			api.requests.length = 0
	})

	async function named(records, port = 443, scheme = 'https') {
		const id = `named_${++count}`
		const host = `n${count}.names.test`
		dns.names[host] = records
		await addService(drawbridge, bearerService(id, { url: `${scheme}://${host}:${port}` }))
		const { link_name: link } = await newConnection(drawbridge, id, { credentials: { token } })
		return () => drawbridge.via(link, '/echo')
	}

	const assertRefused = (answer, what) => {
		assert.equal(answer.status, 403, `${what}: ${answer.status} ${answer.text}`)
		assert.equal(answer.headers['drawbridge-error'], 'destination_not_allowed', what)
		assert.deepEqual(caught, [], what)
	}

	it('a name that leads to an allowed destination is called', async () => {
		assert.equal((await (await named([desk]))()).status, 200)
		assert.equal((await (await named([desk6]))()).status, 200)
		assert.equal((await (await named(['::ffff:10.1.2.3']))()).status, 200, 'judged, and reached, as IPv4')
		assert.equal(seen[desk].requests.length + seen[desk6].requests.length, 3)
	})

	it('one that leads beside it is refused', async () => {
		for (const address of ['10.1.2.4', '10.1.3.3', '192.168.1.1', 'fd12:3457::3', '::ffff:10.1.2.4', '64:ff9b::10.1.2.3',
			'127.0.0.1', '::1', '0.0.0.0', '169.254.169.254'])
			assertRefused(await (await named([address]))(), address)
		assertRefused(await (await named([desk], 8443))(), 'another port')
	})

	it('one that turns away from it is refused from then on, and of several the others are struck', async () => {
		const call = await named((type, asked) => type === 'A' ? [asked === 1 ? desk : '10.1.2.4'] : [])
		assert.equal((await call()).status, 200)
		assertRefused(await call(), 'the second time')
		const mixed = await named(['10.1.2.4', desk, '192.168.1.1', '169.254.169.254'])
		for (let n = 0; n < 3; n++)
			assert.equal((await mixed()).status, 200)
		assert.deepEqual(caught, [])
	})

	it('metadata addresses are refused also where an allowed network has them', async () => {
		assertRefused(await (await named(['100.100.100.200']))(), 'within 100.64.0.0/10')
		assertRefused(await (await named(['fd00:ec2::254']))(), 'which cannot be allowed')
	})

	it('where Drawbridge listens on all addresses, none of this machine is reached at that port', async () => {
		const answer = await (await named([desk], wide, 'http'))()
		assertRefused(answer, 'its own listener')
		assert.match(answer.json.detail, /Drawbridge itself listens/)
		const elsewhere = await (await named(['10.77.77.77'], wide, 'http'))()
		assert.ok([502, 504].includes(elsewhere.status), `another machine's is allowed: ${elsewhere.text}`)
	})
})
