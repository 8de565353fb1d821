/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command line as a POSIX shell reads it: quotes, escapes, comments, and
 * where the command ends (POSIX.1-2017, Shell & Utilities 2.2 and 2.3; $'…'
 * as in its 2024 issue).
 *
 * Nothing is carried out: $NAME, $(…) and `…` stay as they are written, and
 * their word is marked.  Words are written into locked memory of the text's
 * own size, since no word grows by being read.
 */
#include <stdlib.h>

#include "hook/curl_priv.h"

enum { NEST_MAX = 64 };

struct lexer {
	struct slice in;
	size_t at;
	char *out; /* locked */
	size_t len;
	bool variable, quoted;
	struct hook_curl *notes;
};

static int
peek(const struct lexer *x, size_t ahead)
{
	return x->at + ahead < x->in.len
		       ? (unsigned char)x->in.ptr[x->at + ahead]
		       : -1;
}

static void
put(struct lexer *x, char c)
{
	x->out[x->len++] = c;
}

static void
copy(struct lexer *x, size_t n)
{
	while (n-- > 0 && x->at < x->in.len)
		put(x, x->in.ptr[x->at++]);
}

static int
not_closed(struct lexer *x)
{
	return curl_refuse(x->notes, "A quote is opened and not closed.",
			   "Copy the whole command.");
}

static int
other_shell(struct lexer *x)
{
	return curl_refuse(
		x->notes, "This is a command for Windows' cmd or PowerShell.",
		"In the browser's developer tools choose \"Copy as cURL "
		"(bash)\", or \"(POSIX)\".");
}

/* ---- substitutions ---- */

static bool
is_name(int c)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

/* The length of (…) or {…} that begins ahead; 0: it does not end. */
static size_t
nested(const struct lexer *x, size_t ahead, char open, char close)
{
	size_t i, depth = 0;
	char quote = 0, c;

	for (i = x->at + ahead; i < x->in.len; i++) {
		c = x->in.ptr[i];
		if (c == '\\' && quote != '\'')
			i++;
		else if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '\'' || c == '"')
			quote = c;
		else if (c == open && ++depth > NEST_MAX)
			return 0;
		else if (c == close && --depth == 0)
			return i + 1 - x->at;
	}
	return 0;
}

static int
read_dollar(struct lexer *x)
{
	int next = peek(x, 1);
	size_t n = 1;

	if (next == '(' || next == '{') {
		n = nested(x, 1, (char)next, next == '(' ? ')' : '}');
		if (!n)
			return not_closed(x);
	} else if (is_name(next) && !(next >= '0' && next <= '9')) {
		while (is_name(peek(x, n)))
			n++;
	} else if (next > 0 && strchr("0123456789@*#?!$-", next)) {
		n = 2;
	} else {
		copy(x, 1);
		return 0;
	}
	x->variable = true;
	copy(x, n);
	return 0;
}

static int
read_backtick(struct lexer *x)
{
	size_t n = 1;

	while (peek(x, n) >= 0 && peek(x, n) != '`')
		n += peek(x, n) == '\\' ? 2 : 1;
	if (peek(x, n) != '`')
		return not_closed(x);
	x->variable = true;
	copy(x, n + 1);
	return 0;
}

/* ---- quotes ---- */

static int
read_single(struct lexer *x)
{
	x->at++;
	while (peek(x, 0) >= 0 && peek(x, 0) != '\'')
		copy(x, 1);
	if (peek(x, 0) < 0)
		return not_closed(x);
	x->at++;
	return 0;
}

static int
read_double(struct lexer *x)
{
	int c, rc = 0;

	x->at++;
	while (!rc && (c = peek(x, 0)) >= 0 && c != '"') {
		if (c == '\\' && peek(x, 1) == '\n') {
			x->at += 2;
		} else if (c == '\\' && peek(x, 1) > 0 &&
			   strchr("$`\"\\", peek(x, 1))) {
			x->at++;
			copy(x, 1);
		} else if (c == '$') {
			rc = read_dollar(x);
		} else if (c == '`') {
			rc = read_backtick(x);
		} else {
			copy(x, 1);
		}
	}
	if (!rc && peek(x, 0) < 0)
		return not_closed(x);
	x->at++;
	return rc;
}

/* Up to `max` digits of the base. */
static uint32_t
read_digits(struct lexer *x, unsigned base, size_t max)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t n = 0;
	const char *d;
	int c;

	while (max-- > 0 && (c = peek(x, 0)) > 0) {
		d = strchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c);
		if (!d || d - digits >= (long)base)
			break;
		n = n * base + (uint32_t)(d - digits);
		x->at++;
	}
	return n;
}

static void
put_utf8(struct lexer *x, uint32_t cp)
{
	if (cp < 0x80) {
		put(x, (char)cp);
	} else if (cp < 0x800) {
		put(x, (char)(0xc0 | cp >> 6));
		put(x, (char)(0x80 | (cp & 63)));
	} else if (cp < 0x10000) {
		put(x, (char)(0xe0 | cp >> 12));
		put(x, (char)(0x80 | (cp >> 6 & 63)));
		put(x, (char)(0x80 | (cp & 63)));
	} else {
		put(x, (char)(0xf0 | (cp >> 18 & 7)));
		put(x, (char)(0x80 | (cp >> 12 & 63)));
		put(x, (char)(0x80 | (cp >> 6 & 63)));
		put(x, (char)(0x80 | (cp & 63)));
	}
}

/* What follows a backslash in $'…'.  \u00e9 is never shorter than what it
 * makes, \u and \U without digits stay. */
static void
read_ansi_escape(struct lexer *x)
{
	static const char from[] = "abeEfnrtv\\'\"?";
	static const char to[] = "\a\b\033\033\f\n\r\t\v\\'\"?";
	const char *f;
	size_t begin;
	uint32_t n;
	int c;

	x->at++;
	c = peek(x, 0);
	f = c > 0 ? strchr(from, c) : NULL;
	if (f) {
		put(x, to[f - from]);
		x->at++;
	} else if (c >= '0' && c <= '7') {
		put(x, (char)read_digits(x, 8, 3));
	} else if (c == 'x' || c == 'u' || c == 'U') {
		begin = ++x->at;
		n = read_digits(x, 16, c == 'x' ? 2 : c == 'u' ? 4 : 8);
		if (x->at == begin)
			put(x, '\\'), put(x, (char)c);
		else if (c == 'x')
			put(x, (char)n);
		else
			put_utf8(x, n);
	} else if (c == 'c' && peek(x, 1) >= 0) {
		put(x, (char)(peek(x, 1) & 0x1f));
		x->at += 2;
	} else if (c >= 0) {
		put(x, '\\');
		copy(x, 1);
	}
}

static int
read_ansi(struct lexer *x)
{
	x->at += 2;
	while (peek(x, 0) >= 0 && peek(x, 0) != '\'') {
		if (peek(x, 0) == '\\')
			read_ansi_escape(x);
		else
			copy(x, 1);
	}
	if (peek(x, 0) < 0)
		return not_closed(x);
	x->at++;
	return 0;
}

/* ---- words ---- */

static int
read_backslash(struct lexer *x)
{
	if (peek(x, 1) == '\n')
		x->at += 2;
	else if (peek(x, 1) == '\r' && peek(x, 2) == '\n')
		x->at += 3;
	else if (peek(x, 1) < 0)
		x->at++;
	else
		x->at++, copy(x, 1);
	return 0;
}

static bool
ends_line(const struct lexer *x, size_t ahead)
{
	return peek(x, ahead) == '\n' ||
	       (peek(x, ahead) == '\r' && peek(x, ahead + 1) == '\n');
}

static int
read_quote(struct lexer *x, int c)
{
	x->quoted = true;
	if (c == '\'')
		return read_single(x);
	if (c == '$' && peek(x, 1) == '\'')
		return read_ansi(x);
	if (c == '$')
		x->at++;
	return read_double(x);
}

/* One step of a word; false where the word ends. */
static bool
word_step(struct lexer *x, int *rc)
{
	int c = peek(x, 0), next = peek(x, 1);

	if (c < 0 || strchr(" \t\r\n;&|<>()", c))
		return false;
	if ((c == '^' && (next == '"' || ends_line(x, 1))) ||
	    (c == '`' && ends_line(x, 1)))
		*rc = other_shell(x);
	else if (c == '\'' || c == '"' ||
		 (c == '$' && (next == '\'' || next == '"')))
		*rc = read_quote(x, c);
	else if (c == '\\')
		*rc = read_backslash(x);
	else if (c == '$')
		*rc = read_dollar(x);
	else if (c == '`')
		*rc = read_backtick(x);
	else
		copy(x, 1);
	return !*rc;
}

static int
read_word(struct lexer *x, struct curl_word *w)
{
	size_t begin = x->len;
	int rc = 0;

	x->variable = x->quoted = false;
	while (word_step(x, &rc))
		;
	w->text = slice_of(x->out + begin, x->len - begin);
	w->variable = x->variable;
	return rc;
}

/* White space, joined lines, comments. */
static void
skip_space(struct lexer *x)
{
	for (;;) {
		if (peek(x, 0) == ' ' || peek(x, 0) == '\t' ||
		    (peek(x, 0) == '\r'))
			x->at++;
		else if (peek(x, 0) == '\\' && ends_line(x, 1))
			x->at += peek(x, 1) == '\r' ? 3 : 2;
		else if (peek(x, 0) == '#')
			while (peek(x, 0) >= 0 && peek(x, 0) != '\n')
				x->at++;
		else
			return;
	}
}

/* > file, 2>&1, < file, << EOF: the operator and its word are dropped. */
static int
read_redirection(struct lexer *x)
{
	struct curl_word dropped;
	size_t mark = x->len;
	int rc;

	curl_note(x->notes, "",
		  "Redirections to and from files are left out: what the "
		  "service answers goes to the response list.");
	while (peek(x, 0) > 0 && strchr("<>&|-", peek(x, 0)))
		x->at++;
	skip_space(x);
	rc = read_word(x, &dropped);
	x->len = mark;
	return rc;
}

static bool
is_digits(struct slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
	return s.len > 0;
}

/* The words up to the end of one command. */
static int
read_command(struct lexer *x, struct curl_shell *shell)
{
	struct curl_word w;
	int c, rc = 0;

	shell->count = 0;
	while (!rc) {
		skip_space(x);
		c = peek(x, 0);
		if (c == '<' || c == '>' || (c == '&' && peek(x, 1) == '>')) {
			rc = read_redirection(x);
			continue;
		}
		if (c < 0 || strchr("\n;&|()", c))
			return 0;
		rc = read_word(x, &w);
		c = peek(x, 0);
		if (!rc && !x->quoted && (c == '<' || c == '>') &&
		    is_digits(w.text))
			continue; /* 2>… */
		if (!rc && shell->count == CURL_WORDS_MAX)
			return curl_refuse(x->notes,
					   "The command has too many words.",
					   NULL);
		if (!rc)
			shell->words[shell->count++] = w;
	}
	return rc;
}

/* ---- finding curl ---- */

static bool
is_assignment(struct slice word)
{
	size_t i, end = slice_find(word, '=');

	if (end == word.len || !end)
		return false;
	for (i = 0; i < end; i++)
		if (!is_name((unsigned char)word.ptr[i]))
			return false;
	return true;
}

static bool
is_curl(struct slice word)
{
	size_t i;

	for (i = word.len; i > 0; i--)
		if (word.ptr[i - 1] == '/' || word.ptr[i - 1] == '\\')
			break;
	word = slice_from(word, i);
	return slice_eq_nocase(word, SLICE("curl")) ||
	       slice_eq_nocase(word, SLICE("curl.exe"));
}

/* Where curl stands among what may stand before it; count: nowhere. */
static size_t
find_curl(struct curl_shell *s, struct hook_curl *out)
{
	static const char *const before[] = { "$",    "%",    "sudo",	 "time",
					      "env",  "exec", "command", "nice",
					      "then", "do",   "!" };
	size_t i, k;

	for (i = 0; i < s->count; i++) {
		if (is_curl(s->words[i].text))
			return i;
		if (is_assignment(s->words[i].text)) {
			curl_note(out, "",
				  "Variables that the shell sets before the "
				  "command are not filled in.");
			continue;
		}
		for (k = 0; k < ARRAY_LEN(before); k++)
			if (slice_eq(s->words[i].text, slice_str(before[k])))
				break;
		if (k == ARRAY_LEN(before))
			break;
	}
	return s->count;
}

/* What stands behind the command. */
static void
note_rest(struct lexer *x)
{
	int c = peek(x, 0), next = peek(x, 1);

	if (c < 0)
		return;
	while (peek(x, 0) > 0 && strchr(" \t\r\n", peek(x, 0)))
		x->at++;
	if (peek(x, 0) < 0 || (c == ')' && peek(x, 1) < 0))
		return;
	if (c == '|' && next != '|')
		curl_note(x->notes, "",
			  "What stands behind | (such as jq) is not part of "
			  "the request: the response list takes values out of "
			  "the answer.");
	else if (c == '&' && next != '&')
		curl_note(x->notes, "",
			  "An & outside quotes ends the command for a shell: "
			  "what stands behind it is left out. If it belongs "
			  "to the URL, put the URL in quotes.");
	else
		curl_note(x->notes, "",
			  "Only the first curl command is taken; what stands "
			  "behind it is left out.");
}

int
curl_shell_read(struct slice text, struct curl_shell *shell,
		struct hook_curl *out)
{
	struct lexer x = { .in = text, .notes = out };
	size_t curl;
	int rc = 0;

	shell->bytes = secret_new(text.len + 8);
	if (!shell->bytes)
		return ERR_NOMEM;
	x.out = secret_bytes(shell->bytes);
	while (!rc && x.at < text.len) {
		x.len = 0;
		out->note_count = 0;
		rc = read_command(&x, shell);
		curl = rc ? 0 : find_curl(shell, out);
		if (!rc && curl < shell->count) {
			shell->count -= curl + 1;
			memmove(shell->words, shell->words + curl + 1,
				shell->count * sizeof(shell->words[0]));
			note_rest(&x);
			return 0;
		}
		if (x.at < text.len)
			x.at++; /* the operator */
	}
	return rc ? rc
		  : curl_refuse(out, "There is no curl command in this text.",
				"Paste a command that begins with curl.");
}
