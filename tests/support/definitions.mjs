// SPDX-License-Identifier: Apache-2.0
/*
 * Service definitions for tests, in the format of services/schema.json: what a person would post to /v1/services for
 * a custom service.
 */

/* The frame: where calls go. api: {url, hosts (default: the one of url), base}; base: more of the definition's "api".
 * method: {id, …}, as made by the functions below, or several. */
export function service(id, { url, hosts, base = {} }, method, more = {}) {
	const methods = Object.fromEntries([method].flat().map(({ id: name, ...rest }) => [name, rest]))
	return { id, name: `Test ${id}`, description: 'A service of the tests.', categories: ['test'], allow_http: true,
		methods, api: { base_url: url, hosts: hosts ?? [new URL(url).host], ...base }, ...more }
}

const scopeList = ['openid', 'offline_access', 'tickets.read', 'tickets.write']
	.map((name) => ({ name, description: `The scope ${name}` }))

/* Authorization code at a peer with .endpoints (oidc.mjs, glewlwyd.mjs). */
export function oauthService(id, peer, api, { authorize = {}, token = {}, refresh = {}, method = {}, ...more } = {}) {
	return service(id, api, {
		id: 'oauth', kind: 'oauth2_code', name: 'Sign in',
		authorize: { url: peer.endpoints.authorize, pkce: true, ...authorize },
		token: { url: peer.endpoints.token, client_auth: 'basic', ...token },
		refresh: { ...refresh },
		revoke: { url: peer.endpoints.revoke, client_auth: token.client_auth ?? 'basic', parameters: { token: '{token}' } },
		...method
	}, { scopes: scopeList, ...more })
}

export function clientCredentialsService(id, peer, api, { token = {}, ...more } = {}) {
	return service(id, api, {
		id: 'machine', kind: 'oauth2_client_credentials', name: 'Client credentials',
		token: { url: peer.endpoints.token, client_auth: 'body', ...token }
	}, { scopes: scopeList, ...more })
}

/* One key; part: {in, name, value}, where value is a template over {api_key}. */
export function keyService(id, api, part = { in: 'header', name: 'X-Api-Key', value: '{api_key}' }, more) {
	return service(id, api, { id: 'key', kind: 'api_key', name: 'Key',
		fields: [{ name: 'api_key', label: 'Key' }], inject: [part].flat() }, more)
}

export function basicService(id, api, more) {
	return service(id, api, { id: 'basic', kind: 'basic', name: 'Basic' }, more)
}

export function bearerService(id, api, more) {
	return service(id, api, { id: 'bearer', kind: 'bearer', name: 'Bearer token' }, more)
}

export function openService(id, api, more) {
	return service(id, api, { id: 'open', kind: 'none', name: 'No authentication' }, more)
}
