/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates and values: whatever both hold, a value stays one value.
 *
 * The input is a byte for the place, a template up to a NUL, and a value.
 * What comes out is held against the same template as a multipart text, which
 * is the one place that changes nothing, and against the same template with
 * a tame value, whose structure it must share.
 */
#include <stdio.h>

#include "http/http.h"
#include "template/template.h"

enum { OUT_MAX = 1 << 16, PLACES = TEMPLATE_IN_PART_NAME + 1 };

static const char *const known[] = { "input.v", "input.list", "flow.*", NULL };

/* {"input": {"v": v, "list": [v, 1.5], "o": {"k": v}}} */
static json_t *
values_of(struct slice v)
{
	json_t *input = json_object(), *values = json_object();
	json_t *list = json_array(), *o = json_object();
	json_t *text = json_stringn_nocheck(v.ptr, v.len);

	json_array_append(list, text);
	json_array_append_new(list, json_real(1.5));
	json_object_set(o, "k", text);
	json_object_set_new(input, "v", text);
	json_object_set_new(input, "list", list);
	json_object_set_new(input, "o", o);
	json_object_set_new(values, "input", input);
	return values;
}

static void
check_problem(const struct template_problem *p, int err, struct slice text)
{
	ASSERT(err == ERR_INVALID || err == ERR_TOO_LARGE ||
	       err == ERR_NOT_FOUND);
	ASSERT(p->text[0]);
	ASSERT(strnlen(p->text, sizeof(p->text)) < sizeof(p->text));
	ASSERT(slice_is_utf8(slice_str(p->text)));
	ASSERT(p->at <= text.len && p->len <= text.len - p->at);
}

/* What the filters did is enough for the same again, and a byte less is
 * not. */
static void
check_work(const struct template *t, const json_t *values, size_t used,
	   struct slice result)
{
	struct template_budget work = { used };
	struct buf again;

	buf_init(&again, OUT_MAX);
	ASSERT(!template_render_within(t, values, TEMPLATE_MISSING_EMPTY, &work,
				       &again, NULL));
	ASSERT(work.left == 0 && slice_eq(buf_slice(&again), result));
	buf_reset(&again);
	work.left = used ? used - 1 : 0;
	if (used)
		ASSERT(template_render_within(t, values, TEMPLATE_MISSING_EMPTY,
					      &work, &again,
					      NULL) == ERR_TOO_LARGE);
	ASSERT(work.left == 0 && again.len == 0);
	buf_release(&again);
}

/* 0 with the result, or an error that has been looked at. */
static int
render(struct slice text, enum template_place place, const json_t *values,
       struct buf *out)
{
	struct template_budget work = { TEMPLATE_WORK_MAX };
	struct template_problem p = { 0 };
	struct template *t;
	int err;

	buf_init(out, OUT_MAX);
	err = template_compile(text, place, template_usual_scopes, &t, &p);
	if (!err)
		err = template_render_within(t, values, TEMPLATE_MISSING_EMPTY,
					     &work, out, &p);
	ASSERT(work.left <= TEMPLATE_WORK_MAX);
	if (!err)
		check_work(t, values, TEMPLATE_WORK_MAX - work.left,
			   buf_slice(out));
	if (err) {
		check_problem(&p, err, text);
		ASSERT(out->len == 0);
	}
	template_free(t);
	return err;
}

static size_t
count(struct slice s, const char *any_of)
{
	size_t i, n = 0;

	for (i = 0; i < s.len; i++)
		n += s.ptr[i] && strchr(any_of, s.ptr[i]);
	return n;
}

/* As many of each structural byte as with a tame value. */
static void
check_structure(struct slice text, enum template_place place, struct slice out,
		const char *bytes)
{
	json_t *values = values_of(SLICE("x"));
	char one[2] = { 0, 0 };
	struct buf tame;

	if (!render(text, place, values, &tame))
		for (; *bytes; bytes++) {
			one[0] = *bytes;
			ASSERT(count(out, one) == count(buf_slice(&tame), one));
		}
	buf_release(&tame);
	json_decref(values);
}

static void
check_url(struct slice text, struct slice out)
{
	struct slice path = out;
	struct http_url url;
	const char *why;

	if (out.ptr[0] != '/') {
		ASSERT(!http_url_parse(out, &url, &why));
		path = url.path;
	}
	if (slice_starts(path, SLICE("/")))
		ASSERT(!http_path_check(path, &why));
	check_structure(text, TEMPLATE_IN_URL, out, "/?&=#;:@");
}

static void
check_decodes(struct slice out, bool form, struct slice raw)
{
	struct buf decoded;

	ASSERT(count(out, "/?&=#;\"'<> \r\n\\") == 0);
	buf_init(&decoded, OUT_MAX);
	ASSERT(!codec_percent_decode(&decoded, out, form));
	ASSERT(slice_eq(buf_slice(&decoded), raw));
	buf_release(&decoded);
}

static void
check_json(struct slice out, struct slice raw)
{
	struct buf quoted;
	json_error_t e;
	json_t *tree;

	buf_init(&quoted, OUT_MAX + 2);
	buf_putc(&quoted, '"');
	buf_put_slice(&quoted, out);
	buf_putc(&quoted, '"');
	tree = json_loadb(quoted.data, quoted.len,
			  JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
	ASSERT(json_is_string(tree));
	ASSERT(slice_eq(
		slice_of(json_string_value(tree), json_string_length(tree)),
		raw));
	json_decref(tree);
	buf_release(&quoted);
}

static void
check_xml(struct slice text, struct slice out)
{
	/* A value in a section brings an end and a beginning of one, if there
	 * is a value: a filter may take one and not the other. */
	if (!memmem(text.ptr, text.len, "<![CDATA[", 9) || !count(text, "|"))
		check_structure(text, TEMPLATE_IN_XML, out, "<>\"'");
}

static void
check_result(struct slice text, enum template_place place, struct slice out,
	     struct slice raw)
{
	switch (place) {
	case TEMPLATE_IN_URL:
		check_url(text, out);
		break;
	case TEMPLATE_IN_PATH:
	case TEMPLATE_IN_QUERY:
	case TEMPLATE_IN_FORM:
		check_decodes(out, place == TEMPLATE_IN_FORM, raw);
		break;
	case TEMPLATE_IN_JSON:
		check_json(out, raw);
		break;
	case TEMPLATE_IN_XML:
		check_xml(text, out);
		break;
	case TEMPLATE_IN_XML_TEXT:
	case TEMPLATE_IN_XML_ATTRIBUTE:
		ASSERT(count(out, "<>\"'") == 0);
		break;
	case TEMPLATE_IN_HEADER:
		ASSERT(!slice_has_control(out));
		ASSERT(slice_eq(out, raw));
		break;
	case TEMPLATE_IN_PART_NAME:
		ASSERT(!slice_has_control(out) && count(out, "\"\\") == 0);
		break;
	default:
		ASSERT(slice_eq(out, raw));
	}
}

/* Each variable's name is a spelling of it; every finding lies in the text. */
static void
check_variables(struct slice text)
{
	const struct template_variable *list, *again;
	struct template_finding found[8];
	struct template *t, *u;
	char name[TEMPLATE_NAME_MAX + 8];
	size_t i, n;

	if (template_compile(text, TEMPLATE_IN_PART, template_usual_scopes, &t,
			     NULL))
		return;
	n = template_check(t, known, found, ARRAY_LEN(found));
	for (i = 0; i < n && i < ARRAY_LEN(found); i++)
		ASSERT(found[i].text[0] && found[i].len &&
		       found[i].at + found[i].len <= text.len);
	n = template_variables(t, &list);
	for (i = 0; i < n && i < 20; i++) {
		snprintf(name, sizeof(name), "{{%s}}", list[i].name);
		/* A name that holds control characters is shown escaped, as
		 * in JSON: \b and the like are no escapes of ours. */
		if (template_compile(slice_str(name), TEMPLATE_IN_PART,
				     template_usual_scopes, &u, NULL)) {
			ASSERT(strstr(name, "\\u"));
			continue;
		}
		ASSERT(template_variables(u, &again) == 1);
		ASSERT(!strcmp(again->name, list[i].name));
		template_free(u);
	}
	template_free(t);
}

/* Objects of the template are objects of the result, with the same names. */
static void
check_shape(const json_t *tree, const json_t *result)
{
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_string(tree))
		return;
	ASSERT(json_typeof(tree) == json_typeof(result));
	ASSERT(json_object_size(tree) == json_object_size(result));
	ASSERT(json_array_size(tree) == json_array_size(result));
	json_object_foreach((json_t *)tree, key, member)
	{
		ASSERT(json_object_get(result, key));
		check_shape(member, json_object_get(result, key));
	}
	for (i = 0; i < json_array_size(tree); i++)
		check_shape(json_array_get(tree, i), json_array_get(result, i));
}

static void
check_tree(struct slice text, const json_t *values)
{
	struct template_problem p = { 0 };
	struct template_json *t;
	json_t *tree, *result;
	size_t size;
	int err;

	if (json_read(text, OUT_MAX, &tree, NULL))
		return;
	err = template_json_compile(tree, template_usual_scopes, &t, &p);
	if (!err)
		err = template_json_render(t, values, TEMPLATE_MISSING_ERROR,
					   OUT_MAX, &result, &p);
	if (!err) {
		check_shape(tree, result);
		size = json_dumpb(result, NULL, 0,
				  JSON_COMPACT | JSON_ENCODE_ANY);
		ASSERT(size > 0);
		json_decref(result);
	} else {
		ASSERT(p.text[0]);
	}
	template_json_free(t);
	json_decref(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text, value;
	enum template_place place;
	struct buf out, raw;
	json_t *values;
	size_t end;

	if (!size)
		return 0;
	place = (enum template_place)(data[0] % PLACES);
	text = slice_of(data + 1, size - 1);
	end = slice_find(text, '\0');
	value = slice_from(text, end + 1);
	text = slice_head(text, end);
	values = values_of(value);
	if (place == TEMPLATE_IN_VALUE) {
		check_tree(text, values);
		check_variables(text);
	} else if (!render(text, place, values, &out)) {
		ASSERT(out.len <= OUT_MAX);
		if (!render(text, TEMPLATE_IN_PART, values, &raw))
			check_result(text, place, buf_slice(&out),
				     buf_slice(&raw));
		buf_release(&raw);
		buf_release(&out);
	} else {
		buf_release(&out);
	}
	json_decref(values);
	return 0;
}
