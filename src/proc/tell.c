/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commands are told of the parent: DATA/server.json, with its process
 * id and how the last reload or upgrade went.
 *
 * Runs in the parent.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "proc/parent_priv.h"

static void
put_member(struct buf *b, const char *name, const char *text)
{
	buf_printf(b, ",\"%s\":\"", name);
	codec_json_bytes(b, slice_str(text));
	buf_putc(b, '"');
}

static void
put_renewal(struct buf *b, const struct renewal *r)
{
	char at[CLOCK_TEXT_SIZE];

	clock_format(r->at, at);
	buf_printf(b, ",\"renewal\":{\"number\":%u", r->number);
	put_member(b, "kind", r->upgrade ? "upgrade" : "reload");
	put_member(b, "state", r->state);
	put_member(b, "at", at);
	put_member(b, "why", r->why);
	put_member(b, "needs_restart", r->kept);
	buf_putc(b, '}');
}

static void
path_of(const struct parent *p, const char *name, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", p->prepared.data, name);
}

void
parent_tell(const struct parent *p)
{
	char path[4200], made[4200], at[CLOCK_TEXT_SIZE];
	struct buf b;
	bool ok;
	int fd;

	if (p->config->private_server)
		return;
	buf_init(&b, 16 * 1024);
	clock_format(p->started_at, at);
	buf_printf(&b, "{\"pid\":%d", (int)getpid());
	put_member(&b, "version", p->config->version);
	put_member(&b, "started_at", at);
	if (p->renewal.state)
		put_renewal(&b, &p->renewal);
	buf_puts(&b, "}\n");
	path_of(p, "server.json", path, sizeof(path));
	path_of(p, "server.json.new", made, sizeof(made));
	unlink(made);
	fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ok = fd >= 0 && !buf_err(&b) &&
	     write(fd, b.data, b.len) == (ssize_t)b.len;
	if (fd >= 0)
		close(fd);
	if (!ok || rename(made, path))
		log_warn("server.json could not be written");
	buf_release(&b);
}

void
parent_tell_end(const struct parent *p)
{
	char path[4200];

	if (p->config->private_server || !p->now)
		return; /* another server's, if there is one */
	path_of(p, "server.json", path, sizeof(path));
	unlink(path);
}
