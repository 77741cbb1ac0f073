"""What single failures did so far, on either engine."""

from __future__ import annotations

from dataclasses import dataclass, field

Row = tuple[tuple[int, int, int], int]  # what a failure weighs, and the CI that fails


@dataclass(slots=True)
class Tally:
    """What single failures did so far: how many were tried, took another CI down, and a service among these.

    `rows` are those that do harm, or harm to a service where only these are wanted.
    """

    only_services: bool
    scanned: int = 0
    harmful: int = 0
    critical: int = 0
    rows: list[Row] = field(default_factory=list)
