"""Times and periods as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cmdb.errors import UsageError

if TYPE_CHECKING:
    from cmdb.impact.work import Window

TIMES = ("at", "start", "end")  # names of fields in epoch ms


# Fields of records that hold a time.
RECORD_TIMES = (*TIMES, "from", "to", "started", "ended", "restored", "as_of")


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


def as_answer(found: Any) -> dict[str, Any]:
    """An answer with the names of the API, its times in ISO 8601."""
    from cmdb.entrypoints.cli.impact import as_json
    from cmdb.exchange.lines import iso

    def told(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: iso(v) if k in TIMES and isinstance(v, int) else told(v) for k, v in value.items()}
        return [told(v) for v in value] if isinstance(value, list) else value

    written: dict[str, Any] = told(as_json(found))
    return written


def as_record(body: Any) -> Any:
    """The body of a record with its times in ISO 8601."""
    from cmdb.exchange.lines import iso

    if isinstance(body, dict):
        return {
            name: iso(value) if name in RECORD_TIMES and type(value) is int else as_record(value)
            for name, value in body.items()
        }
    return [as_record(value) for value in body] if isinstance(body, list | tuple) else body
