// SPDX-License-Identifier: Apache-2.0
/*
 * nginx (Debian's) as an API: a key by header or query, throttling, redirects, dropped connections, TLS. Its access
 * log tells what came in.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { request } from './http.mjs'
import { startProcess } from './process.mjs'
import { eventually, freePort, temporaryFolder } from './scope.mjs'

export const nginxInstalled = existsSync('/usr/sbin/nginx')

/* options: key (what X-Api-Key and ?api_key= must be), bearer (a token), tls {certFile, keyFile} */
export async function startNginx(scope, { key = 'nginx-key-5512', bearer = 'nginx-bearer-8841', tls } = {}) {
	const folder = temporaryFolder(scope, 'nginx')
	const port = await freePort()
	mkdirSync(join(folder, 'temp'))
	writeFileSync(join(folder, 'small.json'), '{"from":"nginx"}')
	writeFileSync(join(folder, 'nginx.conf'), configuration({ folder, port, key, bearer, tls }))
	const server = startProcess(scope, '/usr/sbin/nginx', ['-p', folder, '-c', join(folder, 'nginx.conf'),
		'-e', join(folder, 'error.log')], { stop: { signal: 'SIGTERM' } })
	const url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`
	await eventually('nginx to answer', async () => {
		if (server.end)
			throw new Error(`nginx ended: ${server.stderr}`)
		return (await request(`${url}/open`, { rejectUnauthorized: false })).status === 200
	})
	const log = () => readFileSync(join(folder, 'access.log'), 'utf8').trim().split('\n').filter(Boolean)
		.map((line) => JSON.parse(line)).filter(({ path }) => path !== '/open')
	return { url, port, key, bearer, server, log }
}

const guarded = (path, condition) => `
		location ${path} {
			if (${condition}) { return 401 '{"error":"key"}'; }
			rewrite ^ /small.json break;
		}`

function configuration({ folder, port, key, bearer, tls }) {
	const secure = tls ? `ssl_certificate ${tls.certFile}; ssl_certificate_key ${tls.keyFile};` : ''
	return `daemon off; user root; worker_processes 1; pid ${folder}/pid;
events { worker_connections 512; }
http {
	log_format seen escape=json '{"method":"$request_method","path":"$request_uri","status":$status,'
		'"authorization":"$http_authorization","key":"$http_x_api_key","host":"$http_host"}';
	access_log ${folder}/access.log seen;
	client_body_temp_path ${folder}/temp; proxy_temp_path ${folder}/temp;
	fastcgi_temp_path ${folder}/temp; uwsgi_temp_path ${folder}/temp; scgi_temp_path ${folder}/temp;
	default_type application/json;
	server {
		listen 127.0.0.1:${port} ${tls ? 'ssl' : ''}; ${secure}
		root ${folder};
		location = /open { return 200 '{}'; }${guarded('/by-header', `$http_x_api_key != "${key}"`)}
${guarded('/by-query', `$arg_api_key != "${key}"`)}
${guarded('/by-prefix', `$http_authorization != "Token ${key}"`)}
${guarded('/by-bearer', `$http_authorization != "Bearer ${bearer}"`)}
		location = /throttled { add_header Retry-After 7 always; return 429 '{"error":"slow down"}'; }
		location = /down { return 503 '{"error":"down"}'; }
		location = /dropped { return 444; }
		location = /to-metadata { return 302 http://169.254.169.254/latest/meta-data/; }
		location = /to-self { return 301 $scheme://$http_host/open?moved=1; }
	}
}
`
}
