/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structured logs: one JSON object a line on standard error.
 *
 *   log_info("call refused", LOG_S("connection", link), LOG_I("status", 403));
 *
 * A record is built from named fields and never from a request, a header
 * list or a body, so that no credential can slip in.  Values are escaped and
 * cut at 512 bytes; a field beyond 8 KiB a line is left out.  Safe from
 * several threads; one write(2) a line.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
	const char *name;
	enum { LOG_FIELD_TEXT, LOG_FIELD_INT } kind;
	struct slice text;
	int64_t number;
};

#define LOG_S(n, s) ((struct log_field){ n, LOG_FIELD_TEXT, slice_str(s), 0 })
#define LOG_SL(n, s) ((struct log_field){ n, LOG_FIELD_TEXT, s, 0 })
#define LOG_I(n, i) ((struct log_field){ n, LOG_FIELD_INT, SLICE_NONE, i })
/* The text of an ERR_ code. */
#define LOG_E(e) LOG_S("error", err_text(e))

/* The name of this process in every record ("parent", "keeper" …), and the
 * least level to write.  Call once at start. */
void log_setup(const char *role, enum log_level least);
void log_write(enum log_level level, const char *event,
	       const struct log_field *fields, size_t count);

#define LOG_RECORD(level, event, ...) \
	log_write(level, event, \
		  (const struct log_field[]){ { 0 }, ##__VA_ARGS__ } + 1, \
		  sizeof((const struct log_field[]){ { 0 }, ##__VA_ARGS__ }) / \
				  sizeof(struct log_field) - \
			  1)
#define log_debug(event, ...) LOG_RECORD(LOG_DEBUG, event, ##__VA_ARGS__)
#define log_info(event, ...) LOG_RECORD(LOG_INFO, event, ##__VA_ARGS__)
#define log_warn(event, ...) LOG_RECORD(LOG_WARN, event, ##__VA_ARGS__)
#define log_error(event, ...) LOG_RECORD(LOG_ERROR, event, ##__VA_ARGS__)

#endif
