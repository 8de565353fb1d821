// SPDX-License-Identifier: Apache-2.0
/* What a long run may never do: each kind of it is a test, which fails with all that was found of it. */
import assert from 'node:assert/strict'
import { it } from 'node:test'

/* promises: kind to what is promised; found(): the run's {wrong: [{kind, what}]}, once it is over. */
export function keepsPromises(promises, found) {
	for (const [kind, promise] of Object.entries(promises))
		it(promise, () => {
			const wrong = found().wrong.filter((each) => each.kind === kind).map(({ what }) => what)
			assert.deepEqual(wrong, [])
		})
}
