/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Migrations: the numbered files of a set, each in a transaction of its own,
 * noted with a checksum.
 *
 * A database that has more migrations than this binary knows belongs to a
 * newer one, and is left alone (unless that one came and failed while ours was
 * running: ours goes on then as it did before); a migration that was changed
 * after it was applied is an error of ours, and stops the start as well.
 */
#include <stdio.h>
#include <stdlib.h>

#include "store/store_priv.h"

static const char table_sql[] =
	"CREATE TABLE IF NOT EXISTS migrations ("
	"number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, "
	"checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)";

/* "migrations/main/0001_start.sql" -> 1; 0: not of this form. */
static int64_t
migration_number(const struct embed_file *f, size_t prefix_len)
{
	uint64_t n;

	if (slice_to_u64(
		    slice_head(slice_from(slice_str(f->path), prefix_len), 4),
		    9999, &n))
		return 0;
	return (int64_t)n;
}

static int
migration_run(struct store_conn *c, const struct embed_file *f, int64_t number)
{
	char *sql = slice_dup(slice_of(f->data, f->size));
	int rc;

	if (!sql)
		return ERR_NOMEM;
	rc = store_engine_of(c)->script(c->conn, sql);
	free(sql);
	if (rc)
		return rc;
	return store_exec(c, NULL,
			  "INSERT INTO migrations (number, name, checksum, "
			  "applied_at) VALUES (?1, ?2, ?3, ?4)",
			  "issi", number, f->path, f->etag, clock_wall_ms());
}

/* 0: not applied yet; 1: applied; ERR_CONFLICT: applied, but another text. */
static int
migration_state(struct store_conn *c, const struct embed_file *f,
		int64_t number)
{
	struct store_stmt *st;
	int rc;

	rc = store_query(c, &st,
			 "SELECT checksum FROM migrations WHERE number = ?1",
			 "i", number);
	if (rc)
		return rc;
	rc = store_step(st);
	if (rc == 1 && !slice_eq(store_col(st, 0), slice_str(f->etag)))
		rc = ERR_CONFLICT;
	store_done(st);
	return rc;
}

static int
migration_apply(struct store_conn *c, const struct embed_file *f,
		int64_t number, char *detail, size_t size)
{
	int rc;

	rc = store_begin(c); /* also the lock against another process */
	if (rc) {
		snprintf(detail, size, "the database is locked: %s",
			 store_message(c));
		return rc;
	}
	rc = migration_state(c, f, number);
	if (rc == 0) {
		rc = migration_run(c, f, number);
		if (!rc) {
			step_reached("migrate.applied");
			rc = store_commit(c);
		}
		if (!rc)
			step_reached("migrate.committed");
	} else if (rc == 1) {
		rc = 0;
	}
	if (rc == ERR_CONFLICT)
		snprintf(detail, size,
			 "%s was changed after it was applied to this "
			 "database",
			 f->path);
	else if (rc)
		snprintf(detail, size, "%s: %s", f->path, store_message(c));
	store_rollback(c);
	return rc;
}

int
store_migrations_newest(struct store_conn *c, int64_t *out)
{
	struct store_stmt *st;
	int rc;

	*out = 0;
	rc = store_query(c, &st, "SELECT MAX(number) FROM migrations", "");
	if (rc)
		return rc;
	rc = store_step(st);
	if (rc == 1)
		*out = store_col_int(st, 0);
	store_done(st);
	return rc < 0 ? rc : 0;
}

static int
migrations_check_newest(struct store_conn *c, int64_t known, bool newer,
			char *detail, size_t size)
{
	int64_t newest;
	int rc = store_migrations_newest(c, &newest);

	if (rc || newest <= known)
		return rc;
	snprintf(detail, size,
		 "the database has migration %lld, this program knows %lld: it "
		 "was used by a newer version",
		 (long long)newest, (long long)known);
	return newer ? 0 : ERR_CONFLICT;
}

int64_t
store_migrations_known(const char *set)
{
	const struct embed_file *f;
	int64_t number, known = 0;
	char prefix[64];
	size_t cursor = 0, len;

	len = (size_t)snprintf(prefix, sizeof(prefix), "migrations/%s/", set);
	while ((f = embed_next(prefix, &cursor))) {
		number = migration_number(f, len);
		if (number > known)
			known = number;
	}
	return known;
}

int
store_migrate(struct store_conn *c, const char *set, bool newer, char *detail,
	      size_t size)
{
	const struct embed_file *f;
	int64_t number, known = store_migrations_known(set);
	char prefix[64];
	size_t cursor = 0, len;
	int rc;

	len = (size_t)snprintf(prefix, sizeof(prefix), "migrations/%s/", set);
	rc = store_exec(c, NULL, table_sql, "");
	if (rc) {
		snprintf(detail, size, "%s", store_message(c));
		return rc;
	}
	rc = migrations_check_newest(c, known, newer, detail, size);
	/* In the order of their numbers, whatever the order of the table. */
	for (number = 1; number <= known && !rc; number++) {
		cursor = 0;
		while ((f = embed_next(prefix, &cursor)))
			if (migration_number(f, len) == number)
				break;
		if (f)
			rc = migration_apply(c, f, number, detail, size);
	}
	return rc;
}
