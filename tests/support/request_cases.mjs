// SPDX-License-Identifier: Apache-2.0
/*
 * Requests that two implementations may read differently, as bytes (strings are Latin-1). Each carries X-Case, by
 * which an upstream's record is told apart; "hidden" is a second request inside the first one's body, that must
 * never come out as a request of its own.
 *
 * A case: {group, name, bytes, requests}. requests (default 1): how many requests a strict reader may see in it.
 */
const crlf = '\r\n'

/* fill: {link, key}; gives all the cases, numbered. */
export function requestCases({ link, key }) {
	const cases = []
	let group

	const target = (path = 'echo') => `/via/${link}/${path}`
	const base = (number) => ['Host: x', `Authorization: Bearer ${key}`, `X-Case: ${number}`]
	const hidden = (number) => [`GET ${target('hidden')} HTTP/1.1`, ...base(number), '', ''].join(crlf)

	/* make(number) -> bytes */
	const add = (name, make, more = {}) => {
		const number = cases.length + 1
		cases.push({ number, group, name: `${group}: ${printable(name)}`, requests: 1, ...more, bytes: make(number) })
	}
	/* lines of the head behind the usual ones, then body(number) */
	const request = (name, lines, body = () => '', { first = `POST ${target()} HTTP/1.1`, ...more } = {}) =>
		add(name, (number) => [first, ...base(number), ...lines(number), '', ''].join(crlf) + body(number), more)
	const chunkedBody = (text) => `${text.length.toString(16)}${crlf}${text}${crlf}0${crlf}${crlf}`

	group = 'a length'
	const lengths = ['3', '+3', '-3', '3.0', '3,3', '3, 3', '3,4', ',3', '3,', '3 3', '3;', '0x3', '3e0', '03', '0003', '',
		' ', '\t3', '3\t', '\v3', '3\v', '\f3', '3\0', '\x003', '３', 'three', '"3"', '1_0', '0b11', '0o3', '3\xa0',
		'18446744073709551619', '18446744073709551616', '9223372036854775808', '99999999999999999999999', '4294967299',
		'-0', '--3', '3-', '3\r', '3\n', '\n3', '3\r\n ', '\r\n 3']
	for (const value of lengths)
		request(value, () => [`Content-Length: ${value}`], () => 'abc')
	for (const [one, two] of [['3', '3'], ['3', '4'], ['4', '3'], ['0', '3'], ['3', '0'], ['3', ''], ['', '3']])
		request(`${one} and ${two}`, () => [`Content-Length: ${one}`, `Content-Length: ${two}`], () => 'abc')
	for (const name of ['content-length', 'CONTENT-LENGTH', 'Content-Length ', 'Content-Length\t', 'Content-Length\v',
		'Content-Length\0', '\0Content-Length', ' Content-Length', '\tContent-Length', 'Content-Length:',
		'"Content-Length"', 'Content Length', 'Content\0-Length', 'X: y\nContent-Length', 'X: y\rContent-Length',
		'X: y\0Content-Length'])
		request(`under the name ${name}`, (n) => [`${name}: ${hidden(n).length}`], hidden)

	group = 'a coding'
	const codings = ['chunked', 'Chunked', 'CHUNKED', ' chunked', 'chunked ', '\tchunked', 'chunked\t', '\vchunked',
		'chunked\v', '\fchunked', '\x85chunked', '\xa0chunked', 'chunked\xa0', '"chunked"', '\'chunked\'', 'chunked;q=1',
		'chunked;', ';chunked', 'chunked, chunked', 'chunked,chunked', 'chunked,', ',chunked', 'identity',
		'identity, chunked', 'chunked, identity', 'gzip, chunked', 'chunked, gzip', 'gzip', 'deflate', 'xchunked',
		'chunkedx', 'x chunked', 'chunked x', 'chunk', '', ' ', 'trailers', 'cow', '%63hunked', 'chunked\0', '\0chunked',
		'chu\0nked', 'chunked\r', 'chunked\n', '\nchunked', '\r\n chunked', '\r\n\tchunked', 'chunked\r\n ',
		'identity\r\n , chunked', 'chu\r\n nked', 'сhunked', 'chunked\x7f', 'chunked:', ': chunked', 'chunked=1']
	for (const value of codings) {
		request(`${value}`, () => [`Transfer-Encoding: ${value}`], () => chunkedBody('abc'))
		request(`${value}, before a length`, (n) => [`Transfer-Encoding: ${value}`, `Content-Length: ${hidden(n).length}`],
			(n) => `0${crlf}${crlf}${hidden(n)}`)
		request(`${value}, behind a length`, () => ['Content-Length: 5', `Transfer-Encoding: ${value}`],
			(n) => `0${crlf}${crlf}${hidden(n)}`)
	}
	for (const value of ['chunked', 'identity', 'gzip, chunked'])
		request(`${value}, in HTTP/1.0`, () => [`Transfer-Encoding: ${value}`], (n) => chunkedBody(hidden(n)),
			{ first: `POST ${target()} HTTP/1.0` })
	for (const [one, two] of [['chunked', 'chunked'], ['chunked', 'identity'], ['identity', 'chunked'], ['chunked', 'x'],
		['x', 'chunked'], ['', 'chunked'], ['gzip', 'chunked']])
		request(`${one} and ${two}`, () => [`Transfer-Encoding: ${one}`, `Transfer-Encoding: ${two}`],
			(n) => `0${crlf}${crlf}${hidden(n)}`, { requests: 1 })
	for (const name of ['transfer-encoding', 'Transfer-Encoding ', 'Transfer-Encoding\t', 'Transfer-Encoding\v',
		'Transfer-Encoding\0', '\0Transfer-Encoding', ' Transfer-Encoding', '\tTransfer-Encoding', 'Transfer-Encoding:',
		'Transfer Encoding', 'Transfer\0-Encoding', 'X: y\nTransfer-Encoding', 'X: y\rTransfer-Encoding',
		'X: y\0Transfer-Encoding', '"Transfer-Encoding"', '\xefTransfer-Encoding', '(Transfer-Encoding)'])
		request(`under the name ${name}, beside a length`,
			() => ['Content-Length: 5', `${name}: chunked`], (n) => `0${crlf}${crlf}${hidden(n)}`,
			{ requests: /^transfer-encoding$/.test(name) ? 1 : 2 })

	group = 'chunks'
	const bodies = {
		'a plain body': chunkedBody('abc'),
		'upper case': `A${crlf}0123456789${crlf}0${crlf}${crlf}`,
		'zeros in front': `0000003${crlf}abc${crlf}000${crlf}${crlf}`,
		'0x': `0x3${crlf}abc${crlf}0${crlf}${crlf}`,
		'a plus': `+3${crlf}abc${crlf}0${crlf}${crlf}`,
		'a minus': `-3${crlf}abc${crlf}0${crlf}${crlf}`,
		'a space in front': ` 3${crlf}abc${crlf}0${crlf}${crlf}`,
		'a space behind': `3 ${crlf}abc${crlf}0${crlf}${crlf}`,
		'a tab behind': `3\t${crlf}abc${crlf}0${crlf}${crlf}`,
		'no size': `${crlf}abc${crlf}0${crlf}${crlf}`,
		'no digit': `g${crlf}abc${crlf}0${crlf}${crlf}`,
		'a size of 2^32 + 3': `100000003${crlf}abc${crlf}0${crlf}${crlf}`,
		'a size of 2^64 + 3': `10000000000000003${crlf}abc${crlf}0${crlf}${crlf}`,
		'a size of 2^64 - 1': `ffffffffffffffff${crlf}abc${crlf}0${crlf}${crlf}`,
		'a size of 2^68': `100000000000000000${crlf}abc${crlf}0${crlf}${crlf}`,
		'an extension': `3;a=b${crlf}abc${crlf}0;c${crlf}${crlf}`,
		'a quoted extension': `3;a="b c"${crlf}abc${crlf}0${crlf}${crlf}`,
		'a CRLF in a quoted extension': `3;a="${crlf}abc${crlf}0${crlf}${crlf}"`,
		'a LF in an extension': `3;a\n=b${crlf}abc${crlf}0${crlf}${crlf}`,
		'a CR in an extension': `3;a\r=b${crlf}abc${crlf}0${crlf}${crlf}`,
		'a NUL in an extension': `3;a\0${crlf}abc${crlf}0${crlf}${crlf}`,
		'a long extension': `3;${'a'.repeat(8000)}${crlf}abc${crlf}0${crlf}${crlf}`,
		'an empty extension': `3;${crlf}abc${crlf}0${crlf}${crlf}`,
		'LF behind the size': `3\nabc${crlf}0${crlf}${crlf}`,
		'CR behind the size': `3\rabc${crlf}0${crlf}${crlf}`,
		'CR CR LF behind the size': `3\r${crlf}abc${crlf}0${crlf}${crlf}`,
		'LF behind the data': `3${crlf}abc\n0${crlf}${crlf}`,
		'nothing behind the data': `3${crlf}abc0${crlf}${crlf}`,
		'two bytes behind the data': `3${crlf}abcXX0${crlf}${crlf}`,
		'more data than said': `3${crlf}abcd${crlf}0${crlf}${crlf}`,
		'LF at the end': `3${crlf}abc${crlf}0\n\n`,
		'LF behind the last size': `3${crlf}abc${crlf}0\n${crlf}`,
		'a CR alone at the end': `3${crlf}abc${crlf}0${crlf}\rX`,
		'a trailer': `3${crlf}abc${crlf}0${crlf}X-A: b${crlf}${crlf}`,
		'a Content-Length as trailer': `3${crlf}abc${crlf}0${crlf}Content-Length: 50${crlf}${crlf}`,
		'an Authorization as trailer': `3${crlf}abc${crlf}0${crlf}Authorization: Bearer x${crlf}${crlf}`,
		'a Host as trailer': `3${crlf}abc${crlf}0${crlf}Host: y${crlf}${crlf}`,
		'a trailer without colon': `3${crlf}abc${crlf}0${crlf}X-A${crlf}${crlf}`,
		'a folded trailer': `3${crlf}abc${crlf}0${crlf}X-A: b${crlf} c${crlf}${crlf}`,
		'a trailer with LF': `3${crlf}abc${crlf}0${crlf}X-A: b\n\n`,
		'a trailer with NUL': `3${crlf}abc${crlf}0${crlf}X-A: \0${crlf}${crlf}`,
		'a space before a trailer\'s colon': `3${crlf}abc${crlf}0${crlf}X-A : b${crlf}${crlf}`,
		'a long trailer': `3${crlf}abc${crlf}0${crlf}X-A: ${'a'.repeat(20_000)}${crlf}${crlf}`,
		'many trailers': `3${crlf}abc${crlf}0${crlf}${`X-A: b${crlf}`.repeat(2000)}${crlf}`
	}
	for (const [name, body] of Object.entries(bodies))
		request(name, () => ['Transfer-Encoding: chunked'], () => body)
	request('a request in the place of trailers', () => ['Transfer-Encoding: chunked'], (n) => `0${crlf}${hidden(n)}`)
	request('a request behind the last chunk', () => ['Transfer-Encoding: chunked'], (n) => `0${crlf}${crlf}${hidden(n)}`,
		{ requests: 2 })
	request('a request in a chunk', () => ['Transfer-Encoding: chunked'], (n) => chunkedBody(hidden(n)))
	request('a request behind a size that wraps', () => ['Transfer-Encoding: chunked'],
		(n) => `100000000${crlf}${crlf}0${crlf}${crlf}${hidden(n)}`)

	group = 'a line'
	const get = `GET ${target()} HTTP/1.1`
	const lines = {
		'LF everywhere': (n) => [get, ...base(n), '', ''].join('\n'),
		'LF behind the request line': (n) => `${get}\n${[...base(n), '', ''].join(crlf)}`,
		'CR behind the request line': (n) => `${get}\r${[...base(n), '', ''].join(crlf)}`,
		'CR CR LF behind the request line': (n) => `${get}\r${[crlf.slice(0, 0), ...base(n), '', ''].join(crlf)}`,
		'LF behind a field': (n) => [get, 'X-A: b\nX-B: c', ...base(n), '', ''].join(crlf),
		'CR behind a field': (n) => [get, 'X-A: b\rX-B: c', ...base(n), '', ''].join(crlf),
		'LF CR behind a field': (n) => [get, 'X-A: b\n\rX-B: c', ...base(n), '', ''].join(crlf),
		'LF as the empty line': (n) => `${[get, ...base(n)].join(crlf)}${crlf}\n`,
		'LF LF at the end': (n) => `${[get, ...base(n)].join(crlf)}\n\n`,
		'an empty line in front': (n) => `${crlf}${[get, ...base(n), '', ''].join(crlf)}`,
		'a LF in front': (n) => `\n${[get, ...base(n), '', ''].join(crlf)}`,
		'a space in front': (n) => ` ${[get, ...base(n), '', ''].join(crlf)}`,
		'a NUL in front': (n) => `\0${[get, ...base(n), '', ''].join(crlf)}`,
		'a BOM in front': (n) => `\xef\xbb\xbf${[get, ...base(n), '', ''].join(crlf)}`,
		'a folded value': (n) => [get, 'X-A: b', ' c', ...base(n), '', ''].join(crlf),
		'a value folded by a tab': (n) => [get, 'X-A: b', '\tc', ...base(n), '', ''].join(crlf),
		'a folded first field': (n) => [get, ' X-A: b', ...base(n), '', ''].join(crlf),
		'a folded Host': (n) => [get, 'Host:', ' x', ...base(n).slice(1), '', ''].join(crlf),
		'a folded key': (n) => [get, 'Host: x', 'Authorization:', ` Bearer ${key}`, `X-Case: ${n}`, '', ''].join(crlf),
		'a field without colon': (n) => [get, ...base(n), 'X-A', '', ''].join(crlf),
		'a field without name': (n) => [get, ...base(n), ': b', '', ''].join(crlf),
		'a line of spaces': (n) => [get, ...base(n), '   ', '', ''].join(crlf),
		'a space before the colon': (n) => [get, ...base(n), 'X-A : b', '', ''].join(crlf),
		'a tab before the colon': (n) => [get, ...base(n), 'X-A\t: b', '', ''].join(crlf),
		'a field without value': (n) => [get, ...base(n), 'X-A:', '', ''].join(crlf)
	}
	for (const [name, make] of Object.entries(lines))
		add(name, make)

	group = 'a request line'
	const firsts = [`GET  ${target()} HTTP/1.1`, `GET ${target()}  HTTP/1.1`, `GET\t${target()} HTTP/1.1`,
		`GET ${target()}\tHTTP/1.1`, `GET\v${target()} HTTP/1.1`, `GET ${target()} HTTP/1.1 `, ` GET ${target()} HTTP/1.1`,
		`GET ${target()}`, `GET ${target()} `, 'GET', 'GET HTTP/1.1', 'GET  HTTP/1.1', `${target()} HTTP/1.1`,
		`GET ${target()} HTTP/1.1 HTTP/1.1`, `GET ${target()} x HTTP/1.1`, `GET ${target('a b')} HTTP/1.1`,
		`GET ${target('a\tb')} HTTP/1.1`, `GET ${target('a\0b')} HTTP/1.1`, `GET ${target('a\x7fb')} HTTP/1.1`,
		`GET ${target('ä')} HTTP/1.1`, `GET ${target('#a')} HTTP/1.1`, `GET ${target('?a#b')} HTTP/1.1`,
		`GET ${target('a\\b')} HTTP/1.1`, `GET ${target('%00')} HTTP/1.1`, `GET ${target('%0d%0aX:y')} HTTP/1.1`,
		`GET ${target('%')} HTTP/1.1`, `GET ${target('%g0')} HTTP/1.1`, `GET ${target('../../etc')} HTTP/1.1`,
		`GET ${target('%2e%2e/x')} HTTP/1.1`, `GET ${target('..;/x')} HTTP/1.1`, `GET ${target('.//../x')} HTTP/1.1`,
		`GET http://x${target()} HTTP/1.1`, `GET http://y${target()} HTTP/1.1`, `GET https://x${target()} HTTP/1.1`,
		`GET x${target()} HTTP/1.1`, `GET //x${target()} HTTP/1.1`, 'GET x:80 HTTP/1.1', 'CONNECT x:80 HTTP/1.1',
		`CONNECT ${target()} HTTP/1.1`, 'OPTIONS * HTTP/1.1', 'GET * HTTP/1.1', `TRACE ${target()} HTTP/1.1`,
		`get ${target()} HTTP/1.1`, `G@T ${target()} HTTP/1.1`, `GE\0T ${target()} HTTP/1.1`, `G ET ${target()} HTTP/1.1`,
		`${'A'.repeat(40)} ${target()} HTTP/1.1`, `G"T ${target()} HTTP/1.1`, `PURGE ${target()} HTTP/1.1`,
		`GET ${target()} HTTP/1.2`, `GET ${target()} HTTP/1.10`, `GET ${target()} HTTP/1.01`, `GET ${target()} HTTP/01.1`,
		`GET ${target()} HTTP/2.0`, `GET ${target()} HTTP/0.9`, `GET ${target()} HTTP/1.`, `GET ${target()} HTTP/1`,
		`GET ${target()} HTTP/11`, `GET ${target()} HTTP 1.1`, `GET ${target()} http/1.1`, `GET ${target()} HTTPS/1.1`,
		`GET ${target()} HTTP/1.1\0`, `GET ${target()} ICY/1.1`, `GET ${target()} HTTP/-1.1`, `GET ${target()} HTTP/1,1`,
		`GET ${target()}HTTP/1.1`]
	for (const first of firsts)
		request(first.replaceAll(target(), '/…'), () => [], () => '', { first })
	add('HTTP/0.9', () => `GET ${target()}${crlf}`)
	add('HTTP/2 preface', (n) => `PRI * HTTP/2.0${crlf}${crlf}SM${crlf}${crlf}${hidden(n)}`, { requests: 0 })
	add('TLS', () => '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03' + 'a'.repeat(160))

	group = 'a byte'
	for (const code of [...Array(32).keys(), 0x20, 0x22, 0x28, 0x2c, 0x2f, 0x3a, 0x3b, 0x40, 0x5b, 0x5c, 0x7b, 0x7f, 0x80,
		0x85, 0xa0, 0xff]) {
		const byte = String.fromCharCode(code)
		const hex = code.toString(16).padStart(2, '0')
		request(`${hex} in a name`, () => [`X-${byte}A: b`], undefined, { first: get })
		request(`${hex} at the end of a name`, () => [`X-A${byte}: b`], undefined, { first: get })
		request(`${hex} in a value`, () => [`X-A: b${byte}c`], undefined, { first: get })
		request(`${hex} in the method`, () => [], undefined, { first: get.replace('GET', `GE${byte}T`) })
		request(`${hex} in the version`, () => [], undefined, { first: `${get}${byte}` })
		request(`${hex} in Host`, () => [], undefined, { first: `${get}${crlf}X-B: c` })
		cases.at(-1).bytes = cases.at(-1).bytes.replace('Host: x', `Host: x${byte}y`)
	}

	group = 'Host'
	const hosts = [[], [''], ['x', 'x'], ['x', 'y'], ['x', ''], ['x y'], ['x,y'], ['x/y'], ['x:80'], ['x:'], ['x:a'],
		['x:99999'], ['x@y'], ['user:pass@x'], ['[::1]'], ['[::1'], ['::1'], ['x?y'], ['x#y'], ['x\\y'], ['x%00'],
		['http://x'], ['.'], ['..'], ['x..y'], ['a'.repeat(300)], ['"x"'], ['x;y'], ['x\0y']]
	for (const list of hosts)
		add(JSON.stringify(list), (n) =>
			[get, ...list.map((host) => `Host: ${host}`), ...base(n).slice(1), '', ''].join(crlf))
	add('none in HTTP/1.0', (n) => [get.replace('1.1', '1.0'), ...base(n).slice(1), '', ''].join(crlf))
	add('two in HTTP/1.0', (n) => [get.replace('1.1', '1.0'), ...base(n), 'Host: y', '', ''].join(crlf))

	group = 'Connection'
	for (const value of ['Authorization', 'authorization, close', 'Host', 'Content-Length', 'Transfer-Encoding', 'X-Case',
		'Connection', 'close', 'keep-alive', 'close, keep-alive', 'upgrade', '', ',', ',,close', 'Cookie', '*', '"close"',
		'Drawbridge-Key', 'close\0'])
		request(value, () => [`Connection: ${value}`, 'Content-Length: 3'], () => 'abc', { lost: value === 'X-Case' })
	for (const value of ['Authorization', 'Transfer-Encoding', 'Content-Length'])
		request(`${value}, with chunks`, () => [`Connection: ${value}`, 'Transfer-Encoding: chunked'],
			(n) => chunkedBody(hidden(n)))
	request('Proxy-Connection and Keep-Alive', () => ['Proxy-Connection: close', 'Keep-Alive: timeout=1'], undefined,
		{ first: get })

	group = 'an upgrade'
	for (const [name, ...fields] of [['WebSocket', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
		'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='], ['h2c', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c',
		'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA'], ['h2c without Connection', 'Upgrade: h2c',
		'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA'], ['h2c with Connection: HTTP2-Settings alone',
		'Connection: HTTP2-Settings', 'Upgrade: h2c'], ['TLS', 'Connection: Upgrade', 'Upgrade: TLS/1.0'],
		['several', 'Connection: Upgrade', 'Upgrade: h2c, websocket'], ['an unknown one', 'Connection: Upgrade',
			'Upgrade: x']])
		request(name, () => fields, undefined, { first: get })
	request('WebSocket, and a request behind it', () => ['Connection: Upgrade', 'Upgrade: websocket',
		'Sec-WebSocket-Version: 777', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='], hidden, { first: get, requests: 2 })

	group = 'Expect'
	for (const value of ['100-continue', '100-Continue', '100-continue ', ' 100-continue', '100-continue, x', 'x', '',
		'200-ok', '100-continue\0', '100'])
		request(value, () => [`Expect: ${value}`, 'Content-Length: 3'], () => 'abc')
	request('two', () => ['Expect: 100-continue', 'Expect: x', 'Content-Length: 3'], () => 'abc')
	request('in HTTP/1.0', () => ['Expect: 100-continue', 'Content-Length: 3'], () => 'abc',
		{ first: `POST ${target()} HTTP/1.0` })
	request('without a body', () => ['Expect: 100-continue'], undefined, { first: get })
	request('and a request for a body', (n) => ['Expect: 100-continue', `Content-Length: ${hidden(n).length}`], hidden)

	group = 'a body of GET'
	request('with a length', (n) => [`Content-Length: ${hidden(n).length}`], hidden, { first: get })
	request('in chunks', () => ['Transfer-Encoding: chunked'], (n) => chunkedBody(hidden(n)), { first: get })
	request('without either', () => [], hidden, { first: get, requests: 2 })
	request('of HEAD', (n) => [`Content-Length: ${hidden(n).length}`], hidden, { first: get.replace('GET', 'HEAD') })
	request('of DELETE', () => ['Content-Length: 3'], () => 'abc', { first: get.replace('GET', 'DELETE') })
	request('of OPTIONS', () => ['Content-Length: 3'], () => 'abc', { first: get.replace('GET', 'OPTIONS') })

	group = 'a pipeline'
	const pair = (name, second, requests) => request(name, () => [], second, { first: get, requests })
	pair('of two good ones', hidden, 2)
	pair('whose second has LF', (n) => hidden(n).replaceAll(crlf, '\n'), 2)
	pair('whose second has two lengths', (n) => hidden(n).replace(crlf + crlf,
		`${crlf}Content-Length: 0${crlf}Content-Length: 5${crlf}${crlf}`), 2)
	pair('whose second has length and coding', (n) => hidden(n).replace(crlf + crlf,
		`${crlf}Content-Length: 5${crlf}Transfer-Encoding: chunked${crlf}${crlf}0${crlf}${crlf}`), 2)
	pair('whose second is garbage', () => '\0\x01\x02 garbage\r\n\r\n', 1)
	pair('with an empty line between', (n) => `${crlf}${hidden(n)}`, 2)
	pair('with empty lines between', (n) => `${crlf}${crlf}${crlf}${hidden(n)}`, 2)
	request('behind Connection: close', () => ['Connection: close'], hidden, { first: get })
	request('in HTTP/1.0', () => [], hidden, { first: get.replace('1.1', '1.0') })

	group = 'a twin'
	for (const field of ['Authorization: Bearer theirs', 'AUTHORIZATION: Bearer theirs', 'Authorization_: Bearer theirs',
		'Content_Length: 50', 'Transfer_Encoding: chunked', 'Content.Length: 50', 'Transfer.Encoding: chunked',
		'Transfer~Encoding: chunked', 'Authorization : Bearer theirs', ' Authorization: Bearer theirs',
		'Authorization\0: Bearer theirs', 'Authorization\t: Bearer theirs', 'X: y\nAuthorization: Bearer theirs',
		'X: y\rAuthorization: Bearer theirs', 'Proxy-Authorization: Basic eDp5', 'Proxy_Authorization: Basic eDp5',
		'Host_: y', 'X_Forwarded_For: 1.2.3.4', 'Forwarded: for=1.2.3.4', 'X-Forwarded-Host: y', 'Via: 1.1 y',
		'Cookie: a=b', 'TE: trailers', 'Trailer: Authorization', 'X-HTTP-Method-Override: DELETE'])
		request(field, () => [field], undefined, { first: get })

	group = 'too much'
	request('a value of 40 KB', () => [`X-A: ${'a'.repeat(40_000)}`], undefined, { first: get })
	request('a name of 40 KB', () => [`${'a'.repeat(40_000)}: b`], undefined, { first: get })
	request('a target of 40 KB', () => [], undefined, { first: `GET ${target('a'.repeat(40_000))} HTTP/1.1` })
	request('a query of 40 KB', () => [], undefined, { first: `GET ${target(`?${'a'.repeat(40_000)}`)} HTTP/1.1` })
	request('2000 fields', () => Array(2000).fill('X-A: b'), undefined, { first: get })
	request('101 fields', () => Array(101).fill('X-A: b'), undefined, { first: get })
	request('2000 Connection names', () => [`Connection: ${Array(2000).fill('a').join(',')}`], undefined, { first: get })
	request('a head of 33 KB in 90 fields', () => Array(90).fill(`X-A: ${'a'.repeat(370)}`), undefined, { first: get })

	return cases
}

function printable(text) {
	return text.replace(/[^\x20-\x7e]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`).slice(0, 90)
}
