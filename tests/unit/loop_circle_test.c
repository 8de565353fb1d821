/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What several loops keep: a change is answered only when none of them has
 * the old thing any more.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/loop.h"

enum { PEERS = 3, TELLERS = 4, ROUNDS = 200 };

/* A loop in a thread of its own that keeps one number a teller. */
struct keeper {
	struct loop_peer peer;
	struct loop *loop;
	pthread_t thread;
	_Atomic unsigned kept[TELLERS];
	_Atomic unsigned forgot_all;
	bool on_its_loop; /* each time */
};

static struct loop_circle circle;
static struct keeper keepers[PEERS];

static void
forget(struct loop_peer *p, const char *what)
{
	struct keeper *k = CONTAINER_OF(p, struct keeper, peer);

	k->on_its_loop &= pthread_equal(pthread_self(), k->thread) != 0;
	if (what)
		atomic_store(&k->kept[what[0] - '0'], 0);
	else
		atomic_fetch_add(&k->forgot_all, 1);
}

static void *
keeper_run(void *arg)
{
	struct keeper *k = arg;

	loop_run(k->loop);
	return NULL;
}

static void
keeper_start(struct keeper *k)
{
	*k = (struct keeper){ .on_its_loop = true };
	assert_int_equal(loop_new(&k->loop), 0);
	assert_int_equal(pthread_create(&k->thread, NULL, keeper_run, k), 0);
	loop_circle_join(&circle, &k->peer, k->loop, forget);
}

static void
keeper_stop(struct keeper *k)
{
	loop_stop(k->loop);
	pthread_join(k->thread, NULL);
}

static void
keeper_leave(struct keeper *k)
{
	loop_circle_leave(&k->peer);
	loop_free(k->loop);
}

static int
world_begin(void **state)
{
	size_t i;

	(void)state;
	loop_circle_init(&circle);
	for (i = 0; i < PEERS; i++)
		keeper_start(&keepers[i]);
	return 0;
}

static int
world_end(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < PEERS; i++) {
		keeper_stop(&keepers[i]);
		keeper_leave(&keepers[i]);
	}
	loop_circle_release(&circle);
	return 0;
}

static void
every_loop_has_forgotten_when_it_is_told(void **state)
{
	uint64_t epoch = loop_circle_epoch(&circle);
	size_t i;

	(void)state;
	for (i = 0; i < PEERS; i++)
		keepers[i].kept[0] = keepers[i].kept[1] = 7;
	loop_circle_tell(&circle, "0");
	for (i = 0; i < PEERS; i++) {
		assert_int_equal(keepers[i].kept[0], 0);
		assert_int_equal(keepers[i].kept[1], 7);
		assert_int_equal(keepers[i].forgot_all, 0);
	}
	loop_circle_tell(&circle, NULL);
	for (i = 0; i < PEERS; i++)
		assert_int_equal(keepers[i].forgot_all, 1);
	assert_int_equal(loop_circle_epoch(&circle), epoch + 2);
}

static void
advancing_tells_nobody_and_ages_what_is_being_loaded(void **state)
{
	uint64_t epoch = loop_circle_epoch(&circle);

	(void)state;
	keepers[0].kept[0] = 7;
	loop_circle_advance(&circle);
	assert_int_equal(loop_circle_epoch(&circle), epoch + 1);
	assert_int_equal(keepers[0].kept[0], 7);
}

/* Changes a thing again and again, as several who change different ones. */
static void *
teller_run(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg, i, k;
	char what[2] = { (char)('0' + me), 0 };
	uintptr_t missed = 0;

	for (i = 0; i < ROUNDS; i++) {
		for (k = 0; k < PEERS; k++)
			atomic_store(&keepers[k].kept[me], i + 1);
		loop_circle_tell(&circle, what);
		for (k = 0; k < PEERS; k++)
			missed += atomic_load(&keepers[k].kept[me]) != 0;
	}
	return (void *)missed;
}

static void
tellers_do_not_lose_each_others_rounds(void **state)
{
	pthread_t threads[TELLERS];
	void *missed;
	size_t i;

	(void)state;
	for (i = 0; i < TELLERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, teller_run,
						(void *)(uintptr_t)i),
				 0);
	for (i = 0; i < TELLERS; i++) {
		pthread_join(threads[i], &missed);
		assert_null(missed);
	}
	for (i = 0; i < PEERS; i++)
		assert_true(keepers[i].on_its_loop);
}

static _Atomic bool told;

static void *
tell_all(void *arg)
{
	(void)arg;
	loop_circle_tell(&circle, NULL);
	atomic_store(&told, true);
	return NULL;
}

/* Of a loop that does not run nothing is known: who tells waits for it, until
 * it leaves. */
static void
a_silent_loop_is_waited_for_until_it_leaves(void **state)
{
	struct keeper *silent = &keepers[PEERS - 1];
	pthread_t teller;

	(void)state;
	keeper_stop(silent);
	atomic_store(&told, false);
	assert_int_equal(pthread_create(&teller, NULL, tell_all, NULL), 0);
	usleep(50 * 1000);
	assert_false(atomic_load(&told));
	keeper_leave(silent);
	pthread_join(teller, NULL);
	assert_true(atomic_load(&told));
	keeper_start(silent);
	loop_circle_tell(&circle, NULL);
	assert_int_equal(silent->forgot_all, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_loop_has_forgotten_when_it_is_told),
		cmocka_unit_test(
			advancing_tells_nobody_and_ages_what_is_being_loaded),
		cmocka_unit_test(tellers_do_not_lose_each_others_rounds),
		cmocka_unit_test(a_silent_loop_is_waited_for_until_it_leaves),
	};

	return cmocka_run_group_tests(tests, world_begin, world_end);
}
