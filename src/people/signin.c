/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sign-in by e-mail address and password, and what slows guessing down.
 *
 * Attempts are counted before the password is looked at, so that many at
 * once do not slip through, and taken back when it was right.  Counted are
 * the pair of account and address (few), the address and the account (more:
 * nobody shall lock a colleague out with a handful of guesses).  The address
 * alone is not where it may be a proxy's of our own, since then everybody has
 * the same.
 *
 * Nothing here tells whether an account exists: not by words, not by time.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "people/people_priv.h"

enum {
	WINDOW_MS = 15 * 60 * 1000,
	PAIR_MAX = 8,
	ADDRESS_MAX = 40,
	ACCOUNT_MAX = 60,
	SUBJECT_SIZE = 512,
};

void
people_address_network(const char *address, char *out, size_t size)
{
	struct in6_addr a;

	ASSERT(size >= 17);
	if (inet_pton(AF_INET6, address, &a) != 1) {
		snprintf(out, size, "%s", address);
		return;
	}
	/* IPv4 within IPv6 would be one network for all of it. */
	if (IN6_IS_ADDR_V4MAPPED(&a))
		inet_ntop(AF_INET, a.s6_addr + 12, out, (socklen_t)size);
	else
		codec_hex(a.s6_addr, 8, out);
}

bool
people_address_is_one(const char *address)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET6, address, &six) == 1) {
		if (!IN6_IS_ADDR_V4MAPPED(&six))
			return !IN6_IS_ADDR_LOOPBACK(&six);
		memcpy(&four, six.s6_addr + 12, sizeof(four));
	} else if (inet_pton(AF_INET, address, &four) != 1) {
		return strcmp(address, "unix") != 0;
	}
	return ntohl(four.s_addr) >> 24 != 127;
}

struct count {
	char subject[SUBJECT_SIZE];
	int64_t max;
};

/* What is counted for this attempt; how many. */
static size_t
counts_of(const char *account, const char *address, struct count out[3])
{
	char net[PEOPLE_NETWORK_SIZE];
	size_t n = 0;

	snprintf(out[n].subject, SUBJECT_SIZE, "account:%s", account);
	out[n++].max = ACCOUNT_MAX;
	if (!address[0])
		return n;
	people_address_network(address, net, sizeof(net));
	if (people_address_is_one(address)) {
		snprintf(out[n].subject, SUBJECT_SIZE, "address:%s", net);
		out[n++].max = ADDRESS_MAX;
	}
	snprintf(out[n].subject, SUBJECT_SIZE, "pair:%s:%s", net, account);
	out[n++].max = PAIR_MAX;
	return n;
}

static int
count_check(struct store_conn *c, const struct count *count, int64_t now,
	    unsigned *retry_after_s)
{
	struct store_stmt *st = NULL;
	int64_t start = 0, failures = 0;
	int rc;

	rc = store_query(c, &st,
			 "SELECT window_start, failures FROM "
			 "sign_in_failures WHERE subject = ?1",
			 "s", count->subject);
	if (!rc)
		rc = store_step(st);
	if (rc == 1) {
		start = store_col_int(st, 0);
		failures = store_col_int(st, 1);
		rc = 0;
	}
	store_done(st);
	if (rc || now - start >= WINDOW_MS || now < start - WINDOW_MS ||
	    failures < count->max)
		return rc;
	*retry_after_s = (unsigned)((start + WINDOW_MS - now) / 1000 + 1);
	return ERR_BUSY;
}

int
people_failures_check(struct store_conn *c, const char *account,
		      const char *address, unsigned *retry_after_s)
{
	struct count counts[3];
	size_t i, n = counts_of(account, address, counts);
	int64_t now = clock_wall_ms();
	int rc = 0;

	*retry_after_s = 0;
	for (i = 0; i < n && !rc; i++)
		rc = count_check(c, &counts[i], now, retry_after_s);
	return rc;
}

int
people_failures_add(struct store_conn *c, const char *account,
		    const char *address)
{
	static const char sql[] =
		"INSERT INTO sign_in_failures AS f (subject, window_start, "
		"failures) VALUES (?1, ?2, 1) ON CONFLICT (subject) DO UPDATE "
		"SET failures = CASE WHEN f.window_start < ?3 OR "
		"f.window_start > ?4 THEN 1 ELSE f.failures + 1 END, "
		"window_start = CASE WHEN f.window_start < ?3 OR "
		"f.window_start > ?4 THEN ?2 ELSE f.window_start END";
	struct count counts[3];
	size_t i, n = counts_of(account, address, counts);
	int64_t now = clock_wall_ms();
	int rc = 0;

	for (i = 0; i < n && !rc; i++)
		rc = store_exec(c, NULL, sql, "siii", counts[i].subject, now,
				now - WINDOW_MS + 1, now + WINDOW_MS);
	return rc;
}

/* The attempt was none: the pair starts anew, the others get it back. */
int
people_failures_clear(struct store_conn *c, const char *account,
		      const char *address)
{
	struct count counts[3];
	size_t i, n = counts_of(account, address, counts);
	int rc = 0;

	for (i = 0; i < n && !rc; i++)
		rc = store_exec(c, NULL,
				counts[i].max == PAIR_MAX
					? "DELETE FROM sign_in_failures "
					  "WHERE subject = ?1"
					: "UPDATE sign_in_failures SET "
					  "failures = failures - 1 "
					  "WHERE subject = ?1 AND failures > 0",
				"s", counts[i].subject);
	return rc;
}

/* Counts the attempt as failed, unless there were too many. */
static int
attempt_begin(struct store_conn *c, const char *account, const char *address,
	      unsigned *retry_after_s)
{
	int rc = store_begin(c);

	if (!rc)
		rc = people_failures_check(c, account, address, retry_after_s);
	if (!rc)
		rc = people_failures_add(c, account, address);
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	return rc;
}

static int
attempt_succeed(struct store_conn *c, const char *account, const char *address,
		const char *member)
{
	int rc = store_begin(c);

	if (!rc)
		rc = people_failures_clear(c, account, address);
	if (!rc)
		rc = store_exec(c, NULL,
				"UPDATE members SET last_sign_in_at "
				"= ?2 WHERE id = ?1",
				"si", member, clock_wall_ms());
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	return rc;
}

/* The stored hash of an account, by e-mail address or id. */
static int
account_load(struct store_conn *c, const char *sql, const char *key,
	     char member[PEOPLE_ID_SIZE], char text[VAULT_PASSWORD_SIZE])
{
	struct store_stmt *st = NULL;
	int rc;

	member[0] = text[0] = '\0';
	rc = store_query(c, &st, sql, "s", key);
	if (!rc)
		rc = store_step(st);
	if (rc == 1) {
		people_col_copy(st, 0, member, PEOPLE_ID_SIZE);
		people_col_copy(st, 1, text, VAULT_PASSWORD_SIZE);
		rc = 0;
	}
	store_done(st);
	return rc;
}

/* An empty text (no account, or one without password) takes as long. */
static int
password_verify(const char *text, const struct secret *password)
{
	return vault_password_verify(password, text[0] ? text : NULL);
}

int
people_sign_in(struct store_conn *c, struct slice email,
	       const struct secret *password, const char *address,
	       char member[PEOPLE_ID_SIZE], unsigned *retry_after_s)
{
	char text[VAULT_PASSWORD_SIZE], account[PEOPLE_EMAIL_SIZE];
	int rc;

	*retry_after_s = 0;
	member[0] = '\0';
	if (people_email_canonical(email, account))
		return ERR_FORBIDDEN;
	rc = attempt_begin(c, account, address, retry_after_s);
	if (!rc)
		rc = account_load(c,
				  "SELECT id, password FROM members WHERE "
				  "email = ?1 AND disabled_at = 0",
				  account, member, text);
	if (rc)
		return rc;
	rc = password_verify(text, password);
	secret_wipe(text, sizeof(text));
	if (!rc)
		rc = attempt_succeed(c, account, address, member);
	if (rc)
		member[0] = '\0';
	return rc;
}

int
people_member_verify_password(struct store_conn *c, const char *member,
			      const struct secret *password,
			      const char *address, unsigned *retry_after_s)
{
	char text[VAULT_PASSWORD_SIZE], id[PEOPLE_ID_SIZE];
	int rc;

	rc = attempt_begin(c, member, address, retry_after_s);
	if (!rc)
		rc = account_load(c,
				  "SELECT id, password FROM members "
				  "WHERE id = ?1",
				  member, id, text);
	if (rc)
		return rc;
	rc = password_verify(text, password);
	secret_wipe(text, sizeof(text));
	return rc ? rc : attempt_succeed(c, member, address, member);
}
