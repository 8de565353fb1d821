// SPDX-License-Identifier: Apache-2.0
/*
 * The Connect button: a window, opened by the click, gets a form with the conversation's token, and leads the visitor
 * through consent. How it ended comes by the conversation itself; the window tells the page nothing.
 */
import { h, icon } from './dom.js'

const size = 'popup,width=560,height=760'

function post(action, fields, target) {
	const form = h('form', { action, method: 'post', target, hidden: true },
		...Object.entries(fields).map(([key, value]) => h('input', { type: 'hidden', name: key, value })))
	document.documentElement.append(form)
	HTMLFormElement.prototype.submit.call(form)
	form.remove()
}

/* false: the browser has not let the window open. */
function openWindow(action, fields) {
	const name = `drawbridge-connect-${Date.now()}`
	const opened = window.open('', name, size)
	if (!opened)
		return false
	post(action, fields, name)
	/* what opens there must not lead this page elsewhere */
	opened.opener = null
	return true
}

/* expects: {connection, name, skip: it may be}; skip() answers with it. */
export function connectOf(expects, { say, action, token, skip }) {
	const name = typeof expects.name === 'string' ? expects.name : ''
	const fields = () => ({ token: token(), connection: String(expects.connection ?? '') })
	const help = h('p', { class: 'note', id: 'connect-help', role: 'status' }, say('connectHelp'))
	const label = h('span', { dir: 'auto' }, say('connect', { name }))
	/* The chat is remembered: who comes back to the page finds it as it is then. */
	const here = h('button', { type: 'button', class: 'choice', part: 'connect-here', hidden: true,
		onclick: () => post(action, fields(), '_top') }, say('connectHere'))
	const button = h('button', { type: 'button', class: 'primary', part: 'connect', 'aria-describedby': 'connect-help',
		onclick: () => {
			const open = openWindow(action, fields())
			help.textContent = say(open ? 'connectHelp' : 'connectBlocked')
			here.hidden = open
			if (open)
				label.textContent = say('connectAgain')
		} }, label, icon('out'))
	return h('div', { class: 'connect' }, help, h('div', { class: 'row' }, button, here,
		expects.skip === true && h('button', { type: 'button', class: 'choice', part: 'skip', onclick: skip }, say('skip'))))
}
