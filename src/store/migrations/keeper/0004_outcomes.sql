-- SPDX-License-Identifier: Apache-2.0
-- What is remembered of refreshes that failed, beyond that they did.

-- How often since the last tokens the provider has refused the grant in words
-- that no rule knows; other failures do not count.
ALTER TABLE grants ADD COLUMN unexplained BIGINT NOT NULL DEFAULT 0;

-- Whether it waits for the client id that it was made with, since the OAuth
-- app has another one now; and since when that app is known to have such.
ALTER TABLE grants ADD COLUMN foreign_app BIGINT NOT NULL DEFAULT 0;
ALTER TABLE apps ADD COLUMN foreign_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX grants_foreign ON grants (org, app) WHERE foreign_app = 1;
