/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams: a connected socket, plain or under TLS.
 *
 * Plain calls map to one system call each.  TLS goes through OpenSSL on the
 * socket itself with read-ahead, so that a record costs one read.  SIGPIPE
 * is avoided by MSG_NOSIGNAL (and is ignored process-wide for OpenSSL's
 * writes).  No blocking call; nothing here waits.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <unistd.h>

#include "net/net_priv.h"

void
net_stream_init(struct net_stream *s)
{
	memset(s, 0, sizeof(*s));
	s->fd = -1;
}

int
net_stream_accept(struct net_stream *s, int fd, struct net_tls *tls)
{
	net_stream_init(s);
	s->fd = fd;
	if (!tls)
		return 0;
	return net_tls_accept(s, tls);
}

/* The port is chosen when connecting, so that each destination has all of
 * them. */
static int
stream_bind(int fd, const struct net_addr *from)
{
	int one = 1;

	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one,
		       sizeof(one)) < 0)
		return ERR_SYSTEM;
	return bind(fd, &from->u.sa, from->len) < 0 ? ERR_INVALID : 0;
}

int
net_source_check(const struct net_addr *from)
{
	int rc, fd = socket(from->u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC,
			    0);

	if (fd < 0)
		return ERR_SYSTEM;
	rc = stream_bind(fd, from);
	close(fd);
	return rc;
}

int
net_stream_connect(struct net_stream *s, const struct net_addr *a,
		   const struct net_addr *from)
{
	int fd, rc, one = 1;

	net_stream_init(s);
	fd = socket(a->u.sa.sa_family,
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_SYSTEM;
	if (a->u.sa.sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	rc = from ? stream_bind(fd, from) : 0;
	if (rc) {
		close(fd);
		return rc;
	}
	if (connect(fd, &a->u.sa, a->len) < 0 && errno != EINPROGRESS) {
		close(fd);
		return ERR_CONNECT;
	}
	s->fd = fd;
	return 0;
}

int
net_stream_connected(struct net_stream *s)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(int);
	int err = 0;

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 || err)
		return ERR_CONNECT;
	len = sizeof(peer);
	if (getpeername(s->fd, (struct sockaddr *)&peer, &len) < 0)
		return errno == ENOTCONN ? ERR_AGAIN : ERR_CONNECT;
	return 0;
}

/* What OpenSSL's result means for us. */
static int
stream_ssl_error(struct net_stream *s, int rc)
{
	switch (SSL_get_error(s->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return ERR_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		s->eof = 1;
		return 0;
	default:
		ERR_clear_error();
		return ERR_CLOSED;
	}
}

static ssize_t
stream_read_tls(struct net_stream *s, void *buf, size_t len)
{
	size_t got = 0;
	int rc;

	ERR_clear_error();
	rc = SSL_read_ex(s->ssl, buf, len, &got);
	if (rc > 0)
		return (ssize_t)got;
	return stream_ssl_error(s, rc);
}

ssize_t
net_stream_read(struct net_stream *s, void *buf, size_t len)
{
	ssize_t n;

	if (s->fd < 0)
		return ERR_CLOSED;
	if (s->ssl)
		return stream_read_tls(s, buf, len);
	do {
		n = recv(s->fd, buf, len, 0);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		return n;
	if (n == 0) {
		s->eof = 1;
		return 0;
	}
	return errno == EAGAIN || errno == EWOULDBLOCK ? ERR_AGAIN : ERR_CLOSED;
}

static ssize_t
stream_write_tls(struct net_stream *s, const void *buf, size_t len)
{
	size_t done = 0;
	int rc;

	ERR_clear_error();
	rc = SSL_write_ex(s->ssl, buf, len, &done);
	if (rc > 0)
		return (ssize_t)done;
	rc = stream_ssl_error(s, rc);
	return rc == 0 ? ERR_CLOSED : rc;
}

ssize_t
net_stream_write(struct net_stream *s, const void *buf, size_t len)
{
	struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };

	return net_stream_writev(s, &iov, 1);
}

/* TLS has no writev: small pieces are joined into one record. */
static ssize_t
stream_writev_tls(struct net_stream *s, const struct iovec *iov, int count)
{
	char joined[16 * 1024];
	size_t used = 0, n;
	ssize_t rc;
	int i;

	if (count == 1)
		return stream_write_tls(s, iov[0].iov_base, iov[0].iov_len);
	for (i = 0; i < count && used < sizeof(joined); i++) {
		n = iov[i].iov_len;
		if (n > sizeof(joined) - used)
			n = sizeof(joined) - used;
		memcpy(joined + used, iov[i].iov_base, n);
		used += n;
	}
	rc = stream_write_tls(s, joined, used);
	secret_wipe(joined, used);
	return rc;
}

ssize_t
net_stream_writev(struct net_stream *s, const struct iovec *iov, int count)
{
	struct msghdr msg = {
		.msg_iov = (struct iovec *)iov,
		.msg_iovlen = (size_t)count,
	};
	ssize_t n;

	if (s->fd < 0)
		return ERR_CLOSED;
	if (s->ssl)
		return stream_writev_tls(s, iov, count);
	do {
		n = sendmsg(s->fd, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EWOULDBLOCK ? ERR_AGAIN : ERR_CLOSED;
}

bool
net_stream_pending(const struct net_stream *s)
{
	return s->ssl && SSL_has_pending(s->ssl);
}

void
net_stream_shutdown(struct net_stream *s)
{
	if (s->fd < 0)
		return;
	if (s->ssl && SSL_is_init_finished(s->ssl)) {
		ERR_clear_error();
		SSL_shutdown(s->ssl);
		ERR_clear_error();
	}
	shutdown(s->fd, SHUT_WR);
}

void
net_stream_close(struct net_stream *s)
{
	if (s->ssl) {
		/* Without shutdown state OpenSSL forgets the session. */
		SSL_set_shutdown(s->ssl,
				 SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		SSL_free(s->ssl);
		s->ssl = NULL;
	}
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

void
net_stream_abort(struct net_stream *s)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	if (s->fd >= 0)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	net_stream_close(s);
}
