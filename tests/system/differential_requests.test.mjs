// SPDX-License-Identifier: Apache-2.0
/*
 * The same bytes to Drawbridge, nginx, HAProxy and Node: what two of the three refuse is refused here, one request is never two upstream, and what goes upstream carries one credential, ours.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { bearerService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { proxiesInstalled, startHaproxy, startNginxProxy, startNodeProxy } from '../support/proxies.mjs'
import { requestCases } from '../support/request_cases.mjs'
import { suite } from '../support/scope.mjs'
import { cutAnswers, startRecorder, talk } from '../support/wire.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const token = 'upstream-token-Zq81'
const atOnce = 24

suite('the same request', (scope) => {
	const upstreams = {}
	const ports = {}
	let drawbridge, cases, key

	const caseOf = (request) => Number(request.all('x-case')[0])
	const seenBy = (name, number) => upstreams[name].requests.filter((request) => caseOf(request) === number)

	async function ask(each) {
		for (const name of Object.keys(ports)) {
			each.seen ??= {}
			each.seen[name] = talk(ports[name], each.bytes, { quiet: 700,
				done: (bytes) => cutAnswers(bytes).filter(({ whole, status }) => whole && status >= 200).length > each.requests })
		}
		for (const name of Object.keys(ports)) {
			const { bytes, ended } = await each.seen[name]
			each.seen[name] = { answers: cutAnswers(bytes, { ended }), ended }
		}
	}

	before(async () => {
		if (!proxiesInstalled)
			throw new Error('nginx and haproxy are missing: script/test installs them')
		for (const name of ['drawbridge', 'nginx', 'haproxy', 'node'])
			upstreams[name] = await startRecorder(scope)
		drawbridge = await startDrawbridge(scope)
		await addService(drawbridge, bearerService('recorded', { url: upstreams.drawbridge.url }))
		const { link_name: link } = await newConnection(drawbridge, 'recorded', { name: 'Recorded', credentials: { token } })
		key = drawbridge.key
		ports.drawbridge = drawbridge.port
		ports.nginx = (await startNginxProxy(scope, upstreams.nginx.port)).port
		ports.haproxy = (await startHaproxy(scope, upstreams.haproxy.port)).port
		ports.node = (await startNodeProxy(scope, upstreams.node.port)).port
		cases = requestCases({ link, key })
		const queue = [...cases]
		await Promise.all(Array(atOnce).fill().map(async () => {
			for (let each; (each = queue.shift());)
				await ask(each)
		}))
		if (process.env.DRAWBRIDGE_DIFFERENCES)
			tell()
	})

	function tell() {
		for (const each of cases) {
			const row = Object.keys(ports).map((name) => {
				const statuses = each.seen[name].answers.map(({ status, part, malformed }) =>
					status ?? (malformed ? 'malformed' : part ? 'part' : '?')).join(',')
				return `${name} ${seenBy(name, each.number).length}:${statuses || '-'}`
			})
			console.log(`${each.number}\t${row.join('\t')}\t${each.name}`)
		}
	}

	/* check(case) -> a complaint, or nothing; all complaints come together. */
	const every = (check) => {
		const complaints = cases.flatMap((each) => {
			const complaint = check(each)
			return complaint ? [`${each.number} ${each.name}: ${complaint}`] : []
		})
		assert.deepEqual(complaints, [])
	}

	it('is not let through when both nginx and HAProxy refuse it', () => every((each) => {
		const here = seenBy('drawbridge', each.number).length
		const most = Math.max(seenBy('nginx', each.number).length, seenBy('haproxy', each.number).length)
		return here > most && `${here} upstream here, ${most} there`
	}))

	/* RFC 9110: a tab behind a value is as good as a blank (5.6.3), and a method is any token (9.1). */
	const sound = /^a (length: 3|coding: chunked)\\x09$|^a request line: get /

	it('is not let through when two of nginx, HAProxy and Node refuse it', () => every((each) => {
		const here = seenBy('drawbridge', each.number).length
		const there = ['nginx', 'haproxy', 'node'].map((name) => seenBy(name, each.number).length)
		const [, second] = [...there].sort((a, b) => b - a)
		return here > second && !sound.test(each.name) && `${here} upstream here, ${there} there`
	}))

	it('is never more requests upstream than a strict reader sees in it', () => every((each) => {
		const here = seenBy('drawbridge', each.number).length
		return here > each.requests && `${here} upstream`
	}))

	it('is answered, or refused with a status, or the connection is closed', () => every((each) => {
		const { answers, ended } = each.seen.drawbridge
		const finals = answers.filter(({ status }) => status >= 200)
		if (answers.some(({ malformed }) => malformed))
			return 'the answer is malformed'
		if (seenBy('drawbridge', each.number).length > finals.length)
			return 'more went upstream than was answered'
		/* what is neither answered nor closed waits for bytes that the case withholds */
		return finals.length === 0 && !ended && !/HTTP\/0.9|TLS|huge/.test(each.name)
			&& seenBy('nginx', each.number).length > 0 && seenBy('haproxy', each.number).length > 0 && 'no answer'
	}))

	it('reaches the service with its body as one of the others read it', () => every((each) => {
		const bodies = ['nginx', 'haproxy', 'node'].flatMap((name) => seenBy(name, each.number))
			.map(({ body }) => body.toString('latin1'))
		const [first] = seenBy('drawbridge', each.number)
		return first && bodies.length > 0 && !bodies.includes(first.body.toString('latin1'))
			&& `the body is ${JSON.stringify(first.body.toString('latin1').slice(0, 60))}`
	}))

	it('reaches the service with one Authorization, which is the connection\'s, and one Host, which is its own', () => {
		const host = `127.0.0.1:${upstreams.drawbridge.port}`
		every((each) => seenBy('drawbridge', each.number).map(({ first, fields, all }) => {
			if (all('authorization').join() !== `Bearer ${token}`)
				return `Authorization: ${all('authorization').join()}`
			if (all('host').join() !== host)
				return `Host: ${all('host').join()}`
			if (fields.some(([name]) => /^(cookie|forwarded|te|trailer|upgrade|expect|connection|keep.alive)$/.test(name)))
				return `fields: ${fields.map(([name]) => name)}`
			if (fields.some(([name]) => /^(authorization|content|transfer|proxy|x.forwarded|host)[^a-z]/.test(name)
				&& !['content-length', 'transfer-encoding'].includes(name)))
				return `a twin: ${fields.map(([name]) => name)}`
			return JSON.stringify([first, fields]).includes(key) && 'the caller\'s key'
		}).find(Boolean))
	})

	it('is well-formed HTTP/1.1 when it leaves, whatever it was', () => {
		assert.deepEqual(upstreams.drawbridge.malformed, [])
		for (const { first, all } of upstreams.drawbridge.requests) {
			assert.match(first, /^[!#$%&'*+\-.^_`|~\w]+ \/[\x21-\x7e]* HTTP\/1\.1$/)
			assert.ok(Number.isInteger(Number(all('x-case')[0] ?? 0)))
		}
	})

	it('that is refused ends the connection, so that nothing behind it is read', () => every((each) => {
		const bad = each.seen.drawbridge.answers.findIndex(({ status, all }) =>
			status === 400 && !all('drawbridge-error').includes('invalid_target'))
		return bad >= 0 && each.seen.drawbridge.answers.length > bad + 1 && 'an answer behind a 400'
	}))

	it('is compared in some hundreds of forms, of which each proxy refuses some', () => {
		assert.ok(cases.length > 400, `${cases.length}`)
		for (const name of ['drawbridge', 'nginx', 'haproxy', 'node']) {
			const refused = cases.filter((each) => seenBy(name, each.number).length === 0).length
			assert.ok(refused > 50 && refused < cases.length - 50, `${name} refuses ${refused} of ${cases.length}`)
		}
	})
})
