// SPDX-License-Identifier: Apache-2.0
/*
 * The panic page, for owner and admins: all connections, a service's or a member's are suspended or revoked at once;
 * and the report says what somebody must do by hand.
 */
import { api, onceOnly } from './api.js'
import { fill, h, say } from './dom.js'
import { makeForm } from './form.js'
import { whoami } from './sign-in.js'
import { field, loading, problemBox, time } from './ui.js'

const POLL_MS = 2000

const actions = { suspend: 'Suspend: no call gets through; nothing changes at the services',
	revoke: 'Revoke: no call gets through, and the access ends at the services' }

const stateNames = { waiting: 'Its turn comes', pending: 'Being revoked', suspended: 'Suspended', revoked: 'Revoked',
	by_hand: 'By hand', nothing: 'Nothing to revoke', already: 'Was so before' }

const whose = ({ all, service, owner }) => (all ? 'all connections'
	: service ? `connections to ${service}` : `connections of ${owner.name || owner.id}`)

/* ---- the report ---- */

const item = (each) => h('tr', {},
	h('td', { 'data-label': 'Connection' }, h('a', { href: `/connections/${each.link_name}` }, each.name),
		h('br', {}), h('code', {}, each.link_name)),
	h('td', { 'data-label': 'Account' }, each.account ?? '', each.user && h('p', { class: 'muted' }, each.email ?? 'A visitor')),
	h('td', { 'data-label': 'State' }, stateNames[each.state]),
	h('td', { 'data-label': 'What to do' }, each.detail ?? '', each.retry_at && h('p', { class: 'muted' }, 'Asked again ',
		time(each.retry_at))))

const table = (items) => h('table', {}, h('thead', {}, h('tr', {}, ['Connection', 'Account', 'State', 'What to do']
	.map((head) => h('th', { scope: 'col' }, head)))), h('tbody', {}, items.map(item)))

const openStates = ['by_hand', 'pending', 'waiting']

async function loadReport(id) {
	const report = await api.bulk(id)
	const items = (await Promise.all(openStates.filter((state) => report.counts[state] > 0)
		.map((state) => api.bulkItems(id, state)))).flat()
	return { report, items }
}

function showReport({ report, items }) {
	const counts = Object.entries(report.counts).filter(([, count]) => count > 0)
		.map(([state, count]) => `${stateNames[state]}: ${count}`)
	const left = items.some(({ state }) => state === 'by_hand')
	return [h('h2', {}, report.action === 'revoke' ? 'Revoked: ' : 'Suspended: ', whose(report)),
		h('p', { class: 'muted' }, 'Asked for by ', report.asked_by.name, ' ', time(report.asked_at),
			report.state === 'done' ? [' · done ', time(report.ended_at)] : ' · goes on by itself'),
		h('p', { role: 'status' }, counts.join(' · ') || 'There was no connection.'),
		left && h('div', { class: 'notice bad' }, 'What is “By hand” lives on at the service until somebody changes it there.'),
		items.length ? table(items) : report.state === 'done' && h('p', {}, 'Nothing is left to do.')]
}

/* Looks again while it goes on and the page is there. */
async function follow(place, id) {
	try {
		const loaded = await loadReport(id)
		fill(place, showReport(loaded))
		if (loaded.report.state === 'running')
			setTimeout(() => place.isConnected && place.dataset.id === id && follow(place, id), POLL_MS)
	} catch (error) {
		fill(place, problemBox(error, { retry: () => follow(place, id) }))
	}
}

function open(place, id) {
	place.dataset.id = id
	fill(place, loading())
	return follow(place, id)
}

/* ---- asking ---- */

const select = (pairs) => h('select', {}, pairs.map(([value, text]) => h('option', { value }, text)))

function askForm(services, members, place) {
	const action = field('What', select(Object.entries(actions)))
	const which = field('Which connections', select([['all', 'All'], ['service', 'Those to one service'],
		['owner', 'Those that one member owns']]))
	const service = field('Service', select(services))
	const owner = field('Member', select(members))
	const word = field('Confirmation', h('input', { required: true, autocomplete: 'off', spellcheck: 'false' }),
		{ help: 'Type suspend or revoke, as chosen above.' })
	const chosen = () => {
		service.row.hidden = which.input.value !== 'service'
		owner.row.hidden = which.input.value !== 'owner'
	}
	which.input.addEventListener('change', chosen)
	chosen()
	const bulkAsk = onceOnly(([what, body], headers) => api.bulkAsk(what, body, headers))
	const send = async () => {
		if (word.input.value.trim() !== action.input.value) {
			word.setError(`Type ${action.input.value} if that is what you mean.`)
			word.input.focus()
			return
		}
		const body = { all: { all: true }, service: { service: service.input.value }, owner: { owner: owner.input.value } }
		const report = await bulkAsk([action.input.value, body[which.input.value]])
		word.input.value = ''
		say('No call gets through any of them any more.')
		await open(place, report.id)
	}
	return makeForm([action.row, which.row, service.row, owner.row, word.row], 'Do it', send,
		{ byPointer: { '/service': service, '/owner': owner }, attributes: { class: 'card' } })
}

function formerList(reports, place) {
	return reports.length > 0 && [h('h2', {}, 'Before'), h('ul', {}, reports.map((report) => h('li', {},
		h('button', { type: 'button', class: 'quiet', onclick: () => open(place, report.id) },
			`${report.action === 'revoke' ? 'Revoked' : 'Suspended'}: ${whose(report)}`), ' ', time(report.asked_at),
		report.counts.by_hand > 0 && ` · by hand: ${report.counts.by_hand}`)))]
}

export async function bulkPage() {
	const me = await whoami()
	if (!['admin', 'owner'].includes(me.role))
		return { title: 'Stop everything', body: [h('h1', {}, 'Stop everything'), h('p', {}, 'This is for owner and admins.')] }
	const [connections, services, members, reports] = await Promise.all([api.connections(), api.services(), api.members(),
		api.bulks()])
	const used = new Set(connections.map(({ service }) => service))
	const place = h('section', { 'aria-live': 'polite' })
	if (reports.length && reports[0].state === 'running')
		open(place, reports[0].id)
	return { title: 'Stop everything', body: [
		h('div', { class: 'head' }, h('div', {}, h('h1', {}, 'Stop everything'), h('p', { class: 'muted' },
			'When something has leaked: many connections at once, and a report of what must be changed by hand.'))),
		askForm(services.filter(({ id }) => used.has(id)).map(({ id, name }) => [id, name]),
			members.map(({ id, name, email }) => [id, name && email ? `${name} (${email})` : name || email]), place),
		place, formerList(reports, place)] }
}
