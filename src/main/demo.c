/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `drawbridge demo`: everything on this machine, with nothing to register.
 *
 *   practice service (a process) <── server (its roles) <── curl, browser
 *
 * A fresh data folder, the server, the practice service, its OAuth app, a
 * connection that waits for consent, one that each user makes for himself, a
 * bot that uses both, and a key that may use the first alone.  It is all made
 * by the same commands that a person would type, so that the demo shows
 * nothing that does not exist.  On Ctrl-C everything ends and the folder goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"
#include "json/json.h"
#include "main/main_priv.h"
#include "net/net.h"
#include "practice/practice.h"
#include "proc/proc.h"

enum { SERVER_PORT = 7070, OUTPUT_MAX = 64 * 1024, READY_MS = 20 * 1000 };

struct demo {
	char data[4096];
	bool own_folder; /* made here: goes at the end */
	uint16_t port, practice_port;
	pid_t practice, server;
	char password[RANDOM_TOKEN_SIZE];
	char key[64];
	char ticket[512];
};

static volatile sig_atomic_t told_to_stop;

static void
demo_signal(int signal)
{
	(void)signal;
	told_to_stop = 1;
}

/* ---- running our own commands ---- */

/* In the child: input and output as given (-1: nowhere), then exec. */
static void
child_run(char **argv, int in, int out)
{
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(in >= 0 ? in : nowhere, 0);
	dup2(out >= 0 ? out : nowhere, 1);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execv("/proc/self/exe", argv);
	_exit(127);
}

static void
read_all(int fd, struct buf *out)
{
	char chunk[4096];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0 ||
	       (n < 0 && errno == EINTR))
		if (n > 0 && out)
			buf_put(out, chunk, (size_t)n);
}

/*
 * Runs `drawbridge ARG …` with this input, to its end.  0 when it ended
 * well; its output in out (may be NULL).
 */
static int
command(char **argv, const char *input, struct buf *out)
{
	int in[2], result[2], status = -1;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) || pipe2(result, O_CLOEXEC))
		return ERR_SYSTEM;
	pid = fork();
	if (!pid)
		child_run(argv, in[0], result[1]);
	close(in[0]);
	close(result[1]);
	if (pid > 0 && input)
		dprintf(in[1], "%s\n", input);
	close(in[1]);
	if (pid > 0) /* also what nobody wants: it must not break the pipe */
		read_all(result[0], out);
	close(result[0]);
	if (pid > 0)
		waitpid(pid, &status, 0);
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : ERR_SYSTEM;
}

#define COMMAND(input, out, ...) \
	command((char *[]){ name, __VA_ARGS__, NULL }, input, out)

static char name[] = "drawbridge";

/* A text of a command's JSON. */
static int
output_get(const struct buf *out, const char *member, char *text, size_t size)
{
	struct json_problem problem = { 0 };
	struct json_at at;
	json_t *tree = NULL;
	int rc;

	rc = json_read(buf_slice(out), OUTPUT_MAX, &tree, &problem);
	if (!rc && json_at_object(&at, tree, "", &problem))
		rc = slice_copy(
			slice_str(json_get_str(&at, member, 0, size - 1, "")),
			text, size);
	json_decref(tree);
	return rc ? rc : text[0] ? 0 : ERR_NOT_FOUND;
}

/* ---- the two servers ---- */

static bool
port_is_free(uint16_t port)
{
	struct net_addr a;
	int fd;

	if (net_addr_from_ip(SLICE("127.0.0.1"), port, &a) ||
	    net_listen(&a, &fd))
		return false;
	close(fd);
	return true;
}

/* The usual port, or one of the next. */
static uint16_t
port_choose(uint16_t usual)
{
	uint16_t port;

	for (port = usual; port < usual + 50; port++)
		if (port_is_free(port))
			return port;
	return usual;
}

static int
practice_start(struct demo *d)
{
	char port[8], one[] = "practice", two[] = "--port";
	char bridge[64], three[] = "--bridge";
	char *argv[] = { name, one, two, port, three, bridge, NULL };

	d->port = port_choose(SERVER_PORT);
	d->practice_port = port_choose(PRACTICE_PORT);
	snprintf(bridge, sizeof(bridge), "http://127.0.0.1:%u", d->port);
	snprintf(port, sizeof(port), "%u", d->practice_port);
	d->practice = fork();
	if (!d->practice) {
		setpgid(0, 0); /* Ctrl-C is the demo's, which ends us */
		child_run(argv, -1, -1);
	}
	return d->practice > 0 ? 0 : ERR_SYSTEM;
}

static void
server_is_ready(void *arg)
{
	if (write(*(int *)arg, "r", 1) != 1)
		log_warn("nobody waits for the demo's server");
}

/* In the child: the server itself, its log in the data folder. */
static void
server_run(const struct demo *d, int ready)
{
	struct proc_parent_config config = { .ready = server_is_ready,
					     .arg = &ready };
	char listen[64], allow[64], path[4200];
	struct conf_problem problem;
	const char *argv[] = {
		"--data", d->data,   "--listen", listen, "--egress-allow",
		allow,	  "--drain", "2s",	 NULL
	};
	int log;

	snprintf(listen, sizeof(listen), "127.0.0.1:%u", d->port);
	snprintf(allow, sizeof(allow), "127.0.0.1/32:%u", d->practice_port);
	snprintf(path, sizeof(path), "%s/log", d->data);
	log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log >= 0)
		dup2(log, 2);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	setpgid(0, 0); /* Ctrl-C is the demo's, which stops us in order */
	if (conf_load(8, (char *const *)(uintptr_t)argv, &config.conf,
		      &problem))
		_exit(2);
	config.argc = 8;
	config.argv = (char *const *)(uintptr_t)argv;
	config.version = DRAWBRIDGE_VERSION;
	_exit(proc_parent_run(&config));
}

static int
server_start(struct demo *d)
{
	struct pollfd wait;
	int ready[2];
	char byte;

	if (pipe2(ready, O_CLOEXEC))
		return ERR_SYSTEM;
	d->server = fork();
	if (!d->server) {
		close(ready[0]);
		server_run(d, ready[1]);
	}
	close(ready[1]);
	wait = (struct pollfd){ .fd = ready[0], .events = POLLIN };
	if (d->server < 0 || poll(&wait, 1, READY_MS) != 1 ||
	    read(ready[0], &byte, 1) != 1) {
		close(ready[0]);
		fprintf(stderr,
			"demo: the server does not start; see "
			"%s/log\n",
			d->data);
		return ERR_SYSTEM;
	}
	close(ready[0]);
	return 0;
}

static void
end_of(pid_t pid, int signal)
{
	if (pid <= 0)
		return;
	kill(pid, signal);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* ---- what is made ---- */

#define DATA(d) (char[]){ "--data" }, (d)->data

/* The flow's document with the origin of this demo's shop. */
static int
flow_text(const struct demo *d, struct buf *out)
{
	const struct embed_file *f = embed_find("practice/ticket_help.json");
	struct json_problem problem = { 0 };
	json_t *tree = NULL, *widget;
	char origin[64];
	int rc;

	ASSERT(f);
	rc = json_read(slice_of((const char *)f->data, f->size), OUTPUT_MAX,
		       &tree, &problem);
	ASSERT(!rc);
	snprintf(origin, sizeof(origin), "http://127.0.0.1:%u",
		 d->practice_port);
	widget = json_object_get(json_object_get(tree, "channels"), "widget");
	json_object_set_new(widget, "origins", json_pack("[s]", origin));
	rc = json_write(tree, out);
	json_decref(tree);
	return rc;
}

/* The bot, and the connection that each of its visitors makes. */
static int
demo_flow(struct demo *d, char *port)
{
	struct buf text;
	int rc = COMMAND(NULL, NULL, (char[]){ "connection" },
			 (char[]){ "create" }, (char[]){ "My Desk" },
			 (char[]){ "--service" }, (char[]){ "practice_desk" },
			 (char[]){ "--per-user" }, (char[]){ "--parameter" },
			 port, DATA(d));

	buf_init(&text, OUTPUT_MAX);
	if (!rc)
		rc = flow_text(d, &text);
	if (!rc)
		rc = COMMAND(buf_cstr(&text), NULL, (char[]){ "flow" },
			     (char[]){ "import" }, (char[]){ "-" }, DATA(d));
	if (!rc)
		rc = COMMAND(NULL, NULL, (char[]){ "flow" },
			     (char[]){ "publish" }, (char[]){ "ticket_help" },
			     DATA(d));
	buf_release(&text);
	return rc;
}

static int
demo_fill(struct demo *d)
{
	char port[24], secret[] = "practice-secret";
	struct buf out;
	int rc;

	buf_init(&out, OUTPUT_MAX);
	snprintf(port, sizeof(port), "port=%u", d->practice_port);
	rc = COMMAND(d->password, NULL, (char[]){ "init" },
		     (char[]){ "--owner" }, (char[]){ "demo@example.com" },
		     DATA(d));
	if (!rc)
		rc = COMMAND(secret, NULL, (char[]){ "app" }, (char[]){ "set" },
			     (char[]){ "practice_desk" },
			     (char[]){ "--client-id" },
			     (char[]){ "practice-client" },
			     (char[]){ "--parameter" }, port, DATA(d));
	if (!rc)
		rc = COMMAND(NULL, NULL, (char[]){ "connection" },
			     (char[]){ "create" }, (char[]){ "Demo Desk" },
			     (char[]){ "--service" },
			     (char[]){ "practice_desk" },
			     (char[]){ "--parameter" }, port, DATA(d));
	if (!rc)
		rc = COMMAND(NULL, &out, (char[]){ "key" },
			     (char[]){ "create" }, (char[]){ "--role" },
			     (char[]){ "caller" }, (char[]){ "--name" },
			     (char[]){ "demo" }, (char[]){ "--connection" },
			     (char[]){ "demo_desk" }, (char[]){ "--json" },
			     DATA(d));
	if (!rc)
		rc = output_get(&out, "key", d->key, sizeof(d->key));
	buf_reset(&out);
	if (!rc)
		rc = COMMAND(NULL, &out, (char[]){ "connection" },
			     (char[]){ "authorize" }, (char[]){ "demo_desk" },
			     (char[]){ "--json" }, DATA(d));
	if (!rc)
		rc = output_get(&out, "authorize_url", d->ticket,
				sizeof(d->ticket));
	buf_wipe(&out);
	if (!rc)
		rc = demo_flow(d, port);
	if (rc && !told_to_stop)
		fprintf(stderr, "demo: could not be set up; see %s/log\n",
			d->data);
	return rc;
}

/* The program that this is, as one types it. */
static void
own_path(char *out, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", out, size - 1);

	snprintf(n > 0 ? out + n : out, n > 0 ? 1 : size, "%s",
		 n > 0 ? "" : name);
}

static void
demo_tell(const struct demo *d)
{
	char self[4096];

	own_path(self, sizeof(self));
	printf("Drawbridge runs, and a practice help desk beside it.\n\n"
	       "1. Connect: open this link, press Connect, then Accept\n\n"
	       "   %s\n"
	       "   (good for 15 minutes; later, press Connect in the "
	       "studio)\n\n"
	       "2. Fetch a ticket through the connection\n\n"
	       "   curl -H 'Authorization: Bearer %s' \\\n"
	       "     'http://127.0.0.1:%u/via/demo_desk/api/v1/tickets/"
	       "search?ticketNumber=101'\n\n"
	       "3. Talk with the bot \"Ticket help\", here or on the page of "
	       "a practice shop\n\n"
	       "   %s flow chat ticket_help --data %s\n"
	       "   http://127.0.0.1:%u/shop\n"
	       "   (\"Show my own tickets\" has a Connect button for each "
	       "visitor; its link from\n   the chat here opens where you are "
	       "signed in to the studio)\n\n"
	       "The studio          http://127.0.0.1:%u/\n"
	       "  sign in as        demo@example.com\n"
	       "  password          %s\n"
	       "Practice service    http://127.0.0.1:%u/  (its faults can be "
	       "switched on there)\n"
	       "Data folder, log    %s%s\n\n"
	       "Ctrl-C ends it all.\n",
	       d->ticket, d->key, d->port, self, d->data, d->practice_port,
	       d->port, d->password, d->practice_port, d->data,
	       d->own_folder ? " (goes at the end)" : "");
	fflush(stdout);
}

/* ---- beginning and end ---- */

static int
folder_entry_remove(const char *path, const struct stat *st, int flag,
		    struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int
demo_folder(struct demo *d, const char *given)
{
	const char *tmp = getenv("TMPDIR");

	if (given) {
		snprintf(d->data, sizeof(d->data), "%s", given);
		if (!mkdir(d->data, 0700))
			return 0;
		fprintf(stderr, "demo: %s: %s (the demo wants a new folder)\n",
			given, strerror(errno));
		return ERR_SYSTEM;
	}
	snprintf(d->data, sizeof(d->data), "%s/drawbridge-demo-XXXXXX",
		 tmp && tmp[0] ? tmp : "/tmp");
	if (!mkdtemp(d->data)) {
		fprintf(stderr, "demo: no folder %s: %s\n", d->data,
			strerror(errno));
		return ERR_SYSTEM;
	}
	d->own_folder = true;
	return 0;
}

/* Until a signal comes (0), or one of the two ends by itself. */
static int
demo_wait(const struct demo *d)
{
	const struct timespec second = { .tv_sec = 1 };
	sigset_t stops, before;
	pid_t pid;

	sigemptyset(&stops);
	sigaddset(&stops, SIGINT);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGHUP);
	sigprocmask(SIG_BLOCK, &stops, &before);
	while (!told_to_stop) {
		pid = waitpid(-1, NULL, WNOHANG);
		if (pid > 0 && (pid == d->server || pid == d->practice)) {
			fprintf(stderr, "demo: the %s has ended; see %s/log\n",
				pid == d->server ? "server"
						 : "practice service",
				d->data);
			return 1;
		}
		ppoll(NULL, 0, &second, &before);
	}
	return 0;
}

static void
demo_listen_for_signals(void)
{
	struct sigaction act = { .sa_handler = demo_signal };

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
}

static int
demo_run(const char *folder)
{
	struct demo d = { 0 };
	int status = 1;

	demo_listen_for_signals();
	random_token(d.password);
	d.password[16] = '\0';
	if (demo_folder(&d, folder))
		return 1;
	if (!practice_start(&d) && !server_start(&d) && !demo_fill(&d)) {
		demo_tell(&d);
		status = demo_wait(&d);
	}
	if (told_to_stop)
		status = 0;
	end_of(d.server, SIGTERM);
	end_of(d.practice, SIGKILL);
	if (d.own_folder && !status)
		nftw(d.data, folder_entry_remove, 16, FTW_DEPTH | FTW_PHYS);
	if (!status)
		printf("\nEnded; the data folder is %s.\n",
		       d.own_folder ? "gone" : "kept");
	return status;
}

int
main_demo(int argc, char **argv)
{
	if (!argc)
		return demo_run(NULL);
	if (argc == 2 && !strcmp(argv[0], "--data"))
		return demo_run(argv[1]);
	puts("usage: drawbridge demo [--data DIR]\n\n"
	     "Runs the server, a practice service, and a connection to try "
	     "things with, all on\nthis machine, until Ctrl-C.  --data keeps "
	     "the data in a new folder of this name.");
	return argc == 1 && (!strcmp(argv[0], "--help") ||
			     !strcmp(argv[0], "-h"))
		       ? 0
		       : 2;
}
