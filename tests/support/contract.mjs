// SPDX-License-Identifier: Apache-2.0
/*
 * docs/openapi.yaml as a judge: requests are made by an operation's id, and every answer must be what the document
 * says of that operation and status: type, fields of the head, body. Schemas are read as closed: a member that is not
 * described is a fault. What was asked and answered is remembered, so that a suite can tell what it left out.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { parse } from 'yaml'
import { root } from './drawbridge.mjs'

const verbs = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch']

export class Contract {
	#document
	#ajv = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, allowUnionTypes: true })
	#checks = new Map()
	operations = new Map()
	answered = new Map()

	constructor(file = join(root, 'docs/openapi.yaml')) {
		this.#document = parse(readFileSync(file, 'utf8'), { merge: true, uniqueKeys: true })
		addFormats.default(this.#ajv)
		this.#ajv.addFormat('password', true)
		for (const [path, item] of Object.entries(this.#document.paths))
			for (const verb of verbs.filter((each) => each in item))
				this.#add(path, verb, item)
	}

	#add(path, verb, item) {
		const operation = item[verb]
		if (this.operations.has(operation.operationId))
			throw new Error(`two operations are called ${operation.operationId}`)
		const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((each) => this.#whole(each))
		const responses = Object.fromEntries(Object.entries(operation.responses)
			.map(([status, response]) => [status, this.#whole(response)]))
		this.operations.set(operation.operationId, { id: operation.operationId, path, method: verb.toUpperCase(),
			tags: operation.tags ?? [],
			parameters, responses, body: this.#whole(operation.requestBody),
			open: operation.security?.length === 0,
			forVisitors: operation.security?.some((each) => Object.keys(each).length === 0) ?? false })
	}

	/* A copy without $ref. */
	#whole(node) {
		if (Array.isArray(node))
			return node.map((each) => this.#whole(each))
		if (node === null || typeof node !== 'object')
			return node
		const { $ref, ...rest } = node
		const target = $ref?.slice(2).split('/').reduce((at, name) => at?.[name], this.#document)
		if ($ref && !target)
			throw new Error(`${$ref} is not in the document`)
		return Object.fromEntries(Object.entries({ ...target, ...rest }).map(([name, each]) => [name, this.#whole(each)]))
	}

	#check(schema, closed) {
		let check = this.#checks.get(schema)
		if (!check) {
			check = this.#ajv.compile(closed ? close(schema) : schema)
			this.#checks.set(schema, check)
		}
		return check
	}

	#judge(what, schema, value, closed) {
		const check = this.#check(schema, closed)
		if (!check(value))
			throw new Error(`${what}: ${this.#ajv.errorsText(check.errors, { dataVar: '' })}: `
				+ JSON.stringify(value)?.slice(0, 1000))
	}

	operation(id) {
		const operation = this.operations.get(id)
		if (!operation)
			throw new Error(`no operation ${id}`)
		return operation
	}

	/* Examples of schemas that are none: texts; and how many there are. */
	wrongExamples() {
		const wrong = []
		let count = 0
		for (const [name, schema] of Object.entries(this.#document.components.schemas))
			for (const example of schema.examples ?? []) {
				const check = this.#ajv.compile(this.#whole(schema))
				count += 1
				if (!check(example))
					wrong.push(`${name}: ${this.#ajv.errorsText(check.errors)}`)
			}
		return { wrong, count }
	}

	/* The path of an operation with its parameters and query. */
	path(id, params = {}, query) {
		const path = this.operation(id).path.replace(/\{(\w+)\}/g, (_, name) => {
			if (!(name in params))
				throw new Error(`${id} takes ${name}`)
			return params[name]
		})
		return query ? `${path}?${new URLSearchParams(query)}` : path
	}

	/* A request that succeeded must have been one that the document describes. */
	request(id, { body, query = {}, headers = {} }) {
		const { parameters, body: described } = this.operation(id)
		const known = parameters.filter(({ in: where }) => where === 'query').map(({ name }) => name)
		const stray = Object.keys(query).filter((name) => !known.includes(name))
		if (stray.length > 0)
			throw new Error(`${id}: took query parameters that are not described: ${stray}`)
		for (const name of ['if-match', 'idempotency-key'])
			if (name in headers && !parameters.some((each) => each.name.toLowerCase() === name))
				throw new Error(`${id}: ${name} is not described`)
		const schema = described?.content['application/json']?.schema
		if (schema && body !== undefined && typeof body === 'object' && !Buffer.isBuffer(body))
			this.#judge(`${id}: request`, schema, body, false)
	}

	/* Judges one answer and remembers it. */
	answer(id, answer) {
		const { responses } = this.operation(id)
		const status = String(answer.status)
		const key = [status, `${status[0]}XX`, 'default'].find((each) => each in responses)
		this.#remember(id, status, key)
		if (!key)
			throw new Error(`${id}: the status ${status} is not described: ${answer.text}`)
		const what = `${id} ${status}`
		this.#headers(what, responses[key].headers ?? {}, answer)
		if (this.operation(id).method !== 'HEAD')
			this.#content(what, responses[key].content, answer)
	}

	#remember(id, status, key) {
		const seen = this.answered.get(id) ?? new Map()
		seen.set(status, key ?? 'undeclared')
		this.answered.set(id, seen)
	}

	#headers(what, described, answer) {
		for (const [name, { schema }] of Object.entries(described)) {
			const value = answer.headers[name.toLowerCase()]
			for (const each of value === undefined ? [] : [value].flat())
				this.#judge(`${what}: ${name}`, schema, schema.type === 'integer' ? Number(each) : each, true)
		}
	}

	#content(what, content, answer) {
		const type = answer.headers['content-type']?.split(';')[0]
		if (!content) {
			if (answer.body.length > 0)
				throw new Error(`${what}: a body that is not described: ${answer.text}`)
			return
		}
		const media = content[type] ?? content['*/*']
		if (!media)
			throw new Error(`${what}: the type ${type} is not described: ${answer.text}`)
		if (media.schema)
			this.#judge(what, media.schema, /json/.test(type) ? answer.json : answer.text, true)
	}

	/* Operations never asked, operations without a success or a refusal, and statuses taken from "default". */
	leftOut() {
		const has = (id, test) => [...this.answered.get(id)?.keys() ?? []].some(test)
		const ids = [...this.operations.keys()]
		return {
			uncalled: ids.filter((id) => !this.answered.has(id)),
			neverDone: ids.filter((id) => !has(id, (status) => status < '400')),
			neverRefused: ids.filter((id) => !has(id, (status) => status >= '400')),
			loose: ids.flatMap((id) => [...this.answered.get(id) ?? []]
				.filter(([, key]) => key === 'undeclared' || (key === 'default' && !this.operation(id).responses['4XX']))
				.map(([status]) => `${id} ${status}`))
		}
	}
}

/* The schema with no room for members that it does not name, and none for what is only written. */
function close(schema) {
	if (Array.isArray(schema))
		return schema.map(close)
	if (schema === null || typeof schema !== 'object')
		return schema
	const { allOf, ...rest } = schema
	const merged = (allOf ?? []).reduce((all, part) => ({ ...all, ...part,
		required: [...(all.required ?? []), ...(part.required ?? [])],
		properties: { ...all.properties, ...part.properties } }), rest)
	const closed = Object.fromEntries(Object.entries(merged).map(([name, each]) => [name,
		name === 'properties' ? Object.fromEntries(Object.entries(each)
			.filter(([, property]) => !property.writeOnly).map(([key, property]) => [key, close(property)]))
			: ['required', 'enum', 'examples'].includes(name) ? each : close(each)]))
	return closed.properties && !('additionalProperties' in closed) ? { ...closed, additionalProperties: false } : closed
}
