-- SPDX-License-Identifier: Apache-2.0
-- Grants of users who have left, or whose connection is ended, and that are
-- still to be revoked: the front asks for them every hour, and there are few
-- of them among very many.  (2: CONNECT_LEAVE.  Who looks for them says these
-- conditions in these words, or else the index is not used.)

CREATE INDEX grants_left ON grants (connection, subject)
	WHERE suspended = 2 AND subject <> '' AND status <> 'revoked';
