/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keepers to test without the other roles: one or two of them on one real
 * database, all on one loop, a front that asks them, and behind them an
 * exchanger that plays a provider with rotating refresh tokens.
 *
 * The provider notices what must never happen: a refresh token used twice
 * while the first use was taken for good.  Time is moved by setting the
 * keepers' clock.
 *
 * A unit test includes it once, and cmocka with it.
 */
#ifndef SUPPORT_KEEPER_WORLD_H
#define SUPPORT_KEEPER_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "connect/keeper_keys_priv.h"
#include "temp_folder.h"

enum { KEEPERS = 2, HOUR_MS = 3600 * 1000, DAY_S = 24 * 3600 };

/* ---- the provider ---- */

enum says {
	SAYS_TOKENS,  /* does its work */
	SAYS_FAILURE, /* of class `class` */
	SAYS_NOTHING, /* err, sent: no answer came */
	HOLDS,	      /* until provider_release() */
};

static struct {
	enum says says;
	enum catalog_class class;
	int declines; /* ERR_*: nothing is asked of it; 0: it is */
	uint32_t wait_s;
	int64_t life_s;		/* of an access token; 0: does not say */
	int64_t refresh_life_s; /* 0: does not say */
	bool rotates, gives_refresh;
	const char *account; /* NULL: does not say */
	unsigned current;    /* the refresh token that is good now */
	unsigned exchanges, refreshes, revocations, reused;
	char revoked[64], last_sent[64];
	char revoked_access[64];  /* the access token that came with it */
	char revoked_client[64];  /* … and whose name it was asked in */
	char last_url[128];	  /* where the last tokens came from */
	const char *revoke_error; /* "HTTP 503"; NULL: it does */
	struct proc_request *held[32];
	char held_token[32][64];
	size_t held_count;
	struct proc_request *lost[64]; /* freed at the end */
	size_t lost_count;
	bool holds_exchange; /* until provider_exchange() */
	struct proc_request *exchange;
} provider;

/* ---- the world ---- */

static struct {
	struct loop *loop;
	struct keeper k[KEEPERS];
	struct proc_channel *front[KEEPERS], *exchanger[KEEPERS];
	struct catalog *catalog;
	struct binding *binding;
	struct connect_msg_subject who;
	struct connect_msg_status told; /* the last */
	unsigned tellings;
	unsigned connections;
} w;

static void
text_of(const struct secret *s, char *out, size_t size)
{
	out[0] = 0;
	if (s)
		slice_copy(slice_of(secret_peek(s), secret_len(s)), out, size);
}

static struct secret *
token(const char *kind, unsigned n)
{
	char text[64];

	snprintf(text, sizeof(text), "%s-%u", kind, n);
	return secret_from(text, strlen(text));
}

static void
provider_give(struct connect_msg_token_answer *m)
{
	struct method_answer *a = &m->answer;

	a->ok = true;
	snprintf(a->account, sizeof(a->account), "%s",
		 provider.account ? provider.account : "");
	a->access_token = token("access", provider.current);
	if (provider.gives_refresh)
		a->refresh_token = token("refresh", provider.current);
	if (provider.life_s)
		a->expires_at = clock_wall_ms() + provider.life_s * 1000;
	if (provider.refresh_life_s)
		a->refresh_expires_at =
			clock_wall_ms() + provider.refresh_life_s * 1000;
}

static void
provider_refuse(struct connect_msg_token_answer *m, enum catalog_class class)
{
	m->answer.class = class;
	m->answer.wait_s = provider.wait_s;
	snprintf(m->answer.error, sizeof(m->answer.error), "refused");
}

static void
provider_refresh(const char *sent, struct connect_msg_token_answer *m)
{
	char good[64];

	provider.refreshes++;
	snprintf(good, sizeof(good), "refresh-%u", provider.current);
	if (strcmp(sent, good) != 0) {
		provider.reused++;
		provider_refuse(m, CATALOG_DEAD_GRANT);
		return;
	}
	if (provider.rotates)
		provider.current++;
	provider_give(m);
	if (!provider.rotates) { /* nothing comes back but a new token */
		secret_free(m->answer.refresh_token);
		m->answer.refresh_token = NULL;
		secret_free(m->answer.access_token);
		m->answer.access_token =
			token("access-again", provider.refreshes);
	}
}

static void
provider_reply(struct proc_request *rq, struct connect_msg_token_answer *m)
{
	struct proc_pack *p = proc_pack_new();

	m->sent = true;
	connect_msg_token_answer_pack(m, p);
	connect_msg_token_answer_release(m);
	proc_reply(rq, 0, p);
}

static void
on_token(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	static struct connect_msg_token_answer m;
	static struct connect_msg_token t;

	(void)arg;
	ASSERT(!connect_msg_token_unpack(in, &t));
	if (provider.declines) {
		connect_msg_token_release(&t);
		proc_reply(rq, provider.declines, NULL);
		return;
	}
	memset(&m, 0, sizeof(m));
	text_of(t.refresh_token, provider.last_sent,
		sizeof(provider.last_sent));
	snprintf(provider.last_url, sizeof(provider.last_url), "%s",
		 t.what == METHOD_REFRESH ? t.binding->refresh_url
					  : t.binding->token_url);
	if (t.what == METHOD_REVOKE) {
		provider.revocations++;
		m.revoked = !provider.revoke_error;
		if (provider.revoke_error)
			snprintf(m.answer.error, sizeof(m.answer.error), "%s",
				 provider.revoke_error);
		memcpy(provider.revoked, provider.last_sent,
		       sizeof(provider.revoked));
		text_of(t.access_token, provider.revoked_access,
			sizeof(provider.revoked_access));
		snprintf(provider.revoked_client,
			 sizeof(provider.revoked_client), "%.63s", t.client_id);
	} else if (t.what == METHOD_EXCHANGE && provider.holds_exchange) {
		provider.exchange = rq;
		connect_msg_token_release(&t);
		return;
	} else if (t.what == METHOD_EXCHANGE) {
		provider.exchanges++;
		provider.current++;
		provider_give(&m);
	} else if (provider.says == HOLDS) {
		ASSERT(provider.held_count < ARRAY_LEN(provider.held));
		memcpy(provider.held_token[provider.held_count],
		       provider.last_sent, sizeof(provider.last_sent));
		provider.held[provider.held_count++] = rq;
		connect_msg_token_release(&t);
		return;
	} else if (provider.says == SAYS_NOTHING) {
		m.err = ERR_CLOSED;
	} else if (provider.says == SAYS_FAILURE) {
		provider.refreshes++;
		provider_refuse(&m, provider.class);
	} else {
		provider_refresh(provider.last_sent, &m);
	}
	connect_msg_token_release(&t);
	provider_reply(rq, &m);
}

/* So is the code that it has held. */
static inline void
provider_exchange(void)
{
	static struct connect_msg_token_answer m;

	memset(&m, 0, sizeof(m));
	provider.exchanges++;
	provider.current++;
	provider_give(&m);
	provider_reply(provider.exchange, &m);
	provider.exchange = NULL;
}

/* What it has held is worked on now. */
static inline void
provider_release(void)
{
	static struct connect_msg_token_answer m;
	size_t i;

	provider.says = SAYS_TOKENS;
	for (i = 0; i < provider.held_count; i++) {
		memset(&m, 0, sizeof(m));
		provider_refresh(provider.held_token[i], &m);
		provider_reply(provider.held[i], &m);
	}
	provider.held_count = 0;
}

/* What it has held is never answered. */
static inline void
provider_forget(void)
{
	size_t i;

	for (i = 0; i < provider.held_count; i++) {
		ASSERT(provider.lost_count < ARRAY_LEN(provider.lost));
		provider.lost[provider.lost_count++] = provider.held[i];
	}
	provider.held_count = 0;
	provider.says = SAYS_TOKENS;
}

/* Tests of credentials are held until test_answer(). */
static struct {
	struct proc_request *held[8];
	char headers[8][64]; /* what each came with */
	size_t count, index; /* index: of the last */
} trials;

static void
on_test(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	static struct connect_msg_test m;

	(void)arg;
	ASSERT(trials.count < ARRAY_LEN(trials.held));
	ASSERT(!connect_msg_test_unpack(in, &m));
	text_of(m.add.headers, trials.headers[trials.count],
		sizeof(trials.headers[0]));
	trials.index = m.index;
	trials.held[trials.count++] = rq;
	connect_msg_test_release(&m);
}

static inline void
test_answer(size_t n, const struct connect_msg_tested *m)
{
	struct proc_pack *p = proc_pack_new();

	connect_msg_tested_pack(m, p);
	proc_reply(trials.held[n], 0, p);
	trials.held[n] = NULL;
}

static const struct proc_message exchanger_table[] = {
	{ CONNECT_EXCHANGER_TOKEN, "token", 1u << PROC_KEEPER, on_token },
	{ CONNECT_EXCHANGER_TEST, "test", 1u << PROC_KEEPER, on_test },
	{ 0, NULL, 0, NULL },
};

/* ---- the front ---- */

static void
on_status(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	(void)arg;
	ASSERT(!connect_msg_status_unpack(in, &w.told));
	w.tellings++;
	proc_reply(rq, 0, NULL);
}

static const struct proc_message front_table[] = {
	{ CONNECT_FRONT_STATUS, "status", 1u << PROC_KEEPER, on_status },
	{ 0, NULL, 0, NULL },
};

/* A question and its answer. */
struct asked {
	struct proc_call call;
	enum connect_message type;
	bool done;
	int err;
	struct connect_msg_problem problem;
	struct connect_msg_grant grant;
	struct connect_msg_revoked revoked;
	struct connect_counts counts;
	uint64_t generation, fresh_ms;
	char token[64];
	char left[256]; /* subjects, each with a bar behind it */
	size_t left_count;
	struct connect_msg_subject left_last;
	char scrub[128]; /* what is to be masked, each with a bar behind it */
};

static void
answer_injection(struct asked *a, struct proc_unpack *in)
{
	static struct connect_msg_injection m;
	size_t i, n;

	ASSERT(!connect_msg_injection_unpack(in, &m));
	a->generation = m.generation;
	a->fresh_ms = m.fresh_ms;
	text_of(m.add.headers, a->token, sizeof(a->token));
	a->scrub[0] = '\0';
	for (i = 0; i < m.scrub_count; i++) {
		n = strlen(a->scrub);
		snprintf(a->scrub + n, sizeof(a->scrub) - n, "%s|",
			 secret_peek(m.scrub[i]));
	}
	connect_msg_injection_release(&m);
}

static void
answer_left(struct asked *a, struct proc_unpack *in)
{
	size_t n;

	a->left_count = proc_unpack_u64(in);
	for (n = 0; n < a->left_count; n++) {
		size_t at = strlen(a->left);

		ASSERT(!connect_msg_subject_read(in, &a->left_last));
		snprintf(a->left + at, sizeof(a->left) - at, "%s|",
			 a->left_last.subject);
	}
	assert_true(proc_unpack_done(in));
}

static void
on_answer(struct proc_call *call, int err, struct proc_unpack *in)
{
	struct asked *a = CONTAINER_OF(call, struct asked, call);

	assert_false(a->done);
	a->done = true;
	a->err = err;
	if (err) {
		connect_msg_problem_unpack(in, err, &a->problem);
		return;
	}
	switch (a->type) {
	case CONNECT_KEEPER_INJECT:
	case CONNECT_KEEPER_REFUSED:
		answer_injection(a, in);
		break;
	case CONNECT_KEEPER_REFRESH:
	case CONNECT_KEEPER_CONSENT_FINISH:
	case CONNECT_KEEPER_CREDENTIAL:
		ASSERT(!connect_msg_grant_unpack(in, &a->grant));
		break;
	case CONNECT_KEEPER_REVOKE:
		ASSERT(!connect_msg_revoked_unpack(in, &a->revoked));
		break;
	case CONNECT_KEEPER_LEFT:
		answer_left(a, in);
		break;
	case CONNECT_KEEPER_COUNTS:
		ASSERT(!connect_msg_counts_unpack(in, &a->counts));
		break;
	default:
		break;
	}
}

static void
turn_ended(struct loop_timer *t)
{
	loop_stop(t->loop);
}

/* Lets all go on for a while. */
static void
run(uint32_t ms)
{
	struct loop_timer timer = { 0 };

	loop_timer_start(w.loop, &timer, ms, turn_ended);
	loop_run(w.loop);
	loop_timer_cancel(&timer);
}

static void
run_until(const bool *flag)
{
	int i;

	for (i = 0; i < 500 && !*flag; i++)
		run(2);
	assert_true(*flag);
}

static void
ask_for(unsigned keeper, struct asked *a, enum connect_message type,
	struct proc_pack *body, uint32_t ms)
{
	memset(a, 0, sizeof(*a));
	a->type = type;
	proc_call_start(w.front[keeper], (uint16_t)type, body, ms, &a->call,
			on_answer);
}

static void
ask_with(unsigned keeper, struct asked *a, enum connect_message type,
	 struct proc_pack *body)
{
	ask_for(keeper, a, type, body, 30000);
}

/* About the grant of w.who; generation: of REFUSED. */
static void
ask(unsigned keeper, struct asked *a, enum connect_message type,
    uint64_t generation)
{
	struct connect_msg_subject who = w.who;
	struct proc_pack *p = proc_pack_new();

	who.generation = generation;
	connect_msg_subject_pack(&who, p);
	ask_with(keeper, a, type, p);
}

static inline void
get(unsigned keeper, struct asked *a, enum connect_message type)
{
	ask(keeper, a, type, 0);
	run_until(&a->done);
}

/* The header's value as calls carry it, "" when none is given. */
static inline const char *
injected(unsigned keeper)
{
	static struct asked a;

	get(keeper, &a, CONNECT_KEEPER_INJECT);
	return a.err ? "" : a.token;
}

static inline struct connect_counts
counts(unsigned keeper)
{
	static struct asked a;

	w.k[keeper].counted_at = 0;
	ask_with(keeper, &a, CONNECT_KEEPER_COUNTS, proc_pack_new());
	run_until(&a.done);
	assert_int_equal(a.err, 0);
	return a.counts;
}

static inline struct keeper_row
row(void)
{
	struct keeper_row r;

	assert_int_equal(keeper_row_load(&w.k[0], &w.who, &r), 0);
	return r;
}

/* All clocks of keepers go on by so much. */
static inline void
pass(int64_t ms)
{
	w.k[0].clock.base_ms += ms;
	w.k[1].clock.base_ms += ms;
}

/* ---- a connected connection ---- */

static void
give_app_of(const char *client_id, const char *data_centre)
{
	static struct connect_msg_app m;
	struct proc_pack *p = proc_pack_new();
	static struct asked a;

	memset(&m, 0, sizeof(m));
	snprintf(m.org, sizeof(m.org), "org");
	snprintf(m.app, sizeof(m.app), "test_desk");
	m.custom = true;
	snprintf(m.client_id, sizeof(m.client_id), "%s", client_id);
	snprintf(m.data_centre, sizeof(m.data_centre), "%s", data_centre);
	connect_msg_app_pack(&m, p);
	ask_with(0, &a, CONNECT_KEEPER_APP, p);
	run_until(&a.done);
	assert_int_equal(a.err, 0);
}

static void
give_app(void)
{
	give_app_of("client", "");
}

static void
begin_consent(unsigned char tag)
{
	static struct connect_msg_begin m;
	struct proc_pack *p = proc_pack_new();
	static struct asked a;

	memset(&m, 0, sizeof(m));
	m.who = w.who;
	m.state[0] = tag;
	m.binding = w.binding;
	m.life_s = 60;
	connect_msg_begin_pack(&m, p);
	ask_with(0, &a, CONNECT_KEEPER_CONSENT_BEGIN, p);
	run_until(&a.done);
	assert_int_equal(a.err, 0);
}

/* Waits so long for its end. */
static void
ask_finish(unsigned char tag, struct asked *a, uint32_t ms)
{
	static struct connect_msg_finish m;
	struct proc_pack *p = proc_pack_new();

	memset(&m, 0, sizeof(m));
	m.state[0] = tag;
	m.code = secret_from("code", 4);
	connect_msg_finish_pack(&m, p);
	connect_msg_finish_release(&m);
	ask_for(0, a, CONNECT_KEEPER_CONSENT_FINISH, p, ms);
}

static void
finish_consent(unsigned char tag, struct asked *a)
{
	ask_finish(tag, a, 30000);
	run_until(&a->done);
}

/* Consent for w.who, from beginning to end; the answer is in *a. */
static void
consent(struct asked *a)
{
	static unsigned char tag;

	begin_consent(++tag);
	finish_consent(tag, a);
}

/* Another connection from now on. */
static void
connect_another(void)
{
	static struct asked a;

	memset(&w.who, 0, sizeof(w.who));
	snprintf(w.who.org, sizeof(w.who.org), "org");
	snprintf(w.who.connection, sizeof(w.who.connection), "connection%u",
		 ++w.connections);
	consent(&a);
	assert_int_equal(a.err, 0);
}

/* ---- begin and end ---- */

/* How its access is taken back; an object of a definition, or NULL. */
static const char *world_revoke =
	"{\"url\":\"https://login.example.com/revoke\"}";

static const char *world_token = "https://login.example.com/token";

/* More of the method's definition: "\"refresh\":{…}," or "". */
static void
define(const char *more)
{
	struct catalog_report report = { 0 };
	struct json_problem problem = { 0 };
	struct catalog_source source = { .org = "org" };
	char text[4096];

	snprintf(text, sizeof(text),
		 "{\"id\":\"test_desk\",\"name\":\"Test Desk\","
		 "\"categories\":[\"Test\"],\"methods\":{\"oauth\":{"
		 "\"kind\":\"oauth2_code\",\"name\":\"Sign in\","
		 "\"authorize\":{\"url\":\"https://login.example.com/auth\"},"
		 "\"token\":{\"url\":\"%s\"},"
		 "%s%s%s%s"
		 "\"inject\":[{\"in\":\"header\",\"name\":\"Authorization\","
		 "\"value\":\"Bearer {access_token}\"}]}},"
		 "\"api\":{\"base_url\":\"https://api.example.com\","
		 "\"hosts\":[\"api.example.com\"]}}",
		 world_token, world_revoke ? "\"revoke\":" : "",
		 world_revoke ? world_revoke : "", world_revoke ? "," : "",
		 more);
	source.text = slice_str(text);
	binding_free(w.binding);
	if (w.catalog)
		catalog_unref(w.catalog);
	if (catalog_new(&source, 1, &w.catalog, &report) || report.count)
		fail_msg("%s: %s", report.items[0].pointer,
			 report.items[0].detail);
	if (catalog_bind(catalog_find(w.catalog, "org", "test_desk"), "oauth",
			 NULL, &w.binding, &problem))
		fail_msg("%s", problem.detail);
}

static void
pair(struct proc_channel **near, enum proc_role near_peer,
     const struct proc_message *near_table, struct proc_channel **far,
     enum proc_role far_peer, const struct proc_message *far_table, void *arg)
{
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX,
			   SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			   fds),
		0);
	assert_int_equal(proc_channel_new(w.loop, fds[0], near_peer, near_table,
					  NULL, near),
			 0);
	assert_int_equal(
		proc_channel_new(w.loop, fds[1], far_peer, far_table, arg, far),
		0);
}

static struct proc_env keeper_env;

static void
keeper_begin(unsigned n)
{
	struct keeper *k = &w.k[n];
	char url[128], detail[256] = "";

	memset(k, 0, sizeof(*k));
	k->loop = w.loop;
	k->active = table_new();
	k->env = &keeper_env;
	keeper_env.data = temp_folder;
	k->ring = calloc(1, sizeof(*k->ring));
	k->ring->keeper = k;
	k->ring->current = secret_from("0123456789abcdef0123456789abcdef", 32);
	vault_key_id(k->ring->current, k->ring->current_id);
	snprintf(k->node, sizeof(k->node), "node%u", n);
	snprintf(url, sizeof(url), "sqlite:%s", temp_path("grants.db"));
	if (store_open(url, "keeper", &k->store, detail, sizeof(detail)))
		fail_msg("%s", detail);
	assert_int_equal(store_acquire(k->store, &k->db), 0);
	assert_int_equal(keeper_row_recover(k), 0);
	pair(&w.front[n], PROC_KEEPER, front_table, &k->front, PROC_FRONT,
	     keeper_messages, k);
	pair(&w.exchanger[n], PROC_KEEPER, exchanger_table, &k->exchanger,
	     PROC_EXCHANGER, keeper_no_messages, k);
}

static void
keeper_end(unsigned n)
{
	struct keeper *k = &w.k[n];

	loop_timer_cancel(&k->keep);
	keeper_active_free_all(k);
	proc_channel_free(k->front);
	proc_channel_free(k->exchanger);
	proc_channel_free(w.front[n]);
	proc_channel_free(w.exchanger[n]);
	keeper_revoke_free_all(k);
	store_release(k->db);
	store_close(k->store);
	keeper_ring_free(k);
	if (k->defaults)
		catalog_unref(k->defaults);
}

/* As a kill does: nothing is written any more; and started again. */
static inline void
keeper_restart(unsigned n)
{
	keeper_end(n);
	keeper_begin(n);
}

static int
begin(void **state)
{
	memset(&w, 0, sizeof(w));
	memset(&provider, 0, sizeof(provider));
	memset(&trials, 0, sizeof(trials));
	provider.rotates = provider.gives_refresh = true;
	provider.life_s = 3600;
	log_setup("test", LOG_ERROR + 1);
	if (temp_folder_begin(state) || vault_init() || loop_new(&w.loop))
		return -1;
	keeper_begin(0);
	keeper_begin(1);
	define("");
	give_app();
	connect_another();
	return 0;
}

static int
end(void **state)
{
	size_t i;

	keeper_end(0);
	keeper_end(1);
	provider_forget();
	for (i = 0; i < trials.count; i++)
		if (trials.held[i])
			proc_reply(trials.held[i], ERR_CLOSED, NULL);
	for (i = 0; i < provider.lost_count; i++)
		proc_reply(provider.lost[i], ERR_CLOSED, NULL);
	binding_free(w.binding);
	catalog_unref(w.catalog);
	loop_free(w.loop);
	return temp_folder_end(state);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

#endif
