/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whoever asked for a consent: whether he still may, and his name.
 *
 * The page, the button and the callback need nobody to be signed in, so the
 * rights behind them are those of the member who made the ticket.  They are
 * asked about each time: he may have been disabled or demoted, or the
 * connection is not shared with him any more.  What was asked for with an API
 * key has the key's rights, and ends with it.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>

#include "connect/front_priv.h"

int
front_maker_may(struct store_conn *c, const struct front_row *r,
		const char *subject, const char *by, const char *with,
		struct connect_problem *p)
{
	struct people_object o = { .member = r->info.owner,
				   .sharing = &r->sharing };
	struct people_actor *maker = NULL;
	int rc = with[0] ? people_actor_of_key_id(c, r->org, with, &maker)
			 : people_actor_of_member(c, r->org, by, &maker);

	if (rc && rc != ERR_NOT_FOUND)
		return front_fail_store(p, c, rc);
	if (!rc) /* as connect_front_authorize() does */
		rc = people_may(maker, PEOPLE_CONNECTION_USE, &o, NULL);
	if (!rc && !subject[0])
		rc = people_may(maker, PEOPLE_CONNECTION_MANAGE, &o, NULL);
	people_actor_unref(maker);
	if (!rc)
		return 0;
	return connect_fail(p, ERR_FORBIDDEN, CONNECT_P_FORBIDDEN,
			    "Ask somebody who may connect it for a new link.",
			    with[0] ? "The API key that asked for this "
				      "consent is not in force any more, or "
				      "may not connect it."
				    : "The member who asked for this consent "
				      "may not connect it any more.");
}

void
front_maker_words(struct store_conn *c, const char *org, const char *by,
		  char out[FRONT_ASKED_SIZE])
{
	struct people_member m;

	out[0] = '\0';
	if (by[0] && !people_member_find(c, org, slice_str(by), &m))
		snprintf(out, FRONT_ASKED_SIZE, "Asked for by %s.",
			 m.email[0] ? m.email : m.name);
}
