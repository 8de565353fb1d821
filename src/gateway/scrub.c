/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers without the secrets that they echo, where the setting `scrub` asks
 * for it (call/scrub.h does the work).
 *
 * The body goes through one buffer: what came is masked, what is done goes
 * out, what may be the beginning of a secret stays until more has come.  No
 * length changes.  Secrets in a compressed body cannot be seen, so none is
 * asked for, and one that comes all the same is refused, like an answer for
 * which there is no locked memory.
 *
 * Off, it costs a call one comparison.
 */
#include "gateway/gateway_priv.h"

enum { ROUNDS = 16 };

bool
gateway_scrub_withholds(const struct via *v, const struct http_field *f)
{
	return v->gateway->scrub && (f->id == HTTP_ACCEPT_ENCODING ||
				     call_name_asks_for_part(f->name));
}

/* ---- the head ---- */

static void
scrub_slice(struct via *v, struct slice s)
{
	/* Into the block that the head was read to, which is ours. */
	if (s.len)
		call_scrub_mask(v->scrub, (char *)s.ptr, s.len, true);
}

static bool
body_is_compressed(const struct http_head *h)
{
	unsigned i;

	for (i = 0; i < h->count; i++)
		if (h->fields[i].id == HTTP_CONTENT_ENCODING &&
		    !slice_eq_nocase(h->fields[i].value, SLICE("identity")))
			return h->body != HTTP_BODY_NONE;
	return false;
}

int
gateway_scrub_start(struct via *v)
{
	const struct connect_injection *in = v->call.injection;
	struct http_head *h = &v->call.head;
	unsigned i;
	int rc;

	if (!v->gateway->scrub || !in->scrub_count)
		return 0;
	rc = call_scrub_new(in->scrub, in->scrub_count, &v->scrub);
	if (rc)
		return rc;
	/* Whole from the start: a buffer that grows leaves copies behind. */
	buf_init(&v->scrub_buf, HTTP_BLOCK_SIZE + call_scrub_longest(v->scrub));
	rc = h->body == HTTP_BODY_NONE
		     ? 0
		     : buf_reserve(&v->scrub_buf, v->scrub_buf.max);
	if (rc)
		return rc;
	if (body_is_compressed(h))
		return ERR_UNSUPPORTED;
	scrub_slice(v, h->reason);
	for (i = 0; i < h->count; i++) {
		if (h->fields[i].id == HTTP_CONTENT_LENGTH)
			continue;
		scrub_slice(v, h->fields[i].name);
		scrub_slice(v, h->fields[i].value);
	}
	return 0;
}

void
gateway_scrub_end(struct via *v)
{
	if (!v->scrub)
		return;
	call_scrub_free(v->scrub);
	v->scrub = NULL;
	buf_wipe(&v->scrub_buf);
}

/* ---- the body ---- */

/* What is done goes out; 0 when all of it has. */
static int
scrub_send(struct via *v, struct http_writer *w)
{
	size_t taken = 0;
	int rc;

	if (!v->scrub_done)
		return 0;
	rc = http_writer_send(
		w, slice_head(buf_slice(&v->scrub_buf), v->scrub_done), &taken);
	buf_consume(&v->scrub_buf, taken);
	v->scrub_done -= taken;
	return rc;
}

/* The next bytes of the answer: what was read ahead, then the body. */
static int
scrub_peek(struct via *v, struct slice *data)
{
	*data = slice_from(buf_slice(&v->call.peeked), v->peeked_sent);
	return data->len ? 0 : http_reader_peek(&v->call.conn->reader, data);
}

static void
scrub_take(struct via *v, struct slice data, uint64_t *moved)
{
	bool ahead = v->peeked_sent < v->call.peeked.len;

	data = slice_head(data, v->scrub_buf.max - v->scrub_buf.len);
	ASSERT(data.len);
	buf_put_slice(&v->scrub_buf, data);
	ASSERT(!buf_err(&v->scrub_buf));
	if (ahead)
		v->peeked_sent += data.len;
	else
		http_reader_consume(&v->call.conn->reader, data.len);
	*moved += data.len;
	v->scrub_done = call_scrub_mask(v->scrub, v->scrub_buf.data,
					v->scrub_buf.len, false);
}

static enum http_relay
scrub_flush(struct http_writer *w, enum http_relay then)
{
	int rc = http_writer_flush(w);

	if (rc == ERR_AGAIN)
		return HTTP_RELAY_WAIT;
	return rc ? HTTP_RELAY_WRITE_FAILED : then;
}

enum http_relay
gateway_scrub_relay(struct via *v, struct http_writer *w, uint64_t *moved)
{
	struct slice data;
	int rc, round;

	for (round = 0; round < ROUNDS; round++) {
		rc = scrub_send(v, w);
		if (rc)
			return rc == ERR_AGAIN ? HTTP_RELAY_WAIT
					       : HTTP_RELAY_WRITE_FAILED;
		rc = scrub_peek(v, &data);
		if (rc == ERR_AGAIN)
			return scrub_flush(w, HTTP_RELAY_WAIT);
		if (rc && rc != ERR_CLOSED)
			return HTTP_RELAY_READ_FAILED;
		if (!rc) {
			scrub_take(v, data, moved);
			continue;
		}
		if (!v->scrub_buf.len) {
			rc = http_writer_end(w);
			return rc == ERR_AGAIN ? HTTP_RELAY_WAIT
			       : rc	       ? HTTP_RELAY_WRITE_FAILED
				    : scrub_flush(w, HTTP_RELAY_DONE);
		}
		v->scrub_done = call_scrub_mask(v->scrub, v->scrub_buf.data,
						v->scrub_buf.len, true);
	}
	return HTTP_RELAY_MORE;
}
