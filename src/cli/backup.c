/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup FILE: all that a data folder keeps, in one encrypted file.
 *
 *   copies of both databases, and the master key (backup_copies.c)
 *   -> FILE.part -> on disk -> FILE (backup_file.c)
 *
 * The master key is in FILE alone, encrypted like the rest.
 */
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/backup_priv.h"

enum { READ_SIZE = 64 * 1024 };

static const struct cli_option backup_options[] = {
	{ "passphrase-file", CLI_VALUE, "FILE",
	  "encrypt with this passphrase (default: standard input)" },
	{ "key-file", CLI_VALUE, "FILE",
	  "encrypt with this key (see `keyring make`)" },
	{ "force", CLI_FLAG, NULL, "replace FILE if it is there" },
	CLI_PATIENCE_OPTION("a rotation, an upgrade or a backup"),
	{ NULL },
};

struct making {
	struct cli *c;
	struct cli_backup_copies copies;
	struct cli_backup_file file;
	struct backup_writer *writer;
	uint64_t done, total; /* bytes */
};

/* ---- with what it is encrypted ---- */

void
cli_backup_secret_free(struct cli_backup_secret *s)
{
	secret_free(s->passphrase);
	secret_free(s->key);
}

int
cli_backup_secret_get(struct cli *c, bool wants_passphrase,
		      struct cli_backup_secret *out)
{
	const char *phrase = cli_value(&c->args, "passphrase-file");
	const char *file = cli_value(&c->args, "key-file");
	char detail[512] = "";

	*out = (struct cli_backup_secret){ 0 };
	if (phrase && file)
		return cli_misused(c, "--passphrase-file and --key-file: one "
				      "of them");
	if (file && !vault_key_from_file(file, false, &out->key, NULL, detail,
					 sizeof(detail)))
		return CLI_OK;
	if (file)
		return cli_fail(CLI_FAILED, "%s", detail);
	if (!wants_passphrase && !phrase)
		return cli_misused(c, "this backup was encrypted with a key "
				      "file: name it with --key-file");
	return phrase ? cli_secret_read(phrase, CLI_PASSPHRASE_MAX,
					&out->passphrase)
		      : cli_secret_ask("Passphrase of the backup",
				       CLI_PASSPHRASE_MAX, &out->passphrase);
}

/* ---- the file ---- */

/* Bytes of a part into the file. */
static int
part_put(struct making *m, struct slice bytes)
{
	int rc;

	if (step_fails("backup.part")) {
		errno = ENOSPC;
		return cli_backup_file_failed(&m->file, ERR_SYSTEM);
	}
	rc = backup_write(m->writer, bytes);
	if (rc)
		return cli_backup_file_failed(&m->file, rc);
	m->done += bytes.len;
	cli_progress(m->c, "Encrypting, bytes", m->done, m->total);
	return CLI_OK;
}

/* All of what is at fd: as many bytes as were told, no more and no less. */
static int
part_copy(struct making *m, const char *name, int fd, uint64_t left)
{
	static char bytes[READ_SIZE];
	ssize_t n;
	int rc;

	for (;;) {
		do
			n = read(fd, bytes, sizeof(bytes));
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return cli_fail(CLI_FAILED, "%s cannot be read: %s",
					name, strerror(errno));
		if ((uint64_t)n > left || (!n && left))
			return cli_fail(CLI_FAILED,
					"%s has become %s while it was read",
					name, n ? "longer" : "shorter");
		if (!n)
			return CLI_OK;
		rc = part_put(m, slice_of(bytes, (size_t)n));
		if (rc)
			return rc;
		left -= (uint64_t)n;
	}
}

/* All of an open file of the data folder; closed then. */
static int
part_take(struct making *m, enum backup_part part, const char *name, int *fd)
{
	struct stat st;
	int rc;

	if (fstat(*fd, &st))
		return cli_fail(CLI_FAILED, "%s: %s", name, strerror(errno));
	m->total += (uint64_t)st.st_size;
	rc = backup_write_part(m->writer, part, (uint64_t)st.st_size);
	rc = rc ? cli_backup_file_failed(&m->file, rc)
		: part_copy(m, name, *fd, (uint64_t)st.st_size);
	close(*fd);
	*fd = -1;
	return rc;
}

/* As a key file has it: the key, and its id. */
static int
key_write(struct making *m)
{
	unsigned char id[8];
	size_t len;
	int rc;

	if (codec_hex_decode(slice_str(m->copies.manifest.key_id), id,
			     sizeof(id), &len))
		return cli_fail(CLI_FAILED, "the master key has no id");
	rc = backup_write_part(m->writer, BACKUP_KEY,
			       VAULT_KEY_SIZE + sizeof(id));
	if (!rc)
		rc = backup_write(m->writer,
				  slice_of(secret_peek(m->copies.master),
					   VAULT_KEY_SIZE));
	if (!rc)
		rc = backup_write(m->writer, slice_of(id, sizeof(id)));
	return rc ? cli_backup_file_failed(&m->file, rc) : CLI_OK;
}

static int
file_fill(struct making *m, const struct backup_secret *s)
{
	int rc = backup_writer_new(m->file.fd, s, &m->copies.manifest,
				   &m->writer);

	if (rc)
		return cli_backup_file_failed(&m->file, rc);
	rc = part_take(m, BACKUP_MAIN, CLI_MAIN_COPY, &m->copies.main_copy);
	if (!rc)
		rc = part_take(m, BACKUP_KEEPER, CLI_KEEPER_COPY,
			       &m->copies.keeper_copy);
	if (!rc && m->copies.params >= 0)
		rc = part_take(m, BACKUP_PARAMS, CLI_PARAMS, &m->copies.params);
	if (!rc)
		rc = key_write(m);
	if (rc)
		return rc;
	rc = backup_write_end(m->writer);
	if (rc)
		return cli_backup_file_failed(&m->file, rc);
	cli_progress_end(m->c);
	return CLI_OK;
}

static int
file_make(struct making *m, const struct backup_secret *s)
{
	int rc = cli_backup_file_begin(&m->file, cli_word(m->c, 0),
				       cli_flag(&m->c->args, "force"));

	if (rc)
		return rc;
	rc = file_fill(m, s);
	backup_writer_free(m->writer);
	if (!rc)
		rc = cli_backup_file_place(&m->file);
	cli_backup_file_end(&m->file);
	return rc;
}

/* ---- all of it ---- */

static void
backup_tell(const struct making *m)
{
	char at[CLOCK_TEXT_SIZE];
	json_t *json;
	struct buf out;

	clock_format(m->copies.manifest.made_at, at);
	buf_init(&out, 16 * 1024);
	json = json_pack("{s:s, s:s, s:I, s:s, s:s}", "file", m->file.path,
			 "made_at", at, "bytes", (json_int_t)m->done, "key_id",
			 m->copies.manifest.key_id, "key_source",
			 m->copies.manifest.key_source);
	if (m->c->json && json && !json_write(json, &out) &&
	    !buf_putc(&out, '\n'))
		cli_put(buf_slice(&out));
	json_decref(json);
	buf_release(&out);
	cli_say(m->c,
		"%s holds all of it, the master key included: whoever has the "
		"file and its\npassphrase or key has every credential. Keep "
		"them apart, and try a restore:\n  drawbridge restore %s "
		"--check",
		m->file.path, m->file.path);
}

static int
backup_run(struct cli *c)
{
	struct making m = { .c = c,
			    .copies = CLI_BACKUP_COPIES_NONE(c),
			    .file = { .fd = -1 } };
	struct backup_manifest *manifest = &m.copies.manifest;
	struct cli_backup_secret s;
	struct cli_place place;
	int rc;

	signal(SIGXFSZ, SIG_IGN); /* a limit is an error like a full disk */
	if (vault_init())
		return CLI_FAILED;
	manifest->made_at = clock_wall_ms();
	snprintf(manifest->made_by, sizeof(manifest->made_by), "%s",
		 c->hooks->version);
	rc = cli_backup_secret_get(c, true, &s);
	if (!rc)
		rc = cli_keys_place(c, &place);
	m.copies.data = place.data;
	if (!rc)
		rc = cli_backup_copies_get(&m.copies);
	if (!rc)
		rc = file_make(
			&m, &(struct backup_secret){ .passphrase = s.passphrase,
						     .key = s.key });
	cli_backup_copies_close(&m.copies);
	if (!rc)
		backup_tell(&m);
	cli_backup_secret_free(&s);
	return rc;
}

const struct cli_command cli_backup_commands[] = {
	{ "backup", "FILE", "all of it into one encrypted file",
	  "Works beside a running server, which goes on meanwhile, and without "
	  "one.  The file\nis encrypted with a passphrase (asked for, or the "
	  "first line of standard input) or\na key file, and holds the master "
	  "key too.  It is whole or not there\nat all.  A rotation of keys, a "
	  "reload or an upgrade that is under way is waited\nfor.\n\nRefresh "
	  "tokens that rotate go on rotating after it was made: a backup that is\nrestored "
	  "late may hold some that their provider does not know any more.",
	  backup_run, backup_options, 1, 1 },
	{ NULL },
};
