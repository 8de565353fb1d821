// SPDX-License-Identifier: Apache-2.0
/*
 * The chat widget on a page of another site, under that site's strict policy: conversations by mouse and by keyboard,
 * reloads, a server that goes and comes, hostile texts and sheets, and every state before axe.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { openContext, picture, sizes, startChromium, violations } from '../support/chromium.mjs'
import { keyService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { startHostPage } from '../support/hostpage.mjs'
import { eventually, suite } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const start = (next) => ({ id: 'start', type: 'start', paths: { next } })
const evil = '<img src=x onerror="document.title=\'taken\'"><script>document.title="taken"</script>'

const helpBlocks = (site) => [start('hello'),
	{ id: 'hello', type: 'message', content: [
		{ type: 'text', text: 'Ahoy! I am the harbour bot.{{session.boat}}' },
		{ type: 'image', url: `${site}/harbour.svg`, alt: 'The harbour in the morning' },
		{ type: 'links', links: [{ label: 'Opening hours', url: 'https://shop.test/hours' },
			{ label: 'Tide table', url: 'https://shop.test/tides' }] }], paths: { next: 'name' } },
	{ id: 'name', type: 'question', text: 'What is your name?', variable: 'name', paths: { next: 'crew' } },
	{ id: 'crew', type: 'question', text: 'How many are you, {{input.name}}?', kind: 'number', variable: 'crew',
		retry_text: 'As a number, please.', paths: { next: 'swim' } },
	{ id: 'swim', type: 'question', text: 'Can all of you swim?', kind: 'yes_no', variable: 'swim', paths: { next: 'boat' } },
	{ id: 'boat', type: 'choice', text: 'Which boat shall it be?', choices: [{ id: 'dinghy', label: 'A dinghy' },
		{ id: 'sloop', label: 'A sloop with a cabin' }, { id: 'ferry', label: 'The ferry' }],
	paths: { dinghy: 'day', sloop: 'day', ferry: 'day' } },
	{ id: 'day', type: 'question', text: 'On which day?', kind: 'date', variable: 'day', paths: { next: 'mail' } },
	{ id: 'mail', type: 'question', text: 'Where shall we write to?', kind: 'email', variable: 'mail', paths: { next: 'phone' } },
	{ id: 'phone', type: 'question', text: 'And your telephone?', kind: 'phone', variable: 'phone', paths: { next: 'end' } },
	{ id: 'end', type: 'end', text: 'See you on {{input.day}}, {{input.name}} and {{input.crew}}.' }]

suite('the chat widget in a browser', (scope) => {
	let drawbridge, api, link, browser, site, stranger, context, page

	before(async () => {
		const held = { '/evil': (request, response) => {
			response.writeHead(200, { 'content-type': 'application/json' })
			response.end(JSON.stringify({ text: evil, url: 'x" onclick="document.title=\'taken\'' }))
		}, '/slow': (request, response) => setTimeout(() => {
			response.writeHead(200, { 'content-type': 'application/json' })
			response.end('{"text": "done"}')
		}, 3000) }
		api = await startApi(scope, { routes: held })
		drawbridge = await startDrawbridge(scope, { flags: ['--trusted-proxy', '127.0.0.1'] })
		const service = await addService(drawbridge, keyService('held', api))
		link = (await newConnection(drawbridge, service, { credentials: { api_key: 'key-of-held-1' } })).link_name
		browser = await startChromium(scope, { names: ['shop.test', 'stranger.test'] })
		site = await startHostPage(scope, { bridge: drawbridge.publicUrl, name: 'shop.test' })
		stranger = await startHostPage(scope, { bridge: drawbridge.publicUrl, name: 'stranger.test' })
		await flow('help', helpBlocks(site.origin), { title: 'Harbour help', colour: '#0a4f8f',
			greeting: 'Welcome to Harbour & Sons. We answer at once.' }, { session: [{ name: 'boat', default: '' }] })
	})

	async function flow(name, blocks, widget = {}, variables = {}) {
		const made = await drawbridge.must('POST', '/v1/flows', { link_name: name, draft: { name, blocks, variables,
			channels: { widget: { enabled: true, origins: [site.origin], ...widget } } } })
		assert.equal(made.errors, 0, JSON.stringify(made.problems))
		return drawbridge.must('POST', `/v1/flows/${made.id}/publish`, {})
	}

	const button = (name, where = page) => where.getByRole('button', { name, exact: true })
	const launcher = (where = page) => where.locator('.launcher')
	const log = (where = page) => where.getByRole('log')
	const field = (where = page) => where.locator('.input')
	const said = (text, where = page) => log(where).getByText(text, { exact: true }).waitFor()
	const focused = () => page.evaluate(() => {
		const { activeElement } = document.querySelector('drawbridge-chat').shadowRoot
		return activeElement?.getAttribute('aria-label') ?? activeElement?.textContent ?? ''
	})
	const stored = () => page.evaluate(() => Object.entries(localStorage).map(([key, value]) => [key, JSON.parse(value)]))

	/* A fresh browser profile on the page. */
	async function visit(attributes, { options, ...more } = {}) {
		await context?.close()
		context = await openContext(browser, options)
		page = await context.newPage()
		await page.goto(site.page(attributes, more))
		await page.locator('drawbridge-chat').waitFor({ state: 'attached' })
	}

	async function answer(text) {
		await field().fill(text)
		await field().press('Enter')
	}

	/* Neither scripts nor the page's policy have anything to complain of. */
	function quiet() {
		assert.deepEqual(context.errors, [])
		assert.deepEqual(site.reports, [])
	}

	it('is a closed button at first, and begins nothing', async () => {
		const begun = []
		await visit({ flow: 'help' })
		page.on('request', (request) => request.method() === 'POST' && begun.push(request.url()))
		await launcher().waitFor()
		assert.equal(await launcher().getAttribute('aria-expanded'), 'false')
		assert.equal(await page.getByRole('dialog').count(), 0)
		assert.deepEqual(await stored(), [])
		await picture(page, 'widget-closed')
		assert.deepEqual(begun, [])
		quiet()
	})

	it('holds a whole conversation by mouse', async () => {
		await launcher().click()
		await page.getByRole('dialog', { name: 'Harbour help' }).waitFor()
		assert.equal(await launcher().getAttribute('aria-expanded'), 'true')
		await said('Welcome to Harbour & Sons. We answer at once.')
		await said('What is your name?')
		await page.getByRole('img', { name: 'The harbour in the morning' }).waitFor()
		const hours = page.getByRole('link', { name: /Opening hours/ })
		assert.deepEqual([await hours.getAttribute('target'), await hours.getAttribute('rel')], ['_blank', 'noopener noreferrer'])
		await picture(page, 'widget-open')
		await field().fill('Ann')
		await button('Send').click()
		await said('How many are you, Ann?')
		await answer('a few')
		await said('As a number, please.')
		await answer('3')
		await said('Can all of you swim?')
		await picture(page, 'widget-yes-no')
		await button('Yes').click()
		await said('Which boat shall it be?')
		await picture(page, 'widget-choice')
		await button('A sloop with a cabin').click()
		await said('On which day?')
		await answer('2031-05-17')
		await said('Where shall we write to?')
		assert.equal(await field().getAttribute('type'), 'email')
		await answer('ann@example.org')
		await said('And your telephone?')
		assert.equal(await field().getAttribute('autocomplete'), 'tel')
		await answer('+49 30 1234567')
		await said('See you on 2031-05-17, Ann and 3.')
		await page.getByText('This conversation has ended.').waitFor()
		await picture(page, 'widget-ended')
		assert.deepEqual(await stored(), [])
		quiet()
	})

	it('begins again when it is over', async () => {
		await button('Start again').click()
		await said('What is your name?')
		assert.equal(await log().getByText('See you on').count(), 0)
		assert.equal((await stored()).length, 1)
	})

	it('holds a whole conversation by keyboard alone', async () => {
		await visit({ flow: 'help' })
		const at = (what) => eventually(`the focus on ${what}`, async () => what === await focused())
		const press = async (...keys) => {
			for (const key of keys)
				await page.keyboard.press(key)
		}
		/* Where the focus is, what is typed there, and the keys behind it. */
		const go = async (what, typed, ...keys) => {
			await at(what)
			await page.keyboard.type(typed)
			await press(...keys)
		}
		await launcher().waitFor()
		await page.locator('main button').focus()
		await press('Tab')
		await go('Chat', '', 'Enter')
		await go('Your answer', '', 'Escape')
		await at('Chat')
		assert.equal(await page.getByRole('dialog').count(), 0)
		await press('Space')
		await go('Your answer', 'Bo', 'Enter')
		await go('A number', '2', 'Enter')
		await go('Yes', '', 'Tab', 'Space')
		await go('A dinghy', '', 'Enter')
		await at('A date')
		await field().fill('2031-05-18')
		await press('Enter')
		await go('Your e-mail address', 'bo@example.org', 'Enter')
		await go('Your telephone number', '030 7654321', 'Enter')
		await at('Start again')
		await said('See you on 2031-05-18, Bo and 2.')
		quiet()
	})

	it('gives session variables of the page and of its script', async () => {
		await visit({ flow: 'help', session: { boat: ' Is it about the Elsa?' } })
		await launcher().click()
		await said('Ahoy! I am the harbour bot. Is it about the Elsa?')
		await visit({ flow: 'help', session: { boat: ' No?' }, strings: { send: 'Absenden' } })
		await page.evaluate(() => window.drawbridge.session({ boat: ' Is it about the Anna?' }))
		await page.evaluate(() => window.drawbridge.open())
		await said('Ahoy! I am the harbour bot. Is it about the Anna?')
		await button('Absenden').waitFor()
		await page.evaluate(() => window.drawbridge.close())
		await page.getByRole('dialog').waitFor({ state: 'detached' })
	})

	it('goes on after a reload, open as it was', async () => {
		await visit({ flow: 'help' })
		await launcher().click()
		await said('What is your name?')
		await answer('Cleo')
		await said('How many are you, Cleo?')
		const [[, { id }]] = await stored()
		await page.reload()
		await said('How many are you, Cleo?')
		assert.equal((await stored())[0][1].id, id)
		assert.equal(await log().locator('.visitor').count(), 1)
		await answer('4')
		await said('Can all of you swim?')
		quiet()
	})

	it('is one conversation in two tabs', async () => {
		const second = await context.newPage()
		await second.goto(page.url())
		await launcher(second).click()
		await said('Can all of you swim?', second)
		await button('Yes', second).click()
		await said('Which boat shall it be?')
		await button('The ferry').click()
		await said('On which day?', second)
		for (const each of [page, second])
			assert.equal(await log(each).locator('.visitor').count(), 4)
		await second.close()
	})

	it('goes on when the server is killed and comes again', async () => {
		await drawbridge.killHard()
		await page.getByText('The connection is lost. Trying again …').waitFor()
		await picture(page, 'widget-lost')
		await answer('2031-05-19')
		await page.getByRole('alert').getByText('Your message has not been sent.', { exact: false }).waitFor()
		await picture(page, 'widget-not-sent')
		await drawbridge.start()
		await button('Try again').click()
		await said('Where shall we write to?')
		await page.getByText('The connection is lost. Trying again …').waitFor({ state: 'hidden', timeout: 30_000 })
		assert.equal(await log().getByText('2031-05-19', { exact: true }).count(), 1)
		context.errors.length = 0
	})

	it('sends a message whose answer was lost again, and it is taken once', async () => {
		let sent = []
		await page.route('**/messages', async (route) => {
			sent.push(route.request().postDataJSON())
			await route.fetch()
			await route.abort()
		}, { times: 1 })
		/* nor does it come by the stream */
		await page.route(/\/events\?after=/, (route) => route.abort())
		await page.reload()
		await said('Where shall we write to?')
		page.on('request', (request) => request.url().endsWith('/messages') && request.method() === 'POST'
			&& sent.push(request.postDataJSON()))
		sent = []
		await answer('cleo@example.org')
		await page.getByRole('alert').waitFor()
		await button('Try again').click()
		await said('And your telephone?')
		const ids = new Set(sent.map(({ id }) => id))
		assert.deepEqual([ids.size, sent.length >= 2], [1, true])
		await page.unrouteAll()
		await page.reload()
		await said('And your telephone?')
		assert.equal(await log().getByText('cleo@example.org', { exact: true }).count(), 1)
		context.errors.length = 0
	})

	it('shows what visitors and services write as text', async () => {
		await flow('evil', [start('ask'),
			{ id: 'ask', type: 'question', text: 'Who?', variable: 'who', paths: { next: 'call' } },
			{ id: 'call', type: 'webhook', connection: link, request: { method: 'GET', url: '/evil' },
				response_list: [{ codes: ['2xx'], mappings: [{ variable: 'text', from: '$.text' }, { variable: 'url', from: '$.url' }] }],
				paths: { '2xx': 'tell', other: 'no', no_answer: 'no' } },
			{ id: 'tell', type: 'message', content: [{ type: 'text', text: '{{input.who}} and {{block.text}}' },
				{ type: 'image', url: 'https://shop.test/{{block.url}}', alt: '{{block.text}}' },
				{ type: 'links', links: [{ label: '{{block.text}}', url: 'https://shop.test/{{block.url}}' }] }], paths: { next: 'no' } },
			{ id: 'no', type: 'end', text: 'Bye' }], { title: evil.slice(0, 90), greeting: evil })
		await visit({ flow: 'evil', strings: { you: evil, answer: evil } })
		await launcher().click()
		await said('Who?')
		await answer(evil)
		await said('Bye')
		await said(`${evil} and ${evil}`)
		const found = await page.evaluate(() => {
			const { shadowRoot } = document.querySelector('drawbridge-chat')
			return [document.title, shadowRoot.querySelectorAll('script, iframe, [onclick], [onerror], img[src="x"]').length]
		})
		assert.deepEqual(found, ['Harbour & Sons', 0])
		site.reports.length = 0 /* the image of https://shop.test, which this page does not allow */
		context.errors.length = 0
	})

	it('makes no link or image of a URL that runs something', async () => {
		const urls = ['javascript:document.title="taken"', ' java\nscript:alert(1)', 'data:text/html,x', 'vbscript:x', '//shop.test/x',
			'blob:http://shop.test/x', 'mailto:ann@example.org', 'https://shop.test/x']
		await visit({ flow: 'help' })
		await launcher().click()
		await said('What is your name?')
		await page.route(/\/conversations\/\w+\?after=/, async (route) => {
			const response = await route.fetch()
			const talk = await response.json()
			talk.messages = [{ seq: 1, from: 'bot', content: { type: 'links', links: urls.map((url, n) => ({ label: `link ${n}`, url })) } },
				...urls.map((url, n) => ({ seq: n + 2, from: 'bot', content: { type: 'image', url, alt: `image ${n}` } })),
				{ seq: 20, from: 'bot', content: { type: '__proto__' } }, { seq: 21, from: 'bot', content: { type: 'html', html: evil } },
				{ seq: 22, from: 'nobody', content: {} }, 'x', null]
			await route.fulfill({ response, json: talk })
		})
		await page.reload()
		await said('link 0')
		assert.deepEqual(await log().locator('a').evaluateAll((all) => all.map(({ href }) => href)),
			['mailto:ann@example.org', 'https://shop.test/x'])
		assert.deepEqual(await log().locator('img').evaluateAll((all) => all.map(({ src }) => src)).then((all) =>
			all.filter((source) => !source.startsWith('http'))), [])
		await page.unrouteAll()
		site.reports.length = context.errors.length = 0
	})

	it('is not broken by the page\'s own sheet', async () => {
		const { css } = site
		site.css = `${css} body * { display: none !important; visibility: hidden !important; opacity: 0 !important; transform: scale(0) !important;
			color: red !important; font-size: 2px !important; pointer-events: none !important; z-index: -1 !important; position: static !important; }
			body::after { content: ""; position: fixed; inset: 0; background: #ff8800; z-index: 2147483647; }`
		await visit({ flow: 'help' })
		await launcher().click()
		await said('What is your name?')
		await answer('Dora')
		await said('How many are you, Dora?')
		await picture(page, 'widget-hostile')
		site.css = css
		quiet()
	})

	it('says so on a page that is not in the list', async () => {
		const other = await context.newPage()
		await other.goto(stranger.page({ flow: 'help' }))
		await launcher(other).click()
		await other.getByText(`This chat is not set up for ${stranger.origin}.`, { exact: false }).waitFor()
		assert.equal(await field(other).count(), 0)
		await picture(other, 'widget-stranger')
		assert.deepEqual(await violations(other), [])
		await other.close()
		context.errors.length = 0
	})

	it('says so when there is no such flow, or its widget is off', async () => {
		await flow('off', [start('end'), { id: 'end', type: 'end', text: 'Bye' }], { enabled: false })
		for (const name of ['no-such-flow', 'off', '../../v1/me', '']) {
			await visit({ flow: name })
			await launcher().click()
			await page.getByText('This chat is not available.').waitFor()
			assert.deepEqual(await stored(), [])
		}
	})

	it('is there once, however often a page asks for it', async () => {
		await visit([{ flow: 'help' }, { flow: 'evil' }])
		await launcher().waitFor()
		await page.waitForFunction(() => document.querySelectorAll('drawbridge-chat').length === 1)
		assert.equal(await page.locator('drawbridge-chat').count(), 1)
		quiet()
	})

	it('tells of a hand-off, and shows that the bot is at work', async () => {
		await flow('person', [start('call'),
			{ id: 'call', type: 'question', text: 'Ready?', variable: 'ready', paths: { next: 'slow' } },
			{ id: 'slow', type: 'webhook', connection: link, request: { method: 'GET', url: '/slow' }, response_list: [],
				paths: { other: 'person', no_answer: 'person' } },
			{ id: 'person', type: 'handoff', text: 'Leave us a message.' }])
		await visit({ flow: 'person' })
		await launcher().click()
		await said('Ready?')
		await answer('Yes')
		await page.locator('.typing').waitFor()
		assert.equal(await page.getByRole('status').first().textContent(), 'The bot is writing …')
		await picture(page, 'widget-typing')
		await said('Leave us a message.')
		await answer('Please call me')
		await said('At which e-mail address can we reach you?')
		await answer('ann@example.org')
		await page.getByText('Your message is with our team.', { exact: false }).waitFor()
		await picture(page, 'widget-handed-off')
		quiet()
	})

	it('ends a conversation when the visitor wants another', async () => {
		await visit({ flow: 'help' })
		await launcher().click()
		await said('What is your name?')
		await answer('Eve')
		await said('How many are you, Eve?')
		const [[, old]] = await stored()
		await button('Start again').click()
		await button('Go on with this one').click()
		await field().waitFor()
		await button('Start again').click()
		await page.locator('.composer').getByRole('button', { name: 'Start again' }).click()
		await eventually('another conversation', async () => (await stored())[0]?.[1].id !== old.id && (await stored()).length)
		const talk = await drawbridge.must('GET', `/v1/conversations/${old.id}`, undefined, { key: old.token })
		assert.equal(talk.state, 'ended')
	})

	it('begins anew when what it remembers is not there any more', async () => {
		await page.evaluate(() => {
			const [key] = Object.keys(localStorage)
			localStorage.setItem(key, JSON.stringify({ id: '01ARZ3NDEKTSV4RRFFQ69G5FAV', token: `dbc_${'x'.repeat(43)}` }))
		})
		await page.reload()
		await said('What is your name?')
		assert.equal(await log().locator('.visitor').count(), 0)
		await page.evaluate(() => localStorage.setItem(Object.keys(localStorage)[0], '{"id": 7, "token": "<b>"}'))
		await page.reload()
		await launcher().click()
		await said('What is your name?')
		quiet()
	})

	it('shows a Connect button, which opens a window with the token in a form', async () => {
		await visit({ flow: 'help' })
		const content = { type: 'connect', connection: 'desk', name: 'Zoho Desk' }
		let token
		await page.route('**/conversations', async (route) => {
			if (route.request().method() !== 'POST')
				return route.continue()
			const response = await route.fetch()
			const talk = await response.json()
			token = talk.token
			return route.fulfill({ response, json: { ...talk, messages: [...talk.messages, { seq: talk.messages.length + 1, from: 'bot', content }],
				expects: { ...content, skip: true } } })
		})
		await page.route(/\/events\?after=/, (route) => route.abort())
		await launcher().click()
		const connect = page.locator('.composer').getByRole('button', { name: 'Connect Zoho Desk' })
		await connect.waitFor()
		await picture(page, 'widget-connect')
		assert.deepEqual(await violations(page), [])
		const posted = context.waitForEvent('request', (request) => request.url().endsWith('/connect/visitor'))
		const popup = page.waitForEvent('popup')
		await connect.click()
		const request = await posted
		assert.deepEqual([request.method(), Object.fromEntries(new URLSearchParams(request.postData()))],
			['POST', { token, connection: 'desk' }])
		const opened = await popup
		await opened.waitForURL('**/connect/visitor')
		assert.equal(await opened.evaluate(() => window.opener), null)
		await opened.close()
		let skipped
		await page.route('**/messages', async (route) => {
			skipped = route.request().postDataJSON()
			await route.abort()
		})
		await button('Skip').click()
		await eventually('the skip', () => skipped)
		assert.equal(skipped.choice, 'skip')
		await page.unrouteAll()
		assert.deepEqual(site.reports, [])
	})

	it('has a page of its own on Drawbridge, for a link', async () => {
		await context.close()
		context = await openContext(browser)
		page = await context.newPage()
		await page.goto(`${drawbridge.publicUrl}/chat/help`)
		await page.getByRole('heading', { name: 'Harbour help', level: 1 }).waitFor()
		await said('What is your name?')
		await answer('Fay')
		await said('How many are you, Fay?')
		await picture(page, 'chat-page')
		assert.deepEqual(await violations(page), [])
		await page.goto(`${drawbridge.publicUrl}/chat/off`)
		await page.getByText('This chat is not available.').waitFor()
		/* the image of http://shop.test is none of https: */
		assert.deepEqual(context.errors.filter((error) => !/Loading the image/.test(error)), [])
	})

	for (const colorScheme of ['light', 'dark'])
		for (const dir of ['ltr', 'rtl'])
			it(`is judged by axe: ${colorScheme}, ${dir}`, async () => {
				const rtl = { title: 'محادثة', launcher: 'محادثة', answer: 'اكتب جوابك', send: 'إرسال' }
				await visit({ flow: 'help', theme: 'auto', strings: dir === 'rtl' ? rtl : {} },
					{ options: { colorScheme, viewport: dir === 'rtl' ? sizes.narrow : sizes.wide }, dir, lang: dir === 'rtl' ? 'ar' : 'en' })
				const judge = async (name) => {
					await picture(page, `widget-${name}-${colorScheme}-${dir}`)
					assert.deepEqual(await violations(page), [], name)
				}
				const judged = async (name) => {
					/* what comes with a movement is judged when it has come */
					await page.waitForTimeout(350)
					await judge(name)
				}
				await judged('closed')
				await launcher().click()
				await said('What is your name?')
				await judged('open')
				await answer(dir === 'rtl' ? 'سارة' : `Supercali${'fragilistic'.repeat(12)}`)
				await page.getByText(/How many are you/).waitFor()
				await answer('3')
				await said('Can all of you swim?')
				await judged('yes-no')
				await button('Yes').click()
				await said('Which boat shall it be?')
				await judged('choice')
				await button('The ferry').click()
				await said('On which day?')
				await judged('date')
				await answer('2031-05-17')
				await said('Where shall we write to?')
				await page.route('**/messages', (route) => route.abort(), { times: 1 })
				await answer('sara@example.org')
				await page.getByRole('alert').waitFor()
				await judged('not-sent')
				await button('Try again').click()
				await said('And your telephone?')
				await answer('030 1234567')
				await page.getByText('This conversation has ended.').waitFor()
				await judged('ended')
			})

	it('can be read without colours, and stands still for whom motion disturbs', async () => {
		await visit({ flow: 'help' }, { options: { forcedColors: 'active', reducedMotion: 'reduce' } })
		await launcher().click()
		await said('What is your name?')
		await answer('Gil')
		await said('How many are you, Gil?')
		await picture(page, 'widget-forced-colors')
		assert.deepEqual(await violations(page), [])
		const moving = await page.locator('.message').first().evaluate((element) => getComputedStyle(element).animationName)
		assert.equal(moving, 'none')
	})

	it('shows what the server says of an answer that it does not take at all', async () => {
		await visit({ flow: 'help' })
		await launcher().click()
		await said('What is your name?')
		await page.route('**/messages', (route) => route.continue({ postData: `{"text": "${'x'.repeat(20_000)}"}` }), { times: 1 })
		await answer('Hal')
		await page.getByRole('alert').getByText('Your message could not be taken.').waitFor()
		await picture(page, 'widget-not-taken')
		assert.deepEqual(await violations(page), [])
		await button('Try again').click()
		await said('How many are you, Hal?')
		quiet()
	})

	it('tells whoever writes too fast to wait, keeps his message, and then goes on', async () => {
		await visit({ flow: 'help' })
		await launcher().click()
		await said('What is your name?')
		await answer('Ida')
		await said('How many are you, Ida?')
		const [[, { id, token }]] = await stored()
		let enough = false, refused = 0
		/* no number: the bot only asks again */
		const write = () => fetch(`${drawbridge.url}/v1/conversations/${id}/messages`, { method: 'POST', body: '{"text": "many"}',
			headers: { origin: site.origin, authorization: `Bearer ${token}`, 'content-type': 'application/json' } })
		const others = (async () => {
			while (!enough)
				refused += (await Promise.all([write(), write(), write()])).filter(({ status }) => status === 429).length
		})()
		await eventually('the limit', () => refused > 5)
		const refusal = () => page.getByText(/You can go on in \d+ s\./)
		/* twice a second somebody may write, and that can be this visitor */
		for (let tries = 0; tries < 20 && !await refusal().isVisible(); tries++) {
			await field().fill('several')
			await field().press('Enter')
			await refusal().or(page.locator('.composer:not([data-busy]) .input')).first().waitFor()
		}
		await refusal().waitFor()
		enough = true
		await others
		await picture(page, 'widget-too-fast')
		assert.deepEqual(await violations(page), [])
		const again = page.getByRole('button', { name: 'Try again' })
		await eventually('the button', async () => await again.getAttribute('aria-disabled') === null)
		const before = await log().getByText('several', { exact: true }).count()
		await again.click()
		/* while the bot is busy no answer is taken */
		await page.locator('.composer:not([data-busy]) .input').waitFor()
		await refusal().waitFor({ state: 'hidden' })
		assert.equal(await log().getByText('several', { exact: true }).count(), before)
		await answer('3')
		await said('Can all of you swim?')
		quiet()
	})

	it('tells whoever begins too often to wait, and then goes on', async () => {
		let enough = false, refused = 0
		/* all of them behind a proxy, from one address */
		const from = { 'x-forwarded-for': '203.0.113.7' }
		const begins = '**/v1/flows/help/conversations*'
		const others = (async () => {
			while (!enough) {
				const answers = await Promise.all(Array.from({ length: 10 }, () => fetch(`${drawbridge.url}/v1/flows/help/conversations`,
					{ method: 'POST', headers: { origin: site.origin, 'content-type': 'application/json', ...from }, body: '{}' })))
				refused += answers.filter(({ status }) => status === 429).length
			}
		})()
		await eventually('the limit', () => refused > 0)
		/* once a second somebody may begin, and that can be this visitor */
		const refusal = () => page.getByText(/You can go on in \d+ s\./), begun = () => page.getByText('What is your name?')
		do {
			await visit({ flow: 'help' })
			await page.route(begins, async (route, request) => route.fulfill({ response: await route.fetch({
				headers: { ...request.headers(), origin: site.origin, ...from } }) }))
			await launcher().click()
			await refusal().or(begun()).waitFor()
		} while (await begun().isVisible())
		enough = true
		await others
		await picture(page, 'widget-wait')
		assert.deepEqual(await violations(page), [])
		/* the others, who did not stop at once, may have had the next second: then he is told to wait once more */
		const again = page.getByRole('button', { name: 'Try again' })
		do {
			await eventually('the button', async () => await again.getAttribute('aria-disabled') === null)
			await again.click()
			await refusal().or(begun()).waitFor()
		} while (!await begun().isVisible())
	})
}, { timeout: 400_000 })
