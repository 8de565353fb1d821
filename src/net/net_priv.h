/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of net/.
 */
#ifndef NET_NET_PRIV_H
#define NET_NET_PRIV_H

#include "net/net.h"

/* Puts server TLS on an accepted stream; closes it on error. */
int net_tls_accept(struct net_stream *s, struct net_tls *tls);

/* The certificate of a PEM body, or NULL; owned by the caller (X509_free). */
struct x509_st *net_anchor_read(struct slice body);

#endif
