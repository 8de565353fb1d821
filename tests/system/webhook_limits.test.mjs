// SPDX-License-Identifier: Apache-2.0
/* What a service, or whoever builds a webhook, cannot get out of a run: pieces of a secret, memory, time. */
import assert from 'node:assert/strict'
import net from 'node:net'
import { before, it } from 'node:test'
import { startAuthority } from '../support/ca.mjs'
import { bearerService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { listen } from '../support/http.mjs'
import { peakBytes } from '../support/process.mjs'
import { startReceiver, reply } from '../support/receiver.mjs'
import { eventually, suite } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const token = 'Token-4711-of-the-limits'

suite('a webhook\'s limits', (scope) => {
	let drawbridge, receiver, foreign, link

	before(async () => {
		const authority = await startAuthority(scope)
		receiver = await startReceiver(scope, { tls: await authority.issue(['127.0.0.1']) })
		foreign = await startReceiver(scope, { tls: await authority.issue(['localhost']), host: 'localhost' })
		drawbridge = await startDrawbridge(scope, { caFile: authority.file })
		const service = await addService(drawbridge, bearerService('limits', receiver))
		link = (await newConnection(drawbridge, service, { credentials: { token } })).link_name
	})

	async function run(request, { connection = link, ...more } = {}) {
		const answer = await drawbridge.api('POST', '/v1/webhooks/run', { request: { method: 'GET', ...request }, connection, ...more },
			{ timeout: 120_000 })
		assert.equal(answer.status, 200, answer.text)
		return answer.json
	}

	/* Answers a text as far as a field of the request asks for. */
	const ranged = (text, field) => (request, response) => {
		const asked = /^bytes=(\d+)-(\d+)$/.exec(request.headers[field] ?? '')
		if (!asked)
			return reply(response, 200, text, { 'content-type': 'text/plain' })
		const [from, to] = asked.slice(1).map(Number)
		return reply(response, 206, text.slice(from, to + 1), { 'content-type': 'text/plain',
			'content-range': `bytes ${from}-${to}/${text.length}` })
	}

	/* The text in pieces of five bytes, too short to be known as parts of a secret. */
	async function inPieces(url, name, through = link) {
		let joined = ''
		for (let n = 0; n < token.length; n += 5) {
			const result = await run({ url, headers: [{ name, value: `bytes=${n}-${n + 4}` }] }, { connection: through,
				response_list: [{ codes: ['2xx'], mappings: [{ variable: 'all', from: 'body' }] }] })
			joined += `${result.response?.body ?? ''}${result.variables?.all ?? ''}`
		}
		return joined
	}

	it('an echoed secret cannot be asked for in pieces', async () => {
		receiver.answers['/stored'] = ranged(token, 'range')
		for (const name of ['Range', 'rANGE'])
			assert.match(await inPieces('/stored', name), /^\*+$/)
		assert.equal(receiver.last().headers.range, undefined)
		const shown = await run({ url: '/stored', headers: [{ name: 'Range', value: 'bytes=0-1' }, { name: 'If-Range', value: '"x"' }] })
		assert.ok(!shown.request.headers.some(({ name }) => /range/i.test(name)), 'what is shown is what was sent')
		assert.equal(receiver.last().headers['if-range'], undefined)
	})

	it('a part that comes by another way is not shown', async () => {
		receiver.answers['/blob'] = ranged(token, 'x-own-range')
		assert.equal(await inPieces('/blob', 'X-Own-Range'), '')
		const { path, problem } = await run({ url: '/blob', headers: [{ name: 'X-Own-Range', value: 'bytes=0-4' }] })
		assert.deepEqual([path, problem.code], ['no_answer', 'upstream_malformed'])
		receiver.answers['/parts'] = (request, response) => reply(response, 206, `--x\r\nContent-Range: bytes 0-4/9\r\n\r\n${token.slice(0, 5)}\r\n--x--`,
			{ 'content-type': 'multipart/byteranges; boundary=x' })
		assert.equal((await run({ url: '/parts' })).problem.code, 'upstream_malformed')
		receiver.answers['/items'] = (request, response) => reply(response, 206, [1, 2], { 'content-range': 'items 0-1/9' })
		assert.deepEqual((await run({ url: '/items' })).response.body, [1, 2], 'a page of a list is whole')
	})

	it('nor behind a redirect, or by a field of the definition', async () => {
		receiver.answers['/away'] = (request, response) => reply(response, 302, {}, { location: `${foreign.url}/stored` })
		foreign.answers['/stored'] = ranged(token, 'range')
		assert.match(await inPieces('/away', 'Range'), /^\*+$/)
		assert.equal(foreign.last().headers.range, undefined)
		const service = await addService(drawbridge, bearerService('ranging', { url: receiver.url,
			base: { headers: { Range: 'bytes=0-4', 'X-Usual': 'u' } } }))
		const { link_name: through } = await newConnection(drawbridge, service, { credentials: { token } })
		assert.match((await run({ url: '/stored' }, { connection: through })).response.body, /^\*+$/)
		assert.deepEqual([receiver.last().headers.range, receiver.last().headers['x-usual']], [undefined, 'u'])
	})

	/* The most that the front has ever had in memory, in MiB. */
	const peak = () => peakBytes(drawbridge.server.pid) / 1024 / 1024

	it('an answer that would take many times its size as values is text', async () => {
		const empty = `[${'{},'.repeat(340_000)}{}]`
		receiver.answers['/empty'] = (request, response) => reply(response, 200, empty)
		const list = [{ codes: ['200'], mappings: [{ variable: 'n', from: '$[0].n' }] }]
		const one = await run({ url: '/empty' }, { response_list: list })
		assert.deepEqual([one.response.json, one.path, one.problem.code], [false, 'other', 'mapping_too_large'])
		assert.equal((await run({ url: '/empty' }, { response_list: [{ codes: ['200'] }] })).path, '200')
		const dense = Array.from({ length: 60_000 }, (_, id) => ({ id }))
		receiver.answers['/dense'] = (request, response) => reply(response, 200, dense)
		assert.deepEqual((await run({ url: '/dense' })).response.body, dense, 'a long list of small objects is not')

		const { id } = await drawbridge.must('POST', '/v1/flows', { draft: { name: 'Empty', blocks: [
			{ id: 'start', type: 'start', paths: { next: 'ask' } },
			{ id: 'ask', type: 'question', text: 'What?', variable: 'v', paths: { next: 'call' } },
			{ id: 'call', type: 'webhook', connection: link, request: { method: 'GET', url: '/empty', timeout_ms: 60_000 }, response_list: list,
				paths: { 200: 'good', other: 'another', no_answer: 'none' } },
			{ id: 'good', type: 'end', text: '200' }, { id: 'another', type: 'end', text: 'other' }, { id: 'none', type: 'end', text: 'none' }] } })
		await drawbridge.must('POST', `/v1/flows/${id}/publish`, {})
		const before = peak()
		const ends = await Promise.all(Array.from({ length: 40 }, async () => {
			const talk = await drawbridge.must('POST', `/v1/flows/${id}/conversations`, {})
			return (await drawbridge.must('POST', `/v1/conversations/${talk.id}/messages`, { text: 'x' }, { key: talk.token })).messages.at(-1).content.text
		}))
		assert.ok(peak() - before < 200, `${before} ${peak()}`)
		assert.deepEqual(new Set(ends), new Set(['other']))
	})

	it('answers under way have so much memory together, and one that finds none says so', async () => {
		const size = 16 * 1024 * 1024 - 2
		const waiting = []
		const plain = await startReceiver(scope)
		const service = await addService(drawbridge, bearerService('plain', plain))
		const { link_name: through } = await newConnection(drawbridge, service, { credentials: { token } })
		plain.answers['/much'] = (request, response) => {
			response.writeHead(200, { 'content-type': 'text/plain' })
			response.write(Buffer.alloc(size, 'x'))
			waiting.push(response)
		}
		plain.answers['/little'] = (request, response) => reply(response, 200, { n: 'y'.repeat(20_000) })
		const before = peak()
		const all = []
		for (let n = 0; n < 44; n += 4) {
			for (let more = 0; more < 4; more++)
				all.push(run({ method: 'POST', url: '/much', max_bytes: 16 * 1024 * 1024, timeout_ms: 120_000 }, { connection: through }))
			await eventually('all to be asked', () => waiting.length === n + 4, { timeout: 60_000 })
		}
		const first = await Promise.race(all)
		assert.deepEqual([first.path, first.problem.code, first.problem.outcome_unknown], ['no_answer', 'overloaded', true])
		assert.equal((await run({ url: '/little' }, { connection: through })).response.body.n.length, 20_000, 'a small one has its place')
		waiting.forEach((each) => each.destroy())
		const results = await Promise.all(all)
		assert.ok(peak() - before < 700, `${before} ${peak()}`)
		assert.ok(results.filter(({ problem }) => problem?.code === 'overloaded').length >= 10)
		plain.answers['/much'] = (request, response) => reply(response, 200, Buffer.alloc(size, 'x'), { 'content-type': 'text/plain' })
		const { response } = await run({ url: '/much', max_bytes: size, timeout_ms: 120_000 }, { connection: through })
		assert.equal(response.bytes, size, 'and afterwards there is room again')
	})

	it('what a service writes into a redirect is in no record', async () => {
		const spelt = [encodeURIComponent(token), token.replaceAll('-', '%2D'), token]
		for (const each of spelt) {
			receiver.answers['/moved'] = (request, response) => reply(response, 302, {}, { location: `/file/${each}/report` })
			const result = await run({ url: '/moved' })
			assert.equal(receiver.last().path, `/file/${each}/report`)
			assert.match(result.redirects[0].url, /\/file\/\*+\/report$/)
			receiver.answers['/abroad'] = (request, response) => reply(response, 302, {}, { location: `${foreign.url}/got?t=${each}` })
			assert.equal((await run({ url: '/abroad' })).problem?.code, 'destination_not_allowed', each)
		}
		assert.ok(!foreign.requests.some(({ path }) => path === '/got'))
		receiver.answers['/moved'] = (request, response) => reply(response, 302, {}, { location: `${foreign.url}/once/ticket-4712` })
		await run({ url: '/moved' })
		const calls = await eventually('the calls to be recorded', async () => {
			const { items } = await drawbridge.must('GET', '/v1/calls?limit=200')
			return items.filter(({ path }) => path === '/moved').length === spelt.length + 1 && items
		})
		const text = JSON.stringify(calls)
		for (const each of [...spelt, 'ticket-4712', '/report'])
			assert.ok(!text.includes(each), each)
		assert.equal(calls.filter(({ path, host }) => !path && host === '127.0.0.1').length, spelt.length)
		assert.equal(calls.filter(({ path, host }) => !path && host === 'localhost').length >= 1, true)
	})

	it('a coding that is none is told in words that can be told', async () => {
		const heads = ['\xff', 'gzip\xe9', `${'x'.repeat(39)}\xc3\xa9`, token]
		let next = 0
		const server = net.createServer((socket) => {
			socket.on('error', () => {})
			socket.once('data', () => socket.end(Buffer.from(`HTTP/1.1 200 OK\r\nContent-Encoding: ${heads[next]}\r\nContent-Length: 1\r\n\r\nx`, 'latin1')))
		})
		const port = await listen(scope, server)
		const service = await addService(drawbridge, bearerService('codings', { url: `http://127.0.0.1:${port}` }))
		const { link_name: through } = await newConnection(drawbridge, service, { credentials: { token } })
		for (next = 0; next < heads.length; next++) {
			const result = await run({ method: 'POST', url: '/' }, { connection: through })
			assert.deepEqual([result.path, result.problem.code, result.problem.outcome_unknown], ['no_answer', 'upstream_malformed', true])
			assert.ok(!JSON.stringify(result).includes(token.slice(0, 10)))
		}
	})

	it('what was sent once stays an unknown outcome, whatever comes after it', async () => {
		const server = net.createServer((socket) => {
			socket.on('error', () => {})
			socket.once('data', () => {
				server.close()
				socket.resetAndDestroy()
			})
		})
		const port = await listen(scope, server)
		const service = await addService(drawbridge, bearerService('gone', { url: `http://127.0.0.1:${port}` }))
		const { link_name: through } = await newConnection(drawbridge, service, { credentials: { token } })
		const put = await run({ method: 'PUT', url: '/', retries: { max: 1 } }, { connection: through })
		assert.deepEqual([put.attempts, put.problem.code, put.problem.outcome_unknown], [2, 'upstream_unreachable', true])
		const again = await run({ method: 'PUT', url: '/', retries: { max: 1 } }, { connection: through })
		assert.deepEqual([again.problem.code, again.problem.outcome_unknown], ['upstream_unreachable', undefined], 'nothing was sent')
		receiver.answers['/wrong'] = (request, response) => reply(response, 200, 'not packed', { 'content-encoding': 'gzip' })
		const post = await run({ method: 'POST', url: '/wrong' })
		assert.deepEqual([post.problem.code, post.problem.outcome_unknown], ['upstream_malformed', true])
	})

	it('without a secret a range goes out as it was written', async () => {
		foreign.answers['/open'] = ranged('0123456789', 'range')
		const { response } = await run({ url: `${foreign.url}/open`, headers: [{ name: 'Range', value: 'bytes=2-4' }] }, { connection: null })
		assert.deepEqual([response.status, response.body], [206, '234'])
	})
})
