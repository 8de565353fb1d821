// SPDX-License-Identifier: Apache-2.0
/*
 * Hostile values as visitors type them, and the places of a request where a block's author may put one. Each place
 * says what a strict reader must see there (value: exactly it; refused: nothing was sent) and how to look it up.
 */
const control = /[\u0000-\u001f\u007f-\u009f]/
const noXml = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/

export const hostileValues = {
	plain: 'plain', empty: '', space: ' ', spaces: '  a  b  ', quote: 'a"b', apostrophe: 'it\'s', backtick: '`id`', backslash: 'a\\',
	'escaped quote': '\\"', 'carriage return and line feed': 'a\r\nX-Evil: 1', 'line feed': 'a\nX-Evil: 1', 'carriage return': 'a\rb',
	'a whole request': 'x\r\n\r\nGET /evil HTTP/1.1\r\nHost: evil\r\n\r\n', NUL: 'a\u0000b', tab: 'a\tb', delete: 'a\u007fb',
	escape: 'a\u001b[31mb', 'C1 control': 'a\u0085b', ampersand: 'a&evil=1', semicolon: 'a;evil=1', equals: 'a=b', hash: '#x', 'question mark': '?x=1',
	slash: 'a/b', 'slash in front': '/a', 'slash behind': 'a/', 'two slashes': '//evil.example/x', backslashes: '\\\\evil.example\\x',
	dots: '..', dot: '.', 'three dots': '...', traversal: '../../etc/passwd', 'traversal inside': 'a/../b', 'dots with parameter': '..;x', 'encoded dots': '%2e%2e',
	'half encoded dots': '.%2E', 'encoded traversal': '%2e%2e%2f', 'encoded twice': '%252e%252e%252f', 'encoded slash': 'a%2fb', 'encoded NUL': 'a%00b',
	'encoded line break': 'a%0d%0aX-Evil:1', percent: '100% sure', 'percent alone': '%', plus: 'a+b', at: '@input.other', 'at in braces': '@{input.other}',
	braces: '{{input.other}}', 'braces with filter': '{{input.other | upper}}', 'half of braces': '{{', 'end of braces': '}}', 'two at signs': 'a@@b', address: 'ada@example.com',
	'user and host': 'user:pass@evil.example', colon: 'javascript:alert(1)', 'end of CDATA': 'a]]>b]', 'start of CDATA': '<![CDATA[x]]>', entity: '&lt;&#60;&amp;',
	'own entity': '&evil;', doctype: '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>', markup: '<evil a="b"/>', script: '</script><script>alert(1)</script>',
	comment: '--><!--', instruction: '<?evil?>', member: '","evil":"1', 'end of object': '"}],"evil":{"a":"', 'JSON text': '{"evil":1}', 'JSON number': '1e9', 'JSON null': 'null',
	prototype: '__proto__', 'form array': 'a[]=1&a[evil]=2', 'end of GraphQL': '") { evil } #', boundary: '\r\n--boundary--\r\n',
	disposition: '"; filename="evil.sh', 'header of a part': '"\r\nContent-Type: text/html\r\n\r\nx', accents: 'ünïcödé €', emoji: '👩‍👩‍👧', combining: 'e\u0301',
	'line separator': 'a\u2028b', 'paragraph separator': 'a\u2029b', 'right to left': 'a\u202egpj.exe', isolate: '\u2066a\u2069', 'no-break space': '\u00a0', 'zero width': 'a\u200bb',
	'byte order mark': '\ufeffa', 'full-width dots': '\uff0e\uff0e\uff0f', 'full-width quote': '\uff02', noncharacter: 'a\ufffeb', replacement: 'a\ufffdb', 'last plane': '\u{10ffff}',
	shell: '$(id) | rm -rf / ; x', format: '%s%n%x', 'log forging': 'x level=error', template: '${7*7}#{7*7}<%= 7 %>', long: `x${'ab'.repeat(4000)}`
}

/* Values that are no texts, and what they are as text. */
export const typedValues = [
	[12.5, '12.5'], [9007199254740991, '9007199254740991'], [-0.5, '-0.5'], [true, 'true'], [false, 'false'], [null, ''],
	[[1, 'a"b', { c: null }], '[1,"a\\"b",{"c":null}]'], [{ 'k"}': '&=/' }, '{"k\\"}":"&=/"}']
]

const ascii = /[\u0000-\u001f\u007f]/
const dotSegments = (value) => value.split(/[/\\]/).some((each) => /^\.\.?$/.test(each.split(';')[0]))
const fields = (entry) => entry.fields.map(({ name, value }) => [name, value])
const own = [['own', '1']]
const part = (value) => value.replace(/[\r\n"\\]/g, encodeURIComponent)

/*
 * request(v): the author's document, v being the variable as he spells it; sees(entry): what the receiver has read;
 * wants(value): what that must be; refuses(value): the value has no place there.
 */
export const places = {
	'segment of the path': {
		request: (v) => ({ method: 'GET', url: `/a/${v}/b?own=1` }),
		sees: ({ path, query }) => [path.split('/').map(decodeURIComponent), query],
		wants: (value) => [['', 'a', value, 'b'], own],
		refuses: (value) => value === '' || ascii.test(value) || dotSegments(value)
	},
	'part of a segment': {
		request: (v) => ({ method: 'GET', url: `/a/x-${v}-y/b?own=1` }),
		sees: ({ path, query }) => [path.split('/').map(decodeURIComponent), query],
		wants: (value) => [['', 'a', `x-${value}-y`, 'b'], own],
		refuses: (value) => ascii.test(value) || dotSegments(`x-${value}-y`)
	},
	'query in the URL': {
		request: (v) => ({ method: 'GET', url: `/q?first=${v}&own=1` }),
		sees: ({ path, query }) => [path, query],
		wants: (value) => ['/q', [['first', value], ...own]]
	},
	'query row': {
		request: (v) => ({ method: 'GET', url: '/q?own=1', query: [{ name: 'a', value: `<${v}>` }, { name: 'last', value: 'z' }] }),
		sees: ({ query }) => query,
		wants: (value) => [...own, ['a', `<${value}>`], ['last', 'z']]
	},
	'name of a query row': {
		request: (v) => ({ method: 'GET', url: '/q', query: [{ name: v, value: 'x' }, { name: 'last', value: 'z' }] }),
		sees: ({ query }) => query,
		wants: (value) => [[value, 'x'], ['last', 'z']]
	},
	header: {
		request: (v) => ({ method: 'GET', url: '/h', headers: [{ name: 'X-V', value: `v=${v};` }, { name: 'X-Last', value: 'z' }] }),
		sees: ({ rawHeaders }) => rawHeaders.flatMap((name, n) => n % 2 || !/^x-(?!api)/i.test(name) ? []
			: [[name.toLowerCase(), Buffer.from(rawHeaders[n + 1], 'latin1').toString('utf8')]]),
		wants: (value) => [['x-v', `v=${value};`], ['x-last', 'z']],
		refuses: (value) => control.test(value)
	},
	'form value': {
		request: (v) => ({ method: 'POST', url: '/f', body: { type: 'form', content: [{ name: 'a', value: v }, { name: 'last', value: 'z' }] } }),
		sees: (entry) => [fields(entry), [...new URLSearchParams(entry.body.toString('utf8'))]],
		wants: (value) => Array(2).fill([['a', value], ['last', 'z']])
	},
	'form name': {
		request: (v) => ({ method: 'POST', url: '/f', body: { type: 'form', content: [{ name: v, value: 'a' }, { name: 'last', value: 'z' }] } }),
		sees: fields,
		wants: (value) => [[value, 'a'], ['last', 'z']]
	},
	'multipart value': {
		request: (v) => ({ method: 'POST', url: '/m', body: { type: 'multipart', content: [{ name: 'a', value: v }, { name: 'last', value: 'z' }] } }),
		sees: (entry) => [fields(entry), entry.files.length],
		wants: (value) => [[['a', value], ['last', 'z']], 0]
	},
	'multipart name': {
		request: (v) => ({ method: 'POST', url: '/m', body: { type: 'multipart', content: [{ name: `n${v}`, value: 'x' }, { name: 'last', value: 'z' }] } }),
		sees: (entry) => [fields(entry), entry.files.length],
		wants: (value) => [[[`n${part(value)}`, 'x'], ['last', 'z']], 0],
		refuses: (value) => /[\u0000-\u0009\u000b\u000c\u000e-\u001f\u007f]/.test(value)
	},
	'multipart file name': {
		request: (v) => ({ method: 'POST', url: '/m', body: { type: 'multipart', content: [{ name: 'f', filename: `n${v}`, value: 'x' }, { name: 'last', value: 'z' }] } }),
		sees: (entry) => [fields(entry), entry.files.map(({ name, bytes }) => [name, bytes.toString()])],
		wants: () => [[['last', 'z']], [['f', 'x']]],
		refuses: (value) => /[\u0000-\u0009\u000b\u000c\u000e-\u001f\u007f]/.test(value)
	},
	'JSON string': {
		request: (v) => ({ method: 'POST', url: '/j', body: { type: 'json', content: { a: { b: [`<${v}>`] }, last: 'z' } } }),
		sees: ({ json }) => json,
		wants: (value) => ({ a: { b: [`<${value}>`] }, last: 'z' })
	},
	'JSON place of its own': {
		typed: true,
		request: (v) => ({ method: 'POST', url: '/j', body: { type: 'json', content: { a: v, last: [v, 'z'] } } }),
		sees: ({ json }) => json,
		wants: (value) => ({ a: value, last: [value, 'z'] })
	},
	'JSON member name (never one)': {
		typed: true,
		request: (v) => ({ method: 'POST', url: '/j', body: { type: 'json', content: { [`k${v}`]: v } } }),
		sees: ({ json }) => Object.entries(json).map(([name, value]) => [/^k(\{\{|@\{) ?input.*\}$/.test(name), value]),
		wants: (value) => [[true, value]]
	},
	'GraphQL variable': {
		typed: true,
		request: (v) => ({ method: 'POST', url: '/not-graphql', body: { type: 'graphql', content: { query: 'query Q($v: X) { ticket(id: $v) { id } }', variables: { v } } } }),
		sees: ({ json }) => json,
		wants: (value) => ({ query: 'query Q($v: X) { ticket(id: $v) { id } }', variables: { v: value } })
	},
	'XML text': {
		request: (v) => ({ method: 'POST', url: '/x', body: { type: 'xml', content: `<t><s>${v}</s><last>z</last></t>` } }),
		sees: ({ xml }) => xml,
		wants: (value) => ({ t: { s: value, last: 'z' } }),
		refuses: (value) => noXml.test(value)
	},
	'XML attribute': {
		request: (v) => ({ method: 'POST', url: '/x', body: { type: 'xml', content: `<t a="${v}" last='z'/>` } }),
		sees: ({ xml }) => xml,
		wants: (value) => ({ t: { '@_a': value, '@_last': 'z' } }),
		refuses: (value) => noXml.test(value)
	},
	'XML CDATA': {
		request: (v) => ({ method: 'POST', url: '/x', body: { type: 'xml', content: `<t><c><![CDATA[<b>${v}</b>]]></c><last>z</last></t>` } }),
		sees: ({ xml }) => xml,
		wants: (value) => ({ t: { c: `<b>${value}</b>`, last: 'z' } }),
		refuses: (value) => noXml.test(value)
	},
	text: {
		request: (v) => ({ method: 'POST', url: '/t', body: { type: 'text', content: `a ${v} z` } }),
		sees: ({ body }) => body.toString('utf8'),
		wants: (value) => `a ${value} z`,
		refuses: (value) => /\u0000/.test(value)
	},
	'idempotency key': {
		request: (v) => ({ method: 'POST', url: '/k', idempotency_key: `k${v}.` }),
		sees: ({ headers }) => Buffer.from(headers['idempotency-key'], 'latin1').toString('utf8'),
		wants: (value) => `k${value}.`,
		refuses: (value) => control.test(value)
	}
}

/* One variable, as an author may write it. */
export const spellings = ['{{input.v}}', '@{input.v}', '{{ input["v"] }}']
