-- SPDX-License-Identifier: Apache-2.0
-- Whose account, scopes and data centre stand in a row: of the grant that this
-- generation of the keeper's made.

ALTER TABLE connections ADD COLUMN granted BIGINT NOT NULL DEFAULT 0;
ALTER TABLE connection_users ADD COLUMN granted BIGINT NOT NULL DEFAULT 0;
