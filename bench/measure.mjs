// SPDX-License-Identifier: Apache-2.0
/*
 * What the bench measures with: processor time of a server and all its children, thread by thread, out of the
 * scheduler's own account (in nanoseconds; the usual times are in ticks of ten milliseconds), and the few statistics.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { childrenOf } from '../tests/support/process.mjs'
import { sleep } from '../tests/support/scope.mjs'

/* The process and everything below it. */
export function familyOf(pid) {
	return [pid, ...childrenOf(pid).flatMap((child) => familyOf(child.pid))]
}

/* Nanoseconds on a processor of each thread of these processes: Map of "pid/tid". */
export function threadTimes(pids) {
	const times = new Map()
	for (const pid of pids) {
		for (const tid of readdirSync(`/proc/${pid}/task`)) {
			try {
				const [ran] = readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')
				times.set(`${pid}/${tid}`, Number(ran))
			} catch {
				/* it ended while we looked: used() will miss it */
			}
		}
	}
	return times
}

/* Nanoseconds used between two looks. A thread that ended in between took its account with it: that is refused. */
export function used(before, after) {
	for (const thread of before.keys()) {
		if (!after.has(thread))
			throw new Error(`thread ${thread} ended during a measurement`)
	}
	let total = 0
	for (const [thread, ran] of after)
		total += ran - (before.get(thread) ?? 0)
	return total
}

/* Waits until these processes have nothing more to do (what a call leaves behind, such as its record, belongs to it). */
export async function settled(pids, least) {
	const idle = 300_000
	await sleep(least)
	for (let tries = 0; tries < 50; tries++) {
		const before = threadTimes(pids)
		await sleep(50)
		if (used(before, threadTimes(pids)) < idle)
			return
	}
	throw new Error('the server does not come to rest after its calls')
}

/* Linear between the two nearest; NaN of nothing. */
export function quantile(values, q) {
	if (values.length === 0)
		return NaN
	const sorted = [...values].sort((a, b) => a - b)
	const at = (sorted.length - 1) * q
	const low = Math.floor(at)
	const high = Math.ceil(at)
	return sorted[low] + (sorted[high] - sorted[low]) * (at - low)
}

export const median = (values) => quantile(values, 0.5)
