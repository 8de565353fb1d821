/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A consent that brings no refresh token, for a grant that had one.
 *
 * Some providers give one at an account's first consent alone, unless they
 * are asked for another (Google: prompt=consent).  The one that is there stays
 * where it is certain that it is of the same access: the same account as the
 * provider has told both times, the same client id, the same place, and
 * nothing that the new binding may reach beyond the old one; or else who
 * changes a definition could have somebody's token sent elsewhere.  Otherwise
 * people are told that the access ends with its token, and what to do.
 *
 * Runs in the keeper.
 */
#include <stdio.h>

#include "connect/keeper_getting_priv.h"

static bool
texts_equal(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool
pairs_equal(const struct catalog_pairs *a, const struct catalog_pairs *b)
{
	size_t i;

	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++)
		if (strcmp(a->items[i].name, b->items[i].name) != 0 ||
		    strcmp(a->items[i].value, b->items[i].value) != 0)
			return false;
	return true;
}

static bool
place_is_same(const struct binding *old, const struct binding *now)
{
	char detail[256];

	return binding_covers(old, now, detail, sizeof(detail)) &&
	       texts_equal(old->data_centre, now->data_centre) &&
	       texts_equal(old->refresh_url, now->refresh_url) &&
	       texts_equal(old->base_url, now->base_url) &&
	       pairs_equal(&old->parameters, &now->parameters) &&
	       pairs_equal(&old->values, &now->values);
}

/* A request that is under way, or whose answer was lost, may have spent it. */
static bool
token_may_stay(const struct keeper_getting *g, const struct keeper_row *row,
	       const struct keeper_payload *old)
{
	char account[sizeof(g->account)];

	return row->status == CONNECT_CONNECTED && !row->leaving &&
	       !row->intent && g->account[0] &&
	       !strcmp(old->client_id, g->payload.client_id) &&
	       !keeper_token_account(g->keeper, row, account,
				     sizeof(account)) &&
	       !strcmp(account, g->account) &&
	       place_is_same(old->binding, g->payload.binding);
}

static void
token_keep(struct keeper_getting *g, const struct keeper_payload *old,
	   const struct secret *token)
{
	struct secret *copy = secret_dup(token);

	if (!copy ||
	    method_credential_set(&g->payload.fields, "refresh_token", copy)) {
		secret_free(copy);
		return;
	}
	g->kept = true;
	g->payload.refresh_expires_at = old->refresh_expires_at;
	g->narrower = strcmp(old->scope, g->payload.scope) != 0;
}

void
keeper_kept_take(struct keeper_getting *g, const struct keeper_row *row)
{
	struct keeper_payload old;
	const struct secret *token;

	if (!row->base || row->status == CONNECT_REVOKED ||
	    g->answer.refresh_token ||
	    g->payload.binding->kind != CATALOG_OAUTH2_CODE ||
	    keeper_payload_open(g->keeper, row, &old))
		return;
	token = method_credential_get(&old.fields, SLICE("refresh_token"));
	g->had_refresh = token != NULL;
	if (token && token_may_stay(g, row, &old))
		token_keep(g, &old, token);
	keeper_payload_release(&old);
}

void
keeper_kept_drop(struct keeper_getting *g)
{
	if (g->kept)
		method_credential_set(&g->payload.fields, "refresh_token",
				      NULL);
	g->kept = false;
}

const char *
keeper_kept_words(const struct keeper_getting *g, const struct keeper_row *row)
{
	if (g->kept && g->narrower)
		return "The provider gave no refresh token this time, and the "
		       "one from before is kept: what is granted beyond that "
		       "may be missing once the access is renewed.";
	if (!g->kept && g->had_refresh && row->expires_at)
		return "The provider gave no refresh token this time: the "
		       "access ends with its token. Where it gives one at "
		       "the first consent alone (Google), prompt=consent "
		       "among the definition's authorize parameters asks for "
		       "another.";
	return "";
}
