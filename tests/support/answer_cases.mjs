// SPDX-License-Identifier: Apache-2.0
/*
 * Answers that two implementations may read differently, as an upstream's bytes (strings are Latin-1; numbers among
 * them are pauses in ms). "evil" is a whole answer of its own that no client may ever be given.
 *
 * A case: {group, name, pieces, method, close}. close: the upstream ends the connection behind the bytes ('cut': with
 * a reset). pause: ms before the next call, so that what comes late comes before it. good: what a client must get,
 * {status, body}. refused: what it must get instead, the code of a 502. Neither: nothing is prescribed beyond the
 * common rules.
 */
const crlf = '\r\n'
export const evilMark = 'evil-answer'
const evil = `HTTP/1.1 200 OK${crlf}Content-Length: 11${crlf}X-Evil: ${evilMark}${crlf}${crlf}${evilMark}`
const ok = { status: 200, body: 'abc' }
const bad = { refused: 'upstream_malformed' }
/* nothing has come that could be malformed */
const none = { refused: 'upstream_unreachable' }

export function answerCases() {
	const cases = []
	let group

	const add = (name, pieces, more = {}) => {
		const number = cases.length + 1
		cases.push({ number, name: `${group}: ${printable(name)}`, pieces: [pieces].flat(), method: 'GET', ...more })
	}
	const head = (...lines) => ['HTTP/1.1 200 OK', ...lines, '', ''].join(crlf)
	const chunks = `3${crlf}abc${crlf}0${crlf}${crlf}`

	group = 'framing'
	add('a length', `${head('Content-Length: 3')}abc`, { good: ok })
	add('chunks', `${head('Transfer-Encoding: chunked')}${chunks}`, { good: ok })
	add('until close', `${head()}abc`, { close: true, good: ok })
	add('until close in HTTP/1.0', `HTTP/1.0 200 OK${crlf}${crlf}abc`, { close: true, good: ok })
	add('no body and a length of 0', head('Content-Length: 0'), { good: { status: 200, body: '' } })
	add('until close, and reset', `${head()}abc`, { close: 'cut', cut: true })
	add('bytes one by one', [...`${head('Content-Length: 3')}abc`].flatMap((c) => [c, 1]), { good: ok })
	for (const value of ['+3', '-3', '3.0', '3,3', '3, 3', '3,4', '3 3', '0x3', '03', '', ' ', '3\v', '3\0', 'three', '"3"',
		'18446744073709551619', '9223372036854775808', '3;a', '3\xa0', '1e1'])
		add(`length ${value}`, `${head(`Content-Length: ${value}`)}abc`, value === '03' ? {} : bad)
	for (const [one, two] of [['3', '3'], ['3', '4'], ['4', '3'], ['0', '3'], ['3', '0']])
		add(`lengths ${one} and ${two}`, `${head(`Content-Length: ${one}`, `Content-Length: ${two}`)}abc${evil}`, bad)
	for (const value of ['Chunked', 'chunked ', '\tchunked', '\vchunked', 'xchunked', 'chunked, chunked', 'identity',
		'gzip, chunked', 'chunked, gzip', 'chunked;a', '"chunked"', '', 'chunked\0', 'gzip', 'cow', ',chunked'])
		add(`coding ${value}`, `${head(`Transfer-Encoding: ${value}`)}${chunks}`, /^[ \t]*chunked *$/i.test(value) ? {} : bad)
	add('a length beside chunks', `${head('Content-Length: 3', 'Transfer-Encoding: chunked')}${chunks}${evil}`, bad)
	add('chunks beside a length', `${head('Transfer-Encoding: chunked', 'Content-Length: 50')}${chunks}${evil}`, bad)
	add('two codings', `${head('Transfer-Encoding: chunked', 'Transfer-Encoding: identity')}${chunks}${evil}`, bad)
	add('two chunked', `${head('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}${chunks}${evil}`, bad)
	add('chunks in HTTP/1.0', `HTTP/1.0 200 OK${crlf}Transfer-Encoding: chunked${crlf}${crlf}${chunks}`, bad)
	for (const name of ['Content-Length ', 'Content-Length\t', ' Content-Length', 'Content_Length', '\0Content-Length'])
		add(`a length under the name ${name}`, `${head(`${name}: 3`)}abc`, { close: true, ...name.includes('_') ? {} : bad })
	for (const name of ['Transfer-Encoding ', 'Transfer-Encoding\t', ' Transfer-Encoding', 'Transfer_Encoding'])
		add(`chunks under the name ${name}`, `${head('Content-Length: 5', `${name}: chunked`)}0${crlf}${crlf}${evil}`,
			name.includes('_') ? {} : bad)

	group = 'chunks'
	for (const [name, body] of Object.entries({
		'with an extension': `3;a=b${crlf}abc${crlf}0${crlf}${crlf}`,
		'with trailers': `3${crlf}abc${crlf}0${crlf}X-After: done${crlf}${crlf}`
	}))
		add(name, `${head('Transfer-Encoding: chunked')}${body}`, { good: ok })
	for (const [name, body] of Object.entries({
		'with a CRLF in a quoted extension': `3;a="${crlf}abc${crlf}0${crlf}${crlf}"`,
		'with 0x': `0x3${crlf}abc${crlf}0${crlf}${crlf}`, 'with a plus': `+3${crlf}abc${crlf}0${crlf}${crlf}`,
		'with a space behind the size': `3 ${crlf}abc${crlf}0${crlf}${crlf}`,
		'with LF': '3\nabc\n0\n\n', 'without size': `${crlf}abc${crlf}0${crlf}${crlf}`,
		'with a size of 2^64 + 3': `10000000000000003${crlf}abc${crlf}0${crlf}${crlf}`,
		'with a size of 2^32 + 3': `100000003${crlf}abc${crlf}0${crlf}${crlf}`,
		'with more data than said': `3${crlf}abcd${crlf}0${crlf}${crlf}`,
		'with nothing behind the data': `3${crlf}abc0${crlf}${crlf}`,
		'with a trailer without colon': `3${crlf}abc${crlf}0${crlf}X-A${crlf}${crlf}`,
		'with an answer as trailers': `3${crlf}abc${crlf}0${crlf}${evil}`,
		'with Set-Cookie as trailer': `3${crlf}abc${crlf}0${crlf}Set-Cookie: a=b${crlf}${crlf}`,
		'with a Content-Length as trailer': `3${crlf}abc${crlf}0${crlf}Content-Length: 50${crlf}${crlf}`
	}))
		add(name, `${head('Transfer-Encoding: chunked')}${body}`)

	group = 'cut short'
	for (const close of [true, 'cut']) {
		const how = close === 'cut' ? 'by a reset' : 'by an end'
		add(`before the head, ${how}`, '', { close, ...none })
		add(`in the status line, ${how}`, 'HTTP/1.1 20', { close, ...bad })
		add(`in the head, ${how}`, `HTTP/1.1 200 OK${crlf}Content-Le`, { close, ...bad })
		add(`behind the head, ${how}`, head('Content-Length: 3'), { close, cut: true })
		add(`in the body, ${how}`, `${head('Content-Length: 3')}ab`, { close, cut: true })
		add(`in a chunk, ${how}`, `${head('Transfer-Encoding: chunked')}5${crlf}abc`, { close, cut: true })
		add(`before the last chunk, ${how}`, `${head('Transfer-Encoding: chunked')}3${crlf}abc${crlf}`, { close, cut: true })
		add(`in the last chunk, ${how}`, `${head('Transfer-Encoding: chunked')}3${crlf}abc${crlf}0${crlf}`,
			{ close, cut: true })
	}

	group = 'more than said'
	const block = 33 * 1024 /* what is read at once: an answer that fills it exactly leaves the rest unread */
	const filling = (length) => `${head(`Content-Length: ${length}`)}`
	const exactly = block - filling(10000).length
	add('an answer behind the body', `${head('Content-Length: 3')}abc${evil}`, { good: ok })
	add('garbage behind the body', `${head('Content-Length: 3')}abcdefgh`, { good: ok })
	add('a CRLF behind the body', `${head('Content-Length: 3')}abc${crlf}`, { good: ok })
	add('an answer behind the chunks', `${head('Transfer-Encoding: chunked')}${chunks}${evil}`, { good: ok })
	add('an answer a little later', [`${head('Content-Length: 3')}abc`, 20, evil], { good: ok, pause: 120 })
	add('an answer behind 204', `HTTP/1.1 204 No Content${crlf}${crlf}${evil}`, { good: { status: 204, body: '' } })
	add('an answer behind a length of 0', `${head('Content-Length: 0')}${evil}`, { good: { status: 200, body: '' } })
	add('an answer behind a body that fills the block', `${filling(exactly)}${'a'.repeat(exactly)}${evil}`,
		{ good: { status: 200, body: 'a'.repeat(exactly) } })
	add('an answer behind a body of two blocks', `${filling(exactly + block - 64)}${'a'.repeat(exactly + block - 64)}${evil}`,
		{ good: { status: 200, body: 'a'.repeat(exactly + block - 64) } })

	group = 'no body by nature'
	for (const [name, first] of [['204', '204 No Content'], ['304', '304 Not Modified']]) {
		const status = Number(name)
		add(`${name}`, `HTTP/1.1 ${first}${crlf}${crlf}`, { good: { status, body: '' } })
		add(`${name} with a length`, `HTTP/1.1 ${first}${crlf}Content-Length: 11${crlf}${crlf}`,
			{ good: { status, body: '' } })
		add(`${name} with a length and a body`, `HTTP/1.1 ${first}${crlf}Content-Length: 3${crlf}${crlf}abc`)
		add(`${name} with chunks`, `HTTP/1.1 ${first}${crlf}Transfer-Encoding: chunked${crlf}${crlf}${chunks}`,
			status === 204 ? bad : {}) /* RFC 9112, 6.1: a 304 may say how it would have come */
		add(`${name} with a body and no length`, `HTTP/1.1 ${first}${crlf}${crlf}abc`)
	}
	add('205 with a body', `HTTP/1.1 205 Reset Content${crlf}Content-Length: 3${crlf}${crlf}abc`)
	add('HEAD with a length', head('Content-Length: 3'), { method: 'HEAD', good: { status: 200, body: '' } })
	add('HEAD with a body', `${head('Content-Length: 3')}abc`, { method: 'HEAD', good: { status: 200, body: '' } })
	add('HEAD with an answer as body', `${head(`Content-Length: ${evil.length}`)}${evil}`, { method: 'HEAD' })
	add('HEAD with chunks', `${head('Transfer-Encoding: chunked')}`, { method: 'HEAD', good: { status: 200, body: '' } })
	add('HEAD with a chunked body', `${head('Transfer-Encoding: chunked')}${chunks}`, { method: 'HEAD' })
	add('HEAD without either', head(), { method: 'HEAD', good: { status: 200, body: '' } })

	group = 'interim answers'
	const interim = (status) => `HTTP/1.1 ${status} Interim${crlf}X-Interim: yes${crlf}${crlf}`
	for (const status of [100, 102, 103, 199])
		add(`${status} first`, `${interim(status)}${head('Content-Length: 3')}abc`, { good: ok })
	add('several first', `${interim(100)}${interim(102)}${interim(103)}${head('Content-Length: 3')}abc`, { good: ok })
	add('one, then a while nothing', [interim(103), 100, `${head('Content-Length: 3')}abc`], { good: ok })
	add('32, which is the most', `${interim(103).repeat(32)}${head('Content-Length: 3')}abc`, { good: ok })
	add('33', `${interim(103).repeat(33)}${head('Content-Length: 3')}abc`, bad)
	add('a thousand', `${interim(103).repeat(1000)}${head('Content-Length: 3')}abc`, bad)
	add('without an end', [interim(100).repeat(20_000)], bad)
	add('101 without asking', `HTTP/1.1 101 Switching Protocols${crlf}Connection: Upgrade${crlf}Upgrade: x${crlf}${crlf}${evil}`,
		bad)
	add('100 with a length', `HTTP/1.1 100 Continue${crlf}Content-Length: 3${crlf}${crlf}${head('Content-Length: 3')}abc`)
	add('100 with chunks', `HTTP/1.1 100 Continue${crlf}Transfer-Encoding: chunked${crlf}${crlf}${head('Content-Length: 3')}abc`,
		bad)
	add('100 alone, then the end', interim(100), { close: true, ...none })

	group = 'a status line'
	for (const line of ['HTTP/1.1 200', 'HTTP/1.1 200 ', 'HTTP/1.1 200 A b c', 'HTTP/1.1 200 \xe4'])
		add(line, `${line}${crlf}Content-Length: 3${crlf}${crlf}abc`, { good: ok })
	for (const line of ['HTTP/1.1 2000 OK', 'HTTP/1.1 20 OK', 'HTTP/1.1 2 OK', 'HTTP/1.1  200 OK', 'HTTP/1.1\t200 OK',
		'HTTP/1.1 200\tOK', 'HTTP/1.1 200OK', 'HTTP/1.1 +200 OK', 'HTTP/1.1 -20 OK', 'HTTP/1.1 099 OK', 'HTTP/1.1 000 OK',
		'HTTP/1.1 abc OK', 'HTTP/1.1 OK', 'HTTP/1.1', 'HTTP/1.1 999 OK', 'HTTP/1.1 600 OK', 'HTTP/1.2 200 OK',
		'HTTP/2.0 200 OK', 'HTTP/2 200 OK', 'HTTP/0.9 200 OK', 'HTTP/1.10 200 OK', 'HTTP/11 200 OK', 'http/1.1 200 OK',
		' HTTP/1.1 200 OK', 'ICY 200 OK', 'HTTP/1.1 200 O\0K', 'HTTP/1.1 200 O\rK', 'HTTP/1.1 200 O\nK', 'HTTP/1.1 200 \x01',
		'HTTP /1.1 200 OK', 'XHTTP/1.1 200 OK', '200 OK', '<html>', `${crlf}HTTP/1.1 200 OK`, '\nHTTP/1.1 200 OK'])
		add(line, `${line}${crlf}Content-Length: 3${crlf}${crlf}abc`, /^HTTP\/1\.1 [69]/.test(line) ? {} : bad)
	add('HTTP/0.9', 'abc', { close: true, ...bad })
	add('TLS', `\x15\x03\x01\0\x02\x02\x0a`, { close: true, ...bad })

	group = 'splitting'
	for (const [name, lines] of Object.entries({
		'a bare LF': 'X-A: b\nX-B: c', 'a bare CR': 'X-A: b\rX-B: c', 'a NUL': 'X-A: b\0c', 'a NUL in a name': 'X\0A: b',
		'a folded line': `X-A: b${crlf} c`, 'a folded line by tab': `X-A: b${crlf}\tc`, 'no colon': 'X-A', 'no name': ': b',
		'a space in a name': 'X A: b', 'a space before the colon': 'X-A : b', 'a control character': 'X-A: b\x01c',
		'DEL': 'X-A: b\x7fc', 'vertical tab': 'X-A: b\vc', 'LF CR': 'X-A: b\n\rX-B: c', 'a name of bytes': '\xff: b'
	}))
		add(name, `${head(lines, 'Content-Length: 3')}abc`, bad)
	add('LF everywhere', 'HTTP/1.1 200 OK\nContent-Length: 3\n\nabc', bad)
	add('an answer behind a bare LF LF', `${head(`X-A: b\n\n${evil}`)}`, { close: true, ...bad })
	add('an answer behind CR CR', `${head(`X-A: b\r\r${evil}`)}`, { close: true, ...bad })

	group = 'too much'
	add('a value of 40 KB', `${head(`X-A: ${'a'.repeat(40_000)}`, 'Content-Length: 3')}abc`, bad)
	add('a head of 20 KB', `${head(`X-A: ${'a'.repeat(20_000)}`, 'Content-Length: 3')}abc`)
	add('a head of 32 KB', `${head(...Array(90).fill(`X-A: ${'a'.repeat(350)}`), 'Content-Length: 3')}abc`)
	add('2000 fields', `${head(...Array(2000).fill('X-A: b'), 'Content-Length: 3')}abc`, bad)
	add('a reason of 40 KB', `HTTP/1.1 200 ${'a'.repeat(40_000)}${crlf}Content-Length: 3${crlf}${crlf}abc`, bad)
	add('a Location that grows when it is rewritten', `${head(...Array(20).fill(`Link: </${'\\'.repeat(1500)}>`),
		'Content-Length: 3')}abc`, bad)

	group = 'Connection'
	add('close', `${head('Connection: close', 'Content-Length: 3')}abc`, { close: true, good: ok })
	add('close, and stays open', `${head('Connection: close', 'Content-Length: 3')}abc`, { good: ok })
	add('names Content-Length', `${head('Connection: Content-Length', 'Content-Length: 3')}abc${evil}`)
	add('names Transfer-Encoding', `${head('Connection: Transfer-Encoding', 'Transfer-Encoding: chunked')}${chunks}${evil}`)
	add('an end right behind the body', `${head('Content-Length: 3')}abc`, { close: true, good: ok })
	add('a reset right behind the body', `${head('Content-Length: 3')}abc`, { close: 'cut' })

	return cases
}

function printable(text) {
	return text.replace(/[^\x20-\x7e]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`).slice(0, 90)
}
