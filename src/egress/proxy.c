/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way out through an HTTP proxy (CONNECT, RFC 9110, 9.3.6).
 *
 * The guard looks the destination's name up and judges its addresses as
 * always, and then asks the proxy for exactly an address that was judged,
 * never for a name: what the proxy's own name server says plays no part.  TLS
 * goes end to end, by the destination's name.
 *
 * Only public addresses go this way.  A private one that was allowed is in
 * this machine's own network; for the proxy the same number could be another
 * machine.
 *
 * Of the proxy's answer one strict head is read, and nothing may follow it.
 *
 * Roles: front, exchanger.  Read-only after it was made.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "egress/egress_priv.h"

enum { LOGIN_MAX = 1024 };

/* ---- configuration ---- */

static int
proxy_read_url(struct egress_proxy *p, const char *text, char *detail,
	       size_t size)
{
	const char *why = NULL;
	struct http_url u;

	if (http_url_parse(slice_str(text), &u, &why)) {
		snprintf(detail, size, "--egress-proxy is no URL: %s", why);
		return ERR_INVALID;
	}
	if (u.https || (u.path.len && !slice_eq(u.path, SLICE("/")))) {
		snprintf(detail, size,
			 "--egress-proxy must be http://host:port");
		return ERR_INVALID;
	}
	snprintf(p->host, sizeof(p->host), "%s", u.host);
	p->port = u.port;
	snprintf(p->name, sizeof(p->name), "%s:%u", u.host, u.port);
	return 0;
}

/* The file's bytes without the line's end; bytes[LOGIN_MAX + 1]. */
static int
login_read(const char *file, char *bytes, size_t *len, char *detail,
	   size_t size)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n = -1;

	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode))
		n = read(fd, bytes, LOGIN_MAX + 1);
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		snprintf(detail, size, "%s cannot be read", file);
		return ERR_SYSTEM;
	}
	*len = (size_t)n;
	if (*len && bytes[*len - 1] == '\n')
		--*len;
	if (*len && bytes[*len - 1] == '\r')
		--*len;
	if (*len > LOGIN_MAX || slice_has_control(slice_of(bytes, *len)) ||
	    slice_find(slice_of(bytes, *len), ':') == *len) {
		snprintf(detail, size,
			 "%s does not hold one line user:password", file);
		return ERR_INVALID;
	}
	return 0;
}

static int
proxy_read_login(struct egress_proxy *p, const char *file, char *detail,
		 size_t size)
{
	static const char name[] = "Proxy-Authorization: Basic ";
	char bytes[LOGIN_MAX + 1], *at;
	size_t len, encoded;
	int rc = login_read(file, bytes, &len, detail, size);

	if (rc)
		goto out;
	encoded = CODEC_BASE64_SIZE(len) - 1;
	p->login = secret_new(sizeof(name) - 1 + encoded + 2);
	if (!p->login) {
		rc = ERR_NOMEM;
		goto out;
	}
	at = secret_bytes(p->login);
	memcpy(at, name, sizeof(name) - 1);
	at += sizeof(name) - 1;
	codec_base64(bytes, len, at); /* its NUL is overwritten */
	memcpy(at + encoded, "\r\n", 2);
out:
	secret_wipe(bytes, sizeof(bytes));
	return rc;
}

int
egress_proxy_new(const char *url, const char *login_file,
		 struct egress_proxy **out, char *detail, size_t size)
{
	struct egress_proxy *p = calloc(1, sizeof(*p));
	int rc;

	*out = NULL;
	if (!p)
		return ERR_NOMEM;
	rc = proxy_read_url(p, url, detail, size);
	if (!rc && login_file)
		rc = proxy_read_login(p, login_file, detail, size);
	if (rc)
		egress_proxy_free(p);
	else
		*out = p;
	return rc;
}

void
egress_proxy_free(struct egress_proxy *p)
{
	if (!p)
		return;
	secret_free(p->login);
	free(p);
}

/* ---- one tunnel ---- */

static int
tunnel_build(struct egress_tunnel *t, const struct egress_proxy *p,
	     const struct net_addr *to)
{
	char where[NET_ADDR_TEXT];

	net_addr_format(to, where);
	buf_init(&t->request, 4096);
	buf_printf(&t->request, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", where,
		   where);
	if (p->login)
		buf_put(&t->request, secret_peek(p->login),
			secret_len(p->login));
	buf_puts(&t->request, "\r\n");
	return buf_err(&t->request);
}

static int
tunnel_send(struct egress_tunnel *t, struct net_stream *s)
{
	struct slice rest;
	ssize_t n;

	while (t->sent < t->request.len) {
		rest = slice_from(buf_slice(&t->request), t->sent);
		n = net_stream_write(s, rest.ptr, rest.len);
		if (n < 0)
			return (int)n;
		t->sent += (size_t)n;
	}
	return 0;
}

/* 0: the way is open; ERR_AGAIN; ERR_CONNECT: this address cannot be reached;
 * ERR_FORBIDDEN: none can, so it says; ERR_PROTOCOL. */
static int
tunnel_read(struct egress_tunnel *t, struct http_reader *r)
{
	struct http_head head;
	int rc = http_reader_response(r, true, &t->interim, &head);

	if (rc == ERR_AGAIN)
		return rc;
	if (rc == ERR_CLOSED)
		return http_reader_bytes(r).len ? ERR_PROTOCOL : ERR_CLOSED;
	if (rc || head.status < 200)
		return ERR_PROTOCOL;
	t->status = head.status;
	if (head.status / 100 == 5)
		return ERR_CONNECT;
	if (head.status / 100 != 2)
		return ERR_FORBIDDEN;
	return http_reader_bytes(r).len == head.size ? 0 : ERR_PROTOCOL;
}

int
egress_tunnel_start(struct egress_tunnel *t, const struct egress_proxy *p,
		    const struct net_addr *to)
{
	egress_tunnel_release(t);
	return tunnel_build(t, p, to);
}

int
egress_tunnel_go_on(struct egress_tunnel *t, struct egress_wire *w)
{
	struct http_reader *r = &w->conn.reader;
	int rc = tunnel_send(t, &w->stream);

	/* it may have answered although it did not take everything */
	if (rc == 0 || rc == ERR_AGAIN || rc == ERR_CLOSED)
		rc = tunnel_read(t, r);
	if (!rc && t->sent < t->request.len)
		rc = ERR_PROTOCOL; /* it has not heard what it agrees to */
	if (rc)
		return rc;
	http_reader_release(r);
	http_reader_init(r, &w->stream, &w->dest->egress->blocks);
	egress_tunnel_release(t);
	return 0;
}

void
egress_tunnel_release(struct egress_tunnel *t)
{
	buf_wipe(&t->request);
	memset(t, 0, sizeof(*t));
}

void
egress_tunnel_say(const struct egress_tunnel *t, const struct egress_proxy *p,
		  const char *authority, int err, char *detail, size_t size)
{
	if (t->status == 407)
		snprintf(detail, size,
			 "the proxy %.100s wants %s user and password (HTTP "
			 "407; --egress-proxy-login-file)",
			 p->name, p->login ? "another" : "a");
	else if (t->status && err != ERR_PROTOCOL)
		snprintf(detail, size,
			 "the proxy %.100s does not let %.100s through (HTTP "
			 "%d)",
			 p->name, authority, t->status);
	else if (err == ERR_CLOSED)
		snprintf(detail, size,
			 "the proxy %.100s closed before it answered for "
			 "%.100s",
			 p->name, authority);
	else
		snprintf(detail, size,
			 "the proxy %.100s gave no sound answer to CONNECT",
			 p->name);
}
