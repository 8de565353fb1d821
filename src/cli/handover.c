/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handing a key to the keeper.
 *
 * DATA/keeper/handover is the keeper's own file, which the front cannot
 * read: what is sealed for the paper in it can be carried through the front
 * without being read or made there.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/keys_priv.h"

enum { PAPER_TRIES = 100, PAPER_NAP_US = 20 * 1000 };

int
cli_keys_place(struct cli *c, struct cli_place *out)
{
	int rc = cli_place_find(c, out);

	if (!rc && !out->local)
		rc = cli_fail(CLI_USAGE,
			      "this works on the server's own machine: with "
			      "--data, not with an address");
	if (!rc)
		rc = cli_client_open(c);
	return rc;
}

int
cli_keys_owner(const char *data, const char *path)
{
	struct stat st;

	if (geteuid() != 0 || stat(data, &st) || !st.st_uid)
		return CLI_OK;
	if (!lchown(path, st.st_uid, st.st_gid))
		return CLI_OK;
	return cli_fail(CLI_FAILED, "%s: %s", path, strerror(errno));
}

/* "<paper in hex> <source> <path>\n" */
static int
paper_parse(struct slice text, struct cli_paper *out)
{
	struct slice hex, source;
	size_t len;

	if (!slice_next(&text, ' ', &hex) || !slice_next(&text, ' ', &source) ||
	    codec_hex_decode(hex, out->paper, sizeof(out->paper), &len) ||
	    len != sizeof(out->paper) ||
	    connect_key_source_parse(source, &out->source) || !text.len ||
	    text.ptr[text.len - 1] != '\n')
		return ERR_INVALID;
	text.len--;
	return slice_copy(text, out->path, sizeof(out->path));
}

int
cli_paper_read(const char *data, struct cli_paper *out)
{
	char path[4200], text[4400];
	ssize_t n = -1;
	int fd, tries;

	snprintf(path, sizeof(path), "%s/keeper/handover", data);
	for (tries = 0; tries < PAPER_TRIES; tries++) {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd >= 0 || errno != ENOENT)
			break;
		usleep(PAPER_NAP_US);
	}
	if (fd >= 0) {
		n = read(fd, text, sizeof(text));
		close(fd);
	}
	if (n < 0)
		return cli_fail(errno == EACCES ? CLI_REFUSED : CLI_FAILED,
				"%s: %s", path, strerror(errno));
	if (paper_parse(slice_of(text, (size_t)n), out))
		return cli_fail(CLI_FAILED, "%s is not what this command knows",
				path);
	secret_wipe(text, sizeof(text));
	return CLI_OK;
}

int
cli_paper_seal(const struct cli_paper *p, const struct secret *key,
	       char out[CLI_SEALED_SIZE])
{
	struct buf sealed;
	int rc;

	buf_init(&sealed, CONNECT_HANDOVER_MAX);
	rc = vault_handover_seal(p->paper, key, &sealed);
	if (!rc)
		codec_base64url(sealed.data, sealed.len, out);
	buf_release(&sealed);
	return rc ? cli_fail(CLI_FAILED, "the key cannot be sealed: %s",
			     err_text(rc))
		  : CLI_OK;
}
