-- SPDX-License-Identifier: Apache-2.0
-- Flows, their versions, and the conversations that run them.

CREATE TABLE flows (
	id TEXT NOT NULL PRIMARY KEY,
	org TEXT NOT NULL REFERENCES organisations (id),
	link_name TEXT NOT NULL,
	name TEXT NOT NULL, -- the draft's
	owner TEXT NOT NULL REFERENCES members (id),
	draft TEXT NOT NULL, -- the document
	draft_problems TEXT NOT NULL DEFAULT '[]',
	errors BIGINT NOT NULL DEFAULT 0, -- of the draft
	warnings BIGINT NOT NULL DEFAULT 0,
	version BIGINT NOT NULL DEFAULT 1, -- for If-Match
	last_version BIGINT NOT NULL DEFAULT 0, -- the last one published
	published_version BIGINT NOT NULL DEFAULT 0, -- in force; 0: none
	published_at BIGINT NOT NULL DEFAULT 0,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	updated_by TEXT NOT NULL
);
CREATE UNIQUE INDEX flows_link ON flows (org, link_name);

-- What was published; never changed.
CREATE TABLE flow_versions (
	flow TEXT NOT NULL REFERENCES flows (id),
	number BIGINT NOT NULL, -- from 1
	document TEXT NOT NULL,
	published_by TEXT NOT NULL, -- the member whose permission it runs with
	published_at BIGINT NOT NULL,
	note TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (flow, number)
);

-- Which connections a version (0: the draft) calls.  For a version this is
-- the permission it runs with, as it was when it was published.
CREATE TABLE flow_uses (
	flow TEXT NOT NULL REFERENCES flows (id),
	version BIGINT NOT NULL,
	connection TEXT NOT NULL,
	PRIMARY KEY (flow, version, connection)
);
CREATE INDEX flow_uses_connection ON flow_uses (connection);

-- Constants of the organisation, read by every flow.
CREATE TABLE globals (
	org TEXT NOT NULL REFERENCES organisations (id),
	name TEXT NOT NULL,
	value TEXT NOT NULL, -- JSON
	version BIGINT NOT NULL DEFAULT 1,
	updated_by TEXT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (org, name)
);

CREATE TABLE conversations (
	id TEXT NOT NULL PRIMARY KEY,
	org TEXT NOT NULL,
	flow TEXT NOT NULL, -- the one that runs now
	flow_version BIGINT NOT NULL, -- 0: the draft
	started_with TEXT NOT NULL, -- the flow that it began with
	token BYTEA NOT NULL, -- hash of the conversation's own token
	member TEXT NOT NULL DEFAULT '', -- who tries a draft; '' else
	origin TEXT NOT NULL DEFAULT '', -- of the page; '' by the API
	state TEXT NOT NULL, -- JSON: block, memory, values, expects
	status TEXT NOT NULL, -- waiting, calling, ended, handed_off, failed
	problem TEXT NOT NULL DEFAULT '', -- of failed
	seq BIGINT NOT NULL DEFAULT 0, -- of the last message
	step BIGINT NOT NULL DEFAULT 0, -- counts every move
	attempt BIGINT NOT NULL DEFAULT 0, -- of the call under way
	lease_owner TEXT NOT NULL DEFAULT '',
	lease_until BIGINT NOT NULL DEFAULT 0,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL
);
CREATE INDEX conversations_flow ON conversations (flow, id);
CREATE INDEX conversations_org ON conversations (org, id);
CREATE INDEX conversations_calling ON conversations (lease_until)
	WHERE status = 'calling';

CREATE TABLE messages (
	conversation TEXT NOT NULL REFERENCES conversations (id),
	seq BIGINT NOT NULL, -- from 1, without gaps
	sender TEXT NOT NULL, -- bot, visitor
	content TEXT NOT NULL, -- JSON
	client_id TEXT, -- of a visitor's, so that it is taken once
	at BIGINT NOT NULL,
	PRIMARY KEY (conversation, seq)
);
CREATE UNIQUE INDEX messages_client ON messages (conversation, client_id);

-- Messages for people; they outlive flow and conversation.
CREATE TABLE handoffs (
	id TEXT NOT NULL PRIMARY KEY,
	org TEXT NOT NULL,
	flow TEXT NOT NULL,
	flow_name TEXT NOT NULL,
	conversation TEXT NOT NULL,
	message TEXT NOT NULL,
	email TEXT NOT NULL,
	at BIGINT NOT NULL
);
CREATE INDEX handoffs_org ON handoffs (org, id);
