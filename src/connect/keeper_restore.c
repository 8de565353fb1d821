/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a restore: what came out of a backup is marked as such.
 *
 * `drawbridge restore` leaves a file beside the database with the time of the
 * backup.  Since then a provider may have given a new refresh token and
 * forgotten the one in the backup; when it refuses, people are told that
 * this is likely why.  A new credential takes the mark away.
 *
 * Runs in the keeper.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "connect/keeper_keys_priv.h"

/* The time in DATA/keeper/restored; ERR_NOT_FOUND. */
static int
restored_at(const struct keeper *k, char *path, size_t size, int64_t *at)
{
	char text[32];
	uint64_t n;
	ssize_t len;
	int fd;

	keeper_path(k, "restored", path, size);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return ERR_NOT_FOUND;
	len = read(fd, text, sizeof(text));
	close(fd);
	while (len > 0 && text[len - 1] == '\n')
		len--;
	if (len <= 0 ||
	    slice_to_u64(slice_of(text, (size_t)len), INT64_MAX, &n))
		return ERR_INVALID;
	*at = (int64_t)n;
	return 0;
}

int
keeper_restore_note(struct keeper *k, char *detail, size_t size)
{
	char path[4096];
	int64_t at, marked = 0;
	int rc = restored_at(k, path, sizeof(path), &at);

	if (rc == ERR_NOT_FOUND)
		return 0;
	if (!rc)
		rc = store_exec(k->db, &marked,
				"UPDATE grants SET restored_at = ?1", "i", at);
	if (rc) {
		snprintf(detail, size, "%s: %s", path, err_text(rc));
		return rc;
	}
	unlink(path);
	log_info("grants came out of a backup", LOG_I("grants", marked));
	return 0;
}

void
keeper_restore_words(struct keeper *k, const struct connect_msg_subject *who,
		     char *reason, size_t size)
{
	char at[CLOCK_TEXT_SIZE], words[256];
	struct store_stmt *st;
	int64_t restored = 0;

	if (store_query(k->db, &st,
			"SELECT restored_at FROM grants WHERE connection = ?1 "
			"AND subject = ?2",
			"ss", who->connection, who->subject))
		return;
	if (store_step(st) == 1)
		restored = store_col_int(st, 0);
	store_done(st);
	if (!restored)
		return;
	clock_format(restored, at);
	at[10] = '\0';
	snprintf(words, sizeof(words),
		 "In doubt by a restore: the credential came out of the backup "
		 "of %s, and the provider has renewed it since, most likely. "
		 "%.90s",
		 at, reason);
	snprintf(reason, size, "%s", words);
	slice_mend_utf8(reason);
}
