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

/* ---- work that leaves nothing behind ---- */

/* The blocks from 'b' on, then an end; flow.n has 60,000 letters,
 * session.lang 30,000 zeros. */
static enum flow_next
run_heavy(struct flow_run *run, const char *blocks, double *seconds)
{
	struct timespec from, to;
	struct flow_document *d;
	enum flow_next next;
	struct buf text;
	char *letters;
	json_t *zeros;
	size_t i;

	buf_init(&text, 1 << 20);
	buf_printf(&text,
		   "{'id':'s','type':'start','paths':{'next':'b'}},%s,"
		   "{'id':'e','type':'end'}",
		   blocks);
	d = flow_good(buf_cstr(&text));
	buf_release(&text);
	letters = malloc(60001);
	memset(letters, 'x', 60000);
	letters[60000] = '\0';
	zeros = json_array();
	for (i = 0; i < 30000; i++)
		json_array_append_new(zeros, json_integer(0));
	memset(run, 0, sizeof(*run));
	run->document = d;
	run->messages = json_array();
	run->values =
		json_pack("{s:{}, s:{}, s:{s:s}, s:{s:o}}", "input", "block",
			  "flow", "n", letters, "session", "lang", zeros);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	next = flow_run_begin(run);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	*seconds = (double)(to.tv_sec - from.tv_sec) +
		   (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	free(letters);
	flow_document_unref(d);
	return next;
}

/* So many copies of a text, with commas between them. */
static void
put_times(struct buf *out, const char *text, unsigned times)
{
	unsigned i;

	for (i = 0; i < times; i++)
		buf_printf(out, "%s%s", i ? "," : "", text);
}

enum { HEAVY_SECONDS = 5 };

static void
what_is_made_short_at_last_counts_all_the_same(void **state)
{
	static const char set[] =
		"{'variable':'block.x','value':'{{flow.n|upper|lower|upper|"
		"lower|upper|lower|upper|length}}'}";
	struct flow_run run;
	struct buf text;
	double seconds;

	(void)state;
	buf_init(&text, 1 << 20);
	buf_puts(&text, "{'id':'b','type':'set','set':[");
	put_times(&text, set, SETS);
	buf_puts(&text, "],'paths':{'next':'e'}}");
	assert_int_equal(run_heavy(&run, buf_cstr(&text), &seconds),
			 FLOW_FAILED);
	assert_string_equal(run.problem,
			    "runaway: too much to compute without a question.");
	assert_true(seconds < HEAVY_SECONDS);
	flow_run_release(&run);
	buf_release(&text);
}

static void
comparisons_of_much_are_bounded(void **state)
{
	static const char *const terms[] = {
		"{'left':'{{flow.n}}','op':'in','right':'{{session.lang}}'}",
		"{'left':'{{session.lang}}','op':'contains','right':'{{flow.n}}'}",
		"{'left':'{{flow.n}}','op':'matches','right':'(x|xx|xxx)*y'}",
		"{'left':'{{flow.n}}','op':'contains','right':'{{flow.n}}y'}",
	};
	struct flow_run run;
	struct buf text;
	double seconds;
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_LEN(terms); i++) {
		buf_init(&text, 1 << 20);
		for (k = 0; k < 4; k++) {
			buf_printf(&text,
				   "%s{'id':'b%.0zu','type':'condition',"
				   "'branches':[{'id':'y','when':{'any':[",
				   k ? "," : "", k);
			put_times(&text, terms[i], 90);
			buf_puts(&text, "]}}],'paths':{'y':'e','else':");
			if (k < 3)
				buf_printf(&text, "'b%zu'}}", k + 1);
			else
				buf_puts(&text, "'e'}}");
		}
		assert_int_equal(run_heavy(&run, buf_cstr(&text), &seconds),
				 FLOW_FAILED);
		assert_non_null(strstr(run.problem, "too much to compute"));
		assert_true(seconds < HEAVY_SECONDS);
		flow_run_release(&run);
		buf_release(&text);
	}
}

static void
what_a_bot_says_is_bounded(void **state)
{
	static const char part[] =
		"{'type':'text','text':'{{flow.n|truncate:7000}}'}";
	struct flow_run run;
	struct buf text;
	double seconds;
	size_t k;

	(void)state;
	buf_init(&text, 1 << 20);
	for (k = 0; k < 100; k++) {
		buf_printf(&text,
			   "%s{'id':'b%.0zu','type':'message','content':[",
			   k ? "," : "", k);
		put_times(&text, part, 20);
		if (k < 99)
			buf_printf(&text, "],'paths':{'next':'b%zu'}}", k + 1);
		else
			buf_puts(&text, "],'paths':{'next':'e'}}");
	}
	assert_int_equal(run_heavy(&run, buf_cstr(&text), &seconds),
			 FLOW_FAILED);
	assert_non_null(strstr(run.problem, "too much to compute"));
	assert_in_range(json_array_size(run.messages), 50, 1000);
	flow_run_release(&run);
	buf_release(&text);
}

/* What it is found in, and what not, whatever the kinds. */
static void
lists_are_searched_by_number_and_text(void **state)
{
	static const struct {
		const char *left, *right;
		bool in;
	} cases[] = {
		{ "3", "[1,'3.0']", true },
		{ "'3'", "[1,3]", true },
		{ "'3'", "'1, 3,5'", true },
		{ "3", "'1, 3.0'", false },
		{ "'x'", "[1,'y','x']", true },
		{ "'x'", "['xx','X',0]", false },
		{ "null", "['']", true },
		{ "{'a':1}", "[{'a':1}]", true },
		{ "true", "['true']", true },
		{ "'1'", "[]", false },
	};
	struct flow_run run;
	char text[400];
	double seconds;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text),
			 "{'id':'b','type':'condition','branches':[{'id':'y',"
			 "'when':{'left':%s,'op':'in','right':%s}}],'paths':"
			 "{'y':'f','else':'e'}},{'id':'f','type':'end','text':"
			 "'found'}",
			 cases[i].left, cases[i].right);
		assert_int_equal(run_heavy(&run, text, &seconds), FLOW_ENDED);
		assert_int_equal(json_array_size(run.messages), cases[i].in);
		flow_run_release(&run);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_that_double_end_the_conversation),
		cmocka_unit_test(many_usual_values_are_no_runaway),
		cmocka_unit_test(lists_are_searched_by_number_and_text),
		cmocka_unit_test(
			what_is_made_short_at_last_counts_all_the_same),
		cmocka_unit_test(comparisons_of_much_are_bounded),
		cmocka_unit_test(what_a_bot_says_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
