/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates: text with {name} in it, expanded by place.
 *
 * No language: a name is looked up and its value put in, nothing nests and
 * values are never read again as templates (they may not hold braces).  In
 * a URL only hosts and labels may stand before the path, so that no value
 * can move a request to another host; text is percent-encoded behind it.
 */
#include "catalog/catalog_priv.h"

bool
binding_template_next(struct slice *rest, struct slice *text, bool *is_name)
{
	size_t open, end;

	if (!rest->len)
		return false;
	open = slice_find(*rest, '{');
	if (open) {
		*text = slice_head(*rest, open);
		*rest = slice_from(*rest, open);
		*is_name = false;
		return true;
	}
	end = slice_find(*rest, '}');
	*text = slice_of(rest->ptr + 1, end > 0 ? end - 1 : 0);
	*is_name = true;
	/* An open brace without its end: an empty name, which nothing has. */
	if (end == rest->len)
		*text = SLICE_NONE;
	*rest = slice_from(*rest, end + 1);
	return true;
}

bool
template_uses(const char *text, const char *name)
{
	struct slice rest = slice_str(text), piece;
	bool is_name;

	while (binding_template_next(&rest, &piece, &is_name))
		if (is_name && slice_eq(piece, slice_str(name)))
			return true;
	return false;
}

/* One value where it stands; `inside` the scheme and authority of a URL. */
static int
value_put(struct template_value v, unsigned flags, bool inside, bool first,
	  struct buf *out)
{
	struct slice s = slice_str(v.text);

	if (!(flags & TEMPLATE_AS_URL))
		return buf_put_slice(out, s);
	switch (v.class) {
	case TEMPLATE_URL:
		return first ? buf_put_slice(out, s) : ERR_INVALID;
	case TEMPLATE_HOST:
	case TEMPLATE_LABEL:
		return buf_put_slice(out, s);
	case TEMPLATE_TEXT:
		if (!inside)
			return codec_percent(out, s);
		return catalog_is_label(s) ? buf_put_slice(out, s)
					   : ERR_INVALID;
	default:
		return ERR_INVALID;
	}
}

/* Whether what has been written so far ends within scheme or authority. */
static bool
inside_authority(const struct buf *out, size_t start)
{
	size_t i, slashes = 0;

	for (i = start; i < out->len; i++) {
		if (out->data[i] == '?' || out->data[i] == '#')
			return false;
		if (out->data[i] == '/' && ++slashes == 3)
			return false;
	}
	return true;
}

int
template_expand(const char *text, template_lookup lookup, void *arg,
		unsigned flags, struct buf *out, struct slice *name)
{
	struct slice rest = slice_str(text), piece;
	size_t start = out->len;
	struct template_value v;
	bool is_name;
	int err = 0;

	while (!err && binding_template_next(&rest, &piece, &is_name)) {
		if (!is_name) {
			if (slice_find(piece, '}') < piece.len)
				return ERR_INVALID;
			err = buf_put_slice(out, piece);
			continue;
		}
		if (name)
			*name = piece;
		v = lookup(arg, piece);
		if (v.class == TEMPLATE_UNKNOWN) {
			if (!(flags & TEMPLATE_KEEP_UNKNOWN))
				return ERR_NOT_FOUND;
			err = buf_printf(out, "{%.*s}", SLICE_ARG(piece));
		} else if (v.class == TEMPLATE_MISSING) {
			return ERR_WRONG_STATE;
		} else {
			err = value_put(v, flags, inside_authority(out, start),
					out->len == start, out);
		}
	}
	return err ? err : buf_err(out);
}
