// SPDX-License-Identifier: Apache-2.0
/*
 * The bench's slices as a table to read. The first server is the one that the others are compared with.
 */
import { median, quantile } from './measure.mjs'

const columns = [
	{ title: 'server', width: -20 },
	{ title: 'CPU µs/call', width: 12 },
	{ title: '× nginx', width: 8 },
	{ title: 'half within', width: 14 },
	{ title: 'busy', width: 6 },
	{ title: 'calls/s', width: 9 },
	{ title: 'p50 µs', width: 9 },
	{ title: 'p99 µs', width: 9 }
]

const line = (cells) => columns.map(({ width }, i) => width < 0
	? cells[i].padEnd(-width)
	: cells[i].padStart(width)).join(' ').trimEnd()

/* Of each round in which both were measured. */
function ratios(slices, name, base) {
	return slices.filter(({ server }) => server === name).map((mine) => {
		const other = slices.find(({ server, round }) => server === base && round === mine.round)
		return mine.cpu_us / other.cpu_us
	})
}

function row(slices, name, base) {
	const mine = slices.filter(({ server }) => server === name)
	const middle = (value) => median(mine.map(value))
	const pairs = ratios(slices, name, base)
	return line([
		name,
		middle(({ cpu_us }) => cpu_us).toFixed(1),
		name === base ? '1' : median(pairs).toFixed(2),
		name === base ? '' : `${quantile(pairs, 0.25).toFixed(2)} to ${quantile(pairs, 0.75).toFixed(2)}`,
		`${(100 * middle(({ busy }) => busy)).toFixed(0)} %`,
		middle(({ calls_per_s }) => calls_per_s).toFixed(0),
		middle(({ latency_us }) => latency_us.p50).toFixed(0),
		middle(({ latency_us }) => latency_us.p99).toFixed(0)
	])
}

/* Medians over the rounds; × nginx is the median of the rounds' ratios, half of which lie in the range beside it. */
export function table(slices, scenes, servers) {
	return scenes.map((scene) => {
		const here = slices.filter((slice) => slice.scene === scene.name)
		const [base] = servers
		return ['', scene.name, line(columns.map(({ title }) => title)),
			...servers.map(({ name }) => row(here, name, base.name))].join('\n')
	}).join('\n') + '\n'
}
