// SPDX-License-Identifier: Apache-2.0
/*
 * Revoking in the studio where the provider then ends every access of the account: the question says so, and so does
 * what is said after; where it ends one alone, neither does.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, it } from 'node:test'
import { openContext, startChromium } from '../support/chromium.mjs'
import { startApi } from '../support/api.mjs'
import { connect, redirectUris } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { owner, startDrawbridge } from '../support/drawbridge.mjs'
import { mustRun } from '../support/process.mjs'
import { freePort, suite } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('revoking what takes more with it, in the studio', (scope) => {
	let drawbridge, page
	const links = {}

	const button = (name, where = page) => where.getByRole('button', { name, exact: true })
	const asked = async (link, what) => {
		await page.goto(`${drawbridge.publicUrl}/connections/${link}`)
		await button(what).click()
		return page.getByRole('dialog').textContent()
	}

	before(async () => {
		const port = await freePort()
		const server = await startScripted(scope, { redirectUris: redirectUris(port, 'takes_all', 'takes_one') })
		const api = await startApi(scope)
		drawbridge = await startDrawbridge(scope, { port })
		for (const [id, all] of [['takes_all', true], ['takes_one', false]]) {
			const definition = oauthService(id, server, api)
			definition.methods.oauth.revoke.takes_all = all
			await addService(drawbridge, definition, server.client)
			;({ link_name: links[id] } = await newConnection(drawbridge, id, { scopes: ['tickets.read'] }))
			await connect(drawbridge, links[id], consentByItself)
		}
		page = await (await openContext(await startChromium(scope))).newPage()
		await page.goto(`${drawbridge.publicUrl}/sign-in`)
		await page.getByLabel('E-mail address').fill(owner.email)
		await page.getByLabel('Password').fill(owner.password)
		await page.keyboard.press('Enter')
		await page.getByRole('heading', { name: 'Data Retrieval Engine' }).waitFor()
	})

	it('the questions say what else ends', async () => {
		for (const what of ['Delete', 'Revoke'])
			assert.match(await asked(links.takes_all, what), /other connections of that account have to be connected again/)
		await button('Revoke', page.getByRole('dialog')).click()
		await page.getByText(/confirmed it\. The provider has ended every access .* have to be connected again\./).waitFor()
	})

	it('so they do where a user is removed by who manages the connection', async () => {
		for (const [id, expected] of [['takes_all', /other connections of that account have to be connected again/],
			['takes_one', /end the grant\. They can connect again\.$/]]) {
			const { link_name: link } = await newConnection(drawbridge, id, { scopes: ['tickets.read'], per_user: true })
			await mustRun('sqlite3', [join(drawbridge.data, 'store/drawbridge.db'), '.timeout 5000', `INSERT INTO connection_users (
				connection, subject, status, account, connected_at) SELECT id, 'v_1', 'connected', 'ada', 1 FROM connections
				WHERE link_name = '${link}';`])
			await page.goto(`${drawbridge.publicUrl}/connections/${link}`)
			await button('Remove A visitor').click()
			assert.match(await page.getByRole('dialog').locator('p').first().textContent(), expected)
			await button('Remove', page.getByRole('dialog')).click()
			await page.getByText(id === 'takes_all' ? /^The account is disconnected\. .*other connections of the same account have to/
				: 'The account is disconnected. It is being revoked at the provider.').waitFor()
		}
	})

	it('where it ends one alone, nothing is said of others', async () => {
		for (const what of ['Delete', 'Revoke'])
			assert.doesNotMatch(await asked(links.takes_one, what), /other connections/)
		await button('Revoke', page.getByRole('dialog')).click()
		await page.getByText('Revoked, and the service has confirmed it.', { exact: true }).waitFor()
	})
})
