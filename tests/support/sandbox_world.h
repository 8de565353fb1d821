/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Something that is tried in a child with a role's sandbox, the whole of it,
 * as that role has it: what became of it is an error number (0: it went
 * through), or below zero the signal that ended the child.
 *
 * Each thing is tried in a child without a sandbox first.  What fails there
 * as well (for want of rights, or since this machine forbids it to all) says
 * nothing, and is not counted.
 *
 * A unit test includes it once, and cmocka with it.
 */
#ifndef SUPPORT_SANDBOX_WORLD_H
#define SUPPORT_SANDBOX_WORLD_H

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "proc/sandbox_priv.h"
#include "temp_folder.h"

static const enum proc_role roles[] = { PROC_KEEPER, PROC_EXCHANGER,
					PROC_FRONT };

static struct proc_env env;

/* A thing to try: 0, or the error number. */
typedef int tried(const void *arg);

static inline int
result(long rc)
{
	return rc < 0 ? errno : 0;
}

static inline int
try_with(void (*before)(void), tried *what, const void *arg)
{
	struct rlimit none = { 0, 0 };
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		setrlimit(RLIMIT_CORE, &none);
		if (before)
			before();
		_exit(what(arg));
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static inline int
try_free(tried *what, const void *arg)
{
	return try_with(NULL, what, arg);
}

static inline void
sandbox(void)
{
	proc_env_sandbox(&env);
}

static inline int
try_as(enum proc_role role, tried *what, const void *arg)
{
	env.role = role;
	return try_with(sandbox, what, arg);
}

/* ---- what this machine knows ---- */

/* Landlock's version; 0: there is none. */
static inline long
landlock_version(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);

	return abi < 1 ? 0 : abi;
}

static inline bool
has_filter(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
	return false;
#endif
#endif
	return true;
}

/* Of a program's cases that are skipped the reason is said once. */
static inline void
skip_since(const char *why)
{
	static char said[128];

	if (strcmp(said, why) != 0)
		printf("# skipped: %s\n", why);
	snprintf(said, sizeof(said), "%s", why);
}

static inline bool
has_landlock(int version)
{
	char why[128];
	bool has = landlock_version() >= version;

	snprintf(why, sizeof(why),
		 "cases that need version %d of Landlock; this kernel's is %ld",
		 version, landlock_version());
	if (!has)
		skip_since(why);
	return has;
}

#define NEEDS_LANDLOCK(version) \
	do { \
		if (!has_landlock(version)) \
			skip(); \
	} while (0)

#define NEEDS_FILTER() \
	do { \
		if (!has_filter()) { \
			skip_since("cases that need seccomp, which a " \
				   "sanitizer's build goes without"); \
			skip(); \
		} \
	} while (0)

/* ---- the data folder ---- */

static const char key_text[] = "the-master-key";

static void
put(const char *name)
{
	file_put(temp_path(name), key_text, strlen(key_text), 0600);
}

static int
folders_begin(void **state)
{
	static const char *const folders[] = {
		"data", "data/keeper", "data/store",
		"web",	"web/inner",   "web/credentials"
	};
	static const char *const files[] = { "data/keeper/grants.db",
					     "data/keeper/master.key",
					     "data/store/drawbridge.db",
					     "data/lock",
					     "other",
					     "web/page.html",
					     "web/inner/page.js",
					     "web/key",
					     "web/inner/passphrase",
					     "web/inner/tls.key",
					     "web/credentials/key" };
	static char data[160];
	size_t i;

	log_setup("test", LOG_ERROR + 1);
	if (temp_folder_begin(state))
		return -1;
	for (i = 0; i < ARRAY_LEN(folders); i++)
		if (mkdir(temp_path(folders[i]), 0700))
			return -1;
	for (i = 0; i < ARRAY_LEN(files); i++)
		put(files[i]);
	snprintf(data, sizeof(data), "%s", temp_path("data"));
	env.data = data;
	return 0;
}

#endif
