/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a provider names with its answer: the values that a callback or a
 * token answer carries, and that the binding takes up.
 *
 * One that is not in the definition's own table, that came twice, or that is
 * required and did not come, refuses the whole consent.
 *
 * Runs in the keeper.
 */
#include <stdio.h>

#include "connect/keeper_getting_priv.h"

/* Every required capture of this kind must have come. */
static int
captures_complete(const struct binding *b, enum catalog_capture_from from,
		  const bool *seen, char *detail, size_t size)
{
	const struct catalog_capture *c;
	size_t i;

	for (i = 0; i < b->method->captures.count; i++) {
		c = &b->method->captures.items[i];
		if (c->from != from || !c->required || seen[i])
			continue;
		snprintf(detail, size, "the provider did not send \"%s\"",
			 c->name);
		return ERR_FORBIDDEN;
	}
	return 0;
}

static int
capture_take(struct binding *b, enum catalog_capture_from from, size_t index,
	     const char *value, bool *seen, char *detail, size_t size)
{
	const struct catalog_capture *c;

	if (index >= b->method->captures.count || index >= METHOD_CAPTURES_MAX)
		return ERR_PROTOCOL;
	c = &b->method->captures.items[index];
	if (c->from != from || seen[index])
		return ERR_PROTOCOL;
	seen[index] = true;
	return binding_capture(b, c, slice_str(value), detail, size);
}

int
keeper_captures_of_callback(struct keeper_getting *g,
			    const struct connect_msg_finish *m, char *detail,
			    size_t size)
{
	struct binding *b = g->payload.binding;
	bool seen[METHOD_CAPTURES_MAX] = { false };
	size_t i;
	int rc = 0;

	for (i = 0; i < m->capture_count && !rc; i++)
		rc = capture_take(b, CATALOG_FROM_CALLBACK,
				  m->captures[i].index, m->captures[i].value,
				  seen, detail, size);
	return rc ? rc
		  : captures_complete(b, CATALOG_FROM_CALLBACK, seen, detail,
				      size);
}

int
keeper_captures_of_token(struct keeper_getting *g, char *detail, size_t size)
{
	struct binding *b = g->payload.binding;
	bool seen[METHOD_CAPTURES_MAX] = { false };
	size_t i;
	int rc = 0;

	for (i = 0; i < g->answer.capture_count && !rc; i++)
		rc = capture_take(
			b, CATALOG_FROM_TOKEN, g->answer.captures[i].index,
			g->answer.captures[i].value, seen, detail, size);
	return rc ? rc
		  : captures_complete(b, CATALOG_FROM_TOKEN, seen, detail,
				      size);
}
