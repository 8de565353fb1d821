// SPDX-License-Identifier: Apache-2.0
/*
 * Bytes on connections, for tests that compare implementations: a client that sends what it is told and listens
 * until there is silence, and a server that notes every request as it came and answers as it is told.
 */
import net from 'node:net'
import { sleep } from './scope.mjs'

/* Cuts messages out of bytes. Strict: what it cannot read ends the list as {malformed}. */
export function cutMessages(bytes, bodyOf) {
	const messages = []
	let at = 0
	while (at < bytes.length) {
		const end = bytes.indexOf('\r\n\r\n', at)
		if (end < 0)
			return [...messages, { part: bytes.toString('latin1', at), whole: false }]
		const message = parseHead(bytes.toString('latin1', at, end))
		const body = message.malformed ? { length: 0 } : bodyOf(message, bytes, end + 4)
		if (message.malformed || body.malformed)
			return [...messages, { malformed: bytes.toString('latin1', at) }]
		message.whole = body.whole
		message.body = body.bytes
		messages.push(message)
		at = body.end
	}
	return messages
}

function parseHead(text) {
	const [first, ...lines] = text.split('\r\n')
	const fields = lines.map((line) => {
		const colon = line.indexOf(':')
		return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')]
	})
	const all = (name) => fields.filter(([each]) => each === name).map(([, value]) => value)
	return { first, fields, all, malformed: lines.some((line) => !/^[!#$%&'*+\-.^_`|~\w]+:/.test(line)) }
}

function framed(message, bytes, at) {
	const lengths = message.all('content-length')
	const codings = message.all('transfer-encoding')
	if (lengths.length + codings.length > 1)
		return { malformed: true }
	if (codings.length)
		return codings[0].toLowerCase() === 'chunked' ? chunked(bytes, at) : { malformed: true }
	if (!lengths.length)
		return undefined
	if (!/^\d+$/.test(lengths[0]))
		return { malformed: true }
	const end = at + Number(lengths[0])
	return { bytes: bytes.subarray(at, end), end: Math.min(end, bytes.length), whole: end <= bytes.length }
}

function chunked(bytes, at) {
	const parts = []
	for (;;) {
		const line = bytes.indexOf('\r\n', at)
		if (line < 0)
			return { bytes: Buffer.concat(parts), end: bytes.length, whole: false }
		const match = /^([0-9a-f]+)(;.*)?$/i.exec(bytes.toString('latin1', at, line))
		if (!match)
			return { malformed: true }
		const size = parseInt(match[1], 16)
		at = line + 2
		if (size === 0) {
			const end = bytes.indexOf('\r\n\r\n', at - 2)
			return { bytes: Buffer.concat(parts), end: end < 0 ? bytes.length : end + 4, whole: end >= 0 }
		}
		parts.push(bytes.subarray(at, at + size))
		if (at + size + 2 > bytes.length)
			return { bytes: Buffer.concat(parts), end: bytes.length, whole: false }
		at += size + 2
	}
}

export const cutRequests = (bytes) =>
	cutMessages(bytes, (message, all, at) => framed(message, all, at) ?? { bytes: Buffer.alloc(0), end: at, whole: true })

/* ended: the connection was closed cleanly, so that a body without length is whole. */
export function cutAnswers(bytes, { method = 'GET', ended = false } = {}) {
	return cutMessages(bytes, (message, all, at) => {
		message.status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(message.first)?.[1])
		if (message.status < 200 || message.status === 204 || message.status === 304 || method === 'HEAD')
			return { bytes: Buffer.alloc(0), end: at, whole: true }
		return framed(message, all, at) ?? { bytes: all.subarray(at), end: all.length, whole: ended }
	})
}

/*
 * Sends bytes (a string as Latin-1; an array is sent piece by piece, numbers in it are pauses in ms) and gives what
 * came back once done(bytes) says so, the peer closed, or nothing has come for `quiet` ms: counted in turns of 5 ms, so
 * that a machine that is busy elsewhere is not taken for silence.
 */
export async function talk(port, pieces, { quiet = 400, most = 5000, done = () => false, host = '127.0.0.1' } = {}) {
	const socket = net.connect({ port, host, allowHalfOpen: true })
	const seen = { bytes: Buffer.alloc(0), ended: false, reset: false }
	let silent = 0
	const began = Date.now()
	socket.on('data', (chunk) => {
		seen.bytes = Buffer.concat([seen.bytes, chunk])
		silent = 0
	})
	socket.on('end', () => { seen.ended = true })
	socket.on('error', () => { seen.reset = true })
	for (const piece of [pieces].flat()) {
		if (typeof piece === 'number')
			await sleep(piece)
		else
			socket.write(Buffer.from(piece, 'latin1'))
		silent = 0
	}
	while (!seen.ended && !seen.reset && !done(seen.bytes) && silent < quiet && Date.now() - began < most) {
		await sleep(5)
		silent += 5
	}
	socket.destroy()
	return seen
}

/*
 * A server that keeps every request it gets in .requests (as cutRequests gives them, with .connection), and what is
 * malformed in .malformed; .received counts all bytes. answer(request, socket) writes whatever it wants; default: 200 and "ok".
 */
export async function startRecorder(scope, { answer = plain } = {}) {
	const recorder = { requests: [], malformed: [], connections: 0, received: 0 }
	const sockets = new Set()
	const server = net.createServer({ allowHalfOpen: true }, (socket) => {
		let bytes = Buffer.alloc(0), count = 0
		const connection = ++recorder.connections
		sockets.add(socket)
		socket.on('error', () => {})
		socket.on('close', () => sockets.delete(socket))
		socket.on('end', () => socket.end())
		socket.on('data', (chunk) => {
			recorder.received += chunk.length
			bytes = Buffer.concat([bytes, chunk])
			const all = cutRequests(bytes)
			for (; count < all.length && (all[count].malformed || all[count].whole); count++) {
				const request = { ...all[count], connection, nth: count + 1 }
				if (request.malformed)
					recorder.malformed.push(request.malformed)
				else
					recorder.requests.push(request)
				if (request.malformed)
					socket.end()
				else
					answer(request, socket)
			}
		})
	})
	scope.after(() => new Promise((resolve) => {
		server.close(resolve)
		for (const socket of sockets)
			socket.destroy()
	}))
	await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
	recorder.port = server.address().port
	recorder.url = `http://127.0.0.1:${recorder.port}`
	return recorder
}

function plain(request, socket) {
	socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
}
