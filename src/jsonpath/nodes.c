/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The results of a run: values, and where each of them stands.
 *
 * A place is kept as one step and the number of the place above it, which
 * many results share; so the memory grows with what was found, not with how
 * deep it was.  The path is put together when somebody asks for it.
 */
#include <stdlib.h>

#include "jsonpath/jsonpath_priv.h"

struct node {
	json_t *value;
	uint32_t place;
};

/* Place 0 is the root. */
struct kept_place {
	const char *key;
	size_t n;
	uint32_t up;
};

struct jsonpath_nodes {
	struct node *nodes;
	size_t count, size, max;
	struct kept_place *places;
	size_t place_count, place_size;
};

/* Room for `more` items behind `count`. */
static int
reserve(void **items, size_t item_bytes, size_t count, size_t more,
	size_t *size)
{
	size_t want = *size ? *size : 8;
	void *grown;

	if (count + more <= *size)
		return 0;
	while (want < count + more)
		want *= 2;
	/* So that a place's number fits, far above what steps allow. */
	if (want > UINT32_MAX)
		return ERR_TOO_LARGE;
	grown = reallocarray(*items, want, item_bytes);
	if (!grown)
		return ERR_NOMEM;
	*items = grown;
	*size = want;
	return 0;
}

/* The document's own text of a member's name, which lives as long as the
 * member: the query's does not. */
static const char *
own_key(const struct place *p)
{
	json_t *object = (json_t *)p->up->value;
	void *i;

	if (!p->key || !p->key_is_of_query)
		return p->key;
	if (!memchr(p->key, 0, p->n))
		return json_object_iter_key(
			json_object_iter_at(object, p->key));
	/* A NUL in a name: not in what was read from text. */
	i = json_object_iter(object);
	while (json_object_iter_value(i) != p->value ||
	       !slice_eq(slice_of(json_object_iter_key(i),
				  json_object_iter_key_len(i)),
			 slice_of(p->key, p->n)))
		i = json_object_iter_next(object, i);
	return json_object_iter_key(i);
}

/* Keeps a place and those above it that are not kept yet. */
static int
keep_place(struct jsonpath_nodes *nodes, struct place *at)
{
	void *places = nodes->places;
	struct kept_place *kept;
	struct place *p;
	size_t n = 0, i;
	int rc;

	for (p = at; p->up && !p->saved; p = p->up)
		n++;
	rc = reserve(&places, sizeof(*kept), nodes->place_count, n,
		     &nodes->place_size);
	nodes->places = places;
	if (rc)
		return rc;
	nodes->place_count += n;
	i = nodes->place_count;
	for (p = at; p->up && !p->saved; p = p->up) {
		kept = &nodes->places[--i];
		*kept = (struct kept_place){ .key = own_key(p), .n = p->n };
		p->saved = (uint32_t)i + 1;
		/* The next round of the loop, or what was kept before. */
		kept->up = p->up->saved ? p->up->saved : (uint32_t)i;
		if (!p->up->up)
			kept->up = 0;
	}
	return 0;
}

int
nodes_add(struct jsonpath_nodes *nodes, struct place *at)
{
	void *items = nodes->nodes;
	int rc;

	if (nodes->count == nodes->max)
		return ERR_TOO_LARGE;
	rc = reserve(&items, sizeof(*nodes->nodes), nodes->count, 1,
		     &nodes->size);
	nodes->nodes = items;
	if (!rc)
		rc = keep_place(nodes, at);
	if (rc)
		return rc;
	nodes->nodes[nodes->count++] = (struct node){
		.value = (json_t *)at->value,
		.place = at->saved,
	};
	return 0;
}

static int
run(const struct jsonpath *path, const json_t *document,
    const struct jsonpath_limits *limits, struct sink *sink)
{
	struct eval e = {
		.root = document,
		.limits = jsonpath_limits_of(limits),
	};
	int rc;

	e.steps = e.limits.steps;
	if (sink->list)
		sink->list->max = e.limits.nodes;
	rc = walk_query(&e, path->query, NULL, sink);
	regexp_scratch_release(&e.scratch);
	regexp_free(e.regexp);
	return rc;
}

int
jsonpath_select(const struct jsonpath *path, const json_t *document,
		const struct jsonpath_limits *limits,
		struct jsonpath_nodes **out)
{
	struct jsonpath_nodes *nodes = calloc(1, sizeof(*nodes));
	struct sink sink = { .list = nodes };
	int rc;

	*out = NULL;
	if (!nodes)
		return ERR_NOMEM;
	rc = run(path, document, limits, &sink);
	if (rc)
		jsonpath_nodes_free(nodes);
	else
		*out = nodes;
	return rc;
}

int
jsonpath_first(const struct jsonpath *path, const json_t *document,
	       const struct jsonpath_limits *limits, json_t **out)
{
	struct sink sink = { .enough = 1 };
	int rc = run(path, document, limits, &sink);

	*out = rc ? NULL : (json_t *)sink.first;
	return !rc && !*out ? ERR_NOT_FOUND : rc;
}

void
jsonpath_nodes_free(struct jsonpath_nodes *nodes)
{
	if (!nodes)
		return;
	free(nodes->nodes);
	free(nodes->places);
	free(nodes);
}

size_t
jsonpath_nodes_count(const struct jsonpath_nodes *nodes)
{
	return nodes->count;
}

json_t *
jsonpath_nodes_value(const struct jsonpath_nodes *nodes, size_t i)
{
	ASSERT(i < nodes->count);
	return nodes->nodes[i].value;
}

/* Place number k is the (k-1)th kept. */
static const struct kept_place *
kept_at(const struct jsonpath_nodes *nodes, uint32_t k)
{
	return &nodes->places[k - 1];
}

/* From the root down, by walking up anew for each step: paths are short. */
int
jsonpath_nodes_path(const struct jsonpath_nodes *nodes, size_t i,
		    struct buf *out)
{
	const struct kept_place *kept;
	unsigned depth = 0, level;
	uint32_t place, k;

	ASSERT(i < nodes->count);
	place = nodes->nodes[i].place;
	for (k = place; k; k = kept_at(nodes, k)->up)
		depth++;
	buf_putc(out, '$');
	for (; depth; depth--) {
		for (k = place, level = 1; level < depth; level++)
			k = kept_at(nodes, k)->up;
		kept = kept_at(nodes, k);
		path_put_step(out, (struct jsonpath_step){
					   .is_index = !kept->key,
					   .index = kept->n,
					   .name = { kept->key, kept->n },
				   });
	}
	return buf_err(out);
}
