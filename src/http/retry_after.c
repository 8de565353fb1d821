/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retry-After (RFC 9110 10.2.3): seconds, or a date in one of three forms.
 *
 * What cannot be read is as if it were not there; what asks for more than a
 * day asks for a day.
 */
#include <time.h>

#include "http/http_priv.h"

enum { RETRY_AFTER_MAX_S = 24 * 3600 };

/* IMF-fixdate (RFC 9110 5.6.7), and the two old forms, by strptime. */
static int64_t
date_ms(struct slice value)
{
	static const char *const forms[] = { "%a, %d %b %Y %H:%M:%S GMT",
					     "%A, %d-%b-%y %H:%M:%S GMT",
					     "%a %b %d %H:%M:%S %Y" };
	char text[64];
	struct tm tm;
	const char *end;
	size_t i;

	if (slice_copy(value, text, sizeof(text)))
		return -1;
	for (i = 0; i < ARRAY_LEN(forms); i++) {
		memset(&tm, 0, sizeof(tm));
		end = strptime(text, forms[i], &tm);
		if (end && !*end)
			return (int64_t)timegm(&tm) * 1000;
	}
	return -1;
}

int64_t
http_retry_after_ms(struct slice value, int64_t now_wall_ms)
{
	const int64_t most = (int64_t)RETRY_AFTER_MAX_S * 1000;
	int64_t at;
	uint64_t s;

	value = slice_trim(value);
	if (!value.len)
		return 0;
	if (!slice_to_u64(value, RETRY_AFTER_MAX_S, &s))
		return (int64_t)s * 1000;
	/* digits, and too many */
	if (value.ptr[0] >= '0' && value.ptr[0] <= '9')
		return most;
	at = date_ms(value);
	if (at <= now_wall_ms)
		return 0;
	return at - now_wall_ms < most ? at - now_wall_ms : most;
}
