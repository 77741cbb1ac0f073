"""Suggests what a misspelt word may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_MAX_WORD = 64  # comparing costs the product of both lengths


def near(word: object, known: Iterable[object]) -> str:
    """Say what may have been meant, or else what there is (at most 30 names)."""
    names = sorted(str(k) for k in known)
    text = str(word)[:_MAX_WORD]
    folded = {n.lower(): n for n in names}
    close = [folded[m] for m in get_close_matches(text.lower(), folded, 3, 0.6)]
    if close:
        return f"did you mean {' or '.join(close)}?"
    if not names:
        return "there is none"
    more = f" and {len(names) - 30} more" if len(names) > 30 else ""
    return f"there {'is' if len(names) == 1 else 'are'} {', '.join(names[:30])}{more}"
