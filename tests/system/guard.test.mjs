// SPDX-License-Identifier: Apache-2.0
/*
 * The guard: a credential goes to its service's hosts and nowhere else, and nothing goes to an address that the
 * operator has not allowed. Names of the tests resolve inside a namespace; a trap listens on every private address
 * that they could reach and must stay empty.
 */
import assert from 'node:assert/strict'
import net from 'node:net'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { bearerService, keyService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { enterNamespace } from '../support/netns.mjs'
import { suite } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const traps = ['127.0.0.1', '10.1.2.3', '169.254.169.254', '192.168.1.1', '172.16.0.1', '100.64.0.1', '::1', 'fd00::1']
const port = 8081

await enterNamespace(import.meta.url, {
	addresses: traps.slice(1).map((address) => address === '::1' ? '' : `${address}/${address.includes(':') ? 128 : 32}`)
		.filter(Boolean),
	hosts: { 'api.service.test': '127.0.0.9', 'inside.service.test': '10.1.2.3', 'metadata.service.test': '169.254.169.254',
		'six.service.test': 'fd00::1', 'api.service.test.attacker.test': '10.1.2.3', 'evil-api.service.test': '10.1.2.3',
		'xapi.service.test': '10.1.2.3' }
})

suite('the guard', (scope) => {
	let drawbridge, api, link, caught
	const token = 'guarded-token-4711'

	/* Listens on all the trap's addresses: whoever connects is noted. */
	function setTrap(address, at) {
		const server = net.createServer((socket) => {
			caught.push(`${address}:${at}`)
			socket.destroy()
		})
		scope.after(() => new Promise((resolve) => server.close(resolve)))
		return new Promise((resolve, reject) => server.once('error', reject).listen(at, address, resolve))
	}

	before(async () => {
		caught = []
		for (const address of traps)
			for (const at of [80, 443, port])
				await setTrap(address, at)
		api = await startApi(scope, { check: (given) => given === token, host: '127.0.0.9' })
		drawbridge = await startDrawbridge(scope, { egress: [`127.0.0.9/32:${api.port}`] })
		await addService(drawbridge, bearerService('guarded', { url: `http://api.service.test:${api.port}` }))
		;({ link_name: link } = await newConnection(drawbridge, 'guarded', { name: 'Guarded', credentials: { token } }))
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})

	beforeEach(() => {
		caught.length = 0
		api.requests.length = 0
	})

	const nothingSent = () => {
		assert.deepEqual(caught, [])
		assert.equal(api.requests.length, 0)
	}

	for (const host of ['inside.service.test', 'api.service.test.attacker.test', 'evil-api.service.test',
		'xapi.service.test', 'service.test', 'api.service.tes', 'example.com', 'аpi.service.test'])
		it(`another host, ${host}, is refused: destination_not_allowed`, async () => {
			for (const scheme of ['http', 'https']) {
				const answer = await drawbridge.via(link, encodeURI(`/${scheme}://${host}/echo`))
				assert.ok([400, 403].includes(answer.status), `${answer.status} ${answer.text}`)
				assert.ok(answer.headers['drawbridge-error'])
				if (!/[^\x20-\x7e]/.test(host)) {
					assert.equal(answer.status, 403)
					assert.equal(answer.headers['drawbridge-error'], 'destination_not_allowed')
				}
			}
			nothingSent()
		})

	it('another port of the service\'s own host is refused', async () => {
		const answer = await drawbridge.via(link, `/http://api.service.test:${port}/echo`)
		assert.equal(answer.status, 403)
		nothingSent()
	})

	it('https in place of the base URL\'s http is another port, and refused', async () => {
		assert.equal((await drawbridge.via(link, '/https://api.service.test/echo')).status, 403)
		nothingSent()
	})

	it('a user in front of the host is 400', async () => {
		for (const target of [`/http://user@api.service.test:${api.port}/echo`,
			`/http://api.service.test:${api.port}@10.1.2.3/echo`, '/http://api.service.test%4010.1.2.3/echo']) {
			const answer = await drawbridge.via(link, target)
			assert.equal(answer.status, 400, `${target}: ${answer.status}`)
		}
		nothingSent()
	})

	it('upper case and one trailing dot name the same host', async () => {
		for (const host of ['API.Service.Test', 'api.service.test.'])
			assert.equal((await drawbridge.via(link, `/http://${host}:${api.port}/echo`)).status, 200, host)
	})

	/* Hosts that a definition may name, as they are written in its base URL, and as in its hosts where that differs. */
	const spellings = ['127.0.0.1', '[::]', '[::1]', '[::ffff:127.0.0.1]', '[64:ff9b::7f00:1]', '[64:ff9b::a01:203]', '10.1.2.3',
		'192.168.1.1', '172.16.0.1', '100.64.0.1', '169.254.169.254', '[fd00::1]', '[fe80::1]', '0.0.0.0', 'localhost',
		['127.0.0.1.', '127.0.0.1'], ['LOCALHOST', 'localhost'], ['[::ffff:7f00:1]', '[::ffff:127.0.0.1]'],
		['[0:0:0:0:0:0:0:1]', '[::1]'], ['[FD00::1]', '[fd00::1]']].map((spelling) => [spelling, spelling].flat().slice(-2))

	const privately = (id, host, canonical = host) =>
		keyService(id, { url: `http://${host}:${port}`, hosts: [`${canonical}:${port}`] })

	it('a private address in any spelling is refused, although the service itself names it', async () => {
		for (const [count, [host, canonical]] of spellings.entries()) {
			const id = await addService(drawbridge, privately(`private_${count}`, host, canonical))
			const connection = await newConnection(drawbridge, id, { credentials: { api_key: 'k-secret-1' } })
			const answer = await drawbridge.via(connection.link_name, '/echo')
			assert.equal(answer.status, 403, `${host}: ${answer.status} ${answer.text}`)
			assert.equal(answer.headers['drawbridge-error'], 'destination_not_allowed', host)
		}
		nothingSent()
	})

	it('what other programs take for an address is no host of a definition', async () => {
		for (const host of ['127.1', '2130706433', '0177.0.0.1', '0x7f.0.0.1', '0x7f000001', '0', '①②⑦.0.0.1', '127。0。0。1']) {
			const { status, json, text } = await drawbridge.api('POST', '/v1/services', privately('no_host', host))
			assert.equal(status, 400, `${host}: ${text}`)
			assert.ok(json.problems.some(({ pointer }) => pointer === '/api/base_url'), `${host}: ${text}`)
		}
	})

	it('a name that resolves to a private or metadata address is refused', async () => {
		for (const host of ['inside.service.test', 'metadata.service.test', 'six.service.test']) {
			const id = host.split('.')[0] + '_name'
			await addService(drawbridge, keyService(id, { url: `http://${host}:${port}` }))
			const connection = await newConnection(drawbridge, id, { credentials: { api_key: 'k-secret-1' } })
			const answer = await drawbridge.via(connection.link_name, '/latest/meta-data/')
			assert.equal(answer.status, 403, `${host}: ${answer.status} ${answer.text}`)
			assert.equal(answer.headers['drawbridge-error'], 'destination_not_allowed')
		}
		nothingSent()
	})

	it('a redirect is not followed: it goes back, and the credential stays', async () => {
		let count = 0
		for (const to of ['foreign', 'metadata', 'own']) {
			const answer = await drawbridge.via(link, `/redirect?to=${to}`)
			assert.equal(answer.status, 302, answer.text)
			assert.equal(api.requests.length, ++count)
			if (to === 'own') /* an SDK that follows it stays on the bridge */
				assert.ok(answer.headers.location.startsWith(`/via/${link}/`), answer.headers.location)
		}
		assert.deepEqual(caught, [])
	})

	it('hosts of a definition that change after the credential was given do not get it', async () => {
		const thief = await startApi(scope, { host: '127.0.0.9' })
		await drawbridge.stop()
		drawbridge = await startDrawbridge(scope, { egress: [`127.0.0.9/32:${api.port}`, `127.0.0.9/32:${thief.port}`] })
		const id = 'changing'
		await addService(drawbridge, bearerService(id, { url: `http://api.service.test:${api.port}` }))
		const { link_name: changing } = await newConnection(drawbridge, id, { credentials: { token } })
		assert.equal((await drawbridge.via(changing, '/echo')).status, 200)
		const other = `http://api.service.test:${thief.port}`
		await drawbridge.must('PUT', `/v1/services/${id}`, bearerService(id, { url: other }))
		for (const path of ['/echo', `/${other}/echo`]) {
			const answer = await drawbridge.via(changing, path)
			assert.equal(answer.status, 403, answer.text)
			assert.equal(answer.headers['drawbridge-error'], 'destination_not_allowed')
		}
		assert.equal(thief.requests.length, 0)
		/* what was taken away counts at once, too */
		assert.equal((await drawbridge.via(changing, `/http://api.service.test:${api.port}/echo`)).status, 403)
		await drawbridge.must('PUT', `/v1/connections/${changing}/credentials`, { token })
		assert.equal((await drawbridge.via(changing, '/echo')).status, 200)
		assert.equal(thief.requests.length, 1)
	})

	const opening = ['Metadata-Flavor', 'metadata_flavor', 'X-Google-Metadata-Request', 'Metadata', 'X-aws-ec2-metadata-token',
		'X_AWS-EC2_metadata.token-ttl-seconds', 'X-aliyun-ecs-metadata-token', 'Metadata-Token', 'Metadata-Token-Expiry-Seconds']

	it('what a metadata service wants to see goes nowhere: not from a client, a webhook block or a definition', async () => {
		const own = await startApi(scope, { host: '127.0.0.9' })
		await drawbridge.stop()
		drawbridge = await startDrawbridge(scope, { egress: [`127.0.0.9/32:${own.port}`] })
		const url = `http://api.service.test:${own.port}`
		await addService(drawbridge, keyService('opening', { url }))
		const { link_name: to } = await newConnection(drawbridge, 'opening', { credentials: { api_key: 'k-secret-1' } })
		const headers = Object.fromEntries([...opening, 'X-Metadata-Kept'].map((name) => [name, 'Google']))
		assert.equal((await drawbridge.via(to, '/echo', { headers })).status, 200)
		assert.equal((await drawbridge.via(to, `/${url}/echo`, { method: 'PUT', headers })).status, 200)
		assert.equal(own.requests.length, 2)
		for (const { headers: seen } of own.requests)
			assert.deepEqual(Object.keys(seen).filter((name) => /metadata/i.test(name)), ['x-metadata-kept'])
		for (const name of opening) {
			const run = await drawbridge.api('POST', '/v1/webhooks/run', { connection: to,
				request: { method: 'GET', url: '/echo', headers: [{ name, value: 'Google' }] } })
			assert.equal(run.status, 400, name)
			assert.equal(run.json.pointer, '/request/headers/0/name')
			const made = await drawbridge.api('POST', '/v1/services',
				keyService('opened', { url, base: { headers: { [name]: 'Google' } } }))
			assert.equal(made.status, 400, `${name}: ${made.text}`)
			assert.equal((await drawbridge.api('POST', '/v1/services', keyService('opened', { url },
				{ in: 'header', name, value: '{api_key}' }))).status, 400, name)
		}
		assert.equal(own.requests.length, 2)
		assert.deepEqual(caught, [])
	})
})
