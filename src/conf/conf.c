/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings: the table, its sources, and what the values must look like.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/conf.h"
#include "http/http.h"

enum { URL_MAX = 500 };
enum { VALUE_MAX = 4096, FILE_MAX = 256 * 1024, ITEMS_MAX = 256 };

static const struct setting {
	const char *name;
	enum conf_type type;
	const char *fallback;
	uint64_t least, most; /* durations: in seconds */
	const char *argument;
	const char *help;
} settings[CONF_COUNT] = {
#define CONF_ROW(id, name, type, fallback, least, most, argument, help) \
	[CONF_##id] = { \
		name, CONF_##type, fallback, least, most, argument, help \
	},
	CONF_SETTINGS(CONF_ROW)
#undef CONF_ROW
};

/* Of whatever the parent alone reads, or two generations of processes could
 * not differ in. */
static const bool needs_restart[CONF_COUNT] = {
	[CONF_DATA] = true,
	[CONF_LISTEN] = true,
	[CONF_STORE] = true,
	[CONF_KEY_FILE] = true,
	[CONF_PASSPHRASE_FILE] = true,
};

struct value {
	char **items;
	size_t count;
	uint64_t number;
	int source;  /* which source said it last */
	char *where; /* and at which place; for what is wrong of several */
};

enum source { FROM_DEFAULT, FROM_FILE, FROM_ENVIRONMENT, FROM_FLAG };

struct conf {
	struct value values[CONF_COUNT];
};

__attribute__((format(printf, 3, 4))) static int
complain(struct conf_problem *p, const char *where, const char *fmt, ...)
{
	int n = snprintf(p->text, sizeof(p->text), "%s: ", where);
	va_list ap;

	va_start(ap, fmt);
	if (n > 0 && (size_t)n < sizeof(p->text))
		vsnprintf(p->text + n, sizeof(p->text) - (size_t)n, fmt, ap);
	va_end(ap);
	return ERR_INVALID;
}

/* ---- values ---- */

static int
parse_bool(struct slice text, uint64_t *out)
{
	static const char *const yes[] = { "true", "yes", "on", "1" };
	static const char *const no[] = { "false", "no", "off", "0" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(yes); i++) {
		if (slice_eq_nocase(text, slice_str(yes[i]))) {
			*out = 1;
			return 0;
		}
		if (slice_eq_nocase(text, slice_str(no[i]))) {
			*out = 0;
			return 0;
		}
	}
	return ERR_INVALID;
}

/* Seconds, or a number with s, m, h or d behind it; milliseconds come out. */
static int
parse_duration(struct slice text, uint64_t *out)
{
	uint64_t unit = 1000;

	if (text.len) {
		switch (text.ptr[text.len - 1]) {
		case 'd':
			unit *= 24;
			/* fallthrough */
		case 'h':
			unit *= 60;
			/* fallthrough */
		case 'm':
			unit *= 60;
			/* fallthrough */
		case 's':
			text.len--;
			break;
		default:
			break;
		}
	}
	if (slice_to_u64(text, UINT64_MAX / unit, out))
		return ERR_INVALID;
	*out *= unit;
	return 0;
}

static int
parse_number(const struct setting *s, struct slice text, uint64_t *out)
{
	uint64_t scale = s->type == CONF_DURATION ? 1000 : 1;

	if (s->type == CONF_BOOL)
		return parse_bool(text, out);
	if (s->type == CONF_DURATION ? parse_duration(text, out)
				     : slice_to_u64(text, UINT64_MAX, out))
		return ERR_INVALID;
	return *out < s->least * scale || *out > s->most * scale ? ERR_INVALID
								 : 0;
}

static int
value_complain(const struct setting *s, const char *where,
	       struct conf_problem *p)
{
	char form[160];

	if (s->type == CONF_BOOL)
		snprintf(form, sizeof(form), "true or false");
	else if (s->type == CONF_DURATION)
		snprintf(form, sizeof(form),
			 "a time such as 10s or 5m, from %llus to %llus",
			 (unsigned long long)s->least,
			 (unsigned long long)s->most);
	else
		snprintf(form, sizeof(form), "a number from %llu to %llu",
			 (unsigned long long)s->least,
			 (unsigned long long)s->most);
	return complain(p, where, "must be %s", form);
}

/* ---- texts that must be of a kind ---- */

static int
check_url(struct slice text, const char *where, struct conf_problem *p)
{
	struct http_url url;
	const char *why = "";

	if (text.len > URL_MAX)
		return complain(p, where, "must have at most %d bytes",
				URL_MAX);
	if (!http_url_parse(text, &url, &why)) {
		if (slice_find(text, '?') == text.len)
			return 0;
		why = "it has a query";
	}
	return complain(p, where,
			"must be a URL such as https://bridge.example (%s)",
			why);
}

static int
check_level(struct slice text, const char *where, struct conf_problem *p)
{
	static const char *const levels[] = { "debug", "info", "warn",
					      "error" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(levels); i++)
		if (slice_eq(text, slice_str(levels[i])))
			return 0;
	return complain(p, where, "%s", "must be debug, info, warn or error");
}

static int
check_proxy(struct slice text, const char *where, struct conf_problem *p)
{
	struct http_proxy proxy;

	if (!http_proxy_parse(text, &proxy))
		return 0;
	return complain(p, where, "%s",
			"must be an address or a network such as "
			"10.0.0.0/8, or unix");
}

/* Of a value that is there. */
static int (*const checks[CONF_COUNT])(struct slice, const char *,
				       struct conf_problem *) = {
	[CONF_PUBLIC_URL] = check_url,
	[CONF_LOG_LEVEL] = check_level,
	[CONF_TRUSTED_PROXY] = check_proxy,
};

static void
value_clear(struct value *v)
{
	while (v->count)
		free(v->items[--v->count]);
}

/* Sets, or adds to a list that the same source has begun. */
static int
value_set(struct conf *c, enum conf_id id, enum source from, struct slice text,
	  const char *where, struct conf_problem *p)
{
	const struct setting *s = &settings[id];
	struct value *v = &c->values[id];
	char **items;

	/* As a line in a file has it: the value is handed on as one. */
	text = slice_trim(text);
	if (text.len > VALUE_MAX || slice_has_control(text))
		return complain(p, where, "%s", "is too long, or not text");
	if (s->type != CONF_TEXT && s->type != CONF_LIST &&
	    parse_number(s, text, &v->number))
		return value_complain(s, where, p);
	if (text.len && checks[id] && checks[id](text, where, p))
		return ERR_INVALID;
	free(v->where);
	v->where = slice_dup(slice_str(where));
	if (!v->where)
		return ERR_NOMEM;
	if (s->type != CONF_LIST || v->source != (int)from)
		value_clear(v);
	v->source = from;
	if (!text.len)
		return 0;
	if (v->count == (id == CONF_TRUSTED_PROXY ? (size_t)HTTP_PROXIES_MAX
						  : (size_t)ITEMS_MAX))
		return complain(p, where, "%s", "is said too often");
	items = realloc(v->items, (v->count + 1) * sizeof(*items));
	if (!items)
		return ERR_NOMEM;
	v->items = items;
	items[v->count] = slice_dup(text);
	if (!items[v->count])
		return ERR_NOMEM;
	v->count++;
	return 0;
}

static int
setting_find(struct slice name, enum conf_id *id)
{
	size_t i;

	for (i = 0; i < CONF_COUNT; i++) {
		if (slice_eq(name, slice_str(settings[i].name))) {
			*id = (enum conf_id)i;
			return 0;
		}
	}
	return ERR_NOT_FOUND;
}

/* The setting whose name shares the longest beginning. */
static const char *
setting_near(struct slice name)
{
	const char *best = settings[0].name;
	size_t i, n, most = 0;

	for (i = 0; i < CONF_COUNT; i++) {
		for (n = 0; n < name.len && settings[i].name[n] &&
			    settings[i].name[n] == name.ptr[n];
		     n++)
			;
		if (n > most) {
			most = n;
			best = settings[i].name;
		}
	}
	return best;
}

/* ---- sources ---- */

static int
read_line(struct conf *c, struct slice line, const char *where,
	  struct conf_problem *p)
{
	struct slice name, text;
	enum conf_id id;
	size_t eq;

	if (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	line = slice_trim(line);
	if (!line.len || line.ptr[0] == '#')
		return 0;
	eq = slice_find(line, '=');
	name = slice_trim(slice_head(line, eq));
	text = slice_trim(slice_from(line, eq + 1));
	if (eq == line.len)
		return complain(p, where, "%s", "is not name = value");
	if (setting_find(name, &id))
		return complain(p, where,
				"no such setting; did you mean \"%s\"?",
				setting_near(name));
	return value_set(c, id, FROM_FILE, text, where, p);
}

static int
read_lines(struct conf *c, struct slice text, const char *file,
	   struct conf_problem *p)
{
	char where[300];
	struct slice line;
	unsigned number = 0;
	int rc = 0;

	while (!rc && slice_next(&text, '\n', &line)) {
		snprintf(where, sizeof(where), "%.256s:%u", file, ++number);
		rc = read_line(c, line, where, p);
	}
	return rc;
}

static int
read_file(struct conf *c, const char *path, struct conf_problem *p)
{
	FILE *f = fopen(path, "re");
	char *text;
	size_t n;
	int rc;

	if (!f)
		return complain(p, path, "cannot be read: %s", strerror(errno));
	text = malloc(FILE_MAX);
	n = text ? fread(text, 1, FILE_MAX, f) : 0;
	fclose(f);
	if (!text)
		return ERR_NOMEM;
	rc = n == FILE_MAX ? complain(p, path, "%s", "is too large")
			   : read_lines(c, slice_of(text, n), path, p);
	free(text);
	return rc;
}

/* "public-url" -> "DRAWBRIDGE_PUBLIC_URL" */
static void
variable_of(const char *name, char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "DRAWBRIDGE_%s", name), i;

	for (i = 11; i < n && i < size; i++) {
		if (out[i] == '-')
			out[i] = '_';
		else if (out[i] >= 'a' && out[i] <= 'z')
			out[i] = (char)(out[i] - 32);
	}
}

static int
read_environment(struct conf *c, struct conf_problem *p)
{
	char name[64];
	struct slice rest, item;
	const char *text;
	size_t i;
	int rc = 0;

	for (i = 0; i < CONF_COUNT && !rc; i++) {
		variable_of(settings[i].name, name, sizeof(name));
		text = getenv(name);
		if (!text)
			continue;
		rest = slice_str(text);
		if (settings[i].type != CONF_LIST) {
			rc = value_set(c, (enum conf_id)i, FROM_ENVIRONMENT,
				       rest, name, p);
			continue;
		}
		/* One that is there and empty is a list of none. */
		rc = value_set(c, (enum conf_id)i, FROM_ENVIRONMENT, SLICE_NONE,
			       name, p);
		while (!rc && slice_next(&rest, ',', &item))
			rc = value_set(c, (enum conf_id)i, FROM_ENVIRONMENT,
				       slice_trim(item), name, p);
	}
	return rc;
}

/* One flag at argv[*i]; moves *i over what it takes. */
static int
read_flag(struct conf *c, int argc, char *const *argv, int *i,
	  struct conf_problem *p)
{
	const char *arg = argv[*i];
	struct slice name, text = SLICE_NONE;
	enum conf_id id;
	size_t eq;

	if (strncmp(arg, "--", 2))
		return complain(p, arg, "%s", "is not a flag");
	name = slice_str(arg + 2);
	eq = slice_find(name, '=');
	if (eq < name.len)
		text = slice_from(name, eq + 1);
	name = slice_head(name, eq);
	if (slice_eq(name, SLICE("config"))) {
		*i += text.ptr ? 1 : 2;
		if (*i > argc)
			return complain(p, arg, "wants a value: FILE");
		return 0; /* was read before */
	}
	if (setting_find(name, &id))
		return complain(p, arg, "no such flag; did you mean \"--%s\"?",
				setting_near(name));
	if (!text.ptr && settings[id].type == CONF_BOOL) {
		text = SLICE("true");
	} else if (!text.ptr) {
		if (++*i == argc)
			return complain(p, arg, "wants a value: %s",
					settings[id].argument);
		text = slice_str(argv[*i]);
	}
	++*i;
	return value_set(c, id, FROM_FLAG, text, arg, p);
}

/* The file that --config or the environment names, or NULL. */
static const char *
config_file(int argc, char *const *argv)
{
	int i;

	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "--config=", 9))
			return argv[i] + 9;
		if (!strcmp(argv[i], "--config") && i + 1 < argc)
			return argv[i + 1];
	}
	return getenv("DRAWBRIDGE_CONFIG");
}

static int
conf_new(struct conf **out, struct conf_problem *p)
{
	struct conf *c = calloc(1, sizeof(*c));
	size_t i;
	int rc = c ? 0 : ERR_NOMEM;

	p->text[0] = 0;
	for (i = 0; i < CONF_COUNT && !rc; i++)
		rc = value_set(c, (enum conf_id)i, FROM_DEFAULT,
			       slice_str(settings[i].fallback),
			       settings[i].name, p);
	*out = c;
	return rc;
}

/* What is right by itself, and not beside the others. */
static int
check_together(const struct conf *c, struct conf_problem *p)
{
	const struct value *cert = &c->values[CONF_TLS_CERT];
	const struct value *key = &c->values[CONF_TLS_KEY];

	if (key->count && !cert->count)
		return complain(p, key->where, "%s",
				"nothing is served with it without tls-cert");
	if (cert->count && !key->count)
		return complain(p, cert->where, "%s",
				"it cannot be used without tls-key");
	return 0;
}

int
conf_load(int argc, char *const *argv, struct conf **out,
	  struct conf_problem *problem)
{
	const char *file = config_file(argc, argv);
	struct conf *c = NULL;
	int rc, i = 0;

	*out = NULL;
	rc = conf_new(&c, problem);
	if (!rc && file)
		rc = read_file(c, file, problem);
	if (!rc)
		rc = read_environment(c, problem);
	while (!rc && i < argc)
		rc = read_flag(c, argc, argv, &i, problem);
	if (!rc)
		rc = check_together(c, problem);
	if (rc)
		conf_free(c);
	else
		*out = c;
	return rc;
}

void
conf_free(struct conf *c)
{
	size_t i;

	if (!c)
		return;
	for (i = 0; i < CONF_COUNT; i++) {
		value_clear(&c->values[i]);
		free(c->values[i].items);
		free(c->values[i].where);
	}
	free(c);
}

/* ---- asking ---- */

const char *
conf_text(const struct conf *c, enum conf_id id)
{
	return c->values[id].count ? c->values[id].items[0] : "";
}

uint64_t
conf_number(const struct conf *c, enum conf_id id)
{
	return c->values[id].number;
}

const char *const *
conf_list(const struct conf *c, enum conf_id id, size_t *count)
{
	*count = c->values[id].count;
	return (const char *const *)c->values[id].items;
}

/* ---- changing ---- */

bool
conf_needs_restart(enum conf_id id)
{
	return needs_restart[id];
}

static bool
value_is_same(const struct value *a, const struct value *b)
{
	size_t i;

	if (a->count != b->count || a->number != b->number)
		return false;
	for (i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static int
value_copy(struct conf *c, enum conf_id id, const struct value *from)
{
	struct conf_problem ignored;
	size_t i;
	int rc;

	value_clear(&c->values[id]);
	rc = from->count
		     ? 0
		     : value_set(c, id, FROM_FLAG, SLICE_NONE, "", &ignored);
	for (i = 0; i < from->count && !rc; i++)
		rc = value_set(c, id, FROM_FLAG, slice_str(from->items[i]), "",
			       &ignored);
	c->values[id].number = from->number;
	return rc;
}

int
conf_keep(struct conf *fresh, const struct conf *now, struct buf *kept)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < CONF_COUNT && !rc; i++) {
		if (!needs_restart[i] ||
		    value_is_same(&fresh->values[i], &now->values[i]))
			continue;
		rc = buf_printf(kept, "%s%s", kept->len ? ", " : "",
				settings[i].name);
		if (!rc)
			rc = value_copy(fresh, (enum conf_id)i,
					&now->values[i]);
	}
	return rc;
}

/* ---- handing on ---- */

int
conf_write(const struct conf *c, struct buf *out)
{
	const struct value *v;
	size_t i, n;

	for (i = 0; i < CONF_COUNT; i++) {
		v = &c->values[i];
		if (!v->count)
			buf_printf(out, "%s =\n", settings[i].name);
		for (n = 0; n < v->count; n++)
			buf_printf(out, "%s = %s\n", settings[i].name,
				   v->items[n]);
	}
	return buf_err(out);
}

int
conf_read(struct slice text, struct conf **out, struct conf_problem *problem)
{
	struct conf *c = NULL;
	int rc;

	*out = NULL;
	rc = conf_new(&c, problem);
	if (!rc)
		rc = read_lines(c, text, "settings", problem);
	if (rc)
		conf_free(c);
	else
		*out = c;
	return rc;
}

void
conf_help(struct buf *out)
{
	char left[64];
	size_t i;

	buf_puts(out, "  --config FILE                 settings file: name = "
		      "value, one a line\n");
	for (i = 0; i < CONF_COUNT; i++) {
		snprintf(left, sizeof(left), "--%s %s", settings[i].name,
			 settings[i].argument);
		buf_printf(out, "  %-28s  %s%s\n", left, settings[i].help,
			   needs_restart[i] ? " *" : "");
		if (settings[i].fallback[0] && settings[i].type != CONF_BOOL)
			buf_printf(out, "  %-28s  (default %s)\n", "",
				   settings[i].fallback);
		else if (!strcmp(settings[i].fallback, "true"))
			buf_printf(out, "  %-28s  (default true; --%s=false)\n",
				   "", settings[i].name);
	}
	buf_puts(out, "\nEach can also be set by an environment variable: "
		      "--public-url is DRAWBRIDGE_PUBLIC_URL.\nChanges are "
		      "taken over on SIGHUP (`drawbridge reload`), but those "
		      "marked *: they want a new start.\n");
}
