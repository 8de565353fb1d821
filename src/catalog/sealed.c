/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sealed form of a binding: written by whoever makes a grant, read in
 * keeper and exchanger.
 *
 *   {"v":1,"custom":false,"data_centre":"eu","parameters":{…},
 *    "values":{…},"definition":{…}}
 */
#include "catalog/catalog_priv.h"

static void
put_text(struct buf *out, const char *text)
{
	buf_putc(out, '"');
	codec_json(out, slice_str(text));
	buf_putc(out, '"');
}

static void
put_pairs(struct buf *out, const char *name, const struct catalog_pairs *p)
{
	size_t i;

	buf_printf(out, ",\"%s\":{", name);
	for (i = 0; i < p->count; i++) {
		if (i)
			buf_putc(out, ',');
		put_text(out, p->items[i].name);
		buf_putc(out, ':');
		put_text(out, p->items[i].value);
	}
	buf_putc(out, '}');
}

int
binding_to_json(const struct binding *b, struct buf *out)
{
	const struct definition *d =
		((const struct binding_full *)(const void *)b)->def;

	buf_printf(out, "{\"v\":1,\"custom\":%s",
		   b->service->custom ? "true" : "false");
	if (b->data_centre) {
		buf_puts(out, ",\"data_centre\":");
		put_text(out, b->data_centre);
	}
	put_pairs(out, "parameters", &b->parameters);
	put_pairs(out, "values", &b->values);
	buf_puts(out, ",\"definition\":");
	buf_put_slice(out, d->source);
	buf_putc(out, '}');
	return buf_err(out);
}

/* {name: text} into at most `max` pairs that borrow from the tree. */
static bool
take_pairs(const struct json_at *at, const char *name,
	   struct catalog_pair *items, size_t max, struct catalog_pairs *out)
{
	const json_t *object = json_get_object(at, name, JSON_REQUIRED);
	const char *key;
	json_t *value;

	*out = (struct catalog_pairs){ items, 0 };
	if (!object)
		return false;
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		if (out->count == max || !json_is_string(value) ||
		    !catalog_is_value(slice_of(json_string_value(value),
					       json_string_length(value)))) {
			json_problem_set(at->problem, name,
					 "holds what is no value");
			return false;
		}
		items[out->count].name = key;
		items[out->count++].value = json_string_value(value);
	}
	return true;
}

static int
read_definition(const json_t *value, bool custom, struct definition **out,
		struct json_problem *problem)
{
	struct catalog_report report = { .count = 0 };
	struct reader r = { .report = &report };
	struct buf text;
	int err;

	buf_init(&text, BINDING_JSON_MAX);
	err = json_write(value, &text);
	if (!err)
		err = definition_new(&r, value, buf_slice(&text),
				     custom ? DEFINITION_SEALED_CUSTOM
					    : DEFINITION_SEALED_DEFAULT,
				     out);
	if (err == ERR_INVALID && report.count)
		json_problem_set(problem, report.items[0].pointer, "%s",
				 report.items[0].detail);
	buf_release(&text);
	return err;
}

static int
binding_read(const json_t *root, struct binding **out,
	     struct json_problem *problem)
{
	static const char *const names[] = { "v",	    "custom",
					     "data_centre", "parameters",
					     "values",	    "definition",
					     NULL };
	struct catalog_pair parameters[40], values[32];
	struct catalog_pairs p, v;
	struct definition *def = NULL;
	const char *data_centre;
	const json_t *definition;
	struct json_at at;
	bool custom;
	int err;

	if (!json_at_object(&at, root, "", problem) || !json_only(&at, names))
		return ERR_INVALID;
	json_get_int(&at, "v", JSON_REQUIRED, 1, 1, 1);
	custom = json_get_bool(&at, "custom", false);
	data_centre = json_get_str(&at, "data_centre", 0, 64, NULL);
	definition = json_get_object(&at, "definition", JSON_REQUIRED);
	if (!take_pairs(&at, "parameters", parameters, 40, &p) ||
	    !take_pairs(&at, "values", values, 32, &v) || problem->set ||
	    !definition)
		return ERR_INVALID;
	err = read_definition(definition, custom, &def, problem);
	if (!err)
		err = binding_resolve(def, data_centre, &p, &v, out, problem);
	definition_unref(def);
	return err;
}

int
binding_from_json(struct slice text, struct binding **out,
		  struct json_problem *problem)
{
	struct json_problem ignored = { 0 };
	json_t *root = NULL;
	int err;

	*out = NULL;
	if (!problem)
		problem = &ignored;
	err = json_read(text, BINDING_JSON_MAX, &root, problem);
	if (!err)
		err = binding_read(root, out, problem);
	json_decref(root);
	if (err && err != ERR_NOMEM) {
		json_problem_set(problem, "", "%s", err_text(err));
		err = ERR_INVALID;
	}
	return err;
}
