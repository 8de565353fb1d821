-- SPDX-License-Identifier: Apache-2.0
-- Of a repeated create: whether something of it is committed, so that it is
-- not done again although its answer is lost; and what its answer says beside
-- the body.
ALTER TABLE idempotency ADD COLUMN committed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE idempotency ADD COLUMN location TEXT NOT NULL DEFAULT '';
ALTER TABLE idempotency ADD COLUMN etag TEXT NOT NULL DEFAULT '';
