"""Showing text that others wrote: names of devices are data, never markup or commands for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

_KEPT = {ord("\n"): "\n", ord("\t"): "\t"}


def plain(text: str) -> str:
    """The text with everything that would steer a terminal, or turn its lines around, as an escape such as `\\x1b`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or ord(c) in _KEPT else c.encode("unicode_escape").decode() for c in text)


def cell(text: str) -> Text:
    """The text for rich, which reads a plain string as its markup: `[/]` in a name would be an error."""
    from rich.text import Text

    return Text(plain(text))
