/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OAuth apps: what an organisation registered with a provider.
 *
 * The secret goes straight to the keeper, together with the endpoints that
 * it may be sent to: the token, refresh and revocation URLs of every service
 * that shares the app, as their definitions stand now, for all tenants
 * within the service's own domain.  A definition that names another endpoint
 * later does not get the secret.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/front_priv.h"

enum { APPS_MAX = 64 };

/* ---- endpoints ---- */

static void
endpoint_add(struct connect_msg_app *m, const char *url)
{
	size_t i;

	if (!url || m->endpoint_count == CONNECT_ENDPOINTS_MAX)
		return;
	for (i = 0; i < m->endpoint_count; i++)
		if (!strcmp(m->endpoints[i], url))
			return;
	m->endpoints[m->endpoint_count] = slice_dup(slice_str(url));
	if (m->endpoints[m->endpoint_count])
		m->endpoint_count++;
}

/* One of the method's URLs, for the tenants that are not named. */
static void
endpoint_of_tenants(const struct service *s,
		    const struct catalog_method *method, const char *url,
		    const char *data_centre, const json_t *parameters,
		    struct connect_msg_app *m)
{
	struct buf out;

	buf_init(&out, CONNECT_URL_SIZE);
	if (url &&
	    !catalog_endpoint(s, method, url, data_centre, parameters, &out))
		endpoint_add(m, buf_cstr(&out));
	buf_release(&out);
}

/* Of one method in one data centre (NULL: the service has none): where a
 * connection without further words goes, and where those of tenants go. */
static void
endpoints_of(const struct service *s, const struct catalog_method *method,
	     const char *data_centre, const json_t *parameters,
	     struct connect_msg_app *m, struct json_problem *problem)
{
	const char *urls[] = { method->token->url,
			       method->refresh ? method->refresh->url : NULL,
			       method->revoke ? method->revoke->url : NULL };
	json_t *chosen =
		parameters ? json_deep_copy(parameters) : json_object();
	struct binding *b = NULL;
	size_t i;

	if (data_centre)
		json_object_set_new(chosen, "data_centre",
				    json_string(data_centre));
	if (!catalog_bind(s, method->id, chosen, &b, problem)) {
		endpoint_add(m, b->token_url);
		endpoint_add(m, b->refresh_url);
		endpoint_add(m, b->revoke_url);
	}
	for (i = 0; i < ARRAY_LEN(urls); i++)
		endpoint_of_tenants(s, method, urls[i], data_centre, parameters,
				    m);
	binding_free(b);
	json_decref(chosen);
}

/* A method that wants a whole host which is not given adds nothing: its secret
 * has to be set with it.  The first problem is noted. */
static void
endpoints_of_service(const struct service *s, const char *data_centre,
		     const json_t *parameters, struct connect_msg_app *m,
		     struct json_problem *problem)
{
	const struct catalog_method *method;
	const struct catalog_data_centre *dc;
	size_t i, j;

	for (i = 0; i < s->methods.count; i++) {
		method = &s->methods.items[i];
		if (!method->token)
			continue;
		if (!s->data_centres.count)
			endpoints_of(s, method, NULL, parameters, m, problem);
		for (j = 0; j < s->data_centres.count; j++) {
			dc = &s->data_centres.items[j];
			if (dc->usable &&
			    (!data_centre[0] || !strcmp(dc->id, data_centre)))
				endpoints_of(s, method, dc->id, parameters, m,
					     problem);
		}
	}
}

/* Those who may vouch for the endpoints; none: the system's.  A custom service
 * shares its app with no other. */
static void
anchors_add(const struct service *s, struct connect_msg_app *m)
{
	char ids[CATALOG_ANCHORS_MAX][CATALOG_ANCHOR_ID];
	char text[sizeof(CONNECT_ANCHOR) + CATALOG_ANCHOR_ID];
	size_t i, n = catalog_anchor_ids(s->ca, ids);

	for (i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%s%.64s", CONNECT_ANCHOR, ids[i]);
		endpoint_add(m, text);
	}
}

/* This service's must be there; others that share the app add theirs. */
static int
endpoints_collect(const struct catalog *catalog, const char *org,
		  const struct service *own, const json_t *parameters,
		  struct connect_msg_app *m, struct json_problem *problem)
{
	struct json_problem ignored = { 0 };
	const struct service *s;
	size_t cursor = 0;

	m->endpoints = calloc(CONNECT_ENDPOINTS_MAX, sizeof(*m->endpoints));
	if (!m->endpoints)
		return ERR_NOMEM;
	endpoints_of_service(own, m->data_centre, parameters, m, problem);
	if (!m->endpoint_count)
		return ERR_INVALID;
	anchors_add(own, m);
	while ((s = catalog_next(catalog, org, &cursor)))
		if (s != own && !strcmp(s->app.id, own->app.id) &&
		    s->custom == own->custom)
			endpoints_of_service(s, m->data_centre, NULL, m,
					     &ignored);
	return 0;
}

/* ---- setting ---- */

static int
app_check(const struct service *s, const struct connect_app_new *app,
	  struct connect_problem *p)
{
	const char *dc = app->data_centre ? app->data_centre : "";
	struct json_problem jp = { 0 };
	size_t i, with_token = 0;

	for (i = 0; i < s->methods.count; i++)
		with_token += s->methods.items[i].token != NULL;
	if (!with_token)
		return connect_fail(p, ERR_UNSUPPORTED, CONNECT_P_WRONG_METHOD,
				    NULL,
				    "%s is not connected by OAuth: it needs no "
				    "app.",
				    s->name);
	if (dc[0] && !service_data_centre(s, dc)) {
		json_problem_set(&jp, "/data_centre",
				 "%s has no data centre \"%.30s\"", s->name,
				 dc);
		return front_fail_json(p, &jp);
	}
	if (!app->client_id || !app->client_id[0] ||
	    strlen(app->client_id) > 500 ||
	    slice_has_control(slice_str(app->client_id))) {
		json_problem_set(&jp, "/client_id",
				 "must be 1 to 500 printable characters");
		return front_fail_json(p, &jp);
	}
	if (app->client_secret &&
	    (!secret_len(app->client_secret) ||
	     secret_len(app->client_secret) > 4096 ||
	     slice_has_control(slice_of(secret_peek(app->client_secret),
					secret_len(app->client_secret))))) {
		json_problem_set(&jp, "/client_secret",
				 "must be 1 to 4096 printable bytes; leave it "
				 "out for a public client");
		return front_fail_json(p, &jp);
	}
	return 0;
}

static int
app_store(struct store_conn *c, const struct connect_who *who,
	  const struct connect_msg_app *m, const char *service)
{
	int rc = store_begin(c);

	if (!rc)
		rc = store_exec(
			c, NULL,
			"INSERT INTO oauth_apps (org, app, data_centre, "
			"client_id, updated_by, updated_at) "
			"VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
			"ON CONFLICT (org, app, data_centre) DO UPDATE SET "
			"client_id = ?4, flagged = '', flagged_at = 0, "
			"version = oauth_apps.version + 1, updated_by = ?5, "
			"updated_at = ?6",
			"sssssi", m->org, m->app, m->data_centre, m->client_id,
			who->actor->member, clock_wall_ms());
	if (!rc)
		rc = front_audit(c, who, m->org, "app.set", m->app, service,
				 m->data_centre);
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	return rc;
}

static int
app_send(struct connect_front *f, struct store_conn *c,
	 const struct connect_who *who, const struct service *s,
	 const struct catalog *catalog, const struct connect_app_new *app,
	 struct connect_problem *p)
{
	struct connect_msg_app m = { .client_secret = app->client_secret };
	struct json_problem jp = { 0 };
	struct proc_pack *body;
	int rc;

	snprintf(m.org, sizeof(m.org), "%s", who->actor->org);
	snprintf(m.app, sizeof(m.app), "%s", s->app.id);
	m.custom = s->custom;
	snprintf(m.data_centre, sizeof(m.data_centre), "%s",
		 app->data_centre ? app->data_centre : "");
	snprintf(m.client_id, sizeof(m.client_id), "%s", app->client_id);
	rc = endpoints_collect(catalog, m.org, s, app->parameters, &m, &jp);
	if (rc) {
		rc = front_fail_json(p, &jp);
	} else {
		body = proc_pack_new();
		connect_msg_app_pack(&m, body);
		rc = front_ask(f, CONNECT_KEEPER_APP, body, CONNECT_QUICK_MS,
			       NULL, p, NULL);
	}
	if (!rc) {
		rc = app_store(c, who, &m, s->id);
		if (rc)
			front_fail_store(p, c, rc);
	}
	m.client_secret = NULL; /* the caller's */
	connect_msg_app_release(&m);
	return rc;
}

int
connect_front_app_set(struct connect_front *f, struct store_conn *c,
		      const struct connect_who *who, const char *service,
		      const struct connect_app_new *app,
		      struct connect_problem *p)
{
	struct connect_service s = { 0 };
	int rc;

	rc = front_may(c, who, PEOPLE_APP_SET, NULL, service, p);
	if (!rc)
		rc = connect_front_service(f, c, who, service, &s, p);
	if (!rc)
		rc = app_check(s.service, app, p);
	if (!rc)
		rc = app_send(f, c, who, s.service, s.catalog, app, p);
	if (s.catalog)
		catalog_unref(s.catalog);
	secret_free(app->client_secret);
	return rc;
}

/* ---- reading ---- */

static int
app_read(struct store_stmt *st, struct arena *arena, struct connect_app *a)
{
	a->app = arena_slice(arena, store_col(st, 0));
	a->data_centre = arena_slice(arena, store_col(st, 1));
	a->client_id = arena_slice(arena, store_col(st, 2));
	a->flagged = arena_slice(arena, store_col(st, 3));
	a->flagged_at = store_col_int(st, 4);
	a->version = store_col_int(st, 5);
	a->updated_at = store_col_int(st, 6);
	return a->app && a->data_centre && a->client_id && a->flagged
		       ? 0
		       : ERR_NOMEM;
}

int
connect_front_app_get(struct connect_front *f, struct store_conn *c,
		      const struct connect_who *who, const char *service,
		      struct arena *arena, struct connect_app **out,
		      size_t *count, const char **redirect_uri,
		      struct connect_problem *p)
{
	struct connect_service s = { 0 };
	struct store_stmt *st = NULL;
	char uri[CONNECT_URL_SIZE];
	int rc;

	*count = 0;
	*out = arena_alloc(arena, APPS_MAX * sizeof(**out));
	rc = front_may(c, who, PEOPLE_APP_SEE, NULL, service, p);
	if (!rc)
		rc = connect_front_service(f, c, who, service, &s, p);
	if (!rc)
		rc = front_redirect_uri(f, s.service, uri, p);
	if (rc) {
		if (s.catalog)
			catalog_unref(s.catalog);
		return rc;
	}
	*redirect_uri = arena_strdup(arena, uri);
	if (!*redirect_uri || !*out)
		rc = ERR_NOMEM;
	if (!rc)
		rc = store_query(c, &st,
				 "SELECT app, data_centre, client_id, flagged, "
				 "flagged_at, version, updated_at "
				 "FROM oauth_apps WHERE org = ?1 AND app = ?2 "
				 "ORDER BY data_centre",
				 "ss", who->actor->org, s.service->app.id);
	while (!rc && *count < APPS_MAX && (rc = store_step(st)) == 1)
		rc = app_read(st, arena, &(*out)[(*count)++]);
	store_done(st);
	catalog_unref(s.catalog);
	return rc ? front_fail_store(p, c, rc) : 0;
}
