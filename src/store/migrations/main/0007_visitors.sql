-- SPDX-License-Identifier: Apache-2.0
-- Visitors' own grants: of per-user connections, in conversations.

-- Whose grants a conversation's calls use: 256 random bits that nobody is
-- shown, and that live as long as the conversation.
ALTER TABLE conversations ADD COLUMN subject TEXT NOT NULL DEFAULT '';
-- The member who began it by key or session; '' a visitor.
ALTER TABLE conversations ADD COLUMN started_by TEXT NOT NULL DEFAULT '';
-- The connection whose consent it waits for, and since when; ''.
ALTER TABLE conversations ADD COLUMN awaits TEXT NOT NULL DEFAULT '';
ALTER TABLE conversations ADD COLUMN asked_at BIGINT NOT NULL DEFAULT 0;
-- 1: it has asked for a grant, which may have to be taken back.
ALTER TABLE conversations ADD COLUMN grants BIGINT NOT NULL DEFAULT 0;
UPDATE conversations SET subject = 'v_' || id;
CREATE UNIQUE INDEX conversations_subject ON conversations (subject);
CREATE UNIQUE INDEX conversations_token ON conversations (token);
CREATE INDEX conversations_grants ON conversations (updated_at)
	WHERE grants = 1;
CREATE INDEX connection_users_connected ON connection_users (connected_at);
CREATE INDEX connection_users_subject ON connection_users (subject);

-- '' unless the consent is for a conversation.
ALTER TABLE connect_tickets ADD COLUMN conversation TEXT NOT NULL DEFAULT '';
ALTER TABLE oauth_states ADD COLUMN conversation TEXT NOT NULL DEFAULT '';
CREATE INDEX connect_tickets_conversation ON connect_tickets (conversation)
	WHERE conversation <> '';
CREATE INDEX oauth_states_conversation ON oauth_states (conversation)
	WHERE conversation <> '';
