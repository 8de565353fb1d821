// SPDX-License-Identifier: Apache-2.0
/* What is created once although its answer was lost on the way, and somebody pressed again. */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { picture } from '../support/chromium.mjs'
import { keyService } from '../support/definitions.mjs'
import { suite } from '../support/scope.mjs'
import { startStudio } from '../support/studio.mjs'
import { startBearerWorld } from '../support/worlds.mjs'

suite('an answer that is lost, in the studio', (scope) => {
	let drawbridge, studio, page, button

	before(async () => {
		({ drawbridge } = await startBearerWorld(scope))
		studio = await startStudio(scope, drawbridge)
		;({ page, button } = studio)
	})

	/* The server does what is asked; nobody hears of it. */
	const lose = (path) => page.route(`**/v1/${path}`, async (route) => {
		await route.fetch()
		await route.abort()
	}, { times: 1 })

	const unheard = () => page.getByRole('alert').filter({ hasText: 'Drawbridge cannot be reached' }).waitFor()
	const listed = async (path) => (await drawbridge.must('GET', `/v1/${path}`)).items

	it('pressed again, Create makes no second connection, and goes on to the first', async () => {
		await studio.open('/services/echo/connect')
		await page.getByLabel('Connection Name').fill('Lost once')
		await page.getByLabel('Token').fill('upstream-token-Zq81')
		await lose('connections')
		await button('Create and Connect').click()
		await unheard()
		await button('Create and Connect').click()
		await studio.heading('Lost once').waitFor()
		assert.deepEqual((await listed('connections')).filter(({ name }) => name === 'Lost once').map((each) => each.link_name),
			['lost_once'])
	})

	it('another one of that name gets a link name of its own', async () => {
		await studio.open('/services/echo/connect')
		await page.getByLabel('Connection Name').fill('Lost once')
		await page.getByLabel('Token').fill('upstream-token-Zq81')
		await button('Create and Connect').click()
		await studio.heading('Lost once').waitFor()
		assert.equal((await listed('connections')).filter(({ name }) => name === 'Lost once').length, 2)
	})

	it('of a key there is one, and it is said that its text is lost', async () => {
		await studio.open('/keys')
		await button('Create a key').click()
		await page.getByLabel('Name', { exact: true }).fill('Lost bot')
		await page.getByLabel('Ends').selectOption('30')
		await lose('keys')
		await button('Create').click()
		await unheard()
		await button('Create').click()
		await page.getByText('its text was lost on the way').waitFor()
		await picture(page, 'lost-key')
		assert.equal(await page.getByLabel('the key', { exact: true }).count(), 0)
		await button('Done').click()
		await page.getByRole('row', { name: /Lost bot/ }).waitFor()
		assert.equal((await listed('keys')).filter(({ name }) => name === 'Lost bot').length, 1)
	})

	it('of a service there is one as well', async () => {
		await studio.open('/custom-service')
		const definition = keyService('lost_service', { url: 'https://api.example.com' })
		await page.getByLabel('Definition').fill(JSON.stringify(definition))
		await lose('services')
		await button('Save the service').click()
		await unheard()
		await button('Save the service').click()
		await studio.heading(definition.name).waitFor()
	})

	it('had no error of a script on its way', () => {
		assert.deepEqual(studio.context.errors, [])
	})
}, { timeout: 120_000 })
