// SPDX-License-Identifier: Apache-2.0
/* Parts that pages are made of. */
import { Problem } from './api.js'
import { fill, h, newId, say } from './dom.js'
import { ago, colour, exactly, initials, statuses } from './text.js'

export const loading = (text = 'Loading …') => h('p', { class: 'loading', role: 'status' }, text)

/* An error as the API told it: title, what was wrong, what to do. */
export function problemBox(error, { retry } = {}) {
	if (!(error instanceof Problem))
		console.error(error)
	const { title, detail, hint, pointer } = error instanceof Problem ? error
		: { title: 'The page has failed', detail: String(error), hint: 'Reload it; if that does not help, tell us.' }
	return h('div', { class: 'problem', role: 'alert' },
		h('strong', {}, title),
		detail && h('p', {}, detail, pointer && h('small', {}, ` (at ${pointer})`)),
		hint && h('p', { class: 'hint' }, hint),
		retry && h('button', { type: 'button', onclick: retry }, 'Try again'))
}

/*
 * A labelled field. options.help stands below; options.error comes from setError(). Gives {row, input, setError}.
 */
export function field(label, input, { help, optional } = {}) {
	const id = input.id || newId('field')
	input.id = id
	const note = h('span', { class: 'field-error', id: `${id}-error` })
	const described = [help && `${id}-help`, `${id}-error`].filter(Boolean).join(' ')
	input.setAttribute('aria-describedby', described)
	const row = h('div', { class: 'field' },
		h('label', { for: id }, label, optional && h('small', {}, ' (optional)')),
		input,
		help && h('span', { class: 'help', id: `${id}-help` }, help),
		note)
	const setError = (text) => {
		note.textContent = text ?? ''
		input.toggleAttribute('aria-invalid', Boolean(text))
		if (text)
			input.setAttribute('aria-invalid', 'true')
	}
	input.addEventListener('input', () => setError(''))
	return { row, input, setError }
}

/* Shows a Problem at the field that its pointer names, else in the place for all of the form. */
export function showProblem(error, place, byPointer = {}) {
	const at = Object.keys(byPointer).find((pointer) => error.pointer && error.pointer === pointer)
	if (at) {
		byPointer[at].setError(error.detail)
		byPointer[at].input.focus()
		fill(place)
	} else {
		fill(place, problemBox(error))
		place.scrollIntoView({ block: 'nearest' })
	}
}

/* A button that is busy while what it does is under way, so that it is done once. A Problem nobody took is said. */
export function busyButton(text, action, attributes = {}) {
	const button = h('button', { type: 'button', ...attributes }, text)
	button.addEventListener('click', (event) => busy(button, () => action(event)).catch((error) => {
		if (!(error instanceof Problem))
			throw error
		say(error.detail || error.title)
	}))
	return button
}

export async function busy(button, work) {
	if (button.getAttribute('aria-busy') === 'true')
		return
	button.setAttribute('aria-busy', 'true')
	try {
		await work()
	} finally {
		button.removeAttribute('aria-busy')
	}
}

/* One that each user connects is not "not connected": it has no grant of its own. */
export const isEachUsers = ({ per_user: own, status }) => own && status === 'not_connected'

export function statusBadge(connection) {
	const { word, tone } = (isEachUsers(connection) ? statuses.each_user : statuses[connection.status]) ?? { word: connection.status, tone: 'idle' }
	return h('span', { class: `badge ${tone}` }, word)
}

export const healthBadge = (connection) => connection.status === 'connected' && isDegraded(connection)
	&& h('span', { class: 'badge warn' }, 'Degraded')

export function isDegraded({ health }) {
	return Boolean(health) && (health.state ?? health) !== 'ok'
}

export const time = (at, otherwise = 'never') => (at
	? h('time', { datetime: at, title: exactly(at) }, ago(at)) : otherwise)

export const tile = (name, id) => h('span', { class: `tile c${colour(id)}`, 'aria-hidden': 'true' }, initials(name))

/* A pair for a <dl>; nothing when there is no value. */
export const pair = (term, ...value) => (value.some(Boolean) ? [h('dt', {}, term), h('dd', {}, value)] : [])

/* Text with a button that copies it. */
export function copyable(text, label) {
	const button = h('button', { type: 'button', class: 'quiet', 'aria-label': `Copy ${label}` }, 'Copy')
	button.addEventListener('click', async () => {
		await navigator.clipboard?.writeText(text)
		button.textContent = navigator.clipboard ? 'Copied' : 'Select it, then copy'
		setTimeout(() => { button.textContent = 'Copy' }, 2000)
	})
	return h('div', { class: 'copyable' }, h('pre', { tabindex: '0', 'aria-label': label }, text), button)
}
