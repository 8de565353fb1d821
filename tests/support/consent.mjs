// SPDX-License-Identifier: Apache-2.0
/* The walk from a ticket to a connected connection, as a person with a browser goes it. */
import { Browser } from './browser.mjs'

/* Asks for a ticket: {authorize_url, expires_at}. */
export function ticketFor(drawbridge, link, body) {
	return drawbridge.must('POST', `/v1/connections/${link}/authorize`, body)
}

/*
 * Opens the ticket's page, presses Connect, lets atProvider(browser, page, {stop}) go through the provider's pages,
 * and gives the page that Drawbridge ends with. stop(url) ends the walk before a URL is opened.
 */
export async function walkConsent(drawbridge, link, atProvider, { browser = new Browser(), stop, ticket } = {}) {
	const { authorize_url: url } = ticket ?? await ticketFor(drawbridge, link)
	const preview = await browser.open(url)
	if (preview.status !== 200 || preview.forms.length === 0)
		throw new Error(`no Connect button on ${url}: ${preview.status} ${preview.text}`)
	const page = await browser.submit(preview, { button: /connect/i, stop })
	return page.stopped ? page : atProvider(browser, page, { stop })
}

/* As walkConsent, and the connection must be connected afterwards; gives its JSON. */
export async function connect(drawbridge, link, atProvider, options) {
	const page = await walkConsent(drawbridge, link, atProvider, options)
	const connection = await drawbridge.connection(link)
	if (connection.status !== 'connected')
		throw new Error(`${link} is ${connection.status}: ${connection.reason}; the page says ${page.status} `
			+ page.text?.slice(0, 500))
	return connection
}

/*
 * Where the provider of a server at http://localhost:port sends back to: each of these custom services (ids) has a
 * redirect URI of its own; all default ones have the one that is given without any.
 */
export function redirectUris(port, ...services) {
	const paths = services.length ? services.map((id) => `/oauth/services/${id}/callback`) : ['/oauth/callback']
	return paths.map((path) => `http://localhost:${port}${path}`)
}

/* Stops a walk where one of Drawbridge's callbacks would be opened: its URL can then be tampered with. */
export const atCallback = (url) => /^\/oauth\/(services\/[^/]+\/)?callback$/.test(url.pathname)
