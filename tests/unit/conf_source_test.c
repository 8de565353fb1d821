/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings: where each may be said - flags, variables, a file - and who
 * wins; a refusal names the flag, the variable or the file and its line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/conf.h"

enum { ARGS = 8 };

/* ---- helpers ---- */

static int
load(struct conf **c, struct conf_problem *p, const char *const *args)
{
	char *argv[ARGS];
	int argc = 0;

	for (; args[argc]; argc++)
		argv[argc] = (char *)args[argc];
	return conf_load(argc, argv, c, p);
}
#define LOAD(c, p, ...) \
	load(c, p, (const char *const[ARGS]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

static void
load_refused(const char *const *args, const char *why)
{
	struct conf_problem p;
	struct conf *c;

	assert_int_equal(load(&c, &p, args), ERR_INVALID);
	assert_null(c);
	assert_string_equal(p.text, why);
}
#define LOAD_REFUSED(why, ...) \
	load_refused((const char *const[ARGS]){ __VA_ARGS__, NULL }, why)

static void
list_is(const struct conf *c, enum conf_id id, const char *wanted)
{
	const char *const *items;
	char text[256] = "";
	size_t count, i;

	items = conf_list(c, id, &count);
	for (i = 0; i < count; i++) {
		strcat(text, items[i]);
		strcat(text, i + 1 < count ? " " : "");
	}
	assert_string_equal(text, wanted);
}

/*
 * A settings file for one test, and an environment without our variables.
 * What the runner of this test has set of them is not for us.
 */
static char file[] = "/tmp/conf_test.XXXXXX";

static void
forget_variables(void)
{
	char name[64];
	size_t i = 0;

	while (environ && environ[i]) {
		if (!strncmp(environ[i], "DRAWBRIDGE_", 11) &&
		    !slice_copy(slice_head(slice_str(environ[i]),
					   strcspn(environ[i], "=")),
				name, sizeof(name)) &&
		    !unsetenv(name))
			continue; /* the next one has moved here */
		i++;
	}
}

static void
file_holds(const char *text, size_t len)
{
	FILE *f = fopen(file, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	fclose(f);
}

static int
world_begin(void **state)
{
	int fd;

	(void)state;
	strcpy(strrchr(file, '.'), ".XXXXXX");
	forget_variables();
	fd = mkstemp(file);
	return fd < 0 ? -1 : close(fd);
}

static int
world_end(void **state)
{
	(void)state;
	forget_variables();
	return unlink(file);
}

/* ---- sources ---- */

static void
flags_come_with_or_without_equals(void **state)
{
	struct conf_problem p;
	struct conf *c;

	(void)state;
	assert_int_equal(LOAD(&c, &p, "--data=/a=b", "--workers", "3",
			      "--egress-lock", "--records=no"),
			 0);
	assert_string_equal(conf_text(c, CONF_DATA), "/a=b");
	assert_int_equal(conf_number(c, CONF_WORKERS), 3);
	assert_true(conf_bool(c, CONF_EGRESS_LOCK));
	assert_false(conf_bool(c, CONF_RECORDS));
	conf_free(c);
	assert_int_equal(LOAD(&c, &p, "--listen", "a:1", "--listen=b:2"), 0);
	list_is(c, CONF_LISTEN, "a:1 b:2");
	conf_free(c);
}

static void
bad_flags_are_named(void **state)
{
	(void)state;
	LOAD_REFUSED("--workerz: no such flag; did you mean \"--workers\"?",
		     "--workerz", "3");
	LOAD_REFUSED("--workers: must be a number from 0 to 256", "--workers",
		     "257");
	LOAD_REFUSED("--workers: wants a value: N", "--workers");
	LOAD_REFUSED("--config: wants a value: FILE", "--config");
	LOAD_REFUSED("-d: is not a flag", "-d", "x");
	LOAD_REFUSED("stray: is not a flag", "--egress-lock", "stray");
}

static void
a_value_is_handed_on_as_it_is_here(void **state)
{
	struct conf_problem p;
	struct conf *c, *there;
	struct buf text;

	(void)state;
	assert_int_equal(LOAD(&c, &p, "--data", " a b\t", "--workers= 2",
			      "--ca-file=#x = y"),
			 0);
	buf_init(&text, 1 << 16);
	assert_int_equal(conf_write(c, &text), 0);
	assert_int_equal(conf_read(buf_slice(&text), &there, &p), 0);
	assert_string_equal(conf_text(c, CONF_DATA), "a b");
	assert_string_equal(conf_text(there, CONF_DATA), "a b");
	assert_int_equal(conf_number(there, CONF_WORKERS), 2);
	assert_string_equal(conf_text(there, CONF_CA_FILE), "#x = y");
	buf_release(&text);
	conf_free(c);
	conf_free(there);
	/* No value brings a line of its own along. */
	LOAD_REFUSED("--data: is too long, or not text", "--data",
		     "a\nkey-file = /b");
}

static void
variables_are_named_after_their_setting(void **state)
{
	struct conf_problem p;
	struct conf *c;

	(void)state;
	setenv("DRAWBRIDGE_PUBLIC_URL", "https://x.example", 1);
	setenv("DRAWBRIDGE_EGRESS_ALLOW", "10.0.0.0/8, fd00::/8:443", 1);
	setenv("DRAWBRIDGE_RECORDS", "off", 1);
	assert_int_equal(LOAD(&c, &p), 0);
	assert_string_equal(conf_text(c, CONF_PUBLIC_URL), "https://x.example");
	list_is(c, CONF_EGRESS_ALLOW, "10.0.0.0/8 fd00::/8:443");
	assert_false(conf_bool(c, CONF_RECORDS));
	conf_free(c);
	setenv("DRAWBRIDGE_MAX_CONNECTIONS", "few", 1);
	assert_int_equal(LOAD(&c, &p), ERR_INVALID);
	assert_string_equal(p.text, "DRAWBRIDGE_MAX_CONNECTIONS: must be a "
				    "number from 16 to 1000000");
}

static void
flags_win_over_environment_over_file_over_defaults(void **state)
{
	static const char text[] = "workers = 1\ndrain = 1\n"
				   "log-level = warn\nlisten = f:1\n"
				   "listen = f:2\n";
	struct conf_problem p;
	struct conf *c;

	(void)state;
	file_holds(text, strlen(text));
	setenv("DRAWBRIDGE_WORKERS", "2", 1);
	setenv("DRAWBRIDGE_DRAIN", "2", 1);
	assert_int_equal(LOAD(&c, &p, "--workers=3", "--config", file), 0);
	assert_int_equal(conf_number(c, CONF_WORKERS), 3);
	assert_int_equal(conf_number(c, CONF_DRAIN), 2000);
	assert_string_equal(conf_text(c, CONF_LOG_LEVEL), "warn");
	assert_string_equal(conf_text(c, CONF_DATA), "./drawbridge-data");
	list_is(c, CONF_LISTEN, "f:1 f:2");
	conf_free(c);
	/* A list that a later source names is replaced, not added to. */
	setenv("DRAWBRIDGE_LISTEN", "e:1,e:2", 1);
	setenv("DRAWBRIDGE_CONFIG", file, 1);
	assert_int_equal(LOAD(&c, &p), 0);
	list_is(c, CONF_LISTEN, "e:1 e:2");
	conf_free(c);
	assert_int_equal(LOAD(&c, &p, "--listen=a:1"), 0);
	list_is(c, CONF_LISTEN, "a:1");
	conf_free(c);
}

static void
a_list_of_none_in_the_environment_clears_the_files(void **state)
{
	static const char text[] = "egress-allow = 10.0.0.0/8\n";
	struct conf_problem p;
	struct conf *c;

	(void)state;
	file_holds(text, strlen(text));
	setenv("DRAWBRIDGE_EGRESS_ALLOW", "", 1);
	assert_int_equal(LOAD(&c, &p, "--config", file), 0);
	list_is(c, CONF_EGRESS_ALLOW, "");
	conf_free(c);
	setenv("DRAWBRIDGE_EGRESS_ALLOW", " , ", 1);
	assert_int_equal(LOAD(&c, &p, "--config", file), 0);
	list_is(c, CONF_EGRESS_ALLOW, "");
	conf_free(c);
}

static void
what_belongs_together_is_said_together(void **state)
{
	static const char text[] = "drain = 1s\ntls-key = /a/key\n";
	struct conf_problem p;
	struct conf *c;
	char why[300];

	(void)state;
	file_holds(text, strlen(text));
	assert_int_equal(LOAD(&c, &p, "--config", file), ERR_INVALID);
	snprintf(why, sizeof(why),
		 "%s:2: nothing is served with it without tls-cert", file);
	assert_string_equal(p.text, why);
	assert_int_equal(LOAD(&c, &p, "--config", file, "--tls-cert=/a/cert"),
			 0);
	conf_free(c);
	LOAD_REFUSED("--tls-cert: it cannot be used without tls-key",
		     "--tls-cert", "/a/cert");
}

static void
a_file_that_is_named_must_be_good(void **state)
{
	struct conf_problem p;
	struct conf *c;
	char why[128], *big;

	(void)state;
	LOAD_REFUSED("/nowhere/x: cannot be read: No such file or directory",
		     "--config=/nowhere/x");
	/* The flag is asked before the variable. */
	setenv("DRAWBRIDGE_CONFIG", "/nowhere/x", 1);
	assert_int_equal(LOAD(&c, &p, "--config", file), 0);
	conf_free(c);
	file_holds("data = a\nlisten\n", 16);
	snprintf(why, sizeof(why), "%s:2: is not name = value", file);
	LOAD_REFUSED(why, "--config", file);
	big = malloc(256 * 1024);
	memset(big, '\n', 256 * 1024);
	file_holds(big, 256 * 1024);
	free(big);
	snprintf(why, sizeof(why), "%s: is too large", file);
	LOAD_REFUSED(why, "--config", file);
}

#define WORLD(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(flags_come_with_or_without_equals),
		WORLD(bad_flags_are_named),
		WORLD(a_value_is_handed_on_as_it_is_here),
		WORLD(variables_are_named_after_their_setting),
		WORLD(flags_win_over_environment_over_file_over_defaults),
		WORLD(a_list_of_none_in_the_environment_clears_the_files),
		WORLD(what_belongs_together_is_said_together),
		WORLD(a_file_that_is_named_must_be_good),
	};

	return cmocka_run_group_tests_name("conf source", tests, NULL, NULL);
}
