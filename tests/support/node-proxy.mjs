// SPDX-License-Identifier: Apache-2.0
/*
 * A reverse proxy of Node's own parser and writer, a process of its own: node-proxy.mjs PORT-OF-THE-UPSTREAM. What
 * Node refuses as a server, or as a client, goes no further. Says where it listens.
 */
import http from 'node:http'

const hop = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade']

/* As it came, less what is the connection's own; a length goes on, chunks are made anew. */
function passed(raw, chunked) {
	const fields = []
	for (let n = 0; n < raw.length; n += 2)
		if (!hop.includes(raw[n].toLowerCase()))
			fields.push(raw[n], raw[n + 1])
	return chunked ? [...fields, 'Transfer-Encoding', 'chunked'] : fields
}

const upstreamPort = Number(process.argv[2])
const agent = new http.Agent({ keepAlive: true })
const server = http.createServer({ maxHeaderSize: 64 * 1024 }, (incoming, response) => {
	const fail = (status) => response.headersSent ? response.destroy()
		: response.writeHead(status, { 'content-length': 0 }).end()
	let onward
	try {
		onward = http.request({ host: '127.0.0.1', port: upstreamPort, agent, method: incoming.method, path: incoming.url,
			headers: passed(incoming.rawHeaders, incoming.headers['transfer-encoding']), maxHeaderSize: 64 * 1024 })
	} catch {
		return fail(400) /* it would not send this */
	}
	onward.setTimeout(3000, () => onward.destroy())
	onward.on('error', () => fail(502)).on('response', (answer) => {
		answer.on('error', () => response.destroy()).on('aborted', () => response.destroy())
		try {
			response.writeHead(answer.statusCode, answer.statusMessage, passed(answer.rawHeaders, false))
		} catch {
			return fail(502)
		}
		answer.pipe(response)
	})
	incoming.on('error', () => onward.destroy()).on('aborted', () => onward.destroy())
	incoming.pipe(onward)
})
server.listen(0, '127.0.0.1', () => console.log(`listening on ${server.address().port}`))
