/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /healthz, /readyz, /metrics: for those who watch over servers.
 *
 * None of them needs a key, so none tells a name: numbers of the whole alone.
 * Counters belong to one worker each and are summed here; nothing on the
 * path of a call waits for this.
 */
#include <pthread.h>

#include "api/api_priv.h"

int
api_healthz(struct api_request *r)
{
	return api_answer(r, 200,
			  json_pack("{s:s, s:s}", "status", "ok", "version",
				    r->api->version));
}

struct readiness {
	struct api_ready wait;
	struct api_request *r;
};

static void
readiness_told(struct loop_task *task)
{
	struct readiness *a = CONTAINER_OF(task, struct readiness, wait.task);
	struct api_request *r = a->r;

	if (a->wait.why)
		api_problem(r, CONNECT_P_UNAVAILABLE, NULL, "%s", a->wait.why);
	else
		api_answer(r, 200, json_pack("{s:s}", "status", "ready"));
	api_finish(r);
}

static void
readiness_ask(struct api_request *r)
{
	struct readiness *a = r->state;

	r->api->config.ready(&a->wait, r->api->config.arg);
}

int
api_readyz(struct api_request *r)
{
	struct readiness *a;

	if (!r->api->config.ready)
		return api_answer(r, 200,
				  json_pack("{s:s}", "status", "ready"));
	a = arena_alloc(r->arena, sizeof(*a));
	if (!a)
		return ERR_NOMEM;
	*a = (struct readiness){ .wait = { .loop = r->worker->loop,
					   .told = readiness_told },
				 .r = r };
	r->state = a;
	r->later = readiness_ask;
	return API_PENDING;
}

/* ---- metrics (Prometheus text format 0.0.4) ---- */

struct totals {
	uint64_t calls, failed, refreshed, replayed, reused, opened;
	uint64_t bytes_up, bytes_down, records_lost, statuses[6];
	uint64_t requests, api_statuses[6];
	uint64_t workers;
};

static uint64_t
counter(const _Atomic uint64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

static void
totals_add(struct totals *t, const struct api_worker *w)
{
	const struct call_counters *c;
	size_t i;

	t->workers++;
	t->requests += counter(&w->requests);
	for (i = 0; i < 6; i++)
		t->api_statuses[i] += counter(&w->statuses[i]);
	if (!w->calls)
		return;
	c = call_worker_counters(w->calls);
	t->calls += counter(&c->calls);
	t->failed += counter(&c->failed);
	t->refreshed += counter(&c->refreshed);
	t->replayed += counter(&c->replayed);
	t->reused += counter(&c->reused);
	t->opened += counter(&c->opened);
	t->bytes_up += counter(&c->bytes_up);
	t->bytes_down += counter(&c->bytes_down);
	t->records_lost += counter(&c->records_lost);
	for (i = 0; i < 6; i++)
		t->statuses[i] += counter(&c->statuses[i]);
}

static void
put_metric(struct buf *b, const char *name, const char *type, const char *help,
	   uint64_t value)
{
	buf_printf(b,
		   "# HELP drawbridge_%s %s\n# TYPE drawbridge_%s %s\n"
		   "drawbridge_%s %llu\n",
		   name, help, name, type, name, (unsigned long long)value);
}

static void
put_statuses(struct buf *b, const char *name, const char *help,
	     const uint64_t statuses[6])
{
	size_t i;

	buf_printf(b,
		   "# HELP drawbridge_%s %s\n# TYPE drawbridge_%s "
		   "counter\n",
		   name, help, name);
	for (i = 1; i < 6; i++)
		buf_printf(b, "drawbridge_%s{class=\"%zuxx\"} %llu\n", name, i,
			   (unsigned long long)statuses[i]);
}

static int
put_totals(struct buf *b, const struct totals *t, int64_t up_s)
{
	put_metric(b, "uptime_seconds", "gauge", "Time since the start.",
		   (uint64_t)up_s);
	put_metric(b, "workers", "gauge", "Event loops.", t->workers);
	put_metric(b, "calls_total", "counter",
		   "Calls through connections that have ended.", t->calls);
	put_statuses(b, "call_answers_total",
		     "Calls by the class of status that was answered.",
		     t->statuses);
	put_metric(b, "calls_failed_total", "counter",
		   "Calls that Drawbridge itself has refused or failed.",
		   t->failed);
	put_metric(b, "calls_refreshed_total", "counter",
		   "Calls whose token was refused and got anew.", t->refreshed);
	put_metric(b, "calls_replayed_total", "counter",
		   "Calls that were sent a second time.", t->replayed);
	put_metric(b, "upstream_reused_total", "counter",
		   "Calls sent on a pooled connection.", t->reused);
	put_metric(b, "upstream_opened_total", "counter",
		   "Connections that were opened.", t->opened);
	put_metric(b, "bytes_up_total", "counter",
		   "Bytes of bodies sent to services.", t->bytes_up);
	put_metric(b, "bytes_down_total", "counter",
		   "Bytes of bodies that came from services.", t->bytes_down);
	put_metric(b, "records_lost_total", "counter",
		   "Call records that found no room.", t->records_lost);
	put_metric(b, "api_requests_total", "counter", "Requests of the API.",
		   t->requests);
	put_statuses(b, "api_answers_total",
		     "Answers of the API by class of status.", t->api_statuses);
	return put_metric(b, "secret_memory_locked", "gauge",
			  "Whether the pages of secrets are locked.",
			  secret_memory_is_locked()),
	       buf_err(b);
}

/* A counter with a value a role. */
static void
put_deaths(struct buf *b, const struct api_config *c, const char *name,
	   const char *help, bool hung)
{
	struct api_deaths d;
	size_t cursor = 0;

	buf_printf(b, "# HELP drawbridge_%s %s\n# TYPE drawbridge_%s counter\n",
		   name, help, name);
	while (c->deaths(&cursor, &d, c->arg))
		buf_printf(b, "drawbridge_%s{role=\"%s\"} %llu\n", name, d.role,
			   (unsigned long long)(hung ? d.hung : d.ended));
}

static void
put_roles(struct buf *b, const struct api_config *c)
{
	if (!c->deaths)
		return;
	put_deaths(b, c, "role_deaths_total",
		   "Processes that have ended by themselves or were killed.",
		   false);
	put_deaths(b, c, "role_hangs_total",
		   "Those of them that had given no sign of life.", true);
}

/* What the keeper tells.  Anybody may ask, so one does, and who comes
 * meanwhile gets what was told last. */
static bool
grants_count(struct api *a, struct connect_counts *out)
{
	bool ask, known;

	pthread_mutex_lock(&a->mutex);
	ask = !a->counting;
	a->counting = true;
	known = a->counted;
	*out = a->counts;
	pthread_mutex_unlock(&a->mutex);
	if (!ask)
		return known;
	known = !connect_front_counts(a->config.connect, 1000, out);
	pthread_mutex_lock(&a->mutex);
	a->counting = false;
	a->counted = known;
	a->counts = *out;
	pthread_mutex_unlock(&a->mutex);
	return known;
}

/* Nothing where it does not answer soon. */
static void
put_grants(struct buf *b, struct api_request *r)
{
	struct connect_counts n;

	if (!r->api->config.connect || !grants_count(r->api, &n))
		return;
	put_metric(b, "grants", "gauge", "Credentials that are stored.",
		   n.grants);
	put_metric(b, "grants_usable", "gauge", "Those that work.", n.usable);
	put_metric(b, "grants_in_doubt", "gauge",
		   "Those whose last token request brought no answer.",
		   n.in_doubt);
	put_metric(b, "grants_refreshing", "gauge",
		   "Those with a token request under way.", n.refreshing);
	put_metric(b, "user_grants", "gauge",
		   "Credentials that each user has given for himself.",
		   n.user_grants);
	put_metric(b, "user_grants_needing_reconnect", "gauge",
		   "Those of them that their users have to give anew.",
		   n.user_needs_reconnect);
	put_metric(b, "user_grants_degraded", "gauge",
		   "Those of them that work, but not as they should.",
		   n.user_degraded);
	put_metric(b, "token_requests_total", "counter",
		   "Requests to token and revocation endpoints.",
		   n.token_requests);
	put_metric(b, "refreshes_total", "counter", "Tokens that were renewed.",
		   n.refreshed);
	put_metric(b, "refreshes_failed_total", "counter",
		   "Token requests that brought no token.", n.failed);
	put_metric(b, "grants_kept_alive_total", "counter",
		   "Renewals of grants that nobody used.", n.kept_alive);
	put_metric(b, "needs_reconnect_total", "counter",
		   "Grants that a person has to give anew.", n.needs_reconnect);
	put_metric(b, "grants_lost_in_doubt_total", "counter",
		   "Those of them that an interrupted request has cost.",
		   n.lost_in_doubt);
}

int
api_metrics(struct api_request *r)
{
	struct api *a = r->api;
	struct totals t = { 0 };
	struct api_worker *w;

	pthread_mutex_lock(&a->mutex);
	for (w = a->first; w; w = w->next)
		totals_add(&t, w);
	pthread_mutex_unlock(&a->mutex);
	put_grants(&r->answer, r);
	put_roles(&r->answer, &a->config);
	r->status = 200;
	r->type = "text/plain; version=0.0.4";
	return put_totals(&r->answer, &t,
			  (clock_wall_ms() - a->started_at) / 1000);
}
