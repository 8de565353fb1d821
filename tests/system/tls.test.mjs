// SPDX-License-Identifier: Apache-2.0
/* TLS on both sides: clients that do not get on with their handshake, and where it is said whom to trust on the way out. */
import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { Agent } from 'node:https'
import { it } from 'node:test'
import { startApi } from '../support/api.mjs'
import { startAuthority } from '../support/ca.mjs'
import { bearerService } from '../support/definitions.mjs'
import { binary, startDrawbridge } from '../support/drawbridge.mjs'
import { request } from '../support/http.mjs'
import { startProcess } from '../support/process.mjs'
import { connectRaw } from '../support/raw.mjs'
import { freePort, sleep, suite, temporaryFolder } from '../support/scope.mjs'
import { addService, newConnection } from '../support/worlds.mjs'

suite('tls', (scope) => {
	it('a client\'s handshake has 10 s, however busily it comes, and others are served meanwhile', async () => {
		const authority = await startAuthority(scope)
		const { certFile, keyFile } = await authority.issue(['127.0.0.1'])
		chmodSync(keyFile, 0o600)
		const port = await freePort()
		const server = startProcess(scope, binary, ['serve', '--data', temporaryFolder(scope, 'drawbridge-data'),
			'--listen', `127.0.0.1:${port}`, '--tls-cert', certFile, '--tls-key', keyFile])
		await server.says(/"event":"ready"/)
		/* a ClientHello as long as it may be, of which a little comes at a time */
		const hello = Buffer.from('16030140000100' + '3ffc0303', 'hex')
		const agent = new Agent({ ca: authority.pem, keepAlive: false })
		const served = async () => (await request(`https://127.0.0.1:${port}/healthz`, { agent })).status
		const untilClosed = async (begin, drip) => {
			const raw = connectRaw(scope, port)
			const began = performance.now()
			raw.send(begin)
			while (!raw.ended && performance.now() - began < 20_000) {
				await sleep(200)
				if (drip && !raw.ended)
					raw.send(drip)
			}
			assert.equal(raw.buffered.length, 0)
			return performance.now() - began
		}
		const slow = Promise.all([untilClosed(''), untilClosed(hello), untilClosed(hello, 'a'), untilClosed(hello, 'a'.repeat(100))])
		for (let n = 0; n < 8; n++)
			assert.equal(await served(), 200)
		for (const ms of await slow)
			assert.ok(ms > 9000 && ms < 14_000, `${ms} ms`)
		assert.equal(await served(), 200)
	})

	it('the system\'s own certificates are those of SSL_CERT_FILE, where that is set, and no others', async () => {
		const [ours, other] = [await startAuthority(scope), await startAuthority(scope, { name: 'Another authority' })]
		const api = await startApi(scope, { tls: await ours.issue(['127.0.0.1']) })
		for (const [file, status] of [[ours.file, 200], [other.file, 502], [undefined, 502]]) {
			const drawbridge = await startDrawbridge(scope, { env: file && { SSL_CERT_FILE: file } })
			const service = await addService(drawbridge, bearerService('secure', { url: api.url }, { allow_http: undefined }))
			const { link_name: link } = await newConnection(drawbridge, service, { credentials: { token: 'token-for-tls-1' } })
			const count = api.requests.length
			const answer = await drawbridge.via(link, '/echo')
			assert.equal(answer.status, status, answer.text)
			assert.equal(api.requests.length - count, status === 200 ? 1 : 0)
			if (status === 502)
				assert.match(answer.json.detail, /certificate/i)
			await drawbridge.stop()
		}
	})
})
