/* SPDX-License-Identifier: Apache-2.0 */
/* What a flow may have computed without a question in between. */
#include "../support/flow_world.h"

#define SETS 45 /* of a block */

/* So many set blocks in a row, each of which doubles one variable, or begins
 * it anew, SETS times; then a question. */
static struct flow_document *
doubling(unsigned count, const char *value)
{
	struct flow_document *d;
	struct buf text;
	unsigned i, j;

	buf_init(&text, 1 << 20);
	buf_puts(&text, "{'id':'s','type':'start','paths':{'next':'b0'}},");
	for (i = 0; i < count; i++) {
		buf_printf(&text, "{'id':'b%u','type':'set','set':[", i);
		for (j = 0; j < SETS; j++)
			buf_printf(&text,
				   "%s{'variable':'block.%c','value':%s}",
				   j ? "," : "", "xy"[j % 2], value);
		buf_puts(&text, "],'paths':{'next':");
		if (i + 1 < count)
			buf_printf(&text, "'b%u'}},", i + 1);
		else
			buf_puts(&text, "'q'}},");
	}
	buf_puts(&text, "{'id':'q','type':'question','text':'?','variable':"
			"'v','paths':{'next':'e'}},{'id':'e','type':'end'}");
	d = flow_good(buf_cstr(&text));
	buf_release(&text);
	return d;
}

static enum flow_next
begin(struct flow_run *run, struct flow_document *d)
{
	memset(run, 0, sizeof(*run));
	run->document = d;
	run->messages = json_array();
	run->values = json_pack("{s:{}, s:{}, s:{}, s:{}}", "input", "block",
				"flow", "session");
	return flow_run_begin(run);
}

static void
values_that_double_end_the_conversation(void **state)
{
	struct flow_document *d =
		doubling(100, "['{{block.x}}','{{block.x}}']");
	struct flow_run run;

	(void)state;
	assert_int_equal(begin(&run, d), FLOW_FAILED);
	assert_non_null(strstr(run.problem, "runaway: the values are"));
	assert_true(run.made > FLOW_MADE_MAX);
	assert_in_range(run.made, FLOW_MADE_MAX, FLOW_MADE_MAX + 64 * 1024);
	assert_in_range(run.steps, 1, 10);
	flow_run_release(&run);
	flow_document_unref(d);
}

static void
many_usual_values_are_no_runaway(void **state)
{
	struct flow_document *d =
		doubling(100, "'Dear visitor {{flow.n}}, here is what you "
			      "asked for; it is not very long, all in all.'");
	struct flow_run run;

	(void)state;
	assert_int_equal(begin(&run, d), FLOW_WAIT);
	assert_int_equal(run.problem[0], 0);
	assert_in_range(run.made, 100 * SETS * 70, FLOW_MADE_MAX);
	flow_run_release(&run);
	flow_document_unref(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_that_double_end_the_conversation),
		cmocka_unit_test(many_usual_values_are_no_runaway),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
