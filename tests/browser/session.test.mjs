// SPDX-License-Identifier: Apache-2.0
/*
 * A session that ends while somebody is at something: he signs in again over the page, and goes on with what he has
 * filled in. And what one page must not take over from another: a person, or what went wrong with another connection.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { picture, violations } from '../support/chromium.mjs'
import { redirectUris } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { owner, startDrawbridge } from '../support/drawbridge.mjs'
import { freePort, suite } from '../support/scope.mjs'
import { startScripted } from '../support/scripted.mjs'
import { startStudio } from '../support/studio.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('a session that ends, in the studio', (scope) => {
	let drawbridge, studio, context, page, button, heading
	const ada = { email: 'ada@example.org', password: 'a password of her own' }

	before(async () => {
		const port = await freePort()
		const server = await startScripted(scope, { redirectUris: redirectUris(port, 'scripted') })
		const api = await startApi(scope, { check: (token) => server.accountOf(token) })
		drawbridge = await startDrawbridge(scope, { port })
		await addService(drawbridge, oauthService('scripted', server, api), server.client)
		await newConnection(drawbridge, 'scripted', { name: 'First', scopes: ['tickets.read'] })
		await newConnection(drawbridge, 'scripted', { name: 'Second', scopes: ['tickets.read'] })
		await drawbridge.must('POST', '/v1/members', { ...ada, name: 'Ada', role: 'builder' })
		studio = await startStudio(scope, drawbridge)
		;({ context, page, button, heading } = studio)
	})

	const dialog = (name) => page.getByRole('dialog', { name })
	/* As after a day, or after signing out on another page. */
	const endSession = () => context.request.delete(`${drawbridge.publicUrl}/v1/session`,
		{ headers: { origin: drawbridge.publicUrl } })

	async function signInAgain() {
		await dialog('Sign in again').getByLabel('Password').fill(owner.password)
		await button('Sign in').click()
		await dialog('Sign in again').waitFor({ state: 'detached' })
	}

	it('a definition that was typed is still there, and is saved', async () => {
		await studio.open('/custom-service')
		const text = page.getByLabel('Definition')
		const typed = (await text.inputValue()).replace('My service', 'Typed for an hour')
		await text.fill(typed)
		await endSession()
		await button('Save the service').click()
		await dialog('Sign in again').waitFor()
		assert.deepEqual(await violations(page), [])
		await picture(page, 'signed-out')
		await dialog('Sign in again').getByLabel('Password').fill('not the password')
		await button('Sign in').click()
		await dialog('Sign in again').getByRole('alert').waitFor()
		await page.keyboard.press('Escape')
		await page.getByRole('alert').filter({ hasText: 'You are signed out' }).waitFor()
		assert.equal(await text.inputValue(), typed)
		await button('Save the service').click()
		await signInAgain()
		await heading('Typed for an hour').waitFor()
	})

	it('over a dialog as well, which goes on', async () => {
		await studio.open('/connections/first')
		await button('Rename').click()
		await dialog('Rename the connection').getByLabel('Connection Name').fill('First of all')
		await endSession()
		await button('Save').click()
		await signInAgain()
		await heading('First of all').waitFor()
		assert.equal(await page.getByRole('dialog').count(), 0)
	})

	it('a consent that was given meanwhile is seen', async () => {
		const [popup] = await Promise.all([page.waitForEvent('popup'), button('Connect').click()])
		await popup.getByRole('heading', { name: /^Connect / }).waitFor()
		await endSession()
		await dialog('Sign in again').waitFor()
		await button('Connect', popup).click()
		await signInAgain()
		await page.getByText('Connected', { exact: true }).first().waitFor()
		await page.getByRole('dialog').waitFor({ state: 'detached' })
	})

	it('the waiting ends when nobody signs in again', async () => {
		const [popup] = await Promise.all([page.waitForEvent('popup'), button('Reconnect').click()])
		await popup.close()
		await endSession()
		await dialog('Sign in again').waitFor()
		await page.keyboard.press('Escape')
		await page.getByRole('dialog', { name: /^Connecting/ }).waitFor({ state: 'detached' })
		await signInAgain() /* the page itself asks */
		await page.getByRole('alert').filter({ hasText: 'You are signed out' }).waitFor()
	})

	it('a session that has ended is signed out of without signing in', async () => {
		await endSession()
		await button('Sign out').click()
		await heading('Sign in to Drawbridge').waitFor()
		assert.equal(await page.getByRole('dialog').count(), 0)
		await studio.signIn(page)
		await heading('Data Retrieval Engine').waitFor()
	})

	it('a dialog goes with its page, and what it ended with says nothing of another connection', async () => {
		await page.getByRole('link', { name: 'Second', exact: true }).click()
		await heading('Second').waitFor()
		const [popup] = await Promise.all([page.waitForEvent('popup'), button('Connect').click()])
		await page.getByRole('dialog').waitFor()
		await page.goBack()
		await heading('Data Retrieval Engine').waitFor()
		await page.getByRole('dialog').waitFor({ state: 'detached' })
		await page.getByRole('link', { name: 'First of all', exact: true }).click()
		await heading('First of all').waitFor()
		assert.equal(await page.getByRole('alert').count(), 0)
		await popup.close()
	})

	it('who has signed in on another page is who this one shows', async () => {
		const other = await context.newPage()
		await studio.open('/connections', other)
		await button('Sign out', other).click()
		await studio.signIn(other, ada)
		await heading('Data Retrieval Engine', other).waitFor()
		await page.getByRole('link', { name: 'Your account, ada@example.org' }).waitFor()
		await heading('This page cannot be shown').waitFor() /* it is nobody's but the owner's */
		assert.equal(await heading('First of all').count(), 0)
		await other.close()
	})

	it('had no error of a script on its way', () => {
		assert.deepEqual(context.errors, [])
	})
}, { timeout: 180_000 })
