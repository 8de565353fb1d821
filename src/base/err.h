/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one list of errors.
 *
 * Functions return 0, or one of these negative numbers; a result comes back
 * by pointer.  A code says what kind of thing went wrong; the sentence for
 * people is made once, at the boundary, where the context is known.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define ERR_LIST(X) \
	X(ERR_NOMEM, -1, "out of memory") \
	X(ERR_SYSTEM, -2, "the operating system refused (see errno)") \
	X(ERR_INVALID, -3, "a value is not of its form") \
	X(ERR_TOO_LARGE, -4, "larger than its limit") \
	X(ERR_NOT_FOUND, -5, "no such thing") \
	X(ERR_EXISTS, -6, "there is one already") \
	X(ERR_AGAIN, -7, "not now: would block") \
	X(ERR_TIMEOUT, -8, "time is up") \
	X(ERR_CLOSED, -9, "the other side has closed") \
	X(ERR_FORBIDDEN, -10, "not allowed") \
	X(ERR_CONFLICT, -11, "changed by somebody else meanwhile") \
	X(ERR_CRYPTO, -12, "does not open: wrong key or changed data") \
	X(ERR_TLS, -13, "TLS failed") \
	X(ERR_RESOLVE, -14, "the name cannot be looked up") \
	X(ERR_CONNECT, -15, "cannot connect") \
	X(ERR_BLOCKED, -16, "the guard refuses this destination") \
	X(ERR_PROTOCOL, -17, "the other side broke the protocol") \
	X(ERR_STORE, -18, "the database failed") \
	X(ERR_BUSY, -19, "too much is under way") \
	X(ERR_CANCELLED, -20, "called off") \
	X(ERR_UNSUPPORTED, -21, "not supported here") \
	X(ERR_WRONG_STATE, -22, "not possible in this state")

enum err {
	ERR_OK = 0,
#define ERR_ENUM(name, value, text) name = value,
	ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
};

/* The sentence for a code, "unknown error" for others.  Never NULL. */
const char *err_text(int code);

#endif
