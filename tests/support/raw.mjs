// SPDX-License-Identifier: Apache-2.0
/*
 * A connection whose bytes are ours: for requests that no HTTP library would send, and for seeing the answers as
 * they come. Parses answers itself, strictly enough to tell a clean end from a cut.
 */
import net from 'node:net'

export class RawConnection {
	#bytes = Buffer.alloc(0)
	#waiters = []

	/* where: a port of 127.0.0.1, or {host, port} or {path} as node:net takes it */
	constructor(where) {
		this.socket = net.connect(typeof where === 'number' ? { port: where, host: '127.0.0.1' } : where)
		this.socket.setNoDelay(true)
		this.ended = false
		this.reset = false
		this.socket.on('data', (chunk) => {
			this.#bytes = Buffer.concat([this.#bytes, chunk])
			this.#wake()
		})
		this.socket.on('error', (error) => {
			this.reset = true
			this.error = error
		})
		this.socket.on('end', () => {
			this.ended = true
			this.#wake()
		})
		this.socket.on('close', () => {
			this.ended = true
			this.#wake()
		})
	}

	#wake() {
		for (const waiter of this.#waiters.splice(0))
			waiter()
	}

	get buffered() {
		return this.#bytes
	}

	/* Sends text as Latin-1, so that every byte value can be written. */
	send(data) {
		this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
		return this
	}

	finish() {
		this.socket.end()
		return this
	}

	close() {
		this.socket.destroy()
	}

	/* Waits until done(bytes) is not undefined, or the peer closes (then done(bytes, true)). */
	async #until(done, what, timeout = 10_000) {
		const end = Date.now() + timeout
		for (;;) {
			const result = done(this.#bytes, this.ended)
			if (result !== undefined)
				return result
			if (this.ended)
				throw new Error(`${what}: closed after ${JSON.stringify(this.#bytes.toString('latin1'))}`)
			const left = end - Date.now()
			if (left <= 0)
				throw new Error(`${what}: nothing more in ${timeout} ms after `
					+ JSON.stringify(this.#bytes.toString('latin1').slice(-500)))
			await new Promise((resolve) => {
				const timer = setTimeout(resolve, left)
				this.#waiters.push(() => {
					clearTimeout(timer)
					resolve()
				})
			})
		}
	}

	#take(count) {
		const taken = this.#bytes.subarray(0, count)
		this.#bytes = this.#bytes.subarray(count)
		return taken
	}

	/* Everything until the peer closes. */
	async rest(timeout) {
		await this.#until((bytes, ended) => (ended ? true : undefined), 'the end', timeout)
		return this.#take(this.#bytes.length).toString('latin1')
	}

	async line(timeout) {
		const length = await this.#until((bytes) => found(bytes, '\n'), 'a line', timeout)
		return this.#take(length).toString('latin1')
	}

	async bytes(count, timeout) {
		await this.#until((bytes) => (bytes.length >= count ? true : undefined), `${count} bytes`, timeout)
		return this.#take(count)
	}

	async head(timeout) {
		const length = await this.#until((bytes) => found(bytes, '\r\n\r\n'), 'the head of an answer', timeout)
		return parseHead(this.#take(length).toString('latin1'))
	}

	/* One whole final answer; 1xx before it are in .informational. */
	async answer({ method = 'GET', timeout } = {}) {
		const informational = []
		let answer = await this.head(timeout)
		while (answer.status < 200 && answer.status !== 101) {
			informational.push(answer)
			answer = await this.head(timeout)
		}
		answer.informational = informational
		answer.body = await this.#bodyOf(answer, method, timeout)
		answer.text = answer.body.toString('utf8')
		if (/json/.test(answer.headers['content-type'] ?? '') && answer.text)
			answer.json = JSON.parse(answer.text)
		return answer
	}

	async #bodyOf(answer, method, timeout) {
		if (method === 'HEAD' || answer.status === 204 || answer.status === 304)
			return Buffer.alloc(0)
		if (answer.headers['transfer-encoding'] === 'chunked')
			return this.#chunked(timeout)
		if (answer.headers['content-length'] !== undefined)
			return this.bytes(Number(answer.headers['content-length']), timeout)
		return Buffer.from(await this.rest(timeout), 'latin1')
	}

	async #chunked(timeout) {
		const parts = []
		for (;;) {
			const size = parseInt(await this.line(timeout), 16)
			if (size === 0) {
				while ((await this.line(timeout)) !== '\r\n')
					;
				return Buffer.concat(parts)
			}
			parts.push(Buffer.from(await this.bytes(size, timeout)))
			await this.line(timeout)
		}
	}
}

function found(bytes, mark) {
	const at = bytes.indexOf(mark)
	return at < 0 ? undefined : at + mark.length
}

function parseHead(text) {
	const [first, ...lines] = text.slice(0, -4).split('\r\n')
	const match = /^(HTTP\/1\.[01]) (\d{3}) ?(.*)$/.exec(first)
	if (!match)
		throw new Error(`not a status line: ${JSON.stringify(first)}`)
	const headers = {}
	const fields = []
	for (const line of lines) {
		const at = line.indexOf(':')
		const name = line.slice(0, at).toLowerCase()
		const value = line.slice(at + 1).trim()
		fields.push([line.slice(0, at), value])
		headers[name] = name in headers ? `${headers[name]}, ${value}` : value
	}
	return { version: match[1], status: Number(match[2]), reason: match[3], headers, fields }
}

/* Opens a connection that ends with the scope. */
export function connectRaw(scope, where) {
	const connection = new RawConnection(where)
	scope.after(() => connection.close())
	return connection
}

/* One answer to the given bytes on a connection of its own, and whether the server closed after it. */
export async function rawExchange(where, bytes, { method, timeout = 10_000, settle = 300 } = {}) {
	const connection = new RawConnection(where)
	try {
		const answer = await connection.send(bytes).answer({ method, timeout })
		await new Promise((resolve) => setTimeout(resolve, connection.ended ? 0 : settle))
		return { ...answer, closed: connection.ended, more: connection.buffered.toString('latin1') }
	} finally {
		connection.close()
	}
}
