/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roles that hang: noticed, killed, and so started anew.
 *
 * Each turn (a sixth of the setting `watchdog`) every role that is ready is
 * asked whether it is there.  One that owes its answer for six turns is
 * killed: its end is then like any other.
 *
 *   IDLE ──asked──> OWING ──answer, or any message worked on──> IDLE
 *                     └── six turns ──> killed
 *
 * What must not look like a hang:
 *
 * - A machine that was suspended, a virtual one that stood still, a parent
 *   that was stopped or starved: turns are counted, not time, and one that
 *   comes late (so we were away ourselves) does not count.  A clock that is
 *   set is no matter, since only the monotonic one is looked at.
 * - A role under a debugger.
 * - One that waits for its disk (state D): a kill would not reach it, and the
 *   next one would wait for the same disk.
 * - One that is not ready: a migration may take long.
 * - One that was told to stop: that has a time of its own.
 *
 * Runs in the parent.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "proc/parent_priv.h"
#include "proc/proc_priv.h"

enum {
	TURNS = 6,
	OFF_MS = 5000, /* to look whether it has been switched on */
	LATE_MS = 100, /* and a half of the turn: we were away */
};

static void watch_next(struct parent *p);

/* ---- is it held by something that is not its own fault? ---- */

/* The value behind "Name:\t" of /proc/PID/status. */
static char
status_of(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? at[strlen(name)] : '\0';
}

bool
parent_watch_is_held(pid_t pid)
{
	char path[64], status[2048];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, status, sizeof(status) - 1);
	close(fd);
	status[n > 0 ? n : 0] = '\0';
	return status_of(status, "\nState:\t") == 'D' ||
	       (strstr(status, "\nTracerPid:\t") &&
		status_of(status, "\nTracerPid:\t") != '0');
}

/* ---- what the front tells in /metrics ---- */

void
proc_deaths_write(const struct proc_deaths deaths[PROC_ROLES], struct buf *out)
{
	size_t i;

	for (i = 0; i < PROC_ROLES; i++)
		buf_printf(out, "%llu %llu ",
			   (unsigned long long)deaths[i].ended,
			   (unsigned long long)deaths[i].hung);
}

int
proc_deaths_read(struct slice text, struct proc_deaths out[PROC_ROLES])
{
	struct slice word;
	size_t i;

	memset(out, 0, PROC_ROLES * sizeof(*out));
	for (i = 0; i < 2 * PROC_ROLES; i++)
		if (!slice_next(&text, ' ', &word) ||
		    slice_to_u64(word, UINT64_MAX,
				 i % 2 ? &out[i / 2].hung : &out[i / 2].ended))
			return ERR_PROTOCOL;
	return text.len ? ERR_PROTOCOL : 0;
}

static void
deaths_tell(struct child *front)
{
	struct buf b;

	if (!front->pid || !front->beats)
		return; /* it is told when it is there */
	buf_init(&b, 512);
	proc_deaths_write(front->of->parent->deaths, &b);
	if (!buf_err(&b))
		proc_control_send(front->control, PROC_CONTROL_DEATHS, 0,
				  buf_slice(&b), -1);
	buf_release(&b);
}

void
parent_watch_death(struct child *c)
{
	struct parent *p = c->of->parent;

	p->deaths[c->role].ended++;
	if (p->now)
		deaths_tell(&p->now->children[PROC_FRONT]);
}

/* ---- turns ---- */

void
parent_watch_beat(struct child *c)
{
	bool first = !c->beats;

	c->beats = true;
	c->asked = false;
	if (first && c->role == PROC_FRONT)
		deaths_tell(c);
}

static void
child_hangs(struct child *c, uint64_t watchdog_ms)
{
	log_error("a role gives no sign of life; it is killed",
		  LOG_S("role", proc_role_name(c->role)),
		  LOG_I("for_ms", (int64_t)watchdog_ms));
	c->of->parent->deaths[c->role].hung++;
	c->asked = c->beats = false; /* once */
	kill(c->pid, SIGKILL);
}

static void
child_watch(struct child *c, bool counts, uint64_t watchdog_ms)
{
	if (!c->pid || !c->ready || !c->beats || c->told_to_stop)
		return;
	if (!c->asked) {
		c->silent = 0;
		c->asked = true; /* even if it takes no more messages */
		parent_child_tell(c, PROC_CONTROL_BEAT, 0);
		return;
	}
	if (counts && !parent_watch_is_held(c->pid) && ++c->silent >= TURNS)
		child_hangs(c, watchdog_ms);
}

static void
watch_turn(struct loop_timer *t)
{
	struct parent *p = CONTAINER_OF(t, struct parent, watch);
	struct generation *all[] = { p->now, p->coming, p->leaving };
	uint64_t watchdog_ms = conf_number(p->conf, CONF_WATCHDOG);
	uint64_t late_ms = clock_mono_ms() - p->watch_due_ms;
	bool counts = late_ms < LATE_MS + watchdog_ms / TURNS / 2;
	size_t i, role;

	for (i = 0; watchdog_ms && i < ARRAY_LEN(all); i++)
		for (role = 0; all[i] && role < PROC_ROLES; role++)
			child_watch(&all[i]->children[role], counts,
				    watchdog_ms);
	watch_next(p);
}

static void
watch_next(struct parent *p)
{
	uint64_t turn_ms = conf_number(p->conf, CONF_WATCHDOG) / TURNS;

	if (!turn_ms)
		turn_ms = OFF_MS;
	p->watch_due_ms = clock_mono_ms() + turn_ms;
	loop_timer_start(p->loop, &p->watch, turn_ms, watch_turn);
}

void
parent_watch_start(struct parent *p)
{
	watch_next(p);
}
