// SPDX-License-Identifier: Apache-2.0
/*
 * A test file in a network and mount namespace of its own: its /etc/hosts and name server say what the test wants,
 * it may listen on port 443 and on any address, and nothing of the machine is touched or reachable. The file starts
 * itself again inside; what the inner run prints goes straight to the test runner.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const mark = 'DRAWBRIDGE_TEST_NAMESPACE'
const script = `set -e
ip link set lo up
for address in $1; do ip address add "$address" dev lo; done
mount --bind "$2/hosts" /etc/hosts
resolver=
if test -e "$2/resolv.conf"; then
	resolver=$(readlink -f /etc/resolv.conf)
	mount --bind "$2/resolv.conf" "$resolver"
fi
hosts=$3
shift 3
test "$hosts" = shared || exec "$@"
trap 'kill "$child" 2>/dev/null' TERM INT
"$@" & child=$!
wait "$child" && status=0 || status=$?
wait "$child" 2>/dev/null || true
umount /etc/hosts $resolver
exit "$status"`

/*
 * In a chroot whose root is no mount point, a namespace cannot be cut off from its parent's mounts: what is mounted
 * may be seen outside, below that folder, until it is unmounted.
 */
function rootIsMountPoint() {
	return readFileSync('/proc/self/mountinfo', 'utf8').split('\n').some((line) => line.split(' ')[4] === '/')
}

/*
 * First thing in a test file: await enterNamespace(import.meta.url, {hosts, addresses}). Outside it does not return:
 * it runs the file inside and ends with its status. hosts: {name: address}; addresses: more of the loopback device,
 * like "10.1.2.3/32" or "fd00::1/128"; dns: the address that other names are asked of, a dns.mjs,
 * and resolver how (resolv.conf(5), options).
 */
export async function enterNamespace(url, { hosts = {}, addresses = [], dns, resolver = 'timeout:1 attempts:1' } = {}) {
	const file = fileURLToPath(url)
	if (process.env[mark] === file)
		return
	const folder = mkdtempSync(join(tmpdir(), 'drawbridge-hosts-'))
	const lines = Object.entries({ localhost: '127.0.0.1', ...hosts }).map(([name, address]) => `${address}\t${name}\n`)
	writeFileSync(join(folder, 'hosts'), lines.join(''))
	if (dns)
		writeFileSync(join(folder, 'resolv.conf'), `nameserver ${dns}\noptions ${resolver}\n`)
	const user = process.getuid() === 0 ? [] : ['--map-root-user']
	const apart = rootIsMountPoint()
	const mounts = apart ? ['--mount'] : ['--mount', '--propagation', 'unchanged']
	const inner = spawn('unshare', [...user, '--net', ...mounts, '--', 'sh', '-c', script, 'sh', addresses.join(' '),
		folder, apart ? 'apart' : 'shared', process.execPath, ...process.execArgv, file],
	{ stdio: 'inherit', env: { ...process.env, [mark]: file } })
	for (const signal of ['SIGTERM', 'SIGINT'])
		process.on(signal, () => inner.kill(signal))
	const status = await new Promise((resolve) => {
		inner.on('error', (error) => {
			console.error(`unshare: ${error.message}`)
			resolve(1)
		})
		inner.on('exit', (code) => resolve(code ?? 1))
	})
	rmSync(folder, { recursive: true, force: true })
	process.exit(status)
}
