// SPDX-License-Identifier: Apache-2.0
/*
 * Many conversations at once: all of them call an API that does not answer yet, some hundreds are listened to, then the
 * API answers. Every one must end, with what the API said to it, and must have called exactly once.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { keyService } from './definitions.mjs'
import { startDrawbridge } from './drawbridge.mjs'
import { readBody } from './http.mjs'
import { mustRun } from './process.mjs'
import { eventually } from './scope.mjs'
import { addService, newConnection } from './worlds.mjs'

/*
 * An API that holds its answers until it is let. It has a thread of its own, and a long queue: the one that begins the
 * conversations is busy, and whoever is not let in within 5 s has not been answered.
 */
function hold() {
	const calls = new Map()
	let held = [], most = 0, open = false
	const answer = ([response, n]) => {
		const text = JSON.stringify({ said: `answer to ${n}` })
		response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length })
		response.end(text)
	}
	const server = http.createServer(async (request, response) => {
		const { n } = JSON.parse(await readBody(request))
		calls.set(n, (calls.get(n) ?? 0) + 1)
		if (open)
			return answer([response, n])
		held.push([response, n])
		most = Math.max(most, held.length)
	})
	Object.assign(server, { keepAliveTimeout: 60_000, requestTimeout: 0 })
	server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => parentPort.postMessage(server.address().port))
	parentPort.on('message', (asked) => {
		if (asked === 'release') {
			open = true
			held.forEach(answer)
			held = []
		}
		parentPort.postMessage({ calls, held: held.length, most })
	})
}

if (workerData === 'the API of the crowd')
	hold()

async function startHolder(scope) {
	const worker = new Worker(fileURLToPath(import.meta.url), { workerData: 'the API of the crowd' })
	scope.after(() => worker.terminate())
	const [port] = await once(worker, 'message')
	const ask = async (what) => {
		worker.postMessage(what)
		return (await once(worker, 'message'))[0]
	}
	return { port, url: `http://127.0.0.1:${port}`, state: () => ask('state'), release: () => ask('release') }
}

const blocks = (link) => [
	{ id: 'start', type: 'start', paths: { next: 'call' } },
	{ id: 'call', type: 'webhook', connection: link,
		request: { method: 'POST', url: '/hold', timeout_ms: 120_000, body: { type: 'json', content: { n: '{{session.n}}' } } },
		response_list: [{ codes: ['200'], mappings: [{ variable: 'said', from: '$.said' }] }],
		paths: { 200: 'good', other: 'bad', no_answer: 'bad' } },
	{ id: 'good', type: 'end', text: '{{block.said}}' },
	{ id: 'bad', type: 'end', text: 'nothing' }]

/* Does work(n) for 0 … count-1, so many at a time. */
export async function each(count, together, work) {
	let next = 0
	await Promise.all(Array.from({ length: together }, async () => {
		while (next < count) {
			const n = next++
			await work(n)
		}
	}))
}

/* A stream of events until its end: {text, whole}; headers: who asks, in place of the conversation's token. */
export function follow(drawbridge, talk, { after, headers = { authorization: `Bearer ${talk.token}` } } = {}) {
	const stream = { text: '', over: false, whole: false }
	stream.ended = new Promise((resolve) => {
		const request = http.get({ host: '127.0.0.1', port: drawbridge.port, agent: false,
			path: `/v1/conversations/${talk.id}/events`,
			headers: { ...headers, ...after !== undefined && { 'last-event-id': String(after) } }
		}, (response) => {
			stream.status = response.statusCode
			response.on('data', (bytes) => { stream.text += bytes })
			response.on('close', () => {
				Object.assign(stream, { over: true, whole: response.complete })
				resolve(stream)
			})
			response.on('error', () => {})
		})
		request.on('error', () => resolve(Object.assign(stream, { over: true })))
		stream.close = () => request.destroy()
	})
	return stream
}

function frontIs(drawbridge) {
	const status = readFileSync(`/proc/${drawbridge.role('front')}/status`, 'latin1')
	const of = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)[1])
	return { mib: Math.round(of('VmRSS') / 1024), threads: of('Threads') }
}

const inState = async (drawbridge, state) => Number(await mustRun('sqlite3', ['-readonly',
	join(drawbridge.data, 'store/drawbridge.db'), '.timeout 20000', `SELECT count(*) FROM conversations WHERE status = '${state}'`]))

/* Gives the figures; anything that is not as it must be is thrown. */
export async function runCrowd(scope, { count, streams = 300, together = 48, tell = () => {} }) {
	const holder = await startHolder(scope)
	const drawbridge = await startDrawbridge(scope)
	const service = await addService(drawbridge, keyService('held', holder))
	const { link_name: link } = await newConnection(drawbridge, service, { credentials: { api_key: 'key-of-crowd' } })
	const made = await drawbridge.must('POST', '/v1/flows', { draft: { name: 'Crowd', blocks: blocks(link),
		variables: { session: [{ name: 'n' }] } } })
	await drawbridge.must('POST', `/v1/flows/${made.id}/publish`, {})
	const figures = { count, streams, before: frontIs(drawbridge) }
	const clock = () => performance.now() / 1000

	const talks = []
	let since = clock()
	await each(count, together, async (n) => {
		talks[n] = await drawbridge.must('POST', `/v1/flows/${made.id}/conversations?wait=0`, { session: { n } })
		assert.equal(talks[n].state, 'calling')
	})
	figures.begunIn = clock() - since
	tell(`begun in ${figures.begunIn.toFixed(1)} s`)
	const listened = talks.slice(0, streams).map((talk) => follow(drawbridge, talk))
	await eventually('the streams to be open', () => listened.every(({ text }) => text.includes('"calling"')), { timeout: 20_000 })
	await eventually('the calls to have come', async () => (await holder.state()).held >= Math.min(count, 1000), { timeout: 20_000 })
	assert.equal(await inState(drawbridge, 'calling'), count)
	figures.inFlight = frontIs(drawbridge)

	since = clock()
	figures.atTheApi = (await holder.release()).most
	await eventually('all to be over', async () => {
		const ended = await inState(drawbridge, 'ended')
		tell(`${ended} are over after ${(clock() - since).toFixed(1)} s`)
		return ended === count
	}, { timeout: 120_000, every: 500 })
	figures.endedIn = clock() - since
	figures.after = frontIs(drawbridge)

	for (const [n, { ended }] of listened.entries()) {
		const { text, whole } = await ended
		assert.ok(whole && text.includes(`answer to ${n}"`) && text.includes('"state":"ended"'), text)
	}
	await each(count, together, async (n) => {
		const { state, messages } = await drawbridge.must('GET', `/v1/conversations/${talks[n].id}`, undefined,
			{ key: talks[n].token })
		assert.deepEqual([state, ...messages.map(({ seq, content }) => [seq, content.text])], ['ended', [1, `answer to ${n}`]])
	})
	const { calls } = await holder.state()
	const wrong = talks.map((talk, n) => [n, calls.get(n)]).filter(([, times]) => times !== 1)
	assert.deepEqual(wrong, [], 'each has called exactly once')
	assert.equal(calls.size, count)
	return figures
}

export const linesOf = (f) => [
	`conversations in flight                ${f.count}`,
	`  of them at the API at a time         ${f.atTheApi}`,
	`  listened to by streams of events     ${f.streams}`,
	`begun in                               ${f.begunIn.toFixed(1)} s`,
	`ended in, once the API answered        ${f.endedIn.toFixed(1)} s`,
	`memory of the front                    ${f.before.mib} MiB before, ${f.inFlight.mib} MiB in flight, ${f.after.mib} MiB after`,
	`threads of the front                   ${f.before.threads} before, ${f.inFlight.threads} in flight`].join('\n')
