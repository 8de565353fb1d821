// SPDX-License-Identifier: Apache-2.0
/*
 * accounts.zoho.*: consent pages, token endpoint, revocation, serverinfo. Errors of the token endpoint come with
 * status 200; only access_type=offline with a first consent or prompt=consent gives a refresh token; ten token
 * requests of one refresh token in ten minutes, then "Access Denied".
 */
import { randomBytes } from 'node:crypto'
import { secretSeen } from './known_secrets.mjs'

export const centres = {
	us: { name: 'us', tld: 'com', address: '127.0.0.11' },
	eu: { name: 'eu', tld: 'eu', address: '127.0.0.12' }
}

const tenMinutes = 600_000
const grantLife = 120_000
const knownScope = /^(Desk|ZohoCRM|AaaServer|ZohoSearch)\.[A-Za-z_.]+\.(CREATE|READ|UPDATE|DELETE|WRITE|ALL)$/i

function token() {
	const value = `1000.${randomBytes(16).toString('hex')}.${randomBytes(16).toString('hex')}`
	secretSeen(value)
	return value
}

const accountsHost = (name) => `https://accounts.zoho.${centres[name].tld}`

function json(response, status, value) {
	response.writeHead(status, { 'content-type': 'application/json;charset=UTF-8' })
	response.end(JSON.stringify(value))
}

function page(response, title, body) {
	response.writeHead(200, { 'content-type': 'text/html;charset=UTF-8' })
	response.end(`<!doctype html><title>${title}</title><h1>${title}</h1>${body}`)
}

const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)

export function accountsRoutes(world, centre) {
	const routes = {
		'GET /oauth/v2/auth': (call) => authorize(world, centre, call),
		'POST /signin': (call) => signIn(world, call),
		'POST /consent': (call) => consent(world, call),
		'POST /oauth/v2/token': (call) => world.faults.run('token', call.response, () => exchange(world, centre, call)),
		'POST /oauth/v2/token/revoke': (call) => world.faults.run('revoke', call.response,
			() => revoke(world, centre, call)),
		'GET /oauth/user/info': (call) => userInfo(world, centre, call),
		'GET /oauth/serverinfo': ({ response }) => json(response, 200, { result: 'success',
			locations: Object.fromEntries(Object.keys(centres).map((name) => [name, accountsHost(name)])) })
	}
	return async (call) => {
		const route = routes[`${call.request.method} ${call.url.pathname}`]
		if (route)
			await route(call)
		else
			json(call.response, 404, { error: 'URL_NOT_FOUND' })
	}
}

/* Faults of the request are shown here and never go back to the client. */
function authorize(world, centre, { url, response }) {
	const query = url.searchParams
	const scopes = (query.get('scope') ?? '').split(',')
	if (query.get('client_id') !== world.app.client_id)
		return page(response, 'Invalid Client', '<p>Client Id passed does not exist</p>')
	if (!world.app.redirectUris.includes(query.get('redirect_uri')))
		return page(response, 'Invalid Redirect Uri', '<p>Redirect URI passed does not match with the one configured</p>')
	if (query.get('response_type') !== 'code' || !scopes.every((scope) => knownScope.test(scope)))
		return page(response, 'Invalid OAuth Scope', `<p>Scope does not exist: ${escape(scopes.join(' '))}</p>`)
	return page(response, 'Sign in to access Accounts', `<form action="/signin" method="post">
		<input type="hidden" name="request" value="${escape(url.search)}"><input type="email" name="email">
		<input type="password" name="password"><button>Sign in</button></form>`)
}

function signIn(world, { form, response }) {
	if (!world.users.has(form.get('email')))
		return page(response, 'This account cannot be found', '<p>Sign up?</p>')
	const scopes = new URLSearchParams(form.get('request')).get('scope').split(',')
	return page(response, 'Drawbridge would like to access', `<ul>${scopes.map((scope) => `<li>${escape(scope)}</li>`)
		.join('')}</ul><form action="/consent" method="post">
		<input type="hidden" name="request" value="${escape(form.get('request'))}">
		<input type="hidden" name="email" value="${escape(form.get('email'))}">
		<button name="choice" value="accept">Accept</button><button name="choice" value="reject">Reject</button></form>`)
}

/* The code lives in the data centre of the user, wherever he was sent to. */
function consent(world, { form, response }) {
	const query = new URLSearchParams(form.get('request'))
	const back = new URL(query.get('redirect_uri'))
	const user = world.users.get(form.get('email'))
	if (form.get('choice') === 'accept') {
		const code = token()
		const first = !world.consented.has(user.email)
		world.consented.add(user.email)
		world.codes.set(code, { user, at: Date.now(), redirectUri: query.get('redirect_uri'),
			scopes: query.get('scope').split(','), challenge: query.get('code_challenge'),
			offline: query.get('access_type') === 'offline' && (first || query.get('prompt') === 'consent') })
		const answer = { code, location: user.centre, 'accounts-server': accountsHost(user.centre), ...world.callback }
		for (const [name, value] of Object.entries(answer))
			back.searchParams.set(name, value)
	} else {
		back.searchParams.set('error', 'access_denied')
	}
	if (query.has('state'))
		back.searchParams.set('state', query.get('state'))
	response.writeHead(302, { location: back.href }).end()
}

/* Parameters are taken from the query and from the body alike. */
function exchange(world, centre, { url, form, response }) {
	const get = (name) => form.get(name) ?? url.searchParams.get(name)
	if (get('client_id') !== world.app.client_id)
		return json(response, 200, { error: 'invalid_client' })
	if (get('client_secret') !== world.app.secrets[centre.name])
		return json(response, 200, { error: 'invalid_client_secret' })
	if (get('grant_type') === 'authorization_code')
		return redeem(world, centre, get, response)
	if (get('grant_type') === 'refresh_token')
		return refresh(world, centre, get('refresh_token'), response)
	if (get('grant_type') === 'client_credentials')
		return selfClient(world, centre, get, response)
	return json(response, 200, { error: 'general_error' })
}

/* A Self Client gets tokens for an organisation; the limit of token requests is taken to be that of the others. */
function selfClient(world, centre, get, response) {
	const org = /^[A-Za-z]+\.(\d+)$/.exec(get('soid') ?? '')?.[1]
	const user = [...world.users.values()].find((each) => each.org === org && each.centre === centre.name)
	if (!user)
		return json(response, 200, { error: 'general_error' })
	const key = `self ${get('soid')}`
	const times = (world.selfClients.get(key) ?? []).filter((at) => Date.now() - at < tenMinutes)
	world.selfClients.set(key, times)
	if (times.length >= world.tokenRequests)
		return json(response, world.throttleStatus, { error: 'Access Denied', status: 'failure' })
	times.push(Date.now())
	return json(response, 200, accessToken(world, centre, { user, scopes: get('scope').split(',') }, key))
}

function redeem(world, centre, get, response) {
	const code = world.codes.get(get('code'))
	if (code && code.user.centre !== centre.name)
		return json(response, 200, { error: 'invalid_client' })
	if (!code || code.used || Date.now() - code.at > grantLife)
		return json(response, 200, { error: 'invalid_code' })
	if (code.redirectUri !== get('redirect_uri'))
		return json(response, 200, { error: 'invalid_redirect_uri' })
	code.used = true
	let given = {}
	let family
	if (code.offline) {
		family = token()
		const all = [...world.refresh.values()].filter(({ user }) => user === code.user)
		if (all.length >= 20)
			world.refresh.delete(all[0].value)
		world.refresh.set(family, { value: family, user: code.user, scopes: code.scopes, times: [] })
		given = { refresh_token: family }
	}
	return json(response, 200, { ...accessToken(world, centre, code, family), ...given })
}

function refresh(world, centre, value, response) {
	const grant = world.refresh.get(value)
	if (!grant || grant.user.centre !== centre.name)
		return json(response, 200, { error: 'invalid_code' })
	grant.times = grant.times.filter((at) => Date.now() - at < tenMinutes)
	if (world.throttled || grant.times.length >= world.tokenRequests) {
		return json(response, world.throttleStatus, { error: 'Access Denied', status: 'failure', error_description:
			'You have made too many requests continuously. Please try again after some time.' })
	}
	grant.times.push(Date.now())
	return json(response, 200, accessToken(world, centre, grant, value))
}

/* The eleventh living access token of a refresh token silently ends the first. */
function accessToken(world, centre, { user, scopes }, family) {
	const value = token()
	const living = [...world.access.entries()].filter(([, each]) => family && each.family === family)
	if (living.length >= 10)
		world.access.delete(living[0][0])
	world.access.set(value, { user, scopes, family, centre: centre.name, until: Date.now() + world.tokenLife * 1000 })
	return { access_token: value, scope: scopes.join(' '), api_domain: world.apiDomain ?? `https://www.zohoapis.${centre.tld}`,
		token_type: 'Bearer', expires_in: world.tokenLife }
}

function revoke(world, centre, { url, form, response }) {
	const value = form.get('token') ?? url.searchParams.get('token')
	const grant = world.refresh.get(value) ?? world.access.get(value)
	if (!grant || grant.user.centre !== centre.name)
		return json(response, 400, { error: 'invalid_token', status: 'failure' })
	world.refresh.delete(value)
	world.access.delete(value)
	for (const [key, each] of world.access)
		if (each.family === value)
			world.access.delete(key)
	return json(response, 200, { status: 'success' })
}

function userInfo(world, centre, { request, response }) {
	const found = livingToken(world, centre, request)
	if (!found)
		return json(response, 401, { error: 'INVALID_OAUTHTOKEN' })
	if (!found.scopes.some((scope) => /^AaaServer\.profile\.(READ|ALL)$/i.test(scope)))
		return json(response, 401, { error: 'INVALID_OAUTHSCOPE' })
	return json(response, 200, { First_Name: found.user.email.split('@')[0], Last_Name: 'Example',
		Email: found.user.email, Display_Name: found.user.email.split('@')[0], ZUID: found.user.zuid })
}

/* The token of a request, which must be spelt in Zoho's own scheme and belong to this data centre. */
export function livingToken(world, centre, request) {
	const match = /^Zoho-oauthtoken (\S+)$/.exec(request.headers.authorization ?? '')
	const found = match && world.access.get(match[1])
	return found && found.centre === centre.name && found.until > Date.now() ? found : undefined
}
