/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to token and revocation endpoints.
 *
 * Parameters are collected by name first (a definition may rename them), and
 * then written as a form, as JSON or into the query, as the definition says.
 * There is one place that authenticates the client, for the first exchange,
 * every refresh and the revocation alike.
 *
 * Runs in the exchanger.
 */
#include <stdlib.h>

#include "method/method.h"

enum { REQUEST_MAX = 32 * 1024 };

/* A request being put together. */
struct draft {
	const struct method_request_input *in;
	enum catalog_body body_kind;
	struct buf params; /* written so far, in the body's own form */
	struct buf fields;
	size_t count;
	int err;
};

static const char *
renamed(const struct binding *b, const char *name)
{
	size_t i;

	for (i = 0; i < b->method->rename.count; i++)
		if (!strcmp(b->method->rename.items[i].name, name))
			return b->method->rename.items[i].value;
	return name;
}

static void
put_param(struct draft *d, const char *name, struct slice value)
{
	name = renamed(d->in->binding, name);
	if (d->body_kind == CATALOG_BODY_JSON) {
		buf_puts(&d->params, d->count++ ? ",\"" : "{\"");
		codec_json(&d->params, slice_str(name));
		buf_puts(&d->params, "\":\"");
		codec_json(&d->params, value);
		buf_puts(&d->params, "\"");
		return;
	}
	if (d->count++)
		buf_putc(&d->params, '&');
	codec_form(&d->params, slice_str(name));
	buf_putc(&d->params, '=');
	codec_form(&d->params, value);
}

static void
put_secret_param(struct draft *d, const char *name, const struct secret *s)
{
	if (s)
		put_param(d, name, slice_of(secret_peek(s), secret_len(s)));
}

static void
put_text_param(struct draft *d, const char *name, const char *text)
{
	if (text && text[0])
		put_param(d, name, slice_str(text));
}

/* "Authorization: Basic …" of a pair, which is wiped. */
static void
put_basic(struct draft *d, struct buf *pair)
{
	buf_puts(&d->fields, "Authorization: Basic ");
	if (buf_err(pair) ||
	    buf_reserve(&d->fields, CODEC_BASE64_SIZE(pair->len))) {
		d->err = ERR_TOO_LARGE;
	} else {
		codec_base64(pair->data, pair->len,
			     d->fields.data + d->fields.len);
		d->fields.len += CODEC_BASE64_SIZE(pair->len) - 1;
		buf_puts(&d->fields, "\r\n");
	}
	buf_wipe(pair);
}

/* RFC 6749 2.3.1: both parts are form-encoded before base64. */
static void
put_client_basic(struct draft *d)
{
	const struct secret *secret = d->in->client_secret;
	struct buf pair;

	buf_init(&pair, REQUEST_MAX);
	codec_form(&pair, slice_str(d->in->client_id));
	buf_putc(&pair, ':');
	if (secret)
		codec_form(&pair,
			   slice_of(secret_peek(secret), secret_len(secret)));
	put_basic(d, &pair);
}

/* The secret as user name, as it is, and no password. */
static void
put_secret_basic(struct draft *d)
{
	const struct secret *secret = d->in->client_secret;
	struct buf pair;

	buf_init(&pair, REQUEST_MAX);
	if (secret)
		buf_put(&pair, secret_peek(secret), secret_len(secret));
	buf_putc(&pair, ':');
	put_basic(d, &pair);
}

static void
put_client(struct draft *d, enum catalog_client_auth how)
{
	switch (how) {
	case CATALOG_AUTH_BASIC:
		put_client_basic(d);
		break;
	case CATALOG_AUTH_BODY:
		put_text_param(d, "client_id", d->in->client_id);
		put_secret_param(d, "client_secret", d->in->client_secret);
		break;
	case CATALOG_AUTH_NONE:
		put_text_param(d, "client_id", d->in->client_id);
		break;
	case CATALOG_AUTH_BASIC_SECRET:
		put_secret_basic(d);
		break;
	}
}

static void
put_fixed(struct draft *d, const struct catalog_pairs *params,
	  const struct catalog_pairs *headers)
{
	size_t i;

	for (i = 0; i < params->count; i++)
		put_text_param(d, params->items[i].name,
			       params->items[i].value);
	for (i = 0; i < headers->count; i++)
		buf_printf(&d->fields, "%s: %s\r\n", headers->items[i].name,
			   headers->items[i].value);
}

static void
put_grant(struct draft *d)
{
	const struct method_request_input *in = d->in;
	const struct binding *b = in->binding;

	switch (in->what) {
	case METHOD_EXCHANGE:
		put_text_param(d, "grant_type", "authorization_code");
		put_secret_param(d, "code", in->code);
		put_text_param(d, "redirect_uri", in->redirect_uri);
		put_secret_param(d, "code_verifier", in->verifier);
		put_fixed(d, &b->token_parameters, &b->token_headers);
		break;
	case METHOD_CLIENT_CREDENTIALS:
		put_text_param(d, "grant_type", "client_credentials");
		put_fixed(d, &b->token_parameters, &b->token_headers);
		break;
	case METHOD_REFRESH:
		put_text_param(d, "grant_type", "refresh_token");
		put_secret_param(d, "refresh_token", in->refresh_token);
		put_fixed(d, &b->refresh_parameters, &b->refresh_headers);
		break;
	case METHOD_REVOKE:
		break;
	}
	if (b->method->token->send_scope ||
	    in->what == METHOD_CLIENT_CREDENTIALS)
		put_text_param(d, "scope", in->scope);
}

/* The revocation's own parameters and headers: templates over the tokens. */
static void
expand_revoke(const struct method_request_input *in, const char *template,
	      struct buf *out)
{
	struct slice rest = slice_str(template), piece;
	const struct secret *s;
	const char *text;
	bool is_name;

	while (binding_template_next(&rest, &piece, &is_name)) {
		s = NULL;
		if (!is_name)
			buf_put_slice(out, piece);
		else if (slice_eq(piece, SLICE("client_id")))
			buf_puts(out, in->client_id ? in->client_id : "");
		else if (slice_eq(piece, SLICE("access_token")))
			s = in->access_token;
		else if (slice_eq(piece, SLICE("refresh_token")))
			s = in->refresh_token;
		else if (slice_eq(piece, SLICE("token")))
			s = in->refresh_token ? in->refresh_token
					      : in->access_token;
		else if ((text = binding_text(in->binding, piece)) != NULL)
			buf_puts(out, text);
		if (s)
			buf_put(out, secret_peek(s), secret_len(s));
	}
}

static void
put_revoke_param(struct draft *d, const struct catalog_pair *p)
{
	struct buf value;

	buf_init(&value, REQUEST_MAX);
	expand_revoke(d->in, p->value, &value);
	if (value.len)
		put_param(d, p->name, buf_slice(&value));
	buf_wipe(&value);
}

static void
put_revoke_header(struct draft *d, const struct catalog_pair *p)
{
	struct buf value;

	buf_init(&value, REQUEST_MAX);
	expand_revoke(d->in, p->value, &value);
	if (slice_has_control(buf_slice(&value))) {
		d->err = ERR_INVALID;
	} else {
		buf_printf(&d->fields, "%s: ", p->name);
		buf_put_slice(&d->fields, buf_slice(&value));
		buf_puts(&d->fields, "\r\n");
	}
	buf_wipe(&value);
}

static void
put_revocation(struct draft *d)
{
	const struct catalog_revoke *r = d->in->binding->method->revoke;
	size_t i;

	for (i = 0; i < r->parameters.count; i++)
		put_revoke_param(d, &r->parameters.items[i]);
	if (!r->parameters.count && !r->headers.count) /* RFC 7009 2.1 */
		put_secret_param(d, "token",
				 d->in->refresh_token ? d->in->refresh_token
						      : d->in->access_token);
	for (i = 0; i < r->headers.count; i++)
		put_revoke_header(d, &r->headers.items[i]);
	/* Who shows the token in a header has proven enough; a public client
	 * says its id (RFC 7009 2.1). */
	if (r->client_auth != CATALOG_AUTH_NONE || !r->headers.count)
		put_client(d, r->client_auth);
}

static bool
pairs_have(const struct catalog_pairs *pairs, struct slice wanted)
{
	struct slice rest, piece;
	bool is_name;
	size_t i;

	for (i = 0; i < pairs->count; i++) {
		rest = slice_str(pairs->items[i].value);
		while (binding_template_next(&rest, &piece, &is_name))
			if (is_name && slice_eq(piece, wanted))
				return true;
	}
	return false;
}

bool
method_oauth2_revoke_shows_access(const struct binding *b)
{
	const struct catalog_revoke *r = b->method->revoke;

	return r && (pairs_have(&r->parameters, SLICE("access_token")) ||
		     pairs_have(&r->headers, SLICE("access_token")));
}

bool
method_oauth2_revoke_shows_token(const struct binding *b)
{
	static const char *const names[] = { "token", "refresh_token",
					     "access_token" };
	const struct catalog_revoke *r = b->method->revoke;
	size_t i;

	if (!r)
		return false;
	for (i = 0; i < ARRAY_LEN(names); i++)
		if (pairs_have(&r->parameters, slice_str(names[i])) ||
		    pairs_have(&r->headers, slice_str(names[i])))
			return true;
	return !r->parameters.count && !r->headers.count;
}

bool
method_oauth2_revoke_proves_client(const struct binding *b)
{
	const struct catalog_revoke *r = b->method->revoke;

	return r && r->client_auth != CATALOG_AUTH_NONE;
}

/* {client_id} may be left in a revocation URL. */
static void
put_url(struct buf *url, const char *template, const char *client_id)
{
	struct slice rest = slice_str(template), piece;
	bool is_name;

	while (binding_template_next(&rest, &piece, &is_name)) {
		if (!is_name)
			buf_put_slice(url, piece);
		else if (slice_eq(piece, SLICE("client_id")) && client_id)
			codec_percent(url, slice_str(client_id));
	}
	while (url->len && strchr("?&", url->data[url->len - 1]))
		url->len--; /* as people paste them */
}

static bool
has_field(const struct draft *d, struct slice name)
{
	struct slice rest = buf_slice(&d->fields);
	size_t end;

	while (rest.len) {
		if (rest.len > name.len && rest.ptr[name.len] == ':' &&
		    slice_eq_nocase(slice_head(rest, name.len), name))
			return true;
		end = slice_find(rest, '\n');
		rest = end < rest.len ? slice_from(rest, end + 1) : SLICE_NONE;
	}
	return false;
}

/* What the definition says itself is not said a second time. */
static void
put_usual_field(struct draft *d, const char *name, const char *value)
{
	if (!has_field(d, slice_str(name)))
		buf_printf(&d->fields, "%s: %s\r\n", name, value);
}

static int
draft_finish(struct draft *d, const char *url, const char *method,
	     struct method_http *out)
{
	struct buf u;
	int rc;

	buf_init(&u, REQUEST_MAX);
	put_url(&u, url, d->in->client_id);
	put_usual_field(d, "Accept", "application/json");
	put_usual_field(d, "User-Agent", "Drawbridge");
	if (d->body_kind == CATALOG_BODY_QUERY) {
		if (d->params.len) {
			buf_putc(&u, memchr(u.data, '?', u.len) ? '&' : '?');
			buf_put_slice(&u, buf_slice(&d->params));
		}
		buf_wipe(&d->params);
	} else if (d->body_kind == CATALOG_BODY_JSON) {
		buf_puts(&d->params, d->count ? "}" : "{}");
		put_usual_field(d, "Content-Type", "application/json");
	} else {
		put_usual_field(d, "Content-Type",
				"application/x-www-form-urlencoded");
	}
	rc = d->err ? d->err : buf_err(&d->params);
	if (!rc)
		rc = buf_err(&d->fields);
	if (!rc) {
		out->method = method;
		out->url = buf_detach(&u);
		out->fields = secret_from(d->fields.data, d->fields.len);
		out->body = secret_from(d->params.data, d->params.len);
		if (!out->url || !out->fields || !out->body)
			rc = ERR_NOMEM;
	}
	buf_wipe(&u);
	return rc;
}

void
method_http_release(struct method_http *h)
{
	if (h->url)
		secret_wipe(h->url, strlen(h->url));
	free(h->url);
	secret_free(h->fields);
	secret_free(h->body);
	memset(h, 0, sizeof(*h));
}

int
method_oauth2_request(const struct method_request_input *in,
		      struct method_http *out)
{
	const struct binding *b = in->binding;
	struct draft d = { .in = in };
	const char *url = b->token_url, *method = "POST";
	int rc;

	memset(out, 0, sizeof(*out));
	buf_init(&d.params, REQUEST_MAX);
	buf_init(&d.fields, REQUEST_MAX);
	if (in->what == METHOD_REVOKE) {
		if (!b->method->revoke || !b->revoke_url)
			return ERR_UNSUPPORTED;
		d.body_kind = b->method->revoke->body;
		method = b->method->revoke->method;
		url = b->revoke_url;
		put_revocation(&d);
	} else {
		if (!b->method->token)
			return ERR_UNSUPPORTED;
		d.body_kind = b->method->token->body;
		if (in->what == METHOD_REFRESH)
			url = b->refresh_url;
		put_grant(&d);
		put_client(&d, b->method->token->client_auth);
	}
	rc = url ? draft_finish(&d, url, method, out) : ERR_INVALID;
	buf_wipe(&d.params);
	buf_wipe(&d.fields);
	if (rc)
		method_http_release(out);
	return rc;
}
