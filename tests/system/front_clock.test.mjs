// SPDX-License-Identifier: Apache-2.0
/*
 * The front's wall clock is set forward and back by weeks while it runs (libfaketime): nothing is removed, ended or
 * revoked by that, nothing that was made under a wrong clock lives longer than it would have, and all goes on. The
 * keeper's clock stays right, so that a consent cannot be given while the front's is behind.
 */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, before, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { Browser } from '../support/browser.mjs'
import { atCallback, redirectUris, ticketFor, walkConsent } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { owner, startDrawbridge } from '../support/drawbridge.mjs'
import { request } from '../support/http.mjs'
import { query } from '../support/migrations.mjs'
import { eventually, freePort, sleep, suite, temporaryFolder } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { accountFlow, shop, Visitor, waitsForConnect } from '../support/visitor.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const library = ['x86_64', 'aarch64'].map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`)
	.find((path) => existsSync(path))
const hour = 3_600_000
const day = 24 * hour

suite('a front whose wall clock is set', (scope) => {
	let drawbridge, provider, api, file, link, own, flow, slow = 0

	/* By so many days from the right one; the front alone follows at once, steady clocks stay the machine's own. */
	function setClock(days) {
		writeFileSync(`${file}.new`, `${days < 0 ? '-' : '+'}${Math.abs(days)}d\n`, { mode: 0o600 })
		renameSync(`${file}.new`, file)
		return eventually('the front to see it', async () => {
			const { headers } = await request(`${drawbridge.url}/healthz`)
			return Math.abs(Date.parse(headers.date) - Date.now() - days * day) < hour / 2
		})
	}

	before(async () => {
		assert.ok(library, 'faketime is missing; script/test installs it')
		const port = await freePort()
		const data = temporaryFolder(scope, 'drawbridge-data')
		mkdirSync(join(data, 'store'), { mode: 0o700 })
		chmodSync(data, 0o700)
		file = join(data, 'store', 'clock')
		writeFileSync(file, '+0d\n', { mode: 0o600 })
		provider = await startScripted(scope, { redirectUris: redirectUris(port, 'clocked') })
		api = await startApi(scope, { check: (token) => provider.accountOf(token), routes: {
			'/mine': async (_, response, { entry }) => {
				await sleep(slow)
				response.writeHead(200, { 'content-type': 'application/json' })
				response.end(JSON.stringify({ account: provider.accountOf(entry.token) }))
			}
		} })
		drawbridge = await startDrawbridge(scope, { port, data, flags: ['--drain', '6s'], env: { LD_PRELOAD: library,
			FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1',
			FAKETIME_DONT_RESET: '1', FAKETIME_FORCE_MONOTONIC_FIX: '0' /* or no thread waits for the disk */ } })
		await drawbridge.makeOwner()
		await addService(drawbridge, oauthService('clocked', provider, api, { refresh: { rotates: true } }), provider.client)
		;({ link_name: link } = await newConnection(drawbridge, 'clocked', { scopes: ['tickets.read'] }))
		;({ link_name: own } = await newConnection(drawbridge, 'clocked', { scopes: ['tickets.read'], per_user: true }))
		await walkConsent(drawbridge, link, consentByItself)
		const made = await drawbridge.must('POST', '/v1/flows', { draft: accountFlow(own, [shop]) })
		;({ id: flow } = await drawbridge.must('POST', `/v1/flows/${made.id}/publish`, {}))
	})

	afterEach(() => {
		slow = 0
		return setClock(0)
	})

	async function arrive() {
		const visitor = new Visitor(drawbridge)
		visitor.link = own
		await visitor.begin(flow)
		const { json, text } = await visitor.say({ choice: 'mine' })
		assert.ok(waitsForConnect(json), text)
		return visitor
	}
	const told = (visitor, account, times) => visitor.until(`to be told ${account} ${times} times`, (talk) =>
		visitor.texts(talk).filter((text) => text === `You are ${account}`).length === times)
	async function consent(visitor, account) {
		provider.account = account
		const page = await visitor.consent(consentByItself)
		assert.match(page.text, /the chat goes on/)
		return told(visitor, account, 1)
	}
	async function signedIn() {
		const { status, headers } = await drawbridge.api('POST', '/v1/session', owner, { key: null })
		assert.equal(status, 200)
		return headers['set-cookie'][0].split(';')[0]
	}
	const statusOf = async (cookie) => (await drawbridge.api('GET', '/v1/me', undefined, { key: null, headers: { cookie } })).status
	const keyUntil = async (ends) => (await drawbridge.must('POST', '/v1/keys',
		{ name: `Until ${ends}`, role: 'caller', expires_at: new Date(ends).toISOString() })).key
	const via = async (key) => (await drawbridge.via(link, '/echo', { key })).status
	const opened = async ({ authorize_url: url }) => (await new Browser().open(url)).status
	/* A consent as far as the callback, which is not opened yet. */
	async function pressed(name = link) {
		const browser = new Browser()
		const { url } = await walkConsent(drawbridge, name, consentByItself, { browser, stop: atCallback })
		return async () => (await browser.open(url.href)).status
	}
	const revoked = async (name) => provider.revocations.length || (await drawbridge.connection(name)).status !== 'connected'

	it('forward by 40 days: what has an end has ended, and nothing is removed or revoked', async () => {
		const visitor = await arrive()
		await consent(visitor, 'vera')
		const waits = await arrive()
		const [cookie, key, ticket] = [await signedIn(), await keyUntil(Date.now() + hour), await ticketFor(drawbridge, link)]
		assert.deepEqual([await statusOf(cookie), await via(key)], [200, 200])
		const make = () => drawbridge.api('POST', '/v1/connections', { name: 'Made once', service: 'clocked',
			scopes: ['tickets.read'] }, { headers: { 'idempotency-key': 'once' } })
		const once = await make()
		assert.equal(once.status, 201, once.text)

		await setClock(40)
		const again = await make()
		assert.deepEqual([again.headers['idempotent-replay'], again.json], ['true', once.json], again.text)
		assert.deepEqual([await statusOf(cookie), await via(key)], [401, 401])
		assert.ok(await opened(ticket) >= 400)
		assert.equal(await via(), 200)
		await eventually('the front to notice', () => /the wall clock was set forward/.test(drawbridge.log), { timeout: 20_000 })
		const inFuture = { cookie: await signedIn(), ticket: await ticketFor(drawbridge, link), callback: await pressed(),
			visitor: await arrive() }
		assert.equal(await statusOf(inFuture.cookie), 200)

		await setClock(0)
		assert.deepEqual([await statusOf(cookie), await via(key), await via()], [200, 200, 200])
		assert.ok(await opened(inFuture.ticket) >= 400, 'a ticket for 40 days')
		assert.ok(await inFuture.callback() >= 400, 'a consent for 40 days')
		assert.equal(await statusOf(inFuture.cookie), 200)
		await consent(inFuture.visitor, 'fay')
		await consent(waits, 'wim')
		await visitor.say({ choice: 'mine' })
		await told(visitor, 'vera', 2)
		assert.equal(await revoked(link), false)
	})

	it('forward by two hours for some seconds: a link and a consent under way go on', async () => {
		const { name, link_name: fresh } = await newConnection(drawbridge, 'clocked', { scopes: ['tickets.read'] })
		const callback = await pressed(fresh)
		const ticket = await ticketFor(drawbridge, fresh)
		await setClock(1 / 12)
		await sleep(5000) /* somebody looks for consents that were not finished every two seconds */
		assert.ok(await opened(ticket) >= 400)

		await setClock(0)
		assert.doesNotMatch((await drawbridge.connection(fresh)).reason, /not finished/)
		const { items } = await drawbridge.must('GET', '/v1/audit?limit=200')
		const audited = items.filter(({ object_name: object }) => object === name).map(({ action }) => action)
		assert.ok(audited.includes('connection.create') && !audited.includes('connection.connect_failed'), audited.join())
		assert.equal(await opened(ticket), 200)
		assert.equal(await callback(), 200)
		assert.equal((await drawbridge.connection(fresh)).status, 'connected')
		await walkConsent(drawbridge, fresh, consentByItself, { ticket, stop: atCallback })
		assert.ok(await opened(ticket) >= 400, 'a ticket that was used')
	})

	it('forward for good: the day until it is believed goes on from one front to the next', async () => {
		const noted = async () => (await query(drawbridge.data, 'main', "SELECT value FROM settings WHERE name = 'clock'"))
			.split(' ').slice(1).map(Number)
		const renewed = async () => {
			assert.equal((await drawbridge.cli(['reload'], { timeout: 60_000 })).status, 0)
			return noted()
		}
		const [right, none] = await renewed()
		assert.equal(none, 0)
		await setClock(3)
		const first = await renewed()
		assert.ok(Math.abs(first[0] - right) < 60_000 && first[1] > 0, `${right}, ${first}`)
		await sleep(1000)
		assert.deepEqual(await renewed(), first)
		await setClock(0)
		assert.equal((await renewed())[1], 0)
	})

	it('back by 40 days: what was to end soon has ended, and all that is begun works', async () => {
		const visitor = await arrive()
		const ticket = await ticketFor(drawbridge, link)
		const callback = await pressed()
		const [cookie, key] = [await signedIn(), await keyUntil(Date.now() + hour)]
		slow = 1500
		await consent(visitor, 'bea').finally(() => { slow = 0 })
		slow = 1500
		await visitor.say({ choice: 'mine' })
		await setClock(-40) /* while that call runs */
		await told(visitor, 'bea', 2)
		slow = 0
		assert.ok(await opened(ticket) >= 400, 'a ticket for 40 days')
		assert.ok(await callback() >= 400, 'a consent for 40 days')
		assert.deepEqual([await statusOf(cookie), await via(key), await via()], [200, 200, 200])
		const late = { waits: await arrive(), ticket: await ticketFor(drawbridge, link) }
		assert.equal(await opened(late.ticket), 200)
		await visitor.say({ choice: 'mine' })
		await told(visitor, 'bea', 3)

		await setClock(0)
		await sleep(2500) /* somebody looks for what is to be taken back every two seconds */
		assert.equal(await opened(ticket), 200)
		assert.deepEqual([await statusOf(cookie), await via(key), await via()], [200, 200, 200])
		await visitor.say({ choice: 'mine' })
		await told(visitor, 'bea', 4)
		assert.ok(await opened(late.ticket) >= 400)
		await consent(late.waits, 'zoe')
		assert.equal(await revoked(link), false)
	})

	it('forward while one generation takes the place of another: a call under way stays whose it is', async () => {
		const visitor = await arrive()
		await consent(visitor, 'ida')
		slow = 4000
		const before = api.requests.length
		await visitor.say({ choice: 'mine' })
		await eventually('the call', () => api.requests.length > before)
		await setClock(1)
		const reloaded = drawbridge.cli(['reload'], { timeout: 60_000 })
		await told(visitor, 'ida', 2)
		assert.equal(api.requests.length, before + 1)
		assert.equal((await reloaded).status, 0)
		await setClock(0)
		slow = 0
		await visitor.say({ choice: 'mine' })
		await told(visitor, 'ida', 3)
	})
})
