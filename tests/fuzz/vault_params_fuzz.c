/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a passphrase takes to become the master key: a file as it comes, and
 * one whose check is right however odd its words are.  What is believed can be
 * derived with, and is written so that it reads back the same.
 */
#include <stdio.h>

#include "vault/vault.h"

static void
check_read(struct slice text)
{
	struct vault_kdf one, two;
	char again[VAULT_PARAMS_SIZE];

	if (vault_params_read(text, &one))
		return;
	ASSERT(one.ops && one.ops <= VAULT_KDF_OPS_MAX);
	ASSERT(one.mem && one.mem <= VAULT_KDF_MEM_MAX);
	vault_params_write(&one, again);
	ASSERT(!vault_params_read(slice_str(again), &two));
	ASSERT(one.ops == two.ops && one.mem == two.mem);
	ASSERT(!memcmp(one.salt, two.salt, sizeof(one.salt)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[256], check[CODEC_HEX_SIZE(8)];
	uint8_t hash[VAULT_HASH_SIZE];

	check_read(slice_of(data, size));
	if (size + sizeof(check) + 2 > sizeof(text))
		return 0;
	vault_hash(slice_of(data, size), hash);
	codec_hex(hash, 8, check);
	memcpy(text, data, size);
	snprintf(text + size, sizeof(text) - size, " %s\n", check);
	check_read(slice_str(text));
	return 0;
}
