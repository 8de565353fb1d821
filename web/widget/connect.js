// SPDX-License-Identifier: Apache-2.0
/*
 * The Connect button: a window, opened by the click, gets a form with the conversation's token, and leads the visitor
 * through consent. How it ended comes by the conversation itself; the window tells the page nothing.
 */
import { h, icon } from './dom.js'

const size = 'popup,width=560,height=760'

/* false: the browser has not let the window open. */
function openWindow(action, fields) {
	const name = `drawbridge-connect-${Date.now()}`
	const opened = window.open('', name, size)
	if (!opened)
		return false
	const form = h('form', { action, method: 'post', target: name, hidden: true },
		...Object.entries(fields).map(([key, value]) => h('input', { type: 'hidden', name: key, value })))
	document.documentElement.append(form)
	HTMLFormElement.prototype.submit.call(form)
	form.remove()
	/* what opens there must not lead this page elsewhere */
	opened.opener = null
	return true
}

/* content: the bot's message {connection, name, skip}; skip() answers with it. */
export function connectOf(content, { say, action, token, skip }) {
	const name = typeof content.name === 'string' ? content.name : ''
	const help = h('p', { class: 'note', id: 'connect-help' }, say('connectHelp'))
	const label = h('span', { dir: 'auto' }, say('connect', { name }))
	const button = h('button', { type: 'button', class: 'primary', part: 'connect', 'aria-describedby': 'connect-help',
		onclick: () => {
			const open = openWindow(action, { token: token(), connection: String(content.connection ?? '') })
			help.textContent = say(open ? 'connectHelp' : 'connectBlocked')
			if (open)
				label.textContent = say('connectAgain')
		} }, label, icon('out'))
	return h('div', { class: 'connect' }, help, h('div', { class: 'row' }, button,
		content.skip === true && h('button', { type: 'button', class: 'choice', part: 'skip', onclick: skip }, say('skip'))))
}
