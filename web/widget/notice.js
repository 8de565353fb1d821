// SPDX-License-Identifier: Apache-2.0
/* What stands where the visitor would answer when he cannot: in plain words, with what can be done. */
import { h, icon } from './dom.js'

const button = (label, onclick, name) => h('button', { type: 'button', class: 'primary', part: 'action', onclick },
	name && icon(name), h('span', {}, label))

/* A sentence and buttons; an error is told at once to screen readers. */
export function notice(text, { error, buttons = [] } = {}) {
	return h('div', { class: `notice${error ? ' error' : ''}` }, h('p', { role: error ? 'alert' : null, dir: 'auto' }, text),
		buttons.length > 0 && h('div', { class: 'row' }, ...buttons))
}

/* Counts down, then lets the button be pressed. */
function waiting(seconds, say, retry) {
	const end = Date.now() + seconds * 1000
	const text = h('p', { role: 'alert', dir: 'auto' }, say('tooFast', { seconds }))
	const again = button(say('retry'), () => again.getAttribute('aria-disabled') !== 'true' && retry())
	again.setAttribute('aria-disabled', 'true')
	const timer = setInterval(() => {
		const left = Math.max(0, Math.ceil((end - Date.now()) / 1000))
		text.textContent = say('tooFast', { seconds: left })
		if (left > 0 && again.isConnected)
			return
		clearInterval(timer)
		again.removeAttribute('aria-disabled')
	}, 1000)
	/* the seconds that go by are not read out */
	setTimeout(() => text.removeAttribute('role'), 900)
	return h('div', { class: 'notice error' }, text, h('div', { class: 'row' }, again))
}

/* The visitor's message was not taken. */
export function failedNotice(refusal, { say, retry }) {
	if (refusal.status === 429)
		return waiting(refusal.retryAfter || 5, say, retry)
	const text = refusal.code === 'conversation_busy' ? say('busy')
		: refusal.status > 0 && refusal.status < 500 ? say('notTaken') : say('notSent')
	return notice(text, { error: true, buttons: [button(say('retry'), retry)] })
}

/* No conversation could be begun. */
export function refusedNotice(refusal, { say, retry }) {
	if (refusal.status === 429)
		return waiting(refusal.retryAfter || 5, say, retry)
	if (refusal.status === 403)
		return notice(say('notForPage', { origin: location.origin }), { error: true })
	if (refusal.status === 404)
		return notice(say('notThere'), { error: true })
	return notice(say('notReached'), { error: true, buttons: [button(say('retry'), retry)] })
}

/* It is over. */
export function overNotice(state, { say, restart }) {
	const text = { ended: 'ended', handed_off: 'handedOff', gone: 'gone' }[state] ?? 'failed'
	return notice(say(text), { error: text === 'failed', buttons: [button(say('restart'), restart, 'again')] })
}

export function askRestart({ say, restart, keep }) {
	return notice(say('restartAsk'), { buttons: [button(say('restart'), restart, 'again'),
		h('button', { type: 'button', class: 'choice', onclick: keep }, say('keep'))] })
}
