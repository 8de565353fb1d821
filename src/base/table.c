/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash tables: open addressing with linear probing, removal by shifting
 * back, SipHash-1-3 under a key of this process.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/base.h"

struct entry {
	uint64_t hash;
	char *key; /* NULL: free */
	size_t key_len;
	void *value;
};

struct table {
	struct entry *entries;
	size_t cap; /* a power of two */
	size_t count;
};

static uint64_t sip_key[2];
static pthread_once_t sip_once = PTHREAD_ONCE_INIT;

static void
sip_draw(void)
{
	random_bytes(sip_key, sizeof(sip_key));
}

static inline uint64_t
rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

uint64_t
table_hash(struct slice key)
{
	uint64_t v[4], m;
	size_t left = key.len;
	const char *p = key.ptr;

	pthread_once(&sip_once, sip_draw);
	v[0] = sip_key[0] ^ 0x736f6d6570736575u;
	v[1] = sip_key[1] ^ 0x646f72616e646f6du;
	v[2] = sip_key[0] ^ 0x6c7967656e657261u;
	v[3] = sip_key[1] ^ 0x7465646279746573u;
	for (; left >= 8; left -= 8, p += 8) {
		memcpy(&m, p, 8);
		v[3] ^= m;
		sip_round(v);
		v[0] ^= m;
	}
	m = 0;
	if (left)
		memcpy(&m, p, left);
	m |= (uint64_t)key.len << 56;
	v[3] ^= m;
	sip_round(v);
	v[0] ^= m;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct table *
table_new(void)
{
	return calloc(1, sizeof(struct table));
}

void
table_free(struct table *t)
{
	size_t i;

	if (!t)
		return;
	for (i = 0; i < t->cap; i++)
		free(t->entries[i].key);
	free(t->entries);
	free(t);
}

size_t
table_count(const struct table *t)
{
	return t->count;
}

/* The entry of this key, or the free one where it would be. */
static struct entry *
table_find(const struct table *t, struct slice key, uint64_t hash)
{
	size_t i = hash & (t->cap - 1);
	struct entry *e;

	for (;; i = (i + 1) & (t->cap - 1)) {
		e = &t->entries[i];
		if (!e->key ||
		    (e->hash == hash && e->key_len == key.len &&
		     (!key.len || !memcmp(e->key, key.ptr, key.len))))
			return e;
	}
}

void *
table_get(const struct table *t, struct slice key)
{
	struct entry *e;

	if (!t->count)
		return NULL;
	e = table_find(t, key, table_hash(key));
	return e->key ? e->value : NULL;
}

static int
table_grow(struct table *t)
{
	struct table bigger = { .cap = t->cap ? t->cap * 2 : 16 };
	size_t i;

	bigger.entries = calloc(bigger.cap, sizeof(*bigger.entries));
	if (!bigger.entries)
		return ERR_NOMEM;
	for (i = 0; i < t->cap; i++)
		if (t->entries[i].key)
			*table_find(&bigger,
				    slice_of(t->entries[i].key,
					     t->entries[i].key_len),
				    t->entries[i].hash) = t->entries[i];
	free(t->entries);
	t->entries = bigger.entries;
	t->cap = bigger.cap;
	return 0;
}

int
table_set(struct table *t, struct slice key, void *value, void **old)
{
	uint64_t hash = table_hash(key);
	struct entry *e;
	char *copy;

	ASSERT(value);
	if (old)
		*old = NULL;
	if (t->count * 4 >= t->cap * 3 && table_grow(t))
		return ERR_NOMEM;
	e = table_find(t, key, hash);
	if (e->key) {
		if (old)
			*old = e->value;
		e->value = value;
		return 0;
	}
	copy = slice_dup(key);
	if (!copy)
		return ERR_NOMEM;
	*e = (struct entry){ hash, copy, key.len, value };
	t->count++;
	return 0;
}

void *
table_remove(struct table *t, struct slice key)
{
	size_t mask = t->cap - 1, hole, i, home;
	struct entry *e;
	void *value;

	if (!t->count)
		return NULL;
	e = table_find(t, key, table_hash(key));
	if (!e->key)
		return NULL;
	value = e->value;
	free(e->key);
	t->count--;
	hole = (size_t)(e - t->entries);
	for (i = (hole + 1) & mask; t->entries[i].key; i = (i + 1) & mask) {
		home = t->entries[i].hash & mask;
		if (((i - home) & mask) < ((i - hole) & mask))
			continue; /* it must not go before its home */
		t->entries[hole] = t->entries[i];
		hole = i;
	}
	memset(&t->entries[hole], 0, sizeof(t->entries[hole]));
	return value;
}

/*
 * The walk goes downwards from a free entry, whose index is kept in the
 * cursor's upper half: removing shifts entries down within their run only,
 * so what moves into the current place was seen before.
 */
bool
table_next(const struct table *t, size_t *cursor, struct slice *key,
	   void **value)
{
	size_t start = *cursor >> 32, steps = *cursor & 0xffffffff;
	struct entry *e;

	if (!t->count)
		return false;
	if (!start) {
		while (t->entries[start].key)
			start++;
		start += t->cap;
	}
	while (steps < t->cap) {
		e = &t->entries[(start - ++steps) & (t->cap - 1)];
		if (!e->key)
			continue;
		*key = slice_of(e->key, e->key_len);
		*value = e->value;
		*cursor = start << 32 | steps;
		return true;
	}
	*cursor = start << 32 | steps;
	return false;
}
