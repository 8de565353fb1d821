/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads: what is read, and everything that must be refused because two
 * readers could understand it differently.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "http/http.h"

static struct http_head h;

static int
request(const char *text)
{
	return http_head_request(slice_str(text), &h);
}

static int
response(const char *text)
{
	return http_head_response(slice_str(text), false, &h);
}

static void
assert_refused(const char *text, unsigned status)
{
	assert_int_equal(request(text), ERR_PROTOCOL);
	assert_int_equal(h.error, status);
	assert_non_null(h.why);
}

static void
a_plain_request_is_read(void **state)
{
	static const char text[] = "GET /a?b=c HTTP/1.1\r\nHost: x\r\n"
				   "Accept:  text/plain \r\n\r\nrest";

	(void)state;
	assert_int_equal(request(text), 0);
	assert_true(slice_eq(h.method, SLICE("GET")));
	assert_true(slice_eq(h.target, SLICE("/a?b=c")));
	assert_int_equal(h.count, 2);
	assert_int_equal(h.fields[0].id, HTTP_HOST);
	assert_true(slice_eq(h.fields[1].value, SLICE("text/plain")));
	assert_int_equal(h.size, sizeof(text) - 1 - 4);
	assert_int_equal(h.body, HTTP_BODY_NONE);
	assert_true(h.keep_alive);
}

static void
every_beginning_of_a_head_waits_for_more(void **state)
{
	static const char text[] = "POST /x HTTP/1.1\r\nHost: x\r\n"
				   "Content-Length: 3\r\n\r\n";
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(text) - 1; n++)
		assert_int_equal(http_head_request(slice_of(text, n), &h),
				 ERR_AGAIN);
	assert_int_equal(http_head_request(slice_of(text, n), &h), 0);
	assert_int_equal(h.body, HTTP_BODY_LENGTH);
	assert_int_equal(h.content_length, 3);
}

static void
lines_must_end_in_crlf(void **state)
{
	(void)state;
	assert_refused("GET / HTTP/1.1\nHost: x\n\n", 400);
	assert_refused("GET / HTTP/1.1\r\nHost: x\n\r\n", 400);
	assert_refused("GET / HTTP/1.1\r\nHost: x\rY: z\r\n\r\n", 400);
	assert_refused("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400);
}

static void
field_lines_must_be_clean(void **state)
{
	(void)state;
	assert_refused("GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400);
	assert_refused("GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400);
	assert_refused("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\tc\r\n\r\n", 400);
	assert_refused("GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n", 400);
	assert_refused("GET / HTTP/1.1\r\nHost: x\r\nA: b\x01\r\n\r\n", 400);
	assert_refused("GET / HTTP/1.1\r\nHost: x\r\nA(: b\r\n\r\n", 400);
	assert_refused("GET / HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n", 400);
}

static void
a_nul_in_a_value_is_refused(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\nA: b\0c"
				   "\r\n\r\n";

	(void)state;
	assert_int_equal(
		http_head_request(slice_of(text, sizeof(text) - 1), &h),
		ERR_PROTOCOL);
}

static void
request_lines_must_be_clean(void **state)
{
	(void)state;
	assert_refused("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400);
	assert_refused("GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400);
	assert_refused("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400);
	assert_refused("GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n", 400);
	assert_refused("GET /\r\nHost: x\r\n\r\n", 400);
	assert_refused("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505);
	assert_refused("GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505);
	assert_refused("GET / http/1.1\r\nHost: x\r\n\r\n", 400);
	assert_refused("G@T / HTTP/1.1\r\nHost: x\r\n\r\n", 400);
}

static void
host_must_be_there_once(void **state)
{
	(void)state;
	assert_refused("GET / HTTP/1.1\r\n\r\n", 400);
	assert_refused("GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400);
	assert_refused("GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400);
	assert_refused("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400);
	assert_int_equal(request("GET / HTTP/1.0\r\n\r\n"), 0);
	assert_false(h.keep_alive);
}

static void
body_lengths_have_one_reading(void **state)
{
	static const char *const bad[] = {
		"Content-Length: 3\r\nContent-Length: 3\r\n",
		"Content-Length: 3, 3\r\n",
		"Content-Length: +3\r\n",
		"Content-Length: -1\r\n",
		"Content-Length: 0x3\r\n",
		"Content-Length: 3 \r\nContent-Length: 4\r\n",
		"Content-Length:\r\n",
		"Content-Length: 99999999999999999999\r\n",
		"Transfer-Encoding: gzip\r\n",
		"Transfer-Encoding: gzip, chunked\r\n",
		"Transfer-Encoding: chunked, chunked\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
		"Transfer-Encoding: identity\r\n",
		"Transfer-Encoding: xchunked\r\n",
		"Transfer-Encoding:\r\n",
		"Transfer-Encoding: \"chunked\"\r\n",
		"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
		"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
	};
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(text, sizeof(text),
			 "POST / HTTP/1.1\r\nHost: x\r\n%s\r\n", bad[i]);
		assert_refused(text, 400);
	}
	assert_refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
		       400);
	assert_int_equal(request("POST / HTTP/1.1\r\nHost: x\r\n"
				 "Transfer-Encoding: Chunked\r\n\r\n"),
			 0);
	assert_int_equal(h.body, HTTP_BODY_CHUNKED);
}

static void
connection_names_fields_that_end_here(void **state)
{
	(void)state;
	assert_int_equal(request("GET / HTTP/1.1\r\nHost: x\r\n"
				 "X-Mine: 1\r\nTE: trailers\r\n"
				 "Connection: close, x-mine\r\n\r\n"),
			 0);
	assert_false(h.keep_alive);
	assert_int_equal(h.fields[1].hop, 1);
	assert_int_equal(h.fields[2].hop, 1);
	assert_int_equal(h.fields[0].hop, 0);
}

static void
too_many_or_too_large_is_431(void **state)
{
	static char text[HTTP_HEAD_MAX + 64];
	struct buf b;
	int i;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_puts(&b, "GET / HTTP/1.1\r\nHost: x\r\n");
	for (i = 0; i < 100; i++)
		buf_printf(&b, "A%d: b\r\n", i);
	buf_puts(&b, "\r\n");
	assert_int_equal(http_head_request(buf_slice(&b), &h), ERR_PROTOCOL);
	assert_int_equal(h.error, 431);
	buf_release(&b);
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET / HTTP/1.1\r\nHost: x\r\nA: ", 28);
	assert_int_equal(http_head_request(slice_of(text, sizeof(text)), &h),
			 ERR_PROTOCOL);
	assert_int_equal(h.error, 431);
}

static void
the_head_of_a_response_has_the_same_limit(void **state)
{
	static char text[HTTP_HEAD_MAX + 512];
	int n = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nA: ");
	size_t end = HTTP_HEAD_MAX - 4;

	(void)state;
	memset(text + n, 'a', sizeof(text) - (size_t)n);
	memcpy(text + end, "\r\n\r\n", 4);
	assert_int_equal(http_head_response(slice_of(text, end + 4), false, &h),
			 0);
	text[end] = 'a';
	memcpy(text + end + 1, "\r\n\r\n", 4);
	assert_int_equal(http_head_response(slice_of(text, end + 5), false, &h),
			 ERR_PROTOCOL);
	assert_int_equal(h.error, 431);
}

static void
expectations_other_than_continue_are_417(void **state)
{
	(void)state;
	assert_refused("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
		       "Expect: tea\r\n\r\n",
		       417);
	assert_refused("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
		       "Expect: 100-continue\r\nExpect: tea\r\n\r\n",
		       417);
	assert_int_equal(request("POST / HTTP/1.1\r\nHost: x\r\n"
				 "Content-Length: 1\r\n"
				 "Expect: 100-Continue\r\n\r\n"),
			 0);
	assert_true(h.expect_continue);
}

static void
responses_are_read(void **state)
{
	(void)state;
	assert_int_equal(response("HTTP/1.1 404 Not Found\r\n"
				  "Content-Length: 5\r\n\r\n"),
			 0);
	assert_int_equal(h.status, 404);
	assert_int_equal(h.body, HTTP_BODY_LENGTH);
	assert_int_equal(response("HTTP/1.1 200\r\n\r\n"), 0);
	assert_int_equal(h.body, HTTP_BODY_UNTIL_CLOSE);
	assert_false(h.keep_alive);
	assert_int_equal(response("HTTP/1.1 204 No\r\n"
				  "Content-Length: 5\r\n\r\n"),
			 0);
	assert_int_equal(h.body, HTTP_BODY_NONE);
	assert_int_equal(http_head_response(SLICE("HTTP/1.1 200 OK\r\n"
						  "Content-Length: 5\r\n\r\n"),
					    true, &h),
			 0);
	assert_int_equal(h.body, HTTP_BODY_NONE);
}

static void
ambiguous_responses_are_refused(void **state)
{
	static const char *const bad[] = {
		"HTTP/1.1 200 OK\nContent-Length: 1\n\n",
		"HTTP/1.1 20 OK\r\n\r\n",
		"HTTP/1.1 099 OK\r\n\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1 200OK\r\n\r\n",
		"HTTP/1.1 200\tOK\r\n\r\n",
		"HTTP/1.1  200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
		"Content-Length: 1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
		"Transfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
		"ICY 200 OK\r\n\r\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(response(bad[i]), ERR_PROTOCOL);
}

static void
cookies_are_found_by_their_whole_name(void **state)
{
	struct slice value;

	(void)state;
	assert_int_equal(request("GET / HTTP/1.1\r\nHost: x\r\n"
				 "Cookie: xa=0; ab=1;a=2;a=3; =4;b\r\n"
				 "Cookie:c=\"5\" ; d==6\r\n\r\n"),
			 0);
	assert_true(http_head_cookie(&h, "a", &value));
	assert_true(slice_eq(value, SLICE("2")));
	assert_true(http_head_cookie(&h, "c", &value));
	assert_true(slice_eq(value, SLICE("\"5\"")));
	assert_true(http_head_cookie(&h, "d", &value));
	assert_true(slice_eq(value, SLICE("=6")));
	assert_false(http_head_cookie(&h, "b", &value));
	assert_false(http_head_cookie(&h, "A", &value));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_request_is_read),
		cmocka_unit_test(every_beginning_of_a_head_waits_for_more),
		cmocka_unit_test(lines_must_end_in_crlf),
		cmocka_unit_test(field_lines_must_be_clean),
		cmocka_unit_test(a_nul_in_a_value_is_refused),
		cmocka_unit_test(request_lines_must_be_clean),
		cmocka_unit_test(host_must_be_there_once),
		cmocka_unit_test(body_lengths_have_one_reading),
		cmocka_unit_test(connection_names_fields_that_end_here),
		cmocka_unit_test(too_many_or_too_large_is_431),
		cmocka_unit_test(the_head_of_a_response_has_the_same_limit),
		cmocka_unit_test(expectations_other_than_continue_are_417),
		cmocka_unit_test(responses_are_read),
		cmocka_unit_test(ambiguous_responses_are_refused),
		cmocka_unit_test(cookies_are_found_by_their_whole_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
