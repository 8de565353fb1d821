// SPDX-License-Identifier: Apache-2.0
/*
 * Faults that a test switches on in a peer: what an endpoint does instead of (or before) its work. A fault counts
 * down its times; without times it stays until it is cleared.
 *
 * kinds: delay (ms, then the real answer), status (an answer of the test's own: status, type, body, headers),
 * html (500 with a page), hang (no answer), cut (the connection ends before any byte), half (ends within the body),
 * lose (the work is done, its answer never sent).
 */
import { sleep } from './scope.mjs'

const page = '<!doctype html><title>Oops</title><h1>Internal Server Error</h1><p>Please try again later.</p>'

export class Faults {
	#set = new Map()

	/* on('token', {kind: 'hang', times: 1}) */
	on(where, fault) {
		this.#set.set(where, { times: Infinity, ...fault })
	}

	clear(where) {
		if (where === undefined)
			this.#set.clear()
		else
			this.#set.delete(where)
	}

	take(where) {
		const fault = this.#set.get(where)
		if (!fault)
			return undefined
		fault.times -= 1
		if (fault.times <= 0)
			this.#set.delete(where)
		return fault
	}

	/*
	 * Runs the work of an endpoint under its fault. Gives false when the answer is made or will never be, and the
	 * caller has to leave the response alone.
	 */
	async run(where, response, work) {
		const fault = this.take(where)
		switch (fault?.kind) {
		case undefined:
			await work()
			return true
		case 'delay':
			await sleep(fault.ms)
			await work()
			return true
		case 'lose':
			await work()
			response.socket.destroy()
			return false
		case 'hang':
			return false
		case 'cut':
			response.socket.destroy()
			return false
		case 'half':
			response.writeHead(200, { 'content-type': 'application/json', 'content-length': 500 })
			response.write('{"access_token":"', () => response.socket.destroy())
			return false
		case 'html':
			answer(response, { status: 500, type: 'text/html', body: page, ...fault })
			return false
		case 'status':
			answer(response, fault)
			return false
		default:
			throw new Error(`no such fault: ${fault.kind}`)
		}
	}
}

function answer(response, { status = 500, type = 'application/json', body = '', headers = {} }) {
	const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
	response.writeHead(status, { 'content-type': type, 'content-length': bytes.length, ...headers })
	response.end(bytes)
}
