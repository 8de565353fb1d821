/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign definitions and sealed bindings: any bytes end in a report or in
 * something whole; what was read and written reads back the same.
 */
#include <stdlib.h>

#include "catalog/catalog.h"
#include "net/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fuzz_check(struct slice text)
{
	static struct catalog_report report;
	char id[CATALOG_ID_MAX + 1];
	int err = catalog_check(NULL, text, id, &report);

	/* Refused means told, and sound means named. */
	ASSERT(err == ERR_NOMEM || (err == 0) == (report.total == 0));
	ASSERT(err != 0 || id[0]);
}

/* Whatever the rules are, and whatever is asked: a scope covers itself, and
 * looking stays inside of both texts. */
static void
fuzz_scopes(const struct binding *b, struct slice text)
{
	struct slice a = slice_head(text, text.len < 32 ? text.len / 2 : 16);
	struct slice z = slice_from(text, text.len - a.len);

	ASSERT(binding_scope_covers(b, a, a));
	binding_scope_covers(b, a, z);
	binding_scope_covers(b, z, a);
	binding_scope_covers(b, SLICE("read_a"), SLICE("write_a"));
	binding_scope_is_told(b, a);
	binding_scope_is_told(b, SLICE("offline_access"));
}

/* Whoever is trusted: a binding shares all of them with itself. */
static void
fuzz_anchors(const struct binding *b)
{
	char ids[CATALOG_ANCHORS_MAX][CATALOG_ANCHOR_ID];
	const char *anchors;
	struct buf common;

	buf_init(&common, NET_ANCHORS_TEXT + 1);
	ASSERT(binding_anchors(b, b, &common, &anchors) == 0);
	ASSERT(anchors == b->service->ca);
	buf_release(&common);
	catalog_anchor_ids(b->service->ca, ids);
}

static void
fuzz_pem(struct slice text)
{
	char ids[CATALOG_ANCHORS_MAX][CATALOG_ANCHOR_ID], detail[200] = "";
	struct buf copy;
	int rc = net_anchors_check(text, detail, sizeof(detail));

	ASSERT((rc == 0) == (detail[0] == 0));
	buf_init(&copy, NET_ANCHORS_TEXT + 1);
	buf_put_slice(&copy, text);
	/* what is trusted has a name, so that it can be told apart */
	if (!rc)
		ASSERT(catalog_anchor_ids(buf_cstr(&copy), ids) > 0);
	buf_release(&copy);
}

static void
fuzz_binding(struct slice text)
{
	struct buf one, two;
	struct binding *b, *again;

	if (binding_from_json(text, &b, NULL) < 0)
		return;
	buf_init(&one, BINDING_JSON_MAX * 2);
	buf_init(&two, BINDING_JSON_MAX * 2);
	ASSERT(binding_to_json(b, &one) == 0);
	if (one.len <= BINDING_JSON_MAX) {
		ASSERT(binding_from_json(buf_slice(&one), &again, NULL) == 0);
		ASSERT(binding_to_json(again, &two) == 0);
		ASSERT(slice_eq(buf_slice(&one), buf_slice(&two)));
		binding_free(again);
	}
	/* Whatever it says: never to a host that is none of its own. */
	ASSERT(!binding_hosts_allow(b, true, SLICE("a b"), 0));
	fuzz_scopes(b, text);
	fuzz_anchors(b);
	binding_free(b);
	buf_release(&one);
	buf_release(&two);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of(data, size);

	fuzz_check(text);
	fuzz_pem(text);
	fuzz_binding(text);
	return 0;
}
