/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OAuth apps: client id, client secret, and where that secret may go.
 *
 * The endpoints are sealed with the secret, and who may vouch for them.  A
 * definition that names a token URL or a trust anchor which was not there when
 * the secret was given does not get it: the
 * secret has to be given anew by somebody who knows it.
 *
 * Whose app it is, is sealed too: a custom service's, or default ones'.  To
 * the other it is not there, whatever they are called.
 *
 * Runs in the keeper.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/keeper_priv.h"

enum { APP_SEALED_MAX = 96 * 1024 };

/* Behind the endpoints, and like none of them. */
static const char *const of_names[] = {
	[KEEPER_APP_DEFAULT] = "of:default", [KEEPER_APP_CUSTOM] = "of:custom"
};

void
keeper_app_release(struct keeper_app *a)
{
	size_t i;

	secret_free(a->client_secret);
	for (i = 0; i < a->endpoint_count; i++)
		free(a->endpoints[i]);
	free(a->endpoints);
	memset(a, 0, sizeof(*a));
}

void
keeper_app_identity(const char *org, const char *app, const char *data_centre,
		    int64_t version, char *out, size_t size)
{
	snprintf(out, size, "app/%s/%s/%s/%lld", org, app, data_centre,
		 (long long)version);
}

static void
app_names(const char *org, const char *app, const char *data_centre,
	  int64_t version, char *owner, size_t owner_size, char *identity,
	  size_t identity_size)
{
	snprintf(owner, owner_size, "app/%s/%s", org, app);
	keeper_app_identity(org, app, data_centre, version, identity,
			    identity_size);
}

static enum keeper_app_of
of_read(const char *last)
{
	if (!strcmp(last, of_names[KEEPER_APP_CUSTOM]))
		return KEEPER_APP_CUSTOM;
	return strcmp(last, of_names[KEEPER_APP_DEFAULT]) ? KEEPER_APP_UNTOLD
							  : KEEPER_APP_DEFAULT;
}

static int
app_read(struct proc_unpack *u, struct keeper_app *out)
{
	uint64_t n, i;

	proc_unpack_str(u, out->client_id, sizeof(out->client_id));
	out->client_secret = proc_unpack_secret(u, 4096);
	n = proc_unpack_u64(u);
	if (n > CONNECT_ENDPOINTS_MAX + 1)
		return ERR_PROTOCOL;
	out->endpoints = calloc(n + 1, sizeof(*out->endpoints));
	if (!out->endpoints)
		return ERR_NOMEM;
	for (i = 0; i < n; i++) {
		out->endpoints[i] = proc_unpack_dup(u, CONNECT_URL_SIZE);
		out->endpoint_count++;
	}
	if (!proc_unpack_done(u))
		return ERR_PROTOCOL;
	out->of = n ? of_read(out->endpoints[n - 1]) : KEEPER_APP_UNTOLD;
	return 0;
}

/*
 * An app of before is a default service's if one is called so; a custom
 * service could be called so as well then.  Nothing of a default one's is
 * for a custom service, even where that cannot be told.
 */
static bool
app_is_for(struct keeper *k, const struct keeper_app *a, bool custom)
{
	if (a->of)
		return custom == (a->of == KEEPER_APP_CUSTOM);
	if (!custom)
		return true;
	if (!k->defaults && catalog_new(NULL, 0, &k->defaults, NULL))
		return false;
	return !catalog_has_default_app(k->defaults, a->app);
}

/* What is in this place, whosever it is. */
static int
app_at(struct keeper *k, const char *org, const char *app,
       const char *data_centre, struct keeper_app *out)
{
	char owner[128], identity[192];
	struct secret *plain = NULL;
	struct proc_unpack u;
	struct store_stmt *st;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = store_query(k->db, &st,
			 "SELECT version, sealed, flagged_at, foreign_at "
			 "FROM apps WHERE org = ?1 AND app = ?2 "
			 "AND data_centre = ?3",
			 "sss", org, app, data_centre);
	if (rc)
		return rc;
	rc = store_step(st);
	if (rc == 1) {
		app_names(org, app, data_centre, store_col_int(st, 0), owner,
			  sizeof(owner), identity, sizeof(identity));
		out->flagged_at = store_col_int(st, 2);
		if (out->flagged_at < 0)
			out->flagged_at = 0;
		out->foreign_at = store_col_int(st, 3);
		rc = keeper_open(k, owner, identity, store_col(st, 1), &plain);
	} else if (!rc) {
		rc = ERR_NOT_FOUND;
	}
	store_done(st);
	if (!rc) {
		u = proc_unpack_from(plain);
		rc = app_read(&u, out);
	}
	secret_free(plain);
	if (rc) {
		keeper_app_release(out);
		return rc;
	}
	snprintf(out->org, sizeof(out->org), "%s", org);
	snprintf(out->app, sizeof(out->app), "%s", app);
	snprintf(out->data_centre, sizeof(out->data_centre), "%s", data_centre);
	return 0;
}

static int
app_find(struct keeper *k, const char *org, const struct binding *b,
	 const char *data_centre, struct keeper_app *out)
{
	int rc = app_at(k, org, b->app_id, data_centre, out);

	if (rc || app_is_for(k, out, b->service->custom))
		return rc;
	keeper_app_release(out);
	return ERR_NOT_FOUND;
}

int
keeper_app_load(struct keeper *k, const char *org, const struct binding *b,
		struct keeper_app *out)
{
	int rc = ERR_NOT_FOUND;

	memset(out, 0, sizeof(*out));
	if (b->data_centre)
		rc = app_find(k, org, b, b->data_centre, out);
	if (rc == ERR_NOT_FOUND)
		rc = app_find(k, org, b, "", out);
	return rc;
}

int
keeper_app_of(struct keeper *k, const char *org, const struct binding *b,
	      const char *client_id, struct keeper_app *out)
{
	struct keeper_app other;
	int rc = keeper_app_load(k, org, b, out);

	if (rc || !strcmp(out->client_id, client_id))
		return rc;
	if (!out->data_centre[0] || app_find(k, org, b, "", &other))
		return ERR_CONFLICT;
	if (strcmp(other.client_id, client_id) != 0) {
		keeper_app_release(&other);
		return ERR_CONFLICT;
	}
	keeper_app_release(out);
	*out = other;
	return 0;
}

static bool
app_is_anchor(const char *endpoint)
{
	return slice_starts(slice_str(endpoint), SLICE(CONNECT_ANCHOR));
}

static bool
app_has_anchor(const struct keeper_app *a, const char *id)
{
	size_t i;

	for (i = 0; i < a->endpoint_count; i++)
		if (app_is_anchor(a->endpoints[i]) &&
		    !strcmp(a->endpoints[i] + strlen(CONNECT_ANCHOR), id))
			return true;
	return false;
}

/* Whether the secret was given for all who may vouch for the binding's
 * endpoints. */
static bool
app_trusts(const struct keeper_app *a, const struct binding *b)
{
	char ids[CATALOG_ANCHORS_MAX][CATALOG_ANCHOR_ID];
	size_t i, n = catalog_anchor_ids(b->service->ca, ids);

	for (i = 0; i < n; i++)
		if (!app_has_anchor(a, ids[i]))
			return false;
	if (b->service->ca)
		return n > 0;
	for (i = 0; i < a->endpoint_count; i++)
		if (app_is_anchor(a->endpoints[i]))
			return false;
	return true;
}

bool
keeper_app_allows(const struct keeper_app *a, const struct binding *b,
		  const char *url)
{
	size_t i;

	if (!a->client_secret)
		return true; /* there is nothing to give away */
	if (!app_trusts(a, b))
		return false;
	for (i = 0; i < a->endpoint_count; i++)
		if (url &&
		    catalog_endpoint_fits(a->endpoints[i], slice_str(url)))
			return true;
	return false;
}

/*
 * When it was refused last; 0: never, or not since it was set.  Below zero:
 * when it was taken again (then people have been told so, and are told again
 * if that may have been lost).
 */
static int
app_mark(struct keeper *k, const struct keeper_app *a, int64_t flagged_at)
{
	return store_exec(k->db, NULL,
			  "UPDATE apps SET flagged_at = ?1, foreign_at = "
			  "CASE WHEN ?1 < 0 THEN 0 ELSE foreign_at END "
			  "WHERE org = ?2 AND app = ?3 AND data_centre = ?4",
			  "isss", flagged_at, a->org, a->app, a->data_centre);
}

int
keeper_app_flag(struct keeper *k, const struct keeper_app *a)
{
	return app_mark(k, a, keeper_now(k));
}

void
keeper_app_tell(struct keeper *k, const struct keeper_app *a, const char *why)
{
	struct connect_msg_status m = { 0 };
	struct proc_pack *p = proc_pack_new();

	snprintf(m.who.org, sizeof(m.who.org), "%s", a->org);
	snprintf(m.flagged_app, sizeof(m.flagged_app), "%s", a->app);
	snprintf(m.flagged_data_centre, sizeof(m.flagged_data_centre), "%s",
		 a->data_centre);
	snprintf(m.health_reason, sizeof(m.health_reason), "%s", why);
	slice_mend_utf8(m.health_reason);
	connect_msg_status_pack(&m, p);
	proc_notify(k->front, CONNECT_FRONT_STATUS, p);
}

/* What the app says while grants wait for another client id than its own. */
static const char others_wait[] =
	"Connections wait for another client id of this app: each says which. "
	"Set it again, or connect them again.";

void
keeper_app_works(struct keeper *k, const struct keeper_app *a)
{
	if (!a->flagged_at && !a->foreign_at)
		return;
	if (keeper_foreign_left(k, a)) {
		if (a->flagged_at && !app_mark(k, a, 0))
			keeper_app_tell(k, a, others_wait);
		return;
	}
	if (!app_mark(k, a, -keeper_now(k)))
		keeper_app_tell(k, a, "");
}

static void
app_tell_each(struct keeper *k, const char *sql, const char *why)
{
	struct keeper_app a = { 0 };
	struct store_stmt *st;

	if (store_query(k->db, &st, sql, ""))
		return;
	while (store_step(st) == 1) {
		slice_copy(store_col(st, 0), a.org, sizeof(a.org));
		slice_copy(store_col(st, 1), a.app, sizeof(a.app));
		slice_copy(store_col(st, 2), a.data_centre,
			   sizeof(a.data_centre));
		keeper_app_tell(k, &a, why);
	}
	store_done(st);
}

void
keeper_app_tell_again(struct keeper *k)
{
	/* the latest first */
	app_tell_each(k,
		      "SELECT org, app, data_centre FROM apps "
		      "WHERE flagged_at < 0 AND foreign_at = 0 "
		      "ORDER BY flagged_at LIMIT 64",
		      "");
	/* One that is refused besides has other words, at every try. */
	app_tell_each(k,
		      "SELECT org, app, data_centre FROM apps a "
		      "WHERE foreign_at > 0 AND flagged_at <= 0 "
		      "AND EXISTS (SELECT 1 FROM grants g WHERE "
		      "g.org = a.org AND g.app = a.app AND g.foreign_app = 1 "
		      "AND g.status = 'connected') "
		      "ORDER BY foreign_at DESC LIMIT 64",
		      others_wait);
}

/* A default service's is not written over by a custom one's.  (It goes the
 * other way: the id is the default service's own by now.) */
static int
app_may_save(struct keeper *k, const struct connect_msg_app *m)
{
	struct keeper_app now;
	bool may;
	int rc;

	if (!m->custom)
		return 0;
	rc = app_at(k, m->org, m->app, m->data_centre, &now);
	if (rc == ERR_NOT_FOUND)
		return 0;
	if (rc) /* damaged: its name is all that is left */
		snprintf(now.app, sizeof(now.app), "%s", m->app);
	may = app_is_for(k, &now, true);
	keeper_app_release(&now);
	return may ? 0 : ERR_FORBIDDEN;
}

/* A new version of the row, sealed as such. */
static int
app_save(struct keeper *k, const struct connect_msg_app *m)
{
	char owner[128], identity[192];
	struct proc_pack *fields;
	struct store_stmt *st;
	int64_t version = 1;
	struct buf sealed;
	size_t i;
	int rc;

	rc = store_query(k->db, &st,
			 "SELECT version FROM apps WHERE org = ?1 "
			 "AND app = ?2 AND data_centre = ?3",
			 "sss", m->org, m->app, m->data_centre);
	if (rc)
		return rc;
	if (store_step(st) == 1)
		version = store_col_int(st, 0) + 1;
	store_done(st);
	app_names(m->org, m->app, m->data_centre, version, owner, sizeof(owner),
		  identity, sizeof(identity));
	fields = proc_pack_new();
	proc_pack_str(fields, m->client_id);
	proc_pack_secret(fields, m->client_secret);
	proc_pack_u64(fields, m->endpoint_count + 1);
	for (i = 0; i < m->endpoint_count; i++)
		proc_pack_str(fields, m->endpoints[i]);
	proc_pack_str(
		fields,
		of_names[m->custom ? KEEPER_APP_CUSTOM : KEEPER_APP_DEFAULT]);
	buf_init(&sealed, APP_SEALED_MAX);
	rc = keeper_seal(k, owner, identity, fields, &sealed);
	if (!rc)
		rc = store_exec(k->db, NULL,
				"INSERT INTO apps (org, app, data_centre, "
				"version, sealed) VALUES (?1, ?2, ?3, ?4, ?5) "
				"ON CONFLICT (org, app, data_centre) "
				"DO UPDATE SET version = ?4, sealed = ?5, "
				"flagged_at = 0, foreign_at = 0",
				"sssib", m->org, m->app, m->data_centre,
				version, buf_slice(&sealed));
	buf_release(&sealed);
	return rc;
}

void
keeper_app_put(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct keeper *k = arg;
	struct connect_msg_app m;
	int rc = connect_msg_app_unpack(in, &m);

	if (!rc)
		rc = store_begin(k->db);
	if (!rc)
		rc = app_may_save(k, &m);
	if (!rc)
		rc = app_save(k, &m);
	if (!rc) /* what its fault has held up is tried at once */
		rc = store_exec(k->db, NULL,
				"UPDATE grants SET retry_at = 0 "
				"WHERE org = ?1 AND app = ?2",
				"ss", m.org, m.app);
	if (!rc)
		rc = keeper_foreign_try(k, m.org, m.app);
	if (!rc)
		rc = store_commit(k->db);
	if (rc)
		store_rollback(k->db);
	else
		keeper_keep_soon(k);
	connect_msg_app_release(&m);
	if (rc == ERR_FORBIDDEN)
		keeper_fail_with(rq, rc, "app_of_another",
				 CONNECT_NOT_CONNECTED,
				 "There is a default service's OAuth app of "
				 "this id.");
	else if (rc)
		keeper_fail_with(rq, rc, "", CONNECT_NOT_CONNECTED,
				 "The OAuth app could not be stored: %s.",
				 err_text(rc));
	else
		proc_reply(rq, 0, NULL);
}
