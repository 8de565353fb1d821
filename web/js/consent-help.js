// SPDX-License-Identifier: Apache-2.0
/*
 * What to check where a provider shows an error of its own: it then sends nobody back, and what it does not know (the
 * redirect URI, the client id, the data centre's app) can only be compared by eye.
 */
import { api } from './api.js'
import { fill, h } from './dom.js'
import { copyable, pair } from './ui.js'

/* Those that this connection can use: its data centre's own, else the one for all. */
function appsOf({ apps }, centre) {
	const own = apps.filter((app) => app.data_centre === centre)
	return own.length ? own : apps.filter((app) => !app.data_centre || !centre)
}

const appPart = (app) => copyable(app.client_id, 'the client id')

function facts(service, app, centre) {
	const apps = appsOf(app, centre)
	const place = service.data_centres.find(({ id }) => id === centre)
	return [h('p', {}, 'Then it does not know the app as it is set here. Compare these with what is registered there:'),
		h('h3', {}, 'Redirect URI'), copyable(app.redirect_uri, 'the redirect URI'),
		h('h3', {}, 'Client id'), apps.length ? apps.map(appPart) : h('p', {}, 'None is set.'),
		place && h('dl', {}, pair('Data centre', `${place.name}: the app must be known there, and its secret be the one of there.`)),
		h('p', {}, h('a', { href: `/services/${service.id}`, target: '_blank' }, `The OAuth app of ${service.name}`))]
}

/* A part to unfold; what it says comes when it has been loaded, as far as this member may see it. */
export function consentHelp(connection) {
	const place = h('div', {}, h('p', {}, 'Then it does not know the app as it is set here: ask who has set it to compare '
		+ 'redirect URI, client id and data centre.'))
	const element = h('details', { class: 'consent-help' }, h('summary', {}, 'The provider shows an error?'), place)
	const centre = connection.parameters?.data_centre ?? connection.data_centre
	Promise.all([api.service(connection.service), api.appOf(connection.service)])
		.then(([service, app]) => fill(place, facts(service, app, centre ?? service.default_data_centre)))
		.catch(() => undefined) /* a viewer may not see the app: the words above stay */
	return element
}
