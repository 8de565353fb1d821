// SPDX-License-Identifier: Apache-2.0
/*
 * A database that turns read-only for the process that works with it, as it does when its file system is mounted
 * anew after an error: every write fails with EROFS. No file system can be remounted so while files are open for
 * writing, so strace answers for the kernel.
 */
import { startProcess } from './process.mjs'

const calls = 'write,pwrite64,pwritev,ftruncate,fallocate,fsync,fdatasync,unlink,unlinkat'

/* Gives {writes(): how many were refused so far, over(): it can be written again}. */
export async function makeReadOnly(scope, pid, database) {
	const files = ['', '-wal', '-journal'].flatMap((end) => ['-P', `${database}${end}`])
	const tracer = startProcess(scope, 'strace', ['-f', '-p', String(pid), ...files, '-e', `trace=${calls}`,
		'-e', `inject=${calls}:error=EROFS`], { stop: { signal: 'SIGINT' } })
	await tracer.says(/attached/)
	return { writes: () => tracer.stderr.match(/INJECTED/g)?.length ?? 0, over: () => tracer.stop({ signal: 'SIGINT' }) }
}
