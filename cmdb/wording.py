"""Amounts in words, as sentences need them."""

from __future__ import annotations


def amount(n: int, one: str, more: str = "") -> str:
    """A number with its noun in the form that it takes: `1 CI`, `2 CIs`; `more` where the plural is no plain s."""
    return f"{n} {one if n == 1 else more or one + 's'}"
