// SPDX-License-Identifier: Apache-2.0
/* The panic page: typed word, report, and what must be done by hand; and nothing of it for a builder. */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { openContext, startChromium } from '../support/chromium.mjs'
import { owner } from '../support/drawbridge.mjs'
import { suite } from '../support/scope.mjs'
import { startBearerWorld } from '../support/worlds.mjs'

suite('stopping everything, in the studio', (scope) => {
	let drawbridge, link, chromium, page
	const password = 'a password that is long enough'

	const button = (name) => page.getByRole('button', { name, exact: true })
	const status = async () => (await drawbridge.via(link, '/echo')).status
	async function signIn(email, secret) {
		page = await (await openContext(chromium)).newPage()
		await page.goto(`${drawbridge.publicUrl}/sign-in`)
		await page.getByLabel('E-mail address').fill(email)
		await page.getByLabel('Password').fill(secret)
		await page.keyboard.press('Enter')
		await page.getByRole('heading', { name: 'Data Retrieval Engine' }).waitFor()
	}

	before(async () => {
		({ drawbridge, link } = await startBearerWorld(scope))
		await drawbridge.must('POST', '/v1/members', { email: 'ada@example.org', name: 'Ada', role: 'builder', password })
		chromium = await startChromium(scope)
		await signIn(owner.email, owner.password)
	})

	it('another word than the chosen one does nothing', async () => {
		await page.getByRole('link', { name: 'Stop everything' }).click()
		await page.getByRole('heading', { name: 'Stop everything' }).waitFor()
		await page.getByLabel('What').selectOption('revoke')
		await page.getByLabel('Confirmation').fill('suspend')
		await button('Do it').click()
		await page.getByText('Type revoke if that is what you mean.').waitFor()
		assert.equal(await status(), 200)
	})

	it('a service\'s are suspended, and the report says so', async () => {
		await page.getByLabel('What').selectOption('suspend')
		await page.getByLabel('Which connections').selectOption('service')
		await page.getByLabel('Service').selectOption('echo')
		await page.getByLabel('Confirmation').fill('suspend')
		await button('Do it').click()
		await page.getByRole('heading', { name: 'Suspended: connections to echo' }).waitFor()
		await page.getByText('Suspended: 1', { exact: true }).waitFor()
		assert.equal(await status(), 409)
	})

	it('all are revoked, and what must be changed by hand stands there with what to do', async () => {
		await page.getByLabel('What').selectOption('revoke')
		await page.getByLabel('Which connections').selectOption('all')
		await page.getByLabel('Confirmation').fill('revoke')
		await button('Do it').click()
		await page.getByRole('heading', { name: 'Revoked: all connections' }).waitFor()
		await page.getByText(/^A key or password cannot be revoked from here/).waitFor({ timeout: 30_000 })
		await page.getByText('lives on at the service until somebody changes it there').waitFor()
		await page.reload()
		await button('Revoked: all connections').click()
		await page.getByText(/^A key or password cannot be revoked from here/).waitFor()
	})

	it('a builder has none of it', async () => {
		await signIn('ada@example.org', password)
		assert.equal(await page.getByRole('link', { name: 'Stop everything' }).count(), 0)
		await page.goto(`${drawbridge.publicUrl}/stop`)
		await page.getByText('This is for owner and admins.').waitFor()
	})
}, { timeout: 180_000 })
