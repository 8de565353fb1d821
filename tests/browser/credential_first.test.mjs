// SPDX-License-Identifier: Apache-2.0
/*
 * The first key of a connection, in the studio: it is tested by itself when the connection was made, and the page tells
 * what came of it. The page does not wait for that.
 */
import assert from 'node:assert/strict'
import http from 'node:http'
import { before, it } from 'node:test'
import { picture, sizes, violations } from '../support/chromium.mjs'
import { keyService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { listen } from '../support/http.mjs'
import { eventually, suite } from '../support/scope.mjs'
import { startStudio } from '../support/studio.mjs'
import { addService } from '../support/worlds.mjs'

const right = 'right-key-5b1c90', wrong = 'wrong-key-1b22'

suite('the first credential of a connection, in the studio', (scope) => {
	let drawbridge, studio, page, button, tested = [], hangs = false, held = []

	const status = () => page.getByRole('region', { name: 'Status' })
	const said = (words) => status().getByText(words).waitFor()
	const testsMade = () => page.context().tests
	/* The page has taken in what was answered before. */
	const taken = () => page.evaluate(() => fetch('/v1/me').then((response) => response.text()))

	/* The service: its test request is kept waiting while it hangs. */
	function answer(request, response) {
		const sent = request.headers['x-api-key']
		const say = (key = sent) => {
			response.writeHead(key === right || request.url === '/polite' ? 200 : 401, { 'content-type': 'application/json' })
			response.end(JSON.stringify(key === right ? { name: 'Ada' } : { error: 'Not a key of ours' }))
		}
		if (request.url === '/me')
			tested.push(sent)
		if (request.url === '/me' && hangs)
			held.push(say)
		else
			say()
	}

	async function create(service, name, key) {
		tested = []
		await studio.open(`/services/${service}/connect`)
		await page.getByLabel('Connection Name').fill(name)
		await page.getByLabel('Key', { exact: true }).fill(key)
		await button('Create and Connect').click()
		await studio.heading(name).waitFor()
	}

	before(async () => {
		const port = await listen(scope, http.createServer(answer))
		const url = `http://127.0.0.1:${port}`
		drawbridge = await startDrawbridge(scope)
		await addService(drawbridge, keyService('keyed', { url, base: { tests: [{ path: '/me', account: 'name' }] } }))
		await addService(drawbridge, keyService('untested', { url }))
		await addService(drawbridge, keyService('polite', { url, base: { tests: [{ path: '/polite',
			success: { json: 'name', is: 'Ada' } }] } }))
		studio = await startStudio(scope, drawbridge)
		;({ page, button } = studio)
		const context = page.context()
		context.tests = 0
		page.on('request', (request) => { context.tests += request.method() === 'POST' && request.url().endsWith('/test') })
	})

	it('one that is wrong is told on its page, and the right one can take its place', async () => {
		await create('keyed', 'Wrong at first', wrong)
		await said('The test has failed')
		await said(/The service answered 401/)
		await said(/The service refuses the credential: press “Replace the credential”/)
		await status().getByText('Degraded', { exact: true }).waitFor()
		assert.deepEqual(tested, [wrong])
		await picture(page, 'first-credential-refused')
		await page.setViewportSize(sizes.narrow)
		await picture(page, 'first-credential-refused-narrow')
		assert.deepEqual(await violations(page), [])
		await page.setViewportSize(sizes.wide)

		await button('Replace the credential').click()
		const dialog = page.getByRole('dialog')
		await dialog.getByLabel('Key', { exact: true }).fill(right)
		await button('Replace', dialog).click()
		await dialog.waitFor({ state: 'detached' })
		await said('Everything works')
		assert.equal(await status().getByText('The test has failed').count(), 0)
		await drawbridge.via('wrong_at_first', '/work')
	})

	it('one that is refused with 200 is refused', async () => {
		await create('polite', 'Polite', wrong)
		await said('The test has failed')
		await said(/The service refuses the credential/)
	})

	it('one that is right has passed, with its account', async () => {
		await create('keyed', 'Right at once', right)
		await said('The test has passed')
		await said(/Account: Ada/)
		await said('Everything works')
		await page.getByRole('definition').getByText('Ada', { exact: true }).waitFor()
		assert.deepEqual(tested, [right])
		await picture(page, 'first-credential-passed')
		assert.deepEqual(await violations(page), [])
	})

	it('nothing is said where the service has no test request', async () => {
		const refused = page.waitForResponse((response) => response.url().endsWith('/test'))
		await create('untested', 'No test', wrong)
		assert.equal((await refused).status(), 404)
		await taken()
		await said('Everything works')
		assert.equal(await page.getByRole('alert').count(), 0)
		assert.equal(await status().getByText(/test/i).count(), 1, 'the button alone')
		await picture(page, 'first-credential-untested')
	})

	it('while the service is silent the page can be used, and the button tests again', async () => {
		hangs = true
		const before = testsMade()
		await create('keyed', 'Slow', wrong)
		await eventually('the test', () => held.length === 1)
		await said('The credential is being tried at the service')
		await picture(page, 'first-credential-slow')
		assert.deepEqual(await violations(page), [])

		await button('Rename').click()
		await page.getByRole('dialog').getByLabel('Connection Name').fill('Slow indeed')
		await button('Save', page.getByRole('dialog')).click()
		await studio.heading('Slow indeed').waitFor()

		hangs = false
		await button('Test').click()
		await said('The test has failed')
		assert.equal(testsMade() - before, 2)
		const earlier = page.waitForResponse((response) => response.url().endsWith('/v1/connections/slow'))
		held[0](right)
		await earlier
		await taken()
		await said('The test has failed')
		assert.equal(await status().getByText('The test has passed').count(), 0, 'of the earlier one nothing is told')
	})

	it('what comes of one that was replaced meanwhile is no news', async () => {
		hangs = true
		held = []
		await create('keyed', 'Slow again', wrong)
		await eventually('the test', () => held.length === 1)
		assert.equal((await drawbridge.api('PUT', '/v1/connections/slow_again/credentials?force=true',
			{ api_key: right })).status, 200)
		const looked = page.waitForResponse((response) => response.url().endsWith('/v1/connections/slow_again'))
		held[0]()
		await looked
		await taken()
		await said('Everything works')
		await status().getByText('being tried').waitFor({ state: 'detached' })
		assert.equal(await status().getByText('The test has failed').count(), 0)
	})

	it('what comes late disturbs nobody who has gone elsewhere', async () => {
		hangs = true
		held = []
		await create('keyed', 'Left', wrong)
		await eventually('the test', () => held.length === 1)
		await page.getByRole('link', { name: '← All connections' }).click()
		await studio.heading('Data Retrieval Engine').waitFor()
		await page.getByRole('link', { name: 'Services' }).first().click()
		await page.locator('a[href="/services/keyed"]').first().click()
		await studio.heading('Test keyed').waitFor()
		await page.locator('a[href="/services/keyed/connect"]').first().click()
		await page.getByLabel('Connection Name').fill('Half typed')
		const looked = page.waitForResponse((response) => response.url().endsWith('/v1/connections/left'))
		held[0]()
		await looked
		await taken()
		assert.equal(await page.getByLabel('Connection Name').inputValue(), 'Half typed')
		assert.equal(await page.getByText('The test has failed').count(), 0)
		assert.deepEqual(studio.context.errors, [])
	})
})
