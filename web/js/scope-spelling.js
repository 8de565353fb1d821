// SPDX-License-Identifier: Apache-2.0
/* Scopes as articles spell them: which of a service's own is meant. As the server reads them (catalog_scope_suggest). */

const same = (one, other) => one.toLowerCase() === other.toLowerCase()
const begins = (text, prefix) => text.toLowerCase().startsWith(prefix.toLowerCase())

/*
 * Looks at a scope that somebody typed: {scope, known, alias, meant}. scope: the one of the list that it is or probably
 * means; known: as typed; alias: the service's definition says that it means that one; meant: what an alias makes of
 * it where the list has neither.
 */
export function readScope(typed, scopes, aliases) {
	const known = scopes.find(({ name }) => name === typed)
	if (known)
		return { scope: known, known: true }
	const near = scopes.find(({ name }) => same(name, typed))
	if (near)
		return { scope: near }
	const read = aliases.filter(({ prefix }) => begins(typed, prefix)).map(({ prefix, becomes }) =>
		({ text: becomes + typed.slice(prefix.length), differs: prefix !== becomes }))
	for (const { text } of read) {
		const scope = scopes.find(({ name }) => same(name, text))
		if (scope)
			return { scope, alias: true }
	}
	return { meant: read.filter(({ differs }) => differs).pop()?.text }
}

/* The other spellings under which somebody may look for a scope. */
export const spellingsOf = (name, aliases) => aliases.filter(({ becomes }) => begins(name, becomes))
	.map(({ prefix, becomes }) => prefix + name.slice(becomes.length)).filter((text) => text !== name)
