// SPDX-License-Identifier: Apache-2.0
/*
 * A plain HTTP client over node:http: the path goes out as it is given, nothing is followed, and the whole answer
 * comes back with its fields as they were.
 */
import http from 'node:http'
import https from 'node:https'
import { isIP } from 'node:net'

/*
 * url: "http://host:port/path" (the path is not normalised), or {protocol?, host, port, path}.
 * options: method, headers (object or flat array), body (string, Buffer or object, sent as JSON), agent, socketPath,
 * ca, timeout, stream (give the answer's stream instead of its body).
 */
export function request(url, { method = 'GET', headers = {}, body, timeout = 30_000, stream, ...rest } = {}) {
	const target = typeof url === 'string' ? splitUrl(url) : url
	const { fields, bytes } = outgoing(headers, body)
	const module = target.protocol === 'https:' ? https : http
	return new Promise((resolve, reject) => {
		const outgoingRequest = module.request({
			...rest, method, headers: fields, host: target.host, port: target.port, path: target.path,
			family: target.host === 'localhost' ? 4 : undefined,
			servername: isIP(target.host) ? '' : target.host
		})
		const timer = setTimeout(() => {
			outgoingRequest.destroy(new Error(`${method} ${target.path}: no whole answer in ${timeout} ms`))
		}, timeout)
		outgoingRequest.on('error', (error) => {
			clearTimeout(timer)
			reject(error)
		})
		outgoingRequest.on('response', (response) => {
			if (stream) {
				clearTimeout(timer)
				resolve(response)
				return
			}
			collect(response).then((answer) => resolve(answer), reject).finally(() => clearTimeout(timer))
		})
		outgoingRequest.end(bytes)
	})
}

export function splitUrl(url) {
	const match = /^(https?:)\/\/(?:\[([^\]]+)\]|([^/:?#]+))(?::(\d+))?([^#]*)/.exec(url)
	if (!match)
		throw new Error(`not an http URL: ${url}`)
	const [, protocol, six, name, port, path] = match
	return { protocol, host: six ?? name, port: Number(port ?? (protocol === 'https:' ? 443 : 80)),
		path: path.startsWith('/') ? path : `/${path}` }
}

function outgoing(headers, body) {
	if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) {
		const bytes = body === undefined ? undefined : Buffer.from(body)
		return { fields: withLength(headers, bytes), bytes }
	}
	const bytes = Buffer.from(JSON.stringify(body))
	return { fields: withLength({ 'content-type': 'application/json', ...headers }, bytes), bytes }
}

function withLength(headers, bytes) {
	if (bytes === undefined || Array.isArray(headers))
		return headers
	return { 'content-length': bytes.length, ...headers }
}

async function collect(response) {
	const chunks = []
	for await (const chunk of response)
		chunks.push(chunk)
	const body = Buffer.concat(chunks)
	const text = body.toString('utf8')
	const answer = { status: response.statusCode, headers: response.headers, rawHeaders: response.rawHeaders,
		trailers: response.trailers, body, text, json: undefined }
	if (/json/.test(response.headers['content-type'] ?? ''))
		answer.json = text === '' ? undefined : JSON.parse(text)
	return answer
}

/* The body of a request that a test server got. */
export async function readBody(incoming) {
	const chunks = []
	for await (const chunk of incoming)
		chunks.push(chunk)
	return Buffer.concat(chunks)
}

/* Listens on the host's free (or the given) port; ends with the scope, open connections included. */
export function listen(scope, server, { host = '127.0.0.1', port = 0 } = {}) {
	const sockets = new Set()
	const remember = (socket) => {
		sockets.add(socket)
		socket.on('error', () => {})
		socket.on('close', () => sockets.delete(socket))
	}
	server.on('connection', remember)
	server.on('secureConnection', remember)
	scope.after(() => new Promise((resolve) => {
		server.close(() => resolve())
		for (const socket of sockets)
			socket.destroy()
	}))
	return new Promise((resolve, reject) => {
		server.on('error', reject)
		server.listen(port, host, () => resolve(server.address().port))
	})
}
