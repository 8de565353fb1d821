/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front role, put together: store, views, API, workers.
 *
 * The main thread's loop carries the channels to parent and keeper; each
 * worker has a thread and loop of its own; what may block runs on the work
 * threads.
 *
 *   stop: drain workers (bounded) -> close what is left -> wait for work
 *         under way -> end the workers -> end
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "connect/connect.h"
#include "main/front_priv.h"
#include "main/main_priv.h"

enum {
	EXIT_CONFIG = 78,
	TIDY_FIRST_MS = 60 * 1000,
	TIDY_MS = 3600 * 1000,
	TIDY_AGAIN_MS = 5 * 1000, /* there was more than one run takes */
};

/* ---- the public URL ---- */

static void
front_public_url(struct front *f)
{
	const char *given = conf_text(f->env->conf, CONF_PUBLIC_URL);
	const char *first = "127.0.0.1:7070";
	size_t i, len;

	for (i = 0; i < f->env->listener_count; i++) {
		if (!strncmp(f->env->listeners[i].address, "unix:", 5))
			continue;
		first = f->env->listeners[i].address;
		break;
	}
	if (given[0])
		snprintf(f->public_url, sizeof(f->public_url), "%s", given);
	else
		snprintf(f->public_url, sizeof(f->public_url), "%s://%s",
			 f->tls ? "https" : "http", first);
	len = strlen(f->public_url);
	while (len && f->public_url[len - 1] == '/')
		f->public_url[--len] = '\0';
}

/* ---- the store ---- */

static int
front_open_store(struct front *f, char *detail, size_t size)
{
	const char *given = conf_text(f->env->conf, CONF_STORE);
	char url[4096];
	int rc;

	if (given[0])
		snprintf(url, sizeof(url), "%s", given);
	else
		snprintf(url, sizeof(url), "sqlite:%s/store/drawbridge.db",
			 f->env->data);
	if (!f->env->newer)
		return store_open(url, "main", &f->store, detail, size);
	rc = store_open_beside(url, "main", &f->store, detail, size);
	if (!rc && detail[0])
		log_warn("the store was changed by a program that failed then",
			 LOG_S("what", detail));
	return rc;
}

/* The organisation; and, until an owner is there, a link to become him. */
static int
front_first_start(struct front *f)
{
	char org[PEOPLE_ID_SIZE], token[RANDOM_TOKEN_SIZE] = "", url[1024];
	struct store_conn *c;
	bool claimed = true;
	int rc = store_acquire(f->store, &c);

	if (rc)
		return rc;
	front_settled_begin(f, c);
	rc = store_begin(c);
	if (!rc)
		rc = people_org_ensure(c, org);
	if (!rc)
		rc = people_owner_is_claimed(c, &claimed);
	if (!rc && !claimed)
		rc = people_owner_link_create(c, token);
	if (!rc)
		rc = store_commit(c);
	if (rc)
		store_rollback(c);
	store_release(c);
	if (!rc && !claimed) {
		snprintf(url, sizeof(url), "%s/setup/%s", f->public_url, token);
		log_info("no owner yet: open this link once, within a day, "
			 "or run `drawbridge init --owner EMAIL`",
			 LOG_S("url", url));
	}
	secret_wipe(token, sizeof(token));
	secret_wipe(url, sizeof(url));
	return rc;
}

/* ---- housekeeping ---- */

static void front_tidy_soon(struct front *f, uint64_t delay_ms);

static void
tidy_work(struct loop_work *w)
{
	struct front *f = CONTAINER_OF(w, struct front, tidy);
	const struct conf *c = f->env->conf;
	struct store_conn *db;
	struct api_keep keep = {
		.calls_ms = (int64_t)conf_number(c, CONF_CALLS_KEEP),
		.talks_ms = (int64_t)conf_number(c, CONF_CONVERSATIONS_KEEP),
		.silent_ms = (int64_t)conf_number(c, CONF_CONVERSATIONS_SILENT),
	};

	f->tidy_again = api_tidy(f->api, &keep) == 1;
	if (!store_acquire(f->store, &db)) {
		front_settled_keep(f, db);
		store_release(db);
	}
}

static void
tidy_done(struct loop_work *w)
{
	struct front *f = CONTAINER_OF(w, struct front, tidy);

	f->tidying = false;
	front_tidy_soon(f, f->tidy_again ? TIDY_AGAIN_MS : TIDY_MS);
}

static void
tidy_fire(struct loop_timer *t)
{
	struct front *f = CONTAINER_OF(t, struct front, tidy_timer);

	if (f->stopping)
		return;
	f->tidying = true;
	f->tidy.work = tidy_work;
	f->tidy.done = tidy_done;
	f->tidy.loop = f->loop;
	loop_work_start(f->pools[FRONT_HOUSE], &f->tidy);
}

static void
front_tidy_soon(struct front *f, uint64_t delay_ms)
{
	loop_timer_start(f->loop, &f->tidy_timer, delay_ms, tidy_fire);
}

/* ---- the end ---- */

static void
each_worker(struct front *f, void (*step)(struct front_worker *))
{
	unsigned i;

	for (i = 0; i < f->worker_count; i++)
		if (f->workers[i].running)
			step(&f->workers[i]);
}

/* Whether there was any work to wait for.  A name is looked up for somebody
 * that is waited for himself, or for nobody any more. */
static bool
front_pools_wait(struct front *f)
{
	bool waited = false;
	size_t i;

	for (i = 0; i < FRONT_POOLS; i++)
		if (i != FRONT_NAMES)
			waited |= loop_pool_wait(f->pools[i]);
	return waited;
}

/* On a thread of its own: the main loop must go on for those who wait for
 * the keeper. */
static void *
front_close(void *arg)
{
	struct front *f = arg;

	each_worker(f, front_worker_close);
	do /* done() of one piece of work may start the next */
		each_worker(f, front_worker_barrier);
	while (front_pools_wait(f));
	each_worker(f, front_worker_stop);
	front_pools_wait(f);
	loop_stop(f->loop);
	return NULL;
}

static void
front_close_once(struct front *f)
{
	if (f->stopping)
		return;
	f->stopping = true;
	loop_timer_cancel(&f->drain_timer);
	loop_timer_cancel(&f->tidy_timer);
	flow_engine_stop(f->flows);
	connect_front_stop(f->connect);
	if (pthread_create(&f->closer, NULL, front_close, f)) {
		log_error("no thread to stop with; ending at once");
		_exit(1);
	}
}

static void
all_drained(struct loop_task *task)
{
	front_close_once(CONTAINER_OF(task, struct front, drained_task));
}

void
front_worker_drained(struct front *f)
{
	if (atomic_fetch_sub(&f->draining, 1) == 1)
		loop_post(f->loop, &f->drained_task);
}

static void
drain_timeout(struct loop_timer *t)
{
	struct front *f = CONTAINER_OF(t, struct front, drain_timer);

	if (f->env->gentle)
		log_info("the drain time is over: what is open is closed");
	else
		log_warn("calls are still in flight at the end of the drain "
			 "time; they are cut");
	front_close_once(f);
}

/* Gently at first, perhaps, and then not any more. */
static void
front_stop(struct proc_env *env)
{
	struct front *f = env->arg;
	unsigned i;

	if (f->stopping)
		return;
	if (f->drained_task.run) {
		each_worker(f, front_worker_hurry);
		return;
	}
	f->draining = 2 * f->worker_count; /* requests, and calls of flows */
	f->drained_task.run = all_drained;
	loop_timer_start(f->loop, &f->drain_timer,
			 conf_number(env->conf, CONF_DRAIN), drain_timeout);
	for (i = 0; i < f->worker_count; i++)
		front_worker_drain(&f->workers[i]);
}

/* Another front and keeper have come, or gone: what that keeper has changed
 * is to be learnt. */
static void
front_alone(struct proc_env *env, bool alone)
{
	struct front *f = env->arg;

	if (f->stopping)
		return;
	connect_front_watch(f->connect, !alone);
	if (!alone)
		return;
	connect_front_attach(f->connect, f->keeper);
	flow_engine_alone(f->flows);
	api_alone(f->api);
}

/* ---- the start ---- */

static void
front_peer(struct proc_env *env, enum proc_role peer, int fd)
{
	struct front *f = env->arg;

	ASSERT(peer == PROC_KEEPER);
	proc_channel_replace(f->keeper, fd);
	connect_front_attach(f->connect, f->keeper);
}

static void
front_proxies(struct front *f)
{
	const char *const *items;
	size_t i, n;

	items = conf_list(f->env->conf, CONF_TRUSTED_PROXY, &n);
	for (i = 0; i < n && i < HTTP_PROXIES_MAX; i++)
		if (!http_proxy_parse(slice_str(items[i]),
				      &f->proxies.items[f->proxies.count]))
			f->proxies.count++;
}

/* What is read before the sandbox closes: trust anchors, certificates. */
static int
front_load_files(struct front *f, char *detail, size_t size)
{
	const struct conf *c = f->env->conf;
	const char *cert = conf_text(c, CONF_TLS_CERT);
	struct egress_policy_config policy = { 0 };
	const char *own[PROC_LISTENERS_MAX];
	size_t i;
	int rc;

	policy.allow = conf_list(c, CONF_EGRESS_ALLOW, &policy.allow_count);
	policy.bind = conf_list(c, CONF_EGRESS_BIND, &policy.bind_count);
	policy.ca_file = conf_text_or_null(c, CONF_CA_FILE);
	policy.locked = conf_bool(c, CONF_EGRESS_LOCK);
	policy.proxy = conf_text_or_null(c, CONF_EGRESS_PROXY);
	policy.proxy_login = conf_text_or_null(c, CONF_EGRESS_PROXY_LOGIN);
	for (i = 0; i < f->env->listener_count; i++)
		own[i] = f->env->listeners[i].address;
	policy.own = own;
	policy.own_count = f->env->listener_count;
	front_proxies(f);
	rc = egress_policy_new(&policy, &f->policy, detail, size);
	if (rc || !cert[0])
		return rc;
	rc = net_tls_server_new(cert, conf_text(c, CONF_TLS_KEY), &f->tls);
	if (rc)
		snprintf(detail, size,
			 "--tls-cert and --tls-key cannot be used");
	return rc;
}

enum { NAME_THREADS_MAX = 64 };

static unsigned
front_workers_wanted(const struct front *f)
{
	uint64_t n = conf_number(f->env->conf, CONF_WORKERS);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (!n)
		n = cores > 0 ? (uint64_t)cores : 1;
	return (unsigned)n;
}

static int
front_init_pools(struct front *f)
{
	/* A name whose server is silent takes one of each worker. */
	const unsigned names = 4 + 4 * front_workers_wanted(f);
	const unsigned threads[FRONT_POOLS] = {
		[FRONT_NAMES] =
			names < NAME_THREADS_MAX ? names : NAME_THREADS_MAX,
		[FRONT_LOOKUPS] = 4,
		[FRONT_HOUSE] = 4,
		[FRONT_API] = 16,
		[FRONT_PROVIDERS] = 16,
		[FRONT_PASSWORDS] = 2,
		[FRONT_FLOWS] = 16,
	};
	size_t i;
	int rc = 0;

	for (i = 0; i < FRONT_POOLS && !rc; i++)
		rc = loop_pool_new(threads[i], &f->pools[i]);
	return rc;
}

static int
front_init_shared(struct front *f)
{
	struct connect_front_config connect = { .store = f->store,
						.loop = f->loop,
						.policy = f->policy,
						.public_url = f->public_url };
	struct api_config api = { .store = f->store,
				  .public_url = f->public_url,
				  .version = DRAWBRIDGE_VERSION STEP_VERSION,
				  .data = f->env->data,
				  .shared = f->env->shared,
				  .ready = front_ready_ask,
				  .deaths = front_deaths_next,
				  .arg = f };
	int rc;

	front_ready_init(&f->ready);
	rc = front_init_pools(f);
	if (!rc)
		rc = people_views_new(f->store, f->pools[FRONT_LOOKUPS],
				      &f->people);
	if (!rc)
		rc = connect_views_new(f->store, f->pools[FRONT_LOOKUPS],
				       &f->views);
	connect.pool = f->pools[FRONT_HOUSE];
	connect.views = f->views;
	if (!rc)
		rc = connect_front_new(&connect, &f->connect);
	if (!rc)
		rc = proc_channel_new(f->loop, -1, PROC_KEEPER,
				      connect_front_messages, f->connect,
				      &f->keeper);
	/* What is asked of it before it is there waits in the channel. */
	if (!rc)
		connect_front_attach(f->connect, f->keeper);
	if (!rc)
		rc = flow_engine_new(
			&(struct flow_engine_config){
				.store = f->store,
				.loop = f->loop,
				.pool = f->pools[FRONT_FLOWS],
				.shared = f->env->shared,
				.connect = f->connect,
				.forget_pool = f->pools[FRONT_PROVIDERS] },
			&f->flows);
	api.flows = f->flows;
	api.pool = f->pools[FRONT_API];
	api.passwords = f->pools[FRONT_PASSWORDS];
	api.watch = f->pools[FRONT_HOUSE];
	api.providers = f->pools[FRONT_PROVIDERS];
	api.people = f->people;
	api.connect = f->connect;
	return rc ? rc : api_new(&api, &f->api);
}

static int
front_init_workers(struct front *f)
{
	unsigned i, n = front_workers_wanted(f);
	int rc = 0;

	f->workers = calloc(n, sizeof(*f->workers));
	if (!f->workers)
		return ERR_NOMEM;
	f->worker_count = n;
	for (i = 0; i < f->worker_count && !rc; i++)
		rc = front_worker_init(&f->workers[i], f);
	for (i = 0; i < f->worker_count && !rc; i++)
		rc = front_worker_start(&f->workers[i]);
	return rc;
}

static int
front_init(struct front *f, struct proc_env *env)
{
	char detail[512] = "";
	int rc;

	f->env = env;
	f->loop = env->loop;
	env->arg = f;
	env->peer = front_peer;
	env->stop = front_stop;
	env->alone = front_alone;
	env->beat = front_beat;
	env->deaths = front_deaths;
	front_settled_init(f);
	rc = vault_init();
	if (!rc)
		rc = front_load_files(f, detail, sizeof(detail));
	if (!rc) {
		front_public_url(f);
		proc_env_sandbox(f->env);
		rc = front_open_store(f, detail, sizeof(detail));
	}
	if (!rc)
		rc = front_first_start(f);
	if (!rc)
		rc = front_init_shared(f);
	if (!rc)
		rc = front_init_workers(f);
	if (rc)
		log_error("the front cannot start", LOG_E(rc),
			  LOG_S("why", detail));
	return rc;
}

static void
front_release(struct front *f)
{
	unsigned i;

	for (i = 0; i < f->worker_count; i++)
		front_worker_stop(&f->workers[i]);
	for (i = 0; i < FRONT_POOLS; i++)
		if (i != FRONT_NAMES)
			loop_pool_free(f->pools[i]);
	loop_pool_abandon(f->pools[FRONT_NAMES]);
	for (i = 0; i < f->worker_count; i++)
		front_worker_release(&f->workers[i]);
	free(f->workers);
	api_free(f->api);
	flow_engine_free(f->flows);
	proc_channel_free(f->keeper);
	connect_front_free(f->connect);
	connect_views_free(f->views);
	people_views_free(f->people);
	if (f->store)
		store_close(f->store);
	net_tls_free(f->tls);
	egress_policy_free(f->policy);
}

int
front_main(struct proc_env *env)
{
	struct front f = { 0 };
	int rc = front_init(&f, env);

	if (!rc) {
		front_tidy_soon(&f, TIDY_FIRST_MS);
		connect_front_watch(f.connect, env->shared);
		proc_env_ready(env);
		loop_run(f.loop);
		if (f.stopping)
			pthread_join(f.closer, NULL);
	}
	front_release(&f);
	return rc ? EXIT_CONFIG : 0;
}
