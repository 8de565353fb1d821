-- SPDX-License-Identifier: Apache-2.0
-- Private destinations that an owner has allowed calls to reach.

CREATE TABLE egress_destinations (
	id TEXT NOT NULL PRIMARY KEY,
	org TEXT NOT NULL REFERENCES organisations (id),
	destination TEXT NOT NULL, -- network and port: "10.1.2.0/24:443"
	note TEXT NOT NULL DEFAULT '',
	created_by TEXT NOT NULL REFERENCES members (id),
	created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX egress_destinations_one
	ON egress_destinations (org, destination);
