// SPDX-License-Identifier: Apache-2.0
/*
 * The scan after every suite: what tests and their providers know to be secret (codes, tokens, clients' secrets,
 * passwords, keys) is remembered here, and when a server's scope ends, it must be in none of its files and not in its
 * log, however it may be written.
 */
import { readFileSync } from 'node:fs'

const known = new Set()

/* Shorter ones may stand somewhere by chance. */
const shortest = 12
export function secretSeen(...values) {
	for (const value of values)
		if (typeof value === 'string' && value.length >= shortest)
			known.add(value)
}

/* Members of a request's body that are secret in Drawbridge's API. */
export function secretsOfBody(body) {
	if (body === null || typeof body !== 'object' || Buffer.isBuffer(body))
		return
	secretSeen(body.client_secret, body.password, body.new_password,
		...Object.values(Object(body.credentials)), ...Object.values(Object(body.client_secrets)))
}

/* How a secret may be written: as it is, in base64 (where it may begin within a group), in hex, percent-encoded, in JSON. */
export function spellings(secret) {
	const bytes = Buffer.from(secret)
	const within = [0, 1, 2].flatMap((before) => {
		const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
			.slice(Math.ceil(before * 8 / 6), Math.floor((before + bytes.length) * 8 / 6))
		return [text, text.replaceAll('+', '-').replaceAll('/', '_')]
	})
	const hex = bytes.toString('hex')
	return [...new Set([secret, ...within, hex, hex.toUpperCase(), encodeURIComponent(secret),
		JSON.stringify(secret).slice(1, -1)])]
}

/*
 * Looks for thousands of secrets in any spelling, in one pass (Wu and Manber's way: the last bytes of a window tell
 * how far the next place can be where one of them stands).
 */
export class Search {
	static #block = 4
	#texts = new Map()
	#window = Infinity
	#shift
	#bits
	#ends = new Map()

	/* secrets: texts, or buffers, which are searched for as they are. */
	constructor(secrets) {
		for (const secret of secrets)
			for (const text of typeof secret === 'string' ? spellings(secret) : [secret])
				this.#add(Buffer.from(text), secret)
		const size = [...this.#texts].length * (this.#window - Search.#block)
		this.#bits = Math.min(26, Math.max(16, Math.ceil(Math.log2(16 * size + 1))))
		this.#shift = new Uint8Array(1 << this.#bits).fill(Math.min(255, this.#window - Search.#block + 1))
		for (const entry of this.#texts.values())
			this.#index(entry)
	}

	#add(bytes, secret) {
		if (bytes.length < Search.#block)
			throw new Error('too short to be searched for')
		this.#window = Math.min(this.#window, bytes.length)
		this.#texts.set(bytes.toString('latin1'), { bytes, secret })
	}

	#hash(bytes, at) {
		const block = bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24
		return Math.imul(block, 0x9e3779b1) >>> 32 - this.#bits
	}

	#index(entry) {
		const last = this.#window - Search.#block
		for (let at = 0; at <= last; at++) {
			const hash = this.#hash(entry.bytes, at)
			this.#shift[hash] = Math.min(this.#shift[hash], last - at)
			if (at === last && this.#ends.get(hash)?.push(entry) === undefined)
				this.#ends.set(hash, [entry])
		}
	}

	/* The first of the secrets that stands there; undefined when none does. */
	find(bytes) {
		for (let at = this.#window - Search.#block; at <= bytes.length - Search.#block;) {
			const hash = this.#hash(bytes, at)
			const shift = this.#shift[hash]
			if (shift === 0) {
				const start = at - this.#window + Search.#block
				for (const entry of this.#ends.get(hash))
					if (entry.bytes.equals(bytes.subarray(start, start + entry.bytes.length)))
						return entry.secret
			}
			at += shift || 1
		}
		return undefined
	}
}

export const holds = (haystack, secret) => new Search([secret]).find(Buffer.from(haystack)) !== undefined

/* Throws if a known secret is in one of the files or in the log; a file that is gone holds none. */
export function scanForSecrets(files, log) {
	if (known.size === 0)
		return
	const search = new Search(known)
	for (const [place, bytes] of [...files.map((file) => [file, contents(file)]), ['the log', Buffer.from(log)]]) {
		const secret = search.find(bytes)
		if (secret)
			throw new Error(`a secret is in ${place}: ${secret}`)
	}
}

function contents(file) {
	try {
		return readFileSync(file)
	} catch {
		return Buffer.alloc(0)
	}
}
