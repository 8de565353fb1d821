-- SPDX-License-Identifier: Apache-2.0
-- Which save of the draft a trial began with: flows.updated_at as it was then.

ALTER TABLE conversations ADD COLUMN draft_saved BIGINT NOT NULL DEFAULT 0;
