// SPDX-License-Identifier: Apache-2.0
/* Puts the widget together for one script element, and gives what window.drawbridge does. */
import { Client, Refusal } from './client.js'
import { Memory } from './memory.js'
import { isObject, readOptions } from './options.js'
import { makePlace } from './place.js'
import { makeStrings } from './strings.js'
import { Talk } from './talk.js'
import { View } from './view.js'

/* For whoever builds the page: visitors see a sentence when they open the chat. */
function explain(error, flow) {
	if (error instanceof Refusal && error.status === 403)
		console.warn(`Drawbridge: the flow "${flow}" is not for pages of ${location.origin}. ${error.detail}`)
	else if (error instanceof Refusal && error.status === 404)
		console.warn(`Drawbridge: there is no published flow "${flow}" whose widget is switched on.`)
}

export function start(script) {
	const options = readOptions(script)
	const strings = makeStrings()
	strings.replace(options.strings)
	const session = { ...options.session }
	const memory = new Memory(options.base, options.flow)
	const client = new Client(options.base, options.flow)
	const place = makePlace(options)
	const talk = new Talk({ client, memory, session: () => session, changed: () => view.render() })
	const view = new View({ place, talk, client, memory, options, say: strings.say })
	talk.prepare().catch((error) => explain(error, options.flow))
	view.begin()
	return {
		open: () => view.open(),
		close: () => view.close(),
		session(values) {
			if (!isObject(values))
				throw new TypeError('drawbridge.session takes an object')
			Object.assign(session, values)
		},
		strings(table) {
			strings.replace(table)
			view.relabel()
		}
	}
}
