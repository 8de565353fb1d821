/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /v1/calls and /v1/connections/{link}/calls: what was called.
 *
 * Everybody sees his own calls, admins everybody's; who may manage a
 * connection sees all that went through it.
 */
#include "api/api_priv.h"

#define CALL_COLUMNS \
	"c.id, c.at, c.member, c.api_key, c.method, c.host, c.path, " \
	"c.status, c.code, c.total_us, c.first_byte_us, c.bytes_up, " \
	"c.bytes_down, c.refreshed, c.reused, COALESCE(n.link_name, '')"

static json_t *
col_json(struct store_stmt *st, int col)
{
	struct slice s = store_col(st, col);

	return s.len ? json_stringn(s.ptr, s.len) : json_null();
}

static json_t *
call_json(struct store_stmt *st)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, "
			 "s:f, s:f, s:I, s:I, s:b, s:b}",
			 "id", col_json(st, 0), "at",
			 api_json_time(store_col_int(st, 1)), "connection",
			 col_json(st, 15), "member", col_json(st, 2), "key",
			 col_json(st, 3), "method", col_json(st, 4), "host",
			 col_json(st, 5), "path", col_json(st, 6), "status",
			 (json_int_t)store_col_int(st, 7), "code",
			 col_json(st, 8), "total_ms",
			 (double)store_col_int(st, 9) / 1000.0, "first_byte_ms",
			 (double)store_col_int(st, 10) / 1000.0, "bytes_up",
			 (json_int_t)store_col_int(st, 11), "bytes_down",
			 (json_int_t)store_col_int(st, 12), "refreshed",
			 (int)(store_col_int(st, 13) != 0), "reused",
			 (int)(store_col_int(st, 14) != 0));
}

#define CALLS_SQL(whose) \
	"SELECT " CALL_COLUMNS " FROM calls c LEFT JOIN connections " \
	"n ON n.id = c.connection WHERE c.org = ?1 " \
	"AND (?2 = '' OR c.id < ?2) " \
	"AND (?4 = 0 OR c.status >= 400) AND " whose \
	" ORDER BY c.id DESC LIMIT ?6"

/* Three texts, so that one connection's and one member's are found by their
 * index: nobody reads all of them to find that he has none. */
static const char all_sql[] = CALLS_SQL("?3 = '' AND ?5 = ''");
static const char his_sql[] = CALLS_SQL("c.member = ?3 AND ?5 = ''");
static const char one_sql[] =
	CALLS_SQL("(?3 = '' OR c.member = ?3) AND c.connection = ?5");

const char *
api_calls_sql(const char *member, const char *connection)
{
	if (connection[0])
		return one_sql;
	return member[0] ? his_sql : all_sql;
}

/* member and connection: "" for all. */
int
api_calls_answer(struct api_request *r, const char *member,
		 const char *connection, bool failed)
{
	struct store_stmt *st = NULL;
	char last[RANDOM_ID_SIZE] = "";
	const char *after;
	size_t limit, n = 0;
	json_t *items;
	int rc;

	if (!api_paging(r, &limit, &after))
		return 0;
	items = json_array();
	rc = store_query(r->db, &st, api_calls_sql(member, connection),
			 "sssisi", r->actor->org, after, member,
			 (int64_t)failed, connection, (int64_t)limit + 1);
	while (!rc && (rc = store_step(st)) == 1) {
		rc = 0;
		if (n++ == limit)
			break;
		slice_copy(store_col(st, 0), last, sizeof(last));
		json_array_append_new(items, call_json(st));
	}
	store_done(st);
	if (rc) {
		json_decref(items);
		return rc;
	}
	return api_answer_list(r, items, n > limit ? last : NULL);
}

static int
connection_id(struct api_request *r, const char *link, char id[RANDOM_ID_SIZE])
{
	struct store_stmt *st = NULL;
	int rc;

	id[0] = '\0';
	rc = store_query(r->db, &st,
			 "SELECT id FROM connections WHERE "
			 "org = ?1 AND link_name = ?2",
			 "ss", r->actor->org, link);
	if (!rc)
		rc = store_step(st);
	if (rc == 1)
		slice_copy(store_col(st, 0), id, RANDOM_ID_SIZE);
	store_done(st);
	return rc == 1 ? 0 : rc == 0 ? ERR_NOT_FOUND : rc;
}

int
api_calls_list(struct api_request *r)
{
	const char *link = api_query(r, "connection"), *whose;
	struct people_object everybody = { 0 };
	char id[RANDOM_ID_SIZE] = "";
	bool failed;
	int rc;

	if (!api_query_flag(r, "failed", &failed))
		return 0;
	if (link[0]) {
		rc = connection_id(r, link, id);
		if (rc == ERR_NOT_FOUND)
			return api_answer_list(r, json_array(), NULL);
		if (rc)
			return rc;
	}
	whose = people_may(r->actor, PEOPLE_CALLS_SEE, &everybody, NULL)
			? r->actor->member
			: "";
	return api_calls_answer(r, whose, id, failed);
}
