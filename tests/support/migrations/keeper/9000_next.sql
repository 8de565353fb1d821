-- SPDX-License-Identifier: Apache-2.0
-- As migrations/main/9000_next.sql, of the keeper's database.

ALTER TABLE grants ADD COLUMN next TEXT NOT NULL DEFAULT 'next';
ALTER TABLE datakeys ADD COLUMN next BIGINT NOT NULL DEFAULT 0;
ALTER TABLE apps ADD COLUMN next TEXT;
ALTER TABLE consents ADD COLUMN next TEXT;
ALTER TABLE token_requests ADD COLUMN next BIGINT NOT NULL DEFAULT 0;
ALTER TABLE refresh_tokens ADD COLUMN next TEXT;

CREATE TABLE next (
	connection TEXT NOT NULL PRIMARY KEY,
	generation BIGINT NOT NULL
);
INSERT INTO next (connection, generation)
	SELECT connection, max(generation) FROM grants GROUP BY connection;
CREATE INDEX grants_next ON grants (org, next);
