/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variables in the templates of a document: whether anything sets them, and
 * what was probably meant.
 *
 * A draft may have thousands of variables that there are and tens of thousands
 * of places that name one, so names are sorted and looked up by halves; and
 * what was meant, which is to compare with each of them, is told as long as
 * that is no more work than FINDING_WORK.
 */
#include <stdlib.h>

#include "flow/flow_priv.h"

enum {
	FINDINGS_MAX = 50,		 /* told of a template */
	FINDING_WORK = 50 * 1000 * 1000, /* of a document, in comparisons */
	DISTANCE_WORK = 300,		 /* of which a distance is so many */
};

/* Nothing is unknown in these; "@word" is told all the same. */
static const char *const open[] = { "input.*",	"block.*",   "flow.*",
				    "global.*", "session.*", NULL };

struct names {
	const char **sorted; /* each once, and NULL at the end */
	size_t count;
	const char *open[ARRAY_LEN(open)]; /* those in which there is one */
	size_t work;			   /* that is left for what was meant */
	struct template_finding *found;
};

static int
name_order(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Whether there is a name that begins with these bytes; whole: or is them. */
static bool
names_have(const struct names *n, struct slice begin, bool whole)
{
	size_t low = 0, high = n->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (strncmp(n->sorted[middle], begin.ptr, begin.len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == n->count ||
	    strncmp(n->sorted[low], begin.ptr, begin.len) != 0)
		return false;
	return !whole || !n->sorted[low][begin.len];
}

static bool
names_have_with(const struct names *n, struct slice name, const char *more,
		bool whole)
{
	char text[TEMPLATE_NAME_MAX + 8];
	size_t len = strlen(more);

	if (name.len + len >= sizeof(text))
		return false;
	memcpy(text, name.ptr, name.len);
	memcpy(text + name.len, more, len);
	return names_have(n, slice_of(text, name.len + len), whole);
}

/* As template_check() has it: at, above or below a name that there is. */
static bool
is_known(const struct names *n, const char *name)
{
	struct slice all = slice_str(name), above;
	size_t i;

	for (i = 1; i <= all.len; i++) {
		if (name[i] && name[i] != '.' && name[i] != '[')
			continue;
		above = slice_head(all, i);
		if (names_have(n, above, true) ||
		    names_have_with(n, above, ".*", true))
			return true;
	}
	return names_have_with(n, all, ".", false) ||
	       names_have_with(n, all, "[", false);
}

static int
names_init(struct names *n, struct flow_compiler *c)
{
	size_t i, count = 0;

	memset(n, 0, sizeof(*n));
	n->work = FINDING_WORK;
	n->sorted = calloc(c->known_count + 1, sizeof(*n->sorted));
	n->found = calloc(FINDINGS_MAX, sizeof(*n->found));
	if (!n->sorted || !n->found)
		return ERR_NOMEM;
	for (i = 0; i < c->known_count; i++)
		n->sorted[i] = c->known[i];
	qsort(n->sorted, c->known_count, sizeof(*n->sorted), name_order);
	for (i = 0; i < c->known_count; i++)
		if (!count || strcmp(n->sorted[count - 1], n->sorted[i]) != 0)
			n->sorted[count++] = n->sorted[i];
	n->sorted[count] = NULL;
	n->count = count;
	for (i = count = 0; open[i]; i++)
		if (names_have(n, slice_of(open[i], strlen(open[i]) - 1),
			       false))
			n->open[count++] = open[i];
	return 0;
}

static void
names_release(struct names *n)
{
	free(n->sorted);
	free(n->found);
}

/* ---- one template ---- */

/* Where it stands. */
struct place {
	const struct flow_block *block;
	const char *pointer;
	const char *as_text; /* code of an "@word" that stays text */
};

static void
findings_report(struct flow_compiler *c, const struct place *p,
		const struct template_finding *f, size_t n)
{
	bool unknown;
	size_t i;

	for (i = 0; i < n && i < FINDINGS_MAX; i++) {
		unknown = f[i].kind == TEMPLATE_UNKNOWN;
		flow_problem(c, p->block, unknown ? FLOW_ERROR : FLOW_WARNING,
			     p->pointer,
			     unknown ? "unknown_variable" : p->as_text, "%s",
			     f[i].text);
	}
}

static size_t
count_unknown(const struct names *n, const struct template *t, size_t *all)
{
	const struct template_variable *v;
	size_t i, unknown = 0;

	*all = template_variables(t, &v);
	for (i = 0; i < *all; i++)
		unknown += !is_known(n, v[i].name);
	return unknown;
}

/* Without what was meant. */
static void
unknown_report(struct flow_compiler *c, const struct names *n,
	       const struct place *p, const struct template *t)
{
	const struct template_variable *v;
	size_t i, count = template_variables(t, &v), told = 0;

	for (i = 0; i < count && told < FINDINGS_MAX; i++) {
		if (is_known(n, v[i].name))
			continue;
		told++;
		flow_problem(c, p->block, FLOW_ERROR, p->pointer,
			     "unknown_variable", "There is no variable %.200s.",
			     v[i].name);
	}
}

static void
check_one(struct flow_compiler *c, struct names *n, const struct place *p,
	  const struct template *t)
{
	size_t all, work, unknown = count_unknown(n, t, &all), told = unknown;

	if (flow_problems_full(c)) {
		c->errors += unknown;
		return;
	}
	if (told > FINDINGS_MAX)
		told = FINDINGS_MAX;
	work = n->count * (all + told * DISTANCE_WORK);
	if (unknown && work <= n->work) {
		n->work -= work;
		findings_report(
			c, p, n->found,
			template_check(t, n->sorted, n->found, FINDINGS_MAX));
		return;
	}
	if (unknown)
		unknown_report(c, n, p, t);
	findings_report(c, p, n->found,
			template_check(t, unknown ? open : n->open, n->found,
				       FINDINGS_MAX));
}

/* ---- all ---- */

static const char *
join(struct flow_compiler *c, const char *pointer, const char *more)
{
	const char *whole = arena_printf(c->doc->arena, "%s%s", pointer, more);

	return whole ? whole : pointer;
}

static void
check_template(struct flow_compiler *c, struct names *n,
	       const struct flow_template *t)
{
	struct place p = { t->block, t->pointer, "as_text" };
	const struct template *text;
	const char *more;
	size_t i;

	if (t->text) {
		check_one(c, n, &p, t->text);
		return;
	}
	for (i = 0; (text = template_json_at(t->json, i, &more)); i++) {
		p.pointer = join(c, t->pointer, more);
		check_one(c, n, &p, text);
	}
}

static void
check_webhook(struct flow_compiler *c, struct names *n,
	      const struct flow_block *b)
{
	struct place p = { b, b->pointer, "variable_as_text" };
	const struct template *text;
	const char *more;
	size_t i;

	for (i = 0; b->data; i++) {
		text = hook_document_template(b->data, i, &more);
		if (!text)
			return;
		p.pointer = join(c, b->pointer, more);
		check_one(c, n, &p, text);
	}
}

void
flow_check_names(struct flow_compiler *c)
{
	const struct flow_template *t;
	struct names n;
	size_t i;

	if (names_init(&n, c)) {
		c->oom = true;
	} else {
		for (t = c->doc->templates; t; t = t->next)
			check_template(c, &n, t);
		for (i = 0; i < c->doc->block_count; i++)
			if (flow_is_webhook(c->doc, (int)i))
				check_webhook(c, &n, &c->doc->blocks[i]);
	}
	names_release(&n);
}
