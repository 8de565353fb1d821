// SPDX-License-Identifier: Apache-2.0
/*
 * Worlds that several test files share: a server, its peers, and services made through the API. Each test then makes
 * connections of its own.
 */
import { startApi } from './api.mjs'
import { connect, redirectUris } from './consent.mjs'
import { bearerService, oauthService } from './definitions.mjs'
import { startDrawbridge } from './drawbridge.mjs'
import { consentAtOidc, startOidc } from './oidc.mjs'
import { freePort } from './scope.mjs'

let count = 0

/* A connection with a name nobody has used; gives its JSON. */
export function newConnection(drawbridge, service, body = {}) {
	count += 1
	return drawbridge.must('POST', '/v1/connections', { name: `Connection ${count}`, service, ...body })
}

/* Puts a custom service into the catalogue, with its OAuth app if one is given. */
export async function addService(drawbridge, definition, app) {
	await drawbridge.must('POST', '/v1/services', definition)
	if (app)
		await drawbridge.must('PUT', `/v1/services/${definition.id}/app`, app)
	return definition.id
}

/* Drawbridge, oidc-provider, and an API that asks the provider about every token. /mine answers whose token it is. */
export async function startOidcWorld(scope, { oidc: oidcOptions = {}, drawbridge: options = {}, definition } = {}) {
	const port = await freePort()
	const oidc = await startOidc(scope, { redirectUris: redirectUris(port, 'tickets_oidc'), ...oidcOptions })
	const api = await startApi(scope, { check: async (token, request) => {
		const { active } = await oidc.introspect(token)
		if (!active)
			request.socket.server.inactive = (request.socket.server.inactive ?? 0) + 1
		return active
	}, routes: { '/mine': async (_, response, { entry }) => {
		const { sub } = await oidc.introspect(entry.token)
		response.writeHead(200, { 'content-type': 'application/json' })
		response.end(JSON.stringify({ account: sub }))
	} } })
	const drawbridge = await startDrawbridge(scope, { port, ...options })
	const { client_id, client_secret } = oidc.clients.web
	const service = await addService(drawbridge, oauthService('tickets_oidc', oidc, api, {
		authorize: { parameters: { prompt: 'consent' }, issuer: oidc.issuer }, refresh: { rotates: true }, ...definition
	}), { client_id, client_secret })
	const scopes = ['openid', 'offline_access', 'tickets.read']
	const fresh = (body) => newConnection(drawbridge, service, { scopes, ...body })
	const connected = async (body) => {
		const { link_name: link } = await fresh(body)
		return connect(drawbridge, link, consentAtOidc)
	}
	return { oidc, api, drawbridge, service, scopes, fresh, connected }
}

/* Drawbridge and an API behind a bearer token that never changes: for tests of the gateway. */
export async function startBearerWorld(scope, { drawbridge: options = {}, api: apiOptions = {}, definition } = {}) {
	const token = 'upstream-token-Zq81'
	const api = await startApi(scope, { check: (given) => given === token, ...apiOptions })
	const drawbridge = await startDrawbridge(scope, options)
	const service = await addService(drawbridge, bearerService('echo', api, definition))
	const { link_name: link } = await newConnection(drawbridge, service, { name: 'Echo', credentials: { token } })
	return { api, drawbridge, service, link, token }
}
