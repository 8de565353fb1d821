/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assertions for our own bugs, kept in release builds.
 *
 * ASSERT is never used for what the world does to us: that is an ERR_ code.
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

/* Writes place and condition to standard error, then abort()s. */
_Noreturn void base_assert_failed(const char *cond, const char *file, int line);

#define ASSERT(cond) \
	((__builtin_expect(!!(cond), 1)) \
		 ? (void)0 \
		 : base_assert_failed(#cond, __FILE__, __LINE__))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
