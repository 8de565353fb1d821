/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of template/: variables in requests, messages and conditions.
 *
 * A template is compiled once, when it is saved or loaded, and rendered as
 * often as needed.  docs/templates.md has the syntax for people:
 *
 *   @input.id  @{input.id}  {{input.id}}     the same variable
 *   {{input.id | trim | default: "none"}}    filters, in braces
 *   @@  {{{{                                 @ and {{ as text
 *
 * Each template has a *place*, where its result will stand: it decides how
 * values are encoded, so that no value can become anything but the value it
 * is.  Values are put in and never read again as templates.  There is no
 * language: no loops, no conditions, no calls, nothing nests.
 *
 * Runs in the front.  Opens nothing, waits for nothing, and never meets a
 * secret: credentials are added behind it, by a connection's injection.
 * Templates do not change once compiled: any number of threads may render
 * one, if each has values of its own.
 */
#ifndef TEMPLATE_TEMPLATE_H
#define TEMPLATE_TEMPLATE_H

#include "base/base.h"
#include "json/json.h"

/* ---- limits: beyond them, compiling says ERR_TOO_LARGE ---- */

enum {
	TEMPLATE_TEXT_MAX = 64 * 1024,	/* bytes of one template */
	TEMPLATE_PARTS_MAX = 2000,	/* variables, and texts around them */
	TEMPLATE_NAME_MAX = 200,	/* bytes of a variable's full name */
	TEMPLATE_STEPS_MAX = 16,	/* names and indexes in it */
	TEMPLATE_INDEX_MAX = 99999,	/* the n of [n] */
	TEMPLATE_FILTERS_MAX = 8,	/* on one variable */
	TEMPLATE_ARGUMENT_MAX = 256,	/* bytes of a filter's argument */
	TEMPLATE_JSON_TEXTS_MAX = 2000, /* strings of a JSON template */
	TEMPLATE_JSON_BYTES_MAX = 256 * 1024, /* all of them together */
	TEMPLATE_JSON_DEPTH_MAX = 32, /* levels, as in json_read(): of a JSON
				       * template, and of what it makes */
	/* Of rendering: bytes that filters read and write, all together. */
	TEMPLATE_WORK_MAX = 32 * 1024 * 1024,
};

/* ---- places ---- */

/*
 * Where the result will stand.  In a URL and in an XML document the
 * template's own text is written in the place's language and stays as it is;
 * everywhere else the text is plain, and is encoded like the values in it.
 * "Refused" is ERR_INVALID, for values when rendering, for the template's own
 * text when compiling.
 */
enum template_place {
	/* A chat message, a text body.  Nothing is changed, NUL refused. */
	TEMPLATE_IN_TEXT,
	/* A JSON value: a condition, an assignment.  See template_value(). */
	TEMPLATE_IN_VALUE,
	/*
	 * A whole URL, or the part of it from the path on ("/…").  No variable
	 * may stand before the path.  Values are percent-encoded (RFC 3986):
	 * in the path a value never is more than (part of) one segment; a
	 * segment that would be a dot segment (in any spelling that
	 * http_path_check() knows), or empty though a variable stands in it, is
	 * refused.  In the text, what may not stand in a URL is
	 * percent-encoded; a fragment, a broken escape or a backslash is
	 * refused.
	 */
	TEMPLATE_IN_URL,
	/* One path segment; empty and dot segments refused. */
	TEMPLATE_IN_PATH,
	/* Name or value of a query parameter: percent-encoded. */
	TEMPLATE_IN_QUERY,
	/* Name or value in application/x-www-form-urlencoded. */
	TEMPLATE_IN_FORM,
	/* The inside of a JSON string, without its quotes (RFC 8259 7). */
	TEMPLATE_IN_JSON,
	/*
	 * A whole XML document.  Variables may stand in text, in quoted
	 * attribute values and in CDATA sections, and nowhere else.
	 * Characters that XML 1.0 cannot hold are refused.
	 */
	TEMPLATE_IN_XML,
	/* XML character data, and the inside of a quoted attribute value. */
	TEMPLATE_IN_XML_TEXT,
	TEMPLATE_IN_XML_ATTRIBUTE,
	/* A field value (RFC 9110 5.5).  Control characters refused.  There is
	 * no place for the name of a field: those are literal. */
	TEMPLATE_IN_HEADER,
	/* A text part of multipart/form-data: nothing is changed.  Its end is
	 * found by the boundary, which must not depend on any value. */
	TEMPLATE_IN_PART,
	/* Name or file name of such a part, inside its quotes: CR, LF, " and
	 * backslash as %XX (as browsers do; backslash because some readers
	 * take it for an escape), other control characters refused. */
	TEMPLATE_IN_PART_NAME,
};

/* ---- problems ---- */

/* What is wrong, for people.  Never quotes a value.  Set by whoever fails
 * with ERR_INVALID, ERR_TOO_LARGE or ERR_NOT_FOUND; may be NULL everywhere. */
struct template_problem {
	size_t at, len;	   /* where: bytes of the template's text */
	char pointer[256]; /* of the string in a JSON template (RFC 6901) */
	char name[TEMPLATE_NAME_MAX + 1]; /* the variable, or "" */
	char text[384];			  /* a sentence */
};

/* ---- compiling ---- */

struct template;

/* "input", "block", "flow", "global", "session", "zoho". */
extern const char *const template_usual_scopes[];

/*
 * Compiles `text` (UTF-8) for its place.  `scopes` (NULL-terminated) are the
 * first names that a variable may have: "@word" is a variable only if word
 * is among them, and text otherwise.  It is not checked here whether a
 * variable exists: template_check() does that.
 *
 * *out is owned (template_free); nothing is borrowed.  ERR_INVALID,
 * ERR_TOO_LARGE with the problem set; ERR_NOMEM.
 */
int template_compile(struct slice text, enum template_place place,
		     const char *const *scopes, struct template **out,
		     struct template_problem *problem);
void template_free(struct template *t);

/* Appends a template that gives this text, whatever its place and the scopes
 * are; the text alone, nothing beside it.  buf's errors. */
int template_quote(struct buf *out, struct slice text);

/* ---- rendering ---- */

/* What becomes of a variable that has no value and no `default` filter. */
enum template_missing {
	TEMPLATE_MISSING_EMPTY, /* "", and null where a value stands alone */
	TEMPLATE_MISSING_ERROR, /* ERR_NOT_FOUND */
};

/*
 * The work that filters may still do, in bytes that they read and write.  A
 * result is bounded by its size; what is made on the way to it, and cut down
 * again by the last filter, is bounded by this alone.
 *
 * Each rendering has TEMPLATE_WORK_MAX of its own.  Whoever renders many
 * templates for one thing (the request of a webhook, the blocks of one move
 * of a conversation) begins one budget,
 *
 *	struct template_budget work = { TEMPLATE_WORK_MAX };
 *
 * and hands it to a template_…_within() of each: together they then do no
 * more than that.  What does not fit any more is ERR_TOO_LARGE and leaves 0,
 * so that left tells afterwards whether it was that.  Of one thread at a
 * time; nothing to release.
 */
struct template_budget {
	size_t left;
};

/*
 * Appends the result to `out`.  `values` is an object: its members are the
 * scopes.  A variable has no value if there is no such member or item, or if
 * a filter cannot take what there is (letters as a date).
 *
 * As text, a string is itself, a number as json_write() writes it (1.0 stays
 * 1.0), true and false are words, null is "", an object or list is compact
 * JSON.
 *
 * Not for TEMPLATE_IN_VALUE.  ERR_NOT_FOUND (see above); ERR_INVALID: a value
 * that cannot stand in its place, or is no UTF-8, or is nested more than 64
 * levels; ERR_TOO_LARGE: the result or a value on the way to it would exceed
 * out->max, or the filters their budget; each with the problem set.
 * ERR_NOMEM.  After an error `out` holds what it held before; an error of its
 * own sticks to it.
 */
int template_render(const struct template *t, const json_t *values,
		    enum template_missing missing, struct buf *out,
		    struct template_problem *problem);
int template_render_within(const struct template *t, const json_t *values,
			   enum template_missing missing,
			   struct template_budget *budget, struct buf *out,
			   struct template_problem *problem);

/*
 * The result as a JSON value, of a template compiled for TEMPLATE_IN_VALUE:
 * one variable alone (with filters) gives its value, of whatever type;
 * anything else a string.  *out is owned, and may share parts with `values`,
 * which must then not be changed in place.
 *
 * max_bytes bounds the value written as JSON; more than
 * TEMPLATE_JSON_DEPTH_MAX levels are ERR_TOO_LARGE too.  Other errors as
 * above.
 */
int template_value(const struct template *t, const json_t *values,
		   enum template_missing missing, size_t max_bytes,
		   json_t **out, struct template_problem *problem);
int template_value_within(const struct template *t, const json_t *values,
			  enum template_missing missing,
			  struct template_budget *budget, size_t max_bytes,
			  json_t **out, struct template_problem *problem);

/* ---- JSON templates ---- */

struct template_json;

/*
 * A JSON value whose strings are templates for TEMPLATE_IN_VALUE.  The names
 * of members are literal: no value ever makes one.  `tree` is copied.
 * Otherwise as template_compile().
 */
int template_json_compile(const json_t *tree, const char *const *scopes,
			  struct template_json **out,
			  struct template_problem *problem);
void template_json_free(struct template_json *t);

/* As template_value(), for the whole tree. */
int template_json_render(const struct template_json *t, const json_t *values,
			 enum template_missing missing, size_t max_bytes,
			 json_t **out, struct template_problem *problem);
int template_json_render_within(const struct template_json *t,
				const json_t *values,
				enum template_missing missing,
				struct template_budget *budget,
				size_t max_bytes, json_t **out,
				struct template_problem *problem);

/* ---- what a template uses ---- */

struct template_variable {
	const char *name; /* "input.items[0].id", however it was spelt */
	size_t at, len;	  /* bytes of the template's text */
	bool has_default; /* a `default` filter: may be absent */
};

/* The variables in the order in which they stand; *list is borrowed from t.
 * Returns how many. */
size_t template_variables(const struct template *t,
			  const struct template_variable **list);

enum template_finding_kind {
	TEMPLATE_UNKNOWN, /* a variable that cannot exist */
	TEMPLATE_AS_TEXT, /* "@word" that stays text: a hint, no fault */
};

struct template_finding {
	enum template_finding_kind kind;
	size_t at, len;
	char pointer[256]; /* in a JSON template, else "" */
	char text[384];
};

/*
 * Compares with `known` (NULL-terminated): full names ("input.email",
 * "zoho.im.user.id"), below which anything may be, and "session.*" for a
 * scope whose names are not known beforehand.  A variable is fine if it is
 * at, above or below a known name.  Writes up to `max` findings and returns
 * how many there are.
 */
size_t template_check(const struct template *t, const char *const *known,
		      struct template_finding *out, size_t max);

/* The string templates of a JSON template, for the two functions above:
 * the i-th and its pointer (borrowed from t), or NULL past the last. */
const struct template *template_json_at(const struct template_json *t, size_t i,
					const char **pointer);
/* template_check() over all of them. */
size_t template_json_check(const struct template_json *t,
			   const char *const *known,
			   struct template_finding *out, size_t max);

/* ---- filters, for help and completion ---- */

struct template_filter {
	const char *name;
	const char *usage; /* "truncate: length, \"…\"" */
	const char *help;  /* one sentence */
};

/* The i-th in alphabetical order, or NULL past the last. */
const struct template_filter *template_filter_at(size_t i);

#endif
