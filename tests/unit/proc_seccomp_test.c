/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which system calls the sandbox leaves to each role: what one has no use for
 * gives EPERM, and what only somebody makes who has taken a process over ends
 * it with SIGSYS.  Files are proc_sandbox_test's.
 */
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "../support/sandbox_world.h"

/* Of later kernels than the headers may know. */
enum { CALL_IO_URING_SETUP = 425, CALL_PIDFD_GETFD = 438 };

static void
is(enum proc_role role, tried *what, const void *arg, int wanted,
   const char *name)
{
	int rc = try_as(role, what, arg);

	if (rc != wanted)
		fail_msg("%s and %s: %d, not %d", proc_role_name(role), name,
			 rc, wanted);
}

static void
all_are(tried *what, const void *arg, int wanted, const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(roles); i++)
		is(roles[i], what, arg, wanted, name);
}

/* Whether it says something that it is refused: not when this machine refuses
 * it to all, as containers do. */
static bool
says_something(bool does, const char *name)
{
	if (!does)
		printf("# skipped: %s, which this machine allows to nobody\n",
		       name);
	return does;
}

static bool
goes_without_a_sandbox(tried *what, const void *arg, const char *name)
{
	int rc = try_free(what, arg);

	return says_something(rc >= 0 && rc != EPERM && rc != ENOSYS, name);
}

static bool
lives_without_a_sandbox(tried *what, const void *arg, const char *name)
{
	return says_something(try_free(what, arg) >= 0, name);
}

/* ---- calls by their number ---- */

struct numbered {
	long number;
	const char *name;
};

#define NUMBERED(name) \
	{ \
		SYS_##name, #name \
	}

/* With arguments that come to nothing wherever it is let through. */
static int
calls(const void *arg)
{
	const struct numbered *n = arg;

	return result(syscall(n->number, -1L, -1L, -1L, -1L, -1L, -1L));
}

static void
what_only_an_intruder_calls_ends_the_process(void **state)
{
	static const struct numbered all[] = {
		NUMBERED(execve),
		NUMBERED(execveat),
		NUMBERED(ptrace),
		NUMBERED(process_vm_readv),
		NUMBERED(process_vm_writev),
		NUMBERED(init_module),
		NUMBERED(finit_module),
		NUMBERED(delete_module),
		NUMBERED(kexec_load),
		NUMBERED(mount),
		NUMBERED(umount2),
		NUMBERED(pivot_root),
		NUMBERED(chroot),
		NUMBERED(unshare),
		NUMBERED(setns),
		NUMBERED(setuid),
		NUMBERED(setgid),
		NUMBERED(setresuid),
		NUMBERED(setresgid),
		NUMBERED(bpf),
		NUMBERED(userfaultfd),
		NUMBERED(perf_event_open),
		NUMBERED(open_by_handle_at),
		NUMBERED(keyctl),
		NUMBERED(add_key),
	};
	size_t i;

	(void)state;
	NEEDS_FILTER();
	for (i = 0; i < ARRAY_LEN(all); i++)
		if (lives_without_a_sandbox(calls, &all[i], all[i].name))
			all_are(calls, &all[i], -SIGSYS, all[i].name);
}

static void
what_nobody_has_a_use_for_is_refused(void **state)
{
	static const struct numbered all[] = {
		NUMBERED(kill),
		NUMBERED(tkill),
		NUMBERED(tgkill),
		NUMBERED(pidfd_open),
		NUMBERED(socketpair),
		NUMBERED(listen),
		NUMBERED(accept),
		NUMBERED(symlink),
		NUMBERED(symlinkat),
		NUMBERED(mknod),
		NUMBERED(mknodat),
		NUMBERED(chmod),
		NUMBERED(fchmodat),
		NUMBERED(chown),
		NUMBERED(fchownat),
		NUMBERED(truncate),
		NUMBERED(setrlimit),
		NUMBERED(personality),
		NUMBERED(chdir),
		NUMBERED(shmget),
		NUMBERED(msgget),
		NUMBERED(semget),
		NUMBERED(setsid),
		NUMBERED(setpgid),
		NUMBERED(memfd_create),
		NUMBERED(name_to_handle_at),
		NUMBERED(seccomp),
		NUMBERED(inotify_init1),
		{ CALL_IO_URING_SETUP, "io_uring_setup" },
		{ CALL_PIDFD_GETFD, "pidfd_getfd" },
	};
	size_t i;

	(void)state;
	NEEDS_FILTER();
	for (i = 0; i < ARRAY_LEN(all); i++)
		if (goes_without_a_sandbox(calls, &all[i], all[i].name))
			all_are(calls, &all[i], EPERM, all[i].name);
}

/* ---- another architecture's numbers ---- */

#ifdef __x86_64__
static int
calls_as_x32(const void *arg)
{
	(void)arg;
	return result(syscall(0x40000000L + SYS_getpid));
}

static int
calls_as_i386(const void *arg)
{
	long rc = 20; /* getpid */

	(void)arg;
	__asm__ volatile("int $0x80"
			 : "+a"(rc)
			 :
			 : "memory", "r8", "r9", "r10", "r11");
	return rc < 0 ? (int)-rc : 0;
}

static void
numbers_of_another_architecture_end_the_process(void **state)
{
	(void)state;
	NEEDS_FILTER();
	if (lives_without_a_sandbox(calls_as_x32, NULL, "x32"))
		all_are(calls_as_x32, NULL, -SIGSYS, "x32");
	if (lives_without_a_sandbox(calls_as_i386, NULL, "i386"))
		all_are(calls_as_i386, NULL, -SIGSYS, "i386");
}
#endif

/* ---- processes and threads ---- */

static int
forks(const void *arg)
{
	pid_t pid = fork();

	(void)arg;
	if (!pid)
		_exit(0);
	return result(pid);
}

static int
clones(const void *arg)
{
	long pid = syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);

	(void)arg;
	if (!pid)
		_exit(0);
	return result(pid);
}

static int
signals_the_parent(const void *arg)
{
	(void)arg;
	return result(kill(getppid(), 0));
}

static void
nobody_starts_or_signals_a_process(void **state)
{
	(void)state;
	NEEDS_FILTER();
	assert_int_equal(try_free(forks, NULL), 0);
	all_are(forks, NULL, EPERM, "fork");
	assert_int_equal(try_free(clones, NULL), 0);
	all_are(clones, NULL, EPERM, "clone");
	assert_int_equal(try_free(signals_the_parent, NULL), 0);
	all_are(signals_the_parent, NULL, EPERM, "a signal");
}

static void *
thread_opens_a_unix_socket(void *gate)
{
	char byte;

	if (gate && read(*(int *)gate, &byte, 1) != 1)
		return (void *)(intptr_t)EIO;
	return (void *)(intptr_t)result(socket(AF_UNIX, SOCK_STREAM, 0));
}

/* arg: whether the thread begins before the sandbox. */
static int
thread_is_locked_in(const void *arg)
{
	pthread_t thread;
	int gate[2];
	void *rc;

	if (arg) {
		if (pipe2(gate, O_CLOEXEC) ||
		    pthread_create(&thread, NULL, thread_opens_a_unix_socket,
				   gate))
			return ECHILD;
		sandbox();
		if (write(gate[1], "", 1) != 1)
			return EIO;
	} else {
		sandbox();
		if (pthread_create(&thread, NULL, thread_opens_a_unix_socket,
				   NULL))
			return ECHILD;
	}
	pthread_join(thread, &rc);
	return (int)(intptr_t)rc;
}

static void
threads_are_locked_in_whenever_they_began(void **state)
{
	size_t i;

	(void)state;
	NEEDS_FILTER();
	for (i = 0; i < ARRAY_LEN(roles); i++) {
		env.role = roles[i];
		assert_int_equal(try_free(thread_is_locked_in, NULL), EPERM);
		assert_int_equal(try_free(thread_is_locked_in, ""), EPERM);
	}
}

/* ---- sockets ---- */

struct kind_of_socket {
	int domain, type, protocol;
	const char *name;
};

static int
opens(const void *arg)
{
	const struct kind_of_socket *k = arg;

	return result(socket(k->domain, k->type, k->protocol));
}

static void
keeper_opens_no_socket_at_all(void **state)
{
	static const struct kind_of_socket all[] = {
		{ AF_INET, SOCK_STREAM, 0, "TCP" },
		{ AF_INET, SOCK_DGRAM, 0, "UDP" },
		{ AF_INET6, SOCK_STREAM, 0, "TCP over IPv6" },
		{ AF_INET6, SOCK_DGRAM, 0, "UDP over IPv6" },
		{ AF_UNIX, SOCK_STREAM, 0, "Unix" },
		{ AF_UNIX, SOCK_DGRAM, 0, "Unix datagrams" },
		{ AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, "routes" },
	};
	size_t i;

	(void)state;
	NEEDS_FILTER();
	for (i = 0; i < ARRAY_LEN(all); i++)
		if (goes_without_a_sandbox(opens, &all[i], all[i].name))
			is(PROC_KEEPER, opens, &all[i], EPERM, all[i].name);
}

static void
who_goes_out_opens_internet_sockets_alone(void **state)
{
	static const struct kind_of_socket yes[] = {
		{ AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0, "TCP" },
		{ AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0, "UDP" },
		{ AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, "routes" },
	};
	static const struct kind_of_socket no[] = {
		{ AF_UNIX, SOCK_STREAM, 0, "Unix" },
		{ AF_UNIX, SOCK_SEQPACKET, 0, "Unix packets" },
		{ AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT, "devices" },
		{ AF_INET, SOCK_RAW, IPPROTO_ICMP, "raw" },
		{ AF_PACKET, SOCK_RAW, 0, "packets" },
	};
	size_t i;

	(void)state;
	NEEDS_FILTER();
	for (i = 0; i < ARRAY_LEN(yes); i++) {
		is(PROC_EXCHANGER, opens, &yes[i], 0, yes[i].name);
		is(PROC_FRONT, opens, &yes[i], 0, yes[i].name);
	}
	for (i = 0; i < ARRAY_LEN(no); i++)
		if (goes_without_a_sandbox(opens, &no[i], no[i].name)) {
			is(PROC_EXCHANGER, opens, &no[i], EPERM, no[i].name);
			is(PROC_FRONT, opens, &no[i], EPERM, no[i].name);
		}
}

/* A descriptor that is there already is of no use either: arg is one. */
static int
connects(const void *fd)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(1) };

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return result(
		connect(*(const int *)fd, (struct sockaddr *)&to, sizeof(to)));
}

static int
binds(const void *fd)
{
	struct sockaddr_in at = { .sin_family = AF_INET };

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return result(
		bind(*(const int *)fd, (struct sockaddr *)&at, sizeof(at)));
}

static int
accepts(const void *fd)
{
	return result(accept4(*(const int *)fd, NULL, NULL, SOCK_NONBLOCK));
}

static void
keeper_connects_nothing_and_the_front_alone_accepts(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int closed = try_free(connects, &fd);

	(void)state;
	NEEDS_FILTER();
	assert_true(fd >= 0);
	is(PROC_KEEPER, connects, &fd, EPERM, "connect");
	is(PROC_EXCHANGER, connects, &fd, closed, "connect");
	is(PROC_FRONT, connects, &fd, closed, "connect");
	is(PROC_KEEPER, accepts, &fd, EPERM, "accept");
	is(PROC_EXCHANGER, accepts, &fd, EPERM, "accept");
	is(PROC_FRONT, accepts, &fd, EINVAL, "accept");
	close(fd);
}

/* Nor listens without: listen() is refused to all, above. */
static void
nobody_binds_a_tcp_port(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	NEEDS_LANDLOCK(4);
	NEEDS_FILTER();
	assert_int_equal(try_free(binds, &fd), 0);
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	is(PROC_KEEPER, binds, &fd, EPERM, "bind");
	is(PROC_EXCHANGER, binds, &fd, EACCES, "bind");
	is(PROC_FRONT, binds, &fd, EACCES, "bind");
	close(fd);
}

static int
binds_a_port(const void *fd)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(47113) };

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return result(
		bind(*(const int *)fd, (struct sockaddr *)&at, sizeof(at)));
}

static void
with_an_address_to_call_from_it_is_bound_but_no_port(void **state)
{
	char flag[] = "--egress-bind", address[] = "127.0.0.1";
	char *args[] = { flag, address };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct conf_problem p;
	struct conf *conf;

	(void)state;
	NEEDS_LANDLOCK(4);
	NEEDS_FILTER();
	assert_int_equal(conf_load(2, args, &conf, &p), 0);
	env.conf = conf;
	is(PROC_KEEPER, binds, &fd, EPERM, "bind");
	is(PROC_EXCHANGER, binds_a_port, &fd, EACCES, "bind to a port");
	is(PROC_FRONT, binds_a_port, &fd, EACCES, "bind to a port");
	is(PROC_EXCHANGER, binds, &fd, 0, "bind");
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	is(PROC_FRONT, binds, &fd, 0, "bind");
	env.conf = NULL;
	conf_free(conf);
	close(fd);
}

/* ---- files, memory ---- */

static int
opens_to_write(const void *path)
{
	return result(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int
removes(const void *path)
{
	return result(unlink(path));
}

static int
opens_to_read(const void *path)
{
	return result(open(path, O_RDONLY | O_CLOEXEC));
}

/* Also where there is no Landlock. */
static void
exchanger_writes_no_file_wherever_it_is(void **state)
{
	(void)state;
	NEEDS_FILTER();
	is(PROC_EXCHANGER, opens_to_write, temp_path("other"), EPERM, "other");
	is(PROC_EXCHANGER, opens_to_write, temp_path("new"), EPERM, "new");
	is(PROC_EXCHANGER, opens_to_write, "/dev/null", EPERM, "/dev/null");
	is(PROC_EXCHANGER, removes, temp_path("other"), EPERM, "removing");
	is(PROC_EXCHANGER, opens_to_read, "/etc/passwd", 0, "reading");
	assert_int_equal(file_mode(temp_path("new")), 0);
}

/* arg: what is asked for at first, and then. */
static int
has_memory(const void *arg)
{
	const int *protection = arg;
	void *at = mmap(NULL, 4096, protection[0], MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	if (at == MAP_FAILED)
		return errno;
	return result(mprotect(at, 4096, protection[1]));
}

static void
memory_that_was_writable_is_never_run(void **state)
{
	static const int both[] = { PROT_WRITE | PROT_EXEC,
				    PROT_WRITE | PROT_EXEC },
			 then[] = { PROT_READ | PROT_WRITE,
				    PROT_READ | PROT_EXEC },
			 data[] = { PROT_READ | PROT_WRITE, PROT_READ };

	(void)state;
	NEEDS_FILTER();
	assert_int_equal(try_free(has_memory, both), 0);
	assert_int_equal(try_free(has_memory, then), 0);
	all_are(has_memory, both, EPERM, "both at once");
	all_are(has_memory, then, EPERM, "one after the other");
	all_are(has_memory, data, 0, "data");
}

/* ---- what the kernel says of such a process ---- */

/* A line of /proc/self/status in a sandbox: bits that are set, and bits that
 * may be. */
struct status_line {
	const char *name;
	unsigned long long must, may;
};

static int
has_status(const void *arg)
{
	const struct status_line *line = arg;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	unsigned long long bits;
	char text[8192];
	const char *at;
	ssize_t n;

	sandbox();
	n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);
	if (n < 0)
		return EIO;
	text[n] = '\0';
	at = strstr(text, line->name);
	if (!at)
		return ESRCH;
	bits = strtoull(at + strlen(line->name), NULL, 16);
	return (bits & line->must) == line->must && !(bits & ~line->may)
		       ? 0
		       : EPROTO;
}

/* DAC_OVERRIDE, DAC_READ_SEARCH, IPC_LOCK: of the first two root's files are
 * read, with the third memory is locked. */
static void
root_keeps_the_rights_to_files_and_locked_memory_alone(void **state)
{
	static const struct status_line lines[] = {
		{ "\nNoNewPrivs:\t", 1, 1 },
		{ "\nCapInh:\t", 0, 0 },
		{ "\nCapPrm:\t", 0, 0x4006 },
		{ "\nCapEff:\t", 0, 0x4006 },
	};
	size_t i, j;
	int rc;

	(void)state;
	if (access("/proc/self/status", R_OK)) {
		printf("# skipped: %s: there is no /proc\n", __func__);
		skip();
	}
	for (i = 0; i < ARRAY_LEN(roles); i++)
		for (j = 0; j < ARRAY_LEN(lines); j++) {
			env.role = roles[i];
			rc = try_free(has_status, &lines[j]);
			if (rc)
				fail_msg("%s of the %s: %d", lines[j].name + 1,
					 proc_role_name(roles[i]), rc);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_only_an_intruder_calls_ends_the_process),
		cmocka_unit_test(what_nobody_has_a_use_for_is_refused),
#ifdef __x86_64__
		cmocka_unit_test(
			numbers_of_another_architecture_end_the_process),
#endif
		cmocka_unit_test(nobody_starts_or_signals_a_process),
		cmocka_unit_test(threads_are_locked_in_whenever_they_began),
		cmocka_unit_test(keeper_opens_no_socket_at_all),
		cmocka_unit_test(who_goes_out_opens_internet_sockets_alone),
		cmocka_unit_test(
			keeper_connects_nothing_and_the_front_alone_accepts),
		cmocka_unit_test(nobody_binds_a_tcp_port),
		cmocka_unit_test(
			with_an_address_to_call_from_it_is_bound_but_no_port),
		cmocka_unit_test(exchanger_writes_no_file_wherever_it_is),
		cmocka_unit_test(memory_that_was_writable_is_never_run),
		cmocka_unit_test(
			root_keeps_the_rights_to_files_and_locked_memory_alone),
	};

	return cmocka_run_group_tests(tests, folders_begin, temp_folder_end);
}
