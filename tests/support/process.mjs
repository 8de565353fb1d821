// SPDX-License-Identifier: Apache-2.0
/*
 * Child processes: started, their output kept, ended by their id. What the test process leaves behind when it dies
 * is killed on its way out. Also the few things of /proc that tests look at.
 */
import { spawn } from 'node:child_process'
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { eventually, within } from './scope.mjs'

const running = new Set()

process.on('exit', () => {
	for (const child of running)
		killQuietly(child.pid, 'SIGKILL')
})
for (const signal of ['SIGTERM', 'SIGINT'])
	process.once(signal, () => process.exit(1))

export function killQuietly(pid, signal) {
	try {
		process.kill(pid, signal)
		return true
	} catch {
		return false
	}
}

export class Process {
	/* open: its input stays open for write(). */
	constructor(command, args, { stdin, open, cwd, env, uid, gid } = {}) {
		this.name = command.split('/').pop()
		this.stdout = ''
		this.stderr = ''
		this.child = spawn(command, args, {
			cwd, uid, gid, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe']
		})
		running.add(this.child)
		this.child.stdin.on('error', () => {})
		if (!open)
			this.child.stdin.end(stdin ?? '')
		this.child.stdout.setEncoding('utf8').on('data', (text) => { this.stdout += text })
		this.child.stderr.setEncoding('utf8').on('data', (text) => { this.stderr += text })
		this.ended = new Promise((resolve) => {
			const end = (status, signal) => {
				running.delete(this.child)
				this.end = { status, signal }
				resolve(this.end)
			}
			this.child.on('error', (error) => {
				this.stderr += String(error)
				end(127, null)
			})
			this.child.on('close', end)
		})
	}

	get pid() {
		return this.child.pid
	}

	write(text) {
		this.child.stdin.write(text)
	}

	/* Waits for the text in either output. */
	async says(pattern, timeout = 15_000) {
		const matches = () => pattern.exec(this.stdout) ?? pattern.exec(this.stderr)
		const match = await eventually(`${this.name} to say ${pattern}`, () => {
			const found = matches()
			if (!found && this.end)
				throw new Error(`${this.name} ended ${JSON.stringify(this.end)}\n${this.stderr}`)
			return found
		}, { timeout })
		return match
	}

	/* Ends it politely, then by force; tells how it ended. */
	async stop({ signal = 'SIGTERM', timeout = 15_000 } = {}) {
		if (!this.end)
			killQuietly(this.pid, signal)
		try {
			return await within(timeout, `${this.name} to end on ${signal}`, this.ended)
		} catch (error) {
			killQuietly(this.pid, 'SIGKILL')
			await within(5_000, `${this.name} to be killed`, this.ended)
			throw new Error(`${error.message}\n${this.stderr.slice(-4000)}`)
		}
	}
}

export function startProcess(scope, command, args, options) {
	const started = new Process(command, args, options)
	scope.after(() => started.end ?? started.stop(options?.stop))
	return started
}

/* Runs a command to its end: {status, signal, stdout, stderr}. Never throws for a status. */
export async function run(command, args, { timeout = 30_000, ...options } = {}) {
	const child = new Process(command, args, options)
	try {
		const end = await within(timeout, `${child.name} ${args[0] ?? ''}`, child.ended)
		return { ...end, stdout: child.stdout, stderr: child.stderr }
	} finally {
		if (!child.end)
			killQuietly(child.pid, 'SIGKILL')
	}
}

/* Runs a command that must succeed, and gives its standard output. */
export async function mustRun(command, args, options) {
	const done = await run(command, args, options)
	if (done.status !== 0)
		throw new Error(`${command} ${args.join(' ')}: ${JSON.stringify(done)}`)
	return done.stdout
}

function statusField(pid, name) {
	const text = readFileSync(`/proc/${pid}/status`, 'utf8')
	return new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(text)?.[1]
}

/* The children of a process: [{pid, title}], where title is its name and its command line. */
export function childrenOf(pid) {
	const found = []
	for (const entry of readdirSync('/proc')) {
		if (!/^\d+$/.test(entry))
			continue
		try {
			if (Number(statusField(entry, 'PPid')) !== pid)
				continue
			const line = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ')
			found.push({ pid: Number(entry), title: `${statusField(entry, 'Name')} ${line}`.trim() })
		} catch {
			/* it ended while we looked */
		}
	}
	return found
}

/* How many sockets a process has open. */
export function socketsOf(pid) {
	const folder = `/proc/${pid}/fd`
	let total = 0
	for (const fd of readdirSync(folder)) {
		try {
			total += readlinkSync(`${folder}/${fd}`).startsWith('socket:')
		} catch {
			/* it was closed while we looked */
		}
	}
	return total
}

/* Resident memory of a process and its children, in bytes. */
export function residentBytes(pid) {
	let total = 0
	for (const { pid: each } of [{ pid }, ...childrenOf(pid)]) {
		try {
			total += parseInt(statusField(each, 'VmRSS') ?? '0', 10) * 1024
		} catch {
			/* it ended while we looked */
		}
	}
	return total
}

/* The most that a process, or one of its children, has had in memory. */
export function peakBytes(pid) {
	return Math.max(...[{ pid }, ...childrenOf(pid)].map((each) => parseInt(statusField(each.pid, 'VmHWM') ?? '0', 10) * 1024))
}
