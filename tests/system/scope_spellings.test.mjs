// SPDX-License-Identifier: Apache-2.0
/*
 * Scopes in a spelling that articles have and the service has not: the definition says which scope is meant, that one
 * is asked for, and who has given the other is told. What no definition knows is asked for as it stands.
 */
import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { service } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { suite } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('scopes as articles spell them', (scope) => {
	let drawbridge

	const made = (scopes, more) => newConnection(drawbridge, 'zoho_desk', { scopes, ...more })
	const change = (link, body) => drawbridge.must('PATCH', `/v1/connections/${link}`, body)
	const told = ({ scope_notes: notes }) => notes.map(({ given, asked }) => [given, asked])
	const sheets = 'https://www.googleapis.com/auth/spreadsheets'

	/* Two lists, and an alias that leads into both. */
	const lists = {
		scopes: [{ name: 'bot.read', description: 'Read what the bot may read' }],
		second_scopes: [{ name: 'acme.person.read', description: 'Read what a person may read' }],
		scope_aliases: [{ prefix: 'AcmeApp.', becomes: 'acme.' }, { prefix: 'robot.', becomes: 'bot.' },
			{ prefix: 'short', becomes: `${sheets}/long` }]
	}

	before(async () => {
		drawbridge = await startDrawbridge(scope)
		const url = 'https://acme.example'
		await addService(drawbridge, service('acme_two', { url }, { kind: 'oauth2_code', name: 'Sign in',
			id: 'oauth', authorize: { url: `${url}/authorize`, second_scope_parameter: 'user_scope' },
			token: { url: `${url}/token` } }, lists))
	})

	it('Zoho\'s article\'s spelling is stored as the real scope, and that is told', async () => {
		const connection = await made(['ZohoDesk.tickets.READ', 'Desk.search.READ', 'zohodesk.TICKETS.update'])
		assert.deepEqual(connection.scopes_asked, ['Desk.tickets.READ', 'Desk.search.READ', 'Desk.tickets.UPDATE'])
		assert.deepEqual(told(connection), [['ZohoDesk.tickets.READ', 'Desk.tickets.READ'],
			['zohodesk.TICKETS.update', 'Desk.tickets.UPDATE']])
		assert.equal(connection.scope_notes[0].detail, '"ZohoDesk.tickets.READ", as some articles spell it, is '
			+ '"Desk.tickets.READ" at Zoho Desk: that is asked for instead.')
		const read = await drawbridge.connection(connection.link_name)
		assert.deepEqual(read.scopes_asked, connection.scopes_asked)
		assert.ok(!('scope_notes' in read), 'it was said once')
	})

	it('two spellings of one scope are that scope once', async () => {
		const twice = await made(['Desk.tickets.READ', 'ZohoDesk.tickets.READ'])
		assert.deepEqual([twice.scopes_asked, told(twice)], [['Desk.tickets.READ'],
			[['ZohoDesk.tickets.READ', 'Desk.tickets.READ']]])
		const before = await made(['ZohoDesk.tickets.READ', 'Desk.tickets.READ'])
		assert.deepEqual(before.scopes_asked, ['Desk.tickets.READ'])
	})

	it('what the list does not know is asked for as it stands; what may be meant is told', async () => {
		const unknown = await made(['Desk.moon.READ', 'Desk.tickets.READ'])
		assert.deepEqual([unknown.scopes_asked, unknown.scope_notes], [['Desk.moon.READ', 'Desk.tickets.READ'], []])
		const near = await made(['ZohoDesk.moon.READ', 'desk.tickets.read'])
		assert.deepEqual(near.scopes_asked, ['ZohoDesk.moon.READ', 'desk.tickets.read'])
		assert.deepEqual(told(near), near.scopes_asked.map((each) => [each, each]))
		assert.deepEqual(near.scope_notes.map(({ detail }) => detail), [
			'"ZohoDesk.moon.READ" is not in the list of Zoho Desk\'s scopes and is asked for as it stands; perhaps '
				+ '"Desk.moon.READ" is meant.',
			'"desk.tickets.read" is not in the list of Zoho Desk\'s scopes and is asked for as it stands; perhaps '
				+ '"Desk.tickets.READ" is meant.'])
	})

	it('a change is read in the same way', async () => {
		const { link_name: link, scope_notes: none } = await made(['Desk.tickets.READ'])
		assert.deepEqual(none, [])
		const changed = await change(link, { scopes: ['Desk.search.READ', 'ZohoDesk.tickets.READ'] })
		assert.deepEqual([changed.scopes_asked, told(changed)], [['Desk.search.READ', 'Desk.tickets.READ'],
			[['ZohoDesk.tickets.READ', 'Desk.tickets.READ']]])
		assert.deepEqual((await drawbridge.connection(link)).scopes_asked, changed.scopes_asked)
		assert.deepEqual((await change(link, { name: 'Another name' })).scope_notes, [])
	})

	it('each list has its own scopes', async () => {
		const connection = await newConnection(drawbridge, 'acme_two', { scopes: ['robot.read', 'AcmeApp.person.read'],
			second_scopes: ['AcmeApp.person.read'] })
		assert.deepEqual([connection.scopes_asked, connection.second_scopes_asked],
			[['bot.read', 'AcmeApp.person.read'], ['acme.person.read']])
		assert.deepEqual(told(connection), [['robot.read', 'bot.read'], ['AcmeApp.person.read', 'AcmeApp.person.read'],
			['AcmeApp.person.read', 'acme.person.read']])
		const { link_name: link } = connection
		assert.deepEqual((await change(link, { second_scopes: ['acmeapp.person.read'] })).second_scopes_asked,
			['acme.person.read'])
	})

	it('a guess that would not be whole is none', async () => {
		const long = `short.${'x'.repeat(180)}`
		const connection = await newConnection(drawbridge, 'acme_two', { scopes: [long] })
		assert.deepEqual([connection.scopes_asked, connection.scope_notes], [[long], []])
	})

	it('what can be no scope is still refused where it stands', async () => {
		const refused = await drawbridge.api('POST', '/v1/connections', { name: 'Wrong', service: 'zoho_desk',
			scopes: ['ZohoDesk.tickets.READ', 'Zoho,Desk'] })
		assert.deepEqual([refused.status, refused.json.pointer], [400, '/scopes/1'])
	})

	it('the service shows its aliases', async () => {
		assert.deepEqual((await drawbridge.must('GET', '/v1/services/zoho_desk')).scope_aliases,
			[{ prefix: 'ZohoDesk.', becomes: 'Desk.' }])
		assert.deepEqual((await drawbridge.must('GET', '/v1/services/github')).scope_aliases, [])
	})

	it('the command line prints it', async () => {
		const cli = (...args) => drawbridge.cli(args)
		const create = await cli('connection', 'create', 'By hand', '--service', 'zoho_desk', '--scope',
			'ZohoDesk.tickets.READ')
		const note = 'Note: "ZohoDesk.tickets.READ", as some articles spell it, is "Desk.tickets.READ" at Zoho Desk: that is '
			+ 'asked for instead.\n'
		assert.equal(create.status, 0, create.stderr)
		assert.match(create.stdout, /^Scopes asked +Desk\.tickets\.READ$/m)
		assert.ok(create.stdout.endsWith(note), create.stdout)
		const changed = await cli('connection', 'change', 'by_hand', '--scope', 'Desk.search.READ', '--scope',
			'ZohoDesk.tickets.READ')
		assert.match(changed.stdout, /^Scopes asked +Desk\.search\.READ, Desk\.tickets\.READ$/m)
		assert.ok(changed.stdout.endsWith(note), changed.stdout)
		const json = await cli('connection', 'change', 'by_hand', '--scope', 'ZohoDesk.tickets.READ', '--json')
		assert.deepEqual(told(JSON.parse(json.stdout)), [['ZohoDesk.tickets.READ', 'Desk.tickets.READ']])
		assert.ok(!(await cli('connection', 'show', 'by_hand')).stdout.includes('Note'))
	})
})
