/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots and injections: made once, shared by count, freed by the last.
 *
 * A snapshot is loaded on a work thread from the store and the catalogue.
 * An injection comes from the keeper; its secrets stay in locked memory and
 * are wiped when the last call that uses it is over.
 *
 * Runs in the front.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "connect/view_priv.h"

/* ---- snapshots ---- */

void
connect_snapshot_ref(struct connect_snapshot *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
}

void
connect_snapshot_unref(struct connect_snapshot *s)
{
	if (!s ||
	    atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	people_sharing_release(&s->sharing);
	binding_free(s->binding);
	if (s->catalog)
		catalog_unref(s->catalog);
	free(s);
}

static int
sharing_copy_list(char **from, size_t count, char ***out, size_t *out_count)
{
	size_t i;

	*out_count = 0;
	*out = count ? calloc(count, sizeof(**out)) : NULL;
	if (count && !*out)
		return ERR_NOMEM;
	for (i = 0; i < count; i++) {
		(*out)[i] = slice_dup(slice_str(from[i]));
		if (!(*out)[i])
			return ERR_NOMEM;
		++*out_count;
	}
	return 0;
}

static void
snapshot_aim(struct connect_snapshot *s)
{
	s->base_problem = NULL;
	if (!s->binding->base_url)
		s->base_problem = "the definition has none";
	else
		http_url_parse(slice_str(s->binding->base_url), &s->base,
			       &s->base_problem);
}

struct connect_snapshot *
view_snapshot_with(const struct connect_snapshot *s, enum connect_status status,
		   const char *reason)
{
	const struct people_sharing *from = &s->sharing;
	struct connect_snapshot *n = malloc(sizeof(*n));
	struct people_sharing *to;

	if (!n)
		return NULL;
	memcpy(n, s, sizeof(*n));
	n->refs = 1;
	n->status = status;
	slice_copy(slice_head(slice_str(reason), sizeof(n->reason) - 1),
		   n->reason, sizeof(n->reason));
	slice_mend_utf8(n->reason);
	n->catalog = s->catalog ? catalog_ref(s->catalog) : NULL;
	n->binding = binding_dup(s->binding);
	to = &n->sharing;
	to->users = to->managers = NULL;
	to->user_count = to->manager_count = 0;
	if (n->binding)
		snapshot_aim(n);
	if (n->binding &&
	    !sharing_copy_list(from->users, from->user_count, &to->users,
			       &to->user_count) &&
	    !sharing_copy_list(from->managers, from->manager_count,
			       &to->managers, &to->manager_count))
		return n;
	connect_snapshot_unref(n);
	return NULL;
}

/* What the definition says now; the grant's own data centre if it has one. */
static int
snapshot_bind(struct connect_snapshot *s, const char *method,
	      struct slice parameters, struct slice data_centre)
{
	struct json_problem problem = { 0 };
	const struct service *def;
	json_t *tree = NULL;
	char dc[32];
	int rc;

	def = catalog_find(s->catalog, s->org, s->service);
	if (!def)
		return ERR_UNSUPPORTED;
	rc = json_read(parameters, BINDING_JSON_MAX, &tree, &problem);
	if (!rc)
		rc = catalog_bind(def, method, tree, &s->binding, &problem);
	json_decref(tree);
	if (rc)
		return rc;
	if (data_centre.len && !slice_copy(data_centre, dc, sizeof(dc)) &&
	    (!s->binding->data_centre || strcmp(s->binding->data_centre, dc)))
		/* one that the definition has no more: as the parameters say */
		binding_switch_data_centre(s->binding, dc);
	snapshot_aim(s);
	return 0;
}

#define SNAPSHOT_SQL \
	"SELECT id, org, link_name, service, method, status, reason, " \
	"per_user, parameters, data_centre, owner, health_reason " \
	"FROM connections WHERE link_name = ?1"

static int
snapshot_read(struct connect_snapshot *s, struct store_stmt *st,
	      struct store_conn *c)
{
	char owner[CONNECT_ID_SIZE], method[64];
	int rc;

	slice_copy(store_col(st, 0), s->id, sizeof(s->id));
	slice_copy(store_col(st, 1), s->org, sizeof(s->org));
	slice_copy(store_col(st, 2), s->link, sizeof(s->link));
	slice_copy(store_col(st, 3), s->service, sizeof(s->service));
	slice_copy(store_col(st, 4), method, sizeof(method));
	if (connect_status_parse(store_col(st, 5), &s->status))
		return ERR_STORE;
	slice_copy(store_col(st, 6), s->reason, sizeof(s->reason));
	s->per_user = store_col_int(st, 7) != 0;
	slice_copy(store_col(st, 10), owner, sizeof(owner));
	s->degraded = slice_starts(store_col(st, 11), SLICE(VIEW_HEALTH_WORDS));
	rc = people_sharing_load(c, s->id, owner, &s->sharing);
	return rc ? rc
		  : snapshot_bind(s, method, store_col(st, 8),
				  store_col(st, 9));
}

int
view_snapshot_load(struct connect_views *v, struct catalog *catalog,
		   const char *link, struct connect_snapshot **out,
		   struct view_users *users)
{
	struct connect_snapshot *s = calloc(1, sizeof(*s));
	struct store_stmt *st = NULL;
	struct store_conn *c = NULL;
	int rc;

	*out = NULL;
	memset(users, 0, sizeof(*users));
	if (!s)
		return ERR_NOMEM;
	s->refs = 1;
	s->catalog = catalog_ref(catalog);
	rc = store_acquire(v->store, &c);
	if (!rc)
		rc = store_query(c, &st, SNAPSHOT_SQL, "s", link);
	if (!rc) {
		rc = store_step(st);
		rc = rc == 1   ? snapshot_read(s, st, c)
		     : rc == 0 ? ERR_NOT_FOUND
			       : rc;
	}
	store_done(st);
	if (!rc && s->per_user)
		rc = view_users_load(c, s->id, users);
	if (c)
		store_release(c);
	if (rc)
		connect_snapshot_unref(s);
	else
		*out = s;
	return rc;
}

/* ---- injections ---- */

void
connect_injection_ref(struct connect_injection *i)
{
	atomic_fetch_add_explicit(&i->refs, 1, memory_order_relaxed);
}

void
connect_injection_unref(struct connect_injection *i)
{
	size_t n;

	if (!i ||
	    atomic_fetch_sub_explicit(&i->refs, 1, memory_order_acq_rel) != 1)
		return;
	binding_free(i->binding);
	secret_free(i->headers);
	secret_free(i->query);
	secret_free(i->form);
	secret_free(i->path);
	for (n = 0; n < i->scrub_count; n++)
		secret_free(i->scrub[n]);
	free(i->scrub);
	for (n = 0; n < i->name_count; n++)
		free(i->names[n]);
	free(i->names);
	free(i);
}

/* The lower-case names of "Name: value\r\n…". */
static int
injection_names(struct connect_injection *i)
{
	struct slice rest, line, name;
	char *copy, *p;
	size_t n = 0, lines = 0;

	if (!i->headers)
		return 0;
	rest = slice_of(secret_peek(i->headers), secret_len(i->headers));
	/* one for each, whatever their number: one without its name here could
	 * be sent by a client as well */
	while (slice_next(&rest, '\n', &line))
		lines++;
	i->names = calloc(lines + 1, sizeof(*i->names));
	if (!i->names)
		return ERR_NOMEM;
	rest = slice_of(secret_peek(i->headers), secret_len(i->headers));
	while (slice_next(&rest, '\n', &line)) {
		name = slice_head(line, slice_find(line, ':'));
		if (name.len == line.len)
			continue; /* no colon: not a field */
		copy = slice_dup(name);
		if (!copy)
			return ERR_NOMEM;
		for (p = copy; *p; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p + ('a' - 'A'));
		i->names[n++] = copy;
		i->name_count = n;
	}
	return 0;
}

struct connect_injection *
view_injection_new(struct connect_msg_injection *m)
{
	struct connect_injection *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	i->refs = 1;
	i->generation = m->generation;
	if (m->fresh_ms)
		i->stale_boot_ms = clock_boot_ms() + m->fresh_ms;
	i->binding = m->binding;
	i->headers = m->add.headers;
	i->query = m->add.query;
	i->form = m->add.form;
	i->path = m->add.path;
	m->binding = NULL;
	memset(&m->add, 0, sizeof(m->add));
	if (m->scrub_count) {
		i->scrub = calloc(m->scrub_count, sizeof(*i->scrub));
		if (!i->scrub) {
			connect_injection_unref(i);
			return NULL;
		}
		memcpy(i->scrub, m->scrub, m->scrub_count * sizeof(*i->scrub));
		i->scrub_count = m->scrub_count;
		m->scrub_count = 0;
	}
	if (!injection_names(i))
		return i;
	connect_injection_unref(i);
	return NULL;
}
