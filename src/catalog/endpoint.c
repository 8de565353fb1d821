/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an OAuth app's secret may go, for all tenants at once.
 *
 * An app is registered once, and each connection names its own tenant: a
 * shop, a directory.  What a tenant is called stands as a '*' in the
 * endpoint: one label in front of a domain that the catalogue itself names,
 * or one piece of a path.  So no tenant, however it is called, is at another
 * party's host.  Whole hosts (products that people host themselves) and the
 * labels of custom definitions never become a '*': they must be given.
 */
#include "catalog/catalog_priv.h"

#include <stdio.h>

struct endpoint {
	const struct service *s;
	const struct catalog_method *m;
	const char *data_centre;
	const json_t *given;
	char text[257]; /* of a given number */
	bool unsound;
};

static struct template_value
value_of(enum template_class class, const char *text)
{
	return (struct template_value){ text ? class : TEMPLATE_MISSING, text };
}

static struct template_value
parameter_value(struct endpoint *e, const struct catalog_parameter *p)
{
	const json_t *v = json_object_get(e->given, p->name);
	bool whole = p->type == CATALOG_PARAMETER_HOST || p->choices.count;
	const char *text = json_string_value(v);

	if (json_is_integer(v)) {
		snprintf(e->text, sizeof(e->text), "%lld",
			 (long long)json_integer_value(v));
		text = e->text;
	}
	if (text && !catalog_parameter_is_sound(p, text))
		e->unsound = true;
	if (!text &&
	    (whole || (p->type == CATALOG_PARAMETER_LABEL && e->s->custom)))
		text = p->fallback;
	else if (!text)
		return value_of(TEMPLATE_LABEL, "*");
	if (whole)
		return value_of(TEMPLATE_HOST, text);
	return value_of(p->type == CATALOG_PARAMETER_LABEL ? TEMPLATE_LABEL
							   : TEMPLATE_TEXT,
			text);
}

static struct template_value
endpoint_value(void *arg, struct slice name)
{
	struct endpoint *e = arg;
	const struct catalog_data_centre *dc;
	const struct catalog_parameter *p;

	if (slice_starts(name, SLICE("dc."))) {
		dc = service_data_centre(e->s, e->data_centre);
		return value_of(TEMPLATE_HOST,
				dc ? pairs_get(&dc->hosts, slice_from(name, 3))
				   : NULL);
	}
	p = catalog_parameter_find(e->s, e->m, name);
	if (p)
		return parameter_value(e, p);
	return slice_eq(name, SLICE("client_id"))
		       ? value_of(TEMPLATE_UNKNOWN, "")
		       : value_of(TEMPLATE_MISSING, NULL);
}

/* The host and port of a URL. */
static struct slice
authority_of(struct slice url)
{
	size_t at = slice_starts(url, SLICE("https://")) ? 8 : 7;

	url = slice_from(url, at);
	return slice_head(url, slice_find(url, '/'));
}

/* A '*' in the authority is its first label, before two fixed ones. */
static bool
authority_is_fixed(struct slice host)
{
	size_t star = slice_find(host, '*');
	struct slice rest = slice_from(host, star + 1);

	if (star == host.len)
		return true;
	if (star || slice_find(rest, '*') < rest.len ||
	    !slice_starts(rest, SLICE(".")))
		return false;
	rest = slice_from(rest, 1);
	return slice_find(rest, '.') < rest.len;
}

int
catalog_endpoint(const struct service *s, const struct catalog_method *m,
		 const char *url, const char *data_centre,
		 const json_t *parameters, struct buf *out)
{
	struct endpoint e = {
		.s = s, .m = m, .data_centre = data_centre, .given = parameters
	};
	int rc = template_expand(url, endpoint_value, &e,
				 TEMPLATE_AS_URL | TEMPLATE_KEEP_UNKNOWN, out,
				 NULL);

	if (!rc &&
	    (e.unsound || !authority_is_fixed(authority_of(buf_slice(out)))))
		rc = ERR_INVALID;
	return rc;
}

static bool
is_piece_char(char c, bool in_host)
{
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	    c == '_')
		return true;
	return !in_host &&
	       ((c >= 'A' && c <= 'Z') || c == '.' || c == '~' || c == '%');
}

/* What a '*' stands for at the beginning of this text. */
static size_t
piece_length(struct slice text, bool in_host)
{
	size_t n = 0;

	while (n < text.len && is_piece_char(text.ptr[n], in_host))
		n++;
	/* never a step up */
	if (slice_eq(slice_head(text, n), SLICE(".")) ||
	    slice_eq(slice_head(text, n), SLICE("..")))
		return 0;
	return n;
}

bool
catalog_endpoint_fits(const char *endpoint, struct slice url)
{
	struct slice rest = slice_str(endpoint);
	size_t slashes = 0, n;

	while (rest.len) {
		n = 1;
		if (rest.ptr[0] == '*') {
			n = piece_length(url, slashes == 2);
			if (!n)
				return false;
		} else if (!url.len || url.ptr[0] != rest.ptr[0]) {
			return false;
		}
		slashes += rest.ptr[0] == '/';
		rest = slice_from(rest, 1);
		url = slice_from(url, n);
	}
	return !url.len;
}
