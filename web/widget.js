// SPDX-License-Identifier: Apache-2.0
/*
 * Drawbridge's chat widget, as a page loads it (docs/widget.md):
 *
 *   <script src="https://bridge.example/widget.js" data-flow="ticket-help" async></script>
 *
 * This file only makes window.drawbridge, whose functions may be called at once, and loads the modules beside it.
 * They come in parallel: each one here is fetched, main.js begins.
 */
(() => {
	'use strict'
	const script = document.currentScript ?? document.querySelector('script[data-flow][src*="/widget.js"]')
	if (!script)
		return console.error('Drawbridge: widget.js must be loaded by a <script> element with data-flow.')
	if (window.drawbridge)
		return console.warn('Drawbridge: the page has a chat already; a second one is not made.', script)
	const files = ['main', 'client', 'colour', 'composer', 'connect', 'dom', 'events', 'message', 'options', 'memory',
		'notice', 'panel', 'place', 'stream', 'strings', 'style', 'talk', 'view']
	const body = () => document.body ? undefined
		: new Promise((resolve) => document.addEventListener('DOMContentLoaded', resolve, { once: true }))
	const load = async () => {
		const [{ start }] = await Promise.all(files.map((file) => import(new URL(`widget/${file}.js`, script.src).href)))
		await body()
		return start(script)
	}
	const ready = load()
	ready.catch((error) => console.error('Drawbridge: the chat could not be loaded.', error))
	const later = (name) => async (...values) => (await ready)[name](...values)
	window.drawbridge = Object.freeze({ ready: ready.then(() => undefined), open: later('open'), close: later('close'),
		session: later('session'), strings: later('strings') })
})()
