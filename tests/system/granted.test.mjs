// SPDX-License-Identifier: Apache-2.0
/*
 * A consent whose end the front does not live to see, or does not wait for: what is shown of the connection is the
 * grant that calls go with, the new one or the former.
 */
import assert from 'node:assert/strict'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { atCallback, connect, redirectUris, walkConsent } from '../support/consent.mjs'
import { Browser } from '../support/browser.mjs'
import { oauthService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { killQuietly } from '../support/process.mjs'
import { eventually, freePort, sleep, suite } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { Steps } from '../support/steps.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('the end of a consent that nobody sees', (scope) => {
	let drawbridge, server, api, steps
	const scopes = ['tickets.read', 'tickets.write']

	before(async () => {
		const port = await freePort()
		steps = new Steps(scope)
		server = await startScripted(scope, { redirectUris: redirectUris(port, 'scripted') })
		api = await startApi(scope, { check: (token) => server.accountOf(token), routes: {
			'/me': async (_, response, { entry }) => {
				await sleep(api.slow ?? 0)
				response.writeHead(200, { 'content-type': 'application/json' })
				response.end(JSON.stringify({ account: server.accountOf(entry.token) }))
			} } })
		drawbridge = await startDrawbridge(scope, { port, ...steps.options })
		await addService(drawbridge, oauthService('scripted', server, api, { authorize: { issuer: server.issuer },
			method: { lookups: [{ url: `${api.url}/me`, account: 'account', required: true }] } }), server.client)
	})

	beforeEach(() => {
		server.reset()
		server.revocations.length = 0
		api.slow = 0
	})

	const connected = async () => {
		const { link_name: link } = await newConnection(drawbridge, 'scripted', { scopes })
		await connect(drawbridge, link, consentByItself)
		return link
	}
	const switchTo = async (link, account) => {
		server.account = account
		const browser = new Browser()
		const { url } = await walkConsent(drawbridge, link, consentByItself, { browser, stop: atCallback })
		return { browser, url }
	}
	const callsAs = async (link) => {
		const answer = await drawbridge.via(link, '/echo')
		assert.equal(answer.status, 200, answer.text)
		return server.accountOf(api.last().token)
	}
	const records = async (link) => {
		const { name } = await drawbridge.connection(link)
		return (await drawbridge.must('GET', '/v1/audit?limit=100')).items
			.filter(({ action, object_name }) => action === 'connection.connect' && object_name === name)
	}
	const pidOf = (role) => drawbridge.roles().find(({ title }) => title.includes(`--role=${role}`)).pid
	const revoked = (count) => eventually('the tokens to be given back', () => server.revocations.length >= count)

	it('the front dies when the keeper has the grant: the row shows its account and scopes', async () => {
		const link = await connected()
		assert.equal((await drawbridge.connection(link)).account, 'ada')
		const { browser, url } = await switchTo(link, 'bob')
		server.scope = () => 'tickets.read'
		steps.set('1 kill front.granted')
		await browser.open(url).catch(() => undefined)
		await steps.reached('front.granted')
		await drawbridge.ready(60_000)
		const now = await eventually('the row to be told', async () => {
			const row = await drawbridge.connection(link)
			return row.account !== 'ada' && row
		}, { timeout: 10_000 })
		assert.deepEqual([now.account, now.status, now.scopes_granted], ['bob', 'connected', ['tickets.read']])
		assert.match(now.health_reason, /Not granted: tickets\.write/)
		assert.equal(await callsAs(link), 'bob')
		assert.deepEqual(server.grantsOf('ada'), [])
		const told = await records(link)
		assert.equal(told.length, 2)
		assert.match(told[0].detail, /^bob\. Drawbridge was interrupted before this could be written down/)
		assert.deepEqual([told[0].actor, told[0].outcome], ['', 'done'])
	})

	it('who ends a consent that somebody waits for is written down, once', async () => {
		const link = await connected()
		const { browser, url } = await switchTo(link, 'cid')
		await browser.open(url)
		assert.equal((await drawbridge.connection(link)).account, 'cid')
		const told = await records(link)
		assert.deepEqual(told.map(({ detail }) => detail.slice(0, 3)), ['cid', 'ada'])
	})

	it('the front dies while the code is exchanged: the tokens are given back, and the former grant works', async () => {
		const link = await connected()
		const { browser, url } = await switchTo(link, 'eve')
		steps.set('1 stop consent.answered')
		const opened = browser.open(url).catch(() => undefined)
		await steps.reached('consent.answered')
		const [front, keeper] = [pidOf('front'), pidOf('keeper')]
		killQuietly(front, 'SIGKILL')
		await opened
		await eventually('another front', () => drawbridge.roles().some(({ pid, title }) =>
			pid !== front && title.includes('--role=front')))
		await sleep(300)
		killQuietly(keeper, 'SIGCONT')
		await drawbridge.ready(60_000)
		await revoked(1)
		assert.deepEqual(server.grantsOf('eve'), [])
		const { account, status } = await drawbridge.connection(link)
		assert.deepEqual([account, status], ['ada', 'connected'])
		assert.equal(await callsAs(link), 'ada')
	})

	it('a slow token endpoint and a slow look-up: it fails while somebody waits, and nothing has changed', async () => {
		const link = await connected()
		const { browser, url } = await switchTo(link, 'fay')
		server.faults.on('token', { kind: 'delay', ms: 13_000, times: 1 })
		api.slow = 17_500
		const begun = Date.now()
		const page = await browser.open(url)
		const took = Date.now() - begun
		assert.ok(page.status >= 400 && took < 30_000, `${page.status} after ${took} ms`)
		assert.doesNotMatch(page.text, /does not answer/)
		await sleep(5000)
		await revoked(1)
		assert.deepEqual(server.grantsOf('fay'), [])
		const { account, status } = await drawbridge.connection(link)
		assert.deepEqual([account, status], ['ada', 'connected'])
		assert.equal(await callsAs(link), 'ada')
	})
}, { timeout: 240_000 })
