// SPDX-License-Identifier: Apache-2.0
/*
 * Every way in which a webhook can fail, as a table: where it goes, what the peer does, and which path a flow takes.
 * Peers listen on the loopback and end with the scope.
 */
import net from 'node:net'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { bearerService } from './definitions.mjs'
import { listen } from './http.mjs'
import { startProcess } from './process.mjs'
import { reply } from './receiver.mjs'
import { freePort } from './scope.mjs'
import { addService, newConnection } from './worlds.mjs'

/* A port whose queue is full: whoever connects waits for ever. */
async function deafPort(scope) {
	const child = startProcess(scope, process.execPath, ['-e', `require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 },
		function () { require('fs').writeSync(1, 'port ' + this.address().port + '\\n'); for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000) })`])
	const [, port] = await child.says(/port (\d+)/)
	const held = Array.from({ length: 4 }, () => net.connect({ port: Number(port), host: '127.0.0.1' }).on('error', () => {}))
	scope.after(() => held.forEach((each) => each.destroy()))
	return Number(port)
}

/* Says these bytes to whoever asks, and then nothing; ends: or closes. */
function scripted(scope, bytes, { ends = false } = {}) {
	return listen(scope, net.createServer((socket) => {
		socket.on('error', () => {})
		socket.once('data', () => ends ? socket.end(bytes) : socket.write(bytes))
	}))
}

/* Answers of the receiver below /fail. */
function answers(receiver) {
	const on = (path, answer) => { receiver.answers[`/fail/${path}`] = answer }
	on('hang', () => {})
	on('stall', (request, response) => response.writeHead(200, { 'content-length': 100 }).write('{"n":'))
	on('drip', (request, response) => {
		const timer = setInterval(() => response.write(' '), 100)
		response.on('close', () => clearInterval(timer))
	})
	on('cut', (request, response) => response.writeHead(200, { 'content-length': 100 }).write('{"n":', () => response.socket.destroy()))
	on('reset', (request, response) => response.socket.resetAndDestroy())
	on('large', (request, response) => reply(response, 200, JSON.stringify({ n: 'x'.repeat(100_000) })))
	on('wide', (request, response) => reply(response, 200, JSON.stringify({ n: 'x'.repeat(600_000) })))
	const zeros = Buffer.alloc(50 * 1024 * 1024, '0')
	for (const [coding, bomb] of [['gzip', gzipSync(zeros)], ['br', brotliCompressSync(zeros, { params: { 1: 1 } })]])
		on(coding, (request, response) => reply(response, 200, bomb, { 'content-encoding': coding }))
	on('not-gzip', (request, response) => reply(response, 200, 'plain', { 'content-encoding': 'gzip' }))
	on('no-json', (request, response) => reply(response, 200, '{"n":'))
	on('html', (request, response) => reply(response, 200, '<html>Sorry</html>', { 'content-type': 'text/html' }))
	on('deep', (request, response) => reply(response, 200, '['.repeat(100_000)))
	on('other-shape', (request, response) => reply(response, 200, { m: [] }))
	on('empty', (request, response) => response.writeHead(204).end())
	on('error', (request, response) => reply(response, 500, { n: 1 }))
	on('throttled', (request, response) => reply(response, 429, { n: 1 }, { 'retry-after': '3600' }))
	on('loop', (request, response) => response.writeHead(302, { location: '/fail/loop' }).end())
	on('inward', (request, response) => response.writeHead(302, { location: 'https://169.254.169.254/latest/' }).end())
	on('ok', (request, response) => reply(response, 200, { n: 7 }))
}

/*
 * world: of startOidcWorld(). Cases: {name, exit: the path that is taken ('200', 'other', 'no_answer'), code: of the
 * problem (undefined: none), connection, request, value (what the visitor types), spoil (after publishing)}.
 */
export async function webhookFailures(scope, world, receiver, untrusted) {
	const { drawbridge, oidc } = world
	answers(receiver)
	let count = 0
	const through = async (url) => {
		const service = await addService(drawbridge, bearerService(`failing_${++count}`, { url }))
		return (await newConnection(drawbridge, service, { credentials: { token: `token-of-failing-${count}` } })).link_name
	}
	const own = await through(receiver.url)
	const cases = []
	const none = (name, code, more) => cases.push({ name, exit: 'no_answer', code, connection: own, ...more })
	const other = (name, code, path, more) => cases.push({ name, exit: 'other', code, connection: own, request: { url: `/fail/${path}` }, ...more })
	const port = async (making) => through(`http://127.0.0.1:${await making}`)

	none('a name that is nowhere', 'upstream_unreachable', { connection: null, request: { url: 'https://no-such-host.invalid/' } })
	none('a port that nobody listens on', 'upstream_unreachable', { connection: await port(freePort()) })
	none('a certificate that nobody trusts', 'upstream_unreachable', { connection: await through(untrusted.url) })
	none('TLS with what speaks none', 'upstream_unreachable', { connection: await through(receiver.url.replace('http:', 'https:')) })
	none('no time to connect', 'upstream_timeout', { connection: await port(deafPort(scope)) })
	none('no time to shake hands', 'upstream_timeout', { connection: await through(`https://127.0.0.1:${await scripted(scope, '')}`) })
	none('no time for the first byte', 'upstream_timeout', { request: { url: '/fail/hang' } })
	none('no time for the head', 'upstream_timeout', { connection: await port(scripted(scope, 'HTTP/1.1 200 OK\r\nContent-')) })
	none('no time for the body', 'upstream_timeout', { request: { url: '/fail/stall' } })
	none('bytes that come too slowly', 'upstream_timeout', { request: { url: '/fail/drip' } })
	none('no time for all the attempts', 'upstream_timeout', { request: { url: '/fail/hang', retries: { max: 5 } } })
	none('an answer cut short', 'upstream_cut', { request: { url: '/fail/cut' } })
	none('a connection that is reset', 'upstream_unreachable', { request: { url: '/fail/reset' } })
	none('what is no HTTP', 'upstream_malformed', { connection: await port(scripted(scope, 'nonsense\r\n\r\n', { ends: true })) })
	none('two lengths', 'upstream_malformed', { connection: await port(scripted(scope,
		'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx', { ends: true })) })
	none('a packed body that is none', 'upstream_malformed', { request: { url: '/fail/not-gzip' } })
	none('a private address', 'destination_not_allowed', { connection: null, request: { url: 'https://169.254.169.254/latest/' } })
	none('a host that is not the connection\'s', 'destination_not_allowed', { request: { url: 'https://elsewhere.example/' } })
	none('a redirect inwards', 'destination_not_allowed', { request: { url: '/fail/inward' } })
	none('a line break in a header', 'invalid_request', { request: { url: '/fail/ok', headers: [{ name: 'X-V', value: '{{input.v}}' }] }, value: 'a\u0085b' })
	none('a path that would be another', 'invalid_request', { request: { url: '/fail/{{input.v}}' }, value: '..' })
	none('a variable that a filter cannot take', 'invalid_request', { request: { url: '/fail/{{input.v | number}}' }, value: 'abc' })
	none('a connection that was never connected', 'connection_not_connected', { connection: (await world.fresh()).link_name })
	const states = [['disabled', 'connection_disabled', (link) => drawbridge.must('POST', `/v1/connections/${link}/disable`)],
		['revoked', 'connection_not_connected', (link) => drawbridge.must('POST', `/v1/connections/${link}/revoke`)],
		['deleted', 'connection_not_found', (link) => drawbridge.must('DELETE', `/v1/connections/${link}?force=true`)]]
	for (const [state, code, act] of states) {
		const link = await through(receiver.url)
		none(`a connection that was ${state}`, code, { connection: link, request: { url: '/fail/ok' }, spoil: () => act(link) })
	}
	const { link_name: dead } = await world.connected()
	none('a connection that must be reconnected', 'connection_needs_reconnect', { connection: dead, request: { url: '/echo' }, spoil: async () => {
		oidc.faults.on('token', { kind: 'status', status: 400, body: { error: 'invalid_grant' } })
		await drawbridge.api('POST', `/v1/connections/${dead}/refresh`)
		oidc.faults.clear()
	} })
	other('an answer over its size', 'mapping_missing', 'large', { request: { url: '/fail/large', max_bytes: 1000 } })
	other('a bomb in gzip', 'mapping_missing', 'gzip')
	other('a bomb in br', 'mapping_missing', 'br')
	other('JSON that is none', 'mapping_missing', 'no-json')
	other('a page in place of JSON', 'mapping_missing', 'html')
	other('JSON too deep', 'mapping_missing', 'deep')
	other('JSON without what is wanted', 'mapping_missing', 'other-shape')
	other('more than can be remembered', 'mapping_too_large', 'wide')
	other('nothing at all', undefined, 'empty')
	other('an error of the service', undefined, 'error')
	other('a throttle that lasts', undefined, 'throttled', { request: { url: '/fail/throttled', retries: { max: 2 } } })
	other('redirects without end', undefined, 'loop')
	cases.push({ name: 'no fault', exit: '200', connection: own, request: { url: '/fail/ok' } })
	return cases
}
