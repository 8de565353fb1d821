// SPDX-License-Identifier: Apache-2.0
/*
 * A browser without a screen: it keeps cookies as browsers do (host, path, Secure, SameSite), follows redirects, and
 * submits forms with Origin and Sec-Fetch fields. It refuses what a real one refuses: a form whose target, or whose
 * redirects, the page's own Content-Security-Policy does not allow.
 */
import { request } from './http.mjs'
import { parseForms, parseLinks, visibleText } from './html.mjs'

const redirects = new Set([301, 302, 303, 307, 308])

export class Browser {
	cookies = []
	history = []

	/* May be set by a test: is given every answer that any browser gets, as (url, answer). */
	static watch = () => undefined

	constructor({ ca } = {}) {
		this.ca = ca
	}

	/* Types an address. Ends at the first page that is no redirect; stop(url) ends before a URL is opened. */
	open(url, { stop } = {}) {
		return this.#navigate({ url: new URL(url), method: 'GET', initiator: null, stop })
	}

	/* Follows a link of a page. */
	follow(page, href, { stop } = {}) {
		return this.#navigate({ url: new URL(href, page.url), method: 'GET', initiator: page.url, stop })
	}

	/*
	 * Submits a form of a page: which by number or by a test on the form; values replace or add fields; button
	 * presses the first button whose text or value matches.
	 */
	submit(page, { form = 0, values = {}, button, stop } = {}) {
		const chosen = typeof form === 'function' ? page.forms.find(form) : page.forms[form]
		if (!chosen)
			throw new Error(`no such form on ${page.url}: ${page.text.slice(0, 500)}`)
		const fields = new URLSearchParams()
		for (const { name, value } of chosen.fields)
			if (!(name in values))
				fields.append(name, value)
		for (const [name, value] of Object.entries(values))
			fields.append(name, value)
		const pressed = button && chosen.buttons.find((each) => button.test(each.text) || button.test(each.value))
		if (button && !pressed)
			throw new Error(`no button ${button} on ${page.url}: ${JSON.stringify(chosen.buttons)}`)
		if (pressed?.name)
			fields.append(pressed.name, pressed.value)
		const url = new URL(chosen.action || page.url, page.url)
		const guard = formAction(page)
		if (chosen.method === 'GET') {
			url.search = fields
			return this.#navigate({ url, method: 'GET', initiator: page.url, guard, stop })
		}
		return this.#navigate({ url, method: 'POST', body: String(fields), initiator: page.url, guard, stop })
	}

	async #navigate({ url, method, body, initiator, guard, stop }) {
		const visited = []
		for (let hops = 0; hops < 20; hops++) {
			if (guard && !guard(url))
				throw new Error(`form-action of ${initiator} does not allow ${url.origin}`)
			visited.push(`${method} ${url}`)
			this.history.push(`${method} ${url}`)
			if (stop?.(url))
				return { url, stopped: true, visited }
			const answer = await this.#send(url, method, body, initiator)
			const location = answer.headers.location
			if (!redirects.has(answer.status) || location === undefined)
				return pageOf(url, answer, visited)
			if (answer.status < 307 && method !== 'HEAD')
				[method, body] = ['GET', undefined]
			url = new URL(location, url)
		}
		throw new Error(`too many redirects: ${visited.join('\n')}`)
	}

	async #send(url, method, body, initiator) {
		const headers = { host: url.host, accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
			'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) browser-without-screen', 'accept-language': 'en',
			'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-user': '?1',
			'sec-fetch-site': initiator === null ? 'none' : relation(initiator, url) }
		if (body !== undefined) {
			headers['content-type'] = 'application/x-www-form-urlencoded'
			headers.origin = initiator.origin
		}
		const cookie = this.#cookiesFor(url, method, initiator)
		if (cookie)
			headers.cookie = cookie
		const answer = await request(url.href, { method, headers, body, ca: this.ca })
		for (const line of answer.headers['set-cookie'] ?? [])
			this.#keep(url, line)
		Browser.watch(url, answer)
		return answer
	}

	#cookiesFor(url, method, initiator) {
		const crossSite = initiator !== null && site(initiator) !== site(url)
		const safe = method === 'GET' || method === 'HEAD'
		return this.cookies.filter((cookie) => matches(cookie, url)
			&& !(crossSite && (cookie.sameSite === 'strict' || (cookie.sameSite !== 'none' && !safe))))
			.map(({ name, value }) => `${name}=${value}`).join('; ')
	}

	#keep(url, line) {
		const [pair, ...rest] = line.split(';').map((part) => part.trim())
		const at = pair.indexOf('=')
		const attributes = Object.fromEntries(rest.map((part) => {
			const [name, ...value] = part.split('=')
			return [name.toLowerCase(), value.join('=') || true]
		}))
		const cookie = { name: pair.slice(0, at), value: pair.slice(at + 1), host: url.hostname,
			wide: attributes.domain?.replace?.(/^\./, ''), path: cookiePath(attributes.path, url),
			secure: 'secure' in attributes, httpOnly: 'httponly' in attributes,
			sameSite: String(attributes.samesite ?? 'lax').toLowerCase(), line }
		if (cookie.secure && !trustworthy(url))
			return
		this.cookies = this.cookies.filter((old) => !(old.name === cookie.name && old.host === cookie.host
			&& old.path === cookie.path))
		if (!expired(attributes))
			this.cookies.push(cookie)
	}
}

function pageOf(url, answer, visited) {
	const html = /html/.test(answer.headers['content-type'] ?? '')
	return { url, ...answer, html: answer.text, visited, text: html ? visibleText(answer.text) : answer.text,
		forms: html ? parseForms(answer.text) : [], links: html ? parseLinks(answer.text) : [] }
}

/* The site of a URL, near enough for tests: the last two labels of a name, or the whole address. */
function site(url) {
	const address = /^[\d.]+$|^\[/.test(url.hostname)
	return url.protocol + (address ? url.hostname : url.hostname.split('.').slice(-2).join('.'))
}

function relation(from, to) {
	if (from.origin === to.origin)
		return 'same-origin'
	return site(from) === site(to) ? 'same-site' : 'cross-site'
}

function trustworthy(url) {
	return url.protocol === 'https:' || /^(localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname)
}

function matches(cookie, url) {
	const host = cookie.host === url.hostname
		|| (cookie.wide && (url.hostname === cookie.wide || url.hostname.endsWith(`.${cookie.wide}`)))
	const path = url.pathname === cookie.path || cookie.path === '/'
		|| url.pathname.startsWith(cookie.path.endsWith('/') ? cookie.path : `${cookie.path}/`)
	return host && path && (!cookie.secure || trustworthy(url))
}

function cookiePath(given, url) {
	if (typeof given === 'string' && given.startsWith('/'))
		return given
	return url.pathname.slice(0, Math.max(1, url.pathname.lastIndexOf('/')))
}

function expired(attributes) {
	if (attributes['max-age'] !== undefined)
		return Number(attributes['max-age']) <= 0
	return attributes.expires !== undefined && new Date(attributes.expires) <= new Date()
}

/* What the page's policy lets its forms go to; undefined when it says nothing about it. */
function formAction(page) {
	const policy = page.headers['content-security-policy']
	const directive = policy?.split(/[;,]/).map((part) => part.trim().split(/\s+/))
		.find(([name]) => name.toLowerCase() === 'form-action')
	if (!directive)
		return undefined
	return (url) => directive.slice(1).some((source) => source === '*' || source === url.origin
		|| (source === "'self'" && url.origin === page.url.origin) || source === url.protocol)
}
