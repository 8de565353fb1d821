// SPDX-License-Identifier: Apache-2.0
/*
 * `drawbridge demo` as a newcomer uses it: what it prints is done, word by word; Ctrl-C ends it without a trace; a
 * second one beside it does not disturb it.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { Browser } from '../support/browser.mjs'
import { binary } from '../support/drawbridge.mjs'
import { request } from '../support/http.mjs'
import { mustRun, run, startProcess } from '../support/process.mjs'
import { suite, temporaryFolder } from '../support/scope.mjs'

/* As from a terminal: leader of a process group, which is what Ctrl-C reaches. */
async function startDemo(scope, ...flags) {
	const demo = startProcess(scope, 'setsid', [binary, 'demo', ...flags])
	await demo.says(/Ctrl-C ends it all/, 60_000)
	const said = (pattern) => pattern.exec(demo.stdout)?.[1]
	return Object.assign(demo, {
		ticket: said(/^ {3}(http\S+\/connect\/\S+)$/m),
		curl: said(/^ {3}(curl [^]*?')\n\n/m),
		studio: said(/^The studio +(http\S+)$/m),
		password: said(/^ {2}password +(\S+)$/m),
		practice: said(/^Practice service +(http\S+) /m),
		folder: said(/^Data folder, log +(\S+)/m)
	})
}

const controlC = (demo) => process.kill(-demo.pid, 'SIGINT')

suite('the demo', (scope) => {
	let demo

	it('prints a link to connect, a curl line, a sign-in and addresses', async () => {
		demo = await startDemo(scope)
		for (const name of ['ticket', 'curl', 'studio', 'password', 'practice', 'folder'])
			assert.ok(demo[name], `${name} in ${demo.stdout}`)
	})

	it('its curl line says what to do as long as nobody has connected', async () => {
		const answer = JSON.parse(await mustRun('sh', ['-c', `${demo.curl} -sS`]))
		assert.equal(answer.code, 'connection_not_connected')
		assert.match(answer.hint, /Connect/)
	})

	it('its curl line fetches a ticket once the link was followed', async () => {
		const browser = new Browser()
		const consent = await browser.submit(await browser.open(demo.ticket), { button: /connect/i })
		const done = await browser.submit(consent, { button: /accept/i })
		assert.match(done.text, /is connected/)
		const answer = JSON.parse(await mustRun('sh', ['-c', `${demo.curl} -sS`]))
		assert.equal(answer.data[0].ticketNumber, '101')
		assert.ok(answer.data[0].subject)
	})

	it('its sign-in opens the studio', async () => {
		const url = `${demo.studio}v1/session`
		const headers = { origin: new URL(url).origin }
		const body = { email: 'demo@example.com', password: demo.password }
		assert.ok((await request(url, { method: 'POST', headers, body })).status < 300)
		assert.equal((await request(url, { method: 'POST', headers, body: { ...body, password: 'other one' } })).status, 401)
	})

	it('the practice service has a page', async () => {
		assert.match((await request(demo.practice)).text, /Practice Desk/)
	})

	it('a second one takes other ports', async () => {
		const second = await startDemo(scope)
		assert.notEqual(second.studio, demo.studio)
		assert.notEqual(second.practice, demo.practice)
		assert.equal((await request(second.practice)).status, 200)
		controlC(second)
		assert.deepEqual(await second.ended, { status: 0, signal: null })
		assert.equal((await request(demo.practice)).status, 200)
	})

	it('ends altogether on Ctrl-C, and takes its data along', async () => {
		assert.ok(existsSync(join(demo.folder, 'log')))
		controlC(demo)
		assert.deepEqual(await demo.ended, { status: 0, signal: null })
		assert.match(demo.stdout, /Ended; the data folder is gone/)
		assert.equal(existsSync(demo.folder), false)
		await assert.rejects(request(demo.studio))
		await assert.rejects(request(demo.practice))
	})

	it('keeps its data where it is told to, in a new folder alone', async () => {
		const folder = join(temporaryFolder(scope), 'kept')
		const kept = await startDemo(scope, '--data', folder)
		controlC(kept)
		assert.deepEqual(await kept.ended, { status: 0, signal: null })
		assert.match(kept.stdout, /the data folder is kept/)
		assert.ok(existsSync(join(folder, 'log')))
		const again = await run(binary, ['demo', '--data', folder])
		assert.equal(again.status, 1)
		assert.match(again.stderr, /File exists \(the demo wants a new folder\)/)
	})

	it('says so where it cannot make its folder', async () => {
		const folder = join(temporaryFolder(scope), 'missing')
		const done = await run(binary, ['demo'], { env: { TMPDIR: folder } })
		assert.equal(done.status, 1)
		assert.match(done.stderr, /no folder .*missing.*No such file/)
	})
})
