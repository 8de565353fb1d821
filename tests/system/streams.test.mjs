// SPDX-License-Identifier: Apache-2.0
/*
 * Bodies as streams: nothing is gathered on the way, whoever does not read holds up whoever sends, an answer may
 * begin before the request has ended, and an end on one side is an end on the other.
 */
import assert from 'node:assert/strict'
import http from 'node:http'
import { before, it } from 'node:test'
import { residentBytes } from '../support/process.mjs'
import { connectRaw } from '../support/raw.mjs'
import { eventually, sleep, suite } from '../support/scope.mjs'
import { startRecorder } from '../support/wire.mjs'
import { bearerService } from '../support/definitions.mjs'
import { addService, newConnection, startBearerWorld } from '../support/worlds.mjs'

const mib = 1024 * 1024
/* What the buffers of both connections may hold (the kernel lets them grow to tens of MB), and a little more. */
const held = 96 * mib

suite('streams', (scope) => {
	let drawbridge, api, link
	const seen = {}

	const routes = {
		/* sends each piece back as it comes, from before the first */
		'/duplex'(request, response) {
			response.writeHead(200, { 'content-type': 'application/octet-stream' })
			response.flushHeaders()
			request.on('data', (chunk) => response.write(chunk)).on('end', () => response.end())
		},
		/* does not read the body until it is told */
		'/unread'(request, response) {
			seen.unread = { request, got: 0 }
			request.pause()
			request.on('data', (chunk) => { seen.unread.got += chunk.length }).on('end', () => response.end('read'))
			request.pause()
		},
		'/early'(request, response) {
			response.writeHead(413, { 'content-length': 9 }).end('too large')
		},
		'/early-close'(request, response) {
			response.writeHead(413, { 'content-length': 9, connection: 'close' })
			response.end('too large', () => request.socket.destroySoon())
		},
		/* pours without an end, and notes how much it could write and that it was closed */
		'/pour'(request, response) {
			seen.pour = { written: 0, closed: false }
			const chunk = Buffer.alloc(64 * 1024, 'p')
			const more = () => {
				while (!response.destroyed && seen.pour.written < 256 * mib) {
					seen.pour.written += chunk.length
					if (!response.write(chunk))
						return void response.once('drain', more)
				}
				response.end()
			}
			response.on('close', () => { seen.pour.closed = true })
			response.writeHead(200, { 'content-length': 256 * mib })
			more()
		}
	}

	before(async () => {
		({ drawbridge, api, link } = await startBearerWorld(scope, { api: { routes } }))
	})

	const head = (method, path, more = '') => `${method} /via/${link}${path} HTTP/1.1\r\nHost: x\r\n`
		+ `Authorization: Bearer ${drawbridge.key}\r\n${more}\r\n`

	it('a body is answered piece by piece while it is still being sent', async () => {
		for (const [framing, wrap] of [['Content-Length: 400000', (text) => text],
			['Transfer-Encoding: chunked', (text) => `${text.length.toString(16)}\r\n${text}\r\n`]]) {
			const raw = connectRaw(scope, drawbridge.port)
			raw.send(head('POST', '/duplex', `${framing}\r\n`))
			const answer = await raw.head()
			assert.equal(answer.status, 200)
			for (let n = 0; n < 20; n++) {
				const piece = String.fromCharCode(97 + n).repeat(20_000)
				raw.send(wrap(piece))
				let got = ''
				while (got.length < piece.length) {
					const size = parseInt(await raw.line(), 16)
					got += (await raw.bytes(size)).toString()
					await raw.line()
				}
				assert.equal(got, piece)
			}
			raw.send(framing.startsWith('Transfer') ? '0\r\n\r\n' : '')
			assert.equal(await raw.line(), '0\r\n')
			assert.equal(await raw.line(), '\r\n')
			raw.send(head('GET', '/echo')) /* and the connection goes on */
			assert.equal((await raw.answer()).status, 200)
			raw.close()
		}
	})

	it('128 MiB cross in chunks both ways at once, in constant memory', async () => {
		const front = drawbridge.role('front')
		const before = residentBytes(front)
		const total = 128 * mib
		let most = 0, got = 0
		await new Promise((resolve, reject) => {
			const outgoing = http.request({ host: '127.0.0.1', port: drawbridge.port, path: `/via/${link}/duplex`,
				method: 'POST', headers: { authorization: `Bearer ${drawbridge.key}` } })
			outgoing.on('error', reject)
			outgoing.on('response', (response) => {
				response.on('data', (chunk) => {
					got += chunk.length
					if ((got & 0xffffff) < chunk.length)
						most = Math.max(most, residentBytes(front))
				}).on('end', resolve).on('error', reject)
			})
			const chunk = Buffer.alloc(256 * 1024, 'x')
			let sent = 0
			const more = () => {
				while (sent < total) {
					sent += chunk.length
					if (!outgoing.write(chunk))
						return void outgoing.once('drain', more)
				}
				outgoing.end()
			}
			more()
		})
		assert.equal(got, total)
		assert.ok(most - before < 16 * mib, `${((most - before) / mib).toFixed(1)} MiB more`)
	})

	it('a client that does not read holds the service up, and gets all of it later', async () => {
		const front = drawbridge.role('front')
		const before = residentBytes(front)
		const stream = await drawbridge.via(link, '/pour', { stream: true, timeout: 60_000, agent: undefined })
		stream.pause()
		await sleep(500)
		let last
		await eventually('the service to be held up', async () => {
			const now = seen.pour.written
			await sleep(300)
			last = now
			return now === seen.pour.written
		})
		assert.ok(last < held, `${(last / mib).toFixed(1)} MiB went in`)
		assert.ok(residentBytes(front) - before < 8 * mib)
		let got = 0
		for await (const chunk of stream)
			got += chunk.length
		assert.equal(got, 256 * mib)
	})

	it('a service that does not read holds the client up', async () => {
		const outgoing = http.request({ host: '127.0.0.1', port: drawbridge.port, path: `/via/${link}/unread`,
			method: 'POST', headers: { authorization: `Bearer ${drawbridge.key}`, 'content-length': 128 * mib } })
		const answered = new Promise((resolve, reject) => outgoing.on('response', resolve).on('error', reject))
		const chunk = Buffer.alloc(64 * 1024, 'u')
		let sent = 0
		const more = () => {
			while (sent < 128 * mib) {
				sent += chunk.length
				if (!outgoing.write(chunk))
					return void outgoing.once('drain', more)
			}
			outgoing.end()
		}
		more()
		let last
		await eventually('the client to be held up', async () => {
			last = sent
			await sleep(400)
			return seen.unread && last === sent
		})
		assert.ok(last < held, `${(last / mib).toFixed(1)} MiB went in`)
		seen.unread.request.resume()
		assert.equal((await answered).statusCode, 200)
		assert.equal(seen.unread.got, 128 * mib)
	})

	it('an answer that comes before the body has been sent reaches the client, which may stop then', async () => {
		for (const path of ['/early', '/early-close']) {
			const raw = connectRaw(scope, drawbridge.port)
			raw.send(head('POST', path, 'Content-Length: 100000000\r\n') + 'b'.repeat(100_000))
			const answer = await raw.answer()
			assert.equal(answer.status, 413, path)
			assert.equal(answer.text, 'too large')
			assert.equal(answer.headers['drawbridge-error'], undefined)
			await eventually('the connection to be closed', () => raw.ended)
		}
	})

	it('a client that has said all and shuts its side still gets the answer', async () => {
		for (const path of ['/echo', '/slow?ms=400', '/large?bytes=3000000']) {
			const raw = connectRaw(scope, { port: drawbridge.port, host: '127.0.0.1', allowHalfOpen: true })
			raw.send(head('GET', path)).finish()
			assert.equal((await raw.answer()).status, 200, path)
			raw.close()
		}
	})

	it('a client that goes away in the middle of an answer frees the service', async () => {
		const stream = await drawbridge.via(link, '/pour', { stream: true, timeout: 60_000, agent: undefined })
		stream.once('data', () => stream.destroy())
		stream.on('error', () => {})
		await eventually('the service to be let go', () => seen.pour.closed)
	})

	it('an idle connection that the service closes as a request goes out: once more by method, and what is not held never',
		async () => {
			/* answers once on each connection, and closes it when the next request is on its way */
			const upstream = await startRecorder(scope, { answer(request, socket) {
				if (request.nth > 1)
					return socket.resetAndDestroy()
				socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${request.first.startsWith('HEAD') ? '' : 'ok'}`)
			} })
			await addService(drawbridge, bearerService('closing', { url: upstream.url }))
			const { link_name: closing } = await newConnection(drawbridge, 'closing', { credentials: { token: 'closing-1' } })
			const agent = new http.Agent({ keepAlive: true, maxSockets: 1 }) /* one worker, whose idle connection it is */
			scope.after(() => agent.destroy())
			const cases = [['GET', 0, 2], ['HEAD', 0, 2], ['OPTIONS', 0, 2], ['DELETE', 0, 2], ['DELETE', 10, 2], ['PUT', 10, 2],
				['PUT', 64 * 1024, 2], ['PUT', 64 * 1024 + 1, 1], ['POST', 10, 1], ['POST', 0, 1], ['PATCH', 10, 1]]
			for (const [method, size, times] of cases) {
				const what = `${method} of ${size} bytes`
				const path = `/${method}/${size}`
				assert.equal((await drawbridge.via(closing, '/idle', { agent })).status, 200)
				const { status, headers } = await drawbridge.via(closing, path, { method, agent,
					body: size ? Buffer.alloc(size, 'k') : undefined })
				const sent = upstream.requests.filter(({ first }) => first.startsWith(`${method} ${path} `))
				assert.equal(sent.length, times, what)
				assert.deepEqual([status, headers['drawbridge-error']],
					times === 2 ? [200, undefined] : [502, 'upstream_unreachable'], what)
			}
		})

	it('what is sent again after such an end is what may be sent then', async () => {
		let hold
		const upstream = await startRecorder(scope, { answer(request, socket) {
			if (request.nth > 1 && !request.first.includes('/idle'))
				hold = socket
			else
				socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
		} })
		await addService(drawbridge, bearerService('held', { url: upstream.url }))
		const { link_name: to } = await newConnection(drawbridge, 'held', { credentials: { token: 'held-1' } })
		const mine = await drawbridge.must('POST', '/v1/keys', { name: 'mine', role: 'builder' })
		const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
		scope.after(() => agent.destroy())
		const at = (action) => drawbridge.must('POST', `/v1/connections/${to}/${action}`)
		const cases = [
			['nothing', async () => {}, 200, undefined, ['held-1', 'held-1']],
			['other credentials', () => drawbridge.must('PUT', `/v1/connections/${to}/credentials`, { token: 'held-2' }),
				200, undefined, ['held-1', 'held-2']],
			['disabled', () => at('disable'), 409, 'connection_disabled', ['held-2']],
			['key revoked', () => drawbridge.must('DELETE', `/v1/keys/${mine.id}`), 502, 'upstream_unreachable', ['held-2']]]
		for (const [what, change, status, code, sent] of cases) {
			hold = undefined
			const key = what === 'key revoked' ? mine.key : undefined
			const path = `/${what.replace(' ', '-')}`
			assert.equal((await drawbridge.via(to, '/idle', { agent, key })).status, 200)
			const answer = drawbridge.via(to, path, { agent, key })
			await eventually('the call', () => hold)
			await change()
			hold.resetAndDestroy()
			const { status: told, headers } = await answer
			assert.deepEqual([told, headers['drawbridge-error']], [status, code], what)
			assert.deepEqual(upstream.requests.filter(({ first }) => first.startsWith(`GET ${path} `))
				.map(({ all }) => all('authorization')[0]), sent.map((token) => `Bearer ${token}`), what)
			if (what === 'disabled')
				await at('enable')
		}
	})

	it('an idle connection that the service has closed already is not used for a POST', async () => {
		const upstream = await startRecorder(scope, { answer(request, socket) {
			socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
			setTimeout(() => socket.end(), 5)
		} })
		await addService(drawbridge, bearerService('closed', { url: upstream.url }))
		const { link_name: closed } = await newConnection(drawbridge, 'closed', { credentials: { token: 'closed-1' } })
		for (let n = 0; n < 20; n++) {
			assert.equal((await drawbridge.via(closed, `/${n}`, { method: 'POST', body: 'x' })).status, 200)
			await sleep(30)
		}
		assert.equal(upstream.requests.length, 20)
	})

	it('chunks that a client\'s end or reset cuts off never end well at the service', async () => {
		const upstream = await startRecorder(scope)
		await addService(drawbridge, bearerService('recorded', { url: upstream.url }))
		const { link_name: to } = await newConnection(drawbridge, 'recorded', { credentials: { token: 'recorded-1' } })
		const cuts = ['5\r\nwhole\r\n', '5\r\nwhole', '5\r\nwh', '5\r', '5', '5\r\nwhole\r\n0', '5\r\nwhole\r\n0\r\n',
			'5\r\nwhole\r\n0\r\nX-Trailer: 1\r\n', '']
		const begin = `POST /via/${to}/cut HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${drawbridge.key}\r\n`
			+ 'Transfer-Encoding: chunked\r\n\r\n'
		for (const cut of cuts) {
			const raw = connectRaw(scope, { port: drawbridge.port, host: '127.0.0.1', allowHalfOpen: true })
			raw.send(begin + cut).finish()
			assert.equal((await raw.answer()).status, 400, JSON.stringify(cut))
			const gone = connectRaw(scope, drawbridge.port)
			gone.send(begin + cut)
			await new Promise((resolve) => setImmediate(resolve))
			gone.socket.resetAndDestroy()
		}
		/* the same whole, last of all: the recorder sees what is whole */
		const raw = connectRaw(scope, drawbridge.port)
		raw.send(`${begin}5\r\nwhole\r\n0\r\n\r\n`)
		assert.equal((await raw.answer()).status, 200)
		assert.deepEqual(upstream.requests.map(({ body }) => body.toString()), ['whole'])
		assert.deepEqual(upstream.malformed, [])
	})

	it('a body with a length that a client\'s end or reset cuts off is no whole request, nor the start of the next', async () => {
		const upstream = await startRecorder(scope)
		await addService(drawbridge, bearerService('measured', { url: upstream.url }))
		const { link_name: to } = await newConnection(drawbridge, 'measured', { credentials: { token: 'measured-1' } })
		const begin = `POST /via/${to}/cut HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${drawbridge.key}\r\n`
			+ 'Content-Length: 5\r\n\r\n'
		const next = []
		const calls = async () => {
			for (let n = 0; n < 24; n++) { /* by any worker: each has idle connections of its own */
				next.push(`/next/${next.length}`)
				assert.equal((await drawbridge.via(to, next.at(-1), { agent: false })).status, 200)
			}
		}
		for (const cut of ['', 'w', 'whol']) {
			const raw = connectRaw(scope, { port: drawbridge.port, host: '127.0.0.1', allowHalfOpen: true })
			raw.send(begin + cut).finish()
			assert.equal((await raw.answer()).status, 400, JSON.stringify(cut))
			await calls()
			const { received } = upstream
			const gone = connectRaw(scope, drawbridge.port)
			gone.send(begin + cut)
			await eventually('its start to be sent on', () => upstream.received > received)
			gone.socket.resetAndDestroy()
			await calls()
		}
		/* the same whole, last of all: the recorder sees what is whole */
		const raw = connectRaw(scope, drawbridge.port)
		raw.send(`${begin}whole`)
		assert.equal((await raw.answer()).status, 200)
		assert.deepEqual(upstream.requests.map(({ first, body }) => `${first.split(' ')[1]} ${body}`),
			[...next.map((path) => `${path} `), '/cut whole'])
		assert.deepEqual(upstream.malformed, [])
	})
})
