// SPDX-License-Identifier: Apache-2.0
/*
 * A key that replaces one in use is tested at the service first: calls go on with the old one until the new one has
 * passed, no call carries one that has not, and the old one stays for whatever else comes of the test.
 */
import assert from 'node:assert/strict'
import http from 'node:http'
import { before, it } from 'node:test'
import { basicService, keyService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { listen, readBody } from '../support/http.mjs'
import { killQuietly } from '../support/process.mjs'
import { eventually, freePort, scoped, suite } from '../support/scope.mjs'
import { Steps } from '../support/steps.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

const old = 'old-key-5b1c90', fresh = 'fresh-key-77d2e4'
const tests = [{ path: '/me', account: 'name' }]
const withTest = { base: { tests, first_byte_timeout_ms: 1000 } }

/*
 * A service with keys. api.good: those that it takes; api.me(response, key, request): how it answers the test request,
 * where not by whether the key is good; tested, called: what came, {key, path, headers, body}.
 */
async function startKeyed(scope, host = '127.0.0.1') {
	const api = { good: new Set([old]), tested: [], called: [], me: undefined }
	const server = http.createServer(async (request, response) => {
		const key = request.headers['x-api-key']
		const isTest = request.url.includes('/me')
		const entry = { key, path: request.url, method: request.method, headers: request.headers }
		entry.body = (await readBody(request)).toString()
		api[isTest ? 'tested' : 'called'].push(entry)
		if (isTest && api.me)
			return api.me(response, key, entry)
		if (api.good.has(key))
			return send(response, 200, { name: `owner of ${key.length}` })
		return send(response, 401, { error: { message: `No such key: ${key}` } })
	})
	api.port = await listen(scope, server, { host })
	api.url = `http://${host}:${api.port}`
	return api
}

function send(response, status, value, headers = {}) {
	response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
}

suite('a credential that replaces one in use', (scope) => {
	let api, drawbridge

	before(async () => {
		api = await startKeyed(scope)
		drawbridge = await startDrawbridge(scope, { egress: ['127.0.0.1/32'] })
		await addService(drawbridge, keyService('keyed', { ...api, ...withTest }))
	})

	const reset = () => Object.assign(api, { good: new Set([old]), tested: [], called: [], me: undefined })
	async function connected(service = 'keyed', credentials = { api_key: old }) {
		reset()
		const { link_name: link } = await newConnection(drawbridge, service, { credentials })
		assert.equal(api.tested.length, 0, 'the first one is stored as it is')
		return link
	}
	const replace = (link, credentials = { api_key: fresh }, query = '') =>
		drawbridge.api('PUT', `/v1/connections/${link}/credentials${query}`, credentials)
	async function carries(link, key) {
		await drawbridge.via(link, '/work')
		assert.equal(api.called.at(-1).key, key)
	}
	const audit = async (link) => {
		const { name } = await drawbridge.connection(link)
		const { items } = await drawbridge.must('GET', '/v1/audit?limit=200')
		return items.filter(({ object_name }) => object_name === name).map(({ action }) => action)
	}
	/* It is told so, and everything is as it was. */
	async function stays(link, status, code, words) {
		const was = await drawbridge.connection(link)
		const answer = await replace(link)
		assert.deepEqual([answer.status, answer.json.code], [status, code], answer.text)
		assert.match(answer.json.detail, words)
		assert.match(answer.json.detail, /The one in use stays\.$/)
		assert.ok(!answer.text.includes(fresh), answer.text)
		assert.deepEqual(await drawbridge.connection(link), was)
		assert.equal((await audit(link)).filter((action) => action === 'connection.credentials_refused').length, 1)
		await carries(link, old)
		return answer
	}

	it('serves no call before it has passed, and fails none', async () => {
		const link = await connected()
		api.good.add(fresh)
		let pass, over = false
		api.me = (response) => { pass = () => send(response, 200, { name: 'Ada' }) }
		const statuses = []
		const callers = [1, 2, 3, 4].map(async () => {
			while (!over)
				statuses.push((await drawbridge.via(link, '/work')).status)
		})
		await eventually('calls', () => api.called.length > 10)
		const answer = replace(link)
		await eventually('the test', () => pass)
		const from = api.called.length
		await eventually('calls meanwhile', () => api.called.length > from + 40)
		assert.deepEqual(new Set(api.called.map(({ key }) => key)), new Set([old]))
		assert.deepEqual(api.tested.map(({ key, path, method }) => [key, path, method]), [[fresh, '/me', 'GET']])
		pass()
		assert.equal((await answer).status, 200)
		await carries(link, fresh)
		over = true
		await Promise.all(callers)
		assert.deepEqual(new Set(statuses), new Set([200]))
		const connection = await drawbridge.connection(link)
		assert.deepEqual([connection.status, connection.account], ['connected', 'Ada'])
		assert.equal(api.tested.length, 1)
	})

	it('that is refused is told with the service\'s words, and without what was typed', async () => {
		const link = await connected()
		await stays(link, 422, 'credential_refused', /HTTP 401: "No such key: [^"]*"/)
		/* the test of a connection says the same */
		const used = await connected()
		api.good.clear()
		const tested = await drawbridge.must('POST', `/v1/connections/${used}/test`)
		assert.deepEqual([tested.ok, tested.status], [false, 401])
	})

	it('of which the service does not tell leaves the old one, and says why', async () => {
		const answers = [
			[(response) => send(response, 503, {}, { 'retry-after': '17' }), /HTTP 503/, '17'],
			[(response) => send(response, 404, { message: 'no such page' }), /HTTP 404: "no such page"/],
			[(response) => send(response, 302, {}, { location: `${api.url}/elsewhere` }), /HTTP 302/],
			[() => {}, /could not be made: the answer took too long/],
			[(response) => response.socket.destroy(), /could not be made: /],
			[(response) => response.writeHead(200, { 'content-length': 100 }).write('{', () => response.socket.destroy()),
				/could not be made: /]
		]
		for (const [me, words, retryAfter] of answers) {
			const link = await connected()
			api.me = me
			const answer = await stays(link, 502, 'credential_untested', words)
			assert.equal(answer.headers['retry-after'], retryAfter)
			assert.equal(api.tested.length, 1, 'asked once')
			assert.ok(!api.called.some(({ path }) => path === '/elsewhere'))
		}
	})

	it('is used all the same where that is said', async () => {
		const link = await connected()
		assert.equal((await replace(link, { api_key: fresh }, '?force=perhaps')).status, 400)
		assert.equal((await replace(link, { api_key: fresh }, '?force=false')).status, 422)
		const answer = await replace(link, { api_key: fresh }, '?force=true')
		assert.equal(answer.status, 200, answer.text)
		assert.equal(api.tested.length, 1)
		await carries(link, fresh)
		assert.ok((await audit(link)).includes('connection.credentials_forced'))
	})

	it('at a service that cannot be reached, or must not be', async () => {
		const closed = `http://127.0.0.1:${await freePort()}`
		await addService(drawbridge, keyService('unreachable', { url: closed, ...withTest }))
		/* listens, where this server may not call */
		const inside = await startKeyed(scope, '127.0.0.2')
		await addService(drawbridge, keyService('private', { url: inside.url, ...withTest }))
		for (const service of ['unreachable', 'private']) {
			const link = await connected(service)
			const answer = await replace(link)
			assert.deepEqual([answer.status, answer.json.code], [502, 'credential_untested'], answer.text)
			assert.equal((await replace(link, { api_key: fresh }, '?force=true')).status, 200)
		}
		assert.equal(inside.tested.length, 0)
	})

	it('whose answer is long is taken by what has come', async () => {
		const link = await connected()
		api.me = (response) => send(response, 200, { name: 'Ada', rest: 'x'.repeat(300_000) })
		assert.equal((await replace(link)).status, 200)
		await carries(link, fresh)
	})

	it('is where a call would have it: header, query, path, form, Basic', async () => {
		const parts = {
			query: [{ in: 'query', name: 'key', value: '{api_key}' }, ({ path }) => path === '/me?a=1&key=a%2Fb%20c-5511'],
			path: [{ in: 'path', value: '/bot{api_key}' }, ({ path }) => path === '/bota%2Fb%20c-5511/me?a=1'],
			prefix: [{ in: 'header', name: 'Authorization', value: 'Token {api_key}' },
				({ headers }) => headers.authorization === 'Token a/b c-5511'],
			form: [{ in: 'form', name: 'key', value: '{api_key}' }, ({ method, body, headers }) => method === 'POST'
				&& /^key=a(%2F|\/)b(%20|\+)c-5511$/.test(body) && headers['content-type'] === 'application/x-www-form-urlencoded']
		}
		for (const [name, [part, is]] of Object.entries(parts)) {
			const base = { tests: [{ path: '/me?a=1', method: name === 'form' ? 'POST' : 'GET' }] }
			await addService(drawbridge, keyService(`by_${name}`, { url: api.url, base }, part))
			const link = await connected(`by_${name}`)
			api.me = (response, key, entry) => send(response, is(entry) ? 200 : 401, {})
			const answer = await replace(link, { api_key: 'a/b c-5511' })
			assert.equal(answer.status, 200, `${name}: ${answer.text} ${JSON.stringify(api.tested)}`)
		}
		await addService(drawbridge, basicService('by_basic', { url: api.url, base: { tests } }))
		const link = await connected('by_basic', { username: 'ada', password: 'first-word-1' })
		const basic = `Basic ${Buffer.from('ada:second-word-2').toString('base64')}`
		api.me = (response, key, { headers }) => send(response, headers.authorization === basic ? 401 : 500,
			{ message: `not ${headers.authorization}` })
		const refused = await replace(link, { username: 'ada', password: 'second-word-2' })
		assert.equal(refused.status, 422, refused.text)
		assert.match(refused.json.detail, /"not Basic /)
		assert.ok(!refused.text.includes(basic.slice(6)))
	})

	it('of each user for himself', async () => {
		reset()
		const { link_name: link } = await newConnection(drawbridge, 'keyed', { per_user: true })
		assert.equal((await replace(link, { api_key: old })).status, 200)
		assert.equal(api.tested.length, 0)
		await stays(link, 422, 'credential_refused', /HTTP 401/)
		api.good.add(fresh)
		assert.equal((await replace(link)).status, 200)
		await carries(link, fresh)
	})

	it('comes to nothing when the connection is deleted, or gets another, meanwhile', async () => {
		const link = await connected()
		let pass
		api.me = (response) => { pass = () => send(response, 200, {}) }
		const first = replace(link)
		await eventually('the test', () => pass)
		assert.equal((await replace(link, { api_key: 'another-key-2231' }, '?force=true')).status, 200)
		pass()
		assert.deepEqual([(await first).status, (await first).json.code], [412, 'changed_meanwhile'])
		await carries(link, 'another-key-2231')
		pass = undefined
		const second = replace(link)
		await eventually('the test', () => pass)
		assert.equal((await drawbridge.api('DELETE', `/v1/connections/${link}`)).status, 200)
		pass()
		assert.equal((await second).status, 412)
		assert.equal((await drawbridge.api('GET', `/v1/connections/${link}`)).status, 404)
	})

	it('from the command line', async () => {
		const link = await connected()
		const args = ['connection', 'credentials', link, '--credential-stdin', 'api_key']
		const refused = await drawbridge.cli(args, { stdin: fresh })
		assert.notEqual(refused.status, 0)
		assert.match(refused.stderr, /HTTP 401: "No such key/)
		assert.match(refused.stderr, /force/)
		assert.ok(!`${refused.stdout}${refused.stderr}`.includes(fresh))
		const forced = await drawbridge.cli([...args, '--force'], { stdin: fresh })
		assert.equal(forced.status, 0, forced.stderr)
		await carries(link, fresh)
	})
})

suite('whoever is killed while a credential is tested', (scope) => {
	let api, drawbridge, steps

	before(async () => {
		api = await startKeyed(scope)
		steps = new Steps(scope)
		drawbridge = await startDrawbridge(scope, steps.options)
		await addService(drawbridge, keyService('keyed', { ...api, base: { tests } }))
	})

	/* Where the keeper stands when somebody is killed: the old one is in use until the commit, the new one after it. */
	for (const [step, stored] of [['asked', false], ['answered', false], ['stored', true]])
		for (const victim of ['keeper', 'exchanger', 'front'])
			it(`the ${victim}, at credential.${step}`, async () => {
				const { link_name: link } = await newConnection(drawbridge, 'keyed', { credentials: { api_key: old } })
				assert.equal((await drawbridge.via(link, '/work')).status, 200)
				let pass
				Object.assign(api, { good: new Set([old, fresh]), called: [],
					me: (response) => { pass = () => send(response, 200, {}) } })
				steps.set(`1 stop credential.${step}`)
				const answer = drawbridge.api('PUT', `/v1/connections/${link}/credentials`, { api_key: fresh })
					.catch(() => ({ status: 0 }))
				if (step !== 'asked') {
					await eventually('the test', () => pass)
					pass()
				}
				await steps.reached(`credential.${step}`)
				const keeper = drawbridge.role('keeper'), pid = drawbridge.role(victim)
				killQuietly(pid, 'SIGKILL')
				await eventually('another one', () => drawbridge.role(victim) && drawbridge.role(victim) !== pid)
				if (victim !== 'keeper')
					killQuietly(keeper, 'SIGCONT')
				await drawbridge.ready()
				if (step === 'asked' && victim === 'front') {
					await eventually('the test', () => pass)
					pass()
				}
				const { status } = await answer
				const inUse = async () => (await drawbridge.via(link, '/work').catch(() => ({}))).status === 200
					&& api.called.at(-1).key
				const now = await eventually('calls to go on', inUse)
				if (stored) /* the front has the old one until it hears that there is another */
					await eventually('the one that was committed', async () => await inUse() === fresh)
				else if (step === 'answered' && victim === 'front') /* in the same moment: one or the other */
					assert.ok([old, fresh].includes(now))
				else if (step === 'answered' && victim === 'exchanger') /* the keeper has its answer */
					assert.deepEqual([now, status], [fresh, 200])
				else
					assert.deepEqual([now, status], [old, { exchanger: 502, keeper: 503, front: 0 }[victim]])
				assert.equal((await drawbridge.connection(link)).status, 'connected')
			})
})
