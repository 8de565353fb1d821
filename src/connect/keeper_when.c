/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When: until when a token may be given out, when it is renewed, when a grant
 * that nobody uses must be renewed to stay alive, and when it will end
 * whatever is done.
 *
 *   obtained          due            good until   expires
 *      |---------------|-----------------|-----------|
 *         given out    renewed, if used    given out to nobody
 *
 * Only what the service's definition and the provider's answers say is taken
 * for known; where they say nothing, nothing is foretold.
 *
 * Runs in the keeper.
 */
#include <stdio.h>

#include "connect/keeper_priv.h"

enum {
	MARGIN_MAX_MS = 5 * 60 * 1000,
	UNSAFE_MAX_MS = 30 * 1000,
};

static const struct catalog_refresh *
rule_of(const struct binding *b)
{
	static const struct catalog_refresh none = { 0 };

	return b->method->refresh ? b->method->refresh : &none;
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Up to a part of ms, so that many do not come at once. */
static int64_t
jitter(int64_t ms)
{
	return ms > 0 ? (int64_t)(random_u64() % (uint64_t)(ms + 1)) : 0;
}

static int64_t
row_lifetime(const struct keeper_row *r)
{
	int64_t life = r->expires_at - r->obtained_at;

	return life > 0 ? life : 0;
}

bool
keeper_refresh_possible(const struct keeper_payload *p)
{
	if (p->binding->kind == CATALOG_OAUTH2_CLIENT_CREDENTIALS)
		return true;
	return p->binding->kind == CATALOG_OAUTH2_CODE &&
	       p->binding->refresh_url && p->binding->method->refresh &&
	       p->binding->method->refresh->supported &&
	       method_credential_get(&p->fields, SLICE("refresh_token"));
}

/* Before the end it is given to nobody: a part of the lifetime; and where a
 * service renews in its last seconds alone, there must be time left to do
 * so. */
static int64_t
unsafe_ms(const struct keeper_row *r, const struct catalog_refresh *rule)
{
	int64_t ms = least(row_lifetime(r) / 20, UNSAFE_MAX_MS);

	if (rule->window_s)
		ms = least(ms, (int64_t)rule->window_s * 1000 / 2);
	return ms;
}

int64_t
keeper_refresh_due_at(const struct keeper_row *r, const struct binding *b)
{
	const struct catalog_refresh *rule = rule_of(b);
	int64_t margin = least(row_lifetime(r) / 10, MARGIN_MAX_MS);
	int64_t window = (int64_t)rule->window_s * 1000;

	if (rule->margin_s)
		margin = (int64_t)rule->margin_s * 1000;
	/* a margin longer than the life would renew without end */
	margin = least(margin, row_lifetime(r) / 2);
	/* nor is it ahead when nobody gets the token any more */
	if (margin < unsafe_ms(r, rule))
		margin = unsafe_ms(r, rule);
	margin += jitter(margin / 8);
	/* once the service renews at all */
	if (window && margin > window)
		margin = window - jitter(window / 8);
	return r->expires_at - margin;
}

int64_t
keeper_refresh_opens_at(const struct keeper_row *r, const struct binding *b)
{
	uint32_t window_s = rule_of(b)->window_s;

	if (!window_s || !r->expires_at)
		return 0;
	return r->expires_at - (int64_t)window_s * 1000;
}

/* ---- staying alive ---- */

/* When the refresh token would die if it is not used; 0: it does not, or
 * that is not known. */
static int64_t
idle_end(const struct keeper_row *r, const struct keeper_payload *p,
	 const struct catalog_refresh *rule)
{
	int64_t at = 0;

	if (rule->idle_life_s)
		at = r->obtained_at + (int64_t)rule->idle_life_s * 1000;
	/* the end that came with one which is replaced at every use */
	if (rule->rotates && p->refresh_expires_at > r->obtained_at &&
	    (!at || p->refresh_expires_at < at))
		at = p->refresh_expires_at;
	return at;
}

/* ---- the end ---- */

static void
end_at(struct keeper_row *r, int64_t at, const char *why)
{
	if (at <= 0 || (r->ends_at && r->ends_at <= at))
		return;
	r->ends_at = at;
	snprintf(r->ends_why, sizeof(r->ends_why), "%s", why);
}

void
keeper_when_set(struct keeper_row *r, const struct keeper_payload *p)
{
	const struct catalog_refresh *rule = rule_of(p->binding);
	int64_t life;

	r->good_until = r->expires_at ? r->expires_at - unsafe_ms(r, rule) : 0;
	r->ends_at = r->idle_ends_at = r->keep_at = 0;
	r->ends_why[0] = '\0';
	if (p->binding->kind != CATALOG_OAUTH2_CODE)
		return;
	if (!keeper_refresh_possible(p)) {
		end_at(r, r->expires_at, "no_refresh");
		return;
	}
	if (rule->total_life_s)
		end_at(r, r->granted_at + (int64_t)rule->total_life_s * 1000,
		       "total_life");
	/* of a token that stays, its end does too: use does not put it off as
	 * it does the end by idleness */
	if (!rule->rotates)
		end_at(r, p->refresh_expires_at, "refresh_token");
	r->idle_ends_at = idle_end(r, p, rule);
	if (!r->idle_ends_at)
		return;
	/* two to three quarters of the way */
	life = r->idle_ends_at - r->obtained_at;
	r->keep_at = r->obtained_at + life / 2 + jitter(life / 4);
	if (r->ends_at && r->keep_at >= r->ends_at)
		r->keep_at = 0;
}
