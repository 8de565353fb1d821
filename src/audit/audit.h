/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of audit/: who did what, in a chain that cannot be changed
 * unseen.
 *
 * Every change and every refused attempt of somebody known is a record: one
 * line of canonical JSON.  A record's hash is the SHA-256 of the hash before
 * it and its own text, so that a record that is changed, put in, left out or
 * moved breaks the chain, which audit_verify() finds without the server.
 * (Cutting off the end leaves a shorter chain that is sound: the number and
 * hash that audit_verify() gives are there to be kept elsewhere.)
 *
 * Runs on the front's work threads, inside the transaction of the change
 * itself: there is no change without its record.  Never holds a secret.
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include "people/people.h"

enum { AUDIT_DETAIL_MAX = 2048, AUDIT_HASH_SIZE = VAULT_HASH_SIZE };

/* What is written down.  NULL texts are empty ones. */
struct audit_event {
	const char *org;
	/* Who: the member; and the key when it was one.  Both empty: the
	 * system itself. */
	const struct people_actor *actor; /* NULL: the system */
	const char *address;		  /* the caller's */
	const char *action;		  /* "connection.create" */
	const char *object;		  /* id of what it was done to */
	const char *object_name;	  /* for people */
	bool refused;
	/* More, in words; no secret.  Cut at AUDIT_DETAIL_MAX bytes. */
	const char *detail;
};

/* Appends inside the caller's transaction, whose rollback takes it back. */
int audit_append(struct store_conn *c, const struct audit_event *e);

enum {
	AUDIT_REFUSALS_A_MINUTE = 20,	/* records of one actor */
	AUDIT_STRANGERS_A_MINUTE = 100, /* addresses */
	AUDIT_STRANGERS_MAX = 100 * 1000,
};

/*
 * A refusal of somebody known, in a transaction of its own.  The first of an
 * actor (a key, or who is signed in) for the same action and object in a
 * minute is a record; more of them are counted on it.  Beyond
 * AUDIT_REFUSALS_A_MINUTE different ones of one actor all others are one
 * record more, "others.refused", with their count, so that nobody can fill
 * the disk and none goes uncounted.  The counts are beside the chain, which
 * does not protect them.
 */
int audit_refusal(struct store_conn *c, const struct audit_event *e);
/*
 * A refusal of a stranger (nobody knows who): counted per address, action
 * and minute; beyond AUDIT_STRANGERS_A_MINUTE addresses they are counted
 * together.
 */
int audit_stranger(struct store_conn *c, const char *address,
		   const char *action);

/* A record as it is read back. */
struct audit_record {
	int64_t seq;
	int64_t at;
	int64_t count; /* how many it stands for: refusals that came again */
	char *text;    /* the canonical JSON */
	unsigned char hash[AUDIT_HASH_SIZE];
};

/* Newest first, those before this number (0: from the newest).  object NULL:
 * of everything. */
int audit_list(struct store_conn *c, const char *org, const char *object,
	       int64_t before, size_t limit, struct arena *arena,
	       struct audit_record **out, size_t *count);

/* What a check has found. */
struct audit_report {
	int64_t count; /* records that are sound, from the first on */
	unsigned char head[AUDIT_HASH_SIZE]; /* the hash of the last of them */
	int64_t broken_at; /* 0: nowhere; else the first bad number */
	char detail[160];
};

/* Checks an organisation's whole chain.  0, or ERR_CRYPTO when it is
 * broken (see the report), or ERR_STORE. */
int audit_verify(struct store_conn *c, const char *org,
		 struct audit_report *out);

/* Forgets what strangers did longer ago than this; the chain is kept.  When
 * there are more than AUDIT_STRANGERS_MAX counts, those older than a day
 * become one for each hour and action, without addresses. */
int audit_tidy(struct store_conn *c, int64_t before_ms);

#endif
