// SPDX-License-Identifier: Apache-2.0
/*
 * The world in which processes are killed: a server of a build with steps, two providers (one that rotates its
 * refresh tokens and detects reuse, one that does not), an API that tells whose token a call came with, and what must
 * be true of them whatever is killed.
 *
 * What is found wrong goes to `wrong`, by kind:
 *
 *   lost       a grant is gone although it was not in doubt
 *   double     a refresh token was sent again, and nobody had been killed meanwhile
 *   early      a token was used that was never committed
 *   foreign    a call was answered with another call's or another account's answer
 *   leaks      a secret is in the log or in a file
 *   status     status or reason say what is not so, or a connection does not come back
 *   integrity  a database is damaged
 *   keys       a rotation does not end, or a credential does not open after it
 *   crashes    a role ended without being killed, or outlived its parent
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { startApi } from './api.mjs'
import { connect, redirectUris } from './consent.mjs'
import { bearerService, oauthService } from './definitions.mjs'
import { binary, startDrawbridge } from './drawbridge.mjs'
import { request } from './http.mjs'
import { scanForSecrets } from './known_secrets.mjs'
import { killQuietly, mustRun } from './process.mjs'
import { eventually, freePort, sleep, temporaryFolder } from './scope.mjs'
import { consentByItself, startScripted } from './scripted.mjs'
import { Steps } from './steps.mjs'
import { addService, newConnection } from './worlds.mjs'

export const kinds = ['lost', 'double', 'early', 'foreign', 'leaks', 'status', 'integrity', 'keys', 'crashes']

/* A request may be seen here that much after the kill that ended its sender, and as much later as we are late. */
const lateMs = 150

/*
 * By how many ms this process itself was late: the machine may be busy. What happened at a time may have been seen that
 * much later, and it may be asked about long after; so a minute of it is kept. (Looking at the last seconds alone took a
 * request that had left before a kill, and was seen after it, for one that nobody had died of.)
 */
class Lag {
	#seen = []

	start(scope) {
		let due = performance.now() + 20
		const timer = setInterval(() => {
			const now = performance.now()
			this.#seen.push({ at: now, ms: Math.max(0, now - due) })
			this.#seen = this.#seen.filter(({ at }) => at > now - 60_000)
			due = now + 20
		}, 20)
		scope.after(() => clearInterval(timer))
	}

	/* The worst since a time, told up to now. */
	worst(since) {
		return this.#seen.reduce((worst, { at, ms }) => at >= since - 1000 ? Math.max(worst, ms) : worst, 0)
	}
}
const lag = new Lag()
const named = /\b(?:access|refresh|code|bearer)-[0-9a-f]{24}\b/

export async function startKillsWorld(scope, random, options = {}) {
	const world = new KillsWorld(scope, random, options)
	await world.start()
	return world
}

class KillsWorld {
	constructor(scope, random, { keyElsewhere }) {
		Object.assign(this, { scope, random, keyElsewhere, wrong: [], kills: [], inDoubt: 0, used: new Set(), condemned: new Set(),
			tokenOf: new Map(), bearers: new Map(), now: 'the start', logAt: 0, killsOfServer: new Map(), calls: 0,
			good: 0, marker: 0, fresh: new Map() })
	}

	async start() {
		lag.start(this.scope)
		const port = await freePort()
		const start = (id) => startScripted(this.scope, { redirectUris: redirectUris(port, id) })
		this.providers = { turning: this.#watch(await start('turning'), true),
			lasting: this.#watch(await start('lasting'), false) }
		this.api = await startApi(this.scope, { check: (token) => this.#arrived(token), routes: {
			'/who': (request, response, { entry }) => {
				response.writeHead(200, { 'content-type': 'application/json' })
				response.end(JSON.stringify({ account: this.accountOf(entry.token), path: entry.path }))
			}
		} })
		this.steps = new Steps(this.scope)
		if (this.keyElsewhere) {
			this.keyFile = join(temporaryFolder(this.scope), 'key')
			await mustRun(binary, ['keyring', 'make', this.keyFile])
		}
		this.drawbridge = await startDrawbridge(this.scope, { port, ...this.steps.options,
			flags: this.keyFile ? ['--key-file', this.keyFile] : [] })
		this.killsOfServer = new Map()
		for (const [id, provider] of Object.entries(this.providers)) {
			const definition = oauthService(id, provider, this.api, { refresh: { rotates: provider.rotates } })
			definition.methods.oauth.answer = { account: 'user' }
			await addService(this.drawbridge, definition, provider.client)
		}
		await addService(this.drawbridge, bearerService('key', { url: this.api.url, base: { tests: [{ path: '/who' }] } }))
		this.links = { turning: [], lasting: [], key: [] }
		for (const service of ['turning', 'turning', 'turning', 'lasting', 'lasting'])
			await this.newOAuth(service)
		for (let n = 0; n < 2; n++)
			await this.newKey()
	}

	async newOAuth(service) {
		const link = await this.newLink(service)
		this.links[service].push(link)
		await this.consent(link)
	}

	/* A connection that has no grant yet. */
	async newLink(service) {
		const { link_name: link } = await newConnection(this.drawbridge, service, { scopes: ['tickets.read'] })
		this.fresh.set(link, service)
		return link
	}

	/* Its grant is revoked, and it is no more. */
	async endLink(link) {
		const done = (method, path) => eventually(`${method} ${path}`, async () => {
			const answer = await this.drawbridge.api(method, path)
			return answer.status < 300 && answer
		}, { timeout: 25_000, every: 100 })
		const revoked = await done('POST', `/v1/connections/${link}/revoke`)
		await done('DELETE', `/v1/connections/${link}`)
		this.fresh.delete(link)
		return revoked.json
	}

	async newKey() {
		const token = `bearer-${this.#hex()}`
		const { link_name: link } = await newConnection(this.drawbridge, 'key', { credentials: { token } })
		this.links.key.push(link)
		this.bearers.set(token, link)
	}

	nextKey(link) {
		const token = `bearer-${this.#hex()}`
		this.bearers.set(token, link)
		return token
	}

	#hex() {
		return Array.from({ length: 24 }, () => this.random.below(16).toString(16)).join('')
	}

	serviceOf(link) {
		return this.fresh.get(link) ?? Object.keys(this.links).find((service) => this.links[service].includes(link))
	}

	/* ---- the providers ---- */

	/* Every token request is written down; each takes some time. */
	#watch(provider, rotates) {
		const run = provider.faults.run.bind(provider.faults)
		let issued
		Object.assign(provider, { rotates, events: [] })
		provider.answer = (body) => {
			issued = body
			return { ...body, user: provider.access.get(body.access_token).account }
		}
		provider.faults.run = async (where, response, work) => {
			if (where !== 'token')
				return run(where, response, work)
			const { form } = provider.requests.pop()
			const event = { sent: form.refresh_token, start: performance.now() }
			provider.events.push(event)
			this.#begun(provider, event)
			await sleep(this.random.below(20))
			return run(where, response, async () => {
				issued = undefined
				const done = work()
				event.issued = issued?.access_token
				event.account = provider.access.get(event.issued)?.account
				event.end = performance.now()
				await done
			})
		}
		return provider
	}

	/* A refresh token that was sent before: whoever sent it must have been killed since. */
	#begun(provider, event) {
		if (!event.sent)
			return
		const former = provider.events.findLast((each) => each !== event && each.sent === event.sent)
		if (!former || (!provider.rotates && former.end))
			return
		const kill = this.kills.findLast(({ victim }) => victim !== 'front')
		const late = lag.worst(former.start)
		if (!(kill?.at > former.start - lateMs - late))
			this.fault('double', `${provider.rotates ? 'turning' : 'lasting'}: a refresh token was sent again after `
				+ `${Math.round(event.start - former.start)} ms, ${Math.round(event.start - (kill?.at ?? 0))} ms after the last kill; `
				+ `we were ${Math.round(late)} ms late`)
		if (provider.rotates && former.issued) {
			this.condemned.add(former.issued)
			if (this.used.has(former.issued))
				this.fault('early', 'a token was used, and the one before it is still stored')
		}
	}

	/* The token that was issued for a connection since a try of it began. */
	lastIssued({ link, service, begun }) {
		return this.providers[service].events?.findLast(({ account, start }) => account === link && start > begun)?.issued
	}

	/* Events that can say nothing more are forgotten, or looking through them would take ever longer. */
	forget() {
		for (const provider of Object.values(this.providers)) {
			provider.events.splice(0, Math.max(0, provider.events.length - 300))
			provider.authorizations.length = 0
			provider.revocations.length = 0
		}
		this.api.requests.splice(0, this.api.requests.length)
		this.kills.splice(0, Math.max(0, this.kills.length - 300))
	}

	/* ---- the API ---- */

	accountOf(token) {
		return this.bearers.get(token) ?? this.providers.turning.accountOf(token) ?? this.providers.lasting.accountOf(token)
	}

	#arrived(token) {
		this.used.add(token)
		if (this.condemned.has(token))
			this.fault('early', 'a call came with a token that was never committed')
		const account = this.accountOf(token)
		if (account)
			this.tokenOf.set(account, token)
		return account
	}

	/* A call through a connection; an answer must be this call's own. Gives its status, 0 when none came. */
	async call(link) {
		const path = `/who?call=${this.marker += 1}`
		this.calls += 1
		let answer
		try {
			answer = await this.drawbridge.via(link, path, { timeout: 40_000 })
		} catch {
			return 0
		}
		if (answer.status === 200 && (answer.json?.account !== link || answer.json?.path !== path))
			this.fault('foreign', `${link} ${path} was answered with ${answer.text}`)
		if (answer.status !== 200 && answer.status !== 401 && !answer.headers['drawbridge-error'])
			this.fault('foreign', `${link}: ${answer.status} ${answer.text} is nobody's answer`)
		this.good += answer.status === 200
		return answer.status
	}

	/* ---- people ---- */

	async consent(link) {
		this.providers[this.serviceOf(link)].account = link
		return connect(this.drawbridge, link, consentByItself)
	}

	async statusOf(link) {
		const { status, reason } = await this.drawbridge.connection(link)
		return { status, reason: reason ?? '' }
	}

	/* ---- keys ---- */

	/* Of the machine's own socket; undefined while there is no server. */
	async keyring(method = 'GET', body = undefined) {
		const socketPath = join(this.drawbridge.data, 'drawbridge.sock')
		const path = method === 'GET' ? '/v1/keyring' : '/v1/keyring/rotate'
		const answer = await request({ path }, { socketPath, method, body, timeout: 20_000 }).catch(() => undefined)
		return answer && { ...answer.json, answer: answer.status }
	}

	/* Whichever keeper it takes; gives the keyring. */
	rotationEnds() {
		return eventually('the rotation to end', async () => {
			const ring = await this.keyring()
			return ring?.answer === 200 && (ring.rotation?.phase ?? 'ended') === 'ended' && ring
		}, { timeout: 30_000, every: 20 })
	}

	/*
	 * Begins one. A key that is kept elsewhere is made by the command; what it leaves there, and nobody names, is thrown
	 * away, as people are told. Gives the answer, or nothing.
	 */
	async rotate() {
		if (!this.keyFile)
			return this.keyring('POST', { data_keys: true })
		const next = `${this.keyFile}.new`
		const ring = await this.rotationEnds()
		if (existsSync(next) && readFileSync(next).subarray(32).toString('hex') !== ring.id)
			rmSync(next)
		const done = await this.drawbridge.cli(['keyring', 'rotate', '--data-keys', '--no-wait'], { timeout: 40_000 })
		return done.status === 0 ? { answer: 202 } : undefined
	}

	/* What a start with --key-file finds is the key in use: in the file, or in the one beside it. */
	#checkKeyElsewhere(id) {
		const stored = [this.keyFile, `${this.keyFile}.new`].filter((file) => existsSync(file))
			.map((file) => readFileSync(file).subarray(32).toString('hex'))
		if (!stored.includes(id))
			this.fault('keys', `the key files are of ${stored}, and ${id} is in use`)
	}

	/* The key file is that of the key in use, and nothing is left over. */
	checkKeyFile(id) {
		if (this.keyFile) {
			this.#checkKeyElsewhere(id)
			return
		}
		const folder = join(this.drawbridge.data, 'keeper')
		const stored = readFileSync(join(folder, 'master.key')).subarray(32).toString('hex')
		if (stored !== id)
			this.fault('keys', `the key file is of ${stored}, and ${id} is in use`)
		if (existsSync(join(folder, 'master.key.next')))
			this.fault('keys', 'the next key lies about')
	}

	/* ---- kills ---- */

	pidOf(role) {
		return role === 'parent' ? this.drawbridge.server.pid : this.drawbridge.role(`--role=${role}`)
	}

	/* Pauses before a restart double with each death, so a server that has had some is ended as a whole. */
	victimFor(wanted) {
		return (this.killsOfServer.get(wanted) ?? 0) >= 2 ? 'parent' : wanted
	}

	async kill(victim) {
		const pid = this.pidOf(victim)
		if (!pid)
			return false
		const roles = victim === 'parent' ? this.drawbridge.roles().map((each) => each.pid) : []
		this.kills.push({ at: performance.now(), victim })
		this.killsOfServer.set(victim, (this.killsOfServer.get(victim) ?? 0) + 1)
		killQuietly(pid, 'SIGKILL')
		if (victim === 'parent')
			await this.#parentIsGone(roles)
		return true
	}

	/* What the databases and their logs look like then is looked at too: the next start tidies up. */
	async #parentIsGone(roles) {
		await this.drawbridge.server.ended
		await eventually('the roles to follow their parent', () => !roles.some((pid) => existsSync(`/proc/${pid}/exe`)),
			{ timeout: 5000, every: 5 }).catch((error) => this.fault('crashes', error.message))
		this.readLog()
		this.#readFiles()
		await this.checkDatabases()
	}

	/* Tokens as they are, which have a form of their own here. */
	#readFiles() {
		for (const file of this.drawbridge.files()) {
			const found = named.exec(readFileSync(file, 'latin1'))
			if (found)
				this.fault('leaks', `${file} has ${found[0]}`)
		}
	}

	/* Until it serves again. */
	async recover() {
		if (this.drawbridge.server.end) {
			this.killsOfServer = new Map()
			this.logAt = 0
			await this.drawbridge.start()
		} else {
			await this.drawbridge.ready()
		}
	}

	/* ---- what must be true ---- */

	fault(kind, what) {
		this.wrong.push({ kind, what: `${what} (${this.now})` })
	}

	/* The log since it was last read: no secret, no role that ended by itself. */
	readLog() {
		const { log } = this.drawbridge
		const fresh = log.slice(this.logAt)
		this.logAt = log.length
		if (named.test(fresh) || fresh.includes('s3cret of:scripted') || fresh.includes(this.drawbridge.key))
			this.fault('leaks', `the log has ${named.exec(fresh)?.[0] ?? 'a secret'}`)
		for (const line of fresh.split('\n'))
			if (/a role has ended/.test(line) && !/signal.*\b9\b/.test(line))
				this.fault('crashes', line)
			else if (/Sanitizer|assertion|runtime error:/i.test(line))
				this.fault('crashes', line)
		const deaths = log.match(/a role has ended/g)?.length ?? 0
		const killed = [...this.killsOfServer].reduce((sum, [role, count]) => sum + (role === 'parent' ? 0 : count), 0)
		if (deaths > killed)
			this.fault('crashes', `${deaths} roles have ended, ${killed} were killed`)
	}

	/* Every secret that was seen so far, in any spelling, in the log and in every file. */
	checkLeaks() {
		try {
			scanForSecrets(this.drawbridge.files(), this.drawbridge.log)
		} catch (error) {
			this.fault('leaks', error.message)
		}
	}

	async #query(file, sql) {
		return (await mustRun('sqlite3', ['-readonly', join(this.drawbridge.data, file), '.timeout 5000', sql])).trim()
	}

	async checkDatabases() {
		for (const file of ['keeper/grants.db', 'store/drawbridge.db']) {
			const said = await this.#query(file, 'PRAGMA integrity_check; PRAGMA foreign_key_check').catch((error) => error.message)
			if (said !== 'ok')
				this.fault('integrity', `${file}: ${said}`)
		}
	}

	/* What the keeper has stored and what people are told are the same. */
	async checkStatus(link) {
		const id = await this.#query('store/drawbridge.db', `SELECT id FROM connections WHERE link_name = '${link}'`)
		await eventually(`${link} to be told as it is`, async () => {
			const stored = await this.#query('keeper/grants.db', `SELECT status FROM grants WHERE connection = '${id}'`)
			const { status } = await this.statusOf(link)
			if ((stored || 'not_connected') !== status)
				throw new Error(`stored: ${stored}, told: ${status}`)
			return true
		}, { timeout: 5000 }).catch((error) => this.fault('status', error.message))
	}
}
