/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masking echoed secrets.
 *
 * The spellings of all secrets are made once; a text is searched for all of
 * them in one pass: the first byte chooses a list, whose spellings are then
 * compared.  At most one spelling's length of bytes is held back.
 *
 * A position is masked after it was looked at, and a look goes forwards
 * only, so that secrets that overlap are both found.
 */
#include <stdlib.h>

#include "call/scrub.h"

enum { ESCAPE_MAX = 6 }; /* "&quot;", "\u0026" */

/* One spelling of a secret. */
struct spelling {
	struct secret *bytes;
	struct spelling *next; /* with the same first byte */
};

struct call_scrub {
	struct spelling *by_first[256];
	size_t longest;
	size_t mask_left; /* of a secret whose end is in the next piece */
	size_t found;
};

/* ---- spellings ---- */

static bool
spelling_is_known(const struct call_scrub *s, struct slice text)
{
	const struct spelling *p = s->by_first[(unsigned char)text.ptr[0]];

	for (; p; p = p->next)
		if (secret_len(p->bytes) == text.len &&
		    !memcmp(secret_peek(p->bytes), text.ptr, text.len))
			return true;
	return false;
}

static int
spelling_add(struct call_scrub *s, struct slice text)
{
	struct spelling **first, *p;

	if (text.len < CALL_SCRUB_MIN || spelling_is_known(s, text))
		return 0;
	p = calloc(1, sizeof(*p));
	if (!p)
		return ERR_NOMEM;
	p->bytes = secret_from(text.ptr, text.len);
	if (!p->bytes) {
		free(p);
		return ERR_NOMEM;
	}
	first = &s->by_first[(unsigned char)text.ptr[0]];
	p->next = *first;
	*first = p;
	if (text.len > s->longest)
		s->longest = text.len;
	return 0;
}

static char
lower_hex(char c)
{
	return c >= 'A' && c <= 'F' ? (char)(c + ('a' - 'A')) : c;
}

/* The same with lower-case hex digits after each '%'. */
static void
lower_escapes(char *text, size_t len)
{
	size_t i;

	for (i = 0; i + 2 < len; i++) {
		if (text[i] != '%')
			continue;
		text[i + 1] = lower_hex(text[i + 1]);
		text[i + 2] = lower_hex(text[i + 2]);
		i += 2;
	}
}

/* JSON as those write it who escape '/', or what HTML minds. */
static int
put_json_wary(struct buf *out, struct slice text, bool slash)
{
	static const char hex[] = "0123456789abcdef";
	size_t i;
	int rc = 0;

	for (i = 0; i < text.len && !rc; i++) {
		char c = text.ptr[i];

		if (slash && c == '/') {
			rc = buf_put_slice(out, SLICE("\\/"));
		} else if (!slash && c && strchr("&<>'", c)) {
			char u[6] = { '\\', 'u', '0', '0' };

			u[4] = hex[c >> 4 & 15];
			u[5] = hex[c & 15];
			rc = buf_put_slice(out, slice_of(u, sizeof(u)));
		} else {
			rc = codec_json(out, slice_of(&c, 1));
		}
	}
	return rc;
}

typedef int spell(struct buf *out, struct slice text);

static int
json_slash(struct buf *out, struct slice text)
{
	return put_json_wary(out, text, true);
}

static int
json_html(struct buf *out, struct slice text)
{
	return put_json_wary(out, text, false);
}

static int
spell_escaped(struct call_scrub *s, struct slice secret)
{
	static spell *const all[] = { codec_percent, codec_form, codec_json,
				      json_slash,    json_html,	 codec_html };
	struct buf b;
	size_t i;
	int rc;

	/* Room for the longest spelling: a buffer that grows leaves copies. */
	buf_init(&b, ESCAPE_MAX * SECRET_MAX);
	rc = buf_reserve(&b, ESCAPE_MAX * secret.len);
	for (i = 0; i < sizeof(all) / sizeof(*all) && !rc; i++) {
		buf_reset(&b);
		rc = all[i](&b, secret);
		if (!rc)
			rc = spelling_add(s, buf_slice(&b));
		if (rc || all[i] == codec_json || all[i] == codec_html)
			continue;
		lower_escapes(b.data, b.len);
		rc = spelling_add(s, buf_slice(&b));
	}
	buf_wipe(&b);
	return rc;
}

/*
 * In base64 a secret looks in three ways, by the bytes before it.  What it
 * shares a character with is not known, so such a character is left out:
 * with `before` unknown bytes in front, their characters and the mixed one;
 * at the end, the one that is not full.
 */
static int
spell_base64(struct call_scrub *s, struct slice secret, size_t before)
{
	size_t len = before + secret.len;
	size_t skip = before ? before + 1 : 0, full = len * 8 / 6, i;
	char *plain = calloc(1, len + 1);
	char *text = calloc(1, CODEC_BASE64_SIZE(len));
	int rc = ERR_NOMEM;

	if (plain && text) {
		memcpy(plain + before, secret.ptr, secret.len);
		codec_base64(plain, len, text);
		rc = spelling_add(s, slice_of(text + skip, full - skip));
		for (i = 0; i < full; i++)
			text[i] = text[i] == '+'   ? '-'
				  : text[i] == '/' ? '_'
						   : text[i];
		if (!rc)
			rc = spelling_add(s,
					  slice_of(text + skip, full - skip));
	}
	if (plain)
		secret_wipe(plain, len);
	if (text)
		secret_wipe(text, full);
	free(plain);
	free(text);
	return rc;
}

static int
spell_all(struct call_scrub *s, struct slice secret)
{
	size_t before;
	int rc;

	if (secret.len < CALL_SCRUB_MIN)
		return 0;
	rc = spelling_add(s, secret);
	if (!rc)
		rc = spell_escaped(s, secret);
	for (before = 0; before < 3 && !rc; before++)
		rc = spell_base64(s, secret, before);
	return rc;
}

/* ---- the door ---- */

int
call_scrub_new(struct secret *const *secrets, size_t count,
	       struct call_scrub **out)
{
	struct call_scrub *s = calloc(1, sizeof(*s));
	size_t i;
	int rc = s ? 0 : ERR_NOMEM;

	*out = NULL;
	for (i = 0; i < count && !rc; i++)
		rc = spell_all(s, slice_of(secret_peek(secrets[i]),
					   secret_len(secrets[i])));
	if (rc)
		call_scrub_free(s);
	else
		*out = s;
	return rc;
}

void
call_scrub_free(struct call_scrub *s)
{
	struct spelling *p;
	size_t i;

	if (!s)
		return;
	for (i = 0; i < 256; i++) {
		while ((p = s->by_first[i])) {
			s->by_first[i] = p->next;
			secret_free(p->bytes);
			free(p);
		}
	}
	free(s);
}

/* The length of the longest secret that begins here, or 0; *open when one
 * may, but its end is not there yet. */
static size_t
look(const struct call_scrub *s, const char *at, size_t left, bool *open)
{
	const struct spelling *p = s->by_first[(unsigned char)*at];
	size_t longest = 0, len;

	for (; p; p = p->next) {
		len = secret_len(p->bytes);
		if (memcmp(at, secret_peek(p->bytes), len < left ? len : left))
			continue;
		if (len > left)
			*open = true;
		else if (len > longest)
			longest = len;
	}
	return longest;
}

size_t
call_scrub_mask(struct call_scrub *s, char *bytes, size_t len, bool last)
{
	size_t i, n, end = s->mask_left;

	for (i = 0; i < len; i++) {
		bool open = false;

		n = look(s, bytes + i, len - i, &open);
		if (open && !last)
			break; /* looked at again, with what follows */
		if (n) {
			s->found++;
			if (i + n > end)
				end = i + n;
		}
		if (i < end)
			bytes[i] = '*';
	}
	s->mask_left = last || end < i ? 0 : end - i;
	return i;
}

size_t
call_scrub_longest(const struct call_scrub *s)
{
	return s->longest;
}

size_t
call_scrub_found(const struct call_scrub *s)
{
	return s->found;
}
