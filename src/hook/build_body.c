/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of one run's request, by its type.
 *
 * The parts of multipart/form-data (RFC 7578) are parted by a boundary that
 * is drawn anew for each request: 256 random bits, which no value can know.
 *
 * Runs on a work thread.
 */
#include <stdio.h>

#include "hook/hook_priv.h"

/* ---- rows ---- */

static int
build_form(const struct hook_document *d, const json_t *values,
	   struct hook_built *b)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < d->parts.count && !rc; i++) {
		if (i)
			buf_putc(&b->body, '&');
		rc = hook_render(b, d->parts.items[i].name, values,
				 "A form field's name", &b->body);
		if (!rc)
			rc = buf_putc(&b->body, '=');
		if (!rc)
			rc = hook_render(b, d->parts.items[i].value, values,
					 "A form field", &b->body);
	}
	return rc;
}

static int
build_part_head(const struct hook_row *row, const json_t *values,
		struct hook_built *b)
{
	int rc;

	buf_puts(&b->body, "Content-Disposition: form-data; name=\"");
	rc = hook_render(b, row->name, values, "A part's name", &b->body);
	if (!rc)
		rc = buf_putc(&b->body, '"');
	if (!rc && row->filename) {
		buf_puts(&b->body, "; filename=\"");
		rc = hook_render(b, row->filename, values, "A file's name",
				 &b->body);
		if (!rc)
			rc = buf_putc(&b->body, '"');
	}
	if (rc)
		return rc;
	buf_puts(&b->body, "\r\n");
	if (row->content_type)
		buf_printf(&b->body, "Content-Type: %s\r\n", row->content_type);
	else if (row->filename || row->data.ptr)
		buf_puts(&b->body, "Content-Type: application/octet-stream"
				   "\r\n");
	return buf_puts(&b->body, "\r\n");
}

static int
build_multipart(const struct hook_document *d, const json_t *values,
		struct hook_built *b, const char **type)
{
	const struct hook_row *row;
	char boundary[RANDOM_TOKEN_SIZE];
	size_t i;
	int rc = 0;

	random_token(boundary);
	*type = arena_printf(b->arena, "multipart/form-data; boundary=%s",
			     boundary);
	if (!*type)
		return ERR_NOMEM;
	for (i = 0; i < d->parts.count && !rc; i++) {
		row = &d->parts.items[i];
		buf_printf(&b->body, "--%s\r\n", boundary);
		rc = build_part_head(row, values, b);
		if (rc)
			break;
		if (row->value)
			rc = hook_render(b, row->value, values, "A part",
					 &b->body);
		else
			buf_put_slice(&b->body, row->data);
		if (!rc)
			rc = buf_puts(&b->body, "\r\n");
	}
	return rc ? rc : buf_printf(&b->body, "--%s--\r\n", boundary);
}

/* ---- JSON ---- */

static int
render_json(const struct hook_document *d, const json_t *values,
	    struct hook_built *b, json_t **out)
{
	struct template_problem p = { 0 };
	int rc = hook_build_goes_on(b);

	*out = NULL;
	if (!rc)
		rc = template_json_render_within(
			d->json, values, TEMPLATE_MISSING_ERROR, &b->work,
			HOOK_BODY_MAX, out, &p);
	if (rc == ERR_NOT_FOUND) {
		hook_note_unset(b, p.name);
		rc = template_json_render_within(
			d->json, values, TEMPLATE_MISSING_EMPTY, &b->work,
			HOOK_BODY_MAX, out, &p);
	}
	if (!rc || rc == ERR_NOMEM || rc == ERR_CANCELLED)
		return rc;
	snprintf(b->why, sizeof(b->why), "The body%s%s: %s",
		 p.pointer[0] ? ", " : "", p.pointer, p.text);
	return ERR_INVALID;
}

static int
build_json(const struct hook_document *d, const json_t *values,
	   struct hook_built *b)
{
	json_t *tree;
	int rc = render_json(d, values, b, &tree);

	if (!rc)
		rc = json_write(tree, &b->body);
	json_decref(tree);
	return rc;
}

static int
build_graphql(const struct hook_document *d, const json_t *values,
	      struct hook_built *b)
{
	json_t *tree = NULL;
	int rc = 0;

	buf_puts(&b->body, "{\"query\":\"");
	codec_json(&b->body, slice_str(d->graphql));
	buf_puts(&b->body, "\"");
	if (d->operation) {
		buf_puts(&b->body, ",\"operationName\":\"");
		codec_json(&b->body, slice_str(d->operation));
		buf_puts(&b->body, "\"");
	}
	if (d->json) {
		buf_puts(&b->body, ",\"variables\":");
		rc = render_json(d, values, b, &tree);
		if (!rc)
			rc = json_write(tree, &b->body);
		json_decref(tree);
	}
	return rc ? rc : buf_puts(&b->body, "}");
}

/* ---- by type ---- */

static const char *const types[] = {
	[HOOK_BODY_JSON] = "application/json",
	[HOOK_BODY_FORM] = "application/x-www-form-urlencoded",
	[HOOK_BODY_TEXT] = "text/plain; charset=utf-8",
	[HOOK_BODY_XML] = "application/xml",
	[HOOK_BODY_GRAPHQL] = "application/json",
};

static int
build_by_type(const struct hook_document *d, const json_t *values,
	      struct hook_built *b, const char **type)
{
	switch (d->body) {
	case HOOK_BODY_NONE:
		return 0;
	case HOOK_BODY_JSON:
		return build_json(d, values, b);
	case HOOK_BODY_FORM:
		return build_form(d, values, b);
	case HOOK_BODY_MULTIPART:
		return build_multipart(d, values, b, type);
	case HOOK_BODY_TEXT:
	case HOOK_BODY_XML:
		return hook_render(b, d->text, values, "The body", &b->body);
	case HOOK_BODY_GRAPHQL:
		return build_graphql(d, values, b);
	}
	return ERR_INVALID;
}

int
hook_build_body(const struct hook_document *d, const json_t *values,
		struct hook_built *b, const char **type)
{
	int rc;

	*type = d->body == HOOK_BODY_NONE || d->body == HOOK_BODY_MULTIPART
			? NULL
			: types[d->body];
	rc = build_by_type(d, values, b, type);
	if (!rc)
		rc = buf_err(&b->body);
	if (rc == ERR_TOO_LARGE) {
		snprintf(b->why, sizeof(b->why),
			 "The body is larger than %d bytes.", HOOK_BODY_MAX);
		rc = ERR_INVALID;
	}
	return rc;
}
