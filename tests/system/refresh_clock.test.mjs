// SPDX-License-Identifier: Apache-2.0
/*
 * The wall clock is set while Drawbridge runs and while it does not (libfaketime): no expired token is sent, and the
 * provider is not asked more often than the tokens' own ages say.
 */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { Browser } from '../support/browser.mjs'
import { atCallback, connect, redirectUris, walkConsent } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { eventually, freePort, sleep, suite, temporaryFolder } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const library = ['x86_64', 'aarch64'].map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`)
	.find((path) => existsSync(path))

suite('a wall clock that is set', (scope) => {
	let drawbridge, server, api, file

	/*
	 * The keeper takes its wall clock from a file in its own folder, which its sandbox lets it read; the other roles
	 * take theirs at their start. Steady clocks stay the machine's own.
	 */
	const setClock = async (offset) => {
		writeFileSync(file, `${offset}\n`)
		await sleep(2500) /* the cache counts whole seconds, and lasts for more than one */
	}

	before(async () => {
		assert.ok(library, 'faketime is missing; script/test installs it')
		const port = await freePort()
		const data = temporaryFolder(scope, 'drawbridge-data')
		mkdirSync(join(data, 'keeper'), { mode: 0o700 })
		chmodSync(data, 0o700)
		file = join(data, 'keeper', 'clock')
		writeFileSync(file, '+0\n', { mode: 0o600 })
		server = await startScripted(scope, { redirectUris: redirectUris(port, 'clocked') })
		api = await startApi(scope, { check: (token, request) => {
			const { age, life } = ages.get(token) ?? { age: Date.now(), life: Infinity }
			if (Date.now() - age > life * 1000)
				api.expired = (api.expired ?? 0) + 1
			return server.accountOf(token) && request
		} })
		drawbridge = await startDrawbridge(scope, { port, data, env: { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: file,
			FAKETIME_CACHE_DURATION: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', FAKETIME_DONT_RESET: '1',
			FAKETIME_FORCE_MONOTONIC_FIX: '0' } })
		await drawbridge.makeOwner()
		await addService(drawbridge, oauthService('clocked', server, api, { refresh: { rotates: true } }), server.client)
	})

	/* When each token was made, and how long it lives, by the machine's own clock. */
	const ages = new Map()
	beforeEach(() => {
		server.reset()
		server.answer = (body) => {
			ages.set(body.access_token, { age: Date.now(), life: body.expires_in })
			return body
		}
		api.expired = 0
	})

	const connected = async (life) => {
		server.life = life
		const { link_name: link } = await newConnection(drawbridge, 'clocked', { scopes: ['tickets.read'] })
		await connect(drawbridge, link, consentByItself)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		return link
	}
	const refreshes = () => server.requests.filter(({ form }) => form.grant_type === 'refresh_token').length
	const callFor = async (link, ms) => {
		const end = Date.now() + ms
		while (Date.now() < end) {
			assert.equal((await drawbridge.via(link, '/echo')).status, 200)
			await sleep(100)
		}
	}

	it('is seen by the keeper, and told in the log', async () => {
		await setClock('+10d')
		await eventually('the log', () => /the wall clock was set/.test(drawbridge.log), { timeout: 15_000 })
		await setClock('+0')
	})

	it('set back by a day while it runs: no token outlives its age', async () => {
		const link = await connected(15) /* safe until 0.75 s before: what a busy machine takes */
		const start = refreshes()
		await setClock('-1d')
		await callFor(link, 17_000)
		assert.ok(refreshes() > start)
		assert.equal(api.expired, 0)
		await setClock('+0')
	})

	it('set forward by a day while it runs: nobody is asked for tokens that are still good', async () => {
		const links = [await connected(3600), await connected(3600), await connected(3600)]
		const start = refreshes()
		await setClock('+1d')
		for (const link of links)
			await callFor(link, 800)
		assert.equal(refreshes() - start, 0)
		await setClock('+0')
	})

	it('set forward and back by a day while it runs: a consent under way can be finished', async () => {
		for (const days of ['+1d', '-1d']) {
			server.life = 3600
			const { link_name: link } = await newConnection(drawbridge, 'clocked', { scopes: ['tickets.read'] })
			const browser = new Browser()
			const { url } = await walkConsent(drawbridge, link, consentByItself, { browser, stop: atCallback })
			await setClock(days)
			assert.equal((await browser.open(url.href)).status, 200)
			assert.equal((await drawbridge.connection(link)).status, 'connected')
			await setClock('+0')
		}
	})

	it('set back while it does not run: stored tokens become no younger', async () => {
		const link = await connected(6)
		server.life = 3600
		await drawbridge.stop()
		writeFileSync(file, '-2d\n')
		await sleep(7000)
		await drawbridge.start()
		const start = refreshes()
		await callFor(link, 2000)
		assert.equal(api.expired, 0)
		assert.equal(refreshes() - start, 1)
		await setClock('+0')
	})

	it('set forward while it does not run: one refresh for each connection that is used', async () => {
		const links = [await connected(3600), await connected(3600)]
		const start = refreshes()
		await drawbridge.stop()
		writeFileSync(file, '+2d\n')
		await drawbridge.start()
		for (const link of [...links, ...links, ...links])
			assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		assert.equal(refreshes() - start, 2)
		const [{ expires_at: at }] = await Promise.all(links.map((link) => drawbridge.connection(link)))
		assert.ok(Math.abs(new Date(at) - Date.now() - 2 * 86_400_000 - 3_600_000) < 120_000, at)
		await setClock('+0')
		await eventually('calls to go on', async () => (await drawbridge.via(links[0], '/echo')).status === 200)
	})
})
