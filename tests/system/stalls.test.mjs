// SPDX-License-Identifier: Apache-2.0
/*
 * Services and token endpoints that stand still in each phase of a request: while they are connected to, in the TLS
 * handshake, while they are sent to, within the head or the body of their answer, or that go on so slowly that it
 * comes to the same. What hangs before an answer is in faults.test.mjs. The four of token endpoints take 18 s each;
 * they are begun first, and all together.
 */
import assert from 'node:assert/strict'
import net from 'node:net'
import { before, it } from 'node:test'
import { bearerService, clientCredentialsService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { listen } from '../support/http.mjs'
import { startProcess } from '../support/process.mjs'
import { connectRaw } from '../support/raw.mjs'
import { eventually, sleep, suite } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('a service that stands still', (scope) => {
	let drawbridge, tokens

	/* A server of bytes: serve(socket) once for each connection; its sockets end with the scope. */
	async function startPeer(serve) {
		const peer = { sockets: [], closed: 0 }
		peer.port = await listen(scope, net.createServer((socket) => {
			peer.sockets.push(socket)
			socket.on('error', () => {}).on('close', () => { peer.closed += 1 })
			serve(socket)
		}))
		scope.after(() => peer.sockets.forEach((socket) => socket.destroy()))
		peer.url = `http://127.0.0.1:${peer.port}`
		return peer
	}

	const answering = (...pieces) => (socket) => socket.once('data', async () => {
		for (const piece of pieces)
			await (typeof piece === 'number' ? sleep(piece) : socket.write(piece))
	})

	async function through(name, peer, more) {
		await addService(drawbridge, bearerService(name, { url: peer.url }, more))
		const { link_name: link } = await newConnection(drawbridge, name, { credentials: { token: `${name}-token-1` } })
		return link
	}

	async function lastCall(link, done) {
		let found
		await eventually('the record of the call', async () => {
			[found] = (await drawbridge.must('GET', `/v1/connections/${link}/calls`)).items
			return found && done(found)
		})
		return found
	}

	before(async () => {
		drawbridge = await startDrawbridge(scope, { flags: ['--body-timeout', '1s', '--answer-timeout', '2s'] })
		tokens = stalledTokens()
		tokens.catch(() => {})
	})

	/* ---- token endpoints, begun first ---- */

	/* Does not accept: its queue is full, and it is stopped. */
	async function startDeaf() {
		const source = 'const s = require("net").createServer().listen(0, "127.0.0.1", 1, () => console.log(s.address().port))'
		const deaf = startProcess(scope, process.execPath, ['-e', source], { stop: { signal: 'SIGKILL' } })
		const [, port] = await deaf.says(/(\d+)\n/)
		process.kill(deaf.pid, 'SIGSTOP')
		const crowd = Array.from({ length: 8 }, () => net.connect(port, '127.0.0.1').on('error', () => {}))
		scope.after(() => crowd.forEach((socket) => socket.destroy()))
		await sleep(500)
		return { url: `http://127.0.0.1:${port}` }
	}

	const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"access_token": "'

	async function stalledTokens() {
		const mute = await startPeer((socket) => socket.resume())
		mute.url = mute.url.replace('http:', 'https:')
		const drip = (socket) => socket.once('data', async () => {
			socket.write(head)
			while (!socket.destroyed && !socket.writableEnded) {
				socket.write('a')
				await sleep(200)
			}
		})
		const peers = { connect: await startDeaf(), tls: mute,
			body: await startPeer(answering(head)), drip: await startPeer(drip) }
		const entries = await Promise.all(Object.entries(peers).map(async ([phase, peer]) => {
			const id = await addService(drawbridge, clientCredentialsService(`stalled_${phase}`,
				{ endpoints: { token: `${peer.url}/token` } }, { url: 'http://127.0.0.1:9' }),
			{ client_id: phase, client_secret: `secret-of-${phase}-4711` })
			const began = Date.now()
			const made = await drawbridge.api('POST', '/v1/connections', { name: `Stalled ${phase}`, service: id,
				scopes: ['tickets.read'] }, { timeout: 60_000 })
			return [phase, { made, peer, ms: Date.now() - began }]
		}))
		return Object.fromEntries(entries)
	}

	/* ---- services ---- */

	for (const [name, start] of [['with a length', 'Content-Length: 100\r\n\r\nhalf'],
		['in chunks', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'], ['until the end', 'Connection: close\r\n\r\nhalf']])
		it(`within its body ${name}: the client is cut after --body-timeout, and the service let go`, async () => {
			const peer = await startPeer(answering(`HTTP/1.1 200 OK\r\n${start}`))
			const link = await through(`stops_${name.replaceAll(' ', '_')}`, peer)
			const raw = connectRaw(scope, drawbridge.port)
			raw.send(`GET /via/${link}/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${drawbridge.key}\r\n\r\n`)
			assert.equal((await raw.head()).status, 200)
			await eventually('the client to be cut', () => raw.ended)
			assert.ok(raw.reset, 'it is a reset, not an end')
			const got = raw.buffered.toString()
			assert.ok(got.includes('half') && !got.endsWith('0\r\n\r\n'), JSON.stringify(got))
			await eventually('the service to be let go', () => peer.closed === 1)
			assert.equal((await lastCall(link, ({ status }) => status)).code, 'upstream_timeout')
		})

	for (const [where, head] of Object.entries({ 'in its status line': 'HTTP/1.1 200 O',
		'in a field': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Half: a', 'before its end': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n',
		'behind an interim one': 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-' }))
		it(`within the head of its answer, ${where}: 504 after the time for an answer, and the service let go`, async () => {
			const peer = await startPeer(answering(head))
			const link = await through(`half_${where.replaceAll(' ', '_')}`, peer)
			const answer = await drawbridge.via(link, '/', { timeout: 30_000 })
			assert.equal(answer.status, 504, answer.text)
			assert.equal(answer.headers['drawbridge-error'], 'upstream_timeout')
			assert.equal(answer.headers['x-half'], undefined)
			await eventually('the service to be let go', () => peer.closed === 1)
			assert.equal(peer.sockets.length, 1, 'it was asked once')
			assert.equal((await lastCall(link, ({ status }) => status)).code, 'upstream_timeout')
		})

	it('a body whose pieces come each in time may take longer than that', async () => {
		const peer = await startPeer(answering('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
			...[...'slowl'].flatMap((each) => [300, each])))
		const answer = await drawbridge.via(await through('slow_body', peer), '/')
		assert.equal(answer.text, 'slowl')
	})

	it('a service that never reads an upload: 504, within the time for an answer, or what the caller gave', async () => {
		for (const [n, more] of ['', 'Drawbridge-Timeout: 1\r\n'].entries()) {
			const peer = await startPeer((socket) => socket.pause())
			const link = await through(`unread_${n}`, peer)
			const raw = connectRaw(scope, drawbridge.port)
			raw.send(`POST /via/${link}/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${drawbridge.key}\r\n${more}`
				+ `Content-Length: ${64 * 1024 * 1024}\r\n\r\n`)
			raw.send(Buffer.alloc(64 * 1024 * 1024, 'u'))
			const answer = await raw.answer()
			assert.equal(answer.status, 504)
			assert.equal(answer.headers['drawbridge-error'], 'upstream_timeout')
			await eventually('the client to be let go', () => raw.ended)
			peer.sockets.forEach((socket) => socket.resume())
			await eventually('the service to be let go', () => peer.closed === 1)
		}
	})

	/* Half a head, and then a byte of it now and then, for as long as it is let; read: whether it takes a request in. */
	const drips = (read) => async (socket) => {
		if (read)
			socket.resume()
		else
			socket.pause()
		await sleep(100)
		socket.write('HTTP/1.1 200 OK\r\nX-Slow: ')
		while (!socket.destroyed && !socket.writableEnded) {
			await sleep(300)
			socket.write('a')
		}
	}

	const upload = (link, length, body) => {
		const raw = connectRaw(scope, drawbridge.port)
		raw.send(`POST /via/${link}/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${drawbridge.key}\r\n`
			+ `Content-Length: ${length}\r\n\r\n`)
		raw.send(body)
		return raw
	}

	const large = Buffer.alloc(64 * 1024 * 1024, 'u')
	for (const [what, serve, body] of [['drips its head', drips(true), 'whole'],
		['drips its head and does not read the upload', drips(false), large],
		['drips its head while the rest of the upload does not come', drips(true), 'half of it']])
		it(`a service that ${what}: 504, and it is let go`, async () => {
			const peer = await startPeer(serve)
			const link = await through(`head_${what.replaceAll(' ', '_')}`.slice(0, 40), peer)
			const began = Date.now()
			const raw = upload(link, body.length + (body === 'half of it' ? 10 : 0), body)
			const answer = await raw.answer()
			assert.equal(answer.status, 504, `after ${Date.now() - began} ms`)
			assert.equal(answer.headers['drawbridge-error'], 'upstream_timeout')
			peer.sockets.forEach((socket) => socket.resume())
			await eventually('the service to be let go', () => peer.closed === 1)
		})

	it('a service that reads an upload slowly has as long as it takes', async () => {
		const peer = await startPeer((socket) => {
			let got = 0
			const some = () => {
				got += socket.read()?.length ?? 0
				if (got > 8 * 1024 * 1024)
					return socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
				setTimeout(some, 2)
			}
			socket.on('readable', () => {})
			setTimeout(some, 900)
		})
		const answer = await drawbridge.via(await through('slow_reader', peer), '/', { method: 'POST',
			body: 'u'.repeat(8 * 1024 * 1024) })
		assert.equal(answer.text, 'ok')
	})

	/* ---- what was begun first ---- */

	for (const phase of ['connect', 'tls', 'body', 'drip'])
		it(`a token endpoint that stands still (${phase}): the consent fails in bounded time, and says so`, async () => {
			const { made, peer, ms } = (await tokens)[phase]
			assert.equal(made.status, 201, made.text)
			assert.equal(made.json.status, 'not_connected')
			assert.match(made.json.reason, /time|answer/i)
			assert.ok(ms < 40_000, `${ms} ms`)
			if (peer.sockets) { /* asked once, and let go */
				await eventually('the endpoint to be let go', () => peer.closed === 1)
				assert.equal(peer.sockets.length, 1)
			}
		})
})
