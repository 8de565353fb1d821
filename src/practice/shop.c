/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The practice shop: a page of another site than Drawbridge's, which has the
 * demo's bot on it by one script tag.
 *
 * Its Content-Security-Policy is as strict as that of a careful shop: what a
 * chat needs is said, and nothing else goes.
 */
#include "practice/practice_priv.h"

static const char style[] =
	":root{color-scheme:light dark;--b:#2456a6;--l:#8886}"
	"body{font:16px/1.5 system-ui,sans-serif;margin:8vh auto;"
	"max-width:44rem;padding:0 1.2rem}h1{font-size:1.6rem}"
	"ul{display:grid;grid-template-columns:repeat(auto-fill,minmax(12rem,"
	"1fr));gap:1rem;list-style:none;padding:0}"
	"li{border:1px solid var(--l);border-radius:12px;padding:1rem}"
	"small{opacity:.75}a{color:inherit}";

bool
practice_bridge_is_sound(const char *text)
{
	struct http_url url;
	const char *p;

	for (p = text; *p; p++) /* it stands in a header and a page */
		if (strchr("\"'<>;, \\", *p))
			return false;
	return p - text < 128 && p > text && p[-1] != '/' &&
	       !http_url_parse(slice_str(text), &url, NULL) && !url.path.len;
}

void
practice_shop_style(struct practice_request *rq)
{
	http_exchange_answer(rq->x, 200,
			     "Content-Type: text/css; charset=utf-8\r\n"
			     "X-Content-Type-Options: nosniff\r\n",
			     slice_str(style));
}

static void
shop_answer(struct practice_request *rq, struct slice body)
{
	const char *bridge = rq->p->bridge;
	struct buf head;

	buf_init(&head, 2048);
	buf_printf(&head,
		   "Content-Type: text/html; charset=utf-8\r\n"
		   "Cache-Control: no-store\r\n"
		   "X-Content-Type-Options: nosniff\r\n"
		   "Content-Security-Policy: default-src 'none'; base-uri "
		   "'none'; frame-ancestors 'none'; style-src 'self'; "
		   "script-src %s; connect-src %s; form-action %s\r\n",
		   bridge[0] ? bridge : "'none'", bridge[0] ? bridge : "'none'",
		   bridge[0] ? bridge : "'none'");
	http_exchange_answer(rq->x, 200, buf_cstr(&head), body);
	buf_release(&head);
}

void
practice_shop(struct practice_request *rq)
{
	struct buf b;

	buf_init(&b, 16 * 1024);
	buf_puts(&b, "<!doctype html><html lang=\"en\"><head>"
		     "<meta charset=\"utf-8\"><meta name=\"viewport\" "
		     "content=\"width=device-width,initial-scale=1\">"
		     "<title>Practice shop</title>"
		     "<link rel=\"stylesheet\" href=\"/shop.css\">");
	if (rq->p->bridge[0])
		buf_printf(&b,
			   "<script src=\"%s/widget.js\" "
			   "data-flow=\"ticket_help\" async></script>",
			   rq->p->bridge);
	buf_puts(&b, "</head><body><main><h1>Practice shop</h1>"
		     "<p>This page is not Drawbridge's: it has its bot by one "
		     "script tag.</p><ul><li>Tea<br><small>sold out</small>"
		     "<li>Coffee<br><small>sold out</small><li>Biscuits<br>"
		     "<small>sold out, too</small></ul>"
		     "<p>Questions? Ask the bot.</p>");
	if (!rq->p->bridge[0])
		buf_puts(&b, "<p>(There is none: <code>drawbridge demo</code> "
			     "starts this page with one.)</p>");
	buf_puts(&b, "<p><small><a href=\"/\">Practice service and its faults"
		     "</a></small></p></main></body></html>\n");
	shop_answer(rq, buf_slice(&b));
	buf_release(&b);
}
