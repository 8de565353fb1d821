/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tables cannot say about a definition: its parts must fit together.
 *
 * Every template is tried with sample values and every data centre's hosts,
 * so that a definition that loads can also be bound.  Nothing is repaired.
 */
#include "catalog/check_priv.h"

#include <stdio.h>

/* ---- templates ---- */

void
check_template(struct check *c, const char *text)
{
	struct slice rest = slice_str(text), piece;
	bool is_name;

	while (binding_template_next(&rest, &piece, &is_name)) {
		if (!is_name) {
			if (slice_find(piece, '}') < piece.len)
				reader_problem(c->r, "has a } without its {");
			continue;
		}
		if (check_sample(c, piece).class == TEMPLATE_UNKNOWN)
			reader_problem(c->r, "{%.*s} is not known here",
				       SLICE_ARG(piece));
	}
}

/* With one data centre's hosts: 0, ERR_WRONG_STATE (it has none of that
 * name), or another error after a problem. */
static int
check_url_in(struct check *c, const char *text)
{
	struct slice name = SLICE_NONE;
	const char *why = NULL;
	struct buf url;
	int err;

	buf_init(&url, 4096);
	err = template_expand(text, check_sample, c, TEMPLATE_AS_URL, &url,
			      &name);
	if (err == ERR_NOT_FOUND)
		reader_problem(c->r, "{%.*s} is not known here",
			       SLICE_ARG(name));
	else if (err == ERR_INVALID)
		reader_problem(c->r, "is no URL: {%.*s} may not stand there",
			       SLICE_ARG(name));
	else if (!err && !catalog_url_is_allowed(buf_cstr(&url),
						 c->s->allow_http, &why)) {
		reader_problem(c->r, "is no usable URL: %s",
			       why ? why : "it does not parse");
		err = ERR_INVALID;
	}
	buf_release(&url);
	return err;
}

void
check_url(struct check *c, const char *member, const char *text, bool needed)
{
	size_t i, mark, usable = 0, n = c->s->data_centres.count;
	int err = 0;

	if (!text)
		return;
	mark = reader_enter(c->r, member);
	if (!n)
		check_url_in(c, text);
	for (i = 0; i < n && (!err || err == ERR_WRONG_STATE); i++) {
		c->dc = &c->s->data_centres.items[i];
		err = check_url_in(c, text);
		if (err == ERR_WRONG_STATE && needed)
			c->s->data_centres.items[i].usable = false;
		usable += !err;
	}
	if (n && !usable && (!err || err == ERR_WRONG_STATE))
		reader_problem(c->r, "no data centre has its host");
	c->dc = NULL;
	reader_leave(c->r, mark);
}

void
check_pairs(struct check *c, const char *member, const struct catalog_pairs *p,
	    bool headers)
{
	size_t i, mark = reader_enter(c->r, member), inner;

	for (i = 0; i < p->count; i++) {
		inner = reader_enter(c->r, p->items[i].name);
		if (headers)
			check_header_name(c, p->items[i].name);
		check_template(c, p->items[i].value);
		reader_leave(c->r, inner);
	}
	reader_leave(c->r, mark);
}

/* ---- small parts ---- */

void
check_header_name(struct check *c, const char *name)
{
	static const char *const framing[] = { "host",
					       "content-length",
					       "transfer-encoding",
					       "connection",
					       "keep-alive",
					       "te",
					       "trailer",
					       "upgrade",
					       "expect",
					       "proxy-authorization",
					       "proxy-connection" };
	static const char token[] = "!#$%&'*+-.^_`|~";
	const char *p;
	size_t i;

	for (p = name; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
		      (*p >= '0' && *p <= '9') || strchr(token, *p)))
			break;
	if (*p || p == name || strlen(name) > 80) {
		reader_problem(c->r, "\"%s\" is no name of a header", name);
		return;
	}
	for (i = 0; i < ARRAY_LEN(framing); i++)
		if (slice_eq_nocase(slice_str(name), slice_str(framing[i])))
			reader_problem(c->r, "%s is not a definition's to set",
				       name);
	if (http_field_is_metadata(slice_str(name)))
		reader_problem(c->r, "%s opens metadata services of clouds",
			       name);
	if (slice_starts_nocase(slice_str(name), SLICE("drawbridge-")))
		reader_problem(c->r, "%s is Drawbridge's own", name);
}

void
check_pattern(struct check *c, const char *member, const char *pattern)
{
	if (pattern && !catalog_pattern_is_sound(pattern))
		CHECK_PROBLEM(c, member,
			      "is no POSIX extended pattern from ^ to $");
}

void
check_link(struct check *c, const char *member, const char *url)
{
	const char *why;

	if (url && !catalog_url_is_allowed(url, CATALOG_HTTP_NEVER, &why))
		CHECK_PROBLEM(c, member, "is no https link%s%s",
			      why ? ": " : "", why ? why : "");
}

void
check_match(struct check *c, const struct catalog_match *m)
{
	if (m->is.count && !m->json)
		CHECK_PROBLEM(c, "is", "needs \"json\", the value's path");
	if (m->header_has && !m->header)
		CHECK_PROBLEM(c, "header_has", "needs \"header\", its name");
	if (m->header)
		check_header_name(c, m->header);
}

void
check_matches(struct check *c, const char *member,
	      const struct catalog_matches *m)
{
	size_t i, mark = reader_enter(c->r, member), inner;

	for (i = 0; i < m->count; i++) {
		inner = reader_enter_index(c->r, i);
		check_match(c, &m->items[i]);
		reader_leave(c->r, inner);
	}
	reader_leave(c->r, mark);
}

static void
check_parameter(struct check *c, const struct catalog_parameter *p)
{
	static const char *const taken[] = { "data_centre",   "basic",
					     "token",	      "access_token",
					     "refresh_token", "client_id",
					     "client_secret" };
	size_t i;

	if (!catalog_is_name(p->name, 40, "_"))
		CHECK_PROBLEM(c, "name",
			      "is no name: lower-case letters, "
			      "digits and _, a letter first");
	for (i = 0; i < ARRAY_LEN(taken); i++)
		if (!strcmp(p->name, taken[i]))
			CHECK_PROBLEM(c, "name", "\"%s\" has a meaning already",
				      p->name);
	check_pattern(c, "pattern", p->pattern);
	for (i = 0; i < p->choices.count; i++)
		if (!catalog_is_value(slice_str(p->choices.items[i].value)) ||
		    (p->type != CATALOG_PARAMETER_TEXT &&
		     !catalog_is_host(p->choices.items[i].value, false)))
			CHECK_PROBLEM(c, "choices", "\"%s\" is no usable value",
				      p->choices.items[i].value);
	if (p->type == CATALOG_PARAMETER_TEXT && !p->pattern &&
	    !p->choices.count)
		reader_problem(c->r, "a text needs a pattern or choices");
	if (p->fallback && p->pattern &&
	    !binding_pattern_matches(p->pattern, slice_str(p->fallback)))
		CHECK_PROBLEM(c, "default", "is not of the pattern");
}

void
check_parameters(struct check *c, const struct catalog_parameters *p)
{
	size_t i, j, mark = reader_enter(c->r, "parameters"), inner;

	for (i = 0; i < p->count; i++) {
		if (!p->items[i].name || !p->items[i].label)
			continue;
		inner = reader_enter_index(c->r, i);
		check_parameter(c, &p->items[i]);
		for (j = 0; j < i; j++)
			if (p->items[j].name &&
			    !strcmp(p->items[i].name, p->items[j].name))
				CHECK_PROBLEM(c, "name",
					      "\"%s\" is there twice",
					      p->items[i].name);
		reader_leave(c->r, inner);
	}
	reader_leave(c->r, mark);
}

/* ---- the whole ---- */

static void
check_scopes(struct check *c, const char *member,
	     const struct catalog_scopes *list)
{
	struct table *seen = table_new();
	size_t i, mark = reader_enter(c->r, member), inner;

	for (i = 0; seen && i < list->count; i++) {
		const char *name = list->items[i].name;

		if (!name)
			continue;
		inner = reader_enter_index(c->r, i);
		if (!catalog_is_scope(slice_str(name)))
			CHECK_PROBLEM(c, "name", "can be no scope");
		else if (table_get(seen, slice_str(name)))
			CHECK_PROBLEM(c, "name", "\"%s\" is there twice", name);
		else if (table_set(seen, slice_str(name), seen, NULL) < 0)
			c->r->no_memory = true;
		reader_leave(c->r, inner);
	}
	c->r->no_memory |= !seen;
	table_free(seen);
	reader_leave(c->r, mark);
}

/* A host may not be of two data centres: it tells them apart. */
static void
check_data_centre_host(struct check *c, size_t centre,
		       const struct catalog_pair *host)
{
	const char *other;
	size_t i;

	if (!catalog_is_host(host->value, false))
		CHECK_PROBLEM(c, host->name, "\"%s\" is no host", host->value);
	for (i = 0; i < centre; i++) {
		other = pairs_get(&c->s->data_centres.items[i].hosts,
				  slice_str(host->name));
		if (other && !strcmp(other, host->value))
			CHECK_PROBLEM(c, host->name,
				      "is the same as in data centre \"%s\"",
				      c->s->data_centres.items[i].id);
	}
}

static void
check_data_centres(struct check *c)
{
	struct service *s = c->s;
	bool found = false;
	size_t i, j, mark;

	for (i = 0; i < s->data_centres.count; i++) {
		struct catalog_data_centre *dc = &s->data_centres.items[i];

		dc->usable = true;
		found |= s->default_data_centre &&
			 !strcmp(s->default_data_centre, dc->id);
		mark = reader_enter(c->r, "data_centres");
		reader_enter(c->r, dc->id);
		reader_enter(c->r, "hosts");
		for (j = 0; j < dc->hosts.count; j++)
			check_data_centre_host(c, i, &dc->hosts.items[j]);
		reader_leave(c->r, mark);
	}
	if (s->data_centres.count && !found)
		CHECK_PROBLEM(c, "default_data_centre",
			      "must name one of the data centres");
	if (!s->data_centres.count && s->default_data_centre)
		CHECK_PROBLEM(c, "default_data_centre",
			      "there are no data centres");
}

/* In a binding it is read no more: it was sound when it was sealed. */
static void
check_anchors(struct check *c)
{
	char detail[128];

	if (c->mode == DEFINITION_DEFAULT)
		CHECK_PROBLEM(c, "ca", "is for custom services");
	else if (net_anchors_check(slice_str(c->s->ca), detail, sizeof(detail)))
		CHECK_PROBLEM(c, "ca", "%s", detail);
}

static void
check_head(struct check *c)
{
	struct service *s = c->s;
	size_t i, mark;

	if (s->id && !catalog_is_name(s->id, CATALOG_ID_MAX, "_"))
		CHECK_PROBLEM(c, "id",
			      "is no id: lower-case letters, digits "
			      "and _, a letter first, at most 50");
	if (c->mode == DEFINITION_CUSTOM && s->id && s->app.id &&
	    strcmp(s->id, s->app.id))
		reader_problem_at(c->r, "/app/id",
				  "a custom service has an app of its own");
	if (c->mode == DEFINITION_DEFAULT && s->allow_http == CATALOG_HTTP_YES)
		CHECK_PROBLEM(c, "allow_http",
			      "is for custom services; "
			      "\"loopback\" is possible");
	if (s->ca)
		check_anchors(c);
	check_link(c, "docs", s->docs);
	mark = reader_enter(c->r, "app");
	check_link(c, "register_url", s->app.register_url);
	reader_leave(c->r, mark);
	for (i = 0; i < s->sources.count; i++)
		check_link(c, "sources", s->sources.items[i]);
}

void
check_definition(struct reader *r, struct service *s, enum definition_mode mode)
{
	struct check c = { .r = r, .s = s, .mode = mode };
	size_t i, mark;

	check_head(&c);
	check_data_centres(&c);
	check_parameters(&c, &s->parameters);
	check_scopes(&c, "scopes", &s->scopes);
	check_scopes(&c, "second_scopes", &s->second_scopes);
	if (!s->methods.count)
		CHECK_PROBLEM(&c, "methods", "must have at least one");
	for (i = 0; i < s->methods.count; i++) {
		mark = reader_enter(r, "methods");
		reader_enter(r, s->methods.items[i].id);
		c.method = &s->methods.items[i];
		check_method(&c, &s->methods.items[i]);
		c.method = NULL;
		reader_leave(r, mark);
	}
	check_base_url(&c);
	check_api(&c);
}
