/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the front alive?  It is when its main loop and every worker's turn.
 *
 *   parent asks -> main loop: a task to each worker -> the last that runs it
 *                  tells the parent
 *
 * A worker that spins or stands still never runs its task, so the parent
 * hears nothing, and ends the front (proc/watch.c).
 *
 * And what the parent has counted of such ends, for /metrics.
 */
#include "main/front_priv.h"

/* On a worker's loop. */
static void
worker_turns(struct loop_task *task)
{
	struct front_worker *w = CONTAINER_OF(task, struct front_worker, turns);
	struct front *f = w->front;

	if (atomic_fetch_sub(&f->not_turned, 1) == 1)
		proc_env_beat(f->env);
}

void
front_beat(struct proc_env *env)
{
	struct front *f = env->arg;
	unsigned i;

	if (f->stopping || atomic_load(&f->not_turned))
		return; /* the tasks of before are still on their way */
	atomic_store(&f->not_turned, f->worker_count);
	for (i = 0; i < f->worker_count; i++) {
		f->workers[i].turns.run = worker_turns;
		loop_post(f->workers[i].loop, &f->workers[i].turns);
	}
}

void
front_deaths(struct proc_env *env, const struct proc_deaths deaths[PROC_ROLES])
{
	struct front *f = env->arg;
	size_t i;

	for (i = 0; i < PROC_ROLES; i++) {
		atomic_store(&f->deaths[i].ended, deaths[i].ended);
		atomic_store(&f->deaths[i].hung, deaths[i].hung);
	}
}

bool
front_deaths_next(size_t *cursor, struct api_deaths *out, void *arg)
{
	struct front *f = arg;

	if (!*cursor)
		*cursor = PROC_KEEPER;
	if (*cursor == PROC_ROLES)
		return false;
	out->role = proc_role_name((enum proc_role) * cursor);
	out->ended = atomic_load(&f->deaths[*cursor].ended);
	out->hung = atomic_load(&f->deaths[*cursor].hung);
	++*cursor;
	return true;
}
