/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit list, verify.
 *
 * verify works offline, on the database's file itself: whoever doubts the
 * server does not ask it.
 */
#include <unistd.h>

#include "audit/audit.h"
#include "cli/cli_priv.h"

static const struct cli_option list_options[] = {
	{ "object", CLI_VALUE, "ID", "what was done to this" },
	{ "limit", CLI_VALUE, "N", "how many (50)" },
	{ NULL },
};

static const struct cli_option verify_options[] = {
	{ "kept", CLI_VALUE, "N:HASH",
	  "what an earlier check gave: finds an end that was cut off" },
	{ NULL },
};

static int
list_run(struct cli *c)
{
	static const struct cli_column columns[] = {
		{ "NO", "seq" },
		{ "AT", "at" },
		{ "WHO", "actor_name" },
		{ "ACTION", "action" },
		{ "WHAT", "object_name" },
		{ "OUTCOME", "outcome" },
		{ "TIMES", "count" },
		{ "DETAIL", "detail" },
		{ NULL },
	};
	const char *text = cli_value(&c->args, "limit");
	const char *object = cli_value(&c->args, "object");
	uint64_t limit = 50;
	json_t *list;
	int rc;

	if (text && (slice_to_u64(slice_str(text), 1000000, &limit) || !limit))
		return cli_misused(c, "--limit wants a number");
	rc = cli_request_list(
		c,
		object ? cli_path(c, "/v1/audit?object={}", object)
		       : "/v1/audit",
		(size_t)limit, &list);
	if (rc)
		return rc;
	rc = cli_show_list(c, list, columns, "Nothing was done yet.");
	json_decref(list);
	return rc;
}

/* ---- verify ---- */

struct kept {
	int64_t count; /* 0: nothing was kept */
	char hash[CODEC_HEX_SIZE(AUDIT_HASH_SIZE)];
};

static int
kept_read(struct cli *c, struct kept *out)
{
	const char *text = cli_value(&c->args, "kept");
	struct slice s = slice_str(text);
	size_t colon = slice_find(s, ':');
	uint64_t n = 0;

	*out = (struct kept){ 0 };
	if (!text)
		return CLI_OK;
	if (colon == s.len ||
	    slice_to_u64(slice_head(s, colon), INT64_MAX, &n) || !n ||
	    slice_from(s, colon + 1).len != sizeof(out->hash) - 1 ||
	    slice_copy(slice_from(s, colon + 1), out->hash, sizeof(out->hash)))
		return cli_misused(c, "--kept wants N:HASH, as this command "
				      "prints it");
	out->count = (int64_t)n;
	return CLI_OK;
}

/* The one organisation of a database. */
static int
org_find(struct store_conn *db, char org[RANDOM_ID_SIZE])
{
	struct store_stmt *st = NULL;
	int rc;

	rc = store_query(db, &st, "SELECT id FROM organisations", "");
	if (!rc)
		rc = store_step(st);
	if (rc == 1)
		rc = slice_copy(store_col(st, 0), org, RANDOM_ID_SIZE);
	else if (rc == 0)
		rc = ERR_NOT_FOUND;
	store_done(st);
	return rc;
}

/* Whether the record that was kept is still the same one. */
static int
kept_check(struct cli *c, struct store_conn *db, const char *org,
	   const struct kept *k, struct audit_report *report)
{
	char hash[CODEC_HEX_SIZE(AUDIT_HASH_SIZE)] = "";
	struct audit_record *a;
	size_t count;
	int rc;

	if (!k->count)
		return 0;
	rc = audit_list(db, org, NULL, k->count + 1, 1, c->arena, &a, &count);
	if (rc)
		return rc;
	if (count && a[0].seq == k->count)
		codec_hex(a[0].hash, sizeof(a[0].hash), hash);
	if (!strcasecmp(hash, k->hash))
		return 0;
	report->broken_at = k->count;
	snprintf(report->detail, sizeof(report->detail), "record %lld: %s",
		 (long long)k->count,
		 hash[0] ? "it is not the one that was kept"
			 : "it was kept, and is not there: the end is cut "
			   "off");
	return ERR_CRYPTO;
}

static int
verify_db(struct cli *c, struct store_conn *db, const struct kept *k,
	  struct audit_report *report)
{
	char org[RANDOM_ID_SIZE];
	int rc = org_find(db, org);

	*report = (struct audit_report){ 0 };
	if (rc == ERR_NOT_FOUND)
		return k->count ? ERR_NOT_FOUND : 0;
	if (!rc)
		rc = audit_verify(db, org, report);
	return rc ? rc : kept_check(c, db, org, k, report);
}

static int
report_json(const struct audit_report *r, const char *hash, bool sound)
{
	json_t *report = json_pack("{s:b, s:I, s:s}", "sound", (int)sound,
				   "count", (json_int_t)r->count, "head", hash);

	if (!sound) {
		json_object_set_new(report, "broken_at",
				    json_integer(r->broken_at));
		json_object_set_new(report, "detail", json_string(r->detail));
	}
	json_dumpf(report, stdout, JSON_COMPACT);
	json_decref(report);
	return putchar('\n') == EOF || fflush(stdout) ? CLI_FAILED : CLI_OK;
}

static int
report_show(struct cli *c, int err, const struct audit_report *r)
{
	char hash[CODEC_HEX_SIZE(AUDIT_HASH_SIZE)];
	int rc = CLI_OK;

	if (err && err != ERR_CRYPTO)
		return cli_fail(CLI_FAILED, "the audit cannot be read: %s",
				err_text(err));
	codec_hex(r->head, sizeof(r->head), hash);
	if (c->json)
		rc = report_json(r, hash, !err);
	else if (!err && r->count)
		cli_say(c, "The chain is sound: %lld records.\n%lld:%s",
			(long long)r->count, (long long)r->count, hash);
	else if (!err)
		cli_say(c, "The chain is sound: there are no records.");
	return err ? cli_fail(CLI_FAILED,
			      "the chain is broken: %s (%lld records are "
			      "sound)",
			      r->detail, (long long)r->count)
		   : rc;
}

static int
verify_run(struct cli *c)
{
	struct audit_report report;
	struct cli_place place;
	struct store *s = NULL;
	struct store_conn *db = NULL;
	char detail[256] = "";
	const char *file;
	struct kept kept;
	int rc = kept_read(c, &kept);

	if (!rc)
		rc = cli_place_find(c, &place);
	if (rc)
		return rc;
	if (!place.local)
		return cli_fail(CLI_USAGE, "the chain is checked on the "
					   "server's own machine: --data DIR");
	file = arena_printf(c->arena, "%s/store/drawbridge.db", place.data);
	if (!file || access(file, R_OK))
		return cli_fail(CLI_NOT_FOUND, "there is no database %s",
				file ? file : place.data);
	rc = store_open(arena_printf(c->arena, "sqlite:%s", file), "main", &s,
			detail, sizeof(detail));
	if (!rc)
		rc = store_acquire(s, &db);
	if (rc)
		rc = cli_fail(CLI_FAILED, "%s: %s", file,
			      detail[0] ? detail : err_text(rc));
	else
		rc = report_show(c, verify_db(c, db, &kept, &report), &report);
	if (db)
		store_release(db);
	if (s)
		store_close(s);
	return rc;
}

const struct cli_command cli_audit_commands[] = {
	{ "audit list", "", "who did what", NULL, list_run, list_options },
	{ "audit verify", "", "check that nobody changed the audit",
	  "Reads the database itself, beside a running server or without one. "
	  " Keep the last\nline elsewhere, and give it to --kept the next "
	  "time.",
	  verify_run, verify_options },
	{ NULL },
};
