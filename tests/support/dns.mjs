// SPDX-License-Identifier: Apache-2.0
/*
 * A name server of the test: what a name resolves to is a list, or a function that is asked anew for each question,
 * as an attacker's own server would be. Answers live for no second.
 */
import dgram from 'node:dgram'
import { isIP } from 'node:net'

const types = { 1: 'A', 5: 'CNAME', 28: 'AAAA' }
const numbers = { A: 1, CNAME: 5, AAAA: 28 }

/*
 * names: {name: records or (type, count) -> records}, where a record is an address, or {cname}; undefined: no such
 * name; null: no answer at all. Gives {asked: [{name, type}], names}. Listens on 127.0.0.53:53.
 */
export async function startDns(scope, names, { host = '127.0.0.53', port = 53 } = {}) {
	const dns = { asked: [], names }
	const socket = dgram.createSocket('udp4')
	socket.on('message', (bytes, { address, port: to }) => {
		const question = readQuestion(bytes)
		const { name, type } = question
		dns.asked.push({ name, type })
		const count = dns.asked.filter((each) => each.name === name && each.type === type).length
		const records = recordsOf(dns.names, name, type, count)
		if (records !== null)
			socket.send(writeAnswer(bytes, question, records), to, address)
	})
	scope.after(() => new Promise((resolve) => socket.close(resolve)))
	await new Promise((resolve, reject) => socket.once('error', reject).bind(port, host, resolve))
	return dns
}

/* The records of a name, aliases followed; undefined: there is no such name. */
function recordsOf(names, name, type, count) {
	let known = names[name.toLowerCase()]
	if (typeof known === 'function')
		known = known(type, count)
	if (known === undefined || known === null)
		return known
	return known.flatMap((record) => {
		if (typeof record === 'string')
			return (isIP(record) === 6 ? 'AAAA' : 'A') === type ? [{ name, type, data: packAddress(record) }] : []
		return [{ name, type: 'CNAME', data: packName(record.cname) },
			...recordsOf(names, record.cname, type, count) ?? []]
	})
}

function readQuestion(bytes) {
	const labels = []
	let at = 12
	for (; bytes[at]; at += bytes[at] + 1)
		labels.push(bytes.toString('latin1', at + 1, at + 1 + bytes[at]))
	return { name: labels.join('.'), type: types[bytes.readUInt16BE(at + 1)], end: at + 5 }
}

function writeAnswer(query, { end }, records) {
	const head = Buffer.from(query.subarray(0, end))
	head.writeUInt16BE(records ? 0x8580 : 0x8583, 2)
	head.writeUInt16BE(records?.length ?? 0, 6)
	head.writeUInt16BE(0, 8)
	head.writeUInt16BE(0, 10)
	return Buffer.concat([head, ...(records ?? []).flatMap(({ name, type, data }) => {
		const fixed = Buffer.alloc(10)
		fixed.writeUInt16BE(numbers[type], 0)
		fixed.writeUInt16BE(1, 2)
		fixed.writeUInt16BE(data.length, 8)
		return [packName(name), fixed, data]
	})])
}

const packName = (name) => Buffer.concat([...name.split('.').map((label) =>
	Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])), Buffer.from([0])])

function packAddress(address) {
	if (isIP(address) === 4)
		return Buffer.from(address.split('.').map(Number))
	const v4 = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)
	if (v4) {
		const [, front, a, b, c, d] = v4
		return packAddress(`${front}${(a << 8 | b).toString(16)}:${(c << 8 | d).toString(16)}`)
	}
	const [front, back] = address.split('::').map((part) => part ? part.split(':') : [])
	const groups = back ? [...front, ...Array(8 - front.length - back.length).fill('0'), ...back] : front
	return Buffer.from(groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]))
}
