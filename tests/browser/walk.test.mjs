// SPDX-License-Identifier: Apache-2.0
/*
 * The walk through the studio in a real browser, beginning with an empty data folder: the owner's setup link, Create
 * and Connect, Connect and Accept in the pop-up, Refresh, Test, a key, a call with it. Then every page once more, dark
 * and light, wide and narrow, before axe.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { openContext, picture, sizes, startChromium, violations } from '../support/chromium.mjs'
import { binary, startDrawbridge } from '../support/drawbridge.mjs'
import { mustRun, startProcess } from '../support/process.mjs'
import { eventually, freePort, suite, temporaryFolder } from '../support/scope.mjs'

const owner = { email: 'owner@example.org', password: 'correct horse battery staple' }
const connectionName = 'ZohoDesk_TicketReader'
const link = 'zohodesk_ticketreader'

suite('the studio in a browser', (scope) => {
	let drawbridge, practice, browser, context, page, key

	const button = (name, where = page) => where.getByRole('button', { name, exact: true })
	const heading = (name, where = page) => where.getByRole('heading', { name, level: 1 })
	/* a dialog gives it back a moment after it is closed */
	const focusOn = (text) => page.waitForFunction((text) => document.activeElement.textContent === text, text)
	const open = (path) => page.goto(drawbridge.publicUrl + path)

	it('starts with nobody in it', async () => {
		practice = await freePort()
		startProcess(scope, binary, ['practice', '--port', String(practice)])
		drawbridge = await startDrawbridge(scope, { data: temporaryFolder(scope, 'drawbridge-browser') })
		browser = await startChromium(scope)
		context = await openContext(browser)
		page = await context.newPage()
	})

	it('tells who cannot sign in yet where the setup link is', async () => {
		await open('/connections')
		await heading('Sign in to Drawbridge').waitFor()
		await page.getByText('Nobody can sign in yet?').click()
		await page.getByText('Its log holds a link').waitFor()
		await picture(page, 'sign-in')
	})

	it('makes the owner by the link in its log', async () => {
		const [setup] = await eventually('the setup link', () => /https?:\/\/\S+\/setup\/[\w-]+/.exec(drawbridge.log))
		await page.goto(setup)
		await picture(page, 'setup')
		await page.getByLabel('E-mail address').fill(owner.email)
		await page.getByLabel('Password').evaluate((input) => input.removeAttribute('minlength'))
		await page.getByLabel('Password').fill('short')
		await button('Become the owner').click()
		await page.getByRole('alert').waitFor()
		assert.equal(await page.getByLabel('E-mail address').inputValue(), owner.email)
		await page.getByLabel('Password').fill(owner.password)
		await button('Become the owner').click()
		await heading('Sign in to Drawbridge').waitFor()
	})

	it('refuses a wrong password in words, and takes the right one', async () => {
		await page.getByLabel('E-mail address').fill(owner.email)
		await page.getByLabel('Password').fill('not the password')
		await button('Sign in').click()
		await page.getByRole('alert').waitFor()
		await page.getByLabel('Password').fill(owner.password)
		await page.keyboard.press('Enter')
		await heading('Data Retrieval Engine').waitFor()
		await page.getByText('No connection yet').waitFor()
		await picture(page, 'empty')
	})

	it('registers the OAuth app of a service', async () => {
		await page.getByRole('link', { name: 'Services' }).click()
		await page.getByRole('link', { name: 'Practice Desk', exact: true }).click()
		await heading('Practice Desk').waitFor()
		await page.getByText('No app yet').waitFor()
		assert.equal(await page.getByLabel('the redirect URI', { exact: true }).textContent(), `${drawbridge.publicUrl}/oauth/callback`)
		await page.getByLabel('Client id').fill('practice-client')
		await page.getByLabel('Client secret').fill('practice-secret')
		await page.getByLabel('Port').fill(String(practice))
		await button('Save the app').click()
		await button('Replace the app').waitFor()
		assert.equal(await page.getByLabel('Client secret').inputValue(), '')
		await picture(page, 'service')
	})

	/* Sends of the app that reach the server from now on. */
	function sentApps() {
		const sent = []
		page.on('request', (request) => request.method() === 'PUT' && sent.push(request.postDataJSON()))
		return sent
	}

	it('never replaces an app by one without a secret unless that is said', async () => {
		const sent = sentApps()
		assert.equal(await page.getByLabel('Client id').inputValue(), 'practice-client')
		assert.equal(await page.getByLabel('Port').inputValue(), '', 'nobody knows what was set: it is asked for')
		await page.getByLabel('Port').fill(String(practice))
		await button('Replace the app').click()
		assert.equal(await page.getByLabel('Client secret').evaluate((input) => input.validity.valueMissing), true)
		assert.deepEqual(sent, [])
		await page.getByLabel('This app has no secret').check()
		assert.equal(await page.getByLabel('Client secret').isDisabled(), true)
		await button('Replace the app').click()
		await page.getByText('The app is saved.').waitFor()
		assert.deepEqual(sent.map((app) => [app.client_id, 'client_secret' in app]), [['practice-client', false]])
		await page.getByLabel('Client secret').fill('practice-secret')
		await page.getByLabel('Port').fill(String(practice))
		await button('Replace the app').click()
		await eventually('to be sent', () => sent[1]?.client_secret === 'practice-secret')
	})

	it('replaces the app of the data centre that stands there, and no other', async () => {
		await open('/services/zoho_desk')
		await page.getByLabel('Data centre').selectOption('eu')
		await page.getByLabel('Client id').fill('1000.EUROPE')
		await page.getByLabel('Client secret').fill('secret of Europe')
		await button('Save the app').click()
		await button('Replace the app').waitFor()
		assert.deepEqual([await page.getByLabel('Data centre').inputValue(), await page.getByLabel('Client id').inputValue()],
			['eu', '1000.EUROPE'])
		await page.getByLabel('Data centre').selectOption('Every data centre')
		assert.equal(await page.getByLabel('Client id').inputValue(), '')
		await button('Save the app').waitFor()
		await page.getByLabel('Data centre').selectOption('eu')
		assert.equal(await page.getByLabel('Client id').inputValue(), '1000.EUROPE')
		await picture(page, 'app-of-a-centre')
	})

	/* From the list to the pop-up, which it gives. */
	async function createAndConnect(name) {
		await open('/connections')
		await page.getByRole('link', { name: 'Create Connection' }).first().click()
		await page.getByRole('searchbox', { name: 'Search services' }).fill('practice')
		await page.getByRole('link', { name: 'Connect Practice Desk' }).click()
		await page.getByLabel('Connection Name').fill(name)
		await page.getByLabel('Port').fill(String(practice))
		const popup = page.waitForEvent('popup')
		await button('Create and Connect').click()
		return popup
	}

	it('says what is wrong with a link name at its field', async () => {
		await open('/services/practice_desk/connect')
		await page.getByLabel('Connection Name').fill('Any')
		await page.getByLabel('Link name').evaluate((input) => input.removeAttribute('pattern'))
		await page.getByLabel('Link name').fill('Not A Link')
		await button('Create and Connect').click()
		await page.locator('[aria-invalid=true]').waitFor()
		assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-invalid')), 'true')
	})

	it('creates and connects, with Connect and Accept in a pop-up', async () => {
		await open('/services/practice_desk/connect')
		await page.getByLabel('Connection Name').fill(connectionName)
		assert.equal(await page.getByLabel('Link name').inputValue(), link)
		await picture(page, 'create')
		const popup = await createAndConnect(connectionName)
		await heading('Connect Practice Desk', popup).waitFor()
		await picture(popup, 'consent')
		await picture(page, 'waiting')
		await button('Connect', popup).click()
		await button('Accept', popup).waitFor()
		assert.equal(await popup.evaluate(() => window.opener), null, 'the provider\'s page cannot reach the studio')
		const closed = popup.waitForEvent('close')
		await button('Accept', popup).click()
		await closed
		await heading(connectionName).waitFor()
		await page.getByText('Connected', { exact: true }).first().waitFor()
		assert.equal(new URL(page.url()).pathname, `/connections/${link}`)
	})

	it('shows another page’s connection after Refresh', async () => {
		await open('/connections')
		await heading('Data Retrieval Engine').waitFor()
		await mustRun(binary, ['connection', 'create', 'Made elsewhere', '--service', 'practice_desk', '--data',
			drawbridge.data])
		assert.equal(await page.getByRole('link', { name: 'Made elsewhere' }).count(), 0)
		await button('Refresh').click()
		await page.getByRole('link', { name: 'Made elsewhere' }).waitFor()
		const row = page.getByRole('listitem').filter({ hasText: link })
		await row.getByText('Connected', { exact: true }).waitFor()
		await picture(page, 'list')
	})

	it('ends a refused consent in a clear message and a Not connected connection', async () => {
		const popup = await createAndConnect('Refused')
		await button('Connect', popup).click()
		await button('Reject', popup).click()
		await heading('Refused').waitFor()
		await page.getByRole('alert').filter({ hasText: 'Not connected' }).waitFor()
		await button('Connect').waitFor()
		await picture(popup, 'refused-popup')
		await picture(page, 'refused')
		await popup.close()
	})

	it('says so when the pop-up is closed, and can stop waiting or begin again', async () => {
		await open('/connections/made_elsewhere')
		const first = page.waitForEvent('popup')
		await button('Connect').click()
		await (await first).close()
		await page.getByRole('dialog').getByText('The window is closed').waitFor()
		const second = page.waitForEvent('popup')
		await button('Try again').click()
		await heading('Connect Practice Desk', await second).waitFor()
		const closed = (await second).waitForEvent('close')
		const third = page.waitForEvent('popup')
		await button('Try again').click()
		await heading('Connect Practice Desk', await third).waitFor()
		await closed /* its link was spent */
		await (await third).close()
		await button('Cancel').click()
		await page.getByRole('alert').filter({ hasText: 'You stopped waiting' }).waitFor()
		await button('Connect').waitFor()
	})

	it('tests a connection', async () => {
		await open(`/connections/${link}`)
		await button('Test').click()
		await page.getByText('The test has passed').waitFor()
	})

	it('takes no half answer for one: it says so, and shows the page when asked again', async () => {
		for (const of of ['connections', 'services']) {
			await page.route(`**/v1/${of}/*`, (route) => route.fulfill({ contentType: 'application/json', body: '{"name":"Half' }),
				{ times: 1 })
			await open(`/connections/${link}`)
			if (of === 'connections') {
				await page.getByRole('alert').filter({ hasText: 'did not get through' }).waitFor()
				await button('Try again').click()
			}
			await heading(connectionName).waitFor()
		}
	})

	it('keeps the keyboard in a dialog, and gives it back', async () => {
		await button('Rename').focus()
		await page.keyboard.press('Enter')
		const name = page.getByRole('dialog').getByLabel('Connection Name')
		await eventually('focus in the field', () => name.evaluate((input) => input === document.activeElement))
		await page.keyboard.press('Escape')
		await page.getByRole('dialog').waitFor({ state: 'detached' })
		await focusOn('Rename')
		await page.keyboard.press('Enter')
		await name.fill('Ticket reader')
		await page.keyboard.press('Enter')
		await heading('Ticket reader').waitFor()
		await focusOn('Rename')
	})

	it('makes no key for all connections because their list did not come', async () => {
		await page.getByRole('link', { name: 'Keys', exact: true }).first().click()
		await heading('Keys').waitFor()
		await page.route('**/v1/connections?*', (route) => route.abort(), { times: 1 })
		await button('Create a key').click()
		await page.getByRole('alert').filter({ hasText: 'Drawbridge cannot be reached' }).waitFor()
		assert.equal(await page.getByRole('dialog').count(), 0)
		await picture(page, 'key-no-list')
	})

	it('opens one dialog, however often it is pressed', async () => {
		await button('Create a key').dblclick()
		await page.getByRole('dialog').waitFor()
		assert.equal(await page.getByRole('dialog').count(), 1)
		assert.equal(await page.getByRole('alert').count(), 0)
		await button('Cancel').click()
	})

	it('offers a viewer no key that he may not make', async () => {
		await drawbridge.cli(['member', 'add', 'vi@example.org', '--role', 'viewer', '--password-stdin'],
			{ stdin: 'a password for looking\n' })
		const its = await openContext(browser)
		const tab = await its.newPage()
		await tab.goto(`${drawbridge.publicUrl}/sign-in?next=/keys`)
		await tab.getByLabel('E-mail address').fill('vi@example.org')
		await tab.getByLabel('Password').fill('a password for looking')
		await tab.keyboard.press('Enter')
		await button('Create a key', tab).click()
		assert.deepEqual(await tab.getByLabel('Role').locator('option').evaluateAll((all) => all.map(({ value }) => value)), ['viewer'])
		assert.equal(await tab.getByRole('group', { name: /Connections/ }).count(), 0)
		await tab.getByLabel('Name', { exact: true }).fill('For looking')
		await button('Create', tab).click()
		await tab.getByText('For looking is made.').waitFor()
		assert.deepEqual(its.errors, [])
		await its.close()
	})

	it('makes a caller key, and shows it once', async () => {
		await page.getByRole('link', { name: 'Keys', exact: true }).first().click()
		await button('Create a key').click()
		await page.getByLabel('Name', { exact: true }).fill('Ticket bot')
		await page.getByLabel('Ticket reader').check()
		await button('Create').click()
		key = await page.getByLabel('the key', { exact: true }).textContent()
		assert.match(key, /^dbk_[\w-]{43}$/)
		await picture(page, 'key')
		await button('Done').click()
		await page.getByRole('row', { name: /Ticket bot.*In force/ }).waitFor()
		assert.ok(!(await page.content()).includes(key))
	})

	it('lets a program call with that key, and lists the call', async () => {
		const answer = await drawbridge.via(link, '/api/v1/tickets/search?ticketNumber=101', { key })
		assert.equal(answer.status, 200, answer.text)
		assert.equal(answer.json.data[0].ticketNumber, '101')
		await open(`/connections/${link}`)
		await eventually('the call in the list', async () => {
			await button('Refresh').click()
			return page.getByText('GET /api/v1/tickets/search').count()
		}, { every: 300 })
		await page.getByText('Ticket bot').waitFor()
	})

	it('disables and enables, and asks before it revokes', async () => {
		await button('Disable').click()
		await button('Enable').waitFor()
		await focusOn('Ticket reader') /* the button is gone: it is on the heading */
		await button('Enable').click()
		await button('Revoke').click()
		await button('Cancel', page.getByRole('dialog')).click()
		await button('Test').waitFor()
		await focusOn('Revoke')
	})

	it('tells place by place what is wrong with a definition', async () => {
		await open('/services')
		await page.getByRole('link', { name: 'Add a service of your own' }).click()
		const text = page.getByLabel('Definition')
		const good = await text.inputValue()
		await text.fill(good.replace('"api_key",', '"no_such_kind",'))
		await button('Save the service').click()
		await page.getByRole('alert').filter({ hasText: '/methods/key' }).waitFor()
		await picture(page, 'definition')
		await text.fill(good)
		await button('Save the service').click()
		await heading('My service').waitFor()
	})

	it('takes a credential in a field that nobody can read back', async () => {
		await page.getByRole('link', { name: 'Create Connection' }).click()
		await page.getByLabel('Connection Name').fill('Own key')
		await page.getByLabel('API key').fill('very-secret-value')
		await button('Create and Connect').click()
		await heading('Own key').waitFor()
		await page.getByText('Connected', { exact: true }).first().waitFor()
		assert.ok(!(await page.content()).includes('very-secret-value'))
		await button('Delete').click()
		const dialog = page.getByRole('dialog')
		await dialog.getByText('A key or password cannot be revoked from here: change or delete it at the service.').waitFor()
		await button('Delete', dialog).click()
		await page.getByText('Made elsewhere').waitFor()
		await page.getByRole('dialog', { name: 'Own key is deleted' }).waitFor()
		await dialog.getByText('change or delete it at the service.').waitFor()
		await picture(page, 'deleted')
		assert.deepEqual(await violations(page), [])
		await button('OK', dialog).click()
		await heading('Data Retrieval Engine').waitFor()
		await page.getByText('Own key').waitFor({ state: 'detached' })
	})

	it('had no error of a script and no breach of the policy on its way', () => {
		assert.deepEqual(context.errors, [])
	})

	/* behind a #: the button that opens a dialog */
	const pages = { connections: '/connections', connection: `/connections/${link}`, services: '/services',
		service: '/services/practice_desk', connect: '/services/zoho_desk/connect', key: '/services/stripe/connect',
		rename: `/connections/${link}#Rename`, share: `/connections/${link}#Share`, custom: '/custom-service',
		keys: '/keys', account: '/account', missing: '/connections/no_such_link',
		'sign-in': '/sign-in' }

	for (const colorScheme of ['light', 'dark']) {
		for (const [size, viewport] of Object.entries(sizes)) {
			it(`satisfies axe on every page, ${colorScheme} and ${size}`, async () => {
				const judged = await openContext(browser, { colorScheme, viewport, bypassCSP: true,
					storageState: await context.storageState() })
				const tab = await judged.newPage()
				const found = {}
				const consent = JSON.parse(await mustRun(binary, ['connection', 'authorize', 'made_elsewhere', '--json',
					'--data', drawbridge.data])).authorize_url
				for (const [name, path] of Object.entries({ ...pages, consent })) {
					const url = new URL(path, drawbridge.publicUrl)
					const dialog = url.hash.slice(1)
					url.hash = ''
					await tab.goto(url.href)
					await tab.locator('main h1').first().waitFor()
					if (dialog)
						await button(dialog, tab).click()
					const wrong = await violations(tab)
					const spare = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth)
					if (spare > 0)
						wrong.push(`the page is ${spare} pixels wider than the window`)
					if (wrong.length > 0)
						found[name] = wrong
					await picture(tab, `${colorScheme}-${size}-${name}`)
				}
				await judged.close()
				assert.deepEqual(found, {})
			})
		}
	}

	it('changes the password, which ends the session', async () => {
		await open('/account')
		await page.getByLabel('Present password').fill(owner.password)
		await page.getByLabel('New password', { exact: true }).fill('another good password')
		await page.getByLabel('New password, once more').fill('another good password')
		await button('Change the password').click()
		await heading('Sign in to Drawbridge').waitFor()
		await page.getByLabel('E-mail address').fill(owner.email)
		await page.getByLabel('Password').fill('another good password')
		await button('Sign in').click()
		await heading('Data Retrieval Engine').waitFor()
		await button('Sign out').click()
		await heading('Sign in to Drawbridge').waitFor()
	})
}, { timeout: 600_000 }) /* axe looks at 60 pages */
