/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front's side, put together: its begin and end.
 *
 * Runs in the front.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/front_priv.h"

/* ---- what the keeper is asked ---- */

int
connect_front_counts(struct connect_front *f, uint32_t timeout_ms,
		     struct connect_counts *out)
{
	struct secret *reply = NULL;
	struct connect_problem p;
	struct proc_unpack u;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = front_ask(f, CONNECT_KEEPER_COUNTS, proc_pack_new(), timeout_ms,
		       &reply, &p, NULL);
	if (!rc && reply) {
		u = proc_unpack_from(reply);
		rc = connect_msg_counts_unpack(&u, out);
	}
	secret_free(reply);
	return rc ? rc : front_users_count(f->store, &out->user_degraded);
}

int
connect_front_ping(struct connect_front *f, uint32_t timeout_ms)
{
	struct proc_pack *body = proc_pack_new();
	struct connect_problem p;

	/* Anybody may ask for readiness, so it must cost the keeper little:
	 * what has changed after all that can. */
	proc_pack_u64(body, INT64_MAX);
	return front_ask(f, CONNECT_KEEPER_CHANGES, body, timeout_ms, NULL, &p,
			 NULL);
}

/* ---- begin and end ---- */

int
connect_front_new(const struct connect_front_config *config,
		  struct connect_front **out)
{
	struct connect_front *f = calloc(1, sizeof(*f));
	struct store_conn *c = NULL;
	int rc;

	*out = NULL;
	if (!f)
		return ERR_NOMEM;
	f->store = config->store;
	f->loop = config->loop;
	f->pool = config->pool;
	f->views = config->views;
	f->policy = config->policy;
	pthread_mutex_init(&f->mutex, NULL);
	pthread_mutex_init(&f->building, NULL);
	pthread_mutex_init(&f->publishing, NULL);
	pthread_mutex_init(&f->applying, NULL);
	f->notices_end = &f->notices;
	f->unnoted = true; /* by the front before */
	f->public_url = slice_dup(slice_str(config->public_url));
	rc = f->public_url ? store_acquire(f->store, &c) : ERR_NOMEM;
	if (!rc)
		rc = front_catalog_load(f, c);
	if (!rc)
		rc = front_egress_load(f, c);
	if (c)
		store_release(c);
	if (rc)
		connect_front_free(f);
	else
		*out = f;
	return rc;
}

void
connect_front_free(struct connect_front *f)
{
	if (!f)
		return;
	connect_front_stop(f);
	if (f->catalog)
		catalog_unref(f->catalog);
	front_notices_free(f);
	pthread_mutex_destroy(&f->building);
	pthread_mutex_destroy(&f->publishing);
	pthread_mutex_destroy(&f->applying);
	pthread_mutex_destroy(&f->mutex);
	free(f->public_url);
	free(f);
}

/* ---- housekeeping ---- */

enum { UNFINISHED_KEEP_MS = 10 * 60 * 1000 };

int
connect_front_used(struct store_conn *c, const char *id, int64_t at)
{
	return store_exec(c, NULL,
			  "UPDATE connections SET last_used_at = ?2 "
			  "WHERE id = ?1 AND last_used_at < ?2",
			  "si", id, at);
}

int
connect_front_tidy(struct connect_front *f, struct store_conn *c)
{
	int64_t now = clock_settled_ms();
	int rc;

	(void)f;
	/* Those that connect_front_unfinished() looks for stay a while. */
	rc = store_exec(c, NULL,
			"DELETE FROM connect_tickets WHERE (expires_at < ?1 OR "
			"expires_at > ?3) AND (used_at <> 0 OR subject <> '' "
			"OR expires_at < ?2)",
			"iii", now, now - UNFINISHED_KEEP_MS,
			clock_wrong_after_ms(CONNECT_TICKET_LIFE_S * 1000));
	if (!rc)
		rc = store_exec(
			c, NULL,
			"DELETE FROM oauth_states WHERE (expires_at < "
			"?1 OR expires_at > ?3) AND (used_at <> 0 OR "
			"subject <> '' OR expires_at < ?2)",
			"iii", now, now - UNFINISHED_KEEP_MS,
			clock_wrong_after_ms(CONNECT_STATE_LIFE_S * 1000));
	return rc ? rc : front_bulk_tidy(c, now);
}
