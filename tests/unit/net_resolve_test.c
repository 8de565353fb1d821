/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Name look-up while a name server is silent: a getaddrinfo(3) of our own in
 * the system's place, which can be held.
 */
#include <netdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/net.h"

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool held;
	unsigned asked; /* look-ups that were begun */
} names = { .mutex = PTHREAD_MUTEX_INITIALIZER,
	    .changed = PTHREAD_COND_INITIALIZER };

static struct loop *loop;
static struct loop_pool *pool;
static unsigned found, wanted;

int
getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
	    struct addrinfo **out)
{
	static const struct sockaddr_in here = { .sin_family = AF_INET };
	struct addrinfo *a = calloc(1, sizeof(*a));
	struct sockaddr_in *copy = malloc(sizeof(*copy));

	(void)host, (void)service, (void)hints;
	pthread_mutex_lock(&names.mutex);
	names.asked++;
	pthread_cond_broadcast(&names.changed);
	while (names.held)
		pthread_cond_wait(&names.changed, &names.mutex);
	pthread_mutex_unlock(&names.mutex);
	*copy = here;
	a->ai_family = AF_INET;
	a->ai_addr = (struct sockaddr *)copy;
	a->ai_addrlen = sizeof(*copy);
	*out = a;
	return 0;
}

void
freeaddrinfo(struct addrinfo *a)
{
	free(a->ai_addr);
	free(a);
}

static void
names_hold(bool held)
{
	pthread_mutex_lock(&names.mutex);
	names.held = held;
	pthread_cond_broadcast(&names.changed);
	pthread_mutex_unlock(&names.mutex);
}

static unsigned
names_asked(unsigned at_least)
{
	unsigned asked;

	pthread_mutex_lock(&names.mutex);
	while (names.asked < at_least)
		pthread_cond_wait(&names.changed, &names.mutex);
	asked = names.asked;
	pthread_mutex_unlock(&names.mutex);
	return asked;
}

static void
resolved(struct net_resolve *r, int err)
{
	assert_int_equal(err, 0);
	assert_int_equal(r->count, 1);
	if (++found == wanted)
		loop_stop(loop);
}

static int
look_up(struct net_resolve *r)
{
	return net_resolve_start(r, loop, pool, "x.example", 443, resolved);
}

/* One thread, which waits for a name server by now. */
static int
world_begin(void **state)
{
	static struct net_resolve first;

	(void)state;
	names.asked = found = 0;
	names_hold(true);
	if (loop_new(&loop) || loop_pool_new(1, &pool) || look_up(&first))
		return -1;
	names_asked(1);
	return 0;
}

static int
world_end(void **state)
{
	(void)state;
	names_hold(false);
	loop_pool_free(pool);
	loop_free(loop);
	return 0;
}

static void
what_was_called_off_before_its_turn_is_not_looked_up(void **state)
{
	struct net_resolve off[20], last;
	unsigned i;

	(void)state;
	for (i = 0; i < 20; i++)
		assert_int_equal(look_up(&off[i]), 0);
	assert_int_equal(look_up(&last), 0);
	for (i = 0; i < 20; i++)
		net_resolve_cancel(&off[i]);
	names_hold(false);
	wanted = 2;
	loop_run(loop);
	assert_int_equal(found, 2);
	assert_int_equal(names_asked(0), 2);
}

static void
so_many_may_wait_and_no_more(void **state)
{
	struct net_resolve *all = calloc(NET_RESOLVE_WAITING_MAX, sizeof(*all));
	struct net_resolve more;
	unsigned i;

	(void)state;
	assert_non_null(all);
	for (i = 0; i < NET_RESOLVE_WAITING_MAX; i++)
		assert_int_equal(look_up(&all[i]), 0);
	assert_int_equal(look_up(&more), ERR_BUSY);
	net_resolve_cancel(&more); /* is nothing, and harmless */
	names_hold(false);
	wanted = NET_RESOLVE_WAITING_MAX + 1;
	loop_run(loop);
	assert_int_equal(found, wanted);
	wanted++;
	assert_int_equal(look_up(&more), 0);
	loop_run(loop);
	assert_int_equal(found, wanted);
	free(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_was_called_off_before_its_turn_is_not_looked_up,
			world_begin, world_end),
		cmocka_unit_test_setup_teardown(so_many_may_wait_and_no_more,
						world_begin, world_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
