// SPDX-License-Identifier: Apache-2.0
/*
 * The report of the panic page while a provider does not answer: it can be read and used by keyboard, since only what
 * has changed is changed; and it does not ask for all items again and again.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { picture, violations } from '../support/chromium.mjs'
import { connect, redirectUris } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { freePort, suite } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { startStudio } from '../support/studio.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('a report that goes on', (scope) => {
	let drawbridge, server, studio, page

	before(async () => {
		const port = await freePort()
		server = await startScripted(scope, { redirectUris: redirectUris(port, 'hanging') })
		drawbridge = await startDrawbridge(scope, { port })
		await addService(drawbridge, oauthService('hanging', server, await startApi(scope)), server.client)
		for (const name of ['One', 'Two'])
			await connect(drawbridge, (await newConnection(drawbridge, 'hanging', { name, scopes: ['tickets.read'] })).link_name,
				consentByItself)
		server.faults.on('revoke', { kind: 'hang' })
		studio = await startStudio(scope, drawbridge)
		;({ page } = studio)
	})

	const asks = (what) => {
		const seen = { count: 0 }
		page.on('request', (request) => { seen.count += what.test(request.url()) })
		return seen
	}

	it('keeps the keyboard where it is', async () => {
		await studio.open('/stop')
		await page.getByLabel('What').selectOption('revoke')
		await page.getByLabel('Confirmation').fill('revoke')
		await studio.button('Do it').click()
		const link = page.getByRole('link', { name: 'Two', exact: true })
		await link.focus()
		const reports = asks(/\/v1\/bulk-actions\/[^/?]+$/)
		for (let looked = 0; looked < 3; looked = reports.count)
			await page.waitForResponse(/\/v1\/bulk-actions\/[^/?]+$/)
		assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Two')
		await page.keyboard.press('Tab')
		assert.deepEqual(await violations(page), [])
		await picture(page, 'bulk-running')
	})

	it('asks for the items only when something has changed', async () => {
		const items = asks(/\/items\?/)
		const reports = asks(/\/v1\/bulk-actions\/[^/?]+$/)
		while (reports.count < 3)
			await page.waitForResponse(/\/v1\/bulk-actions\/[^/?]+$/)
		assert.ok(items.count <= 1, String(items.count))
	})

	it('has no live region but the line of counts', async () => {
		const live = page.locator('main [aria-live], main [role=status]')
		assert.equal(await live.count(), 1)
		assert.match(await live.textContent(), /^Being revoked: 2$/)
		assert.deepEqual(studio.context.errors, [])
	})
}, { timeout: 180_000 })
