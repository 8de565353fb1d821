// SPDX-License-Identifier: Apache-2.0
/*
 * Addresses and pages. A page is a function (parameters, query) that gives {title, body} or a promise of it; while it
 * is fetched a placeholder stands there, and a Problem becomes an error with "Try again".
 */
import { closeDialogs } from './dialog.js'
import { byId, fill, focusAgain, h } from './dom.js'
import { loading, problemBox } from './ui.js'

const routes = []
let turn = 0

/* pattern: "/connections/:link" */
export function route(pattern, page) {
	const names = []
	const source = pattern.replace(/:([a-z]+)/g, (_, name) => {
		names.push(name)
		return '([^/]+)'
	})
	routes.push({ expression: new RegExp(`^${source}/?$`), names, page })
}

function find(path) {
	for (const { expression, names, page } of routes) {
		const match = expression.exec(path)
		if (match)
			return { page, parameters: Object.fromEntries(names.map((n, i) => [n, decode(match[i + 1])])) }
	}
	return undefined
}

function decode(text) {
	try {
		return decodeURIComponent(text)
	} catch {
		return text
	}
}

const toConnections = () => h('p', {}, h('a', { href: '/connections' }, 'To the connections'))
const missing = () => ({ title: 'No such page', body: [h('h1', {}, 'There is no such page'), toConnections()] })

/* Shows the page of the current address; focus goes to its heading unless this is a reload in place. */
export async function show({ focus = true } = {}) {
	const mine = ++turn
	if (focus)
		closeDialogs()
	const place = byId('page')
	const { page, parameters } = find(location.pathname) ?? { page: missing, parameters: {} }
	/* In place, what stands there stays until the new is here: neither eye nor focus loses its place. */
	const slow = setTimeout(() => focus && mine === turn && fill(place, loading()), 150)
	let shown
	try {
		shown = await page(parameters, new URLSearchParams(location.search))
	} catch (error) {
		shown = { title: 'Error', body: [h('h1', {}, 'This page cannot be shown'),
			problemBox(error, { retry: () => show() }), toConnections()] }
	}
	clearTimeout(slow)
	if (mine !== turn || !shown)
		return
	const focused = document.activeElement
	const lost = place.contains(focused) && focused !== place
	fill(place, shown.body)
	document.title = `${shown.title} – Drawbridge`
	document.dispatchEvent(new CustomEvent('shown'))
	if (focus)
		focusHeading(place)
	else if (lost)
		focusAgain(focused)
}

function focusHeading(place) {
	const heading = place.querySelector('h1')
	heading?.setAttribute('tabindex', '-1')
	heading?.focus({ preventScroll: true })
	scrollTo(0, 0)
}

/* The page is shown anew, where it stands. */
export const reload = () => show({ focus: false })

export function go(address, { replace = false } = {}) {
	history[replace ? 'replaceState' : 'pushState']({}, '', address)
	return show()
}

function isPlainClick(event, link) {
	return event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey
		&& link.origin === location.origin && !link.target && !link.hasAttribute('download')
}

export function start() {
	addEventListener('popstate', () => show())
	document.addEventListener('click', (event) => {
		const link = event.target.closest?.('a[href]')
		if (!link || event.defaultPrevented || !isPlainClick(event, link) || link.getAttribute('href').startsWith('#'))
			return
		if (!find(link.pathname))
			return
		event.preventDefault()
		go(link.pathname + link.search)
	})
	return show()
}
