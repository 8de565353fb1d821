/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls out of reach (seccomp, by libseccomp).
 *
 * Each role has a list of calls that it may make, some with certain
 * arguments alone.  Any other gives EPERM; one that only somebody makes who
 * has taken the process over (starting a program, looking into another
 * process) ends it at once.
 *
 *   keeper     files of databases; no socket() at all
 *   exchanger  outgoing network; files are opened for reading only
 *   front      network, files of databases
 *
 * Nobody starts a process, makes memory executable that was writable, or
 * signals another process.
 *
 * Runs in every role but the parent.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proc/sandbox_priv.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

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
	CALL(munmap),
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
	CALL(restart_syscall),
	CALL(set_robust_list),
	CALL(get_robust_list),
	CALL(rseq),
	CALL(set_tid_address),
	CALL(membarrier),
	CALL(uname),
	CALL(sysinfo),
	CALL(getrusage),
	CALL(getrlimit),
	CALL(arch_prctl),
	CALL(timerfd_create),
	CALL(timerfd_settime),
};

/* Files, which Landlock narrows to the role's own. */
static const int calls_files[] = {
	CALL(access),  CALL(faccessat),	 CALL(faccessat2), CALL(stat),
	CALL(lstat),   CALL(statx),	 CALL(readlink),   CALL(readlinkat),
	CALL(getcwd),  CALL(getdents64), CALL(statfs),	   CALL(fstatfs),
	CALL(pread64), CALL(pwrite64),	 CALL(fadvise64),
};

/* No chmod(): Landlock does not see it, and it would open another role's
 * files to other users of this machine. */
static const int calls_databases[] = {
	CALL(open),	 CALL(openat),	  CALL(unlink),	   CALL(unlinkat),
	CALL(ftruncate), CALL(fsync),	  CALL(fdatasync), CALL(fchmod),
	CALL(fchown),	 CALL(flock),	  CALL(mkdir),	   CALL(rename),
	CALL(renameat),	 CALL(renameat2), CALL(fallocate), CALL(umask),
	CALL(utimensat), CALL(link),	  CALL(linkat),
};

static const int calls_network[] = {
	CALL(connect),
	CALL(bind),
	CALL(sendmmsg),
	CALL(recvmmsg),
};

static const int calls_front[] = { CALL(accept4) };

/* Nobody here has any business with these: the process ends at once. */
static const int calls_deadly[] = {
	CALL(execve),
	CALL(execveat),
	CALL(ptrace),
	CALL(process_vm_readv),
	CALL(process_vm_writev),
	CALL(init_module),
	CALL(finit_module),
	CALL(delete_module),
	CALL(kexec_load),
	CALL(mount),
	CALL(umount2),
	CALL(pivot_root),
	CALL(chroot),
	CALL(unshare),
	CALL(setns),
	CALL(setuid),
	CALL(setgid),
	CALL(setresuid),
	CALL(setresgid),
	CALL(bpf),
	CALL(userfaultfd),
	CALL(perf_event_open),
	CALL(open_by_handle_at),
	CALL(keyctl),
	CALL(add_key),
};

/* ---- calls with certain arguments ---- */

struct call_rule {
	int call;
	unsigned count;
	struct scmp_arg_cmp args[2];
};

#define IS(arg, value) \
	{ \
		arg, SCMP_CMP_EQ, (scmp_datum_t)(value), 0 \
	}
#define MASKED(arg, mask, value) \
	{ \
		arg, SCMP_CMP_MASKED_EQ, (scmp_datum_t)(mask), \
			(scmp_datum_t)(value) \
	}

enum { SOCKET_TYPE = 0xf, WRITING = O_ACCMODE | O_CREAT | O_TRUNC };

static const struct call_rule rules_all[] = {
	/* Memory is writable or executable, and does not change from the
	 * one to the other. */
	{ CALL(mmap), 1, { MASKED(2, PROT_EXEC, 0) } },
	{ CALL(mmap), 1, { MASKED(2, PROT_WRITE, 0) } },
	{ CALL(mprotect), 1, { MASKED(2, PROT_EXEC, 0) } },
	/* Threads, but no processes. */
	{ CALL(clone), 1, { MASKED(0, CLONE_THREAD, CLONE_THREAD) } },
	{ CALL(prctl), 1, { IS(0, PR_SET_NAME) } },
	{ CALL(prctl), 1, { IS(0, PR_SET_VMA) } },
	/* One's own limits, to be read. */
	{ CALL(prlimit64), 2, { IS(0, 0), IS(2, 0) } },
};

static const struct call_rule rules_reading[] = {
	{ CALL(open), 1, { MASKED(1, WRITING, O_RDONLY) } },
	{ CALL(openat), 1, { MASKED(2, WRITING, O_RDONLY) } },
};

/* No Unix sockets: other servers of this machine listen on them. */
static const struct call_rule rules_network[] = {
	{ CALL(socket),
	  2,
	  { IS(0, AF_INET), MASKED(1, SOCKET_TYPE, SOCK_STREAM) } },
	{ CALL(socket),
	  2,
	  { IS(0, AF_INET), MASKED(1, SOCKET_TYPE, SOCK_DGRAM) } },
	{ CALL(socket),
	  2,
	  { IS(0, AF_INET6), MASKED(1, SOCKET_TYPE, SOCK_STREAM) } },
	{ CALL(socket),
	  2,
	  { IS(0, AF_INET6), MASKED(1, SOCKET_TYPE, SOCK_DGRAM) } },
	/* getaddrinfo asks for this machine's own addresses (0: routes). */
	{ CALL(socket), 2, { IS(0, AF_NETLINK), IS(2, 0) } },
	{ CALL(ioctl), 1, { IS(1, FIONREAD) } },
	{ CALL(ioctl), 1, { IS(1, FIONBIO) } },
};

/* ---- the filter ---- */

/* A filter being made; the first mistake sticks. */
struct filter {
	scmp_filter_ctx ctx;
	int err; /* negative errno */
};

static void
filter_note(struct filter *f, int rc)
{
	/* Another architecture has no such call. */
	if (rc < 0 && rc != -EDOM && rc != -EFAULT && !f->err)
		f->err = rc;
}

static void
filter_calls(struct filter *f, uint32_t action, const int *calls, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		filter_note(f, seccomp_rule_add(f->ctx, action, calls[i], 0));
}

static void
filter_rules(struct filter *f, const struct call_rule *rules, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		filter_note(f, seccomp_rule_add_array(
				       f->ctx, SCMP_ACT_ALLOW, rules[i].call,
				       rules[i].count, rules[i].args));
}

#define ALLOW(f, calls) filter_calls(f, SCMP_ACT_ALLOW, calls, ARRAY_LEN(calls))
#define ALLOW_SOME(f, rules) filter_rules(f, rules, ARRAY_LEN(rules))

static void
filter_fill(struct filter *f, enum proc_role role)
{
	filter_calls(f, SCMP_ACT_KILL_PROCESS, calls_deadly,
		     ARRAY_LEN(calls_deadly));
	/* clone3 hides its flags in memory, where a filter cannot look:
	 * glibc falls back to clone when it is not there. */
	filter_note(f, seccomp_rule_add(f->ctx, SCMP_ACT_ERRNO(ENOSYS),
					CALL(clone3), 0));
	/* abort() and pthread_kill(), but nobody else's threads. */
	filter_note(f, seccomp_rule_add(
			       f->ctx, SCMP_ACT_ALLOW, CALL(tgkill), 1,
			       SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)getpid())));
	ALLOW(f, calls_all);
	ALLOW_SOME(f, rules_all);
	ALLOW(f, calls_files);
	if (role == PROC_EXCHANGER)
		ALLOW_SOME(f, rules_reading);
	else
		ALLOW(f, calls_databases);
	if (role == PROC_KEEPER)
		return;
	ALLOW(f, calls_network);
	ALLOW_SOME(f, rules_network);
	if (role == PROC_FRONT)
		ALLOW(f, calls_front);
}

void
proc_seccomp(const struct proc_env *env)
{
#ifdef SANDBOX_SANITIZED
	(void)filter_fill;
	log_info("not dropped: system calls, in a sanitizer's build",
		 LOG_S("role", proc_role_name(env->role)));
#else
	struct filter f = { seccomp_init(SCMP_ACT_ERRNO(EPERM)), 0 };

	if (!f.ctx) {
		f.err = -ENOMEM;
	} else {
		/* threads that run already, too */
		filter_note(&f,
			    seccomp_attr_set(f.ctx, SCMP_FLTATR_CTL_TSYNC, 1));
		filter_note(&f, seccomp_attr_set(f.ctx, SCMP_FLTATR_ACT_BADARCH,
						 SCMP_ACT_KILL_PROCESS));
		filter_fill(&f, env->role);
	}
	if (!f.err)
		f.err = seccomp_load(f.ctx);
	if (f.err)
		log_warn("not dropped: system calls (seccomp failed)",
			 LOG_I("errno", -f.err));
	seccomp_release(f.ctx);
#endif
}
