/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asked for and granted: answers as the providers give them, read with the
 * default services' own definitions, and what of the scopes is missed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "connect/front_priv.h"
#include "method/method.h"
#include "../support/catalog_world.h"

struct seen {
	const char *service, *method;
	const char *asked, *second; /* by spaces; "" none */
	const char *answer;
	const char *missing; /* by spaces */
};

#define TOKEN "{\"access_token\":\"t\",\"token_type\":\"Bearer\","
#define GOOGLE TOKEN "\"expires_in\":3599,\"refresh_token\":\"r\",\"scope\":\""
#define GOOGLE_MAIL "https://www.googleapis.com/auth/userinfo.email"
#define SHEETS "https://www.googleapis.com/auth/spreadsheets"
#define GRAPH "https://graph.microsoft.com/"
#define MICROSOFT TOKEN "\"expires_in\":4799,\"scope\":\""
#define SHOPIFY "{\"access_token\":\"t\",\"scope\":\""
#define SLACK_BOT \
	"{\"ok\":true,\"token_type\":\"bot\",\"access_token\":\"xoxb-1\"," \
	"\"team\":{\"id\":\"T9TK3CUKW\",\"name\":\"Acme\"},\"scope\":\""
#define SLACK_USER \
	"{\"ok\":true,\"app_id\":\"A1\",\"team\":{\"id\":\"T1\"," \
	"\"name\":\"Acme\"},\"authed_user\":{\"id\":\"U1\"," \
	"\"token_type\":\"user\",\"access_token\":\"xoxp-1\",\"scope\":\""
#define HUBSPOT \
	TOKEN "\"expires_in\":1800,\"refresh_token\":\"r\",\"hub_id\":62515," \
	      "\"scopes\":["
#define GITHUB \
	"{\"access_token\":\"gho_1\",\"token_type\":\"bearer\"," \
	"\"scope\":\""

static const struct seen all[] = {
	/* Google names e-mail and profile otherwise, and adds openid */
	{ "google_sheets", "oauth", SHEETS " email", "",
	  GOOGLE SHEETS " " GOOGLE_MAIL " openid\"}", "" },
	{ "gmail", "oauth", "email profile openid", "",
	  GOOGLE "openid " GOOGLE_MAIL
		 " https://www.googleapis.com/auth/userinfo.profile\"}",
	  "" },
	{ "google_drive", "oauth", GOOGLE_MAIL, "",
	  GOOGLE "openid " GOOGLE_MAIL "\"}", "" },
	{ "google_sheets", "oauth", SHEETS " email", "",
	  GOOGLE GOOGLE_MAIL " openid\"}", SHEETS },
	{ "google_sheets", "oauth", SHEETS " email", "", GOOGLE SHEETS "\"}",
	  "email" },
	{ "google_sheets", "oauth", SHEETS, "", GOOGLE SHEETS ".readonly\"}",
	  SHEETS },
	/* Microsoft never tells offline_access, and corrects letters */
	{ "microsoft_graph", "oauth", "User.Read offline_access Files.Read.All",
	  "", MICROSOFT "Files.Read.All openid User.Read profile email\"}",
	  "" },
	{ "microsoft_graph", "oauth", "user.read mail.read offline_access", "",
	  MICROSOFT GRAPH "User.Read " GRAPH "Mail.Read\"}", "" },
	{ "microsoft_graph", "oauth", GRAPH "Mail.Read offline_access", "",
	  MICROSOFT "Mail.Read openid profile email\"}", "" },
	{ "microsoft_graph", "oauth", GRAPH ".default offline_access", "",
	  MICROSOFT "User.Read profile openid email\"}", "" },
	{ "microsoft_graph", "oauth", "User.Read Mail.Send offline_access", "",
	  MICROSOFT "User.Read Mail.Read profile openid email\"}",
	  "Mail.Send" },
	{ "microsoft_graph", "oauth", "Mail.Read", "",
	  MICROSOFT "https://outlook.office.com/Mail.Read\"}", "Mail.Read" },
	/* Shopify drops what reads beside what writes */
	{ "shopify", "oauth", "read_products write_products read_orders", "",
	  SHOPIFY "write_products,read_orders\"}", "" },
	{ "shopify", "oauth", "read_products read_orders", "",
	  SHOPIFY "write_products\"}", "read_orders" },
	{ "shopify", "oauth", "write_products", "", SHOPIFY "read_products\"}",
	  "write_products" },
	/* Slack has two lists, and a method asks for one of them */
	{ "slack", "oauth", "chat:write channels:read", "",
	  SLACK_BOT "chat:write,channels:read\",\"authed_user\":"
		    "{\"id\":\"U1\"}}",
	  "" },
	{ "slack", "oauth", "chat:write channels:read", "",
	  SLACK_BOT "channels:read\",\"authed_user\":{\"id\":\"U1\"}}",
	  "chat:write" },
	{ "slack", "oauth_user", "", "search:read chat:write",
	  SLACK_USER "search:read,chat:write\"}}", "" },
	{ "slack", "oauth_user", "", "search:read chat:write",
	  SLACK_USER "chat:write\"}}", "search:read" },
	/* of another list than it asks for: as stored by somebody else */
	{ "slack", "oauth_user", "chat:write channels:read", "search:read",
	  SLACK_USER "search:read\"}}", "" },
	{ "slack", "oauth", "chat:write", "search:read",
	  SLACK_BOT "chat:write\"}", "" },
	/* HubSpot leaves out what is optional as it sees fit */
	{ "hubspot", "oauth", "oauth crm.lists.read", "crm.export",
	  HUBSPOT "\"oauth\",\"crm.lists.read\"]}", "" },
	{ "hubspot", "oauth", "oauth crm.lists.read", "crm.export",
	  HUBSPOT "\"oauth\",\"crm.export\"]}", "crm.lists.read" },
	/* GitHub drops what another includes */
	{ "github", "oauth", "user gist user:email read:user", "",
	  GITHUB "gist,user\"}", "" },
	{ "github", "oauth", "repo public_repo repo:status read:org", "",
	  GITHUB "admin:org,repo\"}", "" },
	{ "github", "oauth", "repo read:user", "",
	  GITHUB "public_repo,read:user\"}", "repo" },
	{ "github", "oauth", "write:org", "", GITHUB "read:org\"}",
	  "write:org" },
	/* none told: as asked */
	{ "google_sheets", "oauth", SHEETS " email", "",
	  TOKEN "\"expires_in\":3599}", "" },
	{ "notion", "oauth", "", "", TOKEN "\"workspace_name\":\"Acme\"}", "" },
};

static struct arena *arena;

static struct connect_texts
words(const char *text)
{
	struct connect_texts out;

	assert_int_equal(front_texts_of_words(text, arena, &out), 0);
	return out;
}

/* The keeper's news of an answer of the provider's. */
static void
grant_of(const struct binding *b, const char *body, const char *what,
	 struct connect_msg_grant *g)
{
	static struct method_answer answer;
	char *copy = strdup(body);

	method_oauth2_answer(b, METHOD_EXCHANGE, 200, copy, strlen(copy), NULL,
			     NULL, 0, &answer);
	free(copy);
	if (!answer.ok)
		fail_msg("%s: refused %s", what, answer.error);
	memset(g, 0, sizeof(*g));
	g->has_scope = answer.has_scope;
	snprintf(g->scope, sizeof(g->scope), "%s", answer.scope);
	snprintf(g->second_scope, sizeof(g->second_scope), "%s",
		 answer.second_scope);
	method_answer_release(&answer);
}

static void
what_was_refused_is_missed_and_nothing_else(void **state)
{
	static struct connect_msg_grant g;
	struct front_row r = { 0 };
	struct binding *b;
	const char *missing;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		arena = arena_new(256 * 1024);
		b = bound_with(all[i].service, all[i].method,
			       parameters_of(all[i].service));
		r.scopes = words(all[i].asked);
		r.second_scopes = words(all[i].second);
		grant_of(b, all[i].answer, all[i].service, &g);
		missing = front_scopes_missing(b, &r, &g, arena);
		if (strcmp(missing, all[i].missing))
			fail_msg("%s, %s: missing \"%s\", not \"%s\"",
				 all[i].service, all[i].answer, missing,
				 all[i].missing);
		binding_free(b);
		arena_free(arena);
	}
}

/* The presets of a service: what a connection of it asks for by default. */
static void
presets_of_the_other_list_are_not_asked_for(void **state)
{
	struct binding *bot = bound_with("slack", "oauth", NULL);
	struct binding *person = bound_with("slack", "oauth_user", NULL);
	const char *scopes[] = { "chat:write", "channels:read" };
	struct connect_texts t = { scopes, 2 };
	char out[100];

	(void)state;
	assert_int_equal(front_scope_join(bot, false, &t, out, sizeof(out)), 0);
	assert_string_equal(out, "chat:write,channels:read");
	assert_int_equal(front_scope_join(bot, true, &t, out, sizeof(out)), 0);
	assert_string_equal(out, "");
	assert_int_equal(front_scope_join(person, false, &t, out, sizeof(out)),
			 0);
	assert_string_equal(out, "");
	assert_int_equal(front_scope_join(person, true, &t, out, sizeof(out)),
			 0);
	assert_string_equal(out, "chat:write,channels:read");
	binding_free(bot);
	binding_free(person);
}

static void
what_was_asked_is_kept_with_both_lists(void **state)
{
	struct connect_texts first, second = { 0 };
	char whom[FRONT_WHOM_SIZE];
	struct front_row r = { 0 };
	struct buf text;

	(void)state;
	arena = arena_new(64 * 1024);
	r.scopes = words("a b");
	r.second_scopes = words("c");
	buf_init(&text, 1024);
	assert_int_equal(front_asked_json(&r, "f00d", &text), 0);
	assert_string_equal(buf_cstr(&text),
			    "[[\"a\",\"b\"],[\"c\"],\"f00d\"]");
	assert_int_equal(front_asked_of_json(buf_slice(&text), arena, &first,
					     &second, whom),
			 0);
	assert_string_equal(whom, "f00d");
	assert_int_equal(first.count, 2);
	assert_string_equal(first.items[1], "b");
	assert_int_equal(second.count, 1);
	assert_string_equal(second.items[0], "c");
	/* as it was kept before */
	second.items = NULL;
	assert_int_equal(front_asked_of_json(SLICE("[\"a\"]"), arena, &first,
					     &second, whom),
			 0);
	assert_string_equal(whom, "");
	assert_int_equal(first.count, 1);
	assert_null(second.items);
	buf_release(&text);
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_refused_is_missed_and_nothing_else),
		cmocka_unit_test(presets_of_the_other_list_are_not_asked_for),
		cmocka_unit_test(what_was_asked_is_kept_with_both_lists),
	};

	return cmocka_run_group_tests(tests, catalog_begin, catalog_end);
}
