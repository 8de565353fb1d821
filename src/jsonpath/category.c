/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unicode's general categories: names to bits, characters to bits.
 *
 * The table (category_table.c) has one row for each run of characters; a
 * look-up is a search by halves over it.
 */
#include "jsonpath/regexp_priv.h"

/* In the order of the table's codes; behind them two for runs in which upper
 * and lower case take turns. */
static const char names[][3] = {
	"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl",
	"No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc",
	"Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn",
};

enum {
	UPPER = 0,
	LOWER = 1,
	ALTERNATE_UPPER = ARRAY_LEN(names),
	ALTERNATE_LOWER,
};

uint32_t
category_all(void)
{
	return ((uint32_t)1 << ARRAY_LEN(names)) - 1;
}

/* RFC 9485 leaves Cs (surrogates) out: no text has one. */
uint32_t
category_bits(struct slice name)
{
	uint32_t bits = 0;
	size_t i;

	if (name.len != 1 && name.len != 2)
		return 0;
	if (slice_eq(name, SLICE("Cs")))
		return 0;
	for (i = 0; i < ARRAY_LEN(names); i++)
		if (!memcmp(names[i], name.ptr, name.len))
			bits |= (uint32_t)1 << i;
	return bits;
}

uint32_t
category_bit(uint32_t c)
{
	size_t low = 0, high = category_table_count, middle;
	uint32_t start, code;

	while (high - low > 1) {
		middle = (low + high) / 2;
		if (category_table[middle] >> 8 <= c)
			low = middle;
		else
			high = middle;
	}
	start = category_table[low] >> 8;
	code = category_table[low] & 0xff;
	if (code == ALTERNATE_UPPER)
		code = (c - start) & 1 ? LOWER : UPPER;
	else if (code == ALTERNATE_LOWER)
		code = (c - start) & 1 ? UPPER : LOWER;
	return (uint32_t)1 << code;
}
