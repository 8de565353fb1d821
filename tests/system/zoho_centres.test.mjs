// SPDX-License-Identifier: Apache-2.0
/*
 * Zoho where it differs by data centre: an OAuth app with a secret for each of them, what the callback and the token
 * answer say of the place, and Zoho CRM, whose base URL comes with the token.
 */
import assert from 'node:assert/strict'
import { before, beforeEach, it } from 'node:test'
import { startAuthority } from '../support/ca.mjs'
import { connect, redirectUris, walkConsent } from '../support/consent.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { signedIn } from '../support/members.mjs'
import { enterNamespace } from '../support/netns.mjs'
import { eventually, freePort, suite } from '../support/scope.mjs'
import { accountFlow, shop, Visitor } from '../support/visitor.mjs'
import { newConnection } from '../support/worlds.mjs'
import { consentAtZoho, deskLimits, startZoho, tokenRequests, zohoHosts } from '../support/zoho.mjs'

await enterNamespace(import.meta.url, { hosts: zohoHosts })

suite('Zoho with a secret for each data centre', (scope) => {
	let zoho, drawbridge
	const app = '/v1/services/zoho_desk/app'
	const at = (email) => (browser, page, options) => consentAtZoho(browser, page, { email, ...options })
	const fresh = async (service = 'zoho_desk') => (await newConnection(drawbridge, service)).link_name
	const connected = async (email, service) => {
		const link = await fresh(service)
		await connect(drawbridge, link, at(email))
		return link
	}
	const store = (secret, centre) => drawbridge.must('PUT', app, { client_id: zoho.app.client_id,
		client_secret: secret, ...centre && { data_centre: centre } })
	const appOf = async (centre) => (await drawbridge.must('GET', app)).apps
		.find(({ data_centre: of }) => (of || null) === centre)
	const secretsSent = (centre) => new Set(tokenRequests(zoho, centre).map(({ body }) =>
		new URLSearchParams(body).get('client_secret')))

	before(async () => {
		const authority = await startAuthority(scope)
		const port = await freePort()
		zoho = await startZoho(scope, authority, { redirectUris: redirectUris(port),
			sameSecret: false })
		drawbridge = await startDrawbridge(scope, { port, caFile: authority.file, egress: ['127.0.0.0/24:443'],
			env: { NODE_EXTRA_CA_CERTS: authority.file } })
		process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
		await store(zoho.app.secrets.us)
	})

	beforeEach(() => {
		zoho.callback = {}
		zoho.apiDomain = undefined
		zoho.desk = deskLimits()
		zoho.strays.length = 0
	})

	/* ---- secrets ---- */

	it('with the secret of the United States alone Europe is refused: the app is flagged, and the page says why', async () => {
		const home = await connected('ada@us.example')
		const link = await fresh()
		const page = await walkConsent(drawbridge, link, at('eva@eu.example'))
		assert.match(page.text, /each data centre can have a secret of its own/)
		assert.match(page.text, /invalid_client_secret/)
		const { status, reason } = await drawbridge.connection(link)
		assert.equal(status, 'not_connected')
		assert.match(reason, /invalid_client_secret/)
		const { flagged } = await eventually('the app to be flagged', async () => {
			const now = await appOf(null)
			return now.flagged && now
		})
		assert.match(flagged, /invalid_client_secret/)
		assert.equal((await drawbridge.via(home, '/api/v1/tickets')).status, 200, 'nobody else is disconnected')
		assert.equal((await drawbridge.connection(home)).status, 'connected')
	})

	it('with both each data centre gets its own secret, at consent and at every refresh, and no other', async () => {
		await store(zoho.app.secrets.us)
		await store(zoho.app.secrets.eu, 'eu')
		zoho.requests.length = 0
		for (const email of ['ada@us.example', 'eva@eu.example']) {
			const link = await connected(email)
			await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
			assert.equal((await drawbridge.via(link, '/api/v1/tickets')).status, 200)
		}
		assert.deepEqual([...secretsSent('us')], [zoho.app.secrets.us])
		assert.deepEqual([...secretsSent('eu')], [zoho.app.secrets.eu])
		assert.deepEqual(zoho.strays, [])
	})

	it('a wrong secret of one data centre flags that one, disconnects nobody, and is mended in its place', async () => {
		const [here, there] = [await connected('ada@us.example'), await connected('eva@eu.example')]
		await store('not-the-secret-of-eu', 'eu')
		const answer = await drawbridge.api('POST', `/v1/connections/${there}/refresh`)
		assert.equal(answer.status, 503, answer.text)
		const { status, health, health_reason: why } = await drawbridge.connection(there)
		assert.deepEqual([status, health], ['connected', 'degraded'])
		assert.match(why, /refuses the OAuth app.*secret/)
		assert.match((await appOf('eu')).flagged, /secret/)
		assert.equal((await appOf(null)).flagged, null)
		assert.equal((await drawbridge.via(there, '/api/v1/tickets')).status, 200, 'its token still lives')
		await drawbridge.must('POST', `/v1/connections/${here}/refresh`)
		await store(zoho.app.secrets.eu, 'eu')
		await drawbridge.must('POST', `/v1/connections/${there}/refresh`)
		assert.equal((await drawbridge.connection(there)).health, 'ok')
		assert.equal((await appOf('eu')).flagged, null)
	})

	/* ---- CRM ---- */

	for (const [email, host] of [['ada@us.example', 'www.zohoapis.com'], ['eva@eu.example', 'www.zohoapis.eu']])
		it(`CRM's calls go to ${host}, which came with the token`, async () => {
			const link = await connected(email, 'zoho_crm')
			const answer = await drawbridge.via(link, '/crm/v8/Leads?fields=Last_Name')
			assert.equal(answer.json?.data[0].Last_Name, 'Lead', answer.text)
			assert.equal(zoho.requests.at(-1).host, host)
			assert.match(zoho.requests.at(-1).headers.authorization, /^Zoho-oauthtoken 1000\./)
			const test = await drawbridge.must('POST', `/v1/connections/${link}/test`)
			assert.equal(test.ok, true, JSON.stringify(test))
			assert.deepEqual(zoho.strays, [])
		})

	it('CRM\'s dead token is renewed, and a missing scope is not', async () => {
		const link = await connected('ada@us.example', 'zoho_crm')
		zoho.access.clear()
		const count = tokenRequests(zoho).length
		assert.equal((await drawbridge.via(link, '/crm/v8/Leads')).status, 200)
		assert.equal(tokenRequests(zoho).length, count + 1)
		const answer = await drawbridge.via(link, '/crm/v8/org')
		assert.deepEqual([answer.status, answer.json.code], [401, 'OAUTH_SCOPE_MISMATCH'])
		assert.equal(tokenRequests(zoho).length, count + 1)
	})

	/* ---- each his own account, in his own data centre ---- */

	/* A member who is signed in: asks with his session, calls with a key of his own, consents in his own browser. */
	async function member(name) {
		const who = await signedIn(drawbridge, `${name}@example.org`)
		const key = await who.key()
		return { ...who, call: (link, path, options) => drawbridge.via(link, path, { key, ...options }) }
	}

	const members = {}
	async function ownOf(service, body) {
		const { link_name: link } = await newConnection(drawbridge, service, { per_user: true, ...body })
		await drawbridge.must('PUT', `/v1/connections/${link}/shares`, { items: [{ kind: 'everyone', level: 'use' }] })
		for (const [name, email] of [['ada', 'ada@us.example'], ['eva', 'eva@eu.example']]) {
			const who = members[name] ??= await member(name)
			const ticket = await who.ask('POST', `/v1/connections/${link}/authorize`)
			const page = await walkConsent(drawbridge, link, at(email), { browser: who.browser, ticket: ticket.json })
			assert.equal(page.status, 200, page.text)
			const own = (await who.ask('GET', `/v1/connections/${link}/users/me`)).json
			assert.deepEqual([own.status, own.health], ['connected', 'ok'], JSON.stringify(own))
		}
		return link
	}
	/* Nothing of eu's tokens goes to us and nothing of us's to eu: the emulator knows whose token it is by its centre. */
	const heard = () => zoho.requests.filter(({ path }) => !path.includes('/oauth/'))
	const subjectOf = { ada: 'Printer on fire', eva: 'Drucker brennt' }
	const homes = [['ada', 'desk.zoho.com', 'desk.zoho.eu'], ['eva', 'desk.zoho.eu', 'desk.zoho.com']]

	for (const [made, body] of [['without a data centre', {}], ['made in Europe\'s', { parameters: { data_centre: 'eu' } }]])
		it(`a connection that each connects for himself, ${made}: each one's calls reach his own`, async () => {
			const link = await ownOf('zoho_desk', body)
			zoho.requests.length = 0
			for (const [name, home, abroad] of homes)
				for (const path of ['/api/v1/tickets', `/https://${home}/api/v1/tickets`, `/https://${abroad}/api/v1/tickets`]) {
					const answer = await members[name].call(link, path)
					assert.equal(answer.status, 200, `${name} ${path} ${answer.text}`)
					assert.equal(answer.json.data[0].subject, subjectOf[name])
					assert.equal(zoho.requests.at(-1).host, home)
					assert.equal(answer.headers['drawbridge-host'], path.includes(abroad) ? home : undefined, path)
				}
			assert.equal(heard().length, 6)
			assert.deepEqual(zoho.strays, [])
		})

	it('CRM\'s too, by the host that came with each one\'s token', async () => {
		const link = await ownOf('zoho_crm')
		zoho.requests.length = 0
		for (const [name, home, abroad] of homes.map((row) => row.map((text) => text.replace('desk.zoho', 'www.zohoapis'))))
			for (const path of ['/crm/v8/Leads', `/https://${home}/crm/v8/Leads`, `/https://${abroad}/crm/v8/Leads`]) {
				const answer = await members[name].call(link, path)
				assert.equal(answer.status, 200, `${name} ${path} ${answer.text}`)
				assert.equal(zoho.requests.at(-1).host, home)
			}
		assert.deepEqual(zoho.strays, [])
	})

	it('a bot\'s visitors are told of their own tickets, each out of his own data centre', async () => {
		const { link_name: link } = await newConnection(drawbridge, 'zoho_desk', { per_user: true })
		const draft = accountFlow(link, [shop])
		const call = draft.blocks.find(({ type }) => type === 'webhook')
		call.request.url = '/api/v1/tickets'
		call.response_list[0].mappings[0].from = '$.data[0].subject'
		const made = await drawbridge.must('POST', '/v1/flows', { draft })
		assert.equal(made.errors, 0, JSON.stringify(made.problems))
		await drawbridge.must('POST', `/v1/flows/${made.id}/publish`, {})
		for (const [email, subject] of [['bob@us.example', 'Printer on fire'], ['kai@eu.example', 'Drucker brennt']]) {
			const visitor = Object.assign(new Visitor(drawbridge), { link })
			await visitor.begin(made.id)
			await visitor.say({ choice: 'mine' })
			await visitor.consent(at(email))
			await visitor.until('to be told', (talk) => visitor.texts(talk).includes(`You are ${subject}`))
		}
		assert.deepEqual(zoho.strays, [])
	})

	it('no token leaves its data centre or the service, whatever host is asked for', async () => {
		const link = await ownOf('zoho_desk')
		zoho.requests.length = 0
		for (const [name, home, abroad] of homes) {
			const tld = abroad.split('.').at(-1)
			for (const url of [`https://www.zohoapis.${tld}/crm/v8/Leads`, `https://accounts.zoho.${tld}/oauth/user/info`,
				`https://${home.replace('desk', 'accounts')}/oauth/user/info`, `https://${abroad}:8443/api/v1/tickets`,
				`http://${abroad}/api/v1/tickets`, `http://${home}/api/v1/tickets`, `https://${abroad}.attacker.test/api/v1/tickets`,
				'https://accounts.zoho.com.attacker.test/api/v1/tickets', `https://${home}@${abroad}/api/v1/tickets`]) {
				const answer = await members[name].call(link, `/${url}`)
				assert.ok([400, 403].includes(answer.status), `${name} ${url} ${answer.status} ${answer.text}`)
			}
		}
		assert.deepEqual(heard(), [])
		/* with its last dot, in capitals, and with its own port it is the same host */
		for (const [name, home, abroad] of homes)
			for (const host of [`${abroad}.`, abroad.toUpperCase(), `${abroad}:443`, `${home}.`]) {
				const answer = await members[name].call(link, `/https://${host}/api/v1/tickets`)
				assert.equal(answer.status, 200, `${name} ${host} ${answer.text}`)
				assert.equal(zoho.requests.at(-1).host, home)
				assert.equal(answer.json.data[0].subject, subjectOf[name])
			}
		assert.deepEqual(zoho.strays, [])
	})

	it('each one\'s test goes to his own data centre, by his own scopes, and says nothing of the connection or the other', async () => {
		const scopes = ['AaaServer.profile.READ', 'Desk.basic.READ', 'Desk.tickets.READ']
		const link = await ownOf('zoho_desk', { scopes })
		const standing = async (name) => {
			const { subject, ...own } = (await members[name].ask('GET', `/v1/connections/${link}/users/me`)).json
			assert.equal(subject, members[name].id)
			return own
		}
		const others = await standing('ada')
		const all = await drawbridge.connection(link)
		zoho.requests.length = 0
		const test = (await members.eva.ask('POST', `/v1/connections/${link}/test`)).json
		assert.deepEqual([test.ok, test.account], [true, 'Example'], JSON.stringify(test))
		assert.deepEqual(heard().map(({ host }) => host), ['desk.zoho.eu'])
		assert.equal((await standing('eva')).account, 'Example')
		zoho.desk.credits = 0
		const failed = (await members.eva.ask('POST', `/v1/connections/${link}/test`)).json
		assert.deepEqual([failed.ok, failed.status], [false, 429], JSON.stringify(failed))
		assert.equal((await eventually('her trouble', async () => {
			const own = await standing('eva')
			return own.health === 'degraded' && own
		})).status, 'connected')
		assert.deepEqual(await standing('ada'), others)
		const now = await drawbridge.connection(link)
		for (const name of ['account', 'health', 'health_reason', 'status', 'scopes_granted'])
			assert.deepEqual(now[name], all[name], name)
		assert.equal(now.account, null)
		zoho.desk = deskLimits()
		assert.equal((await members.ada.ask('POST', `/v1/connections/${link}/test`)).json.ok, true)
		assert.equal(heard().at(-1).host, 'desk.zoho.com')
		assert.equal((await standing('eva')).health, 'degraded', 'his says nothing of hers')
		/* who has no account here is told so; his key is an admin's, who has connected nothing */
		const none = await drawbridge.api('POST', `/v1/connections/${link}/test`)
		assert.notEqual(none.json.ok, true, none.text)
		assert.equal((await drawbridge.connection(link)).health, 'ok')
	})

	/* ---- the self client ---- */

	const selfClient = (body) => drawbridge.api('POST', '/v1/connections', { name: 'Self', service: 'zoho_crm',
		method: 'self_client', parameters: { soid: 'ZohoCRM.2389290' }, scopes: ['ZohoCRM.modules.READ', 'ZohoCRM.org.READ'],
		...body })

	it('a self client calls for its organisation, and an eleventh token request in ten minutes is not even sent', async () => {
		const { status, json, text } = await selfClient()
		assert.equal(status, 201, text)
		assert.equal((await drawbridge.via(json.link_name, '/crm/v8/org')).json?.org[0].id, '2389290')
		const sent = new URLSearchParams(tokenRequests(zoho).at(-1).body)
		assert.deepEqual([sent.get('grant_type'), sent.get('soid'), sent.get('scope')],
			['client_credentials', 'ZohoCRM.2389290', 'ZohoCRM.modules.READ,ZohoCRM.org.READ'])
		const count = tokenRequests(zoho).length
		for (let n = 0; n < 9; n++)
			await drawbridge.must('POST', `/v1/connections/${json.link_name}/refresh`)
		const answer = await drawbridge.api('POST', `/v1/connections/${json.link_name}/refresh`)
		assert.equal(answer.status, 503, answer.text)
		assert.ok(Number(answer.headers['retry-after']) > 0)
		assert.equal(tokenRequests(zoho).length, count + 9)
		assert.equal((await drawbridge.connection(json.link_name)).status, 'connected')
		assert.equal((await drawbridge.via(json.link_name, '/crm/v8/Leads')).status, 200)
	})

	it('a self client of a wrong secret is told so, and one of an organisation that is not there', async () => {
		await store('not-the-secret-of-us')
		const wrong = await selfClient({ name: 'Wrong self' })
		assert.match(wrong.text, /each data centre can have a secret of its own/)
		await store(zoho.app.secrets.us)
		const nobody = await selfClient({ name: 'Nobody', parameters: { soid: 'ZohoCRM.1' } })
		assert.match(nobody.text, /general_error/)
		const bad = await selfClient({ name: 'Bad', parameters: { soid: '2389290' } })
		assert.match(bad.text, /soid/)
	})

	/* ---- what says where ---- */

	for (const [name, callback] of Object.entries({
		'a location that is none of Zoho\'s': { location: 'xx' },
		'a location that is an address': { location: 'us.attacker.test' },
		'a location other than the accounts-server\'s': { location: 'eu' }
	}))
		it(`${name} refuses the whole consent, and no code is sent anywhere`, async () => {
			zoho.callback = callback
			for (const service of ['zoho_desk', 'zoho_crm']) {
				const link = await fresh(service)
				const count = tokenRequests(zoho).length
				const page = await walkConsent(drawbridge, link, at('ada@us.example'))
				assert.ok(page.status >= 400 && page.status < 500, `${page.status} ${page.text}`)
				assert.equal(tokenRequests(zoho).length, count)
				assert.equal((await drawbridge.connection(link)).status, 'not_connected')
			}
			assert.deepEqual(zoho.strays, [])
		})

	for (const [name, domain] of Object.entries({
		'nobody\'s of Zoho': 'https://www.zohoapis.com.attacker.test',
		'that of another data centre': 'https://www.zohoapis.eu',
		'another of Zoho\'s hosts': 'https://desk.zoho.com',
		'without TLS': 'http://www.zohoapis.com'
	}))
		it(`an api_domain ${name} refuses the consent: no call follows it`, async () => {
			zoho.apiDomain = domain
			const link = await fresh('zoho_crm')
			await walkConsent(drawbridge, link, at('ada@us.example'))
			assert.equal((await drawbridge.connection(link)).status, 'not_connected')
			/* the tokens that came are given back, whenever that is */
			const calls = () => zoho.requests.filter(({ path }) => !path.includes('/revoke')).length
			const count = calls()
			assert.notEqual((await drawbridge.via(link, '/crm/v8/Leads')).status, 200)
			assert.equal(calls(), count)
			assert.deepEqual(zoho.strays, [])
		})

	it('the api_domain of the Accounts pages is taken: calls go there, in its own data centre alone', async () => {
		for (const [email, domain] of [['ada@us.example', 'api.zoho.com'], ['eva@eu.example', 'api.zoho.eu']]) {
			zoho.apiDomain = `https://${domain}`
			const link = await fresh('zoho_crm')
			await connect(drawbridge, link, at(email))
			const answer = await drawbridge.via(link, '/crm/v8/Leads')
			assert.equal(answer.status, 200, answer.text)
			assert.equal(zoho.requests.at(-1).host, domain)
			await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
			assert.equal((await drawbridge.connection(link)).status, 'connected')
		}
		assert.deepEqual(zoho.strays, [])
	})
})
