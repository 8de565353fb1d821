/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The practice service's server: routes and answers.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "practice/practice_priv.h"

enum { BODY_MAX = 16 * 1024 };

static const struct {
	const char *method; /* NULL: any */
	const char *path;
	bool subtree;
	void (*handle)(struct practice_request *rq);
} routes[] = {
	{ "GET", "/", false, practice_page_home },
	{ "POST", "/practice/faults", false, practice_switch },
	{ "GET", "/shop", false, practice_shop },
	{ "GET", "/shop.css", false, practice_shop_style },
	{ "GET", "/oauth/v2/auth", false, practice_authorize },
	{ "POST", "/oauth/v2/auth", false, practice_decide },
	{ "POST", "/oauth/v2/token", false, practice_token },
	{ "POST", "/oauth/v2/token/revoke", false, practice_revoke },
	{ NULL, "/api/v1", true, practice_desk },
};

/* ---- answers ---- */

void
practice_json(struct practice_request *rq, int status, const char *fields,
	      const char *fmt, ...)
{
	struct buf body, head;
	va_list ap;

	buf_init(&body, 64 * 1024);
	buf_init(&head, 1024);
	va_start(ap, fmt);
	buf_vprintf(&body, fmt, ap);
	va_end(ap);
	if (body.len)
		buf_puts(&head, "Content-Type: application/json\r\n");
	buf_puts(&head, "Cache-Control: no-store\r\n");
	buf_puts(&head, fields ? fields : "");
	http_exchange_answer(rq->x, status, buf_cstr(&head), buf_slice(&body));
	buf_release(&body);
	buf_release(&head);
}

void
practice_html(struct practice_request *rq, int status, struct buf *body)
{
	http_exchange_answer(rq->x, status,
			     "Content-Type: text/html; charset=utf-8\r\n"
			     "Cache-Control: no-store\r\n"
			     "X-Frame-Options: DENY\r\n",
			     buf_slice(body));
}

void
practice_redirect(struct practice_request *rq, const char *url)
{
	struct buf head;

	buf_init(&head, 8192);
	buf_printf(&head, "Location: %s\r\nCache-Control: no-store\r\n", url);
	http_exchange_answer(rq->x, 302, buf_cstr(&head), SLICE_NONE);
	buf_release(&head);
}

void
practice_param(struct slice form, const char *name, char *out, size_t size)
{
	struct buf value;

	buf_init(&value, size - 1);
	out[0] = 0;
	if (!http_query_get(form, name, &value) &&
	    !slice_has_control(buf_slice(&value)))
		slice_copy(buf_slice(&value), out, size);
	buf_release(&value);
}

/* ---- requests ---- */

static void
practice_dispatch(struct practice_request *rq)
{
	const struct http_head *h = http_exchange_head(rq->x);
	bool path_known = false;
	struct slice path;
	size_t i;

	for (i = 0; i < ARRAY_LEN(routes); i++) {
		path = slice_str(routes[i].path);
		if (!slice_eq(rq->path, path) &&
		    !(routes[i].subtree && slice_starts(rq->path, path)))
			continue;
		path_known = true;
		if (routes[i].method &&
		    !slice_eq(h->method, slice_str(routes[i].method)))
			continue;
		routes[i].handle(rq);
		return;
	}
	practice_json(rq, path_known ? 405 : 404, NULL,
		      "{\"errorCode\":\"%s\",\"message\":\"%s\"}",
		      path_known ? "METHOD_NOT_ALLOWED" : "URL_NOT_FOUND",
		      path_known ? "This method is not supported here."
				 : "The URL you requested could not be "
				   "found.");
}

static void
practice_collected(struct http_exchange *x, struct slice body, int err,
		   void *arg)
{
	struct practice_request rq = { .p = arg, .x = x, .body = body };

	if (err == ERR_CLOSED)
		return;
	if (err) {
		practice_json(&rq, err == ERR_TOO_LARGE ? 413 : 400, NULL,
			      "{\"errorCode\":\"BAD_REQUEST\"}");
		return;
	}
	http_path_split(http_exchange_head(x)->target, &rq.path, &rq.query);
	practice_dispatch(&rq);
}

static void
practice_requested(struct http_exchange *x, void *arg)
{
	http_exchange_collect(x, BODY_MAX, practice_collected, arg);
}

static void
practice_refuse(struct http_exchange *x, int status, const char *why, void *arg)
{
	(void)why, (void)arg;
	http_exchange_answer(x, status, NULL, SLICE_NONE);
}

/* ---- the door ---- */

static int
practice_listen(struct practice *p, uint16_t want)
{
	struct sockaddr_in in;
	socklen_t len = sizeof(in);
	struct net_addr addr;
	int rc;

	rc = net_addr_from_ip(SLICE("127.0.0.1"), want, &addr);
	if (!rc)
		rc = net_listen(&addr, &p->fd);
	if (rc)
		return rc;
	if (getsockname(p->fd, (struct sockaddr *)&in, &len))
		return ERR_SYSTEM;
	p->port = ntohs(in.sin_port);
	return http_server_listen(p->server, p->fd, NULL, false);
}

int
practice_new(struct loop *l, const struct practice_config *c,
	     struct practice **out, uint16_t *port)
{
	struct http_server_config config = {
		.head_timeout_ms = 10 * 1000,
		.idle_timeout_ms = 75 * 1000,
		.body_timeout_ms = 60 * 1000,
		.max_connections = 1024,
		.request = practice_requested,
		.refuse = practice_refuse,
	};
	struct practice *p = calloc(1, sizeof(*p));
	int rc;

	*out = NULL;
	if (!p)
		return ERR_NOMEM;
	p->loop = l;
	p->fd = -1;
	snprintf(p->client_id, sizeof(p->client_id), "%s", c->client_id);
	snprintf(p->client_secret, sizeof(p->client_secret), "%s",
		 c->client_secret);
	snprintf(p->bridge, sizeof(p->bridge), "%s",
		 c->bridge ? c->bridge : "");
	practice_fill_tickets(p);
	config.arg = p;
	rc = http_server_new(l, &config, &p->server);
	if (!rc)
		rc = practice_listen(p, c->port);
	if (rc) {
		practice_free(p);
		return rc;
	}
	*port = p->port;
	*out = p;
	return 0;
}

void
practice_free(struct practice *p)
{
	struct practice_grant *g;

	if (!p)
		return;
	http_server_free(p->server);
	if (p->fd >= 0)
		close(p->fd);
	while ((g = p->grants)) {
		p->grants = g->next;
		free(g);
	}
	free(p);
}
