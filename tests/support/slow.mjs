// SPDX-License-Identifier: Apache-2.0
/*
 * Clients that take their time: many connections which begin something and go on with a byte now and then, or do not
 * read what they asked for. Whoever is cut off comes again, so that their number holds. They run on a thread of their
 * own, so that those who are not slow are not held up by them.
 */
import net from 'node:net'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const tick = 100
const file = fileURLToPath(import.meta.url)

/* What each does: hello when connected, then a drip every so many ms; read: whether it takes what comes; keyed: it
 * needs a key, and so is somebody who is known. */
export function slowKinds({ link, key }) {
	const head = (method, path, more = '') => `${method} /via/${link}${path} HTTP/1.1\r\nHost: x\r\n`
		+ `Authorization: Bearer ${key}\r\n${more}`
	return {
		silent: { hello: '', drip: '', every: 10_000 },
		heads: { hello: `GET /via/${link}/echo HTTP/1.1\r\nHost: x\r\nX-Slow: `, drip: 'a', every: 1000 },
		'large heads': { hello: `GET /via/${link}/echo HTTP/1.1\r\nHost: x\r\n`
			+ Array(31).fill(`X-Large: ${'a'.repeat(990)}\r\n`).join('') + 'X-Slow: ', drip: 'a', every: 1000 },
		bodies: { hello: `${head('POST', '/echo', 'Content-Length: 100000\r\n')}\r\nfirst`, drip: 'b', every: 1000, keyed: true },
		chunks: { hello: `${head('POST', '/echo', 'Transfer-Encoding: chunked\r\n')}\r\n1\r\nf\r\n`, drip: '1\r\nb\r\n',
			every: 1000, keyed: true },
		readers: { hello: `${head('GET', '/large?bytes=1048576')}\r\n`, drip: '', every: 10_000, read: false, keyed: true }
	}
}

/* kind: one of slowKinds(); aSecond: how many connect in one second. stop() gives {open, opened, ended, failed}. */
export function startSlowClients(port, kind, { count, aSecond = 2000 }) {
	const worker = new Worker(file, { workerData: { slow: { port, kind, count, aSecond } } })
	return { async stop() {
		const told = new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
		worker.postMessage('stop')
		const counts = await told
		await worker.terminate()
		return counts
	} }
}

class SlowClients {
	#sockets = new Set()
	#timer

	constructor(options) {
		Object.assign(this, { ...options, opened: 0, ended: 0, failed: 0, at: 0 })
	}

	get counts() {
		const { opened, ended, failed } = this
		return { open: this.#sockets.size, opened, ended, failed }
	}

	start() {
		this.#timer = setInterval(() => this.#turn(), tick)
		return this
	}

	#turn() {
		const room = Math.min(this.count - this.#sockets.size, Math.ceil(this.aSecond * tick / 1000))
		for (let n = 0; n < room; n++)
			this.#connect()
		const { drip, every } = this.kind
		const turns = Math.max(1, Math.round(every / tick))
		this.at = (this.at + 1) % turns
		if (!drip)
			return
		for (const socket of this.#sockets)
			if (socket.number % turns === this.at && socket.begun && !socket.destroyed)
				socket.write(drip)
	}

	#connect() {
		const socket = net.connect({ port: this.port, host: '127.0.0.1' })
		socket.number = this.opened++
		this.#sockets.add(socket)
		socket.on('connect', () => {
			socket.begun = true
			if (this.kind.hello)
				socket.write(this.kind.hello)
			if (this.kind.read === false)
				socket.pause()
			else
				socket.resume()
		})
		socket.on('error', (error) => {
			if (!['ECONNRESET', 'EPIPE'].includes(error.code))
				this.failed += 1
		})
		socket.on('close', () => {
			this.ended += 1
			this.#sockets.delete(socket)
		})
	}

	stop() {
		clearInterval(this.#timer)
		for (const socket of this.#sockets)
			socket.destroy()
	}
}

/*
 * Calls again and again for some seconds, and measures: {times (ms, sorted), failures: [text], most} where most is
 * the largest value that measure() gave in between.
 */
export async function callMeanwhile({ seconds, every = 50, call, measure = () => 0 }) {
	const end = Date.now() + seconds * 1000
	const times = [], failures = []
	let most = 0
	while (Date.now() < end) {
		const began = Date.now()
		try {
			const { status, text } = await call()
			if (status !== 200)
				failures.push(`${status} ${text}`)
		} catch (error) {
			failures.push(String(error))
		}
		times.push(Date.now() - began)
		most = Math.max(most, measure())
		await new Promise((resolve) => setTimeout(resolve, every))
	}
	return { times: times.sort((a, b) => a - b), failures, most }
}

if (!isMainThread && workerData?.slow) {
	const clients = new SlowClients(workerData.slow).start()
	parentPort.once('message', () => {
		const { counts } = clients
		clients.stop()
		parentPort.postMessage(counts)
	})
}

export const percentile = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]
