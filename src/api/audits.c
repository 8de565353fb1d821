/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /v1/audit: the chain, newest first, each record as it was written, with
 * its hash and how often it came beside it.
 */
#include <stdio.h>

#include "api/api_priv.h"

static json_t *
record_json(const struct audit_record *a)
{
	char hash[CODEC_HEX_SIZE(AUDIT_HASH_SIZE)];
	struct json_problem problem = { 0 };
	json_t *record = NULL;

	if (json_read(slice_str(a->text), 64 * 1024, &record, &problem))
		record = json_pack("{s:I, s:s}", "seq", (json_int_t)a->seq,
				   "detail", "this record cannot be read");
	codec_hex(a->hash, sizeof(a->hash), hash);
	json_object_set_new(record, "hash", json_string(hash));
	json_object_set_new(record, "count", json_integer(a->count));
	return record;
}

int
api_audit_list(struct api_request *r)
{
	const char *object = api_query(r, "object"), *after;
	struct audit_record *a;
	size_t limit, count, i;
	uint64_t before = 0;
	char next[32];
	json_t *items;
	int rc;

	if (!api_paging(r, &limit, &after))
		return 0;
	if (after[0] && slice_to_u64(slice_str(after), INT64_MAX, &before))
		return api_problem_parameter(r, "after",
					     "This is no cursor of a list.");
	rc = audit_list(r->db, r->actor->org, object[0] ? object : NULL,
			(int64_t)before, limit + 1, r->arena, &a, &count);
	if (rc)
		return rc;
	items = json_array();
	for (i = 0; i < count && i < limit; i++)
		json_array_append_new(items, record_json(&a[i]));
	next[0] = '\0';
	if (count > limit)
		snprintf(next, sizeof(next), "%lld",
			 (long long)a[limit - 1].seq);
	return api_answer_list(r, items, next);
}
