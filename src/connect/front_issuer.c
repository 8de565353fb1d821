/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who answers must be who was asked (RFC 9207 2.4, RFC 9700 4.4).
 *
 * Default services share one callback, and an app can be registered with more
 * redirect URIs than its own (front_redirect.c), so a server that somebody was
 * sent to could lead him on to another one, and get that one's code.  `iss`
 * tells whose code it is:
 *
 *   the definition names the issuer   it must be that, to the letter
 *   a custom one that names none      it must be of the origin that was asked
 *   a default one that names none     or of one that is known to be the same
 *                                     provider's: where the code is sent to,
 *                                     or another of its data centres
 *
 * The code goes where the definition said when consent began; so a definition
 * that has changed since has no say in whose answer it is.
 */
#include "connect/front_priv.h"
#include "http/http.h"

static void
whom_add(struct vault_hasher *h, const char *text)
{
	vault_hasher_add(
		h, slice_of(text ? text : "", text ? strlen(text) + 1 : 1));
}

void
front_issuer_whom(const struct binding *b, char out[FRONT_WHOM_SIZE])
{
	unsigned char hash[VAULT_HASH_SIZE];
	struct vault_hasher h;

	vault_hasher_init(&h);
	whom_add(&h, b->authorize_url);
	whom_add(&h, b->token_url);
	whom_add(&h, b->issuer);
	vault_hasher_end(&h, hash);
	codec_hex(hash, sizeof(hash), out);
}

static bool
origin_is_of(const struct http_url *iss, const char *text)
{
	struct http_url url;

	return text && !http_url_parse(slice_str(text), &url, NULL) &&
	       url.https == iss->https && url.port == iss->port &&
	       !strcmp(url.host, iss->host);
}

/* A host of one of the service's data centres. */
static bool
origin_is_a_centres(const struct service *s, const struct http_url *iss)
{
	const struct catalog_pairs *hosts;
	size_t i, j;

	if (!iss->https || iss->port != 443)
		return false;
	for (i = 0; i < s->data_centres.count; i++) {
		hosts = &s->data_centres.items[i].hosts;
		for (j = 0; j < hosts->count; j++)
			if (!strcmp(hosts->items[j].value, iss->host))
				return true;
	}
	return false;
}

static bool
issuer_fits(const struct binding *b, const char *iss)
{
	struct http_url url;

	if (b->issuer)
		return !strcmp(iss, b->issuer);
	if (http_url_parse(slice_str(iss), &url, NULL))
		return false;
	if (origin_is_of(&url, b->authorize_url))
		return true;
	return !b->service->custom && (origin_is_of(&url, b->token_url) ||
				       origin_is_a_centres(b->service, &url));
}

int
front_issuer_check(const struct binding *b, const char *iss, const char *whom,
		   struct connect_problem *p)
{
	char now[FRONT_WHOM_SIZE];

	front_issuer_whom(b, now);
	if (whom[0] && strcmp(whom, now) != 0)
		return connect_fail(p, ERR_WRONG_STATE,
				    CONNECT_P_CONSENT_FAILED,
				    "Start again with Connect.",
				    "The service's addresses were changed "
				    "after this consent was begun.");
	if (iss ? issuer_fits(b, iss)
		: !b->issuer || !b->method->authorize->issuer_required)
		return 0;
	return connect_fail(p, ERR_FORBIDDEN, CONNECT_P_CONSENT_FAILED,
			    b->issuer || !b->service->custom
				    ? "Start again with Connect; if it happens "
				      "again, somebody may be mixing up "
				      "sign-in servers."
				    : "If the provider's issuer is at another "
				      "address than its sign-in page, name it "
				      "in the definition (authorize.issuer).",
			    "The answer does not come from the server that was "
			    "asked (\"iss\" is %s).",
			    iss ? "another one" : "missing");
}
