// SPDX-License-Identifier: Apache-2.0
/* What goes through a connection: figures of a day, its keys, its last calls. */
import { h } from './dom.js'
import { time } from './ui.js'

const figure = (value, text) => h('div', {}, h('b', {}, value), h('span', { class: 'muted' }, text))

export function usageCard(usage, connection) {
	if (!usage)
		return null
	const last = usage.last_used_at ?? connection.last_used_at
	const { calls_last_day: calls, failed_last_day: failed, keys } = usage
	return h('section', { class: 'card' }, h('h2', {}, 'Where it is used'),
		h('div', { class: 'figures' }, figure(calls, 'calls in 24 hours'), figure(failed, 'of them failed')),
		h('p', {}), h('p', { class: 'muted' }, last ? ['Last used ', time(last), '.'] : 'Never used yet.'),
		keys.length > 0 && [h('p', { class: 'muted' }, 'Keys for it alone:'), h('ul', { class: 'chips' },
			keys.map(({ name, prefix }) => h('li', { class: 'chip' }, name, ' ', h('code', {}, `${prefix}…`))))])
}

const tone = (status) => (status >= 400 || !status ? 'bad' : 'good')

const row = (call) => h('tr', {},
	h('td', { 'data-label': 'When' }, time(call.at)),
	h('td', { 'data-label': 'Request' }, h('code', {}, `${call.method ?? ''} ${call.path ?? ''}`)),
	h('td', { 'data-label': 'Answer' }, h('span', { class: `badge ${tone(call.status)}` }, call.status),
		call.code && h('small', {}, ` ${call.code}`)),
	h('td', { 'data-label': 'Time' }, `${Math.round(call.total_ms)} ms`))

export function callsCard(calls) {
	if (!calls)
		return null
	return h('section', { class: 'card' }, h('h2', {}, 'Last calls'), calls.items.length
		? h('table', {}, h('thead', {}, h('tr', {}, ['When', 'Request', 'Answer', 'Time'].map((text) => h('th',
			{ scope: 'col' }, text)))), h('tbody', {}, calls.items.slice(0, 10).map(row)))
		: h('p', { class: 'muted' }, 'No call yet. Each one is listed here with its answer’s status; bodies are not kept.'))
}
