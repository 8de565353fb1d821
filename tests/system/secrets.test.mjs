// SPDX-License-Identifier: Apache-2.0
/*
 * After a walk with secrets that are known, a search for them: in every file of the data folder, in the log, in
 * whatever the API answers, and in the memory of the process that faces callers.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chownSync, copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { before, it } from 'node:test'
import { consentAtOidc } from '../support/oidc.mjs'
import { clientCredentialsService, keyService } from '../support/definitions.mjs'
import { connect } from '../support/consent.mjs'
import { binary, owner, startDrawbridge } from '../support/drawbridge.mjs'
import { Search, holds } from '../support/known_secrets.mjs'
import { memoryOf } from '../support/memory.mjs'
import { run, startProcess } from '../support/process.mjs'
import { eventually, scoped, suite, temporaryFolder } from '../support/scope.mjs'
import { addService, newConnection, startOidcWorld } from '../support/worlds.mjs'

suite('secrets', (scope) => {
	let world, drawbridge, oidc, link, keyLink, machineLink
	const secrets = {}
	const apiKey = 'sk_test_5up3r-S3cret/key+of=tests'

	/* What the provider has seen and issued so far, the token that was never sent too. */
	function note() {
		const add = (name, value) => Object.values(secrets).includes(value)
			|| (secrets[`${name} ${Object.keys(secrets).length}`] = value)
		for (const { fields } of oidc.seen.tokenRequests.splice(0))
			for (const [name, value] of fields)
				if (['code', 'code_verifier', 'refresh_token'].includes(name))
					add(name, value)
		for (const { kind, value } of oidc.seen.issued.splice(0))
			add(kind, value)
	}

	const masterKey = () => readFileSync(join(drawbridge.data, 'keeper/master.key')).subarray(0, 32)

	/* The memory of a process, whole, and a search in it for all whose names match. */
	async function searched(pid, pattern, ...more) {
		const { bytes, mapped, secret } = await memoryOf(pid)
		assert.equal(bytes.length, mapped, 'every mapped byte was read')
		const values = Object.entries(secrets).filter(([name]) => pattern.test(name)).map(([, value]) => value)
		assert.ok(values.length > 0)
		const found = new Search([...values, ...more]).find(bytes)
		const named = Object.entries(secrets).find(([, value]) => value === found)?.[0]
		return { bytes, secret, found: named ?? (found && 'the master key') }
	}

	before(async () => {
		world = await startOidcWorld(scope)
		;({ drawbridge, oidc } = world)
		link = (await world.connected()).link_name
		await addService(drawbridge, keyService('by_key', world.api))
		keyLink = (await newConnection(drawbridge, 'by_key', { credentials: { api_key: apiKey } })).link_name
		const { client_id, client_secret } = oidc.clients.machine
		await addService(drawbridge, clientCredentialsService('by_machine', oidc, world.api), { client_id, client_secret })
		machineLink = (await newConnection(drawbridge, 'by_machine', { scopes: ['tickets.read'] })).link_name
		await drawbridge.via(machineLink, '/mine')
		await drawbridge.via(link, '/mine')
		await drawbridge.via(keyLink, '/mine')
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		await drawbridge.via(link, '/mine')
		await drawbridge.api('POST', `/v1/connections/${link}/test`)
		oidc.faults.on('token', { kind: 'status', status: 400, body: { error: 'invalid_grant' } })
		const failing = (await world.fresh()).link_name
		await connect(drawbridge, failing, consentAtOidc).catch(() => undefined)
		oidc.faults.clear()
		note()
		Object.assign(secrets, { 'access token': world.api.requests.findLast(({ token }) => token).token,
			'api key': apiKey, 'client secret': oidc.clients.web.client_secret, 'client secret of a machine': client_secret,
			password: owner.password,
			'admin key': drawbridge.key })
		await new Promise((resolve) => setTimeout(resolve, 1500)) /* call records are written in batches */
	})

	it('there is something to look for, and it would be found', () => {
		for (const [kind, count] of [['code', 1], ['code_verifier', 1], ['refresh_token', 2], ['access_token', 3], ['client secret', 2]])
			assert.ok(Object.keys(secrets).filter((name) => name.startsWith(kind)).length >= count, `${kind}: ${Object.keys(secrets)}`)
		for (const secret of Object.values(secrets))
			assert.ok(secret.length >= 16, secret)
		assert.ok(holds(`x ${Buffer.from(apiKey).toString('base64')} y`, apiKey))
		const all = drawbridge.files().map((file) => readFileSync(file).toString('latin1')).join('')
		assert.ok(all.includes('connection.create'), 'the database files are read')
	})

	it('no secret is in any file of the data folder', () => {
		const master = drawbridge.files().find((file) => basename(file) === 'master.key')
		assert.ok(master)
		for (const file of drawbridge.files()) {
			const bytes = readFileSync(file)
			if (file !== master)
				assert.ok(!bytes.includes(readFileSync(master).subarray(0, 32)), `the master key is in ${file}`)
			for (const [name, secret] of Object.entries(secrets))
				assert.ok(!holds(bytes.toString('latin1'), secret), `${name} is in ${file}`)
		}
	})

	it('no secret is in the log', () => {
		for (const [name, secret] of Object.entries(secrets))
			assert.ok(!holds(drawbridge.log, secret), `${name} is in the log`)
	})

	it('no secret is in an answer of the API', async () => {
		const paths = ['/v1/connections', `/v1/connections/${link}`, `/v1/connections/${keyLink}`, '/v1/services',
			`/v1/services/${world.service}`, `/v1/services/${world.service}/app`, '/v1/calls', '/v1/audit', '/v1/members',
			'/v1/keys', '/v1/me', `/v1/connections/${link}/calls`, `/v1/connections/${link}/usage`, '/metrics', '/healthz']
		for (const path of paths) {
			const answer = await drawbridge.api('GET', path)
			assert.equal(answer.status, 200, `${path}: ${answer.text}`)
			const whole = answer.text + JSON.stringify(answer.headers)
			for (const [name, secret] of Object.entries(secrets))
				assert.ok(!holds(whole, secret), `${name} is in ${path}`)
		}
	})

	/*
	 * A code passes through it, spent, and of no use without its verifier. No service here echoes a token, which would
	 * stand in a buffer of the wire then until that is used again (SECURITY.md).
	 */
	it('after load no refresh token, client secret, verifier or master key is in the memory of the front, nor a former token', async () => {
		const failed = new Set()
		for (let round = 0; round < 3; round++) {
			await Promise.all(Array.from({ length: 60 }, async (_, n) => {
				const { status } = await drawbridge.via([link, keyLink, machineLink][n % 3], '/mine')
				if (n % 3 !== 1 && status !== 200) /* the API takes tokens alone */
					failed.add(status)
			}))
			await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		}
		assert.deepEqual([...failed], [])
		const { link_name: other } = await world.connected()
		note()
		const inUse = []
		for (const each of [link, machineLink, other]) {
			await drawbridge.via(each, '/mine')
			inUse.push(world.api.last().token)
		}
		const { bytes, secret, found } = await searched(drawbridge.role('front'), /refresh_token|client secret|code_verifier|id_token|password/, masterKey())
		assert.equal(found, undefined)
		assert.ok(bytes.includes(apiKey), 'the injection in use is found: the memory is read')
		const former = Object.entries(secrets).filter(([name, value]) => name.startsWith('access_token') && !inUse.includes(value))
		assert.ok(former.length >= 4, `${former.length} former access tokens`)
		assert.ok(inUse.every((token) => secret.includes(token)), 'those in use are kept there')
		assert.deepEqual(former.filter(([, value]) => new Search([value]).find(bytes)).map(([name]) => name), [])
	})

	it('a key that was replaced, revoked, deleted or disabled is gone from the front\'s memory', async () => {
		const keys = Object.fromEntries(['replaced', 'revoked', 'deleted', 'disabled'].map((name) =>
			[name, `sk_test_${name}-${randomBytes(12).toString('hex')}`]))
		const links = {}
		for (const [name, value] of Object.entries(keys)) {
			links[name] = (await newConnection(drawbridge, 'by_key', { credentials: { api_key: value } })).link_name
			await drawbridge.via(links[name], '/echo')
		}
		const front = drawbridge.role('front')
		const found = async (part) => {
			const { bytes, mapped, secret } = await memoryOf(front)
			assert.equal(bytes.length, mapped, 'every mapped byte was read')
			return Object.keys(keys).filter((name) => (part === 'kept' ? secret : bytes).includes(keys[name]))
		}
		assert.deepEqual(await found('kept'), Object.keys(keys), 'they would be found')
		const inUse = `sk_test_in-use-${randomBytes(12).toString('hex')}`
		await drawbridge.must('PUT', `/v1/connections/${links.replaced}/credentials?force=true`, { api_key: inUse })
		await drawbridge.must('POST', `/v1/connections/${links.revoked}/revoke`)
		await drawbridge.must('DELETE', `/v1/connections/${links.deleted}`)
		await drawbridge.must('POST', `/v1/connections/${links.disabled}/disable`)
		const calls = () => Promise.all(Array.from({ length: 20 }, (_, n) => drawbridge.via([links.replaced, link][n % 2], '/echo')))
		await calls()
		assert.deepEqual(await found('kept'), [])
		await eventually('the buffers of the wire to be used again', async () => {
			await calls()
			return (await found()).length === 0
		})
		keys.used = inUse
		assert.deepEqual(await found(), ['used'])
	})

	it('the exchanger keeps nothing of what it was asked, and has no master key', async () => {
		const { bytes, found } = await searched(drawbridge.role('exchanger'), /^(?!api key|password|admin key)/, masterKey())
		assert.ok(bytes.includes('exchanger'), 'the memory is read')
		assert.equal(found, undefined)
	})

	it('the keeper has its master key, and nothing in the clear that is sealed in its database', async () => {
		const { bytes, found } = await searched(drawbridge.role('keeper'), /^(?!api key)/)
		assert.ok(bytes.includes(masterKey()), 'the memory is read')
		assert.equal(found, undefined)
	})

	it('the parent has nothing of it', async () => {
		const { bytes, found } = await searched(drawbridge.server.pid, /./, masterKey())
		assert.ok(bytes.includes(drawbridge.data), 'the memory is read')
		assert.equal(found, undefined)
	})

	/*
	 * To whom a process that can be dumped belongs, its files in /proc do; those of any other are the superuser's, and
	 * so nobody else attaches to it, and a core of it that the kernel pipes to a program would be the superuser's too.
	 */
	it('none of the processes can be dumped, or looked into by others of the same user', scoped(async (inner) => {
		const user = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {}
		const folder = temporaryFolder(inner)
		const [program, data] = ['drawbridge', 'data'].map((name) => join(folder, name))
		copyFileSync(binary, program)
		mkdirSync(data, { mode: 0o700 })
		for (const path of user.uid ? [folder, program, data] : [])
			chownSync(path, user.uid, user.gid)
		const server = await startDrawbridge(inner, { binary: program, data, owner: false, cwd: folder, ...user })
		const ordinary = startProcess(inner, 'sleep', ['60'], { ...user, cwd: folder })
		const ownerOf = (pid) => statSync(`/proc/${pid}/mem`).uid
		const me = user.uid ?? process.getuid()
		await eventually('an ordinary process is its user\'s own', () => ownerOf(ordinary.pid) === me)
		const assertLocked = () => {
			for (const { pid, title } of [{ pid: server.server.pid, title: 'the parent' }, ...server.roles()]) {
				assert.notEqual(ownerOf(pid), me, title)
				assert.match(readFileSync(`/proc/${pid}/status`, 'latin1'), new RegExp(`^Uid:\\t${me}\\t`, 'm'), title)
				assert.match(readFileSync(`/proc/${pid}/limits`, 'latin1'), /Max core file size +0 +0 /, title)
			}
		}
		assertLocked()
		process.kill(server.server.pid, 'SIGUSR2') /* and after an upgrade, which is another exec */
		await eventually('the new program', () => /the parent goes on as a new program/.test(server.log))
		assertLocked()
	}))

	/*
	 * Limits are raised from outside first, where that is allowed, so that what is left is that none of them can be dumped.
	 * An ordinary process shows whether this machine makes cores; what the kernel says of one counts where it pipes them.
	 */
	it('whoever crashes leaves no core file, whatever the limits are', scoped(async (inner) => {
		const cwd = temporaryFolder(inner, 'drawbridge-cwd')
		const raise = 'prlimit --pid "$1" --core=unlimited:unlimited'
		const allowed = await run('bash', ['-c', 'ulimit -c 0; set -- "$$"; ' + raise])
		const unlimited = async (pid) => {
			const { status, stderr } = await run('bash', ['-c', raise, 'bash', String(pid)])
			assert.equal(status, allowed.status, `${stderr}; of an ordinary process: ${allowed.stderr}`)
		}
		const ordinary = await run('bash', ['-c', 'ulimit -c unlimited && { bash -c \'kill -SEGV $$\'; :; }'], { cwd })
		assert.ok(/core dumped/.test(ordinary.stderr) || !readdirSync(cwd).length, ordinary.stderr)
		for (const name of readdirSync(cwd))
			rmSync(join(cwd, name))
		const crashing = await startDrawbridge(inner, { cwd })
		for (const role of ['keeper', 'exchanger', 'front']) {
			const pid = crashing.role(`--role=${role}`)
			await unlimited(pid)
			process.kill(pid, 'SIGSEGV')
			await eventually(`another ${role}`, () => ![pid, undefined].includes(crashing.role(`--role=${role}`)))
		}
		await crashing.ready()
		assert.equal(crashing.log.match(/"by":"signal","status":11,"core":0/g)?.length, 3, crashing.log)
		await unlimited(crashing.server.pid)
		process.kill(crashing.server.pid, 'SIGSEGV')
		await crashing.server.ended
		assert.deepEqual([...readdirSync(cwd), ...crashing.files().map((file) => basename(file))]
			.filter((name) => name.startsWith('core')), [])
	}))

	it('files are for their owner alone', () => {
		assert.equal(statSync(drawbridge.data).mode & 0o777, 0o700)
		for (const file of drawbridge.files())
			assert.equal(statSync(file).mode & 0o077, 0, file)
	})
})
