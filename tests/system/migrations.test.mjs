// SPDX-License-Identifier: Apache-2.0
/*
 * Killed at each step of each migration, of both databases: the next start goes on where the last one was, applies
 * each migration once, and loses nothing that was there: the grants of the first schema open, and work.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { startFirstSchema } from '../support/first_schema.mjs'
import { migrationTable, runMigrationKills } from '../support/migration-kills.mjs'
import {
	applied, appliedInAll, cutPower, keepSomething, mustWork, numbersOf, sets, standStill, startUntil, total, whatIsLost
} from '../support/migrations.mjs'
import { Random } from '../support/random.mjs'
import { scoped, suite, temporaryFolder } from '../support/scope.mjs'
import { Steps } from '../support/steps.mjs'

suite('a migration that is cut off', () => {
	for (const step of ['migrate.applied', 'migrate.committed'])
		for (const n of [2, 4, 9])
			it(`at the step ${step} of the ${n}. migration of a start: the next start goes on`, scoped(async (scope) => {
				const data = temporaryFolder(scope, 'drawbridge-data')
				const steps = new Steps(scope)
				await cutPower(await startUntil(scope, data, steps, `${n} stop ${step}`), steps)
				const done = await appliedInAll(data)
				assert.ok(done >= n - 1, `${done} before the ${n}.`)
				await mustWork(scope, data, steps)
			}))

	it('at both steps of every migration there is: the next start begins with that one, or with the one behind it', scoped(async (scope) => {
		const data = temporaryFolder(scope, 'drawbridge-data')
		const steps = new Steps(scope)
		const firstSchema = await startFirstSchema(scope, steps.options)
		const hit = []
		let has = []
		while (await appliedInAll(data) < total)
			for (const step of ['migrate.applied', 'migrate.committed']) {
				const newest = async (set) => (await applied(data, set)).at(-1) ?? 0
				const open = []
				for (const set of Object.keys(sets))
					if (await newest(set) < numbersOf(set).at(-1))
						open.push(set)
				const server = await startUntil(scope, data, steps, ...open.map(() => `1 stop ${step}`))
				await standStill(server, open)
				const before = await Promise.all(open.map(newest))
				await cutPower(server, steps)
				const after = await Promise.all(open.map(newest))
				assert.deepEqual(after, before, 'what was committed is there, and nothing else')
				assert.deepEqual(await whatIsLost(data, has), [])
				if (after.join() === '1,1')
					await firstSchema.plant(data)
				has = await keepSomething(data)
				hit.push(...open.map((set, i) => `${set} ${step === 'migrate.applied' ? numbersOf(set).find((number) => number > after[i]) : after[i]} ${step}`))
			}
		assert.deepEqual(hit.sort(), Object.keys(sets).flatMap((set) => numbersOf(set).flatMap((number) =>
			['applied', 'committed'].map((step) => `${set} ${number} migrate.${step}`))).sort())
		await mustWork(scope, data, steps, firstSchema)
		assert.deepEqual(await whatIsLost(data, has), [])
	}))

	it('again and again, whoever is killed, at the migrations of an older installation: what was there is there', async () => {
		const found = await runMigrationKills({ seconds: 60, installations: 3, random: new Random(7) })
		console.log(migrationTable(found))
		assert.deepEqual(found.wrong, [])
		assert.ok(found.kills >= total / 2, `${found.kills} kills`)
	})

	it('a role that is killed while it migrates is started again by its parent, and the start succeeds', scoped(async (scope) => {
		const data = temporaryFolder(scope, 'drawbridge-data')
		const steps = new Steps(scope)
		steps.set('2 kill migrate.applied', '4 kill migrate.committed')
		const drawbridge = await startDrawbridge(scope, { data, ...steps.options })
		assert.ok(steps.taken('migrate.applied') && steps.taken('migrate.committed'))
		assert.match(drawbridge.log, /a role has ended/)
		await drawbridge.stop()
		await mustWork(scope, data, steps)
	}))
})
