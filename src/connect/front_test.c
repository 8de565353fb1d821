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

/* Whose grant the call will be made with; "": the connection's own. */
static const char *
test_subject(const struct connect_who *who, const struct front_row *r)
{
	if (!r->info.per_user || !who->actor || who->actor->flow[0])
		return "";
	return who->actor->member;
}

/* The scopes that were granted to the actor: each user has his own where the
 * connection is one for each.  *out NULL: he has connected nothing. */
static int
test_scopes(struct store_conn *c, const struct connect_who *who,
	    const struct front_row *r, struct arena *arena,
	    struct connect_texts *own, const struct connect_texts **out)
{
	struct store_stmt *st = NULL;
	int rc;

	*out = &r->info.scopes_granted;
	if (!r->info.per_user)
		return 0;
	*out = NULL;
	rc = store_query(c, &st,
			 "SELECT scopes_granted FROM connection_users "
			 "WHERE connection = ?1 AND subject = ?2 "
			 "AND status = 'connected'",
			 "ss", r->info.id, test_subject(who, r));
	if (!rc)
		rc = store_step(st);
	if (rc == 1) {
		*out = own;
		rc = front_texts_of_json(store_col(st, 0), arena, own);
	}
	store_done(st);
	return rc;
}

/* have NULL: none would do, and the call tells why. */
static bool
test_applies(const struct binding *b, const struct catalog_test *t,
	     const struct connect_texts *have)
{
	size_t i, j;

	if (!t->needs_scope.count || !have)
		return true;
	for (i = 0; i < t->needs_scope.count; i++)
		for (j = 0; j < have->count; j++)
			if (binding_scope_covers(
				    b, slice_str(t->needs_scope.items[i]),
				    slice_str(have->items[j])))
				return true;
	return false;
}

/* A path of the base URL goes as one: where that is the grant knows. */
static const char *
test_url(const struct binding *b, size_t index)
{
	const char *url = b->test_urls[index];

	if (url && url[0] != '/' && b->base_url &&
	    b->service->api.tests.items[index].path[0] == '/')
		url += strlen(b->base_url);
	return url;
}

static int
test_choose(const struct connect_service *s, const struct binding *b,
	    const struct connect_texts *have, struct arena *arena,
	    struct connect_test *out)
{
	const struct catalog_api *api = &s->service->api;
	const char *url;
	size_t i;

	for (i = 0; i < api->tests.count && !out->test; i++) {
		url = test_url(b, i);
		if (!url || !test_applies(b, &api->tests.items[i], have))
			continue;
		out->test = &api->tests.items[i];
		out->method = out->test->method;
		out->url = arena_strdup(arena, url);
		if (!out->url)
			return ERR_NOMEM;
	}
	return out->test ? 0 : ERR_NOT_FOUND;
}

int
connect_front_test(struct connect_front *f, struct store_conn *c,
		   const struct connect_who *who, const char *link,
		   struct arena *arena, struct connect_test *out,
		   struct connect_problem *p)
{
	const struct connect_texts *have = NULL;
	struct connect_service s = { 0 };
	struct json_problem jp = { 0 };
	struct connect_texts own = { 0 };
	struct binding *b = NULL;
	struct front_row r;
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
	if (!rc) {
		rc = test_scopes(c, who, &r, arena, &own, &have);
		if (rc)
			front_fail_store(p, c, rc);
	}
	if (!rc) {
		rc = test_choose(&s, b, have, arena, out);
		if (rc == ERR_NOT_FOUND)
			connect_fail(p, rc, CONNECT_P_NO_TEST,
				     "Call any path of the service instead.",
				     "The definition has no test request for "
				     "the scopes that were granted.");
		else if (rc)
			front_fail_store(p, c, rc);
	}
	if (!rc)
		out->catalog = catalog_ref(s.catalog);
	if (s.catalog)
		catalog_unref(s.catalog);
	binding_free(b);
	front_row_release(&r);
	return rc;
}

/* ---- what has come of it ---- */

/* What a test says of health; what calls or the keeper have said is theirs to
 * clear, and is not put aside either. */
#define TEST_WORDS VIEW_HEALTH_WORDS "%the test request%"
#define MAY_SAY "(health = 'ok' OR health_reason LIKE '" TEST_WORDS "')"

#define OF_ALL(set) \
	"UPDATE connections SET " set " WHERE id = ?1 AND ?2 = '' " \
	"AND status = 'connected' AND generation <= ?3"
#define OF_USER(set) \
	"UPDATE connection_users SET " set " WHERE connection = ?1 " \
	"AND subject = ?2 AND status = 'connected' AND generation <= ?3"

#define ACCOUNT "account = ?4"
#define FAILED \
	"health = 'degraded', health_reason = ?4, health_since = " \
	"CASE WHEN health = 'ok' THEN ?5 ELSE health_since END, " \
	"retry_at = 0, generation = ?3"
#define PASSED VIEW_HEALTH_WELL

static int
tested_account(struct store_conn *c, const struct connect_tested *t,
	       const char *account)
{
	return store_exec(c, NULL,
			  t->subject[0] ? OF_USER(ACCOUNT) : OF_ALL(ACCOUNT),
			  "ssis", t->connection, t->subject,
			  (int64_t)t->generation, account);
}

static int
tested_failed(struct store_conn *c, const struct connect_tested *t,
	      const char *problem)
{
	char words[480];

	if (slice_starts(slice_str(problem), SLICE(VIEW_HEALTH_WORDS)) &&
	    strstr(problem, "the test request"))
		snprintf(words, sizeof(words), "%s", problem);
	else
		snprintf(words, sizeof(words),
			 VIEW_HEALTH_WORDS "has not passed the test request: "
					   "%s",
			 problem);
	slice_mend_utf8(words);
	return store_exec(c, NULL,
			  t->subject[0] ? OF_USER(FAILED) " AND " MAY_SAY
					: OF_ALL(FAILED) " AND " MAY_SAY,
			  "ssisi", t->connection, t->subject,
			  (int64_t)t->generation, words, clock_wall_ms());
}

static int
tested_passed(struct store_conn *c, const struct connect_tested *t)
{
	return store_exec(
		c, NULL,
		t->subject[0]
			? OF_USER(PASSED) " AND health_reason LIKE '" TEST_WORDS
					  "'"
			: OF_ALL(PASSED) " AND health_reason LIKE '" TEST_WORDS
					 "'",
		"ssi", t->connection, t->subject, (int64_t)t->generation);
}

int
connect_front_tested(struct store_conn *c, const struct connect_tested *t,
		     const char *account, const char *problem)
{
	int rc = account && account[0] ? tested_account(c, t, account) : 0;

	if (rc)
		return rc;
	return problem ? tested_failed(c, t, problem) : tested_passed(c, t);
}
