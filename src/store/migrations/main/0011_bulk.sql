-- SPDX-License-Identifier: Apache-2.0
-- Many connections suspended or revoked at once, and what came of each.

CREATE TABLE bulks (
	id TEXT NOT NULL PRIMARY KEY,
	org TEXT NOT NULL REFERENCES organisations (id),
	action TEXT NOT NULL, -- suspend, revoke
	service TEXT NOT NULL, -- whose connections: this service's, or
	owner TEXT NOT NULL, -- this member's; '' and '': all
	asked_by TEXT NOT NULL, -- the member
	asked_at BIGINT NOT NULL,
	leased_until BIGINT NOT NULL, -- somebody works through it
	ended_at BIGINT NOT NULL DEFAULT 0 -- each has its outcome
);
CREATE INDEX bulks_org ON bulks (org, id);
CREATE INDEX bulks_open ON bulks (id) WHERE ended_at = 0;

-- A row for each connection, as it was called then; of one that each user
-- connects for himself, a row for each user once it is his turn.
CREATE TABLE bulk_items (
	bulk TEXT NOT NULL REFERENCES bulks (id),
	connection TEXT NOT NULL, -- may be gone
	subject TEXT NOT NULL,
	link_name TEXT NOT NULL,
	name TEXT NOT NULL,
	service TEXT NOT NULL,
	account TEXT NOT NULL DEFAULT '',
	was TEXT NOT NULL DEFAULT '', -- the connection's status before
	state TEXT NOT NULL, -- waiting; pending (at the provider); then
			     -- suspended, revoked, by_hand, nothing, already
	detail TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (bulk, connection, subject)
);
CREATE INDEX bulk_items_open ON bulk_items (bulk, connection)
	WHERE state IN ('waiting', 'pending');
CREATE INDEX bulk_items_pending ON bulk_items (connection, subject)
	WHERE state = 'pending';
CREATE INDEX bulk_items_connection ON bulk_items (connection);
