// SPDX-License-Identifier: Apache-2.0
/* Choosing scopes: a searchable list with what each one allows, and scopes that the list does not know. */
import { append, fill, h } from './dom.js'
import { choice } from './form.js'
import { field } from './ui.js'

/*
 * scopes: the service's; chosen: names that are ticked (default: the presets). Gives {element, value(), input,
 * setError} so that it can stand where a field does.
 */
export function scopePicker(title, scopes, chosen = scopes.filter((scope) => scope.preset).map(({ name }) => name)) {
	const known = new Set(scopes.map(({ name }) => name))
	const rows = []
	const list = h('div', { class: 'choices' })
	const count = h('p', { class: 'help', role: 'status' })
	const value = () => rows.filter(({ input }) => input.checked).map(({ name }) => name)
	const tell = () => { count.textContent = `${value().length} chosen` }
	const add = (scope, checked) => {
		const words = `${scope.name} ${scope.description} ${scope.group ?? ''}`.toLowerCase()
		const parts = choice(scope.name, scope.description, { checked, onchange: tell })
		rows.push({ ...parts, name: scope.name, words, group: scope.group ?? '' })
	}
	const addOwn = (name) => add({ name, description: 'Not in the list of this service; it is asked for as it stands.' },
		true)
	const groups = [...new Set(scopes.map(({ group }) => group))]
	for (const group of groups)
		scopes.filter((scope) => scope.group === group).forEach((scope) => add(scope, chosen.includes(scope.name)))
	chosen.filter((name) => !known.has(name)).forEach(addOwn)

	const search = h('input', { type: 'search', 'aria-label': `Search ${title.toLowerCase()}`, placeholder: 'Search scopes' })
	const show = () => {
		const words = search.value.toLowerCase().split(/\s+/).filter(Boolean)
		fill(list)
		let group = ''
		for (const row of rows.filter((each) => words.every((word) => each.words.includes(word)))) {
			if (row.group !== group && row.group)
				append(list, [h('h3', {}, row.group)])
			group = row.group
			append(list, [row.row])
		}
		if (!list.childElementCount)
			append(list, [h('p', { class: 'muted choice' }, rows.length ? 'No scope fits.' : 'No scope yet.')])
		tell()
	}
	search.addEventListener('input', show)
	const more = ownScope((name) => {
		const row = rows.find((each) => each.name === name)
		if (row)
			row.input.checked = true
		else
			addOwn(name)
		show()
	})
	show()
	const error = h('p', { class: 'field-error', role: 'alert' })
	const element = h('fieldset', {}, h('legend', {}, title), rows.length > 6 && h('div', { class: 'filters' }, search),
		list, count, error, more)
	return { element, value, input: search, setError: (text) => { error.textContent = text ?? '' } }
}

function ownScope(add) {
	const scope = field('Another scope', h('input', { spellcheck: 'false', autocomplete: 'off' }), { optional: true,
		help: 'Type its name as the service writes it, then press Add.' })
	const take = () => {
		const name = scope.input.value.trim()
		if (name)
			add(name)
		scope.input.value = ''
		scope.input.focus()
	}
	scope.input.addEventListener('keydown', (event) => {
		if (event.key === 'Enter') {
			event.preventDefault()
			take()
		}
	})
	const button = h('button', { type: 'button', class: 'quiet', onclick: take }, 'Add')
	return h('details', {}, h('summary', {}, 'A scope that is not listed'), scope.row, button)
}
