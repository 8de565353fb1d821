-- SPDX-License-Identifier: Apache-2.0
-- Scopes that were asked for and not granted are told for as long as the grant
-- is there, whatever troubles come and go: in a column of their own, by spaces.
-- Health has the troubles alone.

ALTER TABLE connections ADD COLUMN not_granted TEXT NOT NULL DEFAULT '';
ALTER TABLE connection_users ADD COLUMN not_granted TEXT NOT NULL DEFAULT '';
UPDATE connections SET not_granted = replace(substr(health_reason, 14),
	'. Connect again and accept them, or edit the scopes.', ''),
	health = 'ok', health_reason = '', health_since = 0, retry_at = 0
	WHERE health_reason LIKE 'Not granted: %';
UPDATE connection_users SET not_granted = replace(substr(health_reason, 14),
	'. Connect again and accept them, or edit the scopes.', ''),
	health = 'ok', health_reason = '', health_since = 0, retry_at = 0
	WHERE health_reason LIKE 'Not granted: %';

-- Whom scopes were not granted to needs attention: a range as well.  In place
-- of 0009's.
DROP INDEX connection_users_standing;
CREATE INDEX connection_users_standing
	ON connection_users (connection, status, health, not_granted, ends_at,
		subject);
-- How many are degraded in all, for /metrics.
CREATE INDEX connection_users_told
	ON connection_users (status, health, not_granted)
	WHERE health = 'degraded' OR not_granted > '';
