/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of practice/.
 */
#ifndef PRACTICE_PRACTICE_PRIV_H
#define PRACTICE_PRACTICE_PRIV_H

#include "json/json.h"
#include "practice/practice.h"

/* Faults, as named on the switchboard. */
#define PRACTICE_FAULTS(X) \
	X(THROTTLE, "throttle", "Token requests are refused as too many") \
	X(ERROR_200, "error_200", \
	  "Token requests get HTTP 200 with an error inside") \
	X(ROTATION, "rotation", \
	  "Each refresh token works once; using it again kills the grant") \
	X(OUTAGE, "outage", "API and token endpoint answer 503") \
	X(SILENCE, "silence", "The API ends connections without an answer") \
	X(SHORT_LIFE, "short_life", "New access tokens live ten seconds") \
	X(BUSY, "busy", "The API answers 429")

enum practice_fault {
#define PRACTICE_FAULT_ENUM(id, name, text) PRACTICE_##id,
	PRACTICE_FAULTS(PRACTICE_FAULT_ENUM)
#undef PRACTICE_FAULT_ENUM
		PRACTICE_FAULT_COUNT
};

/* One consent: its tokens stand and fall together. */
struct practice_grant {
	struct practice_grant *next;
	char scope[512];
	char account[64]; /* e-mail address of who has accepted */
	char code[RANDOM_TOKEN_SIZE + 8]; /* "" once used */
	char redirect_uri[512];
	char challenge[64]; /* PKCE S256, or "" */
	int64_t code_until_ms;
	bool offline;
	bool dead;
	char refresh[RANDOM_TOKEN_SIZE + 8]; /* "" without offline access */
	char spent[RANDOM_TOKEN_SIZE + 8];   /* the one before, if rotated */
	struct {
		char token[RANDOM_TOKEN_SIZE + 8];
		int64_t until_ms;
	} access[10]; /* a ring: the eleventh pushes out the first */
	unsigned access_next;
};

struct practice_ticket {
	char id[24];
	char number[12];
	char subject[128];
	char status[24];
	char email[64];
};

struct practice {
	struct loop *loop;
	struct http_server *server;
	int fd;
	uint16_t port;
	char client_id[128];
	char client_secret[128];
	char bridge[128]; /* whose widget the shop has; "" */
	bool faults[PRACTICE_FAULT_COUNT];
	uint64_t token_requests, api_requests;
	struct practice_grant *grants;
	struct practice_ticket tickets[6];
};

/* A request on its way through a handler. */
struct practice_request {
	struct practice *p;
	struct http_exchange *x;
	struct slice path, query, body;
};

/* ---- answers ---- */
void practice_json(struct practice_request *rq, int status, const char *fields,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void practice_html(struct practice_request *rq, int status, struct buf *body);
void practice_redirect(struct practice_request *rq, const char *url);
/* A decoded parameter of query or form into out; "" if absent. */
void practice_param(struct slice form, const char *name, char *out,
		    size_t size);

/* ---- oauth.c ---- */
void practice_authorize(struct practice_request *rq);
void practice_decide(struct practice_request *rq);
void practice_token(struct practice_request *rq);
void practice_revoke(struct practice_request *rq);
/* The living grant of the request's access token, or NULL. */
struct practice_grant *practice_bearer(struct practice_request *rq);
void practice_expire_tokens(struct practice *p);

/* ---- desk.c ---- */
void practice_fill_tickets(struct practice *p);
/* Whether somebody of this address has tickets, or may have some. */
bool practice_is_customer(const struct practice *p, const char *email);
void practice_desk(struct practice_request *rq);

/* ---- pages.c ---- */
void practice_page_home(struct practice_request *rq);
void practice_page_consent(struct practice_request *rq, const char *scope);
void practice_page_error(struct practice_request *rq, const char *title,
			 const char *text);
void practice_switch(struct practice_request *rq);

/* ---- shop.c ---- */
void practice_shop(struct practice_request *rq);
void practice_shop_style(struct practice_request *rq);

#endif
