/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings files: every refusal names its line, and what was taken comes
 * back the same when it is written and read again, as it is on the way from
 * the parent to a role.
 */
#include "conf/conf.h"

enum { TEXT_MAX = 1 << 22 };

/* "settings:LINE: what" */
static void
check_problem(const struct conf_problem *p)
{
	struct slice text = slice_str(p->text), where;
	uint64_t line;

	ASSERT(text.len < sizeof(p->text));
	ASSERT(slice_starts(text, SLICE("settings:")));
	text = slice_from(text, 9);
	ASSERT(slice_next(&text, ':', &where));
	ASSERT(!slice_to_u64(where, UINT64_MAX, &line) && line > 0);
	ASSERT(text.len > 1);
}

static void
check_same(const struct conf *a, const struct conf *b)
{
	const char *const *x, *const *y;
	size_t n, m, i;
	int id;

	for (id = 0; id < CONF_COUNT; id++) {
		ASSERT(conf_number(a, (enum conf_id)id) ==
		       conf_number(b, (enum conf_id)id));
		x = conf_list(a, (enum conf_id)id, &n);
		y = conf_list(b, (enum conf_id)id, &m);
		ASSERT(n == m);
		for (i = 0; i < n; i++)
			ASSERT(!strcmp(x[i], y[i]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_problem problem;
	struct conf *c, *again;
	struct buf text;
	int rc;

	rc = conf_read(slice_of(data, size), &c, &problem);
	if (rc) {
		ASSERT(!c);
		ASSERT(rc == ERR_INVALID);
		check_problem(&problem);
		return 0;
	}
	buf_init(&text, TEXT_MAX);
	ASSERT(!conf_write(c, &text));
	ASSERT(!conf_read(buf_slice(&text), &again, &problem));
	check_same(c, again);
	buf_release(&text);
	conf_free(again);
	conf_free(c);
	return 0;
}
