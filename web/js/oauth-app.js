// SPDX-License-Identifier: Apache-2.0
/* The organisation's own OAuth app for a service: client id, secret (written, never read), redirect URI. */
import { api } from './api.js'
import { h, say } from './dom.js'
import { makeForm, parameterField, valuesOf } from './form.js'
import { reload } from './router.js'
import { copyable, field, time } from './ui.js'

const anyCentre = 'Every data centre'

function appRow(service, app) {
	const centre = service.data_centres.find(({ id }) => id === app.data_centre)?.name ?? app.data_centre
	return h('div', { class: app.flagged ? 'notice warn' : 'notice' },
		h('b', {}, app.client_id), h('p', {}, centre && `${centre} · `, 'set ', time(app.updated_at)),
		app.flagged && h('p', {}, `The provider refuses it: ${app.flagged}. Set it again once that is mended.`))
}

/* Parameters of the methods that need the app and stand in its addresses, each once. */
function parametersOf(service) {
	const all = service.methods.filter((method) => method.needs_app).flatMap((method) => method.parameters)
	return [...new Map(all.filter((each) => !each.optional || each.default !== null).map((each) => [each.name, each])).values()]
}

function appForm(service, first) {
	const id = field('Client id', h('input', { required: true, autocomplete: 'off', spellcheck: 'false',
		value: first?.client_id ?? '' }))
	const secret = field('Client secret', h('input', { type: 'password', autocomplete: 'new-password' }),
		{ help: 'Sealed at once; nobody can read it afterwards. Empty for an app without a secret.' })
	const centre = service.data_centres.length > 0 && service.app.per_data_centre && field('Data centre', h('select', {},
		h('option', { value: '' }, anyCentre),
		service.data_centres.map((each) => h('option', { value: each.id }, each.name))))
	const parameters = Object.fromEntries(parametersOf(service).filter((each) => each.name !== 'data_centre' || !centre)
		.map((each) => [each.name, parameterField(each)]))
	const byPointer = { '/client_id': id, '/client_secret': secret, '/data_centre': centre,
		...Object.fromEntries(Object.entries(parameters).map(([name, each]) => [`/parameters/${name}`, each])) }
	const send = async () => {
		const values = valuesOf(parameters)
		await api.setApp(service.id, { client_id: id.input.value, client_secret: secret.input.value || undefined,
			data_centre: centre?.input?.value || undefined, parameters: Object.keys(values).length ? values : undefined })
		await reload()
		say('The app is saved.')
	}
	return makeForm([id.row, secret.row, centre?.row, Object.values(parameters).map(({ row }) => row)],
		first ? 'Replace the app' : 'Save the app', send, { byPointer })
}

export function appCard(service, { redirect_uri: redirect, apps }, me) {
	const { register_url: url, help } = service.app
	const sets = ['admin', 'owner'].includes(me.role)
	return h('section', { class: 'card' }, h('h2', {}, 'OAuth app'),
		h('p', { class: 'muted' }, 'Your own registration with the provider; all connections to this service use it. ',
			help, ' ', url && h('a', { href: url, target: '_blank', rel: 'noreferrer noopener' }, 'Register one')),
		h('h3', {}, 'Redirect URI to register'), copyable(redirect, 'the redirect URI'), h('p', {}),
		apps.map((app) => appRow(service, app)),
		!apps.length && h('div', { class: 'notice warn' }, 'No app yet: without one, nobody can connect to this service.'),
		sets ? appForm(service, apps[0]) : h('p', { class: 'muted' }, 'An admin can set it.'))
}
