// SPDX-License-Identifier: Apache-2.0
/* A connection that each user connects for themselves: how they stand, and who needs attention. For its managers. */
import { api } from './api.js'
import { confirm } from './dialog.js'
import { fill, h, say } from './dom.js'
import { reload } from './router.js'
import { endsAll, statuses } from './text.js'
import { busyButton, time } from './ui.js'

const perPage = 25

const total = ({ connected, needs_reconnect: again, revoked }) => connected + again + revoked
const needing = ({ needs_reconnect: again, revoked, degraded, expiring }) => again + revoked + degraded + expiring

/* "3 of 41 users need to connect again, 1 is degraded"; "" when nobody needs attention, or there is no telling. */
export function attentionText({ users }) {
	if (!users)
		return ''
	const kinds = [[users.needs_reconnect + users.revoked, 'needs to connect again', 'need to connect again'],
		[users.degraded, 'is degraded', 'are degraded'],
		[users.expiring, 'loses access within a week', 'lose access within a week']].filter(([count]) => count > 0)
	const all = total(users)
	const of = (at) => (at ? '' : ` of ${all} ${all === 1 ? 'user' : 'users'}`)
	return kinds.map(([count, one, many], at) => `${count}${of(at)} ${count === 1 ? one : many}`).join(', ')
}

export function attentionBadge({ users }) {
	if (!users || !needing(users))
		return null
	const tone = users.needs_reconnect + users.revoked > 0 ? 'bad' : 'warn'
	return h('span', { class: `badge ${tone}` }, 'Users need attention')
}

/* The page that a manager sees first; null where there is nothing to see. */
export const firstUsers = ({ users, link_name: link }) => (users ? api.users(link, { attention: needing(users) > 0,
	limit: perPage }) : null)

const words = { ...statuses, degraded: { word: 'Degraded', tone: 'warn' }, expiring: { word: 'Ends soon', tone: 'warn' } }

const nameOf = ({ subject, name }) => name ?? (subject.startsWith('v_') ? 'A visitor' : 'A former member')

function why({ attention, reason, health_reason: health, health_since: since, retry_at: retry, expires_forecast: end }) {
	if (attention === 'degraded')
		return [health, ' Since ', time(since, 'a while'), retry && [', tried again ', time(retry)], '.']
	if (end)
		return ['Access ends ', time(end.at), '. ', end.detail]
	return reason
}

/* Whose account is taken back by who manages the connection. */
function remove({ name, link_name: link }, method, user) {
	confirm(`Remove ${nameOf(user)}?`, `Their account is disconnected from ${name}, and the service is told to end the `
		+ `grant.${endsAll(method)} They can connect again.`, 'Remove', async () => {
		const { detail } = await api.removeUser(link, user.subject)
		await reload()
		say(`The account is disconnected. ${detail}`)
	})
}

function row(connection, method, user) {
	const { word, tone } = words[user.attention ?? user.status]
	const detail = [why(user)].flat().filter(Boolean)
	return h('tr', {},
		h('td', {}, nameOf(user), user.email && user.email !== user.name && h('div', { class: 'muted' }, user.email)),
		h('td', { 'data-label': 'State' }, h('span', { class: `badge ${tone}` }, word),
			detail.length > 0 && h('div', { class: 'muted' }, detail)),
		h('td', { 'data-label': 'Account' }, user.account ?? '–'),
		h('td', { 'data-label': 'Connected' }, time(user.connected_at)),
		h('td', { class: 'do' }, h('button', { type: 'button', class: 'quiet danger', 'aria-label': `Remove ${nameOf(user)}`,
			onclick: () => remove(connection, method, user) }, 'Remove')))
}

const heads = ['User', 'State', 'Account', 'Connected']

const table = (connection, method, items) => h('table', { class: 'users' }, h('thead', {}, h('tr', {},
	heads.map((text) => h('th', { scope: 'col' }, text)), h('td', {}))),
	h('tbody', {}, items.map((user) => row(connection, method, user))))

const nobody = (attention) => h('p', { class: 'muted' }, attention
	? 'Nobody needs attention any more: refresh the page for the new counts.'
	: 'Nobody has connected an account yet. Members do so here, each signed in as themselves; visitors are asked by the '
		+ 'conversation that needs it.')

export function usersCard(connection, first, method) {
	if (!connection.users || !first)
		return null
	const { users, link_name: link } = connection
	const cursors = ['']
	let at = 0
	let attention = needing(users) > 0
	const list = h('div', {})
	const count = h('p', { class: 'muted', role: 'status' })
	const previous = busyButton('Previous', () => open(at - 1, attention), { 'aria-label': 'Previous users' })
	const next = busyButton('Next', () => open(at + 1, attention), { 'aria-label': 'Next users' })
	const pager = h('div', { class: 'actions pager' }, previous, next, count)
	const choose = (text, value) => busyButton(text, () => open(0, value), { class: 'quiet' })
	const choices = [[choose(`Need attention (${needing(users)})`, true), true], [choose(`All (${total(users)})`, false), false]]

	function show(page) {
		fill(list, page.items.length ? table(connection, method, page.items) : nobody(attention))
		cursors[at + 1] = page.next
		previous.disabled = at === 0
		next.disabled = !page.next
		pager.hidden = at === 0 && !page.next
		count.textContent = page.items.length ? `${at * perPage + 1} to ${at * perPage + page.items.length} of ${
			attention ? needing(users) : total(users)}` : ''
		choices.forEach(([button, value]) => button.setAttribute('aria-pressed', String(value === attention)))
	}

	async function open(page, which) {
		const shown = await api.users(link, { attention: which, after: page ? cursors[page] : '', limit: perPage })
		const had = document.activeElement
		at = page
		attention = which
		show(shown)
		if (had?.disabled) /* the keyboard stays where pages are turned */
			(next.disabled ? previous : next).focus()
	}

	show(first)
	return h('section', { class: 'card', 'aria-label': 'Users' }, h('h2', {}, 'Users'),
		needing(users) > 0 && [h('div', { class: 'notice warn' }, h('b', {}, `${attentionText(connection)}.`),
			h('p', {}, 'Only they can connect again: members on this page, signed in as themselves; visitors when the '
				+ 'conversation asks them.')), h('div', { class: 'filters' }, choices.map(([button]) => button))],
		list, pager)
}
