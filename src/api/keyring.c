/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /v1/keyring: which master key there is, and its rotation.  For the
 * machine's own command line alone.
 *
 * A new key that is not for the data folder comes sealed for the keeper; it
 * is carried there, and can be read by nobody on the way.
 */
#include "api/api_priv.h"

static json_t *
rotation_json(const struct connect_msg_keyring *m)
{
	static const char *const phases[CONNECT_ROTATIONS] = {
		[CONNECT_ROTATION_NONE] = "ended",
		[CONNECT_ROTATION_MASTER] = "master_key",
		[CONNECT_ROTATION_DATA_KEYS] = "data_keys",
	};

	if (!m->turn)
		return json_null();
	return json_pack(
		"{s:I, s:s, s:b, s:o, s:o, s:o, s:I, s:I, s:I}", "number",
		(json_int_t)m->turn, "phase", phases[m->phase], "data_keys",
		m->with_data_keys, "next_id", api_json_text(m->next_id),
		"begun_at", api_json_time(m->begun_at), "ended_at",
		api_json_time(m->ended_at), "total", (json_int_t)m->total,
		"done", (json_int_t)m->done, "failed", (json_int_t)m->failed);
}

static int
keyring_answer(struct api_request *r, int status,
	       const struct connect_msg_keyring *m)
{
	return api_answer(r, status,
			  json_pack("{s:s, s:s, s:o, s:I, s:{s:I, s:o}, s:o}",
				    "id", m->id, "source",
				    connect_key_source_name(m->source), "since",
				    api_json_time(m->since), "former",
				    (json_int_t)m->former, "data_keys", "count",
				    (json_int_t)m->data_keys, "oldest_at",
				    api_json_time(m->oldest_at), "rotation",
				    rotation_json(m)));
}

int
api_keyring_get(struct api_request *r)
{
	struct connect_msg_keyring m;
	struct connect_problem p;

	if (connect_front_keyring(r->api->config.connect, &m, &p))
		return api_problem_connect(r, &p);
	return keyring_answer(r, 200, &m);
}

bool
api_handover(struct api_request *r, unsigned char *bytes, size_t size,
	     size_t *len)
{
	const char *text = json_get_str(&r->body, "handover", 0, 512, "");

	if (codec_base64url_decode(slice_str(text), bytes, size, len))
		json_problem_set(&r->problem, "/handover",
				 "is not what was sealed for the keeper");
	return api_input_ok(r);
}

/* Noted before it is begun: a kill leaves a record too many, never one too
 * few. */
static int
rotate_audit(struct api_request *r, const struct connect_msg_rotate *m,
	     const char *from)
{
	char detail[128];
	int rc = store_begin(r->db);

	snprintf(detail, sizeof(detail), "to a key from: %s%s",
		 connect_key_source_name(m->source),
		 m->data_keys ? "; data keys too" : "");
	if (!rc)
		rc = api_audit(r, "keyring.rotate", from, "", detail);
	return rc ? rc : store_commit(r->db);
}

int
api_keyring_rotate(struct api_request *r)
{
	static const char *const names[] = { "data_keys", "source", "handover",
					     NULL };
	unsigned char handover[CONNECT_HANDOVER_MAX];
	struct connect_msg_copy may = { .what = CONNECT_COPY_MAY };
	struct connect_msg_rotate m = { 0 };
	struct connect_msg_keyring now;
	struct connect_msg_copied unused;
	struct connect_problem p;
	const char *source;
	size_t len = 0;
	int rc;

	if (!api_body_only(r, names))
		return 0;
	m.data_keys = json_get_bool(&r->body, "data_keys", false);
	source = json_get_str(&r->body, "source", 0, 16, "folder");
	if (connect_key_source_parse(slice_str(source), &m.source))
		json_problem_set(&r->problem, "/source",
				 "must be folder, file, credential or "
				 "passphrase");
	if (!api_handover(r, handover, sizeof(handover), &len))
		return 0;
	m.handover = slice_of(handover, len);
	if (connect_front_keyring(r->api->config.connect, &now, &p))
		return api_problem_connect(r, &p);
	if (now.phase == CONNECT_ROTATION_NONE &&
	    connect_front_copy(r->api->config.connect, &may, &unused, &p))
		return api_problem_connect(r, &p); /* nothing is noted */
	rc = rotate_audit(r, &m, now.id);
	if (rc)
		return rc;
	if (connect_front_rotate(r->api->config.connect, &m, &now, &p))
		return api_problem_connect(r, &p);
	return keyring_answer(r, 202, &now);
}
