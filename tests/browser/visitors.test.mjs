// SPDX-License-Identifier: Apache-2.0
/*
 * The widget's Connect in a real browser, from a page of another site under a strict policy to the provider's own pages
 * and back: consent, refusal, windows that are closed, pressed twice or not let open, reloads; and what one browser gets
 * of another's.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { openContext, picture, sizes, startChromium, violations } from '../support/chromium.mjs'
import { atCallback } from '../support/consent.mjs'
import { startHostPage } from '../support/hostpage.mjs'
import { eventually, suite } from '../support/scope.mjs'
import { accountFlow } from '../support/visitor.mjs'
import { startOidcWorld } from '../support/worlds.mjs'

suite('a visitor\'s Connect in a browser', (scope) => {
	let world, drawbridge, link, browser, site, stranger, context, page

	before(async () => {
		world = await startOidcWorld(scope)
		;({ drawbridge } = world)
		browser = await startChromium(scope, { names: ['shop.test', 'stranger.test'] })
		site = await startHostPage(scope, { bridge: drawbridge.publicUrl, name: 'shop.test' })
		stranger = await startHostPage(scope, { bridge: drawbridge.publicUrl, name: 'stranger.test' })
		;({ link_name: link } = await world.fresh({ name: 'Own accounts', per_user: true }))
		const made = await drawbridge.must('POST', '/v1/flows', { link_name: 'mine', draft: accountFlow(link, [site.origin]) })
		assert.equal(made.errors, 0, JSON.stringify(made.problems))
		await drawbridge.must('POST', `/v1/flows/${made.id}/publish`, {})
	})

	const log = (where = page) => where.getByRole('log')
	const said = (text, where = page) => log(where).getByText(text, { exact: true }).waitFor()
	const composer = (where = page) => where.locator('.composer')
	const connect = (where = page) => composer(where).locator('[part=connect]')
	const skip = (where = page) => composer(where).getByRole('button', { name: 'Skip' })
	const token = (where) => where.evaluate(() => JSON.parse(localStorage.getItem(Object.keys(localStorage)
		.find((key) => JSON.parse(localStorage.getItem(key))?.token))).token)

	/* A browser of his own, whose chat waits for Connect. */
	async function arrive({ options, before: first, keep } = {}) {
		if (!keep)
			await context?.close()
		const its = await openContext(browser, options)
		await first?.(its)
		const where = await its.newPage()
		if (!keep)
			[context, page] = [its, where]
		await where.goto(site.page({ flow: 'mine' }))
		await where.locator('.launcher').click()
		await composer(where).getByRole('button', { name: 'My account' }).click()
		await connect(where).waitFor()
		return { context: its, page: where }
	}

	/* Windows of this browser stay when they are done, to be looked at. */
	const windowsStay = (its) => its.addInitScript(() => {
		window.close = () => {}
	})

	/* Presses it; gives the window, on Drawbridge's consent page. */
	async function press(where = page) {
		const [popup] = await Promise.all([where.waitForEvent('popup'), connect(where).click()])
		await popup.waitForURL(/\/connect\/[\w-]{43}$/)
		return popup
	}

	/* From the consent page to the provider's. */
	async function toProvider(popup) {
		await popup.getByRole('button', { name: 'Connect' }).click()
		await popup.waitForURL(`${world.oidc.issuer}/**`)
		return popup
	}

	/* Signs in and agrees there. */
	async function accept(popup, login) {
		await popup.locator('[name=login]').fill(login)
		await popup.locator('[name=password]').fill('any')
		await popup.locator('[type=submit]').click()
		await popup.getByText('Continue').click()
		await popup.waitForURL(atCallback)
		return popup
	}

	async function refuse(popup) {
		await popup.getByText(/cancel|abort/i).first().click()
		await popup.waitForURL(atCallback)
		return popup
	}

	/* A picture for people, and what axe says. */
	async function judged(where, name) {
		await where.waitForTimeout(350)
		await picture(where, `connect-${name}`)
		assert.deepEqual(await violations(where), [], name)
	}

	/* Neither scripts nor any policy, the page's or Drawbridge's, have anything to complain of. */
	function quiet(its = context) {
		const complaints = its.errors.filter((error) => !/fonts\.googleapis|ERR_NAME_NOT_RESOLVED/.test(error))
		assert.deepEqual(complaints, [])
		assert.deepEqual(site.reports, [])
	}

	it('goes from the chat to the provider and back, and tells the visitor what is his', async () => {
		await arrive({ before: windowsStay })
		assert.match(await connect().textContent(), /Connect Test tickets_oidc/)
		await judged(page, 'asked')
		const popup = await press()
		await popup.getByText(`The bot My account bot on ${site.origin} wants access to your account`, { exact: false }).waitFor()
		assert.equal(await popup.evaluate(() => window.opener), null)
		await judged(popup, 'consent')
		await judged(page, 'opened')
		await accept(await toProvider(popup), 'vera')
		await popup.getByText('You can close this window', { exact: false }).waitFor()
		await judged(popup, 'done')
		await said('You are vera')
		await composer().getByRole('button', { name: 'My account' }).waitFor()
		assert.equal(await connect().count(), 0)
		await judged(page, 'told')
		assert.ok(!(await popup.content()).includes('dbc_'))
		quiet()
	})

	it('the window closes by itself when the account is connected', async () => {
		await arrive()
		const popup = await toProvider(await press())
		const closed = popup.waitForEvent('close')
		await accept(popup, 'cleo')
		await closed
		await said('You are cleo')
		quiet()
	})

	it('asks no second time in the same chat, also after a reload', async () => {
		await page.reload()
		await composer().getByRole('button', { name: 'My account' }).click()
		await eventually('to be told twice', async () => await log().getByText('You are cleo').count() === 2)
		quiet()
	})

	it('a refusal in the window shows the button again, and then it works', async () => {
		await arrive()
		const popup = await refuse(await toProvider(await press()))
		await popup.getByText('refused', { exact: false }).first().waitFor()
		await judged(popup, 'refused')
		await log().getByText('The access was not given.', { exact: false }).waitFor()
		await connect().waitFor()
		await judged(page, 'asked-again')
		await popup.close()
		await accept(await toProvider(await press()), 'rosa')
		await said('You are rosa')
		quiet()
	})

	it('a window that is closed leaves the chat where it was', async () => {
		await arrive()
		const first = await press()
		await first.close()
		assert.match(await connect().textContent(), /Open the window again/)
		const second = await toProvider(await press())
		await second.close()
		await connect().waitFor()
		await accept(await toProvider(await press()), 'clara')
		await said('You are clara')
		quiet()
	})

	it('pressed twice, the second window counts, and the first says so', async () => {
		await arrive()
		const first = await press()
		const second = await press()
		await first.getByRole('button', { name: 'Connect' }).click()
		await first.getByText(/not (known|there|found|good)|used|expired|other browser/i).first().waitFor()
		assert.ok(first.url().startsWith(drawbridge.publicUrl))
		await judged(first, 'outdated')
		await accept(await toProvider(second), 'tina')
		await said('You are tina')
		assert.equal(await log().getByText('You are tina').count(), 1)
		context.errors.length = 0
	})

	it('goes on where the page was reloaded while the window was open', async () => {
		await arrive()
		const popup = await toProvider(await press())
		await page.reload()
		await connect().waitFor()
		await accept(popup, 'rita')
		await said('You are rita')
		assert.equal(await connect().count(), 0)
		quiet()
	})

	it('goes on when the page was away while consent was given', async () => {
		await arrive()
		const popup = await toProvider(await press())
		const where = page.url()
		await page.goto('about:blank')
		await accept(popup, 'nora')
		await page.goto(where)
		await said('You are nora')
		quiet()
	})

	it('may be skipped, also with the window open, whose button is then of no use', async () => {
		await arrive()
		const popup = await press()
		await skip().click()
		await said('No: connect_skipped')
		await popup.getByRole('button', { name: 'Connect' }).click()
		await popup.getByText(/does not wait|used|other browser/).first().waitFor()
		assert.ok(popup.url().startsWith(drawbridge.publicUrl))
		await judged(popup, 'too-late')
	})

	/* What window.open gives where the browser, or the frame around the page, lets no window open. */
	const noWindows = (its) => its.addInitScript(() => {
		window.open = () => null
	})

	it('where no window may open, the visitor goes on in this tab, and comes back to his chat', async () => {
		await arrive({ before: noWindows })
		await connect().click()
		await composer().getByText('Your browser has not let the window open.', { exact: false }).waitFor()
		const here = composer().locator('[part=connect-here]')
		await here.waitFor()
		assert.equal(await skip().count(), 1)
		await judged(page, 'blocked')
		await here.click()
		await page.waitForURL(/\/connect\/[\w-]{43}$/)
		await accept(await toProvider(page), 'ines')
		await judged(page, 'done-here')
		await page.getByRole('link', { name: `Back to ${site.origin}` }).waitFor()
		await page.goto(site.page({ flow: 'mine' }))
		await said('You are ines')
		quiet()
	})

	it('is usable by keyboard, on a small screen, in the dark', async () => {
		await arrive({ options: { colorScheme: 'dark', viewport: sizes.narrow } })
		await connect().focus()
		await judged(page, 'asked-narrow')
		const [popup] = await Promise.all([page.waitForEvent('popup'), page.keyboard.press('Enter')])
		await popup.waitForURL(/\/connect\/[\w-]{43}$/)
		await popup.getByRole('button', { name: 'Connect' }).focus()
		await judged(popup, 'consent-dark')
		await popup.keyboard.press('Enter')
		await accept(popup, 'kim')
		await said('You are kim')
		quiet()
	})

	/* ---- attacks ---- */

	it('a ticket that is carried to another browser is refused there', async () => {
		await arrive()
		const popup = await press()
		const other = await openContext(browser)
		const theirs = await other.newPage()
		const answer = await theirs.goto(popup.url())
		assert.ok(answer.status() >= 400 && answer.status() < 500, String(answer.status()))
		assert.equal(await theirs.getByRole('button', { name: 'Connect' }).count(), 0)
		assert.deepEqual(await other.cookies(), [])
		await judged(theirs, 'carried')
		await other.close()
		/* nor was it of any harm to whose it is */
		await accept(await toProvider(popup), 'owen')
		await said('You are owen')
	})

	it('a ticket is refused in the browser of another visitor, who has a chat and a cookie of his own', async () => {
		const attacker = await arrive()
		const link = (await press()).url()
		const victim = await arrive({ keep: true })
		const own = await press(victim.page)
		const carried = await victim.context.newPage()
		const answer = await carried.goto(link)
		assert.ok(answer.status() >= 400 && answer.status() < 500, String(answer.status()))
		await accept(await toProvider(own), 'viktor')
		await said('You are viktor', victim.page)
		assert.equal(await log(attacker.page).getByText('You are viktor').count(), 0)
		await connect(attacker.page).waitFor()
		await victim.context.close()
	})

	it('the provider\'s page, carried to another browser, gives the chat nothing', async () => {
		await arrive()
		const popup = await press()
		let leads
		context.on('request', (request) => {
			if (request.url().startsWith(`${world.oidc.issuer}/auth?`))
				leads = request.url()
		})
		await toProvider(popup)
		const other = await openContext(browser)
		const theirs = await other.newPage()
		await theirs.goto(leads)
		await accept(theirs, 'victim')
		await theirs.getByText('browser', { exact: false }).first().waitFor()
		await judged(theirs, 'carried-callback')
		/* and with the victim's callback in his own browser neither */
		await popup.goto(theirs.url())
		await other.close()
		await connect().waitFor()
		assert.equal(await log().getByText(/You are/).count(), 0)
		context.errors.length = 0
	})

	it('a page of another site that knows the token gets no window with it', async () => {
		await arrive()
		const known = await token(page)
		const theirs = await context.newPage()
		await theirs.goto(stranger.page({ flow: 'mine' }))
		await theirs.evaluate(({ action, fields }) => {
			const form = Object.assign(document.createElement('form'), { action, method: 'post' })
			for (const [name, value] of Object.entries(fields))
				form.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }))
			document.body.append(form)
			form.submit()
		}, { action: `${drawbridge.publicUrl}/connect/visitor`, fields: { token: known, connection: link } })
		await theirs.waitForURL('**/connect/visitor')
		await theirs.getByText('This page may not connect anything for the chat.', { exact: false }).waitFor()
		await judged(theirs, 'stranger')
		assert.deepEqual(await context.cookies(drawbridge.publicUrl), [])
	})
}, { timeout: 300_000 })
