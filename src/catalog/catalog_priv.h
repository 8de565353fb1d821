/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside catalog/: how a definition is read, and what its parts share.
 *
 *   text -> json -> (laid over its part) -> shape_read: tables of fields
 *        -> check_definition: what tables cannot say -> struct definition
 *        -> one cut-down definition a method, for bindings
 */
#ifndef CATALOG_PRIV_H
#define CATALOG_PRIV_H

#include <stdatomic.h>

#include "catalog/catalog.h"
#include "http/http.h"

/* ---- reading ---- */

/* Where problems go, and the arena that everything is copied into. */
struct reader {
	struct arena *arena;
	struct catalog_report *report;
	const char *file;
	/* Of a service over a part: pointers that are not in `own` are the
	 * part's.  NULL otherwise. */
	const json_t *own;
	const char *part_file;
	char path[256]; /* of the value being read */
	size_t problems;
	bool no_memory;
};

/* Notes a problem at the current path. */
void reader_problem(struct reader *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Notes a problem elsewhere: pointer is a format too. */
void reader_problem_at(struct reader *r, const char *pointer, const char *fmt,
		       ...) __attribute__((format(printf, 3, 4)));
/* Goes into a member (escaped) or an item; returns what to go back to. */
size_t reader_enter(struct reader *r, const char *name);
size_t reader_enter_index(struct reader *r, size_t index);
void reader_leave(struct reader *r, size_t mark);
/* Adds to a report without a reader. */
void report_add(struct catalog_report *report, const char *file,
		const char *pointer, const char *detail);

enum shape_kind {
	SHAPE_TEXT,    /* const char * */
	SHAPE_TEXTS,   /* struct catalog_texts: a list, or one text */
	SHAPE_PAIRS,   /* struct catalog_pairs: an object of texts */
	SHAPE_NUMBER,  /* uint32_t */
	SHAPE_BOOL,    /* bool */
	SHAPE_WORD,    /* an enum, one of `words` */
	SHAPE_OBJECT,  /* the struct itself, preset where absent */
	SHAPE_POINTER, /* a pointer to the struct, NULL where absent */
	SHAPE_LIST,    /* {items, count} from an array of objects */
	SHAPE_MAP,     /* {items, count} from an object of objects; the key
			* becomes the first member of the struct */
	SHAPE_STATUS,  /* {items, count} of status ranges */
	SHAPE_HTTP,    /* enum catalog_http: true, false, "loopback" */
	SHAPE_SKIP,    /* allowed, read elsewhere */
};

enum {
	SHAPE_REQUIRED = 1,
	SHAPE_LONG = 2,	    /* texts up to 1000 bytes instead of 300 */
	SHAPE_NONEMPTY = 4, /* of texts: not "" */
	SHAPE_PEM = 8,	    /* … with lines, and up to 16 KiB */
};

struct shape_field {
	const char *name;
	enum shape_kind kind;
	size_t offset;
	unsigned flags;
	uint32_t max;		 /* of numbers, and items of lists */
	const struct shape *sub; /* of objects, lists, maps */
	const char *const *words;
	const char *fallback; /* of texts */
	uint32_t preset;      /* of numbers, words and bools */
};

struct shape {
	const char *name; /* as in $defs of the schema */
	size_t size;
	const struct shape_field *fields;
	size_t count;
};

/* Reads an object after its shape into out (zeroed by the callee).  Every
 * problem goes to the reader; what has one keeps its preset. */
void shape_read(struct reader *r, const struct shape *s, const json_t *value,
		void *out);
/* Fills in what a definition gives when it says nothing. */
void shape_preset(const struct shape *s, void *out);

/* The shapes of a service and of all that it is made of. */
extern const struct shape shape_service;
/* Walks every shape, for the test that compares them with the schema. */
const struct shape *shape_next(size_t *cursor);

extern const char *const words_kind[], *const words_place[],
					       *const words_class[];
extern const char *const words_of[], *const words_per[];

/* ---- definitions ---- */

struct definition {
	struct service service; /* first: a service is its definition */
	atomic_uint refs;
	struct arena *arena;
	struct slice source;
	const char *org; /* of a custom one, else NULL */
	/* Cut down for bindings, one for each method; NULL in those. */
	struct definition **bound;
};

enum definition_mode {
	DEFINITION_DEFAULT,
	DEFINITION_CUSTOM,
	DEFINITION_SEALED_DEFAULT, /* from a binding: was checked before */
	DEFINITION_SEALED_CUSTOM,
};

/*
 * Reads and checks.  value is the whole (merged) definition, source its text
 * (copied).  ERR_INVALID with problems in the reader's report, ERR_NOMEM.
 * r->arena must be NULL; it becomes the definition's.
 */
int definition_new(struct reader *r, const json_t *value, struct slice source,
		   enum definition_mode mode, struct definition **out);
struct definition *definition_ref(struct definition *d);
void definition_unref(struct definition *d);
/* All that the tables cannot say. */
void check_definition(struct reader *r, struct service *s,
		      enum definition_mode mode);
/* What is usual and was not said: fields, injections, error rules. */
void usual_fill(struct reader *r, struct service *s);
/* Cuts down for each method, for bindings. */
int reduce_definition(struct definition *d, const json_t *value);

/* ---- templates ---- */

enum template_class {
	TEMPLATE_UNKNOWN,
	TEMPLATE_MISSING, /* known, but has no value (yet) */
	TEMPLATE_HOST,	  /* a whole host[:port], from a table or checked */
	TEMPLATE_LABEL,	  /* goes anywhere as it is */
	TEMPLATE_TEXT,	  /* percent-encoded in URLs, never in a host */
	TEMPLATE_URL,	  /* an https base URL, first in a template only */
};

struct template_value {
	enum template_class class;
	const char *text;
};

typedef struct template_value (*template_lookup)(void *arg, struct slice name);

enum {
	TEMPLATE_AS_URL = 1,	   /* encode; watch the authority */
	TEMPLATE_KEEP_UNKNOWN = 2, /* {name} stays where unknown */
};

/*
 * Appends the template with its values.  ERR_NOT_FOUND: name is unknown;
 * ERR_WRONG_STATE: has no value yet; ERR_INVALID: broken, or a value that may
 * not stand there.  name (may be NULL) gets the placeholder at fault.
 */
int template_expand(const char *text, template_lookup lookup, void *arg,
		    unsigned flags, struct buf *out, struct slice *name);
/* Whether the name is one of the placeholders. */
bool template_uses(const char *text, const char *name);

/* ---- small checks ---- */

bool catalog_is_name(const char *s, size_t max, const char *more);
bool catalog_is_label(struct slice s);
/* host[:port], canonical; wildcard: "*.suffix" too. */
bool catalog_is_host(const char *s, bool wildcard);
/* A parameter's value: no control characters, braces or non-ASCII. */
bool catalog_is_value(struct slice s);
bool catalog_is_scope(struct slice s);
/* Splits "host[:port]" or "*.suffix[:port]"; false when it is neither. */
bool binding_host_parse(const char *text, struct arena *a,
			struct binding_host *out);
/* Whether nobody vouches for `now` who does not for `sealed`. */
bool anchors_cover(const struct binding *sealed, const struct binding *now);
/* Whether the entry lets this canonical place through. */
bool binding_host_covers(const struct binding_host *h, const char *host,
			 bool https, uint16_t port);
/* Anchored with ^ and $ and compiles. */
bool catalog_pattern_is_sound(const char *pattern);
bool catalog_is_loopback(const char *host);
/* Whether this URL may be used at all: https, or http as allowed. */
bool catalog_url_is_allowed(const char *url, enum catalog_http allow,
			    const char **why);

/* ---- resolving (bind.c, value.c) ---- */

struct binding_full {
	struct binding b; /* first */
	struct arena *arena;
	struct definition *def;
	char base_host[HTTP_HOST_MAX + 8]; /* of the captured base URL */
};

struct binding_full *binding_full_of(const struct binding *b);
/* What a placeholder stands for: a template_lookup over a binding. */
struct template_value binding_value(void *arg, struct slice name);
/* The same, were the binding in this data centre (NULL: in none). */
struct template_value binding_value_in(const struct binding *b,
				       const char *data_centre,
				       struct slice name);
/* Appends a template with the binding's values, as template_expand(). */
int binding_expand(const struct binding *b, const char *text, struct buf *out);
/* The API's, or the method's own in its place. */
const char *catalog_base_url(const struct service *s,
			     const struct catalog_method *m);
const struct catalog_texts *catalog_hosts(const struct service *s,
					  const struct catalog_method *m);

/* A binding over a cut-down definition (a reference is taken): data centre,
 * parameters and values are copied, the rest resolved. */
int binding_resolve(struct definition *def, const char *data_centre,
		    const struct catalog_pairs *parameters,
		    const struct catalog_pairs *values, struct binding **out,
		    struct json_problem *problem);
const char *pairs_get(const struct catalog_pairs *p, struct slice name);
const struct catalog_parameter *
catalog_parameter_find(const struct service *s, const struct catalog_method *m,
		       struct slice name);

/* Whether a text can be this parameter's value (choose.c). */
bool catalog_parameter_is_sound(const struct catalog_parameter *p,
				const char *value);

/* ---- loading (load.c) ---- */

/* {part: its definition}; ERR_INVALID with a report. */
int load_parts(json_t **out, struct catalog_report *report);
int load_default(const struct embed_file *f, const json_t *parts,
		 struct catalog_report *report, struct definition **out);
/* c (may be NULL): whose default services' and their apps' ids are taken. */
int load_custom(const struct catalog *c, const struct catalog_source *source,
		struct catalog_report *report, struct definition **out);

#endif
