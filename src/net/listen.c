/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets: made by the parent, accepted from by the front.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/net.h"

/* A Unix socket that nobody answers is left over from a crash. */
static void
listen_remove_dead(const struct net_addr *a)
{
	struct stat st;
	int fd;

	if (lstat(a->u.un.sun_path, &st) || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, &a->u.sa, a->len) < 0 && errno == ECONNREFUSED)
		unlink(a->u.un.sun_path);
	close(fd);
}

int
net_listen(const struct net_addr *a, int *out)
{
	mode_t mask = 0;
	int fd, one = 1, rc, saved;

	*out = -1;
	fd = socket(a->u.sa.sa_family,
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_SYSTEM;
	if (a->u.sa.sa_family == AF_UNIX) {
		listen_remove_dead(a);
		mask = umask(0177);
	} else {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	}
	rc = bind(fd, &a->u.sa, a->len);
	saved = errno;
	if (a->u.sa.sa_family == AF_UNIX)
		umask(mask);
	if (rc < 0 || listen(fd, 4096) < 0) {
		if (rc < 0)
			errno = saved;
		saved = errno;
		close(fd);
		errno = saved;
		return ERR_SYSTEM;
	}
	*out = fd;
	return 0;
}

static int
accept_error(int err)
{
	switch (err) {
	case EAGAIN:
		return ERR_AGAIN;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return ERR_NOMEM;
	default: /* accept(2): an error of the new connection's */
		return ERR_CLOSED;
	}
}

int
net_accept(int listen_fd, int *out, struct net_addr *peer)
{
	int fd, one = 1;

	*out = -1;
	memset(peer, 0, sizeof(*peer));
	peer->len = sizeof(peer->u);
	fd = accept4(listen_fd, &peer->u.sa, &peer->len,
		     SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return accept_error(errno);
	if (peer->u.sa.sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	*out = fd;
	return 0;
}

int
net_peer_uid(int fd, uid_t *uid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
	    len != sizeof(cred) || cred.pid == 0)
		return ERR_UNSUPPORTED;
	*uid = cred.uid;
	return 0;
}
