/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Webhooks from foreign bytes: documents, values, multipart bodies, answers,
 * redirects.
 *
 * The first byte says which.
 *
 *   d  a document, 0xff, values: it is refused with a reason, or compiles;
 *      then a request is built or not, and where it is, its host is the
 *      document's own and each line of its head is one line
 *   m  parts, parted by 0xff: a reader of our own finds exactly these
 *   a  an answer: what is read as JSON can be written, and reads back
 *   l  a Location: where it leads is a URL without dot segments
 */
#include <stdio.h>
#include <stdlib.h>

#include "../support/multipart.h"
#include "hook/hook_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA = 8 << 20, TEXT = 1 << 20, PARTS = 8 };

/* ---- documents ---- */

struct told {
	size_t errors;
};

static void
fuzz_report(void *arg, const struct hook_problem *p)
{
	struct told *told = arg;

	ASSERT(p->code[0] && p->detail[0]);
	ASSERT(slice_is_utf8(slice_str(p->detail)));
	ASSERT(slice_is_utf8(slice_str(p->pointer)));
	ASSERT(!p->pointer[0] || p->pointer[0] == '/');
	told->errors += p->severity == HOOK_ERROR;
}

static void
check_built(const struct hook_built *b)
{
	struct http_url url;
	struct slice s = slice_str(b->url);
	const char *why;
	size_t i;

	ASSERT(!slice_has_control(s));
	if (slice_starts(s, SLICE("/")))
		ASSERT(!http_path_check(s, &why));
	else
		ASSERT(!http_url_parse(s, &url, &why));
	for (i = 0; i < b->headers.count; i++) {
		ASSERT(http_is_token(slice_str(b->headers.items[i].name)));
		ASSERT(http_is_field_value(
			slice_str(b->headers.items[i].value)));
	}
	ASSERT(b->body.len <= HOOK_BODY_MAX);
}

/* The host of what was built is that of what was built of nothing. */
static void
check_host(const struct hook_document *d, const struct hook_built *b)
{
	json_t *none = json_object();
	struct arena *arena = arena_new(ARENA);
	struct hook_built bare;
	struct http_url one, two;

	if (!hook_build(d, none, arena, NULL, &bare) &&
	    !http_url_parse(slice_str(bare.url), &one, NULL)) {
		ASSERT(!http_url_parse(slice_str(b->url), &two, NULL));
		ASSERT(!strcmp(one.host, two.host) && one.port == two.port &&
		       one.https == two.https);
	}
	hook_built_release(&bare);
	arena_free(arena);
	json_decref(none);
}

static void
fuzz_build(const struct hook_document *d, struct slice text)
{
	struct arena *arena = arena_new(ARENA);
	struct hook_built b;
	json_t *values = NULL;
	int rc;

	if (json_read(text, TEXT, &values, NULL) || !json_is_object(values)) {
		json_decref(values);
		values = json_object();
	}
	rc = hook_build(d, values, arena, NULL, &b);
	ASSERT(rc == 0 || rc == ERR_INVALID || rc == ERR_NOMEM);
	ASSERT(rc != ERR_INVALID || b.why[0]);
	if (!rc) {
		check_built(&b);
		check_host(d, &b);
	}
	hook_built_release(&b);
	arena_free(arena);
	json_decref(values);
}

static void
fuzz_document(struct slice in)
{
	size_t at = slice_find(in, (char)0xff);
	struct told told = { 0 };
	struct hook_document *d;
	json_t *tree;
	int rc;

	if (json_read(slice_head(in, at), TEXT, &tree, NULL))
		return;
	rc = hook_compile(tree, NULL, fuzz_report, &told, &d);
	json_decref(tree);
	ASSERT(rc == 0 || rc == ERR_INVALID);
	ASSERT((rc == 0) == (told.errors == 0));
	if (rc)
		return;
	fuzz_build(d, slice_from(in, at + 1));
	hook_document_unref(d);
}

/* ---- multipart ---- */

/* {"request": … {"name": "n", "value": "@input.i"} for each part … */
static struct hook_document *
multipart_document(const struct slice *parts, size_t count, json_t *input)
{
	json_t *rows = json_array(), *tree;
	struct hook_document *d = NULL;
	char name[8], value[20];
	size_t i;

	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "p%zu", i);
		snprintf(value, sizeof(value), "{{input.p%zu}}", i);
		json_object_set_new(
			input, name,
			json_stringn_nocheck(parts[i].ptr, parts[i].len));
		json_array_append_new(rows, json_pack("{s:s,s:s,s:s}", "name",
						      value, "value", value,
						      "filename", value));
	}
	tree = json_pack("{s:{s:s,s:s,s:{s:s,s:o}}}", "request", "method",
			 "POST", "url", "https://h.example/", "body", "type",
			 "multipart", "content", rows);
	ASSERT(!hook_compile(tree, NULL, NULL, NULL, &d));
	json_decref(tree);
	return d;
}

static void
check_parts(const struct hook_built *b, const struct slice *parts, size_t count)
{
	struct multipart_part found[PARTS];
	size_t i;

	ASSERT(multipart_read(slice_str(hook_built_header(b, "content-type")),
			      buf_slice(&b->body), found, PARTS) == (int)count);
	for (i = 0; i < count; i++) {
		ASSERT(slice_eq(found[i].data, parts[i]));
		ASSERT(found[i].has_filename);
		/* Both were encoded the same. */
		ASSERT(slice_eq(found[i].name, found[i].filename));
	}
}

static void
fuzz_multipart(struct slice in)
{
	struct slice parts[PARTS];
	json_t *input = json_object(), *values;
	struct hook_document *d;
	struct hook_built b;
	struct arena *arena;
	size_t count = 0;

	while (count < PARTS && slice_next(&in, (char)0xff, &parts[count]))
		count++;
	values = json_pack("{s:o}", "input", input);
	d = count ? multipart_document(parts, count, input) : NULL;
	if (d) {
		arena = arena_new(ARENA);
		/* It can be refused: bytes that are no UTF-8, or a control
		 * character in a name. */
		if (!hook_build(d, values, arena, NULL, &b))
			check_parts(&b, parts, count);
		hook_built_release(&b);
		arena_free(arena);
	}
	hook_document_unref(d);
	json_decref(values);
}

/* ---- answers ---- */

/* What jansson has on the heap for it, at least. */
static size_t
heap_of(const json_t *v)
{
	size_t i, sum = 0;
	const char *name;
	json_t *inner;

	switch (json_typeof(v)) {
	case JSON_OBJECT:
		json_object_foreach((json_t *)v, name, inner) sum +=
			64 + strlen(name) + heap_of(inner);
		return 224 + sum;
	case JSON_ARRAY:
		for (i = 0; i < json_array_size(v); i++)
			sum += 8 + heap_of(json_array_get(v, i));
		return 128 + sum;
	case JSON_STRING:
		return 80 + json_string_length(v);
	case JSON_INTEGER:
	case JSON_REAL:
		return 32;
	default:
		return 0;
	}
}

/* How much the values would take was known before there were any. */
static void
check_size(struct slice text)
{
	struct buf clean;
	size_t size;
	json_t *v;

	buf_init(&clean, text.len * 2 + 16);
	if (!hook_json_clean(text, &clean, &size) &&
	    !hook_json_load(&clean, &v)) {
		ASSERT(heap_of(v) <= size);
		ASSERT(size <= HOOK_TREE_BASE + HOOK_TREE_TIMES * text.len);
		json_decref(v);
	}
	buf_release(&clean);
}

static void
fuzz_answer(struct slice in)
{
	struct buf text, one, two;
	json_t *v, *again;

	buf_init(&text, in.len * 3 + 16);
	buf_init(&one, in.len * 12 + 4096);
	buf_init(&two, in.len * 12 + 4096);
	ASSERT(!codec_utf8(&text, in));
	ASSERT(slice_is_utf8(buf_slice(&text)));
	ASSERT(!memchr(text.len ? text.data : "x", 0, text.len));
	check_size(buf_slice(&text));
	if (!hook_json_read(buf_slice(&text), &v)) {
		ASSERT(!json_write(v, &one));
		ASSERT(!hook_json_read(buf_slice(&one), &again));
		ASSERT(!json_write(again, &two));
		ASSERT(slice_eq(buf_slice(&one), buf_slice(&two)));
		json_decref(again);
		json_decref(v);
	}
	buf_release(&text);
	buf_release(&one);
	buf_release(&two);
}

static void
fuzz_location(struct slice in)
{
	struct http_url url;
	struct buf out, again;
	const char *why;

	buf_init(&out, 16 * 1024);
	buf_init(&again, 16 * 1024);
	if (!hook_redirect_resolve(SLICE("https://h.example/a/b?c"), in,
				   &out)) {
		ASSERT(!http_url_parse(buf_slice(&out), &url, &why));
		ASSERT(!url.path.len || url.path.ptr[0] == '?' ||
		       !http_path_check(url.path, &why));
		ASSERT(!hook_redirect_resolve(SLICE("https://o.example/"),
					      buf_slice(&out), &again));
		ASSERT(slice_eq(buf_slice(&out), buf_slice(&again)));
	}
	buf_release(&out);
	buf_release(&again);
	http_retry_after_ms(in, 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);

	if (!size)
		return 0;
	in = slice_from(in, 1);
	switch (data[0]) {
	case 'd':
		fuzz_document(in);
		break;
	case 'm':
		fuzz_multipart(in);
		break;
	case 'a':
		fuzz_answer(in);
		break;
	case 'l':
		fuzz_location(in);
		break;
	default:
		break;
	}
	return 0;
}
