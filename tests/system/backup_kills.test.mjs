// SPDX-License-Identifier: Apache-2.0
/*
 * Backups at bad moments: in the midst of a rotation of keys, of a server that lost its power there, with the
 * command killed while it writes, and with what it reads gone bad or changing under it.
 */
import assert from 'node:assert/strict'
import {
	appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync, renameSync, rmSync, truncateSync, writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { binary, startDrawbridge } from '../support/drawbridge.mjs'
import { mustRun, run, startProcess } from '../support/process.mjs'
import { eventually, scoped, sleep, suite, temporaryFolder } from '../support/scope.mjs'
import { Steps, heldReload, stepsBinary } from '../support/steps.mjs'
import { newConnection, startBearerWorld } from '../support/worlds.mjs'

/* A key file for backups: a passphrase costs a second each time. */
async function keyFile(folder) {
	const file = join(folder, 'key')
	await mustRun(binary, ['keyring', 'make', file])
	return ['--key-file', file]
}

/* A command in a build with steps, that is stopped at one. */
async function stoppedBackup(scope, drawbridge, step, args) {
	const steps = new Steps(scope)
	steps.set(`1 stop ${step}`)
	const command = startProcess(scope, stepsBinary, ['backup', ...args, '--data', drawbridge.data],
		{ env: steps.options.env, stop: { signal: 'SIGKILL' } })
	await eventually(`the step ${step}`, () => {
		assert.ok(!command.end, JSON.stringify([command.end, command.stdout, command.stderr]))
		return steps.taken(step)
	}, { timeout: 30_000 })
	return {
		pid: command.pid,
		goesOn: async () => {
			process.kill(command.pid, 'SIGCONT')
			const { status } = await command.ended
			return { status, stderr: command.stderr, stdout: command.stdout }
		}
	}
}

const copies = (drawbridge) => drawbridge.files().filter((name) => name.endsWith('backup.db')).length

const renewal = (drawbridge) => JSON.parse(readFileSync(join(drawbridge.data, 'server.json'), 'utf8')).renewal?.state

/* The copies are there, and nobody will fetch or end them. */
async function lostBackup(scope, drawbridge, args) {
	const lost = await stoppedBackup(scope, drawbridge, 'backup.copied', args)
	assert.equal(copies(drawbridge), 2)
	process.kill(lost.pid, 'SIGKILL')
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

	it('whose copy cannot be read, or is cut or grows while it is read: it says which, and leaves nothing', scoped(async (scope) => {
		const folder = temporaryFolder(scope)
		const phrase = join(folder, 'phrase')
		writeFileSync(phrase, 'of the master key\n', { mode: 0o600 })
		const { drawbridge } = await startBearerWorld(scope,
			{ drawbridge: { binary: stepsBinary, flags: ['--passphrase-file', phrase] } })
		const flags = await keyFile(folder)
		const file = join(folder, 'backup')
		const changes = {
			shorter: (path) => truncateSync(path, 100_000),
			longer: (path) => appendFileSync(path, 'x')
		}
		for (const [what, change] of Object.entries(changes)) {
			const command = await stoppedBackup(scope, drawbridge, 'backup.part', [file, ...flags])
			const open = readdirSync(`/proc/${command.pid}/fd`).map((fd) => `/proc/${command.pid}/fd/${fd}`)
			const [copy] = open.filter((fd) => /\/store\/backup\.db/.test(readlinkSync(fd)))
			change(copy)
			const done = await command.goesOn()
			assert.equal(done.status, 1, what)
			assert.match(done.stderr, new RegExp(`store/backup.db has become ${what} while it was read`))
			assert.deepEqual(readdirSync(folder).sort(), ['key', 'phrase'])
		}
		const params = join(drawbridge.data, 'keeper/passphrase.params')
		renameSync(params, `${params}.away`)
		mkdirSync(params) /* the one thing that opens and does not read */
		const done = await drawbridge.cli(['backup', file, ...flags], { timeout: 60_000 })
		assert.equal(done.status, 1, JSON.stringify(done))
		assert.match(done.stderr, /keeper\/passphrase\.params cannot be read: Is a directory/)
		assert.deepEqual(readdirSync(folder).sort(), ['key', 'phrase'])
	}))

	it('beside another: the second is told so and makes nothing, the first is whole', scoped(async (scope) => {
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { binary: stepsBinary } })
		const folder = temporaryFolder(scope)
		const flags = await keyFile(folder)
		const [file, data] = ['backup', 'data'].map((name) => join(folder, name))
		const first = await stoppedBackup(scope, drawbridge, 'backup.copied', [file, ...flags])
		const second = await drawbridge.cli(['backup', join(folder, 'second'), '--patience', '0', ...flags], { timeout: 60_000 })
		assert.notEqual(second.status, 0, second.stdout)
		assert.match(second.stderr, /A backup is being made\. Try again when it is over, or let this wait/)
		assert.deepEqual(readdirSync(folder).sort(), ['key'])
		const done = await first.goesOn()
		assert.equal(done.status, 0, done.stderr)
		assert.ok(!drawbridge.files().some((name) => name.endsWith('backup.db')), 'the copies are gone')
		await mustRun(binary, ['restore', file, '--data', data, ...flags])
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		const again = await drawbridge.cli(['backup', join(folder, 'second'), ...flags], { timeout: 60_000 })
		assert.equal(again.status, 0, again.stderr)
		await allCalls(await startDrawbridge(scope, { data }), drawbridge.key)
	}))

	it('whose command is killed before it has the copies: both go after a silence, and the next is made', scoped(async (scope) => {
		const { drawbridge } = await startBearerWorld(scope, { drawbridge: { binary: stepsBinary } })
		const folder = temporaryFolder(scope)
		const flags = await keyFile(folder)
		for (const file of ['first', 'second']) {
			await lostBackup(scope, drawbridge, [join(folder, file), ...flags])
			await eventually('no copy', () => !copies(drawbridge), { timeout: 20_000 })
		}
		const again = await drawbridge.cli(['backup', join(folder, 'third'), ...flags], { timeout: 60_000 })
		assert.equal(again.status, 0, again.stderr)
		assert.equal(copies(drawbridge), 0)
	}))

	it('whose command is killed, and a reload, an upgrade or a stop follows at once: both copies go with whoever has made them', scoped(async (scope) => {
		const { drawbridge } = await startBearerWorld(scope, { drawbridge: { binary: stepsBinary, flags: ['--drain', '1s'] } })
		const folder = temporaryFolder(scope)
		const args = [join(folder, 'backup'), ...await keyFile(folder)]
		for (const command of ['reload', 'upgrade']) {
			await lostBackup(scope, drawbridge, args)
			const done = await run(stepsBinary, [command, '--data', drawbridge.data], { timeout: 60_000 })
			assert.equal(done.status, 0, done.stderr)
			assert.equal(copies(drawbridge), 0, command)
		}
		await lostBackup(scope, drawbridge, args)
		assert.deepEqual(await drawbridge.stop(), { status: 0, signal: null })
		assert.equal(copies(drawbridge), 0)
	}))

	it('whose command is killed, and whoever has made the copies beside another generation: they go when that has ended', scoped(async (scope) => {
		const steps = new Steps(scope)
		const { drawbridge } = await startBearerWorld(scope, { drawbridge: { ...steps.options, flags: ['--drain', '1s'] } })
		const folder = temporaryFolder(scope)
		const args = [join(folder, 'backup'), ...await keyFile(folder)]
		await lostBackup(scope, drawbridge, args)
		const held = await heldReload(drawbridge, steps)
		for (const role of ['keeper', 'front']) {
			const all = drawbridge.roles()
			process.kill(all.find(({ pid, title }) => pid !== held && title.includes(`--role=${role}`)).pid, 'SIGKILL')
			await eventually(`another ${role}`, () => drawbridge.roles().some(({ pid, title }) =>
				!all.some((one) => one.pid === pid) && title.includes(`--role=${role}`)))
			await drawbridge.ready()
		}
		process.kill(held, 'SIGKILL')
		await eventually('the reload to fail', () => renewal(drawbridge) === 'failed')
		await eventually('no copy', () => !copies(drawbridge))
		await lostBackup(scope, drawbridge, args)
		process.kill(drawbridge.role('--role=front'), 'SIGSTOP') /* it is killed for being late */
		process.kill(drawbridge.server.pid, 'SIGHUP')
		await eventually('the reload', () => renewal(drawbridge) === 'done', { timeout: 30_000 })
		await eventually('no copy', () => !copies(drawbridge))
	}))

	it('beside a reload that fails: it keeps its copies, and is whole', scoped(async (scope) => {
		const folder = temporaryFolder(scope)
		const [file, settings] = ['backup', 'settings'].map((name) => join(folder, name))
		writeFileSync(settings, '')
		const { drawbridge } = await startBearerWorld(scope, { drawbridge: { binary: stepsBinary, flags: ['--config', settings] } })
		const flags = await keyFile(folder)
		const command = await stoppedBackup(scope, drawbridge, 'backup.copied', [file, ...flags])
		writeFileSync(settings, `tls-cert = ${settings}\n`) /* its front fails, when its keeper is ready */
		process.kill(drawbridge.server.pid, 'SIGHUP')
		await eventually('the reload to fail', () => renewal(drawbridge) === 'failed')
		assert.equal(copies(drawbridge), 2)
		const done = await command.goesOn()
		assert.equal(done.status, 0, done.stderr)
		assert.equal(copies(drawbridge), 0)
		await mustRun(binary, ['restore', file, '--check', ...flags])
	}))

	it('that says nothing for too long gives way to another: it takes none of its copies, nor ends it', scoped(async (scope) => {
		const { drawbridge } = await startBearerWorld(scope, { drawbridge: { binary: stepsBinary } })
		const folder = temporaryFolder(scope)
		const flags = await keyFile(folder)
		const [file, data] = ['backup', 'data'].map((name) => join(folder, name))
		const lost = await stoppedBackup(scope, drawbridge, 'backup.copied', [join(folder, 'lost'), ...flags])
		await sleep(11_000) /* it is taken for dead after 10 */
		const other = await stoppedBackup(scope, drawbridge, 'backup.copied', [file, ...flags])
		const failed = await lost.goesOn()
		assert.equal(failed.status, 1, failed.stdout)
		assert.match(failed.stderr, /the copies are another backup's by now, or gone/)
		const done = await other.goesOn()
		assert.equal(done.status, 0, done.stderr)
		assert.deepEqual(readdirSync(folder).sort(), ['backup', 'key'])
		assert.ok(!drawbridge.files().some((name) => name.endsWith('backup.db')), 'the copies are gone')
		await mustRun(binary, ['restore', file, '--data', data, ...flags])
		await allCalls(await startDrawbridge(scope, { data }), drawbridge.key)
	}))

	it('to a file that comes while it is made: left alone, or with --force replaced; two to one do not mix', scoped(async (scope) => {
		const { drawbridge } = await startBearerWorld(scope, { drawbridge: { binary: stepsBinary } })
		const folder = temporaryFolder(scope)
		const flags = await keyFile(folder)
		const file = join(folder, 'backup')
		const begun = (...more) => stoppedBackup(scope, drawbridge, 'backup.part', [file, ...more, ...flags])
		for (const [more, status] of [[[], 1], [['--force'], 0]]) {
			rmSync(file, { force: true })
			const command = await begun(...more)
			writeFileSync(file, 'precious')
			const done = await command.goesOn()
			assert.equal(done.status, status, done.stderr)
			assert.deepEqual(readdirSync(folder).sort(), ['backup', 'key'])
			if (status) {
				assert.match(done.stderr, /is there already; --force replaces it/)
				assert.equal(readFileSync(file, 'utf8'), 'precious')
			} else {
				await mustRun(binary, ['restore', file, '--check', ...flags])
			}
		}
		rmSync(file)
		const first = await begun('--force')
		const second = await drawbridge.cli(['backup', file, '--force', ...flags], { timeout: 60_000 })
		assert.equal(second.status, 1, second.stdout)
		assert.match(second.stderr, /another backup to .*\/backup is being made; try again when it is over/)
		const done = await first.goesOn()
		assert.equal(done.status, 0, done.stderr)
		assert.deepEqual(readdirSync(folder).sort(), ['backup', 'key'])
		await mustRun(binary, ['restore', file, '--check', ...flags])
	}))
})
