/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chat widget's part of a flow: what its pages show, and which pages may
 * have it.
 *
 * Runs on the front's work threads.
 */
#include "flow/flow_priv.h"

static int
published_find(struct store_conn *c, const char *flow, char id[27],
	       int64_t *version)
{
	struct store_stmt *st = NULL;
	int rc = store_query(c, &st,
			     "SELECT id, published_version FROM flows WHERE "
			     "id = ?1 OR link_name = ?1",
			     "s", flow);

	*version = 0;
	if (!rc)
		rc = store_step(st);
	if (rc == 1) {
		slice_copy(store_col(st, 0), id, 27);
		*version = store_col_int(st, 1);
		rc = 0;
	}
	store_done(st);
	if (rc < 0)
		return rc;
	return *version ? 0 : ERR_NOT_FOUND;
}

int
flow_widget_find(struct flow_engine *e, struct store_conn *c, const char *flow,
		 char id[27], struct flow_document **out)
{
	int64_t version;
	int rc;

	*out = NULL;
	id[0] = '\0';
	rc = published_find(c, flow, id, &version);
	if (!rc)
		rc = flow_talk_document(e, c, id, version, NULL, out);
	if (!rc && !(*out)->widget.enabled) {
		flow_document_unref(*out);
		*out = NULL;
		rc = ERR_NOT_FOUND;
	}
	return rc;
}

bool
flow_widget_takes(const struct flow_widget *w, const char *origin,
		  const char *own)
{
	size_t i;

	if (!w->enabled || !origin)
		return false;
	if (own && !strcmp(origin, own))
		return true;
	for (i = 0; i < w->origin_count; i++)
		if (!strcmp(w->origins[i], origin))
			return true;
	return false;
}
