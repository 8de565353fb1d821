/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the checks of a definition: places and sample values.
 */
#ifndef CATALOG_CHECK_PRIV_H
#define CATALOG_CHECK_PRIV_H

#include "catalog/catalog_priv.h"

struct check {
	struct reader *r;
	struct service *s;
	enum definition_mode mode;
	/* What templates may use here. */
	const struct catalog_method *method;  /* NULL: any of them */
	const struct catalog_data_centre *dc; /* whose hosts are samples */
	const char *const *also;	      /* further names, or NULL */
};

/* A sample for every name that a template may use. */
struct template_value check_sample(void *arg, struct slice name);
/* A problem unless all names in the template are known. */
void check_template(struct check *c, const char *text);
/* The same for values that go into headers or parameters. */
void check_pairs(struct check *c, const char *member,
		 const struct catalog_pairs *p, bool headers);
/*
 * A URL template, with the hosts of every data centre: it must be a URL that
 * may be used wherever it resolves.  `needed`: data centres without its
 * hosts are not usable.
 */
void check_url(struct check *c, const char *member, const char *text,
	       bool needed);
void check_header_name(struct check *c, const char *name);
/* A pattern that compiles and is anchored; NULL is fine. */
void check_pattern(struct check *c, const char *member, const char *pattern);
/* A fixed link for people: https. */
void check_link(struct check *c, const char *member, const char *url);
void check_match(struct check *c, const struct catalog_match *m);
void check_matches(struct check *c, const char *member,
		   const struct catalog_matches *m);
void check_parameters(struct check *c, const struct catalog_parameters *p);
/* The API, and that every method has a base URL. */
void check_api(struct check *c);
void check_base_url(struct check *c);
/* Where a method's calls go, if not to the API's own place. */
void check_method_place(struct check *c, const struct catalog_method *m);
/* Everything in one method; the path is at it. */
void check_method(struct check *c, struct catalog_method *m);

#define CHECK_PROBLEM(c, member, ...) \
	do { \
		size_t mark_ = reader_enter((c)->r, member); \
		reader_problem((c)->r, __VA_ARGS__); \
		reader_leave((c)->r, mark_); \
	} while (0)

#endif
