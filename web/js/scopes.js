// SPDX-License-Identifier: Apache-2.0
/* Choosing scopes: a searchable list with what each one allows, and scopes that the list does not know. */
import { append, fill, h } from './dom.js'
import { choice } from './form.js'
import { readScope, spellingsOf } from './scope-spelling.js'
import { field } from './ui.js'

const asArticles = (typed) => `${typed}, as some articles spell it,`

/*
 * Of one list of a service ('scopes' or 'second_scopes'); chosen: names that are ticked (default: the presets). Gives
 * {element, value(), input, setError} so that it can stand where a field does.
 */
export function scopePicker(title, service, which, chosen) {
	const scopes = service[which]
	const read = (name) => readScope(name, scopes, service.scope_aliases)
	const presets = scopes.filter((scope) => scope.preset).map(({ name }) => name)
	const ticked = new Set((chosen ?? presets).map((name) => ownName(name, read(name))))
	const rows = []
	const list = h('div', { class: 'choices' })
	const count = h('p', { class: 'help', role: 'status' })
	const value = () => rows.filter(({ input }) => input.checked).map(({ name }) => name)
	const tell = () => { count.textContent = `${value().length} chosen` }
	const add = (scope, checked) => {
		const other = h('em', {})
		const words = `${scope.name} ${scope.description} ${scope.group ?? ''}`.toLowerCase()
		const parts = choice(scope.name, [scope.description, other], { checked, onchange: tell })
		rows.push({ ...parts, name: scope.name, words, group: scope.group ?? '', other,
			spellings: spellingsOf(scope.name, service.scope_aliases) })
	}
	const addOwn = (name) => add({ name, description: strange(read(name)) }, true)
	const groups = [...new Set(scopes.map(({ group }) => group))]
	for (const group of groups)
		scopes.filter((scope) => scope.group === group).forEach((scope) => add(scope, ticked.has(scope.name)))
	;[...ticked].filter((name) => !read(name).known).forEach(addOwn)

	const search = h('input', { type: 'search', 'aria-label': `Search ${title.toLowerCase()}`, placeholder: 'Search scopes' })
	const show = () => {
		const words = search.value.toLowerCase().split(/\s+/).filter(Boolean)
		fill(list)
		let group = ''
		for (const row of rows.filter((each) => fits(each, words))) {
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
	const tick = (name) => {
		search.value = ''
		const has = (each) => each.name === name
		if (!rows.some(has))
			addOwn(name)
		const row = rows.find(has)
		row.input.checked = true
		show()
		row.row.scrollIntoView({ block: 'nearest' })
	}
	const more = ownScope(service, read, tick)
	show()
	const error = h('p', { class: 'field-error', role: 'alert' })
	const element = h('fieldset', {}, h('legend', {}, title), rows.length > 6 && h('div', { class: 'filters' }, search),
		list, count, error, more)
	return { element, value, input: search, setError: (text) => { error.textContent = text ?? '' } }
}

/* What is asked for where somebody gives this name: as the server decides it. */
const ownName = (name, { alias, scope }) => (alias ? scope.name : name)

const strange = ({ scope, meant }) => ['Not in the list of this service; it is asked for as it stands.',
	(scope || meant) && `Perhaps ${scope?.name ?? meant} is meant.`].filter(Boolean).join(' ')

/* Whether all the words stand in what is shown of a row, or in another spelling of it, which is then shown, too. */
function fits(row, words) {
	const seen = (word) => row.words.includes(word)
	const spelling = words.every(seen) ? undefined : row.spellings.find((each) => words.every((word) => seen(word)
		|| each.toLowerCase().includes(word)))
	row.other.textContent = spelling ? ` ${asArticles(spelling)} means this one.` : ''
	return words.every(seen) || spelling !== undefined
}

/* Typing a scope, or pasting several: what the list has by another spelling is offered, the rest is added as it is. */
function ownScope(service, read, tick) {
	const scope = field('Another scope', h('input', { spellcheck: 'false', autocomplete: 'off' }), { optional: true,
		help: 'Type or paste its name, then press Add.' })
	const told = h('p', { class: 'help', role: 'status' })
	const offers = h('div', { 'aria-live': 'polite' })
	const typed = () => [...new Set(scope.input.value.split(/[\s,]+/).filter(Boolean))]
	const offer = (name) => {
		const { scope: own, known, alias } = read(name)
		return own && !known && h('div', { class: 'notice' }, h('b', {}, own.name), h('p', {}, own.description),
			h('p', { class: 'help' }, alias ? `${asArticles(name)} means this scope at ${service.name}.`
				: `This is how ${service.name} spells it; ${name} is not in its list.`),
			h('button', { type: 'button', class: 'quiet', onclick: () => use(own.name, name) }, `Use ${own.name}`))
	}
	const look = () => fill(offers, typed().map(offer))
	const use = (own, name) => {
		scope.input.value = typed().filter((each) => each !== name).join(' ')
		tick(own)
		told.textContent = `${own} is chosen.`
		look()
		scope.input.focus()
	}
	const take = () => {
		const all = typed().map((name) => ({ name, own: ownName(name, read(name)) }))
		all.forEach(({ own }) => tick(own))
		told.textContent = all.map(({ name, own }) => (own === name ? `${name} is chosen.`
			: `${asArticles(name)} is ${own} at ${service.name}: that is chosen.`)).join(' ')
		scope.input.value = ''
		look()
		scope.input.focus()
	}
	scope.input.addEventListener('input', look)
	scope.input.addEventListener('keydown', (event) => {
		if (event.key === 'Enter') {
			event.preventDefault()
			take()
		}
	})
	const button = h('button', { type: 'button', class: 'quiet', onclick: take }, 'Add')
	return h('details', {}, h('summary', {}, 'A scope that is not listed'), scope.row, offers, told, button)
}
