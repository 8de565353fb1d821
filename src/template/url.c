/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs: where a variable may stand, and that a path keeps its shape.
 *
 * When compiling: scheme and authority are plain text; what people type but
 * a URL cannot hold (spaces, letters beyond ASCII) is percent-encoded; the
 * whole must be a URL if every variable is "x".  When rendering: values are
 * percent-encoded, and each path segment with a variable in it is looked at
 * once it is whole: not empty, no dot segment.
 */
#include <stdio.h>

#include "http/http.h"
#include "template/template_priv.h"

/* ---- compiling ---- */

static int
url_problem(const struct part *part, size_t index, size_t len,
	    struct template_problem *problem, const char *text)
{
	return template_problem_set(problem, ERR_INVALID, part->at + index, len,
				    "%s", text);
}

/* Where scheme and authority end in the template's first text; the length of
 * the text where they do not. */
static size_t
authority_end(struct slice text)
{
	size_t i, slashes = 0;

	for (i = 0; i < text.len; i++)
		if ((text.ptr[i] == '/' && ++slashes == 3) ||
		    text.ptr[i] == '?')
			return i;
	return text.len;
}

/* The part before the path: a scheme and a host, in the template's own
 * words. */
static int
check_front(const struct part *first, struct template_problem *problem)
{
	struct http_url url;
	const char *why;
	size_t end;

	if (!first || first->variable)
		return url_problem(first ? first : &(struct part){ 0 }, 0,
				   first ? first->variable->use.len : 0,
				   problem,
				   first ? "A variable cannot stand before the "
					   "path: the host is not for "
					   "variables to choose."
					 : "The URL is empty.");
	if (slice_starts(first->text, SLICE("/")) &&
	    !slice_starts(first->text, SLICE("//")))
		return 0;
	end = authority_end(first->text);
	if (end == first->text.len && first->next)
		return url_problem(first->next, 0, 1, problem,
				   first->next->variable
					   ? "A variable cannot stand before "
					     "the path: end the host with a "
					     "slash."
					   : "This is no URL: the host is not "
					     "a host.");
	if (http_url_parse(slice_head(first->text, end), &url, &why))
		return template_problem_set(problem, ERR_INVALID, 0, end,
					    "This is no URL: %s.", why);
	return 0;
}

/* Whether a byte may stand in path or query as it is (RFC 3986 3.3, 3.4, and
 * the brackets that many APIs want). */
static bool
is_url_byte(char c)
{
	return template_is_word((unsigned char)c) ||
	       (c && strchr("-.~:/?[]@!$&'()*+,;=%", c));
}

static bool
is_hex(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
	       (c >= 'A' && c <= 'F');
}

static const char *
text_fault(struct slice s, size_t i)
{
	switch (s.ptr[i]) {
	case '#':
		return "A fragment (#…) is never sent; a literal # is %23.";
	case '\\':
		return "A backslash does not belong in a URL; it is %5C.";
	case '%':
		if (i + 2 < s.len && is_hex(s.ptr[i + 1]) &&
		    is_hex(s.ptr[i + 2]))
			return NULL;
		return "After % two hexadecimal digits must stand; a literal "
		       "% is %25.";
	default:
		return slice_has_control(slice_of(s.ptr + i, 1))
			       ? "A control character does not belong in a URL."
			       : NULL;
	}
}

/* Checks a text of the URL and percent-encodes what must be. */
static int
place_url_text(struct template *t, struct part *part,
	       struct template_problem *problem)
{
	struct slice s = part->text;
	const char *fault, *copy;
	struct buf out;
	size_t i;
	int err;

	buf_init(&out, s.len * 3);
	for (i = 0; i < s.len; i++) {
		fault = text_fault(s, i);
		if (fault) {
			buf_release(&out);
			return url_problem(part, i, 1, problem, fault);
		}
		if (is_url_byte(s.ptr[i]))
			buf_putc(&out, s.ptr[i]);
		else
			codec_percent(&out, slice_of(s.ptr + i, 1));
	}
	err = buf_err(&out);
	copy = err ? NULL : arena_slice(t->arena, buf_slice(&out));
	if (copy)
		part->text = slice_of(copy, out.len);
	else
		err = err ? err : ERR_NOMEM;
	buf_release(&out);
	return err;
}

/* The URL with x for each variable. */
static int
check_whole(const struct template *t, struct template_problem *problem)
{
	const struct part *part;
	struct slice path;
	const char *why = NULL;
	struct buf b;
	size_t end;
	int err;

	buf_init(&b, t->text.len * 3);
	for (part = t->parts; part; part = part->next)
		buf_put_slice(&b, part->variable ? SLICE("x") : part->text);
	err = buf_err(&b);
	path = buf_slice(&b);
	if (!err && path.ptr[0] != '/') {
		end = authority_end(path);
		path = slice_from(path, end);
	}
	if (!err && path.len && path.ptr[0] == '/' &&
	    http_path_check(path, &why))
		err = template_problem_set(problem, ERR_INVALID, 0, t->text.len,
					   "The URL has %s.", why);
	buf_release(&b);
	return err;
}

int
template_url_place(struct template *t, struct template_problem *problem)
{
	struct part *part;
	int err = check_front(t->parts, problem);

	for (part = t->parts; part && !err; part = part->next) {
		part->encoding = ENCODING_PERCENT;
		if (!part->variable)
			err = place_url_text(t, part, problem);
	}
	return err ? err : check_whole(t, problem);
}

/* ---- rendering ---- */

const char *
template_url_segment_fault(struct slice segment)
{
	const char *why;

	if (segment.len <= 1)
		return "an empty segment";
	return http_path_check(segment, &why) ? why : NULL;
}

void
template_url_watch_begin(struct url_watch *w, const struct buf *out)
{
	w->out = out;
	w->slash = out->len;
	w->variable = NULL;
	w->in_path = true;
}

/* The segment ends at `end` of what has been written. */
static int
close_segment(const struct url_watch *w, size_t end,
	      struct template_problem *problem)
{
	const char *fault;
	char what[128];

	if (!w->in_path || !w->variable)
		return 0;
	fault = template_url_segment_fault(
		slice_of(w->out->data + w->slash, end - w->slash));
	if (!fault)
		return 0;
	snprintf(what, sizeof(what),
		 "cannot stand in the path: that would be %s.", fault);
	return template_problem_variable(problem, ERR_INVALID, w->variable,
					 what);
}

int
template_url_watch_text(struct url_watch *w, struct slice text,
			struct template_problem *problem)
{
	size_t begin = w->out->len - text.len, i;
	int err;

	for (i = 0; i < text.len && w->in_path; i++) {
		if (text.ptr[i] != '/' && text.ptr[i] != '?')
			continue;
		err = close_segment(w, begin + i, problem);
		if (err)
			return err;
		w->slash = begin + i;
		w->variable = NULL;
		w->in_path = text.ptr[i] == '/';
	}
	return 0;
}

void
template_url_watch_variable(struct url_watch *w, const struct variable *v)
{
	if (!w->variable)
		w->variable = v;
}

int
template_url_watch_end(struct url_watch *w, struct template_problem *problem)
{
	return close_segment(w, w->out->len, problem);
}
