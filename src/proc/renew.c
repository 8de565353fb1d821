/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second generation of roles takes the first one's place: for new settings,
 * or with a new program.
 *
 *   now: A                SIGHUP, SIGUSR2: the settings are read anew
 *   now: A, coming: B     B's keeper and exchanger start beside A's; when they
 *     │                   are ready its front, on the same sockets
 *     │  all of B are ready          one of B ends, or 30 s are over (each time)
 *     v                                  └──> B is stopped, A goes on
 *   leaving: A, now: B    A accepts no more, ends its calls (the drain time)
 *   now: B                with a new program the parent follows (resume.c)
 *
 * While both are there, both keepers are at the grants: each write of theirs
 * is fenced by the row's generation, and neither rotates keys nor takes the
 * other's leases for leftovers.
 *
 * A newer program may have changed the databases before it failed.  A goes on
 * with them as it did beside B: also a role of it that is started anew, which
 * is told of it (else it would refuse them), until the server ends.
 *
 * Runs in the parent.
 */
#include <stdio.h>
#include <stdlib.h>

#include "proc/parent_priv.h"

enum { PATIENCE_MS = 30 * 1000 };

static void
renewal_state(struct parent *p, const char *state)
{
	p->renewal.state = state;
	p->renewal.at = clock_wall_ms();
	parent_tell(p);
}

static void
alone_tell(struct generation *g, bool alone)
{
	parent_child_tell(&g->children[PROC_KEEPER], PROC_CONTROL_ALONE, alone);
	parent_child_tell(&g->children[PROC_FRONT], PROC_CONTROL_ALONE, alone);
}

/* ---- it does not work ---- */

static void
coming_over(struct parent *p)
{
	parent_generation_free(p->coming);
	p->coming = NULL;
	if (p->state != PARENT_RUNNING)
		return;
	alone_tell(p->now, true);
	renewal_state(p, "failed");
}

/* Whether another generation goes on, for who waits at the one that ends. */
static bool
another_serves(const struct parent *p)
{
	return p->state != PARENT_STOPPING;
}

static void
coming_next(struct parent *p)
{
	if (parent_generation_stop(p->coming, another_serves(p)))
		coming_over(p);
}

/* In order, since its keeper may have asked for a token already.  Over at once
 * where nothing of it runs, since it could not be forked. */
static void
coming_stop(struct parent *p)
{
	parent_generation_kill_unready(p->coming);
	coming_next(p);
}

static void
renewal_failed(struct parent *p, const char *why)
{
	struct renewal *r = &p->renewal;

	loop_timer_cancel(&r->patience);
	conf_free(r->conf);
	r->conf = NULL;
	snprintf(r->why, sizeof(r->why), "%s", why);
	log_error(r->upgrade ? "the upgrade has failed; the old program goes on"
			     : "the reload has failed; the old settings stay",
		  LOG_S("why", why));
	if (p->coming)
		coming_stop(p);
	else
		renewal_state(p, "failed");
}

static void
coming_late(struct loop_timer *t)
{
	struct renewal *r = CONTAINER_OF(t, struct renewal, patience);

	renewal_failed(CONTAINER_OF(r, struct parent, renewal),
		       "the new processes were not ready in time");
}

/* ---- it works ---- */

/* The front, with as much time as the others had: each has a database. */
static void
coming_goes_on(struct parent *p)
{
	parent_generation_start(p->coming);
	if (p->coming->children[PROC_FRONT].pid)
		loop_timer_start(p->loop, &p->renewal.patience, PATIENCE_MS,
				 coming_late);
}

static void
leaving_over(struct parent *p)
{
	parent_generation_free(p->leaving);
	p->leaving = NULL;
	if (p->state != PARENT_RUNNING)
		return;
	alone_tell(p->now, true);
	log_info(p->renewal.upgrade ? "upgraded" : "reloaded");
	if (p->renewal.upgrade)
		parent_resume_exec(p);
	renewal_state(p, "done");
}

static void
leaving_next(struct parent *p)
{
	if (parent_generation_stop(p->leaving, another_serves(p)))
		leaving_over(p);
}

void
parent_renew_ready(struct parent *p)
{
	struct renewal *r = &p->renewal;

	if (!r->conf)
		return; /* it is stopped */
	if (!parent_generation_is_ready(p->coming)) {
		coming_goes_on(p);
		return;
	}
	loop_timer_cancel(&r->patience);
	p->leaving = p->now;
	p->now = p->coming;
	p->coming = NULL;
	conf_free(p->conf);
	p->conf = r->conf;
	r->conf = NULL;
	log_setup(proc_role_name(PROC_PARENT), proc_log_level(p->conf));
	log_info("the new generation serves; the old one ends its calls");
	leaving_next(p);
}

void
parent_renew_ended(struct generation *g, const char *role)
{
	struct parent *p = g->parent;
	char why[160];

	if (g == p->leaving) {
		leaving_next(p);
		return;
	}
	if (p->renewal.conf) {
		snprintf(why, sizeof(why),
			 "the new %s could not start; the log line above says "
			 "why",
			 role);
		renewal_failed(p, why); /* which may be the end of g */
	} else {
		coming_next(p);
	}
}

void
parent_renew_stop(struct parent *p)
{
	loop_timer_cancel(&p->renewal.patience);
	conf_free(p->renewal.conf);
	p->renewal.conf = NULL;
	if (p->coming)
		coming_stop(p);
	if (p->leaving)
		leaving_next(p);
}

/* ---- the begin ---- */

/* The settings as they are said now; those that cannot change stay. */
static int
settings_read(struct parent *p, char *why, size_t size)
{
	const struct proc_parent_config *c = p->config;
	struct renewal *r = &p->renewal;
	struct conf_problem problem;
	struct buf kept;
	int rc;

	r->kept[0] = '\0';
	rc = conf_load(c->argc, c->argv, &r->conf, &problem);
	if (rc) {
		snprintf(why, size, "%s", problem.text);
		return rc;
	}
	buf_init(&kept, sizeof(r->kept) - 1);
	conf_keep(r->conf, p->conf, &kept);
	slice_copy(buf_slice(&kept), r->kept, sizeof(r->kept));
	buf_release(&kept);
	if (r->kept[0])
		log_warn("some settings have changed that want a new start of "
			 "the server; they stay as they are",
			 LOG_S("settings", r->kept));
	return 0;
}

static bool
renewal_refused(struct parent *p, bool upgrade)
{
	const char *why = NULL;

	if (p->config->private_server)
		why = "this server is not one that stays";
	else if (p->state == PARENT_STARTING)
		why = "this server is not ready yet";
	else if (p->state == PARENT_STOPPING)
		why = "this server is stopping";
	else if (p->coming || p->leaving)
		why = "one is under way already";
	else if (upgrade && (!p->config->upgrades || !p->program[0]))
		why = "this server cannot be upgraded";
	if (why)
		log_warn(upgrade ? "no upgrade now" : "no reload now",
			 LOG_S("why", why));
	return why != NULL;
}

void
parent_renew(struct parent *p, bool upgrade)
{
	struct renewal *r = &p->renewal;
	char why[512] = "";

	if (renewal_refused(p, upgrade))
		return;
	r->number++;
	r->upgrade = upgrade;
	r->why[0] = '\0';
	renewal_state(p, "running");
	if (settings_read(p, why, sizeof(why))) {
		renewal_failed(p, why);
		return;
	}
	p->coming = parent_generation_new(
		p, r->conf, upgrade ? p->program : p->now->program);
	if (!p->coming) {
		renewal_failed(p, err_text(ERR_NOMEM));
		return;
	}
	log_info(upgrade ? "upgrading" : "reloading",
		 LOG_S("program", p->coming->program));
	alone_tell(p->now, false);
	p->newer |= upgrade;
	parent_generation_start(p->coming);
	loop_timer_start(p->loop, &r->patience, PATIENCE_MS, coming_late);
	step_reached("upgrade.started");
}
