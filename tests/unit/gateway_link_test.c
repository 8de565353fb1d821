/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Link fields in answers: no client, however it reads them, is led to
 * another connection of this server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "gateway/gateway_priv.h"

static struct binding_host hosts[] = { { "api.example.com", false, 0 } };
static const struct binding binding = {
	.hosts = hosts,
	.host_count = ARRAY_LEN(hosts),
};
static const struct gateway_url_base base = {
	.link = { "desk", 4 },
	.binding = &binding,
	.https = true,
	.authority = { "api.example.com", 15 },
	.path = { "/tickets", 8 },
	.own_host = { "bridge.internal:7070", 20 },
};

static void
assert_link(const char *value, const char *want)
{
	struct buf out;

	buf_init(&out, HTTP_HEAD_MAX);
	gateway_link_rewrite(&base, slice_str(value), &out);
	if (strcmp(buf_cstr(&out), want) != 0)
		fail_msg("%s became %s, not %s", value, buf_cstr(&out), want);
	buf_release(&out);
}

#define OWN "</via/desk/https://api.example.com"

static void
each_reference_takes_the_gateways_form(void **state)
{
	(void)state;
	assert_link("<https://api.example.com/t?page=2>; rel=\"next\", "
		    "</t?page=9>;rel=last",
		    OWN "/t?page=2>; rel=\"next\", " OWN "/t?page=9>;rel=last");
	assert_link("<https://other.example/a,b;c>; rel=x",
		    "<https://other.example/a,b;c>; rel=x");
	assert_link(" , </a> ,, </b>", OWN "/a>, " OWN "/b>");
	assert_link("</a>; title=\"a, \\\"b\\\"; c\"; rel=next",
		    OWN "/a>; title=\"a, \\\"b\\\"; c\"; rel=next");
	assert_link("<>; rel=self", "<>; rel=self");
	assert_link("", "");
}

/* There are clients that split at ", <", and then take all up to '>'. */
static void
no_reference_hides_in_another(void **state)
{
	(void)state;
	assert_link("<a,<https://bridge.internal:7070/via/other>; rel=next",
		    OWN "/a,%3Chttps://bridge.internal:7070/via/other>; "
			"rel=next");
	assert_link("</a>; title=\"x, <https://bridge.internal:7070/via/o>; "
		    "rel=next\"",
		    OWN "/a>; title=\"x, %3Chttps://bridge.internal:7070/via/"
			"o>; rel=next\"");
}

/* And some that do not mind where '<' is missing. */
static void
what_is_no_link_ends_the_field(void **state)
{
	(void)state;
	assert_link("https://bridge.internal:7070/via/other>; rel=next", "");
	assert_link("</a>, xhttps://bridge.internal:7070/via/oy; rel=next",
		    OWN "/a>");
	assert_link("</a>; rel=prev <https://bridge.internal:7070/via/o>", "");
	assert_link("</a>; rel=prev, <https://bridge.internal:7070/via/o",
		    OWN "/a>; rel=prev");
	assert_link("</a>; rel=prev, </b>; title=\"open", OWN "/a>; rel=prev");
	assert_link("</a>x; rel=next", "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_reference_takes_the_gateways_form),
		cmocka_unit_test(no_reference_hides_in_another),
		cmocka_unit_test(what_is_no_link_ends_the_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
