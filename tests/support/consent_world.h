/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A consent on its way, from the ticket to the callback.
 */
#ifndef SUPPORT_CONSENT_WORLD_H
#define SUPPORT_CONSENT_WORLD_H

#include "front_world.h"

static const struct connect_who stranger;
static const char browser[] = "the-cookie-of-this-browser";
static const char issuer[] = "iss=https%3A%2F%2Flogin.example.com";

/* A session of the owner's: the hash of its cookie. */
static inline void
owner_signs_in(unsigned char hash[PEOPLE_HASH_SIZE])
{
	char value[RANDOM_TOKEN_SIZE];

	assert_int_equal(people_session_create(w.c, w.owner->member, value), 0);
	people_token_hash(slice_str(value), hash);
}

/* ---- a connection on its way ---- */

struct trip {
	struct connect_info info;
	const char *ticket;
	const char *url;
	char state[64];
	char redirect_uri[CONNECT_URL_SIZE];
};

static inline void
create(struct trip *t, bool per_user)
{
	static const char *scopes[] = { "tickets.READ", "tickets.ALL" };
	static const char *second[] = { "me.READ" };
	struct connect_new n = { .name = "Desk reader",
				 .service = "test_desk",
				 .scopes = { scopes, 2 },
				 .second_scopes = { second, 1 },
				 .per_user = per_user };

	memset(t, 0, sizeof(*t));
	if (connect_front_create(w.front, w.c, &w.who, &n, w.arena, &t->info,
				 &w.p))
		fail_msg("%s", w.p.detail);
}

static inline void
ask_ticket(struct trip *t)
{
	struct connect_ticket ticket;

	if (connect_front_authorize(w.front, w.c, &w.who, t->info.link, w.arena,
				    &ticket, &w.p))
		fail_msg("%s", w.p.detail);
	assert_memory_equal(ticket.url, "https://draw.example/connect/", 29);
	t->ticket = ticket.url + 29;
	assert_int_equal(strlen(t->ticket), 43);
}

static inline int
press_as(struct trip *t, const struct connect_who *who)
{
	return connect_front_press(w.front, w.c, who, slice_str(t->ticket),
				   slice_str(browser), w.arena, &t->url, &w.p);
}

static inline void
press(struct trip *t)
{
	const char *at;

	if (press_as(t, &stranger))
		fail_msg("%s", w.p.detail);
	at = strstr(t->url, "&state=");
	assert_non_null(at);
	snprintf(t->state, sizeof(t->state), "%.43s", at + 7);
	memcpy(t->redirect_uri, keeper.begin.redirect_uri,
	       sizeof(t->redirect_uri));
}

static inline void
set_out(struct trip *t)
{
	create(t, false);
	ask_ticket(t);
	press(t);
}

/* At the redirect URI of a custom service, or (NULL) of all default ones. */
static inline int
come_back_to(struct trip *t, const char *service, const char *cookie,
	     const char *query, struct connect_consent *out)
{
	struct connect_back back = { .service = service,
				     .browser = slice_str(cookie) };
	char text[8192];

	snprintf(text, sizeof(text), "state=%s&%s", t->state, query);
	back.query = slice_str(text);
	memset(&w.p, 0, sizeof(w.p));
	return connect_front_callback(w.front, w.c, &stranger, &back, w.arena,
				      out, &w.p);
}

/* Where the provider was told to send the browser. */
static inline int
come_back_in(struct trip *t, const char *cookie, const char *query,
	     struct connect_consent *out)
{
	char service[CATALOG_ID_MAX + 1];
	bool own = sscanf(t->redirect_uri,
			  "https://draw.example/oauth/services/%50[^/]/"
			  "callback",
			  service) == 1;

	return come_back_to(t, own ? service : NULL, cookie, query, out);
}

static inline int
come_back(struct trip *t, const char *query, struct connect_consent *out)
{
	return come_back_in(t, browser, query, out);
}

static inline const char *
with_issuer(const char *query)
{
	return arena_printf(w.arena, "%s&%s", query, issuer);
}

static inline void
look(struct trip *t)
{
	if (connect_front_get(w.front, w.c, &w.who, t->info.link, w.arena,
			      &t->info, &w.p))
		fail_msg("%s", w.p.detail);
}

#endif
