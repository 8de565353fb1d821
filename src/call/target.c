/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a call goes: base URL and path, or an absolute URL; and whether the
 * credential may go there.
 *
 * A destination is allowed only if both say so: the binding that the grant
 * was sealed with, and the definition as it is now.  So a definition that
 * was changed after consent cannot carry a credential to a new place, and
 * one that was narrowed is obeyed at once.
 */
#include <stdio.h>
#include <string.h>

#include "call/call_priv.h"

enum { ANCHORS_MAX = NET_ANCHORS_TEXT + 1 };

static bool
target_is_absolute(struct slice target)
{
	return !slice_starts(target, SLICE("/")) && target.len > 0;
}

/* A host of the same service in another data centre becomes the grant's. */
static void
target_replace_host(struct call *c, const struct binding *now,
		    const struct binding *sealed)
{
	const char *centre = binding_grant_centre(now, sealed);
	const char *own;

	if (!centre || !target_is_absolute(c->target))
		return;
	own = catalog_equivalent_host(now->service, slice_str(c->url.host),
				      centre);
	if (!own)
		return;
	snprintf(c->url.host, sizeof(c->url.host), "%s", own);
	c->host_replaced = true;
}

static int
target_parse(struct call *c)
{
	const char *why = NULL;

	if (http_url_parse(c->target, &c->url, &why)) {
		call_problem_set(c, 400, "invalid_target",
				 "Write /via/{link}/https://host/path.",
				 "The target URL cannot be used: %s.", why);
		return ERR_INVALID;
	}
	c->base_path = SLICE_NONE;
	c->path = c->url.path.len ? c->url.path : SLICE("/");
	return 0;
}

static int
target_relative(struct call *c, const struct http_url *base,
		const char *problem)
{
	if (problem) {
		call_problem_set(c, 409, "no_base_url",
				 "Give the whole URL: "
				 "/via/{link}/https://host/path.",
				 "The service has no base URL that could be "
				 "called: %s.",
				 problem);
		return ERR_INVALID;
	}
	c->url = *base;
	c->base_path = c->url.path;
	c->path = c->target;
	if (!c->base_path.len && !c->path.len)
		c->path = SLICE("/");
	return 0;
}

int
call_target_locate(struct call *c)
{
	const struct connect_snapshot *now = c->snapshot;

	c->base_unknown = false;
	c->host_replaced = false;
	if (target_is_absolute(c->target)) /* aim() may replace its host */
		return target_parse(c);
	/* Known to the grant alone (an instance's own URL): aim() finds it. */
	if (!now->binding->base_url) {
		c->base_unknown = true;
		c->base_path = SLICE_NONE;
		c->path = c->target.len ? c->target : SLICE("/");
		return 0;
	}
	return target_relative(c, &now->base, now->base_problem);
}

struct slice
call_target_path(struct call *c)
{
	char *scratch = c->worker->scratch;
	struct slice path, query;
	size_t len = 0;

	http_path_split(c->path, &path, &query);
	if (c->base_path.len + path.len > sizeof(c->worker->scratch))
		return SLICE("");
	if (c->base_path.len)
		memcpy(scratch, c->base_path.ptr, c->base_path.len);
	len = c->base_path.len;
	if (path.len)
		memcpy(scratch + len, path.ptr, path.len);
	return slice_of(scratch, len + path.len);
}

/* The definition's base was captured at consent (an instance's own URL), or
 * is of the grant's own data centre: only the sealed binding knows it. */
static bool
target_base_is_own(const struct binding *now, const struct binding *sealed)
{
	size_t i;

	if (binding_grant_is_abroad(now, sealed))
		return true;
	for (i = 0; i < sealed->method->captures.count; i++)
		if (sealed->method->captures.items[i].sets !=
		    CATALOG_SETS_NOTHING)
			return true;
	return sealed->values.count > 0;
}

static bool
target_allowed(const struct binding *b, const struct call *c)
{
	return binding_hosts_allow(b, c->url.https, slice_str(c->url.host),
				   c->url.port);
}

static bool
target_allowed_now(const struct binding *now, const struct binding *sealed,
		   const struct call *c)
{
	return binding_hosts_allow_grant(now, sealed, c->url.https,
					 slice_str(c->url.host), c->url.port);
}

static int
target_refuse(struct call *c, bool by_sealed)
{
	call_problem_set(
		c, 403, "destination_not_allowed",
		by_sealed ? "If the service's definition was changed, connect "
			    "anew: the stored credential stays bound to the "
			    "hosts it was given for."
			  : "Use a host of the connection's own service.",
		"The connection \"%s\" must not be used with %s.",
		c->snapshot->link, c->url.host);
	return ERR_BLOCKED;
}

/* The grant's own base, if it has one. */
static int
target_recapture(struct call *c, const struct binding *now,
		 const struct binding *sealed)
{
	const char *problem = "consent has not told it";
	struct http_url base;

	if (target_is_absolute(c->target))
		return 0;
	if (!c->base_unknown && !target_base_is_own(now, sealed))
		return 0;
	c->base_unknown = false;
	if (sealed->base_url &&
	    !http_url_parse(slice_str(sealed->base_url), &base, &problem))
		problem = NULL;
	return target_relative(c, &base, problem);
}

static int
target_refuse_anchors(struct call *c)
{
	call_problem_set(c, 403, "destination_not_allowed",
			 "Connect anew: the stored credential stays bound to "
			 "those who vouched for the service's hosts when it "
			 "was given.",
			 "The definition of the service behind \"%s\" now "
			 "trusts other certificates (\"ca\") for %s.",
			 c->snapshot->link, c->url.host);
	return ERR_BLOCKED;
}

static int
target_find_dest(struct call *c, const struct binding *now,
		 const struct binding *sealed)
{
	bool http = sealed->allow_http != CATALOG_HTTP_NEVER;
	const char *anchors;
	struct buf common;
	int rc;

	buf_init(&common, ANCHORS_MAX);
	rc = binding_anchors(now, sealed, &common, &anchors);
	if (rc == ERR_BLOCKED) {
		buf_release(&common);
		return target_refuse_anchors(c);
	}
	if (!rc)
		rc = egress_dest(c->worker->config.egress, &c->url, http,
				 anchors, &c->dest);
	buf_release(&common);
	if (rc == ERR_BLOCKED)
		return target_refuse(c, false);
	if (rc)
		call_problem_set(c, 503, "overloaded", NULL, "%s.",
				 err_text(rc));
	return rc;
}

int
call_target_aim(struct call *c, struct connect_entry *entry)
{
	const struct binding *sealed = c->injection->binding;
	const struct binding *now = c->snapshot->binding;
	bool is_base;
	int rc;

	/* This injection has been there before: neither it nor the
	 * definition has changed since. */
	if (entry->base && entry->base_for == c->injection &&
	    entry->snapshot == c->snapshot && !target_is_absolute(c->target)) {
		c->dest = entry->base;
		return 0;
	}
	rc = target_recapture(c, now, sealed);
	if (rc)
		return rc;
	target_replace_host(c, now, sealed);
	if (!target_allowed(sealed, c))
		return target_refuse(c, true);
	if (!target_allowed_now(now, sealed, c))
		return target_refuse(c, false);
	rc = target_find_dest(c, now, sealed);
	is_base = !target_is_absolute(c->target) &&
		  !target_base_is_own(now, sealed);
	if (!rc && is_base) {
		egress_dest_pin(c->dest);
		entry->base = c->dest;
		entry->base_for = c->injection;
	}
	return rc;
}

int
call_target_bare(struct call *c)
{
	int rc = target_parse(c);

	if (!rc)
		rc = egress_dest(c->worker->config.egress, &c->url, false, NULL,
				 &c->dest);
	if (rc == ERR_BLOCKED)
		call_problem_set(c, 403, "destination_not_allowed",
				 "Without a connection calls go by https "
				 "alone.",
				 "%s must not be called without TLS.",
				 c->url.host);
	else if (rc && !c->problem.status)
		call_problem_set(c, 503, "overloaded", NULL, "%s.",
				 err_text(rc));
	return rc;
}
