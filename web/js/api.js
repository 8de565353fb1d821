// SPDX-License-Identifier: Apache-2.0
/*
 * Asking /v1. Every failure is a Problem (RFC 9457) with a title, what was wrong and what to do; a session that has
 * ended is begun again before the request is given up.
 */

export class Problem extends Error {
	constructor(status, body) {
		super(body.detail || body.title || `The answer was ${status}.`)
		this.status = status
		this.code = body.code ?? ''
		this.title = body.title ?? 'That did not work'
		this.detail = body.detail ?? ''
		this.hint = body.hint ?? ''
		this.pointer = body.pointer ?? ''
		this.problems = body.problems ?? []
		this.body = body
	}
}

const unreachable = { code: 'unreachable', title: 'Drawbridge cannot be reached',
	detail: 'The request, or its answer, did not get through.', hint: 'See whether the server runs, then try again.' }

const signedOut = { code: 'unauthorized', title: 'You are signed out', detail: 'Your session has ended.',
	hint: 'Try again to sign in: what you have filled in is still here.' }

let onSignedOut = async () => false

/* f is called when a request finds no session; it resolves with whether there is one now, and all is as it was. */
export function whenSignedOut(f) {
	onSignedOut = f
}

/* Throws when a success breaks off in its body: half an answer is none. A refusal is told by its status at least. */
async function readBody(response) {
	const type = response.headers.get('content-type') ?? ''
	if (response.status === 204 || !type.includes('json'))
		return {}
	return response.ok ? response.json() : response.json().catch(() => ({}))
}

/* How far the server's clock is ahead of this browser's. */
let ahead = 0
export const serverNow = () => Date.now() + ahead

function readClock(response) {
	const date = Date.parse(response.headers.get('date'))
	if (date)
		ahead = date - Date.now()
}

async function ask(method, path, body, headers = {}, again = true) {
	const options = { method, headers: { Accept: 'application/json', ...headers }, credentials: 'same-origin' }
	if (body !== undefined) {
		options.body = JSON.stringify(body)
		options.headers['Content-Type'] = 'application/json'
	}
	let response, value
	try {
		response = await fetch(`/v1${path}`, options)
		value = await readBody(response)
	} catch {
		throw new Problem(0, unreachable)
	}
	readClock(response)
	if (!response.ok) {
		if (value.code !== 'unauthorized')
			throw new Problem(response.status, value)
		if (again && await onSignedOut())
			return ask(method, path, body, headers, false)
		throw new Problem(response.status, signedOut)
	}
	return value
}

function newKey() {
	const bytes = crypto.getRandomValues(new Uint8Array(16))
	return { 'Idempotency-Key': Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('') }
}

/*
 * send(what, headers), with headers that make a repeated creation the same one. The key stays until it has succeeded or
 * something else is asked for: an answer that was lost on the way may be one of a thing that was made.
 */
export function onceOnly(send) {
	let last, headers
	return async (what) => {
		const text = JSON.stringify(what)
		headers = text === last ? headers : newKey()
		last = text
		const made = await send(what, headers)
		last = undefined
		return made
	}
}

/* All pages of a list. */
async function all(path, query = '') {
	const items = []
	let next = ''
	do {
		const page = await ask('GET', `${path}?limit=200${query}${next && `&after=${encodeURIComponent(next)}`}`)
		items.push(...page.items)
		next = page.next ?? ''
	} while (next)
	return items
}

const at = (link) => `/connections/${encodeURIComponent(link)}`
const of = (id) => `/services/${encodeURIComponent(id)}`

export const api = {
	me: () => ask('GET', '/me'),
	signIn: (email, password) => ask('POST', '/session', { email, password }),
	signOut: () => ask('DELETE', '/session'),
	setPassword: (password, next) => ask('PUT', '/me/password', { password, new_password: next }),
	members: () => all('/members'),

	services: () => all('/services'),
	service: (id) => ask('GET', of(id)),
	defineService: (definition, headers) => ask('POST', '/services', definition, headers),
	redefineService: (id, definition) => ask('PUT', of(id), definition),
	removeService: (id) => ask('DELETE', of(id)),
	appOf: (id) => ask('GET', `${of(id)}/app`),
	setApp: (id, app) => ask('PUT', `${of(id)}/app`, app),

	connections: () => all('/connections'),
	connection: (link) => ask('GET', at(link)),
	create: (connection, headers) => ask('POST', '/connections', connection, headers),
	change: (link, what) => ask('PATCH', at(link), what),
	remove: (link, force) => ask('DELETE', `${at(link)}${force ? '?force=true' : ''}`),
	authorize: (link) => ask('POST', `${at(link)}/authorize`, {}),
	/* force: without a test */
	setCredentials: (link, credentials, force) => ask('PUT', `${at(link)}/credentials${force ? '?force=true' : ''}`,
		{ credentials }),
	/* what: test, refresh, revoke, disable, enable */
	act: (link, what) => ask('POST', `${at(link)}/${what}`),
	/* action: suspend, revoke; of many at once */
	bulkAsk: (action, which, headers) => ask('POST', `/connections/${action}`, which, headers),
	bulks: async () => (await ask('GET', '/bulk-actions?limit=10')).items,
	bulk: (id) => ask('GET', `/bulk-actions/${encodeURIComponent(id)}`),
	/* The first pages of those in a state, as {items, next}; next is null where there are no more. */
	bulkItems: async (id, state, pages, perPage) => {
		const items = []
		let next = ''
		for (let page = 0; page < pages && next !== null; page += 1) {
			const more = await ask('GET', `/bulk-actions/${encodeURIComponent(id)}/items?state=${state}&limit=${perPage}${
				next && `&after=${encodeURIComponent(next)}`}`)
			items.push(...more.items)
			next = more.next
		}
		return { items, next }
	},
	calls: (link) => ask('GET', `${at(link)}/calls?limit=20`),
	usage: (link) => ask('GET', `${at(link)}/usage`),
	/* One page of them; attention: only those that need it. */
	users: (link, { attention, after = '', limit }) => ask('GET', `${at(link)}/users?limit=${limit}${
		attention ? '&attention=true' : ''}${after && `&after=${encodeURIComponent(after)}`}`),
	/* of a user's id; "me" */
	user: (link, user) => ask('GET', `${at(link)}/users/${encodeURIComponent(user)}`),
	removeUser: (link, user) => ask('DELETE', `${at(link)}/users/${encodeURIComponent(user)}`),
	shares: (link) => ask('GET', `${at(link)}/shares`),
	/* version: that of the list which was shown; else 412 */
	setShares: (link, version, items) => ask('PUT', `${at(link)}/shares`, { items }, { 'If-Match': `"${version}"` }),

	keys: (everybodys) => all('/keys', everybodys ? '&all=true' : ''),
	createKey: (key, headers) => ask('POST', '/keys', key, headers),
	revokeKey: (id) => ask('DELETE', `/keys/${encodeURIComponent(id)}`)
}
