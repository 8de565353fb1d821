/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of catalog/: which services there are, and what each is like.
 *
 * A catalogue is an immutable snapshot: the default services (embedded
 * files services/<id>.json over shared parts services/parts/<id>.json) and
 * an organisation's custom ones, which come as text in the same format.
 * Definitions are read strictly; one that has a problem is not there at all,
 * and every problem says file, place and reason.  No secrets, no network.
 *
 * Roles: front and CLI read the catalogue; keeper and exchanger work with
 * bindings alone (catalog/binding.h).  May be read from several threads.
 */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include "catalog/binding.h"
#include "catalog/service.h"

struct catalog;

enum {
	CATALOG_TEXT_MAX = 256 * 1024, /* bytes of one definition */
	CATALOG_PROBLEMS_MAX = 20,
	CATALOG_ID_MAX = 50,
	CATALOG_SCOPE_MAX = 200, /* bytes of one */
};

struct catalog_problem {
	char file[80];	   /* "services/slack.json"; "" for text */
	char pointer[256]; /* RFC 6901 */
	char detail[256];
};

/* What is wrong with definitions, the first twenty. */
struct catalog_report {
	struct catalog_problem items[CATALOG_PROBLEMS_MAX];
	size_t count; /* of items */
	size_t total; /* also those that found no room */
};

/* A custom definition. */
struct catalog_source {
	const char *org;  /* id of the organisation that it belongs to */
	const char *file; /* what to call it in problems; may be NULL */
	struct slice text;
};

/*
 * The default services and these custom ones (count may be 0).  0 with a
 * catalogue that has every sound definition; the report (may be NULL) names
 * what was left out.  ERR_NOMEM; ERR_INVALID when a default one is broken,
 * which is our own fault and stops a start.  The catalogue has one
 * reference.
 */
int catalog_new(const struct catalog_source *custom, size_t count,
		struct catalog **out, struct catalog_report *report);
struct catalog *catalog_ref(struct catalog *c);
void catalog_unref(struct catalog *c);

/* A service by id: a default one, or one of this organisation's (org may be
 * NULL).  Borrowed from the catalogue; NULL where there is none. */
const struct service *catalog_find(const struct catalog *c, const char *org,
				   const char *id);
/* Walks what the organisation can use, by name; start with *cursor = 0;
 * NULL at the end. */
const struct service *catalog_next(const struct catalog *c, const char *org,
				   size_t *cursor);
/* The definition as it was written, borrowed. */
struct slice service_source(const struct service *s);
/* NULL: the first method.  NULL result: no such method. */
const struct catalog_method *service_method(const struct service *s,
					    const char *id);
const struct catalog_data_centre *service_data_centre(const struct service *s,
						      const char *id);

/* Whether a default service's OAuth app is called so. */
bool catalog_has_default_app(const struct catalog *c, const char *app);

/*
 * Checks a custom definition without keeping it.  c (may be NULL) is looked
 * at for ids that are taken by default services and their apps.  0 with its
 * id, or ERR_INVALID with a report.
 */
int catalog_check(const struct catalog *c, struct slice text,
		  char id[CATALOG_ID_MAX + 1], struct catalog_report *report);

/*
 * Puts a connection's choices into a definition.  parameters is the
 * connection's own object (NULL: none): "data_centre" and the definition's
 * parameters, strings or integers, unknown ones refused.  ERR_INVALID with a
 * problem that names the parameter ("/parameters/shop"); ERR_NOT_FOUND for
 * the method.  *out is owned (binding_free) and does not need the catalogue.
 */
int catalog_bind(const struct service *s, const char *method,
		 const json_t *parameters, struct binding **out,
		 struct json_problem *problem);

/*
 * Where an OAuth app's secret may be sent by a method: its URL (a template
 * of the definition) for every tenant, with '*' for the name of a tenant
 * that is not among the parameters (may be NULL), appended to out.
 * ERR_WRONG_STATE: the data centre has no such host, or a whole host must be
 * given; ERR_INVALID: a parameter is not of its form, or the tenant's name
 * would choose the host.
 */
int catalog_endpoint(const struct service *s, const struct catalog_method *m,
		     const char *url, const char *data_centre,
		     const json_t *parameters, struct buf *out);
/* Whether a URL is one of those: to the letter, but for each '*' one label
 * of a host or one piece of a path. */
bool catalog_endpoint_fits(const char *endpoint, struct slice url);

/*
 * The host of `data_centre` that is what `host` is in another one
 * (desk.zoho.com, "eu" → desk.zoho.eu).  NULL when host is none of this
 * service's, or the same already, or the other has none.  s may be a
 * binding's service.  Borrowed.
 */
const char *catalog_equivalent_host(const struct service *s, struct slice host,
				    const char *data_centre);

/* ---- scopes ---- */

struct catalog_suggestion {
	bool valid; /* can be a scope at all (RFC 6749 3.3) */
	bool known; /* is in the definition as typed */
	bool alias; /* the definition says that it means that scope */
	/* What it is, or what was probably meant; NULL: no idea, may be used
	 * and is to be marked. */
	const struct catalog_scope *scope;
	/* The alias's spelling where even that is unknown, else "". */
	char meant[CATALOG_SCOPE_MAX + 1];
};

/* Looks at a scope that was typed; second: in the second list. */
void catalog_scope_suggest(const struct service *s, bool second,
			   struct slice typed, struct catalog_suggestion *out);

/* ---- words for enums, as in definitions ("oauth2_code", "header") ---- */
const char *catalog_kind_name(enum catalog_kind k);
const char *catalog_place_name(enum catalog_place p);
const char *catalog_class_name(enum catalog_class c);
const char *catalog_quota_of_name(enum catalog_quota_of of);
const char *catalog_quota_per_name(enum catalog_quota_per per);

#endif
