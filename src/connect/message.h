/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What front, keeper and exchanger say to each other.
 *
 *   front ──> keeper      all of CONNECT_KEEPER_*
 *   keeper ──> front      CONNECT_FRONT_STATUS, MISSED: notices
 *   keeper ──> exchanger  CONNECT_EXCHANGER_*
 *
 * Each body is one struct below with a pack and an unpack function, so that
 * both sides agree by construction.  Unpacking is strict: unknown enums,
 * over-long texts and bytes left over are ERR_PROTOCOL.  Structs own what
 * they point to (release functions accept zeroed ones) unless said
 * otherwise; packing borrows.
 */
#ifndef CONNECT_MESSAGE_H
#define CONNECT_MESSAGE_H

#include "connect/view.h"
#include "method/method.h"
#include "proc/proc.h"

enum connect_message {
	/* struct connect_msg_subject for all that name a grant */
	CONNECT_KEEPER_CREDENTIAL = 1, /* msg_credential -> msg_grant */
	CONNECT_KEEPER_APP,	       /* msg_app -> nothing */
	CONNECT_KEEPER_CONSENT_BEGIN,  /* msg_begin -> msg_begun */
	CONNECT_KEEPER_CONSENT_FINISH, /* msg_finish -> msg_grant */
	CONNECT_KEEPER_INJECT,	       /* msg_subject -> msg_injection */
	CONNECT_KEEPER_REFUSED,	       /* msg_subject -> msg_injection */
	CONNECT_KEEPER_REFRESH,	       /* msg_subject -> msg_grant */
	CONNECT_KEEPER_REVOKE,	       /* msg_subject -> msg_revoked;
					* generation: enum connect_revoke */
	CONNECT_KEEPER_FORGET,	       /* msg_subject -> nothing; subject "":
					* all of the connection's; generation:
					* enum connect_forget */
	CONNECT_KEEPER_SUSPEND,	       /* msg_subject, generation: enum
					* connect_suspend */
	CONNECT_KEEPER_CHANGES, /* u64 after -> msg_status …; none: all are
				 * known */
	CONNECT_KEEPER_COUNTS,	/* nothing -> msg_counts */
	CONNECT_KEEPER_EGRESS,	/* msg_egress -> nothing, when the exchanger
				 * goes by it */
	/* msg_subject -> u64 count, msg_subject …: users' grants that were
	 * left and are not revoked yet, after this connection and subject
	 * ("": from the first), in their order; CONNECT_LEFT_MAX at once */
	CONNECT_KEEPER_LEFT,

	CONNECT_FRONT_STATUS = 64, /* msg_status */
	CONNECT_FRONT_MISSED,	   /* nothing: ask for CHANGES */

	CONNECT_EXCHANGER_TOKEN = 128, /* msg_token -> msg_token_answer */
	CONNECT_EXCHANGER_LOOKUP,      /* msg_lookup -> msg_looked_up */
	CONNECT_EXCHANGER_EGRESS,      /* msg_egress -> nothing */
	CONNECT_EXCHANGER_TEST,	       /* msg_test -> msg_tested */
};

enum {
	CONNECT_ID_SIZE = 27,
	CONNECT_STATE_SIZE = 32, /* SHA-256 of the state parameter */
	CONNECT_DETAIL_SIZE = 320,
	CONNECT_WARNING_SIZE = 320,
	CONNECT_SCOPES_SIZE = METHOD_SCOPE_SIZE,
	CONNECT_LEFT_MAX = 64,
	/* A service's words that the keeper masks, and then cuts: with more
	 * than is shown, so that no secret is cut before. */
	CONNECT_UNMASKED_SIZE = 1024,

	/* How long the asker waits. */
	CONNECT_QUICK_MS = 5000,
	CONNECT_INJECT_MS = 35000,  /* a refresh may be within */
	CONNECT_CONSENT_MS = 30000, /* the exchange of a code */
	CONNECT_TOKEN_MS = 20000,   /* one token request */
	CONNECT_REVOKE_MS = 45000,  /* one, and a refresh before it */
	CONNECT_TEST_MS = 12000,    /* the test of a new credential */
};

/* Which grant. */
struct connect_msg_subject {
	char org[CONNECT_ID_SIZE];
	char connection[CONNECT_ID_SIZE];
	char subject[64];    /* "" unless per user */
	uint64_t generation; /* REFUSED: of the refused token; REVOKE,
			      * FORGET, SUSPEND: how, as below; else 0 */
};
void connect_msg_subject_pack(const struct connect_msg_subject *m,
			      struct proc_pack *p);
int connect_msg_subject_unpack(struct proc_unpack *u,
			       struct connect_msg_subject *m);
/* One of several. */
int connect_msg_subject_read(struct proc_unpack *u,
			     struct connect_msg_subject *m);

/*
 * Why not.  Goes with every error reply of the keeper:
 *   ERR_INVALID      what was given is wrong; pointer says where
 *   ERR_NOT_FOUND    code "app_missing" (no OAuth app set) or no such grant
 *   ERR_FORBIDDEN    a host, endpoint or captured value is not allowed
 *   ERR_WRONG_STATE  no usable grant: status and detail tell
 *   ERR_BUSY         throttled, or the provider is down: retry_after_s
 *   ERR_CONNECT      the provider could not be reached
 *   ERR_PROTOCOL     the provider refused or said nothing sensible
 */
struct connect_msg_problem {
	char code[48]; /* "app_missing", "app_refused", "denied" …; "" */
	char detail[CONNECT_DETAIL_SIZE];
	char pointer[128];
	enum connect_status status;
	uint32_t retry_after_s;
};
void connect_msg_problem_pack(const struct connect_msg_problem *m,
			      struct proc_pack *p);
/* u may be NULL (no answer came): gives a usual text for err. */
void connect_msg_problem_unpack(struct proc_unpack *u, int err,
				struct connect_msg_problem *m);

/* A credential that a person gave (or nothing but a method that needs none,
 * or client credentials: then tokens are asked for at once).  One that would
 * replace one in use is tested first, where the definition has a test request:
 * ERR_PROTOCOL "credential_refused", ERR_CONNECT "credential_untested" (it is
 * not known whether it is good), ERR_CONFLICT (something else has happened to
 * the grant meanwhile): all as it was. */
struct connect_msg_credential {
	struct connect_msg_subject who;
	struct binding *binding;
	struct method_credential fields;
	char scope[CONNECT_SCOPES_SIZE]; /* client credentials: as sent */
	bool untested;			 /* whatever a test would say */
};
void connect_msg_credential_pack(const struct connect_msg_credential *m,
				 struct proc_pack *p);
int connect_msg_credential_unpack(struct proc_unpack *u,
				  struct connect_msg_credential *m);
void connect_msg_credential_release(struct connect_msg_credential *m);

/* What has become of a grant. */
struct connect_msg_grant {
	uint64_t generation;
	int64_t expires_at; /* of the access token, wall ms; 0: never */
	char scope[CONNECT_SCOPES_SIZE]; /* granted; joined by spaces */
	char second_scope[CONNECT_SCOPES_SIZE];
	bool has_scope; /* the provider told; else: as asked */
	char account[256];
	char data_centre[32];
	char warning[CONNECT_WARNING_SIZE]; /* for people, or "" */
	int64_t ends_at;      /* likely, whatever is done; 0: not known */
	char ends_why[16];    /* "no_refresh", "total_life", "refresh_token" */
	int64_t idle_ends_at; /* if it is not renewed until then; 0 */
};
void connect_msg_grant_pack(const struct connect_msg_grant *m,
			    struct proc_pack *p);
int connect_msg_grant_unpack(struct proc_unpack *u,
			     struct connect_msg_grant *m);

enum { CONNECT_ENDPOINTS_MAX = 64, CONNECT_URL_SIZE = 512 };
/* Among the endpoints: who may vouch for them (a CATALOG_ANCHOR_ID behind
 * it), if not whom the system trusts. */
#define CONNECT_ANCHOR "ca:"

/* An OAuth app.  Its secret will only ever go to these endpoints. */
struct connect_msg_app {
	char org[CONNECT_ID_SIZE];
	char app[64];
	bool custom;	      /* of a custom service, for it alone */
	char data_centre[32]; /* "": all that have no own */
	char client_id[512];
	struct secret *client_secret; /* NULL: a public client */
	char **endpoints;
	size_t endpoint_count;
};
void connect_msg_app_pack(const struct connect_msg_app *m, struct proc_pack *p);
int connect_msg_app_unpack(struct proc_unpack *u, struct connect_msg_app *m);
void connect_msg_app_release(struct connect_msg_app *m);

/* A consent is to begin.  The PKCE verifier is made, and stays, in the
 * keeper. */
struct connect_msg_begin {
	struct connect_msg_subject who;
	unsigned char state[CONNECT_STATE_SIZE];
	struct binding *binding;
	char scope[CONNECT_SCOPES_SIZE]; /* as sent */
	char redirect_uri[CONNECT_URL_SIZE];
	uint64_t life_s; /* as long it can be finished */
};
void connect_msg_begin_pack(const struct connect_msg_begin *m,
			    struct proc_pack *p);
int connect_msg_begin_unpack(struct proc_unpack *u,
			     struct connect_msg_begin *m);
void connect_msg_begin_release(struct connect_msg_begin *m);

struct connect_msg_begun {
	char client_id[512];
	char challenge[64]; /* S256; "": no PKCE with this service */
};
void connect_msg_begun_pack(const struct connect_msg_begun *m,
			    struct proc_pack *p);
int connect_msg_begun_unpack(struct proc_unpack *u,
			     struct connect_msg_begun *m);

/* The provider has sent the browser back with a code. */
enum { CONNECT_QUERY_MAX = 16 * 1024 };

struct connect_msg_finish {
	unsigned char state[CONNECT_STATE_SIZE];
	struct secret *code;
	/* Values of the callback for captures of CATALOG_FROM_CALLBACK, by
	 * index in method->captures. */
	struct {
		size_t index;
		char value[512];
	} captures[METHOD_CAPTURES_MAX];
	size_t capture_count;
	/* The whole query, where the provider signs it; else NULL. */
	struct secret *query;
};
void connect_msg_finish_pack(const struct connect_msg_finish *m,
			     struct proc_pack *p);
int connect_msg_finish_unpack(struct proc_unpack *u,
			      struct connect_msg_finish *m);
void connect_msg_finish_release(struct connect_msg_finish *m);

/* An injection, as struct connect_injection wants it. */
struct connect_msg_injection {
	uint64_t generation;
	uint64_t fresh_ms; /* may be sent for so long; 0: for good */
	struct binding *binding;
	struct method_injection add;
	struct secret *scrub[METHOD_SECRETS_MAX];
	size_t scrub_count;
};
void connect_msg_injection_pack(const struct connect_msg_injection *m,
				struct proc_pack *p);
int connect_msg_injection_unpack(struct proc_unpack *u,
				 struct connect_msg_injection *m);
void connect_msg_injection_release(struct connect_msg_injection *m);

/* How a grant is to be revoked. */
enum connect_revoke {
	CONNECT_REVOKE_NOW, /* whatever the provider says */
	/* One that was left (CONNECT_LEAVE), else ERR_NOT_FOUND: it stays, and
	 * ERR_BUSY is answered, where the provider gives no answer … */
	CONNECT_REVOKE_TRY,
	CONNECT_REVOKE_LAST, /* … or goes all the same */
};

/* Whose injections there are no more. */
enum connect_suspend {
	CONNECT_RESUME,	 /* all of the connection's again */
	CONNECT_SUSPEND, /* all of them, for a while */
	/* The subject's ("": all), for good: only to be revoked.  A new
	 * consent of that subject ends it. */
	CONNECT_LEAVE,
};

/* Whose grants and tokens there are no more. */
enum connect_forget {
	CONNECT_FORGET,
	/* Only if they were left (CONNECT_LEAVE), and nobody has consented
	 * since.  0 as well where not. */
	CONNECT_FORGET_LEFT,
};

struct connect_msg_revoked {
	bool upstream;	     /* the provider has confirmed it */
	uint64_t generation; /* what is revoked is of this one, or before */
	char detail[CONNECT_DETAIL_SIZE];
};
void connect_msg_revoked_pack(const struct connect_msg_revoked *m,
			      struct proc_pack *p);
int connect_msg_revoked_unpack(struct proc_unpack *u,
			       struct connect_msg_revoked *m);

/* Something about a grant has changed that people are to see; or, where who
 * has no connection, about an OAuth app alone (health_reason says what; "":
 * that it works again). */
struct connect_msg_status {
	uint64_t change; /* counts up; CHANGES asks for later ones */
	struct connect_msg_subject who; /* generation: the grant's now */
	enum connect_status status;
	bool leaving; /* it is only to be revoked yet (CONNECT_LEAVE) */
	bool lives;   /* revoked, and the provider has not confirmed it */
	char reason[256];
	bool degraded;
	char health_reason[256];
	int64_t retry_at;
	int64_t expires_at;
	int64_t ends_at; /* these as in msg_grant */
	char ends_why[16];
	int64_t idle_ends_at;
	char flagged_app[64]; /* this app is misconfigured, or "" */
	char flagged_data_centre[32];
	/* What the grant brought when it was given: generation is the one that
	 * it made (0: nothing is known), times are 0.  Whoever has not written
	 * that of this generation writes it now. */
	struct connect_msg_grant brought;
};
void connect_msg_status_pack(const struct connect_msg_status *m,
			     struct proc_pack *p);
int connect_msg_status_unpack(struct proc_unpack *u,
			      struct connect_msg_status *m);
/* One of several: more may follow. */
int connect_msg_status_read(struct proc_unpack *u,
			    struct connect_msg_status *m);

void connect_msg_counts_pack(const struct connect_counts *m,
			     struct proc_pack *p);
int connect_msg_counts_unpack(struct proc_unpack *u, struct connect_counts *m);

/* The private destinations that the owner allows, all of them. */
struct connect_msg_egress {
	size_t count;
	char items[EGRESS_ALLOWED_MAX][EGRESS_ALLOWED_TEXT];
};
void connect_msg_egress_pack(const struct connect_msg_egress *m,
			     struct proc_pack *p);
int connect_msg_egress_unpack(struct proc_unpack *u,
			      struct connect_msg_egress *m);
/* As the guard wants them; what it would not take is left out, and logged.
 * NULL: out of memory. */
struct egress_allowed *
connect_msg_egress_allowed(const struct connect_msg_egress *m);

/* ---- keeper and exchanger ---- */

struct connect_msg_token {
	enum method_request what;
	struct binding *binding;
	char client_id[512];
	struct secret *client_secret, *code, *verifier;
	struct secret *refresh_token, *access_token;
	char redirect_uri[CONNECT_URL_SIZE];
	char scope[CONNECT_SCOPES_SIZE];
};
void connect_msg_token_pack(const struct connect_msg_token *m,
			    struct proc_pack *p);
int connect_msg_token_unpack(struct proc_unpack *u,
			     struct connect_msg_token *m);
void connect_msg_token_release(struct connect_msg_token *m);

struct connect_msg_token_answer {
	/* Whether the request (or a part) has left this machine: if it has
	 * and nothing came back, a rotating grant is in doubt. */
	bool sent;
	/* 0: answer is the provider's; else it could not be asked (ERR_RESOLVE,
	 * ERR_CONNECT, ERR_TLS, ERR_TIMEOUT, ERR_CLOSED, ERR_PROTOCOL,
	 * ERR_BLOCKED) and detail says why. */
	int err;
	char detail[256];
	bool revoked; /* METHOD_REVOKE: it went through */
	struct method_answer answer;
};
void connect_msg_token_answer_pack(const struct connect_msg_token_answer *m,
				   struct proc_pack *p);
int connect_msg_token_answer_unpack(struct proc_unpack *u,
				    struct connect_msg_token_answer *m);
void connect_msg_token_answer_release(struct connect_msg_token_answer *m);

/* A look-up after consent: method->lookups[index] with this injection. */
struct connect_msg_lookup {
	struct binding *binding;
	size_t index;
	struct secret *headers;
	struct secret *query;
};
void connect_msg_lookup_pack(const struct connect_msg_lookup *m,
			     struct proc_pack *p);
int connect_msg_lookup_unpack(struct proc_unpack *u,
			      struct connect_msg_lookup *m);
void connect_msg_lookup_release(struct connect_msg_lookup *m);

struct connect_msg_looked_up {
	int err; /* 0, or why it could not be had */
	char detail[256];
	char account[CONNECT_UNMASKED_SIZE];
	char values[METHOD_CAPTURES_MAX][512]; /* by index in the look-up's
						* values; "": not there */
	size_t value_count;
};
void connect_msg_looked_up_pack(const struct connect_msg_looked_up *m,
				struct proc_pack *p);
int connect_msg_looked_up_unpack(struct proc_unpack *u,
				 struct connect_msg_looked_up *m);

/* A test of a credential that is nowhere stored yet: test number index of the
 * binding's API, with what the credential adds to a request. */
struct connect_msg_test {
	struct binding *binding;
	size_t index;
	struct method_injection add;
};
void connect_msg_test_pack(const struct connect_msg_test *m,
			   struct proc_pack *p);
int connect_msg_test_unpack(struct proc_unpack *u, struct connect_msg_test *m);
void connect_msg_test_release(struct connect_msg_test *m);

enum connect_verdict {
	CONNECT_TEST_PASSED,
	CONNECT_TEST_REFUSED,
	CONNECT_TEST_LACKS,  /* it is known, and lacks a permission */
	CONNECT_TEST_UNSURE, /* no answer, or one about something else */
};

struct connect_msg_tested {
	int err; /* 0, or why there is no answer (UNSURE) */
	enum connect_verdict verdict;
	char detail[256]; /* err in words */
	int status;	  /* of HTTP; 0: none */
	uint32_t wait_s;  /* it asks to wait; 0: unknown */
	/* From the answer, which may repeat what was sent: */
	char said[CONNECT_UNMASKED_SIZE]; /* the service's words, or "" */
	char account[CONNECT_UNMASKED_SIZE];
};
void connect_msg_tested_pack(const struct connect_msg_tested *m,
			     struct proc_pack *p);
int connect_msg_tested_unpack(struct proc_unpack *u,
			      struct connect_msg_tested *m);

#endif
