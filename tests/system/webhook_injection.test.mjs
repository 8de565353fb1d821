// SPDX-License-Identifier: Apache-2.0
/*
 * What a visitor types stays a value: each hostile value in each place of a request, read by strict parsers (Node's
 * http, URLSearchParams, busboy, fast-xml-parser, JSON). The receiver sees the parameters, segments, fields and members
 * that the block's author wrote, no more and no fewer, and the value unchanged; or nothing is sent.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { keyService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { hostileValues, places, spellings, typedValues } from '../support/hostile_values.mjs'
import { startReceiver } from '../support/receiver.mjs'
import { suite } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('a value in a request', (scope) => {
	const key = 'receiver-key-0815'
	let drawbridge, receiver, connection, turn = 0

	before(async () => {
		receiver = await startReceiver(scope)
		drawbridge = await startDrawbridge(scope)
		const service = await addService(drawbridge, keyService('receiver', receiver))
		connection = (await newConnection(drawbridge, service, { credentials: { api_key: key } })).link_name
	})

	/* One run, judged; gives what is wrong with it, or nothing. */
	async function tried(place, value, text, wanted) {
		const before = receiver.requests.length
		const { status, json, text: answer } = await drawbridge.api('POST', '/v1/webhooks/run', { connection,
			request: place.request(spellings[turn++ % spellings.length]), input: { v: value, other: 'SECOND' } })
		const sent = receiver.requests.slice(before)
		if (text.includes('\u0000')) {
			assert.deepEqual([status, json.code, sent.length], [400, 'invalid_json', 0], 'no JSON of ours holds NUL')
			return
		}
		assert.equal(status, 200, answer)
		if (place.refuses?.(text)) {
			assert.deepEqual([json.path, json.problem?.code, sent.length], ['no_answer', 'invalid_request', 0])
			return
		}
		assert.equal(sent.length, 1, answer)
		assert.equal(sent[0].error, undefined)
		assert.equal(sent[0].headers['x-api-key'], key)
		assert.equal(sent[0].headers.host, `127.0.0.1:${receiver.port}`)
		assert.deepEqual(place.sees(sent[0]), wanted)
		assert.equal(json.response.status, 200, answer)
	}

	for (const [name, place] of Object.entries(places))
		it(`stays one in: ${name}`, async () => {
			const wrong = []
			const all = [...Object.values(hostileValues).map((value) => [value, value]), ...typedValues]
			for (const [value, text] of all)
				await tried(place, value, text, place.wants(place.typed ? value : text)).catch((error) => {
					wrong.push(`${JSON.stringify(value).slice(0, 80)}: ${error.message.slice(0, 1200)}`)
				})
			assert.deepEqual(wrong, [])
		})

	it('stands nowhere in front of the path', async () => {
		for (const url of ['https://{{input.v}}/x', 'https://a.{{input.v}}/x', 'https://a.example{{input.v}}', 'https://a.example:{{input.v}}/', '{{input.v}}://a.example/',
			'{{input.v}}', '@{input.v}/x', 'https://{{input.v}}@a.example/', '//{{input.v}}/x']) {
			const answer = await drawbridge.api('POST', '/v1/webhooks/run', { request: { method: 'GET', url }, input: { v: 'evil.example' } })
			assert.deepEqual([answer.status, answer.json.pointer], [400, '/request/url'], `${url} ${answer.text}`)
		}
	})

	it('is text to the end: half of a character is refused whole', async () => {
		const before = receiver.requests.length
		for (const bytes of ['"\\ud800"', '"a\\udc00b"', Buffer.from([0x22, 0xff, 0x22]), Buffer.from([0x22, 0xc0, 0xaf, 0x22]),
			Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])]) {
			const body = Buffer.concat([Buffer.from('{"request":{"method":"GET","url":"/x","query":[{"name":"q","value":"{{input.v}}"}]},'
				+ `"connection":"${connection}","input":{"v":`), Buffer.from(bytes), Buffer.from('}}')])
			const { status, text } = await drawbridge.api('POST', '/v1/webhooks/run', body, { headers: { 'content-type': 'application/json' } })
			assert.equal(status, 400, text)
		}
		assert.equal(receiver.requests.length, before)
	})

	it('too long for its place is refused, not cut', async () => {
		const before = receiver.requests.length
		const long = 'x'.repeat(600_000)
		for (const name of ['segment of the path', 'query row', 'header', 'JSON string', 'XML attribute', 'idempotency key']) {
			const { status, json } = await drawbridge.api('POST', '/v1/webhooks/run',
				{ connection, request: places[name].request('{{input.v}}{{input.v}}'), input: { v: long } })
			if (status === 413)
				continue
			assert.deepEqual([json.path, json.problem.code], ['no_answer', 'invalid_request'], name)
		}
		assert.equal(receiver.requests.length, before)
	})
})
