/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors: who is acting, as an immutable snapshot that threads share by
 * reference count.
 *
 * A key never has more than the member whom it belongs to has now: when he
 * is demoted his keys sink with him, when he is disabled they are dead.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "people/people_priv.h"

void
people_actor_ref(struct people_actor *a)
{
	atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
}

bool
people_actor_stands(const struct people_actor *a)
{
	return !atomic_load(&a->withdrawn) &&
	       (!a->expires_at || a->expires_at > clock_wall_ms());
}

static void
texts_free(char **items, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(items[i]);
	free(items);
}

void
people_actor_unref(struct people_actor *a)
{
	if (!a ||
	    atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) > 1)
		return;
	texts_free(a->connections, a->connection_count);
	texts_free(a->methods, a->method_count);
	texts_free(a->path_prefixes, a->path_prefix_count);
	free(a);
}

struct people_actor *
people_actor_new(const char *org, const char *member, enum people_role role,
		 const char *name)
{
	struct people_actor *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	atomic_store(&a->refs, 1);
	a->role = role;
	strncpy(a->org, org, sizeof(a->org) - 1);
	strncpy(a->member, member, sizeof(a->member) - 1);
	strncpy(a->name, name, sizeof(a->name) - 1);
	return a;
}

/* The list that an actor keeps; an empty one still restricts. */
static int
actor_take_list(struct slice json, char ***items, size_t *count)
{
	struct people_texts t;
	int rc = people_texts_parse(json, &t);

	*items = t.items;
	*count = t.count;
	return rc;
}

int
people_actor_local(struct store_conn *c, struct people_actor **out)
{
	static const char sql[] =
		"SELECT id, org, name FROM members WHERE role = 'owner' "
		"AND disabled_at = 0 ORDER BY id LIMIT 1";
	char id[PEOPLE_ID_SIZE], org[PEOPLE_ID_SIZE], name[PEOPLE_NAME_SIZE];
	struct store_stmt *st = NULL;
	int rc;

	*out = NULL;
	rc = store_query(c, &st, sql, "");
	if (!rc)
		rc = store_step(st);
	if (rc == 1) {
		people_col_copy(st, 0, id, sizeof(id));
		people_col_copy(st, 1, org, sizeof(org));
		people_col_copy(st, 2, name, sizeof(name));
		*out = people_actor_new(org, id, PEOPLE_OWNER, name);
		rc = *out ? 0 : ERR_NOMEM;
	} else if (!rc) {
		rc = ERR_NOT_FOUND;
	}
	store_done(st);
	return rc;
}

int
people_actor_of_member(struct store_conn *c, const char *org,
		       const char *member, struct people_actor **out)
{
	static const char sql[] = "SELECT role, name FROM members WHERE "
				  "org = ?1 AND id = ?2 AND disabled_at = 0";
	char name[PEOPLE_NAME_SIZE];
	struct store_stmt *st = NULL;
	enum people_role role;
	int rc;

	*out = NULL;
	rc = store_query(c, &st, sql, "ss", org, member);
	if (!rc)
		rc = store_step(st);
	if (rc == 1 && people_role_parse(store_col(st, 0), &role)) {
		rc = ERR_STORE;
	} else if (rc == 1) {
		people_col_copy(st, 1, name, sizeof(name));
		*out = people_actor_new(org, member, role, name);
		rc = *out ? 0 : ERR_NOMEM;
	} else if (!rc) {
		rc = ERR_NOT_FOUND;
	}
	store_done(st);
	return rc;
}

static enum people_role
role_of_key(enum people_role key, enum people_role member)
{
	return key < member ? key : member;
}

static int
actor_from_key(struct store_stmt *st, struct people_actor *a)
{
	enum people_role key, member;
	int rc;

	people_col_copy(st, 0, a->key, sizeof(a->key));
	people_col_copy(st, 1, a->org, sizeof(a->org));
	people_col_copy(st, 2, a->member, sizeof(a->member));
	people_col_copy(st, 3, a->name, sizeof(a->name));
	if (people_role_parse(store_col(st, 4), &key) ||
	    people_role_parse(store_col(st, 10), &member))
		return ERR_STORE;
	/* A viewer cannot call, so his caller key cannot either; and it must
	 * not become a viewer's: that would be more than it was given for. */
	if (key == PEOPLE_CALLER && member < PEOPLE_BUILDER)
		return ERR_NOT_FOUND;
	a->role = role_of_key(key, member);
	a->rate_per_minute = (uint32_t)store_col_int(st, 8);
	a->expires_at = store_col_int(st, 9);
	rc = actor_take_list(store_col(st, 5), &a->connections,
			     &a->connection_count);
	if (!rc)
		rc = actor_take_list(store_col(st, 6), &a->methods,
				     &a->method_count);
	if (!rc)
		rc = actor_take_list(store_col(st, 7), &a->path_prefixes,
				     &a->path_prefix_count);
	/* A restriction that cannot be read must not vanish. */
	return rc == ERR_INVALID ? ERR_STORE : rc;
}

/* The keys that are in force at ?1. */
#define KEYS_IN_FORCE \
	"SELECT k.id, k.org, k.member, k.name, k.role, k.connections, " \
	"k.methods, k.path_prefixes, k.rate_per_minute, k.expires_at, " \
	"m.role FROM api_keys k JOIN members m ON m.id = k.member WHERE " \
	"k.revoked_at = 0 AND m.disabled_at = 0 AND (k.expires_at = 0 OR " \
	"k.expires_at > ?1) "

/* The one that a query has found, which is done then; rc: of asking it. */
static int
actor_found(struct store_stmt *st, int rc, struct people_actor **out)
{
	struct people_actor *a = NULL;

	*out = NULL;
	if (!rc)
		rc = store_step(st);
	if (rc == 1) {
		a = people_actor_new("", "", PEOPLE_CALLER, "");
		rc = a ? actor_from_key(st, a) : ERR_NOMEM;
	} else if (!rc) {
		rc = ERR_NOT_FOUND;
	}
	store_done(st);
	if (rc) {
		people_actor_unref(a);
		return rc;
	}
	*out = a;
	return 0;
}

int
people_actor_of_key(struct store_conn *c,
		    const unsigned char hash[PEOPLE_HASH_SIZE],
		    struct people_actor **out)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st, KEYS_IN_FORCE "AND k.hash = ?2", "ib",
			     clock_wall_ms(), slice_of(hash, PEOPLE_HASH_SIZE));

	return actor_found(st, rc, out);
}

int
people_actor_of_key_id(struct store_conn *c, const char *org, const char *key,
		       struct people_actor **out)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st,
			     KEYS_IN_FORCE "AND k.org = ?2 AND k.id = ?3",
			     "iss", clock_wall_ms(), org, key);

	return actor_found(st, rc, out);
}
