"""Names of makers, and words that only look like values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from cmdb.errors import Invalid
from cmdb.model.shape import Key, Problems, check_keys, read_mapping

_FOLDER = Path(__file__).parent
VENDORS = "vendors.yaml"
PLACEHOLDERS = "placeholders.yaml"
_VENDORS = {"makers": Key("map", required=True), "legal_words": Key("texts", required=True)}
_PLACEHOLDERS = {"words": Key("texts", required=True), "patterns": Key("texts")}
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_MAX_NAME = 200  # characters; no maker's name is longer


@dataclass(frozen=True, slots=True)
class Names:
    """The tables: makers by words, words after a name that say nothing, placeholders, patterns of placeholders."""

    makers: Mapping[str, str]
    legal_words: frozenset[str]
    placeholders: frozenset[str]
    patterns: tuple[re.Pattern[str], ...]


def read_names(folder: Path) -> Names:
    """Read `vendors.yaml` and `placeholders.yaml`; raises Invalid that lists all that is wrong."""
    problems = Problems()
    vendors = check_keys(read_mapping(folder / VENDORS, VENDORS, problems), _VENDORS, VENDORS, "", problems)
    words = read_mapping(folder / PLACEHOLDERS, PLACEHOLDERS, problems)
    placeholders = check_keys(words, _PLACEHOLDERS, PLACEHOLDERS, "", problems)
    makers = _makers(vendors.get("makers", {}), problems)
    patterns = _patterns(placeholders.get("patterns", []), problems)
    if problems.lines:
        raise Invalid("the model can't be used:\n" + "\n".join(problems.lines))
    bare = frozenset(_squash(w) for w in placeholders["words"])
    return Names(makers, frozenset(vendors["legal_words"]), bare, patterns)


def _makers(found: Mapping[object, object], problems: Problems) -> dict[str, str]:
    makers: dict[str, str] = {}
    for slug, aliases in found.items():
        where = f"makers.{slug}"
        if not isinstance(slug, str) or not _SLUG.fullmatch(slug):
            text = "must be lower-case letters, digits and hyphens; correct it, or put a number in quotes"
            problems.add(VENDORS, where, text)
        elif not isinstance(aliases, list) or not all(isinstance(a, str) for a in aliases):
            problems.add(VENDORS, where, "must be a list of texts ([] for none); correct it")
        else:
            for alias in [slug, *aliases]:
                words = " ".join(_words(alias))
                if makers.setdefault(words, slug) != slug:
                    problems.add(VENDORS, where, f"{alias!r} is {makers[words]} already; leave it out of one of them")
    return makers


def _patterns(texts: list[str], problems: Problems) -> tuple[re.Pattern[str], ...]:
    patterns = []
    for at, text in enumerate(texts):
        try:
            patterns.append(re.compile(text, re.IGNORECASE))
        except re.error as error:
            problems.add(PLACEHOLDERS, f"patterns[{at}]", f"is not a regular expression: {error}; correct it")
    return tuple(patterns)


@cache
def _names() -> Names:
    return read_names(_FOLDER)


@lru_cache(maxsize=4096)
def vendor_slug(text: str) -> str | None:
    """The short name of a maker, as in identifiers (`Cisco Systems, Inc.` → `cisco`); None for makers not listed."""
    names = _names()
    words = _words(text[:_MAX_NAME])
    while words:
        if (slug := names.makers.get(" ".join(words))) is not None:
            return slug
        if words[-1] not in names.legal_words:
            return None
        words.pop()
    return None


@lru_cache(maxsize=65_536)
def is_placeholder(text: str) -> bool:
    """Whether a serial number, model, name, UUID or MAC address only stands for one.

    Such are words like `N/A` or `To be filled by O.E.M.`, one character alone or repeated, and words in angle brackets.
    """
    bare = _squash(text)
    if len(set(bare)) < 2:
        return True
    names = _names()
    trimmed = text.strip()
    return bare in names.placeholders or any(p.fullmatch(trimmed) for p in names.patterns)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower().replace("'", "").replace(".", ""))


def _squash(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())
