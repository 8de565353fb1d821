/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One move of a conversation: its row, the blocks, the row again.
 *
 * All of it inside one transaction of the caller's, so that state and
 * messages never differ; the row's step tells whether somebody else has
 * moved meanwhile.  (flow.h has the drawing of the states.)
 */
#include <stdio.h>
#include <stdlib.h>

#include "flow/flow_priv.h"

enum {
	STATE_MAX = 2 * FLOW_VALUES_MAX,
	MESSAGE_MAX = 64 * 1024,
	FLOWS_MAX = 10,
};

static const char *const status_names[FLOW_S_COUNT] = {
	"waiting", "calling", "ended", "handed_off", "failed",
};

const char *
flow_status_name(enum flow_status s)
{
	return status_names[s];
}

void
flow_status_set(struct flow_talk *t, enum flow_status to)
{
	/* What is over stays so; everything else may come after the rest. */
	ASSERT(t->status == FLOW_S_WAITING || t->status == FLOW_S_CALLING);
	ASSERT((unsigned)to < FLOW_S_COUNT);
	t->status = to;
}

void
flow_talk_release(struct flow_talk *t)
{
	json_decref(t->state);
	memset(t, 0, sizeof(*t));
}

const json_t *
flow_talk_expects(const struct flow_talk *t)
{
	const json_t *e = json_object_get(t->state, "expects");

	return t->status == FLOW_S_WAITING && json_is_object(e) ? e : NULL;
}

/* ---- the row ---- */

static int
talk_read(struct store_stmt *st, struct flow_talk *t)
{
	struct json_problem ignored = { 0 };
	size_t i;

	slice_copy(store_col(st, 0), t->id, sizeof(t->id));
	slice_copy(store_col(st, 1), t->org, sizeof(t->org));
	slice_copy(store_col(st, 2), t->flow, sizeof(t->flow));
	t->flow_version = store_col_int(st, 3);
	slice_copy(store_col(st, 4), t->member, sizeof(t->member));
	slice_copy(store_col(st, 5), t->origin, sizeof(t->origin));
	for (i = 0; i < FLOW_S_COUNT; i++)
		if (slice_eq(store_col(st, 6), slice_str(status_names[i])))
			break;
	if (i == FLOW_S_COUNT)
		return ERR_STORE;
	t->status = (enum flow_status)i;
	slice_copy(store_col(st, 7), t->problem, sizeof(t->problem));
	t->seq = store_col_int(st, 8);
	t->step = store_col_int(st, 9);
	t->attempt = store_col_int(st, 10);
	t->created_at = store_col_int(st, 11);
	t->updated_at = store_col_int(st, 12);
	slice_copy(store_col(st, 14), t->subject, sizeof(t->subject));
	slice_copy(store_col(st, 15), t->awaits, sizeof(t->awaits));
	slice_copy(store_col(st, 16), t->started_by, sizeof(t->started_by));
	slice_copy(store_col(st, 17), t->started_with, sizeof(t->started_with));
	t->draft_saved = store_col_int(st, 18);
	return json_read(store_col(st, 13), STATE_MAX, &t->state, &ignored)
		       ? ERR_STORE
		       : 0;
}

int
flow_talk_load(struct store_conn *c, const char *id, struct flow_talk *t)
{
	struct store_stmt *st = NULL;
	int rc;

	memset(t, 0, sizeof(*t));
	rc = store_query(c, &st,
			 "SELECT id, org, flow, flow_version, member, origin, "
			 "status, problem, seq, step, attempt, created_at, "
			 "updated_at, state, subject, awaits, started_by, "
			 "started_with, draft_saved FROM conversations WHERE "
			 "id = ?1 AND EXISTS (SELECT 1 FROM flows WHERE "
			 "flows.id = conversations.flow)",
			 "s", id);
	if (!rc)
		rc = store_step(st);
	rc = rc == 1 ? talk_read(st, t) : rc ? rc : ERR_NOT_FOUND;
	store_done(st);
	return rc;
}

/* ---- documents ---- */

static int
document_load(struct store_conn *c, const char *flow, int64_t version,
	      struct flow_saved *saved, struct flow_document **out)
{
	static const char *const globals[] = { "*", NULL };
	static const struct flow_world world = { .globals = globals };
	struct arena *arena = arena_new(2 * FLOW_TEXT_MAX);
	json_t *json = NULL, *problems = NULL;
	struct json_problem ignored = { 0 };
	struct connect_problem p;
	const char *text;
	int rc = arena ? 0 : ERR_NOMEM;

	if (!rc && version)
		rc = flow_row_document(c, flow, version, arena, &text, &p);
	else if (!rc)
		rc = flow_row_draft(c, flow, arena, &text, saved);
	if (!rc)
		rc = json_read(slice_str(text), FLOW_TEXT_MAX, &json, &ignored);
	if (!rc)
		rc = flow_compile(json, &world, &problems, out);
	json_decref(problems);
	json_decref(json);
	arena_free(arena);
	return rc;
}

static struct flow_document *
cache_get(struct flow_engine *e, const char *key)
{
	size_t slot = table_hash(slice_str(key)) % FLOW_CACHE;
	struct flow_document *d = NULL;

	pthread_mutex_lock(&e->mutex);
	if (e->cache[slot].document && !strcmp(e->cache[slot].key, key))
		d = flow_document_ref(e->cache[slot].document);
	pthread_mutex_unlock(&e->mutex);
	return d;
}

static void
cache_put(struct flow_engine *e, const char *key, struct flow_document *d)
{
	size_t slot = table_hash(slice_str(key)) % FLOW_CACHE;
	struct flow_document *old;

	pthread_mutex_lock(&e->mutex);
	old = e->cache[slot].document;
	snprintf(e->cache[slot].key, sizeof(e->cache[slot].key), "%s", key);
	e->cache[slot].document = flow_document_ref(d);
	pthread_mutex_unlock(&e->mutex);
	flow_document_unref(old);
}

/* A version is what it is; a draft changes with each save. */
static void
cache_key(const char *flow, int64_t version, const struct flow_saved *saved,
	  char key[64])
{
	snprintf(key, 64, "%s.%s%lld", flow, version ? "" : "draft.",
		 (long long)(version ? version : saved->at));
}

int
flow_talk_document(struct flow_engine *e, struct store_conn *c,
		   const char *flow, int64_t version, struct flow_saved *saved,
		   struct flow_document **out)
{
	char key[64];
	int rc = 0;

	*out = NULL;
	if (!version)
		rc = flow_row_draft(c, flow, NULL, NULL, saved);
	if (rc)
		return rc;
	cache_key(flow, version, saved, key);
	*out = cache_get(e, key);
	if (*out)
		return 0;
	rc = document_load(c, flow, version, saved, out);
	if (rc)
		return rc;
	cache_key(flow, version, saved, key); /* it may be a newer save's */
	cache_put(e, key, *out);
	return 0;
}

void
flow_talk_warm(struct flow_engine *e, struct store_conn *c, const char *id)
{
	struct flow_document *d = NULL;
	struct store_stmt *st = NULL;
	struct flow_saved saved;
	char flow[27] = "";
	int64_t version = 0;

	if (!store_query(c, &st,
			 "SELECT flow, flow_version FROM conversations WHERE "
			 "id = ?1",
			 "s", id) &&
	    store_step(st) == 1) {
		slice_copy(store_col(st, 0), flow, sizeof(flow));
		version = store_col_int(st, 1);
	}
	store_done(st);
	if (flow[0])
		flow_talk_document(e, c, flow, version, &saved, &d);
	flow_document_unref(d);
}

/* ---- values ---- */

int
flow_talk_values(struct store_conn *c, const struct flow_talk *t, json_t **out)
{
	json_t *globals = json_object(), *value;
	struct store_stmt *st = NULL;
	char name[FLOW_ID_MAX + 1];
	int rc;

	*out = json_deep_copy(json_object_get(t->state, "values"));
	if (!*out)
		*out = json_object();
	json_object_set_new(*out, "global", globals);
	rc = store_query(c, &st,
			 "SELECT name, value FROM globals WHERE org = ?1", "s",
			 t->org);
	while (!rc && (rc = store_step(st)) == 1) {
		slice_copy(store_col(st, 0), name, sizeof(name));
		value = json_loadb(store_col(st, 1).ptr, store_col(st, 1).len,
				   JSON_DECODE_ANY, NULL);
		json_object_set_new(globals, name, value ? value : json_null());
		rc = 0;
	}
	store_done(st);
	return rc;
}

/* ---- a move ---- */

int
flow_move_init(struct flow_move *m, struct flow_engine *e, struct store_conn *c,
	       struct flow_talk *t)
{
	struct flow_saved saved = { 0 };
	const char *block;
	int rc;

	memset(m, 0, sizeof(*m));
	m->engine = e;
	m->c = c;
	m->talk = t;
	m->run.block = -1;
	rc = flow_talk_document(e, c, t->flow, t->flow_version, &saved,
				&m->run.document);
	if (!rc)
		rc = flow_draft_pinned(t, &saved);
	if (!rc)
		rc = flow_talk_values(c, t, &m->run.values);
	m->calls = json_integer_value(json_object_get(t->state, "calls"));
	m->run.messages = json_array();
	m->run.memory = json_incref(json_object_get(t->state, "memory"));
	block = json_string_value(json_object_get(t->state, "block"));
	if (!rc && block)
		m->run.block = flow_run_find(m->run.document, block);
	return rc;
}

void
flow_move_release(struct flow_move *m)
{
	flow_document_unref(m->run.document);
	flow_run_release(&m->run);
}

int
flow_message_add(struct store_conn *c, struct flow_talk *t, const char *sender,
		 const json_t *content, const char *client_id)
{
	static const char too_long[] =
		"{\"type\":\"text\",\"text\":\"(This was too long.)\"}";
	struct buf text;
	int rc;

	buf_init(&text, MESSAGE_MAX);
	rc = json_write(content, &text);
	if (rc == ERR_TOO_LARGE) {
		buf_reset(&text);
		rc = buf_puts(&text, too_long);
	}
	if (!rc)
		rc = store_exec(
			c, NULL,
			"INSERT INTO messages (conversation, seq, sender, "
			"content, client_id, at) VALUES (?1, ?2, ?3, ?4, "
			"NULLIF(?5, ''), ?6)",
			"sislsi", t->id, t->seq + 1, sender, buf_slice(&text),
			client_id ? client_id : "", clock_wall_ms());
	if (!rc)
		t->seq++;
	buf_release(&text);
	return rc;
}

/* Goes over to another flow's published version. */
static int
move_to_flow(struct flow_move *m, enum flow_next *next)
{
	struct flow_run *run = &m->run;
	struct store_stmt *st = NULL;
	struct flow_document *d;
	char flow[sizeof(m->talk->flow)] = "";
	json_t *mine, *merged;
	int64_t version = 0;
	int rc = store_query(m->c, &st,
			     "SELECT id, published_version FROM flows WHERE "
			     "org = ?1 AND link_name = ?2 AND "
			     "published_version > 0",
			     "ss", m->talk->org, run->to_flow);

	if (!rc)
		rc = store_step(st);
	if (rc == 1) {
		slice_copy(store_col(st, 0), flow, sizeof(flow));
		version = store_col_int(st, 1);
	}
	store_done(st);
	if (rc != 1) {
		snprintf(run->problem, sizeof(run->problem),
			 "The flow that is jumped to is not published.");
		*next = FLOW_FAILED;
		return rc;
	}
	rc = flow_talk_document(m->engine, m->c, flow, version, NULL, &d);
	if (rc)
		return rc;
	memcpy(m->talk->flow, flow, sizeof(flow));
	m->talk->flow_version = version;
	flow_document_unref(run->document);
	run->document = d;
	mine = json_object_get(run->values, "flow");
	merged = json_deep_copy(flow_document_defaults(d));
	json_object_update(merged, mine);
	json_object_set_new(run->values, "flow", merged);
	*next = flow_run_begin(run);
	return 0;
}

/* ERR_TOO_LARGE, or ERR_INVALID for what could not be read again. */
static int
state_write(const json_t *state, struct buf *text)
{
	struct json_problem ignored = { 0 };
	json_t *again = NULL;
	int rc = json_write(state, text);

	if (!rc)
		rc = json_read(buf_slice(text), STATE_MAX, &again, &ignored);
	json_decref(again);
	return rc;
}

/* The state as text; ERR_TOO_LARGE, or ERR_INVALID for what could not be read
 * again (it is nested too deep): then nothing is changed. */
static int
move_state(struct flow_move *m, struct buf *text)
{
	struct flow_run *run = &m->run;
	json_t *values = json_copy(run->values), *state;
	int rc;

	json_object_del(values, "global");
	state = json_pack("{s:s, s:o, s:O*, s:O*, s:I}", "block",
			  run->document->blocks[run->block].id, "values",
			  values, "memory", run->memory, "expects",
			  run->expects, "calls", (json_int_t)m->calls);
	rc = state ? state_write(state, text) : ERR_NOMEM;
	if (rc) {
		json_decref(state);
		return rc;
	}
	json_decref(m->talk->state);
	m->talk->state = state;
	return 0;
}

static int
move_handoff(struct flow_move *m)
{
	char id[RANDOM_ID_SIZE];

	if (!m->run.handoff)
		return 0;
	random_id(id);
	return store_exec(
		m->c, NULL,
		"INSERT INTO handoffs (id, org, flow, flow_name, conversation, "
		"message, email, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		"sssssssi", id, m->talk->org, m->talk->flow,
		m->run.document->name, m->talk->id,
		json_string_value(json_object_get(m->run.handoff, "message")),
		json_string_value(json_object_get(m->run.handoff, "email")),
		clock_wall_ms());
}

/* The connection whose consent it waits for; "". */
static const char *
move_awaits(const struct flow_talk *t)
{
	const char *type = json_string_value(
		json_object_get(flow_talk_expects(t), "type"));
	const char *id = json_string_value(json_object_get(
		json_object_get(t->state, "memory"), "connection"));

	return type && id && !strcmp(type, "connect") ? id : "";
}

static int
move_row(struct flow_engine *e, struct store_conn *c, struct flow_talk *t,
	 struct slice state)
{
	/* Who leaves makes no calls: they are the next one's. */
	bool mine = t->status == FLOW_S_CALLING && !atomic_load(&e->leaving);
	const json_t *asked = json_object_get(
		json_object_get(t->state, "memory"), "asked_at");
	int64_t now = clock_wall_ms(), changed = 0;
	int rc;

	clock_settled_look();
	rc = store_exec(
		c, &changed,
		"UPDATE conversations SET flow = ?2, flow_version = ?3, state "
		"= ?4, status = ?5, problem = ?6, seq = ?7, step = step + 1, "
		"attempt = 0, lease_owner = ?8, lease_until = 0, updated_at = "
		"?9, awaits = ?11, asked_at = ?12, grants = CASE WHEN ?11 <> "
		"'' OR awaits <> '' THEN 1 ELSE grants END WHERE id = ?1 AND "
		"step = ?10",
		"ssilssisiisi", t->id, t->flow, t->flow_version, state,
		status_names[t->status], t->problem, t->seq,
		mine ? e->owner : "", now, t->step, move_awaits(t),
		(int64_t)json_integer_value(asked));

	if (!rc && !changed)
		return ERR_BUSY; /* somebody else has moved it */
	t->step++;
	t->attempt = 0;
	t->updated_at = now;
	return rc;
}

static void
move_give_up(struct flow_move *m, const char *why)
{
	m->run.block = -1;
	snprintf(m->run.problem, sizeof(m->run.problem), "%s", why);
}

/* Into text; what cannot be kept ends the conversation, with the state that
 * it had; none, where it could not even begin with that. */
static int
move_text(struct flow_move *m, enum flow_next *next, struct buf *text)
{
	int rc = ERR_INVALID;

	if (m->run.block >= 0)
		rc = flow_values_fit(&m->run) ? move_state(m, text)
					      : ERR_TOO_LARGE;
	if (rc != ERR_TOO_LARGE && rc != ERR_INVALID)
		return rc;
	if (m->run.block >= 0)
		move_give_up(m, rc == ERR_TOO_LARGE
					? "too_large: the variables have more "
					  "than 262144 bytes together."
					: "The variables are nested too deep.");
	*next = FLOW_FAILED;
	json_object_del(m->talk->state, "expects");
	buf_reset(text);
	rc = state_write(m->talk->state, text);
	if (rc != ERR_TOO_LARGE && rc != ERR_INVALID)
		return rc;
	json_object_clear(m->talk->state);
	buf_reset(text);
	return json_write(m->talk->state, text);
}

static int
move_write(struct flow_move *m, enum flow_next next, struct buf *text)
{
	static const enum flow_status becomes[] = {
		[FLOW_WAIT] = FLOW_S_WAITING,
		[FLOW_CALL] = FLOW_S_CALLING,
		[FLOW_ENDED] = FLOW_S_ENDED,
		[FLOW_HANDED_OFF] = FLOW_S_HANDED_OFF,
		[FLOW_FAILED] = FLOW_S_FAILED,
	};
	struct flow_talk *t = m->talk;
	json_t *message;
	size_t i;
	int rc = 0;

	if (next == FLOW_FAILED)
		flow_say_text(&m->run, "Sorry, something went wrong here.");
	flow_status_set(t, becomes[next]);
	snprintf(t->problem, sizeof(t->problem), "%s", m->run.problem);
	json_array_foreach(m->run.messages, i, message) if (!rc) rc =
		flow_message_add(m->c, t, "bot", message, NULL);
	return rc ? rc : move_row(m->engine, m->c, t, buf_slice(text));
}

int
flow_move_store(struct flow_move *m, enum flow_next next)
{
	struct buf text;
	size_t i;
	int rc = 0;

	for (i = 0; next == FLOW_TO_FLOW && i < FLOWS_MAX && !rc; i++)
		rc = move_to_flow(m, &next);
	if (next == FLOW_TO_FLOW) {
		snprintf(m->run.problem, sizeof(m->run.problem),
			 "runaway: too many flows without a question.");
		next = FLOW_FAILED;
	}
	if (next == FLOW_CALL && ++m->calls > FLOW_CALLS_MAX) {
		snprintf(m->run.problem, sizeof(m->run.problem),
			 "runaway: too many webhooks without a question.");
		next = FLOW_FAILED;
	}
	buf_init(&text, STATE_MAX);
	if (!rc)
		rc = move_text(m, &next, &text);
	if (!rc)
		rc = move_write(m, next, &text);
	if (!rc)
		rc = move_handoff(m);
	buf_release(&text);
	return rc;
}

int
flow_move_fail(struct flow_engine *e, struct store_conn *c, struct flow_talk *t,
	       const char *why)
{
	struct flow_move m = { .engine = e, .c = c, .talk = t };
	int rc;

	m.run.messages = json_array();
	move_give_up(&m, why);
	rc = flow_move_store(&m, FLOW_FAILED);
	flow_run_release(&m.run);
	return rc;
}
