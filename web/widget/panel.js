// SPDX-License-Identifier: Apache-2.0
/* The parts that stay: the launcher, the panel with its heading, the log, and the place for the answer. */
import { h, icon } from './dom.js'

const dots = () => h('div', { class: 'message bot typing', 'aria-hidden': 'true', hidden: true }, h('i'), h('i'), h('i'))

/* actions: toggle, close, restart. Gives the elements, and label(title) that names them. */
export function makePanel({ mode, say }, { toggle, close, restart }) {
	const page = mode === 'page'
	const launcher = h('button', { type: 'button', class: 'launcher', part: 'launcher', 'aria-expanded': 'false',
		'aria-haspopup': 'dialog', 'aria-controls': 'panel', onclick: toggle, hidden: page }, icon('chat'), icon('down'))
	const title = h(page ? 'h1' : 'h2', { class: 'title', part: 'title', id: 'title', dir: 'auto' })
	const again = h('button', { type: 'button', class: 'tool', part: 'restart', onclick: restart, hidden: true }, icon('again'))
	const closing = h('button', { type: 'button', class: 'tool', part: 'close', onclick: close, hidden: page }, icon('close'))
	const header = h('div', { class: 'header', part: 'header' }, h('span', { class: 'face', 'aria-hidden': 'true' },
		icon('chat')), title, again, closing)
	const log = h('div', { class: 'log', part: 'log', role: 'log', 'aria-live': 'polite', tabindex: 0 })
	const typing = dots()
	const status = h('div', { class: 'status', role: 'status' })
	const composer = h('div', { class: 'composer', part: 'composer' })
	const panel = h(page ? 'main' : 'section', { class: 'panel', part: 'panel', id: 'panel', role: page ? null : 'dialog',
		'aria-labelledby': 'title', tabindex: -1, hidden: !page }, header, h('div', { class: 'scroll' }, log, typing), status,
	composer)
	const label = (name, unread) => {
		title.textContent = name
		const chat = say('launcher')
		launcher.setAttribute('aria-label', unread ? `${chat}: ${say('unread')}` : chat)
		launcher.toggleAttribute('data-unread', unread)
		closing.setAttribute('aria-label', say('close'))
		again.setAttribute('aria-label', say('restart'))
		log.setAttribute('aria-label', say('log'))
	}
	return { launcher, panel, again, log, typing, status, composer, label, scroll: log.parentNode }
}
