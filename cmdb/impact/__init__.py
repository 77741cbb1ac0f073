"""What fails if something fails, and why."""

from cmdb.impact.answer import Impact, Seed
from cmdb.impact.evaluate import evaluate

__all__ = ["Impact", "Seed", "evaluate"]
