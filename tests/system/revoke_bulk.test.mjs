// SPDX-License-Identifier: Apache-2.0
/*
 * The panic: all connections, a service's or a member's are suspended or revoked at once, and the report says what must
 * be done by hand. Providers that do as they are told, one that refuses, one that hangs, one that offers no way; and a
 * front that dies in the midst.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { connect, redirectUris, walkConsent } from '../support/consent.mjs'
import { bearerService, oauthService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { signedIn } from '../support/members.mjs'
import { mustRun } from '../support/process.mjs'
import { eventually, freePort, suite } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { Steps } from '../support/steps.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const scopes = ['tickets.read']

/* Scripted providers by name, an API that asks them about tokens, and a server with a service for each. */
async function startWorld(scope, names, options = {}) {
	const port = await freePort()
	const providers = {}
	for (const name of names)
		providers[name] = await startScripted(scope, { redirectUris: redirectUris(port, name) })
	const known = (token) => Object.values(providers).map((each) => each.accountOf(token)).find(Boolean)
	const api = await startApi(scope, { check: (token) => token === 'typed-in-Zq81' || known(token) })
	const drawbridge = await startDrawbridge(scope, { port, ...options })
	for (const [name, server] of Object.entries(providers)) {
		const definition = oauthService(name, server, api, { authorize: { issuer: server.issuer } })
		definition.methods.oauth.answer = { account: 'account' }
		server.answer = (body) => ({ ...body, account: server.account })
		if (name === 'no_way')
			delete definition.methods.oauth.revoke
		await addService(drawbridge, definition, server.client)
	}
	await addService(drawbridge, bearerService('typed', api))
	return { api, drawbridge, providers }
}

async function connected(drawbridge, service, count = 1) {
	const links = []
	for (let n = 0; n < count; n++) {
		const { link_name: link } = await newConnection(drawbridge, service, { scopes })
		await connect(drawbridge, link, consentByItself)
		links.push(link)
	}
	return links
}

const typed = async (drawbridge) => (await newConnection(drawbridge, 'typed', { credentials: { token: 'typed-in-Zq81' } })).link_name

const report = (drawbridge, { id }) => drawbridge.must('GET', `/v1/bulk-actions/${id}`)
const items = async (drawbridge, { id }, state) =>
	(await drawbridge.must('GET', `/v1/bulk-actions/${id}/items?limit=200${state ? `&state=${state}` : ''}`)).items
const done = (drawbridge, asked, timeout = 30_000) => eventually('all to have an outcome', async () => {
	const now = await report(drawbridge, asked)
	return now.state === 'done' && now
}, { timeout })
const audited = async (drawbridge, action) =>
	(await drawbridge.must('GET', '/v1/audit?limit=200')).items.filter((item) => item.action === action)
const sql = (drawbridge, text) => mustRun('sqlite3', [join(drawbridge.data, 'store/drawbridge.db'), '.timeout 5000', text])
const alive = (server) => [...server.grants.values()].filter((grant) => grant.alive).length

suite('many connections are suspended or revoked at once', (scope) => {
	let drawbridge, providers, ada, first
	const status = async (link) => (await drawbridge.via(link, '/echo')).status

	before(async () => {
		({ drawbridge, providers } = await startWorld(scope, ['willing', 'refusing', 'hanging', 'no_way']))
		ada = await signedIn(drawbridge, 'ada@example.org', 'builder')
	})

	it('a builder may neither, nor see a report; a caller\'s key and nobody may not either', async () => {
		const [link] = await connected(drawbridge, 'willing')
		for (const path of ['/v1/connections/suspend', '/v1/connections/revoke'])
			assert.equal((await ada.ask('POST', path, { all: true })).status, 403)
		assert.equal((await ada.ask('GET', '/v1/bulk-actions')).status, 403)
		const caller = await drawbridge.createKey('caller')
		assert.equal((await drawbridge.api('POST', '/v1/connections/revoke', { all: true }, { key: caller })).status, 403)
		assert.equal((await drawbridge.api('POST', '/v1/connections/revoke', { all: true }, { key: null })).status, 401)
		assert.equal(await status(link), 200)
		assert.deepEqual(await drawbridge.must('GET', '/v1/bulk-actions'), { items: [], next: null })
	})

	it('exactly one of service, owner and all; a slip in a name hits nothing', async () => {
		const ask = async (body) => (await drawbridge.api('POST', '/v1/connections/suspend', body)).status
		for (const body of [{}, { all: false }, { all: true, service: 'willing' }, { service: 'wiling' },
			{ owner: 'eve@example.org' }, { all: 'yes' }, { everything: true }])
			assert.equal(await ask(body), 400, JSON.stringify(body))
		assert.deepEqual((await drawbridge.must('GET', '/v1/bulk-actions')).items, [])
	})

	it('a service\'s are suspended before the answer, and no other; enabled, each works again', async () => {
		const [[one, two], other] = [await connected(drawbridge, 'willing', 2), await typed(drawbridge)]
		const answer = await drawbridge.api('POST', '/v1/connections/suspend', { service: 'willing' })
		assert.equal(answer.status, 202)
		assert.deepEqual([await status(one), await status(two), await status(other)], [409, 409, 200])
		const { state, counts, service, all } = await done(drawbridge, answer.json)
		assert.deepEqual({ state, service, all }, { state: 'done', service: 'willing', all: false })
		assert.ok(counts.suspended >= 2 && counts.waiting === 0, JSON.stringify(counts))
		assert.equal((await drawbridge.connection(one)).status, 'disabled')
		for (const { link_name: link } of await items(drawbridge, answer.json, 'suspended'))
			await drawbridge.must('POST', `/v1/connections/${link}/enable`)
		assert.deepEqual([await status(one), await status(two)], [200, 200])
		assert.equal(providers.willing.revocations.length, 0)
	})

	it('a member\'s are those that are his', async () => {
		const { json: { link_name: his } } = await ada.ask('POST', '/v1/connections', { name: 'Hers', service: 'typed',
			credentials: { token: 'typed-in-Zq81' } })
		const other = await typed(drawbridge)
		const asked = await drawbridge.must('POST', '/v1/connections/suspend', { owner: 'ada@example.org' })
		assert.equal(asked.owner.id, ada.id)
		assert.deepEqual((await items(drawbridge, asked)).map(({ link_name: link }) => link), [his])
		assert.equal((await drawbridge.connection(his)).status, 'disabled')
		assert.equal(await status(other), 200)
	})

	it('all are revoked; what was not is told, each with its reason, while one provider hangs', async () => {
		const before = { willing: await connected(drawbridge, 'willing', 3), refusing: await connected(drawbridge, 'refusing'),
			hanging: await connected(drawbridge, 'hanging', 2), no_way: await connected(drawbridge, 'no_way') }
		const key = await typed(drawbridge)
		const { link_name: each } = await newConnection(drawbridge, 'willing', { scopes, per_user: true })
		await drawbridge.must('PUT', `/v1/connections/${each}/shares`, { items: [{ kind: 'everyone', level: 'use' }] })
		const { json: ticket } = await ada.ask('POST', `/v1/connections/${each}/authorize`)
		await walkConsent(drawbridge, each, consentByItself, { browser: ada.browser, ticket })
		providers.refusing.faults.on('revoke', { kind: 'status', status: 400, type: 'application/json',
			body: '{"error":"unsupported_token_type"}' })
		providers.hanging.faults.on('revoke', { kind: 'hang' })

		const asked = first = await drawbridge.must('POST', '/v1/connections/revoke', { all: true })
		assert.equal(asked.counts.waiting, 0)
		for (const link of [...Object.values(before).flat(), key])
			assert.equal(await status(link), 409)
		await eventually('the willing ones', async () => alive(providers.willing) === 0, { timeout: 60_000 })
		const rows = await eventually('all but those of the one that hangs', async () => {
			const now = await items(drawbridge, asked)
			const pending = now.filter(({ state }) => state === 'pending')
			return pending.every(({ service }) => service === 'hanging') && pending.some(({ detail, retry_at: at }) => detail && at) && now
		}, { timeout: 90_000 })
		const of = (link) => rows.filter(({ link_name: name }) => name === link)
		for (const link of before.willing)
			assert.deepEqual(of(link).map(({ state }) => state), ['revoked'])
		const [refused] = of(before.refusing[0])
		assert.equal(refused.state, 'by_hand')
		assert.equal(refused.account, 'ada')
		assert.match(refused.detail, /not confirmed the revocation .*Take the access back in the account's own settings/)
		assert.match(of(before.no_way[0])[0].detail, /^The service offers no way to revoke: take the access back/)
		assert.match(of(key)[0].detail, /^A key or password cannot be revoked from here: change or delete it/)
		assert.deepEqual(of(each).map(({ state, email, user }) => ({ state, email, user })),
			[{ state: 'revoked', email: 'ada@example.org', user: ada.id }])
		for (const link of before.hanging)
			assert.equal(of(link)[0].state, 'pending')
		assert.equal((await report(drawbridge, asked)).state, 'running')
		assert.deepEqual(await audited(drawbridge, 'connections.revoked'), [])

		providers.hanging.faults.clear()
		await sql(drawbridge, 'UPDATE withdrawals SET next_at = 0')
		const end = await done(drawbridge, asked, 90_000)
		assert.equal(alive(providers.hanging), 0)
		assert.equal(end.counts.pending, 0)
		assert.equal(end.counts.by_hand, rows.filter(({ state }) => state === 'by_hand').length)
		const [record] = await audited(drawbridge, 'connections.revoked')
		assert.match(record.detail, new RegExp(`^Confirmed by the provider: ${end.counts.revoked}\\. To be taken back by hand: `
			+ `${end.counts.by_hand}\\.`))
		assert.equal((await audited(drawbridge, 'connections.revoke'))[0].actor_name, 'test admin')
	})

	it('who asks again is told the same of what is left, and nothing is asked twice', async () => {
		const asked = Object.values(providers).map(({ revocations }) => revocations.length)
		const again = await drawbridge.must('POST', '/v1/connections/revoke', { all: true })
		assert.equal((await done(drawbridge, again)).counts.revoked, 0)
		const links = async (report) => (await items(drawbridge, report, 'by_hand')).map(({ link_name: link }) => link).sort()
		assert.ok((await links(first)).length > 3)
		assert.deepEqual(await links(again), await links(first))
		assert.deepEqual(Object.values(providers).map(({ revocations }) => revocations.length), asked)
	})

	it('what was revoked can be connected anew, and what was suspended before stays so', async () => {
		const [one, two] = await connected(drawbridge, 'willing', 2)
		await drawbridge.must('POST', `/v1/connections/${two}/disable`)
		const asked = await drawbridge.must('POST', '/v1/connections/revoke', { service: 'willing' })
		await done(drawbridge, asked)
		assert.equal((await drawbridge.connection(one)).status, 'revoked')
		assert.equal((await drawbridge.connection(two)).status, 'disabled')
		assert.equal((await drawbridge.api('POST', `/v1/connections/${two}/authorize`)).status, 409)
		await connect(drawbridge, one, consentByItself)
		assert.equal(await status(one), 200)
		await drawbridge.must('POST', `/v1/connections/${two}/enable`)
		assert.equal((await drawbridge.connection(two)).status, 'revoked')
	})

	it('a user may connect anew at once', async () => {
		const { items: [{ link_name: each }] } = await drawbridge.must('GET', '/v1/connections?limit=200').then((list) =>
			({ items: list.items.filter(({ per_user: perUser }) => perUser) }))
		const { json: ticket } = await ada.ask('POST', `/v1/connections/${each}/authorize`)
		await walkConsent(drawbridge, each, consentByItself, { browser: ada.browser, ticket })
		assert.equal((await ada.ask('GET', `/v1/connections/${each}/users/me`)).json.status, 'connected')
	})

	it('the command line asks, reports, and fails while something must be done by hand', async () => {
		const [one] = await connected(drawbridge, 'willing')
		const asked = await drawbridge.cli(['connection', 'revoke', '--service', 'willing'], { stdin: 'no\n' })
		assert.equal(asked.status, 2)
		assert.match(asked.stderr, /say --yes/)
		assert.equal(await status(one), 200)
		for (const words of [['revoke', '--all', '--service', 'willing', '--yes'], ['revoke', one, '--all', '--yes'], ['revoke'],
			['suspend', '--yes']])
			assert.equal((await drawbridge.cli(['connection', ...words])).status, 2, words.join(' '))
		const well = await drawbridge.cli(['connection', 'revoke', '--service', 'willing', '--yes'])
		assert.equal(well.status, 0, well.stderr)
		assert.match(well.stdout, /Nothing is left to do/)
		await typed(drawbridge)
		const not = await drawbridge.cli(['connection', 'revoke', '--service', 'typed', '--yes'])
		assert.equal(not.status, 1)
		assert.match(not.stdout, /by_hand +A key or password cannot be revoked from here/)
		assert.match(not.stdout, /must be changed by hand/)
		const { stdout, status: code } = await drawbridge.cli(['connection', 'report', '--json'])
		assert.equal(code, 1)
		const { action, items: rows, counts } = JSON.parse(stdout)
		assert.equal(action, 'revoke')
		assert.equal(counts.by_hand, rows.filter(({ state }) => state === 'by_hand').length)
		const suspended = await drawbridge.cli(['connection', 'suspend', '--all', '--yes', '--json'])
		assert.equal(suspended.status, 0, suspended.stderr)
		assert.equal(JSON.parse(suspended.stdout).state, 'done')
	})
}, { timeout: 400_000 })

suite('the front dies while many are revoked', (scope) => {
	let steps, drawbridge, providers

	before(async () => {
		steps = new Steps(scope);
		({ drawbridge, providers } = await startWorld(scope, ['willing', 'other'], steps.options))
	})

	for (const step of ['bulk.noted', 'bulk.marked', 'withdraw.revoked'])
		it(`at ${step} nothing is lost: the next front goes on, and so does who asks again`, async () => {
			const links = [...await connected(drawbridge, 'willing', 3), ...await connected(drawbridge, 'other', 2)]
			steps.set(`2 kill ${step}`.replace('2 kill bulk.noted', '1 kill bulk.noted'))
			const asking = drawbridge.api('POST', '/v1/connections/revoke', { all: true }).catch(() => undefined)
			await steps.reached(step)
			await asking
			await drawbridge.ready(60_000)
			for (const link of links)
				assert.equal((await drawbridge.via(link, '/echo')).status, 409)
			const { items: [first] } = await drawbridge.must('GET', '/v1/bulk-actions?limit=1')
			const again = await drawbridge.must('POST', '/v1/connections/revoke', { all: true })
			await sql(drawbridge, 'UPDATE bulks SET leased_until = 0')
			for (const asked of [first, again]) {
				const { counts } = await done(drawbridge, asked, 90_000)
				assert.equal(counts.by_hand, 0, JSON.stringify(await items(drawbridge, asked)))
			}
			assert.equal(alive(providers.willing) + alive(providers.other), 0)
			for (const link of links)
				assert.equal((await drawbridge.connection(link)).status, 'revoked')
			const records = (await drawbridge.must('GET', '/v1/audit?limit=200')).items
				.filter(({ action, object }) => action === 'connections.revoked' && object === first.id)
			assert.equal(records.length, 1, JSON.stringify(records))
		})
}, { timeout: 400_000 })
