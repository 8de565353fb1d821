/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and backups: the front carries, and reads nothing.
 *
 * Runs in the front, on work threads.
 */
#include "connect/front_keys.h"
#include "connect/front_priv.h"

/* Its problems are not those of a connection. */
static int
keys_ask(struct connect_front *f, int type, struct proc_pack *body,
	 struct secret **reply, struct connect_problem *p)
{
	struct connect_msg_problem why = { 0 };
	int rc;

	rc = front_ask(f, (enum connect_message)type, body, CONNECT_QUICK_MS,
		       reply, p, &why);
	if (rc == ERR_WRONG_STATE && strcmp(why.code, "keys_busy") != 0)
		return connect_fail(p, rc, CONNECT_P_WRONG_STATE, NULL, "%s",
				    why.detail);
	if (rc == ERR_FORBIDDEN)
		return connect_fail(p, rc, CONNECT_P_FORBIDDEN, NULL, "%s",
				    why.detail);
	return rc;
}

static int
keyring_read(struct secret *reply, struct connect_msg_keyring *out,
	     struct connect_problem *p)
{
	struct proc_unpack u = proc_unpack_from(reply);
	int rc = connect_msg_keyring_unpack(&u, out);

	secret_free(reply);
	return rc ? connect_fail(p, rc, CONNECT_P_INTERNAL, NULL,
				 "The keeper's answer makes no sense.")
		  : 0;
}

int
connect_front_keyring(struct connect_front *f, struct connect_msg_keyring *out,
		      struct connect_problem *p)
{
	struct secret *reply;
	int rc =
		keys_ask(f, CONNECT_KEEPER_KEYRING, proc_pack_new(), &reply, p);

	return rc ? rc : keyring_read(reply, out, p);
}

int
connect_front_rotate(struct connect_front *f,
		     const struct connect_msg_rotate *m,
		     struct connect_msg_keyring *out, struct connect_problem *p)
{
	struct proc_pack *body = proc_pack_new();
	struct secret *reply;
	int rc;

	connect_msg_rotate_pack(m, body);
	rc = keys_ask(f, CONNECT_KEEPER_ROTATE, body, &reply, p);
	return rc ? rc : keyring_read(reply, out, p);
}

int
connect_front_copy(struct connect_front *f, const struct connect_msg_copy *m,
		   struct connect_msg_copied *out, struct connect_problem *p)
{
	struct proc_pack *body = proc_pack_new();
	struct secret *reply;
	struct proc_unpack u;
	int rc;

	connect_msg_copy_pack(m, body);
	rc = keys_ask(f, CONNECT_KEEPER_COPY, body, &reply, p);
	if (rc)
		return rc;
	u = proc_unpack_from(reply);
	rc = connect_msg_copied_unpack(&u, out);
	secret_free(reply);
	return rc ? connect_fail(p, rc, CONNECT_P_INTERNAL, NULL,
				 "The keeper's answer makes no sense.")
		  : 0;
}
