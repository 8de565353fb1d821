/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bindings: where a credential may go, and their sealed form.
 *
 * The sealed form is the cut-down definition with what was chosen and
 * captured; reading it resolves everything anew, by the same code and the
 * same checks as at first, so there is nothing resolved that could be
 * forged apart from what it came from.
 */
#include "catalog/catalog_priv.h"

#include <stdio.h>
#include <stdlib.h>

static struct binding_full *
full_of(const struct binding *b)
{
	return (struct binding_full *)(uintptr_t)b;
}

void
binding_free(struct binding *b)
{
	struct binding_full *f = full_of(b);

	if (!f)
		return;
	arena_free(f->arena);
	definition_unref(f->def);
	free(f);
}

struct binding *
binding_dup(const struct binding *b)
{
	struct json_problem problem = { 0 };
	struct binding *copy;

	if (binding_resolve(full_of(b)->def, b->data_centre, &b->parameters,
			    &b->values, &copy, &problem) < 0)
		return NULL;
	return copy;
}

/* ---- hosts and endpoints ---- */

bool
binding_host_covers(const struct binding_host *h, const char *host, bool https,
		    uint16_t port)
{
	uint16_t want = h->port ? h->port : https ? 443 : 80;
	size_t hl = strlen(host), nl = strlen(h->name);

	if (port != want)
		return false;
	if (!h->wildcard)
		return !strcmp(h->name, host);
	return hl > nl && host[0] != '.' && !strcmp(host + hl - nl, h->name);
}

bool
binding_hosts_allow(const struct binding *b, bool https, struct slice host,
		    uint16_t port)
{
	char canonical[HTTP_HOST_MAX + 1];
	size_t i;

	if (http_host_canonical(host, canonical) < 0)
		return false;
	if (!https && b->allow_http != CATALOG_HTTP_YES &&
	    !(b->allow_http == CATALOG_HTTP_LOOPBACK &&
	      catalog_is_loopback(canonical)))
		return false;
	if (!port)
		port = https ? 443 : 80;
	for (i = 0; i < b->host_count; i++)
		if (binding_host_covers(&b->hosts[i], canonical, https, port))
			return true;
	return false;
}

/* The revoke URL with its {client_id}: anything but a new segment there. */
static bool
url_fits(const char *text, struct slice url)
{
	static const struct slice id = SLICE("{client_id}");
	const char *hole;
	struct slice head, tail, middle;
	size_t i;

	if (!text)
		return false;
	hole = strstr(text, "{client_id}");
	if (!hole)
		return slice_eq(slice_str(text), url);
	head = slice_of(text, (size_t)(hole - text));
	tail = slice_str(hole + id.len);
	if (url.len <= head.len + tail.len || !slice_starts(url, head) ||
	    !slice_ends(url, tail))
		return false;
	middle = slice_of(url.ptr + head.len, url.len - head.len - tail.len);
	for (i = 0; i < middle.len; i++)
		if (strchr("/?#\\", middle.ptr[i]))
			return false;
	return !slice_eq(middle, SLICE(".")) && !slice_eq(middle, SLICE(".."));
}

static size_t
endpoints(const struct binding *b, const char *out[16])
{
	size_t i, n = 0;

	out[n++] = b->token_url;
	out[n++] = b->refresh_url;
	out[n++] = b->revoke_url;
	out[n++] = b->device_url;
	for (i = 0; i < b->method->lookups.count && n < 16; i++)
		out[n++] = b->lookup_urls ? b->lookup_urls[i] : NULL;
	return n;
}

/* The path of a URL ends at its query. */
static struct slice
without_query(struct slice url)
{
	return slice_head(url, slice_find(url, '?'));
}

bool
binding_endpoint_allows(const struct binding *b, struct slice url)
{
	const char *own[16];
	size_t i, n = endpoints(b, own);

	for (i = 0; i < n; i++) {
		if (url_fits(own[i], url))
			return true;
		if (own[i] && !strchr(own[i], '?') &&
		    url_fits(own[i], without_query(url)))
			return true;
	}
	return false;
}

/* ---- has a definition grown? ---- */

static bool
host_is_covered(const struct binding *sealed, const struct binding_host *h)
{
	size_t i;

	for (i = 0; i < sealed->host_count; i++) {
		const struct binding_host *s = &sealed->hosts[i];

		if (s->port != h->port)
			continue;
		if (s->wildcard == h->wildcard && !strcmp(s->name, h->name))
			return true;
		if (s->wildcard &&
		    slice_ends(slice_str(h->name), slice_str(s->name)))
			return true;
	}
	return false;
}

static bool
covers_endpoints(const struct binding *sealed, const struct binding *now,
		 char *detail, size_t size)
{
	const char *have[16], *want[16];
	size_t nh = endpoints(sealed, have), nw = endpoints(now, want), i, j;

	for (i = 0; i < nw; i++) {
		if (!want[i])
			continue;
		for (j = 0; j < nh; j++)
			if (have[j] && !strcmp(have[j], want[i]))
				break;
		if (j == nh) {
			snprintf(detail, size, "endpoint %s is new", want[i]);
			return false;
		}
	}
	return true;
}

static bool
covers_same_place(const struct binding *sealed, const struct binding *now,
		  char *detail, size_t size)
{
	size_t i;

	for (i = 0; i < now->host_count; i++) {
		if (host_is_covered(sealed, &now->hosts[i]))
			continue;
		snprintf(detail, size, "host %s%s is new",
			 now->hosts[i].wildcard ? "*" : "", now->hosts[i].name);
		return false;
	}
	if (now->allow_http > sealed->allow_http) {
		snprintf(detail, size, "plain http is new");
		return false;
	}
	return covers_endpoints(sealed, now, detail, size);
}

bool
binding_covers(const struct binding *sealed, const struct binding *now,
	       char *detail, size_t size)
{
	struct binding *moved = NULL;
	bool ok;

	if (size)
		detail[0] = '\0';
	if (strcmp(sealed->service_id, now->service_id) ||
	    strcmp(sealed->app_id, now->app_id) || sealed->kind != now->kind ||
	    sealed->service->custom != now->service->custom) {
		snprintf(detail, size, "it is another service or method");
		return false;
	}
	if (sealed->data_centre && now->data_centre &&
	    strcmp(sealed->data_centre, now->data_centre)) {
		moved = binding_dup(now);
		if (!moved || binding_switch_data_centre(
				      moved, sealed->data_centre) < 0) {
			binding_free(moved);
			snprintf(detail, size, "data centre \"%s\" is gone",
				 sealed->data_centre);
			return false;
		}
	}
	ok = covers_same_place(sealed, moved ? moved : now, detail, size);
	binding_free(moved);
	return ok;
}

/* ---- changes during consent ---- */

/* The binding is resolved anew with these, and takes the result over. */
static int
binding_renew(struct binding *b, const char *data_centre,
	      const struct catalog_pairs *values, char *detail, size_t size)
{
	struct binding_full *f = full_of(b), *n, old;
	struct json_problem problem = { 0 };
	struct binding *fresh;
	int err;

	err = binding_resolve(f->def, data_centre, &b->parameters, values,
			      &fresh, &problem);
	if (err) {
		snprintf(detail, size, "%s", problem.detail);
		return err;
	}
	n = full_of(fresh);
	old = *f;
	*f = *n;
	*n = old;
	binding_free(fresh);
	return 0;
}

static int
binding_add_value(struct binding *b, const char *name, const char *value,
		  char *detail, size_t size)
{
	struct catalog_pair items[32];
	struct catalog_pairs all = { items, 0 };
	size_t i;

	for (i = 0; i < b->values.count && all.count < 31; i++)
		if (strcmp(b->values.items[i].name, name))
			items[all.count++] = b->values.items[i];
	items[all.count++] = (struct catalog_pair){ name, value };
	return binding_renew(b, b->data_centre, &all, detail, size);
}

int
binding_switch_data_centre(struct binding *b, const char *data_centre)
{
	char detail[256];

	if (!service_data_centre(b->service, data_centre))
		return ERR_NOT_FOUND;
	return binding_renew(b, data_centre, &b->values, detail,
			     sizeof(detail));
}

/* The data centre whose host (of one of the capture's keys) this is. */
static const struct catalog_data_centre *
captured_centre(const struct binding *b, const struct catalog_capture *c,
		struct slice value)
{
	const struct service *s = b->service;
	struct http_url u;
	const char *host;
	size_t i, j;

	if (http_url_parse(value, &u, NULL) < 0 || !u.https ||
	    (u.path.len && !slice_eq(u.path, SLICE("/"))))
		return NULL;
	for (i = 0; i < s->data_centres.count; i++) {
		for (j = 0; j < c->hosts.count; j++) {
			struct binding_host h;

			host = pairs_get(&s->data_centres.items[i].hosts,
					 slice_str(c->hosts.items[j]));
			if (!host || !binding_host_parse(host, NULL, &h))
				continue;
			h.name = host;
			if (!h.port &&
			    binding_host_covers(&h, u.host, true, u.port))
				return &s->data_centres.items[i];
		}
	}
	return NULL;
}

static int
capture_refuse(const struct catalog_capture *c, char *detail, size_t size)
{
	snprintf(detail, size,
		 "the provider sent a value for %s that is not in the "
		 "service's own list",
		 c->field);
	return ERR_FORBIDDEN;
}

int
binding_capture(struct binding *b, const struct catalog_capture *c,
		struct slice value, char *detail, size_t size)
{
	const struct catalog_data_centre *dc = NULL;
	char text[1025];
	int err = 0;

	if (size)
		detail[0] = '\0';
	if (slice_copy(value, text, sizeof(text)) < 0 ||
	    !catalog_is_value(value))
		return capture_refuse(c, detail, size);
	if (c->hosts.count) {
		dc = captured_centre(b, c, value);
		if (!dc)
			return capture_refuse(c, detail, size);
	} else if (!binding_pattern_matches(c->pattern, value)) {
		return capture_refuse(c, detail, size);
	}
	if (c->sets == CATALOG_SETS_DATA_CENTRE) {
		err = binding_renew(b, dc->id, &b->values, detail, size);
	} else if (c->sets == CATALOG_SETS_BASE_URL) {
		/* Not into another data centre than the account's. */
		if (dc && (!b->data_centre || strcmp(dc->id, b->data_centre)))
			return capture_refuse(c, detail, size);
		err = binding_add_value(b, c->name, text, detail, size);
	} else if (c->sets == CATALOG_SETS_VALUE) {
		err = binding_add_value(b, c->name, text, detail, size);
	}
	return err && err != ERR_NOMEM ? ERR_FORBIDDEN : err;
}

int
binding_set_value(struct binding *b, const struct catalog_lookup_value *v,
		  struct slice value, char *detail, size_t size)
{
	char text[1025];
	int err;

	if (size)
		detail[0] = '\0';
	if (slice_copy(value, text, sizeof(text)) < 0 ||
	    !catalog_is_value(value) ||
	    !binding_pattern_matches(v->pattern, value)) {
		snprintf(detail, size,
			 "the value looked up for %s is not of "
			 "its form",
			 v->name);
		return ERR_FORBIDDEN;
	}
	err = binding_add_value(b, v->name, text, detail, size);
	return err && err != ERR_NOMEM ? ERR_FORBIDDEN : err;
}
