/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a consent leaves behind: the access of another account, which the
 * connection had until then.
 *
 * The keeper revokes a grant that was replaced.  Where the provider would end
 * all that the OAuth app has of that account, other connections with it, or
 * has no way to, it does not: the access lives on there, and people are told,
 * since nobody but them can end it.
 *
 * Runs in the front, on a work thread.
 */
#include <stdio.h>

#include "connect/front_priv.h"

bool
front_ends_all(struct connect_front *f, const struct front_row *r)
{
	struct connect_problem ignored;
	struct binding *b = NULL;
	bool all = !front_row_bind(f, r, &b, &ignored) && b->method->revoke &&
		   b->method->revoke->takes_all;

	binding_free(b);
	return all;
}

int
front_former_load(struct store_conn *c, const struct front_row *r,
		  const char *subject, struct front_former *out)
{
	struct store_stmt *st = NULL;
	int rc;

	memset(out, 0, sizeof(*out));
	if (!subject[0]) {
		out->connected = r->info.status == CONNECT_CONNECTED;
		snprintf(out->account, sizeof(out->account), "%s",
			 r->info.account);
		return 0;
	}
	rc = store_query(c, &st,
			 "SELECT account FROM connection_users WHERE "
			 "connection = ?1 AND subject = ?2 AND status = "
			 "'connected'",
			 "ss", r->info.id, subject);
	if (!rc)
		rc = store_step(st);
	out->connected = rc == 1;
	if (out->connected)
		slice_copy(store_col(st, 0), out->account,
			   sizeof(out->account));
	store_done(st);
	return rc < 0 ? rc : 0;
}

/* Why the keeper has left it alone; NULL: it has not. */
static const char *
left_because(const struct binding *b)
{
	if (b->kind != CATALOG_OAUTH2_CODE)
		return NULL;
	if (!b->method->revoke || !b->revoke_url)
		return "the provider offers no way to revoke it";
	if (b->method->revoke->takes_all)
		return "revoking it would end every access that the OAuth app "
		       "has to that account";
	return NULL;
}

bool
front_former_words(const struct front_former *former, const struct binding *b,
		   const char *account, char *out, size_t size)
{
	const char *because = left_because(b);
	bool known = former->account[0] && account[0];

	out[0] = '\0';
	if (!former->connected || !because ||
	    (known && !strcmp(former->account, account)))
		return false;
	if (known)
		snprintf(out, size,
			 "The access of %.60s, which was connected before, "
			 "still exists at the provider: %s. Unless something "
			 "else needs it, remove the app in that account's own "
			 "settings there.",
			 former->account, because);
	else
		snprintf(out, size,
			 "If this is another account than before, the former "
			 "one's access still exists at the provider: %s. "
			 "Unless something else needs it, remove the app in "
			 "that account's own settings there.",
			 because);
	slice_mend_utf8(out);
	return known;
}
