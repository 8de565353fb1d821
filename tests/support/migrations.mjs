// SPDX-License-Identifier: Apache-2.0
/* Migrations that are cut off: servers of a build with steps on a folder of their own, and what must be true of it. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root, startDrawbridge } from './drawbridge.mjs'
import { childrenOf, mustRun, startProcess } from './process.mjs'
import { eventually, freePort } from './scope.mjs'

export const sets = { keeper: 'keeper/grants.db', main: 'store/drawbridge.db' }
export const numbersOf = (set) => readdirSync(join(root, 'src/store/migrations', set))
	.map((name) => Number(name.slice(0, 4))).sort((a, b) => a - b)
export const total = Object.keys(sets).reduce((sum, set) => sum + numbersOf(set).length, 0)

/* The keeper is ready before the front begins, or it is not: both are counted by the same step, so each is told apart
 * by what it has in its table. */
const kept = { keeper: ['token_requests', '(connection, subject, at) VALUES (\'old\', \'\', 4102444800000)', 'connection = \'old\''],
	main: ['settings', '(org, name, value) VALUES (\'\', \'kept\', \'old\')', 'name = \'kept\' AND value = \'old\''] }

export const query = async (data, set, sql) => (await mustRun('sqlite3', [join(data, sets[set]), '.timeout 5000', sql])).trim()
export const applied = async (data, set) => (await query(data, set, 'SELECT number FROM migrations ORDER BY number')
	.catch(() => '')).split('\n').filter(Boolean).map(Number)
export const appliedInAll = async (data) => (await applied(data, 'keeper')).length + (await applied(data, 'main')).length

/* What an older installation has: put into each database that is there; gives the sets that have it. */
export async function keepSomething(data) {
	const has = []
	for (const [set, [table, values]] of Object.entries(kept))
		if ((await applied(data, set)).length > 0) {
			await query(data, set, `INSERT OR IGNORE INTO ${table} ${values}`)
			has.push(set)
		}
	return has
}

/* Those of the sets in which it is not there any more. */
export async function whatIsLost(data, has) {
	const lost = []
	for (const set of has) {
		const [table, , where] = kept[set]
		if (await query(data, set, `SELECT count(*) FROM ${table} WHERE ${where}`) === '0')
			lost.push(set)
	}
	return lost
}

/* Starts a server that stops at a step ("2 stop migrate.applied"; two lines: both roles do), and gives it when it is
 * there, or has ended. */
export async function startUntil(scope, data, steps, line, ...more) {
	steps.set(line, ...more)
	const { binary, env } = steps.options
	const server = startProcess(scope, binary, ['serve', '--data', data, '--listen', `127.0.0.1:${await freePort()}`], { env })
	const step = line.split(' ')[2]
	await eventually(step, () => steps.taken(step) || server.end, { every: 5, timeout: 20_000 })
	return server
}

/* Waits until the role of each of these sets stands at the step: both migrate at the same time. */
export const standStill = (server, names) => eventually(`${names.join(' and ')} to stand at the step`, () => {
	const stopped = childrenOf(server.pid).filter(({ pid }) =>
		/^State:\tT/m.test(readFileSync(`/proc/${pid}/status`, 'latin1')))
		.map(({ title }) => (title.includes('--role=keeper') ? 'keeper' : 'main'))
	return names.every((name) => stopped.includes(name))
}, { every: 2 })

/* As a power cut: its roles go with the parent. */
export async function cutPower(server, steps) {
	process.kill(server.pid, 'SIGKILL')
	await server.ended
	steps.set()
	if (server.end?.status)
		throw new Error(`it ended by itself: ${server.stderr}`)
}

/* Both databases with their first migration, and no other. */
export async function firstOfEach(scope, data, steps) {
	const both = Object.keys(sets)
	const server = await startUntil(scope, data, steps, ...both.map(() => '1 stop migrate.committed'))
	await standStill(server, both)
	await cutPower(server, steps)
}

/* A start after all: each migration is applied once, both databases are whole, and the server works; so does what it
 * had at its first schema (first_schema.mjs). */
export async function mustWork(scope, data, steps, firstSchema) {
	const drawbridge = await startDrawbridge(scope, { data, ...steps.options })
	for (const set of Object.keys(sets)) {
		const [has, wants] = [(await applied(data, set)).join(), numbersOf(set).join()]
		if (has !== wants)
			throw new Error(`${set} has the migrations ${has}`)
		const said = await query(data, set, 'PRAGMA integrity_check; PRAGMA foreign_key_check')
		if (said !== 'ok')
			throw new Error(`${set}: ${said}`)
	}
	if (firstSchema)
		await firstSchema.mustWork(drawbridge)
	else
		await drawbridge.makeOwner()
	await drawbridge.must('GET', '/v1/connections')
	await drawbridge.stop()
}
