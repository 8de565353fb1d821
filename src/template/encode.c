/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encodings: a text becomes part of something else without being more than
 * a text there.  What a place cannot hold is refused, never dropped.
 */
#include "template/template_priv.h"

static bool
has_nul(struct slice s)
{
	return s.len && memchr(s.ptr, 0, s.len);
}

/* Control characters of ASCII, and those behind it (U+0080 to U+009F), which
 * some readers take for line breaks. */
static bool
has_control(struct slice s)
{
	size_t i;

	if (slice_has_control(s))
		return true;
	for (i = 1; i < s.len; i++)
		if ((unsigned char)s.ptr[i - 1] == 0xc2 &&
		    (unsigned char)s.ptr[i] < 0xa0)
			return true;
	return false;
}

/* XML 1.0, production 2: Char. */
static bool
is_xml_char(uint32_t c)
{
	return c == '\t' || c == '\n' || c == '\r' ||
	       (c >= 0x20 && c != 0xfffe && c != 0xffff);
}

static bool
is_xml_text(struct slice s)
{
	size_t len;

	for (; s.len; s = slice_from(s, len))
		if (!is_xml_char(template_utf8_first(s, &len)))
			return false;
	return true;
}

/*
 * The escapes of XML.  A carriage return would become a line feed when it is
 * read, and any white space in an attribute a space.  A last "]" is escaped
 * since "]]>" must not come about with the text behind it.
 */
static int
encode_xml(struct slice s, bool attribute, struct buf *out)
{
	size_t i;
	char c;

	for (i = 0; i < s.len; i++) {
		c = s.ptr[i];
		if (c == '\r' || (attribute && (c == '\n' || c == '\t')) ||
		    (c == ']' && i + 1 == s.len))
			buf_printf(out, "&#%d;", c);
		else
			codec_html(out, slice_of(&c, 1));
	}
	return buf_err(out);
}

/* Out of the section, the text, and into another one: whatever stands before
 * and behind, no "]]>" comes about. */
static int
encode_xml_cdata(struct slice s, struct buf *out)
{
	buf_puts(out, "]]>");
	encode_xml(s, false, out);
	return buf_puts(out, "<![CDATA[");
}

static int
encode_part_name(struct slice s, struct buf *out)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (strchr("\r\n\"\\", s.ptr[i]))
			buf_printf(out, "%%%02X", s.ptr[i]);
		else
			buf_putc(out, s.ptr[i]);
	}
	return buf_err(out);
}

/* All controls but CR and LF, which are escaped. */
static bool
is_part_name(struct slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (slice_has_control(slice_of(s.ptr + i, 1)) &&
		    s.ptr[i] != '\r' && s.ptr[i] != '\n')
			return false;
	return true;
}

const char *
template_encoding_fault(enum encoding e, struct slice s)
{
	switch (e) {
	case ENCODING_TEXT:
		return has_nul(s) ? "has a NUL, which a text cannot hold"
				  : NULL;
	case ENCODING_HEADER:
		return has_control(s) ? "has a line break or another control "
					"character, which a header cannot hold"
				      : NULL;
	case ENCODING_XML_TEXT:
	case ENCODING_XML_ATTRIBUTE:
	case ENCODING_XML_CDATA:
		return is_xml_text(s) ? NULL
				      : "has a control character, which XML "
					"cannot hold";
	case ENCODING_PART_NAME:
		return is_part_name(s) ? NULL
				       : "has a control character, which the "
					 "name of a part cannot hold";
	default:
		return NULL;
	}
}

int
template_encode_text(enum encoding e, struct slice s, struct buf *out,
		     const char **why)
{
	*why = template_encoding_fault(e, s);
	if (*why)
		return ERR_INVALID;
	switch (e) {
	case ENCODING_PERCENT:
		return codec_percent(out, s);
	case ENCODING_FORM:
		return codec_form(out, s);
	case ENCODING_JSON:
		return codec_json(out, s);
	case ENCODING_XML_TEXT:
	case ENCODING_XML_ATTRIBUTE:
		return encode_xml(s, e == ENCODING_XML_ATTRIBUTE, out);
	case ENCODING_XML_CDATA:
		return encode_xml_cdata(s, out);
	case ENCODING_PART_NAME:
		return encode_part_name(s, out);
	default:
		return buf_put_slice(out, s);
	}
}
