// SPDX-License-Identifier: Apache-2.0
/*
 * Another program that changes the databases at its start, in the place of the one that runs: calls, refreshes and
 * changes go on beside it. Where it fails after that, the old one goes on with the changed databases, for as long as
 * the server runs; it does not begin anew on them.
 */
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readdirSync, readlinkSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { it } from 'node:test'
import { connect, redirectUris } from '../support/consent.mjs'
import { oauthService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { mustRun, run } from '../support/process.mjs'
import { eventually, freePort, scoped, suite, temporaryFolder } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { Steps, stepsBinary } from '../support/steps.mjs'
import { traffic } from '../support/traffic.mjs'
import { addService, newConnection, startBearerWorld } from '../support/worlds.mjs'

/* As stepsBinary, with a migration more in each database (tests/support/migrations). */
const nextBinary = join(dirname(stepsBinary), 'next/drawbridge')

/* A server of a program in a place of its own, with a key, an OAuth grant, and what asks for all that it does. */
async function startWorld(scope, drain) {
	const steps = new Steps(scope)
	const path = join(temporaryFolder(scope), 'drawbridge')
	const put = (file) => {
		copyFileSync(file, `${path}.new`)
		renameSync(`${path}.new`, path)
	}
	put(stepsBinary)
	const port = await freePort()
	const provider = await startScripted(scope, { redirectUris: redirectUris(port, 'turning') })
	const { drawbridge, link, token, api } = await startBearerWorld(scope, {
		api: { check: (given) => given === 'upstream-token-Zq81' || provider.accountOf(given) },
		drawbridge: { ...steps.options, binary: path, port, flags: ['--drain', drain] } })
	await addService(drawbridge, oauthService('turning', provider, api, { refresh: { rotates: true } }), provider.client)
	const close = { headers: { connection: 'close' } }
	const consented = async () => {
		const { link_name: made } = await newConnection(drawbridge, 'turning', { scopes: ['tickets.read'] })
		await connect(drawbridge, made, consentByItself)
		return made
	}
	const refreshed = async (name) => {
		await drawbridge.must('POST', `/v1/connections/${name}/refresh`, undefined, close)
		assert.equal((await drawbridge.via(name, '/echo', close)).status, 200)
	}
	const oauth = await consented()
	/* Everything that writes to one of the databases, or to both. */
	const works = async () => {
		await refreshed(oauth)
		const made = await drawbridge.must('POST', '/v1/connections', { name: `Made ${Math.random()}`, service: 'echo',
			credentials: { token } }, close)
		assert.equal((await drawbridge.via(made.link_name, '/echo', close)).status, 200)
		await drawbridge.must('PUT', `/v1/connections/${made.link_name}/credentials`, { token }, close)
		await drawbridge.must('DELETE', `/v1/connections/${made.link_name}`, undefined, close)
	}
	const upgrade = () => run(path, ['upgrade', '--data', drawbridge.data], { timeout: 90_000 })
	return { steps, path, put, drawbridge, link, works, consented, refreshed, upgrade }
}

const sql = async (drawbridge, file, text) => (await mustRun('sqlite3', [join(drawbridge.data, file), '.timeout 5000', text])).trim()
const newest = (drawbridge) => Promise.all(['keeper/grants.db', 'store/drawbridge.db'].map(async (file) =>
	Number(await sql(drawbridge, file, 'SELECT max(number) FROM migrations'))))

/* Somebody who goes on doing something, until stop(): never in vain. */
function steadily(what) {
	let over = false
	const all = (async () => {
		for (let n = 1; ; n++) {
			await what()
			if (over)
				return n
		}
	})()
	all.catch(() => undefined)
	return () => {
		over = true
		return all
	}
}

/* A backup by the old program, of a server that is at databases which the next one has changed. */
async function backupWantsTheNext(scope, drawbridge) {
	const folder = temporaryFolder(scope)
	const [file, key, data] = ['backup', 'key', 'data'].map((name) => join(folder, name))
	await mustRun(stepsBinary, ['keyring', 'make', key])
	await mustRun(stepsBinary, ['backup', file, '--key-file', key, '--data', drawbridge.data])
	mkdirSync(data)
	writeFileSync(join(data, 'precious'), 'x')
	for (const args of [['--check'], ['--data', data, '--force']]) {
		const refused = await run(stepsBinary, ['restore', file, '--key-file', key, ...args])
		assert.equal(refused.status, 1, refused.stdout)
		assert.match(refused.stderr, /wants a newer version of Drawbridge: this program does not know its databases/)
	}
	assert.deepEqual([readdirSync(folder).sort(), readdirSync(data)], [['backup', 'data', 'key'], ['precious']])
	await mustRun(nextBinary, ['restore', file, '--key-file', key, '--data', data, '--force'])
	const restored = await startDrawbridge(scope, { data, binary: nextBinary })
	await restored.stop()
}

suite('an upgrade with a migration', () => {
	it('calls, refreshes and changes go on beside it, and the old program ends its calls on the changed databases', scoped(async (scope) => {
		const { put, path, drawbridge, link, works, consented, upgrade } = await startWorld(scope, '2s')
		assert.ok((await newest(drawbridge)).every((number) => number < 9000))
		const stops = [traffic(drawbridge, link), steadily(works)]
		const slow = drawbridge.via(link, '/slow?ms=1500')
		put(nextBinary)
		const done = await upgrade()
		assert.equal(done.status, 0, `${done.stdout}${done.stderr}\n${drawbridge.log.slice(-3000)}`)
		for (const stop of stops)
			await stop()
		assert.equal((await slow).status, 200)
		assert.deepEqual(await newest(drawbridge), [9000, 9000])
		await eventually('the record of the call that the old program has ended', async () => Number(await sql(drawbridge,
			'store/drawbridge.db', "SELECT count(*) FROM calls WHERE path = '/slow'")) === 1)
		for (const role of ['keeper', 'front']) {
			const was = drawbridge.role(`--role=${role}`)
			process.kill(was, 'SIGKILL')
			await eventually('another', () => ![undefined, was].includes(drawbridge.role(`--role=${role}`)))
			await drawbridge.ready()
			assert.equal(readlinkSync(`/proc/${drawbridge.role(`--role=${role}`)}/exe`), path)
		}
		await works()
		await consented()
		assert.doesNotMatch(drawbridge.log, /changed by a program that failed/)
		assert.equal((await drawbridge.cli(['audit', 'verify'])).status, 0)
	}))

	it('where it fails after that, the old program goes on in all that it does, and can be tried again', scoped(async (scope) => {
		const { steps, put, drawbridge, link, works, consented, refreshed, upgrade } = await startWorld(scope, '1s')
		const roles = drawbridge.roles().map(({ pid }) => pid).sort()
		const stop = traffic(drawbridge, link)
		put(nextBinary)
		for (const line of ['1 kill migrate.applied', '2 kill migrate.committed']) {
			steps.set(line)
			const failed = await upgrade()
			assert.equal(failed.status, 1, failed.stdout)
			assert.match(failed.stderr, /it has failed, and the server goes on as before: the new \w+ could not start/)
			assert.ok(steps.taken(line.split(' ')[2]))
			assert.deepEqual(drawbridge.roles().map(({ pid }) => pid).sort(), roles)
			await works()
		}
		await stop()
		assert.deepEqual(await newest(drawbridge), [9000, 9000])

		/* its processes can be started anew, and given other settings */
		for (const role of ['keeper', 'front', 'exchanger']) {
			const was = drawbridge.role(`--role=${role}`)
			process.kill(was, 'SIGKILL')
			await eventually('another', () => ![undefined, was].includes(drawbridge.role(`--role=${role}`)))
			await drawbridge.ready()
			await works()
		}
		await backupWantsTheNext(scope, drawbridge)
		assert.match(drawbridge.log, /the grants were changed by a program that failed/)
		assert.match(drawbridge.log, /the store was changed by a program that failed/)
		assert.equal((await drawbridge.cli(['reload'])).status, 0, drawbridge.log.slice(-3000))
		const meanwhile = await consented()
		await works()

		/* the same once more, and nothing fails */
		const done = await upgrade()
		assert.equal(done.status, 0, done.stderr)
		await works()
		await refreshed(meanwhile)
		assert.deepEqual(await drawbridge.stop(), { status: 0, signal: null })

		/* by itself the old program does not begin on what it does not know */
		put(stepsBinary)
		const old = await run(drawbridge.binary, ['serve', '--data', drawbridge.data, '--listen', `127.0.0.1:${await freePort()}`])
		assert.equal(old.status, 1, old.stdout)
		assert.match(old.stderr, /the database has migration 9000, this program knows \d+: it was used by a newer version/)
		put(nextBinary)
		await drawbridge.start()
		await works()
		await refreshed(meanwhile)
	}))
})
