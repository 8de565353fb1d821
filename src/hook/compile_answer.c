/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The response list: which codes are expected, and what is taken from such an
 * answer.
 */
#include <stdio.h>

#include "hook/hook_priv.h"

/* ---- codes ---- */

static bool
code_parse(const char *text, struct hook_codes *out)
{
	uint64_t n;

	if (strlen(text) != 3 || text[0] < '1' || text[0] > '5')
		return false;
	if (!strcmp(text + 1, "xx")) {
		out->from = (text[0] - '0') * 100;
		out->to = out->from + 99;
		return text[0] > '1';
	}
	if (slice_to_u64(slice_str(text), 599, &n) || n < 200)
		return false;
	out->from = out->to = (int)n;
	return true;
}

/* Whether the code is in this list of codes already. */
static bool
code_is_known(const struct hook_entry *e, const struct hook_codes *code)
{
	size_t i;

	for (i = 0; i < e->code_count; i++)
		if (e->codes[i].from == code->from &&
		    e->codes[i].to == code->to)
			return true;
	return false;
}

static void
compile_code(struct hook_compiling *c, const json_t *v, struct hook_entry *e)
{
	const char *text = json_string_value(v);
	struct hook_codes code = { 0 };
	size_t i;

	if (!text || !code_parse(text, &code)) {
		hook_problem(c, HOOK_ERROR, "invalid_value",
			     "must be a status from \"200\" to \"599\" or a "
			     "class from \"2xx\" to \"5xx\", as a string");
		return;
	}
	for (i = 0; i < c->d->entry_count; i++)
		if (code_is_known(&c->d->entries[i], &code))
			hook_problem(c, HOOK_ERROR, "duplicate",
				     "%s is in entry %zu already", text, i + 1);
	if (code_is_known(e, &code))
		hook_problem(c, HOOK_ERROR, "duplicate",
			     "%s is in this entry twice", text);
	e->codes[e->code_count++] = code;
}

static void
compile_codes(struct hook_compiling *c, const json_t *o, struct hook_entry *e)
{
	const json_t *list =
		hook_get_array(c, o, "codes", true, HOOK_CODES_MAX);
	size_t i, inner, mark = hook_at(c, "codes");
	struct buf name;

	buf_init(&name, HOOK_PATH_MAX);
	if (list && !json_array_size(list))
		hook_problem(c, HOOK_ERROR, "missing",
			     "at least one code must be given");
	for (i = 0; i < json_array_size(list); i++) {
		inner = hook_at_index(c, i);
		compile_code(c, json_array_get(list, i), e);
		hook_at_back(c, inner);
		if (i)
			buf_putc(&name, ',');
		buf_puts(&name,
			 json_is_string(json_array_get(list, i))
				 ? json_string_value(json_array_get(list, i))
				 : "");
	}
	e->name = hook_copy(c, buf_cstr(&name) ? buf_cstr(&name) : "");
	buf_release(&name);
	hook_at_back(c, mark);
}

/* ---- mappings ---- */

/* [A-Za-z_][A-Za-z0-9_]* */
static bool
is_name(struct slice s)
{
	size_t i;
	char c;

	for (i = 0; i < s.len; i++) {
		c = s.ptr[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      c == '_' || (i && c >= '0' && c <= '9')))
			return false;
	}
	return s.len > 0;
}

static void
compile_variable(struct hook_compiling *c, const json_t *o,
		 struct hook_mapping *m)
{
	const char *text =
		hook_get_str(c, o, "variable", true, HOOK_VARIABLE_MAX);
	struct slice whole = slice_str(text), scope, rest;
	size_t dot = slice_find(whole, '.'), mark;
	char full[HOOK_VARIABLE_MAX + 8];

	m->variable = m->full = "";
	if (!text)
		return;
	scope = dot < whole.len ? slice_head(whole, dot) : SLICE("block");
	rest = dot < whole.len ? slice_from(whole, dot + 1) : whole;
	mark = hook_at(c, "variable");
	if (!is_name(scope) || !is_name(rest))
		hook_problem(c, HOOK_ERROR, "variable",
			     "must be a name of letters, digits and _, or "
			     "such a name behind \"block.\" or \"flow.\"");
	else if (!slice_eq(scope, SLICE("block")) &&
		 !slice_eq(scope, SLICE("flow")))
		hook_problem(c, HOOK_ERROR, "variable",
			     "only block.… and flow.… can be set here");
	hook_at_back(c, mark);
	snprintf(full, sizeof(full), "%.*s.%.*s", SLICE_ARG(scope),
		 SLICE_ARG(rest));
	m->variable = hook_copy(c, text);
	m->full = hook_copy(c, full);
}

static void
compile_path(struct hook_compiling *c, const char *text, struct hook_mapping *m)
{
	struct jsonpath_problem problem = { 0 };
	int rc = jsonpath_compile(slice_str(text), NULL, &m->path, &problem);

	m->from = HOOK_JSONPATH;
	if (rc == ERR_NOMEM)
		c->starved = true;
	else if (rc)
		hook_problem(c, HOOK_ERROR, "jsonpath", "column %u: %s",
			     problem.column, problem.detail);
}

static void
compile_from(struct hook_compiling *c, const json_t *o, struct hook_mapping *m)
{
	const char *text = hook_get_str(c, o, "from", true, HOOK_SOURCE_MAX);
	struct slice s = slice_str(text);
	size_t mark;

	m->source = hook_copy(c, text ? text : "");
	if (!text)
		return;
	mark = hook_at(c, "from");
	if (!strcmp(text, "status")) {
		m->from = HOOK_STATUS;
	} else if (!strcmp(text, "body")) {
		m->from = HOOK_WHOLE_BODY;
	} else if (slice_starts(s, SLICE("$"))) {
		compile_path(c, text, m);
	} else if (slice_starts(s, SLICE("header:")) &&
		   http_is_token(slice_from(s, 7))) {
		m->from = HOOK_HEADER;
		m->header = m->source + 7;
	} else {
		hook_problem(c, HOOK_ERROR, "invalid_value",
			     "must be status, body, header:Name, or a "
			     "JSONPath that begins with $");
	}
	hook_at_back(c, mark);
}

static void
compile_missing(struct hook_compiling *c, const json_t *o,
		struct hook_mapping *m)
{
	static const char *const words[] = { "empty", "default", "error",
					     NULL };
	const json_t *fallback = json_object_get(o, "default");
	size_t mark;

	m->missing = (enum hook_missing)hook_get_word(
		c, o, "missing", words,
		fallback ? HOOK_MISSING_DEFAULT : HOOK_MISSING_EMPTY);
	if (m->missing == HOOK_MISSING_DEFAULT && fallback) {
		m->fallback = json_deep_copy(fallback);
		if (!m->fallback)
			c->starved = true;
		return;
	}
	mark = hook_at(c, "default");
	if (m->missing == HOOK_MISSING_DEFAULT)
		hook_problem(c, HOOK_ERROR, "missing",
			     "\"missing\": \"default\" needs a default");
	else if (fallback)
		hook_problem(c, HOOK_ERROR, "not_allowed",
			     "a default is not used with \"missing\": \"%s\"",
			     words[m->missing]);
	hook_at_back(c, mark);
}

static void
compile_shape(struct hook_compiling *c, const json_t *o, struct hook_mapping *m)
{
	static const char *const words[] = { "auto", "single", "list", NULL };
	int shape = hook_get_word(c, o, "shape", words, HOOK_AUTO);

	m->list = shape == HOOK_LIST || (shape == HOOK_AUTO && m->path &&
					 !jsonpath_is_singular(m->path));
}

static void
compile_mapping(struct hook_compiling *c, const json_t *o, struct hook_entry *e)
{
	static const char *const fields[] = { "variable", "from",  "default",
					      "missing",  "shape", NULL };
	struct hook_mapping *m = &e->mappings[e->mapping_count];
	size_t i, mark;

	if (!json_is_object(o)) {
		hook_problem(c, HOOK_ERROR, "wrong_type", "must be an object");
		return;
	}
	e->mapping_count++;
	hook_only(c, o, fields);
	compile_variable(c, o, m);
	compile_from(c, o, m);
	compile_missing(c, o, m);
	compile_shape(c, o, m);
	mark = hook_at(c, "variable");
	for (i = 0; i + 1 < e->mapping_count; i++)
		if (m->full[0] && !strcmp(e->mappings[i].full, m->full))
			hook_problem(c, HOOK_ERROR, "duplicate",
				     "%s is set twice here", m->full);
	hook_at_back(c, mark);
}

static void
compile_mappings(struct hook_compiling *c, const json_t *o,
		 struct hook_entry *e)
{
	const json_t *list =
		hook_get_array(c, o, "mappings", false, HOOK_MAPPINGS_MAX);
	size_t i, inner, n = json_array_size(list), mark;

	if (!n)
		return;
	e->mappings = hook_alloc(c, n * sizeof(*e->mappings));
	mark = hook_at(c, "mappings");
	for (i = 0; e->mappings && i < n; i++) {
		inner = hook_at_index(c, i);
		compile_mapping(c, json_array_get(list, i), e);
		hook_at_back(c, inner);
	}
	hook_at_back(c, mark);
}

/* ---- the whole ---- */

void
hook_compile_answer(struct hook_compiling *c, const json_t *list)
{
	static const char *const fields[] = { "codes", "mappings", NULL };
	size_t i, mark, n = json_array_size(list);
	const json_t *o;

	c->d->entries = n ? hook_alloc(c, n * sizeof(*c->d->entries)) : NULL;
	for (i = 0; c->d->entries && i < n; i++) {
		o = json_array_get(list, i);
		mark = hook_at_index(c, i);
		if (json_is_object(o)) {
			hook_only(c, o, fields);
			compile_codes(c, o, &c->d->entries[i]);
			compile_mappings(c, o, &c->d->entries[i]);
		} else {
			hook_problem(c, HOOK_ERROR, "wrong_type",
				     "must be an object");
		}
		c->d->entry_count = i + 1;
		hook_at_back(c, mark);
	}
}
