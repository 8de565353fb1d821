/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of flow/: documents, and what a step of one does.
 *
 * A *document* is a flow's JSON, compiled once into blocks with exits and
 * templates, and shared, unchanged, by all conversations that run it.  All
 * that is wrong with one is told at once, each with its block and pointer.
 * A *step* takes a conversation from one wait to the next.  docs/flows.md
 * has documents for people, docs/flow.schema.json for editors.
 *
 * Runs in the front, on work threads; a compiled document may be used by any
 * number of threads.
 */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include "connect/connect.h"
#include "jsonpath/jsonpath.h"
#include "template/template.h"

/* ---- limits ---- */

enum {
	FLOW_TEXT_MAX = 1024 * 1024, /* bytes of a document */
	FLOW_BLOCKS_MAX = 500,
	FLOW_VARIABLES_MAX = 200, /* declared, of a scope */
	FLOW_PROBLEMS_MAX = 200,  /* told of one document */
	FLOW_ID_MAX = 40,
	FLOW_NAME_MAX = 100,
	FLOW_CHOICES_MAX = 50,
	FLOW_BRANCHES_MAX = 50,
	FLOW_CONDITION_DEPTH = 8,
	FLOW_CONDITION_TERMS = 100,
	FLOW_SAID_MAX = 8 * 1024,     /* bytes of one text of the bot */
	FLOW_ANSWER_MAX = 4 * 1024,   /* bytes of one answer */
	FLOW_VALUES_MAX = 256 * 1024, /* of all variables, as JSON */
	FLOW_STEPS_MAX = 200,	      /* blocks without a wait */
	FLOW_ORIGINS_MAX = 20,
};

/* ---- documents ---- */

struct flow_document;

enum flow_severity { FLOW_ERROR, FLOW_WARNING };

/* What is around a document, for its check. */
struct flow_world {
	/* Names of the organisation's constants; NULL: none. */
	const char *const *globals;
	/* Whether a connection is there and may be used: 0, ERR_NOT_FOUND.
	 * NULL: not asked. */
	int (*connection)(void *arg, const char *link);
	/* The same for a flow that is jumped to. */
	int (*flow)(void *arg, const char *link);
	void *arg;
};

/* What the document says of the chat widget. */
struct flow_widget {
	bool enabled;
	const char **origins; /* "https://example.org"; lower case */
	size_t origin_count;
	const char *title, *greeting, *colour; /* "" each */
};

/*
 * Compiles a document.  *problems gets a list (owned) of {block, pointer,
 * code, detail, severity} in the order of the document: block is null where
 * it is not one block's.  0 with *out, one reference (there may be
 * warnings); ERR_INVALID when there are errors; ERR_NOMEM.
 */
int flow_compile(const json_t *json, const struct flow_world *world,
		 json_t **problems, struct flow_document **out);
struct flow_document *flow_document_ref(struct flow_document *d);
void flow_document_unref(struct flow_document *d); /* NULL is fine */
const struct flow_widget *flow_document_widget(const struct flow_document *d);
/* Defaults of the declared variables; borrowed, not to be changed. */
const json_t *flow_document_defaults(const struct flow_document *d);
const json_t *flow_document_session(const struct flow_document *d);

/* Types of blocks, for help: the i-th, or false past the last. */
bool flow_block_help(size_t i, const char **name, const char **help);

/* ---- a step ---- */

/* What the visitor says; members that he does not give are NULL. */
struct flow_answer {
	const char *text;
	const char *choice;  /* id of a choice */
	const json_t *value; /* true, 12 */
};

#endif
