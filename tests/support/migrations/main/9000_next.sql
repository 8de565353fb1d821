-- SPDX-License-Identifier: Apache-2.0
-- What a newer program may change beside one that runs (CONTRIBUTING.md):
-- columns with a default, tables, indices, rows in a form that both read.

ALTER TABLE members ADD COLUMN next TEXT NOT NULL DEFAULT 'next';
ALTER TABLE api_keys ADD COLUMN next BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN next BIGINT NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN next TEXT NOT NULL DEFAULT '';
ALTER TABLE connection_users ADD COLUMN next TEXT;
ALTER TABLE connect_tickets ADD COLUMN next TEXT;
ALTER TABLE oauth_states ADD COLUMN next TEXT;
ALTER TABLE calls ADD COLUMN next BIGINT NOT NULL DEFAULT 0;
ALTER TABLE audit ADD COLUMN next TEXT;
ALTER TABLE conversations ADD COLUMN next TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN next TEXT;

CREATE TABLE next (
	connection TEXT NOT NULL PRIMARY KEY,
	at BIGINT NOT NULL
);
INSERT INTO next (connection, at) SELECT id, created_at FROM connections;
CREATE INDEX calls_next ON calls (connection, next, id);
UPDATE connections SET next = name;
