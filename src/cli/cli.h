/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of cli/: the command line.
 *
 * One table of commands (cli.c), from which dispatch and every help text
 * come.  Commands ask the server's API for what they need: over the data
 * folder's Unix socket on the server's own machine, over HTTP elsewhere; and
 * where no server runs, over a private one that is started for the command.
 *
 * Runs in a process of its own, on the command of a person or a script.
 * Never takes a secret as an argument: those come from files or standard
 * input.  Opens no database but to check the audit chain offline.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

/*
 * Exit codes, for scripts:
 *
 *   0  done
 *   1  failed
 *   2  the command line is not right
 *   3  there is no such thing
 *   4  refused: no or wrong key, or a role that may not
 *   5  the server cannot be reached
 */
enum cli_exit {
	CLI_OK,
	CLI_FAILED,
	CLI_USAGE,
	CLI_NOT_FOUND,
	CLI_REFUSED,
	CLI_UNREACHABLE,
};

/* serve's exit code when another server has the data folder (EX_TEMPFAIL). */
enum { CLI_SERVER_TAKEN = 75 };

/* The sockets in a data folder: of the server, and of a private one. */
#define CLI_SOCKET "drawbridge.sock"
#define CLI_PRIVATE_SOCKET "private.sock"

/* A command that lives above this folder: gets the arguments behind its
 * name, gives the exit code. */
typedef int cli_hook(int argc, char **argv);

struct cli_hooks {
	const char *version;
	/*
	 * serve; with --private (how the command line starts one for itself)
	 * it listens on DATA/private.sock alone, writes a line "ready" to
	 * standard output once that answers, and ends when its standard
	 * input does.  Its socket has a name of its own so that no other
	 * command takes it for a server that stays.  CLI_SERVER_TAKEN when
	 * the folder is in use.
	 */
	cli_hook *serve;
	cli_hook *practice;
	cli_hook *demo;
};

/* Finds the command and runs it; gives the exit code.  Arguments as main()
 * got them.  A hook may be NULL: then its command says that it is not here.
 */
int cli_main(int argc, char **argv, const struct cli_hooks *hooks);

#endif
