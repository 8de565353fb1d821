-- SPDX-License-Identifier: Apache-2.0
-- Leases by process, hand-offs that are closed, and when what was said ends.

-- Processes that make calls of conversations; one whose time is over is gone.
CREATE TABLE flow_engines (
	id TEXT NOT NULL PRIMARY KEY, -- lease_owner of its conversations
	until BIGINT NOT NULL
);
-- lease_owner '': nobody's; lease_until: and to be left alone so long.
DROP INDEX conversations_calling;
CREATE INDEX conversations_calling ON conversations (lease_owner, lease_until)
	WHERE status = 'calling';
CREATE INDEX conversations_updated ON conversations (updated_at);

ALTER TABLE handoffs ADD COLUMN closed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE handoffs ADD COLUMN closed_by TEXT NOT NULL DEFAULT '';
CREATE INDEX handoffs_conversation ON handoffs (conversation);
CREATE INDEX handoffs_closed ON handoffs (closed_at);
