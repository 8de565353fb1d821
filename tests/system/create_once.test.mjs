// SPDX-License-Identifier: Apache-2.0
/*
 * A create with an Idempotency-Key is done once, also where the server is killed before it has answered, and what is
 * said again is said whole.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { openService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { query } from '../support/migrations.mjs'
import { eventually, suite } from '../support/scope.mjs'
import { Steps, stepsBinary } from '../support/steps.mjs'
import { addService } from '../support/worlds.mjs'

suite('a create that is asked for again', (scope) => {
	let drawbridge, steps

	before(async () => {
		steps = new Steps(scope)
		drawbridge = await startDrawbridge(scope, { ...steps.options, binary: stepsBinary })
		await addService(drawbridge, openService('open', { url: 'http://127.0.0.1:1' }))
	})

	const creates = [['/v1/keys', { name: 'only one', role: 'viewer' }],
		['/v1/members', { email: 'only@example.org', name: 'only one', role: 'viewer' }],
		['/v1/connections', { name: 'Only one', service: 'open' }]]
	const named = async (path) => (await drawbridge.must('GET', `${path}?limit=200`)).items
		.filter(({ name }) => /^only one$/i.test(name)).length
	/* As if it had been so long ago. */
	const minutes = (n) => query(drawbridge.data, 'main', `UPDATE idempotency SET created_at = created_at - ${n} * 60000`)

	for (const [path, body] of creates)
		it(`${path}: not done again where the front was killed before it has answered`, async () => {
			const headers = { 'idempotency-key': `killed ${path}` }
			const ask = () => drawbridge.api('POST', path, body, { headers, agent: false })
			steps.set('1 kill api.created')
			await assert.rejects(ask())
			await steps.reached('api.created')
			await drawbridge.ready()
			assert.equal(await named(path), 1)
			for (const n of [0, 2, 1300]) {
				await minutes(n)
				const again = await ask()
				assert.deepEqual([again.status, again.json.code], [409, 'in_progress'], again.text)
				assert.equal(Boolean(again.headers['retry-after']), n === 0)
				assert.equal(await named(path), 1)
			}
			const other = await drawbridge.api('POST', path, { ...body, name: 'another' }, { headers })
			assert.equal(other.status, 409)
			assert.equal(await named(path), 1)
			await minutes(1440)
			assert.ok((await ask()).status !== 409 || path === '/v1/members', 'its day is over')
		})

	it('one of which nothing was done is done', async () => {
		const headers = { 'idempotency-key': 'begun and no more' }
		const ask = () => drawbridge.api('POST', '/v1/keys', { name: 'begun', role: 'viewer' }, { headers })
		assert.equal((await ask()).status, 201)
		await query(drawbridge.data, 'main', "UPDATE idempotency SET status = 0, committed = 0 WHERE idem_key = 'begun and no more'")
		assert.equal((await ask()).json.code, 'in_progress')
		await minutes(2)
		assert.equal((await ask()).status, 201)
	})

	it('is answered with the same Location and ETag', async () => {
		for (const [path, body] of [['/v1/members', { email: 'again@example.org', role: 'viewer' }],
			['/v1/connections', { name: 'Again', service: 'open' }], ['/v1/keys', { name: 'again', role: 'viewer' }]]) {
			const ask = () => drawbridge.api('POST', path, body, { headers: { 'idempotency-key': `again ${path}` } })
			const first = await ask()
			const again = await ask()
			assert.deepEqual([again.status, again.headers['idempotent-replay']], [201, 'true'])
			assert.ok(first.headers.location, path)
			for (const name of ['location', 'etag'])
				assert.equal(again.headers[name], first.headers[name], `${path} ${name}`)
		}
		await eventually('the server to be as it was', async () => (await drawbridge.api('GET', '/v1/me')).status === 200)
	})
})
