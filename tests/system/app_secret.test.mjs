// SPDX-License-Identifier: Apache-2.0
/*
 * An OAuth app's secret goes to the endpoints that it was given for. Somebody who may write definitions points a
 * service's token endpoint at a server of his own afterwards: neither secret nor code nor refresh token gets there,
 * until somebody who knows the secret gives it again.
 */
import assert from 'node:assert/strict'
import http from 'node:http'
import net from 'node:net'
import { before, beforeEach, it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { connect, redirectUris, walkConsent } from '../support/consent.mjs'
import { clientCredentialsService, oauthService } from '../support/definitions.mjs'
import { startDrawbridge } from '../support/drawbridge.mjs'
import { listen, readBody, request } from '../support/http.mjs'
import { query } from '../support/migrations.mjs'
import { eventually, freePort, suite } from '../support/scope.mjs'
import { consentByItself, startScripted } from '../support/scripted.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('where an OAuth app\'s secret goes', (scope) => {
	let drawbridge, api, own, machine, thief, caught = 0
	const scopes = ['tickets.read']
	const words = /secret was not given for/
	const app = { client_id: 'machine', client_secret: 'machine-secret-88123' }

	/* Whoever so much as connects to it is counted. */
	async function startThief() {
		const server = net.createServer((socket) => {
			caught += 1
			socket.destroy()
		})
		thief = `http://127.0.0.1:${await listen(scope, server)}`
	}

	/* An endpoint for client credentials: {url, requests}. */
	async function startMachine() {
		machine = { requests: [] }
		machine.port = await listen(scope, http.createServer(async (incoming, response) => {
			machine.requests.push(Object.fromEntries(new URLSearchParams((await readBody(incoming)).toString())))
			response.writeHead(200, { 'content-type': 'application/json' })
			response.end('{"access_token":"t0ken-of-a-machine","token_type":"Bearer","expires_in":3600}')
		}))
		machine.endpoints = { token: `http://127.0.0.1:${machine.port}/token` }
	}

	before(async () => {
		const port = await freePort()
		own = await startScripted(scope, { redirectUris: [] })
		api = await startApi(scope)
		await startThief()
		await startMachine()
		drawbridge = await startDrawbridge(scope, { port })
	})

	beforeEach(() => {
		own.reset()
		caught = 0
		for (const { requests } of [own, machine])
			requests.length = 0
	})

	let count = 0
	const define = (endpoints = {}, more = {}, id = `desk_${count}`) =>
		oauthService(id, { endpoints: { ...own.endpoints, ...endpoints } }, api, { refresh: { rotates: true }, ...more })
	/* A service with its app, as it is when all is well. */
	const newService = async (more) => {
		count += 1
		own.redirectUris = redirectUris(drawbridge.port, `desk_${count}`)
		return addService(drawbridge, define({}, more), own.client)
	}
	const replace = (definition) => drawbridge.must('PUT', `/v1/services/${definition.id}`, definition)
	const setApp = (service, body = own.client) => drawbridge.must('PUT', `/v1/services/${service}/app`, body)
	const fresh = async (service) => (await newConnection(drawbridge, service, { scopes })).link_name
	const connected = async (service) => {
		const link = await fresh(service)
		await connect(drawbridge, link, consentByItself)
		own.requests.length = 0
		return link
	}
	const refresh = (link) => drawbridge.api('POST', `/v1/connections/${link}/refresh`)

	function nothingLeft(what) {
		assert.equal(caught, 0, what)
		assert.deepEqual(own.requests, [], what)
		assert.deepEqual(machine.requests, [], what)
	}

	/* Consent for a new connection ends with the words, on the page and in the API, and sends nothing anywhere. */
	async function consentIsRefused(service) {
		const link = await fresh(service)
		const page = await walkConsent(drawbridge, link, consentByItself)
		assert.equal(page.status, 403, page.text)
		assert.match(page.text, words)
		const { status, reason } = await drawbridge.connection(link)
		assert.equal(status, 'not_connected')
		assert.match(reason, words)
		assert.match(reason, /set the app again/)
		nothingLeft(service)
	}

	async function refreshIsRefused(link) {
		const { status, json } = await refresh(link)
		assert.deepEqual([status, json.code], [403, 'destination_not_allowed'], JSON.stringify(json))
		assert.match(json.detail, words)
		assert.match(json.detail, /Connect again/)
		nothingLeft(link)
		assert.equal((await drawbridge.connection(link)).status, 'connected')
	}

	it('the trap catches', async () => {
		await assert.rejects(request(`${thief}/token`))
		assert.equal(caught, 1)
	})

	it('a token endpoint that changes afterwards gets no code and no secret; an old grant goes on with its own', async () => {
		const service = await newService()
		const old = await connected(service)
		await replace(define({ token: `${thief}/token` }))
		await consentIsRefused(service)
		/* a reconnect is a consent as well, and costs nothing */
		assert.equal((await walkConsent(drawbridge, old, consentByItself)).status, 403)
		nothingLeft('a reconnect')
		assert.equal((await refresh(old)).status, 200)
		assert.deepEqual(own.requests.map(({ form }) => form.grant_type), ['refresh_token'])
		assert.equal((await drawbridge.via(old, '/echo')).status, 200)
		assert.equal(own.accountOf(api.last().token), 'ada')
		assert.equal(caught, 0)
	})

	it('another path, port or scheme of the same host is another endpoint', async () => {
		const service = await newService()
		const { port } = new URL(own.issuer)
		for (const token of [`${own.issuer}/token2`, `${own.issuer}/token/`, `${own.issuer}/token?next=1`, `${own.issuer}/revoke2`,
			`https://127.0.0.1:${port}/token`, `http://127.0.0.2:${port}/token`, `http://localhost:${port}/token`]) {
			await replace(define({ token }))
			await consentIsRefused(service)
		}
		await replace(define())
		await connected(service)
	})

	it('a service that is deleted and written anew gets no secret of the one before', async () => {
		const service = await newService()
		await drawbridge.must('DELETE', `/v1/services/${service}`)
		await addService(drawbridge, define({ token: `${thief}/token` }))
		await consentIsRefused(service)
	})

	it('a data centre that comes later gets no secret of the others', async () => {
		const { port } = new URL(own.issuer)
		const hosts = (accounts) => ({ name: 'Somewhere', hosts: { accounts } })
		const more = (centres) => ({ default_data_centre: 'us', data_centres: centres,
			token: { url: 'http://{dc.accounts}/token' } })
		const us = hosts(`127.0.0.1:${port}`)
		const service = await newService(more({ us }))
		const old = await connected(service)
		await replace(define({}, more({ us, eu: hosts(new URL(thief).host) })))
		const { link_name: link } = await newConnection(drawbridge, service, { scopes, parameters: { data_centre: 'eu' } })
		assert.equal((await walkConsent(drawbridge, link, consentByItself)).status, 403)
		nothingLeft('eu')
		assert.match((await drawbridge.connection(link)).reason, words)
		assert.equal((await refresh(old)).status, 200)
		assert.equal((await drawbridge.connection(await connected(service))).status, 'connected')
		assert.equal(caught, 0)
	})

	it('a refresh endpoint that changes afterwards gets no refresh token', async () => {
		const service = await newService()
		await replace(define({}, { refresh: { rotates: true, url: `${thief}/token` } }))
		await refreshIsRefused(await connected(service))
	})

	it('a revocation endpoint that changes afterwards gets no token', async () => {
		const service = await newService()
		await replace(define({ revoke: `${thief}/revoke` }))
		const link = await connected(service)
		const { revoked_upstream: upstream, detail } = await drawbridge.must('POST', `/v1/connections/${link}/revoke`)
		assert.equal(upstream, false, detail)
		nothingLeft('a revocation')
	})

	it('client credentials go to no endpoint that changes afterwards, for a new connection or an old one', async () => {
		const at = (token) => clientCredentialsService('machines', { endpoints: { token } }, api)
		await addService(drawbridge, at(machine.endpoints.token), app)
		const old = await newConnection(drawbridge, 'machines', { scopes })
		assert.equal(old.status, 'connected', old.reason)
		machine.requests.length = 0
		await replace(at(`${thief}/token`))
		const { status, reason } = await newConnection(drawbridge, 'machines', { scopes })
		assert.equal(status, 'not_connected')
		assert.match(reason, words)
		nothingLeft('a new connection')
		assert.equal((await refresh(old.link_name)).status, 200)
		assert.equal(machine.requests.length, 1)
		assert.equal(machine.requests[0].client_secret, app.client_secret)
		assert.equal(caught, 0)
		machine.requests.length = 0
		await setApp('machines', app)
		await refreshIsRefused(old.link_name)
	})

	/* Google's is one for all of its services, and called as none of them. */
	it('a custom service is not called as a default service\'s app', async () => {
		const before = { client_id: 'the-organisations-own', client_secret: 'g00gle-secret-3312' }
		await setApp('gmail', before)
		for (const id of ['google', 'microsoft', 'atlassian']) {
			const { status, json } = await drawbridge.api('POST', '/v1/services', define({}, {}, id))
			assert.equal(status, 400, id)
			assert.match(JSON.stringify(json), /is the id of a default service's OAuth app/)
			assert.equal((await drawbridge.api('PUT', `/v1/services/${id}/app`, own.client)).status, 404)
		}
		const { apps } = await drawbridge.must('GET', '/v1/services/gmail/app')
		assert.deepEqual(apps.map((one) => one.client_id), [before.client_id])
	})

	it('one that was, before, is in the catalogue no more, and its connections send nothing', async () => {
		const service = await newService()
		const [old, link] = [await connected(service), await fresh(service)]
		await query(drawbridge.data, 'main', `UPDATE custom_services SET id = 'google', updated_at = updated_at + 1,
			source = replace(source, '"${service}"', '"google"') WHERE id = '${service}';
			UPDATE connections SET service = 'google' WHERE service = '${service}'`)
		await newService() /* the catalogue is read anew */
		assert.equal((await drawbridge.api('GET', `/v1/services/${service}`)).status, 404)
		assert.equal((await drawbridge.api('GET', '/v1/services/google')).status, 404)
		assert.equal((await drawbridge.api('PUT', '/v1/services/google/app', own.client)).status, 404)
		assert.notEqual((await drawbridge.api('POST', `/v1/connections/${link}/authorize`)).status, 200)
		assert.notEqual((await drawbridge.via(old, '/echo')).status, 200)
		nothingLeft('of a service that is there no more')
	})

	it('given again, the secret goes to the new endpoint, and to the old one no more', async () => {
		const service = await newService()
		const old = await connected(service)
		const other = await startScripted(scope, { redirectUris: own.redirectUris })
		await replace(define(other.endpoints))
		await setApp(service)
		await refreshIsRefused(old)
		const link = await fresh(service)
		await connect(drawbridge, link, consentByItself)
		assert.equal(other.requests.length, 1)
		assert.equal((await refresh(link)).status, 200)
		/* and by a consent the old one moves as well */
		await connect(drawbridge, old, consentByItself)
		assert.equal((await refresh(old)).status, 200)
		assert.deepEqual(own.requests, [])
	})
})
