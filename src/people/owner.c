/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The organisation and its first owner.
 *
 * Both are made on the first start, so that the machine's own command line
 * can work at once (it acts as the owner).  The owner cannot sign in until
 * somebody claims him: with `init`, or by a link from the log that works
 * once.
 */
#include "people/people_priv.h"

#define UNCLAIMED_EMAIL "owner@localhost"

enum { LINK_LIFE_MS = 24 * 3600 * 1000 };

static int
org_find(struct store_conn *c, char org[PEOPLE_ID_SIZE])
{
	struct store_stmt *st = NULL;
	int rc;

	rc = store_query(c, &st,
			 "SELECT id FROM organisations "
			 "ORDER BY id LIMIT 1",
			 "");
	if (!rc)
		rc = store_step(st);
	if (rc == 1)
		people_col_copy(st, 0, org, PEOPLE_ID_SIZE);
	store_done(st);
	return rc == 1 ? 0 : rc == 0 ? ERR_NOT_FOUND : rc;
}

int
people_org_ensure(struct store_conn *c, char org[PEOPLE_ID_SIZE])
{
	char owner[PEOPLE_ID_SIZE];
	int64_t now = clock_wall_ms();
	int rc;

	rc = org_find(c, org);
	if (rc != ERR_NOT_FOUND)
		return rc;
	random_id(org);
	random_id(owner);
	rc = store_exec(c, NULL,
			"INSERT INTO organisations (id, name, "
			"created_at) VALUES (?1, ?2, ?3)",
			"ssi", org, "Drawbridge", now);
	if (!rc)
		rc = store_exec(c, NULL,
				"INSERT INTO members (id, org, email, name, "
				"role, created_at) VALUES (?1, ?2, ?3, ?4, "
				"'owner', ?5)",
				"ssssi", owner, org, UNCLAIMED_EMAIL, "Owner",
				now);
	return rc;
}

static int
unclaimed_find(struct store_conn *c, char member[PEOPLE_ID_SIZE])
{
	struct store_stmt *st = NULL;
	int rc;

	rc = store_query(c, &st,
			 "SELECT id FROM members WHERE email = ?1 "
			 "AND role = 'owner' AND password IS NULL",
			 "s", UNCLAIMED_EMAIL);
	if (!rc)
		rc = store_step(st);
	if (rc == 1)
		people_col_copy(st, 0, member, PEOPLE_ID_SIZE);
	store_done(st);
	return rc == 1 ? 0 : rc == 0 ? ERR_NOT_FOUND : rc;
}

int
people_owner_is_claimed(struct store_conn *c, bool *out)
{
	char member[PEOPLE_ID_SIZE], org[PEOPLE_ID_SIZE];
	int rc;

	*out = false;
	rc = org_find(c, org);
	if (rc)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	rc = unclaimed_find(c, member);
	*out = rc == ERR_NOT_FOUND;
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int
people_owner_claim(struct store_conn *c, struct slice email,
		   const struct secret *password, char member[PEOPLE_ID_SIZE],
		   const char **why)
{
	char address[PEOPLE_EMAIL_SIZE];
	int rc;

	*why = "";
	rc = unclaimed_find(c, member);
	if (rc)
		return rc == ERR_NOT_FOUND ? ERR_EXISTS : rc;
	if (people_email_canonical(email, address)) {
		*why = "this is no e-mail address";
		return ERR_INVALID;
	}
	rc = people_password_check(password, why);
	if (rc)
		return rc;
	rc = store_exec(c, NULL,
			"UPDATE members SET email = ?2, name = ?2, "
			"version = version + 1 WHERE id = ?1",
			"ss", member, address);
	if (!rc)
		rc = people_member_set_password(c, member, password);
	if (!rc)
		rc = people_owner_link_spend(c);
	return rc;
}

int
people_owner_link_create(struct store_conn *c, char token[RANDOM_TOKEN_SIZE])
{
	unsigned char hash[PEOPLE_HASH_SIZE];
	int rc;

	random_token(token);
	people_token_hash(slice_str(token), hash);
	rc = people_owner_link_spend(c);
	if (rc)
		return rc;
	return store_exec(c, NULL,
			  "INSERT INTO one_time_links (hash, "
			  "purpose, expires_at) "
			  "VALUES (?1, 'owner', ?2)",
			  "bi", slice_of(hash, sizeof(hash)),
			  clock_wall_ms() + LINK_LIFE_MS);
}

int
people_owner_link_check(struct store_conn *c, struct slice token)
{
	unsigned char hash[PEOPLE_HASH_SIZE];
	struct store_stmt *st = NULL;
	int rc;

	people_token_hash(token, hash);
	rc = store_query(c, &st,
			 "SELECT 1 FROM one_time_links WHERE "
			 "hash = ?1 AND purpose = 'owner' "
			 "AND expires_at > ?2 AND expires_at <= ?3",
			 "bii", slice_of(hash, sizeof(hash)), clock_wall_ms(),
			 clock_wrong_after_ms(LINK_LIFE_MS));
	if (!rc)
		rc = store_step(st);
	store_done(st);
	return rc == 1 ? 0 : rc == 0 ? ERR_NOT_FOUND : rc;
}

int
people_owner_link_spend(struct store_conn *c)
{
	return store_exec(c, NULL,
			  "DELETE FROM one_time_links "
			  "WHERE purpose = 'owner'",
			  "");
}
