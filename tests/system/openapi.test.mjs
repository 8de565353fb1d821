// SPDX-License-Identifier: Apache-2.0
/* docs/openapi.yaml by itself: valid OpenAPI 3.1, and nothing that a linter would warn of. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createConfig, lint } from '@redocly/openapi-core'
import { Contract } from '../support/contract.mjs'
import { root } from '../support/drawbridge.mjs'
import { scoped, temporaryFolder } from '../support/scope.mjs'

const file = join(root, 'docs/openapi.yaml')
const config = await createConfig({ extends: ['recommended'] })

const findings = async (ref) => (await lint({ ref, config }))
	.map(({ ruleId, message, location }) => `${ruleId} at ${location?.[0]?.pointer}: ${message}`)

describe('the contract', () => {
	it('has nothing that the linter finds', async () => assert.deepEqual(await findings(file), []))

	it('has examples that are what they say', () => {
		const { wrong, count } = new Contract().wrongExamples()
		assert.deepEqual(wrong, [])
		assert.ok(count >= 12)
	})

	it('would be found out', scoped(async (scope) => {
		const broken = join(temporaryFolder(scope), 'openapi.yaml')
		writeFileSync(broken, readFileSync(file, 'utf8').replace('openapi: 3.1.0\ninfo:', 'openapi: 3.1.0\ninfos:'))
		assert.notDeepEqual(await findings(broken), [])
	}))
})
