// SPDX-License-Identifier: Apache-2.0
/*
 * Sharing a connection in the studio: what somebody else has changed since the page was loaded is not undone by it; the
 * list as it is now is shown, with why nothing was saved.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { openContext, picture, sizes, startChromium, violations } from '../support/chromium.mjs'
import { keyService } from '../support/definitions.mjs'
import { owner, startDrawbridge } from '../support/drawbridge.mjs'
import { suite } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('sharing, in the studio', (scope) => {
	let drawbridge, context, page, link, mallory, bea

	const button = (name, where = page) => where.getByRole('button', { name, exact: true })
	const card = () => page.locator('section', { has: page.getByRole('heading', { name: 'Shared with', exact: true }) })
	const shares = async () => (await drawbridge.must('GET', `/v1/connections/${link}/shares`)).items
	const share = (...members) => drawbridge.must('PUT', `/v1/connections/${link}/shares`,
		{ items: members.map(({ id }) => ({ kind: 'member', subject: id })) })
	async function shareWith(name) {
		await button('Share', card()).click()
		await page.getByRole('dialog').getByLabel('With').selectOption({ label: name })
		await button('Share', page.getByRole('dialog')).click()
		await page.getByRole('dialog').waitFor({ state: 'detached' })
	}

	before(async () => {
		drawbridge = await startDrawbridge(scope)
		await addService(drawbridge, keyService('keyed', { url: 'http://127.0.0.1:9' }))
		;({ link_name: link } = await newConnection(drawbridge, 'keyed', { credentials: { api_key: 'a-key-5b1c90' } }))
		const member = (name) => drawbridge.must('POST', '/v1/members', { email: `${name}@example.org`, name, role: 'builder' })
		mallory = await member('Mallory')
		bea = await member('Bea')
		await share(mallory)
		context = await openContext(await startChromium(scope))
		page = await context.newPage()
		await page.goto(`${drawbridge.publicUrl}/sign-in`)
		await page.getByLabel('E-mail address').fill(owner.email)
		await page.getByLabel('Password').fill(owner.password)
		await page.keyboard.press('Enter')
		await page.getByRole('heading', { name: 'Data Retrieval Engine' }).waitFor()
		await page.goto(`${drawbridge.publicUrl}/connections/${link}`)
	})

	it('who was removed meanwhile does not come back with the next one', async () => {
		await card().getByText('Mallory').waitFor()
		await share()
		await shareWith('Bea')
		await card().getByRole('alert').getByText('Not saved: the list was changed meanwhile').waitFor()
		assert.equal(await card().getByText('Mallory').count(), 0)
		assert.deepEqual(await shares(), [])
		await picture(page, 'shares-changed')
		await page.setViewportSize(sizes.narrow)
		await picture(page, 'shares-changed-narrow')
		assert.deepEqual(await violations(page), [])
		await shareWith('Bea')
		await card().getByRole('cell', { name: 'Bea', exact: true }).waitFor()
		assert.equal(await card().getByRole('alert').count(), 0)
		assert.deepEqual((await shares()).map(({ subject }) => subject), [bea.id])
	})

	it('nor is one removed who came meanwhile', async () => {
		await share(bea, mallory)
		await button('Remove Bea', card()).click()
		await card().getByRole('alert').waitFor()
		await card().getByRole('cell', { name: 'Mallory', exact: true }).waitFor()
		assert.equal((await shares()).length, 2)
		await button('Remove Bea', card()).click()
		await page.getByText('Saved.', { exact: true }).waitFor()
		assert.deepEqual((await shares()).map(({ subject }) => subject), [mallory.id])
		assert.deepEqual(context.errors.filter((each) => !/412/.test(each)), [])
	})
})
