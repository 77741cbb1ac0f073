"""Which of two versions is later, or whether they are one: of software as of network devices."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\d+|[a-z]+")
_COMPARED = re.compile(r"(>=|<=|>|<|=)\s*(.+)")
_BEFORE, _END, _WORD, _NUMBER = range(-1, 3)  # 2.0-rc1 comes before 2.0, and 2.0 before 2.0a and 2.0.1
_EARLY = frozenset(("a", "alpha", "b", "beta", "dev", "pre", "preview", "rc"))
Order = tuple[tuple[int, int, str], ...]


def version_order(text: str) -> Order:
    """What versions are sorted by: numbers by value, letters by the alphabet, whatever stands between them.

    `v` in front and zeros that nothing but the end or letters follows say nothing: v3.0 is 3.0.0, 15.2(07)E3 is
    15.2.7.E3. Words that announce a version (rc, beta) come before it where a number stands in front of them.
    """
    words = _TOKEN.findall(text.casefold())
    while words[:1] and words[0] in ("v", "ver", "version", "release"):
        words = words[1:]
    tokens: list[tuple[int, int, str]] = []
    for word in words:
        if word.isdecimal():
            tokens.append((_NUMBER, int(word), ""))
            continue
        _drop_zeros(tokens)
        is_early = word in _EARLY and bool(tokens)
        tokens.append((_BEFORE if is_early else _WORD, 0, word))
    _drop_zeros(tokens)
    return (*tokens, (_END, 0, ""))


def _drop_zeros(tokens: list[tuple[int, int, str]]) -> None:
    """Zeros behind the first number of a run say nothing."""
    while len(tokens) > 1 and tokens[-1] == (_NUMBER, 0, "") and tokens[-2][0] == _NUMBER:
        tokens.pop()


def same_version(one: str, other: str) -> bool:
    """Whether two texts mean one version; texts without a letter or digit are compared as they are."""
    known = version_order(one)
    return known == version_order(other) if len(known) > 1 else one.strip() == other.strip()


def is_compared(wanted: str) -> bool:
    """Whether a wish begins with <, <=, >, >= or =."""
    return _COMPARED.fullmatch(wanted.strip()) is not None


def fits_version(wanted: str, version: str) -> bool:
    """Whether a version is the one that is wanted, or with <, <=, > or >= in front one on that side of it."""
    found = _COMPARED.fullmatch(wanted.strip())
    if found is None or found[1] == "=":
        return same_version(found[2] if found else wanted, version)
    has, limit = version_order(version), version_order(found[2])
    return {">": has > limit, ">=": has >= limit, "<": has < limit, "<=": has <= limit}[found[1]]
