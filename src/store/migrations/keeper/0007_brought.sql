-- SPDX-License-Identifier: Apache-2.0
-- What a grant brought with it when it was given, for a front that was not
-- there then.  None of it is secret.

-- The generation that it made; 0: it was given before this was kept.
ALTER TABLE grants ADD COLUMN granted BIGINT NOT NULL DEFAULT 0;
ALTER TABLE grants ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE grants ADD COLUMN data_centre TEXT NOT NULL DEFAULT '';
-- As the provider has told; has_scope 0: it has not.
ALTER TABLE grants ADD COLUMN scope TEXT NOT NULL DEFAULT '';
ALTER TABLE grants ADD COLUMN second_scope TEXT NOT NULL DEFAULT '';
ALTER TABLE grants ADD COLUMN has_scope BIGINT NOT NULL DEFAULT 0;
ALTER TABLE grants ADD COLUMN warning TEXT NOT NULL DEFAULT '';
