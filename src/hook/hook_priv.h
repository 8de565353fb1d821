/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of hook/.
 */
#ifndef HOOK_HOOK_PRIV_H
#define HOOK_HOOK_PRIV_H

#include <stdatomic.h>

#include "hook/hook.h"

/* ---- a compiled document ---- */

enum hook_body {
	HOOK_BODY_NONE,
	HOOK_BODY_JSON,
	HOOK_BODY_FORM,
	HOOK_BODY_MULTIPART,
	HOOK_BODY_TEXT,
	HOOK_BODY_XML,
	HOOK_BODY_GRAPHQL,
};

/* A row of query, headers, form or parts. */
struct hook_row {
	const struct template *name;  /* of headers: NULL */
	const char *header;	      /* of headers alone: the name */
	const struct template *value; /* NULL: data */
	/* parts alone */
	const struct template *filename; /* or NULL */
	const char *content_type;	 /* or NULL */
	struct slice data;		 /* of content_base64 */
};

struct hook_rows {
	struct hook_row *items;
	size_t count;
};

/* ---- retry.c: what is tried again, and when ---- */

enum hook_retry_on {
	HOOK_ON_TRANSPORT = 1,
	HOOK_ON_429 = 2,
	HOOK_ON_502 = 4,
	HOOK_ON_503 = 8,
	HOOK_ON_504 = 16,
	HOOK_ON_ALL = 31,
};

/* The bit of a status that may be tried again; 0 for any other. */
unsigned hook_retry_on_status(int64_t status);

struct hook_retries {
	unsigned max;
	unsigned on; /* enum hook_retry_on */
};

/* How an attempt has ended. */
struct hook_outcome {
	int status;	/* of the service; 0: it has not answered */
	bool transport; /* not answered (or not to its end), for want of a
			  * connection or of time: it may be well again */
	struct slice retry_after; /* of the answer, or ours in seconds */
};

/*
 * Whether to try again, and then after how many milliseconds.  attempt: how
 * many there were; left_ms: of the run's time.  random: any number (jitter).
 * keyed: it carries an idempotency key.
 */
bool hook_retry(const struct hook_retries *r, struct slice method, bool keyed,
		const struct hook_outcome *o, unsigned attempt, int64_t left_ms,
		uint64_t random, int64_t *delay_ms);
/* Whether retries may be asked for at all with this method. */
bool hook_retry_is_allowed(struct slice method, bool keyed);

/* ---- the response list ---- */

enum hook_from { HOOK_STATUS, HOOK_WHOLE_BODY, HOOK_HEADER, HOOK_JSONPATH };
enum hook_missing {
	HOOK_MISSING_EMPTY,
	HOOK_MISSING_DEFAULT,
	HOOK_MISSING_ERROR
};
enum hook_shape { HOOK_AUTO, HOOK_SINGLE, HOOK_LIST };

struct hook_mapping {
	const char *variable; /* as written */
	const char *full;     /* "block.…" */
	const char *source;   /* as written */
	enum hook_from from;
	const char *header;    /* HOOK_HEADER */
	struct jsonpath *path; /* HOOK_JSONPATH; owned */
	bool list;	       /* gives a list */
	enum hook_missing missing;
	json_t *fallback; /* HOOK_MISSING_DEFAULT; owned */
};

struct hook_codes {
	int from, to; /* the same: one code */
};

struct hook_entry {
	const char *name;
	struct hook_codes codes[HOOK_CODES_MAX];
	size_t code_count;
	struct hook_mapping *mappings;
	size_t mapping_count;
};

/* A template of the document. */
struct hook_text {
	const struct template *t;
	const char *pointer;
	bool owned; /* else a JSON template's */
};

struct hook_document {
	_Atomic unsigned refs;
	struct arena *arena; /* holds all that is not said to be owned */
	const char *connection, *method;
	const struct template *url;
	struct hook_rows query, headers, parts;
	enum hook_body body;
	const struct template *text;
	struct template_json *json;	 /* owned; graphql: variables */
	const char *graphql, *operation; /* operation may be NULL */
	uint32_t timeout_ms;
	size_t max_bytes;
	unsigned max_redirects;
	struct hook_retries retries;
	const struct template *key; /* idempotency key, or NULL */
	struct hook_entry *entries;
	size_t entry_count;
	struct hook_text *texts; /* owned, with room for text_room */
	size_t text_count, text_room;
};

/* ---- compile*.c ---- */

/* Where compiling has come to. */
struct hook_compiling {
	struct hook_document *d;
	const char *const *scopes;
	hook_report *report;
	void *arg;
	size_t reported;
	bool failed;  /* some problem was an error */
	bool starved; /* out of memory */
	size_t len;
	char pointer[512];
};

/* Steps down in the pointer; gives the mark for hook_at_back(). */
size_t hook_at(struct hook_compiling *c, const char *name);
size_t hook_at_index(struct hook_compiling *c, size_t i);
void hook_at_back(struct hook_compiling *c, size_t mark);
/* A problem at the pointer. */
void hook_problem(struct hook_compiling *c, enum hook_severity severity,
		  const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* In the document's arena; NULL (and starved) when that is used up. */
void *hook_alloc(struct hook_compiling *c, size_t size);
const char *hook_copy(struct hook_compiling *c, const char *text);

/* A member, null taken for absent. */
const json_t *hook_member(const json_t *o, const char *name);
/* A problem at a member; what: a sentence. */
void hook_wrong(struct hook_compiling *c, const char *name, const char *code,
		const char *what);
/* Members of an object, each with its problem told.  NULL or the fallback
 * where there is none, or a wrong one. */
void hook_only(struct hook_compiling *c, const json_t *o,
	       const char *const *names);
const char *hook_get_str(struct hook_compiling *c, const json_t *o,
			 const char *name, bool required, size_t max);
int64_t hook_get_int(struct hook_compiling *c, const json_t *o,
		     const char *name, int64_t min, int64_t max,
		     int64_t fallback);
bool hook_get_bool(struct hook_compiling *c, const json_t *o, const char *name,
		   bool fallback);
const json_t *hook_get_array(struct hook_compiling *c, const json_t *o,
			     const char *name, bool required, size_t max);
/* The index of the member's text in a NULL-terminated list. */
int hook_get_word(struct hook_compiling *c, const json_t *o, const char *name,
		  const char *const *words, int fallback);
/* The member's text as a template; NULL: absent, or a problem. */
void hook_get_template(struct hook_compiling *c, const json_t *o,
		       const char *name, bool required,
		       enum template_place place, const struct template **out);
struct template_json *hook_template_json(struct hook_compiling *c,
					 const json_t *tree);

/* compile_request.c */
void hook_compile_request(struct hook_compiling *c, const json_t *request);
/* Rows {name, value, off?}, and of parts more; those that are off are left
 * out. */
enum hook_rows_kind {
	HOOK_IN_QUERY,
	HOOK_IN_HEADERS,
	HOOK_IN_FORM,
	HOOK_IN_PARTS
};
void hook_compile_rows(struct hook_compiling *c, const json_t *list,
		       enum hook_rows_kind kind, struct hook_rows *out);
/* compile_body.c */
void hook_compile_body(struct hook_compiling *c, const json_t *request);
/* compile_answer.c */
void hook_compile_answer(struct hook_compiling *c, const json_t *list);

/* ---- build.c: the request of one run ---- */

struct hook_built {
	struct arena *arena; /* borrowed: the result's */
	const char *url;     /* absolute, or a path; with its query */
	struct hook_fields headers;
	size_t firm; /* the first of them; the rest are our own defaults, for
		      * which the service's are taken where it has some */
	struct buf body;
	bool keyed;	       /* it carries an idempotency key */
	const char *unset[32]; /* variables without a value */
	size_t unset_count;
	char why[768]; /* it cannot be built: a sentence */

	struct template_budget work; /* of all its templates together */
	const _Atomic bool *stop;    /* or NULL */
};

/*
 * Work thread.  ERR_INVALID with why; ERR_NOMEM; ERR_CANCELLED: *stop (NULL:
 * never) was true between two templates.  hook_built_release() in any case.
 */
int hook_build(const struct hook_document *d, const json_t *values,
	       struct arena *arena, const _Atomic bool *stop,
	       struct hook_built *out);
void hook_built_release(struct hook_built *b);
/* The value of a built header field; NULL. */
const char *hook_built_header(const struct hook_built *b, const char *name);

/* build_body.c */
int hook_build_body(const struct hook_document *d, const json_t *values,
		    struct hook_built *b, const char **content_type);
/* A variable that has no value: told in the result. */
void hook_note_unset(struct hook_built *b, const char *name);
/* Whether to build on: 0, ERR_CANCELLED. */
int hook_build_goes_on(const struct hook_built *b);
/* Renders; ERR_INVALID with b->why.  what: "The URL" … */
int hook_render(struct hook_built *b, const struct template *t,
		const json_t *values, const char *what, struct buf *out);

/* ---- run.c, follow.c, send.c, finish.c: a run ---- */

enum { HOOK_INJECTIONS_MAX = 16 };

enum hook_run_state {
	HOOK_RUN_BUILD, /* on a work thread */
	HOOK_RUN_CALL,
	HOOK_RUN_PAUSE,	 /* before it is tried again, or goes on elsewhere */
	HOOK_RUN_FINISH, /* on a work thread */
	HOOK_RUN_OVER,
};

struct hook_run {
	enum hook_run_state state;
	struct hook_run_config config;
	char *subject;
	struct hook_result *result;
	struct hook_built built;
	int build_err;
	bool cancelled;	   /* while a work thread has it */
	bool late;	   /* its time was over before it was built */
	_Atomic bool stop; /* for the work thread: either of them */

	struct call call;
	struct loop_work work;
	struct loop_timer deadline, pause;
	struct loop_again again;
	uint64_t began_us;
	uint64_t ends_ms; /* loop's time */

	/* the request that is under way */
	const char *target; /* of the arena; hops: of next */
	struct buf onward;  /* where a redirect leads, on its way there */
	struct buf next;    /* the URL of a redirect; wiped */
	bool foreign;	    /* a redirect to somebody else's host */
	bool sent;	    /* something may have gone out, in any attempt */
	size_t body_sent;
	unsigned body_attempt;
	struct buf hop_urls[HOOK_REDIRECTS_MAX]; /* as they are; wiped */

	/* the answer as it came; wiped */
	int status;
	struct buf head; /* "Name: value\r\n" */
	struct buf body;
	char coding[64];
	bool is_json;  /* says its Content-Type */
	bool is_piece; /* of the bytes, and not all of them */
	bool truncated;
	bool too_many; /* values, to be read as JSON */

	/* whose secrets must not come back; references */
	struct connect_injection *injections[HOOK_INJECTIONS_MAX];
	size_t injection_count;
};

/* send.c: the run as a client of call/. */
extern const struct call_client hook_client;
/* Keeps the injection of the call under way, for scrubbing. */
void hook_run_keep_injection(struct hook_run *r);
/* run.c: what the client has seen. */
void hook_run_answered(struct hook_run *r); /* the head; the call lives */
void hook_run_read(struct hook_run *r);	    /* more of the body */
void hook_run_failed(struct hook_run *r, const struct call_problem *p);
void hook_run_rehearsed(struct hook_run *r);
void hook_run_no_answer(struct hook_run *r);
/* On with the call to r->target, soon. */
void hook_run_go_on(struct hook_run *r);
/* follow.c.  True: the answer whose head is there was a redirect, and is
 * followed (or refused); the call has ended. */
bool hook_run_follows(struct hook_run *r);
/* send.c: the call of the run's present target. */
void hook_run_call(struct hook_run *r);
/* finish.c, on a work thread: from the answer to the result. */
void hook_run_finish(struct hook_run *r);
/* A scrubber over all secrets of the run; NULL where there are none. */
int hook_run_scrub(struct hook_run *r, struct call_scrub **out);
/* Masks what a URL holds behind percent-escapes of any kind, and then leaves
 * it without them; whether there was something. */
bool hook_scrub_escaped(struct call_scrub *s, struct buf *url);
/* result.c */
struct hook_result *hook_result_new(void);
/* Without what is there to be shown. */
void hook_result_slim(struct hook_result *r);
/* The first problem stays. */
void hook_result_problem(struct hook_result *r, const char *code,
			 const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* ---- hold.c: memory of answers under way ---- */

/*
 * That the run of this result has so many bytes now, in all; its end gives
 * them back.  False, with the problem in the result: there is no room, and it
 * must not take them.
 */
bool hook_hold(struct hook_result *r, size_t bytes);

/* ---- redirect.c ---- */

/*
 * Where a Location leads, seen from the URL that was called: absolute, without
 * fragment and dot segments.  ERR_INVALID: it cannot be followed.
 */
int hook_redirect_resolve(struct slice base, struct slice location,
			  struct buf *out);
/* 301, 302, 303, 307, 308. */
bool hook_redirect_status(int status);
/* Whether a field of the author's may follow to another origin. */
bool hook_redirect_keeps(struct slice name);

/* ---- answer.c: bytes to values ---- */

/*
 * A JSON text as a value, leniently: numbers that do not fit are strings of
 * their digits, "\u0000" and lone surrogates are U+FFFD, of equal names the
 * last counts.  ERR_INVALID: no JSON, or deeper than HOOK_JSON_DEPTH.
 * ERR_TOO_LARGE: its values would take too much memory (HOOK_TREE_BASE).
 */
int hook_json_read(struct slice text, json_t **out);
/* The same in two steps: a text that is read strictly (appended; clean may
 * have to be twice as large, and 16 bytes), and how many bytes its values
 * will take at most; then the values. */
int hook_json_clean(struct slice text, struct buf *clean, size_t *size);
int hook_json_load(const struct buf *clean, json_t **out);
/* Masks in every string of a tree, names too; NULL scrub: nothing. */
int hook_json_scrub(struct call_scrub *s, json_t **value);

/* ---- map.c ---- */

/* The answer as the response list sees it. */
struct hook_answer {
	int status;
	const struct hook_fields *headers;
	json_t *body; /* borrowed */
	bool body_is_json;
	bool too_many; /* values: it is JSON, and was left as text */
};

/* The entry of a status: an exact code, else a class; NULL: none. */
const struct hook_entry *hook_entry_find(const struct hook_document *d,
					 int status);
/*
 * The mappings' values in a new object.  ERR_NOT_FOUND: one is missing where
 * that is an error; ERR_TOO_LARGE: one cannot be looked for, or finds too
 * much; why says which.  ERR_NOMEM.
 */
int hook_map(const struct hook_entry *e, const struct hook_answer *a,
	     json_t **out, char *why, size_t size);

#endif
