-- SPDX-License-Identifier: Apache-2.0
-- The main database: everything but grants and secrets, which are the keeper's.
--
-- Types are TEXT, BIGINT and BYTEA alone, so that SQLite and PostgreSQL take
-- the same file.  Ids are random_id() text; instants are milliseconds since
-- 1970 (UTC), 0 or NULL where there is none; yes and no are 1 and 0; lists and
-- objects are JSON text.  A column called hash holds a SHA-256: the thing
-- itself (key, cookie, ticket) is nowhere.

CREATE TABLE organisations (
	id TEXT NOT NULL PRIMARY KEY,
	name TEXT NOT NULL,
	created_at BIGINT NOT NULL
);

-- ---- people ----

CREATE TABLE members (
	id TEXT NOT NULL PRIMARY KEY,
	org TEXT NOT NULL REFERENCES organisations (id),
	email TEXT NOT NULL, -- lower case
	name TEXT NOT NULL,
	role TEXT NOT NULL, -- owner, admin, builder, viewer
	password TEXT, -- Argon2id's own text form; NULL: cannot sign in so
	disabled_at BIGINT NOT NULL DEFAULT 0,
	version BIGINT NOT NULL DEFAULT 1,
	created_at BIGINT NOT NULL,
	last_sign_in_at BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX members_email ON members (email);
CREATE INDEX members_org ON members (org, id);

CREATE TABLE teams (
	id TEXT NOT NULL PRIMARY KEY,
	org TEXT NOT NULL REFERENCES organisations (id),
	name TEXT NOT NULL,
	created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX teams_name ON teams (org, name);

CREATE TABLE team_members (
	team TEXT NOT NULL REFERENCES teams (id),
	member TEXT NOT NULL REFERENCES members (id),
	PRIMARY KEY (team, member)
);
CREATE INDEX team_members_member ON team_members (member);

-- Keys of programs.  The last four columns before the times restrict callers:
-- NULL is no restriction.
CREATE TABLE api_keys (
	id TEXT NOT NULL PRIMARY KEY,
	org TEXT NOT NULL REFERENCES organisations (id),
	member TEXT NOT NULL REFERENCES members (id), -- whose it is
	name TEXT NOT NULL,
	hash BYTEA NOT NULL,
	prefix TEXT NOT NULL, -- "dbk_AbCd", to tell them apart
	role TEXT NOT NULL, -- admin, builder, viewer, caller
	connections TEXT, -- ids
	methods TEXT,
	path_prefixes TEXT,
	rate_per_minute BIGINT NOT NULL DEFAULT 0, -- 0: no limit
	expires_at BIGINT NOT NULL DEFAULT 0, -- 0: never
	created_at BIGINT NOT NULL,
	revoked_at BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX api_keys_hash ON api_keys (hash);
CREATE INDEX api_keys_org ON api_keys (org, id);

CREATE TABLE sessions (
	hash BYTEA NOT NULL PRIMARY KEY,
	org TEXT NOT NULL,
	member TEXT NOT NULL REFERENCES members (id),
	created_at BIGINT NOT NULL,
	seen_at BIGINT NOT NULL, -- to within a minute
	expires_at BIGINT NOT NULL -- in any case
);
CREATE INDEX sessions_member ON sessions (member);

-- Failed sign-ins by account and by address; forgotten when the window is.
CREATE TABLE sign_in_failures (
	subject TEXT NOT NULL PRIMARY KEY, -- "account:…" or "address:…"
	window_start BIGINT NOT NULL,
	failures BIGINT NOT NULL
);

-- Links that work once (the first owner's, out of the log).
CREATE TABLE one_time_links (
	hash BYTEA NOT NULL PRIMARY KEY,
	purpose TEXT NOT NULL, -- owner
	expires_at BIGINT NOT NULL
);

-- ---- connections ----

CREATE TABLE connections (
	id TEXT NOT NULL PRIMARY KEY,
	org TEXT NOT NULL REFERENCES organisations (id),
	link_name TEXT NOT NULL,
	name TEXT NOT NULL,
	service TEXT NOT NULL,
	method TEXT NOT NULL,
	status TEXT NOT NULL, -- not_connected, connected, needs_reconnect,
			      -- disabled, revoked
	reason TEXT NOT NULL DEFAULT '', -- in plain words, with what to do
	status_before TEXT NOT NULL DEFAULT '', -- what enable goes back to
	health TEXT NOT NULL DEFAULT 'ok', -- ok, degraded
	health_reason TEXT NOT NULL DEFAULT '',
	health_since BIGINT NOT NULL DEFAULT 0,
	retry_at BIGINT NOT NULL DEFAULT 0, -- degraded: the next try
	scopes_asked TEXT NOT NULL DEFAULT '[]',
	second_scopes_asked TEXT NOT NULL DEFAULT '[]',
	scopes_granted TEXT NOT NULL DEFAULT '[]',
	account TEXT NOT NULL DEFAULT '', -- who granted it, over there
	data_centre TEXT NOT NULL DEFAULT '', -- the grant's own
	owner TEXT NOT NULL REFERENCES members (id),
	parameters TEXT NOT NULL DEFAULT '{}',
	per_user BIGINT NOT NULL DEFAULT 0,
	generation BIGINT NOT NULL DEFAULT 0, -- of the grant, for showing
	version BIGINT NOT NULL DEFAULT 1, -- for If-Match
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	connected_at BIGINT NOT NULL DEFAULT 0,
	last_used_at BIGINT NOT NULL DEFAULT 0,
	expires_at BIGINT NOT NULL DEFAULT 0 -- of the access token
);
CREATE UNIQUE INDEX connections_link ON connections (org, link_name);
CREATE INDEX connections_service ON connections (org, service);
CREATE INDEX connections_owner ON connections (owner);

-- What people see of the grants of a per-user connection.
CREATE TABLE connection_users (
	connection TEXT NOT NULL REFERENCES connections (id),
	subject TEXT NOT NULL, -- a member's id, or a visitor's
	status TEXT NOT NULL,
	reason TEXT NOT NULL DEFAULT '',
	account TEXT NOT NULL DEFAULT '',
	scopes_granted TEXT NOT NULL DEFAULT '[]',
	connected_at BIGINT NOT NULL DEFAULT 0,
	expires_at BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (connection, subject)
);

-- Private by default: no row, no access but the owner's (and the roles').
CREATE TABLE shares (
	connection TEXT NOT NULL REFERENCES connections (id),
	kind TEXT NOT NULL, -- member, team, everyone
	subject TEXT NOT NULL, -- the member's or team's id; '' for everyone
	level TEXT NOT NULL, -- use, manage
	created_by TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (connection, kind, subject)
);
CREATE INDEX shares_subject ON shares (subject);

-- The way to the page with the Connect button: a capability.
CREATE TABLE connect_tickets (
	hash BYTEA NOT NULL PRIMARY KEY,
	org TEXT NOT NULL,
	connection TEXT NOT NULL REFERENCES connections (id),
	subject TEXT NOT NULL DEFAULT '', -- '' unless per user
	session BYTEA, -- hash of the session that asked; per user alone
	created_by TEXT NOT NULL, -- the member
	scopes TEXT, -- asked for with this consent; NULL: the connection's
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	used_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX connect_tickets_connection ON connect_tickets (connection);

-- A consent under way.  What is secret of it (the PKCE verifier) is the
-- keeper's, under the same hash.
CREATE TABLE oauth_states (
	hash BYTEA NOT NULL PRIMARY KEY,
	org TEXT NOT NULL,
	connection TEXT NOT NULL REFERENCES connections (id),
	subject TEXT NOT NULL DEFAULT '',
	browser BYTEA NOT NULL, -- hash of the browser's cookie
	created_by TEXT NOT NULL,
	scopes TEXT, -- as asked for
	redirect_uri TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	used_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX oauth_states_connection ON oauth_states (connection);

-- ---- services ----

CREATE TABLE custom_services (
	org TEXT NOT NULL REFERENCES organisations (id),
	id TEXT NOT NULL,
	source TEXT NOT NULL, -- the definition as it was written
	version BIGINT NOT NULL DEFAULT 1,
	created_by TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (org, id)
);

-- OAuth apps, as far as they are no secret.
CREATE TABLE oauth_apps (
	org TEXT NOT NULL REFERENCES organisations (id),
	app TEXT NOT NULL, -- services of one vendor share it
	data_centre TEXT NOT NULL DEFAULT '', -- '': all that have no own
	client_id TEXT NOT NULL,
	flagged TEXT NOT NULL DEFAULT '', -- what the provider says is wrong
	flagged_at BIGINT NOT NULL DEFAULT 0,
	version BIGINT NOT NULL DEFAULT 1,
	updated_by TEXT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (org, app, data_centre)
);

-- ---- records ----

CREATE TABLE calls (
	id TEXT NOT NULL PRIMARY KEY,
	org TEXT NOT NULL,
	at BIGINT NOT NULL,
	connection TEXT NOT NULL, -- '' where none was found
	member TEXT NOT NULL,
	api_key TEXT NOT NULL, -- '' when by session
	method TEXT NOT NULL,
	host TEXT NOT NULL,
	path TEXT NOT NULL, -- without query
	status BIGINT NOT NULL, -- what the caller was told
	code TEXT, -- Drawbridge's own error; NULL: none
	total_us BIGINT NOT NULL,
	first_byte_us BIGINT NOT NULL,
	bytes_up BIGINT NOT NULL,
	bytes_down BIGINT NOT NULL,
	refreshed BIGINT NOT NULL,
	reused BIGINT NOT NULL
) WITHOUT ROWID;
-- Written with every call, so no more than this one: ids begin with the time,
-- which serves for ages too.
CREATE INDEX calls_connection ON calls (connection, id);

-- The chain.  A row's hash covers its text and the row's before.
CREATE TABLE audit (
	org TEXT NOT NULL,
	seq BIGINT NOT NULL, -- from 1, without gaps
	at BIGINT NOT NULL,
	actor TEXT NOT NULL, -- member's id, or '' (stranger, system)
	action TEXT NOT NULL, -- "connection.create"
	object TEXT NOT NULL, -- id of what it was done to, or ''
	outcome TEXT NOT NULL, -- done, refused
	record TEXT NOT NULL, -- canonical JSON of all of it
	hash BYTEA NOT NULL,
	PRIMARY KEY (org, seq)
);
CREATE INDEX audit_object ON audit (org, object, seq);

-- The chain's end, locked by whoever appends.
CREATE TABLE audit_heads (
	org TEXT NOT NULL PRIMARY KEY,
	seq BIGINT NOT NULL,
	hash BYTEA NOT NULL
);

-- Refusals of strangers: counted, since anybody can make them.
CREATE TABLE audit_strangers (
	minute BIGINT NOT NULL, -- since 1970
	address TEXT NOT NULL,
	action TEXT NOT NULL,
	count BIGINT NOT NULL,
	PRIMARY KEY (minute, address, action)
);

-- Answers to creates, to be given once more when asked again.
CREATE TABLE idempotency (
	actor TEXT NOT NULL, -- member or key
	idem_key TEXT NOT NULL,
	request BYTEA NOT NULL, -- SHA-256 of method, path and body
	status BIGINT NOT NULL, -- 0: under way
	answer TEXT NOT NULL DEFAULT '',
	created_at BIGINT NOT NULL,
	PRIMARY KEY (actor, idem_key)
);
CREATE INDEX idempotency_created ON idempotency (created_at);

CREATE TABLE settings (
	org TEXT NOT NULL,
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (org, name)
);
