// SPDX-License-Identifier: Apache-2.0
/* desk.zoho.* and www.zohoapis.* (CRM): a few resources with the real error bodies, statuses and limits. */
import { livingToken } from './zoho-accounts.mjs'

const messages = {
	UNAUTHORIZED: [401, 'You are not authenticated to perform this operation.'],
	INVALID_OAUTH: [401, 'The OAuth Token you provided is invalid.'],
	SCOPE_MISMATCH: [403, 'Your OAuth token does not have the scope needed for this URL.'],
	OAUTH_ORG_MISMATCH: [403, 'The organisation does not belong to this OAuth token.'],
	URL_NOT_FOUND: [404, 'The URL you requested could not be found.'],
	THRESHOLD_EXCEEDED: [429, 'The number of API requests exceeds the limit of a day.'],
	TOO_MANY_REQUESTS: [429, 'The number of requests at the same time exceeds the limit.'],
	INTERNAL_SERVER_ERROR: [500, 'An internal server error occurred while performing this operation.']
}

function json(response, status, value, headers = {}) {
	response.writeHead(status, { 'content-type': 'application/json;charset=UTF-8', ...headers })
	response.end(JSON.stringify(value))
}

export function apiRoutes(world, centre, [, deskHost, ...crmHosts]) {
	const crmRoute = (call) => world.faults.run('crm', call.response, () => crm(world, centre, call))
	return {
		[deskHost]: (call) => world.faults.run('desk', call.response, () => counted(world, call,
			() => desk(world, centre, call))),
		...Object.fromEntries(crmHosts.map((host) => [host, crmRoute]))
	}
}

function deskError(response, code, headers) {
	const [status, message] = messages[code]
	json(response, status, { errorCode: code, message }, headers)
}

/* A call costs a credit of the day, and there are only so many at the same time. Only the first of the two refusals
 * tells when to come again. */
async function counted({ desk: limits }, { response }, work) {
	if (limits.busy >= limits.concurrency)
		return deskError(response, 'TOO_MANY_REQUESTS')
	if (limits.credits <= 0)
		return deskError(response, 'THRESHOLD_EXCEEDED', { 'Retry-After': String(limits.resetIn) })
	limits.busy += 1
	limits.credits -= 1
	try {
		return await work()
	} finally {
		limits.busy -= 1
	}
}

function allows(found, ...wanted) {
	return wanted.some((scope) => found.scopes.some((granted) => granted.toLowerCase() === scope.toLowerCase()
		|| granted.toLowerCase() === scope.toLowerCase().replace(/\.[a-z]+$/, '.all')))
}

const deskRoutes = {
	'GET /organizations': { scope: 'Desk.basic.READ', free: true, answer: (_, { found }) =>
		({ data: [{ id: Number(found.user.org), companyName: 'Example', portalName: 'example' }] }) },
	'GET /myinfo': { scope: 'Desk.basic.READ', answer: (_, { found }) =>
		({ id: found.user.zuid, emailId: found.user.email }) },
	'GET /agents': { scope: 'Desk.basic.READ', answer: (_, { found }) =>
		({ data: [{ id: found.user.zuid, emailId: found.user.email }] }) },
	/* the list knows no ticketNumber and gives everything */
	'GET /tickets': { scope: 'Desk.tickets.READ', answer: (tickets) => ({ data: tickets }) },
	'GET /tickets/search': { scope: 'Desk.search.READ', answer: (tickets, { query }) => {
		const data = tickets.filter(({ ticketNumber }) => ticketNumber === query.get('ticketNumber'))
		return data.length > 0 ? { data, count: data.length } : undefined
	} },
	'POST /tickets': { scope: 'Desk.tickets.CREATE', answer: (_, { body }) => ({ id: '7000001', ...JSON.parse(body) }) }
}

function desk(world, centre, { request, response, url, body }) {
	if (!/^Zoho-oauthtoken /.test(request.headers.authorization ?? ''))
		return deskError(response, 'UNAUTHORIZED')
	const found = livingToken(world, centre, request)
	if (!found)
		return deskError(response, 'INVALID_OAUTH')
	const path = url.pathname.replace(/^\/api\/v1/, '')
	const one = /^\/tickets\/(\d+)$/.exec(path)
	const route = one ? { scope: 'Desk.tickets.READ', answer: (tickets) => tickets.find(({ id }) => id === one[1]) }
		: deskRoutes[`${request.method} ${path}`]
	if (!route || path === url.pathname)
		return deskError(response, 'URL_NOT_FOUND')
	const org = request.headers.orgid ?? url.searchParams.get('orgId')
	if (org !== undefined && org !== null && !/^\d+$/.test(org))
		return deskError(response, 'INTERNAL_SERVER_ERROR')
	if (org && !route.free && org !== found.user.org)
		return deskError(response, 'OAUTH_ORG_MISMATCH')
	if (!allows(found, route.scope))
		return deskError(response, 'SCOPE_MISMATCH')
	const answer = route.answer(world.tickets[centre.name], { found, body, query: url.searchParams })
	const limits = { 'X-Rate-Limit-Request-Weight-v3': '1', 'X-Rate-Limit-Remaining-v3': String(world.desk.credits) }
	if (answer === undefined && one)
		return deskError(response, 'URL_NOT_FOUND')
	if (answer === undefined) {
		response.writeHead(204, limits).end()
		return undefined
	}
	return json(response, 200, answer, limits)
}

const crmError = (code, message) => ({ code, details: {}, message, status: 'error' })

const crmRoutes = {
	org: { scope: 'ZohoCRM.org.READ', answer: ({ user }) => ({ org: [{ id: user.org, company_name: 'Example' }] }) },
	users: { scope: 'ZohoCRM.users.READ', answer: ({ user }) => ({ users: [{ id: user.zuid, email: user.email }] }) },
	Leads: { scope: 'ZohoCRM.modules.READ', answer: () => ({ data: [{ id: '1', Last_Name: 'Lead' }] }) },
	Contacts: { scope: 'ZohoCRM.modules.READ', answer: () => ({ data: [{ id: '2', Last_Name: 'Contact' }] }) }
}

function crm(world, centre, { request, response, url }) {
	const found = livingToken(world, centre, request)
	if (!found)
		return json(response, 401, crmError('INVALID_TOKEN', 'invalid oauth token'))
	const route = crmRoutes[/^\/crm\/v\d(?:\.\d)?\/(\w+)$/.exec(url.pathname)?.[1]]
	if (!route)
		return json(response, 404, crmError('INVALID_URL_PATTERN', 'Please check if the URL trying to access is a correct one'))
	const module = `${route.scope.replace('modules.', `modules.${url.pathname.split('/')[3]}.`)}`
	if (!allows(found, route.scope, module, 'ZohoCRM.modules.ALL'))
		return json(response, 401, crmError('OAUTH_SCOPE_MISMATCH', 'invalid oauth scope to access this URL'))
	return json(response, 200, route.answer(found))
}
