/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads of answers on their way to the client: whatever head a service
 * writes, what the client gets is one head with one reading, of the same
 * status and framing, without a field that acts on our origin, and every
 * reference in Location and Link leads through this connection or away from
 * this server, in whichever of the usual ways Link is read.
 *
 * Input: a byte that tells of the request, then the service's head.
 */
#include <stdlib.h>

#include "egress/egress_priv.h"
#include "gateway/gateway_priv.h"
#include "http/server_priv.h"

static struct binding_host hosts[] = {
	{ "api.example.com", false, 0 },
	{ ".eu.example.com", true, 0 },
};
static struct binding binding = {
	.hosts = hosts,
	.host_count = ARRAY_LEN(hosts),
};
static struct connect_injection injection = { .binding = &binding };
static struct egress_dest dest = {
	.authority = "api.example.com",
	.authority_len = 15,
};
static const struct slice ours = { "/via/desk/https://", 18 };
static const struct slice plain = { "/via/desk/http://", 17 };

/* Leads through this connection, or to another server. */
static void
check_reference(struct slice ref)
{
	struct slice url = slice_head(ref, slice_find(ref, '#'));
	struct http_url u;
	struct buf whole;
	size_t i;

	for (i = 0; i < ref.len; i++)
		ASSERT(ref.ptr[i] > ' ' && ref.ptr[i] < 0x7f &&
		       !strchr("<>\\\"", ref.ptr[i]));
	if (slice_starts(ref, ours) || slice_starts(ref, plain))
		return;
	ASSERT(!slice_starts(ref, SLICE("/")) ||
	       slice_starts(ref, SLICE("//")));
	if (!slice_starts_nocase(url, SLICE("http:")) &&
	    !slice_starts_nocase(url, SLICE("https:")) &&
	    !slice_starts(url, SLICE("//")))
		return; /* empty, a fragment, or of another scheme */
	buf_init(&whole, HTTP_HEAD_MAX * 2);
	if (slice_starts(url, SLICE("//")))
		buf_puts(&whole, "https:");
	buf_put_slice(&whole, url);
	ASSERT(!http_url_parse(buf_slice(&whole), &u, NULL));
	ASSERT(strcmp(u.host, "bridge.internal") || u.port != 7070);
	buf_release(&whole);
}

/* Each '<' begins a reference that its '>' ends, and the first of them begins
 * the field: so it is read the same way by those who look for no more. */
static void
check_link(struct slice value)
{
	struct slice ref;

	ASSERT(slice_starts(value, SLICE("<")));
	while (value.len) {
		ref = slice_from(value, 1);
		ASSERT(slice_find(ref, '>') < ref.len);
		ref = slice_head(ref, slice_find(ref, '>'));
		check_reference(ref);
		value = slice_from(value, ref.len + 2);
		ASSERT(!value.len || value.ptr[0] == ';' ||
		       value.ptr[0] == ',');
		value = slice_from(value, slice_find(value, '<'));
	}
}

static bool
is_no_answers(uint8_t id)
{
	return id == HTTP_SET_COOKIE || id == HTTP_SET_COOKIE2 ||
	       id == HTTP_WWW_AUTHENTICATE || id == HTTP_CLEAR_SITE_DATA ||
	       id == HTTP_STRICT_TRANSPORT_SECURITY || id == HTTP_REFRESH ||
	       id == HTTP_SERVICE_WORKER_ALLOWED || id == HTTP_ALT_SVC ||
	       id == HTTP_DRAWBRIDGE_ERROR || id == HTTP_UPGRADE ||
	       id == HTTP_TRAILER || id == HTTP_KEEP_ALIVE;
}

static void
check_fields(const struct http_head *to)
{
	const struct http_field *f;
	unsigned i;

	for (i = 0; i < to->count; i++) {
		f = &to->fields[i];
		ASSERT(!is_no_answers(f->id));
		if (f->id == HTTP_LOCATION || f->id == HTTP_CONTENT_LOCATION)
			check_reference(f->value);
		if (f->id == HTTP_LINK)
			check_link(f->value);
	}
	ASSERT(http_head_count(to, HTTP_CONTENT_SECURITY_POLICY) == 1);
	ASSERT(http_head_count(to, HTTP_X_CONTENT_TYPE_OPTIONS) == 1);
}

static void
check(const struct http_exchange *x, const struct via *v, bool to_head)
{
	const struct http_head *from = &v->call.head;
	static struct http_head to;
	struct slice bytes = slice_of(x->writer.out + x->writer.out_begin,
				      x->writer.out_end - x->writer.out_begin);

	/* A head of a hundred fields may get one or two more. */
	if (http_head_response(bytes, to_head, &to)) {
		ASSERT(from->count > HTTP_FIELDS_MAX - 8 ||
		       bytes.len > HTTP_HEAD_MAX);
		return;
	}
	ASSERT(to.size == bytes.len);
	ASSERT(to.status == from->status);
	ASSERT(to.body == from->body ||
	       (to.body == HTTP_BODY_CHUNKED &&
		from->body == HTTP_BODY_UNTIL_CLOSE) ||
	       (to.body == HTTP_BODY_UNTIL_CLOSE &&
		from->body == HTTP_BODY_CHUNKED && x->head->minor == 0) ||
	       (to.body == HTTP_BODY_LENGTH && !to.content_length &&
		from->body == HTTP_BODY_NONE));
	ASSERT(to.body != HTTP_BODY_LENGTH || from->body == HTTP_BODY_NONE ||
	       to.content_length == from->content_length);
	ASSERT(to.keep_alive == !x->close_after ||
	       to.body == HTTP_BODY_UNTIL_CLOSE);
	check_fields(&to);
}

static void
request_read(struct http_exchange *x, unsigned how, bool *to_head)
{
#define HOST "Host: Bridge.internal:7070\r\n\r\n"
	static const char *const texts[] = {
		"GET / HTTP/1.1\r\n" HOST,
		"HEAD / HTTP/1.1\r\n" HOST,
		"GET / HTTP/1.0\r\n" HOST,
		"GET / HTTP/1.1\r\nConnection: close\r\n" HOST,
	};
#undef HOST

	ASSERT(!http_head_request(slice_str(texts[how % 4]), x->head));
	*to_head = how % 4 == 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_head request;
	static struct via v;
	struct http_exchange x = { .head = &request };
	struct http_blocks blocks = { 0 };
	bool to_head;
	int rc;

	if (!size)
		return 0;
	request_read(&x, data[0], &to_head);
	memset(&v, 0, offsetof(struct via, call.head));
	if (http_head_response(slice_of(data + 1, size - 1), to_head,
			       &v.call.head) ||
	    v.call.head.status < 200)
		return 0;
	v.x = &x;
	v.call.link = SLICE("desk");
	v.call.method = request.method;
	v.call.injection = &injection;
	v.call.dest = &dest;
	v.call.url.https = true;
	v.call.base_path = data[0] & 4 ? SLICE("/v1") : SLICE_NONE;
	v.call.path = SLICE("/tickets/7?x=y");
	http_writer_init(&x.writer, NULL, &blocks);
	rc = gateway_answer_head(&v);
	ASSERT(!rc || rc == ERR_TOO_LARGE);
	if (!rc)
		check(&x, &v, to_head);
	else
		ASSERT(http_writer_is_empty(&x.writer));
	http_writer_release(&x.writer);
	http_blocks_release(&blocks);
	return 0;
}
