// SPDX-License-Identifier: Apache-2.0
/*
 * Consents that never come back, in the studio: the window is closed, or the provider (here Zoho's emulator,
 * with the shipped definition of Desk) shows its error on its own page and sends nobody back. The waiting ends,
 * says what to check, and can be begun again; what works is left as it is.
 */
import assert from 'node:assert/strict'
import https from 'node:https'
import { join } from 'node:path'
import { before, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { startAuthority } from '../support/ca.mjs'
import { openContext, picture, sizes, startChromium, violations } from '../support/chromium.mjs'
import { connect, redirectUris } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { owner, startDrawbridge } from '../support/drawbridge.mjs'
import { listen } from '../support/http.mjs'
import { mustRun } from '../support/process.mjs'
import { eventually, freePort, suite } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { addService, newConnection } from '../support/worlds.mjs'
import { accountsRoutes, centres } from '../support/zoho-accounts.mjs'

suite('a consent that never comes back, in the studio', (scope) => {
	let drawbridge, browser, context, page
	const link = 'eu_desk'

	const button = (name, where = page) => where.getByRole('button', { name, exact: true })
	const dialog = () => page.getByRole('dialog')
	const open = async (path) => {
		await page.goto(drawbridge.publicUrl + path)
		await page.locator('main h1').first().waitFor()
	}
	const sql = (text) => mustRun('sqlite3', [join(drawbridge.data, 'store/drawbridge.db'), '.timeout 5000', text])

	/* Zoho's accounts in Europe, where the app is known, but no redirect URI of it. Gives where they are. */
	async function startAccounts() {
		const leaf = await (await startAuthority(scope)).issue(['accounts.zoho.eu'])
		const serve = accountsRoutes({ app: { client_id: '1000.OFEUROPEALONE', redirectUris: [] } }, centres.eu)
		const server = https.createServer({ cert: leaf.cert, key: leaf.key }, (request, response) =>
			serve({ request, response, url: new URL(request.url, 'https://accounts.zoho.eu') }))
		return `127.0.0.1:${await listen(scope, server)}`
	}

	async function signIn(options) {
		context = await openContext(browser, { ignoreHTTPSErrors: true, ...options })
		page = await context.newPage()
		await page.goto(`${drawbridge.publicUrl}/sign-in`)
		await page.getByLabel('E-mail address').fill(owner.email)
		await page.getByLabel('Password').fill(owner.password)
		await page.keyboard.press('Enter')
		await page.getByRole('heading', { name: 'Data Retrieval Engine' }).waitFor()
	}

	/* Presses a button of the studio; gives the window that it opens. */
	async function windowOf(name, where = page) {
		const [popup] = await Promise.all([page.waitForEvent('popup'), button(name, where).click()])
		await popup.getByRole('heading', { name: /^Connect / }).waitFor()
		return popup
	}

	const toError = async (popup) => {
		await button('Connect', popup).click()
		await popup.getByRole('heading', { name: 'Invalid Redirect Uri' }).waitFor()
	}

	async function judged(name) {
		await page.waitForTimeout(350)
		await picture(page, `consent-${name}`)
		assert.deepEqual(await violations(page), [], name)
		assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, name)
	}

	before(async () => {
		const port = await freePort()
		const server = await startScripted(scope, { redirectUris: redirectUris(port, 'scripted') })
		const api = await startApi(scope, { check: (token) => server.accountOf(token) })
		drawbridge = await startDrawbridge(scope, { port })
		await addService(drawbridge, oauthService('scripted', server, api), server.client)
		for (const [centre, id] of [[undefined, '1000.OFALLCENTRES'], ['eu', '1000.OFEUROPEALONE']])
			await drawbridge.must('PUT', '/v1/services/zoho_desk/app', { client_id: id, client_secret: `secret of ${id}`,
				data_centre: centre })
		await newConnection(drawbridge, 'zoho_desk', { name: 'EU desk', parameters: { data_centre: 'eu' } })
		await newConnection(drawbridge, 'scripted', { name: 'Works', scopes: ['tickets.read'] })
		await connect(drawbridge, 'works', consentByItself)
		await newConnection(drawbridge, 'scripted', { name: 'Each', scopes: ['tickets.read'], per_user: true })
		browser = await startChromium(scope, { places: { 'accounts.zoho.eu': await startAccounts() } })
		await signIn()
	})

	it('an error on the provider\'s own page: the studio says what to compare there', async () => {
		await open(`/connections/${link}`)
		const popup = await windowOf('Connect')
		await toError(popup)
		const redirect = dialog().getByLabel('the redirect URI', { exact: true })
		assert.equal(await redirect.isVisible(), false)
		await dialog().getByText('The provider shows an error?').click()
		assert.equal(await redirect.textContent(), `${drawbridge.publicUrl}/oauth/callback`)
		assert.deepEqual(await dialog().getByLabel('the client id', { exact: true }).allTextContents(), ['1000.OFEUROPEALONE'])
		await dialog().getByText('Europe: the app must be known there').waitFor()
		await button('Cancel', dialog()).waitFor()
		await judged('error')
		await popup.close()
		await dialog().getByText('The window is closed').waitFor()
	})

	it('Try again makes another link, since the first is spent', async () => {
		const popup = await windowOf('Try again', dialog())
		await dialog().getByText('A window has opened').waitFor()
		await toError(popup)
		await popup.close()
	})

	it('Cancel ends it, and the connection says that it is not connected', async () => {
		await button('Cancel', dialog()).click()
		await page.getByRole('alert').filter({ hasText: 'You stopped waiting' }).waitFor()
		await button('Connect').waitFor()
	})

	it('the window that is closed unfolds what to check', async () => {
		const popup = await windowOf('Connect')
		await popup.close()
		await dialog().getByLabel('the redirect URI', { exact: true }).waitFor()
		await judged('closed')
		await button('Cancel', dialog()).click()
	})

	/* A link that ends at once, by the server's own clock. */
	const shortLived = (its) => its.route('**/v1/connections/*/authorize', async (route) => {
		const answer = await route.fetch()
		const end = new Date(Date.now() + 1000).toISOString()
		await route.fulfill({ response: answer, json: { ...await answer.json(), expires_at: end } })
	}, { times: 1 })

	it('the waiting ends with the link, asks no more, and can be begun again', async () => {
		await open(`/connections/${link}`)
		await shortLived(page)
		const popup = await windowOf('Connect')
		await toError(popup)
		await dialog().getByText('Nobody has finished the consent in its time.').waitFor()
		await dialog().getByLabel('the redirect URI', { exact: true }).waitFor()
		await judged('over')
		let asked = 0
		page.on('request', (request) => {
			asked += request.url().endsWith(`/v1/connections/${link}`)
		})
		await page.waitForTimeout(2500)
		assert.equal(asked, 0)
		await popup.close()
		const again = await windowOf('Try again', dialog())
		await dialog().getByText('A window has opened').waitFor()
		await eventually('to wait again', () => asked > 1)
		await again.close()
		await button('Cancel', dialog()).click()
	})

	it('when its time is over, the page says that the last consent was not finished', async () => {
		await sql('UPDATE oauth_states SET expires_at = 1; UPDATE connect_tickets SET expires_at = 1 WHERE used_at = 0;')
		await eventually('the reason', async () => {
			await open(`/connections/${link}`)
			return page.getByText('The last consent was not finished').count()
		}, { every: 300 })
		await page.getByText('Not connected', { exact: true }).first().waitFor()
		await judged('unfinished')
	})

	it('what works goes on: it is not called broken', async () => {
		await open('/connections/works')
		const popup = await windowOf('Reconnect')
		await popup.close()
		await button('Cancel', dialog()).click()
		await page.getByRole('alert').filter({ hasText: 'Not connected again' }).waitFor()
		await page.getByText('it goes on with the access that it has').waitFor()
		await button('Test').waitFor()
		await judged('works')
	})

	it('waits for one\'s own account, where each user connects one', async () => {
		await open('/connections/each')
		const popup = await windowOf('Connect')
		await button('Connect', popup).click()
		await page.getByText('Yours', { exact: false }).first().waitFor()
		await dialog().waitFor({ state: 'detached' })
		assert.equal(await page.getByRole('alert').count(), 0)
	})

	it('a custom service\'s app has a redirect URI of its own', async () => {
		await open('/services/scripted')
		assert.deepEqual([await page.getByLabel('the redirect URI', { exact: true }).textContent()],
			redirectUris(drawbridge.port, 'scripted'))
	})

	it('had no error of a script and no breach of the policy on its way', () => {
		assert.deepEqual(context.errors, [])
	})

	for (const [size, colorScheme] of [['wide', 'dark'], ['narrow', 'light'], ['narrow', 'dark']])
		it(`satisfies axe, ${size} and ${colorScheme}`, async () => {
			await context.close()
			await signIn({ viewport: sizes[size], colorScheme })
			await open(`/connections/${link}`)
			await shortLived(page)
			const popup = await windowOf('Connect')
			await popup.close()
			await dialog().getByText('Nobody has finished the consent in its time.').waitFor()
			await dialog().getByLabel('the client id', { exact: true }).waitFor()
			await judged(`${size}-${colorScheme}`)
			assert.deepEqual(context.errors, [])
		})
}, { timeout: 180_000 })
