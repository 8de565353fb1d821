/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes wrong for those who ask over the API, the pages and the CLI: the
 * one list of problem codes, for connect/ and all folders above it.
 *
 * A code has one status and one title wherever it comes from (RFC 9457,
 * 3.1); what was tried, and what to do, is said with it each time.
 */
#ifndef CONNECT_PROBLEM_H
#define CONNECT_PROBLEM_H

/* Described once: name, HTTP status, code, title. */
#define CONNECT_PROBLEM_LIST(X) \
	X(INVALID, 400, "invalid_request", "The request is not right") \
	X(INVALID_JSON, 400, "invalid_json", "The body is no JSON") \
	X(UNKNOWN_FIELD, 400, "unknown_field", "There is no such field") \
	X(INVALID_DEFINITION, 400, "invalid_definition", \
	  "The service's definition is not right") \
	X(CONSENT_DENIED, 400, "consent_denied", "Consent was refused") \
	X(CONSENT_FAILED, 400, "consent_failed", "Connecting has failed") \
	X(UNAUTHORIZED, 401, "unauthorized", "Sign in, or send a key") \
	X(WRONG_PASSWORD, 401, "wrong_password", \
	  "E-mail address and password do not fit") \
	X(FORBIDDEN, 403, "forbidden", "You may not do this") \
	X(WRONG_ORIGIN, 403, "wrong_origin", \
	  "The request comes from another site") \
	X(NOT_ALLOWED, 403, "destination_not_allowed", \
	  "The credential must not go there") \
	X(ORIGIN, 403, "origin_not_allowed", \
	  "This page may not talk with the flow") \
	X(EGRESS_LOCKED, 403, "egress_locked", \
	  "The operator has locked private destinations") \
	X(NOT_FOUND, 404, "not_found", "There is no such thing") \
	X(CONNECTION_NOT_FOUND, 404, "connection_not_found", \
	  "There is no such connection") \
	X(SERVICE_NOT_FOUND, 404, "service_not_found", \
	  "There is no such service") \
	X(TICKET_NOT_FOUND, 404, "ticket_not_found", \
	  "This link does not work any more") \
	X(NO_TEST, 404, "no_test", "This service has no test request") \
	X(FLOW_NOT_FOUND, 404, "flow_not_found", "There is no such flow") \
	X(VERSION_NOT_FOUND, 404, "version_not_found", \
	  "There is no such version") \
	X(GLOBAL_NOT_FOUND, 404, "global_not_found", \
	  "There is no such constant") \
	X(CONVERSATION_NOT_FOUND, 404, "conversation_not_found", \
	  "There is no such conversation") \
	X(HANDOFF_NOT_FOUND, 404, "handoff_not_found", \
	  "There is no such hand-off") \
	X(METHOD_NOT_ALLOWED, 405, "method_not_allowed", \
	  "This cannot be done here") \
	X(EXISTS, 409, "already_exists", "There is one already") \
	X(NOT_CONNECTED, 409, "connection_not_connected", \
	  "The connection is not connected") \
	X(NEEDS_RECONNECT, 409, "connection_needs_reconnect", \
	  "The connection must be connected anew") \
	X(DISABLED, 409, "connection_disabled", \
	  "The connection is switched off") \
	X(WRONG_STATE, 409, "wrong_state", "This is not possible now") \
	X(KEYS_BUSY, 409, "keys_busy", "Keys are being rotated or copied") \
	X(APP_MISSING, 409, "app_missing", "The service has no OAuth app yet") \
	X(IN_USE, 409, "in_use", "It is still in use") \
	X(EGRESS_FULL, 409, "egress_full", \
	  "No more private destinations can be allowed") \
	X(SERVICES_FULL, 409, "services_full", \
	  "No more custom services can be kept") \
	X(IN_PROGRESS, 409, "in_progress", "The same request is under way") \
	X(WRONG_METHOD, 409, "wrong_method", \
	  "This is not possible with the connection's method") \
	X(HAS_PROBLEMS, 409, "flow_has_problems", \
	  "The draft has problems that must be solved first") \
	X(NOT_PUBLISHED, 409, "flow_not_published", \
	  "The flow is not published") \
	X(ENDED, 409, "conversation_ended", "The conversation is over") \
	X(CALLING, 409, "conversation_busy", \
	  "The bot is still busy with the answer before") \
	X(CHANGED, 412, "changed_meanwhile", "It was changed meanwhile") \
	X(TOO_LARGE, 413, "too_large", "It is too large") \
	X(CREDENTIAL_REFUSED, 422, "credential_refused", \
	  "The service does not take the new credential") \
	X(KEY_REUSED, 422, "idempotency_key_reused", \
	  "This Idempotency-Key was for another request") \
	X(ID_REUSED, 422, "message_id_reused", \
	  "This id was for another message") \
	X(RATE_LIMITED, 429, "rate_limited", "Too many requests") \
	X(INTERNAL, 500, "internal", "Drawbridge has failed") \
	X(UPSTREAM, 502, "upstream_unreachable", \
	  "The service cannot be reached") \
	X(PROVIDER_REFUSED, 502, "provider_refused", \
	  "The provider has refused") \
	X(PROVIDER_UNREACHABLE, 502, "provider_unreachable", \
	  "The provider cannot be reached") \
	X(CREDENTIAL_UNTESTED, 502, "credential_untested", \
	  "The new credential could not be tested") \
	X(UNAVAILABLE, 503, "unavailable", "Not available at the moment") \
	X(REFRESH_UNAVAILABLE, 503, "refresh_unavailable", \
	  "The credential cannot be renewed at the moment") \
	X(KEEPER, 503, "keeper_unavailable", \
	  "Credentials cannot be reached at the moment") \
	X(TIMEOUT, 504, "upstream_timeout", \
	  "The service has not answered in time") \
	X(PROVIDER_TIMEOUT, 504, "provider_timeout", \
	  "The provider took too long")

enum connect_problem_id {
#define CONNECT_PROBLEM_ENUM(name, ...) CONNECT_P_##name,
	CONNECT_PROBLEM_LIST(CONNECT_PROBLEM_ENUM)
#undef CONNECT_PROBLEM_ENUM
		CONNECT_PROBLEMS /* how many there are */
};

struct connect_problem_kind {
	int status;	   /* of HTTP */
	const char *code;  /* "connection_not_found" … */
	const char *title; /* for people */
};

const struct connect_problem_kind *
connect_problem_kind(enum connect_problem_id id);

/* What is wrong, for problem+json and for pages. */
struct connect_problem {
	int status;		/* of HTTP */
	const char *code;	/* static: "connection_not_found" … */
	const char *title;	/* static, for people */
	char detail[400];	/* for people; no secret */
	char hint[256];		/* what to do; may be "" */
	char pointer[256];	/* RFC 6901 into the request's body; "" */
	unsigned retry_after_s; /* 0: unknown */
};

/* Fills *p (hint may be NULL) and returns err, which must not be 0. */
int connect_fail(struct connect_problem *p, int err, enum connect_problem_id id,
		 const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

#endif
