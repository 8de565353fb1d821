/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checking: which variables of a template cannot exist, and what was
 * probably meant.
 *
 * Names are compared as written ("block.items[0].id"), by whole steps.
 */
#include <stdio.h>

#include "template/template_priv.h"

/* More than this many letters apart, names are not alike. */
enum { NEAR_MAX = 2 };

static bool
is_boundary(char c)
{
	return c == 0 || c == '.' || c == '[';
}

/* Whether `above` is `name` or one of the steps on the way to it. */
static bool
is_at_or_above(struct slice above, const char *name)
{
	return slice_starts(slice_str(name), above) &&
	       is_boundary(name[above.len]);
}

/* "session.*": the scope; its length, or 0. */
static size_t
open_scope(const char *known)
{
	struct slice s = slice_str(known);

	return slice_ends(s, SLICE(".*")) ? s.len - 2 : 0;
}

static bool
is_known(const char *name, const char *const *known)
{
	size_t open;

	for (; *known; known++) {
		open = open_scope(*known);
		if (open ? is_at_or_above(slice_of(*known, open), name)
			 : is_at_or_above(slice_str(*known), name))
			return true;
		if (is_at_or_above(slice_str(name), *known))
			return true;
	}
	return false;
}

/* The first steps of a name, as many as `like` has. */
static struct slice
same_depth(const char *name, struct slice like)
{
	size_t i, steps = 1;

	for (i = 0; i < like.len; i++)
		steps += like.ptr[i] == '.' || like.ptr[i] == '[';
	for (i = 0; name[i]; i++)
		if (is_boundary(name[i]) && !--steps)
			break;
	return slice_of(name, i);
}

/* "ticket" for "input.ticket": only the scope is missing. */
static bool
lacks_scope(struct slice name, struct slice known)
{
	return known.len > name.len && slice_ends(known, name) &&
	       known.ptr[known.len - name.len - 1] == '.';
}

/*
 * The known name that was probably meant, with what follows in the name as
 * written; "" if none.
 */
static void
suggest(const char *name, const char *const *known, char *out, size_t size)
{
	unsigned d, least = NEAR_MAX + 1;
	struct slice k, front;
	size_t open;

	out[0] = 0;
	for (; *known; known++) {
		open = open_scope(*known);
		k = slice_head(slice_str(*known), open ? open : SIZE_MAX);
		front = same_depth(name, k);
		d = lacks_scope(slice_str(name), k) ? 1
						    : slice_distance(front, k);
		if (d >= least)
			continue;
		least = d;
		if (lacks_scope(slice_str(name), k))
			front = slice_str(name);
		snprintf(out, size, "%.*s%s", SLICE_ARG(k), name + front.len);
	}
}

/* Where the next finding goes; NULL when there is no room. */
static struct template_finding *
next_finding(struct template_finding *out, size_t max, size_t n)
{
	if (n >= max)
		return NULL;
	memset(&out[n], 0, sizeof(out[n]));
	return &out[n];
}

static void
tell_unknown(const struct template_variable *v, const char *const *known,
	     struct template_finding *f)
{
	char meant[TEMPLATE_NAME_MAX + 1];

	if (!f)
		return;
	suggest(v->name, known, meant, sizeof(meant));
	f->kind = TEMPLATE_UNKNOWN;
	f->at = v->at;
	f->len = v->len;
	if (meant[0])
		snprintf(f->text, sizeof(f->text),
			 "There is no variable %.150s; did you mean %.150s?",
			 v->name, meant);
	else
		snprintf(f->text, sizeof(f->text),
			 "There is no variable %.200s.", v->name);
	slice_mend_utf8(f->text);
}

/* The known scope nearest to the word of an "@word". */
static struct slice
near_scope(struct slice word, const char *const *known)
{
	struct slice scope, best = SLICE_NONE;
	unsigned d, least = NEAR_MAX + 1;

	for (; *known; known++) {
		scope = same_depth(*known, SLICE(""));
		d = slice_distance(word, scope);
		if (d < least && d < word.len) {
			least = d;
			best = scope;
		}
	}
	return best;
}

static void
tell_stray(const struct template *t, const struct stray *stray,
	   const char *const *known, struct template_finding *f)
{
	struct slice word, meant;

	if (!f)
		return;
	f->kind = TEMPLATE_AS_TEXT;
	f->at = stray->at;
	f->len = stray->len;
	word = slice_of(t->text.ptr + stray->at + 1, stray->len - 1);
	word.len = word.len < 100 ? word.len : 100;
	meant = near_scope(word, known);
	if (stray->after_word)
		snprintf(f->text, sizeof(f->text),
			 "@%.*s is text here, as in an e-mail address; the "
			 "variable would be {{%.*s…}}.",
			 SLICE_ARG(word), SLICE_ARG(word));
	else if (meant.len)
		snprintf(f->text, sizeof(f->text),
			 "@%.*s is text, for there is no such scope; did you "
			 "mean @%.*s?",
			 SLICE_ARG(word), SLICE_ARG(meant));
	else
		snprintf(f->text, sizeof(f->text),
			 "@%.*s is text, for there is no such scope.",
			 SLICE_ARG(word));
}

size_t
template_check(const struct template *t, const char *const *known,
	       struct template_finding *out, size_t max)
{
	size_t i, n = 0;

	for (i = 0; i < t->variable_count; i++)
		if (!is_known(t->variables[i].name, known))
			tell_unknown(&t->variables[i], known,
				     next_finding(out, max, n++));
	for (i = 0; i < t->stray_count; i++)
		tell_stray(t, &t->strays[i], known,
			   next_finding(out, max, n++));
	return n;
}

size_t
template_json_check(const struct template_json *t, const char *const *known,
		    struct template_finding *out, size_t max)
{
	const struct template *text;
	size_t i, n = 0, before;
	const char *pointer;

	for (i = 0; (text = template_json_at(t, i, &pointer)); i++) {
		before = n;
		n += template_check(text, known, max > n ? out + n : out,
				    max > n ? max - n : 0);
		for (; before < n && before < max; before++)
			snprintf(out[before].pointer,
				 sizeof(out[before].pointer), "%s", pointer);
	}
	return n;
}
