/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a commit promises: it is on disk when the commit has returned, and who
 * commits together waits for the disk together; when the disk fails, each of
 * them is told, and a later success does not count for what it has lost.
 *
 * fdatasync() is the test's own: it can wait, count, and fail, as often as
 * wanted.  SQLite's calls come here too.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "../support/store_world.h"

enum { WRITERS = 8, EACH = 400, PAUSE_MS = 50 };

/* ---- the disk ---- */

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool held;	       /* syncs wait */
	unsigned begun, ended; /* of the log */
	bool fails;
	unsigned fail_next; /* so many, then no more */
} disk = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0, 0 };

static bool
is_log(int fd)
{
	char link[40], path[200];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	return n > 4 && !memcmp(path + n - 4, "-wal", 4);
}

int
fdatasync(int fd)
{
	bool fails;

	if (!is_log(fd))
		return (int)syscall(SYS_fdatasync, fd);
	pthread_mutex_lock(&disk.mutex);
	disk.begun++;
	pthread_cond_broadcast(&disk.changed);
	while (disk.held)
		pthread_cond_wait(&disk.changed, &disk.mutex);
	disk.ended++;
	fails = disk.fails || disk.fail_next;
	if (disk.fail_next)
		disk.fail_next--;
	pthread_mutex_unlock(&disk.mutex);
	if (!fails)
		return (int)syscall(SYS_fdatasync, fd);
	errno = EIO;
	return -1;
}

static void
disk_set(bool held, bool fails)
{
	pthread_mutex_lock(&disk.mutex);
	disk.held = held;
	disk.fails = fails;
	pthread_cond_broadcast(&disk.changed);
	pthread_mutex_unlock(&disk.mutex);
}

static void
disk_fail_next(unsigned n)
{
	pthread_mutex_lock(&disk.mutex);
	disk.fail_next = n;
	pthread_mutex_unlock(&disk.mutex);
}

static unsigned
disk_begun(void)
{
	unsigned n;

	pthread_mutex_lock(&disk.mutex);
	n = disk.begun;
	pthread_mutex_unlock(&disk.mutex);
	return n;
}

static void
disk_wait_begun(unsigned n)
{
	pthread_mutex_lock(&disk.mutex);
	while (disk.begun < n)
		pthread_cond_wait(&disk.changed, &disk.mutex);
	pthread_mutex_unlock(&disk.mutex);
}

/* ---- writers ---- */

struct writer {
	pthread_t thread;
	unsigned times;
	_Atomic bool ended;
	unsigned good, failed; /* commits */
};

static struct writer writers[WRITERS];

static void *
writer_run(void *arg)
{
	struct writer *w = arg;
	struct store_conn *c;
	unsigned i;
	int rc;

	if (store_acquire(db, &c))
		return NULL;
	for (i = 0; i < w->times; i++) {
		rc = store_exec(c, NULL, "INSERT INTO things VALUES (1)", "");
		w->good += rc == 0;
		w->failed += rc == ERR_STORE;
	}
	store_release(c);
	atomic_store(&w->ended, true);
	return NULL;
}

static void
writer_start(size_t i, unsigned times)
{
	struct writer *w = &writers[i];

	memset(w, 0, sizeof(*w));
	w->times = times;
	assert_int_equal(pthread_create(&w->thread, NULL, writer_run, w), 0);
}

static void
writer_join(size_t i, unsigned good, unsigned failed)
{
	pthread_join(writers[i].thread, NULL);
	assert_int_equal(writers[i].good, good);
	assert_int_equal(writers[i].failed, failed);
}

static int
insert(int64_t n)
{
	return store_exec(conn, NULL, "INSERT INTO things VALUES (?1)", "i", n);
}

/* How many rows there are when nothing of the log is. */
static int64_t
rows_without_log(void)
{
	struct store_conn *mine = conn;
	struct store *all = db;
	char url[200], command[400];
	int64_t n;

	snprintf(command, sizeof(command), "cp '%s' '%s'", temp_path("main.db"),
		 temp_path("alone.db"));
	assert_int_equal(system(command), 0);
	snprintf(url, sizeof(url), "sqlite:%s", temp_path("alone.db"));
	assert_int_equal(store_open(url, "main", &db, NULL, 0), 0);
	assert_int_equal(store_acquire(db, &conn), 0);
	n = number_of("SELECT count(*) FROM things");
	store_release(conn);
	store_close(db);
	db = all;
	conn = mine;
	return n;
}

/* Until so many rows can be seen: committed, if not on disk. */
static void
rows_wait(int64_t n)
{
	while (number_of("SELECT count(*) FROM things") < n)
		usleep(1000);
}

static int
begin(void **state)
{
	disk_set(false, false);
	if (store_world_begin(state))
		return -1;
	return store_exec(conn, NULL, "CREATE TABLE things (n BIGINT)", "");
}

/* ---- tests ---- */

static void
a_commit_returns_when_it_is_on_disk(void **state)
{
	unsigned before = disk_begun();

	(void)state;
	disk_set(true, false);
	writer_start(0, 1);
	disk_wait_begun(before + 1);
	rows_wait(1); /* others may see it already */
	usleep(PAUSE_MS * 1000);
	assert_false(atomic_load(&writers[0].ended));
	disk_set(false, false);
	writer_join(0, 1, 0);
	assert_int_equal(disk_begun(), before + 1);
}

/* One is at the disk; all others have committed meanwhile. */
static void
all_but_one_at_the_disk(bool fails)
{
	unsigned before = disk_begun();
	size_t i;

	disk_set(true, false);
	writer_start(0, 1);
	disk_wait_begun(before + 1);
	for (i = 1; i < WRITERS; i++)
		writer_start(i, 1);
	rows_wait(WRITERS);
	usleep(PAUSE_MS * 1000); /* each of them at its wait */
	assert_int_equal(disk_begun(), before + 1);
	disk_set(false, fails);
}

static void
who_commits_meanwhile_shares_the_next_sync(void **state)
{
	unsigned before = disk_begun();
	size_t i;

	(void)state;
	all_but_one_at_the_disk(false);
	for (i = 0; i < WRITERS; i++)
		writer_join(i, 1, 0);
	assert_int_equal(disk_begun(), before + 2);
}

static void
all_who_shared_a_failed_sync_are_told(void **state)
{
	size_t i;

	(void)state;
	all_but_one_at_the_disk(true);
	for (i = 0; i < WRITERS; i++)
		writer_join(i, 0, 1);
	disk_set(false, false);
	assert_int_equal(insert(2), 0);
}

/* Many of them in a row, with some who have not heard of the one before. */
static void
no_failure_hides_another(void **state)
{
	size_t i;

	(void)state;
	disk_set(false, true);
	for (i = 0; i < WRITERS; i++)
		writer_start(i, EACH);
	for (i = 0; i < WRITERS; i++)
		writer_join(i, 0, EACH);
}

/* The kernel forgets what it could not write: the log may not be what it
 * reads as.  What is told to be there is in the database's own file. */
static void
what_a_failed_sync_has_lost_is_written_elsewhere(void **state)
{
	(void)state;
	assert_int_equal(insert(1), 0);
	disk_fail_next(1);
	assert_int_equal(insert(2), 0);
	assert_int_equal(rows_without_log(), 2);
	assert_int_equal(insert(3), 0); /* the log goes on */
	assert_int_equal(number_of("SELECT count(*) FROM things"), 3);
}

/* A reader keeps the log from being folded; the disk is well again. */
static void
after_a_failed_sync_none_is_believed_before_the_log_is_folded(void **state)
{
	struct store_conn *reader;
	struct store_stmt *st;

	(void)state;
	assert_int_equal(insert(1), 0);
	assert_int_equal(store_acquire(db, &reader), 0);
	assert_int_equal(store_query(reader, &st, "SELECT n FROM things", ""),
			 0);
	assert_int_equal(store_step(st), 1);
	disk_fail_next(1);
	assert_int_equal(insert(2), ERR_STORE);
	assert_int_equal(insert(3), ERR_STORE);
	store_done(st);
	store_release(reader);
	assert_int_equal(insert(4), 0);
	assert_int_equal(rows_without_log(), 4);
}

static void
a_whole_transaction_is_one_sync(void **state)
{
	unsigned before = disk_begun();
	int i;

	(void)state;
	assert_int_equal(store_begin(conn), 0);
	for (i = 0; i < 10; i++)
		assert_int_equal(insert(3), 0);
	assert_int_equal(disk_begun(), before);
	assert_int_equal(store_commit(conn), 0);
	assert_int_equal(disk_begun(), before + 1);
}

static void
who_only_reads_waits_for_no_disk(void **state)
{
	unsigned before = disk_begun();

	(void)state;
	assert_int_equal(number_of("SELECT count(*) FROM things"), 0);
	assert_int_equal(disk_begun(), before);
}

int
main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, begin, store_world_end)
	const struct CMUnitTest tests[] = {
		ONE(a_commit_returns_when_it_is_on_disk),
		ONE(who_commits_meanwhile_shares_the_next_sync),
		ONE(all_who_shared_a_failed_sync_are_told),
		ONE(no_failure_hides_another),
		ONE(what_a_failed_sync_has_lost_is_written_elsewhere),
		ONE(after_a_failed_sync_none_is_believed_before_the_log_is_folded),
		ONE(a_whole_transaction_is_one_sync),
		ONE(who_only_reads_waits_for_no_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
