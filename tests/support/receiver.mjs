// SPDX-License-Identifier: Apache-2.0
/*
 * A receiver of webhooks as a peer, read with the parsers that real ones use: busboy (multipart and forms),
 * fast-xml-parser, graphql-http. Every request is kept as it was understood; paths below /do answer as a test says.
 */
import busboy from 'busboy'
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { buildSchema } from 'graphql'
import { createHandler } from 'graphql-http/lib/use/http'
import http from 'node:http'
import https from 'node:https'
import { listen, readBody } from './http.mjs'

const schema = buildSchema(`
	type Ticket { id: ID!, subject: String! }
	input Where { words: [String!]!, open: Boolean }
	type Query { ticket(id: ID!): Ticket, find(where: Where!): [Ticket!]! }
`)
const tickets = {
	ticket: ({ id }) => ({ id, subject: `subject of ${id}` }),
	find: ({ where }) => where.words.map((word, n) => ({ id: String(n), subject: `${word} ${where.open}` }))
}

/*
 * options: tls {cert, key}, host. answers: path -> (request, response, body) for paths below /do. The receiver:
 * {url, port, requests, last(), answers}; a request has method, path, query (pairs), headers, rawHeaders, body (bytes)
 * and what was read of it: json, fields (pairs), files, xml.
 */
export async function startReceiver(scope, { tls, host = '127.0.0.1' } = {}) {
	const receiver = { requests: [], answers: {} }
	const graphql = createHandler({ schema, rootValue: tickets })
	const serve = async (request, response) => {
		const entry = { method: request.method, path: request.url.split('?')[0],
			query: [...new URL(request.url, 'http://x').searchParams], headers: request.headers,
			rawHeaders: request.rawHeaders, at: Date.now() }
		receiver.requests.push(entry)
		if (entry.path === '/graphql')
			return graphql(request, response)
		entry.body = await readBody(request)
		await understand(entry)
		const answer = receiver.answers[entry.path]
		if (answer)
			return answer(request, response, entry)
		return reply(response, 200, { received: true })
	}
	const guarded = (request, response) => serve(request, response).catch((error) => {
		receiver.requests.at(-1).error = String(error)
		reply(response, 400, { error: String(error) })
	})
	const server = tls ? https.createServer(tls, guarded) : http.createServer(guarded)
	receiver.port = await listen(scope, server, { host: host === 'localhost' ? '127.0.0.1' : host })
	receiver.url = `${tls ? 'https' : 'http'}://${host}:${receiver.port}`
	receiver.last = () => receiver.requests.at(-1)
	return receiver
}

export function reply(response, status, value, headers = {}) {
	const bytes = Buffer.isBuffer(value) ? value : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
	response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length, ...headers })
	response.end(bytes)
}

async function understand(entry) {
	const type = entry.headers['content-type'] ?? ''
	if (/^application\/json/.test(type))
		entry.json = JSON.parse(entry.body.toString('utf8'))
	if (/^(multipart\/form-data|application\/x-www-form-urlencoded)/.test(type))
		await readForm(entry)
	if (/^[^;]*xml/.test(type)) { /* a boundary may spell anything */
		const text = entry.body.toString('utf8')
		const valid = XMLValidator.validate(text)
		if (valid !== true)
			throw new Error(JSON.stringify(valid))
		entry.xml = new XMLParser({ ignoreAttributes: false, parseTagValue: false, parseAttributeValue: false,
			trimValues: false, htmlEntities: true }).parse(text)
	}
}

function readForm(entry) {
	entry.fields = []
	entry.files = []
	return new Promise((resolve, reject) => {
		const parser = busboy({ headers: entry.headers, defParamCharset: 'utf8', limits: { fieldNameSize: 1 << 16 } })
		parser.on('field', (name, value, { mimeType }) => entry.fields.push({ name, value, type: mimeType }))
		parser.on('file', (name, stream, { filename, mimeType }) => {
			const chunks = []
			stream.on('data', (chunk) => chunks.push(chunk))
			stream.on('end', () => entry.files.push({ name, filename, type: mimeType, bytes: Buffer.concat(chunks) }))
		})
		parser.on('close', resolve)
		parser.on('error', reject)
		parser.end(entry.body)
	})
}
