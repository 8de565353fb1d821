// SPDX-License-Identifier: Apache-2.0
/*
 * Grants and their connections, at the first schema that has them. A server makes them as any does, by a consent and
 * by an API key; from its databases the columns that the first schema has are put into databases of that schema, with
 * the master key as a file had it then. What is sealed is still written and read as it was at that schema
 * (src/connect/keeper_seal.c, PAYLOAD_VERSION 1), and so it is what an installation of that time has.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startApi } from './api.mjs'
import { connect, redirectUris } from './consent.mjs'
import { keyService, oauthService } from './definitions.mjs'
import { startDrawbridge } from './drawbridge.mjs'
import { applied, query, sets } from './migrations.mjs'
import { freePort } from './scope.mjs'
import { consentByItself, startScripted } from './scripted.mjs'
import { addService, newConnection } from './worlds.mjs'

const keyFile = 'keeper/master.key'
const keySize = 32 /* that is all that the first ones hold */
const apiKey = 'key-of-the-first-schema-Jw52'

/* options: of the server that makes them. */
export async function startFirstSchema(scope, options) {
	const port = await freePort()
	const provider = await startScripted(scope, { redirectUris: redirectUris(port, 'by_consent') })
	const api = await startApi(scope, { check: (token) => token === apiKey || provider.accountOf(token) })
	const drawbridge = await startDrawbridge(scope, { port, ...options })
	await addService(drawbridge, oauthService('by_consent', provider, api, { refresh: { rotates: true } }), provider.client)
	await addService(drawbridge, keyService('by_key', api, { in: 'header', name: 'Authorization', value: 'Bearer {api_key}' }))
	const { link_name: consented } = await newConnection(drawbridge, 'by_consent', { scopes: ['tickets.read'] })
	await connect(drawbridge, consented, consentByItself)
	const { link_name: keyed } = await newConnection(drawbridge, 'by_key', { credentials: { api_key: apiKey } })
	await drawbridge.stop()
	return new FirstSchema({ provider, api, consented, keyed, from: drawbridge.data, key: drawbridge.key })
}

class FirstSchema {
	constructor(what) {
		Object.assign(this, what)
	}

	/* Into an installation whose databases have their first migration, and no other. */
	async plant(data) {
		for (const [set, file] of Object.entries(sets)) {
			assert.deepEqual(await applied(data, set), [1], set)
			const tables = await query(data, set, `SELECT m.name || '|' || group_concat(c.name) FROM sqlite_master m,
				pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name <> 'migrations' GROUP BY m.name`)
			await query(data, set, [`ATTACH '${join(this.from, file)}' AS source; BEGIN`, ...tables.split('\n')
				.map((line) => line.split('|')).map(([table, columns]) =>
					`INSERT OR REPLACE INTO main.${table} (${columns}) SELECT ${columns} FROM source.${table}`),
			'COMMIT'].join('; '))
		}
		assert.equal(await query(data, 'keeper', 'SELECT count(*) FROM grants'), '2')
		writeFileSync(join(data, keyFile), readFileSync(join(this.from, keyFile)).subarray(0, keySize), { mode: 0o600 })
		this.planted = true
	}

	/* With a server at the last schema: the grants open, calls go through with them, and the token can be renewed. */
	async mustWork(drawbridge) {
		assert.ok(this.planted)
		drawbridge.key = this.key
		assert.equal(await query(drawbridge.data, 'keeper', `SELECT count(*) FROM grants WHERE granted_at = obtained_at
			AND good_until = CASE expires_at WHEN 0 THEN 0 ELSE expires_at - 30000 END`), '2')
		const requests = this.provider.requests.length
		await this.#call(drawbridge, this.keyed, (token) => token === apiKey)
		await this.#call(drawbridge, this.consented, (token) => this.provider.accountOf(token) === 'ada')
		const before = this.api.last().token
		assert.equal(this.provider.requests.length, requests, 'with the token that it had')
		await drawbridge.must('POST', `/v1/connections/${this.consented}/refresh`)
		await this.#call(drawbridge, this.consented, (token) => token !== before && this.provider.accountOf(token) === 'ada')
		assert.equal(this.provider.reused, 0)
		const { status, stdout, stderr } = await drawbridge.cli(['audit', 'verify'])
		assert.equal(status, 0, stdout + stderr)
	}

	async #call(drawbridge, link, right) {
		const answer = await drawbridge.via(link, '/echo')
		assert.equal(answer.status, 200, answer.text)
		assert.ok(right(this.api.last().token), link)
		assert.equal((await drawbridge.connection(link)).status, 'connected')
	}
}
