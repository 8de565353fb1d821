// SPDX-License-Identifier: Apache-2.0
/*
 * The servers that are compared. Each puts one and the same credential into every call, listens on a TCP port and on
 * a Unix socket, has one thread for calls, keeps its connections to the upstream, and is pinned to one processor.
 * nginx and HAProxy are set up to do as little as they can: they do not look at the caller's token.
 *
 * A start gives {name, pid, tcp, unix, settle}; settle: how long (ms) after a call its last work may begin.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { request } from '../tests/support/http.mjs'
import { mustRun, run, startProcess } from '../tests/support/process.mjs'
import { eventually, freePort, temporaryFolder } from '../tests/support/scope.mjs'

const connections = 256 // more than there are callers

async function place(scope, name) {
	const folder = temporaryFolder(scope, `bench-${name}`)
	const port = await freePort()
	return { folder, port, tcp: `127.0.0.1:${port}`, unix: `unix:${join(folder, 'calls.sock')}` }
}

function startPinned(scope, cpu, command, args, options) {
	return startProcess(scope, 'taskset', ['-c', String(cpu), command, ...args], options)
}

/* Until a call goes through; says why it does not. */
async function ready(name, server, port, path, token) {
	await eventually(`${name} to answer`, async () => {
		if (server.end)
			throw new Error(`${name} ended: ${server.stderr}${server.stdout}`)
		const answer = await request({ host: '127.0.0.1', port, path }, { headers: { authorization: `Bearer ${token}` } })
		if (answer.status !== 200)
			throw new Error(`${answer.status} ${answer.text.slice(0, 300)}`)
		return true
	})
}

export async function startUpstream(scope, { cpu, build, secret, sizes }) {
	const server = startPinned(scope, cpu, join(build, 'upstream'), ['--bearer', secret, '--bytes', sizes.join(',')])
	const [, port] = await server.says(/ready (\d+)/)
	return { server, port: Number(port) }
}

// nginx -----------------------------------------------------------------------------------------------------------

/* Buffers that hold the largest answer, so that none goes to a file. */
const nginxConf = ({ at, upstream, secret, log }) => `daemon off;
worker_processes 1;
pid ${at.folder}/pid;
error_log stderr error;
events { worker_connections 4096; }
http {
	access_log ${log ? `${at.folder}/access.log` : 'off'};
	client_body_temp_path ${at.folder}/temp; proxy_temp_path ${at.folder}/temp;
	fastcgi_temp_path ${at.folder}/temp; uwsgi_temp_path ${at.folder}/temp; scgi_temp_path ${at.folder}/temp;
	keepalive_requests 1000000000;
	upstream service {
		server 127.0.0.1:${upstream};
		keepalive ${connections};
		keepalive_requests 1000000000;
		keepalive_timeout 1h;
	}
	server {
		listen ${at.tcp};
		listen ${at.unix};
		location / {
			proxy_pass http://service;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Authorization "Bearer ${secret}";
			proxy_buffers 16 8k;
			proxy_max_temp_file_size 0;
		}
	}
}
`

export async function startNginx(scope, { cpu, upstream, secret, log, probe, token }) {
	const name = log ? 'nginx, access log' : 'nginx'
	const at = await place(scope, 'nginx')
	mkdirSync(join(at.folder, 'temp'))
	writeFileSync(join(at.folder, 'nginx.conf'), nginxConf({ at, upstream, secret, log }))
	const server = startPinned(scope, cpu, 'nginx', ['-p', at.folder, '-c', join(at.folder, 'nginx.conf'),
		'-e', 'stderr'])
	await ready(name, server, at.port, probe, token)
	return { ...at, name, pid: server.pid, settle: 0 }
}

// HAProxy ---------------------------------------------------------------------------------------------------------

const haproxyConf = ({ at, upstream, secret }) => `global
	nbthread 1
	maxconn 4096
defaults
	mode http
	timeout connect 5s
	timeout client 60s
	timeout server 60s
	http-reuse always
frontend callers
	bind ${at.tcp}
	bind ${at.unix.replace('unix:', 'unix@')}
	http-request set-header Authorization "Bearer ${secret}"
	default_backend service
backend service
	server one 127.0.0.1:${upstream} pool-purge-delay 1h
`

export async function startHaproxy(scope, { cpu, upstream, secret, probe, token }) {
	const at = await place(scope, 'haproxy')
	writeFileSync(join(at.folder, 'haproxy.cfg'), haproxyConf({ at, upstream, secret }))
	const server = startPinned(scope, cpu, 'haproxy', ['-db', '-f', join(at.folder, 'haproxy.cfg')])
	await ready('HAProxy', server, at.port, probe, token)
	return { ...at, name: 'HAProxy', pid: server.pid, settle: 0 }
}

// Drawbridge ------------------------------------------------------------------------------------------------------

/* Why it cannot be measured yet; undefined if it can. */
export async function whyNoDrawbridge(binary) {
	const help = await run(binary, ['serve', '--help'])
	return help.status === 0 ? undefined : `${binary} serve --help: status ${help.status} ${help.stderr.trim()}`
}

const definition = (upstream) => ({
	id: 'bench',
	name: 'Bench',
	allow_http: true,
	methods: {
		key: {
			kind: 'api_key',
			name: 'API key',
			inject: [{ in: 'header', name: 'Authorization', value: 'Bearer {api_key}' }]
		}
	},
	api: { base_url: `http://127.0.0.1:${upstream}`, hosts: [`127.0.0.1:${upstream}`] }
})

/* Also gives tokens (keys of callers, which it checks on every call) and metrics(), the text of /metrics. */
export async function startDrawbridge(scope, { cpu, binary, upstream, secret, link, keys, probe }) {
	const at = await place(scope, 'drawbridge')
	const data = join(at.folder, 'data')
	const server = startPinned(scope, cpu, binary, ['serve', '--data', data, '--listen', at.tcp, '--listen', at.unix,
		'--egress-allow', `127.0.0.1/32:${upstream}`, '--workers', '1', '--records', '--log-level', 'warn'])
	const url = `http://${at.tcp}`
	await eventually('drawbridge to be ready', async () => {
		if (server.end)
			throw new Error(`drawbridge ended: ${server.stderr}${server.stdout}`)
		return (await request(`${url}/readyz`)).status === 200
	}, { timeout: 20_000 })

	await mustRun(binary, ['init', '--owner', 'bench@example.org', '--data', data],
		{ stdin: 'correct horse battery staple\n' })
	const admin = JSON.parse(await mustRun(binary, ['key', 'create', '--role', 'admin', '--name', 'bench', '--json',
		'--data', data])).key
	const create = async (path, body) => {
		const answer = await request(`${url}${path}`, { method: 'POST', body,
			headers: { authorization: `Bearer ${admin}` } })
		if (answer.status !== 201)
			throw new Error(`POST ${path}: ${answer.status} ${answer.text}`)
		return answer.json
	}
	await create('/v1/services', definition(upstream))
	await create('/v1/connections', { name: 'Bench', link_name: link, service: 'bench', method: 'key',
		credentials: { api_key: secret } })
	const tokens = []
	for (let n = 0; n < keys; n++)
		tokens.push((await create('/v1/keys', { name: `caller ${n}`, role: 'caller' })).key)
	await ready('drawbridge', server, at.port, probe, tokens[0])
	const metrics = async () => (await request(`${url}/metrics`, { headers: { authorization: `Bearer ${admin}` } })).text
	return { ...at, name: 'Drawbridge', pid: server.pid, settle: 700, tokens, metrics }
}
