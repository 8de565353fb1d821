/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that a data key has sealed, sealed anew under another: grants and
 * consents of a connection, OAuth apps.  Identities stay, so that a row still
 * opens in its own place alone.
 *
 * Runs in the keeper, inside a transaction.
 */
#include <stdio.h>

#include "connect/keeper_keys_priv.h"

enum { RESEALED_MAX = 160 * 1024, MARK_SIZE = 64 };

struct reseal {
	struct keeper *k;
	const char *owner;
	const struct secret *from, *to; /* to NULL: only look */
	/* the row at hand: what finds it, its identity, its bytes */
	bool first;
	char mark[MARK_SIZE];
	size_t mark_len;
	char identity[256];
	struct buf sealed;
};

/* The row at hand opens; its bytes are the new ones then. */
static int
reseal_bytes(struct reseal *s)
{
	struct secret *plain = NULL;
	int rc;

	rc = vault_open(s->from, s->identity, buf_slice(&s->sealed), &plain);
	buf_reset(&s->sealed);
	if (!rc && s->to)
		rc = vault_seal(s->to, s->identity,
				slice_of(secret_peek(plain), secret_len(plain)),
				&s->sealed);
	secret_free(plain);
	return rc;
}

/* Bytes and mark of the row that a statement has found; 1, 0 or an error. */
static int
reseal_take(struct reseal *s, struct store_stmt *st)
{
	struct slice mark;
	int rc = store_step(st);

	if (rc != 1)
		return rc;
	mark = store_col(st, 0);
	if (mark.len > sizeof(s->mark))
		return ERR_TOO_LARGE;
	memcpy(s->mark, mark.ptr, mark.len);
	s->mark_len = mark.len;
	s->first = false;
	buf_reset(&s->sealed);
	rc = buf_put_slice(&s->sealed, store_col(st, 1));
	return rc ? rc : 1;
}

/* ---- each table: the next row, and writing it ---- */

/* From the first row on, or behind the mark: found by the index, however many
 * rows come before (which "> ?2 OR" would walk over, for each of them). */
#define NEXT(select, column) \
	{ \
		select column " > ?2 ORDER BY " column " LIMIT 1", \
			select column " >= ?2 ORDER BY " column " LIMIT 1" \
	}

const char *const keeper_reseal_grants_sql[2] =
	NEXT("SELECT subject, sealed, generation FROM grants "
	     "WHERE connection = ?1 AND ",
	     "subject");
static const char *const consents_sql[2] =
	NEXT("SELECT state, sealed FROM consents WHERE connection = ?1 AND ",
	     "state");
static const char *const apps_sql[2] =
	NEXT("SELECT data_centre, sealed, version FROM apps "
	     "WHERE org = ?1 AND app = ?3 AND ",
	     "data_centre");

static int
grant_next(struct reseal *s)
{
	struct connect_msg_subject who = { 0 };
	struct store_stmt *st;
	int rc;

	snprintf(who.connection, sizeof(who.connection), "%.26s",
		 s->owner + strlen("connection/"));
	rc = store_query(s->k->db, &st, keeper_reseal_grants_sql[s->first],
			 "sl", who.connection, slice_of(s->mark, s->mark_len));
	if (rc)
		return rc;
	rc = reseal_take(s, st);
	if (rc == 1) {
		slice_copy(store_col(st, 0), who.subject, sizeof(who.subject));
		who.generation = (uint64_t)store_col_int(st, 2);
		keeper_grant_identity(&who, s->identity, sizeof(s->identity));
	}
	store_done(st);
	return rc;
}

static int
grant_write(struct reseal *s)
{
	return store_exec(s->k->db, NULL,
			  "UPDATE grants SET sealed = ?3 "
			  "WHERE connection = ?1 AND subject = ?2",
			  "slb", s->owner + strlen("connection/"),
			  slice_of(s->mark, s->mark_len),
			  buf_slice(&s->sealed));
}

static int
consent_next(struct reseal *s)
{
	struct store_stmt *st;
	int rc;

	rc = store_query(s->k->db, &st, consents_sql[s->first], "sb",
			 s->owner + strlen("connection/"),
			 slice_of(s->mark, s->mark_len));
	if (rc)
		return rc;
	rc = reseal_take(s, st);
	if (rc == 1 && s->mark_len != CONNECT_STATE_SIZE)
		rc = ERR_CRYPTO;
	if (rc == 1)
		keeper_consent_identity((const unsigned char *)s->mark,
					s->identity, sizeof(s->identity));
	store_done(st);
	return rc;
}

static int
consent_write(struct reseal *s)
{
	return store_exec(s->k->db, NULL,
			  "UPDATE consents SET sealed = ?2 WHERE state = ?1",
			  "bb", slice_of(s->mark, s->mark_len),
			  buf_slice(&s->sealed));
}

/* "app/<org>/<app>" */
static void
app_of_owner(const char *owner, char *org, size_t org_size, const char **app)
{
	struct slice rest = slice_str(owner + strlen("app/"));
	size_t slash = slice_find(rest, '/');

	slice_copy(slice_head(rest, slash), org, org_size);
	*app = slash < rest.len ? rest.ptr + slash + 1 : "";
}

static int
app_next(struct reseal *s)
{
	char org[CONNECT_ID_SIZE] = "", data_centre[MARK_SIZE + 1] = "";
	struct store_stmt *st;
	const char *app;
	int rc;

	app_of_owner(s->owner, org, sizeof(org), &app);
	rc = store_query(s->k->db, &st, apps_sql[s->first], "sls", org,
			 slice_of(s->mark, s->mark_len), app);
	if (rc)
		return rc;
	rc = reseal_take(s, st);
	if (rc == 1) {
		memcpy(data_centre, s->mark, s->mark_len);
		keeper_app_identity(org, app, data_centre, store_col_int(st, 2),
				    s->identity, sizeof(s->identity));
	}
	store_done(st);
	return rc;
}

static int
app_write(struct reseal *s)
{
	char org[CONNECT_ID_SIZE] = "";
	const char *app;

	app_of_owner(s->owner, org, sizeof(org), &app);
	return store_exec(s->k->db, NULL,
			  "UPDATE apps SET sealed = ?4 WHERE org = ?1 "
			  "AND app = ?2 AND data_centre = ?3",
			  "sslb", org, app, slice_of(s->mark, s->mark_len),
			  buf_slice(&s->sealed));
}

static const struct {
	const char *owner; /* begins so */
	int (*next)(struct reseal *s);
	int (*write)(struct reseal *s);
} tables[] = {
	{ "connection/", grant_next, grant_write },
	{ "connection/", consent_next, consent_write },
	{ "app/", app_next, app_write },
};

int
keeper_reseal(struct keeper *k, const char *owner, const struct secret *from,
	      const struct secret *to, size_t *rows)
{
	struct reseal s = { .k = k, .owner = owner, .from = from, .to = to };
	size_t i;
	int rc = 0;

	buf_init(&s.sealed, RESEALED_MAX);
	for (i = 0; i < ARRAY_LEN(tables) && !rc; i++) {
		if (!slice_starts(slice_str(owner), slice_str(tables[i].owner)))
			continue;
		s.first = true;
		s.mark_len = 0;
		while ((rc = tables[i].next(&s)) == 1) {
			++*rows;
			rc = reseal_bytes(&s);
			if (!rc && to)
				rc = tables[i].write(&s);
			if (rc)
				break;
		}
	}
	buf_release(&s.sealed);
	return rc;
}
