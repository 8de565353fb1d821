// SPDX-License-Identifier: Apache-2.0
/*
 * Importing a curl command through API and CLI: the credential in it is nowhere afterwards, neither in the answer nor
 * in the log.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { Contract } from '../support/contract.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { suite } from '../support/scope.mjs'

suite('importing curl commands', (scope) => {
	const contract = new Contract()
	const secret = 'sk_live_n0tT0BeSeen8841aa77'
	let drawbridge

	async function ask(status, body, options = {}) {
		const answer = await drawbridge.api('POST', '/v1/webhooks/import', body, options)
		contract.answer('importCurl', answer)
		assert.equal(answer.status, status, answer.text)
		return answer
	}

	before(async () => {
		drawbridge = await startDrawbridge(scope)
	})

	it('a command becomes a request and an offer', async () => {
		const { json, text } = await ask(200, {
			curl: `curl https://api.stripe.com/v1/charges -u "${secret}:" -d amount=2000 -x proxy:1 | jq .` })
		assert.ok(!text.includes(secret), text)
		assert.equal(json.request.method, 'POST')
		assert.equal(json.request.url, 'https://api.stripe.com/v1/charges')
		assert.deepEqual(json.request.body, { type: 'form', content: [{ name: 'amount', value: '2000' }] })
		assert.deepEqual(json.offers, [{ kind: 'basic', place: 'header', name: 'Authorization', prefix: 'Basic ',
			host: 'api.stripe.com', services: ['stripe'] }])
		assert.deepEqual(json.notes.map(({ option }) => option), [null, '--proxy'])
		assert.deepEqual(json.hints, [])
	})

	it('wherever the credential stands, it is not told again', async () => {
		const host = 'https://h.example/x'
		for (const curl of [`curl ${host} -H 'Authorization: Bearer ${secret}'`, `curl ${host}?api_key=${secret}`,
			`curl ${host} -H 'X-Thing: ${secret}'`, `curl ${host} --json '{"a":{"password":"${secret}"}}'`,
			`curl ${host} -b sid=${secret}`, `curl ${host} -d 'text ${secret}'`, `curl https://x:${secret}@h.example/`,
			`curl ${host} --no-such-option ${secret}`, `curl ${host} '${secret}`, `wget ${secret}`]) {
			const answer = await drawbridge.api('POST', '/v1/webhooks/import', { curl })
			contract.answer('importCurl', answer)
			assert.ok(!answer.text.includes(secret), `${curl}: ${answer.text}`)
		}
	})

	it('what is no command is refused, with what to do', async () => {
		const { json } = await ask(400, { curl: 'curl "https://h.example/" ^\r\n -H "A: b"' })
		assert.equal(json.code, 'invalid_request')
		assert.match(json.hint, /bash/)
		assert.equal((await ask(400, {})).json.pointer, '/curl')
		assert.equal((await ask(400, { curl: 5 })).json.pointer, '/curl')
		assert.equal((await ask(400, { curl: 'curl https://h.example/', more: 1 })).json.code, 'unknown_field')
		await ask(403, { curl: 'curl https://h.example/' }, { key: await drawbridge.createKey('viewer') })
	})

	it('the hint on a list that ignores its filter comes along', async () => {
		const { json } = await ask(200, { curl: 'curl "https://desk.zoho.com/api/v1/tickets?ticketNumber=1"' })
		assert.deepEqual(json.hints.map(({ pointer, code }) => [pointer, code]), [['/url', 'filter_ignored']])
	})

	it('the CLI shows the request, and what was left out', async () => {
		const { stdout, stderr } = await drawbridge.cli(['webhook', 'import'],
			{ stdin: `curl -H "Authorization: Bearer ${secret}" \\\n https://api.openai.com/v1/models` })
		assert.equal(JSON.parse(stdout).url, 'https://api.openai.com/v1/models')
		assert.match(stderr, /bearer.*openai/)
		assert.ok(!`${stdout}${stderr}`.includes(secret))
	})

	it('the log holds nothing of it', () => assert.ok(!drawbridge.server.stderr.includes(secret)))
})
