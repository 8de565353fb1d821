/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a grant brought with it when it was given: whose account, which scopes,
 * which data centre, what people should know.
 *
 * The front writes it into its own row when it is answered.  One that has died
 * by then, or could not write, gets it with the grant's status, and sees from
 * the generation that it has not written it (front_granted.c).
 *
 * Runs in the keeper.
 */
#include <stdio.h>

#include "connect/keeper_priv.h"

int
keeper_brought_save(struct keeper *k, const struct keeper_row *r,
		    const struct connect_msg_grant *g)
{
	return store_exec(k->db, NULL,
			  "UPDATE grants SET granted = generation, "
			  "account = ?3, data_centre = ?4, scope = ?5, "
			  "second_scope = ?6, has_scope = ?7, warning = ?8 "
			  "WHERE connection = ?1 AND subject = ?2",
			  "ssssssis", r->who.connection, r->who.subject,
			  g->account, g->data_centre, g->scope, g->second_scope,
			  (int64_t)g->has_scope, g->warning);
}

int
keeper_brought_warn(struct keeper *k, const struct keeper_row *r,
		    const char *warning)
{
	return store_exec(k->db, NULL,
			  "UPDATE grants SET warning = ?4 WHERE connection = "
			  "?1 AND subject = ?2 AND granted = ?3",
			  "ssis", r->who.connection, r->who.subject,
			  (int64_t)r->who.generation, warning);
}

void
keeper_brought_read(struct store_stmt *st, int col,
		    struct connect_msg_grant *out)
{
	memset(out, 0, sizeof(*out));
	out->generation = (uint64_t)store_col_int(st, col);
	slice_copy(store_col(st, col + 1), out->account, sizeof(out->account));
	slice_copy(store_col(st, col + 2), out->data_centre,
		   sizeof(out->data_centre));
	slice_copy(store_col(st, col + 3), out->scope, sizeof(out->scope));
	slice_copy(store_col(st, col + 4), out->second_scope,
		   sizeof(out->second_scope));
	out->has_scope = store_col_int(st, col + 5) != 0;
	slice_copy(store_col(st, col + 6), out->warning, sizeof(out->warning));
}

void
keeper_brought_load(struct keeper *k, const struct connect_msg_subject *who,
		    struct connect_msg_grant *out)
{
	struct store_stmt *st = NULL;
	int rc = store_query(k->db, &st,
			     "SELECT " KEEPER_BROUGHT_COLUMNS " FROM grants "
			     "WHERE connection = ?1 AND subject = ?2",
			     "ss", who->connection, who->subject);

	memset(out, 0, sizeof(*out));
	if (!rc && store_step(st) == 1)
		keeper_brought_read(st, 0, out);
	store_done(st);
}
