/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which server a command is for.
 *
 * What is said on the command line goes before the environment, and a server
 * named there before the folder that happens to be in the working directory.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cli_priv.h"

#define DATA_DEFAULT "./drawbridge-data"

static const char *
variable(const char *name)
{
	const char *text = getenv(name);

	return text && text[0] ? text : NULL;
}

static int
place_url(const char *url, struct cli_place *out)
{
	const char *why = NULL;

	if (http_url_parse(slice_str(url), &out->parsed, &why))
		return cli_fail(CLI_USAGE, "%s: %s", url, why);
	if (out->parsed.path.len && !slice_eq(out->parsed.path, SLICE("/")))
		return cli_fail(CLI_USAGE,
				"%s: the address of a server ends behind its "
				"host and port",
				url);
	out->url = url;
	return CLI_OK;
}

static int
place_data(const char *data, bool made, struct cli_place *out)
{
	char whole[PATH_MAX];
	int n;

	/* The private server is started elsewhere: no relative paths. */
	if (!realpath(data, whole)) {
		if (errno != ENOENT)
			return cli_fail(CLI_FAILED, "%s: %s", data,
					strerror(errno));
		snprintf(whole, sizeof(whole), "%s", data);
	}
	n = snprintf(out->data, sizeof(out->data), "%s", whole);
	if (n > 0 && (size_t)n < sizeof(out->data))
		n = snprintf(out->socket, sizeof(out->socket), "%s/" CLI_SOCKET,
			     whole);
	if (n < 0 || (size_t)n >= sizeof(out->socket))
		return cli_fail(CLI_USAGE, "the data folder's name is too "
					   "long");
	out->local = true;
	out->made = made;
	return CLI_OK;
}

int
cli_place_find(struct cli *c, struct cli_place *out)
{
	const char *data = cli_value(&c->args, "data");
	const char *url = cli_value(&c->args, "url");

	*out = (struct cli_place){ 0 };
	if (data && url)
		return cli_misused(c, "--data and --url: one of them");
	if (!data && !url)
		url = variable("DRAWBRIDGE_URL");
	if (url)
		return place_url(url, out);
	if (!data)
		data = variable("DRAWBRIDGE_DATA");
	return place_data(data ? data : DATA_DEFAULT, data != NULL, out);
}

int
cli_socket_check(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd, rc;

	if (slice_copy(slice_str(path), un.sun_path, sizeof(un.sun_path)))
		return ERR_NOT_FOUND;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_SYSTEM;
	rc = connect(fd, (struct sockaddr *)&un, sizeof(un));
	if (rc)
		rc = errno == EACCES || errno == EPERM ? ERR_FORBIDDEN
						       : ERR_NOT_FOUND;
	close(fd);
	return rc;
}
