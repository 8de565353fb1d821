-- SPDX-License-Identifier: Apache-2.0
-- What refresh needs beyond a single keeper that never restarts: who holds a
-- lease, grants that are kept alive, when a grant is likely to end, and how
-- many refresh tokens an account has given.

-- Who holds the lease: a keeper frees at its start what itself has left.
ALTER TABLE grants ADD COLUMN lease_by TEXT NOT NULL DEFAULT '';
-- Until when the access token may be given out; 0: for good.
ALTER TABLE grants ADD COLUMN good_until BIGINT NOT NULL DEFAULT 0;
-- How often in a row a service has refused a token that was just made.
ALTER TABLE grants ADD COLUMN refusals BIGINT NOT NULL DEFAULT 0;
-- When consent was given, and the generation that it made.
ALTER TABLE grants ADD COLUMN granted_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE grants ADD COLUMN issue BIGINT NOT NULL DEFAULT 0;
-- When it must be renewed so as not to die of idleness; 0: need not;
-- negative: while it is suspended.
ALTER TABLE grants ADD COLUMN keep_at BIGINT NOT NULL DEFAULT 0;
-- When it is likely to end whatever is done, why (a word), and when it would
-- die of idleness.
ALTER TABLE grants ADD COLUMN ends_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE grants ADD COLUMN ends_why TEXT NOT NULL DEFAULT '';
ALTER TABLE grants ADD COLUMN idle_ends_at BIGINT NOT NULL DEFAULT 0;

UPDATE grants SET good_until = expires_at - CASE
	WHEN (expires_at - obtained_at) / 20 > 30000 THEN 30000
	ELSE (expires_at - obtained_at) / 20 END
WHERE expires_at > 0 AND expires_at > obtained_at;
UPDATE grants SET granted_at = obtained_at;

CREATE INDEX grants_keep ON grants (keep_at) WHERE keep_at > 0;

-- Refresh tokens that were issued and not confirmed to be revoked, also those
-- whose grant is gone: the provider counts them.
CREATE TABLE refresh_tokens (
	connection TEXT NOT NULL,
	subject TEXT NOT NULL,
	issue BIGINT NOT NULL, -- the generation that consent made
	org TEXT NOT NULL,
	app TEXT NOT NULL,
	client_id TEXT NOT NULL,
	account TEXT NOT NULL, -- '': not known
	issued_at BIGINT NOT NULL,
	PRIMARY KEY (connection, subject, issue)
);
CREATE INDEX refresh_tokens_account
	ON refresh_tokens (org, app, client_id, account, issued_at);

-- Numbers that only grow: the last change that was given out; the latest
-- time that a keeper has known.
CREATE TABLE counters (
	name TEXT NOT NULL PRIMARY KEY,
	value BIGINT NOT NULL
);
INSERT INTO counters (name, value)
	SELECT 'change', coalesce(max(change), 0) FROM grants;
INSERT INTO counters (name, value) VALUES ('seen', 0);
