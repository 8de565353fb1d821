// SPDX-License-Identifier: Apache-2.0
/*
 * The methods without consent, against servers that check what arrives: nginx (keys, bearer), apache (Basic),
 * oidc-provider (client credentials), and Node, which tells every byte. What a caller sends of his own never stands
 * beside or instead of the connection's credential.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { apacheInstalled, startApache } from '../support/apache.mjs'
import { startApi } from '../support/api.mjs'
import { startAuthority } from '../support/ca.mjs'
import { basicService, bearerService, clientCredentialsService, keyService, openService, service }
	from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { nginxInstalled, startNginx } from '../support/nginx.mjs'
import { startOidc } from '../support/oidc.mjs'
import { eventually, suite } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

/* nginx and apache log a call when its answer is out already. */
const logs = (server, is) => eventually('the call in the log', () => server.log().slice(-1).some(is))

/* What a caller may try to bring along; none of it may arrive. */
const smuggled = { cookie: 'session=callers-own', 'proxy-authorization': 'Basic Y2FsbGVycy1vd24=' }

suite('methods', (scope) => {
	let drawbridge, echo

	before(async () => {
		echo = await startApi(scope)
		drawbridge = await startDrawbridge(scope)
	})

	/* A service with a connection; gives its link name. */
	async function connected(definition, credentials, app) {
		await addService(drawbridge, definition, app)
		const connection = await newConnection(drawbridge, definition.id, credentials ? { credentials } : {})
		assert.equal(connection.status, 'connected', connection.reason)
		return connection.link_name
	}

	const values = (name) => echo.last().rawHeaders.filter((_, at, all) => at % 2 === 1
		&& all[at - 1].toLowerCase().replaceAll('_', '-') === name)

	/* The values with which these headers came through, sent besides by a caller with a key of his own. */
	async function through(link, headers, path = '/echo') {
		const answer = await drawbridge.via(link, path, { key: null, headers: { 'drawbridge-key': drawbridge.key, ...headers } })
		assert.equal(answer.status, 200, answer.text)
		assert.ok(!JSON.stringify(echo.last()).includes(drawbridge.key), 'the caller\'s key went on')
		assert.ok(!/callers-own|Y2FsbGVycy1vd24/.test(JSON.stringify(echo.last())), JSON.stringify(echo.last().rawHeaders))
	}

	it('a key in a header: nginx lets it pass, and refuses another', { skip: !nginxInstalled }, async () => {
		const nginx = await startNginx(scope)
		const link = await connected(keyService('nginx_header', nginx), { api_key: nginx.key })
		assert.deepEqual((await drawbridge.via(link, '/by-header')).json, { from: 'nginx' })
		await logs(nginx, ({ key, authorization }) => key === nginx.key && authorization === '')
		const wrong = (await newConnection(drawbridge, 'nginx_header', { credentials: { api_key: 'wrong' } })).link_name
		assert.equal((await drawbridge.via(wrong, '/by-header')).status, 401)
	})

	it('a key in the query, beside the caller\'s own parameters', { skip: !nginxInstalled }, async () => {
		const nginx = await startNginx(scope, { key: 'a+b/c=d&e' })
		const open = await startNginx(scope, { key: 'plain-key-1' })
		const part = { in: 'query', name: 'api_key', value: '{api_key}' }
		const link = await connected(keyService('nginx_query', open, part), { api_key: open.key })
		assert.equal((await drawbridge.via(link, '/by-query?page=2&q=%20x')).status, 200)
		await logs(open, ({ path }) => path === `/by-query?page=2&q=%20x&api_key=${open.key}`)
		assert.equal((await drawbridge.via(link, '/by-query')).status, 200)
		const special = await connected(keyService('echo_query', echo, part), { api_key: nginx.key })
		await drawbridge.via(special, '/echo?a=1')
		assert.equal(new URL(echo.last().path, 'http://x').searchParams.get('api_key'), nginx.key)
		assert.equal(new URL(echo.last().path, 'http://x').searchParams.get('a'), '1')
	})

	it('a caller\'s own parameter of that name does not stand beside the key', async () => {
		const link = await connected(keyService('query_only', echo, { in: 'query', name: 'api_key', value: '{api_key}' }),
			{ api_key: 'the-key-4471' })
		for (const own of ['api_key=mine', 'api_key=mine&api_key=two', 'api%5Fkey=mine', 'a=1&api_key=mine&b=2']) {
			const answer = await drawbridge.via(link, `/echo?${own}`)
			if (answer.status !== 200) {
				assert.equal(answer.status, 400, own)
				continue
			}
			assert.deepEqual(new URL(echo.last().path, 'http://x').searchParams.getAll('api_key'), ['the-key-4471'], own)
		}
	})

	it('a key with a prefix in Authorization', { skip: !nginxInstalled }, async () => {
		const nginx = await startNginx(scope)
		const part = { in: 'header', name: 'Authorization', value: 'Token {api_key}' }
		const link = await connected(keyService('nginx_prefix', nginx, part), { api_key: nginx.key })
		assert.equal((await drawbridge.via(link, '/by-prefix')).status, 200)
		await logs(nginx, ({ authorization }) => authorization === `Token ${nginx.key}`)
		assert.equal((await drawbridge.via(link, '/by-bearer')).status, 401)
	})

	it('several parts at once, in headers and query', async () => {
		const definition = service('several', echo, { id: 'key', kind: 'api_key', name: 'Two keys',
			fields: [{ name: 'app_id', label: 'App', secret: false }, { name: 'api_key', label: 'Key' }],
			inject: [{ in: 'header', name: 'X-App', value: '{app_id}' }, { in: 'header', name: 'X-Key', value: 'v1:{api_key}' },
				{ in: 'query', name: 'app', value: '{app_id}' }] })
		const link = await connected(definition, { app_id: 'app-7', api_key: 'key-7' })
		await through(link, { 'X-APP': 'mine', x_key: 'mine', ...smuggled })
		assert.deepEqual([values('x-app'), values('x-key')], [['app-7'], ['v1:key-7']])
		assert.equal(echo.last().path, '/echo?app=app-7')
	})

	it('Basic: apache knows the user, with a colon and more than ASCII', { skip: !apacheInstalled }, async () => {
		const apache = await startApache(scope)
		const link = await connected(basicService('apache', apache), { username: apache.username, password: apache.password })
		assert.deepEqual((await drawbridge.via(link, '/answer.json')).json, { from: 'apache' })
		await logs(apache, (line) => line.startsWith('200 '))
		const wrong = (await newConnection(drawbridge, 'apache', { credentials: { username: apache.username, password: 'x' } }))
			.link_name
		const refused = await drawbridge.via(wrong, '/answer.json')
		assert.equal(refused.status, 401)
	})

	it('Basic made of other fields', async () => {
		const definition = service('help_desk', echo, { id: 'token', kind: 'basic', name: 'API token',
			fields: [{ name: 'email', label: 'E-mail', secret: false }, { name: 'api_key', label: 'Key' }],
			basic: { username: '{email}/token', password: '{api_key}' } })
		const link = await connected(definition, { email: 'ada@example.org', api_key: 'k:1' })
		await through(link, { authorization: 'Basic Y2FsbGVycy1vd24=', ...smuggled })
		assert.deepEqual(values('authorization'), [`Basic ${Buffer.from('ada@example.org/token:k:1').toString('base64')}`])
	})

	it('a bearer token: nginx lets it pass', { skip: !nginxInstalled }, async () => {
		const nginx = await startNginx(scope)
		const link = await connected(bearerService('nginx_bearer', nginx), { token: nginx.bearer })
		assert.equal((await drawbridge.via(link, '/by-bearer')).status, 200)
		await logs(nginx, ({ authorization }) => authorization === `Bearer ${nginx.bearer}`)
	})

	it('the same over TLS, with an authority of our own', { skip: !nginxInstalled }, async () => {
		const authority = await startAuthority(scope)
		const nginx = await startNginx(scope, { tls: await authority.issue(['127.0.0.1', 'localhost']) })
		const strict = await startDrawbridge(scope, { caFile: authority.file })
		const definition = { ...bearerService('nginx_tls', nginx), allow_http: false }
		for (const [server, status] of [[strict, 200], [drawbridge, 502]]) {
			await addService(server, definition)
			const { link_name: link } = await newConnection(server, 'nginx_tls', { credentials: { token: nginx.bearer } })
			assert.equal((await server.via(link, '/by-bearer')).status, status)
		}
		assert.equal(nginx.log().length, 1, 'nothing was said to a server that is not known')
	})

	it('no method: nothing is added, and nothing of the caller goes on', async () => {
		const link = await connected(openService('open', echo))
		for (const headers of [{}, { authorization: 'Bearer callers-own' }])
			await through(link, { ...headers, ...smuggled })
		assert.deepEqual([values('authorization'), values('cookie'), values('drawbridge-key')], [[], [], []])
	})

	it('exactly one credential arrives, whatever a caller sends beside it', async () => {
		const bearer = await connected(bearerService('one_bearer', echo), { token: 'the-token-33' })
		const key = await connected(keyService('one_key', echo), { api_key: 'the-key-33' })
		for (const headers of [{ authorization: 'Bearer callers-own' }, { AUTHORIZATION: 'Basic callers-own' },
			{ 'x-api-key': 'callers-own' }, { 'X-API-KEY': 'callers-own' }, { x_api_key: 'callers-own' },
			{ 'X_Api-Key': 'callers-own' }]) {
			await through(key, { ...headers, ...smuggled })
			assert.deepEqual([values('x-api-key'), values('authorization')], [['the-key-33'], []], JSON.stringify(headers))
		}
		for (const headers of [{ authorization: 'Bearer callers-own' }, { Authorization: 'Digest callers-own' }]) {
			await through(bearer, { ...headers, ...smuggled })
			assert.deepEqual(values('authorization'), ['Bearer the-token-33'], JSON.stringify(headers))
		}
	})

	it('a definition\'s own headers go along, and the caller\'s win over them', async () => {
		const link = await connected(bearerService('versioned', { ...echo, base: { headers: { 'X-Version': '2024-01-01' } } }),
			{ token: 'versioned-token' })
		await through(link, {})
		assert.deepEqual(values('x-version'), ['2024-01-01'])
		await through(link, { 'X-Version': '2030-12-31' })
		assert.deepEqual(values('x-version'), ['2030-12-31'])
	})

	it('a credential that would break a header is refused, and said which', async () => {
		await addService(drawbridge, keyService('strict_key', echo))
		const make = (api_key) => drawbridge.api('POST', '/v1/connections',
			{ name: 'Broken', service: 'strict_key', credentials: { api_key } })
		for (const api_key of ['a\r\nX-Evil: 1', 'a\nb', 'tab\tinside', 'delete\u007f']) {
			const answer = await make(api_key)
			assert.deepEqual([answer.status, answer.json.pointer], [400, '/credentials/api_key'], JSON.stringify(api_key))
		}
		assert.equal((await make('a\u0000b')).status, 400)
		const { items } = await drawbridge.must('GET', '/v1/connections?service=strict_key')
		assert.deepEqual(items, [])
	})

	it('client credentials: a token is got, used, and got anew when it is refused', async () => {
		const oidc = await startOidc(scope)
		const api = await startApi(scope, { check: async (token) => (await oidc.introspect(token)).active })
		const { client_id, client_secret } = oidc.clients.machine
		const link = await connected(clientCredentialsService('machine', oidc, api), undefined, { client_id, client_secret })
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		const first = api.last().token
		await Promise.all(Array.from({ length: 20 }, () => drawbridge.via(link, '/echo')))
		assert.equal(oidc.counts.client, 1, 'one token serves them all')
		const form = Object.fromEntries(oidc.seen.tokenRequests[0].fields)
		assert.equal(form.grant_type, 'client_credentials')
		assert.ok(!('refresh_token' in form))

		api.refuse = 1
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		assert.equal(oidc.counts.client, 2)
		assert.notEqual(api.last().token, first)
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		assert.equal(oidc.counts.client, 3)
		for (const headers of [{ authorization: 'Bearer callers-own' }, {}]) {
			const answer = await drawbridge.via(link, '/echo', { key: null, headers: { 'drawbridge-key': drawbridge.key,
				...headers, ...smuggled } })
			assert.equal(answer.status, 200, answer.text)
			assert.equal(api.last().rawHeaders.filter((name) => /^authorization$/i.test(name)).length, 1)
		}
	})

	it('client credentials that are wrong: the reason is told, and mended in two steps', async () => {
		const oidc = await startOidc(scope)
		const { client_id, client_secret } = oidc.clients.machine
		await addService(drawbridge, clientCredentialsService('machine_wrong', oidc, echo),
			{ client_id, client_secret: 'not the secret' })
		const made = await drawbridge.api('POST', '/v1/connections', { name: 'Wrong app', service: 'machine_wrong' })
		assert.deepEqual([made.status, made.json.status], [201, 'not_connected'], made.text)
		assert.match(made.json.reason, /refuses the OAuth app: invalid_client/)
		assert.ok(!made.text.includes('not the secret'))
		const { link_name: link } = made.json
		assert.equal((await drawbridge.via(link, '/echo')).json.code, 'connection_not_connected')
		await drawbridge.must('PUT', '/v1/services/machine_wrong/app', { client_id, client_secret })
		assert.equal((await drawbridge.must('PUT', `/v1/connections/${link}/credentials`, {})).status, 'connected')
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})
})
