/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which scope an answer says is missing: what is shown to people is a short
 * clean text, and either the service's own words, taken from where it may
 * say them, or a scope of its definition, told as a guess.
 *
 * Input: a byte for the service and the method; WWW-Authenticate,
 * X-Accepted-OAuth-Scopes and the path, each up to a LF; the body.
 */
#include "call/call_priv.h"

enum { OUT = 192 };

static const char *const services[] = { "zoho_desk", "slack", "github",
					"zoho_crm" };
static const char *const methods[] = { "GET", "POST", "PATCH", "DELETE" };

struct said {
	struct slice challenge, accepted;
};

static struct catalog *catalog;

static struct slice
header(void *arg, struct slice name)
{
	const struct said *said = arg;

	if (slice_eq_nocase(name, SLICE("www-authenticate")))
		return said->challenge;
	if (slice_eq_nocase(name, SLICE("x-accepted-oauth-scopes")))
		return said->accepted;
	return SLICE_NONE;
}

static struct slice
line(struct slice *rest)
{
	struct slice text = slice_head(*rest, slice_find(*rest, '\n'));

	*rest = slice_from(*rest, text.len + 1);
	return text;
}

static bool
has(struct slice text, const char *what)
{
	return memmem(text.ptr, text.len, what, strlen(what)) != NULL;
}

/* The body's own word. */
static bool
body_says(struct slice body, const char *what)
{
	struct json_problem ignored = { 0 };
	const char *needed;
	json_t *tree;
	bool so;

	if (json_read(body, CALL_PEEK_MAX, &tree, &ignored))
		return false;
	needed = json_string_value(json_object_get(tree, "needed"));
	so = needed && !strcmp(needed, what);
	json_decref(tree);
	return so;
}

static bool
is_of_definition(const char *service, const char *name)
{
	const struct service *s = catalog_find(catalog, NULL, service);
	size_t i;

	for (i = 0; i < s->scopes.count; i++)
		if (!strcmp(s->scopes.items[i].name, name))
			return true;
	return false;
}

static void
check(const char *service, const struct said *said, struct slice body,
      const char *out)
{
	size_t i;

	for (i = 0; out[i]; i++)
		ASSERT(out[i] >= ' ' && out[i] < 0x7f &&
		       !strchr("\"\\<", out[i]));
	ASSERT(i < OUT - 1);
	ASSERT(!i || has(said->challenge, out) ||
	       slice_eq(said->accepted, slice_str(out)) ||
	       body_says(body, out) ||
	       (!strncmp(out, "perhaps ", 8) &&
		is_of_definition(service, out + 8)));
	/* In their order: what the challenge says is not passed over. */
	if (slice_eq(said->challenge, SLICE("Bearer scope=\"a b\"")))
		ASSERT(!strcmp(out, "a b"));
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	ASSERT(!catalog_new(NULL, 0, &catalog, NULL));
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct connect_snapshot snapshot;
	static struct call c;
	struct binding_answer a = { .status = 403, .header = header };
	struct slice rest = slice_of(data, size);
	const char *service;
	struct said said;
	char out[OUT];

	if (!size)
		return 0;
	service = services[data[0] % ARRAY_LEN(services)];
	memset(&snapshot, 0, sizeof(snapshot));
	snapshot.catalog = catalog;
	slice_copy(slice_str(service), snapshot.service,
		   sizeof(snapshot.service));
	c.snapshot = &snapshot;
	c.method = slice_str(methods[data[0] / 4 % ARRAY_LEN(methods)]);
	rest = slice_from(rest, 1);
	said.challenge = line(&rest);
	said.accepted = line(&rest);
	c.path = line(&rest);
	a.header_arg = &said;
	a.body = rest;
	call_scope_missing(&c, &a, out, sizeof(out));
	check(service, &said, rest, out);
	return 0;
}
