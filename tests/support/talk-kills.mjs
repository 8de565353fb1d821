// SPDX-License-Identifier: Apache-2.0
/*
 * Visitors who talk while processes are killed. Each knows what his conversation may look like; an answer that does not
 * come is sent again, with its id. What is found wrong goes to `wrong`, by kind:
 *
 *   lost      a conversation that was begun is not there, or does not end
 *   doubled   a message stands twice, a number is missing, or a visitor's message was taken twice
 *   illegal   what was said is no run of the flow
 *   repeated  a write without an Idempotency-Key was sent twice; with one, with another key
 *   crashes   a role ended by itself
 */
import http from 'node:http'
import { join } from 'node:path'
import { keyService } from './definitions.mjs'
import { startDrawbridge } from './drawbridge.mjs'
import { listen, readBody } from './http.mjs'
import { killQuietly, mustRun } from './process.mjs'
import { Random } from './random.mjs'
import { eventually, Scope, sleep } from './scope.mjs'
import { Steps } from './steps.mjs'
import { addService, newConnection } from './worlds.mjs'

export const kinds = ['lost', 'doubled', 'illegal', 'repeated', 'crashes']
const steps = ['flow.begun', 'flow.answered', 'flow.call_noted', 'flow.call_done', 'flow.taken']
const victims = ['front', 'front', 'keeper', 'parent']
/* Pauses before a restart double with each death, so a server that has had some is ended as a whole. */
const deathsMax = 3

/* An API that thinks a while, and remembers who has called, how often, with which key. */
async function startRemembering(scope, random) {
	const api = { calls: new Map() }
	const server = http.createServer(async (request, response) => {
		await readBody(request)
		const n = new URL(request.url, 'http://x').searchParams.get('n')
		const calls = api.calls.get(n) ?? []
		api.calls.set(n, [...calls, { method: request.method, key: request.headers['idempotency-key'] }])
		await sleep(random.below(200))
		const text = JSON.stringify({ said: `for ${n}` })
		response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length })
		response.end(text)
	})
	api.port = await listen(scope, server)
	api.url = `http://127.0.0.1:${api.port}`
	return api
}

const variables = { session: [{ name: 'n' }], flow: [{ name: 'count', default: 0 }, { name: 'who' }, { name: 'said' }] }
const start = { id: 'start', type: 'start', paths: { next: 'ask' } }
const ask = { id: 'ask', type: 'question', text: 'Who?', variable: 'who', paths: { next: 'count' } }
const count = { id: 'count', type: 'set', set: [{ variable: 'flow.count', add: '1' }], paths: { next: 'call' } }
const call = (connection, request, good) => ({ id: 'call', type: 'webhook', connection,
	request: { url: '/x', query: [{ name: 'n', value: '{{session.n}}' }], ...request },
	response_list: [{ codes: ['200'], mappings: [{ variable: 'said', from: '$.said' }] }],
	paths: { 200: good, other: 'none', no_answer: 'none' } })
const none = { id: 'none', type: 'end', text: 'Unknown {{flow.count}}' }

/* Name of a flow: its blocks, and the rest of what is said behind "Who?" and the name, if the call went well. */
const flows = (link) => ({
	read: { blocks: [start, ask, count, call(link, { method: 'GET' }, 'which'),
		{ id: 'which', type: 'choice', text: 'Got {{block.said}}', choices: [{ id: 'more', label: 'More' }, { id: 'no', label: 'No' }],
			paths: { more: 'again', no: 'bye' } },
		{ id: 'again', type: 'set', set: [{ variable: 'flow.count', add: '1' }], paths: { next: 'which' } },
		{ id: 'bye', type: 'end', text: 'Bye {{input.who}} {{flow.count}}' }, none] },
	write: { blocks: [start, ask, count, call(link, { method: 'POST', body: { type: 'json', content: {} } }, 'bye'),
		{ id: 'bye', type: 'end', text: 'Got {{block.said}}' }, none] },
	keyed: { blocks: [start, ask, count, call(link, { method: 'POST', idempotency_key: 'key-{{session.n}}' }, 'keep'),
		{ id: 'keep', type: 'set', set: [{ variable: 'flow.who', value: '{{input.who}}' },
			{ variable: 'flow.said', value: '{{block.said}}' }], paths: { next: 'over' } },
		{ id: 'over', type: 'jump', to: { flow: 'other' } }, none] },
	other: { blocks: [{ id: 'start', type: 'start', paths: { next: 'sure' } },
		{ id: 'sure', type: 'question', kind: 'yes_no', text: 'Sure, {{flow.who}}?', variable: 'sure', paths: { next: 'bye' } },
		{ id: 'bye', type: 'end', text: 'Got {{flow.said}}' }] }
})

/* What a visitor says to this, by the last text of the bot; a number of choices is drawn before. */
function reply({ expects }, plan) {
	if (expects.type === 'choice')
		return { choice: plan.more-- > 0 ? 'more' : 'no' }
	if (expects.type === 'yes_no')
		return { text: 'yes' }
	return { text: plan.name }
}

/* Every text of a run, in order; good: the call went well. */
function run(plan, good) {
	const texts = ['Who?', plan.name]
	if (!good)
		return [...texts, 'Unknown 1']
	if (plan.flow === 'read') {
		for (let n = 0; n < plan.drawn; n++)
			texts.push(`Got for ${plan.n}`, 'More')
		return [...texts, `Got for ${plan.n}`, 'No', `Bye ${plan.name} ${plan.drawn + 1}`]
	}
	return plan.flow === 'write' ? [...texts, `Got for ${plan.n}`]
		: [...texts, `Sure, ${plan.name}?`, 'yes', `Got for ${plan.n}`]
}

class TalkKills {
	constructor(scope, seed) {
		Object.assign(this, { scope, random: new Random(seed), wrong: [], plans: [], kills: 0, byStep: 0, repeats: 0,
			deaths: 0, over: false, next: 0 })
	}

	fault(kind, what) {
		this.wrong.push({ kind, what })
	}

	async start() {
		this.api = await startRemembering(this.scope, this.random)
		this.steps = new Steps(this.scope)
		this.drawbridge = await startDrawbridge(this.scope, this.steps.options)
		const service = await addService(this.drawbridge, keyService('remembers', this.api))
		const { link_name: link } = await newConnection(this.drawbridge, service, { credentials: { api_key: 'key-of-kills' } })
		const all = flows(link)
		this.flows = {}
		for (const name of ['other', 'read', 'write', 'keyed']) {
			const made = await this.drawbridge.must('POST', '/v1/flows', { link_name: name,
				draft: { name, variables, ...all[name] } })
			await this.drawbridge.must('POST', `/v1/flows/${made.id}/publish`, {})
			this.flows[name] = made.id
		}
	}

	/* Until there is an answer that is not for want of a server. */
	async #ask(method, path, body, key) {
		for (;;) {
			try {
				const answer = await this.drawbridge.api(method, path, body, { key, timeout: 30_000 })
				if (answer.status < 500)
					return answer
			} catch { /* killed */ }
			this.repeats += 1
			await sleep(50 + this.random.below(100))
			if (performance.now() > this.giveUpAt)
				return { status: 0 }
		}
	}

	async visitor() {
		while (!this.over)
			await this.#talk()
	}

	async #talk() {
		const n = String(this.next++)
		const drawn = this.random.below(3)
		const plan = { n, name: `Visitor ${n}`, flow: this.random.pick(['read', 'write', 'keyed']), drawn, more: drawn, sent: 0 }
		let began
		try {
			began = await this.drawbridge.api('POST', `/v1/flows/${this.flows[plan.flow]}/conversations`, { session: { n } })
		} catch { /* nobody knows whether there is one */ }
		if (began?.status !== 201) {
			await sleep(50)
			return
		}
		this.plans.push(Object.assign(plan, { id: began.json.id, token: began.json.token }))
		await this.#goOn(plan, began.json)
	}

	async #goOn(plan, talk) {
		while (talk?.state === 'waiting' || talk?.state === 'calling') {
			const path = `/v1/conversations/${plan.id}`
			let answer
			if (talk.state === 'calling') {
				await sleep(100)
				answer = await this.#ask('GET', path, undefined, plan.token)
			} else {
				const body = { id: `m${plan.sent++}`, ...reply(talk, plan) }
				answer = await this.#ask('POST', `${path}/messages`, body, plan.token)
				if (answer.status === 409 || answer.status === 429) {
					this.fault('illegal', `${plan.n} ${plan.flow}: ${answer.status} ${answer.text}`)
					return
				}
			}
			if (answer.status !== 200) {
				this.fault('lost', `${plan.n} ${plan.flow}: ${answer.status} ${answer.text}`)
				return
			}
			talk = answer.json
		}
		plan.ended = talk?.state
	}

	/* ---- kills ---- */

	async kill() {
		const { random, drawbridge } = this
		const step = random.chance(0.5) && random.pick(steps)
		if (step) {
			this.steps.set(`1 kill ${step}`)
			await eventually('the step', () => this.steps.taken(step), { timeout: 3000, every: 10 }).catch(() => {})
			this.byStep += this.steps.taken(step)
			this.steps.set()
			this.deaths += 1
		} else {
			const victim = this.deaths >= deathsMax ? 'parent' : random.pick(victims)
			killQuietly(victim === 'parent' ? drawbridge.server.pid : drawbridge.role(`--role=${victim}`), 'SIGKILL')
			this.deaths = victim === 'parent' ? 0 : this.deaths + 1
			if (victim === 'parent')
				await drawbridge.server.ended
		}
		this.kills += 1
		await this.recover()
	}

	async recover() {
		if (this.drawbridge.server.end)
			await this.drawbridge.start()
		else
			await this.drawbridge.ready()
	}

	/* ---- what must be true ---- */

	async check() {
		for (const plan of this.plans)
			await this.#checkOne(plan)
		const states = await mustRun('sqlite3', ['-readonly', join(this.drawbridge.data, 'store/drawbridge.db'),
			'.timeout 5000', 'SELECT status, count(*) FROM conversations GROUP BY status'])
		/* those whose beginning was not told wait for a visitor who does not know of them */
		if (/calling|failed/.test(states))
			this.fault('lost', `at the end there are ${states}`)
		for (const line of this.drawbridge.log.split('\n'))
			if (/a role has ended/.test(line) && !/signal.*\b9\b/.test(line) || /Sanitizer|assertion|runtime error:/i.test(line))
				this.fault('crashes', line)
	}

	async #checkOne(plan) {
		const { status, json, text } = await this.drawbridge.api('GET', `/v1/conversations/${plan.id}`, undefined,
			{ key: plan.token })
		if (status !== 200 || json.state !== 'ended') {
			this.fault('lost', `${plan.n} ${plan.flow}: ${status} ${text}`)
			return
		}
		const texts = json.messages.map(({ content }) => content.text)
		if (json.messages.some(({ seq }, at) => seq !== at + 1))
			this.fault('doubled', `${plan.n}: ${json.messages.map(({ seq }) => seq)}`)
		const good = !texts.includes('Unknown 1')
		if (JSON.stringify(texts) !== JSON.stringify(run(plan, good)))
			this.fault('illegal', `${plan.n} ${plan.flow}: ${JSON.stringify(texts)}`)
		this.#checkCalls(plan, good)
	}

	#checkCalls({ n, flow }, good) {
		const calls = this.api.calls.get(n) ?? []
		if (flow === 'write' && calls.length > 1)
			this.fault('repeated', `${n}: ${calls.length} writes without a key`)
		if (flow === 'keyed' && calls.some(({ key }) => key !== `"key-${n}"` && key !== `key-${n}`))
			this.fault('repeated', `${n}: ${JSON.stringify(calls)}`)
		if (good && calls.length === 0)
			this.fault('illegal', `${n}: an answer, and nobody was asked`)
		/* what is safe to be asked again is, but not for ever */
		if (flow !== 'write' && calls.length > 3)
			this.fault('repeated', `${n}: ${calls.length} attempts`)
	}
}

/* Kills for so long, with so many visitors; then everything must end. */
export async function runTalkKills({ seconds, visitors = 24, seed, tell = () => {} }) {
	const scope = new Scope()
	try {
		const world = new TalkKills(scope, seed)
		await world.start()
		const end = performance.now() + seconds * 1000
		world.giveUpAt = end + 60_000
		const talking = Promise.all(Array.from({ length: visitors }, () => world.visitor()))
		let told = performance.now()
		while (performance.now() < end) {
			await sleep(300 + world.random.below(1500))
			await world.kill()
			if (performance.now() - told > 60_000) {
				told = performance.now()
				tell(lineOf(world))
			}
		}
		world.over = true
		await talking
		await world.check()
		return { ...summary(world), line: lineOf(world) }
	} finally {
		await scope.close()
	}
}

function summary({ plans, kills, byStep, repeats, wrong, api }) {
	const unknown = [...api.calls.values()].filter((calls) => calls.length > 1).length
	return { talks: plans.length, kills, byStep, repeats, wrong, calledAgain: unknown }
}

const lineOf = (world) => {
	const { talks, kills, byStep, repeats, calledAgain, wrong } = summary(world)
	return `${kills} kills (${byStep} at steps), ${talks} conversations, ${repeats} requests sent again, `
		+ `${calledAgain} calls made again, ${wrong.length} wrong`
}
