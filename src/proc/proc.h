/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of proc/: the processes and the messages between them.
 *
 *   parent ──┬── keeper ───── exchanger
 *            │      │             (each line: a socket pair)
 *            └── front
 *
 * The parent reads the settings, opens the listening sockets, starts the
 * three roles (fork and exec of this same binary, so that nothing of the
 * parent's memory is in them), and starts again what dies, without losing
 * the sockets: connections wait in the kernel's queue meanwhile.  It speaks
 * to each role over a control channel alone, and parses nothing foreign.
 *
 * For new settings (SIGHUP) or a new program (SIGUSR2) it starts a second
 * generation of the roles beside the first, which ends its calls and goes
 * when the second works; if that does not work, the first goes on.
 */
#ifndef PROC_PROC_H
#define PROC_PROC_H

#include "conf/conf.h"
#include "net/net.h"
#include "proc/message.h"

/* "parent", "keeper", "exchanger", "front". */
const char *proc_role_name(enum proc_role role);

/* ---- a role's own side ---- */

enum { PROC_LISTENERS_MAX = 16 };

/*
 * Master keys that the parent holds for the keeper, by where it has them from.
 * Behind one from a passphrase stands what that took (vault_params_write()).
 * There is room for two that were handed over, since the next key of a
 * rotation may not take the place of the current one.
 */
enum proc_key {
	PROC_KEY_MAIN,	 /* the passphrase */
	PROC_KEY_NEXT,	 /* the same with the salt of a rotation under way */
	PROC_KEY_HANDED, /* proc_env_keep_key() */
	PROC_KEY_OTHER,	 /* the same */
	PROC_KEYS,
};

struct proc_listener {
	int fd;
	char address[NET_ADDR_TEXT];
	bool local; /* the machine's own CLI: peers are known by uid */
};

/* How often a role has ended although nobody wanted it to, since the parent's
 * program was started; and how often of these because it hung. */
struct proc_deaths {
	uint64_t ended, hung;
};

/*
 * What a role is given at its start.  Lives as long as the process.
 */
struct proc_env {
	enum proc_role role;
	struct conf *conf;
	struct loop *loop; /* the main thread's; not yet running */
	/* The data folder, absolute, no slash behind. */
	const char *data;
	/* front: what to listen on; owned by the role */
	struct proc_listener listeners[PROC_LISTENERS_MAX];
	size_t listener_count;
	/* keeper: master keys that are in no file; NULL: none */
	struct secret *keys[PROC_KEYS];
	/* Another generation of roles is at the same databases still: its
	 * keeper's leases are no leftovers.  alone() tells of changes. */
	bool shared;
	/* A newer program was at the databases while the parent ran, and may
	 * have changed them: no reason to refuse them. */
	bool newer;
	/* Of stop(): others have taken over, who wait may go on. */
	bool gentle;

	/* Set by the role before proc_env_ready(); called on env->loop. */
	void *arg;
	/* A channel to this peer: the first, or a new one because the peer
	 * was started again.  Takes fd. */
	void (*peer)(struct proc_env *env, enum proc_role peer, int fd);
	/* Whether it is the only generation now.  NULL: does not matter. */
	void (*alone)(struct proc_env *env, bool alone);
	/* End in good order within the drain time, then loop_stop().  Called
	 * again when it was gentle and is so no more; the time goes on. */
	void (*stop)(struct proc_env *env);
	/* Call proc_env_beat() if all loops of this role turn.  NULL: it has
	 * this one alone. */
	void (*beat)(struct proc_env *env);
	/* To the front: what the parent has counted, by role; borrowed.  May
	 * be NULL. */
	void (*deaths)(struct proc_env *env,
		       const struct proc_deaths deaths[PROC_ROLES]);
};

/*
 * Drops what the role (env->role) does not need: no new privileges, no core
 * dumps, a seccomp filter, and Landlock so that of files only its own are to
 * be seen (the table in sandbox.c).  What the kernel cannot do is logged and
 * gone without.  Call it once all threads' needs are known and before
 * anything foreign is read; later threads inherit it.
 */
void proc_env_sandbox(const struct proc_env *env);
/* Tells the parent that the role works; the peers' channels come then. */
void proc_env_ready(struct proc_env *env);

/* Tells the parent that this role goes on.  Who does not for as long as the
 * setting `watchdog` says is killed and started anew.  From any thread. */
void proc_env_beat(struct proc_env *env);

/* In the keeper: the parent keeps this key in locked memory for a keeper that
 * it starts anew; env->keys has it, too.  slot: PROC_KEY_HANDED, …_OTHER. */
void proc_env_keep_key(struct proc_env *env, enum proc_key slot,
		       const struct secret *key);

typedef int proc_role_main(struct proc_env *env);

/* ---- the program's side ---- */

/* Whether these arguments are the parent's way of starting a role. */
bool proc_is_role(int argc, char *const *argv);
/* Runs the role; mains by enum proc_role (NULL for the parent).  Returns the
 * exit status. */
int proc_role_run(int argc, char *const *argv,
		  proc_role_main *const mains[PROC_ROLES]);

struct proc_parent_config {
	struct conf *conf; /* taken */
	/* To read the settings anew; borrowed. */
	int argc;
	char *const *argv;
	const char *version;
	/* Our own program is `serve` with these settings: it can be replaced
	 * while it runs. */
	bool upgrades;
	/* For a command that finds no server: listens on DATA/private.sock
	 * alone, ends when standard input closes. */
	bool private_server;
	/* All roles work; for the line that tells people where.  May be
	 * NULL. */
	void (*ready)(void *arg);
	void *arg;
};

/* The exit status when another server has the data folder. */
enum { PROC_EXIT_TAKEN = 75 };

/*
 * `serve`: makes the data folder ready, locks it, opens the sockets, runs
 * and supervises the roles until SIGTERM or SIGINT (a second one: at once).
 * Returns the exit status; what went wrong at the start is on standard
 * error, in plain words.
 */
int proc_parent_run(const struct proc_parent_config *c);

#endif
