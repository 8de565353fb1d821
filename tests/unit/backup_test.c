/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backup is read back as it was written, whole or not at all; what it may
 * hold is a short list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "backup/backup_priv.h"
#include "../support/temp_folder.h"

static struct secret *key;

/* What was read. */
struct got {
	struct slice rest;
	char names[256], bytes[4096];
	size_t parts, len;
	bool by_one; /* a byte at a time */
};

static ssize_t
got_read(void *arg, void *out, size_t size)
{
	struct got *g = arg;
	size_t n = g->by_one ? 1 : size;

	if (n > g->rest.len)
		n = g->rest.len;
	if (n)
		memcpy(out, g->rest.ptr, n);
	g->rest = slice_from(g->rest, n);
	return (ssize_t)n;
}

static int
got_part(void *arg, enum backup_part part, uint64_t size)
{
	struct got *g = arg;
	size_t at = strlen(g->names);

	snprintf(g->names + at, sizeof(g->names) - at, "%s %llu;",
		 backup_part_path(part), (unsigned long long)size);
	g->parts++;
	return 0;
}

static int
got_data(void *arg, struct slice bytes)
{
	struct got *g = arg;

	if (g->len + bytes.len <= sizeof(g->bytes))
		memcpy(g->bytes + g->len, bytes.ptr, bytes.len);
	g->len += bytes.len;
	return 0;
}

static int
read_back(struct slice file, const struct backup_secret *s, struct got *g,
	  struct backup_problem *p)
{
	struct backup_reader_config c = {
		.read = got_read, .part = got_part, .data = got_data, .arg = g
	};
	struct backup_manifest m;
	bool by_one = g->by_one;
	int rc;

	memset(g, 0, sizeof(*g));
	g->by_one = by_one;
	g->rest = file;
	rc = backup_read(&c, s, &m, p);
	if (!rc) {
		assert_int_equal(m.made_at, 123456);
		assert_string_equal(m.key_id, "0123456789abcdef");
		assert_int_equal(m.schema_keeper, 7);
	}
	return rc;
}

/* A backup of three parts; its length. */
static size_t
write_out(const struct backup_secret *s, size_t big, char *out, size_t size)
{
	struct backup_manifest m = { .made_at = 123456,
				     .made_by = "test",
				     .schema_main = 3,
				     .schema_keeper = 7,
				     .key_id = "0123456789abcdef",
				     .key_source = "folder" };
	char *bytes = calloc(1, big + 1);
	struct backup_writer *w;
	size_t i;
	int fd;

	fd = open(temp_path("backup"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
		  0600);
	assert_int_equal(backup_writer_new(fd, s, &m, &w), 0);
	for (i = 0; i < big; i++)
		bytes[i] = (char)(i % 251);
	assert_int_equal(backup_write_part(w, BACKUP_MAIN, big), 0);
	for (i = 0; i < big; i += 1000)
		assert_int_equal(
			backup_write(w,
				     slice_of(bytes + i,
					      big - i < 1000 ? big - i : 1000)),
			0);
	assert_int_equal(backup_write_part(w, BACKUP_KEEPER, 0), 0);
	assert_int_equal(backup_write_part(w, BACKUP_KEY, 3), 0);
	assert_int_equal(backup_write(w, SLICE("key")), 0);
	assert_int_equal(backup_write_end(w), 0);
	backup_writer_free(w);
	free(bytes);
	close(fd);
	return file_get(temp_path("backup"), out, size);
}

static void
what_was_written_is_read_back(void **state)
{
	static const size_t sizes[] = { 0, 1, 65534, 65535, 65536, 200000 };
	struct backup_secret s = { .key = key };
	struct backup_problem p;
	static char file[300000];
	char names[256];
	struct got g = { .by_one = false };
	size_t i, len;

	(void)state;
	for (i = 0; i < ARRAY_LEN(sizes) * 2; i++) {
		g.by_one = i >= ARRAY_LEN(sizes);
		len = write_out(&s, sizes[i % ARRAY_LEN(sizes)], file,
				sizeof(file));
		assert_int_equal(read_back(slice_of(file, len), &s, &g, &p), 0);
		snprintf(names, sizeof(names),
			 "store/drawbridge.db %zu;keeper/grants.db "
			 "0;keeper/master.key 3;",
			 sizes[i % ARRAY_LEN(sizes)]);
		assert_string_equal(g.names, names);
		assert_int_equal(g.len, sizes[i % ARRAY_LEN(sizes)] + 3);
	}
}

static void
every_flipped_bit_and_every_cut_is_found(void **state)
{
	struct backup_secret s = { .key = key };
	struct backup_problem p;
	struct got g = { .by_one = false };
	char file[4096];
	size_t len, i;

	(void)state;
	len = write_out(&s, 100, file, sizeof(file));
	for (i = 0; i < len * 8; i++) {
		file[i / 8] ^= (char)(1 << i % 8);
		assert_true(read_back(slice_of(file, len), &s, &g, &p) < 0);
		assert_true(p.text[0]);
		file[i / 8] ^= (char)(1 << i % 8);
	}
	for (i = 0; i < len; i++)
		assert_true(read_back(slice_of(file, i), &s, &g, &p) < 0);
	file[len] = 'x';
	assert_int_equal(read_back(slice_of(file, len + 1), &s, &g, &p),
			 ERR_INVALID);
	assert_non_null(strstr(p.text, "more behind"));
	assert_int_equal(read_back(slice_of(file, len), &s, &g, &p), 0);
}

static void
each_mistake_has_words_of_its_own(void **state)
{
	struct secret *phrase = secret_from("right", 5);
	struct secret *wrong = secret_from("wrong", 5);
	struct secret *other = vault_key_new();
	struct backup_secret s = { .passphrase = phrase };
	struct backup_problem p;
	struct got g = { .by_one = false };
	char file[4096];
	size_t len;

	(void)state;
	len = write_out(&s, 10, file, sizeof(file));
	assert_int_equal(read_back(slice_of(file, len), &s, &g, &p), 0);
	s.passphrase = wrong;
	assert_int_equal(read_back(slice_of(file, len), &s, &g, &p),
			 ERR_CRYPTO);
	assert_non_null(strstr(p.text, "wrong passphrase"));
	s = (struct backup_secret){ .key = key };
	assert_int_equal(read_back(slice_of(file, len), &s, &g, &p),
			 ERR_INVALID);
	assert_non_null(strstr(p.text, "wants a passphrase"));
	len = write_out(&s, 10, file, sizeof(file));
	s.key = other;
	assert_int_equal(read_back(slice_of(file, len), &s, &g, &p),
			 ERR_CRYPTO);
	assert_non_null(strstr(p.text, "another key file"));
	file[18] = '2';
	assert_int_equal(read_back(slice_of(file, len), &s, &g, &p),
			 ERR_UNSUPPORTED);
	assert_non_null(strstr(p.text, "newer version"));
	assert_int_equal(read_back(SLICE("PK\3\4 something"), &s, &g, &p),
			 ERR_INVALID);
	assert_non_null(strstr(p.text, "no backup"));
	secret_free(phrase);
	secret_free(wrong);
	secret_free(other);
}

static int
begin(void **state)
{
	if (temp_folder_begin(state) || vault_init())
		return -1;
	key = vault_key_new();
	return 0;
}

static int
end(void **state)
{
	secret_free(key);
	return temp_folder_end(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read_back),
		cmocka_unit_test(every_flipped_bit_and_every_cut_is_found),
		cmocka_unit_test(each_mistake_has_words_of_its_own),
	};

	return cmocka_run_group_tests_name("backup", tests, begin, end);
}
