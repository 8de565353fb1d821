/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The provider sends the browser back.
 *
 *   query read -> state found -> this browser? -> state spent ->
 *   its own redirect URI? -> may who asked still? -> expired? -> iss ->
 *   error? -> code and captures to the keeper -> connected
 *
 * The state is spent before anything is sent, so that a callback that comes
 * twice does nothing the second time.  Each way it can fail ends in a
 * sentence for the person in front of the browser and in the connection's
 * own reason.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/front_priv.h"
#include "http/http.h"

enum { VALUE_MAX = 4096 };

/* What came back, decoded. */
struct callback {
	char state[128];
	char error[128];
	char description[256];
	char issuer[512];
	bool has_issuer;
	struct secret *code;
};

/* ---- the query ---- */

/* RFC 6749 3.1: parameters must not come twice. */
static int
query_value(struct slice query, const char *wanted, struct buf *out)
{
	struct slice name, value;
	struct buf decoded;
	int found = 0, rc = 0;

	buf_reset(out);
	buf_init(&decoded, VALUE_MAX);
	while (!rc && http_query_next(&query, &name, &value)) {
		buf_reset(&decoded);
		rc = codec_percent_decode(&decoded, name, true);
		if (rc || !slice_eq(buf_slice(&decoded), slice_str(wanted)))
			continue;
		if (found++)
			rc = ERR_INVALID;
		else
			rc = codec_percent_decode(out, value, true);
	}
	buf_release(&decoded);
	return rc ? rc : found ? 0 : ERR_NOT_FOUND;
}

static int
query_text(struct slice query, const char *wanted, char *out, size_t size)
{
	struct buf value;
	int rc;

	out[0] = '\0';
	buf_init(&value, VALUE_MAX);
	rc = query_value(query, wanted, &value);
	if (!rc && slice_has_control(buf_slice(&value)))
		rc = ERR_INVALID;
	if (!rc)
		rc = slice_copy(buf_slice(&value), out, size);
	buf_wipe(&value);
	return rc;
}

/* Words of the provider's, for people: cut, not refused, if too long. */
static void
query_words(struct slice query, const char *wanted, char *out, size_t size)
{
	struct buf value;
	struct slice s;

	out[0] = '\0';
	buf_init(&value, VALUE_MAX);
	if (!query_value(query, wanted, &value)) {
		s = slice_head(buf_slice(&value), size - 1);
		if (!slice_has_control(s)) {
			slice_copy(s, out, size);
			slice_mend_utf8(out);
		}
		if (!slice_is_utf8(slice_str(out)))
			out[0] = '\0';
	}
	buf_release(&value);
}

static int
callback_read(struct slice query, struct callback *out)
{
	struct buf code;
	int rc, rc_code;

	memset(out, 0, sizeof(*out));
	if (query.len > CONNECT_QUERY_MAX)
		return ERR_TOO_LARGE;
	rc = query_text(query, "state", out->state, sizeof(out->state));
	if (rc)
		return rc;
	rc = query_text(query, "error", out->error, sizeof(out->error));
	if (rc && rc != ERR_NOT_FOUND)
		return rc;
	query_words(query, "error_description", out->description,
		    sizeof(out->description));
	rc = query_text(query, "iss", out->issuer, sizeof(out->issuer));
	if (rc && rc != ERR_NOT_FOUND)
		return rc;
	out->has_issuer = !rc;
	buf_init(&code, VALUE_MAX);
	rc_code = query_value(query, "code", &code);
	if (!rc_code && code.len) {
		out->code = secret_from(code.data, code.len);
		rc_code = out->code ? 0 : ERR_NOMEM;
	}
	buf_wipe(&code);
	method_words_redact(out->error, sizeof(out->error), out->code);
	method_words_redact(out->description, sizeof(out->description),
			    out->code);
	return rc_code == ERR_NOT_FOUND ? 0 : rc_code;
}

/* ---- the state ---- */

struct state {
	unsigned char hash[PEOPLE_HASH_SIZE];
	char connection[CONNECT_ID_SIZE];
	char subject[64];
	char conversation[CONNECT_ID_SIZE]; /* "" */
	char created_by[CONNECT_ID_SIZE];   /* a member; "": a visitor's */
	char made_with[CONNECT_ID_SIZE];    /* his API key; "" */
	/* as asked for; in the arena */
	struct connect_texts scopes, second_scopes;
	char whom[FRONT_WHOM_SIZE];
	bool this_browser, this_address, expired;
};

static int
state_find(const struct connect_front *f, struct store_conn *c,
	   const char *state, const struct connect_back *back,
	   struct arena *arena, struct state *out)
{
	char redirect_uri[CONNECT_URL_SIZE];
	unsigned char hash[PEOPLE_HASH_SIZE];
	struct store_stmt *st = NULL;
	struct slice stored;
	int rc;

	memset(out, 0, sizeof(*out));
	people_token_hash(slice_str(state), out->hash);
	people_token_hash(back->browser, hash);
	rc = store_query(c, &st,
			 "SELECT connection, subject, scopes, browser, "
			 "expires_at, conversation, created_by, made_with, "
			 "redirect_uri FROM oauth_states WHERE hash = ?1",
			 "b", slice_of(out->hash, sizeof(out->hash)));
	if (rc)
		return rc;
	rc = store_step(st);
	rc = rc == 0 ? ERR_NOT_FOUND : rc < 0 ? rc : 0;
	if (!rc) {
		slice_copy(store_col(st, 0), out->connection,
			   sizeof(out->connection));
		slice_copy(store_col(st, 1), out->subject,
			   sizeof(out->subject));
		rc = front_asked_of_json(store_col(st, 2), arena, &out->scopes,
					 &out->second_scopes, out->whom);
		stored = store_col(st, 3);
		out->this_browser =
			back->browser.len && stored.len == sizeof(hash) &&
			secret_eq_bytes(stored.ptr, hash, sizeof(hash));
		out->expired = !clock_is_to_come(store_col_int(st, 4),
						 CONNECT_STATE_LIFE_S * 1000);
		slice_copy(store_col(st, 5), out->conversation,
			   sizeof(out->conversation));
		slice_copy(store_col(st, 6), out->created_by,
			   sizeof(out->created_by));
		slice_copy(store_col(st, 7), out->made_with,
			   sizeof(out->made_with));
		slice_copy(store_col(st, 8), redirect_uri,
			   sizeof(redirect_uri));
		out->this_address =
			front_redirect_is_at(f, redirect_uri, back->service);
	}
	store_done(st);
	return rc;
}

/* Two callbacks at once: one of them changes the row.  Below zero: noted as
 * never finished (front_unfinished.c). */
static int
state_spend(struct store_conn *c, const struct state *s,
	    struct connect_problem *p)
{
	int64_t changed;
	int rc = store_exec(c, &changed,
			    "UPDATE oauth_states SET used_at = ?2 "
			    "WHERE hash = ?1 AND used_at <= 0",
			    "bi", slice_of(s->hash, sizeof(s->hash)),
			    clock_wall_ms());

	if (rc)
		return front_fail_store(p, c, rc);
	if (changed)
		return 0;
	return connect_fail(p, ERR_WRONG_STATE, CONNECT_P_CONSENT_FAILED,
			    "Look at the connection: it may be connected "
			    "already.",
			    "This consent has been used already.");
}

/* A conversation's is known to nobody when all is over: then the
 * conversation may go, too. */
static void
state_end(struct store_conn *c, const struct state *s)
{
	if (s->conversation[0])
		store_exec(c, NULL, "DELETE FROM oauth_states WHERE hash = ?1",
			   "b", slice_of(s->hash, sizeof(s->hash)));
}

/* ---- refusals ---- */

static const struct {
	const char *error; /* RFC 6749 4.1.2.1 */
	enum connect_problem_id which;
	const char *text;
	const char *hint;
} refusals[] = {
	{ "access_denied", CONNECT_P_CONSENT_DENIED,
	  "Consent was refused at the provider.",
	  "Press Connect again, and Accept there, to connect." },
	{ "invalid_scope", CONNECT_P_CONSENT_FAILED,
	  "The provider does not know one of the scopes, or does not give it "
	  "to this app.",
	  "Edit the connection's scopes, or the app's permissions at the "
	  "provider." },
	{ "unauthorized_client", CONNECT_P_CONSENT_FAILED,
	  "The provider does not let this OAuth app ask for consent.",
	  "Check the OAuth app's registration at the provider." },
	{ "temporarily_unavailable", CONNECT_P_CONSENT_FAILED,
	  "The provider is not available at the moment.", "Try again later." },
	{ "server_error", CONNECT_P_CONSENT_FAILED,
	  "The provider had an error of its own.", "Try again later." },
};

static int
callback_refused(const struct callback *cb, struct connect_problem *p)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(refusals); i++)
		if (!strcmp(refusals[i].error, cb->error))
			return connect_fail(
				p, ERR_FORBIDDEN, refusals[i].which,
				refusals[i].hint, "%s%s%s", refusals[i].text,
				cb->description[0] ? " It says: " : "",
				cb->description);
	return connect_fail(p, ERR_FORBIDDEN, CONNECT_P_CONSENT_FAILED,
			    "Check the OAuth app and the scopes, and press "
			    "Connect again.",
			    "The provider ended the consent with \"%.60s\"%s%s",
			    cb->error, cb->description[0] ? ": " : ".",
			    cb->description);
}

/* Whoever made the browser come here, instead of where it was to come back to:
 * the code may be one that the other service's provider gave. */
static int
callback_elsewhere(struct connect_problem *p)
{
	return connect_fail(p, ERR_FORBIDDEN, CONNECT_P_CONSENT_FAILED,
			    "Compare the redirect URI at the provider with the "
			    "one that the service's OAuth app shows, and start "
			    "again. If they are the same, somebody may be "
			    "mixing up sign-in servers.",
			    "The answer came to another redirect URI than this "
			    "consent was begun with, so it was not used.");
}

/* ---- finishing ---- */

static int
finish_captures(const struct binding *b, struct slice query,
		struct connect_msg_finish *m, struct connect_problem *p)
{
	const struct catalog_capture *c;
	size_t i;
	int rc;

	for (i = 0; i < b->method->captures.count; i++) {
		c = &b->method->captures.items[i];
		if (c->from != CATALOG_FROM_CALLBACK ||
		    m->capture_count == METHOD_CAPTURES_MAX)
			continue;
		rc = query_text(query, c->field,
				m->captures[m->capture_count].value,
				sizeof(m->captures[0].value));
		if (rc == ERR_NOT_FOUND)
			continue;
		if (rc)
			return connect_fail(p, ERR_FORBIDDEN,
					    CONNECT_P_CONSENT_FAILED,
					    "Start again with Connect.",
					    "The provider's \"%s\" cannot be "
					    "used.",
					    c->field);
		m->captures[m->capture_count++].index = i;
	}
	return 0;
}

static int
finish_ask(struct connect_front *f, const struct state *s,
	   const struct binding *b, struct callback *cb, struct slice query,
	   struct connect_msg_grant *g, struct connect_problem *p)
{
	struct connect_msg_finish *m = calloc(1, sizeof(*m));
	struct secret *reply = NULL;
	struct proc_pack *body;
	struct proc_unpack u;
	int rc;

	if (!m)
		return connect_fail(p, ERR_NOMEM, CONNECT_P_INTERNAL, NULL,
				    "Out of memory.");
	memcpy(m->state, s->hash, sizeof(m->state));
	m->code = cb->code;
	cb->code = NULL;
	rc = finish_captures(b, query, m, p);
	if (!rc && b->method->authorize->hmac_parameter) {
		m->query = secret_from(query.ptr, query.len);
		if (!m->query)
			rc = connect_fail(p, ERR_NOMEM, CONNECT_P_INTERNAL,
					  NULL, "Out of memory.");
	}
	if (!rc) {
		body = proc_pack_new();
		connect_msg_finish_pack(m, body);
		rc = front_ask(f, CONNECT_KEEPER_CONSENT_FINISH, body,
			       CONNECT_CONSENT_MS, &reply, p, NULL);
	}
	if (!rc) {
		u = proc_unpack_from(reply);
		rc = connect_msg_grant_unpack(&u, g);
		if (rc)
			connect_fail(p, rc, CONNECT_P_INTERNAL, NULL,
				     "The keeper's answer was damaged.");
	}
	secret_free(reply);
	connect_msg_finish_release(m);
	free(m);
	return rc;
}

/* Why it is (still) not connected; an old grant goes on unharmed. */
static void
note_failure(struct connect_front *f, struct store_conn *c,
	     const struct connect_who *who, const struct front_row *r,
	     const struct state *s, const struct connect_problem *p)
{
	char asked[FRONT_ASKED_SIZE];
	char detail[sizeof(p->detail) + sizeof(asked) + 1];
	int rc;

	front_maker_words(c, r->org, s->created_by, asked);
	snprintf(detail, sizeof(detail), "%s%s%s", p->detail,
		 asked[0] ? " " : "", asked);
	rc = store_begin(c);
	/* What one user has refused says nothing of the connection. */
	if (!rc && !s->subject[0])
		rc = store_exec(c, NULL,
				"UPDATE connections SET reason = ?2, "
				"updated_at = ?3 WHERE id = ?1 AND status "
				"NOT IN ('connected', 'disabled')",
				"ssi", r->info.id, p->detail, clock_wall_ms());
	/* A visitor may refuse as often as he likes. */
	if (!rc && !s->conversation[0])
		rc = front_audit(c, who, r->org, "connection.connect_failed",
				 r->info.id, r->info.name, detail);
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	connect_views_withdraw(f->views, r->info.id);
}

/* Who has taken another account's place is told of that one's access, by the
 * page, the audit, and the connection's warning. */
static int
callback_connected(struct connect_front *f, struct store_conn *c,
		   const struct connect_who *who, struct front_row *r,
		   const struct state *s, const struct binding *b,
		   const struct front_former *former,
		   struct connect_msg_grant *g, struct arena *arena,
		   struct connect_consent *out, struct connect_problem *p)
{
	const char *told = arena_strdup(arena, g->warning);
	char left[CONNECT_WARNING_SIZE], asked[FRONT_ASKED_SIZE];
	char more[sizeof(left) + sizeof(asked)];
	size_t len;
	int rc;

	if (front_former_words(former, b, g->account, left, sizeof(left))) {
		len = strlen(g->warning);
		snprintf(g->warning + len, sizeof(g->warning) - len, "%s%s",
			 len ? " " : "", left);
		slice_mend_utf8(g->warning);
	}
	front_maker_words(c, r->org, s->created_by, asked);
	snprintf(more, sizeof(more), "%s%s%s", left,
		 left[0] && asked[0] ? " " : "", asked);
	rc = front_row_connected(f, c, who, b, r, s->subject,
				 "connection.connect", more, g, p);
	if (rc)
		return rc;
	step_reached("front.connected");
	out->connected = true;
	out->account = arena_strdup(arena, g->account);
	out->missing = front_scopes_missing(b, r, g, arena);
	out->left = arena_printf(arena, "%s%s%s", told ? told : "",
				 told && told[0] && left[0] ? " " : "", left);
	return 0;
}

static int
callback_run(struct connect_front *f, struct store_conn *c,
	     const struct connect_who *who, struct front_row *r,
	     const struct state *s, struct callback *cb, struct slice query,
	     struct arena *arena, struct connect_consent *out,
	     struct connect_problem *p)
{
	struct connect_msg_grant *g = calloc(1, sizeof(*g));
	struct front_former former;
	struct binding *b = NULL;
	int rc = g ? front_former_load(c, r, s->subject, &former) : ERR_NOMEM;

	if (rc) {
		free(g);
		return front_fail_store(p, c, rc);
	}
	r->scopes = s->scopes; /* they may have been edited meanwhile */
	if (s->second_scopes.items)
		r->second_scopes = s->second_scopes;
	rc = s->this_address ? 0 : callback_elsewhere(p);
	if (!rc)
		rc = front_not_disabled(r, p);
	if (!rc && !s->conversation[0])
		rc = front_maker_may(c, r, s->subject, s->created_by,
				     s->made_with, p);
	if (!rc && s->expired)
		rc = connect_fail(p, ERR_TIMEOUT, CONNECT_P_CONSENT_FAILED,
				  "Start again with Connect.",
				  "The consent took longer than %d minutes.",
				  CONNECT_STATE_LIFE_S / 60);
	if (!rc)
		rc = front_row_bind(f, r, &b, p);
	if (!rc)
		rc = front_issuer_check(b, cb->has_issuer ? cb->issuer : NULL,
					s->whom, p);
	if (!rc && cb->error[0]) {
		rc = callback_refused(cb, p);
		out->denied = !strcmp(cb->error, "access_denied");
	}
	if (!rc && !cb->code)
		rc = connect_fail(p, ERR_INVALID, CONNECT_P_CONSENT_FAILED,
				  "Start again with Connect.",
				  "The provider sent neither a code nor an "
				  "error.");
	if (!rc)
		rc = finish_ask(f, s, b, cb, query, g, p);
	if (!rc) {
		step_reached("front.granted");
		rc = callback_connected(f, c, who, r, s, b, &former, g, arena,
					out, p);
	}
	binding_free(b);
	free(g);
	return rc;
}

/* The state and its row, for the browser that has begun it alone. */
static int
callback_find(struct connect_front *f, struct store_conn *c,
	      const struct callback *cb, const struct connect_back *back,
	      struct arena *arena, struct state *s, struct front_row *r,
	      struct connect_problem *p)
{
	int rc = state_find(f, c, cb->state, back, arena, s);

	if (rc == ERR_NOT_FOUND)
		return connect_fail(
			p, ERR_INVALID, CONNECT_P_CONSENT_FAILED,
			"Start again with Connect.",
			"This address belongs to no consent that is "
			"under way.");
	if (rc)
		return front_fail_store(p, c, rc);
	/* Somebody's own has come to somebody else: whoever led him here is
	 * not to use it either. */
	if (!s->this_browser && s->subject[0])
		state_spend(c, s, p);
	if (!s->this_browser)
		return connect_fail(p, ERR_FORBIDDEN, CONNECT_P_CONSENT_FAILED,
				    "Open the link and press Connect in the "
				    "same browser.",
				    "This consent was begun in another "
				    "browser.");
	rc = front_row_load_id(c, s->connection, false, arena, r);
	if (rc == ERR_NOT_FOUND)
		return connect_fail(p, rc, CONNECT_P_CONNECTION_NOT_FOUND, NULL,
				    "The connection was deleted meanwhile.");
	return rc ? front_fail_store(p, c, rc) : 0;
}

int
connect_front_callback(struct connect_front *f, struct store_conn *c,
		       const struct connect_who *who,
		       const struct connect_back *back, struct arena *arena,
		       struct connect_consent *out, struct connect_problem *p)
{
	struct front_row r = { 0 };
	struct callback cb;
	struct state s;
	struct front_awaited awaited;
	int rc;

	*out = (struct connect_consent){ .connection = "",
					 .link = "",
					 .account = "",
					 .missing = "",
					 .left = "" };
	rc = callback_read(back->query, &cb);
	if (rc)
		rc = connect_fail(p, ERR_INVALID, CONNECT_P_CONSENT_FAILED,
				  "Start again with Connect.",
				  "The provider's answer cannot be read, or "
				  "belongs to no consent.");
	else
		rc = callback_find(f, c, &cb, back, arena, &s, &r, p);
	if (rc)
		goto out;
	out->connection = r.info.name;
	out->link = arena_strdup(arena, r.info.link);
	memcpy(out->about.connection, s.connection, sizeof(s.connection));
	memcpy(out->about.conversation, s.conversation, sizeof(s.conversation));
	rc = state_spend(c, &s, p);
	if (rc)
		goto out;
	step_reached("front.spent");
	front_await(f, &awaited, r.info.id, s.subject);
	rc = callback_run(f, c, who, &r, &s, &cb, back->query, arena, out, p);
	front_await_end(f, &awaited);
	if (rc)
		note_failure(f, c, who, &r, &s, p);
	state_end(c, &s);
out:
	secret_free(cb.code);
	front_row_release(&r);
	return rc;
}
