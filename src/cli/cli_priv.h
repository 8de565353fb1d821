/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of cli/ share: commands, options, the client, output.
 */
#ifndef CLI_CLI_PRIV_H
#define CLI_CLI_PRIV_H

#include <stdio.h>

#include "cli/cli.h"
#include "http/http.h"
#include "json/json.h"

/* ---- options ---- */

enum cli_kind {
	CLI_FLAG,  /* --json */
	CLI_VALUE, /* --name TEXT, --name=TEXT; the last one counts */
	CLI_LIST,  /* repeatable */
};

struct cli_option {
	const char *name; /* without the dashes; NULL ends a table */
	enum cli_kind kind;
	const char *argument; /* "FILE"; NULL with flags */
	const char *help;     /* one line */
	char letter;	      /* -d; 0: none */
};

enum { CLI_GIVEN_MAX = 256, CLI_WORDS_MAX = 64 };

struct cli_given {
	const struct cli_option *option;
	const char *value; /* borrowed from argv; "" with flags */
};

/* What a command line says.  All of it is borrowed from argv. */
struct cli_args {
	const struct cli_option *own; /* the command's options; may be NULL */
	struct cli_given given[CLI_GIVEN_MAX];
	size_t given_count;
	const char *words[CLI_WORDS_MAX]; /* what is no option */
	size_t word_count;
};

/* Options of every command that talks to a server: --data, --json … */
extern const struct cli_option cli_common_options[];

/*
 * Options and words in any order; "--" ends options; a single "-" is a word.
 * ERR_INVALID with a sentence in why, which never has an option's value in
 * it.
 */
int cli_args_parse(const struct cli_option *own, int argc,
		   const char *const *argv, struct cli_args *out, char *why,
		   size_t size);
/* Asking for an option that is in no table is our bug. */
bool cli_flag(const struct cli_args *a, const char *name);
const char *cli_value(const struct cli_args *a, const char *name); /* or NULL */
/* The values of a repeatable option: *cursor = 0 first; NULL at the end. */
const char *cli_next(const struct cli_args *a, const char *name,
		     size_t *cursor);
/* "  --name TEXT   help" for each. */
void cli_options_help(struct buf *out, const struct cli_option *options);
/* NAME=VALUE: *name is copied; NULL when it has no such form. */
const char *cli_pair(const char *text, char *name, size_t size);

/* ---- commands ---- */

struct cli;

struct cli_command {
	const char *name;      /* "key create"; NULL ends a table */
	const char *arguments; /* "LINK [METHOD] PATH", or "" */
	const char *summary;   /* one line */
	const char *help;      /* more; may be NULL */
	int (*run)(struct cli *c);
	const struct cli_option *options; /* its own; may be NULL */
	unsigned char min_words, max_words;
};

/* The tables, one a file. */
extern const struct cli_command cli_init_commands[], cli_key_commands[],
	cli_member_commands[], cli_service_commands[], cli_app_commands[],
	cli_connection_commands[], cli_share_commands[], cli_call_commands[],
	cli_audit_commands[], cli_keyring_commands[], cli_backup_commands[],
	cli_restore_commands[], cli_renew_commands[], cli_doctor_commands[],
	cli_webhook_commands[], cli_webhook_import_commands[],
	cli_flow_commands[], cli_egress_commands[], cli_user_commands[],
	cli_bulk_commands[];

/* One run of one command. */
struct cli {
	const struct cli_hooks *hooks;
	const struct cli_command *command;
	struct cli_args args;
	bool json;
	struct arena *arena;
	struct cli_client *client; /* NULL until the first request */
};

/* The n-th word; NULL where there is none. */
static inline const char *
cli_word(const struct cli *c, size_t n)
{
	return n < c->args.word_count ? c->args.words[n] : NULL;
}

/* "drawbridge: …" on standard error; gives the code back. */
int cli_fail(enum cli_exit code, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The same with a line on how the command is used: CLI_USAGE. */
int cli_misused(const struct cli *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- which server ---- */

/* How a server is reached. */
struct cli_place {
	bool local;
	bool made;		/* the folder was named: it may be made */
	char data[4096];	/* the data folder, absolute where it exists */
	char socket[4096];	/* the one to connect to */
	const char *url;	/* else */
	struct http_url parsed; /* of url */
};

/*
 * --data or --url; else DRAWBRIDGE_URL; else DRAWBRIDGE_DATA; else
 * ./drawbridge-data.  CLI_OK, or another code (and it has said why).
 */
int cli_place_find(struct cli *c, struct cli_place *out);
/* Whether somebody answers at this Unix socket: 0; ERR_NOT_FOUND (nobody);
 * ERR_FORBIDDEN (it belongs to another user). */
int cli_socket_check(const char *path);

/* A server for one command alone. */
struct cli_private_server;
/* Returns when it answers.  ERR_BUSY when another server has the folder;
 * ERR_CLOSED when it ended for another reason (it has said why on standard
 * error); ERR_TIMEOUT; ERR_SYSTEM. */
int cli_private_server_start(const char *data, struct cli_private_server **out);
/* Returns when it has ended.  NULL is fine. */
void cli_private_server_stop(struct cli_private_server *s);

/* ---- the client ---- */

enum { CLI_ANSWER_MAX = 32 * 1024 * 1024 };

/* In the help of what revokes. */
#define CLI_REVOKES_ALL \
	"Some services (`revokes_all` of a method in `service show ID --json`) " \
	"end every access\nthat the OAuth app has to the account: other " \
	"connections of it have to be\nconnected again."

struct cli_answer {
	int status;
	struct buf body; /* wiped on release */
	json_t *json;	 /* of the body, once it was asked for */
};

/*
 * One request to the API.  body: JSON, or empty.  CLI_OK with a 2xx answer
 * (cli_answer_release); on everything else the problem has been told, and
 * the exit code for it comes back.
 */
int cli_request(struct cli *c, const char *method, const char *path,
		struct slice body, struct cli_answer *out);
/* The same, but a problem with this code is an answer like any other. */
int cli_request_unless(struct cli *c, const char *method, const char *path,
		       struct slice body, const char *code,
		       struct cli_answer *out);
/* The same for a change of what was read in this version; 412 is an answer,
 * too (somebody else was faster). */
int cli_request_of_version(struct cli *c, const char *method, const char *path,
			   struct slice body, int64_t version,
			   struct cli_answer *out);
/* The same, but each answer is one, whatever its status: none is told. */
int cli_request_any(struct cli *c, const char *method, const char *path,
		    struct slice body, struct cli_answer *out);
/* The body as JSON, borrowed; NULL when it is none. */
const json_t *cli_answer_json(struct cli_answer *a);
void cli_answer_release(struct cli_answer *a);
/* GET with nothing said when it goes wrong: for commands that look on. */
int cli_request_quiet(struct cli *c, const char *path, struct cli_answer *out);
void cli_client_close(struct cli *c);

/* A path whose {} are replaced by the arguments, percent-encoded; borrowed
 * from the command's arena. */
const char *cli_path(struct cli *c, const char *template, ...);
/* All pages of a list, at most max items (0: all), into {items, next}. */
int cli_request_list(struct cli *c, const char *path, size_t max, json_t **out);
/* Tells of an answer that is no 2xx. */
int cli_problem_tell(struct cli *c, int status, struct slice body);
enum cli_exit cli_exit_of_status(int status);

/* One request whose answer is passed on as it comes. */
struct cli_stream {
	/* set before */
	struct slice method, path;
	struct slice fields; /* "Name: value\r\n" each */
	struct slice body;
	bool show_head;
	/* the answer */
	int status;
	bool own; /* Drawbridge's own error, and it has been told */
};
/* CLI_OK when the answer came whole, whatever its status. */
int cli_stream_run(struct cli *c, struct cli_stream *s);

/* How requests leave, for client.c and stream.c. */
struct cli_client {
	struct loop *loop;
	struct loop_pool *pool;
	struct egress_policy *policy;
	struct egress *egress;
	struct egress_dest *dest;
	struct cli_place place;
	struct cli_private_server *server;
	struct secret *key; /* or NULL */
	int folder_fd;	    /* of a data folder with a long name; -1 */
};
/* Makes c->client. */
int cli_client_open(struct cli *c);
/* Appends the fields that say who asks.  key: instead of the client's own,
 * may be NULL. */
void cli_client_auth(const struct cli_client *client, struct buf *fields);

/* ---- secrets and files ---- */

/* A whole file ("-": standard input) of at most max bytes, without the end
 * of its last line.  Says what is wrong: CLI_OK or another code. */
int cli_secret_read(const char *file, size_t max, struct secret **out);
/* The same from standard input, asked for (and not shown) on a terminal. */
int cli_secret_ask(const char *prompt, size_t max, struct secret **out);
/* A whole file for a body; nothing is taken off. */
int cli_file_read(const char *file, size_t max, struct buf *out);

/* A JSON object with secrets in it, which is in no tree.  Give the release
 * a body in any state. */
struct cli_body {
	struct buf text;
	bool first;
};
void cli_body_init(struct cli_body *b);
void cli_body_release(struct cli_body *b);
/* Begin with the members of an object (a reference, taken). */
void cli_body_members(struct cli_body *b, json_t *object);
void cli_body_secret(struct cli_body *b, const char *name,
		     const struct secret *value);
/* "name": { … }: what is put in between goes inside. */
void cli_body_open(struct cli_body *b, const char *name);
void cli_body_close(struct cli_body *b);
/* The whole object; ERR_NOMEM, ERR_TOO_LARGE. */
int cli_body_end(struct cli_body *b, struct slice *out);

/* A repeatable option as a list in the body; left out where it is not
 * given.  CLI_OK, or it has said what is wrong. */
int cli_list_put(const struct cli *c, const char *option, const char *member,
		 json_t *body);
/* --parameter NAME=VALUE as "parameters"; the same. */
int cli_parameters_put(const struct cli *c, json_t *body);

/* Whether the options --credential… were given; and their values as members
 * of the body.  service: what the connection is to. */
bool cli_credentials_given(const struct cli *c);
int cli_credentials_put(struct cli *c, const char *service, struct cli_body *b);

/* In trial.c: tests the credential that a connection (as the API shows it) was
 * just made with, and tells what came of it: nothing where the service has no
 * test request. */
void cli_credential_try(struct cli *c, const json_t *connection);

/* In consent.c, for the table in connection.c. */
int cli_connect_run(struct cli *c);
int cli_authorize_run(struct cli *c);
extern const struct cli_option cli_connect_options[];

/* In bulk.c, for the table in connection.c: many connections at once, chosen by
 * these options. */
bool cli_bulk_given(const struct cli *c);
int cli_bulk_run(struct cli *c);
extern const struct cli_option cli_bulk_options[];

/* In chat.c, for the table in flow.c. */
int cli_chat_run(struct cli *c);
extern const struct cli_option cli_chat_options[];

/* ---- output ---- */

/* Rows of texts under a heading, as wide as they must be. */
struct cli_table {
	const char *const *heads;
	size_t columns;
	struct buf cells; /* each with a NUL behind it */
	size_t count;
};
void cli_table_init(struct cli_table *t, const char *const *heads,
		    size_t columns);
void cli_table_release(struct cli_table *t);
/* The next cell, row by row; NULL is shown as "-". */
void cli_table_put(struct cli_table *t, const char *text);
void cli_table_put_slice(struct cli_table *t, struct slice text);
int cli_table_write(const struct cli_table *t, struct buf *out);

/* A text that a terminal cannot take for a command: control characters and
 * broken UTF-8 become '?'. */
void cli_safe(struct buf *out, struct slice text);
/* The same for a text of many lines that comes in pieces: lines and tabs stay.
 * rest holds what a piece has begun of a character. */
void cli_safe_text(struct buf *out, struct buf *rest, struct slice more);
/* How many columns a (safe) text takes: its characters. */
size_t cli_width(struct slice text);

/* What a column of a list shows, and a line of an object. */
struct cli_column {
	const char *head; /* NULL ends */
	const char *key;  /* member's name; "a.b" goes deeper */
};
/* A JSON value in a few words: texts as they are, lists with commas, null
 * as "". */
void cli_value_text(const json_t *value, struct buf *out);
/* {items, next} as a table, or as it is with --json. */
int cli_show_list(const struct cli *c, const json_t *list,
		  const struct cli_column *columns, const char *none);
/* An object, a line a member; members that are null are left out.  columns
 * NULL: all of it. */
int cli_show_object(const struct cli *c, struct cli_answer *a,
		    const struct cli_column *columns);
/* The answer's own text, for --json. */
int cli_show_raw(const struct cli_answer *a);
/* A sentence for people on standard output; nothing with --json. */
void cli_say(const struct cli *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* To standard output; CLI_FAILED when that is closed. */
int cli_put(struct slice text);

#endif
