/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps: the file of them is opened once and read again each time, since the
 * test writes to it while we run.
 *
 * Runs in every role, in builds for tests alone.
 */
#include "base/base.h"

#ifdef DRAWBRIDGE_STEPS

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILE_SIZE = 4096 };

static int step_fd = -1;

void
step_setup(void)
{
	const char *path = getenv("DRAWBRIDGE_STEPS");

	if (step_fd >= 0 || !path)
		return;
	step_fd = open(path, O_RDWR | O_CLOEXEC);
	log_warn("this is a build for tests, with steps", LOG_S("file", path),
		 LOG_I("opened", step_fd >= 0));
}

/* Counts a line of this action and name down; whether its time has come. */
static bool
step_take(const char *action, const char *name)
{
	char text[FILE_SIZE];
	struct slice rest, line, word[3];
	ssize_t n = step_fd < 0 ? 0 : pread(step_fd, text, sizeof(text), 0);
	off_t at;
	char left;

	rest = slice_of(text, n > 0 ? (size_t)n : 0);
	while (slice_next(&rest, '\n', &line)) {
		at = line.ptr - text;
		if (!slice_next(&line, ' ', &word[0]) ||
		    !slice_next(&line, ' ', &word[1]) ||
		    !slice_next(&line, ' ', &word[2]) || word[0].len != 1 ||
		    word[0].ptr[0] < '1' || word[0].ptr[0] > '9' ||
		    !slice_eq(word[1], slice_str(action)) ||
		    !slice_eq(word[2], slice_str(name)))
			continue;
		left = (char)(word[0].ptr[0] - 1);
		if (pwrite(step_fd, &left, 1, at) != 1)
			return false;
		return left == '0';
	}
	return false;
}

void
step_reached(const char *name)
{
	if (step_take("stop", name))
		raise(SIGSTOP);
	if (step_take("kill", name))
		raise(SIGKILL);
	if (step_take("spin", name))
		for (;;)
			__asm__ volatile("");
}

bool
step_fails(const char *name)
{
	step_reached(name);
	return step_take("fail", name);
}

#endif
