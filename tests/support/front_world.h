/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A front to test without the other roles: a real store in a temporary
 * folder, a loop of its own, and a keeper behind a socket pair that does as
 * the test says (struct `keeper`).
 *
 * A unit test includes it once, and cmocka with it.
 */
#ifndef SUPPORT_FRONT_WORLD_H
#define SUPPORT_FRONT_WORLD_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "connect/connect_priv.h"

#ifndef FRONT_WORLD_THREADS
#define FRONT_WORLD_THREADS 1
#endif

static const char definition[] =
	"{\"id\":\"test_desk\",\"name\":\"Test Desk\",\"categories\":[\"Test\"],"
	"\"methods\":{"
	"\"oauth\":{\"kind\":\"oauth2_code\",\"name\":\"Sign in\","
	"\"authorize\":{\"url\":\"https://login.example.com/auth?tenant=1\","
	"\"parameters\":{\"prompt\":\"consent\"},\"scope_separator\":\",\","
	"\"second_scope_parameter\":\"user_scope\","
	"\"issuer\":\"https://login.example.com\",\"issuer_required\":true},"
	"\"token\":{\"url\":\"https://login.example.com/token\"},"
	"\"rename\":{\"client_id\":\"client_key\"},"
	"\"captures\":[{\"name\":\"realm\",\"from\":\"callback\","
	"\"field\":\"realmId\",\"pattern\":\"^[0-9]{1,20}$\"}],"
	"\"inject\":[{\"in\":\"header\",\"name\":\"Authorization\","
	"\"value\":\"Bearer {access_token}\"}]},"
	"\"key\":{\"kind\":\"api_key\",\"name\":\"Key\","
	"\"fields\":[{\"name\":\"api_key\",\"label\":\"Key\"}],"
	"\"inject\":[{\"in\":\"header\",\"name\":\"X-Key\","
	"\"value\":\"{api_key}\"}]}},"
	"\"scopes\":[{\"name\":\"tickets.READ\",\"description\":\"Read "
	"tickets\",\"preset\":true},{\"name\":\"tickets.ALL\","
	"\"description\":\"Everything\"}],"
	"\"second_scopes\":[{\"name\":\"me.READ\",\"description\":\"See who "
	"you are\"}],"
	"\"api\":{\"base_url\":\"https://api.example.com\","
	"\"hosts\":[\"api.example.com\"]}}";

/* ---- a keeper that does as it is told ---- */

static struct {
	int err; /* of its next answers; 0: well */
	const char *code, *detail, *pointer;
	const char *scope; /* granted; NULL: does not tell */
	unsigned begun, finished, credentials, forgotten, revoked, left;
	unsigned suspended, resumed;
	bool untested;	   /* the last credential was not to be tested */
	bool revoke_fails; /* the provider says no */
	int revoke_err;	   /* the keeper does */
	int suspend_err;   /* and to suspend, or leave */
	/* What others do before it answers that, the next time. */
	void (*meanwhile)(void);
	unsigned revoked_how;
	struct connect_msg_subject marked[80]; /* were left; in order */
	size_t marked_count;
	_Atomic unsigned looked; /* for these */
	int looked_err;
	bool in_pairs; /* answers a begin when the next one has come */
	struct proc_request *held;
	struct connect_msg_begin begin; /* the last; no binding */
	char sent_code[64], captured[64];
	size_t captures;
	bool state_fits;		  /* finished what was begun last */
	struct connect_msg_status change; /* the last; its number 0: none */
	_Atomic unsigned changes_refused; /* so many times */
	_Atomic unsigned egress_told;
	struct connect_msg_egress egress; /* as told last */
} keeper;

static bool
keeper_refuses(struct proc_request *rq)
{
	struct connect_msg_problem m = { 0 };
	struct proc_pack *p;

	if (!keeper.err)
		return false;
	p = proc_pack_new();
	snprintf(m.code, sizeof(m.code), "%s", keeper.code);
	snprintf(m.detail, sizeof(m.detail), "%s", keeper.detail);
	snprintf(m.pointer, sizeof(m.pointer), "%s",
		 keeper.pointer ? keeper.pointer : "");
	connect_msg_problem_pack(&m, p);
	proc_reply(rq, keeper.err, p);
	return true;
}

static void
keeper_grants(struct proc_request *rq)
{
	static struct connect_msg_grant g;
	struct proc_pack *p = proc_pack_new();

	memset(&g, 0, sizeof(g));
	g.generation = 1;
	g.has_scope = keeper.scope != NULL;
	snprintf(g.scope, sizeof(g.scope), "%s",
		 keeper.scope ? keeper.scope : "");
	snprintf(g.account, sizeof(g.account), "ada@example.com");
	connect_msg_grant_pack(&g, p);
	proc_reply(rq, 0, p);
}

static void
begin_answer(struct proc_request *rq)
{
	struct connect_msg_begun m = { .client_id = "app & co",
				       .challenge = "CHALLENGE" };
	struct proc_pack *p = proc_pack_new();

	connect_msg_begun_pack(&m, p);
	proc_reply(rq, 0, p);
}

static void
on_begin(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct proc_request *held = keeper.held;

	(void)arg;
	keeper.begun++;
	ASSERT(!connect_msg_begin_unpack(in, &keeper.begin));
	binding_free(keeper.begin.binding);
	keeper.begin.binding = NULL;
	if (keeper_refuses(rq))
		return;
	if (keeper.in_pairs && !held) {
		keeper.held = rq;
		return;
	}
	keeper.held = NULL;
	if (held)
		begin_answer(held);
	begin_answer(rq);
}

static void
on_finish(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	static struct connect_msg_finish m;

	(void)arg;
	keeper.finished++;
	ASSERT(!connect_msg_finish_unpack(in, &m));
	keeper.state_fits =
		!memcmp(m.state, keeper.begin.state, sizeof(m.state));
	slice_copy(slice_of(secret_peek(m.code), secret_len(m.code)),
		   keeper.sent_code, sizeof(keeper.sent_code));
	keeper.captures = m.capture_count;
	snprintf(keeper.captured, sizeof(keeper.captured), "%.63s",
		 m.capture_count ? m.captures[0].value : "");
	connect_msg_finish_release(&m);
	if (!keeper_refuses(rq))
		keeper_grants(rq);
}

static void
on_credential(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct connect_msg_credential m;

	(void)arg;
	keeper.credentials++;
	ASSERT(!connect_msg_credential_unpack(in, &m));
	keeper.untested = m.untested;
	connect_msg_credential_release(&m);
	if (!keeper_refuses(rq))
		keeper_grants(rq);
}

static void
on_changes(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct proc_pack *p = proc_pack_new();
	bool later = keeper.change.change > proc_unpack_u64(in);

	(void)arg;
	if (keeper.changes_refused) {
		keeper.changes_refused--;
		proc_reply(rq, ERR_TIMEOUT, p);
		return;
	}
	if (later)
		connect_msg_status_pack(&keeper.change, p);
	proc_reply(rq, 0, p);
}

static void
on_forget(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	(void)in;
	(void)arg;
	keeper.forgotten++;
	proc_reply(rq, 0, NULL);
}

static void
on_revoke(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct connect_msg_revoked m = { .upstream = !keeper.revoke_fails,
					 .generation = 1 };
	struct connect_msg_subject who;
	struct proc_pack *p = proc_pack_new();

	(void)arg;
	ASSERT(!connect_msg_subject_unpack(in, &who));
	keeper.revoked++;
	keeper.revoked_how = (unsigned)who.generation;
	if (keeper.revoke_err) {
		proc_pack_free(p);
		proc_reply(rq, keeper.revoke_err, NULL);
		return;
	}
	if (keeper.revoke_fails)
		snprintf(m.detail, sizeof(m.detail), "HTTP 400");
	connect_msg_revoked_pack(&m, p);
	proc_reply(rq, 0, p);
}

static void
on_egress(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	(void)arg;
	ASSERT(!connect_msg_egress_unpack(in, &keeper.egress));
	keeper.egress_told++;
	if (!keeper_refuses(rq))
		proc_reply(rq, 0, NULL);
}

static void
on_suspend(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	void (*meanwhile)(void) = keeper.meanwhile;
	struct connect_msg_subject who;

	(void)arg;
	ASSERT(!connect_msg_subject_unpack(in, &who));
	keeper.left += who.generation == CONNECT_LEAVE;
	keeper.suspended += who.generation == CONNECT_SUSPEND;
	keeper.resumed += who.generation == CONNECT_RESUME;
	if (meanwhile) {
		keeper.meanwhile = NULL;
		meanwhile();
	}
	proc_reply(rq, keeper.suspend_err, NULL);
}

static void
on_left(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct connect_msg_subject after, *list = keeper.marked;
	struct proc_pack *p = proc_pack_new();
	size_t i = 0, n;

	(void)arg;
	ASSERT(!connect_msg_subject_unpack(in, &after));
	keeper.looked++;
	while (i < keeper.marked_count && after.connection[0] &&
	       strcmp(list[i].subject, after.subject) <= 0)
		i++;
	n = keeper.marked_count - i;
	if (n > CONNECT_LEFT_MAX)
		n = CONNECT_LEFT_MAX;
	proc_pack_u64(p, n);
	for (; n; n--)
		connect_msg_subject_pack(&list[i++], p);
	proc_reply(rq, keeper.looked_err, p);
}

static void
on_other(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	(void)in;
	(void)arg;
	proc_reply(rq, 0, NULL);
}

#define FROM_FRONT (1u << PROC_FRONT)
static const struct proc_message keeper_table[] = {
	{ CONNECT_KEEPER_CREDENTIAL, "credential", FROM_FRONT, on_credential },
	{ CONNECT_KEEPER_APP, "app", FROM_FRONT, on_other },
	{ CONNECT_KEEPER_CONSENT_BEGIN, "begin", FROM_FRONT, on_begin },
	{ CONNECT_KEEPER_CONSENT_FINISH, "finish", FROM_FRONT, on_finish },
	{ CONNECT_KEEPER_REVOKE, "revoke", FROM_FRONT, on_revoke },
	{ CONNECT_KEEPER_FORGET, "forget", FROM_FRONT, on_forget },
	{ CONNECT_KEEPER_SUSPEND, "suspend", FROM_FRONT, on_suspend },
	{ CONNECT_KEEPER_CHANGES, "changes", FROM_FRONT, on_changes },
	{ CONNECT_KEEPER_LEFT, "left", FROM_FRONT, on_left },
	{ CONNECT_KEEPER_EGRESS, "egress", FROM_FRONT, on_egress },
	{ 0, NULL, 0, NULL },
};

/* ---- the world around ---- */

static struct {
	char folder[32];
	struct store *store;
	struct store_conn *c;
	struct loop *loop;
	struct loop_pool *pool;
	pthread_t thread;
	struct connect_views *views;
	struct connect_front *front;
	struct egress_policy *policy; /* NULL: none */
	struct proc_channel *near, *far;
	struct people_actor *owner;
	struct connect_who who;
	struct arena *arena;
	struct connect_problem p;
} w;

static void *
run_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

static void
open_store(void)
{
	char url[96], org[PEOPLE_ID_SIZE], detail[200] = "";

	strcpy(w.folder, "/tmp/connect_test.XXXXXX");
	assert_non_null(mkdtemp(w.folder));
	snprintf(url, sizeof(url), "sqlite:%s/main.db", w.folder);
	if (store_open(url, "main", &w.store, detail, sizeof(detail)))
		fail_msg("%s", detail);
	assert_int_equal(store_acquire(w.store, &w.c), 0);
	assert_int_equal(store_begin(w.c), 0);
	assert_int_equal(people_org_ensure(w.c, org), 0);
	assert_int_equal(store_commit(w.c), 0);
	assert_int_equal(people_actor_local(w.c, &w.owner), 0);
	w.who.actor = w.owner;
}

static void
start_front(void)
{
	struct connect_front_config config = { 0 };
	int fds[2];

	assert_int_equal(loop_new(&w.loop), 0);
	assert_int_equal(loop_pool_new(FRONT_WORLD_THREADS, &w.pool), 0);
	assert_int_equal(connect_views_new(w.store, w.pool, &w.views), 0);
	config.store = w.store;
	config.loop = w.loop;
	config.pool = w.pool;
	config.public_url = "https://draw.example";
	config.views = w.views;
	config.policy = w.policy;
	assert_int_equal(connect_front_new(&config, &w.front), 0);
	assert_int_equal(
		socketpair(AF_UNIX,
			   SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			   fds),
		0);
	assert_int_equal(proc_channel_new(w.loop, fds[0], PROC_KEEPER,
					  connect_front_messages, w.front,
					  &w.near),
			 0);
	assert_int_equal(proc_channel_new(w.loop, fds[1], PROC_FRONT,
					  keeper_table, NULL, &w.far),
			 0);
	assert_int_equal(pthread_create(&w.thread, NULL, run_loop, w.loop), 0);
	connect_front_attach(w.front, w.near);
}

static void
define_service(void)
{
	struct connect_app_new app = { .client_id = "app & co" };
	struct catalog_report report = { 0 };
	char id[CATALOG_ID_MAX + 1];

	if (connect_front_service_save(w.front, w.c, &w.who, NULL, 0,
				       slice_str(definition), &report, id,
				       &w.p))
		fail_msg("%s %s %s", w.p.detail, w.p.pointer,
			 report.items[0].detail);
	if (connect_front_app_set(w.front, w.c, &w.who, id, &app, &w.p))
		fail_msg("%s", w.p.detail);
}

static int
begin_world(void **state)
{
	(void)state;
	log_setup("test", LOG_ERROR);
	open_store();
	start_front();
	define_service();
	return 0;
}

static int
end_world(void **state)
{
	char path[64];
	const char *ends[] = { "", "-wal", "-shm" };
	size_t i;

	(void)state;
	loop_pool_wait(w.pool);
	loop_stop(w.loop);
	pthread_join(w.thread, NULL);
	proc_channel_free(w.near);
	proc_channel_free(w.far);
	store_release(w.c);
	connect_front_free(w.front);
	connect_views_free(w.views);
	loop_pool_free(w.pool);
	loop_free(w.loop);
	store_close(w.store);
	people_actor_unref(w.owner);
	egress_policy_free(w.policy);
	for (i = 0; i < ARRAY_LEN(ends); i++) {
		snprintf(path, sizeof(path), "%s/main.db%s", w.folder, ends[i]);
		unlink(path);
	}
	return rmdir(w.folder);
}

static int
begin_test(void **state)
{
	(void)state;
	memset(&keeper, 0, sizeof(keeper));
	memset(&w.p, 0, sizeof(w.p));
	w.who.session = NULL;
	w.arena = arena_new(1 << 20);
	return w.arena ? 0 : -1;
}

static int
end_test(void **state)
{
	(void)state;
	arena_free(w.arena);
	return 0;
}

/* One number out of the store. */
static inline int64_t
number(const char *sql, const char *value)
{
	struct store_stmt *st = NULL;
	int64_t n = -1;

	assert_int_equal(store_query(w.c, &st, sql, "s", value), 0);
	if (store_step(st) == 1)
		n = store_col_int(st, 0);
	store_done(st);
	return n;
}

#endif
