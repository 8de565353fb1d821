// SPDX-License-Identifier: Apache-2.0
/*
 * The bench: what one call through Drawbridge costs the server's processor, beside nginx and HAProxy doing the same
 * injection on the same machine in the same run.
 *
 *   node bench/run.mjs [--quick] [--rounds N] [--only TEXT] [--json FILE]
 *
 * Machines wander by tens of percent within minutes, so absolute times compare nothing. In every round each server
 * has one slice of calls in each scene, in an order that changes with the round; its cost is divided by nginx's in
 * the same round and scene, and the median of those ratios is the figure to look at. Within 10 % of each other,
 * servers are equal.
 *
 * A slice: some calls to warm up, the server's processor time, the calls, rest (what a call leaves behind, such as a
 * record to write, belongs to it), the processor time again. Every answer is checked; one wrong answer, and the bench
 * fails.
 */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { run } from '../tests/support/process.mjs'
import { Scope, temporaryFolder } from '../tests/support/scope.mjs'
import { familyOf, settled, threadTimes, used } from './measure.mjs'
import { startDrawbridge, startHaproxy, startNginx, startUpstream, whyNoDrawbridge } from './servers.mjs'
import { table } from './table.mjs'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const build = resolve(root, process.env.BENCH_BUILD ?? 'build/bench')
const binary = resolve(root, process.env.DRAWBRIDGE ?? 'build/release/drawbridge')

const callers = 64
const keys = 64
const link = 'bench'
const pathOf = (bytes) => `/via/${link}/bytes/${bytes}`

/* calls: of one slice. */
const scenes = [
	{ name: '1 KiB over TCP', bytes: 1024, calls: 20_000 },
	{ name: '64 KiB over TCP', bytes: 65_536, calls: 8_000 },
	{ name: '1 KiB over a Unix socket', bytes: 1024, calls: 20_000, unix: true },
	{ name: '1 KiB over TCP, 8000 calls a second', bytes: 1024, calls: 8_000, rate: 8000 }
]

const { values: options } = parseArgs({ options: {
	quick: { type: 'boolean', default: false },
	rounds: { type: 'string' },
	only: { type: 'string', default: '' },
	json: { type: 'string' }
} })

/* The server has a processor of its own, if there are two; everything else shares another. */
function choosePlaces() {
	const list = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]
	const allowed = list.split(',').flatMap((range) => {
		const [low, high = low] = range.split('-').map(Number)
		return Array.from({ length: high - low + 1 }, (_, i) => low + i)
	})
	return { server: allowed[0], rest: allowed[1] ?? allowed[0] }
}

async function startAll(scope, cpu) {
	const folder = temporaryFolder(scope, 'bench')
	const secret = randomBytes(20).toString('hex')
	const upstream = await startUpstream(scope, { cpu: cpu.rest, build, secret, sizes: [1024, 65_536] })
	const common = { cpu: cpu.server, upstream: upstream.port, secret, probe: pathOf(1024) }

	const missing = await whyNoDrawbridge(binary)
	const drawbridge = missing ? undefined : await startDrawbridge(scope, { ...common, binary, link, keys })
	const tokens = drawbridge?.tokens ?? Array.from({ length: keys }, () => randomBytes(24).toString('hex'))
	const tokenFile = join(folder, 'tokens')
	writeFileSync(tokenFile, tokens.map((token) => `${token}\n`).join(''), { mode: 0o600 })

	const servers = [
		await startNginx(scope, { ...common, token: tokens[0] }),
		await startNginx(scope, { ...common, token: tokens[0], log: true }),
		await startHaproxy(scope, { ...common, token: tokens[0] })
	]
	if (drawbridge)
		servers.push(drawbridge)
	return { servers, drawbridge, missing, tokenFile }
}

async function load(cpu, server, scene, tokenFile, calls) {
	const done = await run('taskset', ['-c', String(cpu.rest), join(build, 'load'),
		'--connect', scene.unix ? server.unix : server.tcp, '--path', pathOf(scene.bytes),
		'--bytes', String(scene.bytes), '--tokens', tokenFile, '--connections', String(callers),
		'--calls', String(calls), ...(scene.rate ? ['--rate', String(scene.rate)] : []), '--timeout', '60'],
	{ timeout: 90_000 })
	if (!done.stdout)
		throw new Error(`${server.name}, ${scene.name}: load ended ${done.status} ${done.stderr}`)
	const told = JSON.parse(done.stdout)
	if (told.errors > 0)
		throw new Error(`${server.name}, ${scene.name}: ${told.errors} of ${calls} calls failed: ${told.first_error}`)
	return told
}

async function slice(cpu, server, scene, tokenFile) {
	await load(cpu, server, scene, tokenFile, callers * 16)
	await settled(familyOf(server.pid), server.settle)
	const before = threadTimes(familyOf(server.pid))
	const told = await load(cpu, server, scene, tokenFile, scene.calls)
	await settled(familyOf(server.pid), server.settle)
	const cost = used(before, threadTimes(familyOf(server.pid)))
	return { server: server.name, scene: scene.name, cpu_us: cost / 1000 / scene.calls,
		busy: cost / 1e9 / told.seconds, calls_per_s: told.calls_per_s, latency_us: told.latency_us }
}

/* In each round another one begins, and every other round goes backwards. */
function orderOf(servers, round) {
	const from = round % servers.length
	const turned = [...servers.slice(from), ...servers.slice(0, from)]
	return round % 2 ? turned.reverse() : turned
}

async function measure(cpu, { servers, tokenFile }, wanted, rounds) {
	const slices = []
	for (let round = 0; round < rounds; round++) {
		for (const scene of wanted) {
			for (const server of orderOf(servers, round))
				slices.push({ round, ...await slice(cpu, server, scene, tokenFile) })
		}
		process.stderr.write(`round ${round + 1} of ${rounds}\n`)
	}
	return slices
}

const firstLine = (command, ...args) => execFileSync(command, args, { encoding: 'utf8',
	stdio: ['ignore', 'pipe', 'pipe'] }).split('\n')[0]

/* nginx says its version on standard error. */
async function versions() {
	const nginx = (await run('nginx', ['-v'])).stderr.trim().replace(/^.*: /, '')
	const haproxy = /\d+\.\d+\.\d+/.exec(firstLine('haproxy', '-v'))?.[0]
	const kernel = firstLine('uname', '-r')
	const control = readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim()
	return { nginx, haproxy: `haproxy/${haproxy}`, kernel, tcp: control, processor: cpus()[0]?.model.trim() }
}

const metric = (text, name) => Number(new RegExp(`^drawbridge_${name} (\\d+)$`, 'm').exec(text)?.[1] ?? NaN)

async function aboutDrawbridge({ drawbridge, missing }) {
	if (missing)
		return `Drawbridge was NOT measured: ${missing}`
	const text = await drawbridge.metrics()
	return `Drawbridge checked ${keys} callers' keys and kept a record of each call` +
		` (${metric(text, 'records_lost_total')} lost of ${metric(text, 'calls_total')}).`
}

async function main(scope) {
	const cpu = choosePlaces()
	execFileSync('taskset', ['-a', '-cp', String(cpu.rest), String(process.pid)], { stdio: 'ignore' })
	const wanted = scenes.filter(({ name }) => name.includes(options.only))
	const rounds = Number(options.rounds ?? (options.quick ? 3 : 11))
	if (wanted.length === 0 || !(rounds > 0))
		throw new Error('nothing to measure: see --only and --rounds')

	const started = await startAll(scope, cpu)
	const machine = await versions()
	const slices = await measure(cpu, started, wanted, rounds)
	const about = await aboutDrawbridge(started)
	if (options.json)
		writeFileSync(options.json, JSON.stringify({ machine, rounds, slices }, null, 1))
	console.log(Object.entries(machine).map(([name, value]) => `${name}: ${value}`).join(', '))
	console.log(`${rounds} rounds, ${callers} callers; server on processor ${cpu.server}, the rest on ${cpu.rest}` +
		(cpu.server === cpu.rest ? ': THE SAME ONE, which says little' : ''))
	console.log(table(slices, wanted, started.servers))
	console.log(about)
	if (rounds < 7)
		console.log('Few rounds: good for seeing that all is well, not for comparing.')
	return started.missing ? 1 : 0
}

const scope = new Scope()
try {
	process.exitCode = await main(scope)
} catch (error) {
	console.error(`bench: ${error.message}`)
	process.exitCode = 1
} finally {
	await scope.close()
}
