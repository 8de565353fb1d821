// SPDX-License-Identifier: Apache-2.0
/*
 * What has broken in other products of this kind, each as a test of the rule that it gave us. Rules that other files
 * hold already are listed in docs/reliability.md, with the file.
 */
import assert from 'node:assert/strict'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { bearerService, keyService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { signedIn } from '../support/members.mjs'
import { eventually, freePort, suite } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('lessons', (scope) => {
	let drawbridge, api, other, link, stranger, viewer
	const token = 'lesson-token-3391'

	/* A member of the organisation, signed in: gives a function like drawbridge.api(). */
	before(async () => {
		api = await startApi(scope)
		other = await startApi(scope)
		drawbridge = await startDrawbridge(scope)
		await addService(drawbridge, bearerService('lesson', { url: api.url }))
		;({ link_name: link } = await newConnection(drawbridge, 'lesson', { name: 'Private', credentials: { token } }))
		stranger = (await signedIn(drawbridge, 'builder@example.org', 'builder')).ask
		viewer = (await signedIn(drawbridge, 'viewer@example.org', 'viewer')).ask
	})

	beforeEach(() => {
		api.requests.length = 0
		other.requests.length = 0
	})

	const nothingSent = () => assert.equal(api.requests.length + other.requests.length, 0)

	async function keyOf(as, body) {
		const made = await as('POST', '/v1/keys', { name: 'a key', ...body })
		assert.equal(made.status, 201, made.text)
		return made.json.key
	}

	it('somebody else\'s connection cannot be used by its name, on any path that leads to a call', async () => {
		const key = await keyOf(stranger, { role: 'builder' })
		for (const path of ['/echo', `/${api.url}/echo`, `/${other.url}/echo`]) {
			const answer = await drawbridge.via(link, path, { key })
			assert.equal(answer.status, 404, path)
			assert.equal(answer.headers['drawbridge-error'], 'connection_not_found')
		}
		for (const [method, path, body] of [['POST', 'test'], ['POST', 'refresh'], ['POST', 'revoke'], ['POST', 'authorize'],
			['POST', 'disable'], ['PUT', 'credentials', { token: 'another' }], ['GET', 'calls'], ['GET', 'usage']]) {
			const answer = await stranger(method, `/v1/connections/${link}/${path}`, body)
			assert.ok([403, 404].includes(answer.status), `${method} ${path}: ${answer.status} ${answer.text}`)
		}
		assert.ok([403, 404].includes((await stranger('DELETE', `/v1/connections/${link}`)).status))
		nothingSent()
		assert.equal((await drawbridge.via(link, '/echo')).status, 200, 'and it still works for its owner')
	})

	it('a caller\'s key for one connection opens no other, not even of the same service', async () => {
		const { link_name: second } = await newConnection(drawbridge, 'lesson', { credentials: { token: 'second-token-77' } })
		const key = await drawbridge.createKey('caller', '--connection', second)
		assert.equal((await drawbridge.via(second, '/echo', { key })).status, 200)
		assert.equal((await drawbridge.via(link, '/echo', { key })).status, 404)
		assert.equal(api.requests.length, 1)
	})

	it('who may only look may not call, test or refresh, nor have a call that was made sent once more (replay)', async () => {
		await drawbridge.must('PUT', `/v1/connections/${link}/shares`, { items: [{ kind: 'everyone', level: 'use' }] })
		const key = await keyOf(viewer, { role: 'viewer' })
		assert.equal((await viewer('GET', `/v1/connections/${link}`)).status, 200)
		assert.ok([403, 404].includes((await drawbridge.via(link, '/echo', { key })).status))
		for (const path of ['test', 'refresh', 'revoke', 'disable'])
			assert.ok([403, 404].includes((await viewer('POST', `/v1/connections/${link}/${path}`)).status), path)
		nothingSent()
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
		const [made] = await eventually('the call\'s record', async () => {
			const { items } = await drawbridge.must('GET', `/v1/connections/${link}/calls`)
			return items.length > 0 && items
		})
		api.requests.length = 0
		/* there is no door for it, for nobody; and as a request of his own it is a call */
		for (const path of [`/v1/calls/${made.id}`, `/v1/calls/${made.id}/replay`, `/v1/connections/${link}/calls`])
			assert.ok([404, 405].includes((await viewer('POST', path)).status), path)
		const again = { request: { method: made.method, url: `${api.url}${made.path}` }, connection: link }
		const run = await viewer('POST', '/v1/webhooks/run', again)
		assert.ok([403, 404].includes(run.status), `${run.status} ${run.text}`)
		nothingSent()
		await drawbridge.must('PUT', `/v1/connections/${link}/shares`, { items: [] })
	})

	it('where there is no credential of one\'s own, no other is taken in its place', async () => {
		const { link_name: mine } = await newConnection(drawbridge, 'lesson', { per_user: true, name: 'Each his own' })
		const answer = await drawbridge.via(mine, '/echo')
		assert.equal(answer.status, 409, answer.text)
		assert.equal(answer.headers['drawbridge-error'], 'connection_not_connected')
		/* one without a credential is not even made, and one whose credential is gone has none */
		const none = await drawbridge.api('POST', '/v1/connections', { name: 'Empty', service: 'lesson' })
		assert.deepEqual([none.status, none.json.pointer], [400, '/credentials'], none.text)
		const { link_name: gone } = await newConnection(drawbridge, 'lesson', { credentials: { token } })
		await drawbridge.must('POST', `/v1/connections/${gone}/revoke`)
		const revoked = await drawbridge.via(gone, '/echo')
		assert.equal(revoked.status, 409, revoked.text)
		assert.equal(revoked.headers['drawbridge-error'], 'connection_not_connected')
		nothingSent()
	})

	it('without the operator\'s word no private address is called', async () => {
		const plain = await startDrawbridge(scope, { egress: [] })
		await addService(plain, bearerService('lesson', { url: api.url }))
		const { link_name: there } = await newConnection(plain, 'lesson', { credentials: { token } })
		const answer = await plain.via(there, '/echo')
		assert.equal(answer.status, 403)
		assert.equal(answer.headers['drawbridge-error'], 'destination_not_allowed')
		nothingSent()
	})

	it('no field of a client\'s moves a call, raises a right or stands for an address', async () => {
		const host = `127.0.0.1:${other.port}`
		const fields = { 'Base-Url-Override': other.url, 'X-Base-Url': other.url, 'X-Forwarded-Host': host, Forwarded:
			`host=${host};for=127.0.0.1`, 'X-Original-Url': `/via/${link}/other`, 'X-Rewrite-Url': '/v1/members',
		'X-HTTP-Method-Override': 'DELETE', 'X-Internal': '1', 'X-Real-IP': '127.0.0.1', 'X-Forwarded-For': '127.0.0.1',
		'Drawbridge-Host': host, 'Drawbridge-Error': 'none' }
		const answer = await drawbridge.via(link, '/echo', { headers: fields })
		assert.equal(answer.status, 200)
		assert.equal(other.requests.length, 0)
		const { method, path, headers } = api.last()
		assert.deepEqual([method, path, headers.host], ['GET', '/echo', `127.0.0.1:${api.port}`])
		for (const name of ['forwarded', 'x-forwarded-host', 'x-forwarded-for', 'x-real-ip', 'drawbridge-host'])
			assert.equal(headers[name], undefined, name)
		for (const header of [{}, fields]) /* without a key they are nobody's */
			assert.equal((await drawbridge.api('GET', '/v1/members', undefined, { key: null, headers: header })).status, 401)
	})

	it('an address that a client makes up does not get around the limit of wrong passwords', async () => {
		const statuses = []
		for (let n = 0; n < 12 && statuses.at(-1) !== 429; n++)
			statuses.push((await drawbridge.api('POST', '/v1/session', { email: 'somebody@example.org', password: 'wrong one' },
				{ key: null, headers: { 'x-forwarded-for': `203.0.113.${n}`, forwarded: `for=203.0.113.${n}` } })).status)
		assert.equal(statuses.at(-1), 429, `${statuses}`)
	})

	it('a call that fails leaves neither credential nor key in log, answer, record or audit', async () => {
		const port = await freePort()
		const secret = 'failing-token-5127'
		await addService(drawbridge, keyService('failing', { url: `http://127.0.0.1:${port}` },
			[{ in: 'query', name: 'api_key', value: '{api_key}' }, { in: 'header', name: 'X-Api-Key', value: '{api_key}' }]))
		const { link_name: failing } = await newConnection(drawbridge, 'failing', { credentials: { api_key: secret } })
		const answers = [await drawbridge.via(failing, '/echo?a=b'), await drawbridge.via(failing, '/echo', { method: 'POST',
			body: 'x' }), await drawbridge.api('POST', `/v1/connections/${failing}/test`),
		await drawbridge.api('GET', `/v1/connections/${failing}/calls`), await drawbridge.api('GET', '/v1/calls'),
		await drawbridge.api('GET', '/v1/audit')]
		assert.deepEqual(answers.slice(0, 2).map(({ status }) => status), [502, 502])
		for (const text of [drawbridge.log, ...answers.map((answer) => JSON.stringify(answer))]) {
			assert.ok(!text.includes(secret))
			assert.ok(!text.includes(drawbridge.key))
		}
	})

	it('two credentials for one host do not hide each other, although they share its connections', async () => {
		const { link_name: second } = await newConnection(drawbridge, 'lesson', { credentials: { token: 'second-token-91' } })
		const names = { [link]: token, [second]: 'second-token-91' }
		for (let n = 0; n < 20; n++) {
			const each = n % 3 ? link : second
			assert.equal((await drawbridge.via(each, '/echo')).status, 200)
			assert.equal(api.last().headers.authorization, `Bearer ${names[each]}`)
		}
		await Promise.all(Array(40).fill().map(async (_, n) => {
			const each = n % 2 ? link : second
			const { json } = await drawbridge.via(each, `/echo?of=${each}`)
			const at = json.rawHeaders.findIndex((name) => /^authorization$/i.test(name))
			assert.equal(json.rawHeaders[at + 1], `Bearer ${names[each]}`)
		}))
	})
})
