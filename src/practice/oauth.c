/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The practice service's authorization server, with Zoho's habits: commas
 * between scopes, a refresh token only for offline access, the token
 * endpoint's errors under HTTP 200, "Access Denied" for too many requests,
 * no new refresh token on refresh (unless rotation is switched on).
 */
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

#include "practice/practice_priv.h"

enum { CODE_LIFE_MS = 120 * 1000, TOKEN_LIFE_S = 3600, SHORT_LIFE_S = 10 };

static void
new_token(char *out, size_t size)
{
	char token[RANDOM_TOKEN_SIZE];

	random_token(token);
	snprintf(out, size, "1000.%s", token);
}

static bool
same_text(const char *a, const char *b)
{
	return a[0] && !strcmp(a, b);
}

/* ---- authorize ---- */

/* Only this machine's own pages may be sent back to. */
static bool
redirect_is_local(const char *uri)
{
	struct http_url url;

	return !http_url_parse(slice_str(uri), &url, NULL) &&
	       (!strcmp(url.host, "127.0.0.1") ||
		!strcmp(url.host, "localhost") || !strcmp(url.host, "[::1]"));
}

static bool
authorize_is_sound(struct practice_request *rq, struct slice form)
{
	char client[128], uri[512], type[16];

	practice_param(form, "client_id", client, sizeof(client));
	practice_param(form, "redirect_uri", uri, sizeof(uri));
	practice_param(form, "response_type", type, sizeof(type));
	if (strcmp(client, rq->p->client_id)) {
		practice_page_error(rq, "Invalid client",
				    "No app with this client id is "
				    "registered here.");
		return false;
	}
	if (!redirect_is_local(uri)) {
		practice_page_error(rq, "Invalid redirect URI",
				    "The practice service sends people back "
				    "to this machine only.");
		return false;
	}
	if (strcmp(type, "code")) {
		practice_page_error(rq, "Unsupported response type",
				    "Only response_type=code is known.");
		return false;
	}
	return true;
}

void
practice_authorize(struct practice_request *rq)
{
	char scope[512];

	if (!authorize_is_sound(rq, rq->query))
		return;
	practice_param(rq->query, "scope", scope, sizeof(scope));
	practice_page_consent(rq, scope);
}

static void
back_to_client(struct practice_request *rq, const char *name, const char *value)
{
	char uri[512], state[512];
	struct buf url;

	practice_param(rq->query, "redirect_uri", uri, sizeof(uri));
	practice_param(rq->query, "state", state, sizeof(state));
	buf_init(&url, 4096);
	buf_puts(&url, uri);
	buf_putc(&url, strchr(uri, '?') ? '&' : '?');
	buf_printf(&url, "%s=", name);
	codec_percent(&url, slice_str(value));
	if (state[0]) {
		buf_puts(&url, "&state=");
		codec_percent(&url, slice_str(state));
	}
	practice_redirect(rq, buf_cstr(&url));
	buf_release(&url);
}

void
practice_decide(struct practice_request *rq)
{
	struct practice_grant *g;
	char decision[16], access[16];

	if (!authorize_is_sound(rq, rq->query))
		return;
	practice_param(rq->body, "decision", decision, sizeof(decision));
	if (strcmp(decision, "accept")) {
		back_to_client(rq, "error", "access_denied");
		return;
	}
	g = calloc(1, sizeof(*g));
	if (!g) {
		practice_page_error(rq, "Out of memory", "Try again.");
		return;
	}
	practice_param(rq->query, "scope", g->scope, sizeof(g->scope));
	practice_param(rq->query, "redirect_uri", g->redirect_uri,
		       sizeof(g->redirect_uri));
	practice_param(rq->query, "code_challenge", g->challenge,
		       sizeof(g->challenge));
	practice_param(rq->query, "access_type", access, sizeof(access));
	practice_param(rq->body, "account", g->account, sizeof(g->account));
	if (!practice_is_customer(rq->p, g->account))
		memcpy(g->account, rq->p->tickets[0].email, sizeof(g->account));
	g->offline = !strcmp(access, "offline");
	new_token(g->code, sizeof(g->code));
	g->code_until_ms = clock_wall_ms() + CODE_LIFE_MS;
	g->next = rq->p->grants;
	rq->p->grants = g;
	back_to_client(rq, "code", g->code);
}

/* ---- token ---- */

static void
token_error(struct practice_request *rq, const char *error)
{
	practice_json(rq, 200, NULL, "{\"error\":\"%s\"}", error);
}

static void
token_grant(struct practice_request *rq, struct practice_grant *g,
	    bool with_refresh)
{
	int life = rq->p->faults[PRACTICE_SHORT_LIFE] ? SHORT_LIFE_S
						      : TOKEN_LIFE_S;
	unsigned slot = g->access_next++ % ARRAY_LEN(g->access);
	char refresh[128] = "";

	new_token(g->access[slot].token, sizeof(g->access[slot].token));
	g->access[slot].until_ms = clock_wall_ms() + life * 1000;
	if (with_refresh)
		snprintf(refresh, sizeof(refresh), "\"refresh_token\":\"%s\",",
			 g->refresh);
	practice_json(rq, 200, NULL,
		      "{\"access_token\":\"%s\",%s"
		      "\"scope\":\"%s\",\"api_domain\":"
		      "\"http://127.0.0.1:%u\",\"token_type\":\"Bearer\","
		      "\"expires_in\":%d}",
		      g->access[slot].token, refresh, g->scope, rq->p->port,
		      life);
}

/* RFC 7636 4.6, S256. */
static bool
verifier_matches(const char *challenge, const char *verifier)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	char text[CODEC_BASE64_SIZE(SHA256_DIGEST_LENGTH)];

	if (!challenge[0])
		return true;
	SHA256((const unsigned char *)verifier, strlen(verifier), hash);
	codec_base64url(hash, sizeof(hash), text);
	return !strcmp(text, challenge);
}

static void
token_exchange(struct practice_request *rq)
{
	char code[128], uri[512], verifier[256];
	struct practice_grant *g;

	practice_param(rq->body, "code", code, sizeof(code));
	practice_param(rq->body, "redirect_uri", uri, sizeof(uri));
	practice_param(rq->body, "code_verifier", verifier, sizeof(verifier));
	for (g = rq->p->grants; g; g = g->next)
		if (same_text(g->code, code))
			break;
	if (!g || clock_wall_ms() > g->code_until_ms ||
	    strcmp(uri, g->redirect_uri) ||
	    !verifier_matches(g->challenge, verifier)) {
		token_error(rq, "invalid_code");
		return;
	}
	g->code[0] = 0;
	if (g->offline)
		new_token(g->refresh, sizeof(g->refresh));
	token_grant(rq, g, g->offline);
}

static void
token_refresh(struct practice_request *rq)
{
	struct practice_grant *g;
	char token[128];
	bool rotate = rq->p->faults[PRACTICE_ROTATION];

	practice_param(rq->body, "refresh_token", token, sizeof(token));
	for (g = rq->p->grants; g; g = g->next)
		if (same_text(g->refresh, token) || same_text(g->spent, token))
			break;
	if (g && rotate && same_text(g->spent, token))
		g->dead = true; /* reuse: somebody has stolen it, perhaps */
	if (!g || g->dead || !same_text(g->refresh, token)) {
		token_error(rq, "invalid_code");
		return;
	}
	if (rotate) {
		memcpy(g->spent, g->refresh, sizeof(g->spent));
		new_token(g->refresh, sizeof(g->refresh));
	}
	token_grant(rq, g, rotate);
}

void
practice_token(struct practice_request *rq)
{
	char id[128], secret[128], type[64];

	rq->p->token_requests++;
	practice_param(rq->body, "client_id", id, sizeof(id));
	practice_param(rq->body, "client_secret", secret, sizeof(secret));
	practice_param(rq->body, "grant_type", type, sizeof(type));
	if (rq->p->faults[PRACTICE_OUTAGE])
		practice_json(rq, 503, NULL, "%s", "");
	else if (rq->p->faults[PRACTICE_THROTTLE])
		practice_json(rq, 400, NULL,
			      "{\"error_description\":\"You have made too many "
			      "requests continuously. Please try again after "
			      "some time.\",\"error\":\"Access Denied\","
			      "\"status\":\"failure\"}");
	else if (rq->p->faults[PRACTICE_ERROR_200])
		token_error(rq, "general_error");
	else if (strcmp(id, rq->p->client_id))
		token_error(rq, "invalid_client");
	else if (strcmp(secret, rq->p->client_secret))
		token_error(rq, "invalid_client_secret");
	else if (!strcmp(type, "authorization_code"))
		token_exchange(rq);
	else if (!strcmp(type, "refresh_token"))
		token_refresh(rq);
	else
		token_error(rq, "unsupported_grant_type");
}

void
practice_revoke(struct practice_request *rq)
{
	struct practice_grant *g;
	char token[128];

	practice_param(rq->query, "token", token, sizeof(token));
	if (!token[0])
		practice_param(rq->body, "token", token, sizeof(token));
	for (g = rq->p->grants; g; g = g->next)
		if (!g->dead && same_text(g->refresh, token))
			break;
	if (!g) {
		practice_json(rq, 400, NULL, "{\"status\":\"failure\"}");
		return;
	}
	g->dead = true;
	practice_json(rq, 200, NULL, "{\"status\":\"success\"}");
}

/* ---- what the API asks ---- */

struct practice_grant *
practice_bearer(struct practice_request *rq)
{
	const struct http_field *f =
		http_head_find(http_exchange_head(rq->x), HTTP_AUTHORIZATION);
	struct practice_grant *g;
	struct slice token;
	size_t i;

	if (!f || !slice_starts(f->value, SLICE("Zoho-oauthtoken ")))
		return NULL;
	token = slice_from(f->value, 16);
	for (g = rq->p->grants; g; g = g->next)
		for (i = 0; i < ARRAY_LEN(g->access); i++)
			if (g->access[i].token[0] && !g->dead &&
			    slice_eq(token, slice_str(g->access[i].token)))
				return clock_wall_ms() < g->access[i].until_ms
					       ? g
					       : NULL;
	return NULL;
}

void
practice_expire_tokens(struct practice *p)
{
	struct practice_grant *g;
	size_t i;

	for (g = p->grants; g; g = g->next)
		for (i = 0; i < ARRAY_LEN(g->access); i++)
			g->access[i].until_ms = 0;
}
