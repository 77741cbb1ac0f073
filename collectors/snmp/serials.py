"""Serial numbers: what is one, and what is distinct enough to name a device."""

from __future__ import annotations

import re

from cmdb.model import is_placeholder
from collectors.snmp.text import known
from collectors.transport.answers import Value

_PREFIX = re.compile(r"^(s/n|sn|serial( no| number)?)\s*[:.#]\s*|^s/n\s+", re.IGNORECASE)
MAX_SERIAL = 64
SEQUENCES = ("0123456789" * 2, "abcdefghijklmnopqrstuvwxyz")


def serial(value: Value) -> str | None:
    """Read a serial number; None for placeholders (`N/A`, `BUILTIN`, one character repeated) and other texts."""
    found = known(value)
    if found is None:
        return None
    found = _PREFIX.sub("", found).strip()
    bare = re.sub(r"[^0-9A-Za-z]", "", found)
    if len(bare) < 3 or len(set(bare.lower())) < 2 or len(found) > MAX_SERIAL or "\n" in found:
        return None
    if is_placeholder(found) or is_placeholder(bare):
        return None
    return re.sub(r"\s+", " ", found)


def is_distinct(found: str) -> bool:
    """Whether a serial number may decide alone: long enough, varied, and not typed along the keyboard."""
    bare = re.sub(r"[^0-9a-z]", "", found.lower())
    if len(bare) < 5 or len(set(bare)) < 3 or re.search(r"x{4,}", bare):
        return False
    if any(bare in sequence or bare in sequence[::-1] for sequence in SEQUENCES):
        return False
    return max(bare.count(c) for c in set(bare)) <= len(bare) * 0.8
