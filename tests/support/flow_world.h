/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of flow/: documents from text with ' for ". */
#ifndef TESTS_SUPPORT_FLOW_WORLD_H
#define TESTS_SUPPORT_FLOW_WORLD_H

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "flow/flow_priv.h"

/* JSON with ' in place of ". */
static inline json_t *
flow_json(const char *text)
{
	char *copy = strdup(text), *p;
	json_t *value;

	assert_non_null(copy);
	for (p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	value = json_loads(copy, JSON_DECODE_ANY, NULL);
	free(copy);
	assert_non_null(value);
	return value;
}

/* A whole flow of these blocks. */
static inline json_t *
flow_of(const char *blocks)
{
	struct buf text;
	json_t *value;

	buf_init(&text, 1 << 20);
	buf_printf(&text,
		   "{'name': 'Test', 'variables': {'flow': [{'name': 'n', "
		   "'default': 1}], 'session': [{'name': 'lang'}]}, "
		   "'blocks': [%s]}",
		   blocks);
	value = flow_json(buf_cstr(&text));
	buf_release(&text);
	return value;
}

/* A compiled document that has no problems. */
static inline struct flow_document *
flow_good(const char *blocks)
{
	json_t *json = flow_of(blocks), *problems;
	struct flow_document *d;
	char *text;

	if (flow_compile(json, NULL, &problems, &d)) {
		text = json_dumps(problems, 0);
		print_error("%s\n", text);
		free(text);
		fail();
	}
	json_decref(json);
	json_decref(problems);
	return d;
}

#endif
