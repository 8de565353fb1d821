// SPDX-License-Identifier: Apache-2.0
/*
 * Clients that take their time: each is cut off at the limit that is meant for it, many of them cost no more than a
 * block each, and whoever is not slow is served meanwhile. tests/torture/slow-clients is the long form.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { before, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { bearerService } from '../support/definitions.mjs'
import { binary, startDrawbridge } from '../support/drawbridge.mjs'
import { listen } from '../support/http.mjs'
import { residentBytes, run, socketsOf } from '../support/process.mjs'
import { connectRaw } from '../support/raw.mjs'
import { eventually, scoped, sleep, suite, temporaryFolder } from '../support/scope.mjs'
import { callMeanwhile, percentile, slowKinds, startSlowClients } from '../support/slow.mjs'
import { addService, newConnection, startBearerWorld } from '../support/worlds.mjs'

const mib = 1024 * 1024
/* what a connection may cost: its block of 33 KiB, and its own struct and head */
const each = 40 * 1024

suite('slow clients', (scope) => {
	let drawbridge, link, kinds, half

	/* Sends half of its body, to a service that drips the head of its answer: how long until it is cut, in ms. */
	async function halfABody() {
		const port = await listen(scope, net.createServer(async (socket) => {
			socket.on('error', () => {}).resume()
			socket.write('HTTP/1.1 200 OK\r\nX-Slow: ')
			while (!socket.destroyed) {
				socket.write('a')
				await sleep(1000)
			}
		}))
		await addService(drawbridge, bearerService('drips', { url: `http://127.0.0.1:${port}` }))
		const { link_name: drips } = await newConnection(drawbridge, 'drips', { credentials: { token: 'dripping-token-1' } })
		const raw = connectRaw(scope, drawbridge.port)
		const began = Date.now()
		raw.send(`POST /via/${drips}/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${drawbridge.key}\r\n`
			+ 'Drawbridge-Timeout: 300\r\nContent-Length: 20\r\n\r\nhalf of it')
		await eventually('the client to be cut', () => raw.ended, { timeout: 120_000 })
		return Date.now() - began
	}

	before(async () => {
		({ drawbridge, link } = await startBearerWorld(scope))
		half = halfABody()
		half.catch(() => {})
		kinds = slowKinds({ link, key: drawbridge.key })
		await drawbridge.via(link, '/echo')
	})

	/* How long until the server closes, in ms, while this goes on. */
	async function untilClosed(hello, drip, every) {
		const raw = connectRaw(scope, drawbridge.port)
		const began = Date.now()
		raw.send(hello)
		while (!raw.ended && Date.now() - began < 20_000) {
			await sleep(every)
			if (drip && !raw.ended)
				raw.send(drip)
		}
		return Date.now() - began
	}

	it('a head has 10 s, however busily it comes, and so has a connection that says nothing', async () => {
		const head = `GET /via/${link}/echo HTTP/1.1\r\nHost: x\r\nX-Slow: `
		const times = await Promise.all([untilClosed(head, 'a', 100), untilClosed(head, '', 100),
			untilClosed('G', 'E', 500), untilClosed('', '', 100)])
		for (const ms of times)
			assert.ok(ms > 9000 && ms < 13_000, `${times} ms`)
	})

	it('a body may take longer than that, as long as it comes', async () => {
		const raw = connectRaw(scope, drawbridge.port)
		raw.send(`POST /via/${link}/echo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${drawbridge.key}\r\n`
			+ 'Content-Length: 14\r\n\r\n')
		for (let n = 0; n < 14; n++) {
			await sleep(900)
			raw.send('b')
		}
		assert.equal((await raw.answer()).json.body.length, 14)
	})

	for (const [name, count] of [['heads', 2000], ['large heads', 1000], ['bodies', 400], ['readers', 200]])
		it(`${count} of them (${name}) leave memory bounded and the others served`, async () => {
			const front = drawbridge.role('front')
			const before = residentBytes(front)
			const clients = startSlowClients(drawbridge.port, kinds[name], { count })
			const { times, failures, most } = await callMeanwhile({ seconds: 13,
				call: () => drawbridge.via(link, '/echo'), measure: () => residentBytes(front) })
			const { open, opened } = await clients.stop()
			assert.deepEqual(failures, [])
			assert.ok(opened >= count && open > count / 2, `${open} open, ${opened} in all`)
			assert.ok(most - before < 24 * mib + count * each, `${((most - before) / mib).toFixed(1)} MiB more`)
			assert.ok(percentile(times, 0.5) < 1000, `median ${percentile(times, 0.5)} ms of ${times.length} calls`)
			assert.equal(drawbridge.role('front'), front, 'it is the same process')
		})

	it('half a body has 60 s for the other half, however busy the service is', async () => {
		const ms = await half
		assert.ok(ms > 59_000 && ms < 75_000, `${ms} ms`)
	})

	/* A request with a body of a mebibyte that never comes whole: head, and all of it but a byte. */
	const almost = Buffer.alloc(mib - 1, ' ')
	const largeHead = (path, fields) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`
		+ `Content-Length: ${mib}\r\n${fields}\r\n`

	it('bodies of those who show no key, or one that is not known, are not collected', async () => {
		const front = drawbridge.role('front')
		const before = residentBytes(front)
		const unknown = `Authorization: Bearer dbk_${'x'.repeat(43)}\r\n`
		const open = []
		for (let n = 0; n < 200; n++) {
			const raw = connectRaw(scope, drawbridge.port)
			open.push(raw.send(largeHead('/v1/flows', n % 2 ? unknown : '')).send(almost))
			if (n % 20 === 19)
				await Promise.all(open.slice(-20).map(async (one) => assert.equal((await one.answer()).status, 401)))
		}
		const more = residentBytes(front) - before
		assert.ok(more < 24 * mib + open.length * each, `${(more / mib).toFixed(1)} MiB more`)
		const chunked = connectRaw(scope, drawbridge.port)
		chunked.send(`POST /v1/flows HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n${unknown}\r\n1\r\n{\r\n`)
		assert.equal((await chunked.answer()).status, 401)
		for (const raw of [...open, chunked])
			raw.close()
	})

	it('all bodies under way have a bound, beyond which large ones are told to come again', async () => {
		const front = drawbridge.role('front')
		const before = residentBytes(front)
		const known = `Authorization: Bearer ${drawbridge.key}\r\n`
		const open = [], refused = []
		for (let n = 0; n < 160; n++) {
			const raw = connectRaw(scope, drawbridge.port)
			open.push(raw)
			raw.send(largeHead('/v1/flows', known)).send(almost)
			raw.answer({ timeout: 30_000 }).then((answer) => refused.push(answer), () => {})
		}
		await eventually('some to be refused', () => refused.length >= 160 - 128, { timeout: 30_000 })
		assert.ok(refused.length < 40, `${refused.length} were refused`)
		for (const { status, headers, json } of refused) {
			assert.equal(status, 503)
			assert.equal(json.code, 'unavailable')
			assert.ok(Number(headers['retry-after']) > 0)
		}
		const more = residentBytes(front) - before
		assert.ok(more < 128 * mib + 24 * mib + open.length * each, `${(more / mib).toFixed(1)} MiB more`)
		assert.equal((await drawbridge.api('GET', '/v1/me')).status, 200)
		assert.equal((await drawbridge.api('POST', '/v1/keys', { name: 'small', role: 'viewer' })).status, 201)
		for (const raw of open)
			raw.close()
		await eventually('there to be room again', async () => {
			const answer = await drawbridge.api('POST', '/v1/flows', JSON.stringify({ filler: ' '.repeat(mib / 2) }),
				{ headers: { 'content-type': 'application/json' } })
			return answer.status !== 503
		})
	})

	it('slowhttptest with 500 clients, in each of its modes', { skip: !existsSync('/usr/bin/slowhttptest') }, async () => {
		const done = await run('tests/torture/slowhttptest', ['--clients', '500', '--seconds', '5'], { timeout: 120_000 })
		assert.equal(done.status, 0, `${done.stdout}\n${done.stderr}`)
		assert.equal(done.stdout.match(/^ok .* clients/gm)?.length, 3, done.stdout)
	})

	it('where descriptors are few, clients never take those that calls need', scoped(async (inner) => {
		const limited = join(temporaryFolder(inner), 'limited')
		writeFileSync(limited, `#!/bin/sh\nulimit -n 1024 && exec '${binary}' "$@"\n`, { mode: 0o755 })
		const { drawbridge: few, link: known, token } = await startBearerWorld(inner, { drawbridge: { binary: limited } })
		const other = await startApi(inner, { check: (given) => given === token })
		await addService(few, bearerService('other', other))
		const { link_name: fresh } = await newConnection(few, 'other', { credentials: { token } })
		const ten = (link) => Promise.all(Array.from({ length: 10 }, async () => (await few.via(link, '/echo')).status))
		assert.deepEqual(await ten(known), Array(10).fill(200)) /* on connections that stay open */
		const front = few.role('front')
		const clients = startSlowClients(few.port, kinds.silent, { count: 1200 })
		try {
			await eventually('those that are let in', () => socketsOf(front) > 300)
			await sleep(1000)
			const open = readdirSync(`/proc/${front}/fd`).length
			assert.ok(open < 700, `${open} of 1024 descriptors are open`)
			assert.deepEqual(await ten(fresh), Array(10).fill(200), 'to a service that was not called before')
		} finally {
			await clients.stop()
		}
	}))
})
