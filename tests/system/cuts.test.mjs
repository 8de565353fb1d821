// SPDX-License-Identifier: Apache-2.0
/*
 * Ends that are hard to tell from good ones: an answer without a length to a client that has no chunks, TLS that ends
 * without saying so, and a client that does not take what it has asked for.
 */
import assert from 'node:assert/strict'
import net from 'node:net'
import tls from 'node:tls'
import { before, it } from 'node:test'
import { startAuthority } from '../support/ca.mjs'
import { bearerService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { listen } from '../support/http.mjs'
import { connectRaw } from '../support/raw.mjs'
import { eventually, suite } from '../support/scope.mjs'
import { cutAnswers, startRecorder } from '../support/wire.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('cut answers', (scope) => {
	let drawbridge, authority

	before(async () => {
		authority = await startAuthority(scope)
		drawbridge = await startDrawbridge(scope, { caFile: authority.file, flags: ['--body-timeout', '2s'] })
	})

	const connection = async (id, url) => {
		await addService(drawbridge, bearerService(id, { url }, url.startsWith('https:') ? { allow_http: undefined } : {}))
		return (await newConnection(drawbridge, id, { credentials: { token: `token-of-${id}` } })).link_name
	}
	const ask = (link, { path = '/', version = '1.1', more = '' } = {}) => connectRaw(scope, drawbridge.port)
		.send(`GET /via/${link}${path} HTTP/${version}\r\nHost: x\r\n${more}Authorization: Bearer ${drawbridge.key}\r\n\r\n`)

	it('a client of HTTP/1.0 gets an answer in chunks without them, and is closed on; a cut is a reset to it', async () => {
		const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n'
		let service
		const upstream = await startRecorder(scope, { answer({ first }, socket) {
			service = socket
			socket.write(chunked + (first.includes('/whole') ? '0\r\n\r\n' : ''))
		} })
		const link = await connection('in_chunks', upstream.url)
		for (const more of ['', 'Connection: keep-alive\r\n'])
			for (const path of ['/whole', '/cut', '/garbage']) {
				const raw = ask(link, { path, version: '1.0', more })
				const { headers, status } = await raw.head()
				assert.equal(status, 200)
				assert.deepEqual([headers['transfer-encoding'], headers['content-length']], [undefined, undefined])
				assert.equal((await raw.bytes(7)).toString(), 'abcdefg')
				if (path === '/cut')
					service.end()
				if (path === '/garbage')
					service.write('no size\r\n')
				assert.equal(await raw.rest(), '')
				assert.equal(raw.error?.code, path === '/whole' ? undefined : 'ECONNRESET', path)
			}
	})

	it('TLS that ends without a word ends no answer well, and with its close_notify it does', async () => {
		const { cert, key } = await authority.issue(['127.0.0.1'])
		let inner, outer
		const secure = await listen(scope, tls.createServer({ cert, key }, (socket) => {
			inner = socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\nabc'))
		}))
		const port = await listen(scope, net.createServer((socket) => {
			outer = socket
			const forward = net.connect(secure, '127.0.0.1')
			scope.after(() => forward.destroy())
			socket.pipe(forward).on('error', () => {}).pipe(socket)
		}))
		const link = await connection('by_tls', `https://127.0.0.1:${port}`)
		for (const [end, well] of [[() => inner.end(), true], [() => outer.end(), false]]) {
			const raw = ask(link)
			await eventually('what there is', () => raw.buffered.includes('abc'))
			end()
			await eventually('an end', () => raw.ended || raw.buffered.includes('\r\n0\r\n'))
			const [{ status, whole, body }] = cutAnswers(raw.buffered)
			assert.deepEqual([status, body.toString(), whole], [200, 'abc', well])
			raw.close()
		}
	})

	for (const [framing, start, piece] of [['a length', 'Content-Length: 1000000000', (bytes) => bytes],
		['chunks', 'Transfer-Encoding: chunked', (bytes) => Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`),
			bytes, Buffer.from('\r\n')])]])
		it(`a client that never reads is given up after --body-timeout, and the service with it (${framing})`, async () => {
			const pour = piece(Buffer.alloc(64 * 1024, 'p'))
			let closed = false, full
			const port = await listen(scope, net.createServer((socket) => {
				const more = () => {
					while (!socket.destroyed && socket.write(pour))
						;
					full = performance.now()
				}
				socket.on('close', () => { closed = true }).on('drain', more).once('data', () => {
					socket.write(`HTTP/1.1 200 OK\r\n${start}\r\n\r\n`)
					more()
				})
			}))
			const link = await connection(`unread_by_${framing.split(' ').pop()}`, `http://127.0.0.1:${port}`)
			const raw = ask(link)
			raw.socket.pause()
			await eventually('the service to be let go', () => closed, { timeout: 20_000 })
			assert.ok(performance.now() - full > 1500, `${performance.now() - full} ms after the last byte`)
			raw.socket.resume()
			await eventually('the client to be let go', () => raw.ended)
			assert.notEqual(cutAnswers(raw.buffered)[0].whole, true)
		})
})
