// SPDX-License-Identifier: Apache-2.0
/*
 * Consent in a pop-up. Its last page tells all pages of this origin over the channel "drawbridge-consent"; since a
 * browser may keep that from us (the pop-up went through another site, or was opened elsewhere), the connection is
 * also looked at every other second. A pop-up that seems closed proves nothing: some providers cut us off from it.
 * Nor does every consent come back: waiting ends when the link does, with what to check.
 */
import { api, Problem, serverNow } from './api.js'
import { consentHelp } from './consent-help.js'
import { openDialog } from './dialog.js'
import { h, say } from './dom.js'
import { busyButton } from './ui.js'

const every = 1500
let kept

/* What went wrong with a connection, for its page to show that comes next; another's says nothing of it. */
export function keepProblem({ link_name: link }, error) {
	kept = { link, error }
}

export function takeProblem(link) {
	const problem = kept?.link === link ? kept.error : undefined
	kept = undefined
	return problem
}

/* It leads to pages that are not ours: none of them shall have a way back to this one (window.opener). */
function openWindow(url) {
	const place = `left=${Math.max(0, screenX + (outerWidth - 620) / 2)},top=${screenY + 60}`
	const popup = open(url, '_blank', `popup,width=620,height=760,${place}`)
	if (popup)
		popup.opener = null
	return popup
}

/* A browser lets us close it only where it is ours again: on Drawbridge's own pages. Elsewhere it is the person's. */
function closeWindow(popup) {
	try {
		if (popup?.location.href)
			popup.close()
	} catch {
		/* the provider's */
	}
}

/* Whose grant it is about: of one that each user connects, one's own. */
const standing = ({ link_name: link, per_user: own }) => (own ? api.user(link, 'me') : api.connection(link))

/* Whether consent has come to its end since it stood as before; tells how, or undefined. */
function outcome(before, now) {
	if (now.status === 'connected')
		return now.connected_at !== before.connected_at ? 'connected' : undefined
	/* It may fail as it did before: then it is later, and nobody has changed anything. */
	const again = now.version === before.version && now.updated_at !== before.updated_at
	return now.status === before.status && (now.reason !== before.reason || again) ? 'failed' : undefined
}

const failure = (before, detail) => new Problem(0, before.status === 'connected'
	? { code: 'not_reconnected', title: 'Not connected again', detail: detail || 'Consent came to no end.',
		hint: 'Nothing is lost: it goes on with the access that it has.' }
	: { code: 'not_connected', title: 'Not connected', detail: detail || 'Consent came to no end.',
		hint: 'Nothing is lost: press Connect to try again.' })

const words = {
	open: 'A window has opened: press Connect there, then accept at the service. This page goes on by itself.',
	closed: 'The window is closed, or your browser has kept it back. Try again, or go on in it if you still see it.',
	over: 'Nobody has finished the consent in its time. Try again, or finish it in its window if you still see that.'
}

/* One consent: asks for it, waits, and can be begun again. */
class Consent {
	constructor(connection, before, ticket, end) {
		Object.assign(this, { connection, before, end, text: h('p', { role: 'status' }), help: consentHelp(connection) })
		this.tab = h('a', { target: '_blank' }, 'Open the consent page in a tab')
		this.channel = new BroadcastChannel('drawbridge-consent')
		this.channel.onmessage = ({ data }) => data?.connection === connection.link_name && this.look(!data.connected)
		this.note = h('p', { class: 'muted' }, 'No window? ', this.tab, '.')
		this.begin(ticket)
		this.dialog = openDialog(`Connecting ${connection.name}`, [this.text, this.note, this.help,
			h('div', { class: 'actions' }, busyButton('Try again', () => this.again(), { class: 'go' }),
				h('button', { type: 'button', onclick: () => this.dialog.close() }, 'Cancel'))],
		{ closed: () => this.fail('You stopped waiting for consent.') })
	}

	begin({ authorize_url: url, expires_at: until }) {
		closeWindow(this.popup) /* its link is spent */
		this.popup = openWindow(url)
		this.until = Date.parse(until)
		this.tab.href = url
		clearInterval(this.timer)
		this.timer = setInterval(() => this.tick(), every)
		this.tell()
	}

	/* A link can be used once: a new one, whatever has become of the last. */
	async again() {
		try {
			this.before = await standing(this.connection)
			const ticket = await api.authorize(this.connection.link_name)
			if (!this.ended)
				this.begin(ticket)
		} catch (error) {
			this.finish(() => this.end.reject(error))
		}
	}

	tick() {
		if (serverNow() >= this.until)
			clearInterval(this.timer)
		this.tell()
		this.look()
	}

	/* Only what has changed, so that a screen reader does not read it out again and again. */
	tell() {
		const open = this.popup && !this.popup.closed
		const over = serverNow() >= this.until
		const now = over ? 'over' : open ? 'open' : 'closed'
		if (now === this.told)
			return
		this.told = now
		this.text.textContent = words[now]
		this.help.open ||= now !== 'open'
		this.note.hidden = over
	}

	async look(final) {
		if (this.looking && !final)
			return
		this.looking = true
		const now = await standing(this.connection).catch((error) => this.unknown(error))
		this.looking = false
		const { before } = this
		const how = now && outcome(before, now)
		if (how === 'connected') {
			closeWindow(this.popup)
			say(`${this.connection.name} is connected.`)
			this.finish(() => this.end.resolve(now))
		} else if (how === 'failed' || (final && now)) {
			this.fail(now.reason)
		}
	}

	/* A server that is away for a moment is asked again; without a session nothing can be known. */
	unknown(error) {
		if (error.status === 401)
			this.finish(() => this.end.reject(error))
	}

	fail(detail) {
		this.finish(() => this.end.reject(failure(this.before, detail)))
	}

	finish(tell) {
		if (this.ended)
			return
		this.ended = true
		clearInterval(this.timer)
		this.channel.close()
		this.dialog.close()
		tell()
	}
}

/* Asks for consent; resolves with how the grant stands then. */
export async function connect(connection) {
	const before = await standing(connection)
	const ticket = await api.authorize(connection.link_name)
	return new Promise((resolve, reject) => new Consent(connection, before, ticket, { resolve, reject }))
}
