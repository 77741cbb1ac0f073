"""Times and periods as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cmdb.errors import UsageError

if TYPE_CHECKING:
    from cmdb.impact.work import Window


def read_time(text: str, option: str) -> int:
    """A time in epoch ms. Raises UsageError that says how to write one."""
    from cmdb.exchange.lines import from_iso

    try:
        return from_iso(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{option} {text[:60]!r} is no time: write ISO 8601 with a zone, such as 2026-11-28T22:00:00Z"
        ) from error


def read_window(start: str | None, end: str | None) -> Window | None:
    """The period of --from and --to; None where neither is given. Raises UsageError, Invalid."""
    from cmdb.impact.work import Window

    if start is None and end is None:
        return None
    if start is None or end is None:
        raise UsageError("give both --from and --to, or neither")
    return Window(read_time(start, "--from"), read_time(end, "--to")).check()
