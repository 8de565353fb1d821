// SPDX-License-Identifier: Apache-2.0
/*
 * A service that brings its own certificate authority ("ca" in its definition): that one vouches for its hosts and
 * endpoints and no other does, and for nobody else's. Whoever changes it moves no credential that was given before.
 */
import assert from 'node:assert/strict'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { startAuthority } from '../support/ca.mjs'
import { connect, redirectUris, walkConsent } from '../support/consent.mjs'
import { bearerService, keyService, oauthService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { freePort, suite } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('a service with its own certificate authority', (scope) => {
	let drawbridge, api, ours, theirs, system, server, count = 0
	const leaf = {}
	const token = 'vouched-token-4711'
	const plain = { allow_http: undefined }

	before(async () => {
		[ours, theirs, system] = [await startAuthority(scope, { name: 'Ours' }),
			await startAuthority(scope, { name: 'Theirs' }), await startAuthority(scope, { name: 'System' })]
		for (const [name, authority] of Object.entries({ ours, theirs, system }))
			leaf[name] = await authority.issue(['127.0.0.1'])
		api = await startApi(scope, { tls: leaf.ours, check: (given) => given === token })
		const port = await freePort()
		server = await startScripted(scope, { tls: leaf.ours, redirectUris: [] })
		drawbridge = await startDrawbridge(scope, { port, caFile: system.file, flags: ['--workers', '1'] })
	})

	beforeEach(() => {
		api.vouchedBy(leaf.ours)
		server.vouchedBy(leaf.ours)
		server.reset()
		api.requests.length = server.requests.length = server.revocations.length = 0
	})

	const define = (id, ca, url = api.url) => bearerService(id, { url }, { ...plain, ca })
	async function connected(ca, url) {
		const id = await addService(drawbridge, define(`vouched_${++count}`, ca, url))
		const { link_name: link } = await newConnection(drawbridge, id, { credentials: { token } })
		return { id, link, call: () => drawbridge.via(link, '/echo') }
	}

	function assertUntrusted(answer, seen = api.requests) {
		assert.equal(answer.status, 502, answer.text)
		assert.equal(answer.headers['drawbridge-error'], 'upstream_unreachable')
		assert.match(answer.json.detail, /certificate/)
		assert.equal(seen.length, 0)
	}

	function assertDetached(answer) {
		assert.equal(answer.status, 403, answer.text)
		assert.equal(answer.headers['drawbridge-error'], 'destination_not_allowed')
		assert.match(answer.json.detail, /now trusts other certificates/)
		assert.equal(api.requests.length, 0)
	}

	it('its hosts are reached with it, and not without', async () => {
		assertUntrusted(await (await connected(undefined)).call())
		const { call, link } = await connected(ours.pem)
		assert.equal((await call()).status, 200)
		assert.equal((await drawbridge.via(link, `/${api.url}/echo`)).status, 200)
		assert.equal(api.requests.length, 2)
	})

	it('it stands in place of those whom the system trusts, and any of several counts', async () => {
		api.vouchedBy(leaf.system)
		assert.equal((await (await connected(undefined)).call()).status, 200)
		api.requests.length = 0
		assertUntrusted(await (await connected(ours.pem)).call())
		assert.equal((await (await connected(`${ours.pem}\n${system.pem}`)).call()).status, 200)
	})

	it('a certificate that it did not sign is refused', async () => {
		const { call } = await connected(ours.pem)
		for (const name of ['theirs', 'system']) {
			api.vouchedBy(leaf[name])
			assertUntrusted(await call())
		}
		api.vouchedBy(await ours.issue(['127.0.0.2']))
		assertUntrusted(await call())
	})

	it('the server\'s own certificate can stand for itself', async () => {
		assert.equal((await (await connected(leaf.ours.cert)).call()).status, 200)
		api.requests.length = 0
		assertUntrusted(await (await connected(leaf.theirs.cert)).call())
	})

	it('it does not count for another service at the same place: not with connections or sessions that wait', async () => {
		const good = await connected(ours.pem)
		const others = [await connected(theirs.pem), await connected(undefined), await connected(system.pem)]
		for (let n = 0; n < 3; n++) {
			const open = api.connections
			assert.equal((await good.call()).status, 200)
			assert.equal((await good.call()).status, 200)
			assert.ok(api.connections <= open + 1, 'its own connection is used again')
			api.requests.length = 0
			for (const { call } of others)
				assertUntrusted(await call())
		}
	})

	it('a webhook without a connection does not get it', async () => {
		await connected(ours.pem)
		const run = await drawbridge.must('POST', '/v1/webhooks/run', { connection: null,
			request: { method: 'GET', url: `${api.url}/echo` } })
		assert.match(JSON.stringify(run), /certificate/)
		assert.equal(api.requests.length, 0)
	})

	it('one that changes moves no credential: the call is refused before anything is sent', async () => {
		const { id, link, call } = await connected(ours.pem)
		assert.equal((await call()).status, 200)
		for (const [ca, name] of [[theirs.pem, 'theirs'], [undefined, 'system']]) {
			api.vouchedBy(leaf[name])
			await drawbridge.must('PUT', `/v1/services/${id}`, define(id, ca))
			api.requests.length = 0
			for (const path of ['/echo', `/${api.url}/echo`])
				assertDetached(await drawbridge.via(link, path))
		}
		await drawbridge.must('PUT', `/v1/services/${id}`, define(id, theirs.pem))
		api.vouchedBy(leaf.theirs)
		await drawbridge.must('PUT', `/v1/connections/${link}/credentials`, { token })
		assert.equal((await call()).status, 200)
	})

	it('a service that gets its first one detaches, too', async () => {
		api.vouchedBy(leaf.system)
		const { id, call } = await connected(undefined)
		assert.equal((await call()).status, 200)
		api.requests.length = 0
		await drawbridge.must('PUT', `/v1/services/${id}`, define(id, system.pem))
		assertDetached(await call())
	})

	it('one that is added counts for credentials given from then on; one that is taken away, at once', async () => {
		const { id, link, call } = await connected(ours.pem)
		await drawbridge.must('PUT', `/v1/services/${id}`, define(id, `${theirs.pem}${ours.pem}`))
		assert.equal((await call()).status, 200)
		api.requests.length = 0
		api.vouchedBy(leaf.theirs)
		assertUntrusted(await call())
		await drawbridge.must('PUT', `/v1/connections/${link}/credentials`, { token })
		assert.equal((await call()).status, 200)
		api.requests.length = 0
		await drawbridge.must('PUT', `/v1/services/${id}`, define(id, ours.pem))
		assertUntrusted(await call())
		api.vouchedBy(leaf.ours)
		assert.equal((await call()).status, 200)
	})

	it('a credential that is tested before it replaces another is shown to nobody else', async () => {
		const tests = [{ path: '/echo' }]
		const id = await addService(drawbridge, bearerService('vouched_tested', { url: api.url, base: { tests } },
			{ ...plain, ca: ours.pem }))
		const { link_name: link } = await newConnection(drawbridge, id, { credentials: { token } })
		const give = () => drawbridge.api('PUT', `/v1/connections/${link}/credentials`, { token })
		assert.equal((await give()).status, 200)
		assert.equal(api.requests.length, 1)
		api.requests.length = 0
		for (const name of ['theirs', 'system']) {
			api.vouchedBy(leaf[name])
			assert.notEqual((await give()).status, 200)
			assert.equal(api.requests.length, 0)
		}
	})

	/* ---- token endpoints ---- */

	const scopes = ['tickets.read']
	const oauth = (id, ca) => oauthService(id, server, { url: api.url, hosts: [new URL(api.url).host] },
		{ ca, refresh: { rotates: true } })
	async function consented(ca) {
		const id = await addService(drawbridge, oauth(`consented_${++count}`, ca), server.client)
		server.redirectUris = redirectUris(drawbridge.port, id)
		const { link_name: link } = await newConnection(drawbridge, id, { scopes })
		await connect(drawbridge, link, consentByItself)
		return { id, link }
	}
	const fresh = async (id) => (await newConnection(drawbridge, id, { scopes })).link_name
	const refresh = (link) => drawbridge.api('POST', `/v1/connections/${link}/refresh`)

	it('consent, refresh and revocation go by it', async () => {
		const { link } = await consented(ours.pem)
		assert.equal((await refresh(link)).status, 200)
		assert.deepEqual(server.requests.map(({ form }) => form.grant_type), ['authorization_code', 'refresh_token'])
		await drawbridge.must('POST', `/v1/connections/${link}/revoke`)
		assert.ok(server.revocations.length >= 1)
	})

	it('no code, token or client secret goes to an endpoint that it does not vouch for', async () => {
		const { id, link } = await consented(ours.pem)
		server.requests.length = 0
		for (const name of ['theirs', 'system']) {
			server.vouchedBy(leaf[name])
			assert.notEqual((await refresh(link)).status, 200)
			const other = await fresh(id)
			await walkConsent(drawbridge, other, consentByItself)
			assert.equal((await drawbridge.connection(other)).status, 'not_connected')
			await drawbridge.api('POST', `/v1/connections/${link}/revoke`)
		}
		assert.equal(server.requests.length + server.revocations.length, 0)
	})

	it('a stored client secret stays with those who vouched when it was given', async () => {
		const { id, link } = await consented(ours.pem)
		for (const [ca, name] of [[`${ours.pem}${theirs.pem}`, 'theirs'], [theirs.pem, 'theirs'], [undefined, 'system']]) {
			server.vouchedBy(leaf[name])
			await drawbridge.must('PUT', `/v1/services/${id}`, oauth(id, ca))
			server.requests.length = 0
			const other = await fresh(id)
			const page = await walkConsent(drawbridge, other, consentByItself)
			assert.match(page.text, /set the app again/i)
			assert.equal((await drawbridge.connection(other)).status, 'not_connected')
			assert.notEqual((await refresh(link)).status, 200)
			assert.equal(server.requests.length, 0, name)
		}
		/* given anew, it goes; and the grants of before go on where they were given for */
		server.vouchedBy(leaf.theirs)
		await drawbridge.must('PUT', `/v1/services/${id}`, oauth(id, `${ours.pem}${theirs.pem}`))
		await drawbridge.must('PUT', `/v1/services/${id}/app`, server.client)
		await connect(drawbridge, await fresh(id), consentByItself)
		server.requests.length = 0
		assert.notEqual((await refresh(link)).status, 200)
		assert.equal(server.requests.length, 0)
		server.vouchedBy(leaf.ours)
		assert.equal((await refresh(link)).status, 200)
	})

	/* ---- what is no authority ---- */

	it('what is no certificate is refused where it is written down, a private key above all', async () => {
		const bad = { '': 'holds no certificate', 'ours': 'PEM certificates', [leaf.ours.key]: 'PEM certificates',
			[`${ours.pem}${leaf.ours.key}`]: 'PEM certificates', [ours.pem.repeat(9)]: 'more than 8',
			[ours.pem.replace(/\n[^\n]+\n-----END/, '\n-----END')]: 'certificate 1 cannot be read',
			[' '.repeat(16 * 1024 + 1)]: 'longer than 16384' }
		for (const [ca, words] of Object.entries(bad)) {
			const made = await drawbridge.api('POST', '/v1/services', keyService('unvouched', { url: api.url }, undefined,
				{ ...plain, ca }))
			assert.equal(made.status, 400, made.text)
			assert.match(made.text, /"\/(definition\/)?ca"/)
			assert.ok(made.text.includes(words), made.text)
			assert.ok(!made.text.includes('PRIVATE'))
		}
	})
})
