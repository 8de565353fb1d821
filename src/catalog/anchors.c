/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose word counts for a service's hosts: the trust anchors ("ca") that its
 * definition names in place of the system's.
 *
 * Who chooses them can put himself between Drawbridge and the service, so
 * they are sealed with a grant as its hosts are: what a definition adds
 * later, it does not get; what it takes away, it loses at once.
 */
#include "catalog/catalog_priv.h"
#include "vault/vault.h"

_Static_assert(CATALOG_ANCHORS_MAX == (int)NET_ANCHORS_MAX, "one limit");
_Static_assert(CATALOG_ANCHOR_ID == CODEC_HEX_SIZE(VAULT_HASH_SIZE), "hex");

static void
anchor_id(struct slice body, char out[CATALOG_ANCHOR_ID])
{
	char bare[NET_ANCHORS_TEXT];
	uint8_t hash[VAULT_HASH_SIZE];

	vault_hash(slice_of(bare, net_anchor_bare(body, bare)), hash);
	codec_hex(hash, sizeof(hash), out);
}

size_t
catalog_anchor_ids(const char *ca,
		   char out[CATALOG_ANCHORS_MAX][CATALOG_ANCHOR_ID])
{
	struct slice rest = slice_str(ca), body;
	size_t n = 0;

	while (n < CATALOG_ANCHORS_MAX && net_anchors_next(&rest, &body) == 1)
		anchor_id(body, out[n++]);
	return n;
}

static bool
ids_have(char (*ids)[CATALOG_ANCHOR_ID], size_t count, const char *id)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!strcmp(ids[i], id))
			return true;
	return false;
}

/* Those of `now` that the grant was sealed with, too. */
static int
common_anchors(const char *now, const char *sealed, struct buf *out)
{
	char ids[CATALOG_ANCHORS_MAX][CATALOG_ANCHOR_ID];
	char id[CATALOG_ANCHOR_ID];
	size_t count = catalog_anchor_ids(sealed, ids);
	struct slice rest = slice_str(now), from = rest, body;

	while (net_anchors_next(&rest, &body) == 1) {
		anchor_id(body, id);
		if (ids_have(ids, count, id))
			buf_put(out, from.ptr, from.len - rest.len);
		from = rest;
	}
	return buf_err(out);
}

int
binding_anchors(const struct binding *now, const struct binding *sealed,
		struct buf *common, const char **out)
{
	const char *a = now->service->ca, *b = sealed->service->ca;
	int rc;

	*out = b;
	if (a == b || (a && b && !strcmp(a, b)))
		return 0;
	if (!a || !b)
		return ERR_BLOCKED;
	rc = common_anchors(a, b, common);
	if (rc)
		return rc;
	*out = buf_cstr(common);
	return common->len ? 0 : ERR_BLOCKED;
}

bool
anchors_cover(const struct binding *sealed, const struct binding *now)
{
	char have[CATALOG_ANCHORS_MAX][CATALOG_ANCHOR_ID];
	char want[CATALOG_ANCHORS_MAX][CATALOG_ANCHOR_ID];
	size_t nh = catalog_anchor_ids(sealed->service->ca, have), i;
	size_t nw = catalog_anchor_ids(now->service->ca, want);

	for (i = 0; i < nw; i++)
		if (!ids_have(have, nh, want[i]))
			return false;
	return !sealed->service->ca == !now->service->ca;
}
