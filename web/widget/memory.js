// SPDX-License-Identifier: Apache-2.0
/*
 * What outlives a reload: in localStorage the id and token of the conversation under way, one for each flow, and in
 * sessionStorage that the panel is open. Where storage is not allowed, it all lives as long as the page.
 */

function shelf(name) {
	const own = new Map()
	let real
	try {
		real = globalThis[name]
		real.getItem('')
	} catch {
		real = undefined
	}
	const attempt = (work, otherwise) => {
		try {
			return real ? work(real) : otherwise()
		} catch {
			return otherwise()
		}
	}
	return {
		get: (key) => attempt((it) => it.getItem(key), () => own.get(key) ?? null),
		set: (key, value) => attempt((it) => it.setItem(key, value), () => own.set(key, value)),
		remove: (key) => attempt((it) => it.removeItem(key), () => own.delete(key))
	}
}

/* {id, token} as they were stored; null for what is something else. */
function parseTalk(text) {
	try {
		const { id, token } = JSON.parse(text)
		const right = /^[\w-]{1,64}$/.test(id) && /^dbc_[\w-]{20,100}$/.test(token)
		return right ? { id, token } : null
	} catch {
		return null
	}
}

export class Memory {
	#local = shelf('localStorage')
	#session = shelf('sessionStorage')
	#key

	constructor(base, flow) {
		this.#key = `drawbridge:${base.href}:${flow}`
	}

	get key() {
		return this.#key
	}

	get talk() {
		return parseTalk(this.#local.get(this.#key))
	}

	set talk(talk) {
		if (talk)
			this.#local.set(this.#key, JSON.stringify({ id: talk.id, token: talk.token }))
		else
			this.#local.remove(this.#key)
	}

	get open() {
		return this.#session.get(this.#key) === 'open'
	}

	set open(yes) {
		if (yes)
			this.#session.set(this.#key, 'open')
		else
			this.#session.remove(this.#key)
	}

	/* Tells when another tab has begun or ended a conversation: f({id, token} or null). */
	watch(f) {
		addEventListener('storage', (event) => {
			if (event.key === this.#key || event.key === null)
				f(this.talk)
		})
	}

	/* Does it while no other tab does the same, where the browser has locks. */
	alone(work) {
		return navigator.locks ? navigator.locks.request(this.#key, work) : work()
	}
}
