/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settled clock (base/settled.h), from one front to the next: one that is
 * started while the wall clock is wrong believes what the one before knew, and
 * since when, as long as the machine was not booted anew.
 *
 * Runs in the front, at its start and on a work thread.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "main/front_priv.h"

void
front_settled_init(struct front *f)
{
	const size_t len = sizeof(f->boot_id) - 1;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, f->boot_id, len);

	if (fd >= 0)
		close(fd);
	if (n != (ssize_t)len)
		f->boot_id[0] = '\0';
}

/* "<boot id> <distance of the clocks> <ahead since>", as clock_settled has
 * them; not known: not of this boot. */
static void
kept_read(const struct front *f, struct slice kept, struct clock_settled *out)
{
	struct slice id, off_text;
	uint64_t off, since;

	memset(out, 0, sizeof(*out));
	if (!f->boot_id[0] || !slice_next(&kept, ' ', &id) ||
	    !slice_eq(id, slice_str(f->boot_id)) ||
	    !slice_next(&kept, ' ', &off_text) ||
	    slice_to_u64(off_text, INT64_MAX, &off) ||
	    slice_to_u64(kept, INT64_MAX, &since))
		return;
	out->known = true;
	out->off_ms = (int64_t)off;
	out->ahead_since_ms = (int64_t)since;
}

void
front_settled_begin(const struct front *f, struct store_conn *c)
{
	struct clock_settled before = { 0 };
	struct store_stmt *st = NULL;

	if (!store_query(c, &st,
			 "SELECT value FROM settings WHERE org = '' AND name = "
			 "'clock'",
			 "") &&
	    store_step(st) == 1)
		kept_read(f, store_col(st, 0), &before);
	store_done(st);
	clock_settled_begin(&before);
	front_settled_keep(f, c);
}

void
front_settled_keep(const struct front *f, struct store_conn *c)
{
	struct clock_settled now;
	char text[sizeof(f->boot_id) + 48];
	int rc;

	clock_settled_get(&now);
	snprintf(text, sizeof(text), "%s %lld %lld", f->boot_id,
		 (long long)now.off_ms, (long long)now.ahead_since_ms);
	rc = store_exec(c, NULL,
			"INSERT INTO settings (org, name, value) VALUES ('', "
			"'clock', ?1) ON CONFLICT (org, name) DO UPDATE SET "
			"value = ?1",
			"s", text);
	if (rc)
		log_warn("the clock could not be noted", LOG_E(rc));
}
