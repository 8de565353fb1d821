// SPDX-License-Identifier: Apache-2.0
/*
 * A kill at every step of a rotation, wherever the keys are kept: of the keeper, of the command, of all as when the power
 * goes off. The rotation ends, and a server starts with what people have: the former key until the switch, and then the
 * new one.
 */
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, it } from 'node:test'
import { binary, startDrawbridge } from '../support/drawbridge.mjs'
import { restartKeeper, rotationEnds, worksAnew } from '../support/keyring.mjs'
import { mustRun, run, startProcess } from '../support/process.mjs'
import { suite, temporaryFolder } from '../support/scope.mjs'
import { Steps, stepsBinary } from '../support/steps.mjs'
import { startBearerWorld } from '../support/worlds.mjs'

/* Argon2 takes its time: where a passphrase is in it, at the steps alone between which the files change. */
const stepsOf = (slow) => (slow ? ['rewrapped', 'switched'] : ['begun', 'rewrapped', 'switched'])
const isSwitched = (step) => step === 'switched'

/* Where a key is kept: what serve is told, and what rotate is. */
const kinds = {
	folder: (_, name) => ({ name, flags: [], to: ['--into-folder'] }),
	file: (folder, name) => ({ name, flags: ['--key-file', join(folder, name)], to: ['--new-key-file', join(folder, name)] }),
	passphrase: (folder, name) => {
		const file = join(folder, name)
		writeFileSync(file, `passphrase ${name}\n`, { mode: 0o600 })
		return { name, flags: ['--passphrase-file', file], to: ['--new-passphrase-file', file] }
	}
}

/* Each as often as there are kills, one from where the other has led to. */
for (const [from, to] of [['file', 'file'], ['passphrase', 'passphrase'], ['folder', 'passphrase'], ['passphrase', 'folder'],
	['file', 'folder'], ['folder', 'file']])
	suite(`a rotation from a key in ${from} to one in ${to}`, (scope) => {
		const slow = [from, to].includes('passphrase')
		const steps = stepsOf(slow)
		const folder = temporaryFolder(scope)
		const set = new Steps(scope)
		let drawbridge, link, key, now
		let count = 0

		const kept = (kind) => kinds[kind](folder, `key-${count++}`)

		before(async () => {
			now = kept(from)
			if (from === 'file')
				await mustRun(binary, ['keyring', 'make', now.flags[1]])
			const world = await startBearerWorld(scope, { drawbridge: { ...set.options, flags: now.flags } })
			;({ drawbridge, link } = world)
			key = drawbridge.key
		})

		async function startWith(place) {
			drawbridge = await startDrawbridge(scope, { ...set.options, data: drawbridge.data, flags: place.flags })
			drawbridge.key = key
			now = place
		}

		/* From the kind that the last test has led to, back to the first. */
		async function back() {
			if (from === to)
				return
			const first = kept(from)
			await mustRun(binary, ['keyring', 'rotate', ...first.to, '--data', drawbridge.data])
			await drawbridge.stop()
			await startWith(first)
			await worksAnew(drawbridge, link)
		}

		/* Stands at the step, when the command has been answered or not. */
		async function begin(next, step, action) {
			set.set(`1 ${action} rotate.${step}`)
			const command = startProcess(scope, stepsBinary, ['keyring', 'rotate', ...next.to, '--data', drawbridge.data],
				{ env: { DRAWBRIDGE_STEPS: '' } })
			await set.reached(`rotate.${step}`, { timeout: 20_000 })
			return command
		}

		async function ends(next) {
			const told = await rotationEnds(drawbridge)
			assert.equal(told.rotation.failed, 0)
			await restartKeeper(drawbridge)
			await worksAnew(drawbridge, link)
			await drawbridge.stop()
			await startWith(next)
			await worksAnew(drawbridge, link)
			assert.ok(!existsSync(join(drawbridge.data, 'keeper/passphrase.params.next')))
			assert.equal(existsSync(join(drawbridge.data, 'keeper/passphrase.params')), to === 'passphrase')
			assert.equal(existsSync(join(drawbridge.data, 'keeper/master.key')), to === 'folder')
			await back()
		}

		for (const step of slow ? ['switched'] : steps)
			it(`the keeper is killed at rotate.${step}`, async () => {
				const next = kept(to)
				const command = await begin(next, step, 'kill')
				await drawbridge.ready()
				await command.ended
				await ends(next)
			})

		for (const step of steps)
			it(`the power goes off at rotate.${step}`, async () => {
				const former = now
				const next = kept(to)
				const command = await begin(next, step, 'stop')
				await drawbridge.killHard()
				await command.ended
				/* the one of the two that is not it says so, and harms nothing */
				const wrong = isSwitched(step) ? former : next
				if (wrong.flags.length && (wrong.flags[0] !== '--key-file' || existsSync(wrong.flags[1]))
					&& !(isSwitched(step) && to === 'folder')) {
					const refused = await run(binary, ['serve', '--data', drawbridge.data, '--listen', '127.0.0.1:0', ...wrong.flags],
						{ timeout: 30_000 })
					assert.equal(refused.status, 1, refused.stderr)
					assert.match(refused.stderr, isSwitched(step) ? /was replaced on|start with --passphrase-file|wrong passphrase/
						: /a rotation to the .* is under way|start without --passphrase-file|is missing|wrong passphrase/)
				}
				await startWith(isSwitched(step) ? next : former)
				await worksAnew(drawbridge, link)
				await ends(next)
			})

		it('the command is killed when it has begun, and then all', async () => {
			const next = kept(to)
			const command = await begin(next, 'begun', 'stop')
			process.kill(command.pid, 'SIGKILL')
			await drawbridge.killHard()
			await startWith(now)
			await ends(next)
		})
	}, { timeout: 400_000 })
