/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /v1/flows/{id}/conversations, /v1/conversations: talking with a flow.
 *
 * Who may: the conversation's own token (Authorization: Bearer dbc_…), which
 * is all that a visitor has; or a key or session whose role lets it see what
 * visitors say.  It is answered by its token, or by the member who began it:
 * it speaks, and calls, for who it is with.  A page of another site may, when
 * its origin is in the flow's list (widget.c).
 *
 * An answer waits for the calls that it has led to, for a while, without
 * holding a thread; then it says "calling", and the rest comes by events.
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/api_priv.h"

enum {
	SETTLE_MS = 25 * 1000,
	BEGIN_PER_MINUTE = 60,
	BEGIN_BURST = 30,
	ANSWER_PER_MINUTE = 120,
	ANSWER_BURST = 30,
	STRANGERS_PER_MINUTE = 1200, /* answers from one address */
	STRANGERS_BURST = 300,
};

/* What a request keeps of its conversation. */
struct talk_request {
	struct api_request *r;
	struct flow_listener listener;
	struct loop_timer timer;
	int64_t wait_ms;
	char id[27], flow[27];
	char token[FLOW_TOKEN_SIZE]; /* to be given once; "" */
	int64_t before;
	int status;
};

static void
talk_request_free(void *state)
{
	struct talk_request *t = state;

	loop_timer_cancel(&t->timer);
	flow_listen_stop(&t->listener);
	secret_wipe(t->token, sizeof(t->token));
	free(t);
}

static struct talk_request *
talk_request_new(struct api_request *r)
{
	struct talk_request *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->r = r;
	t->status = 200;
	r->state = t;
	r->state_free = talk_request_free;
	return t;
}

/* ---- showing ---- */

static json_t *
talk_json(const struct flow_talk *t)
{
	const json_t *expects = flow_talk_expects(t);
	json_t *o = json_pack(
		"{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "id", t->id, "flow",
		t->flow, "state", flow_status_name(t->status), "flow_version",
		t->flow_version ? json_integer(t->flow_version) : json_null(),
		"expects", expects ? json_deep_copy(expects) : json_null(),
		"created_at", api_json_time(t->created_at), "updated_at",
		api_json_time(t->updated_at));

	if (t->problem[0])
		json_object_set_new(o, "problem", json_string(t->problem));
	return o;
}

static int
talk_show(struct api_request *r, int status, const struct flow_talk *t,
	  int64_t after)
{
	struct connect_problem p = { 0 };
	json_t *messages, *o;

	if (flow_talk_messages(r->db, t->id, after, &messages, &p))
		return api_problem_connect(r, &p);
	o = talk_json(t);
	json_object_set_new(o, "messages", messages);
	return api_answer(r, status, o);
}

/* On a work thread, when it has settled (or not in time). */
static int
talk_settled(struct api_request *r)
{
	struct talk_request *t = r->state;
	struct connect_problem p = { 0 };
	struct flow_talk talk;
	int rc;

	rc = flow_talk_get(r->db, t->id, &talk, &p);
	if (rc)
		return api_problem_connect(r, &p);
	rc = talk_show(r, t->status, &talk, t->before);
	if (!rc && t->token[0] && r->status == t->status)
		rc = api_answer_splice(r, "token", t->token);
	flow_talk_release(&talk);
	return rc;
}

/* ---- waiting, on the loop ---- */

/* "wait": how many seconds at most.  False: the problem is answered. */
static bool
talk_wait(struct api_request *r, int64_t *ms)
{
	const char *text = api_query(r, "wait");
	uint64_t n = SETTLE_MS / 1000;

	if (text[0] && slice_to_u64(slice_str(text), SETTLE_MS / 1000, &n)) {
		api_problem_parameter(r, "wait", "0 to 25 seconds.");
		return false;
	}
	*ms = (int64_t)n * 1000;
	return true;
}

static void
settle_end(struct talk_request *t)
{
	loop_timer_cancel(&t->timer);
	flow_listen_stop(&t->listener);
	api_resume(t->r, talk_settled);
}

/* A process that leaves keeps nobody waiting. */
static void
settle_told(struct flow_listener *l, enum flow_news news)
{
	if (news != FLOW_MOVED)
		settle_end(CONTAINER_OF(l, struct talk_request, listener));
}

static void
settle_timeout(struct loop_timer *timer)
{
	settle_end(CONTAINER_OF(timer, struct talk_request, timer));
}

/* Whoever drives it tells; listened for first, so that it is not missed. */
static void
settle_start(struct api_request *r)
{
	struct talk_request *t = r->state;
	struct flow_worker *w = r->worker->flows;

	memcpy(t->listener.id, t->id, sizeof(t->listener.id));
	t->listener.moved = settle_told;
	flow_listen(w, &t->listener);
	if (flow_drive_start(w, t->id, t->flow) || !t->wait_ms)
		settle_end(t);
	else
		loop_timer_start(r->worker->loop, &t->timer,
				 (uint64_t)t->wait_ms, settle_timeout);
}

/* What was moved is told to those who listen; a call is waited for. */
static int
talk_moved(struct api_request *r, struct flow_talk *talk, bool calling)
{
	struct talk_request *t = r->state;

	memcpy(t->id, talk->id, sizeof(t->id));
	memcpy(t->flow, talk->flow, sizeof(t->flow));
	flow_tell(r->api->config.flows, t->id, FLOW_MOVED);
	flow_talk_release(talk);
	if (!calling)
		return talk_settled(r);
	r->later = settle_start;
	return API_PENDING;
}

/* ---- begin ---- */

/* Somebody known, or a visitor: 0, or API_PENDING (refused). */
static int
begin_who(struct api_request *r)
{
	if (r->by == API_NOBODY ||
	    (r->by == API_BY_SESSION && (!r->origin_ours || r->cross_site)))
		return api_rate_allows(r, "begin", r->peer, BEGIN_PER_MINUTE,
				       BEGIN_BURST)
			       ? 0
			       : API_PENDING;
	return api_auth_require(r);
}

/* What a conversation may begin with.  Answers are what visitors give to its
 * questions, and no stranger gives them past these. */
static bool
begin_get(struct api_request *r, struct flow_begin *b)
{
	static const char *const names[] = { "input", "session", "draft",
					     NULL };
	static const struct {
		const char *name, *pointer;
	} given[] = { { "input", "/input" }, { "session", "/session" } };
	size_t i;

	if (!api_body_only(r, names))
		return false;
	b->input = json_get_object(&r->body, "input", 0);
	b->session = json_get_object(&r->body, "session", 0);
	b->draft = json_get_bool(&r->body, "draft", false);
	if (b->draft && !b->actor)
		json_problem_set(&r->problem, "/draft", "is for builders");
	if (b->input && !b->actor)
		json_problem_set(&r->problem, "/input",
				 "is for who has a key or is signed in");
	for (i = 0; i < ARRAY_LEN(given); i++)
		if (!flow_value_is_shallow(
			    json_object_get(r->json, given[i].name),
			    FLOW_GIVEN_DEPTH))
			json_problem_set(&r->problem, given[i].pointer,
					 "is nested too deep: at most %d "
					 "levels",
					 FLOW_GIVEN_DEPTH);
	return api_input_ok(r);
}

int
api_talk_begin(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct flow_begin b = { .org = "", .flow = r->params[0] };
	struct talk_request *t;
	struct flow_talk talk;
	int64_t wait_ms;
	bool calling;
	int rc;

	api_cors_flow(r);
	rc = begin_who(r);
	if (rc)
		return rc == API_PENDING ? 0 : rc;
	if (!talk_wait(r, &wait_ms))
		return 0;
	b.actor = r->actor;
	b.origin = r->origin_given && !r->actor ? r->origin : NULL;
	b.own = r->api->origin;
	if (!begin_get(r, &b))
		return 0;
	t = talk_request_new(r);
	if (!t)
		return ERR_NOMEM;
	t->status = 201;
	t->wait_ms = wait_ms;
	if (flow_talk_begin(r->api->config.flows, r->db, &b, t->token, &talk,
			    &p))
		return api_problem_connect(r, &p);
	calling = talk.status == FLOW_S_CALLING;
	return talk_moved(r, &talk, calling);
}

/* ---- one that there is ---- */

/* The conversation that the request may see; 0, or API_PENDING. */
int
api_talk_find(struct api_request *r, struct flow_talk *out)
{
	struct connect_problem p = { 0 };
	int rc = ERR_NOT_FOUND;

	memset(out, 0, sizeof(*out));
	if (r->by == API_BY_KEY)
		rc = flow_talk_find(r->db, r->params[0], r->hash, NULL, out,
				    &p);
	api_cors_talk(r);
	if (!rc && out->origin[0] && r->origin_given &&
	    strcmp(out->origin, r->origin) != 0) {
		flow_talk_release(out);
		api_problem(r, CONNECT_P_WRONG_ORIGIN, NULL,
			    "The conversation belongs to another page.");
		return API_PENDING;
	}
	if (rc != ERR_NOT_FOUND)
		goto out;
	rc = api_auth_require(r);
	if (rc)
		return rc;
	rc = flow_talk_find(r->db, r->params[0], NULL, r->actor, out, &p);
out:
	if (!rc)
		return 0;
	api_problem_connect(r, &p);
	return API_PENDING;
}

int
api_talk_is_his(struct api_request *r, const struct flow_talk *t)
{
	struct people_object o = { .member = t->started_by };

	if (!r->actor) /* it was found by its token */
		return 0;
	if (r->actor->connections)
		return api_refused(r, ERR_FORBIDDEN, r->route->path, t->id,
				   "this key is for its connections alone");
	return api_may(r, PEOPLE_CONVERSATION_ANSWER, &o, t->id);
}

bool
api_talk_after(struct api_request *r, int64_t *out)
{
	const char *text = api_query(r, "after");
	uint64_t n = 0;

	*out = 0;
	if (text[0] && slice_to_u64(slice_str(text), INT32_MAX, &n)) {
		api_problem_parameter(r, "after", "A message's seq.");
		return false;
	}
	*out = (int64_t)n;
	return true;
}

int
api_talk_get(struct api_request *r)
{
	struct flow_talk talk;
	int64_t after;
	int rc;

	if (!api_talk_after(r, &after))
		return 0;
	rc = api_talk_find(r, &talk);
	if (rc)
		return rc == API_PENDING ? 0 : rc;
	rc = talk_show(r, 200, &talk, after);
	flow_talk_release(&talk);
	return rc;
}

/* {"id"?, "text" | "choice" | "value"} */
static bool
answer_get(struct api_request *r, struct flow_answer *a, const char **id)
{
	static const char *const names[] = { "id", "text", "choice", "value",
					     NULL };
	int given;

	if (!api_body_only(r, names))
		return false;
	*id = json_get_str(&r->body, "id", 0, 64, NULL);
	a->text = json_get_str(&r->body, "text", 0, FLOW_ANSWER_MAX, NULL);
	a->choice = json_get_str(&r->body, "choice", 0, 200, NULL);
	a->value = json_object_get(r->json, "value");
	given = (a->text != NULL) + (a->choice != NULL) + (a->value != NULL);
	if (given != 1)
		json_problem_set(&r->problem, "",
				 "one of \"text\", \"choice\" and \"value\"");
	if (a->value && !json_is_string(a->value) &&
	    !json_is_number(a->value) && !json_is_boolean(a->value))
		json_problem_set(&r->problem, "/value",
				 "must be a text, a number, true or false");
	if (json_is_string(a->value) &&
	    json_string_length(a->value) > FLOW_ANSWER_MAX)
		json_problem_set(&r->problem, "/value",
				 "must have at most %d bytes", FLOW_ANSWER_MAX);
	return api_input_ok(r);
}

/* A back end that has begun its visitors' conversations with a key speaks for
 * all of them, from one address. */
static bool
answer_allowed(struct api_request *r, bool stranger)
{
	return api_rate_allows(r, "answer", r->params[0], ANSWER_PER_MINUTE,
			       ANSWER_BURST) &&
	       (!stranger ||
		api_rate_allows(r, "answers", r->peer, STRANGERS_PER_MINUTE,
				STRANGERS_BURST));
}

int
api_talk_answer(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct flow_answer a = { 0 };
	struct talk_request *t;
	struct flow_talk talk;
	const char *id;
	int64_t wait_ms;
	bool calling, stranger = false;
	int rc = api_talk_find(r, &talk);

	if (!rc) {
		stranger = !r->actor && !talk.started_by[0];
		rc = api_talk_is_his(r, &talk);
	}
	flow_talk_release(&talk);
	if (rc)
		return rc == API_PENDING ? 0 : rc;
	if (!answer_allowed(r, stranger) || !talk_wait(r, &wait_ms) ||
	    !answer_get(r, &a, &id))
		return 0;
	t = talk_request_new(r);
	if (!t)
		return ERR_NOMEM;
	t->wait_ms = wait_ms;
	if (flow_talk_answer(r->api->config.flows, r->db, r->params[0], id, &a,
			     &talk, &t->before, &p)) {
		flow_talk_release(&talk);
		return api_problem_connect(r, &p);
	}
	calling = talk.status == FLOW_S_CALLING;
	return talk_moved(r, &talk, calling);
}

/* Whoever has its token ends it; a member of the organisation removes it
 * with all that was said. */
int
api_talk_end(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_who who;
	struct flow_talk talk;
	int rc = api_talk_find(r, &talk);

	if (rc)
		return rc == API_PENDING ? 0 : rc;
	if (r->actor) {
		api_who(r, &who);
		rc = flow_talk_erase(r->db, &who, &talk, &p);
	} else {
		rc = flow_talk_end(r->db, talk.id, &p);
	}
	if (!rc)
		flow_tell(r->api->config.flows, talk.id, FLOW_SETTLED);
	flow_talk_release(&talk);
	return rc ? api_problem_connect(r, &p) : api_answer_empty(r);
}

/* ---- hand-offs ---- */

int
api_handoffs_list(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_who who;
	const char *after, *next = NULL;
	size_t limit;
	json_t *items;
	bool open;

	if (!api_paging(r, &limit, &after) || !api_query_flag(r, "open", &open))
		return 0;
	api_who(r, &who);
	if (flow_handoffs(r->db, &who, after, open, limit + 1, &items, &p))
		return api_problem_connect(r, &p);
	if (json_array_size(items) > limit) {
		json_array_remove(items, limit);
		next = json_string_value(json_object_get(
			json_array_get(items, limit - 1), "id"));
	}
	return api_answer_list(r, items, next);
}

int
api_handoff_close(struct api_request *r)
{
	struct connect_problem p = { 0 };
	struct connect_who who;

	api_who(r, &who);
	if (flow_handoff_close(r->db, &who, r->params[0], &p))
		return api_problem_connect(r, &p);
	return api_answer_empty(r);
}
