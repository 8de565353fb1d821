/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Idempotency-Key: a create that is asked for twice is done once.
 *
 * The first request takes the key with a row; its answer is kept in it for a
 * day and given again.  Each transaction of the request notes in the row that
 * it was committed: so a request whose answer was lost with its process is
 * done again only where nothing of it was done.  A failure of ours gives the
 * key back.  What is shown
 * once (a new key) is not kept: asked again, the answer comes without it.
 *
 * Secrets have been lifted out of the body, and another one makes another
 * request.  A plain hash of a password could be guessed from, so they are
 * hashed with something that the store does not have: the key or the cookie
 * with which it is asked.  Over the machine's own socket there is none: there
 * a request with secrets is the same until the front is started anew.
 */
#include "api/api_priv.h"

enum { KEEP_MS = 24 * 3600 * 1000, UNDER_WAY_MS = 60 * 1000 };

/* Its day is over: ?1 key_oldest(), ?2 clock_wrong_after_ms(KEEP_MS). */
#define KEY_IS_OVER "(created_at < ?1 OR created_at > ?2)"

/* A clock that is set forward lets nothing be made twice. */
static int64_t
key_oldest(void)
{
	return clock_settled_ms() - KEEP_MS;
}

static void
secrets_hash(const struct api_request *r, struct vault_hasher *h)
{
	const struct json_secret *s;
	uint64_t len;
	size_t i;

	vault_hasher_add(h, slice_of(r->salt, sizeof(r->salt)));
	for (i = 0; i < r->secret_count; i++) {
		s = &r->secrets[i];
		len = secret_len(s->value);
		vault_hasher_add(h, slice_of(s->name, strlen(s->name) + 1));
		vault_hasher_add(h, slice_of(&len, sizeof(len)));
		vault_hasher_add(h, slice_of(secret_peek(s->value),
					     secret_len(s->value)));
	}
}

static void
request_hash(const struct api_request *r, unsigned char out[VAULT_HASH_SIZE])
{
	struct vault_hasher h;
	size_t i;

	vault_hasher_init(&h);
	vault_hasher_add(&h, slice_str(r->route->method));
	vault_hasher_add(&h, slice_str(r->route->path));
	for (i = 0; i < API_PARAMS && r->params[i]; i++)
		vault_hasher_add(
			&h, slice_of(r->params[i], strlen(r->params[i]) + 1));
	vault_hasher_add(&h, slice_of(r->text, r->text_len));
	if (r->secret_count)
		secrets_hash(r, &h);
	vault_hasher_end(&h, out);
}

static const char *
actor_name(const struct api_request *r)
{
	return r->actor->key[0] ? r->actor->key : r->actor->member;
}

/* Takes the key; *taken tells whether it was free. */
static int
key_take(struct api_request *r, struct slice hash, bool *taken)
{
	static const char sql[] =
		"INSERT INTO idempotency (actor, idem_key, request, status, "
		"created_at) VALUES (?1, ?2, ?3, 0, ?4) "
		"ON CONFLICT (actor, idem_key) DO NOTHING";
	int64_t now = clock_wall_ms(), changed = 0;
	int rc;

	rc = store_begin(r->db);
	if (!rc)
		rc = store_exec(r->db, NULL,
				"DELETE FROM idempotency WHERE actor = ?3 AND "
				"idem_key = ?4 AND (" KEY_IS_OVER " OR (status "
				"= 0 AND committed = 0 AND (created_at < ?5 "
				"OR created_at > ?6)))",
				"iissii", key_oldest(),
				clock_wrong_after_ms(KEEP_MS), actor_name(r),
				r->idempotency_key, now - UNDER_WAY_MS,
				now + UNDER_WAY_MS);
	if (!rc)
		rc = store_exec(r->db, &changed, sql, "ssbi", actor_name(r),
				r->idempotency_key, hash, now);
	if (!rc)
		rc = store_commit(r->db);
	if (rc)
		store_rollback(r->db);
	*taken = changed == 1;
	r->idempotency_at = now;
	return rc;
}

int
api_idempotency_tidy(struct store_conn *c)
{
	return store_exec(c, NULL, "DELETE FROM idempotency WHERE " KEY_IS_OVER,
			  "ii", key_oldest(), clock_wrong_after_ms(KEEP_MS));
}

/* Of each transaction of the request: it is not to be done again.  Whoever
 * took so long that another has begun it anew does not do it, too. */
static int
key_mark(struct store_conn *c, void *arg)
{
	const struct api_request *r = arg;
	int64_t changed = 0;
	int rc = store_exec(c, &changed,
			    "UPDATE idempotency SET committed = 1 WHERE "
			    "actor = ?1 AND idem_key = ?2 AND created_at = ?3",
			    "ssi", actor_name(r), r->idempotency_key,
			    r->idempotency_at);

	return rc ? rc : changed ? 0 : ERR_BUSY;
}

/* It has not ended; or, after so long, it never will. */
static int
answer_not_yet(struct api_request *r, bool lost)
{
	if (lost)
		return api_problem(r, CONNECT_P_IN_PROGRESS,
				   "Look whether what you wanted is there. If "
				   "not, ask with a new key.",
				   "A request with this Idempotency-Key was "
				   "begun, and Drawbridge ended meanwhile: "
				   "what it was told is lost.");
	api_retry_after(r, 1);
	return api_problem(r, CONNECT_P_IN_PROGRESS, "Ask again in a moment.",
			   "A request with this Idempotency-Key has not "
			   "ended yet.");
}

static void
field_again(struct api_request *r, const char *name, struct slice value)
{
	char *text = value.len ? arena_slice(r->arena, value) : NULL;

	if (text)
		api_field_long(r, name, text);
}

/* The answer that was given, once more. */
static int
answer_again(struct api_request *r, struct slice hash)
{
	struct store_stmt *st = NULL;
	int rc;

	rc = store_query(r->db, &st,
			 "SELECT request, status, answer, location, etag, "
			 "created_at FROM idempotency "
			 "WHERE actor = ?1 AND idem_key = ?2",
			 "ss", actor_name(r), r->idempotency_key);
	if (!rc)
		rc = store_step(st);
	if (rc < 0)
		goto out;
	if (rc == 0 || store_col_int(st, 1) == 0) {
		rc = answer_not_yet(r, rc && store_col_int(st, 5) <
						       clock_wall_ms() -
							       UNDER_WAY_MS);
	} else if (!slice_eq(store_col(st, 0), hash)) {
		rc = api_problem(r, CONNECT_P_KEY_REUSED,
				 "Use a new key for each new thing.",
				 "This Idempotency-Key was sent with another "
				 "request before.");
	} else {
		r->status = (int)store_col_int(st, 1);
		r->type = "application/json";
		api_field(r, "Idempotent-Replay", "true");
		field_again(r, "Location", store_col(st, 3));
		field_again(r, "ETag", store_col(st, 4));
		rc = buf_put_slice(&r->answer, store_col(st, 2));
	}
out:
	store_done(st);
	return rc ? rc : API_PENDING;
}

int
api_idempotency_begin(struct api_request *r)
{
	unsigned char hash[VAULT_HASH_SIZE];
	struct slice h = slice_of(hash, sizeof(hash));
	bool taken = false;
	int rc;

	if (!slice_is_utf8(slice_str(r->idempotency_key)) ||
	    !strcmp(r->idempotency_key, "?")) {
		api_problem(r, CONNECT_P_INVALID, NULL,
			    "Idempotency-Key: at most 127 characters.");
		return API_PENDING;
	}
	request_hash(r, hash);
	rc = key_take(r, h, &taken);
	if (!rc && taken)
		store_before_commit(r->db, key_mark, r);
	if (rc || taken)
		return rc;
	return answer_again(r, h);
}

/* A field of the answer; "" where it has none. */
static struct slice
answer_field(const struct api_request *r, struct slice name)
{
	struct slice rest = buf_slice(&r->fields), line;

	while (slice_next(&rest, '\n', &line))
		if (slice_starts(line, name))
			return slice_trim(slice_head(
				slice_from(line, name.len),
				slice_find(slice_from(line, name.len), '\r')));
	return SLICE("");
}

/* The answer less what is shown once: '{' and what follows that. */
static void
answer_to_keep(struct api_request *r, struct buf *out)
{
	struct slice whole = buf_slice(&r->answer);

	buf_put_slice(out, slice_head(whole, 1));
	buf_put_slice(out, slice_from(whole, 1 + r->spliced));
}

void
api_idempotency_end(struct api_request *r)
{
	struct buf kept;
	int rc;

	store_before_commit(r->db, NULL, NULL);
	if (r->status < 300)
		step_reached("api.created");
	buf_init(&kept, r->answer.max);
	answer_to_keep(r, &kept);
	if (r->storable && r->status < 300 && !buf_err(&kept))
		rc = store_exec(r->db, NULL,
				"UPDATE idempotency SET status = ?3, "
				"answer = ?4, location = ?5, etag = ?6 "
				"WHERE actor = ?1 AND idem_key = ?2 AND "
				"created_at = ?7",
				"ssillli", actor_name(r), r->idempotency_key,
				(int64_t)r->status, buf_slice(&kept),
				answer_field(r, SLICE("Location:")),
				answer_field(r, SLICE("ETag:")),
				r->idempotency_at);
	else
		rc = store_exec(r->db, NULL,
				"DELETE FROM idempotency WHERE actor = ?1 "
				"AND idem_key = ?2 AND created_at = ?3",
				"ssi", actor_name(r), r->idempotency_key,
				r->idempotency_at);
	if (rc)
		log_warn("an answer was not kept", LOG_E(rc));
	buf_release(&kept);
}
