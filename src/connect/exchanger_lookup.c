/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of look-ups after consent: which account it is, and values that the
 * binding takes up if they are of their form (the keeper judges that).
 *
 * Runs in the exchanger.
 */
#include <stdio.h>

#include "connect/exchanger_priv.h"

static void
lookup_values(const struct catalog_lookup *l, const json_t *tree,
	      struct connect_msg_looked_up *m)
{
	const json_t *v;
	size_t i;

	for (i = 0; i < l->values.count && i < METHOD_CAPTURES_MAX; i++) {
		v = binding_path_get(tree, l->values.items[i].path);
		if (json_is_string(v))
			slice_copy(slice_of(json_string_value(v),
					    json_string_length(v)),
				   m->values[i], sizeof(m->values[i]));
		else if (json_is_integer(v))
			snprintf(m->values[i], sizeof(m->values[i]), "%lld",
				 (long long)json_integer_value(v));
		m->value_count = i + 1;
	}
	v = l->account ? binding_path_get(tree, l->account) : NULL;
	if (json_is_string(v) &&
	    !slice_has_control(slice_str(json_string_value(v))))
		snprintf(m->account, sizeof(m->account), "%s",
			 json_string_value(v));
	slice_trim_utf8(m->account);
}

void
connect_lookup_read(const struct binding *b, size_t index, int status,
		    struct slice body, struct connect_msg_looked_up *m)
{
	const struct catalog_lookup *l = &b->method->lookups.items[index];
	struct json_problem problem = { 0 };
	const json_t *item;
	json_t *tree = NULL;

	if (status < 200 || status > 299) {
		m->err = ERR_PROTOCOL;
		snprintf(m->detail, sizeof(m->detail),
			 "the look-up after consent was answered with HTTP %d",
			 status);
		return;
	}
	m->err = json_read(body, CONNECT_ANSWER_MAX, &tree, &problem);
	snprintf(m->detail, sizeof(m->detail), "%.255s", problem.detail);
	if (!tree)
		return;
	item = binding_lookup_item(b, index, tree, m->detail,
				   sizeof(m->detail));
	if (item)
		lookup_values(l, item, m);
	else
		m->err = ERR_NOT_FOUND;
	json_decref(tree);
}
