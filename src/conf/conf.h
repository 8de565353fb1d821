/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of conf/: settings, described once.
 *
 * A setting has a name; from it follow its flag (--name), its environment
 * variable (DRAWBRIDGE_NAME) and its line in a settings file (name = value).
 * Later sources win: defaults, file, environment, flags.  A repeatable
 * setting that a source names replaces what earlier sources said, also with
 * none.  What cannot work is refused where it is said.
 *
 * Read once in the parent; each role gets the whole as text and reads it
 * again.  No secret is a setting: those are files that settings name.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/base.h"

enum conf_type {
	CONF_TEXT,
	CONF_LIST,     /* repeatable text */
	CONF_NUMBER,   /* with least and most */
	CONF_DURATION, /* "10s", "5m", "2h", "7d"; kept in milliseconds */
	CONF_BOOL,     /* flag alone, or true, false, yes, no, on, off, 1, 0 */
};

/* id, name, type, default ("": none), least, most, argument, help */
#define CONF_SETTINGS(X) \
	X(DATA, "data", TEXT, "./drawbridge-data", 0, 0, "DIR", \
	  "folder of everything that is kept (made if missing, mode 0700)") \
	X(LISTEN, "listen", LIST, "127.0.0.1:7070", 0, 0, \
	  "ADDR:PORT|unix:PATH", "where to listen; repeatable") \
	X(PUBLIC_URL, "public-url", TEXT, "", 0, 0, "URL", \
	  "how people and providers reach this server " \
	  "(default: http:// and the first --listen)") \
	X(TRUSTED_PROXY, "trusted-proxy", LIST, "", 0, 0, "CIDR|unix", \
	  "proxy in front, of which X-Forwarded-For is believed; repeatable") \
	X(STORE, "store", TEXT, "", 0, 0, "URL", \
	  "main database (default: sqlite in the data folder)") \
	X(WORKERS, "workers", NUMBER, "0", 0, 256, "N", \
	  "event loops for calls (0: one per core)") \
	X(KEY_FILE, "key-file", TEXT, "", 0, 0, "FILE", \
	  "master key (default: keeper/master.key in the data folder, or the " \
	  "systemd credential drawbridge.key)") \
	X(PASSPHRASE_FILE, "passphrase-file", TEXT, "", 0, 0, "FILE", \
	  "take the master key from this passphrase instead") \
	X(EGRESS_ALLOW, "egress-allow", LIST, "", 0, 0, "CIDR[:PORT]", \
	  "private destination that calls may reach; repeatable") \
	X(EGRESS_LOCK, "egress-lock", BOOL, "false", 0, 0, "", \
	  "the operator alone allows private destinations: what an owner " \
	  "allows counts for nothing") \
	X(EGRESS_PROXY, "egress-proxy", TEXT, "", 0, 0, "URL", \
	  "reach public addresses through this proxy (CONNECT): " \
	  "http://host:port") \
	X(EGRESS_PROXY_LOGIN, "egress-proxy-login-file", TEXT, "", 0, 0, \
	  "FILE", "what the proxy wants to see: one line user:password") \
	X(EGRESS_BIND, "egress-bind", LIST, "", 0, 0, "ADDR", \
	  "address of this machine from which public addresses are reached; " \
	  "one for IPv4, one for IPv6") \
	X(CA_FILE, "ca-file", TEXT, "", 0, 0, "PEM", \
	  "trust anchors for outgoing TLS, beside the system's") \
	X(TLS_CERT, "tls-cert", TEXT, "", 0, 0, "PEM", \
	  "certificate chain to serve TLS with") \
	X(TLS_KEY, "tls-key", TEXT, "", 0, 0, "PEM", "its private key") \
	X(LOG_LEVEL, "log-level", TEXT, "info", 0, 0, "LEVEL", \
	  "debug, info, warn or error") \
	X(DRAIN, "drain", DURATION, "10s", 0, 3600, "TIME", \
	  "how long calls in flight may take to finish on SIGTERM") \
	X(WATCHDOG, "watchdog", DURATION, "30s", 0, 3600, "TIME", \
	  "a process that gives no sign of life for so long is killed and " \
	  "started anew (0: never)") \
	X(MAX_CONNECTIONS, "max-connections", NUMBER, "20000", 16, 1000000, \
	  "N", "client connections of one worker") \
	X(RECORDS, "records", BOOL, "true", 0, 0, "", \
	  "keep a record of each call") \
	X(CALLS_KEEP, "calls-keep", DURATION, "30d", 0, 315360000, "TIME", \
	  "how long call records are kept") \
	X(CONVERSATIONS_KEEP, "conversations-keep", DURATION, "90d", 0, \
	  315360000, "TIME", \
	  "how long conversations are kept after their last message, and " \
	  "hand-offs after they were closed (0: for good)") \
	X(CONVERSATIONS_SILENT, "conversations-silent", DURATION, "7d", 0, \
	  315360000, "TIME", \
	  "when a conversation whose visitor is silent is over (0: never)") \
	X(CONNECT_TIMEOUT, "connect-timeout", DURATION, "5s", 1, 60, "TIME", \
	  "for connecting to a service") \
	X(ANSWER_TIMEOUT, "answer-timeout", DURATION, "60s", 1, 600, "TIME", \
	  "for the first byte of a service's answer") \
	X(BODY_TIMEOUT, "body-timeout", DURATION, "5m", 1, 3600, "TIME", \
	  "between two pieces of its body") \
	X(SCRUB, "scrub", BOOL, "false", 0, 0, "", \
	  "mask a connection's secrets in what services answer on /via, too")

enum conf_id {
#define CONF_ENUM(id, ...) CONF_##id,
	CONF_SETTINGS(CONF_ENUM)
#undef CONF_ENUM
		CONF_COUNT
};

struct conf;

/* What is wrong with which setting, and where it was said. */
struct conf_problem {
	char text[512];
};

/*
 * Reads all sources.  args are the arguments behind the subcommand; --config
 * FILE names the file (else DRAWBRIDGE_CONFIG, else none).  ERR_INVALID with
 * a problem.  Owned by the caller.
 */
int conf_load(int argc, char *const *argv, struct conf **out,
	      struct conf_problem *problem);
void conf_free(struct conf *c);

/* "" where it is not set. */
const char *conf_text(const struct conf *c, enum conf_id id);
static inline const char *
conf_text_or_null(const struct conf *c, enum conf_id id)
{
	const char *text = conf_text(c, id);

	return text[0] ? text : NULL;
}
/* Numbers; durations in milliseconds; booleans as 0 or 1. */
uint64_t conf_number(const struct conf *c, enum conf_id id);
static inline bool
conf_bool(const struct conf *c, enum conf_id id)
{
	return conf_number(c, id) != 0;
}
/* A list's items, borrowed; count by pointer. */
const char *const *conf_list(const struct conf *c, enum conf_id id,
			     size_t *count);

/* Whether a change of it takes a new start of the server; all others take
 * SIGHUP (`drawbridge reload`). */
bool conf_needs_restart(enum conf_id id);
/*
 * Fresh settings for a server that runs: what it cannot change becomes as in
 * `now`.  Appends the names of those that differed to kept, with commas.
 */
int conf_keep(struct conf *fresh, const struct conf *now, struct buf *kept);

/* All settings as a settings file, for handing to another process; and
 * back. */
int conf_write(const struct conf *c, struct buf *out);
int conf_read(struct slice text, struct conf **out,
	      struct conf_problem *problem);

/* The settings' part of `serve --help`. */
void conf_help(struct buf *out);

#endif
