"""Amounts in words, as sentences need them, and what parts are called."""

from __future__ import annotations


def noun(n: int, one: str, more: str = "") -> str:
    """A noun in the form that a number asks for; `more` where the plural is no plain s."""
    return one if n == 1 else more or f"{one}s"


def amount(n: int, one: str, more: str = "") -> str:
    """A number with its noun: `1 CI`, `2 CIs`."""
    return f"{n} {noun(n, one, more)}"


def part_title(part: str, whole: str) -> str:
    """What a part is called in a table: with what it is part of, unless its name says that."""
    return part if whole in part.split() else f"{whole} / {part}"
