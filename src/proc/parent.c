/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent: starts the roles, and starts again what dies.
 *
 *   STARTING ──all ready──> RUNNING ──SIGTERM──> STOPPING ──> end
 *       │                     │  ^
 *       │ a role ends         └──┘ a role ends: started again, with a
 *       └──> end, failed           pause that doubles; its peers get new
 *                                  channels
 *
 * The listening sockets are the parent's: while the front is being started
 * again, connections wait in the kernel's queue.  The front stops first, so
 * that calls in flight still find the keeper.
 *
 * One thread.  It reads nothing foreign: control messages and signals.
 */
#include <errno.h>
#include <fcntl.h>
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
	STOP_GRACE_MS = 2000,
	EXIT_CONFIG = 78,
};

enum parent_state { PARENT_STARTING, PARENT_RUNNING, PARENT_STOPPING };

struct child {
	struct parent *parent;
	enum proc_role role;
	pid_t pid; /* 0: not running */
	int control;
	struct loop_io io;
	struct loop_timer restart;
	uint64_t started_ms;
	uint64_t pause_ms;
	bool ready, told_to_stop;
};

struct parent {
	const struct proc_parent_config *config;
	struct proc_prepared prepared;
	struct loop *loop;
	enum parent_state state;
	struct child children[PROC_ROLES];
	struct loop_io signals, input;
	struct loop_timer patience; /* until those who stop are killed */
	int status;
};

/* Who talks to whom. */
static const enum proc_role links[][2] = {
	{ PROC_KEEPER, PROC_EXCHANGER },
	{ PROC_KEEPER, PROC_FRONT },
};

/* Started in this order. */
static const enum proc_role roles[] = { PROC_EXCHANGER, PROC_KEEPER,
					PROC_FRONT };

static void child_start(struct child *c);

/* ---- starting a role ---- */

static void
child_exec(int control, enum proc_role role, pid_t parent)
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
	execv("/proc/self/exe", argv);
	_exit(127);
}

/* All that a role is told at its start. */
static int
child_tell(struct child *c)
{
	const struct proc_prepared *p = &c->parent->prepared;
	const struct secret *key;
	const struct proc_listener *l;
	size_t i;
	int rc;

	rc = proc_control_send(c->control, PROC_CONTROL_SETTINGS, 0,
			       buf_slice(&p->settings), -1);
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
		rc = proc_control_send(c->control, PROC_CONTROL_GO, 0,
				       SLICE_NONE, -1);
	return rc;
}

static void
link_roles(struct parent *p, enum proc_role a, enum proc_role b)
{
	struct child *ca = &p->children[a], *cb = &p->children[b];
	int pair[2];

	if (!ca->pid || !cb->pid)
		return; /* when the other starts */
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
child_link(struct child *c)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(links); i++)
		if (links[i][0] == c->role || links[i][1] == c->role)
			link_roles(c->parent, links[i][0], links[i][1]);
}

/* A role has closed its channel to a peer: both get a new one. */
static void
child_lost(struct child *c, unsigned peer)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(links); i++)
		if ((links[i][0] == c->role && links[i][1] == peer) ||
		    (links[i][1] == c->role && links[i][0] == peer))
			link_roles(c->parent, links[i][0], links[i][1]);
}

static void
parent_is_ready(struct parent *p)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(roles); i++)
		if (!p->children[roles[i]].ready)
			return;
	if (p->state != PARENT_STARTING)
		return;
	p->state = PARENT_RUNNING;
	log_info("ready");
	if (p->config->ready)
		p->config->ready(p->config->arg);
}

/* The keeper has another master key than the settings lead to. */
static void
child_key(struct child *c, const struct proc_control *m)
{
	struct secret **slot = &c->parent->prepared.keys[PROC_KEY_HANDED];

	if (c->role != PROC_KEEPER)
		return;
	secret_free(*slot);
	*slot = secret_from(m->text.ptr, m->text.len);
	secret_wipe((char *)(uintptr_t)m->text.ptr, m->text.len);
}

static void
child_control(struct loop_io *io, unsigned events)
{
	struct child *c = CONTAINER_OF(io, struct child, io);
	char buffer[PROC_CONTROL_MAX];
	struct proc_control m;

	(void)events;
	while (!proc_control_receive(io->fd, buffer, &m)) {
		if (m.fd >= 0)
			close(m.fd); /* no role has one to give */
		if (m.kind == PROC_CONTROL_LOST) {
			child_lost(c, m.number);
		} else if (m.kind == PROC_CONTROL_KEY) {
			child_key(c, &m);
		} else if (m.kind == PROC_CONTROL_READY && !c->ready) {
			c->ready = true;
			parent_is_ready(c->parent);
		}
	}
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
		child_exec(pair[1], c->role, self);
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
	loop_timer_start(c->parent->loop, &c->restart, c->pause_ms,
			 child_restart);
}

static void
child_start(struct child *c)
{
	c->started_ms = clock_mono_ms();
	c->ready = c->told_to_stop = false;
	if (child_spawn(c)) {
		log_error("a role could not be started",
			  LOG_S("role", proc_role_name(c->role)),
			  LOG_I("errno", errno));
		child_start_soon(c);
		return;
	}
	child_tell(c); /* one that has died already is noticed by its end */
	loop_io_start(c->parent->loop, &c->io, c->control, child_control);
	child_link(c);
}

/* ---- stopping ---- */

static void
parent_kill(struct parent *p)
{
	size_t i;

	for (i = 0; i < PROC_ROLES; i++)
		if (p->children[i].pid)
			kill(p->children[i].pid, SIGKILL);
}

static void
patience_lost(struct loop_timer *t)
{
	struct parent *p = CONTAINER_OF(t, struct parent, patience);

	log_warn("a role does not stop; it is killed");
	parent_kill(p);
}

static void
child_stop(struct child *c)
{
	if (!c->pid || c->told_to_stop)
		return;
	c->told_to_stop = true;
	proc_control_send(c->control, PROC_CONTROL_STOP, 0, SLICE_NONE, -1);
}

/* Front first; when it has ended, the others; then the end. */
static void
parent_stop_next(struct parent *p)
{
	struct child *front = &p->children[PROC_FRONT];
	struct child *keeper = &p->children[PROC_KEEPER];
	struct child *exchanger = &p->children[PROC_EXCHANGER];
	uint64_t grace = STOP_GRACE_MS;

	if (!front->pid && !keeper->pid && !exchanger->pid) {
		loop_stop(p->loop);
		return;
	}
	if (front->pid) {
		child_stop(front);
		grace += conf_number(p->config->conf, CONF_DRAIN);
	} else {
		child_stop(keeper);
		child_stop(exchanger);
	}
	loop_timer_start(p->loop, &p->patience, grace, patience_lost);
}

static void
parent_stop(struct parent *p)
{
	size_t i;

	if (p->state == PARENT_STOPPING) {
		log_warn("told to stop twice: ending at once");
		parent_kill(p);
		return;
	}
	log_info("stopping");
	p->state = PARENT_STOPPING;
	for (i = 0; i < PROC_ROLES; i++)
		loop_timer_cancel(&p->children[i].restart);
	parent_stop_next(p);
}

/* ---- children that end ---- */

static void
child_ended(struct child *c, int wait_status)
{
	struct parent *p = c->parent;
	bool starting = p->state == PARENT_STARTING;
	bool by_signal = WIFSIGNALED(wait_status);
	int how = by_signal ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status);

	loop_io_cancel(&c->io);
	close(c->control);
	c->control = -1;
	c->pid = 0;
	if (p->state == PARENT_STOPPING) {
		parent_stop_next(p);
		return;
	}
	log_error("a role has ended", LOG_S("role", proc_role_name(c->role)),
		  LOG_S("by", by_signal ? "signal" : "exit"),
		  LOG_I("status", how));
	if (starting || (!by_signal && how == EXIT_CONFIG && !c->ready)) {
		fprintf(stderr,
			"drawbridge: the %s could not start; the log line "
			"above says why\n",
			proc_role_name(c->role));
		p->status = 1;
		parent_stop(p);
		if (starting) /* nobody is served yet: nothing to wait for */
			parent_kill(p);
		return;
	}
	child_start_soon(c);
}

static void
parent_reap(struct parent *p)
{
	int wait_status;
	pid_t pid;
	size_t i;

	while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0)
		for (i = 0; i < PROC_ROLES; i++)
			if (p->children[i].pid == pid)
				child_ended(&p->children[i], wait_status);
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
		else if (info.ssi_signo != SIGHUP)
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

static void
parent_limits(void)
{
	struct rlimit none = { 0, 0 }, files;

	setrlimit(RLIMIT_CORE, &none);
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

int
proc_parent_run(const struct proc_parent_config *c)
{
	struct parent p = { .config = c };
	int signal_fd, rc;
	size_t i;

	log_setup(proc_role_name(PROC_PARENT), proc_log_level(c->conf));
	parent_limits();
	rc = proc_prepare(c, &p.prepared);
	if (!rc)
		rc = loop_new(&p.loop);
	if (!rc)
		rc = parent_watch(&p);
	for (i = 0; i < PROC_ROLES; i++)
		p.children[i] = (struct child){ .parent = &p,
						.role = (enum proc_role)i,
						.control = -1 };
	for (i = 0; i < ARRAY_LEN(roles) && !rc; i++)
		child_start(&p.children[roles[i]]);
	if (!rc)
		loop_run(p.loop);
	if (p.loop) {
		loop_timer_cancel(&p.patience);
		for (i = 0; i < PROC_ROLES; i++)
			loop_timer_cancel(&p.children[i].restart);
		signal_fd = p.signals.loop ? p.signals.fd : -1;
		loop_io_cancel(&p.signals);
		if (signal_fd >= 0)
			close(signal_fd);
		loop_io_cancel(&p.input);
		loop_free(p.loop);
	}
	proc_prepared_release(&p.prepared);
	return rc == ERR_BUSY ? PROC_EXIT_TAKEN : rc ? 1 : p.status;
}
