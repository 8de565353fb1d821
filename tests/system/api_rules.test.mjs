// SPDX-License-Identifier: Apache-2.0
/*
 * The rules that hold for every operation of the API: what a body may be, keys that make a repeated create harmless,
 * pages of lists, and that a failure says where.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { Contract } from '../support/contract.mjs'
import { bearerService, keyService } from '../support/definitions.mjs'
import { owner, startDrawbridge } from '../support/drawbridge.mjs'
import { suite } from '../support/scope.mjs'

suite('the rules of the API', (scope) => {
	const contract = new Contract()
	let drawbridge, api

	/* An operation, judged by the contract. */
	async function ask(id, { params, query, body, ...options } = {}) {
		const answer = await drawbridge.api(contract.operation(id).method, contract.path(id, params, query), body, options)
		contract.answer(id, answer)
		return answer
	}

	before(async () => {
		api = await startApi(scope)
		drawbridge = await startDrawbridge(scope)
		await drawbridge.must('POST', '/v1/services', keyService('by_key', api))
		await drawbridge.must('POST', '/v1/services', bearerService('bearer', api))
	})

	const connection = (name) => ({ name, service: 'by_key', credentials: { api_key: `key of ${name}` } })

	it('a field that is unknown or of another type is refused, and the place is told', async () => {
		const faults = [
			['createConnection', { ...connection('x'), nonsense: 1 }, 'unknown_field', '/nonsense'],
			['createConnection', { ...connection('x'), name: 7 }, 'invalid_request', '/name'],
			['createConnection', { service: 'by_key' }, 'invalid_request', '/name'],
			['createConnection', { ...connection('x'), scopes: ['a', 2] }, 'invalid_request', '/scopes/1'],
			['createConnection', { ...connection('x'), credentials: { api_key: 5 } }, 'invalid_request', '/credentials/api_key'],
			['createConnection', { ...connection('x'), per_user: 'yes' }, 'invalid_request', '/per_user'],
			['createMember', { email: 'x@example.org', role: 'viewer', admin: true }, 'unknown_field', '/admin'],
			['createMember', { email: 'no address', role: 'viewer' }, 'invalid_request', '/email'],
			['createMember', { email: ['x@example.org'], role: 'viewer' }, 'invalid_request', '/email'],
			['createKey', { name: 'k', role: 'caller', methods: 'GET' }, 'invalid_request', '/methods'],
			['createKey', { name: 'k', role: 'caller', rate_per_minute: 0 }, 'invalid_request', '/rate_per_minute'],
			['createKey', { name: 'k', role: 'caller', rate_per_minute: 1.5 }, 'invalid_request', '/rate_per_minute'],
			['createKey', { name: 'k', role: 'caller', expires_at: 'tomorrow' }, 'invalid_request', '/expires_at'],
			['createKey', { name: 'k', role: 'owner' }, 'invalid_request', '/role'],
			['signIn', { email: owner.email }, 'invalid_request', '/password'],
			['signIn', { ...owner, remember: true }, 'unknown_field', '/remember']]
		for (const [id, body, code, pointer] of faults) {
			const { status, json } = await ask(id, { body })
			assert.deepEqual([status, json.code, json.pointer], [400, code, pointer], `${id} ${JSON.stringify(json)}`)
			assert.ok(json.detail.length > 3, JSON.stringify(json))
		}
	})

	it('a key that ends makes no key that outlives it, and none of a higher role', async () => {
		const end = '2099-01-01T00:00:00Z'
		const make = (key, body) => ask('createKey', { body: { name: 'made by a key', ...body }, key })
		const { key } = (await ask('createKey', { body: { name: 'ends', role: 'builder', expires_at: end } })).json
		for (const [body, want] of [[{ role: 'viewer' }, end], [{ role: 'builder', expires_at: '2098-01-01T00:00:00Z' },
			'2098-01-01T00:00:00Z'], [{ role: 'caller', expires_at: end }, end]]) {
			const { status, json, text } = await make(key, body)
			assert.equal(status, 201, text)
			assert.equal(Date.parse(json.expires_at), Date.parse(want))
		}
		const later = await make(key, { role: 'viewer', expires_at: '2099-01-01T00:00:01Z' })
		assert.deepEqual([later.status, later.json.pointer], [400, '/expires_at'], later.text)
		assert.match(later.json.detail, /ends at 2099-01-01/)
		assert.equal((await make(key, { role: 'admin' })).status, 403)
		assert.equal((await make(drawbridge.key, { role: 'viewer' })).json.expires_at, null)
	})

	it('a key sees and ends itself, and of its member\'s others none above it', async () => {
		const made = {}
		const make = async (role, key = drawbridge.key) => {
			const { json } = await ask('createKey', { body: { name: `a ${role}`, role }, key })
			return json
		}
		for (const role of ['admin', 'builder', 'viewer', 'caller'])
			made[role] = await make(role)
		const another = await make('viewer')
		const seen = async ({ key }) => (await ask('listKeys', { key, query: { limit: '200' } })).json.items.map(({ id }) => id)
		const status = async (id, whose, { key }) => (await ask(id, { params: { id: whose.id }, key })).status

		const forViewer = await seen(made.viewer)
		assert.deepEqual(['admin', 'builder', 'viewer', 'caller'].map((role) => forViewer.includes(made[role].id)),
			[false, false, true, false])
		assert.ok(forViewer.includes(another.id))
		const forBuilder = await seen(made.builder)
		assert.deepEqual(['admin', 'builder', 'viewer', 'caller'].map((role) => forBuilder.includes(made[role].id)),
			[false, true, true, true])
		for (const id of ['getKey', 'revokeKey']) {
			for (const role of ['admin', 'builder', 'caller'])
				assert.equal(await status(id, made[role], made.viewer), 404, `${id} ${role}`)
			assert.equal(await status(id, made.admin, made.builder), 404, id)
		}
		for (const role of ['admin', 'builder', 'caller'])
			assert.equal((await ask('getMe', { key: made[role].key })).status, 200)
		assert.equal(await status('revokeKey', another, made.viewer), 204)
		assert.equal(await status('revokeKey', made.viewer, made.viewer), 204)
		assert.equal((await ask('getMe', { key: made.viewer.key })).status, 401)
		assert.equal(await status('revokeKey', made.caller, made.builder), 204)
		assert.equal(await status('revokeKey', made.builder, made.admin), 204)
		assert.equal(await status('revokeKey', made.admin, { key: drawbridge.key }), 204)
	})

	it('what is no JSON object is refused, and never repeated to the client', async () => {
		const bodies = ['', '{', '[]', '"text"', 'null', '{"name": "a"} x', '{"name": "a", "name": "b"}', '{"name": "\ud800"}',
			'{"name": NaN}', "{'name': 'a'}", '{"name": "a\u0000b"}', `${'['.repeat(5000)}`, 'name=a&service=by_key',
			Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])]
		for (const id of ['createConnection', 'createService', 'createKey', 'createMember'])
			for (const body of bodies) {
				const { status, json, text } = await ask(id, { body, headers: { 'content-type': 'application/json' } })
				assert.equal(status, 400, `${id} ${JSON.stringify(String(body)).slice(0, 80)}: ${text}`)
				assert.match(json.code, /^invalid_(json|request|definition)$/, text)
			}
		assert.deepEqual((await ask('listConnections')).json.items, [])
	})

	it('a broken body with a password in it is refused without a word of it', async () => {
		const answer = await ask('signIn', { body: '{"email": "a@example.org", "password": "hunter2 hunter2"',
			headers: { 'content-type': 'application/json' } })
		assert.equal(answer.status, 400)
		assert.ok(!answer.text.includes('hunter2'))
	})

	it('a body that is too large is refused', async () => {
		const large = 'x'.repeat(150 * 1024)
		for (const [id, body, params] of [['createConnection', { ...connection('x'), name: large }],
			['createService', { ...keyService('large', api), description: large + large }], ['signIn', { ...owner, email: large }],
			['createMember', { email: large, role: 'viewer' }], ['createKey', { name: large, role: 'caller' }],
			['setApp', { client_id: large }, { id: 'zoho_desk' }]]) {
			const { status, json } = await ask(id, { body, params })
			assert.deepEqual([status, json.code], [413, 'too_large'], id)
		}
		assert.equal((await ask('getMe')).status, 200)
	})

	it('a form is not taken for JSON: what a foreign page can send does nothing', async () => {
		for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x']) {
			const answer = await ask('createMember', { body: 'email=form%40example.org&role=owner', headers: { 'content-type': type } })
			assert.equal(answer.status, 400, answer.text)
		}
		assert.equal((await ask('listMembers')).json.items.length, 1)
	})

	it('a password that is no text changes nothing', async () => {
		const password = 'the one that she has'
		const { json: { id } } = await ask('createMember', { body: { email: 'pat@example.org', role: 'viewer', password } })
		for (const wrong of [8837226110, null, ['a long enough one'], { text: 'a long enough one' }, true]) {
			const { status, json } = await ask('updateMember', { params: { id }, body: { name: 'Pat', password: wrong } })
			assert.deepEqual([status, json.code, json.pointer], [400, 'invalid_request', '/password'], JSON.stringify(wrong))
		}
		assert.notEqual((await ask('getMember', { params: { id } })).json.name, 'Pat')
		assert.equal((await ask('signIn', { body: { email: 'pat@example.org', password }, key: null })).status, 200)
		await ask('updateMember', { params: { id }, body: { disabled: true } })
	})

	it('an unknown query parameter is refused by name', async () => {
		for (const path of ['/v1/connections?pages=2', '/v1/me?key=1', '/v1/keys?limit=2&Limit=3']) {
			const { status, json } = await drawbridge.api('GET', path)
			assert.equal(status, 400, path)
			assert.match(json.parameter, /^(pages|key|Limit)$/)
		}
	})

	it('an unknown path is 404, another method 405 with Allow', async () => {
		for (const path of ['/v1', '/v1/', '/v1/nothing', '/v1/connections/', '/v1/members/x/y', '/v1/me/', '/v1//me']) {
			const { status, json } = await drawbridge.api('GET', path)
			assert.deepEqual([status, json?.code], [404, 'not_found'], path)
		}
		const wrong = await drawbridge.api('PUT', '/v1/connections', {})
		assert.deepEqual([wrong.status, wrong.headers.allow, wrong.json.code], [405, 'GET, POST', 'method_not_allowed'])
	})

	it('every JSON answer is kept out of caches, frames and type guessing', async () => {
		for (const answer of [await ask('getMe'), await ask('getMe', { key: null }), await ask('getConnection', { params: { link: 'no' } })]) {
			assert.equal(answer.headers['cache-control'], 'no-store')
			assert.equal(answer.headers['x-content-type-options'], 'nosniff')
			assert.match(answer.headers['content-security-policy'], /default-src 'none'/)
			assert.equal(answer.headers['access-control-allow-origin'], undefined)
		}
	})

	it('an Idempotency-Key makes a repeated create harmless', async () => {
		const headers = { 'idempotency-key': 'once and only once' }
		const body = { ...connection('Only one') }
		const first = await ask('createConnection', { body, headers })
		const second = await ask('createConnection', { body, headers })
		assert.deepEqual([first.status, second.status], [201, 201], second.text)
		assert.equal(first.headers['idempotent-replay'], undefined)
		assert.equal(second.headers['idempotent-replay'], 'true')
		assert.deepEqual(second.json, first.json)
		assert.equal((await ask('listConnections', { query: { q: 'Only one' } })).json.items.length, 1)

		const other = await ask('createConnection', { body: { ...body, name: 'Another' }, headers })
		assert.deepEqual([other.status, other.json.code], [422, 'idempotency_key_reused'])
		const elsewhere = await ask('createMember', { body: { email: 'x@example.org', role: 'viewer' }, headers })
		assert.equal(elsewhere.status, 422)
		const long = await ask('createConnection', { body, headers: { 'idempotency-key': 'x'.repeat(128) } })
		assert.equal(long.status, 400)
		const key = await drawbridge.createKey('builder')
		assert.equal((await ask('createConnection', { body: connection('Mine'), headers, key })).status, 201,
			'the keys of one caller are not those of another')
	})

	it('another secret makes another request, by key and by session', async () => {
		const session = await ask('signIn', { body: owner, key: null, headers: { origin: drawbridge.publicUrl } })
		const cookie = session.headers['set-cookie'].map((each) => each.split(';')[0]).join('; ')
		for (const [n, as] of [[1, {}], [2, { key: null, headers: { cookie, origin: drawbridge.publicUrl } }]]) {
			const create = (id, body) => ask(id, { ...as, body, headers: { ...as.headers, 'idempotency-key': `secret ${n} ${id}` } })
			const made = connection(`With a secret ${n}`)
			const person = { email: `secret${n}@example.org`, role: 'viewer', password: 'correct horse 1' }
			for (const [id, body, other] of [['createConnection', made, { ...made, credentials: { api_key: made.credentials.api_key.toUpperCase() } }],
				['createMember', person, { ...person, password: 'correct horse 2' }]]) {
				const first = await create(id, body)
				assert.equal(first.status, 201, first.text)
				const refused = await create(id, other)
				assert.deepEqual([refused.status, refused.json.code], [422, 'idempotency_key_reused'], id)
				const again = await create(id, body)
				assert.deepEqual([again.status, again.headers['idempotent-replay']], [201, 'true'], id)
				assert.deepEqual(again.json, first.json)
			}
		}
	})

	it('the same create ten times at once makes one', async () => {
		const headers = { 'idempotency-key': 'all at once' }
		const answers = await Promise.all(Array.from({ length: 10 }, () =>
			ask('createMember', { body: { email: 'once@example.org', role: 'viewer' }, headers })))
		const ids = new Set(answers.filter(({ status }) => status === 201).map(({ json }) => json.id))
		assert.equal(ids.size, 1)
		for (const { status, json } of answers.filter((each) => each.status !== 201))
			assert.deepEqual([status, json.code], [409, 'in_progress'])
	})

	it('a key that is made with an Idempotency-Key is shown once', async () => {
		const options = { body: { name: 'shown once', role: 'caller' }, headers: { 'idempotency-key': 'a key' } }
		const first = await ask('createKey', options)
		const second = await ask('createKey', options)
		assert.match(first.json.key, /^dbk_/)
		assert.equal(second.headers['idempotent-replay'], 'true')
		assert.equal(second.json.key, undefined)
		assert.equal(second.json.id, first.json.id)
	})

	it('a refused create can be repeated with the same Idempotency-Key', async () => {
		const headers = { 'idempotency-key': 'not yet' }
		const body = { ...connection('Later'), service: 'later' }
		assert.equal((await ask('createConnection', { body, headers })).status, 400)
		await drawbridge.must('POST', '/v1/services', keyService('later', api))
		const now = await ask('createConnection', { body, headers })
		assert.deepEqual([now.status, now.headers['idempotent-replay']], [201, undefined], now.text)
	})

	it('lists come in pages that together are the whole, each once', async () => {
		for (let n = 0; n < 7; n++) {
			await drawbridge.must('POST', '/v1/connections', connection(`Page ${n}`))
			await drawbridge.must('POST', '/v1/members', { email: `page${n}@example.org`, role: 'viewer' })
		}
		for (const [id, name] of [['listConnections', 'link_name'], ['listMembers', 'id'], ['listKeys', 'id'],
			['listServices', 'id'], ['listAudit', 'seq']]) {
			const whole = (await ask(id, { query: { limit: '200' } })).json.items.map((item) => item[name])
			const pages = []
			let after
			do {
				const { json } = await ask(id, { query: { limit: '3', ...(after ? { after } : {}) } })
				assert.ok(json.items.length <= 3)
				pages.push(...json.items.map((item) => item[name]))
				after = json.next
			} while (after && pages.length < 300)
			assert.ok(whole.length >= 3, id)
			assert.deepEqual(pages, whole, id)
		}
		for (const limit of ['0', '201', '-1', 'ten', '1e2', '99999999999999999999']) {
			const { status, json } = await ask('listConnections', { query: { limit } })
			assert.deepEqual([status, json.parameter], [400, 'limit'], limit)
		}
		assert.equal((await ask('listConnections', { query: { after: 'x'.repeat(129) } })).json.parameter, 'after')
	})

	it('If-Match: of ten changes of one version, one is made', async () => {
		const { json, headers } = await ask('createConnection', { body: connection('Contested') })
		const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => ask('updateConnection', {
			params: { link: json.link_name }, body: { name: `Contested ${n}` }, headers: { 'if-match': headers.etag } })))
		const statuses = answers.map(({ status }) => status).sort()
		assert.deepEqual(statuses, [200, ...Array(9).fill(412)])
	})

	it('so it is with a service\'s definition, and with whom a connection is shared', async () => {
		const oneOfTen = async (change) => {
			const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => change(n)))
			assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array(9).fill(412)])
			const { json } = answers.find(({ status }) => status === 200)
			return json
		}
		const { headers: defined } = await ask('createService', { body: keyService('contested', api) })
		const service = await oneOfTen((n) => ask('replaceService', { params: { id: 'contested' },
			body: { ...keyService('contested', api), name: `Contested ${n}` }, headers: { 'if-match': defined.etag } }))
		assert.equal((await ask('getService', { params: { id: 'contested' } })).json.name, service.name)
		const { json: { link_name: link } } = await ask('createConnection', { body: connection('Contested shares') })
		const members = []
		for (let n = 0; n < 10; n++)
			members.push((await ask('createMember', { body: { email: `share${n}@example.org`, role: 'viewer' } })).json.id)
		const { headers: { etag } } = await ask('getShares', { params: { link } })
		const shares = await oneOfTen((n) => ask('setShares', { params: { link },
			body: { items: [{ kind: 'member', subject: members[n] }] }, headers: { 'if-match': etag } }))
		assert.deepEqual((await ask('getShares', { params: { link } })).json, shares)
		await ask('deleteService', { params: { id: 'contested' } })
		const gone = await ask('replaceService', { params: { id: 'contested' }, body: keyService('contested', api) })
		assert.deepEqual([gone.status, gone.json.code], [404, 'service_not_found'])
	})

	it('of ten that disable and enable a connection at once, what it was is not lost', async () => {
		const { json: { link_name: link } } = await ask('createConnection', { body: connection('Switched') })
		for (let turn = 0; turn < 3; turn++) {
			for (const [id, status] of [['disableConnection', 'disabled'], ['enableConnection', 'connected']]) {
				const answers = await Promise.all(Array.from({ length: 10 }, () => ask(id, { params: { link }, body: {} })))
				assert.deepEqual(answers.map((each) => each.status), Array(10).fill(200))
				assert.equal((await ask('getConnection', { params: { link } })).json.status, status)
			}
		}
		assert.equal((await drawbridge.via(link, '/echo')).status, 200)
	})

	it('too many wrong passwords are slowed down', async () => {
		const body = { email: 'nobody-at-all@example.org', password: 'a wrong password' }
		const answers = []
		while (answers.length < 12 && answers.at(-1)?.status !== 429)
			answers.push(await ask('signIn', { body, key: null }))
		const last = answers.at(-1)
		assert.deepEqual([last.status, last.json.code], [429, 'rate_limited'])
		assert.ok(Number(last.headers['retry-after']) > 0)
	})

	it('a key that ends lets nobody in for longer than itself', async () => {
		const { key } = (await ask('createKey', { body: { name: 'ends', role: 'admin', expires_at: '2099-01-01T00:00:00Z' } })).json
		const { json: { key: lasting } } = await ask('createKey', { body: { name: 'lasts', role: 'admin' } })
		const member = (body, by) => ask('createMember', { body, key: by })
		const change = (id, body, by) => ask('updateMember', { params: { id }, body, key: by })
		const found = { email: 'found@example.org', role: 'admin', password: 'found a key somewhere' }
		for (const body of [found, { email: 'found@example.org', role: 'viewer' }]) {
			const { status, json, text } = await member(body, key)
			assert.deepEqual([status, json.code], [403, 'forbidden'], text)
			assert.match(json.detail, /outlive/)
		}
		const { json: { id } } = await member({ email: 'stays@example.org', role: 'builder', password: 'a password of his own' })
		for (const body of [{ password: 'another, by the key' }, { role: 'admin' }, { name: 'x', password: 'another, by the key' }])
			assert.equal((await change(id, body, key)).status, 403, JSON.stringify(body))
		/* what takes away may be done, and not be undone */
		for (const body of [{ name: 'Stays' }, { role: 'builder' }, { role: 'viewer' }, { disabled: true }])
			assert.equal((await change(id, body, key)).status, 200, JSON.stringify(body))
		for (const body of [{ disabled: false }, { role: 'builder' }])
			assert.equal((await change(id, body, key)).status, 403, JSON.stringify(body))
		const { json: shown } = await ask('getMember', { params: { id } })
		assert.deepEqual([shown.role, shown.disabled, shown.name], ['viewer', true, 'Stays'])
		assert.equal((await member({ ...found, email: 'made@example.org' }, lasting)).status, 201)
		assert.equal((await change(id, { disabled: false, role: 'builder', password: 'another, by the key' }, lasting)).status, 200)
		for (const made of ['stays@example.org', 'made@example.org'])
			assert.equal((await change(made, { disabled: true })).status, 200)
	})
})
