/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of loop/: one event loop per thread, timers, work threads.
 *
 * The call path runs on edge-triggered epoll: an fd is registered once with
 * loop_io_start() and never changed again; after each wake-up its owner
 * reads and writes until ERR_AGAIN.  Nothing on this path allocates, locks
 * or makes a system call beyond epoll_wait.
 *
 * All functions are for the loop's own thread, except loop_post(),
 * loop_stop() and loop_work_start(), which any thread may call, and those of
 * circles, which say whom they are for.
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/base.h"

struct loop;

int loop_new(struct loop **out);
/* All handles must be cancelled before. */
void loop_free(struct loop *l);
/* Runs until loop_stop(); one that came before counts too, once. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* Monotonic milliseconds at the start of this turn: cheap. */
uint64_t loop_now_ms(const struct loop *l);

/* ---- file descriptors ---- */

/* LOOP_HANGUP: the peer will send no more; what it has sent waits still.
 * LOOP_BROKEN: nor can anything be sent to it (it reset the connection). */
enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_HANGUP = 4, LOOP_BROKEN = 8 };

/* Embedded in its owner; zero it before the first start. */
struct loop_io {
	void (*ready)(struct loop_io *io, unsigned events);
	struct loop *loop;
	int fd; /* -1 when not started */
};

/*
 * Registers fd (non-blocking) for reading and writing, edge-triggered.
 * ready() is called with what has become possible.  After loop_io_cancel()
 * (which does not close the fd) ready() is not called again, even for
 * events already fetched in this turn; the owner may be freed at once.
 */
int loop_io_start(struct loop *l, struct loop_io *io, int fd,
		  void (*ready)(struct loop_io *, unsigned));
/* The same for a listening socket that several loops share: level-triggered,
 * and one loop is woken for a connection, not all. */
int loop_io_start_listener(struct loop *l, struct loop_io *io, int fd,
			   void (*ready)(struct loop_io *, unsigned));
void loop_io_cancel(struct loop_io *io);

/* ---- timers ---- */

/* Embedded in its owner; zeroed before first use.  Starting and cancelling
 * are O(1) amortised and allocate nothing (a wheel of 16 ms slots: a timer
 * fires up to 16 ms late, never early). */
struct loop_timer {
	void (*fire)(struct loop_timer *t);
	struct loop_timer *next;
	struct loop_timer **prev; /* NULL when not started */
	struct loop *loop;
	uint64_t at_ms;
};

/* (Re)starts: fires once after delay_ms. */
void loop_timer_start(struct loop *l, struct loop_timer *t, uint64_t delay_ms,
		      void (*fire)(struct loop_timer *));
void loop_timer_cancel(struct loop_timer *t);

/* ---- once more, soon ---- */

/* For long work in pieces: runs after the other handles had their turn.
 * Embedded in its owner; zeroed before first use. */
struct loop_again {
	void (*run)(struct loop_again *a);
	struct loop_again *next;
	struct loop_again **prev; /* NULL when not started */
};

void loop_again_start(struct loop *l, struct loop_again *a,
		      void (*run)(struct loop_again *));
void loop_again_cancel(struct loop_again *a);

/* ---- from other threads ---- */

/* Owned by the caller until run() is called on the loop's thread. */
struct loop_task {
	void (*run)(struct loop_task *task);
	struct loop_task *next;
};

void loop_post(struct loop *l, struct loop_task *task);

/* ---- what several loops keep ---- */

/*
 * A circle of loops, of which each keeps some of the same things in tables of
 * its own, so that reading takes no lock.  Who has changed a thing tells the
 * circle (loop_circle_tell) before he answers the change; then no loop has
 * the old one any more.
 *
 * The epoch keeps out what was read before a change and comes in after it:
 * who loads a thing reads the epoch first, and keeps the thing, on the loop,
 * only if the epoch is the same still; else it is loaded again.
 *
 * Both structs are embedded in their owners.
 */
struct loop_circle {
	pthread_mutex_t mutex; /* of all but the epoch */
	pthread_cond_t told;
	_Atomic uint64_t epoch;
	struct loop_peer *first;
	struct loop_round *rounds; /* somebody waits for */
	uint64_t begun;		   /* rounds so far */
};

struct loop_peer {
	struct loop_circle *circle;
	struct loop *loop;
	void (*forget)(struct loop_peer *p, const char *what);
	/* private, under the circle's mutex */
	struct loop_peer *next;
	uint64_t knows; /* of rounds, up to this one */
	bool posted;
	struct loop_task task;
};

void loop_circle_init(struct loop_circle *c);
/* All peers must have left. */
void loop_circle_release(struct loop_circle *c);
/* Any thread.  forget() will be called on l's thread, with the circle locked:
 * it may not wait, nor tell any circle.  what: as it was told; NULL: all. */
void loop_circle_join(struct loop_circle *c, struct loop_peer *p,
		      struct loop *l,
		      void (*forget)(struct loop_peer *p, const char *what));
/* Once l takes no posts any more. */
void loop_circle_leave(struct loop_peer *p);
/* Any thread. */
uint64_t loop_circle_epoch(struct loop_circle *c);
/* Any thread: counts the epoch up and tells nobody yet, for who has something
 * besides that the peers share, and withdraws that first. */
void loop_circle_advance(struct loop_circle *c);
/* Any thread but a peer's: counts the epoch up, and returns when every peer
 * has forgotten.  what: borrowed until then; NULL: all. */
void loop_circle_tell(struct loop_circle *c, const char *what);

/* ---- work threads ---- */

struct loop_pool;

/* Threads for what may block: databases, name look-up, password hashes. */
int loop_pool_new(unsigned threads, struct loop_pool **out);
/* Waits until no work is queued or under way; whether there was any.  From
 * another thread than a loop's that done() is called on. */
bool loop_pool_wait(struct loop_pool *p);
/* Waits for work under way; queued work is run to its end. */
void loop_pool_free(struct loop_pool *p);
/* Waits for nothing, for a process that ends: queued work is not begun, and
 * that under way ends in its own time; done() of neither is called any more.
 * Their loops may be freed then, what they work on may not. */
void loop_pool_abandon(struct loop_pool *p);

struct loop_work {
	void (*work)(struct loop_work *w); /* on a pool thread */
	void (*done)(struct loop_work *w); /* then on the loop */
	struct loop *loop;		   /* NULL: no done() */
	struct loop_task task;
	struct loop_work *next;
};

/* Queues; set work, done and loop first.  Cannot be called off: an owner
 * that has lost interest marks itself and frees in done(). */
void loop_work_start(struct loop_pool *p, struct loop_work *w);
/* The same, unless so much is queued already: then false. */
bool loop_work_offer(struct loop_pool *p, struct loop_work *w, size_t max);

#endif
