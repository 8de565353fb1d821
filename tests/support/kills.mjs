// SPDX-License-Identifier: Apache-2.0
/*
 * Tries of tests/torture/kills: something that matters is begun, somebody is killed at a step of it or at any moment,
 * the server goes on, and what must be true is looked at (kills-world.mjs).
 */
import { walkConsent } from './consent.mjs'
import { killQuietly } from './process.mjs'
import { eventually, sleep, within } from './scope.mjs'
import { consentByItself } from './scripted.mjs'
import { startKillsWorld } from './kills-world.mjs'

export const victims = ['keeper', 'exchanger', 'front', 'parent']

/* What is done, and the steps that it goes through (src/base/step.h). */
const exchange = ['exchange.taken', 'exchange.answered', 'exchange.told']
const consent = ['consent.begun', 'consent.spent', 'consent.asked', 'consent.answered', 'consent.stored', 'consent.told',
	'front.spent', 'front.granted', 'front.connected', ...exchange]
export const actions = {
	refresh: ['refresh.claimed', 'refresh.asked', 'refresh.answered', 'refresh.stored', 'refresh.given', ...exchange],
	refused: ['refresh.claimed', 'refresh.answered', 'refresh.stored', 'front.injection'],
	first: consent, /* of a connection that has no grant yet */
	consent, /* of one that has */
	credential: ['credential.asked', 'credential.answered', 'credential.stored'],
	revoke: ['revoke.claimed', 'revoke.asked', 'revoke.answered', 'revoke.stored', ...exchange],
	rotate: ['rotate.begun', 'rotate.batch', 'rotate.rewrapped', 'rotate.switched', 'rotate.data_key']
}

/* Where a kill can cost nothing, whoever the provider is: nothing was sent, or all is stored or on its way there. */
const costsNothing = (step, victim) => victim === 'front' || /^refresh\.(claimed|stored|given)$/.test(step)
	|| (victim === 'exchanger' && (/^exchange\.(taken|told)$/.test(step) || step === 'refresh.answered'))

/* Where a first consent can leave a grant at the provider that nobody here knows: it is asked for, and not stored. */
const mayLeave = ({ step, victim, again }) => Boolean(again) || !step
	|| (victim !== 'front' && /^(exchange\.|consent\.(asked|answered)$)/.test(step))

const stoppedRole = (step) => ({ exchange: 'exchanger', front: 'front' })[step.split('.')[0]] ?? 'keeper'

/* Every pair of step and victim, for each provider that it concerns. */
function everyPair() {
	const services = { credential: ['key'], rotate: ['key'] }
	return Object.entries(actions).flatMap(([action, steps]) => steps.flatMap((step) => victims.flatMap((victim) =>
		(services[action] ?? ['turning', 'lasting']).map((service) => ({ action, step, victim, service })))))
}

/* How often each pair was hit: somebody stood at the step, and the victim was killed there. */
export class Hits {
	#queue = []
	#counts = new Map(everyPair().map((pair) => [Hits.#key(pair), 0]))

	static #key({ action, step, victim, service }) {
		return [action, step, victim, service].join(' ')
	}

	add(pair) {
		this.#counts.set(Hits.#key(pair), this.count(pair) + 1)
	}

	count(pair) {
		return this.#counts.get(Hits.#key(pair))
	}

	/* What is to be tried: each pair once, those of steps that were never hit first; one that suits, if there is one. */
	next(random, suits) {
		if (this.#queue.length === 0)
			this.#queue = [...random.shuffled(everyPair()), ...random.shuffled(this.missing())]
		const steps = this.#steps()
		const at = this.#queue.findLastIndex((pair) => !steps.has(Hits.#stepOf(pair)) && suits(pair))
		return this.#queue.splice(at < 0 ? this.#queue.findLastIndex(suits) : at, 1)[0]
	}

	/* A consent is one, whether it is the first or not. */
	static #stepOf({ action, step }) {
		return `${action === 'first' ? 'consent' : action} ${step}`
	}

	#steps() {
		return new Set(everyPair().filter((pair) => this.count(pair) > 0).map(Hits.#stepOf))
	}

	missing() {
		return everyPair().filter((pair) => this.count(pair) === 0)
	}

	/* {pairs, hit, least: how often the least hit one was, missing: pairs, untouched: steps} */
	get summary() {
		const counts = [...this.#counts.values()]
		const steps = this.#steps()
		return { pairs: counts.length, hit: counts.filter((count) => count > 0).length, least: Math.min(...counts),
			missing: this.missing().map(Hits.#key),
			untouched: [...new Set(everyPair().map(Hits.#stepOf))].filter((step) => !steps.has(step)) }
	}
}

/* One server, and tries on it one after the other. */
export class Lane {
	/* keyElsewhere: the master key is in a file of its own, not in the data folder. */
	constructor(scope, random, hits, { keyElsewhere = false } = {}) {
		Object.assign(this, { scope, random, hits, keyElsewhere, tries: 0, missed: 0, byVictim: {}, over: false })
	}

	async start() {
		this.world = await startKillsWorld(this.scope, this.random, { keyElsewhere: this.keyElsewhere })
		const { turning, lasting, key } = this.world.links
		this.background = Promise.all([0, 1].map(() => this.#callers([...turning, ...lasting, ...key])))
	}

	/* Calls all the time, so that somebody is there to get a wrong answer. */
	async #callers(links) {
		while (!this.over) {
			const status = await this.world.call(links[Math.floor(Math.random() * links.length)])
			await sleep(status ? 10 : 50)
		}
	}

	async stop() {
		this.over = true
		await within(60_000, 'the callers to end', this.background)
		this.world.readLog()
		this.world.checkLeaks()
		await this.world.checkDatabases()
	}

	#next() {
		const { random } = this
		if (random.chance(0.75))
			return this.hits.next(random, ({ victim }) => this.world.victimFor(victim) === victim)
		const { action, victim, service } = random.pick(everyPair())
		return { action, victim, service, after: random.below(60) }
	}

	async try() {
		const { world } = this
		const plan = this.#next()
		plan.victim = world.victimFor(plan.victim)
		plan.link = this.random.pick(world.links[plan.service])
		plan.again = this.random.chance(0.15) && { after: this.random.below(300), victim: this.random.pick(victims) }
		this.tries += 1
		this.byVictim[plan.victim] = (this.byVictim[plan.victim] ?? 0) + 1
		world.now = `try ${this.tries}: ${plan.action} of ${plan.link}, the ${plan.victim} killed `
			+ (plan.step ? `at ${plan.step}` : `after ${plan.after} ms`)
			+ (plan.again ? `, then the ${plan.again.victim} after ${plan.again.after} ms` : '')
		try {
			await this.#run(plan)
		} catch (error) {
			world.fault('status', error.stack.split('\n').slice(0, 4).join(' | '))
			await this.#makeGood(plan)
		}
		world.readLog()
		world.forget()
	}

	async #run(plan) {
		const { world } = this
		if (plan.action === 'first')
			plan.link = await world.newLink(plan.service)
		else if ((await world.statusOf(plan.link)).status !== 'connected')
			await world.consent(plan.link)
		plan.begun = performance.now()
		if (plan.step)
			world.steps.set(`1 stop ${plan.step}`)
		const doing = doings[plan.action](world, plan).catch((error) => ({ error }))
		plan.doing = doing
		await (plan.step ? this.#killAtStep(plan, doing) : sleep(plan.after).then(() => world.kill(plan.victim)))
		if (plan.again) {
			await sleep(plan.again.after)
			const second = world.victimFor(plan.again.victim)
			if (!world.drawbridge.server.end)
				await world.kill(second)
		}
		await world.recover()
		plan.said = await within(60_000, 'an answer or its end', doing)
		await this.#judge(plan)
	}

	async #killAtStep(plan, doing) {
		const { world } = this
		const { step, victim } = plan
		let ended = false
		doing.then(() => { ended = true })
		await eventually('the step', () => world.steps.taken(step) || ended, { every: 2, timeout: 15_000 })
		if (!world.steps.taken(step)) {
			world.steps.set()
			this.missed += 1
			plan.step = undefined
			await world.kill(victim)
			return
		}
		const stopped = world.pidOf(stoppedRole(step))
		const issued = /^(refresh|consent)\.answered$|^exchange\.answered$/.test(step) && plan.action !== 'revoke'
			? world.lastIssued(plan) : undefined
		/* another exchange may have come to this step, like a revocation of a former grant */
		plan.elsewhere = step.startsWith('exchange.') && Boolean(world.lastIssued(plan)) === (step === 'exchange.taken')
		if (issued)
			world.condemned.add(issued) /* nobody has committed it so far */
		await sleep(this.random.below(10))
		await world.kill(victim)
		this.hits.add(plan)
		world.steps.set()
		const survives = victim !== 'parent' && victim !== stoppedRole(step)
		/* the exchanger's answer to a keeper that is no more reaches nobody */
		if (survives && issued && !(victim === 'keeper' && stoppedRole(step) === 'exchanger'))
			world.condemned.delete(issued)
		if (survives)
			killQuietly(stopped, 'SIGCONT')
	}

	/* ---- afterwards ---- */

	async #judge(plan) {
		const { world } = this
		const { link, action } = plan
		const others = { revoke: () => this.#judgeRevoked(plan), rotate: () => this.#judgeRotated(plan),
			first: () => this.#judgeFirst(plan) }
		if (others[action]) {
			await others[action]()
			return
		}
		const status = await this.#settle(plan)
		if (status === 'needs_reconnect')
			await this.#judgeLoss(plan)
		else if (action === 'credential')
			this.#judgeKey(plan)
		await world.checkStatus(link)
		if (this.tries % 10 === 0)
			await world.checkDatabases()
	}

	/* Until calls work, or a person is needed. */
	#settle(plan) {
		const { world } = this
		const { link, action } = plan
		return eventually(`${link} to work or to say why not`, async () => {
			if (action !== 'credential' && action !== 'consent') {
				const asked = await world.drawbridge.api('POST', `/v1/connections/${link}/refresh`).catch(() => undefined)
				if (asked?.status !== 200 && (await world.statusOf(link)).status === 'connected')
					return false
			}
			const called = await world.call(link)
			const { status } = await world.statusOf(link)
			return (status !== 'connected' || called === 200) && status
		}, { timeout: 25_000, every: 100 })
	}

	/* Only a cut between request and commit, with a provider that rotates, may cost a grant, and it says so. */
	async #judgeLoss(plan) {
		const { world } = this
		const { link, service, step, victim, again } = plan
		const { reason } = await world.statusOf(link)
		if (service !== 'turning')
			world.fault('lost', `a grant of a provider that does not rotate: ${reason}`)
		else if (!/^In doubt: .*Connect again/.test(reason))
			world.fault('lost', `not in doubt: ${reason}`)
		else if (!again && step && !plan.elsewhere && plan.action !== 'consent' && costsNothing(step, victim))
			world.fault('lost', `where nothing can be lost: ${reason}`)
		else if (plan.action === 'consent')
			world.fault('lost', `the former grant is gone: ${reason}`)
		else
			world.inDoubt += 1
		await world.consent(link)
	}

	/*
	 * Connected or not, and both sides know which; what was stored before the kill is. There is one grant at the provider
	 * or none; then it connects, and nothing is left there once it is revoked.
	 */
	async #judgeFirst(plan) {
		const { world } = this
		const { link, service, step, again, said } = plan
		const alive = () => world.providers[service].grantsOf(link)
		await world.checkStatus(link)
		const { status, reason } = await world.statusOf(link)
		if (status !== 'connected' && status !== 'not_connected')
			world.fault('status', `after its first consent it is ${status}: ${reason}`)
		if (status !== 'connected' && !again && /^(consent\.(stored|told)|front\.(granted|connected))$/.test(step ?? ''))
			world.fault('lost', `the first grant was stored, and it is ${status}: ${reason}`)
		if (status !== 'connected' && said.status === 200 && /data-connected="true"/.test(said.text))
			world.fault('status', `connected, it was said, and it is ${status}: ${reason}`)
		/* one whose front has died is given back, which nobody waits for */
		const surplus = () => alive().length - (status === 'connected')
		await eventually('no grant to be left', () => surplus() === 0, { timeout: 5000, every: 50 }).catch(() => undefined)
		const left = surplus()
		if (left !== 0 && !(left === 1 && mayLeave(plan)))
			world.fault('status', `${left} grants are left at the provider, and it is ${status}`)
		if (status !== 'connected')
			await world.consent(link)
		if (await eventually('a call to work', () => world.call(link), { timeout: 25_000, every: 100 }) !== 200)
			world.fault('status', 'it was connected in the end, and a call does not work')
		const there = alive()
		const told = await world.endLink(link)
		/* a request that was held up may come to the provider only now: it is still the one that may be left */
		const after = alive()
		if (there.every((grant) => after.includes(grant)) || after.length > Number(mayLeave(plan)))
			world.fault('status', `${after.length} grants are left at the provider after it was revoked, of ${there.length}, and `
				+ `${left} were before: ${JSON.stringify(told)}`)
	}

	/* A new key that was acknowledged is the one in use. */
	#judgeKey({ link, said, key, former }) {
		const inUse = this.world.tokenOf.get(link)
		if (inUse !== key && (said.status === 200 || inUse !== former))
			this.world.fault('status', `the key in use is ${inUse === former ? 'the former one' : 'another one'}`)
	}

	/* Revoked, or still to be revoked; what was told to be revoked is. */
	async #judgeRevoked({ link, said }) {
		const { world } = this
		const { status, reason } = await eventually('a status', () => world.statusOf(link))
		if (said.status === 200 && status !== 'revoked')
			world.fault('status', `revoked, it was said, and it is ${status}: ${reason}`)
		if (!['connected', 'revoked', 'needs_reconnect'].includes(status))
			world.fault('status', `${status}: ${reason}`)
		if (status !== 'revoked')
			await eventually('to be revoked', async () => (await world.drawbridge.api('POST',
				`/v1/connections/${link}/revoke`).catch(() => ({}))).status === 200, { timeout: 25_000, every: 100 })
		await world.checkStatus(link)
		if (await world.call(link) === 200)
			world.fault('status', 'a call works after the access was revoked')
		await world.consent(link)
	}

	/* The rotation goes on, whoever was killed; every credential opens in a keeper that has only what is stored. */
	async #judgeRotated({ said, before }) {
		const { world } = this
		const { id, rotation } = await world.rotationEnds()
		if (rotation?.failed)
			world.fault('keys', `${rotation.failed} data keys did not open`)
		if (said.answer === 202 && id === before)
			world.fault('keys', 'it was begun, it was said, and the former key is in use')
		world.checkKeyFile(id)
		await world.kill(world.victimFor('keeper'))
		await world.recover()
		for (const [service, links] of Object.entries(world.links))
			for (const link of links)
				await this.#opens(service, link)
		await world.checkDatabases()
	}

	async #opens(service, link) {
		const { world } = this
		const status = await this.#settle({ link, action: service === 'key' ? 'credential' : 'refresh' })
		if (status === 'needs_reconnect')
			await this.#judgeLoss({ link, service, action: 'refresh', again: true })
		else if (status !== 'connected')
			world.fault('keys', `${link} is ${status}`)
	}

	/* After a try that failed: as if nothing had been. */
	async #makeGood(plan) {
		const { world } = this
		world.steps.set()
		for (const { pid } of world.drawbridge.server.end ? [] : world.drawbridge.roles())
			killQuietly(pid, 'SIGCONT')
		await plan.doing
		await world.kill('parent')
		await world.recover()
	}
}

/* Each gives the answer of the API, or of the last page. */
const doings = {
	refresh: (world, { link }) => world.drawbridge.api('POST', `/v1/connections/${link}/refresh`),
	async refused(world, { link, service }) {
		world.providers[service].access.delete(world.tokenOf.get(link))
		return { status: await world.call(link) }
	},
	first: (world, plan) => doings.consent(world, plan),
	consent(world, { link, service }) {
		world.providers[service].account = link
		return walkConsent(world.drawbridge, link, consentByItself)
	},
	credential(world, plan) {
		plan.former = world.tokenOf.get(plan.link)
		plan.key = world.nextKey(plan.link)
		return world.drawbridge.api('PUT', `/v1/connections/${plan.link}/credentials`, { token: plan.key })
	},
	revoke: (world, { link }) => world.drawbridge.api('POST', `/v1/connections/${link}/revoke`),
	async rotate(world, plan) {
		plan.before = (await world.rotationEnds()).id
		const said = await world.rotate()
		await world.rotationEnds()
		return said ?? {}
	}
}
