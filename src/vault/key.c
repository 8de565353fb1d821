/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the master key comes from: a file, or a passphrase.
 *
 * A systemd credential is a file like any other ($CREDENTIALS_DIRECTORY).
 * Beside the database lies a known value sealed with the key: so a wrong key
 * is told at start, and apart from damaged files.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vault/vault.h"

static const char check_text[] = "drawbridge vault check 1";
static const char check_identity[] = "vault/check";

/*
 * Whether its owner alone can read a file, or the owner is root and has given
 * it to the user that we run as.  systemd gives its credentials to a unit's
 * User= by an access list, whose mask stat() shows as the group's bits: 0440.
 */
static bool
is_private(const struct stat *st)
{
	mode_t others = st->st_mode & 077;

	return !others || (others == 040 && st->st_uid == 0 && geteuid() != 0);
}

/* Up to size bytes of a small private file; ERR_NOT_FOUND, ERR_FORBIDDEN. */
static int
file_read(const char *path, void *out, size_t size, size_t *len, char *detail,
	  size_t detail_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	ssize_t n;
	int rc = 0;

	*len = 0;
	if (fd < 0) {
		snprintf(detail, detail_size, "%s cannot be read: %m", path);
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM;
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		snprintf(detail, detail_size, "%s is not a file", path);
		rc = ERR_INVALID;
	} else if (!is_private(&st)) {
		snprintf(detail, detail_size,
			 "%s may be read by others (mode %04o); chmod 600 it",
			 path, (unsigned)(st.st_mode & 07777));
		rc = ERR_FORBIDDEN;
	} else {
		n = read(fd, out, size);
		if (n < 0) {
			snprintf(detail, detail_size, "%s: %m", path);
			rc = ERR_SYSTEM;
		} else {
			*len = (size_t)n;
		}
	}
	close(fd);
	return rc;
}

/* The name of a new file is on disk too. */
static int
folder_sync(const char *path)
{
	char folder[4096];
	const char *slash = strrchr(path, '/');
	int fd, rc;

	snprintf(folder, sizeof(folder), "%.*s",
		 slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = fd < 0 || fsync(fd) ? ERR_SYSTEM : 0;
	if (fd >= 0)
		close(fd);
	return rc;
}

/* A new file, whole or not at all, on disk when this returns. */
static int
file_create(const char *path, const void *data, size_t len, char *detail,
	    size_t size)
{
	char temporary[4096];
	int fd, rc = 0;

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len || fsync(fd))
		rc = ERR_SYSTEM;
	if (fd >= 0)
		close(fd);
	if (!rc && link(temporary, path)) /* never over an existing one */
		rc = errno == EEXIST ? ERR_EXISTS : ERR_SYSTEM;
	if (!rc)
		rc = folder_sync(path);
	if (rc)
		snprintf(detail, size, "%s cannot be written: %m", path);
	unlink(temporary);
	return rc;
}

int
vault_key_from_file(const char *path, bool create, struct secret **out,
		    char *detail, size_t size)
{
	struct secret *key = secret_new(VAULT_KEY_SIZE + 1);
	size_t len;
	int rc;

	*out = NULL;
	if (!key)
		return ERR_NOMEM;
	rc = file_read(path, secret_bytes(key), VAULT_KEY_SIZE + 1, &len,
		       detail, size);
	if (rc == ERR_NOT_FOUND && create) {
		randombytes_buf(secret_bytes(key), VAULT_KEY_SIZE);
		len = VAULT_KEY_SIZE;
		rc = file_create(path, secret_peek(key), len, detail, size);
	}
	if (!rc && len != VAULT_KEY_SIZE) {
		snprintf(detail, size, "%s does not hold a key of %d bytes",
			 path, VAULT_KEY_SIZE);
		rc = ERR_INVALID;
	}
	if (rc) {
		secret_free(key);
		return rc;
	}
	secret_truncate(key, VAULT_KEY_SIZE);
	*out = key;
	return 0;
}

/* ---- passphrase ---- */

/* "argon2id <opslimit> <memlimit> <salt in hex>\n" */
struct params {
	unsigned long long ops;
	size_t mem;
	unsigned char salt[crypto_pwhash_SALTBYTES];
};

static int
params_make(const char *path, struct params *p, char *detail, size_t size)
{
	char text[128], salt[CODEC_HEX_SIZE(sizeof(p->salt))];
	int n;

	p->ops = crypto_pwhash_OPSLIMIT_MODERATE;
	p->mem = crypto_pwhash_MEMLIMIT_MODERATE;
	randombytes_buf(p->salt, sizeof(p->salt));
	codec_hex(p->salt, sizeof(p->salt), salt);
	n = snprintf(text, sizeof(text), "argon2id %llu %zu %s\n", p->ops,
		     p->mem, salt);
	return file_create(path, text, (size_t)n, detail, size);
}

static int
params_parse(struct slice text, struct params *p)
{
	struct slice word[4];
	uint64_t ops, mem;
	size_t len;
	int i;

	for (i = 0; i < 4; i++)
		if (!slice_next(&text, i < 3 ? ' ' : '\n', &word[i]))
			return ERR_INVALID;
	if (text.len || !slice_eq(word[0], SLICE("argon2id")) ||
	    slice_to_u64(word[1], 1000, &ops) ||
	    slice_to_u64(word[2], (uint64_t)4 << 30, &mem) || !ops || !mem ||
	    codec_hex_decode(word[3], p->salt, sizeof(p->salt), &len) ||
	    len != sizeof(p->salt))
		return ERR_INVALID;
	p->ops = ops;
	p->mem = (size_t)mem;
	return 0;
}

int
vault_key_from_passphrase(const struct secret *passphrase,
			  const char *params_path, struct secret **out,
			  char *detail, size_t size)
{
	struct params p;
	char text[256];
	size_t len;
	int rc;

	*out = NULL;
	if (!secret_len(passphrase)) {
		snprintf(detail, size, "the passphrase is empty");
		return ERR_INVALID;
	}
	rc = file_read(params_path, text, sizeof(text), &len, detail, size);
	if (rc == ERR_NOT_FOUND) {
		rc = params_make(params_path, &p, detail, size);
	} else if (!rc && params_parse(slice_of(text, len), &p)) {
		snprintf(detail, size, "%s is damaged", params_path);
		rc = ERR_INVALID;
	}
	if (rc)
		return rc;
	*out = secret_new(VAULT_KEY_SIZE);
	if (!*out)
		return ERR_NOMEM;
	if (!crypto_pwhash((unsigned char *)secret_bytes(*out), VAULT_KEY_SIZE,
			   secret_peek(passphrase), secret_len(passphrase),
			   p.salt, p.ops, p.mem, crypto_pwhash_ALG_ARGON2ID13))
		return 0;
	snprintf(detail, size, "Argon2id needs more memory than there is");
	secret_free(*out);
	*out = NULL;
	return ERR_NOMEM;
}

/* ---- the check ---- */

static int
check_make(const struct secret *master, const char *path, char *detail,
	   size_t size)
{
	struct buf sealed;
	int rc;

	buf_init(&sealed, 256);
	rc = vault_seal(master, check_identity,
			slice_of(check_text, sizeof(check_text)), &sealed);
	if (!rc)
		rc = file_create(path, sealed.data, sealed.len, detail, size);
	buf_release(&sealed);
	return rc;
}

int
vault_key_check(const struct secret *master, const char *check_path,
		char *detail, size_t size)
{
	struct secret *plain = NULL;
	char sealed[256];
	size_t len;
	int rc;

	rc = file_read(check_path, sealed, sizeof(sealed), &len, detail, size);
	if (rc == ERR_NOT_FOUND)
		return check_make(master, check_path, detail, size);
	if (rc)
		return rc;
	if (len != sizeof(check_text) + VAULT_OVERHEAD) {
		snprintf(detail, size, "%s is damaged", check_path);
		return ERR_INVALID;
	}
	rc = vault_open(master, check_identity, slice_of(sealed, len), &plain);
	if (rc)
		snprintf(detail, size,
			 "the master key is not the one that the stored grants "
			 "were sealed with (another key file, or a mistyped "
			 "passphrase)");
	secret_free(plain);
	return rc;
}
