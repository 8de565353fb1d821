-- SPDX-License-Identifier: Apache-2.0
-- Grants that each user gives for himself: when they are likely to end, as
-- for connections (0002), and which of them need somebody's attention.

ALTER TABLE connection_users ADD COLUMN ends_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE connection_users ADD COLUMN ends_why TEXT NOT NULL DEFAULT '';
ALTER TABLE connection_users ADD COLUMN idle_ends_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX connection_users_status ON connection_users (connection, status);
