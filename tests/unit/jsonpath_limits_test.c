/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSONPath's limits: queries and documents that are made to hurt end soon,
 * and what is merely large does not.
 */
#include "../support/jsonpath_world.h"

static void
a_query_is_bounded(void **state)
{
	const struct jsonpath_limits limits = { .text_bytes = 10,
						.query_depth = 3 };
	struct jsonpath_problem problem;
	struct jsonpath *path;

	(void)state;
	assert_int_equal(
		jsonpath_compile(SLICE("$.a.b.c.d."), &limits, &path, &problem),
		ERR_INVALID);
	assert_int_equal(jsonpath_compile(SLICE("$.a.b.c.dee"), &limits, &path,
					  &problem),
			 ERR_TOO_LARGE);
	assert_null(path);
	assert_string_equal(problem.detail, "a query has at most 10 bytes");
	assert_int_equal(
		jsonpath_compile(SLICE("$[?(@)]"), &limits, &path, NULL), 0);
	jsonpath_free(path);
	assert_int_equal(
		jsonpath_compile(SLICE("$[?((@))]"), &limits, &path, &problem),
		ERR_TOO_LARGE);
	assert_string_equal(problem.detail, "nested deeper than 3 levels");
	assert_int_equal(problem.column, 7);
}

static void
deep_nesting_of_any_kind_is_refused(void **state)
{
	static const char *const pieces[] = { "(",   "!(",	"@[?",
					      "$[?", "length(", "count(@[?" };
	struct jsonpath *path;
	char *query;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(pieces); i++) {
		query = repeat("$[?", pieces[i], 800, "");
		assert_int_equal(
			jsonpath_compile(slice_str(query), NULL, &path, NULL),
			ERR_TOO_LARGE);
		free(query);
	}
}

static void
long_queries_are_fine(void **state)
{
	static const char *const all[][3] = {
		{ "$[0", ",*", "]" },	       { "$", ".a", "" },
		{ "$[?@", "||@", "]" },	       { "$[?1<2", "&&1<2", "]" },
		{ "$[''", ",''", "]" },	       { "$[?1==1.5", "||1==1.5", "]" },
		{ "$[?@[0]", "&&$[::]", "]" }, { "$", "[?@]", "" },
	};
	struct jsonpath *path;
	char *query;
	size_t i, n;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		n = (8192 - strlen(all[i][0]) - strlen(all[i][2])) /
		    strlen(all[i][1]);
		query = repeat(all[i][0], all[i][1], n, all[i][2]);
		path = compile_good(query);
		jsonpath_free(path);
		free(query);
	}
}

static void
results_are_bounded(void **state)
{
	const struct jsonpath_limits limits = { .nodes = 3 };
	char got[64];

	(void)state;
	assert_int_equal(run("$[*]", "[1,2,3]", &limits, got, sizeof(got)), 0);
	costs_too_much("$[*]", "[1,2,3,4]", &limits);
	/* Inside a filter they are only counted. */
	assert_int_equal(run("$[?count(@.*)==4]", "[[1,2,3,4]]", &limits, got,
			     sizeof(got)),
			 0);
	assert_string_equal(got, "[[1,2,3,4]]");
}

static void
a_document_deeper_than_the_limit_is_not_followed(void **state)
{
	const struct jsonpath_limits limits = { .document_depth = 2 };
	char got[64], *deep;

	(void)state;
	assert_int_equal(run("$..*", "[[1]]", &limits, got, sizeof(got)), 0);
	costs_too_much("$..*", "[[[1]]]", &limits);
	costs_too_much("$[0][0][0]", "[[[1]]]", &limits);
	assert_int_equal(run("$[0][0]", "[[[1]]]", &limits, got, sizeof(got)),
			 0);
	costs_too_much("$[?@[0][0]]", "[[[1]]]", &limits);
	/* Comparing goes down, too. */
	costs_too_much("$[?@==$[0]]", "[[[[[1]]]],[[[[1]]]]]", &limits);
	/* The default, in both directions. */
	deep = repeat("", "[", 101, "");
	deep = realloc(deep, 300);
	memset(deep + 101, ']', 101);
	deep[202] = 0;
	assert_int_equal(run("$..*", deep, NULL, got, sizeof(got)), 0);
	memset(deep, '[', 102);
	memset(deep + 102, ']', 102);
	deep[204] = 0;
	costs_too_much("$..*", deep, NULL);
	free(deep);
}

/* As deep as limits go, in query and document at once. */
static void
the_deepest_of_all_fits_the_stack(void **state)
{
	const struct jsonpath_limits limits = { .text_bytes = 1 << 16,
						.query_depth = 24,
						.document_depth = 128 };
	char *down = repeat("$", "[0]", 128, "");
	json_t *document = json_integer(7);
	struct jsonpath_nodes *nodes;
	struct jsonpath *path;
	struct buf query;
	unsigned i;

	(void)state;
	for (i = 0; i < 129; i++)
		document = json_pack("[o]", document);
	buf_init(&query, 1 << 16);
	/* A filter goes one level down itself. */
	for (i = 0; i < 23; i++)
		buf_printf(&query, "%.*s[?", 1 + 127 * 3, down);
	buf_puts(&query, "@");
	for (i = 0; i < 23; i++)
		buf_puts(&query, "]");
	assert_int_equal(
		jsonpath_compile(buf_slice(&query), &limits, &path, NULL), 0);
	assert_int_equal(jsonpath_select(path, document, &limits, &nodes), 0);
	assert_int_equal(jsonpath_nodes_count(nodes), 1);
	jsonpath_nodes_free(nodes);
	jsonpath_free(path);
	buf_release(&query);
	json_decref(document);
	free(down);
}

/* Each of these would run for years. */
static void
work_is_bounded(void **state)
{
	char *document = repeat("[0", ",0", 999, "]");
	char *query = repeat("$", "[*,*]", 40, "");
	char *nest = repeat("[", "[[[[[[[[]]]]]]]],", 50, "0]");

	(void)state;
	costs_too_much("$[?count($[?count($[?count($[?$[9]])==1])==1])==1]",
		       document, NULL);
	costs_too_much("$..[?$..[?$..[?$..[?$..[?@==7]]]]]", nest, NULL);
	costs_too_much(query,
		       "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]"
		       "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
		       &(struct jsonpath_limits){ .nodes = SIZE_MAX });
	free(document);
	free(query);
	free(nest);
}

static void
selectors_that_find_nothing_cost_as_well(void **state)
{
	char *query = repeat("$..[5", ",5", 4000, "]");
	char *document = repeat("[[]", ",[]", 4000, "]");

	(void)state;
	costs_too_much(query, document, NULL);
	free(query);
	free(document);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_query_is_bounded),
		cmocka_unit_test(deep_nesting_of_any_kind_is_refused),
		cmocka_unit_test(long_queries_are_fine),
		cmocka_unit_test(results_are_bounded),
		cmocka_unit_test(
			a_document_deeper_than_the_limit_is_not_followed),
		cmocka_unit_test(the_deepest_of_all_fits_the_stack),
		cmocka_unit_test(work_is_bounded),
		cmocka_unit_test(selectors_that_find_nothing_cost_as_well),
	};

	return cmocka_run_group_tests_name("jsonpath limits", tests, NULL,
					   NULL);
}
