-- SPDX-License-Identifier: Apache-2.0
-- A member's own calls, newest first, without reading everybody's.
CREATE INDEX calls_member ON calls (member, id);
