// SPDX-License-Identifier: Apache-2.0
/* One message as it is shown. All of it is text, but for images and links whose URLs are of harmless schemes. */
import { h, icon, safeUrl } from './dom.js'

const images = new Set(['http:', 'https:'])
const text = (value) => (typeof value === 'string' ? value : '')

function imageOf({ url, alt }, say) {
	const source = safeUrl(url, images)
	const label = text(alt)
	if (!source)
		return label && h('p', { class: 'text', dir: 'auto' }, label)
	const image = h('img', { class: 'image', alt: label, loading: 'lazy', decoding: 'async',
		referrerpolicy: 'no-referrer' })
	/* an image that does not come (or that the page's policy keeps out) is its description */
	image.addEventListener('error', () => {
		image.parentElement?.classList.remove('bare')
		image.replaceWith(h('p', { class: 'text', dir: 'auto' }, label || say('image')))
	}, { once: true })
	image.src = source
	return image
}

function linkOf({ label, url } = {}, say) {
	const target = safeUrl(url)
	const words = text(label) || text(url)
	if (!target)
		return words && h('span', { class: 'text', dir: 'auto' }, words)
	return h('a', { class: 'link', part: 'link', href: target, target: '_blank', rel: 'noopener noreferrer', dir: 'auto' },
		h('span', {}, words), icon('out'), h('span', { class: 'hidden' }, ` (${say('newWindow')})`))
}

const bodies = {
	text: (content) => h('p', { class: 'text', dir: 'auto' }, text(content.text)),
	image: imageOf,
	links: ({ links }, say) => h('div', { class: 'links' },
		...(Array.isArray(links) ? links : []).slice(0, 20).map((link) => linkOf(link ?? {}, say))),
	connect: ({ name }, say) => h('p', { class: 'text', dir: 'auto' }, say('connect', { name: text(name) }))
}

/* What a visitor has chosen without a text of its own. */
function visitorText({ text: own, choice, value }, say) {
	if (typeof own === 'string')
		return own
	return choice === 'skip' ? say('skipped') : String(choice ?? value ?? '')
}

/* kind: bot or visitor; state: "sending" or "failed" of one that is on its way. */
export function messageOf(kind, content, say, { state, first } = {}) {
	const make = kind === 'bot' && Object.hasOwn(bodies, content.type) ? bodies[content.type] : null
	const shown = kind === 'bot' ? make?.(content, say)
		: h('p', { class: 'text', dir: 'auto' }, visitorText(content, say))
	const bare = content.type === 'image' || content.type === 'links'
	return shown && h('div', { class: `message ${kind}${bare && kind === 'bot' ? ' bare' : ''}${first ? ' first' : ''}`,
		part: `message message-${kind}`, 'data-state': state },
		h('span', { class: 'hidden' }, `${say(kind === 'bot' ? 'bot' : 'you')}: `), shown)
}
