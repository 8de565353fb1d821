// SPDX-License-Identifier: Apache-2.0
/*
 * Making elements under any Content-Security-Policy: text is always text, no HTML is read, no style attribute is
 * written.
 */

/* h('button', {class: 'go', onclick: f}, 'Save'): "on…" are listeners; null, undefined and false are left out. */
export function h(tag, attributes = {}, ...children) {
	const element = document.createElement(tag)
	for (const [name, value] of Object.entries(attributes)) {
		if (value === null || value === undefined || value === false)
			continue
		if (name.startsWith('on'))
			element.addEventListener(name.slice(2), value)
		else
			element.setAttribute(name, value === true ? '' : value)
	}
	element.append(...children.filter((child) => child !== null && child !== undefined && child !== false && child !== ''))
	return element
}

const svgSpace = 'http://www.w3.org/2000/svg'
const paths = {
	chat: 'M4 5.5A2.5 2.5 0 0 1 6.5 3h11A2.5 2.5 0 0 1 20 5.5v8a2.5 2.5 0 0 1-2.5 2.5H11l-4.4 4.1A.95.95 0 0 1 5 19.4V15.8'
		+ 'A2.5 2.5 0 0 1 4 13.5z',
	close: 'M6 6l12 12M18 6L6 18',
	down: 'M6 9.5l6 6 6-6',
	send: 'M4.5 12h14M12.5 5.5L19 12l-6.5 6.5',
	again: 'M4.5 4.5v5h5M4.9 9.5A7.5 7.5 0 1 1 4.6 13.4',
	out: 'M9 5H5.5v13.5H19V15M12.5 5H19v6.5M18.6 5.4L10.5 13.5'
}

/* A picture that says nothing: its button has the label. */
export function icon(name) {
	const svg = document.createElementNS(svgSpace, 'svg')
	for (const [key, value] of Object.entries({ viewBox: '0 0 24 24', width: 24, height: 24, fill: 'none',
		stroke: 'currentColor', 'stroke-width': 2, 'stroke-linecap': 'round', 'stroke-linejoin': 'round',
		'aria-hidden': 'true', focusable: 'false', class: `icon icon-${name}` }))
		svg.setAttribute(key, value)
	const path = document.createElementNS(svgSpace, 'path')
	path.setAttribute('d', paths[name])
	svg.append(path)
	return svg
}

const schemes = new Set(['http:', 'https:', 'mailto:'])

/* The URL as it may be opened, or null: whole ones alone, of schemes that run nothing. */
export function safeUrl(text, allowed = schemes) {
	try {
		const url = new URL(text)
		return allowed.has(url.protocol) ? url.href : null
	} catch {
		return null
	}
}
