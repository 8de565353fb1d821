/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few pages that are not the studio's: consent, its end, the first
 * owner.  One frame, one style, one script, all within the page, allowed by
 * their hashes in the Content-Security-Policy and nothing else.
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/api_priv.h"

static const char style[] =
	":root{color-scheme:light dark;--ink:#1d2733;--soft:#5b6875;"
	"--paper:#f5f7f9;--card:#fff;--line:#d9dfe5;--deed:#0b6b52}"
	"@media(prefers-color-scheme:dark){:root{--ink:#e8edf2;"
	"--soft:#a3afbb;--paper:#12181e;--card:#1b232b;--line:#33404c;"
	"--deed:#3fc79b}}"
	"*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;"
	"place-items:center;padding:1.5rem;background:var(--paper);"
	"color:var(--ink);font:1rem/1.5 system-ui,sans-serif}"
	"main{width:min(30rem,100%);background:var(--card);border:1px solid "
	"var(--line);border-radius:.75rem;padding:2rem;"
	"overflow-wrap:anywhere}h1{font-size:1.35rem;line-height:1.3;"
	"margin:0 0 1rem}p{margin:0 0 1rem}main>:last-child{"
	"margin-bottom:0}.soft{color:var(--soft);"
	"font-size:.9rem}ul{margin:0 0 1rem;padding-left:1.2rem}"
	"label{display:block;margin:0 0 1rem;font-weight:600}"
	"input{display:block;width:100%;margin-top:.25rem;padding:.6rem;"
	"font:inherit;color:inherit;background:transparent;border:1px solid "
	"var(--soft);border-radius:.4rem}button{font:inherit;font-weight:600;"
	"padding:.65rem 1.4rem;border:0;border-radius:.4rem;cursor:pointer;"
	"background:var(--deed);color:var(--card)}a{color:var(--deed)}"
	":focus-visible{outline:3px "
	"solid var(--deed);outline-offset:2px}";

/* Tells the studio's own pages, wherever they are open, and closes a
 * pop-up.  It carries no secret and goes to the same origin alone.  A pop-up
 * does not know who has opened it (the provider's page must not); a tab that
 * no page has opened stays, whatever close() says. */
static const char script[] =
	"(function(){var m=document.querySelector('main[data-connection]');"
	"if(!m)return;var d={connection:m.dataset.connection,"
	"connected:m.dataset.connected==='true'};"
	"if(d.connection)"
	"try{var c=new BroadcastChannel('drawbridge-consent');"
	"c.postMessage(d)}catch(e){}"
	"if(d.connected)setTimeout(function(){window.close()},900)})()";

static int
csp_hash(struct buf *out, const char *directive, const char *text)
{
	unsigned char hash[VAULT_HASH_SIZE];
	char encoded[CODEC_BASE64_SIZE(VAULT_HASH_SIZE)];

	vault_hash(slice_str(text), hash);
	codec_base64(hash, sizeof(hash), encoded);
	return buf_printf(out, "; %s 'sha256-%s'", directive, encoded);
}

int
api_pages_init(struct api *a)
{
	struct buf csp;

	/* form-action would also rule where the form's answer may redirect
	 * to, which is the provider's page: it is left out, and the pages
	 * hold no markup of others. */
	buf_init(&csp, 1024);
	buf_puts(&csp, "default-src 'none'; base-uri 'none'; "
		       "frame-ancestors 'none'");
	csp_hash(&csp, "style-src", style);
	csp_hash(&csp, "script-src", script);
	a->page_csp = buf_detach(&csp);
	return a->page_csp ? 0 : ERR_NOMEM;
}

static void
page_put(struct buf *out, const char *title, const char *attributes,
	 struct slice body)
{
	buf_puts(out, "<!doctype html><html lang=\"en\"><head>"
		      "<meta charset=\"utf-8\"><meta name=\"viewport\" "
		      "content=\"width=device-width,initial-scale=1\">"
		      "<title>");
	codec_html(out, slice_str(title));
	buf_printf(out,
		   " - Drawbridge</title><style>%s</style></head><body>"
		   "<main%s><h1>",
		   style, attributes);
	codec_html(out, slice_str(title));
	buf_puts(out, "</h1>");
	buf_put_slice(out, body);
	buf_printf(out, "</main><script>%s</script></body></html>", script);
}

static int
page_answer(struct api_request *r, int status, const char *title,
	    const char *attributes, struct slice body)
{
	r->status = status;
	r->type = "text/html";
	r->csp = r->api->page_csp;
	r->storable = false;
	buf_wipe(&r->answer);
	page_put(&r->answer, title, attributes, body);
	return buf_err(&r->answer);
}

int
api_page(struct api_request *r, int status, const char *title, struct buf *body)
{
	int rc = buf_err(body);

	if (!rc)
		rc = page_answer(r, status, title, "", buf_slice(body));
	buf_release(body);
	return rc;
}

static void
put_paragraph(struct buf *b, const char *class, const char *text)
{
	if (!text || !text[0])
		return;
	buf_printf(b, "<p%s>", class);
	codec_html(b, slice_str(text));
	buf_puts(b, "</p>");
}

int
api_page_message(struct api_request *r, int status, const char *title,
		 const char *detail, const char *hint)
{
	struct buf body;

	buf_init(&body, 8192);
	put_paragraph(&body, "", detail);
	put_paragraph(&body, " class=\"soft\"", hint);
	return api_page(r, status, title, &body);
}

/* Where the chat is, for whom no window was opened. */
static void
put_back(struct buf *b, const char *origin)
{
	if (!origin[0])
		return;
	buf_puts(b, "<p><a href=\"");
	codec_html(b, slice_str(origin));
	buf_puts(b, "/\">Back to ");
	codec_html(b, slice_str(origin));
	buf_puts(b, "</a></p>");
}

int
api_page_consent(struct api_request *r, int status, const char *title,
		 const char *link, bool connected, const char *detail,
		 const char *hint, const char *back)
{
	struct buf body, attributes;
	int rc;

	buf_init(&body, 256 * 1024);
	buf_init(&attributes, 512);
	put_paragraph(&body, "", detail);
	put_paragraph(&body, " class=\"soft\"", hint);
	put_back(&body, back);
	/* A chat's window has no link to tell, but closes as the others. */
	if (link[0] || connected) {
		buf_puts(&attributes, " data-connection=\"");
		codec_html(&attributes, slice_str(link));
		buf_printf(&attributes, "\" data-connected=\"%s\"",
			   connected ? "true" : "false");
	}
	rc = buf_err(&body);
	if (!rc)
		rc = buf_err(&attributes);
	if (!rc)
		rc = page_answer(r, status, title,
				 attributes.len ? buf_cstr(&attributes) : "",
				 buf_slice(&body));
	buf_release(&body);
	buf_release(&attributes);
	return rc;
}
