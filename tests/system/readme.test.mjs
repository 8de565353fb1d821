// SPDX-License-Identifier: Apache-2.0
/*
 * README.md does what it says: the commands of its sh blocks are run as they stand there, section by section, under
 * Zoho's real host names and that of its example. In their way stands a "drawbridge" that types what a person would:
 * passwords, secrets and keys on standard input; and that starts the server beside, where a person has two terminals.
 */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import { join } from 'node:path'
import { before, it } from 'node:test'
import { Browser } from '../support/browser.mjs'
import { startAuthority } from '../support/ca.mjs'
import { binary, root } from '../support/drawbridge.mjs'
import { listen } from '../support/http.mjs'
import { enterNamespace } from '../support/netns.mjs'
import { killQuietly, startProcess } from '../support/process.mjs'
import { suite, temporaryFolder } from '../support/scope.mjs'
import { consentAtZoho, startZoho, zohoHosts } from '../support/zoho.mjs'

const acme = { host: 'api.acme.example', address: '127.0.0.20' }

await enterNamespace(import.meta.url, { hosts: { ...zohoHosts, [acme.host]: acme.address } })

const readme = readFileSync(join(root, 'README.md'), 'utf8')

/* The commands of a section's sh blocks, as one script. */
function script(title) {
	const section = readme.split(/^## /m).find((text) => text.startsWith(`${title}\n`))
	assert.ok(section, `README.md has no section "${title}"`)
	return [...section.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block]) => block).join('')
}

const person = `#!/bin/sh
case "$1 $2" in
serve\\ *)
	'${binary}' serve > "$HOME/serve.log" 2>&1 &
	echo $! > "$HOME/serve.pid"
	until grep -q '"ready"' "$HOME/serve.log"; do
		kill -0 $! || exit 1
		sleep 0.1
	done
	exit ;;
"app set") exec '${binary}' "$@" < "$HOME/client-secret" ;;
"init "*) exec '${binary}' "$@" < "$HOME/password" ;;
esac
case "$1" in
backup | restore) exec '${binary}' "$@" < "$HOME/backup-passphrase" ;;
esac
case "$*" in
*stripe*credential-stdin*) exec '${binary}' "$@" < "$HOME/stripe-key" ;;
*credential-stdin*) exec '${binary}' "$@" < "$HOME/acme-key" ;;
esac
exec '${binary}' "$@"
`

suite('README.md', (scope) => {
	let home, zoho, env, authority
	const acmeCalls = []

	before(async () => {
		home = temporaryFolder(scope, 'drawbridge-readme')
		authority = await startAuthority(scope)
		zoho = await startZoho(scope, authority, { redirectUris: ['http://127.0.0.1:7070/oauth/callback'] })
		mkdirSync(join(home, 'bin'))
		writeFileSync(join(home, 'bin/drawbridge'), person)
		chmodSync(join(home, 'bin/drawbridge'), 0o755)
		const secrets = { 'client-secret': zoho.app.secrets.us, password: 'correct horse battery staple',
			'stripe-key': 'rk_test_0123456789abcdef', 'backup-passphrase': 'a passphrase for backups', 'acme-key': 'acme-key-Vt52' }
		for (const [name, text] of Object.entries(secrets))
			writeFileSync(join(home, name), `${text}\n`)
		env = { HOME: home, PATH: `${join(home, 'bin')}:${process.env.PATH}`, DRAWBRIDGE_DATA: join(home, 'drawbridge'),
			DRAWBRIDGE_CA_FILE: authority.file, DRAWBRIDGE_EGRESS_ALLOW: '127.0.0.0/24:443' }
		scope.after(() => killQuietly(Number(readFileSync(join(home, 'serve.pid'), 'utf8')), 'SIGTERM'))
	})

	/* Runs it as somebody who types it all: the first command that fails ends it. */
	function type(text) {
		const shell = startProcess(scope, 'bash', ['-euc', text], { cwd: home, env })
		shell.succeeds = async () => {
			const end = await shell.ended
			assert.equal(end.status, 0, `${text}\n${shell.stdout}\n${shell.stderr}`)
			return shell.stdout
		}
		return shell
	}

	it('connects Zoho Desk, step by step, and fetches a ticket', async () => {
		const text = script('Connecting Zoho Desk').replace('1000.YOUR_CLIENT_ID', zoho.app.client_id)
		assert.ok(text.includes(zoho.app.client_id))
		const shell = type(text)
		const [url] = await shell.says(/http:\S+\/connect\/\S+/, 60_000)
		assert.match(shell.stdout, /^Redirect URI +http:\/\/127\.0\.0\.1:7070\/oauth\/callback$/m)
		process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
		const browser = new Browser()
		const page = await browser.submit(await browser.open(url), { button: /connect/i })
		await consentAtZoho(browser, page, { email: 'ada@us.example' })
		const said = await shell.succeeds()
		const ticket = JSON.parse(said.slice(said.lastIndexOf('\n{"data"')))
		assert.equal(ticket.data[0].ticketNumber, '101')
		assert.equal(zoho.requests.at(-1).headers.authorization.split(' ')[0], 'Zoho-oauthtoken')
		assert.deepEqual(zoho.strays, [])
	})

	it('connects what is in the catalogue, and what is not, with a key', async () => {
		const leaf = await authority.issue([acme.host])
		const server = https.createServer({ cert: leaf.cert, key: leaf.key }, (request, response) => {
			acmeCalls.push({ path: request.url, key: request.headers['x-api-key'] })
			response.end('{"things":[]}')
		})
		await listen(scope, server, { host: acme.address, port: 443 })
		const said = await type(script('Connecting anything with a key')).succeeds()
		assert.match(said, /^Link name +payments$/m)
		assert.deepEqual(acmeCalls, [{ path: '/v1/things', key: 'acme-key-Vt52' }])
		assert.match(said, /\{"things":\[\]\}/)
	})

	it('makes a backup while the server runs, and what is restored from it is whole', async () => {
		const said = await type(script('Backup')).succeeds()
		assert.match(said, /is whole and true/)
		assert.match(said, /elsewhere is as it was on/)
		const copy = await type('drawbridge connection list --data elsewhere').succeeds()
		assert.match(copy, /^zohodesk_ticketreader .* connected /m)
	})
})
