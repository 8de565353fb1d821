// SPDX-License-Identifier: Apache-2.0
/* Ten thousand conversations wait for an API at once; tests/torture/crowd does it with any number. */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { linesOf, runCrowd } from '../support/crowd.mjs'
import { binary } from '../support/drawbridge.mjs'
import { suite } from '../support/scope.mjs'

/* What watches over memory makes everything slower. */
const count = /asan|tsan|cover/.test(binary) ? 1000 : 10_000

suite('conversations that wait for a slow API', (scope) => {
	let figures

	before(async () => {
		figures = await runCrowd(scope, { count })
		console.log(linesOf(figures))
	})

	it('all end, each with its own answer and one call', () => assert.equal(figures.count, count))

	it('hold no thread', () => assert.equal(figures.inFlight.threads, figures.before.threads))

	it('take little memory', { skip: count < 10_000 }, () => {
		const each = (figures.inFlight.mib - figures.before.mib) * 1024 / count
		assert.ok(each < 20, `${each.toFixed(1)} KiB each`)
	})
}, { timeout: 170_000 })
