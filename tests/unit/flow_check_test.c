/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: every problem is told, with its block and pointer. */
#include "../support/flow_world.h"

#define START "{'id': 'start', 'type': 'start', 'paths': {'next': 'a'}},"
#define END ",{'id': 'z', 'type': 'end'}"

static const struct {
	const char *blocks;
	const char *code, *block, *pointer;
} cases[] = {
	{ "{'id': 'start', 'type': 'start'}", "missing_exit", "start",
	  "/blocks/0/paths/next" },
	{ START "{'id': 'a', 'type': 'massage'}", "unknown_type", "a",
	  "/blocks/1/type" },
	{ START "{'id': 'A', 'type': 'end'}", "invalid_id", "A",
	  "/blocks/1/id" },
	{ START "{'id': 'a', 'type': 'end', 'txt': 'x'}", "unknown_field", "a",
	  "/blocks/1/txt" },
	{ START "{'id': 'a', 'type': 'end', 'text': 7}", "invalid", "a",
	  "/blocks/1/text" },
	{ START "{'id': 'a', 'type': ''}", "unknown_type", "a",
	  "/blocks/1/type" },
	{ START "{'id': '', 'type': 'end'}", "invalid_id", NULL,
	  "/blocks/1/id" },
	{ START "{'id': 'a', 'type': 'condition', 'branches': [{'id': 'b', "
		"'when': {'left': 1, 'op': '', 'right': 1}}], 'paths': {'b': "
		"'z', 'else': 'z'}}" END,
	  "invalid", "a", "/blocks/1/branches/0/when/op" },
	{ "{'id': 'start', 'type': 'start', 'paths': {'next': 'b'}}" END,
	  "no_such_block", "start", "/blocks/0/paths/next" },
	{ "{'id': 'start', 'type': 'start', 'paths': {'next': 'z', 'no': "
	  "'z'}}" END,
	  "unknown_exit", "start", "/blocks/0/paths/no" },
	{ START "{'id': 'a', 'type': 'end'},{'id': 'a', 'type': 'end'}",
	  "duplicate_id", "a", "/blocks/2/id" },
	{ START "{'id': 'a', 'type': 'end'},{'id': 'b', 'type': 'start', "
		"'paths': {'next': 'a'}}",
	  "second_start", "b", "/blocks/2" },
	{ "{'id': 'a', 'type': 'end'}", "no_start", NULL, "/blocks" },
	{ START "{'id': 'a', 'type': 'end'}" END, "unreachable", "z",
	  "/blocks/2" },
	{ START "{'id': 'a', 'type': 'end', 'text': 'Hi {{input.nmae}}'}",
	  "unknown_variable", "a", "/blocks/1/text" },
	{ START "{'id': 'a', 'type': 'end', 'text': 'Hi {{input.name'}",
	  "template", "a", "/blocks/1/text" },
	{ START "{'id': 'a', 'type': 'message', 'content': [{'type': 'text', "
		"'text': 'x'}], 'paths': {'next': 'a'}}",
	  "loop", "a", "/blocks/1" },
	{ START "{'id': 'a', 'type': 'jump', 'to': {'block': 'a'}}", "loop",
	  "a", "/blocks/1" },
	{ START "{'id': 'a', 'type': 'jump', 'to': {'block': 'q'}}",
	  "no_such_block", "a", "/blocks/1/to" },
	{ START "{'id': 'a', 'type': 'message', 'content': [{'type': 'image', "
		"'url': 'javascript:x', 'alt': ''}], 'paths': {'next': "
		"'z'}}" END,
	  "invalid_url", "a", "/blocks/1/content/0/url" },
	{ START "{'id': 'a', 'type': 'set', 'set': [{'variable': 'flow.m', "
		"'value': 1}], 'paths': {'next': 'z'}}" END,
	  "unknown_variable", "a", "/blocks/1/set/0/variable" },
	{ START "{'id': 'a', 'type': 'set', 'set': [{'variable': 'global.m', "
		"'value': 1}], 'paths': {'next': 'z'}}" END,
	  "invalid_variable", "a", "/blocks/1/set/0/variable" },
	{ START "{'id': 'a', 'type': 'question', 'text': 'x', 'variable': "
		"'x', 'validation': {'pattern': '['}, 'paths': {'next': "
		"'z'}}" END,
	  "pattern", "a", "/blocks/1/validation/pattern" },
	{ START "{'id': 'a', 'type': 'question', 'text': 'x', 'kind': "
		"'number', 'variable': 'x', 'validation': {'min': 2, 'max': "
		"1}, 'paths': {'next': 'z'}}" END,
	  "invalid_range", "a", "/blocks/1/validation/max" },
	{ START "{'id': 'a', 'type': 'question', 'text': 'x', 'kind': "
		"'choice', 'variable': 'x', 'paths': {'next': 'z'}}" END,
	  "missing_field", "a", "/blocks/1/choices" },
	{ START "{'id': 'a', 'type': 'choice', 'text': 'x', 'choices': "
		"[{'id': 'u', 'label': 'U'}, {'id': 'u', 'label': 'V'}], "
		"'paths': {'u': 'z'}}" END,
	  "duplicate_id", "a", "/blocks/1/choices/1/id" },
	{ START "{'id': 'a', 'type': 'condition', 'branches': [{'id': 'u', "
		"'when': {'left': '{{flow.n}}', 'op': 'near', 'right': 1}}], "
		"'paths': {'u': 'z', 'else': 'z'}}" END,
	  "invalid", "a", "/blocks/1/branches/0/when/op" },
};

static bool
has_problem(const json_t *problems, const char *code, const char *block,
	    const char *pointer)
{
	const json_t *p, *b;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)problems, i, p)
	{
		b = json_object_get(p, "block");
		if (strcmp(json_string_value(json_object_get(p, "code")),
			   code) ||
		    strcmp(json_string_value(json_object_get(p, "pointer")),
			   pointer))
			continue;
		if (block ? json_is_string(b) &&
				    !strcmp(json_string_value(b), block)
			  : json_is_null(b))
			return true;
	}
	return false;
}

static void
each_problem_names_its_block(void **state)
{
	struct flow_document *d;
	json_t *json, *problems;
	char *text;
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		json = flow_of(cases[i].blocks);
		rc = flow_compile(json, NULL, &problems, &d);
		if (!has_problem(problems, cases[i].code, cases[i].block,
				 cases[i].pointer)) {
			text = json_dumps(problems, 0);
			print_error("%zu: no %s in %s\n", i, cases[i].code,
				    text);
			free(text);
			fail();
		}
		assert_int_equal(rc, strcmp(cases[i].code, "unreachable")
					     ? ERR_INVALID
					     : 0);
		flow_document_unref(d);
		json_decref(problems);
		json_decref(json);
	}
}

static void
all_problems_are_told_at_once(void **state)
{
	json_t *json = flow_of("{'id': 'start', 'type': 'start', 'x': 1, "
			       "'paths': {'next': 'q'}}, {'id': 'b', 'type': "
			       "'mesage'}, {'id': 'b', 'type': 'end', "
			       "'text': '{{nope'}, 5");
	struct flow_document *d;
	json_t *problems;

	(void)state;
	assert_int_equal(flow_compile(json, NULL, &problems, &d), ERR_INVALID);
	assert_null(d);
	assert_true(
		has_problem(problems, "unknown_field", "start", "/blocks/0/x"));
	assert_true(has_problem(problems, "no_such_block", "start",
				"/blocks/0/paths/next"));
	assert_true(
		has_problem(problems, "unknown_type", "b", "/blocks/1/type"));
	assert_true(has_problem(problems, "duplicate_id", "b", "/blocks/2/id"));
	json_decref(problems);
	json_decref(json);
}

/* What a message says of variables, when block.a and block.ab are set. */
static void
variables_are_known_at_above_and_below_what_is_set(void **state)
{
	static const struct {
		const char *text;
		const char *detail; /* NULL: nothing is wrong */
	} texts[] = {
		{ "{{block.a}} {{block.a.b}} {{block.a[0].c}} {{block}}",
		  NULL },
		{ "{{global.x.y}} {{session.lang}} {{flow.n}} {{input.q}}",
		  NULL },
		{ "{{block.abc}}", "There is no variable block.abc; did you "
				   "mean block.ab?" },
		{ "{{flow.m}}", "There is no variable flow.m; did you mean "
				"flow.n?" },
		{ "{{session.nothing_like_it}}",
		  "There is no variable session.nothing_like_it." },
		{ "@blok.a", "@blok is text, for there is no such scope; did "
			     "you mean @block?" },
	};
	static const char *const globals[] = { "*", NULL };
	static const struct flow_world world = { .globals = globals };
	struct flow_document *d;
	json_t *json, *problems;
	char blocks[1024];
	const char *detail;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(texts); i++) {
		snprintf(blocks, sizeof(blocks),
			 START "{'id':'a','type':'set','set':[{'variable':"
			       "'block.a','value':1},{'variable':'block.ab',"
			       "'value':'x'}],'paths':{'next':'q'}},{'id':'q',"
			       "'type':'question','text':'?','variable':'q',"
			       "'paths':{'next':'e'}},{'id':'e','type':'end',"
			       "'text':'%s'}",
			 texts[i].text);
		json = flow_of(blocks);
		flow_compile(json, &world, &problems, &d);
		detail = json_string_value(
			json_object_get(json_array_get(problems, 0), "detail"));
		assert_int_equal(json_array_size(problems),
				 texts[i].detail ? 1 : 0);
		if (detail)
			assert_string_equal(detail, texts[i].detail);
		flow_document_unref(d);
		json_decref(problems);
		json_decref(json);
	}
}

/* Names of 40 letters, which differ in the middle. */
static void
put_name(struct buf *out, const char *scope, unsigned n)
{
	buf_printf(out, "%s.aaaaaaaaaaaaaaaaaa%04uaaaaaaaaaaaaaaaaaa", scope,
		   n);
}

enum { MANY_BLOCKS = 100, MANY_EACH = 50 };

static void
many_variables(struct buf *out)
{
	unsigned i, j;

	buf_puts(out, START);
	for (i = 0; i < MANY_BLOCKS; i++) {
		buf_printf(out, "{'id':'a%.0u','type':'set','set':[", i);
		for (j = 0; j < MANY_EACH; j++) {
			buf_puts(out, j ? ",{'variable':'" : "{'variable':'");
			put_name(out, "block", i * MANY_EACH + j);
			buf_puts(out, "','value':1}");
		}
		buf_printf(out,
			   "],'paths':{'next':'m%u'}},{'id':'m%u','type':"
			   "'message','content':[{'type':'text','text':'",
			   i, i);
		for (j = 0; j < MANY_EACH; j++) {
			buf_puts(out, "{{");
			put_name(out, "input", i * MANY_EACH + j);
			buf_puts(out, "}}");
		}
		buf_printf(out, "'}],'paths':{'next':'a%u'}},", i + 1);
	}
	buf_printf(out, "{'id':'a%u','type':'end'}", MANY_BLOCKS);
}

static void
many_variables_that_nothing_sets_are_told_soon(void **state)
{
	struct flow_document *d;
	struct timespec from, to;
	json_t *json, *problems;
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	many_variables(&text);
	json = flow_of(buf_cstr(&text));
	buf_release(&text);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	assert_int_equal(flow_compile(json, NULL, &problems, &d), ERR_INVALID);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	assert_in_range(to.tv_sec - from.tv_sec, 0, 6);
	assert_int_equal(json_array_size(problems), FLOW_PROBLEMS_MAX);
	assert_true(has_problem(problems, "unknown_variable", "m0",
				"/blocks/2/content/0/text"));
	json_decref(problems);
	json_decref(json);
}

static void
a_loop_with_a_question_is_fine(void **state)
{
	struct flow_document *d = flow_good(
		START "{'id': 'a', 'type': 'question', 'text': 'x', "
		      "'variable': 'x', 'paths': {'next': 'b'}}, {'id': 'b', "
		      "'type': 'message', 'content': [{'type': 'text', "
		      "'text': '{{input.x}} @flow.n {{session.lang}}'}], "
		      "'paths': {'next': 'a'}}");

	(void)state;
	flow_document_ref(d);
	flow_document_unref(d);
	flow_document_unref(d);
}

static void
origins_have_their_form(void **state)
{
	static const struct {
		const char *origin;
		bool fine;
	} origins[] = {
		{ "https://Example.org", true },
		{ "http://localhost:8080", true },
		{ "https://example.org/", false },
		{ "*", false },
		{ "null", false },
		{ "ftp://example.org", false },
		{ "https://", false },
	};
	struct flow_document *d;
	json_t *json, *problems;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(origins); i++) {
		json = flow_of(START "{'id': 'a', 'type': 'end'}");
		json_object_set_new(json, "channels",
				    json_pack("{s:{s:b, s:[s]}}", "widget",
					      "enabled", 1, "origins",
					      origins[i].origin));
		assert_int_equal(flow_compile(json, NULL, &problems, &d),
				 origins[i].fine ? 0 : ERR_INVALID);
		if (d && !i)
			assert_string_equal(flow_document_widget(d)->origins[0],
					    "https://example.org");
		flow_document_unref(d);
		json_decref(problems);
		json_decref(json);
	}
}

/* Byte for byte, as browsers write an Origin; nobody's when it is off. */
static void
pages_are_told_by_their_exact_origin(void **state)
{
	const char *list[] = { "https://shop.example", "http://a.test:81" };
	struct flow_widget w = { .enabled = true,
				 .origins = list,
				 .origin_count = 2 };
	static const char *const others[] = {
		"",
		"null",
		"https://shop.example:443",
		"https://shop.example/",
		"http://shop.example",
		"https://SHOP.example",
		"https://shop.exampl",
		"https://shop.example.test",
		"http://a.test",
		"https://own.test",
	};
	size_t i;

	(void)state;
	assert_true(flow_widget_takes(&w, "https://shop.example", NULL));
	assert_true(flow_widget_takes(&w, "http://a.test:81", NULL));
	assert_true(
		flow_widget_takes(&w, "https://own.test", "https://own.test"));
	for (i = 0; i < ARRAY_LEN(others); i++)
		assert_false(flow_widget_takes(&w, others[i], NULL));
	assert_false(flow_widget_takes(&w, NULL, "https://own.test"));
	w.enabled = false;
	assert_false(flow_widget_takes(&w, "https://shop.example", NULL));
	assert_false(
		flow_widget_takes(&w, "https://own.test", "https://own.test"));
}

/* What a conversation could not even begin with. */
static void
defaults_are_no_larger_than_what_is_kept(void **state)
{
	char *pad = malloc(FLOW_VALUES_MAX + 1);
	json_t *json = flow_of(START "{'id': 'a', 'type': 'end'}"), *problems;
	json_t *list =
		json_object_get(json_object_get(json, "variables"), "flow");
	json_t *large = json_array_get(list, 0);
	struct flow_document *d;

	(void)state;
	assert_non_null(pad);
	memset(pad, 'x', FLOW_VALUES_MAX);
	pad[FLOW_VALUES_MAX - 1000] = '\0';
	json_object_set_new(large, "default", json_string(pad));
	assert_int_equal(flow_compile(json, NULL, &problems, &d), 0);
	flow_document_unref(d);
	json_decref(problems);
	memset(pad, 'x', FLOW_VALUES_MAX);
	pad[FLOW_VALUES_MAX] = '\0';
	json_object_set_new(large, "default", json_string(pad));
	assert_int_equal(flow_compile(json, NULL, &problems, &d), ERR_INVALID);
	assert_true(has_problem(problems, "too_large", NULL, "/variables"));
	json_decref(problems);
	json_decref(json);
	free(pad);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_problem_names_its_block),
		cmocka_unit_test(all_problems_are_told_at_once),
		cmocka_unit_test(defaults_are_no_larger_than_what_is_kept),
		cmocka_unit_test(
			variables_are_known_at_above_and_below_what_is_set),
		cmocka_unit_test(
			many_variables_that_nothing_sets_are_told_soon),
		cmocka_unit_test(a_loop_with_a_question_is_fine),
		cmocka_unit_test(origins_have_their_form),
		cmocka_unit_test(pages_are_told_by_their_exact_origin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
