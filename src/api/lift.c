/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets out of forms, before anything else reads them: as
 * json_lift_secrets() does it for JSON.
 *
 * Runs on a worker's loop in the front.
 */
#include "api/api_priv.h"

/* The field's name once it is decoded; false: it is none of the wanted. */
static bool
name_is_wanted(struct slice name, const char *const *wanted)
{
	struct buf plain;
	bool is = false;

	buf_init(&plain, name.len);
	if (!codec_percent_decode(&plain, name, true))
		for (; *wanted && !is; wanted++)
			is = slice_eq(buf_slice(&plain), slice_str(*wanted));
	buf_release(&plain);
	return is;
}

static int
value_lift(struct slice name, struct slice value, struct json_secret *out)
{
	struct buf plain;
	int rc;

	/* A name with escapes in it is nobody's who means well. */
	if (name.len >= sizeof(out->name) || slice_find(name, '%') < name.len)
		return ERR_INVALID;
	slice_copy(name, out->name, sizeof(out->name));
	buf_init(&plain, SECRET_MAX);
	/* Room for all: a buffer that grows leaves copies. */
	rc = buf_reserve(&plain, value.len);
	if (!rc)
		rc = codec_percent_decode(&plain, value, true);
	if (!rc && memchr(plain.data, '\0', plain.len))
		rc = ERR_INVALID;
	if (!rc) {
		out->value = secret_from(plain.data, plain.len);
		rc = out->value ? 0 : ERR_NOMEM;
	}
	buf_wipe(&plain);
	return rc;
}

int
api_form_lift(char *text, size_t len, const char *const *names,
	      struct json_secret *out, size_t max, size_t *count)
{
	struct slice rest = slice_of(text, len), name, value;
	size_t n = 0;
	int rc = 0;

	while (!rc && http_query_next(&rest, &name, &value)) {
		if (!value.len || !name_is_wanted(name, names))
			continue;
		rc = n == max ? ERR_TOO_LARGE
			      : value_lift(name, value, &out[n]);
		if (rc)
			break;
		n++;
		memset(text + (value.ptr - text), '*', value.len);
	}
	while (rc && n)
		secret_free(out[--n].value);
	*count = n;
	return rc;
}
