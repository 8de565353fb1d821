// SPDX-License-Identifier: Apache-2.0
/*
 * A provider in the manner of Shopify and Salesforce: it signs its callbacks with the client secret, tells with the
 * token where the API is, lists the sites that the account can reach, and takes only its own token there.
 */
import { createHmac } from 'node:crypto'
import http from 'node:http'
import { listen, readBody } from './http.mjs'

export const app = { client_id: 'instances', client_secret: 'hush-hush-2231' }

export async function startInstances(scope, instance) {
	const peer = { instance, callback: {}, exchanges: 0, lookups: [], sites: [{ id: 'site-1', url: 'https://one.example' },
		{ id: 'site-2', url: 'https://two.example' }] }
	const server = http.createServer((request, response) => answer(peer, request, response))
	const port = await listen(scope, server)
	peer.url = `http://127.0.0.1:${port}`
	return peer
}

async function answer(peer, request, response) {
	const url = new URL(request.url, 'http://peer')
	if (url.pathname === '/authorize') {
		response.writeHead(302, { location: callbackOf(peer, url.searchParams) })
		return response.end()
	}
	if (url.pathname === '/token') {
		peer.exchanges += 1
		peer.body = new URLSearchParams(String(await readBody(request)))
		return json(response, { access_token: 'instance-token', instance_url: peer.instance })
	}
	peer.lookups.push(request.headers)
	return json(response, peer.sites)
}

/* The callback as the provider makes it, with what a test says in place of it. */
function callbackOf(peer, asked) {
	const fields = new URLSearchParams({ code: 'c0de', shop: 'acme.shops.example', state: asked.get('state'),
		timestamp: '1700000000' })
	fields.sort()
	const hmac = createHmac('sha256', app.client_secret).update(String(fields)).digest('hex')
	fields.append('hmac', hmac)
	for (const [name, value] of Object.entries(peer.callback)) {
		fields.delete(name)
		if (value !== null)
			fields.append(name, value)
	}
	return `${asked.get('redirect_uri')}?${fields}`
}

function json(response, value) {
	response.writeHead(200, { 'content-type': 'application/json' })
	response.end(JSON.stringify(value))
}
