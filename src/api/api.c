/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API of one front, and each worker's part of it.
 */
#include <pthread.h>
#include <stdlib.h>

#include "api/api_priv.h"

/* "https://host:port" of the public URL, which an Origin field must equal. */
static char *
origin_of(const char *url)
{
	struct slice s = slice_str(url), rest;
	size_t scheme = slice_starts(s, SLICE("https://")) ? 8 : 7;

	rest = slice_from(s, scheme);
	return slice_dup(slice_head(s, scheme + slice_find(rest, '/')));
}

int
api_new(const struct api_config *c, struct api **out)
{
	struct api *a = calloc(1, sizeof(*a));
	int rc;

	*out = NULL;
	if (!a)
		return ERR_NOMEM;
	a->config = *c;
	pthread_mutex_init(&a->mutex, NULL);
	pthread_mutex_init(&a->backup.mutex, NULL);
	pthread_mutex_init(&a->lane.mutex, NULL);
	a->public_url = slice_dup(slice_str(c->public_url));
	a->version = slice_dup(slice_str(c->version));
	a->origin = origin_of(c->public_url);
	a->secure = slice_starts(slice_str(c->public_url), SLICE("https://"));
	a->started_at = clock_wall_ms();
	random_bytes(a->salt, sizeof(a->salt));
	a->config.public_url = a->public_url;
	a->config.version = a->version;
	rc = a->public_url && a->version && a->origin ? api_pages_init(a)
						      : ERR_NOMEM;
	if (!rc && c->data && !c->shared)
		api_backup_drop(a); /* of a front that was killed */
	if (rc)
		api_free(a);
	else
		*out = a;
	return rc;
}

void
api_free(struct api *a)
{
	if (!a)
		return;
	ASSERT(!a->first);
	if (a->backup.told.state != API_BACKUP_NONE)
		api_backup_drop(a);
	pthread_mutex_destroy(&a->mutex);
	pthread_mutex_destroy(&a->backup.mutex);
	ASSERT(!a->lane.first);
	pthread_mutex_destroy(&a->lane.mutex);
	free(a->public_url);
	free(a->version);
	free(a->origin);
	free(a->page_csp);
	free(a);
}

int
api_worker_new(struct api *a, struct loop *l, struct call_worker *calls,
	       struct flow_worker *flows, struct api_worker **out)
{
	struct api_worker *w = calloc(1, sizeof(*w));

	*out = w;
	if (!w)
		return ERR_NOMEM;
	w->api = a;
	w->loop = l;
	w->calls = calls;
	w->flows = flows;
	pthread_mutex_lock(&a->mutex);
	w->next = a->first;
	a->first = w;
	pthread_mutex_unlock(&a->mutex);
	return 0;
}

void
api_worker_free(struct api_worker *w)
{
	struct api_worker **at;

	if (!w)
		return;
	api_webhooks_end(w);
	api_backup_unwatch(w);
	pthread_mutex_lock(&w->api->mutex);
	for (at = &w->api->first; *at != w; at = &(*at)->next)
		ASSERT(*at);
	*at = w->next;
	pthread_mutex_unlock(&w->api->mutex);
	free(w);
}

/* ---- housekeeping ---- */

enum {
	STRANGERS_KEEP_MS = 30LL * 24 * 3600 * 1000,
};

static int
tidy_all(struct api *a, struct store_conn *c, const struct api_keep *keep)
{
	int64_t now = clock_settled_ms();
	char oldest[RANDOM_ID_SIZE];
	int rc = people_tidy(c);

	if (!rc)
		rc = connect_front_tidy(a->config.connect, c);
	if (!rc)
		rc = audit_tidy(c, now - STRANGERS_KEEP_MS);
	if (!rc)
		rc = api_idempotency_tidy(c);
	random_id_at(now - keep->calls_ms, oldest);
	if (!rc && keep->calls_ms)
		rc = store_exec(c, NULL, "DELETE FROM calls WHERE id < ?1", "s",
				oldest);
	if (!rc)
		rc = flow_tidy(a->config.flows, c, now, keep->talks_ms,
			       keep->silent_ms);
	return rc;
}

int
api_tidy(struct api *a, const struct api_keep *keep)
{
	struct store_conn *c;
	int rc = store_acquire(a->config.store, &c);

	if (rc)
		return rc;
	rc = tidy_all(a, c, keep);
	if (rc < 0)
		log_warn("housekeeping failed", LOG_E(rc),
			 LOG_S("why", store_message(c)));
	store_release(c);
	return rc;
}
