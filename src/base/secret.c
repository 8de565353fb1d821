/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locked memory for secrets.
 *
 * Chunks of pages are mapped between two guard pages, locked, left out of
 * core files and wiped in children.  Each chunk serves one size class (64
 * bytes to 128 KiB, powers of two, header included) by a list of free slots,
 * so that a hundred thousand small secrets cost little more than themselves.
 * Where the limit on locked memory is reached, chunks go on unlocked and
 * secret_memory_is_locked() says so.
 *
 * One mutex; never taken on the path of a call, which only reads secrets.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/base.h"

enum {
	CLASS_MIN = 6, /* 64 bytes, header included */
	CLASS_MAX = 17,
	CHUNK_SIZE = 256 * 1024,
};

struct secret {
	uint32_t len;
	uint32_t class;
	char bytes[];
};

struct slot {
	struct slot *next;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct slot *free_slots[CLASS_MAX + 1];
static atomic_bool unlocked;

void
secret_wipe(void *bytes, size_t len)
{
	if (len)
		explicit_bzero(bytes, len);
}

static bool
chunk_add(unsigned class)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t slot_size = (size_t)1 << class, at;
	struct slot *slot;
	char *map, *data;

	map = mmap(NULL, CHUNK_SIZE + 2 * page, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return false;
	data = map + page;
	if (mprotect(data, CHUNK_SIZE, PROT_READ | PROT_WRITE)) {
		munmap(map, CHUNK_SIZE + 2 * page);
		return false;
	}
	if (mlock(data, CHUNK_SIZE))
		atomic_store(&unlocked, true);
	madvise(data, CHUNK_SIZE, MADV_DONTDUMP);
	madvise(data, CHUNK_SIZE, MADV_WIPEONFORK);
	for (at = 0; at + slot_size <= CHUNK_SIZE; at += slot_size) {
		slot = (void *)(data + at);
		slot->next = free_slots[class];
		free_slots[class] = slot;
	}
	return true;
}

struct secret *
secret_new(size_t len)
{
	size_t need = sizeof(struct secret) + len + 1;
	unsigned class = CLASS_MIN;
	struct slot *slot = NULL;
	struct secret *s;

	if (len > SECRET_MAX)
		return NULL;
	while (((size_t)1 << class) < need)
		class ++;
	pthread_mutex_lock(&mutex);
	if (free_slots[class] || chunk_add(class)) {
		slot = free_slots[class];
		free_slots[class] = slot->next;
	}
	pthread_mutex_unlock(&mutex);
	if (!slot)
		return NULL;
	s = (void *)slot;
	memset(s, 0, need);
	s->len = (uint32_t)len;
	s->class = class;
	return s;
}

void
secret_free(struct secret *s)
{
	struct slot *slot = (void *)s;
	unsigned class;

	if (!s)
		return;
	class = s->class;
	secret_wipe(s, sizeof(*s) + s->len + 1);
	pthread_mutex_lock(&mutex);
	slot->next = free_slots[class];
	free_slots[class] = slot;
	pthread_mutex_unlock(&mutex);
}

struct secret *
secret_from(const void *bytes, size_t len)
{
	struct secret *s = secret_new(len);

	if (s && len)
		memcpy(s->bytes, bytes, len);
	return s;
}

struct secret *
secret_dup(const struct secret *s)
{
	return s ? secret_from(s->bytes, s->len) : NULL;
}

size_t
secret_len(const struct secret *s)
{
	return s->len;
}

const char *
secret_peek(const struct secret *s)
{
	return s->bytes;
}

char *
secret_bytes(struct secret *s)
{
	return s->bytes;
}

void
secret_truncate(struct secret *s, size_t len)
{
	ASSERT(len <= s->len);
	secret_wipe(s->bytes + len, s->len - len);
	s->len = (uint32_t)len;
}

bool
secret_eq_bytes(const void *a, const void *b, size_t len)
{
	const volatile unsigned char *x = a, *y = b;
	unsigned char diff = 0;
	size_t i;

	for (i = 0; i < len; i++)
		diff |= (unsigned char)(x[i] ^ y[i]);
	return diff == 0;
}

bool
secret_eq(const struct secret *a, const struct secret *b)
{
	return a->len == b->len && secret_eq_bytes(a->bytes, b->bytes, a->len);
}

bool
secret_memory_is_locked(void)
{
	secret_free(secret_new(1)); /* so that there is a chunk to judge by */
	return !atomic_load(&unlocked);
}
