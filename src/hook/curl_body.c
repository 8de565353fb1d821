/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command sends: data joined as curl does, and which type of body it
 * is; forms of several parts.
 *
 * The joined data is in one buffer that never grows and is wiped; it is
 * cleaned of credentials there, before a tree is made of it.
 */
#include "hook/curl_priv.h"

/* ---- joining ---- */

int
curl_data_begin(const struct curl_list *items, struct buf *out)
{
	size_t i, size = 16;

	for (i = 0; i < items->count; i++)
		size += 3 * items->items[i].text.len + 2;
	buf_init(out, size);
	return buf_reserve(out, size);
}

static bool
is_file(struct curl_command *c, const struct curl_item *d)
{
	if (!slice_starts(d->text, SLICE("@")))
		return false;
	curl_note(c->out, "--data",
		  "Files are not read: fill in the body by hand.");
	return true;
}

int
curl_urlencode(struct curl_command *c, const struct curl_item *item,
	       struct buf *out)
{
	struct slice text = item->text;
	size_t i;

	if (item->act == CURL_URL_QUERY && slice_starts(text, SLICE("+")))
		return buf_put_slice(out, slice_from(text, 1));
	for (i = 0; i < text.len; i++)
		if (text.ptr[i] == '=' || text.ptr[i] == '@')
			break;
	if (i == text.len)
		return codec_percent(out, text);
	if (i > 0)
		buf_put_slice(out, slice_head(text, i));
	if (text.ptr[i] == '@') {
		curl_note(c->out, "--data-urlencode",
			  "Files are not read: fill in the body by hand.");
		return i > 0 ? buf_putc(out, '=') : 0;
	}
	if (i > 0)
		buf_putc(out, '=');
	return codec_percent(out, slice_from(text, i + 1));
}

int
curl_data_join(struct curl_command *c, struct buf *out)
{
	const struct curl_item *d;
	bool first = true;
	size_t i;
	int rc = curl_data_begin(&c->data, out);

	for (i = 0; i < c->data.count && !rc; i++) {
		d = &c->data.items[i];
		if (d->variable)
			curl_note(c->out, "--data",
				  "A variable or command of your shell stands "
				  "in the body: put a variable of the flow in "
				  "its place.");
		if (d->act != CURL_DATA_RAW && d->act != CURL_DATA_URLENCODE &&
		    is_file(c, d))
			continue;
		if (!first && d->act != CURL_JSON)
			buf_putc(out, '&');
		first = false;
		rc = d->act == CURL_DATA_URLENCODE
			     ? curl_urlencode(c, d, out)
			     : buf_put_slice(out, d->text);
	}
	return rc ? rc : buf_err(out);
}

/* ---- what type of body ---- */

static void
set_body(json_t *request, const char *type, json_t *content)
{
	json_object_set_new(
		request, "body",
		json_pack("{s:s, s:o*}", "type", type, "content", content));
}

static bool
type_has(const struct curl_command *c, const char *word)
{
	return strcasestr(c->content_type, word) != NULL;
}

/* The row of the type, where the body's own type would be another. */
static void
put_type(struct curl_command *c, const char *usual, const char *otherwise)
{
	const char *type = c->content_type[0] ? c->content_type : otherwise;
	struct slice bare = slice_str(type);

	if (!type[0])
		return;
	bare = slice_trim(slice_head(bare, slice_find(bare, ';')));
	if (slice_eq_nocase(bare, slice_str(usual)) &&
	    (bare.len == strlen(type) || strcasestr(type, "charset=utf-8")))
		return;
	curl_row(c, c->header_rows, SLICE("Content-Type"), slice_str(type),
		 false, false);
}

/* The tree with all strings as templates; names are literal. */
static json_t *
quoted(struct curl_command *c, const json_t *value)
{
	const char *name;
	json_t *out, *member;
	size_t i;

	if (json_is_string(value))
		return curl_text(c, slice_of(json_string_value(value),
					     json_string_length(value)));
	if (json_is_array(value)) {
		out = json_array();
		json_array_foreach(value, i, member)
		{
			json_array_append_new(out, quoted(c, member));
		}
		return out;
	}
	if (json_is_object(value)) {
		out = json_object();
		json_object_foreach((json_t *)value, name, member)
		{
			json_object_set_new(out, name, quoted(c, member));
		}
		return out;
	}
	return json_incref((json_t *)value);
}

static bool
body_json(struct curl_command *c, struct buf *b, json_t *request)
{
	struct slice text = buf_slice(b);
	json_t *tree, *whole;
	size_t i = 0;

	while (i < text.len && text.ptr[i] && strchr(" \t\r\n", text.ptr[i]))
		i++;
	if (!c->json && !type_has(c, "json") &&
	    (c->content_type[0] || i == text.len ||
	     (text.ptr[i] != '{' && text.ptr[i] != '[')))
		return false;
	curl_json_clean(c, b->data, b->len);
	if (json_read(text, CURL_TEXT_MAX, &tree, NULL))
		return false;
	if (!c->json && !c->content_type[0])
		curl_note(c->out, "--data",
			  "curl would have called this JSON a form: it is "
			  "sent as JSON.");
	whole = quoted(c, tree);
	json_decref(tree);
	put_type(c, "application/json", "");
	set_body(request, "json", whole);
	return true;
}

static bool
body_form(struct curl_command *c, struct buf *b, json_t *request)
{
	json_t *rows;

	if (c->json || (c->content_type[0] &&
			!type_has(c, "application/x-www-form-urlencoded")))
		return false;
	rows = json_array();
	if (!curl_pairs(c, buf_slice(b), "form", rows)) {
		json_decref(rows);
		curl_pairs_clean(c, b->data, &b->len, "form");
		return false;
	}
	put_type(c, "application/x-www-form-urlencoded", "");
	set_body(request, "form", rows);
	return true;
}

/* Whether the template of an XML body takes it. */
static bool
is_xml(const json_t *text)
{
	struct template *t = NULL;
	int rc = template_compile(
		slice_of(json_string_value(text), json_string_length(text)),
		TEMPLATE_IN_XML, template_usual_scopes, &t, NULL);

	template_free(t);
	return !rc;
}

static void
body_text(struct curl_command *c, struct buf *b, json_t *request)
{
	json_t *content;
	bool xml;

	if (curl_text_clean(b->data, &b->len))
		curl_offer(c, "api_key", "text", SLICE_NONE, NULL);
	content = curl_text(c, buf_slice(b));
	xml = (type_has(c, "xml") || !c->content_type[0]) && b->len &&
	      slice_starts(slice_trim(buf_slice(b)), SLICE("<")) &&
	      json_is_string(content) && is_xml(content);
	if (xml)
		put_type(c, "application/xml", "");
	else
		put_type(c, "",
			 c->json ? "application/json"
				 : "application/x-www-form-urlencoded");
	set_body(request, xml ? "xml" : "text", content);
}

/* ---- forms of several parts ---- */

/* The value up to its parameters (;type=…), and these. */
static struct slice
part_value(struct slice text, struct slice *parameters)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (slice_starts(slice_from(text, i), SLICE(";type=")) ||
		    slice_starts(slice_from(text, i), SLICE(";filename=")) ||
		    slice_starts(slice_from(text, i), SLICE(";headers=")) ||
		    slice_starts(slice_from(text, i), SLICE(";encoder=")))
			break;
	*parameters = slice_from(text, i);
	return slice_head(text, i);
}

static struct slice
unquoted(struct slice s)
{
	if (s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"')
		return slice_of(s.ptr + 1, s.len - 2);
	return s;
}

static void
part_parameters(struct curl_command *c, struct slice text, json_t *row)
{
	struct slice one;

	while (slice_next(&text, ';', &one)) {
		if (slice_has_control(one) || hook_secret_shape(one))
			continue;
		if (slice_starts(one, SLICE("type=")))
			json_object_set_new(
				row, "content_type",
				json_stringn(one.ptr + 5, one.len - 5));
		else if (slice_starts(one, SLICE("filename=")))
			json_object_set_new(
				row, "filename",
				curl_text(c, unquoted(slice_from(one, 9))));
	}
}

static void
part_file(struct curl_command *c, struct slice path, json_t *row)
{
	size_t i;

	path = unquoted(path);
	for (i = path.len; i > 0 && path.ptr[i - 1] != '/'; i--)
		;
	path = slice_from(path, i);
	curl_note(c->out, "--form",
		  "Files are not read: fill in the part by hand.");
	json_object_set_new(row, "value", json_string(""));
	if (!hook_secret_shape(path) && !slice_has_control(path))
		json_object_set_new(row, "filename", curl_text(c, path));
}

static void
put_part(struct curl_command *c, const struct curl_item *f, json_t *rows)
{
	size_t equals = slice_find(f->text, '=');
	struct slice name = slice_head(f->text, equals), parameters;
	struct slice value = slice_from(f->text, equals + 1);
	json_t *row;

	if (equals == f->text.len || !name.len || hook_secret_shape(name)) {
		curl_note(c->out, "--form",
			  "A part without a name is left "
			  "out.");
		return;
	}
	parameters = SLICE_NONE;
	if (f->act == CURL_FORM)
		value = part_value(value, &parameters);
	if (curl_is_secret(name, value)) {
		curl_offer(c, "api_key", "multipart", name, NULL);
		return;
	}
	row = json_object();
	json_object_set_new(row, "name", curl_text(c, name));
	if (f->act == CURL_FORM && (slice_starts(value, SLICE("@")) ||
				    slice_starts(value, SLICE("<"))))
		part_file(c, slice_from(value, 1), row);
	else
		json_object_set_new(row, "value",
				    curl_text(c, f->act == CURL_FORM
							 ? unquoted(value)
							 : value));
	part_parameters(c, parameters, row);
	json_array_append_new(rows, row);
}

static void
body_parts(struct curl_command *c, json_t *request)
{
	json_t *rows = json_array();
	size_t i;

	if (c->data.count)
		curl_note(c->out, "--data",
			  "curl does not take --data and --form together: the "
			  "form is taken.");
	for (i = 0; i < c->forms.count && i < CURL_ROWS_MAX; i++) {
		if (c->forms.items[i].variable)
			curl_note(c->out, "--form",
				  "A variable or command of your shell stands "
				  "in a part: put a variable of the flow in "
				  "its place.");
		put_part(c, &c->forms.items[i], rows);
	}
	set_body(request, "multipart", rows);
}

/* ---- the whole ---- */

static void
put_lone_type(struct curl_command *c)
{
	if (c->content_type[0])
		curl_row(c, c->header_rows, SLICE("Content-Type"),
			 slice_str(c->content_type), false, false);
}

int
curl_body_read(struct curl_command *c, json_t *request)
{
	struct buf b;
	int rc;

	if (c->forms.count) {
		body_parts(c, request);
		return 0;
	}
	if (!c->data.count || c->get) {
		put_lone_type(c);
		set_body(request, "none", NULL);
		return 0;
	}
	if (!strcmp(c->verb, "GET") || !strcmp(c->verb, "HEAD"))
		curl_note(c->out, "--request",
			  "curl sends a body with GET; a request here cannot "
			  "(RFC 9110 section 9.3): use the query, or POST.");
	rc = curl_data_join(c, &b);
	if (!rc && !b.len) {
		put_lone_type(c);
		set_body(request, "none", NULL);
	} else if (!rc && !body_json(c, &b, request) &&
		   !body_form(c, &b, request))
		body_text(c, &b, request);
	buf_wipe(&b);
	return rc;
}
