"""The chain of commits: proving it, replaying it, keeping what must be kept and letting go of the rest."""

from cmdb.ledger.chain import check_link, read_chain
from cmdb.ledger.verify import Verification, verify, verify_range

__all__ = ["Verification", "check_link", "read_chain", "verify", "verify_range"]
