/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values of an answer with their normalized paths (RFC 9535 section 2.7),
 * for whoever picks one of them to map.  On a work thread.
 */
#include "hook/hook_priv.h"

struct walk {
	struct jsonpath_step steps[HOOK_JSON_DEPTH + 1];
	json_t *list;
	size_t max;
	int err;
};

static bool
is_leaf(const json_t *v)
{
	return !json_object_size(v) && !json_array_size(v);
}

static void
leaf_add(struct walk *w, size_t depth, json_t *v)
{
	struct buf path;
	json_t *o = NULL;

	buf_init(&path, HOOK_SOURCE_MAX);
	w->err = jsonpath_normalize(w->steps, depth, &path);
	if (!w->err)
		o = json_pack("{s:s%, s:O}", "path", path.data, path.len,
			      "value", v);
	if (!w->err && json_array_append_new(w->list, o))
		w->err = ERR_NOMEM;
	buf_release(&path);
}

static void walk_value(struct walk *w, size_t depth, size_t len, json_t *v);

/* A member or an item; `len`: of the path so far.  What no mapping can name
 * is passed over, with all that is below it. */
static void
walk_step(struct walk *w, size_t depth, size_t len, struct jsonpath_step step,
	  json_t *v)
{
	struct buf path;

	if (w->err || json_array_size(w->list) >= w->max)
		return;
	w->steps[depth] = step;
	buf_init(&path, HOOK_SOURCE_MAX);
	w->err = jsonpath_normalize(&step, 1, &path);
	len += path.len - 1; /* the dollar is there already */
	buf_release(&path);
	if (w->err == ERR_TOO_LARGE)
		w->err = 0;
	else if (len <= HOOK_SOURCE_MAX)
		walk_value(w, depth + 1, len, v);
}

/* No deeper than HOOK_JSON_DEPTH: hook_json_read() sees to it. */
static void
walk_value(struct walk *w, size_t depth, size_t len, json_t *v)
{
	const char *name;
	json_t *inner;
	size_t i;

	if (w->err || json_array_size(w->list) >= w->max)
		return;
	if (is_leaf(v) || depth > HOOK_JSON_DEPTH) {
		leaf_add(w, depth, v);
		return;
	}
	json_object_foreach(v, name, inner)
	{
		walk_step(w, depth, len,
			  (struct jsonpath_step){ .name = slice_str(name) },
			  inner);
	}
	json_array_foreach(v, i, inner)
	{
		walk_step(
			w, depth, len,
			(struct jsonpath_step){ .is_index = true, .index = i },
			inner);
	}
}

int
hook_result_paths(const struct hook_result *r, size_t max, json_t **out)
{
	struct walk w = { .list = json_array(), .max = max };

	if (!w.list)
		return ERR_NOMEM;
	if (r->body_is_json)
		walk_value(&w, 0, 1, r->body);
	*out = w.list;
	if (w.err) {
		json_decref(w.list);
		*out = NULL;
	}
	return w.err;
}
