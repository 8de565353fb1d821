// SPDX-License-Identifier: Apache-2.0
/* The memory of another process, as whoever may look at it sees it; a core file has no more than that. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { killQuietly } from './process.mjs'
import { eventually } from './scope.mjs'

const blockSize = 1 << 24

/* Of the kernel's own, which it gives to nobody. */
const kernels = /^\[(vvar\S*|vsyscall)\]$/

/*
 * All readable memory of a process, which stands still meanwhile: {bytes, mapped, secret}. mapped is how many bytes
 * there are to be read: what could not be is missing in bytes. secret is the part that is kept for secrets: left out
 * of core files, and wiped in children (base/secret.c).
 */
export async function memoryOf(pid) {
	process.kill(pid, 'SIGSTOP')
	try {
		await eventually(`${pid} to stand still`, () => /^State:\tT/m.test(readFileSync(`/proc/${pid}/status`, 'latin1')), { every: 5 })
		return readAll(pid)
	} finally {
		killQuietly(pid, 'SIGCONT')
	}
}

function readAll(pid) {
	const memory = openSync(`/proc/${pid}/mem`, 'r')
	const parts = []
	let mapped = 0
	for (const text of readFileSync(`/proc/${pid}/smaps`, 'latin1').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
		const match = /^([0-9a-f]+)-([0-9a-f]+) r\S+ \S+ \S+ \S+ *(.*)$/m.exec(text)
		if (!match || kernels.test(match[3]))
			continue
		const [start, end] = [BigInt(`0x${match[1]}`), BigInt(`0x${match[2]}`)]
		mapped += Number(end - start)
		parts.push({ bytes: readRange(memory, start, Number(end - start)), secret: /^VmFlags:(?=.* dd\b)(?=.* wf\b)/m.test(text) })
	}
	closeSync(memory)
	return { bytes: Buffer.concat(parts.map(({ bytes }) => bytes)), mapped,
		secret: Buffer.concat(parts.filter(({ secret }) => secret).map(({ bytes }) => bytes)) }
}

function readRange(memory, start, size) {
	const part = Buffer.alloc(size)
	let at = 0
	while (at < size) {
		const got = readSync(memory, part, at, Math.min(blockSize, size - at), start + BigInt(at))
		if (got === 0)
			break
		at += got
	}
	return part.subarray(0, at)
}
