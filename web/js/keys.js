// SPDX-License-Identifier: Apache-2.0
/* Keys with which programs call Drawbridge: made (shown once), listed, revoked. */
import { api, onceOnly } from './api.js'
import { confirm, openDialog } from './dialog.js'
import { fill, h, say } from './dom.js'
import { choice, makeForm } from './form.js'
import { reload } from './router.js'
import { whoami } from './sign-in.js'
import { busyButton, copyable, field, problemBox, time } from './ui.js'

const roles = [['caller', 'Caller: makes calls through connections, nothing else'], ['viewer', 'Viewer: also sees'],
	['builder', 'Builder: also makes connections'], ['admin', 'Admin: everything but owners']]
const rank = ['viewer', 'builder', 'admin', 'owner']

/* Which roles a key of somebody's may have: none above one's own, and what calls is a builder's to give. */
const mayGive = (mine) => ([role]) => rank.indexOf(role === 'caller' ? 'builder' : role) <= rank.indexOf(mine)

/* The key itself is in the answer to its creation and nowhere else. */
function showOnce(dialog, { key, name }) {
	fill(dialog.body, h('div', { class: `notice ${key ? 'good' : 'warn'}`, role: 'status' }, h('b', {}, `${name} is made.`),
		h('p', {}, key ? 'Copy it now: it is shown this once.'
			: 'But its text was lost on the way, and nobody has it: revoke it, and create another.')),
	key && copyable(key, 'the key'),
	h('div', { class: 'actions' }, h('button', { type: 'button', class: 'go', onclick: () => dialog.close() }, 'Done')))
	dialog.body.querySelector('button')?.focus()
}

/* Without the list of connections there is no dialog: a key for one of them would become one for all. */
async function create(me) {
	const connections = await api.connections()
	const name = field('Name', h('input', { required: true, maxlength: 127, autocomplete: 'off',
		placeholder: 'Ticket bot' }), { help: 'Which program it is for.' })
	const role = field('Role', h('select', {}, roles.filter(mayGive(me.role))
		.map(([id, text]) => h('option', { value: id }, text))))
	const boxes = connections.map((each) => ({ ...choice(each.name, each.link_name), link: each.link_name }))
	const narrow = h('fieldset', {}, h('legend', {}, 'Connections ', h('small', {}, '(none ticked: all of yours)')),
		h('div', { class: 'choices' }, boxes.map(({ row }) => row)))
	const days = field('Ends', h('select', {}, [['', 'Never'], ['30', 'In 30 days'], ['90', 'In 90 days'], ['365', 'In a year']]
		.map(([value, text]) => h('option', { value }, text))))
	const chosen = () => { narrow.hidden = role.input.value !== 'caller' }
	role.input.addEventListener('change', chosen)
	chosen()
	let made = false
	const begun = Date.now()
	const make = onceOnly(api.createKey)
	const dialog = openDialog('Create a key', [], { closed: () => made && reload() })
	const send = async () => {
		const caller = role.input.value === 'caller'
		const links = boxes.filter(({ input }) => input.checked).map(({ link }) => link)
		const end = days.input.value && new Date(begun + Number(days.input.value) * 864e5).toISOString()
		const key = await make({ name: name.input.value, role: role.input.value, expires_at: end || undefined,
			connections: caller && links.length ? links : undefined })
		made = true
		showOnce(dialog, key)
	}
	fill(dialog.body, makeForm([name.row, role.row, boxes.length > 0 && narrow, days.row], 'Create', send,
		{ byPointer: { '/name': name, '/role': role, '/expires_at': days },
			more: h('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel') }))
	name.input.focus()
}

function revoke(key) {
	confirm(`Revoke ${key.name}?`, 'Programs that use it are refused from now on. This cannot be taken back.', 'Revoke',
		async () => {
			await api.revokeKey(key.id)
			await reload()
			say('The key is revoked.')
		})
}

function state({ revoked_at: revoked, expires_at: end }) {
	if (revoked)
		return h('span', { class: 'badge' }, 'Revoked')
	if (end && Date.parse(end) < Date.now())
		return h('span', { class: 'badge warn' }, 'Ended')
	return h('span', { class: 'badge good' }, 'In force')
}

const row = (key) => h('tr', {},
	h('td', { 'data-label': 'Name' }, h('b', {}, key.name)),
	h('td', { 'data-label': 'Begins with' }, h('code', {}, `${key.prefix}…`)),
	h('td', { 'data-label': 'Role' }, key.role),
	h('td', { 'data-label': 'Connections' }, key.connections ? key.connections.join(', ') : 'all'),
	h('td', { 'data-label': 'Made' }, time(key.created_at)),
	h('td', { 'data-label': 'State' }, state(key), !key.revoked_at && key.expires_at && [' ', time(key.expires_at)]),
	h('td', { class: 'do' }, !key.revoked_at && h('button', { type: 'button', class: 'quiet danger', onclick: () => revoke(key),
		'aria-label': `Revoke ${key.name}` }, 'Revoke')))

const heads = ['Name', 'Begins with', 'Role', 'Connections', 'Made', 'State']

export async function keysPage() {
	const me = await whoami()
	const keys = await api.keys(['admin', 'owner'].includes(me.role))
	const trouble = h('div', {})
	const begin = async () => {
		fill(trouble)
		await create(me).catch((error) => { fill(trouble, problemBox(error)) })
	}
	const button = busyButton('Create a key', begin, { class: 'go' })
	return { title: 'Keys', body: [
		h('div', { class: 'head' }, h('div', {}, h('h1', {}, 'Keys'), h('p', { class: 'muted' },
			'With a key a program calls Drawbridge; give each program its own.')), h('div', { class: 'actions' }, button)),
		trouble, keys.length ? h('div', { class: 'card' }, h('table', {}, h('thead', {}, h('tr', {}, heads.map((text) => h('th',
			{ scope: 'col' }, text)), h('td', {}))), h('tbody', {}, keys.map(row))))
			: h('div', { class: 'empty' }, h('h2', {}, 'No key yet'), h('p', {}, 'A caller key opens the gateway and nothing '
				+ 'else: create one for the program that is to make calls.'))] }
}
