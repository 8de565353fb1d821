/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the import share.
 *
 *   curl_shell.c    text -> words, as a POSIX shell would make them
 *   curl_option.c   words -> struct curl_command, as curl would read them
 *   curl_secret.c   what is a credential: left out, and offered
 *   curl_url.c      URL and query   -> request
 *   curl_header.c   header fields   -> request
 *   curl_body.c     data and forms  -> request
 *   curl.c          the whole
 *
 * Slices of words point into locked memory.  What goes from there into a
 * buffer or a tree has been through curl_secret.c.
 */
#ifndef HOOK_CURL_PRIV_H
#define HOOK_CURL_PRIV_H

#include "hook/curl.h"
#include "hook/hints.h"
#include "template/template.h"

enum {
	CURL_WORDS_MAX = 1000,
	CURL_ITEMS_MAX = 200, /* headers, data, forms: of each */
	CURL_ROWS_MAX = 100,  /* of a list in the request */
	CURL_TEXT_MAX = 4 * HOOK_CURL_MAX,
};

/* ---- the shell ---- */

struct curl_word {
	struct slice text;
	bool variable; /* holds a substitution, as it was written */
};

struct curl_shell {
	struct secret *bytes; /* of the words */
	struct curl_word words[CURL_WORDS_MAX];
	size_t count;
};

/* The words behind "curl" of the first command that is curl's.  Notes go to
 * out, problems too (ERR_INVALID). */
int curl_shell_read(struct slice text, struct curl_shell *shell,
		    struct hook_curl *out);

/* ---- the options ---- */

enum curl_act {
	CURL_IGNORE, /* changes nothing of the request */
	CURL_NOTE,   /* cannot be taken over: the table says why */
	CURL_METHOD,
	CURL_HEADER,
	CURL_DATA,
	CURL_DATA_RAW,
	CURL_DATA_URLENCODE,
	CURL_JSON,
	CURL_FORM,
	CURL_FORM_STRING,
	CURL_GET,
	CURL_HEAD,
	CURL_USER,
	CURL_BEARER,
	CURL_AGENT,
	CURL_REFERER,
	CURL_COOKIE,
	CURL_RANGE,
	CURL_URL,
	CURL_URL_QUERY,
	CURL_LOCATION,
	CURL_MAX_REDIRS,
	CURL_MAX_TIME,
	CURL_MAX_SIZE,
	CURL_RETRY,
	CURL_UPLOAD,
	CURL_AUTH_OTHER, /* -u is no Basic */
	CURL_GLOBOFF,
	CURL_NEXT,
};

struct curl_option {
	const char *name; /* "--proxy" */
	char letter;	  /* 0: none */
	bool value;
	enum curl_act act;
	const char *note;
};

extern const struct curl_option curl_options[];
extern const size_t curl_option_count;

struct curl_item {
	enum curl_act act;
	struct slice text;
	bool variable;
};

struct curl_list {
	struct curl_item items[CURL_ITEMS_MAX];
	size_t count;
};

struct curl_command {
	struct hook_curl *out;
	const struct catalog *catalog;
	const char *org;
	struct curl_shell shell;

	struct slice method;
	struct curl_item url; /* text.ptr NULL: none */
	struct curl_list headers, data, forms, queries;
	bool get, head, user, auth_other, bearer, location, globoff, upload;
	bool over;					  /* behind --next */
	long max_redirs, max_time_ms, max_bytes, retries; /* -1: not given */

	/* made of them */
	char host[HOOK_CURL_HOST_SIZE];
	const char *verb;
	json_t *query, *header_rows;
	char content_type[200]; /* one that the command gives, or "" */
	bool has_accept;
	bool json; /* --json */
};

/* 0, or ERR_INVALID with a problem. */
int curl_options_read(struct curl_command *c);

/* ---- notes and offers ---- */

/* Both static; told once. */
void curl_note(struct hook_curl *out, const char *option, const char *detail);
int curl_refuse(struct hook_curl *out, const char *problem, const char *hint);
/* kind, place and prefix static; the name is copied. */
void curl_offer(struct curl_command *c, const char *kind, const char *place,
		struct slice name, const char *prefix);

/* Whether this named value is a credential. */
bool curl_is_secret(struct slice name, struct slice value);
/* Takes words that look like secrets out of a text, in place; how many. */
size_t curl_text_clean(char *text, size_t *len);
/* Takes values that are credentials out of a JSON text, in place: "" and
 * spaces stand in their stead.  Each is offered. */
void curl_json_clean(struct curl_command *c, char *text, size_t len);
/* The services of the host. */
void curl_services(struct curl_command *c, struct hook_curl_offer *o);

/* ---- the request ---- */

/* A template that says this text; "" where it is no UTF-8 or has a NUL
 * (noted). */
json_t *curl_text(struct curl_command *c, struct slice text);
/* Adds {name, value}; off: a row that is switched off. */
void curl_row(struct curl_command *c, json_t *rows, struct slice name,
	      struct slice value, bool name_is_template, bool off);
/* Pairs of an encoded query or form into rows.  False: it is not of that
 * form, and nothing was added.  Credentials are left out and offered. */
bool curl_pairs(struct curl_command *c, struct slice text, const char *place,
		json_t *rows);
/* The same text without pairs that are credentials, which are offered. */
void curl_pairs_clean(struct curl_command *c, char *text, size_t *len,
		      const char *place);
/* A buffer that all of these items fit into without growing, so that
 * wiping it (the caller's to do, also after an error) leaves nothing. */
int curl_data_begin(const struct curl_list *items, struct buf *out);
/* name=value, =value, value, as --data-urlencode takes them; appended. */
int curl_urlencode(struct curl_command *c, const struct curl_item *item,
		   struct buf *out);
/* All data of the command as curl would send it; begins the buffer. */
int curl_data_join(struct curl_command *c, struct buf *out);

int curl_url_read(struct curl_command *c, json_t *request);
void curl_headers_read(struct curl_command *c);
int curl_body_read(struct curl_command *c, json_t *request);

#endif
