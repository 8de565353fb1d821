// SPDX-License-Identifier: Apache-2.0
/* Members beside the owner. */
import assert from 'node:assert/strict'
import { Browser } from './browser.mjs'

const password = 'a password that is long enough'

/*
 * One who is signed in: {id, email, headers, browser, ask(method, path, body, headers), key(name)}. headers and browser
 * have his session; key() is one of his own.
 */
export async function signedIn(drawbridge, email, role = 'builder') {
	const { id } = await drawbridge.must('POST', '/v1/members', { email, name: email.split('@')[0], role, password })
	const { status, text, headers: { 'set-cookie': [cookie] = [''] } } = await drawbridge.api('POST', '/v1/session',
		{ email, password }, { key: null })
	assert.equal(status, 200, text)
	const [, name, value] = /^([^=]+)=([^;]+)/.exec(cookie)
	const headers = { cookie: `${name}=${value}`, origin: drawbridge.publicUrl }
	const browser = new Browser()
	browser.cookies.push({ name, value, host: new URL(drawbridge.publicUrl).hostname, path: '/', sameSite: 'lax' })
	const ask = (method, path, body, more = {}) => drawbridge.api(method, path, body,
		{ key: null, headers: { ...headers, ...more } })
	const key = async (name = 'calls') => (await ask('POST', '/v1/keys', { name, role })).json.key
	return { id, email, headers, browser, ask, key }
}

/* One with a key of his own: {id, key}. */
export async function memberKey(drawbridge, email, role) {
	const { id, key } = await signedIn(drawbridge, email, role)
	return { id, key: await key(email) }
}
