/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing and unpacking the fields of messages.
 *
 * A number is eight bytes (little endian), bytes are their length as a
 * number and then themselves.  Everything lives in locked memory, since
 * messages carry secrets.
 */
#include <stdlib.h>

#include "proc/proc_priv.h"

enum { PACK_FIRST = 1024 };

struct proc_pack *
proc_pack_new(void)
{
	struct proc_pack *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->bytes = secret_new(PACK_FIRST);
	p->len = PROC_HEADER;
	p->failed = !p->bytes;
	return p;
}

void
proc_pack_free(struct proc_pack *p)
{
	if (!p)
		return;
	secret_free(p->bytes);
	free(p);
}

/* Room for `more` bytes at the end; NULL when there is none. */
static char *
pack_room(struct proc_pack *p, size_t more)
{
	struct secret *bigger;
	size_t cap;

	if (!p || p->failed)
		return NULL;
	if (more > PROC_MESSAGE_MAX - p->len) {
		p->failed = true;
		return NULL;
	}
	cap = secret_len(p->bytes);
	if (p->len + more > cap) {
		while (cap < p->len + more)
			cap *= 2;
		if (cap > PROC_MESSAGE_MAX)
			cap = PROC_MESSAGE_MAX;
		bigger = secret_new(cap);
		if (!bigger) {
			p->failed = true;
			return NULL;
		}
		memcpy(secret_bytes(bigger), secret_peek(p->bytes), p->len);
		secret_free(p->bytes);
		p->bytes = bigger;
	}
	p->len += more;
	return secret_bytes(p->bytes) + p->len - more;
}

static void
put_u64(char *out, uint64_t v)
{
	int i;

	for (i = 0; i < 8; i++)
		out[i] = (char)(v >> (8 * i));
}

static uint64_t
get_u64(const char *in)
{
	uint64_t v = 0;
	int i;

	for (i = 7; i >= 0; i--)
		v = v << 8 | (unsigned char)in[i];
	return v;
}

void
proc_pack_u64(struct proc_pack *p, uint64_t v)
{
	char *room = pack_room(p, 8);

	if (room)
		put_u64(room, v);
}

void
proc_pack_bytes(struct proc_pack *p, struct slice s)
{
	char *room;

	if (s.len > PROC_MESSAGE_MAX) {
		if (p)
			p->failed = true;
		return;
	}
	room = pack_room(p, 8 + s.len);
	if (!room)
		return;
	put_u64(room, s.len);
	if (s.len)
		memcpy(room + 8, s.ptr, s.len);
}

void
proc_pack_str(struct proc_pack *p, const char *s)
{
	proc_pack_bytes(p, slice_str(s));
}

void
proc_pack_secret(struct proc_pack *p, const struct secret *s)
{
	if (s)
		proc_pack_bytes(p, slice_of(secret_peek(s), secret_len(s)));
	else
		proc_pack_bytes(p, SLICE_NONE);
}

size_t
proc_pack_room(const struct proc_pack *p)
{
	return p && !p->failed ? PROC_MESSAGE_MAX - p->len : 0;
}

struct secret *
proc_pack_detach(struct proc_pack *p)
{
	struct secret *out = NULL;

	if (p && !p->failed)
		out = secret_from(secret_peek(p->bytes) + PROC_HEADER,
				  p->len - PROC_HEADER);
	proc_pack_free(p);
	return out;
}

/* ---- reading ---- */

uint64_t
proc_unpack_u64(struct proc_unpack *u)
{
	uint64_t v;

	if (u->failed || u->rest.len < 8) {
		u->failed = true;
		return 0;
	}
	v = get_u64(u->rest.ptr);
	u->rest = slice_from(u->rest, 8);
	return v;
}

struct slice
proc_unpack_bytes(struct proc_unpack *u, size_t max)
{
	uint64_t len = proc_unpack_u64(u);
	struct slice s;

	if (u->failed || len > u->rest.len || len > max) {
		u->failed = true;
		return SLICE_NONE;
	}
	s = slice_head(u->rest, (size_t)len);
	u->rest = slice_from(u->rest, (size_t)len);
	return s;
}

void
proc_unpack_str(struct proc_unpack *u, char *out, size_t size)
{
	struct slice s = proc_unpack_bytes(u, size - 1);

	out[0] = 0;
	if (u->failed)
		return;
	if (s.len && memchr(s.ptr, 0, s.len))
		u->failed = true;
	else
		slice_copy(s, out, size);
}

char *
proc_unpack_dup(struct proc_unpack *u, size_t max)
{
	struct slice s = proc_unpack_bytes(u, max);
	char *copy;

	if (u->failed || (s.len && memchr(s.ptr, 0, s.len))) {
		u->failed = true;
		return NULL;
	}
	copy = slice_dup(s);
	if (!copy)
		u->failed = true;
	return copy;
}

struct secret *
proc_unpack_secret(struct proc_unpack *u, size_t max)
{
	struct slice s = proc_unpack_bytes(u, max);
	struct secret *out;

	if (u->failed || !s.len)
		return NULL;
	out = secret_from(s.ptr, s.len);
	if (!out)
		u->failed = true;
	return out;
}

bool
proc_unpack_done(const struct proc_unpack *u)
{
	return !u->failed && !u->rest.len;
}

struct proc_unpack
proc_unpack_from(const struct secret *message)
{
	struct proc_unpack u = { .rest = SLICE_NONE };

	if (message)
		u.rest = slice_of(secret_peek(message), secret_len(message));
	return u;
}

/* ---- headers ---- */

void
proc_header_write(struct proc_pack *p, const struct proc_header *h)
{
	char *out = secret_bytes(p->bytes);

	put_u64(out, (uint64_t)h->kind | (uint64_t)h->type << 8 |
			     (uint64_t)h->id << 32);
	put_u64(out + 8, (uint64_t)(int64_t)h->err);
	put_u64(out + 16, h->until_ms);
}

int
proc_header_read(struct slice message, struct proc_header *h,
		 struct proc_unpack *u)
{
	uint64_t first;
	int64_t err;

	if (message.len < PROC_HEADER)
		return ERR_PROTOCOL;
	first = get_u64(message.ptr);
	err = (int64_t)get_u64(message.ptr + 8);
	h->kind = (uint8_t)first;
	h->type = (uint16_t)(first >> 8);
	h->id = (uint32_t)(first >> 32);
	if ((first >> 24 & 0xff) || err > 0 || err < -1000)
		return ERR_PROTOCOL;
	h->err = (int)err;
	h->until_ms = get_u64(message.ptr + 16);
	u->rest = slice_from(message, PROC_HEADER);
	u->failed = false;
	return 0;
}
