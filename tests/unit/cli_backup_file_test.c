/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of a backup: it gets its name when it is whole, replaces what it
 * may alone, and two commands never write to one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cli/backup_priv.h"
#include "../support/temp_folder.h"

static void
put(const char *path, const char *text)
{
	file_put(path, text, strlen(text), 0600);
}

static void
assert_holds(const char *path, const char *text)
{
	char got[64] = "";

	assert_int_equal(file_get(path, got, sizeof(got) - 1), strlen(text));
	assert_string_equal(got, text);
}

/* In a folder of its own, so that what lies beside it is seen. */
static const char *
path_in(const char *folder, char path[256])
{
	assert_int_equal(mkdir(temp_path(folder), 0700), 0);
	snprintf(path, 256, "%s/backup", temp_path(folder));
	return path;
}

static bool
has_part(const char *path)
{
	char part[300];

	snprintf(part, sizeof(part), "%s.part", path);
	return !access(part, F_OK);
}

static void
begin_with(struct cli_backup_file *f, const char *path, bool replaces,
	   const char *text)
{
	assert_int_equal(cli_backup_file_begin(f, path, replaces), CLI_OK);
	assert_true(has_part(path));
	assert_int_equal(write(f->fd, text, strlen(text)), strlen(text));
}

static void
it_gets_its_name_when_it_is_whole(void **state)
{
	struct cli_backup_file f;
	char path[256];

	(void)state;
	path_in("name", path);
	begin_with(&f, path, false, "whole");
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(cli_backup_file_place(&f), CLI_OK);
	cli_backup_file_end(&f);
	assert_holds(path, "whole");
	assert_false(has_part(path));
	assert_int_equal(file_mode(path), 0600);
	assert_int_equal(cli_backup_file_begin(&f, path, false), CLI_FAILED);
	assert_false(has_part(path));
}

static void
what_came_meanwhile_is_replaced_only_if_told(void **state)
{
	struct cli_backup_file f;
	char path[256];

	(void)state;
	path_in("meanwhile", path);
	begin_with(&f, path, false, "backup");
	put(path, "precious");
	assert_int_equal(cli_backup_file_place(&f), CLI_FAILED);
	cli_backup_file_end(&f);
	assert_holds(path, "precious");
	assert_false(has_part(path));
	begin_with(&f, path, true, "backup");
	assert_int_equal(cli_backup_file_place(&f), CLI_OK);
	assert_holds(path, "backup");
}

static void
a_link_is_something_too(void **state)
{
	struct cli_backup_file f;
	char path[256];

	(void)state;
	path_in("link", path);
	assert_int_equal(symlink("nowhere", path), 0);
	assert_int_equal(cli_backup_file_begin(&f, path, false), CLI_FAILED);
	begin_with(&f, path, true, "backup");
	assert_int_equal(cli_backup_file_place(&f), CLI_OK);
	assert_holds(path, "backup");
}

static void
nothing_half_made_stays(void **state)
{
	struct cli_backup_file f;
	char path[256];

	(void)state;
	path_in("half", path);
	begin_with(&f, path, true, "half");
	cli_backup_file_end(&f);
	assert_false(has_part(path));
	assert_int_equal(access(path, F_OK), -1);
}

static void
what_a_killed_one_left_is_removed(void **state)
{
	struct cli_backup_file f;
	char path[256], part[300];

	(void)state;
	path_in("killed", path);
	snprintf(part, sizeof(part), "%s.part", path);
	put(part, "longer than what comes now");
	begin_with(&f, path, false, "new");
	assert_int_equal(cli_backup_file_place(&f), CLI_OK);
	assert_holds(path, "new");
	/* another's file, by a link, is not written to */
	assert_int_equal(symlink(path, part), 0);
	begin_with(&f, path, true, "newer");
	assert_holds(path, "new");
	assert_int_equal(cli_backup_file_place(&f), CLI_OK);
	assert_holds(path, "newer");
}

static void
two_do_not_write_to_one(void **state)
{
	struct cli_backup_file f, other;
	char path[256];

	(void)state;
	path_in("two", path);
	begin_with(&f, path, true, "first");
	assert_int_equal(cli_backup_file_begin(&other, path, true), CLI_FAILED);
	cli_backup_file_end(&other);
	assert_true(has_part(path));
	assert_int_equal(cli_backup_file_place(&f), CLI_OK);
	assert_holds(path, "first");
	begin_with(&other, path, true, "second");
	assert_int_equal(cli_backup_file_place(&other), CLI_OK);
	assert_holds(path, "second");
}

/* A folder that can be written to and not be opened cannot be brought to disk:
 * that is told, and the file is there. */
static void
a_folder_that_is_not_on_disk_is_told(void **state)
{
	uid_t root = geteuid();
	struct cli_backup_file f;
	char path[256];

	(void)state;
	path_in("folder", path);
	if (!root) {
		assert_int_equal(chmod(temp_path(""), 0711), 0);
		assert_int_equal(chown(temp_path("folder"), 65534, 65534), 0);
		assert_int_equal(seteuid(65534), 0);
	}
	begin_with(&f, path, false, "whole");
	assert_int_equal(chmod(temp_path("folder"), 0300), 0);
	assert_int_equal(cli_backup_file_place(&f), CLI_FAILED);
	cli_backup_file_end(&f);
	assert_int_equal(chmod(temp_path("folder"), 0700), 0);
	if (!root)
		assert_int_equal(seteuid(root), 0);
	assert_holds(path, "whole");
	assert_false(has_part(path));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_gets_its_name_when_it_is_whole),
		cmocka_unit_test(what_came_meanwhile_is_replaced_only_if_told),
		cmocka_unit_test(a_link_is_something_too),
		cmocka_unit_test(nothing_half_made_stays),
		cmocka_unit_test(what_a_killed_one_left_is_removed),
		cmocka_unit_test(two_do_not_write_to_one),
		cmocka_unit_test(a_folder_that_is_not_on_disk_is_told),
	};

	return cmocka_run_group_tests_name("cli_backup_file", tests,
					   temp_folder_begin, temp_folder_end);
}
