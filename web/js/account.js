// SPDX-License-Identifier: Apache-2.0
/* One's own account: who one is, another password, the way out. */
import { api } from './api.js'
import { h, say } from './dom.js'
import { makeForm } from './form.js'
import { go } from './router.js'
import { forget, signOut, whoami } from './sign-in.js'
import { busyButton, field, pair } from './ui.js'

function passwordForm(email) {
	const secret = (autocomplete, more) => h('input', { type: 'password', autocomplete, required: true, ...more })
	const now = field('Present password', secret('current-password'))
	const next = field('New password', secret('new-password', { minlength: 10, maxlength: 1024 }),
		{ help: 'At least 10 characters.' })
	const again = field('New password, once more', secret('new-password'))
	const send = async () => {
		if (next.input.value !== again.input.value) {
			again.setError('The two are not the same.')
			again.input.focus()
			return
		}
		await api.setPassword(now.input.value, next.input.value)
		forget()
		await go('/sign-in')
		say('The password is changed. Sign in with the new one.')
	}
	const user = h('input', { type: 'email', autocomplete: 'username', value: email, hidden: true, 'aria-label': 'E-mail' })
	return makeForm([user, now.row, next.row, again.row], 'Change the password', send,
		{ byPointer: { '/password': now, '/new_password': next } })
}

export async function accountPage() {
	const me = await whoami()
	return { title: 'Account', body: h('div', { class: 'middle' }, h('div', { class: 'head' }, h('h1', {}, 'Account')),
		h('section', { class: 'card' }, h('h2', {}, 'You'), h('dl', {}, pair('Name', me.name),
			pair('E-mail address', me.email), pair('Role', me.role)), h('p', {}),
		h('div', { class: 'actions' }, busyButton('Sign out', signOut))),
		me.has_password && h('section', { class: 'card' }, h('h2', {}, 'Password'),
			h('p', { class: 'muted' }, 'A new password signs you out everywhere.'), passwordForm(me.email))) }
}
