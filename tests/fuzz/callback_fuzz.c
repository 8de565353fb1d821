/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed callbacks: what was signed with the secret is believed however it is
 * escaped and in whatever order it comes; with one byte changed, something
 * added, left out or said twice it is not, nor is anything that was never
 * signed.
 *
 * Input: a seed for order, escapes and what is changed; then a name and a
 * value by turns, each up to a LF.  All of it besides is read as a query.
 */
#include <stdlib.h>

#include "method/method.h"
#include "vault/vault.h"

/* Inputs of up to 16 KiB (tools/run-fuzz) stay below what a callback may be,
 * but in the number of their parameters. */
enum { MOST = 40, PAIRS = 48, QUERY_MAX = 256 * 1024, INPUT_MAX = 16000 };

struct pair {
	struct slice name, value;
};

static struct binding *shop, *other;
static struct secret *key;
static uint32_t state;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	json_t *parameters = json_pack("{s:s}", "shop", "acme");
	struct json_problem problem = { 0 };
	struct catalog *cat;

	(void)argc, (void)argv;
	ASSERT(!catalog_new(NULL, 0, &cat, NULL));
	ASSERT(!catalog_bind(catalog_find(cat, NULL, "shopify"), "oauth",
			     parameters, &shop, &problem));
	ASSERT(!catalog_bind(catalog_find(cat, NULL, "github"), "oauth", NULL,
			     &other, &problem));
	key = secret_from("a-client-secret-of-the-fuzzer", 29);
	json_decref(parameters);
	catalog_unref(cat);
	return 0;
}

/* Marsaglia's xorshift. */
static uint32_t
next(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

/* ---- what is signed ---- */

static struct slice
line(struct slice *rest)
{
	struct slice text = slice_head(*rest, slice_find(*rest, '\n'));

	*rest = slice_from(*rest, text.len + 1);
	return text;
}

static size_t
pairs_read(struct slice rest, struct pair pairs[PAIRS])
{
	size_t n = 0;

	while (rest.len && n < PAIRS) {
		pairs[n].name = line(&rest);
		pairs[n++].value = line(&rest);
	}
	return n;
}

static int
by_name(const void *a, const void *b)
{
	const struct slice x = ((const struct pair *)a)->name,
			   y = ((const struct pair *)b)->name;
	size_t n = x.len < y.len ? x.len : y.len;
	int d = n ? memcmp(x.ptr, y.ptr, n) : 0;

	return d ? d : (x.len > y.len) - (x.len < y.len);
}

/* In their order; whether it is a callback at all. */
static bool
pairs_sort(struct pair *pairs, size_t n)
{
	size_t i;
	bool good = n < MOST;

	qsort(pairs, n, sizeof(*pairs), by_name);
	for (i = 0; i < n; i++) {
		if (slice_eq(pairs[i].name, SLICE("hmac")) ||
		    (i && !by_name(&pairs[i - 1], &pairs[i])))
			good = false;
	}
	return good;
}

static void
pairs_sign(const struct pair *pairs, size_t n, char hex[2 * VAULT_HASH_SIZE])
{
	static const char *const digits[] = { "0123456789abcdef",
					      "0123456789ABCDEF" };
	unsigned char hash[VAULT_HASH_SIZE];
	struct buf message;
	size_t i;

	buf_init(&message, QUERY_MAX);
	for (i = 0; i < n; i++) {
		if (i)
			buf_putc(&message, '&');
		codec_form(&message, pairs[i].name);
		buf_putc(&message, '=');
		codec_form(&message, pairs[i].value);
	}
	ASSERT(!buf_err(&message));
	vault_hmac(key, buf_slice(&message), hash);
	for (i = 0; i < sizeof(hash); i++) {
		hex[2 * i] = digits[next() & 1][hash[i] >> 4];
		hex[2 * i + 1] = digits[next() & 1][hash[i] & 15];
	}
	buf_release(&message);
}

/* ---- on its way ---- */

static void
put_byte(struct buf *out, unsigned char c)
{
	bool plain = c > ' ' && c < 0x7f && !strchr("%&+=#", c);

	if (c == ' ' && next() & 1)
		buf_putc(out, '+');
	else if (plain && next() % 4)
		buf_putc(out, (char)c);
	else
		buf_printf(out, next() & 1 ? "%%%02x" : "%%%02X", c);
}

static void
put_pair(struct buf *out, const struct pair *p)
{
	size_t i;

	if (out->len)
		buf_putc(out, '&');
	for (i = 0; i < p->name.len; i++)
		put_byte(out, (unsigned char)p->name.ptr[i]);
	buf_putc(out, '=');
	for (i = 0; i < p->value.len; i++)
		put_byte(out, (unsigned char)p->value.ptr[i]);
}

/* From any of them on, and the signature anywhere. */
static int
sent(const struct pair *pairs, size_t n, struct slice signature)
{
	struct pair hmac = { SLICE("hmac"), signature };
	size_t first = n ? next() % n : 0, at = next() % (n + 1), i;
	struct buf query;
	int rc;

	buf_init(&query, QUERY_MAX);
	for (i = 0; i < n; i++) {
		if (i == at)
			put_pair(&query, &hmac);
		put_pair(&query, &pairs[(first + i) % n]);
	}
	if (at == n)
		put_pair(&query, &hmac);
	ASSERT(!buf_err(&query));
	rc = method_callback_check(shop, buf_slice(&query), key);
	ASSERT(!rc || rc == ERR_FORBIDDEN);
	buf_release(&query);
	return rc;
}

/* ---- forged ---- */

/* One byte of a name or value is another. */
static void
check_changed(struct pair *pairs, size_t n, struct slice signature)
{
	struct pair *p = &pairs[next() % n];
	struct slice *s = p->value.len && next() % 4 ? &p->value : &p->name;
	struct slice before = *s;
	char *copy = malloc(s->len + 1);

	if (s->len) {
		memcpy(copy, s->ptr, s->len);
		copy[next() % s->len] ^= (char)(1 + next() % 255);
		*s = slice_of(copy, s->len);
	} else {
		copy[0] = (char)next();
		*s = slice_of(copy, 1);
	}
	ASSERT(sent(pairs, n, signature) == ERR_FORBIDDEN);
	*s = before;
	free(copy);
}

static void
check_signature(const struct pair *pairs, size_t n, struct slice signature)
{
	char other_one[2 * VAULT_HASH_SIZE];
	size_t at = next() % signature.len;

	memcpy(other_one, signature.ptr, signature.len);
	other_one[at] = other_one[at] == '7' ? '3' : '7';
	ASSERT(sent(pairs, n, slice_of(other_one, signature.len)) ==
	       ERR_FORBIDDEN);
	ASSERT(sent(pairs, n, slice_head(signature, at)) == ERR_FORBIDDEN);
}

/* One more, one less, or one twice. */
static void
check_count(struct pair *pairs, size_t n, struct slice signature)
{
	pairs[n] = pairs[next() % n];
	ASSERT(sent(pairs, n + 1, signature) == ERR_FORBIDDEN);
	pairs[n].value = SLICE("another");
	ASSERT(sent(pairs, n + 1, signature) == ERR_FORBIDDEN);
	pairs[n].name = SLICE("a name that no signed one has");
	ASSERT(sent(pairs, n + 1, signature) == ERR_FORBIDDEN);
	ASSERT(sent(pairs, n - 1, signature) == ERR_FORBIDDEN);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pair pairs[PAIRS + 1];
	char hex[2 * VAULT_HASH_SIZE];
	struct slice signature = slice_of(hex, sizeof(hex));
	size_t n;
	bool good;

	if (size < 4 || size > INPUT_MAX)
		return 0;
	ASSERT(method_callback_check(shop, slice_of(data, size), key) ==
	       ERR_FORBIDDEN);
	ASSERT(method_callback_check(shop, slice_of(data, size), NULL) ==
	       ERR_FORBIDDEN);
	ASSERT(!method_callback_check(other, slice_of(data, size), key));
	memcpy(&state, data, sizeof(state));
	state |= 1;
	n = pairs_read(slice_of(data + 4, size - 4), pairs);
	if (!n)
		return 0;
	good = pairs_sort(pairs, n);
	pairs_sign(pairs, n, hex);
	ASSERT(sent(pairs, n, signature) == (good ? 0 : ERR_FORBIDDEN));
	if (!good)
		return 0;
	check_changed(pairs, n, signature);
	check_signature(pairs, n, signature);
	check_count(pairs, n, signature);
	return 0;
}
