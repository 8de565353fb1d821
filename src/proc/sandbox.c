/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a role drops once it has what it needs.
 *
 *   no_new_privs   nothing it could start has more rights
 *   not dumpable   no core file, no look inside by others of the same user
 *   capabilities   of a server that runs as root: all but those with which
 *                  it reaches its own files and locks memory
 *   Landlock       only the role's own folders are there (landlock.c)
 *   seccomp        only the role's own system calls (seccomp.c)
 *
 * What a role sees of files is said here, in one table.
 *
 * Older kernels know less: what could not be dropped is logged, and the role
 * goes on without.
 *
 * Runs in every role but the parent, before anything foreign is read.
 */
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proc/sandbox_priv.h"

/* A file of another user that root was told to use is still read; Landlock
 * says which files these may be. */
#define CAPABILITIES_KEPT \
	(1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH | \
	 1u << CAP_IPC_LOCK)

static void
sandbox_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct caps[2];

	if (!syscall(SYS_capget, &head, caps)) {
		caps[0].effective &= CAPABILITIES_KEPT;
		caps[0].permitted &= CAPABILITIES_KEPT;
		caps[0].inheritable = 0;
		memset(&caps[1], 0, sizeof(caps[1]));
		if (!syscall(SYS_capset, &head, caps))
			return;
	}
	log_warn("not dropped: capabilities", LOG_I("errno", errno));
}

/* ---- files ---- */

/* Names are looked up with /etc/hosts, resolv.conf (which may lead to /run),
 * and what glibc loads for it. */
#define FOR_NAMES "/etc", "/lib", "/lib64", "/usr/lib", "/run"

/* What each role may see; `own` is its folder in the data folder, where it
 * may write. */
static const struct role_files {
	const char *read[6];
	const char *own;
	const char *variable; /* of the environment: one more to read */
} files[PROC_ROLES] = {
	[PROC_KEEPER] = { .own = "keeper" },
	[PROC_EXCHANGER] = { .read = { FOR_NAMES } },
	[PROC_FRONT] = { .read = { FOR_NAMES },
			 .own = "store",
			 .variable = "WEB_DIR" },
};

static void
sandbox_files(const struct proc_env *env)
{
	const struct role_files *f = &files[env->role];
	const char *read[ARRAY_LEN(f->read) + 1], *write[2] = { NULL };
	size_t n = 0;
	struct buf own;

	for (; f->read[n]; n++)
		read[n] = f->read[n];
	read[n++] = f->variable ? getenv(f->variable) : NULL;
	read[n] = NULL;
	buf_init(&own, PATH_MAX);
	if (f->own) {
		buf_printf(&own, "%s/%s", env->data, f->own);
		write[0] = buf_cstr(&own);
	}
	proc_landlock(env, read, write);
	buf_release(&own);
}

/* ---- all of it ---- */

void
proc_env_sandbox(const struct proc_env *env)
{
	struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		log_warn("not dropped: new privileges", LOG_I("errno", errno));
	if (prctl(PR_SET_DUMPABLE, 0) || setrlimit(RLIMIT_CORE, &none))
		log_warn("not dropped: core files", LOG_I("errno", errno));
	sandbox_capabilities();
	sandbox_files(env);
	proc_seccomp(env);
}
