/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roles that hang: who is held by a debugger is not taken for one, and the
 * numbers of deaths arrive as they were sent.  The rest is a matter of
 * processes (tests/system/watchdog.test.mjs).
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "proc/parent_priv.h"
#include "proc/proc_priv.h"

/* A child that has stopped itself, traced by us or not. */
static pid_t
stopped_child(bool traced)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (traced && ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(1);
		raise(SIGSTOP);
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	return pid;
}

static void
child_end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
who_is_debugged_is_held(void **state)
{
	pid_t pid = stopped_child(true);

	(void)state;
	assert_true(parent_watch_is_held(pid));
	child_end(pid);
}

static void
who_is_stopped_or_gone_is_not(void **state)
{
	pid_t pid = stopped_child(false);

	(void)state;
	assert_false(parent_watch_is_held(pid));
	assert_false(parent_watch_is_held(getpid()));
	child_end(pid);
	assert_false(parent_watch_is_held(pid));
}

static void
deaths_arrive_as_they_were_counted(void **state)
{
	const struct proc_deaths sent[PROC_ROLES] = {
		[PROC_KEEPER] = { .ended = 3, .hung = 1 },
		[PROC_EXCHANGER] = { .ended = UINT64_MAX },
		[PROC_FRONT] = { .ended = 5, .hung = 5 },
	};
	struct proc_deaths got[PROC_ROLES];
	struct buf b;

	(void)state;
	buf_init(&b, 512);
	proc_deaths_write(sent, &b);
	assert_int_equal(proc_deaths_read(buf_slice(&b), got), 0);
	assert_memory_equal(got, sent, sizeof(sent));
	buf_release(&b);
}

static void
deaths_that_are_not_of_their_form_are_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"1",
		"0 0 0 0 0 0 0 ",
		"0 0 0 0 0 0 0 0 0",
		"0 0 0 0 0 0 0 x",
		"0 0 0 0 0 0 0 -1",
		"0 0 0 0 0 0 0 18446744073709551616",
	};
	struct proc_deaths got[PROC_ROLES];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(proc_deaths_read(slice_str(texts[i]), got),
				 ERR_PROTOCOL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_debugged_is_held),
		cmocka_unit_test(who_is_stopped_or_gone_is_not),
		cmocka_unit_test(deaths_arrive_as_they_were_counted),
		cmocka_unit_test(deaths_that_are_not_of_their_form_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
