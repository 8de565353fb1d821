/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of api/ share: requests, routes, answers.
 */
#ifndef API_API_PRIV_H
#define API_API_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "hook/hook.h"
#include "http/http.h"

/* ---- routes ---- */

enum {
	API_OPEN = 1,	  /* nobody needs to be known */
	API_CREATES = 2,  /* takes Idempotency-Key */
	API_PAGE = 4,	  /* answers with HTML, also when it refuses */
	API_FORM = 8,	  /* the body is a form, not JSON */
	API_NO_BODY = 16, /* takes a body, and needs none */
	API_ANY_QUERY = 32,
	API_AT_ONCE = 64, /* neither waits nor opens a database: on the loop */
	API_WATCH = 128,  /* the same, but may wait: in a pool of its own */
	API_PASSWORD = 256,  /* takes a password hash: in a pool of its own */
	API_LOCAL = 512,     /* over the machine's own socket alone */
	API_PROVIDER = 1024, /* waits for a provider: in the lane (lane.c) */
	/* Is done also where it had to wait and its client has gone: it takes
	 * something away, or cannot be asked for again. */
	API_STAYS = 2048,
};

enum { API_RATES = 4096 };
enum { API_PARAMS = 2, API_SECRETS = 16, API_LIFTS = 2 };

struct api_request;

/* Returns 0 when the answer is there, API_PENDING when api_later() will go
 * on, or an ERR_ code that becomes a problem. */
typedef int api_handler(struct api_request *r);
enum { API_PENDING = 1 };

/* Members that go into struct secret before a tree is made. */
struct api_lift {
	const char *under;	  /* "" or "/credentials"; NULL: none */
	const char *const *names; /* NULL: all */
};

struct api_route {
	const char *method;
	const char *path;
	api_handler *handle;
	enum people_action action; /* whose least role is asked for first */
	unsigned flags;
	size_t body_max; /* 0: takes none */
	struct api_lift lifts[API_LIFTS];
	const char *const *query; /* parameters; NULL: none */
	/* Pages of other sites may read what comes of it, also when its
	 * handler is not reached: says which, in the answer's fields. */
	void (*cors)(struct api_request *r);
};

extern const struct api_route api_routes[];
extern const size_t api_route_count;

/*
 * The route of a method and path.  0 with its parameters (slices of path);
 * ERR_NOT_FOUND; ERR_UNSUPPORTED when the path is there with other methods,
 * which are listed in allow ("GET, POST"), and then the first of these.
 */
int api_route_find(struct slice method, struct slice path,
		   const struct api_route **out,
		   struct slice params[API_PARAMS], char *allow, size_t size);

/* ---- a request ---- */

/* How it says who asks. */
enum api_credential {
	API_NOBODY,
	API_BY_KEY,
	API_BY_SESSION,
	API_BY_SOCKET,
	API_BY_TWO, /* several Authorization fields: refused */
};

struct api_request {
	struct api *api;
	struct api_worker *worker;
	struct http_exchange *x; /* NULL: the client has gone */
	_Atomic bool gone;	 /* the client has, for the work thread */
	struct loop_work work;
	bool counted; /* in api->passwords */
	bool waits;   /* its body has not come yet */
	size_t held;  /* bytes of the body, in api->bodies */
	const struct api_route *route;
	api_handler *step; /* what the work thread does next */
	void (*later)(struct api_request *r); /* then, on the loop */
	/* Of one whose answer is under way: goes on here, on the loop, where
	 * its step has failed or was not reached.  NULL: the problem is
	 * answered. */
	void (*lost)(struct api_request *r);
	void *state;			 /* the handler's own */
	void (*state_free)(void *state); /* at the very end, on the loop */

	/* in the lane; under its mutex but for lane_of */
	char lane_of[PEOPLE_ID_SIZE]; /* who has begun it; "": not for it */
	enum { API_LANE_NONE, API_LANE_QUEUED, API_LANE_RUNS } lane;
	struct api_request *lane_next;

	/* who */
	enum api_credential by;
	unsigned char hash[PEOPLE_HASH_SIZE]; /* of the key or the cookie */
	/* From the same, but stored nowhere: hashes with it tell who has the
	 * store nothing (idempotency.c). */
	unsigned char salt[VAULT_HASH_SIZE];
	bool has_session, has_browser, has_visitor;
	unsigned char session[PEOPLE_HASH_SIZE];
	char browser[RANDOM_TOKEN_SIZE]; /* the consent's own cookie */
	char visitor[RANDOM_TOKEN_SIZE]; /* a visitor's, for his ticket */
	unsigned char visitor_hash[PEOPLE_HASH_SIZE];
	bool origin_given, origin_ours, cross_site;
	char origin[256]; /* as it was sent; "?" when it is too long */
	char peer[NET_ADDR_TEXT];
	struct people_actor *actor; /* NULL on open routes */

	/* what */
	struct arena *arena;
	struct store_conn *db;
	char *params[API_PARAMS];
	struct slice query; /* still encoded */
	char if_match[40];
	char idempotency_key[128];
	int64_t idempotency_at; /* when its row was made */
	char *text;		/* of the body, less secrets; wiped */
	size_t text_len;
	json_t *json; /* of the body, or NULL */
	struct json_at body;
	struct json_problem problem;
	struct json_secret secrets[API_SECRETS];
	size_t secret_count;

	/* the answer */
	int status;
	const char *type;  /* of the body */
	struct buf fields; /* further header lines */
	struct buf answer; /* wiped */
	bool storable;	   /* may be kept for Idempotency-Key */
	size_t spliced;	   /* bytes at its begin that may not */
	const char *csp;   /* NULL: the one for JSON */
	bool cors_told;	   /* the fields for pages of other sites are there */
};

/* Ends what api_later began, on the loop: answers. */
void api_finish(struct api_request *r);
/* Goes back to a work thread with this handler. */
void api_resume(struct api_request *r, api_handler *step);

/* ---- answers ---- */

/*
 * Each makes the answer and returns 0, so that a handler ends with "return
 * api_…".  value is taken.
 */
int api_answer(struct api_request *r, int status, json_t *value);
int api_answer_empty(struct api_request *r); /* 204 */
/* hint may be NULL: what to do. */
int api_problem(struct api_request *r, enum connect_problem_id id,
		const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A problem of connect/, whole. */
int api_problem_connect(struct api_request *r, const struct connect_problem *p);
/* The problem that was noted in r->problem, with its pointer. */
int api_problem_input(struct api_request *r);
/* A query parameter that is wrong. */
int api_problem_parameter(struct api_request *r, const char *name,
			  const char *detail);
/* The usual problem for an ERR_ code; what: "The connection". */
int api_problem_err(struct api_request *r, int err, const char *what);
/* A refusal of somebody known: into the audit, then the problem. */
int api_refused(struct api_request *r, int err, const char *action,
		const char *object, const char *why);
void api_field(struct api_request *r, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A long value of ours (a URL): may be as long as fields may. */
void api_field_long(struct api_request *r, const char *name, const char *value);
void api_retry_after(struct api_request *r, unsigned seconds);
/* ETag from a version. */
void api_etag(struct api_request *r, int64_t version);
/* If-Match as a version: 0 with *version (0: none was given, or *);
 * ERR_INVALID. */
int api_if_match(struct api_request *r, int64_t *version);
/* Puts "name": "text" at the beginning of the object that was answered, at
 * the very end: for what is shown once, and is in no tree and no store. */
int api_answer_splice(struct api_request *r, const char *name,
		      const char *text);

/* JSON values: instants as RFC 3339, 0 as null; empty texts as null. */
json_t *api_json_time(int64_t at);
json_t *api_json_texts(const struct connect_texts *t);
/* When a grant is likely to end; null where nothing is known of that, or where
 * it is kept alive. */
json_t *api_json_forecast(const struct connect_forecast *f);
json_t *api_json_text(const char *text);
/* Of a text that was cut to its buffer, perhaps within a character. */
json_t *api_json_cut(const char *text);
/* {items, next}; takes items; next may be NULL. */
int api_answer_list(struct api_request *r, json_t *items, const char *next);

/* ---- input ---- */

enum { API_LIMIT_DEFAULT = 50, API_LIMIT_MAX = 200 };

/* The body must be an object with these fields alone (besides secrets).
 * False: the problem is answered already. */
bool api_body_only(struct api_request *r, const char *const *names);
/* Whether picking went well; false: the problem is answered already. */
bool api_input_ok(struct api_request *r);
/* A query parameter, decoded, in the arena; "" where there is none. */
const char *api_query(struct api_request *r, const char *name);
/* One that is true or false (where there is none).  False: the problem is
 * answered already. */
bool api_query_flag(struct api_request *r, const char *name, bool *out);
/* limit, and after (a cursor as it was given in next).  False: answered. */
bool api_paging(struct api_request *r, size_t *limit, const char **after);
/* The lifted secret of this name; NULL where there is none. */
struct secret *api_secret(struct api_request *r, const char *name);
/* Refuses lifted secrets that are not in the list.  False: answered. */
bool api_secrets_only(struct api_request *r, const char *const *names);
/* A decoded parameter of a form body, in the arena; "" where none. */
const char *api_form(struct api_request *r, const char *name);

/*
 * Takes the values of these names (NULL at the end) out of a form, as
 * json_lift_secrets() does; ERR_INVALID also for such a name written with
 * escapes, for a value that does not decode, and for a NUL in it.
 */
int api_form_lift(char *text, size_t len, const char *const *names,
		  struct json_secret *out, size_t max, size_t *count);

/* ---- who ---- */

/* Reads the credential from the head, on the loop. */
void api_auth_read(struct api_request *r);
/* Finds the actor and asks for the route's least role, on a work thread.
 * 0, or API_PENDING when an answer (a refusal) was made. */
int api_auth_check(struct api_request *r);
/* The same for an open route that wants to know: as if it were none. */
int api_auth_require(struct api_request *r);
/* Who asked when the request began, as he is now, of one that goes on for
 * long: 0 with another r->actor, or ERR_NOT_FOUND: his key or session has
 * ended, or he was disabled.  Nothing is answered, and a session does not live
 * longer by it. */
int api_auth_again(struct api_request *r);
/* Asks people_may(); 0, or API_PENDING when the refusal was answered. */
int api_may(struct api_request *r, enum people_action action,
	    const struct people_object *o, const char *object);
/* A cookie's header field; max_age_s 0 ends it. */
void api_cookie_set(struct api_request *r, const char *name, const char *value,
		    unsigned max_age_s);
extern const char api_cookie_session[], api_cookie_browser[],
	api_cookie_visitor[];
/* False: more often than that in a minute, and answered.  who: an id, or an
 * address. */
bool api_rate_allows(struct api_request *r, const char *kind, const char *who,
		     int64_t per_minute, int64_t burst);

/* ---- audit ---- */

/* Appends a record of this request's actor, inside the transaction. */
int api_audit(struct api_request *r, const char *action, const char *object,
	      const char *name, const char *detail);

/* ---- Idempotency-Key ---- */

/* 0: go on; API_PENDING: the answer (again, or a problem) is made. */
int api_idempotency_begin(struct api_request *r);
void api_idempotency_end(struct api_request *r);
/* Removes keys whose day is over. */
int api_idempotency_tidy(struct store_conn *c);

/* ---- calls.c ---- */

/* The statement for that: ?1 organisation, ?2 cursor, ?3 member, ?4 whether
 * failed ones alone, ?5 connection, ?6 limit. */
const char *api_calls_sql(const char *member, const char *connection);
/* A page of call records; member and connection: ids, "" for all. */
int api_calls_answer(struct api_request *r, const char *member,
		     const char *connection, bool failed);

/* ---- conversations.c ---- */

/* The conversation that the request may see (flow_talk_release); 0, or
 * API_PENDING when a refusal was answered. */
int api_talk_find(struct api_request *r, struct flow_talk *out);
/* Whether what it found may be answered: by whoever has its token, and by the
 * member who began it.  0, or API_PENDING, audited. */
int api_talk_is_his(struct api_request *r, const struct flow_talk *t);
/* The query's "after"; false: answered. */
bool api_talk_after(struct api_request *r, int64_t *out);

/* ---- widget.c ---- */

/* CORS fields of an answer about a flow (r->params[0]), for pages that may
 * have its widget; and about a conversation, for its own page.  Once: what
 * is asked for again stays as it was told first. */
void api_cors_flow(struct api_request *r);
void api_cors_talk(struct api_request *r);
/* Whether the flow's widget is switched on, and whose origin that is: for
 * any page; it learns no more than that. */
void api_cors_widget(struct api_request *r);

/* ---- connections.c ---- */

/* On whose behalf a request is made. */
void api_who(const struct api_request *r, struct connect_who *out);
/* The connection's JSON with its ETag. */
int api_connection_answer(struct api_request *r, int status,
			  const struct connect_info *i);
/* What a list of connections, or of one's users, is asked for: page and
 * status.  out->limit is one more than *limit, which tells whether there is
 * another page.  statuses: those that there are, for people.  False: the
 * problem is answered already. */
bool api_connection_filter(struct api_request *r, const char *statuses,
			   struct connect_filter *out, size_t *limit);

/* ---- webhooks.c ---- */

/* Calls off what is under way: for the end. */
void api_webhooks_end(struct api_worker *w);

/* ---- pages ---- */

/* HTML in one frame; body is HTML already, title is text. */
int api_page(struct api_request *r, int status, const char *title,
	     struct buf *body);
/* A page with a heading and sentences (NULL ends them). */
int api_page_message(struct api_request *r, int status, const char *title,
		     const char *detail, const char *hint);
/* The hashes in the pages' Content-Security-Policy; once, in api_new. */
int api_pages_init(struct api *a);
/* How a consent has ended: link is told to the studio's open pages.  back:
 * the origin of the page with the chat, as a link; "" for none. */
int api_page_consent(struct api_request *r, int status, const char *title,
		     const char *link, bool connected, const char *detail,
		     const char *hint, const char *back);

/* ---- the lane of requests that wait for providers ---- */

struct api_lane {
	pthread_mutex_t mutex;
	struct api_request *first;
};
/* On a work thread, before the body comes: whose such a request is. */
int api_lane_find(struct api_request *r);
/* On the loop: whether it goes into the lane. */
bool api_lane_is_for(const struct api_request *r);
/* Takes its place; its work (set before) runs when its turn has come.
 * ERR_FORBIDDEN: he has too many there; ERR_BUSY: all have. */
int api_lane_enter(struct api_request *r);
/* Its work is done; fine for one that was not there. */
void api_lane_leave(struct api_request *r);
/* Takes out one that has not begun; false: it has, or is not there. */
bool api_lane_drop(struct api_request *r);

/* ---- keys and backups ---- */

/* The member "handover", sealed for the keeper, as bytes.  False: answered. */
bool api_handover(struct api_request *r, unsigned char *bytes, size_t size,
		  size_t *len);

/* A backup being made; see backup.c. */
enum api_backup_state {
	API_BACKUP_NONE,
	API_BACKUP_MAIN,
	API_BACKUP_KEEPER,
	API_BACKUP_BUSY, /* something came between: to be begun anew */
	API_BACKUP_FAILED,
	API_BACKUP_ENDING,
};
/* What whoever asks for it is told. */
struct api_backup_told {
	enum api_backup_state state;
	char copy[RANDOM_ID_SIZE]; /* of whoever has begun it */
	uint64_t done, total;	   /* pages of the main database */
	int64_t schema;		   /* once it is copied: its newest migration */
	char detail[256];
};
struct api_backup {
	pthread_mutex_t mutex; /* of all but work, watch, silence */
	struct api_backup_told told;
	uint64_t asked_ms; /* when somebody asked for it last */
	bool cancelled;
	unsigned char handover[CONNECT_HANDOVER_MAX];
	size_t handover_len;
	struct loop_work work;
	struct api_worker *watcher; /* whose loop looks for a silence */
	struct loop_task watch;
	struct loop_timer silence;
};
/* Removes what an earlier one has left. */
void api_backup_drop(struct api *a);
/* On the worker's thread, once its loop has ended. */
void api_backup_unwatch(struct api_worker *w);

/* ---- all of it ---- */

struct api {
	struct api_config config;
	char *public_url, *version, *origin;
	bool secure; /* cookies travel over TLS alone */
	char *page_csp;
	pthread_mutex_t mutex; /* of the list of workers */
	struct api_worker *first;
	int64_t started_at;
	struct api_backup backup;
	struct api_lane lane;
	unsigned char salt[VAULT_HASH_SIZE]; /* of who comes without either */
	_Atomic unsigned passwords; /* requests that want a password hash */
	/* Bytes of bodies that are collected, or wait for a thread: of all,
	 * and of those who are not known. */
	_Atomic size_t bodies, strange_bodies;
	bool counting; /* under mutex: somebody asks for counts */
	bool counted;
	struct connect_counts counts; /* as they were told last */
	/* Rates of visitors, by address or conversation (GCRA). */
	_Atomic int64_t rates[API_RATES];
};

struct api_worker {
	struct api *api;
	struct loop *loop;
	struct call_worker *calls;
	struct flow_worker *flows;
	struct api_worker *next;
	struct api_run *runs; /* webhooks under way */
	_Atomic uint64_t requests;
	_Atomic uint64_t statuses[6];
};

/* ---- handlers, by file ---- */

#define API_HANDLER(name) int name(struct api_request *r)

API_HANDLER(api_services_list);
API_HANDLER(api_service_get);
API_HANDLER(api_service_create);
API_HANDLER(api_service_replace);
API_HANDLER(api_service_delete);
API_HANDLER(api_app_get);
API_HANDLER(api_app_set);
API_HANDLER(api_connections_list);
API_HANDLER(api_connection_create);
API_HANDLER(api_connection_get);
API_HANDLER(api_connection_update);
API_HANDLER(api_connection_delete);
API_HANDLER(api_connection_authorize);
API_HANDLER(api_connection_credentials);
API_HANDLER(api_connection_test);
API_HANDLER(api_connection_refresh);
API_HANDLER(api_connection_revoke);
API_HANDLER(api_connection_disable);
API_HANDLER(api_connection_enable);
API_HANDLER(api_connection_usage);
API_HANDLER(api_connection_users);
API_HANDLER(api_connection_user);
API_HANDLER(api_connection_user_remove);
API_HANDLER(api_connection_calls);
API_HANDLER(api_connections_suspend);
API_HANDLER(api_connections_revoke);
API_HANDLER(api_bulks_list);
API_HANDLER(api_bulk_get);
API_HANDLER(api_bulk_items);
API_HANDLER(api_shares_get);
API_HANDLER(api_shares_set);
API_HANDLER(api_webhook_run);
API_HANDLER(api_session_create);
API_HANDLER(api_session_end);
API_HANDLER(api_me_get);
API_HANDLER(api_me_password);
API_HANDLER(api_members_list);
API_HANDLER(api_member_create);
API_HANDLER(api_member_get);
API_HANDLER(api_member_update);
API_HANDLER(api_keys_list);
API_HANDLER(api_key_create);
API_HANDLER(api_key_get);
API_HANDLER(api_key_revoke);
API_HANDLER(api_webhook_import);
API_HANDLER(api_calls_list);
API_HANDLER(api_audit_list);
API_HANDLER(api_flows_list);
API_HANDLER(api_flow_create);
API_HANDLER(api_flow_get);
API_HANDLER(api_flow_replace);
API_HANDLER(api_flow_delete);
API_HANDLER(api_flow_publish);
API_HANDLER(api_flow_versions);
API_HANDLER(api_flow_version_get);
API_HANDLER(api_flow_restore);
API_HANDLER(api_flow_diff);
API_HANDLER(api_flow_export);
API_HANDLER(api_flow_import);
API_HANDLER(api_talk_begin);
API_HANDLER(api_talk_get);
API_HANDLER(api_talk_answer);
API_HANDLER(api_talk_end);
API_HANDLER(api_talk_events);
API_HANDLER(api_talk_preflight);
API_HANDLER(api_talk_connect);
API_HANDLER(api_visit);
API_HANDLER(api_flow_preflight);
API_HANDLER(api_widget_get);
API_HANDLER(api_handoffs_list);
API_HANDLER(api_handoff_close);
API_HANDLER(api_globals_list);
API_HANDLER(api_global_set);
API_HANDLER(api_global_delete);
API_HANDLER(api_egress_list);
API_HANDLER(api_egress_create);
API_HANDLER(api_egress_delete);
API_HANDLER(api_healthz);
API_HANDLER(api_readyz);
API_HANDLER(api_metrics);
API_HANDLER(api_connect_page);
API_HANDLER(api_connect_go);
API_HANDLER(api_callback);
API_HANDLER(api_owner_create);
API_HANDLER(api_setup_page);
API_HANDLER(api_setup_claim);

API_HANDLER(api_keyring_get);
API_HANDLER(api_keyring_rotate);
API_HANDLER(api_backup_get);
API_HANDLER(api_backup_make);
API_HANDLER(api_backup_end);

#endif
