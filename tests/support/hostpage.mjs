// SPDX-License-Identifier: Apache-2.0
/*
 * A web site that is not ours: pages with the chat widget in them, under a policy as strict as a site can have that
 * still wants the widget. It keeps what the browser reports of that policy being broken.
 */
import http from 'node:http'
import { listen } from './http.mjs'

const pixel = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
const image = `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="320"><defs><linearGradient id="g" x2="1" y2="1">
<stop stop-color="#8ec5fc"/><stop offset="1" stop-color="#e0c3fc"/></linearGradient></defs><rect width="640" height="320"
fill="url(#g)"/><circle cx="500" cy="90" r="44" fill="#fff" opacity=".85"/><path d="M0 320 190 150l120 110 90-70 240 130z"
fill="#34568b" opacity=".8"/></svg>`

const escape = (text) => String(text).replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`)

const policyFor = (bridge) => `default-src 'none'; script-src ${bridge}; connect-src ${bridge}; img-src 'self'; style-src 'self'; `
	+ `form-action ${bridge}; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'; report-uri /report`

const document = ({ bridge, scripts, lang, dir, title }) => `<!doctype html><html lang="${lang}" dir="${dir}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title>
<link rel="stylesheet" href="/page.css">
${scripts.map((attributes) => `<script src="${bridge}/widget.js" ${Object.entries(attributes)
	.map(([name, value]) => `data-${name}="${escape(typeof value === 'object' ? JSON.stringify(value) : value)}"`).join(' ')} async></script>`).join('\n')}
</head><body><header><b>Harbour &amp; Sons</b><a href="#">Boats</a></header><main><h1>Everything for a day on the water</h1>
<p>Ropes, sails and good advice since 1911. Ask us anything, at any time.</p><button>Look around</button></main></body></html>`

const style = `body { margin: 0; font: 18px/1.6 Georgia, serif; color: #24313f; background: linear-gradient(#eef4f8, #fff 60%); min-height: 100vh; }
header { display: flex; gap: 2rem; padding: 1.2rem 8vw; background: #fff; border-bottom: 1px solid #dde5ec; } main { padding: 8vh 8vw; max-width: 34rem; }
h1 { font-size: 2.4rem; line-height: 1.15; } a { color: #24313f; } @media (prefers-color-scheme: dark) { body { background: #10171e; color: #dfe7ee; }
header { background: #151e27; border-color: #27333f; } a { color: inherit; } }`

/*
 * options: bridge (the origin of Drawbridge), name (of the host). Gives {origin, page(attributes, options), reports,
 * css}: page() makes a page with one script element (or a list of them) and gives its URL; css is what its sheet says.
 */
export async function startHostPage(scope, { bridge, name = '127.0.0.1' }) {
	const pages = new Map()
	const site = { reports: [], css: style }
	const server = http.createServer((request, response) => {
		const answer = (type, body, more = {}) => response.writeHead(200, { 'content-type': type, ...more }).end(body)
		if (request.url === '/report')
			return request.on('data', (bytes) => site.reports.push(String(bytes))).on('end', () => response.end())
		if (request.url === '/page.css')
			return answer('text/css', site.css)
		if (request.url === '/harbour.svg')
			return answer('image/svg+xml', image)
		if (!pages.has(request.url))
			return answer('image/png', pixel)
		return answer('text/html', pages.get(request.url), { 'content-security-policy': policyFor(bridge) })
	})
	site.port = await listen(scope, server)
	site.origin = `http://${name}:${site.port}`
	site.page = (attributes, { lang = 'en', dir = 'ltr', title = 'Harbour & Sons' } = {}) => {
		const path = `/page-${pages.size + 1}`
		pages.set(path, document({ bridge, scripts: [attributes].flat(), lang, dir, title }))
		return site.origin + path
	}
	return site
}
