// SPDX-License-Identifier: Apache-2.0
/* The studio: its pages, and what happens when the session ends. */
import { accountPage } from './account.js'
import { whenSignedOut } from './api.js'
import { bulkPage } from './bulk.js'
import { connectionPage } from './connection.js'
import { connectionsPage } from './connections.js'
import { createPage } from './create.js'
import { customServicePage } from './custom-service.js'
import { keysPage } from './keys.js'
import { go, route, start } from './router.js'
import { servicePage } from './service.js'
import { servicesPage } from './services.js'
import { header, sessionEnded, signInPage, whoami } from './sign-in.js'

/* A page that needs somebody signed in. */
const signedIn = (page) => async (parameters, query) => {
	await whoami()
	return page(parameters, query)
}

whenSignedOut(sessionEnded)

document.addEventListener('shown', header)

route('/sign-in', signInPage)
route('/', async () => { await go('/connections', { replace: true }) })
route('/connections', signedIn(connectionsPage))
route('/connections/:link', signedIn(connectionPage))
route('/services', signedIn(servicesPage))
route('/services/:id', signedIn(servicePage))
route('/services/:id/connect', signedIn(createPage))
route('/custom-service', signedIn(customServicePage))
route('/stop', signedIn(bulkPage))
route('/keys', signedIn(keysPage))
route('/account', signedIn(accountPage))

header()
start()
