/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of connections, as people see them.
 *
 * Everything that the API shows of a connection is in its row of the main
 * database; what is secret is the keeper's.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>

#include "connect/front_priv.h"

/* ---- words ---- */

static const char *const status_names[] = {
	[CONNECT_NOT_CONNECTED] = "not_connected",
	[CONNECT_CONNECTED] = "connected",
	[CONNECT_NEEDS_RECONNECT] = "needs_reconnect",
	[CONNECT_DISABLED] = "disabled",
	[CONNECT_REVOKED] = "revoked",
};

const char *
connect_status_name(enum connect_status s)
{
	return status_names[s];
}

int
connect_status_parse(struct slice name, enum connect_status *out)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(status_names); i++) {
		if (!slice_eq(name, slice_str(status_names[i])))
			continue;
		*out = (enum connect_status)i;
		return 0;
	}
	*out = CONNECT_NOT_CONNECTED;
	return ERR_INVALID;
}

void
connect_link_of_name(struct slice name, char out[51])
{
	size_t i, n = 0;
	char c;

	for (i = 0; i < name.len && n < 50; i++) {
		c = name.ptr[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c + ('a' - 'A'));
		if (c >= 'a' && c <= 'z')
			out[n++] = c;
		else if (n && c >= '0' && c <= '9')
			out[n++] = c;
		else if (n && out[n - 1] != '_') /* a run becomes one */
			out[n++] = '_';
	}
	while (n && out[n - 1] == '_')
		n--;
	out[n] = '\0';
}

/* ---- texts in JSON columns ---- */

int
front_texts_of_tree(const json_t *list, struct arena *arena,
		    struct connect_texts *out)
{
	size_t i, n = json_array_size(list);
	const json_t *item;

	memset(out, 0, sizeof(*out));
	out->items = arena_alloc(arena, (n + 1) * sizeof(char *));
	if (!out->items)
		return ERR_NOMEM;
	for (i = 0; i < n; i++) {
		item = json_array_get(list, i);
		out->items[i] = arena_strdup(
			arena,
			json_is_string(item) ? json_string_value(item) : "");
		if (!out->items[i])
			return ERR_NOMEM;
		out->count++;
	}
	return 0;
}

int
front_texts_of_json(struct slice text, struct arena *arena,
		    struct connect_texts *out)
{
	struct json_problem problem = { 0 };
	json_t *tree = NULL;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = json_read(text, FRONT_ROW_JSON_MAX, &tree, &problem);
	if (!rc)
		rc = front_texts_of_tree(tree, arena, out);
	json_decref(tree);
	return rc;
}

int
front_texts_json(const struct connect_texts *t, struct buf *out)
{
	json_t *list = json_array();
	size_t i;
	int rc;

	for (i = 0; i < t->count; i++)
		json_array_append_new(list, json_string(t->items[i]));
	rc = json_write(list, out);
	json_decref(list);
	return rc;
}

int
front_texts_of_words(const char *words, struct arena *arena,
		     struct connect_texts *out)
{
	struct slice rest = slice_str(words), one;

	memset(out, 0, sizeof(*out));
	out->items = arena_alloc(arena, FRONT_SCOPES_MAX * sizeof(char *));
	if (!out->items)
		return ERR_NOMEM;
	while (out->count < FRONT_SCOPES_MAX && slice_next(&rest, ' ', &one)) {
		if (!one.len)
			continue;
		out->items[out->count] = arena_slice(arena, one);
		if (!out->items[out->count])
			return ERR_NOMEM;
		out->count++;
	}
	return 0;
}

/* ---- reading ---- */

/* Of a connection for each user: how many of them.  Each is a range of the
 * index connection_users_standing.  soon: the parameter that has
 * front_row_soon(). */
#define USERS(which) \
	", CASE WHEN c.per_user = 1 THEN (SELECT count(*) " \
	"FROM connection_users u WHERE u.connection = c.id AND " which \
	") ELSE 0 END"
#define USERS_COLUMNS(soon) \
	USERS("u.status = 'connected'") \
	USERS("u.status = 'needs_reconnect'") \
	USERS("u.status = 'revoked'") \
	USERS(FRONT_USER_TROUBLED("u.")) \
	USERS(FRONT_USER_SHORT("u.")) \
	USERS(FRONT_USER_EXPIRING("u.", soon))
#define ROW_HEALTH FRONT_HEALTH_TOLD("c.")
#define ROW_COLUMNS \
	"c.id, c.org, c.link_name, c.name, c.service, c.method, c.status, " \
	"c.reason, " ROW_HEALTH ", c.retry_at, " \
	"c.scopes_asked, c.second_scopes_asked, c.scopes_granted, " \
	"c.account, c.data_centre, c.owner, m.name, c.parameters, " \
	"c.per_user, c.version, c.created_at, c.updated_at, " \
	"c.connected_at, c.last_used_at, c.expires_at, c.ends_at, " \
	"c.ends_why, c.idle_ends_at, c.warning, c.generation"
#define ROW_FROM " FROM connections c JOIN members m ON m.id = c.owner "

/* Whole, since statements are cached by the literal's address. */
const char front_row_page[] = "SELECT " ROW_COLUMNS USERS_COLUMNS("?6") ROW_FROM
	"WHERE c.org = ?1 AND c.link_name > ?2 "
	"AND (?3 = '' OR c.service = ?3) AND (?4 = '' OR c.status = ?4) "
	"AND (?5 = '' OR lower(c.name) LIKE ?5 ESCAPE '!' "
	"OR c.link_name LIKE ?5 ESCAPE '!') ORDER BY c.link_name";

int64_t
front_row_soon(void)
{
	return clock_wall_ms() + CONNECT_SOON_MS;
}

static const char *
col_text(struct store_stmt *st, int col, struct arena *arena, int *rc)
{
	const char *s = arena_slice(arena, store_col(st, col));

	if (!s)
		*rc = ERR_NOMEM;
	return s ? s : "";
}

static const struct {
	const char *why;
	const char *text;
} ends[] = {
	{ "no_refresh", "The provider gave no means to renew the access." },
	{ "total_life", "The provider ends every access so long after consent, "
			"whatever is done." },
	{ "refresh_token",
	  "The means to renew the access ends then, and is not extended." },
	{ "idle", "It is not renewed while it is disabled, and the provider "
		  "ends what is not renewed." },
};

struct connect_forecast
front_forecast(enum connect_status status, int64_t ends_at, struct slice why,
	       int64_t idle)
{
	struct connect_forecast f = { ends_at, "", "" };
	size_t n;

	if (status != CONNECT_CONNECTED && status != CONNECT_DISABLED)
		f.at = idle = 0;
	if (status == CONNECT_DISABLED && idle && (!f.at || idle < f.at)) {
		f.at = idle;
		why = SLICE("idle");
	}
	for (n = 0; f.at && n < ARRAY_LEN(ends); n++)
		if (slice_eq(why, slice_str(ends[n].why))) {
			f.reason = ends[n].why;
			f.text = ends[n].text;
		}
	return f;
}

int
front_row_read(struct store_conn *c, struct store_stmt *st, struct arena *arena,
	       struct front_row *out)
{
	struct json_problem problem = { 0 };
	struct connect_info *i = &out->info;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	slice_copy(store_col(st, 0), i->id, sizeof(i->id));
	slice_copy(store_col(st, 1), out->org, sizeof(out->org));
	slice_copy(store_col(st, 2), i->link, sizeof(i->link));
	i->name = col_text(st, 3, arena, &rc);
	i->service = col_text(st, 4, arena, &rc);
	i->method = col_text(st, 5, arena, &rc);
	connect_status_parse(store_col(st, 6), &i->status);
	i->reason = col_text(st, 7, arena, &rc);
	i->degraded = slice_eq(store_col(st, 8), SLICE("degraded"));
	i->health_reason = col_text(st, 9, arena, &rc);
	i->health_since = store_col_int(st, 10);
	i->retry_at = store_col_int(st, 11);
	i->account = col_text(st, 15, arena, &rc);
	i->data_centre = col_text(st, 16, arena, &rc);
	slice_copy(store_col(st, 17), i->owner, sizeof(i->owner));
	i->owner_name = col_text(st, 18, arena, &rc);
	i->parameters = col_text(st, 19, arena, &rc);
	i->per_user = store_col_int(st, 20) != 0;
	i->version = store_col_int(st, 21);
	i->created_at = store_col_int(st, 22);
	i->updated_at = store_col_int(st, 23);
	i->connected_at = store_col_int(st, 24);
	i->last_used_at = store_col_int(st, 25);
	i->expires_at = store_col_int(st, 26);
	i->warning = col_text(st, 30, arena, &rc);
	out->generation = store_col_int(st, 31);
	i->forecast = front_forecast(i->status, store_col_int(st, 27),
				     store_col(st, 28), store_col_int(st, 29));
	i->users_connected = store_col_int(st, 32);
	i->users_need_reconnect = store_col_int(st, 33);
	i->users_revoked = store_col_int(st, 34);
	i->users_degraded = store_col_int(st, 35) + store_col_int(st, 36);
	i->users_expiring = store_col_int(st, 37);
	if (!rc)
		rc = front_texts_of_json(store_col(st, 12), arena,
					 &i->scopes_asked);
	if (!rc)
		rc = front_texts_of_json(store_col(st, 13), arena,
					 &i->second_scopes_asked);
	if (!rc)
		rc = front_texts_of_json(store_col(st, 14), arena,
					 &i->scopes_granted);
	if (!rc)
		rc = json_read(slice_str(i->parameters), FRONT_ROW_JSON_MAX,
			       &out->parameters, &problem);
	out->scopes = i->scopes_asked;
	out->second_scopes = i->second_scopes_asked;
	if (!rc)
		rc = people_sharing_load(c, i->id, i->owner, &out->sharing);
	return rc;
}

void
front_row_release(struct front_row *r)
{
	json_decref(r->parameters);
	r->parameters = NULL;
	people_sharing_release(&r->sharing);
}

static int
row_load(struct store_conn *c, const char *sql, const char *org,
	 const char *value, struct arena *arena, struct front_row *out)
{
	struct store_stmt *st = NULL;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = store_query(c, &st, sql, "ssi", org, value, front_row_soon());
	if (!rc) {
		rc = store_step(st);
		rc = rc == 1   ? front_row_read(c, st, arena, out)
		     : rc == 0 ? ERR_NOT_FOUND
			       : rc;
	}
	store_done(st);
	return rc;
}

bool
front_row_may_manage(const struct connect_who *who, const struct front_row *r)
{
	struct people_object o = { .member = r->info.owner,
				   .sharing = &r->sharing };

	return who->actor &&
	       !people_may(who->actor, PEOPLE_CONNECTION_MANAGE, &o, NULL);
}

int
front_row_load(struct connect_front *f, struct store_conn *c,
	       const struct connect_who *who, const char *link,
	       enum people_action action, struct arena *arena,
	       struct front_row *out, struct connect_problem *p)
{
	struct people_object o = { 0 };
	int rc = ERR_NOT_FOUND;

	(void)f;
	memset(out, 0, sizeof(*out));
	if (who->actor)
		rc = row_load(c,
			      "SELECT " ROW_COLUMNS USERS_COLUMNS("?3") ROW_FROM
			      "WHERE c.org = ?1 AND c.link_name = ?2",
			      who->actor->org, link, arena, out);
	if (rc == ERR_NOT_FOUND)
		return connect_fail(p, rc, CONNECT_P_CONNECTION_NOT_FOUND, NULL,
				    "There is no connection \"%.60s\" that you "
				    "may know of.",
				    link);
	if (rc)
		return front_fail_store(p, c, rc);
	o.member = out->info.owner;
	o.sharing = &out->sharing;
	rc = front_may(c, who, action, &o, out->info.id, p);
	if (!rc)
		out->info.may_manage = front_row_may_manage(who, out);
	return rc;
}

int
front_row_load_id(struct store_conn *c, const char *id, bool users,
		  struct arena *arena, struct front_row *out)
{
	if (users)
		return row_load(c,
				"SELECT " ROW_COLUMNS USERS_COLUMNS("?3")
					ROW_FROM "WHERE ?1 = '' AND c.id = ?2",
				"", id, arena, out);
	return row_load(c,
			"SELECT " ROW_COLUMNS ", 0, 0, 0, 0, 0, 0" ROW_FROM
			"WHERE ?1 = '' AND c.id = ?2 AND ?3 > 0",
			"", id, arena, out);
}

int
front_row_bind(struct connect_front *f, const struct front_row *r,
	       struct binding **out, struct connect_problem *p)
{
	struct catalog *catalog = connect_front_catalog(f);
	struct json_problem problem = { 0 };
	const struct service *def;
	int rc = 0;

	*out = NULL;
	def = catalog_find(catalog, r->org, r->info.service);
	if (!def)
		rc = connect_fail(p, ERR_NOT_FOUND, CONNECT_P_SERVICE_NOT_FOUND,
				  "Add the service's definition again.",
				  "The service \"%.60s\" of this connection is "
				  "not in the catalogue any more.",
				  r->info.service);
	else if (catalog_bind(def, r->info.method, r->parameters, out,
			      &problem))
		rc = front_fail_json(p, &problem);
	catalog_unref(catalog);
	return rc;
}
