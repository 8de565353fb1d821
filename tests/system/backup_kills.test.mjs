// SPDX-License-Identifier: Apache-2.0
/*
 * Backups at bad moments: in the midst of a rotation of keys, of a server that lost its power there, and with the
 * command killed while it writes.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { binary, startDrawbridge } from '../support/drawbridge.mjs'
import { mustRun } from '../support/process.mjs'
import { eventually, scoped, suite, temporaryFolder } from '../support/scope.mjs'
import { Steps, stepsBinary } from '../support/steps.mjs'
import { newConnection, startBearerWorld } from '../support/worlds.mjs'

/* A key file for backups: a passphrase costs a second each time. */
async function keyFile(folder) {
	const file = join(folder, 'key')
	await mustRun(binary, ['keyring', 'make', file])
	return ['--key-file', file]
}

async function allCalls(drawbridge, key) {
	drawbridge.key = key
	for (const { link_name: link } of (await drawbridge.must('GET', '/v1/connections?limit=50')).items)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200, link)
}

suite('a backup at a bad moment', () => {
	it('of a server that lost its power in a rotation of keys: it is whole, with whichever key, and so is the server', scoped(async (scope) => {
		const steps = new Steps(scope)
		const { drawbridge, token } = await startBearerWorld(scope, { drawbridge: steps.options })
		for (let n = 0; n < 5; n++)
			await newConnection(drawbridge, 'echo', { credentials: { token } })
		const folder = temporaryFolder(scope)
		const flags = await keyFile(folder)
		for (const step of ['begun', 'batch', 'rewrapped', 'switched', 'data_key']) {
			steps.set(`1 stop rotate.${step}`)
			const rotating = drawbridge.cli(['keyring', 'rotate', '--data-keys', '--no-wait'], { timeout: 20_000 })
			await steps.reached(`rotate.${step}`)
			await drawbridge.killHard()
			await rotating
			steps.set()
			const data = join(folder, step)
			const made = await drawbridge.cli(['backup', `${data}.backup`, ...flags], { timeout: 60_000 })
			assert.equal(made.status, 0, `${step}: ${made.stderr}`)
			await mustRun(binary, ['restore', `${data}.backup`, '--data', data, ...flags])
			const restored = await startDrawbridge(scope, { data })
			await allCalls(restored, drawbridge.key)
			await restored.stop()
			await drawbridge.start()
			await eventually('the rotation to end', async () => {
				const { stdout } = await drawbridge.cli(['keyring', 'status', '--json'])
				return JSON.parse(stdout).rotation?.phase === 'ended'
			})
			await allCalls(drawbridge, drawbridge.key)
		}
	}))

	it('whose command is killed while it writes: no file has its name, no copy lies about, and the next is made', scoped(async (scope) => {
		const steps = new Steps(scope)
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { binary: stepsBinary } })
		const folder = temporaryFolder(scope)
		const flags = await keyFile(folder)
		const file = join(folder, 'backup')
		steps.set('1 kill backup.part')
		const done = await drawbridge.cli(['backup', file, ...flags], { env: steps.options.env, timeout: 60_000 })
		assert.ok(steps.taken('backup.part'))
		assert.deepEqual([done.status, done.signal], [null, 'SIGKILL'])
		assert.ok(!existsSync(file))
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		await eventually('no copy', () => !drawbridge.files().some((name) => name.endsWith('backup.db')), { timeout: 30_000 })
		const again = await drawbridge.cli(['backup', file, ...flags], { timeout: 60_000 })
		assert.equal(again.status, 0, again.stderr)
		assert.deepEqual(readdirSync(folder).sort(), ['backup', 'key'])
		await mustRun(binary, ['restore', file, '--data', join(folder, 'data'), ...flags])
	}))
})
