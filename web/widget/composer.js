// SPDX-License-Identifier: Apache-2.0
/* Where the visitor answers: what suits the question. Whether an answer is right is for the bot to say. */
import { h, icon } from './dom.js'

const bytesMost = 4096

const fields = {
	text: { label: 'answer', autocomplete: 'off' },
	number: { label: 'answerNumber', inputmode: 'decimal', autocomplete: 'off' },
	email: { label: 'answerEmail', type: 'email', inputmode: 'email', autocomplete: 'email' },
	phone: { label: 'answerPhone', type: 'tel', inputmode: 'tel', autocomplete: 'tel' },
	date: { label: 'answerDate', type: 'date' }
}

const fits = (text) => new TextEncoder().encode(text).length <= bytesMost

/* As high as its text, up to what the sheet allows. */
function grow(area) {
	area.style.height = 'auto'
	area.style.height = `${area.scrollHeight + area.offsetHeight - area.clientHeight}px`
}

function control(kind, say) {
	const { label, ...attributes } = fields[kind] ?? fields.text
	const common = { class: 'input', part: 'input', 'aria-label': say(label), dir: 'auto', enterkeyhint: 'send',
		maxlength: bytesMost }
	if (kind !== 'text' && fields[kind])
		return h('input', { type: 'text', ...common, placeholder: say(label), ...attributes })
	const area = h('textarea', { rows: 1, ...common, placeholder: say(label), ...attributes })
	area.addEventListener('input', () => grow(area))
	return area
}

/* A field and its button; send(text) gets what was written. draft: what stood there before. */
export function fieldOf(kind, { say, send, draft = '' }) {
	const input = control(kind, say)
	input.value = draft
	const button = h('button', { type: 'submit', class: 'send', part: 'send', 'aria-label': say('send') }, icon('send'))
	const submit = (event) => {
		event.preventDefault()
		const text = input.value.trim()
		if (text && fits(text))
			send(text)
		else
			input.focus()
	}
	const ready = () => button.toggleAttribute('data-ready', input.value.trim() !== '')
	input.addEventListener('input', ready)
	input.addEventListener('keydown', (event) => {
		if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && input.localName === 'textarea')
			submit(event)
	})
	ready()
	return h('form', { class: 'field', novalidate: true, onsubmit: submit }, input, button)
}

/* Buttons: send(id, label) gets the one that was pressed. */
export function choicesOf(choices, { say, send }) {
	const list = (Array.isArray(choices) ? choices : []).slice(0, 100)
		.filter((each) => typeof each?.id === 'string')
	return h('div', { class: 'choices', role: 'group', 'aria-label': say('choices') },
		...list.map(({ id, label }) => h('button', { type: 'button', class: 'choice', part: 'choice', dir: 'auto',
			onclick: () => send(id, typeof label === 'string' ? label : id) }, typeof label === 'string' ? label : id)))
}
