// SPDX-License-Identifier: Apache-2.0
/*
 * Shows a Talk. What has been said is only added to; the place for the answer is made anew when something else is
 * waited for, and the focus, if it was there, goes with it.
 */
import { choicesOf, fieldOf } from './composer.js'
import { connectOf } from './connect.js'
import { messageOf } from './message.js'
import { askRestart, failedNotice, overNotice, refusedNotice } from './notice.js'
import { makePanel } from './panel.js'

const quietFrom = 8 /* so many messages at once are history, which is not read out */

export class View {
	#place
	#talk
	#client
	#memory
	#options
	#say
	#parts
	#open
	#unread = false
	#sticks = true /* the log's end is in sight */
	#asking = false
	#key = ''
	#first = null /* the message that stands first */
	#shown = 0 /* seq of the last */
	#greeting = null
	#pending = null /* {of, state, element} */

	constructor({ place, talk, client, memory, options, say }) {
		this.#place = place
		this.#talk = talk
		this.#client = client
		this.#memory = memory
		this.#options = options
		this.#say = say
		this.#open = false
		this.#parts = makePanel({ mode: options.mode, say }, { toggle: () => (this.#open ? this.close() : this.open()),
			close: () => this.close(), restart: () => this.#ask(true) })
		this.#parts.panel.addEventListener('keydown', (event) => this.#keydown(event))
		document.addEventListener('visibilitychange', () => this.#follow())
		this.#stick()
		place.root.append(this.#parts.panel, this.#parts.launcher)
	}

	/* As the page is loaded: what was open before is open again, without taking the focus. */
	begin() {
		this.render()
		if (this.#options.mode === 'page' || (this.#memory.open && this.#memory.talk))
			this.open({ focus: this.#options.mode === 'page' })
	}

	open({ focus = true } = {}) {
		if (this.#open)
			return
		this.#open = true
		this.#unread = false
		this.#memory.open = true
		this.#parts.panel.hidden = false
		this.#parts.launcher.setAttribute('aria-expanded', 'true')
		this.#place.root.toggleAttribute('data-open', true)
		if (focus)
			this.#parts.panel.focus()
		this.#follow()
		this.#talk.start()
		this.render()
		this.#bottom()
		if (focus)
			this.#focusComposer()
	}

	close() {
		if (!this.#open || this.#options.mode === 'page')
			return
		const inside = this.#parts.panel.contains(this.#place.shadow.activeElement)
		this.#open = false
		this.#asking = false
		this.#memory.open = false
		this.#parts.panel.hidden = true
		this.#parts.launcher.setAttribute('aria-expanded', 'false')
		this.#place.root.toggleAttribute('data-open', false)
		if (inside)
			this.#parts.launcher.focus()
		this.#follow()
		this.render()
	}

	/* The strings are others now. */
	relabel() {
		this.#key = ''
		this.#clear()
		this.render()
	}

	render() {
		const { about } = this.#talk
		const title = this.#options.title || about?.title || this.#say('title')
		this.#place.colour(this.#options.colour, about?.colour)
		this.#messages(about?.greeting)
		this.#parts.label(title, this.#unread)
		if (this.#options.mode === 'page')
			document.title = title
		this.#renderStatus()
		this.#renderComposer()
	}

	#keydown(event) {
		if (event.key !== 'Escape' || event.isComposing)
			return
		event.stopPropagation()
		if (this.#asking)
			this.#ask(false)
		else
			this.close()
	}

	#follow() {
		this.#talk.follow(this.#open && document.visibilityState === 'visible')
	}

	/* ---- what was said ---- */

	#clear() {
		this.#parts.log.replaceChildren()
		this.#first = this.#greeting = this.#pending = null
		this.#shown = 0
	}

	#messages(greeting) {
		const { messages } = this.#talk
		if (this.#first && messages[0] !== this.#first)
			this.#clear()
		if (greeting && !this.#greeting && this.#open) {
			this.#greeting = this.#bubble('bot', { type: 'text', text: greeting })
			this.#parts.log.prepend(this.#greeting)
		}
		const more = messages.filter(({ seq }) => seq > this.#shown)
		const own = more.some(({ from }) => from === 'visitor')
		if (more.length >= quietFrom)
			this.#quiet()
		this.#add(more)
		this.#renderPending()
		if (this.#sticks || own)
			this.#bottom()
	}

	#add(more) {
		if (more.length === 0)
			return
		this.#first = this.#talk.messages[0]
		this.#shown = more.at(-1).seq
		const made = more.map(({ from, content }) => this.#bubble(from, content))
		/* what was on its way is there already: its successor does not come in again */
		if (this.#pending)
			made[more.findIndex(({ from }) => from === 'visitor')]?.classList.add('still')
		this.#pending?.element.remove()
		this.#pending = null
		this.#parts.log.append(...made.filter(Boolean))
		if (!this.#open && more.some(({ from }) => from === 'bot'))
			this.#unread = true
	}

	#bubble(from, content, state) {
		const element = messageOf(from, content, this.#say, { state })
		/* an image that comes late moves what is below it */
		element?.querySelector('img')?.addEventListener('load', () => this.#sticks && this.#bottom(), { once: true })
		return element
	}

	/* The visitor's message that is on its way. */
	#renderPending() {
		const { pending } = this.#talk
		const state = pending && (pending.failed ? 'failed' : 'sending')
		if (this.#pending?.of === pending && this.#pending?.state === state)
			return
		if (!pending && !this.#pending)
			return
		const fresh = pending && this.#pending?.of !== pending
		this.#sticks = this.#sticks || Boolean(fresh)
		if (!pending || fresh) {
			this.#pending?.element.remove()
			this.#pending = null
		}
		if (!pending)
			return
		if (fresh) {
			this.#pending = { of: pending, element: this.#bubble('visitor', { text: pending.text }) }
			this.#parts.log.append(this.#pending.element)
		}
		this.#pending.state = state
		this.#pending.element.dataset.state = state
	}

	#quiet() {
		const { log } = this.#parts
		log.setAttribute('aria-live', 'off')
		setTimeout(() => log.setAttribute('aria-live', 'polite'), 1000)
	}

	/* What was at the end of the log stays there, whatever comes below it or makes it smaller. */
	#stick() {
		const { log } = this.#parts
		let height
		log.addEventListener('scroll', () => {
			/* told late, after the log has become smaller: nobody has scrolled */
			if (log.clientHeight === height)
				this.#sticks = log.scrollHeight - log.scrollTop - log.clientHeight < 60
		}, { passive: true })
		new ResizeObserver(() => {
			height = log.clientHeight
			if (this.#sticks)
				this.#bottom()
		}).observe(log)
	}

	#bottom() {
		const { log } = this.#parts
		log.scrollTop = log.scrollHeight
	}

	#renderStatus() {
		const { phase, state, pending, lost } = this.#talk
		const busy = phase === 'starting' || (phase === 'open' && (state === 'calling' || Boolean(pending && !pending.failed)))
		this.#parts.typing.hidden = !busy
		const text = lost ? this.#say('reconnecting') : phase === 'starting' ? this.#say('starting')
			: busy ? this.#say('typing') : ''
		if (this.#parts.status.textContent !== text)
			this.#parts.status.textContent = text
		this.#parts.status.toggleAttribute('data-shown', lost)
		this.#parts.composer.toggleAttribute('data-busy', busy)
		this.#parts.again.hidden = !(phase === 'open' && this.#talk.messages.some(({ from }) => from === 'visitor'))
	}

	/* ---- the place for the answer ---- */

	#ask(yes) {
		this.#asking = yes
		this.#renderComposer()
		this.#focusComposer()
	}

	/* What the place for the answer is made for. */
	#composerKey() {
		const { phase, state, expects, pending, refusal, turn } = this.#talk
		if (this.#asking && phase === 'open')
			return 'ask'
		if (phase === 'open' && pending?.failed)
			return `failed ${pending.failed.status} ${pending.body.id} ${pending.failed.message}`
		if (phase === 'open' && state === 'waiting')
			return `waiting ${turn} ${JSON.stringify(expects)}`
		if (phase === 'refused')
			return `refused ${refusal?.status} ${refusal?.retryAfter}`
		return phase === 'over' ? `over ${state}` : 'none'
	}

	#renderComposer() {
		const key = this.#composerKey()
		/* while the bot is busy, what was there before stays, and does nothing */
		if (key === this.#key || (key === 'none' && this.#talk.phase === 'open' && this.#key.startsWith('waiting')))
			return
		const { composer, panel } = this.#parts
		const { activeElement } = this.#place.shadow
		const follow = composer.contains(activeElement) || activeElement === panel
		this.#key = key
		composer.replaceChildren(...[this.#makeComposer(key.split(' ')[0])].filter(Boolean))
		if (follow)
			this.#focusComposer()
	}

	#makeComposer(kind) {
		const say = this.#say, talk = this.#talk
		const restart = () => {
			this.#asking = false
			talk.restart()
		}
		switch (kind) {
		case 'ask':
			return askRestart({ say, restart, keep: () => this.#ask(false) })
		case 'failed':
			return failedNotice(talk.pending.failed, { say, retry: () => talk.retry() })
		case 'refused':
			return refusedNotice(talk.refusal ?? {}, { say, retry: () => talk.start() })
		case 'over':
			return overNotice(talk.state, { say, restart })
		case 'waiting':
			return this.#answer(talk.expects ?? { type: 'text' })
		default:
			return null
		}
	}

	#answer(expects) {
		const say = this.#say, talk = this.#talk, { type, choices } = expects
		if (type === 'choice' || type === 'yes_no')
			return choicesOf(choices, { say, send: (id, label) => talk.say({ choice: id }, label) })
		if (type === 'connect')
			return connectOf(expects, { say, action: this.#client.visitorUrl, token: () => talk.token,
				skip: () => talk.say({ choice: 'skip' }, say('skipped')) })
		const send = (text) => {
			talk.say({ text }, text)
			if (talk.pending?.text === text)
				this.#emptyField()
		}
		return fieldOf(type, { say, send })
	}

	#emptyField() {
		const input = this.#parts.composer.querySelector('.input')
		if (!input)
			return
		input.value = ''
		input.dispatchEvent(new Event('input'))
	}

	#focusComposer() {
		const target = this.#parts.composer.querySelector('.input, button') ?? this.#parts.panel
		target.focus({ preventScroll: true })
	}
}
