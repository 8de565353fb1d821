/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Link (RFC 8288 3): every <reference> in it, in the gateway's own form.
 *
 *   <reference> ; name = token ; name = "text" , <reference> …
 *
 * Read as its appendix B.2 says, and what cannot be read so ends the field:
 * there are clients that split it at commas, or take what stands without
 * '<' for a reference, and would follow that with their key to wherever the
 * service wants.  For the same reason no '<' is left within a text.
 *
 * Runs on a worker's loop in the front.
 */
#include "gateway/gateway_priv.h"

/* "text" with its quotes, from the front of *rest; false: it has no end. */
static bool
put_quoted(struct slice *rest, struct buf *out)
{
	struct slice text;
	size_t i;

	for (i = 1; i < rest->len && rest->ptr[i] != '"'; i++)
		if (rest->ptr[i] == '\\')
			i++;
	if (i >= rest->len)
		return false;
	text = slice_head(*rest, i + 1);
	*rest = slice_from(*rest, text.len);
	for (i = 0; i < text.len; i++) {
		if (text.ptr[i] == '<')
			buf_puts(out, "%3C");
		else
			buf_putc(out, text.ptr[i]);
	}
	return true;
}

/* All parameters, up to the comma or the end; false: they are none. */
static bool
put_parameters(struct slice *rest, struct buf *out)
{
	while (rest->len && rest->ptr[0] != ',') {
		if (rest->ptr[0] == '"') {
			if (!put_quoted(rest, out))
				return false;
			continue;
		}
		if (rest->ptr[0] == '<' || rest->ptr[0] == '>')
			return false;
		buf_putc(out, rest->ptr[0]);
		*rest = slice_from(*rest, 1);
	}
	return true;
}

/* One link from the front of *rest; false: there is none. */
static bool
put_link(const struct gateway_url_base *from, struct slice *rest,
	 struct buf *out)
{
	struct slice url = slice_from(*rest, 1);

	if (!slice_starts(*rest, SLICE("<")) || slice_find(url, '>') == url.len)
		return false;
	url = slice_head(url, slice_find(url, '>'));
	buf_putc(out, '<');
	gateway_url_rewrite(from, url, out);
	buf_putc(out, '>');
	*rest = slice_trim(slice_from(*rest, url.len + 2));
	if (rest->len && rest->ptr[0] != ';' && rest->ptr[0] != ',')
		return false;
	return put_parameters(rest, out);
}

void
gateway_link_rewrite(const struct gateway_url_base *from, struct slice value,
		     struct buf *out)
{
	struct slice rest = slice_trim(value);
	size_t begin = out->len, good = begin;

	while (rest.len && !buf_err(out)) {
		if (rest.ptr[0] == ',') { /* empty elements are fine */
			rest = slice_trim(slice_from(rest, 1));
			continue;
		}
		if (good > begin)
			buf_puts(out, ", ");
		if (!put_link(from, &rest, out))
			break;
		good = out->len;
	}
	if (!buf_err(out))
		out->len = good;
}
