/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup FILE: all that a data folder keeps, in one encrypted file.
 *
 *   ask the server for copies of both databases -> wait -> open them -> take
 *   ^ rotation, upgrade: wait, and begin anew
 *   the key, and their names go -> write FILE.part -> on disk -> FILE
 *
 * The master key comes from the keeper, sealed under a key that is made
 * here: the front, which carries it, cannot read it.  It is in FILE alone,
 * encrypted like the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/backup_priv.h"
#include "store/store.h"

enum { POLL_US = 100 * 1000, READ_SIZE = 64 * 1024 };

#define MAIN_COPY "store/backup.db"
#define KEEPER_COPY "keeper/backup.db"
#define PARAMS "keeper/passphrase.params"

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
	struct cli_place place;
	struct cli_backup_file file;
	bool asked;		   /* for copies, which are to be ended */
	char copy[RANDOM_ID_SIZE]; /* which they are; "": not told */
	int main_copy, keeper_copy, params; /* -1: not open */
	struct secret *transport, *master;
	struct backup_manifest manifest;
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

/* ---- the copies ---- */

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static int
copies_ask(struct making *m, char why[CLI_WHY_SIZE])
{
	char handover[CLI_SEALED_SIZE];
	struct cli_paper paper;
	struct cli_answer a;
	char body[CLI_SEALED_SIZE + 32];
	int rc = cli_paper_read(m->place.data, &paper);

	if (rc)
		return rc;
	secret_free(m->transport); /* of a time before */
	m->transport = vault_key_new();
	if (!m->transport)
		return cli_fail(CLI_FAILED, "out of memory");
	rc = cli_paper_seal(&paper, m->transport, handover);
	snprintf(body, sizeof(body), "{\"handover\":\"%s\"}", handover);
	if (!rc)
		rc = cli_patience_request(m->c, "/v1/backup", slice_str(body),
					  why, &a);
	if (rc || why[0])
		return rc;
	m->asked = true;
	snprintf(m->copy, sizeof(m->copy), "%s",
		 text_of(cli_answer_json(&a), "copy"));
	cli_answer_release(&a);
	return CLI_OK;
}

static int
copies_lost(void)
{
	return cli_fail(CLI_FAILED,
			"the copies are another backup's by now, or gone: the "
			"server was started anew, or has not heard of this "
			"command for too long; try again");
}

/* What is in a copy: a newer program may have been at the database, and an
 * older server does not say. */
static int64_t
schema_of(const json_t *answer, const char *name, const char *set)
{
	json_int_t n = json_integer_value(json_object_get(answer, name));

	return n > 0 ? n : store_migrations_known(set);
}

/* The master key, and what the manifest says.  It opens only beside the copies
 * that this command has asked for. */
static int
copies_told(struct making *m, const json_t *answer)
{
	unsigned char sealed[CONNECT_SEALED_KEY_SIZE];
	char identity[64];
	size_t len;

	m->manifest.schema_main = schema_of(answer, "schema_main", "main");
	m->manifest.schema_keeper =
		schema_of(answer, "schema_keeper", "keeper");
	snprintf(m->manifest.key_id, sizeof(m->manifest.key_id), "%s",
		 text_of(answer, "key_id"));
	snprintf(m->manifest.key_source, sizeof(m->manifest.key_source), "%s",
		 text_of(answer, "key_source"));
	snprintf(identity, sizeof(identity), "backup/%s", m->manifest.key_id);
	if (codec_base64url_decode(slice_str(text_of(answer, "key")), sealed,
				   sizeof(sealed), &len) ||
	    vault_open(m->transport, identity, slice_of(sealed, len),
		       &m->master))
		return copies_lost();
	return CLI_OK;
}

/* Until they are there; why: not now, as cli_patience_request(). */
static int
copies_wait(struct making *m, char why[CLI_WHY_SIZE])
{
	const json_t *answer;
	struct cli_answer a;
	const char *state;
	int rc;

	for (;;) {
		rc = cli_request(m->c, "GET", "/v1/backup", SLICE_NONE, &a);
		if (rc)
			return rc;
		answer = cli_answer_json(&a);
		state = text_of(answer, "state");
		if (strcmp(state, "copying") != 0)
			break;
		cli_progress(m->c, "Copying, pages",
			     (uint64_t)json_integer_value(
				     json_object_get(answer, "done")),
			     (uint64_t)json_integer_value(
				     json_object_get(answer, "total")));
		cli_answer_release(&a);
		usleep(POLL_US);
	}
	cli_progress_end(m->c);
	if (!strcmp(state, "busy"))
		snprintf(why, CLI_WHY_SIZE, "%s", text_of(answer, "detail"));
	else if (strcmp(state, "ready") != 0)
		rc = cli_fail(CLI_FAILED, "%s",
			      text_of(answer, "detail")[0]
				      ? text_of(answer, "detail")
				      : "the copies could not be made");
	cli_answer_release(&a);
	return rc;
}

/* A file of the data folder. */
static int
part_open(struct making *m, const char *name, int *fd)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/%s", m->place.data, name);
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (*fd < 0)
		return cli_fail(CLI_FAILED, "%s: %s", path, strerror(errno));
	return CLI_OK;
}

/*
 * They are read from there: once they are open, their names can go, so that
 * none is left where this is killed.  Whether they are ours is asked after
 * that: as long as their key opens for us, nobody has begun others.  The salt
 * is that of this key, too: until then there is no rotation.
 */
static int
copies_open(struct making *m)
{
	const json_t *answer;
	struct cli_answer a;
	int rc;

	step_reached("backup.copied");
	rc = part_open(m, MAIN_COPY, &m->main_copy);
	if (!rc)
		rc = part_open(m, KEEPER_COPY, &m->keeper_copy);
	if (!rc)
		rc = cli_request(m->c, "GET", "/v1/backup", SLICE_NONE, &a);
	if (rc)
		return rc;
	answer = cli_answer_json(&a);
	rc = !strcmp(text_of(answer, "state"), "ready") ? copies_told(m, answer)
							: copies_lost();
	cli_answer_release(&a);
	if (!rc && !strcmp(m->manifest.key_source, "passphrase"))
		rc = part_open(m, PARAMS, &m->params);
	return rc;
}

static void
copies_close(struct making *m)
{
	if (m->main_copy >= 0)
		close(m->main_copy);
	if (m->keeper_copy >= 0)
		close(m->keeper_copy);
	if (m->params >= 0)
		close(m->params);
}

static void
copies_end(struct making *m)
{
	struct cli_answer a;
	char path[64];

	if (!m->asked)
		return;
	snprintf(path, sizeof(path), "/v1/backup%s%s",
		 m->copy[0] ? "?copy=" : "", m->copy);
	if (!cli_request(m->c, "DELETE", path, SLICE_NONE, &a))
		cli_answer_release(&a);
	m->asked = false;
}

static int
copies_make(struct making *m)
{
	char why[CLI_WHY_SIZE];
	struct cli_patience p;
	int rc = cli_patience_begin(m->c, &p);

	while (!rc) {
		rc = copies_ask(m, why);
		step_reached("backup.begun");
		if (!rc && !why[0])
			rc = copies_wait(m, why);
		if (rc || !why[0])
			break;
		copies_end(m);
		rc = cli_patience_wait(&p, why);
	}
	return rc;
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

	if (codec_hex_decode(slice_str(m->manifest.key_id), id, sizeof(id),
			     &len))
		return cli_fail(CLI_FAILED, "the master key has no id");
	rc = backup_write_part(m->writer, BACKUP_KEY,
			       VAULT_KEY_SIZE + sizeof(id));
	if (!rc)
		rc = backup_write(m->writer, slice_of(secret_peek(m->master),
						      VAULT_KEY_SIZE));
	if (!rc)
		rc = backup_write(m->writer, slice_of(id, sizeof(id)));
	return rc ? cli_backup_file_failed(&m->file, rc) : CLI_OK;
}

static int
file_fill(struct making *m, const struct backup_secret *s)
{
	int rc = backup_writer_new(m->file.fd, s, &m->manifest, &m->writer);

	if (rc)
		return cli_backup_file_failed(&m->file, rc);
	rc = part_take(m, BACKUP_MAIN, MAIN_COPY, &m->main_copy);
	if (!rc)
		rc = part_take(m, BACKUP_KEEPER, KEEPER_COPY, &m->keeper_copy);
	if (!rc && m->params >= 0)
		rc = part_take(m, BACKUP_PARAMS, PARAMS, &m->params);
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

	clock_format(m->manifest.made_at, at);
	buf_init(&out, 16 * 1024);
	json = json_pack("{s:s, s:s, s:I, s:s, s:s}", "file", m->file.path,
			 "made_at", at, "bytes", (json_int_t)m->done, "key_id",
			 m->manifest.key_id, "key_source",
			 m->manifest.key_source);
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
			    .file = { .fd = -1 },
			    .main_copy = -1,
			    .keeper_copy = -1,
			    .params = -1 };
	struct cli_backup_secret s;
	int rc;

	signal(SIGXFSZ, SIG_IGN); /* a limit is an error like a full disk */
	if (vault_init())
		return CLI_FAILED;
	m.manifest.made_at = clock_wall_ms();
	snprintf(m.manifest.made_by, sizeof(m.manifest.made_by), "%s",
		 c->hooks->version);
	rc = cli_backup_secret_get(c, true, &s);
	if (!rc)
		rc = cli_keys_place(c, &m.place);
	if (!rc)
		rc = copies_make(&m);
	if (!rc)
		rc = copies_open(&m);
	copies_end(&m);
	if (!rc)
		rc = file_make(
			&m, &(struct backup_secret){ .passphrase = s.passphrase,
						     .key = s.key });
	copies_close(&m);
	if (!rc)
		backup_tell(&m);
	secret_free(m.transport);
	secret_free(m.master);
	cli_backup_secret_free(&s);
	return rc;
}

const struct cli_command cli_backup_commands[] = {
	{ "backup", "FILE", "all of it into one encrypted file",
	  "Works beside a running server, which goes on meanwhile, and without "
	  "one.  The file\nis encrypted with a passphrase (asked for, or the "
	  "first line of standard input) or\na key file, and holds the master "
	  "key too.  It is whole or not there at all.  A rotation of keys, a "
	  "reload or an upgrade\nthat is under way is waited for.\n\nRefresh tokens that "
	  "rotate go on rotating after it was made: a backup that is\nrestored "
	  "late may hold some that their provider does not know any more.",
	  backup_run, backup_options, 1, 1 },
	{ NULL },
};
