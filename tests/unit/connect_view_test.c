/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker keeps of an injection.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "connect/view_priv.h"

enum { MANY = METHOD_FIELDS_MAX + 4 };

/* A name that is not here could be sent by the client as well. */
static void
every_injected_field_has_its_name(void **state)
{
	struct connect_msg_injection m = { 0 };
	struct connect_injection *i;
	char text[MANY * 32], name[16];
	size_t n, len = 0;

	(void)state;
	for (n = 0; n < MANY; n++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"X-Part-%zu: v\r\n", n);
	m.add.headers = secret_from(text, len);
	assert_non_null(m.add.headers);
	i = view_injection_new(&m);
	assert_non_null(i);
	assert_int_equal(i->name_count, MANY);
	for (n = 0; n < MANY; n++) {
		snprintf(name, sizeof(name), "x-part-%zu", n);
		assert_string_equal(i->names[n], name);
	}
	connect_injection_unref(i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_injected_field_has_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
