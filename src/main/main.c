/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program: a role of the server, or a command.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "connect/connect.h"
#include "main/main_priv.h"
#include "main/front_priv.h"
#include "practice/practice.h"

static proc_role_main *const roles[PROC_ROLES] = {
	[PROC_KEEPER] = connect_keeper_main,
	[PROC_EXCHANGER] = connect_exchanger_main,
	[PROC_FRONT] = front_main,
};

static int
practice_help(FILE *to)
{
	fprintf(to,
		"usage: drawbridge practice [--port N] [--bridge URL]\n\n"
		"Runs the practice service by itself, on 127.0.0.1, until a "
		"signal ends it.\n\n"
		"  --port N      where to listen (%d)\n"
		"  --bridge URL  whose chat widget its shop page has\n",
		PRACTICE_PORT);
	return to == stdout ? 0 : 2;
}

/* The practice service by itself, until a signal ends it. */
static int
main_practice(int argc, char **argv)
{
	struct practice_config config = { .port = PRACTICE_PORT,
					  .client_id = "practice-client",
					  .client_secret = "practice-secret" };
	struct practice *p;
	struct loop *l;
	uint64_t port;
	int i;

	if (argc == 1 && (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h")))
		return practice_help(stdout);
	for (i = 0; i < argc; i += 2) {
		if (i + 1 < argc && !strcmp(argv[i], "--port") &&
		    !slice_to_u64(slice_str(argv[i + 1]), 65535, &port))
			config.port = (uint16_t)port;
		else if (i + 1 < argc && !strcmp(argv[i], "--bridge") &&
			 practice_bridge_is_sound(argv[i + 1]))
			config.bridge = argv[i + 1];
		else
			return practice_help(stderr);
	}
	if (loop_new(&l) || practice_new(l, &config, &p, &config.port)) {
		fprintf(stderr, "practice: cannot listen on port %u\n",
			config.port);
		return 1;
	}
	printf("practice service on http://127.0.0.1:%u\n", config.port);
	fflush(stdout);
	loop_run(l);
	practice_free(p);
	loop_free(l);
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct cli_hooks hooks = {
		.version = DRAWBRIDGE_VERSION STEP_VERSION,
		.serve = main_serve,
		.practice = main_practice,
		.demo = main_demo,
	};

	signal(SIGPIPE, SIG_IGN);
	step_setup();
	if (proc_is_role(argc, argv))
		return proc_role_run(argc, argv, roles);
	return cli_main(argc, argv, &hooks);
}
