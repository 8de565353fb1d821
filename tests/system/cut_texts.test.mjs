// SPDX-License-Identifier: Apache-2.0
/*
 * Words of others are cut to what a sentence has room for. Wherever the cut falls, also within a character of two, three
 * or four bytes, what was written can be read: answers, lists and the audit.
 */
import assert from 'node:assert/strict'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { Browser } from '../support/browser.mjs'
import { atCallback, connect, redirectUris, walkConsent } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { freePort, suite } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

/* Of 72 to 75 bytes. Whatever byte a cut is at, one of these has a character's middle there. */
const words = [0, 1, 2, 3].flatMap((pad) => ['é', '日', '🚲'].map((character) =>
	'x'.repeat(pad) + character.repeat(72 / Buffer.byteLength(character))))

suite('texts that are cut', (scope) => {
	let server, api, drawbridge, count = 0

	before(async () => {
		const port = await freePort()
		server = await startScripted(scope, { redirectUris: redirectUris(port, ...words.map((_, n) => `cut_${n}`), 'plain') })
		api = await startApi(scope, { check: (token) => server.accountOf(token) })
		drawbridge = await startDrawbridge(scope, { port })
		const plain = oauthService('plain', server, api, { refresh: { rotates: true }, method: { answer: { account: 'account' } } })
		delete plain.methods.oauth.revoke
		await addService(drawbridge, plain, server.client)
	})

	beforeEach(() => server.reset())

	const made = async (service = 'plain') =>
		(await newConnection(drawbridge, service, { name: `Cut ${++count}`, scopes: ['tickets.read'] })).link_name

	/* The connection, found in the list as well, and the newest record of it; the audit is whole. */
	async function look(link) {
		const connection = await drawbridge.must('GET', `/v1/connections/${link}`)
		const { items } = await drawbridge.must('GET', '/v1/connections?limit=200')
		assert.ok(items.some(({ link_name }) => link_name === link), 'in the list')
		const { status, stderr } = await drawbridge.cli(['audit', 'verify'])
		assert.equal(status, 0, stderr)
		const records = (await drawbridge.must('GET', '/v1/audit?limit=20')).items
		for (const { detail } of records)
			assert.ok(!detail.includes('cannot be read'), detail)
		return connection
	}

	const whole = (text) => assert.ok(text.isWellFormed() && !text.includes('\ufffd'), text)

	it('what a provider ends a consent with', async () => {
		for (const error of words) {
			const link = await made()
			const browser = new Browser()
			const { url } = await walkConsent(drawbridge, link, consentByItself, { browser, stop: atCallback })
			const back = new URL(url)
			back.searchParams.delete('code')
			back.searchParams.set('error', error)
			back.searchParams.set('error_description', error.repeat(3))
			const page = await browser.open(back)
			assert.match(page.text, /The provider ended the consent with/)
			whole(page.text)
			const { status, reason } = await look(link)
			assert.equal(status, 'not_connected')
			assert.match(reason, /ended the consent with/)
			whole(reason)
		}
	})

	it('the account that was connected before', async () => {
		for (const account of words) {
			const link = await made()
			server.answer = (body) => ({ ...body, account })
			await connect(drawbridge, link, consentByItself)
			server.answer = (body) => ({ ...body, account: 'bert' })
			await connect(drawbridge, link, consentByItself)
			const connection = await look(link)
			assert.equal(connection.account, 'bert')
			const [{ detail }] = (await drawbridge.must('GET', '/v1/audit?limit=1')).items
			assert.match(detail, /The access of .+, which was connected before, still exists/)
			whole(detail)
		}
	})

	it('what a definition says of a grant that has ended', async () => {
		for (const [n, word] of words.entries()) {
			const id = await addService(drawbridge, oauthService(`cut_${n}`, server, api, { refresh: { rotates: true },
				method: { errors: [{ when: { json: 'error', is: ['invalid_grant'] }, class: 'dead_grant', hint: word.repeat(3) }] } }),
			server.client)
			const link = await made(id)
			await connect(drawbridge, link, consentByItself)
			server.faults.on('token', { kind: 'status', status: 400, body: { error: 'invalid_grant', error_description: word } })
			const refused = await drawbridge.api('POST', `/v1/connections/${link}/refresh`)
			assert.equal(refused.status, 409, refused.text)
			whole(refused.text)
			const { status, reason } = await look(link)
			assert.equal(status, 'needs_reconnect')
			assert.match(reason, /Connect again/)
			whole(reason)
			server.reset()
		}
	})

	it('names that nobody has', async () => {
		const asked = [(name) => ['GET', `/v1/connections/${name}`], (name) => ['GET', `/v1/services/${name}`],
			(name) => ['DELETE', `/v1/services/${name}`], (name) => ['POST', `/v1/connections/${name}/test`],
			(name) => ['GET', `/v1/flows/${name}`], (name) => ['DELETE', `/v1/keys/${name}`]]
		for (const name of [...words.map(encodeURIComponent), '%FF%FE', '%C3'])
			for (const ask of asked) {
				const { status, text, json } = await drawbridge.api(...ask(name))
				assert.equal(status, 404, `${ask(name)}: ${text}`)
				assert.ok(json.detail, `${ask(name)}: ${text}`)
				assert.ok(text.isWellFormed())
			}
		await look(await made())
	})
})
