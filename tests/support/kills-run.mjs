// SPDX-License-Identifier: Apache-2.0
/* Runs lanes of kills beside each other until the time or the tries are over, and counts what they found. */
import { kinds } from './kills-world.mjs'
import { Hits, Lane, victims } from './kills.mjs'
import { Random } from './random.mjs'
import { Scope } from './scope.mjs'

/*
 * tell(line): told at most once a minute, and at once what is wrong. atMost: seconds that may be taken until every step
 * was hit.
 */
export async function runKills({ seconds, atMost = seconds, lanes: count = 2, tries = Infinity, seed, tell = () => {} }) {
	const scope = new Scope()
	const start = performance.now()
	const hits = new Hits()
	const lanes = Array.from({ length: count }, (_, n) => new Lane(scope, new Random(seed + n), hits, { keyElsewhere: n % 2 === 1 }))
	const total = () => lanes.reduce((sum, lane) => sum + lane.tries, 0)
	const after = (limit) => performance.now() - start > limit * 1000
	const late = () => total() >= tries || after(atMost) || (after(seconds) && hits.summary.untouched.length === 0)
	try {
		for (const lane of lanes)
			await lane.start()
		const teller = setInterval(() => tell(`${Math.round((performance.now() - start) / 60_000)} min: ${lineOf(lanes)}`), 60_000)
		await Promise.all(lanes.map((lane) => runLane(lane, late, tell))).finally(() => clearInterval(teller))
		return summary(lanes, (performance.now() - start) / 1000)
	} finally {
		await scope.close()
	}
}

async function runLane(lane, late, tell) {
	let told = 0
	do {
		await lane.try()
		for (; told < lane.world.wrong.length; told++)
			tell(`WRONG  ${lane.world.wrong[told].kind}: ${lane.world.wrong[told].what}`)
	} while (!late())
	await lane.stop()
}

function summary(lanes, seconds) {
	const sum = (of) => lanes.reduce((total, lane) => total + of(lane), 0)
	const wrong = lanes.flatMap(({ world }) => world.wrong)
	return { seconds, wrong, hits: lanes[0].hits.summary, tries: sum(({ tries }) => tries), missed: sum(({ missed }) => missed),
		inDoubt: sum(({ world }) => world.inDoubt), calls: sum(({ world }) => world.calls),
		good: sum(({ world }) => world.good),
		victims: Object.fromEntries(victims.map((name) => [name, sum(({ byVictim }) => byVictim[name] ?? 0)])),
		kinds: Object.fromEntries(kinds.map((kind) => [kind, wrong.filter((each) => each.kind === kind).length])) }
}

function lineOf(lanes) {
	const { tries, inDoubt, wrong, calls } = summary(lanes, 0)
	return `${tries} kills, ${inDoubt} in doubt, ${calls} calls, ${wrong.length} wrong`
}

const words = { lost: 'grants lost, not in doubt', double: 'double refreshes', early: 'tokens used before their commit',
	foreign: 'calls with another answer', leaks: 'secrets in the log or a file', status: 'wrong status or no way back',
	integrity: 'damaged databases', keys: 'credentials that do not open after a rotation', crashes: 'crashes' }

export function tableOf(found) {
	const rows = [['kills', found.tries], ...Object.entries(found.victims).map(([name, count]) => [`  of the ${name}`, count]),
		['  at no step (it was not reached)', found.missed],
		[`pairs of step and victim, of ${found.hits.pairs}`, found.hits.hit], ['  the least hit one', found.hits.least],
		['calls meanwhile', found.calls], ['  answered with 200', found.good],
		['grants in doubt, as they say', found.inDoubt],
		...Object.entries(found.kinds).map(([kind, count]) => [words[kind], count])]
	const wide = Math.max(...rows.map(([name]) => name.length))
	return [`${Math.round(found.seconds)} s`, ...rows.map(([name, count]) => `${name.padEnd(wide)} ${String(count).padStart(8)}`)]
		.join('\n')
}
