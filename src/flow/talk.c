/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations as people have them: begin, answer, look, end.
 *
 * Runs on the front's work threads.
 */
#include <stdio.h>
#include <stdlib.h>

#include "flow/flow_priv.h"

enum { MESSAGES_MAX = 200, INPUT_MAX = 64 * 1024 };

static int
talk_unknown(struct connect_problem *p)
{
	return connect_fail(
		p, ERR_NOT_FOUND, CONNECT_P_CONVERSATION_NOT_FOUND, NULL,
		"There is no such conversation, or it is not yours.");
}

/* ---- begin ---- */

struct begin {
	struct flow_engine *e;
	struct store_conn *c;
	const struct flow_begin *b;
	struct connect_problem *p;
	struct flow_talk *talk;
	int64_t published;
};

static int
begin_find(struct begin *s)
{
	struct store_stmt *st = NULL;
	const char *org = s->b->actor ? s->b->actor->org : s->b->org;
	int rc = store_query(s->c, &st,
			     "SELECT id, org, published_version FROM flows "
			     "WHERE (id = ?1 OR link_name = ?1) AND (?2 = '' "
			     "OR org = ?2)",
			     "ss", s->b->flow, org);

	if (!rc)
		rc = store_step(st);
	if (rc == 1) {
		slice_copy(store_col(st, 0), s->talk->flow,
			   sizeof(s->talk->flow));
		slice_copy(store_col(st, 1), s->talk->org,
			   sizeof(s->talk->org));
		s->published = store_col_int(st, 2);
	}
	store_done(st);
	if (rc < 0)
		return flow_fail_store(s->p, s->c, rc);
	/* A stranger is told no more of what is not published. */
	if (!rc || (!s->b->actor && !s->published))
		return connect_fail(s->p, ERR_NOT_FOUND,
				    CONNECT_P_FLOW_NOT_FOUND, NULL,
				    "There is no flow \"%.60s\".", s->b->flow);
	if (!s->b->draft && !s->published)
		return connect_fail(s->p, ERR_WRONG_STATE,
				    CONNECT_P_NOT_PUBLISHED,
				    "Publish it, or try its draft.",
				    "The flow is not published yet.");
	return 0;
}

static int
begin_may(struct begin *s, const struct flow_document *d)
{
	struct people_actor *a = s->b->actor;
	struct connect_who who = { .actor = a };

	if (!a && !flow_widget_takes(&d->widget, s->b->origin, s->b->own))
		return connect_fail(
			s->p, ERR_FORBIDDEN, CONNECT_P_ORIGIN,
			"Add the page's origin to channels.widget of "
			"the flow, switch it on, and publish.",
			"The widget of this flow is not for this "
			"page.");
	if (!a)
		return 0;
	if (a->connections)
		return connect_fail(
			s->p, ERR_FORBIDDEN, CONNECT_P_FORBIDDEN, NULL,
			"Not allowed: this key is for its connections "
			"alone.");
	return flow_may(s->c, &who,
			s->b->draft ? PEOPLE_FLOW_CHANGE
				    : PEOPLE_CONVERSATION_START,
			NULL, s->talk->flow, s->p);
}

/* What the page or the program gives, as far as the flow declares it. */
static json_t *
begin_values(const struct begin *s, const struct flow_document *d)
{
	json_t *session = json_deep_copy(d->session_values), *value;
	const char *name;

	json_object_foreach((json_t *)(uintptr_t)s->b->session, name,
			    value) if (json_object_get(session, name))
		json_object_set(session, name, value);
	return json_pack("{s:o, s:{}, s:o, s:o}", "input",
			 s->b->input ? json_deep_copy(s->b->input)
				     : json_object(),
			 "block", "flow", json_deep_copy(d->flow_values),
			 "session", session);
}

static int
begin_insert(struct begin *s, const char *token)
{
	unsigned char hash[PEOPLE_HASH_SIZE];
	struct flow_talk *t = s->talk;

	people_token_hash(slice_str(token), hash);
	clock_settled_look();
	t->created_at = t->updated_at = clock_wall_ms();
	return store_exec(
		s->c, NULL,
		"INSERT INTO conversations (id, org, flow, flow_version, "
		"started_with, token, member, origin, state, status, "
		"created_at, updated_at, subject, started_by, draft_saved) "
		"VALUES (?1, ?2, ?3, ?4, ?3, ?5, ?6, ?7, '{}', 'waiting', ?8, "
		"?8, ?9, ?10, ?11)",
		"sssibssissi", t->id, t->org, t->flow, t->flow_version,
		slice_of(hash, sizeof(hash)), t->member, t->origin,
		t->created_at, t->subject, t->started_by, t->draft_saved);
}

static int
begin_run(struct begin *s, struct flow_document *d, const char *token)
{
	struct flow_move m = { 0 };
	int rc;

	s->talk->state = json_pack("{s:o}", "values", begin_values(s, d));
	if (!s->talk->state)
		return ERR_NOMEM;
	rc = store_begin(s->c);
	if (!rc)
		rc = begin_insert(s, token);
	if (!rc)
		rc = flow_move_init(&m, s->e, s->c, s->talk);
	if (!rc)
		rc = flow_move_store(&m, flow_run_begin(&m.run));
	flow_move_release(&m);
	if (!rc)
		rc = store_commit(s->c);
	if (rc)
		store_rollback(s->c);
	else
		step_reached("flow.begun");
	return rc;
}

static int
talk_begin(struct flow_engine *e, struct store_conn *c,
	   const struct flow_begin *b, char token[FLOW_TOKEN_SIZE],
	   struct flow_talk *out, struct connect_problem *p)
{
	struct begin s = { .e = e, .c = c, .b = b, .p = p, .talk = out };
	char random[RANDOM_TOKEN_SIZE];
	struct flow_document *d = NULL;
	struct flow_saved saved = { 0 };
	int rc;

	memset(out, 0, sizeof(*out));
	rc = begin_find(&s);
	if (rc)
		return rc;
	out->flow_version = b->draft ? 0 : s.published;
	rc = flow_talk_document(e, c, out->flow, out->flow_version, &saved, &d);
	out->draft_saved = saved.at;
	if (rc == ERR_INVALID)
		return connect_fail(p, rc, CONNECT_P_HAS_PROBLEMS,
				    "GET the flow to see them.",
				    b->draft ? "The draft has problems."
					     : "The published version has "
					       "problems.");
	if (rc)
		return flow_fail_store(p, c, rc);
	rc = begin_may(&s, d);
	if (!rc) {
		random_id(out->id);
		random_token(random);
		snprintf(token, FLOW_TOKEN_SIZE, "dbc_%s", random);
		random_token(random);
		snprintf(out->subject, sizeof(out->subject), "v_%s", random);
		secret_wipe(random, sizeof(random));
		if (b->actor)
			slice_copy(slice_str(b->actor->member), out->started_by,
				   sizeof(out->started_by));
		memcpy(out->started_with, out->flow, sizeof(out->flow));
		if (b->draft)
			slice_copy(slice_str(b->actor->member), out->member,
				   sizeof(out->member));
		slice_copy(slice_str(b->origin), out->origin,
			   sizeof(out->origin));
		rc = begin_run(&s, d, token);
		if (rc)
			flow_fail_store(p, c, rc);
	}
	flow_document_unref(d);
	return rc;
}

int
flow_talk_begin(struct flow_engine *e, struct store_conn *c,
		const struct flow_begin *b, char token[FLOW_TOKEN_SIZE],
		struct flow_talk *out, struct connect_problem *p)
{
	int rc;

	token[0] = '\0';
	rc = talk_begin(e, c, b, token, out, p);
	if (rc) { /* whose state nobody would look for */
		flow_talk_release(out);
		secret_wipe(token, FLOW_TOKEN_SIZE);
	}
	return rc;
}

/* ---- find ---- */

static bool
talk_is_seen(struct slice org, const struct people_actor *actor)
{
	return slice_eq(org, slice_str(actor->org)) &&
	       !people_may(actor, PEOPLE_CONVERSATION_SEE, NULL, NULL);
}

int
flow_talk_may_see(const struct flow_talk *t, const struct people_actor *actor)
{
	return talk_is_seen(slice_str(t->org), actor) ? 0 : ERR_NOT_FOUND;
}

int
flow_talk_find(struct store_conn *c, const char *id, const unsigned char *hash,
	       const struct people_actor *actor, struct flow_talk *out,
	       struct connect_problem *p)
{
	struct store_stmt *st = NULL;
	struct slice token;
	bool mine = false;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = store_query(c, &st,
			 "SELECT token, org FROM conversations WHERE id = ?1",
			 "s", id);
	if (!rc && (rc = store_step(st)) == 1) {
		token = store_col(st, 0);
		if (hash)
			mine = token.len == PEOPLE_HASH_SIZE &&
			       secret_eq_bytes(token.ptr, hash,
					       PEOPLE_HASH_SIZE);
		else
			mine = actor && talk_is_seen(store_col(st, 1), actor);
	}
	store_done(st);
	if (rc < 0)
		return flow_fail_store(p, c, rc);
	return mine ? flow_talk_get(c, id, out, p) : talk_unknown(p);
}

int
flow_talk_get(struct store_conn *c, const char *id, struct flow_talk *out,
	      struct connect_problem *p)
{
	int rc = flow_talk_load(c, id, out);

	if (rc == ERR_NOT_FOUND)
		return talk_unknown(p);
	return rc ? flow_fail_store(p, c, rc) : 0;
}

int
flow_talk_origin(struct store_conn *c, const char *id, char out[300])
{
	struct flow_talk t;
	int rc = flow_talk_load(c, id, &t);

	memcpy(out, t.origin, sizeof(t.origin));
	flow_talk_release(&t);
	return rc;
}

int
flow_talk_messages(struct store_conn *c, const char *id, int64_t after,
		   json_t **out, struct connect_problem *p)
{
	struct store_stmt *st = NULL;
	char at[CLOCK_TEXT_SIZE];
	json_t *content;
	int rc;

	*out = json_array();
	rc = store_query(c, &st,
			 "SELECT seq, sender, content, at FROM messages WHERE "
			 "conversation = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
			 "sii", id, after, (int64_t)MESSAGES_MAX);
	while (!rc && (rc = store_step(st)) == 1) {
		content = json_loadb(store_col(st, 2).ptr, store_col(st, 2).len,
				     JSON_ALLOW_NUL, NULL);
		clock_format(store_col_int(st, 3), at);
		json_array_append_new(
			*out,
			json_pack("{s:I, s:s%, s:o, s:s}", "seq",
				  (json_int_t)store_col_int(st, 0), "from",
				  store_col(st, 1).ptr, store_col(st, 1).len,
				  "content", content ? content : json_null(),
				  "at", at));
		rc = 0;
	}
	store_done(st);
	if (!rc)
		return 0;
	json_decref(*out);
	*out = NULL;
	return flow_fail_store(p, c, rc);
}

int
flow_talk_of_token(struct store_conn *c, const unsigned char *hash,
		   struct flow_talk *out)
{
	struct store_stmt *st = NULL;
	char id[27] = "";
	int rc;

	memset(out, 0, sizeof(*out));
	rc = store_query(c, &st,
			 "SELECT id FROM conversations WHERE token = ?1", "b",
			 slice_of(hash, PEOPLE_HASH_SIZE));
	if (!rc)
		rc = store_step(st);
	if (rc == 1)
		slice_copy(store_col(st, 0), id, sizeof(id));
	store_done(st);
	if (rc != 1)
		return rc ? rc : ERR_NOT_FOUND;
	return flow_talk_load(c, id, out);
}

/* ---- answer ---- */

/* What stands in the history; a choice by its label. */
static json_t *
answer_content(const struct flow_talk *t, const struct flow_answer *a)
{
	const json_t *list = json_object_get(flow_talk_expects(t), "choices");
	const json_t *item;
	const char *id;
	json_t *o = json_pack("{s:s}", "type", "text");
	size_t i;

	if (a->text)
		json_object_set_new(o, "text", json_string(a->text));
	if (a->value)
		json_object_set(o, "value", (json_t *)(uintptr_t)a->value);
	if (!a->choice)
		return o;
	json_object_set_new(o, "choice", json_string(a->choice));
	json_array_foreach((json_t *)(uintptr_t)list, i, item)
	{
		id = json_string_value(json_object_get(item, "id"));
		if (id && !strcmp(id, a->choice))
			json_object_set(o, "text",
					json_object_get(item, "label"));
	}
	return o;
}

static bool
same_answer(const json_t *stored, const json_t *now)
{
	static const char *const names[] = { "choice", "value", NULL };
	size_t i;

	for (i = 0; names[i]; i++)
		if (!json_object_get(stored, names[i]) !=
			    !json_object_get(now, names[i]) ||
		    (json_object_get(now, names[i]) &&
		     !json_equal(json_object_get(stored, names[i]),
				 json_object_get(now, names[i]))))
			return false;
	/* A choice's label is not known any more when it comes again. */
	return json_object_get(now, "choice") ||
	       json_equal(json_object_get(stored, "text"),
			  json_object_get(now, "text")) ||
	       (!json_object_get(stored, "text") &&
		!json_object_get(now, "text"));
}

/* 1: it was taken before; 0: it is new; ERR_EXISTS: another with this id. */
static int
answer_was_taken(struct store_conn *c, const char *id, const char *client_id,
		 const json_t *content, int64_t *before)
{
	struct store_stmt *st = NULL;
	json_t *stored;
	int rc;

	if (!client_id)
		return 0;
	rc = store_query(c, &st,
			 "SELECT seq, content FROM messages WHERE conversation "
			 "= ?1 AND client_id = ?2",
			 "ss", id, client_id);
	if (!rc)
		rc = store_step(st);
	if (rc == 1) {
		*before = store_col_int(st, 0) - 1;
		stored = json_loadb(store_col(st, 1).ptr, store_col(st, 1).len,
				    JSON_ALLOW_NUL, NULL);
		if (!same_answer(stored, content))
			rc = ERR_EXISTS;
		json_decref(stored);
	}
	store_done(st);
	return rc;
}

static int
answer_move(struct flow_engine *e, struct store_conn *c, struct flow_talk *t,
	    const struct flow_answer *a, const json_t *content,
	    const char *client_id)
{
	struct flow_move m = { 0 };
	enum flow_next next;
	int rc = flow_message_add(c, t, "visitor", content, client_id);

	if (!rc)
		rc = flow_move_init(&m, e, c, t);
	if (!rc && m.run.block < 0) {
		/* Its draft has lost the block meanwhile. */
		snprintf(m.run.problem, sizeof(m.run.problem),
			 "The block that was waiting is gone.");
		m.run.block = (int)m.run.document->start;
		next = FLOW_FAILED;
	} else if (!rc) {
		m.calls = 0;
		next = flow_run_answer(&m.run, a);
	}
	if (!rc)
		rc = flow_move_store(&m, next);
	flow_move_release(&m);
	/* The draft is another's or has errors by now, or a flow is gone. */
	if (rc == ERR_CONFLICT)
		rc = flow_move_fail(e, c, t, flow_draft_changed);
	else if (rc == ERR_INVALID || rc == ERR_NOT_FOUND)
		rc = flow_move_fail(e, c, t,
				    "The flow has changed, or is gone.");
	return rc;
}

static int
answer_refuse(struct connect_problem *p, enum flow_status status)
{
	if (status == FLOW_S_CALLING)
		return connect_fail(p, ERR_WRONG_STATE, CONNECT_P_CALLING,
				    "Wait for its messages, then answer.",
				    "The bot is still busy.");
	return connect_fail(p, ERR_WRONG_STATE, CONNECT_P_ENDED,
			    "Begin a new one.", "The conversation is over.");
}

int
flow_talk_answer(struct flow_engine *e, struct store_conn *c, const char *id,
		 const char *client_id, const struct flow_answer *a,
		 struct flow_talk *t, int64_t *before,
		 struct connect_problem *p)
{
	json_t *content = NULL;
	int rc, taken = 0;

	memset(t, 0, sizeof(*t));
	flow_talk_warm(e, c, id);
	rc = store_begin(c);
	if (!rc)
		rc = flow_talk_load(c, id, t);
	if (!rc)
		content = answer_content(t, a);
	if (!rc)
		taken = answer_was_taken(c, id, client_id, content, before);
	if (!rc && taken < 0)
		rc = taken;
	if (!rc && !taken && t->status != FLOW_S_WAITING) {
		rc = answer_refuse(p, t->status);
		goto out;
	}
	if (!rc && !taken) {
		*before = t->seq;
		rc = answer_move(e, c, t, a, content, client_id);
	}
	if (!rc && !taken)
		rc = store_commit(c);
	if (!rc && !taken)
		step_reached("flow.answered");
	if (rc == ERR_NOT_FOUND)
		talk_unknown(p);
	else if (rc == ERR_EXISTS)
		connect_fail(
			p, rc, CONNECT_P_ID_REUSED, NULL,
			"A message with this id and another text was taken "
			"already.");
	else if (rc)
		flow_fail_store(p, c, rc);
out:
	store_rollback(c);
	json_decref(content);
	return rc;
}

int
flow_talk_end(struct store_conn *c, const char *id, struct connect_problem *p)
{
	int rc = store_exec(
		c, NULL,
		"UPDATE conversations SET status = 'ended', step = "
		"step + 1, awaits = '', updated_at = ?2 WHERE id = ?1 AND "
		"status IN ('waiting', 'calling')",
		"si", id, clock_wall_ms());

	return rc ? flow_fail_store(p, c, rc) : 0;
}

int
flow_talk_is_of_page(struct flow_engine *e, struct store_conn *c,
		     const struct flow_talk *t, const char *origin,
		     const char *own)
{
	struct flow_document *d;
	char id[27];
	bool takes;

	if (!t->origin[0] || strcmp(t->origin, origin) != 0 ||
	    flow_widget_find(e, c, t->started_with, id, &d))
		return ERR_FORBIDDEN;
	takes = flow_widget_takes(&d->widget, origin, own);
	flow_document_unref(d);
	return takes ? 0 : ERR_FORBIDDEN;
}
