/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checking the chain, record by record, from the first to its end.
 *
 * Besides the hashes it is looked at whether the columns, by which records
 * are found, say what the records themselves say.
 */
#include <stdio.h>

#include "audit/audit.h"
#include "json/json.h"

enum { RECORD_MAX = 64 * 1024 };

struct row {
	int64_t seq, at;
	struct slice actor, action, object, outcome, text, hash;
};

static bool
member_is(const json_t *record, const char *name, struct slice column)
{
	const char *text = json_string_value(json_object_get(record, name));

	return text && slice_eq(slice_str(text), column);
}

/* What the columns say must be what the record says. */
static bool
columns_agree(const struct row *r, const char *org)
{
	struct json_problem problem = { 0 };
	char at[CLOCK_TEXT_SIZE];
	json_t *record = NULL;
	bool ok;

	clock_format(r->at, at);
	if (json_read(r->text, RECORD_MAX, &record, &problem))
		return false;
	ok = json_integer_value(json_object_get(record, "seq")) == r->seq &&
	     member_is(record, "at", slice_str(at)) &&
	     member_is(record, "org", slice_str(org)) &&
	     member_is(record, "actor", r->actor) &&
	     member_is(record, "action", r->action) &&
	     member_is(record, "object", r->object) &&
	     member_is(record, "outcome", r->outcome);
	json_decref(record);
	return ok;
}

/* NULL when the row follows what was checked so far, else what is wrong. */
static const char *
row_check(const struct row *r, const char *org, struct audit_report *out)
{
	unsigned char hash[AUDIT_HASH_SIZE];
	struct vault_hasher hasher;

	if (r->seq != out->count + 1)
		return "a record is missing before it";
	vault_hasher_init(&hasher);
	vault_hasher_add(&hasher, slice_of(out->head, AUDIT_HASH_SIZE));
	vault_hasher_add(&hasher, r->text);
	vault_hasher_end(&hasher, hash);
	if (!slice_eq(r->hash, slice_of(hash, sizeof(hash))))
		return "its text is not what was written, or stood elsewhere";
	if (!columns_agree(r, org))
		return "its columns are not what the record says";
	out->count++;
	memcpy(out->head, hash, sizeof(hash));
	return NULL;
}

static int
report_broken(struct audit_report *out, int64_t seq, const char *why)
{
	out->broken_at = seq;
	snprintf(out->detail, sizeof(out->detail), "record %lld: %s",
		 (long long)seq, why);
	return ERR_CRYPTO;
}

/* The head must be where the records end. */
static int
head_check(struct store_conn *c, const char *org, struct audit_report *out)
{
	struct store_stmt *st = NULL;
	int64_t seq = 0;
	bool same = true;
	int rc;

	rc = store_query(c, &st,
			 "SELECT seq, hash FROM audit_heads "
			 "WHERE org = ?1",
			 "s", org);
	if (!rc)
		rc = store_step(st);
	if (rc == 1) {
		seq = store_col_int(st, 0);
		same = slice_eq(store_col(st, 1),
				slice_of(out->head, AUDIT_HASH_SIZE));
	}
	store_done(st);
	if (rc < 0)
		return rc;
	if (seq != out->count || !same)
		return report_broken(out, out->count + 1,
				     "the chain's end is missing");
	return 0;
}

int
audit_verify(struct store_conn *c, const char *org, struct audit_report *out)
{
	static const char sql[] =
		"SELECT seq, actor, action, object, outcome, record, hash, at "
		"FROM audit WHERE org = ?1 ORDER BY seq";
	struct store_stmt *st = NULL;
	const char *why = NULL;
	struct row r;
	int rc;

	*out = (struct audit_report){ 0 };
	rc = store_query(c, &st, sql, "s", org);
	while (!rc && (rc = store_step(st)) == 1) {
		r.seq = store_col_int(st, 0);
		r.actor = store_col(st, 1);
		r.action = store_col(st, 2);
		r.object = store_col(st, 3);
		r.outcome = store_col(st, 4);
		r.text = store_col(st, 5);
		r.hash = store_col(st, 6);
		r.at = store_col_int(st, 7);
		why = row_check(&r, org, out);
		rc = why ? report_broken(out, r.seq, why) : 0;
	}
	store_done(st);
	return rc ? rc : head_check(c, org, out);
}
