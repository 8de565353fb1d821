/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of flow/: compiled documents, block types, and the step
 * that runs blocks.
 */
#ifndef FLOW_FLOW_PRIV_H
#define FLOW_FLOW_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "flow/flow.h"

/* ---- fail.c ---- */

/* A store's error: logged, and told. */
int flow_fail_store(struct connect_problem *p, struct store_conn *c, int err);
/* people_may() with *p filled and the refusal noted. */
int flow_may(struct store_conn *c, const struct connect_who *who,
	     enum people_action action, const struct people_object *object,
	     const char *id, struct connect_problem *p);
int flow_audit(struct store_conn *c, const struct connect_who *who,
	       const char *action, const char *id, const char *name,
	       const char *detail);

/* ---- row.c: what is stored of a flow ---- */

/* By id or link name, without asking anybody: ERR_NOT_FOUND. */
int flow_row_find(struct store_conn *c, const char *org, const char *id,
		  struct arena *arena, struct flow_info *out,
		  struct connect_problem *p);
/* Who saved a draft last, and when: each save has a time of its own. */
struct flow_saved {
	int64_t at;
	char by[27];
};
/* The draft's text (NULL: not asked for), and whose it is; ERR_NOT_FOUND. */
int flow_row_draft(struct store_conn *c, const char *flow, struct arena *arena,
		   const char **text, struct flow_saved *saved);
/* The document's text of a version (0: the draft), in the arena. */
int flow_row_document(struct store_conn *c, const char *flow, int64_t version,
		      struct arena *arena, const char **text,
		      struct connect_problem *p);

/* ---- world.c ---- */

/* The world of this actor, for the check of a document. */
struct flow_org {
	struct flow_world world;
	struct store_conn *c;
	const struct people_actor *actor;
	const char **names; /* of constants */
	size_t count;
};
int flow_org_init(struct flow_org *o, struct store_conn *c,
		  const struct people_actor *actor, struct arena *arena);
/* Whether he may use the connection of this link name, now: 0 with its id;
 * ERR_NOT_FOUND, ERR_FORBIDDEN. */
int flow_may_use(struct store_conn *c, const struct people_actor *actor,
		 const char *link, char id[PEOPLE_ID_SIZE]);
/* Fills in f->unshared. */
int flow_unshared_find(struct store_conn *c, const char *org,
		       struct flow_info *f, struct arena *arena);
/* Replaces what a version uses; inside a transaction. */
int flow_uses_set(struct store_conn *c, const char *org, const char *flow,
		  int64_t version, const struct flow_document *d);

/* ---- compiled documents ---- */

struct flow_exit {
	const char *name;
	const char *target; /* the block's id; NULL: leads nowhere */
	int block;	    /* its index; -1: none */
	bool required;
	bool fixed; /* not out of "paths" */
};

struct flow_block {
	const struct flow_block_type *type;
	const char *id;
	const char *name; /* for people; "" */
	const char *pointer;
	struct flow_exit *exits;
	size_t exit_count;
	void *data; /* the type's own, in the document's arena */
};

/* A template of the document and where it stands, for checks. */
struct flow_template {
	struct template *text;	    /* one of the two */
	struct template_json *json; /* owned by the document */
	const struct flow_block *block;
	const char *pointer;
	struct flow_template *next;
};

struct flow_document {
	_Atomic unsigned refs;
	struct arena *arena;
	const char *name;
	struct flow_block *blocks;
	size_t block_count;
	size_t start;
	json_t *flow_values, *session_values; /* defaults; unchanged */
	struct flow_widget widget;
	struct flow_template *templates, **templates_end;
	const char *connections[FLOW_BLOCKS_MAX]; /* that webhooks use */
	size_t connection_count;
};

/* ---- compiling: compile.c ---- */

struct flow_compiler {
	struct flow_document *doc;
	const struct flow_world *world;
	json_t *problems;
	size_t errors;
	/* names of variables that there are; NULL-terminated */
	const char **known;
	size_t known_count, known_room;
	bool oom;
};

/* A place in the document: an object, its pointer, and whose it is. */
struct flow_at {
	struct flow_compiler *c;
	const struct flow_block *block; /* NULL: the document's own */
	const json_t *object;
	const char *pointer;
};

/* First names of variables. */
extern const char *const flow_scopes[];

/* Notes a problem at `pointer` (absolute). */
void flow_problem(struct flow_compiler *c, const struct flow_block *b,
		  enum flow_severity severity, const char *pointer,
		  const char *code, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* As many as are told are noted: what costs time to find out is left out. */
bool flow_problems_full(const struct flow_compiler *c);
/* The same for a member of `at` (NULL: the object itself). */
void flow_at_problem(const struct flow_at *at, const char *member,
		     const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* at->pointer + "/" + member, in the arena. */
const char *flow_pointer(const struct flow_at *at, const char *member);
/* False, with a problem, if value is no object. */
bool flow_at_object(struct flow_at *out, const struct flow_at *parent,
		    const json_t *value, const char *pointer);
/* Reports every member that is in neither list (the second may be NULL). */
void flow_only(const struct flow_at *at, const char *const *names,
	       const char *const *more);
/* Getters, as in json/, but each notes its own problem. */
const char *flow_get_str(const struct flow_at *at, const char *name, int flags,
			 size_t max, const char *fallback);
int64_t flow_get_int(const struct flow_at *at, const char *name, int64_t min,
		     int64_t max, int64_t fallback);
bool flow_get_bool(const struct flow_at *at, const char *name, bool fallback);
const json_t *flow_get_array(const struct flow_at *at, const char *name,
			     int flags, size_t max);
/* The i-th item of the list `name` as an object. */
bool flow_get_item(const struct flow_at *at, const char *name,
		   const json_t *list, size_t i, struct flow_at *out);
/* A text template of member `name`; NULL where there is none (or a problem).
 * Owned by the document. */
struct template *flow_get_template(const struct flow_at *at, const char *name,
				   int flags, enum template_place place);
/* A member that is a JSON template. */
struct template_json *flow_get_value(const struct flow_at *at, const char *name,
				     int flags);
/* A variable's full name that may be set here; scopes: those allowed.  A
 * name without scope is one of the first.  "" after a problem. */
const char *flow_get_variable(const struct flow_at *at, const char *name,
			      int flags, const char *const *scopes);
/* The variable exists from now on. */
void flow_known_add(struct flow_compiler *c, const char *scope,
		    const char *name);
/* Adds an exit; later filled in from "paths". */
struct flow_exit *flow_exit_add(struct flow_compiler *c, struct flow_block *b,
				const char *name, bool required);
/* Whether a text can be an id of block, choice or branch. */
bool flow_is_id(const char *text);
/* Whether the member is there, as a text. */
bool flow_is_given(const struct flow_at *at, const char *name);
void *flow_alloc(struct flow_compiler *c, size_t size);
const char *flow_strdup(struct flow_compiler *c, const char *text);

/* ---- check.c ---- */

/* What only shows on the whole: exits, reach, loops, variables. */
void flow_check_exits(struct flow_compiler *c, struct flow_block *b,
		      const json_t *paths);
void flow_check_whole(struct flow_compiler *c);

/* ---- names.c ---- */

/* Variables in templates that nothing sets. */
void flow_check_names(struct flow_compiler *c);

/* ---- running ---- */

/* What a block wants next. */
enum flow_next {
	FLOW_GO,	 /* on, through run->exit */
	FLOW_WAIT,	 /* for the visitor */
	FLOW_CALL,	 /* a webhook is to be called */
	FLOW_TO_FLOW,	 /* on in another flow, run->to_flow */
	FLOW_ENDED,	 /* over */
	FLOW_HANDED_OFF, /* over for the bot */
	FLOW_FAILED,	 /* over: run->problem */
};

struct flow_run {
	struct flow_document *document; /* borrowed */
	json_t *values;	  /* {input, block, flow, session, global} */
	json_t *memory;	  /* the block's own while it waits; or NULL */
	json_t *messages; /* of the bot, appended */
	json_t *expects;  /* what is waited for; or NULL */
	json_t *handoff;  /* {message, email} to be stored; or NULL */
	int block;	  /* index of the block that runs */
	unsigned steps;
	size_t made; /* bytes of values; see FLOW_MADE_MAX */
	size_t work; /* see FLOW_WORK_MAX */
	const char *exit;
	const char *to_flow;
	char problem[320];
};

struct flow_block_type {
	const char *name;
	const char *help;
	const char *const *fields; /* beside id, type, name, paths */
	bool pauses;		   /* a loop through it is fine */
	/* Reads the block's fields: data, exits, variables. */
	void (*compile)(const struct flow_at *at, struct flow_block *b);
	/* The block is entered. */
	enum flow_next (*enter)(struct flow_run *run,
				const struct flow_block *b);
	/* The visitor has answered; NULL: never waits. */
	enum flow_next (*answer)(struct flow_run *run,
				 const struct flow_block *b,
				 const struct flow_answer *a);
	/* Frees what is not in the arena; may be NULL. */
	void (*release)(struct flow_block *b);
};

extern const struct flow_block_type flow_start, flow_message, flow_question,
	flow_choice, flow_condition, flow_set, flow_webhook, flow_jump,
	flow_handoff, flow_end;

/* webhook.c: whether this block (-1: none) of the document is a webhook.  A
 * draft may have lost the one that waits or calls. */
bool flow_is_webhook(const struct flow_document *d, int block);

/* The i-th type, or NULL past the last. */
const struct flow_block_type *flow_block_type_at(size_t i);
const struct flow_block_type *flow_block_type_find(const char *name);

/* ---- run.c ---- */

/* Takes so much of FLOW_WORK_MAX: false when it is used up, and the run is to
 * end at its next block. */
bool flow_work(struct flow_run *run, size_t bytes);
/* Some bytes that there are of it: for flow_work(). */
size_t flow_value_size(const json_t *value);
/* The rendered text; "" where it cannot be (it is cut at 8 KiB then).
 * Owned. */
json_t *flow_render(struct flow_run *run, const struct template *t);
/* A JSON template's value, of at most so many bytes, owned; NULL where it
 * cannot be. */
json_t *flow_render_value(struct flow_run *run, const struct template_json *t,
			  size_t max);
/* {"type": "text", "text"}; nothing where the text is empty. */
void flow_say(struct flow_run *run, const struct template *t);
void flow_say_text(struct flow_run *run, const char *text);
void flow_say_content(struct flow_run *run, json_t *content); /* taken */
/* Sets "scope.name"; value is taken. */
void flow_value_set(struct flow_run *run, const char *name, json_t *value);
/* Borrowed; NULL where there is none. */
json_t *flow_value_get(const struct flow_run *run, const char *name);
/* Whether all that is remembered keeps within FLOW_VALUES_MAX; constants of
 * the organisation do not count. */
bool flow_values_fit(const struct flow_run *run);
const struct flow_exit *flow_exit_find(const struct flow_block *b,
				       const char *name);

/* From the start block on; document, values and messages are set. */
enum flow_next flow_run_begin(struct flow_run *run);
/* run->block waits, and this is the answer. */
enum flow_next flow_run_answer(struct flow_run *run,
			       const struct flow_answer *a);
/* run->block is left through this exit ("next" where it leads nowhere). */
enum flow_next flow_run_exit(struct flow_run *run, const char *path);
/* Index of a block by its id; -1. */
int flow_run_find(const struct flow_document *d, const char *block);
void flow_run_release(struct flow_run *run);

/* ---- answer.c: what a visitor's text means ---- */

enum flow_kind {
	FLOW_TEXT,
	FLOW_NUMBER,
	FLOW_EMAIL,
	FLOW_PHONE,
	FLOW_DATE,
	FLOW_CHOICE,
	FLOW_YES_NO,
	FLOW_KINDS,
};

extern const char *const flow_kind_names[FLOW_KINDS];

/* {min_length, …}; what is not given is "has" false. */
struct flow_limits {
	bool has_min, has_max;
	double min, max;
	const char *min_date, *max_date; /* or NULL */
	size_t min_length, max_length;	 /* characters; 0: none */
	struct jsonpath *pattern;	 /* or NULL */
};

/*
 * The value of an answer of this kind, all but choice and yes_no: owned, or
 * NULL when it is none.
 */
json_t *flow_answer_value(enum flow_kind kind, const char *text,
			  const struct flow_limits *limits);
/* The text without blanks around it; borrowed. */
struct slice flow_trim(const char *text);
/* Whether a text is a date that there is, YYYY-MM-DD. */
bool flow_is_date(const char *text);
bool flow_is_email(const char *text);
/* Compiles an I-Regexp for the whole of a text; ERR_INVALID. */
int flow_pattern_compile(const char *pattern, struct jsonpath **out);

/* Choices {id, label}, as answers name them. */
struct flow_option {
	const char *id, *label;
};
/* The one that is meant: by id, label, or number from 1; -1. */
int flow_option_find(const struct flow_option *options, size_t count,
		     const struct flow_answer *a);
/* [{id, label}] for expects. */
json_t *flow_options_json(const struct flow_option *options, size_t count);

/* ---- talk.c, move.c: conversations ---- */

enum {
	FLOW_LEASE_MS = 10 * 1000,
	FLOW_LOOK_MS = 3 * 1000,
	FLOW_CALL_ATTEMPTS = 3,
	FLOW_CACHE = 64,
	FLOW_BUCKETS = 1024,
	FLOW_DRIVES_MAX =
		64 * 1024, /* of a process; the rest is in the store */
};

struct flow_engine {
	struct store *store;
	struct loop *loop;
	struct loop_pool *pool;
	struct connect_front *connect;
	char owner[27]; /* of leases: this process */
	struct loop_pool *forget_pool;
	struct loop_timer timer, forget_timer;
	struct loop_work work, forget_work;
	bool working, stopped;
	bool consents_looked; /* for those that ended, once at least */
	struct {
		bool looked;	/* once at least */
		bool fair;	/* no clock was set since: they count now */
		int64_t off_ms; /* then: wall clock less steady one */
	} leases;
	bool more;	       /* are lost than one look takes */
	_Atomic bool alone;    /* nobody else is at the store */
	_Atomic bool leaving;  /* takes nothing on any more */
	pthread_mutex_t mutex; /* of what follows */
	struct table *driven;  /* ids that have a drive here */
	struct flow_worker *workers;
	unsigned worker_count, turn;
	struct {
		char key[64];
		struct flow_document *document;
	} cache[FLOW_CACHE];
};

struct flow_worker {
	struct flow_engine *engine;
	struct loop *loop;
	struct call_worker *calls;
	struct flow_drive *drives;
	struct flow_lane *lanes;
	unsigned slots, running; /* calls at a time */
	struct flow_listener *listeners[FLOW_BUCKETS];
	_Atomic unsigned listening;
	bool leaving;
	void (*left)(void *arg);
	void *left_arg;
	struct flow_worker *next;
};

/* Leaving, and no call is under way any more. */
void flow_worker_left(struct flow_worker *w);

/* ---- drive.c, lane.c ---- */

struct flow_drive {
	struct flow_worker *worker;
	char subject[64]; /* whose grants the calls use */
	char id[27];
	struct flow_drive *next, **prev; /* of the worker */
	struct flow_lane *lane;
	struct flow_drive *lane_next;
	bool in_slot;
	struct loop_work work;
	struct loop_timer timer;
	struct hook_run *run;
	/* of one call */
	struct flow_document *document;
	struct people_actor *actor;
	json_t *values;
	int block;
	int64_t step;
	unsigned tries;		    /* to store a result */
	bool probing, again;	    /* call PREPARE once more */
	bool untaken;		    /* the result could not be stored yet */
	struct hook_result *result; /* NULL: not to be made again */
};

/* On the worker's loop, at its end. */
void flow_drives_cancel(struct flow_worker *w);
/* Waits for a slot; ERR_NOMEM. */
int flow_lane_wait(struct flow_drive *d, const char *flow);
/* Whose turn it is, with a slot; NULL: nobody's. */
struct flow_drive *flow_lane_next(struct flow_worker *w);
/* Gives the slot, or the place in the queue, back. */
void flow_lane_leave(struct flow_drive *d);

/* ---- listen.c ---- */

/* The worker leaves: all are told. */
void flow_listeners_leave(struct flow_worker *w);

/* Reads a row; ERR_NOT_FOUND. */
int flow_talk_load(struct store_conn *c, const char *id, struct flow_talk *out);
/* The compiled document of a version, or (0) of the draft, whose save is then
 * told; a reference. */
int flow_talk_document(struct flow_engine *e, struct store_conn *c,
		       const char *flow, int64_t version,
		       struct flow_saved *saved, struct flow_document **out);
/* What a move of this conversation will run is compiled, if need be, before
 * the transaction begins in which nobody else can write. */
void flow_talk_warm(struct flow_engine *e, struct store_conn *c,
		    const char *id);
/* All scopes, with the organisation's constants; owned. */
int flow_talk_values(struct store_conn *c, const struct flow_talk *t,
		     json_t **out);

/* One move: from a row to the next, inside the caller's transaction. */
struct flow_move {
	struct flow_engine *engine;
	struct store_conn *c;
	struct flow_talk *talk;
	struct flow_run run;
	int64_t calls; /* since the visitor's last answer */
};

/* run.block is -1: the start.  ERR_CONFLICT: flow_draft_pinned(). */
int flow_move_init(struct flow_move *m, struct flow_engine *e,
		   struct store_conn *c, struct flow_talk *t);
/* What the blocks came to becomes the row, the messages and the hand-off. */
int flow_move_store(struct flow_move *m, enum flow_next next);
void flow_move_release(struct flow_move *m);
int flow_message_add(struct store_conn *c, struct flow_talk *t,
		     const char *sender, const json_t *content,
		     const char *client_id);
/* tidy.c: all of a deleted flow, in transactions of their own.  What is left
 * on an error goes with flow_tidy(); nobody meets it until then. */
int flow_talks_remove(struct store_conn *c, const char *flow);
/* tidy.c: who is silent since ?1, at most ?2. */
extern const char flow_silent_sql[];
/* The one setter of a status; only along the arrows of the drawing. */
void flow_status_set(struct flow_talk *t, enum flow_status to);
/* It cannot go on: over, with a word of regret.  Inside a transaction. */
int flow_move_fail(struct flow_engine *e, struct store_conn *c,
		   struct flow_talk *t, const char *why);

/* ---- actor.c ---- */

/* Whether a trial may go on with this save of its draft: 0; ERR_CONFLICT: it
 * is another member's, made since; flow_draft_changed says so. */
int flow_draft_pinned(const struct flow_talk *t,
		      const struct flow_saved *saved);
extern const char flow_draft_changed[];
/* On whose behalf it calls through this connection ("": through none);
 * owned. */
int flow_talk_actor(struct store_conn *c, const struct flow_talk *t,
		    const struct flow_saved *saved, const char *link,
		    struct people_actor **out);

/* ---- consent.c ---- */

/* The webhook whose call has failed for want of a grant of the visitor's:
 * asks for it, or takes no_answer when that was in vain too often. */
enum flow_next flow_consent_ask(struct flow_move *m, const char *service);
/* Why a webhook has no answer, for the flow: block.problem. */
void flow_problem_set(struct flow_run *run, const char *code);
/* What a webhook waits for, out of run->memory; false: it does not wait. */
bool flow_consent_expect(struct flow_run *run, const struct flow_block *b);
/* Conversations whose consent was given, and that were not taken on. */
int flow_consent_find(struct store_conn *c, int64_t since, size_t max,
		      char ids[][27], char connections[][27], size_t *count);

/* ---- forget.c: on the engine's loop ---- */

/* Looks for grants that nobody uses any more, from now on. */
void flow_forget_start(struct flow_engine *e);

#endif
