// SPDX-License-Identifier: Apache-2.0
/*
 * The API as a visitor has it: no cookie, no key, only the conversation's own token. What comes is checked before
 * anything is made of it; what is not understood is left out.
 */
import { isObject } from './options.js'

const shortMs = 20_000, longMs = 45_000
const states = new Set(['waiting', 'calling', 'ended', 'handed_off', 'failed'])

/* The API has said no; status 0: there was no answer. */
export class Refusal extends Error {
	constructor(status, { code = '', detail = '' } = {}, retryAfter = 0) {
		super(detail || code || `status ${status}`)
		Object.assign(this, { status, code, detail, retryAfter })
	}
}

const problemOf = async (response) => {
	const problem = await response.json().catch(() => null)
	const seconds = Number(response.headers.get('Retry-After'))
	return new Refusal(response.status, isObject(problem) ? problem : {},
		Number.isFinite(seconds) && seconds > 0 ? Math.min(Math.ceil(seconds), 3600) : 0)
}

/* A message as it is shown, or null. */
export function checkMessage(value) {
	const right = isObject(value) && Number.isSafeInteger(value.seq) && value.seq > 0
		&& (value.from === 'bot' || value.from === 'visitor') && isObject(value.content)
	return right ? { seq: value.seq, from: value.from, content: value.content } : null
}

/* {state, expects} or null. */
export function checkState(value) {
	if (!isObject(value) || !states.has(value.state))
		return null
	const expects = isObject(value.expects) && typeof value.expects.type === 'string' ? value.expects : null
	return { state: value.state, expects }
}

function checkTalk(value) {
	const state = checkState(value)
	if (!state || !Array.isArray(value.messages))
		throw new Refusal(0)
	return { ...state, id: value.id, token: value.token, messages: value.messages.map(checkMessage).filter(Boolean) }
}

export class Client {
	#base
	#flow

	constructor(base, flow) {
		this.#base = base
		this.#flow = flow
	}

	/* Title, greeting and colour of the flow's widget. */
	async widget() {
		if (!/^[\w-]{1,100}$/.test(this.#flow))
			throw new Refusal(404)
		const value = await this.#json('GET', this.#flowPath('widget'))
		const text = (name) => (typeof value?.[name] === 'string' ? value[name] : '')
		return { title: text('title'), greeting: text('greeting'), colour: text('colour') }
	}

	async begin(session) {
		const body = Object.keys(session).length ? { session } : {}
		const talk = checkTalk(await this.#json('POST', this.#flowPath('conversations'), { body, limit: longMs }))
		if (typeof talk.id !== 'string' || typeof talk.token !== 'string')
			throw new Refusal(0)
		return talk
	}

	async look(talk, after = 0) {
		return checkTalk(await this.#json('GET', `${this.#talkPath(talk)}?after=${after}`, { token: talk.token }))
	}

	async say(talk, body) {
		return checkTalk(await this.#json('POST', `${this.#talkPath(talk)}/messages`,
			{ token: talk.token, body, limit: longMs }))
	}

	async end(talk) {
		await this.#send('DELETE', this.#talkPath(talk), { token: talk.token })
	}

	/* The open stream of events behind that message. */
	async events(talk, after, signal) {
		const response = await this.#fetch('GET', `${this.#talkPath(talk)}/events?after=${after}`,
			{ token: talk.token, signal })
		if (!/^text\/event-stream\b/.test(response.headers.get('Content-Type') ?? '') || !response.body)
			throw new Refusal(0)
		return response.body
	}

	/* Where the form of a Connect button goes. */
	get visitorUrl() {
		return new URL('connect/visitor', this.#base).href
	}

	#flowPath(rest) {
		return `v1/flows/${encodeURIComponent(this.#flow)}/${rest}`
	}

	#talkPath({ id }) {
		return `v1/conversations/${encodeURIComponent(id)}`
	}

	async #fetch(method, path, { token, body, signal }) {
		const headers = {}
		if (token)
			headers.Authorization = `Bearer ${token}`
		if (body)
			headers['Content-Type'] = 'application/json'
		let response
		try {
			response = await fetch(new URL(path, this.#base), { method, headers, signal, mode: 'cors',
				body: body && JSON.stringify(body), credentials: 'omit', cache: 'no-store', redirect: 'error',
				referrerPolicy: 'strict-origin' })
		} catch {
			throw new Refusal(0)
		}
		if (!response.ok)
			throw await problemOf(response)
		return response
	}

	/* A whole answer, or a Refusal when it takes too long. */
	async #send(method, path, { limit = shortMs, ...rest } = {}) {
		const stop = new AbortController()
		const timer = setTimeout(() => stop.abort(), limit)
		try {
			const response = await this.#fetch(method, path, { ...rest, signal: stop.signal })
			return await response.text()
		} catch (error) {
			throw error instanceof Refusal ? error : new Refusal(0)
		} finally {
			clearTimeout(timer)
		}
	}

	async #json(method, path, options) {
		const text = await this.#send(method, path, options)
		try {
			return JSON.parse(text)
		} catch {
			throw new Refusal(0)
		}
	}
}
