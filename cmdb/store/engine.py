"""What the rest of the store knows of an engine that it starts itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Endpoint:
    """Where a store answers, and as whom to call. `patience_s`: how long a lost store may take to come back.

    `folder` is where it keeps its data, if that is known and on this machine.
    """

    uri: str
    database: str
    user: str
    password: str = field(repr=False)
    patience_s: float = 10.0
    folder: Path | None = None


class Engine(Protocol):
    """A store engine that runs as a child of this process."""

    @property
    def endpoint(self) -> Endpoint:
        """The door for reading and writing."""

    @property
    def reader(self) -> Endpoint:
        """The door for queries of people: nothing can be written through it."""

    def stop(self) -> None:
        """End the engine cleanly and let go of its data; twice is fine."""
