// SPDX-License-Identifier: Apache-2.0
/*
 * docs/flow.schema.json and Drawbridge judge documents alike: a document with every field, and a few thousand that
 * come of changing one of its members. What a schema cannot say is listed here, by the problem's code.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, it } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { keyService } from '../support/definitions.mjs'
import { root, startDrawbridge } from '../support/drawbridge.mjs'
import { changed, everything } from '../support/flow_documents.mjs'
import { suite } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

/* What only shows on the whole, or in a language of its own. */
const beyond = new Set(['no_such_block', 'missing_exit', 'duplicate_id', 'duplicate', 'second_start', 'no_start', 'loop', 'unknown_variable',
	'template', 'jsonpath', 'pattern', 'invalid_range', 'connection_not_found', 'no_such_flow'])
/* Whose paths are named by the document. */
const named = new Set(['choice', 'condition', 'webhook'])

suite('the schema of flows', (scope) => {
	const validate = new Ajv2020({ strict: false, allErrors: true }).compile(JSON.parse(readFileSync(join(root, 'docs/flow.schema.json'), 'utf8')))
	let drawbridge, document, id

	before(async () => {
		drawbridge = await startDrawbridge(scope)
		const service = await addService(drawbridge, keyService('used', { url: 'http://127.0.0.1:1' }))
		document = everything((await newConnection(drawbridge, service, { credentials: { api_key: 'key-of-used' } })).link_name)
		id = (await drawbridge.must('POST', '/v1/flows', { draft: document })).id
	})

	/* All errors, and those of them that a schema could have told. */
	async function judged(draft) {
		const answer = await drawbridge.api('PUT', `/v1/flows/${id}`, { draft })
		assert.equal(answer.status, 200, answer.text.slice(0, 300))
		const type = (problem) => draft.blocks.find?.((each) => each?.id === problem.block)?.type
		const errors = answer.json.problems.filter(({ severity }) => severity === 'error')
		return { errors, plain: errors.filter((each) => !beyond.has(each.code) && !(each.code === 'unknown_exit' && named.has(type(each)))) }
	}

	it('takes a document with every field, as Drawbridge does', async () => {
		const { problems } = await drawbridge.must('PUT', `/v1/flows/${id}`, { draft: document })
		assert.deepEqual(problems.filter(({ severity }) => severity === 'error'), [])
		assert.ok(validate(document), JSON.stringify(validate.errors))
		await drawbridge.must('POST', `/v1/flows/${id}/publish`, {})
	})

	it('refuses what Drawbridge refuses, and nothing else', async () => {
		const differ = []
		let count = 0, bad = 0
		for (const [what, draft] of changed(document)) {
			const good = validate(draft)
			const { errors, plain } = await judged(draft)
			count += 1
			bad += good ? 0 : 1
			if (good ? plain.length > 0 : errors.length === 0)
				differ.push(`${what}: schema ${good ? 'takes it' : JSON.stringify(validate.errors.slice(0, 2).map(({ instancePath, message }) => `${instancePath} ${message}`))}, `
					+ `Drawbridge ${JSON.stringify(errors.map(({ pointer, code }) => `${pointer} ${code}`).slice(0, 2))}`)
		}
		assert.deepEqual(differ, [])
		assert.ok(count > 2500 && bad > 1800, `${bad} of ${count} are bad`)
		assert.doesNotMatch(drawbridge.log, /ERROR: |runtime error: |assertion/)
	})
})
