// SPDX-License-Identifier: Apache-2.0
/*
 * The first credential of a connection, by the command line: it is tested once the connection was made. What is wrong is
 * a warning; the connection is made all the same.
 */
import assert from 'node:assert/strict'
import http from 'node:http'
import { before, it } from 'node:test'
import { basicService, keyService, openService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { listen } from '../support/http.mjs'
import { freePort, suite } from '../support/scope.mjs'
import { addService } from '../support/worlds.mjs'

const right = 'right-key-5b1c90', wrong = 'wrong-key-1b22'

suite('the first credential, by the command line', (scope) => {
	let drawbridge, tested, answer, number = 0

	const send = (response, status, value) =>
		response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
	const judge = (response, key) => (key === right ? send(response, 200, { name: 'Ada' })
		: send(response, 401, { error: `not ${key}` }))

	before(async () => {
		const port = await listen(scope, http.createServer((request, response) => {
			const key = request.headers['x-api-key']
			tested.push(key)
			answer(response, key)
		}))
		const url = `http://127.0.0.1:${port}`
		const tests = [{ path: '/me', account: 'name' }]
		drawbridge = await startDrawbridge(scope)
		await addService(drawbridge, keyService('keyed', { url, base: { tests } }))
		await addService(drawbridge, keyService('polite', { url, base: { tests: [{ path: '/me',
			success: { json: 'name', is: 'Ada' } }] } }))
		await addService(drawbridge, keyService('untested', { url }))
		await addService(drawbridge, keyService('closed', { url: `http://127.0.0.1:${await freePort()}`, base: { tests } }))
		await addService(drawbridge, basicService('basic', { url, base: { tests } }))
		await addService(drawbridge, openService('open', { url, base: { tests } }))
	})

	/* Makes one, which must be there whatever was said. */
	async function create(service, key = right, more = []) {
		tested = []
		number += 1
		const link = `first_${number}`
		const made = await drawbridge.cli(['connection', 'create', `First ${number}`, '--service', service, '--link-name', link,
			...(key ? ['--credential-stdin', service === 'basic' ? 'password' : 'api_key'] : []), ...more], { stdin: key || '' })
		assert.equal(made.status, 0, made.stderr)
		assert.ok(!`${made.stdout}${made.stderr}`.includes(key || wrong))
		assert.equal((await drawbridge.connection(link)).status, 'connected')
		return { ...made, link }
	}

	it('one that the service takes is said to be, in a line', async () => {
		answer = judge
		const { stdout, stderr } = await create('keyed')
		assert.deepEqual(tested, [right])
		assert.match(stdout, /^Link name +first_1\n[\s\S]*\nThe service takes the credential: the test has passed, for Ada\.\n$/)
		assert.equal(stderr, '')
	})

	it('one that it refuses is a warning, with what to do', async () => {
		const { stdout, stderr, link } = await create('keyed', wrong)
		assert.deepEqual(tested, [wrong])
		assert.match(stdout, /^Link name /)
		assert.doesNotMatch(stdout, /takes the credential/)
		assert.equal(stderr, `drawbridge: warning: ${link} is made, but its credential is refused by the service: The service `
			+ `answered the test request with HTTP 401.\n  Replace it with \`drawbridge connection credentials ${link}\`, or see `
			+ 'at the service what it may do.\n')
		assert.match((await create('polite', wrong)).stderr, /HTTP 401/)
		answer = (response) => send(response, 200, { name: 'nobody' })
		assert.match((await create('polite', wrong)).stderr, /is refused by the service: .*HTTP 200/, 'some say so with 200')
		answer = judge
		const basic = await create('basic', wrong, ['--credential-text', 'username=ada'])
		assert.match(basic.stderr, /is refused by the service: .*HTTP 401/)
	})

	it('for a program the connection stands alone on standard output', async () => {
		answer = judge
		const good = await create('keyed', right, ['--json'])
		assert.deepEqual([JSON.parse(good.stdout).link_name, good.stderr], [good.link, ''])
		const bad = await create('keyed', wrong, ['--json'])
		assert.equal(JSON.parse(bad.stdout).link_name, bad.link)
		assert.match(bad.stderr, /^drawbridge: warning: .* is refused by the service/)
	})

	it('one of which the service does not tell could not be tested', async () => {
		answer = (response) => send(response, 503, {})
		const busy = await create('keyed')
		assert.match(busy.stderr, /^drawbridge: warning: \w+ is made, but its credential could not be tested: .*HTTP 503/)
		assert.ok(busy.stderr.endsWith(`\n  Try again with \`drawbridge connection test ${busy.link}\`.\n`), busy.stderr)
		assert.match((await create('closed')).stderr, /could not be tested: /)
		answer = () => {}
		const silent = await create('keyed')
		assert.deepEqual(tested, [right])
		assert.match(silent.stderr, /could not be tested: /)
	})

	it('nothing is said where there is no test request, or no credential', async () => {
		answer = judge
		for (const [service, key] of [['untested', wrong], ['open', '']]) {
			const { stdout, stderr } = await create(service, key)
			assert.deepEqual([stderr, tested], ['', []])
			assert.doesNotMatch(stdout, /the test/)
		}
	})

	it('a program that makes one by the API is told nothing it has not asked', async () => {
		tested = []
		const made = await drawbridge.must('POST', '/v1/connections', { name: 'By a program', service: 'keyed',
			credentials: { api_key: wrong } })
		assert.deepEqual([made.status, tested], ['connected', []])
	})
})
