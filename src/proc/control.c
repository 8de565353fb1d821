/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control messages over a SOCK_SEQPACKET pair.
 *
 * Eight bytes of head (kind, number, length of the text), then the text; a
 * descriptor travels as ancillary data.  A packet that is not exactly so is
 * a protocol error, and so is one that has not the form of its kind.
 *
 * Runs in the parent and in every role.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proc/control.h"

struct control_head {
	uint8_t kind;
	uint8_t number;
	uint16_t zero;
	uint32_t length;
};

/* What a packet of each kind has. */
static const struct {
	bool known, fd, text;
	uint8_t least, most; /* the number */
} forms[PROC_CONTROL_KINDS] = {
	[PROC_CONTROL_SETTINGS] = { .known = true, .text = true },
	[PROC_CONTROL_DATA] = { .known = true, .text = true },
	[PROC_CONTROL_KEY] = { .known = true,
			       .text = true,
			       .most = PROC_KEYS - 1 },
	[PROC_CONTROL_LISTENER] = { .known = true,
				    .fd = true,
				    .text = true,
				    .most = 1 },
	[PROC_CONTROL_GO] = { .known = true },
	[PROC_CONTROL_PEER] = { .known = true,
				.fd = true,
				.least = PROC_KEEPER,
				.most = PROC_FRONT },
	[PROC_CONTROL_STOP] = { .known = true, .most = 1 },
	[PROC_CONTROL_ALONE] = { .known = true, .most = 1 },
	[PROC_CONTROL_LOCK] = { .known = true, .fd = true },
	[PROC_CONTROL_CHILD] = { .known = true,
				 .fd = true,
				 .text = true,
				 .least = PROC_KEEPER,
				 .most = PROC_FRONT },
	[PROC_CONTROL_READY] = { .known = true },
	[PROC_CONTROL_BEAT] = { .known = true },
	[PROC_CONTROL_DEATHS] = { .known = true, .text = true },
	[PROC_CONTROL_NEWER] = { .known = true },
	[PROC_CONTROL_LOST] = { .known = true,
				.least = PROC_KEEPER,
				.most = PROC_FRONT },
};

union control_ancillary {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static void
put_fd(struct msghdr *m, union control_ancillary *a, int fd)
{
	struct cmsghdr *c;

	memset(a, 0, sizeof(*a));
	m->msg_control = a->bytes;
	m->msg_controllen = sizeof(a->bytes);
	c = CMSG_FIRSTHDR(m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
}

int
proc_control_send(int control, enum proc_control_kind kind, unsigned number,
		  struct slice text, int fd)
{
	struct control_head h = { .kind = (uint8_t)kind,
				  .number = (uint8_t)number,
				  .length = (uint32_t)text.len };
	struct iovec iov[2] = { { &h, sizeof(h) },
				{ (void *)text.ptr, text.len } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	union control_ancillary a;
	ssize_t n;

	if (text.len > PROC_CONTROL_MAX - sizeof(h))
		return ERR_TOO_LARGE;
	if (fd >= 0)
		put_fd(&m, &a, fd);
	do {
		n = sendmsg(control, &m, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	return errno == EAGAIN || errno == EWOULDBLOCK ? ERR_AGAIN : ERR_CLOSED;
}

/* The one descriptor that came along, in *fd (-1: none).  Any further are
 * closed, and make it false: the padding has room for a second. */
static bool
take_fd(struct msghdr *m, int *fd)
{
	struct cmsghdr *c;
	bool several = false;
	size_t i, n;
	int one;

	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&one, CMSG_DATA(c) + i * sizeof(int),
			       sizeof(one));
			if (*fd < 0) {
				*fd = one;
				continue;
			}
			close(one);
			several = true;
		}
	}
	return !several;
}

static bool
head_is_good(const struct control_head *h, size_t text_len, bool has_fd)
{
	if (h->kind >= PROC_CONTROL_KINDS || !forms[h->kind].known)
		return false;
	if (h->zero || h->length != text_len ||
	    (text_len && !forms[h->kind].text))
		return false;
	return has_fd == forms[h->kind].fd &&
	       h->number >= forms[h->kind].least &&
	       h->number <= forms[h->kind].most;
}

int
proc_control_receive(int control, char *buffer, struct proc_control *out)
{
	struct iovec iov = { buffer, PROC_CONTROL_MAX };
	union control_ancillary a;
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = a.bytes,
			    .msg_controllen = sizeof(a.bytes) };
	struct control_head h;
	bool one_at_most;
	ssize_t n;

	memset(out, 0, sizeof(*out));
	out->fd = -1;
	do {
		n = recvmsg(control, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? ERR_AGAIN
							       : ERR_CLOSED;
	one_at_most = take_fd(&m, &out->fd);
	if (one_at_most && (size_t)n >= sizeof(h) &&
	    !(m.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		memcpy(&h, buffer, sizeof(h));
		out->kind = (enum proc_control_kind)h.kind;
		out->number = h.number;
		out->text = slice_of(buffer + sizeof(h), (size_t)n - sizeof(h));
		if (head_is_good(&h, out->text.len, out->fd >= 0))
			return 0;
	}
	if (out->fd >= 0)
		close(out->fd);
	out->fd = -1;
	return n ? ERR_PROTOCOL : ERR_CLOSED;
}

enum log_level
proc_log_level(const struct conf *c)
{
	const char *level = conf_text(c, CONF_LOG_LEVEL);

	if (!strcmp(level, "debug"))
		return LOG_DEBUG;
	if (!strcmp(level, "warn"))
		return LOG_WARN;
	return strcmp(level, "error") ? LOG_INFO : LOG_ERROR;
}
