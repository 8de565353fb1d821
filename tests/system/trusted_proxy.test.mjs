// SPDX-License-Identifier: Apache-2.0
/*
 * Behind a proxy: who is named with --trusted-proxy tells who asks, nobody else does, and what a client makes up in
 * front of his own address gains him nothing.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { owner, startDrawbridge } from '../support/drawbridge.mjs'
import { request } from '../support/http.mjs'
import { scoped, suite } from '../support/scope.mjs'

const many = 41 /* one more than the failures that an address may have */
const right = owner

suite('behind a proxy', (scope) => {
	let drawbridge

	before(async () => {
		drawbridge = await startDrawbridge(scope, { socket: true,
			flags: ['--trusted-proxy', '127.0.0.0/8', '--trusted-proxy', 'unix', '--trusted-proxy', '192.0.2.0/24'] })
	})

	const signIn = (server, body, forwarded) => server.api('POST', '/v1/session', body,
		{ key: null, headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }, timeout: 60_000 })

	/* Wrong sign-ins of as many different accounts, a few at a time; from(n) is what the proxy says. */
	async function guess(server, name, from) {
		for (let n = 0; n < many; n += 4)
			await Promise.all([0, 1, 2, 3].map((more) => signIn(server,
				{ email: `${name}${n + more}@example.org`, password: 'wrong-password-7731' }, from(n + more))))
	}

	it('one client who guesses locks out himself alone', async () => {
		await guess(drawbridge, 'one', () => '203.0.113.7')
		const refused = await signIn(drawbridge, right, '203.0.113.7')
		assert.equal(refused.status, 429, refused.text)
		assert.equal((await signIn(drawbridge, right, '203.0.113.8')).status, 200)
		assert.equal((await signIn(drawbridge, right)).status, 200, 'nor the proxy itself')
	})

	it('neither an IPv6 network of his own nor what he makes up in front of his address helps him', async () => {
		await guess(drawbridge, 'two', (n) => `198.51.100.${n}, 192.0.2.${n}, 2001:db8:7:7:${n}::1, 192.0.2.9`)
		assert.equal((await signIn(drawbridge, right, '2001:db8:7:7:ffff::1')).status, 429)
		assert.equal((await signIn(drawbridge, right, '127.0.0.1, 2001:db8:7:7::')).status, 429)
		assert.equal((await signIn(drawbridge, right, '2001:db8:7:8::1')).status, 200)
		assert.equal((await signIn(drawbridge, right, '198.51.100.1')).status, 200)
	})

	it('the audit names who asked, over TCP and a Unix socket', async () => {
		const made = async (name, options) => {
			const { status, json, text } = await request({ path: '/v1/keys', ...options }, { method: 'POST',
				body: { name, role: 'viewer' }, headers: { authorization: `Bearer ${drawbridge.key}`, ...options.headers },
				...(options.socketPath ? { socketPath: options.socketPath } : {}) })
			assert.equal(status, 201, text)
			return (await drawbridge.must('GET', `/v1/audit?object=${json.id}`)).items[0].address
		}
		const tcp = { host: '127.0.0.1', port: drawbridge.port }
		const headers = { 'x-forwarded-for': '8.8.8.8, 203.0.113.9' }
		assert.equal(await made('by TCP', { ...tcp, headers }), '203.0.113.9')
		assert.equal(await made('by socket', { socketPath: drawbridge.socket, headers }), '203.0.113.9')
		assert.equal(await made('by nobody', { ...tcp, headers: { 'x-forwarded-for': 'a-name.example' } }), '127.0.0.1')
		assert.equal(await made('on the machine', { socketPath: `${drawbridge.data}/drawbridge.sock`, headers }), 'unix')
	})

	it('one who answers for hundreds of visitors at once waits; others do not, nor a back end with a key', async () => {
		const page = 'https://shop.example'
		const { id } = await drawbridge.must('POST', '/v1/flows', { draft: { name: 'Many',
			blocks: [{ id: 'start', type: 'start', paths: { next: 'one' } },
				{ id: 'one', type: 'question', kind: 'number', text: '?', variable: 'it', paths: { next: 'end' } },
				{ id: 'end', type: 'end' }], channels: { widget: { enabled: true, origins: [page] } } } })
		await drawbridge.must('POST', `/v1/flows/${id}/publish`)
		const begin = (address) => drawbridge.must('POST', `/v1/flows/${id}/conversations`, {}, address
			? { key: null, headers: { origin: page, 'x-forwarded-for': address } } : {})
		const say = (talk, address) => drawbridge.api('POST', `/v1/conversations/${talk.id}/messages`, { text: 'no number' },
			{ key: talk.token, headers: { 'x-forwarded-for': address } })
		const one = '203.0.113.41'
		const talks = await Promise.all(Array.from({ length: 12 }, () => begin(one)))
		const said = await Promise.all(talks.flatMap((talk) => Array.from({ length: 28 }, () => say(talk, one))))
		const late = said.filter(({ status }) => status === 429)
		assert.ok(late.length > 0 && late.length <= 36, `${late.length} refused of ${said.length}`)
		assert.ok(late.every(({ json, headers }) => json.code === 'rate_limited' && headers['retry-after'] >= 1))
		assert.equal((await say(await begin('203.0.113.42'), '203.0.113.42')).status, 200)
		const known = await Promise.all((await Promise.all(Array.from({ length: 12 }, () => begin())))
			.flatMap((talk) => Array.from({ length: 28 }, () => say(talk, one))))
		assert.deepEqual([...new Set(known.map(({ status }) => status))], [200])
	})

	it('without the setting nobody is believed, and nobody locked out by what comes through a proxy', scoped(async (inner) => {
		const plain = await startDrawbridge(inner)
		await guess(plain, 'four', (n) => `203.0.113.${n}`)
		assert.equal((await signIn(plain, right, '203.0.113.1')).status, 200)
		const { json } = await plain.api('POST', '/v1/keys', { name: 'plain', role: 'viewer' },
			{ headers: { 'x-forwarded-for': '203.0.113.9' } })
		assert.equal((await plain.must('GET', `/v1/audit?object=${json.id}`)).items[0].address, '127.0.0.1')
		/* the limits of an account stay */
		const statuses = []
		for (let n = 0; n < 10; n++)
			statuses.push((await signIn(plain, { ...right, password: 'wrong-password-7731' })).status)
		assert.deepEqual(statuses.slice(-2), [429, 429])
	}))
})
