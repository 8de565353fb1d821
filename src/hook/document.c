/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compiled document: shared by count, and asked what it is like.
 *
 * Nothing in it changes once hook_compile() has given it out.  Runs in the
 * front, on any thread.
 */
#include <stdlib.h>

#include "hook/hook_priv.h"

const char hook_path_other[] = "other", hook_path_no_answer[] = "no_answer";

struct hook_document *
hook_document_ref(struct hook_document *d)
{
	atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
	return d;
}

static void
entry_release(struct hook_entry *e)
{
	size_t i;

	for (i = 0; i < e->mapping_count; i++) {
		jsonpath_free(e->mappings[i].path);
		json_decref(e->mappings[i].fallback);
	}
}

void
hook_document_unref(struct hook_document *d)
{
	size_t i;

	if (!d ||
	    atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (i = 0; i < d->text_count; i++)
		if (d->texts[i].owned)
			template_free(
				(struct template *)(uintptr_t)d->texts[i].t);
	free(d->texts);
	template_json_free(d->json);
	for (i = 0; i < d->entry_count; i++)
		entry_release(&d->entries[i]);
	arena_free(d->arena);
	free(d);
}

const char *
hook_document_connection(const struct hook_document *d)
{
	return d->connection;
}

const char *
hook_document_method(const struct hook_document *d)
{
	return d->method;
}

bool
hook_document_is_repeatable(const struct hook_document *d)
{
	return d->key || !strcmp(d->method, "GET") ||
	       !strcmp(d->method, "HEAD") || !strcmp(d->method, "OPTIONS");
}

const char *
hook_document_path(const struct hook_document *d, size_t i)
{
	if (i < d->entry_count)
		return d->entries[i].name;
	i -= d->entry_count;
	return i == 0 ? hook_path_other : i == 1 ? hook_path_no_answer : NULL;
}

const char *
hook_document_sets(const struct hook_document *d, size_t i, size_t n)
{
	if (i >= d->entry_count || n >= d->entries[i].mapping_count)
		return NULL;
	return d->entries[i].mappings[n].full;
}

const struct template *
hook_document_template(const struct hook_document *d, size_t i,
		       const char **pointer)
{
	*pointer = i < d->text_count ? d->texts[i].pointer : NULL;
	return i < d->text_count ? d->texts[i].t : NULL;
}

enum { FINDINGS_MAX = 20 };

size_t
hook_document_check(const struct hook_document *d, const char *const *known,
		    hook_report *report, void *arg)
{
	struct template_finding found[FINDINGS_MAX];
	size_t i, j, count, errors = 0;

	for (i = 0; i < d->text_count; i++) {
		count = template_check(d->texts[i].t, known, found,
				       FINDINGS_MAX);
		for (j = 0; j < count && j < FINDINGS_MAX; j++) {
			bool unknown = found[j].kind == TEMPLATE_UNKNOWN;
			struct hook_problem p = {
				.severity = unknown ? HOOK_ERROR : HOOK_WARNING,
				.pointer = d->texts[i].pointer,
				.code = unknown ? "unknown_variable"
						: "variable_as_text",
				.detail = found[j].text,
			};

			errors += unknown;
			if (report)
				report(arg, &p);
		}
	}
	return errors;
}
