// SPDX-License-Identifier: Apache-2.0
/*
 * The command line: its help, its exit codes, and the whole walk by it alone, beside a running server, without one
 * and over HTTP.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { keyService } from '../support/definitions.mjs'
import { binary, owner, startDrawbridge } from '../support/drawbridge.mjs'
import { request } from '../support/http.mjs'
import { run } from '../support/process.mjs'
import { eventually, freePort, scoped, suite, temporaryFolder } from '../support/scope.mjs'

const drawbridge = (args, options) => run(binary, args, options)
const plainName = /^ {2}([a-z]+(?: [a-z]+)?)(?: |$)/

/* [name, summary] of every command, out of the help. */
async function commands() {
	const { stdout } = await drawbridge(['help'])
	return stdout.split('\n').filter((line) => /^ {2}[a-z]/.test(line)).map((line) => plainName.exec(line)[1])
}

suite('help', () => {
	const groups = ['service', 'app', 'connection', 'key', 'member', 'audit', 'keyring']

	it('without arguments the usage goes to standard error, with 2; --help and help say the same with 0', async () => {
		const bare = await drawbridge([])
		assert.deepEqual([bare.status, bare.stdout], [2, ''])
		for (const args of [['--help'], ['-h'], ['help']]) {
			const done = await drawbridge(args)
			assert.deepEqual([done.status, done.stdout, done.stderr], [0, bare.stderr, ''], args.join())
		}
	})

	it('every command explains itself, in two spellings', async () => {
		const all = await commands()
		assert.ok(all.length >= 35, all.join())
		for (const name of all) {
			const long = await drawbridge([...name.split(' '), '--help'])
			assert.deepEqual([long.status, long.stderr], [0, ''], name)
			assert.ok(long.stdout.startsWith(`usage: drawbridge ${name}`), name)
			const help = await drawbridge(['help', ...name.split(' ')])
			assert.deepEqual([help.status, help.stdout], [0, long.stdout], name)
		}
	})

	it('every option that help names is taken, and no other', async () => {
		for (const name of (await commands()).filter((each) => !['serve', 'demo', 'practice'].includes(each))) {
			const words = name.split(' ')
			const { stdout } = await drawbridge([...words, '--help'])
			const options = [...stdout.matchAll(/^ {2}(?:-\w )?--([a-z-]+)(?: (\S+))?/gm)]
			assert.ok(['data', 'url', 'ca-file', 'json', 'help'].every((each) => options.some(([, option]) => option === each)), name)
			for (const [, option, value] of options) {
				const done = await drawbridge([...words, `--${option}`, ...(value ? ['x'] : []), '--help'])
				assert.deepEqual([done.status, done.stdout], [0, stdout], `${name} --${option} ${value}`)
				if (value) {
					const bare = await drawbridge([...words, `--${option}`])
					assert.equal(bare.status, 2, `${name} --${option}`)
					assert.ok(bare.stderr.includes(option), bare.stderr)
				}
			}
			const stray = await drawbridge([...words, '--no-such-option'])
			assert.deepEqual([stray.status, stray.stdout], [2, ''], name)
			assert.match(stray.stderr, /^drawbridge: .*--no-such-option/)
			assert.ok(stray.stderr.includes(`usage: drawbridge ${name}`), stray.stderr)
		}
	})

	it('a group lists its commands; an unknown command is 2', async () => {
		for (const group of groups) {
			const help = await drawbridge([group, '--help'])
			assert.equal(help.status, 0)
			assert.ok(help.stdout.includes(`  ${group} `), help.stdout)
			assert.equal((await drawbridge([group])).status, 2)
			assert.equal((await drawbridge([group, 'nonsense'])).status, 2)
		}
		const unknown = await drawbridge(['nonsense'])
		assert.equal(unknown.status, 2)
		assert.match(unknown.stderr, /^drawbridge: there is no command "nonsense"/)
		assert.equal((await drawbridge(['help', 'nonsense'])).status, 2)
	})
})

/* The whole walk; cli(args, options) runs a command on the right server, and must end with options.status. */
async function walk(cli, api, folder) {
	const json = async (args, options) => JSON.parse((await cli([...args, '--json'], options)).stdout)
	const definition = join(folder, 'service.json')
	const limits = [{ of: 'calls', per: 'user', count: 100, window_s: 60, note: 'In the free plan.' },
		{ of: 'calls', per: 'account', count: 5 }, { of: 'token_requests', per: 'grant', count: 1, window_s: 90 }]
	const service = (name) => writeFileSync(definition, JSON.stringify({
		...keyService('cli_service', { url: api.url, base: { tests: [{ path: '/echo' }], rate_limits: limits } }), name }))

	service('By the command line')
	assert.equal((await json(['service', 'add', definition])).id, 'cli_service')
	writeFileSync(definition, JSON.stringify({ id: 'wrong', name: 'Wrong', methods: [], api: { base_urls: api.url, hosts: ['x'] } }))
	assert.match((await cli(['service', 'add', definition], { status: 1 })).stderr,
		/has \d problems\.(\n {2}\/\w[^ ]*: .+){2,}\n {2}docs\/service-definitions/)
	service('Renamed')
	await cli(['service', 'replace', 'cli_service', definition])
	const shown = (await cli(['service', 'show', 'cli_service'])).stdout
	assert.match(shown, /Renamed/)
	assert.match(shown, new RegExp(`^Hosts +${new URL(api.url).host}$`, 'm'), 'where the credential may go')
	assert.match(shown, new RegExp(`^Base URL +${api.url}$`, 'm'))
	assert.deepEqual(shown.match(/^Limits .*/gm)?.map((line) => line.replace(/^Limits +/, '')), [
		'calls: 100 in a minute for each user. In the free plan.', 'calls: 5 at the same time for each account.',
		'token requests: 1 in 90 seconds for each connection.'])
	assert.deepEqual((await json(['service', 'show', 'cli_service'])).rate_limits,
		limits.map((limit) => ({ window_s: 0, note: null, ...limit })))
	assert.ok((await json(['service', 'show', 'zoho_desk'])).rate_limits.some(({ count, window_s: window, note }) =>
		count === 5000 && window === 86400 && /credits/i.test(note)), 'of a default service too')
	assert.ok((await json(['service', 'list'])).items.some(({ id }) => id === 'cli_service'))
	assert.match((await cli(['service', 'list'])).stdout, /^ID +NAME .*\n[\s\S]*^cli_service +Renamed/m)

	const secret = 'cli-secret-key-9921'
	const made = await cli(['connection', 'create', 'From a shell', '--service', 'cli_service', '--credential-stdin', 'api_key'],
		{ stdin: `${secret}\n` })
	assert.ok(!(made.stdout + made.stderr).includes(secret))
	const link = 'from_a_shell'
	assert.equal((await json(['connection', 'show', link])).status, 'connected')
	assert.match((await cli(['connection', 'list'])).stdout, /from_a_shell +From a shell +cli_service +connected/)
	assert.equal((await json(['connection', 'list', '--search', 'shell', '--status', 'connected'])).items.length, 1)
	await cli(['connection', 'change', link, '--name', 'From a terminal'])
	assert.equal((await json(['connection', 'test', link])).ok, true)
	assert.equal(api.last().headers['x-api-key'], secret)

	const keys = async () => (await json(['key', 'list'])).items.length
	const before = await keys()
	const called = await cli(['call', link, '/echo?by=cli', '-H', 'X-Mine: yes'])
	assert.equal(JSON.parse(called.stdout).path, '/echo?by=cli')
	assert.equal(api.last().headers['x-mine'], 'yes')
	const posted = JSON.parse((await cli(['call', link, 'POST', '/echo', '--body', 'a body'])).stdout)
	assert.deepEqual([posted.method, posted.body.length], ['POST', 6])
	await cli(['call', link, '/status?code=404'], { status: 3 })
	assert.equal(await keys(), before, 'what a call was made with is not kept')
	await cli(['call', link, '/status?code=403'], { status: 4 })
	await cli(['call', link, '/status?code=500'], { status: 1 })

	await cli(['connection', 'credentials', link, '--credential-stdin', 'api_key'], { stdin: 'another-key-1' })
	await cli(['call', link, '/echo'])
	assert.equal(api.last().headers['x-api-key'], 'another-key-1')
	await cli(['connection', 'disable', link])
	await cli(['call', link, '/echo'], { status: 1 })
	await cli(['connection', 'enable', link])
	await cli(['connection', 'share', link, '--everyone'])
	assert.equal((await json(['connection', 'share', link])).items[0].kind, 'everyone')
	const bots = Array.from({ length: 6 }, (_, n) => `bot${n}@example.org`)
	for (const bot of bots)
		await cli(['member', 'add', bot, '--role', 'viewer'])
	await Promise.all(bots.map((bot) => cli(['connection', 'share', link, '--with', bot])))
	await Promise.all(bots.slice(1).map((bot) => cli(['connection', 'share', link, '--with', bot, '--remove'])))
	assert.deepEqual((await json(['connection', 'share', link])).items.map(({ name, kind }) => name ?? kind).sort(),
		['bot0@example.org', 'everyone'], 'of many at once none undid another')
	for (const wrong of [['--remove'], ['--manage'], ['--everyone', '--manage', '--remove']])
		assert.match((await cli(['connection', 'share', link, ...wrong], { status: 2 })).stderr, /needs whom|leave out --manage/)
	assert.equal((await json(['connection', 'share', link])).items.length, 2)
	assert.equal((await json(['connection', 'usage', link])).link_name, link)
	await eventually('a call in the list', async () => (await json(['connection', 'calls', link])).items.length > 0)

	const key = await json(['key', 'create', '--role', 'caller', '--name', 'a bot', '--connection', link])
	assert.match(key.key, /^dbk_[\w-]{43}$/)
	const bare = await cli(['key', 'create', '--role', 'viewer', '--name', 'for a pipe'])
	assert.match(bare.stdout, /^dbk_[\w-]{43}\n$/, 'the key alone, for a pipe')
	assert.ok((await json(['key', 'list'])).items.some(({ id }) => id === key.id))
	await cli(['key', 'revoke', key.id])
	assert.ok((await json(['key', 'list'])).items.find(({ id }) => id === key.id).revoked_at)

	await cli(['member', 'add', 'ada@example.org', '--role', 'builder', '--name', 'Ada', '--password-stdin'],
		{ stdin: 'a password of hers\n' })
	await cli(['member', 'change', 'ada@example.org', '--role', 'viewer'])
	assert.equal((await json(['member', 'list'])).items.find(({ email }) => email === 'ada@example.org').role, 'viewer')

	const appSecret = join(folder, 'secret')
	writeFileSync(appSecret, 'app-secret-5512')
	await cli(['app', 'set', 'github', '--client-id', 'cli-app', '--client-secret-file', appSecret])
	const app = await cli(['app', 'show', 'github'])
	assert.match(app.stdout, /^Redirect URI +http\S+\/oauth\/callback$/m)
	assert.match(app.stdout, /^DATA CENTRE +CLIENT ID .*\n- +cli-app /m)
	assert.ok(!app.stdout.includes('app-secret-5512'))

	assert.ok((await json(['audit', 'list'])).items.some(({ action }) => action === 'connection.create'))
	await cli(['service', 'delete', 'cli_service'], { status: 1 })
	await cli(['connection', 'create', 'Second', '--service', 'cli_service', '--credential-stdin', 'api_key'], { stdin: 'a-2nd-key' })
	assert.match((await cli(['connection', 'delete', 'second'])).stdout, /^The connection second is gone\. A key .*at the service/)
	assert.match((await cli(['connection', 'revoke', link])).stdout, /at the service/)
	assert.match((await cli(['connection', 'delete', link])).stdout, /is gone\. A key .*at the service/)
	await cli(['service', 'delete', 'cli_service'])
	for (const missing of [['connection', 'show', link], ['connection', 'test', link], ['connection', 'delete', link],
		['service', 'show', 'cli_service'], ['key', 'revoke', `01${'a'.repeat(24)}`], ['member', 'change', 'nobody@example.org',
			'--role', 'viewer'], ['call', link, '/echo']]) {
		const done = await cli(missing, { status: 3 })
		assert.match(done.stderr, /^drawbridge: /, missing.join(' '))
		assert.equal(done.stdout, '')
	}
}

suite('the walk by the command line alone', (scope) => {
	let api

	before(async () => {
		api = await startApi(scope)
	})

	/* A runner with these arguments and environment behind every command. */
	const runner = (more, env) => async (args, { status = 0, ...options } = {}) => {
		const done = await drawbridge([...args, ...more], { env, ...options })
		assert.equal(done.status, status, `${args.join(' ')}: ${JSON.stringify(done)}`)
		return done
	}

	it('beside a running server, over its socket', scoped(async (inner) => {
		const server = await startDrawbridge(inner)
		await walk(runner(['--data', server.data]), api, temporaryFolder(inner))
		assert.match((await runner(['--data', server.data])(['audit', 'verify'])).stdout, /The chain is sound/)
	}))

	it('where no server runs: each command starts a private one, and ends it', scoped(async (inner) => {
		const folder = temporaryFolder(inner)
		const data = join(folder, 'data')
		const env = { DRAWBRIDGE_DATA: data, DRAWBRIDGE_EGRESS_ALLOW: '127.0.0.0/8' }
		const cli = runner([], env)
		await cli(['init', '--owner', owner.email], { stdin: `${owner.password}\n` })
		assert.equal((await cli(['init', '--owner', owner.email], { stdin: `${owner.password}\n`, status: 1 })).stdout, '')
		await walk(cli, api, folder)
		const verified = JSON.parse((await cli(['audit', 'verify', '--json'])).stdout)
		assert.equal(verified.sound, true)
		assert.deepEqual(readdirSync(data).sort(), ['keeper', 'lock', 'store'], 'no socket is left')
		const server = await startDrawbridge(inner, { data })
		assert.equal((await request(`${server.url}/v1/session`, { method: 'POST', body: owner })).status, 200)
	}))

	it('a server elsewhere, over HTTP with a key', scoped(async (inner) => {
		const server = await startDrawbridge(inner)
		const env = { DRAWBRIDGE_URL: server.url, DRAWBRIDGE_KEY: server.key }
		await walk(runner([], env), api, temporaryFolder(inner))
		await runner([], { ...env, DRAWBRIDGE_KEY: `dbk_${'A'.repeat(43)}` })(['connection', 'list'], { status: 4 })
		const viewer = await server.createKey('viewer')
		await runner([], { ...env, DRAWBRIDGE_KEY: viewer })(['member', 'add', 'x@example.org', '--role', 'viewer'], { status: 4 })
		const nobody = `http://127.0.0.1:${await freePort()}`
		const away = await runner(['--url', nobody], env)(['connection', 'list'], { status: 5 })
		assert.match(away.stderr, /^drawbridge: /)
	}))
})

suite('what the command line shows', (scope) => {
	it('of a connection that is degraded, since when and why', async () => {
		let status = 200
		const api = await startApi(scope, { routes: { '/me': (_, response) => response.writeHead(status).end('{}') } })
		const server = await startDrawbridge(scope)
		await server.must('POST', '/v1/services', keyService('shown', { url: api.url, base: { tests: [{ path: '/me' }] } }))
		await server.must('POST', '/v1/connections', { name: 'Shown', service: 'shown', credentials: { api_key: 'key-of-it-51' } })
		assert.doesNotMatch((await server.cli(['connection', 'show', 'shown'])).stdout, /Degraded/)
		status = 500
		await server.cli(['connection', 'test', 'shown'])
		const { stdout } = await server.cli(['connection', 'show', 'shown'])
		assert.match(stdout, /^Health +degraded\nDegraded because +The service answered .*500.*\nDegraded since +20/m)
	})

	it('of an answer to a person at a terminal, nothing that would move it; to a pipe, what came', async () => {
		const told = 'name: \u001b]0;mine\u0007\n'
		const api = await startApi(scope, { routes: { '/told': (_, response) => response.writeHead(200).end(told) } })
		const server = await startDrawbridge(scope)
		await server.must('POST', '/v1/services', keyService('told', { url: api.url }))
		await server.must('POST', '/v1/connections', { name: 'Told', service: 'told', credentials: { api_key: 'key-of-it-52' } })
		const words = ['call', 'told', '/told', '--data', server.data]
		assert.equal((await drawbridge(words)).stdout, told)
		const terminal = await run('script', ['-qec', [binary, ...words].join(' '), '/dev/null'])
		assert.equal(terminal.stdout.trim(), 'name: ?]0;mine?')
	})

	it('of an app for each data centre, which client ids there are', async () => {
		const server = await startDrawbridge(scope)
		for (const [centre, id] of [[undefined, '1000.ALL'], ['eu', '1000.EUROPE']])
			await server.must('PUT', '/v1/services/zoho_desk/app', { client_id: id, client_secret: `secret of ${id}`, data_centre: centre })
		const all = (await server.cli(['app', 'show', 'zoho_desk'])).stdout
		assert.match(all, /^- +1000\.ALL /m)
		assert.match(all, /^eu +1000\.EUROPE /m)
		const one = (await server.cli(['app', 'show', 'zoho_desk', '--data-centre', 'eu'])).stdout
		assert.match(one, /1000\.EUROPE/)
		assert.doesNotMatch(one, /1000\.ALL/)
		assert.match((await server.cli(['app', 'show', 'github'])).stdout, /There is no app yet: `drawbridge app set github`/)
	})
})

suite('what is wrong is said, and told by the exit code', (scope) => {
	let server

	before(async () => {
		server = await startDrawbridge(scope)
	})

	it('wrong usage is 2, and changes nothing', async () => {
		for (const args of [['connection', 'create'], ['connection', 'create', 'A', 'B', '--service', 'github'],
			['connection', 'create', 'A'], ['key', 'create', '--name', 'x'], ['member', 'add'], ['call', 'link'],
			['connection', 'show'], ['audit', 'list', 'x'], ['key', 'create', '--role', 'viewer', '--name', 'x', '--rate', 'many']]) {
			const done = await server.cli(args, { stdin: '' })
			assert.deepEqual([done.status, done.stdout], [2, ''], `${args.join(' ')}: ${done.stderr}`)
			assert.match(done.stderr, /^drawbridge: [^\n]+\n/)
		}
		assert.deepEqual(JSON.parse((await server.cli(['connection', 'list', '--json'])).stdout).items, [])
	})

	it('a secret is never taken from the arguments', async () => {
		for (const args of [['connection', 'create', 'A', '--service', 'stripe', '--credential', 'api_key=sk_in_the_open'],
			['member', 'add', 'x@example.org', '--role', 'viewer', '--password', 'a password in the open'],
			['app', 'set', 'github', '--client-id', 'x', '--client-secret', 'in the open']]) {
			const done = await server.cli(args, { stdin: '' })
			assert.equal(done.status, 2, `${args.join(' ')}: ${JSON.stringify(done)}`)
			assert.ok(!/in.the.open/.test(done.stderr), done.stderr)
		}
	})

	it('doctor and version tell people and programs', async () => {
		const doctor = await server.cli(['doctor', '--json'])
		const { fit, checks } = JSON.parse(doctor.stdout)
		assert.equal(doctor.status, fit ? 0 : 1)
		assert.equal(checks.find(({ check }) => check === 'server').result, 'ok')
		for (const line of (await server.cli(['doctor'])).stdout.trim().split('\n'))
			assert.match(line, /^(ok|warn|fail|\s*->)/)
		const version = await drawbridge(['version'])
		assert.equal(version.stdout, `drawbridge ${JSON.parse((await drawbridge(['version', '--json'])).stdout).version}\n`)
		assert.equal((await drawbridge(['--version'])).stdout, version.stdout)
	})

	it('warns of http to every name but this machine\'s', async () => {
		const warned = async (url) => /is not https/.test((await run(binary, ['connection', 'list', '--url', url],
			{ env: { DRAWBRIDGE_KEY: `dbk_${'A'.repeat(43)}` } })).stderr)
		assert.equal(await warned('http://127.evil.invalid:1'), true)
		assert.equal(await warned('http://127.0.0.1:1'), false)
	})

	it('a closed output is a failure, not a crash', async () => {
		const done = await run('/bin/sh', ['-c', `"$0" service list --data "$1" >/dev/full`, binary, server.data])
		assert.equal(done.status, 1, JSON.stringify(done))
		assert.ok(existsSync(server.data))
	})
})
