// SPDX-License-Identifier: Apache-2.0
/*
 * An emulator of Zoho in two data centres under its real host names: accounts, Desk and CRM with the habits that make
 * it hard for clients. To be used inside a namespace (netns.mjs) whose /etc/hosts is zohoHosts. Each data centre has
 * an address and TLS listener of its own; a request for a host that does not live there is a fault that is kept in
 * world.strays, so that a test can prove that nothing went astray.
 */
import https from 'node:https'
import { Faults } from './faults.mjs'
import { listen, readBody } from './http.mjs'
import { accountsRoutes, centres } from './zoho-accounts.mjs'
import { apiRoutes } from './zoho-apis.mjs'

const hostsOf = ({ tld }) => [`accounts.zoho.${tld}`, `desk.zoho.${tld}`, `www.zohoapis.${tld}`,
	`api.zoho.${tld}`]

/* The elsewhere host stands for an address that is nobody's Zoho: what goes there has been stolen. */
export const elsewhere = { host: 'accounts.zoho.com.attacker.test', address: '127.0.0.13' }

export const zohoHosts = Object.fromEntries([...Object.values(centres).flatMap((centre) =>
	hostsOf(centre).map((host) => [host, centre.address])), [elsewhere.host, elsewhere.address]])

/*
 * options: authority (of ca.mjs), redirectUris, sameSecret (one secret for both centres; else each has its own),
 * throttleStatus (400 as of late, or 200 as it was), tokenLife in seconds.
 */
export async function startZoho(scope, authority, { redirectUris, sameSecret = true, throttleStatus = 400,
	tokenLife = 3600, tokenRequests = 10 } = {}) {
	const world = {
		faults: new Faults(), strays: [], requests: [], users: users(), codes: new Map(), refresh: new Map(),
		access: new Map(), consented: new Set(), throttleStatus, tokenLife, tokenRequests, tickets: tickets(),
		app: { client_id: '1000.ZOHOCLIENTUS', redirectUris,
			secrets: { us: 'zoho-secret-of-us-01', eu: sameSecret ? 'zoho-secret-of-us-01' : 'zoho-secret-of-eu-02' } },
		selfClients: new Map(), callback: {}, desk: deskLimits(), apiDomain: undefined
	}
	for (const centre of Object.values(centres))
		await startCentre(scope, authority, world, centre)
	await startElsewhere(scope, authority, world)
	return world
}

/* Of the free edition: credits of a day (gone: seconds until the next), calls under way, and how many may be. */
export const deskLimits = () => ({ credits: 5000, resetIn: 86_400, busy: 0, concurrency: 5 })

/* Two people of each centre's own; the part before the @ is what an account name look-up can find. */
function users() {
	const person = (email, centre, zuid, org) => [email, { email, centre, zuid, org }]
	return new Map([
		person('ada@us.example', 'us', '7001', '2389290'), person('bob@us.example', 'us', '7002', '2389290'),
		person('eva@eu.example', 'eu', '9001', '2389777'), person('kai@eu.example', 'eu', '9002', '2389777')
	])
}

function tickets() {
	const ticket = (id, number, subject) => ({ id, ticketNumber: number, subject, status: 'Open' })
	return { us: [ticket('5000001', '101', 'Printer on fire'), ticket('5000002', '102', 'Refund please')],
		eu: [ticket('6000001', '201', 'Drucker brennt'), ticket('6000002', '202', 'Geld zurück')] }
}

async function startCentre(scope, authority, world, centre) {
	const hosts = hostsOf(centre)
	const leaf = await authority.issue(hosts)
	const routes = { [hosts[0]]: accountsRoutes(world, centre), ...apiRoutes(world, centre, hosts) }
	const server = https.createServer({ cert: leaf.cert, key: leaf.key }, (request, response) => {
		serve(world, centre, routes, request, response).catch((error) => {
			world.strays.push(String(error.stack))
			response.destroy()
		})
	})
	await listen(scope, server, { host: centre.address, port: 443 })
}

async function serve(world, centre, routes, request, response) {
	const host = request.headers.host
	const sni = request.socket.servername
	const url = new URL(request.url, `https://${host}`)
	const body = (await readBody(request)).toString('utf8')
	const entry = { centre: centre.name, host, sni, method: request.method, path: request.url,
		headers: request.headers, body, at: Date.now() }
	world.requests.push(entry)
	const route = routes[host]
	if (!route || sni !== host) {
		world.strays.push(`${host} (SNI ${sni}) in ${centre.name}: ${request.method} ${request.url}`)
		response.writeHead(421).end()
		return
	}
	await route({ request, response, url, body, form: new URLSearchParams(body), entry })
}

async function startElsewhere(scope, authority, world) {
	const leaf = await authority.issue([elsewhere.host])
	const server = https.createServer({ cert: leaf.cert, key: leaf.key }, async (request, response) => {
		const body = (await readBody(request)).toString('utf8')
		world.strays.push(`${elsewhere.host}: ${request.method} ${request.url} ${body}`)
		response.writeHead(200, { 'content-type': 'application/json' })
		response.end(JSON.stringify({ access_token: 'stolen', expires_in: 3600 }))
	})
	await listen(scope, server, { host: elsewhere.address, port: 443 })
}

/* The token requests that one centre got, newest last. */
export function tokenRequests(world, centre) {
	return world.requests.filter((entry) => entry.path.startsWith('/oauth/v2/token') && entry.method === 'POST'
		&& !entry.path.includes('revoke') && (!centre || entry.centre === centre))
}

/* Signs in and accepts (or rejects) on the emulator's pages. */
export async function consentAtZoho(browser, page, { email, accept = true, stop } = {}) {
	page = await browser.submit(page, { values: { email, password: 'any' }, stop })
	return browser.submit(page, { button: accept ? /accept/i : /reject/i, stop })
}
