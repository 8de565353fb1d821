/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backup from anywhere: as it comes; and its bytes as pieces that are
 * sealed as they must be, and are odd inside.
 */
#include "backup/backup_priv.h"

struct input {
	struct slice rest;
};

static ssize_t
input_read(void *arg, void *out, size_t size)
{
	struct input *i = arg;
	size_t n = size < i->rest.len ? size : i->rest.len;

	if (n)
		memcpy(out, i->rest.ptr, n);
	i->rest = slice_from(i->rest, n);
	return (ssize_t)n;
}

static int
input_part(void *arg, enum backup_part part, uint64_t size)
{
	(void)arg;
	(void)size;
	ASSERT(backup_part_path(part)[0]);
	return 0;
}

static int
input_data(void *arg, struct slice bytes)
{
	(void)arg;
	ASSERT(bytes.len);
	return 0;
}

static void
read_it(struct slice bytes, const struct secret *key)
{
	struct input i = { bytes };
	struct backup_reader_config c = { .read = input_read,
					  .part = input_part,
					  .data = input_data,
					  .arg = &i };
	struct backup_secret s = { .key = key };
	struct backup_manifest m;
	struct backup_problem p;
	bool phrase;

	if (backup_wants_passphrase(&c, &phrase, &p))
		ASSERT(p.text[0]);
	i.rest = bytes;
	if (backup_read(&c, &s, &m, &p))
		ASSERT(p.text[0]);
}

/* A head as it must be, then a piece for each line of the input. */
static void
seal_it(struct slice bytes, const struct secret *key, struct buf *out)
{
	unsigned char header[VAULT_STREAM_HEADER], length[4];
	struct backup_head h = { .passphrase = false };
	uint8_t hash[VAULT_HASH_SIZE];
	struct vault_stream stream;
	struct buf json, sealed;
	struct slice line;

	buf_init(&json, BACKUP_HEAD_MAX);
	buf_init(&sealed, BACKUP_PIECE + VAULT_STREAM_OVERHEAD);
	vault_key_id(key, h.key_id);
	backup_head_write(&h, &json);
	backup_put_u32(length, (uint32_t)json.len);
	buf_puts(out, BACKUP_MAGIC "1\n");
	buf_put(out, length, sizeof(length));
	buf_put_slice(out, buf_slice(&json));
	vault_hash(buf_slice(out), hash);
	buf_put(out, hash, BACKUP_SUM);
	vault_stream_seal_begin(&stream, key, header);
	buf_put(out, header, sizeof(header));
	while (slice_next(&bytes, '\n', &line)) {
		line = slice_head(line, BACKUP_PIECE);
		buf_reset(&sealed);
		vault_stream_seal(&stream, line, slice_of(hash, sizeof(hash)),
				  !bytes.len, &sealed);
		backup_put_u32(length, (uint32_t)sealed.len);
		buf_put(out, length, sizeof(length));
		buf_put_slice(out, buf_slice(&sealed));
	}
	buf_release(&json);
	buf_release(&sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct secret *key;
	struct buf out;

	if (!key) {
		vault_init();
		key = secret_new(VAULT_KEY_SIZE);
	}
	read_it(slice_of(data, size), key);
	buf_init(&out, 1 << 20);
	seal_it(slice_of(data, size), key, &out);
	read_it(buf_slice(&out), key);
	buf_release(&out);
	return 0;
}
