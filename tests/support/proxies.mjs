// SPDX-License-Identifier: Apache-2.0
/*
 * nginx and HAProxy (Debian's), and Node's own http, as plain reverse proxies, for comparing what they make of the same bytes. All speak
 * HTTP/1.1 to the upstream, keep its connections, and take heads as large as Drawbridge does.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { request } from './http.mjs'
import { startProcess } from './process.mjs'
import { eventually, freePort, temporaryFolder } from './scope.mjs'

export const proxiesInstalled = existsSync('/usr/sbin/nginx') && existsSync('/usr/sbin/haproxy')

/* upstreamPort: of 127.0.0.1. Gives {port}. */
export async function startNginxProxy(scope, upstreamPort) {
	const folder = temporaryFolder(scope, 'nginx-proxy')
	const port = await freePort()
	mkdirSync(join(folder, 'temp'))
	writeFileSync(join(folder, 'nginx.conf'), `daemon off; user root; worker_processes 1; pid ${folder}/pid;
events { worker_connections 1024; }
http {
	access_log off;
	client_body_temp_path ${folder}/temp; proxy_temp_path ${folder}/temp;
	fastcgi_temp_path ${folder}/temp; uwsgi_temp_path ${folder}/temp; scgi_temp_path ${folder}/temp;
	upstream far { server 127.0.0.1:${upstreamPort}; keepalive 16; }
	server {
		listen 127.0.0.1:${port}; large_client_header_buffers 4 64k;
		location / {
			proxy_pass http://far; proxy_http_version 1.1; proxy_set_header Connection "";
			proxy_request_buffering off; proxy_buffering off; proxy_next_upstream off;
			proxy_read_timeout 3s; proxy_buffer_size 64k; proxy_buffers 8 64k;
		}
	}
}
`)
	const server = startProcess(scope, '/usr/sbin/nginx', ['-p', folder, '-c', join(folder, 'nginx.conf'),
		'-e', join(folder, 'error.log')], { stop: { signal: 'SIGTERM' } })
	await answering('nginx', server, port)
	return { port, server }
}

export async function startHaproxy(scope, upstreamPort) {
	const folder = temporaryFolder(scope, 'haproxy')
	const port = await freePort()
	writeFileSync(join(folder, 'haproxy.cfg'), `global
	maxconn 1024
	tune.bufsize 65536
defaults
	mode http
	timeout connect 2s
	timeout client 5s
	timeout server 3s
	timeout http-request 3s
frontend near
	bind 127.0.0.1:${port}
	default_backend far
backend far
	http-reuse always
	server far 127.0.0.1:${upstreamPort}
`)
	const server = startProcess(scope, '/usr/sbin/haproxy', ['-db', '-f', join(folder, 'haproxy.cfg')],
		{ stop: { signal: 'SIGTERM' } })
	await answering('HAProxy', server, port)
	return { port, server }
}

function answering(name, server, port) {
	return eventually(`${name} to answer`, async () => {
		if (server.end)
			throw new Error(`${name} ended: ${server.stderr}`)
		return (await request(`http://127.0.0.1:${port}/`)).status > 0
	})
}

/* In a process of its own: a test that counts silence must not wait for itself. */
export async function startNodeProxy(scope, upstreamPort) {
	const script = join(dirname(fileURLToPath(import.meta.url)), 'node-proxy.mjs')
	const server = startProcess(scope, process.execPath, [script, String(upstreamPort)])
	const [, port] = await server.says(/listening on (\d+)\n/)
	return { port: Number(port), server }
}
