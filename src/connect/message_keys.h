/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What front and keeper say about keys and copies of the keeper's database;
 * as message.h, in the same table.
 *
 * A key never travels in the open: what goes through the front is sealed for
 * the keeper by somebody who has read DATA/keeper/handover (which the front
 * cannot), or sealed by the keeper under a key that came so.
 */
#ifndef CONNECT_MESSAGE_KEYS_H
#define CONNECT_MESSAGE_KEYS_H

#include "connect/message.h"
#include "vault/vault.h"

/* Beside enum connect_message. */
enum {
	CONNECT_KEEPER_KEYRING = 32, /* nothing -> msg_keyring */
	CONNECT_KEEPER_ROTATE,	     /* msg_rotate -> msg_keyring */
	CONNECT_KEEPER_COPY,	     /* msg_copy -> msg_copied */
};

/* A key, and behind one from a passphrase what that takes. */
enum {
	CONNECT_HANDOVER_MAX =
		VAULT_HANDOVER_OVERHEAD + VAULT_KEY_SIZE + VAULT_PARAMS_SIZE,
};

/* Where a master key comes from. */
enum connect_key_source {
	CONNECT_KEY_FOLDER,	/* DATA/keeper/master.key */
	CONNECT_KEY_FILE,	/* --key-file */
	CONNECT_KEY_CREDENTIAL, /* of systemd */
	CONNECT_KEY_PASSPHRASE,
	CONNECT_KEY_SOURCES,
};
/* Behind the name of a key's file: the next key, until it is in its place. */
#define CONNECT_KEY_NEW ".new"
/* "folder", "file", "credential", "passphrase"; and back: ERR_INVALID. */
const char *connect_key_source_name(enum connect_key_source s);
int connect_key_source_parse(struct slice name, enum connect_key_source *out);

enum connect_rotation {
	CONNECT_ROTATION_NONE,
	CONNECT_ROTATION_MASTER,    /* data keys get another wrapping */
	CONNECT_ROTATION_DATA_KEYS, /* and then are made anew */
	CONNECT_ROTATIONS,
};

struct connect_msg_keyring {
	char id[VAULT_KEY_ID_SIZE];
	enum connect_key_source source;
	int64_t since;	    /* it is the master key */
	uint64_t former;    /* how many were before it */
	uint64_t data_keys; /* how many there are */
	int64_t oldest_at;  /* the oldest of them; 0: none */
	/* The rotation under way, or else the last one (turn 0: none was). */
	enum connect_rotation phase;
	char next_id[VAULT_KEY_ID_SIZE]; /* during MASTER */
	uint64_t turn;
	bool with_data_keys;
	int64_t begun_at, ended_at;
	uint64_t total, done, failed; /* data keys of this phase */
};
void connect_msg_keyring_pack(const struct connect_msg_keyring *m,
			      struct proc_pack *p);
int connect_msg_keyring_unpack(struct proc_unpack *u,
			       struct connect_msg_keyring *m);

struct connect_msg_rotate {
	bool data_keys;
	enum connect_key_source source; /* where the new key will come from */
	struct slice handover; /* the new key; empty: the keeper makes one,
				* for the folder.  Borrowed. */
};
void connect_msg_rotate_pack(const struct connect_msg_rotate *m,
			     struct proc_pack *p);
int connect_msg_rotate_unpack(struct proc_unpack *u,
			      struct connect_msg_rotate *m);

enum connect_copy {
	CONNECT_COPY_NONE,
	CONNECT_COPY_RUNNING,
	CONNECT_COPY_READY, /* in DATA/keeper/backup.db */
	CONNECT_COPY_FAILED,
	CONNECT_COPIES,
};

struct connect_msg_copy {
	enum {
		CONNECT_COPY_ASK,
		CONNECT_COPY_MAY, /* whether START would be refused */
		CONNECT_COPY_START,
		CONNECT_COPY_DROP
	} what;
	struct slice handover; /* START: a key to seal the master key with */
};
void connect_msg_copy_pack(const struct connect_msg_copy *m,
			   struct proc_pack *p);
int connect_msg_copy_unpack(struct proc_unpack *u, struct connect_msg_copy *m);

enum { CONNECT_SEALED_KEY_SIZE = VAULT_KEY_SIZE + VAULT_OVERHEAD };

struct connect_msg_copied {
	enum connect_copy state;
	uint64_t done, total; /* pages */
	char detail[256];     /* FAILED: why */
	/* READY: the newest migration in it, and the master key (identity
	 * "backup/<id>"). */
	int64_t schema;
	char id[VAULT_KEY_ID_SIZE];
	enum connect_key_source source;
	unsigned char key[CONNECT_SEALED_KEY_SIZE];
	size_t key_len; /* 0 or all of it */
};
void connect_msg_copied_pack(const struct connect_msg_copied *m,
			     struct proc_pack *p);
int connect_msg_copied_unpack(struct proc_unpack *u,
			      struct connect_msg_copied *m);

#endif
