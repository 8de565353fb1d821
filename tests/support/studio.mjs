// SPDX-License-Identifier: Apache-2.0
/* The studio in a browser, with somebody signed in. */
import { openContext, startChromium } from './chromium.mjs'
import { owner } from './drawbridge.mjs'

/*
 * Gives {browser, context, page, button, heading, open, visit, signIn}: visit(who) is a browser of somebody's own, signed
 * in; signIn(page, who) does so where the sign-in page stands.
 */
export async function startStudio(scope, drawbridge, options) {
	const browser = await startChromium(scope)
	const heading = (name, where = studio.page) => where.getByRole('heading', { name, level: 1 })

	async function signIn(page, { email, password } = owner) {
		await page.getByLabel('E-mail address').fill(email)
		await page.getByLabel('Password').fill(password)
		await page.keyboard.press('Enter')
	}

	async function visit(who, more = options) {
		const context = await openContext(browser, more)
		const page = await context.newPage()
		await page.goto(`${drawbridge.publicUrl}/sign-in`)
		await signIn(page, who)
		await heading('Data Retrieval Engine', page).waitFor()
		return { context, page }
	}

	const studio = { browser, heading, signIn, visit,
		button: (name, where = studio.page) => where.getByRole('button', { name, exact: true }),
		open: async (path, where = studio.page) => {
			await where.goto(drawbridge.publicUrl + path)
			await where.locator('main h1').first().waitFor()
		} }
	return Object.assign(studio, await visit())
}
