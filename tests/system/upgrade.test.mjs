// SPDX-License-Identifier: Apache-2.0
/*
 * Another program in the place of the running one, while calls run: none is refused, none is cut before the drain
 * time is over; a program that does not start changes nothing.
 */
import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, readlinkSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { binary } from '../support/drawbridge.mjs'
import { request } from '../support/http.mjs'
import { run } from '../support/process.mjs'
import { eventually, scoped, sleep, suite, temporaryFolder } from '../support/scope.mjs'
import { Steps, stepsBinary } from '../support/steps.mjs'
import { traffic } from '../support/traffic.mjs'
import { newConnection, startBearerWorld, startOidcWorld } from '../support/worlds.mjs'

const told = (drawbridge) => JSON.parse(readFileSync(join(drawbridge.data, 'server.json'), 'utf8'))

/* A program of its own, which can be replaced by another. */
function program(scope, from = binary) {
	const path = join(temporaryFolder(scope), 'drawbridge')
	const put = (file) => {
		copyFileSync(file, `${path}.new`)
		renameSync(`${path}.new`, path)
	}
	put(from)
	return { path, put }
}

const version = async (drawbridge) => (await request(`${drawbridge.url}/healthz`)).json.version
const upgrade = (drawbridge, path, options) => run(path, ['upgrade', '--data', drawbridge.data], { timeout: 90_000, ...options })

suite('an upgrade', () => {
	it('a call loop does not notice it, and the parent is the same process', scoped(async (scope) => {
		const { path, put } = program(scope)
		const { drawbridge, link, token } = await startBearerWorld(scope, { drawbridge: { binary: path, flags: ['--drain', '4s'] } })
		const pid = drawbridge.server.pid
		const roles = drawbridge.roles().map((role) => role.pid)
		const old = await version(drawbridge)
		const stop = traffic(drawbridge, link)
		const slow = drawbridge.via(link, '/slow?ms=3000')
		put(stepsBinary)
		const done = await upgrade(drawbridge, path)
		assert.equal(done.status, 0, `${done.stdout}${done.stderr}\n${drawbridge.log.slice(-3000)}`)
		assert.match(done.stdout, /is the new program now/)
		await sleep(300)
		await stop()
		assert.equal((await slow).status, 200)
		assert.equal(await version(drawbridge), `${old}+steps`)
		assert.equal(told(drawbridge).version, `${old}+steps`)
		assert.equal(told(drawbridge).pid, pid)
		for (const each of [pid, ...drawbridge.roles().map((role) => role.pid)])
			assert.equal(readlinkSync(`/proc/${each}/exe`), path)
		assert.ok(!drawbridge.roles().some((role) => roles.includes(role.pid)))

		/* and the new parent does all that a parent does */
		const keeper = drawbridge.role('--role=keeper')
		process.kill(keeper, 'SIGKILL')
		await eventually('another keeper', () => ![undefined, keeper].includes(drawbridge.role('--role=keeper')))
		await drawbridge.ready()
		const { link_name: fresh } = await newConnection(drawbridge, 'echo', { credentials: { token } })
		assert.equal((await drawbridge.via(fresh, '/echo')).status, 200)
		assert.equal((await drawbridge.cli(['keyring', 'rotate'])).status, 0)
		assert.equal((await drawbridge.cli(['reload'])).status, 0)
		assert.equal((await upgrade(drawbridge, path)).status, 0) /* once more, to the same */
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		assert.deepEqual(await drawbridge.stop(), { status: 0, signal: null })
	}))

	it('a program that does not start changes nothing', scoped(async (scope) => {
		const { path, put } = program(scope)
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { binary: path, flags: ['--drain', '2s'] } })
		const roles = drawbridge.roles().map((role) => role.pid).sort()
		const stop = traffic(drawbridge, link)
		const broken = join(temporaryFolder(scope), 'broken')
		writeFileSync(broken, '#!/bin/sh\nexit 3\n', { mode: 0o755 })
		const garbage = join(temporaryFolder(scope), 'garbage')
		writeFileSync(garbage, Buffer.alloc(4096, 7), { mode: 0o755 })
		for (const file of [broken, garbage]) {
			put(file)
			const done = await upgrade(drawbridge, binary)
			assert.equal(done.status, 1, done.stdout)
			assert.match(done.stderr, /it has failed, and the server goes on as before: the new \w+ could not start/)
		}
		await stop()
		assert.deepEqual(drawbridge.roles().map((role) => role.pid).sort(), roles)
		assert.match(drawbridge.log, /"event":"the upgrade has failed; the old program goes on"/)
		put(stepsBinary) /* and one that does is taken after that */
		assert.equal((await upgrade(drawbridge, path)).status, 0)
		assert.match(await version(drawbridge), /\+steps$/)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	}))

	it('a call beyond the drain time is cut, and nothing else', scoped(async (scope) => {
		const { path, put } = program(scope)
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { binary: path, flags: ['--drain', '1s'] } })
		const hanging = drawbridge.via(link, '/hang').then(({ status }) => status, ({ code }) => code)
		await sleep(200)
		const stop = traffic(drawbridge, link)
		put(stepsBinary)
		assert.equal((await upgrade(drawbridge, path)).status, 0)
		assert.notEqual(await hanging, 200)
		await stop()
	}))

	it('a master key from a passphrase goes from the one to the other', scoped(async (scope) => {
		const { path, put } = program(scope)
		const phrase = join(temporaryFolder(scope), 'phrase')
		writeFileSync(phrase, 'of the master key\n', { mode: 0o600 })
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { binary: path,
			flags: ['--drain', '1s', '--passphrase-file', phrase] } })
		writeFileSync(phrase, 'nonsense by now\n')
		put(stepsBinary)
		assert.equal((await upgrade(drawbridge, path)).status, 0)
		process.kill(drawbridge.role('--role=keeper'), 'SIGKILL')
		await sleep(200)
		await drawbridge.ready()
		await drawbridge.must('POST', `/v1/connections/${link}/disable`)
		await drawbridge.must('POST', `/v1/connections/${link}/enable`)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	}))

	it('a rotating refresh token outlives it, in whichever keeper it is asked for', scoped(async (scope) => {
		const { path, put } = program(scope)
		const world = await startOidcWorld(scope, { drawbridge: { binary: path, flags: ['--drain', '2s'] } })
		const { link_name: link } = await world.connected()
		let over = false
		const bad = []
		const refreshing = (async () => {
			while (!over) {
				const answer = await world.drawbridge.api('POST', `/v1/connections/${link}/refresh`, undefined, { headers: { connection: 'close' } })
				if (![200, 409, 429, 503].includes(answer.status))
					bad.push(`${answer.status} ${answer.text}`)
				await sleep(100)
			}
		})()
		put(stepsBinary)
		assert.equal((await upgrade(world.drawbridge, path)).status, 0)
		over = true
		await refreshing
		assert.deepEqual(bad, [])
		assert.equal((await world.drawbridge.connection(link)).status, 'connected')
		await world.drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		assert.equal((await world.drawbridge.via(link, '/echo')).status, 200)
	}))

	it('the old generation goes on when a new one is killed while it starts', scoped(async (scope) => {
		const steps = new Steps(scope)
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { ...steps.options, flags: ['--drain', '1s'] } })
		const roles = drawbridge.roles().map((role) => role.pid)
		steps.set('1 stop upgrade.started')
		const done = upgrade(drawbridge, stepsBinary)
		await steps.reached('upgrade.started')
		for (const { pid } of drawbridge.roles())
			if (!roles.includes(pid))
				process.kill(pid, 'SIGKILL')
		process.kill(drawbridge.server.pid, 'SIGCONT')
		assert.equal((await done).status, 1)
		assert.deepEqual(drawbridge.roles().map((role) => role.pid).sort(), roles.sort())
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	}))
})
