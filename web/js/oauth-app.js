// SPDX-License-Identifier: Apache-2.0
/* The organisation's own OAuth app for a service: client id, secret (written, never read), redirect URI. */
import { api } from './api.js'
import { h, say } from './dom.js'
import { choice, makeForm, parameterField, valuesOf } from './form.js'
import { reload } from './router.js'
import { copyable, field, time } from './ui.js'

const anyCentre = 'Every data centre'

function appRow(service, app) {
	const centre = service.data_centres.find(({ id }) => id === app.data_centre)?.name ?? app.data_centre
	return h('div', { class: app.flagged ? 'notice warn' : 'notice' },
		h('b', {}, app.client_id), h('p', {}, centre && `${centre} · `, 'set ', time(app.updated_at)),
		app.flagged && h('p', {}, `The provider refuses it: ${app.flagged}. Set it again once that is mended.`))
}

/*
 * Parameters of the methods that need the app and may stand in its addresses, each once; needed: by every such method.
 * One that another way to connect does without is not asked of everybody.
 */
function parametersOf(service) {
	const stands = (each) => !each.optional || each.default !== null
	const lists = service.methods.filter((method) => method.needs_app).map(({ parameters }) => parameters.filter(stands))
	const first = new Map(lists.flat().reverse().map((each) => [each.name, each]))
	return [...first.values()].reverse().map((each) => {
		const needed = lists.every((list) => list.some(({ name }) => name === each.name))
		return { ...each, needed, optional: each.optional || !needed }
	})
}

/* Of an app that is there, nobody knows the parameters any more: they are asked for, instead of set back unseen. */
const asked = (parameter) => ({ ...parameter, default: null, optional: !parameter.needed })

/* Which centre's app it is; another choice is another form, with that one's client id. */
function centreField(service, apps, centre) {
	if (!service.data_centres.length || !service.app.per_data_centre)
		return null
	const select = h('select', {}, [{ id: '', name: anyCentre }, ...service.data_centres].map(({ id, name }) =>
		h('option', { value: id, selected: id === centre }, name)))
	select.addEventListener('change', () => {
		const form = appForm(service, apps, select.value)
		select.form.replaceWith(form)
		form.querySelector('select').focus()
	})
	return field('Data centre', select)
}

/* A secret is given, or it is said that there is none: an empty field alone says nothing. */
function secretFields() {
	const secret = field('Client secret', h('input', { type: 'password', autocomplete: 'new-password', required: true }),
		{ help: 'Sealed at once; nobody can read it afterwards. It is given anew with each change.' })
	const none = choice('This app has no secret', 'The provider calls it a public client.', { onchange: () => {
		secret.input.value = ''
		secret.input.disabled = none.input.checked
	} })
	return { secret, none }
}

function appForm(service, apps, centre) {
	const now = apps.find((app) => (app.data_centre ?? '') === centre)
	const place = centreField(service, apps, centre)
	const id = field('Client id', h('input', { required: true, autocomplete: 'off', spellcheck: 'false',
		value: now?.client_id ?? '' }))
	const { secret, none } = secretFields()
	const parameters = Object.fromEntries(parametersOf(service).filter((each) => each.name !== 'data_centre' || !place)
		.map((each) => [each.name, parameterField(now ? asked(each) : each)]))
	const byPointer = { '/client_id': id, '/client_secret': secret, ...(place && { '/data_centre': place }),
		...Object.fromEntries(Object.entries(parameters).map(([name, each]) => [`/parameters/${name}`, each])) }
	const send = async () => {
		const values = valuesOf(parameters)
		await api.setApp(service.id, { client_id: id.input.value, client_secret: secret.input.value || undefined,
			data_centre: centre || undefined, parameters: Object.keys(values).length ? values : undefined })
		await reload()
		say('The app is saved.')
	}
	return makeForm([place?.row, id.row, secret.row, none.row, Object.values(parameters).map(({ row }) => row)],
		now ? 'Replace the app' : 'Save the app', send, { byPointer })
}

/* The one that stands there first: that of all centres, or the first that there is. */
const firstCentre = (service, apps) => (service.app.per_data_centre ? apps[0]?.data_centre ?? '' : '')

export function appCard(service, { redirect_uri: redirect, apps }, me) {
	const { register_url: url, help } = service.app
	const sets = ['admin', 'owner'].includes(me.role)
	return h('section', { class: 'card' }, h('h2', {}, 'OAuth app'),
		h('p', { class: 'muted' }, 'Your own registration with the provider; all connections to this service use it. ',
			help, ' ', url && h('a', { href: url, target: '_blank', rel: 'noreferrer noopener' }, 'Register one')),
		h('h3', {}, 'Redirect URI to register'), copyable(redirect, 'the redirect URI'), h('p', {}),
		apps.map((app) => appRow(service, app)),
		!apps.length && h('div', { class: 'notice warn' }, 'No app yet: without one, nobody can connect to this service.'),
		sets ? appForm(service, apps, firstCentre(service, apps)) : h('p', { class: 'muted' }, 'An admin can set it.'))
}
