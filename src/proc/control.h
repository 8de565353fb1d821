/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What parent and roles say to each other: a few short messages, one packet
 * each, perhaps with one file descriptor.
 *
 *   parent -> role  SETTINGS DATA KEY LISTENER … ALONE NEWER GO, then
 *                   PEER …, ALONE, STOP, BEAT, DEATHS
 *   role -> parent  READY, LOST, BEAT, KEY (of the keeper)
 *
 * Each kind has its form: with a descriptor or without, with a number of a
 * certain range.  What is not of its form is refused by the reader.
 *
 * During an upgrade parent and roles are of different versions, and a parent
 * tells the next of its kind what it has (resume.c): numbers and forms here
 * are kept for good.
 */
#ifndef PROC_CONTROL_H
#define PROC_CONTROL_H

#include "proc/proc.h"

enum proc_control_kind {
	PROC_CONTROL_SETTINGS = 1, /* text of a settings file */
	PROC_CONTROL_DATA,	   /* absolute path of the data folder */
	PROC_CONTROL_KEY,	   /* number: enum proc_key */
	PROC_CONTROL_LISTENER,	   /* number: local; text: address; fd */
	PROC_CONTROL_GO,
	PROC_CONTROL_PEER, /* number: role; fd */
	PROC_CONTROL_STOP, /* number: 1: others have taken over */
	PROC_CONTROL_READY,
	PROC_CONTROL_LOST,  /* number: role whose channel broke the protocol */
	PROC_CONTROL_ALONE, /* number: whether no other generation is there */
	/* of a parent to itself, over its exec */
	PROC_CONTROL_LOCK,  /* fd: of the data folder's lock */
	PROC_CONTROL_CHILD, /* number: role; text: pid; fd: its control */
	/* asked by the parent: are you there?  by a role: I am.  A parent asks
	 * those alone that have said it once of their own accord: it is newer
	 * than the other messages. */
	PROC_CONTROL_BEAT,
	PROC_CONTROL_DEATHS, /* to the front; text: proc_deaths_write() */
	/* a newer program was at the databases; to roles of the parent's own
	 * program alone */
	PROC_CONTROL_NEWER,
	PROC_CONTROL_KINDS,
};

enum { PROC_CONTROL_FD = 3, PROC_CONTROL_MAX = 32 * 1024 };

struct proc_control {
	enum proc_control_kind kind;
	unsigned number;
	struct slice text; /* in a buffer of PROC_CONTROL_MAX bytes */
	int fd;		   /* -1: none; owned by the reader */
};

/* 0, ERR_AGAIN, ERR_CLOSED, ERR_TOO_LARGE.  fd is borrowed. */
int proc_control_send(int control, enum proc_control_kind kind, unsigned number,
		      struct slice text, int fd);
/* ERR_AGAIN, ERR_CLOSED (also at the orderly end), ERR_PROTOCOL.  A secret in
 * the buffer is the caller's to wipe. */
int proc_control_receive(int control, char *buffer, struct proc_control *out);

/* The setting log-level. */
enum log_level proc_log_level(const struct conf *c);

#endif
