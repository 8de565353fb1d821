// SPDX-License-Identifier: Apache-2.0
/*
 * After a walk with secrets that are known, a search for them: in every file of the data folder, in the log, in
 * whatever the API answers, and in the memory of the process that faces callers.
 */
import assert from 'node:assert/strict'
import { readFileSync, readdirSync, openSync, readSync, closeSync } from 'node:fs'
import { basename } from 'node:path'
import { before, it } from 'node:test'
import { consentAtOidc } from '../support/oidc.mjs'
import { keyService } from '../support/definitions.mjs'
import { connect } from '../support/consent.mjs'
import { owner, startDrawbridge } from '../support/drawbridge.mjs'
import { holds, spellings } from '../support/known_secrets.mjs'
import { eventually, scoped, suite, temporaryFolder } from '../support/scope.mjs'
import { addService, newConnection, startOidcWorld } from '../support/worlds.mjs'

suite('secrets', (scope) => {
	let world, drawbridge, oidc, link, keyLink
	const secrets = {}
	const apiKey = 'sk_test_5up3r-S3cret/key+of=tests'

	/* What the provider has seen so far. */
	function note() {
		for (const { fields } of oidc.seen.tokenRequests.splice(0))
			for (const [name, value] of fields)
				if (['code', 'code_verifier', 'refresh_token'].includes(name))
					secrets[`${name} ${Object.keys(secrets).length}`] = value
	}

	before(async () => {
		world = await startOidcWorld(scope)
		;({ drawbridge, oidc } = world)
		link = (await world.connected()).link_name
		await addService(drawbridge, keyService('by_key', world.api))
		keyLink = (await newConnection(drawbridge, 'by_key', { credentials: { api_key: apiKey } })).link_name
		await drawbridge.via(link, '/echo')
		await drawbridge.via(keyLink, '/echo')
		await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		await drawbridge.via(link, '/echo')
		await drawbridge.api('POST', `/v1/connections/${link}/test`)
		oidc.faults.on('token', { kind: 'status', status: 400, body: { error: 'invalid_grant' } })
		const failing = (await world.fresh()).link_name
		await connect(drawbridge, failing, consentAtOidc).catch(() => undefined)
		oidc.faults.clear()
		note()
		Object.assign(secrets, { 'access token': world.api.requests.findLast(({ token }) => token).token,
			'api key': apiKey, 'client secret': oidc.clients.web.client_secret, password: owner.password,
			'admin key': drawbridge.key })
		await new Promise((resolve) => setTimeout(resolve, 1500)) /* call records are written in batches */
	})

	it('there is something to look for, and it would be found', () => {
		assert.ok(Object.keys(secrets).length >= 9, Object.keys(secrets).join())
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

	/* A code passes through it, spent, and of no use without its verifier. */
	it('after load no refresh token, client secret, verifier or master key is in the memory of the front', async () => {
		const failed = new Set()
		for (let round = 0; round < 3; round++) {
			await Promise.all(Array.from({ length: 100 }, async (_, n) => {
				const { status } = await drawbridge.via(n % 2 ? link : keyLink, '/echo')
				if (n % 2 && status !== 200) /* the API takes tokens alone */
					failed.add(status)
			}))
			await drawbridge.must('POST', `/v1/connections/${link}/refresh`)
		}
		assert.deepEqual([...failed], [])
		await world.connected()
		note()
		const master = readFileSync(drawbridge.files().find((file) => basename(file) === 'master.key')).subarray(0, 32)
		const memory = readMemory(drawbridge.role('front'))
		assert.ok(memory.includes(Buffer.from(apiKey)), 'the injection in use is found: the memory is read')
		assert.ok(!memory.includes(master), 'the master key')
		for (const [name, secret] of Object.entries(secrets))
			if (/refresh_token|client secret|code_verifier/.test(name))
				assert.ok(!memory.includes(Buffer.from(secret)), name)
	})

	it('the exchanger keeps nothing of what it was asked, and has no master key', () => {
		const memory = readMemory(drawbridge.role('exchanger'))
		const master = readFileSync(drawbridge.files().find((file) => basename(file) === 'master.key')).subarray(0, 32)
		assert.ok(memory.includes('exchanger'), 'the memory is read')
		assert.ok(!memory.includes(master), 'the master key')
		for (const [name, secret] of Object.entries(secrets))
			if (!/api key|password|admin key/.test(name))
				assert.ok(!memory.includes(Buffer.from(secret)), name)
	})

	it('a role that crashes leaves no core file', scoped(async (inner) => {
		const cwd = temporaryFolder(inner, 'drawbridge-cwd')
		const crashing = await startDrawbridge(inner, { cwd })
		for (const role of ['keeper', 'exchanger', 'front']) {
			const pid = crashing.role(`--role=${role}`)
			process.kill(pid, 'SIGSEGV')
			await eventually(`another ${role}`, () => ![pid, undefined].includes(crashing.role(`--role=${role}`)))
		}
		await crashing.ready()
		assert.deepEqual([...readdirSync(cwd), ...crashing.files().map((file) => basename(file))]
			.filter((name) => name.startsWith('core')), [])
	}))

	it('files are for their owner alone', async () => {
		const { statSync } = await import('node:fs')
		assert.equal(statSync(drawbridge.data).mode & 0o777, 0o700)
		for (const file of drawbridge.files())
			assert.equal(statSync(file).mode & 0o077, 0, file)
	})
})

/* All readable memory of a process. */
function readMemory(pid) {
	const memory = openSync(`/proc/${pid}/mem`, 'r')
	const parts = []
	for (const line of readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
		const match = /^([0-9a-f]+)-([0-9a-f]+) r\S+ \S+ \S+ \S+\s*(.*)$/.exec(line)
		if (!match || match[3] === '[vvar]' || match[3] === '[vsyscall]')
			continue
		const [start, end] = [BigInt(`0x${match[1]}`), BigInt(`0x${match[2]}`)]
		const part = Buffer.alloc(Number(end - start))
		try {
			readSync(memory, part, 0, part.length, start)
			parts.push(part)
		} catch {
			/* a guard page */
		}
	}
	closeSync(memory)
	return Buffer.concat(parts)
}
