/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the API reads of a request beside its body: method and path to a row of
 * the table, parameters of the query, pages of lists, If-Match.  Parameters
 * lie within the path, numbers within their bounds, and a refusal is JSON.
 *
 * Input: method, target and If-Match, a line each.
 */
#include "../support/fuzz_wire.h"
#include "api/api_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_route(struct slice method, struct slice path)
{
	struct slice params[API_PARAMS] = { 0 };
	const struct api_route *route;
	char allow[64] = "";
	size_t i;
	int rc = api_route_find(method, path, &route, params, allow,
				sizeof(allow));

	ASSERT(!rc || rc == ERR_NOT_FOUND || rc == ERR_UNSUPPORTED);
	ASSERT(rc != ERR_UNSUPPORTED || allow[0]);
	if (rc == ERR_NOT_FOUND)
		return;
	/* who may GET may ask for the head alone */
	if (slice_eq(method, SLICE("HEAD")) && !strcmp(route->method, "GET"))
		method = slice_str(route->method);
	ASSERT(slice_eq(slice_str(route->method), method) == !rc);
	for (i = 0; i < API_PARAMS; i++)
		if (params[i].ptr)
			ASSERT(params[i].len && params[i].ptr >= path.ptr &&
			       params[i].ptr + params[i].len <=
				       path.ptr + path.len &&
			       slice_find(params[i], '/') == params[i].len);
}

static void
check_answer(struct api_request *r, bool ok)
{
	json_t *o;

	ASSERT(ok == !r->status);
	if (ok)
		return;
	o = json_loadb(r->answer.data, r->answer.len, 0, NULL);
	ASSERT(r->status == 400 && json_is_object(o));
	json_decref(o);
	buf_wipe(&r->answer);
	r->status = 0;
}

static void
read_query(struct api_request *r)
{
	const char *after;
	size_t limit;
	bool flag, ok = api_paging(r, &limit, &after);

	ASSERT(limit >= 1 && limit <= API_LIMIT_MAX);
	ASSERT(!ok || strlen(after) <= 128);
	check_answer(r, ok);
	check_answer(r, api_query_flag(r, "all", &flag));
	ASSERT(api_query(r, "q"));
}

static void
read_if_match(struct api_request *r)
{
	char text[40];
	int64_t version;
	int rc = api_if_match(r, &version);

	ASSERT(!rc || rc == ERR_INVALID);
	ASSERT(version >= 0 && (!rc || !version));
	if (!version)
		return;
	snprintf(text, sizeof(text), "%lld\"", (long long)version);
	ASSERT(strchr(r->if_match, '"') && strstr(r->if_match, text));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_of(data, size), method, target, match, path;
	struct api_request r = { 0 };

	if (size > 16 * 1024 || !slice_next(&rest, '\n', &method) ||
	    !slice_next(&rest, '\n', &target))
		return 0;
	if (!slice_next(&rest, '\n', &match))
		match = SLICE_NONE;
	r.arena = arena_new(256 * 1024);
	buf_init(&r.answer, 64 * 1024);
	buf_init(&r.fields, 4096);
	http_path_split(target, &path, &r.query);
	read_route(method, path);
	read_query(&r);
	if (!slice_copy(match, r.if_match, sizeof(r.if_match)))
		read_if_match(&r);
	buf_release(&r.answer);
	buf_release(&r.fields);
	arena_free(r.arena);
	return 0;
}
