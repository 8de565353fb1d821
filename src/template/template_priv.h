/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside template/: how a text becomes parts, and parts become a result.
 *
 *   text -> parse.c: parts, each a slice of text or a variable
 *             expression.c: name and filters of a variable
 *        -> place.c (url.c, xml.c): text encoded, an encoding a variable
 *   values -> render.c: each variable looked up and filtered (value.c,
 *             filter*.c), put through its encoding (encode.c)
 */
#ifndef TEMPLATE_PRIV_H
#define TEMPLATE_PRIV_H

#include "template/template.h"

/* ---- a compiled template ---- */

/* One step down: a member, or an item if member.ptr is NULL. */
struct step {
	struct slice member;
	size_t index;
};

enum argument_kind {
	ARGUMENT_TEXT,
	ARGUMENT_INTEGER,
	ARGUMENT_REAL,
	ARGUMENT_TRUE,
	ARGUMENT_FALSE,
	ARGUMENT_NULL,
};

struct argument {
	enum argument_kind kind;
	struct slice text;
	json_int_t integer;
	double real;
};

enum { FILTER_ARGUMENTS_MAX = 2 };

struct filter_call {
	const struct filter *filter;
	struct argument arguments[FILTER_ARGUMENTS_MAX];
	size_t count;
};

struct variable {
	struct template_variable use;
	const struct step *steps;
	size_t step_count;
	const struct filter_call *filters;
	size_t filter_count;
};

enum encoding {
	ENCODING_TEXT, /* as it is, without NUL */
	ENCODING_NONE, /* as it is */
	ENCODING_PERCENT,
	ENCODING_FORM,
	ENCODING_JSON,
	ENCODING_XML_TEXT,
	ENCODING_XML_ATTRIBUTE,
	ENCODING_XML_CDATA,
	ENCODING_HEADER,
	ENCODING_PART_NAME,
};

struct part {
	struct part *next;
	const struct variable *variable; /* or NULL: */
	struct slice text;
	size_t at; /* of the text in the source */
	enum encoding encoding;
};

/* An "@word" that stays text. */
struct stray {
	size_t at, len;
	bool after_word; /* as in name@host; else word is no scope */
};

enum { STRAYS_MAX = 50 };

struct template
{
	struct arena *arena; /* everything here lies in it */
	enum template_place place;
	struct slice text; /* the source */
	struct part *parts;
	struct template_variable *variables;
	size_t variable_count;
	struct stray *strays;
	size_t stray_count;
};

/* As template_compile(), into an arena that the caller frees. */
int template_compile_into(struct arena *arena, struct slice text,
			  enum template_place place, const char *const *scopes,
			  struct template **out,
			  struct template_problem *problem);

/* Fills the problem in (NULL: not), and returns `code`. */
int template_problem_set(struct template_problem *p, int code, size_t at,
			 size_t len, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* The same about a variable: its place, and its name before the sentence. */
int template_problem_variable(struct template_problem *p, int code,
			      const struct variable *v, const char *what);

/* ---- parse.c, expression.c ---- */

struct parser {
	struct template *t;
	const char *const *scopes;
	struct template_problem *problem;
	size_t at;	/* next byte to read */
	size_t literal; /* where text not yet put into a part begins */
	struct part **tail;
	size_t parts;
};

int template_parse(struct parser *p);

/* The byte `ahead` of the next one; -1 past the end. */
static inline int
parser_peek(const struct parser *p, size_t ahead)
{
	return ahead < p->t->text.len - p->at
		       ? (unsigned char)p->t->text.ptr[p->at + ahead]
		       : -1;
}

static inline struct slice
parser_rest(const struct parser *p)
{
	return slice_from(p->t->text, p->at);
}

void template_skip_spaces(struct parser *p);
/* Whether the next byte is c, which is then read. */
bool template_take(struct parser *p, char c);

/* Letters, digits, underscore: of a word, and of a name without braces. */
bool template_is_word(int c);
/* The length of the bare name at the front of s; 0: none. */
size_t template_bare_name(struct slice s);

/*
 * Both read at p->at and leave it behind the variable: after a bare "@", or
 * inside braces up to and with `close`.  `begin` is where the variable's
 * spelling begins.
 */
int template_read_bare(struct parser *p, size_t begin, struct variable **out);
int template_read_braced(struct parser *p, size_t begin, const char *close,
			 struct variable **out);

/* A variable being read, until its size is known. */
struct draft {
	struct parser *p;
	size_t begin;
	struct step steps[TEMPLATE_STEPS_MAX];
	size_t step_count;
	struct filter_call filters[TEMPLATE_FILTERS_MAX];
	size_t filter_count;
	struct buf name;
};

/* A problem at the next byte; `what` is a sentence. */
int template_draft_expect(const struct draft *d, const char *what);
int template_draft_too_much(const struct draft *d, const char *what, int max);
/* At the opening quote: the text, unescaped into the arena. */
int template_draft_quoted(struct draft *d, struct slice *out);
/* Behind the bar: adds the filter. */
int template_draft_filter(struct draft *d);

/* A JSON number (RFC 8259 6) as an argument; ERR_INVALID, ERR_TOO_LARGE. */
int template_number(struct slice text, struct argument *out);

/* ---- place.c, url.c, xml.c, encode.c ---- */

/* Gives every part its encoding, and encodes texts. */
int template_place_parts(struct template *t, struct template_problem *problem);
int template_url_place(struct template *t, struct template_problem *problem);
int template_xml_place(struct template *t, struct template_problem *problem);
/* Puts the encoded text in the part's place. */
int template_place_text(struct template *t, struct part *part, enum encoding e,
			struct template_problem *problem);

/* Watches the path of a URL while it is written. */
struct url_watch {
	const struct buf *out;
	size_t slash; /* where the segment being written begins */
	const struct variable *variable; /* the first one in it */
	bool in_path;
};

void template_url_watch_begin(struct url_watch *w, const struct buf *out);
/* After a text, a variable, the end. */
int template_url_watch_text(struct url_watch *w, struct slice text,
			    struct template_problem *problem);
void template_url_watch_variable(struct url_watch *w, const struct variable *v);
int template_url_watch_end(struct url_watch *w,
			   struct template_problem *problem);
/* What a whole segment, written with its leading slash, must not be ("an
 * empty segment"); NULL: fine. */
const char *template_url_segment_fault(struct slice segment);

/* What such a text must not have, and has ("has a …"); NULL: nothing. */
const char *template_encoding_fault(enum encoding e, struct slice s);
/* Appends well-formed UTF-8 encoded; ERR_INVALID with *why ("has …"). */
int template_encode_text(enum encoding e, struct slice text, struct buf *out,
			 const char **why);

/* ---- value.c, utf8.c ---- */

/* Borrowed; NULL where there is none. */
const json_t *template_value_find(const json_t *values,
				  const struct variable *v);
/* As text: the string itself, or written into scratch.  ERR_INVALID. */
int template_value_text(const json_t *value, struct buf *scratch,
			struct slice *out);
bool template_value_is_shallow(const json_t *value, int levels);
/* What the buffer holds as a string, owned; the buffer is released. */
int template_buf_string(struct buf *b, json_t **out);

/* The character at the front of well-formed UTF-8 (not empty), and its
 * length. */
uint32_t template_utf8_first(struct slice s, size_t *len);
int template_utf8_put(struct buf *out, uint32_t c);
size_t template_utf8_count(struct slice s);
/* The first `count` characters. */
struct slice template_utf8_head(struct slice s, size_t count);
uint32_t template_case_upper(uint32_t c);
uint32_t template_case_lower(uint32_t c);

/* ---- filters ---- */

struct filter_run {
	size_t max; /* bytes of a text on the way */
	struct template_budget *budget;
	const char *why; /* the last refusal: "is no date" */
};

/*
 * Makes *out (owned) of `in` (borrowed).  ERR_NOT_FOUND: cannot take this
 * (template_filter_refuse); ERR_INVALID: no UTF-8; ERR_TOO_LARGE, ERR_NOMEM.
 */
typedef int filter_apply(struct filter_run *run, const struct filter_call *call,
			 const json_t *in, json_t **out);
/* From text to text: appends what it makes of `s`, the value as text. */
typedef int filter_text(const struct filter_call *call, struct slice s,
			struct buf *out);

struct filter {
	struct template_filter about;
	filter_apply *apply; /* either this */
	filter_text *text;   /* or this */
	/* Of the arguments, in order: t(ext), n(umber: whole), a(ny). */
	const char *kinds;
	size_t required;
	json_int_t min, max;	       /* of n */
	bool takes_null, takes_absent; /* else they pass through */
	/* More to check when compiling; false with *why. */
	bool (*check)(const struct filter_call *call, const char **why);
};

/* NULL where there is none; then *near is a similar one, or NULL. */
const struct filter *template_filter_find(struct slice name, const char **near);
/* Whether the arguments fit; false with *why. */
bool template_filter_fits(const struct filter_call *call, const char **why);
/* Replaces *value, which is owned, and NULL where there is none; that it
 * cannot take it makes it NULL.  Other errors as above. */
int template_filter_apply(struct filter_run *run,
			  const struct filter_call *call, json_t **value);

/* For filters: ERR_NOT_FOUND. */
int template_filter_refuse(struct filter_run *run, const char *why);
/* Takes these bytes from the budget; ERR_TOO_LARGE: there are not as many,
 * and it is empty now. */
int template_filter_charge(struct filter_run *run, size_t bytes);
/* template_value_text(), charged. */
int template_filter_input(struct filter_run *run, const json_t *value,
			  struct buf *scratch, struct slice *out);
/* The result, taken out of the buffer; charged. */
int template_filter_output(struct filter_run *run, struct buf *b, json_t **out);

filter_apply template_filter_date, template_filter_default,
	template_filter_first, template_filter_fixed, template_filter_join,
	template_filter_json, template_filter_last, template_filter_length,
	template_filter_number, template_filter_round, template_filter_split;
filter_text template_text_base64, template_text_lower, template_text_replace,
	template_text_same, template_text_trim, template_text_truncate,
	template_text_upper, template_text_urlencode;
bool template_filter_date_check(const struct filter_call *call,
				const char **why);
bool template_filter_first_not_empty(const struct filter_call *call,
				     const char **why);

/* ---- render.c ---- */

/* What a rendering works with. */
struct render {
	const json_t *values;
	enum template_missing missing;
	struct template_budget *budget;
	struct template_problem *problem; /* or NULL */
};

/*
 * The variable's value after its filters, owned; NULL in *out where there is
 * none and that is fine.  Errors as of template_render().
 */
int template_variable_value(const struct render *r, const struct variable *v,
			    size_t max, json_t **out);

/* How large a value is as JSON; ERR_TOO_LARGE (depth too), ERR_INVALID. */
int template_measure(const json_t *value, size_t max_bytes, size_t *size,
		     struct template_problem *problem);
/* template_value(), and how large the result is as JSON. */
int template_value_sized(const struct render *r, const struct template *t,
			 size_t max_bytes, json_t **out, size_t *size);

#endif
