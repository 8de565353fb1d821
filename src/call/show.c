/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes out, for people to see: secrets are masked.
 *
 * The masked form is not made by cutting secrets out of what was sent: it is
 * made from the binding that the injection was made of, in which fields of
 * the credential are still names.  So there is nothing that could be missed.
 *
 * Runs on a worker's loop in the front.
 */
#include <stdio.h>

#include "call/call_priv.h"

/* A template with a mask for each field of the credential. */
static void
put_masked(struct slice template, struct buf *out)
{
	struct slice piece;
	bool is_name;

	while (binding_template_next(&template, &piece, &is_name))
		buf_put_slice(out, is_name ? SLICE(CALL_MASK) : piece);
}

static void
put_pair(const struct catalog_injection *part, bool first, struct buf *out)
{
	if (!first)
		buf_putc(out, '&');
	if (part->place == CATALOG_IN_FORM)
		codec_form(out, slice_str(part->name));
	else
		codec_percent(out, slice_str(part->name));
	buf_putc(out, '=');
	put_masked(slice_str(part->value), out);
}

void
call_show_place(const struct call *c, enum catalog_place place, struct buf *out)
{
	const struct catalog_injections *in = &c->injection->binding->inject;
	const struct catalog_injection *part;
	bool first = true;
	size_t i;

	for (i = 0; i < in->count; i++) {
		part = &in->items[i];
		if (part->place != place)
			continue;
		switch (place) {
		case CATALOG_IN_HEADER:
			buf_printf(out, "%s: ", part->name);
			put_masked(slice_str(part->value), out);
			buf_puts(out, "\r\n");
			break;
		case CATALOG_IN_PATH:
			put_masked(slice_str(part->value), out);
			break;
		case CATALOG_IN_QUERY:
		case CATALOG_IN_FORM:
			put_pair(part, first, out);
			break;
		}
		first = false;
	}
}

/* ---- the rule ---- */

/* The binding's host that covers what is called; NULL where none does. */
static const struct binding_host *
rule_host(const struct binding *b, const struct http_url *url)
{
	const struct binding_host *h;
	size_t i, have, want;
	uint16_t port;

	for (i = 0; i < b->host_count; i++) {
		h = &b->hosts[i];
		port = h->port ? h->port : url->https ? 443 : 80;
		have = strlen(url->host);
		want = strlen(h->name);
		if (port != url->port || have < want ||
		    (!h->wildcard && have != want) ||
		    strcmp(url->host + have - want, h->name))
			continue;
		return h;
	}
	return NULL;
}

static void
rule_absolute(struct call *c, struct buf *out)
{
	const struct binding *b = c->injection->binding;
	const struct binding_host *h = rule_host(b, &c->url);
	struct http_url asked;

	if (h && h->port)
		buf_printf(out, "allowed host %s%s:%u", h->wildcard ? "*" : "",
			   h->name, h->port);
	else
		buf_printf(out, "allowed host %s%s",
			   h && h->wildcard ? "*" : "",
			   h ? h->name : c->url.host);
	buf_printf(out, " of %s", b->service->name);
	if (c->host_replaced && !http_url_parse(c->target, &asked, NULL))
		buf_printf(out,
			   "; %s was replaced by %s, of the connection's own "
			   "data centre",
			   asked.host, c->url.host);
}

int
call_show_rule(struct call *c, struct buf *out)
{
	const struct binding *b = c->injection->binding;

	if (!c->snapshot)
		buf_puts(out, "no connection: public addresses by https");
	else if (slice_starts(c->target, SLICE("/")) || !c->target.len)
		buf_printf(out, "base URL %s of %s",
			   b->base_url ? b->base_url : c->url.host,
			   b->service->name);
	else
		rule_absolute(c, out);
	return buf_err(out);
}
