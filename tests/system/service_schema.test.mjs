// SPDX-License-Identifier: Apache-2.0
/*
 * services/schema.json, which editors complete and check definitions by, takes every definition and every part that
 * is delivered, each as what it is; and it is no schema that takes everything.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { root } from '../support/drawbridge.mjs'
import { suite } from '../support/scope.mjs'

const folder = join(root, 'services')
const read = (name) => JSON.parse(readFileSync(join(folder, name), 'utf8'))
const named = (under) => readdirSync(join(folder, under)).filter((name) => name.endsWith('.json') && name !== 'schema.json')
	.map((name) => join(under, name))

suite('the schema of service definitions', () => {
	const ajv = new Ajv2020({ strict: false, allErrors: true })
	addFormats(ajv)
	const schema = read('schema.json')
	const whole = ajv.compile(schema)
	const kinds = Object.fromEntries(['service', 'service_over_part', 'part'].map((kind) =>
		[kind, ajv.getSchema(`${schema.$id}#/$defs/${kind}`)]))

	it('every definition and every part that is delivered is valid', () => {
		const files = [...named('.'), ...named('parts')]
		assert.ok(files.length > 30, String(files.length))
		for (const name of files) {
			const definition = read(name)
			const kind = definition.part ? 'part' : definition.uses ? 'service_over_part' : 'service'
			assert.ok(kinds[kind](definition), `${name}, as ${kind}: ${ajv.errorsText(kinds[kind].errors)}`)
			assert.ok(whole(definition), `${name}: ${ajv.errorsText(whole.errors)}`)
		}
	})

	it('a service must say where its credential may go, and one over a part may leave that to the part', () => {
		const stripe = read('stripe.json')
		delete stripe.api.hosts
		assert.equal(whole(stripe), false)
		const gmail = read('gmail.json')
		delete gmail.api.hosts
		assert.ok(whole(gmail), ajv.errorsText(whole.errors))
	})

	it('a member that nothing reads is refused, wherever it is', () => {
		for (const name of ['stripe.json', 'gmail.json', 'parts/google_oauth.json'])
			for (const place of [(all) => all, ({ api }) => api, ({ methods }) => Object.values(methods ?? {})[0]]) {
				const definition = read(name)
				const target = place(definition)
				if (target === undefined)
					continue
				target.refresh_onn = []
				assert.equal(whole(definition), false, name)
			}
	})

	it('what stands over a part may have every member that it could have without one', () => {
		for (const name of ['api', 'method'])
			assert.deepEqual(Object.keys(schema.$defs[`${name}_over_part`].properties),
				Object.keys(schema.$defs[name].properties))
	})

	it('what is read and not used says so to who writes a definition', () => {
		const { device, quota, api, method } = schema.$defs
		assert.match(device.description, /Not used yet/)
		assert.match(method.properties.device.description, /Not used yet/)
		assert.match(quota.description, /All others are for people/)
		assert.doesNotMatch(api.properties.rate_limits.description, /pacing/)
	})
})
