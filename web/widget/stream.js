// SPDX-License-Identifier: Apache-2.0
/*
 * The stream of a conversation's events, opened again when it breaks off: after 1 s, 2 s, 4 s … 30 s with some chance
 * in it, at once when the browser is online again. Silence of 45 s counts as broken: the server says something every
 * 15 s.
 */
import { EventParser } from './events.js'
import { Refusal } from './client.js'

const firstMs = 1000, mostMs = 30_000, silenceMs = 45_000

export class Stream {
	#open
	#events
	#stop = null
	#timer = null
	#failures = 0

	/*
	 * open(signal) gives a ReadableStream; events: take({event, data}), lost() when it has broken off, found() when it
	 * is there again, refused(Refusal) when there is no use in trying again.
	 */
	constructor(open, events) {
		this.#open = open
		this.#events = events
		addEventListener('online', () => this.#hurry())
	}

	get running() {
		return this.#stop !== null
	}

	start() {
		if (this.running)
			return
		this.#stop = new AbortController()
		this.#run(this.#stop)
	}

	stop() {
		clearTimeout(this.#timer)
		this.#timer = null
		this.#stop?.abort()
		this.#stop = null
		this.#failures = 0
	}

	#hurry() {
		if (this.#timer === null)
			return
		clearTimeout(this.#timer)
		this.#timer = null
		this.#run(this.#stop)
	}

	async #run(stop) {
		try {
			await this.#read(await this.#open(stop.signal), stop)
		} catch (error) {
			if (stop.signal.aborted)
				return
			if (error instanceof Refusal && [401, 403, 404].includes(error.status)) {
				this.stop()
				this.#events.refused(error)
				return
			}
			this.#failures += 1
			this.#events.lost()
		}
		if (!stop.signal.aborted)
			this.#again()
	}

	#again() {
		const wait = Math.min(mostMs, firstMs * 2 ** Math.max(0, this.#failures - 1))
		this.#timer = setTimeout(() => {
			this.#timer = null
			this.#run(this.#stop)
		}, wait * (0.75 + Math.random() / 2))
	}

	async #read(body, stop) {
		const parser = new EventParser((event) => !stop.signal.aborted && this.#events.take(event))
		const decoder = new TextDecoder('utf-8', { fatal: true })
		const reader = body.getReader()
		let silence
		this.#events.found()
		try {
			for (;;) {
				silence = setTimeout(() => reader.cancel().catch(() => {}), silenceMs)
				const { done, value } = await reader.read()
				clearTimeout(silence)
				if (done)
					return
				this.#failures = 0
				parser.push(decoder.decode(value, { stream: true }))
			}
		} finally {
			clearTimeout(silence)
			reader.cancel().catch(() => {})
		}
	}
}
