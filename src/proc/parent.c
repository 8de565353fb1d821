/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent: starts the roles, and starts again what dies.
 *
 * The listening sockets are the parent's: while the front is being started
 * again, connections wait in the kernel's queue.  The front stops first, so
 * that calls in flight still find the keeper.  Its states are drawn in
 * parent_priv.h; how one generation of roles follows another, in renew.c.
 *
 * One thread.  It reads nothing foreign: control messages and signals.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/parent_priv.h"

enum {
	RESTART_FIRST_MS = 100,
	RESTART_MAX_MS = 5000,
	HEALTHY_MS = 60 * 1000,
	RELINK_MS = 200,
};

/* Who talks to whom. */
static const enum proc_role links[PARENT_LINKS][2] = {
	{ PROC_KEEPER, PROC_EXCHANGER },
	{ PROC_KEEPER, PROC_FRONT },
};

const enum proc_role proc_parent_roles[] = { PROC_EXCHANGER, PROC_KEEPER,
					     PROC_FRONT };

static void child_start(struct child *c);

/* ---- starting a role ---- */

static void
child_exec(const char *program, int control, enum proc_role role, pid_t parent)
{
	char name[] = "drawbridge", arg[32];
	char *argv[] = { name, arg, NULL };
	sigset_t none;

	snprintf(arg, sizeof(arg), "--role=%s", proc_role_name(role));
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (control == PROC_CONTROL_FD)
		fcntl(control, F_SETFD, 0);
	else if (dup2(control, PROC_CONTROL_FD) < 0)
		_exit(1);
	execv(program, argv);
	_exit(127);
}

/* Whether no role of another generation is there, or will be soon. */
static bool
child_is_alone(const struct child *c)
{
	const struct parent *p = c->of->parent;

	return c->of == p->now && !p->coming && !p->leaving;
}

/* All that a role is told at its start. */
static int
child_tell(struct child *c)
{
	const struct proc_prepared *p = &c->of->parent->prepared;
	const struct secret *key;
	const struct proc_listener *l;
	size_t i;
	int rc;

	rc = proc_control_send(c->control, PROC_CONTROL_SETTINGS, 0,
			       buf_slice(&c->of->settings), -1);
	if (!rc)
		rc = proc_control_send(c->control, PROC_CONTROL_DATA, 0,
				       slice_str(p->data), -1);
	for (i = 0; c->role == PROC_KEEPER && i < PROC_KEYS && !rc; i++) {
		key = p->keys[i];
		if (key)
			rc = proc_control_send(
				c->control, PROC_CONTROL_KEY, (unsigned)i,
				slice_of(secret_peek(key), secret_len(key)),
				-1);
	}
	for (i = 0; c->role == PROC_FRONT && i < p->listener_count && !rc;
	     i++) {
		l = &p->listeners[i];
		rc = proc_control_send(c->control, PROC_CONTROL_LISTENER,
				       l->local, slice_str(l->address), l->fd);
	}
	if (!rc)
		rc = proc_control_send(c->control, PROC_CONTROL_ALONE,
				       child_is_alone(c), SLICE_NONE, -1);
	if (!rc && c->of->parent->newer &&
	    c->of->program != c->of->parent->program)
		rc = proc_control_send(c->control, PROC_CONTROL_NEWER, 0,
				       SLICE_NONE, -1);
	if (!rc)
		rc = proc_control_send(c->control, PROC_CONTROL_GO, 0,
				       SLICE_NONE, -1);
	return rc;
}

/* One that has died is not: its end comes, and then its next start. */
static bool
child_is_full(const struct child *c)
{
	struct pollfd room = { .fd = c->control, .events = POLLOUT };

	return !poll(&room, 1, 0);
}

static void link_again(struct loop_timer *t);

/* Both get their end, or neither: one of a channel that nobody has the other
 * end of would stay, since who has it believes the peer to be starting. */
static void
link_roles(struct generation *g, size_t link)
{
	enum proc_role a = links[link][0], b = links[link][1];
	struct child *ca = &g->children[a], *cb = &g->children[b];
	int pair[2];

	if (!ca->pid || !cb->pid)
		return; /* when the other starts */
	g->unlinked[link] = child_is_full(ca) || child_is_full(cb);
	if (g->unlinked[link]) {
		loop_timer_start(g->parent->loop, &g->relink, RELINK_MS,
				 link_again);
		return;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       0, pair)) {
		log_error("no channel between roles", LOG_I("errno", errno));
		return;
	}
	proc_control_send(ca->control, PROC_CONTROL_PEER, b, SLICE_NONE,
			  pair[0]);
	proc_control_send(cb->control, PROC_CONTROL_PEER, a, SLICE_NONE,
			  pair[1]);
	close(pair[0]);
	close(pair[1]);
}

static void
link_again(struct loop_timer *t)
{
	struct generation *g = CONTAINER_OF(t, struct generation, relink);
	size_t i;

	for (i = 0; i < PARENT_LINKS; i++)
		if (g->unlinked[i])
			link_roles(g, i);
}

static void
child_link(struct child *c)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(links); i++)
		if (links[i][0] == c->role || links[i][1] == c->role)
			link_roles(c->of, i);
}

/* A role has closed its channel to a peer: both get a new one. */
static void
child_lost(struct child *c, unsigned peer)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(links); i++)
		if ((links[i][0] == c->role && links[i][1] == peer) ||
		    (links[i][1] == c->role && links[i][0] == peer))
			link_roles(c->of, i);
}

bool
parent_generation_is_ready(const struct generation *g)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(proc_parent_roles); i++)
		if (!g->children[proc_parent_roles[i]].ready)
			return false;
	return true;
}

static void
child_is_ready(struct child *c)
{
	struct parent *p = c->of->parent;

	c->ready = true;
	if (c->of == p->coming) {
		parent_renew_ready(p);
		return;
	}
	if (p->state != PARENT_STARTING || !parent_generation_is_ready(p->now))
		return;
	p->state = PARENT_RUNNING;
	log_info("ready");
	parent_tell(p);
	if (p->config->ready)
		p->config->ready(p->config->arg);
}

/* The keeper has another master key than the settings lead to. */
static void
child_key(struct child *c, const struct proc_control *m)
{
	struct secret **slot = &c->of->parent->prepared.keys[m->number];

	if (c->role != PROC_KEEPER || m->number < PROC_KEY_HANDED)
		return;
	secret_free(*slot);
	*slot = secret_from(m->text.ptr, m->text.len);
	secret_wipe((char *)(uintptr_t)m->text.ptr, m->text.len);
}

/* All that it has sent by now. */
static void
child_hear(struct child *c)
{
	char buffer[PROC_CONTROL_MAX];
	struct proc_control m;

	while (!proc_control_receive(c->control, buffer, &m)) {
		if (m.fd >= 0)
			close(m.fd); /* no role has one to give */
		if (m.kind == PROC_CONTROL_LOST) {
			child_lost(c, m.number);
		} else if (m.kind == PROC_CONTROL_KEY) {
			child_key(c, &m);
		} else if (m.kind == PROC_CONTROL_BEAT) {
			parent_watch_beat(c);
		} else if (m.kind == PROC_CONTROL_READY && !c->ready) {
			child_is_ready(c);
		}
	}
}

static void
child_control(struct loop_io *io, unsigned events)
{
	(void)events;
	child_hear(CONTAINER_OF(io, struct child, io));
}

static int
child_spawn(struct child *c)
{
	pid_t self = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return ERR_SYSTEM;
	c->pid = fork();
	if (!c->pid)
		child_exec(c->of->program, pair[1], c->role, self);
	close(pair[1]);
	if (c->pid < 0) {
		c->pid = 0;
		close(pair[0]);
		return ERR_SYSTEM;
	}
	c->control = pair[0];
	fcntl(c->control, F_SETFL, O_NONBLOCK);
	return 0;
}

static void
child_restart(struct loop_timer *t)
{
	child_start(CONTAINER_OF(t, struct child, restart));
}

/* Again after a pause that doubles while it goes on dying. */
static void
child_start_soon(struct child *c)
{
	if (clock_mono_ms() - c->started_ms > HEALTHY_MS || !c->pause_ms)
		c->pause_ms = RESTART_FIRST_MS;
	else
		c->pause_ms *= 2;
	if (c->pause_ms > RESTART_MAX_MS)
		c->pause_ms = RESTART_MAX_MS;
	loop_timer_start(c->of->parent->loop, &c->restart, c->pause_ms,
			 child_restart);
}

static void
child_start(struct child *c)
{
	loop_timer_cancel(&c->restart);
	c->started_ms = clock_mono_ms();
	c->ready = c->told_to_stop = c->beats = c->asked = false;
	if (child_spawn(c)) {
		log_error("a role could not be started",
			  LOG_S("role", proc_role_name(c->role)),
			  LOG_I("errno", errno));
		child_start_soon(c);
		return;
	}
	child_tell(c); /* one that has died already is noticed by its end */
	loop_io_start(c->of->parent->loop, &c->io, c->control, child_control);
	child_link(c);
}

int
parent_child_adopt(struct child *c, pid_t pid, int control)
{
	c->pid = pid;
	c->control = control;
	c->ready = true;
	c->beats = true; /* a parent of the same version was told */
	c->started_ms = clock_mono_ms();
	fcntl(control, F_SETFL, O_NONBLOCK);
	return loop_io_start(c->of->parent->loop, &c->io, control,
			     child_control);
}

void
parent_child_tell(struct child *c, enum proc_control_kind kind, unsigned number)
{
	if (c->pid)
		proc_control_send(c->control, kind, number, SLICE_NONE, -1);
}

/* ---- generations ---- */

struct generation *
parent_generation_new(struct parent *p, const struct conf *conf,
		      const char *program)
{
	struct generation *g = calloc(1, sizeof(*g));
	size_t i;

	if (!g)
		return NULL;
	g->parent = p;
	g->program = program;
	g->drain_ms = conf_number(conf, CONF_DRAIN);
	buf_init(&g->settings, PROC_CONTROL_MAX);
	for (i = 0; i < PROC_ROLES; i++)
		g->children[i] = (struct child){ .of = g,
						 .role = (enum proc_role)i,
						 .control = -1 };
	if (!conf_write(conf, &g->settings))
		return g;
	parent_generation_free(g);
	return NULL;
}

/* Whether it would take calls that nobody behind it can work on yet, while
 * another generation can. */
static bool
child_is_early(const struct child *c)
{
	return c->role == PROC_FRONT && c->of == c->of->parent->coming &&
	       !(c->of->children[PROC_KEEPER].ready &&
		 c->of->children[PROC_EXCHANGER].ready);
}

void
parent_generation_start(struct generation *g)
{
	struct child *c;
	size_t i;

	for (i = 0; i < ARRAY_LEN(proc_parent_roles); i++) {
		c = &g->children[proc_parent_roles[i]];
		if (!c->pid && !child_is_early(c))
			child_start(c);
	}
}

void
parent_generation_free(struct generation *g)
{
	size_t i;

	if (!g)
		return;
	for (i = 0; i < PROC_ROLES; i++) {
		ASSERT(!g->children[i].pid);
		loop_timer_cancel(&g->children[i].restart);
	}
	loop_timer_cancel(&g->patience);
	loop_timer_cancel(&g->relink);
	buf_release(&g->settings);
	free(g);
}

bool
parent_generation_is_over(const struct generation *g)
{
	size_t i;

	for (i = 0; i < PROC_ROLES; i++)
		if (g->children[i].pid)
			return false;
	return true;
}

void
parent_generation_kill(struct generation *g)
{
	size_t i;

	if (g)
		loop_timer_cancel(&g->relink);
	for (i = 0; g && i < PROC_ROLES; i++) {
		loop_timer_cancel(&g->children[i].restart);
		if (g->children[i].pid)
			kill(g->children[i].pid, SIGKILL);
	}
}

/* ---- stopping ---- */

void
parent_generation_kill_unready(struct generation *g)
{
	struct child *c;
	size_t i;

	for (i = 0; i < PROC_ROLES; i++) {
		c = &g->children[i];
		loop_timer_cancel(&c->restart);
		if (c->pid)
			child_hear(c);
		if (c->pid && !c->ready)
			kill(c->pid, SIGKILL);
	}
}

/* Its end leads to the next role, which has a time of its own. */
static void
patience_lost(struct loop_timer *t)
{
	struct generation *g = CONTAINER_OF(t, struct generation, patience);
	struct child *c;
	size_t i;

	for (i = 0; i < PROC_ROLES; i++) {
		c = &g->children[i];
		if (!c->pid || !c->told_to_stop)
			continue;
		log_warn("a role does not stop; it is killed",
			 LOG_S("role", proc_role_name(c->role)));
		kill(c->pid, SIGKILL);
	}
}

/* The front has the drain time for its calls, the keeper for tokens. */
static void
child_stop(struct child *c, bool gentle)
{
	uint64_t patience = PARENT_STOP_GRACE_MS;
	bool again;

	if (c->told_to_stop && (gentle || !c->gently))
		return;
	again = c->told_to_stop;
	c->told_to_stop = true;
	c->gently = gentle;
	parent_child_tell(c, PROC_CONTROL_STOP, gentle);
	if (again)
		return; /* its time goes on */
	if (c->role != PROC_EXCHANGER)
		patience += c->of->drain_ms;
	loop_timer_start(c->of->parent->loop, &c->of->patience, patience,
			 patience_lost);
}

bool
parent_generation_stop(struct generation *g, bool gentle)
{
	size_t i;

	for (i = 0; i < PROC_ROLES; i++)
		loop_timer_cancel(&g->children[i].restart);
	for (i = ARRAY_LEN(proc_parent_roles); i-- > 0;)
		if (g->children[proc_parent_roles[i]].pid) {
			child_stop(&g->children[proc_parent_roles[i]], gentle);
			return false;
		}
	loop_timer_cancel(&g->patience);
	loop_timer_cancel(&g->relink);
	return true;
}

static void
parent_stop_next(struct parent *p)
{
	if (parent_generation_stop(p->now, false) && !p->coming && !p->leaving)
		loop_stop(p->loop);
}

static void
parent_kill(struct parent *p)
{
	parent_generation_kill(p->now);
	parent_generation_kill(p->coming);
	parent_generation_kill(p->leaving);
}

static void
parent_stop(struct parent *p)
{
	if (p->state == PARENT_STOPPING) {
		log_warn("told to stop twice: ending at once");
		parent_kill(p);
		return;
	}
	log_info("stopping");
	p->state = PARENT_STOPPING;
	parent_renew_stop(p);
	parent_stop_next(p);
}

/* ---- children that end ---- */

/* One of the generation that serves. */
static void
child_ended_now(struct child *c, bool by_exit, int how)
{
	struct parent *p = c->of->parent;
	bool starting = p->state == PARENT_STARTING;
	bool killed = !by_exit && how == SIGKILL; /* not its own doing */

	if (killed || (!starting &&
		       !(by_exit && how == PARENT_EXIT_CONFIG && !c->ready))) {
		child_start_soon(c);
		return;
	}
	fprintf(stderr,
		"drawbridge: the %s could not start; the log line above says "
		"why\n",
		proc_role_name(c->role));
	p->status = 1;
	parent_stop(p);
	if (starting) /* nobody is served yet: nothing to wait for */
		parent_kill(p);
}

static void
child_ended(struct child *c, int wait_status)
{
	struct parent *p = c->of->parent;
	bool by_exit = WIFEXITED(wait_status);
	int how = by_exit ? WEXITSTATUS(wait_status) : WTERMSIG(wait_status);

	loop_io_cancel(&c->io);
	close(c->control);
	c->control = -1;
	c->pid = 0;
	if (p->state != PARENT_STOPPING && !c->told_to_stop)
		log_error("a role has ended",
			  LOG_S("role", proc_role_name(c->role)),
			  LOG_S("by", by_exit ? "exit" : "signal"),
			  LOG_I("status", how),
			  LOG_I("core", !by_exit && WCOREDUMP(wait_status)));
	if (p->state == PARENT_RUNNING && !c->told_to_stop && c->of == p->now)
		parent_watch_death(c);
	if (c->of != p->now) /* which may be the end of c */
		parent_renew_ended(c->of, proc_role_name(c->role));
	else if (p->state != PARENT_STOPPING)
		child_ended_now(c, by_exit, how);
	if (p->state == PARENT_STOPPING)
		parent_stop_next(p);
}

/* Whether it was one of these; which may be the end of any generation. */
static bool
generation_reap(struct generation *g, pid_t pid, int wait_status)
{
	size_t i;

	for (i = 0; g && i < PROC_ROLES; i++)
		if (g->children[i].pid == pid) {
			child_ended(&g->children[i], wait_status);
			return true;
		}
	return false;
}

static void
parent_reap(struct parent *p)
{
	struct generation *all[3];
	int wait_status;
	pid_t pid;
	size_t i;

	while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0) {
		all[0] = p->now;
		all[1] = p->coming;
		all[2] = p->leaving;
		for (i = 0; i < ARRAY_LEN(all); i++)
			if (generation_reap(all[i], pid, wait_status))
				break;
	}
}

static void
parent_signal(struct loop_io *io, unsigned events)
{
	struct parent *p = CONTAINER_OF(io, struct parent, signals);
	struct signalfd_siginfo info;

	(void)events;
	while (read(io->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			parent_reap(p);
		else if (info.ssi_signo == SIGHUP)
			parent_renew(p, false);
		else if (info.ssi_signo == SIGUSR2)
			parent_renew(p, true);
		else
			parent_stop(p);
	}
}

/* A private server lives as long as who started it holds its input. */
static void
parent_input(struct loop_io *io, unsigned events)
{
	struct parent *p = CONTAINER_OF(io, struct parent, input);
	char sink[256];
	ssize_t n;

	(void)events;
	while ((n = read(io->fd, sink, sizeof(sink))) > 0)
		;
	if (!n || (errno != EAGAIN && errno != EINTR)) {
		loop_io_cancel(io);
		if (p->state != PARENT_STOPPING)
			parent_stop(p);
	}
}

/* ---- the whole ---- */

static int
parent_watch(struct parent *p)
{
	sigset_t set;
	int fd, rc;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return ERR_SYSTEM;
	rc = loop_io_start(p->loop, &p->signals, fd, parent_signal);
	if (rc || !p->config->private_server)
		return rc;
	fcntl(0, F_SETFL, O_NONBLOCK);
	return loop_io_start(p->loop, &p->input, 0, parent_input);
}

/* It may hold the key of a passphrase: no core of it, which a limit alone does
 * not keep the kernel from piping to a program, and no look inside. */
static void
parent_limits(void)
{
	struct rlimit none = { 0, 0 }, files;

	if (prctl(PR_SET_DUMPABLE, 0) || setrlimit(RLIMIT_CORE, &none))
		log_warn("not dropped: core files", LOG_I("errno", errno));
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* Where a newer program will be, if one is put in the place of this. */
static void
parent_program(struct parent *p)
{
	ssize_t n =
		readlink("/proc/self/exe", p->program, sizeof(p->program) - 1);

	p->program[n > 0 ? n : 0] = '\0';
}

static int
parent_begin(struct parent *p)
{
	int rc = proc_prepare(p->config, &p->prepared);

	if (!rc)
		rc = loop_new(&p->loop);
	if (!rc)
		rc = parent_watch(p);
	if (rc)
		return rc;
	p->now = parent_generation_new(p, p->conf, "/proc/self/exe");
	if (!p->now)
		return ERR_NOMEM;
	parent_generation_start(p->now);
	return 0;
}

/* In the place of the parent before us, whose roles are there. */
static int
parent_begin_again(struct parent *p)
{
	int rc = loop_new(&p->loop);

	if (!rc)
		rc = parent_watch(p);
	if (!rc)
		rc = parent_resume_take(p);
	if (rc)
		return rc;
	p->state = PARENT_RUNNING;
	log_info("the parent goes on as a new program",
		 LOG_S("version", p->config->version));
	parent_tell(p);
	parent_generation_start(p->now); /* who was in a pause then */
	parent_reap(p);			 /* who has ended meanwhile */
	return 0;
}

static void
parent_release(struct parent *p)
{
	int signal_fd;

	parent_tell_end(p);
	if (p->loop) {
		loop_timer_cancel(&p->watch);
		signal_fd = p->signals.loop ? p->signals.fd : -1;
		loop_io_cancel(&p->signals);
		if (signal_fd >= 0)
			close(signal_fd);
		loop_io_cancel(&p->input);
	}
	parent_generation_free(p->now);
	if (p->loop)
		loop_free(p->loop);
	proc_prepared_release(&p->prepared);
	conf_free(p->conf);
}

int
proc_parent_run(const struct proc_parent_config *c)
{
	struct parent p = { .config = c,
			    .conf = c->conf,
			    .prepared = { .lock = -1 },
			    .started_at = clock_wall_ms() };
	int rc;

	log_setup(proc_role_name(PROC_PARENT), proc_log_level(c->conf));
	parent_limits();
	parent_program(&p);
	rc = parent_resume_wanted() ? parent_begin_again(&p) : parent_begin(&p);
	if (!rc) {
		parent_watch_start(&p);
		loop_run(p.loop);
	}
	parent_release(&p);
	return rc == ERR_BUSY ? PROC_EXIT_TAKEN : rc ? 1 : p.status;
}
