/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following redirects.
 *
 * A redirect is followed for GET and HEAD.  Where it leads to a host that the
 * connection may be used with, it is a call through the connection, with its
 * credential; anywhere else it is a bare call, which the guard lets go to
 * public addresses by https, without the credential, and without any field
 * of the author's that could be one.
 *
 * Runs on the worker's loop.
 */
#include "hook/hook_priv.h"

enum { URL_MAX = 16 * 1024 };

/* Whether the connection's credential may go there. */
static bool
run_is_own_host(const struct hook_run *r, const struct http_url *to)
{
	const struct call *c = &r->call;

	return c->snapshot &&
	       binding_hosts_allow(c->injection->binding, to->https,
				   slice_str(to->host), to->port) &&
	       binding_hosts_allow_grant(c->snapshot->binding,
					 c->injection->binding, to->https,
					 slice_str(to->host), to->port);
}

/* A URL for a foreign host must not carry what was echoed into it. */
static bool
run_carries_secret(struct hook_run *r)
{
	struct call_scrub *s = NULL;
	struct buf copy;
	bool found = true;

	buf_init(&copy, URL_MAX);
	buf_put_slice(&copy, buf_slice(&r->next));
	if (!buf_err(&copy) && !hook_run_scrub(r, &s)) {
		if (s)
			call_scrub_mask(s, copy.data, copy.len, true);
		found = s && (call_scrub_found(s) > 0 ||
			      hook_scrub_escaped(s, &copy));
	}
	call_scrub_free(s);
	buf_wipe(&copy);
	return found;
}

/* The URL that was called, without what the injection has put into it. */
static int
run_called(struct hook_run *r, struct buf *out)
{
	struct call *c = &r->call;

	buf_puts(out, c->url.https ? "https://" : "http://");
	buf_put_slice(out, egress_dest_authority(c->dest));
	buf_put_slice(out, c->base_path);
	buf_put_slice(out, c->path);
	return buf_err(out);
}

/* The path of an own host without the injection's, which is added anew. */
static void
run_strip_path(struct hook_run *r, const struct http_url *to)
{
	const struct secret *own = r->call.injection->path;
	size_t at = r->onward.len - to->path.len, len;

	if (!own || !slice_starts(to->path,
				  slice_of(secret_peek(own), secret_len(own))))
		return;
	len = secret_len(own);
	memmove(r->onward.data + at, r->onward.data + at + len,
		r->onward.len - at - len);
	r->onward.len -= len;
}

/* Reads Location: true, with r->onward and r->foreign, when it can be
 * followed. */
static bool
run_aim_redirect(struct hook_run *r, struct slice location)
{
	const struct call *c = &r->call;
	struct buf called;
	struct http_url to;
	bool ok, own;

	buf_init(&called, URL_MAX);
	buf_init(&r->onward, URL_MAX);
	ok = !run_called(r, &called) &&
	     !hook_redirect_resolve(buf_slice(&called), location, &r->onward) &&
	     !http_url_parse(buf_slice(&r->onward), &to, NULL) &&
	     (to.https || !c->url.https); /* what was private stays so */
	buf_wipe(&called);
	if (!ok) {
		buf_wipe(&r->onward);
		return false;
	}
	own = !r->foreign && run_is_own_host(r, &to);
	if (own)
		run_strip_path(r, &to);
	if (c->snapshot
		    ? !own
		    : strcmp(to.host, c->url.host) || to.port != c->url.port)
		r->foreign = true;
	return true;
}

/* On to the URL that the redirect gave; the call has ended. */
static void
run_onward(struct hook_run *r)
{
	buf_wipe(&r->next);
	r->next = r->onward;
	buf_init(&r->onward, URL_MAX);
	r->target = buf_cstr(&r->next);
	if (!r->target) {
		hook_result_problem(r->result, "unavailable", NULL, "%s.",
				    err_text(ERR_NOMEM));
		hook_run_no_answer(r);
		return;
	}
	if (r->foreign && run_carries_secret(r)) {
		hook_result_problem(r->result, "destination_not_allowed", NULL,
				    "The service redirects to a foreign host "
				    "with the connection's credential in the "
				    "URL: that is not followed.");
		r->sent = true;
		hook_run_no_answer(r);
		return;
	}
	hook_run_go_on(r);
}

bool
hook_run_follows(struct hook_run *r)
{
	const struct hook_document *d = r->config.document;
	struct call *c = &r->call;
	const struct http_field *f = http_head_find(&c->head, HTTP_LOCATION);
	struct hook_result *result = r->result;

	if ((strcmp(d->method, "GET") && strcmp(d->method, "HEAD")) || !f ||
	    !hook_redirect_status(c->head.status) ||
	    result->hop_count >= d->max_redirects ||
	    !run_aim_redirect(r, f->value))
		return false;
	buf_init(&r->hop_urls[result->hop_count], URL_MAX);
	buf_put_slice(&r->hop_urls[result->hop_count], buf_slice(&r->onward));
	result->hops[result->hop_count++].status = c->head.status;
	call_end(c, c->head.status);
	run_onward(r);
	return true;
}
