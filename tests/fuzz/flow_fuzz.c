/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flow documents: whatever is written, it is refused with problems that have
 * their form, or it runs: answers of all kinds lead to a wait, a call or an
 * end within the bound, and never to more than that.
 *
 * Input: the document.
 */
#include "flow/flow_priv.h"

enum { ROUNDS = 6 };

static void
check_problems(const json_t *problems)
{
	static const char *const names[] = { "pointer", "code", "detail",
					     "severity" };
	const json_t *p;
	size_t i, n;

	ASSERT(json_array_size(problems) <= FLOW_PROBLEMS_MAX);
	json_array_foreach((json_t *)(uintptr_t)problems, i,
			   p) for (n = 0; n < ARRAY_LEN(names); n++)
		ASSERT(json_is_string(json_object_get(p, names[n])));
}

static void
check_run(struct flow_document *d)
{
	static const char *const texts[ROUNDS] = { "1",		  "yes",
						   "a@b.example", "2030-01-31",
						   "+4312345678", "\xc3\xa4" };
	struct flow_run run = { .document = d };
	enum flow_next next;
	size_t i;

	run.messages = json_array();
	run.values =
		json_pack("{s:{}, s:{}, s:o, s:o}", "input", "block", "flow",
			  json_deep_copy(flow_document_defaults(d)), "session",
			  json_deep_copy(flow_document_session(d)));
	next = flow_run_begin(&run);
	for (i = 0; i < ROUNDS && (next == FLOW_WAIT || next == FLOW_CALL);
	     i++) {
		json_decref(run.expects);
		run.expects = NULL;
		run.steps = 0;
		next = next == FLOW_CALL
			       ? flow_run_exit(&run, hook_path_no_answer)
			       : flow_run_answer(&run,
						 &(struct flow_answer){
							 .text = texts[i] });
		ASSERT(run.steps <= FLOW_STEPS_MAX + 1);
	}
	ASSERT(next != FLOW_GO);
	ASSERT(next != FLOW_FAILED || run.problem[0]);
	flow_run_release(&run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_problem ignored = { 0 };
	struct flow_document *d;
	json_t *json, *problems;
	int rc;

	if (json_read(slice_of(data, size), FLOW_TEXT_MAX, &json, &ignored))
		return 0;
	rc = flow_compile(json, NULL, &problems, &d);
	ASSERT(!rc || rc == ERR_INVALID);
	ASSERT(!rc == (d != NULL));
	check_problems(problems);
	if (d)
		check_run(d);
	flow_document_unref(d);
	json_decref(problems);
	json_decref(json);
	return 0;
}
