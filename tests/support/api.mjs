// SPDX-License-Identifier: Apache-2.0
/*
 * A protected API as a peer: every request must carry a token that the authorization server (asked by introspection,
 * or a function of the test) calls active; then it does what its path says. Its answers tell the exact bytes that
 * came in.
 */
import { createHash } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import { listen } from './http.mjs'
import { secretSeen } from './known_secrets.mjs'
import { sleep } from './scope.mjs'

export const gib = 1024 * 1024 * 1024

/*
 * options: check(token, request) -> truthy when it may pass (default: anybody), scheme (default Bearer), foreign
 * (where /redirect/foreign points), tls {cert, key}, host, port. api.vouchedBy(tls): another certificate from now on.
 * api.before: what the test does while the next request waits for its answer.
 */
export async function startApi(scope, { check, scheme = 'Bearer', foreign = 'http://example.com/', tls, host, port,
	routes = {} } = {}) {
	const api = { requests: [], cut: 0, refuse: 0, connections: 0 }
	const handle = async (request, response) => {
		const entry = { method: request.method, path: request.url, headers: request.headers,
			rawHeaders: request.rawHeaders, from: request.socket.remoteAddress, at: Date.now() }
		api.requests.push(entry)
		entry.token = tokenOf(request, scheme)
		const { before } = api
		delete api.before
		await before?.()
		if (api.refuse > 0) {
			api.refuse -= 1
			return unauthorized(response, scheme)
		}
		if (check && !(entry.token && await check(entry.token, request)))
			return unauthorized(response, scheme)
		if (check)
			secretSeen(entry.token)
		const [path] = request.url.split('?')
		const route = routes[path] ?? endpoints[path] ?? endpoints['/echo']
		await route(request, response, { api, foreign, entry })
	}
	const guarded = (request, response) => handle(request, response).catch((error) => {
		if (!response.headersSent)
			json(response, 500, { error: String(error) })
		else
			response.destroy()
	})
	const server = tls ? https.createServer(tls, guarded) : http.createServer(guarded)
	server.on('connection', () => { api.connections += 1 })
	server.on('checkContinue', (request, response) => {
		if (request.headers['x-refuse-body'])
			return json(response, 417, { error: 'not this body' })
		response.writeContinue()
		return guarded(request, response)
	})
	api.port = await listen(scope, server, { host, port })
	api.url = `${tls ? 'https' : 'http'}://${host ?? '127.0.0.1'}:${api.port}`
	api.last = () => api.requests.at(-1)
	api.vouchedBy = (other) => {
		server.setSecureContext(other)
		server.closeIdleConnections()
	}
	return api
}

function tokenOf(request, scheme) {
	const field = request.headers.authorization ?? ''
	return field.toLowerCase().startsWith(`${scheme.toLowerCase()} `) ? field.slice(scheme.length + 1) : undefined
}

function unauthorized(response, scheme) {
	json(response, 401, { error: 'invalid_token' }, { 'www-authenticate': `${scheme} error="invalid_token"` })
}

function json(response, status, value, headers = {}) {
	const bytes = Buffer.from(JSON.stringify(value))
	response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length, ...headers })
	response.end(bytes)
}

async function swallow(request) {
	const hash = createHash('sha256')
	let length = 0
	for await (const chunk of request) {
		hash.update(chunk)
		length += chunk.length
	}
	return { length, sha256: hash.digest('hex') }
}

/* Until more can be written, or the other side has gone. */
function drained(stream) {
	return new Promise((resolve) => {
		const go = () => {
			stream.off('drain', go).off('close', go)
			resolve()
		}
		stream.on('drain', go).on('close', go)
	})
}

async function pour(response, total) {
	const chunk = Buffer.alloc(256 * 1024, 'drawbridge ')
	for (let left = total; left > 0; left -= chunk.length) {
		if (response.destroyed)
			return
		if (!response.write(left < chunk.length ? chunk.subarray(0, left) : chunk))
			await drained(response)
	}
	response.end()
}

const parameter = (request, name, otherwise) => new URL(request.url, 'http://x').searchParams.get(name) ?? otherwise

const endpoints = {
	/* what came in: method, path as sent, every field as sent, length and hash of the body */
	async '/echo'(request, response) {
		const body = await swallow(request)
		json(response, 200, { method: request.method, path: request.url, rawHeaders: request.rawHeaders,
			trailers: request.rawTrailers, body })
	},
	/* ?bytes=N (default 1 GiB), with a length unless ?chunked=1 */
	async '/large'(request, response) {
		const total = Number(parameter(request, 'bytes', gib))
		const length = parameter(request, 'chunked') ? {} : { 'content-length': total }
		response.writeHead(200, { 'content-type': 'application/octet-stream', ...length })
		await pour(response, total)
	},
	/* three events, one as soon as the former is sent plus ?gap= ms */
	async '/events'(request, response) {
		const gap = Number(parameter(request, 'gap', 300))
		response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
		for (let n = 1; n <= 3; n++) {
			response.write(`id: ${n}\ndata: event ${n}\n\n`)
			await sleep(gap)
		}
		response.end()
	},
	/* answers after ?ms= */
	async '/slow'(request, response) {
		await sleep(Number(parameter(request, 'ms', 1000)))
		json(response, 200, { slow: true })
	},
	async '/chunked'(request, response) {
		response.writeHead(200, { 'content-type': 'text/plain', trailer: 'X-After' })
		for (const part of ['one,', 'two,', 'three'])
			response.write(part)
		response.addTrailers({ 'X-After': 'done' })
		response.end()
	},
	/* ?to=own|foreign|metadata|relative, ?status=302 */
	async '/redirect'(request, response, { foreign }) {
		const targets = { own: `http://${request.headers.host}/echo?from=redirect`, foreign, relative: '/echo?relative',
			metadata: 'http://169.254.169.254/latest/meta-data/' }
		const location = targets[parameter(request, 'to', 'own')]
		json(response, Number(parameter(request, 'status', 302)), { see: location }, { location,
			link: `<http://${request.headers.host}/echo?page=2>; rel="next"` })
	},
	/* gives the credential back, as careless debugging endpoints do */
	async '/leak'(request, response, { entry }) {
		json(response, 200, { authorization: request.headers.authorization,
			base64: Buffer.from(entry.token ?? '').toString('base64'), url: encodeURIComponent(entry.token ?? '') },
		{ 'x-echo': request.headers.authorization ?? '' })
	},
	async '/cookies'(request, response) {
		json(response, 200, {}, { 'set-cookie': ['a=1; Path=/', 'b=2'], 'clear-site-data': '"*"',
			'alt-svc': 'h3=":443"', 'strict-transport-security': 'max-age=1', 'service-worker-allowed': '/',
			'set-cookie2': 'c=3', refresh: '0; url=https://elsewhere.example/', nel: '{"report_to":"x","max_age":9}',
			'report-to': '{"group":"x"}', 'reporting-endpoints': 'x="https://elsewhere.example/"', 'public-key-pins': 'x',
			'public-key-pins-report-only': 'x', 'expect-ct': 'max-age=1', 'accept-ch': 'DPR', 'critical-ch': 'DPR',
			'content-security-policy-report-only': "default-src 'none'", 'origin-agent-cluster': '?1',
			'set-login': 'logged-out', 'use-as-dictionary': 'match="/*"', 'content-location': '/echo?is=here',
			'keep-alive': 'timeout=5', 'x-kept': 'yes', connection: 'keep-alive, x-hop', 'x-hop': 'no' })
	},
	/* asks for a password, as a browser would show it */
	async '/challenge'(request, response) {
		json(response, 401, {}, { 'www-authenticate': ['Bearer realm="a"', 'Basic realm="b", Digest realm="c"'] })
	},
	async '/status'(request, response) {
		json(response, Number(parameter(request, 'code', 200)), { code: parameter(request, 'code') })
	},
	/* announces more than it sends, then cuts the connection */
	async '/cut'(request, response) {
		response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 1000 })
		response.write('only this', () => setTimeout(() => response.socket.destroy(), 50))
	},
	async '/cut-chunked'(request, response) {
		response.writeHead(200, { 'content-type': 'text/plain' })
		response.write('only this', () => setTimeout(() => response.socket.destroy(), 50))
	},
	async '/hang'() {},
	async '/nothing'(request, response) {
		response.writeHead(204)
		response.end()
	}
}
