// SPDX-License-Identifier: Apache-2.0
/*
 * Create Connection: its name, its way in, scopes and credentials; then consent, if the way in asks for it, or a test of
 * what was typed in.
 */
import { api, onceOnly } from './api.js'
import { testNew } from './connection-status.js'
import { connect, keepProblem } from './consent.js'
import { fill, h } from './dom.js'
import { choice, credentialField, makeForm, parameterField, valuesOf } from './form.js'
import { go } from './router.js'
import { scopePicker } from './scopes.js'
import { whoami } from './sign-in.js'
import { linkName, linkNamePattern } from './text.js'
import { field, tile } from './ui.js'

/* Name and link name; the second follows the first until somebody edits it. */
function nameFields(service) {
	const name = field('Connection Name', h('input', { required: true, maxlength: 100, autocomplete: 'off',
		placeholder: `${service.name} reader` }), { help: 'For people; it can be changed later.' })
	const link = field('Link name', h('input', { pattern: linkNamePattern, maxlength: 50, spellcheck: 'false',
		autocomplete: 'off', autocapitalize: 'none' }), { help: 'For programs: it stands in the address of every call '
			+ 'and stays for good. Lower-case letters, digits and _.' })
	let edited = false
	link.input.addEventListener('input', () => { edited = link.input.value !== '' })
	name.input.addEventListener('input', () => {
		if (!edited)
			link.input.value = linkName(name.input.value)
	})
	/* What nobody has edited is the server's to choose: where it is taken, that finds another one. */
	return { name, link, chosen: () => (edited ? link.input.value : undefined) }
}

function methodChoice(methods, show) {
	if (methods.length < 2)
		return null
	const radio = (method, index) => h('label', { class: 'choice' }, h('input', { type: 'radio', name: 'method',
		checked: index === 0, onchange: () => show(method) }),
	h('span', {}, h('b', {}, method.name), method.help && h('small', {}, method.help)))
	return h('fieldset', {}, h('legend', {}, 'Way to connect'), methods.map(radio))
}

/* What one method asks for: parameters, scopes, credentials. */
function methodParts(service, method) {
	const oauth = method.kind.startsWith('oauth2')
	const parameters = Object.fromEntries(method.parameters.map((each) => [each.name, parameterField(each)]))
	const credentials = Object.fromEntries(method.fields.map((each) => [each.name, credentialField(each)]))
	const centre = service.data_centres.length && !parameters.data_centre && parameterField({ name: 'data_centre',
		label: 'Data centre', optional: false, pattern: null, default: service.default_data_centre,
		choices: service.data_centres.map(({ id, name }) => ({ value: id, label: name })),
		help: 'Where the account was opened.', example: null })
	if (centre)
		parameters.data_centre = centre
	const picker = (list, title) => oauth && method.scope_lists.includes(list) && service[list].length
		? scopePicker(title, service, list) : null
	const scopes = picker('scopes', 'Scopes')
	const second = picker('second_scopes', 'User scopes')
	return { method, oauth, parameters, credentials, scopes, second }
}

const rowsOf = (fields) => Object.values(fields).map(({ row }) => row)

function pointersOf({ parameters, credentials, scopes, second }) {
	const under = (prefix, fields) => Object.entries(fields).map(([name, each]) => [`/${prefix}/${name}`, each])
	return Object.fromEntries([...under('parameters', parameters), ...under('credentials', credentials),
		...(scopes ? [['/scopes', scopes]] : []), ...(second ? [['/second_scopes', second]] : [])])
}

/* An app is needed and none is registered: say so before anybody fills in a form. */
async function appNotice(service, method, me) {
	if (!method.needs_app || !['builder', 'admin', 'owner'].includes(me.role))
		return null
	const { apps } = await api.appOf(service.id).catch(() => ({ apps: [{}] }))
	return apps.length ? null : h('div', { class: 'notice warn' }, h('b', {}, `${service.name} needs an OAuth app first.`),
		h('p', {}, 'It is registered once for everybody: ', h('a', { href: `/services/${service.id}` },
			'set the client id and secret'), '.'))
}

export async function createPage({ id }) {
	const [service, me] = await Promise.all([api.service(id), whoami()])
	const { name, link, chosen } = nameFields(service)
	const perUser = choice('Each user connects an account of their own',
		'Otherwise the account that is connected now serves everybody who may use the connection.')
	const place = h('div', {})
	const notice = h('div', {})
	const byPointer = {}
	const create = onceOnly(api.create)
	let parts
	const show = async (method) => {
		parts = methodParts(service, method)
		Object.keys(byPointer).forEach((pointer) => delete byPointer[pointer])
		Object.assign(byPointer, { '/name': name, '/link_name': link }, pointersOf(parts))
		fill(place, rowsOf(parts.parameters), parts.scopes?.element, parts.second?.element,
			Object.keys(parts.credentials).length > 0 && h('fieldset', {}, h('legend', {}, 'Credential'),
				h('p', { class: 'help' }, 'Sealed at once; nobody can read it afterwards.'), rowsOf(parts.credentials)),
			parts.oauth && perUser.row)
		fill(notice, await appNotice(service, method, me))
	}
	const send = async () => {
		const { method } = parts
		const body = { name: name.input.value, service: service.id, method: method.id,
			link_name: chosen(), parameters: valuesOf(parts.parameters),
			scopes: parts.scopes?.value(), second_scopes: parts.second?.value(),
			credentials: Object.keys(parts.credentials).length ? valuesOf(parts.credentials) : undefined,
			per_user: parts.oauth ? perUser.input.checked : undefined }
		const made = await create(body)
		const page = location.href
		if (method.kind === 'oauth2_code')
			await connect(made).catch((error) => keepProblem(made, error))
		if (location.href === page) /* nobody has gone elsewhere meanwhile */
			await go(`/connections/${made.link_name}`, { replace: true })
		if (body.credentials && made.status === 'connected')
			testNew(made, method) /* its page does not wait for it */
	}
	await show(service.methods[0])
	return { title: `Connect ${service.name}`, body: h('div', { class: 'middle' },
		h('a', { class: 'back', href: '/services' }, '← All services'),
		h('div', { class: 'head' }, h('div', { class: 'what' }, tile(service.name, service.id), h('div', {},
			h('h1', {}, `Connect ${service.name}`), h('p', { class: 'muted' }, service.description)))),
		notice, makeForm([name.row, link.row, methodChoice(service.methods, show), place], 'Create and Connect', send,
			{ byPointer, more: h('a', { class: 'button', href: '/services' }, 'Cancel'), attributes: { class: 'card' } })) }
}
