/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a provider sends the browser back to (RFC 9700 4.4.2.2).
 *
 *   all default services   PUBLIC_URL/oauth/callback
 *   a custom service       PUBLIC_URL/oauth/services/ID/callback
 *
 * Whoever defines a service says which page people are led to, and where the
 * code that comes back is sent.  Were there one address for all, he could lead
 * them to another service's provider, and get its code.  So that provider is to
 * refuse the address; and what comes to another one than its consent was begun
 * with is not used (front_callback.c).
 *
 * No address is another one's beginning, nor below it: there are providers that
 * take whatever is below what was registered (GitHub).
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>

#include "connect/front_priv.h"

/* Longer than the longest id of a service, so that none is cut to another. */
enum { PATH_SIZE = sizeof("/oauth/services//callback") + CATALOG_ID_MAX + 1 };

static void
redirect_path(const char *custom, char out[PATH_SIZE])
{
	if (custom)
		snprintf(out, PATH_SIZE, "/oauth/services/%.*s/callback",
			 CATALOG_ID_MAX + 1, custom);
	else
		snprintf(out, PATH_SIZE, "/oauth/callback");
}

int
front_redirect_uri(const struct connect_front *f, const struct service *s,
		   char out[CONNECT_URL_SIZE], struct connect_problem *p)
{
	char path[PATH_SIZE];
	int n;

	redirect_path(s->custom ? s->id : NULL, path);
	n = snprintf(out, CONNECT_URL_SIZE, "%s%s", f->public_url, path);
	if (n < CONNECT_URL_SIZE)
		return 0;
	out[0] = '\0';
	return connect_fail(p, ERR_TOO_LARGE, CONNECT_P_INTERNAL,
			    "Set a shorter one (--public-url).",
			    "The public URL leaves no room for the service's "
			    "redirect URI.");
}

/* What is behind the host. */
static struct slice
path_of(const char *url)
{
	struct slice rest = slice_str(url);

	rest = slice_from(rest, slice_find(rest, ':') + strlen("://"));
	return slice_from(rest, slice_find(rest, '/'));
}

bool
front_redirect_is_at(const struct connect_front *f, const char *uri,
		     const char *custom)
{
	char path[PATH_SIZE];

	redirect_path(custom, path);
	return slice_eq(slice_from(path_of(uri), path_of(f->public_url).len),
			slice_str(path));
}
