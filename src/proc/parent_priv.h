/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of the parent: parent.c (roles and signals), prepare.c
 * (before they start), renew.c (a second generation of them), resume.c (the
 * parent's own program), watch.c (roles that hang), tell.c (what commands are
 * told).
 */
#ifndef PROC_PARENT_PRIV_H
#define PROC_PARENT_PRIV_H

#include <sys/types.h>

#include "loop/loop.h"
#include "proc/control.h"

/* What the parent holds for as long as the server runs. */
struct proc_prepared {
	char data[4096]; /* absolute */
	int lock;	 /* of the data folder */
	struct proc_listener listeners[PROC_LISTENERS_MAX];
	size_t listener_count;
	struct secret *keys[PROC_KEYS]; /* NULL: in a file, or none */
};

/*
 * Makes the data folder ready, locks it, opens the sockets, makes the key
 * from the passphrase.  What is wrong is said on standard error.
 */
int proc_prepare(const struct proc_parent_config *c, struct proc_prepared *out);
/* exec: the sockets live on in another program. */
void proc_prepared_release(struct proc_prepared *p);

/* ---- roles ---- */

struct parent;
struct generation;

struct child {
	struct generation *of;
	enum proc_role role;
	pid_t pid; /* 0: not running */
	int control;
	struct loop_io io;
	struct loop_timer restart;
	uint64_t started_ms;
	uint64_t pause_ms;
	bool ready, told_to_stop, gently;
	/* watch.c: it answers when it is asked; it was, and has not; for how
	 * many turns. */
	bool beats, asked;
	unsigned silent;
};

enum { PARENT_LINKS = 2 };

/* Roles that belong together: of one program, with the same settings. */
struct generation {
	struct parent *parent;
	const char *program; /* what to execute */
	struct buf settings;
	uint64_t drain_ms; /* of these settings */
	struct child children[PROC_ROLES];
	struct loop_timer patience; /* until the one told to stop is killed */
	/* Channels to be given when both roles take messages again, by place
	 * in the table of links. */
	bool unlinked[PARENT_LINKS];
	struct loop_timer relink;
};

/*
 *   STARTING ──all ready──> RUNNING ──SIGTERM──> STOPPING ──> end
 *       │                     │  ^
 *       │ a role ends         └──┘ a role ends: started again, with a
 *       └──> end, failed           pause that doubles; its peers get new
 *            (not of SIGKILL:      channels
 *            started again)
 *
 * STOPPING: every generation there is ends in its order, beside the others; a
 * second SIGTERM kills them all.
 */
enum parent_state { PARENT_STARTING, PARENT_RUNNING, PARENT_STOPPING };

/* A second generation taking the first one's place; see renew.c. */
struct renewal {
	unsigned number; /* counts up; 0: none was */
	bool upgrade;
	const char *state; /* "running", "done", "failed"; NULL: none was */
	int64_t at;
	char why[512];	/* it has failed */
	char kept[256]; /* settings that want a new start */
	struct conf *conf;
	struct loop_timer patience;
};

struct parent {
	const struct proc_parent_config *config;
	struct conf *conf; /* as they are now */
	struct proc_prepared prepared;
	struct loop *loop;
	enum parent_state state;
	char program[4096]; /* the path of it at the start */
	struct generation *now, *coming, *leaving; /* the last two: or NULL */
	struct renewal renewal;
	bool newer; /* another program was at the databases */
	struct loop_io signals, input;
	struct loop_timer watch;
	uint64_t watch_due_ms;
	struct proc_deaths deaths[PROC_ROLES];
	int status;
	int64_t started_at;
};

enum { PARENT_EXIT_CONFIG = 78, PARENT_STOP_GRACE_MS = 2000 };

/* Roles in the order in which they are started. */
extern const enum proc_role proc_parent_roles[PROC_ROLES - 1];

/* Of these settings; NULL when out of memory.  Nothing is started yet. */
struct generation *parent_generation_new(struct parent *p,
					 const struct conf *conf,
					 const char *program);
/* Starts those of its roles that do not run; of one that comes, the front when
 * the others are ready. */
void parent_generation_start(struct generation *g);
/* None of it may run. */
void parent_generation_free(struct generation *g);
bool parent_generation_is_ready(const struct generation *g);
/* Whether none of it runs any more. */
bool parent_generation_is_over(const struct generation *g);
/* Nothing of it is started any more, either.  NULL is fine. */
void parent_generation_kill(struct generation *g);
/* Those of its roles that have not said by now that they are ready: they have
 * nothing to end but what has come to a front in the moment between its
 * listening and its saying so.  Nothing of it is started any more, either.  Of
 * a generation that is coming no more. */
void parent_generation_kill_unready(struct generation *g);
/*
 * Tells the next of its roles to stop; true when all of it has ended.
 *
 *   front ──> keeper ──> exchanger
 *
 * Called again when a role has ended.  Each has a time of its own: the drain
 * time of its settings (not the exchanger, which has nothing to end) and
 * PARENT_STOP_GRACE_MS.  Who is late is killed, and nobody else: while a front
 * is late, its keeper may have a token on its way, which is lost when nobody
 * stores it.  gentle: another generation has taken over; one that was told so
 * is told again when there is none any more, in the time that it has left.
 */
bool parent_generation_stop(struct generation *g, bool gentle);
/* A child's control socket is watched: a role that was there before. */
int parent_child_adopt(struct child *c, pid_t pid, int control);
void parent_child_tell(struct child *c, enum proc_control_kind kind,
		       unsigned number);

/* ---- renew.c ---- */

/* SIGHUP, or SIGUSR2 with upgrade. */
void parent_renew(struct parent *p, bool upgrade);
/* A role of the coming generation is ready, or one of it or of the leaving
 * has ended. */
void parent_renew_ready(struct parent *p);
void parent_renew_ended(struct generation *g, const char *role);
/* All is to end: what comes is stopped, what leaves goes on leaving, but waits
 * for nobody who has no call under way. */
void parent_renew_stop(struct parent *p);

/* ---- resume.c ---- */

/* Executes the program at p->program in our place, with all that we have.
 * Returns only if that did not work. */
void parent_resume_exec(struct parent *p);
/* Whether this program was started so; then takes over what there is. */
bool parent_resume_wanted(void);
int parent_resume_take(struct parent *p);

/* ---- watch.c ---- */

/* Watches over all roles that are ready, as the settings say at the time. */
void parent_watch_start(struct parent *p);
/* A sign of life; the first one says that it can be asked for more. */
void parent_watch_beat(struct child *c);
/* Whether a process is held by a debugger or waits for a disk.  What cannot
 * be read is neither. */
bool parent_watch_is_held(pid_t pid);
/* It has ended, and nobody wanted it to. */
void parent_watch_death(struct child *c);

/* ---- tell.c ---- */

/* Writes DATA/server.json. */
void parent_tell(const struct parent *p);
void parent_tell_end(const struct parent *p);

#endif
