/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Randomness from the kernel.
 */
#include <errno.h>
#include <sys/random.h>

#include "base/base.h"

void
random_bytes(void *out, size_t len)
{
	unsigned char *p = out;
	ssize_t n;

	while (len) {
		n = getrandom(p, len, 0);
		if (n < 0) {
			ASSERT(errno == EINTR);
			continue;
		}
		p += n;
		len -= (size_t)n;
	}
}

uint64_t
random_u64(void)
{
	uint64_t n;

	random_bytes(&n, sizeof(n));
	return n;
}

void
random_id(char out[RANDOM_ID_SIZE])
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint64_t time = (uint64_t)clock_wall_ms();
	unsigned char bits[16];
	int i;

	random_bytes(bits, sizeof(bits));
	for (i = 9; i >= 0; i--, time >>= 5)
		out[i] = digits[time & 31];
	for (i = 0; i < 16; i++)
		out[10 + i] = digits[bits[i] & 31];
	out[26] = 0;
}

void
random_token(char out[RANDOM_TOKEN_SIZE])
{
	unsigned char bytes[32];

	random_bytes(bytes, sizeof(bytes));
	codec_base64url(bytes, sizeof(bytes), out);
	secret_wipe(bytes, sizeof(bytes));
}
