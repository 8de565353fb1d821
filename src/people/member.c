/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members: who belongs to the organisation, with what role.
 *
 * There is always an owner left who can act.
 */
#include <ctype.h>

#include "people/people_priv.h"

#define MEMBER_COLUMNS \
	"id, email, name, role, password IS NOT NULL, disabled_at, version, " \
	"created_at, last_sign_in_at"

static bool
email_char_ok(char c)
{
	unsigned char u = (unsigned char)c;

	return u > 0x20 && u != 0x7f && !strchr("\"(),:;<>[\\]", c);
}

int
people_email_canonical(struct slice text, char out[PEOPLE_EMAIL_SIZE])
{
	size_t i, at;

	out[0] = '\0';
	text = slice_trim(text);
	at = slice_find(text, '@');
	if (at == 0 || at > 64 || text.len >= PEOPLE_EMAIL_SIZE ||
	    at + 1 >= text.len || !slice_is_utf8(text))
		return ERR_INVALID;
	if (slice_find(slice_from(text, at + 1), '@') != text.len - at - 1)
		return ERR_INVALID;
	for (i = 0; i < text.len; i++) {
		if (!email_char_ok(text.ptr[i]))
			return ERR_INVALID;
		out[i] = (char)tolower((unsigned char)text.ptr[i]);
	}
	out[i] = '\0';
	return 0;
}

static int
member_from_row(struct store_stmt *st, struct people_member *m)
{
	people_col_copy(st, 0, m->id, sizeof(m->id));
	people_col_copy(st, 1, m->email, sizeof(m->email));
	people_col_copy(st, 2, m->name, sizeof(m->name));
	if (people_role_parse(store_col(st, 3), &m->role))
		return ERR_STORE;
	m->has_password = store_col_int(st, 4) != 0;
	m->disabled = store_col_int(st, 5) != 0;
	m->version = store_col_int(st, 6);
	m->created_at = store_col_int(st, 7);
	m->last_sign_in_at = store_col_int(st, 8);
	return 0;
}

int
people_member_find(struct store_conn *c, const char *org,
		   struct slice id_or_email, struct people_member *out)
{
	static const char sql[] = "SELECT " MEMBER_COLUMNS " FROM members "
				  "WHERE org = ?1 AND (id = ?2 OR email = ?3)";
	char email[PEOPLE_EMAIL_SIZE];
	struct store_stmt *st = NULL;
	int rc;

	*out = (struct people_member){ 0 };
	if (people_email_canonical(id_or_email, email))
		email[0] = '\0';
	rc = store_query(c, &st, sql, "sls", org, id_or_email, email);
	if (!rc)
		rc = store_step(st);
	if (rc == 1)
		rc = member_from_row(st, out);
	else if (!rc)
		rc = ERR_NOT_FOUND;
	store_done(st);
	return rc;
}

int
people_members_list(struct store_conn *c, const char *org, const char *after,
		    size_t limit, struct arena *arena,
		    struct people_member **out, size_t *count)
{
	static const char sql[] = "SELECT " MEMBER_COLUMNS " FROM members "
				  "WHERE org = ?1 AND id > ?2 ORDER BY id "
				  "LIMIT ?3";
	struct store_stmt *st = NULL;
	int rc;

	*count = 0;
	*out = arena_alloc(arena, (limit + 1) * sizeof(**out));
	if (!*out)
		return ERR_NOMEM;
	rc = store_query(c, &st, sql, "ssi", org, after, (int64_t)limit);
	while (!rc && (rc = store_step(st)) == 1)
		rc = member_from_row(st, &(*out)[(*count)++]);
	store_done(st);
	return rc;
}

int
people_member_create(struct store_conn *c, const char *org, const char *email,
		     const char *name, enum people_role role,
		     const struct secret *password, char id[PEOPLE_ID_SIZE])
{
	int rc;

	random_id(id);
	rc = store_exec(c, NULL,
			"INSERT INTO members (id, org, email, name, "
			"role, created_at) VALUES (?1, ?2, ?3, ?4, "
			"?5, ?6)",
			"sssssi", id, org, email, name, people_role_name(role),
			clock_wall_ms());
	if (!rc && password)
		rc = people_member_set_password(c, id, password);
	return rc;
}

/* ERR_WRONG_STATE when nobody is left who is an owner and in force. */
static int
owner_remains(struct store_conn *c, const char *org)
{
	struct store_stmt *st = NULL;
	int rc;

	rc = store_query(c, &st,
			 "SELECT 1 FROM members WHERE org = ?1 AND "
			 "role = 'owner' AND disabled_at = 0 LIMIT 1",
			 "s", org);
	if (!rc)
		rc = store_step(st);
	store_done(st);
	return rc == 1 ? 0 : rc == 0 ? ERR_WRONG_STATE : rc;
}

int
people_member_update(struct store_conn *c, const char *org,
		     const struct people_member *m)
{
	static const char sql[] =
		"UPDATE members SET name = ?4, role = ?5, disabled_at = CASE "
		"WHEN ?6 = 0 THEN 0 WHEN disabled_at = 0 THEN ?7 ELSE "
		"disabled_at END, version = version + 1 "
		"WHERE org = ?1 AND id = ?2 AND version = ?3";
	int64_t changed = 0;
	int rc;

	rc = store_exec(c, &changed, sql, "ssissii", org, m->id, m->version,
			m->name, people_role_name(m->role),
			(int64_t)m->disabled, clock_wall_ms());
	if (!rc && !changed)
		rc = ERR_CONFLICT;
	if (!rc)
		rc = owner_remains(c, org);
	if (!rc && m->disabled)
		rc = people_sessions_end_all(c, m->id);
	return rc;
}
