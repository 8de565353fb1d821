// SPDX-License-Identifier: Apache-2.0
/*
 * What a suite started, ended in the reverse order. Every helper takes a scope first and registers its own end
 * there, so that a test that fails half way leaves no process, port or folder behind.
 */
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe } from 'node:test'

export class Scope {
	#ends = []

	after(end) {
		this.#ends.push(end)
	}

	async close() {
		const failures = []
		while (this.#ends.length > 0) {
			try {
				await this.#ends.pop()()
			} catch (error) {
				failures.push(error)
			}
		}
		if (failures.length > 0)
			throw failures[0]
	}
}

/*
 * A describe() with a scope of its own, closed after its last test. Node 18 runs no after() of a suite that was cut off
 * for its time: what that one has started would keep its file running for ever.
 */
export function suite(name, body, { timeout = 170_000 } = {}) {
	describe(name, { timeout }, () => {
		const scope = new Scope()
		let late
		before(() => {
			late = setTimeout(() => process.exit(1), timeout + 20_000).unref()
		})
		after(() => {
			clearTimeout(late)
			return scope.close()
		})
		body(scope)
	})
}

/* Runs one test's body with a scope that ends with it. */
export function scoped(body) {
	return async (t) => {
		const scope = new Scope()
		try {
			await body(scope, t)
		} finally {
			await scope.close()
		}
	}
}

/* A fresh folder, removed with the scope (kept when DRAWBRIDGE_KEEP is set). */
export function temporaryFolder(scope, name = 'drawbridge-test') {
	const folder = mkdtempSync(join(tmpdir(), `${name}-`))
	scope.after(() => {
		if (!process.env.DRAWBRIDGE_KEEP)
			rmSync(folder, { recursive: true, force: true })
	})
	return folder
}

/*
 * A port of 127.0.0.1 that nobody listens on at this moment. Below those that the kernel gives to outgoing connections,
 * so that none of them takes it before who asked has listened; several test files run at a time, so at random.
 */
export async function freePort(host = '127.0.0.1') {
	const open = (port) => new Promise((resolve, reject) => {
		const probe = createServer()
		probe.on('error', reject)
		probe.listen(port, host, () => probe.close(resolve))
	})
	for (let tries = 0; ; tries++) {
		const port = randomInt(12_000, 32_000)
		try {
			await open(port)
			return port
		} catch (error) {
			if (error.code !== 'EADDRINUSE' || tries === 50)
				throw error
		}
	}
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/* Asks again until the answer is truthy; fails with the last answer or error after the time is over. */
export async function eventually(what, ask, { timeout = 10_000, every = 50 } = {}) {
	const end = Date.now() + timeout
	let last
	for (;;) {
		try {
			last = await ask()
			if (last)
				return last
		} catch (error) {
			last = error
		}
		if (Date.now() > end)
			throw new Error(`${what}: not within ${timeout} ms; last: ${last?.stack ?? JSON.stringify(last)}`)
		await sleep(every)
	}
}

/* Fails instead of waiting for ever. */
export function within(timeout, what, promise) {
	let timer
	const late = new Promise((_, reject) => {
		timer = setTimeout(() => reject(new Error(`${what}: not within ${timeout} ms`)), timeout)
	})
	return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
