/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With whom a connection is shared.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>

#include "connect/front_priv.h"

int
connect_front_shares(struct connect_front *f, struct store_conn *c,
		     const struct connect_who *who, const char *link,
		     struct arena *arena, struct people_share **out,
		     size_t *count, struct connect_problem *p)
{
	struct front_row r;
	int rc;

	*count = 0;
	rc = front_row_load(f, c, who, link, PEOPLE_CONNECTION_SEE, arena, &r,
			    p);
	if (!rc) {
		rc = people_shares_list(c, r.info.id, arena, out, count);
		if (rc)
			front_fail_store(p, c, rc);
	}
	front_row_release(&r);
	return rc;
}

int
connect_front_shares_set(struct connect_front *f, struct store_conn *c,
			 const struct connect_who *who, const char *link,
			 const struct people_share *shares, size_t count,
			 struct connect_problem *p)
{
	struct arena *arena = arena_new(1 << 20);
	struct json_problem jp = { 0 };
	struct front_row r = { 0 };
	char at[64];
	size_t bad = 0;
	int rc = arena ? 0 : front_fail_store(p, c, ERR_NOMEM);

	if (!rc)
		rc = front_row_load(f, c, who, link, PEOPLE_CONNECTION_MANAGE,
				    arena, &r, p);
	if (rc)
		goto out;
	rc = store_begin(c);
	if (!rc)
		rc = people_shares_set(c, r.org, r.info.id, who->actor->member,
				       shares, count, &bad);
	if (!rc)
		rc = front_audit(c, who, r.org, "connection.share", r.info.id,
				 r.info.name, NULL);
	if (!rc)
		rc = store_commit(c);
	if (rc) {
		store_rollback(c);
		if (rc == ERR_NOT_FOUND) {
			snprintf(at, sizeof(at), "/items/%zu/subject", bad);
			json_problem_set(&jp, at,
					 "there is no such member or team");
			rc = front_fail_json(p, &jp);
		} else {
			front_fail_store(p, c, rc);
		}
	}
	connect_views_withdraw(f->views, r.info.id);
out:
	front_row_release(&r);
	arena_free(arena);
	return rc;
}
