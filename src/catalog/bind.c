/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a binding: a method of a definition, a data centre, parameters and
 * captured values, all put together and checked once more.
 *
 * Whatever the values are, every URL that comes out is parsed again, and the
 * base URL must be on one of the hosts that come out.
 */
#include "catalog/catalog_priv.h"

#include <stdio.h>
#include <stdlib.h>

enum { BINDING_ARENA_MAX = 256 * 1024 };

struct resolve {
	struct binding_full *f;
	struct json_problem *problem;
	int err;
};

/* ---- resolving ---- */

static void
fail(struct resolve *x, int err, const char *pointer, const char *what,
     struct slice name)
{
	if (x->err)
		return;
	x->err = err;
	json_problem_set(x->problem, pointer, "%s {%.*s}", what,
			 SLICE_ARG(name));
}

static const char *
keep(struct resolve *x, struct buf *text)
{
	char *copy = NULL;

	if (!buf_err(text))
		copy = arena_slice(x->f->arena, buf_slice(text));
	if (!copy && !x->err)
		x->err = ERR_NOMEM;
	return copy;
}

/* The expanded text, or NULL: it has no value yet (or x->err). */
static const char *
expand(struct resolve *x, const char *text, unsigned flags)
{
	struct slice name = SLICE_NONE;
	const char *out = NULL;
	struct buf b;
	int err;

	buf_init(&b, 8192);
	err = template_expand(text, binding_value, &x->f->b, flags, &b, &name);
	if (!err)
		out = keep(x, &b);
	else if (err == ERR_NOMEM || err == ERR_TOO_LARGE)
		x->err = x->err ? x->err : err;
	else if (err == ERR_INVALID)
		fail(x, ERR_INVALID, "/parameters",
		     "this value may not stand in a URL:", name);
	buf_release(&b);
	return out;
}

/* Says what is missing where a URL must resolve; centre: if it is the host
 * of a data centre (other values may still come). */
static void
fail_missing(struct resolve *x, const char *text, bool centre)
{
	const struct binding *b = &x->f->b;
	struct slice name = SLICE_NONE;
	struct buf out;

	if (x->err)
		return;
	buf_init(&out, 8192);
	template_expand(text, binding_value, &x->f->b, TEMPLATE_AS_URL, &out,
			&name);
	buf_release(&out);
	if (slice_starts(name, SLICE("dc."))) {
		x->err = ERR_UNSUPPORTED;
		json_problem_set(x->problem, "/parameters/data_centre",
				 "%s is not in data centre \"%s\"",
				 b->service->name,
				 b->data_centre ? b->data_centre : "");
		return;
	}
	if (!centre)
		fail(x, ERR_INVALID, "/parameters",
		     "a value is missing:", name);
}

static const char *
expand_url(struct resolve *x, const char *text, bool needed, unsigned flags)
{
	const char *url, *why = NULL, *sample;

	if (!text || x->err)
		return NULL;
	url = expand(x, text, TEMPLATE_AS_URL | flags);
	if (!url) {
		if (needed)
			fail_missing(x, text, false);
		return NULL;
	}
	/* The client's id comes into a revoke URL later. */
	sample = strchr(url, '{') ? NULL : url;
	if (sample && !x->err &&
	    !catalog_url_is_allowed(sample, x->f->b.allow_http, &why)) {
		x->err = ERR_INVALID;
		json_problem_set(x->problem, "/parameters",
				 "they give no usable URL: %s",
				 why ? why : "it does not parse");
	}
	return url;
}

/* Those whose values are all there. */
static void
expand_pairs(struct resolve *x, const struct catalog_pairs *from,
	     struct catalog_pairs *out)
{
	const char *value;
	size_t i;

	if (!from->count || x->err)
		return;
	out->items =
		arena_alloc(x->f->arena, from->count * sizeof(*out->items));
	if (!out->items) {
		x->err = ERR_NOMEM;
		return;
	}
	for (i = 0; i < from->count; i++) {
		value = expand(x, from->items[i].value, 0);
		if (!value)
			continue;
		out->items[out->count].name = from->items[i].name;
		out->items[out->count++].value = value;
	}
}

static void
resolve_inject(struct resolve *x)
{
	const struct catalog_injections *from = &x->f->b.method->inject;
	struct catalog_injections *out = &x->f->b.inject;
	const char *value;
	size_t i;

	if (!from->count || x->err)
		return;
	out->items =
		arena_alloc(x->f->arena, from->count * sizeof(*out->items));
	if (!out->items) {
		x->err = ERR_NOMEM;
		return;
	}
	for (i = 0; i < from->count; i++) {
		value = expand(x, from->items[i].value, TEMPLATE_KEEP_UNKNOWN);
		if (!value)
			continue;
		out->items[out->count] = from->items[i];
		out->items[out->count++].value = value;
	}
}

static void
resolve_basic(struct resolve *x)
{
	const struct catalog_basic *from = &x->f->b.method->basic;
	struct catalog_basic *out = &x->f->b.basic;

	if (x->err)
		return;
	out->username = expand(x, from->username, TEMPLATE_KEEP_UNKNOWN);
	out->password = expand(x, from->password, TEMPLATE_KEEP_UNKNOWN);
	if (!x->err && (!out->username || !out->password))
		fail_missing(x, out->username ? from->password : from->username,
			     false);
}

static void
resolve_hosts(struct resolve *x)
{
	struct binding *b = &x->f->b;
	const struct catalog_texts *from = catalog_hosts(b->service, b->method);
	const char *text;
	size_t i;

	b->hosts =
		arena_alloc(x->f->arena, (from->count + 1) * sizeof(*b->hosts));
	if (!b->hosts) {
		x->err = ERR_NOMEM;
		return;
	}
	for (i = 0; i < from->count && !x->err; i++) {
		text = expand(x, from->items[i], 0);
		if (!text)
			continue;
		if (!binding_host_parse(text, x->f->arena,
					&b->hosts[b->host_count])) {
			x->err = ERR_INVALID;
			json_problem_set(x->problem, "/parameters",
					 "\"%s\" is no host", text);
		}
		b->host_count++;
	}
}

/* The capture that gives the base URL, or NULL. */
static const struct catalog_capture *
base_capture(const struct catalog_method *m)
{
	size_t i;

	for (i = 0; i < m->captures.count; i++)
		if (m->captures.items[i].sets == CATALOG_SETS_BASE_URL)
			return &m->captures.items[i];
	return NULL;
}

/* As captured, or as the definition says, perhaps around what was captured;
 * NULL as long as that is not known. */
static const char *
find_base(struct resolve *x)
{
	const char *text = catalog_base_url(x->f->b.service, x->f->b.method);
	const struct catalog_capture *c = base_capture(x->f->b.method);
	const char *captured = NULL, *base;

	if (c)
		captured = pairs_get(&x->f->b.values, slice_str(c->name));
	if (captured && (!text || !template_uses(text, c->name)))
		return captured;
	base = expand_url(x, text, false, 0);
	if (!base && text)
		fail_missing(x, text, true);
	return base;
}

static void
resolve_base(struct resolve *x)
{
	struct binding *b = &x->f->b;
	struct slice s = slice_str(find_base(x));
	struct http_url u;

	if (!s.ptr || x->err)
		return;
	while (s.len && s.ptr[s.len - 1] == '/')
		s.len--;
	b->base_url = arena_slice(x->f->arena, s);
	if (!b->base_url) {
		x->err = ERR_NOMEM;
	} else if (http_url_parse(s, &u, NULL) < 0 ||
		   !binding_hosts_allow(b, u.https, slice_str(u.host),
					u.port)) {
		x->err = ERR_INVALID;
		json_problem_set(x->problem, "/parameters",
				 "the base URL is on none of the hosts");
	}
}

static void
resolve_tests(struct resolve *x)
{
	struct binding *b = &x->f->b;
	const struct catalog_api *api = &b->service->api;
	const char *path;
	struct http_url u;
	size_t i;

	b->test_urls = arena_alloc(x->f->arena,
				   (api->tests.count + 1) * sizeof(char *));
	if (!b->test_urls) {
		x->err = ERR_NOMEM;
		return;
	}
	for (i = 0; i < api->tests.count && !x->err; i++) {
		path = api->tests.items[i].path;
		if (path[0] != '/') {
			b->test_urls[i] = expand_url(x, path, false, 0);
		} else {
			path = expand(x, path, 0);
			if (path)
				b->test_urls[i] = arena_printf(
					x->f->arena, "%s%s",
					b->base_url ? b->base_url : "", path);
		}
		/* A test carries the credential: only to allowed hosts. */
		if (b->test_urls[i] && b->test_urls[i][0] != '/' &&
		    (http_url_parse(slice_str(b->test_urls[i]), &u, NULL) < 0 ||
		     !binding_hosts_allow(b, u.https, slice_str(u.host),
					  u.port)))
			b->test_urls[i] = NULL;
	}
}

static void
resolve_oauth(struct resolve *x)
{
	struct binding *b = &x->f->b;
	const struct catalog_method *m = b->method;

	if (!m->token)
		return;
	if (m->authorize) {
		b->authorize_url = expand_url(x, m->authorize->url, true, 0);
		b->issuer = expand_url(x, m->authorize->issuer, false, 0);
		expand_pairs(x, &m->authorize->parameters,
			     &b->authorize_parameters);
	}
	b->token_url = expand_url(x, m->token->url, true, 0);
	expand_pairs(x, &m->token->parameters, &b->token_parameters);
	expand_pairs(x, &m->token->headers, &b->token_headers);
	b->refresh_url = b->token_url;
	if (m->refresh) {
		if (m->refresh->url)
			b->refresh_url =
				expand_url(x, m->refresh->url, true, 0);
		expand_pairs(x, &m->refresh->parameters,
			     &b->refresh_parameters);
		expand_pairs(x, &m->refresh->headers, &b->refresh_headers);
	}
	if (m->revoke)
		b->revoke_url = expand_url(x, m->revoke->url, false,
					   TEMPLATE_KEEP_UNKNOWN);
	if (m->device)
		b->device_url = expand_url(x, m->device->url, false, 0);
}

static void
resolve_lookups(struct resolve *x)
{
	struct binding *b = &x->f->b;
	const struct catalog_method *m = b->method;
	size_t i, n = m->lookups.count + 1;

	if (x->err)
		return;
	b->lookup_urls = arena_alloc(x->f->arena, n * sizeof(char *));
	b->lookup_where =
		arena_alloc(x->f->arena, n * sizeof(*b->lookup_where));
	if (!b->lookup_urls || !b->lookup_where) {
		x->err = ERR_NOMEM;
		return;
	}
	for (i = 0; i < m->lookups.count; i++) {
		b->lookup_urls[i] =
			expand_url(x, m->lookups.items[i].url, false, 0);
		expand_pairs(x, &m->lookups.items[i].where,
			     &b->lookup_where[i]);
	}
}

static int
copy_pairs(struct arena *a, const struct catalog_pairs *from,
	   struct catalog_pairs *out)
{
	size_t i;

	*out = (struct catalog_pairs){ NULL, 0 };
	if (!from || !from->count)
		return 0;
	out->items = arena_alloc(a, from->count * sizeof(*out->items));
	if (!out->items)
		return ERR_NOMEM;
	for (i = 0; i < from->count; i++) {
		out->items[i].name = arena_strdup(a, from->items[i].name);
		out->items[i].value = arena_strdup(a, from->items[i].value);
		if (!out->items[i].name || !out->items[i].value)
			return ERR_NOMEM;
		out->count++;
	}
	return 0;
}

static void
base_host_find(struct binding_full *f)
{
	const struct catalog_capture *c = base_capture(f->b.method);
	const char *url =
		c ? pairs_get(&f->b.values, slice_str(c->name)) : NULL;
	struct http_url u;

	if (!url || http_url_parse(slice_str(url), &u, NULL) < 0)
		return;
	if (u.port && u.port != 443)
		snprintf(f->base_host, sizeof(f->base_host), "%s:%u", u.host,
			 u.port);
	else
		snprintf(f->base_host, sizeof(f->base_host), "%s", u.host);
}

static int
binding_start(struct definition *def, const char *data_centre,
	      const struct catalog_pairs *parameters,
	      const struct catalog_pairs *values, struct binding_full **out)
{
	struct binding_full *f = calloc(1, sizeof(*f));
	struct binding *b;

	*out = f;
	if (!f)
		return ERR_NOMEM;
	b = &f->b;
	f->def = definition_ref(def);
	f->arena = arena_new(BINDING_ARENA_MAX);
	if (!f->arena)
		return ERR_NOMEM;
	b->service = &def->service;
	b->method = &def->service.methods.items[0];
	b->kind = b->method->kind;
	b->service_id = b->service->id;
	b->app_id = b->service->app.id;
	b->method_id = b->method->id;
	b->allow_http = b->service->allow_http;
	if (data_centre) {
		b->data_centre = arena_strdup(f->arena, data_centre);
		if (!b->data_centre)
			return ERR_NOMEM;
	}
	if (copy_pairs(f->arena, parameters, &b->parameters) < 0)
		return ERR_NOMEM;
	if (copy_pairs(f->arena, values, &b->values) < 0)
		return ERR_NOMEM;
	base_host_find(f);
	return 0;
}

int
binding_resolve(struct definition *def, const char *data_centre,
		const struct catalog_pairs *parameters,
		const struct catalog_pairs *values, struct binding **out,
		struct json_problem *problem)
{
	struct resolve x = { .problem = problem };

	*out = NULL;
	if (def->service.methods.count != 1)
		return ERR_INVALID;
	x.err = binding_start(def, data_centre, parameters, values, &x.f);
	if (!x.err && def->service.data_centres.count &&
	    !service_data_centre(&def->service, data_centre)) {
		x.err = ERR_NOT_FOUND;
		json_problem_set(problem, "/parameters/data_centre",
				 "there is no such data centre");
	}
	if (!x.err) {
		resolve_hosts(&x);
		resolve_base(&x);
		resolve_oauth(&x);
		resolve_lookups(&x);
		resolve_tests(&x);
		expand_pairs(&x, &def->service.api.headers, &x.f->b.headers);
		resolve_inject(&x);
		resolve_basic(&x);
	}
	if (x.err)
		binding_free(x.f ? &x.f->b : NULL);
	else
		*out = &x.f->b;
	return x.err;
}
