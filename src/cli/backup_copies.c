/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The copies of both databases, which the server makes, and the master key
 * that opens what is in them.
 *
 *   ask for them -> wait -> open them -> are they ours? -> their names go
 *    ^ rotation, upgrade, backup: wait, and begin anew
 *
 * The master key comes from the keeper, sealed under a key that is made
 * here: the front, which carries it, cannot read it.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli/backup_priv.h"
#include "store/store.h"

enum { POLL_US = 100 * 1000 };

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static int
copies_ask(struct cli_backup_copies *m, char why[CLI_WHY_SIZE])
{
	char handover[CLI_SEALED_SIZE];
	struct cli_paper paper;
	struct cli_answer a;
	char body[CLI_SEALED_SIZE + 32];
	int rc = cli_paper_read(m->data, &paper);

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
	if (rc)
		return rc;
	m->asked = !why[0];
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
copies_told(struct cli_backup_copies *m, const json_t *answer)
{
	unsigned char sealed[CONNECT_SEALED_KEY_SIZE];
	char identity[64];
	size_t len;

	secret_free(m->master); /* it is asked for twice */
	m->master = NULL;
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
copies_wait(struct cli_backup_copies *m, char why[CLI_WHY_SIZE])
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
	else if (!strcmp(state, "ready"))
		rc = copies_told(m, answer);
	else
		rc = cli_fail(CLI_FAILED, "%s",
			      text_of(answer, "detail")[0]
				      ? text_of(answer, "detail")
				      : "the copies could not be made");
	cli_answer_release(&a);
	return rc;
}

/* A file of the data folder. */
static int
part_open(struct cli_backup_copies *m, const char *name, int *fd)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/%s", m->data, name);
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (*fd < 0)
		return cli_fail(CLI_FAILED, "%s: %s", path, strerror(errno));
	return CLI_OK;
}

/* Whether they are those of this command still, and it can read the key. */
static int
copies_check(struct cli_backup_copies *m)
{
	const json_t *answer;
	struct cli_answer a;
	int rc = cli_request(m->c, "GET", "/v1/backup", SLICE_NONE, &a);

	if (rc)
		return rc;
	answer = cli_answer_json(&a);
	rc = !strcmp(text_of(answer, "state"), "ready") ? copies_told(m, answer)
							: copies_lost();
	cli_answer_release(&a);
	return rc;
}

/*
 * They are read from there: once they are open, their names can go, so that
 * none is left where this is killed.  Whether they are ours is asked after
 * that: as long as their key opens for us, nobody has begun others.  The salt
 * is that of this key, too: until then there is no rotation.
 */
static int
copies_open(struct cli_backup_copies *m)
{
	int rc;

	step_reached("backup.copied");
	rc = part_open(m, CLI_MAIN_COPY, &m->main_copy);
	if (!rc)
		rc = part_open(m, CLI_KEEPER_COPY, &m->keeper_copy);
	if (!rc && !strcmp(m->manifest.key_source, "passphrase"))
		rc = part_open(m, CLI_PARAMS, &m->params);
	if (!rc)
		rc = copies_check(m);
	return rc;
}

void
cli_backup_copies_close(struct cli_backup_copies *m)
{
	if (m->main_copy >= 0)
		close(m->main_copy);
	if (m->keeper_copy >= 0)
		close(m->keeper_copy);
	if (m->params >= 0)
		close(m->params);
	secret_free(m->transport);
	secret_free(m->master);
}

static void
copies_end(struct cli_backup_copies *m)
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
copies_make(struct cli_backup_copies *m)
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

int
cli_backup_copies_get(struct cli_backup_copies *m)
{
	int rc = copies_make(m);

	if (!rc)
		rc = copies_open(m);
	copies_end(m);
	return rc;
}
