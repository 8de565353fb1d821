/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks of one method of a definition.
 */
#include "catalog/check_priv.h"

static bool
is_oauth(const struct catalog_method *m)
{
	return m->kind == CATALOG_OAUTH2_CODE ||
	       m->kind == CATALOG_OAUTH2_CLIENT_CREDENTIALS;
}

static void
check_fields(struct check *c, const struct catalog_method *m)
{
	size_t i, j, mark = reader_enter(c->r, "fields"), inner;

	if (m->fields.count && is_oauth(m))
		reader_problem(c->r, "an OAuth method has none: its secrets "
				     "are the app's and the tokens");
	for (i = 0; i < m->fields.count; i++) {
		const struct catalog_field *f = &m->fields.items[i];

		if (!f->name)
			continue;
		inner = reader_enter_index(c->r, i);
		if (!catalog_is_name(f->name, 40, "_") ||
		    !strcmp(f->name, "basic"))
			CHECK_PROBLEM(c, "name", "is no name for a field");
		for (j = 0; j < i; j++)
			if (m->fields.items[j].name &&
			    !strcmp(f->name, m->fields.items[j].name))
				CHECK_PROBLEM(c, "name",
					      "\"%s\" is there twice", f->name);
		if (check_sample(c, slice_str(f->name)).class !=
		    TEMPLATE_UNKNOWN)
			CHECK_PROBLEM(c, "name", "\"%s\" is a parameter too",
				      f->name);
		check_pattern(c, "pattern", f->pattern);
		reader_leave(c->r, inner);
	}
	reader_leave(c->r, mark);
}

/* The names that a credential brings, for injections. */
static void
credential_names(const struct catalog_method *m, const char *names[24])
{
	size_t i, n = 0;

	if (is_oauth(m)) {
		names[n++] = "access_token";
	} else {
		for (i = 0; i < m->fields.count && n < 22; i++)
			if (m->fields.items[i].name)
				names[n++] = m->fields.items[i].name;
		names[n++] = "basic";
	}
	names[n] = NULL;
}

static bool
uses_credential(const char *value, const char *const *names)
{
	for (; *names; names++)
		if (template_uses(value, *names))
			return true;
	return false;
}

static void
check_injection(struct check *c, const struct catalog_injection *in,
		const char *const *names)
{
	c->also = names;
	check_template(c, in->value);
	c->also = NULL;
	if (in->place == CATALOG_IN_HEADER)
		check_header_name(c, in->name);
	else if (in->place == CATALOG_IN_PATH && in->value[0] != '/')
		CHECK_PROBLEM(c, "value", "a path begins with /");
	else if (in->place != CATALOG_IN_PATH && !in->name[0])
		reader_problem(c->r, "\"name\" is missing");
	if (!uses_credential(in->value, names))
		CHECK_PROBLEM(c, "value",
			      "uses nothing of the credential; "
			      "fixed headers belong in the API's");
}

static void
check_inject(struct check *c, const struct catalog_method *m)
{
	size_t i, paths = 0, mark = reader_enter(c->r, "inject"), inner;
	const char *names[24];

	credential_names(m, names);
	if (m->kind == CATALOG_NONE && m->inject.count)
		reader_problem(c->r, "a method without credential adds none");
	if (m->kind != CATALOG_NONE && !m->inject.count)
		reader_problem(c->r, "must say where the credential goes");
	for (i = 0; i < m->inject.count; i++) {
		if (!m->inject.items[i].value)
			continue;
		inner = reader_enter_index(c->r, i);
		check_injection(c, &m->inject.items[i], names);
		paths += m->inject.items[i].place == CATALOG_IN_PATH;
		reader_leave(c->r, inner);
	}
	if (paths > 1)
		reader_problem(c->r, "only one part can go into the path");
	reader_leave(c->r, mark);
	mark = reader_enter(c->r, "basic");
	c->also = names;
	if (m->kind != CATALOG_OAUTH2_CODE &&
	    (m->kind == CATALOG_BASIC ||
	     strcmp(m->basic.username, "{username}") ||
	     strcmp(m->basic.password, "{password}"))) {
		check_template(c, m->basic.username);
		check_template(c, m->basic.password);
	}
	c->also = NULL;
	reader_leave(c->r, mark);
}

static void
check_revoke(struct check *c, const struct catalog_revoke *v)
{
	static const char *const names[] = { "token", "access_token",
					     "refresh_token", "client_id",
					     NULL };
	static const char *const in_url[] = { "client_id", NULL };
	size_t mark;

	if (!v || !v->url)
		return;
	mark = reader_enter(c->r, "revoke");
	c->also = in_url;
	check_url(c, "url", v->url, false);
	c->also = names;
	check_pairs(c, "parameters", &v->parameters, false);
	check_pairs(c, "headers", &v->headers, true);
	c->also = NULL;
	if (strcmp(v->method, "POST") && strcmp(v->method, "DELETE") &&
	    strcmp(v->method, "GET"))
		CHECK_PROBLEM(c, "method", "must be POST, DELETE or GET");
	check_matches(c, "success", &v->success);
	reader_leave(c->r, mark);
}

static void
check_endpoints(struct check *c, const struct catalog_method *m)
{
	size_t mark;

	if (!m->token)
		reader_problem(c->r, "\"token\" is missing");
	if (m->authorize) {
		mark = reader_enter(c->r, "authorize");
		if (m->kind == CATALOG_OAUTH2_CODE && !m->authorize->url)
			reader_problem(c->r, "\"url\" is missing");
		check_url(c, "url", m->authorize->url, true);
		check_pairs(c, "parameters", &m->authorize->parameters, false);
		check_url(c, "issuer", m->authorize->issuer, false);
		if (m->authorize->hmac_parameter && m->token &&
		    m->token->client_auth == CATALOG_AUTH_NONE)
			CHECK_PROBLEM(c, "hmac_parameter",
				      "needs a client secret: it is the key");
		reader_leave(c->r, mark);
	}
	if (m->token && m->token->url) {
		mark = reader_enter(c->r, "token");
		check_url(c, "url", m->token->url, true);
		check_pairs(c, "parameters", &m->token->parameters, false);
		check_pairs(c, "headers", &m->token->headers, true);
		reader_leave(c->r, mark);
	}
	if (m->refresh) {
		mark = reader_enter(c->r, "refresh");
		check_url(c, "url", m->refresh->url, true);
		check_pairs(c, "parameters", &m->refresh->parameters, false);
		check_pairs(c, "headers", &m->refresh->headers, true);
		reader_leave(c->r, mark);
	}
	if (m->device && m->device->url) {
		mark = reader_enter(c->r, "device");
		check_url(c, "url", m->device->url, false);
		reader_leave(c->r, mark);
	}
}

static void
check_capture(struct check *c, const struct catalog_capture *p)
{
	size_t i, j;
	bool found;

	if (!catalog_is_name(p->name, 40, "_"))
		CHECK_PROBLEM(c, "name", "is no name");
	check_pattern(c, "pattern", p->pattern);
	if (p->equals) {
		i = reader_enter(c->r, "equals");
		check_template(c, p->equals);
		reader_leave(c->r, i);
	}
	if (!p->hosts.count && !p->pattern && !p->equals)
		reader_problem(c->r, "needs \"hosts\", a \"pattern\" or "
				     "\"equals\": nothing is taken unseen");
	if (p->hosts.count && p->pattern)
		reader_problem(c->r, "has both \"hosts\" and a \"pattern\"");
	if (p->sets == CATALOG_SETS_DATA_CENTRE && !p->hosts.count)
		reader_problem(c->r, "a data centre is told by \"hosts\"");
	for (i = 0; i < p->hosts.count; i++) {
		for (j = 0, found = false; j < c->s->data_centres.count; j++)
			found |=
				pairs_get(&c->s->data_centres.items[j].hosts,
					  slice_str(p->hosts.items[i])) != NULL;
		if (!found)
			CHECK_PROBLEM(c, "hosts", "no data centre has \"%s\"",
				      p->hosts.items[i]);
	}
}

static void
check_captures(struct check *c, const struct catalog_method *m)
{
	size_t i, j, mark, centres = 0, bases = 0;

	for (i = 0; i < m->captures.count; i++) {
		const struct catalog_capture *p = &m->captures.items[i];

		if (!p->name || !p->field)
			continue;
		mark = reader_enter(c->r, "captures");
		reader_enter_index(c->r, i);
		check_capture(c, p);
		for (j = 0; j < i; j++)
			if (m->captures.items[j].name &&
			    !strcmp(p->name, m->captures.items[j].name))
				CHECK_PROBLEM(c, "name",
					      "\"%s\" is there twice", p->name);
		centres += p->sets == CATALOG_SETS_DATA_CENTRE;
		bases += p->sets == CATALOG_SETS_BASE_URL;
		reader_leave(c->r, mark);
	}
	if (centres > 1 || bases > 1)
		CHECK_PROBLEM(c, "captures", "two set the same thing");
}

static void
check_lookups(struct check *c, const struct catalog_method *m)
{
	size_t i, j, mark, inner;

	for (i = 0; i < m->lookups.count; i++) {
		const struct catalog_lookup *l = &m->lookups.items[i];

		mark = reader_enter(c->r, "lookups");
		reader_enter_index(c->r, i);
		check_url(c, "url", l->url, false);
		check_pairs(c, "where", &l->where, false);
		if (l->where.count && !l->list)
			CHECK_PROBLEM(c, "where",
				      "needs \"list\", the array's path");
		inner = reader_enter(c->r, "values");
		for (j = 0; j < l->values.count; j++) {
			if (l->values.items[j].name &&
			    !catalog_is_name(l->values.items[j].name, 40, "_"))
				CHECK_PROBLEM(c, "name", "is no name");
			check_pattern(c, "pattern", l->values.items[j].pattern);
		}
		reader_leave(c->r, inner);
		reader_leave(c->r, mark);
	}
}

static void
check_errors(struct check *c, const struct catalog_method *m)
{
	size_t i, mark;

	for (i = 0; i < m->errors.count; i++) {
		mark = reader_enter(c->r, "errors");
		reader_enter_index(c->r, i);
		check_match(c, &m->errors.items[i].when);
		reader_leave(c->r, mark);
	}
}

/* ---- scopes ---- */

/* A scope with at most one '*'; whether it has one. */
static bool
check_scope_form(struct check *c, const char *form)
{
	struct slice s = slice_str(form);
	size_t star = slice_find(s, '*');

	if (!catalog_is_scope(s))
		reader_problem(c->r, "can be no scope");
	if (star < s.len &&
	    slice_find(slice_from(s, star + 1), '*') + star + 1 < s.len)
		reader_problem(c->r, "has more than one *");
	return star < s.len;
}

static void
check_scope_rule(struct check *c, const struct catalog_scope_rule *rule)
{
	size_t i, mark = reader_enter(c->r, "asked"), inner;
	bool star = check_scope_form(c, rule->asked);

	reader_leave(c->r, mark);
	if (!rule->granted_as.count && !rule->never_told)
		reader_problem(c->r, "must say \"granted_as\" or "
				     "\"never_told\"");
	if (rule->granted_as.count && rule->never_told)
		reader_problem(c->r, "has both \"granted_as\" and "
				     "\"never_told\"");
	mark = reader_enter(c->r, "granted_as");
	for (i = 0; i < rule->granted_as.count; i++) {
		inner = reader_enter_index(c->r, i);
		if (check_scope_form(c, rule->granted_as.items[i]) && !star)
			reader_problem(c->r, "has a *, and \"asked\" none");
		reader_leave(c->r, inner);
	}
	reader_leave(c->r, mark);
}

static void
check_scope_rules(struct check *c, const struct catalog_answer *a)
{
	size_t i, mark, inner;

	mark = reader_enter(c->r, "scope_rules");
	for (i = 0; i < a->scope_rules.count; i++) {
		inner = reader_enter_index(c->r, i);
		if (a->scope_rules.items[i].asked)
			check_scope_rule(c, &a->scope_rules.items[i]);
		reader_leave(c->r, inner);
	}
	reader_leave(c->r, mark);
}

static void
check_answer(struct check *c, const struct catalog_answer *a)
{
	size_t mark;

	if (!a)
		return;
	mark = reader_enter(c->r, "answer");
	check_matches(c, "success", &a->success);
	check_scope_rules(c, a);
	reader_leave(c->r, mark);
}

static void
check_scope_lists(struct check *c, const struct catalog_authorize *a)
{
	size_t mark;

	if (!a || a->second_scope_parameter)
		return;
	mark = reader_enter(c->r, "authorize");
	if (a->scope_lists == CATALOG_SCOPES_SECOND)
		CHECK_PROBLEM(c, "scope_lists",
			      "needs \"second_scope_parameter\", its name");
	if (a->second_scopes_optional)
		CHECK_PROBLEM(c, "second_scopes_optional",
			      "needs \"second_scope_parameter\", its name");
	reader_leave(c->r, mark);
}

void
check_method(struct check *c, struct catalog_method *m)
{
	size_t mark;

	if (!is_oauth(m) &&
	    (m->authorize || m->token || m->refresh || m->revoke || m->device ||
	     m->answer || m->captures.count || m->lookups.count))
		reader_problem(c->r, "only OAuth methods have endpoints");
	check_parameters(c, &m->parameters);
	check_fields(c, m);
	check_inject(c, m);
	check_method_place(c, m);
	if (!is_oauth(m))
		return;
	check_endpoints(c, m);
	check_revoke(c, m->revoke);
	check_scope_lists(c, m->authorize);
	check_answer(c, m->answer);
	mark = reader_enter(c->r, "refresh");
	check_answer(c, m->refresh ? m->refresh->answer : NULL);
	reader_leave(c->r, mark);
	check_captures(c, m);
	check_lookups(c, m);
	check_errors(c, m);
}
