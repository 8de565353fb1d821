// SPDX-License-Identifier: Apache-2.0
/*
 * glewlwyd (Debian's package), an OpenID provider in C, as a second peer whose habits differ: lower-case "bearer",
 * dead refresh tokens told by 400 with an empty body, users who may grant a part of the scopes. Set up through its
 * own API, on a SQLite database of the test's. Its pages are scripts around that API, so consent is given the same
 * way that they give it.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import http from 'node:http'
import { secretSeen } from './known_secrets.mjs'
import { listen, readBody, request } from './http.mjs'
import { mustRun, startProcess } from './process.mjs'
import { eventually, freePort, temporaryFolder } from './scope.mjs'

const schema = '/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz'

export const glewlwydInstalled = existsSync('/usr/bin/glewlwyd') && existsSync(schema)

/* options: redirectUris, ttl (seconds of an access token), oneUse (rotation: "always" or "never") */
export async function startGlewlwyd(scope, { redirectUris = ['http://127.0.0.1/oauth/callback'], ttl = 3600,
	oneUse = 'never' } = {}) {
	const folder = temporaryFolder(scope, 'glewlwyd')
	const port = await freePort()
	const url = `http://127.0.0.1:${port}`
	await writeConfiguration(folder, port, url)
	const server = startProcess(scope, '/usr/bin/glewlwyd', ['-c', join(folder, 'glewlwyd.conf')])
	await eventually('glewlwyd to answer', async () => {
		if (server.end)
			throw new Error(`glewlwyd ended: ${server.stdout}${server.stderr}`)
		return (await request(`${url}/config`)).status === 200
	})
	const client = { client_id: 'drawbridge-web', client_secret: 'glewlwyd-secret-9d41' }
	const user = { username: 'grace', password: 'users-password-55' }
	await populate(url, { client, user, redirectUris, ttl, oneUse })
	const base = `${url}/api/oidc`
	const token = await startNoting(scope, `${base}/token`)
	return { url, port, client, user, server, log: () => readFileSync(join(folder, 'glewlwyd.log'), 'utf8'),
		endpoints: { authorize: `${base}/auth`, token, revoke: `${base}/revoke`,
			introspect: `${base}/introspect`, userinfo: `${base}/userinfo` },
		introspect: (token) => introspect(base, client, token),
		refreshTokens: () => database(folder, 'SELECT gpor_id, gpor_enabled FROM gpo_refresh_token'),
		killRefreshTokens: () => database(folder, 'UPDATE gpo_refresh_token SET gpor_enabled = 0') }
}

/* In front of the token endpoint: what it is sent and what it issues is remembered as secret. */
async function startNoting(scope, url) {
	const server = http.createServer(async (incoming, response) => {
		const body = await readBody(incoming)
		const fields = new URLSearchParams(body.toString('utf8'))
		secretSeen(...['code', 'code_verifier', 'refresh_token', 'client_secret'].map((name) => fields.get(name)))
		const { host, connection, 'content-length': length, ...headers } = incoming.headers
		const answer = await request(url, { method: incoming.method, headers, body })
		secretSeen(...['access_token', 'refresh_token', 'id_token'].map((name) => answer.json?.[name]))
		response.writeHead(answer.status, answer.headers).end(answer.body)
	})
	return `http://127.0.0.1:${await listen(scope, server)}/token`
}

function database(folder, statement) {
	return mustRun('sqlite3', ['-cmd', '.timeout 5000', join(folder, 'glewlwyd.db'), statement])
}

async function writeConfiguration(folder, port, url) {
	const statements = gunzipSync(readFileSync(schema)).toString('utf8')
	await mustRun('sqlite3', [join(folder, 'glewlwyd.db')], { stdin: `PRAGMA journal_mode=WAL;\n${statements}` })
	const original = readFileSync('/etc/glewlwyd/glewlwyd.conf', 'utf8')
		.replace(/^(port|bind_address|external_url|log_file|static_files_path|@include)\b.*$/gm, '')
	writeFileSync(join(folder, 'glewlwyd.conf'), `port=${port}\nbind_address="127.0.0.1"\nexternal_url="${url}"\n`
		+ `log_file="${folder}/glewlwyd.log"\nstatic_files_path="/usr/share/glewlwyd/webapp/"\n`
		+ `database = { type = "sqlite3"; path = "${folder}/glewlwyd.db"; };\n${original}`)
}

async function populate(url, { client, user, redirectUris, ttl, oneUse }) {
	const login = await request(`${url}/api/auth/`, { method: 'POST',
		body: { username: 'admin', password: 'password' } })
	const cookie = login.headers['set-cookie'][0].split(';')[0]
	const add = async (path, body) => {
		const answer = await request(`${url}/api${path}`, { method: 'POST', headers: { cookie }, body })
		if (answer.status !== 200)
			throw new Error(`glewlwyd ${path}: ${answer.status} ${answer.text}`)
	}
	const scopes = ['tickets.read', 'tickets.write']
	for (const name of scopes)
		await add('/scope/', { name, display_name: name, password_required: false, scheme: {} })
	await add('/user/', { ...user, name: 'Grace', email: 'grace@example.org', scope: ['openid', ...scopes],
		enabled: true })
	await add('/client/', { client_id: client.client_id, name: 'Drawbridge', confidential: true,
		client_secret: client.client_secret, password: client.client_secret, redirect_uri: redirectUris,
		authorization_type: ['code', 'refresh_token', 'client_credentials', 'delete_token'],
		token_endpoint_auth_method: ['client_secret_basic'], scope: ['tickets.read'], enabled: true })
	await add('/mod/plugin/', { module: 'oidc', name: 'oidc', display_name: 'OpenID', enabled: true, parameters: {
		'iss': url, 'jwt-type': 'sha', 'jwt-key-size': '256', 'key': 'signing key of the test',
		'access-token-duration': ttl, 'refresh-token-duration': 1209600, 'code-duration': 600,
		'refresh-token-rolling': true, 'refresh-token-one-use': oneUse, 'allow-non-oidc': true,
		'auth-type-code-enabled': true, 'auth-type-client-enabled': true, 'auth-type-refresh-enabled': true,
		'pkce-allowed': true, 'pkce-method-plain-allowed': false, 'pkce-required': false, 'oauth-as-iss-id': true,
		'introspection-revocation-allowed': true, 'introspection-revocation-allow-target-client': true } })
}

async function introspect(base, client, token) {
	const pair = Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')
	const answer = await request(`${base}/introspect`, { method: 'POST',
		headers: { authorization: `Basic ${pair}`, 'content-type': 'application/x-www-form-urlencoded' },
		body: String(new URLSearchParams({ token })) })
	return answer.json ?? { active: false, status: answer.status, text: answer.text }
}

/*
 * Logs in, grants (a part of) the scopes and goes on, as the login page's script does: the page was reached by a
 * redirect that carries where to go on in callback_url.
 */
export async function consentAtGlewlwyd(browser, page, peer, { grant = 'openid tickets.read', stop } = {}) {
	const goOn = new URL(page.url.searchParams.get('callback_url'))
	const cookie = browser.cookies.filter(({ host }) => host === goOn.hostname)
		.map(({ name, value }) => `${name}=${value}`).join('; ')
	const login = await request(`${peer.url}/api/auth/`, { method: 'POST', headers: { cookie }, body: peer.user })
	if (login.status !== 200)
		throw new Error(`glewlwyd login: ${login.status} ${login.text}`)
	const [pair] = login.headers['set-cookie'][0].split(';')
	const at = pair.indexOf('=')
	browser.cookies.push({ name: pair.slice(0, at), value: pair.slice(at + 1), host: goOn.hostname, path: '/',
		sameSite: 'lax' })
	const granted = await request(`${peer.url}/api/auth/grant/${peer.client.client_id}/`, { method: 'PUT',
		headers: { cookie: pair }, body: { scope: grant } })
	if (granted.status !== 200)
		throw new Error(`glewlwyd grant: ${granted.status} ${granted.text}`)
	return browser.follow(page, `${goOn}&g_continue`, { stop })
}
