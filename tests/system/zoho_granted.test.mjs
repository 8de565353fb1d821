// SPDX-License-Identifier: Apache-2.0
/*
 * An account of another data centre takes the place of one, and the front dies when the keeper has the grant: calls go
 * where the new account is.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Browser } from '../support/browser.mjs'
import { startAuthority } from '../support/ca.mjs'
import { atCallback, connect, redirectUris, walkConsent } from '../support/consent.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { enterNamespace } from '../support/netns.mjs'
import { eventually, freePort, suite } from '../support/scope.mjs'
import { Steps } from '../support/steps.mjs'
import { newConnection } from '../support/worlds.mjs'
import { consentAtZoho, startZoho, zohoHosts } from '../support/zoho.mjs'

await enterNamespace(import.meta.url, { hosts: zohoHosts })

suite('a switch of data centre that the front does not live to see', (scope) => {
	it('shows the new centre and account, and calls go there', async () => {
		const authority = await startAuthority(scope)
		const port = await freePort()
		const steps = new Steps(scope)
		const zoho = await startZoho(scope, authority, { redirectUris: redirectUris(port) })
		const drawbridge = await startDrawbridge(scope, { port, caFile: authority.file, egress: ['127.0.0.0/24:443'],
			binary: steps.options.binary, env: { NODE_EXTRA_CA_CERTS: authority.file, ...steps.options.env } })
		process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
		await drawbridge.must('PUT', '/v1/services/zoho_desk/app', { client_id: zoho.app.client_id,
			client_secret: zoho.app.secrets.us })
		const at = (email) => (browser, page, options) => consentAtZoho(browser, page, { email, ...options })
		const { link_name: link } = await newConnection(drawbridge, 'zoho_desk')
		const former = await connect(drawbridge, link, at('ada@us.example'))
		assert.equal(former.data_centre, 'us')
		const browser = new Browser()
		const { url } = await walkConsent(drawbridge, link, at('eva@eu.example'), { browser, stop: atCallback })
		steps.set('1 kill front.granted')
		await browser.open(url).catch(() => undefined)
		await steps.reached('front.granted')
		await drawbridge.ready(60_000)
		const now = await eventually('the row to be told', async () => {
			const row = await drawbridge.connection(link)
			return row.data_centre === 'eu' && row
		}, { timeout: 10_000 })
		assert.equal(now.status, 'connected')
		assert.notEqual(now.account, former.account)
		assert.deepEqual(now.scopes_granted, former.scopes_granted)
		assert.equal((await drawbridge.via(link, '/api/v1/tickets')).status, 200)
		assert.equal(zoho.requests.at(-1).host, 'desk.zoho.eu')
	})
}, { timeout: 180_000 })
