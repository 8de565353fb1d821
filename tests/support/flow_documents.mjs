// SPDX-License-Identifier: Apache-2.0
/* Flow documents, good and bad: one that has every field, and what comes of changing each of its members in turn. */

/* Every type of block with every field of it. */
export const everything = (connection) => ({
	$schema: 'https://example.org/flow.schema.json', name: 'Everything', description: 'All fields.',
	variables: { flow: [{ name: 'tries', default: 0 }, { name: 'flow.text' }], session: [{ name: 'language', default: 'en' }] },
	positions: { start: { x: 0, y: 0 } },
	channels: { widget: { enabled: true, origins: ['https://shop.example', 'http://localhost:8080'], title: 'Help', greeting: 'Hello', colour: '#0a6cff' } },
	blocks: [
		{ id: 'start', type: 'start', name: 'Here', paths: { next: 'hello' } },
		{ id: 'hello', type: 'message', content: [{ type: 'text', text: 'Hello {{session.language}}' }, { type: 'image', url: 'https://shop.example/a.png', alt: 'A' },
			{ type: 'links', links: [{ label: 'Shop', url: 'https://shop.example/' }] }], paths: { next: 'number' } },
		{ id: 'number', type: 'question', text: 'How many?', kind: 'number', variable: 'input.n', validation: { min: 1, max: 9 }, retry_text: 'A number.', attempts: 2,
			paths: { next: 'day', failed: 'person' } },
		{ id: 'day', type: 'question', text: 'When?', kind: 'date', variable: 'day', validation: { min: '2030-01-01', max: '2030-12-31' }, paths: { next: 'word' } },
		{ id: 'word', type: 'question', text: 'What?', variable: 'word', validation: { min_length: 1, max_length: 20, pattern: '[a-z]+' }, paths: { next: 'kind' } },
		{ id: 'kind', type: 'question', text: 'Which?', kind: 'choice', variable: 'kind', choices: [{ value: 'a', label: 'A' }, { value: 'b' }], paths: { next: 'sure' } },
		{ id: 'sure', type: 'question', text: 'Sure?', kind: 'yes_no', variable: 'sure', choices: [{ value: 'yes', label: 'Aye' }, { value: 'no', label: 'Nay' }], paths: { next: 'pick' } },
		{ id: 'pick', type: 'choice', text: 'Go on?', variable: 'input.pick', retry_text: 'One of these.', choices: [{ id: 'on', label: 'On' }, { id: 'off', label: 'Off' }],
			paths: { on: 'fork', off: 'bye' } },
		{ id: 'fork', type: 'condition', branches: [
			{ id: 'many', when: { all: [{ left: '{{input.n}}', op: 'gt', right: 5 }, { any: [{ left: '{{input.word}}', op: 'empty' }, { left: '{{input.word}}', op: 'matches', right: 'a.*' }] }] } },
			{ id: 'few', when: { left: '{{input.kind}}', op: 'in', right: ['a', 'b'] } }], paths: { many: 'count', few: 'get', else: 'post' } },
		{ id: 'count', type: 'set', set: [{ variable: 'flow.tries', add: 1 }, { variable: 'block.list', value: ['{{input.n}}', { a: null }] }], paths: { next: 'get' } },
		{ id: 'get', type: 'webhook', connection, request: { method: 'GET', url: '/t/{{input.n}}', query: [{ name: 'q', value: '{{input.word}}' }, { name: 'gone', value: 'x', off: true }],
			headers: [{ name: 'X-A', value: 'b' }], timeout_ms: 5000, max_bytes: 1000, max_redirects: 1, retries: { max: 2, on: ['transport', 503] } },
		response_list: [{ codes: ['200', '4xx'], mappings: [{ variable: 'a', from: '$.a', default: 1 }, { variable: 'block.b', from: 'status' },
			{ variable: 'c', from: 'header:X-C', missing: 'error', shape: 'single' }, { variable: 'flow.text', from: 'body', missing: 'default', default: '' }] }, { codes: ['5xx'] }],
		paths: { '200,4xx': 'form', '5xx': 'bye', other: 'bye', no_answer: 'person' } },
		{ id: 'post', type: 'webhook', connection: null, request: { method: 'POST', url: 'https://api.example/x', idempotency_key: 'k{{input.n}}', retries: { max: 1 },
			body: { type: 'json', content: { n: '{{input.n}}', list: [true, null] } } }, paths: { next: 'form' } },
		{ id: 'form', type: 'webhook', connection, request: { method: 'POST', url: '/f', body: { type: 'form', content: [{ name: 'a', value: 'b' }, { name: 'c', value: 'd', off: true }] } }, paths: { next: 'parts' } },
		{ id: 'parts', type: 'webhook', connection, request: { method: 'PUT', url: '/m', body: { type: 'multipart', content: [{ name: 'a', value: 'b' },
			{ name: 'f', filename: 'f.bin', content_type: 'image/png', content_base64: 'AAEC' }] } }, paths: { next: 'plain' } },
		{ id: 'plain', type: 'webhook', connection, request: { method: 'PATCH', url: '/p', body: { type: 'text', content: 'Hi {{input.word}}' } }, paths: { next: 'xml' } },
		{ id: 'xml', type: 'webhook', connection, request: { method: 'POST', url: '/x', body: { type: 'xml', content: '<a>{{input.word}}</a>' } }, paths: { next: 'graph' } },
		{ id: 'graph', type: 'webhook', connection, request: { method: 'POST', url: '/g', body: { type: 'graphql', content: { query: 'query Q { a }', variables: { n: '{{input.n}}' }, operation_name: 'Q' } } },
			paths: { next: 'none' } },
		{ id: 'none', type: 'webhook', connection, request: { method: 'DELETE', url: '/d', body: { type: 'none' } }, paths: { next: 'again' } },
		{ id: 'again', type: 'jump', to: { block: 'person' } },
		{ id: 'person', type: 'handoff', text: 'What is it?', email_text: 'Where?', retry_text: 'No address.', done_text: 'Thanks', paths: { next: 'bye' } },
		{ id: 'bye', type: 'end', text: 'Bye' }]
})

/* Free JSON: nothing in there is looked at. */
const free = [/\/positions\//, /\/default\//, /\/set\/\d+\/value\//, /\/right\//, /\/body\/content\/(n|list|variables\/)/]
const others = [null, true, -1, 2.5, 1e9, '', 'Not A Name!', 'x'.repeat(9000), [], [null], {}, { unknown: 1 }]

/* [what was done, the changed document] for each change of one member. */
export function* changed(document) {
	for (const at of paths(document, [])) {
		const pointer = `/${at.join('/')}`
		if (free.some((each) => each.test(pointer)))
			continue
		if (at.length > 0) {
			yield [`${pointer} is gone`, change(document, at, (owner, name) => Array.isArray(owner) ? owner.splice(name, 1) : delete owner[name])]
			for (const value of others)
				yield [`${pointer} is ${JSON.stringify(value).slice(0, 40)}`, change(document, at, (owner, name) => { owner[name] = value })]
		}
		const here = at.reduce((node, name) => node[name], document)
		if (here && typeof here === 'object' && !Array.isArray(here))
			yield [`${pointer} has one more`, change(document, [...at, 'no_such'], (owner, name) => { owner[name] = 1 })]
		if (Array.isArray(here) && here.length > 0)
			yield [`${pointer} has 501`, change(document, at, (owner, name) => { owner[name] = Array.from({ length: 501 }, () => here[0]) })]
	}
}

function* paths(node, at) {
	yield at
	if (node && typeof node === 'object')
		for (const name of Object.keys(node))
			yield* paths(node[name], [...at, Array.isArray(node) ? Number(name) : name])
}

function change(document, at, act) {
	const copy = structuredClone(document)
	const owner = at.slice(0, -1).reduce((node, name) => node[name], copy)
	act(owner, at.at(-1))
	return copy
}
