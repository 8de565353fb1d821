/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trust anchors of destinations that have their own.
 *
 * A service can name those who alone may vouch for its hosts.  Each such set
 * has a TLS context of its own, and so TLS sessions of its own; it lives as
 * long as a destination has it.
 *
 * Runs on the loop of its egress; no lock.
 */
#include <openssl/evp.h>
#include <stdlib.h>

#include "egress/egress_priv.h"

int
egress_trust_id(struct slice anchors, char out[EGRESS_TRUST_ID])
{
	unsigned char hash[32];
	unsigned len = 0;

	if (EVP_Digest(anchors.ptr, anchors.len, hash, &len, EVP_sha256(),
		       NULL) != 1)
		return ERR_TLS;
	ASSERT(len == sizeof(hash));
	codec_hex(hash, sizeof(hash), out);
	return 0;
}

static int
trust_new(struct egress *e, const char *id, struct slice anchors,
	  struct egress_trust **out)
{
	struct egress_trust *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return ERR_NOMEM;
	rc = net_tls_client_of(anchors, &t->tls);
	if (rc) {
		free(t);
		return rc;
	}
	memcpy(t->id, id, EGRESS_TRUST_ID);
	t->refs = 1;
	t->next = e->trusts;
	t->prev = &e->trusts;
	if (t->next)
		t->next->prev = &t->next;
	e->trusts = t;
	*out = t;
	return 0;
}

int
egress_trust_get(struct egress *e, const char *id, struct slice anchors,
		 struct egress_trust **out)
{
	struct egress_trust *t;

	*out = NULL;
	for (t = e->trusts; t; t = t->next) {
		if (strcmp(t->id, id) != 0)
			continue;
		t->refs++;
		*out = t;
		return 0;
	}
	return trust_new(e, id, anchors, out);
}

void
egress_trust_put(struct egress_trust *t)
{
	if (!t || --t->refs)
		return;
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
	net_tls_free(t->tls);
	free(t);
}

struct net_tls *
egress_dest_tls(const struct egress_dest *d)
{
	return d->trust ? d->trust->tls : egress_policy_tls(d->egress->policy);
}
