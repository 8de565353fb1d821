/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A role's own side: what it is given at its start, and what comes later.
 *
 * The parent starts this same binary as `drawbridge --role=NAME` with the
 * control channel as descriptor 3.  Everything else comes over it: settings,
 * listening sockets, channels to peers.  When the parent is gone, so is the
 * role: the kernel ends it (PR_SET_PDEATHSIG), and so does the channel's end.
 *
 * Runs in every role but the parent.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proc/control.h"
#include "proc/proc_priv.h"

enum { EXIT_PROTOCOL = 76, ALIVE_MS = 1000 };

static const char *const role_names[PROC_ROLES] = {
	[PROC_PARENT] = "parent",
	[PROC_KEEPER] = "keeper",
	[PROC_EXCHANGER] = "exchanger",
	[PROC_FRONT] = "front",
};

/* The role's own state around what its main sees. */
struct role {
	struct proc_env env;
	struct loop_io io;
	char data[4096];
	char buffer[PROC_CONTROL_MAX];
	bool stopping;
};

static bool role_runs; /* descriptor 3 is a control channel */
static bool role_is_one_loop;

const char *
proc_role_name(enum proc_role role)
{
	return role_names[role];
}

static int
role_parse(const char *arg, enum proc_role *out)
{
	int i;

	if (strncmp(arg, "--role=", 7) != 0)
		return ERR_INVALID;
	for (i = PROC_KEEPER; i < PROC_ROLES; i++) {
		if (strcmp(arg + 7, role_names[i]) != 0)
			continue;
		*out = (enum proc_role)i;
		return 0;
	}
	return ERR_INVALID;
}

bool
proc_is_role(int argc, char *const *argv)
{
	enum proc_role role;

	return argc == 2 && !role_parse(argv[1], &role);
}

/* ---- the start: until GO ---- */

static int
take_listener(struct proc_env *env, const struct proc_control *m)
{
	struct proc_listener *l;

	if (env->listener_count == PROC_LISTENERS_MAX) {
		close(m->fd);
		return ERR_PROTOCOL;
	}
	l = &env->listeners[env->listener_count];
	l->fd = m->fd;
	l->local = m->number == 1;
	env->listener_count++;
	return slice_copy(m->text, l->address, sizeof(l->address));
}

static int
take_start(struct role *r, const struct proc_control *m)
{
	struct conf_problem problem;
	struct proc_env *env = &r->env;

	switch (m->kind) {
	case PROC_CONTROL_SETTINGS:
		conf_free(env->conf);
		return conf_read(m->text, &env->conf, &problem);
	case PROC_CONTROL_DATA:
		env->data = r->data;
		return slice_copy(m->text, r->data, sizeof(r->data));
	case PROC_CONTROL_KEY:
		secret_free(env->keys[m->number]);
		env->keys[m->number] = secret_from(m->text.ptr, m->text.len);
		secret_wipe(r->buffer, sizeof(r->buffer));
		return env->keys[m->number] ? 0 : ERR_NOMEM;
	case PROC_CONTROL_LISTENER:
		return take_listener(env, m);
	case PROC_CONTROL_ALONE:
		env->shared = !m->number;
		return 0;
	case PROC_CONTROL_NEWER:
		env->newer = true;
		return 0;
	case PROC_CONTROL_GO:
	case PROC_CONTROL_PEER:
	case PROC_CONTROL_STOP:
	case PROC_CONTROL_READY:
	case PROC_CONTROL_LOST:
	case PROC_CONTROL_LOCK:
	case PROC_CONTROL_CHILD:
	case PROC_CONTROL_BEAT:
	case PROC_CONTROL_DEATHS:
	case PROC_CONTROL_KINDS:
		break;
	}
	if (m->fd >= 0)
		close(m->fd);
	return ERR_PROTOCOL;
}

static int
role_receive_start(struct role *r)
{
	struct proc_control m;
	int rc;

	for (;;) {
		rc = proc_control_receive(PROC_CONTROL_FD, r->buffer, &m);
		if (rc)
			return rc;
		if (m.kind == PROC_CONTROL_GO)
			return r->env.conf && r->env.data ? 0 : ERR_PROTOCOL;
		rc = take_start(r, &m);
		if (rc)
			return rc;
	}
}

/* ---- afterwards: on the loop ---- */

/* A second time where there is less time than the first said. */
static void
role_stop(struct role *r, bool gentle)
{
	if (r->stopping && (gentle || !r->env.gentle))
		return;
	r->stopping = true;
	r->env.gentle = gentle;
	if (r->env.stop)
		r->env.stop(&r->env);
	else
		loop_stop(r->env.loop);
}

static void
role_deaths(struct role *r, struct slice text)
{
	struct proc_deaths deaths[PROC_ROLES];

	if (r->env.deaths && !proc_deaths_read(text, deaths))
		r->env.deaths(&r->env, deaths);
}

static void
role_control(struct role *r, const struct proc_control *m)
{
	if (m->kind == PROC_CONTROL_BEAT) {
		if (r->env.beat)
			r->env.beat(&r->env);
		else
			proc_env_beat(&r->env);
	} else if (m->kind == PROC_CONTROL_DEATHS) {
		role_deaths(r, m->text);
	} else if (m->kind == PROC_CONTROL_STOP) {
		role_stop(r, m->number == 1);
	} else if (m->kind == PROC_CONTROL_ALONE) {
		r->env.shared = !m->number;
		if (r->env.alone)
			r->env.alone(&r->env, m->number == 1);
	} else if (m->kind == PROC_CONTROL_PEER && r->env.peer) {
		r->env.peer(&r->env, (enum proc_role)m->number, m->fd);
	} else if (m->fd >= 0) {
		close(m->fd);
	}
}

static void
role_ready(struct loop_io *io, unsigned events)
{
	struct role *r = CONTAINER_OF(io, struct role, io);
	struct proc_control m;
	int rc;

	(void)events;
	while (!(rc = proc_control_receive(io->fd, r->buffer, &m)))
		role_control(r, &m);
	if (rc == ERR_AGAIN)
		return;
	/* The parent is gone: nothing here may outlive it. */
	_exit(EXIT_PROTOCOL);
}

void
proc_env_ready(struct proc_env *env)
{
	ASSERT(env->peer && env->stop);
	role_is_one_loop = !env->beat;
	proc_control_send(PROC_CONTROL_FD, PROC_CONTROL_READY, 0, SLICE_NONE,
			  -1);
	proc_env_beat(env);
}

void
proc_env_beat(struct proc_env *env)
{
	(void)env;
	proc_control_send(PROC_CONTROL_FD, PROC_CONTROL_BEAT, 0, SLICE_NONE,
			  -1);
}

void
proc_role_alive(void)
{
	static uint64_t last_ms;
	uint64_t now = clock_mono_ms();

	if (!role_is_one_loop || now - last_ms < ALIVE_MS)
		return;
	last_ms = now;
	proc_env_beat(NULL);
}

void
proc_env_keep_key(struct proc_env *env, enum proc_key slot,
		  const struct secret *key)
{
	ASSERT(slot == PROC_KEY_HANDED || slot == PROC_KEY_OTHER);
	secret_free(env->keys[slot]);
	env->keys[slot] = secret_dup(key);
	if (role_runs &&
	    proc_control_send(PROC_CONTROL_FD, PROC_CONTROL_KEY, slot,
			      slice_of(secret_peek(key), secret_len(key)), -1))
		log_warn("the parent could not be given the new key");
}

void
proc_role_lost(enum proc_role peer)
{
	if (role_runs)
		proc_control_send(PROC_CONTROL_FD, PROC_CONTROL_LOST, peer,
				  SLICE_NONE, -1);
}

static void
role_harden(void)
{
	struct rlimit none = { 0, 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
	signal(SIGPIPE, SIG_IGN);
	/* A terminal's Ctrl-C goes to the whole group; the parent decides. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

int
proc_role_run(int argc, char *const *argv,
	      proc_role_main *const mains[PROC_ROLES])
{
	struct role *r = calloc(1, sizeof(*r));
	size_t i;
	int rc, status = EXIT_PROTOCOL;

	ASSERT(argc == 2);
	role_runs = true;
	if (!r || role_parse(argv[1], &r->env.role))
		return EXIT_PROTOCOL;
	role_harden();
	log_setup(proc_role_name(r->env.role), LOG_INFO);
	rc = role_receive_start(r);
	if (!rc) {
		log_setup(proc_role_name(r->env.role),
			  proc_log_level(r->env.conf));
		fcntl(PROC_CONTROL_FD, F_SETFL, O_NONBLOCK);
		fcntl(PROC_CONTROL_FD, F_SETFD, FD_CLOEXEC);
		rc = loop_new(&r->env.loop);
	}
	if (!rc)
		rc = loop_io_start(r->env.loop, &r->io, PROC_CONTROL_FD,
				   role_ready);
	if (!rc)
		status = mains[r->env.role](&r->env);
	else
		log_error("the role cannot start", LOG_E(rc));
	if (r->env.loop) {
		loop_io_cancel(&r->io);
		loop_free(r->env.loop);
	}
	for (i = 0; i < r->env.listener_count; i++)
		close(r->env.listeners[i].fd);
	for (i = 0; i < PROC_KEYS; i++)
		secret_free(r->env.keys[i]);
	conf_free(r->env.conf);
	free(r);
	return status;
}
