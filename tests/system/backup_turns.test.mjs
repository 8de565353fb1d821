// SPDX-License-Identifier: Apache-2.0
/*
 * Backups and rotations of keys take turns: whichever comes second waits for the other, says so, and not for ever.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { before, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { binary, startDrawbridge } from '../support/drawbridge.mjs'
import { mustRun, startProcess } from '../support/process.mjs'
import { eventually, suite, temporaryFolder } from '../support/scope.mjs'
import { Steps, stepsBinary } from '../support/steps.mjs'
import { startBearerWorld } from '../support/worlds.mjs'

suite('a backup and a rotation of keys', (scope) => {
	/* Each for one side, so that the steps of one are not taken by the other. */
	const steps = { server: new Steps(scope), command: new Steps(scope) }
	const folder = temporaryFolder(scope)
	let drawbridge, link, flags

	before(async () => {
		({ drawbridge, link } = await startBearerWorld(scope, { drawbridge: steps.server.options }))
		await mustRun(binary, ['keyring', 'make', join(folder, 'key')])
		flags = ['--key-file', join(folder, 'key')]
	})

	const command = (...args) => startProcess(scope, stepsBinary, [...args, '--data', drawbridge.data],
		{ env: steps.command.options.env })
	const backup = (file, ...more) => command('backup', join(folder, file), ...flags, ...more)

	async function rotation() {
		const done = await drawbridge.cli(['keyring', 'status', '--json'])
		return JSON.parse(done.stdout).rotation
	}

	/* It can be restored, and its key is the one that opens it; gives the folder. */
	async function assertWhole(file) {
		const data = join(folder, `${file}.data`)
		await mustRun(binary, ['restore', join(folder, file), '--data', data, ...flags])
		const opens = await mustRun('sqlite3', [join(data, 'keeper/grants.db'), "SELECT id FROM master_keys WHERE state = 'current'"])
		assert.equal(readFileSync(join(data, 'keeper/master.key')).subarray(32).toString('hex'), opens.trim())
		return data
	}

	async function assertDone(process) {
		const { status } = await process.ended
		assert.equal(status, 0, process.stderr)
		return process
	}

	it('a rotation waits until the copies of a backup were fetched, with the key that they are sealed with', async () => {
		steps.command.set('1 stop backup.begun')
		const copying = backup('first')
		await steps.command.reached('backup.begun')
		await eventually('the copy', () => existsSync(join(drawbridge.data, 'keeper/backup.db')))
		const rotating = command('keyring', 'rotate')
		await eventually('the rotation', () => rotating.end || /A backup is being made/.test(rotating.stderr))
		process.kill(copying.pid, 'SIGCONT')
		await assertDone(copying)
		await assertDone(rotating)
		assert.match(rotating.stderr, /A backup is being made\. Waiting for its end, at most 600 seconds\./)
		const restored = await startDrawbridge(scope, { data: await assertWhole('first') })
		assert.equal((await restored.via(link, '/echo', { key: drawbridge.key })).status, 200)
		await restored.stop()
	})

	it('a backup waits until a rotation is over, and says for what; with --patience, so long alone', async () => {
		steps.server.set(...Array.from({ length: 40 }, () => '1 fail rotate.piece')) /* each holds it up for a second */
		await assertDone(command('keyring', 'rotate', '--data-keys', '--no-wait'))
		const impatient = await drawbridge.cli(['backup', join(folder, 'never'), ...flags, '--patience', '0'])
		assert.deepEqual([impatient.status, impatient.stderr], [1,
			'drawbridge: A rotation of keys is under way. Try again when it is over, or let this wait with --patience\n'])
		const soon = await drawbridge.cli(['backup', join(folder, 'never'), ...flags, '--patience', '1'])
		assert.deepEqual([soon.status, /It was not over within 1 seconds: try again later/.test(soon.stderr)], [1, true], soon.stderr)
		const patient = backup('second')
		await patient.says(/A rotation of keys is under way\. Waiting for its end, at most 600 seconds\./)
		const another = await drawbridge.cli(['keyring', 'rotate'])
		assert.deepEqual([another.status, /A rotation is under way already; .* tells when it has ended/.test(another.stderr)], [1, true])
		assert.ok(!existsSync(join(folder, 'second')) && (await rotation()).phase !== 'ended')
		steps.server.set()
		await assertDone(patient)
		assert.equal(patient.stderr.match(/Waiting/g).length, 1, patient.stderr)
		assert.equal((await rotation()).phase, 'ended')
		await assertWhole('second')
		const { items } = await drawbridge.must('GET', '/v1/audit?limit=50')
		assert.deepEqual(['backup.make', 'keyring.rotate'].map((name) => items.filter(({ action }) => action === name).length), [2, 3],
			'one who waits is noted when he begins')
	})

	it('two backups and two rotations at the same time: each gets its turn', async () => {
		const names = ['third', 'fourth']
		const all = names.flatMap((name) => [backup(name), command('keyring', 'rotate')])
		const ends = await Promise.all(all.map(async (process) => ({ ...await process.ended, stderr: process.stderr })))
		for (const [n, { status, stderr }] of ends.entries()) /* of two rotations the second may be refused, knowing why */
			assert.ok(status === 0 || (n % 2 && /A rotation is under way already/.test(stderr)), stderr)
		assert.ok(ends[1].status === 0 || ends[3].status === 0)
		for (const name of names)
			await assertWhole(name)
	})

	it('one that has failed is its maker\'s until he has heard why', async () => {
		const inTheWay = join(drawbridge.data, 'store/backup.db')
		mkdirSync(inTheWay)
		steps.command.set('1 stop backup.begun')
		const failed = backup('never')
		await steps.command.reached('backup.begun')
		await sleep(500) /* it fails at once; only the command itself can ask for it */
		rmdirSync(inTheWay)
		const soon = await drawbridge.cli(['backup', join(folder, 'never'), ...flags, '--patience', '0'])
		assert.deepEqual([soon.status, /A backup is being made/.test(soon.stderr)], [1, true], soon.stderr)
		process.kill(failed.pid, 'SIGCONT')
		const { status } = await failed.ended
		assert.deepEqual([status, /The main database could not be copied; is the disk full\?/.test(failed.stderr)], [1, true],
			failed.stderr)
		await assertDone(backup('after', '--patience', '0'))
		await assertWhole('after')
	})

	it('a backup whose command was killed with the copies ready holds up nobody for long', async () => {
		steps.command.set('1 stop backup.begun')
		const killed = backup('fifth')
		await steps.command.reached('backup.begun')
		process.kill(killed.pid, 'SIGKILL')
		await killed.ended
		await assertDone(command('keyring', 'rotate', '--patience', '20'))
		await assertDone(backup('fifth'))
		await assertWhole('fifth')
	})
})
