/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With whom a connection is shared.
 *
 * The list is written whole, so it must be the one that was read: each change
 * raises the connection's version, and one that was made of an older list is
 * refused.  The audit tells who came and who went.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>

#include "connect/front_priv.h"

int
connect_front_shares(struct connect_front *f, struct store_conn *c,
		     const struct connect_who *who, const char *link,
		     struct arena *arena, struct connect_shares *out,
		     struct connect_problem *p)
{
	struct front_row r;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = front_row_load(f, c, who, link, PEOPLE_CONNECTION_SEE, arena, &r,
			    p);
	if (!rc) {
		/* read before the list, it is never too new for it */
		out->version = r.info.version;
		rc = people_shares_list(c, r.info.id, arena, &out->items,
					&out->count);
		if (rc)
			front_fail_store(p, c, rc);
	}
	front_row_release(&r);
	return rc;
}

/* ---- what has changed, in words ---- */

struct change_words {
	struct store_conn *c;
	const struct connect_who *who;
	const struct front_row *row;
	struct buf text;
	bool any;
};

static int
words_flush(struct change_words *w)
{
	char detail[AUDIT_DETAIL_MAX];
	int rc = buf_err(&w->text);

	if (rc || !w->text.len)
		return rc;
	slice_copy(buf_slice(&w->text), detail, sizeof(detail));
	buf_reset(&w->text);
	return front_audit(w->c, w->who, w->row->org, "connection.share",
			   w->row->info.id, w->row->info.name, detail);
}

/* As many records as they need: no name is cut off. */
static int
words_add(struct change_words *w, const char *what,
	  const struct people_share *s, const char *level)
{
	char text[PEOPLE_NAME_SIZE + PEOPLE_ID_SIZE + 80];
	int rc;

	if (s->kind == PEOPLE_SHARE_EVERYONE)
		snprintf(text, sizeof(text), "%s everyone: %s", what, level);
	else
		snprintf(text, sizeof(text), "%s %s%s (%s): %s", what,
			 s->kind == PEOPLE_SHARE_TEAM ? "the team " : "",
			 s->name, s->subject, level);
	w->any = true;
	if (w->text.len + strlen(text) + 4 > AUDIT_DETAIL_MAX) {
		rc = words_flush(w);
		if (rc)
			return rc;
	}
	return buf_printf(&w->text, "%s%s", w->text.len ? "; " : "", text);
}

static const char *
level_of(const struct people_share *s)
{
	return s->manage ? "manage" : "use";
}

static const struct people_share *
share_find(const struct connect_shares *in, const struct people_share *like)
{
	size_t i;

	for (i = 0; i < in->count; i++)
		if (in->items[i].kind == like->kind &&
		    !strcmp(in->items[i].subject, like->subject))
			return &in->items[i];
	return NULL;
}

static int
change_audit(struct change_words *w, const struct connect_shares *before,
	     const struct connect_shares *after)
{
	const struct people_share *s, *other;
	char level[40];
	size_t i;
	int rc = 0;

	for (i = 0; i < before->count && !rc; i++) {
		s = &before->items[i];
		other = share_find(after, s);
		if (!other) {
			rc = words_add(w, "removed", s, level_of(s));
		} else if (s->manage != other->manage) {
			snprintf(level, sizeof(level), "%s, was %s",
				 level_of(other), level_of(s));
			rc = words_add(w, "changed", s, level);
		}
	}
	for (i = 0; i < after->count && !rc; i++) {
		s = &after->items[i];
		if (!share_find(before, s))
			rc = words_add(w, "added", s, level_of(s));
	}
	return rc ? rc : words_flush(w);
}

/* ---- changing it ---- */

/* Within a transaction.  *changed: whether there is anything to commit. */
static int
shares_write(struct store_conn *c, const struct connect_who *who,
	     const struct front_row *r, int64_t if_match,
	     const struct connect_shares *to, struct arena *arena,
	     struct connect_shares *out, size_t *bad, bool *changed)
{
	struct connect_shares before = { 0 };
	struct change_words w = { .c = c, .who = who, .row = r };
	int64_t guarded = 0;
	int rc;

	buf_init(&w.text, 2 * AUDIT_DETAIL_MAX);
	out->version = if_match ? if_match : r->info.version;
	rc = store_exec(c, &guarded,
			"UPDATE connections SET updated_at = ?2, version = "
			"version + 1 WHERE id = ?1 AND version = ?3",
			"sii", r->info.id, clock_wall_ms(), out->version);
	if (!rc && !guarded)
		rc = ERR_CONFLICT;
	if (!rc)
		rc = people_shares_list(c, r->info.id, arena, &before.items,
					&before.count);
	if (!rc)
		rc = people_shares_set(c, r->org, r->info.id,
				       who->actor->member, to->items, to->count,
				       bad);
	if (!rc)
		rc = people_shares_list(c, r->info.id, arena, &out->items,
					&out->count);
	if (!rc)
		rc = change_audit(&w, &before, out);
	buf_release(&w.text);
	*changed = w.any;
	if (w.any)
		out->version++;
	else
		*out = (struct connect_shares){ before.items, before.count,
						out->version };
	return rc;
}

int
connect_front_shares_set(struct connect_front *f, struct store_conn *c,
			 const struct connect_who *who, const char *link,
			 int64_t if_match, const struct connect_shares *to,
			 struct arena *arena, struct connect_shares *out,
			 struct connect_problem *p)
{
	struct json_problem jp = { 0 };
	struct front_row r;
	bool changed = false;
	char at[64];
	size_t bad = 0;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = front_row_load(f, c, who, link, PEOPLE_CONNECTION_MANAGE, arena,
			    &r, p);
	if (rc)
		goto out;
	rc = store_begin(c);
	if (!rc)
		rc = shares_write(c, who, &r, if_match, to, arena, out, &bad,
				  &changed);
	if (!rc && changed)
		rc = store_commit(c);
	if (rc || !changed)
		store_rollback(c);
	if (rc == ERR_NOT_FOUND) {
		snprintf(at, sizeof(at), "/items/%zu/subject", bad);
		json_problem_set(&jp, at, "there is no such member or team");
		rc = front_fail_json(p, &jp);
	} else if (rc) {
		front_fail_store(p, c, rc);
	}
	connect_views_withdraw(f->views, r.info.id);
out:
	front_row_release(&r);
	return rc;
}
