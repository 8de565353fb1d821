-- SPDX-License-Identifier: Apache-2.0
-- The API key with which a consent was asked for; '': in a browser, or on the
-- server's own machine.  What a revoked key has begun ends with it.

ALTER TABLE connect_tickets ADD COLUMN made_with TEXT NOT NULL DEFAULT '';
ALTER TABLE oauth_states ADD COLUMN made_with TEXT NOT NULL DEFAULT '';
