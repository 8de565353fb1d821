-- SPDX-License-Identifier: Apache-2.0
-- Grants that each user gives for himself: their health, as connections have
-- it, and of which generation that is told.

ALTER TABLE connection_users ADD COLUMN health TEXT NOT NULL DEFAULT 'ok';
ALTER TABLE connection_users ADD COLUMN health_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE connection_users ADD COLUMN health_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE connection_users ADD COLUMN retry_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE connection_users ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;

-- Each way in which a user can need attention is a range of this index, with
-- the subjects in it; and it counts all users.  In place of 0006's.
DROP INDEX connection_users_status;
CREATE INDEX connection_users_standing
	ON connection_users (connection, status, health, ends_at, subject);
-- How many there are in all, for /metrics; and whom a worker must know.
CREATE INDEX connection_users_degraded
	ON connection_users (connection, subject) WHERE health = 'degraded';
