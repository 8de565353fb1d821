/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a provider tells of an account, in a callback, a token answer or a
 * look-up: it is refused, and the binding is as before; or it leads to hosts
 * of the service, and the binding can be sealed and read back.  What the
 * exchanger makes of a look-up's answer reaches the keeper as it was.
 *
 * Input: a byte for the service; a byte, of which the first bit tells a
 * capture from a look-up, and the rest which one or the status; then the
 * value or the answer.
 */
#include "catalog/catalog.h"
#include "connect/exchanger_priv.h"
#include "proc/proc_priv.h"

static const struct {
	const char *service, *parameters;
} services[] = {
	{ "zoho_crm", NULL },
	{ "jira", NULL },
	{ "salesforce", "{\"login_host\":\"acme.my.salesforce.com\"}" },
	{ "shopify", "{\"shop\":\"acme\"}" },
	{ "zendesk", "{\"subdomain\":\"acme\"}" },
	{ "airtable", NULL },
	{ "microsoft_graph", NULL },
	{ "zoho_desk", NULL },
};
static struct binding *bindings[ARRAY_LEN(services)];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct json_problem problem = { 0 };
	struct catalog *cat;
	json_t *parameters;
	size_t i;

	(void)argc, (void)argv;
	ASSERT(!catalog_new(NULL, 0, &cat, NULL));
	for (i = 0; i < ARRAY_LEN(services); i++) {
		parameters =
			services[i].parameters
				? json_loads(services[i].parameters, 0, NULL)
				: NULL;
		ASSERT(!catalog_bind(
			catalog_find(cat, NULL, services[i].service), "oauth",
			parameters, &bindings[i], &problem));
		json_decref(parameters);
	}
	catalog_unref(cat);
	return 0;
}

static void
sealed(const struct binding *b, struct buf *out)
{
	buf_init(out, 2 * BINDING_JSON_MAX);
	ASSERT(!binding_to_json(b, out));
}

/* Whatever was captured: no host of anybody's choice. */
static void
check_hosts(const struct binding *b)
{
	static const char *const others[] = {
		"attacker.example",
		"127.0.0.1",
		"localhost",
		"169.254.169.254",
		"[::1]",
		"com",
		"zoho.example",
		"atlassian.net.attacker.example",
	};
	struct http_url u;
	size_t i;

	for (i = 0; i < ARRAY_LEN(others); i++)
		ASSERT(!binding_hosts_allow(b, true, slice_str(others[i]), 0));
	if (!b->base_url)
		return;
	ASSERT(!http_url_parse(slice_str(b->base_url), &u, NULL));
	ASSERT(u.https);
	ASSERT(binding_hosts_allow(b, true, slice_str(u.host), u.port));
}

static void
check_taken(struct binding *b, int err, struct slice before)
{
	struct binding *again;
	struct buf now, back;

	sealed(b, &now);
	if (err)
		ASSERT(slice_eq(buf_slice(&now), before));
	check_hosts(b);
	if (now.len <= BINDING_JSON_MAX) {
		ASSERT(!binding_from_json(buf_slice(&now), &again, NULL));
		sealed(again, &back);
		ASSERT(slice_eq(buf_slice(&now), buf_slice(&back)));
		binding_free(again);
		buf_release(&back);
	}
	buf_release(&now);
}

static void
take_capture(struct binding *b, size_t which, struct slice value)
{
	const struct catalog_capture *c;
	struct buf before;
	char detail[256];
	int err;

	if (!b->method->captures.count)
		return;
	c = &b->method->captures.items[which % b->method->captures.count];
	sealed(b, &before);
	err = binding_capture(b, c, value, detail, sizeof(detail));
	ASSERT(!err || (err == ERR_FORBIDDEN && detail[0]));
	check_taken(b, err, buf_slice(&before));
	buf_release(&before);
}

static void
check_packed(const struct connect_msg_looked_up *m)
{
	static struct connect_msg_looked_up back;
	struct proc_pack *p = proc_pack_new();
	struct proc_unpack u;
	struct secret *bytes;
	size_t i;

	connect_msg_looked_up_pack(m, p);
	bytes = proc_pack_detach(p);
	ASSERT(bytes);
	u = (struct proc_unpack){ .rest = slice_of(secret_peek(bytes),
						   secret_len(bytes)) };
	ASSERT(!connect_msg_looked_up_unpack(&u, &back));
	ASSERT(back.err == m->err && back.value_count == m->value_count);
	ASSERT(!strcmp(back.detail, m->detail));
	ASSERT(!strcmp(back.account, m->account));
	for (i = 0; i < m->value_count; i++)
		ASSERT(!strcmp(back.values[i], m->values[i]));
	secret_free(bytes);
}

static void
take_lookup(struct binding *b, int status, struct slice body)
{
	static struct connect_msg_looked_up m;
	const struct catalog_lookup *l;
	struct buf before;
	char detail[256];
	size_t i;
	int err;

	if (!b->method->lookups.count)
		return;
	l = &b->method->lookups.items[0];
	memset(&m, 0, sizeof(m));
	connect_lookup_read(b, 0, status, body, &m);
	ASSERT(!m.err || m.detail[0]);
	ASSERT(!m.err || !m.value_count);
	ASSERT(m.value_count <= l->values.count);
	ASSERT(status / 100 == 2 || m.err);
	ASSERT(slice_is_utf8(slice_str(m.account)));
	ASSERT(!slice_has_control(slice_str(m.account)));
	check_packed(&m);
	for (i = 0; i < m.value_count; i++) {
		if (!m.values[i][0])
			continue;
		sealed(b, &before);
		err = binding_set_value(b, &l->values.items[i],
					slice_str(m.values[i]), detail,
					sizeof(detail));
		check_taken(b, err, buf_slice(&before));
		buf_release(&before);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = { 200, 201, 204, 302, 401, 500 };
	struct slice rest = slice_of(data, size);
	struct binding *b;

	if (size < 2)
		return 0;
	b = binding_dup(bindings[data[0] % ARRAY_LEN(bindings)]);
	ASSERT(b);
	rest = slice_from(rest, 2);
	if (data[1] & 1)
		take_capture(b, data[1] / 2, rest);
	else
		take_lookup(b, statuses[data[1] / 2 % ARRAY_LEN(statuses)],
			    rest);
	binding_free(b);
	return 0;
}
