// SPDX-License-Identifier: Apache-2.0
/*
 * The panic page, for owner and admins: all connections, a service's or a member's are suspended or revoked at once;
 * and the report says what somebody must do by hand.
 */
import { api, onceOnly } from './api.js'
import { fill, h, say } from './dom.js'
import { makeForm } from './form.js'
import { whoami } from './sign-in.js'
import { busyButton, field, loading, problemBox, time } from './ui.js'

const POLL_MS = 2000
const POLL_MAX_MS = 30_000
const PER_PAGE = 100

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

const heads = () => h('thead', {}, h('tr', {}, ['Connection', 'Account', 'State', 'What to do']
	.map((head) => h('th', { scope: 'col' }, head))))

const openStates = ['by_hand', 'pending', 'waiting']

/* Rows by what they are of: one that has not changed stays, and with it the keyboard that is in it. */
class Rows {
	constructor() {
		this.body = h('tbody', {})
		this.known = new Map()
	}

	show(items) {
		const focused = [...this.known].find(([, { row }]) => row.contains(document.activeElement))?.[0]
		const now = new Map(items.map((each) => {
			const key = `${each.link_name}/${each.user ?? ''}`
			const text = JSON.stringify(each)
			const old = this.known.get(key)
			return [key, old?.text === text ? old : { text, row: item(each) }]
		}))
		const rows = [...now.values()].map(({ row }) => row)
		const stay = new Set(rows)
		for (const { row } of this.known.values())
			stay.has(row) || row.remove()
		rows.forEach((row, at) => row === this.body.children[at] || this.body.insertBefore(row, this.body.children[at] ?? null))
		this.known = now
		if (focused && !this.body.contains(document.activeElement))
			now.get(focused)?.row.querySelector('a').focus()
	}
}

/*
 * The report of one action, looked at again while it goes on and the page is there: more and more rarely, since a
 * provider that does not answer keeps it going for hours. Its items are asked for when the counts have changed (or are
 * old), a page of each kind, and more when somebody wants to see them.
 */
class Report {
	constructor(place, id) {
		Object.assign(this, { place, id, begun: Date.now(), pages: 1, rows: new Rows(), told: '' })
		this.head = h('div', {})
		this.counts = h('p', { role: 'status' })
		this.left = h('div', { class: 'notice bad', hidden: true },
			'What is “By hand” lives on at the service until somebody changes it there.')
		this.table = h('table', { hidden: true }, heads(), this.rows.body)
		this.done = h('p', { hidden: true }, 'Nothing is left to do.')
		this.more = busyButton('Show more', () => {
			this.pages += 1
			return this.items()
		}, { hidden: true })
		this.trouble = h('div', {})
	}

	async items() {
		const lists = await Promise.all(openStates.filter((state) => this.report.counts[state] > 0)
			.map((state) => api.bulkItems(this.id, state, this.pages, PER_PAGE)))
		const items = lists.flatMap((list) => list.items)
		this.rows.show(items)
		this.table.hidden = items.length === 0
		this.more.hidden = !lists.some((list) => list.next)
		this.done.hidden = items.length > 0 || this.report.state !== 'done'
		this.loaded = Date.now()
	}

	tell({ action, asked_by: who, asked_at: at, state, ended_at: end, counts }) {
		fill(this.head, h('h2', {}, action === 'revoke' ? 'Revoked: ' : 'Suspended: ', whose(this.report)),
			h('p', { class: 'muted' }, 'Asked for by ', who.name, ' ', time(at),
				state === 'done' ? [' · done ', time(end)] : ' · goes on by itself'))
		const words = Object.entries(counts).filter(([, count]) => count > 0).map(([each, count]) => `${stateNames[each]}: ${count}`)
			.join(' · ') || 'There was no connection.'
		if (this.counts.textContent !== words) /* or it would be read out again */
			this.counts.textContent = words
		this.left.hidden = !counts.by_hand
	}

	isThere() {
		return this.place.isConnected && this.place.dataset.id === this.id
	}

	async look() {
		fill(this.trouble)
		try {
			this.report = await api.bulk(this.id)
			this.tell(this.report)
			const told = JSON.stringify([this.report.state, this.report.counts])
			if (told !== this.told || Date.now() - this.loaded > POLL_MAX_MS)
				await this.items()
			this.told = told
		} catch (error) {
			fill(this.trouble, problemBox(error, { retry: () => this.look() }))
			return
		}
		if (this.report.state === 'running')
			setTimeout(() => this.isThere() && this.look(), Math.min(POLL_MAX_MS, POLL_MS + (Date.now() - this.begun) / 10))
	}
}

async function open(place, id) {
	const report = new Report(place, id)
	place.dataset.id = id
	fill(place, loading())
	await report.look()
	if (report.isThere())
		fill(place, report.head, report.counts, report.left, report.table, report.more, report.done, report.trouble)
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
	const place = h('section', { 'aria-label': 'Report' })
	if (reports.length && reports[0].state === 'running')
		open(place, reports[0].id)
	return { title: 'Stop everything', body: [
		h('div', { class: 'head' }, h('div', {}, h('h1', {}, 'Stop everything'), h('p', { class: 'muted' },
			'When something has leaked: many connections at once, and a report of what must be changed by hand.'))),
		askForm(services.filter(({ id }) => used.has(id)).map(({ id, name }) => [id, name]),
			members.map(({ id, name, email }) => [id, name && email ? `${name} (${email})` : name || email]), place),
		place, formerList(reports, place)] }
}
