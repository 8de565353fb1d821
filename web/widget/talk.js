// SPDX-License-Identifier: Apache-2.0
/*
 * One conversation, without anything to see: what was said, what is waited for, and the answer on its way.
 *
 *   none -> starting -> open -> over       refused: the flow is not for us, or we are to wait
 *             ^           |       |
 *             +-----------+-------+ restart, gone
 *
 * The visitor's message keeps its id until it was taken, however often it is sent, so that it is taken once. What comes
 * by the stream and what comes as an answer is one list, by the messages' numbers.
 */
import { checkMessage, checkState, Refusal } from './client.js'
import { Stream } from './stream.js'

const pagesMost = 100, messagesMost = 1000

function newId() {
	const bytes = crypto.getRandomValues(new Uint8Array(16))
	return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

const sameAnswer = (content, { body, text }) => (body.choice === undefined ? content.text === text
	: content.choice === body.choice)

export class Talk {
	phase = 'none'
	state = null
	expects = null
	messages = []
	pending = null /* {body, text, failed: Refusal or null} */
	refusal = null
	lost = false
	turn = 0 /* number of the last message when the state was told */
	about = null /* {title, greeting, colour} as the flow has them */
	#client
	#memory
	#changed
	#session
	#talk = null
	#stream
	#wanted = false

	/* session() gives the page's variables; changed() is called after every change. */
	constructor({ client, memory, session, changed }) {
		this.#client = client
		this.#memory = memory
		this.#session = session
		this.#changed = changed
		this.#stream = new Stream((signal) => client.events(this.#talk, this.#last, signal), {
			take: (event) => this.#event(event),
			lost: () => this.#set({ lost: true }),
			found: () => this.#set({ lost: false }),
			refused: () => this.#gone()
		})
		memory.watch((talk) => this.#elsewhere(talk))
	}

	/* Asks what the flow's widget looks like; throws a Refusal when it is not for this page. */
	async prepare() {
		if (!this.about)
			this.#set({ about: await this.#client.widget() })
	}

	/* Goes on with the conversation that is remembered, or begins one. */
	async start() {
		if (this.phase !== 'none' && this.phase !== 'refused')
			return
		this.#set({ phase: 'starting', refusal: null })
		try {
			await this.prepare()
			await this.#memory.alone(async () => {
				if (!await this.#resume())
					await this.#begin()
			})
		} catch (error) {
			this.#set({ phase: 'refused', refusal: error })
		}
		this.#listen()
	}

	/* Whether what happens is to be followed: the panel is open, and the page can be seen. */
	follow(wanted) {
		this.#wanted = wanted
		this.#listen()
	}

	/* The visitor's answer: {text} or {choice}; text is how it is shown. */
	say(body, text) {
		if (this.phase !== 'open' || this.state !== 'waiting' || this.pending)
			return
		this.pending = { body: { id: newId(), ...body }, text, failed: null }
		this.#send()
	}

	/* Sends the same again. */
	retry() {
		if (this.pending?.failed)
			this.#send()
	}

	/* Ends this conversation, and begins another. */
	async restart() {
		const old = this.phase === 'open' ? this.#talk : null
		this.#forget()
		if (old)
			await this.#client.end(old).catch(() => {})
		await this.start()
	}

	/* The credential for the Connect button's form. */
	get token() {
		return this.#talk?.token ?? ''
	}

	get #last() {
		return this.messages.at(-1)?.seq ?? 0
	}

	#set(values) {
		Object.assign(this, values)
		this.#changed()
	}

	/* Not that of another tab, which has begun one since. */
	#unremember() {
		if (this.#memory.talk?.id === this.#talk?.id)
			this.#memory.talk = null
	}

	#forget() {
		this.#stream.stop()
		this.#unremember()
		this.#talk = null
		this.#set({ phase: 'none', state: null, expects: null, messages: [], pending: null, refusal: null, lost: false })
	}

	/* ---- beginning ---- */

	/* false: nothing is remembered, or it is not there any more. */
	async #resume() {
		const talk = this.#memory.talk
		if (!talk)
			return false
		this.#talk = talk
		try {
			await this.#look()
			return true
		} catch (error) {
			if (!(error instanceof Refusal) || ![401, 403, 404].includes(error.status))
				throw error
			this.#unremember()
			this.#talk = null
			return false
		}
	}

	/* All that was said since the last message, in pages. */
	async #look() {
		for (let page = 0; page < pagesMost; page++) {
			const before = this.#last
			const answer = await this.#client.look(this.#talk, before)
			this.#take(answer)
			if (answer.messages.length < 200 || this.#last === before)
				return
		}
	}

	async #begin() {
		const talk = await this.#client.begin(this.#session())
		this.#talk = { id: talk.id, token: talk.token }
		this.#memory.talk = this.#talk
		this.#take(talk)
	}

	/* Another tab has begun a conversation: this one is about that, too. */
	#elsewhere(talk) {
		if (!talk || talk.id === this.#talk?.id || this.phase === 'starting')
			return
		this.#stream.stop()
		this.#talk = null
		this.#set({ phase: 'none', state: null, expects: null, messages: [], pending: null, refusal: null, lost: false })
		if (this.#wanted)
			this.start()
	}

	/* ---- what comes ---- */

	#add(messages) {
		for (const message of messages) {
			if (message.seq <= this.#last)
				continue
			this.messages = [...this.messages, message].slice(-messagesMost)
			if (message.from === 'visitor' && this.pending && sameAnswer(message.content, this.pending))
				this.pending = null
		}
	}

	/* An answer; one that is older than what the stream has told says nothing about the state. */
	#take({ messages, state, expects }) {
		const newest = messages.at(-1)?.seq ?? this.#last
		const current = newest >= this.#last
		this.#add(messages)
		if (current)
			this.#move({ state, expects })
		else
			this.#changed()
	}

	#move({ state, expects }) {
		const over = state !== 'waiting' && state !== 'calling'
		if (over)
			this.#unremember()
		this.#set({ state, expects, turn: this.#last, phase: over ? 'over' : 'open', ...over && { pending: null, lost: false } })
		this.#listen()
	}

	#event({ event, data }) {
		let value
		try {
			value = JSON.parse(data)
		} catch {
			return
		}
		const message = event === 'message' && checkMessage(value)
		const state = event === 'state' && checkState(value)
		if (message) {
			this.#add([message])
			this.#changed()
		} else if (state) {
			this.#move(state)
		}
	}

	#listen() {
		if (this.phase === 'open' && (this.#wanted || this.state === 'calling'))
			this.#stream.start()
		else
			this.#stream.stop()
	}

	/* The server does not know the conversation, or its token, any more. */
	#gone() {
		this.#stream.stop()
		this.#unremember()
		this.#set({ phase: 'over', state: 'gone', expects: null, pending: null, lost: false })
	}

	/* ---- what goes ---- */

	async #send() {
		const talk = this.#talk, { pending } = this
		pending.failed = null
		this.#changed()
		try {
			const answer = await this.#client.say(talk, pending.body)
			if (talk !== this.#talk)
				return
			if (this.pending === pending)
				this.pending = null
			/* what another tab has said meanwhile is fetched first */
			if (answer.messages[0]?.seq > this.#last + 1)
				await this.#look()
			else
				this.#take(answer)
		} catch (error) {
			if (talk === this.#talk)
				this.#refused(pending, error instanceof Refusal ? error : new Refusal(0))
		}
	}

	#refused(pending, error) {
		if (error.status === 401 || error.status === 404) {
			this.#gone()
		} else if (error.code === 'conversation_ended') {
			this.pending = null
			this.#look().catch(() => this.#gone())
		} else if (this.pending === pending) {
			pending.failed = error
			this.#changed()
		}
	}
}
