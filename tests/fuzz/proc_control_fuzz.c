/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control messages, as a taken-over role might write them to the parent: a
 * packet is of its kind's form or refused, no descriptor is lost whatever
 * comes along, and what was taken, sent again, comes out the same.
 *
 * Input: how many descriptors come along, then the packet.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "proc/control.h"

enum { FDS = 3 };

static int pair[2];

static unsigned
open_files(void)
{
	unsigned n = 0;
	int fd;

	for (fd = 0; fd < 64; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
packet_send(struct slice bytes, unsigned fds)
{
	union {
		char bytes[CMSG_SPACE(FDS * sizeof(int))];
		struct cmsghdr align;
	} a = { { 0 } };
	struct iovec iov = { (void *)(uintptr_t)bytes.ptr, bytes.len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int list[FDS] = { 2, 2, 2 };
	struct cmsghdr *c;

	if (fds) {
		m.msg_control = a.bytes;
		m.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fds * sizeof(int));
		memcpy(CMSG_DATA(c), list, fds * sizeof(int));
	}
	ASSERT(sendmsg(pair[0], &m, MSG_NOSIGNAL) == (ssize_t)bytes.len);
}

static bool
takes_fd(enum proc_control_kind kind)
{
	return kind == PROC_CONTROL_LISTENER || kind == PROC_CONTROL_PEER ||
	       kind == PROC_CONTROL_LOCK || kind == PROC_CONTROL_CHILD;
}

static void
check(struct slice bytes, unsigned fds, const struct proc_control *got)
{
	static char again[PROC_CONTROL_MAX];
	struct proc_control back;

	ASSERT(got->kind > 0 && got->kind < PROC_CONTROL_KINDS);
	ASSERT((got->fd >= 0) == takes_fd(got->kind));
	ASSERT(fds == (got->fd >= 0));
	ASSERT(got->text.len == bytes.len - 8);
	ASSERT(got->fd < 0 || fcntl(got->fd, F_GETFD) == FD_CLOEXEC);
	ASSERT(!proc_control_send(pair[0], got->kind, got->number, got->text,
				  got->fd));
	ASSERT(!proc_control_receive(pair[1], again, &back));
	ASSERT(back.kind == got->kind && back.number == got->number);
	ASSERT(slice_eq(back.text, got->text));
	ASSERT((back.fd >= 0) == (got->fd >= 0));
	if (back.fd >= 0)
		close(back.fd);
	if (got->fd >= 0)
		close(got->fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char buffer[PROC_CONTROL_MAX];
	struct proc_control got;
	struct slice bytes;
	unsigned before, fds;
	int rc;

	if (!pair[1])
		ASSERT(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
				   pair));
	if (size < 2)
		return 0;
	fds = data[0] % (FDS + 1);
	bytes = slice_of(data + 1, size - 1);
	before = open_files();
	packet_send(bytes, fds);
	rc = proc_control_receive(pair[1], buffer, &got);
	ASSERT(!rc || (rc == ERR_PROTOCOL && got.fd < 0));
	if (!rc)
		check(bytes, fds, &got);
	ASSERT(proc_control_receive(pair[1], buffer, &got) == ERR_AGAIN);
	ASSERT(open_files() == before);
	return 0;
}
