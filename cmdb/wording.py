"""Amounts in words, as sentences need them."""

from __future__ import annotations


def noun(n: int, one: str, more: str = "") -> str:
    """A noun in the form that a number asks for; `more` where the plural is no plain s."""
    return one if n == 1 else more or f"{one}s"


def amount(n: int, one: str, more: str = "") -> str:
    """A number with its noun: `1 CI`, `2 CIs`."""
    return f"{n} {noun(n, one, more)}"
