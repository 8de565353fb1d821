/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words as curl reads them: options, their values, URLs.
 *
 * Long names may be cut as long as they mean one option (--head is exact,
 * --data-bin is cut, --dat is ambiguous), flags may have --no- before them,
 * short ones may be joined, and the value of the last may follow at once
 * (-sSLXPOST).  An option that curl does not have is refused, as curl does:
 * whether the next word belongs to it cannot be known.
 */
#include "hook/curl_priv.h"

struct reader {
	struct curl_command *c;
	size_t at; /* the next word */
};

/* ---- finding ---- */

/* NULL: none, or several. */
static const struct curl_option *
find_long(struct slice name)
{
	const struct curl_option *found = NULL;
	size_t i, n = 0;

	for (i = 0; i < curl_option_count; i++) {
		struct slice have = slice_str(curl_options[i].name + 2);

		if (slice_eq(have, name))
			return &curl_options[i];
		if (name.len && slice_starts(have, name)) {
			found = &curl_options[i];
			n++;
		}
	}
	return n == 1 ? found : NULL;
}

static const struct curl_option *
find_letter(char letter)
{
	size_t i;

	for (i = 0; i < curl_option_count; i++)
		if (curl_options[i].letter && curl_options[i].letter == letter)
			return &curl_options[i];
	return NULL;
}

static int
unknown(struct curl_command *c)
{
	return curl_refuse(c->out,
			   "The command has an option that curl does not have.",
			   "Try the command itself with curl first.");
}

/* ---- taking over ---- */

static int
add(struct curl_command *c, struct curl_list *l, enum curl_act act,
    struct curl_word w)
{
	if (l->count == CURL_ITEMS_MAX)
		return curl_refuse(c->out,
				   "The command repeats an option too often.",
				   NULL);
	l->items[l->count++] = (struct curl_item){ act, w.text, w.variable };
	return 0;
}

/* Seconds, perhaps with a fraction, as thousandths; -1: no number. */
static long
thousandths(struct slice s)
{
	size_t dot = slice_find(s, '.'), i;
	uint64_t n = 0;
	long part = 0, unit = 100;

	if (slice_to_u64(slice_head(s, dot), 1000000, &n))
		return -1;
	for (i = dot + 1; i < s.len; i++, unit /= 10) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return -1;
		part += unit * (s.ptr[i] - '0');
	}
	return (long)n * 1000 + part;
}

static void
take_number(struct curl_command *c, const struct curl_option *o,
	    struct slice text, long *out)
{
	uint64_t n;

	if (o->act == CURL_MAX_TIME)
		*out = thousandths(text);
	else if (slice_to_u64(text, 1000000000, &n))
		*out = -1;
	else
		*out = (long)n;
	if (*out < 0)
		curl_note(c->out, "",
			  "A number was expected behind an "
			  "option for limits: it is left out.");
}

static void
take_url(struct curl_command *c, struct curl_word w)
{
	if (c->url.text.ptr)
		curl_note(c->out, "--url",
			  "The command has several URLs: the first is taken.");
	else
		c->url = (struct curl_item){ CURL_URL, w.text, w.variable };
}

static int
take_header(struct curl_command *c, const struct curl_option *o,
	    struct curl_word w)
{
	return add(c, &c->headers, o->act, w);
}

static void
take_flag(struct curl_command *c, const struct curl_option *o, bool on)
{
	switch (o->act) {
	case CURL_GET:
		c->get = on;
		break;
	case CURL_HEAD:
		c->head = on;
		break;
	case CURL_LOCATION:
		c->location = on;
		break;
	case CURL_GLOBOFF:
		c->globoff = on;
		break;
	case CURL_NEXT:
		c->over = true;
		break;
	case CURL_AUTH_OTHER:
		c->auth_other = on;
		break;
	default:
		break;
	}
}

static int
take_value(struct curl_command *c, const struct curl_option *o,
	   struct curl_word w)
{
	switch (o->act) {
	case CURL_METHOD:
		c->method = w.text;
		return 0;
	case CURL_HEADER:
	case CURL_AGENT:
	case CURL_REFERER:
	case CURL_COOKIE:
	case CURL_RANGE:
		return take_header(c, o, w);
	case CURL_JSON:
		c->json = true;
		return add(c, &c->data, o->act, w);
	case CURL_DATA:
	case CURL_DATA_RAW:
	case CURL_DATA_URLENCODE:
		return add(c, &c->data, o->act, w);
	case CURL_FORM:
	case CURL_FORM_STRING:
		return add(c, &c->forms, o->act, w);
	case CURL_URL_QUERY:
		return add(c, &c->queries, o->act, w);
	case CURL_USER:
		c->user = true;
		return 0;
	case CURL_BEARER:
		c->bearer = true;
		return 0;
	case CURL_AUTH_OTHER:
		c->auth_other = true;
		return 0;
	case CURL_URL:
		take_url(c, w);
		return 0;
	case CURL_UPLOAD:
		c->upload = true;
		return 0;
	case CURL_MAX_REDIRS:
		take_number(c, o, w.text, &c->max_redirs);
		return 0;
	case CURL_MAX_TIME:
		take_number(c, o, w.text, &c->max_time_ms);
		return 0;
	case CURL_MAX_SIZE:
		take_number(c, o, w.text, &c->max_bytes);
		return 0;
	case CURL_RETRY:
		take_number(c, o, w.text, &c->retries);
		return 0;
	default:
		return 0;
	}
}

/* The option's name with its dashes, out of the table's own text. */
static void
note_option(struct curl_command *c, const struct curl_option *o)
{
	if (o->note)
		curl_note(c->out, o->name, o->note);
}

/* ---- reading ---- */

static int
next_value(struct reader *r, const struct curl_option *o, struct curl_word *w)
{
	struct curl_command *c = r->c;

	if (r->at == c->shell.count)
		return curl_refuse(c->out,
				   "The last option of the command wants a "
				   "value.",
				   "Copy the whole command.");
	*w = c->shell.words[r->at++];
	note_option(c, o);
	return take_value(c, o, *w);
}

static int
read_expanded(struct reader *r, struct slice name)
{
	const struct curl_option *o = find_long(name);
	struct curl_word w;

	if (!o || !o->value)
		return unknown(r->c);
	curl_note(r->c->out, "--expand",
		  "Variables of curl are not filled in: use variables of the "
		  "flow.");
	return next_value(r, o, &w);
}

static int
read_long(struct reader *r, const struct curl_word *word)
{
	struct slice name = slice_from(word->text, 2);
	const struct curl_option *o = find_long(name);
	struct curl_word w = *word;
	size_t equals;

	if (!o && slice_starts(name, SLICE("no-"))) {
		o = find_long(slice_from(name, 3));
		if (!o || o->value)
			return unknown(r->c);
		take_flag(r->c, o, false);
		return 0;
	}
	if (!o && slice_starts(name, SLICE("expand-")))
		return read_expanded(r, slice_from(name, 7));
	if (o && o->value)
		return next_value(r, o, &w);
	if (o) {
		note_option(r->c, o);
		take_flag(r->c, o, true);
		return 0;
	}
	/* --name=value is not curl's, but often written. */
	equals = slice_find(name, '=');
	o = equals < name.len ? find_long(slice_head(name, equals)) : NULL;
	if (!o || !o->value)
		return unknown(r->c);
	note_option(r->c, o);
	w.text = slice_from(name, equals + 1);
	return take_value(r->c, o, w);
}

static int
read_short(struct reader *r, const struct curl_word *word)
{
	const struct curl_option *o;
	struct curl_word w = *word;
	size_t i;

	for (i = 1; i < word->text.len; i++) {
		o = find_letter(word->text.ptr[i]);
		if (!o)
			return unknown(r->c);
		if (o->value && i + 1 == word->text.len)
			return next_value(r, o, &w);
		note_option(r->c, o);
		if (o->value) {
			w.text = slice_from(word->text, i + 1);
			return take_value(r->c, o, w);
		}
		take_flag(r->c, o, true);
	}
	return 0;
}

int
curl_options_read(struct curl_command *c)
{
	struct reader r = { .c = c };
	const struct curl_word *w;
	bool options = true;
	int rc = 0;

	c->max_redirs = c->max_time_ms = c->max_bytes = c->retries = -1;
	while (!rc && r.at < c->shell.count && !c->over) {
		w = &c->shell.words[r.at++];
		if (options && slice_eq(w->text, SLICE("--")))
			options = false;
		else if (options && slice_starts(w->text, SLICE("--")))
			rc = read_long(&r, w);
		else if (options && w->text.len > 1 && w->text.ptr[0] == '-')
			rc = read_short(&r, w);
		else if (w->text.len)
			take_url(c, *w);
	}
	if (!rc && !c->url.text.ptr)
		return curl_refuse(c->out, "The command has no URL.", NULL);
	return rc;
}
