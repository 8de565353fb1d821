// SPDX-License-Identifier: Apache-2.0
/*
 * One account for everybody, in the studio, at a provider that does as it is told: which of the scopes were granted,
 * until when the access lasts, the token renewed by a button, and the access that its owner has taken back at the
 * provider: why nothing works, and the way to connect again.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { picture, sizes, violations } from '../support/chromium.mjs'
import { connect, redirectUris } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { freePort, suite } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { startStudio } from '../support/studio.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const scopes = ['tickets.read', 'tickets.write']

suite('a shared connection in the studio', (scope) => {
	let drawbridge, server, api, studio, context, page, button

	const status = () => page.getByRole('region', { name: 'Status' })
	/* What the details say of something. */
	const detail = (name) => page.locator('dt', { hasText: new RegExp(`^${name}$`) }).locator('xpath=following-sibling::dd[1]')
	const listed = (name) => detail(name).locator('.chip').allTextContents()
	const tokenOfCall = async () => {
		assert.equal((await drawbridge.via('shared', '/echo')).status, 200)
		return api.last().token
	}

	async function judged(name) {
		assert.deepEqual(await violations(page), [], name)
		assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, name)
		await picture(page, `shared-${name}`)
	}

	before(async () => {
		const port = await freePort()
		server = await startScripted(scope, { redirectUris: redirectUris(port, 'scripted') })
		api = await startApi(scope, { check: (token) => server.accountOf(token) })
		drawbridge = await startDrawbridge(scope, { port })
		await addService(drawbridge, oauthService('scripted', server, api,
			{ refresh: { rotates: true, total_life_s: 3 * 86_400 } }), server.client)
		await newConnection(drawbridge, 'scripted', { name: 'Shared', scopes })
		server.scope = () => 'tickets.read'
		await connect(drawbridge, 'shared', consentByItself)
		studio = await startStudio(scope, drawbridge)
		;({ context, page, button } = studio)
	})

	it('tells the scopes that were granted beside those that were asked, and what is missing', async () => {
		await studio.open('/connections/shared')
		assert.deepEqual(await listed('Scopes asked'), scopes)
		assert.deepEqual(await listed('Scopes granted'), ['tickets.read'])
		await status().getByText('Degraded').waitFor()
		assert.match(await status().textContent(), /Connected.*tickets\.write/s)
	})

	it('tells when the access ends, however often it is renewed, and why', async () => {
		const { expires_forecast: end } = await drawbridge.connection('shared')
		const told = detail('Access ends')
		assert.equal(await told.locator('time').getAttribute('datetime'), end.at)
		assert.ok(Math.abs(new Date(end.at) - Date.now() - 3 * 864e5) < 60_000)
		assert.match(await told.textContent(), /^in 3 days The provider ends every access so long after consent/)
		await judged('granted')
	})

	it('its button renews the token, and the end of the access stays', async () => {
		const [before, end] = [await tokenOfCall(), await detail('Access ends').locator('time').getAttribute('datetime')]
		const requests = server.requests.length
		const answers = [/\/v1\/connections\/shared\/refresh$/, /\/v1\/connections\/shared$/].map((url) => page.waitForResponse(url))
		await button('Renew the token').click()
		for (const answer of await Promise.all(answers))
			assert.equal(answer.status(), 200)
		assert.equal(server.requests.length, requests + 1)
		assert.equal(server.requests.at(-1).form.grant_type, 'refresh_token')
		assert.notEqual(await tokenOfCall(), before)
		assert.equal(await detail('Access ends').locator('time').getAttribute('datetime'), end)
		assert.equal(await page.getByRole('alert').count(), 0)
	})

	it('where the provider has ended the access, the button leads to the reason, and a call does nothing any more', async () => {
		server.endAll('ada')
		await button('Renew the token').click()
		await status().getByText('Needs reconnect').waitFor()
		const { reason } = await drawbridge.connection('shared')
		assert.match(reason, /Connect again/)
		await status().getByText(reason).first().waitFor()
		await status().getByRole('alert').waitFor()
		for (const name of ['Token ends', 'Access ends'])
			assert.equal(await detail(name).count(), 0, name)
		await status().getByRole('button', { name: 'Reconnect', exact: true }).waitFor()
		for (const name of ['Renew the token', 'Test'])
			assert.equal(await button(name).count(), 0, name)
		assert.equal((await drawbridge.via('shared', '/echo')).status, 409)
		await judged('ended')
		await studio.open('/connections')
		const row = page.getByRole('listitem').filter({ hasText: 'Shared' })
		await row.getByText('Needs reconnect').waitFor()
		await row.getByText(reason).waitFor()
		await judged('ended-list')
	})

	it('Reconnect leads through consent, and everything is as it should be', async () => {
		server.scope = (asked) => asked
		await page.getByRole('link', { name: 'Shared' }).click()
		await status().waitFor()
		const [popup] = await Promise.all([page.waitForEvent('popup'), button('Reconnect').click()])
		await button('Connect', popup).click()
		await status().getByText('Everything works').waitFor()
		await page.getByRole('dialog').waitFor({ state: 'detached' })
		assert.deepEqual(await listed('Scopes granted'), scopes)
		assert.equal(await status().getByText('Degraded').count(), 0)
		assert.equal(server.accountOf(await tokenOfCall()), 'ada')
		await judged('again')
	})

	for (const [size, colorScheme] of [['wide', 'dark'], ['narrow', 'light'], ['narrow', 'dark']])
		it(`satisfies axe where the access has ended, ${size} and ${colorScheme}`, async () => {
			server.endAll('ada')
			await drawbridge.api('POST', '/v1/connections/shared/refresh')
			const seen = await studio.visit(undefined, { viewport: sizes[size], colorScheme })
			page = seen.page
			await studio.open('/connections/shared', page)
			await status().getByText('Needs reconnect').waitFor()
			await judged(`ended-${size}-${colorScheme}`)
			assert.deepEqual(seen.context.errors, [])
			await seen.context.close()
		})

	it('had no error of a script and no breach of the policy on its way', () => {
		assert.deepEqual(context.errors, [])
	})
})
