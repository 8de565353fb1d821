/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers on the gateway: the service's, cleaned; or our own problem.
 *
 * Since the gateway shares the studio's origin, fields that would act on
 * that origin are left out, and the answer is put into a sandbox.  A
 * challenge (WWW-Authenticate) gets another name: it asks for the credential
 * that Drawbridge has, not the client, and a browser would ask its user for a
 * password in the name of our origin.  Redirects go back to the client with
 * URLs of the service in the gateway's own form: an SDK that followed them to
 * the vendor would take its dbk_ key there.
 */
#include <stdio.h>

#include "gateway/gateway_priv.h"

enum { REASON_MAX = 64 };

static bool
answer_field_passes(const struct http_field *f)
{
	if (f->hop)
		return false;
	switch (f->id) {
	case HTTP_ACCEPT_CH:
	case HTTP_ALT_SVC:
	case HTTP_CLEAR_SITE_DATA:
	case HTTP_CONTENT_LENGTH:
	case HTTP_CONTENT_SECURITY_POLICY:
	case HTTP_CONTENT_SECURITY_POLICY_REPORT_ONLY:
	case HTTP_CRITICAL_CH:
	case HTTP_DRAWBRIDGE_ERROR:
	case HTTP_DRAWBRIDGE_HOST:
	case HTTP_EXPECT_CT:
	case HTTP_NEL:
	case HTTP_ORIGIN_AGENT_CLUSTER:
	case HTTP_PUBLIC_KEY_PINS:
	case HTTP_PUBLIC_KEY_PINS_REPORT_ONLY:
	case HTTP_REFRESH:
	case HTTP_REPORT_TO:
	case HTTP_REPORTING_ENDPOINTS:
	case HTTP_SERVICE_WORKER_ALLOWED:
	case HTTP_SET_COOKIE:
	case HTTP_SET_COOKIE2:
	case HTTP_SET_LOGIN:
	case HTTP_STRICT_TRANSPORT_SECURITY:
	case HTTP_USE_AS_DICTIONARY:
	case HTTP_X_CONTENT_TYPE_OPTIONS:
		return false;
	default:
		return true;
	}
}

static int
put_field(struct http_writer *w, struct slice name, struct slice value)
{
	int rc = http_writer_put(w, name);

	if (!rc)
		rc = http_writer_put(w, SLICE(": "));
	if (!rc)
		rc = http_writer_put(w, value);
	if (!rc)
		rc = http_writer_put(w, SLICE("\r\n"));
	return rc;
}

/* ---- URLs of the service, in the gateway's form ---- */

static struct gateway_url_base
url_base(const struct via *v)
{
	const struct call *c = &v->call;
	const struct http_field *host =
		http_head_find(http_exchange_head(v->x), HTTP_HOST);

	return (struct gateway_url_base){
		.link = c->link,
		.binding = c->injection->binding,
		.https = c->url.https,
		.authority = egress_dest_authority(c->dest),
		.base_path = c->base_path,
		.path = c->path,
		.own_host = host ? host->value : SLICE_NONE,
	};
}

typedef void rewrite(const struct gateway_url_base *, struct slice,
		     struct buf *);

/* The field with its references so; without it where none is left. */
static int
put_rewritten(const struct via *v, struct http_writer *w,
	      const struct http_field *f, rewrite *by)
{
	struct gateway_url_base from = url_base(v);
	struct buf value;
	int rc;

	buf_init(&value, HTTP_HEAD_MAX);
	by(&from, f->value, &value);
	rc = buf_err(&value);
	if (!rc && value.len)
		rc = put_field(w, f->name, buf_slice(&value));
	buf_release(&value);
	return rc;
}

/* ---- the service's answer ---- */

static int
put_length(struct http_writer *w, struct slice value)
{
	return put_field(w, SLICE("Content-Length"), value);
}

/* HEAD and 304 may tell the length of what is not sent; 204 must not (RFC
 * 9110 8.6): a client that believed it would take the next answer's first
 * bytes for a body. */
static int
answer_no_body(struct via *v, struct http_writer *w)
{
	const struct http_head *from = &v->call.head;
	const struct http_field *length =
		http_head_find(from, HTTP_CONTENT_LENGTH);

	http_writer_start_body(w, HTTP_BODY_NONE, 0);
	if (from->status == 204) /* RFC 9110 8.6: never there */
		return 0;
	if (length)
		return put_length(w, length->value);
	if (from->status == 304 || slice_eq(v->call.method, SLICE("HEAD")))
		return 0;
	return put_length(w, SLICE("0"));
}

static int
answer_framing(struct via *v, struct http_writer *w)
{
	const struct http_head *from = &v->call.head;
	char digits[SLICE_U64_SIZE];

	if (from->body == HTTP_BODY_NONE)
		return answer_no_body(v, w);
	if (from->body == HTTP_BODY_LENGTH) {
		http_writer_start_body(w, HTTP_BODY_LENGTH,
				       from->content_length);
		return put_length(w, slice_u64(from->content_length, digits));
	}
	if (http_exchange_head(v->x)->minor == 0) {
		http_exchange_close_after(v->x);
		http_writer_start_body(w, HTTP_BODY_UNTIL_CLOSE, 0);
		return 0;
	}
	http_writer_start_body(w, HTTP_BODY_CHUNKED, 0);
	return http_writer_put(w, SLICE("Transfer-Encoding: chunked\r\n"));
}

static int
answer_status(struct via *v, struct http_writer *w)
{
	const struct http_head *h = &v->call.head;
	char digits[SLICE_U64_SIZE];
	int rc = http_writer_put(w, SLICE("HTTP/1.1 "));

	if (!rc)
		rc = http_writer_put(w, slice_u64(h->status, digits));
	if (!rc)
		rc = http_writer_put(w, SLICE(" "));
	if (!rc)
		rc = http_writer_put(w, slice_head(h->reason, REASON_MAX));
	return rc ? rc : http_writer_put(w, SLICE("\r\n"));
}

static int
answer_own_fields(struct via *v, struct http_writer *w)
{
	int rc;

	rc = http_writer_put(w, SLICE("X-Content-Type-Options: nosniff\r\n"
				      "Content-Security-Policy: sandbox\r\n"));
	if (!rc && v->call.host_replaced)
		rc = put_field(w, SLICE("Drawbridge-Host"),
			       slice_str(v->call.url.host));
	if (!rc && !http_exchange_keeps_alive(v->x))
		rc = http_writer_put(w, SLICE("Connection: close\r\n"));
	return rc;
}

static int
answer_field(struct via *v, struct http_writer *w, const struct http_field *f)
{
	switch (f->id) {
	case HTTP_CONTENT_LOCATION:
	case HTTP_LOCATION:
		return put_rewritten(v, w, f, gateway_url_rewrite);
	case HTTP_LINK:
		return put_rewritten(v, w, f, gateway_link_rewrite);
	case HTTP_WWW_AUTHENTICATE:
		return put_field(w, SLICE("Drawbridge-WWW-Authenticate"),
				 f->value);
	default:
		return put_field(w, f->name, f->value);
	}
}

static int
answer_fields(struct via *v, struct http_writer *w)
{
	const struct http_head *h = &v->call.head;
	unsigned i;
	int rc = 0;

	for (i = 0; i < h->count && !rc; i++)
		if (answer_field_passes(&h->fields[i]))
			rc = answer_field(v, w, &h->fields[i]);
	return rc;
}

int
gateway_answer_head(struct via *v)
{
	struct http_writer *w = http_exchange_writer(v->x);
	size_t pending = w->out_end - w->out_begin;
	int rc;

	if (!http_exchange_head(v->x)->keep_alive)
		http_exchange_close_after(v->x);
	rc = answer_status(v, w);
	if (!rc)
		rc = answer_framing(v, w);
	if (!rc)
		rc = answer_fields(v, w);
	if (!rc)
		rc = answer_own_fields(v, w);
	if (!rc)
		rc = http_writer_put(w, SLICE("\r\n"));
	if (rc)
		w->out_end = w->out_begin + pending;
	return rc;
}

/* ---- our own ---- */

void
gateway_answer_problem(struct http_exchange *x, const struct call_problem *p)
{
	struct buf body, fields;

	buf_init(&body, 4096);
	buf_init(&fields, 1024);
	buf_printf(&body, "{\"code\":\"%s\",\"status\":%d,\"title\":\"%s\",",
		   p->code, p->status, http_reason(p->status));
	buf_puts(&body, "\"detail\":\"");
	codec_json_bytes(&body, slice_str(p->detail));
	buf_puts(&body, "\"");
	if (p->hint) {
		buf_puts(&body, ",\"hint\":\"");
		codec_json_bytes(&body, slice_str(p->hint));
		buf_puts(&body, "\"");
	}
	buf_puts(&body, "}\n");
	buf_printf(&fields,
		   "Content-Type: application/problem+json\r\n"
		   "Drawbridge-Error: %s\r\n"
		   "Cache-Control: no-store\r\n"
		   "X-Content-Type-Options: nosniff\r\n",
		   p->code);
	if (p->retry_after_s)
		buf_printf(&fields, "Retry-After: %u\r\n", p->retry_after_s);
	if (p->status == 405)
		buf_puts(&fields, "Allow: GET, HEAD, POST, PUT, PATCH, "
				  "DELETE, OPTIONS\r\n");
	http_exchange_answer(x, p->status, buf_cstr(&fields), buf_slice(&body));
	buf_release(&body);
	buf_release(&fields);
}

void
gateway_refuse(struct http_exchange *x, int status, const char *why)
{
	struct call_problem p = { .status = status };

	p.code = status == 431 || status == 414 ? "too_large"
						: "malformed_request";
	snprintf(p.detail, sizeof(p.detail), "The request was refused: %s.",
		 why ? why : "it is not HTTP/1.1");
	gateway_answer_problem(x, &p);
}
