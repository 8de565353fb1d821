/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trust anchors that come as text: PEM, read strictly.
 *
 * A text is certificates and white space, nothing else: what a person pastes
 * with them by mistake (a private key above all) must not be kept.  Each is
 * one whole DER certificate with a key that can be used.
 */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "net/net_priv.h"

static const struct slice begin = SLICE("-----BEGIN CERTIFICATE-----");
static const struct slice end = SLICE("-----END CERTIFICATE-----");

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice
skip_space(struct slice s)
{
	while (s.len && is_space(s.ptr[0]))
		s = slice_from(s, 1);
	return s;
}

int
net_anchors_next(struct slice *rest, struct slice *body)
{
	struct slice s = skip_space(*rest);
	size_t dash;

	*rest = s;
	if (!s.len)
		return 0;
	if (!slice_starts(s, begin))
		return ERR_INVALID;
	s = slice_from(s, begin.len);
	dash = slice_find(s, '-');
	*body = slice_head(s, dash);
	s = slice_from(s, dash);
	if (!slice_starts(s, end))
		return ERR_INVALID;
	*rest = slice_from(s, end.len);
	return 1;
}

size_t
net_anchor_bare(struct slice body, char out[NET_ANCHORS_TEXT])
{
	size_t i, n = 0;

	for (i = 0; i < body.len && n < NET_ANCHORS_TEXT; i++)
		if (!is_space(body.ptr[i]))
			out[n++] = body.ptr[i];
	return n;
}

struct x509_st *
net_anchor_read(struct slice body)
{
	char text[NET_ANCHORS_TEXT], der[NET_ANCHORS_TEXT];
	const unsigned char *at = (const unsigned char *)der;
	size_t n = net_anchor_bare(body, text), len;
	X509 *x;

	if (codec_base64_decode(slice_of(text, n), der, sizeof(der), &len))
		return NULL;
	ERR_clear_error();
	x = d2i_X509(NULL, &at, (long)len);
	if (x &&
	    (at != (const unsigned char *)der + len || !X509_get0_pubkey(x))) {
		X509_free(x);
		x = NULL;
	}
	ERR_clear_error();
	return x;
}

/* One of a text that is not known to be sound. */
static int
anchor_check(struct slice body, unsigned number, char *detail, size_t size)
{
	X509 *x = net_anchor_read(body);

	X509_free(x);
	if (x)
		return 0;
	snprintf(detail, size, "certificate %u cannot be read", number);
	return ERR_INVALID;
}

int
net_anchors_check(struct slice pem, char *detail, size_t size)
{
	struct slice rest = pem, body;
	unsigned count = 0;
	int rc;

	if (pem.len > NET_ANCHORS_TEXT) {
		snprintf(detail, size, "is longer than %d bytes",
			 NET_ANCHORS_TEXT);
		return ERR_TOO_LARGE;
	}
	while ((rc = net_anchors_next(&rest, &body)) == 1) {
		if (++count > NET_ANCHORS_MAX) {
			snprintf(detail, size, "has more than %d certificates",
				 NET_ANCHORS_MAX);
			return ERR_TOO_LARGE;
		}
		rc = anchor_check(body, count, detail, size);
		if (rc)
			return rc;
	}
	if (rc)
		snprintf(detail, size,
			 "holds something else than PEM certificates behind "
			 "the first %u",
			 count);
	else if (!count)
		snprintf(detail, size, "holds no certificate");
	return rc || !count ? ERR_INVALID : 0;
}
