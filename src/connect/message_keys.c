/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages about keys and copies, packed and unpacked.
 *
 * Runs in the front and in the keeper.
 */
#include "connect/message_keys.h"
#include "connect/message_priv.h"

static const char *const sources[CONNECT_KEY_SOURCES] = {
	[CONNECT_KEY_FOLDER] = "folder",
	[CONNECT_KEY_FILE] = "file",
	[CONNECT_KEY_CREDENTIAL] = "credential",
	[CONNECT_KEY_PASSPHRASE] = "passphrase",
};

const char *
connect_key_source_name(enum connect_key_source s)
{
	ASSERT(s < CONNECT_KEY_SOURCES);
	return sources[s];
}

int
connect_key_source_parse(struct slice name, enum connect_key_source *out)
{
	size_t i;

	for (i = 0; i < CONNECT_KEY_SOURCES; i++) {
		if (!slice_eq(name, slice_str(sources[i])))
			continue;
		*out = (enum connect_key_source)i;
		return 0;
	}
	return ERR_INVALID;
}

static enum connect_key_source
unpack_source(struct proc_unpack *u)
{
	return (enum connect_key_source)connect_msg_unpack_most(
		u, CONNECT_KEY_SOURCES - 1);
}

void
connect_msg_keyring_pack(const struct connect_msg_keyring *m,
			 struct proc_pack *p)
{
	proc_pack_str(p, m->id);
	proc_pack_u64(p, m->source);
	proc_pack_u64(p, (uint64_t)m->since);
	proc_pack_u64(p, m->former);
	proc_pack_u64(p, m->data_keys);
	proc_pack_u64(p, (uint64_t)m->oldest_at);
	proc_pack_u64(p, m->phase);
	proc_pack_str(p, m->next_id);
	proc_pack_u64(p, m->turn);
	proc_pack_u64(p, m->with_data_keys);
	proc_pack_u64(p, (uint64_t)m->begun_at);
	proc_pack_u64(p, (uint64_t)m->ended_at);
	proc_pack_u64(p, m->total);
	proc_pack_u64(p, m->done);
	proc_pack_u64(p, m->failed);
}

int
connect_msg_keyring_unpack(struct proc_unpack *u, struct connect_msg_keyring *m)
{
	memset(m, 0, sizeof(*m));
	proc_unpack_str(u, m->id, sizeof(m->id));
	m->source = unpack_source(u);
	m->since = (int64_t)proc_unpack_u64(u);
	m->former = proc_unpack_u64(u);
	m->data_keys = proc_unpack_u64(u);
	m->oldest_at = (int64_t)proc_unpack_u64(u);
	m->phase = (enum connect_rotation)connect_msg_unpack_most(
		u, CONNECT_ROTATIONS - 1);
	proc_unpack_str(u, m->next_id, sizeof(m->next_id));
	m->turn = proc_unpack_u64(u);
	m->with_data_keys = connect_msg_unpack_most(u, 1) != 0;
	m->begun_at = (int64_t)proc_unpack_u64(u);
	m->ended_at = (int64_t)proc_unpack_u64(u);
	m->total = proc_unpack_u64(u);
	m->done = proc_unpack_u64(u);
	m->failed = proc_unpack_u64(u);
	return connect_msg_done(u);
}

void
connect_msg_rotate_pack(const struct connect_msg_rotate *m, struct proc_pack *p)
{
	proc_pack_u64(p, m->data_keys);
	proc_pack_u64(p, m->source);
	proc_pack_bytes(p, m->handover);
}

int
connect_msg_rotate_unpack(struct proc_unpack *u, struct connect_msg_rotate *m)
{
	memset(m, 0, sizeof(*m));
	m->data_keys = connect_msg_unpack_most(u, 1) != 0;
	m->source = unpack_source(u);
	m->handover = proc_unpack_bytes(u, CONNECT_HANDOVER_MAX);
	return connect_msg_done(u);
}

void
connect_msg_copy_pack(const struct connect_msg_copy *m, struct proc_pack *p)
{
	proc_pack_u64(p, m->what);
	proc_pack_bytes(p, m->handover);
}

int
connect_msg_copy_unpack(struct proc_unpack *u, struct connect_msg_copy *m)
{
	memset(m, 0, sizeof(*m));
	m->what = connect_msg_unpack_most(u, CONNECT_COPY_DROP);
	m->handover = proc_unpack_bytes(u, CONNECT_HANDOVER_MAX);
	return connect_msg_done(u);
}

void
connect_msg_copied_pack(const struct connect_msg_copied *m, struct proc_pack *p)
{
	proc_pack_u64(p, m->state);
	proc_pack_u64(p, m->done);
	proc_pack_u64(p, m->total);
	proc_pack_str(p, m->detail);
	proc_pack_u64(p, (uint64_t)m->schema);
	proc_pack_str(p, m->id);
	proc_pack_u64(p, m->source);
	proc_pack_bytes(p, slice_of(m->key, m->key_len));
}

int
connect_msg_copied_unpack(struct proc_unpack *u, struct connect_msg_copied *m)
{
	struct slice key;

	memset(m, 0, sizeof(*m));
	m->state = (enum connect_copy)connect_msg_unpack_most(
		u, CONNECT_COPIES - 1);
	m->done = proc_unpack_u64(u);
	m->total = proc_unpack_u64(u);
	proc_unpack_str(u, m->detail, sizeof(m->detail));
	m->schema = (int64_t)connect_msg_unpack_most(u, INT64_MAX);
	proc_unpack_str(u, m->id, sizeof(m->id));
	m->source = unpack_source(u);
	key = proc_unpack_bytes(u, sizeof(m->key));
	if (key.len && key.len != sizeof(m->key))
		return ERR_PROTOCOL;
	m->key_len = key.len;
	if (key.len)
		memcpy(m->key, key.ptr, key.len);
	return connect_msg_done(u);
}
