// SPDX-License-Identifier: Apache-2.0
/*
 * Consent in a pop-up. Its last page tells all pages of this origin over the channel "drawbridge-consent"; since a
 * browser may keep that from us (the pop-up went through another site, or was opened elsewhere), the connection is
 * also looked at every other second. A pop-up that seems closed proves nothing: some providers cut us off from it.
 */
import { api, Problem } from './api.js'
import { openDialog } from './dialog.js'
import { h, say } from './dom.js'

const every = 1500
let kept

/* What went wrong on a page that is left now, for the next one to show. */
export function keepProblem(error) {
	kept = error
}

export function takeProblem() {
	const problem = kept
	kept = undefined
	return problem
}

function openWindow(url) {
	const place = `left=${Math.max(0, screenX + (outerWidth - 620) / 2)},top=${screenY + 60}`
	return open(url, 'drawbridge-consent', `popup,width=620,height=760,${place}`)
}

/* Whether consent has come to its end since the connection was as before; tells how, or undefined. */
function outcome(before, now) {
	if (now.status === 'connected' && now.connected_at !== before.connected_at)
		return 'connected'
	if (now.version !== before.version && now.status !== 'connected' && now.reason !== before.reason)
		return 'failed'
	return undefined
}

const failure = (reason) => new Problem(0, { code: 'not_connected', title: 'Not connected',
	detail: reason || 'Consent came to no end.', hint: 'Nothing is lost: press Connect to try again.' })

/* Asks for consent; resolves with the connection as it is then. */
export async function connect({ link_name: link, name }) {
	const { authorize_url: url } = await api.authorize(link)
	const before = await api.connection(link)
	let popup = openWindow(url)
	return new Promise((resolve, reject) => {
		const channel = new BroadcastChannel('drawbridge-consent')
		const text = h('p', { role: 'status' })
		/* Only what has changed, so that a screen reader does not read it out again and again. */
		const tell = () => {
			const now = popup && !popup.closed
				? 'A window has opened: press Connect there, then accept at the service. This page goes on by itself.'
				: 'The window is closed, or your browser has kept it back. Open it again, or go on in it if you still see it.'
			if (text.textContent !== now)
				text.textContent = now
		}
		const again = h('button', { type: 'button', onclick: () => {
			popup = openWindow(url)
			tell()
		} }, 'Open the window')
		let done = false
		const end = (finish, value) => {
			if (done)
				return
			done = true
			clearInterval(timer)
			channel.close()
			dialog.close()
			finish(value)
		}
		const look = async (final) => {
			const now = await api.connection(link).catch(() => undefined)
			const how = now && outcome(before, now)
			if (how === 'connected') {
				popup?.close()
				say(`${name} is connected.`)
				end(resolve, now)
			} else if (how === 'failed' || (final && now)) {
				end(reject, failure(now.reason))
			}
		}
		const dialog = openDialog(`Connecting ${name}`, [text, h('p', { class: 'muted' },
			'No window? ', h('a', { href: url, target: '_blank' }, 'Open the consent page in a tab'), '.'),
		h('div', { class: 'actions' }, again, h('button', { type: 'button', onclick: () => dialog.close() }, 'Stop waiting'))],
		{ closed: () => end(reject, failure('You stopped waiting for consent.')) })
		channel.onmessage = ({ data }) => data?.connection === link && look(!data.connected)
		const timer = setInterval(() => {
			tell()
			look(false)
		}, every)
		tell()
	})
}
