/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of practice/: a service to learn and test with.
 *
 * An OAuth 2.0 authorization server with a consent page, and a small ticket
 * API in the manner of Zoho Desk, with faults that can be switched on:
 * expired tokens, throttling, 200 with an error, rotating refresh tokens, an
 * outage.  Everything lives in memory.  It is a program of its own
 * (`drawbridge practice`), listens on loopback only, and shares nothing with
 * the server but the HTTP code.
 */
#ifndef PRACTICE_PRACTICE_H
#define PRACTICE_PRACTICE_H

#include "http/http.h"

enum { PRACTICE_PORT = 7171 };

struct practice_config {
	uint16_t port;		   /* on 127.0.0.1; 0: any free one */
	const char *client_id;	   /* of the one registered app */
	const char *client_secret; /* public knowledge: nothing is guarded */
	/* Origin of the Drawbridge whose chat widget the practice shop has,
	 * "http://127.0.0.1:7070"; NULL: it has none. */
	const char *bridge;
};

struct practice;

/* Listens; *port tells where.  ERR_SYSTEM when the port is taken. */
int practice_new(struct loop *l, const struct practice_config *c,
		 struct practice **out, uint16_t *port);
void practice_free(struct practice *p);
/* Whether a text can be config.bridge: an origin, http or https. */
bool practice_bridge_is_sound(const char *text);

#endif
