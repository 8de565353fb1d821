// SPDX-License-Identifier: Apache-2.0
/* Words, names and times as people read them. */

/* The link name that a Connection Name gives: ZohoDesk_TicketReader -> zohodesk_ticketreader. */
export function linkName(name) {
	const plain = name.normalize('NFKD').replace(/[\u0300-\u036f]/g, '').toLowerCase()
	return plain.replace(/[^a-z0-9]+/g, '_').replace(/^[^a-z]+/, '').slice(0, 50).replace(/_+$/, '')
}

export const linkNamePattern = '[a-z][a-z0-9_]{0,49}'

export const statuses = {
	connected: { word: 'Connected', tone: 'good' },
	not_connected: { word: 'Not connected', tone: 'idle' },
	needs_reconnect: { word: 'Needs reconnect', tone: 'bad' },
	disabled: { word: 'Disabled', tone: 'idle' },
	revoked: { word: 'Revoked', tone: 'idle' },
	each_user: { word: 'Each user connects', tone: 'idle' } /* no status of the API's */
}

const units = [['year', 31536e6], ['month', 2592e6], ['day', 864e5], ['hour', 36e5], ['minute', 6e4]]
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

/* "3 minutes ago", "in 2 hours"; "" for no time. */
export function ago(time, now = Date.now()) {
	if (!time)
		return ''
	const distance = Date.parse(time) - now
	for (const [unit, length] of units) {
		if (Math.abs(distance) >= length)
			return relative.format(Math.round(distance / length), unit)
	}
	return distance > 0 ? 'in a moment' : 'just now'
}

export const exactly = (time) => new Date(time).toLocaleString()

/* For a service's tile: its initials, and one of eight colours that stays the same. */
export function initials(name) {
	const words = name.split(/[\s_]+/).filter(Boolean)
	return (words.length > 1 ? words[0][0] + words[1][0] : name.slice(0, 2)).toUpperCase()
}

export function colour(text) {
	let sum = 0
	for (const c of text)
		sum = (sum * 31 + c.codePointAt(0)) % 997
	return sum % 8
}

/* What else ends with a grant of such a method; "" for nothing. */
export const endsAll = (method) => method?.revokes_all
	? ' It ends every access that the OAuth app has to the same account: other connections of that account have to be '
		+ 'connected again.' : ''
