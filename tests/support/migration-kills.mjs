// SPDX-License-Identifier: Apache-2.0
/*
 * Kills in migrations: an installation goes from its first migration to the last one, and at every step of the way
 * somebody is killed: the process that migrates, one beside it (the migrating one goes on), or all of it at once. Then
 * it must be as if nobody had been. Every other installation has grants from its first schema on.
 */
import { readFileSync } from 'node:fs'
import { startFirstSchema } from './first_schema.mjs'
import { killQuietly, childrenOf } from './process.mjs'
import { appliedInAll, cutPower, firstOfEach, keepSomething, mustWork, startUntil, total, whatIsLost } from './migrations.mjs'
import { Scope, eventually, temporaryFolder } from './scope.mjs'
import { Steps } from './steps.mjs'

const stepNames = ['migrate.applied', 'migrate.committed']
export const migrationVictims = ['itself', 'another', 'everybody']

const stopped = (pid) => /^State:\tT/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))

/* Goes on until the time or the installations are over: {kills, byVictim, pairs: 'step victim' -> count, wrong: [text],
 * installations}. */
export async function runMigrationKills({ seconds, installations = Infinity, random, tell = () => {} }) {
	const end = performance.now() + seconds * 1000
	const found = { kills: 0, installations: 0, wrong: [], pairs: Object.fromEntries(stepNames.flatMap((step) =>
		migrationVictims.map((victim) => [`${step} ${victim}`, 0]))) }
	while (performance.now() < end && found.installations < installations) {
		const scope = new Scope()
		try {
			await oneInstallation(scope, random, found)
		} catch (error) {
			found.wrong.push(error.stack.split('\n').slice(0, 3).join(' | '))
			tell(`WRONG  migrations: ${found.wrong.at(-1)}`)
		} finally {
			await scope.close()
		}
		found.installations += 1
	}
	return found
}

async function oneInstallation(scope, random, found) {
	const data = temporaryFolder(scope, 'drawbridge-data')
	const steps = new Steps(scope)
	const firstSchema = found.installations % 2 === 0 ? await startFirstSchema(scope, steps.options) : undefined
	if (firstSchema) {
		await firstOfEach(scope, data, steps)
		await firstSchema.plant(data)
	}
	let has = []
	for (let starts = 0; starts < 4 * total && await appliedInAll(data) < total; starts++) {
		const before = await appliedInAll(data)
		await oneKill(scope, data, steps, random.pick(stepNames), random.pick(migrationVictims), { random, found })
		if (await appliedInAll(data) < before)
			throw new Error('a migration that was committed is gone')
		const lost = await whatIsLost(data, has)
		if (lost.length)
			throw new Error(`what ${lost.join(' and ')} had is gone`)
		has = await keepSomething(data)
	}
	await mustWork(scope, data, steps, firstSchema)
	const lost = await whatIsLost(data, has)
	if (lost.length)
		throw new Error(`what ${lost.join(' and ')} had is gone`)
}

async function oneKill(scope, data, steps, step, victim, { random, found }) {
	const server = await startUntil(scope, data, steps, `1 stop ${step}`)
	const roles = childrenOf(server.pid).map(({ pid }) => pid)
	const it = await eventually('somebody to stand at the step', () => server.end ?? roles.find(stopped), { every: 2 })
	if (server.end)
		throw new Error(`it ended by itself: ${server.stderr}`)
	found.kills += 1
	found.pairs[`${step} ${victim}`] += 1
	if (victim !== 'everybody') { /* who is left, or comes again, gets to the next commit */
		steps.set('1 stop migrate.committed')
		killQuietly(victim === 'itself' ? it : random.pick(roles.filter((pid) => pid !== it)), 'SIGKILL')
		killQuietly(it, 'SIGCONT')
		await eventually('the next migration', async () => steps.taken('migrate.committed') || server.end
			|| await appliedInAll(data) === total, { every: 5, timeout: 20_000 })
	}
	await cutPower(server, steps)
}

export function migrationTable({ kills, installations, pairs, wrong }) {
	const counts = Object.values(pairs)
	return `${kills} kills in migrations of ${installations} installations, each pair of step and victim at least `
		+ `${Math.min(...counts)} times, ${wrong.length} wrong`
}
