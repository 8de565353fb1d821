-- SPDX-License-Identifier: Apache-2.0
-- Users' grants that are still to be revoked at their providers: of
-- connections that were deleted or revoked, and of conversations that ended.
-- The keeper has them until then, and gives them out to nobody.

CREATE TABLE withdrawals (
	connection TEXT NOT NULL, -- may be gone
	subject TEXT NOT NULL,
	org TEXT NOT NULL,
	name TEXT NOT NULL, -- the connection's
	because TEXT NOT NULL, -- delete, revoke, visitor
	asked_at BIGINT NOT NULL,
	tries BIGINT NOT NULL DEFAULT 0,
	next_at BIGINT NOT NULL,
	outcome TEXT NOT NULL DEFAULT '', -- '' to be done; revoked, kept, none
	detail TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (connection, subject)
);
CREATE INDEX withdrawals_next ON withdrawals (next_at) WHERE outcome = '';
