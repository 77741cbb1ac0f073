"""Options that name a moment of the past."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cmdb.errors import UsageError

if TYPE_CHECKING:
    from cmdb.store.protocol import GraphStore, Moment

AsOfTime = Annotated[
    str | None,
    typer.Option("--as-of", metavar="TIME", help="As it was at this time: ISO 8601 with a zone.", show_default=False),
]
AtSequence = Annotated[
    int | None,
    typer.Option("--sequence", metavar="N", min=0, help="As it was after this commit.", show_default=False),
]


def asked_moment(store: GraphStore, as_of: str | None, sequence: int | None) -> Moment | None:
    """The moment that the options name; None for now. Raises UsageError or, where it is still to come, Invalid."""
    from cmdb.exchange.lines import from_iso

    if as_of is None and sequence is None:
        return None
    if as_of is not None and sequence is not None:
        raise UsageError("--as-of and --sequence name two moments: give one of them")
    if as_of is None:
        return store.moment(sequence=sequence)
    try:
        at = from_iso(as_of)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"--as-of {as_of[:60]!r} is no time: write ISO 8601 with a zone, such as 2026-11-23T14:00:00Z"
        ) from error
    return store.moment(at=at)
