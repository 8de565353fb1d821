// SPDX-License-Identifier: Apache-2.0
/* A rotation of keys, asked for and looked at as people do. */
import assert from 'node:assert/strict'
import { eventually } from './scope.mjs'

export const keeperPid = (drawbridge, not) => {
	const pid = drawbridge.role('--role=keeper')
	return pid !== not && pid
}

export async function status(drawbridge) {
	const done = await drawbridge.cli(['keyring', 'status', '--json'])
	assert.equal(done.status, 0, done.stderr)
	return JSON.parse(done.stdout)
}

export async function rotate(drawbridge, args = [], options = {}) {
	const done = await drawbridge.cli(['keyring', 'rotate', ...args], { timeout: 60_000, ...options })
	assert.equal(done.status, 0, `${done.stdout}\n${done.stderr}`)
	return done.stdout
}

/* The keeper's cache must not hide anything: a new keeper opens every grant from the database. */
export async function restartKeeper(drawbridge) {
	const pid = keeperPid(drawbridge)
	process.kill(pid, 'SIGKILL')
	await eventually('another keeper', () => keeperPid(drawbridge, pid))
	await drawbridge.ready()
}

export async function worksAnew(drawbridge, link) {
	await drawbridge.must('POST', `/v1/connections/${link}/disable`)
	await drawbridge.must('POST', `/v1/connections/${link}/enable`)
	const answer = await drawbridge.via(link, '/echo')
	assert.equal(answer.status, 200, answer.text)
}

/* The rotation that is under way, to its end. */
export const rotationEnds = (drawbridge, timeout = 20_000) => eventually('the rotation to end', async () => {
	const now = await status(drawbridge)
	return now.rotation?.phase === 'ended' && now
}, { timeout })
