/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /v1/backup: copies of both databases, for the machine's own command line,
 * which reads the files and puts them away encrypted.
 *
 *   NONE ──POST──> MAIN ──copied──> KEEPER ──copied──> READY
 *    ^               ├───────────────┼── disk full, called off ──> FAILED
 *    │               │               └── rotation … ─────────────> BUSY
 *    │               │
 *    └── removed ── ENDING <──DELETE── READY, FAILED, BUSY …
 *
 * One at a time, since the copies have fixed names: whoever has begun it asks
 * for it again and again, until it is ended.  Another is refused until then,
 * or until nobody has asked for a while (the command was killed): then what
 * it has left is removed, too, by whoever watches for that.  Who was taken
 * for dead and is not finds another's copies, whose key his does not
 * open; his DELETE names the copy that he means, and leaves another's alone.
 *
 * A front that ends takes its own copy along.  What is left of one that was
 * killed goes when another starts or is told that it is alone: beside another
 * none can begin a backup, since no keeper lets it.
 *
 * The main database first: so the keeper's copy is never behind it, and what
 * the front remembers of the keeper's changes is no lie after a restore.
 */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "api/api_priv.h"

enum { PAGES_AT_ONCE = 512, ALONE_MS = 10 * 1000 };

static void
backup_path(const struct api *a, char *out, size_t size)
{
	snprintf(out, size, "%s/store/backup.db", a->config.data);
}

void
api_backup_drop(struct api *a)
{
	char path[4200];

	backup_path(a, path, sizeof(path));
	unlink(path);
}

void
api_alone(struct api *a)
{
	struct api_backup *b = &a->backup;

	pthread_mutex_lock(&b->mutex);
	if (b->told.state == API_BACKUP_NONE) /* else it is its own */
		api_backup_drop(a);
	pthread_mutex_unlock(&b->mutex);
}

/* Both copies; nobody else can begin meanwhile. */
static int
copies_drop(struct api *a, struct connect_problem *p)
{
	struct connect_msg_copy drop = { .what = CONNECT_COPY_DROP };
	struct connect_msg_copied m;

	api_backup_drop(a);
	return connect_front_copy(a->config.connect, &drop, &m, p);
}

static void
backup_state(struct api *a, enum api_backup_state state, const char *detail)
{
	struct api_backup *b = &a->backup;

	pthread_mutex_lock(&b->mutex);
	b->told.state = state;
	snprintf(b->told.detail, sizeof(b->told.detail), "%.255s", detail);
	pthread_mutex_unlock(&b->mutex);
}

/* Copying is over, and went so; unless it was called off meanwhile. */
static void
backup_copied(struct api *a, enum api_backup_state state, const char *detail)
{
	struct api_backup *b = &a->backup;
	struct connect_problem p;
	bool off;

	pthread_mutex_lock(&b->mutex);
	off = b->cancelled;
	if (!off) {
		b->told.state = state;
		snprintf(b->told.detail, sizeof(b->told.detail), "%.255s",
			 detail);
	}
	pthread_mutex_unlock(&b->mutex);
	if (!off)
		return;
	copies_drop(a, &p);
	backup_state(a, API_BACKUP_FAILED, "It was called off.");
}

static bool
backup_is_alone(const struct api_backup *b)
{
	return clock_mono_ms() - b->asked_ms > ALONE_MS;
}

/* False: another request has called it off, or nobody waits for it. */
static bool
backup_progress(struct api *a, uint64_t done, uint64_t total)
{
	struct api_backup *b = &a->backup;
	bool goes_on;

	pthread_mutex_lock(&b->mutex);
	b->told.done = done;
	b->told.total = total;
	b->cancelled = b->cancelled || backup_is_alone(b);
	goes_on = !b->cancelled;
	pthread_mutex_unlock(&b->mutex);
	return goes_on;
}

/* ---- copying, on a work thread of its own ---- */

static int
copy_pages(struct api *a, struct store_conn *c, const char *path)
{
	struct store_copy *copy;
	uint64_t done = 0, total = 0;
	int rc = store_copy_begin(c, path, true, &copy);

	if (rc)
		return rc;
	do {
		rc = store_copy_step(copy, PAGES_AT_ONCE, &done, &total);
		if (rc == 1 && !backup_progress(a, done, total))
			rc = ERR_CANCELLED;
	} while (rc == 1);
	store_copy_end(copy);
	return rc;
}

/* Asked after the copy: what a newer program has done meanwhile may be in it,
 * and what it did after that is said too much, not too little. */
static int
copy_schema(struct api *a, struct store_conn *c)
{
	struct api_backup *b = &a->backup;
	int64_t schema;
	int rc = store_migrations_newest(c, &schema);

	pthread_mutex_lock(&b->mutex);
	b->told.schema = schema;
	pthread_mutex_unlock(&b->mutex);
	return rc;
}

static int
copy_main(struct api *a)
{
	struct store_conn *c;
	char path[4200];
	int rc = store_acquire(a->config.store, &c);

	if (rc)
		return rc;
	backup_path(a, path, sizeof(path));
	unlink(path);
	rc = copy_pages(a, c, path);
	if (!rc)
		rc = copy_schema(a, c);
	store_release(c);
	if (rc)
		unlink(path);
	return rc;
}

static void
backup_work(struct loop_work *w)
{
	struct api *a = CONTAINER_OF(w, struct api, backup.work);
	struct connect_msg_copy m = {
		.what = CONNECT_COPY_START,
		.handover = slice_of(a->backup.handover, a->backup.handover_len)
	};
	const char *busy = connect_problem_kind(CONNECT_P_KEYS_BUSY)->code;
	struct connect_msg_copied copied;
	struct connect_problem p;
	int rc = copy_main(a);

	if (rc == ERR_UNSUPPORTED)
		backup_copied(
			a, API_BACKUP_FAILED,
			"This database has tools of its own for backups.");
	else if (rc)
		backup_copied(a, API_BACKUP_FAILED,
			      "The main database could not be copied; is the "
			      "disk full?");
	else if (connect_front_copy(a->config.connect, &m, &copied, &p))
		backup_copied(a,
			      strcmp(p.code, busy) ? API_BACKUP_FAILED
						   : API_BACKUP_BUSY,
			      p.detail);
	else
		backup_copied(a, API_BACKUP_KEEPER, "");
}

/* ---- silence, on the loop of the worker that was asked ---- */

static void
silence_work(struct loop_work *w)
{
	struct api *a = CONTAINER_OF(w, struct api, backup.work);
	struct api_backup *b = &a->backup;
	struct connect_problem p;

	copies_drop(a, &p);
	pthread_mutex_lock(&b->mutex);
	b->told.state = API_BACKUP_FAILED;
	pthread_mutex_unlock(&b->mutex);
}

/* Whether what is left of it is to be removed now. */
static bool
silence_claim(struct api_backup *b)
{
	if (!backup_is_alone(b))
		return false;
	if (b->told.state == API_BACKUP_KEEPER)
		snprintf(b->told.detail, sizeof(b->told.detail),
			 "Nobody has fetched it in time.");
	else if (b->told.state != API_BACKUP_FAILED &&
		 b->told.state != API_BACKUP_BUSY)
		return false;
	b->told.state = API_BACKUP_ENDING;
	return true;
}

static void
silence_fire(struct loop_timer *t)
{
	struct api *a = CONTAINER_OF(t, struct api, backup.silence);
	struct api_backup *b = &a->backup;
	bool over, drop;

	pthread_mutex_lock(&b->mutex);
	drop = silence_claim(b);
	over = drop || b->told.state == API_BACKUP_NONE;
	if (over)
		b->watcher = NULL; /* the next one may have another */
	else
		loop_timer_start(t->loop, t, ALONE_MS / 4, silence_fire);
	pthread_mutex_unlock(&b->mutex);
	if (!drop)
		return;
	b->work = (struct loop_work){ .work = silence_work };
	loop_work_start(a->config.pool, &b->work);
}

static void
silence_watch(struct loop_task *task)
{
	struct api *a = CONTAINER_OF(task, struct api, backup.watch);
	struct api_backup *b = &a->backup;

	loop_timer_start(b->watcher->loop, &b->silence, ALONE_MS, silence_fire);
}

/* Under the mutex. */
static void
backup_watch(struct api_backup *b, struct api_worker *w)
{
	if (b->watcher)
		return;
	b->watcher = w;
	b->watch.run = silence_watch;
	loop_post(w->loop, &b->watch);
}

void
api_backup_unwatch(struct api_worker *w)
{
	struct api_backup *b = &w->api->backup;

	pthread_mutex_lock(&b->mutex);
	if (b->watcher == w)
		loop_timer_cancel(&b->silence);
	pthread_mutex_unlock(&b->mutex);
}

/* ---- requests ---- */

static json_t *
backup_json(const char *state, const struct api_backup_told *b,
	    const struct connect_msg_copied *keeper)
{
	char key[CODEC_BASE64_SIZE(CONNECT_SEALED_KEY_SIZE)] = "";

	codec_base64url(keeper->key, keeper->key_len, key);
	return json_pack(
		"{s:s, s:o, s:I, s:I, s:o, s:I, s:I, s:o, s:o, s:o}", "state",
		state, "copy", api_json_text(b->copy), "done",
		(json_int_t)(b->done + keeper->done), "total",
		(json_int_t)(b->total + keeper->total), "detail",
		api_json_text(b->detail), "schema_main", (json_int_t)b->schema,
		"schema_keeper", (json_int_t)keeper->schema, "key_id",
		api_json_text(keeper->id), "key_source",
		keeper->key_len
			? json_string(connect_key_source_name(keeper->source))
			: json_null(),
		"key", api_json_text(key));
}

/* Once the main database is there, the keeper tells of its own. */
static int
backup_answer(struct api_request *r, int status)
{
	static const char *const names[] = {
		[API_BACKUP_NONE] = "none",	 [API_BACKUP_MAIN] = "copying",
		[API_BACKUP_KEEPER] = "copying", [API_BACKUP_BUSY] = "busy",
		[API_BACKUP_FAILED] = "failed",	 [API_BACKUP_ENDING] = "none",
	};
	struct connect_msg_copy ask = { .what = CONNECT_COPY_ASK };
	struct connect_msg_copied keeper = { 0 };
	struct api_backup *b = &r->api->backup;
	struct api_backup_told now;
	struct connect_problem p;
	const char *state;

	pthread_mutex_lock(&b->mutex);
	b->asked_ms = clock_mono_ms();
	now = b->told;
	pthread_mutex_unlock(&b->mutex);
	if (now.state == API_BACKUP_KEEPER &&
	    connect_front_copy(r->api->config.connect, &ask, &keeper, &p))
		return api_problem_connect(r, &p);
	state = names[now.state];
	if (keeper.state == CONNECT_COPY_READY)
		state = "ready";
	else if (now.state == API_BACKUP_KEEPER &&
		 keeper.state != CONNECT_COPY_RUNNING)
		state = "failed";
	if (keeper.detail[0])
		snprintf(now.detail, sizeof(now.detail), "%s", keeper.detail);
	return api_answer(r, status, backup_json(state, &now, &keeper));
}

int
api_backup_get(struct api_request *r)
{
	return backup_answer(r, 200);
}

/*
 * Whether none is being made: then this one is.  What has failed, or was not
 * now, is somebody's too until he has heard of it: he would take the next
 * one's state for his own.
 */
static bool
backup_claim(struct api_request *r, const unsigned char *handover, size_t len)
{
	struct api_backup *b = &r->api->backup;
	bool free;

	pthread_mutex_lock(&b->mutex);
	free = b->told.state == API_BACKUP_NONE ||
	       (backup_is_alone(b) && b->told.state != API_BACKUP_MAIN &&
		b->told.state != API_BACKUP_ENDING);
	if (free) {
		b->told.state = API_BACKUP_MAIN;
		random_id(b->told.copy);
		b->asked_ms = clock_mono_ms();
		b->cancelled = false;
		b->told.done = b->told.total = 0;
		b->told.schema = 0;
		b->told.detail[0] = '\0';
		memcpy(b->handover, handover, len);
		b->handover_len = len;
		backup_watch(b, r->worker);
	}
	pthread_mutex_unlock(&b->mutex);
	return free;
}

int
api_backup_make(struct api_request *r)
{
	static const char *const names[] = { "handover", NULL };
	struct connect_msg_copy may = { .what = CONNECT_COPY_MAY };
	unsigned char handover[CONNECT_HANDOVER_MAX];
	struct connect_msg_copied unused;
	struct connect_problem p;
	struct api *a = r->api;
	size_t len = 0;
	int rc;

	if (!api_body_only(r, names) ||
	    !api_handover(r, handover, sizeof(handover), &len))
		return 0;
	if (connect_front_copy(a->config.connect, &may, &unused, &p))
		return api_problem_connect(r, &p);
	if (!backup_claim(r, handover, len))
		return api_problem(r, CONNECT_P_KEYS_BUSY, NULL,
				   "A backup is being made.");
	rc = store_begin(r->db);
	if (!rc)
		rc = api_audit(r, "backup.make", "", "", "");
	if (!rc)
		rc = store_commit(r->db);
	if (rc) {
		backup_state(a, API_BACKUP_NONE, "");
		return rc;
	}
	a->backup.work = (struct loop_work){ .work = backup_work };
	loop_work_start(a->config.pool, &a->backup.work);
	return backup_answer(r, 202);
}

/* Whether there are copies to be removed, now.  One that is being made
 * removes its own; another's are not this one's. */
static bool
backup_end_claim(struct api_backup *b, const char *copy)
{
	bool now = false;

	pthread_mutex_lock(&b->mutex);
	if (!copy[0] || !strcmp(copy, b->told.copy) ||
	    b->told.state == API_BACKUP_NONE) {
		now = b->told.state != API_BACKUP_MAIN &&
		      b->told.state != API_BACKUP_ENDING;
		if (now)
			b->told.state = API_BACKUP_ENDING;
		else
			b->cancelled = true;
	}
	pthread_mutex_unlock(&b->mutex);
	return now;
}

int
api_backup_end(struct api_request *r)
{
	struct connect_problem p;
	int rc;

	if (!backup_end_claim(&r->api->backup, api_query(r, "copy")))
		return api_answer_empty(r);
	rc = copies_drop(r->api, &p);
	backup_state(r->api, API_BACKUP_NONE, "");
	return rc ? api_problem_connect(r, &p) : api_answer_empty(r);
}
