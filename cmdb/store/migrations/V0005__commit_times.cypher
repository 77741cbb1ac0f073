// A time names one commit, and versions know their times only. The other way round: which CIs one has absorbed.
CREATE INDEX commit_at IF NOT EXISTS FOR (n:Commit) ON (n.at);
CREATE INDEX absorbed_into IF NOT EXISTS FOR (n:Absorbed) ON (n.into);
