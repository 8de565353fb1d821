// SPDX-License-Identifier: Apache-2.0
/* Processes are killed while visitors talk; tests/torture/talk-kills does it for as long as one likes. */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { keepsPromises } from '../support/promises.mjs'
import { suite } from '../support/scope.mjs'
import { runTalkKills } from '../support/talk-kills.mjs'

const promises = {
	lost: 'no conversation is lost, and all end',
	doubled: 'no message is doubled, and none is missing',
	illegal: 'what was said is a run of the flow',
	repeated: 'a write without an Idempotency-Key is sent once; with one, always with the same',
	crashes: 'no role ends by itself'
}

suite('visitors who talk while processes are killed', () => {
	let found

	before(async () => {
		found = await runTalkKills({ seconds: 30, seed: 11 })
		console.log(found.line)
	})

	it('were many, and so were the kills', () => {
		assert.ok(found.kills >= 8 && found.byStep >= 1, found.line)
		assert.ok(found.talks > 10 * found.kills && found.calledAgain > 0, found.line)
	})

	keepsPromises(promises, () => found)
}, { timeout: 150_000 })
