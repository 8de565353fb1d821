/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The practice service's ticket API, in the manner of Zoho Desk: error
 * bodies, scopes, 204 where a search finds nothing, and a list that ignores
 * ticketNumber and gives every ticket.  Its own is /tickets/mine: those of
 * whoever has given the grant.
 */
#include <stdio.h>

#include "practice/practice_priv.h"

static const struct practice_ticket samples[] = {
	{ "1000000000101", "101", "The invoice shows the wrong address", "Open",
	  "ada@example.com" },
	{ "1000000000102", "102", "The app does not start after the update",
	  "Open", "grace@example.com" },
	{ "1000000000103", "103", "How do I change my plan?", "Closed",
	  "linus@example.com" },
	{ "1000000000104", "104", "Order 4711 has not arrived", "On Hold",
	  "margaret@example.com" },
	{ "1000000000105", "105", "Please delete my account", "Escalated",
	  "ken@example.com" },
	{ "1000000000106", "106", "A thank-you for the quick help", "Closed",
	  "barbara@example.com" },
};

void
practice_fill_tickets(struct practice *p)
{
	_Static_assert(sizeof(p->tickets) == sizeof(samples), "all of them");
	memcpy(p->tickets, samples, sizeof(samples));
}

bool
practice_is_customer(const struct practice *p, const char *email)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(p->tickets); i++)
		if (!strcmp(p->tickets[i].email, email))
			return true;
	return false;
}

static void
desk_error(struct practice_request *rq, int status, const char *code,
	   const char *message)
{
	practice_json(rq, status, NULL,
		      "{\"errorCode\":\"%s\",\"message\":\"%s\"}", code,
		      message);
}

static bool
scope_is_granted(const struct practice_grant *g, const char *want)
{
	struct slice rest = slice_str(g->scope), one;

	while (slice_next(&rest, ',', &one))
		if (slice_eq_nocase(slice_trim(one), slice_str(want)))
			return true;
	return false;
}

static void
put_ticket(struct buf *b, const struct practice_ticket *t)
{
	buf_printf(b, "{\"id\":\"%s\",\"ticketNumber\":\"%s\",\"subject\":\"",
		   t->id, t->number);
	codec_json(b, slice_str(t->subject));
	buf_printf(b,
		   "\",\"status\":\"%s\",\"email\":\"%s\","
		   "\"channel\":\"Email\"}",
		   t->status, t->email);
}

/* Those with this number, or of this customer; NULL: any. */
static void
answer_tickets(struct practice_request *rq, const char *number,
	       const char *email)
{
	struct practice *p = rq->p;
	struct buf b;
	size_t i, n = 0;

	buf_init(&b, 16 * 1024);
	for (i = 0; i < ARRAY_LEN(p->tickets); i++) {
		if ((number && strcmp(p->tickets[i].number, number)) ||
		    (email && strcmp(p->tickets[i].email, email)))
			continue;
		if (n++)
			buf_putc(&b, ',');
		put_ticket(&b, &p->tickets[i]);
	}
	if (n)
		practice_json(rq, 200, NULL, "{\"data\":[%s],\"count\":%zu}",
			      buf_cstr(&b), n);
	else
		practice_json(rq, 204, NULL, "%s", "");
	buf_release(&b);
}

static void
desk_search(struct practice_request *rq)
{
	char number[32];

	practice_param(rq->query, "ticketNumber", number, sizeof(number));
	if (!number[0])
		desk_error(rq, 422, "INVALID_DATA",
			   "The data does not comply to the validation "
			   "restrictions defined.");
	else
		answer_tickets(rq, number, NULL);
}

static void
desk_patch(struct practice_request *rq, struct practice_ticket *t)
{
	struct json_problem problem = { 0 };
	struct json_at at;
	const char *status;
	json_t *doc = NULL;
	struct buf b;

	if (json_read(rq->body, 4096, &doc, &problem) ||
	    !json_at_object(&at, doc, "", &problem)) {
		desk_error(rq, 400, "BAD_REQUEST", "The body is not JSON.");
		json_decref(doc);
		return;
	}
	status = json_get_str(&at, "status", 0, 20, NULL);
	if (!status || strpbrk(status, "\"\\<>")) {
		desk_error(rq, 422, "INVALID_DATA",
			   "Only status can be changed here.");
		json_decref(doc);
		return;
	}
	snprintf(t->status, sizeof(t->status), "%s", status);
	json_decref(doc);
	buf_init(&b, 1024);
	put_ticket(&b, t);
	practice_json(rq, 200, NULL, "%s", buf_cstr(&b));
	buf_release(&b);
}

static void
desk_ticket(struct practice_request *rq, struct slice id, bool patch)
{
	struct practice *p = rq->p;
	struct buf b;
	size_t i;

	for (i = 0; i < ARRAY_LEN(p->tickets); i++)
		if (slice_eq(id, slice_str(p->tickets[i].id)))
			break;
	if (i == ARRAY_LEN(p->tickets)) {
		desk_error(rq, 404, "URL_NOT_FOUND",
			   "The URL you requested could not be found.");
	} else if (patch) {
		desk_patch(rq, &p->tickets[i]);
	} else {
		buf_init(&b, 1024);
		put_ticket(&b, &p->tickets[i]);
		practice_json(rq, 200, NULL, "%s", buf_cstr(&b));
		buf_release(&b);
	}
}

static bool
desk_is_out_of_order(struct practice_request *rq)
{
	rq->p->api_requests++;
	if (rq->p->faults[PRACTICE_SILENCE]) {
		http_exchange_abort(rq->x);
		return true;
	}
	if (rq->p->faults[PRACTICE_OUTAGE]) {
		practice_json(rq, 503, NULL, "%s", "");
		return true;
	}
	if (rq->p->faults[PRACTICE_BUSY]) {
		desk_error(rq, 429, "TOO_MANY_REQUESTS",
			   "Too many requests at the same time.");
		return true;
	}
	return false;
}

void
practice_desk(struct practice_request *rq)
{
	struct slice rest = slice_from(rq->path, sizeof("/api/v1") - 1);
	const struct http_head *h = http_exchange_head(rq->x);
	bool search = slice_eq(rest, SLICE("/tickets/search"));
	bool patch = slice_eq(h->method, SLICE("PATCH"));
	struct practice_grant *g;

	if (desk_is_out_of_order(rq))
		return;
	g = practice_bearer(rq);
	if (!g) {
		desk_error(rq, 401, "INVALID_OAUTH",
			   "The OAuth Token you provided is invalid.");
		return;
	}
	if (!scope_is_granted(g, search	 ? "Desk.search.READ"
				 : patch ? "Desk.tickets.UPDATE"
					 : "Desk.tickets.READ")) {
		desk_error(rq, 403, "SCOPE_MISMATCH",
			   "The scope of the token does not allow this.");
		return;
	}
	if (search)
		desk_search(rq);
	else if (slice_eq(rest, SLICE("/tickets")))
		answer_tickets(rq, NULL, NULL);
	else if (slice_eq(rest, SLICE("/tickets/mine")))
		answer_tickets(rq, NULL, g->account);
	else if (slice_starts(rest, SLICE("/tickets/")))
		desk_ticket(rq, slice_from(rest, 9), patch);
	else
		desk_error(rq, 404, "URL_NOT_FOUND",
			   "The URL you requested could not be found.");
}
