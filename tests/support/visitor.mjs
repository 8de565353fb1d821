// SPDX-License-Identifier: Apache-2.0
/*
 * A visitor of a page with a chat: a browser, a page, and the conversation's token, which the page holds. He begins
 * and answers as the chat widget does, and his Connect posts the form that the widget posts.
 */
import { Browser } from './browser.mjs'
import { eventually, sleep } from './scope.mjs'

export const shop = 'https://shop.example'

export class Visitor {
	constructor(drawbridge, { page = shop, browser = new Browser() } = {}) {
		Object.assign(this, { drawbridge, page, browser })
	}

	async #call(method, path, body) {
		const answer = await fetch(`${this.drawbridge.url}${path}`, { method, body: body && JSON.stringify(body),
			headers: { origin: this.page, ...body && { 'content-type': 'application/json' },
				...this.token && { authorization: `Bearer ${this.token}` } } })
		const text = await answer.text()
		return { status: answer.status, text, json: text ? JSON.parse(text) : undefined }
	}

	async begin(flow) {
		const begin = () => this.#call('POST', `/v1/flows/${flow}/conversations`, {})
		let { status, text, json } = await begin()
		/* All visitors of a test come from one address, which may begin only so many in a minute. */
		for (let tries = 0; status === 429 && tries < 40; tries++) {
			await sleep(1000)
			;({ status, text, json } = await begin())
		}
		if (status !== 201)
			throw new Error(`begin: ${status} ${text}`)
		return Object.assign(this, { id: json.id, token: json.token, seen: json })
	}

	async say(body) {
		return this.#call('POST', `/v1/conversations/${this.id}/messages`, body)
	}

	async look() {
		return (await this.#call('GET', `/v1/conversations/${this.id}`)).json
	}

	end() {
		return this.#call('DELETE', `/v1/conversations/${this.id}`)
	}

	texts(talk) {
		return talk.messages.filter(({ from }) => from === 'bot').map(({ content }) => content.text ?? content.type)
	}

	/* The form, sent from a page (of another origin, with other fields) in this or another browser. */
	press({ origin = this.page, browser = this.browser, token = this.token, connection = this.link, stop } = {}) {
		const page = { url: new URL(`${origin}/`), headers: {}, forms: [{ method: 'POST', buttons: [],
			action: `${this.drawbridge.publicUrl}/connect/visitor`,
			fields: [{ name: 'token', value: token }, { name: 'connection', value: connection }] }] }
		return browser.submit(page, { stop })
	}

	/* The whole walk: Connect here, Connect there, and through the provider's pages. */
	async consent(atProvider, { stop } = {}) {
		const page = await this.press()
		if (page.status !== 200)
			throw new Error(`no consent page: ${page.status} ${page.text}`)
		const at = await this.browser.submit(page, { button: /connect/i, stop })
		return at.stopped ? at : atProvider(this.browser, at, { stop })
	}

	/* Until the conversation says so. */
	until(what, holds, options) {
		let last
		return eventually(what, async () => {
			last = await this.look()
			return last && holds(last) ? last : false
		}, { timeout: 20_000, ...options }).catch((error) => {
			throw new Error(`${error.message}: ${JSON.stringify(last)}`)
		})
	}
}

export const waitsForConnect = (talk) => talk.state === 'waiting' && talk.expects?.type === 'connect'
export const isOver = (talk) => !['waiting', 'calling'].includes(talk.state)

/* A bot that asks for nothing but Connect, and tells whose account it was; pages: origins of its chat. */
export const accountFlow = (connection, pages) => ({ name: 'My account bot',
	channels: { widget: { enabled: true, origins: pages } },
	blocks: [
		{ id: 'start', type: 'start', paths: { next: 'ask' } },
		{ id: 'ask', type: 'choice', text: 'What?', choices: [{ id: 'mine', label: 'My account' }],
			paths: { mine: 'call' } },
		{ id: 'call', type: 'webhook', connection, request: { method: 'GET', url: '/mine' },
			response_list: [{ codes: ['200'], mappings: [{ variable: 'who', from: '$.account' }] }],
			paths: { 200: 'tell', other: 'no', no_answer: 'no' } },
		{ id: 'tell', type: 'message', content: [{ type: 'text', text: 'You are {{block.who}}' }], paths: { next: 'ask' } },
		{ id: 'no', type: 'end', text: 'No: {{block.problem}}' }] })
