// SPDX-License-Identifier: Apache-2.0
/*
 * The product under test: started as its users start it, on a data folder of its own, with an owner and an admin's
 * key; asked over HTTP, over its sockets and over its command line.
 */
import http from 'node:http'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RawConnection, rawExchange } from './raw.mjs'
import { childrenOf, killQuietly, mustRun, residentBytes, run, startProcess } from './process.mjs'
import { scanForSecrets, secretSeen, secretsOfBody } from './known_secrets.mjs'
import { eventually, freePort, temporaryFolder } from './scope.mjs'
import { request } from './http.mjs'

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
export const binary = resolve(root, process.env.DRAWBRIDGE ?? 'build/release/drawbridge')
export const owner = { email: 'owner@example.org', password: 'correct horse battery staple' }

/*
 * options: egress (default: 127.0.0.0/8 may be called), caFile, flags (more of serve's), data (a folder to go on
 * with), port, socket (also listen on a Unix socket), env, cwd, uid, gid, publicHost, owner (false: none is made), binary.
 */
export async function startDrawbridge(scope, options = {}) {
	const drawbridge = new Drawbridge(scope, options)
	await drawbridge.start()
	if (!options.data && options.owner !== false)
		await drawbridge.makeOwner()
	return drawbridge
}

class Drawbridge {
	#scope
	#options

	constructor(scope, options) {
		this.#scope = scope
		this.#options = options
		this.binary = options.binary ?? binary
		this.port = options.port
		this.data = options.data ?? temporaryFolder(scope, 'drawbridge-data')
		this.agent = new http.Agent({ keepAlive: true, maxSockets: 64 })
		scope.after(() => this.agent.destroy())
		scope.after(() => this.server && scanForSecrets(this.files(), this.log))
	}

	async start() {
		const { egress = ['127.0.0.0/8'], caFile, flags = [], socket, env, cwd, uid, gid, publicHost = 'localhost' } = this.#options
		if (!existsSync(this.binary))
			throw new Error(`${this.binary} is missing: build it, or name it in DRAWBRIDGE`)
		this.port ??= await freePort()
		this.url = `http://127.0.0.1:${this.port}`
		this.publicUrl = this.#options.publicUrl ?? `http://${publicHost}:${this.port}`
		this.socket = socket ? join(this.data, 'gateway.sock') : undefined
		const more = [...egress.flatMap((range) => ['--egress-allow', range]),
			...(caFile ? ['--ca-file', caFile] : []), ...(socket ? ['--listen', `unix:${this.socket}`] : []), ...flags]
		this.server = startProcess(this.#scope, this.binary, ['serve', '--data', this.data,
			'--listen', `127.0.0.1:${this.port}`, '--public-url', this.publicUrl, ...more], { env, cwd, uid, gid })
		await this.ready()
	}

	async ready(timeout = 20_000) {
		await eventually('drawbridge to be ready', async () => {
			if (this.server.end)
				throw new Error(`drawbridge ended ${JSON.stringify(this.server.end)}: ${this.log}`)
			return (await request(`${this.url}/readyz`, { timeout: 2000 })).status === 200
		}, { timeout }).catch((error) => {
			throw new Error(`${error.message}\n${this.log.slice(-4000)}`)
		})
	}

	async makeOwner() {
		secretSeen(owner.password)
		await mustRun(this.binary, ['init', '--owner', owner.email, '--data', this.data], { stdin: `${owner.password}\n` })
		this.key = await this.createKey('admin')
	}

	async createKey(role, ...flags) {
		const text = await mustRun(this.binary, ['key', 'create', '--role', role, '--name', `test ${role}`, '--json',
			'--data', this.data, ...flags])
		const { key } = JSON.parse(text)
		secretSeen(key)
		return key
	}

	/* The command line on this data folder: {status, stdout, stderr}. */
	cli(args, options) {
		return run(this.binary, [...args, '--data', this.data], options)
	}

	/* A request of the API; a body that is an object goes as JSON. key: another one, or null for none. */
	api(method, path, body, { headers = {}, key = this.key, ...rest } = {}) {
		const authorization = key === null ? {} : { authorization: `Bearer ${key}` }
		secretsOfBody(body)
		return request({ host: '127.0.0.1', port: this.port, path }, { method, body, agent: this.agent,
			headers: { ...authorization, ...headers }, ...rest })
	}

	/* As api(), but it must succeed; gives the JSON. */
	async must(method, path, body, options) {
		const answer = await this.api(method, path, body, options)
		if (answer.status < 200 || answer.status > 299)
			throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
		return answer.json
	}

	/* A call through the gateway. */
	via(link, path, { method = 'GET', headers = {}, key = this.key, ...rest } = {}) {
		const authorization = key === null ? {} : { authorization: `Bearer ${key}` }
		return request({ host: '127.0.0.1', port: this.port, path: `/via/${link}${path}` },
			{ method, agent: this.agent, headers: { ...authorization, ...headers }, ...rest })
	}

	raw(bytes, options) {
		return rawExchange(this.port, bytes, options)
	}

	open() {
		const connection = new RawConnection(this.port)
		this.#scope.after(() => connection.close())
		return connection
	}

	connection(link) {
		return this.must('GET', `/v1/connections/${link}`)
	}

	get log() {
		return this.server.stderr + this.server.stdout
	}

	/* The pid of a role: keeper, exchanger or front; undefined while it is not there. */
	role(name) {
		return childrenOf(this.server.pid).find(({ title }) => title.includes(name))?.pid
	}

	roles() {
		return childrenOf(this.server.pid)
	}

	residentBytes() {
		return residentBytes(this.server.pid)
	}

	stop(options) {
		return this.server.stop(options)
	}

	/* As a power cut does: parent and roles at once, without a word. */
	async killHard() {
		const pids = [this.server.pid, ...this.roles().map(({ pid }) => pid)]
		for (const pid of pids)
			killQuietly(pid, 'SIGKILL')
		await this.server.ended
		await eventually('every role to be gone', () => pids.every((pid) => !existsSync(`/proc/${pid}/exe`)))
	}

	/* Every file (but sockets) of the data folder, as far as it is still there. */
	files() {
		if (!existsSync(this.data))
			return []
		const walk = (folder) => readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
			entry.isDirectory() ? walk(join(folder, entry.name)) : entry.isFile() ? [join(folder, entry.name)] : [])
		return walk(this.data)
	}
}
