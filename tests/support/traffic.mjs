// SPDX-License-Identifier: Apache-2.0
/* Calls in a loop, while something is done to the server: none of them may fail. */
import assert from 'node:assert/strict'

/* Calls, some over connections that stay and some over new ones, until stop(). */
export function traffic(drawbridge, link, path = '/echo') {
	const bad = []
	let done = 0
	let over = false
	const client = async (headers) => {
		while (!over && bad.length < 50) {
			const got = await drawbridge.via(link, path, { headers }).then(({ status }) => status, ({ code, message }) => code ?? message)
			if (got === 200)
				done += 1
			else
				bad.push(got)
		}
	}
	const all = Promise.all([client({}), client({}), client({ connection: 'close' }), client({ connection: 'close' })])
	return async () => {
		over = true
		await all
		assert.ok(done > 3, String(done))
		assert.deepEqual(bad, [])
		return done
	}
}
