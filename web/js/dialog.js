// SPDX-License-Identifier: Apache-2.0
/* Modal dialogs, on the browser's own <dialog>: focus stays in, Escape closes. */
import { fill, focusAgain, h, newId } from './dom.js'
import { busyButton, problemBox } from './ui.js'

const leaving = new Set()

/* Those of a page that is left: behind one, nothing can be used. */
export const closeDialogs = () => leaving.forEach((element) => element.close())

/*
 * Opens one; closed() is called once, however it ends. It ends with the page that it stands over, unless it stays.
 * Gives {element, body, close}.
 */
export function openDialog(title, children, { closed, stays = false } = {}) {
	const id = newId('dialog')
	const opener = document.activeElement
	const body = h('div', {}, children)
	const element = h('dialog', { 'aria-labelledby': id }, h('h2', { id }, title), body)
	element.addEventListener('close', () => {
		element.remove()
		leaving.delete(element)
		closed?.()
		if (!opener?.isConnected)
			focusAgain(opener)
	})
	if (!stays)
		leaving.add(element)
	document.body.append(element)
	element.showModal()
	return { element, body, close: () => element.close() }
}

/*
 * Asks before something is done. action() runs when the person says yes; if it fails, the dialog shows why and stays.
 * extra(error) may add to what is shown then.
 */
export function confirm(title, text, yes, action, { danger = true, extra } = {}) {
	const trouble = h('div', {})
	const dialog = openDialog(title, [h('p', {}, text), trouble, h('div', { class: 'actions' },
		busyButton(yes, async () => {
			fill(trouble)
			try {
				await action()
				dialog.close()
			} catch (error) {
				fill(trouble, problemBox(error), extra?.(error, dialog))
			}
		}, { class: danger ? 'danger' : 'go' }),
		h('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel'))])
	return dialog
}
