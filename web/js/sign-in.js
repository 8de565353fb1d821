// SPDX-License-Identifier: Apache-2.0
/* The sign-in page, signing in again over another page, and the header with who is signed in. */
import { api } from './api.js'
import { openDialog } from './dialog.js'
import { byId, fill, h } from './dom.js'
import { makeForm } from './form.js'
import { go } from './router.js'
import { busy, busyButton, field, problemBox } from './ui.js'

let me

/* All pages of this browser have one session: who signs in on one of them is somebody else on the others, too. */
const channel = new BroadcastChannel('drawbridge-session')
channel.onmessage = ({ data }) => me && data?.member !== me.member && location.reload()

async function beginSession(email, password) {
	const former = me
	me = await api.signIn(email, password)
	channel.postMessage({ member: me.member })
	header()
	if (former && former.member !== me.member)
		location.reload()
}

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

function askAgain() {
	let signedIn = false
	const email = field('E-mail address', h('input', { type: 'email', autocomplete: 'username', readonly: true,
		value: me.email }))
	const password = field('Password', h('input', { type: 'password', autocomplete: 'current-password', required: true }))
	return new Promise((resolve) => {
		const dialog = openDialog('Sign in again', [], { stays: true, closed: () => resolve(signedIn) })
		const send = async () => {
			await beginSession(email.input.value, password.input.value).catch((error) => {
				password.input.value = ''
				throw error
			})
			signedIn = true
			dialog.close()
		}
		const other = async () => {
			forget()
			dialog.close()
			await go('/sign-in', { replace: true })
		}
		dialog.body.append(h('p', {}, 'Your session has ended. Sign in to go on where you are: nothing that you have filled '
			+ 'in is lost.'), makeForm([email.row, password.row], 'Sign in', send,
			{ more: h('button', { type: 'button', onclick: other }, 'Leave this page') }))
		password.input.focus()
	})
}

/*
 * The session has ended in the midst of something: resolves with whether there is one again. However many requests find
 * out, it is asked once. Where nobody was signed in, there is nothing to keep: the sign-in page.
 */
let asking
export async function sessionEnded() {
	if (location.pathname === '/sign-in')
		return false
	if (me) {
		asking ??= askAgain().finally(() => { asking = undefined })
		return asking
	}
	await go(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`, { replace: true })
	return false
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
				await beginSession(email.input.value, password.input.value)
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
	const former = me
	me = undefined
	await api.signOut().catch((error) => {
		if (error.status === 401) /* it has ended before */
			return
		me = former
		throw error
	})
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
