/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control packets between the parent and a role: each kind has its form, and
 * what is not of its form is refused, with whatever descriptor came along
 * closed.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "proc/control.h"

enum { HEAD = 8 };

/* The forms, as the door describes them. */
static const struct form {
	enum proc_control_kind kind;
	bool fd, text;
	unsigned least, most;
} forms[] = {
	{ PROC_CONTROL_SETTINGS, false, true, 0, 0 },
	{ PROC_CONTROL_DATA, false, true, 0, 0 },
	{ PROC_CONTROL_KEY, false, true, 0, PROC_KEYS - 1 },
	{ PROC_CONTROL_LISTENER, true, true, 0, 1 },
	{ PROC_CONTROL_GO, false, false, 0, 0 },
	{ PROC_CONTROL_PEER, true, false, PROC_KEEPER, PROC_FRONT },
	{ PROC_CONTROL_STOP, false, false, 0, 1 },
	{ PROC_CONTROL_READY, false, false, 0, 0 },
	{ PROC_CONTROL_BEAT, false, false, 0, 0 },
	{ PROC_CONTROL_DEATHS, false, true, 0, 0 },
	{ PROC_CONTROL_NEWER, false, false, 0, 0 },
	{ PROC_CONTROL_LOST, false, false, PROC_KEEPER, PROC_FRONT },
	{ PROC_CONTROL_ALONE, false, false, 0, 1 },
	{ PROC_CONTROL_LOCK, true, false, 0, 0 },
	{ PROC_CONTROL_CHILD, true, true, PROC_KEEPER, PROC_FRONT },
};

static int near, far, spare;
static char buffer[PROC_CONTROL_MAX];

static int
begin(void **state)
{
	int fds[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		       0, fds))
		return -1;
	near = fds[0];
	far = fds[1];
	spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return spare < 0 ? -1 : 0;
}

static int
end(void **state)
{
	(void)state;
	close(near);
	close(far);
	close(spare);
	return 0;
}

/* The lowest descriptor that is free: the same as long as none leaks. */
static int
next_fd(void)
{
	int fd = dup(spare);

	assert_true(fd >= 0);
	close(fd);
	return fd;
}

/* A packet as no sender of ours would make it, with `count` descriptors. */
static void
send_raw(const void *bytes, size_t len, unsigned count)
{
	union {
		char bytes[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} a = { .bytes = { 0 } };
	struct iovec iov = { (void *)bytes, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[4] = { spare, spare, spare, spare };
	struct cmsghdr *c;

	if (count) {
		m.msg_control = a.bytes;
		m.msg_controllen = CMSG_SPACE(count * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	assert_int_equal(sendmsg(near, &m, 0), (ssize_t)len);
}

static int
receive(struct proc_control *out)
{
	return proc_control_receive(far, buffer, out);
}

/* ---- what is of its form ---- */

static void
each_kind_arrives_as_it_was_sent(void **state)
{
	struct proc_control m;
	const struct form *f;
	unsigned number;
	size_t i;
	int fd;

	(void)state;
	for (i = 0; i < ARRAY_LEN(forms); i++) {
		f = &forms[i];
		for (number = f->least; number <= f->most; number++) {
			assert_int_equal(
				proc_control_send(near, f->kind, number,
						  f->text ? SLICE("a\0b")
							  : SLICE_NONE,
						  f->fd ? spare : -1),
				0);
			assert_int_equal(receive(&m), 0);
			assert_int_equal(m.kind, f->kind);
			assert_int_equal(m.number, number);
			assert_true(slice_eq(m.text, f->text ? SLICE("a\0b")
							     : SLICE_NONE));
			fd = m.fd;
			assert_int_equal(fd >= 0, f->fd);
			if (fd < 0)
				continue;
			/* Not for programs that are started later. */
			assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
			close(fd);
		}
	}
	assert_int_equal(i, PROC_CONTROL_KINDS - 1); /* none forgotten */
}

static void
packets_keep_their_order_and_their_bounds(void **state)
{
	struct proc_control m;

	(void)state;
	proc_control_send(near, PROC_CONTROL_DATA, 0, SLICE("first"), -1);
	proc_control_send(near, PROC_CONTROL_DATA, 0, SLICE("2"), -1);
	assert_int_equal(receive(&m), 0);
	assert_true(slice_eq(m.text, SLICE("first")));
	assert_int_equal(receive(&m), 0);
	assert_true(slice_eq(m.text, SLICE("2")));
	assert_int_equal(receive(&m), ERR_AGAIN);
	assert_int_equal(m.fd, -1);
}

static void
a_text_may_fill_the_packet(void **state)
{
	static char text[PROC_CONTROL_MAX];
	struct proc_control m;

	(void)state;
	memset(text, 't', sizeof(text));
	assert_int_equal(
		proc_control_send(near, PROC_CONTROL_SETTINGS, 0,
				  slice_of(text, PROC_CONTROL_MAX - HEAD), -1),
		0);
	assert_int_equal(receive(&m), 0);
	assert_int_equal(m.text.len, PROC_CONTROL_MAX - HEAD);
	assert_int_equal(m.text.ptr[m.text.len - 1], 't');
	assert_int_equal(
		proc_control_send(near, PROC_CONTROL_SETTINGS, 0,
				  slice_of(text, PROC_CONTROL_MAX - HEAD + 1),
				  -1),
		ERR_TOO_LARGE);
	assert_int_equal(receive(&m), ERR_AGAIN); /* nothing of it was sent */
}

static void
the_other_sides_end_is_told(void **state)
{
	struct proc_control m;

	(void)state;
	proc_control_send(near, PROC_CONTROL_STOP, 0, SLICE_NONE, -1);
	close(near);
	assert_int_equal(receive(&m), 0); /* what was said before counts */
	assert_int_equal(receive(&m), ERR_CLOSED);
	assert_int_equal(
		proc_control_send(far, PROC_CONTROL_READY, 0, SLICE_NONE, -1),
		ERR_CLOSED);
	near = dup(spare);
}

static void
a_full_socket_is_told(void **state)
{
	int i, rc = 0;

	(void)state;
	for (i = 0; i < 10000 && !rc; i++)
		rc = proc_control_send(near, PROC_CONTROL_STOP, 0, SLICE_NONE,
				       -1);
	assert_int_equal(rc, ERR_AGAIN);
}

/* ---- what is not ---- */

static const struct form *
form_of(unsigned kind)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(forms); i++)
		if (forms[i].kind == kind)
			return &forms[i];
	return NULL;
}

static bool
has_its_form(unsigned kind, unsigned number, bool text, bool fd)
{
	const struct form *f = form_of(kind);

	return f && number >= f->least && number <= f->most &&
	       (!text || f->text) && fd == f->fd;
}

static void
try_packet(unsigned kind, unsigned number, bool text, bool fd)
{
	unsigned char head[HEAD + 1] = { (unsigned char)kind,
					 (unsigned char)number };
	struct proc_control m;
	int rc;

	head[4] = text;
	head[HEAD] = 't';
	send_raw(head, HEAD + text, fd);
	rc = receive(&m);
	if (rc != (has_its_form(kind, number, text, fd) ? 0 : ERR_PROTOCOL))
		fail_msg("kind %u, number %u, text %d, descriptor %d: %d", kind,
			 number, text, fd, rc);
	if (rc)
		assert_int_equal(m.fd, -1);
	else if (m.fd >= 0)
		close(m.fd);
}

static void
every_other_form_is_refused(void **state)
{
	static const unsigned numbers[] = { 0, 1, 2, 3, 4, 5, 128, 255 };
	int before = next_fd();
	unsigned kind, how;
	size_t i;

	(void)state;
	for (kind = 0; kind < 256; kind++)
		for (i = 0; i < ARRAY_LEN(numbers); i++)
			for (how = 0; how < 4; how++)
				try_packet(kind, numbers[i], how & 1, how & 2);
	assert_int_equal(next_fd(), before); /* all were closed */
}

static void
a_head_that_lies_is_refused(void **state)
{
	/* kind, number, zero (2), length (4), text */
	static const char packets[][HEAD + 2] = {
		{ PROC_CONTROL_DATA, 0, 1, 0, 2, 0, 0, 0, 'a', 'b' },
		{ PROC_CONTROL_DATA, 0, 0, 1, 2, 0, 0, 0, 'a', 'b' },
		{ PROC_CONTROL_DATA, 0, 0, 0, 1, 0, 0, 0, 'a', 'b' },
		{ PROC_CONTROL_DATA, 0, 0, 0, 3, 0, 0, 0, 'a', 'b' },
		{ PROC_CONTROL_DATA, 0, 0, 0, 0, 0, 0, 0, 'a', 'b' },
		{ PROC_CONTROL_DATA, 0, 0, 0, 2, 0, 0, 1, 'a', 'b' },
	};
	static const char good[] = {
		PROC_CONTROL_DATA, 0, 0, 0, 2, 0, 0, 0, 'a', 'b'
	};
	struct proc_control m;
	size_t i;

	(void)state;
	send_raw(good, sizeof(good), 0);
	assert_int_equal(receive(&m), 0);
	for (i = 0; i < ARRAY_LEN(packets); i++) {
		send_raw(packets[i], sizeof(packets[i]), 0);
		assert_int_equal(receive(&m), ERR_PROTOCOL);
	}
}

static void
a_short_packet_is_refused(void **state)
{
	static const char stop[HEAD] = { PROC_CONTROL_STOP };
	struct proc_control m;
	size_t len;

	(void)state;
	send_raw(stop, HEAD, 0);
	assert_int_equal(receive(&m), 0);
	for (len = 1; len < HEAD; len++) {
		/* What the packet before has left there does not count. */
		send_raw(stop, len, 0);
		assert_int_equal(receive(&m), ERR_PROTOCOL);
	}
}

static void
a_packet_larger_than_the_buffer_is_refused(void **state)
{
	static unsigned char packet[PROC_CONTROL_MAX + 1];
	struct proc_control m;

	(void)state;
	packet[0] = PROC_CONTROL_SETTINGS;
	packet[5] = (PROC_CONTROL_MAX - HEAD) >> 8;
	packet[4] = (PROC_CONTROL_MAX - HEAD) & 0xff;
	send_raw(packet, PROC_CONTROL_MAX, 0);
	assert_int_equal(receive(&m), 0);
	send_raw(packet, PROC_CONTROL_MAX + 1, 0);
	assert_int_equal(receive(&m), ERR_PROTOCOL);
}

static void
no_more_than_one_descriptor_is_taken(void **state)
{
	static const char peer[HEAD] = { PROC_CONTROL_PEER, PROC_KEEPER };
	int before = next_fd();
	struct proc_control m;
	unsigned count;

	(void)state;
	send_raw(peer, HEAD, 1);
	assert_int_equal(receive(&m), 0);
	close(m.fd);
	for (count = 2; count <= 4; count++) {
		send_raw(peer, HEAD, count);
		assert_int_equal(receive(&m), ERR_PROTOCOL);
		assert_int_equal(m.fd, -1);
	}
	/* Nor one with a packet of nothing, which looks like the end. */
	send_raw("", 0, 1);
	assert_int_equal(receive(&m), ERR_CLOSED);
	assert_int_equal(m.fd, -1);
	assert_int_equal(next_fd(), before);
}

/* ---- the level of logs ---- */

static void
the_log_level_is_the_settings(void **state)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = { { "debug", LOG_DEBUG },
		       { "info", LOG_INFO },
		       { "warn", LOG_WARN },
		       { "error", LOG_ERROR } };
	struct conf_problem problem;
	struct conf *c;
	char text[40];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(levels); i++) {
		snprintf(text, sizeof(text), "log-level = %s\n",
			 levels[i].name);
		assert_int_equal(conf_read(slice_str(text), &c, &problem), 0);
		assert_int_equal(proc_log_level(c), levels[i].level);
		conf_free(c);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(each_kind_arrives_as_it_was_sent),
		CASE(packets_keep_their_order_and_their_bounds),
		CASE(a_text_may_fill_the_packet),
		CASE(the_other_sides_end_is_told),
		CASE(a_full_socket_is_told),
		CASE(every_other_form_is_refused),
		CASE(a_head_that_lies_is_refused),
		CASE(a_short_packet_is_refused),
		CASE(a_packet_larger_than_the_buffer_is_refused),
		CASE(no_more_than_one_descriptor_is_taken),
		CASE(the_log_level_is_the_settings),
	};

	return cmocka_run_group_tests_name("proc control", tests, NULL, NULL);
}
