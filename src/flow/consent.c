/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consent of a conversation's visitor to a per-user connection.
 *
 *   CALLING --no grant of his--> WAITING (expects connect)
 *      ^                            |
 *      +------ consent given -------+-- refused: asked again
 *                                   +-- "skip", or refused too often:
 *                                       the path no_answer
 *
 * What is waited for stands in the block's memory {asks, connection,
 * asked_at, name}, which lives until the block is left, so that a grant that
 * never works does not ask for ever.  Consent itself is connect/'s; whoever
 * hears of it (the API, or the engine, which looks for what was missed) moves
 * the conversation by flow_consent_given(), and only one of them does, since
 * the row's step is asked for.
 *
 * Runs on the front's work threads.
 */
#include "flow/flow_priv.h"

void
flow_problem_set(struct flow_run *run, const char *code)
{
	flow_value_set(run, "block.problem", json_string(code ? code : ""));
}

bool
flow_consent_expect(struct flow_run *run, const struct flow_block *b)
{
	const char *name =
		json_string_value(json_object_get(run->memory, "name"));

	if (!name || !b->data)
		return false;
	json_decref(run->expects);
	run->expects = json_pack(
		"{s:s, s:s, s:s, s:b}", "type", "connect", "connection",
		hook_document_connection(b->data), "name", name, "skip", 1);
	return run->expects != NULL;
}

/* The connection that the block calls by now; "": there is none. */
static int
connection_id(struct store_conn *c, const char *org, const char *link,
	      char out[27])
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st,
			     "SELECT id FROM connections WHERE org = ?1 AND "
			     "link_name = ?2",
			     "ss", org, link);

	out[0] = '\0';
	if (!rc)
		rc = store_step(st);
	if (rc == 1)
		slice_copy(store_col(st, 0), out, 27);
	store_done(st);
	return rc == 1 ? 0 : rc ? rc : ERR_NOT_FOUND;
}

static enum flow_next
consent_give_up(struct flow_run *run, const char *code)
{
	flow_problem_set(run, code);
	return flow_run_exit(run, hook_path_no_answer);
}

/* Asks for it, with the button; why: said before, or NULL. */
static enum flow_next
consent_put(struct flow_run *run, const char *why)
{
	const struct flow_block *b = &run->document->blocks[run->block];

	if (why)
		flow_say_text(run, why);
	if (!flow_consent_expect(run, b))
		return consent_give_up(run, "connection_not_connected");
	flow_say_content(
		run,
		json_pack("{s:s, s:O, s:O}", "type", "connect", "connection",
			  json_object_get(run->expects, "connection"), "name",
			  json_object_get(run->expects, "name")));
	return FLOW_WAIT;
}

/* How often it was asked for before; this time is noted. */
static int64_t
consent_count(struct flow_run *run)
{
	int64_t asks = json_integer_value(json_object_get(run->memory, "asks"));

	json_object_set_new(run->memory, "asks", json_integer(asks + 1));
	json_object_set_new(run->memory, "asked_at",
			    json_integer(clock_wall_ms()));
	return asks;
}

enum flow_next
flow_consent_ask(struct flow_move *m, const char *service)
{
	struct flow_run *run = &m->run;
	const struct flow_block *b = &run->document->blocks[run->block];
	char id[27];
	int64_t asks;

	ASSERT(flow_is_webhook(run->document, run->block));
	if (connection_id(m->c, m->talk->org, hook_document_connection(b->data),
			  id))
		return consent_give_up(run, "connection_not_found");
	if (!run->memory)
		run->memory = json_object();
	json_object_set_new(run->memory, "connection", json_string(id));
	json_object_set_new(run->memory, "name", json_string(service));
	asks = consent_count(run);
	if (asks >= FLOW_ASKS_MAX)
		return consent_give_up(run, "connection_needs_reconnect");
	return consent_put(run, asks ? "The access does not work any more. "
				       "Please connect again."
				     : NULL);
}

/* ---- what has become of it ---- */

int
flow_consent_waits(struct store_conn *c, const char *id, const char *connection,
		   struct flow_talk *out)
{
	int rc = flow_talk_load(c, id, out);

	if (!rc && connection[0] && out->status == FLOW_S_WAITING &&
	    !strcmp(out->awaits, connection))
		return 0;
	if (!rc)
		flow_talk_release(out);
	return rc ? rc : ERR_NOT_FOUND;
}

int
flow_consent_begun(struct store_conn *c, const char *id)
{
	return store_exec(c, NULL,
			  "UPDATE conversations SET grants = 1, updated_at = "
			  "?2 WHERE id = ?1",
			  "si", id, clock_wall_ms());
}

const char *
flow_consent_bot(struct store_conn *c, const struct flow_talk *t,
		 struct arena *arena)
{
	struct store_stmt *st = NULL;
	const char *name = "";

	if (!store_query(c, &st, "SELECT name FROM flows WHERE id = ?1", "s",
			 t->flow) &&
	    store_step(st) == 1)
		name = arena_slice(arena, store_col(st, 0));
	store_done(st);
	return name ? name : "";
}

/* One move of a conversation that waits for this connection. */
static int
consent_move(struct flow_engine *e, struct store_conn *c, const char *id,
	     const char *connection, enum flow_next (*move)(struct flow_run *),
	     char flow[27], bool *calling)
{
	struct flow_move m = { 0 };
	struct flow_talk t = { 0 };
	int rc;

	*calling = false;
	flow_talk_warm(e, c, id);
	rc = store_begin(c);
	if (!rc)
		rc = flow_consent_waits(c, id, connection, &t);
	if (!rc)
		rc = flow_move_init(&m, e, c, &t);
	if (!rc && !flow_is_webhook(m.run.document, m.run.block))
		rc = ERR_NOT_FOUND;
	if (!rc)
		rc = flow_move_store(&m, move(&m.run));
	else if (rc == ERR_CONFLICT) /* another's draft by now: it is over */
		rc = flow_move_fail(e, c, &t, flow_draft_changed);
	if (!rc)
		*calling = t.status == FLOW_S_CALLING;
	if (!rc)
		memcpy(flow, t.flow, sizeof(t.flow));
	flow_move_release(&m);
	flow_talk_release(&t);
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	return rc == ERR_NOT_FOUND ? ERR_WRONG_STATE : rc;
}

static enum flow_next
move_given(struct flow_run *run)
{
	(void)run;
	return FLOW_CALL;
}

static enum flow_next
move_failed(struct flow_run *run, const char *why, const char *code)
{
	if (consent_count(run) >= FLOW_ASKS_MAX)
		return consent_give_up(run, code);
	return consent_put(run, why);
}

static enum flow_next
move_denied(struct flow_run *run)
{
	return move_failed(run,
			   "The access was not given. Press Connect to try "
			   "again, or skip it.",
			   "connect_denied");
}

static enum flow_next
move_broken(struct flow_run *run)
{
	return move_failed(run,
			   "Connecting has failed. Press Connect to try "
			   "again, or skip it.",
			   "connect_failed");
}

int
flow_consent_given(struct flow_engine *e, struct store_conn *c, const char *id,
		   const char *connection, char flow[27])
{
	bool calling;
	int rc = consent_move(e, c, id, connection, move_given, flow, &calling);

	if (rc == ERR_WRONG_STATE) /* forget.c takes the grant back */
		store_exec(c, NULL,
			   "UPDATE conversations SET grants = 1 WHERE id = ?1",
			   "s", id);
	else if (!rc)
		flow_tell(e, id, FLOW_MOVED);
	return rc;
}

int
flow_consent_failed(struct flow_engine *e, struct store_conn *c, const char *id,
		    const char *connection, bool denied, char flow[27],
		    bool *calling)
{
	int rc =
		consent_move(e, c, id, connection,
			     denied ? move_denied : move_broken, flow, calling);

	if (!rc)
		flow_tell(e, id, FLOW_MOVED);
	return rc;
}

int
flow_consent_find(struct store_conn *c, int64_t since, size_t max,
		  char ids[][27], char connections[][27], size_t *count)
{
	struct store_stmt *st = NULL;
	int rc = store_query(
		c, &st,
		"SELECT c.id, c.awaits FROM connection_users u JOIN "
		"conversations c ON c.subject = u.subject WHERE "
		"u.connected_at > ?1 AND u.status = 'connected' AND c.status "
		"= 'waiting' AND c.awaits = u.connection AND c.asked_at <= "
		"u.connected_at LIMIT ?2",
		"ii", since, (int64_t)max);

	*count = 0;
	while (!rc && (rc = store_step(st)) == 1) {
		slice_copy(store_col(st, 0), ids[*count], 27);
		slice_copy(store_col(st, 1), connections[(*count)++], 27);
		rc = 0;
	}
	store_done(st);
	return rc;
}
