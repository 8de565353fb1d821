/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeps each default service's connections alive, as its definition says
 * it: how long refresh tokens live and whether they are used once, what is
 * asked for so that there is one, PKCE, the headers of calls.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <ctype.h>
#include <cmocka.h>

#include "../support/catalog_world.h"

static struct binding *
bound_oauth(const char *service)
{
	return bound_with(service, "oauth", parameters_of(service));
}

/* ---- refresh tokens ---- */

static void
refresh_tokens_are_as_each_service_s_are(void **state)
{
	static const struct {
		const char *service;
		bool supported, rotates;
		uint32_t total_s, fallback_s; /* of the token's answer */
	} all[] = {
		{ "slack", true, true, 0, 0 },
		{ "notion", true, true, 0, 0 },
		{ "github", true, true, 0, 0 },
		{ "stripe", true, true, 31536000, 3600 },
		{ "hubspot", true, false, 0, 1800 },
		{ "dropbox", true, false, 0, 14400 },
		{ "salesforce", true, false, 0, 7200 },
		{ "zendesk", true, true, 7776000, 0 },
		{ "intercom", false, false, 0, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		struct binding *b = bound_oauth(all[i].service);
		const struct catalog_refresh *r = b->method->refresh;

		if (r->supported != all[i].supported ||
		    r->rotates != all[i].rotates ||
		    r->total_life_s != all[i].total_s ||
		    b->method->answer->expires_fallback_s != all[i].fallback_s)
			fail_msg("%s", all[i].service);
		binding_free(b);
	}
}

/* Slack's person as well as its bot. */
static void
both_of_slack_s_rotate(void **state)
{
	struct binding *b = bound_with("slack", "oauth_user", NULL);

	(void)state;
	assert_true(b->method->refresh->rotates);
	binding_free(b);
}

static bool
is_preset(const struct catalog_scopes *all, const char *name)
{
	size_t i;

	for (i = 0; i < all->count; i++)
		if (!strcmp(all->items[i].name, name))
			return all->items[i].preset;
	return false;
}

static void
scope_that_gives_a_refresh_token_is_preset(void **state)
{
	static const char *const all[][2] = {
		{ "jira", "offline_access" },
		{ "microsoft_graph", "offline_access" },
		{ "salesforce", "refresh_token" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++)
		if (!is_preset(&catalog_find(cat, NULL, all[i][0])->scopes,
			       all[i][1]))
			fail_msg("%s: %s", all[i][0], all[i][1]);
}

/* ---- PKCE ---- */

static void
pkce_is_on_but_where_it_is_known_not_to_work(void **state)
{
	static const char *const off[][2] = {
		{ "slack", "oauth" },	{ "slack", "oauth_user" },
		{ "hubspot", "oauth" }, { "notion", "oauth" },
		{ "stripe", "oauth" },	{ "intercom", "oauth" },
		{ "shopify", "oauth" },
	};
	const struct catalog_method *m;
	const struct service *s;
	size_t cursor = 0, i, j;
	bool pkce;

	(void)state;
	while ((s = catalog_next(cat, NULL, &cursor)) != NULL)
		for (i = 0; i < s->methods.count; i++) {
			m = &s->methods.items[i];
			if (m->kind != CATALOG_OAUTH2_CODE)
				continue;
			/* all of Zoho's share one part */
			pkce = !!strcmp(s->app.id, "zoho");
			for (j = 0; j < ARRAY_LEN(off); j++)
				if (!strcmp(off[j][0], s->id) &&
				    !strcmp(off[j][1], m->id))
					pkce = false;
			if (m->authorize->pkce != pkce)
				fail_msg("%s %s", s->id, m->id);
		}
}

/* Its page recommends it for confidential clients too, "common" or not. */
static void
microsoft_s_pkce_is_on_for_every_directory(void **state)
{
	static const char *const all[] = { NULL,
					   "{\"tenant\":\"organizations\"}",
					   "{\"data_centre\":\"usgov\"}" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		struct binding *b =
			bound_with("microsoft_graph", "oauth", all[i]);

		assert_true(b->method->authorize->pkce);
		binding_free(b);
	}
}

/* ---- the headers of calls ---- */

static const char *
header_of(const struct binding *b, const char *name)
{
	size_t i;

	for (i = 0; i < b->headers.count; i++)
		if (!strcmp(b->headers.items[i].name, name))
			return b->headers.items[i].value;
	return NULL;
}

static void
calls_carry_what_the_service_insists_on(void **state)
{
	static const char *const all[][4] = {
		{ "github", NULL, "User-Agent", "Drawbridge" },
		{ "github", NULL, "Accept", "application/vnd.github+json" },
		{ "github", NULL, "X-GitHub-Api-Version", "2022-11-28" },
		{ "notion", NULL, "Notion-Version", "2022-06-28" },
		{ "notion", "{\"notion_version\":\"2025-09-03\"}",
		  "Notion-Version", "2025-09-03" },
	};
	const struct service *s;
	const char *value;
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		s = catalog_find(cat, NULL, all[i][0]);
		/* every method's calls */
		for (j = 0; j < s->methods.count; j++) {
			struct binding *b = bound_with(
				all[i][0], s->methods.items[j].id, all[i][1]);

			value = header_of(b, all[i][2]);
			if (!value || strcmp(value, all[i][3]))
				fail_msg("%s %s: %s", all[i][0],
					 s->methods.items[j].id, all[i][2]);
			binding_free(b);
		}
	}
}

/* ---- words for people ---- */

/* NULL: it is a description. */
static const char *
flaw_of(const struct catalog_scope *c)
{
	const char *d = c->description;

	if (!d || !d[0])
		return "empty";
	if (islower((unsigned char)d[0]))
		return "a small letter first";
	if (d[strlen(d) - 1] == '.' || d[strlen(d) - 1] == ' ')
		return "an end that is none";
	if (strstr(d, "  ") || strchr(d, '_') || strstr(d, "://"))
		return "no plain words";
	return NULL;
}

/* People read it under the heading of its group. */
static bool
is_same(const struct catalog_scope *a, const struct catalog_scope *b)
{
	return !strcmp(a->description, b->description) &&
	       slice_eq(slice_str(a->group), slice_str(b->group));
}

static void
every_scope_is_described_once_and_in_words(void **state)
{
	const struct service *s;
	const struct catalog_scopes *all;
	size_t cursor = 0, i, j, list;
	const char *flaw;

	(void)state;
	while ((s = catalog_next(cat, NULL, &cursor)) != NULL)
		for (list = 0; list < 2; list++) {
			all = list ? &s->second_scopes : &s->scopes;
			for (i = 0; i < all->count; i++) {
				flaw = flaw_of(&all->items[i]);
				for (j = 0; !flaw && j < i; j++)
					if (is_same(&all->items[i],
						    &all->items[j]))
						flaw = all->items[j].name;
				if (flaw)
					fail_msg("%s: %s \"%s\": %s", s->id,
						 all->items[i].name,
						 all->items[i].description,
						 flaw);
			}
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refresh_tokens_are_as_each_service_s_are),
		cmocka_unit_test(both_of_slack_s_rotate),
		cmocka_unit_test(scope_that_gives_a_refresh_token_is_preset),
		cmocka_unit_test(pkce_is_on_but_where_it_is_known_not_to_work),
		cmocka_unit_test(microsoft_s_pkce_is_on_for_every_directory),
		cmocka_unit_test(calls_carry_what_the_service_insists_on),
		cmocka_unit_test(every_scope_is_described_once_and_in_words),
	};

	return cmocka_run_group_tests(tests, catalog_begin, catalog_end);
}
