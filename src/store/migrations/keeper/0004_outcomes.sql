-- SPDX-License-Identifier: Apache-2.0
-- What is remembered of refreshes that failed, beyond that they did.

-- How often since the last tokens the provider has refused the grant in words
-- that no rule knows; other failures do not count.
ALTER TABLE grants ADD COLUMN unexplained BIGINT NOT NULL DEFAULT 0;
