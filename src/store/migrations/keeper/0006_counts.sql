-- SPDX-License-Identifier: Apache-2.0
-- For the counts of metrics: a row has several KB, and what is counted stands
-- behind them.  None of these has an entry for a grant that just works, and so
-- no search for those that do is led astray by them.

CREATE INDEX grants_ended ON grants (status, subject)
	WHERE status <> 'connected';
CREATE INDEX grants_claimed ON grants (lease_by, intent) WHERE intent <> 0;
CREATE INDEX grants_doubted ON grants (status, in_doubt) WHERE in_doubt > 1;
