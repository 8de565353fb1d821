// SPDX-License-Identifier: Apache-2.0
/* With whom a connection is shared, and how far. */
import { api } from './api.js'
import { openDialog } from './dialog.js'
import { h, say } from './dom.js'
import { makeForm } from './form.js'
import { reload } from './router.js'
import { busyButton, field } from './ui.js'

const levels = { use: 'may use it', manage: 'may manage it' }
const nameOf = (share) => (share.kind === 'everyone' ? 'Everybody' : share.name || share.subject)
const plain = ({ kind, subject, level }) => (kind === 'everyone' ? { kind, level } : { kind, subject, level })

async function set(connection, shares) {
	await api.setShares(connection.link_name, shares.map(plain))
	await reload()
	say('Saved.')
}

async function add(connection, shares) {
	const members = await api.members().catch(() => [])
	const option = (value, text) => h('option', { value }, text)
	const taken = new Set([connection.owner?.id, ...shares.map(({ subject }) => subject)])
	const whom = field('With', h('select', {}, !shares.some(({ kind }) => kind === 'everyone')
		&& option('', 'Everybody in the organisation'),
	members.filter(({ id, disabled }) => !taken.has(id) && !disabled).map(({ id, name }) => option(id, name))))
	const level = field('They', h('select', {}, Object.entries(levels).map(([value, text]) => option(value, text))))
	const dialog = openDialog('Share the connection', [])
	dialog.body.append(makeForm([whom.row, level.row], 'Share', async () => {
		const subject = whom.input.value
		await set(connection, [...shares, { kind: subject ? 'member' : 'everyone', subject, level: level.input.value }])
		dialog.close()
	}, { more: h('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel') }))
	whom.input.focus()
}

export function sharesCard(connection, shares) {
	const row = (share) => h('tr', {}, h('td', {}, nameOf(share)), h('td', {}, levels[share.level] ?? share.level),
		connection.may_manage && h('td', {}, busyButton('Remove', () => set(connection, shares.filter((s) => s !== share)),
			{ class: 'quiet', 'aria-label': `Remove ${nameOf(share)}` })))
	return h('section', { class: 'card' }, h('h2', {}, 'Shared with'),
		shares.length ? h('table', {}, h('tbody', {}, shares.map(row)))
			: h('p', { class: 'muted' }, 'Nobody: only its owner and admins may use it.'),
		connection.may_manage && h('div', { class: 'actions' }, busyButton('Share', () => add(connection, shares))))
}
