// SPDX-License-Identifier: Apache-2.0
/* The little of HTML that a test needs: forms with their controls, links, and the text that a person would read. */

const entities = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }

export function unescapeHtml(text) {
	return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
		if (hex)
			return String.fromCodePoint(parseInt(hex, 16))
		if (decimal)
			return String.fromCodePoint(Number(decimal))
		return entities[name] ?? whole
	})
}

function attributes(tag) {
	const found = {}
	const pattern = /([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?/g
	for (const [, name, double, single, bare] of tag.matchAll(pattern))
		found[name.toLowerCase()] = unescapeHtml(double ?? single ?? bare ?? '')
	return found
}

/* [{action, method, fields: [{name, value, type}], buttons: [{name, value, text}]}] */
export function parseForms(html) {
	const forms = []
	for (const [, opening, inside] of html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)) {
		const form = attributes(opening)
		forms.push({ id: form.id, action: form.action ?? '', method: (form.method ?? 'get').toUpperCase(),
			...controls(inside) })
	}
	return forms
}

function controls(html) {
	const fields = []
	const buttons = []
	for (const [, tag] of html.matchAll(/<input\b([^>]*)>/gi)) {
		const input = { type: 'text', value: '', ...attributes(tag) }
		if (input.type === 'submit')
			buttons.push({ name: input.name, value: input.value, text: input.value })
		else if (input.name && (!/^(checkbox|radio)$/.test(input.type) || 'checked' in input))
			fields.push({ name: input.name, value: input.value || (input.type === 'checkbox' ? 'on' : ''),
				type: input.type })
	}
	for (const [, tag, text] of html.matchAll(/<button\b([^>]*)>([\s\S]*?)<\/button>/gi)) {
		const button = attributes(tag)
		if ((button.type ?? 'submit') === 'submit')
			buttons.push({ name: button.name, value: button.value ?? '', text: visibleText(text) })
	}
	for (const [, tag, options] of html.matchAll(/<select\b([^>]*)>([\s\S]*?)<\/select>/gi)) {
		const all = [...options.matchAll(/<option\b([^>]*)>/gi)].map(([, option]) => attributes(option))
		const chosen = all.find((option) => 'selected' in option) ?? all[0]
		fields.push({ name: attributes(tag).name, value: chosen?.value ?? '', type: 'select' })
	}
	return { fields, buttons }
}

export function parseLinks(html) {
	return [...html.matchAll(/<a\b([^>]*)>([\s\S]*?)<\/a>/gi)]
		.map(([, tag, text]) => ({ href: attributes(tag).href, text: visibleText(text) }))
}

export function visibleText(html) {
	const bare = html.replace(/<(script|style)\b[\s\S]*?<\/\1>/gi, ' ').replace(/<[^>]*>/g, ' ')
	return unescapeHtml(bare).replace(/\s+/g, ' ').trim()
}
