/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before the roles start: data folder, lock, sockets, passphrase.
 *
 * What fails here is a person's first contact with the server, so that each
 * failure says in one line what is wrong and what to do.
 *
 * Runs in the parent.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proc/parent_priv.h"
#include "vault/vault.h"

enum {
	PASSPHRASE_MAX = 4096,
	LOCK_TRIES = 60,
	LOCK_PAUSE_US = 50 * 1000,
};

static int
folder_make(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) && errno != EEXIST) {
		fprintf(stderr, "drawbridge: cannot make the folder %s: %s\n",
			path, strerror(errno));
		return ERR_SYSTEM;
	}
	if (stat(path, &st) || !S_ISDIR(st.st_mode)) {
		fprintf(stderr, "drawbridge: %s is no folder\n", path);
		return ERR_SYSTEM;
	}
	if (st.st_uid != geteuid()) {
		fprintf(stderr,
			"drawbridge: the folder %s belongs to another user; "
			"run as that user or choose another --data\n",
			path);
		return ERR_FORBIDDEN;
	}
	if ((st.st_mode & 077) && chmod(path, 0700)) {
		fprintf(stderr,
			"drawbridge: cannot close the folder %s to "
			"others: %s\n",
			path, strerror(errno));
		return ERR_SYSTEM;
	}
	return 0;
}

static int
folder_prepare(const char *given, struct proc_prepared *p)
{
	static const char *const inner[] = { "keeper", "store" };
	char path[PATH_MAX + 16];
	size_t i;
	int rc = folder_make(given);

	if (rc)
		return rc;
	if (!realpath(given, path) || strlen(path) >= sizeof(p->data)) {
		fprintf(stderr, "drawbridge: the path of %s cannot be used\n",
			given);
		return ERR_SYSTEM;
	}
	snprintf(p->data, sizeof(p->data), "%.4095s", path);
	for (i = 0; i < ARRAY_LEN(inner) && !rc; i++) {
		snprintf(path, sizeof(path), "%s/%s", p->data, inner[i]);
		rc = folder_make(path);
	}
	return rc;
}

/* Another server's lock may be a command's private server, which ends soon:
 * only another command gives up at once. */
static bool
lock_take(const struct proc_prepared *p, bool at_once)
{
	int tries = at_once ? 1 : LOCK_TRIES;

	while (flock(p->lock, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK || !--tries)
			return false;
		usleep(LOCK_PAUSE_US);
	}
	return true;
}

static int
folder_lock(struct proc_prepared *p, bool at_once)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/lock", p->data);
	p->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (p->lock >= 0 && lock_take(p, at_once))
		return 0;
	if (p->lock >= 0 && errno == EWOULDBLOCK)
		fprintf(stderr,
			"drawbridge: another server is using %s; stop it "
			"first, or choose another --data\n",
			p->data);
	else
		fprintf(stderr, "drawbridge: cannot lock %s: %s\n", path,
			strerror(errno));
	return ERR_BUSY;
}

/* ---- sockets ---- */

static int
listen_on(struct proc_prepared *p, const char *text, bool local)
{
	struct proc_listener *l = &p->listeners[p->listener_count];
	struct net_addr a;
	int rc;

	if (p->listener_count == PROC_LISTENERS_MAX) {
		fprintf(stderr,
			"drawbridge: more than %d addresses to listen "
			"on\n",
			PROC_LISTENERS_MAX - 1);
		return ERR_TOO_LARGE;
	}
	rc = net_addr_parse(slice_str(text), &a);
	if (rc) {
		fprintf(stderr,
			"drawbridge: cannot listen on \"%s\": want "
			"ADDR:PORT, [IPV6]:PORT or unix:PATH (at most 107 "
			"bytes)\n",
			text);
		return rc;
	}
	rc = net_listen(&a, &l->fd);
	if (rc) {
		fprintf(stderr, "drawbridge: cannot listen on %s: %s\n", text,
			strerror(errno));
		return rc;
	}
	/* the port may have been chosen by the kernel */
	a.len = sizeof(a.u);
	if (strncmp(text, "unix:", 5) != 0 &&
	    !getsockname(l->fd, &a.u.sa, &a.len))
		net_addr_format(&a, l->address);
	else
		slice_copy(slice_str(text), l->address, sizeof(l->address));
	l->local = local;
	p->listener_count++;
	return 0;
}

static int
listen_all(const struct proc_parent_config *c, struct proc_prepared *p)
{
	const char *const *items;
	char own[PATH_MAX + 32];
	size_t count, i;
	int rc;

	snprintf(own, sizeof(own), "unix:%s/%s.sock", p->data,
		 c->private_server ? "private" : "drawbridge");
	rc = listen_on(p, own, true);
	if (c->private_server)
		return rc;
	items = conf_list(c->conf, CONF_LISTEN, &count);
	for (i = 0; i < count && !rc; i++)
		rc = listen_on(p, items[i], false);
	return rc;
}

/* ---- the passphrase ---- */

/* Up to so many bytes, also of a pipe. */
static size_t
passphrase_fill(int fd, struct secret *s)
{
	size_t len = 0;
	ssize_t n;

	while (len < PASSPHRASE_MAX) {
		n = read(fd, secret_bytes(s) + len, PASSPHRASE_MAX - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	return len;
}

static int
passphrase_read(const char *path, struct secret **out)
{
	struct secret *s = secret_new(PASSPHRASE_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*out = NULL;
	if (s)
		secret_truncate(s, fd >= 0 ? passphrase_fill(fd, s) : 0);
	if (fd >= 0)
		close(fd);
	if (s)
		vault_passphrase_trim(s);
	if (!s || !secret_len(s)) {
		fprintf(stderr, "drawbridge: no passphrase in %s\n", path);
		secret_free(s);
		return ERR_INVALID;
	}
	*out = s;
	return 0;
}

/* Key and what it took, for the keeper: it tells by that which of two files
 * is the right one. */
static int
passphrase_note(struct secret *key, const struct vault_kdf *used,
		struct secret **out)
{
	char params[VAULT_PARAMS_SIZE];
	size_t len;

	vault_params_write(used, params);
	len = strlen(params);
	*out = secret_new(secret_len(key) + len);
	if (*out) {
		memcpy(secret_bytes(*out), secret_peek(key), secret_len(key));
		memcpy(secret_bytes(*out) + secret_len(key), params, len);
	}
	secret_free(key);
	return *out ? 0 : ERR_NOMEM;
}

static int
passphrase_derive(const char *params, bool create,
		  const struct secret *passphrase, struct secret **out,
		  char *detail, size_t size)
{
	struct vault_kdf used;
	struct secret *key;
	int rc = vault_key_from_passphrase(passphrase, params, create, &key,
					   &used, detail, size);

	return rc ? rc : passphrase_note(key, &used, out);
}

static void
passphrase_explain(const char *params, int rc, const char *detail)
{
	if (rc == ERR_NOT_FOUND)
		fprintf(stderr,
			"drawbridge: %s is missing: without the salt in it the "
			"passphrase gives another key; take it from a copy or "
			"a backup. (If the master key is in a file, start "
			"without --passphrase-file.)\n",
			params);
	else
		fprintf(stderr, "drawbridge: %s\n",
			detail[0] ? detail : err_text(rc));
}

/*
 * With the salts of both files: when a rotation was cut off, what was given
 * may be the former passphrase or the new one, and one of the files may not
 * be there.  The first is made for a folder without grants alone: another
 * salt makes another key.
 */
static int
passphrase_both(struct proc_prepared *p, const struct secret *passphrase)
{
	char params[PATH_MAX + 64], next[PATH_MAX + 64];
	char grants[PATH_MAX + 64], detail[512] = "", unused[512];
	int rc;

	snprintf(params, sizeof(params), "%s/keeper/passphrase.params",
		 p->data);
	snprintf(next, sizeof(next), "%s/keeper/passphrase.params.next",
		 p->data);
	snprintf(grants, sizeof(grants), "%s/keeper/grants.db", p->data);
	rc = passphrase_derive(params, access(grants, F_OK) != 0, passphrase,
			       &p->keys[PROC_KEY_MAIN], detail, sizeof(detail));
	passphrase_derive(next, false, passphrase, &p->keys[PROC_KEY_NEXT],
			  unused, sizeof(unused));
	if (rc && (rc != ERR_NOT_FOUND || !p->keys[PROC_KEY_NEXT]))
		passphrase_explain(params, rc, detail);
	return p->keys[PROC_KEY_NEXT] ? 0 : rc;
}

static int
passphrase_keys(const struct proc_parent_config *c, struct proc_prepared *p)
{
	const char *file = conf_text(c->conf, CONF_PASSPHRASE_FILE);
	struct secret *passphrase;
	int rc;

	if (!file[0])
		return 0;
	rc = vault_init();
	if (!rc)
		rc = passphrase_read(file, &passphrase);
	if (rc)
		return rc;
	rc = passphrase_both(p, passphrase);
	secret_free(passphrase);
	return rc;
}

int
proc_prepare(const struct proc_parent_config *c, struct proc_prepared *out)
{
	int rc;

	memset(out, 0, sizeof(*out));
	out->lock = -1;
	rc = folder_prepare(conf_text(c->conf, CONF_DATA), out);
	if (!rc)
		rc = folder_lock(out, c->private_server);
	if (!rc)
		rc = passphrase_keys(c, out);
	if (!rc)
		rc = listen_all(c, out);
	return rc;
}

void
proc_prepared_release(struct proc_prepared *p)
{
	size_t i;

	for (i = 0; i < p->listener_count; i++) {
		close(p->listeners[i].fd);
		if (!strncmp(p->listeners[i].address, "unix:", 5))
			unlink(p->listeners[i].address + 5);
	}
	if (p->lock >= 0)
		close(p->lock);
	for (i = 0; i < PROC_KEYS; i++)
		secret_free(p->keys[i]);
}
