// SPDX-License-Identifier: Apache-2.0
/*
 * What OAuth clients get wrong, one test each, at an authorization server that does as it is told: callbacks, token
 * answers, client authentication, scopes, accounts, revocation. Nothing that fails may replace a grant that works.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { Browser } from '../support/browser.mjs'
import { atCallback, connect, redirectUris, ticketFor, walkConsent } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { Search } from '../support/known_secrets.mjs'
import { eventually, freePort, suite } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('consent, scenario by scenario', (scope) => {
	let drawbridge, api
	const servers = {}
	/* Every page and every answer of the API and the gateway, for the scan at the end. */
	const kept = []
	const scopes = ['tickets.read', 'tickets.write']

	before(async () => {
		const port = await freePort()
		for (const auth of ['basic', 'body', 'none'])
			servers[auth] = await startScripted(scope, { auth, redirectUris: redirectUris(port, `scripted_${auth}`,
				'scripted_once', 'scripted_forever') })
		api = await startApi(scope, { check: (token) =>
			Object.values(servers).some((server) => server.accountOf(token)) })
		drawbridge = await startDrawbridge(scope, { port })
		keepAll()
		for (const [auth, server] of Object.entries(servers)) {
			await addService(drawbridge, oauthService(`scripted_${auth}`, server, api, {
				authorize: { issuer: server.issuer, issuer_required: true }, token: { client_auth: auth },
				refresh: { rotates: true }
			}), server.client)
		}
	})

	/* The way to the provider has the state in it, and must. */
	const keep = (place, { status, text, headers: { location, ...headers } }) => {
		const way = location && new URL(location, drawbridge.publicUrl)
		way?.searchParams.delete('state')
		kept.push({ place, status, text: `${text} ${JSON.stringify(headers)} ${way ?? ''}` })
	}
	function keepAll() {
		Browser.watch = (url, answer) => url.origin === drawbridge.publicUrl && keep(`GET ${url.pathname}`, answer)
		for (const name of ['api', 'via']) {
			const ask = drawbridge[name].bind(drawbridge)
			drawbridge[name] = async (...args) => {
				const answer = await ask(...args)
				/* what a service answers is its own */
				if (name === 'api' || answer.headers['drawbridge-error'])
					keep(`${name} ${args.slice(0, 2).join(' ').split('?')[0]}`, answer)
				return answer
			}
		}
	}

	beforeEach(() => {
		for (const server of Object.values(servers))
			server.reset()
		api.refuse = 0
	})

	const fresh = (body, auth = 'basic') => newConnection(drawbridge, `scripted_${auth}`, { scopes, ...body })
	const walk = (link, options) => walkConsent(drawbridge, link, consentByItself, options)
	const connected = async (body, auth) => {
		const { link_name: link } = await fresh(body, auth)
		await connect(drawbridge, link, consentByItself)
		return link
	}
	const accountOf = async (link, server = servers.basic) => {
		const answer = await drawbridge.via(link, '/echo')
		assert.equal(answer.status, 200, answer.text)
		return server.accountOf(api.last().token)
	}

	/* What comes back is changed; the connection must stay as it was, and no code may be exchanged. */
	async function refused(change, { status = [400, 403, 404, 409] } = {}) {
		const working = await connected()
		for (const { link_name: link, before: state } of [{ ...await fresh(), before: 'not_connected' },
			{ link_name: working, before: 'connected' }]) {
			const browser = new Browser()
			const stopped = await walk(link, { browser, stop: atCallback })
			const url = new URL(stopped.url)
			const count = servers.basic.requests.length
			const page = await change(url, browser) ?? await browser.open(url)
			assert.ok(status.includes(page.status), `${page.status} ${page.text}`)
			assert.ok(page.text.length > 20)
			assert.equal(servers.basic.requests.length, count, 'a code was sent')
			assert.equal((await drawbridge.connection(link)).status, state)
		}
		assert.equal(await accountOf(working), 'ada')
	}

	/* ---- the callback ---- */

	it('a callback with code and error is a refusal', () =>
		refused((url) => url.searchParams.set('error', 'access_denied')))

	it('a callback with neither code nor error connects nothing', () =>
		refused((url) => url.searchParams.delete('code')))

	it('an empty code is none', () => refused((url) => url.searchParams.set('code', '')))

	it('a missing state is refused', () => refused((url) => url.searchParams.delete('state')))

	it('an unknown state is refused', () => refused((url) => url.searchParams.set('state', 'A'.repeat(43))))

	it('a tampered state is refused', () => refused((url) => {
		const state = url.searchParams.get('state')
		url.searchParams.set('state', state.slice(0, -1) + (state.endsWith('A') ? 'B' : 'A'))
	}))

	it('a state given twice is refused', () => refused((url) => url.searchParams.append('state', 'again')))

	it('a code given twice is refused', () => refused((url) => url.searchParams.append('code', 'again')))

	it('the state of another user\'s browser is refused', () => refused((url) => new Browser().open(url)))

	it('the state of another user\'s browser is refused, even if that has a consent under way', () =>
		refused(async (url) => {
			const other = new Browser()
			await walk((await fresh()).link_name, { browser: other, stop: atCallback })
			return other.open(url)
		}))

	it('a replayed callback does nothing again', async () => {
		const { link_name: link } = await fresh()
		const browser = new Browser()
		const { url } = await walk(link, { browser, stop: atCallback })
		await browser.open(url)
		const [before, count] = [await drawbridge.connection(link), servers.basic.requests.length]
		const again = await browser.open(url)
		assert.ok(again.status >= 400 && again.status < 500)
		assert.equal(servers.basic.requests.length, count)
		assert.deepEqual(await drawbridge.connection(link), before)
	})

	it('the code of one connection does not connect another', async () => {
		const [one, two] = [await fresh(), await fresh()]
		const browser = new Browser()
		const mine = await walk(one.link_name, { browser: new Browser(), stop: atCallback })
		const theirs = await walk(two.link_name, { browser, stop: atCallback })
		theirs.url.searchParams.set('code', mine.url.searchParams.get('code'))
		await browser.open(theirs.url)
		for (const { link_name: link } of [one, two])
			assert.equal((await drawbridge.connection(link)).status, 'not_connected')
	})

	it('an issuer that was not asked is refused before the code is sent', () =>
		refused((url) => url.searchParams.set('iss', 'https://login.attacker.example')))

	it('a missing issuer is refused where the definition says that one comes', () =>
		refused((url) => url.searchParams.delete('iss')))

	it('a denial is told in plain words and can be tried again', async () => {
		const { link_name: link } = await fresh()
		servers.basic.deny = 'access_denied'
		const page = await walk(link)
		assert.ok(page.status >= 400 && page.status < 500)
		const denied = await drawbridge.connection(link)
		assert.equal(denied.status, 'not_connected')
		assert.match(denied.reason, /refused/)
		servers.basic.reset()
		await connect(drawbridge, link, consentByItself)
	})

	it('a denied reconnect leaves the grant that works', async () => {
		const link = await connected()
		servers.basic.deny = 'access_denied'
		await walk(link)
		assert.equal((await drawbridge.connection(link)).status, 'connected')
		assert.equal(await accountOf(link), 'ada')
		assert.equal(servers.basic.revocations.length, 0)
	})

	it('nothing in callback or ticket leads to another site', async () => {
		const { link_name: link } = await fresh()
		const evil = 'https://attacker.example/'
		const parameters = ['next', 'return_to', 'redirect', 'redirect_uri', 'url', 'continue', 'RelayState']
		const { authorize_url: ticket } = await ticketFor(drawbridge, link)
		const open = (url) => drawbridge.api('GET', url.pathname + url.search, undefined, { key: null })
		const browser = new Browser()
		const { url } = await walk(link, { browser, stop: atCallback })
		for (const name of parameters) {
			for (const base of [ticket, url, ...redirectUris(drawbridge.port), ...redirectUris(drawbridge.port, 'any')]) {
				const tried = new URL(base)
				tried.searchParams.set(name, evil)
				const answer = await open(tried)
				assert.ok(!String(answer.headers.location ?? '').includes('attacker'), name)
				assert.ok(!answer.text.includes('attacker.example'), name)
			}
		}
		for (const name of parameters)
			url.searchParams.set(name, evil)
		const page = await browser.open(url)
		assert.equal(page.url.host, new URL(drawbridge.publicUrl).host)
		assert.ok(!page.html.includes('attacker.example'))
		assert.equal((await drawbridge.connection(link)).status, 'connected')
	})

	/* ---- the token endpoint ---- */

	const failures = {
		'400 invalid_grant': { kind: 'status', status: 400, body: { error: 'invalid_grant' } },
		'401 invalid_client': { kind: 'status', status: 401, body: { error: 'invalid_client' } },
		'403 with nothing': { kind: 'status', status: 403 },
		'500 with a page': { kind: 'html' },
		'a page with status 200': { kind: 'html', status: 200 },
		'a cut connection': { kind: 'cut' },
		'an answer cut in its middle': { kind: 'half' },
		'malformed JSON': { kind: 'status', status: 200, body: '{"access_token": "a", ' },
		'JSON that is no object': { kind: 'status', status: 200, body: '["access_token"]' },
		'no access_token': { kind: 'status', status: 200, body: { token_type: 'Bearer', refresh_token: 'r' } },
		'an access_token that is a number': { kind: 'status', status: 200, body: { access_token: 7 } },
		'an access_token that is null': { kind: 'status', status: 200, body: { access_token: null } },
		'200 with an error and a token': { kind: 'status', status: 200,
			body: { error: 'temporarily_unavailable', access_token: 'not-this-one' } },
		'an answer that does not end': { kind: 'status', status: 200, body: `{"x":"${'y'.repeat(300_000)}"}` }
	}
	for (const [name, fault] of Object.entries(failures)) {
		it(`${name} from the token endpoint connects nothing and replaces nothing`, async () => {
			const working = await connected()
			const { link_name: link } = await fresh()
			servers.basic.faults.on('token', fault)
			let page
			for (const each of [working, link]) {
				page = await walk(each)
				assert.ok(page.status >= 400, `${page.status} ${page.text}`)
				assert.equal(page.url.host, new URL(drawbridge.publicUrl).host)
			}
			servers.basic.faults.clear()
			const failed = await drawbridge.connection(link)
			assert.equal(failed.status, 'not_connected')
			assert.match(failed.reason, /^The provider (gave no token|could not be asked for a token|refuses the OAuth app): \S.+\.$/)
			assert.ok(page.text.includes(failed.reason), page.text)
			assert.equal((await drawbridge.connection(working)).status, 'connected')
			assert.equal(await accountOf(working), 'ada')
			await drawbridge.must('POST', `/v1/connections/${working}/refresh`)
		})
	}

	it('a token endpoint that repeats what it was sent, and what it would give, has it shown to nobody', async () => {
		const { link_name: link } = await fresh()
		servers.basic.answer = ({ access_token: access, refresh_token: refresh }) => {
			const { form, headers } = servers.basic.requests.at(-1)
			return { error: 'invalid_grant', error_description: `${form.code} ${access}`, error_uri: `http://x/${refresh}`,
				access_token: access, hint: `${form.code_verifier} ${headers.authorization} s3cret of:scripted` }
		}
		const page = await walk(link)
		assert.ok(page.status >= 400, `${page.status} ${page.text}`)
		const { form } = servers.basic.requests.at(-1)
		assert.ok(form.code)
		const { status, reason } = await drawbridge.connection(link)
		assert.equal(status, 'not_connected')
		assert.match(reason, /invalid_grant/)
		for (const text of [page.html, reason])
			assert.ok(!text.includes(form.code) && !text.includes('access-'), text)
		/* nor at a refresh, where it is the refresh token (which lives on: it is shown again, later) */
		servers.basic.reset()
		const working = await connected()
		servers.basic.rotates = false
		servers.basic.answer = () => ({ error: 'odd', error_description:
			`not ${servers.basic.requests.at(-1).form.refresh_token}` })
		const { status: refreshed, text } = await drawbridge.api('POST', `/v1/connections/${working}/refresh`)
		assert.equal(refreshed, 503, text)
		servers.basic.rotates = true
		assert.match(text, /not \u2022\u2022\u2022/)
	})

	it('500 and then success connects at the second try', async () => {
		const { link_name: link } = await fresh()
		servers.basic.faults.on('token', { kind: 'html', times: 1 })
		await walk(link)
		assert.equal((await drawbridge.connection(link)).status, 'not_connected')
		await connect(drawbridge, link, consentByItself)
	})

	it('a token endpoint that hangs ends the consent within 30 s, and the old grant works meanwhile', async () => {
		const working = await connected()
		servers.basic.faults.on('token', { kind: 'hang', times: 1 })
		const start = Date.now()
		const walking = walk(working)
		await eventually('the code to be sent', () =>
			servers.basic.requests.at(-1)?.form.grant_type === 'authorization_code')
		assert.equal(await accountOf(working), 'ada')
		const page = await walking
		assert.ok(Date.now() - start < 30_000, `${Date.now() - start} ms`)
		assert.equal(page.status, 504, page.text)
		assert.equal((await drawbridge.connection(working)).status, 'connected')
		assert.equal(await accountOf(working), 'ada')
	})

	/* ---- the client ---- */

	it('a client authenticates by Basic, each part encoded, and not in the body too', async () => {
		await connected()
		const { form, headers } = servers.basic.requests.at(-1)
		const pair = Buffer.from(headers.authorization.slice(6), 'base64').toString()
		assert.equal(pair, 'scripted-client:s3cret+of%3Ascripted')
		assert.equal(form.client_secret, undefined)
	})

	it('a client authenticates in the body, and not by Basic too; the refresh does the same', async () => {
		const link = await connected({}, 'body')
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		for (const { form, headers } of servers.body.requests.slice(-2)) {
			assert.equal(form.client_secret, 's3cret of:scripted')
			assert.equal(headers.authorization, undefined)
		}
		assert.equal(servers.body.requests.at(-1).form.grant_type, 'refresh_token')
	})

	it('a public client sends its id and no secret', async () => {
		const link = await connected({}, 'none')
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		for (const { form, headers } of servers.none.requests.slice(-2)) {
			assert.equal(form.client_id, 'scripted-client')
			assert.equal(form.client_secret, undefined)
			assert.equal(headers.authorization, undefined)
		}
		assert.equal(await accountOf(link, servers.none), 'ada')
	})

	it('PKCE is S256, and a verifier is used once', async () => {
		await connected()
		await connected()
		const [one, two] = servers.basic.authorizations.slice(-2)
		for (const { code_challenge: challenge, code_challenge_method: method } of [one, two]) {
			assert.equal(method, 'S256')
			assert.match(challenge, /^[\w-]{43}$/)
		}
		assert.notEqual(one.code_challenge, two.code_challenge)
		assert.notEqual(one.state, two.state)
	})

	it('a server that knows plain alone is refused: nothing falls back to it', async () => {
		servers.basic.methods = ['plain']
		const { link_name: link } = await fresh()
		const count = servers.basic.authorizations.length
		const page = await walk(link)
		assert.ok(page.status >= 400 && page.status < 500)
		assert.match(page.text, /S256 is not supported/)
		assert.deepEqual(servers.basic.authorizations.slice(count).map((each) => each.code_challenge_method), ['S256'])
		assert.equal((await drawbridge.connection(link)).status, 'not_connected')
	})

	/* ---- scopes ---- */

	it('an answer that says no scopes has granted what was asked', async () => {
		servers.basic.scope = () => undefined
		const link = await connected()
		const connection = await drawbridge.connection(link)
		assert.deepEqual(connection.scopes_granted, scopes)
		assert.equal(connection.health, 'ok')
	})

	it('scopes that were asked and not granted are shown, and degrade the connection', async () => {
		servers.basic.scope = () => 'tickets.read'
		const { link_name: link } = await fresh()
		const page = await walk(link)
		assert.match(page.text, /tickets\.write/)
		const connection = await drawbridge.connection(link)
		assert.equal(connection.status, 'connected')
		assert.deepEqual(connection.scopes_asked, scopes)
		assert.deepEqual(connection.scopes_granted, ['tickets.read'])
		assert.equal(connection.health, 'degraded')
		assert.match(connection.health_reason, /tickets\.write/)
		/* and that stays so when the token is renewed */
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		assert.equal((await drawbridge.connection(link)).health, 'degraded')
	})

	it('other scopes than were asked are shown as they are', async () => {
		servers.basic.scope = () => 'admin.everything tickets.read'
		const connection = await drawbridge.connection(await connected())
		assert.deepEqual(connection.scopes_granted, ['admin.everything', 'tickets.read'])
		assert.equal(connection.health, 'degraded')
	})

	it('more scopes wait for consent, and the old grant goes on with its own meanwhile', async () => {
		const link = await connected({ scopes: ['tickets.read'] })
		await drawbridge.must('PATCH', `/v1/connections/${link}`, { scopes })
		const edited = await drawbridge.connection(link)
		assert.equal(edited.status, 'connected')
		assert.deepEqual([edited.scopes_asked, edited.scopes_granted], [scopes, ['tickets.read']])
		const browser = new Browser()
		const { url } = await walk(link, { browser, stop: atCallback })
		assert.equal(await accountOf(link), 'ada')
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		assert.deepEqual((await drawbridge.connection(link)).scopes_granted, ['tickets.read'])
		await browser.open(url)
		const after = await drawbridge.connection(link)
		assert.deepEqual(after.scopes_granted, scopes)
		assert.equal(after.health, 'ok')
		assert.equal(await accountOf(link), 'ada')
	})

	/* ---- accounts ---- */

	it('another account takes the connection over, and the first one\'s grant is revoked', async () => {
		const link = await connected()
		assert.equal(await accountOf(link), 'ada')
		const { token } = api.last()
		servers.basic.account = 'bert'
		await connect(drawbridge, link, consentByItself)
		assert.equal(await accountOf(link), 'bert')
		await eventually('the first grant to be revoked', () => !servers.basic.accountOf(token))
	})

	it('a consent without a refresh token keeps the one of the same account; for another, people are told', async () => {
		const server = servers.basic
		await addService(drawbridge, oauthService('scripted_once', server, api, {
			method: { answer: { account: 'account' } }
		}), server.client)
		const { link_name: link } = await newConnection(drawbridge, 'scripted_once', { scopes })
		server.rotates = false
		const says = (body) => ({ ...body, account: server.account })
		server.answer = says
		await connect(drawbridge, link, consentByItself)
		const renewed = async () => {
			await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
			return server.requests.at(-1).form.refresh_token
		}
		const first = await renewed()
		server.answer = ({ refresh_token: _, ...body }) => says(body)
		const revoked = server.revocations.length
		assert.doesNotMatch((await walk(link)).text, /no refresh token/)
		assert.equal((await drawbridge.connection(link)).warning, null)
		assert.equal(await accountOf(link), 'ada')
		assert.equal(await renewed(), first)
		assert.equal(server.revocations.length, revoked)

		server.account = 'bert'
		assert.match((await walk(link)).text, /is connected as bert\. The provider gave no refresh token this time/)
		const now = await drawbridge.connection(link)
		assert.match(now.warning, /the access ends with its token.*prompt=consent/)
		await eventually('the first grant to be revoked', () => server.revocations.at(-1)?.token === first)
		assert.equal(await accountOf(link), 'bert')
	})

	it('two connections of one account refresh apart, and end apart', async () => {
		const [one, two] = [await connected(), await connected()]
		const before = servers.basic.requests.length
		const answers = await Promise.all([one, two, one, two].map((link) =>
			drawbridge.api('POST', `/v1/connections/${link}/refresh`)))
		assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 200])
		const sent = servers.basic.requests.slice(before).map(({ form }) => form.refresh_token)
		assert.equal(new Set(sent).size, sent.length, 'none was sent twice')
		assert.equal(new Set(sent.map((token) => servers.basic.grants.get(token))).size, 2, 'each has sent its own')
		await drawbridge.must('POST', `/v1/connections/${one}/revoke`)
		assert.equal(await accountOf(two), 'ada')
		assert.equal((await drawbridge.connection(two)).status, 'connected')
		assert.equal(servers.basic.reused, 0)
	})

	it('refreshes at once, forced and by calls, use no refresh token twice', async () => {
		servers.basic.life = 2
		const link = await connected()
		const before = servers.basic.reused
		const end = Date.now() + 5000
		const many = async (ask) => {
			while (Date.now() < end)
				await ask()
		}
		const statuses = new Set()
		await Promise.all([...Array.from({ length: 10 }, () => many(async () => {
			statuses.add((await drawbridge.via(link, '/echo')).status)
		})), ...Array.from({ length: 3 }, () => many(() =>
			drawbridge.api('POST', `/v1/connections/${link}/refresh`)))])
		servers.basic.life = 3600
		assert.equal(servers.basic.reused, before)
		assert.deepEqual([...statuses], [200])
		assert.equal((await drawbridge.connection(link)).status, 'connected')
	})

	it('access that its owner takes back at the provider needs a reconnect, and says so', async () => {
		servers.basic.account = 'carla'
		const link = await connected()
		assert.equal(await accountOf(link), 'carla')
		servers.basic.endAll('carla')
		const answer = await drawbridge.via(link, '/echo')
		assert.ok([401, 409].includes(answer.status), answer.text)
		const connection = await eventually('the connection to say so', async () => {
			const now = await drawbridge.connection(link)
			return now.status === 'needs_reconnect' && now
		})
		assert.match(connection.reason, /Connect again/)
		const { items } = await drawbridge.must('GET', '/v1/audit?limit=200')
		assert.equal(items.filter(({ action, object_name: name }) => action === 'connection.needs_reconnect'
			&& name === connection.name).length, 1)
		await connect(drawbridge, link, consentByItself)
		assert.equal(await accountOf(link), 'carla')
	})

	/* ---- taking back ---- */

	for (const auth of ['basic', 'body', 'none'])
		it(`disconnecting revokes upstream, with the client authenticated (${auth})`, async () => {
			const server = servers[auth]
			const link = await connected({}, auth)
			assert.equal(await accountOf(link, server), 'ada')
			const { token } = api.last()
			const answer = await drawbridge.must('POST', `/v1/connections/${link}/revoke`)
			assert.equal(answer.revoked_upstream, true)
			assert.equal(server.accountOf(token), undefined)
			assert.match(server.revocations.at(-1).token, /^refresh-/)
		})

	it('deleting revokes upstream as well', async () => {
		const link = await connected()
		assert.equal(await accountOf(link), 'ada')
		const { token } = api.last()
		await drawbridge.must('DELETE', `/v1/connections/${link}`)
		assert.equal(servers.basic.accountOf(token), undefined)
	})

	it('a revocation that the provider does not confirm is told honestly', async () => {
		const link = await connected()
		servers.basic.faults.on('revoke', { kind: 'status', status: 503 })
		const answer = await drawbridge.must('POST', `/v1/connections/${link}/revoke`)
		assert.equal(answer.revoked_upstream, false)
		assert.match(answer.detail, /not confirmed/)
		assert.equal((await drawbridge.connection(link)).status, 'revoked')
		assert.equal((await drawbridge.via(link, '/echo')).status, 409)
		const deleted = await drawbridge.must('DELETE', `/v1/connections/${link}`)
		assert.deepEqual(deleted, { revoked_upstream: false, detail: answer.detail })
	})

	it('when the exchanger dies over it, the provider is asked once more; not for good', async () => {
		const { basic } = servers
		const die = async (count) => {
			await eventually('the provider to be asked', () => basic.revocations.length === count)
			process.kill(drawbridge.role('exchanger'), 'SIGKILL')
		}
		for (const [times, confirmed] of [[1, true], [2, false]]) {
			const link = await connected()
			await accountOf(link)
			const { token } = api.last()
			const before = basic.revocations.length
			basic.faults.on('revoke', { kind: 'hang', times })
			const revoking = drawbridge.must('POST', `/v1/connections/${link}/revoke`)
			for (let n = 1; n <= times; n++)
				await die(before + n)
			assert.equal((await revoking).revoked_upstream, confirmed)
			assert.equal(basic.revocations.length, before + 2)
			assert.equal(basic.accountOf(token), confirmed ? undefined : 'ada')
			assert.equal((await drawbridge.connection(link)).status, 'revoked')
		}
	})

	it('so it is where the connection is deleted at once', async () => {
		servers.basic.faults.on('revoke', { kind: 'status', status: 503, times: 1 })
		const lives = await drawbridge.must('DELETE', `/v1/connections/${await connected()}`)
		assert.equal(lives.revoked_upstream, false)
		assert.match(lives.detail, /not confirmed/)
		const ended = await drawbridge.must('DELETE', `/v1/connections/${await connected()}`)
		assert.deepEqual(ended, { revoked_upstream: true, detail: null })
	})

	it('a service without a way to revoke is told honestly', async () => {
		const definition = oauthService('scripted_forever', servers.body, api, { token: { client_auth: 'body' } })
		delete definition.methods.oauth.revoke
		await addService(drawbridge, definition, servers.body.client)
		const { link_name: link } = await newConnection(drawbridge, 'scripted_forever', { scopes })
		await connect(drawbridge, link, consentByItself)
		const answer = await drawbridge.must('POST', `/v1/connections/${link}/revoke`)
		assert.equal(answer.revoked_upstream, false)
		assert.match(answer.detail, /no way to revoke/)
		assert.equal((await drawbridge.connection(link)).status, 'revoked')
	})

	/* ---- after all of that ---- */

	const search = () => {
		const secrets = Object.values(servers).flatMap((server) => [...server.secrets, server.client.client_secret])
			.filter((text) => text && text.length > 8)
		assert.ok(secrets.length > 100)
		return new Search(secrets)
	}

	it('no secret of any of these is in logs, audit, errors, call records, pages or files', async () => {
		const secrets = search()
		const texts = { log: drawbridge.log }
		for (const path of ['/v1/audit?limit=200', '/v1/connections?limit=200', '/v1/calls?limit=200', '/metrics'])
			texts[path] = (await drawbridge.api('GET', path)).text
		for (const file of drawbridge.files())
			texts[file] = readFileSync(file)
		for (const [place, text] of Object.entries(texts))
			assert.equal(secrets.find(Buffer.from(text)), undefined, place)
	})

	it('no secret of any of these is in a page or a problem document', () => {
		const secrets = search()
		const of = (test) => kept.filter(test).length
		assert.ok(of(({ place, status }) => /^GET \/oauth\/.*callback$/.test(place) && status >= 400) > 40, 'pages of failures')
		assert.ok(of(({ place, status }) => place.startsWith('api ') && status >= 400) > 0, 'problem documents')
		assert.ok(of(({ place, status }) => place.startsWith('via ') && status >= 400) > 0, 'problem documents to callers')
		for (const { place, text } of kept)
			assert.equal(secrets.find(Buffer.from(`${place} ${text}`)), undefined, place)
	})

	after(() => assert.equal(Object.values(servers).reduce((sum, { reused }) => sum + reused, 0), 0))
})
