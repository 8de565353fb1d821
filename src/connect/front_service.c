/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Custom services: definitions that people write, in the catalogue's format.
 *
 * A definition that changes does not carry stored credentials to new places:
 * every grant is sealed with the binding that it was given for.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>

#include "connect/front_priv.h"

enum { NAMED_MAX = 5 };

int
connect_front_service(struct connect_front *f, struct store_conn *c,
		      const struct connect_who *who, const char *id,
		      struct connect_service *out, struct connect_problem *p)
{
	struct store_stmt *st = NULL;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = front_may(c, who, PEOPLE_SERVICE_SEE, NULL, id, p);
	if (rc)
		return rc;
	out->catalog = connect_front_catalog(f);
	out->service = catalog_find(out->catalog, who->actor->org, id);
	if (!out->service) {
		catalog_unref(out->catalog);
		out->catalog = NULL;
		return connect_fail(p, ERR_NOT_FOUND,
				    CONNECT_P_SERVICE_NOT_FOUND,
				    "List the services to see their ids.",
				    "There is no service \"%.60s\".", id);
	}
	if (!out->service->custom)
		return 0;
	rc = store_query(c, &st,
			 "SELECT version, updated_at FROM custom_services "
			 "WHERE org = ?1 AND id = ?2",
			 "ss", who->actor->org, id);
	if (!rc && store_step(st) == 1) {
		out->version = store_col_int(st, 0);
		out->updated_at = store_col_int(st, 1);
	}
	store_done(st);
	return 0;
}

/* Whose it is and in which version; ERR_NOT_FOUND. */
static int
custom_find(struct store_conn *c, const char *org, const char *id,
	    char owner[CONNECT_ID_SIZE], int64_t *version)
{
	struct store_stmt *st = NULL;
	int rc;

	rc = store_query(c, &st,
			 "SELECT created_by, version FROM custom_services "
			 "WHERE org = ?1 AND id = ?2",
			 "ss", org, id);
	if (rc)
		return rc;
	rc = store_step(st);
	if (rc == 1) {
		slice_copy(store_col(st, 0), owner, CONNECT_ID_SIZE);
		*version = store_col_int(st, 1);
	}
	store_done(st);
	return rc == 1 ? 0 : rc == 0 ? ERR_NOT_FOUND : rc;
}

static int
custom_missing(const char *id, struct connect_problem *p)
{
	return connect_fail(p, ERR_NOT_FOUND, CONNECT_P_SERVICE_NOT_FOUND,
			    "Default services cannot be changed; make a "
			    "custom one beside them.",
			    "There is no custom service \"%.60s\".", id);
}

/* version: as it is now. */
static int
custom_may_change(struct store_conn *c, const struct connect_who *who,
		  const char *id, int64_t *version, struct connect_problem *p)
{
	char owner[CONNECT_ID_SIZE] = "";
	struct people_object o = { .member = owner };
	int rc;

	*version = 0;
	rc = custom_find(c, who->actor->org, id, owner, version);
	if (rc == ERR_NOT_FOUND)
		return custom_missing(id, p);
	if (rc)
		return front_fail_store(p, c, rc);
	return front_may(c, who, PEOPLE_SERVICE_CHANGE, &o, id, p);
}

/* ERR_CONFLICT: what is to be replaced is not in this version any more. */
static int
custom_write(struct store_conn *c, const struct connect_who *who,
	     const char *replace, int64_t version, const char *id,
	     struct slice text)
{
	const char *org = who->actor->org;
	int64_t changed = 0, now = clock_wall_ms();
	int rc;

	if (replace) {
		rc = store_exec(c, &changed,
				"UPDATE custom_services SET source = ?3, "
				"version = version + 1, updated_at = ?4 "
				"WHERE org = ?1 AND id = ?2 AND version = ?5",
				"sslii", org, id, text, now, version);
		return rc ? rc : changed ? 0 : ERR_CONFLICT;
	}
	return store_exec(c, NULL,
			  "INSERT INTO custom_services (org, id, source, "
			  "created_by, created_at, updated_at) "
			  "VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
			  "sslsi", org, id, text, who->actor->member, now);
}

/* ---- how many, and how long ---- */

struct room {
	size_t count, bytes; /* of the organisation's others */
	size_t before;	     /* of the one that is replaced */
};

static int
room_read(struct store_conn *c, const char *org, const char *replace,
	  struct room *out)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st,
			     "SELECT id, source FROM custom_services WHERE "
			     "org = ?1",
			     "s", org);

	memset(out, 0, sizeof(*out));
	while (!rc && (rc = store_step(st)) == 1) {
		struct slice text = store_col(st, 1);

		rc = 0;
		if (replace && slice_eq(store_col(st, 0), slice_str(replace))) {
			out->before = text.len;
			continue;
		}
		out->count++;
		out->bytes += text.len;
	}
	store_done(st);
	return rc < 0 ? rc : 0;
}

/* Within the transaction that writes it.  A text counts as it is, blanks
 * included.  ERR_TOO_LARGE: one more, or a longer one, finds no room. */
static int
room_check(struct store_conn *c, const char *org, const char *replace,
	   struct slice text, struct connect_problem *p)
{
	struct room room;
	int rc = room_read(c, org, replace, &room);

	if (rc)
		return rc;
	if (!replace && room.count >= FRONT_SERVICES_MAX)
		return connect_fail(
			p, ERR_TOO_LARGE, CONNECT_P_SERVICES_FULL,
			"Delete some that no connection uses.",
			"There are %zu custom services; an organisation may "
			"have %d.",
			room.count, FRONT_SERVICES_MAX);
	if (text.len > room.before &&
	    room.bytes + text.len > FRONT_SERVICES_BYTES)
		return connect_fail(
			p, ERR_TOO_LARGE, CONNECT_P_SERVICES_FULL,
			"Send them without blanks, shorten them, or delete "
			"some that no connection uses.",
			"With this one the definitions of all custom services "
			"would have %zu KiB together; an organisation may "
			"have %d KiB.",
			(room.bytes + text.len + 1023) / 1024,
			FRONT_SERVICES_BYTES / 1024);
	return 0;
}

static int
custom_check(struct connect_front *f, const char *replace, struct slice text,
	     struct catalog_report *report, char id[CATALOG_ID_MAX + 1],
	     struct connect_problem *p)
{
	struct catalog *catalog = connect_front_catalog(f);
	int rc = catalog_check(catalog, text, id, report);

	catalog_unref(catalog);
	if (rc) {
		connect_fail(
			p, ERR_INVALID, CONNECT_P_INVALID_DEFINITION,
			"docs/service-definitions.md describes the format.",
			"The definition has %zu problem%s.", report->total,
			report->total == 1 ? "" : "s");
		if (report->count)
			snprintf(p->pointer, sizeof(p->pointer), "%s",
				 report->items[0].pointer);
		return ERR_INVALID;
	}
	if (replace && strcmp(replace, id)) {
		connect_fail(p, ERR_INVALID, CONNECT_P_INVALID, NULL,
			     "The definition's id is \"%s\", but it is to "
			     "replace \"%.60s\": an id cannot change.",
			     id, replace);
		snprintf(p->pointer, sizeof(p->pointer), "/id");
		return ERR_INVALID;
	}
	return 0;
}

int
connect_front_service_save(struct connect_front *f, struct store_conn *c,
			   const struct connect_who *who, const char *replace,
			   int64_t if_match, struct slice text,
			   struct catalog_report *report,
			   char id[CATALOG_ID_MAX + 1],
			   struct connect_problem *p)
{
	int64_t version = 0;
	int rc;

	memset(report, 0, sizeof(*report));
	id[0] = '\0';
	rc = replace ? custom_may_change(c, who, replace, &version, p)
		     : front_may(c, who, PEOPLE_SERVICE_CREATE, NULL, NULL, p);
	if (!rc)
		rc = custom_check(f, replace, text, report, id, p);
	if (rc)
		return rc;
	rc = store_begin(c);
	if (!rc)
		rc = room_check(c, who->actor->org, replace, text, p);
	if (!rc)
		rc = custom_write(c, who, replace,
				  if_match ? if_match : version, id, text);
	if (!rc)
		rc = front_audit(c, who, who->actor->org,
				 replace ? "service.change" : "service.create",
				 id, id, NULL);
	if (!rc)
		rc = store_commit(c);
	if (rc) {
		store_rollback(c);
		if (rc == ERR_TOO_LARGE)
			return rc; /* room_check() has said it */
		if (rc == ERR_EXISTS)
			return connect_fail(
				p, rc, CONNECT_P_EXISTS,
				"Replace it, or choose another id.",
				"There is a service \"%s\" already.", id);
		return front_fail_store(p, c, rc);
	}
	rc = front_catalog_load(f, c);
	return rc ? front_fail_store(p, c, rc) : 0;
}

/* Up to five links of connections that use it, for people. */
static int
service_users(struct store_conn *c, const char *org, const char *id, char *out,
	      size_t size, int *users)
{
	struct store_stmt *st = NULL;
	size_t n = 0;
	int rc;

	*users = 0;
	out[0] = '\0';
	rc = store_query(c, &st,
			 "SELECT link_name FROM connections WHERE org = ?1 "
			 "AND service = ?2 ORDER BY link_name LIMIT 6",
			 "ss", org, id);
	while (!rc && (rc = store_step(st)) == 1) {
		if (++*users <= NAMED_MAX && n < size)
			n += (size_t)snprintf(out + n, size - n, "%s%.*s",
					      n ? ", " : "",
					      SLICE_ARG(store_col(st, 0)));
		rc = 0;
	}
	store_done(st);
	return rc;
}

int
connect_front_service_delete(struct connect_front *f, struct store_conn *c,
			     const struct connect_who *who, const char *id,
			     struct connect_problem *p)
{
	char links[300];
	int64_t version, gone = 0;
	int users, rc;

	rc = custom_may_change(c, who, id, &version, p);
	if (rc)
		return rc;
	rc = store_begin(c);
	if (!rc)
		rc = service_users(c, who->actor->org, id, links, sizeof(links),
				   &users);
	if (!rc && users) {
		store_rollback(c);
		return connect_fail(p, ERR_WRONG_STATE, CONNECT_P_IN_USE,
				    "Delete these connections first.",
				    "Connections use this service: %s%s.",
				    links,
				    users > NAMED_MAX ? ", and more" : "");
	}
	if (!rc)
		rc = store_exec(c, &gone,
				"DELETE FROM custom_services WHERE org = ?1 "
				"AND id = ?2",
				"ss", who->actor->org, id);
	if (!rc && !gone) { /* somebody else was faster, and has the record */
		store_rollback(c);
		return custom_missing(id, p);
	}
	if (!rc)
		rc = front_audit(c, who, who->actor->org, "service.delete", id,
				 id, NULL);
	if (!rc)
		rc = store_commit(c);
	if (!rc)
		rc = front_catalog_load(f, c);
	if (rc) {
		store_rollback(c);
		return front_fail_store(p, c, rc);
	}
	return 0;
}
