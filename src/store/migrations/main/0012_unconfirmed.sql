-- SPDX-License-Identifier: Apache-2.0
-- What the provider said of a revocation, for whoever revokes once more; and
-- of which service's connection a withdrawal is, which outlives that.

-- Of one that is revoked: why the provider has not confirmed it; '' if it has,
-- or there was nothing to revoke.
ALTER TABLE connections ADD COLUMN unconfirmed TEXT NOT NULL DEFAULT '';
ALTER TABLE connection_users ADD COLUMN unconfirmed TEXT NOT NULL DEFAULT '';
UPDATE connections SET unconfirmed = coalesce(
	(SELECT CASE WHEN state = 'by_hand' THEN detail ELSE '' END
		FROM bulk_items WHERE connection = connections.id
		AND subject = '' AND state IN ('by_hand', 'revoked')
		ORDER BY bulk DESC LIMIT 1),
	CASE WHEN reason LIKE '%not confirmed%' THEN reason ELSE '' END)
	WHERE status = 'revoked'
	OR status = 'disabled' AND status_before = 'revoked';
UPDATE connection_users SET unconfirmed = coalesce(
	(SELECT CASE WHEN state = 'by_hand' THEN detail ELSE '' END
		FROM bulk_items WHERE connection = connection_users.connection
		AND subject = connection_users.subject
		AND state IN ('by_hand', 'revoked')
		ORDER BY bulk DESC LIMIT 1),
	CASE WHEN reason LIKE '%not confirmed%' THEN reason ELSE '' END)
	WHERE status = 'revoked';

ALTER TABLE withdrawals ADD COLUMN service TEXT NOT NULL DEFAULT '';
UPDATE withdrawals SET service = coalesce(
	(SELECT service FROM connections WHERE id = withdrawals.connection), '');
