// SPDX-License-Identifier: Apache-2.0
/* A visitor gives his consent, and a process dies before the conversation goes on: it does, or it asks again. */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { atCallback } from '../support/consent.mjs'
import { consentAtOidc } from '../support/oidc.mjs'
import { suite } from '../support/scope.mjs'
import { Steps } from '../support/steps.mjs'
import { accountFlow, shop, Visitor, waitsForConnect } from '../support/visitor.mjs'
import { startOidcWorld } from '../support/worlds.mjs'

suite('a visitor\'s consent and a kill', (scope) => {
	let steps, world, drawbridge, flow, link

	before(async () => {
		steps = new Steps(scope)
		world = await startOidcWorld(scope, { drawbridge: steps.options })
		;({ drawbridge } = world)
		;({ link_name: link } = await world.fresh({ per_user: true }))
		const made = await drawbridge.must('POST', '/v1/flows', { draft: accountFlow(link, [shop]) })
		flow = (await drawbridge.must('POST', `/v1/flows/${made.id}/publish`, {})).id
	})

	/* step: where; asksAgain: it may. */
	async function killedAt(step, { asksAgain }) {
		const visitor = Object.assign(new Visitor(drawbridge), { link })
		await visitor.begin(flow)
		await visitor.say({ choice: 'mine' })
		const login = `at-${step.replace('.', '-')}`
		const stopped = await visitor.consent((browser, page, options) =>
			consentAtOidc(browser, page, { ...options, login }), { stop: atCallback })
		steps.set(`1 kill ${step}`)
		await visitor.browser.open(stopped.url).catch(() => undefined)
		await steps.reached(step)
		await drawbridge.ready(60_000)
		const told = (talk) => visitor.texts(talk).includes(`You are ${login}`)
		const by = await visitor.until(`to go on after ${step}`, told, { timeout: asksAgain ? 8000 : 60_000, every: 200 })
			.catch((error) => {
				if (!asksAgain)
					throw error
			})
		if (by)
			return
		const talk = await visitor.look()
		assert.ok(waitsForConnect(talk), JSON.stringify(talk))
		assert.equal(talk.messages.at(-1).content.type, 'connect')
		await visitor.consent((browser, page, options) => consentAtOidc(browser, page, { ...options, login }))
		await visitor.until('to go on in the end', told, { timeout: 60_000 })
	}

	for (const step of ['front.granted', 'front.connected', 'flow.call_noted', 'flow.call_done', 'consent.stored',
		'consent.told', 'front.injection'])
		it(`at ${step} the conversation goes on by itself`, () => killedAt(step, { asksAgain: false }))

	for (const step of ['consent.spent', 'front.spent'])
		it(`at ${step} it goes on, or asks again`, () => killedAt(step, { asksAgain: true }))

	it('nobody was told another\'s account', async () => {
		assert.equal((await drawbridge.via(link, '/mine')).status, 409)
	})
}, { timeout: 600_000 })
