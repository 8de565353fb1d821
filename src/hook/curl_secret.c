/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a command is a credential, and what is offered for it.
 *
 * Values are looked at where they lie, in locked memory or in a buffer that
 * is wiped; they are taken out in place, and nothing here copies one.
 */
#include "hook/curl_priv.h"

void
curl_note(struct hook_curl *out, const char *option, const char *detail)
{
	size_t i;

	for (i = 0; i < out->note_count; i++)
		if (out->notes[i].detail == detail ||
		    (!strcmp(out->notes[i].detail, detail) &&
		     !strcmp(out->notes[i].option, option)))
			return;
	if (out->note_count < HOOK_CURL_NOTES_MAX)
		out->notes[out->note_count++] =
			(struct hook_curl_note){ option, detail };
}

int
curl_refuse(struct hook_curl *out, const char *problem, const char *hint)
{
	out->problem = problem;
	out->hint = hint;
	return ERR_INVALID;
}

void
curl_offer(struct curl_command *c, const char *kind, const char *place,
	   struct slice name, const char *prefix)
{
	struct hook_curl *out = c->out;
	struct hook_curl_offer *o;
	char text[HOOK_CURL_NAME_MAX + 1] = "";
	size_t i;

	if (slice_copy(name, text, sizeof(text)) || slice_has_control(name) ||
	    !slice_is_utf8(name) || hook_secret_shape(name))
		text[0] = '\0';
	for (i = 0; i < out->offer_count; i++)
		if (!strcmp(out->offers[i].kind, kind) &&
		    !strcmp(out->offers[i].place, place) &&
		    !strcmp(out->offers[i].name, text))
			return;
	if (out->offer_count == HOOK_CURL_OFFERS_MAX)
		return;
	o = &out->offers[out->offer_count++];
	o->kind = kind;
	o->place = place;
	o->prefix = prefix ? prefix : "";
	memcpy(o->name, text, sizeof(text));
	memcpy(o->host, c->host, sizeof(o->host));
	curl_services(c, o);
}

/* ---- which services ---- */

/* A host of a definition: "api.x.com", "*.x.com", "{shop}.x.com"; one {…}
 * is one label.  A whole host that must be given fits nothing. */
static bool
host_fits(struct slice want, struct slice host)
{
	size_t open = slice_find(want, '{'), close = slice_find(want, '}');
	struct slice tail, label;

	if (slice_starts(want, SLICE("*.")))
		return slice_ends(host, slice_from(want, 1));
	if (open == want.len)
		return slice_eq(want, host);
	if (close == want.len || close < open)
		return false;
	tail = slice_from(want, close + 1);
	if (!slice_starts(tail, SLICE(".")) ||
	    memchr(tail.ptr, '{', tail.len) || host.len <= open + tail.len ||
	    !slice_starts(host, slice_head(want, open)) ||
	    !slice_ends(host, tail))
		return false;
	label = slice_of(host.ptr + open, host.len - open - tail.len);
	return !memchr(label.ptr, '.', label.len);
}

static bool
texts_fit(const struct catalog_texts *t, struct slice host)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		if (host_fits(slice_str(t->items[i]), host))
			return true;
	return false;
}

/* Whether {dc.name} is among the hosts of the API or of a method. */
static bool
names_centre_host(const struct service *s, const char *name)
{
	const struct catalog_texts *t = &s->api.hosts;
	char text[80];
	size_t i, m;

	if (strlen(name) > 60)
		return false;
	snprintf(text, sizeof(text), "{dc.%s}", name);
	for (m = 0; m <= s->methods.count; m++) {
		for (i = 0; i < t->count; i++)
			if (!strcmp(t->items[i], text))
				return true;
		if (m < s->methods.count)
			t = &s->methods.items[m].hosts;
	}
	return false;
}

static bool
centres_fit(const struct service *s, struct slice host)
{
	size_t i, k;

	for (i = 0; i < s->data_centres.count; i++) {
		const struct catalog_pairs *p = &s->data_centres.items[i].hosts;

		for (k = 0; k < p->count; k++)
			if (slice_eq(slice_str(p->items[k].value), host) &&
			    names_centre_host(s, p->items[k].name))
				return true;
	}
	return false;
}

static bool
service_fits(const struct service *s, struct slice host)
{
	size_t i;

	if (texts_fit(&s->api.hosts, host) || centres_fit(s, host))
		return true;
	for (i = 0; i < s->methods.count; i++)
		if (texts_fit(&s->methods.items[i].hosts, host))
			return true;
	return false;
}

void
curl_services(struct curl_command *c, struct hook_curl_offer *o)
{
	struct slice host = slice_str(o->host);
	const struct service *s;
	size_t cursor = 0;

	if (!c->catalog || !host.len)
		return;
	while (o->service_count < HOOK_CURL_SERVICES_MAX &&
	       (s = catalog_next(c->catalog, c->org, &cursor)))
		if (service_fits(s, host) &&
		    !slice_copy(slice_str(s->id), o->services[o->service_count],
				sizeof(o->services[0])))
			o->service_count++;
}

/* ---- what is a credential ---- */

bool
curl_is_secret(struct slice name, struct slice value)
{
	if (!value.len)
		return false;
	if (slice_eq_nocase(name, SLICE("key")))
		return value.len >= 16 && !memchr(value.ptr, ' ', value.len);
	return hook_secret_name(name) || hook_secret_shape(value);
}

size_t
curl_text_clean(char *text, size_t *len)
{
	size_t at, n, count = 0;

	while ((n = hook_secret_find(slice_of(text, *len), &at)) > 0) {
		memmove(text + at, text + at + n, *len - at - n);
		secret_wipe(text + *len - n, n);
		*len -= n;
		count++;
	}
	return count;
}

/* The index of the quote that ends the string begun at `at`. */
static size_t
string_end(const char *text, size_t len, size_t at)
{
	for (at++; at < len && text[at] != '"'; at++)
		if (text[at] == '\\')
			at++;
	return at;
}

static size_t
skip_space(const char *text, size_t len, size_t at)
{
	while (at < len && text[at] && strchr(" \t\r\n", text[at]))
		at++;
	return at;
}

/*
 * The strings of the text one after the other: one before a colon is a name,
 * for all strings up to the next name.  So a list's items have the name of
 * the list, and no nesting has to be followed.
 */
void
curl_json_clean(struct curl_command *c, char *text, size_t len)
{
	struct slice name = SLICE_NONE, value;
	size_t i = 0, end, next;

	while (i < len) {
		if (text[i] != '"') {
			i++;
			continue;
		}
		end = string_end(text, len, i);
		if (end >= len)
			return;
		value = slice_of(text + i + 1, end - i - 1);
		next = skip_space(text, len, end + 1);
		if (next < len && text[next] == ':') {
			name = value;
		} else if (curl_is_secret(name, value)) {
			curl_offer(c, "api_key", "json", name, NULL);
			secret_wipe(text + i + 1, end - i);
			memset(text + i + 1, ' ', end - i);
			text[i + 1] = '"';
		}
		i = end + 1;
	}
}
