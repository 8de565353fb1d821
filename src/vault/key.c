/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the master key comes from: a file, or a passphrase.
 *
 * A systemd credential is a file like any other ($CREDENTIALS_DIRECTORY).
 * A key file that is made here is the key and then its id, so that a damaged
 * one is told from another key; one of the operator's own making may be the
 * 32 bytes alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vault/vault.h"

enum { ID_BYTES = 8, FILE_SIZE = VAULT_KEY_SIZE + ID_BYTES };

static const char id_message[] = "drawbridge master key id 1";

/* ---- ids ---- */

static void
key_id_bytes(const struct secret *key, unsigned char out[ID_BYTES])
{
	unsigned char hash[crypto_generichash_BYTES];

	ASSERT(secret_len(key) == VAULT_KEY_SIZE);
	crypto_generichash(
		hash, sizeof(hash), (const unsigned char *)id_message,
		sizeof(id_message) - 1, (const unsigned char *)secret_peek(key),
		VAULT_KEY_SIZE);
	memcpy(out, hash, ID_BYTES);
}

void
vault_key_id(const struct secret *key, char out[VAULT_KEY_ID_SIZE])
{
	unsigned char id[ID_BYTES];

	key_id_bytes(key, id);
	codec_hex(id, sizeof(id), out);
}

struct secret *
vault_key_new(void)
{
	struct secret *key = secret_new(VAULT_KEY_SIZE);

	if (key)
		randombytes_buf(secret_bytes(key), VAULT_KEY_SIZE);
	return key;
}

/* ---- files ---- */

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
		rc = folder_sync_of(path);
	if (rc)
		snprintf(detail, size, "%s cannot be written: %m", path);
	unlink(temporary);
	return rc;
}

int
vault_key_to_file(const char *path, const struct secret *key, char *detail,
		  size_t size)
{
	struct secret *bytes = secret_new(FILE_SIZE);
	int rc;

	if (!bytes)
		return ERR_NOMEM;
	memcpy(secret_bytes(bytes), secret_peek(key), VAULT_KEY_SIZE);
	key_id_bytes(key,
		     (unsigned char *)secret_bytes(bytes) + VAULT_KEY_SIZE);
	rc = file_create(path, secret_peek(bytes), FILE_SIZE, detail, size);
	secret_free(bytes);
	return rc;
}

static int
file_make(const char *path, struct secret **out, char *detail, size_t size)
{
	int rc;

	*out = vault_key_new();
	rc = *out ? vault_key_to_file(path, *out, detail, size) : ERR_NOMEM;
	if (rc) {
		secret_free(*out);
		*out = NULL;
	}
	return rc;
}

/* What was read, judged. */
static int
file_check(const char *path, struct secret *key, size_t len, bool *has_id,
	   char *detail, size_t size)
{
	unsigned char told[ID_BYTES], id[ID_BYTES];

	*has_id = len == FILE_SIZE;
	if (len != VAULT_KEY_SIZE && len != FILE_SIZE) {
		snprintf(detail, size,
			 "%s does not hold a key of %d bytes: it is no key "
			 "file, or was cut; take it from a copy",
			 path, VAULT_KEY_SIZE);
		return ERR_INVALID;
	}
	memcpy(told, secret_peek(key) + VAULT_KEY_SIZE, ID_BYTES);
	secret_truncate(key, VAULT_KEY_SIZE);
	key_id_bytes(key, id);
	if (*has_id && memcmp(told, id, ID_BYTES) != 0) {
		snprintf(detail, size,
			 "%s is damaged: key and check in it do not belong "
			 "together; take it from a copy or a backup",
			 path);
		return ERR_CRYPTO;
	}
	return 0;
}

int
vault_key_from_file(const char *path, bool create, struct secret **out,
		    bool *has_id, char *detail, size_t size)
{
	struct secret *key;
	bool unused;
	size_t len;
	int rc;

	*out = NULL;
	key = secret_new(FILE_SIZE + 1);
	if (!key)
		return ERR_NOMEM;
	rc = file_read(path, secret_bytes(key), FILE_SIZE + 1, &len, detail,
		       size);
	if (!rc)
		rc = file_check(path, key, len, has_id ? has_id : &unused,
				detail, size);
	if (!rc) {
		*out = key;
		return 0;
	}
	secret_free(key);
	if (rc != ERR_NOT_FOUND || !create)
		return rc;
	if (has_id)
		*has_id = true;
	return file_make(path, out, detail, size);
}

/* ---- passphrase ---- */

_Static_assert(sizeof(((struct vault_kdf *)0)->salt) == crypto_pwhash_SALTBYTES,
	       "salt");

void
vault_kdf_new(struct vault_kdf *out)
{
	out->ops = crypto_pwhash_OPSLIMIT_MODERATE;
	out->mem = crypto_pwhash_MEMLIMIT_MODERATE;
	randombytes_buf(out->salt, sizeof(out->salt));
}

int
vault_kdf(const struct vault_kdf *p, const struct secret *passphrase,
	  struct secret **out)
{
	*out = NULL;
	if (!secret_len(passphrase) || p->ops < crypto_pwhash_OPSLIMIT_MIN ||
	    p->ops > VAULT_KDF_OPS_MAX || p->mem < crypto_pwhash_MEMLIMIT_MIN ||
	    p->mem > VAULT_KDF_MEM_MAX)
		return ERR_INVALID;
	*out = secret_new(VAULT_KEY_SIZE);
	if (!*out)
		return ERR_NOMEM;
	if (!crypto_pwhash((unsigned char *)secret_bytes(*out), VAULT_KEY_SIZE,
			   secret_peek(passphrase), secret_len(passphrase),
			   p->salt, p->ops, (size_t)p->mem,
			   crypto_pwhash_ALG_ARGON2ID13))
		return 0;
	secret_free(*out);
	*out = NULL;
	return ERR_NOMEM;
}

/*
 * "argon2id <opslimit> <memlimit> <salt in hex> <check>\n", where the check
 * is the begin of the SHA-256 of what is before it: a damaged file is told
 * from a mistyped passphrase.
 */
enum { CHECK_BYTES = 8, CHECK_HEX = CODEC_HEX_SIZE(CHECK_BYTES) };

static void
params_check(struct slice text, char out[CHECK_HEX])
{
	uint8_t hash[VAULT_HASH_SIZE];

	vault_hash(text, hash);
	codec_hex(hash, CHECK_BYTES, out);
}

static int
params_make(const char *path, struct vault_kdf *p, char *detail, size_t size)
{
	char text[160], salt[CODEC_HEX_SIZE(sizeof(p->salt))], check[CHECK_HEX];
	int n;

	vault_kdf_new(p);
	codec_hex(p->salt, sizeof(p->salt), salt);
	n = snprintf(text, sizeof(text), "argon2id %llu %llu %s",
		     (unsigned long long)p->ops, (unsigned long long)p->mem,
		     salt);
	params_check(slice_of(text, (size_t)n), check);
	n += snprintf(text + n, sizeof(text) - (size_t)n, " %s\n", check);
	return file_create(path, text, (size_t)n, detail, size);
}

static int
params_parse(struct slice text, struct vault_kdf *p)
{
	struct slice word[5], whole = text;
	char check[CHECK_HEX];
	size_t len;
	int i;

	for (i = 0; i < 5; i++)
		if (!slice_next(&text, i < 4 ? ' ' : '\n', &word[i]))
			return ERR_INVALID;
	params_check(slice_head(whole, (size_t)(word[4].ptr - whole.ptr) - 1),
		     check);
	if (text.len || !slice_eq(word[0], SLICE("argon2id")) ||
	    !slice_eq(word[4], slice_str(check)) ||
	    slice_to_u64(word[1], VAULT_KDF_OPS_MAX, &p->ops) ||
	    slice_to_u64(word[2], VAULT_KDF_MEM_MAX, &p->mem) || !p->ops ||
	    !p->mem ||
	    codec_hex_decode(word[3], p->salt, sizeof(p->salt), &len) ||
	    len != sizeof(p->salt))
		return ERR_INVALID;
	return 0;
}

int
vault_key_from_passphrase(const struct secret *passphrase,
			  const char *params_path, bool create,
			  struct secret **out, char *detail, size_t size)
{
	struct vault_kdf p;
	char text[256];
	size_t len;
	int rc;

	*out = NULL;
	if (!secret_len(passphrase)) {
		snprintf(detail, size, "the passphrase is empty");
		return ERR_INVALID;
	}
	rc = file_read(params_path, text, sizeof(text), &len, detail, size);
	if (rc == ERR_NOT_FOUND && create) {
		rc = params_make(params_path, &p, detail, size);
	} else if (!rc && params_parse(slice_of(text, len), &p)) {
		snprintf(detail, size,
			 "%s is damaged: without the salt in it the "
			 "passphrase gives another key; take it from a copy "
			 "or a backup",
			 params_path);
		rc = ERR_INVALID;
	}
	if (rc)
		return rc;
	rc = vault_kdf(&p, passphrase, out);
	if (rc)
		snprintf(detail, size,
			 "Argon2id needs %llu MiB of memory, which are not "
			 "there",
			 (unsigned long long)p.mem >> 20);
	return rc;
}
