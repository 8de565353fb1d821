/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes to a loop from other threads: tasks in their order, the end,
 * and work that was done elsewhere.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/loop.h"

enum { THREADS = 4, EACH = 500 };

static struct loop *loop;
static pthread_t loop_thread;

static int
world_begin(void **state)
{
	(void)state;
	loop_thread = pthread_self();
	return loop_new(&loop);
}

static int
world_end(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

static bool
on_the_loop(void)
{
	return pthread_equal(pthread_self(), loop_thread);
}

/* ---- tasks ---- */

struct letter {
	struct loop_task task;
	unsigned sender, number;
};

static struct letter letters[THREADS][EACH];
static unsigned received[THREADS], total;
static bool in_order;

static void
letter_run(struct loop_task *task)
{
	struct letter *letter = CONTAINER_OF(task, struct letter, task);

	in_order &= on_the_loop() && letter->number == received[letter->sender];
	received[letter->sender]++;
	if (++total == THREADS * EACH)
		loop_stop(loop);
}

static void *
sender(void *arg)
{
	unsigned me = *(unsigned *)arg, i;

	for (i = 0; i < EACH; i++) {
		letters[me][i].task.run = letter_run;
		letters[me][i].sender = me;
		letters[me][i].number = i;
		loop_post(loop, &letters[me][i].task);
	}
	return NULL;
}

static void
tasks_of_many_threads_all_run_on_the_loop_in_order(void **state)
{
	pthread_t threads[THREADS];
	unsigned names[THREADS], i;

	(void)state;
	in_order = true;
	for (i = 0; i < THREADS; i++) {
		names[i] = i;
		assert_int_equal(
			pthread_create(&threads[i], NULL, sender, &names[i]),
			0);
	}
	loop_run(loop);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_true(in_order);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(received[i], EACH);
}

struct chain {
	struct loop_task task;
	unsigned left;
};

static void
chain_run(struct loop_task *task)
{
	struct chain *c = CONTAINER_OF(task, struct chain, task);

	if (!c->left--)
		loop_stop(loop);
	else
		loop_post(loop, task); /* it is ours again since it runs */
}

static void
a_task_may_post_itself_anew(void **state)
{
	struct chain c = { .task.run = chain_run, .left = 100 };

	(void)state;
	loop_post(loop, &c.task);
	loop_run(loop);
	assert_int_equal(c.left, UINT32_MAX);
}

/* The loop says that it runs; then it has nothing more to do. */
static struct loop_task hello;
static atomic_bool running, asked;

static void
hello_run(struct loop_task *task)
{
	(void)task;
	atomic_store(&running, true);
}

static void *
stopper(void *arg)
{
	(void)arg;
	while (!atomic_load(&running))
		usleep(1000);
	usleep(20000);
	atomic_store(&asked, true);
	loop_stop(loop);
	return NULL;
}

static void
another_thread_ends_an_idle_loop(void **state)
{
	pthread_t thread;

	(void)state;
	hello.run = hello_run;
	assert_int_equal(pthread_create(&thread, NULL, stopper, NULL), 0);
	loop_post(loop, &hello);
	loop_run(loop);
	assert_true(atomic_load(&asked));
	pthread_join(thread, NULL);
}

static void
a_stop_before_the_run_is_not_lost(void **state)
{
	(void)state;
	loop_stop(loop);
	loop_run(loop); /* comes back */
	/* It counted once: this run goes on until a task ends it. */
	total = THREADS * EACH - 1;
	letters[0][0].task.run = letter_run;
	loop_post(loop, &letters[0][0].task);
	loop_run(loop);
	assert_int_equal(total, THREADS * EACH);
}

/* ---- work ---- */

struct job {
	struct loop_work work;
	unsigned number;
	bool worked_elsewhere, done_here;
	atomic_uint *done_count;
	unsigned stop_at;
};

static void
job_work(struct loop_work *w)
{
	struct job *j = CONTAINER_OF(w, struct job, work);

	j->worked_elsewhere = !on_the_loop();
}

static void
job_done(struct loop_work *w)
{
	struct job *j = CONTAINER_OF(w, struct job, work);

	j->done_here = on_the_loop() && j->worked_elsewhere;
	if (atomic_fetch_add(j->done_count, 1) + 1 == j->stop_at)
		loop_stop(loop);
}

static void
work_runs_elsewhere_and_is_done_here(void **state)
{
	static struct job jobs[200];
	atomic_uint done = 0;
	struct loop_pool *pool;
	size_t i;

	(void)state;
	assert_int_equal(loop_pool_new(3, &pool), 0);
	for (i = 0; i < ARRAY_LEN(jobs); i++) {
		jobs[i] = (struct job){ .work = { .work = job_work,
						  .done = job_done,
						  .loop = loop },
					.done_count = &done,
					.stop_at = ARRAY_LEN(jobs) };
		loop_work_start(pool, &jobs[i].work);
	}
	loop_run(loop);
	assert_int_equal(atomic_load(&done), ARRAY_LEN(jobs));
	for (i = 0; i < ARRAY_LEN(jobs); i++)
		assert_true(jobs[i].done_here);
	loop_pool_free(pool);
}

/* One thread: what ran is noted in a list that only this thread writes. */
static unsigned list[64], list_len;

static void
list_work(struct loop_work *w)
{
	list[list_len++] = CONTAINER_OF(w, struct job, work)->number;
}

static void
one_thread_works_in_the_order_of_the_queue(void **state)
{
	struct job jobs[ARRAY_LEN(list)] = { 0 };
	struct loop_pool *pool;
	unsigned i;

	(void)state;
	assert_int_equal(loop_pool_new(1, &pool), 0);
	for (i = 0; i < ARRAY_LEN(jobs); i++) {
		jobs[i].work.work = list_work;
		jobs[i].number = i;
		loop_work_start(pool, &jobs[i].work);
	}
	/* What is queued runs to its end first; nobody is told (no loop). */
	loop_pool_free(pool);
	assert_int_equal(list_len, ARRAY_LEN(list));
	for (i = 0; i < list_len; i++)
		assert_int_equal(list[i], i);
	loop_pool_free(NULL);
}

/* Work without a loop owns itself. */
static void
free_work(struct loop_work *w)
{
	atomic_fetch_add(CONTAINER_OF(w, struct job, work)->done_count, 1);
	free(CONTAINER_OF(w, struct job, work));
}

static void
work_without_a_loop_may_free_itself(void **state)
{
	atomic_uint done = 0;
	struct loop_pool *pool;
	struct job *j;
	int i;

	(void)state;
	assert_int_equal(loop_pool_new(2, &pool), 0);
	for (i = 0; i < 100; i++) {
		j = calloc(1, sizeof(*j));
		assert_non_null(j);
		j->work.work = free_work;
		j->done_count = &done;
		loop_work_start(pool, &j->work);
	}
	loop_pool_wait(pool);
	assert_int_equal(atomic_load(&done), 100);
	loop_pool_free(pool);
}

static atomic_bool under_way;

static void
slow_work(struct loop_work *w)
{
	atomic_store(&under_way, true);
	usleep(50000);
	atomic_fetch_add(CONTAINER_OF(w, struct job, work)->done_count, 1);
}

static void
waiting_tells_whether_there_was_work(void **state)
{
	atomic_uint done = 0;
	struct job jobs[4] = { 0 };
	struct loop_pool *pool;
	size_t i;

	(void)state;
	assert_int_equal(loop_pool_new(2, &pool), 0);
	assert_false(loop_pool_wait(pool));
	for (i = 0; i < ARRAY_LEN(jobs); i++) {
		jobs[i].work.work = slow_work;
		jobs[i].done_count = &done;
		loop_work_start(pool, &jobs[i].work);
	}
	assert_true(loop_pool_wait(pool));
	assert_int_equal(atomic_load(&done), ARRAY_LEN(jobs));
	assert_false(loop_pool_wait(pool));
	/* Nothing is queued any more, but one is at work. */
	atomic_store(&under_way, false);
	loop_work_start(pool, &jobs[0].work);
	while (!atomic_load(&under_way))
		usleep(1000);
	assert_true(loop_pool_wait(pool));
	assert_int_equal(atomic_load(&done), ARRAY_LEN(jobs) + 1);
	loop_pool_free(pool);
}

static atomic_bool held, over;

static void
held_work(struct loop_work *w)
{
	(void)w;
	atomic_store(&under_way, true);
	while (atomic_load(&held))
		usleep(1000);
	atomic_store(&over, true);
}

static void
never_done(struct loop_work *w)
{
	(void)w;
	fail_msg("somebody was told");
}

static void
an_abandoned_pool_tells_nobody_and_begins_nothing(void **state)
{
	/* what is worked on stays, as at the end of a process */
	static struct job first, queued;
	static atomic_uint done;
	struct loop_pool *pool;
	struct loop *gone;

	(void)state;
	assert_int_equal(loop_new(&gone), 0);
	assert_int_equal(loop_pool_new(1, &pool), 0);
	first.work.work = held_work;
	queued.work.work = slow_work;
	queued.done_count = &done;
	first.work.done = queued.work.done = never_done;
	first.work.loop = queued.work.loop = gone;
	atomic_store(&under_way, false);
	atomic_store(&held, true);
	loop_work_start(pool, &first.work);
	loop_work_start(pool, &queued.work);
	while (!atomic_load(&under_way))
		usleep(1000);
	loop_pool_abandon(pool); /* does not wait */
	assert_false(atomic_load(&over));
	loop_free(gone);
	atomic_store(&held, false);
	while (!atomic_load(&over))
		usleep(1000);
	usleep(100000);
	assert_int_equal(atomic_load(&done), 0);
	loop_pool_abandon(NULL);
}

/* Two pieces that each wait until the other one runs. */
static atomic_uint met;

static void
meet_work(struct loop_work *w)
{
	int i;

	(void)w;
	atomic_fetch_add(&met, 1);
	for (i = 0; i < 5000 && atomic_load(&met) < 2; i++)
		usleep(1000);
	if (atomic_load(&met) == 2)
		CONTAINER_OF(w, struct job, work)->number = 1;
}

static void
threads_work_side_by_side(void **state)
{
	struct job a = { .work.work = meet_work }, b = a;
	struct loop_pool *pool;

	(void)state;
	assert_int_equal(loop_pool_new(2, &pool), 0);
	loop_work_start(pool, &a.work);
	loop_work_start(pool, &b.work);
	loop_pool_free(pool);
	assert_int_equal(a.number + b.number, 2);
}

static void
signals_work(struct loop_work *w)
{
	sigset_t blocked;

	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	CONTAINER_OF(w, struct job, work)->number =
		sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGHUP);
}

static void
work_threads_leave_signals_to_others(void **state)
{
	struct job j = { .work.work = signals_work };
	struct loop_pool *pool;
	sigset_t here;

	(void)state;
	assert_int_equal(loop_pool_new(1, &pool), 0);
	loop_work_start(pool, &j.work);
	loop_pool_free(pool);
	assert_int_equal(j.number, 1);
	pthread_sigmask(SIG_SETMASK, NULL, &here);
	assert_false(sigismember(&here, SIGTERM));
}

#define LOOP(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP(tasks_of_many_threads_all_run_on_the_loop_in_order),
		LOOP(a_task_may_post_itself_anew),
		LOOP(another_thread_ends_an_idle_loop),
		LOOP(a_stop_before_the_run_is_not_lost),
		LOOP(work_runs_elsewhere_and_is_done_here),
		LOOP(one_thread_works_in_the_order_of_the_queue),
		LOOP(work_without_a_loop_may_free_itself),
		LOOP(waiting_tells_whether_there_was_work),
		LOOP(an_abandoned_pool_tells_nobody_and_begins_nothing),
		LOOP(threads_work_side_by_side),
		LOOP(work_threads_leave_signals_to_others),
	};

	return cmocka_run_group_tests_name("loop pool", tests, NULL, NULL);
}
