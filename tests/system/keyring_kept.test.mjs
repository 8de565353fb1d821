// SPDX-License-Identifier: Apache-2.0
/*
 * No key is lost, nor what a passphrase takes to become it: by a rotation that was refused, by an answer that did not
 * come, by files that another version has left. What a running server has is not what is asked for here: it is stopped,
 * and a new one must start with what people have.
 */
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { binary, startDrawbridge } from '../support/drawbridge.mjs'
import { keeperPid, restartKeeper, rotate, rotationEnds, status, worksAnew } from '../support/keyring.mjs'
import { mustRun, run, startProcess } from '../support/process.mjs'
import { eventually, scoped, suite, temporaryFolder } from '../support/scope.mjs'
import { Steps, stepsBinary } from '../support/steps.mjs'
import { startBearerWorld } from '../support/worlds.mjs'

/* A server with its key in a file, or from a passphrase. */
async function startWorld(scope, kept, options = {}) {
	const folder = temporaryFolder(scope)
	const steps = new Steps(scope)
	const file = join(folder, kept)
	const put = (text) => writeFileSync(file, `${text}\n`, { mode: 0o600 })
	if (kept === 'passphrase')
		put('the first passphrase')
	else
		await mustRun(binary, ['keyring', 'make', file])
	const flags = [kept === 'passphrase' ? '--passphrase-file' : '--key-file', file]
	const world = await startBearerWorld(scope, { drawbridge: { ...steps.options, flags, ...options } })
	const params = join(world.drawbridge.data, 'keeper/passphrase.params')
	return { ...world, folder, steps, file, put, params, scope }
}

/* As people do who have been told that the rotation is over. */
async function assertStartsAnew({ drawbridge, link }) {
	await drawbridge.stop()
	await drawbridge.start()
	await worksAnew(drawbridge, link)
}

const toPassphrase = (drawbridge, text, ...args) =>
	drawbridge.cli(['keyring', 'rotate', '--new-passphrase-stdin', ...args], { stdin: `${text}\n`, timeout: 60_000 })

async function assertRefused(done, expected) {
	assert.equal(done.status, 1, `${done.stdout}\n${done.stderr}`)
	assert.match(done.stderr, expected)
}

/* Each piece that fails holds the rotation up for a second. */
const hold = (steps) => steps.set(...Array.from({ length: 60 }, () => '1 fail rotate.piece'))

const sql = (drawbridge, text) => mustRun('sqlite3', [join(drawbridge.data, 'keeper/grants.db'), text])

/* Argon2 takes its time on a busy machine. */
const patient = { timeout: 400_000 }

suite('a rotation that is refused takes nothing from another', () => {
	it('a passphrase: one that comes during the rotation to another', scoped(async (scope) => {
		const world = await startWorld(scope, 'passphrase')
		const { drawbridge, steps, params } = world
		const former = readFileSync(params)
		hold(steps)
		assert.equal((await toPassphrase(drawbridge, 'the second passphrase', '--data-keys', '--no-wait')).status, 0)
		await assertRefused(await toPassphrase(drawbridge, 'the third passphrase'), /A rotation is under way already/)
		assert.deepEqual(readFileSync(params), former, 'the current key is the former one still')
		steps.set()
		await rotationEnds(drawbridge)
		world.put('the second passphrase')
		await assertStartsAnew(world)
	}))

	it('a passphrase: one that has no patience, after the rotation to another, before a reload', scoped(async (scope) => {
		const world = await startWorld(scope, 'passphrase')
		const { drawbridge, steps, folder } = world
		assert.equal((await toPassphrase(drawbridge, 'the second passphrase')).status, 0)
		await mustRun(binary, ['keyring', 'make', join(folder, 'backup.key')])
		steps.set('1 stop backup.begun')
		const copying = startProcess(scope, stepsBinary, ['backup', join(folder, 'copy'), '--key-file', join(folder, 'backup.key'),
			'--data', drawbridge.data], { env: steps.options.env })
		await steps.reached('backup.begun')
		await assertRefused(await toPassphrase(drawbridge, 'the third passphrase', '--patience', '0'), /A backup is being made/)
		process.kill(copying.pid, 'SIGCONT')
		assert.equal((await copying.ended).status, 0, copying.stderr)
		assert.equal((await drawbridge.cli(['reload'], { timeout: 60_000 })).status, 0)
		await worksAnew(drawbridge, world.link)
		world.put('the second passphrase')
		await assertStartsAnew(world)

		/* what is in the backup opens with the passphrase, too */
		const data = join(folder, 'restored')
		await mustRun(binary, ['restore', join(folder, 'copy'), '--key-file', join(folder, 'backup.key'), '--data', data])
		const restored = await startDrawbridge(scope, { data, flags: ['--passphrase-file', world.file] })
		assert.equal((await restored.via(world.link, '/echo', { key: drawbridge.key })).status, 200)
	}))

	it('a key file: one that comes during the rotation to another leaves that one\'s file', scoped(async (scope) => {
		const world = await startWorld(scope, 'file')
		const { drawbridge, steps, file } = world
		hold(steps)
		assert.match(await rotate(drawbridge, ['--no-wait']), /Once it has ended, put .*file\.new in the place of .*file:/)
		const { rotation: { next_id: id } } = await status(drawbridge)
		await assertRefused(await drawbridge.cli(['keyring', 'rotate']),
			new RegExp(`file\\.new holds the key of a rotation that is under way \\(key ${id}\\): leave it there`))
		assert.ok(existsSync(`${file}.new`), 'it is the only copy')
		steps.set()
		await rotationEnds(drawbridge)
		await assertStartsAnew(world) /* with the file still called .new */
		assert.match(drawbridge.log, /settings lead to the former one still.*file\.new/)
		assert.equal((await rotate(drawbridge)).match(/file holds the new key now\./g).length, 2, 'the one that was left, and another')
		assert.ok(!existsSync(`${file}.new`))
		await assertStartsAnew(world)
	}))

	it('a key file: one that comes while data keys are made anew leaves it, too, for who waits for the end', scoped(async (scope) => {
		const world = await startWorld(scope, 'file')
		const { drawbridge, steps, file } = world
		steps.set(...[3, 4, 5, 6, 7, 8, 9].map((count) => `${count} fail rotate.piece`)) /* not before the switch */
		const waits = startProcess(scope, stepsBinary, ['keyring', 'rotate', '--data-keys', '--data', drawbridge.data])
		await eventually('the switch', async () => (await status(drawbridge)).rotation?.phase === 'data_keys')
		await assertRefused(await drawbridge.cli(['keyring', 'rotate']), /file\.new holds the key of a rotation that is under way/)
		const bytes = readFileSync(`${file}.new`)
		steps.set()
		assert.equal((await waits.ended).status, 0, waits.stderr)
		assert.deepEqual([readFileSync(file), existsSync(`${file}.new`)], [bytes, false])
		await assertStartsAnew(world)
	}))

	it('a key file: nothing but the new key takes the place of the former', scoped(async (scope) => {
		const { drawbridge, steps, file } = await startWorld(scope, 'file')
		hold(steps)
		const waits = startProcess(scope, stepsBinary, ['keyring', 'rotate', '--data', drawbridge.data])
		await eventually('the rotation', async () => (await status(drawbridge)).rotation?.phase === 'master_key')
		renameSync(`${file}.new`, `${file}.kept`)
		await mustRun(binary, ['keyring', 'make', `${file}.new`]) /* as another command might */
		const former = readFileSync(file)
		steps.set()
		const { status: code } = await waits.ended
		assert.equal(code, 1)
		assert.match(waits.stderr, /file\.new does not hold the new one \(key [0-9a-f]{16}\) any more/)
		assert.deepEqual(readFileSync(file), former)
		renameSync(`${file}.kept`, file)
		await restartKeeper(drawbridge)
	}))

	it('a key file: what was made for nothing goes, and what is of nobody is left alone', scoped(async (scope) => {
		const { drawbridge, steps, file, folder } = await startWorld(scope, 'file')
		hold(steps)
		await rotate(drawbridge, ['--new-key-file', join(folder, 'other'), '--no-wait'])
		await assertRefused(await drawbridge.cli(['keyring', 'rotate']), /A rotation is under way already/)
		assert.ok(!existsSync(`${file}.new`))
		steps.set()
		await rotationEnds(drawbridge)
		await mustRun(binary, ['keyring', 'make', `${file}.new`])
		const bytes = readFileSync(`${file}.new`)
		await assertRefused(await drawbridge.cli(['keyring', 'rotate']), /file\.new is there already \(key [0-9a-f]{16}\)/)
		assert.deepEqual(readFileSync(`${file}.new`), bytes)
	}))
}, patient)

suite('an answer that does not come', () => {
	it('a key file: the keeper is killed when it has begun', scoped(async (scope) => {
		const world = await startWorld(scope, 'file')
		const { id } = await status(world.drawbridge)
		world.steps.set('1 kill rotate.begun')
		await world.drawbridge.cli(['keyring', 'rotate'], { timeout: 60_000 })
		await world.drawbridge.ready()
		assert.notEqual((await rotationEnds(world.drawbridge)).id, id)
		await assertStartsAnew(world)
	}))

	it('a key file: the keeper stands still: where the key is, is said, and what decides', scoped(async (scope) => {
		const world = await startWorld(scope, 'file')
		const { drawbridge, steps, file } = world
		steps.set('1 stop rotate.begun')
		const asked = drawbridge.cli(['keyring', 'rotate'], { timeout: 60_000 })
		await steps.reached('rotate.begun')
		const done = await asked
		process.kill(keeperPid(drawbridge), 'SIGCONT')
		const id = readFileSync(`${file}.new`).subarray(32).toString('hex')
		await assertRefused(done, new RegExp('Whether the rotation has begun is not known\\. '
			+ `.*file\\.new holds the new key \\(key ${id}\\): leave it there\\. .keyring status. decides: .*in the place of .*file`
				.replace('.keyring', '.drawbridge keyring')))
		assert.equal((await rotationEnds(drawbridge)).id, id)
		await assertStartsAnew(world)
	}))

	it('a passphrase: the keeper is killed when it has begun, or stands still', scoped(async (scope) => {
		const world = await startWorld(scope, 'passphrase')
		const { drawbridge, steps } = world
		steps.set('1 kill rotate.begun')
		await toPassphrase(drawbridge, 'the second passphrase')
		await drawbridge.ready()
		await rotationEnds(drawbridge)
		world.put('the second passphrase')
		await assertStartsAnew(world)

		steps.set('1 stop rotate.begun')
		const asked = toPassphrase(drawbridge, 'the third passphrase')
		await steps.reached('rotate.begun')
		const done = await asked
		process.kill(keeperPid(drawbridge), 'SIGCONT')
		await assertRefused(done, /Keep both passphrases: `drawbridge keyring status` decides/)
		const { id } = await rotationEnds(drawbridge)
		assert.ok(done.stderr.includes(id), done.stderr)
		world.put('the third passphrase')
		await assertStartsAnew(world)
	}))

	it('the server ends while the command waits for the end', scoped(async (scope) => {
		const world = await startWorld(scope, 'file')
		const { drawbridge, steps, file } = world
		hold(steps)
		const asked = drawbridge.cli(['keyring', 'rotate'], { timeout: 60_000 })
		await eventually('the rotation', async () => (await status(drawbridge)).rotation?.phase === 'master_key')
		await drawbridge.killHard()
		const done = await asked
		assert.notEqual(done.status, 0)
		assert.match(done.stderr, /has begun, and its end was not seen\. .*file\.new holds the new key/)
		steps.set()
		await drawbridge.start()
		await rotationEnds(drawbridge)
		assert.ok(existsSync(`${file}.new`))
		await assertStartsAnew(world)
	}))
}, patient)

suite('a keeper that is started anew has its key', () => {
	it('after a rotation into the folder, while the settings lead elsewhere', scoped(async (scope) => {
		for (const kept of ['file', 'passphrase']) {
			const { drawbridge, link } = await startWorld(scope, kept)
			await rotate(drawbridge, ['--into-folder'])
			await restartKeeper(drawbridge)
			await worksAnew(drawbridge, link)
			await rotate(drawbridge) /* and from there to another there */
			await restartKeeper(drawbridge)
			await worksAnew(drawbridge, link)
			await drawbridge.stop()
			const again = await startDrawbridge(scope, { data: drawbridge.data })
			assert.equal((await again.via(link, '/echo', { key: drawbridge.key })).status, 200)
			await again.stop()
		}
	}))

	it('in the midst of a second rotation, while the settings lead to the key before the first', scoped(async (scope) => {
		const { drawbridge, link, steps, folder } = await startWorld(scope, 'file')
		for (const name of ['second', 'third', 'fourth']) {
			steps.set(...(name === 'second' ? [] : ['1 kill rotate.begun']))
			await rotate(drawbridge, ['--new-key-file', join(folder, name)])
			await drawbridge.ready()
			await restartKeeper(drawbridge)
			await worksAnew(drawbridge, link)
		}
		await drawbridge.stop()
		const again = await startDrawbridge(scope, { data: drawbridge.data, flags: ['--key-file', join(folder, 'fourth')] })
		assert.equal((await again.via(link, '/echo', { key: drawbridge.key })).status, 200)
	}))
}, patient)

suite('what a passphrase takes', () => {
	it('ends of lines behind it are not its own', scoped(async (scope) => {
		const world = await startWorld(scope, 'passphrase')
		const other = join(world.folder, 'other')
		writeFileSync(other, 'the second passphrase\r\n\n', { mode: 0o600 })
		await rotate(world.drawbridge, ['--new-passphrase-file', other])
		copyFileSync(other, world.file)
		await assertStartsAnew(world)
		writeFileSync(other, '\n\n')
		await assertRefused(await world.drawbridge.cli(['keyring', 'rotate', '--new-passphrase-file', other]), /passphrase is empty/)
	}))

	it('is written again where its file is lost beside a keeper that has the key', scoped(async (scope) => {
		const world = await startWorld(scope, 'passphrase')
		const text = readFileSync(world.params)
		rmSync(world.params)
		await restartKeeper(world.drawbridge)
		assert.deepEqual(readFileSync(world.params), text)
		await assertStartsAnew(world)
	}))

	/* Such a version has kept it in the files alone, and a command has written the second of them at will. */
	it('of a version that did not keep it with the key: a start with the passphrase tells which file it is', scoped(async (scope) => {
		const world = await startWorld(scope, 'passphrase')
		const { drawbridge, params, link } = world
		const right = readFileSync(params)
		const phrase = join(world.folder, 'another')
		writeFileSync(phrase, 'a passphrase of another server\n', { mode: 0o600 })
		const other = await startDrawbridge(scope, { flags: ['--passphrase-file', phrase] })
		const wrong = join(other.data, 'keeper/passphrase.params')
		await other.stop()
		for (const where of ['passphrase.params', 'passphrase.params.next']) {
			await drawbridge.stop()
			await sql(drawbridge, "UPDATE master_keys SET params = ''")
			const isNext = where.endsWith('.next')
			if (isNext)
				renameSync(params, `${params}.next`)
			copyFileSync(wrong, isNext ? params : `${params}.next`)
			await drawbridge.start()
			await worksAnew(drawbridge, link)
			assert.deepEqual(readFileSync(params), right, where)
			assert.ok(!existsSync(`${params}.next`), where)
			assert.equal(await sql(drawbridge, "SELECT params FROM master_keys WHERE state = 'current'"), `${right}\n`)
			await restartKeeper(drawbridge)
			await assertStartsAnew(world)
		}
	}))

	it('of a rotation that such a version has begun: both files stay until a start tells', scoped(async (scope) => {
		const world = await startWorld(scope, 'passphrase')
		const { drawbridge, steps, params } = world
		steps.set('1 stop rotate.begun')
		toPassphrase(drawbridge, 'the second passphrase', '--no-wait').catch(() => undefined)
		await steps.reached('rotate.begun')
		await drawbridge.killHard()
		writeFileSync(`${params}.next`, (await sql(drawbridge, "SELECT params FROM master_keys WHERE state = 'next'")).trimEnd() + '\n',
			{ mode: 0o600 })
		await sql(drawbridge, "UPDATE master_keys SET params = ''")
		const next = readFileSync(`${params}.next`)
		await drawbridge.start()
		await rotationEnds(drawbridge)
		await restartKeeper(drawbridge)
		assert.deepEqual(readFileSync(`${params}.next`), next)
		world.put('the second passphrase')
		await assertStartsAnew(world)
		assert.deepEqual([readFileSync(params), existsSync(`${params}.next`)], [next, false])
	}))

	it('must come with its key, and with no other', scoped(async (scope) => {
		const { drawbridge } = await startWorld(scope, 'passphrase')
		const { id } = await status(drawbridge)
		const file = join(drawbridge.data, 'never')
		assert.equal((await run(binary, ['keyring', 'make', file])).status, 0)
		/* a command of a version that does not send it would send the key alone, as one for a file does */
		assert.notEqual((await rotate(drawbridge, ['--new-key-file', file])), '')
		assert.notEqual((await status(drawbridge)).id, id)
		assert.equal(await sql(drawbridge, 'SELECT count(*) FROM master_keys WHERE params <> \'\''), '0\n')
		assert.ok(!existsSync(join(drawbridge.data, 'keeper/passphrase.params')), 'it belongs to no key any more')
	}))
}, patient)
