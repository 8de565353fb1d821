/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters from text to text.  The input is well-formed UTF-8, and so is the
 * output: nothing is cut within a character.
 */
#include "template/template_priv.h"

static int
put_case(struct slice s, uint32_t (*of)(uint32_t), struct buf *out)
{
	size_t len;

	for (; s.len && !buf_err(out); s = slice_from(s, len))
		template_utf8_put(out, of(template_utf8_first(s, &len)));
	return buf_err(out);
}

int
template_text_upper(const struct filter_call *call, struct slice s,
		    struct buf *out)
{
	(void)call;
	return put_case(s, template_case_upper, out);
}

int
template_text_lower(const struct filter_call *call, struct slice s,
		    struct buf *out)
{
	(void)call;
	return put_case(s, template_case_lower, out);
}

/* ASCII's white space, and the no-break space. */
static size_t
space_at_front(struct slice s)
{
	if (s.len && strchr(" \t\n\v\f\r", s.ptr[0]) && s.ptr[0])
		return 1;
	return slice_starts(s, SLICE("\xc2\xa0")) ? 2 : 0;
}

static size_t
space_at_end(struct slice s)
{
	if (s.len && strchr(" \t\n\v\f\r", s.ptr[s.len - 1]) &&
	    s.ptr[s.len - 1])
		return 1;
	return slice_ends(s, SLICE("\xc2\xa0")) ? 2 : 0;
}

int
template_text_trim(const struct filter_call *call, struct slice s,
		   struct buf *out)
{
	size_t n;

	(void)call;
	while ((n = space_at_front(s)))
		s = slice_from(s, n);
	while ((n = space_at_end(s)))
		s = slice_head(s, s.len - n);
	return buf_put_slice(out, s);
}

int
template_text_truncate(const struct filter_call *call, struct slice s,
		       struct buf *out)
{
	size_t max = (size_t)call->arguments[0].integer, more;
	struct slice mark = SLICE("\xe2\x80\xa6"); /* … */

	if (call->count > 1)
		mark = call->arguments[1].text;
	if (template_utf8_count(s) <= max)
		return buf_put_slice(out, s);
	mark = template_utf8_head(mark, max);
	more = template_utf8_count(mark);
	buf_put_slice(out, template_utf8_head(s, max - more));
	return buf_put_slice(out, mark);
}

int
template_text_replace(const struct filter_call *call, struct slice s,
		      struct buf *out)
{
	struct slice from = call->arguments[0].text;
	struct slice to = call->arguments[1].text;
	const char *hit;

	while (s.len && !buf_err(out) &&
	       (hit = memmem(s.ptr, s.len, from.ptr, from.len))) {
		buf_put(out, s.ptr, (size_t)(hit - s.ptr));
		buf_put_slice(out, to);
		s = slice_from(s, (size_t)(hit - s.ptr) + from.len);
	}
	return buf_put_slice(out, s);
}

int
template_text_urlencode(const struct filter_call *call, struct slice s,
			struct buf *out)
{
	(void)call;
	return codec_percent(out, s);
}

int
template_text_base64(const struct filter_call *call, struct slice s,
		     struct buf *out)
{
	size_t size = CODEC_BASE64_SIZE(s.len);

	(void)call;
	if (buf_reserve(out, size - 1))
		return buf_err(out);
	codec_base64(s.ptr, s.len, out->data + out->len);
	out->len += size - 1;
	return 0;
}

int
template_text_same(const struct filter_call *call, struct slice s,
		   struct buf *out)
{
	(void)call;
	return buf_put_slice(out, s);
}
