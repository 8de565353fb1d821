/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue as it is delivered, and bindings of its services.
 *
 * A unit test includes it behind cmocka, and has catalog_begin and
 * catalog_end as set-up and tear-down.
 */
#ifndef TESTS_SUPPORT_CATALOG_WORLD_H
#define TESTS_SUPPORT_CATALOG_WORLD_H

#include <stdlib.h>

#include "catalog/catalog.h"

static struct catalog *cat;

static inline int
catalog_begin(void **state)
{
	(void)state;
	return catalog_new(NULL, 0, &cat, NULL);
}

static inline int
catalog_end(void **state)
{
	(void)state;
	catalog_unref(cat);
	return 0;
}

/* parameters: JSON, or NULL. */
static inline int
bind_json(const struct service *s, const char *method, const char *parameters,
	  struct binding **out, struct json_problem *problem)
{
	json_t *p = parameters ? json_loads(parameters, 0, NULL) : NULL;
	int err;

	memset(problem, 0, sizeof(*problem));
	assert_true(!parameters || p);
	err = catalog_bind(s, method, p, out, problem);
	json_decref(p);
	return err;
}

static inline struct binding *
bound_with(const char *service, const char *method, const char *parameters)
{
	struct json_problem problem;
	struct binding *b;

	if (bind_json(catalog_find(cat, NULL, service), method, parameters, &b,
		      &problem))
		fail_msg("%s: %s %s", service, problem.pointer, problem.detail);
	return b;
}

/* Parameters that the service wants, whatever it is. */
static inline const char *
parameters_of(const char *service)
{
	static const char *const all[][2] = {
		{ "shopify", "{\"shop\":\"acme\"}" },
		{ "zendesk", "{\"subdomain\":\"acme\"}" },
		{ "zoho_salesiq", "{\"screen_name\":\"zylker\"}" },
		{ "twilio",
		  "{\"account_sid\":\"AC0123456789abcdef0123456789abcdef\"}" },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(all); i++)
		if (!strcmp(all[i][0], service))
			return all[i][1];
	return NULL;
}

static inline struct binding *
bound(const char *service)
{
	return bound_with(service, NULL, parameters_of(service));
}

/* A captured value comes in. */
static inline int
take(struct binding *b, const char *name, const char *value)
{
	char detail[256];
	size_t i;

	for (i = 0; i < b->method->captures.count; i++)
		if (!strcmp(b->method->captures.items[i].name, name))
			return binding_capture(b, &b->method->captures.items[i],
					       slice_str(value), detail,
					       sizeof(detail));
	fail_msg("no capture %s", name);
	return -1;
}

static inline bool
allows(const struct binding *b, const char *host)
{
	return binding_hosts_allow(b, true, slice_str(host), 0);
}

static inline char *
sealed(const struct binding *b)
{
	struct buf out;

	buf_init(&out, BINDING_JSON_MAX);
	assert_int_equal(binding_to_json(b, &out), 0);
	return buf_detach(&out);
}

#endif
