/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flow documents: whatever is written, it is refused with problems that have
 * their form, or it runs: whatever is answered leads to a wait, a call or an
 * end within the bounds, and never to more than that.  What is taken for a
 * number, an address, a date is one, and is taken again as it was kept.
 *
 * Input: the document, then what the visitor answers, each behind a NUL: 'c'
 * and the id of a choice, 'v' and a JSON value, or a text.  When there is no
 * more he goes on with usual texts.
 */
#include "flow/flow_priv.h"

enum { ROUNDS = 12, VALUE_MAX = 64 * 1024, MADE_ENOUGH = 512 * 1024 };

static struct slice said; /* what is left of the answers */

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
check_kind(enum flow_kind kind, const char *text)
{
	json_t *value = flow_answer_value(kind, text, NULL), *again;
	const char *kept = json_string_value(value);

	if (value && kind == FLOW_NUMBER) {
		ASSERT(json_is_number(value));
	} else if (value) {
		ASSERT(kept && !slice_has_control(slice_str(kept)));
		ASSERT(kind != FLOW_EMAIL || flow_is_email(kept));
		ASSERT(kind != FLOW_DATE || flow_is_date(kept));
		ASSERT(kind != FLOW_PHONE ||
		       !kept[1 + strspn(kept + 1, "0123456789")]);
		again = flow_answer_value(kind, kept, NULL);
		ASSERT(json_equal(value, again));
		json_decref(again);
	}
	json_decref(value);
}

/* What the visitor says next; text is where it stays. */
static struct flow_answer
answer_read(unsigned round, struct buf *text, json_t **value)
{
	static const char *const usual[] = { "1",	    "yes",
					     "a@b.example", "2030-01-31",
					     "+4312345678", "\xc3\xa4" };
	struct json_problem ignored = { 0 };
	struct flow_answer a = { .text = usual[round % ARRAY_LEN(usual)] };
	struct slice bytes = slice_head(said, slice_find(said, '\0'));

	said = slice_from(said, bytes.len + 1);
	/* The API takes no others. */
	if (!bytes.len || bytes.len > FLOW_ANSWER_MAX || !slice_is_utf8(bytes))
		return a;
	buf_put_slice(text, slice_from(bytes, bytes.ptr[0] == 'c' ||
						      bytes.ptr[0] == 'v'));
	a.text = NULL;
	if (bytes.ptr[0] == 'c')
		a.choice = buf_cstr(text);
	else if (bytes.ptr[0] == 'v' &&
		 !json_read(buf_slice(text), FLOW_ANSWER_MAX, value, &ignored))
		a.value = *value;
	else
		a.text = buf_cstr(text);
	return a;
}

static enum flow_next
answer_one(struct flow_run *run, unsigned round)
{
	static const enum flow_kind kinds[] = { FLOW_TEXT, FLOW_NUMBER,
						FLOW_EMAIL, FLOW_PHONE,
						FLOW_DATE };
	struct flow_answer a;
	json_t *value = NULL;
	enum flow_next next;
	struct buf text;
	size_t i;

	buf_init(&text, FLOW_ANSWER_MAX + 1);
	a = answer_read(round, &text, &value);
	for (i = 1; a.text && i < ARRAY_LEN(kinds); i++)
		check_kind(kinds[i], a.text);
	next = flow_run_answer(run, &a);
	buf_release(&text);
	json_decref(value);
	return next;
}

static void
check_run(struct flow_document *d)
{
	struct flow_run run = { .document = d };
	enum flow_next next;
	unsigned i;

	run.messages = json_array();
	run.values =
		json_pack("{s:{}, s:{}, s:o, s:o}", "input", "block", "flow",
			  json_deep_copy(flow_document_defaults(d)), "session",
			  json_deep_copy(flow_document_session(d)));
	next = flow_run_begin(&run);
	/* One move may make FLOW_MADE_MAX, but one in an input is enough. */
	for (i = 0; i < ROUNDS && run.made < MADE_ENOUGH &&
		    (next == FLOW_WAIT || next == FLOW_CALL);
	     i++) {
		json_decref(run.expects);
		run.expects = NULL;
		run.steps = 0;
		next = next == FLOW_CALL
			       ? flow_run_exit(&run, hook_path_no_answer)
			       : answer_one(&run, i);
		ASSERT(run.steps <= FLOW_STEPS_MAX + 1);
		ASSERT(run.made <= FLOW_MADE_MAX + VALUE_MAX);
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
	struct slice document;
	json_t *json, *problems;
	int rc;

	said = slice_of(data, size);
	document = slice_head(said, slice_find(said, '\0'));
	said = slice_from(said, document.len + 1);
	if (json_read(document, FLOW_TEXT_MAX, &json, &ignored))
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
