/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consent, as far as it touches a browser: tickets, the page with the
 * Connect button, and the way to the provider.  front_callback.c is the way
 * back.
 *
 *   authorize   a ticket: 256 random bits, its hash is stored
 *   page        looks at it, spends nothing (link previews do that)
 *   press       spends it; a state is made, bound to this browser by a
 *               cookie and to this connection by the row; the PKCE verifier
 *               is the keeper's and never comes here; where the browser is to
 *               come back to, front_redirect.c says
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/front_priv.h"
#include "http/http.h"

int
front_not_disabled(const struct front_row *r, struct connect_problem *p)
{
	if (r->info.status != CONNECT_DISABLED)
		return 0;
	return connect_fail(p, ERR_WRONG_STATE, CONNECT_P_DISABLED,
			    "Enable it first.",
			    "The connection \"%s\" is disabled.", r->info.name);
}

/* ---- tickets ---- */

static int
ticket_store(struct store_conn *c, const struct connect_who *who,
	     const struct front_row *r, const struct connect_visit *v,
	     const char *token, int64_t expires_at)
{
	const char *subject = "";
	unsigned char hash[PEOPLE_HASH_SIZE];
	struct slice session = SLICE_NONE;

	people_token_hash(slice_str(token), hash);
	if (v) {
		subject = v->subject;
		if (v->visitor)
			session = slice_of(v->visitor, PEOPLE_HASH_SIZE);
	} else if (r->info.per_user) {
		subject = who->actor->member;
		if (who->session)
			session = slice_of(who->session, PEOPLE_HASH_SIZE);
	}
	return store_exec(
		c, NULL,
		"INSERT INTO connect_tickets (hash, org, connection, subject, "
		"session, created_by, created_at, expires_at, conversation, "
		"made_with) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
		"bsssbsiiss", slice_of(hash, sizeof(hash)), r->org, r->info.id,
		subject, session, v ? v->member : who->actor->member,
		clock_wall_ms(), expires_at, v ? v->conversation : "",
		v ? "" : who->actor->key);
}

int
front_ticket_make(struct connect_front *f, struct store_conn *c,
		  const struct connect_who *who, const struct front_row *r,
		  const struct connect_visit *v, struct arena *arena,
		  struct connect_ticket *out, struct connect_problem *p)
{
	char token[RANDOM_TOKEN_SIZE];
	int rc;

	random_token(token);
	out->expires_at = clock_wall_ms() + CONNECT_TICKET_LIFE_S * 1000;
	out->url = arena_printf(arena, "%s/connect/%s", f->public_url, token);
	rc = out->url ? store_begin(c) : ERR_NOMEM;
	if (!rc && v) /* one at a time */
		rc = store_exec(c, NULL,
				"DELETE FROM connect_tickets WHERE "
				"conversation = ?1",
				"s", v->conversation);
	if (!rc)
		rc = ticket_store(c, who, r, v, token, out->expires_at);
	/* A visitor changes nothing of the connection's, and there may be very
	 * many of them. */
	if (!rc && who->actor)
		rc = front_audit(c, who, r->org, "connection.authorize",
				 r->info.id, r->info.name, NULL);
	if (!rc)
		rc = store_commit(c);
	secret_wipe(token, sizeof(token));
	if (rc) {
		store_rollback(c);
		front_fail_store(p, c, rc);
	}
	return rc;
}

/* Only consent goes through a browser; and there must be an app for it. */
int
front_authorize_check(struct connect_front *f, struct store_conn *c,
		      const struct front_row *r, struct connect_problem *p)
{
	struct store_stmt *st = NULL;
	struct binding *b = NULL;
	int rc = front_row_bind(f, r, &b, p);

	if (!rc && b->kind != CATALOG_OAUTH2_CODE)
		rc = connect_fail(p, ERR_UNSUPPORTED, CONNECT_P_WRONG_METHOD,
				  "Replace its credentials instead.",
				  "This connection is not made by consent.");
	if (!rc)
		rc = store_query(c, &st,
				 "SELECT 1 FROM oauth_apps WHERE org = ?1 "
				 "AND app = ?2 AND data_centre IN ('', ?3)",
				 "sss", r->org, b->app_id,
				 b->data_centre ? b->data_centre : "");
	if (!rc && st && store_step(st) != 1)
		rc = connect_fail(p, ERR_NOT_FOUND, CONNECT_P_APP_MISSING,
				  "Register an OAuth app with the provider and "
				  "set its client id and secret.",
				  "The service has no OAuth app yet.");
	store_done(st);
	binding_free(b);
	return rc;
}

/* Whether the browser is one where this member is signed in. */
static bool
member_is_signed_in(struct store_conn *c, const struct connect_who *who,
		    const char *member)
{
	struct people_actor *a = NULL;
	bool same;

	if (!who->session || !member[0] ||
	    people_session_find(c, who->session, &a))
		return false;
	same = !strcmp(a->member, member);
	people_actor_unref(a);
	return same;
}

int
connect_front_authorize(struct connect_front *f, struct store_conn *c,
			const struct connect_who *who, const char *link,
			struct arena *arena, struct connect_ticket *out,
			struct connect_problem *p)
{
	struct people_object o = { 0 };
	struct front_row r;
	int rc;

	rc = front_row_load(f, c, who, link, PEOPLE_CONNECTION_USE, arena, &r,
			    p);
	o.member = r.info.owner;
	o.sharing = &r.sharing;
	if (!rc && !r.info.per_user)
		rc = front_may(c, who, PEOPLE_CONNECTION_MANAGE, &o, r.info.id,
			       p);
	else if (!rc && !member_is_signed_in(c, who, who->actor->member))
		rc = connect_fail(p, ERR_FORBIDDEN, CONNECT_P_FORBIDDEN,
				  "Sign in, and press Connect there.",
				  "Each user connects this one in a session of "
				  "his own; a key has none.");
	if (!rc)
		rc = front_not_disabled(&r, p);
	if (!rc)
		rc = front_authorize_check(f, c, &r, p);
	if (!rc)
		rc = front_ticket_make(f, c, who, &r, NULL, arena, out, p);
	front_row_release(&r);
	return rc;
}

/* ---- looking at one ---- */

struct ticket {
	unsigned char hash[PEOPLE_HASH_SIZE];
	char connection[CONNECT_ID_SIZE];
	char subject[64];
	char created_by[CONNECT_ID_SIZE];
	char made_with[CONNECT_ID_SIZE];    /* an API key; "" */
	char conversation[CONNECT_ID_SIZE]; /* "" */
	int64_t expires_at;
};

static int
ticket_wants_member(struct connect_problem *p)
{
	return connect_fail(
		p, ERR_FORBIDDEN, CONNECT_P_FORBIDDEN,
		"Sign in to Drawbridge in this browser, and open the "
		"link again.",
		"The link is for the member who asked for it, in a "
		"browser in which he is signed in.");
}

static int
ticket_refuse(struct connect_problem *p)
{
	return connect_fail(p, ERR_NOT_FOUND, CONNECT_P_TICKET_NOT_FOUND,
			    "Ask for a new link, or press Connect again where "
			    "you did.",
			    "The link has been used already, is older than %d "
			    "minutes, or is for another browser.",
			    CONNECT_TICKET_LIFE_S / 60);
}

/*
 * A grant of somebody's own is made in the browser that asked for it alone,
 * or else one could collect another's consent:
 *
 *   a member's     the session that asked, while it lasts
 *   a visitor's    the browser that has the cookie of his ticket
 *   a member's, in a conversation that he began
 *                  any browser in which he is signed in
 */
static bool
ticket_is_for(struct store_conn *c, const struct connect_who *who,
	      const struct ticket *t, const unsigned char *bound)
{
	const unsigned char *has =
		t->conversation[0] ? who->visitor : who->session;

	if (!t->subject[0])
		return true; /* the connection's own: a link to hand on */
	if (t->conversation[0] && !bound)
		return member_is_signed_in(c, who, t->created_by);
	return bound && has && secret_eq_bytes(bound, has, PEOPLE_HASH_SIZE) &&
	       (t->conversation[0] || member_is_signed_in(c, who, t->subject));
}

static int
ticket_find(struct store_conn *c, const struct connect_who *who,
	    struct slice token, struct ticket *out, struct connect_problem *p)
{
	unsigned char bound[PEOPLE_HASH_SIZE];
	struct store_stmt *st = NULL;
	bool has_bound = false;
	int rc = ERR_NOT_FOUND;

	memset(out, 0, sizeof(*out));
	people_token_hash(token, out->hash);
	if (store_query(c, &st,
			"SELECT connection, subject, created_by, expires_at, "
			"conversation, session, made_with FROM "
			"connect_tickets WHERE "
			"hash = ?1 AND used_at <= 0 AND expires_at > ?2 AND "
			"expires_at <= ?3",
			"bii", slice_of(out->hash, sizeof(out->hash)),
			clock_wall_ms(),
			clock_wrong_after_ms(CONNECT_TICKET_LIFE_S * 1000)))
		return ticket_refuse(p);
	if (store_step(st) == 1) {
		slice_copy(store_col(st, 0), out->connection,
			   sizeof(out->connection));
		slice_copy(store_col(st, 1), out->subject,
			   sizeof(out->subject));
		slice_copy(store_col(st, 2), out->created_by,
			   sizeof(out->created_by));
		out->expires_at = store_col_int(st, 3);
		slice_copy(store_col(st, 4), out->conversation,
			   sizeof(out->conversation));
		has_bound = store_col(st, 5).len == sizeof(bound);
		if (has_bound)
			memcpy(bound, store_col(st, 5).ptr, sizeof(bound));
		slice_copy(store_col(st, 6), out->made_with,
			   sizeof(out->made_with));
		rc = 0;
	}
	store_done(st);
	if (rc)
		return ticket_refuse(p);
	if (ticket_is_for(c, who, out, has_bound ? bound : NULL))
		return 0;
	return out->conversation[0] && !has_bound ? ticket_wants_member(p)
						  : ticket_refuse(p);
}

/* The connection that a ticket is for, while its maker may connect it. */
static int
ticket_row(struct store_conn *c, const struct ticket *t, struct arena *arena,
	   struct front_row *r, struct connect_problem *p)
{
	int rc = front_row_load_id(c, t->connection, false, arena, r);

	if (rc)
		return front_fail_store(p, c, rc);
	return t->conversation[0]
		       ? 0
		       : front_maker_may(c, r, t->subject, t->created_by,
					 t->made_with, p);
}

static void
about_copy(const struct ticket *t, struct connect_about *out)
{
	memcpy(out->connection, t->connection, sizeof(out->connection));
	memcpy(out->conversation, t->conversation, sizeof(out->conversation));
}

int
connect_front_about(struct store_conn *c, const struct connect_who *who,
		    struct slice ticket, struct connect_about *out,
		    struct connect_problem *p)
{
	struct ticket t;
	int rc = ticket_find(c, who, ticket, &t, p);

	about_copy(&t, out);
	return rc;
}

/* ---- the page ---- */

static void
page_scopes_add(const struct service *s, bool second,
		const struct connect_texts *asked, struct arena *arena,
		struct connect_page *out)
{
	struct connect_page_scope *scope;
	struct catalog_suggestion seen;
	size_t i;

	for (i = 0; i < asked->count; i++) {
		catalog_scope_suggest(s, second, slice_str(asked->items[i]),
				      &seen);
		scope = &out->scopes[out->scope_count++];
		scope->name = asked->items[i];
		if (seen.known && seen.scope && seen.scope->description)
			scope->description =
				arena_strdup(arena, seen.scope->description);
		if (!scope->description)
			scope->description = "";
	}
}

static int
page_scopes(const struct service *s, const struct binding *b,
	    const struct front_row *r, struct arena *arena,
	    struct connect_page *out)
{
	out->scopes =
		arena_alloc(arena, (r->scopes.count + r->second_scopes.count +
				    1) * sizeof(*out->scopes));
	if (!out->scopes)
		return ERR_NOMEM;
	if (catalog_method_asks(b->method, false))
		page_scopes_add(s, false, &r->scopes, arena, out);
	if (catalog_method_asks(b->method, true))
		page_scopes_add(s, true, &r->second_scopes, arena, out);
	return 0;
}

static const char *
member_name(struct store_conn *c, const char *id, struct arena *arena)
{
	struct store_stmt *st = NULL;
	const char *name = "";

	if (!store_query(c, &st, "SELECT name FROM members WHERE id = ?1", "s",
			 id) &&
	    store_step(st) == 1)
		name = arena_slice(arena, store_col(st, 0));
	store_done(st);
	return name ? name : "";
}

static int
page_fill(struct connect_front *f, const struct front_row *r,
	  struct arena *arena, struct connect_page *out,
	  struct connect_problem *p)
{
	struct catalog *catalog = connect_front_catalog(f);
	const struct service *s =
		catalog_find(catalog, r->org, r->info.service);
	struct binding *b = NULL;
	struct http_url url;
	int rc = front_row_bind(f, r, &b, p);

	if (!rc && (!s || !b->method->authorize || !b->authorize_url ||
		    http_url_parse(slice_str(b->authorize_url), &url, NULL)))
		rc = connect_fail(p, ERR_INVALID, CONNECT_P_INTERNAL, NULL,
				  "The service has no consent page.");
	if (!rc) {
		out->connection = r->info.name;
		out->link = arena_strdup(arena, r->info.link);
		out->service = arena_strdup(arena, s->name);
		out->method = arena_strdup(arena, b->method->name);
		out->host = arena_strdup(arena, url.host);
		out->reconnect = r->info.status == CONNECT_CONNECTED &&
				 !r->info.per_user;
		rc = page_scopes(s, b, r, arena, out);
	}
	binding_free(b);
	catalog_unref(catalog);
	return rc;
}

int
connect_front_page(struct connect_front *f, struct store_conn *c,
		   const struct connect_who *who, struct slice token,
		   struct arena *arena, struct connect_page *out,
		   struct connect_problem *p)
{
	struct front_row r = { 0 };
	struct ticket t;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = ticket_find(c, who, token, &t, p);
	if (rc)
		return rc;
	rc = ticket_row(c, &t, arena, &r, p);
	if (!rc)
		rc = page_fill(f, &r, arena, out, p);
	if (!rc) {
		out->asked_by = member_name(c, t.created_by, arena);
		out->expires_at = t.expires_at;
		about_copy(&t, &out->about);
	}
	front_row_release(&r);
	return rc;
}

/* ---- the button ---- */

/* Name=value behind the URL so far. */
static void
put_query(struct buf *url, const struct binding *b, const char *name,
	  const char *value)
{
	size_t i;

	for (i = 0; i < b->method->rename.count; i++)
		if (!strcmp(b->method->rename.items[i].name, name)) {
			name = b->method->rename.items[i].value;
			break;
		}
	if (!value || !value[0])
		return;
	buf_putc(url, memchr(url->data, '?', url->len) ? '&' : '?');
	codec_percent(url, slice_str(name));
	buf_putc(url, '=');
	codec_percent(url, slice_str(value));
}

/* RFC 6749 4.1.1, RFC 7636 4.3. */
static const char *
authorize_url(const struct binding *b, const struct connect_msg_begun *begun,
	      const struct connect_msg_begin *begin, const char *second,
	      const char *state, struct arena *arena)
{
	const struct catalog_authorize *a = b->method->authorize;
	struct buf url;
	char *out = NULL;
	size_t i;

	buf_init(&url, 16 * 1024);
	buf_puts(&url, b->authorize_url);
	put_query(&url, b, "response_type", "code");
	put_query(&url, b, "client_id", begun->client_id);
	put_query(&url, b, "redirect_uri", begin->redirect_uri);
	put_query(&url, b, a->scope_parameter ? a->scope_parameter : "scope",
		  begin->scope);
	if (a->second_scope_parameter)
		put_query(&url, b, a->second_scope_parameter, second);
	put_query(&url, b, "state", state);
	if (begun->challenge[0]) {
		put_query(&url, b, "code_challenge", begun->challenge);
		put_query(&url, b, "code_challenge_method", "S256");
	}
	for (i = 0; i < b->authorize_parameters.count; i++)
		put_query(&url, b, b->authorize_parameters.items[i].name,
			  b->authorize_parameters.items[i].value);
	if (buf_cstr(&url))
		out = arena_strdup(arena, buf_cstr(&url));
	buf_release(&url);
	return out;
}

/* Spends the ticket and stores the state, or neither. */
static int
press_store(struct store_conn *c, const struct ticket *t,
	    const struct front_row *r, const struct connect_msg_begin *m,
	    struct slice browser)
{
	unsigned char hash[PEOPLE_HASH_SIZE];
	struct slice state = slice_of(m->state, sizeof(m->state));
	char whom[FRONT_WHOM_SIZE];
	int64_t now = clock_wall_ms(), spent = 0;
	struct buf scopes;
	int rc = store_begin(c);

	buf_init(&scopes, 2 * FRONT_ROW_JSON_MAX);
	people_token_hash(browser, hash);
	front_issuer_whom(m->binding, whom);
	if (!rc)
		rc = store_exec(c, &spent,
				"UPDATE connect_tickets SET used_at = ?2 "
				"WHERE hash = ?1 AND used_at <= 0",
				"bi", slice_of(t->hash, sizeof(t->hash)), now);
	if (!rc && !spent)
		rc = ERR_NOT_FOUND; /* pressed twice at once */
	if (!rc)
		rc = front_asked_json(r, whom, &scopes);
	if (!rc)
		rc = store_exec(
			c, NULL,
			"INSERT INTO oauth_states (hash, org, connection, "
			"subject, browser, created_by, scopes, redirect_uri, "
			"created_at, expires_at, conversation, made_with) "
			"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
			"?12)",
			"bsssbslsiiss", state, r->org, r->info.id, t->subject,
			slice_of(hash, sizeof(hash)), t->created_by,
			buf_slice(&scopes), m->redirect_uri, now,
			now + CONNECT_STATE_LIFE_S * 1000, t->conversation,
			t->made_with);
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	buf_release(&scopes);
	return rc;
}

/* Both lists, each as it goes into its parameter. */
static int
press_scopes(const struct front_row *r, struct connect_msg_begin *m,
	     char second[CONNECT_SCOPES_SIZE], struct connect_problem *p)
{
	int rc = front_scope_join(m->binding, false, &r->scopes, m->scope,
				  sizeof(m->scope));

	if (!rc)
		rc = front_scope_join(m->binding, true, &r->second_scopes,
				      second, CONNECT_SCOPES_SIZE);
	return rc ? connect_fail(p, rc, CONNECT_P_INVALID, NULL,
				 "There are too many scopes.")
		  : 0;
}

static int
press_begin(struct connect_front *f, const struct ticket *t,
	    const struct front_row *r, struct connect_msg_begin *m,
	    const char *state, struct connect_msg_begun *begun,
	    struct connect_problem *p)
{
	struct secret *reply = NULL;
	struct proc_pack *body;
	struct proc_unpack u;
	int rc = front_redirect_uri(f, m->binding->service, m->redirect_uri, p);

	if (rc)
		return rc;
	snprintf(m->who.org, sizeof(m->who.org), "%s", r->org);
	snprintf(m->who.connection, sizeof(m->who.connection), "%s",
		 r->info.id);
	snprintf(m->who.subject, sizeof(m->who.subject), "%s", t->subject);
	people_token_hash(slice_str(state), m->state);
	m->life_s = CONNECT_STATE_LIFE_S;
	body = proc_pack_new();
	connect_msg_begin_pack(m, body);
	rc = front_ask(f, CONNECT_KEEPER_CONSENT_BEGIN, body, CONNECT_QUICK_MS,
		       &reply, p, NULL);
	if (!rc) {
		u = proc_unpack_from(reply);
		rc = connect_msg_begun_unpack(&u, begun);
		if (rc)
			connect_fail(p, rc, CONNECT_P_INTERNAL, NULL,
				     "The keeper's answer was damaged.");
	}
	secret_free(reply);
	return rc;
}

static int
press_row(struct connect_front *f, struct store_conn *c, const struct ticket *t,
	  const struct front_row *r, struct slice browser, struct arena *arena,
	  const char **url, struct connect_problem *p)
{
	struct connect_msg_begin *m = calloc(1, sizeof(*m));
	char second[CONNECT_SCOPES_SIZE], state[RANDOM_TOKEN_SIZE];
	struct connect_msg_begun begun = { 0 };
	int rc = m ? front_row_bind(f, r, &m->binding, p) : ERR_NOMEM;

	if (!m)
		return front_fail_store(p, c, rc);
	random_token(state);
	if (!rc && !m->binding->method->authorize)
		rc = connect_fail(p, ERR_UNSUPPORTED, CONNECT_P_WRONG_METHOD,
				  NULL,
				  "This connection is not made by consent.");
	if (!rc)
		rc = press_scopes(r, m, second, p);
	if (!rc)
		rc = press_begin(f, t, r, m, state, &begun, p);
	if (!rc) {
		*url = authorize_url(m->binding, &begun, m, second, state,
				     arena);
		if (!*url)
			rc = connect_fail(
				p, ERR_TOO_LARGE, CONNECT_P_INTERNAL, NULL,
				"The provider's URL became too long.");
	}
	if (!rc) { /* nothing may fail behind this: the ticket is spent */
		rc = press_store(c, t, r, m, browser);
		if (rc)
			rc = rc == ERR_NOT_FOUND ? ticket_refuse(p)
						 : front_fail_store(p, c, rc);
	}
	connect_msg_begin_release(m);
	free(m);
	return rc;
}

int
connect_front_press(struct connect_front *f, struct store_conn *c,
		    const struct connect_who *who, struct slice token,
		    struct slice browser, struct arena *arena, const char **url,
		    struct connect_problem *p)
{
	struct front_row r = { 0 };
	struct ticket t;
	int rc;

	*url = NULL;
	rc = ticket_find(c, who, token, &t, p);
	if (rc)
		return rc;
	rc = ticket_row(c, &t, arena, &r, p);
	if (!rc)
		rc = front_not_disabled(&r, p);
	if (!rc)
		rc = press_row(f, c, &t, &r, browser, arena, url, p);
	front_row_release(&r);
	return rc;
}
