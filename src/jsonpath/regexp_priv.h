/* SPDX-License-Identifier: Apache-2.0 */
/*
 * I-Regexp (RFC 9485): patterns compiled to a small program, and matched by
 * following all ways through it at once, one character after the other.
 * There is no going back, so a match costs at most length of the text times
 * length of the program.
 */
#ifndef JSONPATH_REGEXP_PRIV_H
#define JSONPATH_REGEXP_PRIV_H

#include "base/base.h"

enum {
	REGEXP_OPS_MAX = 4096,		       /* of one pattern */
	REGEXP_OPS_QUERY = 4 * REGEXP_OPS_MAX, /* of all in a query */
	REGEXP_DEPTH_MAX = 32,		       /* parentheses */
};

enum regexp_code {
	REGEXP_CHAR,  /* this character: a */
	REGEXP_ANY,   /* any but line feed and carriage return */
	REGEXP_SET,   /* one of set a */
	REGEXP_BEGIN, /* stands at the begin */
	REGEXP_END,
	REGEXP_JUMP,  /* goes on at a */
	REGEXP_SPLIT, /* goes on at a and at b */
	REGEXP_MATCH,
};

struct regexp_op {
	uint8_t code;
	uint16_t b;
	uint32_t a;
};

struct regexp_range {
	uint32_t low, high;
};

/* A class: ranges, sorted and apart, and categories. */
struct regexp_set {
	const struct regexp_range *ranges;
	uint32_t count;
	uint32_t categories; /* bits, see category_bit() */
	bool negated;
};

struct regexp {
	struct regexp *next; /* for whoever keeps several */
	struct arena *arena;
	const struct regexp_op *ops;
	uint32_t count;
	const struct regexp_set *sets;
};

/* What a match needs beside the program; grows as needed. */
struct regexp_scratch {
	uint32_t *mark; /* by op: the round in which it was added last */
	uint16_t *now, *then, *stack;
	uint32_t size, round;
};

/*
 * Compiles a pattern to at most *ops_left operations, and takes them off.
 * *out is owned (regexp_free).  ERR_INVALID: no I-Regexp; ERR_TOO_LARGE,
 * ERR_NOMEM.
 */
int regexp_compile(struct slice pattern, size_t *ops_left, struct regexp **out);
void regexp_free(struct regexp *r);

/*
 * Whether the pattern matches the whole text, or if `anywhere` some part of
 * it.  Takes what it does off *steps.  ERR_TOO_LARGE when there are too few,
 * ERR_NOMEM.
 */
int regexp_match(const struct regexp *r, struct slice text, bool anywhere,
		 struct regexp_scratch *scratch, uint64_t *steps, bool *out);
/* Scratch begins as { 0 }. */
void regexp_scratch_release(struct regexp_scratch *scratch);

/*
 * Takes one character off the front of a text.  Where it is no UTF-8 the
 * byte counts as U+FFFD.  The text must not be empty.
 */
static inline uint32_t
regexp_next_char(const char **at, const char *end)
{
	const unsigned char *p = (const unsigned char *)*at;
	size_t left = (size_t)(end - *at);

	if (p[0] < 0x80) {
		*at += 1;
		return p[0];
	}
	if (p[0] >= 0xc2 && p[0] < 0xe0 && left >= 2) {
		*at += 2;
		return (uint32_t)(p[0] & 31) << 6 | (p[1] & 63);
	}
	if (p[0] >= 0xe0 && p[0] < 0xf0 && left >= 3) {
		*at += 3;
		return (uint32_t)(p[0] & 15) << 12 |
		       (uint32_t)(p[1] & 63) << 6 | (p[2] & 63);
	}
	if (p[0] >= 0xf0 && p[0] < 0xf5 && left >= 4) {
		*at += 4;
		return (uint32_t)(p[0] & 7) << 18 |
		       (uint32_t)(p[1] & 63) << 12 |
		       (uint32_t)(p[2] & 63) << 6 | (p[3] & 63);
	}
	*at += 1;
	return 0xfffd;
}

/* ---- Unicode's general categories (category.c) ---- */

/* The bits of a category ("Lu") or group of them ("L"); 0 for no such. */
uint32_t category_bits(struct slice name);
/* The one bit of a character's category. */
uint32_t category_bit(uint32_t c);
/* All of them. */
uint32_t category_all(void);

/* The table that tools/unicode-categories makes (category_table.c). */
extern const uint32_t category_table[];
extern const size_t category_table_count;

#endif
