// SPDX-License-Identifier: Apache-2.0
/* The sign-in page, and the header with who is signed in. */
import { api } from './api.js'
import { byId, fill, h } from './dom.js'
import { go } from './router.js'
import { busy, busyButton, field, problemBox } from './ui.js'

let me

/* Who is signed in; asks once. */
export async function whoami() {
	me ??= await api.me()
	header()
	return me
}

export function forget() {
	me = undefined
	header()
}

/* Where to go afterwards: only a path of our own. */
function next(query) {
	const path = query.get('next') ?? ''
	return /^\/(?![/\\])/.test(path) && !path.startsWith('/sign-in') ? path : '/connections'
}

export async function signInPage(_, query) {
	const email = field('E-mail address', h('input', { type: 'email', autocomplete: 'username', required: true }))
	const password = field('Password', h('input', { type: 'password', autocomplete: 'current-password',
		required: true }))
	const trouble = h('div', {})
	const button = h('button', { class: 'go', type: 'submit' }, 'Sign in')
	const submit = (event) => {
		event.preventDefault()
		busy(button, async () => {
			fill(trouble)
			try {
				me = await api.signIn(email.input.value, password.input.value)
				header()
				await go(next(query), { replace: true })
			} catch (error) {
				password.input.value = ''
				fill(trouble, problemBox(error))
				password.input.focus()
			}
		})
	}
	return { title: 'Sign in', body: h('form', { class: 'card narrow', onsubmit: submit },
		h('h1', {}, 'Sign in to Drawbridge'), trouble, email.row, password.row,
		h('div', { class: 'actions' }, button),
		h('details', { class: 'help' }, h('summary', {}, 'Nobody can sign in yet?'),
			h('p', {}, 'A new server has no owner. Its log holds a link (…/setup/…) with which the first one sets an '
				+ 'e-mail address and a password; ', h('code', {}, 'drawbridge init'), ' on the server does the same, and ',
			h('code', {}, 'drawbridge demo'), ' prints a sign-in.'))) }
}

export async function signOut() {
	await api.signOut()
	forget()
	await go('/sign-in')
}

const links = [['/connections', 'Connections'], ['/services', 'Services'], ['/keys', 'Keys']]

function navigation() {
	return h('nav', { 'aria-label': 'Main' }, links.map(([href, text]) => h('a', { href,
		'aria-current': location.pathname.startsWith(href) ? 'page' : null }, text)))
}

export function header() {
	fill(byId('top'),
		h('a', { class: 'brand', href: '/connections' }, h('img', { src: '/favicon.svg', alt: '', width: 28,
			height: 28 }), 'Drawbridge'),
		me && navigation(),
		me && h('div', { class: 'who' }, h('a', { href: '/account', 'aria-label': `Your account, ${me.email || me.name}` }, me.email || me.name),
			busyButton('Sign out', signOut, { class: 'quiet' })))
}
