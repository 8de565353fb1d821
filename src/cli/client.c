/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client: requests to the server's API.
 *
 *   local:  DATA/drawbridge.sock, where the server knows us by our uid; when
 *           nobody answers there, a private server is started
 *   remote: https (or http) with the key of DRAWBRIDGE_KEY
 *
 * The key lives in locked memory, and is taken out of the environment.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cli_priv.h"
#include "egress/egress.h"

enum {
	/* Consent and refreshes wait for others. */
	TIMEOUT_MS = 150 * 1000,
	FIELDS_MAX = 8 * 1024,
	PATIENCE_MS = 30 * 1000, /* while another command has the folder */
	NAP_US = 50 * 1000,
};

/* ---- opening ---- */

static int
key_take(struct cli_client *client)
{
	char *text = getenv("DRAWBRIDGE_KEY");

	if (!text || !text[0])
		return cli_fail(CLI_REFUSED,
				"put a key for %s into DRAWBRIDGE_KEY",
				client->place.url);
	if (slice_has_control(slice_str(text)))
		return cli_fail(CLI_USAGE, "DRAWBRIDGE_KEY is no key");
	client->key = secret_from(text, strlen(text));
	secret_wipe(text, strlen(text));
	unsetenv("DRAWBRIDGE_KEY");
	return client->key ? CLI_OK : cli_fail(CLI_FAILED, "out of memory");
}

/* 127.example.com is a name as any other. */
static bool
host_is_loopback(const char *host)
{
	unsigned char address[4];

	return !strcmp(host, "localhost") || !strcmp(host, "[::1]") ||
	       (inet_pton(AF_INET, host, address) == 1 && address[0] == 127);
}

static int
remote_open(struct cli_client *client)
{
	struct cli_place *p = &client->place;
	int rc = key_take(client);

	if (rc)
		return rc;
	if (!p->parsed.https && !host_is_loopback(p->parsed.host))
		fprintf(stderr,
			"drawbridge: warning: %s is not https: others on the "
			"way can read the key\n",
			p->url);
	if (egress_dest(client->egress, &p->parsed, true, NULL, &client->dest))
		return cli_fail(CLI_USAGE, "%s: not possible", p->url);
	return CLI_OK;
}

/* A socket's address has room for 107 characters; in a folder with a longer
 * name it is reached through a descriptor of that. */
static int
socket_name(struct cli_client *client, const char *name)
{
	struct cli_place *p = &client->place;
	int n = snprintf(p->socket, sizeof(p->socket), "%s/%s", p->data, name);

	if (n < 0 || (size_t)n >= sizeof(p->socket))
		return cli_fail(CLI_USAGE, "the data folder's name is too "
					   "long");
	if ((size_t)n < sizeof(((struct sockaddr_un *)0)->sun_path))
		return CLI_OK;
	if (client->folder_fd < 0)
		client->folder_fd =
			open(p->data, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (client->folder_fd < 0 && errno != ENOENT)
		return cli_fail(CLI_FAILED, "%s: %s", p->data, strerror(errno));
	snprintf(p->socket, sizeof(p->socket), "/proc/self/fd/%d/%s",
		 client->folder_fd, name);
	return CLI_OK;
}

/* Starts a private server.  While another command has one, it waits. */
static int
server_start(struct cli_client *client)
{
	uint64_t until = clock_mono_ms() + PATIENCE_MS;
	const char *data = client->place.data;
	int rc;

	for (;;) {
		rc = cli_private_server_start(data, &client->server);
		if (!rc)
			return socket_name(client, CLI_PRIVATE_SOCKET);
		if (rc != ERR_BUSY || clock_mono_ms() >= until)
			break;
		/* A server that stays may have come up meanwhile. */
		if (!cli_socket_check(client->place.socket))
			return CLI_OK;
		usleep(NAP_US);
	}
	return cli_fail(CLI_UNREACHABLE,
			"no server answers in %s, and none could be started: "
			"%s",
			data,
			rc == ERR_BUSY	   ? "another command has it"
			: rc == ERR_CLOSED ? "it ended at once"
					   : err_text(rc));
}

static int
local_open(struct cli *c, struct cli_client *client)
{
	struct cli_place *p = &client->place;
	struct stat st;
	int rc;

	if (!p->made && stat(p->data, &st) && strcmp(c->command->name, "init"))
		return cli_fail(CLI_UNREACHABLE,
				"there is no data folder %s; give one with "
				"--data, or a server with --url",
				p->data);
	rc = socket_name(client, CLI_SOCKET);
	if (rc)
		return rc;
	rc = cli_socket_check(p->socket);
	if (rc == ERR_FORBIDDEN)
		return cli_fail(CLI_REFUSED,
				"%s belongs to another user: run this as the "
				"user that the server runs as",
				p->data);
	if (rc) {
		rc = server_start(client);
		if (rc)
			return rc;
	}
	if (egress_dest_unix(client->egress, p->socket, &client->dest))
		return cli_fail(CLI_FAILED, "%s: not possible", p->socket);
	return CLI_OK;
}

static int
machinery_open(struct cli *c, struct cli_client *client)
{
	struct egress_policy_config config = {
		.allow_all = true,
		.ca_file = cli_value(&c->args, "ca-file"),
	};
	char detail[256] = "";
	int rc;

	if (!config.ca_file)
		config.ca_file = getenv("DRAWBRIDGE_CA_FILE");
	rc = egress_policy_new(&config, &client->policy, detail,
			       sizeof(detail));
	if (!rc)
		rc = loop_new(&client->loop);
	if (!rc)
		rc = loop_pool_new(1, &client->pool);
	if (!rc)
		rc = egress_new(client->loop, client->pool, client->policy,
				&client->egress);
	return rc ? cli_fail(CLI_FAILED, "%s",
			     detail[0] ? detail : err_text(rc))
		  : CLI_OK;
}

int
cli_client_open(struct cli *c)
{
	struct cli_client *client;
	int rc;

	if (c->client)
		return CLI_OK;
	client = c->client = calloc(1, sizeof(*client));
	if (!client)
		return cli_fail(CLI_FAILED, "out of memory");
	client->folder_fd = -1;
	rc = cli_place_find(c, &client->place);
	if (!rc)
		rc = machinery_open(c, client);
	if (!rc)
		rc = client->place.local ? local_open(c, client)
					 : remote_open(client);
	if (rc)
		cli_client_close(c);
	return rc;
}

void
cli_client_close(struct cli *c)
{
	struct cli_client *client = c->client;

	if (!client)
		return;
	egress_free(client->egress);
	loop_pool_abandon(client->pool); /* nobody waits for a name any more */
	if (client->loop)
		loop_free(client->loop);
	egress_policy_free(client->policy);
	cli_private_server_stop(client->server);
	secret_free(client->key);
	if (client->folder_fd >= 0)
		close(client->folder_fd);
	free(client);
	c->client = NULL;
}

void
cli_client_auth(const struct cli_client *client, struct buf *fields)
{
	if (!client->key)
		return;
	buf_puts(fields, "Authorization: Bearer ");
	buf_put(fields, secret_peek(client->key), secret_len(client->key));
	buf_puts(fields, "\r\n");
}

/* ---- requests ---- */

/* One fetch, waited for. */
struct fetching {
	struct egress_fetch fetch;
	struct loop *loop;
	int err;
};

static void
fetch_done(struct egress_fetch *f, int err)
{
	struct fetching *g = CONTAINER_OF(f, struct fetching, fetch);

	g->err = err;
	loop_stop(g->loop);
}

static int
unreachable(const struct cli_client *client, int err, const char *detail)
{
	return cli_fail(CLI_UNREACHABLE, "%s cannot be reached: %s",
			client->place.local ? client->place.socket
					    : client->place.url,
			detail[0] ? detail : err_text(err));
}

/* version: If-Match; 0: none. */
static int
request_send(struct cli *c, const char *method, const char *path,
	     struct slice body, int64_t version, struct cli_answer *out)
{
	struct fetching g = { .loop = c->client->loop };
	struct buf fields;
	int rc;

	buf_init(&fields, FIELDS_MAX);
	cli_client_auth(c->client, &fields);
	buf_puts(&fields, "Accept: application/json\r\n");
	if (body.len)
		buf_puts(&fields, "Content-Type: application/json\r\n");
	if (version)
		buf_printf(&fields, "If-Match: \"%lld\"\r\n",
			   (long long)version);
	g.fetch = (struct egress_fetch){
		.dest = c->client->dest,
		.method = slice_str(method),
		.path = slice_str(path),
		.fields = buf_slice(&fields),
		.body = body,
		.max_bytes = CLI_ANSWER_MAX,
		.timeout_ms = TIMEOUT_MS,
		.done = fetch_done,
	};
	egress_fetch_start(&g.fetch);
	loop_run(g.loop);
	out->status = g.fetch.status;
	out->body = g.fetch.answer;
	buf_init(&g.fetch.answer, 0);
	rc = g.err ? unreachable(c->client, g.err, g.fetch.detail) : CLI_OK;
	egress_fetch_release(&g.fetch);
	buf_wipe(&fields);
	if (rc)
		cli_answer_release(out);
	return rc;
}

static bool
answer_has_code(struct cli_answer *a, const char *code)
{
	const char *text =
		json_string_value(json_object_get(cli_answer_json(a), "code"));

	return text && code && !strcmp(text, code);
}

int
cli_request(struct cli *c, const char *method, const char *path,
	    struct slice body, struct cli_answer *out)
{
	return cli_request_unless(c, method, path, body, NULL, out);
}

int
cli_request_any(struct cli *c, const char *method, const char *path,
		struct slice body, struct cli_answer *out)
{
	int rc = cli_client_open(c);

	*out = (struct cli_answer){ 0 };
	return rc ? rc : request_send(c, method, path, body, 0, out);
}

static int
request_made(struct cli *c, const char *method, const char *path,
	     struct slice body, int64_t version, const char *code,
	     struct cli_answer *out)
{
	int rc = cli_client_open(c);

	*out = (struct cli_answer){ 0 };
	if (!rc)
		rc = request_send(c, method, path, body, version, out);
	if (rc || (out->status >= 200 && out->status < 300) ||
	    answer_has_code(out, code))
		return rc;
	rc = cli_problem_tell(c, out->status, buf_slice(&out->body));
	cli_answer_release(out);
	return rc;
}

int
cli_request_unless(struct cli *c, const char *method, const char *path,
		   struct slice body, const char *code, struct cli_answer *out)
{
	return request_made(c, method, path, body, 0, code, out);
}

int
cli_request_of_version(struct cli *c, const char *method, const char *path,
		       struct slice body, int64_t version,
		       struct cli_answer *out)
{
	return request_made(c, method, path, body, version, "changed_meanwhile",
			    out);
}

int
cli_request_quiet(struct cli *c, const char *path, struct cli_answer *out)
{
	int rc = cli_request_any(c, "GET", path, SLICE_NONE, out);

	if (rc || (out->status >= 200 && out->status < 300))
		return rc;
	rc = (int)cli_exit_of_status(out->status);
	cli_answer_release(out);
	return rc;
}
