/* SPDX-License-Identifier: Apache-2.0 */
/* What answers mean, and what each block does in a step. */
#include "../support/flow_world.h"

static const struct {
	enum flow_kind kind;
	const char *text;
	const char *value; /* as JSON; NULL: refused */
} answers[] = {
	{ FLOW_NUMBER, " 12 ", "12" },
	{ FLOW_NUMBER, "-3.5", "-3.5" },
	{ FLOW_NUMBER, "3,5", "3.5" },
	{ FLOW_NUMBER, "1,234", NULL },
	{ FLOW_NUMBER, "12 apples", NULL },
	{ FLOW_NUMBER, "0x10", NULL },
	{ FLOW_NUMBER, "1e5", NULL },
	{ FLOW_NUMBER, "", NULL },
	{ FLOW_NUMBER, "-", NULL },
	{ FLOW_NUMBER, "1.", NULL },
	{ FLOW_EMAIL, "ann@example.org", "\"ann@example.org\"" },
	{ FLOW_EMAIL, " a.b+c@x-y.example.org ", "\"a.b+c@x-y.example.org\"" },
	{ FLOW_EMAIL, "ann@example", NULL },
	{ FLOW_EMAIL, "ann@@example.org", NULL },
	{ FLOW_EMAIL, "ann@-x.org", NULL },
	{ FLOW_EMAIL, ".ann@example.org", NULL },
	{ FLOW_EMAIL, "a..n@example.org", NULL },
	{ FLOW_EMAIL, "ann@example.org.", NULL },
	{ FLOW_EMAIL, "a b@example.org", NULL },
	{ FLOW_EMAIL, "@example.org", NULL },
	{ FLOW_PHONE, "+43 (1) 234-56 78", "\"+4312345678\"" },
	{ FLOW_PHONE, "0043 1 2345678", "\"+4312345678\"" },
	{ FLOW_PHONE, "01/234 56 78", "\"012345678\"" },
	{ FLOW_PHONE, "123", NULL },
	{ FLOW_PHONE, "+1234567890123456", NULL },
	{ FLOW_PHONE, "call me", NULL },
	{ FLOW_PHONE, "1+2345678", NULL },
	{ FLOW_DATE, "2030-01-31", "\"2030-01-31\"" },
	{ FLOW_DATE, "2028-02-29", "\"2028-02-29\"" },
	{ FLOW_DATE, "2030-02-29", NULL },
	{ FLOW_DATE, "31.1.2030", "\"2030-01-31\"" },
	{ FLOW_DATE, "31.4.2030", NULL },
	{ FLOW_DATE, "1.1.30", NULL },
	{ FLOW_DATE, "1/2/2030", NULL },
	{ FLOW_DATE, "2030-1-1", NULL },
	{ FLOW_TEXT, "  \xc3\xa4  ", "\"\xc3\xa4\"" },
	{ FLOW_TEXT, "\xff", NULL },
	{ FLOW_TEXT, "   ", NULL },
};

static void
answers_are_what_they_are_asked_to_be(void **state)
{
	json_t *value;
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(answers); i++) {
		value = flow_answer_value(answers[i].kind, answers[i].text,
					  NULL);
		text = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
		if (!text != !answers[i].value ||
		    (text && strcmp(text, answers[i].value) != 0)) {
			print_error("%s gave %s\n", answers[i].text,
				    text ? text : "nothing");
			fail();
		}
		free(text);
		json_decref(value);
	}
}

static void
answers_keep_within_limits(void **state)
{
	struct flow_limits l = { .has_min = true,
				 .min = 1,
				 .has_max = true,
				 .max = 10,
				 .min_date = "2030-01-01",
				 .min_length = 2,
				 .max_length = 3 };
	static const struct {
		enum flow_kind kind;
		const char *text;
		bool fine;
	} rows[] = {
		{ FLOW_NUMBER, "1", true },
		{ FLOW_NUMBER, "0.9", false },
		{ FLOW_NUMBER, "11", false },
		{ FLOW_DATE, "2030-01-01", true },
		{ FLOW_DATE, "2029-12-31", false },
		{ FLOW_TEXT, "a", false },
		{ FLOW_TEXT, "\xc3\xa4\xc3\xa4\xc3\xa4", true },
		{ FLOW_TEXT, "abcd", false },
		{ FLOW_TEXT, "a1", false },
	};
	json_t *value;
	size_t i;

	(void)state;
	assert_int_equal(flow_pattern_compile("\\p{L}+", &l.pattern), 0);
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		value = flow_answer_value(rows[i].kind, rows[i].text, &l);
		assert_int_equal(value != NULL, rows[i].fine);
		json_decref(value);
	}
	jsonpath_free(l.pattern);
}

/* ---- steps ---- */

static void
run_init(struct flow_run *run, struct flow_document *d)
{
	memset(run, 0, sizeof(*run));
	run->document = d;
	run->messages = json_array();
	run->values = json_pack("{s:{}, s:{}, s:O, s:O}", "input", "block",
				"flow", flow_document_defaults(d), "session",
				flow_document_session(d));
	json_object_set_new(run->values, "flow",
			    json_deep_copy(flow_document_defaults(d)));
}

static void
run_end(struct flow_run *run)
{
	flow_document_unref(run->document);
	flow_run_release(run);
}

static const char *
said(const struct flow_run *run, size_t i)
{
	const char *text = json_string_value(
		json_object_get(json_array_get(run->messages, i), "text"));

	return text ? text : "";
}

static enum flow_next
answer(struct flow_run *run, const char *text)
{
	json_decref(run->expects);
	run->expects = NULL;
	run->steps = 0;
	return flow_run_answer(run, &(struct flow_answer){ .text = text });
}

#define START "{'id': 'start', 'type': 'start', 'paths': {'next': 'a'}},"
#define SAY(id, text, next) \
	",{'id': '" id "', 'type': 'message', 'content': [{'type': 'text', " \
	"'text': '" text "'}], 'paths': {'next': '" next "'}}"
#define END ",{'id': 'z', 'type': 'end', 'text': 'Bye {{input.x}}'}"

static void
a_question_asks_until_it_is_answered(void **state)
{
	struct flow_run run;

	(void)state;
	run_init(&run,
		 flow_good(START "{'id': 'a', 'type': 'question', 'text': "
				 "'How many?', 'kind': 'number', "
				 "'variable': 'x', 'retry_text': 'A "
				 "number!', 'paths': {'next': 'z'}}" END));
	assert_int_equal(flow_run_begin(&run), FLOW_WAIT);
	assert_string_equal(said(&run, 0), "How many?");
	assert_string_equal(
		json_string_value(json_object_get(run.expects, "type")),
		"number");
	assert_int_equal(answer(&run, "many"), FLOW_WAIT);
	assert_int_equal(answer(&run, "many"), FLOW_WAIT);
	assert_int_equal(answer(&run, "many"), FLOW_WAIT);
	assert_int_equal(answer(&run, "many"), FLOW_WAIT);
	assert_string_equal(said(&run, 4), "A number!");
	assert_int_equal(answer(&run, "7"), FLOW_ENDED);
	assert_string_equal(said(&run, 5), "Bye 7");
	run_end(&run);
}

static void
a_question_fails_after_its_attempts(void **state)
{
	struct flow_run run;

	(void)state;
	run_init(&run,
		 flow_good(START "{'id': 'a', 'type': 'question', 'text': "
				 "'?', 'kind': 'yes_no', 'variable': 'x', "
				 "'attempts': 2, 'paths': {'next': 'z', "
				 "'failed': 'f'}}" SAY("f", "Then not.", "z")
					 END));
	assert_int_equal(flow_run_begin(&run), FLOW_WAIT);
	assert_int_equal(answer(&run, "hm"), FLOW_WAIT);
	assert_int_equal(answer(&run, "hm"), FLOW_ENDED);
	assert_string_equal(said(&run, 2), "Then not.");
	run_end(&run);
}

static void
a_choice_is_made_by_id_label_or_number(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ "red", "R" },
		{ "BLUE one", "B" },
		{ "2", "B" },
		{ "9", NULL },
	};
	struct flow_run run;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		run_init(&run,
			 flow_good(START
				   "{'id': 'a', 'type': 'choice', 'text': "
				   "'?', 'variable': 'x', 'choices': [{'id': "
				   "'red', 'label': 'Red'}, {'id': 'blue', "
				   "'label': 'Blue one'}], 'paths': {'red': "
				   "'r', 'blue': 'b'}}" SAY("r", "R", "z")
					   SAY("b", "B", "z") END));
		assert_int_equal(flow_run_begin(&run), FLOW_WAIT);
		assert_int_equal(answer(&run, rows[i].text),
				 rows[i].said ? FLOW_ENDED : FLOW_WAIT);
		if (rows[i].said)
			assert_string_equal(said(&run, 1), rows[i].said);
		run_end(&run);
	}
}

static const struct {
	const char *when;
	bool holds;
} whens[] = {
	{ "{'left': '{{flow.n}}', 'op': 'eq', 'right': 1}", true },
	{ "{'left': '{{flow.n}}', 'op': 'eq', 'right': '1'}", true },
	{ "{'left': '10', 'op': 'gt', 'right': '9'}", true },
	{ "{'left': 'b10', 'op': 'gt', 'right': 'b9'}", false },
	{ "{'left': '{{flow.n}}', 'op': 'ne', 'right': 2}", true },
	{ "{'left': '{{flow.n}}', 'op': 'ge', 'right': 1}", true },
	{ "{'left': '{{flow.n}}', 'op': 'lt', 'right': 1}", false },
	{ "{'left': 'tickets', 'op': 'contains', 'right': 'ick'}", true },
	{ "{'left': ['a', 'b'], 'op': 'contains', 'right': 'b'}", true },
	{ "{'left': 'b', 'op': 'in', 'right': ['a', 'b']}", true },
	{ "{'left': 'b', 'op': 'in', 'right': 'a, b'}", true },
	{ "{'left': 'c', 'op': 'in', 'right': 'a, b'}", false },
	{ "{'left': 'abc', 'op': 'starts', 'right': 'ab'}", true },
	{ "{'left': 'abc', 'op': 'ends', 'right': 'ab'}", false },
	{ "{'left': 'A-12', 'op': 'matches', 'right': '[A-Z]-[0-9]+'}", true },
	{ "{'left': 'xA-12', 'op': 'matches', 'right': '[A-Z]-[0-9]+'}",
	  false },
	{ "{'left': '{{session.lang}}', 'op': 'empty'}", true },
	{ "{'left': [], 'op': 'not_empty'}", false },
	{ "{'all': []}", true },
	{ "{'any': []}", false },
	{ "{'any': [{'left': 1, 'op': 'eq', 'right': 2}, {'all': [{'left': 1, "
	  "'op': 'eq', 'right': 1}]}]}",
	  true },
	{ "{'all': [{'left': 1, 'op': 'eq', 'right': 2}, {'left': 1, 'op': "
	  "'eq', 'right': 1}]}",
	  false },
};

static void
conditions_hold_or_not(void **state)
{
	struct flow_run run;
	struct buf text;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(whens); i++) {
		buf_init(&text, 1 << 16);
		buf_printf(&text,
			   START "{'id': 'a', 'type': 'condition', 'branches': "
				 "[{'id': 'u', 'when': %s}], 'paths': {'u': "
				 "'y', 'else': 'n'}}" SAY("y", "yes", "z")
					 SAY("n", "no", "z") ",{'id'"
							     ": 'z', "
							     "'type': "
							     "'end'}",
			   whens[i].when);
		run_init(&run, flow_good(buf_cstr(&text)));
		assert_int_equal(flow_run_begin(&run), FLOW_ENDED);
		if (strcmp(said(&run, 0), whens[i].holds ? "yes" : "no") != 0) {
			print_error("%s\n", whens[i].when);
			fail();
		}
		run_end(&run);
		buf_release(&text);
	}
}

static void
set_changes_variables_in_order(void **state)
{
	struct flow_run run;

	(void)state;
	run_init(&run,
		 flow_good(START
			   "{'id': 'a', 'type': 'set', 'set': [{'variable': "
			   "'flow.n', 'add': 2}, {'variable': 'block.o', "
			   "'value': {'n': '{{flow.n}}'}}, {'variable': "
			   "'flow.n', 'add': '{{block.o.n}}'}, {'variable': "
			   "'flow.n', 'add': 'x'}], 'paths': {'next': "
			   "'z'}},{'id': 'z', 'type': 'end', 'text': "
			   "'{{flow.n}} {{block.o}}'}"));
	assert_int_equal(flow_run_begin(&run), FLOW_ENDED);
	assert_string_equal(said(&run, 0), "6 {\"n\":3}");
	run_end(&run);
}

static void
a_handoff_takes_message_and_address(void **state)
{
	struct flow_run run;

	(void)state;
	run_init(&run, flow_good(START "{'id': 'a', 'type': 'handoff', 'text': "
				       "'Leave a message.'}"));
	assert_int_equal(flow_run_begin(&run), FLOW_WAIT);
	assert_int_equal(answer(&run, "Help!"), FLOW_WAIT);
	assert_int_equal(answer(&run, "not an address"), FLOW_WAIT);
	assert_null(run.handoff);
	assert_int_equal(answer(&run, "ann@example.org"), FLOW_HANDED_OFF);
	assert_string_equal(
		json_string_value(json_object_get(run.handoff, "message")),
		"Help!");
	run_end(&run);
}

static void
a_webhook_that_waits_for_consent_takes_skip_alone(void **state)
{
	const json_t *x;
	struct flow_run run;

	(void)state;
	run_init(
		&run,
		flow_good(
			START
			"{'id': 'a', 'type': 'webhook', 'connection': "
			"'mine', 'request': {'method': 'GET', 'url': "
			"'/x'}, 'response_list': [{'codes': ['200'], "
			"'mappings': []}], 'paths': {'200': 'y', 'other': "
			"'y', 'no_answer': 'z'}}" SAY(
				"y", "no",
				"z") ",{'id': 'z', 'type': 'end', 'text': 'Bye "
				     "{{block.problem}}'}"));
	assert_int_equal(flow_run_begin(&run), FLOW_CALL);
	run.memory = json_pack("{s:i, s:s, s:s}", "asks", 1, "connection",
			       "01id", "name", "Desk");
	assert_int_equal(answer(&run, "what?"), FLOW_WAIT);
	assert_string_equal(said(&run, 0),
			    "Press Connect to go on, or skip it.");
	x = json_object_get(run.expects, "connection");
	assert_string_equal(json_string_value(x), "mine");
	x = json_object_get(run.expects, "type");
	assert_string_equal(json_string_value(x), "connect");
	assert_int_equal(answer(&run, " Skip "), FLOW_ENDED);
	assert_string_equal(said(&run, 1), "Bye connect_skipped");
	run_end(&run);
}

static void
a_visitors_text_is_no_template(void **state)
{
	struct flow_run run;

	(void)state;
	run_init(&run,
		 flow_good(START "{'id': 'a', 'type': 'question', 'text': "
				 "'?', 'variable': 'x', 'paths': {'next': "
				 "'z'}}" END));
	assert_int_equal(flow_run_begin(&run), FLOW_WAIT);
	assert_int_equal(answer(&run, "{{flow.n}}<b>"), FLOW_ENDED);
	assert_string_equal(said(&run, 1), "Bye {{flow.n}}<b>");
	run_end(&run);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_what_they_are_asked_to_be),
		cmocka_unit_test(answers_keep_within_limits),
		cmocka_unit_test(a_question_asks_until_it_is_answered),
		cmocka_unit_test(a_question_fails_after_its_attempts),
		cmocka_unit_test(a_choice_is_made_by_id_label_or_number),
		cmocka_unit_test(conditions_hold_or_not),
		cmocka_unit_test(set_changes_variables_in_order),
		cmocka_unit_test(a_handoff_takes_message_and_address),
		cmocka_unit_test(
			a_webhook_that_waits_for_consent_takes_skip_alone),
		cmocka_unit_test(a_visitors_text_is_no_template),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
