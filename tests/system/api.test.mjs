// SPDX-License-Identifier: Apache-2.0
/*
 * The API against its contract, docs/openapi.yaml: every operation is asked, done and refused at least once, and
 * every answer is what the document says of it.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { Browser } from '../support/browser.mjs'
import { atCallback, redirectUris, walkConsent } from '../support/consent.mjs'
import { Contract } from '../support/contract.mjs'
import { bearerService, keyService } from '../support/definitions.mjs'
import { binary, owner, startDrawbridge } from '../support/drawbridge.mjs'
import { request } from '../support/http.mjs'
import { consentAtOidc } from '../support/oidc.mjs'
import { startProcess } from '../support/process.mjs'
import { eventually, freePort, suite } from '../support/scope.mjs'
import { accountFlow, shop } from '../support/visitor.mjs'
import { startOidcWorld } from '../support/worlds.mjs'

suite('the API and its contract', (scope) => {
	const contract = new Contract()
	const form = 'application/x-www-form-urlencoded'
	const nobody = `01${'A'.repeat(24)}`
	let world, echo, drawbridge, link, keyLink, keys

	/* An operation by its id; the answer has been judged, and has this status. */
	async function ask(status, id, { params, query, body, key = drawbridge.key, headers, ...options } = {}) {
		const answer = await drawbridge.api(contract.operation(id).method, contract.path(id, params, query), body,
			{ key, headers, ...options })
		contract.answer(id, answer)
		assert.equal(answer.status, status, `${id}: ${answer.status} ${answer.text}`)
		if (status < 300)
			contract.request(id, { body, query, headers })
		return answer
	}

	/* The same, refused with this code, at this place. */
	async function refused(status, code, id, options, place) {
		const { json } = await ask(status, id, options)
		assert.equal(json.code, code, JSON.stringify(json))
		assert.equal(json.status, status)
		if (place !== undefined)
			assert.equal(json.pointer ?? json.parameter, place, JSON.stringify(json))
	}

	before(async () => {
		world = await startOidcWorld(scope)
		echo = await startApi(scope)
		drawbridge = world.drawbridge
		link = (await world.connected({ name: 'Tickets' })).link_name
		keys = { caller: await drawbridge.createKey('caller'), viewer: await drawbridge.createKey('viewer'),
			builder: await drawbridge.createKey('builder') }
	})

	it('services: listed, defined, replaced, deleted', async () => {
		const definition = keyService('by_key', { url: echo.url, base: { tests: [{ path: '/echo' }] } })
		const { headers, json } = await ask(201, 'createService', { body: definition })
		assert.equal(headers.location, '/v1/services/by_key')
		assert.equal(json.definition.id, 'by_key')
		const { headers: { etag } } = await ask(200, 'getService', { params: { id: 'by_key' } })
		assert.equal(etag, headers.etag)
		assert.equal((await ask(200, 'getService', { params: { id: 'zoho_desk' } })).headers.etag, undefined)
		const changed = { ...definition, name: 'Another name' }
		const put = await ask(200, 'replaceService', { params: { id: 'by_key' }, body: changed, headers: { 'if-match': etag } })
		assert.notEqual(put.headers.etag, etag)
		await refused(412, 'changed_meanwhile', 'replaceService',
			{ params: { id: 'by_key' }, body: changed, headers: { 'if-match': etag } })
		await refused(409, 'already_exists', 'createService', { body: definition })
		await refused(404, 'service_not_found', 'getService', { params: { id: 'none' } })
		await refused(404, 'service_not_found', 'replaceService', { params: { id: 'none' }, body: definition })
		const found = await ask(200, 'listServices', { query: { q: 'another NAME' } })
		assert.deepEqual(found.json.items.map(({ id }) => id), ['by_key'])
		assert.ok((await ask(200, 'listServices', { query: { category: 'test' } })).json.items.length >= 2)
		await ask(201, 'createService', { body: bearerService('short_lived', world.api) })
		await ask(204, 'deleteService', { params: { id: 'short_lived' } })
		await refused(404, 'service_not_found', 'deleteService', { params: { id: 'short_lived' } })
		await refused(409, 'in_use', 'deleteService', { params: { id: world.service } })
		const wrong = await ask(400, 'createService', { body: { ...definition, id: 'wrong', methods: {} } })
		assert.ok(wrong.json.problems.length > 0)
	})

	it('OAuth apps: set, shown without the secret', async () => {
		const { client_id, client_secret } = world.oidc.clients.web
		const params = { id: world.service }
		const set = await ask(200, 'setApp', { params, body: { client_id, client_secret } })
		const got = await ask(200, 'getApp', { params })
		assert.deepEqual(got.json, set.json)
		assert.ok(!got.text.includes(client_secret))
		assert.deepEqual([got.json.redirect_uri], redirectUris(drawbridge.port, world.service))
		await refused(400, 'unknown_field', 'setApp', { params, body: { client_id, secret: 'x' } }, '/secret')
		await refused(404, 'service_not_found', 'getApp', { params: { id: 'none' } })
		await refused(403, 'forbidden', 'setApp', { params, body: { client_id }, key: keys.builder })
	})

	it('connections: made, changed, tested, switched off and on, deleted', async () => {
		const body = { name: 'By key', service: 'by_key', credentials: { api_key: 'first-key-8812' } }
		const { json, headers } = await ask(201, 'createConnection', { body })
		keyLink = json.link_name
		const params = { link: keyLink }
		assert.equal(json.status, 'connected')
		assert.equal(headers.location, `/v1/connections/${keyLink}`)
		const got = await ask(200, 'getConnection', { params })
		assert.equal(got.headers.etag, headers.etag)
		const changed = await ask(200, 'updateConnection', { params, body: { name: 'Renamed' },
			headers: { 'if-match': got.headers.etag } })
		assert.equal(changed.json.name, 'Renamed')
		await refused(412, 'changed_meanwhile', 'updateConnection', { params, body: { name: 'Again' },
			headers: { 'if-match': got.headers.etag } })
		await refused(400, 'invalid_request', 'updateConnection', { params, body: {}, headers: { 'if-match': 'W/"1"' } })
		await refused(412, 'changed_meanwhile', 'deleteConnection', { params, headers: { 'if-match': got.headers.etag } })
		for (const credentials of [{ api_key: 'second-key-1' }, { credentials: { api_key: 'second-key-2' } }])
			await ask(200, 'setCredentials', { params, body: credentials })
		await ask(400, 'setCredentials', { params, body: { password: 'x' } })
		assert.equal((await ask(200, 'testConnection', { params })).json.ok, true)
		assert.equal(echo.last().headers['x-api-key'], 'second-key-2')
		await refused(404, 'no_test', 'testConnection', { params: { link } })
		await ask(200, 'disableConnection', { params })
		assert.equal((await ask(200, 'testConnection', { params })).json.code, 'connection_disabled')
		assert.equal((await ask(200, 'enableConnection', { params, body: {} })).json.status, 'connected')
		assert.equal((await ask(200, 'listConnections', { query: { q: 'renam', service: 'by_key', status: 'connected' } }))
			.json.items.length, 1)
		await refused(400, 'invalid_request', 'listConnections', { query: { status: 'well' } }, 'status')
		await refused(400, 'invalid_request', 'deleteConnection', { params, query: { force: 'perhaps' } }, 'force')
		const { link_name: spare } = (await ask(201, 'createConnection', { body: { ...body, name: 'Spare' } })).json
		await ask(200, 'deleteConnection', { params: { link: spare }, query: { force: 'true' } })
		await refused(400, 'service_not_found', 'createConnection', { body: { ...body, service: 'none' } }, '/service')
		for (const id of ['getConnection', 'updateConnection', 'deleteConnection', 'authorizeConnection', 'setCredentials',
			'testConnection', 'refreshConnection', 'revokeConnection', 'disableConnection', 'enableConnection',
			'getConnectionUsage', 'listConnectionCalls', 'getShares', 'setShares'])
			await refused(404, 'connection_not_found', id, { params: { link: spare },
				body: { updateConnection: {}, setCredentials: {}, setShares: { items: [] } }[id] })
	})

	/* What a browser has for the callback: its query, and the headers that bring the browser's cookie. */
	async function wayBack(name, atProvider) {
		const browser = new Browser()
		const { url } = await walkConsent(drawbridge, name, atProvider, { browser, stop: atCallback })
		const cookie = browser.cookies.filter(({ host }) => host === 'localhost').map((each) => `${each.name}=${each.value}`)
		return { query: Object.fromEntries(url.searchParams), headers: { cookie: cookie.join('; ') } }
	}

	it('consent: the ticket, the page, the button, the way back; refresh and revoke', async () => {
		const { link_name: fresh } = await world.fresh({ name: 'To consent' })
		const ticket = (await ask(200, 'authorizeConnection', { params: { link: fresh } })).json
		const params = { ticket: new URL(ticket.authorize_url).pathname.split('/').pop() }
		const page = await ask(200, 'openConsent', { params, key: null })
		assert.match(page.text, /<form/)
		await ask(404, 'openConsent', { params: { ticket: 'A'.repeat(43) }, key: null })
		const cross = { 'content-type': form, origin: 'http://elsewhere.example', 'sec-fetch-site': 'cross-site' }
		await ask(403, 'pressConnect', { params, key: null, body: '', headers: cross })
		const went = await ask(303, 'pressConnect', { params, key: null, body: '', headers: { 'content-type': form } })
		assert.match(went.headers.location, new RegExp(`^${world.oidc.endpoints.authorize}`))
		assert.match(String(went.headers['set-cookie']), /^drawbridge_consent=.*HttpOnly; SameSite=Lax/)
		await ask(404, 'pressConnect', { params, key: null, body: '', headers: { 'content-type': form } })
		const { query, headers } = await wayBack(fresh, consentAtOidc)
		const back = { params: { id: world.service }, query, key: null }
		await ask(400, 'finishCustomConsent', back)
		assert.match((await ask(200, 'finishCustomConsent', { ...back, headers })).text, /Connected/)
		await ask(200, 'refreshConnection', { params: { link: fresh } })
		const revoked = await ask(200, 'revokeConnection', { params: { link: fresh } })
		assert.equal(revoked.json.revoked_upstream, true)
		await ask(409, 'refreshConnection', { params: { link: fresh } })
	})

	it('consent to a default service comes back to the address that all of them have', async () => {
		const port = await freePort()
		await startProcess(scope, binary, ['practice', '--port', String(port)]).says(/practice service on/)
		await ask(200, 'setApp', { params: { id: 'practice_desk' }, body: { client_id: 'practice-client',
			client_secret: 'practice-secret', parameters: { port: String(port) } } })
		const { json } = await ask(201, 'createConnection', { body: { name: 'Practice', service: 'practice_desk',
			parameters: { port: String(port) } } })
		const { query, headers } = await wayBack(json.link_name, (browser, page, { stop }) =>
			browser.submit(page, { button: /accept/i, stop }))
		await ask(400, 'finishConsent', { query, key: null })
		assert.match((await ask(200, 'finishConsent', { query, key: null, headers })).text, /Connected/)
	})

	it('a user\'s own account: seen, and taken back', async () => {
		const { link_name: own } = await world.fresh({ name: 'Each his own', per_user: true })
		const params = { link: own, user: 'me' }
		assert.equal((await ask(200, 'getConnectionUser', { params })).json.status, 'not_connected')
		await refused(404, 'not_found', 'getConnectionUser', { params: { link: own, user: 'somebody' } })
		const { headers: { 'set-cookie': [cookie] } } = await ask(200, 'signIn', { key: null, body: owner })
		const [name, value] = cookie.split(';')[0].split('=')
		const session = { key: null, headers: { cookie: `${name}=${value}`, origin: drawbridge.publicUrl } }
		const browser = new Browser()
		browser.cookies.push({ name, value, host: new URL(drawbridge.publicUrl).hostname, path: '/', sameSite: 'lax' })
		const { json: ticket } = await ask(200, 'authorizeConnection', { ...session, params })
		assert.match((await walkConsent(drawbridge, own, consentAtOidc, { browser, ticket })).text, /Connected/)
		const { json } = await ask(200, 'getConnectionUser', { params })
		assert.deepEqual((await ask(200, 'listConnectionUsers', { params })).json.items, [json])
		await ask(200, 'removeConnectionUser', { params })
		await refused(404, 'not_found', 'removeConnectionUser', { params })
		for (const id of ['getConnectionUser', 'removeConnectionUser'])
			await refused(409, 'wrong_method', id, { params: { link, user: 'me' } })
	})

	it('usage, calls, shares', async () => {
		const params = { link }
		const viewer = (await ask(201, 'createMember', { body: { email: 'vera@example.org', role: 'viewer' } })).json
		const items = [{ kind: 'member', subject: viewer.id, level: 'use' }, { kind: 'everyone' }]
		const set = await ask(200, 'setShares', { params, body: { items } })
		assert.deepEqual((await ask(200, 'getShares', { params })).json, set.json)
		assert.equal(set.json.items.length, 2)
		const { headers: { etag } } = await ask(200, 'getShares', { params })
		const without = await ask(200, 'setShares', { params, body: { items: [{ kind: 'everyone' }] }, headers: { 'if-match': etag } })
		assert.notEqual(without.headers.etag, etag)
		await refused(412, 'changed_meanwhile', 'setShares', { params, body: { items }, headers: { 'if-match': etag } })
		assert.deepEqual((await ask(200, 'getShares', { params })).json, without.json)
		const told = (await ask(200, 'listAudit')).json.items.filter(({ action }) => action === 'connection.share')
		assert.match(told[0].detail, new RegExp(`^removed vera@example\\.org \\(${viewer.id}\\): use$`, 'i'))
		await refused(400, 'unknown_field', 'setShares', { params, body: { items: [{ kind: 'everyone', who: 1 }] } },
			'/items/0/who')
		await refused(400, 'invalid_request', 'setShares', { params, body: { items: [{ kind: 'all' }] } }, '/items/0')
		for (let n = 0; n < 5; n++)
			await ask(200, 'callGet', { params: { link, path: `echo?n=${n}` } })
		const records = () => ask(200, 'listConnectionCalls', { params })
		await eventually('five records', async () => (await records()).json.items.length >= 5)
		assert.ok((await ask(200, 'getConnectionUsage', { params })).json.calls_last_day >= 5)
		assert.deepEqual((await ask(200, 'listConnectionUsers', { params })).json.items, [])
		await refused(400, 'invalid_request', 'listConnectionUsers', { params, query: { status: 'odd' } }, 'status')
		assert.ok((await ask(200, 'listCalls', { query: { connection: link, failed: 'false' } })).json.items.length >= 5)
		await refused(400, 'invalid_request', 'listCalls', { query: { failed: 'maybe' } }, 'failed')
	})

	it('the gateway: every method, done and refused', async () => {
		for (const method of ['Get', 'Post', 'Put', 'Patch', 'Delete', 'Head', 'Options']) {
			const body = /^P/.test(method) ? { any: 'body' } : undefined
			await ask(200, `call${method}`, { params: { link, path: 'echo' }, body })
			const answer = await ask(404, `call${method}`, { params: { link: 'nobody', path: 'echo' }, body })
			assert.equal(answer.headers['drawbridge-error'], 'connection_not_found')
		}
	})

	it('members and keys', async () => {
		const password = 'a password of hers'
		const body = { email: 'ada@example.org', name: 'Ada', role: 'builder', password }
		const { json: { id }, headers } = await ask(201, 'createMember', { body })
		await refused(409, 'already_exists', 'createMember', { body })
		await refused(400, 'invalid_request', 'createMember', { body: { ...body, role: 'king' } }, '/role')
		assert.equal((await ask(200, 'getMember', { params: { id } })).headers.etag, headers.etag)
		await ask(200, 'updateMember', { params: { id }, body: { name: 'Ada L.' }, headers: { 'if-match': headers.etag } })
		await refused(412, 'changed_meanwhile', 'updateMember',
			{ params: { id }, body: { name: 'X' }, headers: { 'if-match': headers.etag } })
		await refused(404, 'not_found', 'getMember', { params: { id: nobody } })
		assert.ok((await ask(200, 'listMembers')).json.items.some(({ email }) => email === 'ada@example.org'))

		const made = await ask(201, 'createKey', { body: { name: 'for a bot', role: 'caller', connections: [link],
			methods: ['GET'], path_prefixes: ['/echo'], rate_per_minute: 600, expires_at: '2099-01-01T00:00:00Z' } })
		const key = made.json.key
		assert.equal((await ask(200, 'getMe', { key })).json.role, 'caller')
		assert.ok(!(await ask(200, 'getKey', { params: { id: made.json.id } })).text.includes(key))
		assert.ok((await ask(200, 'listKeys', { query: { all: 'true' } })).json.items.some((each) => each.id === made.json.id))
		await refused(404, 'not_found', 'listKeys', { query: { all: 'true' }, key: keys.builder })
		await refused(400, 'invalid_request', 'createKey', { body: { name: 'x', role: 'caller', path_prefixes: ['echo'] } },
			'/path_prefixes/0')
		await refused(403, 'forbidden', 'createKey', { body: { name: 'up', role: 'admin' }, key: keys.builder })
		await ask(204, 'revokeKey', { params: { id: made.json.id } })
		await refused(401, 'unauthorized', 'getMe', { key })
		await refused(404, 'not_found', 'revokeKey', { params: { id: nobody } })
	})

	it('signing in and out, and passwords', async () => {
		const origin = drawbridge.publicUrl
		const credentials = { email: 'vic@example.org', password: 'first password' }
		await ask(201, 'createMember', { body: { ...credentials, role: 'admin' } })
		const signedIn = await ask(200, 'signIn', { body: credentials, key: null })
		const [line] = signedIn.headers['set-cookie']
		assert.match(line, /^drawbridge_session=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/)
		const cookie = line.split(';')[0]
		assert.equal((await ask(200, 'getMe', { key: null, headers: { cookie } })).json.key, null)
		await refused(401, 'wrong_password', 'signIn', { body: { ...credentials, password: 'not this one' }, key: null })
		await refused(403, 'wrong_origin', 'signIn', { body: credentials, key: null, headers: { origin: 'http://x.example' } })
		for (const headers of [{}, { origin: 'http://elsewhere.example' }, { origin: 'null' },
			{ origin: `${origin}.example` }, { origin, 'sec-fetch-site': 'cross-site' }]) {
			const from = { key: null, headers: { ...headers, cookie } }
			await refused(403, 'wrong_origin', 'createKey', { ...from, body: { name: 'stolen', role: 'admin' } })
			await refused(403, 'wrong_origin', 'disableConnection', { ...from, params: { link } })
			await refused(403, 'wrong_origin', 'signOut', from)
		}
		const own = { key: null, headers: { cookie, origin } }
		await ask(201, 'createKey', { ...own, body: { name: 'own', role: 'viewer' } })
		await refused(401, 'unauthorized', 'getMe', { key: `dbk_${'A'.repeat(43)}`, headers: { cookie } })
		const change = { password: 'first password', new_password: 'second password' }
		await refused(401, 'wrong_password', 'setMyPassword', { ...own, body: { ...change, password: 'no such one' } })
		await refused(400, 'invalid_request', 'setMyPassword', { ...own, body: { ...change, new_password: 'short' } },
			'/new_password')
		await ask(204, 'setMyPassword', { ...own, body: change })
		await refused(401, 'unauthorized', 'getMe', { key: null, headers: { cookie } })
		const again = await ask(200, 'signIn', { body: { ...credentials, password: 'second password' }, key: null })
		const next = again.headers['set-cookie'][0].split(';')[0]
		const out = await ask(204, 'signOut', { key: null, headers: { cookie: next, origin } })
		assert.match(String(out.headers['set-cookie']), /^drawbridge_session=; .*Max-Age=0/)
		await refused(401, 'unauthorized', 'getMe', { key: null, headers: { cookie: next } })
	})

	it('the first owner: by the link in the log, once; over the socket alone', async () => {
		await refused(403, 'forbidden', 'createOwner', { body: owner })
		const fresh = await startDrawbridge(scope, { owner: false })
		const judged = async (status, id, token, options) => {
			const answer = await fresh.api(contract.operation(id).method, contract.path(id, { token }), options?.body,
				{ key: null, ...options })
			contract.answer(id, answer)
			assert.equal(answer.status, status, answer.text)
		}
		const [, token] = await fresh.server.says(/\/setup\/([\w-]+)/)
		const headers = { 'content-type': form }
		const body = String(new URLSearchParams(owner))
		await judged(200, 'openSetup', token)
		await judged(404, 'openSetup', `${token.slice(0, -1)}_`)
		await judged(404, 'claimSetup', `${token.slice(0, -1)}_`, { headers, body })
		await judged(403, 'claimSetup', token, { headers: { ...headers, origin: 'http://x.example' }, body })
		await judged(400, 'claimSetup', token, { headers, body: 'email=owner%40example.org&password=short' })
		await judged(303, 'claimSetup', token, { headers, body })
		await judged(404, 'openSetup', token)
		await judged(404, 'claimSetup', token, { headers, body })
		const signIn = await fresh.api('POST', '/v1/session', owner, { key: null })
		assert.equal(signIn.json.role, 'owner', signIn.text)

		const untouched = await startDrawbridge(scope, { owner: false })
		const over = (json) => request({ path: '/v1/owner' }, { method: 'POST', body: json,
			socketPath: `${untouched.data}/drawbridge.sock` })
		const made = await over(owner)
		contract.answer('createOwner', made)
		assert.equal(made.status, 201, made.text)
		const second = await over(owner)
		contract.answer('createOwner', second)
		assert.equal(second.status, 409, second.text)
	})

	it('the audit, and what those who watch over servers ask', async () => {
		const { items } = (await ask(200, 'listAudit')).json
		assert.ok(items.some(({ action, outcome }) => action === 'connection.create' && outcome === 'done'))
		assert.ok(items.some(({ outcome }) => outcome === 'refused'))
		await refused(400, 'invalid_request', 'listAudit', { query: { limit: '0' } }, 'limit')
		for (const id of ['getHealth', 'getReadiness', 'getMetrics']) {
			await ask(200, id, { key: null })
			await refused(413, 'too_large', id, { key: null, body: 'a body', headers: { 'content-type': 'text/plain' } })
			const head = await request({ host: '127.0.0.1', port: drawbridge.port, path: contract.path(id) }, { method: 'HEAD' })
			assert.equal(head.status, 200)
			assert.equal(head.body.length, 0)
		}
	})

	it('keys and backups: over the machine\'s own socket', async () => {
		const local = { key: null, headers: {}, socketPath: `${drawbridge.data}/drawbridge.sock` }
		const { json: before } = await ask(200, 'getKeyring', local)
		assert.equal(before.source, 'folder')
		await refused(400, 'invalid_request', 'rotateKeyring', { ...local, body: { source: 'elsewhere' } }, '/source')
		await refused(400, 'invalid_request', 'rotateKeyring', { ...local, body: { handover: '?' } }, '/handover')
		await ask(202, 'rotateKeyring', { ...local, body: { data_keys: true } })
		await eventually('the rotation to end', async () => (await ask(200, 'getKeyring', local)).json.rotation.phase === 'ended')
		assert.notEqual((await ask(200, 'getKeyring', local)).json.id, before.id)
		assert.equal((await ask(200, 'getBackup', local)).json.state, 'none')
		await refused(400, 'invalid_request', 'makeBackup', { ...local, body: { handover: '?' } }, '/handover')
		await ask(202, 'makeBackup', { ...local, body: { handover: 'A'.repeat(150) } })
		const { json: busy } = await eventually('the answer that nobody has sealed this for the keeper as it is', async () => {
			const answer = await ask(200, 'getBackup', local)
			return answer.json.state === 'busy' && answer
		})
		assert.match(busy.detail, /Another command has handed a key over/)
		await ask(204, 'endBackup', local)
		assert.equal((await ask(200, 'getBackup', local)).json.state, 'none')
	})

	const page = 'https://shop.example'
	const bot = (text, more) => ({ name: 'A bot', blocks: [
		{ id: 'start', type: 'start', paths: { next: 'say' } },
		{ id: 'say', type: 'message', content: [{ type: 'text', text: 'Hello {{session.who}}' }, { type: 'image', url: 'https://shop.example/a.png', alt: 'A' },
			{ type: 'links', links: [{ label: 'Shop', url: page }] }], paths: { next: 'pick' } },
		{ id: 'pick', type: 'choice', text, choices: [{ id: 'call', label: 'Call' }, { id: 'person', label: 'A person' }, { id: 'count', label: 'Count' }],
			paths: { call: 'call', person: 'person', count: 'count' } },
		{ id: 'count', type: 'question', text: 'How many?', kind: 'number', variable: 'n', paths: { next: 'end' } },
		{ id: 'call', type: 'webhook', connection: link, request: { method: 'GET', url: '/echo' },
			response_list: [{ codes: ['200'], mappings: [{ variable: 'path', from: '$.path' }] }], paths: { next: 'end' } },
		{ id: 'person', type: 'handoff', text: 'What is it about?' },
		{ id: 'end', type: 'end', text: 'Done {{block.path}}' }],
	variables: { session: [{ name: 'who' }] }, channels: { widget: { enabled: true, origins: [page] } }, ...more })

	it('flows: made, saved, published, compared, restored, moved, deleted', async () => {
		const made = await ask(201, 'createFlow', { body: { draft: bot('What?'), link_name: 'a_bot' }, headers: { 'idempotency-key': 'flow-1' } })
		assert.deepEqual(made.json.problems, [])
		const again = await ask(201, 'createFlow', { body: { draft: bot('What?'), link_name: 'a_bot' }, headers: { 'idempotency-key': 'flow-1' } })
		assert.equal(again.json.id, made.json.id)
		await refused(409, 'already_exists', 'createFlow', { body: { draft: bot('What?'), link_name: 'a_bot' } })
		await refused(400, 'unknown_field', 'createFlow', { body: { draft: {}, links: 1 } }, '/links')
		await refused(400, 'invalid_request', 'createFlow', { body: { draft: 'text' } }, '/draft')
		const params = { id: 'a_bot' }
		const got = await ask(200, 'getFlow', { params })
		assert.deepEqual(got.json.draft, bot('What?'))
		assert.equal(got.headers.etag, made.headers.etag)
		await refused(404, 'flow_not_found', 'getFlow', { params: { id: 'no_bot' } })
		const wrong = await ask(200, 'saveFlow', { params, body: { draft: { name: 'A bot', blocks: [{ id: 'x', type: 'y', z: 1 }], more: 1 } } })
		assert.ok(wrong.json.errors >= 3)
		const conflict = await ask(409, 'publishFlow', { params, body: {} })
		assert.deepEqual(conflict.json.problems, wrong.json.problems)
		await refused(412, 'changed_meanwhile', 'saveFlow', { params, body: { draft: bot('?') }, headers: { 'if-match': got.headers.etag } })
		await ask(200, 'saveFlow', { params, body: { draft: bot('What?') } })
		await ask(200, 'publishFlow', { params, body: { note: 'first' } })
		await ask(200, 'saveFlow', { params, body: { draft: bot('What else?', { name: 'Another' }) } })
		assert.deepEqual((await ask(200, 'diffFlow', { params })).json, { added: [], removed: [], changed: ['pick'], other: ['name'] })
		assert.deepEqual((await ask(200, 'diffFlow', { params, query: { from: '1', to: '1' } })).json.changed, [])
		await refused(400, 'invalid_request', 'diffFlow', { params, query: { from: 'first' } }, 'from')
		await refused(404, 'version_not_found', 'diffFlow', { params, query: { from: '9' } })
		await ask(200, 'publishFlow', { params, body: {} })
		assert.deepEqual((await ask(200, 'listFlowVersions', { params, query: { limit: '1' } })).json.items.map(({ number }) => number), [2])
		assert.equal((await ask(200, 'listFlowVersions', { params, query: { after: '2' } })).json.items[0].note, 'first')
		await refused(400, 'invalid_request', 'listFlowVersions', { params, query: { after: 'x' } }, 'after')
		assert.deepEqual((await ask(200, 'getFlowVersion', { params: { ...params, number: '1' } })).json.document, bot('What?'))
		await refused(404, 'version_not_found', 'getFlowVersion', { params: { ...params, number: '7' } })
		await ask(200, 'restoreFlow', { params, body: { version: 1 } })
		await refused(400, 'invalid_request', 'restoreFlow', { params, body: { version: 0 } }, '/version')
		await refused(404, 'version_not_found', 'restoreFlow', { params, body: { version: 7 } })
		const file = (await ask(200, 'exportFlow', { params, query: { version: '2' } })).json
		assert.equal(file.flow.name, 'Another')
		await refused(404, 'version_not_found', 'exportFlow', { params, query: { version: '9' } })
		const copy = (await ask(201, 'importFlow', { body: { ...file, link_name: 'copy' } })).json
		await refused(400, 'invalid_request', 'importFlow', { body: { ...file, format: 'other/1' } }, '/format')
		await refused(409, 'already_exists', 'importFlow', { body: file })
		const listed = (await ask(200, 'listFlows', { query: { limit: '1' } })).json
		assert.deepEqual([listed.items[0].link_name, listed.next], ['a_bot', 'a_bot'])
		assert.equal((await ask(200, 'listFlows', { query: { after: listed.next } })).json.items[0].id, copy.id)
		await refused(400, 'invalid_request', 'listFlows', { query: { limit: '0' } }, 'limit')
		assert.deepEqual((await ask(200, 'getConnectionUsage', { params: { link } })).json.flows.map(({ link_name, draft, published }) =>
			[link_name, draft, published]), [['a_bot', true, true], ['copy', true, false]])
		await refused(403, 'forbidden', 'deleteFlow', { params, key: keys.viewer })
		await ask(204, 'deleteFlow', { params: { id: 'copy' } })
		await refused(404, 'flow_not_found', 'deleteFlow', { params: { id: 'copy' } })
		await refused(403, 'forbidden', 'createFlow', { body: { draft: bot('?') }, key: keys.viewer })
	})

	it('conversations: begun, answered, followed, ended; and hand-offs', async () => {
		const flow = { id: 'a_bot' }
		const begun = await ask(201, 'beginConversation', { params: flow, body: { session: { who: 'Ann' } } })
		assert.deepEqual(begun.json.messages.map(({ content }) => content.type), ['text', 'image', 'links', 'text'])
		const talk = { params: { id: begun.json.id }, key: begun.json.token }
		const called = await ask(200, 'answerConversation', { ...talk, body: { id: '1', choice: 'call' } })
		assert.deepEqual([called.json.state, called.json.messages.at(-1).content.text], ['ended', 'Done /echo'])
		await refused(409, 'conversation_ended', 'answerConversation', { ...talk, body: { id: '2', text: 'more' } })
		assert.equal((await ask(200, 'getConversation', { ...talk, query: { after: '4' } })).json.messages.length, 2)
		await refused(400, 'invalid_request', 'getConversation', { ...talk, query: { after: 'x' } }, 'after')
		assert.match((await ask(200, 'followConversation', talk)).text, /event: state/)
		await refused(400, 'invalid_request', 'followConversation', { ...talk, query: { after: 'x' } }, 'after')

		const other = (await ask(201, 'beginConversation', { params: flow, body: { draft: true } })).json
		const second = { params: { id: other.id }, key: other.token }
		for (const body of [{}, { text: 'a', choice: 'call' }, { value: {} }, { text: 'x', more: 1 }])
			await ask(400, 'answerConversation', { ...second, body })
		await ask(200, 'answerConversation', { ...second, body: { text: 'neither' } })
		await ask(200, 'answerConversation', { ...second, body: { id: 'c', choice: 'count' } })
		await refused(422, 'message_id_reused', 'answerConversation', { ...second, body: { id: 'c', choice: 'call' } })
		assert.equal((await ask(200, 'answerConversation', { ...second, body: { value: 3 } })).json.state, 'ended')
		await refused(401, 'unauthorized', 'getConversation', { ...second, key: begun.json.token })
		await refused(404, 'conversation_not_found', 'getConversation', { params: { id: nobody } })

		const third = (await ask(201, 'beginConversation', { params: flow, body: {} })).json
		const say = (body) => ask(200, 'answerConversation', { params: { id: third.id }, key: third.token, body })
		for (const body of [{ choice: 'person' }, { text: 'My order' }, { text: 'no address' }, { text: 'ann@example.org' }])
			await say(body)
		const { items } = (await ask(200, 'listHandoffs')).json
		assert.deepEqual([items[0].message, items[0].email, items[0].conversation], ['My order', 'ann@example.org', third.id])
		await refused(400, 'invalid_request', 'listHandoffs', { query: { limit: 'x' } }, 'limit')
		await ask(204, 'closeHandoff', { params: { id: items[0].id } })
		assert.ok((await ask(200, 'listHandoffs')).json.items[0].closed_at)
		assert.deepEqual((await ask(200, 'listHandoffs', { query: { open: 'true' } })).json.items, [])
		await ask(404, 'closeHandoff', { params: { id: nobody } })
		const fourth = (await ask(201, 'beginConversation', { params: flow, body: {} })).json
		const last = { params: { id: fourth.id }, key: fourth.token }
		await ask(204, 'endConversation', last)
		assert.equal((await ask(200, 'getConversation', last)).json.state, 'ended')
		await refused(401, 'unauthorized', 'endConversation', { ...last, key: other.token })
		await refused(404, 'flow_not_found', 'beginConversation', { params: { id: 'no_bot' }, body: {} })
		await refused(400, 'unknown_field', 'beginConversation', { params: flow, body: { inputs: {} } }, '/inputs')
	})

	it('pages of other sites ask first, and are let in by the list alone', async () => {
		const from = (origin) => ({ key: null, headers: { origin } })
		const flow = { id: 'a_bot' }
		const begun = (await ask(201, 'beginConversation', { params: flow, body: {}, ...from(page) })).json
		await ask(403, 'beginConversation', { params: flow, body: {}, ...from('https://evil.example') })
		assert.equal((await ask(200, 'getWidget', { params: flow, ...from(page) })).json.flow, begun.flow)
		await refused(403, 'wrong_origin', 'getWidget', { params: flow, ...from('https://evil.example') })
		await refused(404, 'not_found', 'getWidget', { params: { id: 'no_bot' }, ...from(page) })
		for (const [id, params] of [['preflightFlow', flow], ['preflightConversation', { id: begun.id }], ['preflightMessages', { id: begun.id }],
			['preflightEvents', { id: begun.id }]]) {
			assert.equal((await ask(204, id, { params, ...from(page) })).headers['access-control-allow-origin'], page)
			await refused(403, 'wrong_origin', id, { params, ...from('https://evil.example') })
		}
	})

	it('constants: set, listed, deleted', async () => {
		const params = { name: 'shop' }
		await ask(204, 'setGlobal', { params, body: { value: { name: 'Acme' } } })
		const { items } = (await ask(200, 'listGlobals')).json
		assert.deepEqual(items.map(({ name, value, version }) => [name, value, version]), [['shop', { name: 'Acme' }, 1]])
		await ask(204, 'setGlobal', { params, body: { value: null }, headers: { 'if-match': '"1"' } })
		await refused(412, 'changed_meanwhile', 'setGlobal', { params, body: { value: 1 }, headers: { 'if-match': '"1"' } })
		await refused(400, 'invalid_request', 'setGlobal', { params: { name: 'Not-a-name' }, body: { value: 1 } })
		await refused(400, 'invalid_request', 'setGlobal', { params, body: {} }, '/value')
		await refused(413, 'too_large', 'setGlobal', { params, body: { value: 'x'.repeat(17_000) } })
		await refused(403, 'forbidden', 'setGlobal', { params, body: { value: 1 }, key: keys.builder })
		await ask(204, 'deleteGlobal', { params })
		await refused(404, 'global_not_found', 'deleteGlobal', { params })
	})

	it('private destinations: an owner allows, lists and removes them', async () => {
		const { headers: { 'set-cookie': cookies } } = await ask(200, 'signIn', { key: null, body: owner })
		const asOwner = { key: null, headers: { cookie: cookies[0].split(';')[0], origin: drawbridge.publicUrl } }
		const body = { destination: '10.1.2.0/24:443', note: 'the desk' }
		const { json } = await ask(201, 'allowEgressDestination', { ...asOwner, body })
		assert.deepEqual((await ask(200, 'listEgressDestinations', asOwner)).json, { items: [json], next: null, locked: false })
		await refused(409, 'already_exists', 'allowEgressDestination', { ...asOwner, body })
		await refused(400, 'invalid_request', 'allowEgressDestination', { ...asOwner, body: { destination: '0.0.0.0/0:443' } },
			'/destination')
		await refused(400, 'unknown_field', 'allowEgressDestination', { ...asOwner, body: { ...body, port: 1 } }, '/port')
		await refused(403, 'forbidden', 'allowEgressDestination', { body })
		await refused(403, 'forbidden', 'listEgressDestinations')
		await ask(204, 'removeEgressDestination', { ...asOwner, params: { id: json.id } })
		await refused(404, 'not_found', 'removeEgressDestination', { ...asOwner, params: { id: json.id } })
	})

	it('many connections at once: asked for, looked at, refused', async () => {
		const body = { service: 'airtable' } /* nobody has one */
		const { json } = await ask(202, 'suspendConnections', { body })
		assert.deepEqual([json.action, json.state, json.service, json.owner, json.all], ['suspend', 'done', 'airtable', null, false])
		await ask(202, 'revokeConnections', { body })
		assert.deepEqual((await ask(200, 'listBulkActions')).json.items.map(({ action }) => action), ['revoke', 'suspend'])
		const page = (await ask(200, 'listBulkActions', { query: { limit: '1' } })).json
		assert.equal((await ask(200, 'listBulkActions', { query: { limit: '1', after: page.next } })).json.items[0].id, json.id)
		const params = { id: json.id }
		assert.deepEqual((await ask(200, 'getBulkAction', { params })).json, json)
		assert.deepEqual((await ask(200, 'listBulkItems', { params })).json, { items: [], next: null })
		await refused(404, 'not_found', 'getBulkAction', { params: { id: nobody } })
		await refused(404, 'not_found', 'listBulkItems', { params: { id: nobody } })
		await refused(400, 'invalid_request', 'listBulkItems', { params, query: { state: 'lost' } }, 'state')
		await refused(400, 'invalid_request', 'listBulkActions', { query: { limit: '0' } }, 'limit')
		for (const id of ['suspendConnections', 'revokeConnections']) {
			await refused(400, 'invalid_request', id, { body: {} })
			await refused(400, 'invalid_request', id, { body: { all: true, ...body } })
			await refused(400, 'invalid_request', id, { body: { service: 'no_such' } }, '/service')
			await refused(400, 'invalid_request', id, { body: { owner: nobody } }, '/owner')
			await refused(400, 'unknown_field', id, { body: { every: true } }, '/every')
			await refused(403, 'forbidden', id, { body, key: keys.builder })
		}
	})

	/* Every operation that is not open, as somebody asks it who has no business there. */
	async function sweep(options, judge) {
		const params = { link, id: world.service, path: 'echo', number: '1', name: 'nothing', user: 'somebody' }
		for (const { id, open, forVisitors, path, method } of contract.operations.values()) {
			if (open || forVisitors)
				continue
			const named = /^\/v1\/(members|keys)/.test(path) ? { ...params, id: nobody } : params
			const body = /^P/.test(method) ? {} : undefined
			const answer = await drawbridge.api(method, contract.path(id, named), body, options)
			contract.answer(id, answer)
			judge(id, answer)
		}
	}

	it('without a key, with a wrong one or with two, nothing is told and nothing done', async () => {
		for (const headers of [{}, { authorization: `Bearer dbk_${'B'.repeat(43)}` }, { authorization: 'Bearer' },
			{ 'drawbridge-key': 'nonsense' }])
			await sweep({ key: null, headers }, (id, answer) => {
				assert.equal(answer.status, 401, `${id} ${JSON.stringify(headers)}`)
				assert.ok(contract.operation(id).method === 'HEAD' || answer.json.code === 'unauthorized', id)
				assert.ok(!/basic/i.test(answer.headers['www-authenticate'] ?? ''))
			})
	})

	it('a caller\'s key calls, and asks who it is; all else is forbidden', async () => {
		await sweep({ key: keys.caller }, (id, answer) => {
			const free = id === 'getMe' || contract.operation(id).path.startsWith('/via/')
			assert.equal(answer.status, free ? 200 : 403, `${id}: ${answer.text}`)
		})
	})

	it('a viewer looks and changes nothing but his own', async () => {
		const own = new Set(['getMe', 'setMyPassword', 'createKey', 'getKey', 'revokeKey', 'listKeys'])
		const hidden = new Set(['getApp', 'listAudit', 'listHandoffs', 'listConnectionUsers', 'getConnectionUser',
			'listEgressDestinations', 'listBulkActions', 'getBulkAction', 'listBulkItems', 'getKeyring', 'getBackup']) /* the last two: of the machine alone */
		await sweep({ key: keys.viewer }, (id, answer) => {
			const { method, path } = contract.operation(id)
			if (own.has(id) || path.startsWith('/via/'))
				return
			if (method === 'GET' && !hidden.has(id))
				assert.ok([200, 404].includes(answer.status), `${id}: ${answer.text}`)
			else
				assert.equal(answer.status, 403, `${id}: ${answer.text}`)
		})
	})

	it('accounts of visitors: connected from their page, a member by a link', async () => {
		const { link_name: mine } = await world.fresh({ name: 'Own accounts', per_user: true })
		await ask(201, 'createFlow', { body: { link_name: 'own_bot', draft: accountFlow(mine, [shop]) } })
		await ask(200, 'publishFlow', { params: { id: 'own_bot' }, body: {} })
		const begin = async (options) => {
			const { json } = await ask(201, 'beginConversation', { params: { id: 'own_bot' }, body: {}, ...options })
			const asked = await ask(200, 'answerConversation', { params: { id: json.id }, key: json.token, body: { choice: 'mine' } })
			assert.deepEqual([asked.json.expects.type, asked.json.expects.connection], ['connect', mine])
			return json
		}
		const member = await begin()
		const params = { id: member.id }
		assert.match((await ask(201, 'connectConversation', { params, body: { connection: mine } })).json.url, /\/connect\//)
		await refused(409, 'wrong_state', 'connectConversation', { params, body: { connection: 'another' } })
		await refused(403, 'forbidden', 'connectConversation', { params, key: member.token, body: { connection: mine } })

		const visitor = await begin({ key: null, headers: { origin: shop } })
		const press = { key: null, body: String(new URLSearchParams({ token: visitor.token, connection: mine })) }
		const headers = { 'content-type': form, origin: shop }
		assert.match((await ask(303, 'visitorConnects', { ...press, headers })).headers.location, /\/connect\//)
		await ask(403, 'visitorConnects', { ...press, headers: { ...headers, origin: 'https://elsewhere.example' } })
	})

	it('webhooks: run, tried dry, and refused', async () => {
		const body = { request: { method: 'GET', url: `${world.api.url}/echo`, query: [{ name: 'n', value: '{{input.n}}' }] },
			connection: link, input: { n: 'N' }, response_list: [{ codes: ['2xx'], mappings: [{ variable: 'path', from: '$.path' }] }] }
		const { json } = await ask(200, 'runWebhook', { body })
		assert.deepEqual([json.path, json.variables], ['2xx', { path: '/echo?n=N' }])
		assert.equal((await ask(200, 'runWebhook', { body: { ...body, dry_run: true } })).json.path, null)
		await refused(400, 'unknown_field', 'runWebhook', { body: { ...body, requests: 1 } }, '/requests')
		await refused(400, 'invalid_request', 'runWebhook', { body: { request: { ...body.request, method: 'get' } } }, '/request/method')
	})

	it('curl commands: imported without their credentials', async () => {
		const body = { curl: 'curl -u ada:secret-8841 https://api.stripe.com/v1/charges' }
		const { json, text } = await ask(200, 'importCurl', { body, key: keys.builder })
		assert.deepEqual(json.offers[0].services, ['stripe'])
		assert.ok(!text.includes('secret-8841'))
		await refused(400, 'invalid_request', 'importCurl', { body: { curl: 'wget x' } })
		await refused(403, 'forbidden', 'importCurl', { body, key: keys.viewer })
	})

	it('no operation is left out, and no answer came with a status that is not described', () => {
		const left = contract.leftOut()
		assert.deepEqual(left.uncalled, [])
		assert.deepEqual(left.neverDone, [])
		assert.deepEqual(left.neverRefused, [])
		assert.deepEqual(left.loose, [])
		assert.equal([...contract.operations.values()].filter(({ path }) => !path.startsWith('/via/')).length, 94)
	})
})
