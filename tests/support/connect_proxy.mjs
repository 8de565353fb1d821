// SPDX-License-Identifier: Apache-2.0
/*
 * HTTP proxies for CONNECT: a small one that notes what it is asked for and misbehaves as a test wants, and tinyproxy,
 * a real one. Both call from an address of their own, so that a peer sees who has come.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { listen } from './http.mjs'
import { startProcess } from './process.mjs'
import { eventually, freePort, temporaryFolder } from './scope.mjs'

/*
 * proxy.asked: [{target, head, from}]; proxy.answer: undefined (it does as asked), or (socket, {target, head}) -> what it does
 * instead; proxy.reach: {target: {host, port}} where it goes in place of a target. host: where it listens, and calls from.
 */
export async function startConnectProxy(scope, { host, port }) {
	const proxy = { asked: [], answer: undefined, reach: {}, connections: 0 }
	const server = net.createServer((socket) => {
		let bytes = Buffer.alloc(0)
		proxy.connections += 1
		socket.on('data', function read(chunk) {
			bytes = Buffer.concat([bytes, chunk])
			const end = bytes.indexOf('\r\n\r\n')
			if (end < 0)
				return
			socket.off('data', read)
			const head = bytes.toString('latin1', 0, end)
			const [, target] = /^CONNECT (\S+) HTTP\/1\.1\r\n/.exec(head) ?? []
			proxy.asked.push({ target, head, behind: bytes.length - end - 4, from: socket.remoteAddress })
			if (proxy.answer)
				proxy.answer(socket, { target, head })
			else
				tunnel(socket, proxy.reach[target] ?? addressOf(target), host)
		})
	})
	proxy.port = await listen(scope, server, { host, port })
	proxy.url = `http://${host}:${proxy.port}`
	proxy.reset = () => {
		Object.assign(proxy, { answer: undefined, reach: {}, connections: 0 })
		proxy.asked.length = 0
	}
	return proxy
}

function addressOf(target) {
	const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(target)
	return { host, port: Number(port) }
}

function tunnel(socket, to, localAddress) {
	const family = net.isIP(to.host) === net.isIP(localAddress) ? { localAddress } : {}
	const out = net.connect({ ...to, ...family })
	out.on('connect', () => {
		socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
		socket.pipe(out).pipe(socket)
	})
	out.on('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'))
	socket.on('close', () => out.destroy())
	out.on('close', () => socket.destroy())
}

/* tinyproxy at host; login: "user:password" that it wants. log() is what it has written. */
export async function startTinyproxy(scope, { host, login }) {
	const folder = temporaryFolder(scope, 'drawbridge-tinyproxy')
	const port = await freePort()
	const file = join(folder, 'tinyproxy.conf')
	const log = join(folder, 'tinyproxy.log')
	const [user, password] = login?.split(':') ?? []
	writeFileSync(log, '', { mode: 0o666 })
	writeFileSync(file, `Port ${port}\nListen ${host}\nBind ${host}\nTimeout 60\nMaxClients 50\nLogLevel Connect\n`
		+ `LogFile "${log}"\nConnectPort 443\n${login ? `BasicAuth ${user} ${password}\n` : ''}`)
	startProcess(scope, 'tinyproxy', ['-d', '-c', file])
	await eventually('tinyproxy to listen', () => new Promise((resolve) => {
		const socket = net.connect({ host, port })
		socket.on('connect', () => resolve(socket.destroy() && true))
		socket.on('error', () => resolve(false))
	}))
	return { url: `http://${host}:${port}`, log: () => readFileSync(log, 'utf8') }
}
