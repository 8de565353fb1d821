// SPDX-License-Identifier: Apache-2.0
/* What the page asks for: the data-attributes of its script element. What is not right is said, and left out. */

const warn = (...words) => console.warn('Drawbridge:', ...words)

export function isObject(value) {
	return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function jsonObject(text, name) {
	if (text === undefined)
		return {}
	try {
		const value = JSON.parse(text)
		if (isObject(value))
			return value
	} catch {}
	warn(`${name} is no JSON object, and is left out.`)
	return {}
}

function oneOf(list, value, name) {
	if (value === undefined || list.includes(value))
		return value ?? list[0]
	warn(`${name} must be one of ${list.join(', ')}.`)
	return list[0]
}

/* On Drawbridge's own page /chat/{flow} the flow stands in the address. */
function pageFlow() {
	const part = location.pathname.split('/').filter(Boolean).pop() ?? ''
	try {
		return decodeURIComponent(part)
	} catch {
		return ''
	}
}

const directionOf = (element) => (getComputedStyle(element).direction === 'rtl' ? 'rtl' : 'ltr')

export function readOptions(script) {
	const data = script.dataset
	const page = document.documentElement
	const mode = oneOf(['panel', 'page'], data.mode, 'data-mode')
	return {
		base: new URL('.', script.src),
		flow: data.flow || (mode === 'page' ? pageFlow() : ''),
		mode,
		session: jsonObject(data.session, 'data-session'),
		strings: jsonObject(data.strings, 'data-strings'),
		lang: data.lang ?? (page.lang || 'en'),
		dir: data.dir === undefined ? directionOf(page) : oneOf(['ltr', 'rtl'], data.dir, 'data-dir'),
		position: oneOf(['end', 'start'], data.position, 'data-position'),
		theme: oneOf(['auto', 'light', 'dark'], data.theme, 'data-theme'),
		colour: data.colour,
		title: data.title
	}
}
