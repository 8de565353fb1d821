// SPDX-License-Identifier: Apache-2.0
/*
 * An authorization server that does as a test says, for what real ones cannot be made to do: answers that lack
 * something or say too much, another issuer, a client authentication of choice. By itself it is strict: PKCE with
 * S256 alone, codes and refresh tokens used once (a second use ends the grant and is counted), redirect URIs compared
 * to the letter. Nobody has to press anything: it consents at once, as `account`.
 */
import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import { secretSeen } from './known_secrets.mjs'
import { Faults } from './faults.mjs'
import { listen, readBody } from './http.mjs'

const make = (kind) => `${kind}-${randomBytes(12).toString('hex')}`

/*
 * options: auth (basic, body or none: at token and revocation endpoint), redirectUris, life (seconds of an access
 * token), tls ({cert, key}: those two are https; vouchedBy(tls) gives another certificate), renewsElsewhere (refresh
 * tokens are taken at endpoints.renew, of another origin, and there alone), names (what parameters are called here, in
 * place of OAuth's own names: those are unknown then). What a test may set:
 * account, life, deny (an error code), scope(asked) -> what the answer says (undefined: nothing), answer(body) -> the
 * body of a good token answer, callback(parameters) -> changes them before the browser goes back, methods (of PKCE),
 * takes(registered, asked) -> whether a redirect URI is good, verifies (false: it passes over PKCE).
 */
export async function startScripted(scope, { auth = 'basic', redirectUris, life = 3600, tls, renewsElsewhere, names = {} } = {}) {
	const server = new ScriptedServer(auth, redirectUris, life)
	server.names = names
	await server.start(scope, tls)
	if (renewsElsewhere)
		await server.startRenewing(scope)
	return server
}

class ScriptedServer {
	constructor(auth, redirectUris, life) {
		Object.assign(this, { auth, redirectUris, life, faults: new Faults(), codes: new Map(), grants: new Map(),
			access: new Map(), ends: new Map(), requests: [], revocations: [], authorizations: [], reused: 0, secrets: new Set() })
		this.client = { client_id: 'scripted-client', ...(auth === 'none' ? {} : { client_secret: 's3cret of:scripted' }) }
		this.reset()
	}

	/* As a test finds it. */
	reset() {
		this.faults.clear()
		Object.assign(this, { account: 'ada', deny: undefined, scope: (asked) => asked, answer: (body) => body,
			callback: () => {}, methods: ['S256'], rotates: true, takes: (registered, asked) => registered === asked,
			verifies: true })
	}

	async start(scope, tls) {
		const handle = (request, response) => this.#serve(request, response).catch((error) => {
			response.writeHead(500).end(String(error.stack))
		})
		const server = http.createServer(handle)
		this.port = await listen(scope, server)
		this.issuer = `http://127.0.0.1:${this.port}`
		this.endpoints = { authorize: `${this.issuer}/authorize`, token: `${this.issuer}/token`,
			revoke: `${this.issuer}/revoke` }
		if (tls)
			await this.#startTls(scope, https.createServer(tls, handle))
	}

	async startRenewing(scope) {
		const server = http.createServer(async (request, response) => {
			const form = new URLSearchParams((await readBody(request)).toString('utf8'))
			this.#asked(request, form, response, 'refresh_token', `${url}/renew`)
		})
		const url = `http://127.0.0.1:${await listen(scope, server)}`
		this.endpoints.renew = `${url}/renew`
	}

	async #startTls(scope, server) {
		const url = `https://127.0.0.1:${await listen(scope, server)}`
		Object.assign(this.endpoints, { token: `${url}/token`, revoke: `${url}/revoke` })
		this.vouchedBy = (tls) => {
			server.setSecureContext(tls)
			server.closeIdleConnections()
		}
	}

	/* Parameters by OAuth's names, whatever they are called here. */
	#plain(parameters) {
		const ours = new Map(Object.entries(this.names).map(([name, here]) => [here, name]))
		return new URLSearchParams([...parameters].map(([name, value]) =>
			[ours.get(name) ?? (this.names[name] ? `unknown ${name}` : name), value]))
	}

	async #serve(request, response) {
		const url = new URL(request.url, this.issuer)
		const form = this.#plain(new URLSearchParams((await readBody(request)).toString('utf8')))
		if (url.pathname === '/authorize')
			return this.#authorize(this.#plain(url.searchParams), response)
		if (url.pathname === '/token')
			return this.#asked(request, form, response, this.endpoints.renew && 'authorization_code', this.endpoints.token)
		if (url.pathname === '/revoke') {
			this.revocations.push(Object.fromEntries(form))
			return this.faults.run('revoke', response, () => this.#revoke(request, form, response))
		}
		return response.writeHead(404).end()
	}

	/* A token request; only of this type, where one is given. */
	#asked(request, form, response, type, at) {
		this.requests.push({ form: Object.fromEntries(form), headers: request.headers, at })
		if (type && form.get('grant_type') !== type)
			return json(response, 400, { error: 'unsupported_grant_type' })
		return this.faults.run('token', response, () => this.#token(request, form, response))
	}

	#authorize(query, response) {
		this.authorizations.push(Object.fromEntries(query))
		this.secrets.add(query.get('state'))
		const redirect = query.get('redirect_uri')
		if (query.get('client_id') !== this.client.client_id
			|| !this.redirectUris.some((registered) => this.takes(registered, redirect)))
			return response.writeHead(400).end('no such client or redirect URI')
		const back = new URL(redirect)
		const method = query.get('code_challenge_method') ?? 'plain'
		const error = this.deny ?? (this.methods.includes(method) && query.has('code_challenge') ? undefined
			: 'invalid_request')
		if (error) {
			back.searchParams.set('error', error)
			if (error === 'invalid_request')
				back.searchParams.set('error_description', `code_challenge_method ${method} is not supported`)
		} else {
			const code = this.#secret('code')
			this.codes.set(code, { challenge: query.get('code_challenge'), redirect, account: this.account,
				scope: query.get('scope') })
			back.searchParams.set('code', code)
		}
		back.searchParams.set('state', query.get('state'))
		back.searchParams.set('iss', this.issuer)
		this.callback(back.searchParams)
		return response.writeHead(302, { location: back.href }).end()
	}

	#secret(kind) {
		const value = make(kind)
		this.secrets.add(value)
		secretSeen(value)
		return value
	}

	#authenticated(request, form) {
		const { client_id: id, client_secret: secret } = this.client
		const [, basic] = /^Basic (.+)$/.exec(request.headers.authorization ?? '') ?? []
		if (this.auth === 'basic') {
			const [user, password] = Buffer.from(basic ?? '', 'base64').toString().split(':').map(decodeURIComponent)
			return user === id && password?.replaceAll('+', ' ') === secret && !form.has('client_secret')
		}
		return !basic && form.get('client_id') === id && (form.get('client_secret') ?? undefined) === secret
	}

	#token(request, form, response) {
		if (!this.#authenticated(request, form))
			return json(response, 401, { error: 'invalid_client' })
		const given = form.get('grant_type') === 'authorization_code' ? this.#redeem(form) : this.#refresh(form)
		if (!given)
			return json(response, 400, { error: 'invalid_grant' })
		const token = this.#secret('access')
		this.access.set(token, given.grant)
		this.ends.set(token, Date.now() + this.life * 1000)
		const said = this.scope(given.grant.scope)
		return json(response, 200, this.answer({ access_token: token, token_type: 'Bearer', expires_in: this.life,
			...(given.refresh ? { refresh_token: given.refresh } : {}), ...(said === undefined ? {} : { scope: said }) }))
	}

	#redeem(form) {
		const code = this.codes.get(form.get('code'))
		const verifier = form.get('code_verifier') ?? ''
		this.secrets.add(verifier)
		if (!code || code.used || code.redirect !== form.get('redirect_uri')
			|| this.verifies && createHash('sha256').update(verifier).digest('base64url') !== code.challenge)
			return undefined
		code.used = true
		const grant = { account: code.account, scope: code.scope, alive: true, current: this.#secret('refresh') }
		this.grants.set(grant.current, grant)
		return { grant, refresh: grant.current }
	}

	#refresh(form) {
		const sent = form.get('refresh_token')
		const grant = this.grants.get(sent)
		if (!grant?.alive)
			return undefined
		if (grant.current !== sent) {
			this.reused += 1
			this.end(grant)
			return undefined
		}
		if (!this.rotates)
			return { grant }
		grant.current = this.#secret('refresh')
		this.grants.set(grant.current, grant)
		return { grant, refresh: grant.current }
	}

	#revoke(request, form, response) {
		const [, bearer] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? []
		if (bearer)
			return this.#revokeOwn(bearer, response)
		if (!this.#authenticated(request, form))
			return json(response, 401, { error: 'invalid_client' })
		const grant = this.grants.get(form.get('token')) ?? this.access.get(form.get('token'))
		if (grant)
			this.end(grant)
		return response.writeHead(200).end()
	}

	/* With the access token alone, as at Slack or Dropbox: it must work still. */
	#revokeOwn(token, response) {
		const grant = this.access.get(token)
		if (!grant?.alive || Date.now() >= this.ends.get(token))
			return json(response, 401, { error: 'expired_token' })
		this.end(grant)
		return response.writeHead(200).end()
	}

	/* The grant is no more, whoever wished it. */
	end(grant) {
		grant.alive = false
	}

	/* For an API: the account whose token it is, if that works. */
	accountOf(token) {
		const grant = this.access.get(token)
		return grant?.alive ? grant.account : undefined
	}

	/* An account's grants that are alive. */
	grantsOf(account) {
		return [...new Set(this.grants.values())].filter((grant) => grant.alive && grant.account === account)
	}

	/* As an account's owner does in its settings. */
	endAll(account) {
		for (const grant of this.grantsOf(account))
			this.end(grant)
	}
}

function json(response, status, value) {
	const text = typeof value === 'string' ? value : JSON.stringify(value)
	response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
	response.end(text)
}

/* It consents by itself: the page after Connect is Drawbridge's own again. */
export const consentByItself = (_, page) => page
