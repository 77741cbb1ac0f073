"""Records about CIs: what is known and missing of them, audits, and who may change what."""
