// SPDX-License-Identifier: Apache-2.0
/*
 * What ends visitors' grants from outside: their connection is deleted or revoked, their flow is taken from them. None
 * lives on at the provider, whoever dies in between; where the provider does not confirm it, the audit says so.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { Browser } from '../support/browser.mjs'
import { consentAtOidc } from '../support/oidc.mjs'
import { eventually, sleep, suite } from '../support/scope.mjs'
import { Steps } from '../support/steps.mjs'
import { accountFlow, shop, Visitor, waitsForConnect } from '../support/visitor.mjs'
import { startOidcWorld } from '../support/worlds.mjs'

const as = (login) => (browser, page, options) => consentAtOidc(browser, page, { ...options, login })

suite('visitors\' grants that others end', (scope) => {
	let steps, world, drawbridge, oidc

	before(async () => {
		steps = new Steps(scope)
		world = await startOidcWorld(scope, { drawbridge: steps.options })
		;({ drawbridge, oidc } = world)
	})

	/* A connection, its published flow, and visitors who have connected: {id (its name), link, flow, visitors,
	 * tokens}. */
	async function connected(names, { service } = {}) {
		const { name: id, link_name: link } = await world.fresh({ per_user: true, ...service && { service } })
		const made = await drawbridge.must('POST', '/v1/flows', { draft: accountFlow(link, [shop]) })
		const flow = (await drawbridge.must('POST', `/v1/flows/${made.id}/publish`, {})).id
		const visitors = [], tokens = []
		for (const name of names) {
			const visitor = Object.assign(new Visitor(drawbridge), { link })
			await visitor.begin(flow)
			await visitor.say({ choice: 'mine' })
			await visitor.consent(as(name))
			await visitor.until(`to be told ${name}`, (talk) => visitor.texts(talk).includes(`You are ${name}`))
			visitors.push(visitor)
			tokens.push(world.api.last().token)
		}
		return { id, link, flow, visitors, tokens }
	}

	const alive = async (tokens) => (await Promise.all(tokens.map((token) => oidc.introspect(token)))).filter(({ active }) => active).length
	const dead = (tokens, options) => eventually('all tokens to be dead', async () => await alive(tokens) === 0,
		{ timeout: 40_000, every: 200, ...options })
	const records = async (id, action = 'connection.withdraw') => (await drawbridge.must('GET', '/v1/audit?limit=50')).items
		.filter((record) => record.object_name === id && record.action === action)

	/* The one record that says how it ended. */
	async function audited(id, revoked, kept) {
		await eventually('the audit to tell', async () => (await records(id)).length > 0, { timeout: 60_000, every: 300 })
		const [record, ...more] = await records(id)
		assert.deepEqual(more, [])
		assert.ok(record.detail.startsWith(`Users' grants revoked at the provider: ${revoked}. Not confirmed: ${kept}.`), record.detail)
		return record
	}

	const remove = async (link) => {
		const answer = await drawbridge.api('DELETE', `/v1/connections/${link}?force=true`)
		assert.deepEqual([answer.status, answer.json.revoked_upstream], [200, false], answer.text)
		return answer.json.detail
	}

	it('deleting a connection revokes each of them, once', async () => {
		const { id, link, visitors, tokens } = await connected(['ann', 'ben', 'cid'])
		assert.equal(await alive(tokens), 3)
		const asked = oidc.seen.revoked.length
		assert.match(await remove(link), /^The access of 3 users is being revoked at the provider/)
		await dead(tokens)
		await audited(id, 3, 0)
		const seen = oidc.seen.revoked.slice(asked).map(({ fields }) => Object.fromEntries(fields).token)
		assert.deepEqual([seen.length, new Set(seen).size], [3, 3])
		const [record] = await records(id, 'connection.delete')
		assert.match(record.detail, /The access of 3 users is being revoked/)
		/* the conversations live on without it */
		const { json } = await visitors[0].say({ choice: 'mine' })
		assert.match(visitors[0].texts(json).at(-1), /No: connection_not_found/)
	})

	it('one that nobody has connected is deleted without a word more', async () => {
		const { id, link } = await connected([])
		await remove(link)
		await sleep(3000)
		assert.deepEqual(await records(id), [])
	})

	it('revoking a connection revokes each of them, and at once for calls; who connects anew keeps that', async () => {
		const { id, link, visitors: [one], tokens } = await connected(['dan', 'eva'])
		oidc.faults.on('revocation', { kind: 'delay', ms: 1500, times: 2 })
		const answer = await drawbridge.must('POST', `/v1/connections/${link}/revoke`)
		assert.equal(answer.revoked_upstream, false)
		assert.match(answer.detail, /The access of 2 users is being revoked/)
		const calls = world.api.seen?.length
		const { json, text } = await one.say({ choice: 'mine' })
		assert.ok(waitsForConnect(json), text)
		assert.equal(world.api.seen?.length, calls)
		one.browser = new Browser() /* else the provider takes both for one grant */
		await one.consent(as('dan'))
		await one.until('to be told twice', (talk) => one.texts(talk).filter((each) => each === 'You are dan').length === 2)
		const fresh = world.api.last().token
		await dead(tokens)
		await eventually('the audit to tell', async () => (await records(id)).length > 0, { timeout: 40_000, every: 300 })
		await sleep(1000)
		assert.equal(await alive([fresh]), 1)
		await one.end()
		await dead([fresh])
	})

	const subjects = async (link) => (await drawbridge.must('GET', `/v1/connections/${link}/users`)).items.map(({ subject }) => subject)
	const removeUser = async (link, subject) => {
		const answer = await drawbridge.api('DELETE', `/v1/connections/${link}/users/${subject}`)
		assert.equal(answer.status, 200, answer.text)
		assert.deepEqual(answer.json, { detail: 'It is being revoked at the provider.' })
	}

	it('removing one of its users revokes his alone; his bot asks him again, and what he connects then stays', async () => {
		const { id, link, visitors: [one, two], tokens: [ones, twos] } = await connected(['max', 'nan'])
		const [first, second] = await subjects(link)
		oidc.faults.on('revocation', { kind: 'delay', ms: 1500, times: 1 })
		await removeUser(link, first)
		assert.deepEqual(await subjects(link), [second])
		const asked = (visitor) => visitor.say({ choice: 'mine' }).then(({ json }) => waitsForConnect(json))
		const waits = [await asked(one), await asked(two)]
		assert.deepEqual([...waits].sort(), [false, true])
		const [gone, old, kept] = waits[0] ? [one, ones, twos] : [two, twos, ones]
		gone.browser = new Browser() /* else the provider takes both for one grant */
		await gone.consent(as('max'))
		const fresh = await eventually('a new token', () => world.api.last().token !== kept && world.api.last().token)
		assert.notEqual(fresh, old)
		await dead([old])
		await sleep(2500)
		assert.equal(await alive([fresh, kept]), 2)
		assert.deepEqual(await subjects(link), [first, second])
		const [record] = await records(id, 'connection.revoke')
		assert.ok(record.detail.includes(first), record.detail)
		await remove(link)
		await dead([fresh, kept])
	})

	it('removing one when his connection is deleted at once leaves none behind', async () => {
		const { link, tokens } = await connected(['oda', 'pia'])
		oidc.faults.on('revocation', { kind: 'delay', ms: 300, times: 2 })
		await removeUser(link, (await subjects(link))[0])
		await remove(link)
		await dead(tokens)
	})

	it('a provider that is away is asked again', async () => {
		const { id, link, tokens } = await connected(['fay'])
		const asked = oidc.seen.revoked.length
		oidc.faults.on('revocation', { kind: 'status', status: 503, times: 1 })
		await remove(link)
		await dead(tokens)
		await audited(id, 1, 0)
		assert.equal(oidc.seen.revoked.length, asked + 2)
	})

	it('a provider that refuses is told honestly', async () => {
		const { id, link, tokens } = await connected(['gil', 'hal'])
		oidc.faults.on('revocation', { kind: 'status', status: 400, times: 1 })
		await remove(link)
		const { detail } = await audited(id, 1, 1)
		assert.match(detail, /has not confirmed the revocation \(HTTP 400\)/)
		assert.equal(await alive(tokens), 1)
	})

	it('an end of the chat that the provider does not confirm is in the audit as well', async () => {
		const { id, visitors: [one] } = await connected(['ida'])
		oidc.faults.on('revocation', { kind: 'status', status: 400, times: 1 })
		await one.end()
		await audited(id, 0, 1)
	})

	it('a connection that is not shared with the publisher any more leaves none behind when the chat ends', async () => {
		const { link, flow, visitors: [one], tokens } = await connected(['jan'])
		await drawbridge.must('PUT', `/v1/connections/${link}/shares`, { items: [] })
		await one.end()
		await dead(tokens)
		assert.equal((await drawbridge.api('DELETE', `/v1/flows/${flow}`)).status, 204)
	})

	it('a flow and its connection, deleted one after the other, leave none behind', async () => {
		const { id, link, flow, tokens } = await connected(['kai', 'lea'])
		oidc.faults.on('revocation', { kind: 'delay', ms: 300, times: 2 })
		assert.equal((await drawbridge.api('DELETE', `/v1/flows/${flow}`)).status, 204)
		await remove(link)
		await dead(tokens)
		await sleep(2500)
		const kept = (await records(id)).filter(({ detail }) => !/Not confirmed: 0/.test(detail))
		assert.deepEqual(kept, [])
	})

	/* ---- whoever dies ---- */

	for (const step of ['revoke.claimed', 'revoke.asked', 'revoke.answered', 'revoke.stored', 'withdraw.revoked', 'withdraw.forgotten'])
		it(`a kill at ${step} loses none, and none is counted twice`, async () => {
			const { id, link, tokens } = await connected([`${step}-1`, `${step}-2`, `${step}-3`].map((name) => name.replace('.', '-')))
			steps.set(`${step === 'withdraw.forgotten' ? 1 : 2} kill ${step}`)
			await remove(link)
			await steps.reached(step, { timeout: 30_000 })
			await drawbridge.ready(60_000)
			await dead(tokens, { timeout: 90_000 })
			await audited(id, 3, 0)
		})

	/* The keeper gives the grants to nobody any more, and nobody has noted yet why: all are revoked by themselves. */
	const asked = async (path, method = 'POST') => {
		await drawbridge.api(method, path).catch(() => {})
	}
	const status = async (link) => (await drawbridge.must('GET', `/v1/connections/${link}/users`)).items.map((user) => user.status)
	for (const step of ['user.left', 'withdraw.left'])
		it(`a kill at ${step}, while one user is removed: he is revoked by himself, and can be removed again`, async () => {
			const { id, link, visitors: [one], tokens } = await connected([`quin-${step.slice(0, 1)}`])
			const [subject] = await subjects(link)
			steps.set(`1 kill ${step}`)
			await asked(`/v1/connections/${link}/users/${subject}`, 'DELETE')
			await steps.reached(step)
			await drawbridge.ready(60_000)
			assert.ok(waitsForConnect((await one.say({ choice: 'mine' })).json))
			await dead(tokens)
			await audited(id, 1, 0)
			assert.deepEqual(await status(link), ['revoked'])
			await removeUser(link, subject)
			assert.deepEqual(await subjects(link), [])
		})

	it('a kill at withdraw.left, while a connection is deleted: all are revoked, and it can be deleted again', async () => {
		const { id, link, tokens } = await connected(['rae', 'sol'])
		steps.set('1 kill withdraw.left')
		await asked(`/v1/connections/${link}?force=true`, 'DELETE')
		await steps.reached('withdraw.left')
		await drawbridge.ready(60_000)
		await dead(tokens)
		await audited(id, 2, 0)
		assert.deepEqual(await status(link), ['revoked', 'revoked'])
		await remove(link)
	})

	it('a kill at withdraw.left, while a connection is revoked: all are, and who connects anew keeps that', async () => {
		const { id, link, visitors: [one], tokens } = await connected(['tia', 'uri'])
		steps.set('1 kill withdraw.left')
		await asked(`/v1/connections/${link}/revoke`)
		await steps.reached('withdraw.left')
		await drawbridge.ready(60_000)
		await dead(tokens)
		await audited(id, 2, 0)
		assert.ok(waitsForConnect((await one.say({ choice: 'mine' })).json))
		one.browser = new Browser()
		await one.consent(as('tia'))
		await one.until('to be told twice', (talk) => one.texts(talk).filter((each) => each === 'You are tia').length === 2)
		const fresh = world.api.last().token
		await sleep(5000)
		assert.equal(await alive([fresh]), 1)
		await remove(link)
		await dead([fresh])
	})

	it('a kill at withdraw.left, as a chat ends: its grant is revoked', async () => {
		const { visitors: [one], tokens } = await connected(['vic'])
		steps.set('1 kill withdraw.left')
		await one.end()
		await steps.reached('withdraw.left', { timeout: 30_000 })
		await drawbridge.ready(60_000)
		await dead(tokens)
	})

	it('kill -9 of everything in the middle loses none', async () => {
		const names = Array.from({ length: 5 }, (_, n) => `all-${n}`)
		const { id, link, tokens } = await connected(names)
		oidc.faults.on('revocation', { kind: 'delay', ms: 400 })
		const asked = oidc.seen.revoked.length
		await remove(link)
		await eventually('the second to be asked', () => oidc.seen.revoked.length >= asked + 2)
		await drawbridge.killHard()
		oidc.faults.clear()
		assert.ok(await alive(tokens) > 0)
		await drawbridge.start()
		await dead(tokens, { timeout: 90_000 })
		await audited(id, 5, 0)
	})
}, { timeout: 600_000 })
