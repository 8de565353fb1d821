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

#include "hook/hook.h"

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
	FLOW_SAID_MAX = 8 * 1024,	  /* bytes of one text of the bot */
	FLOW_ANSWER_MAX = 4 * 1024,	  /* bytes of one answer */
	FLOW_VALUES_MAX = 256 * 1024,	  /* of all variables, as JSON */
	FLOW_STEPS_MAX = 200,		  /* blocks without a wait */
	FLOW_MADE_MAX = 4 * 1024 * 1024,  /* bytes of values that set blocks
					  * make, without a wait */
	FLOW_WORK_MAX = 16 * 1024 * 1024, /* bytes looked at by filters and
					   * comparisons, and (four times)
					   * said, without a wait */
	FLOW_CALLS_MAX = 100, /* webhooks without an answer between */
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

/* Link names of the connections that its webhooks go through: the i-th, or
 * NULL past the last; some may come twice.  Borrowed. */
const char *flow_document_connection(const struct flow_document *d, size_t i);

/* ---- flows in the store ---- */

/*
 * As connect/front.h has it: each function asks people_may() by itself,
 * opens its own transactions, writes the audit record into the same one, and
 * gives 0 or an ERR_ code with the whole problem in *p.  Strings live in the
 * caller's arena.  A flow is named by its id or its link name.
 */
struct flow_info {
	char id[27];
	char link[51];
	const char *name;
	char owner[27];
	const char *owner_name;
	char saved_by[27]; /* the draft, last */
	const char *saved_by_name;
	int64_t version;	   /* for If-Match */
	int64_t published_version; /* 0: none */
	int64_t last_version;
	int64_t published_at, created_at, updated_at;
	int64_t errors, warnings; /* of the draft */
	/* Connections (link names) that the version in force goes on calling
	 * though its publisher may not use them any more: by flow_get() and
	 * flow_list().  The next version cannot. */
	const char **unshared;
	size_t unshared_count;
};

/* The actor's organisation's flows behind this link name. */
int flow_list(struct store_conn *c, const struct connect_who *who,
	      const char *after, size_t limit, struct arena *arena,
	      struct flow_info **out, size_t *count, struct connect_problem *p);
/* draft and problems (JSON texts) may be NULL. */
int flow_get(struct store_conn *c, const struct connect_who *who,
	     const char *id, struct arena *arena, struct flow_info *out,
	     const char **draft, const char **problems,
	     struct connect_problem *p);
/*
 * Saves a draft, problems and all.  id NULL: a new flow, with this link name
 * (NULL: made from the document's name).  if_match 0: whichever version.
 */
int flow_save(struct store_conn *c, const struct connect_who *who,
	      const char *id, const char *link, int64_t if_match,
	      const json_t *document, struct arena *arena,
	      struct flow_info *out, const char **problems,
	      struct connect_problem *p);
int flow_delete(struct store_conn *c, const struct connect_who *who,
		const char *id, int64_t if_match, struct connect_problem *p);
/*
 * The draft becomes the version in force, if it has no errors for this
 * actor (ERR_INVALID, flow_has_problems, with *problems), who must be able to
 * use every connection in it.
 */
int flow_publish(struct store_conn *c, const struct connect_who *who,
		 const char *id, int64_t if_match, const char *note,
		 struct arena *arena, struct flow_info *out,
		 const char **problems, struct connect_problem *p);

struct flow_version {
	int64_t number, published_at;
	const char *published_by; /* name */
	const char *note;
	const char *document; /* JSON text; NULL in lists */
};
/* Newest first, those before this number (0: from the newest). */
int flow_versions(struct store_conn *c, const struct connect_who *who,
		  const char *id, int64_t before, size_t limit,
		  struct arena *arena, struct flow_version **out, size_t *count,
		  struct connect_problem *p);
int flow_version_get(struct store_conn *c, const struct connect_who *who,
		     const char *id, int64_t number, struct arena *arena,
		     struct flow_version *out, struct connect_problem *p);
/* A version's document as the draft. */
int flow_restore(struct store_conn *c, const struct connect_who *who,
		 const char *id, int64_t number, int64_t if_match,
		 struct arena *arena, struct flow_info *out,
		 const char **problems, struct connect_problem *p);
/* {added, removed, changed: [ids of blocks], other: [members]} between two
 * versions (0: the draft); owned. */
int flow_diff(struct store_conn *c, const struct connect_who *who,
	      const char *id, int64_t from, int64_t to, struct arena *arena,
	      json_t **out, struct connect_problem *p);
/* The same for two documents: NULL when out of memory. */
json_t *flow_diff_documents(const json_t *from, const json_t *to);

/* ---- constants of the organisation ---- */

struct flow_global {
	const char *name;
	const char *value; /* JSON text */
	int64_t version, updated_at;
};

enum { FLOW_GLOBAL_MAX = 16 * 1024, FLOW_GLOBALS_MAX = 500 };

int flow_globals(struct store_conn *c, const struct connect_who *who,
		 struct arena *arena, struct flow_global **out, size_t *count,
		 struct connect_problem *p);
int flow_global_set(struct store_conn *c, const struct connect_who *who,
		    const char *name, const json_t *value, int64_t if_match,
		    struct connect_problem *p);
int flow_global_delete(struct store_conn *c, const struct connect_who *who,
		       const char *name, struct connect_problem *p);

/* ---- a step ---- */

/* What the visitor says; members that he does not give are NULL. */
struct flow_answer {
	const char *text;
	const char *choice;  /* id of a choice */
	const json_t *value; /* true, 12 */
};

/* ---- conversations ---- */

/*
 *            start
 *              |  blocks until a wait, a webhook or the end
 *              v
 *   +----> WAITING --answer--> (blocks) --+--> ENDED
 *   |          ^                          +--> HANDED_OFF
 *   |          +------------- result -----+--> FAILED
 *   |                                     v
 *   +------------- (blocks) <--------- CALLING
 *
 * Every arrow is one transaction: state and messages change together or not
 * at all.  Between two arrows a conversation is nothing but its row.
 */
enum flow_status {
	FLOW_S_WAITING,
	FLOW_S_CALLING,
	FLOW_S_ENDED,
	FLOW_S_HANDED_OFF,
	FLOW_S_FAILED,
	FLOW_S_COUNT,
};

const char *flow_status_name(enum flow_status s);

struct flow_engine; /* one a front */
struct flow_worker; /* one a worker */

struct flow_engine_config {
	struct store *store;
	struct loop *loop; /* of the timer that looks for lost calls */
	struct loop_pool *pool;
	bool shared;		       /* another process may be at the store */
	struct connect_front *connect; /* takes visitors' grants back, */
	struct loop_pool *forget_pool; /* here: it may take its time */
};

int flow_engine_new(const struct flow_engine_config *c,
		    struct flow_engine **out);
/* No more timer; on its loop. */
void flow_engine_stop(struct flow_engine *e);
/* The other process that was at the store is gone: on the engine's loop. */
void flow_engine_alone(struct flow_engine *e);
/* All workers' parts are free, and the pool is.  What it had under way is
 * taken over by the next one. */
void flow_engine_free(struct flow_engine *e);

struct flow_worker_config {
	struct loop *loop;
	struct call_worker *calls;
	unsigned slots; /* calls of conversations at a time; the rest waits */
};
int flow_worker_new(struct flow_engine *e, const struct flow_worker_config *c,
		    struct flow_worker **out);
/* On its loop; calls under way are cut, and made up for later. */
void flow_worker_free(struct flow_worker *w);
/*
 * The process ends, or another takes its place: on its loop.  Calls under way
 * go on; none is begun; listeners are told FLOW_LEAVING.  left(): no call is
 * under way any more.
 */
void flow_worker_leave(struct flow_worker *w, void (*left)(void *arg),
		       void *arg);
bool flow_worker_leaves(const struct flow_worker *w);

enum { FLOW_TOKEN_SIZE = 48 }; /* "dbc_", 43 characters, NUL */

/* What a conversation is like now. */
struct flow_talk {
	char id[27];
	char org[27];
	char flow[27];
	int64_t flow_version;  /* 0: the draft */
	char member[27];       /* who tries a draft; "" */
	int64_t draft_saved;   /* when the draft was that he began with */
	char started_by[27];   /* the member who began it; "": a visitor */
	char started_with[27]; /* the flow that it began with */
	char subject[64];      /* whose grants it uses; shown to nobody */
	char awaits[27];       /* the connection it waits for; "" */
	char origin[300];
	enum flow_status status;
	char problem[320];
	int64_t seq, step, attempt;
	int64_t created_at, updated_at;
	json_t *state; /* owned: flow_talk_release */
};

void flow_talk_release(struct flow_talk *t);
/* What it waits for: {"type", …}; borrowed; NULL: nothing. */
const json_t *flow_talk_expects(const struct flow_talk *t);

/* Levels of a variable, and of the object that a conversation is begun with:
 * the state's are around them, and json_read() takes 32 of all together. */
enum { FLOW_VALUE_DEPTH = 29, FLOW_GIVEN_DEPTH = FLOW_VALUE_DEPTH + 1 };

/* Whether it has at most so many levels of lists and objects. */
bool flow_value_is_shallow(const json_t *value, unsigned levels);

struct flow_begin {
	const char *org;  /* "" with an actor: his */
	const char *flow; /* id or link name */
	bool draft;
	struct people_actor *actor;    /* NULL: a visitor */
	const char *origin;	       /* of the page; NULL: none was sent */
	const char *own;	       /* Drawbridge's own origin, or NULL */
	const json_t *input, *session; /* objects, or NULL */
};

/*
 * Begins one.  A visitor may begin published flows whose widget is on, from
 * a page of its list (ERR_FORBIDDEN, origin_not_allowed); a draft takes a
 * builder.  token: given once.  When the status is calling, the caller goes
 * on with flow_drive_start().  On an error there is nothing in out or token.
 */
int flow_talk_begin(struct flow_engine *e, struct store_conn *c,
		    const struct flow_begin *b, char token[FLOW_TOKEN_SIZE],
		    struct flow_talk *out, struct connect_problem *p);
/*
 * By id, for who has the token (its hash), or for an actor who may see what
 * visitors say (token_hash NULL).  ERR_NOT_FOUND for everybody else.
 */
int flow_talk_find(struct store_conn *c, const char *id,
		   const unsigned char *token_hash,
		   const struct people_actor *actor, struct flow_talk *out,
		   struct connect_problem *p);
/* Whether this actor may see one that is at hand: 0, or ERR_NOT_FOUND. */
int flow_talk_may_see(const struct flow_talk *t,
		      const struct people_actor *actor);
/*
 * The visitor answers.  client_id (or NULL): one that was taken already is
 * not taken again: 0 with *before, the number of the message before it; with
 * another text it is ERR_EXISTS (message_id_reused).  ERR_WRONG_STATE: over,
 * or busy.
 */
int flow_talk_answer(struct flow_engine *e, struct store_conn *c,
		     const char *id, const char *client_id,
		     const struct flow_answer *a, struct flow_talk *out,
		     int64_t *before, struct connect_problem *p);
/* By id alone, for who was let in before. */
int flow_talk_get(struct store_conn *c, const char *id, struct flow_talk *out,
		  struct connect_problem *p);
/* The origin of its page, "" by the API; ERR_NOT_FOUND. */
int flow_talk_origin(struct store_conn *c, const char *id, char out[300]);
/* Ends it. */
int flow_talk_end(struct store_conn *c, const char *id,
		  struct connect_problem *p);
/* Messages behind this number, at most 200: a list (owned) of {seq, from,
 * content, at}. */
int flow_talk_messages(struct store_conn *c, const char *id, int64_t after,
		       json_t **out, struct connect_problem *p);
/* ---- the chat widget ---- */

/*
 * The document in force of a flow whose widget is switched on (owned:
 * flow_document_unref), and the flow's id.  ERR_NOT_FOUND: there is none.
 */
int flow_widget_find(struct flow_engine *e, struct store_conn *c,
		     const char *flow, char id[27], struct flow_document **out);
/*
 * Whether pages of this origin (NULL: none was sent) may have it: those of
 * its list, byte for byte, and those of own (Drawbridge's; may be NULL).
 */
bool flow_widget_takes(const struct flow_widget *w, const char *origin,
		       const char *own);

/* ---- consent of the visitor ---- */

/*
 * A webhook through a per-user connection for which the visitor has no grant
 * (or none that works) waits: expects is {"type": "connect", "connection",
 * "name", "skip": true}.  Consent takes it on by itself; {"choice": "skip"}
 * leads to no_answer.
 */
enum {
	FLOW_ASKS_MAX = 5, /* times that one block asks in a row */
	/* Without a move for so long, its grants are taken back. */
	FLOW_GRANT_IDLE_MS = 24 * 3600 * 1000,
};

/* Whether it waits for this connection (id).  0; ERR_NOT_FOUND. */
int flow_consent_waits(struct store_conn *c, const char *id,
		       const char *connection, struct flow_talk *out);
/* By the hash of its token: ERR_NOT_FOUND. */
int flow_talk_of_token(struct store_conn *c, const unsigned char *token_hash,
		       struct flow_talk *out);
/*
 * Whether a page of this origin may speak for the conversation: it is the
 * one where it began, and its flow still lets it.  own: Drawbridge's origin.
 * ERR_FORBIDDEN.
 */
int flow_talk_is_of_page(struct flow_engine *e, struct store_conn *c,
			 const struct flow_talk *t, const char *origin,
			 const char *own);
/*
 * Somebody presses Connect: from now on there may be a grant to be taken
 * back, however long it was silent before.
 */
int flow_consent_begun(struct store_conn *c, const char *id);
/* Its flow's name, in the caller's arena; "" when it is gone. */
const char *flow_consent_bot(struct store_conn *c, const struct flow_talk *t,
			     struct arena *arena);
/*
 * Consent was given, and is stored: the conversation calls.  The caller goes
 * on with flow_drive_start(), for this flow.  ERR_WRONG_STATE: it does not
 * wait for this any more, and the grant will be taken back.
 */
int flow_consent_given(struct flow_engine *e, struct store_conn *c,
		       const char *id, const char *connection, char flow[27]);
/* Consent was not given: the visitor is asked again, FLOW_ASKS_MAX times.
 * *calling: as flow_consent_given(). */
int flow_consent_failed(struct flow_engine *e, struct store_conn *c,
			const char *id, const char *connection, bool denied,
			char flow[27], bool *calling);

/*
 * Takes a conversation that is calling on until it is not: on the worker's
 * loop.  Who listens is told FLOW_SETTLED when it waits, is over, or is left
 * to be made up for later.  0, also where it is being driven already;
 * ERR_NOMEM, ERR_BUSY: it is made up for later.
 */
int flow_drive_start(struct flow_worker *w, const char *id, const char *flow);

/* ---- listening ---- */

enum flow_news {
	FLOW_MOVED,
	FLOW_SETTLED, /* and nothing more comes of its own accord */
	FLOW_LEAVING, /* the process: go, and come back at the next one */
};

/* Told on the worker's loop when the conversation has moved; embedded,
 * zeroed before. */
struct flow_listener {
	char id[27];
	void (*moved)(struct flow_listener *l, enum flow_news news);
	struct flow_worker *worker; /* NULL: not listening */
	struct flow_listener *next, **prev;
};
void flow_listen(struct flow_worker *w, struct flow_listener *l);
void flow_listen_stop(struct flow_listener *l);
/* How many listen to it on this worker. */
unsigned flow_listening(struct flow_worker *w, const char *id);
/* From any thread: all workers' listeners are told. */
void flow_tell(struct flow_engine *e, const char *id, enum flow_news news);

/* ---- hand-offs ---- */

/* Newest first, behind this id, open: those alone that nobody has closed: a
 * list (owned) of {id, flow, flow_name, conversation, message, email, at,
 * closed_at}. */
int flow_handoffs(struct store_conn *c, const struct connect_who *who,
		  const char *after, bool open, size_t limit, json_t **out,
		  struct connect_problem *p);
/* Somebody has seen to it; again is fine. */
int flow_handoff_close(struct store_conn *c, const struct connect_who *who,
		       const char *id, struct connect_problem *p);

/* ---- how they go ---- */

/*
 * The one place where a conversation is deleted, with its messages and
 * whatever else is its own; inside the caller's transaction.
 */
int flow_talk_remove(struct store_conn *c, const char *id);
/* At a member's word, with its hand-offs; audited. */
int flow_talk_erase(struct store_conn *c, const struct connect_who *who,
		    const struct flow_talk *t, struct connect_problem *p);
/*
 * Housekeeping, in small transactions: what waits for a visitor who has been
 * silent for silent_ms is over; what has not moved for keep_ms is removed, as
 * are hand-offs that were closed so long ago.  0: none of it.  1: there is
 * more than one run takes.
 */
int flow_tidy(struct flow_engine *e, struct store_conn *c, int64_t now,
	      int64_t keep_ms, int64_t silent_ms);

#endif
