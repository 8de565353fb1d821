/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The import as a whole: method, limits, and the order in which the parts of
 * a request are made.
 */
#include <stdlib.h>

#include "hook/curl_priv.h"

enum {
	REDIRECTS_MAX = 5,
	TIMEOUT_MIN_MS = 1000,
	TIMEOUT_MAX_MS = 120 * 1000,
	BYTES_MAX = 16 * 1024 * 1024,
	RETRIES_MAX = 5,
};

/* ---- the method ---- */

static const char *
usual_verb(const struct curl_command *c)
{
	if (c->head)
		return "HEAD";
	if (c->upload)
		return "PUT";
	if ((c->data.count && !c->get) || c->forms.count)
		return "POST";
	return "GET";
}

static void
read_verb(struct curl_command *c)
{
	static const char *const verbs[] = { "GET",   "HEAD",	"POST",	  "PUT",
					     "PATCH", "DELETE", "OPTIONS" };
	size_t i;

	c->verb = usual_verb(c);
	if (!c->method.ptr)
		return;
	for (i = 0; i < ARRAY_LEN(verbs); i++)
		if (slice_eq_nocase(c->method, slice_str(verbs[i]))) {
			c->verb = verbs[i];
			return;
		}
	curl_note(c->out, "--request",
		  "The command's method is not one that a request can have.");
}

/* ---- limits ---- */

static long
clip(struct curl_command *c, long n, long least, long most)
{
	if (n >= least && n <= most)
		return n;
	curl_note(c->out, "",
		  "A limit of the command is beyond what a request may have: "
		  "the nearest is taken.");
	return n < least ? least : most;
}

static void
put_retries(struct curl_command *c, json_t *request)
{
	if (!strcmp(c->verb, "POST") || !strcmp(c->verb, "PATCH")) {
		curl_note(c->out, "--retry",
			  "A request that writes is not tried again without "
			  "an idempotency key.");
		return;
	}
	json_object_set_new(
		request, "retries",
		json_pack("{s:I, s:[s,i,i,i,i]}", "max",
			  (json_int_t)clip(c, c->retries, 1, RETRIES_MAX), "on",
			  "transport", 429, 502, 503, 504));
}

static void
put_limits(struct curl_command *c, json_t *request)
{
	long redirects = c->location ? REDIRECTS_MAX : 0;

	if (c->location && c->max_redirs >= 0)
		redirects = clip(c, c->max_redirs, 0, REDIRECTS_MAX);
	json_object_set_new(request, "max_redirects", json_integer(redirects));
	if (c->max_time_ms > 0)
		json_object_set_new(
			request, "timeout_ms",
			json_integer(clip(c, c->max_time_ms, TIMEOUT_MIN_MS,
					  TIMEOUT_MAX_MS)));
	if (c->max_bytes > 0)
		json_object_set_new(
			request, "max_bytes",
			json_integer(clip(c, c->max_bytes, 1024, BYTES_MAX)));
	if (c->retries > 0)
		put_retries(c, request);
}

/* ---- the whole ---- */

static int
command_request(struct curl_command *c)
{
	json_t *request = json_object();
	int rc;

	c->query = json_array();
	c->header_rows = json_array();
	c->out->request = request;
	read_verb(c);
	json_object_set_new(request, "method", json_string(c->verb));
	rc = curl_url_read(c, request);
	json_object_set(request, "query", c->query);
	json_object_set(request, "headers", c->header_rows);
	if (!rc) {
		curl_headers_read(c);
		rc = curl_body_read(c, request);
	}
	if (!rc)
		put_limits(c, request);
	json_decref(c->query);
	json_decref(c->header_rows);
	return rc;
}

int
hook_curl_import(const struct secret *text, const struct catalog *catalog,
		 const char *org, struct hook_curl *out)
{
	struct slice s = slice_of(secret_peek(text), secret_len(text));
	struct curl_command *c;
	int rc;

	memset(out, 0, sizeof(*out));
	if (s.len > HOOK_CURL_MAX)
		return ERR_TOO_LARGE;
	if (memchr(s.ptr, 0, s.len))
		return curl_refuse(out, "The command holds a NUL.", NULL);
	c = calloc(1, sizeof(*c));
	if (!c)
		return ERR_NOMEM;
	c->out = out;
	c->catalog = catalog;
	c->org = org;
	rc = curl_shell_read(s, &c->shell, out);
	if (!rc)
		rc = curl_options_read(c);
	if (!rc)
		rc = command_request(c);
	secret_free(c->shell.bytes);
	free(c);
	if (rc)
		hook_curl_release(out);
	return rc;
}

void
hook_curl_release(struct hook_curl *out)
{
	json_decref(out->request);
	out->request = NULL;
}
