// SPDX-License-Identifier: Apache-2.0
/* Where a call waits, and whose credential it carries: the states in which nothing may hang or be mixed up. */
import assert from 'node:assert/strict'
import http from 'node:http'
import { before, it } from 'node:test'
import { bearerService } from '../support/definitions.mjs'
import { signedIn } from '../support/members.mjs'
import { connectRaw } from '../support/raw.mjs'
import { suite } from '../support/scope.mjs'
import { addService, newConnection, startBearerWorld } from '../support/worlds.mjs'

suite('the states of a call', (scope) => {
	let drawbridge, api, service, link
	const token = 'upstream-token-Zq81'

	const routes = {
		/* the head of a refusal, and nothing of its body */
		'/half'(request, response) {
			response.writeHead(401, { 'content-type': 'application/json', 'content-length': 100 })
			response.flushHeaders()
		},
		/* answers at once, and then says what comes in */
		async '/talk'(request, response) {
			response.writeHead(200, { 'content-type': 'text/plain' })
			response.write('hello\n')
			for await (const chunk of request)
				response.write(`got ${chunk}\n`)
			response.end('bye\n')
		},
		'/gone'(request, response) {
			response.socket.end('HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n')
		}
	}

	before(async () => {
		({ drawbridge, api, service, link } = await startBearerWorld(scope, { api: { routes } }))
		const judging = await addService(drawbridge, bearerService('judging', { url: api.url,
			base: { refresh_on: [{ when: { status: [401], body_has: 'expired' }, executed_nothing: true }] } }))
		await newConnection(drawbridge, judging, { name: 'Judged', credentials: { token } })
	})

	it('a refusal whose body never comes is 504, in the time that was given', async () => {
		const began = Date.now()
		const answer = await drawbridge.via('judged', '/half', { headers: { 'drawbridge-timeout': '1' } })
		assert.equal(answer.status, 504, answer.text)
		assert.equal(answer.headers['drawbridge-error'], 'upstream_timeout')
		assert.ok(Date.now() - began < 5000)
	})

	it('a service may answer while it is still being sent to', async () => {
		const lines = []
		await new Promise((resolve, reject) => {
			const outgoing = http.request({ host: '127.0.0.1', port: drawbridge.port, path: `/via/${link}/talk`, method: 'POST',
				headers: { authorization: `Bearer ${drawbridge.key}`, 'transfer-encoding': 'chunked' }, timeout: 5000 })
			outgoing.on('timeout', () => reject(new Error(`silence after ${lines}`)))
			outgoing.on('error', reject)
			outgoing.on('response', (response) => {
				let words = ['one', 'two', 'three']
				response.on('data', (chunk) => {
					lines.push(...String(chunk).trim().split('\n'))
					const word = words.shift()
					if (word)
						outgoing.write(word)
					else if (words)
						words = outgoing.end() && []
				})
				response.on('end', resolve)
				response.on('error', reject)
			})
			outgoing.flushHeaders()
		})
		assert.deepEqual(lines, ['hello', 'got one', 'got two', 'got three', 'bye'])
	})

	it('a 204 has no Content-Length, whatever the service says', async () => {
		const raw = connectRaw(scope, drawbridge.port)
		raw.send(`GET /via/${link}/gone HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${drawbridge.key}\r\n\r\n`)
		const answer = await raw.answer()
		assert.equal(answer.status, 204)
		assert.equal(answer.headers['content-length'], undefined)
	})

	it('a per-user connection carries the credential of whoever calls, and 409 tells who has none', async () => {
		const own = await newConnection(drawbridge, service, { per_user: true })
		const none = await drawbridge.via(own.link_name, '/echo')
		assert.equal(none.status, 409, none.text)
		assert.equal(none.json.code, 'connection_not_connected')
		await drawbridge.must('PUT', `/v1/connections/${own.link_name}/credentials`, { token })
		const answer = await drawbridge.via(own.link_name, '/echo')
		assert.equal(answer.status, 200, answer.text)
		assert.equal(api.last().headers.authorization, `Bearer ${token}`)
	})

	it('a key that is narrowed to methods cannot say that it means another', async () => {
		const key = await drawbridge.createKey('caller', '--connection', link, '--method', 'POST')
		await drawbridge.via(link, '/echo', { key, method: 'POST', body: 'x', headers: { 'X-HTTP-Method-Override': 'DELETE' } })
		assert.equal(api.last().headers['x-http-method-override'], undefined)
		await drawbridge.via(link, '/echo', { method: 'POST', body: 'x', headers: { 'X-HTTP-Method-Override': 'DELETE' } })
		assert.equal(api.last().headers['x-http-method-override'], 'DELETE')
	})

	it('a caller key cannot be made for a connection that its maker may not know of', async () => {
		const secret = await newConnection(drawbridge, service, { credentials: { token: 'x' } })
		const ada = await signedIn(drawbridge, 'ada@example.org')
		const ask = (links) => ada.ask('POST', '/v1/keys', { name: 'k', role: 'caller', connections: links })
		const hidden = await ask([secret.link_name]), absent = await ask(['nobody'])
		assert.equal(hidden.status, 400, hidden.text)
		assert.deepEqual(hidden.json, absent.json)
	})
})
