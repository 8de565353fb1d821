/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Circles: what each of several loops keeps for itself is withdrawn from all
 * of them.
 *
 * A round stands in the circle's list, on the stack of who waits for it, so
 * that nothing has to be allocated.  Every peer is told once, however many
 * rounds there are: on its own loop it forgets what they name, and notes up
 * to which of them it knows.  Who waits goes on when all peers know of his.
 *
 * Runs on the loops of the peers, and on work threads that have changed
 * something.
 */
#include "loop/loop.h"

struct loop_round {
	const char *what;
	uint64_t number;
	struct loop_round *next;
};

void
loop_circle_init(struct loop_circle *c)
{
	pthread_mutex_init(&c->mutex, NULL);
	pthread_cond_init(&c->told, NULL);
	atomic_init(&c->epoch, 0);
	c->first = NULL;
	c->rounds = NULL;
	c->begun = 0;
}

void
loop_circle_release(struct loop_circle *c)
{
	ASSERT(!c->first && !c->rounds);
	pthread_cond_destroy(&c->told);
	pthread_mutex_destroy(&c->mutex);
}

void
loop_circle_join(struct loop_circle *c, struct loop_peer *p, struct loop *l,
		 void (*forget)(struct loop_peer *p, const char *what))
{
	p->circle = c;
	p->loop = l;
	p->forget = forget;
	p->posted = false;
	pthread_mutex_lock(&c->mutex);
	p->knows = c->begun; /* it has nothing to forget yet */
	p->next = c->first;
	c->first = p;
	pthread_mutex_unlock(&c->mutex);
}

void
loop_circle_leave(struct loop_peer *p)
{
	struct loop_circle *c = p->circle;
	struct loop_peer **at;

	pthread_mutex_lock(&c->mutex);
	for (at = &c->first; *at != p; at = &(*at)->next)
		ASSERT(*at);
	*at = p->next;
	/* Whoever waits for this peer need not any more. */
	pthread_cond_broadcast(&c->told);
	pthread_mutex_unlock(&c->mutex);
}

uint64_t
loop_circle_epoch(struct loop_circle *c)
{
	return atomic_load(&c->epoch);
}

void
loop_circle_advance(struct loop_circle *c)
{
	atomic_fetch_add(&c->epoch, 1);
}

/* On the peer's loop. */
static void
peer_told(struct loop_task *task)
{
	struct loop_peer *p = CONTAINER_OF(task, struct loop_peer, task);
	struct loop_circle *c = p->circle;
	struct loop_round *r;

	pthread_mutex_lock(&c->mutex);
	p->posted = false;
	for (r = c->rounds; r; r = r->next)
		if (r->number > p->knows)
			p->forget(p, r->what);
	p->knows = c->begun;
	pthread_cond_broadcast(&c->told);
	pthread_mutex_unlock(&c->mutex);
}

/* Under the mutex. */
static void
peers_post(struct loop_circle *c)
{
	struct loop_peer *p;

	for (p = c->first; p; p = p->next) {
		if (p->posted)
			continue;
		p->posted = true;
		p->task.run = peer_told;
		loop_post(p->loop, &p->task);
	}
}

/* Under the mutex. */
static bool
all_know(const struct loop_circle *c, uint64_t number)
{
	const struct loop_peer *p;

	for (p = c->first; p; p = p->next)
		if (p->knows < number)
			return false;
	return true;
}

void
loop_circle_tell(struct loop_circle *c, const char *what)
{
	struct loop_round mine = { .what = what }, **at;

	pthread_mutex_lock(&c->mutex);
	loop_circle_advance(c);
	mine.number = ++c->begun;
	mine.next = c->rounds;
	/* It is out of the list before this returns. */
	/* cppcheck-suppress autoVariables */
	c->rounds = &mine;
	peers_post(c);
	while (!all_know(c, mine.number))
		pthread_cond_wait(&c->told, &c->mutex);
	for (at = &c->rounds; *at != &mine; at = &(*at)->next)
		;
	*at = mine.next;
	pthread_mutex_unlock(&c->mutex);
}
