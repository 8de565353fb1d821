/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services: the catalogue as JSON, custom ones, and their OAuth apps.
 *
 * A list shows what one needs to choose; a single service shows what a form
 * needs to be drawn: methods with fields, parameters, scopes.
 */
#include <stdio.h>
#include <strings.h>

#include "api/api_priv.h"

/* ---- JSON ---- */

static json_t *
texts_json(const struct catalog_texts *t)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < t->count; i++)
		json_array_append_new(list, json_string(t->items[i]));
	return list;
}

static json_t *
service_json(const struct service *s)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:b}", "id", s->id, "name",
			 s->name, "description",
			 s->description ? s->description : "", "categories",
			 texts_json(&s->categories), "docs",
			 api_json_text(s->docs), "custom", (int)s->custom);
}

static json_t *
fields_json(const struct catalog_method *m)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < m->fields.count; i++) {
		const struct catalog_field *f = &m->fields.items[i];

		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:b, s:b, s:o, s:o, s:o}", "name",
				  f->name, "label", f->label, "secret",
				  (int)f->secret, "optional", (int)f->optional,
				  "pattern", api_json_text(f->pattern), "help",
				  api_json_text(f->help), "example",
				  api_json_text(f->example)));
	}
	return list;
}

static json_t *
choices_json(const struct catalog_parameter *p)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < p->choices.count; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "value",
					p->choices.items[i].value, "label",
					p->choices.items[i].label));
	return list;
}

static void
parameters_add(json_t *list, const struct catalog_parameters *all)
{
	size_t i;

	for (i = 0; i < all->count; i++) {
		const struct catalog_parameter *p = &all->items[i];

		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o}",
				  "name", p->name, "label", p->label,
				  "optional", (int)(p->optional || p->fallback),
				  "pattern", api_json_text(p->pattern),
				  "choices", choices_json(p), "default",
				  api_json_text(p->fallback), "help",
				  api_json_text(p->help), "example",
				  api_json_text(p->example)));
	}
}

/* The members of a connection whose scopes the method asks for. */
static json_t *
scope_lists_json(const struct catalog_method *m)
{
	json_t *list = json_array();

	if (m->token && catalog_method_asks(m, false))
		json_array_append_new(list, json_string("scopes"));
	if (m->token && catalog_method_asks(m, true))
		json_array_append_new(list, json_string("second_scopes"));
	return list;
}

static json_t *
methods_json(const struct service *s)
{
	json_t *list = json_array(), *parameters;
	size_t i;

	for (i = 0; i < s->methods.count; i++) {
		const struct catalog_method *m = &s->methods.items[i];

		parameters = json_array();
		parameters_add(parameters, &s->parameters);
		parameters_add(parameters, &m->parameters);
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:b}",
				  "id", m->id, "kind",
				  catalog_kind_name(m->kind), "name", m->name,
				  "help", api_json_text(m->help), "fields",
				  fields_json(m), "parameters", parameters,
				  "scope_lists", scope_lists_json(m),
				  "needs_app", (int)(m->token != NULL)));
		json_object_set_new(
			json_array_get(list, i), "revokes_all",
			json_boolean(m->revoke && m->revoke->takes_all));
	}
	return list;
}

static json_t *
scopes_json(const struct catalog_scopes *all)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < all->count; i++) {
		const struct catalog_scope *c = &all->items[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:o, s:b}", "name", c->name,
					"description",
					c->description ? c->description : "",
					"group", api_json_text(c->group),
					"preset", (int)c->preset));
	}
	return list;
}

static json_t *
scope_aliases_json(const struct service *s)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < s->scope_aliases.count; i++) {
		const struct catalog_alias *a = &s->scope_aliases.items[i];

		json_array_append_new(list, json_pack("{s:s, s:s}", "prefix",
						      a->prefix, "becomes",
						      a->becomes));
	}
	return list;
}

static json_t *
data_centres_json(const struct service *s)
{
	json_t *list = json_array(), *hosts;
	size_t i, k;

	for (i = 0; i < s->data_centres.count; i++) {
		const struct catalog_data_centre *d = &s->data_centres.items[i];

		if (!d->usable)
			continue;
		hosts = json_object();
		for (k = 0; k < d->hosts.count; k++)
			json_object_set_new(
				hosts, d->hosts.items[k].name,
				json_string(d->hosts.items[k].value));
		json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "id",
						      d->id, "name", d->name,
						      "hosts", hosts));
	}
	return list;
}

/* What the service allows: nothing here paces by it. */
static json_t *
rate_limits_json(const struct catalog_quotas *all)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < all->count; i++) {
		const struct catalog_quota *q = &all->items[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:I, s:I, s:o}", "of",
					catalog_quota_of_name(q->of), "per",
					catalog_quota_per_name(q->per), "count",
					(json_int_t)q->count, "window_s",
					(json_int_t)q->window_s, "note",
					api_json_text(q->note)));
	}
	return list;
}

static json_t *
service_whole_json(const struct connect_service *cs)
{
	const struct service *s = cs->service;
	json_t *o = service_json(s), *source = NULL;
	struct json_problem ignored = { 0 };

	json_object_set_new(o, "methods", methods_json(s));
	json_object_set_new(o, "scopes", scopes_json(&s->scopes));
	json_object_set_new(o, "second_scopes", scopes_json(&s->second_scopes));
	json_object_set_new(o, "scope_aliases", scope_aliases_json(s));
	json_object_set_new(o, "data_centres", data_centres_json(s));
	json_object_set_new(o, "default_data_centre",
			    api_json_text(s->default_data_centre));
	json_object_set_new(o, "base_url", api_json_text(s->api.base_url));
	json_object_set_new(o, "hosts", texts_json(&s->api.hosts));
	json_object_set_new(o, "rate_limits",
			    rate_limits_json(&s->api.rate_limits));
	json_object_set_new(
		o, "app",
		json_pack("{s:s, s:o, s:o, s:b}", "id", s->app.id,
			  "register_url", api_json_text(s->app.register_url),
			  "help", api_json_text(s->app.help), "per_data_centre",
			  (int)s->app.per_data_centre));
	if (s->custom &&
	    !json_read(service_source(s), CATALOG_TEXT_MAX, &source, &ignored))
		json_object_set_new(o, "definition", source);
	return o;
}

/* ---- reading ---- */

static bool
service_matches(const struct service *s, const char *text, const char *category)
{
	bool found = !category[0];
	size_t i;

	for (i = 0; i < s->categories.count && !found; i++)
		found = !strcasecmp(s->categories.items[i], category);
	return found && (!text[0] || strcasestr(s->name, text) ||
			 strcasestr(s->id, text) ||
			 (s->description && strcasestr(s->description, text)));
}

int
api_services_list(struct api_request *r)
{
	struct catalog *catalog;
	const struct service *s;
	const char *after, *text, *category, *last = NULL;
	size_t limit, cursor = 0, n = 0;
	bool skipping;
	json_t *items;
	int rc;

	if (!api_paging(r, &limit, &after))
		return 0;
	skipping = after[0] != '\0';
	text = api_query(r, "q");
	category = api_query(r, "category");
	catalog = connect_front_catalog(r->api->config.connect);
	items = json_array();
	while (n <= limit &&
	       (s = catalog_next(catalog, r->actor->org, &cursor))) {
		if (skipping) {
			skipping = strcmp(s->id, after) != 0;
			continue;
		}
		if (!service_matches(s, text, category))
			continue;
		if (n++ < limit) {
			json_array_append_new(items, service_json(s));
			last = s->id;
		}
	}
	if (skipping) { /* the service has gone since, or never was */
		json_decref(items);
		rc = api_problem_parameter(r, "after",
					   "This is no cursor of a list.");
	} else {
		rc = api_answer_list(r, items, n > limit ? last : NULL);
	}
	catalog_unref(catalog);
	return rc;
}

int
api_service_get(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_service s;
	struct connect_who who;
	int rc;

	api_who(r, &who);
	if (connect_front_service(r->api->config.connect, r->db, &who,
				  r->params[0], &s, &p))
		return api_problem_connect(r, &p);
	if (s.version)
		api_etag(r, s.version);
	rc = api_answer(r, 200, service_whole_json(&s));
	catalog_unref(s.catalog);
	return rc;
}

/* ---- custom ones ---- */

static int
definition_refused(struct api_request *r, const struct connect_problem *p,
		   const struct catalog_report *report)
{
	json_t *list = json_array(), *o;
	size_t i;
	int rc = api_problem_connect(r, p);

	for (i = 0; i < report->count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "pointer",
						      report->items[i].pointer,
						      "detail",
						      report->items[i].detail));
	o = rc ? NULL : json_loadb(r->answer.data, r->answer.len, 0, NULL);
	if (o) {
		json_object_set(o, "problems", list);
		buf_wipe(&r->answer);
		rc = json_write(o, &r->answer);
	}
	json_decref(o);
	json_decref(list);
	return rc;
}

static int
service_save(struct api_request *r, const char *replace)
{
	struct catalog_report *report = arena_alloc(r->arena, sizeof(*report));
	struct connect_problem p = { 0 };
	char id[CATALOG_ID_MAX + 1];
	struct connect_who who;
	int64_t version;

	if (!report)
		return ERR_NOMEM;
	if (api_if_match(r, &version))
		return api_problem(r, CONNECT_P_INVALID, NULL,
				   "If-Match must be an ETag as it was given.");
	api_who(r, &who);
	if (connect_front_service_save(
		    r->api->config.connect, r->db, &who, replace, version,
		    slice_of(r->text, r->text_len), report, id, &p))
		return report->count ? definition_refused(r, &p, report)
				     : api_problem_connect(r, &p);
	r->params[0] = arena_strdup(r->arena, id);
	if (!r->params[0])
		return ERR_NOMEM;
	if (!replace) {
		int rc = api_service_get(r);

		api_field(r, "Location", "/v1/services/%s", id);
		r->status = r->status == 200 ? 201 : r->status;
		return rc;
	}
	return api_service_get(r);
}

int
api_service_create(struct api_request *r)
{
	return service_save(r, NULL);
}

int
api_service_replace(struct api_request *r)
{
	return service_save(r, r->params[0]);
}

int
api_service_delete(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_who who;

	api_who(r, &who);
	if (connect_front_service_delete(r->api->config.connect, r->db, &who,
					 r->params[0], &p))
		return api_problem_connect(r, &p);
	return api_answer_empty(r);
}

/* ---- OAuth apps ---- */

int
api_app_get(struct api_request *r)
{
	const char *redirect_uri, *wanted = api_query(r, "data_centre");
	struct connect_problem p = { 0 };
	struct connect_app *list;
	struct connect_who who;
	json_t *apps, *o;
	size_t count, i;

	api_who(r, &who);
	if (connect_front_app_get(r->api->config.connect, r->db, &who,
				  r->params[0], r->arena, &list, &count,
				  &redirect_uri, &p))
		return api_problem_connect(r, &p);
	apps = json_array();
	for (i = 0; i < count; i++) {
		if (wanted[0] && strcmp(wanted, list[i].data_centre))
			continue;
		json_array_append_new(
			apps,
			json_pack("{s:s, s:o, s:s, s:o, s:o, s:o}", "app",
				  list[i].app, "data_centre",
				  api_json_text(list[i].data_centre),
				  "client_id", list[i].client_id, "flagged",
				  api_json_text(list[i].flagged), "flagged_at",
				  api_json_time(list[i].flagged_at),
				  "updated_at",
				  api_json_time(list[i].updated_at)));
	}
	o = json_pack("{s:s, s:s, s:o}", "service", r->params[0],
		      "redirect_uri", redirect_uri, "apps", apps);
	return api_answer(r, 200, o);
}

int
api_app_set(struct api_request *r)
{
	static const char *const names[] = { "client_id", "client_secret",
					     "data_centre", "parameters",
					     NULL };
	struct connect_app_new app = { 0 };
	struct connect_problem p = { 0 };
	struct connect_who who;
	size_t i;

	if (!api_body_only(r, names))
		return 0;
	app.client_id =
		json_get_str(&r->body, "client_id", JSON_REQUIRED, 600, "");
	app.data_centre = json_get_str(&r->body, "data_centre", 0, 30, NULL);
	app.parameters = json_get_object(&r->body, "parameters", 0);
	if (!json_is_string(json_object_get(r->json, "client_secret")) &&
	    json_object_get(r->json, "client_secret") &&
	    !json_is_null(json_object_get(r->json, "client_secret")))
		json_problem_set(&r->problem, "/client_secret",
				 "must be a text");
	if (!api_input_ok(r))
		return 0;
	for (i = 0; i < r->secret_count; i++) {
		app.client_secret = r->secrets[i].value; /* taken */
		r->secrets[i].value = NULL;
	}
	api_who(r, &who);
	if (connect_front_app_set(r->api->config.connect, r->db, &who,
				  r->params[0], &app, &p))
		return api_problem_connect(r, &p);
	return api_app_get(r);
}
