// SPDX-License-Identifier: Apache-2.0
/* A service of one's own, described in JSON: uploaded or typed; what is wrong with it is told place by place. */
import { api, onceOnly, Problem } from './api.js'
import { fill, h, say } from './dom.js'
import { makeForm } from './form.js'
import { go } from './router.js'
import { field } from './ui.js'

const start = { id: 'my_service', name: 'My service', description: 'What it is for, in a sentence.',
	categories: ['Own'], methods: { key: { kind: 'api_key', name: 'API key',
		fields: [{ name: 'api_key', label: 'API key', secret: true }],
		inject: [{ in: 'header', name: 'Authorization', value: 'Bearer {api_key}' }] } },
	api: { base_url: 'https://api.example.com', hosts: ['api.example.com'] } }

const pretty = (value) => JSON.stringify(value, null, 2)

const problemList = (problems) => h('div', { class: 'problem', role: 'alert' },
	h('strong', {}, problems.length > 1 ? `${problems.length} things are wrong` : 'One thing is wrong'),
	h('ul', {}, problems.map(({ pointer, detail }) => h('li', {}, h('code', {}, pointer || '/'), ` ${detail}`))))

function parse(text) {
	try {
		return JSON.parse(text)
	} catch (error) {
		throw new Problem(0, { title: 'This is not JSON', detail: error.message, pointer: '',
			hint: 'Mend it where the message says, then save again.' })
	}
}

/* ?id= edits a definition that is there. */
export async function customServicePage(_, query) {
	const id = query.get('id')
	const service = id ? await api.service(id) : null
	const text = field('Definition', h('textarea', { spellcheck: 'false', required: true, rows: 24,
		value: pretty(service?.definition ?? start) }), { help: 'A JSON object of at most 256 KiB; '
			+ 'docs/service-definitions.md describes its members.' })
	const file = field('From a file', h('input', { type: 'file', accept: '.json,application/json' }), { optional: true })
	const wrong = h('div', {})
	file.input.addEventListener('change', async () => {
		const [chosen] = file.input.files
		if (chosen)
			text.input.value = await chosen.text()
	})
	const define = onceOnly(api.defineService)
	const send = async () => {
		fill(wrong)
		try {
			const definition = parse(text.input.value)
			const saved = id ? await api.redefineService(id, definition) : await define(definition)
			await go(`/services/${saved.id}`, { replace: true })
			say('The service is saved.')
		} catch (error) {
			if (!error.problems?.length)
				throw error
			fill(wrong, problemList(error.problems))
			text.setError('See what is wrong below.')
			text.input.focus()
		}
	}
	return { title: id ? `Edit ${service.name}` : 'A service of your own', body: h('div', { class: 'middle' },
		h('a', { class: 'back', href: id ? `/services/${id}` : '/services' }, '← Back'),
		h('div', { class: 'head' }, h('div', {}, h('h1', {}, id ? `Edit ${service.name}` : 'A service of your own'),
			h('p', { class: 'muted' }, 'Which hosts it may go to, how to sign in there, and how a call carries the credential.'))),
		makeForm([file.row, text.row, wrong], 'Save the service', send, { attributes: { class: 'card' } })) }
}
