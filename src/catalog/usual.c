/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is usual: filled in where a definition says nothing.
 *
 * Key, Basic and bearer methods get their usual fields and injections, OAuth
 * methods the token paths and error codes of RFC 6749, tests a success, so
 * that a definition only says what is particular to its service.
 */
#include "catalog/catalog_priv.h"

static const struct catalog_field field_api_key = { .name = "api_key",
						    .label = "API key",
						    .secret = true };
static const struct catalog_field field_token = { .name = "token",
						  .label = "Token",
						  .secret = true };
static const struct catalog_field field_user = { .name = "username",
						 .label = "User name",
						 .secret = false };
static const struct catalog_field field_password = { .name = "password",
						     .label = "Password",
						     .secret = true };

/* RFC 6749 5.2, RFC 8628 3.5, and plain HTTP: after the service's own. */
static const char *const dead[] = { "invalid_grant", "invalid_token" };
static const char *const ours[] = { "invalid_client", "unauthorized_client",
				    "unsupported_grant_type", "invalid_scope",
				    "redirect_uri_mismatch" };
static const char *const slow[] = { "slow_down", "too_many_requests",
				    "rate_limit_exceeded" };
static const char *const later[] = { "temporarily_unavailable",
				     "server_error" };

#define RULE(list, meaning) \
	{ \
		.when = { .json = "error", \
			  .is = { (const char **)(uintptr_t)(list), \
				  ARRAY_LEN(list) } }, \
		.class = meaning \
	}

static const struct catalog_error usual_errors[] = {
	RULE(dead, CATALOG_DEAD_GRANT),
	RULE(ours, CATALOG_MISCONFIGURED),
	RULE(slow, CATALOG_THROTTLED),
	RULE(later, CATALOG_TRANSIENT),
};

static bool
kind_is_oauth(enum catalog_kind k)
{
	return k == CATALOG_OAUTH2_CODE ||
	       k == CATALOG_OAUTH2_CLIENT_CREDENTIALS;
}

static void *
alloc(struct reader *r, size_t size)
{
	void *p = arena_alloc(r->arena, size);

	if (!p)
		r->no_memory = true;
	return p;
}

static void
usual_fields(struct reader *r, struct catalog_method *m)
{
	struct catalog_field *f;

	if (m->fields.count || kind_is_oauth(m->kind) ||
	    m->kind == CATALOG_NONE)
		return;
	f = alloc(r, 2 * sizeof(*f));
	if (!f)
		return;
	m->fields.items = f;
	m->fields.count = 1;
	if (m->kind == CATALOG_API_KEY) {
		f[0] = field_api_key;
	} else if (m->kind == CATALOG_BEARER) {
		f[0] = field_token;
	} else {
		f[0] = field_user;
		f[1] = field_password;
		m->fields.count = 2;
	}
}

static void
usual_inject(struct reader *r, struct catalog_method *m)
{
	const char *value = NULL;

	if (m->inject.count)
		return;
	if (kind_is_oauth(m->kind))
		value = "Bearer {access_token}";
	else if (m->kind == CATALOG_BEARER)
		value = "Bearer {token}";
	else if (m->kind == CATALOG_BASIC)
		value = "Basic {basic}";
	if (!value)
		return;
	m->inject.items = alloc(r, sizeof(*m->inject.items));
	if (!m->inject.items)
		return;
	m->inject.count = 1;
	m->inject.items[0] =
		(struct catalog_injection){ CATALOG_IN_HEADER, "Authorization",
					    value };
}

static void
usual_answer(struct reader *r, struct catalog_answer *a)
{
	if (!a->access_token.count) {
		a->access_token.items = alloc(r, sizeof(char *));
		if (a->access_token.items) {
			a->access_token.items[0] = "access_token";
			a->access_token.count = 1;
		}
	}
	if (!a->refresh_token.count) {
		a->refresh_token.items = alloc(r, sizeof(char *));
		if (a->refresh_token.items) {
			a->refresh_token.items[0] = "refresh_token";
			a->refresh_token.count = 1;
		}
	}
	if (!a->expires.count) {
		a->expires.items = alloc(r, sizeof(*a->expires.items));
		if (a->expires.items) {
			a->expires.items[0].path = "expires_in";
			a->expires.count = 1;
		}
	}
}

static void
usual_rules(struct reader *r, struct catalog_method *m)
{
	size_t n = m->errors.count;
	struct catalog_error *all;

	all = alloc(r, (n + ARRAY_LEN(usual_errors)) * sizeof(*all));
	if (!all)
		return;
	if (n)
		memcpy(all, m->errors.items, n * sizeof(*all));
	memcpy(all + n, usual_errors, sizeof(usual_errors));
	m->errors.items = all;
	m->errors.count = n + ARRAY_LEN(usual_errors);
}

/* Parts of OAuth that a definition left out are there with their presets. */
#define PRESET(r, m, member, type) \
	do { \
		struct type *new_; \
		if ((m)->member) \
			break; \
		new_ = alloc((r), sizeof(*new_)); \
		if (new_) \
			shape_preset(shape_by_name(#member), new_); \
		(m)->member = new_; \
	} while (0)

static const struct shape *
shape_by_name(const char *name)
{
	const struct shape *s;
	size_t cursor = 0;

	while ((s = shape_next(&cursor)) != NULL)
		if (!strcmp(s->name, name))
			return s;
	ASSERT(!"a shape of this name");
	return NULL;
}

static void
usual_oauth(struct reader *r, struct catalog_method *m)
{
	struct catalog_revoke *revoke;

	PRESET(r, m, authorize, catalog_authorize);
	PRESET(r, m, refresh, catalog_refresh);
	PRESET(r, m, answer, catalog_answer);
	if (m->answer)
		usual_answer(r, (struct catalog_answer *)(uintptr_t)m->answer);
	if (m->refresh && m->refresh->answer)
		usual_answer(
			r,
			(struct catalog_answer *)(uintptr_t)m->refresh->answer);
	usual_rules(r, m);
	revoke = (struct catalog_revoke *)(uintptr_t)m->revoke;
	if (revoke && !revoke->parameters.count && !revoke->headers.count) {
		revoke->parameters.items =
			alloc(r, sizeof(*revoke->parameters.items));
		if (revoke->parameters.items) {
			revoke->parameters.items[0] =
				(struct catalog_pair){ "token", "{token}" };
			revoke->parameters.count = 1;
		}
	}
}

/* A test that says nothing of its success wants 2xx; without that, a refusal
 * would be one. */
static void
usual_tests(struct reader *r, struct catalog_api *api)
{
	struct catalog_status *st;
	struct catalog_match *m;
	size_t i;

	for (i = 0; i < api->tests.count; i++) {
		m = &api->tests.items[i].success;
		if (m->status.count || m->json || m->body_has.count ||
		    m->header)
			continue;
		st = alloc(r, sizeof(*st));
		if (!st)
			return;
		st->from = 200;
		st->to = 299;
		m->status.items = st;
		m->status.count = 1;
	}
}

void
usual_fill(struct reader *r, struct service *s)
{
	bool oauth = false;
	size_t i;

	if (!s->app.id)
		s->app.id = s->id;
	usual_tests(r, &s->api);
	for (i = 0; i < s->methods.count; i++) {
		struct catalog_method *m = &s->methods.items[i];

		usual_fields(r, m);
		usual_inject(r, m);
		if (kind_is_oauth(m->kind)) {
			usual_oauth(r, m);
			oauth = true;
		}
	}
	if (oauth && !s->api.refresh_on.count) {
		struct catalog_refresh_on *on = alloc(r, sizeof(*on));
		struct catalog_status *st = alloc(r, sizeof(*st));

		if (!on || !st)
			return;
		st->from = st->to = 401;
		on->when.status.items = st;
		on->when.status.count = 1;
		on->executed_nothing = true;
		s->api.refresh_on.items = on;
		s->api.refresh_on.count = 1;
	}
}
