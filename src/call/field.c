/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of a client's fields go to the service.
 *
 * What it sent under a name that the injection or the framing uses is dropped
 * in every spelling, before the injection is added: it can neither override
 * nor double it.  So is what opens the metadata services of clouds: where the
 * guard has a hole (an exception that is too wide, an address that nobody
 * knew of), the token of the machine does not come out of it.
 */
#include "call/call_priv.h"

static bool
field_id_passes(uint8_t id)
{
	switch (id) {
	case HTTP_AUTHORIZATION:
	case HTTP_CONTENT_LENGTH:
	case HTTP_COOKIE:
	case HTTP_DRAWBRIDGE_ERROR:
	case HTTP_DRAWBRIDGE_HOST:
	case HTTP_DRAWBRIDGE_KEY:
	case HTTP_DRAWBRIDGE_TIMEOUT:
	case HTTP_EXPECT:
	case HTTP_FORWARDED:
	case HTTP_HOST:
	case HTTP_SEC_FETCH_SITE:
	case HTTP_VIA:
	case HTTP_X_FORWARDED_FOR:
	case HTTP_X_FORWARDED_HOST:
	case HTTP_X_FORWARDED_PORT:
	case HTTP_X_FORWARDED_PROTO:
	case HTTP_X_REAL_IP:
		return false;
	default:
		return !http_field_is_hop(id);
	}
}

/*
 * Lower case, and a hyphen for whatever is neither letter nor digit, but at
 * the end: how lax servers compare names (the variables of CGI know "_"
 * alone, and some make it of "." and others, too).  May be empty.
 */
static size_t
field_fold(struct slice name, char *out, size_t size)
{
	size_t i;
	char c;

	for (i = 0; i < name.len && i < size; i++) {
		c = name.ptr[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		else if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
			c = '-';
		out[i] = c;
	}
	while (i && out[i - 1] == '-')
		i--;
	return i;
}

static bool
field_is_injected(const struct call *c, struct slice folded)
{
	const struct connect_injection *in = c->injection;
	char name[128];
	size_t i, len;

	for (i = 0; i < in->name_count; i++) {
		if (strlen(in->names[i]) < folded.len)
			continue;
		len = field_fold(slice_str(in->names[i]), name, sizeof(name));
		if (slice_eq(slice_of(name, len), folded))
			return true;
	}
	return false;
}

/* Fields by which some services let a request say that it means another
 * method or path: a key that is narrowed must not get around it so. */
static bool
field_overrides(const struct call *c, struct slice folded)
{
	static const struct slice methods[] = {
		{ "x-http-method-override", 22 },
		{ "x-http-method", 13 },
		{ "x-method-override", 17 },
	};
	static const struct slice paths[] = {
		{ "x-original-url", 14 },
		{ "x-rewrite-url", 13 },
	};
	size_t i;

	for (i = 0; c->actor->methods && i < ARRAY_LEN(methods); i++)
		if (slice_eq(folded, methods[i]))
			return true;
	for (i = 0; c->actor->path_prefixes && i < ARRAY_LEN(paths); i++)
		if (slice_eq(folded, paths[i]))
			return true;
	return false;
}

bool
call_field_is_injected(const struct call *c, struct slice name)
{
	char text[128];

	return name.len <= sizeof(text) &&
	       field_is_injected(
		       c, slice_of(text, field_fold(name, text, sizeof(text))));
}

bool
call_name_passes(struct slice name)
{
	struct slice folded;
	char text[128];

	if (!name.len || name.len > sizeof(text) ||
	    !field_id_passes(http_field_lookup(name)))
		return false;
	folded = slice_of(text, field_fold(name, text, sizeof(text)));
	return folded.len && field_id_passes(http_field_lookup(folded)) &&
	       !http_field_is_metadata(folded);
}

bool
call_name_asks_for_part(struct slice name)
{
	static const struct slice names[] = {
		{ "range", 5 },
		{ "if-range", 8 },
		{ "request-range", 13 }, /* Apache's httpd takes it, too */
		{ "x-ms-range", 10 },	 /* Azure's storage */
	};
	struct slice folded;
	char text[128];
	size_t i;

	if (name.len > sizeof(text))
		return false;
	folded = slice_of(text, field_fold(name, text, sizeof(text)));
	for (i = 0; i < ARRAY_LEN(names); i++)
		if (slice_eq(folded, names[i]))
			return true;
	return false;
}

bool
call_field_passes(const struct call *c, const struct http_field *f)
{
	struct slice folded;
	char name[128];

	if (f->hop || !field_id_passes(f->id))
		return false;
	if (f->name.len > sizeof(name))
		return false;
	folded = slice_of(name, field_fold(f->name, name, sizeof(name)));
	if (!folded.len)
		return false;
	if (f->id == HTTP_OTHER &&
	    (!field_id_passes(http_field_lookup(folded)) ||
	     http_field_is_metadata(folded)))
		return false;
	if (field_is_injected(c, folded) || field_overrides(c, folded))
		return false;
	return !c->key.len || f->value.len < c->key.len ||
	       !memmem(f->value.ptr, f->value.len, c->key.ptr, c->key.len);
}
