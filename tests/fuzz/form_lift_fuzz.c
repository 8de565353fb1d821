/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets out of forms: each value of a wanted name is taken, decoded, and
 * nothing but stars is left of it; all other bytes stay as they were; and
 * however a wanted name is written, no handler finds a value of it in what
 * is left.
 *
 * Input: the form.
 */
#include <stdlib.h>

#include "api/api_priv.h"

enum { SECRETS = 4 };

static const char *const names[] = { "token", "password", NULL };

static bool
is_wanted(struct slice name)
{
	return slice_eq(name, slice_str(names[0])) ||
	       slice_eq(name, slice_str(names[1]));
}

static void
check_secret(const struct json_secret *s, struct slice name, struct slice value)
{
	struct buf plain;

	buf_init(&plain, SECRET_MAX);
	ASSERT(!codec_percent_decode(&plain, value, true));
	ASSERT(slice_eq(slice_str(s->name), name));
	ASSERT(slice_eq(buf_slice(&plain),
			slice_of(secret_peek(s->value), secret_len(s->value))));
	buf_release(&plain);
}

static void
check(struct slice before, struct slice after, const struct json_secret *found,
      size_t count)
{
	struct slice was, now, name, name_now;
	size_t i, n = 0;

	while (http_query_next(&before, &name, &was)) {
		ASSERT(http_query_next(&after, &name_now, &now));
		ASSERT(slice_eq(name, name_now) && was.len == now.len);
		if (!is_wanted(name) || !was.len) {
			ASSERT(slice_eq(was, now));
			continue;
		}
		ASSERT(n < count);
		check_secret(&found[n++], name, was);
		for (i = 0; i < now.len; i++)
			ASSERT(now.ptr[i] == '*');
	}
	ASSERT(n == count);
	ASSERT(!http_query_next(&after, &name_now, &now));
}

/* As a handler looks: names decoded. */
static void
check_left(struct slice form)
{
	struct slice rest = form, name, value;
	struct buf plain;
	size_t i;

	buf_init(&plain, 1 << 20);
	while (http_query_next(&rest, &name, &value)) {
		buf_reset(&plain);
		if (codec_percent_decode(&plain, name, true) ||
		    !is_wanted(buf_slice(&plain)))
			continue;
		for (i = 0; i < value.len; i++)
			ASSERT(value.ptr[i] == '*');
	}
	buf_release(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_secret found[SECRETS];
	char *text = malloc(size + 1);
	size_t count, i;
	int rc;

	ASSERT(text);
	memcpy(text, data, size);
	rc = api_form_lift(text, size, names, found, SECRETS, &count);
	ASSERT(!rc || rc == ERR_INVALID || rc == ERR_TOO_LARGE);
	ASSERT(!rc || !count);
	if (!rc) {
		check(slice_of(data, size), slice_of(text, size), found, count);
		check_left(slice_of(text, size));
	}
	for (i = 0; i < count; i++)
		secret_free(found[i].value);
	free(text);
	return 0;
}
