/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Definitions from text: embedded files, and custom ones.
 *
 * A definition over a part is the part with the service laid over it:
 * objects merge, everything else is replaced, null removes (RFC 7396).  A
 * custom service has no part, and no id that is a default service's or its
 * app's: it could send another service's client secret, or what is granted
 * to its app, where it likes.
 */
#include "catalog/catalog_priv.h"

#include <stdio.h>

/* ---- parts ---- */

static void
lay_over(json_t *under, const json_t *over)
{
	const char *key;
	json_t *value, *old;

	json_object_foreach((json_t *)(uintptr_t)over, key, value)
	{
		old = json_object_get(under, key);
		if (json_is_null(value))
			json_object_del(under, key);
		else if (json_is_object(value) && json_is_object(old))
			lay_over(old, value);
		else
			json_object_set_new(under, key, json_deep_copy(value));
	}
}

/* {part: its definition} of all embedded parts. */
int
load_parts(json_t **out, struct catalog_report *report)
{
	struct json_problem problem = { 0 };
	const struct embed_file *f;
	json_t *part, *name;
	size_t cursor = 0;

	*out = json_object();
	while (*out && (f = embed_next("services/parts/", &cursor)) != NULL) {
		if (json_read(slice_of(f->data, f->size), CATALOG_TEXT_MAX,
			      &part, &problem) < 0) {
			report_add(report, f->path, problem.pointer,
				   problem.detail);
			return ERR_INVALID;
		}
		name = json_incref(json_object_get(part, "part"));
		json_object_del(part, "part");
		if (json_is_string(name))
			json_object_set(*out, json_string_value(name), part);
		else
			report_add(report, f->path, "",
				   "\"part\", its name, is missing");
		json_decref(part);
		if (!name)
			return ERR_INVALID;
		json_decref(name);
	}
	return *out ? 0 : ERR_NOMEM;
}

/* ---- one definition ---- */

static int
read_json(struct slice text, const char *file, json_t **out,
	  struct catalog_report *report)
{
	struct json_problem problem = { 0 };
	int err = json_read(text, CATALOG_TEXT_MAX, out, &problem);

	if (err && err != ERR_NOMEM)
		report_add(report, file, problem.pointer,
			   problem.set ? problem.detail : err_text(err));
	return err;
}

int
load_default(const struct embed_file *f, const json_t *parts,
	     struct catalog_report *report, struct definition **out)
{
	struct reader r = { .file = f->path, .report = report };
	struct slice text = slice_of(f->data, f->size);
	json_t *own = NULL, *merged = NULL;
	char part_file[80];
	const char *uses;
	int err;

	err = read_json(text, f->path, &own, report);
	if (err)
		return err;
	uses = json_string_value(json_object_get(own, "uses"));
	if (uses) {
		snprintf(part_file, sizeof(part_file), "services/parts/%s.json",
			 uses);
		merged = json_deep_copy(json_object_get(parts, uses));
		if (!merged) {
			report_add(report, f->path, "/uses",
				   "there is no such part");
			err = ERR_INVALID;
			goto out;
		}
		lay_over(merged, own);
		r.own = own;
		r.part_file = part_file;
	}
	err = definition_new(&r, merged ? merged : own, text,
			     DEFINITION_DEFAULT, out);
	if (!err)
		err = reduce_definition(*out, merged ? merged : own);
	if (err && *out) {
		definition_unref(*out);
		*out = NULL;
	}
out:
	json_decref(merged);
	json_decref(own);
	return err;
}

static void
check_custom_id(struct reader *r, const struct catalog *c, const char *id)
{
	if (catalog_find(c, NULL, id))
		reader_problem_at(r, "/id",
				  "\"%s\" is the id of a default service", id);
	else if (catalog_has_default_app(c, id))
		reader_problem_at(r, "/id",
				  "\"%s\" is the id of a default service's "
				  "OAuth app",
				  id);
}

int
load_custom(const struct catalog *c, const struct catalog_source *source,
	    struct catalog_report *report, struct definition **out)
{
	struct reader r = { .file = source->file, .report = report };
	json_t *own = NULL;
	const char *id;
	int err;

	*out = NULL;
	err = read_json(source->text, source->file, &own, report);
	if (err)
		return err;
	if (json_object_get(own, "uses"))
		reader_problem_at(&r, "/uses",
				  "shared parts are for default "
				  "services");
	id = json_string_value(json_object_get(own, "id"));
	if (id && c)
		check_custom_id(&r, c, id);
	err = definition_new(&r, own, source->text, DEFINITION_CUSTOM, out);
	if (!err && r.problems) {
		err = ERR_INVALID;
	} else if (!err) {
		err = reduce_definition(*out, own);
		if (err == ERR_TOO_LARGE)
			reader_problem_at(&r, "", "is too large");
	}
	if (!err && source->org) {
		(*out)->org = arena_strdup((*out)->arena, source->org);
		if (!(*out)->org)
			err = ERR_NOMEM;
	}
	if (err == ERR_NOMEM)
		reader_problem_at(&r, "", "needs too much memory");
	if (err && *out) {
		definition_unref(*out);
		*out = NULL;
	}
	json_decref(own);
	return err;
}
