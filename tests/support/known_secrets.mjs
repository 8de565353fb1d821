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
/* Of a run with thousands of tokens: the first and the last ones. */
const scanned = 150

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

/* How a secret may be written: as it is, in base64, in hex, percent-encoded, in JSON. */
export function spellings(secret) {
	const bytes = Buffer.from(secret)
	return [...new Set([secret, bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url'),
		bytes.toString('hex'), encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])]
}

export const holds = (haystack, secret) => spellings(secret).some((text) => haystack.includes(text))

/* Throws if a known secret is in one of the files or in the log; a file that is gone holds none. */
export function scanForSecrets(files, log) {
	const all = [...known]
	const secrets = all.length > 2 * scanned ? [...all.slice(0, scanned), ...all.slice(-scanned)] : all
	const places = files.map((file) => [file, contents(file)])
	for (const [place, bytes] of [...places, ['the log', Buffer.from(log)]])
		for (const secret of secrets)
			if (holds(bytes, secret))
				throw new Error(`a secret is in ${place}: ${secret}`)
}

function contents(file) {
	try {
		return readFileSync(file)
	} catch {
		return Buffer.alloc(0)
	}
}
