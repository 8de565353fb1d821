// SPDX-License-Identifier: Apache-2.0
/* Making elements. Text is always text: nothing here reads HTML. */

let serial = 0

/* An id that is used once in this page's life, for labels and their fields. */
export const newId = (prefix = 'id') => `${prefix}-${++serial}`

/*
 * h('button', {class: 'go', onclick: f, disabled: true}, 'Save')
 * Attributes that are null, undefined or false are left out; "on…" are listeners; children are elements, texts,
 * lists of them, or nothing.
 */
export function h(tag, attributes = {}, ...children) {
	const element = document.createElement(tag)
	for (const [name, value] of Object.entries(attributes)) {
		if (value === null || value === undefined || value === false)
			continue
		if (name.startsWith('on'))
			element.addEventListener(name.slice(2), value)
		else if (name === 'value' || name === 'checked')
			element[name] = value
		else
			element.setAttribute(name, value === true ? '' : value)
	}
	append(element, children)
	return element
}

export function append(element, children) {
	for (const child of children.flat(Infinity)) {
		if (child !== null && child !== undefined && child !== false && child !== '')
			element.append(child)
	}
	return element
}

/* Replaces what an element holds. */
export function fill(element, ...children) {
	element.replaceChildren()
	return append(element, children)
}

export const byId = (id) => document.getElementById(id)

const labelOf = (element) => element.getAttribute('aria-label') || element.textContent

/*
 * Focus, when what had it was replaced: to what is called the same now, else to the page's heading, so that neither
 * keyboard nor screen reader begins at the top again.
 */
export function focusAgain(old) {
	const page = byId('page')
	const same = [...page.querySelectorAll(old?.localName || 'none')].find((each) => labelOf(each) === labelOf(old))
	const place = same ?? page.querySelector('h1')
	if (place && !same)
		place.setAttribute('tabindex', '-1')
	place?.focus({ preventScroll: true })
}

/* Says something to screen readers, and shows it for a while. */
let quiet
export function say(text) {
	const place = byId('said')
	clearTimeout(quiet)
	place.textContent = text
	quiet = setTimeout(() => { place.textContent = '' }, 6000)
}
