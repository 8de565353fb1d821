/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsing of heads, in one pass over bytes in place.
 *
 * The parser walks with a cursor; each step either moves it, says that the
 * bytes end too early (ERR_AGAIN), or refuses with a status and a reason.
 * After the lines come the rules that need all fields: Connection's tokens,
 * then the framing of the body (RFC 9112 6.3), where everything that two
 * implementations could read differently is refused.
 *
 * Runs in the front on the call path, in the exchanger and the CLI.
 */
#include "http/http_priv.h"

struct cursor {
	const char *at, *end;
	struct http_head *h;
};

static int
head_refuse(struct http_head *h, unsigned status, const char *why)
{
	h->error = status;
	h->why = why;
	return ERR_PROTOCOL;
}

/* Expects CR LF at the cursor. */
static int
head_crlf(struct cursor *c, const char *why)
{
	if (c->at == c->end)
		return ERR_AGAIN;
	if (*c->at != '\r')
		return head_refuse(c->h, 400, why);
	if (c->at + 1 == c->end)
		return ERR_AGAIN;
	if (c->at[1] != '\n')
		return head_refuse(c->h, 400, "a CR without LF");
	c->at += 2;
	return 0;
}

/* "HTTP/1.0" or "HTTP/1.1" at the cursor. */
static int
head_version(struct cursor *c)
{
	static const char want[] = "HTTP/1.";
	size_t have = (size_t)(c->end - c->at);
	size_t n = have < 7 ? have : 7;

	if (memcmp(c->at, want, n)) {
		if (n > 5 && !memcmp(c->at, want, 5))
			return head_refuse(c->h, 505,
					   "only HTTP/1.0 and HTTP/1.1");
		return head_refuse(c->h, 400, "no HTTP version");
	}
	if (have < 8)
		return ERR_AGAIN;
	if (c->at[7] != '0' && c->at[7] != '1')
		return head_refuse(c->h, 505, "only HTTP/1.0 and HTTP/1.1");
	c->h->minor = (uint8_t)(c->at[7] - '0');
	c->at += 8;
	return 0;
}

static int
head_request_line(struct cursor *c)
{
	const char *start = c->at;
	int rc;

	while (c->at < c->end && HTTP_IS(*c->at, HTTP_TOKEN))
		c->at++;
	if (c->at - start > 32)
		return head_refuse(c->h, 501, "the method is too long");
	if (c->at == c->end)
		return ERR_AGAIN;
	c->h->method = slice_of(start, (size_t)(c->at - start));
	if (*c->at != ' ' || !c->h->method.len)
		return head_refuse(c->h, 400, "no method");
	start = ++c->at;
	while (c->at < c->end && HTTP_IS(*c->at, HTTP_TARGET))
		c->at++;
	if (c->at == c->end)
		return ERR_AGAIN;
	c->h->target = slice_of(start, (size_t)(c->at - start));
	if (*c->at != ' ' || !c->h->target.len)
		return head_refuse(c->h, 400,
				   "the target holds a character that must "
				   "be percent-encoded");
	c->at++;
	rc = head_version(c);
	if (rc)
		return rc;
	return head_crlf(c, "something follows the HTTP version");
}

static int
head_status_line(struct cursor *c)
{
	const char *start;
	int i, rc;

	rc = head_version(c);
	if (rc)
		return rc;
	if (c->end - c->at < 5)
		return ERR_AGAIN;
	if (*c->at != ' ')
		return head_refuse(c->h, 400, "no status");
	for (i = 1; i < 4; i++) {
		if (c->at[i] < '0' || c->at[i] > '9')
			return head_refuse(c->h, 400, "no status");
		c->h->status = c->h->status * 10 + (c->at[i] - '0');
	}
	if (c->h->status < 100)
		return head_refuse(c->h, 400, "no status");
	c->at += 4;
	if (*c->at == ' ')
		c->at++;
	else if (*c->at != '\r') /* "2000" is no status */
		return head_refuse(c->h, 400, "no status");
	start = c->at;
	while (c->at < c->end && HTTP_IS(*c->at, HTTP_VALUE))
		c->at++;
	c->h->reason = slice_of(start, (size_t)(c->at - start));
	return head_crlf(c, "a control character in the status line");
}

/* One field line; the cursor stands on its first byte. */
static int
head_field(struct cursor *c)
{
	struct http_head *h = c->h;
	struct http_field *f;
	const char *start = c->at;

	if (h->count == HTTP_FIELDS_MAX)
		return head_refuse(h, 431, "more than 100 fields");
	f = &h->fields[h->count];
	while (c->at < c->end && HTTP_IS(*c->at, HTTP_TOKEN))
		c->at++;
	if (c->at == c->end)
		return ERR_AGAIN;
	if (*c->at != ':' || c->at == start)
		return head_refuse(h, 400,
				   "a field name that is not a token, or "
				   "white space before the colon");
	f->name = slice_of(start, (size_t)(c->at - start));
	f->id = http_field_lookup(f->name);
	f->hop = http_field_is_hop(f->id);
	start = ++c->at;
	while (c->at < c->end && HTTP_IS(*c->at, HTTP_VALUE))
		c->at++;
	f->value = slice_trim(slice_of(start, (size_t)(c->at - start)));
	h->count++;
	return head_crlf(c, "a control character in a field value");
}

static int
head_fields(struct cursor *c)
{
	int rc;

	for (;;) {
		if (c->at == c->end)
			return ERR_AGAIN;
		if (*c->at == '\r')
			return head_crlf(c, "a CR without LF");
		if (*c->at == ' ' || *c->at == '\t')
			return head_refuse(c->h, 400, "a folded field line");
		rc = head_field(c);
		if (rc)
			return rc;
	}
}

/* Marks the fields that Connection names, and reads close/keep-alive. */
static void
head_connection_token(struct http_head *h, struct slice token)
{
	unsigned i;

	if (slice_eq_nocase(token, SLICE("close")))
		h->keep_alive = false;
	else if (slice_eq_nocase(token, SLICE("keep-alive")))
		h->keep_alive = true;
	for (i = 0; i < h->count; i++)
		if (slice_eq_nocase(h->fields[i].name, token))
			h->fields[i].hop = 1;
}

static void
head_connection(struct http_head *h)
{
	struct slice rest, token;
	bool closes = false;
	unsigned i;

	h->keep_alive = h->minor == 1;
	for (i = 0; i < h->count; i++) {
		if (h->fields[i].id != HTTP_CONNECTION)
			continue;
		rest = h->fields[i].value;
		while (slice_next(&rest, ',', &token)) {
			head_connection_token(h, slice_trim(token));
			closes |= slice_eq_nocase(slice_trim(token),
						  SLICE("close"));
		}
	}
	if (closes)
		h->keep_alive = false;
}

/* The body's framing as Content-Length and Transfer-Encoding tell it. */
static int
head_framing(struct http_head *h)
{
	unsigned lengths = 0, codings = 0, i;
	struct http_field *f;

	h->body = HTTP_BODY_NONE;
	for (i = 0; i < h->count; i++) {
		f = &h->fields[i];
		if (f->id == HTTP_CONTENT_LENGTH) {
			if (lengths++ || slice_to_u64(f->value, INT64_MAX,
						      &h->content_length))
				return head_refuse(h, 400,
						   "Content-Length is not one "
						   "number");
			h->body = HTTP_BODY_LENGTH;
		} else if (f->id == HTTP_TRANSFER_ENCODING) {
			if (codings++ ||
			    !slice_eq_nocase(f->value, SLICE("chunked")))
				return head_refuse(h, 400,
						   "Transfer-Encoding is not a "
						   "single chunked");
			h->body = HTTP_BODY_CHUNKED;
		}
	}
	if (codings && (lengths || h->minor == 0))
		return head_refuse(h, 400,
				   "Transfer-Encoding beside Content-Length, "
				   "or in HTTP/1.0");
	return 0;
}

/* RFC 9112 3.2: exactly one Host in HTTP/1.1, and nothing odd in it. */
static int
head_host(struct http_head *h)
{
	const struct http_field *f = http_head_find(h, HTTP_HOST);
	unsigned count = http_head_count(h, HTTP_HOST);
	size_t i;

	if (count > 1 || (count == 0 && h->minor == 1))
		return head_refuse(h, 400, "not exactly one Host");
	for (i = 0; f && i < f->value.len; i++)
		if (!HTTP_IS(f->value.ptr[i], HTTP_HOSTCHAR))
			return head_refuse(h, 400, "Host is not a host");
	return 0;
}

static int
head_expect(struct http_head *h)
{
	unsigned i;

	for (i = 0; i < h->count && h->minor == 1; i++) {
		if (h->fields[i].id != HTTP_EXPECT)
			continue;
		if (!slice_eq_nocase(h->fields[i].value, SLICE("100-continue")))
			return head_refuse(h, 417, "an unknown expectation");
		h->expect_continue = h->body != HTTP_BODY_NONE;
	}
	return 0;
}

static void
head_reset(struct http_head *h)
{
	memset(h, 0, offsetof(struct http_head, fields));
}

/* A head that is not whole within the limit never will be. */
static int
head_incomplete(struct http_head *h, struct slice bytes)
{
	if (bytes.len < HTTP_HEAD_MAX)
		return ERR_AGAIN;
	return head_refuse(h, h->count ? 431 : 414, "the head is too large");
}

int
http_head_request(struct slice bytes, struct http_head *h)
{
	struct cursor c = { bytes.ptr, bytes.ptr + bytes.len, h };
	int rc;

	head_reset(h);
	rc = head_request_line(&c);
	if (!rc)
		rc = head_fields(&c);
	if (rc == ERR_AGAIN)
		return head_incomplete(h, bytes);
	if (rc)
		return rc;
	h->size = (size_t)(c.at - bytes.ptr);
	if (h->size > HTTP_HEAD_MAX)
		return head_refuse(h, 431, "the head is too large");
	head_connection(h);
	rc = head_framing(h);
	if (!rc)
		rc = head_host(h);
	if (!rc)
		rc = head_expect(h);
	return rc;
}

static void
head_response_body(struct http_head *h, bool to_head)
{
	if (to_head || h->status < 200 || h->status == 204 ||
	    h->status == 304) {
		h->body = HTTP_BODY_NONE;
		return;
	}
	if (h->body == HTTP_BODY_NONE) {
		h->body = HTTP_BODY_UNTIL_CLOSE;
		h->keep_alive = false;
	}
	if (h->body == HTTP_BODY_LENGTH && h->content_length == 0)
		h->body = HTTP_BODY_NONE;
}

int
http_head_response(struct slice bytes, bool to_head, struct http_head *h)
{
	struct cursor c = { bytes.ptr, bytes.ptr + bytes.len, h };
	int rc;

	head_reset(h);
	rc = head_status_line(&c);
	if (!rc)
		rc = head_fields(&c);
	if (rc == ERR_AGAIN)
		return head_incomplete(h, bytes);
	if (rc)
		return rc;
	h->size = (size_t)(c.at - bytes.ptr);
	if (h->size > HTTP_HEAD_MAX)
		return head_refuse(h, 431, "the head is too large");
	head_connection(h);
	rc = head_framing(h);
	if (rc)
		return rc;
	/* A coding where no body can be is an attempt at splitting. */
	if ((h->status < 200 || h->status == 204) &&
	    h->body == HTTP_BODY_CHUNKED)
		return head_refuse(h, 400, "a body where none can be");
	head_response_body(h, to_head);
	return 0;
}
