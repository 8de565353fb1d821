// SPDX-License-Identifier: Apache-2.0
/*
 * Where the widget lives in a page that is not ours: an element with a shadow root of its own, whose own sheet goes
 * before the page's (important rules of :host win over the page's), in the browser's top layer, where no z-index
 * of the page is above it. Styles are sheets made by script, which a policy without 'unsafe-inline' allows.
 */
import { h } from './dom.js'
import { parseColour, textOn } from './colour.js'
import { sheetText } from './style.js'

const usual = '#0b6b52'

function sheet(text) {
	const made = new CSSStyleSheet()
	made.replaceSync(text)
	return made
}

/* Gives {host, shadow, root, colour(text)}; root takes what is shown. */
export function makePlace({ lang, dir, theme, position, mode }) {
	const host = h('drawbridge-chat', { popover: mode === 'panel' ? 'manual' : null })
	const shadow = host.attachShadow({ mode: 'open' })
	const root = h('div', { class: 'root', lang, dir, 'data-theme': theme, 'data-position': position, 'data-mode': mode })
	shadow.adoptedStyleSheets = [sheet(sheetText)]
	shadow.append(root)
	document.body.append(host)
	if (mode === 'panel')
		host.showPopover?.()
	/* The first that is a colour is taken. */
	const colour = (...texts) => {
		const chosen = [...texts, usual].find(parseColour)
		root.style.setProperty('--flow-accent', chosen)
		root.style.setProperty('--flow-on-accent', textOn(parseColour(chosen)))
	}
	colour()
	return { host, shadow, root, colour }
}
