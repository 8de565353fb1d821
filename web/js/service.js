// SPDX-License-Identifier: Apache-2.0
/* A service's page: what it offers, the organisation's own OAuth app for it, and a custom one's definition. */
import { api } from './api.js'
import { confirm } from './dialog.js'
import { h, say } from './dom.js'
import { appCard } from './oauth-app.js'
import { go } from './router.js'
import { whoami } from './sign-in.js'
import { pair, tile } from './ui.js'

const kinds = { oauth2_code: 'OAuth 2.0, with consent', oauth2_client_credentials: 'OAuth 2.0, without a person',
	api_key: 'API key', basic: 'User name and password', bearer: 'Token', none: 'No credential' }

function remove({ id, name }) {
	confirm(`Delete ${name}?`, 'Its definition goes. This is refused while a connection uses it.', 'Delete', async () => {
		await api.removeService(id)
		await go('/services', { replace: true })
		say('The service is deleted.')
	})
}

const scopesCard = ({ scopes, second_scopes: second }) => h('section', { class: 'card' }, h('h2', {}, 'Scopes'),
	h('table', {}, h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Scope'), h('th', { scope: 'col' },
		'What it allows'))), h('tbody', {}, [...scopes, ...second].map(({ name, description }) => h('tr', {},
		h('td', {}, h('code', {}, name)), h('td', {}, description))))))

const customCard = (service) => h('section', { class: 'card' }, h('h2', {}, 'A service of your own'),
	h('p', { class: 'muted' }, 'It is described by a definition in JSON, which can be replaced.'),
	h('div', { class: 'actions' }, h('a', { class: 'button', href: `/custom-service?id=${service.id}` },
		'Edit the definition'),
	h('button', { type: 'button', class: 'danger', onclick: () => remove(service) }, 'Delete')))

export async function servicePage({ id }) {
	const [service, me] = await Promise.all([api.service(id), whoami()])
	const builds = me.role !== 'viewer'
	const needsApp = service.methods.some((method) => method.needs_app)
	const app = builds && needsApp ? await api.appOf(id) : null
	return { title: service.name, body: [
		h('a', { class: 'back', href: '/services' }, '← All services'),
		h('div', { class: 'head' }, h('div', { class: 'what' }, tile(service.name, service.id), h('div', {},
			h('h1', {}, service.name), h('p', { class: 'muted' }, service.description))),
		h('div', { class: 'actions' }, builds && h('a', { class: 'button go', href: `/services/${id}/connect` },
			'Create Connection'))),
		h('div', { class: 'columns' },
			h('div', {}, app && appCard(service, app, me), service.scopes.length > 0 && scopesCard(service)),
			h('div', {}, h('section', { class: 'card' }, h('h2', {}, 'Details'), h('dl', {},
				pair('Id', h('code', {}, service.id)),
				pair('Categories', service.categories.join(', ')),
				pair('Documentation', service.docs && h('a', { href: service.docs, target: '_blank',
					rel: 'noreferrer noopener' }, new URL(service.docs).host)),
				pair('Ways to connect', h('ul', { class: 'plain' }, service.methods.map(({ name, kind }) => h('li', {}, name,
					h('small', { class: 'muted' }, ` (${kinds[kind] ?? kind})`))))),
				pair('Base address', service.base_url && h('code', {}, service.base_url)),
				pair('May go to', service.hosts.length > 0 && h('ul', { class: 'chips' }, service.hosts.map((host) => h('li',
					{ class: 'chip' }, host)))),
				pair('Data centres', service.data_centres.map(({ name }) => name).join(', ')))),
			service.custom && builds && customCard(service)))] }
}
