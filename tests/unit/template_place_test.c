/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places other than URLs: whatever a value holds, it stays one value where it
 * is put, and reads back as itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../support/template_hostile.h"

/* ---- JSON ---- */

static void
a_json_string_stays_one_and_reads_back(void **state)
{
	struct json_problem p;
	char text[256];
	json_t *tree;
	int h;

	(void)state;
	for (h = 0; h < HOSTILE_COUNT; h++) {
		if (h == NOT_UTF8 || h == NUL)
			continue;
		snprintf(text, sizeof(text), "{\"k\":\"%s\"}",
			 expand_hostile("{{input.v}}", TEMPLATE_IN_JSON,
					(enum hostile)h));
		assert_int_equal(json_read(slice_str(text), 1000, &tree, &p),
				 0);
		assert_int_equal(json_object_size(tree), 1);
		assert_string_equal(
			json_string_value(json_object_get(tree, "k")),
			hostile[h].ptr);
		json_decref(tree);
	}
	assert_string_equal(
		expand_hostile("\"{{input.v}}\n", TEMPLATE_IN_JSON, NUL),
		"\\\"a\\u0000b\\n");
	assert_string_equal(
		expand_hostile("{{input.v}}", TEMPLATE_IN_JSON, NOT_UTF8),
		refused);
}

/* ---- XML ---- */

static void
an_xml_document_keeps_its_shape(void **state)
{
	static const char *const results[HOSTILE_COUNT] = {
		[QUOTE] = "<a b=\"a&quot;b\">a&quot;b</a>",
		[APOSTROPHE] = "<a b=\"a&#39;b\">a&#39;b</a>",
		[BACKSLASH] = "<a b=\"a\\\">a\\</a>",
		[LINE_BREAK] = "<a b=\"a&#13;&#10;X: y\">a&#13;\nX: y</a>",
		[PARAMETER] = "<a b=\"a&amp;x=1\">a&amp;x=1</a>",
		[TRAVERSAL] = "<a b=\"/../\">/../</a>",
		[DOTS] = "<a b=\"..\">..</a>",
		[DOT] = "<a b=\".\">.</a>",
		[SLASH] = "<a b=\"a/b\">a/b</a>",
		[FRAGMENT] = "<a b=\"#a\">#a</a>",
		[QUESTION] = "<a b=\"?a=b\">?a=b</a>",
		[ENCODED_DOTS] = "<a b=\"%2e%2e\">%2e%2e</a>",
		[SEMICOLON] = "<a b=\"..;x\">..;x</a>",
		[CDATA_END] = "<a b=\"a]]&gt;b&#93;\">a]]&gt;b&#93;</a>",
		[MARKUP] = "<a b=\"&lt;a b=&#39;c&#39;/&gt;&amp;lt;\">"
			   "&lt;a b=&#39;c&#39;/&gt;&amp;lt;</a>",
		[COMMENT_END] = "<a b=\"--&gt;\">--&gt;</a>",
		[TAB] = "<a b=\"a&#9;b\">a\tb</a>",
		[NEXT_LINE] = "<a b=\"a\xc2\x85"
			      "b\">a\xc2\x85"
			      "b</a>",
		[BRACES] = "<a b=\"{{input.other}}\">{{input.other}}</a>",
		[AT_SIGN] = "<a b=\"@input.other\">@input.other</a>",
		[EMPTY] = "<a b=\"\"></a>",
		[ACCENT] = "<a b=\"\xc3\xa9 +\">\xc3\xa9 +</a>",
	};

	(void)state;
	table_is("<a b=\"{{input.v}}\">{{input.v}}</a>", TEMPLATE_IN_XML,
		 results);
}

static void
a_value_in_cdata_does_not_end_it(void **state)
{
	(void)state;
	assert_string_equal(expand_hostile("<a><![CDATA[x]]{{input.v}}>]]></a>",
					   TEMPLATE_IN_XML, CDATA_END),
			    "<a><![CDATA[x]]]]>a]]&gt;b&#93;<![CDATA[>]]></a>");
	assert_string_equal(expand_hostile("<![CDATA[{{input.v}}]]>",
					   TEMPLATE_IN_XML, MARKUP),
			    "<![CDATA[]]>&lt;a b=&#39;c&#39;/&gt;&amp;lt;"
			    "<![CDATA[]]>");
}

static void
elsewhere_in_xml_a_variable_is_refused(void **state)
{
	static const struct {
		const char *text, *problem;
	} bad[] = {
		{ "<{{x}}/>", "x cannot stand in a tag, except in the quotes "
			      "of an attribute." },
		{ "</{{x}}>", "x cannot stand in a tag, except" },
		{ "<a {{x}}>", "x cannot stand in a tag, except" },
		{ "<a {{x}}='b'>", "x cannot stand in a tag, except" },
		{ "<a b={{x}}>", "x cannot stand in a tag, except" },
		{ "<a b='c'{{x}}>", "x cannot stand in a tag, except" },
		{ "<!-- {{x}} -->", "x cannot stand in a comment." },
		{ "<!-- <a b=\"{{x}}\"> -->", "x cannot stand in a comment." },
		{ "<?pi {{x}}?>", "x cannot stand in a processing instr" },
		{ "<!DOCTYPE {{x}}>", "x cannot stand in a declaration." },
		{ "<!{{x}}-->", "x cannot stand in a declaration." },
		{ "&{{x}};", "x cannot stand in a reference" },
		{ "&#{{x}};", "x cannot stand in a reference" },
		{ "<a b='&l{{x}};'>", "x cannot stand in a reference" },
		{ "<!DOCTYPE a [<!ENTITY b 'c'>]>", "A document type with" },
		{ "<a", "The document ends within a tag" },
		{ "<a b='", "The document ends within a tag" },
		{ "<!-- ", "The document ends within a tag" },
		{ "<![CDATA[{{x}}", "The document ends within a tag" },
		{ "<a>\x01</a>", "The text has a control character, which "
				 "XML cannot hold." },
	};
	size_t i;
	int err;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		assert_null(world_compile(bad[i].text, TEMPLATE_IN_XML, &err));
		assert_int_equal(err, ERR_INVALID);
		if (!slice_starts(slice_str(world_problem.text),
				  slice_str(bad[i].problem)))
			fail_msg("%s: %s", bad[i].text, world_problem.text);
	}
	assert_string_equal(
		world_expand("<?xml version='1.0'?><!-- > --><!DOCTYPE a>"
			     "<a b='>{{x}}' c=\"'{{x}}\">&amp;{{x}} &lt;@@"
			     "</a>",
			     TEMPLATE_IN_XML, "{\"x\":\"'\\\"\"}"),
		"<?xml version='1.0'?><!-- > --><!DOCTYPE a>"
		"<a b='>&#39;&quot;' c=\"'&#39;&quot;\">&amp;&#39;&quot; "
		"&lt;@</a>");
}

static void
xml_text_and_attributes_are_places_too(void **state)
{
	(void)state;
	assert_string_equal(world_expand("<\n{{x}}", TEMPLATE_IN_XML_TEXT,
					 "{\"x\":\"&\\n\"}"),
			    "&lt;\n&amp;\n");
	assert_string_equal(world_expand("<\n{{x}}", TEMPLATE_IN_XML_ATTRIBUTE,
					 "{\"x\":\"&\\n\"}"),
			    "&lt;&#10;&amp;&#10;");
	assert_string_equal(
		expand_hostile("{{input.v}}", TEMPLATE_IN_XML_TEXT, NUL),
		refused);
	assert_string_equal(
		world_problem.text,
		"input.v has a control character, which XML cannot hold.");
	assert_string_equal(world_expand("{{x}}", TEMPLATE_IN_XML_TEXT,
					 "{\"x\":\"\\uffff\"}"),
			    refused);
}

/* ---- headers, parts, texts ---- */

static void
a_header_takes_no_control_characters(void **state)
{
	static const enum hostile bad[] = { LINE_BREAK, NUL, TAB, NEXT_LINE,
					    NOT_UTF8 };
	const char *result;
	size_t i;
	int h, err;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_string_equal(expand_hostile("a {{input.v}}",
						   TEMPLATE_IN_HEADER, bad[i]),
				    refused);
	assert_string_equal(
		expand_hostile("{{input.v}}", TEMPLATE_IN_HEADER, LINE_BREAK),
		refused);
	assert_string_equal(world_problem.text,
			    "input.v has a line break or another control "
			    "character, which a header cannot hold.");
	for (h = 0; h < HOSTILE_COUNT; h++) {
		result = expand_hostile("{{input.v}}", TEMPLATE_IN_HEADER,
					(enum hostile)h);
		if (strcmp(result, refused))
			assert_string_equal(result, hostile[h].ptr);
	}
	assert_null(world_compile("a\nb", TEMPLATE_IN_HEADER, &err));
	assert_string_equal(world_problem.text,
			    "The text has a line break or another control "
			    "character, which a header cannot hold.");
}

static void
the_name_of_a_part_stays_in_its_quotes(void **state)
{
	static const char *const results[HOSTILE_COUNT] = {
		[QUOTE] = "\xc3\xa9 a%22b",
		[APOSTROPHE] = "\xc3\xa9 a'b",
		[BACKSLASH] = "\xc3\xa9 a%5C",
		[LINE_BREAK] = "\xc3\xa9 a%0D%0AX: y",
		[PARAMETER] = "\xc3\xa9 a&x=1",
		[TRAVERSAL] = "\xc3\xa9 /../",
		[DOTS] = "\xc3\xa9 ..",
		[DOT] = "\xc3\xa9 .",
		[SLASH] = "\xc3\xa9 a/b",
		[FRAGMENT] = "\xc3\xa9 #a",
		[QUESTION] = "\xc3\xa9 ?a=b",
		[ENCODED_DOTS] = "\xc3\xa9 %2e%2e",
		[SEMICOLON] = "\xc3\xa9 ..;x",
		[CDATA_END] = "\xc3\xa9 a]]>b]",
		[MARKUP] = "\xc3\xa9 <a b='c'/>&lt;",
		[COMMENT_END] = "\xc3\xa9 -->",
		[NEXT_LINE] = "\xc3\xa9 a\xc2\x85"
			      "b",
		[BRACES] = "\xc3\xa9 {{input.other}}",
		[AT_SIGN] = "\xc3\xa9 @input.other",
		[EMPTY] = "\xc3\xa9 ",
		[ACCENT] = "\xc3\xa9 \xc3\xa9 +",
	};

	(void)state;
	table_is("\xc3\xa9 {{input.v}}", TEMPLATE_IN_PART_NAME, results);
}

static void
texts_and_parts_are_left_alone(void **state)
{
	const char *result;
	int h;

	(void)state;
	for (h = 0; h < HOSTILE_COUNT; h++) {
		result = expand_hostile("{{input.v}}", TEMPLATE_IN_TEXT,
					(enum hostile)h);
		if (h == NUL || h == NOT_UTF8)
			assert_string_equal(result, refused);
		else
			assert_string_equal(result, hostile[h].ptr);
		result = expand_hostile("{{input.v}}", TEMPLATE_IN_PART,
					(enum hostile)h);
		if (h == NOT_UTF8)
			assert_string_equal(result, refused);
		else
			assert_true(slice_eq(slice_of(result, world_len),
					     hostile[h]));
	}
}

static void
a_very_long_value_is_refused_everywhere(void **state)
{
	static char text[1 << 16];
	json_t *values;
	int place;

	(void)state;
	memset(text, 'a', sizeof(text));
	values = values_of(slice_of(text, sizeof(text)));
	for (place = TEMPLATE_IN_TEXT; place <= TEMPLATE_IN_PART_NAME;
	     place++) {
		if (place == TEMPLATE_IN_VALUE)
			continue;
		assert_string_equal(
			world_render(place == TEMPLATE_IN_URL ? "/{{input.v}}"
							      : "{{input.v}}",
				     (enum template_place)place, values,
				     TEMPLATE_MISSING_ERROR),
			"<too large>");
		assert_true(world_problem.text[0]);
	}
	json_decref(values);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_json_string_stays_one_and_reads_back),
		cmocka_unit_test(an_xml_document_keeps_its_shape),
		cmocka_unit_test(a_value_in_cdata_does_not_end_it),
		cmocka_unit_test(elsewhere_in_xml_a_variable_is_refused),
		cmocka_unit_test(xml_text_and_attributes_are_places_too),
		cmocka_unit_test(a_header_takes_no_control_characters),
		cmocka_unit_test(the_name_of_a_part_stays_in_its_quotes),
		cmocka_unit_test(texts_and_parts_are_left_alone),
		cmocka_unit_test(a_very_long_value_is_refused_everywhere),
	};

	return cmocka_run_group_tests_name("template places", tests, NULL,
					   NULL);
}
