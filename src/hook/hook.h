/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of hook/: what a webhook block does.
 *
 * A *document* is the block's request, connection and response list,
 * compiled once (hook_compile) and shared, unchanged, by as many runs as one
 * likes.  A *run* (hook_run_start) makes one request of it:
 *
 *   work thread  the request is built: templates, encoded by their places
 *   loop         it goes out through call/ and the guard, is tried again or
 *                follows a redirect where that is safe, and the answer is
 *                collected
 *   work thread  the answer is opened, scrubbed, judged by the response
 *                list, and mapped to variables
 *   loop         done()
 *
 * No thread is held while the call is under way.  A credential is never seen
 * here: call/ adds it behind the built request, and what is shown of the
 * request has its places filled with HOOK_MASK.
 *
 * docs/webhooks.md has the documents for people.
 */
#ifndef HOOK_HOOK_H
#define HOOK_HOOK_H

#include "call/call.h"
#include "hook/curl.h"
#include "hook/hints.h"
#include "jsonpath/jsonpath.h"
#include "template/template.h"

/* ---- limits ---- */

enum {
	HOOK_ROWS_MAX = 100,		 /* of query, headers, form, parts */
	HOOK_BODY_TEXT_MAX = 256 * 1024, /* of the body in the document */
	HOOK_BODY_MAX = 1024 * 1024,	 /* of the body as it is sent */
	HOOK_ENTRIES_MAX = 32,		 /* of the response list */
	HOOK_CODES_MAX = 32,		 /* of one entry */
	HOOK_MAPPINGS_MAX = 100,	 /* of one entry */
	HOOK_PATH_MAX = 200,		 /* bytes of a path's name */
	HOOK_VARIABLE_MAX = 100,	 /* bytes of a variable's name */
	HOOK_SOURCE_MAX = 2000,		 /* bytes of a mapping's "from" */
	HOOK_PROBLEMS_MAX = 100,	 /* told of one document */
	HOOK_TIMEOUT_MIN_MS = 1000,
	HOOK_TIMEOUT_MAX_MS = 120 * 1000,
	HOOK_TIMEOUT_DEFAULT_MS = 10 * 1000,
	HOOK_BYTES_MAX = 16 * 1024 * 1024,
	HOOK_BYTES_DEFAULT = 1024 * 1024,
	HOOK_REDIRECTS_MAX = 5,
	HOOK_REDIRECTS_DEFAULT = 3,
	HOOK_RETRIES_MAX = 5,
	HOOK_VALUES_MAX = 128 * 1024, /* of a run's variables, as JSON */
	HOOK_JSON_DEPTH = 60, /* levels of an answer that is read as JSON */
	/* Bytes that one answer's values may take: so many, and for each byte
	 * of its text so many more. */
	HOOK_TREE_BASE = 40 * 1024 * 1024,
	HOOK_TREE_TIMES = 16,
	/* Bytes of all answers under way in the process; of each, so many
	 * are not counted. */
	HOOK_HOLD_MAX = 512 * 1024 * 1024,
	HOOK_HOLD_FREE = 256 * 1024,
};

/* What stands for a secret. */
#define HOOK_MASK CALL_MASK

/* ---- documents ---- */

struct hook_document;

enum hook_severity { HOOK_ERROR, HOOK_WARNING };

/* What is wrong with a document.  Quotes no value that may be a secret. */
struct hook_problem {
	enum hook_severity severity;
	const char *pointer; /* RFC 6901, from the document's root */
	const char *code;    /* static, see docs/webhooks.md: "template" … */
	const char *detail;  /* a sentence, for people */
};

typedef void hook_report(void *arg, const struct hook_problem *p);

/*
 * Compiles {"request", "connection"?, "response_list"?}; other members are
 * unknown fields.  Every problem is reported (report may be NULL; the struct
 * is borrowed for the call), up to HOOK_PROBLEMS_MAX.  `scopes` as in
 * template_compile(); NULL: template_usual_scopes.  Hints on the request
 * (hints.h) are warnings, but for credentials that variables bring.
 *
 * 0 with *out, one reference (there may have been warnings); ERR_INVALID
 * when some problem was an error; ERR_NOMEM.  `json` is only read.
 */
int hook_compile(const json_t *json, const char *const *scopes,
		 hook_report *report, void *arg, struct hook_document **out);
struct hook_document *hook_document_ref(struct hook_document *d);
void hook_document_unref(struct hook_document *d); /* NULL is fine */

/* Link name of the connection; "" where there is none.  Borrowed. */
const char *hook_document_connection(const struct hook_document *d);
/* "GET" …; borrowed. */
const char *hook_document_method(const struct hook_document *d);
/*
 * Whether a run whose outcome is not known may be made again by itself: GET,
 * HEAD, OPTIONS, or one with an idempotency key.  (A key that came out empty
 * counts as none: a run says so itself, see hook_result.repeatable.)
 */
bool hook_document_is_repeatable(const struct hook_document *d);

/* The exits: the i-th entry's name ("200,2xx"), then "other", "no_answer";
 * NULL past the last.  Borrowed. */
const char *hook_document_path(const struct hook_document *d, size_t i);
extern const char hook_path_other[], hook_path_no_answer[];

/*
 * The variables that the i-th entry sets, in order: the n-th full name
 * ("block.ticket"; a name without a scope is one of block), or NULL past the
 * last.  Borrowed.
 */
const char *hook_document_sets(const struct hook_document *d, size_t i,
			       size_t n);

/* The templates of the document, for checks: the i-th with its pointer
 * (borrowed), or NULL past the last.  Strings of a JSON body are each one,
 * with pointers from the document's root, too. */
const struct template *hook_document_template(const struct hook_document *d,
					      size_t i, const char **pointer);
/*
 * template_check() over all of them: variables that are not among `known`
 * are errors (code unknown_variable), "@word" that stays text a warning.
 * Returns how many errors there were.
 */
size_t hook_document_check(const struct hook_document *d,
			   const char *const *known, hook_report *report,
			   void *arg);

/* ---- results ---- */

/* A name and its value. */
struct hook_field {
	const char *name, *value;
};

struct hook_fields {
	struct hook_field *items;
	size_t count;
};

/* The request as it went out, or would have: secrets are HOOK_MASK. */
struct hook_shown {
	const char *method;
	const char *url; /* whole; as far as known */
	struct hook_fields headers;
	const char *body;     /* as sent, but for bytes that are no UTF-8;
			       * NULL: none */
	const char *replaced; /* the URL's host, in whose place the grant's
			       * own data centre was called; NULL */
};

struct hook_hop {
	int status;
	const char *url;      /* where it led, secrets masked */
	bool with_credential; /* whether the connection's was sent there */
};

struct hook_times {
	int64_t build_us;
	int64_t resolve_ms, connect_ms, tls_ms; /* -1: was at hand */
	int64_t first_byte_ms;			/* -1: none came */
	int64_t total_ms;
};

/*
 * What has come of a run.  Everything in it belongs to it; texts are UTF-8
 * (what was not is U+FFFD), and secrets that the service echoed are '*'.
 */
struct hook_result {
	const char *path; /* an exit of the document, borrowed from it */
	/* The mappings' results under the names as written there; NULL: an
	 * error path, or a dry run.  An object. */
	json_t *variables;

	/* Why there is no answer, or why it is not quite as expected
	 * (mapping_missing, mapping_too_large, truncated); code NULL: nothing
	 * to say. */
	struct {
		const char *code;
		char detail[400];
		const char *hint; /* or NULL */
		int64_t retry_after_s;
		/* The request may have been carried out all the same. */
		bool outcome_unknown;
	} problem;

	struct hook_shown request; /* method NULL: could not be built */
	/* Variables without a value, for which nothing was put in (of each
	 * template the first). */
	const char *unset[32];
	size_t unset_count;
	const char *rule;  /* what allowed the destination, or NULL */
	unsigned attempts; /* requests sent, redirects not counted */
	struct hook_hop hops[HOOK_REDIRECTS_MAX];
	size_t hop_count;
	bool repeatable; /* as hook_document_is_repeatable(), for this one */
	/* The service's name, where the subject could give another grant by
	 * his consent, for want of which it has failed; "" */
	char consent[64];

	/* The answer; status 0: none. */
	int status;
	struct hook_fields headers;
	json_t *body; /* JSON where it is JSON, else a string; NULL: none */
	bool body_is_json;
	bool truncated;	 /* more than max_bytes: the rest was not read */
	size_t scrubbed; /* echoed secrets that were masked */
	size_t bytes;	 /* of the body, opened */

	struct hook_times times;
	struct arena *arena; /* private */
	size_t held;	     /* private */
};

void hook_result_free(struct hook_result *r); /* NULL is fine */
/*
 * The first max values of the answer that are no containers, or empty ones:
 * a list (owned) of {path, value}, each path normalized (RFC 9535 2.7) and
 * so a mapping's "from"; what is too long for one (HOOK_SOURCE_MAX) is left
 * out.  Empty where the answer is no JSON.  ERR_NOMEM.
 */
int hook_result_paths(const struct hook_result *r, size_t max, json_t **out);

/* ---- runs ---- */

struct hook_run;

struct hook_run_config {
	struct hook_document *document; /* a reference is taken */
	struct call_worker *calls;	/* of the loop */
	struct loop *loop;
	struct loop_pool *pool;
	struct people_actor *actor; /* a reference is taken */
	const char *subject;	    /* whose grant; NULL or "": the actor's */
	json_t *values; /* object of scopes; a reference is taken, and it
			 * must not be changed in place from now on */
	bool dry_run;	/* everything but sending */
	/* The result will be shown: with the request (but its method), rule,
	 * unset variables, redirects' URLs, the answer's header fields and
	 * body.  Else they are empty in it, and take no memory. */
	bool show;
	/*
	 * On the loop, once, never before hook_run_start() returns, and not
	 * after hook_run_cancel().  The run is over and gone.  result is
	 * owned (hook_result_free); NULL: out of memory.
	 */
	void (*done)(void *arg, struct hook_result *result);
	void *arg;
};

/* On the loop's thread.  0 with *out, borrowed until done(); ERR_NOMEM;
 * ERR_BUSY: too many runs are under way. */
int hook_run_start(const struct hook_run_config *c, struct hook_run **out);
/* On the loop's thread: the call is cut, done() is not called, the run is
 * gone for the caller.  A work thread may still be busy with it for a
 * moment; the pool must live until then (loop_pool_wait). */
void hook_run_cancel(struct hook_run *run);

#endif
