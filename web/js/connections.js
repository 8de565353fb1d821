// SPDX-License-Identifier: Apache-2.0
/* The Data Retrieval Engine's list of connections. */
import { api } from './api.js'
import { attentionBadge, attentionText } from './connection-users.js'
import { connect } from './consent.js'
import { fill, h } from './dom.js'
import { reload } from './router.js'
import { whoami } from './sign-in.js'
import { busyButton, healthBadge, isDegraded, isEachUsers, problemBox, statusBadge, tile, time } from './ui.js'

const nothingYet = () => h('div', { class: 'empty' },
	h('h2', {}, 'No connection yet'),
	h('p', {}, 'A connection holds the way into one service. Set it up once; bots, programs and colleagues then use it '
		+ 'by its link name, and nobody sees the credential again.'),
	h('a', { class: 'button go', href: '/services' }, 'Create Connection'))

const remedies = { not_connected: 'Connect', needs_reconnect: 'Reconnect' }

/* service/method of what is connected by consent, as far as some connection waits for one. */
async function consents(connections) {
	const ids = new Set(connections.filter(({ status }) => remedies[status]).map(({ service }) => service))
	const known = await Promise.all([...ids].map((id) => api.service(id).catch(() => ({ methods: [] }))))
	return new Set(known.flatMap(({ id, methods }) => methods.filter(({ kind }) => kind === 'oauth2_code')
		.map((method) => `${id}/${method.id}`)))
}

/* What a person can do about it, at once from the list. */
function remedy(connection, trouble, byConsent) {
	const word = remedies[connection.status]
	if (!word || !byConsent.has(`${connection.service}/${connection.method}`))
		return null
	return busyButton(word, async () => {
		fill(trouble)
		try {
			await connect(connection)
			await reload()
		} catch (error) {
			fill(trouble, problemBox(error))
		}
	}, { 'aria-label': `${word} ${connection.name}` })
}

export const degradedText = ({ health, health_reason: reason }) => (typeof health === 'object' ? health?.reason
	: reason) || 'Something is not as it should be; see its page.'

function row(connection, services, byConsent) {
	const trouble = h('div', {})
	const service = services.get(connection.service)?.name ?? connection.service
	const href = `/connections/${connection.link_name}`
	return h('li', { class: 'connection' },
		h('div', { class: 'what' }, tile(service, connection.service), h('div', {},
			h('h2', {}, h('a', { href }, connection.name)),
			h('code', {}, connection.link_name), h('span', { class: 'muted' }, ` · ${service}`))),
		h('div', { class: 'how' },
			h('p', {}, statusBadge(connection), ' ', healthBadge(connection), attentionBadge(connection)),
			attentionText(connection) && h('p', { class: 'reason' }, attentionText(connection)),
			connection.status !== 'connected' && connection.reason && !isEachUsers(connection)
				&& h('p', { class: 'reason' }, connection.reason),
			connection.status === 'connected' && isDegraded(connection)
				&& h('p', { class: 'reason' }, degradedText(connection)),
			trouble),
		h('div', { class: 'whose' },
			connection.account && h('p', {}, 'Account ', h('b', {}, connection.account)),
			h('p', { class: 'muted' }, 'Owner ', ownerName(connection),
				connection.last_used_at ? [' · used ', time(connection.last_used_at)] : ' · never used')),
		h('div', { class: 'do' }, remedy(connection, trouble, byConsent)))
}

export const ownerName = ({ owner }) => (typeof owner === 'object' ? owner?.name || owner?.email : owner) ?? 'nobody'

function matches(connection, words) {
	const text = [connection.name, connection.link_name, connection.service, connection.account, connection.status]
		.join(' ').toLowerCase()
	return words.every((word) => text.includes(word))
}

export async function connectionsPage() {
	const [connections, list, me] = await Promise.all([api.connections(), api.services(), whoami()])
	const byConsent = me.role === 'viewer' ? new Set() : await consents(connections)
	const services = new Map(list.map((service) => [service.id, service]))
	const rows = h('ul', { class: 'connections' })
	const count = h('p', { class: 'muted', role: 'status' })
	const show = (words) => {
		const found = connections.filter((connection) => matches(connection, words))
		fill(rows, found.map((connection) => row(connection, services, byConsent)))
		count.textContent = found.length ? '' : 'No connection fits; search for something else.'
	}
	const search = h('input', { type: 'search', 'aria-label': 'Search connections', placeholder: 'Search',
		oninput: () => show(search.value.toLowerCase().split(/\s+/).filter(Boolean)) })
	show([])
	return { title: 'Data Retrieval Engine', body: [
		h('div', { class: 'head' }, h('div', {}, h('h1', {}, 'Data Retrieval Engine'),
			h('p', { class: 'muted' }, 'Connections to services, made once and used by their link names.')),
		h('div', { class: 'actions' }, connections.length > 3 && search,
			connections.length > 0 && ['admin', 'owner'].includes(me.role) && h('a', { class: 'button', href: '/stop' }, 'Stop everything'),
			busyButton('Refresh', reload), h('a', { class: 'button go', href: '/services' }, 'Create Connection'))),
		connections.length ? [rows, count] : nothingYet()] }
}
