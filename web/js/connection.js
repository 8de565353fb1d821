// SPDX-License-Identifier: Apache-2.0
/* A connection's page: how it stands, what can be done with it, who uses it and how. */
import { api } from './api.js'
import { takeProblem } from './consent.js'
import { callsCard, usageCard } from './connection-calls.js'
import { settingsCard } from './connection-settings.js'
import { statusCard } from './connection-status.js'
import { firstUsers, usersCard } from './connection-users.js'
import { h } from './dom.js'
import { reload } from './router.js'
import { sharesCard } from './shares.js'
import { whoami } from './sign-in.js'
import { busyButton, copyable, pair, problemBox, tile, time } from './ui.js'

/* A definition's address with the connection's own parameters and its data centre's hosts in it. */
function filled(text, service, { parameters, data_centre: connected }) {
	const id = connected ?? parameters.data_centre ?? service.default_data_centre
	const hosts = service.data_centres.find((each) => each.id === id)?.hosts ?? {}
	return text.replace(/\{(dc\.)?(\w+)\}/g, (whole, dc, name) => (dc ? hosts : parameters)[name] ?? whole)
}

function curlCard(connection, service) {
	const address = `${location.origin}/via/${connection.link_name}/`
	const host = service?.base_url ? `it goes to ${filled(service.base_url, service, connection)}` : 'it goes to the service'
	return h('section', { class: 'card' }, h('h2', {}, 'Use it'),
		h('p', { class: 'muted' }, `Add the service's path to this address; ${host}, with the credential put in on the `
			+ 'way. The key is a caller key of yours, from ', h('a', { href: '/keys' }, 'Keys'), '.'),
		copyable(`curl -H 'Authorization: Bearer dbk_…' \\\n  '${address}…'`, 'the curl line'))
}

const chips = (list) => h('ul', { class: 'chips' }, list.map((each) => h('li', {}, h('span', { class: 'chip' }, each))))

function detailsCard(connection, service, method) {
	const { scopes_asked: asked, second_scopes_asked: second, scopes_granted: granted } = connection
	const centre = service?.data_centres.find(({ id }) => id === connection.data_centre)?.name ?? connection.data_centre
	const all = [...asked, ...second]
	const labelOf = (name) => method?.parameters.find((each) => each.name === name)?.label ?? name
	const parameters = Object.entries(connection.parameters).filter(([each]) => each !== 'data_centre')
	return h('section', { class: 'card' }, h('h2', {}, 'Details'), h('dl', {},
		pair('Service', service ? h('a', { href: `/services/${service.id}` }, service.name) : connection.service),
		pair('Way to connect', method?.name ?? connection.method),
		pair('Account', connection.account),
		pair('Data centre', centre),
		parameters.map(([each, value]) => pair(labelOf(each), String(value))),
		pair('Whose account', connection.per_user ? 'Each user connects their own' : 'One for everybody'),
		pair('Scopes asked', all.length > 0 && chips(all)),
		pair('Scopes granted', granted.length > 0 && chips(granted)),
		pair('May go to', service?.hosts.length > 0 && chips(service.hosts.map((host) => filled(host, service, connection)))),
		pair('Owner', connection.owner?.name),
		pair('Connected', connection.connected_at && time(connection.connected_at)),
		pair('Token ends', connection.status === 'connected' && connection.expires_at
			&& [time(connection.expires_at), ' ', h('span', { class: 'muted' },
				method?.kind.startsWith('oauth2') ? '(renewed by itself)' : '')]),
		pair('Access ends', forecast(connection)),
		pair('Take care', connection.warning),
		pair('Created', time(connection.created_at))))
}

/* When it will not work any more although it is renewed. */
function forecast({ expires_forecast: end }) {
	return end && [time(end.at), ' ', h('span', { class: 'muted' }, end.detail)]
}

export async function connectionPage({ link }) {
	const [connection, me] = await Promise.all([api.connection(link), whoami()])
	const none = () => undefined
	const [service, usage, calls, shares, users, own] = await Promise.all([api.service(connection.service).catch(none),
		api.usage(link).catch(none), api.calls(link).catch(none), api.shares(link).catch(none),
		Promise.resolve(firstUsers(connection)).catch(none),
		connection.per_user && me.role !== 'viewer' ? api.user(link, 'me').catch(none) : undefined])
	const problem = takeProblem(connection.link_name)
	const name = service?.name ?? connection.service
	const method = service?.methods.find(({ id }) => id === connection.method)
	return { title: connection.name, body: [
		h('a', { class: 'back', href: '/connections' }, '← All connections'),
		h('div', { class: 'head' }, h('div', { class: 'what' }, tile(name, connection.service), h('div', {},
			h('h1', {}, connection.name), h('p', { class: 'muted' }, h('code', {}, connection.link_name), ` · ${name}`))),
		h('div', { class: 'actions' }, busyButton('Refresh', reload))),
		problem && problemBox(problem),
		h('div', { class: 'columns' },
			h('div', {}, statusCard(connection, me, method, own), usersCard(connection, users, method),
				curlCard(connection, service), callsCard(calls),
				settingsCard(connection, service, method, me)),
			h('div', {}, usageCard(usage, connection), detailsCard(connection, service, method),
				shares && sharesCard(connection, shares)))] }
}
