// SPDX-License-Identifier: Apache-2.0
/* Members beside the owner. */

/* One with a key of his own: {id, key}. */
export async function memberKey(drawbridge, email, role) {
	const password = 'a password for tests'
	const { id } = await drawbridge.must('POST', '/v1/members', { email, name: email.split('@')[0], role, password })
	const headers = { origin: drawbridge.publicUrl }
	const session = await drawbridge.api('POST', '/v1/session', { email, password }, { key: null, headers })
	const cookie = session.headers['set-cookie'].map((each) => each.split(';')[0]).join('; ')
	const { key } = await drawbridge.must('POST', '/v1/keys', { name: email, role }, { key: null, headers: { ...headers, cookie } })
	return { id, key }
}
