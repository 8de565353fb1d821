/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A channel with both its ends, the front's and the keeper's, on one loop;
 * and a keeper that adds, fails, keeps one waiting, or is told things.
 *
 * A unit test includes it once, and cmocka with it.
 */
#ifndef SUPPORT_CHANNEL_WORLD_H
#define SUPPORT_CHANNEL_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "proc/proc_priv.h"

enum { ADD = 1, FAIL, HOLD, HUGE_ANSWER, TELL, NOT_FOR_FRONT, UNKNOWN };
enum { LONG = 5000 };

static struct {
	struct loop *loop;
	struct proc_channel *front; /* its channel to the keeper */
	struct proc_channel *keeper;
	struct proc_request *held;
	unsigned handled, told;
	uint64_t last_told;
} w;

/* ---- the keeper ---- */

static void
on_add(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct proc_pack *p = proc_pack_new();

	assert_ptr_equal(arg, &w);
	w.handled++;
	proc_pack_u64(p, proc_unpack_u64(in) + proc_unpack_u64(in));
	proc_reply(rq, proc_unpack_done(in) ? 0 : ERR_PROTOCOL, p);
}

static void
on_fail(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct proc_pack *p = proc_pack_new();

	(void)in;
	(void)arg;
	proc_pack_str(p, "why");
	proc_reply(rq, ERR_CONFLICT, p);
}

static void
on_hold(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	(void)in;
	(void)arg;
	w.handled++;
	w.held = rq;
}

static void
on_huge(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	struct proc_pack *p = proc_pack_new();

	(void)in;
	(void)arg;
	proc_pack_bytes(p, slice_of("", PROC_MESSAGE_MAX + 1));
	proc_reply(rq, 0, p);
}

static void
on_tell(struct proc_request *rq, struct proc_unpack *in, void *arg)
{
	(void)arg;
	w.told++;
	w.last_told = proc_unpack_u64(in);
	proc_reply(rq, 0, NULL);
}

#define FROM_FRONT (1u << PROC_FRONT)

static const struct proc_message table[] = {
	{ ADD, "add", FROM_FRONT | 1u << PROC_EXCHANGER, on_add },
	{ FAIL, "fail", FROM_FRONT, on_fail },
	{ HOLD, "hold", FROM_FRONT, on_hold },
	{ HUGE_ANSWER, "huge", FROM_FRONT, on_huge },
	{ TELL, "tell", FROM_FRONT, on_tell },
	{ NOT_FOR_FRONT, "other", 1u << PROC_EXCHANGER, on_add },
	{ 0, NULL, 0, NULL },
};

/* ---- the front ---- */

/* A call and how it ended. */
struct asked {
	struct proc_call call;
	bool done;
	int err;
	uint64_t number;
	char text[16];
};

static void
on_done(struct proc_call *call, int err, struct proc_unpack *in)
{
	struct asked *a = CONTAINER_OF(call, struct asked, call);

	assert_false(a->done); /* once only */
	a->done = true;
	a->err = err;
	if (in && !err)
		a->number = proc_unpack_u64(in);
	else if (in)
		proc_unpack_str(in, a->text, sizeof(a->text));
}

static void
ask(struct asked *a, uint16_t type, uint32_t timeout_ms)
{
	struct proc_pack *p = proc_pack_new();

	memset(a, 0, sizeof(*a));
	proc_pack_u64(p, 40);
	proc_pack_u64(p, 2);
	proc_call_start(w.front, type, p, timeout_ms, &a->call, on_done);
	assert_false(a->done); /* never at once */
}

static void
turn_ended(struct loop_timer *t)
{
	loop_stop(t->loop);
}

/* Lets both go on for a while. */
static void
run(uint32_t ms)
{
	struct loop_timer timer = { 0 };

	loop_timer_start(w.loop, &timer, ms, turn_ended);
	loop_run(w.loop);
	loop_timer_cancel(&timer);
}

static void
run_until(const bool *flag)
{
	int i;

	for (i = 0; i < 300 && !*flag; i++)
		run(10);
	assert_true(*flag);
}

static void
pair(int fds[2])
{
	assert_int_equal(
		socketpair(AF_UNIX,
			   SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			   fds),
		0);
}

static int
begin(void **state)
{
	int fds[2];

	(void)state;
	memset(&w, 0, sizeof(w));
	log_setup("test", LOG_ERROR + 1);
	pair(fds);
	if (loop_new(&w.loop) ||
	    proc_channel_new(w.loop, fds[0], PROC_KEEPER, NULL, NULL, &w.front))
		return -1;
	return proc_channel_new(w.loop, fds[1], PROC_FRONT, table, &w,
				&w.keeper);
}

static int
end(void **state)
{
	(void)state;
	proc_channel_free(w.front);
	proc_channel_free(w.keeper);
	loop_free(w.loop);
	return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

#endif
