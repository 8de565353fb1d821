/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files out of sight (Landlock, Linux 5.13 and later).
 *
 * A role sees the paths that it names, and nothing else.  It may have to see
 * a folder in which somebody keeps a secret that is not the role's: looking
 * names up takes /etc, and a master key may lie there.  Such a folder is not
 * allowed as a whole, but entry by entry around the secret.  (Then a file
 * that is put there later stays out of sight until the next start.)
 *
 * TCP, signals to others and abstract sockets are closed too, where the
 * kernel knows how and the role has no use for them.
 *
 * Runs in every role but the parent.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proc/sandbox_priv.h"

/* Of later kernels than the headers may know. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define RULE_NET_PORT 2
#define SCOPE_ABSTRACT_UNIX (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)

enum { ABI_REFER = 2, ABI_TRUNCATE = 3, ABI_NET = 4, ABI_SCOPE = 6 };

struct ruleset_attr {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

struct net_port_attr {
	uint64_t access;
	uint64_t port;
};

#define FS_FILE \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | \
	 LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE \
	(FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_TRUNCATE)
#define FS_FIRST_ABI ((1ULL << 13) - 1)

enum { SECRETS_MAX = 8 };

struct land {
	int ruleset;
	uint64_t known;		    /* rights that this kernel has names for */
	char *secrets[SECRETS_MAX]; /* real paths */
	size_t secret_count;
};

/* ---- what is not the role's ---- */

static void
secret_add(struct land *l, const char *path)
{
	char *real = path && path[0] ? realpath(path, NULL) : NULL;

	if (!real)
		return; /* what is not there cannot be read */
	ASSERT(l->secret_count < SECRETS_MAX);
	l->secrets[l->secret_count++] = real;
}

static void
secrets_find(struct land *l, const struct proc_env *env)
{
	static const enum conf_id files[] = { CONF_KEY_FILE,
					      CONF_PASSPHRASE_FILE,
					      CONF_EGRESS_PROXY_LOGIN,
					      CONF_TLS_KEY };
	size_t i;

	for (i = 0; env->conf && i < ARRAY_LEN(files); i++)
		secret_add(l, conf_text(env->conf, files[i]));
	secret_add(l, getenv("CREDENTIALS_DIRECTORY"));
	/* The role's own part of it is among its write_paths. */
	secret_add(l, env->data);
}

static bool
path_is_in(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	if (n == 1)
		return true; /* the root */
	return !strncmp(path, folder, n) && (!path[n] || path[n] == '/');
}

/* ---- rules ---- */

static void
land_add(const struct land *l, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { 0 };
	struct stat st;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return; /* what is not there needs no rule */
	rule.allowed_access = access & l->known;
	if (!fstat(rule.parent_fd, &st) && !S_ISDIR(st.st_mode))
		rule.allowed_access &= FS_FILE;
	if (syscall(SYS_landlock_add_rule, l->ruleset,
		    LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
		log_warn("a folder could not be allowed", LOG_S("path", path),
			 LOG_I("errno", errno));
	close(rule.parent_fd);
}

static void land_add_read(const struct land *l, const char *real);

/* All that is in a folder, one by one.  A link needs no rule: what it leads
 * to has its own. */
static void
land_add_entries(const struct land *l, const char *folder)
{
	const char *slash = folder[1] ? "/" : "";
	struct dirent *entry;
	struct stat st;
	char path[4096];
	DIR *dir = opendir(folder);

	while (dir && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if ((size_t)snprintf(path, sizeof(path), "%s%s%s", folder,
				     slash, entry->d_name) >= sizeof(path))
			continue;
		if (!lstat(path, &st) && !S_ISLNK(st.st_mode))
			land_add_read(l, path);
	}
	if (dir)
		closedir(dir);
}

static void
land_add_read(const struct land *l, const char *real)
{
	bool around = false;
	size_t i;

	for (i = 0; i < l->secret_count; i++) {
		if (path_is_in(real, l->secrets[i]))
			return;
		around |= path_is_in(l->secrets[i], real);
	}
	if (around)
		land_add_entries(l, real);
	else
		land_add(l, real, FS_READ);
}

static void
land_fill(const struct land *l, const char *const *read_paths,
	  const char *const *write_paths)
{
	char *real;

	for (; read_paths && *read_paths; read_paths++) {
		real = realpath(*read_paths, NULL);
		if (real)
			land_add_read(l, real);
		free(real);
	}
	for (; write_paths && *write_paths; write_paths++)
		land_add(l, *write_paths, FS_WRITE);
}

/* ---- the ruleset ---- */

static uint64_t
fs_known(long abi)
{
	uint64_t fs = FS_FIRST_ABI;

	if (abi >= ABI_REFER)
		fs |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= ABI_TRUNCATE)
		fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
	return fs;
}

/* Nobody listens anew, and the keeper connects to nothing. */
static int
ruleset_new(long abi, enum proc_role role)
{
	struct ruleset_attr attr = {
		.fs = fs_known(abi),
		.net = role == PROC_KEEPER ? NET_BIND_TCP | NET_CONNECT_TCP
					   : NET_BIND_TCP,
		.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL,
	};
	size_t size = abi >= ABI_SCOPE ? sizeof(attr)
		      : abi >= ABI_NET ? offsetof(struct ruleset_attr, scoped)
				       : offsetof(struct ruleset_attr, net);

	return (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
}

/* Where calls have to come from one address, sockets are bound to it; to no
 * port: the kernel chooses one. */
static void
land_add_source(const struct land *l, const struct proc_env *env)
{
	struct net_port_attr rule = { .access = NET_BIND_TCP, .port = 0 };
	size_t count = 0;

	if (env->conf && env->role != PROC_KEEPER)
		conf_list(env->conf, CONF_EGRESS_BIND, &count);
	if (count &&
	    syscall(SYS_landlock_add_rule, l->ruleset, RULE_NET_PORT, &rule, 0))
		log_warn("no address to call from could be allowed",
			 LOG_I("errno", errno));
}

static void
log_what_stays(long abi)
{
	if (abi < ABI_TRUNCATE)
		log_info("not dropped: this kernel's Landlock does not know "
			 "of truncating files",
			 LOG_I("version", abi));
	if (abi < ABI_NET)
		log_info("not dropped: this kernel's Landlock does not know "
			 "of TCP",
			 LOG_I("version", abi));
}

void
proc_landlock(const struct proc_env *env, const char *const *read_paths,
	      const char *const *write_paths)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
			   LANDLOCK_CREATE_RULESET_VERSION);
	struct land l = { .known = fs_known(abi) };

	if (abi < 1) {
		log_warn("not dropped: this kernel has no Landlock, so that "
			 "all files of this user stay within reach");
		return;
	}
	log_what_stays(abi);
	l.ruleset = ruleset_new(abi, env->role);
	if (l.ruleset < 0) {
		log_warn("not dropped: Landlock failed", LOG_I("errno", errno));
		return;
	}
	secrets_find(&l, env);
	land_fill(&l, read_paths, write_paths);
	if (abi >= ABI_NET)
		land_add_source(&l, env);
	if (syscall(SYS_landlock_restrict_self, l.ruleset, 0))
		log_warn("not dropped: Landlock failed", LOG_I("errno", errno));
	close(l.ruleset);
	while (l.secret_count)
		free(l.secrets[--l.secret_count]);
}
