// SPDX-License-Identifier: Apache-2.0
/* apache2 (Debian's) as an API behind Basic authentication, with a password that has a colon and more than ASCII. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { request } from './http.mjs'
import { mustRun, startProcess } from './process.mjs'
import { eventually, freePort, temporaryFolder } from './scope.mjs'

export const apacheInstalled = existsSync('/usr/sbin/apache2') && existsSync('/usr/bin/htpasswd')

export async function startApache(scope, { username = 'jürgen', password = 'pä55:wörd €uro' } = {}) {
	const folder = temporaryFolder(scope, 'apache')
	const port = await freePort()
	await mustRun('htpasswd', ['-i', '-B', '-c', join(folder, 'users'), username], { stdin: password })
	writeFileSync(join(folder, 'answer.json'), '{"from":"apache"}')
	writeFileSync(join(folder, 'apache.conf'), configuration(folder, port))
	/* as root it serves as www-data, which has to read what we wrote */
	for (const [name, mode] of [['.', 0o755], ['users', 0o644], ['answer.json', 0o644]])
		chmodSync(join(folder, name), mode)
	const server = startProcess(scope, '/usr/sbin/apache2', ['-X', '-f', join(folder, 'apache.conf')])
	const url = `http://127.0.0.1:${port}`
	await eventually('apache to answer', async () => {
		if (server.end)
			throw new Error(`apache ended: ${server.stderr}`)
		return (await request(`${url}/answer.json`)).status === 401
	})
	return { url, port, username, password, server,
		log: () => readFileSync(join(folder, 'access.log'), 'utf8').trim().split('\n').filter(Boolean) }
}

function configuration(folder, port) {
	const modules = ['mpm_event', 'authn_core', 'authn_file', 'authz_core', 'authz_user', 'auth_basic', 'mime']
	const load = modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
	return `${load.join('\n')}
ServerName 127.0.0.1
Listen 127.0.0.1:${port}
PidFile ${folder}/pid
DefaultRuntimeDir ${folder}
Mutex file:${folder}
ErrorLog ${folder}/error.log
CustomLog ${folder}/access.log "%>s %u %U"
TypesConfig /etc/mime.types
DocumentRoot ${folder}
User www-data
Group www-data
<Directory ${folder}>
	AuthType Basic
	AuthName "practice ground"
	AuthBasicProvider file
	AuthUserFile ${folder}/users
	Require valid-user
</Directory>
`
}
