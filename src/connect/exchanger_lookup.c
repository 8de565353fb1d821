/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Look-ups after consent, and what their answers say: which account it is, and
 * values that the binding takes up if they are of their form (the keeper
 * judges that).
 *
 * Runs in the exchanger.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/exchanger_priv.h"

static void
lookup_values(const struct catalog_lookup *l, const json_t *tree,
	      struct connect_msg_looked_up *m)
{
	const json_t *v;
	size_t i;

	for (i = 0; i < l->values.count && i < METHOD_CAPTURES_MAX; i++) {
		v = binding_path_get(tree, l->values.items[i].path);
		if (json_is_string(v))
			slice_copy(slice_of(json_string_value(v),
					    json_string_length(v)),
				   m->values[i], sizeof(m->values[i]));
		else if (json_is_integer(v))
			snprintf(m->values[i], sizeof(m->values[i]), "%lld",
				 (long long)json_integer_value(v));
		m->value_count = i + 1;
	}
	if (l->account)
		slice_cut(binding_words_get(tree, l->account), m->account,
			  sizeof(m->account));
}

void
connect_lookup_read(const struct binding *b, size_t index, int status,
		    struct slice body, struct connect_msg_looked_up *m)
{
	const struct catalog_lookup *l = &b->method->lookups.items[index];
	struct json_problem problem = { 0 };
	const json_t *item;
	json_t *tree = NULL;

	if (status < 200 || status > 299) {
		m->err = ERR_PROTOCOL;
		snprintf(m->detail, sizeof(m->detail),
			 "the look-up after consent was answered with HTTP %d",
			 status);
		return;
	}
	m->err = json_read(body, CONNECT_ANSWER_MAX, &tree, &problem);
	snprintf(m->detail, sizeof(m->detail), "%.255s", problem.detail);
	if (!tree)
		return;
	item = binding_lookup_item(b, index, tree, m->detail,
				   sizeof(m->detail));
	if (item)
		lookup_values(l, item, m);
	else
		m->err = ERR_NOT_FOUND;
	json_decref(tree);
}

/* ---- the request ---- */

static void
reply_lookup(struct exchange *e, int err, const char *detail)
{
	struct connect_msg_looked_up *m = calloc(1, sizeof(*m));
	struct egress_fetch *f = &e->fetch;
	struct proc_pack *p = proc_pack_new();

	if (!m || !p) {
		free(m);
		proc_pack_free(p);
		proc_reply(e->rq, ERR_NOMEM, NULL);
		return;
	}
	m->err = err;
	snprintf(m->detail, sizeof(m->detail), "%s", detail);
	if (!err)
		connect_lookup_read(e->lookup.binding, e->lookup.index,
				    f->status, buf_slice(&f->answer), m);
	connect_msg_looked_up_pack(m, p);
	free(m);
	proc_reply(e->rq, 0, p);
}

/* The injection's query behind the look-up's own. */
static int
lookup_url(struct exchange *e, const char *url)
{
	const struct secret *query = e->lookup.query;
	struct buf b;

	buf_init(&b, CONNECT_ANSWER_MAX);
	buf_puts(&b, url);
	if (query) {
		buf_putc(&b, strchr(url, '?') ? '&' : '?');
		buf_put(&b, secret_peek(query), secret_len(query));
	}
	e->http.url = buf_detach(&b);
	buf_wipe(&b);
	return e->http.url ? 0 : ERR_NOMEM;
}

int
connect_exchange_fields(struct exchange *e, const struct binding *b,
			const struct secret *add, bool form)
{
	const struct catalog_pairs *own = &b->headers;
	bool accept = false, agent = false;
	struct buf out;
	size_t i;

	buf_init(&out, CONNECT_ANSWER_MAX);
	if (add)
		buf_put(&out, secret_peek(add), secret_len(add));
	for (i = 0; i < own->count; i++) {
		struct slice name = slice_str(own->items[i].name);

		accept |= slice_eq_nocase(name, SLICE("accept"));
		agent |= slice_eq_nocase(name, SLICE("user-agent"));
		if (form && slice_eq_nocase(name, SLICE("content-type")))
			continue;
		buf_printf(&out, "%s: %s\r\n", own->items[i].name,
			   own->items[i].value);
	}
	if (!accept)
		buf_puts(&out, "Accept: application/json\r\n");
	if (!agent)
		buf_puts(&out, "User-Agent: Drawbridge\r\n");
	if (form)
		buf_puts(&out, "Content-Type: "
			       "application/x-www-form-urlencoded\r\n");
	if (!buf_err(&out))
		e->http.fields = secret_from(out.data, out.len);
	buf_wipe(&out);
	return e->http.fields ? 0 : ERR_NOMEM;
}

void
connect_exchanger_lookup(struct proc_request *rq, struct proc_unpack *in,
			 void *arg)
{
	struct exchange *e = connect_exchange_new(arg, rq, reply_lookup);
	const struct binding *b;
	char detail[256] = "";
	const char *url;
	int rc;

	if (!e)
		return;
	rc = connect_msg_lookup_unpack(in, &e->lookup);
	b = e->lookup.binding;
	if (!rc && (e->lookup.index >= b->method->lookups.count ||
		    !b->lookup_urls[e->lookup.index]))
		rc = ERR_PROTOCOL;
	if (rc) {
		proc_reply(rq, rc, NULL);
		connect_exchange_free(e);
		return;
	}
	url = b->lookup_urls[e->lookup.index];
	rc = lookup_url(e, url);
	if (!rc)
		rc = connect_exchange_fields(e, b, e->lookup.headers, false);
	if (!rc)
		rc = connect_exchange_dest(e, b, url, e->http.url, detail,
					   sizeof(detail));
	if (rc) {
		connect_exchange_end(e, rc, detail[0] ? detail : err_text(rc));
		return;
	}
	e->fetch.method = SLICE("GET");
	e->fetch.fields = slice_of(secret_peek(e->http.fields),
				   secret_len(e->http.fields));
	connect_exchange_start(e, 0);
}
