/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets that come in forms: taken out before anything else reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "api/api_priv.h"

enum { SECRETS = 2 };

static const char *const names[] = { "token", "password", NULL };

/* The result; what is left is compared, and what was found told as text. */
static int
lift(const char *form, const char *left, char *found, size_t size)
{
	struct json_secret out[SECRETS];
	char text[256];
	size_t count, i;
	int rc;

	snprintf(text, sizeof(text), "%s", form);
	rc = api_form_lift(text, strlen(text), names, out, SECRETS, &count);
	if (left)
		assert_string_equal(text, left);
	found[0] = '\0';
	for (i = 0; i < count; i++) {
		snprintf(found + strlen(found), size - strlen(found), "%s:%s;",
			 out[i].name, secret_peek(out[i].value));
		secret_free(out[i].value);
	}
	return rc;
}

static void
secrets_are_taken_and_stars_are_left(void **state)
{
	char found[256];

	(void)state;
	assert_int_equal(lift("user=ann&password=s%26+x&next=/",
			      "user=ann&password=******&next=/", found,
			      sizeof(found)),
			 0);
	assert_string_equal(found, "password:s& x;");
	assert_int_equal(lift("token=&password&x=token",
			      "token=&password&x="
			      "token",
			      found, sizeof(found)),
			 0);
	assert_string_equal(found, "");
	assert_int_equal(lift("token=a&password=bc", "token=*&password=**",
			      found, sizeof(found)),
			 0);
	assert_string_equal(found, "token:a;password:bc;");
}

/* A handler decodes names: it would read what was not taken. */
static void
a_name_written_with_escapes_is_refused(void **state)
{
	char found[256];

	(void)state;
	assert_int_equal(lift("pass%77ord=x", NULL, found, sizeof(found)),
			 ERR_INVALID);
	assert_int_equal(lift("token=a&%74oken=b", NULL, found, sizeof(found)),
			 ERR_INVALID);
	assert_string_equal(found, "");
	assert_int_equal(lift("fl%6fw=x", "fl%6fw=x", found, sizeof(found)), 0);
}

static void
what_is_no_text_is_refused(void **state)
{
	char found[256];

	(void)state;
	assert_int_equal(lift("token=a%00b", NULL, found, sizeof(found)),
			 ERR_INVALID);
	assert_int_equal(lift("token=%zz", NULL, found, sizeof(found)),
			 ERR_INVALID);
	assert_int_equal(
		lift("token=a&token=b&token=c", NULL, found, sizeof(found)),
		ERR_TOO_LARGE);
	assert_string_equal(found, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_are_taken_and_stars_are_left),
		cmocka_unit_test(a_name_written_with_escapes_is_refused),
		cmocka_unit_test(what_is_no_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
