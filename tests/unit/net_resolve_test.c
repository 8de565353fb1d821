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
#include <stdio.h>
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
static struct net_resolver resolver;
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
look_up(struct net_resolve *r, const char *host)
{
	return net_resolve_start(r, &resolver, host, 443, resolved);
}

static struct net_resolve first;

/* One thread, which waits for a name server by now. */
static int
world_begin(void **state)
{
	(void)state;
	names.asked = found = 0;
	names_hold(true);
	if (loop_new(&loop) || loop_pool_new(1, &pool))
		return -1;
	net_resolver_begin(&resolver, loop, pool);
	if (look_up(&first, "first.example"))
		return -1;
	names_asked(1);
	return 0;
}

static int
world_end(void **state)
{
	(void)state;
	names_hold(false);
	net_resolver_end(&resolver);
	loop_pool_free(pool);
	loop_free(loop);
	return 0;
}

/* Lets the names be found, until so many are. */
static void
find(unsigned count)
{
	names_hold(false);
	wanted = count;
	loop_run(loop);
	assert_int_equal(found, count);
}

static void
what_was_called_off_before_its_turn_is_not_looked_up(void **state)
{
	struct net_resolve off[20], last;
	char name[32];
	unsigned i;

	(void)state;
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		assert_int_equal(look_up(&off[i], name), 0);
	}
	assert_int_equal(look_up(&last, "last.example"), 0);
	for (i = 0; i < 20; i++)
		net_resolve_cancel(&off[i]);
	find(2);
	assert_int_equal(names_asked(0), 2);
}

static void
a_name_is_looked_up_once_for_all_who_wait(void **state)
{
	struct net_resolve all[50], other;
	unsigned i;

	(void)state;
	for (i = 0; i < 50; i++)
		assert_int_equal(look_up(&all[i], "x.example"), 0);
	assert_int_equal(net_resolve_start(&other, &resolver, "x.example", 8443,
					   resolved),
			 0);
	net_resolve_cancel(&all[0]);
	net_resolve_cancel(&all[20]);
	net_resolve_cancel(&all[49]);
	find(1 + 48);
	assert_int_equal(names_asked(0), 2);
	assert_int_equal(ntohs(all[1].addrs[0].u.in.sin_port), 443);
	assert_int_equal(ntohs(other.addrs[0].u.in.sin_port), 8443);
}

/* Its time runs out, again and again: the thread that waits is enough. */
static void
who_asks_again_waits_for_what_is_under_way(void **state)
{
	struct net_resolve again;
	unsigned i;

	(void)state;
	net_resolve_cancel(&first);
	for (i = 0; i < 20; i++) {
		assert_int_equal(look_up(&again, "first.example"), 0);
		net_resolve_cancel(&again);
	}
	assert_int_equal(look_up(&again, "first.example"), 0);
	find(1);
	assert_int_equal(names_asked(0), 1);
	assert_int_equal(look_up(&again, "first.example"), 0);
	find(2);
	assert_int_equal(names_asked(0), 2);
}

static struct net_resolve late;

/* As the answer of the first comes: the second was passed over by then, and
 * its answer is under way to the loop. */
static void
first_found(struct net_resolve *r, int err)
{
	(void)r;
	assert_int_equal(err, 0);
	loop_pool_wait(pool);
	assert_int_equal(names_asked(0), 1);
	assert_int_equal(look_up(&late, "late.example"), 0);
}

static void
who_asks_just_after_it_was_passed_over_is_answered(void **state)
{
	(void)state;
	first.done = first_found;
	assert_int_equal(look_up(&late, "late.example"), 0);
	net_resolve_cancel(&late);
	find(1);
	assert_int_equal(names_asked(0), 2);
}

static struct net_resolve *many; /* fill the queue */
static bool told_busy;

static void
late_is_busy(struct net_resolve *r, int err)
{
	assert_ptr_equal(r, &late);
	assert_int_equal(err, ERR_BUSY);
	assert_int_equal(r->count, 0);
	told_busy = true;
	names_hold(false);
}

static void
first_found_and_full(struct net_resolve *r, int err)
{
	char name[32];
	unsigned i;

	(void)r;
	assert_int_equal(err, 0);
	loop_pool_wait(pool);
	names_hold(true);
	assert_int_equal(look_up(&many[0], "held.example"), 0);
	names_asked(2);
	for (i = 1; i <= NET_RESOLVE_WAITING_MAX; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		assert_int_equal(look_up(&many[i], name), 0);
	}
	assert_int_equal(look_up(&late, "late.example"), 0);
	late.done = late_is_busy;
}

static void
who_finds_no_room_when_it_is_begun_anew_is_told(void **state)
{
	(void)state;
	many = calloc(NET_RESOLVE_WAITING_MAX + 1, sizeof(*many));
	assert_non_null(many);
	told_busy = false;
	first.done = first_found_and_full;
	assert_int_equal(look_up(&late, "late.example"), 0);
	net_resolve_cancel(&late);
	find(NET_RESOLVE_WAITING_MAX + 1);
	assert_true(told_busy);
	free(many);
}

static struct net_resolve three[3];

static void
one_found(struct net_resolve *r, int err)
{
	assert_int_equal(err, 0);
	assert_ptr_equal(r, &three[0]);
	net_resolve_cancel(&three[1]);
	assert_int_equal(look_up(r, "x.example"), 0);
}

static void
who_is_told_may_call_others_off_and_ask_anew(void **state)
{
	unsigned i;

	(void)state;
	net_resolve_cancel(&first);
	for (i = 0; i < 3; i++)
		assert_int_equal(look_up(&three[i], "x.example"), 0);
	three[0].done = one_found;
	find(2);
	assert_int_equal(names_asked(0), 3);
	assert_int_equal(three[1].count, 0);
}

static void
so_many_may_wait_and_no_more(void **state)
{
	struct net_resolve *all = calloc(NET_RESOLVE_WAITING_MAX, sizeof(*all));
	struct net_resolve more;
	char name[32];
	unsigned i;

	(void)state;
	assert_non_null(all);
	for (i = 0; i < NET_RESOLVE_WAITING_MAX; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		assert_int_equal(look_up(&all[i], name), 0);
	}
	assert_int_equal(look_up(&more, "more.example"), ERR_BUSY);
	net_resolve_cancel(&more); /* is nothing, and harmless */
	find(NET_RESOLVE_WAITING_MAX + 1);
	assert_int_equal(look_up(&more, "more.example"), 0);
	find(NET_RESOLVE_WAITING_MAX + 2);
	free(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_was_called_off_before_its_turn_is_not_looked_up,
			world_begin, world_end),
		cmocka_unit_test_setup_teardown(
			a_name_is_looked_up_once_for_all_who_wait, world_begin,
			world_end),
		cmocka_unit_test_setup_teardown(
			who_asks_again_waits_for_what_is_under_way, world_begin,
			world_end),
		cmocka_unit_test_setup_teardown(
			who_asks_just_after_it_was_passed_over_is_answered,
			world_begin, world_end),
		cmocka_unit_test_setup_teardown(
			who_finds_no_room_when_it_is_begun_anew_is_told,
			world_begin, world_end),
		cmocka_unit_test_setup_teardown(
			who_is_told_may_call_others_off_and_ask_anew,
			world_begin, world_end),
		cmocka_unit_test_setup_teardown(so_many_may_wait_and_no_more,
						world_begin, world_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
