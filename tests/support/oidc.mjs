// SPDX-License-Identifier: Apache-2.0
/*
 * oidc-provider, a certified OpenID provider, as a peer: its own login and consent pages, PKCE required, refresh
 * tokens only with offline_access and prompt=consent, rotation with reuse detection.
 */
import http from 'node:http'
import { listen, readBody, request } from './http.mjs'
import { Faults } from './faults.mjs'
import { secretSeen } from './known_secrets.mjs'

/* of a token request */
const secretFields = ['code', 'code_verifier', 'refresh_token', 'client_secret', 'client_assertion']

const scopes = ['openid', 'offline_access', 'tickets.read', 'tickets.write']

/*
 * options: clients (oidc-provider's own shape, added to the two that are always there), ttl (seconds of an access
 * token), rotate (true), port, redirectUris of the web client, publicHost (the name in the issuer).
 */
export async function startOidc(scope, { redirectUris = ['http://127.0.0.1/oauth/callback'], clients = [], ttl = 3600,
	rotate = true, port = 0, publicHost = '127.0.0.1', configuration = {} } = {}) {
	const { default: Provider } = await import('oidc-provider')
	const faults = new Faults()
	const counts = { token: 0, refresh: 0, code: 0, client: 0, introspection: 0, revocation: 0 }
	const seen = { tokenRequests: [], revoked: [], issued: [] }
	const server = http.createServer((incoming, response) => handler(incoming, response))
	let handler = (_, response) => response.end()
	const actualPort = await listen(scope, server, { port })
	const issuer = `http://${publicHost}:${actualPort}`
	const web = { client_id: 'drawbridge-web', client_secret: 'S3cret+of web/client%&=:', redirect_uris: redirectUris,
		grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
		token_endpoint_auth_method: 'client_secret_basic', scope: scopes.join(' ') }
	const machine = { client_id: 'drawbridge-machine', client_secret: 'machine-secret-3f9c', redirect_uris: [],
		grant_types: ['client_credentials'], response_types: [], scope: 'tickets.read tickets.write',
		token_endpoint_auth_method: 'client_secret_post' }
	const api = { client_id: 'protected-api', client_secret: 'api-secret-71ab', redirect_uris: [], grant_types: [],
		response_types: [], token_endpoint_auth_method: 'client_secret_basic' }
	const life = { ttl }
	const provider = new Provider(issuer, {
		clients: [web, machine, api, ...clients],
		scopes,
		pkce: { required: () => true, methods: ['S256'] },
		rotateRefreshToken: () => rotate,
		features: {
			devInteractions: { enabled: true }, introspection: { enabled: true }, revocation: { enabled: true },
			clientCredentials: { enabled: true }, userinfo: { enabled: true }
		},
		ttl: { AccessToken: () => life.ttl, ClientCredentials: () => life.ttl, AuthorizationCode: () => 60,
			RefreshToken: () => 86400, Interaction: () => 600, Session: () => 86400, Grant: () => 86400,
			IdToken: () => 600 },
		cookies: { keys: ['only for tests'] },
		findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@example.org` }) }),
		...configuration
	})
	provider.use(watch({ counts, seen, faults }))
	handler = provider.callback()
	return {
		issuer, port: actualPort, provider, faults, counts, seen, life, clients: { web, machine, api },
		endpoints: { authorize: `${issuer}/auth`, token: `${issuer}/token`, revoke: `${issuer}/token/revocation`,
			introspect: `${issuer}/token/introspection`, userinfo: `${issuer}/me` },
		introspect: (token) => introspect(issuer, api, token)
	}
}

/* Counts what comes to the token endpoints, remembers it, and puts the faults in front of them. */
function watch({ counts, seen, faults }) {
	const kinds = { authorization_code: 'code', refresh_token: 'refresh', client_credentials: 'client' }
	const names = { '/token': 'token', '/token/introspection': 'introspection', '/token/revocation': 'revocation' }
	return async (context, next) => {
		const name = names[context.path]
		if (!name) {
			await next()
			return
		}
		counts[name] += 1
		if (name !== 'introspection') {
			const body = await readBody(context.req)
			context.req.body = body.toString('utf8')
			const fields = new URLSearchParams(context.req.body)
			secretSeen(...secretFields.map((field) => fields.get(field)))
			if (name === 'token')
				counts[kinds[fields.get('grant_type')]] += 1
			seen[name === 'token' ? 'tokenRequests' : 'revoked'].push({ at: Date.now(), fields: [...fields],
				headers: context.headers })
		}
		if (!await faults.run(name, context.res, next))
			context.respond = false
		if (name === 'token')
			issued(seen, Object(context.body))
	}
}

/* Also of what is issued and never comes back: the refresh token that is the current one. */
function issued(seen, body) {
	for (const kind of ['access_token', 'refresh_token', 'id_token'])
		if (body[kind])
			seen.issued.push({ kind, value: body[kind] })
	secretSeen(body.access_token, body.refresh_token, body.id_token)
}

async function introspect(issuer, client, token) {
	const pair = `${encodeURIComponent(client.client_id)}:${encodeURIComponent(client.client_secret)}`
	const answer = await request(`${issuer}/token/introspection`, { method: 'POST',
		headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
			'content-type': 'application/x-www-form-urlencoded' },
		body: String(new URLSearchParams({ token })) })
	if (answer.status !== 200)
		throw new Error(`introspection: ${answer.status} ${answer.text}`)
	return answer.json
}

/* The provider warns about its development settings and about our reading of bodies, which is what we want here. */
function hushed(print) {
	return (text, ...rest) => {
		if (!/^(\x1b\[[\d;]+m)?oidc-provider /.test(String(text)))
			print(text, ...rest)
	}
}
console.warn = hushed(console.warn)
console.info = hushed(console.info)

/* Logs in and consents on the provider's own pages; ends at the first page after them. */
export async function consentAtOidc(browser, page, { login = 'ada', deny = false, stop } = {}) {
	for (let step = 0; step < 5; step++) {
		const prompt = page.forms?.[0]?.fields.find(({ name }) => name === 'prompt')?.value
		if (!prompt)
			return page
		if (deny)
			return browser.follow(page, page.links.find(({ text }) => /cancel|abort/i.test(text)).href, { stop })
		const values = prompt === 'login' ? { login, password: 'any' } : {}
		page = await browser.submit(page, { values, stop })
	}
	throw new Error(`no way through ${page.url}: ${page.text}`)
}
