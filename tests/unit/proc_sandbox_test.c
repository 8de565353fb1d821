/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sandbox leaves of files to each role, and that what could not be
 * taken away is told.  System calls are proc_seccomp_test's.
 */
#include <pthread.h>
#include <seccomp.h>
#include <sys/prctl.h>

#include "../support/sandbox_world.h"

/* ---- things to try ---- */

static int
open_and_close(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int
reads(const void *path)
{
	return open_and_close(path, O_RDONLY);
}

static int
lists(const void *path)
{
	return open_and_close(path, O_RDONLY | O_DIRECTORY);
}

static int
writes(const void *path)
{
	return open_and_close(path, O_WRONLY);
}

static int
empties(const void *path)
{
	return open_and_close(path, O_WRONLY | O_TRUNC);
}

static int
makes(const void *path)
{
	return open_and_close(path, O_WRONLY | O_CREAT | O_EXCL);
}

static int
makes_folder(const void *path)
{
	return result(mkdir(path, 0700));
}

static int
removes(const void *path)
{
	return result(unlink(path));
}

static int
opens_to_others(const void *path)
{
	return result(chmod(path, 0644));
}

struct two {
	const char *from, *to;
};

static int
links(const void *arg)
{
	const struct two *t = arg;

	return result(link(t->from, t->to));
}

static int
moves(const void *arg)
{
	const struct two *t = arg;

	return result(rename(t->from, t->to));
}

static int reads_in_a_thread_that_began_later(const void *path);

/* ---- what is refused, and what is not ---- */

/* Landlock says EACCES or EXDEV; the exchanger's filter is asked first, and
 * says EPERM where something would be written. */
static bool
is_refused(int rc)
{
	return rc == EACCES || rc == EPERM || rc == EXDEV;
}

static void
refused(enum proc_role role, tried *what, const void *arg, const char *name)
{
	int rc = try_as(role, what, arg);

	if (!is_refused(rc))
		fail_msg("%s and %s: %d (%s)", proc_role_name(role), name, rc,
			 rc < 0 ? "signal" : strerror(rc));
}

static void
granted(enum proc_role role, tried *what, const void *arg, const char *name)
{
	int rc = try_as(role, what, arg);

	if (rc)
		fail_msg("%s and %s: %d (%s)", proc_role_name(role), name, rc,
			 rc < 0 ? "signal" : strerror(rc));
}

/* The roles of `who` (a set) may, all others may not; anybody could without
 * a sandbox. */
static void
for_alone(unsigned who, tried *what, const char *path)
{
	size_t i;

	assert_int_equal(try_free(what, path), 0);
	for (i = 0; i < ARRAY_LEN(roles); i++) {
		if (who & 1u << roles[i])
			granted(roles[i], what, path, path);
		else
			refused(roles[i], what, path, path);
	}
}

enum {
	NOBODY = 0,
	KEEPER = 1u << PROC_KEEPER,
	EXCHANGER = 1u << PROC_EXCHANGER,
	FRONT = 1u << PROC_FRONT,
};

/* ---- each role's own files ---- */

static void
keepers_files_are_the_keepers_alone(void **state)
{
	static const char *const files[] = { "data/keeper/grants.db",
					     "data/keeper/master.key" };
	size_t i;

	(void)state;
	NEEDS_LANDLOCK(1);
	for (i = 0; i < ARRAY_LEN(files); i++) {
		for_alone(KEEPER, reads, temp_path(files[i]));
		for_alone(KEEPER, writes, temp_path(files[i]));
	}
	for_alone(KEEPER, lists, temp_path("data/keeper"));
}

static void
store_is_the_fronts_alone(void **state)
{
	(void)state;
	NEEDS_LANDLOCK(1);
	for_alone(FRONT, reads, temp_path("data/store/drawbridge.db"));
	for_alone(FRONT, writes, temp_path("data/store/drawbridge.db"));
	for_alone(FRONT, lists, temp_path("data/store"));
}

static void
nobody_sees_what_else_there_is(void **state)
{
	(void)state;
	NEEDS_LANDLOCK(1);
	for_alone(NOBODY, lists, temp_path("data"));
	for_alone(NOBODY, reads, temp_path("data/lock"));
	for_alone(NOBODY, writes, temp_path("data/lock"));
	for_alone(NOBODY, reads, temp_path("other"));
	for_alone(NOBODY, writes, temp_path("other"));
	for_alone(NOBODY, lists, "/");
	for_alone(NOBODY, lists, "/tmp");
	for_alone(NOBODY, lists, "/var/lib");
	for_alone(NOBODY, lists, "/usr/bin");
}

static void
names_are_looked_up_by_who_goes_out_and_nothing_is_written_there(void **state)
{
	(void)state;
	NEEDS_LANDLOCK(1);
	for_alone(EXCHANGER | FRONT, reads, "/etc/passwd");
	for_alone(EXCHANGER | FRONT, lists, "/etc");
	for_alone(EXCHANGER | FRONT, lists, "/usr/lib");
	if (!try_free(writes, "/etc/passwd")) /* as root */
		for_alone(NOBODY, writes, "/etc/passwd");
}

/* ---- making, removing, moving ---- */

static void
files_are_made_and_removed_in_the_roles_own_folder(void **state)
{
	static const char *const own[] = {
		[PROC_KEEPER] = "data/keeper/new",
		[PROC_FRONT] = "data/store/new",
	};
	size_t i, j;

	(void)state;
	NEEDS_LANDLOCK(1);
	for (i = 0; i < ARRAY_LEN(roles); i++) {
		for (j = 0; j < ARRAY_LEN(own); j++) {
			if (!own[j] || j == (size_t)roles[i])
				continue;
			refused(roles[i], makes, temp_path(own[j]), own[j]);
			refused(roles[i], makes_folder, temp_path(own[j]),
				own[j]);
		}
		refused(roles[i], makes, temp_path("data/new"), "data");
		refused(roles[i], removes, temp_path("data/lock"), "data");
		if (roles[i] == PROC_EXCHANGER)
			continue;
		granted(roles[i], makes, temp_path(own[roles[i]]), "own");
		granted(roles[i], empties, temp_path(own[roles[i]]), "own");
		granted(roles[i], removes, temp_path(own[roles[i]]), "own");
	}
}

static void
front_neither_removes_nor_replaces_the_keepers_files(void **state)
{
	const struct two over = { temp_path("data/store/drawbridge.db"),
				  temp_path("data/keeper/grants.db") };
	const char *key = temp_path("data/keeper/master.key");

	(void)state;
	NEEDS_LANDLOCK(1);
	refused(PROC_FRONT, removes, key, "removing");
	refused(PROC_FRONT, moves, &over, "replacing");
	assert_int_equal(file_mode(key), 0600);
}

static void
front_takes_none_of_the_keepers_files_into_its_own_folder(void **state)
{
	const struct two way = { temp_path("data/keeper/master.key"),
				 temp_path("data/store/stolen") };

	(void)state;
	NEEDS_LANDLOCK(1);
	refused(PROC_FRONT, links, &way, "a link");
	refused(PROC_FRONT, moves, &way, "a move");
	assert_int_equal(try_free(links, &way), 0);
	assert_int_equal(unlink(way.to), 0);
}

/* Who cannot read them might let somebody else. */
static void
nobody_opens_files_to_others(void **state)
{
	static const char *const files[] = { "data/keeper/master.key",
					     "data/keeper",
					     "data/store/drawbridge.db" };
	size_t i, j;

	(void)state;
	NEEDS_FILTER();
	for (i = 0; i < ARRAY_LEN(files); i++)
		for (j = 0; j < ARRAY_LEN(roles); j++)
			refused(roles[j], opens_to_others, temp_path(files[i]),
				files[i]);
}

/* ---- secrets in a folder that may be read ---- */

static void
secrets_stay_out_of_sight_in_a_folder_that_is_read(void **state)
{
	struct conf_problem problem;
	char text[1024];

	(void)state;
	NEEDS_LANDLOCK(1);
	snprintf(text, sizeof(text),
		 "key-file = %s\npassphrase-file = %s\ntls-key = %s\n",
		 temp_path("web/key"), temp_path("web/inner/passphrase"),
		 temp_path("web/inner/tls.key"));
	if (conf_read(slice_str(text), &env.conf, &problem))
		fail_msg("%s", problem.text);
	setenv("WEB_DIR", temp_path("web"), 1);
	setenv("CREDENTIALS_DIRECTORY", temp_path("web/credentials"), 1);
	for_alone(FRONT, reads, temp_path("web/page.html"));
	for_alone(FRONT, reads, temp_path("web/inner/page.js"));
	for_alone(NOBODY, reads, temp_path("web/key"));
	for_alone(NOBODY, reads, temp_path("web/inner/passphrase"));
	for_alone(NOBODY, reads, temp_path("web/inner/tls.key"));
	for_alone(NOBODY, reads, temp_path("web/credentials/key"));
	for_alone(NOBODY, writes, temp_path("web/page.html"));
	unsetenv("WEB_DIR");
	unsetenv("CREDENTIALS_DIRECTORY");
	conf_free(env.conf);
	env.conf = NULL;
}

/* The data folder may lie in one that is read. */
static void
data_folder_stays_out_of_sight_in_one_that_is_read(void **state)
{
	(void)state;
	NEEDS_LANDLOCK(1);
	setenv("WEB_DIR", temp_folder, 1);
	for_alone(FRONT, reads, temp_path("other"));
	for_alone(KEEPER, reads, temp_path("data/keeper/master.key"));
	for_alone(FRONT, reads, temp_path("data/store/drawbridge.db"));
	for_alone(NOBODY, reads, temp_path("data/lock"));
	unsetenv("WEB_DIR");
}

/* ---- threads ---- */

static void *
thread_reads(void *path)
{
	return (void *)(intptr_t)reads(path);
}

static int
reads_in_a_thread_that_began_later(const void *path)
{
	pthread_t thread;
	void *rc;

	if (pthread_create(&thread, NULL, thread_reads, (void *)path))
		return ECHILD;
	pthread_join(thread, &rc);
	return (int)(intptr_t)rc;
}

static void
thread_that_begins_later_sees_no_more(void **state)
{
	(void)state;
	NEEDS_LANDLOCK(1);
	for_alone(KEEPER, reads_in_a_thread_that_began_later,
		  temp_path("data/keeper/master.key"));
}

/* ---- what could not be dropped ---- */

/* A kernel that answers this call with this error. */
struct lacking {
	int call, error;
	int argument; /* its first; -1: any */
	const char *said;
	bool lands; /* said where there is Landlock, but for that */
};

static const struct lacking *lacking;

static void
lack(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	struct scmp_arg_cmp is =
		SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)lacking->argument);

	if (!ctx ||
	    seccomp_rule_add_array(
		    ctx, SCMP_ACT_ERRNO((uint32_t)lacking->error),
		    lacking->call, lacking->argument >= 0 ? 1 : 0, &is) ||
	    seccomp_load(ctx))
		_exit(99);
	seccomp_release(ctx);
}

static int log_pipe[2];

/* What is logged by a role that begins on such a kernel. */
static int
begins(const void *arg)
{
	log_setup("test", LOG_INFO);
	dup2(log_pipe[1], STDERR_FILENO);
	if (arg) {
		lacking = arg;
		lack();
	}
	sandbox();
	return 0;
}

static void
begin_and_log(const struct lacking *what, char *text, size_t size)
{
	ssize_t n;

	assert_int_equal(pipe2(log_pipe, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(try_with(NULL, begins, what), 0);
	n = read(log_pipe[0], text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(log_pipe[0]);
	close(log_pipe[1]);
}

static void
what_could_not_be_dropped_is_logged_and_the_role_goes_on(void **state)
{
	static const struct lacking all[] = {
		{ SCMP_SYS(prctl), EINVAL, PR_SET_NO_NEW_PRIVS,
		  "not dropped: new privileges" },
		{ SCMP_SYS(prctl), EINVAL, PR_SET_DUMPABLE,
		  "not dropped: core files" },
		{ SCMP_SYS(prlimit64), EPERM, -1, "not dropped: core files" },
		{ SCMP_SYS(capset), EPERM, -1, "not dropped: capabilities" },
		{ SCMP_SYS(landlock_create_ruleset), ENOSYS, -1,
		  "not dropped: this kernel has no Landlock" },
		{ SCMP_SYS(landlock_restrict_self), EPERM, -1,
		  "not dropped: Landlock failed", true },
		{ SCMP_SYS(landlock_add_rule), EPERM, -1,
		  "a folder could not be allowed", true },
		{ SCMP_SYS(seccomp), ENOSYS, -1, "not dropped: system calls" },
	};
	char text[8192];
	size_t i;

	(void)state;
	env.role = PROC_FRONT;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		if (all[i].lands && !landlock_version())
			continue;
		begin_and_log(&all[i], text, sizeof(text));
		if (!strstr(text, all[i].said))
			fail_msg("\"%s\" is not in \"%s\"", all[i].said, text);
	}
}

static void
where_all_is_dropped_nothing_is_logged(void **state)
{
	char text[8192];
	size_t i;

	(void)state;
	NEEDS_LANDLOCK(4);
	NEEDS_FILTER();
	for (i = 0; i < ARRAY_LEN(roles); i++) {
		env.role = roles[i];
		begin_and_log(NULL, text, sizeof(text));
		assert_string_equal(text, "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keepers_files_are_the_keepers_alone),
		cmocka_unit_test(store_is_the_fronts_alone),
		cmocka_unit_test(nobody_sees_what_else_there_is),
		cmocka_unit_test(
			names_are_looked_up_by_who_goes_out_and_nothing_is_written_there),
		cmocka_unit_test(
			files_are_made_and_removed_in_the_roles_own_folder),
		cmocka_unit_test(
			front_neither_removes_nor_replaces_the_keepers_files),
		cmocka_unit_test(
			front_takes_none_of_the_keepers_files_into_its_own_folder),
		cmocka_unit_test(nobody_opens_files_to_others),
		cmocka_unit_test(
			secrets_stay_out_of_sight_in_a_folder_that_is_read),
		cmocka_unit_test(
			data_folder_stays_out_of_sight_in_one_that_is_read),
		cmocka_unit_test(thread_that_begins_later_sees_no_more),
		cmocka_unit_test(
			what_could_not_be_dropped_is_logged_and_the_role_goes_on),
		cmocka_unit_test(where_all_is_dropped_nothing_is_logged),
	};

	return cmocka_run_group_tests(tests, folders_begin, temp_folder_end);
}
