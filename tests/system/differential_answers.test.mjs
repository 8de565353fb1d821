// SPDX-License-Identifier: Apache-2.0
/*
 * The same answer of a service to Drawbridge, nginx, HAProxy and Node: what two of the three refuse is refused here, a client
 * is never given what the service wrote behind its answer, a connection with anything left over is not used again,
 * and what was cut short never looks whole.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { answerCases, evilMark } from '../support/answer_cases.mjs'
import { bearerService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { proxiesInstalled, startHaproxy, startNginxProxy, startNodeProxy } from '../support/proxies.mjs'
import { sleep, suite } from '../support/scope.mjs'
import { cutAnswers, startRecorder, talk } from '../support/wire.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const token = 'upstream-token-Zq81'

suite('the same answer', (scope) => {
	const cases = answerCases()
	const upstreams = {}
	const targets = {}

	/* /case/N gets the bytes of the case, anything else its own path back. */
	async function answer(request, socket) {
		const path = request.first.split(' ')[1]
		const number = Number(/\/case\/(\d+)/.exec(path)?.[1])
		if (!number)
			return socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`)
		const { pieces, close } = cases[number - 1]
		for (const piece of pieces)
			await (typeof piece === 'number' ? sleep(piece) : socket.write(Buffer.from(piece, 'latin1')))
		if (close === 'cut')
			setTimeout(() => socket.resetAndDestroy(), 30)
		else if (close)
			socket.end()
	}

	async function ask(name, path, method = 'GET') {
		const { port, prefix, fields } = targets[name]
		const bytes = `${method} ${prefix}${path} HTTP/1.1\r\nHost: x\r\n${fields}\r\n`
		const seen = await talk(port, bytes, { quiet: 400, done: (got) =>
			cutAnswers(got, { method }).some(({ status, whole, body }) => status >= 200 && whole && body) })
		const answers = cutAnswers(seen.bytes, { method, ended: seen.ended })
		return { ...seen, answers, final: answers.find(({ status }) => status >= 200) ?? {} }
	}

	before(async () => {
		if (!proxiesInstalled)
			throw new Error('nginx and haproxy are missing: script/test installs them')
		for (const name of ['drawbridge', 'nginx', 'haproxy', 'node'])
			upstreams[name] = await startRecorder(scope, { answer })
		const drawbridge = await startDrawbridge(scope, { flags: ['--answer-timeout', '2s'] })
		await addService(drawbridge, bearerService('odd', { url: upstreams.drawbridge.url }))
		const { link_name: link } = await newConnection(drawbridge, 'odd', { name: 'Odd', credentials: { token } })
		targets.drawbridge = { port: drawbridge.port, prefix: `/via/${link}`,
			fields: `Authorization: Bearer ${drawbridge.key}\r\n` }
		targets.nginx = { port: (await startNginxProxy(scope, upstreams.nginx.port)).port, prefix: '', fields: '' }
		targets.haproxy = { port: (await startHaproxy(scope, upstreams.haproxy.port)).port, prefix: '', fields: '' }
		targets.node = { port: (await startNodeProxy(scope, upstreams.node.port)).port, prefix: '', fields: '' }
		await Promise.all(Object.keys(targets).map(async (name) => {
			for (const each of cases) {
				each.seen ??= {}
				each.next ??= {}
				each.seen[name] = await ask(name, `/case/${each.number}`, each.method)
				await sleep(each.pause ?? 0)
				/* two more, in case the first takes another connection of the pool */
				each.next[name] = [await ask(name, `/next/${each.number}/1`), await ask(name, `/next/${each.number}/2`)]
			}
		}))
		if (process.env.DRAWBRIDGE_DIFFERENCES)
			tell()
	})

	const summary = ({ answers, ended, reset }) =>
		`${answers.map(({ status, whole, malformed, part }) => malformed ? 'malformed' : part ? 'part'
			: `${status}${whole ? '' : '…'}`).join(',') || '-'}${reset ? ' reset' : ended ? ' end' : ''}`

	function tell() {
		for (const each of cases)
			console.log([each.number, ...Object.keys(targets).map((name) => `${name} ${summary(each.seen[name])}`),
				each.name].join('\t'))
	}

	const every = (check) => {
		const complaints = cases.flatMap((each) => {
			const complaint = check(each, each.seen.drawbridge)
			return complaint ? [`${each.number} ${each.name}: ${complaint}`] : []
		})
		assert.deepEqual(complaints, [])
	}

	/* whether the client was given the answer as a good one: a status of the service, and a whole body */
	const taken = ({ final, ended }) => final.status && final.status !== 502 && final.status !== 504
		&& (final.whole || (ended && final.body === undefined))

	it('is not passed on when both nginx and HAProxy refuse it', () => every((each, here) =>
		taken(here) && !taken(each.seen.nginx) && !taken(each.seen.haproxy)
			&& `${summary(here)}; nginx ${summary(each.seen.nginx)}, HAProxy ${summary(each.seen.haproxy)}`))

	it('is not passed on when two of nginx, HAProxy and Node refuse it', () => every((each, here) => {
		const takers = ['nginx', 'haproxy', 'node'].filter((name) => taken(each.seen[name]))
		return taken(here) && takers.length < 2
			&& `${summary(here)}; ${['nginx', 'haproxy', 'node'].map((name) => `${name} ${summary(each.seen[name])}`)}`
	}))

	it('comes as it is where it is sound', () => every((each, { final, answers }) => {
		if (!each.good)
			return false
		const body = final.body?.toString('latin1')
		return (final.status !== each.good.status || body !== each.good.body || !final.whole || answers.length > 1)
			&& `${summary(each.seen.drawbridge)} ${JSON.stringify(body?.slice(0, 60))}`
	}))

	it('is one answer: what came behind it is nobody\'s', () => every((each, { answers, bytes }) => {
		if (answers.filter(({ status }) => status >= 200).length > 1 || answers.some(({ malformed }) => malformed))
			return summary(each.seen.drawbridge)
		return answers.some(({ all }) => all?.('x-evil').includes(evilMark)) && bytes.toString('latin1').slice(0, 200)
	}))

	it('leaves nothing for the next call', () => every((each) => each.next.drawbridge.map(({ final, bytes }, n) =>
		final.body?.toString() !== `/next/${each.number}/${n + 1}` && bytes.toString('latin1').slice(-300)).find(Boolean)))

	it('that is cut short is cut for the client, or 502, never whole', () => every((each, here) => {
		if (here.final.status === 502)
			return here.final.all('drawbridge-error').length !== 1 && 'a 502 that is not ours'
		return each.cut && (here.final.whole || !(here.reset || here.ended)) && summary(here)
	}))

	it('that is no HTTP is 502 upstream_malformed, and no answer at all upstream_unreachable', () => every((each, { final }) => {
		const code = final.status === 502 ? String(final.all('drawbridge-error')) : undefined
		return code !== each.refused && `${final.status} ${code}`
	}))

	it('of 204 has no length, and interim answers stay behind', () => every((each, { answers, final }) => {
		if (final.status === 204 && final.all('content-length').length)
			return 'a length'
		return answers.some(({ status }) => status < 200) && summary(each.seen.drawbridge)
	}))

	it('has fields that can be read in one way only', () => every((each, { answers }) => answers.map(({ fields, all }) => {
		if (!fields)
			return false
		if (all('content-length').length + all('transfer-encoding').length > 1)
			return 'framed twice'
		return fields.some(([, value]) => /[\0-\x08\x0a-\x1f\x7f]/.test(value)) && 'a control character'
	}).find(Boolean)))

	it('is compared in many forms, of which each proxy refuses some', () => {
		assert.ok(cases.length > 180, `${cases.length}`)
		const refused = cases.filter((each) => each.refused)
		assert.ok(refused.length > 110 && refused.every((each) => !each.good && !each.cut), `${refused.length}`)
		for (const name of Object.keys(targets)) {
			const refused = cases.filter((each) => !taken(each.seen[name])).length
			assert.ok(refused > 20 && refused < cases.length - 40, `${name} refuses ${refused} of ${cases.length}`)
		}
	})
})
