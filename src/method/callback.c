/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A callback that the provider has signed with the client secret.
 *
 * The signature is the hex HMAC-SHA256 of all other parameters: decoded,
 * sorted by name, and written as a form again, so that the way they were
 * escaped on their way does not matter.  A name that comes twice makes the
 * callback ambiguous and is refused.
 *
 * Runs in the keeper, which has the secret.
 */
#include <string.h>

#include "http/http.h"
#include "method/method.h"
#include "vault/vault.h"

enum { PARAMETERS_MAX = 40, CALLBACK_MAX = 16 * 1024 };

/* The parameters, decoded; names and values lie in one buffer. */
struct signed_query {
	struct {
		size_t name, name_len, value, value_len;
	} items[PARAMETERS_MAX];
	size_t count;
	struct buf text;
};

static struct slice
piece_of(const struct signed_query *q, size_t at, size_t len)
{
	return len ? slice_of(q->text.data + at, len) : SLICE_NONE;
}

static struct slice
name_of(const struct signed_query *q, size_t i)
{
	return piece_of(q, q->items[i].name, q->items[i].name_len);
}

static struct slice
value_of(const struct signed_query *q, size_t i)
{
	return piece_of(q, q->items[i].value, q->items[i].value_len);
}

static int
query_read(struct slice rest, struct signed_query *q)
{
	struct slice name, value;
	int rc = 0;

	while (!rc && http_query_next(&rest, &name, &value)) {
		if (q->count == PARAMETERS_MAX)
			return ERR_TOO_LARGE;
		q->items[q->count].name = q->text.len;
		rc = codec_percent_decode(&q->text, name, true);
		q->items[q->count].name_len =
			q->text.len - q->items[q->count].name;
		q->items[q->count].value = q->text.len;
		if (!rc)
			rc = codec_percent_decode(&q->text, value, true);
		q->items[q->count].value_len =
			q->text.len - q->items[q->count].value;
		q->count++;
	}
	return rc ? rc : buf_err(&q->text);
}

static int
compare(struct slice a, struct slice b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int d = n ? memcmp(a.ptr, b.ptr, n) : 0;

	return d ? d : (a.len > b.len) - (a.len < b.len);
}

/* By name; insertion, since there are few.  ERR_INVALID: one came twice. */
static int
query_sort(const struct signed_query *q, size_t order[PARAMETERS_MAX])
{
	size_t i, j;
	int d;

	for (i = 0; i < q->count; i++) {
		for (j = i; j > 0; j--) {
			d = compare(name_of(q, order[j - 1]), name_of(q, i));
			if (!d)
				return ERR_INVALID;
			if (d < 0)
				break;
			order[j] = order[j - 1];
		}
		order[j] = i;
	}
	return 0;
}

/* What was signed; *given gets the signature that came. */
static int
query_message(const struct signed_query *q, const char *parameter,
	      struct buf *out, struct slice *given)
{
	size_t order[PARAMETERS_MAX], i;
	int rc = query_sort(q, order);

	*given = SLICE_NONE;
	for (i = 0; i < q->count && !rc; i++) {
		if (slice_eq(name_of(q, order[i]), slice_str(parameter))) {
			*given = value_of(q, order[i]);
			continue;
		}
		if (out->len)
			buf_putc(out, '&');
		codec_form(out, name_of(q, order[i]));
		buf_putc(out, '=');
		rc = codec_form(out, value_of(q, order[i]));
	}
	if (!rc && !given->len)
		rc = ERR_NOT_FOUND;
	return rc;
}

int
method_callback_check(const struct binding *b, struct slice query,
		      const struct secret *client_secret)
{
	const struct catalog_authorize *a = b->method->authorize;
	unsigned char want[VAULT_HASH_SIZE], have[VAULT_HASH_SIZE];
	struct signed_query q = { .count = 0 };
	struct buf message;
	struct slice given = SLICE_NONE;
	size_t len = 0;
	int rc;

	if (!a || !a->hmac_parameter)
		return 0;
	if (!client_secret)
		return ERR_FORBIDDEN;
	buf_init(&q.text, CALLBACK_MAX);
	buf_init(&message, 3 * CALLBACK_MAX + PARAMETERS_MAX * 2);
	rc = query_read(query, &q);
	if (!rc)
		rc = query_message(&q, a->hmac_parameter, &message, &given);
	if (!rc)
		rc = codec_hex_decode(given, have, sizeof(have), &len);
	if (!rc && len == sizeof(have)) {
		vault_hmac(client_secret, buf_slice(&message), want);
		rc = secret_eq_bytes(want, have, sizeof(want)) ? 0
							       : ERR_FORBIDDEN;
	} else {
		rc = rc == ERR_NOMEM ? rc : ERR_FORBIDDEN;
	}
	buf_wipe(&q.text);
	buf_wipe(&message);
	return rc;
}
