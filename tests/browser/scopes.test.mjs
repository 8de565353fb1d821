// SPDX-License-Identifier: Apache-2.0
/*
 * Picking scopes in the studio: who has a scope's name from an article is offered the service's own, with what it
 * allows, by search and by typing, with keyboard and pointer; what the list does not know is added, and marked.
 */
import assert from 'node:assert/strict'
import { before, beforeEach, it } from 'node:test'
import { picture, sizes, violations } from '../support/chromium.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { suite } from '../support/scope.mjs'
import { startStudio } from '../support/studio.mjs'

suite('the scope picker', (scope) => {
	let drawbridge, studio, page

	const group = () => page.getByRole('group', { name: 'Scopes' })
	const row = (name) => group().getByRole('checkbox', { name })
	const search = () => page.getByLabel('Search scopes')
	const own = () => page.getByLabel('Another scope')
	const offer = (name) => studio.button(`Use ${name}`)
	const shown = async () => (await group().locator('.choices .choice b').allTextContents())
	const isTicked = async (name) => assert.ok(await row(name).isChecked(), name)
	const says = (text) => group().getByRole('status').filter({ hasText: text }).waitFor()
	const typing = () => page.getByText('A scope that is not listed').click()
	const asked = async (link) => (await drawbridge.connection(link)).scopes_asked

	before(async () => {
		drawbridge = await startDrawbridge(scope)
		studio = await startStudio(scope, drawbridge)
		;({ page } = studio)
	})

	beforeEach(async () => {
		await page.setViewportSize(sizes.wide)
		await studio.open('/services/zoho_desk/connect')
	})

	it('searching for the article\'s spelling finds the real scope, and says why', async () => {
		await search().fill('ZohoDesk.tickets.UPDATE')
		assert.deepEqual(await shown(), ['Desk.tickets.UPDATE'])
		const found = group().locator('.choice', { hasText: 'Desk.tickets.UPDATE' })
		await found.getByText('Change tickets with their threads').waitFor()
		await found.getByText('ZohoDesk.tickets.UPDATE, as some articles spell it, means this one.').waitFor()
		await found.click()
		await isTicked('Desk.tickets.UPDATE')
		await picture(page, 'scopes-searched')
		await search().fill('desk.tickets.update')
		await page.waitForFunction(() => !document.querySelector('.choices').textContent.includes('articles spell'))
		assert.deepEqual(await shown(), ['Desk.tickets.UPDATE'])
		await search().fill('zohodesk.moon')
		await group().getByText('No scope fits.').waitFor()
	})

	it('who types it is offered the real one, with its description', async () => {
		await typing()
		await own().fill('ZohoDesk.tickets.UPDATE')
		const box = group().locator('.notice')
		await box.getByText('Change tickets with their threads, comments and attachments').waitFor()
		await box.getByText('ZohoDesk.tickets.UPDATE, as some articles spell it, means this scope at Zoho Desk.').waitFor()
		await picture(page, 'scope-offered')
		assert.deepEqual(await violations(page), [])
		await page.setViewportSize(sizes.narrow)
		await picture(page, 'scope-offered-narrow')
		assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
		await offer('Desk.tickets.UPDATE').click()
		await isTicked('Desk.tickets.UPDATE')
		await says('Desk.tickets.UPDATE is chosen.')
		assert.equal(await own().inputValue(), '')
		assert.equal(await offer('Desk.tickets.UPDATE').count(), 0)
		assert.equal(await row('ZohoDesk').count(), 0, 'there is no row of the other spelling')
	})

	it('by keyboard alone: the offer is the next stop, and Enter in the field takes it as well', async () => {
		const summary = page.getByText('A scope that is not listed')
		await summary.focus()
		await page.keyboard.press('Enter')
		await page.keyboard.press('Tab')
		await page.keyboard.type('zohodesk.tickets.create')
		await page.keyboard.press('Tab')
		assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Use Desk.tickets.CREATE')
		await page.keyboard.press('Enter')
		await isTicked('Desk.tickets.CREATE')
		assert.ok(await own().evaluate((input) => input === document.activeElement))
		await page.keyboard.type('ZohoDesk.tickets.UPDATE')
		await page.keyboard.press('Enter')
		await isTicked('Desk.tickets.UPDATE')
		await says('ZohoDesk.tickets.UPDATE, as some articles spell it, is Desk.tickets.UPDATE at Zoho Desk: that is chosen.')
		assert.ok(new URL(page.url()).pathname.endsWith('/connect'), 'Enter has not sent the form')
	})

	it('a list out of an article may be pasted', async () => {
		await typing()
		await own().fill('ZohoDesk.tickets.DELETE,ZohoDesk.tickets.UPDATE Desk.moon.READ')
		await offer('Desk.tickets.UPDATE').click()
		assert.equal(await own().inputValue(), 'ZohoDesk.tickets.DELETE Desk.moon.READ')
		await studio.button('Add').click()
		for (const name of ['Desk.tickets.UPDATE', 'Desk.tickets.DELETE', 'Desk.moon.READ'])
			await isTicked(name)
	})

	it('a scope that nobody knows is added and marked, with what may be meant', async () => {
		await search().fill('tickets')
		await typing()
		const marked = (name, text) => group().locator('.choice', { hasText: name }).getByText(text, { exact: true }).waitFor()
		const unknown = 'Not in the list of this service; it is asked for as it stands.'
		for (const [name, guess] of [['Desk.moon.READ'], ['ZohoDesk.sun.READ', 'Desk.sun.READ'],
			['desk.tickets.update', 'Desk.tickets.UPDATE']]) {
			await own().fill(name)
			assert.equal(await offer('Desk.tickets.UPDATE').count(), guess === 'Desk.tickets.UPDATE' ? 1 : 0)
			await studio.button('Add').click()
			await isTicked(new RegExp(`^${name}`))
			await marked(name, guess ? `${unknown} Perhaps ${guess} is meant.` : unknown)
			await says(`${name} is chosen.`)
		}
		await picture(page, 'scopes-marked')
		assert.deepEqual(await violations(page), [])
	})

	it('what was chosen is what is asked for', async () => {
		await page.getByLabel('Connection Name').fill('From an article')
		await typing()
		await own().fill('ZohoDesk.tickets.UPDATE ZohoDesk.tickets.READ Desk.moon.READ')
		await own().press('Enter')
		await studio.button('Create and Connect').click()
		await studio.heading('From an article').waitFor()
		const scopes = await asked('from_an_article')
		assert.equal(scopes.filter((name) => name === 'Desk.tickets.READ').length, 1)
		for (const name of ['Desk.tickets.UPDATE', 'Desk.moon.READ'])
			assert.ok(scopes.includes(name), String(scopes))
		assert.ok(!String(scopes).includes('ZohoDesk'), String(scopes))
	})

	/* Every spelling that any definition knows, one in another case, and one that leads nowhere; as the page reads it. */
	async function readByPage(service) {
		return page.evaluate(async ({ scopes, scope_aliases: aliases }) => {
			const { readScope, spellingsOf } = await import('/js/scope-spelling.js')
			const some = scopes.flatMap(({ name }) => spellingsOf(name, aliases)).slice(0, 24)
			const typed = [...some, some[0].toLowerCase(), scopes[0].name.toUpperCase(), `${aliases[0].prefix}nowhere`]
			return [...new Set(typed)].map((given) => {
				const { scope, known, alias, meant } = readScope(given, scopes, aliases)
				return { given, asked: alias ? scope.name : given, known: Boolean(known), guess: scope?.name ?? meant }
			})
		}, service)
	}

	it('the page reads spellings as the server does, of every service', async () => {
		const { items } = await drawbridge.must('GET', '/v1/services?limit=200')
		const services = (await Promise.all(items.map(({ id }) => drawbridge.must('GET', `/v1/services/${id}`))))
			.filter(({ scope_aliases: aliases }) => aliases.length > 0)
		assert.ok(services.length > 10, String(services.length))
		for (const service of services) {
			const read = await readByPage(service)
			assert.ok(read.length > 2, service.id)
			const parameters = Object.fromEntries(service.methods[0].parameters.filter(({ optional }) => !optional)
				.map(({ name, example, choices }) => [name, example ?? choices[0].value]))
			const { scope_notes: notes } = await drawbridge.must('POST', '/v1/connections', { name: service.id,
				service: service.id, parameters, scopes: read.map(({ given }) => given) })
			const noted = read.filter(({ known, guess }) => !known && guess)
			assert.deepEqual(notes.map(({ given, asked }) => [given, asked]), noted.map(({ given, asked }) => [given, asked]))
			for (const [at, { guess }] of noted.entries())
				assert.ok(notes[at].detail.includes(`"${guess}"`), notes[at].detail)
		}
	})

	it('changing the scopes is the same, in a short list, too', async () => {
		await drawbridge.must('POST', '/v1/connections', { name: 'Short', service: 'practice_desk',
			scopes: ['Desk.tickets.READ', 'Desk.moon.READ'] })
		await studio.open('/connections/short')
		await studio.button('Change scopes').click()
		await isTicked('Desk.moon.READ')
		await typing()
		await own().fill('ZohoDesk.basic.READ')
		await offer('Desk.basic.READ').click()
		await studio.button('Save').click()
		await page.getByText('Saved.', { exact: true }).waitFor()
		assert.deepEqual((await asked('short')).sort(), ['Desk.basic.READ', 'Desk.moon.READ', 'Desk.tickets.READ'])
		assert.deepEqual(studio.context.errors, [])
	})
})
