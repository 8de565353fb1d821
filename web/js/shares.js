// SPDX-License-Identifier: Apache-2.0
/* With whom a connection is shared, and how far. */
import { api, Problem } from './api.js'
import { openDialog } from './dialog.js'
import { h, say } from './dom.js'
import { makeForm } from './form.js'
import { reload } from './router.js'
import { busyButton, field, problemBox } from './ui.js'

const levels = { use: 'may use it', manage: 'may manage it' }
const nameOf = (share) => (share.kind === 'everyone' ? 'Everybody' : share.name || share.subject)
const plain = ({ kind, subject, level }) => (kind === 'everyone' ? { kind, level } : { kind, subject, level })

/* Of the connection whose list was another than the one that was shown; told once, beside the list as it is now. */
let outdated

const changedMeanwhile = new Problem(412, { title: 'Not saved: the list was changed meanwhile',
	detail: 'Somebody else has changed with whom it is shared, or the connection, since this page was loaded. This is how '
		+ 'it is now.', hint: 'Make your change again if it is still wanted.' })

async function set({ link_name: link }, version, shares) {
	const refused = await api.setShares(link, version, shares.map(plain)).then(() => false, (error) => {
		if (error.code !== 'changed_meanwhile')
			throw error
		return true
	})
	outdated = refused ? link : undefined
	await reload()
	if (!refused)
		say('Saved.')
}

async function add(connection, version, shares) {
	const members = await api.members()
	const option = (value, text) => h('option', { value }, text)
	const taken = new Set([connection.owner?.id, ...shares.map(({ subject }) => subject)])
	const whom = field('With', h('select', {}, !shares.some(({ kind }) => kind === 'everyone')
		&& option('', 'Everybody in the organisation'),
	members.filter(({ id, disabled }) => !taken.has(id) && !disabled).map(({ id, name }) => option(id, name))))
	const level = field('They', h('select', {}, Object.entries(levels).map(([value, text]) => option(value, text))))
	const dialog = openDialog('Share the connection', [])
	dialog.body.append(makeForm([whom.row, level.row], 'Share', async () => {
		const subject = whom.input.value
		await set(connection, version, [...shares, { kind: subject ? 'member' : 'everyone', subject, level: level.input.value }])
		dialog.close()
	}, { more: h('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel') }))
	whom.input.focus()
}

function takeOutdated({ link_name: link }) {
	const mine = outdated === link
	outdated = undefined
	return mine && problemBox(changedMeanwhile)
}

/* list: as the API gives it, with the version to change it by. */
export function sharesCard(connection, { items: shares, version }) {
	const row = (share) => h('tr', {}, h('td', {}, nameOf(share)), h('td', {}, levels[share.level] ?? share.level),
		connection.may_manage && h('td', {}, busyButton('Remove', () => set(connection, version, shares.filter((s) => s !== share)),
			{ class: 'quiet', 'aria-label': `Remove ${nameOf(share)}` })))
	return h('section', { class: 'card' }, h('h2', {}, 'Shared with'), takeOutdated(connection),
		shares.length ? h('table', {}, h('tbody', {}, shares.map(row)))
			: h('p', { class: 'muted' }, 'Nobody: only its owner and admins may use it.'),
		connection.may_manage && h('div', { class: 'actions' }, busyButton('Share', () => add(connection, version, shares))))
}
