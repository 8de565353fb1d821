// SPDX-License-Identifier: Apache-2.0
/* Forms: one way to send them, and fields as a service definition describes them. */
import { fill, h } from './dom.js'
import { busy, field, showProblem } from './ui.js'

/*
 * A form that runs send() once at a time. A Problem is shown at the field that its pointer names (byPointer: pointer
 * to field), else above the button. more: other buttons. extra(error) may add to what is shown of a Problem.
 */
export function makeForm(rows, yes, send, { byPointer = {}, more, extra, attributes } = {}) {
	const trouble = h('div', {})
	const button = h('button', { class: 'go', type: 'submit' }, yes)
	const submit = (event) => {
		event.preventDefault()
		busy(button, async () => {
			fill(trouble)
			try {
				await send()
			} catch (error) {
				showProblem(error, trouble, byPointer)
				trouble.append(...[extra?.(error)].filter(Boolean))
			}
		})
	}
	return h('form', { ...attributes, onsubmit: submit }, rows, trouble, h('div', { class: 'actions' }, button, more))
}

/* A definition's pattern stands for all of the text, as that of an <input> does. */
const plainPattern = (pattern) => pattern?.replace(/^\^/, '').replace(/\$$/, '') ?? null

const shown = (value) => (value ? `Example: ${value}` : null)

/* A field of a credential; a secret one is written and never read back. */
export function credentialField(described) {
	const { name, label, secret, optional, pattern, help, example } = described
	const input = h('input', { type: secret ? 'password' : 'text', autocomplete: secret ? 'new-password' : 'off',
		spellcheck: 'false', required: !optional, name, pattern: secret ? null : plainPattern(pattern) })
	return field(label, input, { help: [help, shown(example)].filter(Boolean).join(' ') || null, optional })
}

/* A parameter of a connection: a text, or one of some choices. */
export function parameterField(described, value) {
	const { name, label, optional, pattern, choices, help, example } = described
	const now = value ?? described.default ?? ''
	const input = choices.length
		? h('select', { name, required: !optional }, (optional || !now) && h('option', { value: '' }, 'Choose …'),
			choices.map((choice) => h('option', { value: choice.value, selected: choice.value === now }, choice.label)))
		: h('input', { name, value: now, required: !optional, pattern: plainPattern(pattern), spellcheck: 'false',
			autocomplete: 'off' })
	return field(label, input, { help: [help, shown(example)].filter(Boolean).join(' ') || null,
		optional: optional && !described.default })
}

/* {name: value} of fields that hold something. */
export function valuesOf(fields) {
	return Object.fromEntries(Object.entries(fields).map(([name, { input }]) => [name, input.value])
		.filter(([, value]) => value !== ''))
}

/* A checkbox with its label and what it means. */
export function choice(label, help, attributes = {}) {
	const input = h('input', { type: 'checkbox', ...attributes })
	return { input, row: h('label', { class: 'choice' }, input, h('span', {}, h('b', {}, label),
		help && h('small', {}, help))) }
}
