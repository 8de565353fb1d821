/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings: every kind of value, its limits, and how a refusal names its
 * line; what is written for another process reads the same there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "conf/conf.h"

/* ---- helpers ---- */

static struct conf *
read_good(const char *text)
{
	struct conf_problem p;
	struct conf *c;

	if (conf_read(slice_str(text), &c, &p))
		fail_msg("%s was refused: %s", text, p.text);
	return c;
}

static void
refused(struct slice text, const char *why)
{
	struct conf_problem p;
	struct conf *c = (struct conf *)&p;

	assert_int_equal(conf_read(text, &c, &p), ERR_INVALID);
	assert_null(c);
	assert_string_equal(p.text, why);
}

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

/* ---- values ---- */

static void
what_nobody_says_has_its_default(void **state)
{
	struct conf *c = read_good("");

	(void)state;
	assert_string_equal(conf_text(c, CONF_DATA), "./drawbridge-data");
	list_is(c, CONF_LISTEN, "127.0.0.1:7070");
	list_is(c, CONF_EGRESS_ALLOW, "");
	assert_string_equal(conf_text(c, CONF_STORE), "");
	assert_int_equal(conf_number(c, CONF_WORKERS), 0);
	assert_int_equal(conf_number(c, CONF_DRAIN), 10000);
	assert_int_equal(conf_number(c, CONF_CALLS_KEEP), 30 * 86400000ull);
	assert_false(conf_bool(c, CONF_EGRESS_LOCK));
	assert_true(conf_bool(c, CONF_RECORDS));
	conf_free(c);
	conf_free(NULL);
}

static void
a_file_has_a_setting_a_line(void **state)
{
	struct conf *c = read_good("# a comment\n"
				   "\n"
				   "  data\t=  /srv/a b = c #1 \t\r\n"
				   "store=sqlite:x\r\n"
				   "   # workers = 9\n"
				   "log-level =\n"
				   "workers = 4");

	(void)state;
	assert_string_equal(conf_text(c, CONF_DATA), "/srv/a b = c #1");
	assert_string_equal(conf_text(c, CONF_STORE), "sqlite:x");
	assert_string_equal(conf_text(c, CONF_LOG_LEVEL), "");
	assert_int_equal(conf_number(c, CONF_WORKERS), 4);
	conf_free(c);
}

static void
of_a_text_the_last_word_counts_of_a_list_all(void **state)
{
	struct conf *c = read_good("data = a\nlisten = a:1\ndata = b\n"
				   "listen = unix:/b\n");

	(void)state;
	assert_string_equal(conf_text(c, CONF_DATA), "b");
	list_is(c, CONF_LISTEN, "a:1 unix:/b");
	conf_free(c);
	c = read_good("listen =\n");
	list_is(c, CONF_LISTEN, "");
	conf_free(c);
}

static void
durations_have_a_unit_or_are_seconds(void **state)
{
	static const struct {
		const char *line;
		uint64_t ms;
	} cases[] = {
		{ "calls-keep = 0", 0 },
		{ "calls-keep = 15", 15000 },
		{ "calls-keep = 15s", 15000 },
		{ "calls-keep = 5m", 300000 },
		{ "calls-keep = 2h", 7200000 },
		{ "calls-keep = 7d", 604800000 },
		{ "calls-keep = 315360000", 315360000000 },
	};
	static const char *const bad[] = {
		"",
		"s",
		"-1s",
		"+1s",
		"1.5h",
		"1 s",
		"1w",
		"1ms",
		"1S",
		"1m30s",
		"315360001",
		"3651d",
		"18446744073709551615",
		"18446744073709552s",
		"213503982335d",
	};
	char line[64];
	struct conf *c;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		c = read_good(cases[i].line);
		assert_true(conf_number(c, CONF_CALLS_KEEP) == cases[i].ms);
		conf_free(c);
	}
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(line, sizeof(line), "calls-keep = %s", bad[i]);
		refused(slice_str(line),
			"settings:1: must be a time such as 10s or 5m, "
			"from 0s to 315360000s");
	}
}

static void
numbers_keep_to_their_range(void **state)
{
	static const char *const bad[] = {
		"15",	"1000001", "",
		"x",	"-16",	   "16s",
		"0x20", "1e3",	   "18446744073709551632"
	};
	char line[64];
	struct conf *c;
	size_t i;

	(void)state;
	c = read_good("max-connections = 16\n");
	assert_int_equal(conf_number(c, CONF_MAX_CONNECTIONS), 16);
	conf_free(c);
	c = read_good("max-connections = 1000000\n");
	assert_int_equal(conf_number(c, CONF_MAX_CONNECTIONS), 1000000);
	conf_free(c);
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(line, sizeof(line), "max-connections = %s", bad[i]);
		refused(slice_str(line), "settings:1: must be a number from "
					 "16 to 1000000");
	}
}

static void
booleans_have_four_words_each(void **state)
{
	static const char *const words[] = { "false", "true", "no", "yes",
					     "off",   "on",   "0",  "1",
					     "FALSE", "True", "No", "YES" };
	char line[64];
	struct conf *c;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(words); i++) {
		snprintf(line, sizeof(line), "egress-lock = %s", words[i]);
		c = read_good(line);
		assert_int_equal(conf_bool(c, CONF_EGRESS_LOCK), i % 2);
		conf_free(c);
	}
	refused(SLICE("egress-lock = "), "settings:1: must be true or false");
	refused(SLICE("egress-lock = 2"), "settings:1: must be true or false");
	refused(SLICE("egress-lock = truely"),
		"settings:1: must be true or false");
}

/* ---- refusals ---- */

static void
a_refusal_names_the_line(void **state)
{
	(void)state;
	refused(SLICE("\n# x\ndata\n"), "settings:3: is not name = value");
	refused(SLICE("data = a\nworker = 3\n"),
		"settings:2: no such setting; did you mean \"workers\"?");
	refused(SLICE("WORKERS = 3"), "settings:1: no such setting; did you "
				      "mean \"data\"?");
	refused(SLICE("= 3"),
		"settings:1: no such setting; did you mean \"data\"?");
	refused(SLICE("data = a\0b"), "settings:1: is too long, or not text");
	refused(SLICE("data = a\x1b[2J"),
		"settings:1: is too long, or not text");
}

static void
a_name_with_nul_is_compared_within_bounds(void **state)
{
	(void)state;
	refused(SLICE("egress-lock\0\xff\xff = 1"),
		"settings:1: no such setting; did you mean \"egress-lock\"?");
	refused(SLICE("data\0 = 1"),
		"settings:1: no such setting; did you mean \"data\"?");
}

static void
values_and_lists_are_bounded(void **state)
{
	struct buf text;
	struct conf *c;
	int i;

	(void)state;
	buf_init(&text, 1 << 20);
	buf_printf(&text, "data = %04096d", 1);
	c = read_good(buf_cstr(&text));
	assert_int_equal(strlen(conf_text(c, CONF_DATA)), 4096);
	conf_free(c);
	buf_putc(&text, '0');
	refused(buf_slice(&text), "settings:1: is too long, or not text");
	buf_reset(&text);
	for (i = 0; i < 256; i++)
		buf_printf(&text, "listen = h:%d\n", i);
	c = read_good(buf_cstr(&text));
	conf_free(c);
	buf_puts(&text, "listen = h:256\n");
	refused(buf_slice(&text), "settings:257: is said too often");
	buf_release(&text);
}

static void
a_public_url_is_one_that_browsers_and_providers_can_use(void **state)
{
	static const char *const good[] = {
		"https://bridge.example",
		"http://127.0.0.1:7070",
		"https://bridge.example/behind/",
		"http://[::1]:80",
		"",
	};
	static const char *const bad[] = {
		"bridge.example",
		"htps://bridge.example",
		"https://",
		"https://bridge.example/?a=b",
		"https://bridge.example/#a",
		"https://user@bridge.example",
		"https://bridge.example:port",
		"https://bridge .example",
	};
	struct conf_problem p;
	struct conf *c;
	char text[1100];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(good); i++) {
		snprintf(text, sizeof(text), "public-url = %s\n", good[i]);
		c = read_good(text);
		assert_string_equal(conf_text(c, CONF_PUBLIC_URL), good[i]);
		conf_free(c);
	}
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(text, sizeof(text), "drain = 1s\npublic-url = %s\n",
			 bad[i]);
		assert_int_equal(conf_read(slice_str(text), &c, &p),
				 ERR_INVALID);
		if (strncmp(p.text, "settings:2: must be a URL such as ", 34))
			fail_msg("%s: %s", bad[i], p.text);
	}
	snprintf(text, sizeof(text), "public-url = https://b.example/%0*d\n",
		 600, 0);
	refused(slice_str(text), "settings:1: must have at most 500 bytes");
}

static void
a_trusted_proxy_is_an_address_a_network_or_unix(void **state)
{
	struct conf *c = read_good("trusted-proxy = 127.0.0.1\n"
				   "trusted-proxy = fd00::/8\n"
				   "trusted-proxy = unix\n");

	(void)state;
	list_is(c, CONF_TRUSTED_PROXY, "127.0.0.1 fd00::/8 unix");
	conf_free(c);
	refused(SLICE("trusted-proxy = proxy.example\n"),
		"settings:1: must be an address or a network such as "
		"10.0.0.0/8, or unix");
	refused(SLICE("trusted-proxy = 0.0.0.0/0\n"),
		"settings:1: must be an address or a network such as "
		"10.0.0.0/8, or unix");
}

static void
a_log_level_is_one_of_four(void **state)
{
	(void)state;
	refused(SLICE("log-level = verbose\n"),
		"settings:1: must be debug, info, warn or error");
	refused(SLICE("log-level = Debug\n"),
		"settings:1: must be debug, info, warn or error");
}

/* ---- handing on ---- */

static void
what_is_written_reads_the_same(void **state)
{
	struct conf *c = read_good("data = /a b\nlisten = a:1\nlisten = b:2\n"
				   "egress-lock = on\ndrain = 2m\n"
				   "workers = 7\nlog-level =\n");
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 16);
	assert_int_equal(conf_write(c, &text), 0);
	conf_free(c);
	c = read_good(buf_cstr(&text));
	buf_release(&text);
	assert_string_equal(conf_text(c, CONF_DATA), "/a b");
	list_is(c, CONF_LISTEN, "a:1 b:2");
	list_is(c, CONF_EGRESS_ALLOW, "");
	assert_true(conf_bool(c, CONF_EGRESS_LOCK));
	assert_int_equal(conf_number(c, CONF_DRAIN), 120000);
	assert_int_equal(conf_number(c, CONF_WORKERS), 7);
	assert_string_equal(conf_text(c, CONF_LOG_LEVEL), "");
	/* No room: the buffer's error. */
	buf_init(&text, 20);
	assert_int_equal(conf_write(c, &text), ERR_TOO_LARGE);
	buf_release(&text);
	conf_free(c);
}

static void
help_tells_every_setting_and_its_default(void **state)
{
	static const char *const names[] = {
#define NAME(id, name, ...) "  --" name " ",
		CONF_SETTINGS(NAME)
#undef NAME
	};
	struct buf text;
	size_t i;

	(void)state;
	buf_init(&text, 1 << 16);
	conf_help(&text);
	for (i = 0; i < ARRAY_LEN(names); i++)
		if (!strstr(buf_cstr(&text), names[i]))
			fail_msg("%s is not told", names[i]);
	assert_non_null(strstr(buf_cstr(&text), "(default 127.0.0.1:7070)"));
	assert_non_null(strstr(buf_cstr(&text), "(default true; --records="));
	assert_non_null(strstr(buf_cstr(&text), "DRAWBRIDGE_PUBLIC_URL"));
	buf_release(&text);
}

static void
what_cannot_change_while_it_runs_stays(void **state)
{
	struct conf *now = read_good("data = a\nlisten = :1\nlisten = :2\n"
				     "drain = 5s\n");
	struct conf *fresh = read_good("data = a\nlisten = :3\nstore = x\n"
				       "drain = 6s\n");
	struct buf kept;

	(void)state;
	buf_init(&kept, 256);
	assert_int_equal(conf_keep(fresh, now, &kept), 0);
	assert_string_equal(buf_cstr(&kept), "listen, store");
	list_is(fresh, CONF_LISTEN, ":1 :2");
	assert_string_equal(conf_text(fresh, CONF_STORE), "");
	assert_string_equal(conf_text(fresh, CONF_DATA), "a");
	assert_int_equal(conf_number(fresh, CONF_DRAIN), 6000);
	buf_reset(&kept);
	assert_int_equal(conf_keep(fresh, now, &kept), 0);
	assert_int_equal(kept.len, 0);
	assert_true(conf_needs_restart(CONF_KEY_FILE));
	assert_false(conf_needs_restart(CONF_EGRESS_ALLOW));
	buf_release(&kept);
	conf_free(now);
	conf_free(fresh);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_says_has_its_default),
		cmocka_unit_test(a_file_has_a_setting_a_line),
		cmocka_unit_test(of_a_text_the_last_word_counts_of_a_list_all),
		cmocka_unit_test(durations_have_a_unit_or_are_seconds),
		cmocka_unit_test(numbers_keep_to_their_range),
		cmocka_unit_test(booleans_have_four_words_each),
		cmocka_unit_test(a_refusal_names_the_line),
		cmocka_unit_test(a_name_with_nul_is_compared_within_bounds),
		cmocka_unit_test(values_and_lists_are_bounded),
		cmocka_unit_test(
			a_public_url_is_one_that_browsers_and_providers_can_use),
		cmocka_unit_test(a_log_level_is_one_of_four),
		cmocka_unit_test(
			a_trusted_proxy_is_an_address_a_network_or_unix),
		cmocka_unit_test(what_is_written_reads_the_same),
		cmocka_unit_test(help_tells_every_setting_and_its_default),
		cmocka_unit_test(what_cannot_change_while_it_runs_stays),
	};

	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
