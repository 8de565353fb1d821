// SPDX-License-Identifier: Apache-2.0
/* The services that can be connected: searched, by category. */
import { api } from './api.js'
import { fill, h } from './dom.js'
import { whoami } from './sign-in.js'
import { tile } from './ui.js'

const card = (builds) => (service) => h('li', { class: 'service' },
	h('div', { class: 'what' }, tile(service.name, service.id), h('div', {},
		h('h2', {}, h('a', { href: `/services/${service.id}` }, service.name)),
		h('span', { class: 'muted' }, service.custom ? 'Your own · ' : '', service.categories.join(', ')))),
	h('p', {}, service.description),
	builds && h('div', { class: 'actions' }, h('a', { class: 'button', href: `/services/${service.id}/connect`,
		'aria-label': `Connect ${service.name}` }, 'Connect')))

const textOf = ({ name, id, description, categories }) => [name, id, description, ...categories].join(' ').toLowerCase()

export async function servicesPage() {
	const [services, me] = await Promise.all([api.services(), whoami()])
	const builds = me.role !== 'viewer'
	const categories = [...new Set(services.flatMap((service) => service.categories))].sort()
	const list = h('ul', { class: 'services' })
	const count = h('p', { class: 'muted', role: 'status' })
	const search = h('input', { type: 'search', 'aria-label': 'Search services', placeholder: 'Search' })
	const category = h('select', { 'aria-label': 'Category' }, h('option', { value: '' }, 'All categories'),
		categories.map((name) => h('option', { value: name }, name)))
	const show = () => {
		const words = search.value.toLowerCase().split(/\s+/).filter(Boolean)
		const found = services.filter((service) => words.every((word) => textOf(service).includes(word))
			&& (!category.value || service.categories.includes(category.value)))
		fill(list, found.map(card(builds)))
		count.textContent = found.length ? '' : 'No service fits. Any service can be added: describe it as a service '
			+ 'of your own.'
	}
	search.addEventListener('input', show)
	category.addEventListener('change', show)
	show()
	return { title: 'Services', body: [
		h('div', { class: 'head' }, h('div', {}, h('h1', {}, 'Services'),
			h('p', { class: 'muted' }, 'Choose a service to connect to it.')),
		h('div', { class: 'actions' }, builds && h('a', { class: 'button', href: '/custom-service' },
			'Add a service of your own'))),
		h('div', { class: 'filters' }, search, h('div', {}, category)), list, count] }
}
