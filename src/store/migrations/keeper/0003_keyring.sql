-- SPDX-License-Identifier: Apache-2.0
-- Master keys by their id, so that one can take the place of another while
-- the keeper works, and a wrong one is told from a damaged one.

CREATE TABLE master_keys (
	id TEXT NOT NULL PRIMARY KEY, -- vault_key_id(): no secret
	state TEXT NOT NULL, -- current, next, former
	source TEXT NOT NULL, -- folder, file, credential, passphrase
	since BIGINT NOT NULL, -- in this state
	-- Of the next one: the key itself, sealed under the current one.
	sealed BYTEA
);
CREATE UNIQUE INDEX master_keys_current ON master_keys (state)
	WHERE state <> 'former';

-- Under which master key it is wrapped ('': noted at the next start), and
-- which turn of data keys it was made in.
ALTER TABLE datakeys ADD COLUMN master TEXT NOT NULL DEFAULT '';
ALTER TABLE datakeys ADD COLUMN turn BIGINT NOT NULL DEFAULT 0;
CREATE INDEX datakeys_master ON datakeys (master);
CREATE INDEX datakeys_turn ON datakeys (turn, owner);
CREATE INDEX datakeys_created ON datakeys (created_at);

-- Rotations of keys that were begun, and how they went.
CREATE TABLE rotations (
	turn BIGINT NOT NULL PRIMARY KEY, -- counts up
	data_keys BIGINT NOT NULL, -- whether these were to be made anew, too
	begun_at BIGINT NOT NULL,
	ended_at BIGINT NOT NULL DEFAULT 0,
	failed BIGINT NOT NULL DEFAULT 0 -- data keys that did not open
);

-- When the grant came out of a backup: its tokens may be older than those
-- that the provider knows.  0: it did not.
ALTER TABLE grants ADD COLUMN restored_at BIGINT NOT NULL DEFAULT 0;
