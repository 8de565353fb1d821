// SPDX-License-Identifier: Apache-2.0
/*
 * Processes killed at every step of what matters, for three quarters of a minute and until each was hit; tests/torture/kills does the same for
 * as long as one likes.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { runKills, tableOf } from '../support/kills-run.mjs'
import { keepsPromises } from '../support/promises.mjs'
import { suite } from '../support/scope.mjs'

const promises = {
	lost: 'no grant is lost but those that say to be in doubt',
	double: 'no refresh token is sent twice while nobody has died',
	early: 'no token is used before it is committed',
	foreign: 'no call gets another call\'s answer',
	leaks: 'no secret comes into the log or a file',
	status: 'status and reason are right, and every connection comes back',
	integrity: 'the databases are whole',
	keys: 'a rotation of keys ends, and every credential opens',
	crashes: 'no role ends by itself, or outlives the parent'
}

suite('whoever is killed, at any step', () => {
	let found

	before(async () => {
		found = await runKills({ seconds: 45, atMost: 110, lanes: 2, seed: 7 })
		console.log(tableOf(found))
	})

	it('the kills were many, at steps, and calls went on between them', () => {
		assert.ok(found.tries >= 40, `${found.tries} kills`)
		assert.deepEqual(found.hits.untouched, [], 'every step of every action was hit')
		for (const [victim, count] of Object.entries(found.victims))
			assert.ok(count >= 4, `the ${victim} was killed ${count} times`)
		assert.ok(found.missed < found.tries / 4, `${found.missed} of ${found.tries} at no step`)
		assert.ok(found.good > found.tries, `${found.good} good calls`)
	})

	keepsPromises(promises, () => found)
}, { timeout: 150_000 })
