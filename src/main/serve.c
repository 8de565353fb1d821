/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `drawbridge serve`: settings, then the parent of the roles.
 */
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "main/main_priv.h"
#include "proc/proc.h"

static void
serve_help(void)
{
	struct buf b;

	buf_init(&b, 64 * 1024);
	buf_puts(&b, "usage: drawbridge serve [OPTION …]\n\n"
		     "Runs the server until SIGTERM.  An empty data folder is "
		     "made ready by itself;\nthe log has a link to become its "
		     "owner.\n\n");
	conf_help(&b);
	if (buf_cstr(&b))
		fputs(buf_cstr(&b), stdout);
	buf_release(&b);
}

/* Takes a flag without value out of the arguments. */
static bool
take_flag(int *argc, char **argv, const char *flag)
{
	int i, n = 0;
	bool found = false;

	for (i = 0; i < *argc; i++) {
		if (!strcmp(argv[i], flag))
			found = true;
		else
			argv[n++] = argv[i];
	}
	*argc = n;
	return found;
}

static void
private_ready(void *arg)
{
	(void)arg;
	puts("ready");
	fflush(stdout);
}

int
main_serve(int argc, char **argv)
{
	struct proc_parent_config config = { 0 };
	struct conf_problem problem;

	if (take_flag(&argc, argv, "--help") || take_flag(&argc, argv, "-h")) {
		serve_help();
		return 0;
	}
	config.private_server = take_flag(&argc, argv, "--private");
	if (config.private_server)
		config.ready = private_ready;
	if (conf_load(argc, argv, &config.conf, &problem)) {
		fprintf(stderr, "drawbridge: %s\n", problem.text);
		return 2;
	}
	config.argc = argc;
	config.argv = argv;
	config.version = DRAWBRIDGE_VERSION STEP_VERSION;
	config.upgrades = !config.private_server;
	return proc_parent_run(&config);
}
