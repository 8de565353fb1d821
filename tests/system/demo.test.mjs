// SPDX-License-Identifier: Apache-2.0
/*
 * `drawbridge demo` as a newcomer uses it: what it prints is done, word by word; its bot is talked with, as a visitor
 * of the practice shop and on the terminal; Ctrl-C ends it without a trace; a second one beside it does not disturb
 * it.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { Browser } from '../support/browser.mjs'
import { binary } from '../support/drawbridge.mjs'
import { request } from '../support/http.mjs'
import { mustRun, run, startProcess } from '../support/process.mjs'
import { suite, temporaryFolder } from '../support/scope.mjs'
import { Visitor, waitsForConnect } from '../support/visitor.mjs'

/* As from a terminal: leader of a process group, which is what Ctrl-C reaches. */
async function startDemo(scope, ...flags) {
	const demo = startProcess(scope, 'setsid', [binary, 'demo', ...flags])
	await demo.says(/Ctrl-C ends it all/, 60_000)
	const said = (pattern) => pattern.exec(demo.stdout)?.[1]
	return Object.assign(demo, {
		ticket: said(/^ {3}(http\S+\/connect\/\S+)$/m),
		curl: said(/^ {3}(curl [^]*?')\n\n/m),
		studio: said(/^The studio +(http\S+)$/m),
		password: said(/^ {2}password +(\S+)$/m),
		practice: said(/^Practice service +(http\S+) /m),
		folder: said(/^Data folder, log +(\S+)/m),
		chat: said(/^ {3}(\S+ flow chat \S+ --data \S+)$/m),
		shop: said(/^ {3}(http\S+\/shop)$/m)
	})
}

const controlC = (demo) => process.kill(-demo.pid, 'SIGINT')

suite('the demo', (scope) => {
	let demo

	it('prints a link to connect, a curl line, a sign-in and addresses', async () => {
		demo = await startDemo(scope)
		for (const name of ['ticket', 'curl', 'studio', 'password', 'practice', 'folder', 'chat', 'shop'])
			assert.ok(demo[name], `${name} in ${demo.stdout}`)
	})

	it('its curl line says what to do as long as nobody has connected', async () => {
		const answer = JSON.parse(await mustRun('sh', ['-c', `${demo.curl} -sS`]))
		assert.equal(answer.code, 'connection_not_connected')
		assert.match(answer.hint, /Connect/)
	})

	it('its curl line fetches a ticket once the link was followed', async () => {
		const browser = new Browser()
		const consent = await browser.submit(await browser.open(demo.ticket), { button: /connect/i })
		const done = await browser.submit(consent, { button: /accept/i })
		assert.match(done.text, /is connected/)
		const answer = JSON.parse(await mustRun('sh', ['-c', `${demo.curl} -sS`]))
		assert.equal(answer.data[0].ticketNumber, '101')
		assert.ok(answer.data[0].subject)
	})

	it('its sign-in opens the studio', async () => {
		const url = `${demo.studio}v1/session`
		const headers = { origin: new URL(url).origin }
		const body = { email: 'demo@example.com', password: demo.password }
		assert.ok((await request(url, { method: 'POST', headers, body })).status < 300)
		assert.equal((await request(url, { method: 'POST', headers, body: { ...body, password: 'other one' } })).status, 401)
	})

	it('the practice service has a page', async () => {
		assert.match((await request(demo.practice)).text, /Practice Desk/)
	})

	/* ---- the bot ---- */

	const fault = async (name, on = '1') => {
		const answer = await request(`${demo.practice}practice/faults`, { method: 'POST',
			headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: `fault=${name}&on=${on}` })
		assert.equal(answer.status, 302, answer.text)
	}

	/* One on the practice shop's page, who has chosen the first thing. */
	async function visitor(choice) {
		const url = demo.studio.replace(/\/$/, '')
		const one = new Visitor({ url, publicUrl: url }, { page: new URL(demo.practice).origin })
		one.link = 'my_desk'
		await one.begin('ticket_help')
		one.last = (await one.say({ choice })).json
		one.says = async (body) => {
			one.last = (await one.say(body)).json
			return one.texts(one.last)
		}
		return one
	}

	const accept = (login) => (browser, page) => browser.submit(page, { button: /accept/i, values: { account: login } })

	it('the practice shop has the widget by one script tag, under a strict policy', async () => {
		const page = await request(demo.shop)
		const bridge = new URL(demo.studio).origin
		assert.ok(page.text.includes(`<script src="${bridge}/widget.js" data-flow="ticket_help" async></script>`))
		const policy = page.headers['content-security-policy']
		assert.match(policy, /default-src 'none'/)
		for (const name of ['script-src', 'connect-src', 'form-action'])
			assert.ok(policy.includes(`${name} ${bridge}`), policy)
		assert.ok(!/unsafe/.test(policy))
		assert.equal((await request(new URL('/shop.css', demo.shop).href)).headers['content-type'], 'text/css; charset=utf-8')
	})

	it('the bot finds a ticket, and says so where there is none', async () => {
		const one = await visitor('number')
		assert.match((await one.says({ text: '102' }))[0], /Ticket 102, “The app does not start.*”, is Open/)
		await one.says({ choice: 'number' })
		assert.match((await one.says({ text: '999' }))[0], /no ticket 999/)
	})

	it('the bot goes on unharmed when its token has expired', async () => {
		const one = await visitor('number')
		await fault('expire')
		assert.match((await one.says({ text: '104' }))[0], /Ticket 104, “Order 4711/)
	})

	for (const [name, words] of [['silence', 'ends connections'], ['outage', 'answers 503']])
		it(`the bot offers a person when the desk ${words}`, async () => {
			const one = await visitor('number')
			await fault(name)
			const said = await one.says({ text: '101' }).finally(() => fault(name, '0'))
			assert.match(said[0], /does not answer just now/)
			assert.deepEqual(one.last.expects.choices.map(({ id }) => id), ['yes', 'no'])
			assert.match((await one.says({ choice: 'yes' }))[0], /What is it about/)
			assert.match((await one.says({ text: 'The invoice' }))[0], /e-mail address/)
			assert.match((await one.says({ text: 'ada@example.com' }))[0], /Somebody will write to you/)
		})

	it('the bot shows each visitor his own tickets, after his own consent', async () => {
		const [ada, ken] = [await visitor('mine'), await visitor('mine')]
		assert.ok(waitsForConnect(ada.last) && waitsForConnect(ken.last))
		const done = await ada.consent(accept('ada@example.com'))
		assert.match(done.text, /the chat goes on/)
		await ken.consent(accept('ken@example.com'))
		for (const [one, own, others] of [[ada, /ada@example\.com, you have 1: The invoice/, /delete/],
			[ken, /ken@example\.com, you have 1: Please delete my account/, /invoice/]]) {
			const talk = await one.until('to see his tickets', (each) => one.texts(each).some((text) => own.test(text)))
			assert.ok(!one.texts(talk).some((text) => others.test(text)))
		}
	})

	it('the bot takes a refusal, and that Connect is skipped', async () => {
		const one = await visitor('mine')
		await one.consent((browser, page) => browser.submit(page, { button: /reject/i }))
		const talk = await one.until('to ask again', (each) => one.texts(each).some((text) => /was not given/.test(text)))
		assert.ok(waitsForConnect(talk))
		assert.match((await one.says({ choice: 'skip' }))[0], /Then not/)
	})

	it('the chat on the terminal shows the link, and goes on by itself', async () => {
		const [command, ...args] = demo.chat.split(' ')
		const chat = startProcess(scope, command, args, { open: true })
		await chat.says(/4 {2}Nothing more/)
		chat.write('1\n106\n')
		await chat.says(/Ticket 106, “A thank-you/)
		chat.write('2\n')
		const [, link] = await chat.says(/\n {2}(http\S+\/connect\/\S+)\n/)
		assert.match((await new Browser().open(link)).text, /Sign in to Drawbridge in this browser/)
		const browser = new Browser()
		const url = new URL(demo.studio)
		const session = await request(`${demo.studio}v1/session`, { method: 'POST', headers: { origin: url.origin },
			body: { email: 'demo@example.com', password: demo.password } })
		const [name, value] = session.headers['set-cookie'][0].split(';')[0].split('=')
		browser.cookies.push({ name, value, host: url.hostname, path: '/', sameSite: 'lax' })
		const consent = await browser.submit(await browser.open(link), { button: /connect/i })
		await browser.submit(consent, { button: /accept/i, values: { account: 'grace@example.com' } })
		await chat.says(/grace@example\.com, you have 1: The app does not start/)
		chat.write('4\n')
		await chat.says(/Good-bye/)
		assert.deepEqual(await chat.ended, { status: 0, signal: null })
	})

	it('a second one takes other ports', async () => {
		const second = await startDemo(scope)
		assert.notEqual(second.studio, demo.studio)
		assert.notEqual(second.practice, demo.practice)
		assert.equal((await request(second.practice)).status, 200)
		controlC(second)
		assert.deepEqual(await second.ended, { status: 0, signal: null })
		assert.equal((await request(demo.practice)).status, 200)
	})

	it('ends altogether on Ctrl-C, and takes its data along', async () => {
		assert.ok(existsSync(join(demo.folder, 'log')))
		controlC(demo)
		assert.deepEqual(await demo.ended, { status: 0, signal: null })
		assert.match(demo.stdout, /Ended; the data folder is gone/)
		assert.equal(existsSync(demo.folder), false)
		await assert.rejects(request(demo.studio))
		await assert.rejects(request(demo.practice))
	})

	it('keeps its data where it is told to, in a new folder alone', async () => {
		const folder = join(temporaryFolder(scope), 'kept')
		const kept = await startDemo(scope, '--data', folder)
		controlC(kept)
		assert.deepEqual(await kept.ended, { status: 0, signal: null })
		assert.match(kept.stdout, /the data folder is kept/)
		assert.ok(existsSync(join(folder, 'log')))
		const again = await run(binary, ['demo', '--data', folder])
		assert.equal(again.status, 1)
		assert.match(again.stderr, /File exists \(the demo wants a new folder\)/)
	})

	it('says so where it cannot make its folder', async () => {
		const folder = join(temporaryFolder(scope), 'missing')
		const done = await run(binary, ['demo'], { env: { TMPDIR: folder } })
		assert.equal(done.status, 1)
		assert.match(done.stderr, /no folder .*missing.*No such file/)
	})
})
