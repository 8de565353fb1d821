// SPDX-License-Identifier: Apache-2.0
/* What a service, or whoever builds a webhook, cannot get out of a run: pieces of a secret, memory, time. */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { startAuthority } from '../support/ca.mjs'
import { bearerService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { startReceiver, reply } from '../support/receiver.mjs'
import { suite } from '../support/scope.mjs'
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
		const answer = await drawbridge.api('POST', '/v1/webhooks/run', { request: { method: 'GET', ...request }, connection, ...more })
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

	it('without a secret a range goes out as it was written', async () => {
		foreign.answers['/open'] = ranged('0123456789', 'range')
		const { response } = await run({ url: `${foreign.url}/open`, headers: [{ name: 'Range', value: 'bytes=2-4' }] }, { connection: null })
		assert.deepEqual([response.status, response.body], [206, '234'])
	})
})
