// SPDX-License-Identifier: Apache-2.0
/* A certificate authority for one test run, and certificates of it for any names, made with the openssl command. */
import { readFileSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { mustRun } from './process.mjs'
import { temporaryFolder } from './scope.mjs'

/* {file, pem, issue(names, {days}) -> {certFile, keyFile, cert, key}} */
export async function startAuthority(scope, { name = 'Drawbridge test authority' } = {}) {
	const folder = temporaryFolder(scope, 'drawbridge-ca')
	const file = join(folder, 'ca.pem')
	const keyFile = join(folder, 'ca.key')
	await mustRun('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
		'-keyout', keyFile, '-out', file, '-days', '30', '-subj', `/CN=${name}`,
		'-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'])
	let count = 0
	const issue = (names, options) => issueLeaf({ folder, file, keyFile, count: ++count }, names, options)
	return { file, pem: readFileSync(file, 'utf8'), issue }
}

async function issueLeaf({ folder, file, keyFile, count }, names, { days = 30 } = {}) {
	const base = join(folder, `leaf${count}`)
	const alternatives = names.map((each) => `${isIP(each) ? 'IP' : 'DNS'}:${each}`).join(',')
	writeFileSync(`${base}.ext`, `subjectAltName=${alternatives}\nbasicConstraints=CA:FALSE\n`
		+ 'extendedKeyUsage=serverAuth,clientAuth\n')
	await mustRun('openssl', ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
		'-keyout', `${base}.key`, '-out', `${base}.csr`, '-subj', `/CN=${names[0]}`])
	await mustRun('openssl', ['x509', '-req', '-in', `${base}.csr`, '-CA', file, '-CAkey', keyFile,
		'-CAcreateserial', '-days', String(days), '-extfile', `${base}.ext`, '-out', `${base}.pem`])
	return { certFile: `${base}.pem`, keyFile: `${base}.key`, cert: readFileSync(`${base}.pem`, 'utf8'),
		key: readFileSync(`${base}.key`, 'utf8') }
}
