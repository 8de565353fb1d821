// SPDX-License-Identifier: Apache-2.0
/*
 * A real browser: Debian's Chromium (or the one that CHROMIUM names), driven by playwright-core. Pages are judged
 * by axe, which comes in by the debugger, since their Content-Security-Policy rightly keeps it out.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'

export const sizes = { wide: { width: 1280, height: 900 }, narrow: { width: 390, height: 844 } }

/*
 * names: host names that mean 127.0.0.1 to this browser; places: {name: 'address:port'}, where all ports of a name
 * lead. No others but localhost are looked up.
 */
export async function startChromium(scope, { names = [], places = {} } = {}) {
	if (!existsSync(executablePath))
		throw new Error(`${executablePath} is missing: install chromium, or name one in CHROMIUM`)
	const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage',
		`--host-resolver-rules=${[...names.map((name) => `MAP ${name} 127.0.0.1`),
			...Object.entries(places).map(([name, place]) => `MAP ${name} ${place}`), 'MAP * ~NOTFOUND', 'EXCLUDE localhost',
			'EXCLUDE 127.0.0.1'].join(', ')}`] })
	scope.after(() => browser.close())
	return browser
}

/* A context whose errors are kept in .errors: what scripts throw, and what the browser complains of in its console. */
export async function openContext(browser, options = {}) {
	const context = await browser.newContext({ viewport: sizes.wide, locale: 'en-GB', ...options })
	context.setDefaultTimeout(15_000)
	context.errors = []
	context.on('weberror', (error) => context.errors.push(String(error.error())))
	context.on('console', (message) => {
		/* an answer of 4xx is no fault of the page */
		if (message.type() === 'error' && !/^Failed to load resource/.test(message.text()))
			context.errors.push(message.text())
	})
	return context
}

/* Colours are judged as they stay: not while something fades in. What moves without end is not waited for. */
async function still() {
	const roots = (root) => [root, ...[...root.querySelectorAll('*')].flatMap(({ shadowRoot }) =>
		shadowRoot ? roots(shadowRoot) : [])]
	const moves = new Set(roots(document).flatMap((root) => root.getAnimations()))
	await Promise.allSettled([...moves].filter(({ effect }) => Number.isFinite(effect.getComputedTiming().endTime))
		.map(({ finished }) => finished))
}

/* What axe calls serious or critical, in words; [] when there is nothing. */
export async function violations(page) {
	await page.evaluate(still)
	await page.evaluate(axe)
	const found = await page.evaluate(async () => (await globalThis.axe.run(document)).violations)
	return found.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, impact, nodes }) =>
		`${impact} ${id}: ${nodes.map((node) => `${node.target} ${node.any[0]?.message ?? ''}`).join('; ')}`)
}

/* Into the folder that SCREENSHOTS names, if it does. */
export async function picture(page, name) {
	const folder = process.env.SCREENSHOTS
	if (!folder)
		return
	mkdirSync(folder, { recursive: true })
	await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
}
