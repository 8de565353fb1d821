/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exchanger: talks to token, revocation and look-up endpoints, and tests
 * credentials that are to replace others.
 *
 * It gets the secrets of one grant for one request, and forgets them with
 * it.  It holds no key, opens no database and answers nobody but the keeper,
 * so that whatever a foreign token server sends reaches nothing else.
 *
 * A request is made exactly once, on a connection of its own; whether to try
 * again is the keeper's business, who knows what is at stake.
 */
#include <stdio.h>
#include <stdlib.h>

#include "connect/exchanger_priv.h"
#include "connect/roles.h"

enum {
	RESOLVERS = 16,	   /* a name whose server is silent takes one */
	EARLIER_MS = 2000, /* than the keeper gives up */
	UNDER_WAY_MAX = 256,
	EXIT_CONFIG = 78,
};

struct exchanger {
	struct loop *loop;
	struct loop_pool *pool;
	struct egress_policy *policy;
	struct egress *egress;
	struct proc_channel *keeper;
	struct exchange *first; /* those under way */
	unsigned count;
};

void
connect_exchange_free(struct exchange *e)
{
	if (e->prev) {
		*e->prev = e->next;
		if (e->next)
			e->next->prev = e->prev;
		e->all->count--;
	}
	if (e->fetching)
		egress_fetch_cancel(&e->fetch);
	egress_fetch_release(&e->fetch);
	method_http_release(&e->http);
	connect_msg_token_release(&e->token);
	connect_msg_lookup_release(&e->lookup);
	connect_msg_test_release(&e->test);
	free(e);
}

struct slice
connect_exchange_header(void *arg, struct slice name)
{
	const struct egress_fetch *f = arg;
	const struct http_field *field = NULL;

	if (f->head)
		field = http_head_find_name(f->head, name);
	return field ? field->value : SLICE_NONE;
}

/* ---- token answers ---- */

/* Some servers repeat what they refuse. */
static void
answer_redact(struct method_answer *a, const struct connect_msg_token *asked)
{
	method_answer_redact(a, asked->client_secret);
	method_answer_redact(a, asked->code);
	method_answer_redact(a, asked->verifier);
	method_answer_redact(a, asked->refresh_token);
	method_answer_redact(a, asked->access_token);
}

static void
reply_token(struct exchange *e, int err, const char *detail)
{
	struct connect_msg_token_answer *m = calloc(1, sizeof(*m));
	struct egress_fetch *f = &e->fetch;
	struct proc_pack *p = proc_pack_new();

	if (!m || !p) {
		free(m);
		proc_pack_free(p);
		/* this one says that nothing was sent */
		proc_reply(e->rq, f->sent ? ERR_CLOSED : ERR_NOMEM, NULL);
		return;
	}
	m->sent = f->sent;
	m->err = err;
	snprintf(m->detail, sizeof(m->detail), "%s", detail);
	if (!err && e->token.what == METHOD_REVOKE) {
		m->revoked = method_oauth2_revoked(e->token.binding, f->status,
						   buf_slice(&f->answer));
		if (!m->revoked)
			snprintf(m->answer.error, sizeof(m->answer.error),
				 "HTTP %d", f->status);
	} else if (!err) {
		method_oauth2_answer(e->token.binding, e->token.what, f->status,
				     f->answer.data, f->answer.len,
				     connect_exchange_header, f,
				     clock_wall_ms(), &m->answer);
		answer_redact(&m->answer, &e->token);
	}
	connect_msg_token_answer_pack(m, p);
	connect_msg_token_answer_release(m);
	free(m);
	proc_reply(e->rq, 0, p);
}

/* ---- one request ---- */

void
connect_exchange_end(struct exchange *e, int err, const char *detail)
{
	e->reply(e, err, detail);
	connect_exchange_free(e);
}

static void
fetch_done(struct egress_fetch *f, int err)
{
	struct exchange *e = CONTAINER_OF(f, struct exchange, fetch);

	e->fetching = false;
	step_reached("exchange.answered");
	connect_exchange_end(e, err,
			     err && !f->detail[0] ? err_text(err) : f->detail);
	step_reached("exchange.told");
}

int
connect_exchange_aim(struct exchange *e, const struct binding *b,
		     const struct http_url *u, char *detail, size_t size)
{
	int rc;

	rc = egress_dest(e->all->egress, u, b->allow_http != CATALOG_HTTP_NEVER,
			 b->service->ca, &e->fetch.dest);
	if (rc)
		snprintf(detail, size, "%s", err_text(rc));
	e->fetch.path = u->path.len ? u->path : SLICE("/");
	return rc;
}

int
connect_exchange_url(const char *url, struct http_url *out, char *detail,
		     size_t size)
{
	const char *why = "";
	int rc = http_url_parse(slice_str(url), out, &why);

	if (rc)
		snprintf(detail, size, "the endpoint is no URL: %s", why);
	return rc;
}

int
connect_exchange_dest(struct exchange *e, const struct binding *b,
		      const char *checked, const char *url, char *detail,
		      size_t size)
{
	struct http_url u;
	int rc;

	if (!binding_endpoint_allows(b, slice_str(checked))) {
		snprintf(detail, size, "this endpoint is not the service's");
		return ERR_BLOCKED;
	}
	rc = connect_exchange_url(url, &u, detail, size);
	return rc ? rc : connect_exchange_aim(e, b, &u, detail, size);
}

/* Never for longer than the keeper waits: it believes that what it has given
 * up is not sent any more. */
void
connect_exchange_start(struct exchange *e, uint32_t most_ms)
{
	uint32_t left = proc_request_left_ms(e->rq);

	if (left <= EARLIER_MS) {
		connect_exchange_end(e, ERR_TIMEOUT, err_text(ERR_TIMEOUT));
		return;
	}
	e->fetch.max_bytes = CONNECT_ANSWER_MAX;
	e->fetch.timeout_ms = left - EARLIER_MS;
	if (most_ms && e->fetch.timeout_ms > most_ms)
		e->fetch.timeout_ms = most_ms;
	e->fetch.done = fetch_done;
	e->fetching = true;
	egress_fetch_start(&e->fetch);
}

struct exchange *
connect_exchange_new(struct exchanger *x, struct proc_request *rq,
		     void (*reply)(struct exchange *, int, const char *))
{
	struct exchange *e = NULL;

	if (x->count < UNDER_WAY_MAX)
		e = calloc(1, sizeof(*e));
	if (!e) {
		proc_reply(rq, ERR_BUSY, NULL);
		return NULL;
	}
	e->all = x;
	e->rq = rq;
	e->reply = reply;
	e->next = x->first;
	e->prev = &x->first;
	if (e->next)
		e->next->prev = &e->next;
	x->first = e;
	x->count++;
	return e;
}

/* The URL before {client_id} was put in, which is what the binding has. */
static const char *
token_endpoint(const struct connect_msg_token *m)
{
	switch (m->what) {
	case METHOD_REVOKE:
		return m->binding->revoke_url;
	case METHOD_REFRESH:
		return m->binding->refresh_url;
	case METHOD_EXCHANGE:
	case METHOD_CLIENT_CREDENTIALS:
		break;
	}
	return m->binding->token_url;
}

static void
exchanger_token(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct exchange *e = connect_exchange_new(arg, rq, reply_token);
	struct method_request_input input;
	char detail[256] = "";
	int rc;

	if (!e)
		return;
	rc = connect_msg_token_unpack(in, &e->token);
	if (rc) {
		proc_reply(rq, rc, NULL);
		connect_exchange_free(e);
		return;
	}
	input = (struct method_request_input){
		.what = e->token.what,
		.binding = e->token.binding,
		.client_id = e->token.client_id,
		.client_secret = e->token.client_secret,
		.code = e->token.code,
		.verifier = e->token.verifier,
		.redirect_uri = e->token.redirect_uri,
		.refresh_token = e->token.refresh_token,
		.access_token = e->token.access_token,
		.scope = e->token.scope,
	};
	rc = method_oauth2_request(&input, &e->http);
	if (!rc)
		rc = connect_exchange_dest(e, e->token.binding,
					   token_endpoint(&e->token),
					   e->http.url, detail, sizeof(detail));
	if (rc) {
		connect_exchange_end(e, rc, detail[0] ? detail : err_text(rc));
		return;
	}
	e->fetch.method = slice_str(e->http.method);
	e->fetch.fields = slice_of(secret_peek(e->http.fields),
				   secret_len(e->http.fields));
	e->fetch.body =
		slice_of(secret_peek(e->http.body), secret_len(e->http.body));
	step_reached("exchange.taken");
	connect_exchange_start(e, 0);
}

/* ---- what the owner allows ---- */

static void
exchanger_egress(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct connect_msg_egress m;
	struct egress_allowed *list = NULL;
	struct exchanger *x = arg;
	int rc = connect_msg_egress_unpack(in, &m);

	if (!rc) {
		list = connect_msg_egress_allowed(&m);
		rc = list ? 0 : ERR_NOMEM;
		/* without memory: nothing is allowed */
		egress_allow(x->egress, list);
		egress_allowed_unref(list);
	}
	proc_reply(rq, rc, NULL);
}

/* ---- the role ---- */

#define FROM_KEEPER (1u << PROC_KEEPER)

static const struct proc_message exchanger_messages[] = {
	{ CONNECT_EXCHANGER_TOKEN, "token", FROM_KEEPER, exchanger_token },
	{ CONNECT_EXCHANGER_LOOKUP, "lookup", FROM_KEEPER,
	  connect_exchanger_lookup },
	{ CONNECT_EXCHANGER_EGRESS, "egress", FROM_KEEPER, exchanger_egress },
	{ CONNECT_EXCHANGER_TEST, "test", FROM_KEEPER, connect_exchanger_test },
	{ 0, NULL, 0, NULL },
};

static void
exchanger_drop(struct exchanger *x)
{
	while (x->first) {
		proc_reply(x->first->rq, ERR_CLOSED, NULL);
		connect_exchange_free(x->first);
	}
}

static void
exchanger_peer(struct proc_env *env, enum proc_role peer, int fd)
{
	struct exchanger *x = env->arg;

	ASSERT(peer == PROC_KEEPER);
	/* Of a keeper that is no more: the next one asks again, and a request
	 * that leaves after that would use a refresh token twice. */
	exchanger_drop(x);
	/* What has changed without a keeper is told by the next one. */
	egress_allow(x->egress, NULL);
	proc_channel_replace(x->keeper, fd);
}

static void
exchanger_stop(struct proc_env *env)
{
	loop_stop(env->loop);
}

static int
exchanger_init(struct exchanger *x, struct proc_env *env)
{
	struct egress_policy_config policy = { 0 };
	char detail[256] = "";
	int rc;

	x->loop = env->loop;
	env->arg = x;
	env->peer = exchanger_peer;
	env->stop = exchanger_stop;
	policy.allow =
		conf_list(env->conf, CONF_EGRESS_ALLOW, &policy.allow_count);
	policy.bind =
		conf_list(env->conf, CONF_EGRESS_BIND, &policy.bind_count);
	policy.ca_file = conf_text_or_null(env->conf, CONF_CA_FILE);
	policy.proxy = conf_text_or_null(env->conf, CONF_EGRESS_PROXY);
	policy.proxy_login =
		conf_text_or_null(env->conf, CONF_EGRESS_PROXY_LOGIN);
	policy.locked = conf_bool(env->conf, CONF_EGRESS_LOCK);
	policy.own = conf_list(env->conf, CONF_LISTEN, &policy.own_count);
	rc = egress_policy_new(&policy, &x->policy, detail, sizeof(detail));
	if (!rc) { /* trust anchors are read; its threads come after */
		proc_env_sandbox(env);
		rc = loop_pool_new(RESOLVERS, &x->pool);
	}
	if (!rc)
		rc = egress_new(x->loop, x->pool, x->policy, &x->egress);
	if (!rc)
		rc = proc_channel_new(x->loop, -1, PROC_KEEPER,
				      exchanger_messages, x, &x->keeper);
	if (rc)
		log_error("the exchanger cannot start", LOG_E(rc),
			  LOG_S("why", detail));
	return rc;
}

static void
exchanger_release(struct exchanger *x)
{
	exchanger_drop(x);
	proc_channel_free(x->keeper);
	if (x->egress)
		egress_free(x->egress);
	loop_pool_abandon(x->pool); /* nobody waits for names any more */
	egress_policy_free(x->policy);
}

int
connect_exchanger_main(struct proc_env *env)
{
	struct exchanger x = { 0 };
	int rc;

	rc = exchanger_init(&x, env);
	if (!rc) {
		proc_env_ready(env);
		loop_run(x.loop);
	}
	exchanger_release(&x);
	return rc ? EXIT_CONFIG : 0;
}
