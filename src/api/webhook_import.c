/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /v1/webhooks/import: a curl command as a webhook block's request.
 *
 * The command is lifted out of the body as a secret, and stays one; what
 * comes back has been through hook/curl.h and holds no credential.
 */
#include "api/api_priv.h"

#include "hook/hook.h"

static json_t *
notes_json(const struct hook_curl *import)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < import->note_count; i++)
		json_array_append_new(
			list, json_pack("{s:o, s:s}", "option",
					api_json_text(import->notes[i].option),
					"detail", import->notes[i].detail));
	return list;
}

static json_t *
offers_json(const struct hook_curl *import)
{
	json_t *list = json_array(), *services;
	size_t i, k;

	for (i = 0; i < import->offer_count; i++) {
		const struct hook_curl_offer *o = &import->offers[i];

		services = json_array();
		for (k = 0; k < o->service_count; k++)
			json_array_append_new(services,
					      json_string(o->services[k]));
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}",
					"kind", o->kind, "place", o->place,
					"name", api_json_text(o->name),
					"prefix", api_json_text(o->prefix),
					"host", api_json_text(o->host),
					"services", services));
	}
	return list;
}

static void
hint_add(void *arg, const struct hook_hint *hint)
{
	json_array_append_new(arg, json_pack("{s:s, s:s, s:s, s:b}", "pointer",
					     hint->pointer, "code", hint->code,
					     "detail", hint->detail, "soft",
					     (int)hint->soft));
}

static int
import_answer(struct api_request *r, const struct hook_curl *import)
{
	json_t *hints = json_array();

	hook_hints(import->request, hint_add, hints);
	return api_answer(r, 200,
			  json_pack("{s:O, s:o, s:o, s:o}", "request",
				    import->request, "notes",
				    notes_json(import), "offers",
				    offers_json(import), "hints", hints));
}

int
api_webhook_import(struct api_request *r)
{
	static const char *const names[] = { "curl", NULL };
	struct hook_curl *import;
	struct catalog *catalog;
	struct secret *text;
	int rc;

	if (!api_body_only(r, names))
		return 0;
	text = api_secret(r, "curl");
	if (!text)
		json_problem_set(&r->problem, "/curl",
				 "must be given: the text of a command");
	if (!api_input_ok(r))
		return 0;
	import = arena_alloc(r->arena, sizeof(*import));
	if (!import)
		return ERR_NOMEM;
	catalog = connect_front_catalog(r->api->config.connect);
	rc = hook_curl_import(text, catalog, r->actor->org, import);
	catalog_unref(catalog);
	if (rc == ERR_INVALID)
		rc = api_problem(r, CONNECT_P_INVALID, import->hint, "%s",
				 import->problem);
	else if (!rc)
		rc = import_answer(r, import);
	hook_curl_release(import);
	return rc;
}
