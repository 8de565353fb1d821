/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns of match() and search(): I-Regexp (RFC 9485), what is one, what
 * it matches, and what it may cost.
 */
#include "../support/jsonpath_world.h"

/* Whether the pattern matches the text (both JSON strings' insides). */
static bool
matches(const char *function, const char *pattern, const char *text)
{
	char query[512], document[512], got[512];

	snprintf(query, sizeof(query), "$[?%s(@, \"%s\")]", function, pattern);
	snprintf(document, sizeof(document), "[\"%s\"]", text);
	assert_int_equal(run(query, document, NULL, got, sizeof(got)), 0);
	return strcmp(got, "[]") != 0;
}

static void
whole(const char *pattern, const char *text)
{
	if (!matches("match", pattern, text))
		fail_msg("%s does not match %s", pattern, text);
}

static void
not_whole(const char *pattern, const char *text)
{
	if (matches("match", pattern, text))
		fail_msg("%s matches %s", pattern, text);
}

static void
pieces_of_a_pattern_mean_what_they_say(void **state)
{
	(void)state;
	whole("", "");
	not_whole("", "a");
	whole("a|b|", "b");
	whole("a|b|", "");
	not_whole("a|b", "ab");
	whole("(ab)*c", "ababc");
	whole("a?b+", "bbb");
	not_whole("a+", "");
	whole("a{2}", "aa");
	not_whole("a{2}", "a");
	not_whole("a{2}", "aaa");
	whole("a{2,}", "aaaa");
	not_whole("a{2,}", "a");
	whole("a{1,3}b", "aaab");
	not_whole("a{1,3}b", "aaaab");
	whole("a{0}b", "b");
	not_whole("a{0}b", "ab");
	whole("a{0,}", "");
	whole("(a|b{2}){2}", "abb");
	whole("(()*)*a", "a");
	whole("(a*)*", "aaa");
	whole("(a*)+b", "aab");
	whole("\\\\(\\\\)\\\\*\\\\+\\\\-\\\\.\\\\?\\\\[\\\\\\\\\\\\]\\\\^"
	      "\\\\{\\\\|\\\\}",
	      "()*+-.?[\\\\]^{|}");
	whole("\\\\n\\\\r\\\\t", "\\n\\r\\t");
	whole("..", "\xf0\x9f\x98\x80\xc3\xb6");
	not_whole(".", "\\n");
	not_whole(".", "\\r");
	whole(".", "\xe2\x80\xa8"); /* a line separator */
}

static void
classes_have_ranges_categories_and_hyphens(void **state)
{
	(void)state;
	whole("[a-cx]+", "abcx");
	not_whole("[a-cx]", "d");
	whole("[^a-c]", "d");
	not_whole("[^a-c]", "b");
	whole("[-a]+", "a-");
	whole("[a-]+", "a-");
	whole("[--]", "-");
	whole("[^-a]", "b");
	not_whole("[^-a]", "-");
	whole("[\\\\--a]+", "-9a");
	whole("[\\\\]\\\\[]+", "[]");
	whole("[.^$*]+", ".^$*");
	whole("[\\\\p{Lu}0-9]+", "A7\xc3\x96");
	not_whole("[\\\\p{Lu}0-9]", "a");
	whole("[^\\\\p{L}]", "7");
	whole("[\\\\P{L}a]+", "7a");
	whole("[b-da-cf]+", "abcdf"); /* overlapping, in any order */
	not_whole("[b-da-cf]", "e");
	whole("[\xf0\x9f\x98\x80-\xf0\x9f\x98\x82]", "\xf0\x9f\x98\x81");
}

static void
categories_are_those_of_unicode(void **state)
{
	static const struct {
		const char *category, *in, *out;
	} all[] = {
		{ "L", "\xc3\xb6", "1" },
		{ "Lu", "\xc4\x80", "\xc4\x81" }, /* Latin Extended: they */
		{ "Ll", "\xc4\x81", "\xc4\x80" }, /* take turns */
		{ "Ll", "\xc4\xb8", "\xc4\xb9" },
		{ "Lu", "\xc4\xb9", "\xc4\xb8" },
		{ "Lt", "\xc7\x85", "\xc7\x84" },
		{ "Lm", "\xca\xb0", "a" },
		{ "Lo", "\xe6\x97\xa5", "a" },
		{ "Lo", "\xea\xb0\x81", "a" }, /* inside a long run */
		{ "Mn", "\xcc\x80", "a" },
		{ "Nd", "\xd9\xa0", "\xe2\x85\xa0" },
		{ "Nl", "\xe2\x85\xa0", "1" },
		{ "No", "\xc2\xb2", "2" },
		{ "Pc", "_", "-" },
		{ "Pd", "-", "_" },
		{ "Ps", "(", ")" },
		{ "Pe", ")", "(" },
		{ "Pi", "\xc2\xab", "\xc2\xbb" },
		{ "Pf", "\xc2\xbb", "\xc2\xab" },
		{ "Po", "!", "-" },
		{ "Sm", "+", "-" },
		{ "Sc", "\xe2\x82\xac", "E" },
		{ "Sk", "^", "~" },
		{ "So", "\xf0\x9f\x98\x80", "a" },
		{ "Zs", " ", "\\t" },
		{ "Zl", "\xe2\x80\xa8", " " },
		{ "Zp", "\xe2\x80\xa9", " " },
		{ "Cc", "\\u0001", "a" },
		{ "Cf", "\xe2\x80\x8b", " " },
		{ "Co", "\xee\x80\x80", "a" },
		{ "Cn", "\xf4\x8f\xbf\xbf", "a" },
		{ "C", "\\u0000", "a" },
	};
	char yes[32], no[32];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		snprintf(yes, sizeof(yes), "\\\\p{%s}", all[i].category);
		snprintf(no, sizeof(no), "\\\\P{%s}", all[i].category);
		whole(yes, all[i].in);
		not_whole(yes, all[i].out);
		whole(no, all[i].out);
		not_whole(no, all[i].in);
	}
}

static void
what_is_no_i_regexp_matches_nothing(void **state)
{
	static const char *const bad[] = {
		"(",
		")",
		"a)",
		"*",
		"a**",
		"a{",
		"a{}",
		"a{,2}",
		"a{2,1}",
		"a{2",
		"a{2,",
		"{2}",
		"]",
		"}",
		"[",
		"[]",
		"[^]",
		"[a",
		"[z-a]",
		"[a-b-c]",
		"[a--]",
		"[a[b]",
		"\\\\",
		"\\\\d",
		"\\\\w",
		"\\\\b",
		"\\\\1",
		"\\\\$",
		"(?:a)",
		"(?=a)",
		"a*?",
		"\\\\p",
		"\\\\p{",
		"\\\\p{}",
		"\\\\p{X}",
		"\\\\p{Cs}",
		"\\\\p{Lu",
		"\\\\p{IsBasicLatin}",
		"[\\\\p{Lu}-z]",
		"[a-\\\\p{Lu}]",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		if (matches("search", bad[i], "a") ||
		    matches("search", bad[i], ""))
			fail_msg("%s", bad[i]);
	}
}

static void
search_finds_a_part_and_anchors_hold(void **state)
{
	(void)state;
	assert_true(matches("search", "b+", "abbc"));
	assert_true(matches("search", "", "abc"));
	assert_false(matches("search", "d", "abc"));
	assert_true(matches("search", "^ab", "abc"));
	assert_false(matches("search", "^b", "abc"));
	assert_true(matches("search", "bc$", "abc"));
	assert_false(matches("search", "b$", "abc"));
	assert_true(matches("search", "^$", ""));
	assert_true(matches("search", "x|c$", "abc"));
	assert_true(matches("search", "aab", "aaab"));
	whole("^abc$", "abc");
	not_whole("a^b", "a^b");
	whole("[$]5", "$5");
}

static void
a_pattern_may_come_out_of_the_document(void **state)
{
	(void)state;
	gives("$.v[?match(@.t, @.p)].t",
	      "{\"v\":[{\"t\":\"aa\",\"p\":\"a+\"},{\"t\":\"b\",\"p\":\"a+\"},"
	      "{\"t\":\"b\",\"p\":\"b\"},{\"t\":\"c\",\"p\":\"(\"},"
	      "{\"t\":\"(\",\"p\":\"(\"},{\"t\":\"\",\"p\":\"\"},"
	      "{\"t\":\"d\",\"p\":1}]}",
	      "[\"aa\",\"b\",\"\"]");
}

static void
patterns_are_bounded(void **state)
{
	static const char *const large[] = {
		"a{5000}",
		"((a{100}){100}){100}",
		"(((((a{9}){9}){9}){9}){9}){9}",
		"a{99999999999999999999}",
		"(a|b){0,4000}",
	};
	struct jsonpath_problem problem;
	struct jsonpath *path;
	char query[256], *deep, *many;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(large); i++) {
		snprintf(query, sizeof(query), "$[?match(@, '%s')]", large[i]);
		assert_int_equal(jsonpath_compile(slice_str(query), NULL, &path,
						  &problem),
				 ERR_TOO_LARGE);
		assert_string_equal(problem.detail, "the pattern is too large");
		snprintf(query, sizeof(query), "[\"a\",\"%s\"]", large[i]);
		costs_too_much("$[?match(@, $[1])]", query, NULL);
	}
	deep = repeat("$[?match(@, '", "(", 1000, "')]");
	assert_int_equal(jsonpath_compile(slice_str(deep), NULL, &path, NULL),
			 ERR_TOO_LARGE);
	free(deep);
	/* All of a query together: */
	many = repeat("$[?@", "||match(@,'a{3000}')", 6, "]");
	assert_int_equal(jsonpath_compile(slice_str(many), NULL, &path, NULL),
			 ERR_TOO_LARGE);
	free(many);
	/* What is repeated, but is nothing, is nothing. */
	whole("(()()(()|){0}){4000}(){99999999999}a", "a");
}

/* Where going back and forth would take 2^40 steps. */
static void
a_match_is_linear_in_the_text(void **state)
{
	const struct jsonpath_limits limits = { .steps = 20000 };
	char *document = repeat("[\"", "a", 1000, "!\"]");
	char got[64];

	(void)state;
	assert_int_equal(run("$[?match(@, '(a*)*b')]", document, &limits, got,
			     sizeof(got)),
			 0);
	assert_string_equal(got, "[]");
	assert_int_equal(run("$[?search(@, '(a|a)+$')]", document, &limits, got,
			     sizeof(got)),
			 0);
	costs_too_much("$[?search(@, '(a?){30}b')]", document, &limits);
	free(document);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_of_a_pattern_mean_what_they_say),
		cmocka_unit_test(classes_have_ranges_categories_and_hyphens),
		cmocka_unit_test(categories_are_those_of_unicode),
		cmocka_unit_test(what_is_no_i_regexp_matches_nothing),
		cmocka_unit_test(search_finds_a_part_and_anchors_hold),
		cmocka_unit_test(a_pattern_may_come_out_of_the_document),
		cmocka_unit_test(patterns_are_bounded),
		cmocka_unit_test(a_match_is_linear_in_the_text),
	};

	return cmocka_run_group_tests_name("jsonpath regexp", tests, NULL,
					   NULL);
}
