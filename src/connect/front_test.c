/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test of a connection: which of the service's test requests fits the
 * scopes that were granted, and what came of it.  The call itself is made as
 * any other, through the gateway's ways.
 *
 * Runs on the front's work threads.
 */
#include <string.h>

#include "connect/front_priv.h"

static bool
test_applies(const struct binding *b, const struct catalog_test *t,
	     const struct front_row *r)
{
	const struct connect_texts *have = &r->info.scopes_granted;
	size_t i, j;

	if (!t->needs_scope.count)
		return true;
	for (i = 0; i < t->needs_scope.count; i++)
		for (j = 0; j < have->count; j++)
			if (binding_scope_covers(
				    b, slice_str(t->needs_scope.items[i]),
				    slice_str(have->items[j])))
				return true;
	return false;
}

int
connect_front_test(struct connect_front *f, struct store_conn *c,
		   const struct connect_who *who, const char *link,
		   struct arena *arena, struct connect_test *out,
		   struct connect_problem *p)
{
	const struct catalog_test *t;
	struct connect_service s = { 0 };
	struct json_problem jp = { 0 };
	struct binding *b = NULL;
	struct front_row r;
	size_t i;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = front_row_load(f, c, who, link, PEOPLE_CONNECTION_USE, arena, &r,
			    p);
	if (!rc)
		rc = connect_front_service(f, c, who, r.info.service, &s, p);
	/* of this very definition: another may have other tests */
	if (!rc &&
	    catalog_bind(s.service, r.info.method, r.parameters, &b, &jp))
		rc = front_fail_json(p, &jp);
	if (!rc && r.info.data_centre[0] && b->data_centre)
		binding_switch_data_centre(b, r.info.data_centre);
	for (i = 0; !rc && i < s.service->api.tests.count; i++) {
		t = &s.service->api.tests.items[i];
		if (out->url || !test_applies(b, t, &r) || !b->test_urls[i])
			continue;
		out->method = t->method;
		out->url = arena_strdup(arena, b->test_urls[i]);
		out->test = t;
		out->catalog = catalog_ref(s.catalog);
		memcpy(out->id, r.info.id, sizeof(out->id));
	}
	if (!rc && !out->url)
		rc = connect_fail(p, ERR_NOT_FOUND, CONNECT_P_NO_TEST,
				  "Call any path of the service instead.",
				  "The definition has no test request for the "
				  "scopes that were granted.");
	if (s.catalog)
		catalog_unref(s.catalog);
	binding_free(b);
	front_row_release(&r);
	return rc;
}

int
connect_front_tested(struct connect_front *f, struct store_conn *c,
		     const char *id, const char *account, const char *problem)
{
	int rc = 0;

	(void)f;
	if (account && account[0])
		rc = store_exec(c, NULL,
				"UPDATE connections SET account = ?2 "
				"WHERE id = ?1",
				"ss", id, account);
	if (!rc && problem)
		rc = store_exec(c, NULL,
				"UPDATE connections SET health = 'degraded', "
				"health_reason = ?2, health_since = ?3, "
				"retry_at = 0 WHERE id = ?1",
				"ssi", id, problem, clock_wall_ms());
	else if (!rc)
		rc = store_exec(c, NULL,
				"UPDATE connections SET health = 'ok', "
				"health_reason = '', health_since = 0, "
				"retry_at = 0 WHERE id = ?1",
				"s", id);
	return rc;
}
