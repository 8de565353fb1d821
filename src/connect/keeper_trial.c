/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A credential that is to replace one in use is tried first: the exchanger
 * makes the definition's test request with it, and it is stored only when the
 * service takes it.
 *
 *   row and generation -> test request -> the same generation? -> committed
 *
 * Until the commit nobody has it, and all calls go on with the one that
 * there is.  It stays for whatever else comes: a refusal, no answer, an answer
 * that says nothing of the credential, a grant that has changed meanwhile, an
 * asker who waits no longer.
 *
 * Runs in the keeper.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/keeper_getting_priv.h"

struct keeper_trial {
	struct keeper *keeper;
	struct proc_request *rq;
	struct connect_msg_subject who; /* with the generation in use */
	struct keeper_payload payload;
	struct method_secrets secrets; /* of what is sent */
	struct proc_call call;
};

/* Whether this request would carry the credential at all. */
static bool
test_carries(const struct catalog_test *t, const struct method_injection *add)
{
	return add->headers || add->query || add->path ||
	       (add->form && !strcmp(t->method, "POST"));
}

bool
keeper_trial_find(const struct keeper_row *row, const struct binding *b,
		  const struct method_injection *add, size_t *index)
{
	const struct catalog_api *api = &b->service->api;
	const struct catalog_test *t;
	size_t i;

	if (row->status != CONNECT_CONNECTED || row->leaving)
		return false; /* there is none to lose */
	for (i = 0; i < api->tests.count; i++) {
		t = &api->tests.items[i];
		/* what a person types in has no scopes */
		if (t->needs_scope.count || !b->test_urls[i] ||
		    b->test_urls[i][0] == '/' || !test_carries(t, add))
			continue;
		*index = i;
		return true;
	}
	return false;
}

static void
trial_free(struct keeper_trial *t)
{
	keeper_payload_release(&t->payload);
	method_secrets_release(&t->secrets);
	free(t);
}

/* ---- what the service says, without what was sent to it ---- */

/* A service may repeat one part of it: base64 without its padding. */
static void
redact_parts(char *text, size_t size, const struct secret *sent)
{
	static const char *const ends = " \r\n&=";
	struct slice all = slice_of(secret_peek(sent), secret_len(sent));
	struct secret *one;
	size_t i, from = 0;

	for (i = 0; i <= all.len; i++) {
		if (i < all.len && !strchr(ends, all.ptr[i]))
			continue;
		one = secret_from(all.ptr + from, i - from);
		if (one)
			method_words_redact(text, size, one);
		else
			text[0] = '\0'; /* nothing rather than a secret */
		secret_free(one);
		from = i + 1;
	}
}

/* One that is too short to be masked wherever it stands: no words at all. */
static bool
is_short_and_in(const struct secret *value, const char *text)
{
	enum { SHORT = 8 };
	size_t len = secret_len(value);

	return len && len < SHORT &&
	       memmem(text, strlen(text), secret_peek(value), len);
}

/* Larger pieces first: what was sent is masked whole. */
static void
trial_redact(const struct keeper_trial *t, char *text, size_t size)
{
	size_t i;

	for (i = t->secrets.count; i-- > 0;) {
		method_words_redact(text, size, t->secrets.items[i]);
		redact_parts(text, size, t->secrets.items[i]);
	}
	for (i = 0; i < t->secrets.count; i++)
		if (is_short_and_in(t->secrets.items[i], text))
			text[0] = '\0';
}

static void
trial_fail(struct keeper_trial *t, struct connect_msg_tested *m)
{
	static const char stays[] = "The one in use stays.";
	struct connect_msg_problem p;
	const char *open, *close;
	char said[160];
	int err = ERR_PROTOCOL;

	trial_redact(t, m->said, sizeof(m->said));
	slice_cut(slice_str(m->said), said, sizeof(said));
	open = said[0] ? ": \"" : "";
	close = said[0] ? "\"" : "";
	if (m->verdict == CONNECT_TEST_REFUSED) {
		keeper_problem_set(&p, "credential_refused", CONNECT_CONNECTED,
				   "The service has refused the test request: "
				   "HTTP %d%s%s%s. %s",
				   m->status, open, said, close, stays);
	} else if (m->verdict == CONNECT_TEST_LACKS) {
		keeper_problem_set(&p, "credential_refused", CONNECT_CONNECTED,
				   "The service knows it, but it lacks what "
				   "the test request needs: HTTP %d%s%s%s. %s",
				   m->status, open, said, close, stays);
	} else if (m->status) {
		keeper_problem_set(&p, "credential_untested", CONNECT_CONNECTED,
				   "The answer to the test request does not "
				   "tell whether it is good: HTTP %d%s%s%s. %s",
				   m->status, open, said, close, stays);
		p.retry_after_s = m->wait_s;
		err = ERR_CONNECT;
	} else {
		keeper_problem_set(&p, "credential_untested", CONNECT_CONNECTED,
				   "The test request could not be made: %s. %s",
				   m->detail, stays);
		err = ERR_CONNECT;
	}
	keeper_fail(t->rq, err, &p);
}

/* ---- it is good ---- */

static void
trial_store(struct keeper_trial *t, struct connect_msg_tested *m)
{
	struct keeper_row row;
	char account[256];
	int rc = keeper_row_load(t->keeper, &t->who, &row);

	if (!rc && (row.who.generation != t->who.generation ||
		    row.status != CONNECT_CONNECTED || row.leaving))
		rc = ERR_CONFLICT;
	if (rc == ERR_NOT_FOUND)
		rc = ERR_CONFLICT; /* deleted, or revoked */
	if (rc == ERR_CONFLICT) {
		keeper_fail_with(t->rq, rc, "", CONNECT_CONNECTED,
				 "The connection's credential was changed or "
				 "taken away while this one was tested.");
		return;
	}
	trial_redact(t, m->account, sizeof(m->account));
	slice_cut(slice_str(m->account), account, sizeof(account));
	keeper_credential_store(t->keeper, t->rq, rc, &row, &t->payload,
				account);
}

static void
trial_done(struct proc_call *call, int err, struct proc_unpack *in)
{
	struct keeper_trial *t = CONTAINER_OF(call, struct keeper_trial, call);
	struct connect_msg_tested m;

	t->keeper->under_way--;
	step_reached("credential.answered");
	if (!err)
		err = in ? connect_msg_tested_unpack(in, &m) : ERR_PROTOCOL;
	if (err) {
		memset(&m, 0, sizeof(m));
		m.verdict = CONNECT_TEST_UNSURE;
		snprintf(m.detail, sizeof(m.detail), "it was interrupted (%s)",
			 err_text(err));
	}
	if (m.verdict != CONNECT_TEST_PASSED)
		trial_fail(t, &m);
	else if (proc_request_is_awaited(t->rq))
		trial_store(t, &m);
	else /* nobody would know that it is in use */
		proc_reply(t->rq, ERR_TIMEOUT, NULL);
	trial_free(t);
}

void
keeper_trial_start(struct keeper *k, struct proc_request *rq,
		   const struct keeper_row *row,
		   struct connect_msg_credential *m,
		   const struct method_injection *add, size_t index)
{
	struct keeper_trial *t = calloc(1, sizeof(*t));
	struct connect_msg_test test = { .binding = m->binding,
					 .index = index,
					 .add = *add };
	struct proc_pack *p;

	if (!t || method_secrets_list(m->binding, &m->fields, &t->secrets)) {
		free(t);
		keeper_fail_with(rq, ERR_NOMEM, "", CONNECT_CONNECTED,
				 "Out of memory.");
		return;
	}
	p = proc_pack_new();
	connect_msg_test_pack(&test, p);
	t->keeper = k;
	t->rq = rq;
	t->who = row->who;
	t->payload.binding = m->binding;
	t->payload.fields = m->fields;
	m->binding = NULL;
	memset(&m->fields, 0, sizeof(m->fields));
	k->under_way++;
	proc_call_start(k->exchanger, CONNECT_EXCHANGER_TEST, p,
			CONNECT_TEST_MS, &t->call, trial_done);
	step_reached("credential.asked");
}
