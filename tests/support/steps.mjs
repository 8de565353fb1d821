// SPDX-License-Identifier: Apache-2.0
/*
 * Steps (src/base/step.h): a server of a build for tests, that stops, dies or fails where a test says.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { root } from './drawbridge.mjs'
import { eventually, temporaryFolder } from './scope.mjs'

export const stepsBinary = resolve(root, process.env.DRAWBRIDGE_WITH_STEPS ?? 'build/steps/drawbridge')

export class Steps {
	constructor(scope) {
		this.file = join(temporaryFolder(scope, 'steps'), 'steps')
		writeFileSync(this.file, '')
	}

	/* For startDrawbridge, and for commands: {binary, env}. */
	get options() {
		return { binary: stepsBinary, env: { DRAWBRIDGE_STEPS: this.file } }
	}

	/* lines: '1 kill rotate.batch' …; they replace what was there. */
	set(...lines) {
		writeFileSync(this.file, lines.map((line) => `${line}\n`).join(''))
	}

	/* Whether the step was taken. */
	taken(name) {
		return readFileSync(this.file, 'latin1').split('\n').some((line) => line.startsWith('0 ') && line.endsWith(` ${name}`))
	}

	reached(name, options) {
		return eventually(`the step ${name} to be reached`, () => this.taken(name), options)
	}
}

/* A reload whose keeper was started and stands still before it has opened anything; gives the keeper's pid. */
export async function heldReload(drawbridge, steps) {
	const before = drawbridge.roles().map(({ pid }) => pid)
	steps.set('1 stop keeper.begun')
	process.kill(drawbridge.server.pid, 'SIGHUP')
	await steps.reached('keeper.begun')
	const keeper = drawbridge.roles().find(({ pid, title }) => !before.includes(pid) && title.includes('--role=keeper'))
	return keeper.pid
}
