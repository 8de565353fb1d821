/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lifting secrets: what is left is as long as it was, and where it is JSON
 * the tree holds none of the strings that were asked for; a text that was
 * JSON before is JSON afterwards, and each secret is what the tree would
 * have held.
 *
 * Input: a byte that chooses pointer and names, then the text.
 */
#include <stdlib.h>

#include "json/json.h"

enum { SECRETS = 8, TEXT_MAX = 1 << 20 };

static const char *const names[] = { "token", "a", "secret", NULL };
static const char *const pointers[] = { "", "/a", "/a/b", "/credentials" };

/* The object that the pointer names, or NULL. */
static const json_t *
tree_at(const json_t *tree, const char *pointer)
{
	struct slice rest = slice_str(pointer), step;

	if (slice_starts(rest, SLICE("/")))
		rest = slice_from(rest, 1);
	while (slice_next(&rest, '/', &step))
		tree = json_object_getn(tree, step.ptr, step.len);
	return json_is_object(tree) ? tree : NULL;
}

static bool
is_wanted(const char *name, const char *const *wanted)
{
	for (; wanted && *wanted; wanted++)
		if (!strcmp(*wanted, name))
			return true;
	return !wanted;
}

/* Each wanted string of the object was taken, with its value. */
static void
check_taken(const json_t *object, const char *const *wanted,
	    const struct json_secret *found, size_t count)
{
	const char *key;
	json_t *value;
	size_t i = 0;

	json_object_foreach((json_t *)object, key, value)
	{
		if (!json_is_string(value) || !is_wanted(key, wanted))
			continue;
		ASSERT(i < count);
		ASSERT(!strcmp(found[i].name, key));
		ASSERT(secret_len(found[i].value) == json_string_length(value));
		ASSERT(secret_eq_bytes(secret_peek(found[i].value),
				       json_string_value(value),
				       json_string_length(value)));
		i++;
	}
	ASSERT(i == count);
}

/* Of each wanted string there are stars. */
static void
check_left(const json_t *object, const char *const *wanted)
{
	const char *key, *text;
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		if (!json_is_string(value) || !is_wanted(key, wanted))
			continue;
		text = json_string_value(value);
		ASSERT(text[strspn(text, "*")] == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *under = pointers[size ? data[0] & 3 : 0];
	const char *const *wanted = size && data[0] & 4 ? NULL : names;
	struct json_secret found[SECRETS];
	json_t *before, *after;
	struct slice text;
	size_t count, i;
	char *copy;
	int rc;

	if (!size)
		return 0;
	text = slice_of(data + 1, size - 1);
	copy = malloc(text.len ? text.len : 1);
	memcpy(copy, text.ptr, text.len);
	rc = json_lift_secrets(copy, text.len, under, wanted, found, SECRETS,
			       &count);
	ASSERT(count <= SECRETS);
	ASSERT(!rc || !count);
	json_read(text, TEXT_MAX, &before, NULL);
	json_read(slice_of(copy, text.len), TEXT_MAX, &after, NULL);
	if (!rc && before) {
		ASSERT(after);
		if (tree_at(before, under))
			check_taken(tree_at(before, under), wanted, found,
				    count);
		else
			ASSERT(!count);
	}
	if (!rc && after && tree_at(after, under))
		check_left(tree_at(after, under), wanted);
	for (i = 0; i < count; i++)
		secret_free(found[i].value);
	json_decref(before);
	json_decref(after);
	free(copy);
	return 0;
}
