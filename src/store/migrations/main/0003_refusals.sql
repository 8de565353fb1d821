-- SPDX-License-Identifier: Apache-2.0
-- Refusals of somebody known: one row for each record of the chain that
-- stands for several.

CREATE TABLE audit_refusals (
	org TEXT NOT NULL,
	minute BIGINT NOT NULL, -- since 1970
	actor TEXT NOT NULL, -- a key's id, else the member's
	action TEXT NOT NULL, -- '' for whatever is beyond the limit
	object TEXT NOT NULL,
	seq BIGINT NOT NULL, -- the record of the first
	count BIGINT NOT NULL, -- with the first
	PRIMARY KEY (org, minute, actor, action, object)
);
CREATE INDEX audit_refusals_seq ON audit_refusals (org, seq);
