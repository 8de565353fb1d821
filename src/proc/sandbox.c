/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a role drops once it has what it needs.
 *
 *   no_new_privs   nothing it could start has more rights
 *   Landlock       only the folders of its own are there (and for the
 *                  keeper: no TCP, where the kernel knows of that)
 *   seccomp        only these system calls; starting a program or looking
 *                  into another process ends it at once
 *
 * The keeper has no socket() at all.  Older kernels know less: what could
 * not be dropped is logged, and the role goes on without.
 *
 * Runs in every role but the parent, before anything foreign is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proc/proc.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif

/* ---- Landlock ---- */

/* Of later kernels than the headers may know. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)

enum { ABI_REFER = 2, ABI_TRUNCATE = 3, ABI_NET = 4 };

struct ruleset {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
};

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE \
	(FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | \
	 LANDLOCK_ACCESS_FS_MAKE_DIR)
#define FS_FIRST_ABI ((1ULL << 13) - 1)

static uint64_t
landlock_known(long abi)
{
	uint64_t fs = FS_FIRST_ABI;

	if (abi >= ABI_REFER)
		fs |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= ABI_TRUNCATE)
		fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
	return fs;
}

static void
landlock_allow(int ruleset, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access };

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return; /* what is not there needs no rule */
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
		    &rule, 0))
		log_warn("a folder could not be allowed", LOG_S("path", path),
			 LOG_I("errno", errno));
	close(rule.parent_fd);
}

static int
landlock_ruleset(long abi, bool no_tcp)
{
	struct ruleset attr = { .handled_access_fs = landlock_known(abi) };
	size_t size = sizeof(attr.handled_access_fs);

	if (abi >= ABI_NET && no_tcp) {
		attr.handled_access_net = NET_BIND_TCP | NET_CONNECT_TCP;
		size = sizeof(attr);
	}
	return (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
}

static void
sandbox_landlock(const struct proc_env *env, const char *const *read_paths,
		 const char *const *write_paths)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
			   LANDLOCK_CREATE_RULESET_VERSION);
	uint64_t write_access = FS_WRITE;
	int ruleset;

	if (abi < 1) {
		log_warn("not dropped: this kernel has no Landlock, so that "
			 "all files of this user stay within reach");
		return;
	}
	if (abi >= ABI_TRUNCATE)
		write_access |= LANDLOCK_ACCESS_FS_TRUNCATE;
	ruleset = landlock_ruleset(abi, env->role == PROC_KEEPER);
	if (ruleset < 0) {
		log_warn("not dropped: Landlock failed", LOG_I("errno", errno));
		return;
	}
	for (; read_paths && *read_paths; read_paths++)
		landlock_allow(ruleset, *read_paths, FS_READ);
	for (; write_paths && *write_paths; write_paths++)
		landlock_allow(ruleset, *write_paths, write_access);
	if (syscall(SYS_landlock_restrict_self, ruleset, 0))
		log_warn("not dropped: Landlock failed", LOG_I("errno", errno));
	close(ruleset);
}

/* ---- seccomp ---- */

#define CALL(name) SCMP_SYS(name)

/* Memory, time, threads, descriptors that are there already. */
static const int calls_all[] = {
	CALL(read),
	CALL(write),
	CALL(readv),
	CALL(writev),
	CALL(close),
	CALL(fstat),
	CALL(newfstatat),
	CALL(lseek),
	CALL(mmap),
	CALL(munmap),
	CALL(mprotect),
	CALL(mremap),
	CALL(madvise),
	CALL(mlock),
	CALL(mlock2),
	CALL(munlock),
	CALL(brk),
	CALL(rt_sigaction),
	CALL(rt_sigprocmask),
	CALL(rt_sigreturn),
	CALL(sigaltstack),
	CALL(futex),
	CALL(clock_gettime),
	CALL(clock_getres),
	CALL(clock_nanosleep),
	CALL(nanosleep),
	CALL(gettimeofday),
	CALL(time),
	CALL(getpid),
	CALL(gettid),
	CALL(getppid),
	CALL(getuid),
	CALL(geteuid),
	CALL(getgid),
	CALL(getegid),
	CALL(getrandom),
	CALL(exit),
	CALL(exit_group),
	CALL(epoll_create1),
	CALL(epoll_ctl),
	CALL(epoll_wait),
	CALL(epoll_pwait),
	CALL(epoll_pwait2),
	CALL(eventfd2),
	CALL(poll),
	CALL(ppoll),
	CALL(select),
	CALL(pselect6),
	CALL(fcntl),
	CALL(dup),
	CALL(dup2),
	CALL(dup3),
	CALL(pipe2),
	CALL(sendmsg),
	CALL(recvmsg),
	CALL(sendto),
	CALL(recvfrom),
	CALL(getsockopt),
	CALL(setsockopt),
	CALL(getsockname),
	CALL(getpeername),
	CALL(shutdown),
	CALL(sched_yield),
	CALL(sched_getaffinity),
	CALL(tgkill),
	CALL(restart_syscall),
	CALL(set_robust_list),
	CALL(get_robust_list),
	CALL(rseq),
	CALL(set_tid_address),
	CALL(membarrier),
	CALL(uname),
	CALL(sysinfo),
	CALL(getrusage),
	CALL(prlimit64),
	CALL(getrlimit),
	CALL(prctl),
	CALL(arch_prctl),
	CALL(timerfd_create),
	CALL(timerfd_settime),
};

/* Files, which Landlock narrows to the role's own. */
static const int calls_files[] = {
	CALL(open),	  CALL(openat),	    CALL(access),  CALL(faccessat),
	CALL(faccessat2), CALL(stat),	    CALL(lstat),   CALL(statx),
	CALL(readlink),	  CALL(readlinkat), CALL(getcwd),  CALL(getdents64),
	CALL(statfs),	  CALL(fstatfs),    CALL(pread64), CALL(pwrite64),
	CALL(fadvise64),
};

static const int calls_databases[] = {
	CALL(unlink),	 CALL(unlinkat), CALL(ftruncate), CALL(fsync),
	CALL(fdatasync), CALL(fchmod),	 CALL(fchown),	  CALL(flock),
	CALL(mkdir),	 CALL(rename),	 CALL(renameat),  CALL(renameat2),
	CALL(fallocate), CALL(umask),	 CALL(utimensat), CALL(link),
	CALL(linkat),	 CALL(chmod),
};

static const int calls_network[] = {
	CALL(socket),	CALL(connect), CALL(bind),    CALL(sendmmsg),
	CALL(recvmmsg), CALL(ioctl),   CALL(accept4), CALL(socketpair),
};

/* Nobody here has any business with these: the process ends at once. */
static const int calls_deadly[] = {
	CALL(execve),
	CALL(execveat),
	CALL(ptrace),
	CALL(process_vm_readv),
	CALL(process_vm_writev),
	CALL(init_module),
	CALL(finit_module),
	CALL(mount),
	CALL(pivot_root),
	CALL(chroot),
	CALL(setuid),
	CALL(setgid),
	CALL(setresuid),
	CALL(setresgid),
	CALL(bpf),
	CALL(userfaultfd),
	CALL(perf_event_open),
	CALL(keyctl),
	CALL(add_key),
};

static int
add_calls(scmp_filter_ctx ctx, uint32_t action, const int *calls, size_t n)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < n && rc >= 0; i++) {
		rc = seccomp_rule_add(ctx, action, calls[i], 0);
		if (rc == -EDOM || rc == -EFAULT)
			rc = 0; /* another architecture has no such call */
	}
	return rc;
}

/* Threads, but no processes.  clone3 hides its flags in memory, where a
 * filter cannot look: glibc falls back to clone when it is not there. */
static int
add_threads(scmp_filter_ctx ctx)
{
	int rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0);

	return rc < 0 ? rc
		      : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, CALL(clone), 1,
					 SCMP_A0(SCMP_CMP_MASKED_EQ,
						 CLONE_THREAD, CLONE_THREAD));
}

static int
filter_fill(scmp_filter_ctx ctx, enum proc_role role)
{
	const uint32_t allow = SCMP_ACT_ALLOW;
	int rc;

	rc = add_calls(ctx, SCMP_ACT_KILL_PROCESS, calls_deadly,
		       ARRAY_LEN(calls_deadly));
	if (rc >= 0)
		rc = add_threads(ctx);
	if (rc >= 0)
		rc = add_calls(ctx, allow, calls_all, ARRAY_LEN(calls_all));
	if (rc >= 0)
		rc = add_calls(ctx, allow, calls_files, ARRAY_LEN(calls_files));
	if (rc >= 0 && role != PROC_EXCHANGER)
		rc = add_calls(ctx, allow, calls_databases,
			       ARRAY_LEN(calls_databases));
	if (rc >= 0 && role != PROC_KEEPER)
		rc = add_calls(ctx, allow, calls_network,
			       ARRAY_LEN(calls_network));
	return rc;
}

static void
sandbox_seccomp(const struct proc_env *env)
{
#ifdef SANDBOX_SANITIZED
	(void)filter_fill;
	log_info("not dropped: system calls, in a sanitizer's build",
		 LOG_S("role", proc_role_name(env->role)));
#else
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc = ctx ? 0 : -ENOMEM;

	if (!rc) /* threads that run already, too */
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (rc >= 0)
		rc = filter_fill(ctx, env->role);
	if (rc >= 0)
		rc = seccomp_load(ctx);
	if (rc < 0)
		log_warn("not dropped: system calls (seccomp failed)",
			 LOG_I("errno", -rc));
	seccomp_release(ctx);
#endif
}

void
proc_env_sandbox(struct proc_env *env, const char *const *read_paths,
		 const char *const *write_paths)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		log_warn("not dropped: new privileges", LOG_I("errno", errno));
	sandbox_landlock(env, read_paths, write_paths);
	sandbox_seccomp(env);
}
