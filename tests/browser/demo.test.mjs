// SPDX-License-Identifier: Apache-2.0
/*
 * The demo's shop in a real browser, as a newcomer sees it: a page of another site under its own strict policy, the
 * bot in its corner, and the faults of the practice service as a visitor meets them.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { openContext, picture, sizes, startChromium, violations } from '../support/chromium.mjs'
import { binary } from '../support/drawbridge.mjs'
import { request } from '../support/http.mjs'
import { startProcess } from '../support/process.mjs'
import { suite } from '../support/scope.mjs'

suite('the demo\'s shop in a browser', (scope) => {
	let shop, practice, browser, context, page

	/* A fresh profile on the shop's page, with the chat open. */
	async function visit(options) {
		await context?.close()
		context = await openContext(browser, options)
		page = await context.newPage()
		await page.goto(shop)
		await page.locator('.launcher').click()
		await said('Hello! I know the tickets of the practice desk.')
	}

	const said = (text) => page.getByRole('log').getByText(text, { exact: typeof text === 'string' }).last().waitFor()
	const composer = () => page.locator('.composer')
	const choose = (name) => composer().getByRole('button', { name, exact: true }).click()
	const quiet = () => assert.deepEqual(context.errors, [])

	async function answer(text) {
		await composer().locator('.input').fill(text)
		await composer().locator('.input').press('Enter')
	}

	async function look(number) {
		await choose('Look up a ticket')
		await said('Which ticket number? (101 to 106 are there.)')
		await answer(number)
	}

	async function fault(name, on = '1') {
		const answered = await request(`${practice}practice/faults`, { method: 'POST',
			headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: `fault=${name}&on=${on}` })
		assert.equal(answered.status, 302, answered.text)
	}

	async function judged(where, name) {
		await where.waitForTimeout(350)
		await picture(where, `demo-${name}`)
		assert.deepEqual(await violations(where), [], name)
	}

	it('starts, and its owner connects the desk in his browser', async () => {
		const demo = startProcess(scope, 'setsid', [binary, 'demo'])
		scope.after(() => demo.end || process.kill(-demo.pid, 'SIGINT'))
		await demo.says(/Ctrl-C ends it all/, 60_000)
		const word = (pattern) => pattern.exec(demo.stdout)[1]
		shop = word(/^ {3}(http\S+\/shop)$/m)
		practice = word(/^Practice service +(http\S+) /m)
		browser = await startChromium(scope)
		context = await openContext(browser)
		page = await context.newPage()
		await page.goto(word(/^ {3}(http\S+\/connect\/\S+)$/m))
		await page.getByRole('button', { name: 'Connect' }).click()
		await page.getByRole('heading', { name: /would like to use your Practice Desk/ }).waitFor()
		await judged(page, 'consent')
		await page.getByRole('button', { name: 'Accept' }).click()
		await page.getByText(/is connected/).waitFor()
		await judged(page, 'connected')
		quiet()
	})

	it('the shop loads with nothing to complain of', async () => {
		context = await (await context.close(), openContext(browser))
		page = await context.newPage()
		await page.goto(shop)
		await page.locator('.launcher').waitFor()
		const font = await page.evaluate(() => getComputedStyle(document.querySelector('main li')).borderRadius)
		assert.equal(font, '12px') /* its sheet is there */
		await judged(page, 'shop')
		quiet()
	})

	/* The last message is in sight, though more buttons than before have come below it. */
	const atTheEnd = () => page.getByRole('log').evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight)

	it('the bot finds a ticket, and says so where there is none', async () => {
		await visit()
		await look('102')
		await said('Ticket 102, “The app does not start after the update”, is Open.')
		await judged(page, 'found')
		assert.ok(await atTheEnd() < 2, `${await atTheEnd()} px below`)
		await look('999')
		await said('There is no ticket 999.')
		await judged(page, 'not-found')
		quiet()
	})

	it('a token that has expired is renewed unseen', async () => {
		await fault('expire')
		await look('104')
		await said(/Ticket 104, “Order 4711/)
		assert.equal(await page.getByRole('alert').count(), 0)
		quiet()
	})

	it('offers a person when the desk is down', async () => {
		for (const name of ['outage', 'silence']) {
			await visit()
			await fault(name)
			try {
				await look('101')
				await said('The desk does not answer just now. Shall somebody write to you?')
				await judged(page, name)
			} finally {
				await fault(name, '0')
			}
			await choose('Yes, please')
			await said('What is it about? Write it here, and a person will read it.')
			await answer('The invoice')
			await said('And at which e-mail address can we reach you?')
			await answer('ada@example.com')
			await said('Thank you. Somebody will write to you.')
			quiet()
		}
	})

	for (const [name, options] of [['wide', {}], ['narrow', { viewport: sizes.narrow, colorScheme: 'dark' }]])
		it(`shows a visitor his own tickets after Connect: ${name}`, async () => {
			await visit(options)
			await choose('Show my own tickets')
			const connect = composer().getByRole('button', { name: /^Connect/ })
			await connect.waitFor()
			await judged(page, `connect-${name}`)
			const [popup] = await Promise.all([page.waitForEvent('popup'), connect.click()])
			await popup.getByText(/The bot Ticket help on .* wants access/).waitFor()
			await judged(popup, `bot-wants-${name}`)
			await popup.getByRole('button', { name: 'Connect' }).click()
			await popup.getByLabel('You are').selectOption('ken@example.com')
			await popup.getByRole('button', { name: 'Accept' }).click()
			await popup.getByText('You can close this window', { exact: false }).waitFor()
			await said('ken@example.com, you have 1: Please delete my account.')
			await judged(page, `own-${name}`)
			quiet()
		})

	it('takes a refusal there, and that Connect is skipped', async () => {
		await visit()
		await choose('Show my own tickets')
		const [popup] = await Promise.all([page.waitForEvent('popup'), composer().getByRole('button', { name: /^Connect/ }).click()])
		await popup.getByRole('button', { name: 'Connect' }).click()
		await popup.getByRole('button', { name: 'Reject' }).click()
		await said(/The access was not given/)
		await popup.close()
		await choose('Skip')
		await said('Then not. I have seen nothing of yours.')
		quiet()
	})

	it('the practice service\'s own page is sound', async () => {
		await page.goto(practice)
		await page.getByRole('heading', { name: 'Practice Desk' }).waitFor()
		await judged(page, 'practice')
		quiet()
	})
}, { timeout: 240_000 })
