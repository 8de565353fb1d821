/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of the API: lists page by page, and problems (RFC 9457) as
 * sentences and exit codes.
 */
#include <stdarg.h>

#include "cli/cli_priv.h"

/* ---- one ---- */

const json_t *
cli_answer_json(struct cli_answer *a)
{
	struct json_problem problem = { 0 };

	if (!a->json && a->body.len)
		json_read(buf_slice(&a->body), CLI_ANSWER_MAX, &a->json,
			  &problem);
	return a->json;
}

void
cli_answer_release(struct cli_answer *a)
{
	json_decref(a->json);
	a->json = NULL;
	buf_wipe(&a->body);
}

/* ---- lists ---- */

/* One page: its items go behind those of list; next stays until the next. */
static int
page_add(struct cli *c, const char *path, size_t limit, json_t *list)
{
	const char *next = json_string_value(json_object_get(list, "next"));
	const json_t *page;
	struct cli_answer a;
	const char *whole;
	int rc;

	whole = arena_printf(c->arena, "%s%climit=%zu%s%s", path,
			     strchr(path, '?') ? '&' : '?', limit,
			     next ? "&after=" : "",
			     next ? cli_path(c, "{}", next) : "");
	if (!whole)
		return cli_fail(CLI_FAILED, "the list is too long");
	rc = cli_request(c, "GET", whole, SLICE_NONE, &a);
	if (rc)
		return rc;
	page = cli_answer_json(&a);
	if (!json_is_array(json_object_get(page, "items")) ||
	    json_array_extend(json_object_get(list, "items"),
			      json_object_get(page, "items")) ||
	    json_object_set(list, "next", json_object_get(page, "next")))
		rc = cli_fail(CLI_FAILED, "the server's answer is no list");
	cli_answer_release(&a);
	return rc;
}

int
cli_request_list(struct cli *c, const char *path, size_t max, json_t **out)
{
	json_t *list = json_pack("{s:[], s:n}", "items", "next");
	size_t have = 0, page;
	int rc;

	*out = NULL;
	if (!list)
		return cli_fail(CLI_FAILED, "out of memory");
	do {
		page = max && max - have < 200 ? max - have : 200;
		rc = page_add(c, path, page, list);
		have = json_array_size(json_object_get(list, "items"));
	} while (!rc && json_is_string(json_object_get(list, "next")) &&
		 (!max || have < max));
	if (rc)
		json_decref(list);
	else
		*out = list;
	return rc;
}

const char *
cli_path(struct cli *c, const char *template, ...)
{
	const char *out, *p;
	struct buf b;
	va_list ap;

	buf_init(&b, HTTP_HEAD_MAX / 2);
	va_start(ap, template);
	for (p = template; *p; p++) {
		if (p[0] == '{' && p[1] == '}') {
			codec_percent(&b, slice_str(va_arg(ap, const char *)));
			p++;
		} else {
			buf_putc(&b, *p);
		}
	}
	va_end(ap);
	out = buf_err(&b) ? NULL : arena_slice(c->arena, buf_slice(&b));
	buf_release(&b);
	/* What is longer than any path finds nothing. */
	return out ? out : "/v1/too-long";
}

/* ---- problems ---- */

enum cli_exit
cli_exit_of_status(int status)
{
	if (status >= 200 && status < 400)
		return CLI_OK;
	if (status == 404)
		return CLI_NOT_FOUND;
	if (status == 401 || status == 403)
		return CLI_REFUSED;
	return CLI_FAILED;
}

static void
problem_line(struct buf *out, const json_t *problem, const char *member,
	     const char *before)
{
	const char *text = json_string_value(json_object_get(problem, member));

	if (!text || !text[0])
		return;
	buf_puts(out, before);
	cli_safe(out, slice_str(text));
}

/* The place of what is wrong; of several each, on a line of its own (warnings
 * stop nothing). */
static void
problem_places(struct buf *out, const json_t *problem)
{
	const json_t *list = json_object_get(problem, "problems"), *p;
	size_t i;

	if (!json_array_size(list)) {
		problem_line(out, problem, "pointer", " (at ");
		if (json_is_string(json_object_get(problem, "pointer")))
			buf_putc(out, ')');
		return;
	}
	json_array_foreach((json_t *)(uintptr_t)list, i, p)
	{
		const char *severity =
			json_string_value(json_object_get(p, "severity"));

		if (severity && strcmp(severity, "error") != 0)
			continue;
		problem_line(out, p, "pointer", "\n  ");
		problem_line(out, p, "detail", ": ");
	}
}

int
cli_problem_tell(struct cli *c, int status, struct slice body)
{
	struct json_problem ignored = { 0 };
	json_t *problem = NULL;
	struct buf out;

	buf_init(&out, 64 * 1024);
	json_read(body, 64 * 1024, &problem, &ignored);
	if (c->json && problem) {
		json_write(problem, &out);
	} else if (json_is_string(json_object_get(problem, "title"))) {
		problem_line(&out, problem, "title", "drawbridge: ");
		problem_line(&out, problem, "detail", ": ");
		problem_places(&out, problem);
		problem_line(&out, problem, "hint", "\n  ");
	} else {
		buf_printf(&out, "drawbridge: the server answered %d %s",
			   status, http_reason(status));
	}
	json_decref(problem);
	fprintf(stderr, "%.*s\n", SLICE_ARG(buf_slice(&out)));
	buf_release(&out);
	return (int)cli_exit_of_status(status) ? (int)cli_exit_of_status(status)
					       : CLI_FAILED;
}
