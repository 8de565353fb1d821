// SPDX-License-Identifier: Apache-2.0
/*
 * Per-user connections in conversations: each visitor connects his own account, in his own browser, and nobody's
 * conversation ever uses another's.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { Browser } from '../support/browser.mjs'
import { atCallback } from '../support/consent.mjs'
import { owner } from '../support/drawbridge.mjs'
import { memberKey } from '../support/members.mjs'
import { query } from '../support/migrations.mjs'
import { consentAtOidc } from '../support/oidc.mjs'
import { eventually, sleep, suite } from '../support/scope.mjs'
import { accountFlow, isOver, shop, Visitor, waitsForConnect } from '../support/visitor.mjs'
import { startOidcWorld } from '../support/worlds.mjs'

const as = (login) => (browser, page, options) => consentAtOidc(browser, page, { ...options, login })
const deny = (browser, page, options) => consentAtOidc(browser, page, { ...options, deny: true })

suite('visitors\' own connections', (scope) => {
	let world, drawbridge, oidc, link, flow

	async function publish(connection) {
		const made = await drawbridge.must('POST', '/v1/flows', { draft: accountFlow(connection, [shop]) })
		assert.equal(made.errors, 0, JSON.stringify(made.problems))
		return drawbridge.must('POST', `/v1/flows/${made.id}/publish`, {})
	}

	before(async () => {
		world = await startOidcWorld(scope)
		;({ drawbridge, oidc } = world)
		;({ link_name: link } = await world.fresh({ name: 'Own accounts', per_user: true }))
		flow = (await publish(link)).id
	})

	/* One whose conversation waits for Connect. */
	async function arrive(options) {
		const visitor = new Visitor(drawbridge, options)
		visitor.link = link
		await visitor.begin(flow)
		const { json, text } = await visitor.say({ choice: 'mine' })
		assert.ok(waitsForConnect(json), text)
		return Object.assign(visitor, { seen: json })
	}

	const told = (visitor, account) => visitor.until(`to be told ${account}`,
		(talk) => visitor.texts(talk).includes(`You are ${account}`))
	const refused = (page) => assert.ok(page.status >= 400 && page.status < 500 && !page.headers['set-cookie'],
		`${page.status} ${page.text}`)

	it('the bot shows a Connect button, and goes on by itself when consent is given', async () => {
		const visitor = await arrive()
		assert.deepEqual(visitor.seen.expects, { type: 'connect', connection: link, name: 'Test tickets_oidc', skip: true })
		assert.deepEqual(visitor.seen.messages.at(-1).content,
			{ type: 'connect', connection: link, name: 'Test tickets_oidc' })
		const page = await visitor.press()
		assert.equal(page.status, 200, page.text)
		assert.match(page.text, /The bot My account bot on https:\/\/shop\.example wants access to your account at/)
		assert.match(page.text, /tickets\.read/)
		const at = await visitor.browser.submit(page, { button: /connect/i })
		const done = await consentAtOidc(visitor.browser, at, { login: 'vera' })
		assert.match(done.text, /You can close this window; the chat goes on/)
		const talk = await told(visitor, 'vera')
		assert.equal(talk.expects.type, 'choice')
		/* and needs no consent the second time */
		const { json } = await visitor.say({ choice: 'mine' })
		assert.ok(visitor.texts(json).includes('You are vera'))
	})

	it('sends what follows the consent as events', async () => {
		const visitor = await arrive()
		const stream = await fetch(`${drawbridge.url}/v1/conversations/${visitor.id}/events`,
			{ headers: { authorization: `Bearer ${visitor.token}`, 'last-event-id': String(visitor.seen.messages.at(-1).seq) } })
		const reader = stream.body.getReader()
		await visitor.consent(as('eve'))
		let text = ''
		while (!/You are eve[\s\S]*"type":\s*"choice"/.test(text)) {
			const { value, done } = await reader.read()
			assert.ok(!done, text)
			text += Buffer.from(value)
		}
		await reader.cancel()
	})

	it('may be skipped, and the flow is told so', async () => {
		const visitor = await arrive()
		const other = await visitor.say({ text: 'what?' })
		assert.ok(waitsForConnect(other.json), other.text)
		const { json } = await visitor.say({ choice: 'skip' })
		assert.deepEqual([json.state, ...visitor.texts(json)], ['ended', 'No: connect_skipped'])
	})

	it('consent that is refused shows the button again, five times at most', async () => {
		const visitor = await arrive()
		for (let n = 1; n < 5; n++) {
			const page = await visitor.consent(deny)
			assert.match(page.text, /refused/)
			const talk = await visitor.until('to be asked again', (each) =>
				visitor.texts(each).filter((text) => text === 'connect').length === n + 1)
			assert.ok(waitsForConnect(talk))
			assert.match(visitor.texts(talk).at(-2), /was not given/)
		}
		await visitor.consent(deny)
		const talk = await visitor.until('to be over', isOver)
		assert.equal(visitor.texts(talk).at(-1), 'No: connect_denied')
		assert.equal((await drawbridge.connection(link)).reason.includes('refused'), false)
	})

	it('is asked again when the grant does not work any more', async () => {
		const visitor = await arrive()
		await visitor.consent(as('rita'))
		await told(visitor, 'rita')
		world.api.refuse = 1 /* its token, and the refresh token as well */
		oidc.faults.on('token', { kind: 'status', status: 400, body: { error: 'invalid_grant' }, times: 1 })
		const { json, text } = await visitor.say({ choice: 'mine' })
		assert.ok(waitsForConnect(json), text)
		await visitor.consent(as('rita'))
		await visitor.until('to be told twice', (talk) =>
			visitor.texts(talk).filter((each) => each === 'You are rita').length === 2)
	})

	it('twenty visitors with twenty accounts at once: each is told his own', async () => {
		const visitors = await Promise.all(Array.from({ length: 20 }, () => arrive()))
		await Promise.all(visitors.map(async (visitor, n) => {
			await sleep((n * 7) % 50)
			await visitor.consent(as(`account${n}`))
		}))
		await Promise.all(visitors.map((visitor, n) => told(visitor, `account${n}`)))
		for (let round = 0; round < 3; round++) {
			const answers = await Promise.all(visitors.map((visitor) => visitor.say({ choice: 'mine' })))
			for (const [n, { json, text }] of answers.entries())
				assert.deepEqual(visitors[n].texts(json)[0], `You are account${n}`, text)
		}
		for (const [n, visitor] of visitors.entries())
			for (const text of visitor.texts(await visitor.look()).filter((each) => each.startsWith('You')))
				assert.equal(text, `You are account${n}`)
	})

	it('of two at once in one browser, each consent is for its own chat', async () => {
		const browser = new Browser()
		const [a, b] = [await arrive({ browser }), await arrive({ browser })]
		const pageOfA = await a.press()
		const atA = await browser.submit(pageOfA, { button: /connect/i })
		const stopped = await consentAtOidc(browser, atA, { login: 'anna', stop: atCallback })
		assert.ok(stopped.stopped)
		const other = new Visitor(drawbridge)
		Object.assign(other, { id: b.id, token: b.token, link })
		await other.consent(as('bert'))
		await told(b, 'bert')
		await browser.open(stopped.url)
		await told(a, 'anna')
		assert.ok(!a.texts(await a.look()).includes('You are bert'))
	})

	it('a page of another origin, or of none, gets nothing', async () => {
		const visitor = await arrive()
		for (const origin of ['https://evil.example', 'http://shop.example', 'https://shop.example:444'])
			refused(await visitor.press({ origin }))
		const body = String(new URLSearchParams({ token: visitor.token, connection: link }))
		for (const headers of [{}, { origin: 'null' }, { origin: drawbridge.publicUrl }])
			refused(await post(body, headers))
	})

	/* What no browser does. */
	async function post(body, headers) {
		const answer = await fetch(`${drawbridge.url}/connect/visitor`, { method: 'POST', redirect: 'manual', body,
			headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers } })
		return { status: answer.status, text: await answer.text(), headers: Object.fromEntries(answer.headers) }
	}

	it('another token, another connection, or one that does not wait gets nothing', async () => {
		const visitor = await arrive()
		refused(await visitor.press({ token: `dbc_${'x'.repeat(43)}` }))
		refused(await visitor.press({ token: '' }))
		const { link_name: other } = await world.fresh({ per_user: true })
		refused(await visitor.press({ connection: other }))
		const early = Object.assign(await new Visitor(drawbridge).begin(flow), { link })
		refused(await early.press())
		await visitor.say({ choice: 'skip' })
		refused(await visitor.press())
	})

	it('a connection that is not per user is never asked of a visitor', async () => {
		const shared = await world.fresh()
		const { id } = await publish(shared.link_name)
		const visitor = await new Visitor(drawbridge).begin(id)
		visitor.link = shared.link_name
		const { json } = await visitor.say({ choice: 'mine' })
		assert.deepEqual(visitor.texts(json), ['No: connection_not_connected'])
		refused(await visitor.press())
	})

	it('a ticket is good in the browser that asked for it, once, while the chat waits', async () => {
		const visitor = await arrive()
		const { url } = await visitor.press({ stop: (at) => /\/connect\/.{43}$/.test(at) })
		refused(await new Browser().open(url))
		const other = await arrive()
		await other.press()
		refused(await other.browser.open(url))
		const page = await visitor.browser.open(url)
		assert.equal(page.status, 200)
		const stopped = await visitor.browser.submit(page, { button: /connect/i, stop: (at) => at.origin === oidc.issuer })
		assert.ok(stopped.stopped)
		refused(await visitor.browser.open(url))
		refused(await visitor.browser.submit(page, { button: /connect/i }))
	})

	it('a ticket of a chat that has gone on is not pressed any more', async () => {
		const visitor = await arrive()
		const page = await visitor.press()
		await visitor.say({ choice: 'skip' })
		const pressed = await visitor.browser.submit(page, { button: /connect/i })
		assert.ok(pressed.status >= 400 && pressed.status < 500, pressed.text)
		assert.match(pressed.text, /does not wait|has been used|other browser/)
	})

	it('its cookie is for the browser alone', async () => {
		const visitor = await arrive()
		await visitor.press()
		const cookie = visitor.browser.cookies.find(({ name }) => /visitor/.test(name))
		assert.ok(cookie.httpOnly)
		assert.equal(cookie.sameSite, 'lax')
		assert.match(cookie.line, /Max-Age=900/)
	})

	it('who hands his Connect to another gets nothing of the other\'s', async () => {
		const attacker = await arrive()
		const victim = new Browser()
		/* a page of his own that sends the form in the victim's browser */
		refused(await attacker.press({ browser: victim, origin: 'https://evil.example' }))
		/* the link that he got himself */
		const { url } = await attacker.press({ stop: (at) => /\/connect\/.{43}$/.test(at) })
		refused(await victim.open(url))
		/* the provider's own page, as far as he came */
		const page = await attacker.browser.open(url)
		const at = await attacker.browser.submit(page, { button: /connect/i, stop: (next) => next.origin === oidc.issuer })
		const provider = await victim.open(at.url)
		const landed = await consentAtOidc(victim, provider, { login: 'victim' })
		assert.ok(landed.status >= 400 && landed.status < 500, landed.text)
		/* and the callback that came of it, should he get hold of that */
		const codes = oidc.counts.code
		refused(await attacker.browser.open(landed.url))
		assert.equal(oidc.counts.code, codes)
		assert.ok(waitsForConnect(await attacker.look()))
	})

	it('a visitor\'s token opens neither link nor gateway', async () => {
		const visitor = await arrive()
		const path = `/v1/conversations/${visitor.id}/connect`
		const link403 = await drawbridge.api('POST', path, { connection: link }, { key: visitor.token })
		assert.equal(link403.status, 403)
		await visitor.consent(as('gwen'))
		await told(visitor, 'gwen')
		const via = await fetch(`${drawbridge.url}/via/${link}/mine`, { headers: { authorization: `Bearer ${visitor.token}` } })
		assert.equal(via.status, 401)
		for (const [method, where] of [['GET', '/v1/connections'], ['POST', '/v1/webhooks/run'],
			['POST', `/v1/connections/${link}/authorize`]])
			assert.equal((await drawbridge.api(method, where, method === 'POST' ? {} : undefined,
				{ key: visitor.token })).status, 401)
		/* nor is his account what a member's key calls with */
		assert.equal((await drawbridge.via(link, '/mine')).status, 409)
	})

	it('nobody but the visitor answers in his name, with his account', async () => {
		const visitor = await arrive()
		await visitor.consent(as('vic'))
		const { messages } = await told(visitor, 'vic')
		const calls = world.api.requests.length, path = `/v1/conversations/${visitor.id}`
		const { key: bea } = await memberKey(drawbridge, 'bea@example.org', 'builder')
		for (const key of [bea, drawbridge.key]) {
			const said = await drawbridge.api('POST', `${path}/messages`, { choice: 'mine' }, { key })
			assert.deepEqual([said.status, said.json.code], [403, 'forbidden'])
			assert.match(said.json.detail, /answered by who began it/)
		}
		assert.deepEqual([(await visitor.look()).messages.length, world.api.requests.length], [messages.length, calls])
		const { items } = await drawbridge.must('GET', `/v1/audit?object=${visitor.id}`)
		assert.deepEqual(items.map(({ action, outcome }) => [action, outcome]),
			Array(2).fill(['POST /v1/conversations/{id}/messages', 'refused']))
		const mine = await visitor.say({ choice: 'mine' })
		assert.ok(visitor.texts(mine.json).includes('You are vic'))
	})

	/* A browser in which the owner, whose key the tests have, is signed in. */
	async function signedIn() {
		const browser = new Browser()
		const answer = await fetch(`${drawbridge.url}/v1/session`, { method: 'POST', body: JSON.stringify(owner),
			headers: { origin: drawbridge.publicUrl, 'content-type': 'application/json' } })
		const [name, value] = answer.headers.get('set-cookie').split(';')[0].split('=')
		browser.cookies.push({ name, value, host: new URL(drawbridge.publicUrl).hostname, path: '/', sameSite: 'lax' })
		return browser
	}

	it('a member who tries a flow gets a link that opens only where he is signed in', async () => {
		const talk = await drawbridge.must('POST', `/v1/flows/${flow}/conversations`, {})
		const path = `/v1/conversations/${talk.id}`
		assert.equal((await drawbridge.api('POST', `${path}/connect`, { connection: link })).status, 409)
		await drawbridge.must('POST', `${path}/messages`, { choice: 'mine' })
		const { url, expires_at: until } = await drawbridge.must('POST', `${path}/connect`, { connection: link })
		assert.ok(new Date(until) > new Date())
		const stranger = await new Browser().open(url)
		assert.equal(stranger.status, 403)
		assert.match(stranger.text, /Sign in to Drawbridge in this browser/)
		const browser = await signedIn()
		const page = await browser.open(url)
		assert.equal(page.status, 200, page.text)
		const done = await consentAtOidc(browser, await browser.submit(page, { button: /connect/i }), { login: 'mona' })
		assert.match(done.text, /the chat goes on/)
		await eventually('the bot to go on', async () => (await drawbridge.must('GET', path)).messages
			.some(({ content }) => content.text === 'You are mona'))
		const of = await arrive()
		assert.equal((await drawbridge.api('POST', `/v1/conversations/${of.id}/connect`, { connection: link })).status, 403)
	})

	it('consent to a draft that another member has saved since is used by nobody', async () => {
		const draft = accountFlow(link, [shop])
		const { id } = await drawbridge.must('POST', '/v1/flows', { draft })
		const { id: talk } = await drawbridge.must('POST', `/v1/flows/${id}/conversations`, { draft: true })
		const path = `/v1/conversations/${talk}`
		await drawbridge.must('POST', `${path}/messages`, { choice: 'mine' })
		const browser = await signedIn()
		const page = await browser.open((await drawbridge.must('POST', `${path}/connect`, { connection: link })).url)
		const { key } = await memberKey(drawbridge, 'dan@example.org', 'builder')
		await drawbridge.must('PUT', `/v1/flows/${id}`, { draft }, { key })
		const calls = world.api.requests.length, revoked = oidc.counts.revocation
		await consentAtOidc(browser, await browser.submit(page, { button: /connect/i }), { login: 'dana' })
		const { state, problem } = await drawbridge.must('GET', path)
		assert.deepEqual([state, /^draft_changed: /.test(problem)], ['failed', true])
		await eventually('the grant to be revoked upstream', () => oidc.counts.revocation > revoked)
		assert.equal(world.api.requests.length, calls)
	})

	for (const { name, block } of [
		{ name: 'an end', block: { type: 'end' } },
		{ name: 'a message', block: { type: 'message', content: [{ type: 'text', text: 'Hi' }], paths: { next: 'ask' } } }])
		it(`a draft whose webhook becomes ${name} while it calls with an access that has died ends its trial alone`, async () => {
			const draft = accountFlow(link, [shop])
			const { id } = await drawbridge.must('POST', '/v1/flows', { draft })
			const talk = await drawbridge.must('POST', `/v1/flows/${id}/conversations`, { draft: true })
			const path = `/v1/conversations/${talk.id}`
			const seen = (text) => eventually(`the bot to say ${text}`, async () => (await drawbridge.must('GET', path)).messages
				.some(({ content }) => content.text === text))
			await drawbridge.must('POST', `${path}/messages`, { choice: 'mine' })
			const browser = await signedIn()
			const page = await browser.open((await drawbridge.must('POST', `${path}/connect`, { connection: link })).url)
			await consentAtOidc(browser, await browser.submit(page, { button: /connect/i }), { login: 'tara' })
			await seen('You are tara')
			const front = drawbridge.role('front')
			Object.assign(draft.blocks, [...draft.blocks.slice(0, 2), { id: 'call', ...block },
				...['tell', 'no'].map((name) => ({ id: name, type: 'end' }))])
			Object.assign(world.api, { refuse: 1, before: () => drawbridge.must('PUT', `/v1/flows/${id}`, { draft }) })
			oidc.faults.on('token', { kind: 'status', status: 400, body: { error: 'invalid_grant' }, times: 1 })
			await drawbridge.must('POST', `${path}/messages`, { choice: 'mine' })
			const { state, problem } = await drawbridge.must('GET', path)
			assert.deepEqual([state, problem], ['failed', 'The block that has called is gone.'])
			assert.equal(drawbridge.role('front'), front)
		})

	it('the grant dies with the conversation, upstream too', async () => {
		const visitor = await arrive()
		await visitor.consent(as('dora'))
		await told(visitor, 'dora')
		const token = world.api.last().token
		assert.equal((await oidc.introspect(token)).active, true)
		const revoked = oidc.counts.revocation
		await visitor.end()
		await eventually('the grant to be revoked upstream', () => oidc.counts.revocation > revoked)
		await eventually('its token to be dead', async () => !(await oidc.introspect(token)).active)
	})

	it('so does that of a visitor who comes back to the button after days', async () => {
		const days = async (visitor) => {
			const row = `WHERE id = '${visitor.id}'`
			await query(drawbridge.data, 'main', `UPDATE conversations SET updated_at = updated_at - 90000000 ${row}`)
			await eventually('nobody to wait for him', async () =>
				await query(drawbridge.data, 'main', `SELECT grants FROM conversations ${row}`) === '0')
		}
		const dead = (token) => eventually('its token to be dead', async () => !(await oidc.introspect(token)).active)
		const late = await arrive()
		await days(late)
		await late.consent(as('lena'))
		await told(late, 'lena')
		const token = world.api.last().token
		await late.end()
		await dead(token)

		/* and when the chat ends while he consents */
		const over = await arrive()
		await days(over)
		const stopped = await over.consent(as('omar'), { stop: atCallback })
		await over.end()
		const revoked = oidc.seen.revoked.length
		const page = await over.browser.open(stopped.url)
		assert.ok(/over|no consent/.test(page.text) || await eventually('it to be revoked',
			() => oidc.seen.revoked.length > revoked), page.text)
	})

	it('a flow that is deleted takes its visitors\' grants along', async () => {
		const { id } = await publish(link)
		const visitor = await new Visitor(drawbridge).begin(id)
		visitor.link = link
		await visitor.say({ choice: 'mine' })
		await visitor.consent(as('fred'))
		await told(visitor, 'fred')
		const token = world.api.last().token
		assert.equal((await drawbridge.api('DELETE', `/v1/flows/${id}`)).status, 204)
		await eventually('its token to be dead', async () => !(await oidc.introspect(token)).active)
	})

	it('a consent that comes after the chat is taken back', async () => {
		const visitor = await arrive()
		const stopped = await visitor.consent(as('late'), { stop: atCallback })
		await visitor.end()
		const page = await visitor.browser.open(stopped.url)
		assert.ok(page.status >= 400 && page.status < 500, page.text)
		const revoked = oidc.seen.revoked.length
		await sleep(3000)
		assert.ok(/over|no consent/.test(page.text) || oidc.seen.revoked.length > revoked, page.text)
	})

	it('the front that dies between consent and call: the conversation goes on', async () => {
		for (const role of ['front', 'keeper']) {
			const visitor = await arrive()
			const stopped = await visitor.consent(as(`kill${role}`), { stop: atCallback })
			const landing = visitor.browser.open(stopped.url).catch(() => undefined)
			await sleep(30)
			process.kill(drawbridge.role(role), 'SIGKILL')
			await landing
			await eventually('somebody to answer', async () => (await fetch(`${drawbridge.url}/readyz`)).ok.valueOf(),
				{ timeout: 30_000, every: 200 })
			/* whose keeper dies as the call asks for the credential has a call without an answer, and takes that path */
			const unanswered = (talk) => role === 'keeper' && visitor.texts(talk).at(-1) === 'No: unavailable'
			await visitor.until('to go on or to ask again', (talk) => talk.state === 'waiting' || unanswered(talk),
				{ every: 200, timeout: 40_000 })
		}
	})
})
