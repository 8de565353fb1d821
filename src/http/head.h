/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request and response heads (RFC 9112), parsed in place and strictly.
 *
 * A head is accepted only if it has exactly one reading: bare LF, obs-fold,
 * space before a colon, names that are no tokens, control characters in
 * values, a Transfer-Encoding other than a single "chunked", that beside
 * Content-Length, and repeated Content-Length are refused.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "base/base.h"

enum {
	HTTP_HEAD_MAX = 32 * 1024, /* bytes of a head */
	HTTP_FIELDS_MAX = 100,
};

/* Fields that some part of Drawbridge looks at, known by number. */
#define HTTP_FIELD_LIST(X) \
	X(ACCEPT_CH, "accept-ch") \
	X(ACCEPT_ENCODING, "accept-encoding") \
	X(ALT_SVC, "alt-svc") \
	X(AUTHORIZATION, "authorization") \
	X(CLEAR_SITE_DATA, "clear-site-data") \
	X(CONNECTION, "connection") \
	X(CONTENT_ENCODING, "content-encoding") \
	X(CONTENT_LENGTH, "content-length") \
	X(CONTENT_LOCATION, "content-location") \
	X(CONTENT_SECURITY_POLICY, "content-security-policy") \
	X(CONTENT_SECURITY_POLICY_REPORT_ONLY, \
	  "content-security-policy-report-only") \
	X(CONTENT_TYPE, "content-type") \
	X(COOKIE, "cookie") \
	X(CRITICAL_CH, "critical-ch") \
	X(DATE, "date") \
	X(DRAWBRIDGE_ERROR, "drawbridge-error") \
	X(DRAWBRIDGE_HOST, "drawbridge-host") \
	X(DRAWBRIDGE_KEY, "drawbridge-key") \
	X(DRAWBRIDGE_TIMEOUT, "drawbridge-timeout") \
	X(EXPECT, "expect") \
	X(EXPECT_CT, "expect-ct") \
	X(FORWARDED, "forwarded") \
	X(HOST, "host") \
	X(IDEMPOTENCY_KEY, "idempotency-key") \
	X(IF_MATCH, "if-match") \
	X(IF_NONE_MATCH, "if-none-match") \
	X(KEEP_ALIVE, "keep-alive") \
	X(LINK, "link") \
	X(LOCATION, "location") \
	X(NEL, "nel") \
	X(ORIGIN, "origin") \
	X(ORIGIN_AGENT_CLUSTER, "origin-agent-cluster") \
	X(PROXY_AUTHENTICATE, "proxy-authenticate") \
	X(PROXY_AUTHENTICATION_INFO, "proxy-authentication-info") \
	X(PROXY_AUTHORIZATION, "proxy-authorization") \
	X(PROXY_CONNECTION, "proxy-connection") \
	X(PUBLIC_KEY_PINS, "public-key-pins") \
	X(PUBLIC_KEY_PINS_REPORT_ONLY, "public-key-pins-report-only") \
	X(REFRESH, "refresh") \
	X(REPORT_TO, "report-to") \
	X(REPORTING_ENDPOINTS, "reporting-endpoints") \
	X(RETRY_AFTER, "retry-after") \
	X(SEC_FETCH_SITE, "sec-fetch-site") \
	X(SERVICE_WORKER_ALLOWED, "service-worker-allowed") \
	X(SET_COOKIE, "set-cookie") \
	X(SET_COOKIE2, "set-cookie2") \
	X(SET_LOGIN, "set-login") \
	X(STRICT_TRANSPORT_SECURITY, "strict-transport-security") \
	X(TE, "te") \
	X(TRAILER, "trailer") \
	X(TRANSFER_ENCODING, "transfer-encoding") \
	X(UPGRADE, "upgrade") \
	X(USE_AS_DICTIONARY, "use-as-dictionary") \
	X(USER_AGENT, "user-agent") \
	X(VIA, "via") \
	X(WWW_AUTHENTICATE, "www-authenticate") \
	X(X_CONTENT_TYPE_OPTIONS, "x-content-type-options") \
	X(X_FORWARDED_FOR, "x-forwarded-for") \
	X(X_FORWARDED_HOST, "x-forwarded-host") \
	X(X_FORWARDED_PORT, "x-forwarded-port") \
	X(X_FORWARDED_PROTO, "x-forwarded-proto") \
	X(X_REAL_IP, "x-real-ip")

enum http_field_id {
	HTTP_OTHER,
#define HTTP_FIELD_ENUM(id, name) HTTP_##id,
	HTTP_FIELD_LIST(HTTP_FIELD_ENUM)
#undef HTTP_FIELD_ENUM
		HTTP_FIELD_IDS
};

struct http_field {
	struct slice name;
	struct slice value; /* without surrounding white space */
	uint8_t id;	    /* enum http_field_id */
	uint8_t hop;	    /* hop-by-hop, or named by Connection */
};

enum http_body {
	HTTP_BODY_NONE,
	HTTP_BODY_LENGTH,
	HTTP_BODY_CHUNKED,
	HTTP_BODY_UNTIL_CLOSE, /* responses only */
};

/* Slices point into the parsed bytes. */
struct http_head {
	/* requests */
	struct slice method;
	struct slice target;
	/* responses */
	int status;
	struct slice reason;
	/* both */
	uint8_t minor; /* HTTP/1.minor: 0 or 1 */
	bool keep_alive;
	bool expect_continue;
	enum http_body body;
	uint64_t content_length; /* with HTTP_BODY_LENGTH */
	size_t size;		 /* bytes of the head, blank line included */
	unsigned count;
	uint32_t error; /* requests: the status to refuse with; see below */
	const char *why;
	struct http_field fields[HTTP_FIELDS_MAX];
};

/*
 * Parses a head from the start of bytes.  0; ERR_AGAIN when it is not whole
 * yet; ERR_PROTOCOL with h->error (400, 414, 431, 501, 505) and h->why.
 * http_head_response needs to know the request's method for the body's
 * framing (HEAD has none); 1xx are returned as heads of their own.
 */
int http_head_request(struct slice bytes, struct http_head *h);
int http_head_response(struct slice bytes, bool to_head, struct http_head *h);

/* The first field of this id; NULL where there is none. */
const struct http_field *http_head_find(const struct http_head *h,
					enum http_field_id id);
/* By any name, case-insensitively. */
const struct http_field *http_head_find_name(const struct http_head *h,
					     struct slice name);
/*
 * The value of the first cookie of exactly this name (RFC 6265 4.2), in
 * whichever Cookie field; quotes are part of it.  False: there is none.
 */
bool http_head_cookie(const struct http_head *h, const char *name,
		      struct slice *value);
/* How many fields of this id there are. */
unsigned http_head_count(const struct http_head *h, enum http_field_id id);

/* The number of a (non-empty) name; HTTP_OTHER for unknown ones. */
uint8_t http_field_lookup(struct slice name);
/* Hop-by-hop by its nature (RFC 9110 7.6.1), whatever Connection says. */
bool http_field_is_hop(uint8_t id);
/* A field of this name, in any case and with whatever for its hyphens, makes
 * a cloud's metadata service answer. */
bool http_field_is_metadata(struct slice name);

/* The value of a Retry-After (RFC 9110 10.2.3) in milliseconds from now, at
 * most a day; 0: it says nothing, or that the wait is over. */
int64_t http_retry_after_ms(struct slice value, int64_t now_wall_ms);

/* RFC 9110 5.6.2 token; non-empty. */
bool http_is_token(struct slice s);
/* A field value that may be sent: no control characters but tab. */
bool http_is_field_value(struct slice s);
/* "Not Found" for 404; "" for unknown ones. */
const char *http_reason(int status);
/* Methods defined as idempotent (RFC 9110 9.2.2). */
bool http_method_is_idempotent(struct slice method);

#endif
