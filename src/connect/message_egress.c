/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The owner's private destinations on their way to the guard of the
 * exchanger: packed, unpacked, and read as the guard reads them.
 *
 * Runs in the front, the keeper and the exchanger.
 */
#include "connect/message_priv.h"

void
connect_msg_egress_pack(const struct connect_msg_egress *m, struct proc_pack *p)
{
	size_t i;

	proc_pack_u64(p, m->count);
	for (i = 0; i < m->count; i++)
		proc_pack_str(p, m->items[i]);
}

int
connect_msg_egress_unpack(struct proc_unpack *u, struct connect_msg_egress *m)
{
	size_t i;

	memset(m, 0, sizeof(*m));
	m->count = connect_msg_unpack_most(u, EGRESS_ALLOWED_MAX);
	for (i = 0; i < m->count; i++)
		proc_unpack_str(u, m->items[i], sizeof(m->items[i]));
	return connect_msg_done(u);
}

struct egress_allowed *
connect_msg_egress_allowed(const struct connect_msg_egress *m)
{
	const char *texts[EGRESS_ALLOWED_MAX];
	struct egress_allowed *list;
	size_t i, left_out;

	for (i = 0; i < m->count; i++)
		texts[i] = m->items[i];
	list = egress_allowed_new(texts, m->count, &left_out);
	if (left_out)
		log_warn("stored destinations are left out: the guard takes "
			 "no such network",
			 LOG_I("count", (int64_t)left_out));
	return list;
}
