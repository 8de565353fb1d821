/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: edge-triggered epoll, a timer wheel, a mailbox.
 *
 * A turn: wait for events (not longer than the next timer slot), call what
 * became ready, fire due timers, run what other threads have posted.  An io
 * that is cancelled in the same turn is skipped: the turn's fetched events
 * are searched and blanked, which costs only who cancels.
 *
 * Timers hang in a hashed wheel of 16 ms slots.  A timer that is due in more
 * than one turn of the wheel stays in its slot and is passed over until its
 * time has come.
 *
 * Runs in every role that waits for sockets.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "loop/loop.h"

enum {
	EVENTS_A_TURN = 256,
	SLOT_MS = 16,
	SLOTS = 4096, /* 65 s a round; a power of two */
};

struct loop {
	int epoll_fd;
	int wake_fd;
	struct loop_io wake_io;
	uint64_t now_ms;
	uint64_t slot;	  /* the last slot that was fired, in SLOT_MS units */
	uint64_t nearest; /* no slot before this one holds a timer */
	unsigned timer_count;
	atomic_bool stop;
	atomic_bool awake; /* a wake-up is on its way */
	pthread_mutex_t mutex;
	struct loop_task *tasks, **tasks_end;
	struct loop_again *again;
	int event_count;
	struct epoll_event events[EVENTS_A_TURN];
	struct loop_timer *slots[SLOTS];
};

static void
loop_wake(struct loop *l)
{
	uint64_t one = 1;

	if (atomic_exchange(&l->awake, true))
		return;
	while (write(l->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void
loop_woken(struct loop_io *io, unsigned events)
{
	uint64_t count;

	(void)events;
	while (read(io->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

int
loop_new(struct loop **out)
{
	struct loop *l;

	*out = NULL;
	l = calloc(1, sizeof(*l));
	if (!l)
		return ERR_NOMEM;
	pthread_mutex_init(&l->mutex, NULL);
	l->tasks_end = &l->tasks;
	l->now_ms = clock_mono_ms();
	l->slot = l->now_ms / SLOT_MS;
	l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->wake_fd < 0 || l->epoll_fd < 0 ||
	    loop_io_start(l, &l->wake_io, l->wake_fd, loop_woken)) {
		loop_free(l);
		return ERR_SYSTEM;
	}
	*out = l;
	return 0;
}

void
loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	pthread_mutex_destroy(&l->mutex);
	free(l);
}

uint64_t
loop_now_ms(const struct loop *l)
{
	return l->now_ms;
}

/* ---- file descriptors ---- */

static int
io_register(struct loop *l, struct loop_io *io, int fd, uint32_t events,
	    void (*ready)(struct loop_io *, unsigned))
{
	struct epoll_event ev = { .events = events, .data.ptr = io };

	io->loop = l;
	io->fd = fd;
	io->ready = ready;
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		io->loop = NULL;
		io->fd = -1;
		return ERR_SYSTEM;
	}
	return 0;
}

int
loop_io_start(struct loop *l, struct loop_io *io, int fd,
	      void (*ready)(struct loop_io *, unsigned))
{
	return io_register(l, io, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
			   ready);
}

int
loop_io_start_listener(struct loop *l, struct loop_io *io, int fd,
		       void (*ready)(struct loop_io *, unsigned))
{
	return io_register(l, io, fd, EPOLLIN | EPOLLEXCLUSIVE, ready);
}

void
loop_io_cancel(struct loop_io *io)
{
	struct loop *l = io->loop;
	int i;

	if (!l)
		return;
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL);
	for (i = 0; i < l->event_count; i++)
		if (l->events[i].data.ptr == io)
			l->events[i].data.ptr = NULL;
	io->loop = NULL;
	io->fd = -1;
}

static void
loop_dispatch(struct loop *l)
{
	struct loop_io *io;
	unsigned what;
	uint32_t got;
	int i;

	for (i = 0; i < l->event_count; i++) {
		io = l->events[i].data.ptr;
		if (!io)
			continue;
		got = l->events[i].events;
		what = 0;
		if (got & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
			what |= LOOP_READ;
		if (got & (EPOLLOUT | EPOLLHUP | EPOLLERR))
			what |= LOOP_WRITE;
		if (got & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
			what |= LOOP_HANGUP;
		if (got & (EPOLLHUP | EPOLLERR))
			what |= LOOP_BROKEN;
		io->ready(io, what);
	}
	l->event_count = 0;
}

/* ---- timers ---- */

static void
timer_link(struct loop *l, struct loop_timer *t, uint64_t slot)
{
	struct loop_timer **head = &l->slots[slot % SLOTS];

	t->next = *head;
	t->prev = head;
	if (t->next)
		t->next->prev = &t->next;
	*head = t;
}

static void
timer_unlink(struct loop_timer *t)
{
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
	t->next = NULL;
	t->prev = NULL;
}

void
loop_timer_start(struct loop *l, struct loop_timer *t, uint64_t delay_ms,
		 void (*fire)(struct loop_timer *))
{
	uint64_t slot;

	loop_timer_cancel(t);
	t->loop = l;
	t->fire = fire;
	t->at_ms = l->now_ms + delay_ms;
	slot = (t->at_ms + SLOT_MS - 1) / SLOT_MS;
	if (slot <= l->slot)
		slot = l->slot + 1;
	timer_link(l, t, slot);
	slot = l->slot + 1 + (slot - l->slot - 1) % SLOTS;
	if (slot < l->nearest || !l->timer_count)
		l->nearest = slot;
	l->timer_count++;
}

void
loop_timer_cancel(struct loop_timer *t)
{
	if (!t->prev)
		return;
	timer_unlink(t);
	t->loop->timer_count--;
}

/*
 * Fires what hangs in one slot and is due.  Handlers may start and cancel
 * any timer: the list is moved to a local head first, and timers leave that
 * head one by one.
 */
static void
loop_fire_slot(struct loop *l, uint64_t slot)
{
	struct loop_timer *due = l->slots[slot % SLOTS];
	struct loop_timer *t;

	if (!due)
		return;
	l->slots[slot % SLOTS] = NULL;
	due->prev = &due;
	while ((t = due)) {
		timer_unlink(t);
		if (t->at_ms > slot * SLOT_MS) {
			timer_link(l, t, slot); /* a later round */
			continue;
		}
		l->timer_count--;
		t->fire(t);
	}
}

static void
loop_fire(struct loop *l)
{
	uint64_t until = l->now_ms / SLOT_MS;

	if (!l->timer_count) {
		l->slot = until;
		return;
	}
	if (until - l->slot > SLOTS) /* asleep for a whole round */
		l->slot = until - SLOTS;
	while (l->slot < until)
		loop_fire_slot(l, ++l->slot);
}

/* Milliseconds until the next slot that holds a timer; -1: none. */
static int
loop_patience(struct loop *l)
{
	int64_t wait;

	if (l->again)
		return 0;
	if (!l->timer_count)
		return -1;
	if (l->nearest <= l->slot)
		l->nearest = l->slot + 1;
	while (!l->slots[l->nearest % SLOTS] && l->nearest < l->slot + SLOTS)
		l->nearest++;
	wait = (int64_t)(l->nearest * SLOT_MS) - (int64_t)l->now_ms;
	return wait < 0 ? 0 : (int)wait;
}

/* ---- once more ---- */

void
loop_again_start(struct loop *l, struct loop_again *a,
		 void (*run)(struct loop_again *))
{
	if (a->prev)
		return;
	a->run = run;
	a->next = l->again;
	a->prev = &l->again;
	if (a->next)
		a->next->prev = &a->next;
	l->again = a;
}

void
loop_again_cancel(struct loop_again *a)
{
	if (!a->prev)
		return;
	*a->prev = a->next;
	if (a->next)
		a->next->prev = a->prev;
	a->next = NULL;
	a->prev = NULL;
}

/* Those that are waiting now; what they start anew waits a turn. */
static void
loop_run_again(struct loop *l)
{
	struct loop_again *now = l->again, *a;

	if (!now)
		return;
	l->again = NULL;
	now->prev = &now;
	while ((a = now)) {
		loop_again_cancel(a);
		a->run(a);
	}
}

/* ---- the mailbox ---- */

void
loop_post(struct loop *l, struct loop_task *task)
{
	task->next = NULL;
	pthread_mutex_lock(&l->mutex);
	*l->tasks_end = task;
	l->tasks_end = &task->next;
	pthread_mutex_unlock(&l->mutex);
	loop_wake(l);
}

static void
loop_run_tasks(struct loop *l)
{
	struct loop_task *task, *next;

	if (!atomic_exchange(&l->awake, false))
		return;
	pthread_mutex_lock(&l->mutex);
	task = l->tasks;
	l->tasks = NULL;
	l->tasks_end = &l->tasks;
	pthread_mutex_unlock(&l->mutex);
	for (; task; task = next) {
		next = task->next;
		task->run(task);
	}
}

/* ---- running ---- */

void
loop_stop(struct loop *l)
{
	atomic_store(&l->stop, true);
	loop_wake(l);
}

void
loop_run(struct loop *l)
{
	int n;

	l->now_ms = clock_mono_ms();
	while (!atomic_load_explicit(&l->stop, memory_order_relaxed)) {
		n = epoll_wait(l->epoll_fd, l->events, EVENTS_A_TURN,
			       loop_patience(l));
		l->now_ms = clock_mono_ms();
		l->event_count = n < 0 ? 0 : n;
		loop_dispatch(l);
		loop_fire(l);
		loop_run_again(l);
		loop_run_tasks(l);
	}
	/* Not at the start: another thread may have been faster. */
	atomic_store(&l->stop, false);
}
