/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of gateway/: ANY /via/{link_name}/{path}.
 *
 * An authenticated reverse proxy for programs: takes the caller's key out of
 * wherever the service's SDK puts its credential, lets call/ make the call,
 * and streams both ways.  An answer of Drawbridge itself carries
 * Drawbridge-Error and problem+json; everything else is the service's own,
 * less the fields that would act on Drawbridge's origin.
 *
 * Runs on a worker's loop in the front.
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "call/call.h"

struct gateway;

/* scrub: secrets that an answer echoes are masked. */
int gateway_new(struct call_worker *calls, struct people_view *people,
		bool scrub, struct gateway **out);
/* All exchanges must be over. */
void gateway_free(struct gateway *g);
/* Whether the target is the gateway's ("/via/…"). */
bool gateway_takes(struct slice target);
/* Takes over the exchange. */
void gateway_handle(struct gateway *g, struct http_exchange *x);
/* Answers a head that was refused (400, 431 …) on behalf of the server. */
void gateway_refuse(struct http_exchange *x, int status, const char *why);

#endif
