-- SPDX-License-Identifier: Apache-2.0
-- When a grant is likely to end, and what its owner should know before.

-- Whatever is done; why (a word); and if it is not renewed until then.
ALTER TABLE connections ADD COLUMN ends_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN ends_why TEXT NOT NULL DEFAULT '';
ALTER TABLE connections ADD COLUMN idle_ends_at BIGINT NOT NULL DEFAULT 0;
-- In plain words: "This account has given 19 of the 20 refresh tokens …"
ALTER TABLE connections ADD COLUMN warning TEXT NOT NULL DEFAULT '';
