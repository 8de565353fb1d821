// SPDX-License-Identifier: Apache-2.0
/* Disks of a size, in the memory of the machine; only in a namespace of the test's own (netns.mjs). */
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { mustRun } from './process.mjs'

/* Mounts one on a folder, which is made; unmounted with the scope. */
export async function mountDisk(scope, folder, { size = '16m' } = {}) {
	mkdirSync(folder, { recursive: true, mode: 0o700 })
	await mustRun('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', folder])
	scope.after(() => mustRun('umount', ['--lazy', folder]))
}

export const remountDisk = (folder, mode) => mustRun('mount', ['-o', `remount,${mode}`, folder])

/* Writes until there is no room; gives what makes room again. */
export function fillDisk(folder) {
	const file = join(folder, 'filler')
	const fd = openSync(file, 'w')
	for (let size = 1024 * 1024; size >= 1024;) {
		try {
			writeSync(fd, Buffer.alloc(size))
		} catch (error) {
			if (error.code !== 'ENOSPC')
				throw error
			size /= 2
		}
	}
	closeSync(fd)
	return () => rmSync(file, { force: true })
}
