/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Look-ups after consent: what the service tells only who has a token, such
 * as the account's own host.
 *
 * One after another, each sent by the exchanger with the new token.  One
 * that the definition requires ends the consent when it fails; another is
 * left out.
 *
 * They have as long as whoever asked still waits, and not all of that: what
 * comes of them is to reach him.  A consent that nobody waits for any more
 * ends here, before anything of it is stored, and its tokens are given back.
 *
 * Runs in the keeper.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/keeper_getting_priv.h"

enum { EARLIER_MS = 2000 }; /* than whoever asked gives up */

static bool
scope_has(const struct binding *b, const char *list, const char *scope)
{
	struct slice rest = slice_str(list), one;

	while (slice_next(&rest, ' ', &one))
		if (one.len && binding_scope_covers(b, slice_str(scope), one))
			return true;
	return false;
}

static bool
look_up_applies(const struct keeper_getting *g, const struct catalog_lookup *l)
{
	size_t i;

	if (!l->needs_scope.count || !g->answer.has_scope)
		return true;
	for (i = 0; i < l->needs_scope.count; i++)
		if (scope_has(g->payload.binding, g->answer.scope,
			      l->needs_scope.items[i]) ||
		    scope_has(g->payload.binding, g->answer.second_scope,
			      l->needs_scope.items[i]))
			return true;
	return false;
}

/* An account's name that is, or has in it, the token's beginning (what was cut
 * to its buffer has no more) would be shown to everybody. */
static bool
account_is_echo(const struct keeper_getting *g, const char *account)
{
	enum { BEGINNING = 16 };
	const struct secret *token = g->answer.access_token;
	size_t len = token ? secret_len(token) : 0;

	if (len > BEGINNING)
		len = BEGINNING;
	return len && memmem(account, strlen(account), secret_peek(token), len);
}

static int
look_up_take(struct keeper_getting *g, const struct catalog_lookup *l,
	     const struct connect_msg_looked_up *m, char *detail, size_t size)
{
	size_t i;
	int rc = m->err;

	if (rc)
		snprintf(detail, size, "%s", m->detail);
	for (i = 0; i < l->values.count && i < m->value_count && !rc; i++) {
		if (m->values[i][0])
			rc = binding_set_value(
				g->payload.binding, &l->values.items[i],
				slice_str(m->values[i]), detail, size);
		else if (l->required)
			rc = ERR_NOT_FOUND;
	}
	if (!rc && m->account[0] && !account_is_echo(g, m->account))
		slice_cut(slice_str(m->account), g->account,
			  sizeof(g->account));
	return rc;
}

/* One has ended, or could not be had (rc). */
static void
look_up_over(struct keeper_getting *g, int rc, const char *detail)
{
	if (rc &&
	    g->payload.binding->method->lookups.items[g->lookup].required) {
		keeper_getting_fail(g, ERR_PROTOCOL, "lookup_failed", detail);
		return;
	}
	g->lookup++;
	keeper_getting_look_up(g);
}

static void
look_up_done(struct proc_call *call, int err, struct proc_unpack *in)
{
	struct keeper_getting *g =
		CONTAINER_OF(call, struct keeper_getting, call);
	const struct catalog_lookup *l =
		&g->payload.binding->method->lookups.items[g->lookup];
	struct connect_msg_looked_up *m = calloc(1, sizeof(*m));
	char detail[256] = "the look-up after consent was interrupted";
	int rc = m ? err : ERR_NOMEM;

	g->keeper->under_way--;
	if (!rc)
		rc = in ? connect_msg_looked_up_unpack(in, m) : ERR_PROTOCOL;
	if (!rc)
		rc = look_up_take(g, l, m, detail, sizeof(detail));
	free(m);
	look_up_over(g, rc, detail);
}

/* The next that there is; false: there is none. */
static bool
look_up_next(struct keeper_getting *g)
{
	const struct binding *b = g->payload.binding;

	while (g->lookup < b->method->lookups.count &&
	       (!look_up_applies(g, &b->method->lookups.items[g->lookup]) ||
		!b->lookup_urls[g->lookup]))
		g->lookup++;
	return g->lookup < b->method->lookups.count;
}

static uint32_t
look_up_left_ms(const struct keeper_getting *g)
{
	uint32_t left = proc_request_left_ms(g->rq);

	if (left <= EARLIER_MS)
		return 0;
	left -= EARLIER_MS;
	return left < CONNECT_TOKEN_MS ? left : CONNECT_TOKEN_MS;
}

static void
look_up_send(struct keeper_getting *g, uint32_t timeout_ms)
{
	struct connect_msg_lookup m = { .binding = g->payload.binding };
	struct method_credential fields = { 0 };
	struct method_injection add;
	struct proc_pack *p;
	int rc;

	rc = method_credential_set(&fields, "access_token",
				   secret_dup(g->answer.access_token));
	if (!rc)
		rc = method_inject(m.binding, &fields, &add);
	method_credential_release(&fields);
	if (rc) {
		keeper_getting_fail(g, rc, "", "The token cannot be sent.");
		return;
	}
	m.index = g->lookup;
	m.headers = add.headers;
	m.query = add.query;
	p = proc_pack_new();
	connect_msg_lookup_pack(&m, p);
	g->keeper->under_way++;
	proc_call_start(g->keeper->exchanger, CONNECT_EXCHANGER_LOOKUP, p,
			timeout_ms, &g->call, look_up_done);
	method_injection_release(&add);
}

/* Sends look-up number g->lookup with the new token, or goes on. */
void
keeper_getting_look_up(struct keeper_getting *g)
{
	uint32_t left;

	if (!proc_request_is_awaited(g->rq)) {
		keeper_getting_fail(g, ERR_TIMEOUT, "",
				    "Nobody waits for this consent any more.");
		return;
	}
	if (!look_up_next(g)) {
		keeper_getting_finish(g);
		return;
	}
	left = look_up_left_ms(g);
	if (left)
		look_up_send(g, left);
	else
		look_up_over(g, ERR_TIMEOUT,
			     "there was no time left for the look-up after "
			     "consent");
}
