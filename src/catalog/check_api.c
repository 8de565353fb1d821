/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks of a definition's API: where calls go, by every data centre and
 * by methods that have a place of their own, and what answers mean.
 */
#include "catalog/check_priv.h"

/* Where calls go: the API's own place, or a method's. */
struct place {
	const char *base_url;
	const struct catalog_texts *hosts;
};

/* In one data centre: each host is one, and the base URL is on one of them
 * (as far as that can be known before anything is captured). */
static void
check_hosts_in(struct check *c, const struct place *p, bool *on_one)
{
	struct binding_host host;
	struct http_url base;
	struct buf text;
	bool known;
	size_t i, mark;
	int err;

	buf_init(&text, 4096);
	known = p->base_url && p->base_url[0] != '{' &&
		!template_expand(p->base_url, check_sample, c, TEMPLATE_AS_URL,
				 &text, NULL) &&
		!http_url_parse(buf_slice(&text), &base, NULL);
	*on_one = !known;
	for (i = 0; i < p->hosts->count; i++) {
		struct slice name = SLICE_NONE;

		mark = reader_enter_index(c->r, i);
		buf_reset(&text);
		err = template_expand(p->hosts->items[i], check_sample, c, 0,
				      &text, &name);
		if (err == ERR_NOT_FOUND)
			reader_problem(c->r, "{%.*s} is not known here",
				       SLICE_ARG(name));
		else if (err != ERR_WRONG_STATE &&
			 (err || !binding_host_parse(buf_cstr(&text),
						     c->r->arena, &host)))
			reader_problem(c->r, "is no host[:port] or *.suffix, "
					     "in lower case, ASCII");
		else if (!err && known)
			*on_one |= binding_host_covers(&host, base.host,
						       base.https, base.port);
		reader_leave(c->r, mark);
	}
	buf_release(&text);
}

/* In every data centre. */
static void
check_place(struct check *c, const struct place *p)
{
	size_t i = 0, mark, before, n = c->s->data_centres.count;
	bool on_one = true;

	mark = reader_enter(c->r, "hosts");
	do {
		before = c->r->problems;
		c->dc = n ? &c->s->data_centres.items[i] : NULL;
		check_hosts_in(c, p, &on_one);
	} while (before == c->r->problems && on_one && ++i < n);
	c->dc = NULL;
	reader_leave(c->r, mark);
	if (!on_one && p->hosts->count && !c->r->problems)
		CHECK_PROBLEM(c, "base_url", "is on none of the hosts");
}

void
check_method_place(struct check *c, const struct catalog_method *m)
{
	struct place p = { catalog_base_url(c->s, m), catalog_hosts(c->s, m) };

	if (!m->base_url && !m->hosts.count)
		return;
	check_url(c, "base_url", m->base_url, false);
	check_place(c, &p);
}

static void
check_test(struct check *c, const struct catalog_test *t)
{
	if (t->path[0] != '/')
		check_url(c, "path", t->path, false);
	else
		check_template(c, t->path);
	if (strcmp(t->method, "GET") && strcmp(t->method, "HEAD") &&
	    strcmp(t->method, "POST"))
		CHECK_PROBLEM(c, "method", "must be GET, HEAD or POST");
	check_match(c, &t->success);
}

static void
check_throttle(struct check *c, const struct catalog_throttle *t)
{
	const struct catalog_match *m = &t->when;

	check_match(c, m);
	if (!m->status.count && !m->json && !m->body_has.count && !m->header)
		reader_problem(c->r, "must say which answers it is about: "
				     "\"status\", \"json\", \"body_has\" or "
				     "\"header\"");
}

void
check_api(struct check *c)
{
	struct catalog_api *api = &c->s->api;
	struct place p = { api->base_url, &api->hosts };
	size_t i, mark, inner;

	mark = reader_enter(c->r, "api");
	check_url(c, "base_url", api->base_url, true);
	if (!api->hosts.count)
		CHECK_PROBLEM(c, "hosts", "must have at least one host");
	check_place(c, &p);
	check_pairs(c, "headers", &api->headers, true);
	check_matches(c, "missing_scope_on", &api->missing_scope_on);
	for (i = 0; i < api->throttled_on.count; i++) {
		inner = reader_enter(c->r, "throttled_on");
		reader_enter_index(c->r, i);
		check_throttle(c, &api->throttled_on.items[i]);
		reader_leave(c->r, inner);
	}
	for (i = 0; i < api->refresh_on.count; i++)
		check_match(c, &api->refresh_on.items[i].when);
	for (i = 0; i < api->tests.count; i++) {
		if (!api->tests.items[i].path)
			continue;
		inner = reader_enter(c->r, "tests");
		reader_enter_index(c->r, i);
		check_test(c, &api->tests.items[i]);
		reader_leave(c->r, inner);
	}
	reader_leave(c->r, mark);
}

/* Each method must lead somewhere. */
void
check_base_url(struct check *c)
{
	const struct catalog_method *m;
	bool captured;
	size_t i, j;

	for (i = 0; i < c->s->methods.count; i++) {
		m = &c->s->methods.items[i];
		captured = false;
		for (j = 0; j < m->captures.count; j++)
			captured |= m->captures.items[j].sets ==
				    CATALOG_SETS_BASE_URL;
		if (!captured && !catalog_base_url(c->s, m)) {
			reader_problem_at(c->r, "/api",
					  "\"base_url\" is missing");
			return;
		}
	}
}
