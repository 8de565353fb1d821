// SPDX-License-Identifier: Apache-2.0
/*
 * Killed at each step of each migration, of both databases: the next start goes on where the last one was, applies
 * each migration once, and loses nothing that was there.
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { root, startDrawbridge } from '../support/drawbridge.mjs'
import { mustRun, startProcess } from '../support/process.mjs'
import { eventually, freePort, scoped, suite, temporaryFolder } from '../support/scope.mjs'
import { Steps } from '../support/steps.mjs'

const sets = { keeper: 'keeper/grants.db', main: 'store/drawbridge.db' }
const numbersOf = (set) => readdirSync(join(root, 'src/store/migrations', set)).map((name) => Number(name.slice(0, 4))).sort((a, b) => a - b)
/* The keeper is ready before the front begins, or it is not: both are counted by the same step, so each is told apart
 * by what it has in its table. */
const kept = { keeper: ['token_requests', '(connection, subject, at) VALUES (\'old\', \'\', 4102444800000)', 'connection = \'old\''],
	main: ['settings', '(org, name, value) VALUES (\'\', \'kept\', \'old\')', 'name = \'kept\' AND value = \'old\''] }

const query = async (data, set, sql) => (await mustRun('sqlite3', [join(data, sets[set]), '.timeout 5000', sql])).trim()
const applied = async (data, set) => (await query(data, set, 'SELECT number FROM migrations ORDER BY number')
	.catch(() => '')).split('\n').filter(Boolean).map(Number)

/* Starts a server that stops at the n-th step of this name, and cuts its power there. */
async function startUntil(scope, data, steps, line) {
	steps.set(line)
	const { binary, env } = steps.options
	const server = startProcess(scope, binary, ['serve', '--data', data, '--listen', `127.0.0.1:${await freePort()}`], { env })
	const step = line.split(' ')[2]
	await eventually(step, () => steps.taken(step) || server.end, { every: 5, timeout: 20_000 })
	process.kill(server.pid, 'SIGKILL') /* its roles go with it */
	await server.ended
	steps.set()
	assert.ok(!server.end?.status, `it ended by itself: ${server.stderr}`)
}

async function works(scope, data, steps) {
	const drawbridge = await startDrawbridge(scope, { data, ...steps.options })
	for (const set of Object.keys(sets)) {
		assert.deepEqual(await applied(data, set), numbersOf(set), set)
		assert.equal(await query(data, set, 'PRAGMA integrity_check; PRAGMA foreign_key_check'), 'ok', set)
	}
	await drawbridge.makeOwner()
	assert.equal((await drawbridge.api('GET', '/v1/connections')).status, 200)
	await drawbridge.stop()
}

suite('a migration that is cut off', () => {
	const total = numbersOf('keeper').length + numbersOf('main').length

	for (const step of ['migrate.applied', 'migrate.committed'])
		for (let n = 1; n <= Math.min(total, 9); n++) /* a step is counted with one digit */
			it(`at the step ${step} of the ${n}. migration of a start: the next start goes on`, scoped(async (scope) => {
				const data = temporaryFolder(scope, 'drawbridge-data')
				const steps = new Steps(scope)
				await startUntil(scope, data, steps, `${n} stop ${step}`)
				const done = (await applied(data, 'keeper')).length + (await applied(data, 'main')).length
				assert.ok(done >= n - 1, `${done} before the ${n}.`)
				await works(scope, data, steps)
			}))

	it('again and again, at every migration of an older installation: what was there is there', scoped(async (scope) => {
		const data = temporaryFolder(scope, 'drawbridge-data')
		const steps = new Steps(scope)
		for (let n = 0; n < 2 * total; n++) {
			await startUntil(scope, data, steps, n % 2 ? '1 stop migrate.committed' : '1 stop migrate.applied')
			for (const [set, [table, values]] of Object.entries(kept))
				if ((await applied(data, set)).length === 1)
					await query(data, set, `INSERT OR IGNORE INTO ${table} ${values}`)
			if ((await applied(data, 'keeper')).length + (await applied(data, 'main')).length === total)
				break
		}
		await works(scope, data, steps)
		for (const [set, [table, , where]] of Object.entries(kept))
			assert.notEqual(await query(data, set, `SELECT count(*) FROM ${table} WHERE ${where}`), '0', set)
	}))

	it('a role that is killed while it migrates is started again by its parent, and the start succeeds', scoped(async (scope) => {
		const data = temporaryFolder(scope, 'drawbridge-data')
		const steps = new Steps(scope)
		steps.set('2 kill migrate.applied', '4 kill migrate.committed')
		const drawbridge = await startDrawbridge(scope, { data, ...steps.options })
		assert.ok(steps.taken('migrate.applied') && steps.taken('migrate.committed'))
		assert.match(drawbridge.log, /a role has ended/)
		await drawbridge.stop()
		await works(scope, data, steps)
	}))
})
