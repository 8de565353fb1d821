/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs: a JSON line is composed on the stack and written at once.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/base.h"

enum { LINE_MAX_BYTES = 8 * 1024, VALUE_MAX = 512 };

static struct {
	char role[16];
	enum log_level least;
} setup = { "drawbridge", LOG_INFO };

static const char *const levels[] = { "debug", "info", "warn", "error" };

void
log_setup(const char *role, enum log_level least)
{
	snprintf(setup.role, sizeof(setup.role), "%s", role);
	setup.least = least;
}

struct line {
	char text[LINE_MAX_BYTES];
	size_t len;
	bool full;
};

/* Leaves room for the line's own end. */
static void
line_put(struct line *l, const char *text, size_t len)
{
	size_t room = sizeof(l->text) - 8 - l->len;

	if (len > room) {
		l->full = true;
		return;
	}
	memcpy(l->text + l->len, text, len);
	l->len += len;
}

static void
line_put_char(struct line *l, unsigned char c)
{
	char escaped[8];
	int n;

	if (c == '"' || c == '\\') {
		n = snprintf(escaped, sizeof(escaped), "\\%c", c);
	} else if (c < 0x20 || c == 0x7f) {
		n = snprintf(escaped, sizeof(escaped), "\\u%04x", c);
	} else {
		escaped[0] = (char)c;
		n = 1;
	}
	line_put(l, escaped, (size_t)n);
}

static void
line_put_text(struct line *l, struct slice s)
{
	bool cut = s.len > VALUE_MAX, ascii = !slice_is_utf8(s);
	unsigned char c;
	size_t i;

	s = slice_head(s, VALUE_MAX);
	while (cut && !ascii && s.len && (s.ptr[s.len - 1] & 0xc0) == 0x80)
		s.len--; /* not in the middle of a character */
	if (cut && !ascii && s.len && (s.ptr[s.len - 1] & 0x80))
		s.len--;
	line_put(l, "\"", 1);
	for (i = 0; i < s.len; i++) {
		c = (unsigned char)s.ptr[i];
		line_put_char(l, ascii && c >= 0x80 ? '?' : c);
	}
	line_put(l, cut ? "...\"" : "\"", cut ? 4 : 1);
}

static void
line_put_field(struct line *l, const struct log_field *f)
{
	size_t before = l->len;
	char number[24];
	int n;

	line_put(l, ",\"", 2);
	line_put(l, f->name, strlen(f->name));
	line_put(l, "\":", 2);
	if (f->kind == LOG_FIELD_TEXT) {
		line_put_text(l, f->text);
	} else {
		n = snprintf(number, sizeof(number), "%lld",
			     (long long)f->number);
		line_put(l, number, (size_t)n);
	}
	if (l->full) { /* without this field the line is JSON still */
		l->len = before;
		l->full = false;
	}
}

void
log_write(enum log_level level, const char *event,
	  const struct log_field *fields, size_t count)
{
	char time[CLOCK_TEXT_SIZE];
	struct line l;
	size_t i;
	int n;

	if (level < setup.least)
		return;
	clock_format(clock_wall_ms(), time);
	n = snprintf(l.text, sizeof(l.text),
		     "{\"ts\":\"%s\",\"level\":\"%s\",\"role\":\"%s\","
		     "\"event\":",
		     time, levels[level], setup.role);
	l.len = (size_t)n;
	l.full = false;
	line_put_text(&l, slice_str(event));
	for (i = 0; i < count; i++)
		line_put_field(&l, &fields[i]);
	memcpy(l.text + l.len, "}\n", 2);
	l.len += 2;
	while (write(STDERR_FILENO, l.text, l.len) < 0 && errno == EINTR)
		;
}
