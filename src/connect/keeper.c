/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper: holds secrets, and no network.
 *
 * It has the master key and the grants' own database.  It answers the front
 * (injections, consent, apps), asks the exchanger (token endpoints), and
 * decides about refresh.  The table of messages below is all that can be
 * asked of it; there is none that gives out a refresh token, a client secret
 * or a key.
 *
 * One thread: everything that happens to grants happens one after the other.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "connect/keeper_keys_priv.h"

enum {
	EXIT_CONFIG = 78,
	TIDY_MS = 10 * 60 * 1000,
	TICK_MS = 10 * 1000,
	STOP_LOOK_MS = 20,
	COUNTED_MS = 5 * 1000, /* counts of rows may be so old */
};

/* ---- replies ---- */

static void problem_set(struct connect_msg_problem *p, const char *code,
			enum connect_status status, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));

static void
problem_set(struct connect_msg_problem *p, const char *code,
	    enum connect_status status, const char *fmt, va_list ap)
{
	memset(p, 0, sizeof(*p));
	snprintf(p->code, sizeof(p->code), "%s", code);
	p->status = status;
	vsnprintf(p->detail, sizeof(p->detail), fmt, ap);
	slice_mend_utf8(p->detail);
}

void
keeper_problem_set(struct connect_msg_problem *p, const char *code,
		   enum connect_status status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_set(p, code, status, fmt, ap);
	va_end(ap);
}

void
keeper_fail(struct proc_request *rq, int err,
	    const struct connect_msg_problem *problem)
{
	struct proc_pack *p = proc_pack_new();

	ASSERT(err < 0);
	connect_msg_problem_pack(problem, p);
	proc_reply(rq, err, p);
}

void
keeper_fail_with(struct proc_request *rq, int err, const char *code,
		 enum connect_status status, const char *fmt, ...)
{
	struct connect_msg_problem problem;
	va_list ap;

	va_start(ap, fmt);
	problem_set(&problem, code, status, fmt, ap);
	va_end(ap);
	keeper_fail(rq, err, &problem);
}

void
keeper_grant_fill(struct keeper *k, const struct keeper_row *r,
		  const struct keeper_payload *p, const struct method_answer *a,
		  const char *account, const char *warning,
		  struct connect_msg_grant *out)
{
	memset(out, 0, sizeof(*out));
	out->generation = r->who.generation;
	out->expires_at = keeper_to_wall(k, r->expires_at);
	out->ends_at = keeper_to_wall(k, r->ends_at);
	out->idle_ends_at = keeper_to_wall(k, r->idle_ends_at);
	if (a) {
		out->has_scope = a->has_scope;
		memcpy(out->scope, a->scope, sizeof(out->scope));
		memcpy(out->second_scope, a->second_scope,
		       sizeof(out->second_scope));
	}
	snprintf(out->ends_why, sizeof(out->ends_why), "%s", r->ends_why);
	snprintf(out->account, sizeof(out->account), "%s", account);
	snprintf(out->warning, sizeof(out->warning), "%s", warning);
	if (p->binding->data_centre)
		snprintf(out->data_centre, sizeof(out->data_centre), "%s",
			 p->binding->data_centre);
}

void
keeper_reply_grant(struct keeper *k, struct proc_request *rq,
		   const struct keeper_row *r, const struct keeper_payload *pl,
		   const struct method_answer *a, const char *account,
		   const char *warning)
{
	struct proc_pack *p = proc_pack_new();
	struct connect_msg_grant m;

	keeper_grant_fill(k, r, pl, a, account, warning, &m);
	connect_msg_grant_pack(&m, p);
	proc_reply(rq, 0, p);
}

/* ---- short handlers ---- */

static void
keeper_forget(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct connect_msg_subject who;
	struct keeper *k = arg;
	int rc = connect_msg_subject_unpack(in, &who);

	if (!rc && who.generation > CONNECT_FORGET_LEFT)
		rc = ERR_PROTOCOL;
	if (!rc && who.generation == CONNECT_FORGET_LEFT)
		rc = keeper_row_forget_left(k, who.connection, who.subject);
	else if (!rc)
		rc = keeper_row_forget(k, who.connection, who.subject);
	if (!rc)
		keeper_active_drop(k, who.connection, who.subject);
	proc_reply(rq, rc, NULL);
}

static void
keeper_suspend(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct connect_msg_subject who;
	struct keeper *k = arg;
	int rc = connect_msg_subject_unpack(in, &who);

	if (!rc && who.generation > CONNECT_LEAVE)
		rc = ERR_PROTOCOL;
	if (!rc)
		rc = keeper_row_suspend(k, &who,
					(enum connect_suspend)who.generation);
	proc_reply(rq, rc, NULL);
}

static void
keeper_changes(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	uint64_t after = proc_unpack_u64(in);
	struct proc_pack *p = proc_pack_new();
	int rc = proc_unpack_done(in) ? 0 : ERR_PROTOCOL;

	if (!rc)
		rc = keeper_row_changes(arg, after, p);
	proc_reply(rq, rc, p);
}

static void
keeper_left(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct connect_msg_subject after;
	struct proc_pack *p = proc_pack_new();
	int rc = connect_msg_subject_unpack(in, &after);

	if (!rc)
		rc = keeper_row_left(arg, &after, p);
	proc_reply(rq, rc, p);
}

static uint64_t
count_where(struct keeper *k, const char *sql)
{
	struct store_stmt *st;
	uint64_t n = 0;

	if (store_query(k->db, &st, sql, ""))
		return 0;
	if (store_step(st) == 1)
		n = (uint64_t)store_col_int(st, 0);
	store_done(st);
	return n;
}

/* None looks into the rows, which are large: each goes by an index, and says
 * that one's condition in its words. */
const char *const keeper_counts_sql[KEEPER_COUNTED] = {
	"SELECT count(*) FROM grants",
	"SELECT (SELECT count(*) FROM grants) - "
	"(SELECT count(*) FROM grants WHERE status <> 'connected')",
	"SELECT count(*) FROM grants WHERE subject <> ''",
	"SELECT count(*) FROM grants WHERE status <> 'connected' "
	"AND status = 'needs_reconnect' AND subject <> ''",
	"SELECT count(*) FROM grants WHERE intent <> 0",
	"SELECT count(*) FROM grants WHERE in_doubt > 1 "
	"AND status = 'connected'",
};

/* Still many entries: not for each who asks. */
static void
keeper_count_rows(struct keeper *k)
{
	struct connect_counts *c = &k->counts;
	uint64_t *const out[KEEPER_COUNTED] = {
		&c->grants,	 &c->usable,
		&c->user_grants, &c->user_needs_reconnect,
		&c->refreshing,	 &c->in_doubt
	};
	int64_t now = keeper_now(k);
	size_t i;

	if (k->counted_at && now - k->counted_at < COUNTED_MS)
		return;
	k->counted_at = now;
	for (i = 0; i < KEEPER_COUNTED; i++)
		*out[i] = count_where(k, keeper_counts_sql[i]);
}

static void
keeper_counts(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct keeper *k = arg;
	struct proc_pack *p;

	if (!proc_unpack_done(in)) {
		proc_reply(rq, ERR_PROTOCOL, NULL);
		return;
	}
	keeper_count_rows(k);
	p = proc_pack_new();
	connect_msg_counts_pack(&k->counts, p);
	proc_reply(rq, 0, p);
}

/* ---- the table ---- */

#define FROM_FRONT (1u << PROC_FRONT)

const struct proc_message keeper_messages[] = {
	{ CONNECT_KEEPER_CREDENTIAL, "credential", FROM_FRONT,
	  keeper_credential },
	{ CONNECT_KEEPER_APP, "app", FROM_FRONT, keeper_app_put },
	{ CONNECT_KEEPER_CONSENT_BEGIN, "consent begin", FROM_FRONT,
	  keeper_consent_begin },
	{ CONNECT_KEEPER_CONSENT_FINISH, "consent finish", FROM_FRONT,
	  keeper_consent_finish },
	{ CONNECT_KEEPER_INJECT, "inject", FROM_FRONT, keeper_inject },
	{ CONNECT_KEEPER_REFUSED, "refused", FROM_FRONT, keeper_refused },
	{ CONNECT_KEEPER_REFRESH, "refresh", FROM_FRONT, keeper_refresh },
	{ CONNECT_KEEPER_REVOKE, "revoke", FROM_FRONT, keeper_revoke },
	{ CONNECT_KEEPER_FORGET, "forget", FROM_FRONT, keeper_forget },
	{ CONNECT_KEEPER_SUSPEND, "suspend", FROM_FRONT, keeper_suspend },
	{ CONNECT_KEEPER_CHANGES, "changes", FROM_FRONT, keeper_changes },
	{ CONNECT_KEEPER_COUNTS, "counts", FROM_FRONT, keeper_counts },
	{ CONNECT_KEEPER_LEFT, "left", FROM_FRONT, keeper_left },
	{ CONNECT_KEEPER_EGRESS, "egress", FROM_FRONT, keeper_egress },
	{ CONNECT_KEEPER_KEYRING, "keyring", FROM_FRONT, keeper_keyring },
	{ CONNECT_KEEPER_ROTATE, "rotate", FROM_FRONT, keeper_rotate },
	{ CONNECT_KEEPER_COPY, "copy", FROM_FRONT, keeper_copy },
	{ 0, NULL, 0, NULL },
};

/* The front was told less than there was: it asks for the rest. */
static void
keeper_front_missed(struct proc_channel *c, void *arg)
{
	proc_notify(c, CONNECT_FRONT_MISSED, NULL);
	keeper_app_tell_again(arg);
}

/* The exchanger may answer, and ask nothing. */
const struct proc_message keeper_no_messages[] = { { 0, NULL, 0, NULL } };

/* ---- start and end ---- */

static void
keeper_peer(struct proc_env *env, enum proc_role peer, int fd)
{
	struct keeper *k = env->arg;

	proc_channel_replace(peer == PROC_FRONT ? k->front : k->exchanger, fd);
	if (peer == PROC_EXCHANGER)
		keeper_egress_tell(k);
	else
		keeper_app_tell_again(k);
}

/* What was asked for is brought home and stored, for as long as the parent
 * has patience. */
static void
keeper_stop_when_done(struct loop_timer *t)
{
	struct keeper *k = CONTAINER_OF(t, struct keeper, stop);

	if (!k->under_way && !keeper_active_storing(k))
		loop_stop(k->loop);
	else
		loop_timer_start(k->loop, &k->stop, STOP_LOOK_MS,
				 keeper_stop_when_done);
}

static void
keeper_stop(struct proc_env *env)
{
	struct keeper *k = env->arg;

	k->stopping = true;
	loop_timer_cancel(&k->keep);
	keeper_stop_when_done(&k->stop);
}

static void
keeper_alone(struct proc_env *env, bool alone)
{
	keeper_ring_alone(env->arg, alone);
}

static void
keeper_tidy(struct loop_timer *t)
{
	struct keeper *k = CONTAINER_OF(t, struct keeper, tidy);

	store_exec(k->db, NULL, "DELETE FROM consents WHERE expires_at < ?1",
		   "i", keeper_now(k));
	loop_timer_start(k->loop, &k->tidy, TIDY_MS, keeper_tidy);
}

/* The time is stored now and then, and a clock that was set is told.  Where
 * the database is held by another program, the next time will do: nobody is
 * to wait for it. */
static void
keeper_tick(struct loop_timer *t)
{
	struct keeper *k = CONTAINER_OF(t, struct keeper, tick);
	int64_t step;

	step = keeper_clock_step(&k->clock, clock_wall_ms(), clock_boot_ms());
	if (step)
		log_warn("the wall clock was set; tokens age as before",
			 LOG_I("by_ms", step));
	store_set_patience(k->db, false);
	keeper_row_seen(k);
	store_set_patience(k->db, true);
	loop_timer_start(k->loop, &k->tick, TICK_MS, keeper_tick);
}

/* A name for this data folder, among keepers of one database. */
static int
keeper_name_node(struct keeper *k, char *detail, size_t size)
{
	char path[4096];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/keeper/node", k->env->data);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	n = fd < 0 ? -1 : read(fd, k->node, sizeof(k->node) - 1);
	if (n != sizeof(k->node) - 1 && n >= 0) {
		random_id(k->node);
		n = pwrite(fd, k->node, sizeof(k->node) - 1, 0);
	}
	if (fd >= 0)
		close(fd);
	if (n == sizeof(k->node) - 1)
		return 0;
	snprintf(detail, size, "%.300s: %s", path, strerror(errno));
	return ERR_SYSTEM;
}

static int
keeper_open_grants(struct keeper *k, char *detail, size_t size)
{
	char url[4096];
	int rc;

	snprintf(url, sizeof(url), "sqlite:%s/keeper/grants.db", k->env->data);
	if (!k->env->newer)
		return store_open(url, "keeper", &k->store, detail, size);
	rc = store_open_beside(url, "keeper", &k->store, detail, size);
	if (!rc && detail[0])
		log_warn(
			"the grants were changed by a program that failed then",
			LOG_S("what", detail));
	return rc;
}

static int
keeper_open_store(struct keeper *k, char *detail, size_t size)
{
	int rc = keeper_name_node(k, detail, size);

	if (!rc)
		rc = keeper_open_grants(k, detail, size);
	if (!rc)
		rc = store_acquire(k->store, &k->db);
	if (!rc)
		rc = keeper_ring_open(k, detail, size);
	if (!rc)
		rc = keeper_restore_note(k, detail, size);
	return rc ? rc : keeper_row_recover(k);
}

static int
keeper_init(struct keeper *k, struct proc_env *env)
{
	char detail[768] = "";
	int rc;

	k->env = env;
	k->loop = env->loop;
	env->arg = k;
	env->peer = keeper_peer;
	env->stop = keeper_stop;
	env->alone = keeper_alone;
	k->active = table_new();
	rc = k->active ? vault_init() : ERR_NOMEM;
	step_reached("keeper.begun");
	if (!rc)
		rc = keeper_open_store(k, detail, sizeof(detail));
	if (!rc)
		rc = proc_channel_new(k->loop, -1, PROC_FRONT, keeper_messages,
				      k, &k->front);
	if (!rc)
		proc_channel_on_missed(k->front, keeper_front_missed);
	if (!rc)
		rc = proc_channel_new(k->loop, -1, PROC_EXCHANGER,
				      keeper_no_messages, k, &k->exchanger);
	if (rc)
		log_error("the keeper cannot start", LOG_E(rc),
			  LOG_S("why", detail));
	return rc;
}

static void
keeper_release(struct keeper *k)
{
	loop_timer_cancel(&k->tidy);
	loop_timer_cancel(&k->tick);
	loop_timer_cancel(&k->stop);
	loop_timer_cancel(&k->keep);
	if (k->active)
		keeper_active_free_all(k);
	/* What was asked of the exchanger ends here, and the front is told. */
	k->stopping = true;
	proc_channel_free(k->exchanger);
	keeper_revoke_free_all(k);
	if (k->db && k->clock.boot_ms)
		keeper_row_seen(k);
	proc_channel_free(k->front);
	keeper_ring_free(k);
	free(k->egress);
	if (k->defaults)
		catalog_unref(k->defaults);
	if (k->db)
		store_release(k->db);
	if (k->store)
		store_close(k->store);
}

int
connect_keeper_main(struct proc_env *env)
{
	struct keeper k = { 0 };
	int rc = keeper_init(&k, env);

	if (!rc) {
		proc_env_sandbox(env);
		keeper_tidy(&k.tidy);
		keeper_ring_start(&k);
		keeper_tick(&k.tick);
		keeper_keep_start(&k);
		proc_env_ready(env);
		loop_run(k.loop);
	}
	keeper_release(&k);
	return rc ? EXIT_CONFIG : 0;
}
