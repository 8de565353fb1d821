/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps: counted down in their file, taken once, and not there at all in a
 * build for use.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/base.h"

#ifdef DRAWBRIDGE_STEPS

static char path[] = "/tmp/drawbridge-steps-XXXXXX";

static void
steps_write(const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
steps_expect(const char *text)
{
	char now[256];
	FILE *f = fopen(path, "re");
	size_t n;

	assert_non_null(f);
	n = fread(now, 1, sizeof(now) - 1, f);
	now[n] = 0;
	fclose(f);
	assert_string_equal(now, text);
}

static void
a_step_fails_when_its_count_is_down(void **state)
{
	(void)state;
	steps_write("1 kill a.other\n2 fail a.place\n");
	assert_false(step_fails("a.place"));
	steps_expect("1 kill a.other\n1 fail a.place\n");
	assert_true(step_fails("a.place"));
	assert_false(step_fails("a.place"));
	steps_expect("1 kill a.other\n0 fail a.place\n");
}

static void
what_is_no_step_is_passed_over(void **state)
{
	(void)state;
	steps_write("\n1\n1 fail\nx fail a.place\n10 fail a.place\n"
		    "1 fail a.place.more\n# fail a.place\n");
	assert_false(step_fails("a.place"));
	step_reached("a.place");
}

/* How a child that reaches the step ends or pauses. */
static int
reach_in_child(const char *name)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		step_reached(name);
		_exit(7);
	}
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	if (WIFSTOPPED(status)) {
		kill(pid, SIGCONT);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(WEXITSTATUS(status), 7);
		return -1;
	}
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
a_process_is_killed_once_and_the_next_goes_on(void **state)
{
	(void)state;
	steps_write("1 kill a.place\n1 stop b.place\n");
	assert_int_equal(reach_in_child("a.place"), SIGKILL);
	assert_int_equal(reach_in_child("a.place"), 0);
	assert_int_equal(reach_in_child("b.place"), -1);
	assert_int_equal(reach_in_child("b.place"), 0);
	steps_expect("0 kill a.place\n0 stop b.place\n");
}

static int
group_setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	setenv("DRAWBRIDGE_STEPS", path, 1);
	step_setup();
	return 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	return unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_fails_when_its_count_is_down),
		cmocka_unit_test(what_is_no_step_is_passed_over),
		cmocka_unit_test(a_process_is_killed_once_and_the_next_goes_on),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}

#else

static void
there_are_no_steps_in_a_release(void **state)
{
	(void)state;
	setenv("DRAWBRIDGE_STEPS", "/dev/null", 1);
	step_setup();
	step_reached("a.place");
	assert_false(step_fails("a.place"));
	assert_string_equal(STEP_VERSION, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_are_no_steps_in_a_release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
