-- SPDX-License-Identifier: Apache-2.0
-- The keeper's own database: grants, OAuth apps and consents under way.
--
-- Whatever is secret is in a column called sealed, under a data key of its
-- owner (a connection or an app) and with the row's identity as associated
-- data.  Types and instants as in the main database.

CREATE TABLE datakeys (
	owner TEXT NOT NULL PRIMARY KEY, -- "connection/<id>", "app/<org>/<id>"
	wrapped BYTEA NOT NULL, -- under the master key
	created_at BIGINT NOT NULL
);

CREATE TABLE grants (
	connection TEXT NOT NULL,
	subject TEXT NOT NULL, -- '' unless per user
	org TEXT NOT NULL,
	generation BIGINT NOT NULL, -- counts up with every new credential
	sealed BYTEA NOT NULL,
	app TEXT NOT NULL DEFAULT '', -- of OAuth
	status TEXT NOT NULL, -- connected, needs_reconnect, revoked
	reason TEXT NOT NULL DEFAULT '',
	suspended BIGINT NOT NULL DEFAULT 0,
	obtained_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL DEFAULT 0, -- of the access token; 0: never
	-- A refresh that was sent, or is about to be: of which generation, until
	-- when nobody else may, and whether an earlier one got lost.
	intent BIGINT NOT NULL DEFAULT 0,
	lease_until BIGINT NOT NULL DEFAULT 0,
	in_doubt BIGINT NOT NULL DEFAULT 0,
	-- What goes wrong at the moment.
	failures BIGINT NOT NULL DEFAULT 0,
	degraded BIGINT NOT NULL DEFAULT 0,
	health_reason TEXT NOT NULL DEFAULT '',
	retry_at BIGINT NOT NULL DEFAULT 0,
	-- The generation that was asked for because a service had refused the
	-- one before.
	refused BIGINT NOT NULL DEFAULT 0,
	change BIGINT NOT NULL, -- of what people see, counting up
	PRIMARY KEY (connection, subject)
);
CREATE UNIQUE INDEX grants_change ON grants (change);
CREATE INDEX grants_app ON grants (org, app);

-- Token requests within the longest window of any quota.
CREATE TABLE token_requests (
	connection TEXT NOT NULL,
	subject TEXT NOT NULL,
	at BIGINT NOT NULL
);
CREATE INDEX token_requests_grant ON token_requests (connection, subject, at);

CREATE TABLE apps (
	org TEXT NOT NULL,
	app TEXT NOT NULL,
	data_centre TEXT NOT NULL, -- '': all that have no own
	version BIGINT NOT NULL,
	sealed BYTEA NOT NULL, -- client id, secret, endpoints
	flagged_at BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (org, app, data_centre)
);

-- Consents under way: what the callback will need and the browser must not
-- know.
CREATE TABLE consents (
	state BYTEA NOT NULL PRIMARY KEY, -- SHA-256 of the state parameter
	org TEXT NOT NULL,
	connection TEXT NOT NULL,
	subject TEXT NOT NULL,
	sealed BYTEA NOT NULL, -- verifier, binding, scope, redirect URI
	expires_at BIGINT NOT NULL
);
CREATE INDEX consents_expires ON consents (expires_at);
