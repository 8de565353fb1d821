// SPDX-License-Identifier: Apache-2.0
/* How a connection stands, why, and what to do about it: test, connect, renew, disable, revoke. */
import { api } from './api.js'
import { connect, keepProblem } from './consent.js'
import { degradedText } from './connections.js'
import { confirm } from './dialog.js'
import { fill, h, say } from './dom.js'
import { reload } from './router.js'
import { endsAll } from './text.js'
import { busyButton, healthBadge, isDegraded, isEachUsers, problemBox, statusBadge, time } from './ui.js'

const allIsWell = 'Everything works: calls go through.'
const eachConnects = 'Each user connects an account of their own, and calls by their keys use it.'

function ownStands({ status, account, reason }) {
	if (status === 'not_connected')
		return ' Press Connect for yours.'
	const name = account ? ` ${account},` : ''
	return status === 'connected' ? ` Yours,${name} is connected.` : ` Yours,${name} does not work: ${reason ?? ''}`
}

const stands = (connection, own) => (isEachUsers(connection) ? [eachConnects, own && ownStands(own)]
	: connection.reason || (isDegraded(connection) ? degradedText(connection) : allIsWell))

function testResult({ ok, status, account, code, detail, time_ms: ms }) {
	const answer = status ? `The service answered ${status} in ${ms} ms.` : `No answer of the service after ${ms} ms.`
	return h('div', { class: `notice ${ok ? 'good' : 'bad'}`, role: 'status' },
		h('b', {}, ok ? 'The test has passed' : 'The test has failed'),
		h('p', {}, answer, account && ` Account: ${account}.`),
		detail && h('p', {}, detail, code && h('small', {}, ` (${code})`)))
}

/* Does it, and shows the page anew; what has failed is told in place. */
const doing = (place, action) => async () => {
	fill(place)
	try {
		await action()
		await reload()
	} catch (error) {
		fill(place, problemBox(error))
	}
}

/* Tests it; the server has noted what came of it, so the result stands on the page as it is then. */
async function test(link, place) {
	fill(place)
	const shown = await api.act(link, 'test').then(testResult, problemBox)
	await reload()
	const now = document.querySelector(`#page [data-result="${link}"]`)
	if (now)
		fill(now, shown)
}

async function reconnect(connection) {
	await connect(connection).catch((error) => keepProblem(connection, error))
	await reload()
}

/* What can be done at the service; the method may be gone. */
export const revocation = (method) => (['oauth2_code', 'oauth2_client_credentials', undefined].includes(method?.kind)
	? 'The service is told to end the grant, where it has a way to.'
	: 'A key or password cannot be revoked from here: change or delete it at the service.')

/* What came of a revocation; told once, on the connection's page as it is then, and there to stay. */
let told

function takeTold(link) {
	const mine = told?.link === link ? told : undefined
	told = undefined
	return mine && h('div', { class: `notice ${mine.tone}`, role: 'status' }, h('p', {}, mine.text))
}

function revoke({ name, link_name: link, per_user: own }, method, place) {
	const action = async () => {
		const { revoked_upstream: upstream, detail } = await api.act(link, 'revoke')
		const words = upstream ? 'Revoked, and the service has confirmed it.' : 'Revoked here.'
		/* users' own are revoked in the background */
		const tone = upstream ? 'good' : !own && 'bad'
		told = { link, tone: tone || '', text: [words, detail].filter(Boolean).join(' ') }
		await reload()
	}
	fill(place)
	confirm(`Revoke ${name}?`, `${revocation(method)} It is forgotten here, and calls fail until somebody connects it `
		+ `again.${endsAll(method)}`, 'Revoke', action)
}

/* Of a connection that each user connects: who leaves takes back what is theirs alone. */
function leave({ name, link_name: link }, method, place) {
	fill(place)
	confirm('Disconnect your account?', `Calls by your keys through ${name} fail until you connect again. The service is told to `
		+ `end the grant.${endsAll(method)}`, 'Disconnect', async () => {
		const { detail } = await api.removeUser(link, 'me')
		await reload()
		say(`Your account is disconnected. ${detail}`)
	})
}

/* own: my own account, of a connection that each user connects. */
export function statusCard(connection, me, method, own) {
	const { link_name: link, status, may_manage: manages } = connection
	const place = h('div', { 'aria-live': 'polite', 'data-result': link }, takeTold(link))
	const act = (what) => doing(place, () => api.act(link, what))
	const builds = me.role !== 'viewer'
	const consents = method?.kind === 'oauth2_code'
	const renews = method?.kind.startsWith('oauth2')
	const connected = status === 'connected'
	const hasOwn = own && own.status !== 'not_connected'
	return h('section', { class: 'card', 'aria-label': 'Status' },
		h('h2', {}, statusBadge(connection), ' ', healthBadge(connection)),
		h('p', {}, stands(connection, own)),
		isDegraded(connection) && h('p', { class: 'muted' }, 'Since ', time(connection.health_since, 'a while'),
			connection.retry_at && [', tried again ', time(connection.retry_at)]),
		place,
		h('div', { class: 'actions' },
			builds && connected && busyButton('Test', () => test(link, place), { class: 'go' }),
			builds && status !== 'disabled' && consents && busyButton(connected || hasOwn || status === 'needs_reconnect'
				? 'Reconnect' : 'Connect', () => reconnect(connection),
			{ class: connected || own?.status === 'connected' ? null : 'go' }),
			hasOwn && h('button', { type: 'button', class: 'danger', onclick: () => leave(connection, method, place) },
				'Disconnect my account'),
			manages && connected && renews && busyButton('Renew the token', act('refresh')),
			manages && (status === 'disabled' ? busyButton('Enable', act('enable'), { class: 'go' })
				: busyButton('Disable', act('disable'))),
			manages && (connected || status === 'needs_reconnect' || status === 'disabled')
				&& h('button', { type: 'button', class: 'danger', onclick: () => revoke(connection, method, place) }, 'Revoke')))
}
