// SPDX-License-Identifier: Apache-2.0
/*
 * A role that hangs is noticed, ended and started anew; what only looks like a hang is left alone.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { killQuietly, run } from '../support/process.mjs'
import { eventually, scoped, sleep, suite } from '../support/scope.mjs'
import { Steps } from '../support/steps.mjs'
import { traffic } from '../support/traffic.mjs'
import { startBearerWorld } from '../support/worlds.mjs'

const roles = ['exchanger', 'keeper', 'front']
const seconds = 3
const flags = ['--watchdog', `${seconds}s`, '--workers', '2']

const pidOf = (drawbridge, role) => drawbridge.role(`--role=${role}`)
const replaced = (drawbridge, role, pid, options = { timeout: 15_000 }) => eventually(`another ${role}`,
	() => ![undefined, pid].includes(pidOf(drawbridge, role)), options)

async function counted(drawbridge, name) {
	const { text } = await drawbridge.api('GET', '/metrics', undefined, { key: null })
	return Object.fromEntries(roles.map((role) => [role,
		Number(new RegExp(`^drawbridge_${name}\\{role="${role}"\\} (\\d+)$`, 'm').exec(text)?.[1])]))
}

suite('a role that hangs', (scope) => {
	let drawbridge, link

	before(async () => {
		({ drawbridge, link } = await startBearerWorld(scope, { drawbridge: { flags } }))
	})

	for (const [n, role] of roles.entries())
		it(`the ${role} stands still: it is ended, started anew, logged and counted`, async () => {
			const pid = pidOf(drawbridge, role)
			const begun = performance.now()
			process.kill(pid, 'SIGSTOP')
			await replaced(drawbridge, role, pid)
			const after = performance.now() - begun
			assert.ok(after > seconds * 800, `after ${after} ms already`)
			await drawbridge.ready()
			assert.equal((await drawbridge.via(link, '/echo')).status, 200)
			assert.match(drawbridge.log, new RegExp(`no sign of life; it is killed.*"${role}"`))
			await eventually('the numbers', async () => {
				const hangs = await counted(drawbridge, 'role_hangs_total')
				assert.deepEqual(hangs, Object.fromEntries(roles.map((each, at) => [each, at <= n ? 1 : 0])))
				assert.deepEqual(await counted(drawbridge, 'role_deaths_total'), hangs)
				return true
			})
		})

	it('a death that is no hang is counted as a death alone', async () => {
		const pid = pidOf(drawbridge, 'exchanger')
		process.kill(pid, 'SIGKILL')
		await replaced(drawbridge, 'exchanger', pid)
		await eventually('the number', async () => (await counted(drawbridge, 'role_deaths_total')).exchanger === 2)
		assert.equal((await counted(drawbridge, 'role_hangs_total')).exchanger, 1)
	})

	it('after a reload the new processes are watched', async () => {
		const before = pidOf(drawbridge, 'keeper')
		const done = await drawbridge.cli(['reload'], { timeout: 60_000 })
		assert.equal(done.status, 0, done.stderr)
		await eventually('one keeper', () => drawbridge.roles().length === 3 && pidOf(drawbridge, 'keeper') !== before)
		const pid = pidOf(drawbridge, 'keeper')
		process.kill(pid, 'SIGSTOP')
		await replaced(drawbridge, 'keeper', pid)
		await drawbridge.ready()
	})

	it('after an upgrade the new parent watches the processes that it finds', async () => {
		const done = await run(drawbridge.binary, ['upgrade', '--data', drawbridge.data], { timeout: 90_000 })
		assert.equal(done.status, 0, done.stderr)
		const pid = pidOf(drawbridge, 'front')
		process.kill(pid, 'SIGSTOP')
		await replaced(drawbridge, 'front', pid)
		await drawbridge.ready()
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})

	for (const [where, step] of [['a worker', 'front.answered'], ['the main loop', 'front.injection']])
		it(`${where} of the front turns for ever: the front is ended, though its other threads go on`, scoped(async (own) => {
			const steps = new Steps(own)
			const world = await startBearerWorld(own, { drawbridge: { ...steps.options, flags } })
			const pid = pidOf(world.drawbridge, 'front')
			steps.set(`1 spin ${step}`)
			world.drawbridge.via(world.link, '/echo', { timeout: 20_000 }).catch(() => {})
			await steps.reached(step)
			await replaced(world.drawbridge, 'front', pid)
			await world.drawbridge.ready()
			assert.equal((await world.drawbridge.via(world.link, '/echo')).status, 200)
		}))
}, { timeout: 150_000 })

suite('what only looks like a hang', () => {
	/* Stops what it is given for longer than the watchdog's time; nobody may be ended for it. */
	const stopped = async (pids) => {
		for (const pid of pids)
			process.kill(pid, 'SIGSTOP')
		await sleep(seconds * 1000 + 2500)
		for (const pid of pids.reverse())
			killQuietly(pid, 'SIGCONT')
	}
	const same = async (drawbridge, pids) => {
		await sleep(seconds * 1000 + 1500)
		assert.deepEqual(drawbridge.roles().map(({ pid }) => pid).sort(), pids.slice(1).sort())
		assert.doesNotMatch(drawbridge.log, /no sign of life/)
	}

	it('the whole machine stands still: parent and roles are stopped and go on together', scoped(async (scope) => {
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { flags } })
		const pids = [drawbridge.server.pid, ...drawbridge.roles().map(({ pid }) => pid)]
		await stopped(pids.slice())
		await same(drawbridge, pids)
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	}))

	it('a busy server: roles that stand still for a part of the time, again and again, under load', scoped(async (scope) => {
		const { drawbridge, link } = await startBearerWorld(scope, { drawbridge: { flags } })
		const pids = [drawbridge.server.pid, ...drawbridge.roles().map(({ pid }) => pid)]
		const end = traffic(drawbridge, link)
		for (let turn = 0; turn < 4; turn++) {
			for (const pid of pids.slice(1))
				process.kill(pid, 'SIGSTOP')
			await sleep(seconds * 500)
			for (const pid of pids.slice(1))
				process.kill(pid, 'SIGCONT')
			await sleep(700)
		}
		await end()
		await same(drawbridge, pids)
	}))

	it('it is switched off: who stands still is left alone, and goes on', scoped(async (scope) => {
		const drawbridge = await startDrawbridge(scope, { flags: ['--watchdog', '0'] })
		const pids = [drawbridge.server.pid, ...drawbridge.roles().map(({ pid }) => pid)]
		await stopped([pidOf(drawbridge, 'keeper')])
		await same(drawbridge, pids)
		await drawbridge.ready()
	}))
})
