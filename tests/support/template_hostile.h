/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile values for templates: one table, of which each place says what
 * becomes of each value.
 */
#ifndef SUPPORT_TEMPLATE_HOSTILE_H
#define SUPPORT_TEMPLATE_HOSTILE_H

#include "template_world.h"

enum hostile {
	QUOTE,
	APOSTROPHE,
	BACKSLASH,
	LINE_BREAK,
	PARAMETER,
	TRAVERSAL,
	DOTS,
	DOT,
	SLASH,
	FRAGMENT,
	QUESTION,
	ENCODED_DOTS,
	SEMICOLON,
	CDATA_END,
	MARKUP,
	COMMENT_END,
	NUL,
	TAB,
	NEXT_LINE,
	NOT_UTF8,
	BRACES,
	AT_SIGN,
	EMPTY,
	ACCENT,
	HOSTILE_COUNT,
};

static const struct slice hostile[HOSTILE_COUNT] = {
	[QUOTE] = { "a\"b", 3 },
	[APOSTROPHE] = { "a'b", 3 },
	[BACKSLASH] = { "a\\", 2 },
	[LINE_BREAK] = { "a\r\nX: y", 7 },
	[PARAMETER] = { "a&x=1", 5 },
	[TRAVERSAL] = { "/../", 4 },
	[DOTS] = { "..", 2 },
	[DOT] = { ".", 1 },
	[SLASH] = { "a/b", 3 },
	[FRAGMENT] = { "#a", 2 },
	[QUESTION] = { "?a=b", 4 },
	[ENCODED_DOTS] = { "%2e%2e", 6 },
	[SEMICOLON] = { "..;x", 4 },
	[CDATA_END] = { "a]]>b]", 6 },
	[MARKUP] = { "<a b='c'/>&lt;", 14 },
	[COMMENT_END] = { "-->", 3 },
	[NUL] = { "a\0b", 3 },
	[TAB] = { "a\tb", 3 },
	[NEXT_LINE] = { "a\xc2\x85"
			"b",
			4 },
	[NOT_UTF8] = { "a\xff", 2 },
	[BRACES] = { "{{input.other}}", 15 },
	[AT_SIGN] = { "@input.other", 12 },
	[EMPTY] = { "", 0 },
	[ACCENT] = { "\xc3\xa9 +", 4 },
};

static const char refused[] = "<invalid>";

/* {"input": {"v": the value, "other": "SECOND"}} */
static inline json_t *
values_of(struct slice v)
{
	json_t *values = json_object(), *input = json_object();

	json_object_set_new(input, "v", json_stringn_nocheck(v.ptr, v.len));
	json_object_set_new(input, "other", json_string("SECOND"));
	json_object_set_new(values, "input", input);
	return values;
}

static inline const char *
expand_hostile(const char *text, enum template_place place, enum hostile h)
{
	json_t *values = values_of(hostile[h]);
	const char *result;

	result = world_render(text, place, values, TEMPLATE_MISSING_ERROR);
	if (!strcmp(result, refused))
		assert_string_equal(world_problem.name, "input.v");
	json_decref(values);
	return result;
}

/* Each hostile value, put into the template, gives the result named; not
 * named is what is not UTF-8, which no place takes. */
static inline void
table_is(const char *text, enum template_place place,
	 const char *const results[HOSTILE_COUNT])
{
	const char *result, *want;
	int h;

	for (h = 0; h < HOSTILE_COUNT; h++) {
		want = results[h] ? results[h] : refused;
		result = expand_hostile(text, place, (enum hostile)h);
		if (strcmp(result, want))
			fail_msg("value %d gave %s (%s), not %s", h, result,
				 world_problem.text, want);
	}
}

#endif
