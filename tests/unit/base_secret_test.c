/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets: where their bytes live, when they are gone, how they are
 * compared.  And what a log line may look like.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"

/* ---- secrets ---- */

static void
a_secret_keeps_its_bytes(void **state)
{
	struct secret *s = secret_from("p\0ss", 4), *copy = secret_dup(s);
	struct secret *empty = secret_from(NULL, 0);

	(void)state;
	assert_int_equal(secret_len(s), 4);
	assert_memory_equal(secret_peek(s), "p\0ss\0", 5);
	assert_ptr_not_equal(secret_peek(copy), secret_peek(s));
	assert_true(secret_eq(s, copy));
	secret_bytes(copy)[3] = 'z';
	assert_false(secret_eq(s, copy));
	assert_int_equal(secret_len(empty), 0);
	assert_string_equal(secret_peek(empty), "");
	assert_null(secret_dup(NULL));
	secret_free(s);
	secret_free(copy);
	secret_free(empty);
	secret_free(NULL);
}

static void
secrets_of_every_size_stand_apart(void **state)
{
	enum { SIZES = 40 };
	struct secret *all[SIZES];
	size_t len, i, n;

	(void)state;
	for (i = 0; i < SIZES; i++) {
		len = i < SIZES - 1 ? i * i * 60 : SECRET_MAX;
		all[i] = secret_new(len);
		assert_non_null(all[i]);
		for (n = 0; n <= len; n++)
			assert_int_equal(secret_peek(all[i])[n], 0);
		memset(secret_bytes(all[i]), (int)i + 1, len);
	}
	for (i = 0; i < SIZES; i++) {
		len = secret_len(all[i]);
		for (n = 0; n < len; n++)
			assert_int_equal(secret_peek(all[i])[n], i + 1);
		assert_int_equal(secret_peek(all[i])[len], 0);
		secret_free(all[i]);
	}
	assert_null(secret_new(SECRET_MAX + 1));
	assert_null(secret_new(SIZE_MAX));
}

static void
bytes_are_wiped_when_a_secret_ends(void **state)
{
	struct secret *s = secret_from("0123456789abcdef", 16);
	const char *bytes = secret_peek(s);
	char zeros[16] = { 0 }, own[16];

	(void)state;
	secret_truncate(s, 6);
	assert_int_equal(secret_len(s), 6);
	assert_memory_equal(bytes, "012345\0\0\0\0\0\0\0\0\0\0", 16);
	/* The page stays with us after the end: look at it. */
	secret_free(s);
	assert_memory_equal(bytes, zeros, 16);
	memset(own, 'x', sizeof(own));
	secret_wipe(own, sizeof(own));
	assert_memory_equal(own, zeros, 16);
	secret_wipe(NULL, 0);
}

static void
every_byte_counts_when_secrets_are_compared(void **state)
{
	struct secret *a = secret_new(64), *b = secret_new(64);
	struct secret *longer = secret_new(65);
	size_t i;

	(void)state;
	for (i = 0; i < 64; i++) {
		assert_true(secret_eq(a, b));
		secret_bytes(b)[i] = (char)(1 << i % 8);
		assert_false(secret_eq(a, b));
		assert_false(
			secret_eq_bytes(secret_peek(a), secret_peek(b), 64));
		assert_true(secret_eq_bytes(secret_peek(a), secret_peek(b), i));
		secret_bytes(b)[i] = 0;
	}
	assert_false(secret_eq(a, longer));
	assert_true(secret_eq_bytes("x", "y", 0));
	secret_free(a);
	secret_free(b);
	secret_free(longer);
}

/* The sanitizers' own mlock(2) does nothing. */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { MLOCK_WORKS = 0 };
#else
enum { MLOCK_WORKS = 1 };
#endif

/* The kernel's word on the mapping that holds p ("VmFlags: rd wr …"). */
static bool
mapping_flags(const void *p, char *line, int size)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long from, to;
	bool inside = false;

	if (!f)
		return false;
	while (fgets(line, size, f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = (unsigned long)p >= from &&
				 (unsigned long)p < to;
		else if (inside && !strncmp(line, "VmFlags:", 8))
			break;
	}
	inside = inside && !strncmp(line, "VmFlags:", 8);
	fclose(f);
	return inside;
}

static void
pages_are_locked_and_left_out_of_core_files(void **state)
{
	struct secret *s = secret_from("x", 1);
	char flags[256];

	(void)state;
	if (!mapping_flags(secret_peek(s), flags, sizeof(flags))) {
		secret_free(s);
		skip(); /* a kernel that does not tell */
	}
	assert_non_null(strstr(flags, " dd"));
	if (MLOCK_WORKS && secret_memory_is_locked())
		assert_non_null(strstr(flags, " lo"));
	secret_free(s);
}

/* Runs f in a child; its wait status. */
static int
in_child(void (*f)(void *), void *arg)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		f(arg);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static void
child_looks(void *secret)
{
	_exit(memcmp(secret_peek(secret), "\0\0\0\0\0", 5) ? 1 : 0);
}

static void
children_do_not_get_secrets(void **state)
{
	struct secret *s = secret_from("token", 5);

	(void)state;
	assert_int_equal(in_child(child_looks, s), 0);
	assert_memory_equal(secret_peek(s), "token", 5);
	secret_free(s);
}

static void
child_reads_beyond(void *secret)
{
	const volatile char *p = secret_peek(secret);
	size_t i;

	signal(SIGSEGV, SIG_DFL); /* whoever has put a handler there */
	for (i = 0; i < 1024 * 1024; i++)
		(void)p[i];
}

static void
a_read_that_runs_on_meets_a_guard_page(void **state)
{
	struct secret *s = secret_new(1);
	int status = in_child(child_reads_beyond, s);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
	secret_free(s);
}

static void
child_breaks_its_word(void *arg)
{
	(void)arg;
	signal(SIGABRT, SIG_DFL);
	if (!freopen("/dev/null", "w", stderr))
		_exit(1);
	ASSERT(arg != NULL);
}

static void
our_own_bugs_end_the_process(void **state)
{
	int status = in_child(child_breaks_its_word, NULL);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* ---- logs ---- */

enum { LINES = 16 * 1024 };

struct capture {
	int old;
	FILE *file;
};

static void
capture_begin(struct capture *c)
{
	c->file = tmpfile();
	assert_non_null(c->file);
	c->old = dup(STDERR_FILENO);
	dup2(fileno(c->file), STDERR_FILENO);
}

/* What was written to standard error since. */
static void
capture_end(struct capture *c, char out[LINES])
{
	ssize_t n;

	dup2(c->old, STDERR_FILENO);
	close(c->old);
	n = pread(fileno(c->file), out, LINES - 1, 0);
	fclose(c->file);
	assert_true(n >= 0);
	out[n] = 0;
}

static void
a_record_is_one_line_of_json(void **state)
{
	char text[LINES], *rest;
	struct capture c;
	int64_t at;

	(void)state;
	log_setup("keeper", LOG_INFO);
	capture_begin(&c);
	log_debug("not worth it");
	log_warn("call \"refused\"", LOG_S("to", "a\nb\x7f\\"),
		 LOG_I("status", -403), LOG_E(ERR_BLOCKED),
		 LOG_SL("none", SLICE_NONE));
	capture_end(&c, text);
	assert_int_equal(strncmp(text, "{\"ts\":\"", 7), 0);
	assert_int_equal(clock_parse(slice_of(text + 7, 24), &at), 0);
	rest = text + 31;
	assert_string_equal(rest,
			    "\",\"level\":\"warn\",\"role\":\"keeper\","
			    "\"event\":\"call \\\"refused\\\"\","
			    "\"to\":\"a\\u000ab\\u007f\\\\\","
			    "\"status\":-403,\"error\":\"the guard refuses "
			    "this destination\",\"none\":\"\"}\n");
}

static void
long_values_are_cut_at_whole_characters(void **state)
{
	char text[LINES], value[600], *at;
	struct capture c;

	(void)state;
	memset(value, 'a', sizeof(value));
	memcpy(value + 511, "\xc3\xb6", 2); /* astride the limit */
	value[599] = 0;
	log_setup("keeper", LOG_INFO);
	capture_begin(&c);
	log_info("e", LOG_S("v", value));
	memcpy(value, "\xff\xfe", 2); /* no UTF-8 */
	value[3] = 0;
	log_info("e", LOG_S("v", value));
	capture_end(&c, text);
	at = strstr(text, "\"v\":\"") + 5;
	assert_int_equal(strspn(at, "a"), 511);
	assert_int_equal(strncmp(at + 511, "...\"}\n", 6), 0);
	at = strstr(at, "\"v\":\"") + 5;
	assert_int_equal(strncmp(at, "\?\?a\"}\n", 6), 0);
}

static void
a_field_that_does_not_fit_is_left_out(void **state)
{
	char text[LINES], value[512];
	struct capture c;
	struct slice full = slice_of(value, sizeof(value));

	(void)state;
	memset(value, '\n', sizeof(value)); /* six bytes each when escaped */
	log_setup("keeper", LOG_INFO);
	capture_begin(&c);
	log_error("e", LOG_SL("a", full), LOG_SL("b", full), LOG_SL("c", full),
		  LOG_I("d", 4));
	capture_end(&c, text);
	assert_true(strlen(text) <= 8 * 1024);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_non_null(strstr(text, ",\"a\":\"\\u000a"));
	assert_non_null(strstr(text, "\\u000a\",\"b\":\"\\u000a"));
	assert_null(strstr(text, "\"c\":"));
	assert_non_null(strstr(text, "\\u000a\",\"d\":4}\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_keeps_its_bytes),
		cmocka_unit_test(secrets_of_every_size_stand_apart),
		cmocka_unit_test(bytes_are_wiped_when_a_secret_ends),
		cmocka_unit_test(every_byte_counts_when_secrets_are_compared),
		cmocka_unit_test(pages_are_locked_and_left_out_of_core_files),
		cmocka_unit_test(children_do_not_get_secrets),
		cmocka_unit_test(a_read_that_runs_on_meets_a_guard_page),
		cmocka_unit_test(our_own_bugs_end_the_process),
		cmocka_unit_test(a_record_is_one_line_of_json),
		cmocka_unit_test(long_values_are_cut_at_whole_characters),
		cmocka_unit_test(a_field_that_does_not_fit_is_left_out),
	};

	return cmocka_run_group_tests_name("base secret", tests, NULL, NULL);
}
