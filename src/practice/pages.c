/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The practice service's pages: consent, errors, and the switchboard of its
 * faults.  No script; what came from outside is escaped.
 */
#include <stdio.h>

#include "practice/practice_priv.h"

static const struct {
	const char *name;
	const char *text;
} faults[] = {
#define FAULT_ROW(id, name, text) { name, text },
	PRACTICE_FAULTS(FAULT_ROW)
#undef FAULT_ROW
};

static const char style[] =
	"<style>:root{color-scheme:light dark;--b:#2456a6;--on:#fff;--l:#8886}"
	"@media(prefers-color-scheme:dark){:root{--b:#8ab0f0;--on:#0c1a30}}"
	"*{box-sizing:border-box}"
	"body{font:16px/1.5 system-ui,sans-serif;margin:8vh auto;"
	"max-width:34rem;padding:0 1.2rem}"
	"main{border:1px solid var(--l);border-radius:12px;padding:1.6rem}"
	"h1{font-size:1.3rem;margin:.2rem 0 1rem}"
	"small{opacity:.75}li{margin:.35rem 0}"
	"select{font:inherit;padding:.3rem}button{font:inherit;padding:.5rem 1.1rem;border-radius:8px;"
	"border:1px solid var(--b);background:none;color:inherit;"
	"cursor:pointer}"
	"button.go,button[aria-pressed=true]{background:var(--b);"
	"color:var(--on)}"
	"table{width:100%;border-collapse:collapse}"
	"td{padding:.4rem 0;border-top:1px solid var(--l)}"
	"td:first-child{padding-right:1rem;width:1%}"
	"td button{width:100%;white-space:nowrap}"
	"</style>";

static void
page_begin(struct buf *b, const char *title)
{
	buf_init(b, 64 * 1024);
	buf_printf(b,
		   "<!doctype html><html lang=\"en\"><head>"
		   "<meta charset=\"utf-8\">"
		   "<meta name=\"viewport\" "
		   "content=\"width=device-width,initial-scale=1\">"
		   "<title>%s</title>%s</head><body><main>"
		   "<small>Practice service</small><h1>%s</h1>",
		   title, style, title);
}

static void
page_end(struct practice_request *rq, int status, struct buf *b)
{
	buf_puts(b, "</main></body></html>\n");
	practice_html(rq, status, b);
	buf_release(b);
}

void
practice_page_error(struct practice_request *rq, const char *title,
		    const char *text)
{
	struct buf b;

	page_begin(&b, title);
	buf_printf(&b, "<p>%s</p>", text);
	page_end(rq, 400, &b);
}

void
practice_page_consent(struct practice_request *rq, const char *scope)
{
	struct slice rest = slice_str(scope), one;
	struct buf b;
	size_t i;

	page_begin(&b, "Drawbridge would like to use your Practice Desk");
	buf_puts(&b, "<p>It asks to be allowed to:</p><ul>");
	while (slice_next(&rest, ',', &one)) {
		buf_puts(&b, "<li><code>");
		codec_html(&b, one);
		buf_puts(&b, "</code></li>");
	}
	buf_puts(&b, "</ul><form method=\"post\" action=\"?");
	codec_html(&b, rq->query);
	buf_puts(&b, "\"><p><label>You are <select name=\"account\">");
	for (i = 0; i < ARRAY_LEN(rq->p->tickets); i++)
		buf_printf(&b, "<option value=\"%s\">%s</option>",
			   rq->p->tickets[i].email, rq->p->tickets[i].email);
	buf_puts(&b,
		 "</select></label></p><button class=\"go\" name=\"decision\" "
		 "value=\"accept\">Accept</button> "
		 "<button name=\"decision\" value=\"deny\">Reject"
		 "</button></form>");
	page_end(rq, 200, &b);
}

void
practice_page_home(struct practice_request *rq)
{
	struct practice *p = rq->p;
	struct buf b;
	size_t i;

	page_begin(&b, "Practice Desk");
	buf_printf(&b,
		   "<p>An authorization server and a ticket API to learn and "
		   "test with, and its faults: press one to turn it on or "
		   "off.</p><p>The <a href=\"/shop\">practice shop</a> is a "
		   "page of another site, with the demo's bot on it.</p>"
		   "<p>Token requests so far: %llu. API calls: %llu."
		   "</p><table>",
		   (unsigned long long)p->token_requests,
		   (unsigned long long)p->api_requests);
	for (i = 0; i < ARRAY_LEN(faults); i++)
		buf_printf(&b,
			   "<tr><td><form method=\"post\" "
			   "action=\"/practice/faults\"><input type=\"hidden\""
			   " name=\"on\" value=\"%d\"><button name=\"fault\" "
			   "value=\"%s\" aria-pressed=\"%s\">%s: %s</button>"
			   "</form></td><td>%s</td></tr>",
			   !p->faults[i], faults[i].name,
			   p->faults[i] ? "true" : "false", faults[i].name,
			   p->faults[i] ? "on" : "off", faults[i].text);
	buf_puts(&b, "<tr><td><form method=\"post\" "
		     "action=\"/practice/faults\"><button name=\"fault\" "
		     "value=\"expire\">expire</button></form></td><td>All "
		     "access tokens expire now</td></tr></table>");
	page_end(rq, 200, &b);
}

/* A page of another site must not turn the switches. */
static bool
switch_is_foreign(struct practice_request *rq)
{
	const struct http_field *f =
		http_head_find(http_exchange_head(rq->x), HTTP_SEC_FETCH_SITE);

	return f && !slice_eq(f->value, SLICE("same-origin"));
}

void
practice_switch(struct practice_request *rq)
{
	char name[32], on[8];
	size_t i;

	practice_param(rq->body, "fault", name, sizeof(name));
	practice_param(rq->body, "on", on, sizeof(on));
	if (switch_is_foreign(rq)) {
		practice_page_error(rq, "Refused", "Use this page's buttons.");
		return;
	}
	for (i = 0; i < ARRAY_LEN(faults); i++) {
		if (strcmp(name, faults[i].name))
			continue;
		rq->p->faults[i] = strcmp(on, "0") != 0;
		practice_redirect(rq, "/");
		return;
	}
	if (strcmp(name, "expire")) {
		practice_page_error(rq, "No such fault",
				    "See the page of the practice service.");
		return;
	}
	practice_expire_tokens(rq->p);
	practice_redirect(rq, "/");
}
