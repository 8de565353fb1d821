/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSONPath: what the compliance suite does not ask.  Problems for people,
 * exact numbers, normalized paths.
 */
#include "../support/jsonpath_world.h"

/* ---- the grammar ---- */

static void
a_problem_says_where_and_what_was_expected(void **state)
{
	(void)state;
	refused("", 1, "begins with $");
	refused("data", 1, "begins with $");
	refused("$.data[0].", 11, "expected a name or *");
	refused("$.0", 3, "cannot begin with a digit");
	refused("$.data[0", 7, "without its ]");
	refused("$[0 1]", 5, "expected , or ]");
	refused("$[data]", 3, "in quotes");
	refused("$[]", 3, "expected a selector");
	refused("$['data", 3, "without its closing '");
	refused("$.data ", 7, "between segments only");
	refused("$data", 2, "expected . or [");
	refused("$[01]", 3, "begin with a zero");
	refused("$[-0]", 3, "write 0");
	refused("$[9007199254740992]", 3, "out of range");
	refused("$['\\x']", 4, "no such escape");
	refused("$['\\ud800']", 4, "surrogate");
	refused("$['\\u12']", 8, "four hexadecimal digits");
	refused("$['a\tb']", 5, "\\u0009");
	/* Columns are characters, not bytes. */
	refused("$['\xc3\xb6\xf0\x9f\x98\x80'", 2, "without its ]");
	refused("$.\xc3\xb6\xf0\x9f\x98\x80!", 5, "expected . or [");
}

static void
a_problem_in_a_filter_says_so_too(void **state)
{
	(void)state;
	refused("$[?]", 4, "expected @, $");
	refused("$[?@.a=1]", 7, "expected , or ]");
	refused("$[?@.a==abc]", 9, "stands in quotes");
	refused("$[?(@.a]", 8, "expected ), && or ||");
	refused("$[?(@.a", 4, "without its )");
	refused("$[?!@.a==1]", 5, "in parentheses");
	refused("$[?(@.a)==1]", 9, "no value to compare");
	refused("$[?1]", 4, "must be compared");
	refused("$[?@.*==1]", 4, "several values");
	refused("$[?1==@..a]", 7, "several values");
	refused("$[?len(@)>1]", 4,
		"there are length, count, match, search, value");
	refused("$[?length(@)]", 4, "must be compared");
	refused("$[?length(@.*)>1]", 11, "several values");
	refused("$[?length()>1]", 11, "expected @, $");
	refused("$[?length(@,@)>1]", 12, "takes 1 argument");
	refused("$[?match(@)]", 11, "takes 2 arguments");
	refused("$[?match(@,'a')==true]", 4, "true or false by itself");
	refused("$[?count('a')>1]", 10, "expected a query");
	refused("$[?@.a==1e]", 11, "exponent");
	refused("$[?@.a==1.]", 11, "after the point");
}

static void
what_is_no_utf8_is_refused(void **state)
{
	(void)state;
	refused("$['\xff']", 4, "UTF-8");
	refused("$.a\xc3", 4, "UTF-8");
	refused("$['\xed\xa0\x80']", 4, "UTF-8");
	refused("\xef\xbb\xbf$", 1, "begins with $");
}

/* RFC 9535 section 2.3.5.1: name-segment and index-segment have none. */
static void
blanks_in_brackets_are_not_for_comparisons(void **state)
{
	(void)state;
	gives("$[?@['a'] == 1]", "[{\"a\":1}]", "[{\"a\":1}]");
	gives("$[?@ ['a'] [0] == 1]", "[{\"a\":[1]}]", "[{\"a\":[1]}]");
	gives("$[?@[ 'a' ]]", "[{\"a\":1}]", "[{\"a\":1}]");
	refused("$[?@[ 'a'] == 1]", 4, "no blanks");
	refused("$[?@['a' ] == 1]", 4, "no blanks");
	refused("$[?1 == $[0\n]]", 9, "no blanks");
	refused("$[?length(@[ 0]) == 1]", 11, "no blanks");
}

static void
singular_queries_are_known(void **state)
{
	static const struct {
		const char *query;
		bool singular;
	} all[] = {
		{ "$", true },		 { "$.a[0]['b'][-1]", true },
		{ "$[ 'a' ]", true },	 { "$.*", false },
		{ "$..a", false },	 { "$[0,1]", false },
		{ "$['a','a']", false }, { "$[0:1]", false },
		{ "$[?@]", false },	 { "$.a[*].b", false },
	};
	struct jsonpath *path;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(all); i++) {
		path = compile_good(all[i].query);
		if (jsonpath_is_singular(path) != all[i].singular)
			fail_msg("%s", all[i].query);
		jsonpath_free(path);
	}
}

static void
names_may_be_any_text(void **state)
{
	(void)state;
	gives("$['\\u00f6\\ud83d\\ude00\\'\\n']",
	      "{\"\xc3\xb6\xf0\x9f\x98\x80'\\n\":1}", "[1]");
	gives("$[\"\\\"\\\\\\/\\b\\f\\r\\t\"]", "{\"\\\"\\\\/\\b\\f\\r\\t\":1}",
	      "[1]");
	gives("$['']", "{\"\":1}", "[1]");
	/* No member has a NUL in its name; the query is fine. */
	gives("$['a\\u0000']", "{\"a\":1}", "[]");
	gives("$.\xe6\x97\xa5\xe6\x9c\xac", "{\"\xe6\x97\xa5\xe6\x9c\xac\":1}",
	      "[1]");
	gives("$[?@=='\\u0000']", "[\"\\u0000\",\"\"]", "[\"\\u0000\"]");
}

/* ---- comparing ---- */

static void
whole_numbers_are_compared_exactly(void **state)
{
	(void)state;
	gives("$[?@==9007199254740993]",
	      "[9007199254740992,9007199254740993,9007199254740994]",
	      "[9007199254740993]");
	gives("$[?@==9223372036854775807]",
	      "[9223372036854775807,9223372036854775806]",
	      "[9223372036854775807]");
	gives("$[?@<9223372036854775808]", "[9223372036854775807]",
	      "[9223372036854775807]");
	gives("$[?@==-9223372036854775808]",
	      "[-9223372036854775808,-9223372036854775807]",
	      "[-9223372036854775808]");
	/* 2^53 + 1 is no double: one that is near is not equal. */
	gives("$[?@==9007199254740992.0]",
	      "[9007199254740992,9007199254740993]", "[9007199254740992]");
	gives("$[?@>$[0]]", "[9007199254740993,9007199254740992.0]", "[]");
	gives("$[?@<$[0]]", "[9007199254740993,9007199254740992.0]",
	      "[9007199254740992.0]");
}

static void
whole_or_not_a_number_is_what_it_is(void **state)
{
	(void)state;
	gives("$[?@==1]", "[1,1.0,10e-1,1.5,\"1\",true]", "[1,1.0,1.0]");
	gives("$[?@==1e0]", "[1,1.0,2]", "[1,1.0]");
	gives("$[?@==-0]", "[0,-0,0.0,-0.0]", "[0,0,0.0,-0.0]");
	gives("$[?@>-1.5]", "[-1,-2,-1.5,-1.25]", "[-1,-1.25]");
	gives("$[?@<1e400]", "[1,1e308,\"a\"]", "[1,1e308]");
	gives("$[?@>-1e400]", "[-1,-1e308]", "[-1,-1e308]");
	gives("$[?@<=99999999999999999999]", "[9223372036854775807,1e21]",
	      "[9223372036854775807]");
	gives("$[?@.a==$[1].a]",
	      "[{\"a\":[1,{\"b\":2.0}]},"
	      "{\"a\":[1.0,{\"b\":2}]}]",
	      "[{\"a\":[1,{\"b\":2.0}]},{\"a\":[1.0,{\"b\":2}]}]");
}

static void
strings_are_in_the_order_of_their_characters(void **state)
{
	(void)state;
	/* U+FF5E is before U+1F600, though not in UTF-16. */
	gives("$[?@<'\\ud83d\\ude00']",
	      "[\"\xef\xbd\x9e\",\"\xf0\x9f\x98\x81\"]", "[\"\xef\xbd\x9e\"]");
	gives("$[?@<'ab']", "[\"a\",\"ab\",\"abc\",\"\",\"B\"]",
	      "[\"a\",\"\",\"B\"]");
	gives("$[?@>='ab']", "[\"a\",\"ab\",\"abc\"]", "[\"ab\",\"abc\"]");
}

static void
nothing_equals_nothing_and_is_not_null(void **state)
{
	(void)state;
	gives("$[?@.a==@.b]", "[{},{\"a\":null},{\"a\":1,\"b\":1}]",
	      "[{},{\"a\":1,\"b\":1}]");
	gives("$[?@.a==null]", "[{},{\"a\":null}]", "[{\"a\":null}]");
	gives("$[?@.a<=@.b]", "[{}]", "[{}]");
	gives("$[?@.a<@.b]", "[{}]", "[]");
	gives("$[?length(@.a)==length(@.b)]", "[{\"a\":1,\"b\":true}]",
	      "[{\"a\":1,\"b\":true}]");
	gives("$[?value(@.*)==@.none]", "[[],[1],[1,2]]", "[[],[1,2]]");
}

static void
objects_are_equal_in_any_order(void **state)
{
	(void)state;
	gives("$[?@==$[0]]",
	      "[{\"a\":1,\"b\":[{}]},{\"b\":[{}],\"a\":1},{\"a\":1},"
	      "{\"a\":1,\"b\":[{}],\"c\":1},{\"a\":1,\"c\":[{}]}]",
	      "[{\"a\":1,\"b\":[{}]},{\"b\":[{}],\"a\":1}]");
	gives("$[?@<=$[0]]", "[{\"a\":1},{\"a\":1.0},{\"a\":0}]",
	      "[{\"a\":1},{\"a\":1.0}]");
}

static void
and_binds_closer_than_or(void **state)
{
	(void)state;
	gives("$[?@.a || @.b && @.c]",
	      "[{\"a\":1},{\"b\":1},{\"b\":1,\"c\":1}]",
	      "[{\"a\":1},{\"b\":1,\"c\":1}]");
	gives("$[?(@.a || @.b) && @.c]",
	      "[{\"a\":1},{\"b\":1},{\"b\":1,\"c\":1}]", "[{\"b\":1,\"c\":1}]");
	gives("$[?!(!(@.a))]", "[{\"a\":1},{}]", "[{\"a\":1}]");
	gives("$[?!(@.a && @.b) || !@.c]",
	      "[{\"a\":1,\"b\":1,\"c\":1},{\"a\":1,\"c\":1},{}]",
	      "[{\"a\":1,\"c\":1},{}]");
}

static void
length_counts_characters(void **state)
{
	(void)state;
	gives("$[?length(@)==2]",
	      "[\"ab\",\"\xc3\xb6\xf0\x9f\x98\x80\",[1,2],{\"a\":1,\"b\":2},"
	      "2,\"a\"]",
	      "[\"ab\",\"\xc3\xb6\xf0\x9f\x98\x80\",[1,2],"
	      "{\"a\":1,\"b\":2}]");
}

/* ---- results ---- */

static void
a_node_knows_its_normalized_path(void **state)
{
	static const char *const wanted[] = {
		"$", "$['a']", "$['a'][0]", "$['a'][1]['b']", "$['a'][1]",
	};
	json_t *document = read_json("{\"a\":[1,{\"b\":2}]}");
	struct jsonpath_nodes *nodes;
	size_t i, k, seen = 0;
	struct buf path;

	(void)state;
	assert_int_equal(select_with("$..*", document, NULL, &nodes), 0);
	assert_int_equal(jsonpath_nodes_count(nodes), 4);
	buf_init(&path, 1000);
	for (i = 0; i < jsonpath_nodes_count(nodes); i++) {
		buf_reset(&path);
		assert_int_equal(jsonpath_nodes_path(nodes, i, &path), 0);
		for (k = 1; k < ARRAY_LEN(wanted); k++)
			seen |= (size_t)!strcmp(buf_cstr(&path), wanted[k])
				<< k;
	}
	assert_int_equal(seen, 2 | 4 | 8 | 16);
	jsonpath_nodes_free(nodes);
	assert_int_equal(select_with("$", document, NULL, &nodes), 0);
	buf_reset(&path);
	assert_int_equal(jsonpath_nodes_path(nodes, 0, &path), 0);
	assert_string_equal(buf_cstr(&path), wanted[0]);
	jsonpath_nodes_free(nodes);
	buf_release(&path);
	buf_init(&path, 5);
	assert_int_equal(select_with("$.a[0]", document, NULL, &nodes), 0);
	assert_int_equal(jsonpath_nodes_path(nodes, 0, &path), ERR_TOO_LARGE);
	jsonpath_nodes_free(nodes);
	buf_release(&path);
	json_decref(document);
}

/* RFC 9535 section 2.7: what must be escaped, and nothing else. */
static void
a_normalized_path_is_made_of_steps(void **state)
{
	const struct jsonpath_step steps[] = {
		{ .name = SLICE("data") },
		{ .is_index = true, .index = 12 },
		{ .name = SLICE("it's \"\\\"/") },
		{ .name = SLICE("\b\f\n\r\t\v\x1f\x7f") },
		{ .name = SLICE("\0") },
		{ .name = SLICE("\xc3\xb6") },
		{ .name = SLICE_NONE },
	};
	struct buf path;

	(void)state;
	buf_init(&path, 1000);
	assert_int_equal(jsonpath_normalize(NULL, 0, &path), 0);
	assert_string_equal(buf_cstr(&path), "$");
	buf_reset(&path);
	assert_int_equal(jsonpath_normalize(steps, ARRAY_LEN(steps), &path), 0);
	assert_string_equal(buf_cstr(&path),
			    "$['data'][12]['it\\'s \"\\\\\"/']"
			    "['\\b\\f\\n\\r\\t\\u000b\\u001f\x7f']['\\u0000']"
			    "['\xc3\xb6']['']");
	buf_release(&path);
}

static void
a_normalized_path_leads_back_to_its_node(void **state)
{
	json_t *document =
		read_json("{\"a'\\n\\u0001\":[[],{\"\":{\"\xc3\xb6\":"
			  "[null]}}],\"b\":{\"c\":[1,2,[3]]}}");
	struct jsonpath_nodes *nodes;
	struct jsonpath *path;
	struct buf text;
	json_t *value;
	size_t i;

	(void)state;
	assert_int_equal(select_with("$..*", document, NULL, &nodes), 0);
	assert_int_equal(jsonpath_nodes_count(nodes), 12);
	buf_init(&text, 1000);
	for (i = 0; i < 12; i++) {
		buf_reset(&text);
		assert_int_equal(jsonpath_nodes_path(nodes, i, &text), 0);
		path = compile_good(buf_cstr(&text));
		assert_true(jsonpath_is_singular(path));
		assert_int_equal(jsonpath_first(path, document, NULL, &value),
				 0);
		assert_ptr_equal(value, jsonpath_nodes_value(nodes, i));
		jsonpath_free(path);
	}
	buf_release(&text);
	jsonpath_nodes_free(nodes);
	json_decref(document);
}

static void
results_come_in_the_order_of_selectors(void **state)
{
	(void)state;
	gives("$[2,0,0]", "[1,2,3]", "[3,1,1]");
	gives("$[::-2]", "[1,2,3,4]", "[4,2]");
	gives("$..[0]", "[[1,2],[3]]", "[[1,2],1,3]");
	gives("$['b','a'].x", "{\"a\":{\"x\":1},\"b\":{\"x\":2}}", "[2,1]");
}

static void
the_first_node_is_had_alone(void **state)
{
	json_t *document = read_json("{\"data\":[{\"subject\":\"Hello\"},1]}");
	struct jsonpath *path = compile_good("$.data[0].subject");
	json_t *value;

	(void)state;
	assert_int_equal(jsonpath_first(path, document, NULL, &value), 0);
	assert_string_equal(json_string_value(value), "Hello");
	jsonpath_free(path);
	path = compile_good("$.data[*]");
	assert_int_equal(jsonpath_first(path, document, NULL, &value), 0);
	assert_true(json_is_object(value));
	jsonpath_free(path);
	path = compile_good("$.data[2]");
	assert_int_equal(jsonpath_first(path, document, NULL, &value),
			 ERR_NOT_FOUND);
	assert_null(value);
	jsonpath_free(path);
	json_decref(document);
}

static void
the_document_is_left_as_it_was(void **state)
{
	json_t *document = read_json("{\"a\":[{\"b\":\"x\"},2]}");
	json_t *before = json_deep_copy(document);
	const json_t *inner = json_object_get(document, "a");
	struct jsonpath_nodes *nodes;

	(void)state;
	assert_int_equal(select_with("$..[?@.b=='x' || match(@.b,'x')]",
				     document, NULL, &nodes),
			 0);
	assert_int_equal(jsonpath_nodes_count(nodes), 1);
	assert_int_equal(inner->refcount, 1);
	assert_int_equal(jsonpath_nodes_value(nodes, 0)->refcount, 1);
	jsonpath_nodes_free(nodes);
	assert_true(json_equal(before, document));
	json_decref(before);
	json_decref(document);
}

/* The names in paths are the document's, not the query's. */
static void
nodes_outlive_their_query(void **state)
{
	json_t *document = json_object(), *inner = json_object();
	struct jsonpath_nodes *nodes;
	struct buf path;

	(void)state;
	json_object_setn_new(inner, "b\0c", 3, json_true());
	json_object_setn_new(inner, "b", 1, json_true());
	json_object_set_new(document, "a", inner);
	buf_init(&path, 100);
	assert_int_equal(
		select_with("$.a['b\\u0000c']", document, NULL, &nodes), 0);
	assert_int_equal(jsonpath_nodes_count(nodes), 1);
	assert_int_equal(jsonpath_nodes_path(nodes, 0, &path), 0);
	assert_string_equal(buf_cstr(&path), "$['a']['b\\u0000c']");
	jsonpath_nodes_free(nodes);
	buf_release(&path);
	json_decref(document);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_problem_says_where_and_what_was_expected),
		cmocka_unit_test(a_problem_in_a_filter_says_so_too),
		cmocka_unit_test(what_is_no_utf8_is_refused),
		cmocka_unit_test(blanks_in_brackets_are_not_for_comparisons),
		cmocka_unit_test(singular_queries_are_known),
		cmocka_unit_test(names_may_be_any_text),
		cmocka_unit_test(whole_numbers_are_compared_exactly),
		cmocka_unit_test(whole_or_not_a_number_is_what_it_is),
		cmocka_unit_test(strings_are_in_the_order_of_their_characters),
		cmocka_unit_test(nothing_equals_nothing_and_is_not_null),
		cmocka_unit_test(objects_are_equal_in_any_order),
		cmocka_unit_test(and_binds_closer_than_or),
		cmocka_unit_test(length_counts_characters),
		cmocka_unit_test(a_node_knows_its_normalized_path),
		cmocka_unit_test(a_normalized_path_is_made_of_steps),
		cmocka_unit_test(a_normalized_path_leads_back_to_its_node),
		cmocka_unit_test(results_come_in_the_order_of_selectors),
		cmocka_unit_test(the_first_node_is_had_alone),
		cmocka_unit_test(the_document_is_left_as_it_was),
		cmocka_unit_test(nodes_outlive_their_query),
	};

	return cmocka_run_group_tests_name("jsonpath", tests, NULL, NULL);
}
