// SPDX-License-Identifier: Apache-2.0
/*
 * Replacing a key in the studio: one that the service does not take, or of which it does not tell, is said in the
 * dialog, which keeps what was typed; "Use it all the same" stores it.
 */
import assert from 'node:assert/strict'
import http from 'node:http'
import { before, it } from 'node:test'
import { openContext, picture, sizes, startChromium, violations } from '../support/chromium.mjs'
import { keyService } from '../support/definitions.mjs'
import { owner, startDrawbridge } from '../support/drawbridge.mjs'
import { listen } from '../support/http.mjs'
import { suite } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('replacing a credential, in the studio', (scope) => {
	let drawbridge, context, page, link, status = 401, last

	const button = (name, where = page) => where.getByRole('button', { name, exact: true })
	const dialog = () => page.getByRole('dialog')
	const carries = async (key) => {
		await drawbridge.via(link, '/work')
		assert.equal(last, key)
	}
	async function replaceWith(key) {
		await button('Replace the credential').click()
		await dialog().getByLabel('Key').fill(key)
		await button('Replace', dialog()).click()
	}

	before(async () => {
		const port = await listen(scope, http.createServer((request, response) => {
			last = request.headers['x-api-key']
			const answer = request.url === '/me' ? status : 200
			response.writeHead(answer, { 'content-type': 'application/json' })
			response.end(JSON.stringify(answer === 200 ? {} : { error: { message: 'Not a key of ours' } }))
		}))
		drawbridge = await startDrawbridge(scope)
		await addService(drawbridge, keyService('keyed', { url: `http://127.0.0.1:${port}`,
			base: { tests: [{ path: '/me' }] } }))
		;({ link_name: link } = await newConnection(drawbridge, 'keyed', { credentials: { api_key: 'old-key-5b1c90' } }))
		context = await openContext(await startChromium(scope))
		page = await context.newPage()
		await page.goto(`${drawbridge.publicUrl}/sign-in`)
		await page.getByLabel('E-mail address').fill(owner.email)
		await page.getByLabel('Password').fill(owner.password)
		await page.keyboard.press('Enter')
		await page.getByRole('heading', { name: 'Data Retrieval Engine' }).waitFor()
		await page.goto(`${drawbridge.publicUrl}/connections/${link}`)
	})

	it('one that is refused says why, and nothing is changed', async () => {
		await replaceWith('wrong-key-1b22')
		const alert = dialog().getByRole('alert')
		await alert.getByText('HTTP 401: "Not a key of ours"').waitFor()
		await button('Use it all the same', dialog()).waitFor()
		await picture(page, 'credential-refused')
		await page.setViewportSize(sizes.narrow)
		await picture(page, 'credential-refused-narrow')
		assert.deepEqual(await violations(page), [])
		assert.equal(await dialog().getByLabel('Key').inputValue(), 'wrong-key-1b22')
		await button('Cancel', dialog()).click()
		await carries('old-key-5b1c90')
	})

	it('one of which the service does not tell can be used all the same', async () => {
		status = 503
		await replaceWith('fresh-key-77d2')
		await dialog().getByText('The new credential could not be tested').waitFor()
		await button('Use it all the same', dialog()).click()
		await page.getByText('Saved.', { exact: true }).waitFor()
		assert.equal(await dialog().count(), 0)
		await carries('fresh-key-77d2')
	})

	it('one that passes is in use', async () => {
		status = 200
		await replaceWith('next-key-90aa')
		await dialog().waitFor({ state: 'detached' })
		await carries('next-key-90aa')
		assert.ok(!(await page.content()).includes('key-90aa'))
		assert.deepEqual(context.errors, [])
	})

	it('after a test, the page says at once how it stands', async () => {
		await page.setViewportSize(sizes.wide)
		await page.goto(`${drawbridge.publicUrl}/connections/${link}`)
		const card = page.getByRole('region', { name: 'Status' })
		status = 401
		await button('Test').click()
		await card.getByText('The test has failed').waitFor()
		await card.getByText('Degraded', { exact: true }).waitFor()
		assert.equal(await card.getByText('Everything works').count(), 0)
		await picture(page, 'test-failed')
		status = 200
		await button('Test').click()
		await card.getByText('The test has passed').waitFor()
		await card.getByText('Everything works').waitFor()
		assert.equal(await card.getByText('Degraded', { exact: true }).count(), 0)
	})

	it('the list offers no consent where there is none', async () => {
		await newConnection(drawbridge, 'keyed', { name: 'Own keys', per_user: true })
		await page.goto(`${drawbridge.publicUrl}/connections`)
		const row = page.getByRole('listitem').filter({ hasText: 'Own keys' })
		await row.getByText('Each user connects', { exact: true }).waitFor()
		assert.equal(await row.getByRole('button').count(), 0)
		assert.deepEqual(context.errors, [])
	})
})
