/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections: made, listed, looked at.
 *
 * The row comes first, then the credential goes to the keeper under the
 * row's id; when the keeper finds the credential itself wrong, the row goes
 * again, so that a refused request leaves nothing behind.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/front_priv.h"

enum { NAME_MAX_BYTES = 100, LINK_TRIES = 1000 };

/* ---- checks of what is given ---- */

int
front_name_check(const char *name, struct connect_problem *p)
{
	struct json_problem jp = { 0 };
	struct slice s = slice_str(name);

	if (s.len && s.len <= NAME_MAX_BYTES && !slice_has_control(s) &&
	    slice_is_utf8(s) && slice_trim(s).len == s.len)
		return 0;
	json_problem_set(&jp, "/name",
			 "must be 1 to %d bytes of text, without spaces at "
			 "its ends",
			 NAME_MAX_BYTES);
	return front_fail_json(p, &jp);
}

static bool
link_has_form(struct slice link)
{
	size_t i;

	if (!link.len || link.len > 50 || link.ptr[0] < 'a' ||
	    link.ptr[0] > 'z')
		return false;
	for (i = 0; i < link.len; i++)
		if (!(link.ptr[i] >= 'a' && link.ptr[i] <= 'z') &&
		    !(link.ptr[i] >= '0' && link.ptr[i] <= '9') &&
		    link.ptr[i] != '_')
			return false;
	return true;
}

static int
scopes_preset(const struct catalog_scopes *all, struct arena *arena,
	      struct connect_texts *out)
{
	size_t i;

	out->count = 0;
	out->items = arena_alloc(arena, (all->count + 1) * sizeof(char *));
	if (!out->items)
		return ERR_NOMEM;
	for (i = 0; i < all->count; i++) {
		if (!all->items[i].preset)
			continue;
		out->items[out->count] =
			arena_strdup(arena, all->items[i].name);
		if (!out->items[out->count++])
			return ERR_NOMEM;
	}
	return 0;
}

/* ---- the row ---- */

struct draft {
	struct connect_front *f;
	struct store_conn *c;
	const struct connect_who *who;
	struct connect_new *n;
	struct arena *arena;
	struct connect_problem *p;
	const struct service *service;
	struct binding *binding;
	struct connect_texts scopes, second_scopes;
	struct connect_scope_notes notes;
	char id[CONNECT_ID_SIZE];
	char link[51];
};

static int
draft_check_scopes(struct draft *d, const struct catalog_method *m)
{
	struct front_scope_reader reader = { .service = d->service,
					     .method = m,
					     .db = d->c,
					     .arena = d->arena,
					     .notes = &d->notes,
					     .problem = d->p };
	int rc = front_scopes_read(&reader, false, &d->scopes);

	return rc ? rc : front_scopes_read(&reader, true, &d->second_scopes);
}

static int
draft_check(struct draft *d)
{
	const struct catalog_method *method;
	struct connect_new *n = d->n;
	struct json_problem jp = { 0 };
	int rc = front_name_check(n->name, d->p);

	if (rc)
		return rc;
	if (n->link_name && !link_has_form(slice_str(n->link_name))) {
		json_problem_set(&jp, "/link_name",
				 "must be 1 to 50 lower-case letters, digits "
				 "and underscores, a letter first");
		return front_fail_json(d->p, &jp);
	}
	method = service_method(d->service, n->method);
	if (!method) {
		json_problem_set(&jp, "/method", "%s has no such method",
				 d->service->name);
		return front_fail_json(d->p, &jp);
	}
	d->scopes = n->scopes;
	d->second_scopes = n->second_scopes;
	if (!n->scopes.items && method->token &&
	    catalog_method_asks(method, false))
		rc = scopes_preset(&d->service->scopes, d->arena, &d->scopes);
	if (!rc && !n->second_scopes.items && method->token &&
	    catalog_method_asks(method, true))
		rc = scopes_preset(&d->service->second_scopes, d->arena,
				   &d->second_scopes);
	if (rc)
		return front_fail_store(d->p, d->c, rc);
	rc = draft_check_scopes(d, method);
	if (!rc && catalog_bind(d->service, method->id, n->parameters,
				&d->binding, &jp))
		rc = front_fail_json(d->p, &jp);
	return rc;
}

/* A credential must come with the methods that have one, and with no other;
 * what is in it is for the keeper to judge. */
static int
draft_check_credential(struct draft *d)
{
	enum catalog_kind kind = d->binding->kind;
	bool typed = kind == CATALOG_API_KEY || kind == CATALOG_BASIC ||
		     kind == CATALOG_BEARER;
	struct json_problem jp = { 0 };

	if (typed == (d->n->credential_count > 0))
		return 0;
	if (typed && d->n->per_user)
		return 0; /* each user gives his own */
	json_problem_set(&jp, "/credentials",
			 typed ? "are needed for this method: %s"
			       : "are not typed in with this method (%s)",
			 d->binding->method->name);
	return front_fail_json(d->p, &jp);
}

static bool
link_is_free(struct store_conn *c, const char *org, const char *link)
{
	struct store_stmt *st = NULL;
	bool is_free;

	if (store_query(c, &st,
			"SELECT 1 FROM connections WHERE org = ?1 "
			"AND link_name = ?2",
			"ss", org, link))
		return true; /* the insert will tell */
	is_free = store_step(st) == 0;
	store_done(st);
	return is_free;
}

/* A number behind it on a clash; a link that was asked for is not changed. */
static int
draft_link(struct draft *d)
{
	const char *org = d->who->actor->org;
	char base[51], number[16];
	int i;

	if (d->n->link_name) {
		slice_copy(slice_str(d->n->link_name), d->link,
			   sizeof(d->link));
		if (link_is_free(d->c, org, d->link))
			return 0;
		connect_fail(d->p, ERR_EXISTS, CONNECT_P_EXISTS,
			     "Choose another link name, or leave it out.",
			     "There is a connection \"%s\" already.", d->link);
		snprintf(d->p->pointer, sizeof(d->p->pointer), "/link_name");
		return ERR_EXISTS;
	}
	connect_link_of_name(slice_str(d->n->name), base);
	if (!base[0])
		connect_link_of_name(slice_str(d->service->id), base);
	slice_copy(slice_str(base), d->link, sizeof(d->link));
	for (i = 2; i < LINK_TRIES && !link_is_free(d->c, org, d->link); i++) {
		snprintf(number, sizeof(number), "_%d", i);
		snprintf(d->link, sizeof(d->link), "%.*s%s",
			 (int)(50 - strlen(number)), base, number);
	}
	return 0;
}

static int
draft_insert(struct draft *d)
{
	int64_t now = clock_wall_ms();
	struct buf scopes, second, parameters;
	int rc;

	buf_init(&scopes, 64 * 1024);
	buf_init(&second, 64 * 1024);
	buf_init(&parameters, 64 * 1024);
	rc = front_texts_json(&d->scopes, &scopes);
	if (!rc)
		rc = front_texts_json(&d->second_scopes, &second);
	if (!rc && d->n->parameters)
		rc = json_write(d->n->parameters, &parameters);
	else if (!rc)
		rc = buf_puts(&parameters, "{}");
	if (!rc)
		rc = store_exec(
			d->c, NULL,
			"INSERT INTO connections (id, org, link_name, name, "
			"service, method, status, reason, scopes_asked, "
			"second_scopes_asked, owner, parameters, per_user, "
			"created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, "
			"?6, 'not_connected', ?7, ?8, ?9, ?10, ?11, ?12, "
			"?13, ?13)",
			"sssssssllslii", d->id, d->who->actor->org, d->link,
			d->n->name, d->service->id, d->binding->method_id,
			"It was not connected yet: press Connect.",
			buf_slice(&scopes), buf_slice(&second),
			d->who->actor->member, buf_slice(&parameters),
			(int64_t)d->n->per_user, now);
	buf_release(&scopes);
	buf_release(&second);
	buf_release(&parameters);
	return rc;
}

static int
draft_store(struct draft *d)
{
	int rc = store_begin(d->c);

	random_id(d->id);
	if (!rc) {
		rc = draft_link(d);
		if (rc) {
			store_rollback(d->c);
			return rc;
		}
		rc = draft_insert(d);
	}
	if (!rc)
		rc = front_audit(d->c, d->who, d->who->actor->org,
				 "connection.create", d->id, d->n->name,
				 d->service->id);
	if (!rc)
		rc = store_commit(d->c);
	if (!rc)
		return 0;
	store_rollback(d->c);
	return front_fail_store(d->p, d->c, rc);
}

/* ---- the credential ---- */

int
front_credential_send(struct connect_front *f, const struct front_row *r,
		      const struct connect_who *who, struct binding *b,
		      struct json_secret *values, size_t count, bool untested,
		      struct connect_msg_grant *g, struct connect_problem *p)
{
	struct connect_msg_credential m = { .binding = b,
					    .untested = untested };
	struct secret *reply = NULL;
	struct proc_pack *body;
	struct proc_unpack u;
	size_t i;
	int rc = 0;

	snprintf(m.who.org, sizeof(m.who.org), "%s", r->org);
	snprintf(m.who.connection, sizeof(m.who.connection), "%s", r->info.id);
	if (r->info.per_user)
		snprintf(m.who.subject, sizeof(m.who.subject), "%s",
			 who->actor->member);
	for (i = 0; i < count && !rc; i++) {
		rc = method_credential_set(&m.fields, values[i].name,
					   values[i].value);
		values[i].value = NULL;
	}
	if (!rc && b->kind == CATALOG_OAUTH2_CLIENT_CREDENTIALS)
		rc = front_scope_join(b, false, &r->scopes, m.scope,
				      sizeof(m.scope));
	if (rc) {
		rc = connect_fail(p, ERR_TOO_LARGE, CONNECT_P_INVALID, NULL,
				  "Too many or too long values.");
	} else {
		body = proc_pack_new();
		connect_msg_credential_pack(&m, body);
		rc = front_ask(f, CONNECT_KEEPER_CREDENTIAL, body,
			       CONNECT_CONSENT_MS, &reply, p, NULL);
	}
	if (!rc) {
		u = proc_unpack_from(reply);
		rc = connect_msg_grant_unpack(&u, g);
		if (rc)
			connect_fail(p, rc, CONNECT_P_INTERNAL, NULL,
				     "The keeper's answer was damaged.");
	}
	m.binding = NULL; /* the caller's */
	connect_msg_credential_release(&m);
	secret_free(reply);
	return rc;
}

/* The keeper may have stored what it did not answer for. */
static void
draft_forget(struct draft *d)
{
	struct connect_msg_subject m = { 0 };
	struct proc_pack *body = proc_pack_new();
	struct connect_problem p;

	snprintf(m.org, sizeof(m.org), "%s", d->who->actor->org);
	snprintf(m.connection, sizeof(m.connection), "%s", d->id);
	connect_msg_subject_pack(&m, body);
	if (front_ask(d->f, CONNECT_KEEPER_FORGET, body, CONNECT_QUICK_MS, NULL,
		      &p, NULL))
		log_warn("the keeper may hold a credential of no connection",
			 LOG_S("connection", d->id));
}

/* Takes back a row whose credential was refused (err). */
static void
draft_undo(struct draft *d, int err)
{
	int rc;

	if (err != ERR_INVALID)
		draft_forget(d);
	rc = store_begin(d->c);
	if (!rc)
		rc = store_exec(d->c, NULL,
				"DELETE FROM connections WHERE id = ?1", "s",
				d->id);
	if (!rc)
		rc = front_audit(d->c, d->who, d->who->actor->org,
				 "connection.create_undone", d->id, d->n->name,
				 "its credential was refused");
	if (!rc)
		rc = store_commit(d->c);
	if (rc)
		store_rollback(d->c);
}

/* Made, but the provider refused: the row stays and says why. */
static int
draft_note(struct draft *d, const char *reason)
{
	int rc = store_exec(d->c, NULL,
			    "UPDATE connections SET reason = ?2 WHERE id = ?1",
			    "ss", d->id, reason);

	return rc ? front_fail_store(d->p, d->c, rc) : 0;
}

static int
draft_connect(struct draft *d, struct front_row *r)
{
	const char *subject = r->info.per_user ? d->who->actor->member : "";
	struct connect_msg_grant *g = calloc(1, sizeof(*g));
	struct front_awaited awaited;
	int rc;

	if (!g)
		return front_fail_store(d->p, d->c, ERR_NOMEM);
	front_await(d->f, &awaited, r->info.id, subject);
	rc = front_credential_send(d->f, r, d->who, d->binding,
				   d->n->credentials, d->n->credential_count,
				   false, g, d->p);
	if (!rc)
		rc = front_row_connected(d->f, d->c, d->who, d->binding, r,
					 subject, "connection.connect", "", g,
					 d->p);
	else if (d->binding->kind != CATALOG_OAUTH2_CLIENT_CREDENTIALS)
		draft_undo(d, rc);
	else
		rc = draft_note(d, d->p->detail);
	front_await_end(d->f, &awaited);
	free(g);
	return rc;
}

static int
draft_run(struct draft *d, struct connect_info *out)
{
	struct front_row r;
	bool at_once;
	int rc = draft_check(d);

	if (!rc)
		rc = draft_check_credential(d);
	if (!rc)
		rc = draft_store(d);
	if (rc)
		return rc;
	rc = front_row_load_id(d->c, d->id, false, d->arena, &r);
	at_once = d->binding->kind != CATALOG_OAUTH2_CODE &&
		  (d->n->credential_count || !d->n->per_user);
	if (!rc && at_once)
		rc = draft_connect(d, &r);
	else if (rc)
		front_fail_store(d->p, d->c, rc);
	front_row_release(&r);
	if (rc)
		return rc;
	connect_views_withdraw(d->f->views, d->id);
	rc = connect_front_get(d->f, d->c, d->who, d->link, d->arena, out,
			       d->p);
	out->scope_notes = d->notes;
	return rc;
}

int
connect_front_create(struct connect_front *f, struct store_conn *c,
		     const struct connect_who *who, struct connect_new *n,
		     struct arena *arena, struct connect_info *out,
		     struct connect_problem *p)
{
	struct draft d = {
		.f = f, .c = c, .who = who, .n = n, .arena = arena, .p = p
	};
	struct connect_service s = { 0 };
	size_t i;
	int rc;

	rc = front_may(c, who, PEOPLE_CONNECTION_CREATE, NULL, NULL, p);
	if (!rc)
		rc = connect_front_service(f, c, who, n->service, &s, p);
	if (rc == ERR_NOT_FOUND && p->code && !p->pointer[0]) {
		p->status = 400; /* it is a member of the body */
		snprintf(p->pointer, sizeof(p->pointer), "/service");
	}
	d.service = s.service;
	if (!rc)
		rc = draft_run(&d, out);
	binding_free(d.binding);
	if (s.catalog)
		catalog_unref(s.catalog);
	for (i = 0; i < n->credential_count; i++) {
		secret_free(n->credentials[i].value);
		n->credentials[i].value = NULL;
	}
	return rc;
}

/* ---- looking ---- */

int
connect_front_get(struct connect_front *f, struct store_conn *c,
		  const struct connect_who *who, const char *link,
		  struct arena *arena, struct connect_info *out,
		  struct connect_problem *p)
{
	struct front_row r;
	int rc;

	rc = front_row_load(f, c, who, link, PEOPLE_CONNECTION_SEE, arena, &r,
			    p);
	*out = r.info;
	front_row_release(&r);
	return rc;
}

/* One page of rows behind `after`, those that may be seen. */
static int
list_rows(struct store_conn *c, const struct connect_who *who,
	  struct store_stmt *st, struct arena *arena, size_t limit,
	  struct connect_info *out, size_t *count)
{
	struct people_object o = { 0 };
	struct front_row r;
	int rc = 0;

	while (*count < limit && (rc = store_step(st)) == 1) {
		rc = front_row_read(c, st, arena, &r);
		o.member = r.info.owner;
		o.sharing = &r.sharing;
		if (!rc &&
		    !people_may(who->actor, PEOPLE_CONNECTION_SEE, &o, NULL)) {
			r.info.may_manage = front_row_may_manage(who, &r);
			out[(*count)++] = r.info;
		}
		front_row_release(&r);
		if (rc)
			break;
	}
	return rc < 0 ? rc : 0;
}

/* What LIKE wants for "has this text in it", lower case, escaped with '!'. */
static const char *
list_pattern(struct arena *arena, const char *text)
{
	struct buf b;
	char *out;

	if (!text || !text[0])
		return "";
	buf_init(&b, 1024);
	buf_putc(&b, '%');
	for (; *text; text++) {
		if (strchr("%_!", *text))
			buf_putc(&b, '!');
		buf_putc(&b, *text >= 'A' && *text <= 'Z'
				     ? (char)(*text + ('a' - 'A'))
				     : *text);
	}
	buf_putc(&b, '%');
	out = buf_cstr(&b) ? arena_strdup(arena, buf_cstr(&b)) : NULL;
	buf_release(&b);
	return out;
}

int
connect_front_list(struct connect_front *f, struct store_conn *c,
		   const struct connect_who *who,
		   const struct connect_filter *filter, struct arena *arena,
		   struct connect_info **out, size_t *count,
		   struct connect_problem *p)
{
	struct store_stmt *st = NULL;
	const char *pattern;
	int rc;

	(void)f;
	*count = 0;
	*out = NULL;
	rc = front_may(c, who, PEOPLE_CONNECTION_LIST, NULL, NULL, p);
	if (rc)
		return rc;
	*out = arena_alloc(arena, (filter->limit + 1) * sizeof(**out));
	pattern = list_pattern(arena, filter->text);
	if (!*out || !pattern)
		rc = ERR_NOMEM;
	if (!rc)
		rc = store_query(c, &st, front_row_page, "sssssi",
				 who->actor->org,
				 filter->after ? filter->after : "",
				 filter->service ? filter->service : "",
				 filter->status ? filter->status : "", pattern,
				 front_row_soon());
	if (!rc)
		rc = list_rows(c, who, st, arena, filter->limit, *out, count);
	store_done(st);
	return rc ? front_fail_store(p, c, rc) : 0;
}
