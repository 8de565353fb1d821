/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Problems: one status and one title for a code, and a sentence that is text
 * however long it would be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "connect/connect.h"

static void
a_code_stands_once_in_the_list(void **state)
{
	const struct connect_problem_kind *a, *b;
	int i, j;

	(void)state;
	for (i = 0; i < CONNECT_PROBLEMS; i++) {
		a = connect_problem_kind((enum connect_problem_id)i);
		assert_in_range(a->status, 400, 504);
		assert_true(a->title[0] >= 'A' && a->title[0] <= 'Z');
		for (j = 0; j < i; j++) {
			b = connect_problem_kind((enum connect_problem_id)j);
			assert_string_not_equal(a->code, b->code);
		}
	}
}

static void
a_sentence_is_not_cut_within_a_letter(void **state)
{
	struct connect_problem p;
	char text[sizeof(p.detail) * 2];
	size_t i;

	(void)state;
	for (i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	text[i] = '\0';
	assert_int_equal(connect_fail(&p, ERR_INVALID, CONNECT_P_INVALID, NULL,
				      "x%s", text),
			 ERR_INVALID);
	assert_true(slice_is_utf8(slice_str(p.detail)));
	assert_true(strlen(p.detail) > sizeof(p.detail) - 4);
	assert_int_equal(p.status, 400);
	assert_string_equal(p.code, "invalid_request");
	assert_string_equal(p.hint, "");
	assert_int_equal(p.retry_after_s, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_code_stands_once_in_the_list),
		cmocka_unit_test(a_sentence_is_not_cut_within_a_letter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
