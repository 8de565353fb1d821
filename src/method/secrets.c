/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a credential is a secret, in the forms in which it is sent: what is
 * to be masked in whatever a service says.
 *
 * The values come first, then the base64 of {basic}, then what hangs together
 * with a value in the request ("identity-{token}"), so that what a service
 * repeats is masked whole.  A value that is public ends such a piece.
 *
 * Runs in the keeper.  The buffers used on the way are wiped.
 */
#include "method/method_priv.h"

/* A password that is shorter is none: services that take a key for the user
 * name want no password, or any ("X"). */
enum { PROVES_MIN = 8 };

static const char separators[] = " \t\r\n&=:;,/?\"'";

/* ---- which ---- */

static bool
field_is_public(const struct binding *b, const char *name)
{
	size_t i;

	for (i = 0; i < b->method->fields.count; i++)
		if (!strcmp(b->method->fields.items[i].name, name))
			return !b->method->fields.items[i].secret;
	return false;
}

/* Whether something but the public fields proves who asks. */
static bool
has_proof(const struct binding *b, const struct method_credential *c)
{
	size_t i;

	for (i = 0; i < c->count; i++)
		if (!field_is_public(b, c->items[i].name) &&
		    secret_len(c->items[i].value) >= PROVES_MIN)
			return true;
	return false;
}

/* ---- the list ---- */

struct listing {
	const struct binding *binding;
	const struct method_credential *credential;
	bool proof;
	struct method_secrets *out;
	struct buf piece; /* with its room from the start: no copies */
	bool is_secret;	  /* the piece */
};

static bool
is_secret(const struct listing *l, const char *name)
{
	return !l->proof || !field_is_public(l->binding, name);
}

/* A piece for which there is no room is left out: what is secret of it is
 * there already. */
static int
list_add(struct listing *l, struct slice text)
{
	struct method_secrets *out = l->out;
	size_t i;

	for (i = 0; i < out->count; i++)
		if (secret_len(out->items[i]) == text.len &&
		    secret_eq_bytes(secret_peek(out->items[i]), text.ptr,
				    text.len))
			return 0;
	if (!text.len || out->count == METHOD_SECRETS_MAX)
		return 0;
	out->items[out->count] = secret_from(text.ptr, text.len);
	if (!out->items[out->count])
		return ERR_NOMEM;
	out->count++;
	return 0;
}

static int
list_values(struct listing *l)
{
	const struct method_credential *c = l->credential;
	size_t i;
	int rc = 0;

	for (i = 0; i < c->count && !rc; i++) {
		const struct secret *v = c->items[i].value;

		/* it is sent to no API, and held by nobody else */
		if (!strcmp(c->items[i].name, "refresh_token") ||
		    !is_secret(l, c->items[i].name))
			continue;
		rc = list_add(l, slice_of(secret_peek(v), secret_len(v)));
	}
	return rc;
}

/* ---- pieces of requests ---- */

static int
piece_end(struct listing *l)
{
	int rc = buf_err(&l->piece);

	if (!rc && l->is_secret)
		rc = list_add(l, buf_slice(&l->piece));
	buf_reset(&l->piece);
	l->is_secret = false;
	return rc;
}

static int
piece_literal(struct listing *l, struct slice text)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < text.len && !rc; i++)
		rc = strchr(separators, text.ptr[i])
			     ? piece_end(l)
			     : buf_putc(&l->piece, text.ptr[i]);
	return rc;
}

/* Its base64, if a secret goes into it. */
static int
piece_basic(struct listing *l)
{
	const struct catalog_basic *basic = &l->binding->basic;
	const char *both[] = { basic->username, basic->password };
	struct slice rest, name;
	char field[METHOD_NAME_SIZE];
	bool is_name;
	size_t i;

	for (i = 0; i < ARRAY_LEN(both); i++) {
		rest = slice_str(both[i]);
		while (binding_template_next(&rest, &name, &is_name))
			if (is_name &&
			    (slice_copy(name, field, sizeof(field)) ||
			     is_secret(l, field)))
				l->is_secret = true;
	}
	return method_expand(l->binding, l->credential, "{basic}", &l->piece);
}

static int
piece_value(struct listing *l, struct slice name)
{
	const struct secret *v = method_credential_get(l->credential, name);
	char field[METHOD_NAME_SIZE];

	if (!v)
		return slice_eq(name, SLICE("basic")) ? piece_basic(l)
						      : ERR_INVALID;
	if (slice_copy(name, field, sizeof(field)) || is_secret(l, field)) {
		l->is_secret = true;
		return buf_put(&l->piece, secret_peek(v), secret_len(v));
	}
	return piece_end(l);
}

static int
list_template(struct listing *l, const char *template)
{
	struct slice rest = slice_str(template), piece;
	bool is_name;
	int rc = 0;

	while (!rc && binding_template_next(&rest, &piece, &is_name))
		rc = is_name ? piece_value(l, piece) : piece_literal(l, piece);
	return rc ? rc : piece_end(l);
}

static int
list_requests(struct listing *l)
{
	const struct catalog_injections *in = &l->binding->inject;
	size_t i;
	int rc;

	buf_init(&l->piece, METHOD_EXPANDED_MAX);
	rc = buf_reserve(&l->piece, METHOD_EXPANDED_MAX);
	/* the base64 before all else: in it nobody sees the values */
	for (i = 0; i < in->count && !rc; i++)
		if (strstr(in->items[i].value, "{basic}"))
			rc = list_template(l, "{basic}");
	for (i = 0; i < in->count && !rc; i++)
		rc = list_template(l, in->items[i].value);
	buf_wipe(&l->piece);
	return rc;
}

/* ---- the door ---- */

void
method_secrets_release(struct method_secrets *s)
{
	while (s->count)
		secret_free(s->items[--s->count]);
}

int
method_secrets_list(const struct binding *b, const struct method_credential *c,
		    struct method_secrets *out)
{
	struct listing l = { .binding = b,
			     .credential = c,
			     .proof = has_proof(b, c),
			     .out = out };
	int rc;

	out->count = 0;
	rc = list_values(&l);
	if (!rc)
		rc = list_requests(&l);
	if (rc)
		method_secrets_release(out);
	return rc;
}
