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

/* The service has answered that it refuses the credential, or what that may do; some say so with 200. */
const isRefusal = ({ ok, status, code }) => !ok && !code && ([400, 401, 403].includes(status) || Math.floor(status / 100) === 2)

/* What to do where a key or password was refused; consent has its button. */
function advice(result, { may_manage: manages, per_user: own }, method) {
	if (!isRefusal(result) || !method?.fields.length)
		return null
	const how = manages ? 'press “Replace the credential”, under Settings' : own ? 'press “Replace my credential”'
		: 'ask who manages the connection to replace it'
	return h('p', {}, `The service refuses the credential: ${how}, or see at the service what it may do.`)
}

function testResult(result, connection, method) {
	const { ok, status, account, code, detail, time_ms: ms } = result
	const answer = status ? `The service answered ${status} in ${ms} ms.` : `No answer of the service after ${ms} ms.`
	return h('div', { class: `notice ${ok ? 'good' : 'bad'}`, role: 'status' },
		h('b', {}, ok ? 'The test has passed' : 'The test has failed'),
		h('p', {}, answer, account && ` Account: ${account}.`),
		detail && h('p', {}, detail, code && h('small', {}, ` (${code})`)),
		advice(result, connection, method))
}

/* Where its results stand, while its page is the one that is shown. */
const placeOf = (link) => location.pathname.split('/')[2] === link
	&& document.querySelector(`#page [data-result="${link}"]`)

function showResult(link, shown) {
	const place = placeOf(link)
	if (place)
		fill(place, shown)
}

/* Does it, and shows the page anew. What has failed is told there; it may have changed how the connection stands. */
const doing = (link, place, action) => async () => {
	fill(place)
	const problem = await action().then(() => undefined, (error) => error)
	const answered = problem?.status > 0 && problem.status !== 401
	if (!problem || answered)
		await reload()
	if (problem)
		showResult(link, problemBox(problem))
}

/* By link name, the test that was begun last: of an earlier one nothing is told any more. */
const lastTest = {}

/* The server has noted what came of a test, so the page is shown as it is then, with the result; if it is still there. */
async function showTested(link, mine, shown) {
	if (mine === lastTest[link] && placeOf(link))
		await reload()
	if (mine === lastTest[link])
		showResult(link, shown)
}

async function test(connection, method, place) {
	const { link_name: link } = connection
	const mine = lastTest[link] = {}
	fill(place)
	const shown = await api.act(link, 'test').then((result) => testResult(result, connection, method), problemBox)
	await showTested(link, mine, shown)
}

const testing = () => h('div', { class: 'notice', role: 'status' }, h('p', {}, 'The credential is being tried at the service …'))

/*
 * Of a connection that was just made with a credential, unasked: its page can be used meanwhile, however long the
 * service takes. Nothing is said where that has no test request, nor of a credential that was replaced or taken back.
 */
export async function testNew(made, method) {
	const { link_name: link, connected_at: since } = made
	const mine = lastTest[link] = {}
	const isNews = () => mine === lastTest[link] && placeOf(link)
	const waiting = testing()
	const slow = setTimeout(() => isNews() && !placeOf(link).hasChildNodes() && placeOf(link).append(waiting), 1000)
	try {
		const shown = testResult(await api.act(link, 'test'), made, method)
		const { status, connected_at: at } = await api.connection(link)
		if (status === 'connected' && at === since)
			await showTested(link, mine, shown)
	} catch (error) {
		if (error.code !== 'no_test' && isNews())
			fill(placeOf(link), problemBox(error))
	} finally {
		clearTimeout(slow)
		waiting.remove()
	}
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
	const act = (what) => doing(link, place, () => api.act(link, what))
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
			builds && connected && busyButton('Test', () => test(connection, method, place), { class: 'go' }),
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
