/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of net/: addresses, listening sockets, streams with or without
 * TLS, name look-up.
 *
 * net/ opens no connection: that is egress/'s alone (net_stream_connect is
 * called there and nowhere else).  Nothing here decides who may talk to
 * whom.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "base/base.h"
#include "loop/loop.h"

/* ---- addresses ---- */

struct net_addr {
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} u;
};

enum { NET_ADDR_TEXT = 128 };

/* "127.0.0.1:80", "[::1]:80" or "unix:/path".  ERR_INVALID. */
int net_addr_parse(struct slice text, struct net_addr *out);
/* A numeric IP alone (strict dotted decimal or RFC 4291), with a port. */
int net_addr_from_ip(struct slice ip, uint16_t port, struct net_addr *out);
/* The forms above; never fails. */
void net_addr_format(const struct net_addr *a, char out[NET_ADDR_TEXT]);
/* Only the IP, without port. */
void net_addr_format_ip(const struct net_addr *a, char out[NET_ADDR_TEXT]);
uint16_t net_addr_port(const struct net_addr *a);
bool net_addr_eq(const struct net_addr *a, const struct net_addr *b);
/* Whether this machine has the address now (its port plays no part); also
 * true where that cannot be found out.  Some system calls; sends nothing. */
bool net_addr_is_here(const struct net_addr *a);

/* ---- listening ---- */

/* Binds and listens; a Unix socket replaces a dead one and has mode 0600.
 * ERR_SYSTEM with errno.  SO_REUSEPORT is not set: one queue, shared by
 * workers. */
int net_listen(const struct net_addr *a, int *fd);
/* Accepts one, non-blocking, close-on-exec, TCP_NODELAY.  ERR_AGAIN; ERR_NOMEM
 * when descriptors or memory are used up (it goes on waiting); ERR_CLOSED
 * when the one that waited is lost. */
int net_accept(int listen_fd, int *fd, struct net_addr *peer);
/* The uid of a Unix-socket peer (SO_PEERCRED); ERR_UNSUPPORTED on TCP. */
int net_peer_uid(int fd, uid_t *uid);

/* ---- TLS contexts ---- */

struct net_tls; /* a client or server context, shared by threads */

/* A client context: verifies chain and host name, TLS 1.2 and up, keeps
 * sessions for reuse.  Trust: the system's anchors (SSL_CERT_FILE honoured)
 * and those of ca_file (may be NULL); cert/key (may be NULL) for mTLS. */
int net_tls_client_new(const char *ca_file, const char *cert_file,
		       const char *key_file, struct net_tls **out);
/* The same, but these anchors (PEM, sound by net_anchors_check()) are trusted
 * in place of the system's, each as it stands: a root, an intermediate or the
 * server's own certificate. */
int net_tls_client_of(struct slice anchors, struct net_tls **out);
int net_tls_server_new(const char *cert_file, const char *key_file,
		       struct net_tls **out);
void net_tls_free(struct net_tls *t);

/* ---- trust anchors as text ---- */

enum {
	NET_ANCHORS_TEXT = 16 * 1024, /* bytes of PEM */
	NET_ANCHORS_MAX = 8,	      /* certificates */
};

/* PEM certificates and white space, nothing else.  ERR_INVALID or
 * ERR_TOO_LARGE with words for people in detail ("certificate 2 …"). */
int net_anchors_check(struct slice pem, char *detail, size_t size);
/* Takes the next certificate off the front: 1 with the base64 of it (and
 * white space); 0: there is none any more; ERR_INVALID: no PEM. */
int net_anchors_next(struct slice *rest, struct slice *body);
/* That base64 without white space: the same certificate always gives the same
 * bytes.  Their number. */
size_t net_anchor_bare(struct slice body, char out[NET_ANCHORS_TEXT]);

/* ---- streams ---- */

/*
 * A connected socket, plain or TLS, embedded in its owner.  All calls are
 * non-blocking.  When a call gives ERR_AGAIN its owner waits for the next
 * readiness of the socket (edge-triggered, either direction: TLS may need
 * to read in order to write).
 */
struct net_stream {
	int fd;	   /* -1 when closed */
	void *ssl; /* NULL: plain */
	struct net_tls *tls;
	uint8_t want_write; /* TLS: a read waits for the socket to write */
	uint8_t eof;
};

void net_stream_init(struct net_stream *s);
/* Takes the fd.  `tls` NULL: plain. */
int net_stream_accept(struct net_stream *s, int fd, struct net_tls *tls);
/* Starts a TCP connection (or Unix) to exactly this address, from that one
 * (NULL: as routes say; its port is 0).  Only for egress/.  0: under way or
 * done; ask net_stream_connected().  ERR_INVALID: `from` is none of this
 * machine's. */
int net_stream_connect(struct net_stream *s, const struct net_addr *a,
		       const struct net_addr *from);
/* Whether that is an address of this machine.  ERR_INVALID, ERR_SYSTEM. */
int net_source_check(const struct net_addr *from);
/* 0: connected; ERR_AGAIN; ERR_CONNECT. */
int net_stream_connected(struct net_stream *s);
/* Puts client TLS on a connected stream: SNI and verification for host;
 * session_key (host:port) finds a session to resume. */
int net_stream_start_tls(struct net_stream *s, struct net_tls *tls,
			 const char *host, const char *session_key);
/* Drives the handshake.  0: done; ERR_AGAIN; ERR_TLS (reason in detail). */
int net_stream_handshake(struct net_stream *s, char *detail, size_t size);
/* >0 bytes; 0: orderly end; ERR_AGAIN; ERR_CLOSED (reset, or TLS cut without
 * close_notify). */
ssize_t net_stream_read(struct net_stream *s, void *buf, size_t len);
/* Bytes taken (may be short); ERR_AGAIN; ERR_CLOSED. */
ssize_t net_stream_write(struct net_stream *s, const void *buf, size_t len);
ssize_t net_stream_writev(struct net_stream *s, const struct iovec *iov,
			  int count);
/* Decrypted bytes wait inside: no readiness will announce them. */
bool net_stream_pending(const struct net_stream *s);
/* No more writing (FIN, close_notify). */
void net_stream_shutdown(struct net_stream *s);
/* Closes at once; the TLS session stays reusable.  Idempotent. */
void net_stream_close(struct net_stream *s);
/* Closes with a reset, so that the peer cannot take it for a clean end. */
void net_stream_abort(struct net_stream *s);

/* ---- name look-up ---- */

enum {
	NET_RESOLVE_MAX = 16,
	/* Queued in a pool, by all loops: a silent name server fills no
	 * memory. */
	NET_RESOLVE_WAITING_MAX = 2048,
};

/* Of one loop; embedded.  Looks a name up once for all who ask meanwhile. */
struct net_resolver {
	/* private */
	struct loop *loop;
	struct loop_pool *pool;
	struct net_resolve_job *jobs; /* not answered yet */
};

/* pool: its threads wait for name servers. */
void net_resolver_begin(struct net_resolver *n, struct loop *l,
			struct loop_pool *pool);
/* Once nobody waits for any of its look-ups. */
void net_resolver_end(struct net_resolver *n);

/* Embedded in its owner, who waits for one answer of the system's resolver
 * (files, DNS), which is asked on a work thread. */
struct net_resolve {
	void (*done)(struct net_resolve *r, int err);
	struct net_addr addrs[NET_RESOLVE_MAX];
	unsigned count;
	/* private */
	uint16_t port;
	struct net_resolve_job *job;
	struct net_resolve *next, **prev; /* of those who wait for it */
};

/* ERR_BUSY: NET_RESOLVE_WAITING_MAX look-ups of this pool wait; ERR_NOMEM.
 * done(): 0 or ERR_RESOLVE, ERR_BUSY; it may start and cancel others. */
int net_resolve_start(struct net_resolve *r, struct net_resolver *n,
		      const char *host, uint16_t port,
		      void (*done)(struct net_resolve *, int err));
/* done() will not be called. */
void net_resolve_cancel(struct net_resolve *r);

#endif
