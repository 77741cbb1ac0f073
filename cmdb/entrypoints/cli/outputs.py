"""Standard output that tells apart what became of it, and is there whatever the caller did to it."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

from cmdb.errors import CmdbError


class NobodyReads(Exception):
    """Whoever read the output has closed it, as `head` does; no mistake of the command."""


class OutputLost(CmdbError):
    """The output takes no more: a full disk, most often."""


class _Output(io.FileIO):
    """A file descriptor whose errors are no OSErrors, for which commands have other explanations."""

    lost = False

    def write(self, data: Any) -> int:
        """Write, or drop everything once the output is lost: Python would try again at the exit, and complain."""
        if self.lost:
            return len(data)
        try:
            return super().write(data)
        except BrokenPipeError as error:
            self.lost = True
            raise NobodyReads from error
        except OSError as error:
            self.lost = True
            raise OutputLost(f"the output can't be written: {error.strerror}") from error


def open_outputs() -> None:
    """Have both outputs there, where the caller closed them too, and able to show any character in some way."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    elif isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    elif isinstance(now := sys.stdout, io.TextIOWrapper):
        raw = io.BufferedWriter(_Output(now.fileno(), "w", closefd=False))
        sys.stdout = io.TextIOWrapper(
            raw, now.encoding, "backslashreplace", line_buffering=now.line_buffering, write_through=now.write_through
        )
