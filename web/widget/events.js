// SPDX-License-Identifier: Apache-2.0
/*
 * Server-sent events out of a stream of text (HTML standard, 9.2.6), which EventSource cannot fetch, since it sends no
 * Authorization. Bounded: a line, or an event, that is longer than a message can be is an error, not more memory.
 */

const eventMax = 1024 * 1024

export class EventParser {
	#take
	#rest = ''
	#afterReturn = false
	#first = true
	#event = ''
	#data = []
	#size = 0

	/* take({event, data}) gets each one. */
	constructor(take) {
		this.#take = take
	}

	push(text) {
		if (this.#first && text) {
			text = text.replace(/^\uFEFF/, '')
			this.#first = false
		}
		/* the line feed of a CR LF that was cut in two */
		if (this.#afterReturn && text.startsWith('\n'))
			text = text.slice(1)
		if (text)
			this.#afterReturn = text.endsWith('\r')
		const lines = (this.#rest + text).split(/\r\n|\r|\n/)
		this.#rest = lines.pop()
		this.#bound(this.#rest.length)
		for (const line of lines)
			this.#line(line)
	}

	#bound(more) {
		if (this.#size + more > eventMax)
			throw new RangeError('an event is too long')
	}

	#line(line) {
		if (line === '') {
			this.#dispatch()
			return
		}
		const colon = line.indexOf(':')
		if (colon === 0)
			return
		const name = colon < 0 ? line : line.slice(0, colon)
		const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
		if (name === 'event')
			this.#event = value
		if (name !== 'data')
			return
		this.#bound(value.length + 1)
		this.#size += value.length + 1
		this.#data.push(value)
	}

	#dispatch() {
		const { length } = this.#data
		const event = { event: this.#event || 'message', data: this.#data.join('\n') }
		this.#event = ''
		this.#data = []
		this.#size = 0
		if (length)
			this.#take(event)
	}
}
