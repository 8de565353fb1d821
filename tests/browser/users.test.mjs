// SPDX-License-Identifier: Apache-2.0
/*
 * A connection that each user connects for themselves, in the studio: who needs attention is told in the list and on
 * its page, page by page, with keyboard, dark and light, wide and narrow. The users are put into the database, since
 * nobody waits a week for an access to end.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, it } from 'node:test'
import { openContext, picture, sizes, startChromium, violations } from '../support/chromium.mjs'
import { binary, owner, startDrawbridge } from '../support/drawbridge.mjs'
import { mustRun } from '../support/process.mjs'
import { suite } from '../support/scope.mjs'

suite('users of a connection in the studio', (scope) => {
	let drawbridge, browser, context, page

	const button = (name) => page.getByRole('button', { name, exact: true })
	const card = () => page.getByRole('region', { name: 'Users', exact: true })
	const open = async (path) => {
		await page.goto(drawbridge.publicUrl + path)
		await page.locator('main h1').first().waitFor()
	}
	const own = (name) => mustRun(binary, ['connection', 'create', name, '--service', 'practice_desk', '--per-user',
		'--data', drawbridge.data])
	const sql = (text) => mustRun('sqlite3', [join(drawbridge.data, 'store/drawbridge.db'), '.timeout 5000', text])
	const days = (n) => Date.now() + n * 864e5

	/* values: by the columns of connection_users */
	const put = (link, subject, values) => {
		const all = { subject, account: `${subject}@desk.example`, connected_at: days(-3), ...values }
		const literal = (value) => (typeof value === 'number' ? String(Math.round(value)) : `'${value}'`)
		return `INSERT INTO connection_users (connection, ${Object.keys(all).join(', ')}) SELECT id, ${
			Object.values(all).map(literal).join(', ')} FROM connections WHERE link_name = '${link}';`
	}

	before(async () => {
		drawbridge = await startDrawbridge(scope)
		for (const name of ['Team desk', 'Quiet desk', 'Empty desk'])
			await own(name)
		const { id } = await drawbridge.must('POST', '/v1/members', { email: 'ada@example.org', name: 'Ada Example', role: 'builder' })
		const well = Array.from({ length: 35 }, (_, n) => put('team_desk', `v_${String(n).padStart(3, '0')}`,
			{ status: 'connected' }))
		await sql([...well,
			put('team_desk', id, { status: 'needs_reconnect', account: 'ada@desk.example',
				reason: 'The provider does not renew the access: invalid_grant. Connect again.' }),
			put('team_desk', 'v_100', { status: 'needs_reconnect', reason: 'The access has ended. Connect again.' }),
			put('team_desk', 'v_101', { status: 'revoked', reason: 'The access was revoked.' }),
			put('team_desk', 'v_102', { status: 'connected', health: 'degraded', health_since: days(-1), retry_at: days(0.01),
				health_reason: 'The service says that a scope is missing, tickets.write: edit the scopes, and connect again.' }),
			put('team_desk', 'v_103', { status: 'connected', ends_at: days(3), ends_why: 'total_life' }),
			put('team_desk', 'v_104', { status: 'connected', ends_at: days(30), ends_why: 'total_life' }),
			put('quiet_desk', 'v_200', { status: 'connected' })].join(''))
		browser = await startChromium(scope)
		context = await openContext(browser)
		page = await context.newPage()
		await page.goto(`${drawbridge.publicUrl}/sign-in`)
		await page.getByLabel('E-mail address').fill(owner.email)
		await page.getByLabel('Password').fill(owner.password)
		await page.keyboard.press('Enter')
		await page.getByRole('heading', { name: 'Data Retrieval Engine' }).waitFor()
	})

	it('the list says how many of how many users need to connect again, and nothing where nobody does', async () => {
		await open('/connections')
		const row = (name) => page.getByRole('listitem').filter({ hasText: name })
		await row('Team desk').getByText('3 of 41 users need to connect again, 1 is degraded, 1 loses access within a week').waitFor()
		await row('Team desk').getByText('Users need attention').waitFor()
		for (const name of ['Quiet desk', 'Empty desk'])
			assert.equal(await row(name).getByText('attention').count(), 0)
		assert.equal(await page.getByText('Not connected').count(), 0)
		await picture(page, 'users-list')
	})

	it('its page lists those first who need attention, with the reason of each', async () => {
		await page.getByRole('link', { name: 'Team desk' }).click()
		await page.getByText('Each user connects an account of their own').waitFor()
		await card().getByText('3 of 41 users need to connect again').waitFor()
		const row = (text) => card().getByRole('row').filter({ hasText: text })
		assert.equal(await card().getByRole('row').count(), 1 + 5)
		assert.match(await row('Ada Example').textContent(), /ada@example\.org.*Needs reconnect.*invalid_grant.*ada@desk/s)
		assert.match(await row('v_101@').textContent(), /A visitor.*Revoked/s)
		assert.match(await row('v_102@').textContent(), /Degraded.*tickets\.write.*Since yesterday, tried again in/s)
		assert.match(await row('v_103@').textContent(), /Ends soon.*Access ends in 3 days/s)
		assert.equal(await card().getByRole('button', { name: 'Next users' }).isVisible(), false, 'one page is all')
		await picture(page, 'users-attention')
	})

	it('all of them are shown page by page, by keyboard', async () => {
		const all = button('All (41)')
		await all.focus()
		await page.keyboard.press('Enter')
		await card().getByText('1 to 25 of 41').waitFor()
		assert.equal(await all.getAttribute('aria-pressed'), 'true')
		assert.equal(await button('Need attention (5)').getAttribute('aria-pressed'), 'false')
		await button('Next users').focus()
		await page.keyboard.press('Enter')
		await card().getByText('26 to 41 of 41').waitFor()
		assert.equal(await card().getByRole('row').count(), 1 + 16)
		assert.equal(await button('Next users').isDisabled(), true)
		assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Previous users')
		await picture(page, 'users-page')
		await page.keyboard.press('Enter')
		await card().getByText('1 to 25 of 41').waitFor()
		assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Next users')
	})

	it('says so when there is nobody, and has no filter where nobody needs attention', async () => {
		await open('/connections/empty_desk')
		await card().getByText('Nobody has connected an account yet').waitFor()
		await picture(page, 'users-empty')
		await open('/connections/quiet_desk')
		await card().getByText('v_200@desk.example').waitFor()
		assert.equal(await card().getByRole('button', { name: /^All/ }).count(), 0)
	})

	it('shows no subject of a visitor', async () => {
		await open('/connections/quiet_desk')
		await sql("UPDATE connection_users SET account = '' WHERE subject = 'v_200'")
		await button('Refresh').click()
		await card().getByText('A visitor').waitFor()
		await card().getByText('–').waitFor()
		assert.ok(!(await page.content()).includes('v_200'))
	})

	it('a user is removed after a question, and my own account disconnected', async () => {
		const { member: id } = await drawbridge.must('GET', '/v1/me')
		await sql(put('quiet_desk', id, { status: 'connected', account: 'me@desk.example' }))
		await open('/connections/quiet_desk')
		await page.getByText('Yours, me@desk.example, is connected.').waitFor()
		await picture(page, 'users-own')
		await button('Remove A visitor').click()
		const dialog = page.getByRole('dialog')
		await dialog.getByText('Their account is disconnected from Quiet desk').waitFor()
		await dialog.getByRole('button', { name: 'Cancel' }).click()
		assert.equal(await card().getByText('A visitor').count(), 1)
		await button('Remove A visitor').click()
		await dialog.getByRole('button', { name: 'Remove' }).click()
		await page.getByText('The account is disconnected. It is being revoked').waitFor()
		assert.equal(await card().getByText('A visitor').count(), 0)
		await button('Disconnect my account').click()
		await picture(page, 'users-leave')
		await dialog.getByRole('button', { name: 'Disconnect' }).click()
		await page.getByText('Your account is disconnected. It is being revoked').waitFor()
		await page.getByText('Press Connect for yours.').waitFor()
		await card().getByText('Nobody has connected an account yet').waitFor()
		assert.equal(await button('Disconnect my account').count(), 0)
	})

	it('had no error of a script and no breach of the policy on its way', () => {
		assert.deepEqual(context.errors, [])
	})

	for (const colorScheme of ['light', 'dark']) {
		for (const [size, viewport] of Object.entries(sizes)) {
			it(`satisfies axe, ${colorScheme} and ${size}`, async () => {
				const judged = await openContext(browser, { colorScheme, viewport, bypassCSP: true,
					storageState: await context.storageState() })
				const tab = await judged.newPage()
				const found = {}
				for (const name of ['connections', 'connections/team_desk', 'connections/empty_desk']) {
					await tab.goto(`${drawbridge.publicUrl}/${name}`)
					await tab.locator('main h1').first().waitFor()
					const wrong = await violations(tab)
					const spare = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth)
					if (spare > 0)
						wrong.push(`the page is ${spare} pixels wider than the window`)
					if (wrong.length > 0)
						found[name] = wrong
					await picture(tab, `users-${colorScheme}-${size}-${name.replace('/', '-')}`)
				}
				await judged.close()
				assert.deepEqual(found, {})
			})
		}
	}
}, { timeout: 300_000 })
