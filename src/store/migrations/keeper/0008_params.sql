-- SPDX-License-Identifier: Apache-2.0
-- What a passphrase takes to become this key, and no other: it comes with the
-- key, and the file beside the database follows.  It is no secret.

-- '': it is from no passphrase, or its rotation was begun by a version that
-- kept the file alone.
ALTER TABLE master_keys ADD COLUMN params TEXT NOT NULL DEFAULT '';
