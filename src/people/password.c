/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwords (Argon2id, by vault/) and the hash of tokens.
 *
 * A token is 256 random bits, so a plain SHA-256 keeps it; a password is
 * not, and costs memory and time on purpose.
 */
#include "people/people_priv.h"

void
people_token_hash(struct slice token, unsigned char out[PEOPLE_HASH_SIZE])
{
	vault_hash(token, out);
}

int
people_password_check(const struct secret *password, const char **why)
{
	size_t len = password ? secret_len(password) : 0;

	*why = "";
	if (len < PEOPLE_PASSWORD_MIN)
		*why = "a password has 10 characters at least";
	else if (len > PEOPLE_PASSWORD_MAX)
		*why = "a password has 1024 characters at most";
	return **why ? ERR_INVALID : 0;
}

int
people_member_set_password(struct store_conn *c, const char *member,
			   const struct secret *password)
{
	char text[VAULT_PASSWORD_SIZE];
	int rc;

	rc = vault_password_hash(password, text);
	if (!rc)
		rc = store_exec(c, NULL,
				"UPDATE members SET password = ?2 "
				"WHERE id = ?1",
				"ss", member, text);
	if (!rc)
		rc = people_sessions_end_all(c, member);
	secret_wipe(text, sizeof(text));
	return rc;
}
