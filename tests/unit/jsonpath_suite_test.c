/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSONPath Compliance Test Suite, each of its cases a test: cts.json of
 * github.com/jsonpath-standard/jsonpath-compliance-test-suite.
 *
 * It is looked for in $SUITES/jsonpath, or else in ../shared/data/jsonpath
 * beside the project's folder.  Where it is not there all of it is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "jsonpath/jsonpath.h"

enum { CASES_AT_LEAST = 703, TEXT_MAX = 1 << 16 };

static struct slice
string_of(const json_t *v)
{
	return slice_of(json_string_value(v), json_string_length(v));
}

/* Values and paths of the nodes, as the suite writes them. */
static void
lists_of(const struct jsonpath_nodes *nodes, json_t **values, json_t **paths)
{
	struct buf path;
	size_t i;

	*values = json_array();
	*paths = json_array();
	buf_init(&path, TEXT_MAX);
	for (i = 0; i < jsonpath_nodes_count(nodes); i++) {
		json_array_append(*values, jsonpath_nodes_value(nodes, i));
		buf_reset(&path);
		assert_int_equal(jsonpath_nodes_path(nodes, i, &path), 0);
		json_array_append_new(*paths,
				      json_stringn(path.data, path.len));
	}
	buf_release(&path);
}

/* One result, or one of several that are as right. */
static bool
is_as_wanted(const json_t *one, const char *name, const json_t *got)
{
	const json_t *several;
	char plural[32];
	json_t *wanted;
	size_t i;

	wanted = json_object_get(one, name);
	if (wanted)
		return json_equal(wanted, got);
	snprintf(plural, sizeof(plural), "results%s", name + strlen("result"));
	several = json_object_get(one, plural);
	assert_true(json_array_size(several) > 0);
	for (i = 0; i < json_array_size(several); i++)
		if (json_equal(json_array_get(several, i), got))
			return true;
	return false;
}

static void
check_nodes(const json_t *one, const struct jsonpath *path)
{
	const json_t *document = json_object_get(one, "document");
	struct jsonpath_nodes *nodes;
	json_t *values, *paths;
	json_t *first = NULL;
	int rc;

	assert_int_equal(jsonpath_select(path, document, NULL, &nodes), 0);
	lists_of(nodes, &values, &paths);
	if (!is_as_wanted(one, "result", values))
		fail_msg("gave %s", json_dumps(values, JSON_COMPACT));
	if (!is_as_wanted(one, "result_paths", paths))
		fail_msg("stands at %s", json_dumps(paths, JSON_COMPACT));
	rc = jsonpath_first(path, document, NULL, &first);
	assert_int_equal(rc, json_array_size(values) ? 0 : ERR_NOT_FOUND);
	assert_ptr_equal(first, json_array_get(values, 0));
	if (jsonpath_is_singular(path))
		assert_true(json_array_size(values) <= 1);
	json_decref(values);
	json_decref(paths);
	jsonpath_nodes_free(nodes);
}

static void
suite_case(void **state)
{
	const json_t *one = *state;
	struct slice text = string_of(json_object_get(one, "selector"));
	struct jsonpath_problem problem = { 0 };
	struct jsonpath *path;
	int rc = jsonpath_compile(text, NULL, &path, &problem);

	if (json_is_true(json_object_get(one, "invalid_selector"))) {
		assert_int_equal(rc, ERR_INVALID);
		assert_null(path);
		assert_true(problem.offset <= text.len);
		assert_true(problem.detail[0] != 0);
		return;
	}
	if (rc)
		fail_msg("%.*s, column %u: %s", SLICE_ARG(text), problem.column,
			 problem.detail);
	check_nodes(one, path);
	jsonpath_free(path);
}

static void
suite_is_not_here(void **state)
{
	(void)state;
	skip();
}

/* ---- finding it ---- */

/* The project's folder is this one or one above it. */
static void
go_to_root(void)
{
	unsigned up;

	for (up = 0; up < 16 && access("ARCHITECTURE.md", R_OK); up++)
		if (chdir(".."))
			break;
}

static json_t *
suite_load(char *place, size_t size)
{
	const char *suites = getenv("SUITES");
	json_error_t error;
	json_t *suite;

	if (!suites || !*suites) {
		go_to_root();
		suites = "../shared/data";
	}
	snprintf(place, size, "%s/jsonpath/cts.json", suites);
	if (access(place, R_OK))
		return NULL;
	suite = json_load_file(place, JSON_ALLOW_NUL, &error);
	if (suite)
		return suite;
	fprintf(stderr, "%s:%d: %s\n", place, error.line, error.text);
	exit(1);
}

static int
skip_all(const char *place)
{
	const struct CMUnitTest none[] = {
		cmocka_unit_test(suite_is_not_here),
	};

	printf("# skipped: there is no %s (set SUITES)\n", place);
	return cmocka_run_group_tests_name("jsonpath suite", none, NULL, NULL);
}

int
main(void)
{
	struct CMUnitTest *tests;
	json_t *suite, *all, *one;
	char place[4096];
	size_t i, count;
	int bad;

	suite = suite_load(place, sizeof(place));
	if (!suite)
		return skip_all(place);
	all = json_object_get(suite, "tests");
	count = json_array_size(all);
	if (count < CASES_AT_LEAST) {
		fprintf(stderr, "%s: only %zu cases\n", place, count);
		return 1;
	}
	tests = calloc(count, sizeof(*tests));
	json_array_foreach(all, i, one)
	{
		tests[i].name = json_string_value(json_object_get(one, "name"));
		tests[i].test_func = suite_case;
		tests[i].initial_state = one;
	}
	bad = _cmocka_run_group_tests("jsonpath suite", tests, count, NULL,
				      NULL);
	printf("# the compliance suite has %zu cases, %d failed\n", count, bad);
	free(tests);
	json_decref(suite);
	return bad ? 1 : 0;
}
