-- SPDX-License-Identifier: Apache-2.0
-- Flows that are deleted, whose conversations are still being removed: bit
-- by bit, so that nobody waits for all of them.

CREATE TABLE flows_deleted (
	flow TEXT NOT NULL PRIMARY KEY
);

-- Who is silent, without reading what ended long ago.
CREATE INDEX conversations_silent ON conversations (updated_at)
	WHERE status = 'waiting';
