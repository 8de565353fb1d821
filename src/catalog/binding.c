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

struct binding_full *
binding_full_of(const struct binding *b)
{
	return (struct binding_full *)(uintptr_t)b;
}

void
binding_free(struct binding *b)
{
	struct binding_full *f = binding_full_of(b);

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

	if (binding_resolve(binding_full_of(b)->def, b->data_centre,
			    &b->parameters, &b->values, &copy, &problem) < 0)
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

static bool
scheme_allowed(const struct binding *b, bool https, const char *host)
{
	return https || b->allow_http == CATALOG_HTTP_YES ||
	       (b->allow_http == CATALOG_HTTP_LOOPBACK &&
		catalog_is_loopback(host));
}

bool
binding_hosts_allow(const struct binding *b, bool https, struct slice host,
		    uint16_t port)
{
	char canonical[HTTP_HOST_MAX + 1];
	size_t i;

	if (http_host_canonical(host, canonical) < 0)
		return false;
	if (!scheme_allowed(b, https, canonical))
		return false;
	if (!port)
		port = https ? 443 : 80;
	for (i = 0; i < b->host_count; i++)
		if (binding_host_covers(&b->hosts[i], canonical, https, port))
			return true;
	return false;
}

const char *
binding_grant_centre(const struct binding *now, const struct binding *sealed)
{
	return sealed->data_centre ? sealed->data_centre : now->data_centre;
}

bool
binding_grant_is_abroad(const struct binding *now, const struct binding *sealed)
{
	return sealed->data_centre && now->data_centre &&
	       strcmp(sealed->data_centre, now->data_centre);
}

/* What a definition says now, in a grant's data centre and with its captured
 * values. */
struct with_grant {
	const struct binding *now, *sealed;
	bool captured; /* one was put in */
};

static struct template_value
grant_value(void *arg, struct slice name)
{
	struct with_grant *w = arg;
	const char *centre = binding_grant_centre(w->now, w->sealed);
	struct template_value v = binding_value_in(w->now, centre, name);

	/* A host that its data centre has no more stays away. */
	if (v.class != TEMPLATE_MISSING || slice_starts(name, SLICE("dc.")) ||
	    slice_eq(name, SLICE("data_centre")) ||
	    catalog_parameter_find(w->now->service, w->now->method, name))
		return v;
	w->captured = true;
	return binding_value((void *)(uintptr_t)w->sealed, name);
}

/* A captured value makes no wildcard. */
static bool
grant_host_allows(const char *text, struct with_grant *w, const char *host,
		  bool https, uint16_t port)
{
	struct binding_host h;
	struct buf own;
	char *colon;
	bool ok;

	w->captured = false;
	buf_init(&own, HTTP_HOST_MAX + 16);
	ok = !template_expand(text, grant_value, w, 0, &own, NULL) &&
	     catalog_is_host(buf_cstr(&own), !w->captured) &&
	     binding_host_parse(buf_cstr(&own), NULL, &h);
	if (ok) {
		colon = h.port ? strrchr(own.data, ':') : NULL;
		if (colon)
			*colon = '\0';
		h.name = own.data + (h.wildcard ? 1 : 0); /* from the dot on */
		ok = binding_host_covers(&h, host, https, port);
	}
	buf_release(&own);
	return ok;
}

bool
binding_hosts_allow_grant(const struct binding *now,
			  const struct binding *sealed, bool https,
			  struct slice host, uint16_t port)
{
	struct with_grant w = { .now = now, .sealed = sealed };
	const struct catalog_texts *texts;
	char canonical[HTTP_HOST_MAX + 1];
	size_t i;

	/* What is resolved there is of another data centre than the grant. */
	if (!binding_grant_is_abroad(now, sealed) &&
	    binding_hosts_allow(now, https, host, port))
		return true;
	if (http_host_canonical(host, canonical) < 0 ||
	    !scheme_allowed(now, https, canonical))
		return false;
	if (!port)
		port = https ? 443 : 80;
	texts = catalog_hosts(now->service, now->method);
	for (i = 0; i < texts->count; i++)
		if (grant_host_allows(texts->items[i], &w, canonical, https,
				      port))
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
	if (!anchors_cover(sealed, now)) {
		snprintf(detail, size, "a trust anchor is new");
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
