// SPDX-License-Identifier: Apache-2.0
/* What its managers may change of a connection: name, scopes, credential; and its end. */
import { api } from './api.js'
import { revocation } from './connection-status.js'
import { confirm, openDialog } from './dialog.js'
import { h, say } from './dom.js'
import { credentialField, makeForm, valuesOf } from './form.js'
import { go, reload } from './router.js'
import { scopePicker } from './scopes.js'
import { endsAll } from './text.js'
import { busyButton, field } from './ui.js'

/* A dialog with a form; it closes when send() has succeeded. extra(error, sent): send another way, after a Problem. */
function ask(title, rows, yes, send, byPointer, extra) {
	const dialog = openDialog(title, [])
	const cancel = h('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel')
	const sent = async (work) => {
		await work()
		dialog.close()
		await reload()
		say('Saved.')
	}
	dialog.body.append(makeForm(rows, yes, () => sent(send), { byPointer, more: cancel,
		extra: extra && ((error) => extra(error, sent)) }))
	dialog.body.querySelector('input')?.focus()
}

function rename({ link_name: link, name }) {
	const input = field('Connection Name', h('input', { value: name, required: true, maxlength: 100 }),
		{ help: `The link name ${link} stays.` })
	ask('Rename the connection', input.row, 'Save', () => api.change(link, { name: input.input.value }),
		{ '/name': input })
}

function rescope({ link_name: link, scopes_asked: asked, second_scopes_asked: second }, service, method) {
	const picker = (list, title, chosen) => method.scope_lists.includes(list) && service[list].length
		? scopePicker(title, service, list, chosen) : null
	const first = picker('scopes', 'Scopes', asked)
	const other = picker('second_scopes', 'User scopes', second)
	ask('Change the scopes', [h('p', { class: 'muted' }, 'More scopes need consent again: press Reconnect afterwards. '
		+ 'The grant goes on as it is until then.'), first?.element, other?.element], 'Save',
	() => api.change(link, { scopes: first?.value(), second_scopes: other?.value() }),
	{ ...(first && { '/scopes': first }), ...(other && { '/second_scopes': other }) })
}

function recredential({ link_name: link }, method) {
	const fields = Object.fromEntries(method.fields.map((each) => [each.name, credentialField(each)]))
	const byPointer = Object.fromEntries(Object.entries(fields).flatMap(([name, each]) => [[`/${name}`, each],
		[`/credentials/${name}`, each]]))
	/* what is in the fields by then, and still there when that fails, too */
	const send = (force) => () => api.setCredentials(link, valuesOf(fields), force)
	const anyway = (error, sent) => ['credential_refused', 'credential_untested'].includes(error.code)
		&& h('div', { class: 'actions' }, busyButton('Use it all the same', () => sent(send(true)), { class: 'danger' }))
	ask('Replace the credential', [h('p', { class: 'muted' }, 'It is tried at the service first, where that has a test '
		+ 'request. The old one serves until the new one has passed.'), Object.values(fields).map(({ row }) => row)],
	'Replace', send(false), byPointer, anyway)
}

/* What became of its access stays there until it is read: the connection, and all that it told, is gone. */
async function remove({ name, link_name: link, status, per_user: own }, force) {
	const { revoked_upstream: upstream, detail } = await api.remove(link, force)
	await go('/connections', { replace: true })
	if (upstream || !detail || (status === 'not_connected' && !own)) {
		say(['The connection is deleted', upstream && ', and the service has confirmed that its access is revoked', '. ',
			upstream && detail].filter(Boolean).join('').trim())
		return
	}
	const dialog = openDialog(`${name} is deleted`, [h('p', {}, detail), h('div', { class: 'actions' },
		h('button', { type: 'button', onclick: () => dialog.close() }, 'OK'))])
}

/* Refused while it is in use: then whoever may can force it. */
function askRemove(connection, method, me) {
	const { link_name: link, name } = connection
	const extra = (error, dialog) => ['admin', 'owner'].includes(me.role) && error.status === 409
		&& h('div', { class: 'actions' }, busyButton('Delete it all the same', async () => {
			await remove(connection, true)
			dialog.close()
		}, { class: 'danger' }))
	confirm(`Delete ${name}?`, `${revocation(method)} ${link} works for nobody any more. This cannot be taken back.${
		endsAll(method)}`, 'Delete', () => remove(connection, false), { extra })
}

const button = (text, onclick, attributes) => h('button', { type: 'button', onclick, ...attributes }, text)

/* Of a connection that each user connects with a credential of his own. */
function ownCredentialCard(connection, method, me) {
	if (!connection.per_user || me.role === 'viewer' || !method?.fields.length)
		return null
	return h('section', { class: 'card' }, h('h2', {}, 'Settings'), h('div', { class: 'actions' },
		button('Replace my credential', () => recredential(connection, method))))
}

export function settingsCard(connection, service, method, me) {
	if (!connection.may_manage)
		return ownCredentialCard(connection, method, me)
	return h('section', { class: 'card' }, h('h2', {}, 'Settings'), h('div', { class: 'actions' },
		button('Rename', () => rename(connection)),
		method?.scope_lists.some((list) => service[list].length > 0)
			&& button('Change scopes', () => rescope(connection, service, method)),
		method?.fields.length > 0 && button('Replace the credential', () => recredential(connection, method)),
		button('Delete', () => askRemove(connection, method, me), { class: 'danger' })))
}
