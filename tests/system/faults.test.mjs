// SPDX-License-Identifier: Apache-2.0
/*
 * What Drawbridge stands on fails: the disk is full or read-only, a database locked, a role hangs, names are not
 * resolved, a service or a provider says nothing. In the meantime callers are told what it is; afterwards everything
 * goes on by itself, and no grant is lost. Clocks that are set are in refresh_clock, providers that fail in
 * refresh_oidc, processes that die in processes and kills.
 *
 * What takes long (somebody hangs until somebody else loses patience) goes on beside the rest.
 */
import assert from 'node:assert/strict'
import net from 'node:net'
import { join } from 'node:path'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { startAuthority } from '../support/ca.mjs'
import { connect, redirectUris, walkConsent } from '../support/consent.mjs'
import { bearerService, oauthService } from '../support/definitions.mjs'
import { startDns } from '../support/dns.mjs'
import { binary, startDrawbridge } from '../support/drawbridge.mjs'
import { listen } from '../support/http.mjs'
import { enterNamespace } from '../support/netns.mjs'
import { killQuietly, mustRun, run, startProcess } from '../support/process.mjs'
import { makeReadOnly } from '../support/readonly.mjs'
import { eventually, freePort, scoped, sleep, suite, temporaryFolder } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { fillDisk, mountDisk, remountDisk } from '../support/tmpfs.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

await enterNamespace(import.meta.url, { dns: '127.0.0.53' })

const token = 'steady-token-2288'

const timed = async (promise) => {
	const start = Date.now()
	const answer = await promise
	return { answer, ms: Date.now() - start }
}

const metric = async (drawbridge, name) => Number(new RegExp(`^drawbridge_${name} (\\d+)$`, 'm')
	.exec((await drawbridge.api('GET', '/metrics', undefined, { key: null })).text)?.[1])

/* As docs/reliability.md has it, and two seconds for a busy machine. */
const assertAfter = (seconds, { ms }) => assert.ok(ms < (seconds + 2) * 1000, `${ms} ms`)

const assertProblem = ({ status, json, text }, statuses, detail = /\w/) => {
	assert.ok([statuses].flat().includes(status), `${status} ${text}`)
	assert.match(json?.code ?? '', /^[a-z_]+$/, text)
	assert.match(json?.detail ?? '', detail, text)
}

/* A server with an OAuth connection and one with a token, each called once. */
async function startWorld(scope, { data, caFile, flags } = {}) {
	const port = await freePort()
	const server = await startScripted(scope, { redirectUris: redirectUris(port, 'turning', 'named') })
	const held = []
	const api = await startApi(scope, { check: (given) => given === token || server.accountOf(given), routes: {
		'/alone': (_, response) => response.writeHead(200, { connection: 'close', 'content-length': 0 }).end(),
		'/held': (_, response) => held.push(response) } })
	const drawbridge = await startDrawbridge(scope, { port, data, caFile, flags })
	if (data)
		await drawbridge.makeOwner()
	const endpoint = (name) => server.endpoints[name].replace('127.0.0.1', 'tokens.test')
	const named = { endpoints: { ...server.endpoints, token: endpoint('token'), revoke: endpoint('revoke') } }
	await addService(drawbridge, oauthService('turning', server, api, { refresh: { rotates: true } }), server.client)
	await addService(drawbridge, oauthService('named', named, api, { refresh: { rotates: true } }), server.client)
	await addService(drawbridge, bearerService('steady', api))
	const connected = async (service = 'turning') => {
		const { link_name: link } = await newConnection(drawbridge, service, { scopes: ['tickets.read'] })
		await connect(drawbridge, link, consentByItself)
		return link
	}
	const steady = async (service = 'steady') =>
		(await newConnection(drawbridge, service, { credentials: { token } })).link_name
	const world = { server, api, held, drawbridge, connected, steady, oauth: await connected(), key: await steady(),
		refreshes: () => server.requests.filter(({ form }) => form.grant_type === 'refresh_token').length,
		refresh: (link) => drawbridge.api('POST', `/v1/connections/${link}/refresh`, undefined, { timeout: 60_000 }),
		works: async (link) => assert.equal((await drawbridge.via(link, '/echo')).status, 200) }
	await world.works(world.oauth)
	await world.works(world.key)
	return world
}

/* Stops a role, does something meanwhile, and lets it go on. */
async function hanging({ drawbridge }, role, meanwhile) {
	const pid = drawbridge.role(`--role=${role}`)
	process.kill(pid, 'SIGSTOP')
	try {
		return await meanwhile()
	} finally {
		killQuietly(pid, 'SIGCONT')
	}
}

suite('what it stands on fails', (scope) => {
	let world, drawbridge, server, folders, dns, beside

	before(async () => {
		const data = temporaryFolder(scope, 'drawbridge-data')
		folders = { keeper: join(data, 'keeper'), store: join(data, 'store') }
		for (const folder of Object.values(folders))
			await mountDisk(scope, folder)
		dns = await startDns(scope, { 'tokens.test': ['127.0.0.1'], 'api.test': ['127.0.0.1'] })
		const authority = await startAuthority(scope)
		world = await startWorld(scope, { data, caFile: authority.file })
		;({ drawbridge, server } = world)
		beside = { store: lockedStore(), keeper: hungKeeper(), exchanger: hungExchanger(), token: hungTokenEndpoint() }
		for (const each of Object.values(beside))
			each.catch(() => {})
	})

	beforeEach(() => server.faults.clear())

	/* ---- what takes long, begun before the rest ---- */

	async function hungKeeper() {
		const apart = await startWorld(scope, { flags: ['--watchdog', '0'] }) /* what callers see, and not its end */
		const fresh = await apart.steady()
		return hanging(apart, 'keeper', async () => {
			const [cached, uncached, refreshed, ready] = await Promise.all([apart.drawbridge.via(apart.key, '/echo'),
				timed(apart.drawbridge.via(fresh, '/echo', { timeout: 60_000 })), timed(apart.refresh(apart.oauth)),
				sleep(1200).then(() => apart.drawbridge.api('GET', '/readyz')) /* the answer before holds for a second */])
			return { apart, fresh, cached, uncached, refreshed, ready }
		})
	}

	async function hungExchanger() {
		const apart = await startWorld(scope)
		return hanging(apart, 'exchanger', async () => {
			const refreshed = await timed(apart.refresh(apart.oauth))
			return { apart, refreshed, called: await apart.drawbridge.via(apart.oauth, '/echo') }
		})
	}

	async function hungTokenEndpoint() {
		const apart = await startWorld(scope)
		apart.server.faults.on('token', { kind: 'hang', times: 1 })
		const refreshed = timed(apart.refresh(apart.oauth))
		await eventually('the request', () => apart.refreshes() > 0)
		const called = await timed(apart.drawbridge.via(apart.oauth, '/echo'))
		return { apart, called, refreshed: await refreshed }
	}

	async function lockedStore() {
		const apart = await startWorld(scope)
		const { drawbridge: bridge, server: provider, key, oauth } = apart
		provider.account = 'eve'
		const ended = await apart.connected()
		provider.account = 'ada'
		provider.endAll('eve')
		const lock = startProcess(scope, 'sqlite3', [join(bridge.data, 'store/drawbridge.db')], { open: true })
		lock.write('BEGIN IMMEDIATE;\n.print locked\n')
		await lock.says(/locked/)
		const asked = [bridge.api('PUT', '/v1/globals/locked', { value: 'x' }), apart.refresh(oauth)].map(timed)
		const refused = bridge.via(ended, '/echo')
		for (let n = 0; n < 10; n++)
			await apart.works(n % 2 ? key : oauth)
		const answers = await Promise.all([...asked, timed(refused)])
		const lost = await eventually('records of calls to be lost', () => metric(bridge, 'records_lost_total'), { timeout: 30_000 })
		lock.write('COMMIT;\n.exit\n')
		await lock.ended
		return { apart, answers, ended, lost }
	}

	/* ---- disks and databases ---- */

	it('the keeper\'s disk is full: no refresh is begun, no token request is made, and calls go on', async () => {
		const room = fillDisk(folders.keeper)
		const before = world.refreshes()
		assertProblem(await world.refresh(world.oauth), 503, /could not be begun/)
		assert.equal(world.refreshes(), before)
		assertProblem(await drawbridge.api('PUT', `/v1/connections/${world.key}/credentials`, { token: 'another-token-9' }),
			[500, 503, 507], /could not be stored/)
		await world.works(world.oauth)
		await world.works(world.key)
		room()
		assert.equal((await world.refresh(world.oauth)).status, 200)
	})

	it('it is full once the provider has answered: the new tokens are kept until there is room', async () => {
		server.faults.on('token', { kind: 'delay', ms: 1000, times: 1 })
		const before = world.refreshes()
		const asked = world.refresh(world.oauth)
		await eventually('the request', () => world.refreshes() > before)
		const room = fillDisk(folders.keeper)
		await eventually('the log to tell', () => /grant not stored/.test(drawbridge.log))
		await world.works(world.key)
		room()
		assert.equal((await asked).status, 200)
		assert.equal((await world.refresh(world.oauth)).status, 200)
		assert.equal(server.reused, 0)
	})

	it('it is full once a code was redeemed: who consents is told so, and the former access goes on', async () => {
		const link = await world.connected()
		const { token: former } = (await drawbridge.via(link, '/echo'), world.api.last())
		const codes = () => server.requests.filter(({ form }) => form.grant_type === 'authorization_code').length
		const before = codes()
		const fresh = (await newConnection(drawbridge, 'turning', { scopes: ['tickets.read'] })).link_name
		for (const [each, status] of [[link, 'connected'], [fresh, 'not_connected']]) {
			server.faults.on('token', { kind: 'delay', ms: 500, times: 1 })
			const asked = codes()
			const walk = walkConsent(drawbridge, each, consentByItself)
			await eventually('the code to be redeemed', () => codes() > asked)
			const room = fillDisk(folders.keeper)
			const page = await walk
			room()
			assert.ok(page.status >= 400, `${page.status} ${page.text}`)
			assert.match(page.text, /could not be stored/)
			assert.equal((await drawbridge.connection(each)).status, status)
			const unused = [...server.grants.values()].at(-1)
			await eventually('what came to be given back', () => !unused.alive)
			assert.equal(server.revocations.at(-1).token, unused.current)
		}
		assert.equal(codes(), before + 2, 'no code is sent twice')
		assert.equal((await world.refresh(link)).status, 200, 'the former refresh token is the current one')
		await world.works(link)
		const { token: now } = world.api.last()
		assert.notEqual(now, former)
		assert.equal(server.reused, 0)
		for (const each of [link, fresh])
			await connect(drawbridge, each, consentByItself)
		await world.works(fresh)
	})

	it('the store\'s disk is full: changes are refused in plain words, and calls go on', async () => {
		const room = fillDisk(folders.store)
		const told = drawbridge.log.length
		assertProblem(await drawbridge.api('POST', '/v1/connections', { name: 'No room', service: 'steady',
			credentials: { token } }), [500, 503, 507])
		await eventually('the log to tell why', () => /database or disk is full/.test(drawbridge.log.slice(told)))
		assert.doesNotMatch(drawbridge.log.slice(told), /cannot rollback/)
		for (let n = 0; n < 20; n++)
			await world.works(n % 2 ? world.key : world.oauth)
		room()
		await world.works(await world.steady())
	})

	it('the store\'s disk is full while a conversation\'s call is out: its result is kept until there is room', async () => {
		const blocks = [{ id: 'start', type: 'start', paths: { next: 'call' } },
			{ id: 'call', type: 'webhook', connection: world.key, request: { method: 'POST', url: '/held' },
				response_list: [{ codes: ['200'], mappings: [{ variable: 'said', from: 'body' }] }],
				paths: { 200: 'good', other: 'bad', no_answer: 'bad' } },
			{ id: 'good', type: 'end', text: '{{block.said}}' }, { id: 'bad', type: 'end', text: 'lost' }]
		const { id: flow } = await drawbridge.must('POST', '/v1/flows', { draft: { name: 'Held', blocks } })
		await drawbridge.must('POST', `/v1/flows/${flow}/publish`, {})
		const { id } = await drawbridge.must('POST', `/v1/flows/${flow}/conversations?wait=0`, {})
		await eventually('the call', () => world.held.length === 1)
		const room = fillDisk(folders.store)
		await eventually('no room for the least change', async () =>
			(await drawbridge.api('PUT', '/v1/globals/room', { value: 'x' })).status >= 500)
		world.held[0].end('kept')
		await eventually('the result to wait', () => /a call's result waits to be stored/.test(drawbridge.log))
		room()
		const talk = await eventually('its end', async () => {
			const now = await drawbridge.must('GET', `/v1/conversations/${id}`)
			return now.state === 'ended' && now
		})
		assert.deepEqual(talk.messages.map(({ content }) => content.text), ['kept'])
		assert.equal(world.held.length, 1, 'called once')
	})

	it('the keeper\'s database is locked by somebody: a refresh is told to come again, and calls go on', async () => {
		const lock = startProcess(scope, 'sqlite3', [join(folders.keeper, 'grants.db')], { open: true })
		lock.write('BEGIN IMMEDIATE;\n.print locked\n')
		await lock.says(/locked/)
		const before = world.refreshes()
		const asked = timed(world.refresh(world.oauth))
		await world.works(world.key)
		const told = await asked
		/* every ten seconds the keeper stores its time: nobody waits for that */
		const ready = []
		for (let n = 0; n < 10; n++) {
			ready.push(await timed(drawbridge.api('GET', '/readyz')))
			await sleep(600)
		}
		lock.write('COMMIT;\n.exit\n')
		await lock.ended
		assertProblem(told.answer, 503)
		assertAfter(5, told)
		for (const each of ready) {
			assert.equal(each.answer.status, 200)
			assertAfter(0, each)
		}
		assert.equal(world.refreshes(), before)
		assert.equal((await world.refresh(world.oauth)).status, 200)
	})

	it('the keeper\'s database turns read-only under load: no token request is made, calls go on, and it comes back', scoped(async (inner) => {
		const fresh = await world.connected()
		const disk = await makeReadOnly(inner, drawbridge.role('--role=keeper'), join(folders.keeper, 'grants.db'))
		const before = server.requests.length
		const calls = Array.from({ length: 40 }, (_, n) => world.works(n % 2 ? world.key : world.oauth))
		assertProblem(await world.refresh(fresh), 503, /could not be begun/)
		assertProblem(await drawbridge.api('PUT', `/v1/connections/${world.key}/credentials`, { token: 'another-token-9' }),
			[500, 503, 507], /could not be stored/)
		await world.works(fresh)
		await Promise.all(calls)
		await eventually('writes to be refused', () => disk.writes() > 0)
		assert.equal(server.requests.length, before, 'nobody was asked')
		await disk.over()
		assert.equal((await world.refresh(fresh)).status, 200)
		await world.works(fresh)
		assert.equal(server.reused, 0)
	}))

	it('it turns read-only once the provider has answered: the new tokens are kept, and stored when it comes back', scoped(async (inner) => {
		server.faults.on('token', { kind: 'delay', ms: 1000, times: 1 })
		const before = world.refreshes()
		const asked = world.refresh(world.oauth)
		await eventually('the request', () => world.refreshes() > before)
		const told = drawbridge.log.length
		const disk = await makeReadOnly(inner, drawbridge.role('--role=keeper'), join(folders.keeper, 'grants.db'))
		await eventually('the log to tell', () => /grant not stored/.test(drawbridge.log.slice(told)))
		await world.works(world.key)
		await disk.over()
		assert.equal((await asked).status, 200)
		assert.equal((await world.refresh(world.oauth)).status, 200)
		assert.equal(server.reused, 0)
	}))

	it('the store turns read-only under load: changes are refused, calls go on, and it comes back', scoped(async (inner) => {
		server.account = 'eve'
		const ended = await world.connected()
		server.account = 'ada'
		server.endAll('eve')
		const fresh = await world.connected()
		await world.works(fresh)
		const disk = await makeReadOnly(inner, drawbridge.role('--role=front'), join(folders.store, 'drawbridge.db'))
		const calls = Array.from({ length: 40 }, (_, n) => world.works([world.key, world.oauth, fresh][n % 3]))
		assertProblem(await drawbridge.api('PUT', '/v1/globals/read_only', { value: 'x' }), [500, 503, 507])
		assert.notEqual((await drawbridge.via(ended, '/echo')).status, 200)
		await Promise.all(calls)
		await drawbridge.must('GET', '/v1/connections')
		await eventually('writes to be refused', () => disk.writes() > 0)
		await disk.over()
		await drawbridge.must('PUT', '/v1/globals/read_only', { value: 'x' })
		await eventually('what the keeper told meanwhile', async () =>
			(await drawbridge.connection(ended)).status === 'needs_reconnect')
		assert.equal((await world.refresh(fresh)).status, 200)
	}))

	it('the data folder is read-only: it does not start, and says why', scoped(async (inner) => {
		const data = temporaryFolder(inner, 'drawbridge-data')
		await mountDisk(inner, data)
		await remountDisk(data, 'ro')
		const serve = ['serve', '--data', data, '--listen', '127.0.0.1:0']
		const done = await run(binary, serve)
		assert.ok(done.status > 0, JSON.stringify(done))
		assert.match(done.stderr, /read-only/i)
	}))

	/* ---- names ---- */

	for (const [what, records] of [['says nothing', null], ['knows no such name', undefined]])
		it(`the name server ${what}: calls and refreshes fail as such, and nothing is disconnected`, async () => {
			const link = await world.connected('named')
			await addService(drawbridge, bearerService(`by_name_${what.length}`, { url: world.api.url.replace('127.0.0.1', 'api.test') }))
			const key = await world.steady(`by_name_${what.length}`)
			Object.assign(dns.names, { 'tokens.test': records, 'api.test': records })
			const called = await drawbridge.via(key, '/alone') /* no connection is there already */
			assertProblem(called, [502, 504])
			assert.ok(called.headers['drawbridge-error'])
			assertProblem(await world.refresh(link), 503)
			assert.equal((await drawbridge.connection(link)).status, 'connected')
			Object.assign(dns.names, { 'tokens.test': ['127.0.0.1'], 'api.test': ['127.0.0.1'] })
			await eventually('names to be found again', async () => (await world.refresh(link)).status === 200)
			assert.equal((await drawbridge.via(key, '/alone')).status, 200)
			assert.equal(server.reused, 0)
		})

	/* ---- services that hang ---- */

	it('a service that does not take the connection: 504 within the time for that', async () => {
		const source = 'const s = require("net").createServer().listen(0, "127.0.0.1", 1, () => console.log(s.address().port))'
		const deaf = startProcess(scope, process.execPath, ['-e', source], { stop: { signal: 'SIGKILL' } })
		const [, port] = await deaf.says(/(\d+)\n/)
		process.kill(deaf.pid, 'SIGSTOP')
		const crowd = Array.from({ length: 8 }, () => net.connect(port, '127.0.0.1').on('error', () => {}))
		scope.after(() => crowd.forEach((socket) => socket.destroy()))
		await sleep(500)
		await addService(drawbridge, bearerService('deaf', { url: `http://127.0.0.1:${port}` }))
		const { answer, ms } = await timed(drawbridge.via(await world.steady('deaf'), '/'))
		assertProblem(answer, 504)
		assert.equal(answer.headers['drawbridge-error'], 'upstream_timeout')
		assert.ok(ms > 3000 && ms < 15_000, `${ms} ms`)
	})

	it('a service that says nothing to the TLS handshake: 504', async () => {
		const port = await listen(scope, net.createServer())
		await addService(drawbridge, bearerService('mute', { url: `https://127.0.0.1:${port}` }, { allow_http: undefined }))
		const { answer, ms } = await timed(drawbridge.via(await world.steady('mute'), '/'))
		assertProblem(answer, 504)
		assert.equal(answer.headers['drawbridge-error'], 'upstream_timeout')
		assert.ok(ms < 15_000, `${ms} ms`)
	})

	it('a service that never answers: 504 after the time that the caller gave', async () => {
		const { answer, ms } = await timed(drawbridge.via(world.key, '/hang', { headers: { 'drawbridge-timeout': '1' } }))
		assertProblem(answer, 504)
		assert.ok(ms < 5000, `${ms} ms`)
		await world.works(world.key)
	})

	it('a service hangs within its body: a client that resets its connection frees the service', async () => {
		let gone = false
		const port = await listen(scope, net.createServer((socket) => socket.on('close', () => { gone = true })
			.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'))))
		await addService(drawbridge, bearerService('half', { url: `http://127.0.0.1:${port}` }))
		const answer = await drawbridge.via(await world.steady('half'), '/', { stream: true })
		assert.equal(String(await new Promise((resolve) => answer.once('data', resolve))), 'half')
		await world.works(world.key)
		answer.on('error', () => {})
		answer.socket.resetAndDestroy()
		await eventually('the service to be freed', () => gone)
	})

	it('the front hangs: callers wait, none is refused, and all are answered when it goes on', async () => {
		const calls = await hanging(world, 'front', async () => {
			const waiting = Array.from({ length: 20 }, () => drawbridge.via(world.key, '/echo'))
			assert.equal(await Promise.race([sleep(2000), ...waiting]), undefined)
			return { waiting }
		})
		for (const { status } of await Promise.all(calls.waiting))
			assert.equal(status, 200)
	})

	/* ---- what was begun before ---- */

	it('the store is locked by somebody: changes are told to come again, calls go on, and the keeper\'s news come later', async () => {
		const { apart, answers: [changed, refreshed, refused], ended, lost } = await beside.store
		for (const { answer, ms } of [changed, refreshed]) {
			assertProblem(answer, 503)
			assert.ok(ms < 60_000, `${ms} ms`)
		}
		assert.notEqual(refused.answer.status, 200)
		await eventually('what the keeper told meanwhile', async () =>
			(await apart.drawbridge.connection(ended)).status === 'needs_reconnect')
		await apart.drawbridge.must('PUT', '/v1/globals/locked', { value: 'x' })
		assert.equal((await apart.refresh(apart.oauth)).status, 200)
		assert.equal(apart.server.reused, 0)
		const calls = async () => (await apart.drawbridge.must('GET', `/v1/connections/${apart.key}/calls`)).items.length
		const before = await calls()
		await apart.works(apart.key)
		await eventually('records of calls to be written again', async () => await calls() > before)
		await eventually('each call to be written or counted as lost', async () => {
			const written = Number(await mustRun('sqlite3', [join(apart.drawbridge.data, 'store/drawbridge.db'), 'SELECT count(*) FROM calls']))
			const [lostNow, all] = await Promise.all(['records_lost_total', 'calls_total'].map((name) => metric(apart.drawbridge, name)))
			if (lostNow < lost || written + lostNow !== all)
				throw new Error(`${written} written, ${lostNow} lost, ${all} calls`)
			return true
		})
	})

	it('a token endpoint hangs: who forces a refresh is told after 18 s, others do not notice', async () => {
		const { apart, called, refreshed } = await beside.token
		assert.equal(called.answer.status, 200)
		assert.ok(called.ms < 5000, `${called.ms} ms`)
		assertProblem(refreshed.answer, [503, 504])
		assertAfter(18, refreshed)
		await eventually('the next refresh', async () => (await apart.refresh(apart.oauth)).status === 200)
		assert.equal(apart.server.reused, 0)
	})

	it('the exchanger hangs: a refresh fails after 20 s, calls go on, and no refresh token is sent late', async () => {
		const { apart, refreshed, called } = await beside.exchanger
		assert.equal(called.status, 200)
		assertProblem(refreshed.answer, [503, 504])
		assertAfter(20, refreshed)
		await eventually('the next refresh', async () => (await apart.refresh(apart.oauth)).status === 200)
		assert.equal(apart.server.reused, 0)
		assert.equal((await apart.drawbridge.connection(apart.oauth)).status, 'connected')
	})

	it('the keeper hangs: calls whose credential is here go on, the others are told, /readyz says no', async () => {
		const { apart, fresh, cached, uncached, refreshed, ready } = await beside.keeper
		assert.equal(cached.status, 200)
		assert.equal(ready.status, 503)
		for (const [late, seconds] of [[uncached, 35], [refreshed, 40]]) {
			assertProblem(late.answer, [503, 504])
			assertAfter(seconds, late)
		}
		await eventually('everything', async () => (await apart.refresh(apart.oauth)).status === 200)
		await apart.works(fresh)
		assert.equal(apart.server.reused, 0)
	})
})
